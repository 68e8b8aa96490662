#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog damage, and `seglog` itself: orders, reports, refusals.

That the predictions are right is the business of test_damage_agree.
"""
import json

import cli
from cli import DAMAGED, FAILED, OK, USAGE

LINES = b"".join(b'{"n":%d}\n' % n for n in range(10, 30))
FRAME = 14
SIZE = 404


def frame_at(record):
    return 54 + (record - 1) * FRAME


class DamageTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.json2seg("--codec", "none", "-o", "a.seg", data=LINES,
                      status=OK)
        self.whole = self.get("a.seg")

    def damage(self, *args, status=OK):
        return self.run_tool("seglog", "damage", "--force", "a.seg", "-o",
                             "b.seg", *args, status=status)

    def damaged(self, *args):
        """The bytes, and the report."""
        done = self.damage("--json", *args)
        return self.get("b.seg"), json.loads(done.stdout)

    def assert_damage(self, args, expected, verdict, lost):
        got, report = self.damaged(*args)
        self.assertEqual(got, expected)
        self.assertEqual((report["expect"]["verdict"],
                          report["expect"]["lost"]), (verdict, lost))
        status = OK if verdict in ("OK", "TORN") else DAMAGED
        check = self.run_tool("seglog", "check", "--json", "b.seg",
                              status=status)
        summary = json.loads(check.stdout.splitlines()[-1])["summary"]
        self.assertEqual((summary["verdict"], summary["records"]),
                         (verdict, report["expect"]["records"]))
        return report

    def flipped(self, byte, bit):
        out = bytearray(self.whole)
        out[byte] ^= 1 << bit
        return bytes(out)

    def test_flip_bit__of_a_frame__that_record(self):
        report = self.assert_damage(["--flip-bit", "5:50"],
                                    self.flipped(frame_at(5) + 6, 2),
                                    "CORRUPT", [[5, 5]])
        self.assertEqual(report["damage"],
                         {"action": "flip-bit", "first_byte": 116,
                          "byte_count": 1, "changed": 1, "inserted": 0,
                          "removed": 0, "first_record": 5, "last_record": 5,
                          "bit": 2})

    def test_flip_at__header__nothing_lost(self):
        self.assert_damage(["--flip-at", "20:7"], self.flipped(20, 7),
                           "CORRUPT", [])

    def test_zero__region__the_records_it_touches(self):
        start = frame_at(3) + 13
        self.assert_damage(["--zero", "%d:2" % start],
                           self.whole[:start] + b"\0\0"
                           + self.whole[start + 2:], "CORRUPT", [[3, 4]])

    def test_ones__record__that_record(self):
        self.assert_damage(["--ones", "7"],
                           self.whole[:frame_at(7)] + b"\xff" * FRAME
                           + self.whole[frame_at(8):], "CORRUPT", [[7, 7]])

    def test_insert__between_frames__nothing_lost(self):
        report = self.assert_damage(
            ["--insert", "%d:9:zeros" % frame_at(4)],
            self.whole[:frame_at(4)] + bytes(9) + self.whole[frame_at(4):],
            "CORRUPT", [])
        self.assertEqual(report["expect"]["shift"], 9)
        self.assertEqual(report["damage"]["first_record"], None)

    def test_delete__in_a_frame__one_record(self):
        at = frame_at(4) + 3
        report = self.assert_damage(
            ["--delete", "%d:3" % at], self.whole[:at] + self.whole[at + 3:],
            "CORRUPT", [[4, 4]])
        self.assertEqual(report["expect"]["shift"], -3)

    def test_truncate__in_a_frame__torn(self):
        report = self.assert_damage(["--truncate", str(frame_at(9) + 1)],
                                    self.whole[:frame_at(9) + 1], "TORN", [])
        self.assertEqual(report["expect"]["records"], 8)

    def test_truncate__between_frames__does_not_show(self):
        self.assert_damage(["--truncate", str(frame_at(9))],
                           self.whole[:frame_at(9)], "OK", [])

    def test_duplicate__record__nothing_lost(self):
        frame = self.whole[frame_at(6):frame_at(7)]
        self.assert_damage(["--duplicate", "6"],
                           self.whole[:frame_at(7)] + frame
                           + self.whole[frame_at(7):], "CORRUPT", [])

    def test_swap__two_records__nothing_lost(self):
        a, b, c, d = (frame_at(n) for n in (3, 4, 12, 13))
        whole = self.whole
        self.assert_damage(["--swap", "12:3"],
                           whole[:a] + whole[c:d] + whole[b:c] + whole[a:b]
                           + whole[d:], "CORRUPT", [])

    def test_drop__records__they_are_lost(self):
        self.assert_damage(["--drop", "3-5"],
                           self.whole[:frame_at(3)] + self.whole[frame_at(6):],
                           "CORRUPT", [[3, 5]])

    def test_splice__record__that_record(self):
        at = frame_at(8) + FRAME // 2
        self.assert_damage(["--splice", "8"],
                           self.whole[:at] + self.whole[frame_at(9):],
                           "CORRUPT", [[8, 8]])

    def test_lie_length__record__that_record(self):
        at = frame_at(8) + 1
        self.assert_damage(["--lie-length", "8:200"],
                           self.whole[:at] + b"\xc8" + self.whole[at + 1:],
                           "CORRUPT", [[8, 8]])

    def test_several__actions_of_one_call__all_done(self):
        got, report = self.damaged("--flip-bit", "3:50", "--drop", "9")
        self.assertEqual(len(got), SIZE - FRAME)
        self.assertEqual(report["damage"]["action"], "several")
        self.assertEqual([one["action"] for one in
                          report["damage"]["actions"]], ["flip-bit", "drop"])
        self.assertEqual(report["expect"]["lost"], [[3, 3], [9, 9]])
        self.assertEqual(report["expect"]["findings"], 2)

    def test_text_report__says_what_must_be_found(self):
        done = self.damage("--flip-bit", "5:50")
        self.assertEqual(done.stdout,
                         b"flip-bit at byte 116, bit 2, record 5: 1 byte "
                         b"changed\na right checker must say: CORRUPT, 19 "
                         b"records good, 1 lost: 5\n")

    def test_seed__same_seed__same_damage(self):
        first = self.damaged("--seed", "7")
        self.assertEqual(self.damaged("--seed", "7"), first)
        self.assertNotEqual(self.damaged("--seed", "8")[0], first[0])

    def test_seed__action_and_count__kept(self):
        _, report = self.damaged("--seed", "1", "--action", "drop", "--count",
                                 "3")
        self.assertEqual([one["action"] for one in
                          report["damage"]["actions"]], ["drop"] * 3)

    def test_out__existing__refused_unless_forced(self):
        self.put("b.seg", b"precious")
        self.run_tool("seglog", "damage", "a.seg", "-o", "b.seg", "--drop",
                      "1", status=FAILED)
        self.assertEqual(self.get("b.seg"), b"precious")

    def test_out__standard_output__report_on_standard_error(self):
        done = self.run_tool("seglog", "damage", "a.seg", "-o", "-", "--json",
                             "--truncate", "100", status=OK)
        self.assertEqual(done.stdout, self.whole[:100])
        self.assertEqual(json.loads(done.stderr)["expect"]["verdict"], "TORN")

    def test_input__damaged_already__refused(self):
        self.put("a.seg", self.flipped(frame_at(5) + 6, 0))
        done = self.damage("--drop", "1", status=DAMAGED)
        self.assertIn("damaged already", done.stderr)

    def test_orders__impossible__refused(self):
        for args in (["--flip-at", "404:0"], ["--flip-at", "1:8"],
                     ["--zero", "400:5"], ["--delete", "404:1"],
                     ["--insert", "405:1"], ["--truncate", "405"],
                     ["--drop", "21"], ["--swap", "1:21"], ["--swap", "4:4"],
                     ["--splice", "0"], ["--duplicate", "99"],
                     ["--lie-length", "3:300"], ["--flip-bit", "1:112"],
                     ["--zero", "60:10", "--drop", "1"]):
            with self.subTest(args=args):
                self.damage(*args, status=FAILED)

    def test_usage__wrong__usage(self):
        for args in ([], ["--zero", "x"], ["--zero", "1:"], ["--swap", "1"],
                     ["--insert", "5"], ["--insert", "5:1:twos"],
                     ["--drop", "1:2"], ["--seed", "x"],
                     ["--action", "frob", "--seed", "1"],
                     ["--drop", "1", "--count", "2"]):
            with self.subTest(args=args):
                self.damage(*args, status=USAGE)
        self.run_tool("seglog", "damage", "a.seg", "--drop", "1", status=USAGE)
        self.run_tool("seglog", "damage", "--force", "a.seg", "-o", "./a.seg",
                      "--drop", "1", status=USAGE)
        self.assertEqual(self.get("a.seg"), self.whole)


class ProgramTest(cli.CliTest):
    COMMANDS = ("check", "repair", "stat", "cat", "tail", "damage")

    def test_help__names_every_command(self):
        for args in (["--help"], ["-h"], ["help"]):
            text = self.run_tool("seglog", *args, status=OK).stdout.decode()
            for command in self.COMMANDS:
                self.assertIn("\n  %s " % command, text)

    def test_help__of_a_command__three_ways(self):
        for command in self.COMMANDS:
            one = self.run_tool("seglog", "help", command, status=OK).stdout
            two = self.run_tool("seglog", command, "--help", status=OK).stdout
            self.assertEqual(one, two)
            self.assertTrue(one.startswith(b"Usage: seglog %s "
                                           % command.encode()))

    def test_version__three_numbers(self):
        text = self.run_tool("seglog", "--version", status=OK).stdout.decode()
        self.assertRegex(text, r"^seglog \d+\.\d+\.\d+\nformat version 1\n")

    def test_usage__no_or_unknown_command__usage(self):
        for args in ([], ["frob"], ["help", "frob"], ["--frob"], ["-q"]):
            with self.subTest(args=args):
                done = self.run_tool("seglog", *args, status=USAGE)
                self.assertIn("seglog --help", done.stderr)
                self.assertEqual(done.stdout, b"")


if __name__ == "__main__":
    cli.main("seglog", "json2seg")
