/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_reader_seek.c
 *
 * Goal    a reader goes on at any record, and reads little to get there.
 * Method  segments are made frame by frame and given to the store whole.
 */
#include "tests/segment/reader_support.h"

#include <stdio.h>

/* -- seek ------------------------------------------------------------------ */

static void
seek__to_every_record__continues_there(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    make_stretches(&forge, 25);
    log_put(store, &forge);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);

        for (uint64_t i = 0; i < 600; i++) {
            const uint64_t number = (i * 7) % 600 + 1;
            const uint64_t until = number + 3 < 600 ? number + 3 : 600;

            seek_ok(reader, number);
            expect_records(reader, &forge, number, until);
        }
        seek_ok(reader, 0);
        expect_records(reader, &forge, 1, 600);
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
    }
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
seek__into_a_group__has_the_rest_of_it(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_event event;
    struct forge forge;

    (void)state;
    make_stretches(&forge, 3);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    seek_ok(reader, 24 + 12 + 4 + 2); /* the second of a group's four */
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.record.record_no, 42);
    assert_int_equal(event.record.group_left, 2);
    assert_int_equal(event.record.offset, forge_frame_of(&forge, 41)->offset);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
seek__in_a_large_segment__reads_little_of_it(void **state)
{
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;
    uint64_t most = 0;

    (void)state;
    forge_start(&forge);
    while (forge.len < 64 * MIB) {
        forge_fill(&forge, 63, 1024);
        (void)forge_sync(&forge);
    }
    const uint64_t last = forge.number - 1;
    probe_put(&probe, "log", forge.bytes, forge.len);
    struct seglog_reader *reader = reader_open(store, false, 0);
    for (uint64_t i = 0; i < 50; i++) {
        const uint64_t number = 1 + i * 104729 % last;

        seglog_faults_reset_counts(probe.faults);
        seek_ok(reader, number);
        expect_record(reader, &forge, number);
        assert_true(seglog_faults_get_count(probe.faults, SEGLOG_FAULT_READ) <=
                    40);
        if (seglog_faults_get_bytes_read(probe.faults) > most)
            most = seglog_faults_get_bytes_read(probe.faults);
    }
    /* log2(64 MiB / 128 KiB) = 9 probes and one stretch. */
    assert_true(most <= 4 * MIB);
    seglog_reader_close(reader);
    forge_free(&forge);
    probe_close(&probe);
}

static void
reading__a_whole_segment__reads_every_byte_once(void **state)
{
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;

    (void)state;
    forge_start(&forge);
    while (forge.len < 16 * MIB) {
        forge_fill(&forge, 63, 1024);
        (void)forge_sync(&forge);
    }
    probe_put(&probe, "log", forge.bytes, forge.len);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_records(reader, &forge, 1, forge.number - 1);
    assert_true(seglog_faults_get_bytes_read(probe.faults) <=
                forge.len + 64 * 1024);
    seglog_reader_close(reader);
    forge_free(&forge);
    probe_close(&probe);
}

static void
seek__beyond_the_end__is_end_until_that_record_comes(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    seek_ok(reader, 13);
    expect_code(reader, SEGLOG_END);
    const size_t from = forge.len;
    forge_fill(&forge, 5, 40);
    blob_add(store, "log", forge.bytes + from, 2 * RECORD);
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + from + 2 * RECORD, 3 * RECORD);
    expect_records(reader, &forge, 13, 15);
    expect_code(reader, SEGLOG_END);
    seek_ok(reader, UINT64_MAX);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
seek__into_a_lost_range__gives_the_gap_and_what_follows(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    memset(forge.bytes + HEADER + 4 * RECORD, 0, 3 * RECORD);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, true, 0);
    for (uint64_t number = 5; number <= 7; number++) {
        seek_ok(reader, number);
        expect_gap(reader, "CORRUPT zeros 5-7 l5 @238+138 s? unknown");
        expect_records(reader, &forge, 8, 10);
        expect_code(reader, SEGLOG_END);
    }
    seek_ok(reader, 8);
    expect_records(reader, &forge, 8, 10);
    seglog_reader_close(reader);
    reader = reader_open(store, false, 6);
    expect_code(reader, SEGLOG_CORRUPT);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
seek__behind_damage_far_before__does_not_meet_it(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    while (forge.len < MIB) {
        forge_fill(&forge, 63, 1024);
        (void)forge_sync(&forge);
    }
    const uint64_t last = forge.number - 1;
    forge.bytes[5000] ^= 1;
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, last - 5);
    expect_records(reader, &forge, last - 5, last);
    expect_code(reader, SEGLOG_END);
    /* And back: the damage is met. */
    seek_ok(reader, 1);
    expect_records(reader, &forge, 1, 4);
    expect_code(reader, SEGLOG_CORRUPT);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
seek__with_marks_in_records__is_not_misled(void **state)
{
    struct slg_header header = forge_header();
    struct seglog_store store = memory_open();
    struct forge inner;
    struct forge forge;

    (void)state;
    /* Payloads full of sync points, of a stranger and of this segment. */
    forge_start(&forge);
    for (unsigned i = 0; forge.len < MIB; i++) {
        memcpy(header.identity, i % 2 == 0 ? forge_stranger : forge_identity,
               sizeof header.identity);
        forge_start_with(&inner, &header);
        for (unsigned k = 0; k < 100; k++)
            (void)forge_sync(&inner);
        (void)forge_put(&forge, SEGLOG_BYTES, inner.bytes, inner.len);
        forge_free(&inner);
        if (i % 6 == 5)
            (void)forge_sync(&forge);
    }
    log_put(store, &forge);
    const uint64_t last = forge.number - 1;
    struct seglog_reader *reader = reader_open(store, false, 0);
    for (uint64_t number = last; number > 0; number--) {
        seek_ok(reader, number);
        expect_record(reader, &forge, number);
    }
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
seek__in_a_segment_that_was_cut__finds_the_new_records(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned k = 0; k < 4; k++) {
            forge_fill(&forge, 50, 1000);
            (void)forge_sync(&forge);
        }
        /* Torn bytes that were passed over. */
        forge_fill(&forge, 1, 500);
        forge.len -= 100;
        (void)forge_new_epoch(&forge, forge.number - 1);
    }
    log_put(store, &forge);
    const uint64_t last = forge.number - 1;
    struct seglog_reader *reader = reader_open(store, false, 0);
    for (uint64_t i = 0; i < last; i++) {
        const uint64_t number = 1 + i * 31 % last;

        seek_ok(reader, number);
        expect_record(reader, &forge, number);
    }
    seek_ok(reader, last);
    expect_record(reader, &forge, last);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
from_record__starts_at_the_first_that_exists(void **state)
{
    struct slg_header header = forge_header();
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    header.first_record = 1000;
    forge_start_with(&forge, &header);
    forge_fill(&forge, 10, 40);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 1);
    expect_records(reader, &forge, 1000, 1009);
    seglog_reader_close(reader);
    reader = reader_open(store, true, 1007);
    expect_records(reader, &forge, 1007, 1009);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
from_record__with_a_lost_header__skips_to_it(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    make_stretches(&forge, 10);
    memset(forge.bytes, 0x11, HEADER);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, true, 100);
    expect_gap(reader, "CORRUPT header - l- @0+54 s0 unknown");
    expect_records(reader, &forge, 100, 240);
    seek_ok(reader, 50);
    expect_gap(reader, "CORRUPT header - l- @0+54 s0 unknown");
    expect_records(reader, &forge, 50, 60);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* The cut begins another epoch, and reading starts in the one before it. */
static void
seek__with_a_lost_header_and_a_cut__is_as_from_the_start(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    (void)forge_sync(&forge);
    forge_fill(&forge, 5, 40);
    (void)forge_new_epoch(&forge, forge.number);
    forge_fill(&forge, 5, 40);
    (void)forge_close(&forge);
    memset(forge.bytes, 0x11, HEADER);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, true, 0);
    for (unsigned i = 0; i < 3; i++) {
        expect_gap(reader, "CORRUPT header - l- @0+54 s0 unknown");
        expect_records(reader, &forge, 1, 10);
        expect_code(reader, SEGLOG_END);
        seek_ok(reader, 0);
    }
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seek__to_every_record__continues_there),
        cmocka_unit_test(seek__into_a_group__has_the_rest_of_it),
        cmocka_unit_test(seek__in_a_large_segment__reads_little_of_it),
        cmocka_unit_test(reading__a_whole_segment__reads_every_byte_once),
        cmocka_unit_test(seek__beyond_the_end__is_end_until_that_record_comes),
        cmocka_unit_test(
            seek__into_a_lost_range__gives_the_gap_and_what_follows),
        cmocka_unit_test(seek__behind_damage_far_before__does_not_meet_it),
        cmocka_unit_test(seek__with_marks_in_records__is_not_misled),
        cmocka_unit_test(
            seek__in_a_segment_that_was_cut__finds_the_new_records),
        cmocka_unit_test(from_record__starts_at_the_first_that_exists),
        cmocka_unit_test(from_record__with_a_lost_header__skips_to_it),
        cmocka_unit_test(
            seek__with_a_lost_header_and_a_cut__is_as_from_the_start),
    };

    return cmocka_run_group_tests_name("segment/reader_seek", tests, NULL,
                                       NULL);
}
