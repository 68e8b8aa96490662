/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_damage_pick.c - damage by chance, mostly where it hurts: heads,
 * marks, the header, the end, and whole blocks of 512 bytes.
 */
#include "tools/cmd_damage.h"

#define BLOCK 512u

static uint64_t
pick_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A frame of records, or 0 if a few tries find none. */
static const struct damage_frame *
pick_frame(const struct damage_input *input, struct damage_random *random,
           bool is_mark)
{
    for (unsigned i = 0; i < 64 && input->frame_count > 0; i++) {
        const struct damage_frame *frame =
            &input->frames[damage_random_below(random, input->frame_count)];

        if (is_mark ? damage_is_mark(frame) : frame->control == 0)
            return frame;
    }
    return NULL;
}

static uint64_t
pick_record(const struct damage_input *input, struct damage_random *random)
{
    const struct damage_frame *frame = pick_frame(input, random, false);

    return frame ? frame->first + damage_random_below(random, frame->count) : 0;
}

/* A place in the segment, its end included. */
static uint64_t
pick_place(const struct damage_input *input, struct damage_random *random)
{
    const struct damage_frame *frame = NULL;

    switch (damage_random_below(random, 10)) {
    case 0: /* in the header */
        return damage_random_below(random, DAMAGE_HEADER_BYTES);
    case 1: /* near the end */
        return input->size -
               damage_random_below(random, pick_least(input->size, 200));
    case 2: /* in a mark */
        frame = pick_frame(input, random, true);
        break;
    case 3: /* in head and length, or between two frames */
        frame = pick_frame(input, random, false);
        if (frame)
            return frame->offset + damage_random_below(random, 4);
        break;
    default:
        break;
    }
    if (frame)
        return frame->offset + damage_random_below(random, frame->len);
    return damage_random_below(random, input->size + 1);
}

static uint64_t
pick_count(struct damage_random *random)
{
    switch (damage_random_below(random, 4)) {
    case 0:
        return 1;
    case 1:
        return 1 + damage_random_below(random, 16);
    case 2:
        return 1 + damage_random_below(random, 600);
    default:
        return 1 + damage_random_below(random, 5000);
    }
}

static void
pick_region(const struct damage_input *input, struct damage_random *random,
            struct damage_order *order)
{
    order->a = pick_place(input, random);
    order->b = pick_count(random);
    order->has_b = true;
    if (damage_random_below(random, 3) == 0) {
        /* What a crash leaves: whole sectors. */
        order->a = order->a / BLOCK * BLOCK;
        order->b = BLOCK * (1 + damage_random_below(random, 8));
    }
    order->a = pick_least(order->a, input->size - 1);
    order->b = pick_least(order->b, input->size - order->a);
}

static void
pick_swap(const struct damage_input *input, struct damage_random *random,
          struct damage_order *order)
{
    order->a = pick_record(input, random);
    order->b = pick_record(input, random);
    order->has_b = true;
    if (damage_random_below(random, 2) == 0)
        order->b = order->a + 1 + damage_random_below(random, 4);
}

void
damage_order_pick(const struct damage_input *input, enum damage_action action,
                  struct damage_random *random, struct damage_order *order)
{
    if (action == DAMAGE_ACTION_COUNT)
        action = (enum damage_action)damage_random_below(random,
                                                         DAMAGE_ACTION_COUNT);
    *order = (struct damage_order){ .action = action };
    switch (action) {
    case DAMAGE_FLIP_AT:
        order->a = pick_place(input, random);
        order->b = damage_random_below(random, 8);
        break;
    case DAMAGE_ZERO:
    case DAMAGE_ONES:
    case DAMAGE_DELETE:
        pick_region(input, random, order);
        break;
    case DAMAGE_INSERT:
        order->a = pick_place(input, random);
        order->b = pick_count(random);
        order->fill = (enum damage_fill)damage_random_below(random, 3);
        break;
    case DAMAGE_TRUNCATE:
        order->a = pick_place(input, random);
        /* Where a cut does not show. */
        if (damage_random_below(random, 3) == 0 && input->frame_count > 0)
            order->a =
                input->frames[damage_random_below(random, input->frame_count)]
                    .offset;
        break;
    case DAMAGE_SWAP:
        pick_swap(input, random, order);
        break;
    case DAMAGE_DROP:
        order->a = pick_record(input, random);
        order->b = order->a + damage_random_below(random, 4);
        order->has_b = damage_random_below(random, 2) == 0;
        break;
    case DAMAGE_FLIP_BIT:
    case DAMAGE_DUPLICATE:
    case DAMAGE_SPLICE:
    case DAMAGE_LIE_LENGTH:
    case DAMAGE_ACTION_COUNT:
        order->a = pick_record(input, random);
        break;
    }
}
