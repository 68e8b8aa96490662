#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--key-file, --passphrase-fd and rekey.

Goal    with the key an encrypted folder works like any other; without it
        nothing is read, written or overwritten.
"""
import os

import cli
from cli import DAMAGED, FAILED, OK, USAGE

LINES = b"".join(b'{"line":%d,"secret":"attack at dawn"}\n' % i
                 for i in range(40))
KEY = bytes(range(32))
NEW = bytes(range(1, 33))


class KeyTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.put("key", KEY)
        self.put("new", NEW.hex().encode() + b"\n")
        os.mkdir(self.path("enc"))
        os.mkdir(self.path("probe"))
        done = self.json2seg("--key-file", "key", "-o", "probe/log.seg")
        if "this build has no encryption" in done.stderr:
            self.skipTest("built without encryption")

    def seglog(self, *args, status=OK, **options):
        return self.run_tool("seglog", *args, status=status, **options)

    def make(self, *key):
        self.json2seg(*(key or ("--key-file", "key")), "-o", "enc/log.seg",
                      data=LINES, status=OK)

    def phrase(self, words):
        """A descriptor from which a passphrase can be read."""
        ends = os.pipe()
        os.write(ends[1], words)
        os.close(ends[1])
        self.addCleanup(os.close, ends[0])
        return ends[0]


class FileTest(KeyTest):
    def test_json2seg__with_a_key__nothing_of_it_shows(self):
        self.make()
        self.assertNotIn(b"attack", self.get("enc/log.seg"))
        self.assertNotIn(KEY, self.get("enc/seglog.keys"))
        back = self.seg2json("--key-file", "key", "enc/log.seg", status=OK)
        self.assertEqual(back.stdout, LINES)
        done = self.seglog("check", "--key-file", "key", "enc/log.seg")
        self.assertIn(b"OK: 40 good records", done.stdout)

    def test_without_a_key__says_so(self):
        self.make()
        for args in (("check", "enc/log.seg"), ("cat", "enc/log.seg"),
                     ("repair", "enc/log.seg", "-o", "x.seg")):
            done = self.seglog(*args, status=FAILED)
            self.assertIn("give --key-file or --passphrase-fd", done.stderr)
        done = self.json2seg("-o", "enc/more.seg", data=LINES, status=FAILED)
        self.assertIn("it is encrypted", done.stderr)
        self.assertFalse(os.path.exists(self.path("enc/more.seg")))

    def test_wrong_key__says_so(self):
        self.make()
        done = self.seglog("check", "--key-file", "new", "enc/log.seg",
                           status=FAILED)
        self.assertIn("not the key of the store", done.stderr)
        done = self.json2seg("--key-file", "new", "-o", "enc/more.seg",
                             data=LINES, status=FAILED)
        self.assertIn("not the key of the store", done.stderr)

    def test_damage__is_named_with_its_cause(self):
        self.make()
        data = bytearray(self.get("enc/log.seg"))
        data[300] ^= 1
        self.put("enc/log.seg", bytes(data))
        done = self.seglog("check", "--key-file", "key", "enc/log.seg",
                           status=DAMAGED)
        self.assertIn("auth", self.seglog(
            "check", "--json", "--key-file", "key", "enc/log.seg",
            status=DAMAGED).stdout.decode())
        self.assertIn("lost", done.stdout.decode())

    def test_plain_folder__with_a_key__is_refused(self):
        self.json2seg("-o", "plain.seg", data=LINES, status=OK)
        done = self.seglog("check", "--key-file", "key", "plain.seg",
                           status=FAILED)
        self.assertIn("it is not encrypted", done.stderr)
        done = self.json2seg("--key-file", "key", "-o", "more.seg",
                             data=LINES, status=FAILED)
        self.assertIn("an encrypted store begins empty", done.stderr)
        self.assertFalse(os.path.exists(self.path("more.seg")))

    def test_standard_output__is_refused(self):
        done = self.json2seg("--key-file", "key", data=LINES, status=USAGE)
        self.assertEqual(done.stdout, b"")

    def test_text__goes_anywhere(self):
        self.make()
        self.seg2json("--key-file", "key", "enc/log.seg", "-o", "out.jsonl",
                      status=OK)
        self.assertEqual(self.get("out.jsonl"), LINES)

    def test_append__goes_on(self):
        self.make()
        self.json2seg("--key-file", "key", "--append", "-o", "enc/log.seg",
                      data=LINES, status=OK)
        back = self.seg2json("--key-file", "key", "enc/log.seg", status=OK)
        self.assertEqual(back.stdout, 2 * LINES)

    def test_key_file__that_is_none__is_refused(self):
        self.put("short", b"x" * 31)
        self.put("letters", b"g" * 64)
        for name in ("short", "letters", "enc", "none"):
            done = self.seglog("check", "--key-file", name, "enc",
                               status=FAILED)
            self.assertIn(name, done.stderr)

    def test_two_keys__are_too_many(self):
        self.seglog("check", "--key-file", "key", "--key-file", "key", "enc",
                    status=USAGE)


class PassphraseTest(KeyTest):
    def run_with(self, words, *args, **options):
        fd = self.phrase(words)
        return self.seglog(*args[:1], "--passphrase-fd", str(fd), *args[1:],
                           pass_fds=[fd], **options)

    def test_passphrase__opens_what_it_made(self):
        fd = self.phrase(b"correct horse\n")
        self.json2seg("--passphrase-fd", str(fd), "-o", "enc/log.seg",
                      data=LINES, status=OK, pass_fds=[fd])
        self.run_with(b"correct horse", "check", "enc/log.seg")
        done = self.run_with(b"wrong horse\n", "check", "enc/log.seg",
                             status=FAILED)
        self.assertIn("not the passphrase", done.stderr)
        done = self.seglog("check", "--key-file", "key", "enc/log.seg",
                           status=FAILED)
        self.assertIn("opened by a passphrase", done.stderr)

    def test_no_passphrase__is_refused(self):
        for words in (b"", b"\n", b"x" * 2000):
            self.run_with(words, "check", "enc", status=FAILED)
        self.seglog("check", "--passphrase-fd", "99", "enc", status=FAILED)
        self.seglog("check", "--passphrase-fd", "x", "enc", status=USAGE)

    def test_rekey__changes_who_opens_it(self):
        self.make()
        before = self.get("enc/log.seg")
        fd = self.phrase(b"horse\n")
        self.seglog("rekey", "--key-file", "key", "--new-passphrase-fd",
                    str(fd), "enc", pass_fds=[fd])
        self.assertEqual(self.get("enc/log.seg"), before)
        self.run_with(b"horse\n", "check", "enc/log.seg")
        self.seglog("check", "--key-file", "key", "enc/log.seg",
                    status=FAILED)
        self.run_with(b"horse\n", "rekey", "--new-key-file", "new", "enc")
        self.seglog("check", "--key-file", "new", "enc/log.seg")
        self.assertEqual(sorted(os.listdir(self.path("enc"))),
                         ["log.seg", "seglog.keys"])

    def test_rekey__refused__changes_nothing(self):
        self.make()
        before = self.get("enc/seglog.keys")
        self.seglog("rekey", "--key-file", "new", "--new-key-file", "key",
                    "enc", status=FAILED)
        self.seglog("rekey", "--key-file", "key", "enc", status=USAGE)
        self.seglog("rekey", "--new-key-file", "key", "enc", status=USAGE)
        self.assertEqual(self.get("enc/seglog.keys"), before)


class SessionsTest(KeyTest):
    def test_store__all_verbs_with_the_key(self):
        os.mkdir(self.path("logs"))
        self.put("logs/a.jsonl", LINES)
        self.put("logs/b.jsonl", LINES[:200])
        key = ("--key-file", "key")
        self.seglog("import", *key, "logs", "--into", "st",
                    status=DAMAGED)
        for name in os.listdir(self.path("st")):
            self.assertNotIn(b"attack", self.get("st/" + name))
        self.assertIn(b"a.jsonl", self.seglog("ls", *key, "st").stdout)
        self.seglog("stat", *key, "st")
        self.seglog("check", *key, "st")
        self.seglog("export", *key, "st", "-o", "out")
        self.assertEqual(self.get("out/a.jsonl"), LINES)
        self.assertEqual(self.get("out/b.jsonl"), LINES[:200])
        done = self.seglog("ls", "st", status=FAILED)
        self.assertIn("it is encrypted", done.stderr)


if __name__ == "__main__":
    cli.main("json2seg", "seg2json", "seglog")
