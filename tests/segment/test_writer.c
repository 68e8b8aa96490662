/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer.c
 *
 * Goal    what one writer puts into a segment is what SPEC.md says, byte for
 *         byte, at whatever level and in whatever mode it is written.
 * Method  a walker that shares no code with the library reads every segment
 *         and checks each frame, mark and number (writer_support.h).
 */
#include "tests/segment/writer_support.h"

#include <stdio.h>

#define MARK_BYTES 70u
#define SYNC_BYTES 82u

static uint64_t
end_of(const struct seglog_writer *writer)
{
    struct seglog_writer_state state;

    seglog_writer_get_state(writer, &state);
    return state.end;
}

/* A record of len letters, at FLUSH level. */
static void
append_size(struct seglog_writer *writer, enum seglog_kind kind, size_t len)
{
    struct seglog_error err = { 0 };
    char *data = malloc(len + 1);

    assert_non_null(data);
    memset(data, 'x', len);
    assert_code_err(seglog_writer_append(writer, kind, data, len,
                                         SEGLOG_LEVEL_FLUSH, NULL, &err),
                    SEGLOG_OK, &err);
    free(data);
}

/* -- bytes ---------------------------------------------------------------- */

/* What format/vectors/encoder.py makes of the same records. */
static const char golden[] =
    "89534c470d0a1a0a01171000000000000000000102030405060708090a0b0c0d"
    "0e0f01eeffc0000000000100000000000000d74f286920077b226e223a317dad"
    "a689ecb00f041c7b226e223a327d090a000204628117f7108003656e64c4bafa"
    "5cc04002b75e594e43a31d000102030405060708090a0b0c0d0e0f01eeffc000"
    "00000007000000000000000600000000000000610000000000000033338bf02c"
    "efec0df3f7776a";

static unsigned
hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void
tiny_segment__fixed_identity_and_epoch__has_the_golden_bytes(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    const struct seglog_item items[] = {
        { SEGLOG_TEXT, "{\"n\":2}", 7 },
        { SEGLOG_BYTES, "\n\0", 2 },
        { SEGLOG_PART, "", 0 },
        { SEGLOG_TEXT, "b", 1 },
    };
    uint64_t number = 0;
    size_t len = 0;
    uint8_t *bytes = NULL;

    append_ok(writer, "{\"n\":1}", 1);
    assert_ok(seglog_writer_sync(writer, NULL));
    assert_ok(seglog_writer_append_group(writer, items, 4, SEGLOG_LEVEL_FLUSH,
                                         &number, NULL));
    assert_int_equal(number, 2);
    assert_ok(seglog_writer_append(writer, SEGLOG_TAIL, "end", 3,
                                   SEGLOG_LEVEL_APPEND, NULL, NULL));
    assert_ok(seglog_writer_close(writer, NULL));

    bytes = blob_read(store, "log", &len);
    assert_int_equal(len, strlen(golden) / 2);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], hex_digit(golden[2 * i]) * 16 +
                                       hex_digit(golden[2 * i + 1]));
    free(bytes);
}

static void
open__new_segment__writes_the_header_at_once(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    struct seglog_writer_state now = state_of(writer);
    struct walked walked;

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.len, 54);
    assert_int_equal(now.end, 54);
    assert_int_equal(now.first_record, 1);
    assert_int_equal(now.next_record, 1);
    assert_int_equal(now.next_line, 1);
    assert_int_equal(now.watermark, 0);
    assert_int_equal(now.epoch >> 32, 0);
    assert_int_equal(now.record_max, 8 << 20);
    walked_free(&walked);

    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.len, 54 + MARK_BYTES);
    assert_true(walked.is_closed);
    walked_free(&walked);
}

static void
open__no_identity_given__takes_a_new_one_each_time(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *a = writer_open_ok(store, "a", NULL);
    struct seglog_writer *b = writer_open_ok(store, "b", NULL);
    const struct seglog_writer_state one = state_of(a);
    const struct seglog_writer_state two = state_of(b);

    assert_memory_not_equal(one.identity, two.identity, sizeof one.identity);
    assert_int_not_equal(one.epoch, two.epoch);
    assert_ok(seglog_writer_close(a, NULL));
    assert_ok(seglog_writer_close(b, NULL));
}

static void
append__sizes_around_the_limits__costs_what_the_spec_says(void **state)
{
    static const struct {
        size_t len;
        size_t framing;
    } cases[] = { { 0, 6 },      { 1, 6 },     { 200, 6 },   { 255, 6 },
                  { 256, 7 },    { 1000, 7 },  { 11440, 7 }, { 11441, 15 },
                  { 65535, 15 }, { 65536, 16 } };
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct walked walked;

    options.sync_log2 = 20;
    writer = writer_open_ok(store, "log", &options);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const uint64_t before = end_of(writer);

        append_size(writer, SEGLOG_BYTES, cases[i].len);
        assert_int_equal(end_of(writer) - before,
                         cases[i].len + cases[i].framing);
    }
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, COUNT_OF(cases));
    assert_int_equal(walked.sync_count, 0);
    walked_free(&walked);
}

static void
append__without_xxh3__has_no_digests(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct walked walked;

    options.no_xxh3 = true;
    writer = writer_open_ok(store, "log", &options);
    append_size(writer, SEGLOG_BYTES, 20000);
    assert_int_equal(end_of(writer), 54 + 20000 + 7);
    append_size(writer, SEGLOG_BYTES, 50000);
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.sync_count, 1);
    walked_free(&walked);
}

/* The calls of one pseudo-random run, by level. */
static void
run_calls(struct seglog_store store, const char *name, enum seglog_level level,
          size_t buffer_bytes)
{
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    uint64_t seed = 7;
    char data[3000];

    memset(data, 'd', sizeof data);
    options.sync_log2 = 11;
    options.buffer_bytes = buffer_bytes;
    writer = writer_open_ok(store, name, &options);
    for (unsigned i = 0; i < 300; i++) {
        const size_t len = (size_t)(test_random(&seed) % sizeof data);
        const struct seglog_item items[] = { { SEGLOG_PART, data, len / 3 },
                                             { SEGLOG_TEXT, data, len / 5 } };

        if (i % 7 == 3)
            assert_ok(seglog_writer_append_group(writer, items, 2, level, NULL,
                                                 NULL));
        else
            assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, data, len,
                                           level, NULL, NULL));
        if (i % 50 == 20)
            assert_ok(seglog_writer_sync(writer, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
same_calls__twice_and_with_any_buffer__give_the_same_bytes(void **state)
{
    const struct seglog_store store = store_of(state);
    size_t lens[4];
    uint8_t *bytes[4];
    struct walked walked;

    run_calls(store, "a", SEGLOG_LEVEL_APPEND, 0);
    run_calls(store, "b", SEGLOG_LEVEL_APPEND, 0);
    run_calls(store, "c", SEGLOG_LEVEL_APPEND, 1);
    run_calls(store, "d", SEGLOG_LEVEL_FLUSH, 5000);
    for (unsigned i = 0; i < 4; i++) {
        const char name[] = { (char)('a' + i), 0 };

        bytes[i] = blob_read(store, name, &lens[i]);
        assert_int_equal(lens[i], lens[0]);
        assert_memory_equal(bytes[i], bytes[0], lens[0]);
    }
    for (unsigned i = 0; i < 4; i++)
        free(bytes[i]);
    walk_blob(store, "a", &walked);
    assert_int_equal(walked.number, 1 + 300 + 43);
    assert_int_equal(walked.line, 1 + 300);
    assert_int_equal(walked.group_count, 43);
    assert_true(walked.sync_count > 100);
    assert_true(walked.is_closed);
    walked_free(&walked);
}

/* -- sync points ---------------------------------------------------------- */

/* o - s + L is exactly the interval, and one byte more (SPEC.md 7.1). */
static void
sync_point__frame_ends_at_the_interval__comes_one_byte_later(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct walked walked;

    options.sync_log2 = 9;
    options.no_closing_mark = true;
    writer = writer_open_ok(store, "fits", &options);
    append_size(writer, SEGLOG_TEXT, 100);
    append_size(writer, SEGLOG_TEXT, 512 - 54 - 106 - 7);
    assert_int_equal(end_of(writer), 512);
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "fits", &walked);
    assert_int_equal(walked.sync_count, 0);
    walked_free(&walked);

    writer = writer_open_ok(store, "over", &options);
    append_size(writer, SEGLOG_TEXT, 100);
    append_size(writer, SEGLOG_TEXT, 512 - 54 - 106 - 7 + 1);
    assert_int_equal(end_of(writer), 513 + SYNC_BYTES);
    /* Behind a sync point too: its own bytes count, from its start on. */
    append_size(writer, SEGLOG_TEXT, 512 - SYNC_BYTES - 353 - 6);
    append_size(writer, SEGLOG_TEXT, 0);
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "over", &walked);
    assert_int_equal(walked.sync_count, 2);
    assert_int_equal(walked.syncs[0].offset, 160);
    assert_int_equal(walked.syncs[0].number, 2);
    assert_int_equal(walked.syncs[1].offset, 160 + 512);
    walked_free(&walked);
}

static void
sync_point__body_over_64_kib__stands_right_before_it(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct walked walked;

    options.sync_log2 = 20;
    writer = writer_open_ok(store, "log", &options);
    append_size(writer, SEGLOG_BYTES, 65537);
    append_size(writer, SEGLOG_BYTES, 65536);
    append_size(writer, SEGLOG_BYTES, 8 << 20);
    append_size(writer, SEGLOG_BYTES, 10);
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.sync_count, 3);
    assert_int_equal(walked.syncs[0].offset, 54);
    assert_int_equal(walked.syncs[0].number, 1);
    assert_int_equal(walked.syncs[1].number, 3);
    assert_int_equal(walked.syncs[2].number, 4);
    assert_int_equal(walked.record_count, 4);
    walked_free(&walked);
}

static void
first_record__not_one__is_said_by_a_sync_point(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct walked walked;

    options.first_record = 41;
    options.first_line = 50;
    writer = writer_open_ok(store, "log", &options);
    assert_int_equal(end_of(writer), 54 + SYNC_BYTES);
    append_ok(writer, "a", 41);
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.sync_count, 1);
    assert_int_equal(walked.syncs[0].line, 50);
    assert_int_equal(walked.line, 51);
    assert_int_equal(walked.number, 42);
    walked_free(&walked);

    /* The same when the sync point did not get into the segment. */
    {
        size_t len = 0;
        uint8_t *bytes = blob_read(store, "log", &len);

        blob_write(store, "short", bytes, 54);
        free(bytes);
    }
    writer = writer_open_ok(store, "short", &options);
    append_ok(writer, "a", 41);
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "short", &walked);
    assert_int_equal(walked.sync_count, 1);
    assert_int_equal(walked.syncs[0].offset, 54);
    assert_int_equal(walked.syncs[0].line, 41);
    walked_free(&walked);
}

/* -- durability marks ----------------------------------------------------- */

static void
durable__after_a_sync__is_in_the_next_head_and_watermark(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct walked walked;
    static const bool expected[] = { false, false, true, false, true };

    options.sync_log2 = 9;
    options.no_closing_mark = true;
    writer = writer_open_ok(store, "log", &options);
    assert_ok(seglog_writer_sync(writer, NULL)); /* of nothing */
    assert_int_equal(state_of(writer).watermark, 0);
    append_ok(writer, "1", 1);
    append_ok(writer, "2", 2);
    assert_ok(seglog_writer_sync(writer, NULL));
    assert_int_equal(state_of(writer).watermark, 2);
    append_ok(writer, "3", 3);
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "4", 1,
                                   SEGLOG_LEVEL_SYNC, NULL, NULL));
    assert_int_equal(state_of(writer).watermark, 4);
    append_ok(writer, "5", 5);
    append_size(writer, SEGLOG_TEXT, 450); /* wants a sync point */
    assert_ok(seglog_writer_close(writer, NULL));

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 6);
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(walked.records[i].is_durable, expected[i]);
    assert_int_equal(walked.sync_count, 1);
    assert_int_equal(walked.syncs[0].watermark, 4);
    walked_free(&walked);
}

static void
durable__reopened_behind_a_closing_mark__is_known(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    struct walked walked;

    append_ok(writer, "1", 1);
    assert_ok(seglog_writer_close(writer, NULL));
    writer = writer_open_ok(store, "log", NULL);
    assert_int_equal(state_of(writer).watermark, 1);
    append_ok(writer, "2", 2);
    assert_ok(seglog_writer_close(writer, NULL));

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.mark_count, 2);
    assert_false(walked.records[0].is_durable);
    assert_true(walked.records[1].is_durable);
    assert_int_equal(walked.number, 3);
    assert_true(walked.is_closed);
    walked_free(&walked);
}

static void
close__nothing_new_behind_a_closing_mark__writes_nothing(void **state)
{
    static const enum seglog_writer_mode modes[] = { SEGLOG_WRITER_EXCLUSIVE,
                                                     SEGLOG_WRITER_SHARED,
                                                     SEGLOG_WRITER_PRIVATE };
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    size_t len = 0;

    append_ok(writer, "1", 1);
    assert_ok(seglog_writer_close(writer, NULL));
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        const struct seglog_writer_options options = { .size = sizeof options,
                                                       .mode = modes[i] };

        writer = writer_open_ok(store, "log", &options);
        assert_int_equal(state_of(writer).next_record, 2);
        assert_ok(seglog_writer_sync(writer, NULL));
        assert_ok(seglog_writer_close(writer, NULL));
        free(blob_read(store, "log", &len));
        assert_int_equal(len, 54 + 7 + MARK_BYTES);
    }
}

static void
close__no_closing_mark_wanted__only_flushes(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .no_closing_mark = true };
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct walked walked;

    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "1", 1,
                                   SEGLOG_LEVEL_APPEND, NULL, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 1);
    assert_false(walked.is_closed);
    walked_free(&walked);
    assert_ok(seglog_writer_close(NULL, NULL));
}

/* -- levels and buffer ---------------------------------------------------- */

static void
append__buffered__is_invisible_and_unnumbered_until_flushed(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    uint64_t number = 77;
    size_t len = 0;

    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "a", 1,
                                   SEGLOG_LEVEL_APPEND, &number, NULL));
    assert_int_equal(number, 0);
    assert_int_equal(state_of(writer).buffered, 1);
    assert_int_equal(state_of(writer).next_record, 1);
    free(blob_read(store, "log", &len));
    assert_int_equal(len, 54);

    assert_ok(seglog_writer_flush(writer, NULL));
    assert_int_equal(state_of(writer).buffered, 0);
    assert_int_equal(state_of(writer).next_record, 2);
    free(blob_read(store, "log", &len));
    assert_int_equal(len, 61);
    append_ok(writer, "b", 2);
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
append__buffer_full__flushes_by_itself_within_its_size(void **state)
{
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    char data[194]; /* a frame of 200 bytes */

    memset(data, 'x', sizeof data);
    options.buffer_bytes = 1000;
    writer = writer_open_ok(seglog_faults_store(faulty), "log", &options);
    seglog_faults_reset_counts(faulty);
    for (unsigned i = 0; i < 16; i++) {
        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, data, sizeof data,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
        assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_APPEND), i / 5);
        assert_int_equal(state_of(writer).buffered, i % 5 + 1);
    }
    /* Larger than the buffer: what is there goes first, then it fits. */
    append_size(writer, SEGLOG_TEXT, 5000);
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_APPEND), 5);
    assert_int_equal(state_of(writer).next_record, 18);
    assert_ok(seglog_writer_close(writer, NULL));
}

/* One write a call at FLUSH level, and nothing asked of the system. */
static void
append__at_flush_level__is_one_append_of_the_store(void **state)
{
    struct seglog_faults *faulty = faulty_make(state);
    struct seglog_writer *writer =
        writer_open_ok(seglog_faults_store(faulty), "log", NULL);

    seglog_faults_reset_counts(faulty);
    for (unsigned i = 1; i <= 10; i++)
        append_ok(writer, "x", i);
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_APPEND), 10);
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_READ) +
                         faulty_count(faulty, SEGLOG_FAULT_GET_SIZE) +
                         faulty_count(faulty, SEGLOG_FAULT_SYNC),
                     0);
    assert_ok(seglog_writer_sync(writer, NULL));
    assert_ok(seglog_writer_sync(writer, NULL)); /* is durable already */
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_SYNC), 1);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_APPEND), 11);
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_SYNC), 2);
}

/* Nothing but append, flush, sync and close. */
static struct seglog_store
pipe_store(struct seglog_faults *faulty)
{
    static const struct seglog_fault fault = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ) |
               SEGLOG_FAULT_BIT(SEGLOG_FAULT_GET_SIZE),
    };

    assert_true(seglog_faults_add(faulty, &fault));
    return seglog_faults_store(faulty);
}

static void
private_mode__new_segment__only_appends(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .sync_log2 = 9,
    };
    struct seglog_writer *writer =
        writer_open_ok(pipe_store(faulty), "log", &options);
    struct walked walked;

    for (unsigned i = 1; i <= 100; i++)
        append_ok(writer, "a record of some length", i);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_int_equal(faulty_count(faulty, SEGLOG_FAULT_READ) +
                         faulty_count(faulty, SEGLOG_FAULT_GET_SIZE) +
                         faulty_count(faulty, SEGLOG_FAULT_TRUNCATE),
                     0);
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 100);
    assert_true(walked.is_closed);
    walked_free(&walked);
}

/* -- groups --------------------------------------------------------------- */

static void
group__of_one__is_a_plain_record(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    const struct seglog_item item = { SEGLOG_TEXT, "solo", 4 };
    uint64_t number = 0;
    struct walked walked;

    assert_ok(seglog_writer_append_group(writer, &item, 1, SEGLOG_LEVEL_FLUSH,
                                         &number, NULL));
    assert_int_equal(number, 1);
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.group_count, 0);
    assert_int_equal(walked.record_count, 1);
    walked_free(&walked);
}

/* Every cut within a group's frame leaves none of its records. */
static void
group__cut_anywhere__is_all_or_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    const struct seglog_item items[] = { { SEGLOG_TEXT, "aaa", 3 },
                                         { SEGLOG_BYTES, "b\nb", 3 },
                                         { SEGLOG_PART, "ccc", 3 } };
    struct walked walked;
    uint8_t *bytes = NULL;
    size_t len = 0;

    options.no_closing_mark = true;
    writer = writer_open_ok(store, "log", &options);
    append_ok(writer, "1", 1);
    assert_ok(seglog_writer_append_group(writer, items, 3, SEGLOG_LEVEL_FLUSH,
                                         NULL, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    bytes = blob_read(store, "log", &len);
    for (size_t cut = 61; cut < len; cut++) {
        blob_write(store, "cut", bytes, cut);
        writer = writer_open_ok(store, "cut", NULL);
        assert_int_equal(state_of(writer).next_record, 2);
        assert_int_equal(state_of(writer).torn_bytes, cut - 61);
        assert_ok(seglog_writer_close(writer, NULL));
    }
    free(bytes);
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.group_count, 1);
    assert_int_equal(walked.record_count, 4);
    assert_int_equal(walked.line, 1 + 3);
    walked_free(&walked);
}

/* -- limits --------------------------------------------------------------- */

static void
append__one_byte_over_the_limit__is_too_large(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };
    char data[513];
    /* count 1, size 2 each: 1 + (2 + 253) + (2 + 254) = 512 */
    struct seglog_item items[] = { { SEGLOG_TEXT, data, 253 },
                                   { SEGLOG_TEXT, data, 254 } };
    uint64_t before = 0;

    memset(data, 'x', sizeof data);
    options.body_log2 = 9;
    writer = writer_open_ok(store, "log", &options);
    assert_int_equal(state_of(writer).record_max, 512);
    before = end_of(writer);
    assert_code(seglog_writer_append(writer, SEGLOG_TEXT, data, 513,
                                     SEGLOG_LEVEL_FLUSH, NULL, &err),
                SEGLOG_TOO_LARGE);
    assert_int_equal(err.code, SEGLOG_TOO_LARGE);
    assert_int_equal(err.record_no, 1);
    assert_int_equal(err.line_no, 1);
    assert_int_equal(err.offset, 54);
    assert_string_equal(err.name, "log");
    items[1].len = 255;
    assert_code(seglog_writer_append_group(writer, items, 2, SEGLOG_LEVEL_FLUSH,
                                           NULL, &err),
                SEGLOG_TOO_LARGE);
    items[1].len = SIZE_MAX;
    assert_code(seglog_writer_append_group(writer, items, 2, SEGLOG_LEVEL_FLUSH,
                                           NULL, &err),
                SEGLOG_TOO_LARGE);
    assert_int_equal(end_of(writer), before);
    assert_int_equal(state_of(writer).buffered, 0);

    append_size(writer, SEGLOG_TEXT, 512);
    items[1].len = 254;
    assert_ok(seglog_writer_append_group(writer, items, 2, SEGLOG_LEVEL_FLUSH,
                                         NULL, NULL));
    assert_int_equal(end_of(writer), before + 512 + 7 + 512 + 7);
    assert_int_equal(state_of(writer).next_record, 4);
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
append__line_feed_in_text__is_invalid_for_all_kinds_but_bytes(void **state)
{
    static const enum seglog_kind kinds[] = { SEGLOG_TEXT, SEGLOG_PART,
                                              SEGLOG_TAIL };
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    struct seglog_error err = { 0 };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct seglog_item items[] = { { SEGLOG_TEXT, "ok", 2 },
                                             { kinds[i], "x\n", 2 } };

        assert_code(seglog_writer_append(writer, kinds[i], "x\n", 2,
                                         SEGLOG_LEVEL_FLUSH, NULL, &err),
                    SEGLOG_INVALID);
        assert_int_equal(err.record_no, 1);
        assert_code(seglog_writer_append_group(writer, items, 2,
                                               SEGLOG_LEVEL_FLUSH, NULL, &err),
                    SEGLOG_INVALID);
    }
    assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, "x\n", 2,
                                   SEGLOG_LEVEL_FLUSH, NULL, NULL));
    assert_int_equal(state_of(writer).next_record, 2);
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
append__bad_arguments__are_invalid_and_change_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    const struct seglog_item none = { SEGLOG_TEXT, NULL, 0 };
    const enum seglog_kind kind = SEGLOG_TAIL;
    const enum seglog_level level = SEGLOG_LEVEL_APPEND;
    struct seglog_error err = { 0 };

    assert_code(seglog_writer_append(writer, kind + 1, "x", 1, 0, NULL, &err),
                SEGLOG_INVALID);
    assert_code(seglog_writer_append(writer, 0, "x", 1, 0, NULL, &err),
                SEGLOG_INVALID);
    assert_code(
        seglog_writer_append(writer, kind, "x", 1, level + 1, NULL, &err),
        SEGLOG_INVALID);
    assert_code(seglog_writer_append(writer, kind, NULL, 1, 0, NULL, &err),
                SEGLOG_INVALID);
    assert_code(seglog_writer_append(NULL, kind, "x", 1, 0, NULL, &err),
                SEGLOG_INVALID);
    assert_code(seglog_writer_append_group(writer, &none, 0, 0, NULL, &err),
                SEGLOG_INVALID);
    assert_code(seglog_writer_append_group(writer, NULL, 2, 0, NULL, &err),
                SEGLOG_INVALID);
    assert_code(seglog_writer_flush(NULL, &err), SEGLOG_INVALID);
    assert_code(seglog_writer_sync(NULL, &err), SEGLOG_INVALID);
    assert_int_equal(end_of(writer), 54);
    assert_int_equal(state_of(writer).buffered, 0);
    assert_ok(seglog_writer_append(writer, kind, NULL, 0, 0, NULL, &err));
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
append__last_record_number__leaves_room_for_the_next(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;

    options.first_record = INT64_MAX - 2;
    writer = writer_open_ok(store, "log", &options);
    append_ok(writer, "a", INT64_MAX - 2);
    append_ok(writer, "b", INT64_MAX - 1);
    assert_code(seglog_writer_append(writer, SEGLOG_TEXT, "c", 1,
                                     SEGLOG_LEVEL_FLUSH, NULL, NULL),
                SEGLOG_TOO_LARGE);
    assert_ok(seglog_writer_close(writer, NULL));
}

/* -- recorded gaps -------------------------------------------------------- */

static void
gap__recorded__takes_its_numbers_and_is_never_durable(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .durable = SEGLOG_DURABLE_YES,
        .has_shift = true,
        .first_record = 1,
        .last_record = 3,
        .lines = 2,
        .first_byte = 54,
        .byte_count = 100,
        .shift = -3,
    };
    struct walked walked;
    uint8_t *frame = NULL;

    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    assert_ok(seglog_writer_sync(writer, NULL));
    append_ok(writer, "4", 4);
    gap.first_record = gap.last_record = 5;
    gap.lines = 1;
    gap.has_shift = false;
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "x", 1,
                                   SEGLOG_LEVEL_APPEND, NULL, NULL));
    assert_code(seglog_writer_append_gap(writer, &gap, NULL), SEGLOG_INVALID);
    gap.first_record = gap.last_record = 6; /* behind what is buffered */
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    append_ok(writer, "7", 7);
    assert_int_equal(state_of(writer).next_line, 1 + 2 + 2 + 1 + 1);
    assert_ok(seglog_writer_close(writer, NULL));

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.gap_count, 2);
    assert_int_equal(walked.number, 8);
    assert_false(walked.records[0].is_durable); /* nothing before it */
    frame = walked.bytes + 54;
    assert_memory_equal(frame, "\xC0\x34\x03\x02\x0D\x02\x03\0\0\0\0\0\0\0",
                        14);
    assert_int_equal(frame[38], 0xFD);
    frame = walked.bytes + walked.records[1].offset + 7;
    assert_memory_equal(frame + 38, "\0\0\0\0\0\0\0\x80", 8);
    walked_free(&walked);
}

static void
gap__with_wrong_fields__is_invalid(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    const struct seglog_finding good = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = 1,
        .last_record = 1,
        .lines = 1,
    };
    struct seglog_finding bad[9];
    struct seglog_error err = { 0 };

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        bad[i] = good;
    bad[0].first_record = bad[0].last_record = 2;
    bad[1].last_record = 0;
    bad[2].verdict = SEGLOG_VERDICT_OK;
    bad[3].verdict = SEGLOG_VERDICT_IO + 1;
    bad[4].cause = SEGLOG_CAUSE_DROPPED + 1;
    bad[5].durable = SEGLOG_DURABLE_YES + 1;
    bad[6].lines = 2;
    bad[7].has_shift = true;
    bad[7].shift = INT64_MIN;
    bad[8].first_record = 0;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_code(seglog_writer_append_gap(writer, &bad[i], &err),
                    SEGLOG_INVALID);
    bad[0] = good;
    bad[0].last_record = INT64_MAX;
    assert_code(seglog_writer_append_gap(writer, &bad[0], &err),
                SEGLOG_TOO_LARGE);
    assert_code(seglog_writer_append_gap(writer, NULL, &err), SEGLOG_INVALID);
    assert_int_equal(state_of(writer).next_record, 1);
    assert_ok(seglog_writer_append_gap(writer, &good, &err));
    assert_ok(seglog_writer_close(writer, NULL));
}

/* -- words ---------------------------------------------------------------- */

static void
describe__any_writer__is_one_line(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = writer_open_ok(store, "log", NULL);
    char text[256];

    append_ok(writer, "1", 1);
    seglog_writer_describe(writer, text, sizeof text);
    assert_string_equal(
        text, "exclusive writer of log: next record 2, end 61, 0 buffered");
    seglog_writer_describe(writer, text, 10);
    assert_string_equal(text, "exclusive");
    seglog_writer_describe(NULL, text, sizeof text);
    assert_string_equal(text, "no writer");
    assert_ok(seglog_writer_close(writer, NULL));
}

#define ON_ALL(test) on_memory(test), on_file(test), on_encrypted(test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(tiny_segment__fixed_identity_and_epoch__has_the_golden_bytes),
        ON_ALL(open__new_segment__writes_the_header_at_once),
        ON_ALL(open__no_identity_given__takes_a_new_one_each_time),
        ON_ALL(append__sizes_around_the_limits__costs_what_the_spec_says),
        ON_ALL(append__without_xxh3__has_no_digests),
        ON_ALL(same_calls__twice_and_with_any_buffer__give_the_same_bytes),
        ON_ALL(sync_point__frame_ends_at_the_interval__comes_one_byte_later),
        ON_ALL(sync_point__body_over_64_kib__stands_right_before_it),
        ON_ALL(first_record__not_one__is_said_by_a_sync_point),
        ON_ALL(durable__after_a_sync__is_in_the_next_head_and_watermark),
        ON_ALL(durable__reopened_behind_a_closing_mark__is_known),
        ON_ALL(close__nothing_new_behind_a_closing_mark__writes_nothing),
        ON_ALL(close__no_closing_mark_wanted__only_flushes),
        ON_ALL(append__buffered__is_invisible_and_unnumbered_until_flushed),
        ON_ALL(append__buffer_full__flushes_by_itself_within_its_size),
        ON_ALL(append__at_flush_level__is_one_append_of_the_store),
        ON_ALL(private_mode__new_segment__only_appends),
        ON_ALL(group__of_one__is_a_plain_record),
        ON_ALL(group__cut_anywhere__is_all_or_nothing),
        ON_ALL(append__one_byte_over_the_limit__is_too_large),
        ON_ALL(append__line_feed_in_text__is_invalid_for_all_kinds_but_bytes),
        ON_ALL(append__bad_arguments__are_invalid_and_change_nothing),
        ON_ALL(append__last_record_number__leaves_room_for_the_next),
        ON_ALL(gap__recorded__takes_its_numbers_and_is_never_durable),
        ON_ALL(gap__with_wrong_fields__is_invalid),
        ON_ALL(describe__any_writer__is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
