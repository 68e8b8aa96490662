/* SPDX-License-Identifier: MIT */
/*
 * tools/import_catalog.h - the sources a store knows, in memory.
 *
 * Threads  the catalog and its roots are changed by one thread while no other
 *          uses them.  An entry belongs to one thread at a time.
 *          import_catalog_save may be called by any thread, for entries that
 *          belong to it.
 */
#ifndef IMPORT_CATALOG_H
#define IMPORT_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/session.h"
#include "tools/import_state.h"

struct import_root {
    char *path; /* absolute */
    char digits[IMPORT_ROOT_DIGITS];
    int fd; /* of the folder, while importing; else -1 */
    bool is_loaded;
    bool is_new; /* not in the store yet */
};

struct import_live; /* import_source.h */

/* What the last look at the file has shown. */
enum import_seen {
    IMPORT_UNSEEN = 0,
    IMPORT_SEEN,    /* it is there */
    IMPORT_MISSING, /* it was looked for */
};

struct import_entry {
    size_t root; /* in the catalog */
    char *path;  /* below the root */
    size_t path_len;
    struct import_state state;
    bool is_stored; /* the store has a state of it */
    bool is_dirty;  /* and another one than this */
    bool is_queued; /* it is on a list of what is to be done */
    enum import_seen seen;
    struct stat stat;         /* SEEN: of the last look */
    struct import_live *live; /* while following; else NULL */
    struct import_entry *next;
};

struct import_catalog {
    struct seglog_session_store *sessions;
    struct import_root *roots;
    size_t root_count;
    struct import_entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t entry_count;
    /* A set of the segments that belong to entries, also when they are not
     * there yet: a hash table with nil for free places. */
    struct seglog_uuid *promised;
    size_t promised_cap; /* a power of two, or 0 */
    size_t promised_count;
};

/* Read the roots; entries come with import_catalog_load. */
seglog_code
import_catalog_open(struct seglog_session_store *sessions,
                    struct import_catalog *catalog, struct seglog_error *err);

void
import_catalog_close(struct import_catalog *catalog);

/* The root with that path; made, and noted in the store, if it is missing.
 * Its entries are read. */
seglog_code
import_catalog_add_root(struct import_catalog *catalog, const char *path,
                        size_t *root, struct seglog_error *err);

/* Read the entries of a root. */
seglog_code
import_catalog_load(struct import_catalog *catalog, size_t root,
                    struct seglog_error *err);

/* Promise a segment to an entry.  False: it is taken, or out of memory. */
bool
import_catalog_promise(struct import_catalog *catalog,
                       const struct seglog_uuid *segment);

/* NULL: there is none. */
struct import_entry *
import_catalog_find(const struct import_catalog *catalog, size_t root,
                    const char *path);

/* The entry with that path; made if it is missing.  NULL: out of memory. */
struct import_entry *
import_catalog_get(struct import_catalog *catalog, size_t root,
                   const char *path);

/* Take it out of the catalog, not out of the store, and free it. */
void
import_catalog_drop(struct import_catalog *catalog, struct import_entry *entry);

/* All entries, in the byte order of their roots and paths: free the array.
 * NULL: out of memory. */
struct import_entry **
import_catalog_sort(const struct import_catalog *catalog, size_t *count);

/* Write states to the store.  is_lazy: as seglog_name_write. */
seglog_code
import_catalog_save(const struct import_catalog *catalog,
                    struct import_entry *const *entries, size_t count,
                    bool is_lazy, struct seglog_error *err);

/*
 * Give an entry another path: in the catalog, and at once in the store, where
 * its state was under the old one.  There is none with the new path.
 */
seglog_code
import_catalog_rename(struct import_catalog *catalog,
                      struct import_entry *entry, const char *path,
                      struct seglog_error *err);

#endif /* IMPORT_CATALOG_H */
