/* SPDX-License-Identifier: MIT */
/* src/testing/disk_store.c - a simulated disk as its processes see it. */
#define _POSIX_C_SOURCE 200809L /* pthread types */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/testing/disk.h"
#include "src/testing/refuse.h"

static seglog_code
refuse(struct seglog_error *err, seglog_code code, const char *name,
       const char *what)
{
    return slg_refuse(
        err, (struct slg_refusal){ .code = code,
                                   .sys_errno = code == SEGLOG_IO ? EIO : 0,
                                   .name = name,
                                   .offset = SEGLOG_NO_OFFSET,
                                   .what = what });
}

/* -- processes ------------------------------------------------------------- */

bool
slg_disk_is_alive(const struct seglog_disk_process *process)
{
    return !process->is_dead && process->boot == process->disk->boot;
}

/* Under the mutex. */
static void
process_kill(struct seglog_disk_process *process)
{
    process->is_dead = true;
    slg_disk_release_locks(process->disk, process);
    (void)pthread_cond_broadcast(&process->disk->changed);
}

void
seglog_disk_kill(struct seglog_disk_process *process)
{
    (void)pthread_mutex_lock(&process->disk->mutex);
    process_kill(process);
    (void)pthread_mutex_unlock(&process->disk->mutex);
}

seglog_code
slg_disk_enter(struct seglog_disk_process *process, enum seglog_disk_step step,
               bool *dies_now, struct seglog_error *err)
{
    struct seglog_disk *disk = process->disk;
    uint64_t number = 0;
    bool is_alive = false;

    (void)pthread_mutex_lock(&disk->mutex);
    is_alive = slg_disk_is_alive(process);
    if (is_alive) {
        number = ++process->steps;
        process->changes += step >= SEGLOG_DISK_WRITE;
    }
    if (is_alive && process->meanwhile) {
        (void)pthread_mutex_unlock(&disk->mutex);
        process->meanwhile(process->arg, step);
        (void)pthread_mutex_lock(&disk->mutex);
        is_alive = slg_disk_is_alive(process);
    }
    if (is_alive && number == process->die_at) {
        process_kill(process);
        is_alive = false;
        if (dies_now)
            *dies_now = true;
    }
    if (is_alive)
        return SEGLOG_OK;
    (void)pthread_mutex_unlock(&disk->mutex);
    return refuse(err, SEGLOG_IO, NULL, "the process is dead");
}

void
slg_disk_leave(struct seglog_disk_process *process)
{
    (void)pthread_mutex_unlock(&process->disk->mutex);
}

/* -- names ----------------------------------------------------------------- */

/* The second step of what changes names; without it a power cut may undo it. */
static seglog_code
sync_names(struct seglog_disk_process *process, const char *name,
           enum seglog_disk_flaw flaw, struct seglog_error *err)
{
    struct seglog_disk *disk = process->disk;
    seglog_code code =
        slg_disk_enter(process, SEGLOG_DISK_SYNC_NAMES, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    if ((disk->options.flaws & (unsigned)flaw) == 0 &&
        !slg_disk_sync_names(disk))
        code = refuse(err, SEGLOG_IO, name, "no memory to sync the folder");
    slg_disk_leave(process);
    return code;
}

/* One step: the name is there afterwards, but not durably. */
static seglog_code
create_name(struct seglog_disk_process *process, const char *name,
            bool is_exclusive, struct seglog_error *err)
{
    struct seglog_disk *disk = process->disk;
    struct slg_disk_file *file = NULL;
    seglog_code code = slg_disk_enter(process, SEGLOG_DISK_CREATE, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    /* Somebody else may have been faster. */
    if (slg_disk_names_find(&disk->now, name)) {
        if (is_exclusive)
            code = refuse(err, SEGLOG_EXISTS, name, "it exists already");
        slg_disk_leave(process);
        return code;
    }
    file = slg_disk_file_new(disk);
    if (file)
        file->modified_ns = (uint64_t)slg_disk_wall_clock_ns();
    if (!file ||
        !slg_disk_change_make(disk, SEGLOG_DISK_CREATE, file, name, NULL))
        code = refuse(err, SEGLOG_NO_MEMORY, name, "no memory for a new blob");
    if (file)
        slg_disk_file_unref(file);
    slg_disk_leave(process);
    return code;
}

/* Opens what is there; one step. */
static seglog_code
open_existing(struct seglog_disk_process *process, const char *name,
              unsigned flags, struct seglog_blob *blob,
              struct seglog_error *err)
{
    struct slg_disk_file *file = NULL;
    seglog_code code = slg_disk_enter(process, SEGLOG_DISK_OPEN, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    file = slg_disk_names_find(&process->disk->now, name);
    if (!file)
        code = refuse(err, SEGLOG_NOT_FOUND, name, "there is no such blob");
    else
        code = slg_disk_blob_new(process, file, name, flags, blob, err);
    slg_disk_leave(process);
    return code;
}

static seglog_code
disk_open(void *self, const char *name, unsigned flags,
          struct seglog_blob *blob, struct seglog_error *err)
{
    struct seglog_disk_process *process = self;
    const bool is_exclusive = (flags & SEGLOG_OPEN_CREATE_EXCLUSIVE) != 0;
    const bool may_create = is_exclusive || (flags & SEGLOG_OPEN_CREATE) != 0;
    seglog_code code = SEGLOG_NOT_FOUND;

    if (!is_exclusive)
        code = open_existing(process, name, flags, blob, err);
    if (code == SEGLOG_NOT_FOUND && may_create) {
        code = create_name(process, name, is_exclusive, err);
        if (code == SEGLOG_OK)
            code = open_existing(process, name, flags, blob, err);
    }
    if (code != SEGLOG_OK || !may_create)
        return code;
    /* Also where it was found: whoever made it may not have come so far. */
    code = sync_names(process, name, SEGLOG_DISK_CREATE_UNSYNCED, err);
    if (code != SEGLOG_OK) {
        (void)blob->ops->close(blob->self, NULL);
        *blob = (struct seglog_blob){ 0 };
    }
    return code;
}

static seglog_code
disk_remove(void *self, const char *name, struct seglog_error *err)
{
    struct seglog_disk_process *process = self;
    struct seglog_disk *disk = process->disk;
    struct slg_disk_file *file = NULL;
    seglog_code code = slg_disk_enter(process, SEGLOG_DISK_REMOVE, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    file = slg_disk_names_find(&disk->now, name);
    if (!file)
        code = refuse(err, SEGLOG_NOT_FOUND, name, "there is no such blob");
    else if (!slg_disk_change_make(disk, SEGLOG_DISK_REMOVE, file, name, NULL))
        code = refuse(err, SEGLOG_NO_MEMORY, name, "no memory to remove it");
    slg_disk_leave(process);
    if (code != SEGLOG_OK)
        return code;
    return sync_names(process, name, SEGLOG_DISK_REMOVE_UNSYNCED, err);
}

static seglog_code
disk_replace(void *self, const char *from, const char *name,
             struct seglog_error *err)
{
    struct seglog_disk_process *process = self;
    struct seglog_disk *disk = process->disk;
    struct slg_disk_file *file = NULL;
    seglog_code code = slg_disk_enter(process, SEGLOG_DISK_REPLACE, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    file = slg_disk_names_find(&disk->now, from);
    if (!file)
        code = refuse(err, SEGLOG_NOT_FOUND, from, "there is no such blob");
    else if (!slg_disk_change_make(disk, SEGLOG_DISK_REPLACE, file, name, from))
        code = refuse(err, SEGLOG_NO_MEMORY, from, "no memory to rename it");
    slg_disk_leave(process);
    if (code != SEGLOG_OK)
        return code;
    return sync_names(process, name, SEGLOG_DISK_REPLACE_UNSYNCED, err);
}

/* -- looking --------------------------------------------------------------- */

/* Names are copied first: the callback may open and remove. */
static seglog_code
disk_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
          struct seglog_error *err)
{
    struct seglog_disk_process *process = self;
    const size_t prefix_len = strlen(prefix);
    struct slg_disk_names names = { 0 };
    seglog_code code = slg_disk_enter(process, SEGLOG_DISK_LIST, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    if (!slg_disk_names_copy(&names, &process->disk->now))
        code = refuse(err, SEGLOG_NO_MEMORY, NULL,
                      "no memory for a list of names");
    slg_disk_leave(process);

    for (size_t i = slg_disk_names_search(&names, prefix);
         i < names.count && code == SEGLOG_OK &&
         strncmp(names.entries[i].name, prefix, prefix_len) == 0;
         i++) {
        if (!fn(arg, names.entries[i].name))
            break;
    }
    (void)pthread_mutex_lock(&process->disk->mutex);
    slg_disk_names_reset(&names);
    (void)pthread_mutex_unlock(&process->disk->mutex);
    return code;
}

static seglog_code
disk_get_info(void *self, const char *name, struct seglog_blob_info *info,
              struct seglog_error *err)
{
    struct seglog_disk_process *process = self;
    const struct slg_disk_file *file = NULL;
    seglog_code code = slg_disk_enter(process, SEGLOG_DISK_INFO, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    file = slg_disk_names_find(&process->disk->now, name);
    if (file)
        *info = (struct seglog_blob_info){ .size = file->now.size,
                                           .modified_ns = file->modified_ns };
    else
        code = refuse(err, SEGLOG_NOT_FOUND, name, "there is no such blob");
    slg_disk_leave(process);
    return code;
}

static seglog_code
disk_get_stamp(void *self, struct seglog_stamp *stamp, struct seglog_error *err)
{
    struct seglog_disk_process *process = self;
    const seglog_code code =
        slg_disk_enter(process, SEGLOG_DISK_INFO, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    *stamp = (struct seglog_stamp){
        .value = { process->disk->stamp, 0 },
        .is_settled = true,
    };
    slg_disk_leave(process);
    return SEGLOG_OK;
}

static void
disk_describe(void *self, char *buf, size_t cap)
{
    (void)self;
    (void)snprintf(buf, cap, "simulated disk");
}

/* The process and the disk are the caller's. */
static void
disk_close(void *self)
{
    (void)self;
}

static const struct seglog_store_ops disk_ops = {
    .size = sizeof disk_ops,
    .open = disk_open,
    .list = disk_list,
    .remove = disk_remove,
    .replace = disk_replace,
    .open_lock = slg_disk_lock_open,
    .describe = disk_describe,
    .close = disk_close,
    .get_info = disk_get_info,
    .get_stamp = disk_get_stamp,
};

struct seglog_store
seglog_disk_store(struct seglog_disk_process *process)
{
    return (struct seglog_store){ .ops = &disk_ops, .self = process };
}

struct seglog_store
seglog_disk_start(struct seglog_disk *disk, struct seglog_disk_process *process)
{
    (void)pthread_mutex_lock(&disk->mutex);
    *process = (struct seglog_disk_process){ .disk = disk, .boot = disk->boot };
    (void)pthread_mutex_unlock(&disk->mutex);
    return seglog_disk_store(process);
}
