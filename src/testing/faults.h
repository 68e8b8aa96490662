/* SPDX-License-Identifier: MIT */
/*
 * src/testing/faults.h - what the files of the fault store share.
 *
 * Each handle has a table of its own: what the blob or lock inside does not
 * have, or what is to be hidden, is absent from it too.
 */
#ifndef SLG_TESTING_FAULTS_H
#define SLG_TESTING_FAULTS_H

#include <pthread.h>

#include "seglog/testing/fault_store.h"

#define SLG_FAULTS_NAME_CAP 256

/* A table of older code is shorter than ours. */
#define SLG_HAS_OP(type, ops, op)                                              \
    ((ops) != NULL &&                                                          \
     (ops)->size >= offsetof(struct type, op) + sizeof((ops)->op) &&           \
     (ops)->op != NULL)

struct slg_fault_plan {
    struct seglog_fault fault;
    uint64_t seen; /* calls it is about, since it was added */
};

struct slg_traced_call {
    uint64_t number;
    enum seglog_fault_op op;
    uint64_t offset;
    uint64_t len;
    seglog_code code;
    bool was_told;
    char name[64];
};

struct seglog_faults {
    pthread_mutex_t mutex;
    struct seglog_store inner;
    struct seglog_store_ops ops;
    const char *watched;
    unsigned hidden;
    struct slg_fault_plan plans[SEGLOG_FAULTS_MAX];
    size_t plan_count;
    uint64_t counts[SEGLOG_FAULT_OPS];
    uint64_t calls;
    uint64_t hits;
    uint64_t bytes_read;
    struct slg_traced_call *trace;
    size_t trace_cap;
    uint64_t traced;
};

/* One call on its way through; begins as slg_call_make gives it. */
struct slg_call {
    struct seglog_faults *faults;
    const char *name;
    enum seglog_fault_op op;
    uint64_t offset;
    uint64_t len;
    struct seglog_fault fault; /* where is_told */
    bool is_told;
};

/* Count it and see whether it is to fail. */
struct slg_call
slg_call_begin(struct seglog_faults *faults, enum seglog_fault_op op,
               const char *name, uint64_t offset, uint64_t len);

/* Whether the store inside is to be asked. */
bool
slg_call_goes_on(const struct slg_call *call);

/* What the call returns, given what the store inside said. */
seglog_code
slg_call_end(const struct slg_call *call, seglog_code code,
             struct seglog_error *err);

/* It is noted that it ended so. */
seglog_code
slg_call_note(const struct slg_call *call, seglog_code code);

/* Whether a handle asked for now is to have this operation. */
bool
slg_faults_show(struct seglog_faults *faults, enum seglog_fault_op op);

seglog_code
slg_fault_blob_open(void *self, const char *name, unsigned flags,
                    struct seglog_blob *blob, struct seglog_error *err);

seglog_code
slg_fault_lock_open(void *self, const char *name, struct seglog_lock *lock,
                    struct seglog_error *err);

#endif /* SLG_TESTING_FAULTS_H */
