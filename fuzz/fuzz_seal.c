/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_seal.c - sealing a segment, and a sealed one that is changed.
 *
 * Bytes 0 and 1 of the input say how; bytes 2 to 9 are changes: a place and
 * what is put there, twice.  Text follows, each line of which is a record.
 *
 * The sealed segment reads as the one before did, also from any record on; the
 * figures in its footer are those of the records; a search for a time finds
 * what looking at every line finds.  Changed, it is read as far as it is sound:
 * no record that was not there.
 */
#include <stdlib.h>
#include <string.h>

#include "format/json_time.h"
#include "fuzz/support.h"
#include "seglog/seal.h"

#define TEXT_MAX  ((size_t)4096)
#define LINES_MAX 200u

static const uint8_t identity[SEGLOG_IDENTITY_BYTES] = { 0x5E, 0xA1 };

/* Returns the number of records. */
static unsigned
segment_put(struct seglog_store store, unsigned how, const uint8_t *text,
            size_t len)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .identity = identity,
        .is_epoch_given = true,
        .epoch_random = 1,
        .sync_log2 = 9,
        .body_log2 = 13,
        .first_record = how & 1 ? 41 : 0,
        .codec = (enum seglog_codec)(how >> 1 & 1),
    };
    struct seglog_writer *writer = NULL;
    unsigned count = 0;

    MUST(seglog_writer_open(store, "s", &options, &writer, NULL) == SEGLOG_OK);
    for (size_t at = 0; at < len && count < LINES_MAX; count++) {
        const uint8_t *feed = memchr(text + at, '\n', len - at);
        const size_t end = feed ? (size_t)(feed - text) : len;
        const enum seglog_kind kind = count % 7 == 6 ? SEGLOG_BYTES
                                      : feed         ? SEGLOG_TEXT
                                                     : SEGLOG_TAIL;

        MUST(seglog_writer_append(writer, kind, text + at, end - at,
                                  SEGLOG_LEVEL_APPEND, NULL,
                                  NULL) == SEGLOG_OK);
        at = end + 1;
    }
    MUST(seglog_writer_close(writer, NULL) == SEGLOG_OK);
    return count;
}

static void
readings_must_be_same(const struct reading *a, const struct reading *b,
                      size_t skip)
{
    MUST(b->code == SEGLOG_END && a->count == b->count + skip);
    for (size_t i = 0; i < b->count; i++) {
        const struct heard *x = &a->events[i + skip];

        MUST(!b->events[i].is_gap);
        MUST(heard_same_record(a, x, b, &b->events[i]));
        MUST(x->record.line_no == b->events[i].record.line_no);
    }
}

static void
info_must_be_right(struct seglog_store store, const struct reading *reading)
{
    struct seglog_seal_info info;
    uint64_t lines = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; i < reading->count; i++) {
        lines += reading->events[i].record.kind != SEGLOG_PART;
        bytes += reading->events[i].record.len;
    }
    MUST(seglog_segment_get_seal(store, "s", &info, NULL) == SEGLOG_OK);
    MUST(info.is_sealed && !info.has_parent && info.lost == 0);
    MUST(info.records == reading->count && info.lines == lines);
    MUST(info.text_bytes == bytes);
}

/* The first record with a time at or after this one. */
static void
time_must_be_found(struct seglog_store store, const struct reading *reading,
                   int64_t time_ms)
{
    uint64_t expected = 0;
    uint64_t found = 0;
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < reading->count && expected == 0; i++) {
        const struct heard *heard = &reading->events[i];
        int64_t us = 0;

        if (heard->record.kind != SEGLOG_BYTES && heard->record.len > 0 &&
            slg_json_time_find(reading->bytes + heard->start, heard->record.len,
                               NULL, 0, &us) &&
            us / 1000 - (us % 1000 < 0) >= time_ms)
            expected = heard->record.record_no;
    }
    code = seglog_segment_find_time(store, "s", time_ms, &found, NULL);
    MUST(code == (expected ? SEGLOG_OK : SEGLOG_END));
    MUST(code != SEGLOG_OK || found == expected);
}

/* What is read of the changed one is what was there. */
static void
changed_must_not_invent(struct seglog_store store, const struct reading *all,
                        struct input *changes)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    size_t len = 0;
    uint8_t *bytes = blob_get(store, "s", &len);
    struct survey survey;
    struct reading some;
    struct seglog_seal_info info;
    bool is_changed = false;

    while (changes->left >= 4) {
        const size_t at = input_number(changes, 2) % len;
        const uint8_t with = input_byte(changes);

        /* The header and its one bit are for other targets. */
        if (input_byte(changes) % 4 == 0 || at < 54)
            continue;
        bytes[at] ^= with;
        is_changed |= with != 0;
    }
    blob_put(store, "c", bytes, len);
    free(bytes);
    survey_take(&survey, store, "c", 0);
    MUST(survey.code == SEGLOG_OK);
    MUST(is_changed || survey.finding_count == 0);
    reading_take(&some, store, "c", &options);
    MUST(some.code == SEGLOG_END && some.records <= all->records);
    for (size_t i = 0, k = 0; i < some.count; i++) {
        if (some.events[i].is_gap)
            continue;
        while (k < all->count && all->events[k].record.record_no <
                                     some.events[i].record.record_no)
            k++;
        MUST(k < all->count);
        MUST(heard_same_record(all, &all->events[k], &some, &some.events[i]));
    }
    (void)!seglog_segment_get_seal(store, "c", &info, NULL);
    reading_free(&some);
    survey_free(&survey);
}

static void
sealed_must_agree(struct seglog_store store, unsigned param,
                  const struct reading *before, struct input *changes)
{
    struct seglog_reader_options options = { .size = sizeof options };
    struct reading after;
    struct survey survey;
    const size_t skip = before->count > 0 ? param % (before->count + 1) : 0;

    survey_take(&survey, store, "s", 0);
    MUST(survey.code == SEGLOG_OK && survey.finding_count == 0);
    MUST(survey.summary.records == before->count);
    survey_free(&survey);
    reading_take(&after, store, "s", NULL);
    readings_must_be_same(before, &after, 0);
    reading_free(&after);
    if (skip < before->count) {
        options.from_record = before->events[skip].record.record_no;
        reading_take(&after, store, "s", &options);
        readings_must_be_same(before, &after, skip);
        reading_free(&after);
    }
    info_must_be_right(store, before);
    time_must_be_found(store, before, INT64_C(1714564800000) + param);
    time_must_be_found(store, before, INT64_MIN + 1);
    changed_must_not_invent(store, before, changes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned how = input_byte(&input);
    const unsigned param = input_byte(&input);
    const struct seglog_seal_options options = {
        .size = sizeof options,
        .level = 1,
        .block_bytes = SEGLOG_SEAL_BLOCK_MIN,
        .threads = 1,
    };
    size_t change_len = 8;
    const uint8_t *changes = input_bytes(&input, &change_len);
    struct input list = { .at = changes, .left = change_len };
    struct seglog_seal_result result;
    struct seglog_store store;
    struct reading before;

    if (input.left > TEXT_MAX)
        return 0;
    MUST(seglog_store_memory_open(&store, NULL) == SEGLOG_OK);
    (void)segment_put(store, how, input.at, input.left);
    reading_take(&before, store, "s", NULL);
    MUST(before.code == SEGLOG_END);
    MUST(seglog_segment_seal(store, "s", &options, &result, NULL) == SEGLOG_OK);
    MUST(result.records == before.count);
    sealed_must_agree(store, param, &before, &list);
    MUST(seglog_segment_seal(store, "s", &options, NULL, NULL) ==
         SEGLOG_SEALED);
    reading_free(&before);
    seglog_store_close(&store);
    return 0;
}
