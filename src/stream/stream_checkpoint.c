/* SPDX-License-Identifier: MIT */
/* src/stream/stream_checkpoint.c - checkpoints, made and found; rotation. */
#include "src/segment/segment_chain_reader.h"
#include "src/store/fail.h"
#include "src/stream/stream_slot.h"

/* So often may a segment be gone when it is opened. */
#define GONE_MAX 64u

/* -- made ------------------------------------------------------------------ */

static seglog_code
request_make(struct seglog_streams streams, uint64_t stream,
             struct slg_request *request)
{
    struct slg_streams *own = NULL;
    seglog_code code = slg_streams_of(streams, &own, request->err);

    if (code == SEGLOG_OK)
        code = slg_streams_check_writable(own, request->err);
    return code == SEGLOG_OK ? slg_stream_ask(own, stream, request) : code;
}

seglog_code
seglog_stream_make_checkpoint(struct seglog_streams streams, uint64_t stream,
                              struct seglog_stream_end *end,
                              struct seglog_error *err)
{
    struct slg_request request = { .kind = SLG_REQUEST_CHECKPOINT, .err = err };
    const seglog_code code = request_make(streams, stream, &request);

    if (code == SEGLOG_OK && end)
        *end = request.end;
    return code;
}

seglog_code
seglog_stream_rotate(struct seglog_streams streams, uint64_t stream,
                     struct seglog_error *err)
{
    struct slg_request request = { .kind = SLG_REQUEST_ROTATE, .err = err };

    return request_make(streams, stream, &request);
}

/* -- found ----------------------------------------------------------------- */

/* The first head there: that of the checkpoint at or before the record. */
static seglog_code
checkpoint_read(struct slg_chain_reader *reader, uint64_t record,
                struct seglog_stream_end *at, bool *is_found,
                struct seglog_error *err)
{
    struct slg_chain_event event;
    seglog_code code = slg_chain_reader_seek(reader, record, err);

    *is_found = false;
    while (code == SEGLOG_OK) {
        code = slg_chain_reader_next(reader, &event, err);
        if (code != SEGLOG_OK || event.number > record)
            break;
        if (event.type != SLG_CHAIN_EVENT_HEAD)
            continue;
        at->next_offset = event.number - 1;
        at->hash = event.hash;
        *is_found = true;
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static seglog_code
part_find_checkpoint(const struct slg_streams *streams, uint64_t stream,
                     const struct slg_stream_part *part, uint64_t record,
                     struct seglog_stream_end *at, bool *is_found,
                     struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct slg_chain_reader *reader = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    seglog_code code = slg_chain_reader_open(
        streams->store, slg_stream_part_name(stream, part, name), &options,
        &reader, err);

    if (code == SEGLOG_OK)
        code = checkpoint_read(reader, record, at, is_found, err);
    slg_chain_reader_close(reader);
    return code;
}

/* NOT_FOUND where the stream is there: a segment has gone meanwhile, merged
 * with others; or is_trimmed: it was trimmed. */
static seglog_code
checkpoint_find(const struct slg_streams *streams, uint64_t stream,
                uint64_t record, struct slg_stream_parts *parts,
                struct seglog_stream_end *at, bool *is_trimmed,
                struct seglog_error *err)
{
    bool is_found = false;
    seglog_code code =
        slg_stream_parts_list(streams->store, stream, parts, err);

    if (code == SEGLOG_OK && parts->count == 0)
        code = slg_stream_fail_missing(stream, err);
    if (code == SEGLOG_OK) {
        code = slg_stream_parts_check(parts, record - 1, err);
        *is_trimmed = code != SEGLOG_OK;
    }
    /* From the segment that has it backwards: one may have lost its heads. */
    for (size_t i = parts->count; i > 0 && code == SEGLOG_OK && !is_found;
         i--) {
        if (parts->parts[i - 1].offset < record)
            code = part_find_checkpoint(streams, stream, &parts->parts[i - 1],
                                        record, at, &is_found, err);
    }
    return code;
}

seglog_code
slg_stream_find_checkpoint(const struct slg_streams *streams, uint64_t stream,
                           uint64_t offset, struct seglog_stream_end *at,
                           bool *is_trimmed, struct seglog_error *err)
{
    const uint64_t record = offset < INT64_MAX ? offset + 1 : INT64_MAX;
    struct slg_stream_parts parts = { 0 };
    struct seglog_error local;
    seglog_code code = SEGLOG_OK;

    *at = (struct seglog_stream_end){ 0 };
    *is_trimmed = false;
    for (unsigned i = 0; i < GONE_MAX; i++) {
        code = checkpoint_find(streams, stream, record, &parts, at, is_trimmed,
                               &local);
        if (code != SEGLOG_NOT_FOUND || *is_trimmed || parts.count == 0)
            break;
    }
    slg_stream_parts_reset(&parts);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

seglog_code
seglog_stream_find_checkpoint(struct seglog_streams streams, uint64_t stream,
                              uint64_t offset, struct seglog_stream_end *at,
                              struct seglog_error *err)
{
    struct slg_streams *own = NULL;
    bool is_trimmed = false;
    const seglog_code code = slg_streams_of(streams, &own, err);

    if (code != SEGLOG_OK)
        return code;
    if (!at)
        return slg_fail(err, SEGLOG_INVALID, NULL, "at is NULL");
    return slg_stream_find_checkpoint(own, stream, offset, at, &is_trimmed,
                                      err);
}
