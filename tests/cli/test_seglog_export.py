#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog export.

Goal:   the folders of an import come back, nothing is ever written outside of
        DIR, and --mended gives every value that was whole.
Method: round trips are in test_seglog_import.py; here are the options, stores
        that mean harm, damage, and a folder damaged in known ways.
"""
import json
import os
import random
import subprocess

import cli
import trees
from cli import DAMAGED, FAILED, OK, USAGE

SEED = int(os.environ.get("SEGLOG_SEED", "1"))
SAMPLE = cli.pathlib.Path(__file__).resolve().parents[2] / "tools" / "sample"


def lines_of_json(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


class Options(trees.StoreTest):
    def test_usage(self):
        self.run_tool("seglog", "export", "store", status=USAGE)
        self.run_tool("seglog", "export", "a", "b", "-o", "c", status=USAGE)

    def test_no_store_fails_and_makes_nothing(self):
        os.mkdir(self.path("empty"))
        for store in ("nowhere", "empty"):
            self.run_tool("seglog", "export", store, "-o", "out",
                          status=FAILED)
            self.assertFalse(os.path.exists(self.path("out")))

    def test_a_folder_that_holds_something_needs_force(self):
        self.put_tree("a.jsonl", b"{}\n")
        self.put_tree("d/b.jsonl", b"{}\n")
        self.run_import()
        os.mkdir(self.path("out"))
        self.put("out/a.jsonl", b"mine")
        done = self.run_tool("seglog", "export", "store", "-o", "out",
                             status=FAILED)
        self.assertIn("--force", done.stderr)
        self.assertEqual(self.get("out/a.jsonl"), b"mine")
        self.run_tool("seglog", "export", "store", "-o", "out", "--force",
                      status=OK)
        self.assertEqual(trees.difference(trees.snapshot(self.path("tree")),
                                          trees.snapshot(self.path("out"))),
                         "")

    def test_several_roots_have_folders(self):
        for top in ("one/logs", "two/logs", "three"):
            trees.write(self.path(top + "/a.jsonl"), top.encode())
            self.run_import(source=top, status=DAMAGED)
        self.run_export()
        self.assertEqual(sorted(os.listdir(self.path("out"))),
                         ["logs", "logs-2", "three"])
        self.assertEqual(self.get("out/logs-2/a.jsonl"), b"two/logs")

    def test_json_counts(self):
        self.put_tree("d/a.jsonl", b"{}\n")
        self.run_import()
        summary = lines_of_json(self.run_export("--json"))[-1]["summary"]
        self.assertEqual((summary["files"], summary["folders"]), (1, 2))

    def test_an_import_that_was_not_finished_is_reported(self):
        self.put_tree("a.jsonl", b"{}\n")
        item = lines_of_json(self.run_import("--json"))[0]
        os.unlink(self.path("store/%s.%s.seg" % (item["session"],
                                                 item["segment"])))
        done = self.run_export(status=FAILED)
        self.assertIn("a.jsonl: the store does not hold it", done.stderr)


class FullDisk(trees.StoreTest):
    def test_it_is_said_once(self):
        mount = self.path("disk")
        os.mkdir(mount)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs",
                           mount], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("nothing can be mounted")
        self.addCleanup(subprocess.run, ["umount", mount], check=False)
        for i in range(9):
            self.put_tree("f%d.jsonl" % i, b'{"a":1}\n' * 9000)
        self.run_import()
        done = self.run_tool("seglog", "export", "store", "-o", "disk/out",
                             status=FAILED)
        self.assertEqual(done.stderr.count("o space"), 1, done.stderr)


class Hostile(trees.StoreTest):
    def names(self):
        return self.path("store/names.seg")

    def test_links_in_the_way_are_not_followed(self):
        self.put_tree("d/a.jsonl", b"{}\n")
        self.put_tree("b.jsonl", b"{}\n")
        self.run_import()
        os.mkdir(self.path("victim"))
        self.put("precious", b"precious")
        os.mkdir(self.path("out"))
        os.symlink("../victim", self.path("out/d"))
        os.symlink("../precious", self.path("out/b.jsonl"))
        self.run_tool("seglog", "export", "store", "-o", "out", "--force",
                      status=FAILED)
        self.assertEqual(os.listdir(self.path("victim")), [])
        self.assertEqual(self.get("precious"), b"precious")
        self.assertEqual(self.get("out/b.jsonl"), b"{}\n")

    def test_a_link_of_the_store_leads_nowhere_while_exporting(self):
        """A link is data: files that would go through it are refused."""
        self.put_tree("d/a.jsonl", b"{}\n")
        self.run_import("--all")
        os.mkdir(self.path("victim"))
        subprocess.run(["rm", "-r", self.path("tree/d")], check=True)
        os.symlink(self.path("victim"), self.path("tree/d"))
        # The file below stays in the store; where its folder was is a link.
        self.run_import("--all")
        self.assert_exports()
        self.run_export("--deleted", status=FAILED)
        self.assertEqual(os.listdir(self.path("victim")), [])

    def test_paths_that_lead_out_are_refused(self):
        """The names table is rewritten with other paths of the same length."""
        self.put_tree("aaaaaaaaaa.jsonl", b"{}\n")
        self.put_tree("keep.jsonl", b"{}\n")
        self.run_import()
        for bad in (b"../../../x.jsonl", b"/aaaaaaaaa.jsonl",
                    b"a/../../../xx.jl", b"aa//aaaaaa.jsonl",
                    b"aaaaaa/./a.jsonl", b"aaaaaaaaaaaaaaa/"):
            self.assertEqual(len(bad), 16)
            lines = rewrite_names(self, b"aaaaaaaaaa.jsonl", bad)
            if lines is None:
                self.skipTest("json2seg or seg2json is not built")
            done = self.run_export(status=None, store="bad")
            self.assertIn("does not understand", done.stderr)
            # Its segment belongs to no source now, but to a session still.
            self.assertEqual([name for name in os.listdir(self.path("out"))
                              if not name.startswith("0")], ["keep.jsonl"])
            self.assertEqual(sorted(os.listdir(self.dir)),
                             ["bad", "out", "store", "tree"])


def rewrite_names(test, old, new):
    """A copy of the store whose table of names says something else."""
    import base64
    if not (cli.has_tool("json2seg") and cli.has_tool("seg2json")):
        return None
    subprocess.run(["rm", "-rf", test.path("bad")], check=True)
    subprocess.run(["cp", "-a", test.path("store"), test.path("bad")],
                   check=True)
    typed = test.run_tool("seg2json", "--gaps", "store/names.seg",
                          status=OK).stdout
    out = []
    for line in typed.splitlines():
        item = json.loads(line) if line.startswith(b'{"seglog"') else None
        if item is None or "base64" not in item:
            out.append(line.replace(old, new))
            continue
        data = base64.b64decode(item["base64"]).replace(old, new)
        item["base64"] = base64.b64encode(data).decode()
        out.append(json.dumps(item, separators=(",", ":")).encode())
    made = test.run_tool("json2seg", "--typed", data=b"\n".join(out) + b"\n",
                         status=None).stdout
    test.put("bad/names.seg", made)
    return out


class Damage(trees.StoreTest):
    def test_what_is_left_of_a_damaged_segment_is_written(self):
        lines = [b'{"n":%d}\n' % i for i in range(2000)]
        self.put_tree("a.jsonl", b"".join(lines))
        item = lines_of_json(self.run_import("--json", "--codec", "none"))[0]
        path = self.path("store/%s.%s.seg" % (item["session"],
                                              item["segment"]))
        with open(path, "r+b") as file:
            file.seek(9000)
            file.write(b"\xff" * 30)
        for options in ((), ("--mended",)):
            done = self.run_export(*options, status=DAMAGED)
            self.assertIn("out/a.jsonl: record", done.stderr)
            left = self.get("out/a.jsonl").splitlines(True)
            self.assertTrue(1900 < len(left) < 2000)
            self.assertEqual(left, [line for line in lines if line in left])


class Mended(trees.StoreTest):
    def mended(self, data, status=DAMAGED):
        self.put_tree("a.jsonl", data)
        self.run_import(status=None)
        done = self.run_export("--mended", status=status)
        return self.get("out/a.jsonl"), done

    def test_whole_files_are_as_they_were(self):
        data = b'{"a":1}\r\n\n  [1]\n"text"\n{"b":2}'
        self.assertEqual(self.mended(data, status=OK)[0], data)

    def test_values_on_one_line_get_lines(self):
        got, done = self.mended(b'{"a":1}{"a":2}\n{"a":3}\n')
        self.assertEqual(got, b'{"a":1}\n{"a":2}\n{"a":3}\n')
        self.assertIn("a.jsonl: line 1: 2 values on one line; 2 whole values",
                      done.stderr)

    def test_zero_bytes_are_left_out(self):
        got, _ = self.mended(b'{"a":1}\n\0\0\0\0{"a":2}\n')
        self.assertEqual(got, b'{"a":1}\n{"a":2}\n')

    def test_what_cannot_be_had_is_left_out_and_said(self):
        got, done = self.mended(b'{"a":1}\nrubbish\n{"a":')
        self.assertEqual(got, b'{"a":1}\n')
        self.assertIn("line 2: ", done.stderr)
        self.assertIn("nothing whole is in it, left out", done.stderr)
        self.assertIn("of 2 broken lines, 0 gave 0 whole values", done.stderr)

    def test_json_says_it_line_by_line(self):
        self.put_tree("a.jsonl", b'{"a":1}{"a":2}\nx\n')
        self.run_import(status=DAMAGED)
        found = lines_of_json(self.run_export("--mended", "--json",
                                              status=DAMAGED))
        self.assertEqual([(item["line"], item["values"])
                          for item in found[:-1]], [(1, 2), (2, 0)])
        self.assertEqual(found[-1]["summary"]["bad_lines"], 2)

    def test_a_broken_line_in_parts(self):
        text = b'{"t":"' + b"w" * (9 << 20) + b'"}'
        got, _ = self.mended(text + text + b"\n" + text + b"\n{}\n")
        self.assertEqual(got, text + b"\n" + text + b"\n" + text + b"\n{}\n")

    def test_the_store_keeps_the_lines_as_they_were(self):
        self.mended(b'{"a":1}{"a":2}\n')
        self.assert_exports()

    def test_other_files_are_not_mended(self):
        self.put_tree("a.txt", b'{"a":1}{"a":2}\n')
        self.run_import("--all")
        self.run_export("--mended")
        self.assertEqual(self.get("out/a.txt"), b'{"a":1}{"a":2}\n')


class Damaged(trees.StoreTest):
    """A folder with the accidents that real ones have, ten times as often."""

    FILES = 900
    # In 10949 real files there were so many.
    MIX = ["splice"] * 21 + ["lost"] * 3 + ["nul"] * 6

    def source_lines(self):
        """Objects by family: a file holds lines of one kind."""
        files = cli.corpus_files() or sorted(SAMPLE.glob("*.jsonl"))
        families = []
        for path in files:
            lines = []
            for line in path.read_bytes().splitlines():
                try:
                    if len(line) < 20000 and isinstance(json.loads(line),
                                                        dict):
                        lines.append(line)
                except ValueError:
                    pass
            if len(lines) >= 8:
                families.append(lines)
        return families

    def damage(self, rng, kind, first, second):
        """The bytes of two lines after the accident, and what is whole."""
        if kind == "lost":
            return first + second + b"\n", [first, second]
        if kind == "nul":
            return (first + b"\n" + b"\0" * rng.randrange(1, 5000) + second
                    + b"\n", [first, second])
        return (first[:rng.randrange(1, len(first))] + second + b"\n",
                [second])

    def test_every_value_that_was_whole_comes_back(self):
        rng = random.Random(SEED)
        families = self.source_lines()
        bad, want = {}, {}
        for i in range(self.FILES):
            lines = rng.choice(families)
            start = rng.randrange(len(lines) - 7)
            lines = lines[start:start + rng.randrange(4, 9)]
            name = "p%d/s%d.jsonl" % (i % 11, i)
            data, whole = [], []
            hurt = rng.randrange(len(lines) - 1) if i % 36 == 7 else -1
            n = 0
            while n < len(lines):
                if n == hurt:
                    kind = rng.choice(self.MIX)
                    text, left = self.damage(rng, kind, lines[n],
                                             lines[n + 1])
                    line = n + (2 if kind == "nul" else 1)
                    bad[name] = (line, kind)
                    data.append(text)
                    whole += left
                    n += 2
                else:
                    data.append(lines[n] + b"\n")
                    whole.append(lines[n])
                    n += 1
            self.put_tree(name, b"".join(data))
            want[name] = whole
        self.check(bad, want)

    def check(self, bad, want):
        done = self.run_import("--json", status=DAMAGED)
        found = {os.path.relpath(item["source"],
                                 os.path.realpath(self.path("tree"))):
                 item["line"]
                 for item in lines_of_json(done) if "damage" in item}
        self.assertEqual(found, {name: line for name, (line, _) in
                                 bad.items()}, "SEGLOG_SEED=%d" % SEED)
        self.assert_exports()
        self.run_export("--mended", "-q", status=DAMAGED)
        for name, values in want.items():
            got = self.get("out/" + name).splitlines()
            self.assertEqual(got, values, "SEGLOG_SEED=%d: %s %s"
                             % (SEED, name, bad.get(name)))


if __name__ == "__main__":
    cli.main("seglog")
