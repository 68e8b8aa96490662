#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How small live compression makes real logs, as a table.

    pack.py FOLDER_OF_PROGRAMS [--level N]

SEGLOG_CORPUS names a folder; each folder in it is a family, whose .jsonl files
are put together.  Columns, in KiB: the lines as they are; `zstd -3` over all
of them at once, where there is a zstd; a segment that is not compressed; and
compressed segments with one record a frame, groups of 16, two writers taking
turns, and one opened and closed for each line.  Framing is what of the first
of these is not body.  Then MB of lines a second, with one record a frame.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WAYS = {"plain": ["codec=0"], "record": [], "group": ["group=16"],
        "turns": ["how=turns"], "reopen": ["how=reopen"]}


def measure(program, path, *args):
    done = subprocess.run([program, "file=" + path, *args], check=True,
                          stdout=subprocess.PIPE)
    pairs = (line.replace("=", " ").split()
             for line in done.stdout.decode().splitlines())
    return {key: float(value) for key, value in pairs}


def zstd_size(path):
    if not shutil.which("zstd"):
        return None
    return len(subprocess.run(["zstd", "-3", "-c", "-q", path], check=True,
                              stdout=subprocess.PIPE).stdout)


def family_row(program, path, level):
    got = {way: measure(program, path, *args, *level)
           for way, args in WAYS.items()}
    one = got["record"]
    sizes = [os.path.getsize(path), zstd_size(path)]
    sizes += [got[way]["bytes"] for way in WAYS]
    sizes.append(one["bytes"] - one["body_bytes"])
    return sizes, [one["write_mb_s"], one["read_mb_s"],
                   got["plain"]["write_mb_s"], got["turns"]["write_mb_s"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("programs")
    parser.add_argument("--level", default="0")
    args = parser.parse_args()
    corpus = os.environ.get("SEGLOG_CORPUS")
    if not corpus:
        print("pack.py: SEGLOG_CORPUS is not set", file=sys.stderr)
        return 77
    program = os.path.join(args.programs, "bench_pack")
    print("%-18s" % "KiB" + "".join("%9s" % name for name in (
        "raw", "zstd -3", *WAYS, "framing", "write", "read", "plain",
        "turns")))
    sums = [0] * 8
    with tempfile.TemporaryDirectory(prefix="seglog-pack.") as folder:
        for family in sorted(pathlib.Path(corpus).iterdir()):
            files = sorted(family.rglob("*.jsonl")) if family.is_dir() else []
            path = os.path.join(folder, "lines")
            with open(path, "wb") as out:
                for name in files:
                    text = name.read_bytes()
                    out.write(text + b"\n" * (text[-1:] not in (b"", b"\n")))
            if not os.path.getsize(path):
                continue
            sizes, speeds = family_row(program, path, ["level=" + args.level])
            sums = [a + (b or 0) for a, b in zip(sums, sizes)]
            print("%-18s" % family.name[:17] + "".join(
                "%9s" % ("-" if size is None else "%.1f" % (size / 1024))
                for size in sizes) + "".join("%9.0f" % s for s in speeds))
    print("%-18s" % "all" + "".join("%9.1f" % (size / 1024) for size in sums))
    return 0


if __name__ == "__main__":
    sys.exit(main())
