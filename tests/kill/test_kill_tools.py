# SPDX-License-Identifier: MIT
"""The programs, killed at every call of the system that changes a file.

    test_kill_tools.py [STEP]

Each command below is run once to count its calls, then again for every call (or
every STEP-th), in a fresh copy of the same folder: it is killed before the call,
or after half of a write.  Then every segment that is there must be whole but
for a torn tail, what was there before must be there, and the command, run
again, must do what it would have done, and leave nothing half made.

Needs SEGLOG_TOOLS, and make_kill_at beside the tests; skipped without.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ.get("SEGLOG_TOOLS", "."))
KILLER = BIN.resolve().parent / "tests" / "kill" / "make_kill_at"
KILLED, NO_HALF, SKIPPED = 100, 101, 77
LEFTOVERS = (".tmp", ".sealing", ".new", ".cut")

LINES = b"".join(b'{"kind":"event","n":%d,"text":"%s"}\n'
                 % (n, b"abc" * (n % 7)) for n in range(60))
MORE = LINES + b'{"kind":"event","n":60}\n{"kind":"event","n":61}\n'
BIG = b"".join(b'{"kind":"event","n":%d,"text":"%s"}\n'
               % (n, b"%d" % (n * 7919) * 9) for n in range(2500))


class Wrong(Exception):
    """Something that must not be."""


def run(cwd, *args, data=b"", ok=(0,), env=None):
    done = subprocess.run([str(BIN.resolve() / args[0]), *args[1:]], cwd=cwd,
                          input=data, stdout=subprocess.PIPE, timeout=120,
                          stderr=subprocess.PIPE, check=False, env=env)
    if ok is not None and done.returncode not in ok:
        raise Wrong("%s: status %d: %s" % (" ".join(args), done.returncode,
                                           done.stderr.decode()[-300:]))
    return done


def put(folder, name, data):
    (folder / name).write_bytes(data)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                  if path.is_file())


def segments_check(folder, *options):
    """A file of .tmp is nobody's yet; every other segment is whole."""
    for path in sorted(folder.rglob("*.seg")):
        done = run(folder, "seglog", "check", "--json", *options, str(path),
                   ok=None)
        # An empty one is that of a program that died before the first byte.
        if done.returncode != 0 and path.stat().st_size > 0:
            raise Wrong("%s: %s" % (path.name, done.stdout[-300:]))


def lines_of(folder, name):
    return run(folder, "seg2json", name).stdout


def exported(folder, store="st", *options):
    """What the files of a store hold, in the order of their names."""
    out = tempfile.mkdtemp(dir=folder)
    run(folder, "seglog", "export", store, "-o", out, "--force", *options)
    data = [path.read_bytes() for path in sorted(pathlib.Path(out).rglob("*"))
            if path.is_file()]
    shutil.rmtree(out)
    return data


def expect(is_right, what):
    if not is_right:
        raise Wrong(what)


class Scenario:
    """A command, and what is to be true when it was killed."""
    name = ""
    command = ()
    again = None  # the command to run again; None: the same
    data = b""
    keys = ()
    needs_zstd = False

    def make(self, folder):
        put(folder, "in.jsonl", LINES)

    def after_kill(self, folder):
        segments_check(folder, *self.keys)

    def finish(self, folder):
        run(folder, *(self.again or self.command), data=self.data)

    def result(self, folder):
        """The same whether the command was killed before or not."""
        raise NotImplementedError


class Convert(Scenario):
    name = "json2seg"
    command = ("json2seg", "-o", "out.seg", "in.jsonl")
    again = ("json2seg", "--force", "-o", "out.seg", "in.jsonl")

    def after_kill(self, folder):
        super().after_kill(folder)
        if (folder / "out.seg").exists():
            expect(lines_of(folder, "out.seg") == LINES, "out.seg is a part")

    def result(self, folder):
        return lines_of(folder, "out.seg")


class ConvertSeal(Convert):
    name = "json2seg --seal"
    needs_zstd = True
    command = ("json2seg", "--seal", "-o", "out.seg", "in.jsonl")
    again = ("json2seg", "--seal", "--force", "-o", "out.seg", "in.jsonl")


class Replace(Convert):
    """What is replaced is there until what replaces it is whole."""
    name = "json2seg --force"
    command = again = Convert.again

    def make(self, folder):
        super().make(folder)
        run(folder, "json2seg", "-o", "out.seg", data=MORE)

    def after_kill(self, folder):
        segments_check(folder)
        expect(lines_of(folder, "out.seg") in (LINES, MORE), "neither is there")


class Append(Scenario):
    name = "json2seg --append"
    command = ("json2seg", "--append", "--sync", "-o", "log.seg")
    data = b"".join(LINES.splitlines(True)[:12])

    def make(self, folder):
        run(folder, "json2seg", "--append", "-o", "log.seg", data=MORE)

    def after_kill(self, folder):
        super().after_kill(folder)
        there = lines_of(folder, "log.seg")
        expect(there.startswith(MORE), "lines that were there are gone")
        expect(self.data.startswith(there[len(MORE):].rstrip(b"\n")),
               "a line that is none was appended")

    def finish(self, folder):
        before = lines_of(folder, "log.seg")
        super().finish(folder)
        expect(lines_of(folder, "log.seg") == before + self.data,
               "what is appended afterwards is not behind it")

    def result(self, folder):
        return b""


class Extract(Scenario):
    name = "seg2json -o"
    command = ("seg2json", "-o", "out.jsonl", "in.seg")
    again = ("seg2json", "-o", "out.jsonl", "--force", "in.seg")

    def make(self, folder):
        run(folder, "json2seg", "-o", "in.seg", data=LINES)

    def after_kill(self, folder):
        super().after_kill(folder)
        out = folder / "out.jsonl"
        expect(not out.exists() or out.read_bytes() == LINES,
               "out.jsonl is a part")

    def finish(self, folder):
        for left in folder.glob("out.jsonl*"):
            left.unlink()
        run(folder, *self.command)

    def result(self, folder):
        return (folder / "out.jsonl").read_bytes()


class Import(Scenario):
    name = "seglog import"
    command = ("seglog", "import", "--into", "st", "in.jsonl")

    def result(self, folder):
        return exported(folder)


class ImportSealed(Import):
    name = "seglog import --seal"
    needs_zstd = True
    command = ("seglog", "import", "--seal", "--into", "st", "in.jsonl")

    def make(self, folder):
        put(folder, "in.jsonl", BIG)


class ImportMore(Import):
    name = "seglog import, again"

    def make(self, folder):
        super().make(folder)
        run(folder, *self.command)
        put(folder, "in.jsonl", MORE)

    def after_kill(self, folder):
        super().after_kill(folder)
        there = exported(folder)
        expect(len(there) == 1 and there[0].startswith(LINES) and
               MORE.startswith(there[0]), "what was imported is gone: %d files"
               % len(there))


class Stored(Scenario):
    def make(self, folder):
        put(folder, "in.jsonl", BIG)
        put(folder, "other.jsonl", LINES)
        run(folder, "seglog", "import", "--into", "st", "in.jsonl",
            "other.jsonl")

    def after_kill(self, folder):
        super().after_kill(folder)
        expect(exported(folder) == [BIG, LINES], "the store reads otherwise")

    def result(self, folder):
        return exported(folder)


class SealStore(Stored):
    name = "seglog seal STORE"
    needs_zstd = True
    command = ("seglog", "seal", "--all", "--threads", "2", "st")


class Train(Stored):
    name = "seglog train"
    needs_zstd = True
    command = ("seglog", "train", "--size", "4", "st")


class Export(Stored):
    name = "seglog export"
    command = ("seglog", "export", "st", "-o", "out")
    again = ("seglog", "export", "st", "-o", "out", "--force")

    def result(self, folder):
        return [path.read_bytes() for path in sorted((folder / "out")
                                                     .rglob("*.jsonl"))]


class Remove(Stored):
    name = "seglog rm"

    def make(self, folder):
        super().make(folder)
        listed = run(folder, "seglog", "ls", "--json", "st").stdout
        ids = [row["session"] for row in map(json.loads, listed.splitlines())
               if "session" in row]
        self.command = ("seglog", "rm", "-f", "st:" + ids[-1])

    def after_kill(self, folder):
        segments_check(folder)
        there = exported(folder)
        expect(there in ([BIG, LINES], [BIG], [LINES]), "more is gone")

    def finish(self, folder):
        # Status 1: the session is gone already.
        run(folder, *self.command, ok=(0, 1))

    def result(self, folder):
        return exported(folder)


class SealFile(Scenario):
    name = "seglog seal FILE"
    needs_zstd = True
    command = ("seglog", "seal", "big.seg")

    def make(self, folder):
        run(folder, "json2seg", "-o", "big.seg", data=BIG)

    def after_kill(self, folder):
        super().after_kill(folder)
        expect(lines_of(folder, "big.seg") == BIG, "big.seg reads otherwise")

    def result(self, folder):
        return lines_of(folder, "big.seg")


class Repair(Scenario):
    name = "seglog repair"
    command = ("seglog", "repair", "bad.segment", "-o", "good.seg")

    def make(self, folder):
        run(folder, "json2seg", "--codec", "none", "-o", "good.seg", data=LINES)
        data = bytearray((folder / "good.seg").read_bytes())
        data[data.index(b'"n":30')] ^= 1
        (folder / "good.seg").unlink()
        put(folder, "bad.segment", data)

    def finish(self, folder):
        run(folder, *self.command, "--force", ok=(3,))

    def result(self, folder):
        return run(folder, "seg2json", "good.seg", ok=(0, 3)).stdout


class Rekey(Scenario):
    name = "seglog rekey"
    command = ("seglog", "rekey", "--key-file", "k1", "--new-key-file", "k2",
               "st")

    def make(self, folder):
        super().make(folder)
        put(folder, "k1", b"01" * 32 + b"\n")
        put(folder, "k2", b"02" * 32 + b"\n")
        run(folder, "seglog", "import", "--key-file", "k1", "--into", "st",
            "in.jsonl")

    def opens(self, folder, key):
        return run(folder, "seglog", "ls", "--key-file", key, "st",
                   ok=None).returncode == 0

    def after_kill(self, folder):
        expect(self.opens(folder, "k1") or self.opens(folder, "k2"),
               "no key opens it")

    def finish(self, folder):
        if not self.opens(folder, "k2"):
            run(folder, *self.command)

    def result(self, folder):
        return exported(folder, "st", "--key-file", "k2")


SCENARIOS = (Convert, ConvertSeal, Replace, Append, Extract, Import,
             ImportSealed, ImportMore, SealStore, Train, Export, Remove,
             SealFile, Repair, Rekey)


def kill_run(folder, at, way, scenario):
    """The status, and how many calls there were."""
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    count = folder.parent / "count"
    command = scenario.command
    done = subprocess.run([str(KILLER), str(count), str(at), way,
                           str(BIN.resolve() / command[0]), *command[1:]],
                          cwd=folder, input=scenario.data, timeout=120,
                          stdout=subprocess.DEVNULL, check=False, env=env,
                          stderr=subprocess.DEVNULL)
    return done.returncode, int(count.read_text()) if count.exists() else 0


def one_kill(scenario, fresh, at, way, want):
    """True if somebody was killed.  Raises Wrong."""
    folder = fresh.parent / "work"
    shutil.copytree(fresh, folder)
    try:
        status, _ = kill_run(folder, at, way, scenario)
        if status == NO_HALF:
            return False
        expect(status == KILLED, "not killed: status %d" % status)
        scenario.after_kill(folder)
        scenario.finish(folder)
        expect(scenario.result(folder) == want, "another result")
        left = [name for name in names(folder) if name.endswith(LEFTOVERS)]
        expect(not left, "left behind: %s" % " ".join(left))
        return True
    finally:
        shutil.rmtree(folder)


def scenario_run(scenario, top, step):
    """Kills, and findings as texts."""
    fresh, work = top / "fresh", top / "work"
    # Under one path always: a store remembers where its files came from.
    work.mkdir()
    scenario.make(work)
    shutil.copytree(work, fresh)
    status, calls = kill_run(work, 0, "before", scenario)
    if status == SKIPPED:
        raise unavailable("a command cannot be traced here")
    expect(status in (0, 3) and calls > 0, "it fails: status %d" % status)
    want = scenario.result(work)
    shutil.rmtree(work)
    kills, findings = 0, []
    for at in range(1, calls + 1, step):
        for way in ("before", "half"):
            try:
                kills += one_kill(scenario, fresh, at, way, want)
            except Wrong as wrong:
                findings.append("%s, killed %s call %d of %d: %s"
                                % (scenario.name, way, at, calls, wrong))
    return kills, findings


def zstd_is_there():
    """A build without it cannot seal, and says so."""
    with tempfile.TemporaryDirectory(prefix="seglog-kill.") as top:
        put(pathlib.Path(top), "in.jsonl", LINES)
        done = run(pathlib.Path(top), *ConvertSeal.command, ok=None)
    return "no zstd" not in str(done.stderr)


def unavailable(why):
    print("skipped: " + why)
    return SystemExit(77)


def main():
    step = int(sys.argv[1]) if len(sys.argv) > 1 else 23
    if not os.access(KILLER, os.X_OK) or not os.access(BIN / "seglog", os.X_OK):
        raise unavailable("no programs; set SEGLOG_TOOLS")
    kills, findings = 0, []
    has_zstd = zstd_is_there()
    for kind in SCENARIOS:
        if kind.needs_zstd and not has_zstd:
            print("%-22s skipped: no zstd" % kind.name)
            continue
        with tempfile.TemporaryDirectory(prefix="seglog-kill.") as top:
            try:
                more, wrong = scenario_run(kind(), pathlib.Path(top), step)
            except Wrong as error:
                more, wrong = 0, ["%s: %s" % (kind.name, error)]
        print("%-22s %d kills" % (kind.name, more), flush=True)
        for text in wrong[:5]:
            print("FINDING " + text)
        kills += more
        findings += wrong
    print("score: kill_tools count=%d findings=%d" % (kills, len(findings)))
    sys.exit(bool(findings))


main()
