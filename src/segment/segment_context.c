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
    context->is_known = true;
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
context_allocate(struct slg_context *context)
{
    if (!context->unpacker)
        context->unpacker = slg_unpacker_new();
    return context->unpacker ? SEGLOG_OK : SEGLOG_NO_MEMORY;
}

seglog_code
slg_context_set(struct slg_context *context, const struct slg_history *history,
                uint64_t pos)
{
    slg_context_start(context, pos);
    if (!history || history->len == 0)
        return SEGLOG_OK;
    if (context_allocate(context) != SEGLOG_OK) {
        context->is_known = false;
        return SEGLOG_NO_MEMORY;
    }
    slg_unpacker_load(context->unpacker, history);
    context->last_end = pos;
    return SEGLOG_OK;
}

seglog_code
slg_context_save(const struct slg_context *context,
                 struct slg_context_saved *saved)
{
    const struct slg_history *history =
        context->unpacker ? slg_unpacker_history(context->unpacker) : NULL;

    saved->is_known = context->is_known;
    saved->pos = context->pos;
    saved->last_end = context->last_end;
    saved->broken_by = context->broken_by;
    if (saved->history)
        slg_history_clear(saved->history);
    if (!history || history->len == 0 || !context->is_known)
        return SEGLOG_OK;
    if (!saved->history)
        saved->history = calloc(1, sizeof *saved->history);
    if (!saved->history)
        return SEGLOG_NO_MEMORY;
    slg_history_copy(saved->history, history);
    return SEGLOG_OK;
}

seglog_code
slg_context_restore(struct slg_context *context,
                    const struct slg_context_saved *saved)
{
    const seglog_code code =
        slg_context_set(context, saved->history, saved->pos);

    context->is_known = saved->is_known && code == SEGLOG_OK;
    context->last_end = saved->last_end;
    context->broken_by = saved->broken_by;
    return code;
}

void
slg_context_saved_reset(struct slg_context_saved *saved)
{
    free(saved->history);
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
    const enum slg_unpack_state state = slg_unpacker_run(
        context->unpacker, stored, prefix, stored + prefix,
        frame->body_len - prefix, (size_t)body_max, body, body_len);

    if (state == SLG_UNPACK_NO_MEMORY)
        return SEGLOG_NO_MEMORY;
    if (state != SLG_UNPACK_OK || (frame->kind == SLG_FRAME_GROUP &&
                                   !slg_group_is_sound(*body, *body_len)))
        return SEGLOG_CORRUPT;
    slg_unpacker_accept(context->unpacker);
    return SEGLOG_OK;
}

seglog_code
slg_context_pass(struct slg_context *context, const uint8_t *bytes,
                 const struct slg_frame *frame, uint64_t body_max,
                 const uint8_t **body, size_t *body_len)
{
    seglog_code code = context_allocate(context);

    if (code != SEGLOG_OK)
        return code;
    if (slg_frame_is_compressed(frame)) {
        code = context_unpack(context, bytes, frame, body_max, body, body_len);
    } else {
        const size_t prefix = prefix_len(bytes, frame);

        *body = bytes + frame->head_len;
        *body_len = frame->body_len;
        slg_unpacker_add(context->unpacker, *body + prefix, *body_len - prefix);
    }
    if (code != SEGLOG_OK)
        return code;
    context->pos += frame->len;
    context->last_end = context->pos;
    return SEGLOG_OK;
}
