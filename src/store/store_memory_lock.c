/* SPDX-License-Identifier: MIT */
/* src/store/store_memory_lock.c - the locks of a memory store. */
#define _POSIX_C_SOURCE 200809L /* pthread_rwlock_t */

#include <stdlib.h>
#include <string.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/store/store_memory.h"

struct memory_lock_handle {
    struct slg_memory_store *store;
    struct slg_memory_lock *lock;
    bool is_holder;
    bool is_discarded;
};

static seglog_code
fail_lock(const struct slg_memory_lock *lock, struct seglog_error *err,
          seglog_code code, const char *what)
{
    const struct slg_place place = { .name = lock->name,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, code, &place, "%s", what);
}

static seglog_code
lock_acquire(void *self, int timeout_ms, struct seglog_error *err)
{
    struct memory_lock_handle *handle = self;
    struct slg_memory_store *store = handle->store;
    struct slg_memory_lock *lock = handle->lock;
    const int64_t deadline_ns = slg_deadline_ns(timeout_ms);

    if (handle->is_holder)
        return fail_lock(lock, err, SEGLOG_INVALID,
                         "this handle holds the lock already");

    (void)pthread_mutex_lock(&store->mutex);
    while (lock->is_held &&
           slg_memory_wait(store, &store->released, deadline_ns))
        ;
    handle->is_holder = !lock->is_held;
    lock->is_held = true;
    (void)pthread_mutex_unlock(&store->mutex);

    if (!handle->is_holder)
        return fail_lock(lock, err, SEGLOG_LOCKED,
                         "somebody else is writing to it; try again later");
    return SEGLOG_OK;
}

static seglog_code
lock_release(void *self, struct seglog_error *err)
{
    struct memory_lock_handle *handle = self;
    struct slg_memory_store *store = handle->store;

    if (!handle->is_holder)
        return fail_lock(handle->lock, err, SEGLOG_INVALID,
                         "this handle does not hold the lock");

    handle->is_holder = false;
    (void)pthread_mutex_lock(&store->mutex);
    if (handle->is_discarded)
        memset(handle->lock->hint, 0, sizeof handle->lock->hint);
    handle->is_discarded = false;
    handle->lock->is_held = false;
    (void)pthread_cond_broadcast(&store->released);
    (void)pthread_mutex_unlock(&store->mutex);
    return SEGLOG_OK;
}

static void *
lock_get_hint(void *self)
{
    struct memory_lock_handle *handle = self;

    return handle->lock->hint;
}

static void
lock_close(void *self)
{
    struct memory_lock_handle *handle = self;

    if (handle->is_holder)
        (void)lock_release(handle, NULL);
    free(handle);
}

/*
 * All a lock leaves is its hint, which the next holder must find as in a new
 * lock.  It is cleared at the release: until then the holder may write to it.
 */
static seglog_code
lock_discard(void *self, struct seglog_error *err)
{
    struct memory_lock_handle *handle = self;

    if (!handle->is_holder)
        return fail_lock(handle->lock, err, SEGLOG_INVALID,
                         "this handle does not hold the lock: acquire it "
                         "before discarding it");
    handle->is_discarded = true;
    return SEGLOG_OK;
}

static const struct seglog_lock_ops memory_lock_ops = {
    .size = sizeof memory_lock_ops,
    .acquire = lock_acquire,
    .release = lock_release,
    .get_hint = lock_get_hint,
    .close = lock_close,
    .discard = lock_discard,
};

/* Under the mutex. */
static struct slg_memory_lock *
lock_find_or_add(struct slg_memory_store *store, const char *name)
{
    struct slg_memory_lock *lock = store->locks;

    while (lock && strcmp(lock->name, name) != 0)
        lock = lock->next;
    if (lock)
        return lock;
    lock = calloc(1, sizeof *lock);
    if (!lock)
        return NULL;
    memcpy(lock->name, name, strlen(name) + 1);
    lock->next = store->locks;
    store->locks = lock;
    return lock;
}

seglog_code
slg_memory_lock_open(void *self, const char *name, struct seglog_lock *lock,
                     struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct slg_memory_store *store = self;
    struct memory_lock_handle *handle = calloc(1, sizeof *handle);

    if (!handle)
        goto no_memory;
    handle->store = store;
    (void)pthread_mutex_lock(&store->mutex);
    handle->lock = lock_find_or_add(store, name);
    (void)pthread_mutex_unlock(&store->mutex);
    if (!handle->lock)
        goto no_memory;
    *lock = (struct seglog_lock){ .ops = &memory_lock_ops, .self = handle };
    return SEGLOG_OK;

no_memory:
    free(handle);
    return slg_fail(err, SEGLOG_NO_MEMORY, &place, "no memory for a lock");
}
