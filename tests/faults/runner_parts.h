/* SPDX-License-Identifier: MIT */
/*
 * tests/faults/runner_parts.h - one run of a scenario with one failure.
 *
 *   runner_failure.c  what fails, and what is said of findings
 *   runner_check.c    what is there afterwards, and whether it goes on
 *   runner.c          the runs
 */
#ifndef FAULTS_RUNNER_PARTS_H
#define FAULTS_RUNNER_PARTS_H

#include <stdio.h>

#include "tests/faults/runner.h"

/* How a scenario goes when nothing fails. */
struct clean {
    size_t steps;
    struct text states[STEPS_MAX + 1];
    struct text said[STEPS_MAX];
    seglog_code codes[STEPS_MAX]; /* of STEP_ENDS */
    struct text names;
    uint64_t operations;
};

struct run {
    struct runner *runner;
    const struct scenario *scenario;
    const struct clean *clean;
    struct failure failure;
    struct stage stage;
    size_t step;   /* that is under way */
    size_t synced; /* state that survives a power cut */
    bool has_finding;
};

/* -- findings and failures (runner_failure.c) ------------------------------ */

/* The first of its kind is printed. */
void
run_finding(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void
run_tell_failure(const struct run *run, FILE *to);

void
run_tell_trace(struct run *run);

void
run_arm(struct run *run);

void
run_disarm(struct run *run);

uint64_t
run_hits(const struct run *run);

uint64_t
run_operations(const struct run *run);

seglog_code
failure_code(const struct failure *failure);

/*
 * Retried by whoever calls the system: nobody learns of it.  But a sync is not:
 * whether a second one says the truth nobody knows.
 */
bool
failure_is_hidden(const struct failure *failure);

/* A store that does what it says it has not done keeps no promise: what the
 * writer finds then is as if somebody else had written. */
bool
failure_is_lie(const struct failure *failure);

/* Only calls that wait are interrupted.  Where the sync behind a renaming is,
 * the name has moved, and doing that again finds it gone. */
bool
run_is_done_already(const struct run *run);

/* -- checks (runner_check.c) ----------------------------------------------- */

seglog_code
run_step(struct run *run, bool is_again, struct seglog_error *err);

void
run_check_error(struct run *run, seglog_code code,
                const struct seglog_error *err);

/* Whether it went as it does when nothing fails. */
bool
run_is_as_ever(const struct run *run, seglog_code code);

void
run_check_said(struct run *run);

/* What is there is right for a step that failed; gives the state. */
bool
run_check_state(struct run *run, size_t first, size_t last, const char *when,
                size_t *state);

/* From a state to the end, without failures.  Handles may be poisoned. */
void
run_go_on(struct run *run, size_t from, bool may_be_poisoned, bool is_after_cut,
          const char *when);

void
run_check_end(struct run *run);

void
run_cut_power(struct run *run);

#endif /* FAULTS_RUNNER_PARTS_H */
