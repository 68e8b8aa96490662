/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_trim.c
 *
 * Goal    the first segments of a stream can go, and all that is left is as it
 *         was: offsets, heads, and what is told of damage.  Whatever fails on
 *         the way, the stream is whole or trimmed.
 */
#include "tests/stream/stream_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "src/stream/stream_names.h"

#define BEGIN_NAME "stream.7.begin.seg"

/* Completed segments of three events each, and two events in the last. */
static void
segments_make(struct fixture *fixture, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        append(fixture, 3);
        assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    }
    append(fixture, 2);
}

static struct seglog_stream_trimmed
trim(struct fixture *fixture, uint64_t before)
{
    struct seglog_stream_trimmed trimmed;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_trim(fixture->streams, STREAM, before, &trimmed, &err),
        SEGLOG_OK, &err);
    return trimmed;
}

static void
assert_trimmed(struct seglog_streams streams, uint64_t offset, uint64_t begin)
{
    struct seglog_stream_event *events = NULL;
    struct seglog_stream_end at;
    struct seglog_error err = { .actual = 77 };
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t count = 5;

    assert_code(seglog_stream_read_from(streams, STREAM, offset, UINT64_MAX,
                                        &events, &count, &err),
                SEGLOG_NOT_FOUND);
    assert_int_equal(err.actual, begin);
    assert_int_equal(err.record_no, offset + 1);
    assert_null(events);
    assert_int_equal(count, 0);
    err.actual = 77;
    assert_code(
        seglog_stream_find_checkpoint(streams, STREAM, offset, &at, &err),
        SEGLOG_NOT_FOUND);
    assert_int_equal(err.actual, begin);
    err.actual = 77;
    assert_code(
        seglog_stream_find_segment(streams, STREAM, offset, name, NULL, &err),
        SEGLOG_NOT_FOUND);
    assert_int_equal(err.actual, begin);
}

static struct seglog_stream_verified
verify_with(struct seglog_streams streams,
            const struct seglog_stream_verify_options *options)
{
    struct seglog_stream_verified verified;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_verify(streams, STREAM, options, &verified, &err),
        SEGLOG_OK, &err);
    return verified;
}

/* What is there is the model from there on. */
static void
assert_begins(const struct fixture *fixture, uint64_t begin)
{
    const struct seglog_streams streams = fixture->streams;
    const struct stream_model *model = &fixture->model;
    struct seglog_stream_info info;
    struct seglog_stream_end end;
    struct seglog_stream_verified verified;

    for (uint64_t from = begin; from < model->count; from++) {
        stream_assert_read(streams, STREAM, model, from, UINT64_MAX);
        stream_assert_read(streams, STREAM, model, from, 1);
    }
    for (uint64_t from = 0; from < begin; from++)
        assert_trimmed(streams, from, begin);
    assert_ok(seglog_stream_latest_chain_hash(streams, STREAM, &end, NULL));
    assert_int_equal(end.next_offset, model->count);
    stream_assert_hash(&end.hash, stream_model_head(model, model->count));
    assert_ok(seglog_stream_get_info(streams, STREAM, &info, NULL));
    assert_int_equal(info.begin, begin);
    verified = verify_with(streams, NULL);
    assert_true(verified.is_good);
    assert_int_equal(verified.from_offset, begin);
    assert_int_equal(verified.events, model->count - begin);
    stream_assert_hash(&verified.end.hash, &end.hash);
}

static size_t
names_count(const struct fixture *fixture)
{
    struct slg_stream_parts parts = { 0 };
    size_t count = 0;

    assert_ok(slg_stream_parts_list(fixture->memory, STREAM, &parts, NULL));
    count = parts.count;
    slg_stream_parts_reset(&parts);
    return count;
}

static char *
part_name(uint32_t number, uint64_t offset, char name[SEGLOG_STREAM_NAME_CAP])
{
    const struct slg_stream_part part = { number, number, offset };

    return slg_stream_part_name(STREAM, &part, name);
}

static uint64_t
part_size(const struct fixture *fixture, uint32_t number, uint64_t offset)
{
    struct seglog_blob_info info = { .size = 0 };
    char name[SEGLOG_STREAM_NAME_CAP];

    assert_ok(seglog_store_get_info(
        fixture->memory, part_name(number, offset, name), &info, NULL));
    return info.size;
}

/* -- what goes, and what stays --------------------------------------------- */

static void
trim__segments_before_an_offset__go_and_the_rest_stays(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_trimmed trimmed;
    uint32_t *numbers = NULL;
    uint64_t bytes = 0;
    size_t count = 0;

    open_streams(fixture);
    segments_make(fixture, 5);
    bytes = part_size(fixture, 0, 0) + part_size(fixture, 1, 3);
    trimmed = trim(fixture, 7);
    assert_int_equal(trimmed.begin, 6);
    assert_int_equal(trimmed.segments, 2);
    assert_int_equal(trimmed.bytes, bytes);
    assert_begins(fixture, 6);
    assert_ok(
        seglog_stream_segment_count(fixture->streams, STREAM, &count, NULL));
    assert_int_equal(count, 4);
    assert_ok(seglog_stream_completed_segments(fixture->streams, STREAM,
                                               &numbers, &count, NULL));
    assert_int_equal(count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(numbers[i], 2 + i);
    seglog_free(numbers);
    append(fixture, 4);
    assert_begins(fixture, 6);
    restart(fixture);
    append(fixture, 1);
    assert_begins(fixture, 6);
    assert_true(blob_exists(fixture->memory, BEGIN_NAME));
}

static void
trim__each_offset__takes_segments_that_lie_wholly_before_it(void **state)
{
    struct fixture *fixture = *state;
    uint64_t begin = 0;

    open_streams(fixture);
    segments_make(fixture, 4);
    for (uint64_t before = 0; before <= 20; before++) {
        const uint64_t want = before >= 12 ? 12 : before / 3 * 3;
        const struct seglog_stream_trimmed trimmed = trim(fixture, before);

        assert_int_equal(trimmed.begin, want);
        assert_int_equal(trimmed.segments, (want - begin) / 3);
        assert_int_equal(trimmed.bytes > 0, want > begin);
        assert_int_equal(blob_exists(fixture->memory, BEGIN_NAME), want > 0);
        assert_begins(fixture, want);
        begin = want;
    }
}

static void
trim__all__leaves_the_segment_that_grows(void **state)
{
    struct fixture *fixture = *state;

    open_streams(fixture);
    segments_make(fixture, 2);
    assert_int_equal(trim(fixture, UINT64_MAX).begin, 6);
    assert_int_equal(names_count(fixture), 1);
    assert_int_equal(trim(fixture, UINT64_MAX).segments, 0);
    /* Also where that has no event yet. */
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    assert_int_equal(trim(fixture, UINT64_MAX).begin, 8);
    assert_int_equal(names_count(fixture), 1);
    assert_begins(fixture, 8);
    restart(fixture);
    assert_begins(fixture, 8);
    append(fixture, 3);
    assert_begins(fixture, 8);
}

static void
trim__no_such_stream_or_not_to_be_written__says_so(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_trimmed trimmed = { .begin = 9 };

    open_streams(fixture);
    assert_code(seglog_stream_trim(fixture->streams, STREAM, 1, &trimmed, NULL),
                SEGLOG_NOT_FOUND);
    assert_int_equal(trimmed.begin, 0);
    segments_make(fixture, 1);
    close_streams(fixture);
    fixture->options.is_read_only = true;
    open_streams(fixture);
    assert_code(seglog_stream_trim(fixture->streams, STREAM, 3, NULL, NULL),
                SEGLOG_READ_ONLY);
}

static void
trim__while_it_is_locked__says_so(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_lock lock = { 0 };

    fixture->options.lock_timeout_ms = 20;
    open_streams(fixture);
    segments_make(fixture, 1);
    assert_ok(seglog_lock_open(fixture->store, "stream.7", &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_code(seglog_stream_trim(fixture->streams, STREAM, 3, NULL, NULL),
                SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(lock, NULL));
    seglog_lock_close(&lock);
    assert_begins(fixture, 0);
}

static void
trim__what_lies_beside__goes_but_not_what_was_set_aside(void **state)
{
    static const char *const suffixes[] = { ".torn", ".new", ".sealing" };
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP + 16];
    size_t len = 0;

    open_streams(fixture);
    segments_make(fixture, 2);
    part_name(0, 0, name);
    len = strlen(name);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name + len, sizeof name - len, "%s", suffixes[i]);
        blob_write(fixture->memory, name, "beside", 6);
    }
    (void)snprintf(name + len, sizeof name - len, ".damaged");
    blob_write(fixture->memory, name, "aside", 5);
    assert_int_equal(trim(fixture, 3).segments, 1);
    assert_true(blob_exists(fixture->memory, name));
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name + len, sizeof name - len, "%s", suffixes[i]);
        assert_false(blob_exists(fixture->memory, name));
    }
}

/* -- trimmed or lost ------------------------------------------------------- */

static void
assert_lost(struct fixture *fixture, uint64_t offset, uint64_t found)
{
    struct seglog_stream_event *events = NULL;
    struct seglog_stream_verified verified =
        verify_with(fixture->streams, NULL);
    size_t count = 0;

    assert_false(verified.is_good);
    assert_int_equal(verified.findings, 1);
    assert_int_equal(verified.first.fault, SEGLOG_STREAM_FAULT_LINK);
    assert_int_equal(verified.first.first_offset, found);
    assert_code(seglog_stream_read_from(fixture->streams, STREAM, offset, 1,
                                        &events, &count, NULL),
                SEGLOG_CORRUPT);
}

static void
lost__first_segment__is_no_trimmed_one(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_info info;
    char name[SEGLOG_STREAM_NAME_CAP];

    open_streams(fixture);
    segments_make(fixture, 3);
    close_streams(fixture);
    assert_ok(
        seglog_store_remove(fixture->memory, part_name(0, 0, name), NULL));
    open_streams(fixture);
    assert_lost(fixture, 2, 3);
    assert_ok(seglog_stream_get_info(fixture->streams, STREAM, &info, NULL));
    assert_int_equal(info.begin, 0);
}

static void
lost__first_segment_of_a_trimmed_stream__is_missed(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];

    open_streams(fixture);
    segments_make(fixture, 3);
    (void)trim(fixture, 3);
    close_streams(fixture);
    assert_ok(
        seglog_store_remove(fixture->memory, part_name(1, 3, name), NULL));
    open_streams(fixture);
    assert_lost(fixture, 4, 6);
    assert_trimmed(fixture->streams, 2, 3);
}

static void
lost__where_it_begins__is_as_if_segments_were(void **state)
{
    struct fixture *fixture = *state;

    open_streams(fixture);
    segments_make(fixture, 3);
    (void)trim(fixture, 3);
    close_streams(fixture);
    blob_flip(fixture->memory, BEGIN_NAME, 100);
    open_streams(fixture);
    assert_lost(fixture, 2, 3);
    append(fixture, 1);
    blob_write(fixture->memory, BEGIN_NAME, "B1", 2);
    assert_lost(fixture, 2, 3);
    assert_ok(seglog_store_remove(fixture->memory, BEGIN_NAME, NULL));
    assert_lost(fixture, 2, 3);
    /* The next one remembers again. */
    assert_int_equal(trim(fixture, 6).begin, 6);
    assert_begins(fixture, 6);
}

static void
lost__all_that_was_left__is_not_begun_anew(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    const struct seglog_slice event = { "event", 5 };

    open_streams(fixture);
    segments_make(fixture, 1);
    (void)trim(fixture, 3);
    close_streams(fixture);
    assert_ok(
        seglog_store_remove(fixture->memory, part_name(1, 3, name), NULL));
    open_streams(fixture);
    assert_code(seglog_stream_append_batch(fixture->streams, STREAM, &event, 1,
                                           SEGLOG_OFFSET_ANY, NULL, false, NULL,
                                           NULL),
                SEGLOG_CORRUPT);
    assert_false(blob_exists(fixture->memory, part_name(0, 0, name)));
}

static void
assert_begin_is_other(const struct fixture *fixture,
                      const struct slg_stream_begin *begin)
{
    const struct seglog_stream_finding *first = NULL;
    struct seglog_stream_verified verified;

    assert_ok(slg_stream_begin_put(fixture->memory, STREAM, begin, NULL));
    verified = verify_with(fixture->streams, NULL);
    first = &verified.first;
    assert_int_equal(verified.findings, 1);
    assert_int_equal(first->fault, SEGLOG_STREAM_FAULT_LINK);
    assert_int_equal(first->first_offset, 3);
}

static void
verify__another_beginning_than_was_remembered__is_a_link(void **state)
{
    struct fixture *fixture = *state;
    struct slg_stream_begin begin;
    struct slg_stream_begin other;

    open_streams(fixture);
    segments_make(fixture, 3);
    (void)trim(fixture, 3);
    assert_ok(slg_stream_begin_read(fixture->memory, STREAM, &begin, NULL));
    assert_true(begin.is_there && !begin.has_others);
    assert_int_equal(begin.number, 1);
    assert_int_equal(begin.offset, 3);
    stream_assert_hash(&begin.hash, stream_model_head(&fixture->model, 3));
    other = begin;
    other.hash.bytes[31] ^= 1;
    assert_begin_is_other(fixture, &other);
    other = begin;
    other.identity[0] ^= 1;
    assert_begin_is_other(fixture, &other);
    other = begin;
    other.offset--;
    assert_begin_is_other(fixture, &other);
    assert_ok(slg_stream_begin_put(fixture->memory, STREAM, &begin, NULL));
    assert_begins(fixture, 3);
}

/* -- heads that were kept -------------------------------------------------- */

static struct seglog_stream_verified
verify_kept(const struct fixture *fixture, uint64_t offset,
            const struct seglog_chain_hash *hash)
{
    const struct seglog_kept_head kept = { .end = { .next_offset = offset,
                                                    .hash = *hash } };
    const struct seglog_stream_verify_options options = {
        .size = sizeof options, .kept = &kept, .kept_count = 1
    };

    return verify_with(fixture->streams, &options);
}

static void
verify__kept_heads__count_from_the_beginning_on(void **state)
{
    struct fixture *fixture = *state;
    const struct stream_model *model = &fixture->model;

    open_streams(fixture);
    segments_make(fixture, 3);
    (void)trim(fixture, 6);
    for (uint64_t at = 1; at <= model->count; at++) {
        struct seglog_chain_hash hash = *stream_model_head(model, at);

        assert_true(verify_kept(fixture, at, &hash).is_good);
        hash.bytes[3] ^= 1;
        if (at < 6)
            assert_true(verify_kept(fixture, at, &hash).is_good);
        else
            assert_int_equal(verify_kept(fixture, at, &hash).first.fault,
                             SEGLOG_STREAM_FAULT_KEPT);
    }
}

static void
verify__kept_before_a_tombstone_that_was_trimmed__is_no_finding(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_end end;
    struct seglog_chain_hash wrong;

    open_streams(fixture);
    append(fixture, 3);
    assert_ok(seglog_stream_tombstone(fixture->streams, STREAM, 1, &end, NULL));
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    assert_int_equal(trim(fixture, 3).begin, 3);
    assert_true(verify_kept(fixture, 3, &end.hash).is_good);
    assert_true(
        verify_kept(fixture, 3, stream_model_head(&fixture->model, 3)).is_good);
    wrong = end.hash;
    wrong.bytes[0] ^= 1;
    assert_true(verify_kept(fixture, 3, &wrong).is_good);
}

static void
verify__from_an_offset__begins_there_or_where_the_stream_does(void **state)
{
    struct fixture *fixture = *state;

    open_streams(fixture);
    segments_make(fixture, 4);
    (void)trim(fixture, 6);
    for (uint64_t from = 0; from < fixture->model.count; from++) {
        const struct seglog_stream_verify_options options = {
            .size = sizeof options, .from_offset = from
        };
        const struct seglog_stream_verified verified =
            verify_with(fixture->streams, &options);

        assert_true(verified.is_good);
        assert_int_equal(verified.from_offset, from < 6 ? 6 : from / 3 * 3);
    }
}

/* -- with what else is done ------------------------------------------------ */

static void
tombstone__of_a_trimmed_event__is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_error err = { .actual = 0 };

    open_streams(fixture);
    segments_make(fixture, 3);
    /* Its tombstone stays, and has nothing to name. */
    assert_ok(seglog_stream_tombstone(fixture->streams, STREAM, 1, NULL, NULL));
    (void)trim(fixture, 6);
    for (uint64_t at = 0; at < 6; at++) {
        err.actual = 0;
        assert_code(
            seglog_stream_tombstone(fixture->streams, STREAM, at, NULL, &err),
            SEGLOG_NOT_FOUND);
        assert_int_equal(err.actual, 6);
    }
    assert_ok(seglog_stream_tombstone(fixture->streams, STREAM, 7, NULL, NULL));
    assert_code(
        seglog_stream_tombstone(fixture->streams, STREAM, 7, NULL, NULL),
        SEGLOG_EXISTS);
    assert_true(verify_with(fixture->streams, NULL).is_good);
}

static void
scrub__trimmed_stream__finds_nothing(void **state)
{
    const struct seglog_scrub_options options = { .size = sizeof options,
                                                  .bytes_per_s = UINT64_MAX,
                                                  .once = true };
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];

    open_streams(fixture);
    segments_make(fixture, 4);
    for (unsigned i = 0; i < 3; i++) {
        struct seglog_scrubber *scrubber = NULL;
        struct seglog_scrub_state scrubbed;

        if (i == 1)
            (void)trim(fixture, 6);
        if (i == 2)
            assert_ok(seglog_store_remove(fixture->memory,
                                          part_name(2, 6, name), NULL));
        assert_ok(
            seglog_scrub_start(fixture->streams, &options, &scrubber, NULL));
        assert_ok(seglog_scrub_wait(scrubber, -1, NULL));
        seglog_scrub_get_state(scrubber, &scrubbed);
        assert_ok(seglog_scrub_stop(scrubber, NULL));
        assert_int_equal(scrubbed.findings, i == 2);
    }
}

/* The head in front of its first event is lost: it was remembered. */
static void
mend__first_segment_without_a_head__has_the_remembered_one(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_mended mended;
    struct seglog_error err;
    uint8_t *bytes = NULL;
    size_t len = 0;

    open_streams(fixture);
    append(fixture, 3);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    for (unsigned i = 0; i < 3; i++)
        append(fixture, 1);
    (void)trim(fixture, 3);
    bytes = segment_bytes(fixture, &len);
    close_streams(fixture);
    /* Its sync point and its chain head, which is the only one. */
    for (size_t at = 60; at < 150; at++)
        bytes[at] ^= 0x55;
    segment_set(fixture, bytes, len);
    free(bytes);
    open_streams(fixture);
    assert_code_err(seglog_stream_mend(fixture->streams, STREAM,
                                       SEGLOG_STREAM_MEND_RESUME, &mended,
                                       &err),
                    SEGLOG_OK, &err);
    assert_int_equal(mended.end.next_offset, 6);
    assert_int_equal(mended.lost, 0);
    assert_begins(fixture, 3);
}

#ifdef SEGLOG_HAVE_ZSTD
static void
compact__trimmed_stream__is_merged_and_dropped_and_trimmed(void **state)
{
    const struct seglog_stream_compact_options options = {
        .size = sizeof options, .rotates = true, .merge_min = 2, .level = 1
    };
    struct fixture *fixture = *state;
    struct seglog_stream_compacted compacted;
    struct seglog_stream_verified verified;

    open_streams(fixture);
    segments_make(fixture, 5);
    assert_ok(seglog_stream_tombstone(fixture->streams, STREAM, 8, NULL, NULL));
    (void)trim(fixture, 6);
    assert_ok(seglog_stream_compact(fixture->streams, STREAM, &options,
                                    &compacted, NULL));
    assert_int_equal(compacted.segments_after, 1);
    assert_int_equal(compacted.dropped, 1);
    verified = verify_with(fixture->streams, NULL);
    assert_true(verified.is_good);
    assert_int_equal(verified.from_offset, 6);
    assert_int_equal(verified.dropped, 1);
    /* It is one segment now, and goes as a whole. */
    assert_int_equal(trim(fixture, 16).begin, 6);
    assert_int_equal(trim(fixture, 17).begin, 17);
    assert_int_equal(names_count(fixture), 1);
    verified = verify_with(fixture->streams, NULL);
    assert_true(verified.is_good);
    assert_int_equal(verified.events, 0);
}

static void
compact__what_trimming_has_left__is_removed(void **state)
{
    const struct seglog_stream_compact_options options = {
        .size = sizeof options, .merge_bytes = 1, .level = 1
    };
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;

    open_streams(fixture);
    segments_make(fixture, 3);
    bytes = blob_read(fixture->memory, part_name(1, 3, name), &len);
    (void)trim(fixture, 6);
    blob_write(fixture->memory, name, bytes, len);
    assert_begins(fixture, 6);
    assert_ok(
        seglog_stream_compact(fixture->streams, STREAM, &options, NULL, NULL));
    assert_false(blob_exists(fixture->memory, name));
    assert_begins(fixture, 6);
    free(bytes);
}
#endif

/* -- others who have it open ----------------------------------------------- */

static void
trim__once_more_by_another__says_where_it_begins_now(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other;

    open_streams(fixture);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    segments_make(fixture, 4);
    for (uint64_t begin = 3; begin <= 9; begin += 3) {
        assert_int_equal(trim(fixture, begin).begin, begin);
        assert_trimmed(other, 0, begin);
        stream_assert_read(other, STREAM, &fixture->model, begin, UINT64_MAX);
    }
    assert_ok(seglog_streams_close(&other, NULL));
}

static void
trim__open_elsewhere__is_met_by_readers_and_writers(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams others[2] = { { 0 } };

    open_streams(fixture);
    segments_make(fixture, 3);
    for (unsigned i = 0; i < 2; i++) {
        fixture->options.is_read_only = i == 1;
        assert_ok(seglog_streams_open(fixture->store, &fixture->options,
                                      &others[i], NULL));
        stream_assert_model(others[i], STREAM, &fixture->model);
        for (uint64_t from = 0; from < 11; from++)
            stream_assert_read(others[i], STREAM, &fixture->model, from, 1);
    }
    (void)trim(fixture, 6);
    for (unsigned i = 0; i < 2; i++) {
        for (uint64_t from = 0; from < 6; from++)
            assert_trimmed(others[i], from, 6);
        for (uint64_t from = 6; from < 11; from++)
            stream_assert_read(others[i], STREAM, &fixture->model, from,
                               UINT64_MAX);
    }
    /* A segment goes that another one has open for appending. */
    stream_append_next(others[0], STREAM, &fixture->model, 1, false);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    append(fixture, 1);
    assert_int_equal(trim(fixture, UINT64_MAX).begin, 12);
    stream_append_next(others[0], STREAM, &fixture->model, 2, false);
    assert_begins(fixture, 12);
    for (unsigned i = 0; i < 2; i++)
        assert_ok(seglog_streams_close(&others[i], NULL));
}

#define BUSY_EVENTS 1500u

struct busy {
    struct seglog_streams streams;
    atomic_bool is_over;
    unsigned gone;
    unsigned read;
    seglog_code code;
};

/* Whatever it asks for is there, or was trimmed. */
static void *
busy_read(void *arg)
{
    struct busy *busy = arg;
    uint64_t seed = 5;

    while (!atomic_load(&busy->is_over) && busy->code == SEGLOG_OK) {
        struct seglog_stream_event *events = NULL;
        struct seglog_error err = { .actual = 0 };
        const uint64_t from = test_random(&seed) % BUSY_EVENTS;
        size_t count = 0;

        busy->code = seglog_stream_read_from(busy->streams, STREAM, from, 300,
                                             &events, &count, &err);
        if (busy->code == SEGLOG_OK) {
            busy->read += count > 0 && events[0].offset == from;
        } else if (busy->code == SEGLOG_NOT_FOUND && err.actual > from) {
            busy->gone++;
            busy->code = SEGLOG_OK;
        }
        seglog_free(events);
    }
    return NULL;
}

static void
trim__while_others_read_and_append__nobody_sees_damage(void **state)
{
    struct fixture *fixture = *state;
    struct busy readers[2] = { { .read = 0 }, { .read = 0 } };
    struct seglog_streams other = { 0 };
    pthread_t threads[2];

    fixture->options.segment_bytes = 2000;
    open_streams(fixture);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    readers[0].streams = fixture->streams;
    readers[1].streams = other;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, busy_read, &readers[i]), 0);
    for (unsigned i = 0; i < BUSY_EVENTS; i += 5) {
        append(fixture, 5);
        if (i % 100 == 0)
            test_sleep_ms(4);
        if (i % 25 == 0)
            (void)trim(fixture, i * UINT64_C(3) / 4);
    }
    for (unsigned i = 0; i < 2; i++) {
        atomic_store(&readers[i].is_over, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_code(readers[i].code, SEGLOG_OK);
        print_message("%u read, %u gone\n", readers[i].read, readers[i].gone);
        assert_true(readers[i].read + readers[i].gone > 0);
    }
    assert_ok(seglog_streams_close(&other, NULL));
    assert_true(verify_with(fixture->streams, NULL).is_good);
}

/* -- broken off ------------------------------------------------------------ */

static void
trim__failing_anywhere__leaves_it_whole_or_trimmed(void **state)
{
    struct fixture *fixture = *state;
    bool is_hit = true;
    unsigned whole = 0;
    unsigned half = 0;

    for (uint64_t at = 1; is_hit; at++) {
        struct seglog_fault fault = { .at = at, .from_then_on = at % 2 == 0 };
        struct seglog_stream_info info;
        seglog_code code = SEGLOG_OK;

        (void)fixture_teardown(state);
        assert_int_equal(fixture_setup(state), 0);
        fixture = *state;
        open_streams(fixture);
        segments_make(fixture, 4);
        assert_true(seglog_faults_add(fixture->faults, &fault));
        code = seglog_stream_trim(fixture->streams, STREAM, 8, NULL, NULL);
        is_hit = seglog_faults_get_hits(fixture->faults) > 0;
        assert_true(is_hit || code == SEGLOG_OK);
        seglog_faults_clear(fixture->faults);
        restart(fixture);
        assert_ok(
            seglog_stream_get_info(fixture->streams, STREAM, &info, NULL));
        assert_true(info.begin == 0 || info.begin == 6);
        whole += info.begin == 0;
        half += info.begin == 6 && code != SEGLOG_OK;
        assert_begins(fixture, info.begin);
        assert_int_equal(trim(fixture, 8).begin, 6);
        assert_begins(fixture, 6);
        append(fixture, 2);
        assert_begins(fixture, 6);
    }
    print_message("%u times whole, %u times resumed\n", whole, half);
    assert_true(whole > 5 && half > 3);
}

static void
trim__segment_that_came_back__is_not_looked_at_and_goes(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;

    open_streams(fixture);
    segments_make(fixture, 4);
    bytes = blob_read(fixture->memory, part_name(0, 0, name), &len);
    (void)trim(fixture, 6);
    blob_write(fixture->memory, name, bytes, len);
    free(bytes);
    restart(fixture);
    assert_begins(fixture, 6);
    assert_int_equal(names_count(fixture), 3);
    assert_int_equal(trim(fixture, 0).segments, 1);
    assert_false(blob_exists(fixture->memory, name));
    assert_begins(fixture, 6);
}

static void
trim__damaged_beginning_of_what_would_stay__removes_nothing(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;

    open_streams(fixture);
    segments_make(fixture, 3);
    bytes = blob_read(fixture->memory, part_name(1, 3, name), &len);
    for (size_t at = stream_find_text(bytes, len, "event-3") - 1; at > 60; at--)
        bytes[at] ^= 0x55;
    blob_write(fixture->memory, name, bytes, len);
    free(bytes);
    assert_code(seglog_stream_trim(fixture->streams, STREAM, 5, NULL, NULL),
                SEGLOG_CORRUPT);
    assert_false(blob_exists(fixture->memory, BEGIN_NAME));
    assert_true(blob_exists(fixture->memory, part_name(0, 0, name)));
    assert_int_equal(trim(fixture, 6).begin, 6);
    assert_begins(fixture, 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(trim__segments_before_an_offset__go_and_the_rest_stays),
        STREAM_TEST(
            trim__each_offset__takes_segments_that_lie_wholly_before_it),
        STREAM_TEST(trim__all__leaves_the_segment_that_grows),
        STREAM_TEST(trim__no_such_stream_or_not_to_be_written__says_so),
        STREAM_TEST(trim__while_it_is_locked__says_so),
        STREAM_TEST(trim__what_lies_beside__goes_but_not_what_was_set_aside),
        STREAM_TEST(lost__first_segment__is_no_trimmed_one),
        STREAM_TEST(lost__first_segment_of_a_trimmed_stream__is_missed),
        STREAM_TEST(lost__where_it_begins__is_as_if_segments_were),
        STREAM_TEST(lost__all_that_was_left__is_not_begun_anew),
        STREAM_TEST(verify__another_beginning_than_was_remembered__is_a_link),
        STREAM_TEST(verify__kept_heads__count_from_the_beginning_on),
        STREAM_TEST(
            verify__kept_before_a_tombstone_that_was_trimmed__is_no_finding),
        STREAM_TEST(
            verify__from_an_offset__begins_there_or_where_the_stream_does),
        STREAM_TEST(tombstone__of_a_trimmed_event__is_not_found),
        STREAM_TEST(scrub__trimmed_stream__finds_nothing),
        STREAM_TEST(mend__first_segment_without_a_head__has_the_remembered_one),
#ifdef SEGLOG_HAVE_ZSTD
        STREAM_TEST(compact__trimmed_stream__is_merged_and_dropped_and_trimmed),
        STREAM_TEST(compact__what_trimming_has_left__is_removed),
#endif
        STREAM_TEST(trim__once_more_by_another__says_where_it_begins_now),
        STREAM_TEST(trim__open_elsewhere__is_met_by_readers_and_writers),
        STREAM_TEST(trim__while_others_read_and_append__nobody_sees_damage),
        STREAM_TEST(trim__failing_anywhere__leaves_it_whole_or_trimmed),
        STREAM_TEST(trim__segment_that_came_back__is_not_looked_at_and_goes),
        STREAM_TEST(
            trim__damaged_beginning_of_what_would_stay__removes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
