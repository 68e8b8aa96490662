/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_seal_merge.h - several chained segments into a sealed one.
 *
 * Layer  segment.  Locks, and putting the new one in its place, are for whoever
 *        calls: what is read must not be appended to meanwhile.
 */
#ifndef SLG_SEGMENT_SEAL_MERGE_H
#define SLG_SEGMENT_SEAL_MERGE_H

#include "format/chain.h"
#include "seglog/seal.h"

struct slg_merge_options {
    /* Of the same chain, each going on where the one before it ends; sealed
     * ones or not.  One is enough. */
    const char *const *names;
    size_t count;
    const char *new_name; /* the blob that is written; one that is there goes */
    /* level, block_bytes, memory_max, threads, on_progress and arg. */
    struct seglog_seal_options seal;
    /* Is the payload of this record, before which the chain has that head, to
     * go?  before: NULL where it is not known.  drops NULL: of none. */
    bool (*drops)(void *arg, const struct seglog_record *record,
                  const struct seglog_chain_hash *before);
    /*
     * Sign the head at the end, in front of the record with this number; false:
     * there is no memory.  NULL: there is no signature.
     */
    bool (*signs)(void *arg, uint64_t next_record,
                  const struct seglog_chain_hash *head,
                  struct slg_signature *signature);
};

struct slg_merge_result {
    uint64_t records; /* with their payloads */
    uint64_t dropped; /* by this call */
    uint64_t blocks;
    uint64_t bytes_before;
    uint64_t bytes_after;
    uint64_t next_record;
    struct seglog_chain_hash head; /* at the end */
};

/*
 * Write it, read it back, compare and sync.  It has the identity, the first
 * record, predecessor and attributes of the first one, and a newer epoch.
 *
 * Returns
 *   CORRUPT  one of them has lost records, does not go on where the one before
 *            it ends, or its records do not lead to a chain head; or what was
 *            written did not read back.  err->name says which.  Damage that has
 *            cost nothing, of which the next chain head tells, is left behind
 *   INVALID  not chained, or an option out of range; no zstd
 *   END      on_progress returned false
 * When it fails there is no new blob.
 */
seglog_code
slg_segments_merge(struct seglog_store store,
                   const struct slg_merge_options *options,
                   struct slg_merge_result *result, struct seglog_error *err);

#endif /* SLG_SEGMENT_SEAL_MERGE_H */
