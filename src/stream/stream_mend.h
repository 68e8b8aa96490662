/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_mend.h - the parts of mending (SPEC.md 16.4).
 *
 *   stream_mend.c        the call: lock, look, keep, put in its place
 *   stream_mend_look.c   where the loss is, and what is behind it
 *   stream_mend_write.c  the mended segment
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_MEND_H
#define SLG_STREAM_MEND_H

#include "format/chain.h"
#include "src/stream/stream_attributes.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_store.h"

#define SLG_MEND_NAME_CAP (SEGLOG_STREAM_NAME_CAP + 16)

/* A tombstone behind the loss, of a record behind it. */
struct slg_mend_tomb {
    struct slg_tombstone tombstone;
    bool is_there; /* the record was written, and has these hashes */
};

struct slg_mend {
    const struct slg_streams *streams;
    uint64_t stream;
    enum seglog_stream_mend how;
    bool is_end_known; /* nothing keeps from appending */
    struct slg_stream_parts parts;
    const struct slg_stream_part *part; /* the last one */
    char name[SEGLOG_STREAM_NAME_CAP];
    char new_name[SLG_MEND_NAME_CAP];

    /* What was looked at. */
    struct seglog_scan_summary summary;
    enum seglog_chain chain;
    bool has_base; /* the head that it begins with */
    struct seglog_chain_hash base;
    bool has_predecessor;
    struct seglog_predecessor predecessor;
    /* From here on the head is not known any more. */
    bool has_loss;
    uint64_t lost_at; /* byte */
    uint64_t first_lost;
    bool is_before_known; /* the head in front of it */
    struct seglog_chain_hash before;
    uint64_t next_record;        /* behind all that is there */
    struct slg_mend_tomb *tombs; /* by number */
    size_t tomb_count;
    size_t tomb_cap;
};

/* Does the stream end at the loss? */
bool
slg_mend_cuts(const struct slg_mend *mend);

/* -- stream_mend_look.c ---------------------------------------------------- */

/* Of the segment as it is.  OK with has_loss false: its head is known, and of
 * CUT_FIRST nothing in it is lost. */
seglog_code
slg_mend_look(struct slg_mend *mend, struct seglog_error *err);

/* What it says of its stream, also behind damage. */
seglog_code
slg_mend_look_for_attributes(const struct slg_mend *mend,
                             struct slg_stream_attributes *attributes,
                             bool *is_there, struct seglog_error *err);

/* -- stream_mend_write.c --------------------------------------------------- */

/* The mended segment as new_name, synced. */
seglog_code
slg_mend_write(struct slg_mend *mend, struct seglog_stream_mended *mended,
               struct seglog_error *err);

#endif /* SLG_STREAM_MEND_H */
