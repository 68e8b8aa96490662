#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Branches of the data path that no test takes, out of gcov's counts.

    branches.py [--all] BUILD_DIR

BUILD_DIR is a build with --coverage in which tests have run.  For every file
of data_path.txt it prints the lines and branches that were and were not taken,
and each branch that was not, as FILE:LINE.  A branch is one way out of one
condition, as gcc sees it with -O0.

A comment /* unreachable: WHY */ on the line or above it excuses the branches
of a line that nothing can take; where all of them are taken after all, the
comment is a finding itself.  --all adds the other files of the library, which
have no threshold.  The last line is the score; the exit status is 0 when
nothing is left.
"""
import argparse
import collections
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
EXCUSE = re.compile(r'/\*\s*unreachable:\s*\w')


def data_path():
    """The files of data_path.txt, as paths from the root."""
    names = []
    with open(os.path.join(HERE, 'data_path.txt'), encoding='utf-8') as file:
        patterns = [line.strip() for line in file]
    for pattern in patterns:
        if not pattern or pattern.startswith('#'):
            continue
        found = sorted(glob.glob(os.path.join(ROOT, pattern)))
        if not found:
            sys.exit(f'data_path.txt: nothing is {pattern}')
        names += [os.path.relpath(name, ROOT) for name in found]
    return names


class File:
    def __init__(self):
        self.lines = collections.Counter()
        # (line, function, index) -> how often; a header's function is
        # compiled into many objects, whose counts add up.
        self.branches = collections.Counter()


def gcov(build):
    files = collections.defaultdict(File)
    notes = []
    for folder, _, names in os.walk(os.path.join(build, 'CMakeFiles')):
        notes += [os.path.join(folder, name) for name in names
                  if name.endswith('.gcno')]
    if not any(os.path.exists(note[:-4] + 'gcda') for note in notes):
        sys.exit(f'{build}: no counts; run the tests of a build with '
                 '--coverage first')
    for start in range(0, len(notes), 20):
        out = subprocess.run(
            ['gcov', '--branch-counts', '--branch-probabilities',
             '--json-format', '--stdout', *notes[start:start + 20]],
            cwd=build, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            check=True).stdout
        for document in out.decode().splitlines():
            add(files, json.loads(document))
    return files


def add(files, document):
    for entry in document['files']:
        name = os.path.normpath(
            os.path.join(document['current_working_directory'],
                         entry['file']))
        name = os.path.relpath(name, ROOT)
        if name.startswith('..'):
            continue
        file = files[name]
        for line in entry['lines']:
            number = line['line_number']
            file.lines[number] += line['count']
            for index, branch in enumerate(line['branches']):
                key = (number, line.get('function_name', ''), index)
                file.branches[key] += branch['count']


def excused(name):
    """Groups of lines with a comment that says why nothing gets there."""
    with open(os.path.join(ROOT, name), encoding='utf-8') as file:
        lines = file.read().split('\n')
    groups = []
    for number, text in enumerate(lines):
        if not EXCUSE.search(text):
            continue
        # A comment of its own is about the next statement, or its head.
        if text.strip().startswith('/*'):
            while '*/' not in lines[number]:
                number += 1
            number += 1
        group, depth = [number + 1], 0
        while True:
            depth += lines[number].count('(') - lines[number].count(')')
            if depth == 0 and lines[number].rstrip().endswith((';', '{', ')')):
                break
            number += 1
            group.append(number + 1)
        groups.append(group)
    return groups


def percent(part, whole):
    return 100.0 if whole == 0 else 100.0 * part / whole


def report(name, file):
    """Print one file; returns (branches, not taken, excused, stale marks)."""
    groups = excused(name)
    excuses = {line for group in groups for line in group}
    lines_hit = sum(1 for count in file.lines.values() if count)
    missed = sorted(key for key, count in file.branches.items() if not count)
    left = [key for key in missed if key[0] not in excuses]
    stale = [group[0] for group in groups
             if not {key[0] for key in missed} & set(group)]
    counted = len(file.branches) - (len(missed) - len(left))
    print(f'{name}: lines {lines_hit}/{len(file.lines)} branches '
          f'{counted - len(left)}/{counted} '
          f'{percent(counted - len(left), counted):.1f} %')
    for number, function, index in left:
        of = sum(1 for key in file.branches
                 if key[0] == number and key[1] == function)
        print(f'  {name}:{number}: branch {index} of {of} in {function}')
    for number in stale:
        print(f'  {name}:{number}: "unreachable", but its branches are taken')
    return counted, len(left), len(missed) - len(left), len(stale)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('build')
    parser.add_argument('--all', action='store_true')
    arguments = parser.parse_args()

    files = gcov(os.path.abspath(arguments.build))
    wanted = data_path()
    totals = [0, 0, 0, 0]
    for name in wanted:
        if name in files:
            totals = [a + b for a, b in zip(totals, report(name, files[name]))]
        elif name.endswith('.c'):
            sys.exit(f'{name}: not in this build')
    if arguments.all:
        print('-- without a threshold')
        for name in sorted(files):
            if name not in wanted and not name.startswith('tests/'):
                file = files[name]
                hit = sum(1 for count in file.branches.values() if count)
                print(f'{name}: branches {hit}/{len(file.branches)} '
                      f'{percent(hit, len(file.branches)):.1f} %')
    branches, left, excuses, stale = totals
    print(f'score: branch_coverage count={branches} findings={left + stale} '
          f'note="{percent(branches - left, branches):.2f} percent of the '
          f'data path, {excuses} unreachable by comment"')
    return 0 if left + stale == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
