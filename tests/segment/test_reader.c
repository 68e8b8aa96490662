/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_reader.c
 *
 * Goal    a reader hands out every record once, in order, with all that is said
 *         of it, in a finished segment and beside a writer; seeks read little.
 * Method  segments are made frame by frame and given to the store whole, or
 *         bit by bit while a reader waits at their end.
 */
#define _GNU_SOURCE /* fork, waitpid */

#include "tests/segment/forge_support.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADER ((size_t)54)
#define RECORD ((size_t)46) /* a frame of 40 bytes */
#define MIB    ((size_t)1 << 20)

static struct seglog_store
memory_open(void)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    return store;
}

static struct seglog_reader *
reader_open(struct seglog_store store, bool salvage, uint64_t from_record)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage,
                                                   .from_record = from_record };
    struct seglog_reader *reader = NULL;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_reader_open(store, "log", &options, &reader, &err),
                    SEGLOG_OK, &err);
    return reader;
}

/* The next event is this record with these very bytes. */
static void
expect_record(struct seglog_reader *reader, const struct forge *forge,
              uint64_t number)
{
    const struct forge_record *want = forge_record_of(forge, number);
    struct seglog_event event;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_OK, &err);
    assert_int_equal(event.type, SEGLOG_EVENT_RECORD);
    assert_int_equal(event.record.record_no, number);
    assert_non_null(want);
    assert_int_equal(event.record.kind, want->kind);
    assert_int_equal(event.record.line_no, want->line);
    assert_int_equal(event.record.len, want->len);
    assert_memory_equal(event.record.data, want->data, want->len);
}

static void
expect_records(struct seglog_reader *reader, const struct forge *forge,
               uint64_t first, uint64_t last)
{
    for (uint64_t number = first; number <= last; number++)
        expect_record(reader, forge, number);
}

static void
expect_code(struct seglog_reader *reader, seglog_code want)
{
    struct seglog_event event;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_reader_next(reader, &event, &err), want, &err);
}

/* The next event is a gap of this form (see finding_format). */
static void
expect_gap(struct seglog_reader *reader, const char *want)
{
    struct seglog_event event;
    struct seglog_error err = { 0 };
    char text[256];

    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_OK, &err);
    assert_int_equal(event.type, SEGLOG_EVENT_GAP);
    finding_format(&event.finding, text, sizeof text);
    assert_string_equal(text, want);
}

static void
seek_ok(struct seglog_reader *reader, uint64_t number)
{
    struct seglog_error err = { 0 };

    assert_code_err(seglog_reader_seek(reader, number, &err), SEGLOG_OK, &err);
}

static void
put(struct seglog_store store, const struct forge *forge)
{
    blob_replace(store, "log", forge->bytes, forge->len);
}

static void
cut_to(struct seglog_store store, size_t len)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(seglog_blob_truncate(blob, len, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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

/* -- seek ------------------------------------------------------------------ */

/* 600 records, 12 in groups of 4 a stretch, a sync point each 24. */
static void
make_stretches(struct forge *forge, unsigned stretches)
{
    forge_start(forge);
    for (unsigned i = 0; i < stretches; i++) {
        forge_fill(forge, 12, 30 + i % 7);
        forge_fill_groups(forge, 3, 4, 20);
        forge->watermark = forge->number - 1;
        (void)forge_sync(forge);
    }
}

static void
seek__to_every_record__continues_there(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    make_stretches(&forge, 25);
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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

/* -- beside a writer ------------------------------------------------------- */

static void
live__at_end__sees_later_appends_once(void **state)
{
    struct forge forge;

    (void)state;
    make_stretches(&forge, 10);
    (void)forge_close(&forge);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();

        blob_replace(store, "log", forge.bytes, HEADER);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        for (size_t i = 0; i < forge.frame_count; i++) {
            const struct forge_frame *frame = &forge.frames[i];

            expect_code(reader, SEGLOG_END);
            blob_add(store, "log", forge.bytes + frame->offset, frame->len);
            if (frame->control == 0)
                expect_records(reader, &forge, frame->number,
                               frame->number + frame->count - 1);
        }
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

/* Bytes appear one at a time; a record is there exactly when its last is. */
static void
live__frames_appearing_piecewise__are_never_damage(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge_fill_groups(&forge, 1, 3, 20);
    uint8_t *copy = exact_copy(forge.bytes + HEADER, forge.len - HEADER);
    (void)forge_put(&forge, SEGLOG_BYTES, copy, forge.len - HEADER);
    free(copy);
    (void)forge_sync(&forge);
    (void)forge_close(&forge);
    forge_fill(&forge, 1, 300);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();
        uint64_t number = 1;

        blob_replace(store, "log", "", 0);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        for (size_t at = 0; at < forge.len; at++) {
            struct seglog_event event;
            struct seglog_error err = { 0 };
            seglog_code code;

            blob_add(store, "log", forge.bytes + at, 1);
            while ((code = seglog_reader_next(reader, &event, &err)) ==
                   SEGLOG_OK) {
                if (event.type == SEGLOG_EVENT_GAP) {
                    assert_true(salvage != 0);
                    assert_int_equal(event.finding.verdict,
                                     SEGLOG_VERDICT_TORN);
                    continue;
                }
                const struct forge_frame *frame =
                    forge_frame_of(&forge, event.record.record_no);
                assert_int_equal(event.record.record_no, number++);
                assert_int_equal(frame->offset + frame->len, at + 1);
            }
            assert_code_err(code, SEGLOG_END, &err);
            expect_code(reader, SEGLOG_END);
        }
        assert_int_equal(number, forge.number);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

static void
live__a_torn_tail_cut_and_written_again__continues_with_the_new(void **state)
{
    struct forge old;
    struct forge forge;

    (void)state;
    forge_start(&old);
    forge_fill(&old, 11, 40);
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    const size_t cut = forge.len;
    (void)forge_new_epoch(&forge, 11);
    forge_fill(&forge, 3, 51);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();

        blob_replace(store, "log", old.bytes, old.len - 7);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        expect_records(reader, &forge, 1, 10);
        if (salvage != 0)
            expect_gap(reader, "TORN torn 11-? l11 @514+39 s? no");
        expect_code(reader, SEGLOG_END);
        cut_to(store, cut);
        expect_code(reader, SEGLOG_END);
        blob_add(store, "log", forge.bytes + cut, forge.len - cut);
        expect_records(reader, &forge, 11, 13);
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
    forge_free(&old);
}

static void
live__torn_bytes_passed_over__continues_behind_them(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 11, 40);
    forge.len -= 7;
    const size_t torn = forge.len;
    (void)forge_new_epoch(&forge, 11);
    forge_fill(&forge, 3, 51);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();

        blob_replace(store, "log", forge.bytes, torn);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        expect_records(reader, &forge, 1, 10);
        if (salvage != 0)
            expect_gap(reader, "TORN torn 11-? l11 @514+39 s? no");
        expect_code(reader, SEGLOG_END);
        blob_add(store, "log", forge.bytes + torn, forge.len - torn);
        if (salvage != 0)
            expect_gap(reader, "TORN passed-over - l- @514+39 s0 no");
        expect_records(reader, &forge, 11, 13);
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

static void
live__behind_damage__goes_on_at_the_end(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    forge.bytes[HEADER + 2 * RECORD + 9] ^= 1;
    put(store, &forge);
    const size_t from = forge.len;
    forge_fill(&forge, 5, 40);
    (void)forge_sync(&forge);
    forge_fill(&forge, 2, 40);
    struct seglog_reader *reader = reader_open(store, true, 0);
    expect_records(reader, &forge, 1, 2);
    expect_gap(reader, "CORRUPT checksum 3-3 l3 @146+46 s? unknown");
    expect_records(reader, &forge, 4, 10);
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + from, RECORD + 11);
    expect_record(reader, &forge, 11);
    expect_gap(reader, "TORN torn 12-? l12 @560+11 s? no");
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + from + RECORD + 11,
             forge.len - from - RECORD - 11);
    expect_records(reader, &forge, 12, 17);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
live__damage_and_a_torn_tail__the_tail_may_still_become_whole(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    forge.bytes[HEADER + 2 * RECORD + 9] ^= 1;
    blob_replace(store, "log", forge.bytes, forge.len - 9);
    struct seglog_reader *reader = reader_open(store, true, 0);
    expect_records(reader, &forge, 1, 2);
    expect_gap(reader, "CORRUPT checksum 3-3 l3 @146+46 s? unknown");
    expect_records(reader, &forge, 4, 9);
    expect_gap(reader, "TORN torn 10-? l10 @468+37 s? no");
    expect_code(reader, SEGLOG_END);
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + forge.len - 9, 9);
    expect_record(reader, &forge, 10);
    expect_code(reader, SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
live__cut_before_its_place__is_conflict_until_it_seeks(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_event event;
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_records(reader, &forge, 1, 10);
    expect_code(reader, SEGLOG_END);
    const size_t cut = HEADER + 8 * RECORD;
    cut_to(store, cut);
    for (unsigned i = 0; i < 2; i++)
        assert_code_err(seglog_reader_next(reader, &event, &err),
                        SEGLOG_CONFLICT, &err);
    assert_int_equal(err.offset, HEADER + 10 * RECORD);
    seek_ok(reader, 9);
    expect_code(reader, SEGLOG_END);
    forge.len = cut;
    (void)forge_new_epoch(&forge, 9);
    forge_fill(&forge, 3, 41);
    blob_add(store, "log", forge.bytes + cut, forge.len - cut);
    expect_records(reader, &forge, 9, 11);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
live__cut_and_overgrown_before_it_looked__is_not_silent(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_records(reader, &forge, 1, 10);
    const size_t cut = HEADER + 8 * RECORD;
    forge.len = cut;
    (void)forge_new_epoch(&forge, 9);
    /* A frame of the new epoch starts exactly where the reader stands. */
    (void)forge_text(&forge, "abcd");
    assert_int_equal(forge.len, HEADER + 10 * RECORD);
    forge_fill(&forge, 6, 40);
    cut_to(store, cut);
    blob_add(store, "log", forge.bytes + cut, forge.len - cut);
    expect_code(reader, SEGLOG_CONFLICT);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* -- wait ------------------------------------------------------------------ */

static void
wait__nothing_comes__ends_after_the_timeout(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 1, 40);
    put(store, &forge);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_record(reader, &forge, 1);
    expect_code(reader, SEGLOG_END);
    const int64_t start = test_now_ms();
    assert_code_err(seglog_reader_wait(reader, 60, &err), SEGLOG_END, &err);
    assert_in_range(test_now_ms() - start, 50, 5000);
    assert_code_err(seglog_reader_wait(reader, 0, &err), SEGLOG_END, &err);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
wait__appended_between_end_and_wait__is_not_missed(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    blob_replace(store, "log", forge.bytes, forge.len - RECORD);
    struct seglog_reader *reader = reader_open(store, false, 0);
    expect_record(reader, &forge, 1);
    expect_code(reader, SEGLOG_END);
    blob_add(store, "log", forge.bytes + forge.len - RECORD, RECORD);
    const int64_t start = test_now_ms();
    assert_code_err(seglog_reader_wait(reader, 20000, &err), SEGLOG_OK, &err);
    assert_true(test_now_ms() - start < 10000);
    expect_record(reader, &forge, 2);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

struct appender {
    struct seglog_store store;
    const struct forge *forge;
    size_t from; /* frames from here on are appended, one by one */
};

static void *
appender_run(void *arg)
{
    const struct appender *appender = arg;

    for (size_t i = appender->from; i < appender->forge->frame_count; i++) {
        const struct forge_frame *frame = &appender->forge->frames[i];
        const size_t half = frame->len / 2;

        blob_add(appender->store, "log", appender->forge->bytes + frame->offset,
                 half);
        if (i % 16 == 0)
            test_sleep_ms(2);
        blob_add(appender->store, "log",
                 appender->forge->bytes + frame->offset + half,
                 frame->len - half);
    }
    return NULL;
}

/* Read and wait until the last record is there. */
static void
follow(struct seglog_reader *reader, const struct forge *forge)
{
    uint64_t number = 1;

    while (number < forge->number) {
        struct seglog_event event;
        struct seglog_error err = { 0 };
        seglog_code code = seglog_reader_next(reader, &event, &err);

        if (code == SEGLOG_END) {
            code = seglog_reader_wait(reader, 10000, &err);
            assert_code_err(code, SEGLOG_OK, &err);
            continue;
        }
        assert_code_err(code, SEGLOG_OK, &err);
        if (event.type == SEGLOG_EVENT_GAP) {
            assert_int_equal(event.finding.verdict, SEGLOG_VERDICT_TORN);
            continue;
        }
        const struct forge_record *want = forge_record_of(forge, number);
        assert_int_equal(event.record.record_no, number++);
        assert_memory_equal(event.record.data, want->data, want->len);
    }
    expect_code(reader, SEGLOG_END);
}

static void
wait__an_appender_thread__is_followed_to_the_end(void **state)
{
    struct forge forge;

    (void)state;
    make_stretches(&forge, 20);
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        struct seglog_store store = memory_open();
        struct appender appender = { store, &forge, 0 };
        pthread_t thread;

        blob_replace(store, "log", forge.bytes, HEADER);
        struct seglog_reader *reader = reader_open(store, salvage != 0, 0);
        assert_int_equal(pthread_create(&thread, NULL, appender_run, &appender),
                         0);
        follow(reader, &forge);
        assert_int_equal(pthread_join(thread, NULL), 0);
        seglog_reader_close(reader);
        seglog_store_close(&store);
    }
    forge_free(&forge);
}

static void
wait__another_process_appends__is_followed_to_the_end(void **state)
{
    char *dir = test_dir_make();
    struct seglog_store store;
    struct forge forge;
    int status = 0;

    (void)state;
    make_stretches(&forge, 20);
    assert_ok(seglog_store_file_open(dir, false, &store, NULL));
    blob_replace(store, "log", forge.bytes, HEADER);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct seglog_store own;

        if (seglog_store_file_open(dir, false, &own, NULL) != SEGLOG_OK)
            _exit(1);
        struct appender appender = { own, &forge, 0 };
        (void)appender_run(&appender);
        _exit(0);
    }
    struct seglog_reader *reader = reader_open(store, false, 0);
    follow(reader, &forge);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    seglog_reader_close(reader);
    seglog_store_close(&store);
    forge_free(&forge);
    test_dir_remove(dir);
}

static void
wait__replaced__is_sealed_when_all_of_the_old_was_read(void **state)
{
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    for (unsigned is_file = 0; is_file < 2; is_file++) {
        char *dir = is_file != 0 ? test_dir_make() : NULL;
        struct seglog_store store;

        if (dir)
            assert_ok(seglog_store_file_open(dir, false, &store, NULL));
        else
            store = memory_open();
        blob_replace(store, "log", forge.bytes, forge.len - RECORD);
        struct seglog_reader *reader = reader_open(store, false, 0);
        expect_records(reader, &forge, 1, 2);
        expect_code(reader, SEGLOG_END);
        /* A last record, and then the name leads elsewhere. */
        blob_add(store, "log", forge.bytes + forge.len - RECORD, RECORD);
        blob_replace(store, "new", forge.bytes, HEADER);
        assert_ok(seglog_store_replace(store, "new", "log", NULL));
        assert_code_err(seglog_reader_wait(reader, 1000, &err), SEGLOG_OK,
                        &err);
        expect_record(reader, &forge, 3);
        expect_code(reader, SEGLOG_END);
        assert_code_err(seglog_reader_wait(reader, 1000, &err), SEGLOG_SEALED,
                        &err);
        expect_code(reader, SEGLOG_END);
        seglog_reader_close(reader);
        seglog_store_close(&store);
        test_dir_remove(dir);
    }
    forge_free(&forge);
}

static void
wait__before_there_is_a_header__ends_when_it_comes(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    blob_replace(store, "log", forge.bytes, 20);
    struct seglog_reader *reader = reader_open(store, false, 2);
    expect_code(reader, SEGLOG_END);
    assert_code_err(seglog_reader_wait(reader, 30, &err), SEGLOG_END, &err);
    blob_add(store, "log", forge.bytes + 20, forge.len - 20);
    assert_code_err(seglog_reader_wait(reader, 10000, &err), SEGLOG_OK, &err);
    expect_record(reader, &forge, 2);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
    put(store, &forge);
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
        cmocka_unit_test(live__at_end__sees_later_appends_once),
        cmocka_unit_test(live__frames_appearing_piecewise__are_never_damage),
        cmocka_unit_test(
            live__a_torn_tail_cut_and_written_again__continues_with_the_new),
        cmocka_unit_test(live__torn_bytes_passed_over__continues_behind_them),
        cmocka_unit_test(live__behind_damage__goes_on_at_the_end),
        cmocka_unit_test(
            live__damage_and_a_torn_tail__the_tail_may_still_become_whole),
        cmocka_unit_test(
            live__cut_before_its_place__is_conflict_until_it_seeks),
        cmocka_unit_test(
            live__cut_and_overgrown_before_it_looked__is_not_silent),
        cmocka_unit_test(wait__nothing_comes__ends_after_the_timeout),
        cmocka_unit_test(wait__appended_between_end_and_wait__is_not_missed),
        cmocka_unit_test(wait__an_appender_thread__is_followed_to_the_end),
        cmocka_unit_test(wait__another_process_appends__is_followed_to_the_end),
        cmocka_unit_test(
            wait__replaced__is_sealed_when_all_of_the_old_was_read),
        cmocka_unit_test(wait__before_there_is_a_header__ends_when_it_comes),
        cmocka_unit_test(long_records__of_every_size__are_read),
        cmocka_unit_test(long_records__damaged__are_lost_alone),
        cmocka_unit_test(
            long_records__behind_a_damaged_sync_point__are_not_lost),
        cmocka_unit_test(
            long_records__without_a_sync_point_before_them__are_no_frames),
        cmocka_unit_test(
            long_records__damaged_length__is_skipped_to_the_next_frame),
        cmocka_unit_test(open__bad_arguments__are_refused),
        cmocka_unit_test(describe__names_mode_segment_and_place),
    };

    return cmocka_run_group_tests_name("segment/reader", tests, NULL, NULL);
}
