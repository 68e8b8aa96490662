/* SPDX-License-Identifier: MIT */
/*
 * bench_memory - the most memory that writing, reading or sealing takes.
 *
 * Arguments: dir, file (the lines), codec (0 none, 1 deflate, 2 zstd, 3 auto),
 * level, buffer (the writer's, the default), block, memory (the most that
 * sealing may take), how:
 *   write   one writer, each line flushed
 *   read    one reader, from the first record to the last
 *   seal    sealing what write made
 *   sealed  reading that
 * Reports "peak_kib": what was allocated at the same time at most, beyond what
 * was before, counted at malloc and so without the stack.  The GNU C library
 * lets a program stand in front of its malloc like this.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/seal.h"
#include "seglog/segment.h"
#include "tests/bench/bench.h"

#define LINE_MAX_BYTES ((size_t)1 << 23)

extern void *
__libc_malloc(size_t len);
extern void *
__libc_calloc(size_t count, size_t len);
extern void *
__libc_realloc(void *bytes, size_t len);
extern void *
__libc_memalign(size_t align, size_t len);
extern void
__libc_free(void *bytes);

/* Libraries must find these in front of their own. */
#define VISIBLE __attribute__((visibility("default")))

static size_t in_use;
static size_t peak;

static void *
count_up(void *bytes)
{
    in_use += malloc_usable_size(bytes);
    if (in_use > peak)
        peak = in_use;
    return bytes;
}

VISIBLE void *
malloc(size_t len)
{
    return count_up(__libc_malloc(len));
}

VISIBLE void *
calloc(size_t count, size_t len)
{
    return count_up(__libc_calloc(count, len));
}

VISIBLE void *
realloc(void *bytes, size_t len)
{
    const size_t before = malloc_usable_size(bytes);
    void *moved = __libc_realloc(bytes, len);

    if (moved || len == 0)
        in_use -= before;
    return moved ? count_up(moved) : NULL;
}

VISIBLE void *
aligned_alloc(size_t align, size_t len)
{
    return count_up(__libc_memalign(align, len));
}

VISIBLE int
posix_memalign(void **bytes, size_t align, size_t len)
{
    void *taken = __libc_memalign(align, len);

    if (!taken)
        return ENOMEM;
    *bytes = count_up(taken);
    return 0;
}

VISIBLE void
free(void *bytes)
{
    in_use -= malloc_usable_size(bytes);
    __libc_free(bytes);
}

/* -- what is measured ------------------------------------------------------ */

static void
lines_write(struct seglog_store store, FILE *lines, char *line)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .codec = (enum seglog_codec)bench_number("codec", 1),
        .level = (uint8_t)bench_number("level", 0),
        .buffer_bytes = (size_t)bench_number("buffer", 0),
    };
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    bench_must(seglog_writer_open(store, "log", &options, &writer, &err), &err);
    while (fgets(line, (int)LINE_MAX_BYTES, lines)) {
        const size_t len = strcspn(line, "\n");

        bench_must(seglog_writer_append(writer, SEGLOG_TEXT, line, len,
                                        SEGLOG_LEVEL_FLUSH, NULL, &err),
                   &err);
    }
    bench_must(seglog_writer_close(writer, &err), &err);
}

static void
lines_read(struct seglog_store store)
{
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    bench_must(seglog_reader_open(store, "log", NULL, &reader, &err), &err);
    do
        code = seglog_reader_next(reader, &event, &err);
    while (code == SEGLOG_OK);
    if (code != SEGLOG_END)
        bench_must(code, &err);
    seglog_reader_close(reader);
}

static void
lines_seal(struct seglog_store store)
{
    const struct seglog_seal_options options = {
        .size = sizeof options,
        .level = (int)bench_number("level", 0),
        .block_bytes = (size_t)bench_number("block", 0),
        .memory_max = (size_t)bench_number("memory", 0),
    };
    struct seglog_error err = { 0 };

    bench_must(seglog_segment_seal(store, "log", &options, NULL, &err), &err);
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    const struct seglog_store store = bench_store_open();
    const char *how = bench_text("how", "write");
    FILE *lines = fopen(bench_text("file", ""), "rb");
    char *line = malloc(LINE_MAX_BYTES);

    if (!lines || !line)
        bench_fail_sys(bench_text("file", ""));
    const size_t before = in_use;
    peak = in_use;
    if (strcmp(how, "write") == 0)
        lines_write(store, lines, line);
    else if (strcmp(how, "seal") == 0)
        lines_seal(store);
    else
        lines_read(store);
    bench_report("peak_kib", (double)(peak - before) / 1024);
    free(line);
    (void)fclose(lines);
    return 0;
}
