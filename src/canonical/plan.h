/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/plan.h - the parts of a plan that is being executed.
 *
 * Layer  canonical.
 */
#ifndef SLG_CANONICAL_PLAN_H
#define SLG_CANONICAL_PLAN_H

#include "seglog/preflight.h"

/* A declared key, and what the callbacks did with it. */
struct slg_plan_key {
    struct seglog_slice key; /* the caller's */
    bool is_read;
    bool is_there;             /* in the snapshot, if it was read */
    struct seglog_slice value; /* there, as long as the snapshot is open */
    bool is_written;
    bool is_put; /* and not deleted, by what was written last */
    char *put;   /* a copy of the value */
    size_t put_len;
};

/* One attempt after the other. */
struct seglog_preflight {
    const struct seglog_plan *plan;
    struct seglog_canonical *canonical;

    struct slg_plan_key *keys; /* in their order */
    size_t key_count;
    struct slg_plan_key **read; /* in the order of reading */
    size_t read_count;
    struct slg_plan_key **written;
    size_t written_count;
    size_t event_count;

    char **messages;
    size_t message_count;
    size_t message_cap;

    struct seglog_read_txn *txn;
    struct seglog_write_batch *batch;

    /* What ends the plan even if the callback returns OK; the first one. */
    seglog_code code;
    struct seglog_error error;
};

/* The same, where it may be written to. */
struct seglog_plan_txn {
    struct seglog_preflight preflight;
};

/* -- preflight.c ----------------------------------------------------------- */

/* Keep what ends the plan, tell the caller, and return the code. */
seglog_code
slg_preflight_end(struct seglog_preflight *preflight,
                  const struct seglog_error *error, struct seglog_error *err);

/* INVALID, which ends the plan: it is not declared. */
seglog_code
slg_preflight_find(struct seglog_preflight *preflight, struct seglog_slice key,
                   struct slg_plan_key **found, struct seglog_error *err);

/* From the snapshot, once. */
seglog_code
slg_preflight_read(struct seglog_preflight *preflight, struct slg_plan_key *key,
                   struct seglog_error *err);

int
slg_plan_key_compare(struct seglog_slice a, struct seglog_slice b);

/* -- plan_result.c --------------------------------------------------------- */

/* Take over the messages, and copy the keys. */
seglog_code
slg_plan_result_fill(struct seglog_plan_result *result,
                     struct seglog_preflight *preflight,
                     struct seglog_error *err);

void
slg_messages_free(char **messages, size_t count);

#endif /* SLG_CANONICAL_PLAN_H */
