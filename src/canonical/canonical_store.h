/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/canonical_store.h - the parts of a canonical store.
 *
 *   transaction.c      a transaction as a record of the log, and back
 *   view.c             the view: tables in LMDB, and nothing else knows it
 *   trust.c            whether the files of a view are what was written
 *   canonical_store.c  open, close, describe, detect, sync
 *   canonical_log.c    log to view: replay, build anew, begin
 *   canonical_apply.c  one transaction to the view
 *   canonical_write.c  a turn of a writer: gate, lock, log, view
 *   write_txn.c        write transactions
 *   write_batch.c      batches: write_batch.h; batch_round.c: they share turns
 *   read_txn.c         read transactions
 *   state_iter.c       iterators of both
 *   event_iter.c       events
 *   control.c          seal, pause, meta
 *   consumer_wait.c    waiting for an event
 *   consumer.c         consumers; consumer_dead.c: their dead letters;
 *                      consumer_list.c: all of them
 *   stripe_lock.c      sets of keys under stripe locks
 *   preflight.c        what validators see; plan_txn.c: what writes see
 *   plan.c             plans: stripes, validators, commit, again
 *   plan_result.c      what came out
 *   snapshot.c         state snapshots: snapshot.h; retain.c: what may go
 *   canonical_backup.c a backup of one position; backup*.c: of any byte store
 *
 * Locks, in the order in which they are taken: stripes, the gate of a handle,
 * the lock "canonical" of the byte store, LMDB's own one, those of the stream.
 * Retention takes that by which a stream is trimmed before all of them.
 * The mutex of a handle is held for a look only.
 *
 * Layer  canonical.
 */
#ifndef SLG_CANONICAL_STORE_H
#define SLG_CANONICAL_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "seglog/canonical.h"
#include "seglog/stream.h"
#include "src/canonical/transaction.h"
#include "src/canonical/view.h"
#include "src/stream/stream_store.h"

/* Of all writers; and how long one waits for it, if nothing is said. */
#define SLG_CANONICAL_LOCK       "canonical"
#define SLG_CANONICAL_TIMEOUT_MS 10000

struct slg_batch_request;

struct seglog_canonical {
    struct seglog_store store;
    struct seglog_canonical_options options; /* settled: no zeros */
    char *view_dir;
    bool is_view_own; /* of this handle alone: removed when it is closed */
    struct seglog_streams log;
    struct slg_streams *streams; /* the same */
    struct slg_view *view;
    struct seglog_lock lock; /* of all writers */
    struct seglog_stripe_locks *stripes;
    /* A commit is in the log, and the view could not be told. */
    atomic_bool is_behind;
    /* The view was written to by this handle. */
    atomic_bool has_written;
    bool is_marked;  /* in a turn: that the view is written to (trust.h) */
    bool has_looked; /* in a turn: at the log, and not at the hint alone */

    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t gate;   /* it is free, or a batch is done */
    bool is_writing;       /* somebody has a turn */
    pthread_t writer;
    struct slg_batch_request *first; /* that wait for a turn */
    struct slg_batch_request *last;
    bool is_leading; /* somebody sees to them */
};

/* -- canonical_apply.c ----------------------------------------------------- */

/* Whoever looks for an event reads over so many others, and so many
 * transactions without any, at most.  Tests with few events want less. */
extern uint64_t slg_mark_events;

/* Apply the operations of a transaction. */
seglog_code
slg_apply_op(struct slg_view_txn *txn, struct slg_view_head *head,
             const struct slg_op *op, struct seglog_error *err);

/* Its events come, and it is behind: mark, ids, position, time. */
seglog_code
slg_apply_end(struct slg_view_txn *txn, struct slg_view_head *head,
              uint64_t events, uint64_t time_ms, struct seglog_error *err);

/* Both, of a record of the log at head->position.  CORRUPT: it is none; FORMAT:
 * the first one is not that of a log of ours. */
seglog_code
slg_apply_record(struct slg_view_txn *txn, struct slg_view_head *head,
                 const void *bytes, size_t len, bool may_skip,
                 struct seglog_error *err);

/* name, 0, id (8 bytes, big-endian): the key of a dead letter. */
#define SLG_DEAD_KEY_CAP (SEGLOG_CONSUMER_NAME_MAX + 1 + 8)

struct seglog_slice
slg_dead_key(struct seglog_slice name, uint64_t id,
             uint8_t key[SLG_DEAD_KEY_CAP]);

void
slg_put_be64(uint8_t out[8], uint64_t value);
uint64_t
slg_get_be64(const char *in);

/* -- canonical_log.c ------------------------------------------------------- */

/*
 * The view is to say what the log does: apply what it has not, or all.  By
 * whoever has a turn.  is_changed: the view was written to, but for the head.
 */
seglog_code
slg_log_catch_up(struct seglog_canonical *canonical, struct slg_view_txn *txn,
                 struct slg_view_head *head, bool *is_changed,
                 struct seglog_error *err);

/*
 * Records from a position on, some bytes of them, at least one if there are
 * any: as seglog_stream_read_from, but CORRUPT only if the very first cannot be
 * read, err->actual is the position then.  Those before damage are had.
 */
seglog_code
slg_log_read(const struct seglog_canonical *canonical, uint64_t position,
             uint64_t bytes, struct seglog_stream_event **records,
             size_t *count, struct seglog_error *err);

/* Was the log, as info says it is now, ever as this head says? */
seglog_code
slg_log_has_head(const struct seglog_canonical *canonical,
                 const struct slg_view_head *head,
                 const struct seglog_stream_info *info, bool *is_of_log,
                 struct seglog_error *err);

/* The log begins at this position: note that, and the first event. */
seglog_code
slg_log_note_begin(const struct seglog_canonical *canonical,
                   struct slg_view_head *head, uint64_t position,
                   struct seglog_error *err);

/* -- canonical_write.c ----------------------------------------------------- */

/* A turn of a writer: nobody else, in any process, has one. */
struct slg_turn {
    struct seglog_canonical *canonical;
    struct slg_view_txn *txn;
    struct slg_view_head head; /* as of the transaction */
    /* As the log was when it began. */
    uint64_t position;
    struct seglog_chain_hash hash;
};

/*
 *   is_control  not held up by seal and pause
 *   timeout_ms  as of options.lock_timeout_ms
 */
seglog_code
slg_turn_begin(struct seglog_canonical *canonical, bool is_control,
               int timeout_ms, struct slg_turn *turn, struct seglog_error *err);

/* INVALID: this thread has a turn, and would wait for itself. */
seglog_code
slg_turn_check_own(struct seglog_canonical *canonical,
                   struct seglog_error *err);

/*
 * Put these records into the log, as one frame, when the view has what they
 * say; ends the turn in any case.
 */
seglog_code
slg_turn_commit(struct slg_turn *turn, const struct seglog_slice *records,
                size_t count, struct slg_stream_ticket *ticket,
                struct seglog_error *err);

/* Where the log begins is about to change: whoever comes next looks at it, if
 * this turn does not end well. */
void
slg_turn_unsettle(const struct slg_turn *turn);

/* The view is told something that the log need not know.  Ends the turn. */
seglog_code
slg_turn_commit_view(struct slg_turn *turn, struct seglog_error *err);

/* Undo what was done to the view, and end the turn. */
void
slg_turn_abort(struct slg_turn *turn);

/* Milliseconds since 1970, not before what the log says. */
uint64_t
slg_turn_get_time(const struct slg_turn *turn);

/* Commit a transaction of these operations, and end the turn in any case. */
seglog_code
slg_turn_control(struct slg_turn *turn, const struct slg_op *ops, size_t count,
                 struct slg_stream_ticket *ticket, struct seglog_error *err);

/* The same with a turn of its own, synced or not, which nothing holds up. */
seglog_code
slg_control_commit(struct seglog_canonical *canonical, const struct slg_op *ops,
                   size_t count, int timeout_ms, bool is_synced,
                   struct seglog_error *err);

/* The largest record of a transaction. */
uint64_t
slg_record_max(const struct seglog_canonical *canonical);

/* INVALID, TOO_LARGE. */
seglog_code
slg_key_check(struct seglog_slice key, struct seglog_error *err);
seglog_code
slg_value_check(const struct seglog_canonical *canonical,
                struct seglog_slice value, struct seglog_error *err);
seglog_code
slg_event_check(const struct seglog_canonical *canonical,
                struct seglog_slice event, struct seglog_error *err);

/* -- read_txn.c ------------------------------------------------------------ */

/* What was committed, by anybody, is in the view. */
seglog_code
slg_view_refresh(struct seglog_canonical *canonical, struct seglog_error *err);

/* -- event_iter.c ---------------------------------------------------------- */

/* A transaction at or in front of the one that an event is in.  END: all that
 * is known are behind it. */
seglog_code
slg_mark_find(struct slg_view_txn *txn, uint64_t id, uint64_t *position,
              struct seglog_error *err);

/* It goes on with what has come since: as far as there are events now. */
seglog_code
slg_event_iter_extend(struct seglog_event_iter *iter, struct seglog_error *err);

/* The id that it ends before. */
uint64_t
slg_event_iter_get_to(const struct seglog_event_iter *iter);

/* -- state_iter.c ---------------------------------------------------------- */

/* The iterators of a transaction, which end with it. */
struct slg_state_iters {
    struct seglog_state_iter *first;
    pthread_t thread;
    uint64_t changes; /* by this transaction */
};

seglog_code
slg_state_iter_open(struct slg_view_txn *txn, struct slg_state_iters *iters,
                    const struct seglog_state_range *range,
                    struct seglog_state_iter **iter, struct seglog_error *err);

/* Those that are open have nothing more to say. */
void
slg_state_iters_end(struct slg_state_iters *iters);

/* INVALID on any other thread. */
seglog_code
slg_thread_check(pthread_t owner, struct seglog_error *err);

#endif /* SLG_CANONICAL_STORE_H */
