#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How small live compression makes real logs, as a table.

    pack.py FOLDER_OF_PROGRAMS [--level N] [--codec NAME]... [--dictionary]

SEGLOG_CORPUS names a folder; each folder in it is a family, whose .jsonl files
are put together.  Columns: KiB of the lines, bytes of a line on average, KiB
that `zstd -3` makes of all of them at once; KiB of framing, and of a segment
that is not compressed.  Then for each codec, as multiples of that zstd: one
record a frame, groups of 16, two writers taking turns, and one opened and
closed for each line; and MB of lines a second: written and read one record a
frame, written in turns.  A star stands where it is more than the aim: one
record a frame 1.6 (2.5 for lines of up to 500 bytes), groups 1.6, turns and
reopened 1.15 times one writer.

With --dictionary every other file of a family (of a single one: the first half
of its lines) makes a dictionary, and the rest is measured, without and with it;
the aims are 1.4 (2 for lines of up to 500 bytes) then.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

CODECS = ["none", "deflate", "zstd", "auto"]
WAYS = {"record": [], "group": ["group=16"], "turns": ["how=turns"],
        "reopen": ["how=reopen"]}


def measure(program, path, *args):
    done = subprocess.run([program, "file=" + path, *args], check=True,
                          stdout=subprocess.PIPE)
    pairs = (line.replace("=", " ").split()
             for line in done.stdout.decode().splitlines())
    return {key: float(value) for key, value in pairs}


def zstd_size(path):
    return len(subprocess.run(["zstd", "-3", "-c", "-q", path], check=True,
                              stdout=subprocess.PIPE).stdout)


def codec_cells(program, path, codec, level, zstd, mean):
    got = {way: measure(program, path, "codec=%d" % CODECS.index(codec),
                        *args, level) for way, args in WAYS.items()}
    one = got["record"]["bytes"]
    most = {"record": (2.5 if mean <= 500 else 1.6) * zstd,
            "group": 1.6 * zstd, "turns": 1.15 * one, "reopen": 1.15 * one}
    cells = ["%7.2f%s" % (got[way]["bytes"] / zstd,
                          "*" if got[way]["bytes"] > most[way] else " ")
             for way in WAYS]
    cells.append("%5.0f %5.0f %4.0f" % (
        got["record"]["write_mb_s"], got["record"]["read_mb_s"],
        got["turns"]["write_mb_s"]))
    return "".join(cells)


def family_row(program, path, args):
    raw, zstd = os.path.getsize(path), zstd_size(path)
    plain = measure(program, path, "codec=0")
    with open(path, "rb") as lines:
        mean = raw / max(1, sum(1 for _ in lines))
    cells = ["%9.1f%7.0f%9.1f%8.1f%9.1f" % (
        raw / 1024, mean, zstd / 1024,
        (plain["bytes"] - plain["payload_bytes"]) / 1024,
        plain["bytes"] / 1024)]
    cells += [codec_cells(program, path, codec, "level=" + args.level, zstd,
                          mean) for codec in args.codec]
    return "  ".join(cells)


def with_newline(text):
    return text + b"\n" * (text[-1:] not in (b"", b"\n"))


def halves(files):
    texts = [with_newline(name.read_bytes()) for name in files]
    if len(texts) > 1:
        return b"".join(texts[::2]), b"".join(texts[1::2])
    lines = texts[0].splitlines(True) if texts else []
    return (b"".join(lines[:len(lines) // 2]),
            b"".join(lines[len(lines) // 2:]))


def dictionary_row(program, folder, files, level):
    train, path = (os.path.join(folder, name) for name in ("train", "rest"))
    for name, text in zip((train, path), halves(files)):
        with open(name, "wb") as out:
            out.write(text)
    raw, zstd = os.path.getsize(path), zstd_size(path)
    with open(path, "rb") as lines:
        mean = raw / max(1, sum(1 for _ in lines))
    row = "%9.1f%7.0f%9.1f" % (raw / 1024, mean, zstd / 1024)
    for codec in ("deflate", "zstd", "auto"):
        args = ["codec=%d" % CODECS.index(codec), "level=" + level]
        cold = measure(program, path, *args)["bytes"]
        warm = measure(program, path, "train=" + train, *args)["bytes"]
        row += "%9.2f%8.2f%s" % (
            cold / zstd, warm / zstd,
            "*" if warm > (2 if mean <= 500 else 1.4) * zstd else " ")
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("programs")
    parser.add_argument("--level", default="0")
    parser.add_argument("--dictionary", action="store_true")
    parser.add_argument("--codec", action="append", choices=CODECS[1:])
    args = parser.parse_args()
    args.codec = args.codec or CODECS[1:]
    corpus = os.environ.get("SEGLOG_CORPUS")
    if not corpus or not shutil.which("zstd"):
        print("pack.py: SEGLOG_CORPUS is not set, or there is no zstd",
              file=sys.stderr)
        return 77
    program = os.path.join(args.programs, "bench_pack")
    if args.dictionary:
        print("%-18s%9s%7s%9s" % ("", "raw", "line", "zstd -3") + "".join(
            "%9s%8s " % (codec, "dict") for codec in CODECS[1:]))
        for family in sorted(pathlib.Path(corpus).iterdir()):
            files = sorted(family.rglob("*.jsonl")) if family.is_dir() else []
            with tempfile.TemporaryDirectory(prefix="seglog-pack.") as folder:
                if files:
                    print("%-18s" % family.name[:17] + dictionary_row(
                        program, folder, files, args.level), flush=True)
        return 0
    print("%-18s%9s%7s%9s%8s%9s" % ("", "raw", "line", "zstd -3", "framing",
                                   "plain")
          + "".join("  %-32s%-16s" % (codec + ": record group turns reopen",
                                      "write read turns")
                    for codec in args.codec))
    with tempfile.TemporaryDirectory(prefix="seglog-pack.") as folder:
        for family in sorted(pathlib.Path(corpus).iterdir()):
            files = sorted(family.rglob("*.jsonl")) if family.is_dir() else []
            path = os.path.join(folder, "lines")
            with open(path, "wb") as out:
                for name in files:
                    out.write(with_newline(name.read_bytes()))
            if os.path.getsize(path):
                print("%-18s" % family.name[:17]
                      + family_row(program, path, args), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
