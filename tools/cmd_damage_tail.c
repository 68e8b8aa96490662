/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_tail.c - SPEC.md 10.3: what no survivor follows. */
#include "tools/cmd_damage_model.h"

#include <string.h>

#define CLOSING_BYTES  70u
#define SECTOR_BYTES   512u
#define CLOSING_LEAST  54u
#define CLOSING_MOST   86u
#define CLOSING_AGREE  35u
#define CLOSING_OFFSET 50u
#define CLOSING_LINE   42u
#define CLOSING_DIGEST 58u
#define CLOSING_NUMBER 34u

/* The closing mark that would be right at p, and what stands there. */
struct tail {
    const uint8_t *bytes;
    uint64_t len;
    uint64_t offset;
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

static bool
tail_agrees(const struct tail *tail, size_t at)
{
    return tail_is_open(tail, at) || tail->bytes[at] == tail->mark[at];
}

/* New bytes and then zeros, or the other way round. */
static bool
part_is_torn(const struct tail *tail, size_t from, size_t to, size_t *wrong)
{
    size_t first = to;
    size_t last = from;
    bool is_front = true;
    bool is_back = true;

    for (size_t at = from; at < to; at++) {
        if (tail_agrees(tail, at))
            continue;
        first = first == to ? at : first;
        last = at + 1;
        *wrong += 1;
    }
    for (size_t at = first; at < to; at++)
        is_front = is_front && tail->bytes[at] == 0;
    for (size_t at = from; at < last; at++)
        is_back = is_back && tail->bytes[at] == 0;
    return is_front || is_back;
}

/* What a power cut leaves of it in its sectors. */
static bool
tail_is_torn(const struct tail *tail)
{
    const size_t len = (size_t)tail->len;
    const size_t left = SECTOR_BYTES - (size_t)(tail->offset % SECTOR_BYTES);
    const size_t first = left < len ? left : len;
    size_t wrong = 0;

    return len <= CLOSING_BYTES && part_is_torn(tail, 0, first, &wrong) &&
           part_is_torn(tail, first, len, &wrong) && wrong > 1;
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
    return len >= CLOSING_LEAST && len <= CLOSING_MOST &&
                   agree >= CLOSING_AGREE && !tail_is_torn(tail)
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
                         .offset = model->p,
                         .is_loose = model->is_gap_since_mark };

    model->end =
        tail_take_mark(model, &tail) ? tail_compare(&tail) : MODEL_TORN;
}
