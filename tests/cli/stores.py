# SPDX-License-Identifier: MIT
"""Session stores for the tests of `seglog`, made by make_store.c."""
import functools
import json
import os
import re
import subprocess

import cli
import segments
from cli import OK

# Sessions A to D.  A has three segments: A0, whose id is the session's, its
# fork A1, and A2, compacted from A1.  C descends from A1, and D from something
# that is not there.
A = "019a0000-0000-7000-8000-00000000000a"
A0 = A
A1 = "019a0000-0000-7000-8000-0000000000a1"
A2 = "019a0000-0000-7000-8000-0000000000a2"
B = "019b0000-0000-7000-8000-00000000000b"
B1 = "019b0000-0000-7000-8000-0000000000b1"
C = "019c0000-0000-7000-8000-00000000000c"
C1 = "019c0000-0000-7000-8000-0000000000c1"
D = "019d0000-0000-7000-8000-00000000000d"
D1 = "019d0000-0000-7000-8000-0000000000d1"
GONE = "019a0000-dead-7000-8000-0000000000a1"

FORK, COMPACTION, CONTINUES, REPLACES = "1", "2", "3", "4"

# The note has what would colour a terminal, and a byte that is not UTF-8.
USUAL = r"""
append {A} {A0} 20
note {A} Fix \x1b[31mit\xff
trace {A} {A0} {{"debug":1}}
create {A} {A1} 1 {A0} 3 10 the fork
append {A} {A1} 5
create {A} {A2} 2 {A1} 0 5 the compaction
append {A} {A2} 2
append {B} {B1} 7
note {B} Second
create {C} {C1} 1 {A1} 2 3 elsewhere
create {D} {D1} 3 {GONE} 2 3 an orphan
entry {D} {D1} {{"kind":"user","ts":"2025-01-02T03:04:05Z"}}
entry {D} {D1} {{"kind":"turn_end","turn_count":1,"ts":"2025-01-02T03:05:05Z"}}
""".format(A=A, A0=A0, A1=A1, A2=A2, B=B, B1=B1, C=C, C1=C1, D=D, D1=D1,
           GONE=GONE)


@functools.lru_cache(maxsize=None)
def maker():
    return segments.find_maker("make_store")


def blob(session, segment, lane=""):
    return "%s.%s%s.seg" % (session, segment, lane and "." + lane)


class StoreTest(cli.CliTest):
    """A test with the usual store in the folder st."""

    def setUp(self):
        super().setUp()
        self.make("st", USUAL)

    def make(self, name, commands):
        subprocess.run([maker(), self.path(name)], check=True, timeout=300,
                       input=commands.strip().encode() + b"\n")
        return name

    def seglog(self, *args, status=OK, **options):
        env = {**os.environ, **options.pop("env", {})}
        if "SEGLOG_STORE" in env and not env["SEGLOG_STORE"]:
            del env["SEGLOG_STORE"]
        return self.run_tool("seglog", *args, status=status, env=env,
                             **options)

    def objects(self, *args, status=OK, **options):
        done = self.seglog(*args, status=status, **options)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def blobs(self, name="st"):
        return sorted(file for file in os.listdir(self.path(name))
                      if not file.endswith(".lock"))

    def flip(self, path, at):
        data = bytearray(self.get(path))
        data[at] ^= 1
        self.put(path, data)

    def damage(self, session, segment, name="st"):
        """Damage what is in the middle of the records."""
        path = os.path.join(name, blob(session, segment))
        data = self.get(path)
        self.flip(path, data.index(b'{"n":3}'))

    def set_age(self, session, segment, seconds, name="st", lane=""):
        path = self.path(os.path.join(name, blob(session, segment, lane)))
        at = os.stat(path).st_mtime - seconds
        os.utime(path, (at, at))

    def ids(self, text):
        """The ids that lines of a listing begin with, tree and all."""
        return re.findall(r"(?m)^\W*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}"
                          r"-[0-9a-f]{12})", text)
