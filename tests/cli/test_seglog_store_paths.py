#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""STORE, STORE:ID and the default store, in the commands that take a PATH."""
import json
import os
import signal
import time

import cli
import stores
from cli import DAMAGED, FAILED, OK, USAGE
from stores import A, A0, A1, A2, B, B1, C, C1, D, D1, blob


def lines(count):
    return b"".join(b'{"n":%d}\n' % n for n in range(1, count + 1))


class IdTest(stores.StoreTest):
    def cat(self, path, **options):
        return self.seglog("cat", path, **options)

    def test_id__of_a_session__its_latest_segment(self):
        self.assertEqual(self.cat("st:" + A).stdout, lines(2))

    def test_id__of_a_segment__that_segment(self):
        self.assertEqual(self.cat("st:" + A1).stdout, lines(5))

    def test_id__session_and_segment_alike__segment_on_request(self):
        done = self.cat("st:%s/segment" % A)
        self.assertEqual(done.stdout, lines(20))

    def test_id__segment_asked_for_and_not_there__failed(self):
        done = self.cat("st:%s/segment" % B, status=FAILED)
        self.assertIn("no segment has the same id", done.stderr)

    def test_id__any_spelling__found(self):
        for text in ("019b", B1.upper(), B1.replace("-", ""), B1[:35]):
            with self.subTest(text=text):
                self.assertEqual(self.cat("st:" + text).stdout, lines(7))

    def test_id__prefix_of_a_session_and_of_its_segments__the_session(self):
        self.assertEqual(self.cat("st:019a0000-0000").stdout, lines(2))

    def test_id__prefix_of_two_sessions__names_the_candidates(self):
        done = self.cat("st:019", status=FAILED)
        self.assertIn("st:019: 9 ids start with 019: session %s, segment %s, "
                      "session " % (D, D1), done.stderr)
        self.assertTrue(done.stderr.endswith(", ...; give more of it\n"))
        self.assertEqual(done.stderr.count("session "), 2)

    def test_id__prefix_of_several_segments__ambiguous(self):
        done = self.cat("st:019a0000-0000-7000-8000-0000000000a",
                        status=FAILED)
        self.assertIn(": 2 ids start with ", done.stderr)
        self.assertIn("segment %s, segment %s; give" % (A2, A1), done.stderr)

    def test_id__unknown__says_so(self):
        done = self.cat("st:fff", status=FAILED)
        self.assertEqual(done.stderr, "seglog: st:fff: no session and no "
                         "segment in st has an id that starts with fff\n")

    def test_id__no_such_store__says_so(self):
        done = self.cat("nowhere:12", status=FAILED)
        self.assertIn("neither such a file nor a store 'nowhere'",
                      done.stderr)

    def test_id__folder_without_a_store__says_so(self):
        os.mkdir(self.path("empty"))
        done = self.cat("empty:12", status=FAILED)
        self.assertIn("empty: it holds no session store", done.stderr)

    def test_id__file_of_that_name__wins(self):
        self.json2seg("-o", "st:019b", data=b'{"file":1}\n', status=OK)
        self.assertEqual(self.cat("st:019b").stdout, b'{"file":1}\n')

    def test_id__trace__debug_events(self):
        self.assertEqual(self.cat("st:%s/segment/trace" % A0).stdout,
                         b'{"debug":1}\n')

    def test_id__trace_there_is_not__failed(self):
        self.cat("st:019b/trace", status=FAILED)

    def test_id__store_alone__hint(self):
        done = self.cat("st", status=FAILED)
        self.assertIn("st: it is a session store; name one segment",
                      done.stderr)


class DefaultTest(stores.StoreTest):
    ENV = {"SEGLOG_STORE": "st"}

    def test_default__id__found(self):
        done = self.seglog("cat", ":019b", env=self.ENV)
        self.assertEqual(done.stdout, lines(7))

    def test_default__colon_alone__the_store(self):
        stat = self.objects("stat", "--json", ":", env=self.ENV)[0]
        self.assertEqual(stat["sessions"], 4)
        done = self.seglog("check", ":", env=self.ENV)
        self.assertIn(b"st: session store: 9 files checked", done.stdout)

    def test_default__not_set__usage(self):
        done = self.seglog("cat", ":019b", status=USAGE,
                           env={"SEGLOG_STORE": ""})
        self.assertIn("SEGLOG_STORE", done.stderr)


class FilterTest(stores.StoreTest):
    def test_seg2json__id__its_lines(self):
        self.assertEqual(self.seg2json("st:019b", status=OK).stdout, lines(7))

    def test_seg2json__onto_itself__refused(self):
        before = self.get(os.path.join("st", blob(B, B1)))
        self.seg2json("st:019b", "-o", "st/" + blob(B, B1), status=FAILED)
        self.assertEqual(self.get(os.path.join("st", blob(B, B1))), before)

    def test_repair__id__new_file(self):
        self.damage(B, B1)
        done = self.seglog("repair", "st:019b", "-o", "new.seg",
                           status=DAMAGED)
        self.assertEqual(done.stdout, b"new.seg: 6 records saved, 1 lost\n")

    def test_repair__moved_into_place__session_goes_on(self):
        self.damage(B, B1)
        self.seglog("repair", "st:019b", "-o", "new.seg", status=DAMAGED)
        os.rename(self.path("new.seg"), self.path("st/" + blob(B, B1)))
        self.make("st", 'entry %s %s {"after":1}' % (B, B1))
        done = self.seglog("cat", "st:019b")
        self.assertTrue(done.stdout.endswith(b'{"n":7}\n{"after":1}\n'))

    def test_repair__onto_itself__usage(self):
        self.seglog("repair", "--force", "st:019b", "-o",
                    "st/" + blob(B, B1), status=USAGE)

    def test_damage__id__a_copy(self):
        self.seglog("damage", "st:019b", "-o", "bad.seg", "--flip-bit", "3")
        done = self.seglog("check", "bad.seg", status=DAMAGED)
        self.assertIn("bad.seg: record 3 ", done.stderr)

    def test_damage__onto_itself__usage(self):
        before = self.get("st/" + blob(B, B1))
        self.seglog("damage", "st:019b", "--force", "-o", "st/" + blob(B, B1),
                    "--flip-bit", "3", status=USAGE)
        self.assertEqual(self.get("st/" + blob(B, B1)), before)

    def test_tail__id__last_lines(self):
        done = self.seglog("tail", "-n", "1", "st:019b")
        self.assertEqual(done.stdout, b'{"n":7}\n')

    def test_tail__followed__appended_lines(self):
        with open(self.path("out"), "wb") as out:
            running = self.start("seglog", "tail", "-f", "-n", "1", "st:019b",
                                 stdout=out)
        self.make("st", 'entry %s %s {"new":1}' % (B, B1))
        end = time.monotonic() + 60
        while not self.get("out").endswith(b'{"new":1}\n'):
            self.assertLess(time.monotonic(), end, self.get("out"))
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        self.assertEqual(running.wait(timeout=60), OK)


class StatTest(stores.StoreTest):
    def test_stat__id__as_a_file(self):
        stat = self.objects("stat", "--json", "st:019b")[0]
        self.assertEqual((stat["blob"], stat["records"]), ("st:019b", 7))

    def test_stat__store__totals(self):
        stat = self.objects("stat", "--json", "st")[0]
        size = sum(os.path.getsize(self.path("st/" + name))
                   for name in self.blobs())
        payload = len(lines(20) + lines(5) + lines(2) + lines(7)) - 34
        payload += len('{"debug":1}{"kind":"user","ts":"2025-01-02T03:04:05Z"}'
                       '{"kind":"turn_end","turn_count":1,'
                       '"ts":"2025-01-02T03:05:05Z"}')
        for name, value in {"store": "st", "sessions": 4, "segments": 6,
                            "records": 36, "trace_records": 1, "bytes": size,
                            "payload_bytes": payload,
                            "overhead_bytes": size - payload, "damaged": 0,
                            "lost": 0, "damage_cost": "one record"}.items():
            with self.subTest(name=name):
                self.assertEqual(stat[name], value)
        self.assertEqual(stat["entries_bytes"] + stat["trace_bytes"] +
                         stat["notes_bytes"] + stat["names_bytes"] +
                         stat["index_bytes"] + stat["other_bytes"], size)

    def test_stat__sessions__add_up_to_the_store(self):
        *sessions, store = self.objects("stat", "--json", "--sessions", "st")
        self.assertEqual([one["session"] for one in sessions], [A, B, C, D])
        self.assertEqual([one["segments"] for one in sessions], [3, 1, 1, 1])
        self.assertEqual([one["records"] for one in sessions], [27, 7, 0, 2])
        self.assertEqual(sessions[0]["codecs"], {"none": 4})
        for name in ("payload_bytes", "body_bytes", "header_bytes",
                     "head_bytes", "mark_bytes", "control_bytes"):
            with self.subTest(name=name):
                self.assertEqual(sum(one[name] for one in sessions),
                                 store[name])
        self.assertEqual(store["header_bytes"], 7 * 54)
        self.assertEqual(store["framing_bytes"],
                         store["header_bytes"] + store["head_bytes"] +
                         store["mark_bytes"] + store["control_bytes"])
        text = self.seglog("stat", "--sessions", "st").stdout.decode()
        self.assertIn(B + ": session, 1 segment, 7 records\n", text)

    def test_stat__store_as_text__names_the_costs(self):
        text = self.seglog("stat", "st").stdout.decode()
        self.assertTrue(text.startswith("st: session store, nothing damaged\n"
                                        "  sessions  4, of 6 segments\n"))
        self.assertIn("one damaged byte costs one record; in the index or the "
                      "notes nothing\n", text)

    def test_stat__damaged_store__status_and_loss(self):
        self.damage(B, B1)
        stat = self.objects("stat", "--json", "st", status=DAMAGED)[0]
        self.assertEqual((stat["damaged"], stat["lost"]), (1, 1))


class CheckTest(stores.StoreTest):
    def check(self, *args, status=OK):
        return self.seglog("check", *args, status=status)

    def test_check__whole_store__every_file_named(self):
        text = self.check("st").stdout.decode()
        for name in self.blobs():
            self.assertIn("st/%s: OK: " % name, text)
        self.assertTrue(text.endswith("\nst: session store: 9 files checked, "
                                      "none damaged\n"))

    def test_check__damaged_segment__named(self):
        self.damage(B, B1)
        done = self.check("st", status=DAMAGED)
        self.assertIn("seglog: st/%s: record 3 " % blob(B, B1), done.stderr)
        self.assertIn(b"9 files checked, 1 damaged, 0 derived", done.stdout)

    def test_check__damaged_trace_or_names__damage(self):
        for name in (blob(A, A0, "trace"), "names.seg"):
            with self.subTest(name=name):
                path = os.path.join("st", name)
                before = self.get(path)
                self.flip(path, len(before) - 6)
                self.check("st", "--strict", status=DAMAGED)
                self.put(path, before)

    def test_check__damaged_index__derived_and_no_damage(self):
        self.flip("st/index.seg", 100)
        done = self.check("st")
        self.assertIn(b"; derived: made anew by itself\n", done.stdout)
        self.assertIn(b"0 damaged, 1 derived and made anew\n", done.stdout)
        summaries = [one["summary"]
                     for one in self.objects("check", "--json", "st")
                     if "summary" in one]
        self.assertEqual([one["blob"] for one in summaries
                          if one.get("derived") and one["verdict"] != "OK"],
                         ["st/index.seg"])
        self.check("--strict", "st", status=DAMAGED)

    def test_check__index_that_is_no_segment__derived(self):
        self.put("st/index.seg", b"hello")
        done = self.check("st")
        self.assertIn("derived: made anew by itself", done.stderr)
        self.objects("check", "--json", "st")

    def test_check__copied_file__noted(self):
        copy = "019e0000-0000-7000-8000-000000000001"
        self.put("st/" + blob(B, copy), self.get("st/" + blob(B, B1)))
        done = self.check("st")
        self.assertIn("seglog: st/%s: its name is that of another: it was "
                      "written as entries of session %s, segment %s"
                      % (blob(B, copy), B, B1), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        notes = [one["summary"] for one in self.objects("check", "--json",
                                                        "st")
                 if "note" in one.get("summary", {})]
        self.assertEqual([one["blob"] for one in notes],
                         ["st/" + blob(B, copy)])

    def test_check__store_within_a_folder__found(self):
        os.mkdir(self.path("logs"))
        os.rename(self.path("st"), self.path("logs/st"))
        self.flip("logs/st/index.seg", 100)
        self.put("logs/a.jsonl", b"{}\n")
        done = self.check("logs")
        self.assertIn(b"logs/a.jsonl: OK", done.stdout)
        self.assertIn(b"logs/st: session store: 9 files", done.stdout)

    def test_check__index_outside_a_store__a_file_like_any(self):
        os.mkdir(self.path("logs"))
        self.json2seg("-o", "logs/index.seg", data=lines(9), status=OK)
        self.flip("logs/index.seg", 70)
        self.check("logs/index.seg", status=DAMAGED)

    def test_check__id__that_segment(self):
        self.damage(B, B1)
        self.check("st:" + C1)
        done = self.check("st:019b", "--json", status=DAMAGED)
        finding = json.loads(done.stdout.splitlines()[0])
        self.assertEqual((finding["blob"], finding["first_record"]),
                         ("st:019b", 3))


if __name__ == "__main__":
    cli.main("seglog", "json2seg", "seg2json")
