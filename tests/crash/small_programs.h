/* SPDX-License-Identifier: MIT */
/* tests/crash/small_programs.h - all short programs, all cuts, all subsets. */
#ifndef CRASH_SMALL_PROGRAMS_H
#define CRASH_SMALL_PROGRAMS_H

#include "tests/crash/history.h"

#define SMALL_STEPS_MAX 4u

struct small_counts {
    uint64_t programs;
    uint64_t cuts;
    uint64_t images;
    uint64_t too_many; /* cuts with more things that are not synced */
};

/* All programs of so many steps.  False: one was violated, and was told. */
bool
small_programs_run(unsigned steps, struct watch *watch,
                   struct small_counts *counts);

#endif /* CRASH_SMALL_PROGRAMS_H */
