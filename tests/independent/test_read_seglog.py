#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of read_seglog.py: known values, golden vectors, and every flip, cut,
insertion and deletion of a small segment."""

import os
import struct
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..')
VECTORS = os.path.join(ROOT, 'format', 'vectors')
sys.path[:0] = [HERE, VECTORS]

import encoder                                              # noqa: E402
import generate                                             # noqa: E402
import hex2seg                                              # noqa: E402
import read_seglog as reader                                # noqa: E402


def pattern(size):
    return bytes((i * 167 + (i >> 8)) & 0xFF for i in range(size))


def read(path):
    with open(path, 'rb') as file:
        return file.read()


class KnownValues(unittest.TestCase):
    def test_section_2(self):
        self.assertEqual(reader.crc32(b'123456789'), 0xCBF43926)
        self.assertEqual(reader.crc32(bytes(24)), 0xA3C1CA20)
        self.assertEqual(reader.fmix32(1), 0x514E28B7)
        self.assertEqual(reader.fmix32(2), 0x30F4C306)
        self.assertEqual(reader.fmix32(0xFFFFFFFF), 0x81F16F39)
        salt = reader.salt_of(bytes(range(16)), 0xC0FFEE01)
        self.assertEqual(salt, 0x9ADDF50E)
        self.assertEqual(reader.mix(1, salt), 0xCB93DDB9)

    def test_fmix32_inverse(self):
        for h in [*range(5000), *range(0xFFFFF000, 1 << 32)]:
            self.assertEqual(reader.fmix32_inverse(reader.fmix32(h)), h)

    def test_xxh3_published_values(self):
        """Made with xxhsum 0.8.1 -H3 over pattern(size)."""
        for size, value in XXH3_VALUES.items():
            self.assertEqual(reader.xxh3(pattern(size)), value, size)

    def test_xxh3_of_reader_and_encoder_agree(self):
        for size in (*range(0, 520), 1023, 1024, 1025, 1088, 1089, 2048,
                     11441):
            data = pattern(size)
            self.assertEqual(reader.xxh3(data), encoder.xxh3(data), size)

    def test_heads_of_a_chain(self):
        """The values of SPEC.md 16.1, which hashlib and libxxhash gave."""
        spec = read(os.path.join(ROOT, 'SPEC.md')).decode()
        for algorithm in 1, 2:
            chain = reader.Chain()
            chain.meet(bytes([5, algorithm, 0]), 1)
            heads = [b'']
            for n in range(3):
                chain.add(0, b'event-%d' % n)
                heads.append(chain.head)
                self.assertIn(chain.head.hex(), spec)
            for number in 2, 1:
                chain.head = heads[3]
                chain.add(2, struct.pack('<Q', number) + heads[number - 1]
                          + heads[number])
                self.assertIn(chain.head.hex(), spec)
            chain.head = b''
            chain.add(0, b'')
            self.assertIn(chain.head.hex(), spec)

    def test_solve_salt(self):
        for n, a, b in ((1, 1, 1), (77, 3, 1), (1 << 20, 1, 40),
                        (5, (1 << 32) - 3, 2)):
            triple = [(reader.fmix32(m & reader.M32) ^ 0xABCD1234, c)
                      for m, c in ((n, a), (n + a, b), (n + a + b, 1))]
            self.assertEqual(reader.solve_salt(triple), 0xABCD1234)
            triple[2] = triple[2][0] ^ 1, 1
            self.assertIsNone(reader.solve_salt(triple))

    def test_varint_has_one_legal_form(self):
        for value in (0, 1, 127, 128, 16383, 16384, (1 << 63) - 1):
            raw = encoder.varint(value)
            self.assertEqual(reader.varint(raw, 0), (value, len(raw)))
        for raw in (b'', b'\x80', b'\x80\x00', b'\xFF' * 9 + b'\x01',
                    b'\x80' * 10 + b'\x01'):
            with self.assertRaises(reader.Malformed):
                reader.varint(raw, 0)


class Vectors(unittest.TestCase):
    def names(self):
        for folder in ('good', 'bad', 'unsupported'):
            for name in sorted(os.listdir(os.path.join(VECTORS, folder))):
                if name.endswith('.hex'):
                    yield os.path.join(VECTORS, folder, name[:-4])

    def check(self, path):
        data = hex2seg.parse(read(path + '.hex').decode())
        findings = read(path + '.findings').decode()
        if findings == 'FORMAT\n':
            with self.assertRaises(reader.NotASegment):
                reader.Segment(data)
            return
        expect = path + '.expect'
        expect = int(read(expect)) if os.path.exists(expect) else 0
        dictionary = path + '.dictionary'
        segment = reader.Segment(
            data, expect, lambda name: read(dictionary)
            if os.path.exists(dictionary) else None)
        self.assertEqual(reader.findings_text(
            segment, os.path.basename(path) + '.seg'), findings)
        self.assertEqual(b''.join(reader.export_lines(segment)),
                         read(path + '.jsonl'))
        said = path + '.attributes'
        self.assertEqual(segment.attributes,
                         read(said) if os.path.exists(said) else b'')
        if os.path.exists(path + '.gaps.jsonl'):
            self.assertEqual(b''.join(reader.export_lines(segment, True)),
                             read(path + '.gaps.jsonl'))

    def test_each_vector(self):
        count = 0
        for path in self.names():
            with self.subTest(os.path.relpath(path, VECTORS)):
                self.check(path)
                count += 1
        self.assertGreater(count, 60)

    def test_chains(self):
        """Every head is the right one, and one that is not is told."""
        for name, heads in ('chained', 3), ('chained-xxh3', 2):
            path = os.path.join(VECTORS, 'good', name + '.hex')
            raw = hex2seg.parse(read(path).decode())
            chain = reader.Segment(raw).chain
            self.assertEqual((chain.heads, chain.breaks), (heads, []))
            log = bytearray(raw)
            at = raw.index(b'event-')
            size = log[at - 1]
            log[at] ^= 1
            first = 4 if name == 'chained-xxh3' else 1
            salt = reader.salt_of(bytes(range(16)), 0xC0FFEE01)
            struct.pack_into('<I', log, at + size, reader.crc32(
                log[at - 2:at + size]) ^ reader.mix(first, salt))
            chain = reader.Segment(bytes(log)).chain
            self.assertEqual(chain.breaks, [(first, 4 if first == 1 else 5)])

    def test_every_cause_of_version_1_has_a_vector(self):
        found = set()
        for path in self.names():
            for line in read(path + '.findings').decode().splitlines():
                if line.startswith('{"verdict"'):
                    found.add(line.split('"')[7])
        # These need a store that fails, or one that is encrypted; the last
        # one is in recorded gaps only.
        self.assertEqual(set(reader.CAUSE_NAMES.values()) - found,
                         {'io', 'auth', 'dropped'})

    def test_files_are_what_generate_writes(self):
        status = subprocess.run(
            [sys.executable, '-B', os.path.join(VECTORS, 'generate.py'),
             '--check'], capture_output=True, text=True)
        self.assertEqual((status.returncode, status.stderr), (0, ''))


class EveryDamage(unittest.TestCase):
    """One damage anywhere costs at most the frame in which it is."""

    def setUp(self):
        self.logs = []
        for close in (True, False):
            log = encoder.Log(sync_log2=9, auto_sync=True)
            for n in range(1, 20):
                if n % 7 == 3:
                    log.group([b'{"g":%d}' % n, (encoder.BYTES, b'\0\n'),
                               b''])
                else:
                    log.record(b'{"n":%d,"say":"%s"}' % (
                        n, b'aq!P' * (n * 5 % 8)), durable=n % 4 == 0)
            if close:
                log.closing()
            self.logs.append(log)

    def frames(self, log):
        """(first byte, behind last, record numbers) of each part."""
        at = 0
        for part in log.parts:
            words = part.name.split()
            numbers = range(0)
            if words[0] in ('record', 'records'):
                first, _, last = words[1].partition('-')
                numbers = range(int(first), int(last or first) + 1)
            yield at, at + len(part), set(numbers)
            at += len(part)

    def judge(self, log, data, allowed):
        """At most `allowed` is missing, exactly what is missing is named."""
        segment = reader.Segment(bytes(data))
        good = {n: (kind, body) for n, kind, body in segment.records}
        for n, record in good.items():
            self.assertEqual(record, log.records[n])
        missing = set(log.records) - set(good)
        self.assertLessEqual(missing, allowed)
        lost = set()
        for finding in segment.lost_ranges():
            lost.update(range(finding['first_record'],
                              finding['last_record'] + 1))
        if segment.verdict() == 'TORN':
            # The end of the log: nothing tells that it was there.
            self.assertEqual(lost, set())
            self.assertIn(max(missing, default=max(log.records)),
                          [max(log.records)])
        else:
            self.assertEqual(lost, missing)
        self.assertTrue(segment.findings)
        return segment

    def test_undamaged(self):
        for log in self.logs:
            segment = reader.Segment(log.raw())
            self.assertEqual(segment.findings, [])
            self.assertEqual(len(segment.records), len(log.records))

    def test_every_bit_flip(self):
        for log in self.logs:
            raw = log.raw()
            for start, end, numbers in self.frames(log):
                for at in range(start, end):
                    for bit in range(8):
                        data = bytearray(raw)
                        data[at] ^= 1 << bit
                        with self.subTest(at=at, bit=bit):
                            self.judge(log, data, numbers)

    def test_every_deleted_byte(self):
        for log in self.logs:
            raw = log.raw()
            for start, end, numbers in self.frames(log):
                for at in range(start, end):
                    with self.subTest(at=at):
                        self.judge_tail(log, raw[:at] + raw[at + 1:],
                                        numbers, -1)

    def test_every_inserted_byte(self):
        for log in self.logs:
            raw = log.raw()
            for start, end, numbers in self.frames(log):
                for at in range(start, end):
                    for byte in (0x00, 0x21, 0x61, 0xFF):
                        data = raw[:at] + bytes([byte]) + raw[at:]
                        with self.subTest(at=at, byte=byte):
                            self.judge_tail(
                                log, data,
                                numbers if at > start else set(), 1)

    def judge_tail(self, log, data, numbers, shift):
        segment = self.judge(log, data, numbers)
        if segment.closed:
            self.assertEqual(
                [finding['shift'] for finding in segment.findings], [shift])

    def test_every_cut(self):
        for log in self.logs:
            raw = log.raw()
            frames = list(self.frames(log))
            for size in range(len(raw)):
                segment = reader.Segment(raw[:size])
                whole = set()
                for _, end, numbers in frames:
                    if end <= size:
                        whole |= numbers
                self.assertEqual({n for n, _, _ in segment.records}, whole)
                at_boundary = any(size == end for _, end, _ in frames)
                self.assertEqual(segment.verdict(),
                                 'OK' if at_boundary else 'TORN', size)

    def test_every_expected_number_behind_a_cut(self):
        log = self.logs[1]
        for start, end, numbers in self.frames(log):
            for number in numbers:
                segment = reader.Segment(log.raw()[:end - 1], number)
                self.assertEqual(segment.verdict(), 'CORRUPT')
                finding = segment.findings[-1]
                self.assertEqual(
                    (finding['cause'], finding['first_record'],
                     finding['last_record'], finding['first_byte']),
                    ('cut', min(numbers), number, start))


class CommandLine(unittest.TestCase):
    def run_reader(self, *arguments):
        return subprocess.run(
            [sys.executable, '-B', os.path.join(HERE, 'read_seglog.py'),
             *arguments], capture_output=True)

    def test_exit_status(self):
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            for name, status in (('good/kinds', 0), ('bad/torn', 0),
                                 ('bad/checksum', 3),
                                 ('unsupported/version-2', 1)):
                text = read(os.path.join(VECTORS, name + '.hex')).decode()
                path = os.path.join(folder, os.path.basename(name) + '.seg')
                with open(path, 'wb') as out:
                    out.write(hex2seg.parse(text))
                for command in ('check', 'lines'):
                    got = self.run_reader(command, path)
                    self.assertEqual(got.returncode, status, name)
            self.assertEqual(self.run_reader('batch', folder).returncode, 0)
            self.assertEqual(
                read(os.path.join(folder, 'kinds.seg.pylines')),
                read(os.path.join(VECTORS, 'good', 'kinds.jsonl')))
            self.assertEqual(
                read(os.path.join(folder, 'version-2.seg.pyfindings')),
                b'FORMAT\n')
            self.assertEqual(
                self.run_reader('check', folder + '/none').returncode, 1)
        self.assertEqual(self.run_reader('nonsense').returncode, 2)


XXH3_VALUES = {
    0: 0x2D06800538D394C2, 1: 0xC44BDFF4074EECDB, 2: 0x82E837CABACA9897,
    3: 0xF3EA324084D6587C, 4: 0x93BFF9036CFF6C84, 5: 0xB9E6D42E4AEE59A6,
    7: 0x916C593BE6BEACCD, 8: 0xF9C04D813DA5EAE2, 9: 0x3AE7CCCFFD37339C,
    12: 0x3A4AA4C451FE1173, 15: 0x2D518CDB81CDAB3A, 16: 0x34E9BEADA9992231,
    17: 0x99E05057A4D42653, 31: 0x3BE76F1A8818CD1D, 32: 0xFDE5055DBB10CC4A,
    33: 0x0EF442EBD1C92301, 63: 0xC3B9C47B072B8ED6, 64: 0x25BE06E38AB4FFC9,
    65: 0x5181FF92D751B06F, 95: 0x7FB6B83FFE2519CE, 96: 0x387322B263FAB18C,
    97: 0x333110C4C15D6D86, 127: 0xB001CFBC235A09D8, 128: 0x23D85CE687B3EB7F,
    129: 0xF80A7353A5A78CE7, 143: 0x724F32B1A3CBE1DF, 144: 0x7EEC1EDBCCEE2E13,
    160: 0x18C0D4ED46E4E7FF, 239: 0x674ADAFA1ECE614D, 240: 0xE77E31C41B3AAB1E,
    241: 0x9DC4F9091538415E, 255: 0x717D95FF74337BF2, 256: 0xF10740CC92F50822,
    511: 0xC341A0CC8FCA1734, 512: 0x352C722938D4E7A2, 513: 0x0249996E17019839,
    1023: 0x8B843ABC83DC6901, 1024: 0x538A456F0D08C251,
    1025: 0x66637A3581E4FD54, 1087: 0x6A17653BE22FD71D,
    1088: 0x4EACBD686468C2AD, 1089: 0xD7F5DB4EF114BEC2,
    2047: 0xD69D3C3DD99EE20F, 2048: 0x0DC0C08D9925BEDE,
    2049: 0xA7C73F685D109063, 4096: 0xF3DF34840238D3B8,
    11440: 0xFE552EED09D385AD, 11441: 0xAF3B3AACC99D28A6,
    65537: 0x072AA14F69720813,
}

if __name__ == '__main__':
    unittest.main()
