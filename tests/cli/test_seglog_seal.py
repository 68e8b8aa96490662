#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog seal, and what the other programs do with sealed segments.

Goal:   a sealed segment is small and reads as before, by every program; what
        comes later goes elsewhere, and export still gives the very bytes.
Method: folders of lines, sealed at different times, exported and compared.
"""
import json
import os
import random
import signal
import subprocess
import time
import unittest

import cli
import stores
import trees
from cli import CONFLICT, DAMAGED, FAILED, OK, USAGE
from stores import A, A0, A1, A2, B, B1, D1, blob


B2 = "019b0000-0000-7000-8000-0000000000b2"
E = "019e0000-0000-7000-8000-00000000000e"
E1 = "019e0000-0000-7000-8000-0000000000e1"


def lines(count, seed=1):
    rng = random.Random(seed)
    words = "alpha beta gamma delta epsilon zeta eta theta".split()
    return [json.dumps({
        "type": "entry", "timestamp": "2025-01-02T03:%02d:%02d.%03dZ"
        % (n // 60 % 60, n % 60, rng.randrange(1000)),
        "uuid": "%032x" % rng.getrandbits(128),
        "text": " ".join(rng.choice(words) for _ in range(15))}).encode()
            + b"\n" for n in range(count)]


LINES = lines(1500)
TEXT = b"".join(LINES)


class FileTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.json2seg("-o", "a.seg", data=TEXT, status=OK)

    def seal(self, *args, status=OK, **options):
        return self.run_tool("seglog", "seal", *args, status=status,
                             **options)

    def stat(self, name):
        return json.loads(self.run_tool("seglog", "stat", "--json", name,
                                        status=OK).stdout)

    def test_seal__segment__smaller_and_reads_as_before(self):
        before = len(self.get("a.seg"))
        done = self.seal("a.seg")
        after = len(self.get("a.seg"))
        self.assertLess(after, before * 2 // 3)
        self.assertRegex(done.stdout.decode(),
                         r"\Aa\.seg: 1500 records, .* KiB to .* KiB \(.* %\)\n")
        self.assertEqual(self.lines_of("a.seg"), TEXT)
        done = self.seg2json("--from", "700", "--to", "702", "a.seg",
                             status=OK)
        self.assertEqual(done.stdout, b"".join(LINES[699:702]))
        done = self.run_tool("seglog", "tail", "-n", "2", "a.seg", status=OK)
        self.assertEqual(done.stdout, b"".join(LINES[-2:]))
        self.run_tool("seglog", "check", "a.seg", status=OK)

    def test_seal__link_to_a_segment__seals_what_it_leads_to(self):
        link = self.path("link.seg")
        os.symlink("a.seg", link)
        self.seal("link.seg")
        self.assertTrue(os.path.islink(link))
        self.assertEqual(self.stat("a.seg")["sealed"],
                         self.stat("link.seg")["sealed"])
        self.assertEqual(self.lines_of("a.seg"), TEXT)
        self.json2seg("--append", "-o", "a.seg", data=b"{}\n", status=FAILED)
        self.assertEqual(self.names(), ["a.seg", "link.seg"])

    def test_seal__twice__fine_and_unchanged(self):
        self.seal("a.seg")
        before = self.get("a.seg")
        done = self.seal("a.seg")
        self.assertEqual(done.stdout, b"")
        self.assertIn("1 segment was sealed already", done.stderr)
        self.assertEqual(self.get("a.seg"), before)

    def test_seal__json__figures(self):
        before = len(self.get("a.seg"))
        first, last = [json.loads(line) for line in
                       self.seal("--json", "a.seg").stdout.splitlines()]
        self.assertEqual(first, {
            "blob": "a.seg", "records": 1500, "blocks": 1,
            "text_bytes": len(TEXT) - 1500, "bytes_before": before,
            "bytes_after": len(self.get("a.seg")), "parent": None})
        self.assertEqual(last["summary"], {
            "sealed": 1, "already": 0, "left": 0, "small": 0, "failed": 0,
            "bytes_before": before, "bytes_after": first["bytes_after"]})

    def test_seal__block_sizes__blocks(self):
        self.seal("--block", "64K", "a.seg")
        stat = self.stat("a.seg")
        blocks = stat["sealed"]["blocks"]
        self.assertGreater(blocks, len(TEXT) // 80000)
        self.assertEqual(stat["record_frames"], blocks)
        self.assertEqual(self.lines_of("a.seg"), TEXT)
        self.json2seg("-o", "b.seg", data=TEXT, status=OK)
        self.seal("--memory", "1M", "b.seg")
        self.assertEqual(self.stat("b.seg")["sealed"]["blocks"], blocks)

    def test_seal__levels__all_come_back(self):
        for level in ("1", "19"):
            name = level + ".seg"
            self.json2seg("--codec", "none", "-o", name, data=TEXT, status=OK)
            self.seal("--level", level, name)
            self.assertEqual(self.lines_of(name), TEXT)

    def test_seal__damaged__left_and_the_others_go_on(self):
        self.json2seg("-o", "b.seg", data=TEXT, status=OK)
        bad = bytearray(self.get("a.seg"))
        bad[len(bad) // 2] ^= 4
        self.put("a.seg", bad)
        done = self.seal("a.seg", "b.seg", "missing.seg", status=FAILED)
        self.assertEqual(self.get("a.seg"), bad)
        self.assertRegex(done.stderr, r"(?m)^seglog: a\.seg: ")
        self.assertRegex(done.stderr, r"(?m)^seglog: missing\.seg: ")
        self.assertTrue(done.stdout.startswith(b"b.seg: "))
        self.assertEqual(self.stat("b.seg")["codec"], "sealed")
        self.assertEqual(self.names(), ["a.seg", "b.seg"])
        self.seal("a.seg", status=DAMAGED)

    def test_seal__sealed_and_its_end_cut_off__damaged_and_unchanged(self):
        self.seal("--block", "64K", "a.seg")
        whole = self.get("a.seg")
        for size in (len(whole) - 1, len(whole) - 60, len(whole) // 2):
            with self.subTest(size=size):
                self.put("a.seg", whole[:size])
                done = self.seal("a.seg", status=DAMAGED)
                self.assertEqual(done.stdout, b"")
                self.assertRegex(done.stderr,
                                 r"\Aseglog: a\.seg: .* damaged.*\n\Z")
                self.assertEqual(self.get("a.seg"), whole[:size])
                self.assertEqual(self.names(), ["a.seg"])
        self.put("a.seg", whole)
        self.assertIn("sealed already", self.seal("a.seg").stderr)

    def test_seal__wrong_command_lines__usage(self):
        for args in ([], ["--level", "0", "a.seg"], ["--level", "20", "a.seg"],
                     ["--block", "63K", "a.seg"], ["--window", "1G", "a.seg"],
                     ["--block", "8MB", "a.seg"], ["--memory", "x", "a.seg"]):
            with self.subTest(args=args):
                self.seal(*args, status=USAGE)
        self.assertEqual(self.stat("a.seg")["closed"], True)
        self.assertNotEqual(self.stat("a.seg")["codec"], "sealed")

    def test_seal__not_a_segment__failed(self):
        self.put("x", b"nothing of that kind\n" * 20)
        before = self.get("x")
        self.seal("x", status=FAILED)
        self.seal("/dev/null", status=FAILED)
        self.assertEqual(self.get("x"), before)

    def test_sealed__append__refused(self):
        self.seal("a.seg")
        before = self.get("a.seg")
        done = self.json2seg("--append", "-o", "a.seg", data=b"1\n",
                             status=FAILED)
        self.assertIn("a.seg: it is sealed", done.stderr)
        self.assertEqual(self.get("a.seg"), before)

    def test_sealed__stat__parts_add_up(self):
        self.seal("a.seg")
        stat = self.stat("a.seg")
        self.assertEqual(stat["damage_cost"], "its block")
        sealed = stat["sealed"]
        self.assertEqual((sealed["blocks"], sealed["text_bytes"],
                          sealed["parent"]), (1, len(TEXT) - 1500, None))
        self.assertEqual(sealed["time_min_ms"] // 60000 * 60000,
                         1735786800000)
        costs = sealed["costs"]
        self.assertEqual(sum(cost["stored_bytes"] for cost in costs),
                         stat["body_bytes"])
        self.assertEqual(sum(cost["text_bytes"] for cost in costs),
                         len(TEXT) - 1500)
        forms = {(cost["path"], cost["form"]) for cost in costs}
        self.assertIn(("timestamp", "time"), forms)
        self.assertIn(("text", "text"), forms)
        self.assertEqual(stat["bytes"], stat["header_bytes"] +
                         stat["head_bytes"] + stat["mark_bytes"] +
                         stat["control_bytes"] + stat["body_bytes"])
        text = self.run_tool("seglog", "stat", "a.seg",
                             status=OK).stdout.decode()
        self.assertIn("  sealed    1 block of %d bytes of text\n"
                      % (len(TEXT) - 1500), text)
        self.assertIn("  times     2025-01-02T03:00:0", text)
        self.assertRegex(text, r"(?m)^ +\d+ +[\d.]+ % +\d+ bytes of lines  "
                         r"time +timestamp$")

    def test_sealed__cut_off__says_that_records_may_be_lost(self):
        self.seal("a.seg")
        whole = self.get("a.seg")
        for size in (len(whole) // 2, len(whole) - 70):
            with open(self.path("a.seg"), "wb") as out:
                out.write(whole[:size])
            done = self.run_tool("seglog", "check", "a.seg", status=DAMAGED)
            self.assertIn("; records behind it may be lost", done.stderr)
            self.assertNotIn("nothing lost", done.stderr)

    def test_sealed__damaged_byte__costs_its_block(self):
        self.seal("--block", "64K", "a.seg")
        seg = bytearray(self.get("a.seg"))
        seg[len(seg) // 2] ^= 1
        self.put("a.seg", seg)
        done = self.run_tool("seglog", "check", "--json", "a.seg",
                             status=DAMAGED)
        finding, summary = [json.loads(line) for line in
                            done.stdout.splitlines()]
        lost = finding["last_record"] - finding["first_record"] + 1
        self.assertEqual(summary["summary"]["lost"], lost)
        self.assertLess(lost, 500)
        done = self.seg2json("a.seg", status=DAMAGED)
        self.assertEqual(done.stdout.splitlines(True),
                         LINES[:finding["first_record"] - 1] +
                         LINES[finding["last_record"]:])
        self.assertEqual(self.run_tool("seglog", "stat", "a.seg",
                                       status=DAMAGED).returncode, DAMAGED)

    def test_sealed__repair__an_ordinary_segment(self):
        self.seal("--block", "64K", "a.seg")
        seg = bytearray(self.get("a.seg"))
        seg[len(seg) // 2] ^= 1
        self.put("a.seg", seg)
        self.run_tool("seglog", "repair", "a.seg", "-o", "b.seg",
                      status=DAMAGED)
        self.json2seg("--append", "-o", "b.seg", data=b"1\n", status=OK)
        self.assertTrue(self.seg2json("b.seg").stdout.endswith(b"1\n"))

    def test_seal__while_others_append__nothing_is_lost(self):
        sink = self.start("json2seg", "--append", "-o", "live.seg")
        sink.stdin.write(TEXT)
        sink.stdin.flush()
        end = time.monotonic() + 60
        while self.seg2json("live.seg").stdout != TEXT:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        self.seal("live.seg")
        time.sleep(0.05)
        sink.stdin.write(b"1\n")
        sink.stdin.close()
        self.assertEqual(sink.wait(20), FAILED)
        self.assertIn(b"it is sealed", sink.stderr.read())
        self.assertEqual(self.lines_of("live.seg"), TEXT)

    def test_seal__signal__as_it_was(self):
        data = b"".join(lines(60000, 5))
        self.json2seg("-o", "big.seg", data=data, status=OK)
        before = self.get("big.seg")
        running = self.start("seglog", "seal", "--level", "19", "big.seg",
                             stdout=subprocess.DEVNULL)
        time.sleep(0.3)
        running.send_signal(signal.SIGTERM)
        status = running.wait(280)
        if status == OK:
            self.skipTest("it was done before the signal came")
        self.assertEqual(status, FAILED)
        self.assertEqual(self.get("big.seg"), before)
        self.assertEqual(self.names(), ["a.seg", "big.seg"])


class Json2segTest(cli.CliTest):
    def test_seal__new_segment__sealed_when_it_appears(self):
        done = self.json2seg("--seal", "--level", "12", "-o", "a.seg",
                             data=TEXT, status=OK)
        self.assertIn("a.seg: sealed, ", done.stderr)
        self.assertEqual(self.names(), ["a.seg"])
        self.assertEqual(sorted(os.listdir(self.dir)), ["a.seg"])
        self.assertEqual(self.lines_of("a.seg"), TEXT)
        stat = json.loads(self.run_tool("seglog", "stat", "--json",
                                        "a.seg").stdout)
        self.assertEqual(stat["codec"], "sealed")

    def test_seal__bad_lines__kept_and_said(self):
        data = b'{"a":1}\nno json\n' * 300 + b"open"
        self.json2seg("--seal", "-o", "a.seg", data=data, status=DAMAGED)
        self.assertEqual(self.lines_of("a.seg"), data)

    def test_seal__any_bytes__come_back(self):
        rng = random.Random(7)
        for size in (0, 1, 20, 70000):
            data = bytes(rng.randrange(256) for _ in range(size))
            self.json2seg("--seal", "--force", "-o", "a.seg", data=data)
            self.assertEqual(self.lines_of("a.seg"), data)

    def test_seal__append__sealed_in_the_end(self):
        self.json2seg("--append", "-o", "a.seg", data=LINES[0], status=OK)
        self.json2seg("--append", "--seal", "-o", "a.seg",
                      data=b"".join(LINES[1:]), status=OK)
        self.assertEqual(self.lines_of("a.seg"), TEXT)
        self.json2seg("--append", "-o", "a.seg", data=b"1\n", status=FAILED)

    def test_seal__no_file__usage(self):
        self.json2seg("--seal", data=TEXT, status=USAGE)
        self.json2seg("--seal", "-o", "-", data=TEXT, status=USAGE)
        self.json2seg("--seal", "-o", "/dev/null", data=TEXT, status=USAGE)


class StoreTest(stores.StoreTest):
    def setUp(self):
        super().setUp()
        self.make("st", "\n".join("append %s %s 300" % pair for pair in
                                  ((A, A0), (A, A1), (A, A2), (B, B1))))

    def sealed(self, *args, status=OK):
        """The segments that were sealed now, in order, and the summary."""
        *items, last = self.objects("seal", "--json", *args, status=status)
        return [item["segment"] for item in items], last["summary"]

    def states(self):
        return {item["segment"]: item["sealed"] for item in
                self.objects("ls", "--json", "st") if "segment" in item}

    def test_seal__store__all_but_the_latest_of_each_session(self):
        before = {segment: self.seglog("cat", "st:" + segment).stdout
                  for segment in (A1, A2, B1)}
        segments, summary = self.sealed("st")
        self.assertEqual(sorted(segments), sorted([A0, A1]))
        self.assertEqual((summary["sealed"], summary["left"]), (2, 4))
        self.assertEqual([one for one, is_sealed in self.states().items()
                          if is_sealed], [A1, A0])
        for segment, text in before.items():
            self.assertEqual(self.seglog("cat", "st:" + segment).stdout, text)
        self.assertIn("OK, sealed", self.seglog("ls", "st").stdout.decode())
        self.seglog("check", "--strict", "st")
        self.seglog("ls", "--verify", "st")

    def test_seal__all__small_ones_are_left(self):
        segments, summary = self.sealed("--all", "st")
        self.assertEqual(sorted(segments), sorted([A0, A1, A2, B1]))
        self.assertEqual((summary["small"], summary["left"]), (2, 0))
        segments, summary = self.sealed("--all", "st")
        self.assertEqual((segments, summary["already"]), ([], 4))
        # By its id even a small one is.
        self.assertEqual(self.sealed("st:" + D1)[0], [D1])

    def test_seal__session__all_its_segments_parents_first(self):
        segments, _ = self.sealed("st:" + A)
        self.assertEqual(segments, [A0, A1, A2])

    def test_seal__segment__that_one(self):
        self.assertEqual(self.sealed("st:%s/segment" % A0)[0], [A0])
        self.seglog("seal", "st:%s/notes" % A1, status=USAGE)
        self.seglog("seal", "st:ffff", status=FAILED)

    def test_seal__traces__only_where_asked(self):
        self.make("st", "\n".join('trace %s %s {"n":%d}' % (A, A0, n)
                                  for n in range(400)))
        self.sealed("st")
        trace = os.path.join("st", blob(A, A0, "trace"))
        before = self.get(trace)
        self.sealed("--traces", "st")
        self.assertLess(len(self.get(trace)), len(before))
        self.assertEqual(self.seglog("cat", "st:%s/trace" % A1,
                                     status=FAILED).stdout, b"")
        self.assertEqual(self.seglog("cat", "st:%s/segment/trace" % A0,
                                     status=None).stdout[:12] or
                         b'{"debug":1}\n', b'{"debug":1}\n')

    def test_seal__damaged_one__left_and_the_others_go_on(self):
        path = os.path.join("st", blob(A, A0))
        self.flip(path, 300)
        before = self.get(path)
        segments, summary = self.sealed("st", status=DAMAGED)
        self.assertEqual((segments, summary["failed"]), ([A1], 1))
        self.assertEqual(self.get(path), before)

    def test_seal__stat__by_codec(self):
        self.sealed("st")
        stat = self.objects("stat", "--json", "st")[0]
        self.assertEqual(stat["codecs"], {"none": 5, "sealed": 2})
        self.assertIn("sealed", stat["damage_cost"])


class ParentTest(stores.StoreTest):
    """B1, and forks that repeat it: one in its session, one in another."""

    def setUp(self):
        super().setUp()
        self.make("st", "\n".join([
            *("entry %s %s %s" % (B, B1, line.decode()) for line in
              (line.strip() for line in lines(1000, 9))), "fork %s %s %s %s 900"
            % (B, B1, B, B2), "fork %s %s %s %s 1007" % (B, B1, E, E1)]))
        self.text = {one: self.seglog("cat", "st:%s/segment" % one).stdout
                     for one in (B1, B2, E1)}

    def seal(self):
        items = [item for item in self.objects("seal", "--all", "--json", "st")
                 if item.get("segment") in self.text]
        if not any(item["parent"] for item in items):
            self.skipTest("forks are sealed without their parent here")
        return items

    def test_seal__forks__small_beside_their_parent(self):
        items = self.seal()
        self.assertEqual(items[0]["segment"], B1)
        for item in items[1:]:
            self.assertEqual(item["parent"], blob(B, B1))
            self.assertLess(item["bytes_after"] * 3, items[0]["bytes_after"])
        for one, text in self.text.items():
            self.assertEqual(
                self.seglog("cat", "st:%s/segment" % one).stdout, text)

    def test_seal__no_parent__each_by_itself(self):
        self.seglog("seal", "--all", "--no-parent", "st")
        for one, text in self.text.items():
            stat = self.objects("stat", "--json", "st:%s/segment" % one)[0]
            self.assertIsNone(stat["sealed"]["parent"])
            self.assertEqual(
                self.seglog("cat", "st:%s/segment" % one).stdout, text)
        self.seglog("rm", "-f", "st:%s/segment" % B1)

    def test_rm__parent_under_its_forks__refused(self):
        self.seal()
        done = self.seglog("rm", "-f", "st:%s/segment" % B1, status=CONFLICT)
        self.assertRegex(done.stderr, "the sealed segment (%s|%s) refers to it"
                         % (B2, E1))
        for one, text in self.text.items():
            self.assertEqual(
                self.seglog("cat", "st:%s/segment" % one).stdout, text)

    def test_rm__with_its_forks__all_go_in_whatever_order(self):
        self.seal()
        self.seglog("rm", "-f", "st:" + B, "st:" + E, "--json")
        left = [item["session"] for item in self.objects("ls", "--json", "st")
                if "segment" in item]
        self.assertNotIn(B, left)
        self.assertNotIn(E, left)

    def test_export__store_with_parents__self_contained(self):
        self.seal()
        self.seglog("export", "st", "-o", "out")
        for session, one in ((B, B1), (B, B2), (E, E1)):
            self.assertEqual(self.get("out/%s/%s.jsonl" % (session, one)),
                             self.text[one])


class ImportTest(trees.StoreTest):
    def segments(self, store="store"):
        done = self.run_tool("seglog", "ls", "--json", store, status=OK)
        return [item for item in map(json.loads, done.stdout.splitlines())
                if "segment" in item]

    def seal(self, *args, status=OK):
        return self.run_tool("seglog", "seal", *args, status=status)

    def test_import_seal__every_file_comes_back(self):
        trees.make_odd(self.path("tree"))
        self.put_tree("large.jsonl", TEXT)
        done = self.run_import("--seal", "--level", "3", status=DAMAGED)
        self.assertIn("3 segments sealed", done.stderr)
        self.assertEqual(sum(item["sealed"] for item in self.segments()), 3)
        self.assert_exports()
        done = self.run_import("--seal", "--json", status=OK)
        summary = json.loads(done.stdout.splitlines()[-1])["summary"]
        self.assertEqual((summary["sealed"], summary["lines"]), (0, 0))

    def test_import_seal__what_was_imported_before_too(self):
        self.put_tree("a.jsonl", TEXT)
        self.run_import()
        self.assertEqual([item["sealed"] for item in self.segments()],
                         [False])
        done = self.run_import("--seal", "--json")
        summary = json.loads(done.stdout.splitlines()[-1])["summary"]
        self.assertEqual(summary["unchanged"] + summary["touched"], 1)
        self.assertEqual((summary["grown"], summary["sealed"]), (0, 1))
        self.assertEqual([item["sealed"] for item in self.segments()], [True])
        self.run_import("--verify")
        self.assert_exports()

    def test_grown__sealed_segment__goes_on_in_another(self):
        pieces = [TEXT, b'{"more":1}\n', b'{"open', b'":2}\n', b"", b"\n\n",
                  TEXT[:70000], b'"x":1}\n' + TEXT]
        self.put_tree("a.jsonl", b"")
        for number, piece in enumerate(pieces):
            self.put_tree("a.jsonl", piece, "ab")
            self.run_import("--verify", status=None)
            self.assert_exports()
            self.seal("--all", "store")
            self.assert_exports()
            if number % 2:
                self.run_import("--verify", status=None)
        self.assertGreater(len(self.segments()), 2)
        names = {os.fsdecode(name) for name in os.listdir(self.path("out"))}
        self.assertEqual(names, {"a.jsonl"})

    def test_grown__mended_export__one_file(self):
        self.put_tree("a.jsonl", TEXT + b'{"op')
        self.run_import(status=DAMAGED)
        self.seal("--all", "store")
        self.put_tree("a.jsonl", b'en":1}\n{"b":2}{"b":3}\n', "ab")
        self.run_import(status=DAMAGED)
        self.run_export("--mended", status=DAMAGED)
        self.assertEqual(self.get("out/a.jsonl"),
                         TEXT + b'{"open":1}\n{"b":2}\n{"b":3}\n')

    def test_rewritten__sealed_segments__older_versions_whole(self):
        self.put_tree("a.jsonl", TEXT)
        self.run_import()
        self.seal("--all", "store")
        self.put_tree("a.jsonl", b'{"more":1}\n', "ab")
        self.run_import()
        self.put_tree("a.jsonl", b'{"another":1}\n')
        self.run_import()
        self.assert_exports()
        self.run_export("--versions")
        self.assertEqual(self.get("out/a.jsonl.~1~"), TEXT + b'{"more":1}\n')

    def test_interrupted__before_the_state_was_written__goes_on(self):
        """The empty segment that continues the sealed one is taken."""
        self.put_tree("a.jsonl", TEXT)
        self.run_import()
        names = self.get("store/names.seg")
        self.seal("--all", "store")
        self.put_tree("a.jsonl", b'{"more":1}\n', "ab")
        self.run_import("--verify")
        # As it was before: no state, and no records behind the attributes.
        next_one = [item for item in self.segments() if item["lineage"]][0]
        seg = self.get("store/" + next_one["blob"])
        self.put("store/names.seg", names)
        self.put("store/" + next_one["blob"], seg[:54 + 2 + seg[55] + 4])
        self.run_import("--verify")
        self.assert_exports()
        self.assertEqual(len(self.segments()), 2)

    def test_removed__part_of_a_file__imported_anew(self):
        self.put_tree("a.jsonl", TEXT)
        self.run_import()
        self.seal("--all", "store")
        self.put_tree("a.jsonl", b'{"more":1}\n', "ab")
        self.run_import()
        first = [item for item in self.segments() if not item["lineage"]][0]
        self.run_tool("seglog", "rm", "store:" + first["segment"] + "/segment",
                      status=FAILED)
        self.run_tool("seglog", "rm", "-f",
                      "store:" + first["segment"] + "/segment", status=OK)
        self.run_import("--verify")
        self.run_export(status=OK)
        self.assertEqual(self.get("out/a.jsonl"), TEXT + b'{"more":1}\n')

    def test_damaged__sealed_segment__imported_anew(self):
        self.put_tree("a.jsonl", TEXT)
        self.run_import("--seal")
        path = "store/" + self.segments()[0]["blob"]
        seg = bytearray(self.get(path))
        seg[len(seg) // 2] ^= 1
        self.put(path, seg)
        self.run_import("--verify", status=FAILED)
        self.put_tree("a.jsonl", b'{"more":1}\n', "ab")
        self.run_import("--verify")
        self.assert_exports()

    def test_follow__onto_a_sealed_segment__goes_on(self):
        self.put_tree("a.jsonl", TEXT)
        self.run_import("--seal")
        follow = self.start("seglog", "import", "tree", "--into", "store",
                            "--follow")
        self.put_tree("a.jsonl", b'{"more":1}\n', "ab")
        end = time.monotonic() + 60
        while len(self.segments()) < 2 or self.segments()[0]["records"] < 1:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        # Sealed again while it is followed.
        self.seal("--all", "store")
        self.put_tree("a.jsonl", TEXT, "ab")
        while sum(item["records"] for item in self.segments()) < 3001:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        follow.send_signal(signal.SIGTERM)
        self.assertEqual(follow.wait(60), OK)
        self.assert_exports()

    def test_seal__options__that_exclude_each_other(self):
        self.put_tree("a.jsonl", b"{}\n")
        self.run_import("--seal", "--follow", status=USAGE)

    @unittest.skipUnless(cli.CORPUS, "SEGLOG_CORPUS is not set")
    def test_corpus__sealed__comes_back(self):
        subprocess.run(["cp", "-a", os.path.join(cli.CORPUS, "."),
                        self.path("tree")], check=True)
        self.run_import("--all", "--seal", "--level", "3", status=None)
        self.assert_exports()


if __name__ == "__main__":
    cli.main("seglog", "json2seg", "seg2json")
