#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""backup and restore.

Goal    a store can be copied, looked at and made again from a shell, and a copy
        that has changed is named.
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import cli
from cli import DAMAGED, FAILED, OK, USAGE


class BackupTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("s"))
        self.put("s/a.seg", b"a" * 5000)
        self.put("s/b.seg", bytes(range(256)) * 10)

    def seglog(self, *args, status=OK, **options):
        return self.run_tool("seglog", *args, status=status, **options)

    def backup(self, *args, status=OK):
        return self.seglog("backup", *args, status=status)

    def made(self, *args):
        done = self.backup("s", "-o", "b", "--json", *args)
        return json.loads(done.stdout)

    def listed(self):
        done = self.backup("--list", "b", "--json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def files(self, folder):
        return {name: self.get("%s/%s" % (folder, name))
                for name in os.listdir(self.path(folder))
                if not name.endswith(".lock")}


class MakeTest(BackupTest):
    def test_backup__and_restore__is_the_same(self):
        done = self.backup("s", "-o", "deep/b")
        text = done.stdout.decode()
        self.assertRegex(text, r"^deep/b: backup 1: verified, 2\d{3}-.*, 2 "
                               r"files, 7.4 KiB in .*, (sha256|xxh3):[0-9a-f]+"
                               r"\n$")
        self.assertEqual(done.stderr, "")
        self.seglog("restore", "deep/b", "-o", "again/s")
        self.assertEqual(self.files("again/s"), self.files("s"))
        self.assertEqual(os.stat(self.path("again/s/a.seg")).st_mode & 0o777,
                         0o600)
        self.assertEqual(os.stat(self.path("deep/b")).st_mode & 0o777, 0o700)

    def test_backup__twice__stores_what_is_new(self):
        first = self.made("--level", "0")
        self.assertEqual(first["stored"], 7560)
        self.assertEqual(first["base"], 0)
        self.assertEqual(first["state"], "verified")
        self.assertIsNone(first["position"])
        self.assertTrue(first["one_moment"])
        with open(self.path("s/a.seg"), "ab") as file:
            file.write(b"more")
        second = self.made("--level", "0")
        self.assertEqual(second["new_stored"], 4)
        self.assertEqual(second["base"], 1)
        third = self.made("--full")
        self.assertEqual(third["base"], 0)
        fourth = self.made("--base", "2")
        self.assertEqual(fourth["new_stored"], 0)
        self.assertEqual([entry["backup"] for entry in self.listed()],
                         [1, 2, 3, 4])
        self.assertEqual(self.listed()[1]["digest"], second["digest"])
        self.seglog("restore", "b", "-o", "r", "--number", "1")
        self.assertEqual(len(self.get("r/a.seg")), 5000)

    def test_remove__takes_a_backup(self):
        self.made()
        self.made("--full")
        done = self.backup("--remove", "1", "b")
        self.assertRegex(done.stdout.decode(), r"^b: 1 part removed, \d+ bytes")
        self.assertEqual([entry["backup"] for entry in self.listed()], [2])
        self.backup("--remove", "1", "b", status=FAILED)
        self.backup("--remove", "0", "b")
        self.backup("--verify", "b")

    def test_wrong_usage__is_told(self):
        for args in (("s",), ("s", "-o", "s"), (), ("--list", "--verify", "b"),
                     ("--list", "b", "-o", "c"), ("--remove", "x", "b"),
                     ("s", "-o", "b", "--full", "--base", "1"),
                     ("s", "-o", "b", "--level", "20")):
            self.backup(*args, status=USAGE)
        self.seglog("restore", "b", status=USAGE)
        self.backup("nowhere", "-o", "b", status=FAILED)
        os.mkdir(self.path("empty"))
        done = self.seglog("restore", "empty", "-o", "r", status=FAILED)
        self.assertIn("there is no backup here", done.stderr)
        self.assertEqual(self.backup("--list", "empty").stdout, b"")

    def test_restore__store_holds_something__fails(self):
        self.made()
        done = self.seglog("restore", "b", "-o", "s", status=FAILED)
        self.assertIn("s/a.seg: a backup is restored into an empty store",
                      done.stderr)


class FormatTest(BackupTest):
    """By somebody else, who has read SPEC.md 18 and nothing else."""

    def read_backup(self, number):
        text = self.get("b/backup.%06d.manifest" % number)
        lines = [json.loads(line) for line in text.splitlines()]
        body = text[:text.rindex(b'{"end"')]
        if len(lines[-1]["end"]) != 64:
            self.skipTest("no SHA-256 in this build")
        self.assertEqual(hashlib.sha256(body).hexdigest(), lines[-1]["end"])
        head, lines = lines[0], iter(lines[1:-1])
        self.assertEqual((head["seglog"], head["version"], head["number"]),
                         ("backup", 1, number))
        parts = [next(lines) for _ in range(head["parts"])]
        for part in parts:
            part["bytes"] = self.get("b/" + part["part"])
            self.assertEqual(len(part["bytes"]), part["size"])
            self.assertEqual(hashlib.sha256(part["bytes"]).hexdigest(),
                             part["digest"])
        blobs = {}
        for _ in range(head["blobs"]):
            blob = next(lines)
            data = b""
            for piece in (next(lines) for _ in range(blob["pieces"])):
                self.assertEqual(piece["codec"], "none")
                stored = parts[piece["part"]]["bytes"][piece["at"]:][
                    :piece["stored"]]
                self.assertEqual(hashlib.sha256(stored).hexdigest(),
                                 piece["digest"])
                self.assertEqual(len(stored), piece["piece"])
                data += stored
            self.assertEqual(len(data), blob["size"])
            blobs[blob["blob"].encode("latin-1")] = data
        self.assertEqual(list(lines), [])
        return blobs

    def test_manifest_and_parts__are_as_the_specification_says(self):
        self.put("s/empty", b"")
        with open(os.path.join(os.fsencode(self.path("s")), b'\xc3\xa4 "\\\n'),
                  "wb") as file:
            file.write(b"odd name")
        self.made("--level", "0")
        with open(self.path("s/a.seg"), "ab") as file:
            file.write(b"and more")
        self.made("--level", "0")
        second = {os.fsencode(name): data
                  for name, data in self.files("s").items()}
        first = dict(second)
        first[b"a.seg"] = first[b"a.seg"][:-8]
        self.assertEqual(self.read_backup(1), first)
        self.assertEqual(self.read_backup(2), second)


class DamageTest(BackupTest):
    def test_flipped_byte__in_any_file__is_named(self):
        self.made()
        for name in sorted(os.listdir(self.path("b"))):
            whole = self.get("b/" + name)
            for at in {0, len(whole) // 2, len(whole) - 2}:
                bad = bytearray(whole)
                bad[at] ^= 4
                self.put("b/" + name, bad)
                done = self.backup("--verify", "b", status=DAMAGED)
                self.assertIn("seglog: b/%s: " % name, done.stderr)
                self.assertIn("b: backup 1: not good (CORRUPT)",
                              done.stdout.decode())
                done = self.seglog("restore", "b", "-o", "r", status=DAMAGED)
                self.assertIn("seglog: b/%s: " % name, done.stderr)
                self.assertEqual(self.files("r"), {})
            self.put("b/" + name, whole)
        self.backup("--verify", "b", "--number", "1")

    def test_missing_part__is_damage(self):
        self.made()
        part = [name for name in os.listdir(self.path("b"))
                if name.endswith(".part")][0]
        os.remove(self.path("b/" + part))
        done = self.backup("--verify", "b", status=DAMAGED)
        self.assertIn("b/" + part, done.stderr)

    def test_damaged_manifest__is_listed(self):
        self.made()
        self.made()
        self.put("b/backup.000001.manifest", b"x")
        done = self.backup("--list", "b", status=DAMAGED)
        lines = done.stdout.decode().splitlines()
        self.assertEqual(lines[0], "b: backup 1: not good (CORRUPT)")
        self.assertIn("b: backup 2: there, ", lines[1])


class KillTest(BackupTest):
    def test_killed_at_any_moment__leaves_whole_backups_alone(self):
        for number in range(40):
            self.put("s/%d.seg" % number, os.urandom(200000))
        for number in range(12):
            running = self.start("seglog", "backup", "s", "-o", "b", "--full",
                                 "--level", "0", stdout=subprocess.DEVNULL)
            time.sleep(0.004 * number)
            running.send_signal(signal.SIGKILL)
            running.wait()
            if os.path.isdir(self.path("b")):
                self.backup("--verify", "b")
        before = len(self.listed())
        self.made()
        self.backup("--verify", "b")
        listed = self.listed()
        self.assertEqual(len(listed), before + 1)
        # What those that were killed have left is gone.
        self.assertEqual(sum(name.endswith(".part")
                             for name in os.listdir(self.path("b"))),
                         sum(entry["new_parts"] for entry in listed))
        self.assertFalse([name for name in os.listdir(self.path("b"))
                          if name.endswith(".new")])

    def test_restore_killed__leaves_nothing_that_is_used(self):
        for number in range(40):
            self.put("s/%d.seg" % number, os.urandom(200000))
        self.made("--level", "0")
        want = self.files("s")
        for number in range(12):
            running = self.start("seglog", "restore", "b", "-o", "r",
                                 stdout=subprocess.DEVNULL)
            time.sleep(0.004 * number)
            running.send_signal(signal.SIGKILL)
            running.wait()
            if os.path.isdir(self.path("r")):
                for name, data in self.files("r").items():
                    if not name.endswith(".new"):
                        self.assertEqual(data, want[name])
                shutil.rmtree(self.path("r"))
        self.seglog("restore", "b", "-o", "r")
        self.assertEqual(self.files("r"), want)


class KeyTest(BackupTest):
    def setUp(self):
        super().setUp()
        self.put("key", b"1" * 64)
        self.put("other", b"2" * 64)
        done = self.seglog("backup", "s", "-o", "probe", "--key-file", "key",
                           status=None)
        if "OPENSSL" in done.stderr:
            self.skipTest("built without OpenSSL")
        shutil.rmtree(self.path("probe"))

    def test_key__encrypts_all_of_it(self):
        self.backup("s", "-o", "b", "--key-file", "key", "--level", "0")
        for data in self.files("b").values():
            self.assertNotIn(b"aaaaaa", data)
            self.assertNotIn(b"a.seg", data)
        done = self.backup("--list", "b", status=FAILED)
        self.assertIn("b: it is encrypted", done.stderr)
        self.backup("--verify", "b", "--key-file", "other", status=FAILED)
        self.backup("--verify", "b", "--key-file", "key")
        # The store as well, unless the key is that of the backup alone.
        self.seglog("restore", "b", "-o", "r", "--key-file", "key")
        self.assertIn("seglog.keys", self.files("r"))
        self.seglog("restore", "b", "-o", "plain", "--backup-key-file", "key")
        self.assertEqual(self.files("plain"), self.files("s"))

    def test_encrypted_store__is_backed_up_with_its_key(self):
        self.backup("s", "-o", "b", "--key-file", "key")
        self.seglog("restore", "b", "-o", "r", "--key-file", "key")
        self.backup("r", "-o", "c", status=FAILED)
        self.assertFalse(os.path.exists(self.path("c")))
        self.backup("r", "-o", "c", "--key-file", "key")
        self.backup("r", "-o", "d", "--key-file", "key", "--backup-key-file",
                    "other")
        self.seglog("restore", "c", "-o", "from.c", "--backup-key-file", "key")
        self.seglog("restore", "d", "-o", "from.d", "--backup-key-file",
                    "other")
        self.assertEqual(self.files("from.c"), self.files("s"))
        self.assertEqual(self.files("from.d"), self.files("s"))

    def test_flipped_byte__of_an_encrypted_backup__is_named(self):
        self.backup("s", "-o", "b", "--key-file", "key")
        for name in sorted(os.listdir(self.path("b"))):
            if not name.startswith("backup."):
                continue
            whole = self.get("b/" + name)
            for at in {0, len(whole) // 2, len(whole) - 2}:
                bad = bytearray(whole)
                bad[at] ^= 4
                self.put("b/" + name, bad)
                done = self.backup("--verify", "b", "--key-file", "key",
                                   status=None)
                self.assertIn(done.returncode, (FAILED, DAMAGED))
                self.assertIn("b/" + name, done.stderr)
            self.put("b/" + name, whole)


if __name__ == "__main__":
    cli.main("seglog")
