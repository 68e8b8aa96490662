/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/test_canonical.c
 *
 * Goal    whatever dies and whenever the power fails, what
 *         tests/crash/canonical_world.h lists holds for canonical stores.
 * Method  programs that follow from seeds, with two images before every step of
 *         the disk that matters, one of a death and one of a power cut.
 *         tests/crash/driver.h says what it is started with; 30 seeds of 60
 *         steps are more than 1,000 transactions.
 */
#include <stdio.h>

#include "tests/crash/canonical_world.h"
#include "tests/crash/driver.h"

static void
describe(const struct crash_watch *watch)
{
    const struct canonical_watch *whole = (const struct canonical_watch *)watch;

    printf("%llu segments given up, %llu acknowledged, %llu letters replayed, "
           "%llu syncs failed, %llu overtaken\n",
           (unsigned long long)whole->segments,
           (unsigned long long)whole->acknowledged,
           (unsigned long long)whole->letters,
           (unsigned long long)whole->failed,
           (unsigned long long)whole->overtaken);
    printf("%llu transactions, %llu deaths, %llu looks, %llu holes\n",
           (unsigned long long)whole->transactions,
           (unsigned long long)whole->deaths, (unsigned long long)whole->looks,
           (unsigned long long)whole->holes);
}

int
main(int argc, char **argv)
{
    static const struct crash_flaw flaws[] = {
        { SEGLOG_DISK_SYNC_SKIPPED, "a sync that does nothing" },
        { .name = NULL },
    };
    static const struct crash_driver driver = {
        .name = "crash_canonical",
        .subject = &canonical_subject,
        .seeds = 4,
        .steps = 40,
        .describe = describe,
        .flaws = flaws,
        .flaw_seeds = 100,
    };

    return crash_driver_main(&driver, argc, argv);
}
