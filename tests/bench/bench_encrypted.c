/* SPDX-License-Identifier: MIT */
/*
 * bench_encrypted - the same log in a plain and in an encrypted store.
 *
 * Arguments: dir, records (100000), size, and
 *   level  append (default; one flush at the end), flush or sync
 * Reports for each store ("plain_", "encrypted_") the time of an append, MB/s
 * of a scan, the time to open the segment again for appending, and its bytes
 * below.
 */
#include <stdio.h>
#include <string.h>

#include "seglog/encrypted_store.h"
#include "seglog/segment.h"
#include "tests/bench/bench.h"

#define NAME "bench.seg"

static enum seglog_level
level_from_argument(void)
{
    const char *level = bench_text("level", "append");

    if (strcmp(level, "append") == 0)
        return SEGLOG_LEVEL_APPEND;
    return strcmp(level, "sync") == 0 ? SEGLOG_LEVEL_SYNC : SEGLOG_LEVEL_FLUSH;
}

static void
report(const char *store, const char *what, double value)
{
    char key[64];

    (void)snprintf(key, sizeof key, "%s_%s", store, what);
    bench_report(key, value);
}

static struct seglog_writer *
writer_open(struct seglog_store store)
{
    struct seglog_writer *writer = NULL;
    struct seglog_error err;

    bench_must(seglog_writer_open(store, NAME, NULL, &writer, &err), &err);
    return writer;
}

static void
measure(struct seglog_store store, const char *what)
{
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 100000);
    const enum seglog_level level = level_from_argument();
    struct seglog_scan_summary summary;
    struct seglog_error err;
    struct seglog_writer *writer = NULL;
    double start = 0;

    (void)!seglog_store_remove(store, NAME, NULL);
    writer = writer_open(store);
    start = bench_now();
    for (uint64_t i = 0; i < records; i++)
        bench_must(seglog_writer_append(writer, SEGLOG_BYTES,
                                        bench_payload(&payloads, i),
                                        payloads.len, level, NULL, &err),
                   &err);
    bench_must(seglog_writer_flush(writer, &err), &err);
    report(what, "append_us", (bench_now() - start) * 1e6 / (double)records);
    bench_must(seglog_writer_close(writer, &err), &err);

    start = bench_now();
    bench_must(seglog_scan(store, NAME, NULL, &summary, &err), &err);
    report(what, "scan_mb_s",
           (double)summary.bytes / 1e6 / (bench_now() - start));
    start = bench_now();
    writer = writer_open(store);
    report(what, "open_ms", (bench_now() - start) * 1e3);
    bench_must(seglog_writer_close(writer, &err), &err);
}

static void
measure_in(const char *what, bool is_encrypted)
{
    static const uint8_t bytes[SEGLOG_KEY_BYTES] = { 1 };
    const struct seglog_store_key key = { .size = sizeof key, .key = bytes };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };
    const char *dir = bench_path(what);
    char path[4096];
    struct seglog_store store = { 0 };
    struct seglog_error err;

    bench_must(seglog_store_file_open(dir, true, &store, &err), &err);
    if (is_encrypted) {
        const struct seglog_store below = store;

        bench_must(
            seglog_encrypted_store_open(below, &key, &options, &store, &err),
            &err);
    }
    measure(store, what);
    seglog_store_close(&store);
    (void)snprintf(path, sizeof path, "%s/%s", dir, NAME);
    report(what, "bytes", (double)bench_file_size(path));
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    measure_in("plain", false);
    measure_in("encrypted", true);
    return 0;
}
