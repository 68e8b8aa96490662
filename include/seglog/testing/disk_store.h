/* SPDX-License-Identifier: MIT */
/*
 * seglog/testing/disk_store.h - a disk that loses what was not synced.
 *
 * UNSTABLE  For tests.  It may change with every release.  Link seglog_testing
 *           (CMake: seglog::testing) beside the library.
 *
 * A simulated disk in memory, on which processes open byte stores.  It keeps
 * apart what processes see and what the device has for sure.  A power cut
 * leaves of what was not synced whatever a real machine may leave:
 *
 *   sectors  of 512 bytes, each by itself new, old, zero, torn at any byte or
 *            as it was at some time in between
 *   sizes    anything between the smallest and the largest since the sync
 *   names    creations, removals and replacements happened or did not
 *
 * What was below the smallest size a file had since its last sync stays as it
 * is: the disk does not damage bytes that nobody writes to.
 *
 *     struct seglog_disk *disk = seglog_disk_new(NULL);
 *     struct seglog_disk_process process;
 *     struct seglog_store store = seglog_disk_start(disk, &process);
 *     ... write a log to the store; then, at any moment:
 *     struct seglog_disk_cut cut = { .seed = 1, .lost_percent = 50 };
 *     struct seglog_disk *after = seglog_disk_image(disk, &cut);
 *     ... open a store on what is left and look at it.
 *
 * Threads  a disk and its stores may be used by any number of threads; but
 *          nobody else may use a disk while it is freed, or read a process
 *          struct that is in use.
 * Memory   calls that return a pointer return NULL when there is none left.
 */
#ifndef SEGLOG_TESTING_DISK_STORE_H
#define SEGLOG_TESTING_DISK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/export.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_DISK_SECTOR 512u

struct seglog_disk;

/* Promises that the disk's stores do not keep: a test must notice. */
enum seglog_disk_flaw {
    SEGLOG_DISK_CREATE_UNSYNCED = 1,  /* the name of a new blob */
    SEGLOG_DISK_REMOVE_UNSYNCED = 2,  /* that a name is gone */
    SEGLOG_DISK_REPLACE_UNSYNCED = 4, /* what a name leads to */
    SEGLOG_DISK_SYNC_SKIPPED = 8      /* one sync in sync_skip does nothing */
};

struct seglog_disk_options {
    uint64_t seed;      /* of what happens by chance without a cut */
    bool cannot_cut;    /* its blobs have no truncate */
    bool has_no_hint;   /* its locks have no hint */
    unsigned flaws;     /* enum seglog_disk_flaw */
    unsigned sync_skip; /* 0: every sync */
};

/* An empty disk.  NULL options: the defaults. */
SEGLOG_MUST_CHECK struct seglog_disk *
seglog_disk_new(const struct seglog_disk_options *options);

/* Its stores, blobs and locks have been closed.  Accepts NULL. */
void
seglog_disk_free(struct seglog_disk *disk);

/* From now on. */
void
seglog_disk_set_options(struct seglog_disk *disk,
                        const struct seglog_disk_options *options);

/*
 * The same disk once more, with all that is not synced, but without processes
 * and locks.  The two share memory until one of them changes it.
 */
SEGLOG_MUST_CHECK struct seglog_disk *
seglog_disk_clone(struct seglog_disk *disk);

/* ---------------------------------------------------------------------------
 * Processes
 */

/* What a process does, one after the other; a call may be several steps. */
enum seglog_disk_step {
    SEGLOG_DISK_OPEN,
    SEGLOG_DISK_READ,
    SEGLOG_DISK_SIZE,
    SEGLOG_DISK_LIST,
    SEGLOG_DISK_INFO,
    /* From here on what a power cut leaves depends on it. */
    SEGLOG_DISK_WRITE,
    SEGLOG_DISK_CUT,
    SEGLOG_DISK_SYNC,
    SEGLOG_DISK_CREATE,
    SEGLOG_DISK_REMOVE,
    SEGLOG_DISK_REPLACE,
    SEGLOG_DISK_SYNC_NAMES
};

/*
 * The caller's, and borrowed by the store and by all that is opened through
 * it.  The fields below may be set at any time.
 */
struct seglog_disk_process {
    struct seglog_disk *disk;
    uint64_t boot;    /* which start of the machine it belongs to */
    uint64_t steps;   /* so far */
    uint64_t changes; /* of them, from SEGLOG_DISK_WRITE on */
    uint64_t die_at;  /* dies in this step, half way through; 0: does not */
    bool is_dead;
    bool never_waits; /* for a lock, for a change: its time-outs pass at once */
    /* Called before each step, which may be the one it dies in: what others do
     * just then. */
    void (*meanwhile)(void *arg, enum seglog_disk_step step);
    void *arg;
};

/* A new process: zeroes it, and gives the store as the process sees it. */
struct seglog_store
seglog_disk_start(struct seglog_disk *disk,
                  struct seglog_disk_process *process);

/* The same store again. */
struct seglog_store
seglog_disk_store(struct seglog_disk_process *process);

/*
 * The process dies: its locks are released, and whatever it still calls is IO
 * and does nothing.  Blobs and locks must be closed all the same.
 */
void
seglog_disk_kill(struct seglog_disk_process *process);

/* ---------------------------------------------------------------------------
 * Power cuts
 */

/* What may become of a sector that was not synced and is lost. */
enum seglog_disk_loss {
    SEGLOG_DISK_OLD = 1,        /* as of the last sync */
    SEGLOG_DISK_ZERO = 2,       /* zeros, where nothing was synced */
    SEGLOG_DISK_TORN_FRONT = 4, /* new up to some byte, then old */
    SEGLOG_DISK_TORN_BACK = 8,  /* old up to some byte, then new */
    SEGLOG_DISK_BETWEEN = 16,   /* as before a cut since the last sync */
    SEGLOG_DISK_GARBAGE = 32,   /* anything, where nothing was synced */
    /* Not a loss: of a cut whose size is lost, sectors that are not lost hold
     * zeros.  Systems clear the rest of a block before they shorten a file. */
    SEGLOG_DISK_CUT_ZEROED = 64
};

/* All but garbage and zeroed cuts, which are rare. */
#define SEGLOG_DISK_LOSSES 31u

struct seglog_disk_cut {
    uint64_t seed;         /* the same cut leaves the same bytes */
    unsigned lost_percent; /* of the sectors that were not synced */
    /* enum seglog_disk_loss; 0: SEGLOG_DISK_LOSSES, or OLD where kept says
     * what is lost. */
    unsigned losses;
    bool names_in_order; /* a name change is lost with all behind it */
    /*
     * Not by chance: one bit for each thing that is not synced, in the order
     * of seglog_disk_get_unsynced, lowest bit of the first byte first; set: it
     * is on the disk.  What lies beyond kept_count is lost.
     */
    const uint8_t *kept;
    size_t kept_count;
};

enum seglog_disk_unsynced_kind {
    SEGLOG_DISK_UNSYNCED_SECTOR,
    SEGLOG_DISK_UNSYNCED_SIZE,
    SEGLOG_DISK_UNSYNCED_NAME
};

struct seglog_disk_unsynced {
    enum seglog_disk_unsynced_kind kind;
    uint64_t file;                /* its number on this disk */
    uint64_t offset;              /* of the sector; the size now */
    enum seglog_disk_step change; /* of a name */
};

/* Fills in up to cap of them and returns how many there are. */
size_t
seglog_disk_get_unsynced(struct seglog_disk *disk,
                         struct seglog_disk_unsynced *list, size_t cap);

/* The disk that a power cut at this moment leaves.  This one stays. */
SEGLOG_MUST_CHECK struct seglog_disk *
seglog_disk_image(struct seglog_disk *disk, const struct seglog_disk_cut *cut);

/*
 * The power fails: all processes are dead, and what is left is what is there
 * from now on.  Start others.  False: no memory, and nothing has happened.
 */
SEGLOG_MUST_CHECK bool
seglog_disk_cut_power(struct seglog_disk *disk,
                      const struct seglog_disk_cut *cut);

/* ---------------------------------------------------------------------------
 * Syncs that fail
 */

/* What kernels have been seen to do when a device does not take the bytes. */
enum seglog_disk_sync_failure {
    /* They stay where they are, and a later sync may write them. */
    SEGLOG_DISK_KEPT_DIRTY,
    /* They count as written and are seen; a later sync succeeds and does not
     * write them: a power cut brings the old ones back. */
    SEGLOG_DISK_LOST_CLEAN,
    /* They are gone, and the old ones are seen at once. */
    SEGLOG_DISK_LOST_REVERTED
};

/*
 * The at-th sync of a blob of that name (NULL: of any; not copied) from now on
 * fails, of whatever process; at 0: none.  Of its sectors lost_percent do not
 * reach the disk.
 */
void
seglog_disk_fail_sync(struct seglog_disk *disk, const char *name, uint64_t at,
                      enum seglog_disk_sync_failure how, unsigned lost_percent);

/* ---------------------------------------------------------------------------
 * Looking at a disk
 */

/* How many bytes at the start of a blob are on the disk as they are seen. */
uint64_t
seglog_disk_get_synced(struct seglog_disk *disk, const char *name);

/* Change bytes behind everybody's back, as rot does.  False: not there. */
bool
seglog_disk_damage(struct seglog_disk *disk, const char *name, uint64_t offset,
                   const void *bytes, size_t len);

/*
 * A map for people: of each blob a line with its sizes and one with a letter
 * for each sector.  '=' synced, 'n' not synced; of a disk that a power cut has
 * left 'N' new, 'O' old, 'Z' zero, 'T' and 't' torn, 'B' between, 'G' garbage.
 * Returns the length of the whole text; buf is terminated when cap > 0.
 */
size_t
seglog_disk_format_map(struct seglog_disk *disk, char *buf, size_t cap);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_TESTING_DISK_STORE_H */
