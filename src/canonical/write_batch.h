/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/write_batch.h - what a batch is made of.
 *
 *   write_batch.c  put one together
 *   batch_round.c  commit: those that share a turn
 *
 * Layer  canonical
 */
#ifndef SLG_CANONICAL_WRITE_BATCH_H
#define SLG_CANONICAL_WRITE_BATCH_H

#include "src/canonical/canonical_store.h"

struct slg_expectation {
    struct seglog_slice key; /* in the same block, behind it */
    struct seglog_slice value;
    bool is_there;
    struct slg_expectation *next;
};

struct seglog_write_batch {
    struct seglog_canonical *canonical;
    struct slg_draft draft;
    uint64_t writes;
    struct slg_expectation *first; /* the last one that was added */
};

#endif /* SLG_CANONICAL_WRITE_BATCH_H */
