/* SPDX-License-Identifier: MIT */
/* src/store/store_memory_blob.c - one open blob of a memory store. */
#define _POSIX_C_SOURCE 200809L /* pthread_rwlock_t */

#include <stdlib.h>
#include <string.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/store/store_memory.h"

/* A handle keeps the name it was opened by: the file may get another one. */
struct memory_blob {
    struct slg_memory_store *store;
    struct slg_memory_file *file;
    bool is_writable;
    char name[SLG_NAME_CAP];
};

static seglog_code
fail_blob(const struct memory_blob *blob, struct seglog_error *err,
          seglog_code code, uint64_t offset, const char *what)
{
    const struct slg_place place = { .name = blob->name, .offset = offset };

    return slg_fail(err, code, &place, "%s", what);
}

static seglog_code
fail_range(const struct memory_blob *blob, struct seglog_error *err,
           uint64_t offset, uint64_t size, const char *what)
{
    const seglog_code code = fail_blob(blob, err, SEGLOG_INVALID, offset, what);

    return slg_fail_actual(err, code, size);
}

static seglog_code
check_writable(const struct memory_blob *blob, struct seglog_error *err)
{
    if (blob->is_writable)
        return SEGLOG_OK;
    return fail_blob(blob, err, SEGLOG_READ_ONLY, SEGLOG_NO_OFFSET,
                     "it was opened for reading only");
}

static void
tell_changed(struct slg_memory_store *store)
{
    (void)pthread_mutex_lock(&store->mutex);
    (void)pthread_cond_broadcast(&store->changed);
    (void)pthread_mutex_unlock(&store->mutex);
}

/* Room for len more bytes; half as much again keeps appends cheap. */
static bool
file_reserve(struct slg_memory_file *file, size_t len)
{
    const size_t need = file->size + len;
    size_t cap = file->cap + file->cap / 2;
    uint8_t *data = NULL;

    if (len > SIZE_MAX / 2 - file->size)
        return false;
    if (need <= file->cap)
        return true;
    if (cap < need)
        cap = need < 256 ? 256 : need;
    data = realloc(file->data, cap);
    if (!data && cap > need) {
        cap = need;
        data = realloc(file->data, cap);
    }
    if (!data)
        return false;
    file->data = data;
    file->cap = cap;
    return true;
}

/* Under bytes_lock; *end is the end as it was found. */
static seglog_code
file_append(struct slg_memory_file *file, uint64_t expected_end,
            const void *data, size_t len, uint64_t *end)
{
    *end = file->size;
    if (expected_end != SEGLOG_END_ANY && expected_end != file->size)
        return SEGLOG_CONFLICT;
    if (len == 0)
        return SEGLOG_OK;
    if (!file_reserve(file, len))
        return SEGLOG_NO_MEMORY;
    memcpy(file->data + file->size, data, len);
    file->size += len;
    file->modified_ns = (uint64_t)slg_wall_clock_ns();
    return SEGLOG_OK;
}

static seglog_code
blob_append(void *self, uint64_t expected_end, const void *data, size_t len,
            uint64_t *offset, struct seglog_error *err)
{
    struct memory_blob *blob = self;
    uint64_t end = 0;
    seglog_code code = check_writable(blob, err);

    if (code != SEGLOG_OK)
        return code;
    (void)pthread_rwlock_wrlock(&blob->file->bytes_lock);
    code = file_append(blob->file, expected_end, data, len, &end);
    (void)pthread_rwlock_unlock(&blob->file->bytes_lock);

    if (code == SEGLOG_CONFLICT) {
        code = fail_blob(blob, err, code, expected_end,
                         "somebody else has appended or cut it");
        return slg_fail_actual(err, code, end);
    }
    if (code != SEGLOG_OK)
        return fail_blob(blob, err, code, end, "no memory to append");
    if (len > 0)
        tell_changed(blob->store);
    *offset = end;
    return SEGLOG_OK;
}

static seglog_code
blob_read_at(void *self, uint64_t offset, void *buf, size_t len,
             struct seglog_error *err)
{
    const struct memory_blob *blob = self;
    struct slg_memory_file *file = blob->file;
    uint64_t size = 0;
    bool is_inside = false;

    (void)pthread_rwlock_rdlock(&file->bytes_lock);
    size = file->size;
    is_inside = offset <= size && len <= size - offset;
    if (is_inside && len > 0)
        memcpy(buf, file->data + offset, len);
    (void)pthread_rwlock_unlock(&file->bytes_lock);

    if (!is_inside)
        return fail_range(blob, err, offset, size,
                          "the range to read goes past the end");
    return SEGLOG_OK;
}

/* Under the mutex of the store. */
static void
blob_look(const struct memory_blob *blob, uint64_t *size, bool *is_replaced)
{
    (void)pthread_rwlock_rdlock(&blob->file->bytes_lock);
    *size = blob->file->size;
    (void)pthread_rwlock_unlock(&blob->file->bytes_lock);
    *is_replaced = slg_memory_find(blob->store, blob->name) != blob->file;
}

static seglog_code
blob_get_size(void *self, uint64_t *size, bool *is_replaced,
              struct seglog_error *err)
{
    const struct memory_blob *blob = self;
    bool is_gone = false;

    (void)err;
    (void)pthread_mutex_lock(&blob->store->mutex);
    blob_look(blob, size, &is_gone);
    (void)pthread_mutex_unlock(&blob->store->mutex);
    if (is_replaced)
        *is_replaced = is_gone;
    return SEGLOG_OK;
}

/* Memory is as durable as it gets when append returns. */
static seglog_code
blob_do_nothing(void *self, struct seglog_error *err)
{
    (void)self;
    (void)err;
    return SEGLOG_OK;
}

static seglog_code
blob_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct memory_blob *blob = self;
    uint64_t size = 0;
    const seglog_code code = check_writable(blob, err);

    if (code != SEGLOG_OK)
        return code;
    (void)pthread_rwlock_wrlock(&blob->file->bytes_lock);
    size = blob->file->size;
    if (new_size <= size) {
        blob->file->size = (size_t)new_size;
        blob->file->modified_ns = (uint64_t)slg_wall_clock_ns();
    }
    (void)pthread_rwlock_unlock(&blob->file->bytes_lock);

    if (new_size > size)
        return fail_range(blob, err, new_size, size,
                          "cutting cannot make it longer");
    tell_changed(blob->store);
    return SEGLOG_OK;
}

static seglog_code
blob_wait(void *self, uint64_t known_size, int timeout_ms,
          struct seglog_error *err)
{
    const struct memory_blob *blob = self;
    struct slg_memory_store *store = blob->store;
    const int64_t deadline_ns = slg_deadline_ns(timeout_ms);
    uint64_t size = 0;
    bool is_replaced = false;

    (void)err;
    (void)pthread_mutex_lock(&store->mutex);
    do
        blob_look(blob, &size, &is_replaced);
    while (size == known_size && !is_replaced &&
           slg_memory_wait(store, &store->changed, deadline_ns));
    (void)pthread_mutex_unlock(&store->mutex);
    return SEGLOG_OK;
}

static seglog_code
blob_close(void *self, struct seglog_error *err)
{
    struct memory_blob *blob = self;

    (void)err;
    (void)pthread_mutex_lock(&blob->store->mutex);
    slg_memory_file_unref(blob->file);
    (void)pthread_mutex_unlock(&blob->store->mutex);
    free(blob);
    return SEGLOG_OK;
}

static const struct seglog_blob_ops memory_blob_ops = {
    .size = sizeof memory_blob_ops,
    .append = blob_append,
    .read_at = blob_read_at,
    .get_size = blob_get_size,
    .flush = blob_do_nothing,
    .sync = blob_do_nothing,
    .truncate = blob_truncate,
    .wait = blob_wait,
    .close = blob_close,
};

seglog_code
slg_memory_blob_new(struct slg_memory_store *store,
                    struct slg_memory_file *file, unsigned flags,
                    struct seglog_blob *blob, struct seglog_error *err)
{
    struct memory_blob *self = calloc(1, sizeof *self);

    if (!self) {
        const struct slg_place place = { .name = file->name,
                                         .offset = SEGLOG_NO_OFFSET };

        return slg_fail(err, SEGLOG_NO_MEMORY, &place, "no memory to open it");
    }
    self->store = store;
    self->file = file;
    self->is_writable = (flags & SEGLOG_OPEN_WRITE) != 0;
    memcpy(self->name, file->name, sizeof self->name);
    file->ref_count++;
    *blob = (struct seglog_blob){ .ops = &memory_blob_ops, .self = self };
    return SEGLOG_OK;
}
