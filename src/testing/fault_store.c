/* SPDX-License-Identifier: MIT */
/* src/testing/fault_store.c - a store around another: names and locks. */
#define _POSIX_C_SOURCE 200809L /* pthread types */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/testing/faults.h"
#include "src/testing/refuse.h"

/* -- names ----------------------------------------------------------------- */

static seglog_code
store_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
           struct seglog_error *err)
{
    struct seglog_faults *faults = self;
    const struct slg_call call =
        slg_call_begin(faults, SEGLOG_FAULT_LIST, prefix, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code =
            faults->inner.ops->list(faults->inner.self, prefix, fn, arg, err);
    return slg_call_end(&call, code, err);
}

static seglog_code
store_remove(void *self, const char *name, struct seglog_error *err)
{
    struct seglog_faults *faults = self;
    const struct slg_call call =
        slg_call_begin(faults, SEGLOG_FAULT_REMOVE, name, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code = faults->inner.ops->remove(faults->inner.self, name, err);
    return slg_call_end(&call, code, err);
}

static seglog_code
store_replace(void *self, const char *from, const char *name,
              struct seglog_error *err)
{
    struct seglog_faults *faults = self;
    const struct slg_call call =
        slg_call_begin(faults, SEGLOG_FAULT_REPLACE, name, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code = faults->inner.ops->replace(faults->inner.self, from, name, err);
    return slg_call_end(&call, code, err);
}

static seglog_code
store_get_info(void *self, const char *name, struct seglog_blob_info *info,
               struct seglog_error *err)
{
    struct seglog_faults *faults = self;
    const struct slg_call call =
        slg_call_begin(faults, SEGLOG_FAULT_GET_INFO, name, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code = faults->inner.ops->get_info(faults->inner.self, name, info, err);
    return slg_call_end(&call, code, err);
}

static seglog_code
store_get_stamp(void *self, struct seglog_stamp *stamp,
                struct seglog_error *err)
{
    struct seglog_faults *faults = self;
    const struct slg_call call =
        slg_call_begin(faults, SEGLOG_FAULT_GET_STAMP, NULL, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code = faults->inner.ops->get_stamp(faults->inner.self, stamp, err);
    return slg_call_end(&call, code, err);
}

static void
store_describe(void *self, char *buf, size_t cap)
{
    const struct seglog_faults *faults = self;
    char inner[256] = "byte store";

    if (SLG_HAS_OP(seglog_store_ops, faults->inner.ops, describe))
        faults->inner.ops->describe(faults->inner.self, inner, sizeof inner);
    (void)snprintf(buf, cap, "fault store around %s", inner);
}

/* The store inside, and what goes around it, are the caller's. */
static void
store_close(void *self)
{
    (void)self;
}

/* -- locks ----------------------------------------------------------------- */

struct fault_lock {
    struct seglog_lock_ops ops;
    struct seglog_faults *faults;
    struct seglog_lock inner;
    char name[SLG_FAULTS_NAME_CAP];
};

static seglog_code
lock_acquire(void *self, int timeout_ms, struct seglog_error *err)
{
    struct fault_lock *lock = self;
    const struct slg_call call =
        slg_call_begin(lock->faults, SEGLOG_FAULT_ACQUIRE, lock->name, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code = lock->inner.ops->acquire(lock->inner.self, timeout_ms, err);
    /* Who is told that it failed releases nothing. */
    if (call.is_told && slg_call_goes_on(&call) && code == SEGLOG_OK)
        (void)lock->inner.ops->release(lock->inner.self, NULL);
    return slg_call_end(&call, code, err);
}

/* Held for ever by one who cannot release it: so it is released all the same.
 */
static seglog_code
lock_release(void *self, struct seglog_error *err)
{
    struct fault_lock *lock = self;
    const struct slg_call call =
        slg_call_begin(lock->faults, SEGLOG_FAULT_RELEASE, lock->name, 0, 0);

    return slg_call_end(&call, lock->inner.ops->release(lock->inner.self, err),
                        err);
}

static void *
lock_get_hint(void *self)
{
    struct fault_lock *lock = self;

    return lock->inner.ops->get_hint(lock->inner.self);
}

static void
lock_close(void *self)
{
    struct fault_lock *lock = self;

    if (SLG_HAS_OP(seglog_lock_ops, lock->inner.ops, close))
        lock->inner.ops->close(lock->inner.self);
    free(lock);
}

static seglog_code
lock_discard(void *self, struct seglog_error *err)
{
    struct fault_lock *lock = self;
    const struct slg_call call =
        slg_call_begin(lock->faults, SEGLOG_FAULT_DISCARD, lock->name, 0, 0);
    seglog_code code = SEGLOG_OK;

    if (slg_call_goes_on(&call))
        code = lock->inner.ops->discard(lock->inner.self, err);
    return slg_call_end(&call, code, err);
}

static void
lock_ops_fill(struct fault_lock *lock)
{
    const struct seglog_lock_ops *inner = lock->inner.ops;

    lock->ops = (struct seglog_lock_ops){
        .size = sizeof lock->ops,
        .acquire = lock_acquire,
        .release = lock_release,
        .get_hint =
            SLG_HAS_OP(seglog_lock_ops, inner, get_hint) ? lock_get_hint : NULL,
        .close = lock_close,
        .discard = SLG_HAS_OP(seglog_lock_ops, inner, discard) &&
                           slg_faults_show(lock->faults, SEGLOG_FAULT_DISCARD)
                       ? lock_discard
                       : NULL,
    };
}

seglog_code
slg_fault_lock_open(void *self, const char *name, struct seglog_lock *lock,
                    struct seglog_error *err)
{
    struct seglog_faults *faults = self;
    const struct slg_call call =
        slg_call_begin(faults, SEGLOG_FAULT_OPEN_LOCK, name, 0, 0);
    struct fault_lock *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    if (!opened)
        return slg_call_note(
            &call,
            slg_refuse(err, (struct slg_refusal){ .code = SEGLOG_NO_MEMORY,
                                                  .name = name,
                                                  .offset = SEGLOG_NO_OFFSET,
                                                  .what = "no memory" }));
    if (!call.is_told)
        code = faults->inner.ops->open_lock(faults->inner.self, name,
                                            &opened->inner, err);
    if (code == SEGLOG_OK && !call.is_told) {
        opened->faults = faults;
        memcpy(opened->name, name, strlen(name) + 1);
        lock_ops_fill(opened);
        *lock = (struct seglog_lock){ .ops = &opened->ops, .self = opened };
        return slg_call_note(&call, code);
    }
    free(opened);
    return slg_call_end(&call, code, err);
}

/* -- the store ------------------------------------------------------------- */

bool
slg_faults_show(struct seglog_faults *faults, enum seglog_fault_op op)
{
    bool is_shown = false;

    (void)pthread_mutex_lock(&faults->mutex);
    is_shown = (faults->hidden & SEGLOG_FAULT_BIT(op)) == 0;
    (void)pthread_mutex_unlock(&faults->mutex);
    return is_shown;
}

#define SHOW(faults, op, name, function)                                       \
    (SLG_HAS_OP(seglog_store_ops, (faults)->inner.ops, op) &&                  \
             ((faults)->hidden & SEGLOG_FAULT_BIT(SEGLOG_FAULT_##name)) == 0   \
         ? (function)                                                          \
         : NULL)

static void
ops_fill(struct seglog_faults *faults)
{
    faults->ops = (struct seglog_store_ops){
        .size = sizeof faults->ops,
        .open = SHOW(faults, open, OPEN, slg_fault_blob_open),
        .list = SHOW(faults, list, LIST, store_list),
        .remove = SHOW(faults, remove, REMOVE, store_remove),
        .replace = SHOW(faults, replace, REPLACE, store_replace),
        .open_lock = SHOW(faults, open_lock, OPEN_LOCK, slg_fault_lock_open),
        .describe = store_describe,
        .close = store_close,
        .get_info = SHOW(faults, get_info, GET_INFO, store_get_info),
        .get_stamp = SHOW(faults, get_stamp, GET_STAMP, store_get_stamp),
    };
}

void
seglog_faults_hide(struct seglog_faults *faults, unsigned ops)
{
    (void)pthread_mutex_lock(&faults->mutex);
    faults->hidden = ops;
    ops_fill(faults);
    (void)pthread_mutex_unlock(&faults->mutex);
}

struct seglog_faults *
seglog_faults_new(struct seglog_store inner)
{
    struct seglog_faults *faults = calloc(1, sizeof *faults);

    if (!faults || pthread_mutex_init(&faults->mutex, NULL) != 0) {
        free(faults);
        return NULL;
    }
    faults->inner = inner;
    ops_fill(faults);
    return faults;
}

void
seglog_faults_free(struct seglog_faults *faults)
{
    if (!faults)
        return;
    (void)pthread_mutex_destroy(&faults->mutex);
    free(faults->trace);
    free(faults);
}

struct seglog_store
seglog_faults_store(struct seglog_faults *faults)
{
    return (struct seglog_store){ .ops = &faults->ops, .self = faults };
}
