/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_compact.c
 *
 * Goal    compaction chooses what is to be written anew, drops what is marked and
 *         nothing else, and leaves alone what is damaged; whoever died in it is
 *         cleaned up after.
 */
#include "tests/stream/stream_story.h"

#include "src/stream/stream_compact.h"

static void
compact__options__say_what_is_merged_and_dropped(void **state)
{
    struct story *story = *state;
    struct seglog_stream_compact_options options = { .keeps_dropped = true,
                                                     .merge_bytes = 1 };
    struct seglog_stream_compacted result;
    uint32_t *numbers = NULL;
    size_t count = 0;

    story->options.segment_bytes = 1;
    story_open(story);
    for (size_t i = 0; i < 10; i++)
        story_append(story, 2);
    story_mark(story, 5);
    /* Each for itself, and the growing one not. */
    result = story_compact_with(story, &options);
    assert_int_equal(result.segments_before, 10);
    assert_int_equal(result.segments_after, 10);
    assert_int_equal(result.written, 10);
    assert_int_equal(result.dropped, 0);
    /* Only what has to be. */
    options.keeps_dropped = false;
    result = story_compact_with(story, &options);
    assert_int_equal(result.written, 1);
    assert_int_equal(result.dropped, 1);
    /* More than there are. */
    options.merge_bytes = 0;
    options.merge_min = 11;
    result = story_compact_with(story, &options);
    assert_int_equal(result.written, 0);
    options.merge_min = 10;
    result = story_compact_with(story, &options);
    assert_int_equal(result.written, 1);
    assert_int_equal(result.segments_after, 1);
    assert_true(result.bytes_after < result.bytes_before);
    assert_ok(seglog_stream_completed_segments(story->streams, STREAM, &numbers,
                                               &count, NULL));
    assert_int_equal(count, 1);
    assert_int_equal(numbers[0], 0);
    seglog_free(numbers);
    assert_int_equal(story_assert_events(story, story->streams), 1);
    story_assert_nowhere(story);
    story_assert_good(story);
    /* Two of them that were merged already. */
    for (size_t i = 0; i < 10; i++)
        story_append(story, 2);
    result = story_compact_with(story, &options);
    assert_int_equal(result.segments_after, 1);
    story_assert_good(story);
    assert_int_equal(story_assert_events(story, story->streams), 1);
}

static void
choose__neighbours__as_many_as_are_small_enough(void **state)
{
    struct slg_piece pieces[8];

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(pieces); i++)
        pieces[i] = (struct slg_piece){ .part = { i, i, i },
                                        .bytes = 10,
                                        .is_sealed = true };
    slg_pieces_choose(pieces, 8, 40, 4);
    assert_int_equal(pieces[0].group, 4);
    assert_int_equal(pieces[4].group, 4);
    slg_pieces_choose(pieces, 8, 39, 4);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pieces[i].group, 0);
    pieces[2].is_sealed = false;
    pieces[5].is_waiting = true;
    slg_pieces_choose(pieces, 8, 1, 1);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pieces[i].group, i == 2 || i == 5);
    /* A large one is in the way; a number is missing. */
    pieces[3].bytes = 1000;
    slg_pieces_choose(pieces, 8, 100, 2);
    assert_int_equal(pieces[0].group, 3);
    assert_int_equal(pieces[3].group, 0);
    assert_int_equal(pieces[4].group, 4);
    for (size_t i = 6; i < 8; i++)
        pieces[i].part.first = pieces[i].part.last = (uint32_t)i + 1;
    slg_pieces_choose(pieces, 8, 100, 2);
    assert_int_equal(pieces[4].group, 2);
    assert_int_equal(pieces[6].group, 2);
    slg_pieces_choose(pieces, 0, 100, 2);
}

static bool
stop(void *arg, uint64_t done, uint64_t total)
{
    unsigned *calls = arg;

    assert_true(done <= total);
    return ++*calls < 3;
}

static void
compact__cannot_be__changes_nothing(void **state)
{
    struct story *story = *state;
    struct seglog_stream_compact_options options = { .size = sizeof options };
    struct seglog_stream_compacted result;
    struct seglog_lock lock = { 0 };
    unsigned calls = 0;

    story_open(story);
    assert_code(seglog_stream_compact(story->streams, STREAM, NULL, NULL, NULL),
                SEGLOG_NOT_FOUND);
    options.rotates = true;
    assert_code(
        seglog_stream_compact(story->streams, STREAM, &options, NULL, NULL),
        SEGLOG_NOT_FOUND);
    story_append(story, 100);
    story_mark(story, 3);
    options.level = 77;
    assert_code(
        seglog_stream_compact(story->streams, STREAM, &options, NULL, NULL),
        SEGLOG_INVALID);
    options.level = 0;
    options.size = 3;
    assert_code(
        seglog_stream_compact(story->streams, STREAM, &options, NULL, NULL),
        SEGLOG_INVALID);
    options.size = sizeof options;
    assert_ok(seglog_lock_open(story->store, "stream.7", &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_code(
        seglog_stream_compact(story->streams, STREAM, &options, &result, NULL),
        SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(lock, NULL));
    seglog_lock_close(&lock);
    calls = 3;
    options.on_progress = stop;
    options.arg = &calls;
    assert_code(
        seglog_stream_compact(story->streams, STREAM, &options, &result, NULL),
        SEGLOG_END);
    assert_int_equal(result.written, 0);
    assert_int_equal(story_assert_events(story, story->streams), 0);
    story_assert_good(story);
    options.on_progress = NULL;
    assert_ok(
        seglog_stream_compact(story->streams, STREAM, &options, &result, NULL));
    assert_int_equal(result.dropped, 1);
    story_assert_nowhere(story);
}

/* Of a sync point that a power cut has torn, and of nothing else. */
static void
compact__damage_that_cost_nothing__is_left_behind(void **state)
{
    struct story *story = *state;
    struct seglog_stream_compacted result;
    struct seglog_stream_end end;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;

    story->options.segment_bytes = 100000;
    story_open(story);
    story_append(story, 10);
    assert_ok(
        seglog_stream_make_checkpoint(story->streams, STREAM, &end, NULL));
    story_append(story, 10);
    story_mark(story, 4);
    assert_ok(seglog_stream_rotate(story->streams, STREAM, NULL));
    bytes = blob_read(story->store,
                      stream_segment_name(story->store, STREAM, 0, name), &len);
    bytes[stream_find_text(bytes, len, "event-10") - 60] ^= 1;
    blob_write(story->store, name, bytes, len);
    free(bytes);
    assert_int_equal(story_verify(story).findings, 1);
    result = story_compact(story);
    assert_int_equal(result.written, 1);
    assert_int_equal(result.dropped, 1);
    story_assert_good(story);
    assert_int_equal(story_assert_events(story, story->streams), 1);
    story_assert_nowhere(story);
}

/* It cost no record; but the next chain head is not the one computed over it. */
static void
compact__tombstone_lost_in_damage__is_corrupt(void **state)
{
    struct story *story = *state;
    const struct seglog_stream_compact_options options = { .size =
                                                               sizeof options };
    const uint8_t *hash = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;
    size_t at = 0;

    story->options.segment_bytes = 100000;
    story_open(story);
    story_append(story, 10);
    story_mark(story, 4);
    story_append(story, 10);
    assert_ok(seglog_stream_rotate(story->streams, STREAM, NULL));
    bytes = blob_read(story->store,
                      stream_segment_name(story->store, STREAM, 0, name), &len);
    hash = stream_model_head(&story->model, 5)->bytes;
    while (at + 16 < len && memcmp(bytes + at, hash, 16) != 0)
        at++;
    assert_true(at + 16 < len);
    bytes[at] ^= 1;
    blob_write(story->store, name, bytes, len);
    assert_code(
        seglog_stream_compact(story->streams, STREAM, &options, NULL, NULL),
        SEGLOG_CORRUPT);
    free(bytes);
}

static void
compact__damaged_segment__is_left_as_it_is(void **state)
{
    struct story *story = *state;
    const struct seglog_stream_compact_options options = {
        .size = sizeof options, .rotates = true, .merge_bytes = 1
    };
    struct seglog_stream_compacted result;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    uint8_t *after = NULL;
    size_t len = 0;
    size_t after_len = 0;
    struct seglog_error err;

    story->options.segment_bytes = 1;
    story_open(story);
    for (size_t i = 0; i < 5; i++)
        story_append(story, 10);
    story_mark(story, 35);
    bytes = blob_read(story->store,
                      stream_segment_name(story->store, STREAM, 3, name), &len);
    bytes[len / 3] ^= 4;
    blob_write(story->store, name, bytes, len);
    assert_code(
        seglog_stream_compact(story->streams, STREAM, &options, &result, &err),
        SEGLOG_CORRUPT);
    assert_string_equal(err.name, name);
    /* Those before it were done. */
    assert_int_equal(result.written, 3);
    after = blob_read(story->store, name, &after_len);
    assert_int_equal(after_len, len);
    assert_memory_equal(after, bytes, len);
    free(bytes);
    free(after);
}

/* In it there may have been a tombstone: that is told, when all is done. */
static void
compact__damage_elsewhere__is_told_when_all_is_done(void **state)
{
    struct story *story = *state;
    const struct seglog_stream_compact_options options = { .size =
                                                               sizeof options,
                                                           .merge_bytes = 1 };
    struct seglog_stream_compacted result;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct seglog_error err;

    story->options.segment_bytes = 1;
    story_open(story);
    for (size_t i = 0; i < 3; i++)
        story_append(story, 10);
    story->options.segment_bytes = 100000;
    assert_ok(seglog_streams_close(&story->streams, NULL));
    story_open(story);
    story_append(story, 10);
    story_mark(story, 15);
    story_mark(story, 3);
    story_append(story, 10);
    /* The first tombstone, in the growing segment. */
    stream_segment_name(story->store, STREAM, 3, name);
    bytes = blob_read(story->store, name, &len);
    for (size_t at = 0; at + 12 < len; at++) {
        if (bytes[at] == 9 && bytes[at + 1] == 1 && bytes[at + 2] == 16) {
            bytes[at + 20] ^= 1;
            at = len;
        }
    }
    blob_write(story->store, name, bytes, len);
    free(bytes);
    assert_code(
        seglog_stream_compact(story->streams, STREAM, &options, &result, &err),
        SEGLOG_CORRUPT);
    assert_string_equal(err.name, name);
    assert_int_equal(result.written, 3);
    assert_int_equal(result.dropped, 1);
}

/* -- what dies in the middle ----------------------------------------------- */

struct copy {
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes;
    size_t len;
};

/* Both are there: the old ones are not looked at, and go. */
static void
compact__old_segments_left_over__are_ignored_and_removed(void **state)
{
    struct story *story = *state;
    static const char *const beside[] = { ".torn", ".sealing", ".new" };
    struct copy copies[64];
    struct seglog_stream_compacted result;
    size_t count = 0;
    size_t segments = 0;

    story_make(story);
    assert_ok(seglog_stream_rotate(story->streams, STREAM, NULL));
    assert_ok(
        seglog_stream_segment_count(story->streams, STREAM, &count, NULL));
    count--;
    assert_true(count > 4 && count < COUNT_OF(copies));
    for (size_t i = 0; i < count; i++) {
        stream_segment_name(story->store, STREAM, i, copies[i].name);
        copies[i].bytes =
            blob_read(story->store, copies[i].name, &copies[i].len);
    }
    result = story_compact(story);
    assert_int_equal(result.segments_after, 1);
    for (size_t left = 1; left <= count; left++) {
        for (size_t i = 0; i < left; i++)
            blob_write(story->store, copies[i].name, copies[i].bytes,
                       copies[i].len);
        for (size_t i = 0; i < COUNT_OF(beside); i++) {
            char name[SLG_BESIDE_CAP];

            blob_write(story->store,
                       slg_stream_name_beside(copies[0].name, beside[i], name),
                       copies[0].bytes, copies[0].len);
        }
        /* Who has listed them before looks at what it has listed. */
        assert_ok(seglog_streams_close(&story->streams, NULL));
        story_open(story);
        assert_int_equal(story_assert_events(story, story->streams),
                         story_marked_count(story));
        story_assert_good(story);
        assert_ok(seglog_stream_segment_count(story->streams, STREAM, &segments,
                                              NULL));
        assert_int_equal(segments, 2);
        result = story_compact(story);
        assert_int_equal(result.written, 0);
        story_assert_nowhere(story);
    }
    for (size_t i = 0; i < count; i++)
        free(copies[i].bytes);
}

/* They may be needed. */
static void
compact__old_segments_and_a_damaged_new_one__stay(void **state)
{
    struct story *story = *state;
    struct copy copy;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_blob blob = { 0 };
    uint8_t *bytes = NULL;
    size_t len = 0;

    story_make(story);
    stream_segment_name(story->store, STREAM, 0, copy.name);
    copy.bytes = blob_read(story->store, copy.name, &copy.len);
    (void)story_compact(story);
    stream_segment_name(story->store, STREAM, 0, name);
    bytes = blob_read(story->store, name, &len);
    blob_write(story->store, name, bytes, len - 100);
    blob_write(story->store, copy.name, copy.bytes, copy.len);
    (void)!seglog_stream_compact(story->streams, STREAM, NULL, NULL, NULL);
    assert_ok(seglog_blob_open(story->store, copy.name, SEGLOG_OPEN_READ, &blob,
                               NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    free(bytes);
    free(copy.bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_MEMORY(compact__options__say_what_is_merged_and_dropped),
        ON_MEMORY(choose__neighbours__as_many_as_are_small_enough),
        ON_MEMORY(compact__cannot_be__changes_nothing),
        ON_MEMORY(compact__damage_that_cost_nothing__is_left_behind),
        ON_MEMORY(compact__tombstone_lost_in_damage__is_corrupt),
        ON_MEMORY(compact__damaged_segment__is_left_as_it_is),
        ON_MEMORY(compact__damage_elsewhere__is_told_when_all_is_done),
        ON_MEMORY(compact__old_segments_left_over__are_ignored_and_removed),
        ON_FILE(compact__old_segments_left_over__are_ignored_and_removed),
        ON_MEMORY(compact__old_segments_and_a_damaged_new_one__stay),
    };

    return cmocka_run_group_tests_name("stream/stream_compact", tests, NULL,
                                       NULL);
}
