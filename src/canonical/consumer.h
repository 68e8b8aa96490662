/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/consumer.h - what the parts of consumers share.
 *
 * Layer  canonical
 */
#ifndef SLG_CANONICAL_CONSUMER_H
#define SLG_CANONICAL_CONSUMER_H

#include "src/canonical/canonical_store.h"

struct seglog_consumer {
    struct seglog_canonical *canonical;
    struct seglog_event_iter *iter; /* in front of next; NULL: to be opened */
    uint64_t cursor;                /* as it was last seen */
    uint64_t next;                  /* id that is given next */
    size_t name_len;
    char name[SEGLOG_CONSUMER_NAME_MAX + 1];
};

struct seglog_slice
slg_consumer_get_name(const struct seglog_consumer *consumer);

/* 1 to SEGLOG_CONSUMER_NAME_MAX bytes; INVALID. */
seglog_code
slg_consumer_check_name(const char *name, struct seglog_error *err);

/* NOT_FOUND, without touching err: there is no such consumer. */
seglog_code
slg_consumer_get_cursor(struct slg_view_txn *txn, struct seglog_slice name,
                        uint64_t *cursor, struct seglog_error *err);

/* A turn in which the consumer is there; NOT_FOUND: it was removed. */
seglog_code
slg_consumer_turn_begin(struct seglog_consumer *consumer, struct slg_turn *turn,
                        uint64_t *cursor, struct seglog_error *err);

/* All up to id is done; what was read of it goes. */
void
slg_consumer_pass(struct seglog_consumer *consumer, uint64_t id);

/* INVALID: the turn knows of no event of this id. */
seglog_code
slg_consumer_check_id(const struct slg_turn *turn, uint64_t id,
                      struct seglog_error *err);

/* -- consumer_dead.c ------------------------------------------------------- */

struct slg_dead_letter {
    uint64_t id;
    uint64_t time_ms;
    uint64_t retries;
    struct seglog_slice reason; /* in the view */
};

/* The dead letter of this id; NOT_FOUND, without touching err. */
seglog_code
slg_dead_letter_get(struct slg_view_txn *txn, struct seglog_slice name,
                    uint64_t id, struct slg_dead_letter *letter,
                    struct seglog_error *err);

/* How many a consumer has. */
seglog_code
slg_dead_letter_count(struct slg_view_txn *txn, struct seglog_slice name,
                      uint64_t *count, struct seglog_error *err);

#endif /* SLG_CANONICAL_CONSUMER_H */
