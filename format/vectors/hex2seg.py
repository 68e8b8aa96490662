#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the bytes of a vector: hex2seg.py NAME.hex > NAME.seg

`#` starts a comment. What is left is separated by white space: HH is one
byte, HH*COUNT the same byte COUNT times.
"""

import sys


def parse(text):
    out = bytearray()
    for line in text.splitlines():
        for word in line.partition('#')[0].split():
            byte, _, count = word.partition('*')
            out += bytes.fromhex(byte) * int(count or 1)
    return bytes(out)


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding='ascii') as file:
        sys.stdout.buffer.write(parse(file.read()))
