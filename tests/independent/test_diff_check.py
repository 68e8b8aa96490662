#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs and the independent reader say the same, byte for byte.

    SEGLOG_DIFF_RUNS  how many random damages (default 300)
    SEGLOG_DIFF_SEED  the first seed (default 1)
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import diff_check                                           # noqa: E402

SKIPPED = 77


def main():
    runs = os.environ.get('SEGLOG_DIFF_RUNS', '300')
    seed = os.environ.get('SEGLOG_DIFF_SEED', '1')
    status = diff_check.main(['--vectors'])
    if status == diff_check.MISSING:
        return SKIPPED
    return max(status, diff_check.main(['--random', runs, '--seed', seed]))


if __name__ == '__main__':
    sys.exit(main())
