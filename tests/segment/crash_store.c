/* SPDX-License-Identifier: MIT */
/* tests/segment/crash_store.c - a store in memory whose machine can fail. */
#include "tests/segment/crash_store.h"

#include <stdio.h>

#define SECTOR ((size_t)512)

struct crash_blob {
    struct crash_process *process;
    struct crash_file *file;
    unsigned generation; /* of the file when it was opened */
    bool is_poisoned;
};

struct crash_lock {
    struct crash_process *process;
    struct crash_file *file;
    bool is_holder;
};

static seglog_code
refuse(struct seglog_error *err, seglog_code code, uint64_t actual)
{
    if (err)
        *err = (struct seglog_error){ .code = code,
                                      .offset = SEGLOG_NO_OFFSET,
                                      .actual = actual,
                                      .message = "of the crash store" };
    return code;
}

static uint64_t
below(struct crash_machine *machine, uint64_t limit)
{
    return limit == 0 ? 0 : test_random(&machine->seed) % limit;
}

static void
image_resize(struct crash_image *image, size_t size)
{
    uint8_t *bytes = realloc(image->bytes, size + SECTOR);

    assert_non_null(bytes);
    if (size > image->size)
        memset(bytes + image->size, 0, size - image->size);
    image->bytes = bytes;
    image->size = size;
}

static void
image_copy(struct crash_image *to, const struct crash_image *from)
{
    image_resize(to, from->size);
    if (from->size > 0)
        memcpy(to->bytes, from->bytes, from->size);
}

/* The process comes to its next operation: may it do it? */
static seglog_code
process_enter(struct crash_process *process, struct seglog_error *err)
{
    if (process->is_dead)
        return refuse(err, SEGLOG_IO, 0);
    process->ops++;
    if (process->meanwhile)
        process->meanwhile(process->arg);
    if (process->ops == process->die_at) {
        crash_process_die(process);
        return refuse(err, SEGLOG_IO, 0);
    }
    if (process->ops == process->fail_at)
        return refuse(err, process->fail_code, 0);
    return SEGLOG_OK;
}

/* -- blobs ---------------------------------------------------------------- */

static void
bytes_put(struct crash_file *file, const void *data, size_t len)
{
    const size_t end = file->now.size;

    image_resize(&file->now, end + len);
    memcpy(file->now.bytes + end, data, len);
}

static seglog_code
blob_append(void *self, uint64_t expected_end, const void *data, size_t len,
            uint64_t *offset, struct seglog_error *err)
{
    struct crash_blob *blob = self;
    struct crash_process *process = blob->process;
    const bool was_alive = !process->is_dead;
    seglog_code code = process_enter(process, err);

    if (code != SEGLOG_OK) {
        /* Killed while it was writing: a part of it is there. */
        if (was_alive && process->is_dead)
            bytes_put(blob->file, data,
                      (size_t)below(process->machine, len + 1));
        return code;
    }
    if (blob->is_poisoned)
        return refuse(err, SEGLOG_POISONED, 0);
    if (expected_end != SEGLOG_END_ANY && expected_end != blob->file->now.size)
        return refuse(err, SEGLOG_CONFLICT, blob->file->now.size);
    *offset = blob->file->now.size;
    if (len > 0)
        bytes_put(blob->file, data, len);
    return SEGLOG_OK;
}

static seglog_code
blob_read_at(void *self, uint64_t offset, void *buf, size_t len,
             struct seglog_error *err)
{
    const struct crash_blob *blob = self;
    const struct crash_image *now = &blob->file->now;
    const seglog_code code = process_enter(blob->process, err);

    if (code != SEGLOG_OK)
        return code;
    if (offset > now->size || len > now->size - offset)
        return refuse(err, SEGLOG_INVALID, now->size);
    if (len > 0)
        memcpy(buf, now->bytes + offset, len);
    return SEGLOG_OK;
}

static seglog_code
blob_get_size(void *self, uint64_t *size, bool *is_replaced,
              struct seglog_error *err)
{
    const struct crash_blob *blob = self;
    const seglog_code code = process_enter(blob->process, err);

    *size = blob->file->now.size;
    if (is_replaced)
        *is_replaced =
            blob->generation != blob->file->generation || !blob->file->is_there;
    return code;
}

static void
file_forget_old(struct crash_file *file)
{
    for (unsigned i = 0; i < CRASH_OLD_STATE; i++)
        free(file->old[i].bytes);
    memset(file->old, 0, sizeof file->old);
    file->old_count = 0;
}

static seglog_code
blob_sync(void *self, struct seglog_error *err)
{
    struct crash_blob *blob = self;
    const seglog_code code = process_enter(blob->process, err);

    if (code == SEGLOG_OK && !blob->is_poisoned) {
        image_copy(&blob->file->disk, &blob->file->now);
        file_forget_old(blob->file);
        return SEGLOG_OK;
    }
    blob->is_poisoned = true;
    return code == SEGLOG_OK ? refuse(err, SEGLOG_POISONED, 0) : code;
}

static seglog_code
blob_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct crash_blob *blob = self;
    struct crash_file *file = blob->file;
    const seglog_code code = process_enter(blob->process, err);

    if (code != SEGLOG_OK)
        return code;
    if (new_size > file->now.size)
        return refuse(err, SEGLOG_INVALID, file->now.size);
    if (file->old_count < CRASH_OLD_STATE)
        image_copy(&file->old[file->old_count++], &file->now);
    image_resize(&file->now, (size_t)new_size);
    return SEGLOG_OK;
}

static seglog_code
blob_close(void *self, struct seglog_error *err)
{
    (void)err;
    free(self);
    return SEGLOG_OK;
}

static const struct seglog_blob_ops blob_ops = {
    .size = sizeof blob_ops,
    .append = blob_append,
    .read_at = blob_read_at,
    .get_size = blob_get_size,
    .sync = blob_sync,
    .truncate = blob_truncate,
    .close = blob_close,
};

/* Only ever grows at its end. */
static const struct seglog_blob_ops blob_ops_no_cut = {
    .size = sizeof blob_ops_no_cut,
    .append = blob_append,
    .read_at = blob_read_at,
    .get_size = blob_get_size,
    .sync = blob_sync,
    .close = blob_close,
};

/* -- locks ---------------------------------------------------------------- */

static seglog_code
lock_acquire(void *self, int timeout_ms, struct seglog_error *err)
{
    struct crash_lock *lock = self;

    (void)timeout_ms;
    if (lock->process->is_dead)
        return refuse(err, SEGLOG_IO, 0);
    if (lock->file->holder)
        return refuse(err, SEGLOG_LOCKED, 0);
    lock->file->holder = lock->process;
    lock->is_holder = true;
    return SEGLOG_OK;
}

static seglog_code
lock_release(void *self, struct seglog_error *err)
{
    struct crash_lock *lock = self;

    (void)err;
    /* What a dead process held has been released, and may be held again. */
    if (lock->is_holder && !lock->process->is_dead)
        lock->file->holder = NULL;
    lock->is_holder = false;
    return SEGLOG_OK;
}

static void *
lock_get_hint(void *self)
{
    const struct crash_lock *lock = self;

    return lock->process->is_dead || lock->process->machine->has_no_hint
               ? NULL
               : lock->file->hint;
}

static void
lock_close(void *self)
{
    (void)lock_release(self, NULL);
    free(self);
}

static const struct seglog_lock_ops lock_ops = {
    .size = sizeof lock_ops,
    .acquire = lock_acquire,
    .release = lock_release,
    .get_hint = lock_get_hint,
    .close = lock_close,
};

/* -- the store ------------------------------------------------------------ */

static struct crash_file *
file_of(struct crash_machine *machine, const char *name)
{
    for (unsigned i = 0; i < CRASH_NAMES; i++) {
        struct crash_file *file = &machine->files[i];

        if (file->name[0] == '\0')
            (void)snprintf(file->name, sizeof file->name, "%s", name);
        if (strcmp(file->name, name) == 0)
            return file;
    }
    fail_msg("no room for %s", name);
    return NULL;
}

static seglog_code
store_open(void *self, const char *name, unsigned flags,
           struct seglog_blob *blob, struct seglog_error *err)
{
    struct crash_process *process = self;
    struct crash_file *file = file_of(process->machine, name);
    struct crash_blob *opened = NULL;
    const bool can_make =
        (flags & (SEGLOG_OPEN_CREATE | SEGLOG_OPEN_CREATE_EXCLUSIVE)) != 0;
    const seglog_code code = process_enter(process, err);

    if (code != SEGLOG_OK)
        return code;
    if (!file->is_there && !can_make)
        return refuse(err, SEGLOG_NOT_FOUND, 0);
    if (file->is_there && (flags & SEGLOG_OPEN_CREATE_EXCLUSIVE) != 0)
        return refuse(err, SEGLOG_EXISTS, 0);
    opened = calloc(1, sizeof *opened);
    assert_non_null(opened);
    file->is_there = true;
    *opened = (struct crash_blob){ .process = process,
                                   .file = file,
                                   .generation = file->generation };
    *blob = (struct seglog_blob){ .self = opened,
                                  .ops = process->machine->cannot_cut &&
                                                 file == process->machine->files
                                             ? &blob_ops_no_cut
                                             : &blob_ops };
    return SEGLOG_OK;
}

static seglog_code
store_remove(void *self, const char *name, struct seglog_error *err)
{
    struct crash_process *process = self;
    struct crash_file *file = file_of(process->machine, name);
    const seglog_code code = process_enter(process, err);

    if (code != SEGLOG_OK)
        return code;
    file->is_there = false;
    image_resize(&file->now, 0);
    image_resize(&file->disk, 0);
    file_forget_old(file);
    return SEGLOG_OK;
}

/* Durable at once, like the name of a new file. */
static seglog_code
store_replace(void *self, const char *from_name, const char *name,
              struct seglog_error *err)
{
    struct crash_process *process = self;
    struct crash_file *from = file_of(process->machine, from_name);
    struct crash_file *file = file_of(process->machine, name);
    const seglog_code code = process_enter(process, err);

    if (code != SEGLOG_OK)
        return code;
    if (!from->is_there)
        return refuse(err, SEGLOG_NOT_FOUND, 0);
    image_copy(&file->now, &from->now);
    image_copy(&file->disk, &from->disk);
    file_forget_old(file);
    for (unsigned i = 0; i < from->old_count; i++)
        image_copy(&file->old[i], &from->old[i]);
    file->old_count = from->old_count;
    file->generation++;
    file->is_there = true;
    from->is_there = false;
    image_resize(&from->now, 0);
    image_resize(&from->disk, 0);
    file_forget_old(from);
    return SEGLOG_OK;
}

static seglog_code
store_open_lock(void *self, const char *name, struct seglog_lock *lock,
                struct seglog_error *err)
{
    struct crash_process *process = self;
    struct crash_lock *opened = NULL;

    if (process->is_dead)
        return refuse(err, SEGLOG_IO, 0);
    opened = calloc(1, sizeof *opened);
    assert_non_null(opened);
    opened->process = process;
    opened->file = file_of(process->machine, name);
    *lock = (struct seglog_lock){ .ops = &lock_ops, .self = opened };
    return SEGLOG_OK;
}

static const struct seglog_store_ops store_ops = {
    .size = sizeof store_ops,
    .open = store_open,
    .remove = store_remove,
    .replace = store_replace,
    .open_lock = store_open_lock,
};

struct seglog_store
crash_store(struct crash_process *process)
{
    return (struct seglog_store){ .ops = &store_ops, .self = process };
}

/* -- what goes wrong ------------------------------------------------------ */

void
crash_process_die(struct crash_process *process)
{
    process->is_dead = true;
    for (unsigned i = 0; i < CRASH_NAMES; i++) {
        if (process->machine->files[i].holder == process)
            process->machine->files[i].holder = NULL;
    }
}

/* One sector of one of the states that were between the last sync and now. */
static void
sector_survive(struct crash_machine *machine, const struct crash_file *file,
               struct crash_image *to, size_t at, unsigned lost_percent)
{
    const struct crash_image *from = &file->now;
    const size_t len = to->size - at < SECTOR ? to->size - at : SECTOR;
    size_t has = 0;

    if (below(machine, 100) < lost_percent)
        from = &file->disk;
    else if (file->old_count > 0 && below(machine, 4) == 0)
        from = &file->old[below(machine, file->old_count)];
    if (from->size > at)
        has = from->size - at < len ? from->size - at : len;
    if (has > 0)
        memcpy(to->bytes + at, from->bytes + at, has);
}

static void
file_survive(struct crash_machine *machine, struct crash_file *file,
             unsigned lost_percent)
{
    size_t least = file->disk.size;
    size_t most = file->disk.size;
    struct crash_image to = { 0 };

    for (unsigned i = 0; i <= file->old_count; i++) {
        const size_t size =
            i < file->old_count ? file->old[i].size : file->now.size;

        least = size < least ? size : least;
        most = size > most ? size : most;
    }
    if (below(machine, 2) == 0)
        image_resize(&to, file->now.size);
    else
        image_resize(&to, least + (size_t)below(machine, most - least + 1));
    for (size_t at = 0; at < to.size; at += SECTOR)
        sector_survive(machine, file, &to, at, lost_percent);
    file_forget_old(file);
    image_copy(&file->now, &to);
    image_copy(&file->disk, &to);
    free(to.bytes);
}

void
crash_power_cut(struct crash_machine *machine, unsigned lost_percent)
{
    for (unsigned i = 0; i < CRASH_NAMES; i++) {
        struct crash_file *file = &machine->files[i];

        file_survive(machine, file, lost_percent);
        file->holder = NULL;
        memset(file->hint, 0, sizeof file->hint);
    }
}

void
crash_machine_free(struct crash_machine *machine)
{
    for (unsigned i = 0; i < CRASH_NAMES; i++) {
        free(machine->files[i].now.bytes);
        free(machine->files[i].disk.bytes);
        file_forget_old(&machine->files[i]);
    }
}
