#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog stat, cat and tail."""
import json
import os
import pathlib
import signal
import sys
import time

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "format/vectors"
sys.path.append(str(VECTORS))

import hex2seg
import cli
from cli import DAMAGED, FAILED, OK, USAGE

LINES = [b'{"n":%d}\n' % n for n in range(10, 30)]
FRAME = 14


def frame_at(record):
    return 54 + (record - 1) * FRAME


class ReadTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.json2seg("--codec", "none", "-o", "a.seg", data=b"".join(LINES),
                      status=OK)

    def damage(self, record, name="a.seg"):
        seg = bytearray(self.get(name))
        seg[frame_at(record) + 6] ^= 1
        self.put(name, seg)

    def seglog(self, *args, status=OK, **options):
        return self.run_tool("seglog", *args, status=status, **options)


class StatTest(ReadTest):
    def test_stat__json__all_figures(self):
        stat = json.loads(self.seglog("stat", "--json", "a.seg").stdout)
        for name, value in {"verdict": "OK", "closed": True, "bytes": 404,
                            "records": 20, "lines": 20, "payload_bytes": 160,
                            "text_bytes": 180, "framing_bytes": 244,
                            "framing_per_record": 12.2, "ratio": 0.4455,
                            "record_frames": 20, "groups": 0,
                            "sync_points": 0, "closing_marks": 1, "cuts": 0,
                            "first_record": 1, "next_record": 21,
                            "watermark": 20, "smallest_record": 8,
                            "largest_record": 8, "text_records": 20,
                            "body_max": 1 << 23, "sync_interval": 1 << 16,
                            "codec": "none", "compressed_frames": 0,
                            "body_bytes": 160, "header_bytes": 54,
                            "head_bytes": 120, "mark_bytes": 70,
                            "control_bytes": 0,
                            "damage_cost": "one record"}.items():
            with self.subTest(name=name):
                self.assertEqual(stat[name], value)
        self.assertEqual(len(stat["identity"]), 32)

    def test_stat__compressed__parts_add_up(self):
        self.json2seg("--codec", "deflate", "-o", "c.seg",
                      data=b"".join(LINES) * 500, status=OK)
        stat = json.loads(self.seglog("stat", "--json", "c.seg").stdout)
        self.assertEqual(stat["codec"], "deflate")
        self.assertEqual(stat["payload_bytes"], 160 * 500)
        self.assertLess(stat["body_bytes"], 160 * 500 * 2 // 3)
        self.assertEqual(stat["bytes"],
                         stat["header_bytes"] + stat["head_bytes"] +
                         stat["mark_bytes"] + stat["body_bytes"])
        text = self.seglog("stat", "c.seg").stdout.decode()
        self.assertIn("  bodies    80000 bytes of records in %d bytes, "
                      % stat["body_bytes"], text)
        self.assertIn("the rest of its block", text)

    def test_stat__chained__says_how(self):
        for name, said in (("chained", ["sha-256", 3, 1, 1]),
                           ("chained-xxh3", ["xxh3", 2, 0, 0])):
            path = VECTORS / "good" / (name + ".hex")
            self.put("c.seg", hex2seg.parse(path.read_text()))
            stat = json.loads(self.seglog("stat", "--json", "c.seg").stdout)
            self.assertEqual([stat["chain"], stat["chain_heads"],
                              stat["tombstones"], stat["signatures"]], said)
            text = self.seglog("stat", "c.seg").stdout.decode()
            self.assertIn("chain     %s, %d heads" % tuple(said[:2]), text)
        self.assertNotIn("chain", json.loads(
            self.seglog("stat", "--json", "a.seg").stdout))

    def test_stat__groups_and_tail__counted(self):
        data = b"".join(LINES) + b'{"end":1}'
        self.json2seg("--codec", "none", "--group", "10", "-o", "g.seg",
                      data=data, status=OK)
        stat = json.loads(self.seglog("stat", "--json", "g.seg").stdout)
        self.assertEqual(stat["text_bytes"], len(data))
        self.assertEqual(stat["tail_records"], 1)
        self.assertEqual(stat["groups"], 2)
        self.assertEqual(stat["damage_cost"], "one record, or its group")

    def test_stat__text__names_the_costs(self):
        text = self.seglog("stat", "a.seg").stdout.decode()
        self.assertIn("a.seg: OK, closed\n", text)
        self.assertIn("framing   244 bytes, 12.20 a record", text)
        self.assertIn("one damaged byte costs one record\n", text)

    def test_stat__damaged__status_and_loss(self):
        self.damage(5)
        done = self.seglog("stat", "--json", "a.seg", status=DAMAGED)
        stat = json.loads(done.stdout)
        self.assertEqual((stat["records"], stat["lost"]), (19, 1))

    def test_stat__no_segment__failed(self):
        self.put("x", b"hello")
        self.seglog("stat", "x", status=FAILED)


class CatTest(ReadTest):
    def test_cat__all__the_lines(self):
        self.assertEqual(self.seglog("cat", "a.seg").stdout, b"".join(LINES))

    def test_cat__range__those_records(self):
        done = self.seglog("cat", "--from", "3", "--to", "5", "a.seg")
        self.assertEqual(done.stdout, b"".join(LINES[2:5]))

    def test_cat__gaps__lost_records_as_a_typed_line(self):
        self.damage(5)
        done = self.seglog("cat", "--gaps", "a.seg", status=DAMAGED)
        gap = json.loads(done.stdout.splitlines()[4])
        self.assertEqual((gap["seglog"], gap["first"], gap["last"]),
                         ("gap", 5, 5))
        self.assertIn("record 5 (line 5, offset 110)", done.stderr)

    def test_cat__from_behind_to__usage(self):
        self.seglog("cat", "--from", "5", "--to", "4", "a.seg", status=USAGE)

    def test_cat__closed_pipe__ends_quietly(self):
        self.json2seg("--force", "-o", "big.seg", data=b'{"a":1}\n' * 200000,
                      status=OK)
        running = self.start("seglog", "cat", "big.seg",
                             stdout=cli.subprocess.PIPE)
        running.stdout.read(10)
        running.stdout.close()
        self.assertEqual(running.wait(timeout=60), OK)
        self.assertEqual(running.stderr.read(), b"")


class TailTest(ReadTest):
    def test_tail__default__ten_lines(self):
        self.assertEqual(self.seglog("tail", "a.seg").stdout,
                         b"".join(LINES[10:]))

    def test_tail__count__as_many(self):
        for count, lines in (("3", LINES[17:]), ("0", []), ("99", LINES)):
            with self.subTest(count=count):
                done = self.seglog("tail", "-n", count, "a.seg")
                self.assertEqual(done.stdout, b"".join(lines))

    def test_tail__damage_before_the_lines__not_told(self):
        self.damage(5)
        done = self.seglog("tail", "-n", "3", "a.seg")
        self.assertEqual(done.stderr, "")

    def test_tail__damage_among_the_lines__told_and_passed_over(self):
        self.damage(18)
        done = self.seglog("tail", "-n", "4", "a.seg", status=DAMAGED)
        self.assertEqual(done.stdout, LINES[16] + LINES[18] + LINES[19])
        self.assertIn("record 18 (line 18, ", done.stderr)

    def test_tail__follow_standard_input__usage(self):
        self.seglog("tail", "-f", "-", status=USAGE)


class FollowTest(ReadTest):
    def append(self, data):
        self.json2seg("--append", "-o", "a.seg", data=data, status=OK)

    def stop(self, running, number=signal.SIGTERM):
        running.send_signal(number)
        self.assertEqual(running.wait(timeout=60), OK)

    def test_follow__appended_lines__come_at_once(self):
        running = self.tail_to_out("-n", "1", "a.seg")
        self.wait_for_out(LINES[19])
        self.append(b'{"new":1}\n')
        self.wait_for_out(LINES[19] + b'{"new":1}\n')
        self.append(b'{"new":2}\n{"new":3}\n')
        self.wait_for_out(LINES[19] + b'{"new":1}\n{"new":2}\n{"new":3}\n')
        self.stop(running)

    def test_follow__interrupted__ends_cleanly(self):
        running = self.tail_to_out("-n", "1", "a.seg")
        self.wait_for_out(LINES[19])
        self.stop(running, signal.SIGINT)

    def test_follow__replaced_by_a_repaired_one__goes_on(self):
        running = self.tail_to_out("-n", "1", "a.seg")
        self.wait_for_out(LINES[19])
        self.seglog("repair", "a.seg", "-o", "b.seg")
        os.rename(self.path("b.seg"), self.path("a.seg"))
        time.sleep(0.3)
        self.append(b'{"new":1}\n')
        self.wait_for_out(LINES[19] + b'{"new":1}\n')
        self.stop(running)

    def test_follow__replaced_by_a_new_log__from_its_start(self):
        running = self.tail_to_out("-n", "1", "a.seg")
        self.wait_for_out(LINES[19])
        self.json2seg("--force", "-o", "a.seg", data=b'{"x":1}\n', status=OK)
        self.wait_for_out(LINES[19] + b'{"x":1}\n')
        self.stop(running)

    def test_follow__removed_and_made_again__goes_on(self):
        running = self.tail_to_out("-n", "1", "a.seg")
        self.wait_for_out(LINES[19])
        os.unlink(self.path("a.seg"))
        time.sleep(0.3)
        self.json2seg("-o", "a.seg", data=b'{"x":1}\n', status=OK)
        self.wait_for_out(LINES[19] + b'{"x":1}\n')
        self.stop(running)


if __name__ == "__main__":
    cli.main("seglog", "json2seg", "seg2json")
