#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog check: segments, lines, folders; reports, maps and exit status.

Goal    what is said is exact: verdict, records, lines, bytes, exit status.
Method  segments made by json2seg with records of known size, damaged at known
        offsets; broken lines written by hand.
"""
import json
import os
import unittest

import cli
import segments
from cli import DAMAGED, FAILED, OK, USAGE

# Frames of 6 + 8 bytes behind a header of 54.
LINES = b"".join(b'{"n":%d}\n' % n for n in range(10, 30))
FRAME = 14
FINDING_KEYS = ["verdict", "cause", "blob", "first_record", "last_record",
                "line", "first_byte", "last_byte", "shift", "durable",
                "depends_on"]
SUMMARY_KEYS = ["verdict", "records", "lost", "bytes", "findings", "closed",
                "first_record", "next_record"]


def frame_at(record):
    return 54 + (record - 1) * FRAME


class CheckTest(cli.CliTest):
    def make(self, name="a.seg", data=LINES):
        self.json2seg("--codec", "none", "--force", "-o", name, data=data,
                      status=OK)
        return bytearray(self.get(name))

    def check(self, *args, status=OK, **options):
        return self.run_tool("seglog", "check", *args, status=status,
                             **options)

    def check_json(self, *args, status=OK):
        """The findings and the summaries."""
        done = self.check("--json", *args, status=status)
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        return ([one for one in objects if "summary" not in one],
                [one["summary"] for one in objects if "summary" in one])


class SegmentTest(CheckTest):
    def test_check__whole__ok_and_one_line(self):
        self.make()
        done = self.check("a.seg")
        self.assertEqual(done.stdout,
                         b"a.seg: OK: 20 good records, 404 bytes, closed\n")
        self.assertEqual(done.stderr, "")

    def test_check__whole_quiet__says_nothing(self):
        self.make()
        done = self.check("--quiet", "a.seg")
        self.assertEqual((done.stdout, done.stderr), (b"", ""))

    def test_check__whole_json__summary_in_order(self):
        self.make()
        done = self.check("--json", "a.seg")
        self.assertEqual(done.stdout,
                         b'{"summary":{"verdict":"OK","records":20,"lost":0,'
                         b'"bytes":404,"findings":0,"closed":true,'
                         b'"first_record":1,"next_record":21}}\n')

    def test_check__flipped_bit__names_the_record(self):
        seg = self.make()
        seg[frame_at(5) + 6] ^= 1
        self.put("a.seg", seg)
        done = self.check("a.seg", status=DAMAGED)
        self.assertEqual(
            done.stderr,
            "seglog: a.seg: record 5 (line 5, offset %d): checksum mismatch; "
            "1 record lost, next good record 6, had been durable\n"
            % frame_at(5))
        self.assertEqual(done.stdout,
                         b"a.seg: CORRUPT: 19 good records, 1 lost, 1 finding, "
                         b"404 bytes, closed\n")

    def test_check__flipped_bit_json__all_fields_in_order(self):
        seg = self.make()
        seg[frame_at(5) + 6] ^= 1
        self.put("a.seg", seg)
        done = self.check("--json", "./a.seg", status=DAMAGED)
        first, second = done.stdout.splitlines()
        self.assertEqual(list(json.loads(first)), FINDING_KEYS)
        self.assertEqual(list(json.loads(second)["summary"]), SUMMARY_KEYS)
        self.assertEqual(
            first,
            b'{"verdict":"CORRUPT","cause":"checksum","blob":"./a.seg",'
            b'"first_record":5,"last_record":5,"line":5,"first_byte":110,'
            b'"last_byte":123,"shift":0,"durable":"yes","depends_on":null}')

    def test_check__torn_tail__a_note_and_ok(self):
        seg = self.make()
        self.put("a.seg", seg[:frame_at(20) + 5])
        done = self.check("a.seg")
        self.assertIn("torn tail; 5 bytes ignored", done.stderr)
        findings, summaries = self.check_json("a.seg")
        self.assertEqual(findings[0]["verdict"], "TORN")
        self.assertEqual(summaries[0]["verdict"], "TORN")
        self.assertEqual(summaries[0]["records"], 19)
        self.check("--strict", "a.seg", status=DAMAGED)

    def test_check__cut_between_records__ok_but_not_closed(self):
        seg = self.make()
        self.put("a.seg", seg[:frame_at(15)])
        done = self.check("a.seg")
        self.assertEqual(done.stdout,
                         b"a.seg: OK: 14 good records, 250 bytes; no closing "
                         b"mark, so a cut at the end of a record would not "
                         b"show\n")
        self.check("--expect", "14", "a.seg")
        findings, summaries = self.check_json("--expect", "20", "a.seg",
                                              status=DAMAGED)
        self.assertEqual((findings[0]["cause"], findings[0]["first_record"],
                          findings[0]["last_record"], findings[0]["durable"]),
                         ("cut", 15, 20, "yes"))
        self.assertEqual(summaries[0]["lost"], 6)

    def test_check__not_a_segment__failed(self):
        self.put("a.bin", b"\0" * 600)
        done = self.check("a.bin", status=FAILED)
        self.assertIn("seglog: a.bin: ", done.stderr)
        self.put("ones.seg", b"\xff" * 600)
        self.check("ones.seg", status=FAILED)

    def test_check__missing__failed(self):
        done = self.check("none.seg", status=FAILED)
        self.assertIn("none.seg", done.stderr)

    def test_check__standard_input__named(self):
        seg = self.make()
        done = self.check("-", data=bytes(seg))
        self.assertTrue(done.stdout.startswith(b"(standard input): OK: 20"))

    def test_check__several__each_and_the_worst(self):
        seg = self.make()
        seg[frame_at(5) + 6] ^= 1
        self.put("b.seg", seg)
        _, summaries = self.check_json("a.seg", "b.seg", status=DAMAGED)
        self.assertEqual([one["blob"] for one in summaries],
                         ["a.seg", "b.seg"])
        self.check("a.seg", "none.seg", "b.seg", status=FAILED)
        done = self.check("--strict", "b.seg", "a.seg", status=DAMAGED)
        self.assertNotIn(b"a.seg: ", done.stdout)

    def test_check__wrong_usage__usage(self):
        self.make()
        for args in ([], ["--map", "now", "a.seg"], ["--expect", "x", "a.seg"],
                     ["--expect", "3", "a.seg", "a.seg"], ["--frob", "a.seg"]):
            with self.subTest(args=args):
                self.check(*args, status=USAGE)


class MapTest(CheckTest):
    def map_of(self, name, *args, **environment):
        env = dict(os.environ, **dict({"LC_ALL": "C"}, **environment))
        done = self.run_tool("seglog", "check", "--map", "always", name, *args,
                             env=env)
        return done.stdout.decode()

    def test_map__damage_in_ascii__a_cell_for_512_bytes(self):
        data = b"".join(b'{"n":"%s"}\n' % (b"x" * 492) for _ in range(8))
        seg = self.make(data=data)
        seg[54 + 3 * 507 + 100] ^= 1  # record 4: bytes 1575 to 2081
        self.put("a.seg", seg)
        lines = self.map_of("a.seg").splitlines()
        self.assertEqual(lines[0], "  ###xx####")
        self.assertEqual(lines[1],
                         "  each cell 512 bytes:  # good  x records lost")

    def test_map__utf8_locale__blocks(self):
        self.make()
        self.assertIn("\u2588", self.map_of("a.seg", LC_ALL="C.UTF-8"))

    def test_map__no_terminal__none_unless_asked_for(self):
        self.make()
        self.assertNotIn(b"each cell", self.check("a.seg").stdout)

    def on_terminal(self, **environment):
        """What a terminal gets to see."""
        ours, theirs = cli.open_terminal(self)
        self.addCleanup(os.close, ours)
        self.run_tool("seglog", "check", "a.seg", status=OK, stdout=theirs,
                      env=dict(os.environ, TERM="xterm", **environment))
        os.close(theirs)
        return cli.read_terminal(ours).decode()

    def test_map__terminal__drawn_in_colours(self):
        self.make()
        environment = {"NO_COLOR": ""}
        text = self.on_terminal(**environment)
        self.assertIn("each cell", text)
        self.assertIn("\033[32m", text)

    def test_map__terminal_without_colours__no_escapes(self):
        self.make()
        text = self.on_terminal(NO_COLOR="1")
        self.assertIn("each cell", text)
        self.assertNotIn("\033[", text)


class LinesTest(CheckTest):
    GOOD = b'{"a":1}\n'

    def broken(self, line, cause, first_byte, last_byte, before=2, after=1):
        """One bad line among good ones."""
        data = self.GOOD * before + line + self.GOOD * after
        self.put("x.jsonl", data)
        findings, summaries = self.check_json("x.jsonl", status=DAMAGED)
        at = len(self.GOOD) * before
        self.assertEqual(
            findings,
            [{"verdict": "CORRUPT", "cause": cause, "blob": "x.jsonl",
              "first_record": before + 1, "last_record": before + 1,
              "line": before + 1, "first_byte": at + first_byte,
              "last_byte": at + last_byte, "shift": None,
              "durable": "unknown", "depends_on": None}])
        self.assertEqual(list(findings[0]), FINDING_KEYS)
        self.assertEqual(list(summaries[0]), SUMMARY_KEYS)
        self.assertEqual(summaries[0]["records"], before + after)
        self.assertEqual(summaries[0]["lost"], 1)

    def test_lines__good__ok(self):
        self.put("x.jsonl", b'\xef\xbb\xbf{"a":1}\r\n\n[1]\n"end"')
        done = self.check("x.jsonl")
        self.assertEqual(done.stdout, b"x.jsonl: OK: 4 good lines, 22 bytes\n")

    def test_lines__the_sample__ok(self):
        _, summaries = self.check_json(segments.SAMPLE)
        self.assertEqual((summaries[0]["records"], summaries[0]["bytes"]),
                         (118, 145596))

    def test_lines__empty_file__ok(self):
        self.put("x.jsonl", b"")
        _, summaries = self.check_json("x.jsonl")
        self.assertEqual(summaries[0]["records"], 0)
        self.assertEqual(summaries[0]["next_record"], 1)

    def test_lines__nul_run__its_bytes(self):
        self.broken(b'{"a":"' + b"\0" * 100 + b'"}\n', "nul-run", 6, 105)

    def test_lines__glued__the_second_value(self):
        self.broken(b'{"a":1}{"b":2}\n', "glued", 7, 13)

    def test_lines__splice__the_whole_value(self):
        self.broken(b'{"t":"abc{"t":"d","u":2}\n', "splice", 9, 23)

    def test_lines__cut_short__torn(self):
        self.broken(b'{"a":[1,2\n', "torn", 9, 8)

    def test_lines__torn_end_of_file__torn(self):
        self.broken(b'{"a":"xyz', "torn", 9, 8, after=0)

    def test_lines__bad_utf8__utf8(self):
        self.broken(b'{"a":"\xff"}\n', "utf8", 6, 8)

    def test_lines__too_deep__depth(self):
        self.broken(b"[" * 1025 + b"]" * 1025 + b"\n", "depth", 1024, 2049)

    def test_lines__no_json__bad_json(self):
        self.broken(b"hello\n", "bad-json", 0, 4)

    def test_lines__message__line_offset_and_words(self):
        self.put("x.jsonl", self.GOOD + b'{"a":"\0\0\0"}\n')
        done = self.check("x.jsonl", status=DAMAGED)
        self.assertEqual(done.stderr, "seglog: x.jsonl: line 2 (offset 14): "
                                      "3 zero bytes\n")
        self.assertEqual(done.stdout,
                         b"x.jsonl: CORRUPT: 1 good line, 1 bad, 20 bytes\n")

    def test_lines__long_line__found_across_blocks(self):
        line = b'{"a":"' + b"x" * 5000000 + b'"}{"b":1}\n'
        self.broken(line, "glued", len(line) - 8, len(line) - 2)

    def test_lines__many_bad__not_all_are_said(self):
        self.put("x.jsonl", b"x\n" * 250)
        done = self.check("x.jsonl", status=DAMAGED)
        self.assertEqual(len(done.stderr.splitlines()), 101)
        self.assertIn("... and 150 more", done.stderr)
        findings, _ = self.check_json("x.jsonl", status=DAMAGED)
        self.assertEqual(len(findings), 250)

    def test_lines__strict__stops_at_the_first(self):
        self.put("x.jsonl", b"x\ny\n")
        findings, _ = self.check_json("--strict", "x.jsonl", status=DAMAGED)
        self.assertEqual(len(findings), 1)

    def test_lines__expect__missing_ones_are_lost(self):
        self.put("x.jsonl", self.GOOD * 3)
        self.check("--expect", "3", "x.jsonl")
        findings, _ = self.check_json("--expect", "5", "x.jsonl",
                                      status=DAMAGED)
        self.assertEqual((findings[0]["cause"], findings[0]["first_record"],
                          findings[0]["last_record"]), ("cut", 4, 5))

    def test_lines__text_of_any_name__checked_as_lines(self):
        self.put("app.log", self.GOOD * 2)
        done = self.check("app.log")
        self.assertEqual(done.stdout, b"app.log: OK: 2 good lines, 16 bytes\n")

    def test_lines__segment_under_a_jsonl_name__is_a_segment(self):
        seg = self.make()
        self.put("x.jsonl", seg)
        self.assertIn(b"good records", self.check("x.jsonl").stdout)


class FolderTest(CheckTest):
    def test_folder__mixed__segments_and_lines_by_name(self):
        self.make("b.seg")
        self.put("noname", self.get("b.seg"))
        self.put("a.jsonl", b'{"a":1}\nx\n')
        self.put("other.txt", b"not ours")
        os.mkdir(self.path("deep"))
        self.put("deep/c.ndjson", b"1\n")
        os.symlink("..", self.path("deep/loop"))
        _, summaries = self.check_json(".", status=DAMAGED)
        self.assertEqual([one["blob"] for one in summaries],
                         ["./a.jsonl", "./b.seg", "./deep/c.ndjson",
                          "./noname"])

    def test_folder__nothing_in_it__a_note(self):
        os.mkdir(self.path("empty"))
        done = self.check("empty")
        self.assertIn("no segments", done.stderr)


if __name__ == "__main__":
    cli.main("seglog", "json2seg")
