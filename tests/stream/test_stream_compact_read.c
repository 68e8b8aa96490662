/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_compact_read.c
 *
 * Goal    what was compacted is read and verified: heads stay what they were, what
 *         was marked is nowhere any more, and nothing went that no tombstone
 *         vouches for.
 */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "tests/stream/stream_story.h"

#include <pthread.h>
#include <stdatomic.h>

#include "src/crypt/primitives.h"
#include "src/segment/segment_seal_merge.h"

static void
compact__marked_events__are_nowhere_and_all_heads_are_what_they_were(
    void **state)
{
    static const enum seglog_codec codecs[] = { SEGLOG_CODEC_NONE,
                                                SEGLOG_CODEC_DEFLATE };
    static const uint64_t sizes[] = { 1, 400, 1200, 100000 };
    struct story *story = *state;

    for (unsigned how = 0; how < 16; how++) {
        struct seglog_stream_compacted result;
        size_t segments = 0;

        story_start_anew(story, how % 2 == 0 ? SEGLOG_CHAIN_SHA256
                                             : SEGLOG_CHAIN_XXH3);
        story->options.codec = codecs[how / 2 % 2];
        story->options.segment_bytes = sizes[how / 4];
        story_make(story);
        story_assert_good(story);
        assert_int_equal(story_assert_events(story, story->streams), 0);
        result = story_compact(story);
        assert_int_equal(result.dropped, story_marked_count(story));
        assert_true(result.written > 0);
        assert_true(result.segments_after <= result.segments_before);
        assert_int_equal(story_assert_events(story, story->streams),
                         story_marked_count(story));
        story_assert_nowhere(story);
        story_assert_good(story);
        assert_int_equal(story_verify(story).dropped,
                         story_marked_count(story));
        assert_int_equal(story_scrub(story).findings, 0);
        assert_ok(seglog_stream_segment_count(story->streams, STREAM, &segments,
                                              NULL));
        assert_int_equal(segments, result.segments_after + 1);

        /* Also for who comes anew; and goes on. */
        assert_ok(seglog_streams_close(&story->streams, NULL));
        story_open(story);
        story_append(story, 7);
        story_mark(story, 44);
        story_mark(story, 98);
        result = story_compact(story);
        assert_int_equal(result.dropped, 2);
        assert_int_equal(story_assert_events(story, story->streams),
                         story_marked_count(story));
        story_assert_nowhere(story);
        story_assert_good(story);

        /* There is nothing left to do. */
        result = story_compact(story);
        assert_int_equal(result.written, 0);
        assert_int_equal(result.bytes_before, result.bytes_after);
        assert_int_equal(result.segments_before, result.segments_after);
    }
}

static void
compact__all_events_of_a_segment__all_are_holes(void **state)
{
    struct story *story = *state;
    struct seglog_stream_compacted result;

    story->options.segment_bytes = 100000;
    story_open(story);
    story_append(story, 300);
    for (size_t i = 0; i < 300; i++)
        story_mark(story, i);
    story_append(story, 3);
    assert_ok(seglog_stream_rotate(story->streams, STREAM, NULL));
    result = story_compact(story);
    assert_int_equal(result.dropped, 300);
    assert_int_equal(story_assert_events(story, story->streams), 300);
    story_assert_nowhere(story);
    story_assert_good(story);
}

/* Payload and hash are one segment, the tombstones all in others: then there
 * are more holes in it than it has bytes. */
static void
compact__segment_of_holes_alone__can_be_read(void **state)
{
    struct story *story = *state;
    struct seglog_stream_compacted result;
    const struct seglog_stream_compact_options alone = { .rotates = true,
                                                         .merge_bytes = 1 };

    story->options.checkpoint_events = 1000;
    story->options.segment_bytes = 1u << 20;
    story->options.chain = SEGLOG_CHAIN_XXH3;
    stream_model_init(&story->model, SEGLOG_CHAIN_XXH3);
    story_open(story);
    story_append(story, STORY_EVENTS_MAX - 1);
    assert_ok(seglog_stream_rotate(story->streams, STREAM, NULL));
    for (size_t i = 0; i < STORY_EVENTS_MAX - 1; i++) {
        story->kept_count = 0;
        story_mark(story, i);
    }
    story_append(story, 1);
    result = story_compact_with(story, &alone);
    assert_int_equal(result.dropped, STORY_EVENTS_MAX - 1);
    {
        char name[SEGLOG_STREAM_NAME_CAP];
        size_t len = 0;

        free(blob_read(story->store,
                       stream_segment_name(story->store, STREAM, 0, name),
                       &len));
        assert_true(len < 600);
    }
    assert_int_equal(story_assert_events(story, story->streams),
                     STORY_EVENTS_MAX - 1);
    story_assert_good(story);
}

static bool
drops_all(void *arg, const struct seglog_record *record,
          const struct seglog_chain_hash *before)
{
    const uint64_t *range = arg;

    (void)before;
    return record->record_no >= range[0] && record->record_no <= range[1];
}

/* Somebody who can write segments has dropped what nobody marked. */
static void
verify__dropped_without_tombstone__is_found(void **state)
{
    struct story *story = *state;
    uint64_t range[2] = { 4, 9 };
    char name[SEGLOG_STREAM_NAME_CAP];
    const char *const names[] = { name };
    const struct slg_merge_options options = {
        .names = names,
        .count = 1,
        .new_name = "new",
        .seal = { .size = sizeof options.seal, .level = 1, .arg = range },
        .drops = drops_all,
    };
    struct slg_merge_result merged;
    struct seglog_stream_verified result;
    struct story_scrubbed scrubbed;

    story->options.segment_bytes = 100000;
    story_open(story);
    story_append(story, 20);
    assert_int_equal(story_scrub(story).findings, 0);
    assert_ok(seglog_stream_rotate(story->streams, STREAM, NULL));
    story_append(story, 5);
    stream_segment_name(story->store, STREAM, 0, name);
    assert_ok(slg_segments_merge(story->store, &options, &merged, NULL));
    assert_ok(seglog_store_replace(story->store, "new", name, NULL));
    result = story_verify(story);
    assert_false(result.is_good);
    assert_int_equal(result.first.fault, SEGLOG_STREAM_FAULT_DROPPED);
    assert_int_equal(result.first.first_offset, 3);
    assert_int_equal(result.first.last_offset, 8);
    assert_int_equal(result.dropped, 6);
    assert_int_equal(result.events, 25);
    scrubbed = story_scrub(story);
    assert_int_equal(scrubbed.findings, 1);
    assert_int_equal(scrubbed.first.fault, SEGLOG_STREAM_FAULT_DROPPED);
    assert_int_equal(scrubbed.first.first_offset, 3);
    assert_int_equal(scrubbed.first.last_offset, 8);
    /* The heads in between cannot be known then. */
    assert_true(result.findings >= 1 + 5);
    /* And who wants to mark them now is told that they are gone. */
    assert_code(seglog_stream_tombstone(story->streams, STREAM, 5, NULL, NULL),
                SEGLOG_EXISTS);
}

/* -- others meanwhile ------------------------------------------------------ */

/* Handles that have read and appended before find what there is now. */
static void
compact__other_handles__go_on(void **state)
{
    struct story *story = *state;
    struct seglog_streams others[3] = { { 0 } };

    story->options.segment_bytes = 500;
    story_open(story);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_ok(seglog_streams_open(story->store, &story->options, &others[i],
                                      NULL));
    for (unsigned round = 0; round < 8; round++) {
        const struct seglog_streams own = story->streams;
        const struct seglog_stream_compact_options options = {
            .rotates = round % 2 == 0, .merge_bytes = round % 4 == 1
        };

        for (size_t i = 0; i < COUNT_OF(others); i++) {
            story->streams = others[i];
            story_append(story, 9);
            assert_true(story_assert_events(story, others[i]) <=
                        story_marked_count(story));
        }
        story->streams = own;
        story_mark(story, round * 9 + 2);
        (void)story_compact_with(story, &options);
        for (size_t i = 1; i < COUNT_OF(others); i++)
            assert_true(story_assert_events(story, others[i]) >= round);
        story_assert_good(story);
    }
    (void)story_compact(story);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(story_assert_events(story, others[i]),
                         story_marked_count(story));
        assert_ok(seglog_streams_close(&others[i], NULL));
    }
    story_assert_nowhere(story);
}

#define BUSY_EVENTS 1500u

struct busy {
    struct story *story;
    struct seglog_streams streams;
    atomic_uint *appended;
    atomic_bool *is_over;
    unsigned reads;
    const char *failure;
};

static void *
busy_append(void *arg)
{
    struct busy *busy = arg;

    for (unsigned i = 0; i < BUSY_EVENTS; i++) {
        char text[STREAM_TEXT_CAP];
        const struct seglog_slice event = stream_event(i, text);

        if (seglog_stream_append_batch(busy->streams, STREAM, &event, 1, i,
                                       NULL, false, NULL,
                                       NULL) == SEGLOG_CONFLICT &&
            i > 0 &&
            seglog_stream_append_batch(busy->streams, STREAM, &event, 1,
                                       SEGLOG_OFFSET_ANY, NULL, i % 100 == 0,
                                       NULL, NULL) != SEGLOG_OK)
            busy->failure = "append";
        atomic_store(busy->appended, i + 1);
    }
    atomic_store(busy->is_over, true);
    return NULL;
}

static void *
busy_read(void *arg)
{
    struct busy *busy = arg;
    uint64_t seed = 5;

    while (!atomic_load(busy->is_over)) {
        const unsigned there = atomic_load(busy->appended);
        const uint64_t from = test_random(&seed) % (there + 1);
        struct seglog_stream_event *events = NULL;
        struct seglog_stream_verified result;
        size_t count = 0;

        if (seglog_stream_read_from(busy->streams, STREAM, from, UINT64_MAX,
                                    &events, &count, NULL) != SEGLOG_OK ||
            from + count < there)
            busy->failure = "read";
        for (size_t i = 0; i < count; i++) {
            char text[STREAM_TEXT_CAP];
            const struct seglog_slice want =
                stream_event((size_t)from + i, text);

            if (events[i].offset != from + i ||
                (events[i].is_dropped
                     ? (from + i) % 10 != 3
                     : events[i].data.len != want.len ||
                           memcmp(events[i].data.data, want.data, want.len)))
                busy->failure = "event";
        }
        seglog_free(events);
        if (there > 0 && busy->reads % 4 == 0 &&
            (seglog_stream_verify(busy->streams, STREAM, NULL, &result, NULL) !=
                 SEGLOG_OK ||
             !result.is_good))
            busy->failure = "verify";
        busy->reads++;
    }
    return NULL;
}

static void
compact__while_others_read_and_append__all_is_there(void **state)
{
    struct story *story = *state;
    atomic_uint appended = 0;
    atomic_bool is_over = false;
    pthread_t threads[3];
    struct busy busy[3];
    uint64_t marked = 3;
    unsigned compactions = 0;
    struct seglog_error err;

    story->options.segment_bytes = 3000;
    story_open(story);
    for (size_t i = 0; i < COUNT_OF(busy); i++) {
        busy[i] = (struct busy){ .story = story,
                                 .appended = &appended,
                                 .is_over = &is_over };
        assert_ok(seglog_streams_open(story->store, &story->options,
                                      &busy[i].streams, NULL));
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i == 0 ? busy_append : busy_read,
                                        &busy[i]),
                         0);
    }
    while (!atomic_load(&is_over)) {
        struct seglog_stream_compact_options options = { .size = sizeof options,
                                                         .level = 1,
                                                         .merge_bytes = 20000 };

        for (; marked < atomic_load(&appended); marked += 10)
            assert_code_err(seglog_stream_tombstone(story->streams, STREAM,
                                                    marked, NULL, &err),
                            SEGLOG_OK, &err);
        if (marked == 3)
            continue;
        assert_code_err(
            seglog_stream_compact(story->streams, STREAM, &options, NULL, &err),
            SEGLOG_OK, &err);
        compactions++;
    }
    for (size_t i = 0; i < COUNT_OF(busy); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (busy[i].failure)
            fail_msg("%s", busy[i].failure);
        assert_ok(seglog_streams_close(&busy[i].streams, NULL));
    }
    assert_true(compactions > 0 && busy[1].reads > 0);
    assert_true(story_verify(story).is_good);
}

/* -- damage ---------------------------------------------------------------- */

/* Opened anew, because readers keep what they have read. */
static bool
is_seen(struct story *story, struct seglog_stream_verified *result)
{
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .kept = &story->kept[story->kept_count - 1],
        .kept_count = 1,
        .threads = 1,
    };
    struct seglog_streams streams = { 0 };
    struct seglog_stream_options how = { .size = sizeof how,
                                         .is_read_only = true };
    seglog_code code = seglog_streams_open(story->store, &how, &streams, NULL);

    assert_code(code, SEGLOG_OK);
    code = seglog_stream_verify(streams, STREAM, &options, result, NULL);
    assert_ok(seglog_streams_close(&streams, NULL));
    return code != SEGLOG_OK || !result->is_good;
}

static void
verify__each_bit_of_a_compacted_stream_flipped__is_seen(void **state)
{
    struct story *story = *state;
    const enum seglog_chain chains[] = { SEGLOG_CHAIN_SHA256,
                                         SEGLOG_CHAIN_XXH3 };

    for (size_t c = 0; c < COUNT_OF(chains); c++) {
        struct seglog_stream_verified result;
        size_t count = 0;

        story_start_anew(story, chains[c]);
        story->options.segment_bytes = 250;
        story_open(story);
        story_append(story, 6);
        story_append(story, 6);
        story_mark(story, 1);
        story_mark(story, 4);
        story_mark(story, 5);
        (void)story_compact(story);
        /* Not alone in its segment, or what is torn there is the end. */
        assert_ok(seglog_streams_close(&story->streams, NULL));
        story->options.segment_bytes = 100000;
        story_open(story);
        story_append(story, 2);
        assert_false(is_seen(story, &result));
        assert_int_equal(result.dropped, 3);
        count = (size_t)result.segments;
        for (size_t i = 0; i < count; i++) {
            char name[SEGLOG_STREAM_NAME_CAP];
            size_t len = 0;
            uint8_t *bytes = blob_read(
                story->store,
                stream_segment_name(story->store, STREAM, i, name), &len);

            for (size_t bit = 0; bit < 8 * len; bit++) {
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                blob_write(story->store, name, bytes, len);
                if (!is_seen(story, &result))
                    fail_msg("%s: bit %zu of byte %zu", name, bit % 8, bit / 8);
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
            blob_write(story->store, name, bytes, len);
            free(bytes);
        }
        assert_false(is_seen(story, &result));
    }
}

/* -- signatures ------------------------------------------------------------ */

static void
compact__with_a_key__signs_what_it_writes(void **state)
{
    static const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES] = { 1, 2, 3 };
    static const uint8_t other_key[SEGLOG_SIGN_KEY_BYTES] = { 3, 2, 1 };
    struct story *story = *state;
    const struct seglog_stream_compact_options options = {
        .rotates = true, .private_key = private_key, .merge_bytes = 1
    };
    uint8_t public_key[SEGLOG_SIGN_KEY_BYTES];
    struct seglog_stream_verify_options how = { .size = sizeof how,
                                                .public_key = public_key };
    struct seglog_stream_verified result;
    struct seglog_stream_compacted compacted;

    story_make(story);
    compacted = story_compact_with(story, &options);
    assert_true(slg_crypt_public_key(private_key, public_key));
    assert_ok(
        seglog_stream_verify(story->streams, STREAM, &how, &result, NULL));
    assert_true(result.is_good);
    assert_int_equal(result.signatures, compacted.written);
    assert_int_equal(result.signed_offset, story->model.count);
    /* Merged, they stay good. */
    (void)story_compact(story);
    assert_ok(
        seglog_stream_verify(story->streams, STREAM, &how, &result, NULL));
    assert_true(result.is_good);
    assert_int_equal(result.signatures, compacted.written);
    assert_true(slg_crypt_public_key(other_key, public_key));
    assert_ok(
        seglog_stream_verify(story->streams, STREAM, &how, &result, NULL));
    assert_int_equal(result.findings, compacted.written);
    assert_int_equal(result.first.fault, SEGLOG_STREAM_FAULT_SIGNATURE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_MEMORY(
            compact__marked_events__are_nowhere_and_all_heads_are_what_they_were),
        ON_FILE(
            compact__marked_events__are_nowhere_and_all_heads_are_what_they_were),
        ON_MEMORY(compact__all_events_of_a_segment__all_are_holes),
        ON_MEMORY(compact__segment_of_holes_alone__can_be_read),
        ON_MEMORY(verify__dropped_without_tombstone__is_found),
        ON_MEMORY(compact__other_handles__go_on),
        ON_FILE(compact__other_handles__go_on),
        ON_FILE(compact__while_others_read_and_append__all_is_there),
        ON_MEMORY(verify__each_bit_of_a_compacted_stream_flipped__is_seen),
        ON_MEMORY(compact__with_a_key__signs_what_it_writes),
    };

    return cmocka_run_group_tests_name("stream/stream_compact_read", tests,
                                       NULL, NULL);
}
