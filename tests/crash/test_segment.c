/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/test_segment.c
 *
 * Goal    whatever dies and whenever the power fails, what tests/crash/history.h
 *         lists holds.
 * Method  programs that follow from seeds, with images of a power cut before
 *         every step of the store that matters.
 *
 *     test_segment all [STEPS]    all programs of up to 3 operations
 *     test_segment                a little of that, and of what follows
 *     test_segment ...            what tests/crash/driver.h says
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/codec/zrun.h"
#include "src/crypt/primitives.h"
#include "tests/crash/driver.h"
#include "tests/crash/small_programs.h"

#define IMAGES_MAX 20000u /* of one program */

static struct history the_history;

static void
program_begin(struct crash_watch *watch, uint64_t seed)
{
    struct watch *whole = (struct watch *)(void *)watch;

    whole->images_max = watch->images + IMAGES_MAX;
    history_start(&the_history, whole, seed);
    the_history.images_every = 2;
}

static bool
program_step(unsigned number, const uint8_t bytes[CRASH_STEP_BYTES])
{
    uint64_t seed = 0;

    (void)number;
    if (the_history.is_over)
        return false;
    memcpy(&seed, bytes, sizeof seed);
    history_step(&the_history, seed);
    return true;
}

static void
program_end(void)
{
    history_end(&the_history);
}

static void
watch_release(struct crash_watch *watch)
{
    nonces_free((struct watch *)(void *)watch);
}

static const struct crash_subject subject = {
    .invariant_names = invariant_names,
    .invariant_count = INVARIANTS,
    .watch_size = sizeof(struct watch),
    .begin = program_begin,
    .step = program_step,
    .end = program_end,
    .release = watch_release,
};

/* -- programs by chance ----------------------------------------------------- */

/* There are builds without it. */
static bool
seeds_apply(unsigned invariant)
{
    switch (invariant) {
    case I9:
        return slg_crypt_is_available();
    case SEAL:
        return slg_zrun_is_there();
    default:
        return true;
    }
}

static int
seeds_run(int argc, char **argv)
{
    static const struct crash_flaw flaws[] = {
        { SEGLOG_DISK_SYNC_SKIPPED, "a sync that does nothing" },
        { SEGLOG_DISK_CREATE_UNSYNCED, "a new name that is not synced" },
        { SEGLOG_DISK_REPLACE_UNSYNCED, "a replacement that is not synced" },
        { .name = NULL },
    };
    static const struct crash_driver driver = {
        .name = "crash_segment",
        .subject = &subject,
        .seeds = 400,
        .steps = 100,
        .seeds_whole = 100,
        .applies = seeds_apply,
        .flaws = flaws,
        .flaw_seeds = 250,
    };

    return crash_driver_main(&driver, argc, argv);
}

/* -- all short programs ----------------------------------------------------- */

/* In short programs these come into play only by chance. */
static bool
all_apply(unsigned invariant)
{
    return invariant != I9 && invariant != SEAL && invariant != I12 &&
           invariant != I13 && invariant != CHAIN;
}

static bool
all_of_length(unsigned steps, struct watch *watch)
{
    struct small_counts counts = { 0 };
    const bool is_ok = small_programs_run(steps, watch, &counts);

    printf("all programs of %u steps: %llu programs, %llu cuts, %llu images, "
           "%llu cuts left out\n",
           steps, (unsigned long long)counts.programs,
           (unsigned long long)counts.cuts, (unsigned long long)counts.images,
           (unsigned long long)counts.too_many);
    return is_ok;
}

/* All short programs; false: something does not hold, or was not looked at. */
static bool
all_run(uint64_t steps_max)
{
    static struct watch watch;
    static const struct crash_driver driver = { .subject = &subject,
                                                .applies = all_apply };
    const struct crash_clocks since = crash_clocks_now();
    bool is_ok = true;

    watch.is_plain = true;
    for (unsigned steps = 1; steps <= steps_max && is_ok; steps++)
        is_ok = all_of_length(steps, &watch);
    is_ok = crash_report(&driver, &watch.crash, &since) && is_ok;
    printf("score: crash_all_programs count=%llu findings=%d\n",
           (unsigned long long)watch.crash.images, !is_ok);
    return is_ok;
}

int
main(int argc, char **argv)
{
    bool is_ok = true;

    /* Whoever ends a long run sees what it has found. */
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "all") == 0) {
        const uint64_t steps = argc > 2 ? strtoull(argv[2], NULL, 10) : 3;

        return all_run(steps < SMALL_STEPS_MAX ? steps : SMALL_STEPS_MAX) ? 0
                                                                          : 1;
    }
    if (argc == 1)
        is_ok = all_run(2);
    return seeds_run(argc, argv) == 0 && is_ok ? 0 : 1;
}
