/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_scan_holes.c
 *
 * Goal    records found out of place fill the holes they belong in: SPEC.md
 *         10.1.
 * Method  frames are moved, copied and damaged; scan and both kinds of reader
 *         must come to the same records.
 */
#include "format/checksum.h"
#include "tests/segment/forge_support.h"

#define RECORD FORGE_TEN_FRAME

static struct look look;

/* -- what fills holes (SPEC.md 10.1) --------------------------------------- */

static void
lone__between_two_damaged_places__is_delivered_unconfirmed(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    forge.bytes[forge_ten_at(3)] = 0;
    forge.bytes[forge_ten_at(5) + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT head 3-3 l3 @146+138 s0 yes\n"
                           "CORRUPT head 5-5 l5 @146+138 s0 yes\n");
    assert_order(&look, "1-2 GAP(head 3-3) ~4 GAP(head 5-5) 6-10");
    assert_int_equal(look.summary.unconfirmed, 1);
    assert_int_equal(look.summary.records, 8);
    forge_free(&forge);
}

static void
lone__a_group__is_delivered_whole(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    forge_fill_groups(&forge, 1, 4, 10);
    forge_fill(&forge, 3, 40);
    (void)forge_close(&forge);
    forge.bytes[forge_ten_at(3)] = 0;
    forge.bytes[forge.frames[4].offset + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_order(&look, "1-2 GAP(head 3-3) ~4 ~5 ~6 ~7 GAP(head 8-8) 9-10");
    assert_int_equal(look.summary.unconfirmed, 4);
    forge_free(&forge);
}

static void
tiles__two_copies_of_a_missing_record__one_is_order_one_is_copy(void **state)
{
    struct forge forge;
    uint8_t bytes[1024];
    size_t len;

    (void)state;
    forge_ten(&forge, true);
    memcpy(bytes, forge.bytes, forge_ten_at(3));
    len = forge_ten_at(3);
    memcpy(bytes + len, forge.bytes + forge_ten_at(4), 3 * RECORD);
    len += 3 * RECORD; /* 4, 5, 6 */
    memcpy(bytes + len, forge.bytes + forge_ten_at(3), RECORD);
    len += RECORD;
    memcpy(bytes + len, forge.bytes + forge_ten_at(7), 2 * RECORD);
    len += 2 * RECORD; /* 7, 8 */
    memcpy(bytes + len, forge.bytes + forge_ten_at(3), RECORD);
    len += RECORD;
    memcpy(bytes + len, forge.bytes + forge_ten_at(9),
           forge.len - forge_ten_at(9));
    len += forge.len - forge_ten_at(9);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT order - l- @284+46 s0 unknown\n"
                           "CORRUPT copy - l- @422+46 s46 unknown\n");
    assert_int_equal(look.summary.records, 10);
    forge_free(&forge);
}

static void
tiles__behind_the_last_run__go_on_where_it_ended(void **state)
{
    struct forge forge;
    uint8_t keep[RECORD];

    (void)state;
    forge_ten(&forge, false);
    memcpy(keep, forge.bytes + forge_ten_at(9), RECORD);
    memcpy(forge.bytes + forge_ten_at(9), forge.bytes + forge_ten_at(10),
           RECORD);
    memcpy(forge.bytes + forge_ten_at(10), keep, RECORD);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT order - l- @422+46 s? unknown\n");
    assert_order(&look, "1-8 GAP(order) 9-10");
    assert_int_equal(look.summary.next_record, 11);
    assert_int_equal(look.summary.next_line, 11);
    forge_free(&forge);
}

static void
tiles__under_an_older_epoch__do_not_go_on_at_the_end(void **state)
{
    struct forge old;
    struct forge forge;

    (void)state;
    forge_ten(&old, false);
    /* Record 9 as it was before a cut to 7 stands behind record 5. */
    forge_start(&forge);
    forge_fill(&forge, 5, 40);
    forge_raw(&forge, old.bytes + forge_ten_at(9), RECORD);
    forge_fill(&forge, 1, 40);
    (void)forge_new_epoch(&forge, 7);
    forge_fill(&forge, 2, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT inserted - l- @284+46 s0 unknown\n");
    assert_order(&look, "1-5 GAP(inserted) 6-8");
    assert_int_equal(look.summary.next_record, 9);
    forge_free(&forge);
    forge_free(&old);
}

static void
passed_run__records_moved_behind_a_copy__fill_the_hole(void **state)
{
    struct forge forge;
    uint8_t *bytes;
    size_t len = 0;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 4; i++) {
        forge_fill(&forge, 5, 40);
        (void)forge_sync(&forge);
    }
    /* Sync points at 284, 596, 908, 1220.  The stretch of records 6 to 10
     * moves behind that of 11 to 15. */
    bytes = malloc(forge.len);
    assert_non_null(bytes);
    memcpy(bytes, forge.bytes, 284);
    memcpy(bytes + 284, forge.bytes + 596, 312);
    memcpy(bytes + 596, forge.bytes + 284, 312);
    memcpy(bytes + 908, forge.bytes + 908, forge.len - 908);
    len = forge.len;
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT shift - l- @284+0 s-312 unknown\n"
                           "CORRUPT order - l- @596+312 s312 unknown\n");
    assert_int_equal(look.summary.records, 20);
    free(bytes);
    forge_free(&forge);
}

/* Behind the passed run a block with a number further on, of a coding that there
 * is not: what is missing before it is told of, and so is it. */
static void
passed_run__a_bad_block_right_behind_it__both_holes_are_told(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    uint8_t *copy = NULL;

    (void)state;
    header.features_refuse = SLG_REFUSE_SEALED;
    forge_start_with(&forge, &header);
    for (unsigned i = 0; i < 11; i++) {
        if (i == 5)
            (void)forge_sync(&forge);
        if (i == 7) { /* the sync point and 6 once more */
            assert_int_equal(forge.len, 269);
            copy = forge_copy(&forge);
            forge_raw(&forge, copy + 149, 101);
        }
        if (i == 7 || i == 8) /* these two get lost */
            forge.number = ++forge.line;
        else
            (void)forge_block(&forge, i == 9 ? 7 : 0, "0123456789", 10);
    }
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT copy - l- @269+101 s0 unknown\n"
                           "CORRUPT missing 8-9 l8 @269+0 s0 yes\n"
                           "CORRUPT checksum 10-10 l10 @370+19 s0 yes\n");
    assert_int_equal(look.summary.records, 8);
    assert_int_equal(look.summary.lost, 3);
    free(copy);
    forge_free(&forge);
}

/* Record 7 is compressed against a dictionary that is named in what is lost: in
 * its place it is lost, and in a copy it is nothing. */
static void
passed_run__a_dependent_frame_in_it__is_lost_once(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    uint8_t *copy = NULL;

    (void)state;
    header.features_refuse = SLG_REFUSE_COMPRESSED | SLG_REFUSE_REFERS;
    forge_start_with(&forge, &header);
    forge_fill(&forge, 5, 40);
    (void)forge_sync(&forge);
    forge_fill(&forge, 3, 40);
    assert_int_equal(forge.len, 504);
    forge.bytes[412] |= SLG_HEAD_COMPRESSED;
    assert_int_equal(slg_frame_finish(forge.bytes + 412, 2, 40, &forge.limits,
                                      7, slg_salt(forge_identity, forge.epoch)),
                     46);
    /* The sync point, 6, 7 and 8 once more. */
    copy = forge_copy(&forge);
    forge_raw(&forge, copy + 284, 220);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT depends-on 7-7 l7 @412+46 s0 yes\n"
                           "CORRUPT copy - l- @504+220 s0 unknown\n");
    assert_int_equal(look.summary.records, 9);
    assert_int_equal(look.summary.lost, 1);
    /* Damaged in its place, 8 is read in the copy, behind the 7 there. */
    forge.bytes[458 + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT depends-on 7-7 l7 @412+46 s0 yes\n"
                           "CORRUPT inserted - l- @458+46 s0 unknown\n"
                           "CORRUPT copy - l- @504+174 s0 unknown\n");
    assert_int_equal(look.summary.records, 9);
    assert_int_equal(look.summary.lost, 1);
    free(copy);
    forge_free(&forge);
}

static void
group__damaged__is_lost_whole(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge_fill_groups(&forge, 3, 4, 10);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    const struct forge_frame *frame = &forge.frames[3];
    forge.bytes[frame->offset + 10] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 7-10 l7 @%zu+%zu s0 yes\n",
                    frame->offset, frame->len);
    forge_free(&forge);
}

static void
recorded_gap__damaged__is_lost_with_its_numbers(void **state)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 5,
                                 .lines = 5,
                                 .shift = INT64_MIN };
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    const size_t index = forge_gap(&forge, &gap);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_order(&look, "1-10 REC(checksum 11-15) 16-17");
    forge.bytes[forge.frames[index].offset + 25] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 11-15 l11 @514+58 s0 yes\n");
    assert_int_equal(look.summary.records, 12);
    assert_int_equal(look.summary.recorded_gaps, 0);
    forge_free(&forge);
}

/* Sync points at 146 and 470 around 3, a gap of 4 to 8, and 9 to 11. */
static void
make_gap_stretch(struct forge *forge)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 5,
                                 .lines = 5,
                                 .shift = INT64_MIN };

    forge_start(forge);
    forge_fill(forge, 2, 40);
    (void)forge_sync(forge);
    forge_fill(forge, 1, 40);
    (void)forge_gap(forge, &gap);
    forge_fill(forge, 3, 40);
    (void)forge_sync(forge);
    forge_fill(forge, 2, 40);
    (void)forge_close(forge);
    assert_int_equal(forge->sync_offset, 470);
}

static void
recorded_gap__in_a_copied_stretch__counts_once(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    make_gap_stretch(&forge);
    uint8_t *bytes = forge_moved(&forge, 470, 324, &len);
    memcpy(bytes + 470, forge.bytes + 146, 324);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT copy - l- @470+324 s324 unknown\n");
    assert_order(&look, "1-3 REC(checksum 4-8) 9-11 GAP(copy) 12-13");
    assert_int_equal(look.summary.records, 8);
    assert_int_equal(look.summary.recorded_gaps, 1);
    assert_int_equal(look.summary.recorded_lost, 5);
    free(bytes);
    forge_free(&forge);
}

static void
recorded_gap__in_a_passed_run__counts_and_comes_where_it_fills(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    make_gap_stretch(&forge);
    uint8_t *bytes = forge_moved(&forge, 470, 324, &len);
    memcpy(bytes + 470, forge.bytes + 146, 324);
    /* 3 and 10 are damaged where they were; the gap between is not. */
    bytes[228 + 20] ^= 1;
    bytes[378 + 20] ^= 1;
    look_at(&forge, bytes, len, &look);
    assert_order(&look, "1-2 GAP(inserted) GAP(inserted) GAP(order) 3 "
                        "REC(checksum 4-8) 9-13");
    assert_int_equal(look.summary.records, 8);
    assert_int_equal(look.summary.recorded_gaps, 1);
    assert_int_equal(look.summary.recorded_lost, 5);
    /* Now the gap is damaged too, and filled from the passed run. */
    bytes[274 + 20] ^= 1;
    look_at(&forge, bytes, len, &look);
    assert_int_equal(look.summary.records, 8);
    assert_int_equal(look.summary.recorded_gaps, 1);
    assert_int_equal(look.summary.recorded_lost, 5);
    assert_int_equal(look.summary.lost, 0);
    free(bytes);
    forge_free(&forge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            lone__between_two_damaged_places__is_delivered_unconfirmed),
        cmocka_unit_test(lone__a_group__is_delivered_whole),
        cmocka_unit_test(
            tiles__two_copies_of_a_missing_record__one_is_order_one_is_copy),
        cmocka_unit_test(tiles__behind_the_last_run__go_on_where_it_ended),
        cmocka_unit_test(tiles__under_an_older_epoch__do_not_go_on_at_the_end),
        cmocka_unit_test(
            passed_run__records_moved_behind_a_copy__fill_the_hole),
        cmocka_unit_test(
            passed_run__a_bad_block_right_behind_it__both_holes_are_told),
        cmocka_unit_test(passed_run__a_dependent_frame_in_it__is_lost_once),
        cmocka_unit_test(group__damaged__is_lost_whole),
        cmocka_unit_test(recorded_gap__damaged__is_lost_with_its_numbers),
        cmocka_unit_test(recorded_gap__in_a_copied_stretch__counts_once),
        cmocka_unit_test(
            recorded_gap__in_a_passed_run__counts_and_comes_where_it_fills),
    };

    return cmocka_run_group_tests_name("segment/scan_holes", tests, NULL, NULL);
}
