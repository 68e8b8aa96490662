/* SPDX-License-Identifier: MIT */
/*
 * seglog/testing/fault_store.h - a store around another that fails when told.
 *
 * UNSTABLE  For tests.  It may change with every release.  Link seglog_testing
 *           (CMake: seglog::testing) beside the library.
 *
 * Every call is counted, and may be told to fail: the k-th of all, or of some
 * kinds, once or from then on, before it did anything, half way, or when all
 * was done.  To let every operation of a scenario fail once:
 *
 *     for (uint64_t k = 1;; k++) {
 *         struct seglog_faults *faults = seglog_faults_new(inner);
 *         struct seglog_fault fault = { .at = k };
 *         seglog_faults_add(faults, &fault);
 *         ... the scenario, on seglog_faults_store(faults) ...
 *         if (seglog_faults_get_hits(faults) == 0)
 *             break;
 *     }
 *
 * Threads  as any store; but nobody uses it while it is freed.
 */
#ifndef SEGLOG_TESTING_FAULT_STORE_H
#define SEGLOG_TESTING_FAULT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/export.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum seglog_fault_op {
    SEGLOG_FAULT_OPEN,   /* of a blob, without a flag to create it */
    SEGLOG_FAULT_CREATE, /* ... and with one */
    SEGLOG_FAULT_APPEND,
    SEGLOG_FAULT_READ,
    SEGLOG_FAULT_GET_SIZE,
    SEGLOG_FAULT_FLUSH,
    SEGLOG_FAULT_SYNC,
    SEGLOG_FAULT_TRUNCATE,
    SEGLOG_FAULT_WAIT,
    SEGLOG_FAULT_CLOSE,
    SEGLOG_FAULT_LIST,
    SEGLOG_FAULT_REMOVE,
    SEGLOG_FAULT_REPLACE,
    SEGLOG_FAULT_GET_INFO,
    SEGLOG_FAULT_GET_STAMP,
    SEGLOG_FAULT_OPEN_LOCK,
    SEGLOG_FAULT_ACQUIRE,
    SEGLOG_FAULT_RELEASE,
    SEGLOG_FAULT_DISCARD,
    SEGLOG_FAULT_OPS /* how many there are */
};

/* In a set of them. */
#define SEGLOG_FAULT_BIT(op) (1u << (unsigned)(op))

enum seglog_fault_way {
    /* Nothing is done.  A blob whose sync failed is POISONED from then on. */
    SEGLOG_FAULT_BEFORE,
    /* An append leaves `part` bytes that cannot be taken back and is POISONED;
     * a read fills in `part` bytes.  Of other calls nothing is done. */
    SEGLOG_FAULT_PARTLY,
    /* All is done, and reported as failed: as when only the sync of a folder
     * fails.  What was opened is closed again. */
    SEGLOG_FAULT_AFTER,
    /* A read succeeds, with a flipped bit in the byte at `start`. */
    SEGLOG_FAULT_FLIPPED
};

/* Zero in a field means any, or the default. */
struct seglog_fault {
    unsigned ops; /* SEGLOG_FAULT_BIT of those it is about; 0: all */
    uint64_t at;  /* the at-th of them from now on; 0: every one */
    bool from_then_on;
    enum seglog_fault_way way;
    int sys_errno;    /* 0: EIO */
    seglog_code code; /* 0: what the file store makes of sys_errno */
    size_t part;
    uint64_t start; /* only reads that touch [start, end); end 0: all */
    uint64_t end;
};

struct seglog_faults;

/* Around a store that stays the caller's.  NULL: no memory. */
SEGLOG_MUST_CHECK struct seglog_faults *
seglog_faults_new(struct seglog_store inner);

/* Everything opened through it has been closed.  Accepts NULL. */
void
seglog_faults_free(struct seglog_faults *faults);

/* Closing it does nothing. */
struct seglog_store
seglog_faults_store(struct seglog_faults *faults);

/* Only calls on this name are counted and fail; NULL: all.  Not copied. */
void
seglog_faults_watch(struct seglog_faults *faults, const char *name);

/* Stores, blobs and locks asked for from now on lack these operations. */
void
seglog_faults_hide(struct seglog_faults *faults, unsigned ops);

#define SEGLOG_FAULTS_MAX 8

/* One more fault.  False: there are SEGLOG_FAULTS_MAX already. */
bool
seglog_faults_add(struct seglog_faults *faults,
                  const struct seglog_fault *fault);

/* The same for the usual case: the at-th call from now on fails once. */
bool
seglog_faults_fail(struct seglog_faults *faults, enum seglog_fault_op op,
                   uint64_t at, seglog_code code);

/* No more faults.  What is poisoned stays so. */
void
seglog_faults_clear(struct seglog_faults *faults);

/* Calls so far; SEGLOG_FAULT_OPS: of all kinds. */
uint64_t
seglog_faults_get_count(struct seglog_faults *faults, enum seglog_fault_op op);

/* How many of them failed because they were told to. */
uint64_t
seglog_faults_get_hits(struct seglog_faults *faults);

/* Bytes that reads asked for. */
uint64_t
seglog_faults_get_bytes_read(struct seglog_faults *faults);

/* All counts start at zero again. */
void
seglog_faults_reset_counts(struct seglog_faults *faults);

/* Keep the last `calls` calls; 0: none.  False: no memory. */
SEGLOG_MUST_CHECK bool
seglog_faults_trace(struct seglog_faults *faults, size_t calls);

/*
 * Those kept, oldest first, one a line: "12 append log @54 +31: IO (told to)".
 * Returns the length of the whole text; buf is terminated when cap > 0.
 */
size_t
seglog_faults_format_trace(struct seglog_faults *faults, char *buf, size_t cap);

/* "append".  Never NULL. */
const char *
seglog_fault_op_name(enum seglog_fault_op op);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_TESTING_FAULT_STORE_H */
