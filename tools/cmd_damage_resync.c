/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_resync.c - SPEC.md 9 played through on survivors. */
#include "tools/cmd_damage_model.h"

#define BODY_NEAR_MAX 65536u
#define WIDE_MAX      65536u
#define FAR_AT_END    64u
#define SEARCH_BYTES  (UINT64_C(8) << 20)
#define LONE_MAX      256u

/* ---------------------------------------------------------------------------
 * Resuming
 */

/* Acceptable to a reader that reads under this epoch. */
static bool
is_mark_under(const struct model *model, size_t survivor, uint64_t epoch)
{
    const struct damage_frame *frame = model_frame_of(model, survivor);

    if (!damage_is_mark(frame))
        return false;
    return frame->epoch == epoch || (frame->control == DAMAGE_SYNC_POINT &&
                                     frame->epoch >> 32 > epoch >> 32);
}

static bool
mark_is_acceptable(const struct model *model, size_t survivor)
{
    return is_mark_under(model, survivor, model->epoch);
}

static bool
is_long(const struct model *model, size_t survivor)
{
    return model_frame_of(model, survivor)->body_len > BODY_NEAR_MAX;
}

/* No mark, and its number can be told from its checksum. */
static bool
has_salt_of(const struct model *model, size_t survivor, uint64_t epoch)
{
    const struct damage_frame *frame = model_frame_of(model, survivor);

    return !damage_is_mark(frame) && frame->epoch == epoch;
}

static bool
is_candidate(const struct model *model, size_t survivor)
{
    return has_salt_of(model, survivor, model->epoch) &&
           !is_long(model, survivor);
}

static uint32_t
distance_to(const struct model *model, size_t survivor)
{
    return (uint32_t)(model_frame_of(model, survivor)->first - model->n);
}

/* What follows it agrees with it. */
static bool
is_confirmed(const struct model *model, size_t survivor)
{
    const struct damage_frame *frame = model_frame_of(model, survivor);
    const uint64_t end = model->survivors[survivor].at + frame->len;
    const uint64_t number =
        frame->first + (damage_is_mark(frame) ? 0 : frame->count);
    const size_t next = model_survivor_at(model, end);

    if (end == model->image->size)
        return true;
    if (next == MODEL_NONE || model_frame_of(model, next)->first != number)
        return false;
    return is_mark_under(model, next, frame->epoch) ||
           (has_salt_of(model, next, frame->epoch) && !is_long(model, next));
}

/* The same with a number far away: the end confirms only the first few. */
static bool
is_far_confirmed(const struct model *model, size_t survivor)
{
    const uint64_t end =
        model->survivors[survivor].at + model_frame_of(model, survivor)->len;

    return (end < model->image->size ||
            distance_to(model, survivor) <= FAR_AT_END) &&
           is_confirmed(model, survivor);
}

/* R0: frames are missing. */
static size_t
resume_here(struct model *model, size_t *wide)
{
    const size_t here = model_survivor_at(model, model->p);

    if (here == MODEL_NONE)
        return MODEL_NONE;
    if (mark_is_acceptable(model, here)) {
        if (is_confirmed(model, here))
            return here;
        if (model_frame_of(model, here)->first >= model->n)
            *wide = here;
        return MODEL_NONE;
    }
    if (!has_salt_of(model, here, model->epoch) ||
        distance_to(model, here) < 1 || distance_to(model, here) > WIDE_MAX)
        return MODEL_NONE;
    /* A long record, where one may stand, needs no other to confirm it. */
    if (is_long(model, here) ? model_is_behind_sync_point(model)
                             : is_far_confirmed(model, here))
        return here;
    return MODEL_NONE;
}

/* The first sync point in front of one, behind p, from which frames that take no
 * number lead to it; else that one. */
static size_t
sync_point_before(const struct model *model, size_t next,
                  const struct model_frame *claim)
{
    const uint64_t number = model_frame_of(model, next)->first;
    size_t found = next;

    if (claim->body_len > BODY_NEAR_MAX)
        return next;
    for (size_t i = next; i-- > 0 && model->survivors[i].at > model->p;) {
        const struct damage_frame *frame = model_frame_of(model, i);

        if (model->survivors[i].at + frame->len != model->survivors[i + 1].at ||
            frame->first != number || frame->epoch != model->epoch)
            break;
        if (frame->control == DAMAGE_SYNC_POINT)
            found = i;
        else if (damage_is_mark(frame) || frame->count != 0)
            break;
    }
    return found;
}

/* R1: the frame at p says where the next one is. */
static size_t
resume_at_claimed_end(const struct model *model)
{
    struct model_frame claim;
    size_t next = MODEL_NONE;
    uint64_t steps = 0;

    if (!model_parse(model, model->p, model_is_behind_sync_point(model),
                     &claim))
        return MODEL_NONE;
    next = model_survivor_at(model, model->p + claim.len);
    if (next == MODEL_NONE)
        return MODEL_NONE;
    steps = model_frame_of(model, next)->first - model->n;
    if (mark_is_acceptable(model, next))
        return steps <= 1 || steps == claim.count ? next : MODEL_NONE;
    if (!has_salt_of(model, next, model->epoch))
        return MODEL_NONE;
    if (distance_to(model, next) <= 1 ||
        (!is_long(model, next) && distance_to(model, next) == claim.count &&
         is_confirmed(model, next)))
        return sync_point_before(model, next, &claim);
    return MODEL_NONE;
}

static void
lone_note(struct model *model, size_t survivor, size_t noted)
{
    if (noted >= LONE_MAX || !model_grow(model, &model->lone, model->lone_count,
                                         &model->lone_cap, sizeof *model->lone))
        return;
    model->lone[model->lone_count++] = survivor;
}

/* Behind 8 MiB the search goes on 8 MiB before the next mark. */
static uint64_t
search_restart(const struct model *model)
{
    const uint64_t x = model->p + SEARCH_BYTES;
    uint64_t to = model->image->size;

    for (size_t i = model_survivor_from(model, x); i < model->survivor_count;
         i++) {
        if (mark_is_acceptable(model, i)) {
            to = model->survivors[i].at;
            break;
        }
    }
    return to - SEARCH_BYTES > x ? to - SEARCH_BYTES : x;
}

/* What R2 makes of a survivor. */
enum found {
    FOUND_NOTHING,
    FOUND_LONE,
    FOUND_WIDE,
    FOUND_PLACE
};

static enum found
search_judge(const struct model *model, size_t survivor)
{
    const uint64_t gap = model->survivors[survivor].at - model->p;

    if (mark_is_acceptable(model, survivor)) {
        if (is_confirmed(model, survivor))
            return FOUND_PLACE;
        return model_frame_of(model, survivor)->first >= model->n
                   ? FOUND_WIDE
                   : FOUND_NOTHING;
    }
    if (!is_candidate(model, survivor))
        return FOUND_NOTHING;
    if (distance_to(model, survivor) <= 1 + gap / 6)
        return is_confirmed(model, survivor) ? FOUND_PLACE : FOUND_LONE;
    return distance_to(model, survivor) <= WIDE_MAX &&
                   is_far_confirmed(model, survivor)
               ? FOUND_WIDE
               : FOUND_NOTHING;
}

/* R2, search: over all survivors behind p. */
static size_t
resume_by_search(struct model *model, size_t wide, size_t lone_before)
{
    uint64_t restart = 0;

    for (size_t i = model_survivor_from(model, model->p + 1);
         i < model->survivor_count; i++) {
        const uint64_t x = model->survivors[i].at;
        enum found found = FOUND_NOTHING;

        if (x - model->p >= SEARCH_BYTES && restart == 0)
            restart = search_restart(model);
        if (x < restart)
            continue;
        found = search_judge(model, i);
        if (found == FOUND_LONE)
            lone_note(model, i, model->lone_count - lone_before);
        else if (found == FOUND_WIDE && wide == MODEL_NONE)
            wide = i;
        else if (found == FOUND_PLACE)
            return wide != MODEL_NONE && model_frame_of(model, wide)->first <=
                                             model_frame_of(model, i)->first
                       ? wide
                       : i;
    }
    return wide;
}

/* Keep the lone frames that belong to the hole that ends with survivor. */
static void
lone_choose(struct model *model, size_t begin, size_t survivor)
{
    const uint64_t q = model->survivors[survivor].at;
    const uint64_t m = model_frame_of(model, survivor)->first;
    uint64_t end = 0;
    uint64_t number = 0;
    size_t kept = begin;

    for (size_t i = begin; i < model->lone_count; i++) {
        const size_t lone = model->lone[i];
        const struct damage_frame *frame = model_frame_of(model, lone);
        const uint64_t at = model->survivors[lone].at;

        if (at + frame->len > q || at < end || frame->first <= number ||
            frame->first + frame->count > m || frame->control != 0)
            continue;
        end = at + frame->len;
        number = frame->first;
        model->lone[kept++] = lone;
    }
    model->lone_count = kept;
}

size_t
model_resync(struct model *model)
{
    const size_t lone_before = model->lone_count;
    size_t wide = MODEL_NONE;
    size_t found = resume_here(model, &wide);

    if (found == MODEL_NONE)
        found = resume_at_claimed_end(model);
    if (found == MODEL_NONE)
        found = resume_by_search(model, wide, lone_before);
    if (found == MODEL_NONE)
        model->lone_count = lone_before;
    else
        lone_choose(model, lone_before, found);
    return found;
}
