/* SPDX-License-Identifier: MIT */
/* tools/import_scan.c - folders are walked, and what is in them looked at. */
#define _GNU_SOURCE
#include "tools/import_run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool_tree.h"

typedef bool (*folder_fn)(void *arg, size_t root, const char *path, int fd);

struct scan {
    struct import_run *run;
    size_t root;
    folder_fn on_folder;
    void *arg;
    char path[TOOL_TREE_PATH_MAX + NAME_MAX + 2];
};

bool
import_list_add(struct import_list *list, struct import_entry *entry)
{
    if (list->count == list->cap) {
        const size_t cap = list->cap ? list->cap * 2 : 256;
        struct import_entry **items =
            realloc(list->items, cap * sizeof(void *));

        if (!items)
            return false;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = entry;
    return true;
}

/* ---------------------------------------------------------------------------
 * What is no file with lines
 */

/*
 * Where a folder was something else is now, so nothing can be below it: that
 * is marked as deleted, or an export would have two things for one path.
 */
static void
below_is_gone(const struct scan *scan)
{
    struct import_run *run = scan->run;
    const struct import_catalog *catalog = &run->catalog;
    const size_t len = strlen(scan->path);

    for (size_t i = 0; i < catalog->bucket_count; i++)
        for (struct import_entry *entry = catalog->buckets[i]; entry;
             entry = entry->next) {
            if (entry->root != scan->root || entry->path_len <= len ||
                entry->path[len] != '/' ||
                memcmp(entry->path, scan->path, len) != 0 ||
                entry->state.deleted_at_ms != 0)
                continue;
            entry->state.deleted_at_ms = import_now_ns() / 1000000;
            entry->is_dirty = true;
            /* Without memory for it, it is found again at the next look. */
            (void)!import_list_add(&run->dirty, entry);
        }
}

/* The entry of a path, of the given type from now on.  NULL: no memory. */
static struct import_entry *
entry_get(const struct scan *scan, enum import_type type,
          const struct stat *stat)
{
    struct import_entry *entry =
        import_catalog_get(&scan->run->catalog, scan->root, scan->path);
    struct import_state *state = NULL;

    if (!entry)
        return NULL;
    state = &entry->state;
    if (state->type == IMPORT_FILE && type != IMPORT_FILE) {
        /* What the file held stays, as something older of this name. */
        if (!import_state_retire(state, import_now_ns() / 1000000))
            return NULL;
        memset(&state->session, 0, sizeof state->session);
        memset(&state->segment, 0, sizeof state->segment);
        state->flags = 0;
        state->records = state->bytes = state->lines = 0;
        state->open_records = state->open_bytes = 0;
    }
    if (state->type == IMPORT_DIR && type != IMPORT_DIR)
        below_is_gone(scan);
    if (state->type != type)
        entry->is_dirty = true;
    state->type = type;
    entry->seen = IMPORT_SEEN;
    entry->stat = *stat;
    return entry;
}

static bool
state_is_current(const struct import_state *state, const struct stat *stat)
{
    return state->deleted_at_ms == 0 &&
           state->mode == (stat->st_mode & 07777) &&
           state->mtime_ns == import_time_ns(&stat->st_mtim) &&
           state->dev == (uint64_t)stat->st_dev &&
           state->ino == (uint64_t)stat->st_ino;
}

static bool
entry_settle(struct import_run *run, struct import_entry *entry)
{
    struct import_state *state = &entry->state;

    if (entry->is_stored && !entry->is_dirty &&
        state_is_current(state, &entry->stat))
        return true;
    import_state_set_stat(state, &entry->stat, import_now_ns());
    state->deleted_at_ms = 0;
    entry->is_dirty = true;
    if (entry->is_queued)
        return true;
    entry->is_queued = true;
    return import_list_add(&run->dirty, entry);
}

bool
import_scan_folder(struct import_run *run, struct import_entry *entry,
                   const struct stat *stat)
{
    entry->seen = IMPORT_SEEN;
    entry->stat = *stat;
    return entry_settle(run, entry);
}

static bool
scan_link(const struct scan *scan, int dir, const char *name,
          const struct stat *stat)
{
    struct import_run *run = scan->run;
    char target[PATH_MAX];
    struct import_entry *entry = NULL;
    struct import_state *state = NULL;
    ssize_t len = 0;

    run->totals.links++;
    if (!run->options->has_all)
        return true;
    len = readlinkat(dir, name, target, sizeof target);
    if (len < 0 || len == sizeof target) {
        import_report_failure(run, scan->root, scan->path,
                              len < 0 ? errno : ENAMETOOLONG,
                              "the link cannot be read");
        return true;
    }
    entry = entry_get(scan, IMPORT_LINK, stat);
    if (!entry)
        return false;
    state = &entry->state;
    if (state->target_len != (size_t)len || !state->target ||
        memcmp(state->target, target, (size_t)len) != 0) {
        char *copy = malloc((size_t)len + 1);

        if (!copy)
            return false;
        memcpy(copy, target, (size_t)len);
        free(state->target);
        state->target = copy;
        state->target_len = (uint32_t)len;
        entry->is_dirty = true;
    }
    return entry_settle(run, entry);
}

static void
scan_special(const struct scan *scan, const struct stat *stat)
{
    const struct import_run *run = scan->run;
    const char *what = S_ISFIFO(stat->st_mode)   ? "a pipe"
                       : S_ISSOCK(stat->st_mode) ? "a socket"
                                                 : "a device";
    char *shown =
        tool_tree_join(run->catalog.roots[scan->root].path, scan->path);

    scan->run->totals.special++;
    if (shown)
        tool_note("%s: %s, left out", shown, what);
    free(shown);
}

/* ---------------------------------------------------------------------------
 * Files
 */

static bool
name_has_lines(const char *name)
{
    static const char *const SUFFIXES[] = { ".jsonl", ".ndjson" };
    const size_t len = strlen(name);

    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        const size_t tail = strlen(SUFFIXES[i]);

        if (len >= tail && strcmp(name + len - tail, SUFFIXES[i]) == 0)
            return true;
    }
    return false;
}

static bool
scan_file(const struct scan *scan, const char *name, const struct stat *stat)
{
    struct import_run *run = scan->run;
    const bool has_lines = name_has_lines(name);
    struct import_entry *entry = NULL;

    if (!has_lines) {
        run->totals.other_files++;
        if (!run->options->has_all)
            return true;
    }
    entry = entry_get(scan, IMPORT_FILE, stat);
    if (!entry)
        return false;
    entry->state.flags &= ~(unsigned)IMPORT_OTHER;
    if (!has_lines)
        entry->state.flags |= IMPORT_OTHER;
    /* Twice at a time would be two workers on one segment. */
    if (entry->is_queued)
        return true;
    entry->is_queued = true;
    run->work_bytes += (uint64_t)stat->st_size;
    return import_list_add(&run->work, entry);
}

/* ---------------------------------------------------------------------------
 * Folders
 */

static bool
scan_folder(struct scan *scan);

/* Everything but a folder.  name is in dir, and the end of scan->path. */
static bool
scan_thing(const struct scan *scan, int dir, const char *name,
           const struct stat *stat)
{
    if (S_ISREG(stat->st_mode))
        return scan_file(scan, name, stat);
    if (S_ISLNK(stat->st_mode))
        return scan_link(scan, dir, name, stat);
    scan_special(scan, stat);
    return true;
}

/* Names of a folder, each behind the other with its NUL. */
struct names {
    char *text;
    size_t len;
    size_t cap;
};

static bool
names_add(struct names *names, const char *name)
{
    const size_t len = strlen(name) + 1;

    if (names->len + len > names->cap) {
        const size_t cap = (names->cap + len) * 2;
        char *text = realloc(names->text, cap);

        if (!text)
            return false;
        names->text = text;
        names->cap = cap;
    }
    memcpy(names->text + names->len, name, len);
    names->len += len;
    return true;
}

/* Put a name behind scan->path; false: it gets too long, and that was said. */
static bool
path_push(struct scan *scan, size_t base, const char *name)
{
    const size_t at = base + (base > 0);
    const size_t len = strlen(name);

    if (at + len > TOOL_TREE_PATH_MAX) {
        scan->path[base] = '\0';
        import_report_failure(scan->run, scan->root, scan->path, ENAMETOOLONG,
                              "what is in it cannot be imported");
        return false;
    }
    if (base > 0)
        scan->path[base] = '/';
    memcpy(scan->path + at, name, len + 1);
    return true;
}

/* errno says why.  What has just gone, or is another thing, is no failure. */
static void
failure_note(const struct scan *scan, const char *what)
{
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        import_report_failure(scan->run, scan->root, scan->path, errno, what);
}

/* One name of a folder; folders are kept for later. */
static bool
scan_name(struct scan *scan, int dir, size_t base, const char *name,
          struct names *folders)
{
    struct stat stat;

    if (!path_push(scan, base, name))
        return true;
    if (fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
            import_report_failure(scan->run, scan->root, scan->path, errno,
                                  "it cannot be looked at");
        return true;
    }
    if (S_ISDIR(stat.st_mode))
        return names_add(folders, name);
    return scan_thing(scan, dir, name, &stat);
}

/* Takes over dir_fd. */
static bool
scan_names(struct scan *scan, int dir_fd, size_t base, struct names *folders)
{
    DIR *dir = fdopendir(dir_fd);
    bool is_done = true;

    if (!dir) {
        (void)close(dir_fd);
        return false;
    }
    while (is_done && !atomic_load(&scan->run->job.is_stopping)) {
        const struct dirent *item = NULL;

        errno = 0;
        item = readdir(dir);
        if (!item && errno != 0)
            import_report_failure(scan->run, scan->root, scan->path, errno,
                                  "the folder cannot be read");
        if (!item)
            break;
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        is_done = scan_name(scan, dir_fd, base, item->d_name, folders);
        scan->path[base] = '\0';
    }
    (void)closedir(dir);
    return is_done;
}

static bool
scan_below(struct scan *scan, size_t base, const struct names *folders)
{
    for (size_t at = 0; at < folders->len;
         at += strlen(folders->text + at) + 1) {
        const bool is_done =
            !path_push(scan, base, folders->text + at) || scan_folder(scan);

        scan->path[base] = '\0';
        if (!is_done)
            return false;
    }
    return true;
}

/* The folder's own entry. */
static bool
folder_note(const struct scan *scan, const struct stat *stat)
{
    struct import_run *run = scan->run;
    struct import_entry *entry = NULL;

    run->totals.folders++;
    entry = entry_get(scan, IMPORT_DIR, stat);
    return entry && entry_settle(run, entry);
}

static bool
folder_look(const struct scan *scan, int fd, struct stat *stat)
{
    if (fstat(fd, stat) == 0)
        return true;
    failure_note(scan, "the folder cannot be looked at");
    return false;
}

/* Of an open folder.  fd is closed. */
static bool
scan_opened(struct scan *scan, int fd)
{
    const struct import_run *run = scan->run;
    const size_t base = strlen(scan->path);
    struct names folders = { 0 };
    struct stat stat;
    bool is_done = false;

    /* Watched first, looked at then: so nothing is missed in between. */
    if (!folder_look(scan, fd, &stat) ||
        (stat.st_dev == run->store_dev && stat.st_ino == run->store_ino) ||
        (scan->on_folder &&
         !scan->on_folder(scan->arg, scan->root, scan->path, fd)) ||
        !folder_look(scan, fd, &stat)) {
        (void)close(fd);
        return true;
    }
    if (!folder_note(scan, &stat)) {
        (void)close(fd);
        return false;
    }
    is_done = scan_names(scan, fd, base, &folders) &&
              scan_below(scan, base, &folders);
    free(folders.text);
    return is_done;
}

/* scan->path, with all below it. */
static bool
scan_folder(struct scan *scan)
{
    const int fd = tool_tree_open(scan->run->catalog.roots[scan->root].fd,
                                  scan->path, O_RDONLY | O_DIRECTORY, 0);

    if (fd >= 0)
        return scan_opened(scan, fd);
    failure_note(scan, "the folder cannot be opened");
    return true;
}

static bool
scan_start(struct scan *scan, struct import_run *run, size_t root,
           const char *path, folder_fn on_folder, void *arg)
{
    const size_t len = strlen(path);

    scan->run = run;
    scan->root = root;
    scan->on_folder = on_folder;
    scan->arg = arg;
    if (len > TOOL_TREE_PATH_MAX)
        return false;
    memcpy(scan->path, path, len + 1);
    return true;
}

bool
import_scan_path(struct import_run *run, size_t root, const char *path,
                 folder_fn on_folder, void *arg)
{
    struct scan scan;
    struct stat stat;
    const char *last = NULL;
    bool is_done = true;
    int dir = -1;

    if (!scan_start(&scan, run, root, path, on_folder, arg))
        return true;
    dir =
        tool_tree_open_parent(run->catalog.roots[root].fd, path, false, &last);
    if (dir < 0) {
        failure_note(&scan, "its folder cannot be opened");
        return true;
    }
    if (fstatat(dir, last, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        failure_note(&scan, "it cannot be looked at");
    else
        is_done = S_ISDIR(stat.st_mode) ? scan_folder(&scan)
                                        : scan_thing(&scan, dir, last, &stat);
    (void)close(dir);
    if (!is_done)
        (void)tool_fail_memory();
    return is_done;
}
