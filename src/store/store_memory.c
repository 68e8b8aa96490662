/* SPDX-License-Identifier: MIT */
/* src/store/store_memory.c - a store in memory: names and what they lead to. */
#define _POSIX_C_SOURCE 200809L /* pthread_condattr_setclock */

#include "src/store/store_memory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"

static seglog_code
fail_named(struct seglog_error *err, seglog_code code, const char *name,
           const char *what)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, code, &place, "%s", what);
}

bool
slg_memory_wait(struct slg_memory_store *store, pthread_cond_t *cond,
                int64_t deadline_ns)
{
    const struct timespec deadline = slg_timespec_from_ns(deadline_ns);

    if (deadline_ns == SLG_NO_DEADLINE)
        return pthread_cond_wait(cond, &store->mutex) == 0;
    return pthread_cond_timedwait(cond, &store->mutex, &deadline) == 0;
}

/* The place of name in the sorted table, or where it would be put. */
static size_t
files_search(const struct slg_memory_store *store, const char *name)
{
    size_t low = 0;
    size_t high = store->file_count;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (strcmp(store->files[mid]->name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool
files_has(const struct slg_memory_store *store, size_t at, const char *name)
{
    return at < store->file_count && strcmp(store->files[at]->name, name) == 0;
}

struct slg_memory_file *
slg_memory_find(struct slg_memory_store *store, const char *name)
{
    const size_t at = files_search(store, name);

    return files_has(store, at, name) ? store->files[at] : NULL;
}

void
slg_memory_file_unref(struct slg_memory_file *file)
{
    if (--file->ref_count > 0)
        return;
    (void)pthread_rwlock_destroy(&file->bytes_lock);
    free(file->data);
    free(file);
}

/* The table has room for one more. */
static void
files_insert(struct slg_memory_store *store, struct slg_memory_file *file)
{
    const size_t at = files_search(store, file->name);

    memmove(store->files + at + 1, store->files + at,
            (store->file_count - at) * sizeof *store->files);
    store->files[at] = file;
    store->file_count++;
    store->name_changes++;
}

/* Take the name away; the reference goes to the caller. */
static struct slg_memory_file *
files_take(struct slg_memory_store *store, size_t at)
{
    struct slg_memory_file *file = store->files[at];

    store->file_count--;
    store->name_changes++;
    memmove(store->files + at, store->files + at + 1,
            (store->file_count - at) * sizeof *store->files);
    return file;
}

static struct slg_memory_file *
file_create(struct slg_memory_store *store, const char *name,
            struct seglog_error *err)
{
    struct slg_memory_file *file = NULL;

    if (store->file_count == store->file_cap) {
        const size_t cap = store->file_cap ? 2 * store->file_cap : 16;
        struct slg_memory_file **files =
            realloc(store->files, cap * sizeof *files);

        if (!files)
            goto no_memory;
        store->files = files;
        store->file_cap = cap;
    }
    file = calloc(1, sizeof *file);
    if (!file || pthread_rwlock_init(&file->bytes_lock, NULL) != 0)
        goto no_memory;
    file->ref_count = 1;
    file->modified_ns = (uint64_t)slg_wall_clock_ns();
    memcpy(file->name, name, strlen(name) + 1);
    files_insert(store, file);
    return file;

no_memory:
    free(file);
    (void)fail_named(err, SEGLOG_NO_MEMORY, name, "no memory for a new blob");
    return NULL;
}

static seglog_code
memory_open_locked(struct slg_memory_store *store, const char *name,
                   unsigned flags, struct seglog_blob *blob,
                   struct seglog_error *err)
{
    struct slg_memory_file *file = slg_memory_find(store, name);
    const bool is_new = file == NULL;
    seglog_code code = SEGLOG_OK;

    if (file && (flags & SEGLOG_OPEN_CREATE_EXCLUSIVE) != 0)
        return fail_named(err, SEGLOG_EXISTS, name, "it exists already");
    if (is_new &&
        (flags & (SEGLOG_OPEN_CREATE | SEGLOG_OPEN_CREATE_EXCLUSIVE)) == 0)
        return fail_named(err, SEGLOG_NOT_FOUND, name, "there is no such blob");
    if (is_new)
        file = file_create(store, name, err);
    if (!file)
        return SEGLOG_NO_MEMORY;

    code = slg_memory_blob_new(store, file, flags, blob, err);
    if (code != SEGLOG_OK && is_new)
        slg_memory_file_unref(files_take(store, files_search(store, name)));
    return code;
}

static seglog_code
memory_open(void *self, const char *name, unsigned flags,
            struct seglog_blob *blob, struct seglog_error *err)
{
    struct slg_memory_store *store = self;
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&store->mutex);
    code = memory_open_locked(store, name, flags, blob, err);
    (void)pthread_mutex_unlock(&store->mutex);
    return code;
}

static seglog_code
memory_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
            struct seglog_error *err)
{
    struct slg_memory_store *store = self;
    const size_t prefix_len = strlen(prefix);
    struct slg_name_list list = { 0 };
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&store->mutex);
    for (size_t i = files_search(store, prefix);
         i < store->file_count && code == SEGLOG_OK &&
         strncmp(store->files[i]->name, prefix, prefix_len) == 0;
         i++)
        code = slg_name_list_add(&list, store->files[i]->name, err);
    (void)pthread_mutex_unlock(&store->mutex);

    if (code == SEGLOG_OK)
        slg_name_list_tell(&list, fn, arg);
    slg_name_list_reset(&list);
    return code;
}

static seglog_code
memory_remove(void *self, const char *name, struct seglog_error *err)
{
    struct slg_memory_store *store = self;
    size_t at = 0;
    bool is_there = false;

    (void)pthread_mutex_lock(&store->mutex);
    at = files_search(store, name);
    is_there = files_has(store, at, name);
    if (is_there) {
        slg_memory_file_unref(files_take(store, at));
        (void)pthread_cond_broadcast(&store->changed);
    }
    (void)pthread_mutex_unlock(&store->mutex);

    if (!is_there)
        return fail_named(err, SEGLOG_NOT_FOUND, name, "there is no such blob");
    return SEGLOG_OK;
}

static seglog_code
memory_replace(void *self, const char *from, const char *name,
               struct seglog_error *err)
{
    struct slg_memory_store *store = self;
    size_t at = 0;
    bool is_there = false;

    (void)pthread_mutex_lock(&store->mutex);
    at = files_search(store, from);
    is_there = files_has(store, at, from);
    if (is_there) {
        struct slg_memory_file *file = files_take(store, at);

        at = files_search(store, name);
        if (files_has(store, at, name))
            slg_memory_file_unref(files_take(store, at));
        memcpy(file->name, name, strlen(name) + 1);
        files_insert(store, file);
        (void)pthread_cond_broadcast(&store->changed);
    }
    (void)pthread_mutex_unlock(&store->mutex);

    if (!is_there)
        return fail_named(err, SEGLOG_NOT_FOUND, from, "there is no such blob");
    return SEGLOG_OK;
}

static seglog_code
memory_get_info(void *self, const char *name, struct seglog_blob_info *info,
                struct seglog_error *err)
{
    struct slg_memory_store *store = self;
    struct slg_memory_file *file = NULL;

    (void)pthread_mutex_lock(&store->mutex);
    file = slg_memory_find(store, name);
    if (file) {
        (void)pthread_rwlock_rdlock(&file->bytes_lock);
        *info = (struct seglog_blob_info){ .size = file->size,
                                           .modified_ns = file->modified_ns };
        (void)pthread_rwlock_unlock(&file->bytes_lock);
    }
    (void)pthread_mutex_unlock(&store->mutex);

    if (!file)
        return fail_named(err, SEGLOG_NOT_FOUND, name, "there is no such blob");
    return SEGLOG_OK;
}

/* A count has no clock that could be too coarse. */
static seglog_code
memory_get_stamp(void *self, struct seglog_stamp *stamp,
                 struct seglog_error *err)
{
    struct slg_memory_store *store = self;

    (void)err;
    (void)pthread_mutex_lock(&store->mutex);
    *stamp = (struct seglog_stamp){
        .value = { store->name_changes, store->number },
        .is_settled = true,
    };
    (void)pthread_mutex_unlock(&store->mutex);
    return SEGLOG_OK;
}

static void
memory_describe(void *self, char *buf, size_t cap)
{
    (void)self;
    (void)snprintf(buf, cap, "memory store");
}

static void
memory_close(void *self)
{
    struct slg_memory_store *store = self;

    while (store->file_count > 0)
        slg_memory_file_unref(files_take(store, store->file_count - 1));
    while (store->locks) {
        struct slg_memory_lock *lock = store->locks;

        store->locks = lock->next;
        free(lock);
    }
    (void)pthread_cond_destroy(&store->released);
    (void)pthread_cond_destroy(&store->changed);
    (void)pthread_mutex_destroy(&store->mutex);
    free(store->files);
    free(store);
}

static const struct seglog_store_ops memory_ops = {
    .size = sizeof memory_ops,
    .open = memory_open,
    .list = memory_list,
    .remove = memory_remove,
    .replace = memory_replace,
    .open_lock = slg_memory_lock_open,
    .describe = memory_describe,
    .close = memory_close,
    .get_info = memory_get_info,
    .get_stamp = memory_get_stamp,
};

/* Deadlines are monotonic: setting the clock neither wakes nor strands. */
static bool
conds_init(struct slg_memory_store *store)
{
    pthread_condattr_t attr;
    bool is_ok = false;

    if (pthread_condattr_init(&attr) != 0)
        return false;
    if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
        pthread_cond_init(&store->changed, &attr) == 0) {
        is_ok = pthread_cond_init(&store->released, &attr) == 0;
        if (!is_ok)
            (void)pthread_cond_destroy(&store->changed);
    }
    (void)pthread_condattr_destroy(&attr);
    return is_ok;
}

seglog_code
seglog_store_memory_open(struct seglog_store *store, struct seglog_error *err)
{
    static atomic_uint_fast64_t stores_opened;
    struct slg_memory_store *self = NULL;

    if (!store)
        return slg_fail(err, SEGLOG_INVALID, NULL, "store is NULL");
    self = calloc(1, sizeof *self);
    if (!self || pthread_mutex_init(&self->mutex, NULL) != 0)
        goto no_memory;
    if (!conds_init(self)) {
        (void)pthread_mutex_destroy(&self->mutex);
        goto no_memory;
    }
    self->number = atomic_fetch_add(&stores_opened, 1);
    *store = (struct seglog_store){ .ops = &memory_ops, .self = self };
    return SEGLOG_OK;

no_memory:
    free(self);
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a store");
}
