/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_truncate.c
 *
 * Goal    a truncation leaves exactly the records it is to leave, in whatever
 *         they stand, and is all or nothing when something fails.
 * Method  cuts at every number of a segment with all kinds of frames; each
 *         operation of a cut failing or being the last before the power goes;
 *         other writers and readers at work.
 */
#include "tests/segment/writer_support.h"

#include <stdio.h>

#include "seglog/testing/disk_store.h"

#define RECORDS 40u

/* -- a segment with everything in it -------------------------------------- */

static size_t
text_make(char *to, size_t cap, uint64_t number)
{
    const size_t len =
        (size_t)snprintf(to, cap, "record %03u ", (unsigned)number);
    const size_t pad = (size_t)(number * 37 % 120);

    memset(to + len, 'a' + (int)(number % 26), pad);
    return len + pad;
}

static enum seglog_kind
kind_of(uint64_t number)
{
    return number % 5 == 2 ? SEGLOG_PART : SEGLOG_TEXT;
}

/* Every seventh record starts a group of four. */
static void
log_fill(struct seglog_writer *writer, uint64_t from, uint64_t to)
{
    char texts[4][256];
    struct seglog_item items[4];

    while (from < to) {
        const size_t count = from % 7 == 0 && to - from >= 4 ? 4 : 1;

        for (size_t i = 0; i < count; i++)
            items[i] =
                (struct seglog_item){ kind_of(from + i), texts[i],
                                      text_make(texts[i], sizeof texts[i],
                                                from + i) };
        assert_ok(seglog_writer_append_group(writer, items, count,
                                             SEGLOG_LEVEL_FLUSH, NULL, NULL));
        from += count;
    }
}

static void
walked_check(struct seglog_store store, uint64_t first, uint64_t first_line,
             uint64_t next)
{
    struct walked walked;
    uint64_t line = first_line;
    char text[256];

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, next - first);
    for (size_t i = 0; i < walked.record_count; i++) {
        const struct walked_record *record = &walked.records[i];

        assert_int_equal(record->number, first + i);
        assert_int_equal(record->kind, kind_of(first + i));
        assert_int_equal(record->len, text_make(text, sizeof text, first + i));
        assert_memory_equal(record->data, text, record->len);
        line += kind_of(first + i) != SEGLOG_PART;
    }
    assert_int_equal(walked.number, next);
    assert_int_equal(walked.line, line);
    walked_free(&walked);
}

static void
truncate__to_every_number__leaves_what_is_before(void **state)
{
    const struct seglog_store store = store_of(state);

    for (unsigned variant = 0; variant < 4; variant++) {
        struct seglog_writer_options options = writer_options_fixed();
        const uint64_t first = variant % 2 == 0 ? 1 : 41;
        const uint64_t line = variant == 3 ? 7 : first;

        options.sync_log2 = variant < 2 ? 9 : 16;
        options.first_record = first;
        options.first_line = line;
        options.attributes = "said";
        options.attributes_len = variant == 0 ? 0 : 4;
        options.mode =
            variant == 1 ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE;
        for (uint64_t next = first; next <= first + RECORDS; next++) {
            struct seglog_writer *writer =
                writer_open_ok(store, "log", &options);
            struct seglog_error err = { 0 };
            char attributes[16];
            size_t len = 0;

            log_fill(writer, first, first + RECORDS);
            assert_code_err(seglog_writer_truncate(writer, next, &err),
                            SEGLOG_OK, &err);
            assert_int_equal(state_of(writer).next_record, next);
            assert_int_equal(state_of(writer).epoch >> 32,
                             next < first + RECORDS);
            if (next < first + RECORDS)
                assert_int_equal(state_of(writer).watermark,
                                 next == first ? 0 : next - 1);
            walked_check(store, first, line, next);
            assert_ok(seglog_segment_get_attributes(
                store, "log", attributes, sizeof attributes, &len, NULL, NULL));
            assert_int_equal(len, options.attributes_len);
            log_fill(writer, next, next + 5);
            close_ok(writer);
            walked_check(store, first, line, next + 5);
            assert_false(blob_exists(store, "log.torn"));
            assert_false(blob_exists(store, "log.cut"));
            assert_ok(seglog_store_remove(store, "log", NULL));
        }
    }
}

static void
truncate__again_and_again__begins_a_newer_epoch_each_time(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);

    for (unsigned i = 1; i < 20; i++) {
        log_fill(writer, state_of(writer).next_record, 20);
        /* Also back over the sync points of earlier cuts. */
        assert_ok(seglog_writer_truncate(writer, 20 - i, NULL));
        assert_int_equal(state_of(writer).epoch >> 32, i);
        walked_check(store, 1, 1, 20 - i);
    }
    assert_int_equal(state_of(writer).end, 54 + 82);
    close_ok(writer);
}

static void
truncate__not_allowed__changes_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };
    uint64_t end = 0;

    options.first_record = 41;
    writer = writer_open_ok(store, "log", &options);
    log_fill(writer, 41, 50);
    end = state_of(writer).end;
    assert_code(seglog_writer_truncate(writer, 40, &err), SEGLOG_INVALID);
    assert_int_equal(err.actual, 50);
    assert_code(seglog_writer_truncate(writer, 51, &err), SEGLOG_INVALID);
    assert_int_equal(err.actual, 50);
    assert_code(seglog_writer_truncate(NULL, 1, &err), SEGLOG_INVALID);
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "x", 1,
                                   SEGLOG_LEVEL_APPEND, NULL, NULL));
    assert_code(seglog_writer_truncate(writer, 45, &err), SEGLOG_INVALID);
    assert_int_equal(state_of(writer).end, end);
    assert_int_equal(state_of(writer).buffered, 1);
    close_ok(writer);

    seglog_faults_hide(faulty, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    writer = writer_open_ok(seglog_faults_store(faulty), "log", &options);
    assert_code(seglog_writer_truncate(writer, 45, &err), SEGLOG_READ_ONLY);
    assert_ok(seglog_writer_truncate(writer, 51, &err));
    close_ok(writer);
}

static void
truncate__recorded_gaps__goes_before_or_behind_them(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    const struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = 3,
        .last_record = 6,
        .lines = 2,
    };
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_error err = { 0 };
    struct walked walked;

    append_ok(writer, "1", 1);
    append_ok(writer, "2", 2);
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    append_ok(writer, "7", 7);
    for (uint64_t next = 4; next < 7; next++) {
        assert_code(seglog_writer_truncate(writer, next, &err), SEGLOG_INVALID);
        assert_int_equal(err.actual, 3);
    }
    assert_int_equal(state_of(writer).next_record, 8);
    assert_ok(seglog_writer_truncate(writer, 7, NULL));
    assert_int_equal(state_of(writer).next_line, 5);
    append_ok(writer, "again", 7);
    assert_ok(seglog_writer_truncate(writer, 3, NULL));
    assert_int_equal(state_of(writer).next_line, 3);
    append_ok(writer, "3", 3);
    close_ok(writer);
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.gap_count, 0);
    assert_int_equal(walked.record_count, 3);
    walked_free(&walked);
}

/* A gap at the very start of the segment, before any record. */
static void
truncate__to_the_start_before_a_gap__leaves_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    const struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = 1,
        .last_record = 5,
        .lines = 5,
    };
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct walked walked;

    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    append_ok(writer, "6", 6);
    assert_ok(seglog_writer_truncate(writer, 1, NULL));
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "1", 1,
                                   SEGLOG_LEVEL_SYNC, NULL, NULL));
    append_ok(writer, "2", 2);
    assert_int_equal(state_of(writer).watermark, 1);
    close_ok(writer);
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 2);
    assert_true(walked.records[1].is_durable);
    walked_free(&walked);
}

/* -- damage --------------------------------------------------------------- */

static void
truncate__damage_in_the_stretch__cuts_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };
    struct walked walked;
    size_t at = 0;
    size_t len = 0;
    uint8_t *bytes = NULL;

    options.sync_log2 = 9;
    writer = writer_open_ok(store, "log", &options);
    log_fill(writer, 1, RECORDS);
    close_ok(writer);
    walk_blob(store, "log", &walked);
    at = walked.records[19].offset; /* record 20, not in a group */
    assert_false(walked.records[19].is_grouped);
    walked_free(&walked);
    bytes = blob_read(store, "log", &len);
    bytes[at + 9] ^= 1;
    blob_write(store, "log", bytes, len);

    writer = writer_open_ok(store, "log", &options);
    for (unsigned round = 0; round < 2; round++) {
        assert_code(seglog_writer_truncate(writer, 21, &err), SEGLOG_CORRUPT);
        assert_int_equal(err.record_no, 20);
        assert_int_equal(err.offset, at);
        assert_int_equal(state_of(writer).end, len);
        assert_int_equal(state_of(writer).next_record, RECORDS);
    }
    /* What is behind the damage, and behind a sync point, can be cut. */
    assert_ok(seglog_writer_truncate(writer, 36, NULL));
    /* And so can the damage itself. */
    assert_ok(seglog_writer_truncate(writer, 15, NULL));
    log_fill(writer, 15, 30);
    close_ok(writer);
    walked_check(store, 1, 1, 30);
    free(bytes);
}

/* -- failures ------------------------------------------------------------- */

static const struct seglog_writer_options crash_options = {
    .size = sizeof crash_options,
    .sync_log2 = 9,
};

/* Cut to next, with something happening in operation number `at`. */
struct attempt {
    struct seglog_disk *disk;
    struct seglog_disk_process process;
    struct seglog_faults *faults;
    uint64_t next;
    seglog_code code;
    bool is_done; /* the operation was never reached */
    struct seglog_writer *writer;
};

static struct seglog_disk *
disk_make(uint64_t seed, bool has_hint)
{
    const struct seglog_disk_options options = { .seed = seed,
                                                 .has_no_hint = !has_hint };
    struct seglog_disk *disk = seglog_disk_new(&options);

    assert_non_null(disk);
    return disk;
}

static void
attempt_make(struct attempt *attempt, uint64_t next, unsigned at, bool is_death,
             enum seglog_writer_mode mode)
{
    const struct seglog_fault fault = { .at = at };
    struct seglog_writer_options options = crash_options;

    *attempt = (struct attempt){ .next = next,
                                 .disk = disk_make(at + next * 100, true) };
    attempt->faults =
        seglog_faults_new(seglog_disk_start(attempt->disk, &attempt->process));
    assert_non_null(attempt->faults);
    options.mode = mode;
    attempt->writer =
        writer_open_ok(seglog_faults_store(attempt->faults), "log", &options);
    log_fill(attempt->writer, 1, RECORDS);
    assert_ok(seglog_writer_sync(attempt->writer, NULL));
    if (is_death)
        attempt->process.die_at = attempt->process.steps + at;
    else
        assert_true(seglog_faults_add(attempt->faults, &fault));
    attempt->code = seglog_writer_truncate(attempt->writer, next, NULL);
    attempt->is_done = is_death ? !attempt->process.is_dead
                                : seglog_faults_get_hits(attempt->faults) == 0;
    seglog_faults_clear(attempt->faults);
}

static void
attempt_end(struct attempt *attempt)
{
    seglog_disk_kill(&attempt->process);
    (void)seglog_writer_close(attempt->writer, NULL);
    seglog_faults_free(attempt->faults);
}

/* All or nothing, and it goes on from there. */
static void
attempt_check(struct attempt *attempt, bool may_be_between)
{
    struct seglog_disk_process process;
    const struct seglog_store store =
        seglog_disk_start(attempt->disk, &process);
    struct seglog_writer *writer = writer_open_ok(store, "log", &crash_options);
    const uint64_t next = state_of(writer).next_record;

    if (attempt->code == SEGLOG_OK)
        assert_int_equal(next, attempt->next);
    else if (may_be_between)
        assert_in_range(next, attempt->next, RECORDS);
    else
        assert_true(next == attempt->next || next == RECORDS);
    walked_check(store, 1, 1, next);
    log_fill(writer, next, next + 3);
    close_ok(writer);
    walked_check(store, 1, 1, next + 3);
}

static const uint64_t cuts[] = { 1, 5, 9, 16, 22, 30, 37, 39 };

static void
truncate__any_operation_fails__is_all_or_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        struct attempt attempt = { .is_done = false };

        for (unsigned at = 1; !attempt.is_done; at++) {
            const enum seglog_writer_mode mode =
                at % 2 == 0 ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE;
            uint64_t next = 0;
            seglog_code code = SEGLOG_OK;

            assert_in_range(at, 1, 60);
            attempt_make(&attempt, cuts[i], at, false, mode);
            next = state_of(attempt.writer).next_record;
            code = seglog_writer_append(attempt.writer, SEGLOG_TEXT, "x", 1,
                                        SEGLOG_LEVEL_FLUSH, NULL, NULL);
            if (attempt.code == SEGLOG_POISONED) {
                assert_int_equal(code, SEGLOG_POISONED);
            } else {
                /* What it says of itself is so. */
                assert_true(next == cuts[i] || next == RECORDS);
                assert_ok(code);
                assert_ok(seglog_writer_truncate(attempt.writer, next, NULL));
            }
            attempt_end(&attempt);
            attempt_check(&attempt, false);
            seglog_disk_free(attempt.disk);
        }
        assert_ok(attempt.code);
    }
}

static void
truncate__killed_in_any_operation__is_all_or_nothing(void **state)
{
    static const struct seglog_disk_options no_hint = { .has_no_hint = true };

    (void)state;
    for (unsigned hints = 0; hints < 2; hints++) {
        for (size_t i = 0; i < COUNT_OF(cuts); i++) {
            struct attempt attempt = { .is_done = false };

            for (unsigned at = 1; !attempt.is_done; at++) {
                attempt_make(&attempt, cuts[i], at, true, SEGLOG_WRITER_SHARED);
                attempt_end(&attempt);
                if (hints == 0)
                    seglog_disk_set_options(attempt.disk, &no_hint);
                attempt_check(&attempt, false);
                seglog_disk_free(attempt.disk);
            }
            assert_ok(attempt.code);
        }
    }
}

static void
power_cut(struct seglog_disk *disk, uint64_t seed, unsigned lost_percent)
{
    const struct seglog_disk_cut cut = { .seed = seed,
                                         .lost_percent = lost_percent };

    assert_true(seglog_disk_cut_power(disk, &cut));
}

/* The store keeps any size between the synced one and that of now. */
static void
truncate__power_fails_in_any_operation__never_loses_what_is_kept(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost <= 100; lost += 25) {
        for (size_t i = 0; i < COUNT_OF(cuts); i++) {
            struct attempt attempt = { .is_done = false };

            for (unsigned at = 1; !attempt.is_done; at++) {
                attempt_make(&attempt, cuts[i], at, true,
                             SEGLOG_WRITER_EXCLUSIVE);
                attempt_end(&attempt);
                power_cut(attempt.disk, at + lost, lost);
                attempt_check(&attempt, true);
                seglog_disk_free(attempt.disk);
            }
            assert_ok(attempt.code);
        }
    }
}

/* -- others at work ------------------------------------------------------- */

static void
truncate__beside_another_writer__loses_no_later_append(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *a = NULL;
    struct seglog_writer *b = NULL;
    struct seglog_error err = { 0 };

    options.mode = SEGLOG_WRITER_SHARED;
    options.sync_log2 = 9;
    a = writer_open_ok(store, "log", &options);
    b = writer_open_ok(store, "log", &options);
    log_fill(a, 1, 14);
    log_fill(b, 14, 30);
    /* Between two frames: the other one notices. */
    assert_ok(seglog_writer_truncate(a, 13, NULL));
    log_fill(b, 13, 14);
    assert_int_equal(state_of(b).epoch, state_of(a).epoch);
    log_fill(a, 14, 20);
    /* Through the group of 14: the other one has to open it again. */
    assert_ok(seglog_writer_truncate(b, 16, NULL));
    assert_code(seglog_writer_append(a, SEGLOG_TEXT, "x", 1, SEGLOG_LEVEL_FLUSH,
                                     NULL, &err),
                SEGLOG_SEALED);
    assert_code(seglog_writer_hold(a, &err), SEGLOG_SEALED);
    assert_code(seglog_writer_close(a, NULL), SEGLOG_SEALED);
    a = writer_open_ok(store, "log", &options);
    log_fill(a, 16, 18);
    log_fill(b, 18, 33);
    close_ok(a);
    close_ok(b);
    walked_check(store, 1, 1, 33);
}

static void
truncate__held__nobody_gets_between(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *a = NULL;
    struct seglog_writer *b = NULL;

    options.mode = SEGLOG_WRITER_SHARED;
    options.lock_timeout_ms = 1;
    a = writer_open_ok(store, "log", &options);
    b = writer_open_ok(store, "log", &options);
    log_fill(b, 1, 10);
    assert_ok(seglog_writer_hold(a, NULL));
    assert_int_equal(state_of(a).next_record, 10);
    assert_code(seglog_writer_hold(a, NULL), SEGLOG_INVALID);
    assert_code(seglog_writer_hold(b, NULL), SEGLOG_LOCKED);
    assert_code(seglog_writer_truncate(b, 5, NULL), SEGLOG_LOCKED);
    assert_ok(seglog_writer_truncate(a, 4, NULL));
    log_fill(a, 4, 6);
    assert_code(seglog_writer_hold(b, NULL), SEGLOG_LOCKED);
    seglog_writer_release(a);
    seglog_writer_release(a);
    seglog_writer_release(NULL);
    assert_ok(seglog_writer_hold(b, NULL));
    assert_int_equal(state_of(b).next_record, 6);
    log_fill(b, 6, 9);
    /* Closing lets go as well. */
    close_ok(b);
    log_fill(a, 9, 12);
    close_ok(a);
    walked_check(store, 1, 1, 12);
}

static void
read_until(struct seglog_reader *reader, uint64_t next)
{
    struct seglog_event event;

    do {
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.type, SEGLOG_EVENT_RECORD);
    } while (event.record.record_no + 1 < next);
}

static void
truncate__a_reader_behind_the_cut__gets_conflict(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_reader *reader = NULL;
    struct seglog_event event;

    log_fill(writer, 1, 7);
    assert_ok(seglog_reader_open(store, "log", NULL, &reader, NULL));
    read_until(reader, 7);
    assert_ok(seglog_writer_truncate(writer, 4, NULL));
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_CONFLICT);
    log_fill(writer, 4, 12);
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_CONFLICT);
    assert_ok(seglog_reader_seek(reader, 4, NULL));
    read_until(reader, 12);
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    seglog_reader_close(reader);
    close_ok(writer);
}

/* -- what it costs -------------------------------------------------------- */

static void
truncate__of_a_large_segment__reads_little(void **state)
{
    struct seglog_faults *faulty = faulty_make(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", &options);
    uint8_t data[4096];
    unsigned reads = 0;

    test_fill(data, sizeof data, 1);
    for (unsigned i = 0; i < 4096; i++)
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, data, sizeof data,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    assert_ok(seglog_writer_flush(writer, NULL));
    for (uint64_t next = 4000; next > 0; next -= 999) {
        reads = faulty_count(faulty, SEGLOG_FAULT_READ);
        assert_ok(seglog_writer_truncate(writer, next, NULL));
        /* 16 MiB are some 250 stretches. */
        assert_in_range(faulty_count(faulty, SEGLOG_FAULT_READ) - reads, 1, 40);
        assert_int_equal(state_of(writer).next_record, next);
        if (next < 999)
            break;
    }
    close_ok(writer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(truncate__to_every_number__leaves_what_is_before),
        on_file(truncate__to_every_number__leaves_what_is_before),
        on_memory(truncate__again_and_again__begins_a_newer_epoch_each_time),
        on_memory(truncate__not_allowed__changes_nothing),
        on_memory(truncate__recorded_gaps__goes_before_or_behind_them),
        on_memory(truncate__to_the_start_before_a_gap__leaves_nothing),
        on_memory(truncate__damage_in_the_stretch__cuts_nothing),
        cmocka_unit_test(truncate__any_operation_fails__is_all_or_nothing),
        cmocka_unit_test(truncate__killed_in_any_operation__is_all_or_nothing),
        cmocka_unit_test(
            truncate__power_fails_in_any_operation__never_loses_what_is_kept),
        on_memory(truncate__beside_another_writer__loses_no_later_append),
        on_file(truncate__beside_another_writer__loses_no_later_append),
        on_memory(truncate__held__nobody_gets_between),
        on_file(truncate__held__nobody_gets_between),
        on_memory(truncate__a_reader_behind_the_cut__gets_conflict),
        on_file(truncate__a_reader_behind_the_cut__gets_conflict),
        on_memory(truncate__of_a_large_segment__reads_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
