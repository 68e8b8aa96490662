/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_scan_tail.c
 *
 * Goal    what is said of the end of a segment, and of bytes that belong to
 *         another segment or to another epoch: SPEC.md 10.2 and 10.3.
 * Method  as in test_scan_causes.c.
 */
#include "tests/segment/forge_support.h"

#define HEADER FORGE_HEADER_BYTES
#define RECORD FORGE_TEN_FRAME
#define SYNC   ((size_t)82)
#define CLOSE  ((size_t)70)

static struct look look;

/* -- causes 18 to 20: the tail --------------------------------------------- */

static void
closing_mark__damaged__is_corrupt_without_loss(void **state)
{
    (void)state;
    for (size_t at = 0; at < CLOSE; at++) {
        struct forge forge;

        forge_ten(&forge, true);
        forge.bytes[514 + at] ^= 0x10;
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look,
                        "CORRUPT closing-mark - l- @514+70 s0 unknown\n");
        assert_false(look.summary.is_closed);
        assert_int_equal(look.summary.torn_bytes, 0);
        forge_free(&forge);
    }
}

static void
closing_mark__with_bytes_in_its_middle__has_their_shift(void **state)
{
    static const int counts[] = { 1, 16, -1, -16 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct forge forge;
        size_t len;

        forge_ten(&forge, true);
        uint8_t *bytes = forge_moved(&forge, 514 + 30, counts[i], &len);
        look_at(&forge, bytes, len, &look);
        assert_findings(&look,
                        "CORRUPT closing-mark - l- @514+%d s%d unknown\n",
                        70 + counts[i], counts[i]);
        free(bytes);
        forge_free(&forge);
    }
}

static void
closing_mark__every_beginning_of_it__is_torn_without_a_record(void **state)
{
    (void)state;
    for (size_t len = 1; len < CLOSE; len++) {
        struct forge forge;

        forge_ten(&forge, true);
        look_at(&forge, forge.bytes, 514 + len, &look);
        assert_findings(&look, "TORN torn - l- @514+%zu s? no\n", len);
        assert_int_equal(look.summary.torn_bytes, len);
        assert_int_equal(look.summary.next_record, 11);
        forge_free(&forge);
    }
}

/* What a power cut leaves of it: new bytes in front and zeros behind, or the
 * other way round, in the sector that begins at 512 and in the one before. */
static void
closing_mark__part_of_it_zeros__is_torn(void **state)
{
    struct look strict;

    (void)state;
    for (size_t right = 36; right < CLOSE - 2; right++) {
        struct forge forge;

        forge_ten(&forge, true);
        memset(forge.bytes + 514 + right, 0, CLOSE - right);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look, "TORN torn - l- @514+70 s? no\n");
        assert_int_equal(look.summary.torn_bytes, CLOSE);
        forge_free(&forge);

        forge_ten(&forge, true);
        memset(forge.bytes + 514, 0, CLOSE - right);
        look_at(&forge, forge.bytes, forge.len, &strict);
        assert_findings(&strict, "TORN torn - l- @514+70 s? no\n");
        forge_free(&forge);

        /* Zeros inside of it are no cut's. */
        forge_ten(&forge, true);
        memset(forge.bytes + 514 + 26, 0, 4);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look,
                        "CORRUPT closing-mark - l- @514+70 s0 unknown\n");
        forge_free(&forge);
    }
}

/* A strict reader keeps no digests: it learns what it needs at the end. */
static void
closing_mark__torn_with_zeros_behind__is_the_end_for_strict_readers(
    void **state)
{
    (void)state;
    for (size_t len = 54; len < 86; len++) {
        for (size_t right = 10; right < 54; right++) {
            struct forge forge;
            struct seglog_store store;
            struct seglog_reader *reader = NULL;
            struct seglog_event event;
            seglog_code code = SEGLOG_OK;

            assert_int_equal(seglog_store_memory_open(&store, NULL), SEGLOG_OK);
            forge_ten(&forge, true);
            uint8_t *bytes = calloc(1, 514 + len);
            assert_non_null(bytes);
            memcpy(bytes, forge.bytes, 514 + right);
            look_at(&forge, bytes, 514 + len, &look);
            blob_replace(store, "log", bytes, 514 + len);
            assert_int_equal(
                seglog_reader_open(store, "log", NULL, &reader, NULL),
                SEGLOG_OK);
            while (code == SEGLOG_OK)
                code = seglog_reader_next(reader, &event, NULL);
            assert_int_equal(code, look.summary.verdict == SEGLOG_VERDICT_TORN
                                       ? SEGLOG_END
                                       : SEGLOG_CORRUPT);
            seglog_reader_close(reader);
            seglog_store_close(&store);
            free(bytes);
            forge_free(&forge);
        }
    }
}

/* Behind a gap neither the line nor the digest of the mark is known. */
static void
closing_mark__torn_behind_a_gap__may_have_any_line(void **state)
{
    (void)state;
    for (size_t len = 43; len < CLOSE; len++) {
        struct forge forge;

        forge_ten(&forge, false);
        forge.bytes[forge_ten_at(3) + 20] ^= 1;
        forge.line = UINT64_C(0x1122334455667788);
        forge.digest = UINT64_C(0x99AABBCCDDEEFF00);
        (void)forge_close(&forge);
        look_at(&forge, forge.bytes, 514 + len, &look);
        assert_findings(&look,
                        "CORRUPT checksum 3-3 l3 @146+46 s? unknown\n"
                        "TORN torn - l- @514+%zu s? no\n",
                        len);
        forge_free(&forge);
    }
}

static void
torn__every_beginning_of_a_record__names_the_record(void **state)
{
    (void)state;
    for (size_t len = 1; len < RECORD; len++) {
        struct forge forge;

        forge_ten(&forge, false);
        look_at(&forge, forge.bytes, forge_ten_at(10) + len, &look);
        assert_findings(&look, "TORN torn 10-? l10 @468+%zu s? no\n", len);
        assert_order(&look, "1-9 GAP(torn)");
        assert_int_equal(look.summary.torn_bytes, len);
        assert_int_equal(look.summary.lost, 0);
        assert_int_equal(look.summary.next_record, 10);
        forge_free(&forge);
    }
}

static void
torn__every_beginning_of_a_sync_point__names_no_record(void **state)
{
    (void)state;
    for (size_t len = 1; len < SYNC; len++) {
        struct forge forge;

        forge_ten(&forge, false);
        (void)forge_sync(&forge);
        look_at(&forge, forge.bytes, 514 + len, &look);
        assert_findings(&look, "TORN torn - l- @514+%zu s? no\n", len);
        forge_free(&forge);
    }
}

static void
torn__every_beginning_of_a_header__is_torn_without_records(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (size_t len = 0; len < HEADER; len++) {
        look_at(&forge, forge.bytes, len, &look);
        assert_findings(&look, "TORN torn - l- @0+%zu s? no\n", len);
        assert_int_equal(look.summary.records, 0);
        assert_int_equal(look.summary.torn_bytes, len);
        assert_int_equal(look.summary.next_record, 1);
    }
    forge_free(&forge);
}

static void
torn__a_group__names_its_first_record(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge_fill_groups(&forge, 1, 3, 20);
    look_at(&forge, forge.bytes, forge.len - 1, &look);
    assert_findings(&look, "TORN torn 3-? l3 @146+%zu s? no\n",
                    forge.len - 1 - 146);
    assert_int_equal(look.summary.records, 2);
    forge_free(&forge);
}

static void
torn__the_last_record_damaged_in_an_unclosed_log__is_torn(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    forge.bytes[forge_ten_at(10) + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "TORN torn 10-? l10 @468+46 s? no\n");
    forge_free(&forge);
}

static void
cut__below_what_is_expected__is_corrupt(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    look_at_expecting(&forge, forge.bytes, forge.len, 12, &look);
    assert_findings(&look, "CORRUPT cut 11-12 l11 @584+0 s? yes\n");
    assert_int_equal(look.summary.lost, 2);
    assert_int_equal(look.summary.next_record, 13);
    assert_int_equal(look.summary.next_line, 13);
    look_at_expecting(&forge, forge.bytes, forge.len, 10, &look);
    assert_no_findings(&look);
    look_at_expecting(&forge, forge.bytes, forge_ten_at(9), 10, &look);
    assert_findings(&look, "CORRUPT cut 9-10 l9 @422+0 s? yes\n");
    forge_free(&forge);
}

static void
cut__inside_a_frame__is_over_the_torn_bytes(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    look_at_expecting(&forge, forge.bytes, forge_ten_at(9) + 17, 10, &look);
    assert_findings(&look, "CORRUPT cut 9-10 l9 @422+17 s? yes\n");
    /* Expected to have what it has: torn. */
    look_at_expecting(&forge, forge.bytes, forge_ten_at(9) + 17, 8, &look);
    assert_findings(&look, "TORN torn 9-? l9 @422+17 s? no\n");
    forge_free(&forge);
}

static void
cut__to_nothing__loses_all_that_was_expected(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    look_at_expecting(&forge, forge.bytes, HEADER, 10, &look);
    assert_findings(&look, "CORRUPT cut 1-10 l1 @54+0 s? yes\n");
    assert_int_equal(look.summary.next_record, 11);
    look_at_expecting(&forge, forge.bytes, 20, 10, &look);
    assert_findings(&look, "CORRUPT cut 1-10 l1 @0+20 s? yes\n");
    assert_int_equal(look.summary.next_record, 11);
    assert_int_equal(look.summary.next_line, 11);
    assert_int_equal(look.summary.head.next_record, 11);
    forge_free(&forge);
}

/* What the end alone says of a torn tail. */
static void
summary__of_a_torn_tail__has_its_bytes(void **state)
{
    struct seglog_store store = { 0 };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    forge_ten(&forge, false);
    blob_replace(store, "log", forge.bytes, forge.len - 7);
    assert_ok(seglog_segment_get_summary(store, "log", &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_TORN);
    assert_int_equal(summary.torn_bytes, 46 - 7);
    assert_int_equal(summary.next_record, 10);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* A closing mark behind another one says nothing of the frame before it. */
static void
summary__of_a_segment_closed_twice__is_closed(void **state)
{
    struct seglog_store store = { 0 };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    for (unsigned records = 0; records < 2; records++) {
        struct seglog_scan_summary scanned;

        forge_start(&forge);
        forge_fill(&forge, records, 40);
        (void)forge_close(&forge);
        (void)forge_close(&forge);
        blob_replace(store, "log", forge.bytes, forge.len);
        assert_ok(seglog_segment_get_summary(store, "log", &summary, NULL));
        assert_ok(seglog_scan(store, "log", NULL, &scanned, NULL));
        assert_true(summary.is_closed);
        assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
        assert_int_equal(summary.next_record, records + 1);
        assert_int_equal(summary.head.checksum, scanned.head.checksum);
        forge_free(&forge);
    }
    seglog_store_close(&store);
}

/* -- FOREIGN, and cause 5 -------------------------------------------------- */

static void
foreign__a_mark_of_another_segment__is_foreign(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct forge other;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    forge_fill(&other, 3, 40);
    (void)forge_sync(&other);
    forge_ten(&forge, false);
    forge_raw(&forge, other.bytes + 192, SYNC);
    forge_fill(&forge, 3, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN foreign - l- @514+82 s? unknown\n");
    assert_verdict(&look, SEGLOG_VERDICT_FOREIGN);
    assert_order(&look, "1-10 GAP(foreign) 11-13");
    forge_free(&other);
    forge_free(&forge);
}

static void
foreign__a_header_over_a_record__is_foreign_and_lost(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct forge other;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    forge_ten(&forge, true);
    memcpy(forge.bytes + forge_ten_at(4), other.bytes, HEADER);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN foreign 4-5 l4 @192+92 s0 yes\n");
    assert_int_equal(look.summary.lost, 2);
    forge_free(&other);
    forge_free(&forge);
}

static void
foreign__three_records_under_another_salt__are_foreign(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct forge other;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    forge_fill(&other, 5, 40);
    forge_ten(&forge, true);
    memcpy(forge.bytes + forge_ten_at(4), other.bytes + HEADER + RECORD,
           3 * RECORD);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN foreign 4-6 l4 @192+138 s0 yes\n");
    forge_free(&other);
    forge_free(&forge);
}

static void
foreign__at_the_end__is_not_torn(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct forge other;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    forge_fill(&other, 5, 40);
    forge_ten(&forge, false);
    forge_raw(&forge, other.bytes, other.len);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN foreign - l- @514+%zu s? unknown\n",
                    other.len);
    assert_int_equal(look.summary.torn_bytes, 0);
    forge_free(&other);
    forge_free(&forge);
}

static void
stale__frames_from_before_a_cut__are_foreign(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    (void)forge_sync(&forge);
    forge_fill(&forge, 3, 40);
    uint8_t *old =
        exact_copy(forge.bytes + forge_ten_at(9), forge.len - forge_ten_at(9));
    const size_t old_len = forge.len - forge_ten_at(9);
    forge.len = forge_ten_at(9);
    (void)forge_new_epoch(&forge, 9);
    forge_fill(&forge, 1, 40);
    /* What was cut comes back behind what was appended since. */
    forge_raw(&forge, old, old_len);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN stale - l- @550+%zu s? unknown\n", old_len);
    assert_int_equal(look.summary.records, 9);
    free(old);
    forge_free(&forge);
}

static void
passed_over__a_torn_tail_before_a_new_epoch__is_torn(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    forge.len -= 6;
    (void)forge_new_epoch(&forge, 10);
    forge_fill(&forge, 5, 40);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "TORN passed-over - l- @468+40 s0 no\n");
    assert_verdict(&look, SEGLOG_VERDICT_TORN);
    assert_order(&look, "1-9 GAP(passed-over) 10-14");
    assert_int_equal(look.summary.torn_bytes, 0);
    assert_true(look.summary.is_closed);
    forge_free(&forge);
}

static void
passed_over__with_records_lost_besides__is_corrupt(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    (void)forge_new_epoch(&forge, 11);
    forge_fill(&forge, 5, 40);
    forge.bytes[forge_ten_at(10) + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 10-10 l10 @468+46 s0 unknown\n");
    forge_free(&forge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary__of_a_torn_tail__has_its_bytes),
        cmocka_unit_test(summary__of_a_segment_closed_twice__is_closed),
        cmocka_unit_test(closing_mark__damaged__is_corrupt_without_loss),
        cmocka_unit_test(
            closing_mark__with_bytes_in_its_middle__has_their_shift),
        cmocka_unit_test(
            closing_mark__every_beginning_of_it__is_torn_without_a_record),
        cmocka_unit_test(closing_mark__part_of_it_zeros__is_torn),
        cmocka_unit_test(
            closing_mark__torn_with_zeros_behind__is_the_end_for_strict_readers),
        cmocka_unit_test(closing_mark__torn_behind_a_gap__may_have_any_line),
        cmocka_unit_test(torn__every_beginning_of_a_record__names_the_record),
        cmocka_unit_test(
            torn__every_beginning_of_a_sync_point__names_no_record),
        cmocka_unit_test(
            torn__every_beginning_of_a_header__is_torn_without_records),
        cmocka_unit_test(torn__a_group__names_its_first_record),
        cmocka_unit_test(
            torn__the_last_record_damaged_in_an_unclosed_log__is_torn),
        cmocka_unit_test(cut__below_what_is_expected__is_corrupt),
        cmocka_unit_test(cut__inside_a_frame__is_over_the_torn_bytes),
        cmocka_unit_test(cut__to_nothing__loses_all_that_was_expected),
        cmocka_unit_test(foreign__a_mark_of_another_segment__is_foreign),
        cmocka_unit_test(foreign__a_header_over_a_record__is_foreign_and_lost),
        cmocka_unit_test(
            foreign__three_records_under_another_salt__are_foreign),
        cmocka_unit_test(foreign__at_the_end__is_not_torn),
        cmocka_unit_test(stale__frames_from_before_a_cut__are_foreign),
        cmocka_unit_test(passed_over__a_torn_tail_before_a_new_epoch__is_torn),
        cmocka_unit_test(passed_over__with_records_lost_besides__is_corrupt),
    };

    return cmocka_run_group_tests_name("segment/scan_tail", tests, NULL, NULL);
}
