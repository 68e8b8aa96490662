/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_compact.c
 *
 * Goal    tombstones and compaction: heads stay what they were, what was marked
 *         is nowhere any more, reading says so, and nothing goes that no
 *         tombstone vouches for.
 */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "tests/stream/stream_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "src/crypt/primitives.h"
#include "src/segment/segment_chain.h"
#include "src/segment/segment_chain_writer.h"
#include "src/segment/segment_seal_merge.h"
#include "src/stream/stream_compact.h"
#include "src/stream/stream_names.h"

#define STREAM     UINT64_C(7)
#define EVENTS_MAX 400u

struct fixture {
    char *dir; /* NULL: in memory */
    struct seglog_store store;
    struct seglog_stream_options options;
    struct seglog_streams streams;
    struct stream_model model;
    bool is_marked[EVENTS_MAX];
    /* The heads that there were behind each event, in order. */
    struct seglog_kept_head kept[2 * EVENTS_MAX];
    size_t kept_count;
};

static struct fixture *
fixture_new(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->options.size = sizeof fixture->options;
    fixture->options.checkpoint_events = 5;
    fixture->options.segment_bytes = 1200;
    stream_model_init(&fixture->model, SEGLOG_CHAIN_SHA256);
    return fixture;
}

static int
memory_setup(void **state)
{
    struct fixture *fixture = fixture_new();

    assert_ok(seglog_store_memory_open(&fixture->store, NULL));
    *state = fixture;
    return 0;
}

static int
file_setup(void **state)
{
    struct fixture *fixture = fixture_new();

    fixture->dir = test_dir_make();
    assert_ok(
        seglog_store_file_open(fixture->dir, true, &fixture->store, NULL));
    *state = fixture;
    return 0;
}

static int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    (void)seglog_streams_close(&fixture->streams, NULL);
    seglog_store_close(&fixture->store);
    stream_model_reset(&fixture->model);
    if (fixture->dir)
        test_dir_remove(fixture->dir);
    free(fixture);
    return 0;
}

/* All gone, to begin once more. */
static bool
name_remove(void *arg, const char *name)
{
    const struct fixture *fixture = arg;

    assert_ok(seglog_store_remove(fixture->store, name, NULL));
    return true;
}

static void
start_anew(struct fixture *fixture, enum seglog_chain chain)
{
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    assert_ok(
        seglog_store_list(fixture->store, "", name_remove, fixture, NULL));
    stream_model_reset(&fixture->model);
    stream_model_init(&fixture->model, chain);
    fixture->options.chain = chain;
    fixture->kept_count = 0;
    memset(fixture->is_marked, 0, sizeof fixture->is_marked);
}

static void
open_streams(struct fixture *fixture)
{
    struct seglog_error err;

    assert_code_err(seglog_streams_open(fixture->store, &fixture->options,
                                        &fixture->streams, &err),
                    SEGLOG_OK, &err);
}

static void
head_keep(struct fixture *fixture, uint64_t next_offset,
          const struct seglog_chain_hash *hash)
{
    struct seglog_kept_head *kept = &fixture->kept[fixture->kept_count++];

    assert_true(fixture->kept_count <= 2 * EVENTS_MAX);
    *kept = (struct seglog_kept_head){ .end.next_offset = next_offset,
                                       .end.hash = *hash };
}

static void
append(struct fixture *fixture, size_t count)
{
    const size_t before = fixture->model.count;

    stream_append_next(fixture->streams, STREAM, &fixture->model, count, false);
    assert_true(fixture->model.count <= EVENTS_MAX);
    for (size_t i = before; i < fixture->model.count; i++)
        head_keep(fixture, i + 1, stream_model_head(&fixture->model, i + 1));
}

/* From then on the head of the end is another one. */
static void
mark(struct fixture *fixture, uint64_t offset)
{
    struct seglog_chain_hash *head =
        &fixture->model.heads[fixture->model.count - 1];
    struct seglog_stream_end end;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_tombstone(fixture->streams, STREAM, offset, &end, &err),
        SEGLOG_OK, &err);
    assert_int_equal(end.next_offset, fixture->model.count);
    assert_false(slg_chain_hash_is_same(&end.hash, head));
    *head = end.hash;
    fixture->is_marked[offset] = true;
    head_keep(fixture, end.next_offset, &end.hash);
}

static struct seglog_stream_compacted
compact_with(struct fixture *fixture,
             const struct seglog_stream_compact_options *given)
{
    struct seglog_stream_compact_options options = *given;
    struct seglog_stream_compacted result;
    struct seglog_error err;

    options.size = sizeof options;
    options.level = 1;
    assert_code_err(seglog_stream_compact(fixture->streams, STREAM, &options,
                                          &result, &err),
                    SEGLOG_OK, &err);
    return result;
}

static struct seglog_stream_compacted
compact(struct fixture *fixture)
{
    const struct seglog_stream_compact_options options = { .rotates = true };

    return compact_with(fixture, &options);
}

static struct seglog_stream_verified
verify(struct fixture *fixture)
{
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .kept = fixture->kept,
        .kept_count = fixture->kept_count,
    };
    struct seglog_stream_verified result;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_verify(fixture->streams, STREAM, &options, &result, &err),
        SEGLOG_OK, &err);
    return result;
}

static void
assert_good(struct fixture *fixture)
{
    const struct seglog_stream_verified result = verify(fixture);

    if (!result.is_good)
        fail_msg("%s: %llu to %llu",
                 seglog_stream_fault_name(result.first.fault),
                 (unsigned long long)result.first.first_offset,
                 (unsigned long long)result.first.last_offset);
    assert_int_equal(result.events, fixture->model.count);
}

/* What is read is the model, but for those that are marked, where they may or
 * may not be dropped: how many are. */
static size_t
assert_events(struct fixture *fixture, struct seglog_streams streams)
{
    struct seglog_stream_event *events = NULL;
    struct seglog_stream_end end;
    struct seglog_error err;
    size_t dropped = 0;
    size_t count = 0;

    for (size_t from = 0; from < fixture->model.count; from += 7) {
        assert_code_err(seglog_stream_read_from(streams, STREAM, from,
                                                UINT64_MAX, &events, &count,
                                                &err),
                        SEGLOG_OK, &err);
        assert_int_equal(from + count, fixture->model.count);
        for (size_t i = 0; i < count; i++) {
            const struct seglog_slice *want = &fixture->model.events[from + i];

            assert_int_equal(events[i].offset, from + i);
            dropped += from == 0 && events[i].is_dropped;
            if (events[i].is_dropped) {
                assert_true(fixture->is_marked[from + i]);
                assert_int_equal(events[i].data.len, 0);
                continue;
            }
            assert_int_equal(events[i].data.len, want->len);
            assert_memory_equal(events[i].data.data, want->data, want->len);
        }
        seglog_free(events);
    }
    assert_code_err(
        seglog_stream_latest_chain_hash(streams, STREAM, &end, &err), SEGLOG_OK,
        &err);
    assert_int_equal(end.next_offset, fixture->model.count);
    stream_assert_hash(
        &end.hash, stream_model_head(&fixture->model, fixture->model.count));
    return dropped;
}

struct scrubbed {
    unsigned findings;
    struct seglog_stream_finding first;
};

static void
scrub_note(void *arg, uint64_t stream, const char *name,
           const struct seglog_stream_finding *finding)
{
    struct scrubbed *scrubbed = arg;

    assert_int_equal(stream, STREAM);
    assert_non_null(name);
    if (scrubbed->findings++ == 0)
        scrubbed->first = *finding;
}

static struct scrubbed
scrub(struct fixture *fixture)
{
    struct scrubbed scrubbed = { 0 };
    const struct seglog_scrub_options options = { .size = sizeof options,
                                                  .once = true,
                                                  .bytes_per_s = 1u << 30,
                                                  .on_finding = scrub_note,
                                                  .arg = &scrubbed };
    struct seglog_scrubber *scrubber = NULL;

    assert_ok(seglog_scrub_start(fixture->streams, &options, &scrubber, NULL));
    assert_ok(seglog_scrub_wait(scrubber, -1, NULL));
    assert_ok(seglog_scrub_stop(scrubber, NULL));
    return scrubbed;
}

static size_t
marked_count(const struct fixture *fixture)
{
    size_t count = 0;

    for (size_t i = 0; i < fixture->model.count; i++)
        count += fixture->is_marked[i];
    return count;
}

/* -- nowhere any more ------------------------------------------------------ */

struct looking {
    const struct fixture *fixture;
    size_t blobs;
    size_t records;
};

static bool
bytes_have(const uint8_t *bytes, size_t len, const struct seglog_slice *text)
{
    for (size_t at = 0; at + text->len <= len; at++) {
        if (memcmp(bytes + at, text->data, text->len) == 0 &&
            (at + text->len == len || bytes[at + text->len] < '0' ||
             bytes[at + text->len] > '9'))
            return true;
    }
    return false;
}

/* What is kept of others may begin so, and be stored once for all of them. */
static bool
is_beginning(const struct fixture *fixture, const struct seglog_slice *text)
{
    for (size_t i = 0; i < fixture->model.count; i++) {
        const struct seglog_slice *other = &fixture->model.events[i];

        if (!fixture->is_marked[i] && other->len > text->len &&
            memcmp(other->data, text->data, text->len) == 0)
            return true;
    }
    return false;
}

static void
text_look(const struct fixture *fixture, const char *name, const void *bytes,
          size_t len, bool is_decoded)
{
    for (size_t i = 0; i < fixture->model.count; i++) {
        const struct seglog_slice *event = &fixture->model.events[i];

        if (fixture->is_marked[i] && bytes_have(bytes, len, event) &&
            (is_decoded || !is_beginning(fixture, event)))
            fail_msg("%s has event %zu%s", name, i,
                     is_decoded ? ", as a record" : "");
    }
}

/* As it is stored, and as it is decoded. */
static bool
blob_look(void *arg, const char *name)
{
    struct looking *looking = arg;
    struct seglog_reader_options options = { .size = sizeof options,
                                             .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    size_t len = 0;
    uint8_t *bytes = blob_read(looking->fixture->store, name, &len);

    looking->blobs++;
    text_look(looking->fixture, name, bytes, len, false);
    free(bytes);
    if (seglog_reader_open(looking->fixture->store, name, &options, &reader,
                           NULL) != SEGLOG_OK)
        return true;
    while (seglog_reader_next(reader, &event, NULL) == SEGLOG_OK) {
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        looking->records += strncmp(name, "stream.", 7) == 0;
        text_look(looking->fixture, name, event.record.data, event.record.len,
                  true);
    }
    seglog_reader_close(reader);
    return true;
}

static void
assert_nowhere(const struct fixture *fixture)
{
    struct looking looking = { .fixture = fixture };

    assert_ok(seglog_store_list(fixture->store, "", blob_look, &looking, NULL));
    assert_true(looking.blobs > 1);
    assert_int_equal(looking.records,
                     fixture->model.count - marked_count(fixture));
}

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
    struct fixture *fixture = *state;
    struct seglog_stream_end end;
    struct seglog_stream_end latest;
    struct seglog_error err;

    for (unsigned c = 0; c < 2; c++) {
        for (unsigned which = 0; which < 2; which++) {
            const struct seglog_slice event = { "more", 4 };
            struct seglog_chain_hash before;

            start_anew(fixture,
                       c == 0 ? SEGLOG_CHAIN_SHA256 : SEGLOG_CHAIN_XXH3);
            open_streams(fixture);
            append(fixture, 3);
            before = *stream_model_head(&fixture->model, 3);
            assert_ok(seglog_stream_tombstone(fixture->streams, STREAM,
                                              1 - which, &end, &err));
            assert_int_equal(end.next_offset, 3);
            stream_assert_hex(&end.hash, heads[c][which]);
            assert_ok(seglog_stream_latest_chain_hash(fixture->streams, STREAM,
                                                      &latest, NULL));
            stream_assert_hash(&latest.hash, &end.hash);
            /* Who expects what was before it has not seen it. */
            assert_code(seglog_stream_append_batch(fixture->streams, STREAM,
                                                   &event, 1, 3, &before, false,
                                                   &latest, NULL),
                        SEGLOG_CONFLICT);
            stream_assert_hash(&latest.hash, &end.hash);
            assert_ok(seglog_stream_append_batch(fixture->streams, STREAM,
                                                 &event, 1, 3, &end.hash, false,
                                                 NULL, NULL));
            /* Until it is compacted it can be read. */
            stream_assert_read(fixture->streams, STREAM, &fixture->model, 0, 1);
        }
    }
}

static void
tombstone__of_none__is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_options read_only = fixture->options;
    struct seglog_streams others = { 0 };
    struct seglog_stream_end end;

    open_streams(fixture);
    assert_code(
        seglog_stream_tombstone(fixture->streams, STREAM, 0, NULL, NULL),
        SEGLOG_NOT_FOUND);
    append(fixture, 30);
    for (uint64_t offset = 30; offset < 33; offset++)
        assert_code(seglog_stream_tombstone(fixture->streams, STREAM, offset,
                                            &end, NULL),
                    SEGLOG_NOT_FOUND);
    assert_code(seglog_stream_tombstone(fixture->streams, STREAM, UINT64_MAX,
                                        &end, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_stream_tombstone(fixture->streams, STREAM,
                                        (uint64_t)INT64_MAX - 1, &end, NULL),
                SEGLOG_NOT_FOUND);
    read_only.is_read_only = true;
    assert_ok(seglog_streams_open(fixture->store, &read_only, &others, NULL));
    assert_code(seglog_stream_tombstone(others, STREAM, 1, &end, NULL),
                SEGLOG_READ_ONLY);
    assert_code(seglog_stream_compact(others, STREAM, NULL, NULL, NULL),
                SEGLOG_READ_ONLY);
    assert_ok(seglog_streams_close(&others, NULL));
    assert_int_equal(assert_events(fixture, fixture->streams), 0);
}

/* By any handle, in whatever segments event and tombstone are, dropped or
 * not. */
static void
tombstone__once_more__exists(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams others = { 0 };
    struct seglog_stream_end end;

    open_streams(fixture);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &others, NULL));
    append(fixture, 20);
    for (unsigned round = 0; round < 4; round++) {
        const uint64_t offsets[] = { 2 + 5 * round, 19 + 20 * round };

        for (size_t i = 0; i < COUNT_OF(offsets); i++) {
            mark(fixture, offsets[i]);
            for (unsigned who = 0; who < 4; who++)
                assert_code(seglog_stream_tombstone(
                                who % 2 == 0 ? fixture->streams : others,
                                STREAM, offsets[i], &end, NULL),
                            SEGLOG_EXISTS);
        }
        append(fixture, 20);
        /* A checkpoint behind tombstones that others know of not yet. */
        assert_ok(seglog_stream_make_checkpoint(fixture->streams, STREAM, NULL,
                                                NULL));
        if (round == 1)
            (void)compact(fixture);
    }
    assert_true(assert_events(fixture, others) > 0);
    assert_good(fixture);
    for (size_t i = 0; i < fixture->model.count; i++) {
        if (fixture->is_marked[i])
            assert_code(seglog_stream_tombstone(others, STREAM, i, &end, NULL),
                        SEGLOG_EXISTS);
    }
    assert_int_equal(assert_events(fixture, fixture->streams),
                     assert_events(fixture, others));
    assert_ok(seglog_streams_close(&others, NULL));
}

/* They are in front of its first event, and a checkpoint is behind them. */
static void
tombstone__in_an_empty_segment__is_read_over(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 1;
    open_streams(fixture);
    append(fixture, 3);
    mark(fixture, 1);
    assert_ok(
        seglog_stream_make_checkpoint(fixture->streams, STREAM, NULL, NULL));
    mark(fixture, 2);
    assert_int_equal(assert_events(fixture, fixture->streams), 0);
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    open_streams(fixture);
    assert_int_equal(assert_events(fixture, fixture->streams), 0);
    append(fixture, 2);
    assert_int_equal(assert_events(fixture, fixture->streams), 0);
    assert_good(fixture);
    (void)compact(fixture);
    assert_int_equal(assert_events(fixture, fixture->streams), 2);
    assert_good(fixture);
}

/* A sync point, say: what it stands between is all there. */
static void
tombstone__damage_that_cost_no_event__is_passed(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_end end;
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t len = 0;
    uint8_t *bytes = NULL;

    open_streams(fixture);
    append(fixture, 10);
    assert_ok(
        seglog_stream_make_checkpoint(fixture->streams, STREAM, &end, NULL));
    append(fixture, 10);
    (void)stream_segment_name(fixture->store, STREAM, 0, name);
    bytes = blob_read(fixture->store, name, &len);
    size_t at = stream_find_text(bytes, len, "event-10");

    /* The mark ends in front of its chain head, and that of the first event
     * behind it. */
    bytes[at - 60] ^= 1;
    blob_write(fixture->store, name, bytes, len);
    free(bytes);
    for (uint64_t offset = 0; offset < 20; offset++) {
        struct seglog_error err = { 0 };

        assert_code_err(seglog_stream_tombstone(fixture->streams, STREAM,
                                                offset, &end, &err),
                        SEGLOG_OK, &err);
        assert_int_equal(end.next_offset, 20);
    }
}

/* What it said would vouch for what was changed. */
static void
tombstone__of_a_changed_event__is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t len = 0;
    uint8_t *bytes = NULL;
    struct seglog_error err;

    fixture->options.segment_bytes = 100000;
    open_streams(fixture);
    for (size_t i = 0; i < 20; i++)
        append(fixture, 1);
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    bytes =
        blob_read(fixture->store,
                  stream_segment_name(fixture->store, STREAM, 0, name), &len);
    stream_forge_record(bytes, len, "event-7", "EVENT-7");
    blob_write(fixture->store, name, bytes, len);
    free(bytes);
    open_streams(fixture);
    for (uint64_t offset = 5; offset < 10; offset++)
        assert_code(seglog_stream_tombstone(fixture->streams, STREAM, offset,
                                            NULL, &err),
                    SEGLOG_CORRUPT);
    assert_code_err(
        seglog_stream_tombstone(fixture->streams, STREAM, 3, NULL, &err),
        SEGLOG_OK, &err);
    assert_code_err(
        seglog_stream_tombstone(fixture->streams, STREAM, 13, NULL, &err),
        SEGLOG_OK, &err);
}

/* -- compaction ------------------------------------------------------------ */

static void
story_make(struct fixture *fixture)
{
    static const uint64_t marked[] = { 0,  1,  2,  17, 40, 41, 42,
                                       43, 77, 79, 80, 90, 99 };

    open_streams(fixture);
    for (size_t i = 0; i < 20; i++) {
        append(fixture, 5);
        if (i == 8)
            mark(fixture, 22);
    }
    /* In the order in which they come, one behind the other or not. */
    for (size_t i = 0; i < COUNT_OF(marked); i++) {
        mark(fixture, marked[(i * 5) % COUNT_OF(marked)]);
        if (i % 3 == 0)
            append(fixture, 1);
    }
    append(fixture, 10);
}

static void
compact__marked_events__are_nowhere_and_all_heads_are_what_they_were(
    void **state)
{
    static const enum seglog_codec codecs[] = { SEGLOG_CODEC_NONE,
                                                SEGLOG_CODEC_DEFLATE };
    static const uint64_t sizes[] = { 1, 400, 1200, 100000 };
    struct fixture *fixture = *state;

    for (unsigned how = 0; how < 16; how++) {
        struct seglog_stream_compacted result;
        size_t segments = 0;

        start_anew(fixture,
                   how % 2 == 0 ? SEGLOG_CHAIN_SHA256 : SEGLOG_CHAIN_XXH3);
        fixture->options.codec = codecs[how / 2 % 2];
        fixture->options.segment_bytes = sizes[how / 4];
        story_make(fixture);
        assert_good(fixture);
        assert_int_equal(assert_events(fixture, fixture->streams), 0);
        result = compact(fixture);
        assert_int_equal(result.dropped, marked_count(fixture));
        assert_true(result.written > 0);
        assert_true(result.segments_after <= result.segments_before);
        assert_int_equal(assert_events(fixture, fixture->streams),
                         marked_count(fixture));
        assert_nowhere(fixture);
        assert_good(fixture);
        assert_int_equal(verify(fixture).dropped, marked_count(fixture));
        assert_int_equal(scrub(fixture).findings, 0);
        assert_ok(seglog_stream_segment_count(fixture->streams, STREAM,
                                              &segments, NULL));
        assert_int_equal(segments, result.segments_after + 1);

        /* Also for who comes anew; and goes on. */
        assert_ok(seglog_streams_close(&fixture->streams, NULL));
        open_streams(fixture);
        append(fixture, 7);
        mark(fixture, 44);
        mark(fixture, 98);
        result = compact(fixture);
        assert_int_equal(result.dropped, 2);
        assert_int_equal(assert_events(fixture, fixture->streams),
                         marked_count(fixture));
        assert_nowhere(fixture);
        assert_good(fixture);

        /* There is nothing left to do. */
        result = compact(fixture);
        assert_int_equal(result.written, 0);
        assert_int_equal(result.bytes_before, result.bytes_after);
        assert_int_equal(result.segments_before, result.segments_after);
    }
}

static void
compact__all_events_of_a_segment__all_are_holes(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted result;

    fixture->options.segment_bytes = 100000;
    open_streams(fixture);
    append(fixture, 300);
    for (size_t i = 0; i < 300; i++)
        mark(fixture, i);
    append(fixture, 3);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    result = compact(fixture);
    assert_int_equal(result.dropped, 300);
    assert_int_equal(assert_events(fixture, fixture->streams), 300);
    assert_nowhere(fixture);
    assert_good(fixture);
}

/* Payload and hash are one segment, the tombstones all in others: then there
 * are more holes in it than it has bytes. */
static void
compact__segment_of_holes_alone__can_be_read(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted result;
    const struct seglog_stream_compact_options alone = { .rotates = true,
                                                         .merge_bytes = 1 };

    fixture->options.checkpoint_events = 1000;
    fixture->options.segment_bytes = 1u << 20;
    fixture->options.chain = SEGLOG_CHAIN_XXH3;
    stream_model_init(&fixture->model, SEGLOG_CHAIN_XXH3);
    open_streams(fixture);
    append(fixture, EVENTS_MAX - 1);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    for (size_t i = 0; i < EVENTS_MAX - 1; i++) {
        fixture->kept_count = 0;
        mark(fixture, i);
    }
    append(fixture, 1);
    result = compact_with(fixture, &alone);
    assert_int_equal(result.dropped, EVENTS_MAX - 1);
    {
        char name[SEGLOG_STREAM_NAME_CAP];
        size_t len = 0;

        free(blob_read(fixture->store,
                       stream_segment_name(fixture->store, STREAM, 0, name),
                       &len));
        assert_true(len < 600);
    }
    assert_int_equal(assert_events(fixture, fixture->streams), EVENTS_MAX - 1);
    assert_good(fixture);
}

static void
compact__options__say_what_is_merged_and_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compact_options options = { .keeps_dropped = true,
                                                     .merge_bytes = 1 };
    struct seglog_stream_compacted result;
    uint32_t *numbers = NULL;
    size_t count = 0;

    fixture->options.segment_bytes = 1;
    open_streams(fixture);
    for (size_t i = 0; i < 10; i++)
        append(fixture, 2);
    mark(fixture, 5);
    /* Each for itself, and the growing one not. */
    result = compact_with(fixture, &options);
    assert_int_equal(result.segments_before, 10);
    assert_int_equal(result.segments_after, 10);
    assert_int_equal(result.written, 10);
    assert_int_equal(result.dropped, 0);
    /* Only what has to be. */
    options.keeps_dropped = false;
    result = compact_with(fixture, &options);
    assert_int_equal(result.written, 1);
    assert_int_equal(result.dropped, 1);
    /* More than there are. */
    options.merge_bytes = 0;
    options.merge_min = 11;
    result = compact_with(fixture, &options);
    assert_int_equal(result.written, 0);
    options.merge_min = 10;
    result = compact_with(fixture, &options);
    assert_int_equal(result.written, 1);
    assert_int_equal(result.segments_after, 1);
    assert_true(result.bytes_after < result.bytes_before);
    assert_ok(seglog_stream_completed_segments(fixture->streams, STREAM,
                                               &numbers, &count, NULL));
    assert_int_equal(count, 1);
    assert_int_equal(numbers[0], 0);
    seglog_free(numbers);
    assert_int_equal(assert_events(fixture, fixture->streams), 1);
    assert_nowhere(fixture);
    assert_good(fixture);
    /* Two of them that were merged already. */
    for (size_t i = 0; i < 10; i++)
        append(fixture, 2);
    result = compact_with(fixture, &options);
    assert_int_equal(result.segments_after, 1);
    assert_good(fixture);
    assert_int_equal(assert_events(fixture, fixture->streams), 1);
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
    struct fixture *fixture = *state;
    struct seglog_stream_compact_options options = { .size = sizeof options };
    struct seglog_stream_compacted result;
    struct seglog_lock lock = { 0 };
    unsigned calls = 0;

    open_streams(fixture);
    assert_code(
        seglog_stream_compact(fixture->streams, STREAM, NULL, NULL, NULL),
        SEGLOG_NOT_FOUND);
    options.rotates = true;
    assert_code(
        seglog_stream_compact(fixture->streams, STREAM, &options, NULL, NULL),
        SEGLOG_NOT_FOUND);
    append(fixture, 100);
    mark(fixture, 3);
    options.level = 77;
    assert_code(
        seglog_stream_compact(fixture->streams, STREAM, &options, NULL, NULL),
        SEGLOG_INVALID);
    options.level = 0;
    options.size = 3;
    assert_code(
        seglog_stream_compact(fixture->streams, STREAM, &options, NULL, NULL),
        SEGLOG_INVALID);
    options.size = sizeof options;
    assert_ok(seglog_lock_open(fixture->store, "stream.7", &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_code(seglog_stream_compact(fixture->streams, STREAM, &options,
                                      &result, NULL),
                SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(lock, NULL));
    seglog_lock_close(&lock);
    calls = 3;
    options.on_progress = stop;
    options.arg = &calls;
    assert_code(seglog_stream_compact(fixture->streams, STREAM, &options,
                                      &result, NULL),
                SEGLOG_END);
    assert_int_equal(result.written, 0);
    assert_int_equal(assert_events(fixture, fixture->streams), 0);
    assert_good(fixture);
    options.on_progress = NULL;
    assert_ok(seglog_stream_compact(fixture->streams, STREAM, &options, &result,
                                    NULL));
    assert_int_equal(result.dropped, 1);
    assert_nowhere(fixture);
}

/* Of a sync point that a power cut has torn, and of nothing else. */
static void
compact__damage_that_cost_nothing__is_left_behind(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted result;
    struct seglog_stream_end end;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;

    fixture->options.segment_bytes = 100000;
    open_streams(fixture);
    append(fixture, 10);
    assert_ok(
        seglog_stream_make_checkpoint(fixture->streams, STREAM, &end, NULL));
    append(fixture, 10);
    mark(fixture, 4);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    bytes =
        blob_read(fixture->store,
                  stream_segment_name(fixture->store, STREAM, 0, name), &len);
    bytes[stream_find_text(bytes, len, "event-10") - 60] ^= 1;
    blob_write(fixture->store, name, bytes, len);
    free(bytes);
    assert_int_equal(verify(fixture).findings, 1);
    result = compact(fixture);
    assert_int_equal(result.written, 1);
    assert_int_equal(result.dropped, 1);
    assert_good(fixture);
    assert_int_equal(assert_events(fixture, fixture->streams), 1);
    assert_nowhere(fixture);
}

/* It cost no record; but the next chain head is not the one computed over it. */
static void
compact__tombstone_lost_in_damage__is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_stream_compact_options options = { .size =
                                                               sizeof options };
    const uint8_t *hash = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;
    size_t at = 0;

    fixture->options.segment_bytes = 100000;
    open_streams(fixture);
    append(fixture, 10);
    mark(fixture, 4);
    append(fixture, 10);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    bytes =
        blob_read(fixture->store,
                  stream_segment_name(fixture->store, STREAM, 0, name), &len);
    hash = stream_model_head(&fixture->model, 5)->bytes;
    while (at + 16 < len && memcmp(bytes + at, hash, 16) != 0)
        at++;
    assert_true(at + 16 < len);
    bytes[at] ^= 1;
    blob_write(fixture->store, name, bytes, len);
    assert_code(
        seglog_stream_compact(fixture->streams, STREAM, &options, NULL, NULL),
        SEGLOG_CORRUPT);
    free(bytes);
}

static void
compact__damaged_segment__is_left_as_it_is(void **state)
{
    struct fixture *fixture = *state;
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

    fixture->options.segment_bytes = 1;
    open_streams(fixture);
    for (size_t i = 0; i < 5; i++)
        append(fixture, 10);
    mark(fixture, 35);
    bytes =
        blob_read(fixture->store,
                  stream_segment_name(fixture->store, STREAM, 3, name), &len);
    bytes[len / 3] ^= 4;
    blob_write(fixture->store, name, bytes, len);
    assert_code(seglog_stream_compact(fixture->streams, STREAM, &options,
                                      &result, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, name);
    /* Those before it were done. */
    assert_int_equal(result.written, 3);
    after = blob_read(fixture->store, name, &after_len);
    assert_int_equal(after_len, len);
    assert_memory_equal(after, bytes, len);
    free(bytes);
    free(after);
}

/* In it there may have been a tombstone: that is told, when all is done. */
static void
compact__damage_elsewhere__is_told_when_all_is_done(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_stream_compact_options options = { .size =
                                                               sizeof options,
                                                           .merge_bytes = 1 };
    struct seglog_stream_compacted result;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct seglog_error err;

    fixture->options.segment_bytes = 1;
    open_streams(fixture);
    for (size_t i = 0; i < 3; i++)
        append(fixture, 10);
    fixture->options.segment_bytes = 100000;
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    open_streams(fixture);
    append(fixture, 10);
    mark(fixture, 15);
    mark(fixture, 3);
    append(fixture, 10);
    /* The first tombstone, in the growing segment. */
    stream_segment_name(fixture->store, STREAM, 3, name);
    bytes = blob_read(fixture->store, name, &len);
    for (size_t at = 0; at + 12 < len; at++) {
        if (bytes[at] == 9 && bytes[at + 1] == 1 && bytes[at + 2] == 16) {
            bytes[at + 20] ^= 1;
            at = len;
        }
    }
    blob_write(fixture->store, name, bytes, len);
    free(bytes);
    assert_code(seglog_stream_compact(fixture->streams, STREAM, &options,
                                      &result, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, name);
    assert_int_equal(result.written, 3);
    assert_int_equal(result.dropped, 1);
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
    struct fixture *fixture = *state;
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
    struct scrubbed scrubbed;

    fixture->options.segment_bytes = 100000;
    open_streams(fixture);
    append(fixture, 20);
    assert_int_equal(scrub(fixture).findings, 0);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    append(fixture, 5);
    stream_segment_name(fixture->store, STREAM, 0, name);
    assert_ok(slg_segments_merge(fixture->store, &options, &merged, NULL));
    assert_ok(seglog_store_replace(fixture->store, "new", name, NULL));
    result = verify(fixture);
    assert_false(result.is_good);
    assert_int_equal(result.first.fault, SEGLOG_STREAM_FAULT_DROPPED);
    assert_int_equal(result.first.first_offset, 3);
    assert_int_equal(result.first.last_offset, 8);
    assert_int_equal(result.dropped, 6);
    assert_int_equal(result.events, 25);
    scrubbed = scrub(fixture);
    assert_int_equal(scrubbed.findings, 1);
    assert_int_equal(scrubbed.first.fault, SEGLOG_STREAM_FAULT_DROPPED);
    assert_int_equal(scrubbed.first.first_offset, 3);
    assert_int_equal(scrubbed.first.last_offset, 8);
    /* The heads in between cannot be known then. */
    assert_true(result.findings >= 1 + 5);
    /* And who wants to mark them now is told that they are gone. */
    assert_code(
        seglog_stream_tombstone(fixture->streams, STREAM, 5, NULL, NULL),
        SEGLOG_EXISTS);
}

/* -- tombstones that say something else ------------------------------------ */

static void
stone_forge(struct fixture *fixture, uint64_t number, unsigned what)
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

    stone.before = *stream_model_head(&fixture->model, (size_t)number - 1);
    stone.hash = *stream_model_head(&fixture->model, (size_t)number);
    if (what == 1)
        stone.hash.bytes[7] ^= 1;
    if (what == 2)
        stone.before.bytes[7] ^= 1;
    assert_ok(
        seglog_stream_segment_count(fixture->streams, STREAM, &count, NULL));
    assert_ok(seglog_writer_open(
        fixture->store,
        stream_segment_name(fixture->store, STREAM, count - 1, name), &options,
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
    struct fixture *fixture = *state;
    const struct seglog_stream_compact_options options = { .size =
                                                               sizeof options };
    struct seglog_stream_compacted result;
    struct seglog_error err;

    for (unsigned what = 1; what < 3; what++) {
        start_anew(fixture, SEGLOG_CHAIN_SHA256);
        fixture->options.segment_bytes = 100000;
        open_streams(fixture);
        append(fixture, 20);
        assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        stone_forge(fixture, 9, what);
        assert_code(seglog_stream_compact(fixture->streams, STREAM, &options,
                                          &result, &err),
                    SEGLOG_CORRUPT);
        assert_int_equal(err.record_no, 9);
        assert_int_equal(result.dropped, 0);
        stream_assert_read(fixture->streams, STREAM, &fixture->model, 0,
                           UINT64_MAX);
        /* One that is right beside it will do. */
        stone_forge(fixture, 9, 0);
        assert_code_err(seglog_stream_compact(fixture->streams, STREAM,
                                              &options, &result, &err),
                        SEGLOG_OK, &err);
        assert_int_equal(result.dropped, 1);
        fixture->kept_count = 0;
        assert_true(verify(fixture).is_good);
    }
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
    struct fixture *fixture = *state;
    static const char *const beside[] = { ".torn", ".sealing", ".new" };
    struct copy copies[64];
    struct seglog_stream_compacted result;
    size_t count = 0;
    size_t segments = 0;

    story_make(fixture);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    assert_ok(
        seglog_stream_segment_count(fixture->streams, STREAM, &count, NULL));
    count--;
    assert_true(count > 4 && count < COUNT_OF(copies));
    for (size_t i = 0; i < count; i++) {
        stream_segment_name(fixture->store, STREAM, i, copies[i].name);
        copies[i].bytes =
            blob_read(fixture->store, copies[i].name, &copies[i].len);
    }
    result = compact(fixture);
    assert_int_equal(result.segments_after, 1);
    for (size_t left = 1; left <= count; left++) {
        for (size_t i = 0; i < left; i++)
            blob_write(fixture->store, copies[i].name, copies[i].bytes,
                       copies[i].len);
        for (size_t i = 0; i < COUNT_OF(beside); i++) {
            char name[SLG_BESIDE_CAP];

            blob_write(fixture->store,
                       slg_stream_name_beside(copies[0].name, beside[i], name),
                       copies[0].bytes, copies[0].len);
        }
        /* Who has listed them before looks at what it has listed. */
        assert_ok(seglog_streams_close(&fixture->streams, NULL));
        open_streams(fixture);
        assert_int_equal(assert_events(fixture, fixture->streams),
                         marked_count(fixture));
        assert_good(fixture);
        assert_ok(seglog_stream_segment_count(fixture->streams, STREAM,
                                              &segments, NULL));
        assert_int_equal(segments, 2);
        result = compact(fixture);
        assert_int_equal(result.written, 0);
        assert_nowhere(fixture);
    }
    for (size_t i = 0; i < count; i++)
        free(copies[i].bytes);
}

/* They may be needed. */
static void
compact__old_segments_and_a_damaged_new_one__stay(void **state)
{
    struct fixture *fixture = *state;
    struct copy copy;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_blob blob = { 0 };
    uint8_t *bytes = NULL;
    size_t len = 0;

    story_make(fixture);
    stream_segment_name(fixture->store, STREAM, 0, copy.name);
    copy.bytes = blob_read(fixture->store, copy.name, &copy.len);
    (void)compact(fixture);
    stream_segment_name(fixture->store, STREAM, 0, name);
    bytes = blob_read(fixture->store, name, &len);
    blob_write(fixture->store, name, bytes, len - 100);
    blob_write(fixture->store, copy.name, copy.bytes, copy.len);
    (void)!seglog_stream_compact(fixture->streams, STREAM, NULL, NULL, NULL);
    assert_ok(seglog_blob_open(fixture->store, copy.name, SEGLOG_OPEN_READ,
                               &blob, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    free(bytes);
    free(copy.bytes);
}

/* -- others meanwhile ------------------------------------------------------ */

/* Handles that have read and appended before find what there is now. */
static void
compact__other_handles__go_on(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams others[3] = { { 0 } };

    fixture->options.segment_bytes = 500;
    open_streams(fixture);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_ok(seglog_streams_open(fixture->store, &fixture->options,
                                      &others[i], NULL));
    for (unsigned round = 0; round < 8; round++) {
        const struct seglog_streams own = fixture->streams;
        const struct seglog_stream_compact_options options = {
            .rotates = round % 2 == 0, .merge_bytes = round % 4 == 1
        };

        for (size_t i = 0; i < COUNT_OF(others); i++) {
            fixture->streams = others[i];
            append(fixture, 9);
            assert_true(assert_events(fixture, others[i]) <=
                        marked_count(fixture));
        }
        fixture->streams = own;
        mark(fixture, round * 9 + 2);
        (void)compact_with(fixture, &options);
        for (size_t i = 1; i < COUNT_OF(others); i++)
            assert_true(assert_events(fixture, others[i]) >= round);
        assert_good(fixture);
    }
    (void)compact(fixture);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(assert_events(fixture, others[i]),
                         marked_count(fixture));
        assert_ok(seglog_streams_close(&others[i], NULL));
    }
    assert_nowhere(fixture);
}

#define BUSY_EVENTS 1500u

struct busy {
    struct fixture *fixture;
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
    struct fixture *fixture = *state;
    atomic_uint appended = 0;
    atomic_bool is_over = false;
    pthread_t threads[3];
    struct busy busy[3];
    uint64_t marked = 3;
    unsigned compactions = 0;
    struct seglog_error err;

    fixture->options.segment_bytes = 3000;
    open_streams(fixture);
    for (size_t i = 0; i < COUNT_OF(busy); i++) {
        busy[i] = (struct busy){ .fixture = fixture,
                                 .appended = &appended,
                                 .is_over = &is_over };
        assert_ok(seglog_streams_open(fixture->store, &fixture->options,
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
            assert_code_err(seglog_stream_tombstone(fixture->streams, STREAM,
                                                    marked, NULL, &err),
                            SEGLOG_OK, &err);
        if (marked == 3)
            continue;
        assert_code_err(seglog_stream_compact(fixture->streams, STREAM,
                                              &options, NULL, &err),
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
    assert_true(verify(fixture).is_good);
}

/* -- damage ---------------------------------------------------------------- */

/* Opened anew, because readers keep what they have read. */
static bool
is_seen(struct fixture *fixture, struct seglog_stream_verified *result)
{
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .kept = &fixture->kept[fixture->kept_count - 1],
        .kept_count = 1,
        .threads = 1,
    };
    struct seglog_streams streams = { 0 };
    struct seglog_stream_options how = { .size = sizeof how,
                                         .is_read_only = true };
    seglog_code code =
        seglog_streams_open(fixture->store, &how, &streams, NULL);

    assert_code(code, SEGLOG_OK);
    code = seglog_stream_verify(streams, STREAM, &options, result, NULL);
    assert_ok(seglog_streams_close(&streams, NULL));
    return code != SEGLOG_OK || !result->is_good;
}

static void
verify__each_bit_of_a_compacted_stream_flipped__is_seen(void **state)
{
    struct fixture *fixture = *state;
    const enum seglog_chain chains[] = { SEGLOG_CHAIN_SHA256,
                                         SEGLOG_CHAIN_XXH3 };

    for (size_t c = 0; c < COUNT_OF(chains); c++) {
        struct seglog_stream_verified result;
        size_t count = 0;

        start_anew(fixture, chains[c]);
        fixture->options.segment_bytes = 250;
        open_streams(fixture);
        append(fixture, 6);
        append(fixture, 6);
        mark(fixture, 1);
        mark(fixture, 4);
        mark(fixture, 5);
        (void)compact(fixture);
        /* Not alone in its segment, or what is torn there is the end. */
        assert_ok(seglog_streams_close(&fixture->streams, NULL));
        fixture->options.segment_bytes = 100000;
        open_streams(fixture);
        append(fixture, 2);
        assert_false(is_seen(fixture, &result));
        assert_int_equal(result.dropped, 3);
        count = (size_t)result.segments;
        for (size_t i = 0; i < count; i++) {
            char name[SEGLOG_STREAM_NAME_CAP];
            size_t len = 0;
            uint8_t *bytes = blob_read(
                fixture->store,
                stream_segment_name(fixture->store, STREAM, i, name), &len);

            for (size_t bit = 0; bit < 8 * len; bit++) {
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                blob_write(fixture->store, name, bytes, len);
                if (!is_seen(fixture, &result))
                    fail_msg("%s: bit %zu of byte %zu", name, bit % 8, bit / 8);
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
            blob_write(fixture->store, name, bytes, len);
            free(bytes);
        }
        assert_false(is_seen(fixture, &result));
    }
}

/* -- signatures ------------------------------------------------------------ */

static void
compact__with_a_key__signs_what_it_writes(void **state)
{
    static const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES] = { 1, 2, 3 };
    static const uint8_t other_key[SEGLOG_SIGN_KEY_BYTES] = { 3, 2, 1 };
    struct fixture *fixture = *state;
    const struct seglog_stream_compact_options options = {
        .rotates = true, .private_key = private_key, .merge_bytes = 1
    };
    uint8_t public_key[SEGLOG_SIGN_KEY_BYTES];
    struct seglog_stream_verify_options how = { .size = sizeof how,
                                                .public_key = public_key };
    struct seglog_stream_verified result;
    struct seglog_stream_compacted compacted;

    story_make(fixture);
    compacted = compact_with(fixture, &options);
    assert_true(slg_crypt_public_key(private_key, public_key));
    assert_ok(
        seglog_stream_verify(fixture->streams, STREAM, &how, &result, NULL));
    assert_true(result.is_good);
    assert_int_equal(result.signatures, compacted.written);
    assert_int_equal(result.signed_offset, fixture->model.count);
    /* Merged, they stay good. */
    (void)compact(fixture);
    assert_ok(
        seglog_stream_verify(fixture->streams, STREAM, &how, &result, NULL));
    assert_true(result.is_good);
    assert_int_equal(result.signatures, compacted.written);
    assert_true(slg_crypt_public_key(other_key, public_key));
    assert_ok(
        seglog_stream_verify(fixture->streams, STREAM, &how, &result, NULL));
    assert_int_equal(result.findings, compacted.written);
    assert_int_equal(result.first.fault, SEGLOG_STREAM_FAULT_SIGNATURE);
}

#define ON_MEMORY(f)                                                           \
    cmocka_unit_test_setup_teardown(f, memory_setup, fixture_teardown)
#define ON_FILE(f)                                                             \
    cmocka_unit_test_setup_teardown(f, file_setup, fixture_teardown)

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
        ON_MEMORY(
            compact__marked_events__are_nowhere_and_all_heads_are_what_they_were),
        ON_FILE(
            compact__marked_events__are_nowhere_and_all_heads_are_what_they_were),
        ON_MEMORY(compact__all_events_of_a_segment__all_are_holes),
        ON_MEMORY(compact__segment_of_holes_alone__can_be_read),
        ON_MEMORY(compact__options__say_what_is_merged_and_dropped),
        ON_MEMORY(choose__neighbours__as_many_as_are_small_enough),
        ON_MEMORY(compact__cannot_be__changes_nothing),
        ON_MEMORY(compact__damage_that_cost_nothing__is_left_behind),
        ON_MEMORY(compact__tombstone_lost_in_damage__is_corrupt),
        ON_MEMORY(compact__damaged_segment__is_left_as_it_is),
        ON_MEMORY(compact__damage_elsewhere__is_told_when_all_is_done),
        ON_MEMORY(verify__dropped_without_tombstone__is_found),
        ON_MEMORY(compact__tombstone_with_other_hashes__drops_nothing),
        ON_MEMORY(compact__old_segments_left_over__are_ignored_and_removed),
        ON_FILE(compact__old_segments_left_over__are_ignored_and_removed),
        ON_MEMORY(compact__old_segments_and_a_damaged_new_one__stay),
        ON_MEMORY(compact__other_handles__go_on),
        ON_FILE(compact__other_handles__go_on),
        ON_FILE(compact__while_others_read_and_append__all_is_there),
        ON_MEMORY(verify__each_bit_of_a_compacted_stream_flipped__is_seen),
        ON_MEMORY(compact__with_a_key__signs_what_it_writes),
    };

    return cmocka_run_group_tests_name("stream/stream_compact", tests, NULL,
                                       NULL);
}
