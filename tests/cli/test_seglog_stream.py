#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""head, verify, append, tombstone, compact, trim, cat, tail, mend, seal, scrub.

Goal    a stream can be appended to, expected and proved from a shell.
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import cli
from cli import CONFLICT, DAMAGED, FAILED, OK, USAGE


def head_of(lines):
    """The chain as it is defined, by somebody else's SHA-256."""
    head = b""
    for line in lines:
        head = hashlib.sha256(head + b"\0" + line).digest()
    return "%d %s" % (len(lines), head.hex())


class StreamTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("probe"))
        os.mkdir(self.path("s"))
        done = self.append(b"probe\n", stream="probe:1", status=None)
        if "needs a build" in done.stderr or "OpenSSL" in done.stderr:
            self.skipTest("built without OpenSSL")
        shutil.rmtree(self.path("probe"), ignore_errors=True)

    def seglog(self, *args, status=OK, **options):
        return self.run_tool("seglog", *args, status=status, **options)

    def append(self, data, *args, stream="s:7", status=OK):
        return self.seglog("append", *args, stream, data=data, status=status)

    def head(self, *args, status=OK):
        done = self.seglog("head", *args, "s:7", status=status)
        return done.stdout.decode().strip()

    def blob(self):
        return ("s/stream.7.0000000000.0000000000."
                "00000000000000000000.seg")


class AppendTest(StreamTest):
    def test_append__lines__lead_to_the_head_that_others_compute(self):
        done = self.append(b"event-0\nevent-1\nevent-2\n")
        want = head_of([b"event-0", b"event-1", b"event-2"])
        self.assertEqual(done.stdout.decode(), want + "\n")
        self.assertEqual(self.head(), want)
        self.assertIn("fbfbc1b5e8e1f05090b2110dae19121070440a077faa288ae1f8b1"
                      "d33312e063", want)
        self.append(b"more", stream="s:stream.7")
        self.assertEqual(self.head(), head_of(
            [b"event-0", b"event-1", b"event-2", b"more"]))

    def test_append__at_another_offset__is_a_conflict(self):
        self.append(b"a\nb\n", "--expect", "0")
        before = self.head()
        for wrong in ("0", "1", "3"):
            done = self.append(b"c\n", "--expect", wrong, status=CONFLICT)
            self.assertIn("ends at 2", done.stderr)
            self.assertEqual(self.head(), before)
        self.append(b"c\n", "--expect", "2", "--sync")
        self.assertEqual(self.head(), head_of([b"a", b"b", b"c"]))

    def test_append__wrong_command_line__says_so(self):
        for wrong in ("s", "s:", "s:x", ":7", "s:stream.", "s:-1", "s:07",
                      "s:00", "s:stream.07", "s:18446744073709551616"):
            self.append(b"a\n", stream=wrong, status=USAGE)
        self.append(b"", status=FAILED)
        self.seglog("head", "s:7", status=FAILED)
        self.seglog("verify", "s:7", status=FAILED)

    def test_append__no_such_folder__is_made_for_its_owner(self):
        self.append(b"a\n", stream="new/folder:7")
        self.assertEqual(os.stat(self.path("new/folder")).st_mode & 0o077, 0)
        self.assertEqual(
            self.seglog("cat", "new/folder:7").stdout, b"a\n")
        for verb in ("head", "verify", "cat"):
            self.seglog(verb, "nowhere:7", status=FAILED)
        self.assertFalse(os.path.exists(self.path("nowhere")))


class CatTest(StreamTest):
    def cat(self, *args, status=OK):
        return self.seglog("cat", *args, "s:stream.7", status=status).stdout

    def test_cat__plain_number__is_the_stream_unless_an_id_begins_so(self):
        self.seglog("cat", "s:7", status=FAILED)
        self.append(b"event\n")
        self.assertEqual(self.seglog("cat", "s:7").stdout, b"event\n")
        self.seglog("cat", "s:8", status=FAILED)
        self.seglog("cat", "s:07", status=FAILED)
        self.seglog("cat", "s:stream.07", status=FAILED)
        session = "70000000-0000-7000-8000-000000000001"
        other = "90000000-0000-7000-8000-000000000002"
        self.put("s/%s.%s.seg" % (session, other), b"")
        self.assertNotEqual(
            self.seglog("cat", "s:7", status=None).stdout, b"event\n")
        self.append(b"event\n", stream="s:9")
        self.assertNotEqual(
            self.seglog("cat", "s:9", status=None).stdout, b"event\n")
        self.append(b"event\n", stream="s:71")
        self.assertEqual(self.seglog("cat", "s:71").stdout, b"event\n")
        self.assertEqual(self.cat(), b"event\n")

    def test_cat__stream__from_an_offset_up_to_so_many_bytes(self):
        self.assertEqual(self.cat(), b"")
        self.append(b"".join(b"event-%d\n" % n for n in range(9)))
        lines = [b"event-%d\n" % n for n in range(9)]
        self.assertEqual(self.cat(), b"".join(lines))
        self.assertEqual(self.cat("--from", "0"), b"".join(lines))
        self.assertEqual(self.cat("--from", "7"), b"".join(lines[7:]))
        self.assertEqual(self.cat("--from", "9"), b"")
        for most in range(30):
            self.assertEqual(
                self.cat("--from", "2", "--max-bytes", str(most)),
                b"".join(lines[2:2 + (most + 6) // 7]))

    def test_cat__options_of_the_other_kind__are_refused(self):
        self.append(b"a\n")
        self.seglog("cat", "--to", "3", "s:stream.7", status=USAGE)
        self.seglog("cat", "--gaps", "s:stream.7", status=USAGE)
        self.seglog("cat", "--max-bytes", "3", self.blob(), status=USAGE)
        self.seglog("cat", "--from", "0", self.blob(), status=USAGE)
        self.assertEqual(self.seglog("cat", self.blob()).stdout, b"a\n")


class VerifyTest(StreamTest):
    def setUp(self):
        super().setUp()
        for n in range(20):
            self.append(b"event-%d\n" % n)

    def verify(self, *args, status=OK):
        return self.seglog("verify", *args, "s:7", status=status)

    def test_verify__good_stream__is_ok(self):
        head = self.head()
        for args in ((), ("--head", head), ("--head", head.split()[1]),
                     ("--head", head_of([b"event-0", b"event-1"])),
                     ("--from", "11")):
            self.assertIn(b"OK: ", self.verify(*args).stdout)
        self.assertIn(b"20 events from 0 on", self.verify().stdout)
        self.assertIn(b", 1 segment\n", self.verify().stdout)

    def test_verify__another_head__is_told(self):
        head = self.head().split()[1]
        wrong = "f" + head[1:] if head[0] != "f" else "e" + head[1:]
        for args in ((wrong,), ("20 " + wrong,), ("3 " + head,)):
            done = self.verify("--head", *args, status=DAMAGED)
            self.assertIn("kept", done.stderr)
        self.assertIn("event 3: the head that was kept", done.stderr)
        done = self.verify("--head", "21 " + head, status=DAMAGED)
        self.assertIn("short", done.stderr)
        self.verify("--head", "21", status=FAILED)
        self.verify("--head", "nonsense", status=FAILED)

    def test_verify__damaged_event__is_named(self):
        data = bytearray(self.get(self.blob()))
        # The last one: the checksum behind "event-1" may begin with a "3".
        data[data.rindex(b"event-13")] ^= 1
        self.put(self.blob(), bytes(data))
        done = self.verify(status=DAMAGED)
        self.assertIn("event 13: checksum mismatch", done.stderr)

    def test_verify__cut_tail__is_told_by_the_kept_head(self):
        head = self.head()
        data = self.get(self.blob())
        self.put(self.blob(), data[:data.rindex(b"event-17") - 2])
        self.verify()
        done = self.verify("--head", head, status=DAMAGED)
        self.assertIn("short", done.stderr)

    def test_verify__signed_head__is_good_for_its_key_alone(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl")
        for name in ("mine", "other"):
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519",
                            "-out", self.path(name)], check=True,
                           capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", self.path(name),
                            "-pubout", "-out", self.path(name + ".pub")],
                           check=True, capture_output=True)
        head = self.head("--sign", "mine")
        self.verify("--head", head, "--key", "mine.pub")
        done = self.verify("--head", head, "--key", "other.pub",
                           status=DAMAGED)
        self.assertIn("signature", done.stderr)
        forged = head[:-1] + ("0" if head[-1] != "0" else "1")
        self.verify("--head", forged, "--key", "mine.pub", status=DAMAGED)


    def test_key__cannot_be_read__is_named_itself(self):
        self.put("text", b"no key")
        for command in (("head", "--sign"), ("verify", "--key"),
                        ("compact", "--all", "--sign"), ("seal", "--sign")):
            for name in ("nowhere", "text"):
                done = self.seglog(*command, name, "s:7", status=FAILED)
                self.assertRegex(done.stderr, "^seglog: %s: .*key" % name)
                self.assertNotIn("s:7", done.stderr)


class TailTest(StreamTest):
    def test_tail__count__as_many_of_the_last(self):
        self.append(b"".join(b"%d\n" % n for n in range(30)))
        for args, first in (((), 20), (("-n", "3"), 27), (("-n", "0"), 30),
                            (("-n", "99"), 0)):
            with self.subTest(args=args):
                self.assertEqual(
                    self.seglog("tail", *args, "s:7").stdout,
                    b"".join(b"%d\n" % n for n in range(first, 30)))
        done = self.seglog("tail", "s:stream.8", status=FAILED)
        self.assertIn("s:stream.8", done.stderr)

    def test_tail__follow__what_is_appended_comes_until_a_signal(self):
        self.append(b"one\ntwo\n")
        for number in (signal.SIGTERM, signal.SIGINT):
            running = self.tail_to_out("-n", "1", "s:7")
            last = self.seglog("tail", "-n", "1", "s:7").stdout
            self.wait_for_out(last)
            self.append(b"three\n")
            self.wait_for_out(last + b"three\n")
            self.append(b"four\nfive\n")
            self.wait_for_out(last + b"three\nfour\nfive\n")
            running.send_signal(number)
            self.assertEqual(running.wait(timeout=60), OK)

    def test_tail__follow_one_that_is_not_there__waits_for_it(self):
        running = self.tail_to_out("s:stream.8")
        time.sleep(0.2)
        self.append(b"first\n", stream="s:8")
        self.wait_for_out(b"first\n")
        running.send_signal(signal.SIGTERM)
        self.assertEqual(running.wait(timeout=60), OK)

    def test_tail_and_cat__damage__what_is_in_front_comes(self):
        for line in (b"one\n", b"two\n", b"three\n"):
            self.append(line)
        data = bytearray(self.get(self.blob()))
        data[data.index(b"two")] ^= 1
        self.put(self.blob(), data)
        for verb in ("tail", "cat"):
            done = self.seglog(verb, "s:7", status=DAMAGED)
            self.assertEqual(done.stdout, b"one\n")
            self.assertIn("record 2", done.stderr)


class MendTest(StreamTest):
    def setUp(self):
        super().setUp()
        self.append(b"".join(b"event-%d\n" % n for n in range(3)))
        self.kept = self.head()
        # What closing adds would vouch for all of it.
        whole = len(self.get(self.blob()))
        self.append(b"".join(b"event-%d\n" % n for n in range(3, 6)))
        self.append(b"event-6\n")
        self.whole = self.get(self.blob())
        data = bytearray(self.whole)
        data[data.index(b"event-4")] ^= 1
        end = data.index(b"event-6") + len(b"event-6") + 4
        self.assertGreater(end, whole)
        # The checkpoint between the two as well.
        begin = data.index(b"event-5") + len(b"event-5") + 4
        for at in range(begin, end - len(b"event-6") - 6):
            data[at] ^= 1
        self.damaged = bytes(data[:end])
        self.put(self.blob(), self.damaged)

    def mend(self, *args, status=DAMAGED):
        return self.seglog("mend", *args, "s:7", status=status)

    def test_mend__cut__ends_before_the_loss(self):
        done = self.append(b"more\n", status=DAMAGED)
        self.assertIn("seglog mend", done.stderr)
        done = self.mend("--cut")
        self.assertIn("it ends before event 3: ", done.stderr)
        self.assertEqual(done.stdout.decode().strip(), self.kept)
        self.assertEqual(self.get(self.blob() + ".damaged"), self.damaged)
        self.append(b"more\n", "--expect", "3")
        self.seglog("verify", "--head", self.kept, "s:7")
        done = self.mend("--cut", status=OK)
        self.assertIn("nothing keeps it", done.stderr)

    def test_mend__resume__keeps_offsets(self):
        done = self.mend("--resume")
        self.assertIn("3 events are lost from event 3 on", done.stderr)
        self.assertEqual(
            self.seglog("cat", "--from", "6", "s:7").stdout, b"event-6\n")
        self.append(b"more\n", "--expect", "7")
        done = self.seglog("verify", "--head", self.kept, "s:7",
                           status=DAMAGED)
        self.assertIn("event 6: the chain began anew behind a loss",
                      done.stderr)
        self.assertNotIn("kept", done.stderr)

    def test_mend__cut_first__takes_back_to_before_what_is_lost(self):
        data = bytearray(self.whole)
        data[data.index(b"event-4")] ^= 1
        self.put(self.blob(), data)
        done = self.mend("--cut", status=OK)
        self.assertIn("nothing keeps it", done.stderr)
        done = self.mend("--cut-first")
        self.assertIn("it ends before event 3: ", done.stderr)
        self.assertEqual(self.get(self.blob() + ".damaged"), data)
        done = self.mend("--cut-first", status=OK)
        self.assertIn("its last file has lost none", done.stderr)
        self.append(b"more\n", "--expect", "3")

    def test_mend__neither_or_both_ways__is_refused(self):
        self.mend(status=USAGE)
        self.mend("--cut", "--resume", status=USAGE)
        self.mend("--cut-first", "--cut", status=USAGE)
        self.seglog("mend", "--cut", "s:8", status=FAILED)
        self.put(self.blob() + ".damaged", b"older")
        done = self.mend("--cut", status=FAILED)
        self.assertIn("move it away", done.stderr)
        self.assertEqual(self.get(self.blob()), self.damaged)


class EncryptedMendTest(StreamTest):
    def setUp(self):
        super().setUp()
        self.put("key", b"0123456789abcdef" * 2)
        self.append(b"event-0\nevent-1\n", "--key-file", "key")
        self.kept = self.head("--key-file", "key")
        before = len(self.get(self.blob()))
        self.append(b"event-2\n", "--key-file", "key")
        self.damaged = bytearray(self.get(self.blob()))
        # The bytes of the event, and the checkpoint behind it.
        self.damaged[before + 50] ^= 1
        self.damaged[-1] ^= 1
        self.put(self.blob(), self.damaged)

    def test_mend__chunks_do_not_authenticate__both_ways(self):
        for how in ("--cut", "--resume"):
            done = self.append(b"more\n", "--key-file", "key", status=DAMAGED)
            self.assertIn("seglog mend", done.stderr)
            done = self.seglog("mend", how, "--key-file", "key", "s:7",
                               status=DAMAGED)
            self.assertIn("bytes that do not authenticate are zeros",
                          done.stderr)
            self.assertEqual(done.stdout.decode().strip(), self.kept)
            self.append(b"more\n", "--expect", "2", "--key-file", "key")
            self.seglog("verify", "--head", self.kept, "--key-file", "key",
                        "s:7", status=OK)
            os.remove(self.path(self.blob() + ".damaged"))
            self.put(self.blob(), self.damaged)


class SealTest(StreamTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("openssl"):
            self.skipTest("no openssl")
        for name in ("mine", "other"):
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519",
                            "-out", self.path(name)], check=True,
                           capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", self.path(name),
                            "-pubout", "-out", self.path(name + ".pub")],
                           check=True, capture_output=True)
        self.append(b"".join(b"event-%d\n" % n for n in range(9)))
        self.append(b"other\n", stream="s:12")
        if "zstd" in self.seal("s:7", status=None).stderr:
            self.skipTest("built without zstd")

    def seal(self, *args, status=OK):
        return self.seglog("seal", *args, status=status)

    def test_seal__stream__its_segments_signed(self):
        head = self.head()
        self.assertEqual(self.seal("s:7").stdout, b"")
        done = self.seal("--all", "s:7")
        self.assertIn(b"s:7: 1 segment with 9 events, ", done.stdout)
        self.append(b"more\n")
        done = self.seal("--sign", "mine", "s:stream.7")
        self.assertIn(b"s:stream.7: 1 segment with 9 events, signed, ",
                      done.stdout)
        done = self.seal("--sign", "mine", "s:7")
        self.assertIn("1 segment was sealed already", done.stderr)
        self.seglog("verify", "--key", "mine.pub", "--head", head, "s:7")
        done = self.seglog("verify", "--key", "other.pub", "s:7",
                           status=DAMAGED)
        self.assertIn("event 9: the signature is not by this key", done.stderr)
        self.assertEqual(
            self.seglog("cat", "s:7").stdout,
            b"".join(b"event-%d\n" % n for n in range(9)) + b"more\n")

    def test_seal__store_of_streams__all_of_them(self):
        done = self.seal("--all", "--json", "--sign", "mine", "s")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line.get("stream") for line in lines],
                         [7, 12, None])
        self.assertEqual([line["events"] for line in lines[:2]], [9, 1])
        self.assertEqual(lines[2]["summary"]["sealed"], 2)
        for stream in ("s:7", "s:12"):
            self.seglog("verify", "--key", "mine.pub", stream)

    def test_seal__sign_of_what_is_no_stream_or_no_key__is_refused(self):
        self.seal("--sign", "mine", self.blob(), status=USAGE)
        self.seal("--sign", "mine.pub", "s:7", status=FAILED)
        self.seal("--sign", "nowhere", "s:7", status=FAILED)
        self.seal("--sign", "mine", "s:8", status=USAGE)
        self.seal("--sign", "mine", "s:stream.8", status=FAILED)


class CompactedTest(StreamTest):
    LINES = [b"event-%d" % n for n in range(30)]

    def setUp(self):
        super().setUp()
        for line in self.LINES:
            self.append(line + b"\n")
        if b"no zstd" in self.compact("--all", status=None).stderr.encode():
            self.skipTest("built without zstd")

    def compact(self, *args, status=OK):
        return self.seglog("compact", *args, "s:7", status=status)

    def mark(self, *offsets, status=OK):
        return self.seglog("tombstone", "s:7", *map(str, offsets),
                           status=status)


class CompactTest(CompactedTest):
    def everywhere(self):
        return b"".join(self.get("s/" + name)
                        for name in os.listdir(self.path("s")))

    def test_tombstone__events__move_the_head_and_can_be_read(self):
        before = self.head()
        head = self.mark(3, 4).stdout.decode().strip()
        self.assertEqual(head, self.head())
        self.assertNotEqual(head, before)
        self.assertEqual(head.split()[0], "30")
        done = self.mark(4)
        self.assertIn("event 4 is marked already", done.stderr)
        self.assertEqual(done.stdout.decode().strip(), head)
        self.assertEqual(self.seglog("cat", "s:7").stdout,
                         b"".join(line + b"\n" for line in self.LINES))
        self.seglog("verify", "--head", head, "--head", before, "s:7")

    def test_tombstone__of_none__says_so(self):
        before = self.head()
        self.assertIn("no such event", self.mark(30, status=FAILED).stderr)
        self.mark("x", status=USAGE)
        self.mark(1, "-1", status=USAGE)
        self.seglog("tombstone", "s:7", status=USAGE)
        self.seglog("tombstone", "s:8", "0", status=FAILED)
        self.seglog("tombstone", "nowhere:7", "0", status=FAILED)
        self.assertEqual(self.head(), before)

    def test_compact__marked_events__are_gone_and_heads_stay(self):
        heads = [self.head(), head_of(self.LINES[:4]), head_of(self.LINES[:9])]
        heads.append(self.mark(3, 4, 17).stdout.decode().strip())
        done = self.compact("--keep", "--all")
        self.assertNotIn(b"dropped", done.stdout)
        done = self.compact()
        self.assertIn(b"3 events dropped", done.stdout)
        self.assertEqual(self.head(), heads[-1])
        done = self.seglog("cat", "s:7")
        self.assertEqual(done.stdout, b"".join(
            line + b"\n" for n, line in enumerate(self.LINES)
            if n not in (3, 4, 17)))
        for n in (3, 4, 17):
            self.assertIn("event %d was dropped on purpose" % n, done.stderr)
            self.assertNotIn(b"event-%d\n" % n, self.everywhere() + b"\n")
        self.seglog("verify", *sum((["--head", head] for head in heads), []),
                    "s:7")
        self.assertIn(b"nothing to do", self.compact().stdout)
        # It goes on as if nothing had been.
        self.append(b"more\n", "--expect", "30")
        self.seglog("verify", "s:7")

    def test_compact__small_segments__are_merged(self):
        for n in range(5):
            self.append(b"more-%d\n" % n)
            self.compact("--all", "--merge", "1")
        self.assertIn(b"6 segments to 1, ", self.compact().stdout)
        self.seglog("verify", "s:7")
        self.assertEqual(len(self.seglog("cat", "s:7").stdout.split()), 35)

    def test_compact__with_a_key__signs(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                        self.path("mine")], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", self.path("mine"), "-pubout",
                        "-out", self.path("mine.pub")], check=True,
                       capture_output=True)
        self.append(b"more\n")
        self.compact("--all", "--sign", "mine")
        self.seglog("verify", "--key", "mine.pub", "s:7")
        self.compact("--sign", "mine.pub", status=FAILED)

    def test_compact__damaged_segment__stays_as_it_is(self):
        self.append(b"more\n")
        name = sorted(name for name in os.listdir(self.path("s"))
                      if name.endswith(".seg"))[-1]
        data = bytearray(self.get("s/" + name))
        data[data.index(b"more")] ^= 4
        self.put("s/" + name, bytes(data))
        self.compact("--all", status=DAMAGED)
        self.assertEqual(self.get("s/" + name)[:len(data) - 70],
                         bytes(data)[:-70])

    def test_compact__wrong_command_line__says_so(self):
        for wrong in (("--level", "20"), ("--merge", "x"), ("--block", "1K"),
                      ("--threads", "0")):
            self.compact(*wrong, status=USAGE)
        self.seglog("compact", "s", status=USAGE)
        self.seglog("compact", "s:8", status=FAILED)
        self.seglog("compact", "nowhere:7", status=FAILED)
        self.compact("--sign", "nowhere", status=FAILED)


class TrimTest(CompactedTest):
    """Thirty events in a segment, and four in one each."""

    def setUp(self):
        super().setUp()
        for n in range(30, 34):
            self.append(b"event-%d\n" % n)
            self.compact("--all", "--merge", "1")

    def trim(self, before, status=OK):
        return self.seglog("trim", "--before", str(before), "s:7",
                           status=status)

    def test_trim__first_segments__go_and_the_rest_stays(self):
        head = self.head()
        done = self.trim(29)
        self.assertEqual(done.stdout, b"s:7: 0 segments removed, 0 bytes; it "
                         b"begins at offset 0\n")
        size = os.path.getsize(self.path(self.blob()))
        size += os.path.getsize(self.path(
            "s/stream.7.0000000001.0000000001.00000000000000000030.seg"))
        done = self.trim(31)
        self.assertEqual(done.stdout, b"s:7: 2 segments removed, %d bytes; it "
                         b"begins at offset 31\n" % size)
        self.assertEqual(self.head(), head)
        self.assertIn(b"3 events from 31 on", self.seglog("verify",
                                                          "s:7").stdout)
        self.seglog("verify", "--head", head, "s:7")
        self.seglog("verify", "--from", "3", "s:7")
        self.assertEqual(self.seglog("cat", "s:7").stdout,
                         b"event-31\nevent-32\nevent-33\n")
        done = self.seglog("cat", "--from", "30", "s:7", status=FAILED)
        self.assertIn("it begins at offset 31", done.stderr)
        done = self.seglog("tombstone", "s:7", "30", status=FAILED)
        self.assertIn("it begins at offset 31", done.stderr)
        self.append(b"more\n", "--expect", "34")
        self.seglog("check", "s")

    def test_trim__first_segment_lost__is_told(self):
        self.trim(31)
        os.remove(self.path("s/stream.7.begin.seg"))
        self.seglog("verify", "s:7", status=DAMAGED)
        self.seglog("cat", "s:7", status=DAMAGED)

    def test_trim__wrong_command_line__says_so(self):
        self.seglog("trim", "s:7", status=USAGE)
        self.trim("x", status=USAGE)
        self.trim(-1, status=USAGE)
        self.seglog("trim", "--before", "3", "s", status=USAGE)
        self.seglog("trim", "--before", "3", "s:8", status=FAILED)
        self.seglog("trim", "--before", "3", "nowhere:7", status=FAILED)
        self.assertIn(b"--before OFFSET",
                      self.seglog("trim", "--help").stdout)


class ScrubTest(StreamTest):
    def setUp(self):
        super().setUp()
        self.append(b"".join(b"event-%d\n" % n for n in range(9)))
        self.append(b"other\n", stream="s:12")

    def scrub(self, *args, status=OK):
        return self.seglog("scrub", *args, "s", status=status)

    def test_scrub__good_streams__is_ok(self):
        self.assertIn(b"s: OK: ", self.scrub("--rate", "5").stdout)
        self.assertTrue(os.path.exists(self.path("s/scrub.seg")))
        self.seglog("check", "s/scrub.seg")

    def test_scrub__planted_flip__names_all_of_it_and_what_to_do(self):
        data = bytearray(self.get(self.blob()))
        data[data.index(b"event-4")] ^= 16
        self.put(self.blob(), bytes(data))
        for _ in range(2):
            done = self.scrub(status=DAMAGED)
            self.assertIn("s:7: events 0 to 8: checksum mismatch", done.stderr)
            self.assertIn(self.blob() + ": put back a copy", done.stderr)
            self.assertNotIn("s:12", done.stderr)

    def test_scrub__session_beside_streams__is_looked_at(self):
        name = ("0190a000-0000-7000-8000-000000000001."
                "0190a000-0000-7000-8000-000000000001.seg")
        shutil.copy(self.path(self.blob()), self.path("s/" + name))
        self.scrub()
        data = bytearray(self.get("s/" + name))
        data[data.index(b"event-4")] ^= 16
        self.put("s/" + name, bytes(data))
        done = self.scrub(status=DAMAGED)
        self.assertIn("s/" + name + ": ", done.stderr)
        self.assertIn("put back a copy", done.stderr)
        self.assertNotIn("s:7", done.stderr)
        for stream in (7, 12):
            os.remove(self.path("s/stream.%d.0000000000.0000000000."
                                "00000000000000000000.seg" % stream))
        self.scrub(status=DAMAGED)

    def test_scrub__for_ever__until_a_signal(self):
        process = subprocess.Popen(
            [cli.tool("seglog"), "scrub", "--forever", "--pause", "1000", "s"],
            cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not os.path.exists(self.path("s/scrub.seg")):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        self.addCleanup(process.kill)
        done = self.scrub(status=FAILED)
        self.assertIn("somebody else scrubs it", done.stderr)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, OK)
        self.assertIn(b"stopped", err)
        self.scrub()

    def test_scrub__wrong_command_line__says_so(self):
        self.scrub("--rate", "0", status=USAGE)
        self.scrub("--pause", "x", status=USAGE)
        os.mkdir(self.path("empty"))
        done = self.seglog("scrub", "empty", status=FAILED)
        self.assertIn("no streams", done.stderr)
        self.seglog("scrub", "nowhere", status=FAILED)
        self.assertFalse(os.path.exists(self.path("nowhere")))


if __name__ == "__main__":
    cli.main("seglog")
