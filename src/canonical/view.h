/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/view.h - the view of a canonical store: what the log says, in
 * LMDB (SPEC.md 17.3).
 *
 * The only part that knows LMDB.  Its files are written without syncs: a
 * process that dies leaves them whole, a machine that goes down does not
 * (trust.h).
 *
 * Threads  a view: any.  A transaction and its cursors: the thread that began
 *          it.
 * Layer    canonical
 */
#ifndef SLG_CANONICAL_VIEW_H
#define SLG_CANONICAL_VIEW_H

#include "seglog/canonical.h"

struct slg_view;
struct slg_view_txn;
struct slg_view_cursor;

enum slg_view_table {
    SLG_VIEW_STATE,
    SLG_VIEW_MARKS,   /* event id (8 bytes, big-endian): position (8, LE) */
    SLG_VIEW_CURSORS, /* consumer: next id (8) */
    SLG_VIEW_DEAD,    /* consumer, 0, id (8, big-endian): time, retries, reason
                       */
    SLG_VIEW_TABLES
};

/* What there is one of.  Of this machine alone: the view is never moved. */
struct slg_view_head {
    uint64_t version; /* SLG_VIEW_VERSION */
    uint64_t position;
    uint64_t next_event;
    uint64_t marked;      /* ids below need no mark */
    uint64_t marked_to;   /* unless their transaction is here, or behind */
    uint64_t first_event; /* that there is */
    uint64_t first_position;
    uint64_t created_ms;
    uint64_t updated_ms;
    uint64_t sealed; /* id + 1; 0: not sealed */
    uint64_t is_paused;
    uint64_t schema_version;
    uint64_t lost;
    uint64_t is_clean; /* nothing was written since it was synced: trust.h */
    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* of the log */
    struct seglog_chain_hash hash;           /* behind position - 1 */
};

#define SLG_VIEW_VERSION UINT64_C(2)

/* False: this build has no LMDB, and opens none. */
bool
slg_view_is_built(void);

/*
 * Open the files in dir, which exists, or make them.  All handles of a process
 * that name the same folder share one.
 */
seglog_code
slg_view_open(const char *dir, uint64_t bytes_max, unsigned readers_max,
              struct slg_view **view, struct seglog_error *err);

/* Accepts NULL. */
void
slg_view_close(struct slg_view *view);

/* All of it is on the device. */
seglog_code
slg_view_sync(struct slg_view *view, struct seglog_error *err);

seglog_code
slg_view_begin(struct slg_view *view, bool is_write, struct slg_view_txn **txn,
               struct seglog_error *err);

/* Frees it in any case. */
seglog_code
slg_view_commit(struct slg_view_txn *txn, struct seglog_error *err);
/* Accepts NULL. */
void
slg_view_abort(struct slg_view_txn *txn);

/* A view that is new has a zeroed one. */
seglog_code
slg_view_get_head(struct slg_view_txn *txn, struct slg_view_head *head,
                  struct seglog_error *err);

/* place (may be NULL): where it lies until the next write of the transaction,
 * to be overwritten by another one of the same size. */
seglog_code
slg_view_put_head(struct slg_view_txn *txn, const struct slg_view_head *head,
                  void **place, struct seglog_error *err);

/* NOT_FOUND, without touching err. */
seglog_code
slg_view_get(struct slg_view_txn *txn, enum slg_view_table table,
             struct seglog_slice key, struct seglog_slice *value,
             struct seglog_error *err);

seglog_code
slg_view_put(struct slg_view_txn *txn, enum slg_view_table table,
             struct seglog_slice key, struct seglog_slice value,
             struct seglog_error *err);

seglog_code
slg_view_delete(struct slg_view_txn *txn, enum slg_view_table table,
                struct seglog_slice key, struct seglog_error *err);

/* All that is in all tables, and the head. */
seglog_code
slg_view_clear(struct slg_view_txn *txn, struct seglog_error *err);

struct slg_view_counts {
    uint64_t keys;  /* in the table */
    uint64_t bytes; /* of all of the view */
};

seglog_code
slg_view_count(struct slg_view_txn *txn, enum slg_view_table table,
               struct slg_view_counts *counts, struct seglog_error *err);

seglog_code
slg_view_cursor_open(struct slg_view_txn *txn, enum slg_view_table table,
                     struct slg_view_cursor **cursor, struct seglog_error *err);

/* Accepts NULL. */
void
slg_view_cursor_close(struct slg_view_cursor *cursor);

enum slg_view_move {
    SLG_VIEW_AT_LEAST, /* the first key that is not below; empty: the first */
    SLG_VIEW_NEXT,     /* key is not used */
    SLG_VIEW_AT_MOST,  /* the last key that is not above; empty: the last */
};

/* END: there is none. */
seglog_code
slg_view_cursor_move(struct slg_view_cursor *cursor, enum slg_view_move move,
                     struct seglog_slice sought, struct seglog_slice *key,
                     struct seglog_slice *value, struct seglog_error *err);

#endif /* SLG_CANONICAL_VIEW_H */
