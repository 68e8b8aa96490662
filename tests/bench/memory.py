#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The most memory that writing, reading and sealing takes, as a table.

    memory.py FOLDER_OF_PROGRAMS [--mib N]

Lines of a few hundred bytes, made up, are written line by line with each codec
and level, and read back; and more of them sealed with each level and size of
block, and read back.
In KiB, what is allocated at one time at most, without the stack.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

CODECS = (("none", 0, (0,)), ("deflate", 1, (1, 6, 9)),
          ("zstd", 2, (1, 3, 9, 19)), ("auto", 3, (0,)))
SEALS = ((3, 1), (3, 8), (9, 8), (19, 1), (19, 8), (3, 32))
SMALL_BUFFER = 16384
LIVE_MIB = 4  # enough to fill every history


def measure(program, **values):
    args = ["%s=%s" % pair for pair in values.items()]
    done = subprocess.run([program, *args], check=True, stdout=subprocess.PIPE)
    return float(done.stdout.split()[1])


def lines_write(path, size):
    words = ["alpha", "record", "tool", "session", "result", "file", "error"]
    chance = random.Random(7)
    written = 0
    with open(path, "w") as out:
        while written < size:
            text = " ".join(chance.choice(words) for _ in range(30))
            written += out.write(
                '{"id":"%032x","at":%d,"kind":"%s","text":"%s"}\n' % (
                    chance.getrandbits(128), 1700000000000 + written,
                    chance.choice(words), text))


def live(program, path, folder):
    print("%-10s%6s%16s%16s%10s" % (
        "codec", "level", "write, 256 KiB", "write, 16 KiB", "read"))
    for name, codec, levels in CODECS:
        for level in levels:
            row = []
            for how, buffer in (("write", 0), ("write", SMALL_BUFFER),
                                ("read", 0)):
                if how == "write":
                    for file in os.listdir(folder):
                        if file.startswith("log"):
                            os.unlink(os.path.join(folder, file))
                row.append(measure(program, file=path, dir=folder, codec=codec,
                                   level=level, how=how, buffer=buffer))
            print("%-10s%6s%16.0f%16.0f%10.0f" % (
                name, level or "-", *row), flush=True)


def sealed(program, path, folder):
    print("\n%-10s%11s%10s%10s" % ("sealed at", "block, MiB", "seal", "read"))
    for level, block in SEALS:
        for file in os.listdir(folder):
            if file.startswith("log"):
                os.unlink(os.path.join(folder, file))
        values = {"file": path, "dir": folder}
        measure(program, codec=3, how="write", **values)
        seal = measure(program, how="seal", level=level, block=block << 20,
                       **values)
        read = measure(program, how="sealed", **values)
        print("%-10d%11d%10.0f%10.0f" % (level, block, seal, read), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("programs")
    parser.add_argument("--mib", type=int, default=40, help="of lines")
    args = parser.parse_args()
    program = os.path.join(args.programs, "bench_memory")
    with tempfile.TemporaryDirectory(prefix="seglog-memory.") as folder:
        path = os.path.join(folder, "lines")
        lines_write(path, LIVE_MIB << 20)
        live(program, path, folder)
        lines_write(path, args.mib << 20)
        sealed(program, path, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
