/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_repair.c - any bytes as a segment that is repaired, damaged again
 * and repaired again.
 *
 * Every record that was there before is there after, with its number; what was
 * lost stays lost, by the numbers of recorded gaps; what is repaired is sound,
 * and (of one input in four, for the time it takes) repairing it changes nothing.
 *
 * Bytes 0 and 1 of the input say where the repaired one is damaged.  The
 * segment follows.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"

#define SEGMENT_MAX ((size_t)8192)

static const struct seglog_reader_options salvage = { .size = sizeof salvage,
                                                      .salvage = true };

/* What no writer makes and yet is valid: see fuzz_scan.c. */
static bool
reading_is_strange(const struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct heard *heard = &reading->events[i];

        if (!heard->is_gap && heard->record.kind != SEGLOG_BYTES &&
            heard->record.len > 0 &&
            memchr(reading->bytes + heard->start, '\n', heard->record.len))
            return true;
    }
    return false;
}

/* Of both: the records, and the numbers of those that are lost. */
static void
repaired_must_keep(const struct reading *old, const struct reading *new)
{
    size_t k = 0;

    MUST(new->code == SEGLOG_END);
    for (size_t i = 0; i < old->count; i++) {
        const struct heard *x = &old->events[i];

        if (x->is_gap && x->gap.last_record == 0)
            continue;
        MUST(k < new->count);
        const struct heard *y = &new->events[k++];
        MUST(x->is_gap == y->is_gap);
        if (x->is_gap) {
            MUST(x->gap.first_record == y->gap.first_record);
            MUST(x->gap.last_record == y->gap.last_record);
            MUST(y->gap.is_recorded &&
                 y->gap.cause == ((unsigned)x->gap.cause <= SEGLOG_CAUSE_DROPPED
                                      ? x->gap.cause
                                      : SEGLOG_CAUSE_NONE));
        } else {
            MUST(heard_same_record(old, x, new, y));
        }
    }
    MUST(k == new->count);
}

/* False: it is not to be had, for a good reason. */
static bool
repair_must_keep(struct seglog_store store, const char *from, const char *to)
{
    struct reading old;
    struct reading new;
    struct survey survey;
    const seglog_code code =
        seglog_repair(store, from, store, to, NULL, NULL, NULL);
    const bool is_done = code == SEGLOG_OK;

    reading_take(&old, store, from, &salvage);
    if (!is_done) {
        MUST(code == old.code ||
             (code == SEGLOG_INVALID && reading_is_strange(&old)));
        reading_free(&old);
        return false;
    }
    survey_take(&survey, store, to, 0);
    MUST(survey.code == SEGLOG_OK && survey.finding_count == 0);
    MUST(survey.summary.is_closed);
    survey_free(&survey);
    reading_take(&new, store, to, NULL);
    repaired_must_keep(&old, &new);
    reading_free(&old);
    reading_free(&new);
    return true;
}

/* A run of the repaired one is zeros now, or is gone. */
static void
segment_damage(struct seglog_store store, const char *from, const char *to,
               unsigned where, unsigned how)
{
    size_t len = 0;
    uint8_t *bytes = blob_get(store, from, &len);
    const size_t at = len * where / 256;
    size_t run = 1 + how % 64;

    if (run > len - at)
        run = len - at;
    if (how < 128) {
        memset(bytes + at, 0, run);
    } else {
        memmove(bytes + at, bytes + at + run, len - at - run);
        len -= run;
    }
    blob_put(store, to, bytes, len);
    free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned where = input_byte(&input);
    const unsigned how = input_byte(&input);
    struct seglog_store store;

    if (input.left > SEGMENT_MAX)
        return 0;
    MUST(seglog_store_memory_open(&store, NULL) == SEGLOG_OK);
    blob_put(store, "s", input.at, input.left);
    if (repair_must_keep(store, "s", "r")) {
        if (input_is_one_in(data, size, 4))
            MUST(repair_must_keep(store, "r", "rr"));
        if (how % 4 == 0) {
            segment_damage(store, "r", "d", where, how);
            if (repair_must_keep(store, "d", "dr"))
                MUST(repair_must_keep(store, "dr", "drr"));
        }
    }
    seglog_store_close(&store);
    return 0;
}
