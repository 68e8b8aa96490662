/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_reader_long.c
 *
 * Goal    records around every limit of a body are read, and lost alone.
 * Method  segments are made frame by frame and given to the store whole.
 */
#include "tests/segment/reader_support.h"

/* -- long records ---------------------------------------------------------- */

/* Around every limit of a body: digest, near body, window, the default. */
static const size_t long_sizes[] = { 11440,  11441,   65535,  65536,
                                     65537,  100000,  524267, 524288,
                                     524289, 1100000, 8388608 };

static void
make_long(struct forge *forge)
{
    forge_start(forge);
    for (size_t i = 0; i < COUNT_OF(long_sizes); i++) {
        if (long_sizes[i] > 65536)
            (void)forge_sync(forge);
        forge_fill(forge, 1, long_sizes[i]);
        forge_fill(forge, 1, 40);
    }
    (void)forge_close(forge);
}

static void
long_records__of_every_size__are_read(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    make_long(&forge);
    log_put(store, &forge);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);

        expect_records(reader, &forge, 1, forge.number - 1);
        expect_code(reader, SEGLOG_END);
        for (uint64_t number = forge.number - 1; number > 0; number--) {
            seek_ok(reader, number);
            expect_record(reader, &forge, number);
        }
        seglog_reader_close(reader);
    }
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
long_records__damaged__are_lost_alone(void **state)
{
    static struct look look;
    struct forge forge;

    (void)state;
    make_long(&forge);
    for (uint64_t number = 1; number < forge.number; number += 2) {
        const struct forge_frame *frame = forge_frame_of(&forge, number);

        forge.bytes[frame->offset + frame->len / 2] ^= 1;
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look, "CORRUPT checksum %u-%u l%u @%zu+%zu s0 yes\n",
                        (unsigned)number, (unsigned)number, (unsigned)number,
                        frame->offset, frame->len);
        forge.bytes[frame->offset + frame->len / 2] ^= 1;
    }
    forge_free(&forge);
}

static void
long_records__behind_a_damaged_sync_point__are_not_lost(void **state)
{
    static struct look look;
    struct forge forge;

    (void)state;
    make_long(&forge);
    for (size_t i = 0; i < forge.frame_count; i++) {
        const struct forge_frame *frame = &forge.frames[i];

        if (frame->control != SLG_CONTROL_SYNC_POINT)
            continue;
        forge.bytes[frame->offset + 40] ^= 1;
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look, "CORRUPT mark - l- @%zu+82 s0 unknown\n",
                        frame->offset);
        forge.bytes[frame->offset + 40] ^= 1;
    }
    forge_free(&forge);
}

static void
long_records__without_a_sync_point_before_them__are_no_frames(void **state)
{
    static struct look look;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge_fill(&forge, 1, 65537);
    forge_fill(&forge, 2, 40);
    (void)forge_sync(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT length 3-3 l3 @146+65553 s0 unknown\n");
    forge_free(&forge);
}

static void
long_records__damaged_length__is_skipped_to_the_next_frame(void **state)
{
    static struct look look;
    struct forge forge;

    (void)state;
    make_long(&forge);
    /* The largest: 8 MiB, its frame starts behind a sync point. */
    const struct forge_frame *frame = forge_frame_of(&forge, forge.number - 2);
    const unsigned number = (unsigned)frame->number;
    for (unsigned byte = 0; byte < 5; byte++) {
        forge.bytes[frame->offset + byte] ^= 0x20;
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_int_equal(look.finding_count, 1);
        assert_int_equal(look.findings[0].first_record, number);
        assert_int_equal(look.findings[0].last_record, number);
        assert_int_equal(look.findings[0].first_byte, frame->offset);
        assert_int_equal(look.findings[0].byte_count, frame->len);
        forge.bytes[frame->offset + byte] ^= 0x20;
    }
    forge_free(&forge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_records__of_every_size__are_read),
        cmocka_unit_test(long_records__damaged__are_lost_alone),
        cmocka_unit_test(
            long_records__behind_a_damaged_sync_point__are_not_lost),
        cmocka_unit_test(
            long_records__without_a_sync_point_before_them__are_no_frames),
        cmocka_unit_test(
            long_records__damaged_length__is_skipped_to_the_next_frame),
    };

    return cmocka_run_group_tests_name("segment/reader_long", tests, NULL,
                                       NULL);
}
