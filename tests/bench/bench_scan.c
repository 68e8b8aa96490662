/* SPDX-License-Identifier: MIT */
/*
 * bench_scan - read a segment with everything verified.
 *
 * Arguments: dir, name, and with:
 *   scan     seglog_scan (default)
 *   reader   seglog_reader_next until the end, strict
 *   salvage  the same in salvage mode
 * Reports what was found and the memory it took beyond that of an idle
 * program with an open store.
 */
#include <string.h>

#include "seglog/segment.h"
#include "tests/bench/bench.h"

static void
scan_all(struct seglog_store store, const char *name)
{
    const struct seglog_scan_options options = { .size = sizeof(options) };
    struct seglog_scan_summary summary = { .verdict = SEGLOG_VERDICT_OK };
    struct seglog_error err;

    const seglog_code code = seglog_scan(store, name, &options, &summary, &err);

    bench_report("code", (double)code);
    /* Bytes that are no segment at all are one of the hostile inputs. */
    if (code != SEGLOG_FORMAT)
        bench_must(code, &err);
    bench_report("verdict", (double)summary.verdict);
    bench_report("records", (double)summary.records);
    bench_report("lost", (double)summary.lost);
    bench_report("findings", (double)summary.findings);
    bench_report("sync_points", (double)summary.sync_points);
    bench_report("payload_bytes", (double)summary.payload_bytes);
}

static void
read_all(struct seglog_store store, const char *name, bool salvage)
{
    const struct seglog_reader_options options = {
        .size = sizeof(options),
        .salvage = salvage,
    };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err;
    uint64_t records = 0;
    uint64_t findings = 0;
    unsigned sum = 0;
    seglog_code code = seglog_reader_open(store, name, &options, &reader, &err);

    bench_report("code", (double)code);
    if (code == SEGLOG_FORMAT)
        return;
    bench_must(code, &err);
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            findings++;
            continue;
        }
        records++;
        if (event.record.len > 0)
            sum += event.record.data[event.record.len - 1];
    }
    if (code != SEGLOG_END)
        bench_must(code, &err);
    bench_report("records", (double)records);
    bench_report("findings", (double)findings);
    bench_report("sum", (double)sum);
    seglog_reader_close(reader);
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    struct seglog_store store = bench_store_open();
    const char *name = bench_text("name", "bench_append.seg");
    const char *with = bench_text("with", "scan");
    const uint64_t bytes = bench_file_size(bench_path(name));
    const uint64_t baseline = bench_peak_kib();

    bench_start();
    if (strcmp(with, "scan") == 0)
        scan_all(store, name);
    else
        read_all(store, name, strcmp(with, "salvage") == 0);
    bench_stop();
    bench_report("bytes", (double)bytes);
    bench_report("memory_kib", (double)(bench_peak_kib() - baseline));

    seglog_store_close(&store);
    return 0;
}
