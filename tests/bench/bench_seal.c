/* SPDX-License-Identifier: MIT */
/*
 * bench_seal - how small and how fast the lines of a file are when sealed.
 *
 * Arguments: file, level (the default), block (the default), rounds (3).
 * Everything is in memory.  Each round seals, reads all back and picks single
 * records, in turn with what zstd -3 takes for the same text and back.
 * Reports bytes of the sealed segment, MB of text a second (the median of the
 * rounds) of both, the median of the rounds' ratios, and the time in
 * milliseconds to open the segment and read one record.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "seglog/seal.h"
#include "seglog/segment.h"
#include "tests/bench/bench.h"

#define ROUNDS_MAX 31
#define PICKS      15
#define ZSTD_LEVEL 3

struct text {
    char *bytes;
    size_t len;
    uint64_t lines;
};

/* One round, in seconds. */
struct times {
    double seal, zstd, read, unzstd;
};

struct bench {
    struct text text;
    struct seglog_store store;
    char *packed; /* by zstd */
    char *out;    /* room for the text, and a line feed */
    size_t packed_cap;
    size_t packed_len;
    double picks[PICKS];
};

static void *
take(size_t len)
{
    void *bytes = malloc(len > 0 ? len : 1);

    if (!bytes)
        bench_fail("no memory");
    return bytes;
}

static struct text
text_read(const char *path)
{
    const uint64_t size = bench_file_size(path);
    struct text text = { .bytes = take((size_t)size), .len = (size_t)size };
    FILE *file = fopen(path, "rb");

    if (!file || fread(text.bytes, 1, text.len, file) != text.len)
        bench_fail_sys(path);
    (void)fclose(file);
    return text;
}

static void
segment_write(struct bench *bench)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
    };
    const char *at = bench->text.bytes;
    const char *end = at + bench->text.len;
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    bench->text.lines = 0;
    bench_must(seglog_writer_open(bench->store, "log", &options, &writer, &err),
               &err);
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const size_t len = (size_t)((feed ? feed : end) - at);

        bench_must(seglog_writer_append(writer, SEGLOG_TEXT, at, len,
                                        SEGLOG_LEVEL_APPEND, NULL, &err),
                   &err);
        bench->text.lines++;
        at += len + 1;
    }
    bench_must(seglog_writer_close(writer, &err), &err);
}

static uint64_t
segment_seal(struct bench *bench, double *seconds)
{
    const struct seglog_seal_options options = {
        .size = sizeof options,
        .level = (int)bench_number("level", 0),
        .block_bytes = (size_t)bench_number("block", 0),
    };
    struct seglog_seal_result result = { 0 };
    struct seglog_error err = { 0 };

    *seconds = bench_now();
    bench_must(
        seglog_segment_seal(bench->store, "log", &options, &result, &err),
        &err);
    *seconds = bench_now() - *seconds;
    return result.bytes_after;
}

static double
segment_read(struct bench *bench)
{
    const double began = bench_now();
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;
    size_t len = 0;

    bench_must(seglog_reader_open(bench->store, "log", NULL, &reader, &err),
               &err);
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        if (len + event.record.len > bench->text.len)
            bench_fail("more came back than went in");
        if (event.record.len > 0)
            memcpy(bench->out + len, event.record.data, event.record.len);
        len += event.record.len;
        bench->out[len++] = '\n';
    }
    if (code != SEGLOG_END)
        bench_must(code, &err);
    seglog_reader_close(reader);
    const double seconds = bench_now() - began;
    if (len < bench->text.len ||
        memcmp(bench->out, bench->text.bytes, bench->text.len) != 0)
        bench_fail("something else came back than went in");
    return seconds;
}

static void
records_pick(struct bench *bench)
{
    uint64_t random = 1;

    for (size_t i = 0; i < PICKS; i++) {
        const uint64_t no = 1 + bench_random(&random) % bench->text.lines;
        const double began = bench_now();
        struct seglog_reader *reader = NULL;
        struct seglog_event event;
        struct seglog_error err = { 0 };

        bench_must(seglog_reader_open(bench->store, "log", NULL, &reader, &err),
                   &err);
        bench_must(seglog_reader_seek(reader, no, &err), &err);
        bench_must(seglog_reader_next(reader, &event, &err), &err);
        if (event.record.record_no != no)
            bench_fail("another record came than was asked for");
        seglog_reader_close(reader);
        bench->picks[i] = (bench_now() - began) * 1e3;
    }
}

static void
zstd_run(struct bench *bench, struct times *times)
{
    double began = bench_now();

    bench->packed_len =
        ZSTD_compress(bench->packed, bench->packed_cap, bench->text.bytes,
                      bench->text.len, ZSTD_LEVEL);
    times->zstd = bench_now() - began;
    if (ZSTD_isError(bench->packed_len))
        bench_fail("zstd");
    began = bench_now();
    if (ZSTD_decompress(bench->out, bench->text.len, bench->packed,
                        bench->packed_len) != bench->text.len)
        bench_fail("zstd");
    times->unzstd = bench_now() - began;
}

static void
report(const struct bench *bench, const struct times *times, size_t rounds)
{
    const double mb = (double)bench->text.len / 1e6;
    double values[6][ROUNDS_MAX];
    static const char *const names[] = { "seal_mb_s",  "zstd_mb_s",
                                         "read_mb_s",  "unzstd_mb_s",
                                         "seal_ratio", "read_ratio" };

    for (size_t i = 0; i < rounds; i++) {
        values[0][i] = mb / times[i].seal;
        values[1][i] = mb / times[i].zstd;
        values[2][i] = mb / times[i].read;
        values[3][i] = mb / times[i].unzstd;
        values[4][i] = times[i].zstd / times[i].seal;
        values[5][i] = times[i].unzstd / times[i].read;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        bench_report(names[i], bench_quantile(values[i], rounds, 0.5));
}

int
main(int argc, char **argv)
{
    struct bench bench = { 0 };
    struct times times[ROUNDS_MAX] = { 0 };
    struct seglog_error err = { 0 };
    uint64_t bytes = 0;

    bench_init(argc, argv);
    size_t rounds = (size_t)bench_number("rounds", 3);
    if (rounds < 1 || rounds > ROUNDS_MAX)
        bench_fail("rounds is 1 to 31");
    bench.text = text_read(bench_text("file", ""));
    bench.packed_cap = ZSTD_compressBound(bench.text.len);
    bench.packed = take(bench.packed_cap);
    bench.out = take(bench.text.len + 1);
    for (size_t i = 0; i < rounds; i++) {
        bench_must(seglog_store_memory_open(&bench.store, &err), &err);
        segment_write(&bench);
        zstd_run(&bench, &times[i]);
        bytes = segment_seal(&bench, &times[i].seal);
        times[i].read = segment_read(&bench);
        if (i + 1 == rounds && bench.text.lines > 0)
            records_pick(&bench);
        seglog_store_close(&bench.store);
    }
    bench_report("bytes", (double)bytes);
    bench_report("zstd_bytes", (double)bench.packed_len);
    bench_report("pick_ms", bench_quantile(bench.picks, PICKS, 0.5));
    report(&bench, times, rounds);
    free(bench.packed);
    free(bench.out);
    free(bench.text.bytes);
    return 0;
}
