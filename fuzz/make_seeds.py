#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of the fuzz targets for segments: make_seeds.py

Those in fuzz/corpus/scan and fuzz/corpus/frame are made from the vectors in
format/vectors; those in fuzz/corpus/roundtrip are small programs, below, and
those in fuzz/corpus/crash come from a generator of numbers.
Files with other names in there, such as those that a bug was found with
(bug-*), are left alone.
"""

import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / 'format' / 'vectors'
sys.path.insert(0, str(VECTORS))

from hex2seg import parse  # noqa: E402

SIZE_MAX = 4096

# enum look in fuzz_scan.c
REPAIR, WRITE, PIECES, UNREADABLE, EXPECT, DAMAGED, SEEK = (
    1 << i for i in range(7))

# One vector for each thing that a fuzzer could not soon find by itself.
SCAN_VECTORS = '''
    good/durable good/empty good/examples good/group good/kinds good/new-epoch
    good/parts good/predecessor good/recorded-gap good/sync-points
    good/unknown-skipped
    bad/checksum bad/closing-mark bad/closing-mark-after-gap bad/copy bad/cut
    bad/digest bad/foreign-frames bad/foreign-header bad/group bad/head
    bad/header-mark bad/header-one-bit bad/header-salt bad/inserted bad/length
    bad/length-to-boundary bad/lone bad/mark bad/missing bad/order
    bad/order-at-end-twice bad/order-stretch bad/part bad/passed-over
    bad/passed-run bad/passed-run-fills bad/shift bad/stale bad/torn
    bad/torn-closing bad/torn-header bad/torn-sync bad/unordered bad/wide
    bad/zeros unsupported/version-2
    good/compressed good/compressed-reopened bad/compressed-flip
    bad/compressed-stored-survives bad/compressed-bomb bad/compressed-no-header
    good/dictionary bad/dictionary-reference bad/dictionary-mark
    good/zstd good/zstd-and-deflate bad/zstd-flip bad/zstd-no-run bad/zstd-bomb
    good/attributes good/attributes-behind-sync bad/attributes
    good/sealed good/sealed-from-20 bad/sealed-flip bad/sealed-footer
    bad/sealed-cut bad/sealed-no-end bad/sealed-no-header
    good/chained good/chained-xxh3 bad/chained-head'''.split()


def write(target, name, data):
    folder = HERE / 'corpus' / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def vector(path):
    return parse(path.read_text(encoding='ascii'))


def scan_seeds():
    looks = REPAIR | WRITE | PIECES | DAMAGED | SEEK
    for i, name in enumerate(SCAN_VECTORS):
        path = VECTORS / f'{name}.hex'
        expect = path.with_suffix('.expect')
        if expect.exists():
            switches = bytes((looks | EXPECT, int(expect.read_text())))
        else:
            # Some of them with a range that cannot be read.
            switches = bytes((looks | (UNREADABLE if i % 8 == 7 else 0), i))
        write('scan', name.replace('/', '-'), switches + vector(path))


def frames(data):
    """The frames of a good segment."""
    at = 54
    while at < len(data):
        size = (data[at] & 3) + 1
        body = int.from_bytes(data[at + 1:at + 1 + size], 'little')
        end = at + 1 + size + body + (8 if body > 11440 else 0) + 4
        yield data[at:end]
        at = end


def frame_seeds():
    """Each kind of frame once, and a header."""
    seen = set()
    for path in sorted((VECTORS / 'good').glob('*.hex')):
        data = vector(path)
        if not seen:
            write('frame', 'header', bytes((23, 1, 0)) + data[:54])
        for frame in frames(data):
            kind = (frame[0] >> 3, frame[2] if frame[0] == 0xC0 else 0)
            if kind not in seen and len(frame) < SIZE_MAX:
                seen.add(kind)
                name = f'frame-{frame[0]:02x}-{kind[1]}'
                switches = 23 | (frame[0] & 4 and 192) | (frame[0] & 8 and 128)
                write('frame', name, bytes((switches, 1, 0)) + frame)


# Calls of fuzz_roundtrip.c: op | arg << 4 (see world_step).

def record(length, kind=0, level=2, text=b''):
    return bytes((kind << 4 | level << 6, length)) + text


def long_record(which, kind=0, level=2):
    return bytes((4 | kind << 4 | level << 6, which)) + b'long'


def group(*shapes, level=2):
    return bytes((5 | level << 6, len(shapes) - 1)) + bytes(shapes)


def gap(count):
    return bytes((7 | (count - 1) << 4,))


FLUSH, SYNC = b'\x08', b'\x18'
FAIL_APPEND, FAIL_SYNC = b'\x0b', b'\x0c'
OTHER, FOLLOW, CHECK = b'\x0d', b'\x0e', b'\x0f\x80'
EXCLUSIVE, SHARED, PRIVATE, UNCLOSED = 0, 1, 2, 8


def reopen(mode=EXCLUSIVE):
    return bytes((9 | mode << 4,))


def tear(back, junk=0):
    """Cut the last bytes; junk 4: 600 zeros behind it, 6: 37."""
    return bytes((10 | 1 << 4 | junk << 4,)) + back.to_bytes(2, 'little')


def program(*calls, body=12, sync=9, mode=EXCLUSIVE, how=0, codec=0):
    sizes = next(n for n in range(codec << 6, codec + 1 << 6)
                 if n % 9 == body - 9 and n // 16 % 4 == sync - 9)
    return bytes((sizes, how | (mode & 3) << 2)) + b''.join(calls)


SMALL_BUFFER, NO_CUT, NO_XXH3, FROM_41 = 2, 16, 32, 64
AUTO, DEFLATE, ZSTD = 1, 2, 3

PROGRAMS = {
    'records': program(*(record(9 * n, n % 4, n % 3, b'{"a":1}')
                         for n in range(12)), FOLLOW, CHECK),
    'buffered': program(*(record(40) for _ in range(30)), FLUSH, FOLLOW,
                        *(record(7) for _ in range(9)), how=SMALL_BUFFER),
    'groups': program(group(0x10, 0x21, 0x32), group(0x85, 0x83), SYNC,
                      group(*range(0, 144, 16), level=0), CHECK),
    'long': program(*(long_record(n) for n in range(16)), SYNC,
                    *(long_record(n, 1, 0) for n in range(16)), CHECK, body=17),
    'gaps': program(record(3), gap(5), record(4), gap(1), gap(16), SYNC,
                    record(2), reopen(), gap(2), record(1), CHECK),
    'synced': program(*(record(30, 0, 1) for _ in range(20)), CHECK),
    'reopened': program(*(record(20, 0, 0) + reopen(n) for n in range(11)),
                        CHECK),
    'shared': program(record(5), OTHER, record(6, 0, 0), OTHER, record(7, 0, 1),
                      FLUSH, OTHER, group(16, 32), FOLLOW, FLUSH, reopen(SHARED),
                      record(8, 0, 0), CHECK, mode=SHARED),
    'torn': program(*(record(30, 0, 1) for _ in range(20)),
                    tear(75), record(9, 0, 0), FOLLOW, tear(90), CHECK,
                    tear(300), record(11, 0, 1), FOLLOW, CHECK),
    'torn-unclosed': program(*(record(30, 0, 0) for _ in range(9)),
                             reopen(UNCLOSED), record(50, 0, 0), tear(20),
                             record(3, 0, 0), tear(9, 4), CHECK, sync=12),
    'torn-header': program(record(1, 0, 0), tear(500), record(2, 0, 0),
                           tear(100), CHECK, tear(65535), record(3, 0, 0)),
    'passed-over': program(*(record(30, 0, 1) for _ in range(8)), tear(80),
                           record(3, 0, 0), tear(80), record(4, 0, 0), FOLLOW,
                           tear(90, 6), record(2, 0, 0), CHECK, how=NO_CUT),
    'failed': program(record(9), record(8), FAIL_APPEND, FLUSH, record(3, 0, 0),
                      FAIL_APPEND, record(4, 0, 0), FLUSH, FAIL_SYNC,
                      record(5, 0, 1), record(6, 0, 1), CHECK),
    'failed-shared': program(record(9), FAIL_APPEND, FLUSH, OTHER,
                             record(8, 0, 0), OTHER, FLUSH, FAIL_SYNC, SYNC,
                             record(7, 0, 0), CHECK, mode=SHARED),
    'no-xxh3': program(*(long_record(n) for n in range(8)), SYNC, group(16, 32),
                       reopen(), CHECK, body=17, how=NO_XXH3),
    'deflate': program(*(record(9 * n, n % 4, n % 3, b'{"a":1}')
                         for n in range(12)), group(0x10, 0x21, 0x32), SYNC,
                       reopen(), *(record(60, 0, 0) for _ in range(30)), FOLLOW,
                       tear(75), record(50, 0, 0), CHECK, codec=DEFLATE),
    'deflate-shared': program(*((record(50, 0, 0), OTHER) * 12), FAIL_APPEND,
                              record(60, 0, 0), OTHER, record(60, 0, 0),
                              reopen(SHARED), record(70, 0, 1), CHECK,
                              mode=SHARED, codec=DEFLATE),
    'zstd': program(*(record(9 * n, n % 4, n % 3, b'{"a":1}')
                         for n in range(12)), group(0x10, 0x21, 0x32), SYNC,
                       reopen(), *(record(60, 0, 0) for _ in range(30)), FOLLOW,
                       tear(75), record(50, 0, 0), CHECK, codec=ZSTD),
    'zstd-shared': program(*((record(50, 0, 0), OTHER) * 12), FAIL_APPEND,
                              record(60, 0, 0), OTHER, record(60, 0, 0),
                              reopen(SHARED), record(70, 0, 1), CHECK,
                              mode=SHARED, codec=ZSTD),
    'auto': program(*(long_record(n % 4) + record(30) for n in range(12)),
                    OTHER, FOLLOW, long_record(2), OTHER, record(200), CHECK,
                    body=16, sync=12, mode=SHARED, codec=AUTO),
    'from-41': program(record(5, 0, 0), reopen(), gap(4), record(6, 0, 1),
                       tear(80), record(7, 0, 0), tear(300), record(8), CHECK,
                       how=FROM_41),
}

TEXTS = {
    'empty': b'\0\0',
    'line': b'\0\0{"a":1}\n',
    'tail': b'\1\0{"a":1}\n{"a":2}',
    'blank': b'\2\0\n\n\r\n\n',
    'parts': b'\x28\0' + b'x' * 1300 + b'\n' + b'y' * 1024 + b'\nz',
    'groups': b'\x58\x08' + b''.join(b'%d\n' % n for n in range(60)),
    'bytes': b'\5\x10' + bytes(range(256)) * 2,
}


def program_seeds():
    for name, data in PROGRAMS.items():
        write('roundtrip', name, data)
    for name, data in TEXTS.items():
        write('lines', name, data)


def crash_seeds():
    """Any bytes are a program and its power cuts: some of each length."""
    for n in range(24):
        chance = random.Random(n)
        write('crash', f'chance-{n:02}', chance.randbytes(60 + n * n * 3))


def stream_seeds():
    """Any bytes are a program on a stream: some of each length."""
    for n in range(24):
        chance = random.Random(100 + n)
        write('stream', f'chance-{n:02}', chance.randbytes(20 + n * n * 2))


def canonical_seeds():
    """Any bytes are a program on a canonical store: some of each length."""
    for n in range(24):
        chance = random.Random(300 + n)
        write('canonical', f'chance-{n:02}',
              bytes([n * 5]) + chance.randbytes(20 + n * 15))


def number(n):
    """A varint."""
    out = b''
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def string(text):
    return number(len(text)) + text


# Each operation of a transaction (SPEC.md 17.1).
OPS = {
    'put': b'\x01' + string(b'key') + string(b'value'),
    'put-large': b'\x01' + string(b'k' * 511) + string(b'v' * 100),
    'delete': b'\x02' + string(b'key'),
    'seal': b'\x03\x01' + number(1000),
    'pause': b'\x03\x02\x01',
    'schema': b'\x03\x03' + number(2**63 - 1),
    'cursor': b'\x04' + string(b'consumer') + number(300),
    'cursor-removed': b'\x05' + string(b'n' * 200),
    'dead': b'\x06' + string(b'consumer') + number(200) + number(2) +
            string(b'a reason'),
    'dead-removed': b'\x07' + string(b'consumer') + number(200),
    'birth': b'\x08',
    'mark': b'\x09' + number(256) + number(70000),
}


def transaction(ops, events=(), first_event=5, time=1_800_000_000_000):
    return (b'C1' + number(first_event) + number(time) + number(len(ops)) +
            number(len(events)) + b''.join(ops) +
            b''.join(number(len(event)) for event in events) + b''.join(events))


def transaction_seeds():
    for name, op in OPS.items():
        write('transaction', name, transaction([op]))
    write('transaction', 'all', transaction(
        [OPS['birth'], *(op for name, op in OPS.items() if name != 'birth')],
        [b'', b'event', b'e' * 300]))
    write('transaction', 'events', transaction([], [b'a', b'b', b'c' * 128]))
    write('transaction', 'empty', transaction([]))
    numbers = b''.join(number(n) for n in (9, 4, 0, 1000, 2000, 0, 1, 3, 0))
    write('transaction', 'snapshot-head',
          b'S1' + bytes(range(16)) + b'\x10' + bytes(16) + numbers)
    write('transaction', 'snapshot-end', b'S2' + number(130))
    write('transaction', 'snapshot-name', b'state.00000000000000000042.seg')
    for n in range(8):
        chance = random.Random(200 + n)
        write('transaction', f'chance-{n}', chance.randbytes(20 + n * n * 4))


# tests/crash/session_step.c: the kinds of steps and how often, of 256.
KINDS = '''append:66 trace:12 expected:16 roll:14 place:12 writer:8 create:14
    fork:14 truncate:16 seal:8 delete:10 delete_session:4 names:22 dictionary:4
    ask:14 reopen:6 cut:6 look:4 rebuild:3 keep_index:3'''.split()


def session_step(kind, *choices, cut=0):
    first = 0
    for item in KINDS:
        name, weight = item.split(':')
        if name == kind:
            break
        first += int(weight)
    return bytes([first, *choices]).ljust(7, b'\0') + bytes([cut])


def session_program(how, *steps):
    return bytes([how]) + b''.join(steps)


def session_seeds():
    step = session_step
    fill = [step('create', n, 3, 1, cut=2) for n in range(4)]
    for name, weight in (item.split(':') for item in KINDS):
        # Each kind on a store that holds something, cut off early and late.
        write('crash_session', name, session_program(
            3, *fill, step('append', 1, 2, 1, 1), step(name, 0, 1, 2, cut=3),
            step(name, 2, 3, 1, 1, cut=9), step('ask')))
    for how in range(8):
        write('crash_session', f'mixed-{how}', session_program(
            how * 29, *fill, step('fork', 1, 2, cut=5), step('seal', 1, cut=8),
            step('names', 4, 2, 1, cut=3), step('append', 2, 1, cut=4),
            step('roll', 1, 1, cut=6), step('truncate', 3, 1, cut=7),
            step('delete', 2, cut=5), step('cut', 0), step('ask', 1)))


if __name__ == '__main__':
    scan_seeds()
    frame_seeds()
    program_seeds()
    crash_seeds()
    session_seeds()
    stream_seeds()
    canonical_seeds()
    transaction_seeds()
