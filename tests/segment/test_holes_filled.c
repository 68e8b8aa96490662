/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_holes_filled.c
 *
 * Goal    of what is found out of place exactly the numbers that are missing
 *         are used, a part of a group and of a recorded gap too: SPEC.md 10.1.
 * Method  a run of frames that stands once more behind later ones, made in
 *         another way than where it belongs.
 */
#include "tests/segment/forge_support.h"

#include <stdio.h>

#define LEN ((size_t)40)

static struct look look;

/* -- what is read of 5 to 8 ------------------------------------------------- */

static void
event_add(char *text, size_t cap, const struct seglog_event *event)
{
    const struct seglog_finding *f = &event->finding;
    const size_t len = strlen(text);

    if (event->type == SEGLOG_EVENT_RECORD) {
        const struct seglog_record *record = &event->record;

        if (record->record_no >= 5 && record->record_no <= 8)
            (void)snprintf(text + len, cap - len, "%u/%u l%u ",
                           (unsigned)record->record_no,
                           (unsigned)record->group_left,
                           (unsigned)record->line_no);
    } else if (f->is_recorded) {
        (void)snprintf(text + len, cap - len, "[%u-%u %u l%u] ",
                       (unsigned)f->first_record, (unsigned)f->last_record,
                       (unsigned)f->lines, (unsigned)f->line);
    } else if (f->first_record != 0) {
        (void)snprintf(text + len, cap - len, "!%u-%u ",
                       (unsigned)f->first_record, (unsigned)f->last_record);
    }
}

static void
bytes_tell(const uint8_t *bytes, size_t len, char *text, size_t cap)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader;
    struct seglog_store store;
    struct seglog_event event;

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_write(store, "log", bytes, len);
    assert_ok(seglog_reader_open(store, "log", &options, &reader, NULL));
    text[0] = '\0';
    while (seglog_reader_next(reader, &event, NULL) == SEGLOG_OK)
        event_add(text, cap, &event);
    seglog_reader_close(reader);
    assert_ok(seglog_scan(store, "log", NULL, &look.summary, NULL));
    seglog_store_close(&store);
}

/* -- a run that stands elsewhere -------------------------------------------- */

/* The frames from number 5 on: r a record, g and G groups of two and four, x
 * and X recorded gaps of as many, y a gap of two that are one line. */
static void
run_make(struct forge *forge, const char *what)
{
    for (; *what; what++) {
        const unsigned count = *what == 'G' || *what == 'X' ? 4 : 2;
        const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                     .cause = SEGLOG_CAUSE_CHECKSUM,
                                     .count = count,
                                     .lines = *what == 'y' ? 1 : count };

        if (*what == 'r')
            forge_fill(forge, 1, LEN);
        else if (*what == 'g' || *what == 'G')
            forge_fill_groups(forge, 1, count, LEN);
        else
            (void)forge_gap(forge, &gap);
    }
}

/*
 * Records 1 to 12 with sync points in front of 5 and 9; behind 10 there is the
 * run as a copy, and a sync point.  Those from first to last are damaged.
 */
static void
copied_make(struct forge *forge, const char *run, uint64_t first, uint64_t last)
{
    struct forge copy;

    forge_start(forge);
    forge_fill(forge, 4, LEN);
    forge_start(&copy);
    forge_fill(&copy, 4, LEN);
    (void)forge_sync(&copy);
    const size_t from = copy.frames[copy.frame_count - 1].offset;
    run_make(&copy, run);
    (void)forge_sync(forge);
    forge_fill(forge, 4, LEN);
    (void)forge_sync(forge);
    forge_fill(forge, 2, LEN);
    forge_raw(forge, copy.bytes + from, copy.len - from);
    (void)forge_sync(forge);
    forge_fill(forge, 2, LEN);
    (void)forge_close(forge);
    for (uint64_t n = first; n <= last; n++)
        forge->bytes[forge_frame_of(forge, n)->offset + 20] ^= 1;
    forge_free(&copy);
}

static void
copy__in_another_shape__fills_what_is_missing(void **state)
{
    static const struct {
        const char *run;
        uint64_t first, last;
        const char *told;
        unsigned gaps, lost; /* recorded, in the summary */
    } cases[] = {
        { "rrrr", 6, 7, "5/0 l5 6/0 l6 7/0 l7 8/0 l8 ", 0, 0 },
        { "G", 5, 8, "5/3 l5 6/2 l6 7/1 l7 8/0 l8 ", 0, 0 },
        { "G", 6, 7, "5/0 l5 6/1 l6 7/0 l7 8/0 l8 ", 0, 0 },
        { "G", 5, 6, "5/1 l5 6/0 l6 7/0 l7 8/0 l8 ", 0, 0 },
        { "G", 7, 8, "5/0 l5 6/0 l6 7/1 l7 8/0 l8 ", 0, 0 },
        { "gg", 6, 7, "5/0 l5 6/0 l6 7/0 l7 8/0 l8 ", 0, 0 },
        { "gg", 5, 7, "5/1 l5 6/0 l6 7/0 l7 8/0 l8 ", 0, 0 },
        { "X", 5, 8, "[5-8 4 l5] ", 1, 4 },
        { "X", 6, 7, "5/0 l5 [6-7 2 l6] 8/0 l8 ", 1, 2 },
        { "X", 5, 6, "[5-6 2 l5] 7/0 l7 8/0 l8 ", 1, 2 },
        { "X", 7, 8, "5/0 l5 6/0 l6 [7-8 2 l7] ", 1, 2 },
        { "xx", 6, 7, "5/0 l5 [6-6 1 l6] [7-7 1 l7] 8/0 l8 ", 2, 2 },
        { "xx", 7, 7, "5/0 l5 6/0 l6 [7-7 1 l7] 8/0 l8 ", 1, 1 },
        { "xx", 6, 6, "5/0 l5 [6-6 1 l6] 7/0 l7 8/0 l8 ", 1, 1 },
        { "yg", 5, 7, "[5-6 1 l5] 7/0 l7 8/0 l8 ", 1, 2 },
        { "gy", 6, 8, "5/0 l5 6/0 l6 [7-8 1 l7] ", 1, 2 },
        { "rxr", 5, 8, "5/0 l5 [6-7 2 l6] 8/0 l8 ", 1, 2 },
        { "rr", 6, 7, "5/0 l5 6/0 l6 !7-7 8/0 l8 ", 0, 0 },
        { "x", 6, 7, "5/0 l5 [6-6 1 l6] !7-7 8/0 l8 ", 1, 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct forge forge;
        char text[512];

        copied_make(&forge, cases[i].run, cases[i].first, cases[i].last);
        bytes_tell(forge.bytes, forge.len, text, sizeof text);
        if (strcmp(text, cases[i].told) != 0)
            fail_msg("%s, %u to %u: %s", cases[i].run, (unsigned)cases[i].first,
                     (unsigned)cases[i].last, text);
        assert_int_equal(look.summary.recorded_gaps, cases[i].gaps);
        assert_int_equal(look.summary.recorded_lost, cases[i].lost);
        assert_int_equal(look.summary.records + look.summary.lost +
                             look.summary.recorded_lost,
                         12);
        assert_int_equal(look.summary.next_record, 13);
        forge_free(&forge);
    }
}

/* Two runs out of place, each with recorded gaps: each counts for its own. */
static void
recorded_gaps__of_several_runs__count_where_they_fill(void **state)
{
    struct forge forge;
    struct forge copies[2];
    char text[512];

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 4, LEN);
    (void)forge_sync(&forge);
    forge_fill(&forge, 4, LEN);
    (void)forge_sync(&forge);
    forge_fill(&forge, 12, LEN);
    for (unsigned i = 0; i < 2; i++) {
        forge_start(&copies[i]);
        forge_fill(&copies[i], 4, LEN);
        (void)forge_sync(&copies[i]);
        const size_t from = copies[i].frames[4].offset;
        run_make(&copies[i], i == 0 ? "rxrxx" : "xxrrxxxr");
        forge_raw(&forge, copies[i].bytes + from, copies[i].len - from);
        (void)forge_sync(&forge);
        forge_fill(&forge, 1, LEN);
        forge_free(&copies[i]);
    }
    (void)forge_close(&forge);
    for (uint64_t n = 6; n <= 20; n++) {
        if (n != 8 && n != 10 && n != 13)
            forge.bytes[forge_frame_of(&forge, n)->offset + 20] ^= 1;
    }
    bytes_tell(forge.bytes, forge.len, text, sizeof text);
    assert_string_equal(text,
                        "5/0 l5 [6-7 2 l6] 8/0 l8 [9-9 1 l9] [11-12 2 l11] "
                        "[14-14 1 l14] [15-16 2 l15] !18-20 ");
    assert_int_equal(look.summary.recorded_gaps, 5);
    assert_int_equal(look.summary.recorded_lost, 8);
    forge_free(&forge);
}

/* What a tile has filled, a passed run around it does not fill again. */
static void
passed_run__around_a_tile_that_was_used__fills_the_rest(void **state)
{
    struct forge forge;
    uint8_t *copy;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 4, LEN);
    (void)forge_sync(&forge); /* 238 */
    forge_fill(&forge, 4, LEN);
    (void)forge_sync(&forge); /* 504 */
    forge_fill(&forge, 2, LEN);
    copy = forge_copy(&forge);
    /* 7 by itself, then the whole stretch. */
    forge_raw(&forge, copy + forge.frames[7].offset, 46);
    forge_fill(&forge, 2, LEN);
    forge_raw(&forge, copy + 238, 504 - 238);
    (void)forge_sync(&forge);
    forge_fill(&forge, 1, LEN);
    (void)forge_close(&forge);
    memset(forge.bytes + 238 + 82, 0x11, 4 * 46);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_int_equal(look.summary.lost, 0);
    assert_int_equal(look.summary.records, 13);
    assert_int_equal(look.finding_count, 3);
    assert_string_equal(seglog_cause_name(look.findings[1].cause), "order");
    assert_string_equal(seglog_cause_name(look.findings[2].cause), "order");
    free(copy);
    forge_free(&forge);
}

/* Of a run with compressed bodies only the first 16 pieces count. */
static void
passed_run__compressed__fills_sixteen_holes(void **state)
{
    (void)state;
    for (unsigned holes = 15; holes < 19; holes++) {
        struct slg_header header = forge_header();
        struct forge forge;
        uint8_t *copy;

        header.features_refuse = SLG_REFUSE_COMPRESSED;
        forge_start_with(&forge, &header);
        forge_fill(&forge, 1, LEN);
        const size_t from = forge.len;
        for (unsigned i = 0; i < 20; i++) {
            (void)forge_sync(&forge);
            forge_fill(&forge, 1, LEN);
            (void)forge_deflated(&forge, "0123456789", 10);
        }
        (void)forge_sync(&forge);
        copy = forge_copy(&forge);
        const size_t until = forge.frames[forge.frame_count - 1].offset;
        forge_fill(&forge, 1, LEN);
        forge_raw(&forge, copy + from, until - from);
        (void)forge_sync(&forge);
        forge_fill(&forge, 1, LEN);
        (void)forge_close(&forge);
        for (unsigned i = 0; i < holes; i++)
            forge.bytes[forge_frame_of(&forge, 3 + 2 * i)->offset + 5] ^= 1;
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_int_equal(look.summary.lost, holes > 16 ? holes - 16 : 0);
        assert_int_equal(look.summary.records + look.summary.lost, 43);
        free(copy);
        forge_free(&forge);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy__in_another_shape__fills_what_is_missing),
        cmocka_unit_test(recorded_gaps__of_several_runs__count_where_they_fill),
        cmocka_unit_test(
            passed_run__around_a_tile_that_was_used__fills_the_rest),
        cmocka_unit_test(passed_run__compressed__fills_sixteen_holes),
    };

    return cmocka_run_group_tests_name("segment/holes_filled", tests, NULL,
                                       NULL);
}
