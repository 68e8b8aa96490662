/* SPDX-License-Identifier: MIT */
/* tools/import_watch.c - inotify: watches with paths, and their news. */
#define _GNU_SOURCE
#include "tools/import_watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "tools/tool_common.h"
#include "tools/tool_tree.h"

#define WATCH_MASK                                                             \
    (IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM |      \
     IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define EVENT_BYTES ((size_t)64 * 1024)

bool
import_watch_open(struct import_watch *watch, int stop_fd)
{
    *watch = (struct import_watch){ .stop_fd = stop_fd };
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd >= 0)
        return true;
    tool_say("following is not possible: %s", strerror(errno));
    return false;
}

void
import_watch_forget(struct import_watch *watch)
{
    for (size_t i = 0; i < watch->news_count; i++)
        free(watch->news[i].path);
    watch->news_count = 0;
}

void
import_watch_close(struct import_watch *watch)
{
    import_watch_forget(watch);
    for (size_t i = 0; i < watch->watched_cap; i++)
        free(watch->watched[i].path);
    free(watch->watched);
    free(watch->news);
    if (watch->fd >= 0)
        (void)close(watch->fd);
    *watch = (struct import_watch){ .fd = -1 };
}

/* ---------------------------------------------------------------------------
 * Watches
 */

static bool
watched_set(struct import_watch *watch, size_t number, size_t root,
            const char *path)
{
    char *copy = strdup(path);

    if (copy && number >= watch->watched_cap) {
        const size_t cap = (number + 1) * 2;
        struct import_watched *watched =
            realloc(watch->watched, cap * sizeof *watched);

        if (!watched) {
            free(copy);
            return false;
        }
        memset(watched + watch->watched_cap, 0,
               (cap - watch->watched_cap) * sizeof *watched);
        watch->watched = watched;
        watch->watched_cap = cap;
    }
    if (!copy)
        return false;
    free(watch->watched[number].path);
    watch->watched[number] = (struct import_watched){ root, copy };
    return true;
}

bool
import_watch_add(struct import_watch *watch, size_t root, const char *path,
                 int fd)
{
    char name[64];
    int number = -1;

    /* By its descriptor: the path may be long, or lead elsewhere by now. */
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    number = inotify_add_watch(watch->fd, name, WATCH_MASK);
    if (number < 0) {
        tool_say("%s: this folder cannot be watched: %s%s", path,
                 strerror(errno),
                 errno == ENOSPC ? "; fs.inotify.max_user_watches is too small"
                                 : "");
        watch->is_failed = true;
        return false;
    }
    if (!watched_set(watch, (size_t)number, root, path)) {
        (void)tool_fail_memory();
        watch->is_failed = true;
    }
    return !watch->is_failed;
}

void
import_watch_remove(struct import_watch *watch, size_t root, const char *path)
{
    const size_t len = strlen(path);

    for (size_t i = 0; i < watch->watched_cap; i++) {
        struct import_watched *watched = &watch->watched[i];

        if (!watched->path || watched->root != root ||
            strncmp(watched->path, path, len) != 0 ||
            (watched->path[len] != '\0' && watched->path[len] != '/'))
            continue;
        /* It may be gone already, with its folder. */
        (void)inotify_rm_watch(watch->fd, (int)i);
        free(watched->path);
        watched->path = NULL;
    }
}

/* ---------------------------------------------------------------------------
 * News
 */

static void
news_add(struct import_watch *watch, size_t root, char *path,
         bool is_folder_only)
{
    if (watch->news_count == watch->news_cap) {
        const size_t cap = watch->news_cap ? watch->news_cap * 2 : 256;
        struct import_news *news = realloc(watch->news, cap * sizeof *news);

        if (news) {
            watch->news = news;
            watch->news_cap = cap;
        }
    }
    if (!path || watch->news_count == watch->news_cap) {
        /* Without memory for the details: look at everything. */
        watch->has_overflow = true;
        free(path);
        return;
    }
    watch->news[watch->news_count++] =
        (struct import_news){ root, path, is_folder_only };
}

static void
event_take(struct import_watch *watch, const struct inotify_event *event)
{
    const uint32_t structure =
        IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
    const size_t number = (size_t)event->wd;
    const struct import_watched *watched = NULL;

    if ((event->mask & IN_Q_OVERFLOW) != 0) {
        watch->has_overflow = true;
        return;
    }
    if (event->wd < 0 || number >= watch->watched_cap ||
        !watch->watched[number].path)
        return;
    watched = &watch->watched[number];
    if ((event->mask & IN_IGNORED) != 0) {
        free(watch->watched[number].path);
        watch->watched[number].path = NULL;
        return;
    }
    if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0 &&
        watched->path[0] == '\0')
        watch->is_root_lost = true;
    news_add(watch, watched->root, strdup(watched->path), true);
    if (event->len > 0)
        news_add(
            watch, watched->root, tool_tree_join(watched->path, event->name),
            (event->mask & IN_ISDIR) != 0 && (event->mask & structure) == 0);
}

/* Everything that is there now. */
static void
events_read(struct import_watch *watch)
{
    union {
        struct inotify_event event;
        char bytes[EVENT_BYTES];
    } buf;
    ssize_t len = 0;

    while ((len = read(watch->fd, &buf, sizeof buf)) > 0) {
        ssize_t at = 0;

        while (at < len) {
            const char *place = buf.bytes + at;
            struct inotify_event head;

            memcpy(&head, place, sizeof head);
            event_take(watch, (const void *)place);
            at += (ssize_t)(sizeof head + head.len);
        }
    }
}

static int64_t
clock_ms(void)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False: it is time to end. */
static bool
events_wait(struct import_watch *watch, int timeout_ms)
{
    struct pollfd fds[] = { { .fd = watch->fd, .events = POLLIN },
                            { .fd = watch->stop_fd, .events = POLLIN } };

    (void)poll(fds, 2, timeout_ms);
    events_read(watch);
    return fds[1].revents == 0;
}

bool
import_watch_wait(struct import_watch *watch, int timeout_ms, int gather_ms)
{
    int64_t until = 0;

    if (!events_wait(watch, timeout_ms))
        return false;
    if (watch->news_count == 0)
        return true;
    until = clock_ms() + gather_ms;
    for (;;) {
        struct pollfd stop = { .fd = watch->stop_fd, .events = POLLIN };
        const int64_t left = until - clock_ms();
        const bool is_stopping = left > 0 && poll(&stop, 1, (int)left) > 0;

        if (is_stopping || clock_ms() >= until) {
            events_read(watch);
            return !is_stopping;
        }
    }
}

static int
news_compare(const void *a, const void *b)
{
    const struct import_news *x = a;
    const struct import_news *y = b;
    int order = 0;

    if (x->root != y->root)
        return x->root < y->root ? -1 : 1;
    order = strcmp(x->path, y->path);
    return order != 0 ? order : (int)x->is_folder_only - (int)y->is_folder_only;
}

void
import_watch_sort(struct import_watch *watch)
{
    size_t kept = 0;

    if (watch->news_count > 0)
        qsort(watch->news, watch->news_count, sizeof *watch->news,
              news_compare);
    for (size_t i = 0; i < watch->news_count; i++) {
        if (kept > 0 && watch->news[kept - 1].root == watch->news[i].root &&
            strcmp(watch->news[kept - 1].path, watch->news[i].path) == 0)
            free(
                watch->news[i].path); /* the one before says at least as much */
        else
            watch->news[kept++] = watch->news[i];
    }
    watch->news_count = kept;
}
