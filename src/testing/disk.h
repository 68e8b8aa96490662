/* SPDX-License-Identifier: MIT */
/*
 * src/testing/disk.h - what the files of the simulated disk share.
 *
 * One mutex guards all of a disk.  A file is what an inode is elsewhere: it
 * lives as long as a name, a change of names that is not synced, or a handle
 * refers to it.
 */
#ifndef SLG_TESTING_DISK_H
#define SLG_TESTING_DISK_H

#include <pthread.h>

#include "src/testing/disk_image.h"

#define SLG_DISK_NAME_CAP 256
/* How many states between two syncs are kept apart. */
#define SLG_DISK_BETWEEN 4u

struct slg_disk_file {
    size_t ref_count;
    uint64_t number;
    struct slg_image now;  /* as processes see it */
    struct slg_image disk; /* as the device has it for sure */
    struct slg_image between[SLG_DISK_BETWEEN]; /* before cuts since the sync */
    unsigned between_count;
    /* Bytes below are the same in all of them, or were lost by a failed sync
     * that left them clean: no sync writes them again. */
    uint64_t floor;
    uint64_t modified_ns;
    char *fates; /* of the sectors from fate_first on, at the last power cut */
    size_t fate_first;
    struct slg_disk_file *twin; /* while a disk is copied */
};

struct slg_disk_entry {
    struct slg_disk_file *file;
    char name[SLG_DISK_NAME_CAP];
};

/* In byte order. */
struct slg_disk_names {
    struct slg_disk_entry *entries;
    size_t count;
    size_t cap;
};

/* A change of names that no sync has made durable. */
struct slg_disk_change {
    enum seglog_disk_step kind;
    uint64_t stamp; /* of the names with it */
    struct slg_disk_file *file;
    char name[SLG_DISK_NAME_CAP];
    char from[SLG_DISK_NAME_CAP]; /* of a replacement */
};

struct slg_disk_lock {
    struct slg_disk_lock *next;
    const struct slg_disk_lock_handle *holder;
    bool is_discarded;
    char name[SLG_DISK_NAME_CAP];
    _Alignas(16) uint8_t hint[SEGLOG_LOCK_HINT_BYTES];
};

struct slg_disk_lock_handle {
    struct seglog_disk_process *process;
    struct slg_disk_lock *lock;
};

struct seglog_disk {
    pthread_mutex_t mutex;
    pthread_cond_t changed;  /* a blob changed its size or its name */
    pthread_cond_t released; /* a lock was released */
    struct seglog_disk_options options;
    uint64_t chance;
    uint64_t boot; /* how often the machine was started */
    struct slg_disk_names now;
    struct slg_disk_names disk;
    struct slg_disk_change *changes;
    size_t change_count;
    size_t change_cap;
    struct slg_disk_lock *locks;
    uint64_t files_made;
    /* Of the names as they are seen and as they are on the disk: as the time of
     * a folder, which a power cut takes back with what it stands for.  No two
     * changes of this program have the same. */
    uint64_t stamp;
    uint64_t disk_stamp;
    const char *fail_sync_name;
    uint64_t fail_sync_at;
    enum seglog_disk_sync_failure fail_sync_how;
    unsigned fail_sync_percent;
};

/* The next of a series of numbers that follows from *seed. */
uint64_t
slg_disk_random(uint64_t *seed);

/* 0 to limit - 1; limit is not 0. */
uint64_t
slg_disk_below(uint64_t *seed, uint64_t limit);

/* -- files and names (disk_names.c) ---------------------------------------- */

struct slg_disk_file *
slg_disk_file_new(struct seglog_disk *disk);

struct slg_disk_file *
slg_disk_file_ref(struct slg_disk_file *file);

void
slg_disk_file_unref(struct slg_disk_file *file);

/* There is nothing to sync. */
bool
slg_disk_file_is_clean(const struct slg_disk_file *file);

/* All that was written is on the disk, but for what a sync lost before. */
bool
slg_disk_file_sync(struct slg_disk_file *file);

void
slg_disk_file_forget_between(struct slg_disk_file *file);

/* The place of a name, or where it would be put. */
size_t
slg_disk_names_search(const struct slg_disk_names *names, const char *name);

struct slg_disk_file *
slg_disk_names_find(const struct slg_disk_names *names, const char *name);

/* Room for one more. */
bool
slg_disk_names_reserve(struct slg_disk_names *names);

/* Make name lead to file, or to nothing if that is NULL.  There is room. */
void
slg_disk_names_set(struct slg_disk_names *names, const char *name,
                   struct slg_disk_file *file);

void
slg_disk_names_reset(struct slg_disk_names *names);

/* `to` becomes the same as `from`. */
bool
slg_disk_names_copy(struct slg_disk_names *to,
                    const struct slg_disk_names *from);

/* The change is made as far as it can be: it may need one that was lost. */
bool
slg_disk_change_apply(struct slg_disk_names *names,
                      const struct slg_disk_change *change);

/* Make it, and note that it is not synced. */
bool
slg_disk_change_make(struct seglog_disk *disk, enum seglog_disk_step kind,
                     struct slg_disk_file *file, const char *name,
                     const char *from);

bool
slg_disk_sync_names(struct seglog_disk *disk);

uint64_t
slg_disk_stamp_new(void);

void
slg_disk_forget_changes(struct seglog_disk *disk);

/* -- processes (disk_store.c) ---------------------------------------------- */

/*
 * The process comes to its next step.  OK: it may do it, and holds the mutex.
 * dies_now, where not NULL, says that it died just now, in this step.
 */
seglog_code
slg_disk_enter(struct seglog_disk_process *process, enum seglog_disk_step step,
               bool *dies_now, struct seglog_error *err);

void
slg_disk_leave(struct seglog_disk_process *process);

/* Whether it can do anything still.  Under the mutex. */
bool
slg_disk_is_alive(const struct seglog_disk_process *process);

/* Under the mutex. */
void
slg_disk_release_locks(struct seglog_disk *disk,
                       const struct seglog_disk_process *process);

int64_t
slg_disk_wall_clock_ns(void);

/* Wait for cond until deadline_ns, INT64_MAX: for ever, 0: not at all.  False:
 * it is past. */
bool
slg_disk_wait(struct seglog_disk *disk, pthread_cond_t *cond,
              int64_t deadline_ns);

int64_t
slg_disk_deadline_ns(const struct seglog_disk_process *process, int timeout_ms);

/* -- blobs and locks ------------------------------------------------------- */

/* Under the mutex: a handle on file, which takes a reference. */
seglog_code
slg_disk_blob_new(struct seglog_disk_process *process,
                  struct slg_disk_file *file, const char *name, unsigned flags,
                  struct seglog_blob *blob, struct seglog_error *err);

seglog_code
slg_disk_lock_open(void *self, const char *name, struct seglog_lock *lock,
                   struct seglog_error *err);

#endif /* SLG_TESTING_DISK_H */
