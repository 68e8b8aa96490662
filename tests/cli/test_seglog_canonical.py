#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kv, events and meta: canonical stores from a shell.

Goal    state and events go in and come out as they are, byte for byte, and
        what is refused is refused by its status and a sentence.
"""
import base64
import json
import os
import select
import signal
import time

import cli
from cli import CONFLICT, FAILED, OK, USAGE

LOG = "stream.0.0000000000.0000000000.00000000000000000000.seg"


class CanonicalTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        done = self.kv("put", "probe", "k", "v", status=None)
        if "LMDB" in done.stderr:
            self.skipTest("built without LMDB")

    def seglog(self, *args, status=OK, **options):
        return self.run_tool("seglog", *args, status=status, **options)

    def kv(self, *args, status=OK, **options):
        return self.seglog("kv", *args, status=status, **options)

    def events(self, *args, status=OK, **options):
        return self.seglog("events", *args, status=status, **options)

    def meta(self, store="s", *args):
        return json.loads(self.seglog("meta", "--json", store, *args).stdout)

    def temp(self):
        """A folder for temporary files, and an environment that names it."""
        os.makedirs(self.path("tmp"), exist_ok=True)
        return dict(os.environ, TMPDIR=self.path("tmp"))

    def temp_is_empty(self):
        self.assertEqual(os.listdir(self.path("tmp")), [])


class BackupTest(CanonicalTest):
    def test_backup__while_open_for_nobody__says_the_position(self):
        self.kv("put", "s", "name", "Ada")
        self.kv("put", "s", "name", "Grace")
        done = json.loads(
            self.seglog("backup", "--json", "s", "-o", "b").stdout)
        self.assertEqual(done["position"], 3)
        self.assertEqual(done["text"], "before transaction 3 and event 0")
        self.kv("put", "s", "name", "Edsger")
        self.seglog("restore", "b", "-o", "again")
        self.assertEqual(self.kv("get", "again", "name").stdout, b"Grace")


class LsTest(CanonicalTest):
    def test_ls__says_whose_transactions_they_are(self):
        self.kv("put", "s", "name", "Ada")
        self.seglog("append", "s:1", data=b"event\n")
        self.seglog("append", "t:0", data=b"event\n")
        self.assertIn(b"stream 0 has the transactions of a canonical store",
                      self.seglog("ls", "s").stdout)
        lines = [json.loads(line) for line in
                 self.seglog("ls", "--json", "s").stdout.splitlines()]
        self.assertEqual([line.get("canonical") for line in lines],
                         [True, None, None])
        self.assertNotIn(b"canonical", self.seglog("ls", "t").stdout)


class KvTest(CanonicalTest):
    def test_put__get__is_the_value_as_it_was(self):
        self.kv("put", "s", "name", "Ada")
        self.assertEqual(self.kv("get", "s", "name").stdout, b"Ada")
        self.kv("put", "s", "name", "Grace")
        self.assertEqual(self.kv("get", "s", "name").stdout, b"Grace")
        value = bytes(range(256)) * 3
        self.kv("put", "s", "bytes", "-", data=value)
        self.assertEqual(self.kv("get", "s", "bytes").stdout, value)
        self.kv("put", "s", "empty", "-", data=b"")
        self.assertEqual(self.kv("get", "s", "empty").stdout, b"")
        large = os.urandom(5 << 20)
        self.kv("put", "s", "large", "-", data=large)
        self.assertEqual(self.kv("get", "s", "large").stdout, large)

    def test_get__no_such_key__fails(self):
        self.kv("put", "s", "a", "1")
        done = self.kv("get", "s", "b", status=FAILED)
        self.assertEqual(done.stdout, b"")
        self.assertIn("s: there is no such key", done.stderr)

    def test_no_store__is_not_begun_by_who_reads(self):
        os.mkdir(self.path("empty"))
        for args in (("kv", "get", "empty", "k"), ("kv", "ls", "empty"),
                     ("kv", "del", "empty", "k"), ("meta", "empty"),
                     ("meta", "--set-schema", "1", "empty"),
                     ("events", "empty"), ("events", "seal", "empty"),
                     ("events", "pause", "empty"),
                     ("events", "consumers", "empty"),
                     ("events", "dead", "empty", "c")):
            done = self.seglog(*args, status=FAILED)
            self.assertIn("it holds no canonical store", done.stderr)
        self.assertEqual(os.listdir(self.path("empty")), [])
        self.kv("ls", "nowhere", status=FAILED)
        self.assertFalse(os.path.exists(self.path("nowhere")))

    def test_put__no_folder__is_made_for_its_owner(self):
        self.kv("put", "new/folder", "k", "v")
        self.assertEqual(os.stat(self.path("new/folder")).st_mode & 0o077, 0)
        self.assertIn("view", os.listdir(self.path("new/folder")))

    def test_ls__ranges__are_in_the_order_of_bytes(self):
        keys = ["a", "a/1", "a/10", "a/2", "b", "b\u00e9"]
        for key in reversed(keys):
            self.kv("put", "s", key, key.upper())

        def ls(*args):
            out = self.kv("ls", "--keys", *args, "s", env=self.utf8()).stdout
            return out.decode().split()
        self.assertEqual(ls(), keys)
        self.assertEqual(ls("--from", "a/10"), keys[2:])
        self.assertEqual(ls("--to", "a/10"), keys[:2])
        self.assertEqual(ls("--from", "a/1", "--to", "b"), keys[1:4])
        self.assertEqual(ls("--prefix", "a/"), keys[1:4])
        self.assertEqual(ls("--prefix", "a/", "--from", "a/2"), keys[3:4])
        self.assertEqual(ls("--prefix", "z"), [])
        self.assertEqual(self.kv("ls", "--to", "a/1", "s").stdout, b"a\tA\n")

    def utf8(self):
        return dict(os.environ, LC_ALL="C.UTF-8")

    def test_ls__what_cannot_be_shown__is_escaped_and_taken_back(self):
        keys = [b"\\", b"\t", b"a\nb", b"\x01", b"\x7f", b"x\xff", b"caf\xc3",
                "\u202e".encode()]
        for key in keys:
            text = "".join("\\x%02x" % byte for byte in key)
            self.kv("put", "-x", "s", text, text)
        out = self.kv("ls", "s", env=self.utf8()).stdout
        lines = out.decode().splitlines()
        self.assertEqual(lines, [
            "\\x01\t\\x01", "\\t\t\\t", "\\\\\t\\\\", "a\\nb\ta\\nb",
            "caf\\xc3\tcaf\\xc3", "x\\xff\tx\\xff", "\\x7f\t\\x7f",
            "\\xe2\\x80\\xae\t\\xe2\\x80\\xae"])
        for line in lines:
            shown = line.split("\t")[0]
            value = self.kv("get", "-x", "s", shown).stdout
            self.assertIn(value, keys)
            self.kv("del", "-x", "s", shown)
        self.assertEqual(self.kv("ls", "s").stdout, b"")
        for wrong in ("\\", "\\q", "\\x1", "\\xg0", "a\\"):
            self.kv("get", "-x", "s", wrong, status=USAGE)
            self.kv("ls", "-x", "--prefix", wrong, "s", status=USAGE)

    def test_json__has_the_bytes(self):
        self.kv("put", "-x", "s", "k\\xff", "v\\x00\\xfe")
        self.kv("put", "s", "plain", 'a "quote"')
        rows = [json.loads(line)
                for line in self.kv("ls", "--json", "s").stdout.splitlines()]
        self.assertEqual(base64.b64decode(rows[0]["key_base64"]), b"k\xff")
        self.assertEqual(base64.b64decode(rows[0]["value_base64"]),
                         b"v\0\xfe")
        self.assertEqual(rows[1], {"key": "plain", "value": 'a "quote"'})
        got = self.kv("get", "--json", "s", "plain").stdout
        self.assertEqual(json.loads(got), rows[1])
        rows = self.kv("ls", "--json", "--keys", "s").stdout.splitlines()
        self.assertEqual(json.loads(rows[1]), {"key": "plain"})

    def test_del__several__go_in_one_transaction(self):
        for key in "abc":
            self.kv("put", "s", key, key)
        before = self.meta()["position"]
        self.kv("del", "s", "a", "nokey", "c")
        self.assertEqual(self.meta()["position"], before + 1)
        self.assertEqual(self.kv("ls", "--keys", "s").stdout, b"b\n")

    def test_limits__are_told(self):
        self.kv("put", "s", "k" * 511, "v")
        done = self.kv("put", "s", "k" * 512, "v", status=FAILED)
        self.assertIn("511", done.stderr)
        self.kv("put", "s", "", "v", status=FAILED)

    def test_wrong_command_line__says_so(self):
        for args in ((), ("frob",), ("get",), ("get", "s"),
                     ("get", "s", "k", "more"), ("put", "s", "k"),
                     ("del", "s"), ("ls",), ("ls", "s", "more"),
                     ("get", "--frob", "s", "k"),
                     ("get", "--view", "v", "--view-temp", "s", "k")):
            self.kv(*args, status=USAGE)

    def test_help__of_every_word__is_there(self):
        for args in (("kv",), ("kv", "get"), ("kv", "put"), ("kv", "del"),
                     ("kv", "ls"), ("events",), ("events", "append"),
                     ("events", "seal"), ("events", "unseal"),
                     ("events", "pause"), ("events", "resume"),
                     ("events", "retain"), ("events", "consumers"),
                     ("events", "dead"), ("meta",)):
            out = self.seglog(*args, "--help").stdout.decode()
            self.assertTrue(out.startswith("Usage: seglog " + " ".join(args)))
        self.assertIn(b"kv put PATH", self.seglog("help", "kv").stdout)


class ViewTest(CanonicalTest):
    def test_view__is_where_it_is_said(self):
        self.kv("put", "--view", "v", "s", "k", "v")
        self.assertNotIn("view", os.listdir(self.path("s")))
        self.assertIn("data.mdb", os.listdir(self.path("v")))
        self.assertEqual(self.kv("get", "s", "k").stdout, b"v")
        self.assertIn("view", os.listdir(self.path("s")))

    def test_view_temp__nothing_is_left(self):
        env = self.temp()
        self.kv("put", "--view-temp", "s", "k", "v", env=env)
        self.assertEqual(
            self.kv("get", "--view-temp", "s", "k", env=env).stdout, b"v")
        self.events("append", "--view-temp", "s", data=b"e\n", env=env)
        self.assertEqual(self.events("--view-temp", "s", env=env).stdout,
                         b"e\n")
        self.assertNotIn("view", os.listdir(self.path("s")))
        self.temp_is_empty()

    def test_encrypted__the_view_is_not_left_in_the_clear(self):
        key = self.put("key", b"ab" * 32)
        env = self.temp()
        done = self.kv("put", "--key-file", key, "s", "k", "secret value",
                       status=None, env=env)
        if "OpenSSL" in done.stderr:
            self.skipTest("built without OpenSSL")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(
            self.kv("get", "--key-file", key, "s", "k", env=env).stdout,
            b"secret value")
        self.kv("get", "s", "k", status=FAILED)
        for folder, _, names in os.walk(self.path("s")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"secret value", file.read())
        self.temp_is_empty()

    def test_no_permission_to_write__is_read_all_the_same(self):
        if os.geteuid() != 0 or not hasattr(os, "setresuid"):
            self.skipTest("needs to become somebody else")
        self.kv("put", "s", "k", "v")
        self.events("append", "s", data=b"e\n")
        os.chmod(self.dir, 0o755)
        os.makedirs(self.path("tmp"))
        os.chmod(self.path("tmp"), 0o777)
        for folder, folders, names in os.walk(self.path("s")):
            os.chmod(folder, 0o755)
            for name in names:
                os.chmod(os.path.join(folder, name), 0o644)
        env = dict(os.environ, TMPDIR=self.path("tmp"))

        def drop():
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        options = {"env": env, "preexec_fn": drop}
        probe = self.seglog("--version", status=None, **options)
        if probe.returncode != OK:
            self.skipTest("others cannot run the program here")
        self.assertEqual(self.kv("get", "s", "k", **options).stdout, b"v")
        self.assertEqual(self.events("s", **options).stdout, b"e\n")
        self.kv("put", "s", "k", "w", status=FAILED, **options)
        self.temp_is_empty()


class EventsTest(CanonicalTest):
    def append(self, data, *args, status=OK):
        return self.events("append", *args, "s", data=data, status=status)

    def test_append__lines__are_numbered_on(self):
        self.assertEqual(self.append(b"a\nb\n\nd").stdout, b"0 3\n")
        self.assertEqual(self.append(b"e\n").stdout, b"4 4\n")
        self.assertEqual(self.events("s").stdout, b"a\nb\n\nd\ne\n")
        done = self.append(b"", "--json")
        self.assertEqual(json.loads(done.stdout),
                         {"events": 0, "first": None, "last": None})
        done = self.append(b"x\ny\n", "--json")
        self.assertEqual(json.loads(done.stdout),
                         {"events": 2, "first": 5, "last": 6})
        self.assertEqual(self.meta()["next_event"], 7)

    def test_append__many_from_a_file__all_come_out(self):
        lines = b"".join(b"event %d %s\n" % (n, b"x" * (n % 97))
                         for n in range(30000))
        name = self.put("lines", lines)
        self.assertEqual(self.events("append", "s", name).stdout,
                         b"0 29999\n")
        self.assertEqual(self.events("s").stdout, lines)
        self.assertLess(self.meta()["position"], 100)
        self.events("append", "s", "nofile", status=FAILED)

    def test_append__a_line_that_is_too_long__is_named(self):
        data = b"a\nb\n" + b"x" * ((4 << 20) + 1) + b"\nd\n"
        done = self.append(data, status=FAILED)
        self.assertIn("line 3 is no event", done.stderr)
        self.assertEqual(done.stdout, b"0 1\n")
        self.assertEqual(self.events("s").stdout, b"a\nb\n")

    def test_append__live_input__is_committed_as_it_comes(self):
        running = self.start("seglog", "events", "append", "s",
                             stdout=cli.subprocess.DEVNULL)
        running.stdin.write(b"first\n")
        running.stdin.flush()
        deadline = time.monotonic() + 10
        while self.events("s", status=None).stdout != b"first\n":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        running.stdin.write(b"second")
        running.stdin.close()
        self.assertEqual(running.wait(), OK)
        self.assertEqual(self.events("s").stdout, b"first\nsecond\n")

    def test_events__ranges_and_json(self):
        self.append(b"".join(b"%d\n" % n for n in range(10)))
        self.assertEqual(self.events("--from", "7", "s").stdout, b"7\n8\n9\n")
        self.assertEqual(self.events("--to", "2", "s").stdout, b"0\n1\n")
        self.assertEqual(
            self.events("--from", "4", "--to", "5", "s").stdout, b"4\n")
        self.assertEqual(self.events("--from", "99", "s").stdout, b"")
        row = json.loads(
            self.events("--json", "--from", "9", "s").stdout)
        self.assertEqual((row["id"], row["data"]), (9, "9"))
        self.assertEqual(row["position"], self.meta()["position"] - 1)
        self.assertEqual(row["time_ms"], self.meta()["updated_ms"])
        self.append(b"\xff\x00\n")
        row = json.loads(self.events("--json", "--from", "10", "s").stdout)
        self.assertEqual(base64.b64decode(row["data_base64"]), b"\xff\0")
        for wrong in ("x", "-1", "9223372036854775808"):
            self.events("--from", wrong, "s", status=USAGE)
        self.events(status=USAGE)
        self.events("s", "more", status=USAGE)

    def line_of(self, running):
        ready, _, _ = select.select([running.stdout], [], [], 20)
        self.assertTrue(ready, "nothing came")
        return running.stdout.readline()

    def follow(self, *args, **options):
        return self.start("seglog", "events", "--follow", *args, "s",
                          stdout=cli.subprocess.PIPE, bufsize=0, **options)

    def test_follow__events_to_come__are_written_at_once(self):
        self.append(b"0\n")
        running = self.follow()
        self.assertEqual(self.line_of(running), b"0\n")
        for n in range(1, 6):
            self.append(b"%d\n" % n)
            self.assertEqual(self.line_of(running), b"%d\n" % n)
        running.send_signal(signal.SIGTERM)
        self.assertEqual(running.wait(timeout=20), OK)

    def test_follow__to__ends_there(self):
        self.append(b"0\n")
        running = self.follow("--to", "3")
        self.append(b"1\n2\n3\n")
        out, _ = running.communicate(timeout=20)
        self.assertEqual(out, b"0\n1\n2\n")
        self.assertEqual(running.returncode, OK)

    def test_follow__temporary_view__is_gone_when_it_is_stopped(self):
        env = self.temp()
        self.append(b"0\n")
        running = self.follow("--view-temp", env=env)
        self.assertEqual(self.line_of(running), b"0\n")
        self.append(b"1\n")
        self.assertEqual(self.line_of(running), b"1\n")
        running.send_signal(signal.SIGINT)
        self.assertEqual(running.wait(timeout=20), OK)
        self.temp_is_empty()

    def test_follow__reader_goes_away__ends_quietly(self):
        self.append(b"0\n")
        running = self.follow()
        self.assertEqual(self.line_of(running), b"0\n")
        running.stdout.close()
        self.append(b"1\n")
        self.assertEqual(running.wait(timeout=20), OK)


class ControlTest(CanonicalTest):
    def test_seal__writing_is_a_conflict_until_unsealed(self):
        self.kv("put", "s", "k", "v")
        done = self.events("seal", "s", status=FAILED)
        self.assertIn("no event yet", done.stderr)
        self.events("append", "s", data=b"a\nb\n")
        self.assertEqual(self.events("seal", "s").stdout, b"1\n")
        self.assertEqual(self.events("seal", "s").stdout, b"1\n")
        self.assertEqual(self.meta()["sealed_event"], 1)
        self.assertIn(b"at event 1", self.seglog("meta", "s").stdout)
        done = self.kv("put", "s", "k", "w", status=CONFLICT)
        self.assertIn("sealed at event 1", done.stderr)
        self.kv("del", "s", "k", status=CONFLICT)
        done = self.events("append", "s", data=b"c\n", status=CONFLICT)
        self.assertIn("from line 1 on", done.stderr)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(self.kv("get", "s", "k").stdout, b"v")
        self.events("unseal", "s")
        self.events("unseal", "s")
        self.assertIsNone(self.meta()["sealed_event"])
        self.kv("put", "s", "k", "w")
        self.assertEqual(self.events("append", "s", data=b"c\n").stdout,
                         b"2 2\n")

    def test_pause__writing_is_a_conflict_until_resumed(self):
        self.kv("put", "s", "k", "v")
        self.events("pause", "--timeout", "3", "s")
        self.assertTrue(self.meta()["paused"])
        done = self.kv("put", "s", "k", "w", status=CONFLICT)
        self.assertIn("paused", done.stderr)
        self.events("resume", "s")
        self.assertFalse(self.meta()["paused"])
        self.kv("put", "s", "k", "w")
        self.events("pause", "--timeout", "0", "s", status=USAGE)

    def test_meta__says_what_there_is(self):
        self.kv("put", "s", "k", "v")
        self.events("append", "s", data=b"a\nb\n")
        meta = self.meta()
        self.assertEqual(
            (meta["keys"], meta["next_event"], meta["first_event"],
             meta["position"], meta["schema"], meta["lost"]),
            (1, 2, 0, 3, 0, 0))
        self.assertLessEqual(meta["created_ms"], meta["updated_ms"])
        head = self.seglog("head", "s:0").stdout.decode().split()
        self.assertEqual(head, ["3", meta["head"]])
        self.assertEqual(self.meta("s", "--set-schema", "7")["schema"], 7)
        self.assertEqual(self.meta()["schema"], 7)
        self.seglog("meta", "--set-schema", "x", "s", status=USAGE)

    def test_retain__first_events__go(self):
        for n in range(3):
            self.events("append", "s", data=b"%d\n" % n)
        self.kv("put", "s", "k", "v")
        self.events("retain", "s", status=USAGE)
        first = int(self.events("retain", "--from", "2", "s").stdout)
        self.assertLessEqual(first, 2)
        self.assertEqual(self.events("s").stdout, b"".join(
            b"%d\n" % n for n in range(first, 3)))
        self.assertEqual(self.kv("get", "s", "k").stdout, b"v")

    def test_log__commands_of_streams__leave_it_alone(self):
        self.kv("put", "s", "k", "v")
        before = self.get("s/" + LOG)
        for args in (("append", "s:0"), ("append", "s:stream.0"),
                     ("tombstone", "s:0", "1"),
                     ("trim", "--before", "1", "s:0")):
            done = self.seglog(*args, data=b"line\n", status=FAILED)
            self.assertIn("the log of a canonical store", done.stderr)
        self.assertEqual(self.get("s/" + LOG), before)
        done = self.seglog("append", "s:1", data=b"line\n", status=None)
        if "OpenSSL" not in done.stderr:
            self.assertEqual(done.returncode, OK, done.stderr)
            self.seglog("append", "other:0", data=b"line\n")
            self.seglog("append", "other:0", data=b"line\n")
        self.assertEqual(self.kv("get", "s", "k").stdout, b"v")


class ConsumersTest(CanonicalTest):
    """With the consumer of tools/examples."""

    def setUp(self):
        super().setUp()
        if not cli.has_tool("../examples/project_sqlite"):
            self.skipTest("the example is not built")
        self.events("append", "s", data=b"ann 1\nnonsense\nbob 2\n\xff\n")
        self.run_tool("../examples/project_sqlite", "s", "db", "--once",
                      status=OK)

    def test_consumers__cursor_lag_and_dead_letters(self):
        self.events("append", "s", data=b"ann 3\n")
        row = json.loads(self.events("consumers", "--json", "s").stdout)
        self.assertEqual(row, {"name": "project_sqlite", "cursor": 4,
                               "lag": 1, "dead": 2})
        lines = self.events("consumers", "s").stdout.decode().splitlines()
        self.assertEqual([line.split() for line in lines],
                         [["CURSOR", "LAG", "DEAD", "NAME"],
                          ["4", "1", "2", "project_sqlite"]])
        self.events("consumers", "--remove", "nobody", "s", status=FAILED)
        self.events("consumers", "--remove", "project_sqlite", "s")
        self.assertEqual(self.events("consumers", "--json", "s").stdout, b"")

    def test_dead__list__shows_them_and_leaves_them(self):
        for _ in range(2):
            lines = self.events("dead", "s", "project_sqlite",
                                ).stdout.decode().splitlines()
            rows = [line.split("\t") for line in lines]
            self.assertEqual([row[0] for row in rows], ["1", "3"])
            self.assertEqual(rows[0][2:],
                             ["0", "it is not NAME AMOUNT", "nonsense"])
            self.assertEqual(rows[1][4], "\\xff")
        row = json.loads(self.events(
            "dead", "--json", "s", "project_sqlite").stdout.splitlines()[1])
        self.assertEqual((row["id"], row["retries"], row["reason"]),
                         (3, 0, "it is not NAME AMOUNT"))
        self.assertEqual(base64.b64decode(row["data_base64"]), b"\xff")
        self.events("dead", "s", "nobody", status=FAILED)
        self.assertEqual(len(self.events("consumers", "--json",
                                         "s").stdout.splitlines()), 1)

    def test_dead__replay__writes_the_events_and_they_are_gone(self):
        done = self.events("dead", "--replay", "s", "project_sqlite")
        self.assertEqual(done.stdout, b"nonsense\n\xff\n")
        self.assertEqual(
            self.events("dead", "s", "project_sqlite").stdout, b"")

    def test_dead__replay_to_nobody__they_stay(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.events("dead", "--replay", "s", "project_sqlite",
                    stdout=writer, status=None)
        os.close(writer)
        self.assertEqual(len(self.events(
            "dead", "s", "project_sqlite").stdout.splitlines()), 2)


if __name__ == "__main__":
    cli.main("seglog")
