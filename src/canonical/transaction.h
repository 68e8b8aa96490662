/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/transaction.h - a transaction as a record of the log (SPEC.md
 * 17.1): bytes to operations and events, and back.
 *
 * Layer  canonical.
 */
#ifndef SLG_CANONICAL_TRANSACTION_H
#define SLG_CANONICAL_TRANSACTION_H

#include "seglog/canonical.h"

/* On disk: never renumber (SPEC.md 17.1). */
enum slg_op_type {
    SLG_OP_PUT = 1,
    SLG_OP_DELETE = 2,
    SLG_OP_SET = 3,           /* number: what; value: see slg_field */
    SLG_OP_CURSOR = 4,        /* key: consumer; number: next id */
    SLG_OP_CURSOR_REMOVE = 5, /* key: consumer, with its dead letters */
    SLG_OP_DEAD = 6,          /* key: consumer; number: id; value: reason */
    SLG_OP_DEAD_REMOVE = 7,   /* key: consumer; number: id */
    SLG_OP_BIRTH = 8,         /* the first of position 0, and nowhere else */
    SLG_OP_MARK = 9 /* of snapshots alone: number: id; position: of it */
};

/* What SET sets.  On disk: never renumber. */
enum slg_field {
    SLG_FIELD_SEALED = 1, /* id + 1; 0: not sealed */
    SLG_FIELD_PAUSED = 2, /* 1 or 0 */
    SLG_FIELD_SCHEMA = 3
};

struct slg_op {
    enum slg_op_type type;
    enum slg_field field; /* SET */
    struct seglog_slice key;
    struct seglog_slice value;
    uint64_t number; /* of SET the value; DEAD: the id */
    uint64_t retries;
    uint64_t position;
};

/* What stands in front of all. */
struct slg_transaction_head {
    uint64_t first_event;
    uint64_t time_ms;
    uint64_t ops;
    uint64_t events;
};

#define SLG_TRANSACTION_HEAD_MAX 38u /* bytes */

/* -- reading --------------------------------------------------------------- */

/* A record that is being taken apart.  All of it was checked by open. */
struct slg_transaction {
    struct slg_transaction_head head;
    const uint8_t *op_at; /* the next one */
    uint64_t ops_left;
    const uint8_t *length_at; /* of the next event */
    const uint8_t *event_at;
    uint64_t events_left;
    const uint8_t *end;
};

/* False: it is no transaction.  The bytes stay the caller's. */
bool
slg_transaction_open(struct slg_transaction *transaction, const void *bytes,
                     size_t len);

/* A transaction that begins a log. */
bool
slg_transaction_is_birth(const void *bytes, size_t len);

/* False: there are no more. */
bool
slg_transaction_next_op(struct slg_transaction *transaction, struct slg_op *op);
bool
slg_transaction_next_event(struct slg_transaction *transaction,
                           struct seglog_slice *event);

/* -- writing --------------------------------------------------------------- */

/* Bytes that grow. */
struct slg_bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* A transaction that is being put together.  Starts zeroed. */
struct slg_draft {
    struct slg_bytes ops;
    struct slg_bytes lengths;
    struct slg_bytes events;
    uint64_t op_count;
    uint64_t event_count;
};

/* False: no memory; the draft is what it was. */
bool
slg_draft_add_op(struct slg_draft *draft, const struct slg_op *op);
bool
slg_draft_add_event(struct slg_draft *draft, struct seglog_slice event);

/* The operation that was added when ops had this length: key and value are the
 * draft's, until it is added to. */
void
slg_draft_get_op(const struct slg_draft *draft, size_t at, struct slg_op *op);

/* Bytes of the record that it makes, at most. */
size_t
slg_draft_get_size(const struct slg_draft *draft);

/* Bytes that op adds to that. */
size_t
slg_op_get_size(const struct slg_op *op);

/* Append the record; ops and events of head are those of the draft.  False: no
 * memory. */
bool
slg_draft_finish(const struct slg_draft *draft, uint64_t first_event,
                 uint64_t time_ms, struct slg_bytes *out);

/* Empty, with its memory. */
void
slg_draft_clear(struct slg_draft *draft);

/* Back to what it was when it had these counts and sizes. */
struct slg_draft_mark {
    size_t ops;
    size_t lengths;
    size_t events;
    uint64_t op_count;
    uint64_t event_count;
};

struct slg_draft_mark
slg_draft_get_mark(const struct slg_draft *draft);
void
slg_draft_go_back(struct slg_draft *draft, const struct slg_draft_mark *mark);

void
slg_draft_free(struct slg_draft *draft);

bool
slg_bytes_add(struct slg_bytes *bytes, const void *data, size_t len);

void
slg_bytes_free(struct slg_bytes *bytes);

#endif /* SLG_CANONICAL_TRANSACTION_H */
