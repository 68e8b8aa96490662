/* SPDX-License-Identifier: MIT */
/*
 * seglog/store.h - where bytes live.
 *
 * A byte store holds named blobs that grow at their end.  It knows nothing of
 * records.  Two stores come with the library: a folder of files and memory.
 * To put a log somewhere else, fill in the three function tables below; the
 * conformance suite in tests/store/ says whether you got it right.
 *
 * Names    1 to 255 bytes, no '/', no NUL, not "." or "..", not ending in
 *          ".lock": the file store locks NAME by NAME.lock (so a name of more
 *          than 250 bytes has no lock there), a file that stays until the lock
 *          is discarded.  Nobody else may remove it: two could then hold the
 *          lock.  The library also uses NAME.torn (cut tail bytes) and
 *          NAME.cut (a segment that is being cut inside a group).
 * Units    offsets and sizes count bytes from the start of a blob.
 * Threads  a store may be used by any number of threads at once.  A blob or a
 *          lock is used by one thread at a time and may move between threads.
 * Errors   every call returns a code and fills err (may be NULL) on failure.
 *          Unless said otherwise a failed call has changed nothing.
 * Signals  interrupt no call but wait: a store goes on by itself, and nobody
 *          above it tries again.  A call that can never go on fails with IO;
 *          the file store takes a call of the system that was interrupted
 *          100000 times in a row for such a one.  Whoever waits for a lock for
 *          ever waits for ever.
 *
 * The tables start with their own size, set by whoever fills them in, so that
 * operations can be added at their end; one that lies beyond a table's size
 * is taken as absent.
 */
#ifndef SEGLOG_STORE_H
#define SEGLOG_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For append: wherever the end is now. */
#define SEGLOG_END_ANY UINT64_MAX

/* How a blob is opened. */
enum seglog_open_flags {
    SEGLOG_OPEN_READ = 0,             /* must exist; appends are READ_ONLY */
    SEGLOG_OPEN_WRITE = 1,            /* must exist unless CREATE is given */
    SEGLOG_OPEN_CREATE = 2,           /* with WRITE: make it if it is missing */
    SEGLOG_OPEN_CREATE_EXCLUSIVE = 4, /* with WRITE: EXISTS if it is there */
    /*
     * With WRITE: the caller holds this blob's lock around every get_size and
     * append, so the store may trust the size it knows instead of asking the
     * system at each append.  Without it every append checks the end itself.
     * While one handle does this, all who append to the blob must.
     */
    SEGLOG_OPEN_LOCK_HELD = 8
};

/* One open blob. */
struct seglog_blob_ops {
    size_t size; /* sizeof(struct seglog_blob_ops) */

    /*
     * Append len bytes and give the offset where they were written.
     *   expected_end  the end the caller believes in, or SEGLOG_END_ANY
     * CONFLICT  the end is elsewhere: err->actual has it, nothing is written.
     * NO_SPACE, IO  nothing of data remains: a short write was rolled back.
     * POISONED  the roll-back failed too, or an earlier sync failed.
     * An empty append does no I/O: it checks expected_end against the end the
     * store knows and returns that end.
     * When it returns, every process sees the bytes (flush level); a crash of
     * the machine may lose them until sync.
     */
    seglog_code (*append)(void *blob, uint64_t expected_end, const void *data,
                          size_t len, uint64_t *offset,
                          struct seglog_error *err);

    /*
     * Read exactly len bytes.  offset + len beyond the size is INVALID with
     * err->actual = size, also for len 0 beyond the size; len 0 up to and
     * including the size is OK.  Sees appends of all processes.
     * AUTH: bytes from err->offset up to err->actual, some of them asked for,
     * are not those that were written (an encrypted store); others may be.
     */
    seglog_code (*read_at)(void *blob, uint64_t offset, void *buf, size_t len,
                           struct seglog_error *err);

    /*
     * The size now.  is_replaced, when not NULL, says whether the name no
     * longer leads to this blob (replaced or removed by somebody): appends to
     * it would succeed and be lost.  In LOCK_HELD mode this also renews the
     * size that append trusts.
     */
    seglog_code (*get_size)(void *blob, uint64_t *size, bool *is_replaced,
                            struct seglog_error *err);

    /* Hand buffered bytes to the system, where a store buffers any. */
    seglog_code (*flush)(void *blob, struct seglog_error *err);

    /*
     * On OK everything appended before the call, by anybody, survives power
     * loss, and so does the name that the blob was opened by, although whoever
     * created it or put it in its place may have died before that was durable.
     * After a failure every later append, sync and truncate of this
     * blob is POISONED: what was promised is unknown and must be re-read.
     */
    seglog_code (*sync)(void *blob, struct seglog_error *err);

    /*
     * Cut to new_size, which may not exceed the size (INVALID, err->actual =
     * size).  Not durable before sync.  NULL where a store cannot cut.  Cut to
     * the size it has, nothing goes but what a store may have behind the end.
     * A store without it must have nothing there: what an append did not write
     * is not among the bytes of the blob, also after a power failure.
     */
    seglog_code (*truncate)(void *blob, uint64_t new_size,
                            struct seglog_error *err);

    /*
     * Return OK as soon as the size differs from known_size or the blob was
     * replaced, or after timeout_ms (negative: no limit), or early for no
     * reason (a signal): the caller asks get_size.  Does not poll.  NULL
     * where a store has no such means.
     */
    seglog_code (*wait)(void *blob, uint64_t known_size, int timeout_ms,
                        struct seglog_error *err);

    /* Release the handle, always.  A failure is reported all the same. */
    seglog_code (*close)(void *blob, struct seglog_error *err);
};

struct seglog_blob {
    const struct seglog_blob_ops *ops;
    void *self;
};

/*
 * The lock of one blob name.  Held by one handle at a time over all threads
 * and processes; released by release, close, or the death of the process.
 */
struct seglog_lock_ops {
    size_t size; /* sizeof(struct seglog_lock_ops) */

    /* LOCKED after timeout_ms (0: try once; negative: wait for ever). */
    seglog_code (*acquire)(void *lock, int timeout_ms,
                           struct seglog_error *err);
    seglog_code (*release)(void *lock, struct seglog_error *err);

    /*
     * SEGLOG_LOCK_HINT_BYTES of memory shared by all holders of this lock in
     * all processes, zero at first, to be touched only while holding it.  Not
     * durable and possibly stale: only ever a hint.  NULL: none here.  The
     * next acquire may move it: ask each time.
     */
    void *(*get_hint)(void *lock);

    /* Releases first if held. */
    void (*close)(void *lock);

    /*
     * For whoever holds the lock and has removed its blob: take away what the
     * lock left in the store.  It stays held until release or close, but may
     * keep nobody out any more: those who wait for it, or come later, meet at
     * a new one.  INVALID when it is not held; to repeat it does nothing.  A
     * file store that other machines may share leaves the lock file.  NULL:
     * nothing is left to take away.
     */
    seglog_code (*discard)(void *lock, struct seglog_error *err);
};

#define SEGLOG_LOCK_HINT_BYTES 128

struct seglog_lock {
    const struct seglog_lock_ops *ops;
    void *self;
};

/* What a store says of a blob without opening it. */
struct seglog_blob_info {
    uint64_t size;        /* bytes */
    uint64_t modified_ns; /* last append or cut, since 1970-01-01 UTC */
};

/*
 * A value that moves whenever a blob is created, removed or replaced, by
 * anybody and by any means.  Appends and cuts do not move it; other things,
 * such as lock files, may.  Of what a symbolic link leads to in another folder
 * a file store sees nothing.
 */
struct seglog_stamp {
    uint64_t value[2];
    /*
     * False while one more such change might not move the value, because the
     * clock behind it is too coarse: two equal stamps prove nothing then.
     */
    bool is_settled;
    /* Not yet, but within a tenth of a second if nothing else changes. */
    bool settles_soon;
};

/* Called for each name; return false to stop listing. */
typedef bool (*seglog_list_fn)(void *arg, const char *name);

struct seglog_store_ops {
    size_t size; /* sizeof(struct seglog_store_ops) */

    /*
     * Open a blob (flags: enum seglog_open_flags).  NOT_FOUND, EXISTS,
     * READ_ONLY (no permission to write), INVALID (name or flags).  A created
     * blob is in its folder durably when this returns; with CREATE so is one
     * that was there, and so are the removals and replacements of before.
     */
    seglog_code (*open)(void *store, const char *name, unsigned flags,
                        struct seglog_blob *blob, struct seglog_error *err);

    /* Call fn for every blob whose name starts with prefix, in byte order. */
    seglog_code (*list)(void *store, const char *prefix, seglog_list_fn fn,
                        void *arg, struct seglog_error *err);

    /* Remove a blob, durably.  NOT_FOUND when there is none. */
    seglog_code (*remove)(void *store, const char *name,
                          struct seglog_error *err);

    /*
     * Atomically and durably make `name` lead to what `from` leads to; `from`
     * is gone afterwards, what was called `name` too.  The caller has synced
     * `from`.  NOT_FOUND when there is no `from`.
     */
    seglog_code (*replace)(void *store, const char *from, const char *name,
                           struct seglog_error *err);

    /* A handle, not yet held, on the lock of name; the blob may be missing. */
    seglog_code (*open_lock)(void *store, const char *name,
                             struct seglog_lock *lock,
                             struct seglog_error *err);

    /* One line for logs: "file store /var/log/app".  Always terminated. */
    void (*describe)(void *store, char *buf, size_t cap);

    /* Free the store.  All its blobs and locks have been closed before. */
    void (*close)(void *store);

    /* NOT_FOUND.  NULL where a store cannot tell. */
    seglog_code (*get_info)(void *store, const char *name,
                            struct seglog_blob_info *info,
                            struct seglog_error *err);

    /* NULL where a store cannot tell. */
    seglog_code (*get_stamp)(void *store, struct seglog_stamp *stamp,
                             struct seglog_error *err);
};

struct seglog_store {
    const struct seglog_store_ops *ops;
    void *self;
};

/*
 * A folder of files.  dir must exist, unless create_dirs is set, and is held
 * open: renaming it does not matter.  New files get mode 0666 less the umask.
 *
 * Durability  sync is fdatasync; creating, removing and replacing sync the
 *             folder.  Symbolic links are followed when reading and writing
 *             what exists and never when creating.
 * Since       0.1
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_file_open(const char *dir, bool create_dirs,
                       struct seglog_store *store, struct seglog_error *err);

struct seglog_file_store_options {
    size_t size;
    bool create_dirs;
    /* Permissions of new files and folders, less the umask; 0: 0666, 0777. */
    unsigned file_mode;
    unsigned dir_mode;
    /* A blob that is a symbolic link is INVALID, instead of being followed. */
    bool refuses_links;
};

/* The same, with options; NULL: none.  INVALID for a mode beyond 0777. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_file_open_with(const char *dir,
                            const struct seglog_file_store_options *options,
                            struct seglog_store *store,
                            struct seglog_error *err);

/*
 * Memory of this process.  The contents go with the store, and a blob that is
 * open when it is removed stays readable until it is closed.
 * Since 0.1
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_memory_open(struct seglog_store *store, struct seglog_error *err);

/*
 * Checked calls, for users of a store.  They reject bad arguments with INVALID
 * before the table is asked, and know which operations are absent.
 */
SEGLOG_API void
seglog_store_close(struct seglog_store *store);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_blob_open(struct seglog_store store, const char *name, unsigned flags,
                 struct seglog_blob *blob, struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_blob_append(struct seglog_blob blob, uint64_t expected_end,
                   const void *data, size_t len, uint64_t *offset,
                   struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_blob_read_at(struct seglog_blob blob, uint64_t offset, void *buf,
                    size_t len, struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_blob_get_size(struct seglog_blob blob, uint64_t *size, bool *is_replaced,
                     struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_blob_flush(struct seglog_blob blob, struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_blob_sync(struct seglog_blob blob, struct seglog_error *err);

/* READ_ONLY where the store cannot truncate. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_blob_truncate(struct seglog_blob blob, uint64_t new_size,
                     struct seglog_error *err);

/* Polls every 50 ms where the store has no wait. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_blob_wait(struct seglog_blob blob, uint64_t known_size, int timeout_ms,
                 struct seglog_error *err);

/* Accepts a zeroed struct; zeroes it. */
SEGLOG_API seglog_code
seglog_blob_close(struct seglog_blob *blob, struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_list(struct seglog_store store, const char *prefix,
                  seglog_list_fn fn, void *arg, struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_remove(struct seglog_store store, const char *name,
                    struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_replace(struct seglog_store store, const char *from,
                     const char *name, struct seglog_error *err);

/* Without get_info the blob is opened and modified_ns is 0. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_get_info(struct seglog_store store, const char *name,
                      struct seglog_blob_info *info, struct seglog_error *err);

/* Where a store cannot tell: OK, and never settled. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_store_get_stamp(struct seglog_store store, struct seglog_stamp *stamp,
                       struct seglog_error *err);

SEGLOG_API void
seglog_store_describe(struct seglog_store store, char *buf, size_t cap);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_lock_open(struct seglog_store store, const char *name,
                 struct seglog_lock *lock, struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_lock_acquire(struct seglog_lock lock, int timeout_ms,
                    struct seglog_error *err);

SEGLOG_API seglog_code
seglog_lock_release(struct seglog_lock lock, struct seglog_error *err);

/* NULL where there is none. */
SEGLOG_API void *
seglog_lock_get_hint(struct seglog_lock lock);

SEGLOG_API seglog_code
seglog_lock_discard(struct seglog_lock lock, struct seglog_error *err);

/* Accepts a zeroed struct; zeroes it. */
SEGLOG_API void
seglog_lock_close(struct seglog_lock *lock);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_STORE_H */
