#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Change the data path in thousands of ways; do the tests notice?

    tests/mutation/run.py                      every mutant, all tests
    tests/mutation/run.py --sample 500 --seed 7 --seconds 600
    tests/mutation/run.py --only 'format/*'    files of one pattern
    tests/mutation/run.py --update             write survivors.txt anew

The files of tests/coverage/data_path.txt are rewritten so that every mutant is
in them (points.py has the operators), and built once, in a copy of the tree
below build/mutation.  The test programs become servers (server.c) that run one
test under one mutant in a process of its own.  Each test first runs without a
mutant and notes which changes would have made a difference somewhere; a mutant
then meets the tests it makes a difference in, the likely and quick ones first,
until one fails.  A test that crashes, runs too long, takes many more steps than
before or leaves more memory allocated has failed.

survivors.txt lists the mutants that no test notices, each with the reason why
that is right.  A survivor that is not listed is a finding, and so is a listed
mutant that a test kills (with --sample or --only: where it was run).  The last
line is the score; the exit status is 0 when there is no finding and at least
95 % of the mutants that are not listed are killed.

Needs gcc, cmake, ninja, cmocka and Linux.
"""
import argparse
import collections
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import pickle
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(ROOT, 'tests', 'coverage'))
import branches  # noqa: E402
import points  # noqa: E402

PLACES = 32768
NO_MUTANT = PLACES * 4 - 1
CHANGE = {'true': 0, 'false': 1, 'boundary': 2, 'skip': 0, 'return': 0,
          'sign': 0}
SEEN = {'true': 1, 'false': 2, 'boundary': 4, 'skip': 1, 'return': 1,
        'sign': 1}
FOLDERS = ['format', 'codec', 'segment']
# Tests of chance and of time: a mutant must not survive or die by luck.
UNSTEADY = re.compile(r'_(kill|threads|processes)$')
# A test that takes more than this is not one of the fast ones.  Steps are
# points passed, which do not depend on the load of the machine.
SLOW_STEPS = 200000000
SLOW_MS = 20000
# What a test may leave allocated beyond what it always does.
LEAK_BYTES = 32
THRESHOLD = 95.0
SURVIVORS = os.path.join(HERE, 'survivors.txt')
LISTED = re.compile(r'^(?P<file>\S+):(?P<line>\d+) (?P<function>\S+) '
                    r'(?P<operator>\w+)(?:#(?P<nth>\d+))? `(?P<text>.*)`: '
                    r'(?P<reason>.+)$')


# -- the mutated tree -----------------------------------------------------

def write_if_new(path, data):
    try:
        with open(path, 'rb') as file:
            if file.read() == data:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(data)


def tree_write(tree, refused):
    """Copy the tree with the data path rewritten; returns the points."""
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'],
                            cwd=ROOT, stdout=subprocess.PIPE, check=True)
    names = [name for name in listed.stdout.decode().splitlines()
             if not name.startswith(('fuzz/', 'tests/bench'))
             and os.path.isfile(os.path.join(ROOT, name))]
    wanted = set(branches.data_path())
    found = []
    for name in sorted(names):
        with open(os.path.join(ROOT, name), 'rb') as file:
            data = file.read()
        if name in wanted:
            text, new = points.rewrite(name, data.decode(), len(found),
                                       refused[name])
            found += new
            data = text.encode()
        write_if_new(os.path.join(tree, name), data)
    for source, to in (('runtime.c', 'format/mutation_runtime.c'),
                       ('server.c', 'tests/support/mutation_server.c')):
        with open(os.path.join(HERE, source), 'rb') as file:
            write_if_new(os.path.join(tree, to), file.read())
    for folder, _, files in os.walk(tree):
        for name in files:
            path = os.path.relpath(os.path.join(folder, name), tree)
            if path not in names and 'mutation_' not in path:
                os.remove(os.path.join(tree, path))
    if len(found) > PLACES:
        sys.exit(f'{len(found)} places; PLACES is {PLACES}')
    return found


def compiled(out, tree, found):
    """The points that this build has: others stand in an #if that is off."""
    with open(os.path.join(out, 'compile_commands.json'),
              encoding='utf-8') as file:
        commands = json.load(file)
    wanted = {point.file for point in found}
    numbers = set()
    for entry in commands:
        if os.path.relpath(entry['file'], tree) not in wanted:
            continue
        command = shlex.split(entry['command'])
        at = command.index('-include')
        del command[at:at + 2]
        at = command.index('-o')
        command[at:at + 2] = ['-E', '-P']
        text = subprocess.run(command, cwd=entry['directory'], check=True,
                              stdout=subprocess.PIPE).stdout.decode()
        numbers.update(int(number) for number in
                       re.findall(r'\bMUT_[A-Z]+\((\d+)', text))
    return [point for point in found if point.number in numbers]


def is_configured(out, flags):
    try:
        with open(os.path.join(out, 'CMakeCache.txt'),
                  encoding='utf-8') as file:
            return (f'CMAKE_C_FLAGS_DEBUG:STRING={flags}\n' in file and
                    os.path.exists(os.path.join(out,
                                                'compile_commands.json')))
    except FileNotFoundError:
        return False


def build(folder):
    """Rewrite and compile; returns (points, programs)."""
    tree, out = os.path.join(folder, 'tree'), os.path.join(folder, 'build')
    refused = collections.defaultdict(set)
    folders = [name for name in FOLDERS
               if os.path.isdir(os.path.join(ROOT, 'tests', name))]
    # As in fuzzers: a salt is looked for among few numbers.  The whole search
    # takes more steps than all else in many a test.
    flags = (f'-O1 -w -DMUT_PLACES={PLACES}u -include '
             f'{os.path.join(HERE, "runtime.h")} '
             '-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION=1')
    while True:
        found = tree_write(tree, refused)
        if not is_configured(out, flags):
            subprocess.run(
                ['cmake', '-S', tree, '-B', out, '-G', 'Ninja',
                 '-DCMAKE_BUILD_TYPE=Debug', f'-DCMAKE_C_FLAGS_DEBUG={flags}',
                 '-DCMAKE_EXE_LINKER_FLAGS='
                 '-Wl,--wrap=_cmocka_run_group_tests',
                 '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON',
                 '-DSEGLOG_HARDENING=OFF', '-DSEGLOG_BUILD_FUZZ=OFF',
                 '-DSEGLOG_BUILD_BENCH=OFF', '-DSEGLOG_BUILD_TOOLS=OFF',
                 '-DSEGLOG_INSTALL=OFF', '-DSEGLOG_BUILD_TESTS=ON'],
                check=True, stdout=subprocess.DEVNULL)
        done = subprocess.run(
            ['ninja', '-C', out, '-k', '0', '-j', str(os.cpu_count()),
             *(f'tests_{name}' for name in folders)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            env=dict(os.environ, LC_ALL='C'))
        if done.returncode == 0:
            break
        if not refuse(refused, done.stdout.decode(), tree, found):
            sys.exit(done.stdout.decode())
    programs = []
    for name in folders:
        where = os.path.join(out, 'tests', name)
        sources = os.path.join(ROOT, 'tests', name)
        programs += [os.path.join(where, file)
                     for file in sorted(os.listdir(where))
                     if file.startswith('test_') and not UNSTEADY.search(file)
                     and os.path.exists(os.path.join(sources, file + '.c'))]
    return compiled(out, tree, found), programs


def refuse(refused, output, tree, found):
    """No sign of what has no sign; returns whether there was anything new."""
    by_line = collections.defaultdict(set)
    for point in found:
        for operator in point.operators:
            by_line[point.file, point.line].add(operator)
    is_new = False
    for path, line in re.findall(r'^(\S+?):(\d+):\d+: (?:error|note: in '
                                 r'expansion of macro .MUT_)', output,
                                 re.MULTILINE):
        path = os.path.relpath(path, tree)
        # The macro may stand on a later line than its first token.
        for near in range(int(line), max(int(line) - 6, 0), -1):
            there = by_line.get((path, near))
            if not there:
                continue
            drop = {'sign'} if 'sign' in there else there
            for operator in drop:
                is_new |= (near, operator) not in refused[path]
                refused[path].add((near, operator))
            break
    return is_new


# -- servers --------------------------------------------------------------

class Server:
    """A test program that runs its tests one at a time."""

    def __init__(self, program, group, scratch):
        self.seen = tempfile.mktemp(prefix='seen', dir=scratch)
        where = tempfile.mkdtemp(dir=scratch)
        environment = dict(os.environ, SEGLOG_MUTATION_SERVER=str(group),
                           SEGLOG_MUTATION_SEEN=self.seen, TMPDIR=where,
                           SEGLOG_SOURCE_DIR=ROOT)
        environment.pop('SEGLOG_CORPUS', None)
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, cwd=where, env=environment, text=True)
        self.where = where
        self.names = []
        while True:
            line = self.process.stdout.readline()
            if line in ('', '\n'):
                self.is_there = line == '\n'
                break
            self.names.append(line.strip())

    def run(self, mutant, test, ms, steps, left):
        self.process.stdin.write(f'{mutant} {test} {ms} {steps} {left}\n')
        self.process.stdin.flush()
        result, us, steps, left = self.process.stdout.readline().split()
        if result == 'killed':
            # What the test would have removed.
            for name in os.listdir(self.where):
                shutil.rmtree(os.path.join(self.where, name),
                              ignore_errors=True)
        return result, int(us), int(steps), int(left)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Test:
    def __init__(self, program, group, index, name):
        self.program, self.group, self.index = program, group, index
        self.name = name
        self.us = self.steps = self.left = 0
        self.seen = b''


class Pool(threading.local):
    """The servers of one thread."""

    def __init__(self, scratch):
        self.scratch, self.servers = scratch, {}

    def server(self, test):
        key = test.program, test.group
        if key not in self.servers:
            self.servers[key] = Server(*key, self.scratch)
        return self.servers[key]


def find_tests(programs, scratch):
    tests = []
    for program in programs:
        for group in range(8):
            server = Server(program, group, scratch)
            there = server.is_there
            tests += [Test(program, group, i, name)
                      for i, name in enumerate(server.names)]
            server.close()
            if not there:
                break
    return tests


def measure(test, pool):
    """Run a test as it is: how long it takes and what it could notice."""
    server = pool.server(test)
    result, test.us, test.steps, test.left = server.run(
        -1, test.index, SLOW_MS, SLOW_STEPS, 1 << 40)
    if result == 'passed':
        with open(server.seen, 'rb') as file:
            test.seen = file.read()
        # Once more as under a mutant, but one of no place: what fails now
        # would count as killing.  Threads do not leave the same memory each
        # time: it says nothing then.
        if run_under(NO_MUTANT, test, pool) != 'passed':
            test.left = 1 << 40
            if run_under(NO_MUTANT, test, pool) != 'passed':
                return 'unsteady'
    return result


def run_under(mutant, test, pool):
    return pool.server(test).run(
        mutant, test.index, 3000 + 20 * test.us // 1000,
        1000000 + 20 * test.steps, test.left + LEAK_BYTES)[0]


def measure_all(tests, arguments, pool):
    """The same of all, where nothing has changed since from a file."""
    path = os.path.join(arguments.build, 'measured')
    known, fingerprints = {}, {}
    if os.path.exists(path):
        with open(path, 'rb') as file:
            known = pickle.load(file)
    for program in {test.program for test in tests}:
        with open(program, 'rb') as file:
            fingerprints[program] = hashlib.sha256(file.read()).digest()

    def key(test):
        return fingerprints[test.program], test.group, test.index

    new = [test for test in tests
           if known.get(key(test), ['failed'])[0] == 'failed']
    for test, result in zip(new, run_all(measure, new, arguments.jobs, pool,
                                         'tests')):
        known[key(test)] = (result, test.us, test.steps, test.left,
                            zlib.compress(test.seen, 1))
    known = {key(test): known[key(test)] for test in tests}
    with open(path, 'wb') as file:
        pickle.dump(known, file)
    results = []
    for test in tests:
        result, test.us, test.steps, test.left, seen = known[key(test)]
        test.seen = zlib.decompress(seen)
        results.append(result)
    return results


# -- mutants --------------------------------------------------------------

class Mutant:
    def __init__(self, point, operator, nth):
        self.point, self.operator, self.nth = point, operator, nth
        self.number = point.number * 4 + CHANGE[operator]
        self.killer = None
        self.tried = 0
        self.is_complete = True
        self.was_run = False

    @property
    def key(self):
        return (self.point.file, self.point.function, self.operator,
                self.point.text, self.nth)

    def __str__(self):
        nth = f'#{self.nth}' if self.nth > 1 else ''
        return (f'{self.point.file}:{self.point.line} {self.point.function} '
                f'{self.operator}{nth} `{self.point.text}`')


def all_mutants(found, operators):
    count = collections.Counter()
    mutants = []
    for point in sorted(found, key=lambda p: (p.file, p.line, p.number)):
        for operator in point.operators:
            if operator not in operators:
                continue
            key = point.file, point.function, operator, point.text
            count[key] += 1
            mutants.append(Mutant(point, operator, count[key]))
    return mutants


class Killers:
    """Which tests are likely: those that killed a neighbour."""

    def __init__(self):
        self.lock = threading.Lock()
        self.of_function = collections.defaultdict(collections.Counter)

    def order(self, mutant, tests):
        with self.lock:
            known = dict(self.of_function[mutant.point.file,
                                          mutant.point.function])
        return sorted(tests, key=lambda t: t.us / (1 + 20 * known.get(t, 0)))

    def note(self, mutant, test):
        with self.lock:
            self.of_function[mutant.point.file,
                             mutant.point.function][test] += 1


def kill(mutant, tests, killers, pool, budget, deadline):
    if time.monotonic() > deadline:
        return
    mutant.was_run = True
    bit = SEEN[mutant.operator]
    place = mutant.point.number
    able = [test for test in tests if test.seen[place] & bit]
    for test in killers.order(mutant, able):
        budget -= test.us / 1e6
        if budget < 0:
            mutant.is_complete = False
            break
        result = run_under(mutant.number, test, pool)
        mutant.tried += 1
        if result != 'passed':
            mutant.killer = test
            killers.note(mutant, test)
            return


# -- the list of survivors ------------------------------------------------

def survivors_read():
    listed = {}
    if not os.path.exists(SURVIVORS):
        return listed
    with open(SURVIVORS, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip('\n')
            if not line or line.startswith('#'):
                continue
            match = LISTED.match(line)
            if not match:
                sys.exit(f'survivors.txt:{number}: not FILE:LINE FUNCTION '
                         'OPERATOR `TEXT`: REASON')
            key = (match['file'], match['function'], match['operator'],
                   match['text'], int(match['nth'] or 1))
            listed[key] = match['reason']
    return listed


def survivors_write(mutants, listed):
    """Renumber the lines; a new survivor has no reason yet."""
    head = []
    with open(SURVIVORS, encoding='utf-8') as file:
        for line in file:
            if line.startswith('#'):
                head.append(line)
    with open(SURVIVORS, 'w', encoding='utf-8') as file:
        file.writelines(head)
        for mutant in mutants:
            if not mutant.killer:
                file.write(f'{mutant}: {listed.get(mutant.key, "?")}\n')


# -- all of it ------------------------------------------------------------

def run_all(function, items, jobs, pool_for, what):
    start = last = time.monotonic()
    results = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as executor:
        for done, result in enumerate(
                executor.map(lambda item: function(item, pool_for), items), 1):
            results.append(result)
            if time.monotonic() > last + 20:
                last = time.monotonic()
                print(f'# {what}: {done} of {len(items)}, '
                      f'{last - start:.0f} s', file=sys.stderr, flush=True)
    return results


def summary(mutants, listed):
    by_file = collections.defaultdict(lambda: [0, 0, 0])
    by_operator = collections.defaultdict(lambda: [0, 0, 0])
    for mutant in mutants:
        for row in (by_file[mutant.point.file],
                    by_operator[mutant.operator]):
            row[0] += 1
            row[1] += mutant.killer is not None
            row[2] += mutant.killer is None and mutant.key in listed
    for table in (by_file, by_operator):
        for name, (count, dead, known) in sorted(table.items()):
            print(f'{name}: killed {dead} of {count}'
                  f'{f", {known} listed" if known else ""}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sample', type=int, help='so many mutants')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', help='a pattern of file names')
    parser.add_argument('--operators', default=','.join(CHANGE))
    parser.add_argument('--budget', type=float, default=20,
                        help='seconds of tests for one mutant')
    parser.add_argument('--seconds', type=float,
                        help='start no mutant after so many')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--nice', type=int, default=15)
    parser.add_argument('--build', default=os.path.join(ROOT, 'build',
                                                        'mutation'))
    parser.add_argument('--update', action='store_true')
    arguments = parser.parse_args()
    if arguments.update and (arguments.sample or arguments.only or
                             arguments.seconds):
        sys.exit('--update wants all mutants')
    os.nice(arguments.nice)
    arguments.build = os.path.abspath(arguments.build)

    listed = survivors_read()
    found, programs = build(arguments.build)
    scratch = tempfile.mkdtemp(prefix='mutation')
    try:
        return run(arguments, listed, found, programs, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run(arguments, listed, found, programs, scratch):
    pool = Pool(scratch)
    tests = find_tests(programs, scratch)
    start = time.monotonic()
    results = measure_all(tests, arguments, pool)
    broken = [test for test, result in zip(tests, results)
              if result == 'failed']
    slow = results.count('killed')
    unsteady = results.count('unsteady')
    tests = [test for test, result in zip(tests, results)
             if result == 'passed']
    for test in broken:
        print(f'{test.program}: {test.name}: fails without a mutant')
    if broken:
        return 1
    print(f'# {len(tests)} tests of {len(programs)} programs, measured in '
          f'{time.monotonic() - start:.0f} s; {slow} slow ones and '
          f'{unsteady} unsteady ones left out',
          flush=True)

    mutants = all_mutants(found, arguments.operators.split(','))
    if arguments.only:
        mutants = [mutant for mutant in mutants
                   if fnmatch.fnmatch(mutant.point.file, arguments.only)]
    everything = {mutant.key for mutant in mutants}
    if arguments.sample and arguments.sample < len(mutants):
        mutants = random.Random(arguments.seed).sample(mutants,
                                                       arguments.sample)
    killers = Killers()
    start = time.monotonic()
    deadline = start + (arguments.seconds or 1e9)
    run_all(lambda mutant, pool: kill(mutant, tests, killers, pool,
                                      arguments.budget, deadline),
            mutants, arguments.jobs, pool, 'mutants')
    seconds = time.monotonic() - start
    mutants = [mutant for mutant in mutants if mutant.was_run]
    mutants.sort(key=lambda m: (m.point.file, m.point.line, m.number))

    findings = 0
    for mutant in mutants:
        if mutant.killer and mutant.key in listed:
            print(f'{mutant}: listed, but {mutant.killer.name} kills it')
            findings += 1
        elif not mutant.killer and mutant.key not in listed:
            more = '' if mutant.is_complete else ', out of time'
            print(f'{mutant}: survives {mutant.tried} tests{more}')
            findings += 1
        elif not mutant.killer and listed[mutant.key] == '?':
            print(f'{mutant}: listed without a reason')
            findings += 1
    if not arguments.only:
        for key in sorted(set(listed) - everything):
            print('survivors.txt: no such mutant: '
                  f'{key[0]} {key[1]} {key[2]} `{key[3]}`')
            findings += 1
    if arguments.update:
        survivors_write(mutants, listed)

    summary(mutants, listed)
    dead = sum(mutant.killer is not None for mutant in mutants)
    known = sum(mutant.killer is None and mutant.key in listed
                for mutant in mutants)
    rate = branches.percent(dead, len(mutants) - known)
    print(f'# {len(mutants)} mutants in {seconds:.0f} s, '
          f'{1000 * seconds / max(len(mutants), 1):.0f} ms each; killed '
          f'{branches.percent(dead, len(mutants)):.2f} % of all, '
          f'{rate:.2f} % of those not listed')
    print(f'score: mutation count={len(mutants)} findings={findings} '
          f'note="killed {dead} of {len(mutants)}, {known} listed as '
          f'equivalent, {rate:.2f} percent of the rest"')
    return 0 if findings == 0 and rate >= THRESHOLD else 1


if __name__ == '__main__':
    sys.exit(main())
