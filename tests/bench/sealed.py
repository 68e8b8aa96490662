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

The last line is of whole programs, by the wall clock, from file to file: all
families put together, some times over, so that there are many blocks.
`seglog seal --level 3` against `zstd -3`, `seg2json` against `zstd -dc`, in
turn, the median of the ratios.  A round that something else on the machine
falls into counts like any other: it wants an idle one.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

LEVELS = (3, 9, 19)
SIZES = ("raw", "zstd -3", "zstd -19", "xz -9e", *(
    "seal %d" % level for level in LEVELS))
SPEEDS = ("19/best", "seal/zstd", "read/unzstd", "pick ms")
# A promise each, but for the first: that is one over the whole corpus too.
TARGETS = (1.0, 0.5, 0.5, 20)
# Of text, for whole programs.
WHOLE_BYTES = 100_000_000


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


def seconds(command, out=subprocess.DEVNULL):
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=out)
    return time.monotonic() - began


def whole_text(corpus, folder):
    """All families, one after the other, until there is enough."""
    once = os.path.join(folder, "once")
    whole = os.path.join(folder, "whole")
    with open(whole, "wb") as out:
        while out.tell() < WHOLE_BYTES:
            before = out.tell()
            for family in families_of(corpus):
                if family_text(family, once):
                    with open(once, "rb") as text:
                        shutil.copyfileobj(text, out)
            if out.tell() == before:
                return None
    return whole


def whole_ratios(programs, whole, rounds):
    """Sealing and reading as parts of the speed of zstd, as commands."""
    tool = os.path.join(programs, os.pardir, "bin")
    plain, sealed, packed = whole + ".plain", whole + ".seg", whole + ".zst"
    # Status 3 says that some lines are not JSON.
    done = subprocess.run([os.path.join(tool, "json2seg"), "--quiet", "--codec",
                           "none", "-o", plain, whole], check=False,
                          stderr=subprocess.DEVNULL)
    if done.returncode not in (0, 3):
        sys.exit("sealed.py: json2seg failed")
    seal, read = [], []
    for _ in range(rounds):
        shutil.copyfile(plain, sealed)
        os.sync()
        took = seconds(["zstd", "-3", "-q", "-f", whole, "-o", packed])
        seal.append(took / seconds([os.path.join(tool, "seglog"), "seal",
                                    "--quiet", "--level", "3", sealed]))
        took = seconds(["zstd", "-dc", packed])
        read.append(took / seconds([os.path.join(tool, "seg2json"), sealed]))
    return statistics.median(seal), statistics.median(read)


def families_of(corpus):
    return [family for family in sorted(pathlib.Path(corpus).iterdir())
            if family.is_dir()]


def speed_is_met(index, value):
    return value >= TARGETS[index] if index in (1, 2) else (
        value < TARGETS[index])


def row_print(name, sizes, speeds):
    print("%-18s" % name[:17] +
          "".join("%9.1f" % (size / 1024) for size in sizes) +
          "".join("%11.3f%s" % (value,
                                " " if speed_is_met(i, value) else "!")
                  for i, value in enumerate(speeds)), flush=True)


def whole_print(programs, corpus, rounds):
    with tempfile.TemporaryDirectory(prefix="seglog-sealed.") as folder:
        whole = whole_text(corpus, folder)
        if not whole:
            return True
        size = os.path.getsize(whole)
        seal, read = whole_ratios(programs, whole, rounds)
    print("whole programs, %.0f MB: seal/zstd %.3f%s, read/unzstd %.3f%s" % (
        size / 1e6, seal, " " if speed_is_met(1, seal) else "!",
        read, " " if speed_is_met(2, read) else "!"), flush=True)
    return speed_is_met(1, seal) and speed_is_met(2, read)


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
        for family in families_of(corpus):
            if args.only and family.name not in args.only:
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
    met &= whole_print(args.programs, corpus, args.rounds)
    met &= sums[-1] <= 0.9 * best
    print("! misses its target: below %g, at least %g, at least %g, below %g; "
          "over all of them at most 0.9" % TARGETS)
    return 1 if args.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
