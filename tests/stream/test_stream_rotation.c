/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_rotation.c
 *
 * Goal    segments follow each other where batches end, with checkpoints at
 *         their ends, and a stream is one across them.
 */
#include "tests/stream/stream_fixture.h"

#include <stdio.h>

#include "format/control.h"
#include "seglog/testing/disk_store.h"

static void
assert_segments(const struct fixture *fixture, size_t want)
{
    uint32_t *numbers = NULL;
    size_t count = 0;

    assert_ok(
        seglog_stream_segment_count(fixture->streams, STREAM, &count, NULL));
    assert_int_equal(count, want);
    assert_ok(seglog_stream_completed_segments(fixture->streams, STREAM,
                                               &numbers, &count, NULL));
    assert_int_equal(count, want > 0 ? want - 1 : 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(numbers[i], i);
    seglog_free(numbers);
}

static struct seglog_scan_summary
scan_segment(const struct fixture *fixture, size_t number)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_scan_summary summary;
    struct seglog_error err;

    stream_segment_name(fixture->memory, STREAM, number, name);
    assert_code_err(seglog_scan(fixture->memory, name, NULL, &summary, &err),
                    SEGLOG_OK, &err);
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    return summary;
}

/* -- by size --------------------------------------------------------------- */

static void
rotation__batch_that_reaches_the_limit__is_followed_by_a_segment(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 1;
    open_streams(fixture);
    for (size_t i = 1; i <= 12; i++) {
        append(fixture, 1 + i % 3);
        assert_segments(fixture, i + 1);
    }
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    for (uint64_t from = 0; from < fixture->model.count; from++)
        stream_assert_read(fixture->streams, STREAM, &fixture->model, from, 20);
}

static void
rotation__below_the_limit__does_not_come(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 100000;
    open_streams(fixture);
    for (size_t i = 0; i < 50; i++)
        append(fixture, 2);
    assert_segments(fixture, 1);
}

static void
rotation__completed_segment__ends_with_a_mark_and_is_closed(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 400;
    open_streams(fixture);
    while (fixture->model.count < 200)
        append(fixture, 5);
    for (size_t i = 0; i < 3; i++) {
        const struct seglog_scan_summary summary = scan_segment(fixture, i);
        const struct seglog_scan_summary next = scan_segment(fixture, i + 1);

        assert_true(summary.is_closed);
        assert_true(summary.bytes >= 400);
        assert_int_equal(summary.watermark, summary.next_record - 1);
        assert_int_equal(next.first_record, summary.next_record);
    }
}

static void
rotation__many_batches_of_one_round__each_segment_has_its_size(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_scan_summary summary;

    fixture->options.segment_bytes = 2000;
    open_streams(fixture);
    for (size_t i = 0; i < 100; i++)
        append(fixture, 10);
    summary = scan_segment(fixture, 1);
    /* One batch more than the limit, its mark and the closing mark. */
    assert_true(summary.bytes < 2000 + 10 * 10 + 400);
}

static void
read__across_segments__from_each_event_on(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 300;
    open_streams(fixture);
    while (fixture->model.count < 60)
        append(fixture, 4);
    for (uint64_t from = 0; from <= fixture->model.count; from++) {
        stream_assert_read(fixture->streams, STREAM, &fixture->model, from,
                           UINT64_MAX);
        stream_assert_read(fixture->streams, STREAM, &fixture->model, from, 1);
    }
}

/* -- restarts -------------------------------------------------------------- */

static void
restart__any_number_of_segments__the_head_is_right(void **state)
{
    static const uint64_t limits[] = { 100000, 500, 200, 1 };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        fixture->options.segment_bytes = limits[i];
        open_streams(fixture);
        for (size_t k = 0; k < 6; k++) {
            append(fixture, 5);
            restart(fixture);
            stream_assert_model(fixture->streams, STREAM, &fixture->model);
        }
        assert_ok(seglog_streams_close(&fixture->streams, NULL));
    }
    open_streams(fixture);
}

static void
restart__right_after_rotation__the_empty_segment_has_the_head(void **state)
{
    struct fixture *fixture = *state;

    open_streams(fixture);
    for (size_t i = 0; i < 5; i++) {
        append(fixture, 3);
        assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        restart(fixture);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        assert_segments(fixture, i + 2);
    }
}

static void
restart__last_segment_closed__is_gone_on_with(void **state)
{
    struct fixture *fixture = *state;

    open_streams(fixture);
    for (size_t i = 0; i < 4; i++) {
        append(fixture, 3);
        restart(fixture);
        assert_true(scan_segment(fixture, 0).is_closed);
        assert_segments(fixture, 1);
    }
    append(fixture, 3);
    assert_false(scan_segment(fixture, 0).is_closed);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

/* -- on demand ------------------------------------------------------------- */

static void
rotate__empty_segment__stays(void **state)
{
    struct fixture *fixture = *state;

    open_streams(fixture);
    append(fixture, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        assert_segments(fixture, 2);
    }
    append(fixture, 1);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    assert_segments(fixture, 3);
}

static void
rotate__unknown_stream__is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_end end;
    struct seglog_error err;

    open_streams(fixture);
    assert_code_err(seglog_stream_rotate(fixture->streams, STREAM, &err),
                    SEGLOG_NOT_FOUND, &err);
    assert_code_err(
        seglog_stream_make_checkpoint(fixture->streams, STREAM, &end, &err),
        SEGLOG_NOT_FOUND, &err);
    assert_segments(fixture, 0);
}

static void
rotate__by_another_handle__is_followed(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other;

    open_streams(fixture);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    append(fixture, 3);
    for (size_t i = 0; i < 5; i++) {
        assert_ok(seglog_stream_rotate(other, STREAM, NULL));
        append(fixture, 2);
        stream_assert_model(other, STREAM, &fixture->model);
        stream_append_next(other, STREAM, &fixture->model, 2, true);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        assert_segments(fixture, i + 2);
    }
    assert_ok(seglog_streams_close(&other, NULL));
}

/* The closing mark, and the chain head in front of it: so they look torn. */
static void
rotate__by_another_handle_then_its_end_looks_torn__is_followed(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other;
    char name[SEGLOG_STREAM_NAME_CAP];

    open_streams(fixture);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    append(fixture, 3);
    assert_ok(seglog_stream_rotate(other, STREAM, NULL));
    stream_segment_name(fixture->memory, STREAM, 0, name);
    blob_flip(fixture->memory, name, 1);
    blob_flip(fixture->memory, name, SLG_CLOSING_MARK_BYTES + 1);
    append(fixture, 2);
    stream_assert_model(other, STREAM, &fixture->model);
    stream_append_next(other, STREAM, &fixture->model, 2, true);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    assert_segments(fixture, 2);
    assert_ok(seglog_streams_close(&other, NULL));
}

/* What others do just when a handle looks which segments there are. */
struct overtaking {
    struct seglog_disk_process process;
    struct seglog_streams other; /* has no limit */
    unsigned appended;
};

static void
append_meanwhile(void *arg, enum seglog_disk_step step)
{
    static char text[500];
    const struct seglog_slice event = { memset(text, 'x', sizeof text),
                                        sizeof text };
    struct overtaking *overtaking = arg;

    if (step == SEGLOG_DISK_LIST && overtaking->other.ops &&
        seglog_stream_append_batch(overtaking->other, STREAM, &event, 1,
                                   SEGLOG_OFFSET_ANY, NULL, false, NULL,
                                   NULL) == SEGLOG_OK)
        overtaking->appended++;
}

/* Each segment is ripe when it is looked at, however often one is begun. */
static void
rotation__next_one_filled_by_others_meanwhile__the_batch_goes_there(
    void **state)
{
    struct seglog_stream_options options = { .size = sizeof options };
    struct seglog_disk *disk = seglog_disk_new(NULL);
    struct overtaking overtaking = { .appended = 0 };
    struct seglog_disk_process process;
    const struct seglog_slice event = { "x", 1 };
    struct seglog_streams streams;
    struct seglog_stream_end end = { .next_offset = 0 };

    (void)state;
    assert_non_null(disk);
    assert_ok(seglog_streams_open(seglog_disk_start(disk, &overtaking.process),
                                  &options, &overtaking.other, NULL));
    options.segment_bytes = 400;
    options.lock_timeout_ms = 1;
    assert_ok(seglog_streams_open(seglog_disk_start(disk, &process), &options,
                                  &streams, NULL));
    process.meanwhile = append_meanwhile;
    process.arg = &overtaking;
    for (uint64_t i = 1; i <= 5; i++) {
        assert_ok(seglog_stream_append_batch(streams, STREAM, &event, 1,
                                             SEGLOG_OFFSET_ANY, NULL, true,
                                             &end, NULL));
        assert_int_equal(end.next_offset, i + overtaking.appended);
    }
    assert_true(overtaking.appended >= 5);
    process.meanwhile = NULL;
    assert_ok(seglog_streams_close(&overtaking.other, NULL));
    assert_ok(seglog_streams_close(&streams, NULL));
    seglog_disk_free(disk);
}

/* -- when it fails --------------------------------------------------------- */

/* It has failed: it may be there, or not. */
static void
model_follow(struct fixture *fixture, const struct seglog_slice *event)
{
    struct seglog_stream_end end;

    assert_ok(
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &end, NULL));
    if (end.next_offset > fixture->model.count)
        stream_model_add(&fixture->model, event, 1);
}

static void
rotation__fails_anywhere__the_batch_is_there_and_the_next_tries(void **state)
{
    struct fixture *fixture = *state;
    bool has_failed = true;
    uint64_t at = 1;

    open_streams(fixture);
    append(fixture, 1);
    for (; has_failed; at++) {
        const struct seglog_fault fault = { .at = at,
                                            .code = SEGLOG_NO_SPACE,
                                            .sys_errno = 28 };
        const uint64_t hits = seglog_faults_get_hits(fixture->faults);
        const struct seglog_slice event = { "whether", 7 };
        seglog_code code = SEGLOG_OK;

        append(fixture, 2);
        fixture->options.segment_bytes = 1;
        restart(fixture);
        assert_true(seglog_faults_add(fixture->faults, &fault));
        code = seglog_stream_append_batch(fixture->streams, STREAM, &event, 1,
                                          SEGLOG_OFFSET_ANY, NULL, false, NULL,
                                          NULL);
        has_failed = seglog_faults_get_hits(fixture->faults) > hits;
        seglog_faults_clear(fixture->faults);
        if (code == SEGLOG_OK)
            stream_model_add(&fixture->model, &event, 1);
        else
            model_follow(fixture, &event);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        append(fixture, 1);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
    }
    assert_true(at > 5);
}

/* -- checkpoints ----------------------------------------------------------- */

static uint64_t
sync_points(const struct fixture *fixture)
{
    return scan_segment(fixture, 0).sync_points;
}

static void
checkpoint__each_so_many_events__is_made_and_takes_no_offset(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.checkpoint_events = 10;
    open_streams(fixture);
    for (size_t i = 0; i < 100; i++)
        append(fixture, 1);
    /* Before the events 10, 20 .. 90. */
    assert_int_equal(sync_points(fixture), 9);
    append(fixture, 1);
    assert_int_equal(sync_points(fixture), 10);
    append(fixture, 25);
    append(fixture, 1);
    assert_int_equal(sync_points(fixture), 11);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
checkpoint__counted_by_two_handles__comes_as_often(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other;

    fixture->options.checkpoint_events = 10;
    open_streams(fixture);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    for (size_t i = 0; i < 50; i++) {
        append(fixture, 1);
        stream_append_next(other, STREAM, &fixture->model, 1, false);
    }
    assert_int_equal(sync_points(fixture), 9);
    assert_ok(seglog_streams_close(&other, NULL));
}

static void
checkpoint__on_demand__is_there_once(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_info info;
    struct seglog_stream_end end;

    open_streams(fixture);
    append(fixture, 7);
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(seglog_stream_make_checkpoint(fixture->streams, STREAM, &end,
                                                NULL));
        assert_int_equal(end.next_offset, 7);
        stream_assert_hash(&end.hash, stream_model_head(&fixture->model, 7));
        assert_int_equal(sync_points(fixture), 1);
    }
    append(fixture, 2);
    assert_ok(seglog_stream_get_info(fixture->streams, STREAM, &info, NULL));
    assert_int_equal(info.checkpoint, 7);
    assert_int_equal(info.end.next_offset, 9);
    stream_assert_hash(&info.end.hash, stream_model_head(&fixture->model, 9));
}

static void
checkpoint__at_close__is_made_if_anything_was_appended(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_info info;

    open_streams(fixture);
    append(fixture, 7);
    restart(fixture);
    assert_int_equal(sync_points(fixture), 1);
    assert_ok(seglog_stream_get_info(fixture->streams, STREAM, &info, NULL));
    assert_int_equal(info.checkpoint, 7);
    restart(fixture);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    restart(fixture);
    assert_int_equal(sync_points(fixture), 1);
}

/* More streams than stay open are finished at the close all the same. */
static void
close__more_streams_than_stay_open__all_have_a_checkpoint(void **state)
{
    struct fixture *fixture = *state;
    struct stream_model models[9];

    fixture->options.open_max = 2;
    open_streams(fixture);
    for (size_t i = 0; i < COUNT_OF(models); i++)
        stream_model_init(&models[i], SEGLOG_CHAIN_SHA256);
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < COUNT_OF(models); i++)
            stream_append_next(fixture->streams, i, &models[i], 2, k == 1);
    }
    assert_ok(seglog_streams_flush_indexes(fixture->streams, NULL));
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    open_streams(fixture);
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        struct seglog_stream_info info;

        assert_ok(seglog_stream_get_info(fixture->streams, i, &info, NULL));
        assert_int_equal(info.checkpoint, 6);
        stream_assert_model(fixture->streams, i, &models[i]);
        stream_model_reset(&models[i]);
    }
}

/* -- what is known --------------------------------------------------------- */

static void
info__of_a_stream__adds_up(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_info first;
    struct seglog_stream_info info;
    uint64_t bytes = 0;
    size_t count = 0;

    fixture->options.segment_bytes = 300;
    open_streams(fixture);
    append(fixture, 5);
    assert_ok(seglog_stream_get_info(fixture->streams, STREAM, &first, NULL));
    while (fixture->model.count < 100)
        append(fixture, 5);
    assert_ok(seglog_stream_get_info(fixture->streams, STREAM, &info, NULL));
    assert_memory_equal(info.identity, first.identity, sizeof info.identity);
    assert_int_equal(info.chain, SEGLOG_CHAIN_SHA256);
    assert_int_equal(info.end.next_offset, 100);
    assert_int_equal(info.sealed, 0);
    assert_ok(
        seglog_stream_segment_count(fixture->streams, STREAM, &count, NULL));
    assert_int_equal(info.segments, count);
    for (size_t i = 0; i < count; i++)
        bytes += scan_segment(fixture, i).bytes;
    assert_int_equal(info.bytes, bytes);
    assert_code(
        seglog_stream_get_info(fixture->streams, STREAM + 1, &info, NULL),
        SEGLOG_NOT_FOUND);
}

static void
find_segment__each_event__is_in_the_one_it_names(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint32_t number = 0;

    fixture->options.segment_bytes = 300;
    open_streams(fixture);
    assert_code(seglog_stream_find_segment(fixture->streams, STREAM, 0, name,
                                           &number, NULL),
                SEGLOG_NOT_FOUND);
    while (fixture->model.count < 50)
        append(fixture, 3);
    for (uint64_t at = 0; at < fixture->model.count; at++) {
        struct seglog_scan_summary summary;

        assert_ok(seglog_stream_find_segment(fixture->streams, STREAM, at, name,
                                             &number, NULL));
        assert_ok(
            seglog_segment_get_summary(fixture->memory, name, &summary, NULL));
        assert_true(summary.first_record <= at + 1 &&
                    at + 1 < summary.next_record);
    }
    assert_code(seglog_stream_find_segment(fixture->streams, STREAM,
                                           fixture->model.count, name, NULL,
                                           NULL),
                SEGLOG_NOT_FOUND);
}

struct listed {
    uint64_t streams[8];
    size_t count;
};

static bool
list_add(void *arg, uint64_t stream)
{
    struct listed *listed = arg;

    listed->streams[listed->count++] = stream;
    return listed->count < 3;
}

static void
list__of_streams__is_in_order_and_stops_when_told(void **state)
{
    static const uint64_t ids[] = { 100, 9, UINT64_MAX, 10 };
    struct fixture *fixture = *state;
    struct listed listed = { 0 };
    bool is_one = true;

    open_streams(fixture);
    assert_ok(seglog_streams_detect(fixture->store, &is_one, NULL));
    assert_false(is_one);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const struct seglog_slice event = { "x", 1 };

        assert_ok(seglog_stream_append_batch(fixture->streams, ids[i], &event,
                                             1, 0, NULL, false, NULL, NULL));
        assert_ok(seglog_stream_rotate(fixture->streams, ids[i], NULL));
    }
    assert_ok(seglog_streams_detect(fixture->store, &is_one, NULL));
    assert_true(is_one);
    assert_ok(seglog_streams_list(fixture->streams, list_add, &listed, NULL));
    assert_int_equal(listed.count, 3);
    assert_int_equal(listed.streams[0], 9);
    assert_int_equal(listed.streams[1], 10);
    assert_int_equal(listed.streams[2], 100);
}

/* -- for reading only ------------------------------------------------------ */

static void
read_only__says_the_same_and_writes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_options options = { .size = sizeof options,
                                             .is_read_only = true };
    const struct seglog_slice event = { "x", 1 };
    struct seglog_streams reader;
    struct seglog_error err;
    uint64_t writes = 0;

    fixture->options.segment_bytes = 300;
    open_streams(fixture);
    assert_ok(seglog_streams_open(fixture->store, &options, &reader, NULL));
    stream_assert_model(reader, STREAM, &fixture->model);
    for (size_t i = 0; i < 20; i++) {
        append(fixture, 3);
        writes = seglog_faults_get_count(fixture->faults, SEGLOG_FAULT_APPEND) +
                 seglog_faults_get_count(fixture->faults, SEGLOG_FAULT_CREATE) +
                 seglog_faults_get_count(fixture->faults, SEGLOG_FAULT_ACQUIRE);
        stream_assert_model(reader, STREAM, &fixture->model);
        assert_int_equal(
            writes,
            seglog_faults_get_count(fixture->faults, SEGLOG_FAULT_APPEND) +
                seglog_faults_get_count(fixture->faults, SEGLOG_FAULT_CREATE) +
                seglog_faults_get_count(fixture->faults, SEGLOG_FAULT_ACQUIRE));
    }
    assert_code_err(seglog_stream_append_batch(reader, STREAM, &event, 1,
                                               SEGLOG_OFFSET_ANY, NULL, false,
                                               NULL, &err),
                    SEGLOG_READ_ONLY, &err);
    assert_code_err(seglog_stream_rotate(reader, STREAM, &err),
                    SEGLOG_READ_ONLY, &err);
    assert_ok(seglog_streams_close(&reader, NULL));
}

/* -- options --------------------------------------------------------------- */

static void
open__options_out_of_range__are_invalid(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_stream_options cases[] = {
        { .body_log2 = 8 },
        { .body_log2 = 28 },
        { .sync_log2 = 8 },
        { .sync_log2 = 21 },
        { .codec = SEGLOG_CODEC_AUTO + 1 },
        { .codec = SEGLOG_CODEC_DEFLATE, .level_of_codec = 10 },
        { .codec = SEGLOG_CODEC_ZSTD, .level_of_codec = 20 },
        { .chain = SEGLOG_CHAIN_XXH3 + 1 },
    };
    struct seglog_streams streams;
    struct seglog_error err;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seglog_stream_options options = cases[i];

        options.size = sizeof options;
        assert_code_err(
            seglog_streams_open(fixture->store, &options, &streams, &err),
            SEGLOG_INVALID, &err);
        assert_null(streams.ops);
    }
    assert_code(seglog_streams_open(fixture->store, NULL, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(
        seglog_streams_open((struct seglog_store){ 0 }, NULL, &streams, NULL),
        SEGLOG_INVALID);
    open_streams(fixture);
}

static void
append__larger_than_a_frame__is_too_large_and_begins_nothing(void **state)
{
    struct fixture *fixture = *state;
    char bytes[600] = "";
    const struct seglog_slice events[3] = { { bytes, 511 },
                                            { bytes, 513 },
                                            { bytes, 200 } };
    struct seglog_error err;

    fixture->options.body_log2 = 9;
    open_streams(fixture);
    for (unsigned i = 0; i < 2; i++) {
        assert_code_err(seglog_stream_append_batch(
                            fixture->streams, STREAM, &events[1], 1,
                            SEGLOG_OFFSET_ANY, NULL, false, NULL, &err),
                        SEGLOG_TOO_LARGE, &err);
        assert_int_equal(err.actual, 512);
        assert_code_err(seglog_stream_append_batch(fixture->streams, STREAM,
                                                   events, 3, SEGLOG_OFFSET_ANY,
                                                   NULL, false, NULL, &err),
                        SEGLOG_TOO_LARGE, &err);
        assert_int_equal(err.actual, 512);
        stream_assert_model(fixture->streams, STREAM, &fixture->model);
        assert_segments(fixture, i);
        if (i == 0)
            append(fixture, 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(
            rotation__batch_that_reaches_the_limit__is_followed_by_a_segment),
        STREAM_TEST(rotation__below_the_limit__does_not_come),
        STREAM_TEST(
            rotation__completed_segment__ends_with_a_mark_and_is_closed),
        STREAM_TEST(
            rotation__many_batches_of_one_round__each_segment_has_its_size),
        STREAM_TEST(read__across_segments__from_each_event_on),
        STREAM_TEST(restart__any_number_of_segments__the_head_is_right),
        STREAM_TEST(
            restart__right_after_rotation__the_empty_segment_has_the_head),
        STREAM_TEST(restart__last_segment_closed__is_gone_on_with),
        STREAM_TEST(rotate__empty_segment__stays),
        STREAM_TEST(rotate__unknown_stream__is_not_found),
        STREAM_TEST(rotate__by_another_handle__is_followed),
        STREAM_TEST(
            rotate__by_another_handle_then_its_end_looks_torn__is_followed),
        cmocka_unit_test(
            rotation__next_one_filled_by_others_meanwhile__the_batch_goes_there),
        STREAM_TEST(
            rotation__fails_anywhere__the_batch_is_there_and_the_next_tries),
        STREAM_TEST(
            checkpoint__each_so_many_events__is_made_and_takes_no_offset),
        STREAM_TEST(checkpoint__counted_by_two_handles__comes_as_often),
        STREAM_TEST(checkpoint__on_demand__is_there_once),
        STREAM_TEST(checkpoint__at_close__is_made_if_anything_was_appended),
        STREAM_TEST(close__more_streams_than_stay_open__all_have_a_checkpoint),
        STREAM_TEST(info__of_a_stream__adds_up),
        STREAM_TEST(find_segment__each_event__is_in_the_one_it_names),
        STREAM_TEST(list__of_streams__is_in_order_and_stops_when_told),
        STREAM_TEST(read_only__says_the_same_and_writes_nothing),
        STREAM_TEST(open__options_out_of_range__are_invalid),
        STREAM_TEST(
            append__larger_than_a_frame__is_too_large_and_begins_nothing),
    };

    return cmocka_run_group_tests_name("stream/stream_rotation", tests, NULL,
                                       NULL);
}
