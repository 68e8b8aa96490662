# SPDX-License-Identifier: MIT
"""The programs and what they must refuse, or get along with."""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ.get("SEGLOG_TOOLS", ".")).resolve()
IDS = ("..", "../x", "/etc", "a/b", "", ".", "-rf", "\n", "\xff", "x" * 256,
       "%s%n", "CON", "0" * 32, "g" * 32, "019a/../..", "*")
LINE = b'{"kind":"event","n":1}\n'

cases, findings = 0, []


def small_stack():
    resource.setrlimit(resource.RLIMIT_STACK, (256 << 10, 256 << 10))


def run(cwd, *args, data=b"", **options):
    return subprocess.run([str(BIN / args[0]), *args[1:]], cwd=cwd, input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, check=False, **options)


def case(is_right, name, done):
    global cases
    cases += 1
    # A signal is never right.
    if not is_right or done.returncode < 0:
        findings.append("%s: status %d: %r" % (name, done.returncode,
                                               done.stderr[-200:]))


def ids(folder):
    (folder / "in.jsonl").write_bytes(LINE)
    run(folder, "seglog", "import", "--into", "st", "in.jsonl")
    before = sorted(path.name for path in folder.rglob("*"))
    for text in IDS:
        for verb in (("cat",), ("rm", "-f"), ("seal",), ("stat",), ("check",)):
            # Everything in a store is meant by no id at all.
            if not text and verb[0] not in ("cat", "rm"):
                continue
            done = run(folder, "seglog", *verb, "st:" + text)
            case(done.returncode != 0 or not text, "%s st:%r" % (verb, text),
                 done)
    after = sorted(path.name for path in folder.rglob("*"))
    case(set(before) <= set(after), "files are gone", done)


def nesting(folder):
    for depth in (10, 64, 65, 1000, 100_000, 1_000_000):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            for end in (closing * depth, b""):
                data = opening * depth + b"1" + end + b"\n"
                done = run(folder, "json2seg", "--force", "-o", "deep.seg",
                           data=data, preexec_fn=small_stack)
                case(done.returncode in (0, 3), "nested %d" % depth, done)
                back = run(folder, "seg2json", "deep.seg")
                case(back.stdout == data, "nested %d, back" % depth, back)
                (folder / "deep.jsonl").write_bytes(data)
                checked = run(folder, "seglog", "check", "deep.jsonl",
                              preexec_fn=small_stack)
                case(checked.returncode in (0, 3), "check %d" % depth, checked)


def swapped(folder):
    """A segment under another one's name is noted, not taken for it."""
    for name, line in (("a", LINE), ("b", LINE * 3)):
        (folder / (name + ".jsonl")).write_bytes(line)
        run(folder, "seglog", "import", "--into", "sw", name + ".jsonl")
    one, other = sorted(path for path in (folder / "sw").glob("*-*.seg"))
    one_bytes, other_bytes = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_bytes)
    other.write_bytes(one_bytes)
    done = run(folder, "seglog", "check", "sw")
    case(b"was written" in done.stderr + done.stdout, "swapped", done)
    one.write_bytes(one_bytes)
    done = run(folder, "seglog", "check", "sw")
    case(b"was written" in done.stderr + done.stdout, "duplicated", done)
    other.write_bytes(other_bytes)
    done = run(folder, "seglog", "check", "sw")
    case(done.returncode == 0, "as they were", done)


def main():
    if not os.access(BIN / "seglog", os.X_OK):
        print("skipped: no programs; set SEGLOG_TOOLS")
        sys.exit(77)
    for kind in (ids, nesting, swapped):
        with tempfile.TemporaryDirectory(prefix="seglog-limits.") as folder:
            kind(pathlib.Path(folder))
    for text in findings:
        print("FINDING " + text)
    print("score: limits_tools count=%d findings=%d" % (cases, len(findings)))
    sys.exit(bool(findings))


main()
