/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/test_session.c
 *
 * Goal    whatever dies and whenever the power fails, what
 *         tests/crash/session_world.h lists holds for session stores.
 * Method  programs that follow from seeds, with images of a power cut before
 *         every step of the store that matters.  tests/crash/driver.h says what
 *         it is started with.
 */
#include "tests/crash/driver.h"
#include "tests/crash/session_world.h"

int
main(int argc, char **argv)
{
    static const struct crash_flaw flaws[] = {
        { SEGLOG_DISK_SYNC_SKIPPED, "a sync that does nothing" },
        { SEGLOG_DISK_REMOVE_UNSYNCED, "a removal that is not synced" },
        { SEGLOG_DISK_REPLACE_UNSYNCED, "a replacement that is not synced" },
        { .name = NULL },
    };
    static const struct crash_driver driver = {
        .name = "crash_session",
        .subject = &session_subject,
        .seeds = 5,
        .steps = 40,
        .flaws = flaws,
        .flaw_seeds = 100,
    };

    return crash_driver_main(&driver, argc, argv);
}
