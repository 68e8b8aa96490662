/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_damage.c
 *
 * Goal    what goes wrong costs what is damaged and nothing else: no half
 *         batch, nothing destroyed by looking, nothing read twice, and a head
 *         that is right or not told.
 */
#include "tests/stream/stream_fixture.h"

#include <stdio.h>

#include "format/control.h"
#include "format/header.h"

/* -- damage in the middle -------------------------------------------------- */

/*
 * Ten batches, the fifth of them damaged: its length, its first byte, its text
 * or its checksum.
 */
static void
damaged_middle__one_batch_is_lost_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *good = NULL;
    size_t len = 0;
    size_t text = 0;

    open_streams(fixture);
    for (size_t i = 0; i < 10; i++)
        append(fixture, 3);
    assert_ok(
        seglog_stream_make_checkpoint(fixture->streams, STREAM, NULL, NULL));
    append(fixture, 3);
    close_streams(fixture);
    good = segment_bytes(fixture, &len);
    text = stream_find_text(good, len, "event-12");
    for (size_t at = text - 4; at < text + 30; at++) {
        struct seglog_stream_event *events = NULL;
        struct seglog_error err = { 0 };
        size_t count = 0;
        size_t after = 0;
        uint8_t *bytes = exact_copy(good, len);

        bytes[at] ^= 0x10;
        segment_set(fixture, bytes, len);
        open_streams(fixture);
        stream_assert_read(fixture->streams, STREAM, &fixture->model, 0, 70);
        assert_code(seglog_stream_read_from(fixture->streams, STREAM, 0,
                                            UINT64_MAX, &events, &count, &err),
                    SEGLOG_CORRUPT);
        assert_int_equal(err.record_no, 13);
        assert_int_equal(err.actual, 12);
        assert_null(events);
        for (uint64_t from = 15; from < 33; from++)
            stream_assert_read(fixture->streams, STREAM, &fixture->model, from,
                               UINT64_MAX);
        close_streams(fixture);
        free(bytes);
        bytes = segment_bytes(fixture, &after);
        assert_int_equal(after, len);
        free(bytes);
    }
    free(good);
}

/* A byte of it, and all of it: what it says is known without it. */
static void
damaged_header__of_any_byte__costs_no_event(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *good = NULL;
    size_t len = 0;

    open_streams(fixture);
    append(fixture, 3);
    append(fixture, 1);
    close_streams(fixture);
    good = segment_bytes(fixture, &len);
    for (size_t at = 0; at <= SLG_HEADER_BYTES; at++) {
        uint8_t *bytes = exact_copy(good, len);

        if (at == SLG_HEADER_BYTES)
            memset(bytes, 0xA5, SLG_HEADER_BYTES);
        else
            bytes[at] ^= 0x10;
        segment_set(fixture, bytes, len);
        open_streams(fixture);
        stream_assert_read(fixture->streams, STREAM, &fixture->model, 0,
                           UINT64_MAX);
        stream_assert_read(fixture->streams, STREAM, &fixture->model, 2, 1);
        close_streams(fixture);
        free(bytes);
    }
    free(good);
}

/* The head is known behind a checkpoint: one can go on there. */
static void
damaged_middle__before_a_checkpoint__does_not_keep_from_appending(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_end end;
    uint8_t *bytes = NULL;
    size_t len = 0;

    open_streams(fixture);
    for (size_t i = 0; i < 10; i++)
        append(fixture, 3);
    close_streams(fixture);
    bytes = segment_bytes(fixture, &len);
    bytes[stream_find_text(bytes, len, "event-12")] ^= 1;
    segment_set(fixture, bytes, len);
    open_streams(fixture);
    assert_ok(
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &end, NULL));
    stream_assert_hash(&end.hash, stream_model_head(&fixture->model, 30));
    append(fixture, 3);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 15,
                       UINT64_MAX);
    free(bytes);
}

static void
damaged_end__no_head_is_known__nothing_is_appended(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_slice event = { "x", 1 };
    struct seglog_stream_end end;
    struct seglog_error err;
    uint8_t *bytes = NULL;
    uint8_t *after = NULL;
    size_t after_len = 0;
    size_t len = 0;

    open_streams(fixture);
    for (size_t i = 0; i < 10; i++)
        stream_append_next(fixture->streams, STREAM, &fixture->model, 3, true);
    /* A copy from before the close: no checkpoint is behind the events. */
    bytes = segment_bytes(fixture, &len);
    close_streams(fixture);
    bytes[stream_find_text(bytes, len, "event-12")] ^= 1;
    segment_set(fixture, bytes, len);
    open_streams(fixture);
    for (unsigned i = 0; i < 2; i++) {
        assert_code_err(seglog_stream_append_batch(fixture->streams, STREAM,
                                                   &event, 1, SEGLOG_OFFSET_ANY,
                                                   NULL, true, NULL, &err),
                        SEGLOG_CORRUPT, &err);
        assert_code_err(seglog_stream_latest_chain_hash(fixture->streams,
                                                        STREAM, &end, &err),
                        SEGLOG_CORRUPT, &err);
    }
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 0, 70);
    close_streams(fixture);
    after = segment_bytes(fixture, &after_len);
    assert_int_equal(after_len, len);
    assert_memory_equal(after, bytes, len);
    free(after);
    free(bytes);
}

/* Changed with a checksum that fits: only the chain tells. */
static void
changed_event__with_its_checksum_made_right__is_told_by_the_chain(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_event *events = NULL;
    struct seglog_error err;
    size_t count = 0;

    open_streams(fixture);
    append(fixture, 1);
    append(fixture, 1);
    assert_ok(
        seglog_stream_make_checkpoint(fixture->streams, STREAM, NULL, NULL));
    append(fixture, 1);
    close_streams(fixture);
    forge(fixture, 0, "event-1", "EVENT-1");
    open_streams(fixture);
    assert_code(seglog_stream_read_from(fixture->streams, STREAM, 0, UINT64_MAX,
                                        &events, &count, &err),
                SEGLOG_CORRUPT);
    assert_true(err.actual <= 1);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 2,
                       UINT64_MAX);
}

/* -- torn ends ------------------------------------------------------------- */

static void
torn_tail__at_each_byte_of_the_last_batch__the_rest_is_there(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *good = NULL;
    size_t before = 0;
    size_t len = 0;

    open_streams(fixture);
    for (size_t i = 0; i < 4; i++)
        append(fixture, 3);
    free(segment_bytes(fixture, &before));
    {
        const struct seglog_slice lost[2] = { { "lost 1", 6 },
                                              { "lost 2", 6 } };

        assert_ok(seglog_stream_append_batch(fixture->streams, STREAM, lost, 2,
                                             SEGLOG_OFFSET_ANY, NULL, false,
                                             NULL, NULL));
    }
    good = segment_bytes(fixture, &len);
    close_streams(fixture);
    for (size_t cut = before; cut < len; cut++) {
        segment_set(fixture, good, cut);
        open_streams(fixture);
        /* Reading first, and then what appends. */
        stream_assert_read(fixture->streams, STREAM, &fixture->model, 0,
                           UINT64_MAX);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        append(fixture, 2);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        close_streams(fixture);
        open_streams(fixture);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        close_streams(fixture);
        /* The next one begins with what was there before. */
        for (unsigned i = 0; i < 2; i++)
            free((void *)fixture->model.events[--fixture->model.count].data);
    }
    free(good);
}

/*
 * Where nothing can be cut off, a torn tail is passed over, by a sync point of a
 * new epoch; here the chain head behind that is torn as well.
 */
static void
torn_tail__passed_over_and_torn_again__the_head_is_known(void **state)
{
    static const uint8_t zeros[60];
    struct fixture *fixture = *state;
    uint8_t *bytes = NULL;
    size_t before = 0;
    size_t len = 0;

    seglog_faults_hide(fixture->faults,
                       SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    fixture->store = seglog_faults_store(fixture->faults);
    open_streams(fixture);
    append(fixture, 3);
    bytes = segment_bytes(fixture, &before);
    close_streams(fixture);
    bytes = realloc(bytes, before + sizeof zeros);
    assert_non_null(bytes);
    memcpy(bytes + before, zeros, sizeof zeros);
    segment_set(fixture, bytes, before + sizeof zeros);
    free(bytes);
    open_streams(fixture);
    {
        const struct seglog_slice lost = { "lost", 4 };

        assert_ok(seglog_stream_append_batch(
            fixture->streams, STREAM, &lost, 1, 3,
            stream_model_head(&fixture->model, 3), false, NULL, NULL));
    }
    bytes = segment_bytes(fixture, &len);
    close_streams(fixture);
    before += sizeof zeros + SLG_SYNC_POINT_BYTES;
    assert_true(len > before + 10);
    for (size_t more = 0; more < 41; more += 5) {
        segment_set(fixture, bytes, before + more);
        open_streams(fixture);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        append(fixture, 1);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        close_streams(fixture);
        free((void *)fixture->model.events[--fixture->model.count].data);
    }
    free(bytes);
}

/* -- restarts -------------------------------------------------------------- */

static void
restart__after_each_of_many_synced_appends__no_offset_is_wrong(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 1500;
    for (size_t i = 0; i < 150; i++) {
        open_streams(fixture);
        stream_append_next(fixture->streams, STREAM, &fixture->model, 1, true);
        stream_assert_read(fixture->streams, STREAM, &fixture->model, i, 100);
        close_streams(fixture);
    }
    open_streams(fixture);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    for (uint64_t from = 0; from < 150; from++)
        stream_assert_read(fixture->streams, STREAM, &fixture->model, from, 1);
}

static void
strange_blobs__beside_the_segments__change_nothing(void **state)
{
    static const char *const names[] = {
        "stream.7.0000000001.0000000001.00000000000000000003.seg.new",
        "stream.7.0000000000.0000000000.00000000000000000000.seg.torn",
        "stream.7.0000000000.0000000000.00000000000000000000.seg.sealing",
        "stream.7.tombs.seg",
        "stream.7.manifest",
        "stream.7",
        "stream.77.0000000000.0000000000.00000000000000000000.seg",
    };
    struct fixture *fixture = *state;

    open_streams(fixture);
    append(fixture, 3);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        blob_write(fixture->memory, names[i], "garbage", 7);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    append(fixture, 3);
    close_streams(fixture);
    open_streams(fixture);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
missing_segment__in_the_middle__is_told_and_the_rest_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_event *events = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_error err;
    size_t count = 0;

    open_streams(fixture);
    for (size_t i = 0; i < 4; i++) {
        append(fixture, 3);
        assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    }
    append(fixture, 1);
    close_streams(fixture);
    assert_ok(seglog_store_remove(
        fixture->memory, stream_segment_name(fixture->memory, STREAM, 1, name),
        NULL));
    open_streams(fixture);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 0, 20);
    assert_code(seglog_stream_read_from(fixture->streams, STREAM, 0, UINT64_MAX,
                                        &events, &count, &err),
                SEGLOG_CORRUPT);
    assert_int_equal(err.record_no, 4);
    assert_int_equal(err.actual, 3);
    stream_assert_read(fixture->streams, STREAM, &fixture->model, 6,
                       UINT64_MAX);
    append(fixture, 1);
}

static void
foreign_segment__under_the_name_of_the_next__is_not_appended_to(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_slice event = { "x", 1 };
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_error err;
    uint8_t *bytes = NULL;
    size_t len = 0;

    open_streams(fixture);
    append(fixture, 3);
    close_streams(fixture);
    bytes =
        blob_read(fixture->memory,
                  stream_segment_name(fixture->memory, STREAM, 0, name), &len);
    blob_write(fixture->memory,
               "stream.7.0000000001.0000000001.00000000000000000003.seg", bytes,
               len);
    open_streams(fixture);
    assert_code_err(seglog_stream_append_batch(fixture->streams, STREAM, &event,
                                               1, SEGLOG_OFFSET_ANY, NULL,
                                               false, NULL, &err),
                    SEGLOG_FORMAT, &err);
    free(bytes);
}

/* -- writes that fail ------------------------------------------------------ */

static void
failed_write__of_a_batch__nothing_of_it_is_there(void **state)
{
    static const seglog_code codes[] = { SEGLOG_NO_SPACE, SEGLOG_IO };
    struct fixture *fixture = *state;

    open_streams(fixture);
    append(fixture, 3);
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        const struct seglog_slice lost[2] = { { "lost 1", 6 },
                                              { "lost 2", 6 } };
        struct seglog_error err;

        assert_true(seglog_faults_fail(fixture->faults, SEGLOG_FAULT_APPEND, 1,
                                       codes[i]));
        assert_code_err(seglog_stream_append_batch(fixture->streams, STREAM,
                                                   lost, 2, SEGLOG_OFFSET_ANY,
                                                   NULL, true, NULL, &err),
                        codes[i], &err);
        seglog_faults_clear(fixture->faults);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        append(fixture, 2);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        close_streams(fixture);
        open_streams(fixture);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
    }
}

static void
failed_sync__is_poisoned_and_the_stream_goes_on(void **state)
{
    struct fixture *fixture = *state;

    open_streams(fixture);
    append(fixture, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct seglog_slice event = { "whether", 7 };
        struct seglog_stream_end end;
        struct seglog_error err;

        assert_true(seglog_faults_fail(fixture->faults, SEGLOG_FAULT_SYNC, 1,
                                       SEGLOG_IO));
        assert_code_err(seglog_stream_append_batch(fixture->streams, STREAM,
                                                   &event, 1, SEGLOG_OFFSET_ANY,
                                                   NULL, true, NULL, &err),
                        SEGLOG_POISONED, &err);
        assert_ok(seglog_stream_latest_chain_hash(fixture->streams, STREAM,
                                                  &end, NULL));
        if (end.next_offset > fixture->model.count)
            stream_model_add(&fixture->model, &event, 1);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        stream_append_next(fixture->streams, STREAM, &fixture->model, 1, true);
    }
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

/* -- what it costs --------------------------------------------------------- */

static void
read__one_event_of_many__reads_little(void **state)
{
    struct fixture *fixture = *state;
    static char text[1000];
    struct seglog_slice events[100];
    uint64_t seed = 5;

    for (size_t i = 0; i < COUNT_OF(events); i++)
        events[i] = (struct seglog_slice){ text, sizeof text };
    fixture->options.chain = SEGLOG_CHAIN_XXH3;
    fixture->options.segment_bytes = 16 << 20;
    open_streams(fixture);
    for (size_t i = 0; i < 600; i++) {
        memset(text, 'a' + (int)(i % 26), sizeof text);
        assert_ok(seglog_stream_append_batch(
            fixture->streams, STREAM, events, COUNT_OF(events),
            SEGLOG_OFFSET_ANY, NULL, false, NULL, NULL));
    }
    for (unsigned i = 0; i < 50; i++) {
        const uint64_t before = seglog_faults_get_bytes_read(fixture->faults);
        const uint64_t from = test_random(&seed) % 60000;
        struct seglog_stream_event *found = NULL;
        size_t count = 0;

        assert_ok(seglog_stream_read_from(fixture->streams, STREAM, from, 1,
                                          &found, &count, NULL));
        assert_int_equal(count, 1);
        assert_int_equal(found->data.data[0], 'a' + (int)(from / 100 % 26));
        seglog_free(found);
        assert_true(seglog_faults_get_bytes_read(fixture->faults) - before <
                    4 << 20);
    }
}

static void
size__of_events_in_batches__is_theirs_and_three_bytes(void **state)
{
    struct fixture *fixture = *state;
    static char text[256];
    struct seglog_slice events[100];
    struct seglog_stream_info info;

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT_OF(events); i++)
        events[i] = (struct seglog_slice){ text, sizeof text };
    open_streams(fixture);
    for (size_t i = 0; i < 100; i++)
        assert_ok(seglog_stream_append_batch(
            fixture->streams, STREAM, events, COUNT_OF(events),
            SEGLOG_OFFSET_ANY, NULL, false, NULL, NULL));
    assert_ok(seglog_stream_get_info(fixture->streams, STREAM, &info, NULL));
    assert_int_equal(info.end.next_offset, 10000);
    assert_true(info.bytes <= 10000 * (sizeof text + 3));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(damaged_middle__one_batch_is_lost_and_nothing_else),
        STREAM_TEST(damaged_header__of_any_byte__costs_no_event),
        STREAM_TEST(
            damaged_middle__before_a_checkpoint__does_not_keep_from_appending),
        STREAM_TEST(damaged_end__no_head_is_known__nothing_is_appended),
        STREAM_TEST(
            changed_event__with_its_checksum_made_right__is_told_by_the_chain),
        STREAM_TEST(
            torn_tail__at_each_byte_of_the_last_batch__the_rest_is_there),
        STREAM_TEST(torn_tail__passed_over_and_torn_again__the_head_is_known),
        STREAM_TEST(
            restart__after_each_of_many_synced_appends__no_offset_is_wrong),
        STREAM_TEST(strange_blobs__beside_the_segments__change_nothing),
        STREAM_TEST(
            missing_segment__in_the_middle__is_told_and_the_rest_is_read),
        STREAM_TEST(
            foreign_segment__under_the_name_of_the_next__is_not_appended_to),
        STREAM_TEST(failed_write__of_a_batch__nothing_of_it_is_there),
        STREAM_TEST(failed_sync__is_poisoned_and_the_stream_goes_on),
        STREAM_TEST(read__one_event_of_many__reads_little),
        STREAM_TEST(size__of_events_in_batches__is_theirs_and_three_bytes),
    };

    return cmocka_run_group_tests_name("stream/stream_damage", tests, NULL,
                                       NULL);
}
