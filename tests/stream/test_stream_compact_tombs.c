/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_compact_tombs.c
 *
 * Goal    a tombstone says what was marked, is chained, and is found again; one that
 *         says something else drops nothing.
 */
#include "tests/stream/stream_story.h"

#include "src/segment/segment_chain_writer.h"

/* -- tombstones ------------------------------------------------------------ */

static void
tombstone__each_chain__moves_the_head_as_is_written(void **state)
{
    /* SPEC.md 16.1. */
    static const char *const heads[][2] = {
        { "fd772eb13984aa9877d072359e9e11302336d8db72c537ae252492203c1670fd",
          "1da717d2f13f868c773affdb6b1885ee6e38e3ac24f0264faf6beafc28127823" },
        { "14d096aac8cc5766cdf94321bdfad6fe",
          "8533d5afe5cbe5d75abe08c37d268b3a" },
    };
    struct story *story = *state;
    struct seglog_stream_end end;
    struct seglog_stream_end latest;
    struct seglog_error err;

    for (unsigned c = 0; c < 2; c++) {
        for (unsigned which = 0; which < 2; which++) {
            const struct seglog_slice event = { "more", 4 };
            struct seglog_chain_hash before;

            story_start_anew(story,
                             c == 0 ? SEGLOG_CHAIN_SHA256 : SEGLOG_CHAIN_XXH3);
            story_open(story);
            story_append(story, 3);
            before = *stream_model_head(&story->model, 3);
            assert_ok(seglog_stream_tombstone(story->streams, STREAM, 1 - which,
                                              &end, &err));
            assert_int_equal(end.next_offset, 3);
            stream_assert_hex(&end.hash, heads[c][which]);
            assert_ok(seglog_stream_latest_chain_hash(story->streams, STREAM,
                                                      &latest, NULL));
            stream_assert_hash(&latest.hash, &end.hash);
            /* Who expects what was before it has not seen it. */
            assert_code(seglog_stream_append_batch(story->streams, STREAM,
                                                   &event, 1, 3, &before, false,
                                                   &latest, NULL),
                        SEGLOG_CONFLICT);
            stream_assert_hash(&latest.hash, &end.hash);
            assert_ok(seglog_stream_append_batch(story->streams, STREAM, &event,
                                                 1, 3, &end.hash, false, NULL,
                                                 NULL));
            /* Until it is compacted it can be read. */
            stream_assert_read(story->streams, STREAM, &story->model, 0, 1);
        }
    }
}

static void
tombstone__of_none__is_refused(void **state)
{
    struct story *story = *state;
    struct seglog_stream_options read_only = story->options;
    struct seglog_streams others = { 0 };
    struct seglog_stream_end end;

    story_open(story);
    assert_code(seglog_stream_tombstone(story->streams, STREAM, 0, NULL, NULL),
                SEGLOG_NOT_FOUND);
    story_append(story, 30);
    for (uint64_t offset = 30; offset < 33; offset++)
        assert_code(
            seglog_stream_tombstone(story->streams, STREAM, offset, &end, NULL),
            SEGLOG_NOT_FOUND);
    assert_code(
        seglog_stream_tombstone(story->streams, STREAM, UINT64_MAX, &end, NULL),
        SEGLOG_NOT_FOUND);
    assert_code(seglog_stream_tombstone(story->streams, STREAM,
                                        (uint64_t)INT64_MAX - 1, &end, NULL),
                SEGLOG_NOT_FOUND);
    read_only.is_read_only = true;
    assert_ok(seglog_streams_open(story->store, &read_only, &others, NULL));
    assert_code(seglog_stream_tombstone(others, STREAM, 1, &end, NULL),
                SEGLOG_READ_ONLY);
    assert_code(seglog_stream_compact(others, STREAM, NULL, NULL, NULL),
                SEGLOG_READ_ONLY);
    assert_ok(seglog_streams_close(&others, NULL));
    assert_int_equal(story_assert_events(story, story->streams), 0);
}

/* By any handle, in whatever segments event and tombstone are, dropped or
 * not. */
static void
tombstone__once_more__exists(void **state)
{
    struct story *story = *state;
    struct seglog_streams others = { 0 };
    struct seglog_stream_end end;

    story_open(story);
    assert_ok(
        seglog_streams_open(story->store, &story->options, &others, NULL));
    story_append(story, 20);
    for (unsigned round = 0; round < 4; round++) {
        const uint64_t offsets[] = { 2 + 5 * round, 19 + 20 * round };

        for (size_t i = 0; i < COUNT_OF(offsets); i++) {
            story_mark(story, offsets[i]);
            for (unsigned who = 0; who < 4; who++)
                assert_code(seglog_stream_tombstone(
                                who % 2 == 0 ? story->streams : others, STREAM,
                                offsets[i], &end, NULL),
                            SEGLOG_EXISTS);
        }
        story_append(story, 20);
        /* A checkpoint behind tombstones that others know of not yet. */
        assert_ok(
            seglog_stream_make_checkpoint(story->streams, STREAM, NULL, NULL));
        if (round == 1)
            (void)story_compact(story);
    }
    assert_true(story_assert_events(story, others) > 0);
    story_assert_good(story);
    for (size_t i = 0; i < story->model.count; i++) {
        if (story->is_marked[i])
            assert_code(seglog_stream_tombstone(others, STREAM, i, &end, NULL),
                        SEGLOG_EXISTS);
    }
    assert_int_equal(story_assert_events(story, story->streams),
                     story_assert_events(story, others));
    assert_ok(seglog_streams_close(&others, NULL));
}

/* They are in front of its first event, and a checkpoint is behind them. */
static void
tombstone__in_an_empty_segment__is_read_over(void **state)
{
    struct story *story = *state;

    story->options.segment_bytes = 1;
    story_open(story);
    story_append(story, 3);
    story_mark(story, 1);
    assert_ok(
        seglog_stream_make_checkpoint(story->streams, STREAM, NULL, NULL));
    story_mark(story, 2);
    assert_int_equal(story_assert_events(story, story->streams), 0);
    assert_ok(seglog_streams_close(&story->streams, NULL));
    story_open(story);
    assert_int_equal(story_assert_events(story, story->streams), 0);
    story_append(story, 2);
    assert_int_equal(story_assert_events(story, story->streams), 0);
    story_assert_good(story);
    (void)story_compact(story);
    assert_int_equal(story_assert_events(story, story->streams), 2);
    story_assert_good(story);
}

/* A sync point, say: what it stands between is all there. */
static void
tombstone__damage_that_cost_no_event__is_passed(void **state)
{
    struct story *story = *state;
    struct seglog_stream_end end;
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t len = 0;
    uint8_t *bytes = NULL;

    story_open(story);
    story_append(story, 10);
    assert_ok(
        seglog_stream_make_checkpoint(story->streams, STREAM, &end, NULL));
    story_append(story, 10);
    (void)stream_segment_name(story->store, STREAM, 0, name);
    bytes = blob_read(story->store, name, &len);
    size_t at = stream_find_text(bytes, len, "event-10");

    /* The mark ends in front of its chain head, and that of the first event
     * behind it. */
    bytes[at - 60] ^= 1;
    blob_write(story->store, name, bytes, len);
    free(bytes);
    for (uint64_t offset = 0; offset < 20; offset++) {
        struct seglog_error err = { 0 };

        assert_code_err(
            seglog_stream_tombstone(story->streams, STREAM, offset, &end, &err),
            SEGLOG_OK, &err);
        assert_int_equal(end.next_offset, 20);
    }
}

/* What it said would vouch for what was changed. */
static void
tombstone__of_a_changed_event__is_corrupt(void **state)
{
    struct story *story = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t len = 0;
    uint8_t *bytes = NULL;
    struct seglog_error err;

    story->options.segment_bytes = 100000;
    story_open(story);
    for (size_t i = 0; i < 20; i++)
        story_append(story, 1);
    assert_ok(seglog_streams_close(&story->streams, NULL));
    bytes = blob_read(story->store,
                      stream_segment_name(story->store, STREAM, 0, name), &len);
    stream_forge_record(bytes, len, "event-7", "EVENT-7");
    blob_write(story->store, name, bytes, len);
    free(bytes);
    story_open(story);
    for (uint64_t offset = 5; offset < 10; offset++)
        assert_code(
            seglog_stream_tombstone(story->streams, STREAM, offset, NULL, &err),
            SEGLOG_CORRUPT);
    assert_code_err(
        seglog_stream_tombstone(story->streams, STREAM, 3, NULL, &err),
        SEGLOG_OK, &err);
    assert_code_err(
        seglog_stream_tombstone(story->streams, STREAM, 13, NULL, &err),
        SEGLOG_OK, &err);
}

/* -- tombstones that say something else ------------------------------------ */

static void
stone_forge(struct story *story, uint64_t number, unsigned what)
{
    struct slg_tombstone stone = { .algorithm = SEGLOG_CHAIN_SHA256,
                                   .number = number };
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .create = SEGLOG_CREATE_NEVER,
        .no_closing_mark = true,
    };
    struct seglog_writer *writer = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t count = 0;

    stone.before = *stream_model_head(&story->model, (size_t)number - 1);
    stone.hash = *stream_model_head(&story->model, (size_t)number);
    if (what == 1)
        stone.hash.bytes[7] ^= 1;
    if (what == 2)
        stone.before.bytes[7] ^= 1;
    assert_ok(
        seglog_stream_segment_count(story->streams, STREAM, &count, NULL));
    assert_ok(seglog_writer_open(
        story->store,
        stream_segment_name(story->store, STREAM, count - 1, name), &options,
        &writer, NULL));
    assert_ok(seglog_writer_hold(writer, NULL));
    assert_ok(slg_writer_put_tombstone(writer, &stone, NULL));
    assert_ok(seglog_writer_flush(writer, NULL));
    seglog_writer_release(writer);
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
compact__tombstone_with_other_hashes__drops_nothing(void **state)
{
    struct story *story = *state;
    const struct seglog_stream_compact_options options = { .size =
                                                               sizeof options };
    struct seglog_stream_compacted result;
    struct seglog_error err;

    for (unsigned what = 1; what < 3; what++) {
        story_start_anew(story, SEGLOG_CHAIN_SHA256);
        story->options.segment_bytes = 100000;
        story_open(story);
        story_append(story, 20);
        assert_ok(seglog_stream_rotate(story->streams, STREAM, NULL));
        stone_forge(story, 9, what);
        assert_code(seglog_stream_compact(story->streams, STREAM, &options,
                                          &result, &err),
                    SEGLOG_CORRUPT);
        assert_int_equal(err.record_no, 9);
        assert_int_equal(result.dropped, 0);
        stream_assert_read(story->streams, STREAM, &story->model, 0,
                           UINT64_MAX);
        /* One that is right beside it will do. */
        stone_forge(story, 9, 0);
        assert_code_err(seglog_stream_compact(story->streams, STREAM, &options,
                                              &result, &err),
                        SEGLOG_OK, &err);
        assert_int_equal(result.dropped, 1);
        story->kept_count = 0;
        assert_true(story_verify(story).is_good);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_MEMORY(tombstone__each_chain__moves_the_head_as_is_written),
        ON_MEMORY(tombstone__of_none__is_refused),
        ON_MEMORY(tombstone__once_more__exists),
        ON_FILE(tombstone__once_more__exists),
        ON_MEMORY(tombstone__in_an_empty_segment__is_read_over),
        ON_MEMORY(tombstone__damage_that_cost_no_event__is_passed),
        ON_MEMORY(tombstone__of_a_changed_event__is_corrupt),
        ON_MEMORY(compact__tombstone_with_other_hashes__drops_nothing),
    };

    return cmocka_run_group_tests_name("stream/stream_compact_tombs", tests,
                                       NULL, NULL);
}
