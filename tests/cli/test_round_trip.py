#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seg2json(json2seg(x)) == x for every x.

Goal    no input is changed, dropped or refused, whatever it is.
Method  real logs, every odd case that has a name, and random files.
"""
import json
import os
import random
import unittest

import cli
from cli import DAMAGED, OK, RECORD_MAX


def deep(depth):
    return b"[" * depth + b"]" * depth


NAMED = {
    "nothing": b"",
    "one line feed": b"\n",
    "only line feeds": b"\n" * 1000,
    "no line feed at all": b'{"a":1}',
    "no line feed at the end": b'{"a":1}\n{"b":2}',
    "one byte": b"x",
    "crlf": b'{"a":1}\r\n{"b":2}\r\n',
    "crlf without the last": b'{"a":1}\r\n{"b":2}\r',
    "cr alone": b'{"a":1}\r{"b":2}\r',
    "cr and blank lines": b"\r\n\r\n\n\r",
    "blanks": b" \n\t\n  {}  \n\v\f\n",
    "byte order mark": b'\xef\xbb\xbf{"a":1}\n',
    "only a byte order mark": b"\xef\xbb\xbf",
    "byte order mark later": b'{}\n\xef\xbb\xbf{"a":1}\n',
    "half a byte order mark": b'\xef\xbb{"a":1}\n',
    "utf-16": '{"a":1}\n'.encode("utf-16"),
    "nul": b"\0",
    "nul run": b'{"a":1}\n' + b"\0" * 5000 + b'{"b":2}\n',
    "nul run at the end": b'{"a":1}\n' + b"\0" * 4096,
    "invalid utf-8": b'{"a":"\xff\xfe\xc0\x80\xed\xa0\x80"}\n',
    "cut utf-8": '{"a":"ä'.encode()[:-1],
    "every byte": bytes(range(256)) * 3,
    "only 0xff": b"\xff" * 999,
    "glued": b'{"a":1}{"b":2}\n',
    "torn and glued": b'{"a":"hel{"b":2}\n',
    "pretty printed": json.dumps({"a": [1, {"b": None}]}, indent=2).encode(),
    "plain text": b"panic: runtime error\ngoroutine 1 [running]:\n",
    "deep": deep(100_000) + b"\n",
    "deep and open": b'{"a":' * 100_000,
    "huge number": b"1" * 100_000 + b"\n",
    "duplicate keys": b'{"a":1,"a":2}\n',
    "lone surrogates": b'{"a":"\\ud800\\udfff\\ud800x"}\n',
    "number spellings": b"[61.600,-0,1e999,1E+2,12345678901234567890]\n",
    "looks typed": b'{"seglog":"gap","first":1}\n{"seglog":"bytes"}\n',
    "the magic": b"\x89SLG\r\n\x1a\n" * 3,
}


class NamedTest(cli.CliTest):
    def test_named_cases(self):
        for name, data in NAMED.items():
            with self.subTest(name):
                self.assert_round_trip(data)
                self.assert_round_trip(data, "--group", "3")

    def test_named_cases_with_typed(self):
        """Lines that only look typed are kept as they are, too."""
        for name, data in NAMED.items():
            with self.subTest(name):
                self.assert_round_trip(data, "--typed")

    def test_a_segment_as_input(self):
        """Its bytes are no lines, and come back all the same."""
        made = self.json2seg(data=b'{"a":1}\n\n[2]\n' * 400, status=OK)
        twice = self.assert_round_trip(made.stdout)
        self.assert_round_trip(twice.stdout)

    def test_files(self):
        """Named files instead of pipes, and nothing is left behind."""
        for name, data in NAMED.items():
            with self.subTest(name):
                self.put("in", data)
                self.json2seg("in", "--force", "-o", "seg")
                self.seg2json("seg", "-o", "out", status=OK)
                self.assertEqual(self.get("out"), data)
                self.assertEqual(self.names(), ["in", "out", "seg"])

    def test_redirected_files(self):
        """Standard input and output that are files, not pipes."""
        self.put("in", b'{"a":1}\nbad\n\n')
        with open(self.path("in"), "rb") as source, \
                open(self.path("seg"), "wb") as target:
            self.json2seg(stdin=source, stdout=target, status=DAMAGED)
        with open(self.path("seg"), "rb") as source, \
                open(self.path("out"), "wb") as target:
            self.seg2json(stdin=source, stdout=target, status=OK)
        self.assertEqual(self.get("out"), b'{"a":1}\nbad\n\n')


class SizeTest(cli.CliTest):
    """Lines around every limit."""

    def test_lines_around_small_limits(self):
        sizes = sorted({0, 1, 2, *(limit + step
                                   for limit in (255, 256, 11_440, 65_535,
                                                 65_536, 131_072, 262_144)
                                   for step in (-2, -1, 0, 1, 2))})
        line = {size: b'"' + b"a" * (size - 2) + b'"' if size > 1
                else b"1" * size for size in sizes}
        for size in sizes:
            with self.subTest(size=size):
                for data in (line[size], line[size] + b"\n",
                             b"{}\n" + line[size] + b"\n{}"):
                    self.assert_round_trip(data)
        every = b"\n".join(line.values())
        self.assert_round_trip(every)
        self.assert_round_trip(every, "--group", "7")

    def test_lines_around_the_record_limit(self):
        for size in (RECORD_MAX - 1, RECORD_MAX, RECORD_MAX + 1,
                     2 * RECORD_MAX, 2 * RECORD_MAX + 1):
            line = b'"' + b"b" * (size - 2) + b'"'
            for data in (line, line + b"\n", b"1\n" + line + b"\n2\n"):
                with self.subTest(size=size, ends=data[-1:]):
                    made = self.assert_round_trip(data)
                    self.assertEqual(made.returncode, OK)

    def test_long_line_in_groups_and_typed(self):
        data = b"1\n2\n" + b'"' + b"c" * (3 * RECORD_MAX) + b'"' + b"\n3\n4\n"
        self.assert_round_trip(data, "--group", "5")
        self.assert_round_trip(data, "--typed")

    def test_many_short_lines_in_large_groups(self):
        self.assert_round_trip(b"\n" * 300_000, "--group", "65536")
        self.assert_round_trip(b"1\n" * 300_000 + b"2", "--group", "65536")

    def test_group_larger_than_a_body(self):
        line = b'"' + b"d" * 3_000_000 + b'"\n'
        self.assert_round_trip(line * 7, "--group", "1000")

    @unittest.skipUnless(cli.IS_LONG, "SEGLOG_LONG_TESTS=1 is not set")
    def test_line_of_a_gigabyte(self):
        """In less than 64 MiB of memory on both sides."""
        import resource
        import subprocess
        size = 1 << 30
        block = b"e" * (1 << 20)

        def small():
            resource.setrlimit(resource.RLIMIT_DATA, (64 << 20, 64 << 20))

        with open(self.path("in"), "wb") as file:
            file.write(b'{"long":"')
            for _ in range(size // len(block)):
                file.write(block)
            file.write(b'"}\n{"short":1}\n')
        self.json2seg("in", "-o", "seg", status=OK, preexec_fn=small)
        self.seg2json("seg", "-o", "out", status=OK, preexec_fn=small)
        subprocess.run(["cmp", self.path("in"), self.path("out")], check=True)


def random_line(rng):
    kind = rng.random()
    if kind < 0.5:
        value = {rng.choice("abcde"): rng.choice(
            [None, True, rng.random(), rng.randrange(1 << 70),
             "x" * rng.randrange(300), ["é\u2028\x01\"\\", {}]])
            for _ in range(rng.randrange(6))}
        return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode()
    if kind < 0.6:
        return b""
    if kind < 0.8:
        return rng.randbytes(rng.choice([1, 2, 3, 40, 700]))
    if kind < 0.9:
        return bytes([rng.randrange(256)]) * rng.randrange(3000)
    return b'{"seglog":' + rng.choice(
        [b'"text","base64":"YQ=="}', b'"bytes","base64":"YQ"}', b"1}", b"",
         b'"part","base64":"Cg=="}', b'"gap","first":1,"last":2}'])


def random_file(rng):
    lines = [random_line(rng) for _ in range(rng.choice([0, 1, 2, 5, 30, 90]))]
    data = rng.choice([b"\n", b"\n", b"\r\n"]).join(lines)
    if rng.random() < 0.5:
        data += b"\n"
    # Damage of the kinds that logs have.
    while data and rng.random() < 0.4:
        at = rng.randrange(len(data))
        data = rng.choice([data[:at], data[at:], data[:at] + data,
                           data[:at] + b"\0" * 600 + data[at:],
                           data[:at] + b"\xff" + data[at + 1:]])
    return data


class RandomTest(cli.CliTest):
    def test_random_files(self):
        for seed in range(cli.RANDOM_FILES):
            rng = random.Random(seed)
            data = random_file(rng)
            args = rng.choice([[], [], [], ["--group", "4"]])
            with self.subTest(seed=seed):
                self.assert_round_trip(data, *args)


@unittest.skipUnless(cli.corpus_files(), "SEGLOG_CORPUS is not set")
class CorpusTest(cli.CliTest):
    def test_corpus_through_pipes(self):
        for path in cli.corpus_files():
            with self.subTest(path.name):
                self.assert_round_trip(path.read_bytes())

    def test_corpus_through_files(self):
        for path in cli.corpus_files():
            with self.subTest(path.name):
                size = path.stat().st_size
                self.json2seg(str(path.resolve()), "--force", "-o", "seg")
                self.seg2json("seg", "-o", "out", status=OK)
                self.assertEqual(self.get("out"), path.read_bytes())
                # Framing of about 7 bytes a line, and no more.
                lines = path.read_bytes().count(b"\n") + 1
                self.assertLess(os.stat(self.path("seg")).st_size,
                                size + 9 * lines + size // 400 + 200)

    def test_all_of_the_corpus_in_one(self):
        data = b"".join(path.read_bytes() for path in cli.corpus_files())
        self.assert_round_trip(data, "--group", "100")


if __name__ == "__main__":
    cli.main("json2seg", "seg2json")
