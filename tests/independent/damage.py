# SPDX-License-Identifier: MIT
"""Segments of many shapes, made with the encoder of the golden vectors, and
random damage to them. Everything follows from the seed."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, '..', '..', 'format', 'vectors')
sys.path.append(VECTORS)

import encoder                                              # noqa: E402
import hex2seg                                              # noqa: E402

TEXT, BYTES, PART, TAIL = 1, 2, 3, 4
ORDINAL = 1 << 32


# ---- segments

def text(rng, size):
    """Like JSON, with runs and words; never a line feed."""
    out = bytearray()
    while len(out) < size:
        out += rng.choice((b'{"a":', b'"text ', b' 0123', b'}, ', b'     ',
                           b'QRSTabcp', bytes(rng.randrange(1, 9))))
        out.append(rng.randrange(11, 256))
    return bytes(out[:size])


def nested(rng):
    """A record that holds a whole segment, marks and all."""
    log = encoder.Log(identity=rng.choice((encoder.IDENTITY, bytes(16))))
    for _ in range(rng.randrange(4)):
        log.record(text(rng, rng.randrange(30)))
    log.sync()
    log.record(b'inner')
    if rng.random() < 0.5:
        log.closing()
    return log.raw()


def body(rng):
    chance = rng.random()
    if chance < 0.02:
        return bytes(rng.randrange(400, 1600))
    if chance < 0.03:
        return b'\xFF' * rng.randrange(400, 1600)
    if chance < 0.05:
        return text(rng, rng.choice((255, 256, 700, 2000)))
    return text(rng, rng.choice((0, 1, 2, 9, 20, 40, 80)))


def add_one(rng, log):
    chance = rng.random()
    durable = log.number > log.first_record and rng.random() < 0.1
    if chance < 0.60:
        log.record(body(rng), TEXT, durable)
    elif chance < 0.66:
        log.record(rng.choice((body(rng), b'\n\0', nested(rng))), BYTES,
                   durable)
    elif chance < 0.72:
        log.record(body(rng), PART, durable)
    elif chance < 0.74:
        log.record(body(rng), TAIL, durable)
    elif chance < 0.86:
        log.group([(rng.choice((TEXT, TEXT, BYTES, PART, TAIL)), body(rng))
                   for _ in range(rng.randrange(2, 7))], durable)
    elif chance < 0.92:
        log.sync(watermark=rng.randrange(log.watermark, log.number))
    elif chance < 0.94:
        log.gap(rng.randrange(1, 6), rng.randrange(1, 23), rng.randrange(3),
                count=rng.choice((1, 2, 3, 70)), lines=1, first_byte=54,
                byte_count=9, shift=rng.choice((0, -9, -1 << 63)))
    elif chance < 0.95:
        log.control(rng.choice((5, 6, 9)), body(rng)[:200])
    elif chance < 0.97:
        log.sync(epoch=log.epoch + ORDINAL + rng.randrange(1 << 16))
    elif chance < 0.985:
        log.closing()
    elif chance < 0.995:
        log.record(text(rng, rng.choice((11440, 11441, 13000))))
    else:
        log.sync()
        log.record(text(rng, 65537), rng.choice((TEXT, PART)))


def make_log(rng):
    first = rng.choice((1, 1, 1, 1, 41, (1 << 32) - 5))
    log = encoder.Log(
        identity=bytes(rng.randrange(256) for _ in range(16)),
        epoch=rng.randrange(1 << 32), first_record=first,
        sync_log2=rng.choice((9, 9, 11, 16)), refuse=(rng.random() < 0.1) + 2 * (rng.random() < 0.5),
        auto_sync=rng.random() < 0.7)
    if first > 1:
        log.sync(line=rng.choice((first, first + 7)))
    elif rng.random() < 0.2:
        log.sync()
    if rng.random() < 0.1:
        log.predecessor(bytes(16), 7, first, 999, 5)
    for _ in range(rng.choice((2, 5, 12, 30, 90))):
        add_one(rng, log)
    if rng.random() < 0.6:
        log.closing()
    return log


def vector_paths(folder):
    folder = os.path.join(VECTORS, folder)
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)
                  if name.endswith('.hex'))


def vector_bytes(path):
    with open(path, encoding='ascii') as file:
        return hex2seg.parse(file.read())


def pieces_of(raw):
    """An undamaged segment as a header and frames, from its lengths."""
    pieces, at = [raw[:54]], 54
    digests = not raw[16] & 1
    while at < len(raw):
        width = (raw[at] & 3) + 1
        length = int.from_bytes(raw[at + 1:at + 1 + width], 'little')
        end = at + 5 + width + length + 8 * (length > 11440 and digests)
        pieces.append(raw[at:end])
        at = end
    return pieces


def sources(rng, count):
    """Undamaged segments as lists of pieces."""
    made = []
    for path in vector_paths('good'):
        made.append(pieces_of(vector_bytes(path)))
    while len(made) < count:
        made.append([part.raw() for part in make_log(rng).parts])
    return made


# ---- damage to frames: lists of pieces

def pick(rng, pieces, least=1):
    return rng.randrange(least, max(len(pieces), least + 1))


def swap_frames(rng, pieces, _):
    a, b = pick(rng, pieces), pick(rng, pieces)
    if max(a, b) < len(pieces):
        pieces[a], pieces[b] = pieces[b], pieces[a]


def swap_neighbours(rng, pieces, _):
    a = pick(rng, pieces)
    pieces[a:a + 2] = pieces[a:a + 2][::-1]


def stretch(rng, pieces):
    a = pick(rng, pieces)
    return a, a + rng.choice((1, 1, 2, 3, 5, 9))


def drop_frames(rng, pieces, _):
    a, b = stretch(rng, pieces)
    del pieces[a:b]


def repeat_frames(rng, pieces, _):
    a, b = stretch(rng, pieces)
    at = rng.choice((b, pick(rng, pieces)))
    pieces[at:at] = pieces[a:b]


def move_frames(rng, pieces, _):
    a, b = stretch(rng, pieces)
    moved = pieces[a:b]
    del pieces[a:b]
    at = pick(rng, pieces)
    pieces[at:at] = moved


def splice_frames(rng, pieces, others):
    """Frames of another segment, with its header or without."""
    other = rng.choice(others)
    a = rng.randrange(len(other))
    at = pick(rng, pieces, 0)
    stop = at + rng.choice((0, 0, 1, 3))
    pieces[at:stop] = other[a:a + rng.choice((1, 2, 3, 4, 8))]


def drop_header(rng, pieces, _):
    pieces[:1] = rng.choice(([], [bytes(54)], [b'junk'], [text(rng, 54)]))


ON_FRAMES = (swap_frames, swap_neighbours, drop_frames, repeat_frames,
             move_frames, splice_frames, drop_header)


# ---- damage to bytes

def flip(rng, raw, _):
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)


def fill(rng, raw, _):
    size = rng.choice((1, 4, 30, 100, 512, 1024, 4096))
    at = rng.randrange(len(raw))
    if size >= 512 and rng.random() < 0.7:
        at = at // 512 * 512
    size = min(size, len(raw) - at)
    raw[at:at + size] = rng.choice((b'\0', b'\0', b'\xFF', b' ')) * size


def cut(rng, raw, _):
    del raw[max(rng.randrange(len(raw)),
                len(raw) - rng.choice((1, 9, 80, 400, 1 << 20))):]


def noise(rng, size):
    return rng.choice((bytes(size), b'0' * size, text(rng, size),
                       bytes(rng.randrange(256) for _ in range(size))))


def insert(rng, raw, _):
    at = rng.randrange(len(raw) + 1)
    size = rng.choice((1, 1, 2, 6, 30, 300))
    if rng.random() < 0.02:
        size = rng.randrange(60000, 100000)
    raw[at:at] = noise(rng, size)


def append(rng, raw, _):
    raw += noise(rng, rng.choice((1, 4, 16, 70, 82, 500)))


def delete(rng, raw, _):
    at = rng.randrange(len(raw))
    del raw[at:at + rng.choice((1, 1, 2, 6, 30, 300, 700))]


def replace(rng, raw, _):
    at = rng.randrange(len(raw))
    size = min(rng.choice((1, 5, 20, 90, 400)), len(raw) - at)
    raw[at:at + size] = noise(rng, size)


def splice_bytes(rng, raw, others):
    """The rest of it is that of another segment, or of itself."""
    other = b''.join(rng.choice(others))
    source = rng.choice((other, bytes(raw)))
    a = rng.randrange(len(source))
    at = rng.randrange(len(raw))
    raw[at:at + rng.choice((0, 50, 1 << 20))] = \
        source[a:a + rng.choice((10, 100, 600, 1 << 20))]


ON_BYTES = (flip, flip, fill, cut, insert, append, delete, replace,
            splice_bytes)


def damage(rng, pieces, others):
    """What was done, and the damaged bytes."""
    pieces, done = list(pieces), []
    for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 3))):
        method = rng.choice(ON_FRAMES)
        method(rng, pieces, others)
        done.append(method.__name__)
    raw = bytearray(b''.join(pieces))
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4)) or not done):
        if raw:
            method = rng.choice(ON_BYTES)
            method(rng, raw, others)
            done.append(method.__name__)
    return ' '.join(done), bytes(raw)
