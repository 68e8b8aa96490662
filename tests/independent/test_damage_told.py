#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tests/segment/damage_told.txt says is what the independent reader says.

The segments are those of tests/segment/test_damage_told.c, which is looked for
where SEGLOG_DAMAGE_TOLD says and writes them; then compared as diff_check.py
compares a folder.
    SEGLOG_TOLD_EACH  only each so many of them (default 4)
"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import diff_check                                           # noqa: E402

SKIPPED = 77


def main():
    program = os.environ.get('SEGLOG_DAMAGE_TOLD', '')
    each = int(os.environ.get('SEGLOG_TOLD_EACH', '4'))
    if not os.access(program, os.X_OK):
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix='seglog-told.') as folder:
        subprocess.run([program, '--images', folder], check=True)
        for i, name in enumerate(sorted(os.listdir(folder))):
            if name.endswith('.seg') and i % each != 0:
                os.remove(os.path.join(folder, name))
        status = diff_check.main([folder])
    return SKIPPED if status == diff_check.MISSING else status


if __name__ == '__main__':
    sys.exit(main())
