/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_seek.c - any bytes as a segment that is read here and there.
 *
 * Byte 0 of the input: bit 0 salvage; bits 1 and up where to go, with byte 1.
 * One reader seeks to eight records, one behind the other, and reads some from
 * each.  In a sound segment these are the records that reading from the start
 * gives; in any other, no record comes with the bytes of another one.  A
 * search for a time finds what looking at every line finds.
 */
#include <stdlib.h>
#include <string.h>

#include "format/json_time.h"
#include "fuzz/support.h"
#include "seglog/seal.h"

#define SEGMENT_MAX ((size_t)8192)
#define SEEKS       8u
#define EVENTS_READ 5u

struct subject {
    struct seglog_store store;
    struct survey survey;
    struct reading all;
    bool is_sound; /* and nothing in it leads astray */
};

/* The first event of those from the start that a seek to it gives. */
static size_t
event_find(const struct reading *all, uint64_t number)
{
    size_t at = 0;

    while (at < all->count &&
           (all->events[at].is_gap ? all->events[at].gap.last_record
                                   : all->events[at].record.record_no) < number)
        at++;
    return at;
}

static void
event_must_be(const struct subject *subject, const struct reading *some,
              const struct heard *heard, size_t at)
{
    const struct heard *expected = NULL;

    MUST(at < subject->all.count);
    expected = &subject->all.events[at];
    MUST(heard->is_gap == expected->is_gap);
    if (heard->is_gap)
        MUST(finding_compare(&heard->gap, &expected->gap) == 0);
    else
        MUST(heard_same_record(some, heard, &subject->all, expected));
}

static void
place_must_agree(const struct subject *subject, struct seglog_reader *reader,
                 uint64_t number)
{
    const seglog_code seek_code = seglog_reader_seek(reader, number, NULL);
    struct reading some = { .code = SEGLOG_OK };
    size_t at = event_find(&subject->all, number);

    MUST(seek_code == SEGLOG_OK ||
         (seek_code == SEGLOG_CORRUPT && !subject->is_sound));
    for (unsigned i = 0; i < EVENTS_READ && seek_code == SEGLOG_OK; i++) {
        const seglog_code code = reading_next(&some, reader);

        if (code != SEGLOG_OK) {
            MUST(code == SEGLOG_END ||
                 (code == SEGLOG_CORRUPT && !subject->is_sound));
            MUST(!subject->is_sound || at == subject->all.count);
            break;
        }
        const struct heard *heard = &some.events[some.count - 1];
        if (subject->is_sound)
            event_must_be(subject, &some, heard, at++);
        else
            MUST(heard->is_gap || heard->record.record_no >= number);
    }
    reading_free(&some);
}

static void
places_must_agree(const struct subject *subject, bool salvage, uint64_t chance)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage };
    const struct seglog_scan_summary *summary = &subject->survey.summary;
    const uint64_t span = summary->next_record - summary->first_record + 3;
    struct seglog_reader *reader = NULL;
    const seglog_code code =
        seglog_reader_open(subject->store, "s", &options, &reader, NULL);

    MUST(code == SEGLOG_OK ||
         (code == SEGLOG_CORRUPT && !salvage && !subject->is_sound));
    for (unsigned i = 0; code == SEGLOG_OK && i < SEEKS; i++) {
        chance = chance * UINT64_C(6364136223846793005) + 1442695041;
        place_must_agree(subject, reader,
                         summary->first_record + (chance >> 33) % span);
    }
    seglog_reader_close(reader);
}

static void
time_must_be_found(const struct subject *subject, int64_t time_ms)
{
    const struct reading *all = &subject->all;
    uint64_t expected = 0;
    uint64_t found = 0;

    for (size_t i = 0; i < all->count && expected == 0; i++) {
        const struct heard *heard = &all->events[i];
        int64_t us = 0;

        if (!heard->is_gap &&
            (heard->record.kind == SEGLOG_TEXT ||
             heard->record.kind == SEGLOG_TAIL) &&
            heard->record.len > 0 &&
            slg_json_time_find(all->bytes + heard->start, heard->record.len,
                               NULL, 0, &us) &&
            us / 1000 - (us % 1000 < 0) >= time_ms)
            expected = heard->record.record_no;
    }
    const seglog_code code =
        seglog_segment_find_time(subject->store, "s", time_ms, &found, NULL);
    if (!subject->is_sound)
        return;
    MUST(code == (expected ? SEGLOG_OK : SEGLOG_END));
    MUST(code != SEGLOG_OK || found == expected);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct seglog_reader_options from_start = {
        .size = sizeof from_start, .salvage = true
    };
    struct input input = { .at = data, .left = size };
    const unsigned how = input_byte(&input);
    const unsigned param = input_byte(&input);
    struct subject subject = { .is_sound = false };

    if (input.left > SEGMENT_MAX)
        return 0;
    MUST(seglog_store_memory_open(&subject.store, NULL) == SEGLOG_OK);
    blob_put(subject.store, "s", input.at, input.left);
    survey_take(&subject.survey, subject.store, "s", 0);
    if (subject.survey.code == SEGLOG_OK) {
        reading_take(&subject.all, subject.store, "s", &from_start);
        subject.is_sound =
            subject.survey.summary.verdict == SEGLOG_VERDICT_OK &&
            !survey_may_mislead(&subject.survey, input.at, input.left);
        places_must_agree(&subject, (how & 1) != 0, how << 8 | param);
        time_must_be_found(&subject, INT64_C(1714564800000) + param * 100);
        reading_free(&subject.all);
    }
    survey_free(&subject.survey);
    seglog_store_close(&subject.store);
    return 0;
}
