/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_toy.c
 *
 * Goal    backends can be swapped: one that is nothing but a table, and keeps
 *         its events in an array, passes the suite of all; and a table that
 *         lacks something is asked for nothing that it has not.
 */
#include "tests/stream/stream_support.h"

#include <pthread.h>
#include <stdio.h>
#include <xxhash.h>

#include "tests/stream/stream_conformance.h"

#define STREAMS_MAX 100u

struct toy_stream {
    struct seglog_slice *events;
    size_t count;
    struct seglog_chain_hash head;
};

static struct toy {
    pthread_mutex_t mutex;
    struct toy_stream streams[STREAMS_MAX];
} the_toy = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* head || 00 || the event, at once. */
static void
toy_chain(struct seglog_chain_hash *head, const struct seglog_slice *event)
{
    const size_t len = head->len + 1 + event->len;
    uint8_t *bytes = calloc(1, len);
    XXH128_canonical_t hash;

    assert_non_null(bytes);
    memcpy(bytes, head->bytes, head->len);
    if (event->len > 0)
        memcpy(bytes + head->len + 1, event->data, event->len);
    XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes, len));
    head->len = sizeof hash.digest;
    memcpy(head->bytes, hash.digest, sizeof hash.digest);
    free(bytes);
}

static void
toy_add(struct toy_stream *stream, const struct seglog_slice *event)
{
    char *copy = malloc(event->len + 1);

    stream->events =
        realloc(stream->events, (stream->count + 1) * sizeof *stream->events);
    assert_non_null(copy);
    assert_non_null(stream->events);
    if (event->len > 0)
        memcpy(copy, event->data, event->len);
    stream->events[stream->count++] = (struct seglog_slice){ copy, event->len };
    toy_chain(&stream->head, event);
}

static bool
toy_is_met(const struct toy_stream *stream, uint64_t expected,
           const struct seglog_chain_hash *prev)
{
    const size_t len = prev ? prev->len : 0;

    if (expected != SEGLOG_OFFSET_ANY && expected != stream->count)
        return false;
    if (expected == SEGLOG_OFFSET_ANY && len == 0)
        return true;
    return len == stream->head.len &&
           (len == 0 || memcmp(prev->bytes, stream->head.bytes, len) == 0);
}

static seglog_code
toy_append(void *self, uint64_t id, const struct seglog_slice *events,
           size_t count, uint64_t expected,
           const struct seglog_chain_hash *prev, bool is_synced,
           struct seglog_stream_end *end, struct seglog_error *err)
{
    struct toy *toy = self;
    struct toy_stream *stream = &toy->streams[id];
    bool is_met = false;

    (void)is_synced;
    (void)pthread_mutex_lock(&toy->mutex);
    is_met = toy_is_met(stream, expected, prev);
    for (size_t i = 0; i < count && is_met; i++)
        toy_add(stream, &events[i]);
    *end = (struct seglog_stream_end){ stream->count, stream->head };
    (void)pthread_mutex_unlock(&toy->mutex);
    if (!is_met && err)
        *err = (struct seglog_error){ .code = SEGLOG_CONFLICT,
                                      .actual = end->next_offset };
    return is_met ? SEGLOG_OK : SEGLOG_CONFLICT;
}

static seglog_code
toy_read(void *self, uint64_t id, uint64_t from, uint64_t max_bytes,
         struct seglog_stream_event **events, size_t *count,
         struct seglog_error *err)
{
    const struct toy_stream *stream = &((struct toy *)self)->streams[id];
    uint64_t bytes = 0;

    (void)err;
    if (from >= stream->count || max_bytes == 0)
        return SEGLOG_OK;
    *events = calloc(stream->count - from, sizeof **events);
    assert_non_null(*events);
    for (; bytes < max_bytes && from + *count < stream->count; ++*count) {
        const struct seglog_slice *event = &stream->events[from + *count];

        (*events)[*count].offset = from + *count;
        (*events)[*count].data = *event;
        bytes += event->len;
    }
    return SEGLOG_OK;
}

static seglog_code
toy_latest(void *self, uint64_t id, struct seglog_stream_end *end,
           struct seglog_error *err)
{
    const struct toy_stream *stream = &((struct toy *)self)->streams[id];

    (void)err;
    *end = (struct seglog_stream_end){ stream->count, stream->head };
    return SEGLOG_OK;
}

static seglog_code
toy_count(void *self, uint64_t id, size_t *count, struct seglog_error *err)
{
    (void)err;
    *count = ((struct toy *)self)->streams[id].count > 0;
    return SEGLOG_OK;
}

static seglog_code
toy_completed(void *self, uint64_t id, uint32_t **numbers, size_t *count,
              struct seglog_error *err)
{
    (void)self;
    (void)id;
    (void)numbers;
    (void)count;
    (void)err;
    return SEGLOG_OK;
}

static seglog_code
toy_flush(void *self, struct seglog_error *err)
{
    (void)self;
    (void)err;
    return SEGLOG_OK;
}

static void
toy_describe(void *self, char *buf, size_t cap)
{
    (void)self;
    (void)snprintf(buf, cap, "a toy");
}

static const struct seglog_streams_ops TOY = {
    .size = sizeof TOY,
    .append_batch = toy_append,
    .read_from = toy_read,
    .latest_chain_hash = toy_latest,
    .segment_count = toy_count,
    .completed_segments = toy_completed,
    .flush_indexes = toy_flush,
    .describe = toy_describe,
};

static seglog_code
toy_open(void *arg, struct seglog_streams *streams, struct seglog_error *err)
{
    (void)err;
    *streams = (struct seglog_streams){ &TOY, arg };
    return SEGLOG_OK;
}

static void
toy_destroy(void *arg)
{
    struct toy *toy = arg;

    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct toy_stream *stream = &toy->streams[i];

        for (size_t k = 0; k < stream->count; k++)
            free((void *)stream->events[k].data);
        free(stream->events);
        *stream = (struct toy_stream){ 0 };
    }
}

/* -- what is not there ----------------------------------------------------- */

static void
table__of_older_code__what_it_lacks_is_invalid(void **state)
{
    struct seglog_streams_ops old = TOY;
    const struct seglog_streams streams = { &old, &the_toy };
    const struct seglog_slice event = { "a", 1 };
    struct seglog_stream_event *events = NULL;
    struct seglog_stream_end end;
    struct seglog_error err;
    uint32_t *numbers = NULL;
    size_t count = 1;

    (void)state;
    old.size = offsetof(struct seglog_streams_ops, latest_chain_hash);
    assert_ok(seglog_stream_read_from(streams, 1, 0, 1, &events, &count, NULL));
    assert_code_err(seglog_stream_latest_chain_hash(streams, 1, &end, &err),
                    SEGLOG_INVALID, &err);
    assert_code_err(seglog_stream_segment_count(streams, 1, &count, &err),
                    SEGLOG_INVALID, &err);
    assert_code_err(
        seglog_stream_completed_segments(streams, 1, &numbers, &count, &err),
        SEGLOG_INVALID, &err);
    assert_code_err(seglog_streams_flush_indexes(streams, &err), SEGLOG_INVALID,
                    &err);
    old.append_batch = NULL;
    assert_code_err(seglog_stream_append_batch(streams, 1, &event, 1, 0, NULL,
                                               false, NULL, &err),
                    SEGLOG_INVALID, &err);
    old.size = offsetof(struct seglog_streams_ops, read_from);
    assert_code_err(
        seglog_stream_read_from(streams, 1, 0, 1, &events, &count, &err),
        SEGLOG_INVALID, &err);
}

static void
calls__of_a_byte_store_alone__are_invalid_for_others(void **state)
{
    const struct seglog_streams streams = { &TOY, &the_toy };
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_stream_info info;

    (void)state;
    assert_code(seglog_stream_get_info(streams, 1, &info, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_find_segment(streams, 1, 0, name, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_make_checkpoint(streams, 1, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_rotate(streams, 1, NULL), SEGLOG_INVALID);
    assert_code(seglog_streams_list(streams, NULL, NULL, NULL), SEGLOG_INVALID);
}

static void
calls__without_a_place_for_the_answer__are_invalid(void **state)
{
    const struct seglog_streams streams = { &TOY, &the_toy };
    struct seglog_stream_event *events = NULL;
    uint32_t *numbers = NULL;
    size_t count = 0;

    (void)state;
    assert_code(seglog_stream_read_from(streams, 1, 0, 1, NULL, &count, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_read_from(streams, 1, 0, 1, &events, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_latest_chain_hash(streams, 1, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stream_segment_count(streams, 1, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(
        seglog_stream_completed_segments(streams, 1, &numbers, NULL, NULL),
        SEGLOG_INVALID);
    assert_code(
        seglog_stream_completed_segments(streams, 1, NULL, &count, NULL),
        SEGLOG_INVALID);
}

int
main(void)
{
    static const struct stream_factory factory = {
        .name = "stream/stream_toy: contract",
        .chain = SEGLOG_CHAIN_XXH3,
        .make = toy_open,
        .open = toy_open,
        .destroy = toy_destroy,
        .arg = &the_toy,
        .is_kept = true,
        .is_one_segment = true,
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__of_older_code__what_it_lacks_is_invalid),
        cmocka_unit_test(calls__of_a_byte_store_alone__are_invalid_for_others),
        cmocka_unit_test(calls__without_a_place_for_the_answer__are_invalid),
    };

    return stream_conformance_run(&factory) +
           cmocka_run_group_tests_name("stream/stream_toy", tests, NULL, NULL);
}
