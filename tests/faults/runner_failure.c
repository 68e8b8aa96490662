/* SPDX-License-Identifier: MIT */
/* tests/faults/runner_failure.c - what fails, and what is said of findings. */
#include "tests/faults/runner_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "tests/faults/allocation.h"

/* -- findings -------------------------------------------------------------- */

void
run_tell_failure(const struct run *run, FILE *to)
{
    static const char *const sources[] = { "call of the store",
                                           "call of the system", "allocation" };
    const struct failure *failure = &run->failure;

    fprintf(to, "%s on %s, %s %llu%s, way %u, errno %d", run->scenario->name,
            ground_names[run->stage.ground], sources[failure->source],
            (unsigned long long)failure->at,
            failure->is_sticky ? " and all behind it" : "", failure->way,
            failure->sys_errno);
    if (run->step < run->clean->steps)
        fprintf(to, ", step \"%s\"", run->scenario->steps[run->step].name);
    if (failure->source == FROM_SYSTEM)
        fprintf(to, ", %s", calls_name());
}

static bool
is_new_finding(struct runner *runner, const char *step, const char *what)
{
    const uint64_t hash =
        (hash_of(what, strlen(what)) ^ hash_of(step, strlen(step))) | 1;

    for (size_t i = 0; i < sizeof runner->told / sizeof runner->told[0]; i++) {
        if (runner->told[i] == hash)
            return false;
        if (runner->told[i] == 0) {
            runner->told[i] = hash;
            return true;
        }
    }
    return false;
}

void
run_tell_trace(struct run *run)
{
    static char trace[65536];

    if (run->stage.faults && run->failure.source == FROM_STORE) {
        (void)seglog_faults_format_trace(run->stage.faults, trace,
                                         sizeof trace);
        printf("%s", trace);
    }
}

void
run_finding(struct run *run, const char *format, ...)
{
    const bool was_on = allocation_watch(false);
    char what[1024];
    char place[256];
    va_list more;

    va_start(more, format);
    (void)vsnprintf(what, sizeof what, format, more);
    va_end(more);
    run->has_finding = true;
    (void)snprintf(place, sizeof place, "%s/%s", run->scenario->name,
                   run->step < run->clean->steps
                       ? run->scenario->steps[run->step].name
                       : "");
    if (is_new_finding(run->runner, place, what)) {
        run->runner->findings++;
        printf("FINDING ");
        run_tell_failure(run, stdout);
        printf(": %s\n", what);
        if (run->runner->only_at != 0)
            run_tell_trace(run);
        (void)fflush(stdout);
    }
    (void)allocation_watch(was_on);
}

/* -- failures -------------------------------------------------------------- */

void
run_arm(struct run *run)
{
    const struct failure *failure = &run->failure;
    const struct seglog_fault fault = {
        .at = failure->at,
        .from_then_on = failure->is_sticky,
        .way = (enum seglog_fault_way)failure->way,
        .sys_errno = failure->sys_errno,
        .part = 7,
    };
    const struct calls_plan plan = {
        .at = failure->at,
        .is_sticky = failure->is_sticky,
        .way = (enum calls_way)failure->way,
        .sys_errno = failure->sys_errno,
    };

    seglog_faults_reset_counts(run->stage.faults);
    if (failure->source == FROM_STORE && failure->at != 0)
        (void)seglog_faults_add(run->stage.faults, &fault);
    else if (failure->source == FROM_SYSTEM)
        calls_fail(&plan);
    else if (failure->source == FROM_ALLOCATIONS)
        allocation_fail(failure->at, failure->is_sticky);
}

void
run_disarm(struct run *run)
{
    seglog_faults_clear(run->stage.faults);
    calls_fail(&(struct calls_plan){ 0 });
    allocation_fail(0, false);
}

uint64_t
run_hits(const struct run *run)
{
    switch (run->failure.source) {
    case FROM_STORE:
        return seglog_faults_get_hits(run->stage.faults);
    case FROM_SYSTEM:
        return calls_hits();
    default:
        return allocation_hits();
    }
}

uint64_t
run_operations(const struct run *run)
{
    switch (run->failure.source) {
    case FROM_STORE:
        return seglog_faults_get_count(run->stage.faults, SEGLOG_FAULT_OPS);
    case FROM_SYSTEM:
        return calls_count();
    default:
        return allocation_count();
    }
}

seglog_code
failure_code(const struct failure *failure)
{
    if (failure->source == FROM_ALLOCATIONS)
        return SEGLOG_NO_MEMORY;
    switch (failure->sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return SEGLOG_NO_SPACE;
    case EROFS:
    case EACCES:
        return SEGLOG_READ_ONLY;
    case ENOMEM:
        return SEGLOG_NO_MEMORY;
    default:
        return SEGLOG_IO;
    }
}

bool
failure_is_hidden(const struct failure *failure)
{
    return failure->source == FROM_SYSTEM &&
           (failure->way == CALLS_SHORT ||
            (failure->sys_errno == EINTR && !failure->is_sticky &&
             !strstr(calls_name(), "sync")));
}

bool
failure_is_lie(const struct failure *failure)
{
    return (failure->source == FROM_STORE &&
            failure->way == SEGLOG_FAULT_AFTER) ||
           (failure->source == FROM_SYSTEM && failure->way == CALLS_AFTER);
}

bool
run_is_done_already(const struct run *run)
{
    return run->stage.is_again && run->failure.source == FROM_SYSTEM &&
           run->failure.sys_errno == EINTR && run->failure.is_sticky;
}
