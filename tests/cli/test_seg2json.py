#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seg2json: options, damage, typed lines, and the way back.

Goal    good records come out whatever is around them, what is lost is named,
        and `seg2json --gaps | json2seg --typed` is the identity.
Method  segments made by json2seg, damaged at known offsets.
"""
import base64
import json
import os
import random
import signal
import subprocess
import unittest

import cli
from cli import DAMAGED, FAILED, OK, USAGE

STDIN = "(standard input)"
# Records of 7 bytes in frames of 13 behind a header of 54.
LINES = b"".join(b'{"n":%d}\n' % n for n in range(10, 30))
FRAME = 6 + 8


def frame_at(record):
    return 54 + (record - 1) * FRAME


def line(record):
    return b'{"n":%d}\n' % (9 + record)


def lines(first, last):
    return b"".join(line(record) for record in range(first, last + 1))


class Seg2jsonTest(cli.CliTest):
    def make(self, data=LINES, name="seg", *args):
        """Not compressed: damage is done at known offsets."""
        self.json2seg("--codec", "none", "--force", "-o", name, *args,
                      data=data)
        return self.get(name)

    def damage(self, at, data=b"\xa5", name="seg"):
        whole = bytearray(self.get(name))
        whole[at:at + len(data)] = data
        self.put(name, bytes(whole))

    def copy_typed(self, name, copy, status=OK):
        """The typed lines of a segment, and a segment made from them."""
        text = self.seg2json("--gaps", name).stdout
        self.json2seg("--typed", "--force", "-o", copy, data=text,
                      status=status)
        return text


class UsageTest(Seg2jsonTest):
    def test_wrong_command_lines(self):
        cases = {
            ("--nope",): "option --nope is not known",
            ("--from",): "option --from needs a value",
            ("--from", "0"): "--from needs a number from 1 to "
                             "9223372036854775807, not '0'",
            ("--to", "-1"): "--to needs a number from 1 to "
                            "9223372036854775807, not '-1'",
            ("--from", "3", "--to", "2"): "--to 2 is before --from 3",
            ("a", "b"): "'b' is too much",
        }
        for args, why in cases.items():
            with self.subTest(args):
                done = self.seg2json(*args, status=USAGE)
                self.assertEqual(done.stderr, "seg2json: %s; "
                                 "try 'seg2json --help'\n" % why)

    def test_help_and_version(self):
        done = self.seg2json("--help", status=OK)
        for word in (b"Usage: seg2json", b"--from", b"--to", b"--gaps",
                     b"--strict", b"--json", b"Exit status"):
            self.assertIn(word, done.stdout)
        self.assertLess(max(map(len, done.stdout.splitlines())), 80)
        self.assertIn(b"format version 1\n",
                      self.seg2json("--version", status=OK).stdout)

    def test_missing_file(self):
        done = self.seg2json("nowhere", "-o", "out", status=FAILED)
        self.assertRegex(done.stderr, r"\Aseglog: nowhere: ")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(self.names(), [])

    def test_not_a_segment(self):
        self.put("text", b'{"a":1}\n' * 100)
        for args, options in ((["text", "-o", "out"], {}),
                              (["-o", "out"], {"data": b'{"a":1}\n' * 100})):
            done = self.seg2json(*args, status=FAILED, **options)
            self.assertRegex(done.stderr, r"\Aseglog: (text|%s): "
                             % STDIN.replace("(", r"\(").replace(")", r"\)"))
            self.assertEqual(done.stdout, b"")
        self.assertEqual(self.names(), ["text"])

    def test_standard_input_is_read_from_where_it_is(self):
        self.put("both", b"four" + self.make())
        with open(self.path("both"), "rb", buffering=0) as source:
            source.seek(4)
            done = self.seg2json(stdin=source, status=OK)
        self.assertEqual(done.stdout, LINES)

    def test_folder(self):
        done = self.seg2json(".", status=FAILED)
        self.assertRegex(done.stderr, r"\Aseglog: \.: ")

    def test_input_is_output(self):
        self.make()
        before = self.get("seg")
        done = self.seg2json("seg", "-o", "./seg", status=FAILED)
        self.assertEqual(done.stderr,
                         "seglog: ./seg: it is both input and output\n")
        self.assertEqual(self.get("seg"), before)

    def test_terminal_is_refused(self):
        primary, secondary = cli.open_terminal(self)
        try:
            done = self.seg2json(stdin=secondary, status=USAGE)
            self.assertIn("not read from a terminal", done.stderr)
        finally:
            os.close(primary)
            os.close(secondary)


class RangeTest(Seg2jsonTest):
    def test_from_and_to(self):
        self.make()
        for first, last in ((1, 20), (1, 1), (20, 20), (7, 9), (5, 4000)):
            with self.subTest(first=first, last=last):
                done = self.seg2json("--from", str(first), "--to", str(last),
                                     "seg", status=OK)
                self.assertEqual(done.stdout, lines(first, min(last, 20)))
        self.assertEqual(self.seg2json("--from", "21", "seg",
                                       status=OK).stdout, b"")

    def test_from_beyond_a_sync_point(self):
        data = b"".join(b'{"n":%d}\n' % n for n in range(1, 50_001))
        self.make(data)
        done = self.seg2json("--from", "49999", "seg", status=OK)
        self.assertEqual(done.stdout, b'{"n":49999}\n{"n":50000}\n')
        done = self.seg2json("--from", "25000", "--to", "25000", "seg",
                             status=OK)
        self.assertEqual(done.stdout, b'{"n":25000}\n')

    def test_tail_has_its_line_feed_only_when_something_follows(self):
        self.make(b"1\n2")
        self.assertEqual(self.seg2json("--to", "2", "seg").stdout, b"1\n2")
        self.json2seg("--append", "-o", "seg", data=b"3", status=OK)
        self.assertEqual(self.lines_of("seg"), b"1\n2\n3")
        self.assertEqual(self.seg2json("--to", "2", "seg").stdout, b"1\n2")


class DamageTest(Seg2jsonTest):
    def test_one_bad_record(self):
        self.make()
        self.damage(frame_at(5) + 3)
        done = self.seg2json("seg", status=DAMAGED)
        self.assertEqual(done.stdout, lines(1, 4) + lines(6, 20))
        self.assertEqual(
            done.stderr, "seglog: seg: record 5 (line 5, offset %d): checksum "
            "mismatch; 1 record lost, next good record 6, had been durable\n"
            % frame_at(5))

    def test_bad_records_as_json(self):
        self.make()
        self.damage(frame_at(5) + 3)
        done = self.seg2json("--json", "seg", status=DAMAGED)
        said = json.loads(done.stderr)
        self.assertEqual(said["verdict"], "CORRUPT")
        self.assertEqual(said["cause"], "checksum")
        self.assertEqual(said["blob"], "seg")
        self.assertEqual((said["first_record"], said["last_record"],
                          said["line"]), (5, 5, 5))
        self.assertEqual((said["first_byte"], said["last_byte"]),
                         (frame_at(5), frame_at(6) - 1))
        self.assertEqual(said["shift"], 0)
        self.assertIsNone(said["depends_on"])

    def test_from_a_pipe(self):
        self.make()
        self.damage(frame_at(5) + 3)
        done = self.seg2json(data=self.get("seg"), status=DAMAGED)
        self.assertEqual(done.stdout, lines(1, 4) + lines(6, 20))
        self.assertTrue(done.stderr.startswith("seglog: %s: record 5 "
                                               % STDIN))

    def test_two_bad_records(self):
        self.make()
        self.damage(frame_at(5) + 3)
        self.damage(frame_at(9) + 3)
        self.damage(frame_at(10) + 3)
        done = self.seg2json("seg", status=DAMAGED)
        self.assertEqual(done.stdout,
                         lines(1, 4) + lines(6, 8) + lines(11, 20))
        self.assertEqual(len(done.stderr.splitlines()), 2)
        self.assertIn("2 records lost, next good record 11", done.stderr)

    def test_strict_stops_at_the_first(self):
        self.make()
        self.damage(frame_at(5) + 3)
        self.damage(frame_at(9) + 3)
        done = self.seg2json("--strict", "seg", status=DAMAGED)
        self.assertEqual(done.stdout, lines(1, 4))
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.seg2json("--strict", "seg", "-o", "out", status=DAMAGED)
        self.assertEqual(self.names(), ["seg"])
        self.seg2json("seg", "-o", "out", status=DAMAGED)
        self.assertEqual(self.get("out"), done.stdout + lines(6, 8) +
                         lines(10, 20))

    def test_damage_beyond_the_range_is_not_met(self):
        self.make()
        self.damage(frame_at(9) + 3)
        done = self.seg2json("--to", "8", "seg", status=OK)
        self.assertEqual(done.stdout, lines(1, 8))
        self.assertEqual(done.stderr, "")

    def test_torn_tail(self):
        whole = self.make()
        self.put("seg", whole[:frame_at(20) + 5])
        done = self.seg2json("seg", status=OK)
        self.assertEqual(done.stdout, lines(1, 19))
        self.assertIn("torn tail; 5 bytes ignored", done.stderr)
        self.assertEqual(self.seg2json("-q", "seg", status=OK).stderr, "")
        done = self.seg2json("--strict", "seg", status=DAMAGED)
        self.assertEqual(done.stdout, lines(1, 19))
        self.assertIn("torn tail; 5 bytes ignored", done.stderr)

    def test_cut_at_a_frame(self):
        """Every prefix of a log agrees with itself."""
        whole = self.make()
        self.put("seg", whole[:frame_at(20)])
        done = self.seg2json("--strict", "seg", status=OK)
        self.assertEqual((done.stdout, done.stderr), (lines(1, 19), ""))

    def test_lost_header(self):
        self.make()
        self.damage(0, b"\0" * 54)
        done = self.seg2json("seg", status=DAMAGED)
        self.assertEqual(done.stdout, LINES)
        self.assertIn("damaged header; nothing lost", done.stderr)

    def test_group_is_lost_as_one(self):
        self.make(LINES, "seg", "--group", "4")
        whole = self.get("seg")
        at = whole.index(b'{"n":16}')
        self.damage(at)
        done = self.seg2json("seg", status=DAMAGED)
        self.assertEqual(done.stdout, lines(1, 4) + lines(9, 20))
        self.assertIn("4 records lost, next good record 9", done.stderr)

    def test_cut_long_line_does_not_swallow_the_next(self):
        half = b'"' + b"x" * cli.RECORD_MAX
        self.make(b"1\n" + half + b"y" * 99 + b'"\n{"next":1}\n2\n')
        at = self.get("seg").index(b"y" * 20)
        self.damage(at)
        done = self.seg2json("seg", status=DAMAGED)
        self.assertEqual(done.stdout,
                         b"1\n" + half[:cli.RECORD_MAX] +
                         b'\n{"next":1}\n2\n')


class TypedTest(Seg2jsonTest):
    def test_whole_segment_is_plain(self):
        self.make(b'{"a":1}\n\n{"b":2}')
        self.assertEqual(self.seg2json("--gaps", "seg", status=OK).stdout,
                         b'{"a":1}\n\n{"b":2}')

    def test_gap_line(self):
        self.make()
        self.damage(frame_at(5) + 3)
        text = self.seg2json("--gaps", "seg", status=DAMAGED).stdout
        gap = (b'{"seglog":"gap","first":5,"last":5,"lines":1,'
               b'"verdict":"CORRUPT","cause":"checksum","durable":"yes",'
               b'"first_byte":%d,"bytes":%d,"shift":0,"depends_on":null}\n'
               % (frame_at(5), FRAME))
        self.assertEqual(text, lines(1, 4) + gap + lines(6, 20))

    def test_gap_comes_back(self):
        self.make()
        self.damage(frame_at(5) + 3)
        self.damage(frame_at(20) + 3)
        text = self.copy_typed("seg", "copy")
        done = self.seg2json("--gaps", "copy", status=OK)
        self.assertEqual(done.stdout, text)
        self.assertIn("1 record lost before this segment was written",
                      done.stderr)
        # The numbers have stayed.
        self.assertEqual(self.seg2json("--from", "6", "--to", "6",
                                       "copy").stdout, line(6))
        self.assertEqual(self.seg2json("--strict", "copy",
                                       status=OK).stdout,
                         lines(1, 4) + lines(6, 19))

    def test_gap_at_the_start(self):
        self.make()
        self.damage(frame_at(1) + 3)
        text = self.copy_typed("seg", "copy")
        self.assertTrue(text.startswith(b'{"seglog":"gap","first":1,'))
        self.assertEqual(self.seg2json("--gaps", "copy", status=OK).stdout,
                         text)

    def test_text_that_looks_typed(self):
        data = (b'{"seglog":"gap"}\n{"seglog":1}\n{"seglog":\n'
                b' {"seglog":"x"}\n{"seglog":"end"}')
        self.make(data)
        # One of these lines is no JSON, here as there.
        text = self.copy_typed("seg", "copy", status=DAMAGED)
        self.assertEqual(text, b"".join([
            b'{"seglog":"text","base64":"%s"}\n' % base64.b64encode(part)
            for part in data.split(b"\n")[:3]] + [
            b' {"seglog":"x"}\n',
            b'{"seglog":"tail","base64":"%s"}\n'
            % base64.b64encode(b'{"seglog":"end"}')]))
        self.assertEqual(self.lines_of("copy"), data)

    def test_tail_in_the_middle(self):
        self.make(b"1\n2")
        self.json2seg("--append", "-o", "seg", data=b"3", status=OK)
        text = self.copy_typed("seg", "copy")
        self.assertEqual(text, b'1\n{"seglog":"tail","base64":"Mg=="}\n3')
        self.assertEqual(self.seg2json("--gaps", "copy").stdout, text)

    def test_long_line(self):
        data = b'1\n"' + b"x" * (2 * cli.RECORD_MAX + 5) + b'"\n2\n'
        self.make(data)
        text = self.copy_typed("seg", "copy")
        self.assertEqual(text.count(b'{"seglog":"part",'), 2)
        self.assertEqual(self.lines_of("copy"), data)

    def test_fault_in_a_line_of_typed_parts(self):
        text = (b'{"seglog":"part","base64":"WzEs"}\n'
                b'{"seglog":"part","base64":"Mg=="}\n]]\n[]\n')
        done = self.json2seg("--typed", "-o", "seg", data=text,
                             status=DAMAGED)
        self.assertEqual(
            done.stderr, "seglog: %s: line 3 (byte 6): unexpected character; "
            "stored as it is\n" % STDIN)
        self.assertEqual(self.lines_of("seg"), b"[1,2]]\n[]\n")

    def test_bytes_record(self):
        raw = bytes(range(256)) * 5
        text = (b'1\n{"seglog":"bytes","base64":"%s"}\n2\n'
                % base64.b64encode(raw))
        self.json2seg("--typed", "-o", "seg", data=text, status=OK)
        self.assertEqual(self.lines_of("seg"), b"1\n" + raw + b"\n2\n")
        self.assertEqual(self.copy_typed("seg", "copy"), text)

    def test_bytes_of_every_length(self):
        text = b"".join(
            b'{"seglog":"bytes","base64":"%s"}\n'
            % base64.b64encode(bytes(range(size))) for size in range(70))
        self.json2seg("--typed", "--strict", "-o", "seg", data=text,
                      status=OK)
        self.assertEqual(self.copy_typed("seg", "copy"), text)

    def test_largest_bytes_record(self):
        raw = os.urandom(1 << 16) * (cli.RECORD_MAX >> 16)
        text = (b'{"seglog":"bytes","base64":"%s"}\n'
                % base64.b64encode(raw))
        self.json2seg("--typed", "--strict", "-o", "seg", data=text,
                      status=OK)
        self.assertEqual(self.copy_typed("seg", "copy"), text)
        text = b'{"seglog":"bytes","base64":"%s"}\n' % base64.b64encode(
            raw + b"x")
        done = self.json2seg("--typed", "-o", "large", data=text,
                             status=DAMAGED)
        self.assertIn("its record is too large", done.stderr)
        self.assertEqual(self.lines_of("large"), text)

    def test_members_in_any_order_and_space(self):
        text = b'{"seglog":\t"bytes" , "base64" :"AAE=" } \r\n'
        self.json2seg("--typed", "-o", "seg", data=text, status=OK)
        self.assertEqual(self.lines_of("seg"), b"\0\1\n")

    def test_what_only_looks_typed_is_text(self):
        gap = (b'{"seglog":"gap","first":%s,"last":%s,"lines":1,"verdict":'
               b'"CORRUPT","cause":"%s","durable":"no","first_byte":1,'
               b'"bytes":2,"shift":null,"depends_on":null%s}')
        cases = {
            b'{"seglog":"bytes","base64":"AAE"}': "its base64 is wrong",
            b'{"seglog":"bytes","base64":"AAF="}': "its base64 is wrong",
            b'{"seglog":"bytes","base64":"A=E="}': "its base64 is wrong",
            b'{"seglog":"bytes","base64":"===="}': "its base64 is wrong",
            b'{"seglog":"text","base64":"Cg=="}':
                "its text holds a line feed",
            b'{"seglog":"text"}': "it needs base64 and nothing else",
            b'{"seglog":"text","base64":1}':
                "it needs base64 and nothing else",
            b'{"seglog":"what","base64":""}': "its type is not known",
            b'{"seglog":"text","base64":""': "its end is missing",
            b'{"seglog":"text","base64":""}x': "something follows its end",
            b'{"seglog":"text","seglog":"text"}': "a member is there twice",
            b'{"seglog":"text","size":1}': "a member is not known",
            b'{"seglog":"text",}': "a member is malformed",
            b'{"seglog":': "a value is malformed",
            b'{"seglog":"gap"}': "a gap needs all of its members",
            gap % (b"1", b"1", b"checksum", b',"base64":""'):
                "a gap needs all of its members",
            gap % (b"2", b"2", b"checksum", b""):
                "the gap does not follow the record before it",
            gap % (b"1", b"0", b"checksum", b""):
                "the gap's numbers are out of order",
            gap % (b"1", b'"1"', b"checksum", b""):
                "a number of the gap is none",
            gap % (b"1", b"-1", b"checksum", b""):
                "a number of the gap is none",
            gap % (b"1", b"01", b"checksum", b""): "a value is malformed",
            gap % (b"1", b"99999999999999999999", b"checksum", b""):
                "a value is malformed",
            gap % (b"1", b"1", b"nonsense", b""):
                "a name in the gap is not known",
        }
        for text, why in cases.items():
            with self.subTest(text):
                done = self.json2seg("--typed", "--force", "-o", "seg",
                                     data=text + b"\n", status=DAMAGED)
                self.assertTrue(done.stderr.startswith(
                    "seglog: %s: line 1 (byte 1): not a typed line: %s; "
                    "stored as it is\n" % (STDIN, why)), done.stderr)
                self.assertEqual(self.lines_of("seg"), text + b"\n")

    def test_gap_line_with_append(self):
        self.make()
        self.damage(frame_at(5) + 3)
        text = self.seg2json("--gaps", "seg").stdout
        done = self.json2seg("--typed", "--append", "-o", "copy", data=text,
                             status=DAMAGED)
        self.assertIn("a gap cannot be recorded with --append", done.stderr)
        self.assertEqual(self.lines_of("copy"), text)

    def test_typed_lines_in_groups(self):
        self.make()
        self.damage(frame_at(5) + 3)
        text = self.seg2json("--gaps", "seg").stdout
        text += b'{"seglog":"bytes","base64":"AAE="}\n' * 5
        self.json2seg("--typed", "--group", "4", "-o", "copy", data=text,
                      status=OK)
        self.assertEqual(self.seg2json("--gaps", "copy").stdout, text)

    def test_without_typed_every_line_is_text(self):
        text = b'{"seglog":"bytes","base64":"AAE="}\n'
        self.json2seg("-o", "seg", data=text, status=OK)
        self.assertEqual(self.lines_of("seg"), text)


def random_typed_lines(rng):
    """Lines and records of all kinds, as `seg2json --gaps` writes them."""
    text = []
    for _ in range(rng.randrange(1, 60)):
        data = rng.randbytes(rng.choice([0, 1, 2, 30, 700, 20_000]))
        kind = rng.choice(["line", "line", "line", "bytes", "part", "tail",
                           "text"])
        if kind == "line":
            text.append(b'{"n":"%s"}' % data.hex().encode())
            continue
        if kind == "text":
            data = b'{"seglog":' + data
        if kind != "bytes":
            data = data.replace(b"\n", b"")
        text.append(b'{"seglog":"%s","base64":"%s"}'
                    % (kind.encode(), base64.b64encode(data)))
    return b"".join(line + b"\n" for line in text)


class RandomTypedTest(Seg2jsonTest):
    def same_again(self, name):
        """Typed lines -> segment -> typed lines changes nothing."""
        text = self.seg2json("--gaps", name).stdout
        self.json2seg("--typed", "--force", "-o", "copy", data=text)
        self.assertEqual(self.seg2json("--gaps", "copy", status=OK).stdout,
                         text)
        return text

    def test_random_records_and_damage(self):
        for seed in range(cli.RANDOM_FILES // 10):
            rng = random.Random(seed)
            with self.subTest(seed=seed):
                text = random_typed_lines(rng)
                self.json2seg("--typed", "--force", "-o", "seg", data=text,
                              *rng.choice([[], [], ["--group", "3"]]))
                # A last TAIL is a line without its line feed.
                last = text[:-1].rpartition(b"\n")[2]
                if last.startswith(b'{"seglog":"tail"') and b'""' not in last:
                    text = text[:-len(last) - 1] + base64.b64decode(
                        json.loads(last)["base64"])
                self.assertTrue(self.same_again("seg") == text)
                for _ in range(rng.choice([1, 1, 4])):
                    size = os.stat(self.path("seg")).st_size
                    self.damage(rng.randrange(size),
                                rng.randbytes(rng.choice([1, 1, 5, 300])))
                if self.seg2json("seg").returncode in (OK, DAMAGED):
                    self.same_again("seg")


class OutputTest(Seg2jsonTest):
    def test_output_is_replaced_when_complete(self):
        self.make()
        self.put("out", b"old")
        self.seg2json("seg", "-o", "out", status=OK)
        self.assertEqual(self.get("out"), LINES)
        self.assertEqual(self.names(), ["out", "seg"])

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_full_device(self):
        self.make()
        with open("/dev/full", "wb") as full:
            done = self.seg2json("seg", stdout=full, status=FAILED)
        self.assertEqual(done.stderr, "seglog: (standard output): write "
                         "failed: No space left on device\n")

    def test_full_disk(self):
        import resource

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        self.make(b'"0123456789"\n' * 99_999)
        done = self.seg2json("seg", "-o", "out", status=FAILED,
                             preexec_fn=limit)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(self.names(), ["seg"])

    def test_closed_pipe(self):
        self.make(b'"0123456789"\n' * 99_999)
        running = self.start("seg2json", "seg", stdout=subprocess.PIPE)
        running.stdout.read(10)
        running.stdout.close()
        self.assertEqual(running.wait(20), OK)
        self.assertEqual(running.stderr.read(), b"")

    def test_interrupted_output_leaves_nothing(self):
        """Standard input that never ends: nothing is made before it does."""
        self.make()
        running = self.start("seg2json", "-o", "out")
        running.stdin.write(self.get("seg"))
        running.stdin.flush()
        running.send_signal(signal.SIGTERM)
        running.wait(20)
        self.assertEqual(self.names(), ["seg"])

    def test_empty_input(self):
        done = self.seg2json(data=b"")
        self.assertIn(done.returncode, (OK, FAILED))
        self.assertEqual(done.stdout, b"")


if __name__ == "__main__":
    cli.main("json2seg", "seg2json")
