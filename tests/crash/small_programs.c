/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/small_programs.c - all short programs, all cuts, all subsets.
 *
 * Each step of a program is one of a few operations.  Before every step of the
 * store that matters, and at the end, each subset of what is not synced is what
 * the power cut leaves, up to UNSYNCED_MAX things: sectors, sizes and names.
 * Each image is looked at, opened, written to and looked at again.
 */
#include "tests/crash/small_programs.h"

#include <stdio.h>
#include <string.h>

#define UNSYNCED_MAX 10u

enum operation {
    APPEND_SMALL, /* several in a sector */
    APPEND_LARGE, /* over a sector's edge */
    APPEND_BUFFERED,
    APPEND_SYNCED,
    SYNC,
    TRUNCATE,
    REOPEN,
    KILL,
    OPERATIONS
};

static const char *const operation_names[OPERATIONS] = {
    "append small", "append large", "append buffered", "append synced",
    "sync",         "truncate",     "close and open",  "kill and open"
};

struct small_program {
    enum operation operations[SMALL_STEPS_MAX];
    unsigned count;
    enum seglog_disk_loss loss;
};

/* The one that runs. */
static struct small_program program;
static struct small_counts *counts;

static void
all_subsets(struct history *history)
{
    const size_t count = seglog_disk_get_unsynced(history->disk, NULL, 0);

    counts->cuts++;
    if (count > UNSYNCED_MAX) {
        counts->too_many++;
        return;
    }
    for (unsigned subset = 0; subset < 1u << count; subset++) {
        const uint8_t kept[2] = { (uint8_t)subset, (uint8_t)(subset >> 8) };
        const struct seglog_disk_cut cut = {
            .seed = subset,
            .losses = (unsigned)program.loss,
            .kept = kept,
            .kept_count = count,
        };

        history_check_image(history, &history->slots[0], &cut, 0);
        counts->images++;
    }
}

static void
before_step(void *arg, enum seglog_disk_step step)
{
    if (step >= SEGLOG_DISK_WRITE)
        all_subsets(arg);
}

static void
open_again(struct history *history)
{
    slot_open_plain(history, &history->slots[0], before_step, history);
}

/* Whoever opens what is left goes on with it, and may be cut off as well. */
static void
image_go_on(struct history *child)
{
    struct slot *slot = &child->slots[0];

    slot_open_plain(child, slot, child->depth < 2 ? before_step : NULL, child);
    if (child->is_over)
        return;
    history_look(child, false);
    expect_ok(child, slot_append_one(child, slot, 50, SEGLOG_LEVEL_SYNC));
    history_look(child, false);
}

static void
operation_do(struct history *history, enum operation operation)
{
    struct slot *slot = &history->slots[0];
    struct seglog_writer_state state;

    switch (operation) {
    case APPEND_SMALL:
        (void)slot_append_one(history, slot, 40, SEGLOG_LEVEL_FLUSH);
        break;
    case APPEND_LARGE:
        (void)slot_append_one(history, slot, 900, SEGLOG_LEVEL_FLUSH);
        break;
    case APPEND_BUFFERED:
        (void)slot_append_one(history, slot, 300, SEGLOG_LEVEL_APPEND);
        break;
    case APPEND_SYNCED:
        (void)slot_append_one(history, slot, 100, SEGLOG_LEVEL_SYNC);
        break;
    case SYNC:
        (void)slot_sync(history, slot);
        break;
    case TRUNCATE:
        if (slot->pending_count > 0)
            break;
        seglog_writer_get_state(slot->writer, &state);
        (void)slot_truncate_to(
            history, slot,
            state.first_record + (state.next_record - state.first_record) / 2);
        break;
    case REOPEN:
        slot_close(history, slot);
        open_again(history);
        break;
    default:
        slot_abandon(history, slot);
        open_again(history);
        break;
    }
}

static void
program_do(struct history *history, struct watch *watch)
{
    history_start(history, watch, 1);
    history->go_on = image_go_on;
    history->options.cannot_cut = false;
    seglog_disk_set_options(history->disk, &history->options);
    history->first_record = 1;
    history->sync_log2 = 9;
    open_again(history);
    for (unsigned i = 0; i < program.count; i++)
        operation_do(history, program.operations[i]);
    all_subsets(history);
    history_end(history);
}

static bool
program_holds(struct watch *watch)
{
    static struct history history;

    if (setjmp(watch->crash.violated) != 0)
        return false;
    program_do(&history, watch);
    return true;
}

static void
program_tell(const struct watch *watch)
{
    printf("small program, what is lost %s:\n",
           program.loss == SEGLOG_DISK_ZERO ? "is zero" : "is old");
    for (unsigned i = 0; i < program.count; i++)
        printf("    %s\n", operation_names[program.operations[i]]);
    printf("%s", watch->crash.message);
}

bool
small_programs_run(unsigned steps, struct watch *watch, struct small_counts *to)
{
    unsigned long total = 2;

    counts = to;
    for (unsigned i = 0; i < steps; i++)
        total *= OPERATIONS;
    for (unsigned long number = 0; number < total; number++) {
        unsigned long rest = number / 2;

        program = (struct small_program){
            .count = steps,
            .loss = number % 2 == 0 ? SEGLOG_DISK_OLD : SEGLOG_DISK_ZERO,
        };
        for (unsigned i = 0; i < steps; i++, rest /= OPERATIONS)
            program.operations[i] = (enum operation)(rest % OPERATIONS);
        counts->programs++;
        if (!program_holds(watch)) {
            program_tell(watch);
            return false;
        }
    }
    return true;
}
