/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_tombs.h - the tombstones of a stream, and what was dropped.
 *
 * Threads  one at a time
 * Layer    stream.
 */
#ifndef SLG_STREAM_TOMBS_H
#define SLG_STREAM_TOMBS_H

#include "seglog/stream.h"
#include "src/segment/segment_chain_reader.h"
#include "src/stream/stream_names.h"

/* Records whose payload is gone. */
struct slg_dropped {
    uint64_t first;
    uint64_t last;
    /* The heads before the first and behind the last. */
    bool is_before_known;
    bool is_hash_known;
    struct seglog_chain_hash before;
    struct seglog_chain_hash hash;
};

#define SLG_TOMBS_RUNS_MAX 64u

/* Starts zeroed. */
struct slg_tombs {
    /* None twice.  Each run is sorted by number, and more than twice as long as
     * the one behind it: they come in any order, one by one, and are asked for in
     * between. */
    struct slg_tombstone *items;
    size_t count;
    size_t cap;
    size_t runs[SLG_TOMBS_RUNS_MAX]; /* where each begins */
    size_t run_count;
    /* In order; of when they were read. */
    struct slg_dropped *dropped;
    size_t dropped_count;
    size_t dropped_cap;
    bool is_behind_dropped; /* the last of them was what was read last */
    /* Bytes that may have been tombstones could not be read. */
    bool is_damaged;
    struct slg_stream_part damaged_part;
    uint64_t damaged_record; /* or 0 */
    uint64_t next; /* number of the record to go on with; 0: the first */
    /* At the end of the last segment, as of then, to go on there.  NULL: none. */
    struct slg_chain_reader *reader;
    struct slg_stream_part reader_part;
    bool is_doubtful; /* a tombstone may have stood where the damage is */
};

/* False: no memory. */
bool
slg_tombs_add(struct slg_tombs *tombs, const struct slg_tombstone *tombstone);

/* All events of a segment, in order; others than those of tombstones and of
 * what was dropped do nothing.  False: no memory. */
bool
slg_tombs_take_event(struct slg_tombs *tombs,
                     const struct slg_chain_event *event);

bool
slg_tombs_have(const struct slg_tombs *tombs, uint64_t number);

/* All in one run, for what follows.  False: no memory. */
bool
slg_tombs_settle(struct slg_tombs *tombs);

/* The first one of that record or a later one; count where there is none. */
size_t
slg_tombs_find(const struct slg_tombs *tombs, uint64_t number);

/* The one of a record that follows that hash; NULL: there is none. */
const struct slg_tombstone *
slg_tombs_match(const struct slg_tombs *tombs, uint64_t number,
                const struct seglog_chain_hash *before);

/* All in the numbers from first to last that were not dropped yet. */
size_t
slg_tombs_count_pending(const struct slg_tombs *tombs, uint64_t first,
                        uint64_t last);

/* Do tombstones say of each of them what the chain does? */
bool
slg_tombs_vouch(const struct slg_tombs *tombs,
                const struct slg_dropped *dropped);

/*
 * Read the stream from where it was left, to its end.  Damage is passed over,
 * and noted: what was in it is not known.  IO where something cannot be read.
 * They are settled.
 */
seglog_code
slg_tombs_collect(struct slg_tombs *tombs, struct seglog_store store,
                  uint64_t stream, struct seglog_error *err);

/* The same for those who only ask slg_tombs_have, again and again: nothing is
 * read twice as long as the last segment stays the last. */
seglog_code
slg_tombs_follow(struct slg_tombs *tombs, struct seglog_store store,
                 uint64_t stream, struct seglog_error *err);

/* What was collected is durable when this returns. */
seglog_code
slg_stream_sync_last(struct seglog_store store, uint64_t stream,
                     struct seglog_error *err);

void
slg_tombs_reset(struct slg_tombs *tombs);

#endif /* SLG_STREAM_TOMBS_H */
