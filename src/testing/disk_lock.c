/* SPDX-License-Identifier: MIT */
/* src/testing/disk_lock.c - the locks of a simulated disk. */
#define _POSIX_C_SOURCE 200809L /* pthread types */

#include <stdlib.h>
#include <string.h>

#include "src/testing/disk.h"
#include "src/testing/refuse.h"

static seglog_code
refuse(const struct slg_disk_lock_handle *handle, struct seglog_error *err,
       seglog_code code, const char *what)
{
    return slg_refuse(err, (struct slg_refusal){ .code = code,
                                                 .name = handle->lock->name,
                                                 .offset = SEGLOG_NO_OFFSET,
                                                 .what = what });
}

static seglog_code
refuse_dead(const struct slg_disk_lock_handle *handle, struct seglog_error *err)
{
    return refuse(handle, err, SEGLOG_IO, "the process is dead");
}

static bool
is_holder(const struct slg_disk_lock_handle *handle)
{
    return handle->lock->holder == handle;
}

/* What a discarded lock leaves is its hint: the next holder finds none. */
static void
lock_let_go(struct seglog_disk *disk, struct slg_disk_lock *lock)
{
    if (lock->is_discarded)
        memset(lock->hint, 0, sizeof lock->hint);
    lock->is_discarded = false;
    lock->holder = NULL;
    (void)pthread_cond_broadcast(&disk->released);
}

void
slg_disk_release_locks(struct seglog_disk *disk,
                       const struct seglog_disk_process *process)
{
    for (struct slg_disk_lock *lock = disk->locks; lock; lock = lock->next) {
        if (lock->holder && lock->holder->process == process)
            lock_let_go(disk, lock);
    }
}

static seglog_code
acquire_locked(struct slg_disk_lock_handle *handle, int timeout_ms,
               struct seglog_error *err)
{
    struct seglog_disk *disk = handle->process->disk;
    struct slg_disk_lock *lock = handle->lock;
    const int64_t deadline_ns =
        slg_disk_deadline_ns(handle->process, timeout_ms);

    if (!slg_disk_is_alive(handle->process))
        return refuse_dead(handle, err);
    if (is_holder(handle))
        return refuse(handle, err, SEGLOG_INVALID,
                      "this handle holds the lock already");
    while (lock->holder && slg_disk_is_alive(handle->process) &&
           slg_disk_wait(disk, &disk->released, deadline_ns))
        ;
    if (!slg_disk_is_alive(handle->process))
        return refuse_dead(handle, err);
    if (lock->holder)
        return refuse(handle, err, SEGLOG_LOCKED,
                      "somebody else is writing to it; try again later");
    lock->holder = handle;
    return SEGLOG_OK;
}

static seglog_code
lock_acquire(void *self, int timeout_ms, struct seglog_error *err)
{
    struct slg_disk_lock_handle *handle = self;
    struct seglog_disk *disk = handle->process->disk;
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&disk->mutex);
    code = acquire_locked(handle, timeout_ms, err);
    (void)pthread_mutex_unlock(&disk->mutex);
    return code;
}

static seglog_code
lock_release(void *self, struct seglog_error *err)
{
    struct slg_disk_lock_handle *handle = self;
    struct seglog_disk *disk = handle->process->disk;
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&disk->mutex);
    if (is_holder(handle))
        lock_let_go(disk, handle->lock);
    else if (slg_disk_is_alive(handle->process))
        code = refuse(handle, err, SEGLOG_INVALID,
                      "this handle does not hold the lock");
    (void)pthread_mutex_unlock(&disk->mutex);
    return code;
}

static void *
lock_get_hint(void *self)
{
    struct slg_disk_lock_handle *handle = self;
    struct seglog_disk *disk = handle->process->disk;
    void *hint = NULL;

    (void)pthread_mutex_lock(&disk->mutex);
    if (slg_disk_is_alive(handle->process) && !disk->options.has_no_hint)
        hint = handle->lock->hint;
    (void)pthread_mutex_unlock(&disk->mutex);
    return hint;
}

static seglog_code
lock_discard(void *self, struct seglog_error *err)
{
    struct slg_disk_lock_handle *handle = self;
    struct seglog_disk *disk = handle->process->disk;
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&disk->mutex);
    if (is_holder(handle))
        handle->lock->is_discarded = true;
    else if (!slg_disk_is_alive(handle->process))
        code = refuse_dead(handle, err);
    else
        code = refuse(handle, err, SEGLOG_INVALID,
                      "this handle does not hold the lock");
    (void)pthread_mutex_unlock(&disk->mutex);
    return code;
}

static void
lock_close(void *self)
{
    struct slg_disk_lock_handle *handle = self;
    struct seglog_disk *disk = handle->process->disk;

    (void)pthread_mutex_lock(&disk->mutex);
    if (is_holder(handle))
        lock_let_go(disk, handle->lock);
    (void)pthread_mutex_unlock(&disk->mutex);
    free(handle);
}

static const struct seglog_lock_ops disk_lock_ops = {
    .size = sizeof disk_lock_ops,
    .acquire = lock_acquire,
    .release = lock_release,
    .get_hint = lock_get_hint,
    .close = lock_close,
    .discard = lock_discard,
};

/* Under the mutex; it lives as long as the disk. */
static struct slg_disk_lock *
lock_find_or_add(struct seglog_disk *disk, const char *name)
{
    struct slg_disk_lock *lock = disk->locks;

    while (lock && strcmp(lock->name, name) != 0)
        lock = lock->next;
    if (lock)
        return lock;
    lock = calloc(1, sizeof *lock);
    if (!lock)
        return NULL;
    memcpy(lock->name, name, strlen(name) + 1);
    lock->next = disk->locks;
    disk->locks = lock;
    return lock;
}

seglog_code
slg_disk_lock_open(void *self, const char *name, struct seglog_lock *lock,
                   struct seglog_error *err)
{
    struct seglog_disk_process *process = self;
    struct seglog_disk *disk = process->disk;
    struct slg_disk_lock_handle *handle = calloc(1, sizeof *handle);
    const struct slg_refusal no_memory = { .code = SEGLOG_NO_MEMORY,
                                           .name = name,
                                           .offset = SEGLOG_NO_OFFSET,
                                           .what = "no memory for a lock" };
    bool is_alive = false;

    if (!handle)
        return slg_refuse(err, no_memory);
    (void)pthread_mutex_lock(&disk->mutex);
    is_alive = slg_disk_is_alive(process);
    handle->lock = lock_find_or_add(disk, name);
    (void)pthread_mutex_unlock(&disk->mutex);
    handle->process = process;
    if (!handle->lock || !is_alive) {
        const seglog_code code = handle->lock ? refuse_dead(handle, err)
                                              : slg_refuse(err, no_memory);

        free(handle);
        return code;
    }
    *lock = (struct seglog_lock){ .ops = &disk_lock_ops, .self = handle };
    return SEGLOG_OK;
}
