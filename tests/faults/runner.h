/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/runner.h - each scenario, with each failure at each place.
 *
 * Checked after each failure:
 *
 *   class     the step that failed says so, by the code of the failure or by
 *             POISONED, and names what and where in a sentence
 *   state     what is there is what was there before the step, or what it would
 *             have left; for a step of many records, some of them
 *   goes on   the step done again on the same handles succeeds, or these are
 *             POISONED and new ones succeed; and so do all steps behind it
 *   leaves    the same states and names as if nothing had failed, no locks, no
 *             blocks of memory, no open files
 *   power cut right behind the failure: what was promised before is there, and
 *             nothing that nobody wrote; and the steps go on from there
 */
#ifndef FAULTS_RUNNER_H
#define FAULTS_RUNNER_H

#include "tests/faults/calls.h"
#include "tests/faults/stage.h"

enum source {
    FROM_STORE,      /* calls on the store fail */
    FROM_SYSTEM,     /* calls of the system */
    FROM_ALLOCATIONS /* allocations */
};

struct failure {
    enum source source;
    uint64_t at;
    bool is_sticky;
    unsigned way; /* seglog_fault_way or calls_way */
    int sys_errno;
};

struct runner {
    bool is_all;      /* every kind of failure at every place */
    bool is_talking;  /* a line for each run */
    uint64_t only_at; /* 0: all */
    uint64_t runs;
    uint64_t failed_runs; /* of them, in which a step failed */
    uint64_t images;
    uint64_t operations; /* in all scenarios that went well */
    uint64_t scenarios;
    uint64_t findings;
    uint64_t told[1024]; /* findings that were printed already, by hash */
};

void
runner_play(struct runner *runner, const struct scenario *scenario,
            enum ground ground, enum source source);

/* A crash, or a run that does not end, says where it was. */
void
runner_catch_signals(void);

#endif /* FAULTS_RUNNER_H */
