/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_action.c - what each action does to which bytes. */
#include "tools/cmd_damage.h"

#include <stdlib.h>
#include <string.h>

/* What an action works on. */
struct plan {
    const struct damage_input *input;
    const struct damage_order *order;
    struct damage_random *random;
    struct damage_edits *edits;
    struct damage_done *done;
};

static const char NO_MEMORY[] = "out of memory";
static const char NO_RECORD[] = "there is no such record";
static const char OUTSIDE[] = "that lies behind the end";

static const char *
edit_result(bool is_made)
{
    return is_made ? NULL : NO_MEMORY;
}

/* Aim at a range, and name the records whose frames it touches. */
static void
done_aim(struct plan *plan, uint64_t from, uint64_t len)
{
    struct damage_done *done = plan->done;

    done->first_byte = from;
    done->byte_count = len;
    for (size_t i = 0; i < plan->input->frame_count; i++) {
        const struct damage_frame *frame = &plan->input->frames[i];
        /* Between two frames nothing is touched. */
        const bool is_touched =
            len > 0 ? frame->offset < from + len &&
                          frame->offset + frame->len > from
                    : frame->offset < from && frame->offset + frame->len > from;

        if (!is_touched || frame->control != 0)
            continue;
        if (done->first_record == 0)
            done->first_record = frame->first;
        done->last_record = frame->first + frame->count - 1;
    }
}

static const char *
plan_flip(struct plan *plan, uint64_t byte, unsigned bit)
{
    uint8_t value = 0;

    if (byte >= plan->input->size)
        return OUTSIDE;
    value = (uint8_t)(plan->input->bytes[byte] ^ (1u << bit));
    done_aim(plan, byte, 1);
    plan->done->changed = 1;
    plan->done->bit = (int)bit;
    return edit_result(damage_edit_add(plan->edits, byte, byte + 1, &value, 1));
}

static const char *
plan_flip_in_record(struct plan *plan)
{
    const struct damage_frame *frame =
        damage_frame_of(plan->input, plan->order->a);
    uint64_t bit = plan->order->b;

    if (!frame)
        return NO_RECORD;
    if (!plan->order->has_b)
        bit = damage_random_below(plan->random, frame->len * 8);
    if (bit / 8 >= frame->len)
        return "its frame has fewer bits";
    return plan_flip(plan, frame->offset + bit / 8, (unsigned)(bit % 8));
}

static const char *
plan_flip_at(struct plan *plan)
{
    if (plan->order->b > 7)
        return "a byte has the bits 0 to 7";
    return plan_flip(plan, plan->order->a, (unsigned)plan->order->b);
}

/* Overwrite bytes, of a record's frame or from an offset on. */
static const char *
plan_overwrite(struct plan *plan, uint8_t value)
{
    uint64_t from = plan->order->a;
    uint64_t len = plan->order->b;
    uint8_t *bytes = NULL;
    bool is_made = false;

    if (plan->order->is_record) {
        const struct damage_frame *frame = damage_frame_of(plan->input, from);

        if (!frame)
            return NO_RECORD;
        from = frame->offset;
        len = frame->len;
    }
    if (from > plan->input->size || len > plan->input->size - from)
        return OUTSIDE;
    bytes = malloc((size_t)len + 1);
    if (!bytes)
        return NO_MEMORY;
    memset(bytes, value, (size_t)len);
    done_aim(plan, from, len);
    for (uint64_t i = 0; i < len; i++)
        plan->done->changed += plan->input->bytes[from + i] != value;
    is_made = damage_edit_add(plan->edits, from, from + len, bytes, len);
    free(bytes);
    return edit_result(is_made);
}

static const char *
plan_insert(struct plan *plan)
{
    const uint64_t at = plan->order->a;
    const uint64_t len = plan->order->b;
    uint8_t *bytes = NULL;
    bool is_made = false;

    if (at > plan->input->size)
        return OUTSIDE;
    bytes = len <= SIZE_MAX - 1 ? malloc((size_t)len + 1) : NULL;
    if (!bytes)
        return NO_MEMORY;
    memset(bytes, plan->order->fill == DAMAGE_FILL_ONES ? 0xFF : 0,
           (size_t)len);
    if (plan->order->fill == DAMAGE_FILL_RANDOM)
        for (uint64_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)damage_random_next(plan->random);
    done_aim(plan, at, 0);
    plan->done->inserted = len;
    is_made = damage_edit_add(plan->edits, at, at, bytes, len);
    free(bytes);
    return edit_result(is_made);
}

static const char *
plan_remove(struct plan *plan, uint64_t from, uint64_t len)
{
    if (from > plan->input->size || len > plan->input->size - from)
        return OUTSIDE;
    done_aim(plan, from, len);
    plan->done->removed = len;
    return edit_result(damage_edit_add(plan->edits, from, from + len, NULL, 0));
}

static const char *
plan_truncate(struct plan *plan)
{
    if (plan->order->a > plan->input->size)
        return OUTSIDE;
    return plan_remove(plan, plan->order->a,
                       plan->input->size - plan->order->a);
}

static const char *
plan_duplicate(struct plan *plan)
{
    const struct damage_frame *frame =
        damage_frame_of(plan->input, plan->order->a);

    if (!frame)
        return NO_RECORD;
    done_aim(plan, frame->offset, frame->len);
    plan->done->inserted = frame->len;
    return edit_result(damage_edit_copy(plan->edits, frame->offset + frame->len,
                                        frame->offset + frame->len,
                                        frame->offset, frame->len));
}

static const char *
plan_swap(struct plan *plan)
{
    const struct damage_frame *a = damage_frame_of(plan->input, plan->order->a);
    const struct damage_frame *b = damage_frame_of(plan->input, plan->order->b);
    const struct damage_frame *last = NULL;

    if (!a || !b)
        return NO_RECORD;
    if (a == b)
        return "both records are in one frame";
    last = a > b ? a : b;
    if (a > b)
        a = b;
    done_aim(plan, a->offset, last->offset + last->len - a->offset);
    plan->done->first_record = a->first;
    plan->done->last_record = last->first + last->count - 1;
    return edit_result(
        damage_edit_copy(plan->edits, a->offset, a->offset + a->len,
                         last->offset, last->len) &&
        damage_edit_copy(plan->edits, last->offset, last->offset + last->len,
                         a->offset, a->len));
}

/* Take out the frames of records; sync points between them stay. */
static const char *
plan_drop(struct plan *plan)
{
    const uint64_t end = plan->order->has_b ? plan->order->b : plan->order->a;
    const struct damage_frame *frame =
        damage_frame_of(plan->input, plan->order->a);
    const struct damage_frame *last = damage_frame_of(plan->input, end);

    if (!frame || !last || last < frame)
        return NO_RECORD;
    done_aim(plan, frame->offset, last->offset + last->len - frame->offset);
    for (; frame <= last; frame++) {
        if (frame->control != 0)
            continue;
        plan->done->removed += frame->len;
        if (!damage_edit_add(plan->edits, frame->offset,
                             frame->offset + frame->len, NULL, 0))
            return NO_MEMORY;
    }
    return NULL;
}

static const char *
plan_splice(struct plan *plan)
{
    const struct damage_frame *frame =
        damage_frame_of(plan->input, plan->order->a);
    const uint64_t half = frame ? frame->len / 2 : 0;

    if (!frame)
        return NO_RECORD;
    return plan_remove(plan, frame->offset + half, frame->len - half);
}

/* The lengths that a frame of as many length bytes can have. */
static void
length_bounds(const struct damage_frame *frame, unsigned body_log2,
              uint64_t *least, uint64_t *most)
{
    const unsigned size = (frame->head & 3u) + 1;

    *least = size > 1 ? UINT64_C(1) << (8 * (size - 1)) : 0;
    *most = (UINT64_C(1) << (8 * size)) - 1;
    if (*most > UINT64_C(1) << body_log2)
        *most = UINT64_C(1) << body_log2;
}

/* Another length: the next frame's end, a near miss, or anything legal. */
static uint64_t
length_pick(struct plan *plan, const struct damage_frame *frame, uint64_t least,
            uint64_t most)
{
    const struct damage_frame *end =
        plan->input->frames + plan->input->frame_count;
    const struct damage_frame *next = frame + 1;

    switch (damage_random_below(plan->random, 4)) {
    case 0:
        if (next < end && frame->body_len + next->len <= most)
            return frame->body_len + next->len;
        break;
    case 1:
        return frame->body_len + 1;
    case 2:
        return frame->body_len - 1;
    default:
        break;
    }
    return least + damage_random_below(plan->random, most - least + 1);
}

static const char *
plan_lie_length(struct plan *plan)
{
    const struct damage_frame *frame =
        damage_frame_of(plan->input, plan->order->a);
    uint64_t length = plan->order->b;
    uint64_t least = 0;
    uint64_t most = 0;
    uint8_t bytes[4];
    size_t size = 0;

    if (!frame)
        return NO_RECORD;
    length_bounds(frame, plan->input->summary.body_log2, &least, &most);
    if (!plan->order->has_b)
        length = length_pick(plan, frame, least, most);
    if (length == frame->body_len)
        return "that is its length";
    if (length < least || length > most)
        return "that length has another number of bytes, or is over the limit";
    size = (frame->head & 3u) + 1;
    done_aim(plan, frame->offset + 1, size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(length >> (8 * i));
        plan->done->changed +=
            bytes[i] != plan->input->bytes[frame->offset + 1 + i];
    }
    return edit_result(damage_edit_add(plan->edits, frame->offset + 1,
                                       frame->offset + 1 + size, bytes, size));
}

static const char *
plan_any(struct plan *plan)
{
    switch (plan->order->action) {
    case DAMAGE_FLIP_BIT:
        return plan_flip_in_record(plan);
    case DAMAGE_FLIP_AT:
        return plan_flip_at(plan);
    case DAMAGE_ZERO:
        return plan_overwrite(plan, 0x00);
    case DAMAGE_ONES:
        return plan_overwrite(plan, 0xFF);
    case DAMAGE_INSERT:
        return plan_insert(plan);
    case DAMAGE_DELETE:
        return plan_remove(plan, plan->order->a, plan->order->b);
    case DAMAGE_TRUNCATE:
        return plan_truncate(plan);
    case DAMAGE_DUPLICATE:
        return plan_duplicate(plan);
    case DAMAGE_SWAP:
        return plan_swap(plan);
    case DAMAGE_DROP:
        return plan_drop(plan);
    case DAMAGE_SPLICE:
        return plan_splice(plan);
    case DAMAGE_LIE_LENGTH:
        return plan_lie_length(plan);
    case DAMAGE_ACTION_COUNT:
        break;
    }
    return "there is no such action";
}

const char *
damage_order_plan(const struct damage_input *input,
                  const struct damage_order *order,
                  struct damage_random *random, struct damage_edits *edits,
                  struct damage_done *done)
{
    struct plan plan = { input, order, random, edits, done };

    *done = (struct damage_done){ .action = damage_action_names[order->action],
                                  .bit = -1 };
    return plan_any(&plan);
}
