#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the programs with the independent reader, byte for byte.

    diff_check.py [--bin DIR] FOLDER            each FOLDER/*.seg
    diff_check.py [--bin DIR] --vectors         the golden vectors
    diff_check.py [--bin DIR] --random N        N random damages

Compared are `seglog check --json`, `seg2json` and `seg2json --gaps`, what they
print and their exit status. The programs are looked for in --bin, or else
where SEGLOG_BIN_DIR or SEGLOG_TOOLS says. FOLDER/NAME.expect, if there, holds
the argument of --expect for NAME.seg. What differs is shown, sorted by what
differs in it; --keep FOLDER keeps the smallest segment of each sort.

Exit status: 0 no difference, 1 a program is missing, 2 usage, 3 a difference.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import damage                                               # noqa: E402
import read_seglog as reader                                # noqa: E402

SECONDS = 20            # a program that takes longer hangs
OUTPUT_MAX = 64 << 20
SAME, MISSING, DIFFERENT = 0, 1, 3


class Programs:
    def __init__(self, folder):
        self.seglog = os.path.join(folder, 'seglog')
        self.seg2json = os.path.join(folder, 'seg2json')

    def missing(self):
        return [path for path in (self.seglog, self.seg2json)
                if not os.access(path, os.X_OK)]

    @staticmethod
    def run(*command):
        """(exit status, standard output)"""
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, timeout=SECONDS,
                                  stderr=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired:
            return 'hangs', b''
        return done.returncode, done.stdout[:OUTPUT_MAX]

    def answers(self, path, expect):
        extra = ['--expect', str(expect)] if expect else []
        return {'check': self.run(self.seglog, 'check', '--json', *extra,
                                  path),
                'lines': self.run(self.seg2json, path),
                'gaps': self.run(self.seg2json, '--gaps', path)}


def reader_answers(path, data, expect):
    """The same from the independent reader; of what is no segment, None."""
    try:
        beside = reader.beside(path)
        segment = reader.Segment(data, expect, beside)
        lines = (segment if not expect
                 else reader.Segment(data, 0, beside))
    except reader.NotASegment:
        return None
    return {'check': (reader.exit_status(segment),
                      reader.findings_text(segment, path).encode()),
            'lines': (reader.exit_status(lines),
                      b''.join(reader.export_lines(lines))),
            'gaps': (reader.exit_status(lines),
                     b''.join(reader.export_lines(lines, True)))}


def findings_of(answer):
    return [json.loads(line) for line in answer[1].splitlines()]


def kinds_of(findings):
    return ' '.join('%s/%s' % (f['verdict'], f['cause'])
                    for f in findings if 'cause' in f) or 'OK'


def sort_of_findings(want, got):
    """In words: where two reports first differ."""
    try:
        want, got = findings_of(want), findings_of(got)
    except ValueError:
        return 'no JSON'
    if kinds_of(want) != kinds_of(got):
        pairs = list(zip(want, got))
        for w, g in pairs:
            if kinds_of([w]) != kinds_of([g]):
                return 'findings: reader %s, seglog %s' % (kinds_of([w]),
                                                           kinds_of([g]))
        return 'findings: %d and %d' % (len(want), len(got))
    for w, g in zip(want, got):
        w, g = w.get('summary', w), g.get('summary', g)
        names = [name for name in w if w[name] != g.get(name)]
        if names:
            return '%s of %s' % (' '.join(names), w.get('cause', 'summary'))
    return 'spelling'


def sort_of_difference(want, got):
    """None if there is none."""
    for name in got:
        if got[name][0] == 'hangs':
            return name + ': hangs'
    if want is None:
        # `seglog check` then judges it as text.
        return None if got['lines'] == (1, b'') else \
            'reader FORMAT, seg2json status %s' % got['lines'][0]
    if got['lines'][0] == 1:
        return 'reader reads, seg2json status 1'
    for name in want:
        if want[name] == got[name]:
            continue
        if want[name][1] == got[name][1]:
            return '%s: status %s and %s' % (name, want[name][0],
                                             got[name][0])
        if name == 'check':
            return sort_of_findings(want[name], got[name])
        return name
    return None


class Differences:
    def __init__(self):
        self.sorts = {}         # sort: [count, bytes, where, want, got, data]

    def add(self, sort, where, want, got, data):
        entry = self.sorts.setdefault(sort, [0, 1 << 60, '', want, got, data])
        entry[0] += 1
        if len(data) < entry[1]:
            entry[1:] = [len(data), where, want, got, data]

    def show(self, keep):
        for number, (sort, entry) in enumerate(sorted(
                self.sorts.items(), key=lambda item: -item[1][0]), 1):
            count, size, where, want, got, data = entry
            print('--- %d: %s' % (number, sort))
            print('%d times; the smallest has %d bytes: %s' % (count, size,
                                                               where))
            for who, answer in (('reader', want), ('programs', got)):
                print('%s:' % who)
                if answer is None:
                    print('FORMAT')
                    continue
                print(answer['check'][1].decode(errors='replace'), end='')
                if want and want['check'] == got['check']:
                    for name in ('lines', 'gaps'):
                        print('%s: %s %.300r' % (name, *answer[name]))
            if keep:
                os.makedirs(keep, exist_ok=True)
                with open(os.path.join(keep, '%d.seg' % number), 'wb') as out:
                    out.write(data)


def compare(programs, differences, path, where, expect=0):
    with open(path, 'rb') as file:
        data = file.read()
    want = reader_answers(path, data, expect)
    got = programs.answers(path, expect)
    sort = sort_of_difference(want, got)
    if sort:
        differences.add(sort, where, want, got, data)


def compare_folder(programs, differences, folder):
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder)
                   if name.endswith('.seg'))
    for path in paths:
        expect = path[:-4] + '.expect'
        number = 0
        if os.path.exists(expect):
            with open(expect, encoding='ascii') as file:
                number = int(file.read())
        compare(programs, differences, path, path, number)
    return len(paths)


def put_dictionaries(folder):
    """Those of the vectors, under the names that the vectors have for them."""
    for path in damage.vector_paths('good'):
        dictionary = path[:-4] + '.dictionary'
        if os.path.exists(dictionary):
            name = re.search(rb'[0-9a-f]{32}[.]dict',
                             damage.vector_bytes(path))
            shutil.copy(dictionary, os.path.join(folder, name[0].decode()))


def compare_vectors(programs, differences):
    with tempfile.TemporaryDirectory(prefix='seglog-diff.') as folder:
        put_dictionaries(folder)
        for sort in ('good', 'bad', 'unsupported'):
            for path in damage.vector_paths(sort):
                name = '%s-%s' % (sort, os.path.basename(path)[:-4])
                name = os.path.join(folder, name)
                with open(name + '.seg', 'wb') as out:
                    out.write(damage.vector_bytes(path))
                if os.path.exists(path[:-4] + '.expect'):
                    shutil.copy(path[:-4] + '.expect', name + '.expect')
        return compare_folder(programs, differences, folder)


def compare_random(programs, differences, count, seed):
    """Each damage has a seed of its own, so that one can be done again."""
    others = damage.sources(random.Random(seed), 150)
    with tempfile.TemporaryDirectory(prefix='seglog-diff.') as folder:
        put_dictionaries(folder)
        path = os.path.join(folder, 'damaged.seg')
        for number in range(seed, seed + count):
            rng = random.Random(number)
            log = rng.choice(others)
            done, data = damage.damage(rng, log, others)
            expect = rng.choice((0, 0, 0, 0, 3, 12, 60))
            with open(path, 'wb') as out:
                out.write(data)
            compare(programs, differences, path, 'seed %d, expect %d: %s' % (
                number, expect, done), expect)
    return count


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('folder', nargs='?')
    parser.add_argument('--bin', default=os.environ.get('SEGLOG_BIN_DIR')
                        or os.environ.get('SEGLOG_TOOLS') or '.')
    parser.add_argument('--vectors', action='store_true')
    parser.add_argument('--random', type=int, metavar='N')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--keep', metavar='FOLDER')
    args = parser.parse_args(argv)
    if (args.folder, args.random, args.vectors or None).count(None) != 2:
        parser.error('one of FOLDER, --vectors and --random N')
    programs = Programs(args.bin)
    if programs.missing():
        print('diff_check: not built: %s' % ' '.join(programs.missing()),
              file=sys.stderr)
        return MISSING
    differences = Differences()
    if args.folder is not None:
        count = compare_folder(programs, differences, args.folder)
    elif args.vectors:
        count = compare_vectors(programs, differences)
    else:
        count = compare_random(programs, differences, args.random, args.seed)
    differences.show(args.keep)
    found = sum(entry[0] for entry in differences.sorts.values())
    print('%d compared, %d differ' % (count, found))
    return DIFFERENT if found else SAME


if __name__ == '__main__':
    sys.exit(main())
