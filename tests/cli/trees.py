# SPDX-License-Identifier: MIT
"""Folders for the tests of import and export: odd ones, and what is in them.

All paths are bytes: a name may be anything but "/" and NUL.
"""
import json
import os
import random
import stat
import subprocess

import cli


def snapshot(root, times=True):
    """Path below root -> what an export must bring back of it."""
    root = os.fsencode(root)
    found = {}

    def note(path, rel):
        info = os.lstat(path)
        if stat.S_ISDIR(info.st_mode):
            what = ("dir",)
        elif stat.S_ISLNK(info.st_mode):
            found[rel] = ("link", os.readlink(path))
            return
        else:
            try:
                with open(path, "rb") as file:
                    what = ("file", file.read())
            except FileNotFoundError:
                return
        found[rel] = what + (stat.S_IMODE(info.st_mode),)
        if times:
            found[rel] += (info.st_mtime_ns,)

    note(root, b"")
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            note(path, os.path.relpath(path, root))
    return found


def difference(want, got):
    """What is wrong, in a line for each path, or an empty string."""
    lines = []
    for path in sorted(set(want) | set(got)):
        if want.get(path) != got.get(path):
            lines.append("%r: want %.200r, got %.200r"
                         % (path, want.get(path), got.get(path)))
    return "\n".join(lines[:20])


def write(path, data, mode="wb"):
    path = os.fsencode(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as file:
        file.write(data)


def values(rng, count):
    return b"".join(
        json.dumps({"type": "entry", "n": n,
                    "text": "x" * rng.randrange(120)}).encode() + b"\n"
        for n in range(count))


def make_odd(root):
    """Names and contents that a careless program would get wrong."""
    root = os.fsencode(root)
    rng = random.Random(1)
    names = [
        b"plain.jsonl", b"-home-x.jsonl", b"--into.jsonl", b" .jsonl",
        b"two words.jsonl", b"line\nfeed.jsonl", b"tab\t.jsonl",
        b"not\xff\xfeutf8.jsonl", "\u00e4\u00f6\u00fc.jsonl".encode(),
        b"quote\"s'.jsonl", b"$HOME `x`.jsonl", b"*.jsonl", b"\\n.jsonl",
        b"...jsonl", b"x.ndjson", b".hidden.jsonl", b"a" * 240 + b".jsonl",
    ]
    for name in names:
        write(os.path.join(root, name), values(rng, rng.randrange(1, 6)))
        write(os.path.join(root, b"-dir \n\xff", b"d-" + name[-100:]),
              values(rng, 2))
    contents = {
        b"empty": b"", b"lf": b"\n", b"blank": b"\n\n\n", b"tail": b'{"a":1}',
        b"open": b'{"a":1}\n{"b":', b"crlf": b'{"a":1}\r\n{"b":2}\r\n',
        b"nul": b'{"a":1}\n\0\0\0\0{"b":2}\n', b"only-nul": b"\0" * 5000,
        b"glued": b'{"a":1}{"a":2}\n', b"bom": b"\xef\xbb\xbf{}\n",
        b"binary": bytes(range(256)) * 40, b"typed":
        b'{"seglog":"bytes","base64":"AAAA"}\n{"seglog":"tail"}',
    }
    for name, data in contents.items():
        write(os.path.join(root, b"contents", name + b".jsonl"), data)
    deep = os.path.join(root, *([b"deep"] * 60))
    write(os.path.join(deep, b"down.jsonl"), values(rng, 3))
    os.makedirs(os.path.join(root, b"empty folder", b"in it"))
    os.makedirs(os.path.join(root, b"folder.jsonl"))
    set_modes(root)


def add_others(root):
    """What is imported with --all only."""
    root = os.fsencode(root)
    write(os.path.join(root, b"notes.txt"), b"no JSON\nat all")
    write(os.path.join(root, b"image.png"), bytes(range(256)) * 300)
    os.symlink(b"plain.jsonl", os.path.join(root, b"link.jsonl"))
    os.symlink(b"/nowhere/\xff\n", os.path.join(root, b"dangling"))
    os.symlink(b"..", os.path.join(root, b"contents", b"up"))


def set_modes(root):
    """Modes and times that are not those of a moment ago."""
    rng = random.Random(2)
    for folder, folders, files in os.walk(root, topdown=False):
        for name in sorted(files):
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            os.chmod(path, rng.choice([0o644, 0o600, 0o444, 0o755, 0o640]))
            touch(path, rng)
        os.chmod(folder, rng.choice([0o755, 0o700, 0o711, 0o2755]))
        touch(folder, rng)
        del folders


def touch(path, rng):
    when = rng.randrange(-10**17, 2 * 10**18)
    os.utime(path, ns=(when, when))


class StoreTest(cli.CliTest):
    """A folder "tree", a store "store"."""

    def run_import(self, *args, status=cli.OK, source="tree", **options):
        return self.run_tool("seglog", "import", source, "--into", "store",
                             *args, status=status, **options)

    def run_export(self, *args, status=cli.OK, to="out", store="store"):
        subprocess.run(["rm", "-rf", self.path(to)], check=True)
        return self.run_tool("seglog", "export", store, "-o", to, *args,
                             status=status)

    def assert_exports(self, *args, status=cli.OK, want=None, source="tree"):
        self.run_export(*args, status=status)
        if want is None:
            want = snapshot(self.path(source))
        self.assertEqual(difference(want, snapshot(self.path("out"))), "")

    def put_tree(self, name, data, mode="wb"):
        write(os.path.join(os.fsencode(self.path("tree")), os.fsencode(name)),
              data, mode)
