#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""json2seg: options, messages, exit status, and what is on the disk after.

Goal    what the manual page says is what happens, to the letter.
Method  one program run for each sentence; segments are read by seg2json.
"""
import json
import os
import signal
import stat
import subprocess
import threading
import time
import unittest

import cli
from cli import DAMAGED, FAILED, OK, USAGE

STDIN = "(standard input)"
BAD = b'{"a":1}\n{"b":}\n\n{"c":3}{"d":4}\n'
BAD_SAID = (
    "seglog: %s: line 2 (byte 6): unexpected character; stored as it is\n"
    "seglog: %s: line 4 (byte 8): a second value on the line; "
    "stored as it is\n")


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


class UsageTest(cli.CliTest):
    def test_wrong_command_lines(self):
        cases = {
            ("--nope",): "option --nope is not known",
            ("-x",): "option -x is not known",
            ("-o",): "option -o needs a value",
            ("--output",): "option --output needs a value",
            ("--append=1", "-o", "x"): "option --append=1 takes no value",
            ("--group", "0"): "--group needs a number from 1 to 65536, "
                              "not '0'",
            ("--group", "3x"): "--group needs a number from 1 to 65536, "
                               "not '3x'",
            ("--group", "99999999999999999999"):
                "--group needs a number from 1 to 65536, "
                "not '99999999999999999999'",
            ("--codec", "gzip"): "--codec is auto, none, deflate or zstd",
            ("--level", "0"): "--level needs a number from 1 to 19, not '0'",
            ("--codec", "deflate", "--level", "10"):
                "--level is 1 to 9 for --codec deflate",
            ("--codec", "zstd", "--level", "20"):
                "--level needs a number from 1 to 19, not '20'",
            ("--codec", "none", "--level", "3"):
                "--level goes with a codec that compresses",
            ("a", "b"): "'b' is too much",
            ("--append",): "--append needs -o OUT",
            ("--append", "-o", "-"): "--append needs -o OUT",
            ("--append", "--force", "-o", "x"):
                "--append and --force exclude each other",
            ("--sync",): "--sync goes with --append",
        }
        for args, why in cases.items():
            with self.subTest(args):
                done = self.json2seg(*args, status=USAGE)
                self.assertEqual(done.stderr, "json2seg: %s; "
                                 "try 'json2seg --help'\n" % why)
                self.assertEqual(done.stdout, b"")
        self.assertEqual(self.names(), [])

    def test_help_and_version(self):
        done = self.json2seg("--help", status=OK)
        for word in (b"Usage: json2seg", b"--append", b"--group", b"--typed",
                     b"--strict", b"--force", b"--json", b"--sync",
                     b"Exit status"):
            self.assertIn(word, done.stdout)
        self.assertLess(max(map(len, done.stdout.splitlines())), 80)
        done = self.json2seg("--version", status=OK)
        self.assertRegex(done.stdout.decode(),
                         r"\Aseglog \d+\.\d+\.\d+\nformat version 1\n"
                         r"JSON lexer version \d+\n\Z")

    def test_missing_input(self):
        done = self.json2seg("nowhere", "-o", "out", status=FAILED)
        self.assertEqual(done.stderr, "seglog: nowhere: it cannot be opened: "
                         "No such file or directory\n")
        self.assertEqual(self.names(), [])

    def test_folder_as_input(self):
        done = self.json2seg(".", "-o", "out", status=FAILED)
        self.assertEqual(done.stderr,
                         "seglog: .: read failed: Is a directory\n")
        self.assertEqual(self.names(), [])

    def test_output_in_a_missing_folder(self):
        done = self.json2seg("-o", "no/out", status=FAILED)
        self.assertRegex(done.stderr, r"\Aseglog: no/out: .*No such file")

    def test_input_is_output(self):
        self.put("x", b"{}\n")
        for args in (["-o", "x", "--force"], ["--append", "-o", "x"]):
            done = self.json2seg("x", *args, status=FAILED)
            self.assertEqual(done.stderr,
                             "seglog: x: it is both input and output\n")
        self.assertEqual(self.get("x"), b"{}\n")

    def test_name_with_a_line_feed_in_a_message(self):
        done = self.json2seg("a\nb", status=FAILED)
        self.assertEqual(len(done.stderr.splitlines()), 1)


class FaultTest(cli.CliTest):
    def test_faults_are_said_and_stored(self):
        done = self.json2seg("-o", "seg", data=BAD, status=DAMAGED)
        self.assertEqual(done.stderr, BAD_SAID % (STDIN, STDIN))
        self.assertEqual(self.lines_of("seg"), BAD)
        self.put("in", BAD)
        done = self.json2seg("in", "--force", "-o", "seg", status=DAMAGED)
        self.assertEqual(done.stderr, BAD_SAID % ("in", "in"))

    def test_no_fault(self):
        """What RFC 8259 rejects is a fault, and what it allows is none."""
        data = (b'\xef\xbb\xbf{"a":1}\r\n\n  \r\n[1,2]\n"x"\n'
                b'{"a":1,"a":2}\n"\\ud800"\nnull')
        self.assertEqual(self.json2seg(data=data, status=OK).stderr, "")

    def test_reasons(self):
        cases = {
            b"\0\0\0\0": (1, "4 NUL bytes"),
            b"\0": (1, "NUL byte"),
            b'{"a":"\xff"}': (7, "invalid UTF-8"),
            b'{"a":1': (7, "the line ends inside a value"),
            b'{"a":"b': (8, "the line ends inside a string"),
            b"[" * 1025: (1025, "nested too deep"),
            b"[1,]": (4, "comma before a closing bracket"),
        }
        for line, (byte, reason) in cases.items():
            with self.subTest(line[:20]):
                done = self.json2seg(data=b"{}\n" + line + b"\n",
                                     status=DAMAGED)
                self.assertEqual(
                    done.stderr,
                    "seglog: %s: line 2 (byte %d): %s; stored as it is\n"
                    % (STDIN, byte, reason))

    def test_fault_in_a_line_that_comes_in_parts(self):
        data = b'"' + b"a" * cli.RECORD_MAX + b'"x\n'
        done = self.json2seg(data=data, status=DAMAGED)
        self.assertEqual(
            done.stderr, "seglog: %s: line 1 (byte %d): unexpected character; "
            "stored as it is\n" % (STDIN, len(data) - 1))
        done = self.json2seg(data=b"\0" * (cli.RECORD_MAX + 5), status=DAMAGED)
        self.assertIn("line 1 (byte 1): %d NUL bytes" % (cli.RECORD_MAX + 5),
                      done.stderr)

    def test_ten_faults_and_the_rest(self):
        for count, more in ((10, None), (11, 1), (25, 15)):
            done = self.json2seg(data=b"x\n" * count, status=DAMAGED)
            said = done.stderr.splitlines()
            self.assertEqual(len(said), 10 + (more is not None))
            if more:
                self.assertEqual(said[-1], "seglog: %s: ... and %d more"
                                 % (STDIN, more))

    def test_faults_as_json(self):
        done = self.json2seg("--json", data=b"{}\nx\n" * 12, status=DAMAGED)
        said = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual(len(said), 12)
        self.assertEqual(said[1], {
            "file": STDIN, "line": 4, "byte": 1, "offset": 8,
            "reason": "a bare word other than true, false or null"})

    def test_strict_leaves_nothing(self):
        done = self.json2seg("--strict", "-o", "seg", data=BAD, status=DAMAGED)
        self.assertEqual(
            done.stderr, "seglog: %s: line 2 (byte 6): unexpected character; "
            "stopped here\n" % STDIN)
        self.assertEqual(self.names(), [])

    def test_strict_append_keeps_what_came_before(self):
        self.json2seg("--strict", "--append", "-o", "seg", data=BAD,
                      status=DAMAGED)
        self.assertEqual(self.lines_of("seg"), b'{"a":1}\n')

    def test_strict_without_faults(self):
        self.json2seg("--strict", "-o", "seg", data=b"{}\n", status=OK)
        self.assertEqual(self.lines_of("seg"), b"{}\n")


class OutputTest(cli.CliTest):
    def test_existing_output_needs_force(self):
        self.json2seg("-o", "seg", data=b"1\n", status=OK)
        before = self.get("seg")
        done = self.json2seg("-o", "seg", data=b"2\n", status=FAILED)
        self.assertEqual(done.stderr, "seglog: seg: it exists already; "
                         "--force replaces it\n")
        self.assertEqual(self.get("seg"), before)
        self.json2seg("-o", "seg", "--force", data=b"2\n", status=OK)
        self.assertEqual(self.lines_of("seg"), b"2\n")
        self.assertEqual(self.names(), ["seg"])

    def test_temporary_file_of_another_run(self):
        self.put("seg.tmp", b"")
        done = self.json2seg("-o", "seg", data=b"1\n", status=FAILED)
        self.assertEqual(
            done.stderr, "seglog: seg.tmp: it exists: an interrupted run has "
            "left it, or another one is at work; remove it or use --force\n")
        self.assertEqual(self.names(), ["seg.tmp"])
        self.json2seg("-o", "seg", "--force", data=b"1\n", status=OK)
        self.assertEqual(self.names(), ["seg"])

    def test_output_appears_when_it_is_complete(self):
        running = self.start("json2seg", "-o", "seg")
        running.stdin.write(b"1\n")
        running.stdin.flush()
        self.assertTrue(wait_until(lambda: self.names() == ["seg.tmp"]))
        running.stdin.close()
        self.assertEqual(running.wait(20), OK)
        self.assertEqual(self.names(), ["seg"])

    def test_interrupted_output_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            running = self.start("json2seg", "-o", "seg")
            running.stdin.write(b"1\n")
            running.stdin.flush()
            self.assertTrue(wait_until(lambda: self.names() == ["seg.tmp"]))
            running.send_signal(number)
            self.assertEqual(running.wait(20), -number)
            self.assertEqual(self.names(), [])

    def test_ignored_hangup_stays_ignored(self):
        running = self.start(
            "json2seg", "-o", "seg",
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        running.stdin.write(b"1\n")
        running.stdin.flush()
        self.assertTrue(wait_until(lambda: self.names() == ["seg.tmp"]))
        running.send_signal(signal.SIGHUP)
        running.stdin.close()
        self.assertEqual(running.wait(20), OK)
        self.assertEqual(self.lines_of("seg"), b"1\n")

    def test_dash_is_standard_output(self):
        made = self.json2seg("-o", "-", "-", data=b"1\n", status=OK)
        self.assertEqual(self.seg2json(data=made.stdout).stdout, b"1\n")

    def test_output_behind_other_bytes_is_refused(self):
        self.put("out", b"something")
        with open(self.path("out"), "ab") as target:
            done = self.json2seg(data=b"1\n", stdout=target, status=FAILED)
        self.assertIn("cannot follow", done.stderr)
        self.assertEqual(self.get("out"), b"something")

    def test_terminal_is_refused(self):
        primary, secondary = cli.open_terminal(self)
        try:
            done = self.json2seg(data=b"1\n", stdout=secondary, status=USAGE)
            self.assertIn("not written to a terminal", done.stderr)
        finally:
            os.close(primary)
            os.close(secondary)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_full_device(self):
        done = self.json2seg("-o", "/dev/full", data=b"1\n" * 9, status=FAILED)
        self.assertRegex(done.stderr, r"\Aseglog: /dev/full: (offset \d+: )?"
                         r"write failed: No space left on device\n\Z")
        with open("/dev/full", "wb") as full:
            done = self.json2seg(data=b"1\n", stdout=full, status=FAILED)
        self.assertIn("seglog: (standard output): ", done.stderr)
        self.assertIn("No space left on device\n", done.stderr)
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/full").st_mode))

    def test_full_disk(self):
        """A limit on the size of files stands for a full disk."""
        import resource

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        done = self.json2seg("-o", "seg", data=b'"0123456789"\n' * 99_999,
                             status=FAILED, preexec_fn=limit)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(self.names(), [])

    def test_closed_pipe(self):
        self.put("in", b'"%s"\n' % (b"x" * 3000) * 2000)
        running = self.start("json2seg", "in", stdout=subprocess.PIPE)
        running.stdout.read(10)
        running.stdout.close()
        self.assertEqual(running.wait(20), OK)
        self.assertEqual(running.stderr.read(), b"")

    def test_permissions_follow_the_umask(self):
        self.json2seg("-o", "seg", data=b"1\n", status=OK,
                      preexec_fn=lambda: os.umask(0o027))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("seg")).st_mode),
                         0o640)

    def test_symbolic_link_is_replaced_not_followed(self):
        self.json2seg("-o", "real", data=b"1\n", status=OK)
        os.symlink("real", self.path("link"))
        self.json2seg("-o", "link", data=b"2\n", status=FAILED)
        self.json2seg("-o", "link", "--force", data=b"2\n", status=OK)
        self.assertEqual(self.lines_of("real"), b"1\n")
        self.assertEqual(self.lines_of("link"), b"2\n")


class CodecTest(cli.CliTest):
    LINES = b"".join(b'{"time":"2024-05-01T12:00:%02dZ","level":"info",'
                     b'"message":"request %d served"}\n' % (n % 60, n)
                     for n in range(400))

    def stat(self, name):
        return json.loads(self.run_tool("seglog", "stat", "--json", name,
                                        status=OK).stdout)

    def test_compressed_and_back(self):
        for options in ([], ["--level", "1"], ["--group", "7"]):
            with self.subTest(options):
                self.json2seg("--codec", "deflate", *options, "--force", "-o",
                              "c.seg", data=self.LINES, status=OK)
                self.assertEqual(self.seg2json("c.seg", status=OK).stdout,
                                 self.LINES)
                self.assertLess(len(self.get("c.seg")), len(self.LINES) // 3)
                stat = self.stat("c.seg")
                self.assertEqual(stat["codec"], "deflate")
                self.assertEqual(stat["compressed_frames"],
                                 stat["record_frames"])
        text = self.run_tool("seglog", "stat", "c.seg", status=OK).stdout
        self.assertIn(b"codec     deflate, ", text)

    def test_append_goes_on_as_the_segment_is(self):
        lines = self.LINES.splitlines(keepends=True)
        for line in lines[:30]:
            self.json2seg("--append", "--codec", "deflate", "-o", "c.seg",
                          data=line, status=OK)
        for options in ([], ["--codec", "auto"], ["--level", "9"]):
            self.json2seg("--append", *options, "-o", "c.seg",
                          data=lines.pop(30), status=OK)
        self.json2seg("--append", "-o", "c.seg", data=b"".join(lines[30:]),
                      status=OK)
        self.assertEqual(self.seg2json("c.seg", status=OK).stdout, self.LINES)
        self.assertEqual(self.stat("c.seg")["codec"], "deflate")
        self.json2seg("--codec", "none", "-o", "n.seg", data=lines[0],
                      status=OK)
        self.json2seg("--append", "-o", "n.seg", data=lines[1], status=OK)
        self.assertEqual(self.stat("n.seg")["codec"], "none")

    def test_append_with_another_codec_is_refused(self):
        self.json2seg("--codec", "deflate", "-o", "c.seg", data=b"1\n",
                      status=OK)
        self.json2seg("--codec", "none", "-o", "n.seg", data=b"1\n",
                      status=OK)
        for name, options, why in (
                ("c.seg", ["--codec", "none"],
                 "c.seg has --codec deflate, and stays so"),
                ("n.seg", ["--codec", "deflate"],
                 "n.seg has --codec none, and stays so"),
                ("n.seg", ["--level", "5"],
                 "n.seg is not compressed, and stays so: --level does "
                 "nothing")):
            with self.subTest(name=name, options=options):
                before = self.get(name)
                done = self.json2seg("--append", *options, "-o", name,
                                     data=b"2\n", status=USAGE)
                self.assertEqual(done.stderr, "json2seg: %s; "
                                 "try 'json2seg --help'\n" % why)
                self.assertEqual(self.get(name), before)

    def test_default_is_compressed(self):
        self.json2seg("-o", "d.seg", data=self.LINES, status=OK)
        self.assertLess(len(self.get("d.seg")), len(self.LINES) // 3)
        self.assertNotEqual(self.stat("d.seg")["codec"], "none")

    def test_damage_takes_with_it_what_depends_on_it(self):
        self.json2seg("--codec", "deflate", "-o", "c.seg", data=self.LINES,
                      status=OK)
        done = self.run_tool("seglog", "damage", "--seed", "1", "c.seg", "-o",
                             "d.seg", status=FAILED)
        self.assertIn("c.seg: it is compressed; ", done.stderr)
        seg = bytearray(self.get("c.seg"))
        seg[2000] ^= 1
        self.put("c.seg", seg)
        done = self.run_tool("seglog", "check", "--json", "c.seg",
                             status=DAMAGED)
        one, rest, _ = map(json.loads, done.stdout.splitlines())
        self.assertEqual(one["first_record"], one["last_record"])
        self.assertEqual(rest["cause"], "depends-on")
        self.assertEqual(rest["depends_on"], one["first_record"])
        self.assertEqual(rest["first_record"], one["first_record"] + 1)
        self.assertEqual(rest["last_record"], 400)


class AppendTest(cli.CliTest):
    def sink(self, *args):
        return self.start("json2seg", "--append", "-o", "seg", *args)

    def test_makes_and_goes_on(self):
        self.json2seg("--append", "-o", "seg", data=b"1\n2\n", status=OK)
        self.json2seg("--append", "-o", "seg", data=b"3\n", status=OK)
        self.json2seg("--append", "-o", "seg", data=b"", status=OK)
        self.assertEqual(self.lines_of("seg"), b"1\n2\n3\n")
        self.assertEqual(self.names(), ["seg"])

    def test_last_line_without_line_feed(self):
        self.json2seg("--append", "-o", "seg", data=b"1\n2", status=OK)
        self.assertEqual(self.lines_of("seg"), b"1\n2")
        self.json2seg("--append", "-o", "seg", data=b"3", status=OK)
        self.assertEqual(self.lines_of("seg"), b"1\n2\n3")

    def test_each_line_is_there_at_once(self):
        for args in ([], ["--sync"]):
            sink = self.start("json2seg", "--append", "-o", "live", *args)
            sent = b""
            for number in range(20):
                line = b'{"n":%d}\n' % number
                sink.stdin.write(line)
                sink.stdin.flush()
                sent += line
                self.assertTrue(wait_until(
                    lambda want=sent: "live" in self.names() and
                    self.seg2json("live").stdout.endswith(want)))
            # A part of a line waits for its rest.
            sink.stdin.write(b'{"n":')
            sink.stdin.flush()
            time.sleep(0.05)
            self.assertTrue(self.seg2json("live").stdout.endswith(sent))
            sink.stdin.write(b"99}\n")
            sink.stdin.close()
            self.assertEqual(sink.wait(20), OK)
            self.assertTrue(self.lines_of("live").endswith(b'{"n":99}\n'))

    def test_signal_ends_it_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number):
                sink = self.sink()
                sink.stdin.write(b'{"a":1}\n{"b":')
                sink.stdin.flush()
                self.assertTrue(wait_until(
                    lambda: "seg" in self.names() and
                    self.seg2json("seg").stdout == b'{"a":1}\n'))
                sink.send_signal(number)
                self.assertEqual(sink.wait(20), DAMAGED)
                self.assertEqual(self.lines_of("seg"), b'{"a":1}\n{"b":')
                os.remove(self.path("seg"))

    def test_signal_between_lines(self):
        sink = self.sink()
        sink.stdin.write(b'{"a":1}\n')
        sink.stdin.flush()
        self.assertTrue(wait_until(
            lambda: "seg" in self.names() and
            self.seg2json("seg").stdout == b'{"a":1}\n'))
        sink.send_signal(signal.SIGTERM)
        self.assertEqual(sink.wait(20), OK)
        self.assertEqual(self.lines_of("seg"), b'{"a":1}\n')
        # A clean end leaves a closing mark: its 70 bytes are the last.
        self.assertEqual(self.get("seg")[-70:-67], b"\xc0\x40\x02")

    def test_signal_while_lines_pour_in(self):
        """What was in the pipe at the signal is in the segment."""
        sink = self.sink()
        written = []

        def pour():
            number = 0
            try:
                while True:
                    os.write(sink.stdin.fileno(), b"%d\n" % number)
                    written.append(number)
                    number += 1
            except OSError:
                pass

        feeder = threading.Thread(target=pour)
        feeder.start()
        self.assertTrue(wait_until(
            lambda: len(written) > 2000 and "seg" in self.names()))
        sink.send_signal(signal.SIGTERM)
        self.assertEqual(sink.wait(20), OK)
        feeder.join()
        lines = self.lines_of("seg").split()
        self.assertEqual(lines, [b"%d" % n for n in range(len(lines))])
        self.assertGreater(len(lines), 2000)

    def test_several_sinks_at_once(self):
        sinks = [self.sink() for _ in range(6)]

        def feed(number, sink):
            for line in range(500):
                sink.stdin.write(b"[%d,%d]\n" % (number, line))
                if line % 7 == 0:
                    sink.stdin.flush()
            sink.stdin.close()

        feeders = [threading.Thread(target=feed, args=pair)
                   for pair in enumerate(sinks)]
        for feeder in feeders:
            feeder.start()
        for feeder in feeders:
            feeder.join()
        for sink in sinks:
            self.assertEqual(sink.wait(60), OK, sink.stderr.read())
        lines = [json.loads(line)
                 for line in self.lines_of("seg").splitlines()]
        self.assertEqual(len(lines), 6 * 500)
        for number in range(6):
            self.assertEqual([line for sink, line in lines if sink == number],
                             list(range(500)))

    def test_groups_of_several_sinks_stay_whole(self):
        sinks = [self.sink("--group", "5") for _ in range(3)]
        for number, sink in enumerate(sinks):
            for _ in range(100):
                sink.stdin.write(b"%d\n" % number * 5)
                sink.stdin.flush()
            sink.stdin.close()
        for sink in sinks:
            self.assertEqual(sink.wait(60), OK, sink.stderr.read())
        lines = self.lines_of("seg").split()
        self.assertEqual(len(lines), 1500)
        for at in range(0, 1500, 5):
            self.assertEqual(len(set(lines[at:at + 5])), 1)

    def test_group_waits_for_its_lines(self):
        sink = self.sink("--group", "3")
        sink.stdin.write(b"1\n2\n3\n4\n")
        sink.stdin.flush()
        self.assertTrue(wait_until(
            lambda: "seg" in self.names() and
            self.seg2json("seg").stdout == b"1\n2\n3\n"))
        sink.stdin.close()
        self.assertEqual(sink.wait(20), OK)
        self.assertEqual(self.lines_of("seg"), b"1\n2\n3\n4\n")

    def test_kill_loses_nothing_that_was_written(self):
        sink = self.sink()
        for number in range(50):
            sink.stdin.write(b"%d\n" % number)
        sink.stdin.flush()
        want = b"".join(b"%d\n" % n for n in range(50))
        self.assertTrue(wait_until(
            lambda: "seg" in self.names() and
            self.seg2json("seg").stdout == want))
        sink.kill()
        sink.wait()
        self.json2seg("--append", "-o", "seg", data=b"more\n", status=DAMAGED)
        self.assertEqual(self.lines_of("seg"), want + b"more\n")

    def test_torn_tail_is_cut_and_said(self):
        self.json2seg("-o", "seg", data=b'{"a":1}\n{"b":2}\n', status=OK)
        whole = self.get("seg")
        self.put("seg", whole[:-70 - 5])
        done = self.json2seg("--append", "-o", "seg", data=b'{"c":3}\n',
                             status=OK)
        self.assertEqual(done.stderr, "seglog: seg: a torn tail of 8 bytes "
                         "was cut and kept as seg.torn\n")
        self.assertEqual(self.lines_of("seg"), b'{"a":1}\n{"c":3}\n')
        self.assertEqual(self.get("seg.torn"), whole[-83:-75])

    def test_not_a_segment(self):
        self.put("seg", b"this is no segment, though it is long enough.\n" * 9)
        before = self.get("seg")
        done = self.json2seg("--append", "-o", "seg", data=b"1\n",
                             status=FAILED)
        self.assertRegex(done.stderr, r"\Aseglog: seg: ")
        self.assertEqual(self.get("seg"), before)

    def test_full_disk(self):
        """What is in the segment is a beginning of the input, and whole."""
        import resource

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

        data = b"".join(b"%d\n" % number for number in range(40_000))
        done = self.json2seg("--append", "-o", "seg", data=data,
                             status=FAILED, preexec_fn=limit)
        said = done.stderr.splitlines()
        self.assertEqual(len(said), 2, done.stderr)
        self.assertIn("File too large", said[1])
        back = self.seg2json("--strict", "seg", status=OK).stdout
        self.assertTrue(data.startswith(back))
        self.assertGreater(len(back), 0)
        self.assertEqual(said[0], "seglog: seg: stopped behind %d records of "
                         "this run" % back.count(b"\n"))
        self.json2seg("--append", "-o", "seg", data=b"more\n",
                      status=DAMAGED)
        self.assertEqual(self.lines_of("seg"), back + b"more\n")

    def test_only_files_are_appended_to(self):
        for name in (".", "/dev/null"):
            done = self.json2seg("--append", "-o", name, status=FAILED)
            self.assertEqual(done.stderr, "seglog: %s: only a file can be "
                             "appended to\n" % name)

    def test_segment_rotated_away(self):
        """What comes after a rename is in a new segment of the old name."""
        sink = self.sink()
        sink.stdin.write(b"1\n")
        sink.stdin.flush()
        self.assertTrue(wait_until(
            lambda: "seg" in self.names() and
            self.seg2json("seg").stdout == b"1\n"))
        os.rename(self.path("seg"), self.path("old"))
        # Where the name leads is asked once in a tick of the clock.
        time.sleep(0.05)
        sink.stdin.write(b"2\n")
        sink.stdin.close()
        self.assertEqual(sink.wait(20), OK, sink.stderr.read())
        self.assertEqual(self.lines_of("old"), b"1\n")
        self.assertEqual(self.lines_of("seg"), b"2\n")

    def test_line_larger_than_the_buffer(self):
        line = b'"' + b"x" * 3_000_000 + b'"\n'
        self.json2seg("--append", "-o", "seg", data=b"1\n" + line + b"2\n",
                      status=OK)
        self.assertEqual(self.lines_of("seg"), b"1\n" + line + b"2\n")


if __name__ == "__main__":
    cli.main("json2seg", "seg2json")
