#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seglog train.

Goal:   small sessions begin as warm as large ones, and nothing depends on what
        is not there.
Method: a store is trained, filled on, and compared with one that was not.
"""
import json
import os
import random

import cli
import trees
from cli import FAILED, OK, USAGE


def lines(count, seed):
    rng = random.Random(seed)
    words = "alpha beta gamma delta epsilon zeta eta theta".split()
    return b"".join(json.dumps({
        "type": "entry", "level": "information",
        "message": "the request of the client has been served",
        "user": "%08x" % rng.getrandbits(32),
        "words": [rng.choice(words) for _ in range(4)]}).encode() + b"\n"
                    for _ in range(count))


class TrainTest(trees.StoreTest):
    def train(self, *args, status=OK):
        return self.run_tool("seglog", "train", *args, status=status)

    def setUp(self):
        super().setUp()
        for number in range(20):
            self.put_tree("a%d.jsonl" % number, lines(60, number))
        self.run_import()

    def sizes(self):
        return {name: os.path.getsize(self.path("store/" + name))
                for name in os.listdir(self.path("store"))
                if name.endswith(".seg") and "." in name[:-4]}

    def grow(self):
        """What ten small new sessions take."""
        before = self.sizes()
        for number in range(10):
            self.put_tree("b%d.jsonl" % number, lines(5, 1000 + number))
        self.run_import("--verify")
        self.assert_exports()
        return sum(size for name, size in self.sizes().items()
                   if name not in before)

    def test_train__new_segments__begin_warm(self):
        done = self.train("store")
        self.assertRegex(done.stdout.decode(), r"\Astore: [0-9a-f]{32}\.dict "
                         r"of .*, from 20 segments; new segments are made "
                         r"with it\n\Z")
        plain = 10 * len(lines(5, 1000))
        self.assertLess(self.grow(), plain * 7 // 10)
        self.run_tool("seglog", "check", "--strict", "store", status=OK)

    def test_train__json__name_and_size(self):
        item = json.loads(self.train("--json", "--size", "4",
                                     "store").stdout)
        self.assertEqual((item["store"], item["segments"]), ("store", 20))
        self.assertLessEqual(item["bytes"], 4096 + 200)
        self.assertIn(item["dictionary"], os.listdir(self.path("store")))

    def test_train__again__the_same_bytes_are_kept_once(self):
        for _ in range(2):
            self.train("store")
        self.assertEqual(len([name for name in
                              os.listdir(self.path("store"))
                              if name.endswith(".dict")]), 1)

    def test_train__none__as_before(self):
        self.train("store")
        item = json.loads(self.train("--none", "--json", "store").stdout)
        self.assertEqual(item, {"store": "store", "dictionary": None})
        self.grow()

    def test_train__dictionary_is_gone__named(self):
        name = json.loads(self.train("--json", "store").stdout)["dictionary"]
        self.grow()
        os.remove(self.path("store/" + name))
        done = self.run_tool("seglog", "check", "store", status=None)
        self.assertNotEqual(done.returncode, OK)
        self.assertIn(name, done.stderr)

    def test_train__too_little__said(self):
        self.put_tree("../one/a.jsonl", b"{}\n")
        self.run_tool("seglog", "import", "one", "--into", "small", status=OK)
        done = self.train("small", status=FAILED)
        self.assertIn("small: there is too little to learn from", done.stderr)
        self.assertFalse([name for name in os.listdir(self.path("small"))
                          if name.endswith(".dict")])

    def test_train__wrong_command_lines__usage(self):
        for args in (["--size", "0", "store"], ["--size", "2000", "store"],
                     ["--none", "--size", "4", "store"], ["store", "store"]):
            with self.subTest(args=args):
                self.train(*args, status=USAGE)
        self.train("tree", status=FAILED)


if __name__ == "__main__":
    cli.main("seglog")
