/* SPDX-License-Identifier: MIT */
/*
 * bench_pack - how small the lines of a file become, and how fast.
 *
 * Arguments: file, codec (1: as enum seglog_codec), level (the default),
 * group (1), train (a file whose lines a dictionary is made of), how:
 *   one     one writer
 *   turns   two shared writers, line by line
 *   reopen  opened and closed for each line, without a closing mark
 * Each frame is flushed by itself, into a store in memory.  Reports the bytes
 * of the segment, of its frames' bodies and of the lines, and MB of lines a
 * second, written and read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/dictionary.h"
#include "seglog/segment.h"
#include "tests/bench/bench.h"

#define GROUP_MAX 64u

struct lines {
    char *bytes;
    size_t len;
    size_t at;
};

static struct lines
lines_read(const char *path)
{
    const uint64_t size = bench_file_size(path);
    struct lines lines = { .bytes = malloc((size_t)size + 1),
                           .len = (size_t)size };
    FILE *file = fopen(path, "rb");

    if (!lines.bytes || !file ||
        fread(lines.bytes, 1, lines.len, file) != lines.len)
        bench_fail_sys(path);
    (void)fclose(file);
    return lines;
}

/* The next lines, as many as there are up to max. */
static size_t
lines_take(struct lines *lines, struct seglog_item *items, size_t max)
{
    size_t count = 0;

    while (count < max && lines->at < lines->len) {
        const char *start = lines->bytes + lines->at;
        const size_t left = lines->len - lines->at;
        const char *end = memchr(start, '\n', left);
        const size_t len = end ? (size_t)(end - start) : left;

        items[count++] = (struct seglog_item){ SEGLOG_TEXT, start, len };
        lines->at += len + (end != NULL);
    }
    return count;
}

static struct seglog_writer *
writer_open(struct seglog_store store,
            const struct seglog_writer_options *options)
{
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    bench_must(seglog_writer_open(store, "log", options, &writer, &err), &err);
    return writer;
}

static void
writer_close(struct seglog_writer *writer)
{
    struct seglog_error err = { 0 };

    bench_must(seglog_writer_close(writer, &err), &err);
}

/* A dictionary of the lines of another file; an empty name: none. */
static void
train(struct seglog_store store, char name[SEGLOG_DICTIONARY_NAME_BYTES])
{
    const struct seglog_writer_options options = { .size = sizeof options };
    const char *const names[] = { "log" };
    const char *path = bench_text("train", "");
    struct seglog_error err = { 0 };
    struct seglog_item item;

    name[0] = '\0';
    if (path[0] == '\0')
        return;
    struct lines lines = lines_read(path);
    struct seglog_writer *writer = writer_open(store, &options);
    while (lines_take(&lines, &item, 1) > 0)
        bench_must(seglog_writer_append(writer, item.kind, item.data, item.len,
                                        SEGLOG_LEVEL_APPEND, NULL, &err),
                   &err);
    writer_close(writer);
    /* Too little is no failure: nothing is made then. */
    if (seglog_dictionary_train(store, names, 1, NULL, name, &err) != SEGLOG_OK)
        name[0] = '\0';
    bench_must(seglog_store_remove(store, "log", &err), &err);
    free(lines.bytes);
}

static void
write_all(struct seglog_store store, struct lines *lines,
          const char *dictionary)
{
    const char *how = bench_text("how", "one");
    const bool is_reopen = strcmp(how, "reopen") == 0;
    const bool is_turns = strcmp(how, "turns") == 0;
    const size_t group = (size_t)bench_number("group", 1);
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = is_turns ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE,
        .codec = (enum seglog_codec)bench_number("codec", 1),
        .level = (uint8_t)bench_number("level", 0),
        .no_closing_mark = true,
        .dictionary = dictionary[0] != '\0' ? dictionary : NULL,
    };
    struct seglog_writer *writers[2] = { writer_open(store, &options), NULL };
    struct seglog_item items[GROUP_MAX];
    size_t turn = 0;
    size_t count = 0;

    if (is_turns)
        writers[1] = writer_open(store, &options);
    while ((count = lines_take(lines, items,
                               group < GROUP_MAX ? group : GROUP_MAX)) > 0) {
        struct seglog_error err = { 0 };

        bench_must(seglog_writer_append_group(writers[turn], items, count,
                                              SEGLOG_LEVEL_FLUSH, NULL, &err),
                   &err);
        turn = is_turns ? 1 - turn : 0;
        if (is_reopen) {
            writer_close(writers[0]);
            writers[0] = writer_open(store, &options);
        }
    }
    writer_close(writers[0]);
    writer_close(writers[1]);
}

static void
read_all(struct seglog_store store)
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

int
main(int argc, char **argv)
{
    struct seglog_scan_summary summary;
    struct seglog_store store = { 0 };
    struct seglog_error err = { 0 };
    char dictionary[SEGLOG_DICTIONARY_NAME_BYTES];
    double written = 0;
    double read = 0;

    bench_init(argc, argv);
    struct lines lines = lines_read(bench_text("file", ""));
    bench_must(seglog_store_memory_open(&store, &err), &err);
    train(store, dictionary);
    written = bench_now();
    write_all(store, &lines, dictionary);
    written = bench_now() - written;
    read = bench_now();
    read_all(store);
    read = bench_now() - read;
    bench_must(seglog_scan(store, "log", NULL, &summary, &err), &err);
    if (summary.verdict != SEGLOG_VERDICT_OK)
        bench_fail("the segment is damaged");
    bench_report("bytes", (double)summary.bytes);
    bench_report("body_bytes", (double)summary.body_bytes);
    bench_report("payload_bytes", (double)summary.payload_bytes);
    bench_report("write_mb_s", (double)lines.len / written / 1e6);
    bench_report("read_mb_s", (double)lines.len / read / 1e6);
    seglog_store_close(&store);
    free(lines.bytes);
    return 0;
}
