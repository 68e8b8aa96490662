#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs and the independent reader agree about what fuzzers found.

    test_fuzz_corpus.py [--keep FOLDER] [FOLDER]...

FOLDER holds inputs of the fuzz targets scan, repair, seek and tail: two bytes
of switches and then a segment.  By default those in fuzz/corpus, each segment
once.  Compared are records, verdicts, gaps and causes, as diff_check.py does.
The programs are looked for where SEGLOG_BIN_DIR or SEGLOG_TOOLS says.
"""

import argparse
import os
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import diff_check                                           # noqa: E402
import read_seglog as reader                                # noqa: E402

SKIPPED = 77
SWITCHES = 2
EXPECT = 16             # of byte 0 of inputs of scan: byte 1 is --expect
CORPUS = os.path.join(HERE, '..', '..', 'fuzz', 'corpus')
TARGETS = ('scan', 'repair', 'seek', 'tail')


def inputs_of(folders):
    """Each (segment, expect) once, and where it came from."""
    seen = {}
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue
            with open(path, 'rb') as file:
                data = file.read()
            if len(data) <= SWITCHES:
                continue
            expect = data[1] if data[0] & EXPECT else 0
            seen.setdefault((data[SWITCHES:], expect), path)
    return seen


def compare_inputs(programs, differences, inputs):
    """How many were compared: some sealed segments only the library reads."""
    count = 0
    with tempfile.TemporaryDirectory(prefix='seglog-fuzz.') as folder:
        diff_check.put_dictionaries(folder)
        path = os.path.join(folder, 'input.seg')
        for (data, expect), where in inputs.items():
            with open(path, 'wb') as out:
                out.write(data)
            count += 1
            try:
                diff_check.compare(programs, differences, path, where, expect)
            except reader.Undecodable:
                count -= 1
    return count


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('folders', nargs='*')
    parser.add_argument('--keep', metavar='FOLDER')
    args = parser.parse_args(argv)
    programs = diff_check.Programs(os.environ.get('SEGLOG_BIN_DIR')
                                   or os.environ.get('SEGLOG_TOOLS') or '.')
    if programs.missing():
        return SKIPPED
    folders = args.folders or [
        path for path in (os.path.join(CORPUS, name) for name in TARGETS)
        if os.path.isdir(path)]
    inputs = inputs_of(folders)
    differences = diff_check.Differences()
    count = compare_inputs(programs, differences, inputs)
    differences.show(args.keep)
    found = sum(entry[0] for entry in differences.sorts.values())
    print('%d compared of %d, %d differ' % (count, len(inputs), found))
    if not count:
        print('there is nothing to compare')
        return diff_check.MISSING
    return diff_check.DIFFERENT if found else diff_check.SAME


if __name__ == '__main__':
    sys.exit(main())
