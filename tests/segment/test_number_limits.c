/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_number_limits.c
 *
 * Goal    no record has a number that no other can follow: SPEC.md 1 and 4.
 *         The last one that may be is read wherever it is found; a frame that
 *         would be beyond it is none.
 * Method  segments that begin just below 2^63, sound and damaged.
 */
#include "tests/segment/forge_support.h"

#define LAST ((uint64_t)INT64_MAX - 1) /* of a record */

static struct look look;

/* Behind header and sync point; five records up to LAST, in groups or alone. */
static void
limit_make(struct forge *forge, unsigned group)
{
    struct slg_header header = forge_header();

    header.first_record = LAST - 4;
    forge_start_with(forge, &header);
    forge_fill(forge, 2, 40);
    if (group > 0)
        forge_fill_groups(forge, 1, group, 14);
    else
        forge_fill(forge, 3, 40);
    assert_int_equal(forge->number, INT64_MAX);
}

/* Not noted as a record: nobody may read it. */
static void
beyond_put(struct forge *forge, unsigned group)
{
    const size_t records = forge->record_count;

    if (group > 0)
        forge_fill_groups(forge, 1, group, 14);
    else
        forge_fill(forge, 1, 40);
    while (forge->record_count > records)
        free(forge->records[--forge->record_count].data);
}

static void
record__with_the_last_number__is_read_in_order(void **state)
{
    (void)state;
    for (unsigned group = 0; group <= 3; group += 3) {
        struct forge forge;

        limit_make(&forge, group);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_no_findings(&look);
        assert_int_equal(look.summary.records, 5);
        assert_int_equal(look.summary.next_record, INT64_MAX);
        forge_free(&forge);
    }
}

static void
record__beyond_the_last_number__is_none(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct forge forge;

        /* A record, a group that begins there, one that would end there. */
        limit_make(&forge, 0);
        if (kind == 2) {
            forge.len = forge.frames[forge.frame_count - 1].offset;
            forge_forget(&forge, LAST);
        }
        const size_t end = forge.len;
        beyond_put(&forge, kind == 0 ? 0 : 2);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look, "TORN torn %llu-? l%llu @%zu+%zu s? no\n",
                        (unsigned long long)(LAST + (kind != 2)),
                        (unsigned long long)(LAST + (kind != 2)), end,
                        forge.len - end);
        assert_int_equal(look.summary.records, kind == 2 ? 4 : 5);
        forge_free(&forge);
    }
}

/* Behind a damaged record the next is found by its number. */
static void
record__with_the_last_number_behind_damage__is_found(void **state)
{
    (void)state;
    for (unsigned group = 0; group <= 2; group += 2) {
        struct forge forge;

        limit_make(&forge, group == 0 ? 0 : 3);
        forge.bytes[forge.frames[2].offset] = 0;
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_int_equal(look.summary.lost, 1);
        assert_int_equal(look.summary.records, 4);
        assert_int_equal(look.summary.next_record, INT64_MAX);
        forge_free(&forge);
    }
}

/* What would be beyond is no record, whatever confirms it. */
static void
record__beyond_the_last_number_behind_damage__is_not_found(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct forge forge;

        limit_make(&forge, 0);
        if (kind == 2) {
            forge.len = forge.frames[forge.frame_count - 1].offset;
            forge_forget(&forge, LAST);
        }
        const size_t end = forge.len;
        forge_raw(&forge, "\0\0\0", 3);
        beyond_put(&forge, kind == 0 ? 0 : 2);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_int_equal(look.finding_count, 1);
        assert_int_equal(look.findings[0].verdict, SEGLOG_VERDICT_TORN);
        assert_int_equal(look.findings[0].first_byte, end);
        assert_int_equal(look.summary.records, kind == 2 ? 4 : 5);
        forge_free(&forge);
    }
}

/* Whole frames in another order, at the end: up to the last number. */
static void
record__with_the_last_number_out_of_order__is_in_its_place(void **state)
{
    struct forge forge;
    uint8_t keep[46];

    (void)state;
    limit_make(&forge, 0);
    uint8_t *last = forge.bytes + forge.len - 46;
    memcpy(keep, last, 46);
    memcpy(last, last - 46, 46);
    memcpy(last - 46, keep, 46);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT order - l- @%zu+46 s? unknown\n",
                    forge.len - 92);
    assert_int_equal(look.summary.records, 5);
    assert_int_equal(look.summary.next_record, INT64_MAX);
    forge_free(&forge);
}

/* One that is sound but for its number makes a row of copies no such row. */
static void
copies__with_a_record_beyond_the_last_number__are_inserted(void **state)
{
    (void)state;
    for (unsigned beyond = 0; beyond < 2; beyond++) {
        struct forge forge;
        struct forge more;
        size_t len = 0;

        limit_make(&forge, 0);
        limit_make(&more, 0);
        more.number += 2;
        beyond_put(&more, 0);
        uint8_t *bytes = forge_moved(&forge, forge.frames[3].offset, 92, &len);
        memcpy(bytes + forge.frames[3].offset,
               forge.bytes + forge.frames[1].offset, 46);
        memcpy(bytes + forge.frames[3].offset + 46,
               beyond == 0 ? forge.bytes + forge.frames[2].offset
                           : more.bytes + more.len - 46,
               46);
        look_at(&forge, bytes, len, &look);
        assert_int_equal(look.finding_count, 1);
        assert_int_equal(look.summary.records, 5);
        assert_string_equal(seglog_cause_name(look.findings[0].cause),
                            beyond == 0 ? "copy" : "inserted");
        free(bytes);
        forge_free(&forge);
        forge_free(&more);
    }
}

/* A gap that stands for all numbers that are left, and one for more. */
static void
recorded_gap__up_to_the_last_number__is_the_end(void **state)
{
    (void)state;
    for (uint64_t more = 0; more < 2; more++) {
        const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                     .cause = SEGLOG_CAUSE_CHECKSUM,
                                     .count = 3 + more,
                                     .lines = 1 };
        struct slg_header header = forge_header();
        struct forge forge;

        header.first_record = LAST - 4;
        forge_start_with(&forge, &header);
        forge_fill(&forge, 2, 40);
        (void)forge_gap(&forge, &gap);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_int_equal(look.finding_count, more);
        assert_int_equal(look.summary.records, 2);
        assert_int_equal(look.summary.recorded_lost, more == 0 ? 3 : 0);
        assert_int_equal(look.summary.next_record,
                         more == 0 ? LAST + 1 : LAST - 2);
        forge_free(&forge);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record__with_the_last_number__is_read_in_order),
        cmocka_unit_test(record__beyond_the_last_number__is_none),
        cmocka_unit_test(record__with_the_last_number_behind_damage__is_found),
        cmocka_unit_test(
            record__beyond_the_last_number_behind_damage__is_not_found),
        cmocka_unit_test(
            record__with_the_last_number_out_of_order__is_in_its_place),
        cmocka_unit_test(
            copies__with_a_record_beyond_the_last_number__are_inserted),
        cmocka_unit_test(recorded_gap__up_to_the_last_number__is_the_end),
    };

    return cmocka_run_group_tests_name("segment/number_limits", tests, NULL,
                                       NULL);
}
