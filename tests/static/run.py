#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Static analysis of the library and the tools: nothing found that is not listed.

    tests/static/run.py [--only clang-tidy|cppcheck|gcc] [--jobs N] [FILE...]

Runs clang-tidy (bugprone, cert, clang-analyzer), cppcheck (warning,
portability, inconclusive) and gcc -fanalyzer over format, src and tools, or
over the files named.  What they say that is no mistake stands in accepted.txt
with the reason; anything else, and a line there that nothing is said for any
more, is a finding.  Needs clang-tidy and cppcheck.

Exit status 0: no finding; 1: findings; 77: a program is missing.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "static"
ACCEPTED = pathlib.Path(__file__).with_name("accepted.txt")
TIDY_CHECKS = ",".join([
    "-*", "bugprone-*", "cert-*", "clang-analyzer-*",
    # Asks for the memcpy_s of Annex K, which no C library here has.
    "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling",
    # An offset beside a length is what this library is about.
    "-bugprone-easily-swappable-parameters",
    # _GNU_SOURCE and its like are reserved for just this use.
    "-bugprone-reserved-identifier", "-cert-dcl37-c", "-cert-dcl51-cpp",
    # Sizes that are small constants, multiplied as int.
    "-bugprone-implicit-widening-of-multiplication-result",
])
# gcc 12 does not follow an owner into a structure; leaks are sought by
# LeakSanitizer in every test, and where each allocation fails in turn.
GCC_OPTIONS = ["-fanalyzer", "-Wno-analyzer-malloc-leak",
               "-Wno-analyzer-file-leak"]
FOUND = re.compile(r"^(?P<file>[^:\s]+):(?P<line>\d+):(?:\d+:)? "
                   r"(?:warning|error|portability): (?P<text>.*) "
                   r"\[(?P<check>[^\]]+)\]$")


def commands():
    """The compiler's command of each source file, by its path in the tree."""
    subprocess.run(
        ["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja",
         "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
         "-DSEGLOG_BUILD_BENCH=OFF", "-DSEGLOG_BUILD_FUZZ=OFF"],
        check=True, stdout=subprocess.DEVNULL)
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"]).relative_to(ROOT).as_posix()
        if path.split("/")[0] in ("format", "src", "tools"):
            found[path] = (entry["directory"], shlex.split(entry["command"]))
    return found


def run_tidy(path, _command):
    return subprocess.run(
        ["clang-tidy", "-p", BUILD, "--quiet", f"-checks={TIDY_CHECKS}",
         ROOT / path], capture_output=True, text=True)


def run_gcc(path, command):
    directory, words = command
    words = [word for word in words
             if word != "-Werror" and not word.endswith("ccache")]
    words[words.index("-o") + 1] = os.devnull
    return subprocess.run(words + GCC_OPTIONS, cwd=directory,
                          capture_output=True, text=True)


def run_cppcheck(paths):
    return subprocess.run(
        ["cppcheck", "-q", "--std=c11", "--enable=warning,portability",
         "--inconclusive", "--template={file}:{line}: warning: {message} [{id}]",
         "-I.", "-Iinclude", "-DSEGLOG_HAVE_ZSTD=1", "-DSEGLOG_HAVE_OPENSSL=1",
         "--suppress=missingInclude", *paths],
        cwd=ROOT, capture_output=True, text=True)


def findings(tool, output):
    """(tool, check, file) and what was said, of one program's output."""
    for line in output.splitlines():
        match = FOUND.match(line)
        if not match:
            continue
        path = pathlib.Path(match["file"])
        if path.is_absolute():
            if ROOT not in path.parents:
                continue
            path = path.relative_to(ROOT)
        check = match["check"].split(",")[0]
        yield (tool, check, path.as_posix()), line.replace(f"{ROOT}/", "")


def accepted():
    listed = {}
    for number, line in enumerate(ACCEPTED.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        words = line.split(None, 4)
        if len(words) != 5:
            sys.exit(f"{ACCEPTED.name}:{number}: not TOOL CHECK FILE COUNT REASON")
        listed[tuple(words[:3])] = int(words[3])
    return listed


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("clang-tidy", "cppcheck", "gcc"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()

    tools = [args.only] if args.only else ["clang-tidy", "cppcheck", "gcc"]
    for tool in tools:
        if not shutil.which(tool):
            print(f"run.py: {tool} is not installed", file=sys.stderr)
            return 77
    every = commands()
    chosen = {path: every[path] for path in (args.files or sorted(every))}
    said = {}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        jobs = []
        for path, command in chosen.items():
            if "clang-tidy" in tools:
                jobs.append(("clang-tidy", pool.submit(run_tidy, path, command)))
            if "gcc" in tools:
                jobs.append(("gcc", pool.submit(run_gcc, path, command)))
        if "cppcheck" in tools:
            jobs.append(("cppcheck", pool.submit(run_cppcheck, list(chosen))))
        for tool, job in jobs:
            done = job.result()
            for key, line in findings(tool, done.stdout + done.stderr):
                said.setdefault(key, set()).add(line)
            if tool == "gcc" and done.returncode != 0:
                said.setdefault((tool, "error", "?"), set()).add(done.stderr)

    listed = accepted()
    bad = 0
    for key in sorted(set(said) | set(listed)):
        lines, allowed = sorted(said.get(key, ())), listed.get(key, 0)
        tool, check, path = key
        if tool not in tools or (args.files and path not in args.files):
            continue
        if len(lines) > allowed:
            bad += len(lines) - allowed
            print(f"{tool}: {len(lines)} where {allowed} are accepted:")
            print("\n".join(f"  {line}" for line in lines))
        elif len(lines) < allowed:
            bad += 1
            print(f"accepted.txt: {tool} says {check} of {path} "
                  f"{len(lines)} times, not {allowed}")
    print(f"score: static_analysis count={len(chosen)} findings={bad} "
          f"note=\"files; {', '.join(tools)}; "
          f"{sum(listed.values())} accepted with reasons\"")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
