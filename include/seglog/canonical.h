/* SPDX-License-Identifier: MIT */
/*
 * seglog/canonical.h - a canonical store: state and events in one commit.
 *
 * The state is keys and values in the order of their bytes; the events are
 * numbered 0, 1, 2, ... and never changed.  A transaction changes the state,
 * appends events, or both.  It is one record of a log (stream 0 of a byte
 * store: seglog/stream.h, SPEC.md 17), and there the moment that the record is:
 * whole or not at all, whatever crashes.
 *
 * View     What the log says is applied to an LMDB file, the view: the state,
 *          and where events are.  It is derived.  It carries its position in
 *          the log, catches up when the store is opened or written to, and is
 *          built anew where it is missing or cannot be trusted: removing it
 *          loses nothing.  The view holds the values as they are, also of an
 *          encrypted byte store: put it where that is all right.
 * Position the number of a transaction, from 0: its offset in stream 0.
 * Reads    any number of read transactions side by side, each a snapshot of the
 *          committed state; they wait for nobody, and nobody for them.  What a
 *          commit that has returned has changed, one that begins sees.
 * Writes   one write transaction at a time, over all threads and processes that
 *          have the store open.
 * Level    commit returns after FLUSH: all see it, and it survives the death of
 *          the process; with is_synced after SYNC: it, and all before it,
 *          survives a power failure.  A transaction is seen by others before it
 *          is synced.  One that was not synced may be gone after a power
 *          failure, then with all behind it: the view follows the log.
 * Threads  a store is shared by any number of threads.  A transaction, its
 *          iterators, and what they return stay on the thread that began it
 *          (INVALID elsewhere).  Batches, event iterators and consumers are
 *          used by one thread at a time and may move.  Before fork() close it.
 * Errors   besides what each call names: IO, NO_SPACE, NO_MEMORY, INVALID (bad
 *          argument; this build has no LMDB), READ_ONLY, LOCKED (somebody held
 *          a lock too long), CORRUPT (the log is damaged where it was needed;
 *          err->actual is the position).  Unless said otherwise a call that
 *          fails has changed nothing.
 * Needs    LMDB (https://www.symas.com/lmdb) for the view
 * Since    0.1
 */
#ifndef SEGLOG_CANONICAL_H
#define SEGLOG_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/backup.h"
#include "seglog/chain.h"
#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/segment.h"
#include "seglog/slice.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_CANONICAL_STREAM  0           /* the log */
#define SEGLOG_KEY_MAX           511         /* bytes of a key; 1 at least */
#define SEGLOG_EVENT_MAX         (4u << 20)  /* default */
#define SEGLOG_VALUE_MAX         (16u << 20) /* default */
#define SEGLOG_VIEW_MAX          (UINT64_C(1) << 40) /* default */
#define SEGLOG_CONSUMER_NAME_MAX 200
#define SEGLOG_REASON_MAX        (64u << 10) /* of a dead letter */

/* For to of event iterators: as far as there are events. */
#define SEGLOG_EVENT_END UINT64_MAX

struct seglog_canonical;

struct seglog_canonical_options {
    size_t size;
    bool
        is_read_only; /* of the log; the view is kept up to date all the same */
    int lock_timeout_ms; /* 0: 10 seconds; negative: wait for ever */

    /*
     * The folder of the view; made if it is missing.  All processes that have
     * the store open at once must name the same one, or NULL: a view of this
     * handle alone, in a temporary folder (TMPDIR), built when the store is
     * opened and removed when it is closed.  What is committed by a handle with
     * a view of its own is seen in the one that has a name when somebody there
     * writes, or opens it.
     */
    const char *view_dir;
    /* Address space for the view; the file grows as it is filled, up to this.
     * 0: SEGLOG_VIEW_MAX, or as much as the system gives. */
    uint64_t view_bytes_max;
    unsigned readers_max; /* read transactions at once, in all; 0: 1024 */

    size_t event_bytes_max; /* 0: SEGLOG_EVENT_MAX */
    size_t value_bytes_max; /* 0: SEGLOG_VALUE_MAX */

    /* Where transactions are missing from a damaged log: go on without them
     * instead of CORRUPT.  What they changed is not in the state, their events
     * are not there; get_meta says how many. */
    bool skips_lost;

    /* Of a log that is begun, and its segments: as in seglog_stream_options. */
    enum seglog_chain chain; /* 0: XXH3 */
    uint8_t body_log2;       /* largest transaction; 0: 27, which is 128 MiB */
    enum seglog_codec codec;
    uint8_t level_of_codec;
    uint64_t segment_bytes;
};

/*
 * Open a canonical store, or begin one, in any byte store; other streams and
 * sessions may lie in it too.  The byte store stays the caller's and must
 * outlive it.
 *
 *   options  NULL: all defaults, so a view of this handle alone
 * Returns
 *   NOT_FOUND  read-only, and there is none
 *   FORMAT     stream 0 is there, and is not the log of a canonical store
 *   CORRUPT    transactions are missing, and the view is not behind them:
 *              restore a backup, or cut the log back to before the first one
 *              (seglog_stream_mend, SEGLOG_STREAM_MEND_CUT_FIRST), or set
 *              skips_lost.  After a power cut also where bytes that were never
 *              written stand in what nobody has synced: what is cut then was
 *              not durable, but that cannot be told from damage.
 * Cost  a view that is up to date: some small reads.  One that is behind: what
 *       has come since.  One that has to be built, because it is missing, or the
 *       machine went down while it was written to: the last state snapshot
 *       and all transactions behind it.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_open(struct seglog_store store,
                      const struct seglog_canonical_options *options,
                      struct seglog_canonical **canonical,
                      struct seglog_error *err);

/*
 * Sync, close and free it; its transactions, iterators and consumers are
 * closed before.  Accepts NULL.  What was acknowledged is there also when it
 * fails.
 */
SEGLOG_API seglog_code
seglog_canonical_close(struct seglog_canonical *canonical,
                       struct seglog_error *err);

/* One line for logs.  Always terminated. */
SEGLOG_API void
seglog_canonical_describe(const struct seglog_canonical *canonical, char *buf,
                          size_t cap);

/* Does this byte store hold a canonical store? */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_detect(struct seglog_store store, bool *is_one,
                        struct seglog_error *err);

/*
 * The stripe locks of this handle, which seglog_canonical_execute takes
 * (seglog/preflight.h): for code that wants to keep plans off some keys.  Lock
 * before a write transaction is begun, never inside one.  They go with the
 * store.  NULL for NULL.
 */
struct seglog_stripe_locks;

SEGLOG_API struct seglog_stripe_locks *
seglog_canonical_get_locks(const struct seglog_canonical *canonical);

/* Bring all that was committed before, by anybody, to SYNC level.  POISONED: a
 * sync has failed; what was not synced may be lost in a power failure. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_sync(struct seglog_canonical *canonical,
                      struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Reading the state
 *
 * What is returned points into the view and is valid until the transaction
 * ends.  A transaction that stays open keeps the view from reusing space.
 */

struct seglog_read_txn;

/* LOCKED: readers_max are open. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_read_txn_begin(struct seglog_canonical *canonical,
                      struct seglog_read_txn **txn, struct seglog_error *err);

/* Accepts NULL. */
SEGLOG_API void
seglog_read_txn_end(struct seglog_read_txn *txn);

/* NOT_FOUND (err stays as it is: looking is no failure); TOO_LARGE: key over
 * SEGLOG_KEY_MAX; INVALID: empty key.  Cost: O(log n), some 0.4 us. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_read_txn_get(struct seglog_read_txn *txn, struct seglog_slice key,
                    struct seglog_slice *value, struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_read_txn_exists(struct seglog_read_txn *txn, struct seglog_slice key,
                       bool *is_there, struct seglog_error *err);

/* The position behind the last transaction that it sees. */
SEGLOG_API uint64_t
seglog_read_txn_get_position(const struct seglog_read_txn *txn);

struct seglog_write_txn;
struct seglog_state_iter;

/* Which keys, in the order of their bytes.  Zeroed: all. */
struct seglog_state_range {
    struct seglog_slice start; /* inclusive; empty: from the beginning */
    bool has_end;
    struct seglog_slice end;    /* exclusive, if has_end */
    struct seglog_slice prefix; /* only keys that begin so; empty: all */
};

/* Iterate over a snapshot.  Closed before the transaction ends.  The range is
 * copied. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_read_txn_iterate(struct seglog_read_txn *txn,
                        const struct seglog_state_range *range,
                        struct seglog_state_iter **iter,
                        struct seglog_error *err);

/* END behind the last one. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_state_iter_next(struct seglog_state_iter *iter, struct seglog_slice *key,
                       struct seglog_slice *value, struct seglog_error *err);

/* Accepts NULL. */
SEGLOG_API void
seglog_state_iter_close(struct seglog_state_iter *iter);

/* ---------------------------------------------------------------------------
 * Writing
 */

/* What a commit has done. */
struct seglog_commit_info {
    uint64_t position;    /* of the transaction; of an empty one the next */
    uint64_t first_event; /* id; if events is 0 the next one */
    uint64_t last_event;
    uint64_t events;
    uint64_t writes; /* puts and deletions */
    bool is_durable; /* SYNC level */
};

/*
 * Begin a write transaction: wait for the one that is open.
 *
 * Returns
 *   SEALED   seglog_canonical_seal; err->actual is the sealed id
 *   PAUSED   seglog_canonical_pause
 *   LOCKED   lock_timeout_ms have passed
 *   INVALID  this thread has one open already
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_txn_begin(struct seglog_canonical *canonical,
                       struct seglog_write_txn **txn, struct seglog_error *err);

/*
 * As of a read transaction, and with what the transaction itself has written.
 * What is returned is valid until its next put, delete or end.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_txn_get(struct seglog_write_txn *txn, struct seglog_slice key,
                     struct seglog_slice *value, struct seglog_error *err);

/* A put or delete ends the life of what next has returned, and the iterator
 * goes on behind the key that it was at. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_txn_iterate(struct seglog_write_txn *txn,
                         const struct seglog_state_range *range,
                         struct seglog_state_iter **iter,
                         struct seglog_error *err);

/*
 * TOO_LARGE: the key, the value, or the transaction with it, is over its limit:
 * nothing was done, and the transaction can go on.  NO_SPACE: the view has
 * reached view_bytes_max; the transaction can only be aborted.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_txn_put(struct seglog_write_txn *txn, struct seglog_slice key,
                     struct seglog_slice value, struct seglog_error *err);

/* OK also where there is no such key. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_txn_delete(struct seglog_write_txn *txn, struct seglog_slice key,
                        struct seglog_error *err);

/* The id that it has if the transaction is committed; may be NULL.  An event
 * may be empty.  TOO_LARGE as put. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_txn_append_event(struct seglog_write_txn *txn,
                              struct seglog_slice event, uint64_t *id,
                              struct seglog_error *err);

/* All of them or, where one is TOO_LARGE, none.  INVALID for none at all. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_txn_append_events(struct seglog_write_txn *txn,
                               const struct seglog_slice *events, size_t count,
                               uint64_t *first_id, uint64_t *last_id,
                               struct seglog_error *err);

/*
 * Commit and free the transaction, whatever is returned.  One without writes
 * and events appends nothing.
 *
 *   is_synced  return after SYNC, which many commits share
 *   info       may be NULL
 * Returns
 *   IO, NO_SPACE, NO_MEMORY, TOO_LARGE  nothing of it is there
 *   POISONED   a sync, or undoing a write, has failed: whether it is there, and
 *              durable, is unknown
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_txn_commit(struct seglog_write_txn *txn, bool is_synced,
                        struct seglog_commit_info *info,
                        struct seglog_error *err);

/* Undo and free it.  Accepts NULL: so it can stand at the end of any function
 * that sets its pointer to NULL when it commits. */
SEGLOG_API void
seglog_write_txn_abort(struct seglog_write_txn *txn);

/* ---------------------------------------------------------------------------
 * Batches: transactions that are known beforehand
 *
 * Batches that many threads commit at once share one write and one sync.  Each
 * is a transaction of its own.
 */

struct seglog_write_batch;

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_batch_new(struct seglog_canonical *canonical,
                       struct seglog_write_batch **batch,
                       struct seglog_error *err);

/* Accepts NULL. */
SEGLOG_API void
seglog_write_batch_free(struct seglog_write_batch *batch);

/* As new. */
SEGLOG_API void
seglog_write_batch_clear(struct seglog_write_batch *batch);

/* As of a write transaction; bytes are copied. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_batch_put(struct seglog_write_batch *batch,
                       struct seglog_slice key, struct seglog_slice value,
                       struct seglog_error *err);
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_batch_delete(struct seglog_write_batch *batch,
                          struct seglog_slice key, struct seglog_error *err);
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_batch_append_event(struct seglog_write_batch *batch,
                                struct seglog_slice event,
                                struct seglog_error *err);

/*
 * Commit only if, in front of the batch, key has this value (NULL: is not
 * there): CONFLICT otherwise.  So a batch can be made from what was read before
 * without holding anybody up.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_batch_expect(struct seglog_write_batch *batch,
                          struct seglog_slice key,
                          const struct seglog_slice *value,
                          struct seglog_error *err);

/*
 * Commit.  The batch stays, and can be committed again.  One without writes and
 * events appends nothing, but what it expects is looked at.  Errors as of
 * seglog_write_txn_begin and commit; besides
 *   CONFLICT  an expectation does not hold; nothing of it is there
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_write_batch_commit(struct seglog_write_batch *batch, bool is_synced,
                          struct seglog_commit_info *info,
                          struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Events
 */

struct seglog_canonical_event {
    uint64_t id;
    uint64_t position;        /* of its transaction */
    uint64_t time_ms;         /* of its commit, since 1970-01-01 UTC */
    struct seglog_slice data; /* until the next call of the iterator */
};

struct seglog_event_iter;

/*
 * Events with ids of at least from and below to, in order; SEGLOG_EVENT_END:
 * all that there are when it is opened.  from beyond the end: none.
 *
 * Returns NOT_FOUND where from was given up by retention: err->actual is the
 * first id that there is.
 * Cost  O(log n), and up to 256 transactions more than were asked for
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_event_iter_open(struct seglog_canonical *canonical, uint64_t from,
                       uint64_t to, struct seglog_event_iter **iter,
                       struct seglog_error *err);

/* END behind the last one.  CORRUPT: what is next is damaged; with skips_lost
 * it goes on behind it. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_event_iter_next(struct seglog_event_iter *iter,
                       struct seglog_canonical_event *event,
                       struct seglog_error *err);

/* Accepts NULL. */
SEGLOG_API void
seglog_event_iter_close(struct seglog_event_iter *iter);

/* One event; data is to be freed with seglog_free.  NOT_FOUND: there is no such
 * id, or not any more. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_get_event(struct seglog_canonical *canonical, uint64_t id,
                           char **data, size_t *len, struct seglog_error *err);

/*
 * Wait until there is an event with this id, by anybody: OK.  END after
 * timeout_ms (negative: no limit), or when a signal comes.  Does not poll where
 * the byte store has wait.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_wait(struct seglog_canonical *canonical, uint64_t id,
                      int timeout_ms, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Seal, pause, meta
 *
 * These are transactions too: they hold for all who have the store open, and
 * stay through a crash.  They are synced when they return.
 */

/*
 * From now on there are no write transactions (SEALED): nothing changes.  id is
 * the last event.  To seal again is OK.  INVALID: there is no event yet.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_seal(struct seglog_canonical *canonical, uint64_t *id,
                      struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_clear_seal(struct seglog_canonical *canonical,
                            struct seglog_error *err);

/*
 * Wait for the write transaction that is open; from then on PAUSED.  LOCKED: it
 * did not end within timeout_ms (0: lock_timeout_ms), and nothing is paused.
 * Consumers go on.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_pause(struct seglog_canonical *canonical, int timeout_ms,
                       struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_resume(struct seglog_canonical *canonical,
                        struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_is_paused(struct seglog_canonical *canonical, bool *is_paused,
                           struct seglog_error *err);

/* The version of the caller's own schema; 0 at first. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_set_schema_version(struct seglog_canonical *canonical,
                                    uint64_t version, struct seglog_error *err);

struct seglog_canonical_meta {
    uint64_t next_event;  /* id of the next event */
    uint64_t first_event; /* that there is: more than 0 after retention */
    uint64_t position;    /* of the next transaction */
    uint64_t first_position;
    bool is_sealed;
    uint64_t sealed_event;
    bool is_paused;
    uint64_t schema_version;
    int64_t created_ms;
    int64_t updated_ms; /* of the last transaction */
    uint64_t keys;      /* in the state */
    uint64_t lost;      /* transactions (skips_lost) */
    uint64_t view_bytes;
    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* of the log */
    struct seglog_chain_hash head; /* of the log, behind position - 1 */
};

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_get_meta(struct seglog_canonical *canonical,
                          struct seglog_canonical_meta *meta,
                          struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Consumers
 *
 * A consumer is a name with a cursor: the id of the event that it gets next.
 * Both are kept by the store, as transactions, which seal and pause do not hold
 * up.  An event that was not acknowledged is given again after a restart.  Who
 * has the name open twice gets each event twice; the cursor is one, and never
 * goes back.
 */

struct seglog_consumer;

/*
 * Open a consumer, or make one: 1 to SEGLOG_CONSUMER_NAME_MAX bytes of name.
 *
 *   from  of one that is made: its first event; ids that were given up by
 *         retention are passed over.  SEGLOG_EVENT_END: the next that comes
 * Returns READ_ONLY where it would have to be made.  Synced.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_consumer_open(struct seglog_canonical *canonical, const char *name,
                     uint64_t from, struct seglog_consumer **consumer,
                     struct seglog_error *err);

/* Without acknowledging anything.  Accepts NULL. */
SEGLOG_API void
seglog_consumer_close(struct seglog_consumer *consumer);

/*
 * The next event; wait for one, timeout_ms at most (0: do not; negative: for
 * ever), woken by the commit.  END: none has come; also when a signal comes.
 * event->data is valid until the next call of this consumer.  CORRUPT: what is
 * next is damaged, and stays so for the next call: acknowledge it to go on
 * behind it.  With skips_lost it is passed over.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_consumer_next(struct seglog_consumer *consumer, int timeout_ms,
                     struct seglog_canonical_event *event,
                     struct seglog_error *err);

/*
 * All events up to id are done: the cursor is id + 1, and next goes on there at
 * the earliest.  FLUSH level, or SYNC.  One that is behind the cursor is OK, and
 * moves nothing.
 *
 * Returns
 *   INVALID    there is no such event yet: err->actual is the next id
 *   NOT_FOUND  the consumer was removed
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_consumer_acknowledge(struct seglog_consumer *consumer, uint64_t id,
                            bool is_synced, struct seglog_error *err);

/*
 * Events up to id are done, but id itself could not be handled: it goes to the
 * dead-letter lane of this consumer, with the reason, in one transaction.  One
 * that is there already gets the new reason.  Synced.
 *
 *   reason  up to SEGLOG_REASON_MAX bytes (TOO_LARGE); NULL: ""
 * Returns
 *   INVALID    as acknowledge
 *   NOT_FOUND  the consumer was removed, or the event given up by retention
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_consumer_reject(struct seglog_consumer *consumer, uint64_t id,
                       const char *reason, struct seglog_error *err);

struct seglog_dead_letter {
    uint64_t id;      /* of the event */
    int64_t time_ms;  /* when it was rejected last */
    uint64_t retries; /* replays that were rejected again */
    struct seglog_slice reason;
    struct seglog_slice data; /* of the event; valid during the call */
};

/* Return OK: it is handled, and leaves the lane.  Anything else: it stays, with
 * what err->message says as its reason, or the name of the code.  It may use the
 * store and the consumer: nothing is held meanwhile. */
typedef seglog_code (*seglog_dead_letter_fn)(
    void *arg, const struct seglog_dead_letter *letter,
    struct seglog_error *err);

/*
 * Call fn for each dead letter, ids ascending.  Nothing changes.  END stops; so
 * does any other code but OK, and is returned.  CORRUPT: events could not be
 * read; all others were given.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_consumer_list_dead(struct seglog_consumer *consumer,
                          seglog_dead_letter_fn fn, void *arg,
                          struct seglog_error *err);

/*
 * Give each dead letter to fn again, ids ascending.  Synced when it returns: a
 * letter that was handled may be given once more if it does not.
 *
 *   replayed, left  that were handled, that were not; may be NULL.  END from fn
 *                   stops and counts as neither
 * Returns CORRUPT as list_dead.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_consumer_replay_dead(struct seglog_consumer *consumer,
                            seglog_dead_letter_fn fn, void *arg,
                            uint64_t *replayed, uint64_t *left,
                            struct seglog_error *err);

struct seglog_consumer_info {
    const char *name; /* valid during the call */
    uint64_t cursor;
    uint64_t lag; /* events behind it */
    uint64_t dead;
};

/* In the order of names; return false to stop. */
typedef bool (*seglog_consumer_list_fn)(
    void *arg, const struct seglog_consumer_info *info);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_list_consumers(struct seglog_canonical *canonical,
                                seglog_consumer_list_fn fn, void *arg,
                                struct seglog_error *err);

/* With its dead letters.  NOT_FOUND.  Synced. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_remove_consumer(struct seglog_canonical *canonical,
                                 const char *name, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * State snapshots and retention
 */

struct seglog_snapshot_info {
    char name[SEGLOG_IDENTITY_BYTES * 2 + 32]; /* of its blob */
    uint64_t position; /* of the first transaction that is not in it */
    uint64_t keys;
    uint64_t bytes; /* as stored */
};

/*
 * Write the state, with all that is not an event, to a sealed segment: a view
 * can be built from it and what comes behind it.  Others write meanwhile.
 * Synced; snapshots before it are removed.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_make_snapshot(struct seglog_canonical *canonical,
                               struct seglog_snapshot_info *info,
                               struct seglog_error *err);

struct seglog_retention_info {
    uint64_t first_event; /* that is left */
    uint64_t first_position;
    uint64_t segments; /* that are gone */
    uint64_t bytes;
};

/*
 * Give up events below keep_from: remove the segments of the log that hold only
 * such, are below the newest snapshot, and hold nothing that a consumer has not
 * acknowledged, nor a dead letter.  Writers wait for some syncs, while it is
 * looked up and remembered where the log begins.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_retain(struct seglog_canonical *canonical, uint64_t keep_from,
                        struct seglog_retention_info *info,
                        struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Backup
 */

/*
 * As seglog_backup_make, of all that lies in the byte store, in turn with those
 * who write by this handle; others are waited for as long as its lock_timeout_ms
 * says (LOCKED).  It may be open for reading only, and is no better than
 * seglog_backup_make then.  The view is not taken: it is made again from the
 * log.  INVALID: this thread has a write transaction open.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_backup(struct seglog_canonical *canonical,
                        struct seglog_store repository,
                        const struct seglog_backup_options *options,
                        struct seglog_backup_info *info,
                        struct seglog_error *err);

/*
 * As seglog_backup_restore, whatever the backup holds.  A canonical store has
 * the state and events of the position of the backup, and can be written to: a
 * seal and a pause are taken back, by transactions behind that position (not in
 * a build without LMDB).
 *
 * Cost  besides, that of opening it with a view of its own
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_restore(struct seglog_store repository,
                         struct seglog_store target,
                         const struct seglog_restore_options *options,
                         struct seglog_backup_info *info,
                         struct seglog_error *err);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_CANONICAL_H */
