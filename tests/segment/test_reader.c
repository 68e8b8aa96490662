/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_reader.c
 *
 * Goal    a reader hands out every record once, in order, with all that is said
 *         of it; damage is told where it is, strictly or beside what is left.
 * Method  segments are made frame by frame and given to the store whole.
 */
#include "tests/segment/reader_support.h"

/* -- in order -------------------------------------------------------------- */

static void
next__every_kind__has_all_its_fields(void **state)
{
    const struct seglog_item items[] = { { SEGLOG_PART, "ab", 2 },
                                         { SEGLOG_TEXT, "", 0 },
                                         { SEGLOG_BYTES, "\n\0", 2 } };
    static const struct {
        unsigned kind;
        uint64_t line;
        uint64_t group_left;
        size_t frame;
    } want[] = {
        { SEGLOG_TEXT, 1, 0, 0 },  { SEGLOG_PART, 2, 0, 1 },
        { SEGLOG_PART, 2, 0, 2 },  { SEGLOG_TEXT, 2, 0, 3 },
        { SEGLOG_PART, 3, 2, 4 },  { SEGLOG_TEXT, 3, 1, 4 },
        { SEGLOG_BYTES, 4, 0, 4 }, { SEGLOG_BYTES, 5, 0, 6 },
        { SEGLOG_TAIL, 6, 0, 7 },
    };
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    (void)forge_text(&forge, "one");
    (void)forge_put(&forge, SEGLOG_PART, "p1", 2);
    (void)forge_put(&forge, SEGLOG_PART, "p2", 2);
    (void)forge_text(&forge, "end");
    (void)forge_group(&forge, items, 3);
    (void)forge_sync(&forge);
    (void)forge_put(&forge, SEGLOG_BYTES, "\0", 1);
    (void)forge_put(&forge, SEGLOG_TAIL, "last", 4);
    (void)forge_close(&forge);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        const struct forge_record *record = &forge.records[i];
        struct seglog_event event;

        memset(&event, 0xA5, sizeof event);
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.type, SEGLOG_EVENT_RECORD);
        assert_int_equal(event.record.kind, want[i].kind);
        assert_true(event.record.is_confirmed);
        assert_int_equal(event.record.record_no, i + 1);
        assert_int_equal(event.record.line_no, want[i].line);
        assert_int_equal(event.record.group_left, want[i].group_left);
        assert_int_equal(event.record.offset,
                         forge.frames[want[i].frame].offset);
        assert_int_equal(event.record.len, record->len);
        assert_memory_equal(event.record.data, record->data, record->len);
    }
    expect_code(reader, SEGLOG_END);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
next__in_a_group__keeps_all_its_records_until_behind_the_last(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_event events[40];
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill_groups(&forge, 2, 40, 1000);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    for (unsigned group = 0; group < 2; group++) {
        for (size_t i = 0; i < COUNT_OF(events); i++)
            assert_ok(seglog_reader_next(reader, &events[i], NULL));
        for (size_t i = 0; i < COUNT_OF(events); i++) {
            const struct forge_record *want =
                forge_record_of(&forge, 40 * group + i + 1);

            assert_int_equal(events[i].record.group_left, 39 - i);
            assert_memory_equal(events[i].record.data, want->data, want->len);
        }
    }
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
next__a_recorded_gap__is_an_event_in_both_modes(void **state)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_UNORDERED,
                                 .cause = SEGLOG_CAUSE_ZEROS,
                                 .durable = SEGLOG_DURABLE_NO,
                                 .count = 5,
                                 .lines = 3,
                                 .first_byte = 4096,
                                 .byte_count = 512,
                                 .shift = -7 };
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    (void)forge_gap(&forge, &gap);
    forge_fill(&forge, 2, 40);
    log_put(store, &forge);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        struct seglog_event event;

        expect_records(reader, &forge, 1, 2);
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.type, SEGLOG_EVENT_GAP);
        assert_true(event.finding.is_recorded);
        assert_int_equal(event.finding.verdict, SEGLOG_VERDICT_UNORDERED);
        assert_int_equal(event.finding.cause, SEGLOG_CAUSE_ZEROS);
        assert_int_equal(event.finding.durable, SEGLOG_DURABLE_NO);
        assert_int_equal(event.finding.first_record, 3);
        assert_int_equal(event.finding.last_record, 7);
        assert_int_equal(event.finding.line, 3);
        assert_int_equal(event.finding.lines, 3);
        assert_int_equal(event.finding.first_byte, 4096);
        assert_int_equal(event.finding.byte_count, 512);
        assert_true(event.finding.has_shift);
        assert_int_equal(event.finding.shift, -7);
        expect_records(reader, &forge, 8, 9);
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
    }
    forge_free(&forge);
    seglog_store_close(&store);
}

/* -- strict and salvage ---------------------------------------------------- */

static void
strict__at_damage__stops_and_keeps_saying_so(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_event event;
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    forge.bytes[HEADER + 4 * RECORD + 9] ^= 1;
    forge.bytes[HEADER + 7 * RECORD + 9] ^= 1;
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_records(reader, &forge, 1, 4);
    for (unsigned i = 0; i < 3; i++) {
        err = (struct seglog_error){ 0 };
        assert_code_err(seglog_reader_next(reader, &event, &err),
                        SEGLOG_CORRUPT, &err);
        assert_int_equal(err.record_no, 5);
        assert_int_equal(err.line_no, 5);
        assert_int_equal(err.offset, HEADER + 4 * RECORD);
        assert_string_equal(err.name, "log");
        assert_non_null(strstr(err.message, "checksum"));
    }
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_CORRUPT);
    /* Appends do not change it. */
    blob_add(store, "log", "x", 1);
    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_CORRUPT,
                    &err);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
strict__a_damaged_header__is_corrupt_at_open(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_reader *reader = NULL;
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    (void)forge_close(&forge);
    forge.bytes[30] ^= 1;
    log_put(store, &forge);
    assert_code_err(seglog_reader_open(store, "log", NULL, &reader, &err),
                    SEGLOG_CORRUPT, &err);
    assert_null(reader);
    assert_int_equal(err.offset, 0);
    reader = reader_open(store, true, 0);
    expect_gap(reader, "CORRUPT header - l- @0+54 s0 unknown");
    expect_records(reader, &forge, 1, 3);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
salvage__gaps_come_where_their_records_were(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    forge.bytes[HEADER + 4 * RECORD + 9] ^= 1;
    forge.bytes[HEADER + 7 * RECORD + 9] ^= 1;
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, true, 0);
    expect_records(reader, &forge, 1, 4);
    expect_gap(reader, "CORRUPT checksum 5-5 l5 @238+46 s? unknown");
    expect_records(reader, &forge, 6, 7);
    expect_gap(reader, "CORRUPT checksum 8-8 l8 @376+46 s? unknown");
    expect_records(reader, &forge, 9, 10);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* A damaged stretch of records and, behind it, a copy that fills its holes. */
static void
salvage__many_holes_filled_by_one_run__goes_on_in_it(void **state)
{
    const size_t count = 16000;
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct seglog_event event;
    struct forge forge;
    uint64_t number = 1;

    (void)state;
    forge_start(&forge);
    (void)forge_sync(&forge);
    forge_fill(&forge, count, 40);
    const size_t end = forge.len;
    (void)forge_sync(&forge);
    forge_raw(&forge, "", 1);
    uint8_t *copy = exact_copy(forge.bytes + HEADER, end - HEADER);
    forge_raw(&forge, copy, end - HEADER);
    free(copy);
    for (uint64_t n = 1; n <= count; n += 2)
        forge.bytes[forge_frame_of(&forge, n)->offset + 20] ^= 1;
    probe_put(&probe, "log", forge.bytes, forge.len);
    struct seglog_reader *reader = reader_open(store, true, 0);
    while (seglog_reader_next(reader, &event, NULL) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_RECORD)
            assert_int_equal(event.record.record_no, number++);
        else
            assert_int_equal(event.finding.first_record, 0);
    }
    assert_int_equal(number, count + 1);
    /* One look ahead for each jump to and fro, and not the run anew. */
    assert_true(seglog_faults_get_bytes_read(probe.faults) <=
                count * 66 * 1024);
    seglog_reader_close(reader);
    forge_free(&forge);
    probe_close(&probe);
}

static void
torn_tail__is_end_in_strict_and_one_event_in_salvage(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    blob_replace(store, "log", forge.bytes, forge.len - 5);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_records(reader, &forge, 1, 2);
    expect_code(reader, SEGLOG_END);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    reader = reader_open(store, true, 0);
    expect_records(reader, &forge, 1, 2);
    expect_gap(reader, "TORN torn 3-? l3 @146+41 s? no");
    expect_code(reader, SEGLOG_END);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
expect__beyond_the_end__is_corrupt_or_a_gap(void **state)
{
    struct seglog_reader_options options = { .size = sizeof options,
                                             .expect = 5 };
    struct seglog_store store = memory_open();
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    log_put(store, &forge);
    assert_ok(seglog_reader_open(store, "log", &options, &reader, NULL));
    expect_records(reader, &forge, 1, 3);
    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_CORRUPT,
                    &err);
    assert_int_equal(err.record_no, 4);
    assert_int_equal(err.offset, forge.len);
    seglog_reader_close(reader);
    options.salvage = true;
    assert_ok(seglog_reader_open(store, "log", &options, &reader, NULL));
    expect_records(reader, &forge, 1, 3);
    expect_gap(reader, "CORRUPT cut 4-5 l4 @192+0 s? yes");
    expect_code(reader, SEGLOG_END);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
store_failure__is_io_and_passes_when_the_store_recovers(void **state)
{
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 20; i++) {
        (void)forge_sync(&forge);
        forge_fill(&forge, 1, 100000);
    }
    probe_put(&probe, "log", forge.bytes, forge.len);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_record(reader, &forge, 1);
    probe_fail_reads(&probe, 1500000, 1500001);
    uint64_t number = 2;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    seglog_code code;
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK)
        assert_int_equal(event.record.record_no, number++);
    assert_code_err(code, SEGLOG_IO, &err);
    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_IO, &err);
    assert_in_range(number, 2, 15);
    seglog_faults_clear(probe.faults);
    expect_records(reader, &forge, number, 20);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    probe_close(&probe);
}

/* -- arguments ------------------------------------------------------------- */

static void
open__bad_arguments__are_refused(void **state)
{
    struct seglog_reader_options options = { .size = 1 };
    struct seglog_store store = memory_open();
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };

    (void)state;
    assert_code_err(seglog_reader_open(store, "log", NULL, &reader, &err),
                    SEGLOG_NOT_FOUND, &err);
    blob_replace(store, "log", "not a segment, surely, is this one", 34);
    assert_code_err(seglog_reader_open(store, "log", NULL, &reader, &err),
                    SEGLOG_FORMAT, &err);
    assert_code_err(seglog_reader_open(store, "log", &options, &reader, &err),
                    SEGLOG_INVALID, &err);
    assert_code_err(seglog_reader_open(store, NULL, NULL, &reader, &err),
                    SEGLOG_INVALID, &err);
    assert_code_err(seglog_reader_open(store, "log", NULL, NULL, &err),
                    SEGLOG_INVALID, &err);
    assert_code_err(seglog_reader_next(NULL, &event, &err), SEGLOG_INVALID,
                    &err);
    assert_null(reader);
    struct forge forge;

    forge_start(&forge);
    log_put(store, &forge);
    reader = reader_open(store, false, 0);
    assert_code_err(seglog_reader_next(reader, NULL, &err), SEGLOG_INVALID,
                    &err);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_reader_close(NULL);
    seglog_store_close(&store);
}

static void
describe__names_mode_segment_and_place(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;
    char text[128];

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    log_put(store, &forge);
    struct seglog_reader *reader = reader_open(store, true, 0);
    expect_records(reader, &forge, 1, 2);
    seglog_reader_describe(reader, text, sizeof text);
    assert_string_equal(text,
                        "salvaging reader of log at record 3, offset 146");
    seglog_reader_describe(reader, text, 10);
    assert_string_equal(text, "salvaging");
    seglog_reader_describe(reader, text, 0);
    assert_string_equal(text, "salvaging");
    seglog_reader_close(reader);
    reader = reader_open(store, false, 0);
    seglog_reader_describe(reader, text, sizeof text);
    assert_string_equal(text, "strict reader of log at record 1, offset 54");
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* A body limit of 512 bytes holds for records of any other length as well. */
static void
next__a_record_beyond_the_body_limit__is_no_frame(void **state)
{
    struct seglog_store store = memory_open();
    struct slg_header header = forge_header();
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    header.body_log2 = 9;
    forge_start_with(&forge, &header);
    forge_fill(&forge, 1, 512);
    forge_fill(&forge, 1, 513);
    forge_fill(&forge, 1, 20);
    log_put(store, &forge);
    reader = reader_open(store, false, 0);
    expect_records(reader, &forge, 1, 1);
    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_CORRUPT,
                    &err);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next__a_record_beyond_the_body_limit__is_no_frame),
        cmocka_unit_test(next__every_kind__has_all_its_fields),
        cmocka_unit_test(
            next__in_a_group__keeps_all_its_records_until_behind_the_last),
        cmocka_unit_test(next__a_recorded_gap__is_an_event_in_both_modes),
        cmocka_unit_test(strict__at_damage__stops_and_keeps_saying_so),
        cmocka_unit_test(strict__a_damaged_header__is_corrupt_at_open),
        cmocka_unit_test(salvage__gaps_come_where_their_records_were),
        cmocka_unit_test(salvage__many_holes_filled_by_one_run__goes_on_in_it),
        cmocka_unit_test(torn_tail__is_end_in_strict_and_one_event_in_salvage),
        cmocka_unit_test(expect__beyond_the_end__is_corrupt_or_a_gap),
        cmocka_unit_test(
            store_failure__is_io_and_passes_when_the_store_recovers),
        cmocka_unit_test(open__bad_arguments__are_refused),
        cmocka_unit_test(describe__names_mode_segment_and_place),
    };

    return cmocka_run_group_tests_name("segment/reader", tests, NULL, NULL);
}
