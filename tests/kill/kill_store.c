/* SPDX-License-Identifier: MIT */
/* tests/kill/kill_store.c - a store in which a process dies when told. */
#define _POSIX_C_SOURCE 200809L /* kill */

#include "tests/kill/kill_store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kill_store {
    struct seglog_store_ops ops;
    struct seglog_store inner;
    struct kill_plan *plan;
};

struct kill_blob {
    struct seglog_blob_ops ops;
    struct seglog_blob inner;
    struct kill_plan *plan;
};

struct kill_lock {
    struct seglog_lock_ops ops;
    struct seglog_lock inner;
    struct kill_plan *plan;
};

static bool
is_time(struct kill_plan *plan, enum seglog_fault_op op, enum kill_way way)
{
    const unsigned point = (unsigned)op * KILL_WAYS + (unsigned)way;
    const uint64_t passed = atomic_fetch_add(&plan->passed[point], 1) + 1;

    return atomic_load(&plan->point) == point &&
           atomic_load(&plan->at) == passed;
}

static void
die(struct kill_plan *plan)
{
    atomic_fetch_add(&plan->fired[atomic_load(&plan->point)], 1);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

static void
pass(struct kill_plan *plan, enum seglog_fault_op op, enum kill_way way)
{
    if (is_time(plan, op, way))
        die(plan);
}

/* What a call of the store inside returns, between its two points. */
#define AROUND(plan, op, call)                                                 \
    seglog_code code = SEGLOG_OK;                                              \
    pass((plan), (op), KILL_BEFORE);                                           \
    code = (call);                                                             \
    pass((plan), (op), KILL_AFTER);                                            \
    return code

/* -- blobs ----------------------------------------------------------------- */

static seglog_code
blob_append(void *self, uint64_t expected_end, const void *data, size_t len,
            uint64_t *offset, struct seglog_error *err)
{
    struct kill_blob *blob = self;

    if (len > 1 && is_time(blob->plan, SEGLOG_FAULT_APPEND, KILL_HALF)) {
        (void)blob->inner.ops->append(blob->inner.self, expected_end, data,
                                      len / 2, offset, err);
        die(blob->plan);
    }
    AROUND(blob->plan, SEGLOG_FAULT_APPEND,
           blob->inner.ops->append(blob->inner.self, expected_end, data, len,
                                   offset, err));
}

static seglog_code
blob_read_at(void *self, uint64_t offset, void *buf, size_t len,
             struct seglog_error *err)
{
    struct kill_blob *blob = self;

    AROUND(blob->plan, SEGLOG_FAULT_READ,
           blob->inner.ops->read_at(blob->inner.self, offset, buf, len, err));
}

static seglog_code
blob_get_size(void *self, uint64_t *size, bool *is_replaced,
              struct seglog_error *err)
{
    struct kill_blob *blob = self;

    AROUND(blob->plan, SEGLOG_FAULT_GET_SIZE,
           blob->inner.ops->get_size(blob->inner.self, size, is_replaced, err));
}

static seglog_code
blob_flush(void *self, struct seglog_error *err)
{
    struct kill_blob *blob = self;

    AROUND(blob->plan, SEGLOG_FAULT_FLUSH, seglog_blob_flush(blob->inner, err));
}

static seglog_code
blob_sync(void *self, struct seglog_error *err)
{
    struct kill_blob *blob = self;

    AROUND(blob->plan, SEGLOG_FAULT_SYNC,
           blob->inner.ops->sync(blob->inner.self, err));
}

static seglog_code
blob_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct kill_blob *blob = self;

    AROUND(blob->plan, SEGLOG_FAULT_TRUNCATE,
           blob->inner.ops->truncate(blob->inner.self, new_size, err));
}

static seglog_code
blob_wait(void *self, uint64_t known_size, int timeout_ms,
          struct seglog_error *err)
{
    struct kill_blob *blob = self;

    AROUND(blob->plan, SEGLOG_FAULT_WAIT,
           seglog_blob_wait(blob->inner, known_size, timeout_ms, err));
}

static seglog_code
blob_close(void *self, struct seglog_error *err)
{
    struct kill_blob *blob = self;
    struct kill_plan *plan = blob->plan;
    struct seglog_blob inner = blob->inner;

    pass(plan, SEGLOG_FAULT_CLOSE, KILL_BEFORE);
    free(blob);
    AROUND(plan, SEGLOG_FAULT_CLOSE, seglog_blob_close(&inner, err));
}

static seglog_code
store_open(void *self, const char *name, unsigned flags,
           struct seglog_blob *blob, struct seglog_error *err)
{
    struct kill_store *store = self;
    const enum seglog_fault_op op =
        (flags & (SEGLOG_OPEN_CREATE | SEGLOG_OPEN_CREATE_EXCLUSIVE)) != 0
            ? SEGLOG_FAULT_CREATE
            : SEGLOG_FAULT_OPEN;
    struct kill_blob *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    if (!opened)
        return SEGLOG_NO_MEMORY;
    pass(store->plan, op, KILL_BEFORE);
    code = store->inner.ops->open(store->inner.self, name, flags,
                                  &opened->inner, err);
    pass(store->plan, op, KILL_AFTER);
    if (code != SEGLOG_OK) {
        free(opened);
        return code;
    }
    opened->plan = store->plan;
    opened->ops = (struct seglog_blob_ops){
        .size = sizeof opened->ops,
        .append = blob_append,
        .read_at = blob_read_at,
        .get_size = blob_get_size,
        .flush = blob_flush,
        .sync = blob_sync,
        .truncate = blob_truncate,
        .wait = blob_wait,
        .close = blob_close,
    };
    *blob = (struct seglog_blob){ .ops = &opened->ops, .self = opened };
    return SEGLOG_OK;
}

/* -- locks ----------------------------------------------------------------- */

static seglog_code
lock_acquire(void *self, int timeout_ms, struct seglog_error *err)
{
    struct kill_lock *lock = self;

    AROUND(lock->plan, SEGLOG_FAULT_ACQUIRE,
           lock->inner.ops->acquire(lock->inner.self, timeout_ms, err));
}

static seglog_code
lock_release(void *self, struct seglog_error *err)
{
    struct kill_lock *lock = self;

    AROUND(lock->plan, SEGLOG_FAULT_RELEASE,
           lock->inner.ops->release(lock->inner.self, err));
}

static void *
lock_get_hint(void *self)
{
    struct kill_lock *lock = self;

    return seglog_lock_get_hint(lock->inner);
}

static void
lock_close(void *self)
{
    struct kill_lock *lock = self;

    seglog_lock_close(&lock->inner);
    free(lock);
}

static seglog_code
lock_discard(void *self, struct seglog_error *err)
{
    struct kill_lock *lock = self;

    AROUND(lock->plan, SEGLOG_FAULT_DISCARD,
           seglog_lock_discard(lock->inner, err));
}

static seglog_code
store_open_lock(void *self, const char *name, struct seglog_lock *lock,
                struct seglog_error *err)
{
    struct kill_store *store = self;
    struct kill_lock *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    if (!opened)
        return SEGLOG_NO_MEMORY;
    pass(store->plan, SEGLOG_FAULT_OPEN_LOCK, KILL_BEFORE);
    code = store->inner.ops->open_lock(store->inner.self, name, &opened->inner,
                                       err);
    pass(store->plan, SEGLOG_FAULT_OPEN_LOCK, KILL_AFTER);
    if (code != SEGLOG_OK) {
        free(opened);
        return code;
    }
    opened->plan = store->plan;
    opened->ops = (struct seglog_lock_ops){
        .size = sizeof opened->ops,
        .acquire = lock_acquire,
        .release = lock_release,
        .get_hint = lock_get_hint,
        .close = lock_close,
        .discard = lock_discard,
    };
    *lock = (struct seglog_lock){ .ops = &opened->ops, .self = opened };
    return SEGLOG_OK;
}

/* -- names ----------------------------------------------------------------- */

static seglog_code
store_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
           struct seglog_error *err)
{
    struct kill_store *store = self;

    AROUND(store->plan, SEGLOG_FAULT_LIST,
           store->inner.ops->list(store->inner.self, prefix, fn, arg, err));
}

static seglog_code
store_remove(void *self, const char *name, struct seglog_error *err)
{
    struct kill_store *store = self;

    AROUND(store->plan, SEGLOG_FAULT_REMOVE,
           store->inner.ops->remove(store->inner.self, name, err));
}

static seglog_code
store_replace(void *self, const char *from, const char *name,
              struct seglog_error *err)
{
    struct kill_store *store = self;

    AROUND(store->plan, SEGLOG_FAULT_REPLACE,
           store->inner.ops->replace(store->inner.self, from, name, err));
}

static seglog_code
store_get_info(void *self, const char *name, struct seglog_blob_info *info,
               struct seglog_error *err)
{
    struct kill_store *store = self;

    AROUND(store->plan, SEGLOG_FAULT_GET_INFO,
           seglog_store_get_info(store->inner, name, info, err));
}

static seglog_code
store_get_stamp(void *self, struct seglog_stamp *stamp,
                struct seglog_error *err)
{
    struct kill_store *store = self;

    AROUND(store->plan, SEGLOG_FAULT_GET_STAMP,
           seglog_store_get_stamp(store->inner, stamp, err));
}

static void
store_describe(void *self, char *buf, size_t cap)
{
    const struct kill_store *store = self;

    seglog_store_describe(store->inner, buf, cap);
}

static void
store_close(void *self)
{
    struct kill_store *store = self;

    seglog_store_close(&store->inner);
    free(store);
}

struct seglog_store
kill_store_open(struct seglog_store inner, struct kill_plan *plan)
{
    struct kill_store *store = calloc(1, sizeof *store);

    if (!store)
        return (struct seglog_store){ 0 };
    store->inner = inner;
    store->plan = plan;
    store->ops = (struct seglog_store_ops){
        .size = sizeof store->ops,
        .open = store_open,
        .list = store_list,
        .remove = store_remove,
        .replace = store_replace,
        .open_lock = store_open_lock,
        .describe = store_describe,
        .close = store_close,
        .get_info = store_get_info,
        .get_stamp = store_get_stamp,
    };
    return (struct seglog_store){ .ops = &store->ops, .self = store };
}

const char *
kill_point_name(unsigned point, char *buf, size_t cap)
{
    static const char *const ways[] = { "before", "half", "after" };

    (void)snprintf(
        buf, cap, "%s %s",
        seglog_fault_op_name((enum seglog_fault_op)(point / KILL_WAYS)),
        ways[point % KILL_WAYS]);
    return buf;
}

bool
kill_point_exists(unsigned point)
{
    return point < KILL_POINTS && (point % KILL_WAYS != KILL_HALF ||
                                   point / KILL_WAYS == SEGLOG_FAULT_APPEND);
}
