/* SPDX-License-Identifier: MIT */
/* src/testing/disk.c - a simulated disk: made, copied, looked at. */
#define _POSIX_C_SOURCE 200809L /* pthread_condattr_setclock */

#include "src/testing/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- clocks ---------------------------------------------------------------- */

static int64_t
clock_ns(clockid_t clock)
{
    struct timespec now = { 0 };

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
slg_disk_wall_clock_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t
slg_disk_deadline_ns(const struct seglog_disk_process *process, int timeout_ms)
{
    if (process->never_waits)
        return 0;
    if (timeout_ms < 0)
        return INT64_MAX;
    return clock_ns(CLOCK_MONOTONIC) + (int64_t)timeout_ms * 1000000;
}

bool
slg_disk_wait(struct seglog_disk *disk, pthread_cond_t *cond,
              int64_t deadline_ns)
{
    const struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / 1000000000),
        .tv_nsec = (long)(deadline_ns % 1000000000),
    };

    if (deadline_ns == 0)
        return false;
    if (deadline_ns == INT64_MAX)
        return pthread_cond_wait(cond, &disk->mutex) == 0;
    return pthread_cond_timedwait(cond, &disk->mutex, &deadline) == 0;
}

/* -- made and copied ------------------------------------------------------- */

static bool
conds_init(struct seglog_disk *disk)
{
    pthread_condattr_t attr;
    bool is_ok = false;

    if (pthread_condattr_init(&attr) != 0)
        return false;
    if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
        pthread_cond_init(&disk->changed, &attr) == 0) {
        is_ok = pthread_cond_init(&disk->released, &attr) == 0;
        if (!is_ok)
            (void)pthread_cond_destroy(&disk->changed);
    }
    (void)pthread_condattr_destroy(&attr);
    return is_ok;
}

struct seglog_disk *
seglog_disk_new(const struct seglog_disk_options *options)
{
    struct seglog_disk *disk = calloc(1, sizeof *disk);

    if (!disk || pthread_mutex_init(&disk->mutex, NULL) != 0) {
        free(disk);
        return NULL;
    }
    if (!conds_init(disk)) {
        (void)pthread_mutex_destroy(&disk->mutex);
        free(disk);
        return NULL;
    }
    if (options)
        disk->options = *options;
    disk->chance = disk->options.seed;
    disk->stamp = disk->disk_stamp = slg_disk_stamp_new();
    return disk;
}

void
seglog_disk_free(struct seglog_disk *disk)
{
    if (!disk)
        return;
    slg_disk_forget_changes(disk);
    free(disk->changes);
    slg_disk_names_reset(&disk->now);
    slg_disk_names_reset(&disk->disk);
    while (disk->locks) {
        struct slg_disk_lock *lock = disk->locks;

        disk->locks = lock->next;
        free(lock);
    }
    (void)pthread_cond_destroy(&disk->released);
    (void)pthread_cond_destroy(&disk->changed);
    (void)pthread_mutex_destroy(&disk->mutex);
    free(disk);
}

void
seglog_disk_set_options(struct seglog_disk *disk,
                        const struct seglog_disk_options *options)
{
    (void)pthread_mutex_lock(&disk->mutex);
    disk->options = *options;
    (void)pthread_mutex_unlock(&disk->mutex);
}

void
seglog_disk_fail_sync(struct seglog_disk *disk, const char *name, uint64_t at,
                      enum seglog_disk_sync_failure how, unsigned lost_percent)
{
    (void)pthread_mutex_lock(&disk->mutex);
    disk->fail_sync_name = name;
    disk->fail_sync_at = at;
    disk->fail_sync_how = how;
    disk->fail_sync_percent = lost_percent;
    (void)pthread_mutex_unlock(&disk->mutex);
}

static struct slg_disk_file *
file_clone(struct seglog_disk *disk, const struct slg_disk_file *from)
{
    struct slg_disk_file *file = slg_disk_file_new(disk);
    bool is_ok = true;

    if (!file)
        return NULL;
    is_ok = slg_image_share(&file->now, &from->now, 0) &&
            slg_image_share(&file->disk, &from->disk, 0);
    for (unsigned i = 0; i < from->between_count && is_ok; i++) {
        is_ok = slg_image_share(&file->between[i], &from->between[i], 0);
        file->between_count = i + 1;
    }
    file->floor = from->floor;
    file->modified_ns = from->modified_ns;
    file->number = from->number;
    if (is_ok)
        return file;
    slg_disk_file_unref(file);
    return NULL;
}

/* The copy of a file, made when it is first met; the reference goes to twin. */
static struct slg_disk_file *
twin_of(struct seglog_disk *disk, struct slg_disk_file *file)
{
    if (!file->twin)
        file->twin = file_clone(disk, file);
    return file->twin;
}

static void
twins_drop(struct slg_disk_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        struct slg_disk_file *file = names->entries[i].file;

        if (file->twin)
            slg_disk_file_unref(file->twin);
        file->twin = NULL;
    }
}

static bool
names_clone(struct seglog_disk *disk, struct slg_disk_names *to,
            struct slg_disk_names *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct slg_disk_file *twin = twin_of(disk, from->entries[i].file);

        if (!twin || !slg_disk_names_reserve(to))
            return false;
        slg_disk_names_set(to, from->entries[i].name, twin);
    }
    return true;
}

static bool
changes_clone(struct seglog_disk *to, struct seglog_disk *from)
{
    if (from->change_count == 0)
        return true;
    to->changes = malloc(from->change_count * sizeof *to->changes);
    if (!to->changes)
        return false;
    to->change_cap = from->change_count;
    for (size_t i = 0; i < from->change_count; i++) {
        struct slg_disk_file *twin = twin_of(to, from->changes[i].file);

        if (!twin)
            return false;
        to->changes[i] = from->changes[i];
        to->changes[i].file = slg_disk_file_ref(twin);
        to->change_count++;
    }
    return true;
}

struct seglog_disk *
seglog_disk_clone(struct seglog_disk *disk)
{
    struct seglog_disk *clone = seglog_disk_new(&disk->options);
    bool is_ok = false;

    if (!clone)
        return NULL;
    (void)pthread_mutex_lock(&disk->mutex);
    clone->stamp = disk->stamp;
    clone->disk_stamp = disk->disk_stamp;
    is_ok = names_clone(clone, &clone->now, &disk->now) &&
            names_clone(clone, &clone->disk, &disk->disk) &&
            changes_clone(clone, disk);
    twins_drop(&disk->now);
    twins_drop(&disk->disk);
    for (size_t i = 0; i < disk->change_count; i++) {
        struct slg_disk_file *file = disk->changes[i].file;

        if (file->twin)
            slg_disk_file_unref(file->twin);
        file->twin = NULL;
    }
    clone->files_made = disk->files_made;
    clone->chance = disk->chance;
    (void)pthread_mutex_unlock(&disk->mutex);
    if (is_ok)
        return clone;
    seglog_disk_free(clone);
    return NULL;
}

/* -- looked at ------------------------------------------------------------- */

static uint64_t
file_synced(const struct slg_disk_file *file)
{
    const uint64_t end =
        file->now.size < file->disk.size ? file->now.size : file->disk.size;
    uint64_t at = 0;

    while (at < end) {
        const size_t index = (size_t)(at / SLG_PAGE);
        uint8_t now[SEGLOG_DISK_SECTOR];
        uint8_t disk[SEGLOG_DISK_SECTOR];
        size_t same = 0;

        if (file->now.pages[index] == file->disk.pages[index]) {
            at += SLG_PAGE;
            continue;
        }
        slg_image_read_sector(&file->now, index, now);
        slg_image_read_sector(&file->disk, index, disk);
        while (same < SLG_PAGE && now[same] == disk[same])
            same++;
        at += same;
        if (same < SLG_PAGE)
            break;
    }
    return at < end ? at : end;
}

uint64_t
seglog_disk_get_synced(struct seglog_disk *disk, const char *name)
{
    const struct slg_disk_file *file = NULL;
    uint64_t synced = 0;

    (void)pthread_mutex_lock(&disk->mutex);
    file = slg_disk_names_find(&disk->now, name);
    if (file)
        synced = file_synced(file);
    (void)pthread_mutex_unlock(&disk->mutex);
    return synced;
}

bool
seglog_disk_damage(struct seglog_disk *disk, const char *name, uint64_t offset,
                   const void *bytes, size_t len)
{
    struct slg_disk_file *file = NULL;
    bool is_done = false;

    (void)pthread_mutex_lock(&disk->mutex);
    file = slg_disk_names_find(&disk->now, name);
    if (file && offset <= file->now.size && len <= file->now.size - offset) {
        is_done = slg_image_write(&file->now, offset, bytes, len);
        if (offset <= file->disk.size && len <= file->disk.size - offset)
            is_done =
                is_done && slg_image_write(&file->disk, offset, bytes, len);
    }
    (void)pthread_mutex_unlock(&disk->mutex);
    return is_done;
}

/* -- the map --------------------------------------------------------------- */

struct map {
    char *buf;
    size_t cap;
    size_t len;
};

static void
map_put(struct map *map, char c)
{
    if (map->len + 1 < map->cap)
        map->buf[map->len] = c;
    map->len++;
}

static void
map_text(struct map *map, const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20)
            map_put(map, '?');
        else
            map_put(map, *text);
    }
}

static char
sector_letter(const struct slg_disk_file *file, size_t index)
{
    if ((index + 1) * SLG_PAGE > file->floor ||
        index * SLG_PAGE >= file->now.size)
        return file->floor == file->now.size ? '=' : 'n';
    return '=';
}

static void
map_file(struct map *map, const char *name, const struct slg_disk_file *file)
{
    const uint64_t size =
        file->now.size > file->disk.size ? file->now.size : file->disk.size;
    char line[96];

    map_text(map, name);
    (void)snprintf(line, sizeof line, ": %llu bytes, %llu on the disk",
                   (unsigned long long)file->now.size,
                   (unsigned long long)file->disk.size);
    map_text(map, line);
    map_text(map, ", file ");
    (void)snprintf(line, sizeof line, "%llu", (unsigned long long)file->number);
    map_text(map, line);
    for (size_t i = 0; i < slg_page_count(size); i++) {
        const char *fate = file->fates;

        if (i % 64 == 0) {
            map_put(map, '\n');
            map_text(map, "  ");
        }
        if (fate && i >= file->fate_first &&
            i - file->fate_first < strlen(fate) &&
            file->floor == file->now.size)
            map_put(map, fate[i - file->fate_first]);
        else
            map_put(map, sector_letter(file, i));
    }
    map_put(map, '\n');
}

static void
map_change(struct map *map, const struct slg_disk_change *change)
{
    map_text(map, "not synced: ");
    if (change->kind == SEGLOG_DISK_REPLACE) {
        map_text(map, change->from);
        map_text(map, " became ");
        map_text(map, change->name);
    } else {
        map_text(map, change->name);
        map_text(map, change->kind == SEGLOG_DISK_CREATE ? " was created"
                                                         : " was removed");
    }
    map_put(map, '\n');
}

size_t
seglog_disk_format_map(struct seglog_disk *disk, char *buf, size_t cap)
{
    struct map map = { .buf = buf, .cap = cap };

    (void)pthread_mutex_lock(&disk->mutex);
    for (size_t i = 0; i < disk->now.count; i++)
        map_file(&map, disk->now.entries[i].name, disk->now.entries[i].file);
    for (size_t i = 0; i < disk->change_count; i++)
        map_change(&map, &disk->changes[i]);
    (void)pthread_mutex_unlock(&disk->mutex);
    if (cap > 0)
        buf[map.len < cap ? map.len : cap - 1] = '\0';
    return map.len;
}
