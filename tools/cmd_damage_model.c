/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_model.c - SPEC.md 8 played through on survivors. */
#include "tools/cmd_damage_model.h"

#include <stdlib.h>
#include <string.h>

#define BODY_NEAR_MAX    65536u
#define BODY_SHORT_MAX   11440u
#define MARK_OFFSET      50u
#define SYNC_WATERMARK   62u
#define HEAD_RESERVED    0x0Cu
#define LOST_HEADER_LOG2 27u
#define FEATURE_NO_XXH3  1u

bool
model_grow(struct model *model, void *items, size_t count, size_t *cap,
           size_t item_size)
{
    void *grown = NULL;
    void *old = NULL;

    if (count < *cap)
        return true;
    memcpy(&old, items, sizeof old);
    grown = realloc(old, (2 * *cap + 16) * item_size);
    if (!grown) {
        model->is_out_of_memory = true;
        return false;
    }
    memcpy(items, &grown, sizeof grown);
    *cap = 2 * *cap + 16;
    return true;
}

void
model_free(struct model *model)
{
    free(model->survivors);
    free(model->gaps);
    free(model->lone);
    free(model->marks);
}

/* ---------------------------------------------------------------------------
 * Well-formed frames
 */

/* True when a control frame has the length of its type (SPEC.md 6). */
static bool
control_is_sound(unsigned type, uint64_t body_len)
{
    switch (type) {
    case 1:
        return body_len == 76;
    case 2:
        return body_len == 64;
    case 3:
        return body_len == 52;
    case 4:
        return body_len == 45;
    default:
        return true;
    }
}

/* A count at the start of a group's body, or 0 if there is no legal one. */
static uint64_t
group_count(const uint8_t *body, uint64_t len)
{
    uint64_t value = 0;

    for (uint64_t i = 0; i < len && i < 9; i++) {
        value |= (uint64_t)(body[i] & 0x7Fu) << (7 * i);
        if ((body[i] & 0x80u) == 0)
            return value >= 2 && (i == 0 || body[i] != 0) ? value : 0;
    }
    return 0;
}

static uint64_t
claimed_count(const struct model_frame *frame, const uint8_t *body)
{
    if (frame->kind == 5)
        return group_count(body, frame->body_len);
    if (frame->kind != 6)
        return 1;
    if (frame->control != DAMAGE_RECORDED_GAP ||
        damage_u64(body + 4) > INT64_MAX)
        return 0;
    return damage_u64(body + 4);
}

bool
model_parse(const struct model *model, uint64_t at, bool may_be_long,
            struct model_frame *frame)
{
    const uint8_t *bytes = model->image->bytes + at;
    const uint64_t room = model->image->size - at;
    const bool has_digests =
        (model->input->summary.features_refuse & FEATURE_NO_XXH3) == 0;
    const unsigned log2 = model->is_header_lost
                              ? LOST_HEADER_LOG2
                              : model->input->summary.body_log2;
    uint64_t body_len = 0;
    size_t size = 0;

    if (room < 6)
        return false;
    frame->kind = bytes[0] >> 5;
    size = (bytes[0] & 3u) + 1;
    if (frame->kind < 1 || frame->kind > 6 || (bytes[0] & HEAD_RESERVED) != 0 ||
        (frame->kind == 6 && (bytes[0] & DAMAGE_HEAD_DURABLE) != 0))
        return false;
    for (size_t i = size; i-- > 0;)
        body_len = body_len << 8 | bytes[1 + i];
    /* The shortest form: the last byte is 0 only where there is one. */
    if ((size > 1 && bytes[size] == 0) || body_len > UINT64_C(1) << log2 ||
        (body_len > BODY_NEAR_MAX && !may_be_long))
        return false;
    frame->body_len = body_len;
    frame->len = 1 + size + body_len + 4;
    if (has_digests && body_len > BODY_SHORT_MAX)
        frame->len += 8;
    frame->control = 0;
    if (frame->len > room)
        return false;
    if (frame->kind == 6) {
        frame->control = body_len > 0 ? bytes[1 + size] : 0;
        if (body_len == 0 || !control_is_sound(frame->control, body_len))
            return false;
    }
    frame->count = claimed_count(frame, bytes + 1 + size);
    return true;
}

/* ---------------------------------------------------------------------------
 * In order
 */

/* Records between two marks of the input, frames first to last - 1. */
static bool
frames_hold_records(const struct damage_input *input, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++)
        if (input->frames[i].control == 0)
            return true;
    return false;
}

/*
 * The digest covers what stands behind the mark before this one in the input;
 * if that mark was taken out cleanly the reader adds up more than that.
 */
static bool
digest_is_wrong(const struct model *model, size_t mark)
{
    const size_t from =
        model->last_mark == MODEL_NONE ? 0 : model->last_mark + 1;
    size_t before = mark;

    if (model->is_gap_since_mark ||
        (model->input->summary.features_refuse & FEATURE_NO_XXH3) != 0)
        return false;
    while (before > from && !damage_is_mark(&model->input->frames[before - 1]))
        before--;
    return before > from && frames_hold_records(model->input, from, before);
}

static void
mark_take(struct model *model, size_t index)
{
    const struct damage_frame *frame = &model->input->frames[index];
    const uint8_t *bytes = model->input->bytes + frame->offset;
    const int64_t shift =
        (int64_t)(model->p - damage_u64(bytes + MARK_OFFSET)) - model->shift;
    const uint64_t watermark = frame->control == DAMAGE_SYNC_POINT
                                   ? damage_u64(bytes + SYNC_WATERMARK)
                                   : frame->first - 1;

    if (!model_grow(model, &model->marks, model->mark_count, &model->mark_cap,
                    sizeof *model->marks))
        return;
    model->marks[model->mark_count++] =
        (struct model_mark){ .gaps_before = model->gap_count, .shift = shift };
    model->digest_findings += digest_is_wrong(model, index);
    model->shift_findings += !model->is_gap_since_mark && shift != 0;
    model->shift += shift;
    if (watermark > model->watermark)
        model->watermark = watermark;
    model->epoch = frame->epoch;
    model->last_mark = index;
    model->is_gap_since_mark = false;
}

/* Read the frame at p, which is valid for n. */
static void
frame_take(struct model *model, size_t survivor)
{
    const size_t index = model->survivors[survivor].frame;
    const struct damage_frame *frame = &model->input->frames[index];

    if (damage_is_mark(frame)) {
        mark_take(model, index);
    } else if (frame->control == 0) {
        if ((frame->head & DAMAGE_HEAD_DURABLE) != 0 &&
            model->n - 1 > model->watermark)
            model->watermark = model->n - 1;
        model->records += frame->count;
        model->n += frame->count;
    } else if (frame->control == DAMAGE_RECORDED_GAP) {
        model->n += frame->count;
    }
    model->last_frame = index;
    model->p += frame->len;
}

bool
model_is_behind_sync_point(const struct model *model)
{
    return model->last_frame != MODEL_NONE &&
           model->input->frames[model->last_frame].control == DAMAGE_SYNC_POINT;
}

static bool
frame_is_next(const struct model *model, size_t survivor)
{
    const struct damage_frame *frame = NULL;

    if (survivor == MODEL_NONE)
        return false;
    frame = model_frame_of(model, survivor);
    if (frame->first != model->n)
        return false;
    if (frame->control == DAMAGE_SYNC_POINT &&
        frame->epoch >> 32 > model->epoch >> 32)
        return true;
    return frame->epoch == model->epoch && (frame->body_len <= BODY_NEAR_MAX ||
                                            model_is_behind_sync_point(model));
}

/* Frames of another epoch in or at a gap make it foreign or stale, or hide
 * it: SPEC.md 10.2 decides on more than the layout tells. */
static void
gap_check_epochs(struct model *model, uint64_t p, uint64_t q)
{
    for (size_t i = 0; i < model->survivor_count; i++)
        if (model->survivors[i].at >= p && model->survivors[i].at <= q &&
            model_frame_of(model, i)->epoch != model->epoch)
            model->unknown = "records of another epoch lie beside the damage";
}

static bool
is_first_sync_point(const struct model *model, size_t survivor)
{
    const struct damage_frame *frame = model_frame_of(model, survivor);

    return frame->control == DAMAGE_SYNC_POINT &&
           frame->offset == DAMAGE_HEADER_BYTES;
}

static bool
gap_take(struct model *model)
{
    struct model_gap gap = { .p = model->p,
                             .n = model->n,
                             .lone_begin = model->lone_count };
    const size_t survivor = model_resync(model);

    if (survivor == MODEL_NONE) {
        gap_check_epochs(model, model->p, model->image->size);
        if (model->p == 0)
            model->unknown = "the header is lost, and no record is found";
        model_judge_tail(model);
        return false;
    }
    gap.q = model->survivors[survivor].at;
    gap.m = model_frame_of(model, survivor)->first;
    gap.lone_end = model->lone_count;
    gap_check_epochs(model, gap.p, gap.q);
    if (gap.m < gap.n)
        model->unknown = "marks have changed their order";
    /* SPEC.md 8: the header is lost, the sync point behind it is not. */
    if (gap.p == 0 && is_first_sync_point(model, survivor))
        gap.n = gap.m;
    if (!model_grow(model, &model->gaps, model->gap_count, &model->gap_cap,
                    sizeof *model->gaps))
        return false;
    model->gaps[model->gap_count++] = gap;
    model->p = gap.q;
    model->n = gap.m;
    model->is_gap_since_mark = true;
    frame_take(model, survivor);
    return true;
}

void
model_read(struct model *model)
{
    model->last_mark = MODEL_NONE;
    model->last_frame = MODEL_NONE;
    model->unknown = model->input->confusing;
    model_fill_survivors(model);
    model_read_header(model);
    while (!model->is_no_segment && !model->is_out_of_memory &&
           model->p < model->image->size) {
        const size_t survivor = model_survivor_at(model, model->p);

        if (frame_is_next(model, survivor))
            frame_take(model, survivor);
        else if (!gap_take(model))
            break;
    }
}
