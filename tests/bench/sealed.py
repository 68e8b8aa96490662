#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How small real logs become when they are sealed, and how fast, as a table.

    sealed.py FOLDER_OF_PROGRAMS [--rounds N] [--check]

SEGLOG_CORPUS names a folder; each folder in it is a family, whose .jsonl files
are put together and stand in one segment.  Sizes are whole files, in KiB.
`best` is the smaller one of `zstd -19 --long=27` and `xz -9e`, `19/best` the
segment sealed at level 19 as a part of it.  Speeds are those of the library in
memory, as a multiple of what zstd takes for the same text in the same process:
sealing at level 3 (which reads the segment, and reads back what it has
written) against `zstd -3`, reading all records against unpacking that.  `pick`
is the time to open the segment and read one record, in milliseconds.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

LEVELS = (3, 9, 19)
SIZES = ("raw", "zstd -3", "zstd -19", "xz -9e", *(
    "seal %d" % level for level in LEVELS))
SPEEDS = ("19/best", "seal/zstd", "read/unzstd", "pick ms")
# A promise each, but for the first: that is one over the whole corpus too.
TARGETS = (1.0, 0.5, 0.5, 20)


def measure(program, path, **values):
    args = ["%s=%s" % pair for pair in values.items()]
    done = subprocess.run([program, "file=" + path, *args], check=True,
                          stdout=subprocess.PIPE)
    pairs = (line.replace("=", " ").split()
             for line in done.stdout.decode().splitlines())
    return {key: float(value) for key, value in pairs}


def peer_size(command, path):
    if not shutil.which(command[0]):
        sys.exit("sealed.py: %s is needed" % command[0])
    with open(path, "rb") as text:
        done = subprocess.run(command, stdin=text, check=True,
                              stdout=subprocess.PIPE)
    return len(done.stdout)


def family_text(family, path):
    with open(path, "wb") as out:
        for name in sorted(family.rglob("*.jsonl")):
            text = name.read_bytes()
            out.write(text + b"\n" * (text[-1:] not in (b"", b"\n")))
    return os.path.getsize(path)


def family_row(program, path, rounds):
    got = {level: measure(program, path, level=level,
                          rounds=rounds if level == LEVELS[0] else 1)
           for level in LEVELS}
    sizes = [os.path.getsize(path), peer_size(["zstd", "-3", "-c", "-q"], path),
             peer_size(["zstd", "-19", "--long=27", "-c", "-q"], path),
             peer_size(["xz", "-9e", "-c"], path)]
    sizes += [got[level]["bytes"] for level in LEVELS]
    fast = got[LEVELS[0]]
    return sizes, [sizes[-1] / min(sizes[2:4]), fast["seal_ratio"],
                   fast["read_ratio"], got[LEVELS[-1]]["pick_ms"]]


def speed_is_met(index, value):
    return value >= TARGETS[index] if index in (1, 2) else (
        value < TARGETS[index])


def row_print(name, sizes, speeds):
    print("%-18s" % name[:17] +
          "".join("%9.1f" % (size / 1024) for size in sizes) +
          "".join("%11.3f%s" % (value,
                                " " if speed_is_met(i, value) else "!")
                  for i, value in enumerate(speeds)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", help="a family")
    parser.add_argument("--check", action="store_true",
                        help="exit with status 1 when a target is missed")
    args = parser.parse_args()
    corpus = os.environ.get("SEGLOG_CORPUS")
    if not corpus:
        print("sealed.py: SEGLOG_CORPUS is not set", file=sys.stderr)
        return 77
    program = os.path.join(args.programs, "bench_seal")
    print("%-18s" % "KiB" + "".join("%9s" % name for name in SIZES) +
          "".join("%12s" % name for name in SPEEDS))
    sums = [0] * len(SIZES)
    best = 0
    met = True
    with tempfile.TemporaryDirectory(prefix="seglog-sealed.") as folder:
        path = os.path.join(folder, "lines")
        for family in sorted(pathlib.Path(corpus).iterdir()):
            if not family.is_dir() or (
                    args.only and family.name not in args.only):
                continue
            if not family_text(family, path):
                continue
            sizes, speeds = family_row(program, path, args.rounds)
            sums = [a + b for a, b in zip(sums, sizes)]
            best += min(sizes[2:4])
            met &= all(speed_is_met(i, value)
                       for i, value in enumerate(speeds))
            row_print(family.name, sizes, speeds)
    row_print("all", sums, [sums[-1] / best if best else 0])
    met &= sums[-1] <= 0.9 * best
    print("! misses its target: below %g, at least %g, at least %g, below %g; "
          "over all of them at most 0.9" % TARGETS)
    return 1 if args.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
