/* SPDX-License-Identifier: MIT */
/*
 * tools/import_follow.c - keep a store like a folder that lives.
 *
 * The kernel says which paths to look at; what has happened is found out by
 * looking, so that an event too many or too early does no harm.  A path that
 * is gone and one that is new with the same inode and the same beginning are
 * one file under another name.
 */
#define _GNU_SOURCE
#include "tools/import_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/import_watch.h"
#include "tools/tool_tree.h"

/* Events of this time are handled together. */
#define GATHER_MS 100
/*
 * What is written through a mapping, or on another machine to a file system
 * that is shared, gives no event: so now and then everything is looked at,
 * which for an unchanged file is one stat and one look at its segment.
 */
#define RESCAN_MS (5 * 60 * 1000)

struct follow {
    struct import_run *run;
    struct import_watch watch;
    struct import_list missing; /* paths that were there and are not */
};

/* ---------------------------------------------------------------------------
 * Looking
 */

static bool
on_folder(void *arg, size_t root, const char *path, int fd)
{
    struct follow *follow = arg;

    return import_watch_add(&follow->watch, root, path, fd);
}

/* Is a path among what was asked for? */
static bool
path_is_wanted(const struct import_run *run, size_t root, const char *path)
{
    for (size_t i = 0; i < run->target_count; i++) {
        const struct import_target *target = &run->targets[i];
        const size_t len = strlen(target->path);

        if (target->root == root && strncmp(target->path, path, len) == 0 &&
            (len == 0 || path[len] == '\0' || path[len] == '/'))
            return true;
    }
    return false;
}

static bool
path_is_there(const struct import_run *run, const struct import_entry *entry)
{
    const char *last = NULL;
    const int dir = tool_tree_open_parent(run->catalog.roots[entry->root].fd,
                                          entry->path, false, &last);
    struct stat stat;
    bool is_there = true;

    if (dir < 0)
        return errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
    if (fstatat(dir, last, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        is_there = errno != ENOENT && errno != ENOTDIR;
    (void)close(dir);
    return is_there;
}

static bool
missing_add(struct follow *follow, struct import_entry *entry)
{
    if (entry->seen == IMPORT_MISSING || !entry->is_stored ||
        entry->state.deleted_at_ms != 0 || path_is_there(follow->run, entry))
        return true;
    entry->seen = IMPORT_MISSING;
    return import_list_add(&follow->missing, entry);
}

/* The path, and all that was below it. */
static bool
missing_below(struct follow *follow, size_t root, const char *path)
{
    const struct import_catalog *catalog = &follow->run->catalog;
    const size_t len = strlen(path);
    struct import_entry *own = import_catalog_find(catalog, root, path);

    if (own && own->state.type != IMPORT_DIR)
        return missing_add(follow, own);
    for (size_t i = 0; i < catalog->bucket_count; i++)
        for (struct import_entry *entry = catalog->buckets[i]; entry;
             entry = entry->next)
            if (entry->root == root && strncmp(entry->path, path, len) == 0 &&
                (entry->path[len] == '\0' || entry->path[len] == '/') &&
                !missing_add(follow, entry))
                return false;
    return true;
}

/* A folder's own mode and times. */
static bool
folder_look(struct follow *follow, size_t root, const char *path)
{
    struct import_run *run = follow->run;
    struct import_entry *entry = import_catalog_find(&run->catalog, root, path);
    const int fd = tool_tree_open(run->catalog.roots[root].fd, path,
                                  O_PATH | O_DIRECTORY, 0);
    struct stat stat;
    bool is_done = true;

    if (fd < 0)
        return missing_below(follow, root, path);
    if (entry && entry->state.type == IMPORT_DIR && fstat(fd, &stat) == 0)
        is_done = import_scan_folder(run, entry, &stat);
    (void)close(fd);
    return is_done;
}

static bool
news_look(struct follow *follow, const struct import_news *news)
{
    struct import_run *run = follow->run;

    if (!path_is_wanted(run, news->root, news->path))
        return true;
    if (news->is_folder_only)
        return folder_look(follow, news->root, news->path);
    /* A folder may be another one than before, without what that one had. */
    return import_scan_path(run, news->root, news->path, on_folder, follow) &&
           missing_below(follow, news->root, news->path);
}

/* Everything, as at the start. */
static bool
all_look(struct follow *follow)
{
    struct import_run *run = follow->run;
    const struct import_catalog *catalog = &run->catalog;

    for (size_t i = 0; i < catalog->bucket_count; i++)
        for (struct import_entry *entry = catalog->buckets[i]; entry;
             entry = entry->next)
            entry->seen = IMPORT_UNSEEN;
    for (size_t i = 0; i < run->target_count; i++)
        if (!import_scan_path(run, run->targets[i].root, run->targets[i].path,
                              on_folder, follow))
            return false;
    for (size_t i = 0; i < catalog->bucket_count; i++)
        for (struct import_entry *entry = catalog->buckets[i]; entry;
             entry = entry->next)
            if (entry->seen == IMPORT_UNSEEN &&
                path_is_wanted(run, entry->root, entry->path) &&
                !missing_add(follow, entry))
                return false;
    return true;
}

/* ---------------------------------------------------------------------------
 * Renamed
 */

static int
inode_compare(const void *a, const void *b)
{
    const struct import_state *x = &(*(struct import_entry *const *)a)->state;
    const struct import_state *y = &(*(struct import_entry *const *)b)->state;

    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return 0;
}

/* Is this path new, or does it lead to another file than it did? */
static bool
entry_is_new(const struct import_entry *entry)
{
    return !entry->is_stored ||
           entry->state.ino != (uint64_t)entry->stat.st_ino ||
           entry->state.dev != (uint64_t)entry->stat.st_dev;
}

static bool
entry_was(const struct import_run *run, const struct import_entry *entry,
          const struct import_entry *before)
{
    if (before->root != entry->root || before == entry ||
        before->seen != IMPORT_MISSING ||
        before->state.type != entry->state.type)
        return false;
    return entry->state.type != IMPORT_FILE ||
           import_source_continues(&run->job, entry, before);
}

/* What was under the new path belongs to it, as something older. */
static bool
older_merge(struct import_state *state, const struct import_state *lost)
{
    const size_t count = (size_t)state->older_count + lost->older_count + 1;
    struct import_older *older = calloc(count, sizeof *older);

    if (!older)
        return false;
    if (lost->older_count > 0)
        memcpy(older, lost->older, lost->older_count * sizeof *older);
    older[lost->older_count] =
        (struct import_older){ lost->session, lost->segment,
                               import_now_ns() / 1000000 };
    if (state->older_count > 0)
        memcpy(older + lost->older_count + 1, state->older,
               state->older_count * sizeof *older);
    free(state->older);
    state->older = older;
    state->older_count = (uint32_t)count;
    return true;
}

static void
list_replace(struct import_list *list, const struct import_entry *old,
             struct import_entry *new)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i] == old && new)
            list->items[kept++] = new;
        else if (list->items[i] != old)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

/* `before` goes on under `path`, which `entry` had: that one is dropped. */
static bool
entry_take_over(struct follow *follow, struct import_entry *entry,
                struct import_entry *before, const char *path,
                const char *old_path)
{
    struct import_run *run = follow->run;
    const bool is_file = entry->state.type == IMPORT_FILE;
    const struct stat stat = entry->stat;
    struct seglog_error err;

    list_replace(&run->work, entry, is_file ? before : NULL);
    list_replace(&run->dirty, entry, NULL);
    import_catalog_drop(&run->catalog, entry);
    before->is_queued = is_file;
    before->state.deleted_at_ms = 0;
    if (import_catalog_rename(&run->catalog, before, path, &err) != SEGLOG_OK) {
        (void)tool_fail(run->options->into, &err);
        return false;
    }
    before->seen = IMPORT_SEEN;
    before->stat = stat;
    if (!is_file)
        return import_scan_folder(run, before, &stat);
    run->totals.renamed++;
    import_report_event(run, before, "renamed", old_path);
    return true;
}

static bool
entry_rename(struct follow *follow, struct import_entry *entry,
             struct import_entry *before)
{
    char *path = strdup(entry->path);
    char *old_path = strdup(before->path);
    bool is_done = path && old_path &&
                   (entry->state.type != IMPORT_FILE || !entry->is_stored ||
                    older_merge(&before->state, &entry->state));

    if (is_done)
        is_done = entry_take_over(follow, entry, before, path, old_path);
    else
        (void)tool_fail_memory();
    free(path);
    free(old_path);
    return is_done;
}

/* Files, folders and links that are new, of the last look. */
static bool
fresh_collect(const struct import_run *run, struct import_list *fresh)
{
    for (size_t i = 0; i < run->work.count; i++)
        if (entry_is_new(run->work.items[i]) &&
            !import_list_add(fresh, run->work.items[i]))
            return false;
    for (size_t i = 0; i < run->dirty.count; i++)
        if (!run->dirty.items[i]->is_stored &&
            !import_list_add(fresh, run->dirty.items[i]))
            return false;
    return true;
}

/* Also what was deleted before may come back under another name. */
static bool
gone_collect(const struct follow *follow, struct import_list *gone)
{
    const struct import_catalog *catalog = &follow->run->catalog;

    for (size_t i = 0; i < follow->missing.count; i++)
        if (!import_list_add(gone, follow->missing.items[i]))
            return false;
    for (size_t i = 0; i < catalog->bucket_count; i++)
        for (struct import_entry *entry = catalog->buckets[i]; entry;
             entry = entry->next)
            if (entry->state.deleted_at_ms != 0 && entry->seen != IMPORT_SEEN &&
                entry->state.bytes > 0 && entry->state.type == IMPORT_FILE) {
                entry->seen = IMPORT_MISSING;
                if (!import_list_add(gone, entry))
                    return false;
            }
    if (gone->count > 0)
        qsort(gone->items, gone->count, sizeof(void *), inode_compare);
    return true;
}

/* The missing entry that `entry` was, or NULL. */
static struct import_entry *
gone_find(const struct import_run *run, const struct import_list *gone,
          const struct import_entry *entry)
{
    struct import_entry key = {
        .state = { .ino = (uint64_t)entry->stat.st_ino,
                   .dev = (uint64_t)entry->stat.st_dev },
    };
    const struct import_entry *const key_at = &key;
    size_t low = 0;
    size_t high = gone->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (inode_compare(&gone->items[middle], &key_at) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < gone->count &&
           inode_compare(&gone->items[low], &key_at) == 0) {
        if (entry_was(run, entry, gone->items[low]))
            return gone->items[low];
        low++;
    }
    return NULL;
}

static bool
renamed_find(struct follow *follow)
{
    struct import_list fresh = { 0 };
    struct import_list gone = { 0 };
    bool is_done = fresh_collect(follow->run, &fresh);

    if (is_done && fresh.count > 0)
        is_done = gone_collect(follow, &gone);
    if (!is_done)
        (void)tool_fail_memory();
    for (size_t i = 0; is_done && i < fresh.count && gone.count > 0; i++) {
        struct import_entry *before =
            gone_find(follow->run, &gone, fresh.items[i]);

        if (before)
            is_done = entry_rename(follow, fresh.items[i], before);
    }
    free(fresh.items);
    free(gone.items);
    return is_done;
}

/* ---------------------------------------------------------------------------
 * Deleted
 */

static bool
missing_mark(struct follow *follow)
{
    struct import_run *run = follow->run;
    const int64_t now_ms = import_now_ns() / 1000000;
    bool is_done = true;

    for (size_t i = 0; i < follow->missing.count && is_done; i++) {
        struct import_entry *entry = follow->missing.items[i];

        if (entry->seen != IMPORT_MISSING)
            continue; /* it was renamed */
        entry->state.deleted_at_ms = now_ms;
        entry->is_dirty = true;
        is_done = import_list_add(&run->dirty, entry);
        if (entry->state.type == IMPORT_DIR)
            import_watch_remove(&follow->watch, entry->root, entry->path);
        if (entry->state.type != IMPORT_FILE)
            continue;
        run->totals.deleted++;
        import_report_event(run, entry, "deleted; the store keeps it", NULL);
    }
    follow->missing.count = 0;
    if (!is_done)
        (void)tool_fail_memory();
    return is_done;
}

/* ---------------------------------------------------------------------------
 * Rounds
 */

/* What was looked at becomes so in the store. */
static bool
round_end(struct follow *follow, bool is_synced)
{
    return renamed_find(follow) && missing_mark(follow) &&
           import_run_work(follow->run, is_synced);
}

static bool
round_all(struct follow *follow)
{
    follow->watch.has_overflow = false;
    import_watch_forget(&follow->watch);
    return all_look(follow) && round_end(follow, true);
}

static bool
round_news(struct follow *follow)
{
    struct import_watch *watch = &follow->watch;
    bool is_done = true;

    import_watch_sort(watch);
    for (size_t i = 0; i < watch->news_count && is_done; i++)
        is_done = news_look(follow, &watch->news[i]);
    import_watch_forget(watch);
    return is_done && round_end(follow, false);
}

/* A single file: its folder is watched for it. */
static bool
targets_watch(struct follow *follow)
{
    struct import_run *run = follow->run;

    for (size_t i = 0; i < run->target_count; i++) {
        const struct import_target *target = &run->targets[i];
        char *folder = NULL;
        bool is_done = false;
        int fd = -1;

        if (!target->is_file)
            continue;
        folder = strdup(target->path);
        if (folder) {
            char *slash = strrchr(folder, '/');

            *(slash ? slash : folder) = '\0';
            fd = tool_tree_open(run->catalog.roots[target->root].fd, folder,
                                O_RDONLY | O_DIRECTORY, 0);
            is_done = fd >= 0 && import_watch_add(&follow->watch, target->root,
                                                  folder, fd);
        }
        if (fd >= 0)
            (void)close(fd);
        free(folder);
        if (!is_done)
            return false;
    }
    return true;
}

static bool
follow_loop(struct follow *follow)
{
    struct import_run *run = follow->run;
    struct import_watch *watch = &follow->watch;
    bool is_going = true;

    if (!targets_watch(follow) || !round_all(follow))
        return false;
    tool_note("%s: up to date; following", run->options->into);
    while (is_going && import_run_signal() == 0) {
        bool is_done = true;

        (void)fflush(stdout);
        is_going = import_watch_wait(watch, RESCAN_MS, GATHER_MS);
        if (watch->is_root_lost) {
            tool_say("a folder that is followed was moved or removed; stopped");
            return false;
        }
        if (watch->has_overflow || (watch->news_count == 0 && is_going))
            is_done = round_all(follow);
        else if (is_going)
            is_done = round_news(follow);
        if (!is_done || watch->is_failed)
            return false;
    }
    return true;
}

enum tool_status
import_follow(struct import_run *run)
{
    struct follow follow = { .run = run };
    bool is_done = false;

    run->job.is_live = true;
    run->job.accepts_open_line = true;
    if (!import_watch_open(&follow.watch, import_run_stop_fd()))
        return TOOL_FAILED;
    tool_progress_init(&run->progress, "importing");
    is_done = follow_loop(&follow);
    import_watch_close(&follow.watch);
    free(follow.missing.items);
    import_report_summary(run);
    /* A signal is how this ends. */
    if (run->is_store_lost || (!is_done && import_run_signal() == 0))
        return TOOL_FAILED;
    return run->totals.bad_lines > 0 ? TOOL_DAMAGED : TOOL_OK;
}
