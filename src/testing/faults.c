/* SPDX-License-Identifier: MIT */
/* src/testing/faults.c - which calls fail, how often, and what was called. */
#define _POSIX_C_SOURCE 200809L /* pthread types */

#include "src/testing/faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/testing/refuse.h"

static const char *const op_names[SEGLOG_FAULT_OPS] = {
    [SEGLOG_FAULT_OPEN] = "open",
    [SEGLOG_FAULT_CREATE] = "create",
    [SEGLOG_FAULT_APPEND] = "append",
    [SEGLOG_FAULT_READ] = "read",
    [SEGLOG_FAULT_GET_SIZE] = "get_size",
    [SEGLOG_FAULT_FLUSH] = "flush",
    [SEGLOG_FAULT_SYNC] = "sync",
    [SEGLOG_FAULT_TRUNCATE] = "truncate",
    [SEGLOG_FAULT_WAIT] = "wait",
    [SEGLOG_FAULT_CLOSE] = "close",
    [SEGLOG_FAULT_LIST] = "list",
    [SEGLOG_FAULT_REMOVE] = "remove",
    [SEGLOG_FAULT_REPLACE] = "replace",
    [SEGLOG_FAULT_GET_INFO] = "get_info",
    [SEGLOG_FAULT_GET_STAMP] = "get_stamp",
    [SEGLOG_FAULT_OPEN_LOCK] = "open_lock",
    [SEGLOG_FAULT_ACQUIRE] = "acquire",
    [SEGLOG_FAULT_RELEASE] = "release",
    [SEGLOG_FAULT_DISCARD] = "discard",
};

const char *
seglog_fault_op_name(enum seglog_fault_op op)
{
    return (unsigned)op < SEGLOG_FAULT_OPS ? op_names[op] : "call";
}

/* What the file store makes of it. */
static seglog_code
code_of(const struct seglog_fault *fault)
{
    if (fault->code != SEGLOG_OK)
        return fault->code;
    switch (fault->sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return SEGLOG_NO_SPACE;
    case ENOMEM:
        return SEGLOG_NO_MEMORY;
    case ENOENT:
        return SEGLOG_NOT_FOUND;
    case EEXIST:
        return SEGLOG_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return SEGLOG_READ_ONLY;
    default:
        return SEGLOG_IO;
    }
}

/* -- calls ----------------------------------------------------------------- */

static bool
fault_is_about(const struct seglog_fault *fault, const struct slg_call *call)
{
    if (fault->ops != 0 && (fault->ops & SEGLOG_FAULT_BIT(call->op)) == 0)
        return false;
    if (fault->way == SEGLOG_FAULT_FLIPPED)
        return call->op == SEGLOG_FAULT_READ && call->offset <= fault->start &&
               fault->start < call->offset + call->len;
    if (fault->end == 0 || call->op != SEGLOG_FAULT_READ)
        return true;
    return call->offset < fault->end && fault->start < call->offset + call->len;
}

/* Under the mutex; every plan counts, the first that applies is used. */
static void
call_judge(struct seglog_faults *faults, struct slg_call *call)
{
    for (size_t i = 0; i < faults->plan_count; i++) {
        struct slg_fault_plan *plan = &faults->plans[i];
        const struct seglog_fault *fault = &plan->fault;

        if (!fault_is_about(fault, call))
            continue;
        plan->seen++;
        if (call->is_told || (fault->at != 0 && plan->seen != fault->at &&
                              !(fault->from_then_on && plan->seen > fault->at)))
            continue;
        call->is_told = true;
        call->fault = *fault;
        faults->hits++;
    }
}

struct slg_call
slg_call_begin(struct seglog_faults *faults, enum seglog_fault_op op,
               const char *name, uint64_t offset, uint64_t len)
{
    struct slg_call call = {
        .faults = faults,
        .name = name,
        .op = op,
        .offset = offset,
        .len = len,
    };

    (void)pthread_mutex_lock(&faults->mutex);
    if (!faults->watched || (name && strcmp(name, faults->watched) == 0)) {
        faults->counts[op]++;
        faults->calls++;
        if (op == SEGLOG_FAULT_READ)
            faults->bytes_read += len;
        call_judge(faults, &call);
    }
    (void)pthread_mutex_unlock(&faults->mutex);
    return call;
}

bool
slg_call_goes_on(const struct slg_call *call)
{
    return !call->is_told || call->fault.way == SEGLOG_FAULT_AFTER ||
           call->fault.way == SEGLOG_FAULT_FLIPPED;
}

seglog_code
slg_call_note(const struct slg_call *call, seglog_code code)
{
    struct seglog_faults *faults = call->faults;
    struct slg_traced_call *traced = NULL;

    (void)pthread_mutex_lock(&faults->mutex);
    faults->traced++;
    if (faults->trace_cap > 0) {
        traced = &faults->trace[faults->traced % faults->trace_cap];
        *traced = (struct slg_traced_call){
            .number = faults->traced,
            .op = call->op,
            .offset = call->offset,
            .len = call->len,
            .code = code,
            .was_told = call->is_told,
        };
        (void)snprintf(traced->name, sizeof traced->name, "%s",
                       call->name ? call->name : "");
    }
    (void)pthread_mutex_unlock(&faults->mutex);
    return code;
}

seglog_code
slg_call_end(const struct slg_call *call, seglog_code code,
             struct seglog_error *err)
{
    if (!call->is_told || call->fault.way == SEGLOG_FAULT_FLIPPED ||
        (call->fault.way == SEGLOG_FAULT_AFTER && code != SEGLOG_OK))
        return slg_call_note(call, code);
    return slg_call_note(
        call, slg_refuse(err, (struct slg_refusal){
                                  .code = code_of(&call->fault),
                                  .sys_errno = call->fault.sys_errno != 0
                                                   ? call->fault.sys_errno
                                                   : EIO,
                                  .name = call->name,
                                  .offset = SEGLOG_NO_OFFSET,
                                  .what = "told to fail",
                              }));
}

/* -- plans and counts ------------------------------------------------------ */

bool
seglog_faults_add(struct seglog_faults *faults,
                  const struct seglog_fault *fault)
{
    bool has_room = false;

    (void)pthread_mutex_lock(&faults->mutex);
    has_room = faults->plan_count < SEGLOG_FAULTS_MAX;
    if (has_room)
        faults->plans[faults->plan_count++] =
            (struct slg_fault_plan){ .fault = *fault };
    (void)pthread_mutex_unlock(&faults->mutex);
    return has_room;
}

bool
seglog_faults_fail(struct seglog_faults *faults, enum seglog_fault_op op,
                   uint64_t at, seglog_code code)
{
    const struct seglog_fault fault = { .ops = SEGLOG_FAULT_BIT(op),
                                        .at = at,
                                        .code = code };

    return seglog_faults_add(faults, &fault);
}

void
seglog_faults_clear(struct seglog_faults *faults)
{
    (void)pthread_mutex_lock(&faults->mutex);
    faults->plan_count = 0;
    (void)pthread_mutex_unlock(&faults->mutex);
}

static uint64_t
value_of(struct seglog_faults *faults, const uint64_t *from)
{
    uint64_t value = 0;

    (void)pthread_mutex_lock(&faults->mutex);
    value = *from;
    (void)pthread_mutex_unlock(&faults->mutex);
    return value;
}

uint64_t
seglog_faults_get_count(struct seglog_faults *faults, enum seglog_fault_op op)
{
    return value_of(faults, op < SEGLOG_FAULT_OPS ? &faults->counts[op]
                                                  : &faults->calls);
}

uint64_t
seglog_faults_get_hits(struct seglog_faults *faults)
{
    return value_of(faults, &faults->hits);
}

uint64_t
seglog_faults_get_bytes_read(struct seglog_faults *faults)
{
    return value_of(faults, &faults->bytes_read);
}

void
seglog_faults_reset_counts(struct seglog_faults *faults)
{
    (void)pthread_mutex_lock(&faults->mutex);
    memset(faults->counts, 0, sizeof faults->counts);
    faults->calls = 0;
    faults->hits = 0;
    faults->bytes_read = 0;
    (void)pthread_mutex_unlock(&faults->mutex);
}

void
seglog_faults_watch(struct seglog_faults *faults, const char *name)
{
    (void)pthread_mutex_lock(&faults->mutex);
    faults->watched = name;
    (void)pthread_mutex_unlock(&faults->mutex);
}

/* -- the trace ------------------------------------------------------------- */

bool
seglog_faults_trace(struct seglog_faults *faults, size_t calls)
{
    struct slg_traced_call *trace =
        calls > 0 ? calloc(calls, sizeof *trace) : NULL;

    if (calls > 0 && !trace)
        return false;
    (void)pthread_mutex_lock(&faults->mutex);
    free(faults->trace);
    faults->trace = trace;
    faults->trace_cap = calls;
    faults->traced = 0;
    (void)pthread_mutex_unlock(&faults->mutex);
    return true;
}

static size_t
traced_format(const struct slg_traced_call *traced, char *line, size_t cap)
{
    char place[64] = "";
    int len = 0;

    if (traced->op == SEGLOG_FAULT_APPEND || traced->op == SEGLOG_FAULT_READ)
        (void)snprintf(place, sizeof place, " @%lld +%llu",
                       (long long)traced->offset,
                       (unsigned long long)traced->len);
    else if (traced->op == SEGLOG_FAULT_TRUNCATE)
        (void)snprintf(place, sizeof place, " @%lld",
                       (long long)traced->offset);
    len = snprintf(
        line, cap, "%llu %s %s%s: %s%s\n", (unsigned long long)traced->number,
        seglog_fault_op_name(traced->op), traced->name, place,
        slg_refusal_name(traced->code), traced->was_told ? " (told to)" : "");
    return len > 0 ? (size_t)len : 0;
}

size_t
seglog_faults_format_trace(struct seglog_faults *faults, char *buf, size_t cap)
{
    uint64_t first = 1;
    size_t len = 0;

    if (cap > 0)
        buf[0] = '\0';
    (void)pthread_mutex_lock(&faults->mutex);
    if (faults->traced > faults->trace_cap)
        first = faults->traced - faults->trace_cap + 1;
    for (uint64_t i = first; faults->trace_cap > 0 && i <= faults->traced;
         i++) {
        char line[256];
        const size_t size = traced_format(&faults->trace[i % faults->trace_cap],
                                          line, sizeof line);

        for (size_t at = 0; at < size; at++, len++) {
            if (len + 1 < cap)
                buf[len] = line[at];
        }
    }
    (void)pthread_mutex_unlock(&faults->mutex);
    if (cap > 0)
        buf[len < cap ? len : cap - 1] = '\0';
    return len;
}
