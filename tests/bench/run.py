#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The benchmark suite: every section, its rounds and its targets.

Use run.sh, which builds first.  README.md says how to read the output.
"""
import argparse
import os
import pathlib
import platform
import subprocess
import sys
import time

from lines import input_lines
from measure import Bench, Figures, Timeout, middle, quantity, rates

RECORD = 200
FRAME = RECORD + 6
MIB = 1 << 20
OVERHEAD = {"header": 54, "sync_point": 82, "closing_mark": 70}


def append(bench, figures):
    records = bench.scale(300000, 200000)
    levels = bench.scale(100000, 30000)
    jobs = {
        "floor": lambda: bench.run("floor_append", records=records),
        "text": lambda: bench.run("bench_append", records=records),
        "bytes": lambda: bench.run("bench_append", records=records,
                                   kind="bytes"),
        "group": lambda: bench.run("bench_append", records=records, group=100),
    }
    if bench.has("peer_leveldb"):
        jobs["put"] = lambda: bench.run("peer_leveldb", records=levels)
        jobs["batch"] = lambda: bench.run("peer_leveldb", records=levels,
                                          batch=100)
    got = bench.rounds_of(jobs)
    figures.ratio("text records / floor", got["text"], got["floor"], 0.6)
    figures.ratio("bytes records / floor", got["bytes"], got["floor"], 0.6)
    figures.ratio("groups of 100 / floor", got["group"], got["floor"])
    if "put" in got:
        figures.ratio("text records / LevelDB put", got["text"], got["put"], 8)
        figures.ratio("text records / LevelDB batch of 100", got["text"],
                      got["batch"])
        figures.ratio("groups of 100 / LevelDB batch of 100", got["group"],
                      got["batch"])


def flush(bench, figures):
    records = bench.scale(200000, 50000)
    got = bench.rounds_of({
        "floor": lambda: bench.run("floor_write", records=records, size=FRAME),
        "exclusive": lambda: bench.run("bench_append", records=records,
                                       level="flush"),
        "locked": lambda: bench.run("floor_write", records=records, size=FRAME,
                                    mode="lock"),
        "shared": lambda: bench.run("bench_append", records=records,
                                    level="flush", mode="shared"),
    })
    figures.ratio("exclusive / write", got["exclusive"], got["floor"], 0.85)
    figures.ratio("shared / flock fstat pwrite unlock", got["shared"],
                  got["locked"], 0.85)


def chain(bench, figures):
    values = {"records": bench.scale(400000, 100000), "size": 256}
    batch = {"group": 100, "level": "flush", "mode": "shared", **values}
    jobs = {
        "none": lambda: bench.run("bench_append", **batch),
        "xxh3": lambda: bench.run("bench_append", chain=2, **batch),
    }
    if bench.has("floor_hash"):
        jobs["hash"] = lambda: bench.run("floor_hash", **values)
        jobs["sha"] = lambda: bench.run("bench_append", chain=1, **batch)
        jobs["lean"] = lambda: bench.run("bench_append", chain=1, no_xxh3=1,
                                         **batch)
    got = bench.rounds_of(jobs)
    figures.ratio("XXH3 chain / no chain", got["xxh3"], got["none"])
    figures.add("XXH3 chain, M rec/s",
                [speed / 1e6 for speed in rates(got["xxh3"])], 2)
    if "hash" in got:
        figures.ratio("SHA-256 chain / SHA-256", got["sha"], got["hash"])
        figures.ratio("the same without digests besides", got["lean"],
                      got["hash"], 0.6)


def sync(bench, figures):
    # Short runs, many of them: a device has moods that last.
    values = {"records": 100, "distinct": 1000}
    got = bench.rounds_of({
        "floor": lambda: bench.run("floor_write", size=FRAME, mode="sync",
                                   **values),
        "seglog": lambda: bench.run("bench_append", level="sync", **values),
    }, bench.scale(15, 9))
    figures.ratio("exclusive / write fdatasync", got["seglog"], got["floor"],
                  0.9)


def scan(bench, figures):
    for size, records in ((RECORD, bench.scale(500000, 150000)),
                          (1000, bench.scale(100000, 30000))):
        made = bench.run("bench_append", records=records, size=size, keep=1)
        path = bench.path("bench_append.seg")
        got = bench.rounds_of({
            "floor": lambda: bench.run("floor_scan", file=path),
            "pieces": lambda: bench.run("floor_scan", file=path,
                                        piece=size + 6),
            "scan": lambda: bench.run("bench_scan"),
            "reader": lambda: bench.run("bench_scan", **{"with": "reader"}),
        })
        for name in ("scan", "reader"):
            for result in got[name]:
                if result["records"] != made["records"]:
                    sys.exit("bench_scan did not find all records")
            target = 0.6 if size == RECORD else None
            figures.ratio("%s, %d B / read and CRC" % (name, size), got[name],
                          got["floor"], target, "bytes")
            figures.ratio("%s, %d B / the same by pieces" % (name, size),
                          got[name], got["pieces"], None, "bytes")
        bench.clean()


def open_large(bench, figures):
    whole = bench.scale(1024, 256) * MIB
    records = whole // FRAME
    for keep, state in ((2, "unclosed"), (1, "closed")):
        made = bench.run("bench_append", records=records, keep=keep)
        got = bench.run("bench_open", records=records)
        note = "floor (open, read 64 KiB) %.3f ms; worst %%.3f ms; %.2f GiB" % (
            got["floor_ms"], made["bytes"] / (1 << 30))
        figures.add("writer, %s, ms" % state, [got["writer_ms"]], 2, True,
                    "%.3f", note=note % got["writer_worst_ms"])
        figures.add("summary, %s, ms" % state, [got["summary_ms"]], 2, True,
                    "%.3f", note=note % got["summary_worst_ms"])
    bench.clean()


def session(bench, figures):
    values = {"records": bench.scale(100000, 30000), "size": 300,
              "distinct": 1024}
    got = bench.rounds_of({
        "floor": lambda: bench.run("floor_write", mode="bare", **values),
        "append": lambda: bench.run("bench_session", **values),
    })
    figures.add("median append of 300 B / flock write unlock",
                [floor["p50_us"] / append["p50_us"] for append, floor
                 in zip(got["append"], got["floor"])], 0.6,
                note="%.2f us against %.2f us; p99 %.2f us against %.2f us" % (
                    tuple(middle([r[key] for r in got[name]])
                          for key in ("p50_us", "p99_us")
                          for name in ("append", "floor"))))
    figures.ratio("all of them / all of those", got["append"], got["floor"])
    bench.clean()

    sessions = bench.scale(10000, 2000)
    bench.run("bench_session", what="make", sessions=sessions)
    got = bench.run("bench_session", what="list", sessions=sessions)
    for key, target in (("warm_ms", 20), ("cold_ms", None)):
        figures.add("readdir and stat / list_sessions, %s" % key[:4],
                    [got["floor_ms"] / got[key]], target, form="%.1f",
                    note="%d sessions: %.3f ms against %.3f ms" % (
                        sessions, got[key], got["floor_ms"]))
    figures.add("lookup_session_of, us", [got["lookup_us"]], form="%.2f")
    bench.clean()

    made = bench.run("bench_session", what="large",
                     bytes=bench.scale(1024, 256) * MIB)
    got = bench.run("bench_session", what="resume",
                    records=int(made["records"]))
    figures.add("entry count, ms", [got["count_ms"]], 2, True, "%.3f")
    figures.add("resume with 50 entries, ms", [got["resume_ms"]], 10, True,
                "%.3f", note="reading and parsing the lines: %.0f ms" % (
                    got["floor_ms"]))
    bench.clean()


def stream(bench, figures):
    values = {"size": 256, "distinct": 8192,
              "records": bench.scale(400000, 100000)}
    runs = {"xxh3": lambda: bench.run("bench_stream", chain="xxh3", **values)}
    has_sha256 = bench.has("floor_hash")
    if has_sha256:
        runs["hash"] = lambda: bench.run("floor_hash", **values)
        runs["sha256"] = lambda: bench.run("bench_stream", **values)
    got = bench.rounds_of(runs)
    figures.add("XXH3, batches of 100 x 256 B, M events/s",
                [speed / 1e6 for speed in rates(got["xxh3"])], 2)
    if has_sha256:
        figures.ratio("SHA-256, the same / openssl speed", got["sha256"],
                      got["hash"], 0.6)
    bench.clean()

    synced = {"batch": 100, "size": 256, "distinct": 8192,
              "records": bench.scale(4000, 2000)}
    got = bench.rounds_of({
        "floor": lambda: bench.run("floor_write", mode="sync",
                                   records=synced["records"] // 100,
                                   distinct=16, size=100 * 258 + 20),
        "synced": lambda: bench.run("bench_stream", what="sync", **synced),
    }, bench.scale(15, 9))
    figures.add("batches of 100, synced / write fdatasync",
                [a["records"] / 100 / a["seconds"] /
                 (b["records"] / b["seconds"])
                 for a, b in zip(got["synced"], got["floor"])], 0.9)
    bench.clean()

    got = bench.rounds_of({
        str(n): lambda n=n: bench.run("bench_stream", what="threads",
                                      threads=n, records=50 * n)
        for n in (1, 2, 4, 8, 16)}, bench.scale(7, 3))
    for n, target in (("2", None), ("4", None), ("8", None), ("16", 8)):
        figures.ratio("single synced events, %s threads / one" % n, got[n],
                      got["1"], target)
    bench.clean()

    bench.run("bench_stream", what="make", size=256, distinct=8192,
              bytes=bench.scale(1024, 256) * MIB)
    got = bench.run("bench_stream", what="read", times=1000)
    figures.add("one event at a random offset, ms", [got["p50_us"] / 1e3], 1,
                True, "%.3f", note="p99 %.3f ms" % (got["p99_us"] / 1e3))
    if has_sha256:
        got = bench.rounds_of({
            "hash": lambda: bench.run("floor_hash", **values),
            "verify": lambda: bench.run("bench_stream", what="verify"),
        })
        figures.ratio("verifying by one thread / openssl speed",
                      got["verify"], got["hash"], 0.8)
    bench.clean()


def canonical(bench, figures):
    if not bench.has("bench_canonical"):
        return
    size = {"size": 100, "distinct": 8192}
    many = dict(size, records=bench.scale(200000, 50000))
    got = bench.rounds_of({
        "commit": lambda: bench.run("bench_canonical", what="commit", **many),
        "lmdb": lambda: bench.run("peer_state_lmdb", what="commit", **many),
    })
    figures.add("a put and an event, not synced, transactions/s",
                rates(got["commit"]), 100000, form="%.0f")
    figures.ratio("the same / LMDB with both", got["commit"], got["lmdb"], 1)
    bench.clean()

    many["records"] = bench.scale(8000, 2000)
    jobs = {"threads": lambda: bench.run("bench_canonical", what="threads",
                                         **many),
            "batch": lambda: bench.run("bench_canonical", what="batch",
                                       synced=1, **many)}
    if bench.has("peer_state_sqlite"):
        jobs["sqlite"] = lambda: bench.run("peer_state_sqlite", threads=16,
                                           **many)
    jobs["lmdb"] = lambda: bench.run("peer_state_lmdb", what="threads", **many)
    got = bench.rounds_of(jobs, bench.scale(7, 3))
    if "sqlite" in got:
        figures.ratio("synced by 16 threads / SQLite FULL", got["threads"],
                      got["sqlite"], 5)
        figures.ratio("the same by batches / SQLite FULL", got["batch"],
                      got["sqlite"], 5)
    figures.ratio("the same / LMDB with both", got["threads"], got["lmdb"])
    bench.clean()

    many["records"] = bench.scale(200000, 50000)
    got = bench.rounds_of({
        "batch": lambda: bench.run("bench_canonical", what="batch", **many)})
    figures.add("batches of one, 16 threads, not synced, transactions/s",
                rates(got["batch"]), form="%.0f")
    bench.clean()

    many["records"] = bench.scale(2000000, 500000)
    got = bench.rounds_of({
        "load": lambda: bench.run("bench_canonical", what="load", **many),
        "iterate": lambda: bench.run("bench_canonical", what="iterate")})
    figures.add("events by 100, M/s", [r / 1e6 for r in rates(got["load"])], 3)
    figures.add("events read in order, M/s",
                [r / 1e6 for r in rates(got["iterate"])], 5)
    bench.clean()

    many["records"] = bench.scale(2000000, 500000)
    got = bench.rounds_of({
        "get": lambda: bench.run("bench_canonical", what="get", **many)})
    figures.add("gets, M/s", [r / 1e6 for r in rates(got["get"])], 2)
    bench.clean()


def backup(bench, figures):
    if not bench.has("bench_backup"):
        return
    got = [bench.run("bench_backup", timeout=600, size=1000, distinct=8192,
                     bytes=bench.scale(1024, 256) * MIB)
           for _ in range(bench.scale(3, 1))]
    figures.add("longest commit of 4 writers meanwhile, ms",
                [g["max_us"] / 1e3 for g in got], 50, True, "%.1f",
                note="median %.3f ms; a bare write beside it up to %.1f ms" %
                (middle([g["p50_us"] for g in got]) / 1e3,
                 middle([g["write_max_us"] for g in got]) / 1e3))
    figures.add("bytes of the source, MB/s",
                [g["bytes"] / g["seconds"] / 1e6 for g in got], form="%.0f")
    bench.clean()


def import_lines(bench, figures):
    lines = input_lines(bench.path("lines.jsonl"), bench.scale(24, 6) * MIB)
    size = lines.stat().st_size
    for sink in ("null", "pipe"):
        got = bench.rounds_of({
            "jq": lambda: bench.pipe(sink, ["jq", "-c", ".", lines]),
            "json2seg": lambda: bench.pipe(
                sink, [bench.tools / "json2seg", "--codec", "none",
                       "-o", "-", lines]),
        }, bench.scale(5, 3), 1)
        for result in got["jq"] + got["json2seg"]:
            result["bytes"] = size
        figures.ratio("json2seg / jq -c ., output to %s" % sink,
                      got["json2seg"], got["jq"], 20, "bytes")
    bench.clean()


def export_lines(bench, figures):
    lines = input_lines(bench.path("lines.jsonl"), bench.scale(64, 24) * MIB)
    segment = bench.path("lines.seg")
    size = lines.stat().st_size
    bench.pipe("null", [bench.tools / "json2seg", "--codec", "none", "-o",
                        segment, lines])
    got = bench.rounds_of({
        "cat": lambda: bench.pipe("pipe", ["cat", lines]),
        "seg2json": lambda: bench.pipe(
            "pipe", [bench.tools / "seg2json", segment]),
    })
    for result in got["seg2json"]:
        if result["bytes"] != size:
            sys.exit("seg2json did not give the same bytes back")
    figures.ratio("seg2json / cat, into a pipe", got["seg2json"], got["cat"],
                  0.5, "bytes")
    bench.clean()


def hostile_flavours(bench):
    listed = subprocess.run([str(bench.programs / "hostile_gen"), "list=1"],
                            check=True, stdout=subprocess.PIPE, text=True)
    return listed.stdout.split()


def hostile_run(bench, way, patience):
    """The fastest of a few runs, or None when one takes too long."""
    try:
        runs = [bench.run("bench_scan", patience, name="hostile.seg",
                          **{"with": way})
                for _ in range(2 if way == "scan" and not bench.quick else 1)]
    except Timeout:
        return None
    return min(runs, key=lambda result: result["cpu"])


def hostile(bench, figures):
    ways = [("scan", 50)]
    if not bench.quick:
        ways.append(("salvage", None))
    patience = bench.scale(10, 3)
    for flavour in hostile_flavours(bench):
        made = bench.run("hostile_gen", flavour=flavour,
                         bytes=bench.scale(64, 16) * MIB)
        floor = bench.run("floor_scan", file=bench.path("hostile.seg"))
        for way, target in ways:
            name = "%s %s, MB/s" % (flavour, way)
            got = hostile_run(bench, way, patience)
            if got is None:
                figures.add(name, [made["bytes"] / patience / 1e6], target,
                            form="< %.1f",
                            note="given up after %d s" % patience)
                break
            times = got["cpu"] / max(floor["cpu"], 1e-6)
            figures.add(name, [made["bytes"] / got["cpu"] / 1e6], target,
                        form="%.0f", floor_ratio=times,
                        note="%d records, %d findings; %.0f times a plain "
                        "read; by the clock %.0f" % (
                            got.get("records", 0), got.get("findings", 0),
                            times, made["bytes"] / got["seconds"] / 1e6))
            if way == "scan":
                hostile_memory(figures, flavour, got)
    bench.clean()


def hostile_memory(figures, flavour, got):
    figures.add("%s memory, MiB" % flavour, [got["memory_kib"] * 1024 / MIB],
                16, True, "%.1f")


def size(bench, figures):
    records = bench.scale(100000, 30000)
    for length, target in ((200, 7), (1000, 8)):
        made = bench.run("bench_append", records=records, size=length, keep=1)
        seen = bench.run("bench_scan")
        marks = OVERHEAD["sync_point"] * seen["sync_points"]
        fixed = OVERHEAD["header"] + OVERHEAD["closing_mark"]
        framing = (made["bytes"] - marks - fixed - seen["payload_bytes"])
        figures.add("framing, bytes a record of %d" % length,
                    [framing / records], target, True,
                    note="and %.3f for sync points, %d for header and closing "
                    "mark" % (marks / records, fixed))
        figures.add("file, bytes a record of %d" % length,
                    [made["bytes"] / records], form="%.2f")
        group = bench.run("bench_append", records=records, size=length,
                          group=100)
        sizes = {"in groups of 100": group,
                 "JSON lines": bench.run("peer_jsonl", records=records,
                                         size=length)}
        if bench.has("peer_leveldb"):
            sizes["LevelDB log"] = bench.run("peer_leveldb", records=records,
                                             size=length)
        if bench.has("peer_sqlite"):
            sizes["SQLite"] = bench.run("peer_sqlite", records=records,
                                        size=length, batch=1000)
        for name, result in sizes.items():
            figures.add("  %s" % name, [result["bytes"] / records])
    bench.clean()


def peers(bench, figures):
    many, some, few = bench.scale((100000, 20000, 1000), (30000, 5000, 300))
    rows = [
        ("seglog, buffered", "bench_append", many, {}),
        ("seglog, groups of 100", "bench_append", many, {"group": 100}),
        ("seglog, flush each", "bench_append", many, {"level": "flush"}),
        ("seglog, shared, flush each", "bench_append", many,
         {"level": "flush", "mode": "shared"}),
        ("seglog, sync each", "bench_append", few, {"level": "sync"}),
        ("JSON lines, fwrite", "peer_jsonl", many, {}),
        ("JSON lines, fflush each", "peer_jsonl", many, {"mode": "flush"}),
        ("JSON lines, fdatasync each", "peer_jsonl", few, {"mode": "sync"}),
        ("LevelDB, put", "peer_leveldb", many, {}),
        ("LevelDB, batches of 100", "peer_leveldb", many, {"batch": 100}),
        ("LevelDB, put, sync", "peer_leveldb", few, {"sync": 1}),
        ("SQLite, synchronous off", "peer_sqlite", some,
         {"synchronous": "off"}),
        ("SQLite, synchronous normal", "peer_sqlite", some,
         {"synchronous": "normal"}),
        ("SQLite, synchronous full", "peer_sqlite", few,
         {"synchronous": "full"}),
        ("SQLite, normal, 1000 a transaction", "peer_sqlite", many,
         {"synchronous": "normal", "batch": 1000}),
    ]
    jobs = {name: (lambda p=program, n=count, v=values:
                   bench.run(p, records=n, **v))
            for name, program, count, values in rows if bench.has(program)}
    got = bench.rounds_of(jobs, 3, 1)
    for name, results in got.items():
        speeds = rates(results)
        figures.add(name + ", k rec/s", [speed / 1e3 for speed in speeds],
                    note="%s of payload" % quantity(middle(speeds) * RECORD,
                                                    "B/s"))


SECTIONS = {
    "append": ("Buffered append", append),
    "flush": ("One visible write a record", flush),
    "chain": ("Chained groups of 100 x 256 B", chain),
    "sync": ("One sync a record", sync),
    "scan": ("Verified reading", scan),
    "open": ("Opening a large segment", open_large),
    "session": ("Sessions", session),
    "stream": ("Streams", stream),
    "canonical": ("Canonical store", canonical),
    "backup": ("Backup of a store that is written to", backup),
    "import": ("Lines to segment", import_lines),
    "export": ("Segment to lines", export_lines),
    "hostile": ("Hostile bytes", hostile),
    "size": ("Size", size),
    "peers": ("Peers, for orientation", peers),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", action="append", choices=SECTIONS)
    args = parser.parse_args()

    bench = Bench(args.build.resolve(), args.out.resolve(), args.quick)
    if not bench.has("bench_append"):
        sys.exit("no benchmark programs in %s" % bench.programs)
    figures = Figures()
    start = time.monotonic()
    for name, (title, section) in SECTIONS.items():
        if not args.only or name in args.only:
            figures.begin(title)
            section(bench, figures)
    seconds = time.monotonic() - start
    bench.clean()
    bench.data.rmdir()

    missed = figures.missed()
    figures.write(bench.out / "results.json", {
        "quick": args.quick, "seconds": round(seconds, 1),
        "machine": platform.machine(), "system": platform.release(),
        "cpus": os.cpu_count()})
    print("\n%d figures, %d missed, %.0f s; all in %s" % (
        len(figures.rows), len(missed), seconds,
        os.path.relpath(bench.out / "results.json")))
    for row in missed:
        print("  missed: %s: %s" % (row["section"], row["name"]))
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
