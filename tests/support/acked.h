/* SPDX-License-Identifier: MIT */
/*
 * tests/support/acked.h - work that is acknowledged, and what must be left.
 *
 * Workers, each a process of its own, append, group, cut, repair, seal, fork
 * and name things in one folder, until they die.  What each call returned is
 * noted, after it returned, in memory that outlives them.  A look at the folder
 * then tells whether something acknowledged is missing, there twice, out of
 * order, or was never written.
 *
 *   DIR/logs      own.W.seg, which worker W alone appends to and cuts;
 *                 shared.G.seg, to which all append until somebody seals it;
 *                 own.W.repaired.  By chance all of it is encrypted
 *   DIR/sessions  a session store: a segment of each worker, one of all, forks
 *                 that come and go, a note of each worker
 *
 * The bytes of a record follow from its id, and an id is handed out once: so a
 * record that nobody wrote, or that was spliced from two, is seen as such.
 */
#ifndef ACKED_H
#define ACKED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/session.h"

#define ACKED_WORKERS     4u
#define ACKED_OWN_MAX     512u
#define ACKED_GENERATIONS 48u
#define ACKED_SHARED_MAX  1024u
#define ACKED_TEXT_CAP    32768u

enum acked_op {
    ACKED_OWN_APPEND,
    ACKED_OWN_GROUP,
    ACKED_OWN_BUFFERED,
    ACKED_OWN_CUT,
    ACKED_OWN_REOPEN,
    ACKED_OWN_REPAIR,
    ACKED_OWN_READ,
    ACKED_SHARED_APPEND,
    ACKED_SHARED_SEAL,
    ACKED_SESSION_APPEND,
    ACKED_SESSION_MANY,
    ACKED_SESSION_CUT,
    ACKED_SESSION_SHARED,
    ACKED_SESSION_FORK,
    ACKED_SESSION_NOTE,
    ACKED_SESSION_LIST,
    ACKED_SESSION_INDEX,
    ACKED_OPS
};

#define ACKED_STEPS 32u

/* A log of one owner.  It holds ids[0] up to some count of them. */
struct acked_log {
    /* What was done last, for whoever wonders: b begun, f flushed, s synced,
     * c to be cut, C cut, o opened, | looked at; and the count. */
    struct acked_step {
        char what;
        uint32_t count;
    } steps[ACKED_STEPS];
    _Atomic uint32_t step_count;
    _Atomic uint64_t begun;  /* handed over: no more than this is there */
    _Atomic uint64_t told;   /* returned: no less, after the death of one */
    _Atomic uint64_t synced; /* no less after a power cut */
    _Atomic uint64_t cut_to; /* 1 + the count that a cut under way leaves */
    _Atomic bool is_group;   /* what is under way is there whole or not */
    uint64_t ids[ACKED_OWN_MAX];
};

enum acked_state {
    ACKED_NONE,
    ACKED_MAKING,
    ACKED_MADE,
    ACKED_REMOVING
};

struct acked_slot {
    _Atomic uint32_t life;
    _Atomic uint64_t last_id; /* no higher one has been handed over */
    struct acked_log own;
    struct acked_log session;
    _Atomic unsigned repair;
    _Atomic uint64_t repair_count;
    _Atomic unsigned fork;
    _Atomic bool is_fork_sealed;
    _Atomic uint64_t fork_serial;
    _Atomic uint64_t fork_count;
    _Atomic uint64_t note_begun;
    _Atomic uint64_t note_told;
};

struct acked {
    bool is_encrypted;
    bool is_cut_power;    /* only what was synced is promised */
    _Atomic bool is_over; /* errors are to be expected from now on */
    _Atomic uint64_t done[ACKED_OPS];
    _Atomic unsigned generation;
    char failure[900];  /* of a worker */
    unsigned unordered; /* logs that a look found so, or CORRUPT: where bytes */
    unsigned corrupt;   /* got to the disk out of order, and were not synced */
    _Atomic uint64_t must[ACKED_GENERATIONS][ACKED_SHARED_MAX];
    _Atomic uint64_t session_must[ACKED_SHARED_MAX];
    struct acked_slot slots[ACKED_WORKERS];
};

/* Puts another store around that of a folder.  The result owns it. */
typedef struct seglog_store (*acked_wrap)(struct seglog_store inner, void *arg);

struct acked_worker {
    struct acked *acked;
    struct acked_slot *slot;
    unsigned number;
    uint64_t seed;
    uint32_t seq;
    struct seglog_store logs;
    struct seglog_store files; /* of the session store */
    struct seglog_session_store *sessions;
    struct seglog_writer *own;
    struct seglog_writer *shared;
    unsigned generation; /* that shared is open on */
    char text[ACKED_TEXT_CAP];
};

/* Memory that processes share.  NULL: none to be had. */
struct acked *
acked_new(void);

void
acked_free(struct acked *acked);

/* A new folder: nothing has been written yet. */
void
acked_begin(struct acked *acked, const char *dir, bool is_encrypted);

/* No room is left to note more: begin in a new folder. */
bool
acked_is_full(const struct acked *acked);

/*
 * One life of a worker, of so many steps; it ends the process when something is
 * wrong that nothing excuses.  wrap may be NULL.
 */
void
acked_work(struct acked *acked, unsigned number, const char *dir, uint64_t seed,
           uint64_t steps, acked_wrap wrap, void *arg);

/* The same, of one step of every kind, several times. */
void
acked_work_all(struct acked *acked, unsigned number, const char *dir,
               uint64_t seed, acked_wrap wrap, void *arg);

/*
 * Nobody works.  Look at everything, and take what is there as the state from
 * which they go on.  False, and what is wrong in failure.
 */
bool
acked_look(struct acked *acked, const char *dir, bool was_power_cut);

/*
 * Nobody works and nobody will: do what the next ones would, and see that what
 * the dead left half made is gone.
 */
bool
acked_tidy(struct acked *acked, const char *dir);

/* -- between the files of it ----------------------------------------------- */

/* Text of a record.  Returns its length. */
size_t
acked_text(uint64_t id, char *text);

/* 0: these bytes are no record. */
uint64_t
acked_id(const void *data, size_t len);

struct seglog_uuid
acked_session(unsigned worker);

struct seglog_uuid
acked_segment(unsigned worker);

struct seglog_uuid
acked_fork(unsigned worker, uint64_t serial);

/* No table of operations: it cannot be opened. */
struct seglog_store
acked_logs_open(const struct acked *acked, const char *dir, acked_wrap wrap,
                void *arg);

/* False: note what is wrong, unless something has been noted before. */
bool
acked_expect(struct acked *acked, bool condition, const char *what,
             const struct seglog_error *err);

void
acked_step_note(struct acked_log *log, char what, uint64_t count);

/* Worker W's log agrees with what is noted of it; and notes what there is. */
bool
acked_log_agrees(struct acked *acked, struct acked_log *log,
                 struct seglog_reader *reader, const char *what,
                 bool was_power_cut);

bool
acked_own_agrees(struct acked *acked, struct seglog_store logs, unsigned worker,
                 bool was_power_cut);

bool
acked_session_agrees(struct acked *acked, struct seglog_session_store *sessions,
                     unsigned worker, bool was_power_cut);

#endif /* ACKED_H */
