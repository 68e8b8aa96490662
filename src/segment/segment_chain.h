/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_chain.h - SPEC.md 16.1: the chain, computed.
 *
 * Whoever goes over records in order passes them here, and the frames of the
 * chain between them: the writer what it writes, the others what they read.
 *
 * Layer    segment.  No I/O, and nothing here can fail.
 * Threads  a chain is used by one at a time.
 */
#ifndef SLG_SEGMENT_CHAIN_H
#define SLG_SEGMENT_CHAIN_H

#include "format/chain.h"
#include "format/control.h"
#include "format/header.h"
#include "src/segment/segment_walk.h"

struct slg_chain {
    /* enum seglog_chain; 0: not known yet, or the segment is not chained. */
    uint8_t algorithm;
    bool is_known; /* hash is the head here */
    /* A recorded gap is directly before: what SPEC.md 16.4 starts anew from. */
    bool is_behind_gap;
    /* Bytes were passed over since the last chain head. */
    bool has_gap;
    uint64_t gap_first;
    uint64_t gap_next;
    struct seglog_chain_hash before_gap; /* empty and false: not known */
    bool is_before_gap_known;
    struct seglog_chain_hash hash;
};

/* Can this build compute it? */
bool
slg_chain_is_computable(unsigned algorithm);

/* hash(before || kind || data).  The algorithm is computable. */
void
slg_chain_hash(unsigned algorithm, const struct seglog_chain_hash *before,
               enum slg_chain_kind kind, const void *data, size_t len,
               struct seglog_chain_hash *hash);

/* The head that a chain has which begins anew behind a loss (16.4). */
void
slg_chain_hash_anew(unsigned algorithm, const struct seglog_chain_hash *before,
                    uint64_t first_lost, uint64_t next,
                    struct seglog_chain_hash *hash);

bool
slg_chain_hash_is_same(const struct seglog_chain_hash *a,
                       const struct seglog_chain_hash *b);

/* Start before the first record of a stream. */
void
slg_chain_begin(struct slg_chain *chain, unsigned algorithm);

/* One record.  Nothing where the head is not known. */
void
slg_chain_add_record(struct slg_chain *chain, const void *data, size_t len);
void
slg_chain_add_tombstone(struct slg_chain *chain,
                        const struct slg_tombstone *tombstone);

/* Records from first up to next are missing, on purpose or not. */
void
slg_chain_add_gap(struct slg_chain *chain, uint64_t first, uint64_t next);

/*
 * Directly behind a gap, where the chain head that belongs there is missing:
 * what it would say is known.  False: nothing of that is so.
 */
bool
slg_chain_settle_loss(struct slg_chain *chain);

/* Attributes stand here at most. */
#define SLG_CHAIN_BEGUN_AT                                                     \
    (SLG_HEADER_BYTES + SLG_SYNC_POINT_BYTES + SLG_CHAIN_HEAD_MAX +            \
     SLG_PREDECESSOR_BYTES)

/*
 * So many bytes that cannot be read lost no record; were they certainly nothing
 * that the chain needs, but marks and a chain head?  Else they may have been a
 * tombstone.  Where no record is before them in the segment, at so many bytes of
 * it, they may be its attributes as well, and there is no closing mark yet:
 * attributes and a tombstone are as long as that and a chain head.
 */
bool
slg_chain_needs_none_of(uint64_t len, bool is_behind_records, uint64_t at);

/* The head is not known any more: damage was passed. */
void
slg_chain_forget(struct slg_chain *chain);

/*
 * A chain head stands here: it is what is gone on with.  False: it is not the
 * one that was computed, or of another algorithm.
 */
bool
slg_chain_meet_head(struct slg_chain *chain, const struct slg_chain_head *head);

/*
 * A valid frame, in order: whatever of the above it is.  False: as meet_head.
 * step->is_dependent: the head is not known behind it.
 */
bool
slg_chain_pass_step(struct slg_chain *chain, const struct slg_step *step);

#endif /* SLG_SEGMENT_CHAIN_H */
