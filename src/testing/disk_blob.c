/* SPDX-License-Identifier: MIT */
/* src/testing/disk_blob.c - one open blob of a simulated disk. */
#define _POSIX_C_SOURCE 200809L /* pthread types */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/testing/disk.h"
#include "src/testing/refuse.h"

struct disk_blob {
    struct seglog_disk_process *process;
    struct slg_disk_file *file;
    uint64_t end; /* as last known; what a holder of the lock relies on */
    bool is_writable;
    bool is_lock_held;
    bool is_poisoned;
    bool needs_names; /* its name may be more recent than any sync of names */
    char name[SLG_DISK_NAME_CAP];
};

static seglog_code
refuse(const struct disk_blob *blob, struct seglog_error *err, seglog_code code,
       uint64_t offset, const char *what)
{
    return slg_refuse(
        err, (struct slg_refusal){ .code = code,
                                   .sys_errno = code == SEGLOG_IO ? EIO : 0,
                                   .name = blob->name,
                                   .offset = offset,
                                   .actual = blob->file->now.size,
                                   .what = what });
}

static seglog_code
check_writable(const struct disk_blob *blob, struct seglog_error *err)
{
    if (!blob->is_writable)
        return refuse(blob, err, SEGLOG_READ_ONLY, SEGLOG_NO_OFFSET,
                      "it was opened for reading only");
    if (blob->is_poisoned)
        return refuse(blob, err, SEGLOG_POISONED, SEGLOG_NO_OFFSET,
                      "an earlier sync failed; open it again");
    return SEGLOG_OK;
}

static void
file_changed(struct disk_blob *blob)
{
    blob->file->modified_ns = (uint64_t)slg_disk_wall_clock_ns();
    (void)pthread_cond_broadcast(&blob->process->disk->changed);
}

/*
 * Who trusts an end that is no longer true writes there all the same, as the
 * system would: over bytes of others, or behind a hole.
 */
static seglog_code
write_at_end(struct disk_blob *blob, const void *data, size_t len,
             struct seglog_error *err)
{
    struct slg_disk_file *file = blob->file;

    if (len == 0)
        return SEGLOG_OK;
    if (!slg_image_write(&file->now, blob->end, data, len))
        return refuse(blob, err, SEGLOG_NO_MEMORY, blob->end,
                      "no memory to append");
    if (blob->end < file->floor)
        file->floor = blob->end;
    blob->end += len;
    file_changed(blob);
    return SEGLOG_OK;
}

static seglog_code
append_checked(struct disk_blob *blob, uint64_t expected_end, const void *data,
               size_t len, uint64_t *offset, struct seglog_error *err)
{
    seglog_code code = check_writable(blob, err);
    uint64_t end = 0;

    if (code != SEGLOG_OK)
        return code;
    if (!blob->is_lock_held)
        blob->end = blob->file->now.size;
    end = blob->end;
    if (expected_end != SEGLOG_END_ANY && expected_end != end) {
        code = refuse(blob, err, SEGLOG_CONFLICT, expected_end,
                      "somebody else has appended or cut it");
        if (err)
            err->actual = end;
        return code;
    }
    code = write_at_end(blob, data, len, err);
    if (code == SEGLOG_OK)
        *offset = end;
    return code;
}

/* Killed while it was writing: a part of it is there. */
static void
append_partly(struct disk_blob *blob, const void *data, size_t len)
{
    struct seglog_disk *disk = blob->process->disk;

    (void)pthread_mutex_lock(&disk->mutex);
    if (check_writable(blob, NULL) == SEGLOG_OK) {
        if (!blob->is_lock_held)
            blob->end = blob->file->now.size;
        (void)write_at_end(
            blob, data, (size_t)slg_disk_below(&disk->chance, len + 1), NULL);
    }
    (void)pthread_mutex_unlock(&disk->mutex);
}

static seglog_code
blob_append(void *self, uint64_t expected_end, const void *data, size_t len,
            uint64_t *offset, struct seglog_error *err)
{
    struct disk_blob *blob = self;
    bool dies_now = false;
    seglog_code code =
        slg_disk_enter(blob->process, SEGLOG_DISK_WRITE, &dies_now, err);

    if (dies_now)
        append_partly(blob, data, len);
    if (code != SEGLOG_OK)
        return code;
    code = append_checked(blob, expected_end, data, len, offset, err);
    slg_disk_leave(blob->process);
    return code;
}

static seglog_code
blob_read_at(void *self, uint64_t offset, void *buf, size_t len,
             struct seglog_error *err)
{
    const struct disk_blob *blob = self;
    const struct slg_image *now = &blob->file->now;
    seglog_code code =
        slg_disk_enter(blob->process, SEGLOG_DISK_READ, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    if (offset > now->size || len > now->size - offset)
        code = refuse(blob, err, SEGLOG_INVALID, offset,
                      "the range to read goes past the end");
    else
        slg_image_read(now, offset, buf, len);
    slg_disk_leave(blob->process);
    return code;
}

static bool
is_replaced_now(const struct disk_blob *blob)
{
    return slg_disk_names_find(&blob->process->disk->now, blob->name) !=
           blob->file;
}

static seglog_code
blob_get_size(void *self, uint64_t *size, bool *is_replaced,
              struct seglog_error *err)
{
    struct disk_blob *blob = self;
    const seglog_code code =
        slg_disk_enter(blob->process, SEGLOG_DISK_SIZE, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    *size = blob->end = blob->file->now.size;
    if (is_replaced)
        *is_replaced = is_replaced_now(blob);
    slg_disk_leave(blob->process);
    return SEGLOG_OK;
}

static seglog_code
blob_flush(void *self, struct seglog_error *err)
{
    (void)self;
    (void)err;
    return SEGLOG_OK;
}

/* The device took some sectors and not the others. */
static bool
sync_partly(struct slg_disk_file *file, struct seglog_disk *disk)
{
    const size_t first = (size_t)(file->floor / SLG_PAGE);
    struct slg_image before = { 0 };
    bool is_ok = slg_image_share(&before, &file->disk, 0) &&
                 slg_image_share(&file->disk, &file->now, first);

    for (size_t i = first; i < slg_page_count(file->now.size) && is_ok; i++) {
        struct slg_page *page = NULL;

        if (slg_disk_below(&disk->chance, 100) >= disk->fail_sync_percent)
            continue;
        page = slg_page_new();
        is_ok = page != NULL;
        if (!is_ok)
            break;
        slg_image_read_sector(&before, i, page->bytes);
        slg_image_put_page(&file->disk, i, page);
    }
    slg_image_reset(&before);
    return is_ok;
}

static void
sync_fail(struct slg_disk_file *file, struct seglog_disk *disk)
{
    const uint64_t floor = file->floor;

    if (disk->fail_sync_how == SEGLOG_DISK_KEPT_DIRTY ||
        !sync_partly(file, disk))
        return;
    slg_disk_file_forget_between(file);
    file->floor = file->now.size;
    if (disk->fail_sync_how == SEGLOG_DISK_LOST_REVERTED)
        (void)slg_image_share(&file->now, &file->disk,
                              (size_t)(floor / SLG_PAGE));
}

static seglog_code
sync_checked(struct disk_blob *blob, struct seglog_error *err)
{
    struct seglog_disk *disk = blob->process->disk;

    if (blob->is_poisoned)
        return refuse(blob, err, SEGLOG_POISONED, SEGLOG_NO_OFFSET,
                      "an earlier sync failed; open it again");
    if (disk->fail_sync_at != 0 &&
        (!disk->fail_sync_name ||
         strcmp(disk->fail_sync_name, blob->name) == 0) &&
        --disk->fail_sync_at == 0) {
        sync_fail(blob->file, disk);
        blob->is_poisoned = true;
        return refuse(blob, err, SEGLOG_IO, SEGLOG_NO_OFFSET,
                      "the disk did not take the bytes");
    }
    if ((disk->options.flaws & SEGLOG_DISK_SYNC_SKIPPED) != 0 &&
        (disk->options.sync_skip <= 1 ||
         slg_disk_below(&disk->chance, disk->options.sync_skip) == 0))
        return SEGLOG_OK;
    if (slg_disk_file_sync(blob->file))
        return SEGLOG_OK;
    blob->is_poisoned = true;
    return refuse(blob, err, SEGLOG_IO, SEGLOG_NO_OFFSET, "no memory to sync");
}

static seglog_code
blob_sync(void *self, struct seglog_error *err)
{
    struct disk_blob *blob = self;
    seglog_code code =
        slg_disk_enter(blob->process, SEGLOG_DISK_SYNC, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    code = sync_checked(blob, err);
    /* Whoever put it there may have died before that was durable. */
    if (code == SEGLOG_OK && blob->needs_names) {
        blob->needs_names = !slg_disk_sync_names(blob->process->disk);
        blob->is_poisoned = blob->needs_names;
        if (blob->is_poisoned)
            code = refuse(blob, err, SEGLOG_IO, SEGLOG_NO_OFFSET,
                          "no memory to sync the folder");
    }
    slg_disk_leave(blob->process);
    return code;
}

/* What was before the cut may still be there after a power cut. */
static bool
keep_between(struct slg_disk_file *file)
{
    struct slg_image *kept = &file->between[file->between_count];

    if (slg_disk_file_is_clean(file))
        return true;
    if (file->between_count == SLG_DISK_BETWEEN)
        return true;
    if (!slg_image_share(kept, &file->now, 0)) {
        slg_image_reset(kept);
        return false;
    }
    file->between_count++;
    return true;
}

static seglog_code
truncate_checked(struct disk_blob *blob, uint64_t new_size,
                 struct seglog_error *err)
{
    struct slg_disk_file *file = blob->file;
    const seglog_code code = check_writable(blob, err);

    if (code != SEGLOG_OK)
        return code;
    if (new_size > file->now.size)
        return refuse(blob, err, SEGLOG_INVALID, new_size,
                      "cutting cannot make it longer");
    blob->end = new_size;
    if (new_size < file->now.size) {
        if (!keep_between(file))
            return refuse(blob, err, SEGLOG_NO_MEMORY, new_size,
                          "no memory to cut it");
        (void)slg_image_resize(&file->now, new_size);
        if (new_size < file->floor)
            file->floor = new_size;
    }
    file_changed(blob);
    return SEGLOG_OK;
}

static seglog_code
blob_truncate(void *self, uint64_t new_size, struct seglog_error *err)
{
    struct disk_blob *blob = self;
    seglog_code code =
        slg_disk_enter(blob->process, SEGLOG_DISK_CUT, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    code = truncate_checked(blob, new_size, err);
    slg_disk_leave(blob->process);
    return code;
}

static seglog_code
blob_wait(void *self, uint64_t known_size, int timeout_ms,
          struct seglog_error *err)
{
    const struct disk_blob *blob = self;
    struct seglog_disk *disk = blob->process->disk;
    const int64_t deadline_ns = slg_disk_deadline_ns(blob->process, timeout_ms);

    (void)err;
    (void)pthread_mutex_lock(&disk->mutex);
    while (slg_disk_is_alive(blob->process) &&
           blob->file->now.size == known_size && !is_replaced_now(blob) &&
           slg_disk_wait(disk, &disk->changed, deadline_ns))
        ;
    (void)pthread_mutex_unlock(&disk->mutex);
    return SEGLOG_OK;
}

static seglog_code
blob_close(void *self, struct seglog_error *err)
{
    struct disk_blob *blob = self;
    struct seglog_disk *disk = blob->process->disk;

    (void)err;
    (void)pthread_mutex_lock(&disk->mutex);
    slg_disk_file_unref(blob->file);
    (void)pthread_mutex_unlock(&disk->mutex);
    free(blob);
    return SEGLOG_OK;
}

static const struct seglog_blob_ops disk_blob_ops = {
    .size = sizeof disk_blob_ops,
    .append = blob_append,
    .read_at = blob_read_at,
    .get_size = blob_get_size,
    .flush = blob_flush,
    .sync = blob_sync,
    .truncate = blob_truncate,
    .wait = blob_wait,
    .close = blob_close,
};

/* Only ever grows at its end. */
static const struct seglog_blob_ops uncut_blob_ops = {
    .size = sizeof uncut_blob_ops,
    .append = blob_append,
    .read_at = blob_read_at,
    .get_size = blob_get_size,
    .flush = blob_flush,
    .sync = blob_sync,
    .wait = blob_wait,
    .close = blob_close,
};

seglog_code
slg_disk_blob_new(struct seglog_disk_process *process,
                  struct slg_disk_file *file, const char *name, unsigned flags,
                  struct seglog_blob *blob, struct seglog_error *err)
{
    struct disk_blob *self = calloc(1, sizeof *self);

    if (!self)
        return slg_refuse(
            err, (struct slg_refusal){ .code = SEGLOG_NO_MEMORY,
                                       .name = name,
                                       .offset = SEGLOG_NO_OFFSET,
                                       .what = "no memory to open it" });
    self->process = process;
    self->file = slg_disk_file_ref(file);
    self->end = file->now.size;
    self->is_writable = (flags & SEGLOG_OPEN_WRITE) != 0;
    self->is_lock_held = (flags & SEGLOG_OPEN_LOCK_HELD) != 0;
    self->needs_names =
        (flags & (SEGLOG_OPEN_CREATE | SEGLOG_OPEN_CREATE_EXCLUSIVE)) == 0;
    memcpy(self->name, name, strlen(name) + 1);
    *blob = (struct seglog_blob){ .ops = process->disk->options.cannot_cut
                                             ? &uncut_blob_ops
                                             : &disk_blob_ops,
                                  .self = self };
    return SEGLOG_OK;
}
