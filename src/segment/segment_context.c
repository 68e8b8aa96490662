/* SPDX-License-Identifier: MIT */
/* src/segment/segment_context.c - SPEC.md 7.5: bodies in their context. */
#include "src/segment/segment_context.h"

#include <stdlib.h>

void
slg_context_reset(struct slg_context *context)
{
    slg_unpacker_free(context->unpacker);
    *context = (struct slg_context){ .is_known = false };
}

void
slg_context_start(struct slg_context *context, uint64_t pos)
{
    if (context->unpacker)
        slg_unpacker_clear(context->unpacker);
    context->is_known = !context->has_lost_dictionary;
    context->pos = pos;
    context->last_end = 0;
    context->broken_by = 0;
}

void
slg_context_break(struct slg_context *context, uint64_t first_lost)
{
    /* Only the first loss since the mark is to blame. */
    if (context->is_known)
        context->broken_by = first_lost;
    context->is_known = false;
}

static seglog_code
unpacker_allocate(struct slg_unpacker **unpacker, bool has_runs)
{
    if (!*unpacker)
        *unpacker = slg_unpacker_new(has_runs ? SLG_HISTORY_ZSTD_BYTES
                                              : SLG_HISTORY_BYTES);
    return *unpacker ? SEGLOG_OK : SEGLOG_NO_MEMORY;
}

static seglog_code
context_allocate(struct slg_context *context, bool has_runs)
{
    const struct slg_dictionary *base = context->dictionary;

    if (context->unpacker)
        return SEGLOG_OK;
    if (unpacker_allocate(&context->unpacker, has_runs) != SEGLOG_OK)
        return SEGLOG_NO_MEMORY;
    if (!base ||
        slg_unpacker_set_base(context->unpacker, base->bytes, base->len))
        return SEGLOG_OK;
    slg_unpacker_free(context->unpacker);
    context->unpacker = NULL;
    return SEGLOG_NO_MEMORY;
}

/* Nothing is known any more, and nobody but this process is to blame. */
static seglog_code
context_fail(struct slg_context *context)
{
    context->is_known = false;
    return SEGLOG_NO_MEMORY;
}

seglog_code
slg_context_set(struct slg_context *context, const struct slg_history *history,
                uint64_t pos)
{
    slg_context_start(context, pos);
    if (!history || history->len == 0)
        return SEGLOG_OK;
    if (context_allocate(context, history->limit > SLG_HISTORY_BYTES) !=
            SEGLOG_OK ||
        !slg_unpacker_load(context->unpacker, history))
        return context_fail(context);
    context->last_end = pos;
    return SEGLOG_OK;
}

seglog_code
slg_context_save(const struct slg_context *context,
                 struct slg_context_saved *saved)
{
    saved->is_known = context->is_known;
    saved->pos = context->pos;
    saved->last_end = context->last_end;
    saved->broken_by = context->broken_by;
    if (saved->unpacker)
        slg_unpacker_clear(saved->unpacker);
    if (!context->unpacker || !context->is_known ||
        slg_unpacker_history(context->unpacker)->len == 0)
        return SEGLOG_OK;
    if (unpacker_allocate(&saved->unpacker, false) != SEGLOG_OK ||
        !slg_unpacker_copy(saved->unpacker, context->unpacker))
        return SEGLOG_NO_MEMORY;
    return SEGLOG_OK;
}

seglog_code
slg_context_restore(struct slg_context *context,
                    const struct slg_context_saved *saved)
{
    const struct slg_unpacker *from = saved->unpacker;

    slg_context_start(context, saved->pos);
    if (from && slg_unpacker_history(from)->len > 0 &&
        (context_allocate(context, slg_unpacker_history(from)->limit >
                                       SLG_HISTORY_BYTES) != SEGLOG_OK ||
         !slg_unpacker_copy(context->unpacker, from)))
        return context_fail(context);
    context->is_known = saved->is_known;
    context->last_end = saved->last_end;
    context->broken_by = saved->broken_by;
    return SEGLOG_OK;
}

void
slg_context_saved_reset(struct slg_context_saved *saved)
{
    slg_unpacker_free(saved->unpacker);
    *saved = (struct slg_context_saved){ .is_known = false };
}

/* The count of a group stands before the body and is never compressed. */
static size_t
prefix_len(const uint8_t *bytes, const struct slg_frame *frame)
{
    uint64_t count = 0;

    return frame->kind == SLG_FRAME_GROUP
               ? slg_varint_get(bytes + frame->head_len, frame->body_len,
                                &count)
               : 0;
}

static seglog_code
context_unpack(struct slg_context *context, const uint8_t *bytes,
               const struct slg_frame *frame, uint64_t body_max,
               const uint8_t **body, size_t *body_len)
{
    const size_t prefix = prefix_len(bytes, frame);
    const uint8_t *stored = bytes + frame->head_len;
    const struct slg_unpack_in in = {
        .packing = slg_frame_packing(frame),
        .prefix = stored,
        .prefix_len = prefix,
        .bytes = stored + prefix,
        .len = frame->body_len - prefix,
    };
    const enum slg_unpack_state state = slg_unpacker_run(
        context->unpacker, &in, (size_t)body_max, body, body_len);

    if (state == SLG_UNPACK_NO_MEMORY)
        return SEGLOG_NO_MEMORY;
    if (state != SLG_UNPACK_OK || (frame->kind == SLG_FRAME_GROUP &&
                                   !slg_group_is_sound(*body, *body_len)))
        return SEGLOG_CORRUPT;
    return slg_unpacker_accept(context->unpacker) ? SEGLOG_OK
                                                  : context_fail(context);
}

seglog_code
slg_context_pass(struct slg_context *context, const uint8_t *bytes,
                 const struct slg_frame *frame,
                 const struct slg_frame_limits *limits, const uint8_t **body,
                 size_t *body_len)
{
    seglog_code code = context_allocate(context, limits->may_zstd);

    if (code != SEGLOG_OK)
        return code;
    if (slg_frame_is_compressed(frame)) {
        code = context_unpack(context, bytes, frame, limits->body_max, body,
                              body_len);
    } else {
        const size_t prefix = prefix_len(bytes, frame);

        *body = bytes + frame->head_len;
        *body_len = frame->body_len;
        if (!slg_unpacker_add(context->unpacker, *body + prefix,
                              *body_len - prefix))
            code = context_fail(context);
    }
    if (code != SEGLOG_OK)
        return code;
    context->pos += frame->len;
    context->last_end = context->pos;
    return SEGLOG_OK;
}
