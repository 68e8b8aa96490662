/* SPDX-License-Identifier: MIT */
/*
 * bench_open - open a large segment for appending, and ask for its entry
 * count, many times.  Nothing is appended, so the segment stays as it is.
 *
 * Arguments: dir, name, times (51).  Reports medians and worst cases in
 * milliseconds; floor_ms is opening the file and reading its last 64 KiB.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "seglog/segment.h"
#include "tests/bench/bench.h"

#define TAIL_BYTES ((size_t)65536)

static void
open_floor(const char *name)
{
    static uint8_t tail[TAIL_BYTES];
    char *path = bench_path(name);
    const uint64_t size = bench_file_size(path);
    const int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || size < TAIL_BYTES)
        bench_fail(path);
    if (pread(fd, tail, TAIL_BYTES, (off_t)(size - TAIL_BYTES)) !=
        (ssize_t)TAIL_BYTES)
        bench_fail_sys(path);
    close(fd);
    free(path);
}

/* Seconds of the open alone; closing is not measured. */
static double
time_writer(struct seglog_store store, const char *name)
{
    const struct seglog_writer_options options = {
        .size = sizeof(options),
        .create = SEGLOG_CREATE_NEVER,
        .no_closing_mark = true,
    };
    struct seglog_writer *writer = NULL;
    struct seglog_error err;

    const double start = bench_now();
    bench_must(seglog_writer_open(store, name, &options, &writer, &err), &err);
    const double end = bench_now();
    bench_must(seglog_writer_close(writer, &err), &err);
    return end - start;
}

static double
time_summary(struct seglog_store store, const char *name)
{
    struct seglog_scan_summary summary;
    struct seglog_error err;

    const double start = bench_now();
    bench_must(seglog_segment_get_summary(store, name, &summary, &err), &err);
    const double end = bench_now();
    if (summary.next_record - summary.first_record !=
        bench_number("records", summary.next_record - summary.first_record))
        bench_fail("the summary counts wrong");
    return end - start;
}

static double
time_floor(struct seglog_store store, const char *name)
{
    (void)store;
    const double start = bench_now();
    open_floor(name);
    return bench_now() - start;
}

static int
compare_seconds(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
report_times(const char *median_key, const char *worst_key, double *seconds,
             size_t count)
{
    qsort(seconds, count, sizeof(*seconds), compare_seconds);
    bench_report(median_key, seconds[count / 2] * 1e3);
    bench_report(worst_key, seconds[count - 1] * 1e3);
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    struct seglog_store store = bench_store_open();
    const char *name = bench_text("name", "bench_append.seg");
    const size_t times = (size_t)bench_number("times", 51);
    const uint64_t bytes = bench_file_size(bench_path(name));
    double *writer = calloc(3 * times, sizeof(*writer));

    if (writer == NULL || times == 0)
        bench_fail("no memory");
    double *summary = writer + times;
    double *floor = summary + times;
    time_floor(store, name);
    for (size_t i = 0; i < times; i++) {
        floor[i] = time_floor(store, name);
        writer[i] = time_writer(store, name);
        summary[i] = time_summary(store, name);
    }
    report_times("floor_ms", "floor_worst_ms", floor, times);
    report_times("writer_ms", "writer_worst_ms", writer, times);
    report_times("summary_ms", "summary_worst_ms", summary, times);
    bench_report("bytes", (double)bytes);
    if (bench_file_size(bench_path(name)) != bytes)
        bench_fail("opening the segment changed it");

    free(writer);
    seglog_store_close(&store);
    return 0;
}
