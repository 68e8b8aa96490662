# SPDX-License-Identifier: MIT
"""Run programs in turn, make ratios of the rounds, keep and print figures."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys


class Timeout(Exception):
    """A program took longer than it was given."""


class Bench:
    """Where the programs and their files are, and how often they run."""

    def __init__(self, build, out, quick):
        self.programs = build / "bench"
        self.tools = build / "bin"
        self.out = out
        self.data = out / "data"
        self.quick = quick
        self.rounds = 3 if quick else 7
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)

    def scale(self, full, quick):
        return quick if self.quick else full

    def has(self, program):
        return (self.programs / program).exists()

    def run(self, program, timeout=60, **values):
        """Run one program; its "key value" lines as a dictionary."""
        values.setdefault("dir", self.data)
        words = ["%s=%s" % item for item in values.items()]
        return self.command([self.programs / program] + words, timeout)

    def command(self, words, timeout=60):
        try:
            done = subprocess.run([str(word) for word in words], check=False,
                                  stdin=subprocess.DEVNULL, timeout=timeout,
                                  stdout=subprocess.PIPE, text=True)
        except subprocess.TimeoutExpired:
            raise Timeout(words[0]) from None
        if done.returncode != 0:
            sys.exit("%s ended with status %d" %
                     (" ".join(str(word) for word in words), done.returncode))
        pairs = (line.split() for line in done.stdout.splitlines())
        return {key: float(value) for key, value in pairs}

    def pipe(self, sink, words, wanted=0):
        """Run a whole command with its output drained (bench_pipe)."""
        got = self.command([self.programs / "bench_pipe", sink] + words)
        if got["status"] != wanted:
            sys.exit("%s ended with status %d" % (words[0], got["status"]))
        return got

    def rounds_of(self, jobs, rounds=None, best=3):
        """Run all jobs (name: call) in turn, A B, B A, A B, ...

        A round is `best` such turns, of which each job's fastest counts: other
        work on the machine only ever makes a program slower.  The order
        changes so that what one leaves behind in the system is not always
        paid by the same other.
        """
        results = {name: [] for name in jobs}
        order = list(jobs.items())
        for _ in range(rounds or self.rounds):
            turns = {name: [] for name in jobs}
            for _ in range(best):
                for name, job in order:
                    turns[name].append(job())
                order.reverse()
            for name, turn in turns.items():
                results[name].append(min(turn, key=lambda r: r["seconds"]))
        return results

    def path(self, name):
        return self.data / name

    def clean(self):
        for name in os.listdir(self.data):
            path = self.data / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def rates(results, unit="records"):
    return [result[unit] / result["seconds"] for result in results]


def middle(values):
    return statistics.median(values)


def quantity(value, unit):
    """1234567, "B/s" -> "1.23 MB/s"; "rec/s" -> "1.23 M rec/s"."""
    gap = " " if unit == "rec/s" else ""
    for factor, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return "%.3g%s%s%s" % (value / factor, letter, gap, unit)
    return "%.3g %s" % (value, unit)


class Figures:
    """Everything measured, in the order in which it is printed."""

    def __init__(self):
        self.rows = []
        self.section = ""

    def begin(self, section):
        self.section = section
        print("\n%s" % section, flush=True)

    def add(self, name, values, target=None, at_most=False, form="%.2f",
            **facts):
        """One figure: its values of all rounds and what it is to reach."""
        value = middle(values)
        row = {"section": self.section, "name": name, "median": value,
               "min": min(values), "max": max(values), "rounds": len(values)}
        row.update(facts)
        verdict = ""
        if target is not None:
            is_met = value <= target if at_most else value >= target
            verdict = "pass" if is_met else "MISS"
            row.update(target=target, at_most=at_most, verdict=verdict)
        self.rows.append(row)
        self.print_row(row, form, verdict)

    def ratio(self, name, top, bottom, target=None, unit="records"):
        """The rate of one job as a multiple of another's, round by round."""
        over, under = rates(top, unit), rates(bottom, unit)
        facts = {"rate": middle(over), "floor": middle(under),
                 "unit": "B/s" if unit == "bytes" else "rec/s"}
        if all(result.get("cpu") for result in top + bottom):
            facts["cpu_ratio"] = middle(
                [a[unit] / a["cpu"] / (b[unit] / b["cpu"])
                 for a, b in zip(top, bottom)])
        self.add(name, [a / b for a, b in zip(over, under)], target, **facts)

    def missed(self):
        return [row for row in self.rows if row.get("verdict") == "MISS"]

    @staticmethod
    def print_row(row, form, verdict):
        value = form % row["median"]
        if row["rounds"] > 1:
            value += " (%s .. %s)" % (form % row["min"], form % row["max"])
        goal = ""
        if verdict:
            goal = "%s %g" % ("<=" if row["at_most"] else ">=", row["target"])
        note = row.get("note", "")
        if "rate" in row:
            note = "%s against %s" % (quantity(row["rate"], row["unit"]),
                                      quantity(row["floor"], row["unit"]))
        if "cpu_ratio" in row:
            note += "; cpu %.2f" % row["cpu_ratio"]
        print("  %-42s %-26s %-8s %-5s %s" %
              (row["name"], value, goal, verdict, note), flush=True)

    def write(self, path, facts):
        missed = [row["name"] for row in self.missed()]
        whole = dict(facts, missed=missed, figures=self.rows)
        pathlib.Path(path).write_text(json.dumps(whole, indent=1) + "\n")
