#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs, when memory runs out or a call of the system fails.

Goal    a program that fails says so, by its status and in a sentence that names
        what failed; what it was to write is there whole or not at all; what it
        read is as it was; and the same command succeeds afterwards.
Method  preload/fail_calls.c makes the k-th allocation, or the k-th call that
        has to do with files, fail, once or from then on.  libcrypto allocates
        some thousand times while it sets itself up: of those, 100 places.

    test_tool_failures.py [all | COUNT] [SCENE [KIND [PLACE]]]

COUNT places of each kind in each scene, 6 without; all: every one.
"""
import errno
import filecmp
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOOLS = pathlib.Path(os.environ.get("SEGLOG_TOOLS", "")).resolve()
PRELOAD = os.environ.get("SEGLOG_FAIL_CALLS", "")
OK, FAILED, USAGE, DAMAGED, CONFLICT = range(5)
ERRNOS = [errno.EIO, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES]
TIMEOUT = 60
CRYPTO_PLACES = 100


def run(dir, args, data=b"", env=None):
    return subprocess.run([str(TOOLS / args[0]), *args[1:]], cwd=dir,
                          input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=TIMEOUT,
                          env={**os.environ, **(env or {})})


def must(dir, *args, status=OK):
    done = run(dir, args)
    if done.returncode != status:
        sys.exit("%s: %d: %s" % (args, done.returncode, done.stderr.decode()))
    return done.stdout


def lines(first, last):
    return b"".join(
        json.dumps({"kind": "user_input", "n": n, "text": "entry %d of a log "
                    "in which things fail" % n}).encode() + b"\n"
        for n in range(first, last))


def tree(folder):
    """Every file below, by its path: locks and stamps are nobody's business."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.endswith(".lock")}


class Scene:
    """setup() makes what is there before; args is the command.  look() says
    what is there afterwards, as a value that can be compared.  before is what
    it says of the folder as set up, after when the command has gone well."""
    name = ""
    args = ()
    status = OK      # when nothing fails
    has_crypto = False  # libcrypto 3.0 crashes when it cannot set itself up
    is_sticky = False  # in the run that is looked at
    said = b""
    again = ()       # or when all had been done before something failed
    statuses = (FAILED,)   # when something does, besides
    inputs = ()      # files and folders that nothing may change

    def setup(self, dir):
        raise NotImplementedError

    def look(self, dir):
        raise NotImplementedError

    def is_between(self, seen, before, after):
        """For what may be half done: where that is right."""
        return seen in (before, after)

    def ready(self, dir, seen, before, after):
        """Before the same command is run again; False: it need not be."""
        return True


def log_of(dir, name):
    """The lines of a segment, or None when it is missing."""
    if not (dir / name).exists():
        return None
    done = run(dir, ["seg2json", name])
    return done.returncode, done.stdout


class ToSegment(Scene):
    name = "json2seg"
    args = ("json2seg", "in.jsonl", "--force", "-o", "out.seg")
    inputs = ("in.jsonl",)

    def setup(self, dir):
        (dir / "in.jsonl").write_bytes(lines(1, 400))

    def look(self, dir):
        return log_of(dir, "out.seg")


class Append(Scene):
    name = "append"
    args = ("json2seg", "in.jsonl", "--append", "-o", "log.seg")
    inputs = ("in.jsonl",)

    def setup(self, dir):
        (dir / "in.jsonl").write_bytes(lines(10, 60))
        (dir / "first.jsonl").write_bytes(lines(1, 10))
        must(dir, "json2seg", "first.jsonl", "--append", "-o", "log.seg")

    def look(self, dir):
        return log_of(dir, "log.seg")

    def is_between(self, seen, before, after):
        return (seen is not None and seen[0] == OK and
                seen[1].startswith(before[1]) and
                (after[1].startswith(seen[1]) or
                 seen[1].startswith(after[1])))

    def ready(self, dir, seen, before, after):
        (dir / "log.seg").unlink()
        must(dir, "json2seg", "first.jsonl", "--append", "-o", "log.seg")
        return True


class ToLines(Scene):
    name = "seg2json"
    args = ("seg2json", "in.seg", "-o", "out.jsonl")
    # What cannot be read is damage to whoever reads a log.
    statuses = (FAILED, DAMAGED)
    inputs = ("in.seg",)

    def setup(self, dir):
        (dir / "in.jsonl").write_bytes(lines(1, 400))
        must(dir, "json2seg", "in.jsonl", "-o", "in.seg")

    def look(self, dir):
        out = dir / "out.jsonl"
        return out.read_bytes() if out.exists() else None

    def is_between(self, seen, before, after):
        # Whatever could be read, with status 3.
        whole = set(after.splitlines())
        return seen is None or all(l in whole for l in seen.splitlines())

    def ready(self, dir, seen, before, after):
        (dir / "out.jsonl").unlink(missing_ok=True)
        return True


FILES = {"a.jsonl": lines(1, 120), "sub/b.jsonl": lines(200, 260),
         "sub/bad.jsonl": lines(1, 3) + b"not json\n"}


def files_put(dir):
    for name, data in FILES.items():
        path = dir / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class Import(Scene):
    name = "import"
    args = ("seglog", "import", "src", "--into", "st", "-j", "1", "--verify")
    status = DAMAGED
    again = (OK,)  # nothing bad is new
    statuses = (FAILED,)
    inputs = ("src",)

    def setup(self, dir):
        files_put(dir)

    def look(self, dir):
        if not (dir / "st").exists():
            return {}
        back = dir / "back"
        run(dir, ["seglog", "export", "st", "-o", "back", "--force"])
        seen = tree(back) if back.exists() else {}
        shutil.rmtree(back, ignore_errors=True)
        return seen

    def is_between(self, seen, before, after):
        # A file that is in half is a file of whole lines.
        return all(name in after and after[name].startswith(data)
                   for name, data in seen.items())


class Export(Scene):
    name = "export"
    args = ("seglog", "export", "st", "-o", "out", "--force")
    statuses = (FAILED, DAMAGED)
    inputs = ("st",)

    def setup(self, dir):
        files_put(dir)
        must(dir, "seglog", "import", "src", "--into", "st", status=DAMAGED)

    def look(self, dir):
        return tree(dir / "out") if (dir / "out").exists() else {}

    def is_between(self, seen, before, after):
        # What fails for good cannot be taken away again, but it is said.
        return all(after.get(name) == data or
                   (self.is_sticky and name.encode() in self.said)
                   for name, data in seen.items())


class Repair(Scene):
    name = "repair"
    args = ("seglog", "repair", "bad.seg", "--force", "-o", "out.seg")
    status = DAMAGED
    inputs = ("bad.seg",)

    def setup(self, dir):
        (dir / "in.jsonl").write_bytes(lines(1, 400))
        must(dir, "json2seg", "in.jsonl", "--codec", "none", "-o", "bad.seg")
        data = bytearray((dir / "bad.seg").read_bytes())
        data[len(data) // 2] ^= 16
        (dir / "bad.seg").write_bytes(data)

    def look(self, dir):
        return log_of(dir, "out.seg")


class Seal(Scene):
    name = "seal"
    args = ("seglog", "seal", "--threads", "1", "--level", "3", "log.seg")

    def setup(self, dir):
        (dir / "in.jsonl").write_bytes(lines(1, 400))
        must(dir, "json2seg", "in.jsonl", "-o", "log.seg")

    def look(self, dir):
        return log_of(dir, "log.seg")


class Rekey(Scene):
    name = "rekey"
    has_crypto = True
    args = ("seglog", "rekey", "--key-file", "k1", "--new-key-file", "k2", "st")

    def setup(self, dir):
        files_put(dir)
        for n in (1, 2):
            (dir / ("k%d" % n)).write_bytes(bytes([n]) * 32)
        must(dir, "seglog", "import", "src", "--into", "st", "--key-file", "k1",
             status=DAMAGED)

    def look(self, dir):
        return [run(dir, ["seglog", "ls", "--key-file", key, "st"]).returncode
                for key in ("k1", "k2")]

    def ready(self, dir, seen, before, after):
        return seen != after


A, B = ("%08x-0000-7000-8000-%012x" % (n, n) for n in (1, 2))


class Remove(Scene):
    name = "rm"
    statuses = (FAILED,)

    def setup(self, dir):
        files_put(dir)
        must(dir, "seglog", "import", "src", "--into", "st", status=DAMAGED)
        rows = [json.loads(line) for line in
                must(dir, "seglog", "ls", "--json", "st").splitlines()]
        ids = sorted({row["session"] for row in rows if "session" in row})
        self.args = ("seglog", "rm", "-f", "st:" + ids[0])

    def look(self, dir):
        done = run(dir, ["seglog", "ls", "--json", "st"])
        if done.returncode != OK:
            return done.returncode, done.stderr
        return sorted({json.loads(line).get("session", "") for line in
                       done.stdout.splitlines()})

    def ready(self, dir, seen, before, after):
        return seen != after


class RemoveUnreferenced(Remove):
    """All of it was imported, so that nothing is to go."""
    name = "rm-unreferenced"

    def setup(self, dir):
        super().setup(dir)
        self.args = ("seglog", "rm", "-f", "--unreferenced", "st")

    def ready(self, dir, seen, before, after):
        return True


class Backup(Scene):
    """A second one: whatever is listed is whole."""
    name = "backup"
    args = ("seglog", "backup", "st", "-o", "b")
    inputs = ("st",)

    def setup(self, dir):
        files_put(dir)
        must(dir, "seglog", "import", "src", "--into", "st", status=DAMAGED)
        must(dir, *self.args)
        (dir / "st" / "more.seg").write_bytes(lines(1, 100))

    def look(self, dir):
        done = run(dir, ["seglog", "backup", "--verify", "b"])
        back = dir / "back"
        run(dir, ["seglog", "restore", "b", "-o", "back"])
        seen = tree(back) if back.exists() else {}
        shutil.rmtree(back, ignore_errors=True)
        return done.returncode, seen


class Restore(Scene):
    name = "restore"
    args = ("seglog", "restore", "b", "-o", "out")
    inputs = ("b",)

    def setup(self, dir):
        files_put(dir)
        must(dir, "seglog", "import", "src", "--into", "st", status=DAMAGED)
        must(dir, "seglog", "backup", "st", "-o", "b")

    def look(self, dir):
        out = dir / "out"
        return {name: data for name, data in tree(out).items()
                if not name.endswith(".new")} if out.exists() else {}

    def is_between(self, seen, before, after):
        # Names that were given and cannot be taken back.
        return all(after.get(name) == data and (self.is_sticky or
                                                seen == after)
                   for name, data in seen.items())

    def ready(self, dir, seen, before, after):
        shutil.rmtree(dir / "out", ignore_errors=True)
        return True


SCENES = [ToSegment(), Append(), ToLines(), Import(), Export(), Repair(),
          Seal(), Rekey(), Remove(), RemoveUnreferenced(), Backup(), Restore()]


# -- playing -------------------------------------------------------------------

class Player:
    def __init__(self, base):
        self.base = base
        self.runs = 0
        self.failed = 0
        self.spared = 0
        self.findings = 0
        self.told = set()
        self.names = set()

    def fresh(self, scene):
        dir = self.base / "run"
        shutil.rmtree(dir, ignore_errors=True)
        shutil.copytree(self.base / scene.name, dir, symlinks=True)
        return dir

    def play(self, scene, dir, kind, at, sticky, number):
        """Returns what was done, the report and whether something was hit."""
        report = self.base / "report"
        report.unlink(missing_ok=True)
        done = run(dir, scene.args, env={
            "LD_PRELOAD": PRELOAD, "FAIL_KIND": kind, "FAIL_AT": str(at),
            "FAIL_STICKY": str(int(sticky)), "FAIL_ERRNO": str(number),
            "FAIL_REPORT": str(report)})
        text = report.read_text() if report.exists() else ""
        hit = re.search(r"^hit (\w+)", text, re.M)
        count = re.search(r"^count (\d+)", text, re.M)
        return done, hit and hit[1], int(count[1]) if count else 0

    def finding(self, where, what):
        key = (where.split(",")[0], re.sub(r"\d+", "N", what)[:150])
        if key not in self.told:
            self.told.add(key)
            self.findings += 1
            print("FINDING %s: %s" % (where, what), flush=True)

    def inputs_are_same(self, scene, dir):
        for name in scene.inputs:
            was, now = self.base / scene.name / name, dir / name
            if was.is_dir():
                if tree(was) != tree(now):
                    return False
            elif not filecmp.cmp(was, now, shallow=False):
                return False
        return True

    def message_is_good(self, dir, done, number):
        """It names what failed, or what it was about."""
        text = done.stderr.decode(errors="replace")
        things = {path.name for path in (self.base / "run").rglob("*")}
        things |= {"memory", os.strerror(number), "standard output"}
        return any(thing in text for thing in things)

    def check(self, scene, kind, at, sticky, number, before, after):
        dir = self.fresh(scene)
        done, name, _ = self.play(scene, dir, kind, at, sticky, number)
        where = "%s, %s %s%s, %s, errno %s" % (
            scene.name, kind, at, " and all behind it" if sticky else "", name,
            errno.errorcode[number])
        status = done.returncode
        scene.is_sticky, scene.said = sticky, done.stderr
        self.runs += 1
        self.names.add(name)
        if status < 0 and scene.has_crypto and kind == "allocations":
            self.spared += 1
        elif status < 0:
            return self.finding(where, "signal %d: %s" %
                                (-status, done.stderr[-300:]))
        elif status != scene.status and status not in scene.statuses:
            self.finding(where, "status %d: %s" % (status, done.stderr[-300:]))
        if not self.inputs_are_same(scene, dir):
            self.finding(where, "its input has changed")
        seen = scene.look(dir)
        if status == scene.status:
            if name and not (status in scene.statuses) and seen != after:
                self.finding(where, "status %d, and not all is done: %.300s" %
                             (status, done.stderr))
            elif seen != after and not scene.is_between(seen, before, after):
                self.finding(where, "status %d: left %.300r" % (status, seen))
        else:
            self.failed += 1
            if status >= 0 and not self.message_is_good(dir, done, number):
                self.finding(where, "says only %.300r" % done.stderr)
            if not scene.is_between(seen, before, after):
                self.finding(where, "left neither nothing nor all: %.300r" %
                             (seen,))
        if not scene.ready(dir, seen, before, after):
            return None
        again = run(dir, scene.args)
        if again.returncode not in (scene.status, *scene.again):
            return self.finding(where, "again: status %d: %s" %
                                (again.returncode, again.stderr[-300:]))
        if scene.look(dir) != after:
            return self.finding(where, "again: left %.300r" %
                                (scene.look(dir),))
        return None

    def prepare(self, scene):
        dir = self.base / scene.name
        dir.mkdir()
        scene.setup(dir)
        before = scene.look(self.fresh(scene))
        clean = self.fresh(scene)
        done = run(clean, scene.args)
        if done.returncode != scene.status:
            sys.exit("%s: %d: %s" % (scene.name, done.returncode, done.stderr))
        return before, scene.look(clean)

    def scene(self, scene, places, only_kind, only_at):
        before, after = self.prepare(scene)
        kinds = ("allocations", "calls")
        for kind in ("own",) + kinds if scene.has_crypto else kinds:
            if only_kind and kind != only_kind:
                continue
            count = self.play(scene, self.fresh(scene), kind, 0, False, 0)[2]
            most = places
            if scene.has_crypto and kind == "allocations" and not only_at:
                most = places or CRYPTO_PLACES
            step = max(1, count // most) if most else 1
            hit = self.runs
            for at in range(1 + (step // 2), count + 1, step):
                if only_at and at != only_at:
                    continue
                number = (ERRNOS[at % len(ERRNOS)] if kind == "calls"
                          else errno.ENOMEM)
                ways = (False, True) if not places else (at // step % 2 == 1,)
                for sticky in ways:
                    self.check(scene, kind, at, sticky, number, before, after)
            print("%-10s %-12s %5d places, %4d runs" %
                  (scene.name, kind, count, self.runs - hit), flush=True)


def is_able():
    if not (TOOLS / "seglog").exists() or not os.path.exists(PRELOAD):
        return False
    text = run(".", ["seglog", "--version"],
               env={"LD_PRELOAD": PRELOAD}).returncode
    return text == OK


def main():
    if not is_able():
        print("there is nothing to make programs fail with: skipped")
        return 77
    args = sys.argv[1:]
    places = 6
    if args and (args[0] == "all" or args[0].isdigit()):
        places = 0 if args[0] == "all" else int(args[0])
        args = args[1:]
    args += [None] * (3 - len(args))
    with tempfile.TemporaryDirectory(prefix="seglog-faults.") as base:
        player = Player(pathlib.Path(base))
        for scene in SCENES:
            if args[0] in (None, scene.name):
                player.scene(scene, places, args[1], int(args[2] or 0))
    print("in %d of them the program failed; hit were %s" %
          (player.failed, " ".join(sorted(n for n in player.names if n))))
    print("score: tool_failures count=%d findings=%d note=\"%d crashes within "
          "libcrypto\"" % (player.runs, player.findings, player.spared))
    return 1 if player.findings else 0


if __name__ == "__main__":
    sys.exit(main())
