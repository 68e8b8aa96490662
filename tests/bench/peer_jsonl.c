/* SPDX-License-Identifier: MIT */
/*
 * peer_jsonl - what most programs do: fwrite the line and a line feed.
 *
 * Arguments: dir, records, size, and mode: buffered, flush (fflush each line)
 * or sync (fflush and fdatasync each line).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 100000);
    const char *mode = bench_text("mode", "buffered");
    const bool is_synced = strcmp(mode, "sync") == 0;
    const bool is_flushed = is_synced || strcmp(mode, "flush") == 0;
    char *path = bench_path("peer.jsonl");
    FILE *file = fdopen(bench_create(path), "w");

    if (file == NULL)
        bench_fail_sys(path);
    bench_start();
    for (uint64_t i = 0; i < records; i++) {
        if (fwrite(bench_payload(&payloads, i), payloads.len, 1, file) != 1 ||
            putc('\n', file) == EOF)
            bench_fail_sys("fwrite");
        if (is_flushed && fflush(file) != 0)
            bench_fail_sys("fflush");
        if (is_synced && fdatasync(fileno(file)) != 0)
            bench_fail_sys("fdatasync");
    }
    if (fflush(file) != 0)
        bench_fail_sys("fflush");
    bench_stop();
    bench_report("records", (double)records);
    bench_report("bytes", (double)bench_file_size(path));

    fclose(file);
    bench_remove(path);
    return 0;
}
