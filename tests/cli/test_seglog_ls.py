#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog ls: the tree, the columns, JSON, --verify and one session in detail.

Goal    who stands below whom, what each line says, exit status.
Method  the usual store of stores.py, with the times of its files set; lineages
        that no program would make.
"""
import base64
import json
import os
import subprocess
import unittest

import cli
import stores
from cli import DAMAGED, FAILED, OK, USAGE
from stores import A, A0, A1, A2, B, B1, C, C1, D, D1, GONE, blob

ASCII = {"LC_ALL": "C"}


class LsTest(stores.StoreTest):
    def setUp(self):
        super().setUp()
        # The last change first: D, C, A2, A1, A0, B.
        for age, segment in enumerate(((D, D1), (C, C1), (A, A2), (A, A1),
                                       (A, A0), (B, B1))):
            self.set_age(*segment, 3600 * age + 60)
        self.set_age(A, A0, 86400, lane="trace")

    def ls(self, *args, status=OK, env=ASCII, **options):
        done = self.seglog("ls", *args, status=status, env=env, **options)
        return done.stdout.decode()


class TreeTest(LsTest):
    def test_ls__usual_store__tree(self):
        lines = self.ls("st").splitlines()
        starts = ["SESSION ", D + " ", A + " ", "`- " + A0 + " ",
                  "   `- " + A1 + " ", "      |- " + C + " ",
                  "      `- " + A2 + " ", B + " ", "4 sessions, 6 segments, "]
        self.assertEqual(len(lines), len(starts))
        for line, start in zip(lines, starts):
            self.assertTrue(line.startswith(start), line)

    def test_ls__utf8__branches_and_same_columns(self):
        done = self.seglog("ls", "st", env={"LC_ALL": "C.UTF-8"})
        lines = done.stdout.decode().splitlines()
        if "\u2502" not in done.stdout.decode() and "`-" in lines[3]:
            self.skipTest("no locale with UTF-8")
        self.assertTrue(lines[5].startswith("      \u251c\u2500 " + C))
        self.assertTrue(lines[6].startswith("      \u2514\u2500 " + A2))
        self.assertEqual(len({line.index(" OK") for line in lines[3:8]}), 1)

    def test_ls__columns__align(self):
        lines = self.ls("st").splitlines()
        end = lines[0].index("RECORDS") + len("RECORDS")
        for line, records in zip(lines[1:8], (2, 27, 20, 5, 0, 2, 7)):
            self.assertEqual(line[:end].split()[-1], str(records), line)
            self.assertEqual(line[end:end + 2], "  ")
        at = lines[0].index("NOTE")
        self.assertEqual(lines[7][at:], "Second")

    def test_ls__lineage__kind_and_place(self):
        text = self.ls("st")
        self.assertIn("fork at turn 3 ", text)
        self.assertIn("compaction at record 5 ", text)
        self.assertIn("continues %s at turn 2, gone  an orphan\n" % GONE[:18],
                      text)

    def test_ls__ages__since_the_last_change(self):
        text = self.ls("st")
        self.assertRegex(text, r"%s +2 +\d+ B +6\ds  OK" % D)
        self.assertRegex(text, r"%s +0 +\d+ B +61m  OK" % C)
        self.assertRegex(text, r"%s +7 +\d+ B +5h  OK" % B)
        # A session's is that of its last segment.
        self.assertRegex(text, r"(?m)^%s +27 +.* +2h  3 segments" % A)

    def test_ls__note_and_label__escaped(self):
        text = self.ls("st")
        self.assertIn("  Fix \\x1b[31mit\\xff\n", text)
        self.assertNotIn("\x1b", text)

    def test_ls__total__all_of_it(self):
        size = sum(os.path.getsize(self.path("st/" + name))
                   for name in self.blobs() if len(name) > 40)
        text = self.ls("st")
        self.assertTrue(text.endswith(
            "4 sessions, 6 segments, 36 records, %.1f KiB\n" % (size / 1024)))

    def test_ls__quiet__lines_alone(self):
        self.assertEqual(len(self.ls("-q", "st").splitlines()), 7)

    def test_ls__default_store__listed(self):
        env = {"SEGLOG_STORE": "st", **ASCII}
        self.assertEqual(self.ls(env=env), self.ls("st"))

    def test_ls__no_default_store__usage(self):
        self.ls(status=USAGE, env={"SEGLOG_STORE": ""})

    def test_ls__no_store__failed(self):
        os.mkdir(self.path("empty"))
        for path in ("empty", "nowhere", "empty:"):
            with self.subTest(path=path):
                self.ls(path, status=FAILED)

    def test_ls__read_only__changes_nothing(self):
        before = {name: self.get("st/" + name) for name in self.blobs()}
        os.remove(self.path("st/index.seg"))
        del before["index.seg"]
        self.assertIn("4 sessions, 6 segments", self.ls("st"))
        self.assertEqual({name: self.get("st/" + name)
                          for name in self.blobs()}, before)

    def test_ls__descending_from_each_other__listed_once(self):
        x, y = A[:-1] + "1", A[:-1] + "2"
        self.make("loop", "create %s %s 1 %s 1 1 x\ncreate %s %s 1 %s 1 1 y\n"
                  "create %s %s 1 %s 1 1 z" % (B, x, y, B, y, x, C, C, C))
        self.assertEqual(sorted(self.ids(self.ls("loop"))), [x, y, B, C])

    def test_ls__sessions_descending_from_each_other__listed_once(self):
        self.make("loop", "create %s %s 1 %s 1 1 x\ncreate %s %s 1 %s 1 1 y"
                  % (B, B1, C1, C, C1, B1))
        self.assertEqual(sorted(self.ids(self.ls("loop"))), [B, C])

    def test_ls__long_chain__not_ever_deeper(self):
        ids = ["019f0000-0000-7000-8000-%012x" % n for n in range(30)]
        self.make("chain", "append %s %s 1\n" % (B, ids[0]) + "\n".join(
            "create %s %s 2 %s 1 1 next" % (B, ids[n], ids[n - 1])
            for n in range(1, 30)))
        lines = self.ls("chain").splitlines()
        self.assertEqual(self.ids("\n".join(lines[1:-1])), [B] + ids)
        self.assertEqual(len({line.index("019f") for line in lines[10:-1]}), 1)
        self.assertTrue(all(line.startswith("..  ") for line in lines[10:-1]))

    def test_ls__session_of_several_below_another__parent_named(self):
        self.make("st", "append %s %s 1" % (C, C))
        lines = self.ls("st").splitlines()
        at = [line.strip(" |`-")[:36] for line in lines].index(C)
        self.assertIn("  2 segments", lines[at])
        forks = [line for line in lines[at + 1:] if C1 in line]
        self.assertIn("fork of %s at turn 2 " % A1[:18], forks[0])

    def test_ls__closed_pipe__ends_quietly(self):
        running = self.start("seglog", "ls", "st", stdout=subprocess.PIPE)
        running.stdout.close()
        self.assertEqual(running.wait(timeout=60), OK)
        self.assertEqual(running.stderr.read(), b"")


class SortTest(LsTest):
    def order(self, *args):
        return self.ids(self.ls(*args, "st"))

    def test_sort__keys__sessions_in_order(self):
        tops = {"age": [D, A, B], "size": [A, D, B], "id": [A, B, D],
                "records": [A, B, D]}
        for key, expected in tops.items():
            with self.subTest(key=key):
                lines = self.ls("--sort", key, "st").splitlines()
                self.assertEqual([line[:36] for line in lines
                                  if line[:36] in expected], expected)

    def test_sort__flat__segments_in_order(self):
        self.assertEqual(self.order("--flat"), [D1, C1, A2, A1, A0, B1])
        self.assertEqual(self.order("--flat", "--sort", "id"),
                         [A0, A1, A2, B1, C1, D1])
        self.assertEqual(self.order("--flat", "--sort", "records"),
                         [A0, B1, A1, D1, A2, C1])

    def test_sort__unknown_key__usage(self):
        self.ls("--sort", "name", "st", status=USAGE)

    def test_count__tree__first_sessions_whole(self):
        self.assertEqual(self.order("-n", "2"), [D, A, A0, A1, C, A2])

    def test_count__flat_and_json__first_segments(self):
        self.assertEqual(self.order("--flat", "-n", "2"), [D1, C1])
        listed = self.objects("ls", "--json", "-n", "2", "st")
        self.assertEqual([one["segment"] for one in listed[:-1]], [D1, C1])
        self.assertEqual(listed[-1]["summary"]["segments"], 6)

    def test_flat__lines__both_ids_and_the_parent(self):
        lines = self.ls("--flat", "st").splitlines()
        self.assertTrue(lines[2].startswith("%s  %s  " % (C1, C)))
        self.assertIn("fork of %s at turn 2" % A1[:18], lines[2])
        self.assertEqual(lines[0].index("SESSION"), 38)


class JsonTest(LsTest):
    def rows(self, *args, **options):
        rows = self.objects("ls", "--json", *args, "st", **options)
        return {row["segment"]: row for row in rows[:-1]}, rows[-1]["summary"]

    def test_json__segment__all_of_it(self):
        row = self.rows()[0][A1]
        for name, value in {
                "session": A, "blob": blob(A, A1), "records": 5,
                "bytes": os.path.getsize(self.path("st/" + blob(A, A1))),
                "trace_bytes": 0, "verdict": "OK", "label": "the fork",
                "lineage": {"kind": "forked_from", "segment": A0,
                            "at_turn": 3, "at_record": 10,
                            "present": True}}.items():
            with self.subTest(name=name):
                self.assertEqual(row[name], value)
        self.assertEqual(row["head"]["next_record"], 6)
        self.assertRegex(row["head"]["epoch"], "^[0-9a-f]{16}$")
        self.assertRegex(row["modified"],
                         r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertAlmostEqual(
            row["modified_ms"] / 1000,
            os.stat(self.path("st/" + blob(A, A1))).st_mtime, delta=0.01)

    def test_json__bytes_that_are_no_text__base64_as_well(self):
        rows = self.rows()[0]
        self.assertEqual(rows[A0]["note"], "Fix \x1b[31mit\ufffd")
        self.assertEqual(base64.b64decode(rows[A0]["note_base64"]),
                         b"Fix \x1b[31mit\xff")
        self.assertEqual(rows[B1]["note"], "Second")
        self.assertNotIn("note_base64", rows[B1])

    def test_json__parent_that_is_gone__not_present(self):
        lineage = self.rows()[0][D1]["lineage"]
        self.assertEqual((lineage["segment"], lineage["present"]),
                         (GONE, False))

    def test_json__trace__its_bytes(self):
        size = os.path.getsize(self.path("st/" + blob(A, A0, "trace")))
        self.assertEqual(self.rows()[0][A0]["trace_bytes"], size)

    def test_json__summary__totals(self):
        summary = self.rows()[1]
        self.assertEqual((summary["sessions"], summary["segments"],
                          summary["records"], summary["damaged"]),
                         (4, 6, 36, 0))

    def test_json__label_with_zeros__kept(self):
        self.make("st", r"create %s %s 0 %s 0 0 a\x00b\xff" % (B, B, B))
        row = self.rows()[0][B]
        self.assertEqual(row["label"], "a\0b\ufffd")
        self.assertEqual(base64.b64decode(row["label_base64"]), b"a\0b\xff")


class VerifyTest(LsTest):
    def test_verify__whole__index_agrees(self):
        done = self.seglog("ls", "--verify", "st", env=ASCII)
        self.assertEqual(done.stderr,
                         "seglog: st: the index agrees with the files\n")

    def test_verify__damage__verdict_and_status(self):
        path = os.path.join("st", blob(A, A0))
        self.flip(path, self.get(path).index(b'{"n":3}'))
        done = self.seglog("ls", "--verify", "st", status=DAMAGED, env=ASCII)
        line = [line for line in done.stdout.decode().splitlines()
                if line.startswith("`- " + A0)][0]
        self.assertIn("  CORRUPT, 1 lost", line)
        self.assertIn("seglog: st/%s: record 3 " % blob(A, A0), done.stderr)
        self.assertTrue(done.stdout.endswith(b"; 1 damaged\n"))

    def test_verify__json__verdicts(self):
        self.damage(B, B1)
        rows = self.objects("ls", "--verify", "--json", "st", status=DAMAGED)
        row = [row for row in rows[:-1] if row["segment"] == B1][0]
        self.assertEqual((row["verdict"], row["lost"], row["findings"]),
                         ("CORRUPT", 1, 1))
        self.assertEqual(rows[-1]["summary"]["damaged"], 1)

    def test_verify__torn_tail__no_damage(self):
        with open(self.path("st/" + blob(B, B1)), "ab") as file:
            file.write(b"\x20\x40{")
        text = self.ls("--verify", "st")
        self.assertRegex(text, r"%s +7 .*  TORN " % B)

    def test_verify__damaged_index__said_and_no_damage(self):
        self.flip("st/index.seg", 100)
        done = self.seglog("ls", "--verify", "st", env=ASCII)
        self.assertIn("index.seg is damaged (CORRUPT); it is derived",
                      done.stderr)
        self.assertIn(b"4 sessions, 6 segments", done.stdout)

    def test_verify__no_segment_at_all__unreadable(self):
        self.put("st/" + blob(B, B1), b"hello")
        done = self.seglog("ls", "--verify", "st", status=DAMAGED, env=ASCII)
        self.assertRegex(done.stdout.decode(), r"%s .* UNREADABLE " % B)

    def test_ls__no_segment_at_all__unreadable_without_reading_all(self):
        self.put("st/" + blob(B, B1), b"hello")
        text = self.ls("st", status=DAMAGED)
        self.assertRegex(text, r"%s .* UNREADABLE " % B)


class DetailTest(LsTest):
    def test_detail__session__its_segments(self):
        text = self.ls("st:019a")
        self.assertTrue(text.startswith(
            "session    %s\n  note     Fix \\x1b[31mit\\xff\n"
            "  holds    3 segments, 27 records, " % A))
        self.assertEqual([line.split()[1] for line in text.splitlines()
                          if line.startswith("segment ")], [A2, A1, A0])
        self.assertIn("  lineage  forked_from %s, turn 3, record 10\n" % A0,
                      text)
        self.assertIn("  trace    ", text)

    def test_detail__entries__times_turns_and_kinds(self):
        text = self.ls("st:" + D1)
        self.assertIn("  times    2025-01-02T03:04:05.000Z to "
                      "2025-01-02T03:05:05.000Z\n  turns    1\n"
                      "  kinds    turn_end 1, user 1\n", text)
        self.assertIn("%s, turn 2, record 3 (gone)\n" % GONE, text)

    def test_detail__segment__that_one(self):
        text = self.ls("st:" + A1)
        self.assertEqual(text.count("\nsegment "), 1)
        self.assertIn("segment    %s\n  label    the fork\n" % A1, text)

    def test_detail__json__one_object_a_segment(self):
        rows = self.objects("ls", "--json", "st:019d")
        self.assertEqual(len(rows), 1)
        self.assertEqual(rows[0]["entries"], {
            "first": "2025-01-02T03:04:05.000Z", "first_ms": 1735787045000,
            "last": "2025-01-02T03:05:05.000Z", "last_ms": 1735787105000,
            "turns": 1, "kinds": {"turn_end": 1, "user": 1},
            "other_kinds": 0})

    def test_detail__many_kinds__counted_as_other(self):
        self.make("st", "\n".join('entry %s %s {"kind":"k%d"}' % (B, B1, n)
                                  for n in range(80)))
        entries = self.objects("ls", "--json", "st:019b")[0]["entries"]
        self.assertEqual(len(entries["kinds"]), 64)
        self.assertEqual(entries["other_kinds"], 80 + 1 - 64)

    def test_detail__damaged__says_where(self):
        self.damage(B, B1)
        done = self.seglog("ls", "st:019b", status=DAMAGED)
        self.assertIn("record 3 ", done.stderr)

    def test_detail__verify__usage(self):
        self.ls("--verify", "st:019b", status=USAGE)


class EmptyTest(stores.StoreTest):
    def test_ls__all_removed__empty_listing(self):
        self.seglog("rm", "-f", "--older-than", "0s", "st")
        self.assertEqual(self.seglog("ls", "st").stdout,
                         b"0 sessions, 0 segments, 0 records, 0 bytes\n")
        self.assertEqual(json.loads(self.seglog("ls", "--json", "st").stdout)
                         ["summary"]["segments"], 0)


class ManyTest(stores.StoreTest):
    @unittest.skipUnless(cli.IS_LONG, "SEGLOG_LONG_TESTS=1 runs it")
    def test_ls__ten_thousand_sessions__a_few_seconds(self):
        self.make("many", "many 10000 2")
        done = self.seglog("ls", "many")
        self.assertTrue(done.stdout.startswith(b"SESSION"))
        self.assertIn(b"\n10,000 sessions, 10,000 segments, 20,000 records, ",
                      done.stdout)


class StreamsTest(LsTest):
    BLOB = "stream.%d.0000000000.0000000000.00000000000000000000.seg"

    def append(self, stream, data):
        done = self.seglog("append", stream, data=data, status=None)
        if "needs a build" in done.stderr or "OpenSSL" in done.stderr:
            self.skipTest("built without OpenSSL")
        return done.stdout.decode().split()

    def damage(self, name, text):
        data = bytearray(self.get(name))
        data[data.index(text)] ^= 1
        self.put(name, data)

    def test_ls__streams_beside_sessions__stand_below_them(self):
        before = self.ls("st")
        self.append("st:11", b"a\nb\n")
        end = self.append("st:7", b"event-1\nevent-2\nevent-3\n")
        text = self.ls("st")
        self.assertTrue(text.startswith(before))
        lines = text[len(before):].splitlines()
        self.assertEqual(lines[0], "")
        self.assertEqual(lines[1].split(), ["STREAM", "SEGMENTS", "EVENTS",
                                            "SIZE", "STATE", "HEAD"])
        self.assertRegex(lines[2], r"^7 +1 +3 +\d+ bytes  OK +3 %s$"
                         % end[1][:16])
        self.assertRegex(lines[3], r"^11 +1 +2 +\d+ bytes  OK +2 [0-9a-f]{16}$")
        self.assertRegex(lines[4], r"^2 streams, 2 segments, 5 events, ")
        self.assertEqual(len(lines), 5)
        lines = self.ls("-n", "1", "--flat", "-q", "st").splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], "^7 ")

    def test_ls__streams_alone__no_word_of_sessions(self):
        os.mkdir(self.path("s"))
        self.append("s:7", b"a\n")
        text = self.ls("s")
        self.assertTrue(text.startswith("STREAM "))
        self.assertNotIn("session", text)
        self.assertEqual(self.ls(env={"LC_ALL": "C",
                                      "SEGLOG_STORE": self.path("s")}), text)
        self.ls("s:", "-q")

    def test_ls__json__streams_in_front_of_the_summary(self):
        offset, digits = self.append("st:7", b"a\nb\n")
        lines = [json.loads(line) for line in self.ls("--json",
                                                      "st").splitlines()]
        stream = lines[-2]
        self.assertEqual(stream["stream"], 7)
        self.assertEqual(stream["segments"], 1)
        self.assertEqual(stream["sealed"], 0)
        self.assertEqual(stream["events"], 2)
        self.assertEqual(stream["checkpoint"], 2)
        self.assertEqual(stream["verdict"], "OK")
        self.assertEqual(stream["bytes"],
                         len(self.get("st/" + self.BLOB % 7)))
        self.assertEqual(stream["head"], {"next_offset": int(offset),
                                          "hash": digits})
        self.assertEqual(lines[-1]["summary"]["streams"], 1)
        self.assertEqual(lines[-1]["summary"]["events"], 2)

    def test_ls__damaged_stream__state_and_status(self):
        name = "st/" + self.BLOB % 7
        self.append("st:7", b"event-1\n")
        self.append("st:7", b"event-2\n")
        self.damage(name, b"event-1")
        self.assertRegex(self.ls("st"), r"(?m)^7 .*  OK ")
        done = self.seglog("ls", "--verify", "st", status=DAMAGED)
        self.assertIn("st:7: event 0: ", done.stderr)
        self.assertRegex(done.stdout.decode(), r"(?m)^7 .*  DAMAGED, 1 finding ")
        # Without the checkpoint behind it nobody knows the end.
        self.append("st:7", b"event-3\n")
        data = bytearray(self.get(name))
        begin = data.index(b"event-2")
        end = data.index(b"event-3") + len(b"event-3") + 4
        for at in range(begin, end - len(b"event-3") - 6):
            data[at] ^= 1
        self.put(name, data[:end])
        text = self.ls("st", status=DAMAGED)
        self.assertRegex(text, r"(?m)^7 +1 +\? +\?  CORRUPT$")
        self.assertIn("; 1 damaged\n", text)
        line = json.loads(self.ls("--json", "st",
                                  status=DAMAGED).splitlines()[-2])
        self.assertEqual(line["verdict"], "CORRUPT")
        self.assertIsNone(line["head"])


if __name__ == "__main__":
    cli.main("seglog", "json2seg", "seg2json")
