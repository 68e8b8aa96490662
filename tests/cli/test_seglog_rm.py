#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog rm: by id, by conditions, what it refuses, what it asks.

Goal    exactly what was named goes, and nothing after a usage error.
Method  the usual store of stores.py; what is left is seen in the folder.
"""
import os

import cli
import stores
from cli import FAILED, OK, USAGE, open_terminal
from stores import A, A0, A1, A2, B, B1, C, C1, D, D1, blob

ALL = {A0, A1, A2, B1, C1, D1}


class RmTest(stores.StoreTest):
    def rm(self, *args, status=OK, **options):
        return self.seglog("rm", *args, status=status, **options)

    def left(self):
        """Segments whose entries are there."""
        return {name.split(".")[1] for name in self.blobs()
                if name.count(".") == 2}

    def assert_nothing_removed(self):
        self.assertEqual(self.left(), ALL)


class IdTest(RmTest):
    def test_rm__session__all_its_lanes_and_its_note(self):
        done = self.rm("st:019b")
        self.assertEqual(self.left(), ALL - {B1})
        self.assertEqual([name for name in self.blobs() if B in name], [])
        self.assertTrue(done.stdout.endswith(
            b"1 whole session, 1 segment in all, 228 bytes removed\n"),
            done.stdout)
        self.make("st", "append %s %s 1" % (B, B1))
        row = self.objects("ls", "--json", "st:019b")[0]
        self.assertIsNone(row["note"])

    def test_rm__segment__that_one(self):
        self.rm("st:" + A2)
        self.assertEqual(self.left(), ALL - {A2})
        self.assertIn(b"Fix", self.seglog("ls", "st").stdout)

    def test_rm__several__all_of_them(self):
        self.rm("st:019b", "st:" + A2, "st:019d")
        self.assertEqual(self.left(), {A0, A1, C1})

    def test_rm__of_two_stores__both(self):
        self.make("other", "append %s %s 1" % (C, C1))
        self.rm("st:019b", "other:019c")
        self.assertEqual(self.left(), ALL - {B1})
        self.assertNotIn(blob(C, C1), self.blobs("other"))

    def test_rm__with_trace__counted_and_gone(self):
        size = sum(os.path.getsize(self.path("st/" + blob(A, A0, lane)))
                   for lane in ("", "trace"))
        rows = self.objects("rm", "--json", "--force",
                            "st:%s/segment" % A0)
        self.assertEqual(rows, [
            {"removed": True, "store": "st", "session": A, "segment": A0,
             "bytes": size},
            {"summary": {"sessions": 0, "segments": 1, "bytes": size,
                         "dry_run": False}}])
        self.assertEqual(self.left(), ALL - {A0})
        self.assertNotIn(blob(A, A0, "trace"), self.blobs())

    def test_rm__others_descend_from_it__refused_without_force(self):
        done = self.rm("st:" + A1, status=FAILED)
        self.assertIn("seglog: st: segment %s descends from %s (forked_from); "
                      "--force" % (C1, A1), done.stderr)
        self.assertIn("segment %s descends" % A2, done.stderr)
        self.assert_nothing_removed()
        self.rm("--force", "st:" + A1)
        self.assertEqual(self.left(), ALL - {A1})

    def test_rm__descendants_go_as_well__allowed(self):
        self.rm("st:" + A, "st:019c")
        self.assertEqual(self.left(), {B1, D1})

    def test_rm__dry_run__tells_and_removes_nothing(self):
        done = self.rm("--dry-run", "st:019b")
        self.assertEqual(done.stdout.decode(),
                         "to remove: %s of session %s, 228 bytes, Second\n"
                         "1 whole session, 1 segment in all, 228 bytes would "
                         "be removed\n" % (B1, B))
        self.assert_nothing_removed()

    def test_rm__default_store__removed(self):
        self.rm(":019b", env={"SEGLOG_STORE": "st"})
        self.assertEqual(self.left(), ALL - {B1})


class RefusalTest(RmTest):
    def test_rm__wrong_usage__nothing_removed(self):
        for args in ([], ["st"], ["st:019b", "st"], ["st:019b/trace"],
                     ["--older-than", "0s", "st:019b"], ["--bad", "st:019b"],
                     ["--older-than", "0s", "st", "st"],
                     ["--unreferenced", "st", "st:019b"]):
            with self.subTest(args=args):
                self.rm(*args, status=USAGE, env={"SEGLOG_STORE": ""})
                self.assert_nothing_removed()

    def test_rm__bad_times__usage(self):
        for text in ("", "d", "3", "3x", "-3d", "3dd", "99999999d", "3 d"):
            with self.subTest(text=text):
                self.rm("--older-than", text, "st", status=USAGE)
        self.assert_nothing_removed()

    def test_rm__one_of_several_unknown__nothing_removed(self):
        for path in ("st:fff", "nowhere:019b", "nowhere", "st:019"):
            with self.subTest(path=path):
                self.rm("st:019b", path, status=FAILED)
                self.assert_nothing_removed()


class ConditionTest(RmTest):
    def test_older__by_the_last_change_of_the_session(self):
        self.set_age(B, B1, 40 * 86400)
        self.set_age(D, D1, 20 * 86400)
        # One segment of A is old, the session is not.
        self.set_age(A, A2, 90 * 86400)
        self.rm("--older-than", "30d", "st")
        self.assertEqual(self.left(), ALL - {B1})
        self.rm("--older-than", "2w", "st")
        self.assertEqual(self.left(), ALL - {B1, D1})

    def test_older__recent_trace__session_stays(self):
        for segment in (A0, A1, A2):
            self.set_age(A, segment, 3600)
        self.rm("--older-than", "30m", "st")
        self.assert_nothing_removed()

    def test_older__units__understood(self):
        self.set_age(B, B1, 7200)
        for text, count in (("3h", 0), ("121m", 0), ("7300s", 0), ("1d", 0),
                            ("1w", 0), ("2h", 1), ("119m", 1), ("7100s", 1)):
            with self.subTest(text=text):
                rows = self.objects("rm", "--json", "--dry-run",
                                    "--older-than", text, "st")
                self.assertEqual(rows[-1]["summary"]["segments"], count)

    def test_older__others_descend_from_it__kept(self):
        for segment, lane in ((A0, ""), (A1, ""), (A2, ""), (A0, "trace")):
            self.set_age(A, segment, 7200, lane=lane)
        done = self.rm("--older-than", "1h", "st")
        # C, which is new, descends from A1, and that from A0.
        self.assertEqual(self.left(), ALL - {A2})
        self.assertIn("st: 2 segments are kept, because others that stay "
                      "descend from them", done.stderr)
        self.rm("--older-than", "1h", "--force", "st")
        self.assertEqual(self.left(), ALL - {A0, A1, A2})

    def test_unreferenced__what_nothing_descends_from(self):
        self.rm("--unreferenced", "st")
        self.assertEqual(self.left(), {A0, A1})

    def test_unreferenced__descending_from_itself__removed(self):
        self.make("odd", "create %s %s 1 %s 1 1 x" % (B, B1, B1))
        self.rm("--unreferenced", "odd")
        self.assertNotIn(blob(B, B1), self.blobs("odd"))

    def test_conditions__both__combined(self):
        self.set_age(B, B1, 7200)
        for segment, lane in ((A0, ""), (A1, ""), (A2, ""), (A0, "trace")):
            self.set_age(A, segment, 7200, lane=lane)
        self.rm("--older-than", "1h", "--unreferenced", "st")
        self.assertEqual(self.left(), ALL - {A2, B1})

    def test_conditions__default_store(self):
        self.rm("--older-than", "0s", env={"SEGLOG_STORE": "st"})
        self.assertEqual(self.left(), set())

    def test_conditions__nothing_meets_them__fine(self):
        done = self.rm("--older-than", "1d", "st")
        self.assertEqual((done.stdout, done.stderr),
                         (b"", "seglog: there is nothing to remove\n"))


class AskTest(RmTest):
    def ask(self, answer, *args):
        """With a terminal for standard input."""
        master, terminal = open_terminal(self)
        try:
            os.write(master, answer)
            return self.rm(*args, "st:019b", stdin=terminal)
        finally:
            os.close(terminal)
            os.close(master)

    def test_ask__yes__removed(self):
        done = self.ask(b"y\n")
        self.assertIn("remove 1 whole session, 1 segment in all, 228 bytes "
                      "for ever? [y/N] ", done.stderr)
        self.assertTrue(done.stdout.startswith(b"to remove: " + B1.encode()))
        self.assertEqual(self.left(), ALL - {B1})

    def test_ask__anything_else__kept(self):
        for answer in (b"n\n", b"\n", b"yikes\n", b"\x04"):
            with self.subTest(answer=answer):
                done = self.ask(answer)
                self.assertIn("nothing was removed", done.stderr)
                self.assert_nothing_removed()

    def test_ask__forced__not_asked(self):
        done = self.ask(b"", "-f")
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.left(), ALL - {B1})


class ImportTest(RmTest):
    def setUp(self):
        super().setUp()
        if b"import" not in self.seglog("--help").stdout:
            self.skipTest("there is no import")
        os.mkdir(self.path("logs"))
        self.put("logs/a.jsonl", b'{"a":1}\n')
        self.put("logs/b.jsonl", b'{"b":1}\n')
        self.take_in()

    def take_in(self):
        self.seglog("import", "logs", "--into", "imported")

    def rows(self):
        return self.objects("ls", "--json", "imported")[:-1]

    def test_unreferenced__holds_an_imported_file__kept(self):
        self.rm("--unreferenced", "imported")
        self.assertEqual(len(self.rows()), 2)

    def test_rm__imported_segment__taken_in_again(self):
        self.rm("imported:" + self.rows()[0]["segment"])
        self.assertEqual(len(self.rows()), 1)
        self.take_in()
        self.assertEqual(len(self.rows()), 2)
        lines = {self.seglog("cat", "imported:" + row["segment"]).stdout
                 for row in self.rows()}
        self.assertEqual(lines, {b'{"a":1}\n', b'{"b":1}\n'})

    def test_rm__imported_segment__its_source_is_forgotten(self):
        def records():
            return self.objects("stat", "--json",
                                "imported/names.seg")[0]["records"]
        before = records()
        self.rm("imported:" + self.rows()[0]["segment"])
        self.assertEqual(records(), before + 1)

    def test_rm__all__taken_in_again(self):
        self.rm("--older-than", "0s", "imported")
        self.assertEqual(self.rows(), [])
        self.take_in()
        self.assertEqual(len(self.rows()), 2)


if __name__ == "__main__":
    cli.main("seglog", "json2seg", "seg2json")
