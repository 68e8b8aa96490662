#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of read_columns.py: it reads what the library encodes, at levels that
choose differently, and known blocks; what is changed does no harm."""

import glob
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import read_columns as reader                               # noqa: E402

TESTS = os.path.dirname(os.path.dirname(
    os.environ.get('SEGLOG_MAKE_SEGMENTS', '')))
MAKE_BLOCK = os.path.join(TESTS, 'columns', 'make_block')
CORPUS = os.environ.get('SEGLOG_CORPUS')
LEVELS = (3, 9, 19)
# Of a file of the corpus: to be mixed, these are few bytes, and reading slow.
SAMPLE = 20000


def encode(lines, level):
    text = b''.join(line + b'\n' for line in lines)
    return subprocess.run([MAKE_BLOCK, str(level)], input=text, check=True,
                          stdout=subprocess.PIPE).stdout


def generated(count):
    """Lines for every form of column."""
    state = 1
    total = [0] * 5
    for i in range(count):
        state = (state * 1103515245 + 12345) % (1 << 31)
        a = state >> 7
        who = a % 5
        total[who] += a % 97
        fields = [
            '"ts":"2024-03-18T10:%02d:%02d.%03dZ"' % (i // 60 % 60, i % 60,
                                                      a % 1000),
            '"day":"2024-02-%02d 00:00:%02d.%d+01:00"' % (i % 28 + 1, i % 60,
                                                         a % 9 + 1),
            '"id":%d,"neg":%d' % (1000 + 3 * i, -(a % 50)),
            '"uuid":"%08x-0000-4000-8000-%012x"' % (a, a * 7),
            '"hash":"%016x"' % (a * 0x9E3779B97F4A7C15 % (1 << 64)),
            '"price":%d.%02d,"code":"%06d"' % (a % 1000, a % 100, a % 999983),
            '"level":"%s"' % ('info', 'warn', 'error')[a % 3],
            '"who":"w%d","more":%d,"sum":%d' % (who, a % 97, total[who]),
            '"path":"/data/%x/%x"' % (a % 4099, a % 65521),
            '"msg":"at /data/%x/%x the user w%d had %016x of it"' % (
                a % 4099, a % 65521, who,
                a * 0x9E3779B97F4A7C15 % (1 << 64)),
            '"list":[%s]' % ', '.join(str(k) for k in range(a % 4)),
            '"inner":"{\\"k\\":%d,\\"t\\":\\"a\\\\nb\\"}"' % (a % 7),
            '"null":null,"ok":%s' % ('true' if a % 2 else 'false'),
            '"user":{"id":%d,"tags":["a","b%d"]}' % (who, who),
        ]
        yield ('{' + ','.join(fields) + '}').encode()


ODD = [b'', b'{}', b'[]', b'{"a":1}', b'{"a": 1, "b": [1, 2,3]}', b' {"a":1} ',
       b'not JSON', b'\x00\x01\xff', b'{"a":"\x01"}', b'{"a":01,"a":-0}',
       b'{"":{"":""}}', b'"text"', b'12', b'{"a":"\\u00e9\\/"}', b'{,"a":1}',
       b'{"a":"{\\"b\\":\\"\\\\u0001\\"}"}']


class Reading(unittest.TestCase):
    def setUp(self):
        if not os.path.exists(MAKE_BLOCK):
            self.skipTest('make_block is not there')

    def check(self, lines, level, what):
        want = [(len(line) % 3, line) for line in lines]
        got = reader.read(encode(lines, level))
        for i, (a, b) in enumerate(zip(got, want)):
            self.assertEqual(a, b, f'{what}: record {i} at level {level}')
        self.assertEqual(len(got), len(want), what)

    def test_generated(self):
        for level in (1, *LEVELS):
            for count in (1, 5, 40, 300):
                self.check(list(generated(count)), level, 'generated')

    def test_odd_lines(self):
        for level in LEVELS:
            self.check([], level, 'nothing')
            self.check(ODD, level, 'odd')
            self.check(ODD * 40, level, 'odd, often')

    def test_corpus(self):
        if not CORPUS:
            self.skipTest('no corpus')
        for path in sorted(glob.glob(os.path.join(CORPUS, '*', '*.jsonl'))):
            with open(path, 'rb') as file:
                lines = file.read(SAMPLE).split(b'\n')[:-1]
            self.check(lines, 9, path)
            self.check(lines[:10], 19, path)

    def test_changed_blocks_are_refused_or_read(self):
        block = encode(list(generated(20)), 3)
        for i in range(0, len(block), 3):
            changed = bytearray(block)
            changed[i] ^= 1 << i % 8
            try:
                reader.read(bytes(changed))
            except (reader.Corrupt, StopIteration, RuntimeError):
                pass


class KnownBlocks(unittest.TestCase):
    """What was encoded once can be read for ever."""

    def test_known(self):
        for name, (records, block) in KNOWN.items():
            got = reader.read(bytes.fromhex(block))
            self.assertEqual(got, records, name)


KNOWN = {
    'packed': (
        [(1, b'{"a":0,"b":"x0"}'),
         (1, b'{"a":1,"b":"x1"}'),
         (1, b'{"a":2,"b":"x0"}'),
         (1, b'{"a":3,"b":"x1"}'),
         (1, b'{"a":4,"b":"x0"}'),
         (1, b'{"a":5,"b":"x1"}'),
         (1, b'{"a":6,"b":"x0"}'),
         (1, b'{"a":7,"b":"x1"}'),
         (1, b'text')],
        '010984011100090908000d000000000200020000010000480306091f012a'
        '0100000061006200780000000000000000000000010000020406080a0c0e'
        '0074657874003031303130313031'),
    'mixed': (
        [(1, b'{"a":0,"b":"x0"}'),
         (1, b'{"a":1,"b":"x1"}'),
         (1, b'{"a":2,"b":"x0"}'),
         (1, b'{"a":3,"b":"x1"}'),
         (1, b'{"a":4,"b":"x0"}'),
         (1, b'{"a":5,"b":"x1"}'),
         (1, b'{"a":6,"b":"x0"}'),
         (1, b'{"a":7,"b":"x1"}'),
         (1, b'text')],
        '010984011100090908000d00041fff4c91685f94c3ce2ce3badf97945420'
        '1f1adb9d942da74e61e1775391d2f2'),
    'empty': (
        [],
        '01000009000000000000000000000000000000000000'),
}


if __name__ == '__main__':
    unittest.main()
