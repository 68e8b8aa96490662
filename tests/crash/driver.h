/* SPDX-License-Identifier: MIT */
/*
 * tests/crash/driver.h - a test that runs programs of many seeds.
 *
 *     TEST FIRST LAST [STEPS]    these seeds
 *     TEST FIRST LAST STEPS on   ... all of them, whatever they show
 *     TEST --seed SEED [STEPS]   one, to see again what it shows
 *     TEST                       some, and disks that break promises are found
 *
 * A violation prints its seed, the program made small, and the sectors.
 * SEGLOG_CRASH_SECONDS, where it is set, ends a run after so many seconds.
 */
#ifndef CRASH_DRIVER_H
#define CRASH_DRIVER_H

#include "tests/crash/crash_program.h"

struct crash_flaw {
    enum seglog_disk_flaw flaw;
    const char *name; /* NULL: the end of the list */
};

struct crash_driver {
    const char *name; /* in the score */
    const struct crash_subject *subject;
    /* Without arguments: seeds from 1 on, and steps of each. */
    uint64_t seeds;
    size_t steps;
    /* What so many seeds never look at is a finding, and without arguments
     * always; 0: only then. */
    uint64_t seeds_whole;
    /* Is it looked at in any case?  NULL: all are. */
    bool (*applies)(unsigned invariant);
    /* More of a report.  May be NULL. */
    void (*describe)(const struct crash_watch *watch);
    const struct crash_flaw *flaws;
    uint64_t flaw_seeds; /* one of so many finds each of them */
};

struct crash_clocks {
    double wall;
    double cpu;
};

struct crash_clocks
crash_clocks_now(void);

/* All there is to say of what ran; false if a check never came to pass. */
bool
crash_report(const struct crash_driver *driver, const struct crash_watch *watch,
             const struct crash_clocks *since);

/* As main. */
int
crash_driver_main(const struct crash_driver *driver, int argc, char **argv);

#endif /* CRASH_DRIVER_H */
