# SPDX-License-Identifier: MIT
"""A small writer of segments, for test vectors and tests.

It writes what SPEC.md says, keeps every frame as a list of named fields so
that a segment can be shown as commented hex and damaged in known places, and
shares no code with the library or with tests/independent/read_seglog.py.
"""

import hashlib
import zlib

IDENTITY = bytes(range(16))
EPOCH = 0x00000000C0FFEE01
TEXT, BYTES, PART, TAIL = 1, 2, 3, 4
KIND_NAMES = {1: 'TEXT', 2: 'BYTES', 3: 'PART', 4: 'TAIL', 5: 'GROUP',
              6: 'CONTROL', 7: 'BLOCK'}
MARKER = bytes.fromhex('B75E594E43A31D')


def u(size, value):
    return (value % (1 << 8 * size)).to_bytes(size, 'little')


# ---- checksums (SPEC.md 2)

def fmix32(h):
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = ((h ^ (h >> shift)) * factor) % (1 << 32)
    return h ^ (h >> 16)


def salt(identity, epoch):
    return fmix32(zlib.crc32(identity + u(8, epoch)))


def mix(number, identity, epoch):
    return fmix32(number % (1 << 32)) ^ salt(identity, epoch)


class XXH3:
    """XXH3 with 64 bits, default secret and seed 0, written for clarity."""

    SECRET = bytes.fromhex('''
        b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f
        cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c
        3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8
        a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364
        eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e
        2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e''')
    PRIME32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
    PRIME64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
               0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
    MASK = (1 << 64) - 1

    def __init__(self, data):
        self.data = data

    def word(self, at, size=8):
        return int.from_bytes(self.data[at:at + size], 'little')

    def secret(self, at, size=8):
        return int.from_bytes(self.SECRET[at:at + size], 'little')

    def finish(self, h, shifts=(37, 32), factors=(0x165667919E3779F9,)):
        h &= self.MASK
        for shift, factor in zip(shifts, factors):
            h = ((h ^ (h >> shift)) * factor) & self.MASK
        return h ^ (h >> shifts[-1])

    def finish_short(self, h):
        return self.finish(h, (33, 29, 32), self.PRIME64[1:3])

    @staticmethod
    def fold(a, b):
        return (a * b ^ (a * b >> 64)) & XXH3.MASK

    def mix16(self, at, secret):
        return self.fold(self.word(at) ^ self.secret(secret),
                         self.word(at + 8) ^ self.secret(secret + 8))

    def digest(self):
        size = len(self.data)
        for limit, method in ((0, self.empty), (3, self.to_3),
                              (8, self.to_8), (16, self.to_16),
                              (128, self.to_128), (240, self.to_240)):
            if size <= limit:
                return method(size)
        return self.long(size)

    def empty(self, size):
        return self.finish_short(self.secret(56) ^ self.secret(64))

    def to_3(self, size):
        d = self.data
        return self.finish_short(
            (d[0] << 16 | d[size // 2] << 24 | d[size - 1] | size << 8)
            ^ self.secret(0, 4) ^ self.secret(4, 4))

    def to_8(self, size):
        h = self.word(size - 4, 4) + (self.word(0, 4) << 32)
        h ^= self.secret(8) ^ self.secret(16)
        h ^= (h << 49 | h >> 15) & self.MASK ^ (h << 24 | h >> 40) & self.MASK
        h = h * 0x9FB21C651E98DF25 & self.MASK
        h = (h ^ ((h >> 35) + size)) * 0x9FB21C651E98DF25 & self.MASK
        return h ^ (h >> 28)

    def to_16(self, size):
        low = self.word(0) ^ self.secret(24) ^ self.secret(32)
        high = self.word(size - 8) ^ self.secret(40) ^ self.secret(48)
        turned = int.from_bytes(low.to_bytes(8, 'big'), 'little')
        return self.finish(size + turned + high + self.fold(low, high))

    def to_128(self, size):
        h = size * self.PRIME64[0]
        pairs = 1 + (size > 32) + (size > 64) + (size > 96)
        for i in range(pairs):
            h += self.mix16(16 * i, 32 * i)
            h += self.mix16(size - 16 * i - 16, 32 * i + 16)
        return self.finish(h)

    def to_240(self, size):
        h = size * self.PRIME64[0]
        h += sum(self.mix16(16 * i, 16 * i) for i in range(8))
        h = self.finish(h)
        h += sum(self.mix16(16 * i, 16 * i - 125)
                 for i in range(8, size // 16))
        return self.finish(h + self.mix16(size - 16, 119))

    def stripe(self, lanes, at, secret):
        for i in range(8):
            value = self.word(at + 8 * i)
            keyed = value ^ self.secret(secret + 8 * i)
            lanes[i ^ 1] = (lanes[i ^ 1] + value) & self.MASK
            lanes[i] += (keyed & 0xFFFFFFFF) * (keyed >> 32)
            lanes[i] &= self.MASK

    def long(self, size):
        (a, b, c), (p, q, r, s, t) = self.PRIME32, self.PRIME64
        lanes = [c, p, q, r, s, b, t, a]
        for number, at in enumerate(range(0, size - 64 + (size % 64 > 0), 64)):
            self.stripe(lanes, at, number % 16 * 8)
            if number % 16 == 15:
                lanes = [(v ^ (v >> 47) ^ self.secret(128 + 8 * i)) * a
                         & self.MASK for i, v in enumerate(lanes)]
        self.stripe(lanes, size - 64, 121)
        self.lanes = lanes
        return self.merge(size * p, 11)

    def merge(self, h, secret):
        lanes = self.lanes
        for i in range(0, 8, 2):
            h += self.fold(lanes[i] ^ self.secret(secret + 8 * i),
                           lanes[i + 1] ^ self.secret(secret + 8 + 8 * i))
        return self.finish(h)

    def halves(self, size):
        low = self.long(size)
        return low, self.merge(~(size * self.PRIME64[1]) & self.MASK, 117)


def xxh3(data):
    return XXH3(data).digest()


def long_digest(data):
    """XXH3 with 128 bits, the lower half first; of long inputs only."""
    assert len(data) > 240
    state = XXH3(data)
    low, high = state.halves(len(data))
    return u(8, low) + u(8, high)


# ---- compressed bodies (SPEC.md 7.5)

STORED, NEXT, DEFLATE, FIRST = 0x00, 0x04, 0x08, 0x0C
PACKING_NAMES = {STORED: '', DEFLATE: ', DEFLATE', FIRST: ', ZSTD FIRST',
                 NEXT: ', ZSTD NEXT'}

# What the golden vectors hold, by the checksums of history and body: other
# versions of zlib may find other matches, and theirs are as good.
DEFLATED = {}
REMEMBERS = False           # or tests would keep all that they ever compress


def inflated(packed, history, limit):
    back = {'zdict': history} if history else {}
    blocks = zlib.decompressobj(-15, **back)
    return blocks.decompress(packed + b'\0\0\xFF\xFF', limit + 1)


def deflated(body, history):
    key = '%08X %08X' % (zlib.crc32(history), zlib.crc32(body))
    if key in DEFLATED:
        packed = bytes.fromhex(DEFLATED[key])
        assert inflated(packed, history, len(body)) == body, key
        return packed
    back = {'zdict': history} if history else {}
    blocks = zlib.compressobj(6, zlib.DEFLATED, -15, 8, 0, **back)
    packed = (blocks.compress(body) + blocks.flush(zlib.Z_SYNC_FLUSH))[:-4]
    if REMEMBERS:
        DEFLATED[key] = packed.hex()
    return packed


# ---- frames as named fields

class Part:
    """A header, a frame or foreign bytes: fields of (bytes, meaning)."""

    def __init__(self, name, fields):
        self.name = name
        self.fields = [list(field) for field in fields]

    def __len__(self):
        return sum(len(raw) for raw, _ in self.fields)

    def raw(self):
        return b''.join(raw for raw, _ in self.fields)

    def copy(self, name=None):
        return Part(name or self.name, self.fields)

    def field(self, meaning):
        """The one field whose meaning starts so."""
        found = [f for f in self.fields if f[1].startswith(meaning)]
        assert len(found) == 1, (self.name, meaning)
        return found[0]

    def flip(self, meaning, at=0, mask=0x01):
        """Damage one byte of a field."""
        field = self.field(meaning)
        raw = bytearray(field[0])
        raw[at] ^= mask
        field[0] = bytes(raw)
        field[1] += ', damaged (byte %d ^ %02X)' % (at, mask)
        return self

    def put(self, meaning, raw):
        """Replace a field by wrong bytes of the same size."""
        field = self.field(meaning)
        assert len(field[0]) == len(raw)
        field[0], field[1] = raw, field[1] + ', replaced'
        return self

    def cut(self, size):
        """Only the first `size` bytes."""
        fields = []
        for raw, meaning in self.fields:
            fields.append([raw[:size],
                           meaning + (', torn' if size < len(raw) else '')])
            size -= len(raw)
            if size <= 0:
                break
        self.fields = fields
        return self


def plain(name, raw):
    return Part(name, [(raw, name)])


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(0x80 | value & 0x7F)
        value >>= 7
    out.append(value)
    return bytes(out)


def shown(raw):
    """A record as it appears in a comment."""
    if len(raw) > 60:
        return '%d bytes' % len(raw)
    text = ''.join(chr(b) if 32 <= b < 127 else '\\x%02x' % b for b in raw)
    return '`%s`' % text


class Log:
    """Appends frames; `parts` may then be damaged."""

    def __init__(self, identity=IDENTITY, epoch=EPOCH, first_record=1,
                 body_log2=23, sync_log2=16, version=1, zero=0, ignore=0,
                 read_only=0, refuse=0, auto_sync=False, dictionary=b'',
                 digest=b''):
        self.identity, self.epoch = identity, epoch
        self.number = self.line = self.first_record = first_record
        self.sync_log2, self.auto_sync = sync_log2, auto_sync
        self.digests = not refuse & 1
        self.compresses = bool(refuse & 2)
        self.content = b''          # what the digest of a footer is of
        self.blocks = []            # (offset, size, first, count, lines, text)
        self.lost = 0
        self.dictionary, self.dictionary_digest = dictionary, digest
        self.history = dictionary   # and bodies since the last mark
        self.packed, self.packing = None, DEFLATE
        self.size = self.last_sync = self.watermark = self.stretch = 0
        self.records = {}           # number: (kind, bytes)
        self.heads = [b'']          # of the chain, behind each record
        self.head = b''             # here
        self.parts = []
        fields = [
            (bytes.fromhex('89534C470D0A1A0A'), 'magic'),
            (u(1, version), 'version = %d' % version),
            (u(1, body_log2), 'body_log2 = %d' % body_log2),
            (u(1, sync_log2), 'sync_log2 = %d' % sync_log2),
            (u(1, zero), 'zero'),
            (u(2, ignore), 'features_ignore'),
            (u(2, read_only), 'features_read_only'),
            (u(2, refuse), 'features_refuse'),
            (identity, 'identity'),
            (u(8, epoch), 'epoch'),
            (u(8, first_record), 'first_record = %d' % first_record)]
        crc = zlib.crc32(b''.join(raw for raw, _ in fields))
        self.add(Part('header', fields + [(u(4, crc), 'header_crc')]))

    def add(self, part):
        self.size += len(part)
        self.parts.append(part)
        return part

    def frame(self, name, kind, body_fields, durable=False, number=None):
        """head || length || body || [digest] || checksum"""
        plain_fields = body_fields
        body_fields = self.compressed(kind, plain_fields)
        body = b''.join(raw for raw, _ in body_fields)
        width = max(1, (len(body).bit_length() + 7) // 8)
        if self.auto_sync and kind != 6:
            self.sync_if_due(5 + width + len(body) +
                             8 * (len(body) > 11440 and self.digests),
                             len(body))
            body_fields = self.compressed(kind, plain_fields)
            body = b''.join(raw for raw, _ in body_fields)
            width = max(1, (len(body).bit_length() + 7) // 8)
        packing = (DEFLATE if kind == 7 else
                   self.packing if body_fields is not plain_fields else STORED)
        head = kind << 5 | durable << 4 | packing | width - 1
        if kind < 6:
            self.history += b''.join(raw for raw, _ in
                                     plain_fields[kind == 5:])
        fields = [(u(1, head), 'head = %s%s%s' % (KIND_NAMES[kind],
                                                  ', DURABLE' * durable,
                                                  PACKING_NAMES[packing])),
                  (u(width, len(body)), 'length = %d' % len(body)),
                  *body_fields]
        if len(body) > 11440 and self.digests:
            fields.append((u(8, xxh3(body)), 'digest'))
        if number is None:
            number = self.number
        crc = zlib.crc32(b''.join(raw for raw, _ in fields))
        fields.append((u(4, crc ^ mix(number, self.identity, self.epoch)),
                       'checksum for n = %d' % number))
        return self.add(Part(name, fields))

    def compressed(self, kind, fields):
        """The fields of a compressed body (SPEC.md 7.5), or the same ones if
        it does not get shorter."""
        if not self.compresses or kind >= 6:
            return fields
        start = fields[:kind == 5]      # a group's count stays as it is
        said = ', '.join(said for _, said in fields[len(start):])
        if self.packed is not None:
            return start + [(self.packed, 'compressed: ' + said)]
        body = b''.join(raw for raw, _ in fields[len(start):])
        packed = deflated(body, self.history[-32768:])
        if not body or len(packed) >= len(body):
            return fields
        return start + [(packed, 'compressed: ' + said)]

    def sync_if_due(self, frame_size, body_size):
        behind_sync = self.parts[-1].name.startswith('sync point')
        if not behind_sync and (
                self.size - self.last_sync + frame_size > 1 << self.sync_log2
                or body_size > 65536):
            self.sync()

    # ---- record frames (SPEC.md 5)

    def count_record(self, kind, body):
        self.records[self.number] = (kind, body)
        self.head = hashlib.sha256(self.head + b'\0' + body).digest()
        self.heads.append(self.head)
        if self.digests:
            self.stretch += xxh3(body) * (2 * self.number + 1)
        self.number += 1
        self.line += kind != PART

    def record(self, body, kind=TEXT, durable=False, packed=None,
               packing=DEFLATE):
        """packed: the compressed body, whatever it decompresses to"""
        field = (body, 'record %d: %s' % (self.number, shown(body)))
        self.packed, self.packing = packed, packing
        part = self.frame('record %d' % self.number, kind,
                          [field] if body else [], durable)
        self.packed, self.packing = None, DEFLATE
        self.count_record(kind, body)
        return part

    def group(self, records, durable=False, packed=None, packing=DEFLATE):
        """records: (kind, bytes) or bytes for TEXT; packed as for record"""
        records = [r if isinstance(r, tuple) else (TEXT, r) for r in records]
        fields = [(varint(len(records)), 'count = %d' % len(records))]
        for i, (kind, body) in enumerate(records):
            fields.append((varint(len(body) * 4 + kind - 1),
                           'size %d * 4 + attribute %d' % (len(body),
                                                           kind - 1)))
            if body:
                fields.append((body, 'record %d: %s' % (self.number + i,
                                                        shown(body))))
        last = self.number + len(records) - 1
        self.packed, self.packing = packed, packing
        part = self.frame('records %d-%d' % (self.number, last), 5, fields,
                          durable)
        self.packed, self.packing = None, DEFLATE
        for kind, body in records:
            self.count_record(kind, body)
        return part

    # ---- sealed segments (SPEC.md 15)

    def block(self, records, count=None):
        """A plain block; as of records, with a claim of its own if given."""
        records = [r if isinstance(r, tuple) else (TEXT, r) for r in records]
        count = len(records) if count is None else count
        fields = [(varint(count), 'count = %d' % count),
                  (b'\0', 'coding = 0, plain')]
        first, line, start = self.number, self.line, self.size
        for i, (kind, body) in enumerate(records):
            head = varint(len(body) * 4 + kind - 1)
            fields.append((head, 'size %d * 4 + attribute %d' % (len(body),
                                                                 kind - 1)))
            if body:
                fields.append((body, 'record %d: %s' % (first + i,
                                                        shown(body))))
            self.content += head + body
        part = self.frame('block %d-%d' % (first, first + len(records) - 1),
                          7, fields)
        for kind, body in records:
            self.count_record(kind, body)
        self.blocks.append((start, len(part), first, len(records),
                            self.line - line,
                            sum(len(body) for _, body in records)))
        self.watermark = self.number - 1
        return part

    def footer(self, times=(), parent=None):
        """times: (least, greatest) or None, for each block"""
        known = [t for t in times if t]
        least = min([t[0] for t in known], default=(1 << 63) - 1)
        most = max([t[1] for t in known], default=-(1 << 63))
        fields = [
            (u(1, 7), 'type 7'), (u(1, 1), 'version 1'),
            (u(8, self.first_record), 'first_record = %d' % self.first_record),
            (u(8, len(self.records)), 'records = %d' % len(self.records)),
            (u(8, sum(b[4] for b in self.blocks)), 'lines'),
            (u(8, self.lost), 'lost = %d' % self.lost),
            (u(8, sum(b[5] for b in self.blocks)), 'text_bytes'),
            (u(8, least), 'time_min = %d' % least),
            (u(8, most), 'time_max = %d' % most),
            (long_digest(self.content), 'digest'),
            (u(8, len(self.blocks)), 'blocks = %d' % len(self.blocks)),
            (u(1, len(parent[1]) if parent else 0), 'length of parent')]
        if parent:
            fields += [(parent[1], 'parent'), (parent[0], 'its digest')]
        behind, number, base = 54, self.first_record, 0
        for block, time in zip(self.blocks, times):
            offset, size, first, count, lines, text = block
            row = [offset - behind, size, first - number, count, lines, text]
            if time:
                away = time[0] - base
                row += [(away << 1 if away >= 0 else ~(away << 1)) + 1,
                        time[1] - time[0]]
                base = time[0]
            else:
                row.append(0)
            fields.append((b''.join(varint(v) for v in row),
                           'block %d-%d: %s' % (first, first + count - 1,
                                                row)))
            behind, number = offset + size, first + count
        size = sum(len(raw) for raw, _ in fields) + 8
        fields += [(u(4, size), 'length of the body'), (b'SLFT', 'SLFT')]
        return self.frame('footer', 6, fields)

    # ---- control frames (SPEC.md 6)

    def sync(self, epoch=None, watermark=None, offset=None, digest=None,
             line=None):
        """A new epoch starts here if one is given."""
        self.epoch = self.epoch if epoch is None else epoch
        self.line = self.line if line is None else line
        if watermark is not None:
            self.watermark = watermark
        start = self.size
        offset = start if offset is None else offset
        digest = self.stretch if digest is None else digest
        distance = start - self.last_sync
        part = self.frame('sync point before %d' % self.number, 6, [
            (b'\x01' + MARKER, 'type 1, marker'),
            (self.identity, 'identity'),
            (u(8, self.epoch), 'epoch'),
            (u(8, self.number), 'number = %d' % self.number),
            (u(8, self.line), 'line = %d' % self.line),
            (u(8, offset), 'offset = %d' % offset),
            (u(4, distance), 'distance = %d' % distance),
            (u(8, self.watermark), 'watermark = %d' % self.watermark),
            (u(8, digest), 'digest')])
        self.last_sync, self.stretch = start, 0
        self.history = self.dictionary
        return part

    def closing(self):
        start = self.size
        part = self.frame('closing mark', 6, [
            (b'\x02' + MARKER, 'type 2, marker'),
            (self.identity, 'identity'),
            (u(8, self.epoch), 'epoch'),
            (u(8, self.number), 'number = %d' % self.number),
            (u(8, self.line), 'line = %d' % self.line),
            (u(8, start), 'offset = %d' % start),
            (u(8, self.stretch), 'digest')])
        self.stretch = 0
        self.history = self.dictionary
        return part

    def gap(self, verdict, cause, durable, count, lines, first_byte,
            byte_count, shift, depends_on=0):
        part = self.frame('recorded gap %d' % self.number, 6, [
            (u(1, 3), 'type 3'),
            (u(1, verdict), 'verdict = %d' % verdict),
            (u(1, cause), 'cause = %d' % cause),
            (u(1, durable), 'durable = %d' % durable),
            (u(8, count), 'count = %d' % count),
            (u(8, lines), 'lines = %d' % lines),
            (u(8, first_byte), 'first_byte = %d' % first_byte),
            (u(8, byte_count), 'byte_count = %d' % byte_count),
            (u(8, shift), 'shift = %d' % shift),
            (u(8, depends_on), 'depends_on = %d' % depends_on)])
        self.content += b'\x80\0' + u(8, count) + u(8, lines)
        self.lost += count
        self.number += count
        self.line += lines
        return part

    def predecessor(self, identity, epoch, number, end, last_checksum):
        return self.frame('predecessor', 6, [
            (u(1, 4), 'type 4'),
            (identity, 'identity'),
            (u(8, epoch), 'epoch'),
            (u(8, number), 'number = %d' % number),
            (u(8, end), 'end = %d' % end),
            (u(4, last_checksum), 'last_checksum')])

    def reference(self):
        """To the dictionary, here."""
        name = self.dictionary_digest.hex().encode() + b'.dict'
        self.history = self.dictionary
        return self.frame('reference before %d' % self.number, 6, [
            (u(1, 6), 'type 6'), (u(1, 1), 'role 1, dictionary'),
            (self.dictionary_digest, 'digest'), (name, 'name')])

    def chain_head(self, algorithm=1, head=None, flags=0):
        """Of the records so far, by SHA-256, or the one given."""
        head = self.head if head is None else head
        return self.frame('chain head before %d' % self.number, 6, [
            (u(1, 5), 'type 5'), (u(1, algorithm), 'algorithm'),
            (u(1, flags), 'flags')] + ([(head, 'hash')] if head else []))

    def tombstone(self, number):
        payload = (u(8, number) + self.heads[number - 1] + self.heads[number])
        part = self.frame('tombstone of %d' % number, 6, [
            (u(1, 9), 'type 9'), (u(1, 1), 'algorithm'),
            (u(8, number), 'number = %d' % number),
            (self.heads[number - 1], 'before'), (self.heads[number], 'hash')])
        self.head = hashlib.sha256(self.head + b'\2' + payload).digest()
        return part

    def attributes(self, payload):
        return self.frame('attributes', 6, [
            (u(1, 8), 'type 8'),
            (payload, 'attributes: %s' % shown(payload))])

    def control(self, kind, payload):
        return self.frame('control frame %d' % kind, 6,
                          [(u(1, kind), 'type %d' % kind),
                           (payload, 'payload')])

    # ---- the finished bytes

    def raw(self):
        return b''.join(part.raw() for part in self.parts)

    def part(self, name):
        """The first part of that name."""
        return next(part for part in self.parts if part.name == name)

    def index(self, name):
        return next(i for i, part in enumerate(self.parts)
                    if part.name == name)

    def start(self, index):
        return sum(len(part) for part in self.parts[:index])

    def span(self, first, last=None):
        """The (first, last) byte of a part, or from one to another."""
        a = self.index(first)
        b = self.index(last or first)
        return self.start(a), self.start(b + 1) - 1

    def overwrite(self, at, raw):
        """Replace bytes wherever fields begin and end."""
        for part in self.parts:
            for field in part.fields:
                size = len(field[0])
                low, high = max(at, 0), min(at + len(raw), size)
                if low < high:
                    field[0] = (field[0][:low] + raw[low - at:high - at]
                                + field[0][high:])
                    field[1] += ', overwritten'
                at -= size
