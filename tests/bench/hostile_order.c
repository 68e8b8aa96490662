/* SPDX-License-Identifier: MIT */
/*
 * hostile_order.c - frames that are all valid for this segment, in an order
 * that makes the book-keeping of SPEC.md 10.1 work: which holes there are, and
 * what fills them.
 */
#include "tests/bench/hostile.h"

#include <stdlib.h>

#include "tests/bench/bench.h"

#define SMALL_BODY  8u
#define SMALL_FRAME (SMALL_BODY + 6u)

static uint64_t *
numbers_make(size_t count, uint64_t first)
{
    uint64_t *numbers = malloc(count * sizeof(*numbers));

    if (numbers == NULL)
        bench_fail("no memory");
    for (size_t i = 0; i < count; i++)
        numbers[i] = first + i;
    return numbers;
}

static void
put_number(struct hostile *file, uint64_t number)
{
    hostile_put_frame(file, &file->self, SLG_FRAME_TEXT, number, SMALL_BODY);
}

/* Islands of one MiB, the numbers of each in some order. */
static void
fill_in_order(struct hostile *file, size_t window,
              void (*arrange)(struct hostile *file, uint64_t *numbers,
                              size_t count))
{
    while (hostile_has_room(file, window * SMALL_FRAME + 1024)) {
        uint64_t *numbers = numbers_make(window, file->next);

        arrange(file, numbers, window);
        for (size_t i = 0; i < window; i++)
            put_number(file, numbers[i]);
        free(numbers);
        file->next += window;
        hostile_put_mark(file, &file->self, SLG_CONTROL_SYNC_POINT, file->next);
    }
}

static void
arrange_shuffled(struct hostile *file, uint64_t *numbers, size_t count)
{
    hostile_shuffle(file, numbers, count, sizeof(*numbers));
}

/* Pairs stay together, so that each confirms itself. */
static void
arrange_pairs(struct hostile *file, uint64_t *numbers, size_t count)
{
    hostile_shuffle(file, numbers, count / 2, 2 * sizeof(*numbers));
}

static void
arrange_reversed(struct hostile *file, uint64_t *numbers, size_t count)
{
    (void)file;
    for (size_t i = 0; i < count / 2; i++) {
        const uint64_t held = numbers[i];
        numbers[i] = numbers[count - 1 - i];
        numbers[count - 1 - i] = held;
    }
}

static void
arrange_swapped(struct hostile *file, uint64_t *numbers, size_t count)
{
    (void)file;
    for (size_t i = 0; i + 1 < count; i += 2) {
        const uint64_t held = numbers[i];
        numbers[i] = numbers[i + 1];
        numbers[i + 1] = held;
    }
}

static void
fill_shuffled(struct hostile *file)
{
    fill_in_order(file, HOSTILE_ISLAND_BYTES / SMALL_FRAME, arrange_shuffled);
}

static void
fill_shuffled_near(struct hostile *file)
{
    fill_in_order(file, 1000, arrange_shuffled);
}

static void
fill_pairs(struct hostile *file)
{
    fill_in_order(file, HOSTILE_ISLAND_BYTES / SMALL_FRAME, arrange_pairs);
}

static void
fill_reversed(struct hostile *file)
{
    fill_in_order(file, HOSTILE_ISLAND_BYTES / SMALL_FRAME, arrange_reversed);
}

static void
fill_swapped(struct hostile *file)
{
    fill_in_order(file, HOSTILE_ISLAND_BYTES / SMALL_FRAME, arrange_swapped);
}

/*
 * A sync point far ahead opens one huge hole; then run after run, each behind
 * a sync point of its own and in random order, fills two numbers of it.
 */
static void
fill_passed_runs(struct hostile *file)
{
    const size_t run = SLG_SYNC_POINT_BYTES + 2 * SMALL_FRAME;
    const size_t count = (file->cap - file->len - 4096) / run;
    uint64_t *numbers = numbers_make(count, 0);
    const uint64_t first = file->next;

    hostile_shuffle(file, numbers, count, sizeof(*numbers));
    file->next += 4 * count + 100;
    hostile_put_mark(file, &file->self, SLG_CONTROL_SYNC_POINT, file->next);
    hostile_put_good(file, 1);
    for (size_t i = 0; i < count; i++) {
        const uint64_t number = first + 4 * numbers[i];

        hostile_put_mark(file, &file->self, SLG_CONTROL_SYNC_POINT, number);
        put_number(file, number);
        put_number(file, number + 1);
    }
    free(numbers);
}

/* In the first half every third record is missing; in the second half the
 * missing ones stand, in random order, between good ones. */
static void
fill_moved(struct hostile *file)
{
    const size_t count = (file->cap - file->len - 4096) / (5 * SMALL_FRAME);
    uint64_t *missing = malloc((count + 1) * sizeof(*missing));

    if (missing == NULL)
        bench_fail("no memory");
    for (size_t i = 0; i < count; i++) {
        hostile_put_good(file, 2);
        missing[i] = file->next++;
    }
    hostile_shuffle(file, missing, count, sizeof(*missing));
    for (size_t i = 0; i < count; i++) {
        hostile_put_good(file, 2);
        put_number(file, missing[i]);
    }
    free(missing);
}

/* Before every two good frames, copies of eight earlier ones. */
static void
fill_copies(struct hostile *file)
{
    while (hostile_has_room(file, 1024)) {
        for (int i = 0; i < 8; i++)
            put_number(file, 1 + hostile_below(file, file->next - 1));
        hostile_put_good(file, 2);
    }
}

/* Before every two good frames, 64 well-formed ones of no known number. */
static void
fill_tiles(struct hostile *file)
{
    while (hostile_has_room(file, 2048)) {
        for (int i = 0; i < 64; i++)
            put_number(file, file->next + 100000 +
                                 hostile_below(file, UINT32_MAX - 200000));
        hostile_put_good(file, 2);
    }
}

/*
 * A sync point opens a hole; then 64 frames at a time, in random order, stand
 * between good ones and fill it, until the next sync point opens the next.
 */
static void
fill_hole_tiles(struct hostile *file)
{
    const size_t count = 60000;

    while (hostile_has_room(file, (count + count / 32) * SMALL_FRAME + 1024)) {
        uint64_t *numbers = numbers_make(count, file->next);

        hostile_shuffle(file, numbers, count, sizeof(*numbers));
        file->next += count;
        hostile_put_mark(file, &file->self, SLG_CONTROL_SYNC_POINT, file->next);
        for (size_t i = 0; i < count; i++) {
            put_number(file, numbers[i]);
            if (i % 64 == 63)
                hostile_put_good(file, 2);
        }
        hostile_put_good(file, 2);
        free(numbers);
    }
}

/*
 * Behind good records, 64 frames at a time between good ones, whose numbers
 * continue the end of the segment, the last of them first.
 */
static void
fill_end_tiles(struct hostile *file)
{
    const uint64_t gaps = 1000;
    const size_t bytes = (size_t)gaps * 66 * SMALL_FRAME + 1024;

    while (hostile_has_room(file, bytes + 1024))
        hostile_put_good(file, 1);
    /* The end that hostile_gen puts loses one record and adds two. */
    uint64_t number = file->next + 2 * gaps + 3 + 64 * gaps;
    for (uint64_t i = 0; i < gaps && hostile_has_room(file, 1024); i++) {
        for (int k = 0; k < 64; k++)
            put_number(file, --number);
        hostile_put_good(file, 2);
    }
}

const struct hostile_flavour hostile_order_flavours[] = {
    { "shuffled", fill_shuffled },   { "shuffled-near", fill_shuffled_near },
    { "pairs", fill_pairs },         { "reversed", fill_reversed },
    { "swapped", fill_swapped },     { "passed-runs", fill_passed_runs },
    { "moved", fill_moved },         { "copies", fill_copies },
    { "tiles", fill_tiles },         { "hole-tiles", fill_hole_tiles },
    { "end-tiles", fill_end_tiles }, { NULL, NULL },
};
