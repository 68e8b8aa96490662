/* SPDX-License-Identifier: MIT */
/* tests/damage/damage_run.h - one run of a program, and what it finds. */
#ifndef DAMAGE_RUN_H
#define DAMAGE_RUN_H

#include "tests/damage/damage_sample.h"

/* One run of a program. */
struct run {
    const char *name; /* of the score */
    bool is_long;
    bool is_exhaustive; /* and all that a place can be damaged to */
    uint64_t images;
    uint64_t findings;
    uint64_t blind; /* records changed so that no CRC-32 can tell */
    char what[160]; /* the damage that is looked at */
    const struct sample *sample;
    char note[2048];
};

/*
 * Of `places` that could be damaged: every so many are, so that without --long
 * they are no more than `most` of each kind.  Odd, so that all bits of a byte
 * have their turn.
 */
size_t
run_step(const struct run *run, size_t places, size_t most);

/* Count a finding, and print it while they are few. */
void __attribute__((format(printf, 2, 3)))
run_finding(struct run *run, const char *format, ...);

void __attribute__((format(printf, 2, 3)))
run_what(struct run *run, const char *format, ...);

/*
 * The main of each program: [--long] [--exhaustive] [KIND...], all of its kinds
 * by default.
 * Returns the exit status.
 */
int
run_main(int argc, char **argv, const char *name, const char *const *kinds,
         void (*each)(struct run *run, const struct sample *sample));

#endif /* DAMAGE_RUN_H */
