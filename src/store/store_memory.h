/* SPDX-License-Identifier: MIT */
/*
 * src/store/store_memory.h - what the files of the memory store share.
 *
 * One mutex guards names, references, locks and waiting; the bytes of a file
 * have a lock of their own, so that readers of it never wait for each other.
 * The mutex is taken first where both are held.
 */
#ifndef SLG_STORE_MEMORY_H
#define SLG_STORE_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/store/name.h"

/* Contents; lives as long as a name or a handle refers to it. */
struct slg_memory_file {
    pthread_rwlock_t bytes_lock; /* data, size, cap, modified_ns */
    uint8_t *data;
    size_t size;
    size_t cap;
    uint64_t modified_ns;
    size_t ref_count; /* under the mutex of the store */
    char name[SLG_NAME_CAP];
};

/* A lock lives as long as its store, as a lock file does in a folder. */
struct slg_memory_lock {
    struct slg_memory_lock *next;
    bool is_held;
    char name[SLG_NAME_CAP];
    _Alignas(16) uint8_t hint[SEGLOG_LOCK_HINT_BYTES];
};

struct slg_memory_store {
    pthread_mutex_t mutex;
    pthread_cond_t changed;         /* a file changed its size or its name */
    pthread_cond_t released;        /* a lock was released */
    struct slg_memory_file **files; /* those that have a name, in byte order */
    size_t file_count;
    size_t file_cap;
    uint64_t name_changes; /* how often a name came or went */
    uint64_t number;       /* no other store of this process has it */
    struct slg_memory_lock *locks;
};

/* Wait for cond until deadline_ns; false when it has passed. */
bool
slg_memory_wait(struct slg_memory_store *store, pthread_cond_t *cond,
                int64_t deadline_ns);

/* The file of that name, or NULL.  Under the mutex. */
struct slg_memory_file *
slg_memory_find(struct slg_memory_store *store, const char *name);

/* Under the mutex.  Frees the file with its last reference. */
void
slg_memory_file_unref(struct slg_memory_file *file);

/* Under the mutex: a handle on file, which takes a reference. */
seglog_code
slg_memory_blob_new(struct slg_memory_store *store,
                    struct slg_memory_file *file, unsigned flags,
                    struct seglog_blob *blob, struct seglog_error *err);

seglog_code
slg_memory_lock_open(void *self, const char *name, struct seglog_lock *lock,
                     struct seglog_error *err);

#endif /* SLG_STORE_MEMORY_H */
