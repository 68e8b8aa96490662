#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog repair: what is saved, what is said, what is never touched."""
import json

import cli
from cli import DAMAGED, FAILED, OK, USAGE

LINES = [b'{"n":%d}\n' % n for n in range(10, 30)]
FRAME = 14


def frame_at(record):
    return 54 + (record - 1) * FRAME


class RepairTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.json2seg("--codec", "none", "-o", "a.seg", data=b"".join(LINES),
                      status=OK)
        seg = bytearray(self.get("a.seg"))
        seg[frame_at(5) + 6] ^= 1
        self.put("bad.seg", seg)

    def repair(self, *args, status=OK, **options):
        return self.run_tool("seglog", "repair", *args, status=status,
                             **options)

    def test_repair__one_record_lost__the_rest_is_saved(self):
        before = self.get("bad.seg")
        done = self.repair("bad.seg", "-o", "new.seg", status=DAMAGED)
        self.assertEqual(done.stdout, b"new.seg: 19 records saved, 1 lost\n")
        self.assertIn("seglog: bad.seg: record 5 (line 5, offset 110): "
                      "checksum mismatch; 1 record lost", done.stderr)
        self.assertEqual(self.get("bad.seg"), before)
        self.assertEqual(self.lines_of("new.seg"),
                         b"".join(LINES[:4] + LINES[5:]))
        check = self.run_tool("seglog", "check", "new.seg", status=OK)
        self.assertIn(b"OK: 19 good records", check.stdout)
        self.assertIn(b"1 lost before it was written", check.stdout)

    def test_repair__whole_segment__a_copy(self):
        done = self.repair("a.seg", "-o", "new.seg")
        self.assertEqual(done.stdout, b"new.seg: 20 records saved, 0 lost; "
                                      b"nothing was damaged\n")
        self.assertEqual(self.lines_of("new.seg"), b"".join(LINES))

    def test_repair__torn_tail__nothing_lost(self):
        self.put("torn.seg", self.get("a.seg")[:frame_at(20) + 5])
        done = self.repair("torn.seg", "-o", "new.seg")
        self.assertEqual(done.stdout, b"new.seg: 19 records saved, 0 lost, "
                                      b"5 bytes of a torn tail left out\n")
        self.assertEqual(self.lines_of("new.seg"), b"".join(LINES[:19]))

    def test_repair__json__as_check_says(self):
        done = self.repair("--json", "bad.seg", "-o", "new.seg",
                           status=DAMAGED)
        check = self.run_tool("seglog", "check", "--json", "bad.seg",
                              status=DAMAGED)
        self.assertEqual(done.stdout, check.stdout)

    def test_repair__expect__the_missing_end_is_noted(self):
        self.put("cut.seg", self.get("a.seg")[:frame_at(15)])
        done = self.repair("--json", "--expect", "20", "cut.seg", "-o",
                           "new.seg", status=DAMAGED)
        finding = json.loads(done.stdout.splitlines()[0])
        self.assertEqual((finding["cause"], finding["first_record"],
                          finding["last_record"]), ("cut", 15, 20))
        stat = self.run_tool("seglog", "stat", "--json", "new.seg", status=OK)
        self.assertEqual(json.loads(stat.stdout)["next_record"], 21)

    def test_repair__existing_out__refused_unless_forced(self):
        self.put("new.seg", b"precious")
        self.repair("bad.seg", "-o", "new.seg", status=FAILED)
        self.assertEqual(self.get("new.seg"), b"precious")
        self.repair("--force", "bad.seg", "-o", "new.seg", status=DAMAGED)
        self.assertNotEqual(self.get("new.seg"), b"precious")

    def test_repair__temporary_file_of_another__kept(self):
        self.put("new.seg.tmp", b"precious")
        done = self.repair("bad.seg", "-o", "new.seg", status=FAILED)
        self.assertIn("new.seg.tmp", done.stderr)
        self.assertEqual(self.get("new.seg.tmp"), b"precious")

    def test_repair__in_place__refused(self):
        before = self.get("bad.seg")
        for out in ("bad.seg", "./bad.seg"):
            self.repair("--force", "bad.seg", "-o", out, status=USAGE)
        self.assertEqual(self.get("bad.seg"), before)

    def test_repair__no_out__usage(self):
        self.repair("bad.seg", status=USAGE)

    def test_repair__not_a_segment__failed_and_nothing_left(self):
        self.put("x", b"no segment, but long enough to be looked at " * 4)
        names = self.names()
        self.repair("x", "-o", "new.seg", status=FAILED)
        self.assertEqual(self.names(), names)

    def test_repair__to_standard_output__refused(self):
        self.repair("bad.seg", "-o", "-", status=FAILED)

    def test_repair__from_standard_input__saved(self):
        self.repair("-", "-o", "new.seg", data=self.get("bad.seg"),
                    status=DAMAGED)
        self.assertEqual(self.lines_of("new.seg"),
                         b"".join(LINES[:4] + LINES[5:]))


if __name__ == "__main__":
    cli.main("seglog", "json2seg", "seg2json")
