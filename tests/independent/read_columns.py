#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A decoder of blocks of columns, from SPEC.md appendix B alone.

    read_columns.py BLOCK      prints the records, each with its kind

It shares nothing with the library but libzstd, for the frames.  It is slow.
"""

import base64
import ctypes
import ctypes.util
import datetime
import sys

META, TARGET, SHAPE, TOKEN, NUMBER, BINARY, TEXT, DICT = range(8)
GROUPINGS = ((0, 0, 1, 2, 3, 4, 5, 5), (0, 0, 1, 0, 2, 3, 1, 1),
             (0, 0, 0, 0, 1, 2, 0, 0), (0,) * 8)
M32 = (1 << 32) - 1
M64 = (1 << 64) - 1


class Corrupt(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Corrupt(what)


def signed(value):
    value &= M64
    return value - (1 << 64) if value >> 63 else value


# -- B.1 ---------------------------------------------------------------------

class Stream:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        need(count <= len(self.data) - self.at, 'stream is too short')
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & M64
        raise Corrupt('varint is too long')

    def text(self):
        end = self.data.find(b'\0', self.at)
        need(end >= 0, 'text has no end')
        text = self.data[self.at:end]
        self.at = end + 1
        return text


def zstd_unpack(packed, size):
    lib = ctypes.CDLL(ctypes.util.find_library('zstd') or 'libzstd.so.1')
    lib.ZSTD_decompress.restype = ctypes.c_size_t
    lib.ZSTD_decompress.argtypes = (ctypes.c_void_p, ctypes.c_size_t,
                                    ctypes.c_char_p, ctypes.c_size_t)
    frame = b'\x28\xB5\x2F\xFD' + packed
    room = ctypes.create_string_buffer(max(size, 1))
    got = lib.ZSTD_decompress(room, size, frame, len(frame))
    need(got == size, 'zstd frame')
    return room.raw[:size]


def streams_read(block, lengths, grouping):
    streams = [b''] * 8
    if grouping == 4:
        need(1 <= sum(lengths) <= 32768, 'size of what is mixed')
        data = Mixer(lengths).unpack(block.take(block.varint()))
        for i, length in enumerate(lengths):
            streams[i], data = data[:length], data[length:]
        return [Stream(s) for s in streams]
    need(grouping < 4, 'grouping')
    for group in range(8):
        members = [i for i in range(8) if GROUPINGS[grouping][i] == group]
        size = sum(lengths[i] for i in members)
        if size == 0:
            continue
        packed = block.varint()
        data = (block.take(size) if packed == 0
                else zstd_unpack(block.take(packed), size))
        for i in members:
            streams[i], data = data[:lengths[i]], data[lengths[i]:]
    return [Stream(s) for s in streams]


# -- B.8 ---------------------------------------------------------------------

POINTS = (1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546,
          2047, 2549, 2994, 3348, 3607, 3785, 3901, 3975, 4022, 4050, 4068,
          4079, 4085, 4089, 4092, 4093, 4094)
ONE = (1 << 22) - 1
ORDERS = (0, 1, 2, 3, 4, 6)


def squash(d):
    if d > 2047:
        return 4095
    k, f = divmod(d + 2048, 128)
    return (POINTS[k] * (128 - f) + POINTS[k + 1] * f + 64) // 128


def stretch_table():
    table = []
    d = -2047
    for x in range(4096):
        while d < 2047 and squash(d) < x:
            d += 1
        table.append(d)
    return table


def key_hash(key):
    return (key * 0x9E3779B97F4A7C15 & M64) >> 32


class Mixer:
    def __init__(self, lengths):
        self.lengths = lengths
        self.size = 4096
        while self.size < 8 * sum(lengths):
            self.size *= 2
        self.slots = [{} for _ in range(7)]
        self.matches = []
        for length in range(32):
            other = ONE // (length + 2)
            self.matches.append(([other, 0], [ONE - other, 0]))
        self.rows = [[14417] * 7 + [32768, 0] for _ in range(24)]
        self.places = [0] * 4096
        self.recent = self.word = self.length = self.match = 0
        self.stretch = stretch_table()
        self.known = bytearray()

    def unpack(self, packed):
        self.packed = iter(packed)
        self.low, self.high = 0, M32
        self.code = int.from_bytes(bytes(self.next() for _ in range(4)), 'big')
        first = True
        for stream, length in enumerate(self.lengths):
            if length > 0 and not first:
                self.recent = self.word = self.length = 0
            first = first and length == 0
            for _ in range(length):
                self.byte(stream)
        return bytes(self.known)

    def next(self):
        return next(self.packed, 0)

    def byte(self, stream):
        hashes = []
        for order in ORDERS:
            low = self.recent & ((1 << 8 * order) - 1)
            hashes.append(key_hash(low * 64 + order +
                                   (8 * stream if order <= 2 else 0)))
        hashes.append(key_hash(self.word * (1 << 14) +
                               (self.recent & 255) * 64 + 7))
        part = 1
        for j in range(8):
            part = part * 2 + self.bit(hashes, part, j)
        self.after(part & 255)

    def bit(self, hashes, part, j):
        used = []
        for i in range(7):
            a = (hashes[i] + part * 0x9E3779B1) & M32
            a ^= a >> 15
            a = a * 0x2C1B3C6D & M32
            a ^= a >> 13
            used.append(self.slots[i].setdefault(a % self.size, [1 << 21, 0]))
        inputs = [self.stretch[slot[0] >> 10] for slot in used]
        inputs += [0, 256]
        row = 4 * sum(used[i] != [1 << 21, 0] for i in range(1, 6))
        if self.length > 0:
            want = 256 + self.known[self.match]
            if want >> (8 - j) != part:
                self.length = 0
            else:
                slot = self.matches[self.length][want >> (7 - j) & 1]
                inputs[7] = self.stretch[slot[0] >> 10]
                used.append(slot)
                row += (3 if self.length > 15 else
                        2 if self.length > 5 else 1)
        weights = self.rows[row]
        d = sum(i * w for i, w in zip(inputs, weights)) >> 16
        p = squash(max(-2047, min(2047, d)))
        middle = self.low + ((self.high - self.low) * p >> 12)
        y = int(self.code <= middle)
        if y:
            self.high = middle
        else:
            self.low = middle + 1
        error = (4096 * y - p) * 10
        for i in range(9):
            weights[i] += (inputs[i] * error + 8192) >> 14
        for slot in used:
            step = 655360 // (10 * slot[1] + 14)
            slot[0] += ((ONE if y else 0) - slot[0]) * step >> 16
            slot[1] = min(slot[1] + 1, 24)
        while self.low >> 24 == self.high >> 24:
            self.low = self.low << 8 & M32
            self.high = (self.high << 8 & M32) | 255
            self.code = (self.code << 8 & M32) | self.next()
        return y

    def after(self, v):
        known = self.known
        known.append(v)
        n = len(known)
        self.recent = (self.recent * 256 + v) & M64
        is_letter = 65 <= v <= 90 or 97 <= v <= 122
        self.word = (self.word + v) * 0x2F0B4C47 & M32 if is_letter else 0
        if self.length > 0 and known[self.match] == v:
            self.match += 1
            self.length = min(self.length + 1, 31)
        else:
            self.length = 0
        h = key_hash(self.recent << 24 & M64) >> 20
        q, self.places[h] = self.places[h], n
        if self.length == 0 and q > 0:
            length = 0
            while (length < min(31, q) and
                   known[q - 1 - length] == known[n - 1 - length]):
                length += 1
            if length >= 4:
                self.length, self.match = length, q


# -- B.2 ---------------------------------------------------------------------

class Decoder:
    def __init__(self, block):
        block = Stream(block)
        need(block.take(1) == b'\x01', 'version')
        self.count = block.varint()
        self.bytes = block.varint()
        lengths = [block.varint() for _ in range(8)]
        need(sum(lengths) <= 2 * self.bytes + 2 * self.count + 4096, 'lengths')
        self.streams = streams_read(block, lengths, block.varint())
        need(block.at == len(block.data), 'bytes behind the groups')
        self.parts = self.bytes // 16 + 4096

    def meta(self):
        return self.streams[META].varint()

    def part(self, count):
        self.parts -= count
        need(self.parts >= 0, 'too many parts')

    def integers(self, n):
        def value(bits):
            return bits >> 1 ^ -(bits & 1)
        mode = self.meta()
        numbers = self.streams[NUMBER]
        if mode == 0:
            return [value(self.meta())] * n
        if mode in (1, 2):
            end = self.meta() + numbers.at if n > 16 else None
            result = [value(numbers.varint()) for _ in range(n)]
            need(end in (None, numbers.at), 'length of integers')
        else:
            width = mode - (16 if mode > 16 else 8)
            need(1 <= width <= 8, 'mode of integers')
            planes = [numbers.take(n) for _ in range(width)]
            result = [value(int.from_bytes(b, 'little')) for b in zip(*planes)]
        if mode == 2 or mode > 16:
            for i in range(1, n):
                result[i] = signed(result[i] + result[i - 1])
        return [signed(v) for v in result]

    # -- B.3 -----------------------------------------------------------------

    def records(self):
        kinds = self.integers(self.count)
        frames = self.integers(self.count)
        lengths = iter(self.integers(frames.count(0)))
        texts = [self.streams[TEXT].take(n) for n in lengths]
        styles = self.meta()
        need(styles <= 64, 'styles')
        shape = self.streams[SHAPE]
        styles = [(shape.text(), shape.text()) for _ in range(styles)]
        self.meta(), self.meta()
        self.paths = []
        values = self.count - len(texts)
        if values > 0:
            self.path_new(None).count = values
            for path in self.paths:
                self.path_read(path)
        for path in self.paths:
            for symbol in path.symbols:
                for target in symbol.targets:
                    need(target < len(self.paths), 'target')
                if symbol.head == 5:
                    self.paths[symbol.targets[0]].is_named = True
        for path in self.paths:
            if path.is_named:
                self.part(path.containers)
        texts = iter(texts)
        total = 0
        for kind, frame in zip(kinds, frames):
            need(0 <= kind <= 255, 'kind')
            if frame == 0:
                record = next(texts)
            else:
                need(0 < frame <= len(styles), 'style')
                lead, trail = styles[frame - 1]
                record = lead + self.value(self.paths[0]) + trail
            total += len(record)
            need(total <= self.bytes, 'bytes')
            yield kind, record
        need(total == self.bytes, 'bytes')

    # -- B.4 -----------------------------------------------------------------

    def path_new(self, parent):
        self.part(1)
        path = Path()
        self.paths.append(path)
        if parent:
            path.depth = parent.depth + 1
            need(path.depth <= 66, 'depth')
            path.strings = parent.strings
        return path

    def path_read(self, path):
        head = self.meta()
        n = 1 if head < 72 else head - 70
        need(n <= 65536, 'symbols')
        self.part(n)
        path.tokens = iter([0] * path.count)
        counts = [path.count]
        if n > 1:
            tokens = list(self.streams[TOKEN].take(path.count))
            if n > 256:
                high = self.streams[TOKEN].take(path.count)
                tokens = [a + 256 * b for a, b in zip(tokens, high)]
            path.tokens = iter(tokens)
            counts = [0] * n
            for token in tokens:
                need(token < n, 'token')
                counts[token] += 1
        for i in range(n):
            symbol = Symbol(head if n == 1 else self.meta())
            path.symbols.append(symbol)
            need(counts[i] > 0, 'symbol of no value')
            self.symbol_read(path, symbol, counts[i])

    def symbol_read(self, path, symbol, c):
        head = symbol.head
        shape = self.streams[SHAPE]
        need(head < 72, 'head')
        if head == 3:
            self.object_read(path, symbol, c)
        elif head == 4:
            symbol.texts = [shape.text() for _ in range(3)]
            need(all(symbol.texts), 'array')
            counts = self.integers(c)
            need(min(counts) >= 0 and sum(counts) <= self.bytes, 'elements')
            symbol.integers = iter(counts)
            if sum(counts) > 0:
                path.element = path.element or self.path_new(path)
                path.element.count += sum(counts)
        elif head == 5:
            symbol.targets = [self.streams[TARGET].varint()]
            symbol.integers = iter(self.integers(c))
        elif head == 6:
            if not path.string:
                path.string = self.path_new(path)
                path.string.strings += 1
                need(path.string.strings <= 2, 'strings in strings')
            path.string.count += c
        elif head == 7:
            symbol.targets = [self.streams[TARGET].varint()]
        elif head >= 8:
            self.column_read(symbol, c)
        if head in (3, 4):
            path.containers += c

    def object_read(self, path, symbol, c):
        shape = self.streams[SHAPE]
        keys, spelling = divmod(self.meta(), 3)
        self.part(keys + 1)
        for i in range(keys):
            text = key = shape.text()
            if spelling == 2:
                first, last = text.find(b'"'), text.rfind(b'"')
                need(first < last, 'key')
                key = text[first + 1:last]
            else:
                space = b' ' if spelling else b''
                text = ((b'{"' if i == 0 else b',' + space + b'"') + key +
                        b'":' + space)
            if key not in path.keys:
                path.keys[key] = self.path_new(path)
            path.keys[key].count += c
            symbol.pieces.append((text, path.keys[key]))
        symbol.end = (shape.text() if spelling == 2 else
                      b'}' if keys else b'{}')
        need(symbol.end, 'end of object')

    def value(self, path):
        symbol = path.symbols[next(path.tokens)]
        head = symbol.head
        if head < 3:
            return (b'null', b'true', b'false')[head]
        if head in (3, 4):
            number = len(path.begun)
            path.begun.append(None)
            path.begun[number] = self.container(path, symbol)
            return path.begun[number]
        if head == 5:
            target = self.paths[symbol.targets[0]]
            back = next(symbol.integers)
            need(0 <= back < len(target.begun), 'reference')
            result = target.begun[-1 - back]
            need(result is not None, 'reference to what has not ended')
            return result
        if head == 6:
            return b'"' + escape(self.value(path.string)) + b'"'
        if head == 7:
            result = self.paths[symbol.targets[0]].last
            need(result is not None, 'copy of nothing')
        else:
            result = symbol.prefix + self.scalar(symbol) + symbol.suffix
            if head % 2 == 0:
                result = b'"' + result + b'"'
            need(result, 'empty value')
        path.last = result
        return result

    def container(self, path, symbol):
        if symbol.head == 3:
            parts = []
            for text, child in symbol.pieces:
                parts += [text, self.value(child)]
            return b''.join(parts) + symbol.end
        start, separator, end = symbol.texts
        values = [self.value(path.element)
                  for _ in range(next(symbol.integers))]
        return start + separator.join(values) + end

    # -- B.5 -----------------------------------------------------------------

    def column_read(self, symbol, c):
        form = (symbol.head - 8) % 32 // 2
        shape, dictionary = self.streams[SHAPE], self.streams[DICT]
        text, binary = self.streams[TEXT], self.streams[BINARY]
        if symbol.head >= 40:
            symbol.prefix, symbol.suffix = shape.text(), shape.text()
        symbol.form = form
        if form == 9:
            self.targets_read(symbol, self.meta(), 250)
        if form in (0, 9):
            end = text.at + self.meta() if c > 16 else None
            symbol.items = [text.text() for _ in range(c)]
            need(end in (None, text.at), 'length of texts')
        elif form == 1:
            length = self.meta()
            symbol.items = [text.take(length) for _ in range(c)]
        elif form == 2:
            symbol.items = [dictionary.text()] * c
        elif form == 3:
            size = self.meta()
            self.part(size)
            texts = [dictionary.text() for _ in range(size)]
            indexes = self.integers(c)
            need(0 <= min(indexes) and max(indexes) < size, 'dictionary')
            symbol.items = [texts[i] for i in indexes]
        elif form in (4, 10):
            symbol.digits, symbol.width = self.meta(), self.meta()
            need(symbol.digits <= 12 and symbol.width <= 18, 'decimal')
            if form == 10:
                targets, symbol.most = self.meta(), self.meta()
                self.part(symbol.most)
                self.targets_read(symbol, targets, 2)
        elif form in (5, 6):
            length = 16 if form == 6 else self.meta()
            symbol.items = [binary.take(length).hex().encode()
                            for _ in range(c)]
            if form == 6:
                symbol.items = [b'-'.join((t[:8], t[8:12], t[12:16], t[16:20],
                                           t[20:])) for t in symbol.items]
        elif form == 7:
            lengths = self.integers(c)
            need(min(lengths) >= 0, 'base64')
            symbol.items = [base64.b64encode(binary.take(n)) for n in lengths]
        elif form == 8:
            bits = self.meta()
            symbol.digits, symbol.is_trimmed = bits & 15, bool(bits & 16)
            symbol.separator = ' ' if bits & 32 else 'T'
            symbol.zone = shape.text()
            need(bits < 64 and symbol.digits <= 9 and len(symbol.zone) <= 6,
                 'time')
        else:
            need(form == 11, 'form')
        if form in (4, 8, 10, 11):
            symbol.items = self.integers(c)
        symbol.items = iter(symbol.items)

    def targets_read(self, symbol, count, most):
        need(1 <= count <= most, 'targets')
        self.part(count)
        symbol.targets = [self.streams[TARGET].varint() for _ in range(count)]

    def last(self, symbol, number):
        text = self.paths[symbol.targets[number]].last
        if text is not None and text[:1] == b'"':
            return text[1:-1]
        return text

    def scalar(self, symbol):
        item = next(symbol.items)
        if symbol.form == 8:
            return time_print(symbol, item)
        if symbol.form == 9:
            return self.woven(symbol, item)
        if symbol.form == 10:
            item = self.keyed(symbol, item)
        if symbol.form in (4, 10, 11):
            return decimal_print(symbol, item)
        return item

    def woven(self, symbol, item):
        result = b''
        at = 0
        while (mark := item.find(b'\x01', at)) >= 0:
            slot = item[mark + 1:mark + 2]
            need(slot and slot[0] <= len(symbol.targets), 'slot')
            filled = self.last(symbol, slot[0] - 1)
            need(filled is not None, 'slot of nothing')
            result += item[at:mark] + filled
            at = mark + 2
        return result + item[at:]

    # -- B.7 -----------------------------------------------------------------

    def keyed(self, symbol, item):
        key = self.last(symbol, 0)
        need(key is not None, 'key')
        more = 0
        if len(symbol.targets) > 1:
            text = self.last(symbol, 1) or b''
            digits = text[1:] if text[:1] == b'-' else text
            if (digits.isdigit() and len(digits) <= 18 and
                    str(int(text)).encode() == text):
                more = int(text)
        symbol.keys[key] = signed(symbol.keys.get(key, 0) + item + more)
        need(len(symbol.keys) <= symbol.most, 'keys')
        return symbol.keys[key]


class Path:
    def __init__(self):
        self.count = self.depth = self.strings = self.containers = 0
        self.symbols, self.keys, self.begun = [], {}, []
        self.element = self.string = self.last = None
        self.is_named = False


class Symbol:
    def __init__(self, head):
        self.head = head
        self.pieces, self.targets, self.keys = [], [], {}
        self.prefix = self.suffix = b''
        self.digits = self.width = 0


# -- B.4, B.6 ----------------------------------------------------------------

ESCAPES = {8: b'\\b', 9: b'\\t', 10: b'\\n', 12: b'\\f', 13: b'\\r',
           34: b'\\"', 92: b'\\\\'}


def escape(text):
    return b''.join(ESCAPES.get(c) or (b'\\u00%02x' % c if c < 32 else
                                       bytes((c,))) for c in text)


def decimal_print(symbol, value):
    digits = str(abs(value)).zfill(symbol.digits + max(symbol.width, 1))
    if symbol.digits:
        digits = digits[:-symbol.digits] + '.' + digits[-symbol.digits:]
    return (('-' if value < 0 else '') + digits).encode()


def time_print(symbol, value):
    unit = 10 ** symbol.digits
    seconds, fraction = divmod((value & M64) % (7258118400 * unit), unit)
    date = (datetime.datetime(1970, 1, 1) +
            datetime.timedelta(seconds=seconds))
    text = date.strftime(f'%Y-%m-%d{symbol.separator}%H:%M:%S')
    if symbol.digits:
        text += '.' + str(fraction).zfill(symbol.digits)
        if symbol.is_trimmed:
            text = text.rstrip('0').rstrip('.')
    return text.encode() + symbol.zone


def read(block):
    """The records of a block: kind and bytes of each."""
    return list(Decoder(block).records())


def main():
    with open(sys.argv[1], 'rb') as file:
        for kind, record in read(file.read()):
            sys.stdout.buffer.write(b'%d ' % kind + record + b'\n')


if __name__ == '__main__':
    main()
