# SPDX-License-Identifier: MIT
"""Segments of many shapes for the tests of `seglog`.

They are made by make_segments.c, which is looked for where SEGLOG_MAKE_SEGMENTS
says, beside the programs and in the build's tests/cli folder, and otherwise
compiled for the occasion with the static library of the build.  So are other
makers of files, beside that one.
"""
import atexit
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import cli

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
INDEPENDENT = str(HERE.parent / "independent" / "read_seglog.py")
SAMPLE = str(ROOT / "tools" / "sample" / "session.jsonl")


def skip(reason):
    print("skipped: " + reason)
    sys.exit(77)


def compiled_maker(tools, name):
    """Not for a build with sanitizers, whose library needs more."""
    compiler = shutil.which("cc")
    libraries = [path for path in (tools / "libseglog.a",
                                   tools.parent / "libseglog.a")
                 if path.exists()]
    if not compiler or not libraries:
        skip(name + " is not built")
    folder = tempfile.mkdtemp(prefix="seglog-cli.")
    atexit.register(shutil.rmtree, folder, True)
    program = os.path.join(folder, name)
    command = [compiler, "-std=c11", "-I", str(ROOT / "include"),
               str(HERE / (name + ".c")), str(libraries[0]), "-o", program]
    for extra in (["-ldeflate"], []):
        if subprocess.run(command + extra + ["-lz", "-lxxhash", "-pthread"],
                          capture_output=True, check=False).returncode == 0:
            return program
    skip(name + " cannot be compiled")
    return None


def find_maker(name="make_segments"):
    tools = pathlib.Path(cli.TOOLS).resolve()
    given = os.environ.get("SEGLOG_MAKE_SEGMENTS", "")
    for path in (given and pathlib.Path(given).with_name(name),
                 tools / name, tools.parent / "tests" / "cli" / name):
        if path and os.access(path, os.X_OK):
            return str(path)
    return compiled_maker(tools, name)


def make(folder, seed, count):
    """Paths of `count` new segments; the same seed makes the same ones."""
    made = os.path.join(folder, "made-%d" % seed)
    subprocess.run([find_maker(), made, str(seed), str(count)], check=True,
                   timeout=300)
    return sorted(os.path.join(made, name) for name in os.listdir(made)
                  if name.endswith(".seg"))
