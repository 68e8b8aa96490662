#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example project_sqlite: a table that follows the events.

Goal    the table counts every event once, whatever is killed when, and comes
        again when it was removed.
"""
import collections
import os
import random
import signal
import sys
import time

import cli
from cli import OK

try:
    import sqlite3
except ImportError:
    print("this Python has no sqlite3")
    sys.exit(77)

EVENTS = 1000
NAMES = ("ann", "bob", "cyd", "dan", "eve")
EXAMPLE = "../examples/project_sqlite"


class ProjectTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        draw = random.Random(7)
        self.lines = ["%s %d" % (draw.choice(NAMES), draw.randint(-99, 99))
                      for _ in range(EVENTS)]
        for place in (0, 13, 500, 999):
            self.lines[place] = "no amount"

    def append(self, lines):
        data = "".join(line + "\n" for line in lines).encode()
        self.run_tool("seglog", "events", "append", "s", data=data, status=OK)

    def want(self):
        table = collections.defaultdict(lambda: (0, 0))
        for line in self.lines:
            name, amount = line.split()
            if amount != "amount":
                total, count = table[name]
                table[name] = (total + int(amount), count + 1)
        return dict(table)

    def query(self, text):
        """None while there is no such table."""
        database = sqlite3.connect(self.path("db"), timeout=20)
        try:
            return database.execute(text).fetchall()
        except sqlite3.OperationalError:
            return None
        finally:
            database.close()

    def assert_table(self):
        rows = self.query("SELECT name, amount, events FROM balance")
        self.assertEqual({row[0]: row[1:] for row in rows}, self.want())
        dead = self.run_tool("seglog", "events", "dead", "s",
                             "project_sqlite", status=OK).stdout
        self.assertEqual([line.split(b"\t")[0] for line in dead.splitlines()],
                         [b"0", b"13", b"500", b"999"])

    def position(self):
        rows = self.query("SELECT next FROM position")
        return rows[0][0] if rows else 0

    def once(self):
        self.run_tool(EXAMPLE, "s", "db", "--once", status=OK)

    def test_once__is_exact_and_again_too(self):
        self.append(self.lines)
        self.once()
        self.assert_table()
        self.once()
        self.assert_table()

    def test_killed_in_the_middle__counts_each_event_once(self):
        self.append(self.lines)
        for stop in (60, 300, 700):
            running = self.start(EXAMPLE, "s", "db", "--once", "--batch", "1")
            while self.position() < stop and running.poll() is None:
                time.sleep(0.001)
            running.send_signal(signal.SIGKILL)
            running.wait()
            self.assertGreaterEqual(self.position(), stop)
        self.once()
        self.assert_table()

    def test_removed__comes_again(self):
        self.append(self.lines[:600])
        self.once()
        for name in ("db", "db-wal", "db-shm"):
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))
        self.append(self.lines[600:])
        self.once()
        self.assert_table()

    def test_running__follows_and_ends_by_a_signal(self):
        self.append(self.lines[:1])
        running = self.start(EXAMPLE, "s", "db")
        for first in range(1, EVENTS, 200):
            self.append(self.lines[first:first + 200])
        deadline = time.monotonic() + 60
        while self.position() < EVENTS:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        running.send_signal(signal.SIGTERM)
        self.assertEqual(running.wait(timeout=20), OK)
        self.assert_table()


if __name__ == "__main__":
    cli.main(EXAMPLE, "seglog")
