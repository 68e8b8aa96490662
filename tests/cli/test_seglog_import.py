#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog import.

Goal:   a store holds every byte of a folder, whatever is in it and whatever
        happens: growth, rewrites, signals, kills, full disks.
Method: after each change the store is exported and compared with the folder:
        bytes, modes and times.
"""
import json
import os
import random
import resource
import signal
import socket
import subprocess
import time
import unittest

import cli
import trees
from cli import DAMAGED, FAILED, OK, USAGE

SEED = int(os.environ.get("SEGLOG_SEED", "1"))


def lines_of_json(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


class Odd(trees.StoreTest):
    def test_odd_names_and_contents_come_back(self):
        trees.make_odd(self.path("tree"))
        done = self.run_import(status=DAMAGED)
        self.assertIn("contents/nul.jsonl: line 2", done.stderr)
        self.assert_exports()

    def test_all_brings_other_files_and_links(self):
        trees.make_odd(self.path("tree"))
        trees.add_others(self.path("tree"))
        done = self.run_import("--all", status=DAMAGED)
        self.assertNotIn("notes.txt", done.stderr)
        self.assert_exports()

    def test_without_all_others_are_counted_and_links_not_followed(self):
        self.put_tree("a.jsonl", b"{}\n")
        self.put_tree("notes.txt", b"x")
        os.symlink("a.jsonl", self.path("tree/l.jsonl"))
        done = self.run_import("--json")
        summary = lines_of_json(done)[-1]["summary"]
        self.assertEqual((summary["other_files"], summary["links"],
                          summary["added"]), (1, 1, 1))
        self.assertIn("left out: 1 other files, 1 links", done.stderr)
        self.run_export()
        self.assertEqual(sorted(os.listdir(self.path("out"))), ["a.jsonl"])

    def test_sockets_and_pipes_are_named(self):
        self.put_tree("a.jsonl", b"{}\n")
        os.mkfifo(self.path("tree/fifo.jsonl"))
        with socket.socket(socket.AF_UNIX) as sock:
            folder = os.open(self.path("tree"), os.O_RDONLY)
            sock.bind("/proc/self/fd/%d/sock" % folder)
            os.close(folder)
        done = self.run_import("--all")
        self.assertIn("fifo.jsonl: a pipe, left out", done.stderr)
        self.assertIn("sock: a socket, left out", done.stderr)
        self.assertIn("2 that are no files", done.stderr)

    def test_empty_folder_and_empty_store(self):
        os.mkdir(self.path("tree"))
        self.run_import()
        self.assert_exports()

    def test_ids_come_from_the_path_when_they_are_free(self):
        session = "0198c5d2-0000-7000-8000-00000000000a"
        segment = "0198c5d2-0000-7000-8000-00000000000b"
        for top in ("x", "y"):
            self.put_tree("%s/%s/%s.jsonl" % (top, session, segment), b"{}\n")
        self.put_tree("x/%s/%s.trace.jsonl" % (session, segment), b"{}\n")
        found = [item for item in lines_of_json(self.run_import("--json"))
                 if "segment" in item]
        named = [item for item in found if item["segment"] == segment]
        self.assertEqual(len(named), 1)
        self.assertEqual(named[0]["session"], session)
        self.assertEqual(len({item["segment"] for item in found}), 3)
        self.assert_exports()
        self.run_import()
        self.assert_exports()

    def test_a_store_inside_the_folder_is_not_imported(self):
        self.put_tree("a.jsonl", b"{}\n")
        for _ in range(2):
            done = self.run_tool("seglog", "import", "tree", "--into",
                                 "tree/store", "--all", "--json", status=OK)
            self.assertEqual(lines_of_json(done)[-1]["summary"]["sources"], 1)

    def test_a_name_that_is_not_utf8_has_its_bytes_in_json(self):
        self.put_tree(b"\xff.jsonl", b"{}\n")
        item = lines_of_json(self.run_import("--json"))[0]
        self.assertIn("source_base64", item)

    def test_single_files_and_folders_of_a_known_root(self):
        self.put_tree("sub/a.jsonl", b"{}\n")
        self.put_tree("sub/b.jsonl", b"{}\n")
        self.run_import(source="tree/sub/a.jsonl")
        self.run_export()
        self.assertEqual(os.listdir(self.path("out")), ["a.jsonl"])
        self.run_import(source="tree/sub/a.jsonl")
        self.run_import(source="tree/sub")
        self.run_export()
        self.assertEqual(sorted(os.listdir(self.path("out"))),
                         ["a.jsonl", "b.jsonl"])


class Usage(trees.StoreTest):
    def test_no_store_is_usage(self):
        env = {key: value for key, value in os.environ.items()
               if key != "SEGLOG_STORE"}
        self.run_tool("seglog", "import", ".", status=USAGE, env=env)
        self.run_tool("seglog", "import", ".", "--into", "s", "-0",
                      status=USAGE)
        self.run_tool("seglog", "import", "--into", "s", status=USAGE)
        self.run_tool("seglog", "import", ".", "--into", "s", "--follow",
                      "--verify", status=USAGE)

    def test_the_store_of_the_environment(self):
        self.put_tree("a.jsonl", b"{}\n")
        env = dict(os.environ, SEGLOG_STORE="store")
        self.run_tool("seglog", "import", "tree", status=OK, env=env)
        self.assert_exports()

    def test_a_missing_folder_fails(self):
        done = self.run_import(source="nowhere", status=FAILED)
        self.assertIn("nowhere", done.stderr)

    def test_two_at_a_time_are_refused(self):
        self.put_tree("a.jsonl", b"{}\n")
        follow = self.start("seglog", "import", "tree", "--into", "store",
                            "--follow")
        deadline = time.monotonic() + 10
        while b"following" not in follow.stderr.readline():
            self.assertLess(time.monotonic(), deadline)
        done = self.run_import(status=FAILED)
        self.assertIn("at work", done.stderr)


class Codec(trees.StoreTest):
    LINES = [b'{"type":"entry","text":"nearly the same each time","n":%d}\n'
             % n for n in range(400)]

    def codecs(self):
        done = self.run_tool("seglog", "stat", "--json", "store", status=OK)
        return json.loads(done.stdout)["codecs"]

    def test_new_segments_are_compressed(self):
        self.put_tree("a.jsonl", b"".join(self.LINES))
        self.run_import()
        self.assertNotIn("none", self.codecs())
        self.assert_exports()

    def test_a_segment_stays_what_it_is(self):
        half = len(self.LINES) // 2
        self.put_tree("a.jsonl", b"".join(self.LINES[:half]) + b'{"op')
        self.run_import("--codec", "none", status=DAMAGED)
        self.put_tree("a.jsonl", b'en":1}\n' + b"".join(self.LINES[half:]),
                      "ab")
        self.put_tree("b.jsonl", b"".join(self.LINES) + b'{"op')
        self.run_import("--codec", "deflate", "--level", "9", status=DAMAGED)
        self.assertEqual(self.codecs(), {"none": 1, "deflate": 1})
        self.put_tree("b.jsonl", b'en":1}\n' + b"".join(self.LINES), "ab")
        self.run_import("--codec", "none", "--verify")
        self.assertEqual(self.codecs(), {"none": 1, "deflate": 1})
        self.assert_exports()

    def test_wrong_codec(self):
        self.put_tree("a.jsonl", b"{}\n")
        for options in (["--codec", "lz4"], ["--codec", "deflate", "--level", "10"],
                        ["--codec", "none", "--level", "1"]):
            self.run_import(*options, status=USAGE)
        self.assertNotIn("store", self.names())


class Growth(trees.StoreTest):
    def grow(self, before, after, status=OK, change="grown", lines=None):
        self.put_tree("a.jsonl", before)
        self.run_import(status=None)
        self.put_tree("a.jsonl", after)
        item = [item for item in
                lines_of_json(self.run_import("--json", status=status))
                if "change" in item]
        self.assertEqual([item["change"] for item in item], [change])
        if lines is not None:
            self.assertEqual(item[0]["lines"], lines)
        self.assert_exports()
        again = lines_of_json(self.run_import("--json"))
        self.assertEqual([again[-1]["summary"][what] for what in
                          ("added", "grown", "replaced", "lines")], [0] * 4)
        return item[0]

    def test_new_lines_alone_are_added(self):
        item = self.grow(b"{}\n" * 1000, b"{}\n" * 1003, lines=3)
        self.assertEqual(item["bytes"], 9)

    def test_a_tail_is_completed(self):
        self.grow(b'{}\n{"a":', b'{}\n{"a":1}\n', lines=1)

    def test_a_tail_is_completed_by_a_line_feed_alone(self):
        self.grow(b'{}\n{"a":1}', b'{}\n{"a":1}\n', lines=1)

    def test_a_tail_grows_and_stays_one(self):
        self.grow(b'{}\n{"a":', b'{}\n{"a":1', status=DAMAGED, lines=1)

    def test_a_tail_alone_grows(self):
        self.grow(b'{"a"', b'{"a":1}\n{}\n{"b":2}', lines=3)

    def test_an_empty_file_grows(self):
        self.grow(b"", b"{}\n", lines=1)

    def test_a_rewritten_file_is_a_new_segment(self):
        item = self.grow(b'{"a":1}\n' * 5, b'{"b":1}\n' * 9, change="replaced")
        shown = self.run_export("--versions")
        self.assertEqual(shown.returncode, OK)
        self.assertEqual(self.get("out/a.jsonl.~1~"), b'{"a":1}\n' * 5)
        self.assertEqual(item["lines"], 9)

    def test_a_rewrite_of_the_same_size_is_noticed(self):
        self.grow(b'{"a":1}\n', b'{"a":2}\n', change="replaced")

    def test_a_shortened_file_is_a_new_segment(self):
        self.grow(b"{}\n" * 5, b"{}\n" * 2, change="replaced")
        self.put_tree("a.jsonl", b"")
        done = self.run_import()
        self.assertIn("it was rewritten", done.stderr)
        self.assert_exports()
        self.run_export("--versions")
        self.assertEqual(self.get("out/a.jsonl.~1~"), b"{}\n" * 5)
        self.assertEqual(self.get("out/a.jsonl.~2~"), b"{}\n" * 2)

    def test_times_alone_are_taken_over(self):
        self.put_tree("a.jsonl", b"{}\n")
        self.run_import()
        os.utime(self.path("tree/a.jsonl"), ns=(10**18, 10**18))
        os.chmod(self.path("tree/a.jsonl"), 0o600)
        done = lines_of_json(self.run_import("--json"))
        self.assertEqual(done[-1]["summary"]["touched"], 1)
        self.assert_exports()

    def test_deleted_originals_stay_in_the_store(self):
        self.put_tree("a.jsonl", b"{}\n")
        want = trees.snapshot(self.path("tree"))
        self.run_import()
        os.unlink(self.path("tree/a.jsonl"))
        self.run_import()
        self.run_export()
        self.assertEqual(self.get("out/a.jsonl"), b"{}\n")
        self.assertEqual(trees.snapshot(self.path("out"))[b"a.jsonl"],
                         want[b"a.jsonl"])

    def test_a_file_becomes_a_folder_and_a_folder_a_file(self):
        self.put_tree("a.jsonl", b"{}\n")
        os.mkdir(self.path("tree/b.jsonl"))
        self.run_import()
        os.unlink(self.path("tree/a.jsonl"))
        os.rmdir(self.path("tree/b.jsonl"))
        os.mkdir(self.path("tree/a.jsonl"))
        self.put_tree("b.jsonl", b"[]\n")
        self.run_import()
        self.assert_exports()

    def test_a_segment_that_was_deleted_is_imported_again(self):
        self.put_tree("a.jsonl", b"{}\n")
        item = lines_of_json(self.run_import("--json"))[0]
        name = "%s.%s.seg" % (item["session"], item["segment"])
        os.unlink(self.path("store/" + name))
        self.run_import()
        self.assert_exports()

    def test_a_damaged_segment_is_imported_again(self):
        self.put_tree("a.jsonl", b'{"a":1}\n' * 500)
        item = lines_of_json(self.run_import("--json", "--codec", "none"))[0]
        path = self.path("store/%s.%s.seg" % (item["session"],
                                              item["segment"]))
        with open(path, "r+b") as file:
            file.seek(-200, os.SEEK_END)
            file.write(b"\0" * 60)
        done = self.run_import("--verify", status=FAILED)
        self.assertIn("5 records lost", done.stderr)
        self.put_tree("a.jsonl", b'{"b":1}\n', mode="ab")
        done = self.run_import("--verify")
        self.assertIn("segment is damaged", done.stderr)
        self.assertEqual(done.stdout, b"tree/a.jsonl\n")
        self.assert_exports()

    def test_random_growth(self):
        rng = random.Random(SEED)
        pieces = [b"{}\n", b'{"a":', b"1}", b"\n", b"\0\0", b"x" * 3000,
                  b'{"k":"' + b"y" * 70000 + b'"}\n', b"\r\n", b""]
        names = ["d%d/f%d.jsonl" % (i % 3, i) for i in range(12)]
        for step in range(15):
            for name in names:
                act = rng.random()
                if act < 0.5:
                    data = b"".join(rng.choice(pieces)
                                    for _ in range(rng.randrange(6)))
                    self.put_tree(name, data, "ab")
                elif act < 0.6:
                    self.put_tree(name, rng.choice(pieces))
            self.run_import(status=None)
            try:
                self.assert_exports()
            except AssertionError:
                self.fail("SEGLOG_SEED=%d, step %d" % (SEED, step))


class Faults(trees.StoreTest):
    def test_every_bad_line_is_named(self):
        self.put_tree("a.jsonl", b'{"a":1}\n{"a":1}{"a":2}\n\0\0{}\nx\n{"a":1')
        done = self.run_import(status=DAMAGED)
        for text in ("a.jsonl: line 2 (offset 15): 2 values on one line",
                     "a.jsonl: line 3 (offset 23): 2 zero bytes",
                     "a.jsonl: line 4 (offset 28)",
                     "a.jsonl: line 5 (offset 36): the end of the file is "
                     "torn off"):
            self.assertIn(text, done.stderr)
        self.run_import(status=OK)
        self.assert_exports()

    def test_bad_lines_as_json_agree_with_check(self):
        self.put_tree("a.jsonl", b'{"a":1}{"a":2}\n{"a":{"a":1}\n\0\n')
        found = [(item["line"], item["damage"], item["offset"])
                 for item in lines_of_json(self.run_import("--json",
                                                           status=DAMAGED))
                 if "damage" in item]
        checked = self.run_tool("seglog", "check", "--json", "tree/a.jsonl",
                                status=DAMAGED)
        want = [(item["line"], item["cause"], item["first_byte"])
                for item in lines_of_json(checked) if "cause" in item]
        self.assertEqual(found, want)

    def test_a_file_that_cannot_be_read(self):
        self.put_tree("a.jsonl", b"{}\n")
        self.put_tree("b.jsonl", b"{}\n")
        os.chmod(self.path("tree/a.jsonl"), 0)
        with self.unprivileged() as user:
            done = self.run_import(status=FAILED, **user)
        self.assertIn("a.jsonl: it cannot be opened", done.stderr)
        self.run_export(status=None)
        self.assertEqual(self.get("out/b.jsonl"), b"{}\n")

    def test_a_folder_that_cannot_be_read(self):
        self.put_tree("d/a.jsonl", b"{}\n")
        self.put_tree("b.jsonl", b"{}\n")
        os.chmod(self.path("tree/d"), 0)
        self.addCleanup(os.chmod, self.path("tree/d"), 0o755)
        with self.unprivileged() as user:
            done = self.run_import(status=FAILED, **user)
        self.assertIn("d: the folder cannot be opened", done.stderr)
        self.run_export()
        self.assertEqual(self.get("out/b.jsonl"), b"{}\n")

    def unprivileged(self):
        """Root may read everything: then somebody else has to try."""
        test = self

        class User:
            def __enter__(self):
                if os.geteuid() != 0:
                    return {}
                for path in (test.dir, test.path("tree")):
                    os.chown(path, 65534, 65534)
                for name in os.listdir(test.path("tree")):
                    os.chown(test.path("tree/" + name), 65534, 65534)
                probe = subprocess.run([cli.tool("seglog"), "--version"],
                                       user=65534, group=65534, check=False,
                                       capture_output=True, cwd=test.dir)
                if probe.returncode != 0:
                    test.skipTest("nobody may run the program")
                return {"user": 65534, "group": 65534}

            def __exit__(self, *_):
                return False
        try:
            return User()
        except PermissionError as error:
            return self.skipTest(str(error))

    def test_a_source_that_is_read_only(self):
        self.put_tree("d/a.jsonl", b"{}\n")
        os.chmod(self.path("tree/d/a.jsonl"), 0o444)
        os.chmod(self.path("tree/d"), 0o555)
        self.addCleanup(os.chmod, self.path("tree/d"), 0o755)
        self.run_import()
        self.assert_exports()
        os.chmod(self.path("out/d"), 0o755)


class Verify(trees.StoreTest):
    def test_what_is_safe_is_listed(self):
        self.put_tree("a.jsonl", b"{}\n")
        self.put_tree("d/b.jsonl", b'{"a"')
        self.put_tree("notes.txt", b"x")
        done = self.run_import("--verify", status=DAMAGED)
        self.assertEqual(sorted(done.stdout.splitlines()),
                         [b"tree/a.jsonl", b"tree/d/b.jsonl"])

    def test_names_with_line_feeds_need_nul(self):
        self.put_tree(b"a\n.jsonl", b"{}\n")
        self.put_tree(b"b.jsonl", b"{}\n")
        self.assertEqual(self.run_import("--verify").stdout, b"tree/b.jsonl\n")
        self.assertEqual(sorted(self.run_import("--verify", "-0").stdout
                                .split(b"\0")),
                         [b"", b"tree/a\n.jsonl", b"tree/b.jsonl"])

    def test_a_store_that_lost_a_byte_is_not_trusted(self):
        self.put_tree("a.jsonl", b'{"a":1}\n' * 4000)
        item = lines_of_json(self.run_import("--json"))[0]
        path = self.path("store/%s.%s.seg" % (item["session"],
                                              item["segment"]))
        with open(path, "r+b") as file:
            file.seek(5000)
            byte = file.read(1)
            file.seek(5000)
            file.write(bytes([byte[0] ^ 1]))
        done = self.run_import("--verify", status=FAILED)
        self.assertEqual(done.stdout, b"")


class Interrupted(trees.StoreTest):
    def big_tree(self, rng, files=120):
        for i in range(files):
            self.put_tree("d%d/f%d.jsonl" % (i % 7, i),
                          trees.values(rng, rng.randrange(1500)))

    def test_kills_at_random_moments(self):
        rng = random.Random(SEED)
        self.big_tree(rng)
        for attempt in range(14):
            running = self.start("seglog", "import", "tree", "--into",
                                 "store", stderr=subprocess.DEVNULL)
            time.sleep(rng.random() * 0.25)
            running.kill()
            running.wait()
            name = "d%d/f%d.jsonl" % (attempt % 7, attempt)
            self.put_tree(name, b'{"more":1}\n{"half', "ab")
        self.run_import(status=None)
        try:
            self.assert_exports()
            names = os.listdir(self.path("store"))
            self.assertEqual(sum(name.endswith(".seg") for name in names),
                             120 + 2, "segments left over")
        except AssertionError:
            print("SEGLOG_SEED=%d" % SEED)
            raise
        self.run_import("--verify")

    def test_signals_end_it_cleanly(self):
        rng = random.Random(SEED)
        self.big_tree(rng, 300)
        running = self.start("seglog", "import", "tree", "--into", "store")
        time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        text = running.stderr.read().decode()
        code = running.wait()
        if code == FAILED:
            self.assertIn("the same command goes on", text)
        self.run_import()
        self.assert_exports()

    def test_a_full_disk(self):
        mount = self.path("disk")
        os.mkdir(mount)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs",
                           mount], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("nothing can be mounted")
        self.addCleanup(subprocess.run, ["umount", mount], check=False)
        rng = random.Random(SEED)
        self.big_tree(rng, 30)
        done = self.run_tool("seglog", "import", "tree", "--into",
                             "disk/store", "--codec", "none", status=FAILED)
        self.assertIn("o space", done.stderr)
        subprocess.run(["mount", "-o", "remount,size=64m", mount], check=True)
        self.run_tool("seglog", "import", "tree", "--into", "disk/store",
                      status=OK)
        self.run_export(store="disk/store")
        self.assertEqual(trees.difference(trees.snapshot(self.path("tree")),
                                          trees.snapshot(self.path("out"))),
                         "")


class Large(trees.StoreTest):
    def limit_memory(self, what):
        """For subprocesses; a program with sanitizers cannot be limited."""
        def limit():
            resource.setrlimit(what, (256 << 20, 256 << 20))
        probe = subprocess.run([cli.tool("seglog"), "--version"],
                               preexec_fn=limit, capture_output=True,
                               check=False)
        if probe.returncode != OK:
            self.skipTest("it does not run in little memory at all")
        return limit

    def test_a_line_of_100_mb_in_little_memory(self):
        size = 100 * 1000 * 1000 * (10 if cli.IS_LONG else 1)
        os.mkdir(self.path("tree"))
        with open(self.path("tree/a.jsonl"), "wb") as file:
            file.write(b'{}\n{"text":"')
            for _ in range(size // 1000000):
                file.write(b"z" * 1000000)
            file.write(b'"}\n{}\n')
        limit = self.limit_memory(resource.RLIMIT_AS)
        done = self.run_import("-j", "2", preexec_fn=limit)
        self.assertIn("3 lines", done.stderr)
        subprocess.run(["rm", "-rf", self.path("out")], check=True)
        self.run_tool("seglog", "export", "store", "-o", "out", status=OK,
                      preexec_fn=limit)
        self.assertEqual(subprocess.run(["cmp", "tree/a.jsonl", "out/a.jsonl"],
                                        cwd=self.dir, check=False).returncode,
                         0)

    def test_several_long_lines_at_once(self):
        for i in range(12):
            self.put_tree("f%d.jsonl" % i,
                          b'{"t":"' + b"q" * (10 << 20) + b'"}\n')
        limit = self.limit_memory(resource.RLIMIT_DATA)
        self.run_import("-j", "12", preexec_fn=limit)
        self.run_import("--verify", "-j", "12")


class Corpus(trees.StoreTest):
    @unittest.skipUnless(cli.CORPUS, "SEGLOG_CORPUS is not set")
    def test_round_trip_and_growth(self):
        rng = random.Random(SEED)
        subprocess.run(["cp", "-a", os.path.join(cli.CORPUS, "."),
                        self.path("tree")], check=True)
        subprocess.run(["chmod", "-R", "u+w", self.path("tree")], check=True)
        self.run_import("--all", status=DAMAGED)
        self.assert_exports()
        for path in sorted(cli.pathlib.Path(self.path("tree"))
                           .rglob("*.jsonl")):
            if rng.random() < 0.5:
                data = path.read_bytes()
                with open(path, "ab") as file:
                    file.write(data[:rng.randrange(len(data) + 1)])
        self.run_import("--all", status=None)
        self.assert_exports()
        self.run_import("--all", "--verify", "-q", status=OK)


if __name__ == "__main__":
    cli.main("seglog")
