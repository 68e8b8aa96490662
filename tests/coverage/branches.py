#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Branches of the data path that no test takes, out of gcov's counts.

    branches.py [--all] BUILD_DIR

BUILD_DIR is a build with --coverage in which tests have run.  For every file
of data_path.txt it prints the lines and branches that were and were not taken,
and each branch that was not, as FILE:LINE.  A branch is one way out of one
condition, as gcc sees it with -O0.

accepted.txt lists the branches that nothing can take, each with the reason why
they are there all the same; an entry whose branches are all taken, or that
fits no line, is a finding itself.  --all adds the other files of the library,
which have no threshold.  The last line is the score; the exit status is 0 when
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
ACCEPTED = os.path.join(HERE, 'accepted.txt')
ENTRY = re.compile(r'^(?P<file>\S+) (?P<function>\w+) (?P<count>\d+) '
                   r'`(?P<text>.*)`: (?P<reason>.+)$')


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


def accepted():
    """(file, function, text of the line) -> how many may be untaken there."""
    entries = {}
    with open(ACCEPTED, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if line == '\n' or line.startswith('#'):
                continue
            match = ENTRY.match(line)
            if not match:
                sys.exit(f'accepted.txt:{number}: not FILE FUNCTION COUNT '
                         '`TEXT`: REASON')
            key = match['file'], match['function'], match['text']
            if key in entries:
                sys.exit(f'accepted.txt:{number}: there twice')
            entries[key] = int(match['count'])
    return entries


def percent(part, whole):
    return 100.0 if whole == 0 else 100.0 * part / whole


def report(name, file, entries):
    """Print one file; returns (branches, not taken, accepted).

    Takes from entries those that it has used.
    """
    with open(os.path.join(ROOT, name), encoding='utf-8') as source:
        text = [line.strip() for line in source]
    lines_hit = sum(1 for count in file.lines.values() if count)
    missed = collections.defaultdict(list)
    for key in sorted(key for key, count in file.branches.items() if not count):
        missed[name, key[1], text[key[0] - 1]].append(key)
    left = []
    for place, keys in missed.items():
        if len(keys) > entries.pop(place, 0):
            left += keys
    count = sum(map(len, missed.values())) - len(left)
    counted = len(file.branches) - count
    print(f'{name}: lines {lines_hit}/{len(file.lines)} branches '
          f'{counted - len(left)}/{counted} '
          f'{percent(counted - len(left), counted):.1f} %'
          f'{f", {count} accepted" if count else ""}')
    for number, function, index in sorted(left):
        of = sum(1 for key in file.branches
                 if key[0] == number and key[1] == function)
        print(f'  {name}:{number}: branch {index} of {of} in {function}: '
              f'{text[number - 1]}')
    return counted, len(left), count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('build')
    parser.add_argument('--all', action='store_true')
    arguments = parser.parse_args()

    files = gcov(os.path.abspath(arguments.build))
    wanted = data_path()
    entries = accepted()
    totals = [0, 0, 0]
    for name in wanted:
        if name in files:
            totals = [a + b for a, b in
                      zip(totals, report(name, files[name], entries))]
        elif name.endswith('.c'):
            sys.exit(f'{name}: not in this build')
    for name, function, text in entries:
        print(f'accepted.txt: nothing is untaken in {name}, {function}: '
              f'`{text}`')
    if arguments.all:
        print('-- without a threshold')
        for name in sorted(files):
            if name not in wanted and not name.startswith('tests/'):
                file = files[name]
                hit = sum(1 for count in file.branches.values() if count)
                print(f'{name}: branches {hit}/{len(file.branches)} '
                      f'{percent(hit, len(file.branches)):.1f} %')
    branches, left, count = totals
    findings = left + len(entries)
    print(f'score: branch_coverage count={branches} findings={findings} '
          f'note="{percent(branches - left, branches):.2f} percent of what '
          f'can be reached of the data path, {count} accepted"')
    return 0 if findings == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
