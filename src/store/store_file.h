/* SPDX-License-Identifier: MIT */
/*
 * src/store/store_file.h - what the files of the file store share.
 *
 * Everything is opened relative to the folder that is held open, so that a
 * store stays itself when somebody renames its folder.
 */
#ifndef SLG_STORE_FILE_H
#define SLG_STORE_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "src/store/name.h"

/* All but the counter stays as it is: threads need no lock around it. */
struct slg_file_store {
    int dir_fd;
    bool is_local;    /* time stamps are those of this machine's clock */
    mode_t file_mode; /* of what is created, less the umask */
    bool refuses_links;
    mode_t dir_mode;
    char *dir;               /* for messages only */
    atomic_uint lock_passes; /* locks taken and released; see the lock */
    /* Of a blob that was waited for, for the next one: store_file_system.c. */
    _Atomic uint64_t spare_watch;
};

/* A watch on an open file: a descriptor to poll. */
struct slg_file_watch {
    int fd; /* -1: none serves */
    int id;
};

/* Where something failed: the path goes into the message. */
struct slg_file_place {
    const struct slg_file_store *store;
    const char *name;
    uint64_t offset;
};

seglog_code
slg_file_fail(struct seglog_error *err, seglog_code code,
              struct slg_file_place place, const char *what);

seglog_code
slg_file_fail_errno(struct seglog_error *err, int sys_errno,
                    struct slg_file_place place, const char *what);

/*
 * errno says why a call failed: is it to be made again?  A signal is no failure,
 * and signals may come thick; but where the system says so without end whoever
 * asked is to be told.  *times begins at 0 and counts those in a row.
 */
#define SLG_FILE_INTERRUPTS_MAX 100000u

bool
slg_file_is_interrupted(unsigned *times);

/* The most that Linux moves in one call. */
#define SLG_FILE_IO_MAX ((size_t)0x7ffff000)

struct slg_file_blob {
    struct slg_file_store *store;
    int fd;
    struct slg_file_watch watch; /* none until the first wait */
    bool is_watch_tried;
    bool is_writable;
    bool is_lock_held; /* by the caller, around get_size and append */
    bool is_poisoned;
    bool needs_full_sync;   /* created or cut: more than data has changed */
    bool needs_folder_sync; /* its name may be more recent than any such sync */
    uint64_t device;
    uint64_t inode;
    uint64_t end;              /* as last known */
    int64_t folder_changed_ns; /* when the name was last looked up */
    bool is_name_settled;      /* it leads here until the folder changes */
    char name[SLG_NAME_CAP];
};

struct slg_file_place
slg_file_blob_place(const struct slg_file_blob *blob, uint64_t offset);

/* A system call on the blob failed: errno says why. */
seglog_code
slg_file_blob_fail(const struct slg_file_blob *blob, struct seglog_error *err,
                   const char *what);

/* INVALID, with the size as the actual value. */
seglog_code
slg_file_blob_fail_range(const struct slg_file_blob *blob,
                         struct seglog_error *err, uint64_t offset,
                         uint64_t size, const char *what);

seglog_code
slg_file_blob_ask_size(const struct slg_file_blob *blob, uint64_t *size,
                       struct seglog_error *err);

/* Operations of the blob that write; see seglog/store.h. */
seglog_code
slg_file_blob_append(void *self, uint64_t expected_end, const void *data,
                     size_t len, uint64_t *offset, struct seglog_error *err);

seglog_code
slg_file_blob_sync(void *self, struct seglog_error *err);

seglog_code
slg_file_blob_truncate(void *self, uint64_t new_size, struct seglog_error *err);

/* Make bytes, or with is_full all there is to know of it, durable: 0 or -1. */
int
slg_file_sync(int fd, bool is_full);

int
slg_file_sync_folder(int dir_fd);

/*
 * A descriptor of the folder, or -1.  Where create_dirs is set, it and those
 * above it are made with that mode, durably.  path is changed and restored.
 */
int
slg_file_folder_open(char *path, bool create_dirs, mode_t mode);

seglog_code
slg_file_blob_open(void *self, const char *name, unsigned flags,
                   struct seglog_blob *blob, struct seglog_error *err);

seglog_code
slg_file_lock_open(void *self, const char *name, struct seglog_lock *lock,
                   struct seglog_error *err);

/* Whether nobody but this machine changes what is on that file system. */
bool
slg_file_is_local(int fd);

/*
 * When the status of the folder last changed, which nobody can set at will.
 * False where times cannot be relied on.
 */
bool
slg_file_folder_time(const struct slg_file_store *store, int64_t *changed_ns);

/*
 * Whether changed_ns was so long ago at now_ns, on the wall clock, that every
 * change after now_ns has another time.  The clock is read before the folder
 * is asked: one read later would not speak of the changes in between.
 */
bool
slg_file_time_is_past(int64_t changed_ns, int64_t now_ns);

/* Nanoseconds since 1970, as exact as the system tells. */
int64_t
slg_file_changed_ns(const struct stat *status);

int64_t
slg_file_modified_ns(const struct stat *status);

struct slg_file_watch
slg_file_watch_open(struct slg_file_store *store, int fd);

/* Accepts one that is none. */
void
slg_file_watch_close(struct slg_file_store *store, struct slg_file_watch watch);

/* Forget what has happened until now. */
void
slg_file_watch_drain(struct slg_file_watch watch);

/* What is kept for the next one goes, with the store. */
void
slg_file_watch_forget(struct slg_file_store *store);

/* Whether a full disk never makes writing to a mapped file fail with a signal.
 */
bool
slg_file_is_safe_to_map(int fd);

#endif /* SLG_STORE_FILE_H */
