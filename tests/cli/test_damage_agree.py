#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Three opinions about damage must agree.

Goal    `seglog check` says the right thing about damaged segments, what is
        exported is what survived, and SPEC.md alone is enough to know both.
Method  segments of many shapes are damaged by seed with `seglog damage`, which
        derives from the layout of the undamaged segment what must be found.
        That is compared with `seglog check --json`, and all the report says
        and every exported byte with the independent reader.

    SEGLOG_DAMAGE_RUNS  how many damaged copies (default 200; a release: 1000)
    SEGLOG_DAMAGE_SEED  the first seed (default 1)
"""
import json
import os
import resource
import subprocess
import sys
import unittest

import cli
import segments
from cli import DAMAGED, FAILED, OK

RUNS = int(os.environ.get("SEGLOG_DAMAGE_RUNS", "200"))
SEED = int(os.environ.get("SEGLOG_DAMAGE_SEED", "1"))
SHAPES = 60
LARGEST = 400000  # the independent reader is written in Python
AT_ONCE = 100     # copies that exist at a time
OUTPUT_MAX = 64 << 20


def limit_output():
    """A program that goes round in circles must not fill the disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_MAX, OUTPUT_MAX))


def read(path):
    with open(path, "rb") as file:
        return file.read()


class DamageAgreeTest(cli.CliTest):
    maxDiff = None

    def damage(self, source, copy, seed):
        """Damage in one place or more, if that has a certain outcome."""
        # Only zeros of whole sectors can end in UNORDERED.
        kind = ["--action", "zero"] if seed % 5 == 0 else []
        for count in ((1, 1, 1, 2, 3)[seed % 5], 1):
            done = self.run_tool("seglog", "damage", source, "-o", copy,
                                 "--json", "--seed", str(seed), "--count",
                                 str(count), *kind)
            if done.returncode == OK:
                return json.loads(done.stdout)
        return self.fail(done.stderr)

    def output_of(self, name, *args):
        """Exit status and output; a time limit instead of a hang."""
        with open(self.path("out"), "w+b") as out:
            done = subprocess.run([cli.tool(name), *args], stdout=out,
                                  stderr=subprocess.DEVNULL,
                                  stdin=subprocess.DEVNULL, timeout=60,
                                  preexec_fn=limit_output, check=False)
            out.seek(0)
            return done.returncode, out.read()

    def compare(self, copy, report):
        """All opinions about one damaged copy."""
        expect = report["expect"]
        status, ours = self.output_of("seglog", "check", "--json", copy)
        theirs = read(copy + ".pyfindings")
        if expect["verdict"] == "FORMAT":
            self.assertEqual((status, theirs), (FAILED, b"FORMAT\n"))
            return
        self.assertEqual(ours.decode(), theirs.decode())
        self.assertEqual(status, OK if expect["verdict"] in ("OK", "TORN")
                         else DAMAGED)
        _, lines = self.output_of("seg2json", copy)
        self.assertEqual(lines, read(copy + ".pylines"))
        objects = [json.loads(line) for line in ours.splitlines()]
        self.compare_prediction(objects[:-1], objects[-1]["summary"], expect)

    def compare_prediction(self, findings, summary, expect):
        lost = [[finding["first_record"], finding["last_record"]]
                for finding in findings if finding["last_record"] is not None]
        said = {"verdict": summary["verdict"], "lost": sorted(lost),
                "records": summary["records"], "lost_count": summary["lost"],
                "shift": findings[0]["shift"] if len(findings) == 1 else None,
                "findings": summary["findings"], "closed": summary["closed"]}
        self.assertEqual(said, dict(expect, lost=sorted(expect["lost"])))

    def compare_batch(self, sources, seeds):
        folder = self.path("copies-%d" % seeds[0])
        os.mkdir(folder)
        reports = {}
        for seed in seeds:
            copy = os.path.join(folder, "%06d.seg" % seed)
            reports[copy] = (seed, self.damage(sources[seed % len(sources)],
                                               copy, seed))
        subprocess.run([sys.executable, segments.INDEPENDENT, "batch", folder],
                       check=True)
        for copy, (seed, report) in reports.items():
            with self.subTest(seed=seed, damage=report["damage"]):
                self.compare(copy, report)
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        return [report["expect"]["verdict"] for _, report in reports.values()]

    def test_damage__any_kind_by_seed__three_opinions_agree(self):
        sources = [path for path in segments.make(self.dir, SEED, SHAPES)
                   if os.path.getsize(path) <= LARGEST]
        verdicts = []
        for start in range(SEED, SEED + RUNS, AT_ONCE):
            end = min(start + AT_ONCE, SEED + RUNS)
            verdicts += self.compare_batch(sources, range(start, end))
        counts = {verdict: verdicts.count(verdict) for verdict in set(verdicts)}
        print(counts)
        if RUNS >= 200 and SEED == 1:
            # Damage of one sort only would prove little.
            self.assertLessEqual({"OK", "TORN", "CORRUPT", "UNORDERED"},
                                 set(counts))


if __name__ == "__main__":
    cli.main("seglog", "seg2json")
