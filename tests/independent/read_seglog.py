#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An independent reader of the seglog format, in the order of SPEC.md.

It shares no code with the library and was written from SPEC.md alone, so it
shows that the text is enough to write a reader, and it is a second opinion on
every file the library judges. It aims to be obviously right, not fast.

    read_seglog.py lines FILE [--gaps] [--expect N]   what seg2json writes
    read_seglog.py check FILE [--expect N]            findings and a summary
    read_seglog.py blocks FILE           what a sealed segment is made of (15)
    read_seglog.py batch DIR             lines and check, for each DIR/*.seg

Exit status: 0 fine, 1 not a segment or not readable, 2 usage, 3 damage.
"""

import argparse
import base64
import bisect
import copy
import ctypes
import ctypes.util
import functools
import hashlib
import itertools
import json
import os
import re
import struct
import sys
import zlib
from array import array

M32 = 0xFFFFFFFF
M64 = 0xFFFFFFFFFFFFFFFF
LAST_NUMBER = (1 << 63) - 1


class NotASegment(Exception):
    """SPEC.md calls this FORMAT: not a segment, or one we must not read."""


# --------------------------------------------------------------------------
# 1  Limits

HEADER_SIZE = 54
SYNC_SIZE = 82
CLOSING_SIZE = 70
SHORT_BODY = 65536          # longer bodies directly follow a sync point
DIGEST_OVER = 11440         # longer bodies carry a digest
SMALLEST_FRAME = 6
ATTRIBUTES_MAX = 16384
MIB8 = 8 << 20
HISTORY = 32768             # how far a compressed body may refer back
ZSTD_HISTORY = 1 << 20      # and one of zstd
COMPRESSED_RUNS = 16        # runs of numbers a compressed passed run may fill

# --------------------------------------------------------------------------
# 2  Checksums, salt and mix

crc32 = zlib.crc32


def fmix32(h):
    h ^= h >> 16
    h = h * 0x85EBCA6B & M32
    h ^= h >> 13
    h = h * 0xC2B2AE35 & M32
    return h ^ h >> 16


def fmix32_inverse(h):
    h ^= h >> 16
    h = h * 0x7ED1B41D & M32
    h ^= h >> 13 ^ h >> 26
    h = h * 0xA5CB9243 & M32
    return h ^ h >> 16


def salt_of(identity, epoch):
    return fmix32(crc32(identity + struct.pack('<Q', epoch)))


def mix(n, salt):
    return fmix32(n & M32) ^ salt


# XXH3, 64 bits, default secret, seed 0. Four ways by length, as published.

SECRET = bytes.fromhex(
    'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f'
    'cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c'
    '3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8'
    'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364'
    'eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e'
    '2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e')
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F
P64_3, P64_4 = 0x165667B19E3779F9, 0x85EBCA77C2B2AE63
P64_5 = 0x27D4EB2F165667C5


def _u32(b, i):
    return int.from_bytes(b[i:i + 4], 'little')


def _u64(b, i):
    return int.from_bytes(b[i:i + 8], 'little')


S64 = [_u64(SECRET, i) for i in range(len(SECRET) - 7)]


def _avalanche64(h):
    h = (h ^ h >> 33) * P64_2 & M64
    h = (h ^ h >> 29) * P64_3 & M64
    return h ^ h >> 32


def _avalanche3(h):
    h = (h ^ h >> 37) * 0x165667919E3779F9 & M64
    return h ^ h >> 32


def _fold(a, b):
    product = a * b
    return (product ^ product >> 64) & M64


def _rotl(h, r):
    return (h << r | h >> 64 - r) & M64


def _mix16(b, i, s):
    return _fold(_u64(b, i) ^ S64[s], _u64(b, i + 8) ^ S64[s + 8])


def _xxh3_to_16(b, n):
    if n == 0:
        return _avalanche64(S64[56] ^ S64[64])
    if n <= 3:
        joined = b[0] << 16 | b[n >> 1] << 24 | b[n - 1] | n << 8
        return _avalanche64(joined ^ _u32(SECRET, 0) ^ _u32(SECRET, 4))
    if n <= 8:
        h = _u32(b, n - 4) + (_u32(b, 0) << 32) ^ S64[8] ^ S64[16]
        h = (h ^ _rotl(h, 49) ^ _rotl(h, 24)) * 0x9FB21C651E98DF25 & M64
        h = (h ^ (h >> 35) + n) * 0x9FB21C651E98DF25 & M64
        return h ^ h >> 28
    low = _u64(b, 0) ^ S64[24] ^ S64[32]
    high = _u64(b, n - 8) ^ S64[40] ^ S64[48]
    swapped = int.from_bytes(low.to_bytes(8, 'little'), 'big')
    return _avalanche3(n + swapped + high + _fold(low, high) & M64)


def _xxh3_to_240(b, n):
    acc = n * P64_1
    if n <= 128:
        for i in range((n - 1) // 32, -1, -1):
            acc += _mix16(b, 16 * i, 32 * i)
            acc += _mix16(b, n - 16 * (i + 1), 32 * i + 16)
        return _avalanche3(acc & M64)
    for i in range(8):
        acc += _mix16(b, 16 * i, 16 * i)
    acc = _avalanche3(acc & M64)
    for i in range(8, n // 16):
        acc += _mix16(b, 16 * i, 16 * (i - 8) + 3)
    acc += _mix16(b, n - 16, 136 - 17)
    return _avalanche3(acc & M64)


def _accumulate(acc, words, secret):
    for i in range(8):
        value = words[i]
        key = value ^ S64[secret + 8 * i]
        acc[i ^ 1] += value
        acc[i] += (key & M32) * (key >> 32)


def _xxh3_accumulated(b, n):
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]
    stripes = (n - 1) // 64
    for k in range(stripes):
        _accumulate(acc, struct.unpack_from('<8Q', b, 64 * k), k % 16 * 8)
        if k % 16 == 15:
            for i in range(8):
                a = acc[i] & M64
                acc[i] = (a ^ a >> 47 ^ S64[128 + 8 * i]) * P32_1 & M64
    _accumulate(acc, struct.unpack_from('<8Q', b, n - 64), 121)
    return [a & M64 for a in acc]


def _xxh3_merged(acc, secret, h):
    for i in range(4):
        h += _fold(acc[2 * i] ^ S64[secret + 16 * i],
                   acc[2 * i + 1] ^ S64[secret + 8 + 16 * i])
    return _avalanche3(h & M64)


def _xxh3_long(b, n):
    return _xxh3_merged(_xxh3_accumulated(b, n), 11, n * P64_1)


@functools.lru_cache(maxsize=4096)
def xxh3(data):
    n = len(data)
    if n <= 16:
        return _xxh3_to_16(data, n)
    return _xxh3_to_240(data, n) if n <= 240 else _xxh3_long(data, n)


# And with 128 bits, for chains (16.1): the highest byte first.

XXH_MX2 = 0x9FB21C651E98DF25


def _product(a, b):
    return a * b & M64, a * b >> 64


def _swap(value, size):
    return int.from_bytes(value.to_bytes(size, 'little'), 'big')


def _xxh128_to_16(b, n):
    if n == 0:
        return (_avalanche64(S64[64] ^ S64[72]),
                _avalanche64(S64[80] ^ S64[88]))
    if n <= 3:
        low = b[0] << 16 | b[n >> 1] << 24 | b[n - 1] | n << 8
        high = _swap(low, 4)
        high = (high << 13 | high >> 19) & M32
        return (_avalanche64(low ^ _u32(SECRET, 0) ^ _u32(SECRET, 4)),
                _avalanche64(high ^ _u32(SECRET, 8) ^ _u32(SECRET, 12)))
    if n <= 8:
        keyed = (_u32(b, 0) + (_u32(b, n - 4) << 32)) ^ S64[16] ^ S64[24]
        low, high = _product(keyed, P64_1 + (n << 2) & M64)
        high = high + (low << 1) & M64
        low ^= high >> 3
        low = (low ^ low >> 35) * XXH_MX2 & M64
        return low ^ low >> 28, _avalanche3(high)
    first, last = _u64(b, 0), _u64(b, n - 8)
    low, high = _product(first ^ last ^ S64[32] ^ S64[40], P64_1)
    low = low + (n - 1 << 54) & M64
    last ^= S64[48] ^ S64[56]
    high = high + last + (last & M32) * (P32_2 - 1) & M64
    low ^= _swap(high, 8)
    low, more = _product(low, P64_2)
    return _avalanche3(low), _avalanche3(more + high * P64_2 & M64)


def _xxh128_to_240(b, n):
    low, high = n * P64_1 & M64, 0

    def mix32(one, two, s):
        nonlocal low, high
        low = (low + _mix16(b, one, s) & M64) ^ (
            _u64(b, two) + _u64(b, two + 8) & M64)
        high = (high + _mix16(b, two, s + 16) & M64) ^ (
            _u64(b, one) + _u64(b, one + 8) & M64)

    if n <= 128:
        for i in range((n - 1) // 32, -1, -1):
            mix32(16 * i, n - 16 * (i + 1), 32 * i)
    else:
        for i in range(0, 128, 32):
            mix32(i, i + 16, i)
        low, high = _avalanche3(low), _avalanche3(high)
        for i in range(128, n - 31, 32):
            mix32(i, i + 16, 3 + i - 128)
        mix32(n - 16, n - 32, 136 - 17 - 16)
    return (_avalanche3(low + high & M64),
            -_avalanche3(low * P64_1 + high * P64_4 + n * P64_2 & M64) & M64)


def _xxh128_long(b, n):
    acc = _xxh3_accumulated(b, n)
    return (_xxh3_merged(acc, 11, n * P64_1),
            _xxh3_merged(acc, len(SECRET) - 64 - 11, ~(n * P64_2) & M64))


def xxh3_128(data):
    n = len(data)
    low, high = (_xxh128_to_16 if n <= 16 else
                 _xxh128_to_240 if n <= 240 else _xxh128_long)(data, n)
    return struct.pack('>QQ', high, low)


# --------------------------------------------------------------------------
# 3  Header

MAGIC = b'\x89SLG\r\n\x1a\n'
HEADER = struct.Struct('<8sBBBBHHH16sQQI')
REFUSE_NO_XXH3 = 1
REFUSE_COMPRESSED = 2
REFUSE_ZSTD = 16
REFUSE_SEALED = 4
REFUSE_CHAINED = 8
REFUSE_REFERS = 32


class Header:
    def __init__(self, raw):
        (self.magic, self.version, self.body_log2, self.sync_log2, self.zero,
         self.ignore, self.read_only, self.refuse, self.identity, self.epoch,
         self.first_record, self.crc) = HEADER.unpack(raw)

    @classmethod
    def unknown(cls):
        """What is assumed of a lost header (section 8, cases 2 and 3)."""
        return cls(HEADER.pack(MAGIC, 1, 27, 16, 0, 0, 0, 0, bytes(16), 0, 1,
                               0))

    def check(self):
        if self.version != 1:
            raise NotASegment('version %d is not 1' % self.version)
        unknown = self.refuse & ~(REFUSE_NO_XXH3 | REFUSE_COMPRESSED
                                  | REFUSE_SEALED | REFUSE_ZSTD
                                  | REFUSE_CHAINED | REFUSE_REFERS)
        if unknown:
            bit = (unknown & -unknown).bit_length() - 1
            raise NotASegment('features_refuse has the unknown bit %d' % bit)
        if self.refuse & REFUSE_ZSTD and not self.refuse & REFUSE_COMPRESSED:
            raise NotASegment('ZSTD without COMPRESSED')
        if not 9 <= self.body_log2 <= 27:
            raise NotASegment('body_log2 is %d' % self.body_log2)
        if not 9 <= self.sync_log2 <= 20:
            raise NotASegment('sync_log2 is %d' % self.sync_log2)
        if self.zero:
            raise NotASegment('the zero byte is %d' % self.zero)
        if self.epoch >> 32:
            raise NotASegment('the ordinal of the header epoch is not 0')
        if not 1 <= self.first_record <= LAST_NUMBER:
            raise NotASegment('first_record is out of range')


def header_holds(raw):
    return (len(raw) == HEADER_SIZE and raw[:8] == MAGIC
            and crc32(raw[:50]) == _u32(raw, 50))


# --------------------------------------------------------------------------
# 4  Frames

TEXT, BYTES, PART, TAIL, GROUP, CONTROL, BLOCK = 1, 2, 3, 4, 5, 6, 7


PACKING, DURABLE_BIT = 0x0C, 0x10
STORED, NEXT, DEFLATE, FIRST = 0x00, 0x04, 0x08, 0x0C


def head_is_legal(head, codecs, has_blocks, is_sealed):
    """codecs: 0 none, 1 deflate, 2 deflate and zstd"""
    kind = head >> 5
    if kind == BLOCK:
        return has_blocks and head & (DURABLE_BIT | PACKING) == DEFLATE
    if is_sealed and kind != CONTROL:
        return False
    return (1 <= kind <= 6
            and head & PACKING in ((STORED,), (STORED, DEFLATE),
                                   (STORED, NEXT, DEFLATE, FIRST))[codecs]
            and not (kind == CONTROL and head & (DURABLE_BIT | PACKING)))


@functools.lru_cache(None)
def legal_heads(codecs, has_blocks, is_sealed):
    """Which heads are legal, as a list and as what finds the next one."""
    legal = [head_is_legal(head, codecs, has_blocks, is_sealed)
             for head in range(256)]
    return legal, re.compile(b'[%s]' % b''.join(
        b'\\x%02x' % head for head in range(256) if legal[head]))


class Frame:
    __slots__ = ('start', 'kind', 'durable', 'packing', 'body', 'length',
                 'end', 'type')

    def is_mark(self):
        return self.type == SYNC or self.type == CLOSING


def length_is_sound(width, length):
    """Whether `length` needs all of its `width` bytes."""
    return width == 1 or length >> 8 * (width - 1)


# --------------------------------------------------------------------------
# 5  Record frames and groups

class Malformed(Exception):
    pass


def varint(body, at):
    """The value at `at` and the offset behind it."""
    value = 0
    for i in range(10):
        if at + i >= len(body):
            break
        byte = body[at + i]
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            if (byte == 0 and i) or value > LAST_NUMBER:
                break
            return value, at + i + 1
    raise Malformed


def group_count(body, least=2):
    count, at = varint(body, 0)
    if count < least:
        raise Malformed
    return count, at


def group_records(body, least=2):
    """The records of a group as (kind, bytes)."""
    count, at = group_count(body, least)
    records = []
    while len(records) < count:
        value, at = varint(body, at)
        size = value >> 2
        if size > len(body) - at:
            raise Malformed
        records.append(((value & 3) + 1, bytes(body[at:at + size])))
        at += size
    if at != len(body):
        raise Malformed
    return records


# --------------------------------------------------------------------------
# 7.5  Compression

def decompressed(stored, history, limit):
    """What was compressed against `history` into at most `limit` bytes."""
    back = {'zdict': history[-HISTORY:]} if history else {}
    blocks = zlib.decompressobj(-15, **back)
    try:
        out = blocks.decompress(stored + b'\0\0\xff\xff', limit + 1)
        if len(out) > limit or blocks.eof or blocks.unconsumed_tail:
            raise Malformed
        # Only behind whole blocks does an empty last one end it all.
        rest = blocks.decompress(b'\1\0\0\xff\xff', 1)
    except zlib.error:
        raise Malformed from None
    if rest or not blocks.eof or blocks.unused_data or blocks.unconsumed_tail:
        raise Malformed
    return out


def reference_name(body):
    """The name of a dictionary in the body of a reference, or None."""
    if body[0] != REFERENCE or not 18 < len(body) <= 218 or body[1] != 1:
        return None
    return None if 0 in body[18:] else bytes(body[18:])


def dictionary_named(name, dictionary_of):
    name = name.decode('latin-1')
    if not re.fullmatch('[0-9a-f]{32}[.]dict', name):
        raise NotASegment('%r is not the name of a dictionary' % name)
    found = dictionary_of(name) if dictionary_of else None
    if found is None:
        raise NotASegment('its dictionary %s is missing' % name)
    return found


class ZstdBuffer(ctypes.Structure):
    _fields_ = [('at', ctypes.c_void_p), ('size', ctypes.c_size_t),
                ('pos', ctypes.c_size_t)]


@functools.lru_cache(maxsize=1)
def libzstd():
    found = ctypes.util.find_library('zstd') or 'libzstd.so.1'
    library = ctypes.CDLL(found)
    library.ZSTD_createDCtx.restype = ctypes.c_void_p
    library.ZSTD_freeDCtx.argtypes = [ctypes.c_void_p]
    library.ZSTD_DCtx_refPrefix.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.ZSTD_decompressStream.argtypes = [
        ctypes.c_void_p, ctypes.POINTER(ZstdBuffer),
        ctypes.POINTER(ZstdBuffer)]
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    library.ZSTD_isError.argtypes = [ctypes.c_size_t]
    return library


def blocks_are_whole(body):
    """Whole zstd blocks, none of them the last one of a frame."""
    at = 0
    while len(body) - at >= 3:
        block = int.from_bytes(body[at:at + 3], 'little')
        kind = block >> 1 & 3
        if block & 1 or kind == 3:
            return False
        at += 3 + (1 if kind == 1 else block >> 3)
    return at == len(body) > 0


class ZstdRun:
    """A zstd frame without its header, block by block."""

    def __init__(self, prefix):
        self.library = libzstd()
        self.prefix = bytes(prefix)     # it has to stay while the run does
        self.stream = self.library.ZSTD_createDCtx()
        self.library.ZSTD_DCtx_refPrefix(
            self.stream, self.prefix or None, len(self.prefix))
        self.feed(bytes.fromhex('28B52FFD0050'), 0)

    def __del__(self):
        self.library.ZSTD_freeDCtx(self.stream)

    def feed(self, data, limit):
        room = ctypes.create_string_buffer(min(limit + 1, 1 << 17))
        source = ctypes.create_string_buffer(data, len(data))
        given = ZstdBuffer(ctypes.addressof(source), len(data), 0)
        out = b''
        while True:
            taken = ZstdBuffer(ctypes.addressof(room), len(room), 0)
            result = self.library.ZSTD_decompressStream(
                self.stream, ctypes.byref(taken), ctypes.byref(given))
            out += room.raw[:taken.pos]
            if self.library.ZSTD_isError(result) or len(out) > limit:
                raise Malformed
            if given.pos == len(data) and taken.pos < len(room):
                return out

    def add(self, body, limit):
        if limit < 0 or not blocks_are_whole(body):
            raise Malformed
        return self.feed(bytes(body), limit)


# --------------------------------------------------------------------------
# 15.1  Blocks

class Undecodable(Exception):
    """A block that is coded in a way that is not read here."""


def block_records(body, limit):
    """The records of a block; only plain ones are decoded here."""
    count, at = group_count(body, 1)
    if at == len(body) or count > limit // 16 + 1:
        raise Malformed
    if body[at] in (1, 2):
        raise Undecodable
    plain = body[:at] + body[at + 1:]
    if body[at] != 0 or len(plain) > limit + 31:
        raise Malformed
    records = group_records(plain, 1)
    if any(len(record) > limit for _, record in records):
        raise Malformed
    return records


# --------------------------------------------------------------------------
# 6  Control frames

SYNC, CLOSING, GAP, PREDECESSOR, CHAIN_HEAD, REFERENCE = 1, 2, 3, 4, 5, 6
FOOTER, ATTRIBUTES, TOMBSTONE, SIGNATURE = 7, 8, 9, 10
COMPANIONS = (CHAIN_HEAD, REFERENCE)    # of a sync point
CONTROL_LENGTH = {SYNC: 0x4C, CLOSING: 0x40, GAP: 0x34, PREDECESSOR: 0x2D}
MARKER = b'\xB7\x5E\x59\x4E\x43\xA3\x1D'
SYNC_START = b'\xC0\x4C\x01' + MARKER
CLOSING_START = b'\xC0\x40\x02' + MARKER
SYNC_FIELDS = struct.Struct('<16sQQQQIQQI')
CLOSING_FIELDS = struct.Struct('<16sQQQQQI')
GAP_FIELDS = struct.Struct('<BBBBQQQQqQ')
UNKNOWN_SHIFT = -1 << 63


class Mark:
    """A sync point or closing mark that is valid in itself (6.2)."""

    def __init__(self, data, start, is_sync):
        self.start = start
        self.is_sync = is_sync
        self.end = start + (SYNC_SIZE if is_sync else CLOSING_SIZE)
        if is_sync:
            (self.identity, self.epoch, self.number, self.line, self.offset,
             self.distance, self.watermark, self.digest,
             self.checksum) = SYNC_FIELDS.unpack_from(data, start + 10)
        else:
            (self.identity, self.epoch, self.number, self.line, self.offset,
             self.digest,
             self.checksum) = CLOSING_FIELDS.unpack_from(data, start + 10)
            self.watermark = self.number - 1

    def valid_in_itself(self, data):
        salt = salt_of(self.identity, self.epoch)
        crc = crc32(data[self.start:self.end - 4])
        return (1 <= self.number <= LAST_NUMBER
                and self.offset < 1 << 62
                and self.watermark < self.number
                and self.checksum == crc ^ mix(self.number, salt))


def find_marks(data):
    """Every mark of the file that is valid in itself, by its offset."""
    marks = {}
    for start, is_sync in ((SYNC_START, True), (CLOSING_START, False)):
        at = data.find(start)
        while at >= 0:
            if at + (SYNC_SIZE if is_sync else CLOSING_SIZE) <= len(data):
                mark = Mark(data, at, is_sync)
                if mark.valid_in_itself(data):
                    marks[at] = mark
            at = data.find(start, at + 1)
    return dict(sorted(marks.items()))


def newer(epoch, current):
    return epoch >> 32 > current >> 32


class RecordedGap:
    def __init__(self, body, number):
        (_, self.verdict, self.cause, self.durable, self.count, self.lines,
         self.first_byte, self.byte_count, self.shift,
         self.depends_on) = GAP_FIELDS.unpack(body)
        self.first = number
        self.last = number + self.count - 1

    def part(self, first, last):
        """The same for some of its numbers."""
        part = copy.copy(self)
        part.first, part.last = first, last
        part.lines = min(self.lines, last - first + 1)
        return part

    def in_range(self):
        return 1 <= self.count <= LAST_NUMBER and self.lines <= self.count


# --------------------------------------------------------------------------
# 16.1  The chain

HASHES = {1: (32, lambda data: hashlib.sha256(data).digest()),
          2: (16, xxh3_128)}


class Chain:
    """The head at each place; `breaks` are (first, behind last) numbers."""

    def __init__(self):
        self.algorithm, self.head = None, None      # None: not known
        self.heads, self.breaks = 0, []
        self.known_from = None
        self.loss = None            # (head before it or None, first number)
        self.next = None            # behind the loss

    def add(self, kind, payload):
        self.loss = None
        if self.head is not None:
            self.head = HASHES[self.algorithm][1](
                self.head + bytes([kind]) + payload)

    def forget(self):
        self.head = self.loss = None

    def lose(self, first, behind):
        if self.loss is None:
            self.loss = self.head, first
        self.head, self.next = None, behind

    def meet(self, body, number):
        if (len(body) < 3 or body[1] not in HASHES or body[2] > 1
                or len(body) - 3 not in (0, HASHES[body[1]][0])):
            return
        if self.algorithm not in (None, body[1]):
            self.breaks.append((self.known_from, number))
            return
        self.algorithm, wanted = body[1], self.head
        if body[2]:
            if self.loss and self.loss[0] is not None:
                self.head = self.loss[0]
                first = self.loss[1]
                self.add(3, struct.pack('<QQ', first, self.next))
                wanted = self.head
        head = bytes(body[3:])
        if wanted not in (None, head):
            self.breaks.append((self.known_from, number))
        self.head, self.loss, self.known_from = head, None, number
        self.heads += 1


# --------------------------------------------------------------------------
# 8 and 9  Reading

class Gap:
    """A range [p, q) that could not be read; n and line as expected at p."""

    def __init__(self, p, n, line, epoch, salt):
        self.p, self.n, self.line = p, n, line
        self.epoch, self.salt = epoch, salt
        self.q = p
        self.resume_sync = None     # the sync point at q, if there is one
        self.frame = None           # the well-formed frame at p
        self.lone = []              # (number, records) of lone frames
        self.tiles = []             # Tile of each record frame, if tiled
        self.tiled = False
        self.stretch = 0            # main marks read before it
        self.after_gap = False      # another gap is in the same stretch
        self.lost = []              # ranges of lost numbers
        self.foreign = None         # `foreign`, `stale` or None
        self.dependent = False      # valid frames that cannot be decoded
        self.depends_on = None
        self.zeros_before = False   # dependent: the gap before has a block


class PassedRun:
    """Frames [start, end) whose numbers had already been read, or come."""

    def __init__(self, start, first, stretch, n, line):
        self.start, self.first, self.stretch = start, first, stretch
        self.n, self.line = n, line     # of the main run before it
        self.end = start
        self.records = []               # (number, kind, bytes)
        self.recorded = []              # recorded gaps
        self.compressed = False         # it has compressed bodies
        self.filled = False             # one of either filled a hole
        # Behind a dependent frame: the run that this is a part of.
        self.whole = self

    def part_behind(self, start, first):
        part = PassedRun(start, first, self.stretch, self.n, self.line)
        part.whole = self.whole
        return part


class Tile:
    def __init__(self, number, records):
        self.number = number
        self.valid = records is not None    # for its number
        self.records = records or []        # none if it is compressed
        self.filled = False


class Segment:
    """Reads all of one segment: `records`, `findings` and a summary."""

    def __init__(self, data, expect=0, dictionary_of=None):
        """dictionary_of(name) gives the bytes of a dictionary"""
        self.dictionary_of = dictionary_of
        self.data = data
        self.size = len(data)
        self.budget = 2 * self.size + MIB8
        self.expect = expect
        self.records = []           # good records: (number, kind, bytes)
        self.findings = []
        self.recorded = []          # recorded gaps
        self.first_record = 1
        self.next_record = 1
        self.closed = False
        self.attributes = b''
        self.body_limit = 1 << 23

        self.main = []              # records of main runs
        self.gaps = []
        self.passed_runs = []
        self.passed = None          # the passed run that is being read
        self.holes = []             # (first, behind last, gap)
        self.main_marks = []        # (offset, inserted bytes)
        self.digest_findings = []
        self.pending = None         # the gap to which the open hole belongs
        self.header_corrected = False
        self.header_lost = False
        self.is_sealed = False
        self.tail = None
        self.long_spent = 0
        self.misfit_spent = 0
        self.wide_spent = 0
        self.foreign_tries = 0
        self.marks = {}
        self.watermark = 0
        self.chain = Chain()
        self.read()

    # ---- 8  Header

    def read(self):
        raw = self.data[:HEADER_SIZE]
        if len(raw) < HEADER_SIZE and MAGIC.startswith(raw[:8]):
            self.judge_torn_header()
            return
        self.marks = find_marks(self.data)
        self.mark_offsets = list(self.marks)
        if not header_holds(raw):
            raw = self.correct_one_bit(raw)
        if raw is not None:
            header = Header(raw)
            header.check()
            self.start(header, header.epoch)
        else:
            self.start_without_header()
        if self.header_lost or self.header.refuse & REFUSE_REFERS:
            self.find_dictionary()
        self.read_frames()
        self.judge()

    def judge_torn_header(self):
        """Nothing but a part of a header: 10.3 with n = 1."""
        if self.expect:
            self.add_finding('CORRUPT', 'cut', 0, self.size,
                             (1, self.expect), 1)
        else:
            self.add_finding('TORN', 'torn', 0, self.size)

    def correct_one_bit(self, raw):
        for bit in range(8 * HEADER_SIZE if len(raw) == HEADER_SIZE else 0):
            fixed = bytearray(raw)
            fixed[bit >> 3] ^= 1 << (bit & 7)
            if header_holds(fixed):
                self.header_corrected = True
                return bytes(fixed)
        return None

    def start(self, header, epoch):
        self.header = header
        self.body_limit = 1 << header.body_log2
        self.has_digests = not header.refuse & REFUSE_NO_XXH3
        self.codecs = (2 if header.refuse & REFUSE_ZSTD or self.header_lost
                       else 1 if header.refuse & REFUSE_COMPRESSED else 0)
        self.is_sealed = bool(header.refuse & REFUSE_SEALED)
        self.legal, self.legal_head = legal_heads(
            self.codecs, self.is_sealed or self.header_lost, self.is_sealed)
        self.dictionary = b''       # None: it is not known which (7.6)
        self.begin_history()
        self.identity = header.identity
        self.epoch = epoch
        self.salt = salt_of(self.identity, epoch)
        self.first_record = self.n = self.line = header.first_record
        self.p = HEADER_SIZE
        self.shift = 0
        self.watermark = 0
        self.begin_stretch()

    def start_without_header(self):
        self.header_lost = True
        header = Header.unknown()
        self.start(header, 0)
        self.p = 0
        if self.marks:
            self.identity = self.identity_for_header()
            self.epoch = next(mark.epoch for mark in self.marks.values()
                              if mark.identity == self.identity)
            self.salt = salt_of(self.identity, self.epoch)
            return
        self.identity = self.epoch = None
        tried = 0
        for x in range(min(65536, self.size)):
            triple = self.three_frames(x, self.size)
            if triple and tried < 64:
                tried += 1
                self.salt = solve_salt(triple)
                if self.salt is not None:
                    return
        raise NotASegment('no header, no sync point, no run of frames')

    def identity_for_header(self):
        marks = list(self.marks.values())
        placed = [mark for mark in marks if mark.offset == mark.start]
        last = self.marks.get(self.size - CLOSING_SIZE)
        if not placed and last and not last.is_sync:
            return last.identity
        return (placed + marks)[0].identity

    # ---- 7.6  The dictionary

    def begin_history(self):
        """At a mark, or at a reference to a dictionary."""
        self.history = self.dictionary  # None: not known (7.5)
        self.run = None                 # of zstd blocks
        self.blame = None               # the first record lost since then
        self.is_history_fresh = True    # no record frame since then

    def find_dictionary(self):
        salt, name = self.salt, self.reference_from(HEADER_SIZE, self.n, True)
        for start, mark in self.marks.items():
            if name is None and mark.identity == self.identity:
                self.salt = salt_of(mark.identity, mark.epoch)
                name = self.reference_from(mark.end, mark.number, False)
        self.salt = salt
        if name is not None:
            self.dictionary = dictionary_named(name, self.dictionary_of)
            self.dictionary = self.dictionary[-(
                ZSTD_HISTORY if self.codecs == 2 else HISTORY):]
        elif not self.header_lost:
            self.dictionary = None
        self.begin_history()

    def reference_from(self, p, n, is_start):
        """The name in the first reference to a dictionary among the control
        frames that follow each other from p on, up to the next mark."""
        while p < self.size:
            frame = self.frame_at(p, False)
            if (not frame or frame.kind != CONTROL or frame.is_mark()
                    or not self.valid_for(frame, n)):
                return None
            name = reference_name(self.body_of(frame))
            if frame.type == REFERENCE and name is not None:
                return name
            n += self.advance_of(frame)
            p = frame.end
        return None

    # ---- 8  The salt

    def three_frames(self, x, limit):
        """(unmixed checksum, records) of three record frames from x on."""
        triple = []
        for _ in range(3):
            frame = self.frame_at(x, False)
            if not frame or frame.kind == CONTROL or frame.end > limit:
                return None
            triple.append((self.unmixed(frame), self.advance_of(frame)))
            x = frame.end
        # A group without a count has no successor; the last needs none.
        return None if None in (triple[0][1], triple[1][1]) else triple

    # ---- 4  Well-formed frames

    def frame_at(self, x, long_allowed):
        """The well-formed frame at x, or None."""
        data = self.data
        if x + SMALLEST_FRAME > self.size or not self.legal[data[x]]:
            return None
        head = data[x]
        width = (head & 3) + 1
        body = x + 1 + width
        length = int.from_bytes(data[x + 1:body], 'little')
        limit = self.body_limit + (32 if head >> 5 == BLOCK else 0)
        if not length_is_sound(width, length) or length > limit:
            return None
        if length > SHORT_BODY and not (
                long_allowed and self.long_spent <= self.budget):
            return None
        end = body + length + 4
        if length > DIGEST_OVER and self.has_digests:
            end += 8
        if end > self.size:
            return None
        frame = Frame()
        frame.start, frame.kind, frame.durable = x, head >> 5, head >> 4 & 1
        frame.packing = head & PACKING
        frame.body, frame.length, frame.end = body, length, end
        frame.type = None
        if frame.kind == CONTROL:
            if length == 0:
                return None
            frame.type = data[body]
            if CONTROL_LENGTH.get(frame.type, length) != length:
                return None
        return frame

    def body_of(self, frame):
        return self.data[frame.body:frame.body + frame.length]

    def unmixed(self, frame):
        """stored ^ crc32(...): mix(n) if the frame is right."""
        return (_u32(self.data, frame.end - 4)
                ^ crc32(self.data[frame.start:frame.end - 4]))

    def implied(self, frame):
        return fmix32_inverse(self.unmixed(frame) ^ self.salt)

    def records_of(self, frame):
        """The records of a frame as (kind, bytes); none of a control frame."""
        if frame.kind == CONTROL:
            return []
        if frame.kind == GROUP:
            return group_records(self.body_of(frame))
        return [(frame.kind, self.body_of(frame))]

    def advance_of(self, frame):
        """How many numbers a frame takes, without a look at the rest of it."""
        try:
            if frame.kind in (GROUP, BLOCK):
                start = self.data[frame.body:
                                  frame.body + min(frame.length, 10)]
                return group_count(start, 2 if frame.kind == GROUP else 1)[0]
        except Malformed:
            return None
        if frame.type == GAP:
            return RecordedGap(self.body_of(frame), 0).count
        return 0 if frame.kind == CONTROL else 1

    def content_is_valid(self, frame, n):
        """What "valid for n" asks beyond the checksum."""
        if frame.length > DIGEST_OVER and self.has_digests:
            if _u64(self.data, frame.end - 12) != xxh3(self.body_of(frame)):
                return False
        if frame.type == GAP:
            gap = RecordedGap(self.body_of(frame), n)
            return gap.in_range() and n + gap.count <= LAST_NUMBER
        if frame.packing:
            # A group must have a count; what is behind it is not looked at.
            count = self.advance_of(frame)
            return count is not None and n + count <= LAST_NUMBER
        try:
            return n + len(self.records_of(frame)) <= LAST_NUMBER
        except Malformed:
            return False

    def plain_records(self, frame):
        """The records of a frame in its place; None if they cannot be
        decoded. Malformed if it is not compressed as it says."""
        body = self.body_of(frame)
        if frame.kind == BLOCK:
            return block_records(body, self.body_limit)
        start = group_count(body)[1] if frame.kind == GROUP else 0
        if frame.packing and self.history is None:
            return None
        run, self.run = self.run, None
        if frame.packing in (FIRST, NEXT):
            if frame.packing == FIRST:
                run = ZstdRun(self.history)
            elif run is None:
                raise Malformed
            body = body[:start] + run.add(body[start:], self.body_limit - start)
        elif frame.packing:
            body = body[:start] + decompressed(
                body[start:], self.history, self.body_limit - start)
        records = (group_records(body) if frame.kind == GROUP
                   else [(frame.kind, body)])
        if frame.packing != DEFLATE and (frame.packing or not body[start:]):
            self.run = run
        if self.history is not None and self.codecs:
            self.history = (self.history + body[start:])[
                -(ZSTD_HISTORY if self.codecs == 2 else HISTORY):]
        return records

    def lose_history(self, blame):
        if self.history is not None:
            self.history, self.blame, self.run = None, blame, None

    def valid_for(self, frame, n):
        return (self.unmixed(frame) == mix(n, self.salt)
                and self.content_is_valid(frame, n))

    # ---- 8  Reading in order

    def begin_stretch(self):
        self.stretch_start = self.p
        self.stretch_records = []
        self.stretch_has_gap = False

    def read_frames(self):
        behind_sync = False
        self.at_start = True                # only control frames so far
        if self.header_lost:
            behind_sync = self.meet_gap(False)
        while self.tail is None and self.p < self.size:
            frame = self.frame_at(self.p, behind_sync)
            number = self.n
            if frame and self.take(frame):
                if self.pending and not self.passed:
                    self.begin_main_run(number, self.n)
                behind_sync = (frame.type == SYNC or behind_sync
                               and frame.type in COMPANIONS)
                self.closed = frame.type == CLOSING and not self.passed
                self.p = frame.end
                if frame.is_mark() and not self.passed:
                    self.begin_stretch()
                if self.passed and self.n >= self.passed.n:
                    self.end_passed_run(self.n)
                continue
            if self.passed:
                # What does not continue the passed run may well continue
                # the main one: step 1 again at the same p.
                self.restore_main_run()
                continue
            self.closed = False
            behind_sync = self.meet_gap(behind_sync)
        if self.passed:
            self.restore_main_run()

    def take(self, frame):
        """Read the frame at p if it is the one expected there."""
        if frame.is_mark():
            return self.take_mark(self.marks.get(frame.start))
        if not self.valid_for(frame, self.n):
            return False
        records = []
        if frame.kind != CONTROL:
            try:
                records = self.plain_records(frame)
            except Malformed:
                return False
        if frame.durable and not self.passed:
            self.watermark = max(self.watermark, self.n - 1)
        if frame.kind != CONTROL:
            self.is_history_fresh = False
        if (frame.type == REFERENCE
                and reference_name(self.body_of(frame)) is not None):
            self.begin_history()
        if frame.type == ATTRIBUTES and self.at_start:
            self.at_start = False
            said = self.body_of(frame)[1:]
            self.attributes = said if len(said) <= ATTRIBUTES_MAX else b''
        if frame.kind != CONTROL or frame.type == GAP:
            self.at_start = False
        if frame.type == CHAIN_HEAD and not self.passed:
            self.chain.meet(self.body_of(frame), self.n)
        if frame.type == TOMBSTONE and not self.passed:
            self.chain.add(2, self.body_of(frame)[2:])
        if frame.type == GAP:
            gap = RecordedGap(self.body_of(frame), self.n)
            self.chain.lose(self.n, self.n + gap.count)
            (self.passed or self).recorded.append(gap)
            self.n += gap.count
            self.line += gap.lines
        if records is None:
            self.chain.forget()
            self.meet_dependent(frame)
            return True
        if self.passed and frame.packing:
            self.passed.compressed = True
        run = self.passed.records if self.passed else self.main
        for kind, body in records:
            self.chain.add(0, body)
            run.append((self.n, kind, body))
            self.stretch_records.append((self.n, body))
            self.n += 1
            self.line += kind != PART
        return True

    def meet_dependent(self, frame):
        """A frame that cannot be decoded without one that is lost."""
        if self.passed:
            self.n += self.advance_of(frame)
            self.line += self.advance_of(frame)
            self.passed = self.passed.part_behind(frame.end, self.n)
            self.passed_runs.append(self.passed)
            return
        if self.pending:
            self.begin_main_run(self.n, self.n)
        count = self.advance_of(frame)
        gap = self.gaps[-1] if self.gaps else None
        if gap and gap.dependent and gap.q == frame.start:
            first, _, _ = self.holes.pop()
        else:
            before = next((g for g in self.gaps[::-1] if g.p < g.q), None)
            gap = Gap(frame.start, self.n, self.line, self.epoch, self.salt)
            gap.dependent, gap.depends_on = True, self.blame
            gap.zeros_before = before is not None and (
                before.zeros_before or not before.dependent
                and self.blocks_of(before.p, before.q, b'\0'))
            gap.stretch = len(self.main_marks)
            self.gaps.append(gap)
            first = self.n
        gap.q = frame.end
        self.n += count
        self.line += count
        self.holes.append((first, self.n, gap))

    def acceptable(self, mark, epoch=None):
        """Whether reading may go on at a mark while `epoch` is current."""
        epoch = self.epoch if epoch is None else epoch
        return (mark is not None and mark.identity == self.identity
                and (mark.epoch == epoch
                     or mark.is_sync and newer(mark.epoch, epoch)))

    def take_mark(self, mark):
        if not self.acceptable(mark) or mark.number != self.n:
            return False
        self.epoch = mark.epoch
        self.salt = salt_of(self.identity, self.epoch)
        self.line = mark.line
        self.begin_history()
        self.at_start = self.at_start and mark.is_sync
        if not self.passed:
            x = mark.start - mark.offset - self.shift
            self.shift += x
            self.main_marks.append((mark.start, x))
            self.watermark = max(self.watermark, mark.watermark)
            if not self.stretch_has_gap:
                self.check_digest(mark)
        return True

    def stretch_digest(self):
        if not self.has_digests:
            return 0
        return sum(xxh3(body) * (2 * n + 1)
                   for n, body in self.stretch_records) & M64

    def check_digest(self, mark):
        if mark.digest != self.stretch_digest():
            self.digest_findings.append((self.stretch_start, mark.start))

    def meet_gap(self, behind_sync):
        """Find where to go on; whether a long body may stand there."""
        self.at_start = False
        gap = Gap(self.p, self.n, self.line, self.epoch, self.salt)
        gap.frame = self.frame_at(self.p, behind_sync)
        gap.stretch = len(self.main_marks)
        gap.after_gap = self.stretch_has_gap
        self.stretch_has_gap = True
        resume = self.resync(gap)
        if resume is None:
            self.tail = gap
            gap.q = self.size
            self.find_tiles(gap)
            return False
        gap.q, m = resume
        self.gaps.append(gap)
        if self.pending is None:
            self.pending = gap
        mark = self.marks.get(gap.q)
        if mark and mark.is_sync:
            gap.resume_sync = mark
        if (gap.p == 0 and len(self.gaps) == 1 and mark and mark.is_sync
                and mark.offset == HEADER_SIZE):
            # The header is lost, the sync point right behind it is not.
            self.first_record = self.n = self.line = gap.n = m
        self.find_tiles(gap)
        gap.lone = self.choose_lone(gap, m)
        self.p = gap.q
        if m != self.n:
            self.chain.forget()
        if (m != self.n or self.dictionary and not self.is_history_fresh
                or gap.p == 0 and self.header_lost and not self.dictionary
                and gap.q > HEADER_SIZE):
            self.lose_history(self.n if m > self.n else None)
        if m < self.n:
            self.passed = PassedRun(gap.q, m, gap.stretch, self.n,
                                    self.line)
            self.passed_runs.append(self.passed)
            self.n = m
        else:
            self.line += m - self.n
            self.main_n = self.n
            self.begin_main_run(m, m)
        if gap.q == gap.p:
            return behind_sync
        return gap.frame is not None and gap.q == gap.frame.end

    def begin_main_run(self, m, n):
        """A main run starts with number m where main_n was expected."""
        self.holes.append((self.main_n, m, self.pending))
        self.pending = None
        self.n = n

    def end_passed_run(self, m):
        """The passed run has caught up: from here on it is a main run."""
        self.lose_history(None)
        self.passed.whole.end = self.p
        self.main_n, self.passed = self.passed.n, None
        self.begin_main_run(m, m)

    def restore_main_run(self):
        """The passed run ends before it has caught up."""
        self.lose_history(None)
        self.passed.whole.end = self.p
        self.main_n = self.n = self.passed.n
        self.line = self.passed.line
        self.passed = None

    # ---- 9  Resynchronising after damage

    def candidate_at(self, x, long_allowed):
        frame = self.frame_at(x, long_allowed)
        if frame is None or frame.is_mark() or self.is_spent(frame):
            return None
        return frame

    def has_more_to_check(self, frame):
        """Whether a checksum that fits is not all: a digest or a group."""
        return frame.kind in (GROUP, BLOCK) or (
            frame.length > DIGEST_OVER and self.has_digests)

    def is_spent(self, frame):
        return (self.misfit_spent > self.budget
                and self.has_more_to_check(frame))

    def candidate_fits(self, frame, n):
        """Whether one whose checksum is that of n is valid for n."""
        if self.content_is_valid(frame, n):
            return True
        if self.has_more_to_check(frame):
            self.misfit_spent += frame.end - frame.start
        return False

    def distance(self, frame, n):
        return (self.implied(frame) - n) & M32

    def confirmed(self, end, number, epoch, salt):
        """Whether something with `number` follows at `end`."""
        if end == self.size:
            return True
        mark = self.marks.get(end)
        if self.acceptable(mark, epoch) and mark.number == number:
            return True
        follower = self.candidate_at(end, False)
        return bool(follower and self.unmixed(follower) == mix(number, salt))

    def frame_is_confirmed(self, frame, number, far=False):
        """The end of the segment confirms no far number."""
        count = self.advance_of(frame)
        return count is not None and not (
            far and frame.end == self.size) and self.confirmed(
                frame.end, number + count, self.epoch, self.salt)

    def mark_is_confirmed(self, mark):
        return self.confirmed(
            mark.end, mark.number, mark.epoch,
            salt_of(mark.identity, mark.epoch)) or self.long_block_at(mark)

    def long_block_at(self, mark):
        """Whether a long block seems to be between this mark and another."""
        frame = self.frame_at(mark.end, True)
        if not frame or frame.kind != BLOCK or frame.length <= SHORT_BODY:
            return False
        behind = self.marks.get(frame.end)
        return (behind is not None and behind.identity == mark.identity
                and self.size - frame.end >= SYNC_SIZE
                and behind.epoch == mark.epoch
                and behind.number - mark.number == self.advance_of(frame))

    def resync(self, gap):
        """(offset, number) where reading resumes, or None: the tail."""
        p, n = gap.p, gap.n
        wide = None
        # R0, here.
        mark = self.marks.get(p)
        if self.acceptable(mark):
            if self.mark_is_confirmed(mark):
                return p, mark.number
            if mark.number >= n:
                wide = p, mark.number
        elif gap.frame and not (gap.frame.is_mark()
                                or self.is_spent(gap.frame)):
            away = self.distance(gap.frame, n)
            if (1 <= away <= 65536
                    and (gap.frame.length > SHORT_BODY
                         or self.frame_is_confirmed(gap.frame, n + away,
                                                    away > 64))
                    and self.candidate_fits(gap.frame, n + away)):
                return p, n + away
        self.count_long(gap.frame)
        return self.claimed_end(gap) or self.search(gap, wide)

    def count_long(self, frame):
        """A frame has turned out not to be valid."""
        if frame and frame.length > SHORT_BODY:
            self.long_spent += frame.end - frame.start

    def claimed_end(self, gap):
        """R1. A damaged length may claim an end where some later frame
        starts, so only numbers that the frame at p accounts for are taken."""
        n = gap.n
        if not gap.frame or gap.frame.end == self.size:
            return None
        x = gap.frame.end
        claimed = self.advance_of(gap.frame)
        mark = self.marks.get(x)
        if self.acceptable(mark):
            if (mark.epoch == self.epoch
                    and mark.number - n in (0, 1, claimed)):
                return x, mark.number
            return None
        frame = self.candidate_at(x, True)
        if not frame:
            return None
        away = self.distance(frame, n)
        if away <= 1 or (away == claimed and frame.length <= SHORT_BODY
                         and self.frame_is_confirmed(frame, n + away)):
            if self.candidate_fits(frame, n + away):
                return self.sync_point_before(gap, x, n + away) or (
                    x, n + away)
        self.count_long(frame)
        return None

    def sync_point_before(self, gap, x, number):
        """R1. One in the bytes that a wrong length claims, from which frames
        that take no number lead to x."""
        if gap.frame.length > SHORT_BODY:
            return None
        tries = 0
        for at in self.mark_offsets[bisect.bisect_right(self.mark_offsets,
                                                        gap.frame.start):]:
            if at >= x or tries == 8:
                return None
            mark = self.marks[at]
            if (not mark.is_sync or not self.acceptable(mark)
                    or mark.epoch != self.epoch or mark.number != number):
                continue
            tries += 1
            end = mark.end
            while end < x:
                frame = self.frame_at(end, False)
                if (not frame or frame.is_mark()
                        or self.advance_of(frame) != 0
                        or self.unmixed(frame) != mix(number, self.salt)):
                    break
                end = frame.end
            if end == x:
                return at, number
        return None

    def heads(self, p):
        """Offsets behind p where a frame may start (R2)."""
        data, size = self.data, self.size
        near = min(p + MIB8, size)
        heads = self.legal_head
        for match in heads.finditer(data, p + 1, near):
            yield match.start()
        if near == size:
            return
        first = bisect.bisect_left(self.mark_offsets, near)
        target = next((at for at in self.mark_offsets[first:]
                       if self.acceptable(self.marks[at])), size)
        for match in heads.finditer(data, max(near, target - MIB8)):
            yield match.start()

    def search(self, gap, wide):
        """R2. `wide` is what R0 noted: a place of last resort."""
        p, n = gap.p, gap.n
        spent = self.wide_spent > self.size // 2 + MIB8
        if wide and spent:
            return wide
        unconfirmed = 0
        for x in self.heads(p):
            noted = None
            mark = self.marks.get(x)
            if self.acceptable(mark):
                if self.mark_is_confirmed(mark):
                    return self.end_search(wide, x, mark.number)
                if mark.number >= n:
                    noted = x, mark.number
            else:
                frame = self.candidate_at(x, False)
                if not frame:
                    continue
                away = self.distance(frame, n)
                if away > 65536 and away > 1 + (x - p) // 6:
                    continue
                number = n + away
                far = away > 1 + (x - p) // 6
                if self.frame_is_confirmed(frame, number, far and away > 64):
                    if self.candidate_fits(frame, number):
                        if not far:
                            return self.end_search(wide, x, number)
                        noted = x, number
                elif not far and unconfirmed < 256:
                    unconfirmed += 1
                    if self.candidate_fits(frame, number):
                        gap.lone.append((frame, number))
            if noted and not wide:
                wide = noted
                if spent:
                    return wide
        return self.end_search(wide, self.size, None)

    def end_search(self, wide, x, number):
        """At x with `number`, or at the wide place if that is not larger."""
        if wide and (number is None or wide[1] <= number):
            self.wide_spent += x - wide[0]
            return wide
        return None if number is None else (x, number)

    def choose_lone(self, gap, m):
        """The noted lone frames that are records of the hole."""
        chosen, end, last = [], 0, -1
        for frame, number in gap.lone:
            records = self.records_in(frame, number, gap.salt)
            if (records and frame.end <= gap.q and frame.start >= end
                    and number > last and number + len(records) <= m):
                chosen.append((number, records))
                end, last = frame.end, number + len(records) - 1
        return chosen

    def records_in(self, frame, number, salt):
        """The records of an out-of-order frame valid for number, or None."""
        if self.unmixed(frame) != mix(number, salt):
            return None
        if self.is_spent(frame) or not self.candidate_fits(frame, number):
            return None
        return [] if frame.packing else self.records_of(frame)

    def find_tiles(self, gap):
        at, frames = gap.p, []
        while at < gap.q and len(frames) < 64:
            frame = self.frame_at(at, False)
            if not frame or frame.end > gap.q:
                return
            frames.append(frame)
            at = frame.end
        if not frames or at != gap.q:
            return
        gap.tiled = True
        for frame in frames:
            if frame.kind != CONTROL:
                low = fmix32_inverse(self.unmixed(frame) ^ gap.salt)
                number = self.first_record + (low - self.first_record & M32)
                gap.tiles.append(Tile(number, self.records_in(
                    frame, number, gap.salt)))

    # ---- 10.1  Where records are

    def judge(self):
        self.fill_holes()
        for gap in self.gaps:
            gap.foreign = self.foreign_cause(gap)
        self.judge_gaps()
        self.assign_shifts()
        if self.header_corrected:
            self.add_finding('CORRUPT', 'header', 0, HEADER_SIZE, shift=0)
        self.judge_tail()
        if self.is_sealed:
            self.judge_sealed()
        self.findings.sort(key=lambda f: (f['first_byte'],
                                          f['first_record'] or 0))

    def fill_holes(self):
        holes = sorted((hole for hole in self.holes if hole[0] < hole[1]),
                       key=lambda hole: hole[0])
        starts = [first for first, _, _ in holes]
        filled = {}

        def fill(number, record):
            at = bisect.bisect_right(starts, number) - 1
            if at < 0 or number >= holes[at][1] or number in filled:
                return False
            filled[number] = record
            return True

        lone = (pair for gap in self.gaps for pair in gap.lone)
        for number, records in sorted(lone, key=lambda pair: pair[0]):
            for i, record in enumerate(records):
                fill(number + i, record)
        for tile in self.all_tiles():
            for i, record in enumerate(tile.records):
                tile.filled |= fill(tile.number + i, record)
        self.passed_runs.sort(key=lambda run: run.first)
        for run in self.passed_runs:
            before, used = None, 0
            for number, kind, body in run.records:
                at = bisect.bisect_right(starts, number)
                if not fill(number, (kind, body)):
                    continue
                run.whole.filled = True
                if before != (number - 1, at):
                    used += 1
                    if run.compressed and used > COMPRESSED_RUNS:
                        del filled[number]
                        break
                before = number, at
        self.fill_the_end(filled)

        self.records = sorted(self.main + [(n, kind, body) for n, (kind, body)
                                           in filled.items()])
        self.present = {n for n, _, _ in self.records}
        numbers = sorted(filled)
        for first, behind, gap in holes:
            at = bisect.bisect_left(numbers, first)
            while first < behind:
                stop = numbers[at] if at < len(numbers) else behind
                if stop >= behind:
                    gap.lost.append((first, behind - 1))
                    break
                if stop > first:
                    gap.lost.append((first, stop - 1))
                first = stop + 1
                at += 1
            for run in self.passed_runs:
                for recorded in run.recorded:
                    self.fill_with_recorded(gap, run, recorded)

    def fill_with_recorded(self, gap, run, recorded):
        """What a recorded gap of a passed run stands for is not lost here."""
        left = []
        for first, last in gap.lost:
            a, b = max(first, recorded.first), min(last, recorded.last)
            if a > b:
                left.append((first, last))
                continue
            run.whole.filled = True
            self.recorded.append(recorded.part(a, b))
            left += [(first, a - 1)] * (first < a) + [(b + 1, last)] * (
                b < last)
        gap.lost = left

    def all_tiles(self, epoch=None):
        """Of any gap and of the tail, or of those met in one epoch, in the
        order of their first numbers, then of position."""
        gaps = self.gaps + [self.tail] * (self.tail is not None)
        return sorted((tile for gap in gaps for tile in gap.tiles
                       if epoch is None or gap.epoch == epoch),
                      key=lambda tile: tile.number)

    def fill_the_end(self, filled):
        """Behind the last main run, tiles that continue it are records."""
        for tile in self.all_tiles(self.epoch):
            if tile.number != self.n or tile.filled or not tile.records:
                continue
            tile.filled = True
            for record in tile.records:
                filled[self.n] = record
                self.n += 1
                self.line += 1
        self.next_record = self.n

    # ---- 10.2  Gaps

    def blocks_of(self, p, q, byte):
        """Whether 512 aligned bytes inside [p, q) are all `byte`."""
        at = self.data.find(byte * 512, p, q)
        while at >= 0:
            start = (at + 511) // 512 * 512
            if start + 512 <= q and self.data[start:start + 512] == byte * 512:
                return True
            at = self.data.find(byte * 512, start + 1, q)
        return False

    def foreign_cause(self, gap):
        """`foreign`, `stale` or None."""
        if gap.dependent:
            return None
        if (self.foreign_header(gap) or self.foreign_frames(gap)
                or any(mark.identity != self.identity
                       for mark in self.marks_in(gap))):
            return 'foreign'
        if any(mark.epoch >> 32 < gap.epoch >> 32
               for mark in self.marks_in(gap)):
            return 'stale'
        return None

    def foreign_header(self, gap):
        """Of an unknown identity no other can be told."""
        at = self.data.find(MAGIC, gap.p, gap.q)
        while at >= 0 and self.identity is not None:
            raw = self.data[at:at + HEADER_SIZE]
            if (at + HEADER_SIZE <= gap.q and header_holds(raw)
                    and Header(raw).identity != self.identity):
                return True
            at = self.data.find(MAGIC, at + 1, gap.q)
        return False

    def marks_in(self, gap):
        first = bisect.bisect_left(self.mark_offsets, gap.p)
        behind = bisect.bisect_left(self.mark_offsets, gap.q)
        for at in self.mark_offsets[first:behind]:
            if self.marks[at].end <= gap.q:
                yield self.marks[at]

    def foreign_frames(self, gap):
        triple = self.three_frames(gap.p, gap.q)
        if triple and self.foreign_tries < 64:
            self.foreign_tries += 1
            return solve_salt(triple) not in (None, gap.salt)
        return False

    def verdict_of(self, gap):
        if gap.foreign:
            return 'FOREIGN'
        sync = gap.resume_sync
        if gap.dependent:
            unordered = (gap.zeros_before and gap.lost and not self.closed
                         and gap.lost[0][0] > max(self.watermark,
                                                  self.expect))
            return 'UNORDERED' if unordered else 'CORRUPT'
        if (not gap.lost and sync and newer(sync.epoch, gap.epoch)
                and sync.number == gap.n):
            return 'TORN'
        if (gap.lost and gap.lost[0][0] > max(self.watermark, self.expect)
                and not self.closed
                and self.blocks_of(gap.p, gap.q, b'\0')):
            return 'UNORDERED'
        return 'CORRUPT'

    def is_accounted_for(self, number):
        """It is present, or a recorded gap says that it is not."""
        return number in self.present or any(
            recorded.first <= number <= recorded.last
            for recorded in self.recorded)

    def cause_of(self, gap, verdict):
        p, q, lost = gap.p, gap.q, bool(gap.lost)
        if gap.dependent:
            return 'depends-on'
        if p == 0:
            return 'header'
        if gap.foreign:
            return gap.foreign
        if verdict == 'TORN':
            return 'passed-over'
        if any(tile.filled for tile in gap.tiles):
            return 'order'
        if gap.tiles and all(
                tile.valid and self.is_accounted_for(tile.number)
                for tile in gap.tiles):
            return 'copy'
        if p == q:
            return 'missing'
        for byte, cause in ((b'\0', 'zeros'), (b'\xFF', 'ones')):
            if self.blocks_of(p, q, byte) or self.data[p:q] == byte * (q - p):
                return cause
        if not lost:
            beside = (gap.frame and gap.frame.end == q
                      and gap.frame.type in COMPANIONS)
            return ('mark' if beside or q - p in (SYNC_SIZE, CLOSING_SIZE)
                    else 'inserted')
        if gap.frame and gap.frame.end == q:
            return 'checksum'
        return 'length' if self.legal[self.data[p]] else 'head'

    def judge_gaps(self):
        self.gap_findings = []      # (stretch, finding)
        for gap in self.gaps:
            if gap.p == gap.q != 0 and not gap.lost:
                continue
            verdict = self.verdict_of(gap)
            cause = self.cause_of(gap, verdict)
            for lost in gap.lost or [None]:
                line = lost and gap.line + lost[0] - gap.n
                finding = self.add_finding(verdict, cause, gap.p, gap.q, lost,
                                           line)
                finding['depends_on'] = gap.depends_on
                self.gap_findings.append((gap.stretch, finding))
        for run in self.passed_runs:
            if run.whole is not run:
                continue
            self.gap_findings.append((run.stretch, self.add_finding(
                'CORRUPT', 'order' if run.filled else 'copy', run.start,
                run.end)))
        self.gap_findings.sort(key=lambda item: item[1]['first_byte'])

    # ---- 10.3  The tail

    def judge_tail(self):
        """Finds what is behind the last valid frame."""
        tail, size = self.tail, self.size
        top = max(self.watermark, self.expect)
        cut = None
        if top >= self.n:
            cut = dict(verdict='CORRUPT', cause='cut', p=size, q=size,
                       lost=(self.n, top), line=self.line)
        if tail is None:
            if cut:
                self.add_finding(**cut)
            return
        foreign = self.foreign_cause(tail)
        if any(tile.filled for tile in tail.tiles):
            self.add_finding('CORRUPT', 'order', tail.p, size)
            if cut:
                self.add_finding(**cut)
        elif foreign and not self.is_unfinished(tail):
            self.add_finding('FOREIGN', foreign, tail.p, size)
        elif cut:
            self.add_finding(**{**cut, 'p': tail.p})
        elif self.is_torn_sync(tail):
            self.add_finding('TORN', 'torn', tail.p, size)
        elif not self.judge_broken_closing_mark(tail):
            finding = self.add_finding('TORN', 'torn', tail.p, size)
            if self.data[tail.p] != CONTROL << 5:
                finding['first_record'], finding['line'] = self.n, self.line

    def judge_sealed(self):
        """15.5: no tail is torn, and the closing mark is not missing."""
        for finding in self.findings:
            if finding['verdict'] == 'TORN':
                finding.update(verdict='CORRUPT', durable='unknown',
                               first_record=None, line=None)
        if not (self.closed or self.tail
                or any(f['cause'] == 'cut' for f in self.findings)):
            self.add_finding('CORRUPT', 'cut', self.size, self.size)

    def is_unfinished(self, tail):
        """A record frame that claims to end behind the segment."""
        data, x = self.data, tail.p
        width = (data[x] & 3) + 1
        if (not self.legal[data[x]] or data[x] >> 5 == CONTROL
                or x + 1 + width > self.size):
            return False
        length = int.from_bytes(data[x + 1:x + 1 + width], 'little')
        if not length_is_sound(width, length) or length > self.body_limit:
            return False
        digest = 8 if length > DIGEST_OVER and self.has_digests else 0
        return x + 1 + width + length + digest + 4 > self.size

    def is_torn_sync(self, tail):
        found = self.data[tail.p:]
        return len(found) < SYNC_SIZE and SYNC_START.startswith(
            found[:len(SYNC_START)])

    def judge_broken_closing_mark(self, tail):
        """Whether the tail is one, damaged or torn, and says so."""
        if self.identity is None:
            return False
        start = CLOSING_START + CLOSING_FIELDS.pack(
            self.identity, self.epoch, self.n, self.line & M64,
            tail.p - self.shift & M64, self.stretch_digest(), 0)[:-4]
        wanted = list(start + struct.pack(
            '<I', crc32(start) ^ mix(self.n, self.salt)))
        if tail.after_gap or self.n != tail.n:
            # Line and digest are not known, hence neither is the checksum.
            for at in (*range(42, 50), *range(58, 70)):
                wanted[at] = None
        found = self.data[tail.p:]
        off = len(found) - CLOSING_SIZE
        if off < 0 and all(want in (None, have)
                           for want, have in zip(wanted, found)):
            self.add_finding('TORN', 'torn', tail.p, self.size)
            return True
        if abs(off) <= 16 and agreement(wanted, found) + agreement(
                wanted[::-1], found[::-1]) >= CLOSING_SIZE // 2:
            if is_torn_apart(wanted, found, -tail.p % 512):
                self.add_finding('TORN', 'torn', tail.p, self.size)
            else:
                self.add_finding('CORRUPT', 'closing-mark', tail.p,
                                 self.size, shift=off)
            return True
        return False

    # ---- 10.4  Shift

    def assign_shifts(self):
        for index, (at, x) in enumerate(self.main_marks):
            here = [f for stretch, f in self.gap_findings if stretch == index]
            for finding in here:
                finding['shift'] = 0
            here = [f for f in here if f['cause'] != 'depends-on']
            if here:
                here[-1]['shift'] = x
            elif x:
                self.add_finding('CORRUPT', 'shift', at, at, shift=x)
        for start, at in self.digest_findings:
            self.add_finding('CORRUPT', 'digest', start, at, shift=0)

    # ---- 10.5  What a finding says

    def make_finding(self, verdict, cause, p, q, lost=None, line=None,
                     shift=None):
        durable = 'unknown'
        if lost and lost[0] <= max(self.watermark, self.expect):
            durable = 'yes'
        elif verdict in ('TORN', 'UNORDERED'):
            durable = 'no'
        return dict(verdict=verdict, cause=cause, blob=None,
                    first_record=lost[0] if lost else None,
                    last_record=lost[1] if lost else None, line=line,
                    first_byte=p, last_byte=q - 1, shift=shift,
                    durable=durable, depends_on=None)

    def add_finding(self, *args, **kwargs):
        finding = self.make_finding(*args, **kwargs)
        self.findings.append(finding)
        return finding

    def verdict(self):
        verdicts = {finding['verdict'] for finding in self.findings}
        for name in ('IO', 'CORRUPT', 'FOREIGN', 'UNORDERED', 'TORN'):
            if name in verdicts:
                return name
        return 'OK'

    def lost_ranges(self):
        """Findings that lost records (TORN never does)."""
        return [f for f in self.findings if f['last_record'] is not None]

    def summary(self):
        lost = self.lost_ranges()
        behind = max([self.next_record] +
                     [f['last_record'] + 1 for f in lost
                      if f['cause'] == 'cut'])
        return dict(
            verdict=self.verdict(), records=len(self.records),
            lost=sum(f['last_record'] - f['first_record'] + 1 for f in lost),
            bytes=self.size, findings=len(self.findings), closed=self.closed,
            first_record=self.first_record, next_record=behind)


def is_torn_apart(wanted, found, first):
    """Whether `found` is what a power cut leaves of `wanted`: new bytes and
    zeros, in two sectors of which the first ends behind `first` bytes."""
    wrong = sum(want not in (None, have)
                for want, have in zip(wanted, found))
    if len(found) > len(wanted) or wrong < 2:
        return False
    for part in slice(first), slice(first, len(found)):
        pairs = list(zip(wanted[part], found[part]))
        if not any(all(have == 0 for _, have in itertools.dropwhile(
                lambda pair: pair[0] in (None, pair[1]), way))
                for way in (pairs, pairs[::-1])):
            return False
    return True


def agreement(wanted, found):
    """How many bytes agree before the first that does not; None agrees with
    any byte and does not count."""
    count = 0
    for want, have in zip(wanted, found):
        if want not in (None, have):
            break
        count += want is not None
    return count


# The search for N of section 8, *The salt*, for all N at once: XOR over a
# table of fmix32 as two long integers.

SALT_NUMBERS = 1 << 20


@functools.lru_cache(maxsize=4)
def fmix_table(first):
    """fmix32(N) as u32, for SALT_NUMBERS numbers N from `first` on."""
    table = array('I', (fmix32(n & M32)
                        for n in range(first, first + SALT_NUMBERS)))
    if sys.byteorder == 'big':
        table.byteswap()
    return int.from_bytes(table.tobytes(), 'little')


@functools.lru_cache(maxsize=4)
def fmix_differences(step):
    """fmix32(N) ^ fmix32(N + step) as u32, for N from 1 on."""
    both = fmix_table(1) ^ fmix_table(1 + (step & M32))
    return both.to_bytes(4 * SALT_NUMBERS, 'little')


def solve_salt(triple):
    """The salt on which three record frames agree, for the smallest N."""
    (v1, c1), (v2, c2), (v3, _) = triple
    table, wanted = fmix_differences(c1), struct.pack('<I', v1 ^ v2)
    at = table.find(wanted)
    while at >= 0:
        n = at // 4 + 1
        if at % 4 == 0 and (fmix32(n + c1 & M32) ^ fmix32(n + c1 + c2 & M32)
                            == v2 ^ v3):
            return v1 ^ fmix32(n)
        at = table.find(wanted, at + 1)
    return None


# --------------------------------------------------------------------------
# 10  Names and numbers

VERDICT_NAMES = {1: 'TORN', 2: 'CORRUPT', 3: 'UNORDERED', 4: 'FOREIGN',
                 5: 'IO'}
DURABLE_NAMES = {0: 'unknown', 1: 'no', 2: 'yes'}
CAUSE_NAMES = dict(enumerate((
    'io', 'header', 'foreign', 'stale', 'passed-over', 'order', 'copy',
    'missing', 'zeros', 'ones', 'mark', 'inserted', 'checksum', 'length',
    'head', 'shift', 'digest', 'closing-mark', 'torn', 'cut', 'depends-on',
    'auth', 'dropped'), 1))

# --------------------------------------------------------------------------
# 11  The JSON line view

TYPED = b'{"seglog":'


def compact(value):
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False)


def typed_record(name, body):
    return compact({'seglog': name,
                    'base64': base64.b64encode(body).decode()}).encode()


def gap_line(first, last, lines, verdict, cause, durable, first_byte, size,
             shift, depends_on):
    return compact({
        'seglog': 'gap', 'first': first, 'last': last, 'lines': lines,
        'verdict': verdict, 'cause': cause, 'durable': durable,
        'first_byte': first_byte, 'bytes': size, 'shift': shift,
        'depends_on': depends_on}).encode()


def gap_lines(segment):
    """(number, line) for each damaged range and recorded gap."""
    for f in segment.lost_ranges():
        first, last = f['first_record'], f['last_record']
        yield first, gap_line(
            first, last, last - first + 1, f['verdict'], f['cause'],
            f['durable'], f['first_byte'],
            f['last_byte'] + 1 - f['first_byte'], f['shift'],
            f['depends_on'])
    for g in segment.recorded:
        yield g.first, gap_line(
            g.first, g.last, g.lines, VERDICT_NAMES.get(g.verdict, 'unknown'),
            CAUSE_NAMES.get(g.cause, 'unknown'),
            DURABLE_NAMES.get(g.durable, 'unknown'), g.first_byte,
            g.byte_count, None if g.shift == UNKNOWN_SHIFT else g.shift,
            g.depends_on or None)


def export_lines(segment, typed=False):
    """The bytes that seg2json writes, in pieces."""
    items = [(n, kind, body) for n, kind, body in segment.records]
    if typed:
        items += [(n, None, line) for n, line in gap_lines(segment)]
        items.sort(key=lambda item: item[0])
    for at, (n, kind, body) in enumerate(items):
        is_last = at + 1 == len(items)
        name = typed_name(kind, body, is_last) if typed else None
        if name:
            yield typed_record(name, body) + b'\n'
        elif kind in (PART, TAIL) and is_last:
            yield body
        elif kind == PART and items[at + 1][0] == n + 1:
            yield body
        else:
            # Behind a part too, if the rest of its line is lost.
            yield body + b'\n'


def typed_name(kind, body, is_last):
    """As what a record is written with --gaps, unless it is plain."""
    if kind == TEXT and body.startswith(TYPED):
        return 'text'
    if kind == TAIL and (not (is_last and body) or body.startswith(TYPED)):
        return 'tail'
    return {BYTES: 'bytes', PART: 'part'}.get(kind)


# --------------------------------------------------------------------------
# The command line

def findings_text(segment, blob):
    lines = [compact({**f, 'blob': blob}) for f in segment.findings]
    lines.append(compact({'summary': segment.summary()}))
    return '\n'.join(lines) + '\n'


def exit_status(segment):
    return 0 if segment.verdict() in ('OK', 'TORN') else 3


def beside(path):
    """What finds the dictionaries of a segment in its folder."""
    def dictionary_of(name):
        try:
            with open(os.path.join(os.path.dirname(path), name), 'rb') as file:
                return file.read()
        except FileNotFoundError:
            return None
    return dictionary_of


def read_file(path, expect=0):
    with open(path, 'rb') as file:
        return Segment(file.read(), expect, beside(path))


# --------------------------------------------------------------------------
# 15.3  The footer

FOOTER_FIELDS = struct.Struct('<BBQQQQQqq16sQB')
NO_TIME = ((1 << 63) - 1, -(1 << 63))


class Block:
    def __init__(self, offset, size, first, count, lines, text, times):
        self.offset, self.size, self.first = offset, size, first
        self.count, self.lines, self.text = count, lines, text
        self.times = times


class Footer:
    """What the end of a sealed segment says; Malformed if it does not hold."""

    def __init__(self, body, end, first_record):
        """end: where the footer's frame starts"""
        if (len(body) < FOOTER_FIELDS.size + 8 or body[-4:] != b'SLFT'
                or _u32(body, len(body) - 8) != len(body)):
            raise Malformed
        (kind, version, self.first_record, self.records, self.lines,
         self.lost, self.text_bytes, *times, self.digest, count,
         parent) = FOOTER_FIELDS.unpack_from(body)
        self.times = tuple(times)
        if (kind, version, self.first_record) != (FOOTER, 1, first_record):
            raise Malformed
        at = FOOTER_FIELDS.size
        self.parent = bytes(body[at:at + parent]).decode('utf-8', 'replace')
        at += parent + (16 if parent else 0)
        self.blocks = []
        table = body[:-8]
        behind, number, base = HEADER_SIZE, self.first_record, 0
        for _ in range(count):
            fields = []
            for _ in range(7):
                value, at = varint(table, at)
                fields.append(value)
            skip, size, missing, records, lines, text, code = fields
            times = NO_TIME
            if code:
                code -= 1
                base += code >> 1 ^ -(code & 1)
                span, at = varint(table, at)
                times = base, base + span
            if not records or lines > records or size < SMALLEST_FRAME:
                raise Malformed
            block = Block(behind + skip, size, number + missing, records,
                          lines, text, times)
            self.blocks.append(block)
            behind, number = block.offset + size, block.first + records
        if at != len(table) or behind > end or not self.adds_up(number):
            raise Malformed

    def adds_up(self, behind):
        def total(name):
            return sum(getattr(block, name) for block in self.blocks)
        times = [block.times for block in self.blocks] + [NO_TIME]
        return (total('count') == self.records and total('lines') == self.lines
                and total('text') == self.text_bytes
                and self.times == (min(t[0] for t in times),
                                   max(t[1] for t in times))
                and behind - self.first_record <= self.records + self.lost)


def footer_of(segment):
    """Found from the end; None where that is damaged."""
    data, mark = segment.data, segment.marks.get(segment.size - CLOSING_SIZE)
    if not mark or mark.identity != segment.identity:
        return None
    salt = salt_of(mark.identity, mark.epoch)
    for digest in (0, 8):
        end = segment.size - CLOSING_SIZE - 4 - digest
        size = _u32(data, end - 8)
        start = end - size - 1 - max(1, (size.bit_length() + 7) // 8)
        if (data[end - 4:end] != b'SLFT' or start < HEADER_SIZE
                or (size > DIGEST_OVER) != bool(digest)):
            continue
        frame = segment.frame_at(start, True)
        try:
            if (frame and frame.type == FOOTER
                    and frame.end == segment.size - CLOSING_SIZE
                    and segment.unmixed(frame) == mix(mark.number, salt)
                    and segment.content_is_valid(frame, mark.number)):
                footer = Footer(segment.body_of(frame), start,
                                segment.header.first_record)
                if (footer.first_record + footer.records + footer.lost
                        == mark.number):
                    return footer
        except Malformed:
            pass
    return None


class Blocks(Segment):
    """Walks over the blocks of a sealed segment without decoding them."""

    def plain_records(self, frame):
        if frame.kind != BLOCK:
            return super().plain_records(frame)
        self.seen.append((frame.start, frame.end - frame.start, self.n,
                          self.advance_of(frame)))
        return [(BYTES, b'')] * self.advance_of(frame)

    def check_digest(self, mark):
        pass


def blocks_text(data):
    """A line for each block of a sealed segment, by frames and by footer."""
    Blocks.seen = []
    segment = Blocks(data)
    if not segment.is_sealed:
        raise NotASegment('it is not sealed')
    out = [compact(dict(block=dict(
        offset=offset, bytes=size, first=first, last=first + count - 1)))
        for offset, size, first, count in Blocks.seen]
    footer = footer_of(segment)
    out.append(compact(dict(footer=footer and dict(
        first_record=footer.first_record, records=footer.records,
        lines=footer.lines, lost=footer.lost, text_bytes=footer.text_bytes,
        blocks=len(footer.blocks), digest=footer.digest.hex(),
        parent=footer.parent,
        agrees=Blocks.seen == [(b.offset, b.size, b.first, b.count)
                               for b in footer.blocks]))))
    return '\n'.join(out) + '\n'


def batch(folder):
    for name in sorted(os.listdir(folder)):
        if not name.endswith('.seg'):
            continue
        path = os.path.join(folder, name)
        try:
            segment = read_file(path)
            findings = findings_text(segment, path)
            lines = b''.join(export_lines(segment))
        except NotASegment:
            findings, lines = 'FORMAT\n', b''
        except Undecodable:
            findings, lines = 'UNDECODABLE\n', b''
        with open(path + '.pyfindings', 'w', encoding='utf-8') as out:
            out.write(findings)
        with open(path + '.pylines', 'wb') as out:
            out.write(lines)
    return 0


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    commands = parser.add_subparsers(dest='command', required=True)
    for name in ('lines', 'check', 'attributes', 'blocks'):
        command = commands.add_parser(name)
        command.add_argument('file')
        command.add_argument('--expect', type=int, default=0, metavar='N')
        if name == 'lines':
            command.add_argument('--gaps', action='store_true')
    commands.add_parser('batch').add_argument('dir')
    args = parser.parse_args(argv)
    try:
        if args.command == 'batch':
            return batch(args.dir)
        if args.command == 'blocks':
            with open(args.file, 'rb') as file:
                sys.stdout.write(blocks_text(file.read()))
            return 0
        segment = read_file(args.file, args.expect)
    except (OSError, NotASegment) as error:
        print('read_seglog: %s' % error, file=sys.stderr)
        return 1
    except Undecodable:
        print('read_seglog: blocks that are not plain are not decoded here; '
              'try `blocks`', file=sys.stderr)
        return 1
    out = sys.stdout.buffer
    if args.command == 'check':
        out.write(findings_text(segment, args.file).encode())
    elif args.command == 'attributes':
        out.write(segment.attributes)
    else:
        out.writelines(export_lines(segment, args.gaps))
    out.flush()
    return exit_status(segment)


if __name__ == '__main__':
    sys.exit(main())
