/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_tail.c - any bytes as a segment that grows while it is followed.
 *
 * The bytes appear piece by piece, of sizes that bytes 0 and 1 of the input
 * lead to.  A strict reader that follows has in the end what one that reads it
 * whole has, wherever the pieces end: at each of them it stands at the end of
 * what is there, or at damage.  A salvaging one gives no record twice and none
 * that a scan does not know.
 *
 * But for a record whose bytes hold frames that would be right where they stand:
 * while its end is missing they count, and its beginning is damage (SPEC.md 9).
 * Only a scan of what was there at one of those times excuses a follower.
 */
#include <stdlib.h>
#include <string.h>

#include "format/control.h"
#include "format/header.h"
#include "fuzz/support.h"

#define SEGMENT_MAX ((size_t)8192)

/* Read all that there is now. */
static seglog_code
follow(struct reading *reading, struct seglog_reader *reader)
{
    seglog_code code = SEGLOG_OK;

    while ((code = reading_next(reading, reader)) == SEGLOG_OK)
        continue;
    /* FORMAT: a block of a version that is not known (SPEC.md 15.2). */
    MUST(code == SEGLOG_END || code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT);
    return code;
}

/* Grow the blob piece by piece; returns how the reader ended. */
static seglog_code
grow_and_follow(struct seglog_store store, const uint8_t *bytes, size_t len,
                unsigned pieces, bool is_salvaging, struct reading *reading,
                bool is_end[SEGMENT_MAX + 1])
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = is_salvaging };
    struct seglog_reader *reader = NULL;
    struct seglog_blob blob;
    seglog_code code = SEGLOG_END;
    uint64_t chance = pieces;

    memset(reading, 0, sizeof *reading);
    MUST(seglog_blob_open(store, "t",
                          SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                          &blob, NULL) == SEGLOG_OK);
    for (size_t at = 0; at < len;) {
        size_t piece = 0;

        chance = chance * UINT64_C(6364136223846793005) + 1442695041;
        /* A dozen of them: at each end the tail is looked at anew. */
        piece = 1 + (chance >> 33) % (len / 6 + 1 + (pieces & 7));
        /* What has no header yet is not opened. */
        if (at == 0)
            piece += 54;
        if (piece > len - at || (pieces & 7) == 7)
            piece = len - at;
        MUST(seglog_blob_append(blob, at, bytes + at, piece, NULL, NULL) ==
             SEGLOG_OK);
        at += piece;
        is_end[at] = true;
        if (!reader && seglog_reader_open(store, "t", &options, &reader,
                                          NULL) != SEGLOG_OK)
            reader = NULL;
        if (reader)
            code = follow(reading, reader);
    }
    seglog_reader_close(reader);
    MUST(seglog_blob_close(&blob, NULL) == SEGLOG_OK);
    return code;
}

/* As far as the follower came it read what is there. */
static bool
records_are_among(const struct reading *some, const struct reading *all)
{
    size_t k = 0;
    uint64_t last = 0;

    for (size_t i = 0; i < some->count; i++) {
        const struct heard *heard = &some->events[i];

        if (heard->is_gap)
            continue;
        if (heard->record.record_no <= last)
            return false;
        last = heard->record.record_no;
        while (k < all->count &&
               (all->events[k].is_gap ||
                all->events[k].record.record_no < heard->record.record_no))
            k++;
        if (k == all->count ||
            !heard_same_record(some, heard, all, &all->events[k]))
            return false;
    }
    return true;
}

static bool
frame_is_at(const struct survey *survey, uint64_t offset)
{
    for (size_t i = 0; i < survey->frame_count; i++) {
        if (survey->frames[i].offset == offset)
            return true;
    }
    return false;
}

/*
 * Of its first bytes a scan finds a frame where the whole has none; or it has
 * gone on at one behind a gap that then did not hold, for its body is none; or
 * they end with a closing mark, so what is in front of it is damage (SPEC.md
 * 10.3).
 */
static bool
start_has_other_frames(const struct survey *whole, const uint8_t *bytes,
                       size_t len)
{
    struct seglog_store store;
    struct survey survey;
    bool has_other = false;

    MUST(seglog_store_memory_open(&store, NULL) == SEGLOG_OK);
    blob_put(store, "s", bytes, len);
    survey_take(&survey, store, "s", 0);
    for (size_t i = 0; i < survey.frame_count && !has_other; i++)
        has_other = !frame_is_at(whole, survey.frames[i].offset);
    for (size_t i = 0; i < survey.finding_count && !has_other; i++) {
        const uint64_t end =
            survey.findings[i].first_byte + survey.findings[i].byte_count;

        has_other = (end < len && !frame_is_at(whole, end)) ||
                    survey.findings[i].cause == SEGLOG_CAUSE_CLOSING_MARK;
    }
    survey_free(&survey);
    seglog_store_close(&store);
    return has_other;
}

static bool
may_have_misled(const struct survey *whole, const uint8_t *bytes, size_t len,
                const bool is_end[SEGMENT_MAX + 1])
{
    for (size_t at = 1; at < len; at++) {
        if (is_end[at] && start_has_other_frames(whole, bytes, at))
            return true;
    }
    return false;
}

/* The lines of the records of a frame. */
static uint64_t
frame_lines(const struct reading *whole, uint64_t offset)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < whole->count; i++)
        lines += !whole->events[i].is_gap &&
                 whole->events[i].record.offset == offset &&
                 whole->events[i].record.kind != SEGLOG_PART;
    return lines;
}

/*
 * A closing mark with another line than it should have: nobody writes that, and
 * nothing says that it is wrong.  But the beginning of it is not the beginning
 * of the mark that would be right there (SPEC.md 10.3).
 */
static bool
closing_mark_miscounts(const struct survey *survey, const struct reading *whole,
                       const uint8_t *bytes)
{
    uint64_t line = survey->summary.first_record;

    for (size_t i = 0; i < survey->frame_count; i++) {
        const struct seglog_frame *frame = &survey->frames[i];
        struct slg_mark mark;
        struct slg_gap gap;

        if (slg_mark_decode(bytes + frame->offset, (size_t)frame->len, &mark)) {
            if (mark.type == SLG_CONTROL_CLOSING_MARK && mark.line != line)
                return true;
            line = mark.line;
        } else if (frame->control == SLG_CONTROL_GAP &&
                   slg_gap_decode(bytes + frame->offset, &gap)) {
            line += gap.lines;
        }
        line += frame_lines(whole, frame->offset);
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned how = input_byte(&input);
    const unsigned pieces = input_byte(&input);
    struct seglog_store store;
    struct survey survey;
    struct reading whole;
    struct reading followed;
    bool is_end[SEGMENT_MAX + 1] = { false };

    if (input.left > SEGMENT_MAX || input.left == 0)
        return 0;
    MUST(seglog_store_memory_open(&store, NULL) == SEGLOG_OK);
    blob_put(store, "s", input.at, input.left);
    survey_take(&survey, store, "s", 0);
    if (survey.code == SEGLOG_OK) {
        /* A sealed one appears at once and never grows. */
        const bool is_sound =
            survey.summary.verdict == SEGLOG_VERDICT_OK &&
            (survey.summary.features_refuse & SLG_REFUSE_SEALED) == 0 &&
            !survey_may_mislead(&survey, input.at, input.left);
        const seglog_code code =
            grow_and_follow(store, input.at, input.left, pieces, (how & 1) != 0,
                            &followed, is_end);

        reading_take(&whole, store, "s", NULL);
        MUST(!is_sound || whole.code == SEGLOG_END);
        if (is_sound &&
            (code != SEGLOG_END || followed.records != whole.records ||
             !records_are_among(&followed, &whole)))
            MUST(may_have_misled(&survey, input.at, input.left, is_end) ||
                 closing_mark_miscounts(&survey, &whole, input.at));
        reading_free(&whole);
        reading_free(&followed);
    }
    survey_free(&survey);
    seglog_store_close(&store);
    return 0;
}
