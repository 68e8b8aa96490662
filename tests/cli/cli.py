# SPDX-License-Identifier: MIT
"""What the tests of the programs share.

The programs are found in the folder SEGLOG_TOOLS (or SEGLOG_BIN_DIR).  A test
that cannot run here is skipped; a whole file that cannot ends with status 77.

    SEGLOG_CORPUS        a folder of .jsonl files for the tests over real logs
    SEGLOG_RANDOM_FILES  how many generated files are tried (default 1000)
    SEGLOG_LONG_TESTS=1  also the tests that take minutes or gigabytes
"""
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

TOOLS = os.environ.get("SEGLOG_TOOLS") or os.environ.get("SEGLOG_BIN_DIR")
CORPUS = os.environ.get("SEGLOG_CORPUS")
RANDOM_FILES = int(os.environ.get("SEGLOG_RANDOM_FILES", "1000"))
IS_LONG = os.environ.get("SEGLOG_LONG_TESTS") == "1"
# The size limit of a record in a segment that json2seg makes.
RECORD_MAX = 1 << 23

OK, FAILED, USAGE, DAMAGED, CONFLICT = range(5)


def tool(name):
    return str(pathlib.Path(TOOLS).resolve() / name)


def has_tool(name):
    return bool(TOOLS) and os.access(tool(name), os.X_OK)


def corpus_files():
    """Real logs, or none."""
    return sorted(pathlib.Path(CORPUS).rglob("*.jsonl")) if CORPUS else []


def open_terminal(test):
    """Both ends of a terminal, for machines that have one to give."""
    try:
        return os.openpty()
    except OSError as error:
        return test.skipTest("no terminal to be had: %s" % error)


def read_terminal(ours):
    """All that was written to it: comes in pieces, and ends with an error when
    nobody has the other end open any more."""
    data = b""
    try:
        while piece := os.read(ours, 65536):
            data += piece
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    return data


class CliTest(unittest.TestCase):
    """A test in an empty folder of its own."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="seglog-cli.")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def put(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return name

    def get(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def names(self):
        """What is in the folder, less the lock files of the file store."""
        return sorted(name for name in os.listdir(self.dir)
                      if not name.endswith(".lock"))

    def run_tool(self, name, *args, data=b"", status=None, **options):
        """Run to the end; standard input is data, or options["stdin"]."""
        if "stdin" not in options:
            options["input"] = data
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        done = subprocess.run([tool(name), *args], cwd=self.dir, timeout=300,
                              check=False, **options)
        done.stderr = (done.stderr or b"").decode()
        if status is not None:
            self.assertEqual(done.returncode, status, done.stderr)
        return done

    def json2seg(self, *args, **options):
        return self.run_tool("json2seg", *args, **options)

    def seg2json(self, *args, **options):
        return self.run_tool("seg2json", *args, **options)

    def start(self, name, *args, **options):
        """A program that runs beside the test."""
        options.setdefault("stdin", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        running = subprocess.Popen([tool(name), *args], cwd=self.dir,
                                   **options)
        self.addCleanup(stop, running)
        return running

    def tail_to_out(self, *args):
        """tail -f, with what it writes in the file `out`."""
        with open(self.path("out"), "wb") as out:
            return self.start("seglog", "tail", "-f", *args, stdout=out)

    def wait_for_out(self, data):
        end = time.monotonic() + 60
        while self.get("out") != data:
            if time.monotonic() > end:
                self.fail("%r instead of %r" % (self.get("out"), data))
            time.sleep(0.02)

    def lines_of(self, segment):
        return self.seg2json(segment, status=OK).stdout

    def assert_round_trip(self, data, *args):
        """Through two pipes, and byte for byte."""
        made = self.json2seg(*args, data=data)
        self.assertIn(made.returncode, (OK, DAMAGED), made.stderr)
        back = self.seg2json(data=made.stdout, status=OK)
        self.assertEqual(back.stderr, "")
        if back.stdout != data:
            self.fail("%d bytes came back as %d: %.60r..."
                      % (len(data), len(back.stdout), data))
        return made


def stop(running):
    running.kill()
    for pipe in (running.stdin, running.stdout, running.stderr):
        try:
            if pipe:
                pipe.close()
        except BrokenPipeError:
            pass
    running.wait()


def main(*needed):
    if not all(has_tool(name) for name in needed):
        print("not built, or SEGLOG_TOOLS does not say where: %s"
              % ", ".join(needed))
        sys.exit(77)
    unittest.main(verbosity=2)
