/* SPDX-License-Identifier: MIT */
/* tests/faults/runner.c - each scenario, with each failure at each place. */
#define _POSIX_C_SOURCE 200809L /* alarm */

#include "tests/faults/runner_parts.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/faults/allocation.h"

static const struct run *running;
static volatile sig_atomic_t was_warned;

/* -- one run --------------------------------------------------------------- */

static unsigned
files_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    while (folder && readdir(folder))
        count++;
    if (folder)
        (void)closedir(folder);
    return count;
}

/* A step has failed: what is there, and does it go on? */
static void
failed_step(struct run *run, seglog_code code, struct seglog_error *err)
{
    size_t state = 0;

    run->runner->failed_runs++;
    run_check_error(run, code, err);
    if (run->failure.is_sticky) {
        const seglog_code again = run_step(run, true, err);

        if (!run_is_as_ever(run, again))
            run_check_error(run, again, err);
    }
    if (run->stage.disk)
        run_cut_power(run);
    run_disarm(run);
    if (!run_check_state(run, run->step, run->step + 1, "after the failure",
                         &state))
        return;
    run_go_on(run, state, true, false, "after the failure");
}

static void
run_steps(struct run *run)
{
    struct seglog_error err;

    for (run->step = 0; run->step < run->clean->steps; run->step++) {
        const struct step *step = &run->scenario->steps[run->step];
        const seglog_code code = run_step(run, false, &err);

        if (!run_is_as_ever(run, code)) {
            failed_step(run, code, &err);
            break;
        }
        run_check_said(run);
        if (step->flags & STEP_SYNCED)
            run->synced = run->step + 1;
    }
}

/* OpenSSL keeps what it has to say of its errors; absent without it. */
void
ERR_clear_error(void) __attribute__((weak));

/* Whether the failure came to pass. */
static bool
run_once(struct run *run, const struct prepared *prepared)
{
    bool was_hit = false;

    if (!stage_start(&run->stage, run->scenario, run->stage.ground, prepared))
        return false;
    run->synced = 0;
    run->has_finding = false;
    run->stage.sys_errno = run->failure.sys_errno;
    run->stage.is_sticky = run->failure.is_sticky;
    running = run;
    was_warned = 0;
    (void)alarm(60);
    if (run->runner->is_talking)
        must(seglog_faults_trace(run->stage.faults, 1000) ? SEGLOG_OK
                                                          : SEGLOG_NO_MEMORY,
             &(struct seglog_error){ 0 });
    run_arm(run);
    run_steps(run);
    was_hit = run_hits(run) > 0 || run->step < run->clean->steps;
    run_disarm(run);
    if (!run->has_finding)
        run_check_end(run);
    stage_end(&run->stage);
    if (ERR_clear_error)
        ERR_clear_error();
    run->runner->runs++;
    return was_hit;
}

static bool
run_checked(struct run *run, const struct prepared *prepared)
{
    const bool is_files = run->stage.ground == ON_FILES;
    int64_t live = allocation_live();
    unsigned files = is_files ? files_open() : 0;
    const bool was_hit = run_once(run, prepared);

    if (run->has_finding)
        return was_hit;
    if (is_files && files_open() != files)
        run_finding(run, "leaves files open");
    if (allocation_live() == live)
        return was_hit;
    /* What the libraries keep for ever they ask for once. */
    live = allocation_live();
    (void)run_once(run, prepared);
    if (!run->has_finding && allocation_live() != live)
        run_finding(run, "leaves %lld blocks of memory",
                    (long long)(allocation_live() - live));
    return was_hit;
}

/* -- all of them ----------------------------------------------------------- */

static bool
clean_play(struct run *run, struct clean *clean,
           const struct prepared *prepared)
{
    struct stage *stage = &run->stage;
    struct seglog_error err;
    bool is_ok = true;

    while (clean->steps < STEPS_MAX && run->scenario->steps[clean->steps].run)
        clean->steps++;
    if (!stage_start(stage, run->scenario, stage->ground, prepared))
        return false;
    run_arm(run);
    stage_look(stage, &clean->states[0]);
    for (run->step = 0; run->step < clean->steps && is_ok; run->step++) {
        const seglog_code code = run_step(run, false, &err);

        clean->codes[run->step] = code;
        is_ok = code == SEGLOG_OK ||
                (run->scenario->steps[run->step].flags & STEP_ENDS);
        if (!is_ok)
            run_finding(run, "without any failure: %s: %s: %s",
                        seglog_code_name(code), err.name, err.message);
        text_copy(&clean->said[run->step], &stage->said);
        stage_look(stage, &clean->states[run->step + 1]);
    }
    clean->operations = run_operations(run);
    stage_let_go(stage);
    stage_names(stage, &clean->names);
    stage_end(stage);
    return is_ok;
}

static void
clean_free(struct clean *clean)
{
    for (size_t i = 0; i < STEPS_MAX; i++) {
        text_free(&clean->states[i]);
        text_free(&clean->said[i]);
    }
    text_free(&clean->states[STEPS_MAX]);
    text_free(&clean->names);
}

static const struct failure store_failures[] = {
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EIO },
    { FROM_STORE, 0, true, SEGLOG_FAULT_BEFORE, EIO },
    { FROM_STORE, 0, false, SEGLOG_FAULT_AFTER, EIO },
    { FROM_STORE, 0, false, SEGLOG_FAULT_PARTLY, EIO },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, ENOSPC },
    { FROM_STORE, 0, true, SEGLOG_FAULT_BEFORE, ENOSPC },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EROFS },
    { FROM_STORE, 0, true, SEGLOG_FAULT_BEFORE, EROFS },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EDQUOT },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EFBIG },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EINTR },
    { FROM_STORE, 0, true, SEGLOG_FAULT_BEFORE, EINTR },
    { FROM_STORE, 0, true, SEGLOG_FAULT_PARTLY, EIO },
    { FROM_STORE, 0, true, SEGLOG_FAULT_AFTER, EIO },
};

static const struct failure system_failures[] = {
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EIO },
    { FROM_SYSTEM, 0, true, CALLS_BEFORE, EIO },
    { FROM_SYSTEM, 0, false, CALLS_AFTER, EIO },
    { FROM_SYSTEM, 0, false, CALLS_SHORT, EIO },
    { FROM_SYSTEM, 0, true, CALLS_SHORT, EIO },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, ENOSPC },
    { FROM_SYSTEM, 0, true, CALLS_BEFORE, ENOSPC },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EINTR },
    { FROM_SYSTEM, 0, true, CALLS_BEFORE, EINTR },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EROFS },
    { FROM_SYSTEM, 0, true, CALLS_BEFORE, EROFS },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EDQUOT },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EFBIG },
    { FROM_SYSTEM, 0, true, CALLS_AFTER, EIO },
};

static const struct failure allocation_failures[] = {
    { FROM_ALLOCATIONS, 0, false, 0, ENOMEM },
    { FROM_ALLOCATIONS, 0, true, 0, ENOMEM },
};

struct failures {
    const struct failure *list;
    size_t count;
};

static struct failures
failures_of(enum source source)
{
#define LIST(list)                                                             \
    (struct failures)                                                          \
    {                                                                          \
        list, sizeof(list) / sizeof(list)[0]                                   \
    }
    return source == FROM_STORE    ? LIST(store_failures)
           : source == FROM_SYSTEM ? LIST(system_failures)
                                   : LIST(allocation_failures);
#undef LIST
}

/*
 * Of many kinds one or two at each place, unless all are wanted; and where runs
 * take long, not at each place.
 */
static bool
is_wanted(const struct run *run, const struct failures *failures, size_t kind,
          uint64_t at)
{
    const enum ground ground = run->stage.ground;
    const bool is_encrypted =
        ground == ON_DISK_ENCRYPTED || ground == ON_MEMORY_ENCRYPTED;
    const unsigned step = (run->scenario->flags & SCENE_SLOW ? 8u : 1u) *
                          (is_encrypted ? 5u : 1u);
    const uint64_t turn = at / step;

    if (run->runner->is_all)
        return true;
    if (at % step != 0)
        return false;
    return kind == turn % failures->count ||
           (step == 1 && kind == (turn + 5) % failures->count);
}

static void
places_play(struct run *run, const struct prepared *prepared)
{
    const struct failures failures = failures_of(run->failure.source);
    struct runner *runner = run->runner;
    const uint64_t last = run->clean->operations;

    for (uint64_t at = 1; at <= last; at++) {
        if (runner->only_at != 0 && at != runner->only_at)
            continue;
        for (size_t kind = 0; kind < failures.count; kind++) {
            if (!is_wanted(run, &failures, kind, at))
                continue;
            run->failure = failures.list[kind];
            run->failure.at = at;
            (void)run_checked(run, prepared);
        }
    }
}

void
runner_play(struct runner *runner, const struct scenario *scenario,
            enum ground ground, enum source source)
{
    struct clean clean = { 0 };
    struct prepared prepared;
    struct run run = { .runner = runner,
                       .scenario = scenario,
                       .clean = &clean,
                       .failure = { .source = source },
                       .stage = { .ground = ground } };

    if (!stage_prepare(&prepared, scenario, ground))
        return;
    running = &run;
    if (clean_play(&run, &clean, &prepared)) {
        runner->operations += clean.operations;
        runner->scenarios++;
        places_play(&run, &prepared);
    }
    running = NULL;
    clean_free(&clean);
    prepared_free(&prepared);
}

static void
signal_catch(int number)
{
    /* The first time it may be the machine that was stopped. */
    if (number == SIGALRM && !was_warned) {
        was_warned = 1;
        (void)alarm(60);
        return;
    }
    if (running) {
        fprintf(stderr, "signal %d: ", number);
        run_tell_failure(running, stderr);
        fprintf(stderr, "\n");
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void
runner_catch_signals(void)
{
    static const int signals[] = { SIGALRM, SIGSEGV, SIGABRT, SIGBUS, SIGFPE };

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)signal(signals[i], signal_catch);
}
