/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_mend_encrypted.c
 *
 * Goal    a stream in an encrypted store of which a chunk does not authenticate
 *         is mended as any other: all that authenticates is kept, and what does
 *         not is kept as zeros and counted.
 */
#include "tests/stream/stream_fixture.h"

#include <stdio.h>

#include "seglog/encrypted_store.h"
#include "src/crypt/primitives.h"

#define CHUNK_HEAD  48u /* of a chunk, before its bytes */
#define CHUNK_BYTES 64u /* and all that it has besides them */
#define BATCH       3u
#define BATCHES     6u
#define EVENTS      (2 * BATCH * BATCHES) /* at most */
#define NAME_CAP    (SEGLOG_STREAM_NAME_CAP + 32)

/* What the store below holds of the segment, before anything is damaged, and
 * what that is when it is read. */
static struct {
    char name[SEGLOG_STREAM_NAME_CAP];
    char kept_name[NAME_CAP];
    uint8_t *below;
    size_t below_len;
    uint8_t *plain;
    size_t plain_len;
} segment;

static void
encrypted_open(struct fixture *fixture)
{
    static const uint8_t bytes[SEGLOG_KEY_BYTES] = { 3, 2, 1 };
    const struct seglog_store_key key = { .size = sizeof key, .key = bytes };
    const struct seglog_encrypted_store_options options = {
        .size = sizeof options,
        .create = true,
    };
    struct seglog_error err;

    assert_code_err(seglog_encrypted_store_open(fixture->memory, &key, &options,
                                                &fixture->store, &err),
                    SEGLOG_OK, &err);
}

/* Each batch is a chunk; a checkpoint behind the second one. */
static void
segments_make(struct fixture *fixture, size_t count)
{
    open_streams(fixture);
    for (size_t i = 0; i < count * BATCHES; i++) {
        if (i > 0 && i % BATCHES == 0)
            assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        append(fixture, BATCH);
        if (i % BATCHES == 1)
            assert_ok(seglog_stream_make_checkpoint(fixture->streams, STREAM,
                                                    NULL, NULL));
    }
    (void)stream_segment_name(fixture->store, STREAM, count - 1, segment.name);
    (void)snprintf(segment.kept_name, sizeof segment.kept_name, "%s.damaged",
                   segment.name);
    segment.below =
        blob_read(fixture->memory, segment.name, &segment.below_len);
    segment.plain = blob_read(fixture->store, segment.name, &segment.plain_len);
    close_streams(fixture);
}

static int
setup_with(void **state, size_t segments)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    assert_ok(seglog_store_memory_open(&fixture->memory, NULL));
    encrypted_open(fixture);
    fixture->options.size = sizeof fixture->options;
    fixture->options.chain = SEGLOG_CHAIN_XXH3;
    stream_model_init(&fixture->model, SEGLOG_CHAIN_XXH3);
    segments_make(fixture, segments);
    *state = fixture;
    return 0;
}

static int
setup(void **state)
{
    return setup_with(state, 1);
}

static int
setup_two(void **state)
{
    return setup_with(state, 2);
}

static int
teardown(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    seglog_store_close(&fixture->store);
    stream_model_reset(&fixture->model);
    free(fixture);
    free(segment.below);
    free(segment.plain);
    return 0;
}

/* As it was, but for that bit; nothing is kept of it yet. */
static void
damage(struct fixture *fixture, size_t at)
{
    segment.below[at] ^= (uint8_t)(1u << at % 8);
    blob_write(fixture->memory, segment.name, segment.below, segment.below_len);
    segment.below[at] ^= (uint8_t)(1u << at % 8);
    if (blob_exists(fixture->memory, segment.kept_name))
        assert_ok(
            seglog_store_remove(fixture->memory, segment.kept_name, NULL));
}

static size_t
chunk_len(size_t at)
{
    return segment.below[at] | (size_t)segment.below[at + 1] << 8;
}

/* The first chunk has the attributes: where no other segment has them nobody can
 * say which stream it is. */
static bool
is_nameless(const struct fixture *fixture, size_t at)
{
    const size_t first = CHUNK_BYTES + chunk_len(0);

    return fixture->model.count == BATCH * BATCHES && at < first;
}

static struct seglog_stream_mended
mend(struct fixture *fixture, enum seglog_stream_mend how)
{
    struct seglog_stream_mended mended;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_mend(fixture->streams, STREAM, how, &mended, &err),
        SEGLOG_OK, &err);
    return mended;
}

static bool
is_known(struct fixture *fixture)
{
    struct seglog_stream_end end;
    struct seglog_error err;
    const seglog_code code =
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &end, &err);

    if (code != SEGLOG_CORRUPT)
        assert_code_err(code, SEGLOG_OK, &err);
    return code == SEGLOG_OK;
}

/* -- every byte below ------------------------------------------------------ */

/* Which events can be read; each is what it was. */
static size_t
events_read(struct fixture *fixture, bool there[EVENTS])
{
    size_t count = 0;

    for (size_t i = 0; i < fixture->model.count; i++) {
        const struct seglog_slice *want = &fixture->model.events[i];
        struct seglog_stream_event *events = NULL;
        size_t got = 0;

        there[i] = seglog_stream_read_from(fixture->streams, STREAM, i, 1,
                                           &events, &got, NULL) == SEGLOG_OK &&
                   got == 1;
        if (there[i]) {
            assert_int_equal(events[0].data.len, want->len);
            assert_memory_equal(events[0].data.data, want->data, want->len);
        }
        count += there[i];
        seglog_free(events);
    }
    return count;
}

static bool
blob_holds_text(struct seglog_store store, const char *name, const char *text)
{
    const size_t text_len = strlen(text);
    size_t len = 0;
    uint8_t *bytes = blob_read(store, name, &len);
    bool is_there = false;

    for (size_t i = 0; i + text_len <= len; i++)
        is_there |= memcmp(bytes + i, text, text_len) == 0;
    free(bytes);
    return is_there;
}

/* All of it can be read, and is what it was or zeros.  How many are zeros that
 * were something else. */
static uint64_t
kept_compare(const struct fixture *fixture)
{
    size_t len = 0;
    uint8_t *kept = blob_read(fixture->store, segment.kept_name, &len);
    uint64_t lost = 0;

    for (size_t i = 0; i < len; i++) {
        const uint8_t was = i < segment.plain_len ? segment.plain[i] : 0;

        assert_true(kept[i] == 0 || kept[i] == was);
        lost += kept[i] != was;
    }
    free(kept);
    return lost;
}

static void
mended_check(struct fixture *fixture, enum seglog_stream_mend how,
             const bool before[EVENTS])
{
    const struct seglog_stream_mended mended = mend(fixture, how);
    const bool is_cut = how == SEGLOG_STREAM_MEND_CUT;
    const struct seglog_slice event = { "one more", 8 };
    struct seglog_stream_end end;
    bool there[EVENTS];

    assert_string_equal(mended.name, segment.kept_name);
    assert_true(kept_compare(fixture) <= mended.unreadable);
    (void)events_read(fixture, there);
    for (size_t i = 0; i < fixture->model.count; i++) {
        const bool is_gone = is_cut && i >= mended.first_lost;

        assert_true(is_gone ? !there[i] : there[i] || !before[i]);
    }
    if (is_cut)
        stream_assert_hash(
            &mended.end.hash,
            stream_model_head(&fixture->model, mended.first_lost));
    /* It is taken for good by the next one, too. */
    restart(fixture);
    assert_ok(
        seglog_stream_latest_chain_hash(fixture->streams, STREAM, &end, NULL));
    assert_int_equal(end.next_offset, mended.end.next_offset);
    stream_assert_hash(&end.hash, &mended.end.hash);
    assert_ok(seglog_stream_append_batch(fixture->streams, STREAM, &event, 1,
                                         end.next_offset, &end.hash, true, NULL,
                                         NULL));
}

static void
mend__each_byte_below_damaged__takes_events_again(void **state)
{
    struct fixture *fixture = *state;
    size_t forged = 0;

    for (size_t at = 0; at < segment.below_len; at++) {
        bool before[EVENTS];
        bool is_damaged = false;

        for (int how = 0; how < 2; how++) {
            damage(fixture, at);
            open_streams(fixture);
            is_damaged = !is_known(fixture);
            if (is_damaged && is_nameless(fixture, at)) {
                assert_code(seglog_stream_mend(fixture->streams, STREAM,
                                               (enum seglog_stream_mend)how,
                                               NULL, NULL),
                            SEGLOG_CORRUPT);
            } else if (is_damaged) {
                (void)events_read(fixture, before);
                mended_check(fixture, (enum seglog_stream_mend)how, before);
            }
            close_streams(fixture);
        }
        forged += is_damaged;
    }
    print_message("%zu of %zu bytes keep from appending\n", forged,
                  segment.below_len);
    assert_true(forged > segment.below_len / 2);
}

/* -- what exactly ---------------------------------------------------------- */

/* Where this event is below. */
static size_t
event_find(const char *event)
{
    const size_t want =
        stream_find_text(segment.plain, segment.plain_len, event);
    size_t plain = 0;
    size_t at = 0;

    for (;;) {
        const size_t len = chunk_len(at);

        if (want < plain + len)
            return at + CHUNK_HEAD + (want - plain);
        plain += len;
        at += CHUNK_BYTES + len;
        assert_true(at < segment.below_len);
    }
}

/* The fourth batch is lost; nothing says the head behind it. */
static void
batch_lose(struct fixture *fixture)
{
    struct seglog_stream_event *events = NULL;
    struct seglog_error err;
    size_t count = 0;

    damage(fixture, event_find("event-10"));
    open_streams(fixture);
    assert_false(is_known(fixture));
    assert_code_err(seglog_stream_read_from(fixture->streams, STREAM, 10, 1,
                                            &events, &count, &err),
                    SEGLOG_CORRUPT, &err);
}

static void
event_assert_forged(const struct fixture *fixture, const char *event)
{
    const size_t at = stream_find_text(segment.plain, segment.plain_len, event);
    struct seglog_blob blob = { 0 };
    uint8_t bytes[8];

    assert_ok(seglog_blob_open(fixture->store, segment.name, SEGLOG_OPEN_READ,
                               &blob, NULL));
    assert_code(seglog_blob_read_at(blob, at, bytes, sizeof bytes, NULL),
                SEGLOG_AUTH);
    assert_ok(seglog_blob_close(&blob, NULL));
}

static void
mend__cut_of_a_forged_chunk__ends_before_it(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;

    batch_lose(fixture);
    event_assert_forged(fixture, "event-10");
    mended = mend(fixture, SEGLOG_STREAM_MEND_CUT);
    assert_int_equal(mended.first_lost, 9);
    assert_int_equal(mended.lost, 9);
    assert_int_equal(mended.set_aside, 6);
    assert_int_equal(mended.end.next_offset, 9);
    stream_assert_hash(&mended.end.hash, stream_model_head(&fixture->model, 9));
    assert_string_equal(mended.name, segment.kept_name);
    assert_true(mended.unreadable > 3 * strlen("event-10"));
    assert_true(kept_compare(fixture) > 0);
    assert_true(kept_compare(fixture) <= mended.unreadable);
    assert_false(
        blob_holds_text(fixture->store, segment.kept_name, "event-10"));
    assert_true(blob_holds_text(fixture->store, segment.kept_name, "event-12"));
}

static void
mend__resume_behind_a_forged_chunk__keeps_the_offsets(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    bool there[EVENTS];

    batch_lose(fixture);
    mended = mend(fixture, SEGLOG_STREAM_MEND_RESUME);
    assert_int_equal(mended.first_lost, 9);
    assert_int_equal(mended.lost, 3);
    assert_int_equal(mended.set_aside, 0);
    assert_int_equal(mended.end.next_offset, 18);
    assert_true(mended.unreadable > 0);
    assert_int_equal(events_read(fixture, there), 15);
    for (size_t i = 9; i < 12; i++)
        assert_false(there[i]);
}

/* Somebody was killed between keeping it and the end. */
static void
mend__forged_one_is_kept_already__goes_on_or_exists(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    uint64_t unreadable = 0;
    uint8_t *kept = NULL;
    size_t len = 0;

    batch_lose(fixture);
    unreadable = mend(fixture, SEGLOG_STREAM_MEND_CUT).unreadable;
    close_streams(fixture);
    kept = blob_read(fixture->memory, segment.kept_name, &len);
    damage(fixture, event_find("event-10"));
    blob_write(fixture->memory, segment.kept_name, kept, len);
    open_streams(fixture);
    mended = mend(fixture, SEGLOG_STREAM_MEND_RESUME);
    assert_int_equal(mended.end.next_offset, 18);
    assert_int_equal(mended.unreadable, unreadable);
    close_streams(fixture);
    /* What is kept is not of this damage. */
    damage(fixture, event_find("event-13"));
    blob_write(fixture->memory, segment.kept_name, kept, len);
    free(kept);
    open_streams(fixture);
    assert_code(seglog_stream_mend(fixture->streams, STREAM,
                                   SEGLOG_STREAM_MEND_CUT, &mended, NULL),
                SEGLOG_EXISTS);
}

/* Nothing of it comes back or goes, and nobody takes the zeros for what a power
 * cut has left. */
static void
mend__forged_before_a_known_head__stays_damage(void **state)
{
    struct fixture *fixture = *state;
    const size_t early = event_find("event-1");

    for (int how = 0; how < 2; how++) {
        bool there[EVENTS];

        segment.below[early] ^= 4;
        batch_lose(fixture);
        segment.below[early] ^= 4;
        assert_int_equal(mend(fixture, (enum seglog_stream_mend)how).first_lost,
                         9);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(events_read(fixture, there), how == 0 ? 6 : 12);
            for (size_t k = 0; k < 3; k++)
                assert_false(there[k]);
            restart(fixture);
        }
        assert_true(is_known(fixture));
        close_streams(fixture);
    }
}

#define MEND_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        MEND_TEST(mend__each_byte_below_damaged__takes_events_again),
        cmocka_unit_test_setup_teardown(
            mend__each_byte_below_damaged__takes_events_again, setup_two,
            teardown),
        MEND_TEST(mend__cut_of_a_forged_chunk__ends_before_it),
        MEND_TEST(mend__resume_behind_a_forged_chunk__keeps_the_offsets),
        MEND_TEST(mend__forged_one_is_kept_already__goes_on_or_exists),
        MEND_TEST(mend__forged_before_a_known_head__stays_damage),
    };

    if (!slg_crypt_is_available()) {
        print_message("this build encrypts nothing\n");
        return 77;
    }
    return cmocka_run_group_tests_name("stream/stream_mend_encrypted", tests,
                                       NULL, NULL);
}
