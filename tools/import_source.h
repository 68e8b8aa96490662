/* SPDX-License-Identifier: MIT */
/*
 * tools/import_source.h - one file on its way into the store.
 *
 * What is in the store already stays: only what is new is added, behind it.  A
 * file that does not begin with what is stored was rewritten, and becomes a
 * segment of its own.
 *
 * Threads  a job is shared; each source belongs to one thread
 */
#ifndef IMPORT_SOURCE_H
#define IMPORT_SOURCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "seglog/json_diagnose.h"
#include "tools/import_account.h"
#include "tools/import_catalog.h"

/* Lines are cut into parts of this size, which bounds the memory of a worker:
 * body_log2 of the segments an import makes. */
#define IMPORT_BODY_LOG2 23

struct import_job {
    struct import_catalog *catalog;
    bool is_live; /* keep what it takes to follow a file */
    /* An incomplete last line is no fault: more is to come. */
    bool accepts_open_line;
    bool is_sealing; /* segments, once a file is in */
    int seal_level;  /* 0: the default */
    void (*on_fault)(void *arg, const struct import_entry *entry,
                     const struct seglog_json_broken *line, uint64_t line_no,
                     uint64_t line_at);
    void *arg;
    atomic_bool is_stopping;
    atomic_uint_fast64_t done_bytes;
    /* Workers that may have large buffers at the same time. */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    unsigned large_left;
};

enum import_change {
    IMPORT_UNCHANGED = 0,
    IMPORT_TOUCHED, /* its times or mode, not its bytes */
    IMPORT_ADDED,   /* seen for the first time */
    IMPORT_GROWN,
    IMPORT_REPLACED, /* rewritten or shortened: a new segment */
    IMPORT_GONE,     /* it is there no longer, or is something else now */
    IMPORT_FAILED    /* see the error */
};

struct import_outcome {
    enum import_change change;
    uint64_t lines; /* added, an incomplete one included */
    uint64_t bytes; /* added */
    uint64_t bad_lines;
    bool is_complete;    /* everything the file had at the start is in */
    bool is_damaged;     /* REPLACED because the segment was damaged */
    bool is_store_error; /* FAILED: of the store, so no other will do better */
    bool is_sealed;      /* just now */
    uint64_t sealed_before;
    uint64_t sealed_after;
    struct seglog_error err;
};

/* False: the system does not give what it takes. */
bool
import_job_init(struct import_job *job, struct import_catalog *catalog);
void
import_job_free(struct import_job *job);

/*
 * Ids for a file that is seen for the first time: those that its path names,
 * if it ends in UUID/UUID.jsonl and they are free; otherwise new ones.  The
 * state is pending then, and must be in the store before the segment is.
 */
bool
import_source_begin(const struct import_job *job, struct import_entry *entry);

/* Bring the segment of an entry up to its file. */
void
import_source_run(struct import_job *job, struct import_entry *entry,
                  struct import_outcome *outcome);

/* Read file and segment in full and compare them.  OK and is_same false: they
 * differ, or the file is changing. */
seglog_code
import_source_verify(struct import_job *job, const struct import_entry *entry,
                     bool *is_same, struct seglog_error *err);

/* Does the file that an entry points at begin with what is stored of another
 * entry?  False also when nothing is stored, or on any failure. */
bool
import_source_continues(const struct import_job *job,
                        const struct import_entry *file,
                        const struct import_entry *stored);

void
import_live_free(struct import_live *live);

#endif /* IMPORT_SOURCE_H */
