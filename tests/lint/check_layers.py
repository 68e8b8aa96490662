#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Includes point downward only.

Reads the layers, lowest first, from cmake/layers.cmake and every #include of
the tree.  A file may include headers of its own layer and of those below, and
public headers.  Tools, and the stores for tests, see public headers and their
own; public headers see public headers, and those for tests are seen by no
other; format/ needs no C library beyond memcpy and its kin.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

FREESTANDING = {"stdbool.h", "stddef.h", "stdint.h", "limits.h", "stdalign.h"}
# <string.h> has the four functions every compiler asks of every platform; the
# others are the compiler's own names for instructions.
FORMAT_SYSTEM = FREESTANDING | {"string.h", "emmintrin.h", "immintrin.h",
                                "wmmintrin.h", "cpuid.h", "arm_neon.h", "arm_acle.h"}
PUBLIC = ("include/seglog", "include/seglog/testing")
PUBLIC_SYSTEM = FREESTANDING | {"stdarg.h", "inttypes.h", "time.h"}


def read_layers():
    text = (ROOT / "cmake/layers.cmake").read_text()
    found = re.search(r"set\(SEGLOG_LAYERS\s+([^)]*)\)", text)
    beside = re.search(r"set\(SEGLOG_TESTING_LAYER\s+(\S+)\)", text)
    return found.group(1).split(), beside.group(1)


def includes(path):
    text = path.read_text(errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def reason_against(folder, quote, name, layers, testing):
    """Why a file in this folder may not have this include, or None."""
    if quote == "<":
        if name.startswith("seglog/") and folder != "tests/install":
            return 'write our own headers in quotes: "%s"' % name
        if folder == "format" and name not in FORMAT_SYSTEM:
            return "format/ is freestanding"
        if folder in PUBLIC and name not in PUBLIC_SYSTEM:
            return "public headers include plain C headers only"
        return None

    target = ROOT / ("include" if name.startswith("seglog/") else "") / name
    if not target.is_file():
        return "includes are written from the root of the tree"
    if name.startswith("seglog/testing/") and (folder in layers or folder in (
            "include/seglog", "tools")):
        return "what is for tests is for tests only"
    if name.startswith("seglog/"):
        return None
    below = str(pathlib.PurePosixPath(name).parent)
    if folder in PUBLIC:
        return "public headers include public headers only"
    if folder == "tools" and below != "tools":
        return "tools use public headers only"
    if folder == testing and below != testing:
        return "stores for tests use public headers only"
    if folder in layers:
        if below not in layers:
            return "%s is no layer of the library" % below
        if layers.index(below) > layers.index(folder):
            return "%s lies above %s" % (below, folder)
    return None


def main():
    layers, testing = read_layers()
    faults = []
    count = 0
    for top in ("format", "src", "include", "tools", "tests", "fuzz", "bench"):
        files = sorted((ROOT / top).rglob("*.[ch]"))
        for path in files:
            relative = path.relative_to(ROOT)
            folder = str(relative.parent)
            count += 1
            if (top in ("format", "src") and folder not in layers
                    and folder != testing):
                faults.append("%s: its folder is not in cmake/layers.cmake"
                              % relative)
                continue
            for number, quote, name in includes(path):
                why = reason_against(folder, quote, name, layers, testing)
                if why:
                    faults.append('%s:%d: includes "%s": %s'
                                  % (relative, number, name, why))
    for fault in faults:
        print(fault)
    print("%d files, %d faults" % (count, len(faults)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
