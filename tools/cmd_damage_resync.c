/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_resync.c - SPEC.md 9 and 10.3 on survivors. */
#include "tools/cmd_damage_model.h"

#include <stdlib.h>
#include <string.h>

#define BODY_NEAR_MAX  65536u
#define WIDE_MAX       65536u
#define SEARCH_BYTES   (UINT64_C(8) << 20)
#define LONE_MAX       256u
#define CLOSING_BYTES  70u
#define CLOSING_LEAST  54u
#define CLOSING_MOST   86u
#define CLOSING_AGREE  35u
#define CLOSING_OFFSET 50u
#define CLOSING_LINE   42u
#define CLOSING_DIGEST 58u
#define CLOSING_NUMBER 34u

/* ---------------------------------------------------------------------------
 * Survivors
 */

static int
survivor_compare(const void *left, const void *right)
{
    const struct model_survivor *a = left;
    const struct model_survivor *b = right;

    return (a->at > b->at) - (a->at < b->at);
}

/* The first frame that ends behind an offset of the input. */
static size_t
frame_at_or_behind(const struct damage_input *input, uint64_t offset)
{
    size_t low = 0;
    size_t high = input->frame_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct damage_frame *frame = &input->frames[middle];

        if (frame->offset + frame->len <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*
 * Whole frames are compared, beyond the piece too: bytes that were taken out
 * or put in may be followed by the very bytes that complete a frame.
 */
static void
piece_add_survivors(struct model *model, const struct damage_piece *piece,
                    size_t *cap)
{
    const struct damage_input *input = model->input;
    const struct damage_image *image = model->image;

    for (size_t i = frame_at_or_behind(input, piece->source);
         i < input->frame_count &&
         input->frames[i].offset < piece->source + piece->len;
         i++) {
        const struct damage_frame *frame = &input->frames[i];
        const uint64_t at = piece->at + frame->offset - piece->source;

        /* at wraps around when the frame would start before the image. */
        if (at > image->size || frame->len > image->size - at ||
            memcmp(image->bytes + at, input->bytes + frame->offset,
                   frame->len) != 0)
            continue;
        if (!model_grow(model, &model->survivors, model->survivor_count, cap,
                        sizeof *model->survivors))
            return;
        model->survivors[model->survivor_count++] =
            (struct model_survivor){ .at = at, .frame = i };
    }
}

void
model_fill_survivors(struct model *model)
{
    size_t cap = 0;
    size_t kept = 0;

    for (size_t i = 0; i < model->image->piece_count; i++)
        piece_add_survivors(model, &model->image->pieces[i], &cap);
    if (model->survivor_count == 0)
        return;
    qsort(model->survivors, model->survivor_count, sizeof *model->survivors,
          survivor_compare);
    /* A frame over two pieces was found twice. */
    for (size_t i = 1; i < model->survivor_count; i++)
        if (model->survivors[i].at != model->survivors[kept].at)
            model->survivors[++kept] = model->survivors[i];
    model->survivor_count = kept + 1;
}

/* The first survivor at or behind a place. */
static size_t
survivor_from(const struct model *model, uint64_t at)
{
    size_t low = 0;
    size_t high = model->survivor_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (model->survivors[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t
model_survivor_at(const struct model *model, uint64_t at)
{
    const size_t found = survivor_from(model, at);

    return found < model->survivor_count && model->survivors[found].at == at
               ? found
               : MODEL_NONE;
}

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
    if (model_is_behind_sync_point(model) && is_long(model, here))
        model->unknown = "a record over 64 KiB is in a wrong place";
    if (is_candidate(model, here) && distance_to(model, here) >= 1 &&
        distance_to(model, here) <= WIDE_MAX && is_confirmed(model, here))
        return here;
    return MODEL_NONE;
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
    if (distance_to(model, next) <= 1)
        return next;
    return !is_long(model, next) && distance_to(model, next) == claim.count &&
                   is_confirmed(model, next)
               ? next
               : MODEL_NONE;
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

    for (size_t i = survivor_from(model, x); i < model->survivor_count; i++) {
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
                   is_confirmed(model, survivor)
               ? FOUND_WIDE
               : FOUND_NOTHING;
}

/* R2, search: over all survivors behind p. */
static size_t
resume_by_search(struct model *model, size_t wide, size_t lone_before)
{
    uint64_t restart = 0;

    for (size_t i = survivor_from(model, model->p + 1);
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

/* ---------------------------------------------------------------------------
 * The tail
 */

/* The closing mark that would be right at p, and what stands there. */
struct tail {
    const uint8_t *bytes;
    uint64_t len;
    uint8_t mark[CLOSING_BYTES];
    bool is_loose; /* line, digest and checksum agree with anything */
};

/* Bytes that agree with anything, and do not count. */
static bool
tail_is_open(const struct tail *tail, size_t in_mark)
{
    return tail->is_loose &&
           ((in_mark >= CLOSING_LINE && in_mark < CLOSING_OFFSET) ||
            in_mark >= CLOSING_DIGEST);
}

static enum model_end
tail_compare(const struct tail *tail)
{
    const size_t len = (size_t)tail->len;
    const size_t common = len < CLOSING_BYTES ? len : CLOSING_BYTES;
    size_t front = 0;
    size_t back = 0;
    size_t agree = 0;

    for (; front < common; front++) {
        const bool is_open = tail_is_open(tail, front);

        if (!is_open && tail->bytes[front] != tail->mark[front])
            break;
        agree += !is_open;
    }
    if (front == len && len < CLOSING_BYTES)
        return MODEL_TORN;
    for (; back < common; back++) {
        const size_t in_mark = CLOSING_BYTES - 1 - back;
        const bool is_open = tail_is_open(tail, in_mark);

        if (!is_open && tail->bytes[len - 1 - back] != tail->mark[in_mark])
            break;
        agree += !is_open;
    }
    return len >= CLOSING_LEAST && len <= CLOSING_MOST && agree >= CLOSING_AGREE
               ? MODEL_CLOSING_MARK
               : MODEL_TORN;
}

static void
put_u64(uint8_t *out, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

/*
 * Take the closing mark of the input that stood here.  Behind other damage
 * any will do, for what differs is written over or agrees with anything.
 */
static bool
tail_take_mark(const struct model *model, struct tail *tail)
{
    const struct damage_input *input = model->input;
    const uint64_t offset = model->p - (uint64_t)model->shift;

    for (size_t i = 0; i < input->frame_count; i++) {
        const struct damage_frame *frame = &input->frames[i];
        const uint8_t *mark = input->bytes + frame->offset;

        if (frame->control != DAMAGE_CLOSING_MARK ||
            frame->epoch != model->epoch ||
            (!tail->is_loose &&
             (frame->first != model->n || frame->offset != offset)))
            continue;
        memcpy(tail->mark, mark, CLOSING_BYTES);
        put_u64(tail->mark + CLOSING_NUMBER, model->n);
        put_u64(tail->mark + CLOSING_OFFSET, offset);
        return true;
    }
    return false;
}

void
model_judge_tail(struct model *model)
{
    struct tail tail = { .bytes = model->image->bytes + model->p,
                         .len = model->image->size - model->p,
                         .is_loose = model->is_gap_since_mark };

    model->end =
        tail_take_mark(model, &tail) ? tail_compare(&tail) : MODEL_TORN;
}
