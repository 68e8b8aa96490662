/* SPDX-License-Identifier: MIT */
/*
 * tools/import_watch.h - what changes below folders, as the kernel tells it.
 *
 * Threads  one
 */
#ifndef IMPORT_WATCH_H
#define IMPORT_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct import_watched {
    size_t root;
    char *path; /* NULL: no watch has this number */
};

/* A path that something has happened to. */
struct import_news {
    size_t root;
    char *path;
    bool is_folder_only; /* the folder itself, not what is in it */
};

struct import_watch {
    int fd;
    int stop_fd;                    /* readable when it is time to end */
    struct import_watched *watched; /* by watch number */
    size_t watched_cap;
    struct import_news *news;
    size_t news_count;
    size_t news_cap;
    bool has_overflow; /* news were lost: look at everything */
    bool is_root_lost; /* the folder of a root was moved or removed */
    bool is_failed;    /* out of memory, or out of watches: was said */
};

/* False: it has been said. */
bool
import_watch_open(struct import_watch *watch, int stop_fd);
void
import_watch_close(struct import_watch *watch);

/* Watch an open folder, from now on under this path. */
bool
import_watch_add(struct import_watch *watch, size_t root, const char *path,
                 int fd);

/* The folder and those below are here no longer. */
void
import_watch_remove(struct import_watch *watch, size_t root, const char *path);

/*
 * Wait for news, at most timeout_ms, and then gather what comes within
 * gather_ms.  False: it is time to end; there may be news all the same.
 */
bool
import_watch_wait(struct import_watch *watch, int timeout_ms, int gather_ms);

/* Each path once, in order. */
void
import_watch_sort(struct import_watch *watch);

void
import_watch_forget(struct import_watch *watch);

#endif /* IMPORT_WATCH_H */
