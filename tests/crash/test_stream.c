/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/test_stream.c
 *
 * Goal    whatever dies and whenever the power fails, what
 *         tests/crash/stream_world.h lists holds for streams.
 * Method  programs that follow from seeds, with images of a power cut before
 *         every step of the store that matters.  tests/crash/driver.h says what
 *         it is started with.
 */
#include <stdio.h>

#include "tests/crash/driver.h"
#include "tests/crash/stream_world.h"

static void
describe(const struct crash_watch *watch)
{
    const struct stream_watch *whole = (const struct stream_watch *)watch;

    printf(
        "%llu looks, %llu holes, %llu mended, overtaken %llu times, "
        "%llu dropped, %llu segments trimmed\n",
        (unsigned long long)whole->looks, (unsigned long long)whole->holes,
        (unsigned long long)whole->mended, (unsigned long long)whole->overtaken,
        (unsigned long long)whole->dropped, (unsigned long long)whole->trimmed);
}

int
main(int argc, char **argv)
{
    static const struct crash_flaw flaws[] = {
        { SEGLOG_DISK_SYNC_SKIPPED, "a sync that does nothing" },
        { .name = NULL },
    };
    static const struct crash_driver driver = {
        .name = "crash_stream",
        .subject = &stream_subject,
        .seeds = 5,
        .steps = 40,
        .describe = describe,
        .flaws = flaws,
        .flaw_seeds = 100,
    };

    return crash_driver_main(&driver, argc, argv);
}
