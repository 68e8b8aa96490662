/* SPDX-License-Identifier: MIT */
/* src/testing/disk_names.c - files, and the names that lead to them. */
#define _POSIX_C_SOURCE 200809L /* pthread types */

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "src/testing/disk.h"

uint64_t
slg_disk_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

uint64_t
slg_disk_below(uint64_t *seed, uint64_t limit)
{
    return slg_disk_random(seed) % limit;
}

/* -- files ----------------------------------------------------------------- */

struct slg_disk_file *
slg_disk_file_new(struct seglog_disk *disk)
{
    struct slg_disk_file *file = calloc(1, sizeof *file);

    if (!file)
        return NULL;
    file->ref_count = 1;
    file->number = ++disk->files_made;
    return file;
}

struct slg_disk_file *
slg_disk_file_ref(struct slg_disk_file *file)
{
    file->ref_count++;
    return file;
}

void
slg_disk_file_forget_between(struct slg_disk_file *file)
{
    for (unsigned i = 0; i < file->between_count; i++)
        slg_image_reset(&file->between[i]);
    file->between_count = 0;
}

void
slg_disk_file_unref(struct slg_disk_file *file)
{
    if (--file->ref_count > 0)
        return;
    slg_disk_file_forget_between(file);
    slg_image_reset(&file->now);
    slg_image_reset(&file->disk);
    free(file->fates);
    free(file);
}

bool
slg_disk_file_is_clean(const struct slg_disk_file *file)
{
    return file->floor == file->now.size && file->now.size == file->disk.size &&
           file->between_count == 0;
}

bool
slg_disk_file_sync(struct slg_disk_file *file)
{
    /* The last sector may hold what a sync lost: it is clean. */
    if (slg_disk_file_is_clean(file))
        return true;
    if (!slg_image_share(&file->disk, &file->now,
                         (size_t)(file->floor / SLG_PAGE)))
        return false;
    file->floor = file->now.size;
    slg_disk_file_forget_between(file);
    return true;
}

/* -- names ----------------------------------------------------------------- */

size_t
slg_disk_names_search(const struct slg_disk_names *names, const char *name)
{
    size_t low = 0;
    size_t high = names->count;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (strcmp(names->entries[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool
names_have(const struct slg_disk_names *names, size_t at, const char *name)
{
    return at < names->count && strcmp(names->entries[at].name, name) == 0;
}

struct slg_disk_file *
slg_disk_names_find(const struct slg_disk_names *names, const char *name)
{
    const size_t at = slg_disk_names_search(names, name);

    return names_have(names, at, name) ? names->entries[at].file : NULL;
}

static bool
names_grow(struct slg_disk_names *names, size_t need)
{
    const size_t cap = need < 4 ? 4 : need + need / 2;
    struct slg_disk_entry *entries = NULL;

    if (need <= names->cap)
        return true;
    entries = realloc(names->entries, cap * sizeof *entries);
    if (!entries)
        return false;
    names->entries = entries;
    names->cap = cap;
    return true;
}

bool
slg_disk_names_reserve(struct slg_disk_names *names)
{
    return names_grow(names, names->count + 1);
}

void
slg_disk_names_set(struct slg_disk_names *names, const char *name,
                   struct slg_disk_file *file)
{
    const size_t at = slg_disk_names_search(names, name);
    struct slg_disk_entry *entry = names->entries + at;
    struct slg_disk_file *before = NULL;

    if (names_have(names, at, name)) {
        before = entry->file;
        if (!file)
            memmove(entry, entry + 1, (--names->count - at) * sizeof *entry);
    } else if (file) {
        memmove(entry + 1, entry, (names->count++ - at) * sizeof *entry);
        memcpy(entry->name, name, strlen(name) + 1);
    }
    if (file)
        entry->file = slg_disk_file_ref(file);
    if (before)
        slg_disk_file_unref(before);
}

void
slg_disk_names_reset(struct slg_disk_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        slg_disk_file_unref(names->entries[i].file);
    free(names->entries);
    *names = (struct slg_disk_names){ 0 };
}

bool
slg_disk_names_copy(struct slg_disk_names *to,
                    const struct slg_disk_names *from)
{
    if (!names_grow(to, from->count))
        return false;
    for (size_t i = 0; i < from->count; i++)
        (void)slg_disk_file_ref(from->entries[i].file);
    for (size_t i = 0; i < to->count; i++)
        slg_disk_file_unref(to->entries[i].file);
    to->count = from->count;
    if (from->count > 0)
        memcpy(to->entries, from->entries, from->count * sizeof *to->entries);
    return true;
}

uint64_t
slg_disk_stamp_new(void)
{
    static atomic_uint_fast64_t made;

    return atomic_fetch_add(&made, 1) + 1;
}

/* -- changes of names ------------------------------------------------------ */

/* A removal or a replacement needs the name to lead where it led then. */
bool
slg_disk_change_apply(struct slg_disk_names *names,
                      const struct slg_disk_change *change)
{
    const char *from =
        change->kind == SEGLOG_DISK_REPLACE ? change->from : change->name;

    if (change->kind != SEGLOG_DISK_CREATE &&
        slg_disk_names_find(names, from) != change->file)
        return true;
    if (change->kind == SEGLOG_DISK_REMOVE) {
        slg_disk_names_set(names, change->name, NULL);
        return true;
    }
    if (!slg_disk_names_reserve(names))
        return false;
    slg_disk_names_set(names, change->name, change->file);
    if (change->kind == SEGLOG_DISK_REPLACE)
        slg_disk_names_set(names, change->from, NULL);
    return true;
}

bool
slg_disk_change_make(struct seglog_disk *disk, enum seglog_disk_step kind,
                     struct slg_disk_file *file, const char *name,
                     const char *from)
{
    struct slg_disk_change *change = NULL;

    if (disk->change_count == disk->change_cap) {
        const size_t cap = disk->change_cap ? 2 * disk->change_cap : 4;
        struct slg_disk_change *changes =
            realloc(disk->changes, cap * sizeof *changes);

        if (!changes)
            return false;
        disk->changes = changes;
        disk->change_cap = cap;
    }
    change = &disk->changes[disk->change_count];
    memset(change, 0, sizeof *change);
    change->kind = kind;
    change->stamp = slg_disk_stamp_new();
    change->file = file;
    memcpy(change->name, name, strlen(name) + 1);
    if (from)
        memcpy(change->from, from, strlen(from) + 1);
    if (!slg_disk_change_apply(&disk->now, change))
        return false;
    (void)slg_disk_file_ref(file);
    disk->change_count++;
    disk->stamp = change->stamp;
    (void)pthread_cond_broadcast(&disk->changed);
    return true;
}

void
slg_disk_forget_changes(struct seglog_disk *disk)
{
    for (size_t i = 0; i < disk->change_count; i++)
        slg_disk_file_unref(disk->changes[i].file);
    disk->change_count = 0;
}

bool
slg_disk_sync_names(struct seglog_disk *disk)
{
    if (disk->change_count == 0)
        return true;
    if (!slg_disk_names_copy(&disk->disk, &disk->now))
        return false;
    slg_disk_forget_changes(disk);
    disk->disk_stamp = disk->stamp;
    return true;
}
