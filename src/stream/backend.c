/* SPDX-License-Identifier: MIT */
/*
 * src/stream/backend.c - the checked calls: the only callers of the table.
 *
 * What every backend would have to check the same way is checked here, so that
 * none is ever asked for an empty batch or told to write to NULL.
 */
#include <stddef.h>

#include "seglog/stream.h"
#include "src/store/fail.h"

/* A table filled in by older code is shorter than ours: what lies beyond its
 * size was never written and must not be looked at. */
#define HAS_OP(ops, op)                                                        \
    ((ops) != NULL &&                                                          \
     (ops)->size >=                                                            \
         offsetof(struct seglog_streams_ops, op) + sizeof((ops)->op) &&        \
     (ops)->op != NULL)

static seglog_code
fail_null(struct seglog_error *err, const char *what)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "%s is NULL", what);
}

static seglog_code
fail_absent(struct seglog_error *err, const char *op)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "these streams have no %s", op);
}

static seglog_code
batch_check(const struct seglog_slice *events, size_t count,
            const struct seglog_chain_hash *prev_hash, struct seglog_error *err)
{
    if (!events || count == 0)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "a batch of no events: there is nothing to append");
    for (size_t i = 0; i < count; i++) {
        if (!events[i].data && events[i].len > 0)
            return slg_fail(err, SEGLOG_INVALID, NULL, "event %zu is NULL", i);
    }
    if (prev_hash && prev_hash->len > SEGLOG_CHAIN_HASH_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "prev_hash is longer than any hash");
    return SEGLOG_OK;
}

seglog_code
seglog_stream_append_batch(struct seglog_streams streams, uint64_t stream,
                           const struct seglog_slice *events, size_t count,
                           uint64_t expected_offset,
                           const struct seglog_chain_hash *prev_hash,
                           bool is_synced, struct seglog_stream_end *end,
                           struct seglog_error *err)
{
    struct seglog_stream_end unused;
    const seglog_code code = batch_check(events, count, prev_hash, err);

    if (code != SEGLOG_OK)
        return code;
    if (!HAS_OP(streams.ops, append_batch))
        return fail_absent(err, "append_batch");
    return streams.ops->append_batch(streams.self, stream, events, count,
                                     expected_offset, prev_hash, is_synced,
                                     end ? end : &unused, err);
}

seglog_code
seglog_stream_read_from(struct seglog_streams streams, uint64_t stream,
                        uint64_t from_offset, uint64_t max_bytes,
                        struct seglog_stream_event **events, size_t *count,
                        struct seglog_error *err)
{
    if (!events || !count)
        return fail_null(err, "events or count");
    *events = NULL;
    *count = 0;
    if (!HAS_OP(streams.ops, read_from))
        return fail_absent(err, "read_from");
    return streams.ops->read_from(streams.self, stream, from_offset, max_bytes,
                                  events, count, err);
}

seglog_code
seglog_stream_latest_chain_hash(struct seglog_streams streams, uint64_t stream,
                                struct seglog_stream_end *end,
                                struct seglog_error *err)
{
    if (!end)
        return fail_null(err, "end");
    *end = (struct seglog_stream_end){ 0 };
    if (!HAS_OP(streams.ops, latest_chain_hash))
        return fail_absent(err, "latest_chain_hash");
    return streams.ops->latest_chain_hash(streams.self, stream, end, err);
}

seglog_code
seglog_stream_segment_count(struct seglog_streams streams, uint64_t stream,
                            size_t *count, struct seglog_error *err)
{
    if (!count)
        return fail_null(err, "count");
    *count = 0;
    if (!HAS_OP(streams.ops, segment_count))
        return fail_absent(err, "segment_count");
    return streams.ops->segment_count(streams.self, stream, count, err);
}

seglog_code
seglog_stream_completed_segments(struct seglog_streams streams, uint64_t stream,
                                 uint32_t **numbers, size_t *count,
                                 struct seglog_error *err)
{
    if (!numbers || !count)
        return fail_null(err, "numbers or count");
    *numbers = NULL;
    *count = 0;
    if (!HAS_OP(streams.ops, completed_segments))
        return fail_absent(err, "completed_segments");
    return streams.ops->completed_segments(streams.self, stream, numbers, count,
                                           err);
}

seglog_code
seglog_streams_flush_indexes(struct seglog_streams streams,
                             struct seglog_error *err)
{
    if (!HAS_OP(streams.ops, flush_indexes))
        return fail_absent(err, "flush_indexes");
    return streams.ops->flush_indexes(streams.self, err);
}

void
seglog_streams_describe(struct seglog_streams streams, char *buf, size_t cap)
{
    if (!buf || cap == 0)
        return;
    buf[0] = '\0';
    if (HAS_OP(streams.ops, describe))
        streams.ops->describe(streams.self, buf, cap);
}

seglog_code
seglog_streams_close(struct seglog_streams *streams, struct seglog_error *err)
{
    struct seglog_streams closed;

    if (!streams)
        return SEGLOG_OK;
    closed = *streams;
    *streams = (struct seglog_streams){ 0 };
    return HAS_OP(closed.ops, close) ? closed.ops->close(closed.self, err)
                                     : SEGLOG_OK;
}
