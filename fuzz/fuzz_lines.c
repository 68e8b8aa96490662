/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_lines.c - any text into a segment and out again (SPEC.md 11).
 *
 * Bytes 0 and 1 of the input say how the segment is written; the text follows.
 * Every line is a record, or some, and the lines that come out are the bytes
 * that went in, with the line numbers that they had.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"

#define TEXT_MAX  ((size_t)32768)
#define GROUP_MAX 8u

static const uint8_t identity[SEGLOG_IDENTITY_BYTES] = { 0x1D };

/* Text on its way into a segment. */
struct import {
    struct seglog_writer *writer;
    size_t body_max;
    size_t group_max; /* records to a group; 0: no groups */
    enum seglog_level level;
    struct seglog_item items[GROUP_MAX];
    size_t item_count;
    size_t item_bytes;
    uint64_t records;
};

static void
group_put(struct import *import)
{
    if (import->item_count > 0)
        MUST(seglog_writer_append_group(import->writer, import->items,
                                        import->item_count, import->level, NULL,
                                        NULL) == SEGLOG_OK);
    import->item_count = 0;
    import->item_bytes = 0;
}

static void
record_put(struct import *import, enum seglog_kind kind, const uint8_t *bytes,
           size_t len)
{
    import->records++;
    if (import->group_max == 0) {
        MUST(seglog_writer_append(import->writer, kind, bytes, len,
                                  import->level, NULL, NULL) == SEGLOG_OK);
        return;
    }
    /* A group's count and the head of an entry take four bytes at most. */
    if (import->item_count == import->group_max ||
        import->item_bytes + len + 8 > import->body_max)
        group_put(import);
    import->items[import->item_count++] =
        (struct seglog_item){ .kind = kind, .data = bytes, .len = len };
    import->item_bytes += len + 4;
}

/* A line, or the rest of the text, which has no line feed. */
static void
line_put(struct import *import, const uint8_t *bytes, size_t len,
         bool has_line_feed)
{
    while (len > import->body_max) {
        record_put(import, SEGLOG_PART, bytes, import->body_max);
        bytes += import->body_max;
        len -= import->body_max;
    }
    record_put(import, has_line_feed ? SEGLOG_TEXT : SEGLOG_TAIL, bytes, len);
}

/* Returns the number of lines. */
static uint64_t
text_import(struct import *import, const uint8_t *text, size_t len)
{
    uint64_t lines = 0;
    size_t at = 0;

    while (at < len) {
        const uint8_t *feed = memchr(text + at, '\n', len - at);
        const size_t end = feed ? (size_t)(feed - text) : len;

        line_put(import, text + at, end - at, feed != NULL);
        at = end + (feed != NULL);
        lines++;
    }
    group_put(import);
    return lines;
}

static void
text_put(struct seglog_store store, unsigned how, unsigned sizes,
         const uint8_t *text, size_t len, struct import *import)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = how & 1 ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE,
        .identity = identity,
        .is_epoch_given = true,
        .epoch_random = 1,
        .body_log2 = (uint8_t)(9 + sizes % 6),
        .sync_log2 = (uint8_t)(9 + sizes / 8 % 4),
        .no_xxh3 = (how & 2) != 0,
        .buffer_bytes = how & 4 ? 700 : 0,
    };

    *import = (struct import){
        .body_max = (size_t)1 << options.body_log2,
        .group_max = (how >> 3 & 3) * 2 + (how >> 3 & 1),
        .level = (enum seglog_level)(how >> 5 & 3) % 3,
    };
    if (import->group_max == 1)
        import->group_max = 2;
    MUST(seglog_writer_open(store, "s", &options, &import->writer, NULL) ==
         SEGLOG_OK);
    const uint64_t lines = text_import(import, text, len);
    MUST(seglog_writer_flush(import->writer, NULL) == SEGLOG_OK);
    struct seglog_writer_state state;
    seglog_writer_get_state(import->writer, &state);
    MUST(state.next_record == import->records + 1);
    MUST(state.next_line == lines + 1 && state.buffered == 0);
    MUST(seglog_writer_close(import->writer, NULL) == SEGLOG_OK);
}

/* SPEC.md 11, exporting: compare instead of writing. */
static void
text_must_come_back(const struct reading *reading, const uint8_t *text,
                    size_t len)
{
    size_t at = 0;
    uint64_t line = 1;

    for (size_t i = 0; i < reading->count; i++) {
        const struct heard *heard = &reading->events[i];
        const enum seglog_kind kind = heard->record.kind;

        MUST(!heard->is_gap && heard->record.line_no == line);
        MUST(heard->record.record_no == i + 1);
        MUST(heard->record.len <= len - at);
        if (heard->record.len > 0)
            MUST(memcmp(text + at, reading->bytes + heard->start,
                        heard->record.len) == 0);
        at += heard->record.len;
        MUST(kind != SEGLOG_TAIL || i + 1 == reading->count);
        if (kind == SEGLOG_PART || kind == SEGLOG_TAIL)
            continue;
        MUST(at < len && text[at] == '\n');
        at++;
        line++;
    }
    MUST(at == len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned how = input_byte(&input);
    const unsigned sizes = input_byte(&input);
    struct seglog_store store;
    struct reading reading;
    struct survey survey;
    struct import import;
    uint8_t *text = NULL;

    if (input.left > TEXT_MAX)
        return 0;
    text = exact_copy(input.at, input.left);
    MUST(seglog_store_memory_open(&store, NULL) == SEGLOG_OK);
    text_put(store, how, sizes, text, input.left, &import);
    survey_take(&survey, store, "s", 0);
    MUST(survey.code == SEGLOG_OK && survey.finding_count == 0);
    MUST(survey.summary.verdict == SEGLOG_VERDICT_OK);
    MUST(survey.summary.is_closed);
    MUST(survey.summary.records == import.records);
    reading_take(&reading, store, "s", NULL);
    MUST(reading.code == SEGLOG_END);
    text_must_come_back(&reading, text, input.left);
    reading_free(&reading);
    survey_free(&survey);
    seglog_store_close(&store);
    free(text);
    return 0;
}
