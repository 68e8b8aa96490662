/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/crash_store.h - a store in memory whose machine can fail.
 *
 * It keeps what the device has for sure (as of the last sync) apart from what
 * processes see.  A power cut leaves of each 512-byte sector either state, and
 * a size between the two.  A process, which is whatever was opened through one
 * crash_process, can die in any operation, half way through an append too.
 */
#ifndef CRASH_STORE_H
#define CRASH_STORE_H

#include "tests/support/seglog_test.h"

#include "seglog/store.h"

#define CRASH_NAMES     4u
#define CRASH_OLD_STATE 3u /* states between a sync and now that are kept */

struct crash_process;

struct crash_image {
    uint8_t *bytes;
    size_t size;
};

struct crash_file {
    char name[64];
    bool is_there;
    struct crash_image now;
    struct crash_image disk;                 /* as of the last sync */
    struct crash_image old[CRASH_OLD_STATE]; /* before cuts since then */
    unsigned old_count;
    unsigned generation; /* how often it was replaced by another */
    const struct crash_process *holder; /* of its lock */
    uint64_t hint[SEGLOG_LOCK_HINT_BYTES / sizeof(uint64_t)];
};

struct crash_machine {
    struct crash_file files[CRASH_NAMES];
    uint64_t seed;
    bool cannot_cut;
    bool has_no_hint;
};

/* A process, and what is to go wrong with it. */
struct crash_process {
    struct crash_machine *machine;
    /* So far: append, read, size, sync, truncate, open, remove, replace. */
    unsigned ops;
    unsigned die_at;  /* dies in this one; 0: does not */
    unsigned fail_at; /* this one fails, and nothing else; 0: none */
    seglog_code fail_code;
    bool is_dead;
    /* Called before each operation: what others do just then. */
    void (*meanwhile)(void *arg);
    void *arg;
};

void
crash_machine_free(struct crash_machine *machine);

/* The store as a process sees it; it borrows the process. */
struct seglog_store
crash_store(struct crash_process *process);

/* Locks are released, as when a process is gone. */
void
crash_process_die(struct crash_process *process);

/*
 * The power fails: every process has died.  lost_percent of the sectors that
 * were not synced are lost; the size is anything between.
 */
void
crash_power_cut(struct crash_machine *machine, unsigned lost_percent);

#endif /* CRASH_STORE_H */
