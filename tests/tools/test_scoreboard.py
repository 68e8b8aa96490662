# SPDX-License-Identifier: MIT
"""What tests/scoreboard makes of what commands say."""
import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import tempfile
import unittest

PATH = pathlib.Path(__file__).resolve().parents[1] / "scoreboard"
LOADER = importlib.machinery.SourceFileLoader("scoreboard", str(PATH))
board = importlib.util.module_from_spec(
    importlib.util.spec_from_loader("scoreboard", LOADER))
LOADER.exec_module(board)


def judge(output, status=0, name="kills"):
    return board.judge(name, status, output, 1.0)


class JudgeTest(unittest.TestCase):
    def test_score__nothing_found__ok(self):
        result = judge('much text\nscore: kills count=30 findings=0 '
                       'seeds=1-9 note="all well"\n')
        self.assertEqual((result.state, result.count, result.seeds,
                          result.note), ("ok", 30, "1-9", "all well"))
        self.assertEqual(judge("score: kills count=3 findings=0").state, "ok")

    def test_score__findings_or_bad_status__failed(self):
        self.assertEqual(judge("score: kills count=3 findings=1").state,
                         "FAILED")
        self.assertEqual(judge("score: kills count=3 findings=0", 1).state,
                         "FAILED")

    def test_score__of_another_row__failed(self):
        self.assertEqual(judge("score: cuts count=3 findings=0").state,
                         "FAILED")

    def test_score__not_the_last_line__has_not_run(self):
        result = judge("score: kills count=3 findings=0\nand more")
        self.assertEqual(result.state, "not run")

    def test_score__none__has_not_run_or_failed(self):
        self.assertEqual(judge("").state, "not run")
        self.assertEqual(judge("", 1).state, "FAILED")
        self.assertEqual(judge("", -9).state, "FAILED")
        for line in ("score: kills count=x findings=0",
                     "score: kills count=1", "score: kills findings=0",
                     'score: kills count=1 findings=0 note="open'):
            self.assertEqual(judge(line).state, "not run", line)

    def test_score__of_nothing__has_not_run(self):
        self.assertEqual(judge("score: kills count=0 findings=0").state,
                         "not run")

    def test_skipped__says_why(self):
        result = judge("no loop devices", board.SKIPPED)
        self.assertEqual(result.state, "not run")
        self.assertIn("no loop devices", result.note)


class CmockaTest(unittest.TestCase):
    def test_programs__counted(self):
        result = board.judge_cmocka(
            [("a", 0, "[  PASSED  ] 3 test(s).\n[  PASSED  ] 2 test(s).\n"),
             ("b", 0, "[  PASSED  ] 4 test(s).\n[  SKIPPED ] 1 test(s)\n")],
            1.0)
        self.assertEqual((result.state, result.count), ("ok", 9))
        self.assertIn("1 skipped", result.note)

    def test_program__fails_or_says_nothing__failed(self):
        for status, output in ((1, "[  PASSED  ] 3 test(s).\n"
                                   "[  FAILED  ] 1 test(s), listed below:\n"),
                               (0, ""), (-11, "[  PASSED  ] 3 test(s).\n")):
            result = board.judge_cmocka([("a", status, output)], 1.0)
            self.assertEqual(result.state, "FAILED", output)


class TableTest(unittest.TestCase):
    def test_rows__have_names_of_their_own_and_commands(self):
        rows = board.rows()
        self.assertEqual(len({row.name for row in rows}), len(rows))
        numbers = {int(row.number) for row in rows if row.number != "-"}
        self.assertEqual(numbers, set(range(1, 27)))
        for row in rows:
            self.assertTrue(row.command(False) and row.command(True))

    def test_saved__read_again_and_the_last_one_stands(self):
        row = board.rows()[0]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "scores"
            for count in 5, 700000:
                board.save(path, "long", [(row, board.Result(
                    "ok", count, "1-2", "a note", 2.5))])
            board.save(path, "short", [(row, board.not_run("why"))])
            kept = board.load(path)
        self.assertEqual(list(kept), [("long", row.name)])
        self.assertIn("700,000", board.best(kept, row.name))
        self.assertEqual(kept["long", row.name][9], "a note")


class MainTest(unittest.TestCase):
    def main(self, *argv):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = board.main(list(argv))
        return status, out.getvalue()

    def test_program__missing__not_run(self):
        with tempfile.TemporaryDirectory() as folder:
            status, out = self.main("--build", folder, "--only",
                                    "single_bit_flips", "--only",
                                    "store_rados")
        self.assertEqual(status, 0)
        self.assertIn("no such program", out)
        self.assertIn("not built yet", out)
        self.assertIn("2 not run", out)

    def test_program__finds_something__exit_status_1(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tests/damage/test_log_in_log"
            path.parent.mkdir(parents=True)
            path.write_text("#!/bin/sh\n"
                            "echo 'score: log_in_log count=7 findings=2'\n"
                            "exit 1\n", encoding="utf-8")
            path.chmod(0o755)
            status, out = self.main("--build", folder, "--only", "log_in_log")
        self.assertEqual(status, 1)
        self.assertIn("FAILED", out)


if __name__ == "__main__":
    unittest.main()
