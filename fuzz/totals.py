#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps what fuzzing has run in all: fuzz/TOTALS.tsv, or another such file.

    totals.py FILE add TARGET ENGINE EXECUTIONS SECONDS CRASHES
    totals.py FILE merge OTHER      add what OTHER has to FILE
    totals.py FILE score            the line for the scoreboard
    totals.py FILE next NAMES...    the target that is furthest from its goal,
                                    and the engine that it lacks

A row for each target and engine: executions, seconds of the processes, inputs
that were findings, and how many of those are open: set to 0 by hand once they
are mended.
"""

import fcntl
import os
import sys

HEAD = ('target', 'engine', 'executions', 'seconds', 'crashes', 'open')
GOAL = 20_000_000               # executions of a target that parses
# A program is the input of these, and no parser is behind it: each execution
# writes and reads whole segments or encrypted stores, at 3,000 to 4,000 a second.
GOALS = {'encrypted': 5_000_000, 'roundtrip': 5_000_000, 'stream': 5_000_000}
# Of the crash drivers, at 350 and 650 a second; and of canonical stores, which
# make files for each execution.
GOAL_CRASH = 1_000_000
# Of those, this part is run with sanitizers.
SANITIZED = 10


def goal(target):
    if target.startswith('crash') or target == 'canonical':
        return GOAL_CRASH
    return GOALS.get(target, GOAL)


def load(path):
    rows = {}
    if os.path.exists(path):
        with open(path, encoding='ascii') as file:
            for line in file.read().splitlines()[1:]:
                fields = line.split('\t')
                rows[tuple(fields[:2])] = [int(f) for f in fields[2:]]
    return rows


def save(path, rows):
    with open(path + '.new', 'w', encoding='ascii') as out:
        out.write('\t'.join(HEAD) + '\n')
        for key in sorted(rows):
            out.write('\t'.join((*key, *map(str, rows[key]))) + '\n')
    os.replace(path + '.new', path)


def add(rows, key, figures):
    row = rows.setdefault(key, [0, 0, 0, 0])
    rows[key] = [a + b for a, b in zip(row, figures)]


def executions(rows, target, engine=None):
    return sum(row[0] for (name, by), row in rows.items()
               if name == target and engine in (None, by))


def next_target(rows, names):
    """By parts of the goal; one with open findings comes last."""
    def part(name):
        is_open = any(row[3] for (target, _), row in rows.items()
                      if target == name)
        return is_open, executions(rows, name) / goal(name)

    name = min(names, key=part)
    is_sane = (executions(rows, name, 'libfuzzer') * SANITIZED
               >= executions(rows, name, 'plain'))
    return name, 'plain' if is_sane else 'libfuzzer'


def main(argv):
    if len(argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    path, command, rest = argv[1], argv[2], argv[3:]
    with open(path + '.lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = load(path)
        if command == 'add' and len(rest) == 5:
            crashes = int(rest[4])
            add(rows, (rest[0], rest[1]),
                [int(rest[2]), int(rest[3]), crashes, crashes])
            save(path, rows)
        elif command == 'merge' and len(rest) == 1:
            for key, figures in load(rest[0]).items():
                add(rows, key, figures)
            save(path, rows)
        elif command == 'score':
            print('score: fuzz_total count=%d findings=%d' % (
                sum(row[0] for row in rows.values()),
                sum(row[3] for row in rows.values())))
        elif command == 'next' and rest:
            print(*next_target(rows, rest))
        else:
            print(__doc__, file=sys.stderr)
            return 2
    os.unlink(path + '.lock')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
