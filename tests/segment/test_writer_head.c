/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_head.c
 *
 * Goal    where a segment stands is the same however it was learnt: by having
 *         written, by following another writer, through the hint in the lock,
 *         by opening, from the tail alone and by reading everything.
 * Method  random programs of appends, groups, cuts, closes and holds against a
 *         model that knows every record; all ways are compared after each
 *         step, and the walker checks every byte.
 */
#include "tests/segment/writer_support.h"

#include <stdio.h>

#define RECORDS_MAX 2048u
#define STEPS       160u

struct model_record {
    enum seglog_kind kind;
    size_t len;
    uint64_t seed;
};

struct program {
    struct seglog_store store;
    struct seglog_writer_options options;
    struct seglog_writer *writers[2];
    unsigned writer_count;
    bool has_hints;
    struct model_record records[RECORDS_MAX];
    size_t count;
    uint64_t seed;
    struct seglog_head last;
    uint8_t *bytes; /* room for the records of a group */
};

#define BYTES_CAP ((size_t)600000)

static uint64_t
below(struct program *program, uint64_t limit)
{
    return test_random(&program->seed) % limit;
}

/* -- what is compared ----------------------------------------------------- */

static struct seglog_head
head_of(const struct seglog_writer *writer)
{
    struct seglog_writer_state state;

    seglog_writer_get_state(writer, &state);
    assert_int_equal(state.head.epoch, state.epoch);
    assert_int_equal(state.head.next_record, state.next_record);
    return state.head;
}

static void
assert_same_head(struct seglog_head got, struct seglog_head want)
{
    assert_int_equal(got.epoch, want.epoch);
    assert_int_equal(got.next_record, want.next_record);
    assert_int_equal(got.checksum, want.checksum);
}

static bool
head_is(struct seglog_head a, struct seglog_head b)
{
    return a.epoch == b.epoch && a.next_record == b.next_record &&
           a.checksum == b.checksum;
}

static void
heads_check(struct program *program, struct seglog_head want)
{
    struct seglog_scan_summary summary;

    assert_int_equal(want.next_record, program->count + 1);
    assert_ok(seglog_scan(program->store, "log", NULL, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    assert_same_head(summary.head, want);
    assert_ok(
        seglog_segment_get_summary(program->store, "log", &summary, NULL));
    assert_same_head(summary.head, want);
}

/* The records of the segment are those of the model. */
static void
records_check(struct program *program)
{
    struct walked walked;

    walk_blob(program->store, "log", &walked);
    assert_int_equal(walked.record_count, program->count);
    for (size_t i = 0; i < program->count; i++) {
        const struct model_record *want = &program->records[i];

        assert_int_equal(walked.records[i].kind, want->kind);
        assert_int_equal(walked.records[i].len, want->len);
        test_fill(program->bytes, want->len, want->seed);
        if (want->len > 0)
            assert_memory_equal(walked.records[i].data, program->bytes,
                                want->len);
    }
    walked_free(&walked);
}

/* -- steps ---------------------------------------------------------------- */

static struct seglog_writer *
writer_of(struct program *program, unsigned i)
{
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!program->writers[i])
        program->writers[i] =
            writer_open_ok(program->store, "log", &program->options);
    code = seglog_writer_hold(program->writers[i], &err);
    if (code == SEGLOG_OK) {
        seglog_writer_release(program->writers[i]);
        return program->writers[i];
    }
    /* Somebody has cut through a group. */
    assert_code_err(code, SEGLOG_SEALED, &err);
    assert_code(seglog_writer_close(program->writers[i], NULL), SEGLOG_SEALED);
    program->writers[i] =
        writer_open_ok(program->store, "log", &program->options);
    return program->writers[i];
}

static size_t
some_len(struct program *program)
{
    static const size_t limits[] = { 1, 4, 40, 40, 40, 300, 300, 3000, 14000 };

    if (below(program, 60) == 0)
        return 65530 + (size_t)below(program, 20);
    return (size_t)below(program, limits[below(program, COUNT_OF(limits))]);
}

static struct model_record
some_record(struct program *program)
{
    const struct model_record record = {
        .kind = below(program, 8) == 0 ? SEGLOG_PART : SEGLOG_BYTES,
        .len = some_len(program),
        .seed = test_random(&program->seed),
    };
    struct model_record settled = record;

    test_fill(program->bytes, record.len, record.seed);
    if (record.len > 0 && memchr(program->bytes, '\n', record.len))
        settled.kind = SEGLOG_BYTES;
    return settled;
}

static void
step_append(struct program *program, struct seglog_writer *writer)
{
    const struct model_record record = some_record(program);
    const enum seglog_level level =
        below(program, 4) == 0 ? SEGLOG_LEVEL_SYNC : SEGLOG_LEVEL_FLUSH;
    uint64_t number = 0;

    if (program->count == RECORDS_MAX)
        return;
    test_fill(program->bytes, record.len, record.seed);
    assert_ok(seglog_writer_append(writer, record.kind, program->bytes,
                                   record.len, level, &number, NULL));
    program->records[program->count++] = record;
    assert_int_equal(number, program->count);
}

static void
step_group(struct program *program, struct seglog_writer *writer)
{
    const size_t count = 2 + (size_t)below(program, 5);
    struct seglog_item items[8];
    uint8_t *at = NULL;
    uint64_t number = 0;

    if (program->count + count > RECORDS_MAX)
        return;
    for (size_t i = 0; i < count; i++)
        program->records[program->count + i] = some_record(program);
    at = program->bytes;
    for (size_t i = 0; i < count; i++) {
        const struct model_record *record =
            &program->records[program->count + i];

        test_fill(at, record->len, record->seed);
        items[i] = (struct seglog_item){ record->kind, at, record->len };
        at += record->len;
    }
    assert_ok(seglog_writer_append_group(writer, items, count,
                                         SEGLOG_LEVEL_FLUSH, &number, NULL));
    assert_int_equal(number, program->count + 1);
    program->count += count;
}

static void
step_truncate(struct program *program, struct seglog_writer *writer)
{
    const size_t most =
        below(program, 3) == 0 || program->count < 12 ? program->count : 12;
    const size_t gone = (size_t)below(program, most + 1);
    struct seglog_error err = { 0 };

    assert_code_err(
        seglog_writer_truncate(writer, program->count - gone + 1, &err),
        SEGLOG_OK, &err);
    program->count -= gone;
}

/* Append if nobody else has, as a user would. */
static void
step_held(struct program *program, struct seglog_writer *writer)
{
    assert_ok(seglog_writer_hold(writer, NULL));
    assert_code(seglog_writer_hold(writer, NULL), SEGLOG_INVALID);
    assert_same_head(head_of(writer), program->last);
    step_append(program, writer);
    if (below(program, 3) == 0)
        step_truncate(program, writer);
    step_group(program, writer);
    seglog_writer_release(writer);
}

static void
step_close(struct program *program, unsigned i)
{
    struct seglog_error err = { 0 };

    assert_code_err(seglog_writer_close(program->writers[i], &err), SEGLOG_OK,
                    &err);
    program->writers[i] = NULL;
    heads_check(program, program->last);
}

static void
step_any(struct program *program, unsigned i)
{
    struct seglog_writer *writer = writer_of(program, i);
    const uint64_t choice = below(program, 16);

    if (!program->has_hints || below(program, 4) == 0)
        if (program->options.mode == SEGLOG_WRITER_SHARED)
            hint_fill(program->store, "log", 0);
    if (choice < 7)
        step_append(program, writer);
    else if (choice < 10)
        step_group(program, writer);
    else if (choice < 12)
        step_held(program, writer);
    else if (choice < 14)
        step_truncate(program, writer);
    else
        step_close(program, i);
}

static void
program_run(struct program *program)
{
    program->bytes = malloc(BYTES_CAP);
    assert_non_null(program->bytes);
    program->last = head_of(writer_of(program, 0));
    for (unsigned step = 0; step < STEPS; step++) {
        const unsigned i = (unsigned)below(program, program->writer_count);
        const size_t count = program->count;
        struct seglog_head head;

        step_any(program, i);
        if (!program->has_hints)
            hint_fill(program->store, "log", 0);
        head = head_of(writer_of(program, i));
        if (program->count != count)
            assert_false(head_is(head, program->last));
        program->last = head;
        heads_check(program, head);
        /* The others, with the hint or without. */
        for (unsigned j = 0; j < program->writer_count; j++)
            assert_same_head(head_of(writer_of(program, j)), head);
        if (step % 8 == 0)
            records_check(program);
    }
    records_check(program);
    for (unsigned i = 0; i < program->writer_count; i++) {
        (void)writer_of(program, i);
        step_close(program, i);
    }
    records_check(program);
    free(program->bytes);
}

static struct program
program_of(void **state, uint64_t seed)
{
    return (struct program){
        .store = store_of(state),
        .options = { .size = sizeof(struct seglog_writer_options) },
        .writer_count = 1,
        .has_hints = true,
        .seed = seed,
    };
}

/* -- tests ---------------------------------------------------------------- */

static void
one_writer__any_program__head_is_the_same_in_all_ways(void **state)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct program program = program_of(state, seed);

        program.options.sync_log2 = (uint8_t)(seed % 2 == 0 ? 16 : 9 + seed);
        program_run(&program);
        assert_ok(seglog_store_remove(program.store, "log", NULL));
    }
}

static void
two_writers__any_program__head_is_the_same_in_all_ways(void **state)
{
    for (uint64_t seed = 11; seed <= 14; seed++) {
        struct program program = program_of(state, seed);

        program.options.mode = SEGLOG_WRITER_SHARED;
        program.options.sync_log2 = (uint8_t)(seed % 2 == 0 ? 16 : 10);
        program.options.no_xxh3 = seed == 13;
        program.writer_count = 2;
        program_run(&program);
        assert_ok(seglog_store_remove(program.store, "log", NULL));
    }
}

static void
two_writers__without_hints__head_is_the_same_in_all_ways(void **state)
{
    for (uint64_t seed = 21; seed <= 24; seed++) {
        struct program program = program_of(state, seed);

        program.options.mode = SEGLOG_WRITER_SHARED;
        program.options.sync_log2 = (uint8_t)(seed % 2 == 0 ? 12 : 9);
        program.writer_count = 2;
        program.has_hints = false;
        program_run(&program);
        assert_ok(seglog_store_remove(program.store, "log", NULL));
    }
}

static uint32_t
checksum_before(struct seglog_store store, size_t from_end)
{
    size_t len = 0;
    uint8_t *bytes = blob_read(store, "log", &len);
    const uint8_t *at = bytes + len - from_end - 4;
    const uint32_t checksum = (uint32_t)at[0] | (uint32_t)at[1] << 8 |
                              (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;

    free(bytes);
    return checksum;
}

static void
head__each_kind_of_end__is_the_checksum_that_is_stored(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_scan_summary summary;
    struct seglog_head head = head_of(writer);

    assert_same_head(head, (struct seglog_head){ WRITER_EPOCH, 1, 0 });
    append_ok(writer, "a", 1);
    head = head_of(writer);
    assert_int_equal(head.checksum, checksum_before(store, 0));
    append_ok(writer, "b", 2);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_segment_get_summary(store, "log", &summary, NULL));
    assert_true(summary.is_closed);
    assert_int_equal(summary.head.checksum, checksum_before(store, 70));
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_int_equal(summary.head.checksum, checksum_before(store, 70));

    /* A sync point that nothing follows counts. */
    writer = writer_open_ok(store, "log", &options);
    assert_ok(seglog_writer_truncate(writer, 2, NULL));
    head = head_of(writer);
    assert_int_equal(head.epoch, UINT64_C(1) << 32 | WRITER_EPOCH);
    assert_int_equal(head.checksum, checksum_before(store, 0));
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_segment_get_summary(store, "log", &summary, NULL));
    assert_same_head(summary.head, head);
}

/* The closing mark itself never needs a sync point before it. */
static void
close__at_any_place_of_a_stretch__leaves_the_head(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_scan_summary summary;
    uint8_t data[600] = { 0 };

    options.sync_log2 = 9;
    for (size_t len = 0; len < sizeof data; len += 7) {
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        struct seglog_head head;

        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, data, len,
                                       SEGLOG_LEVEL_FLUSH, NULL, NULL));
        head = head_of(writer);
        assert_ok(seglog_writer_close(writer, NULL));
        assert_ok(seglog_segment_get_summary(store, "log", &summary, NULL));
        assert_true(summary.is_closed);
        assert_same_head(summary.head, head);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(head__each_kind_of_end__is_the_checksum_that_is_stored),
        on_memory(close__at_any_place_of_a_stretch__leaves_the_head),
        on_memory(one_writer__any_program__head_is_the_same_in_all_ways),
        on_file(one_writer__any_program__head_is_the_same_in_all_ways),
        on_memory(two_writers__any_program__head_is_the_same_in_all_ways),
        on_file(two_writers__any_program__head_is_the_same_in_all_ways),
        on_memory(two_writers__without_hints__head_is_the_same_in_all_ways),
        on_file(two_writers__without_hints__head_is_the_same_in_all_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
