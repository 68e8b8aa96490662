/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_compact.h - the parts of compaction.
 *
 *   stream_compact.c         the call: lock, look, choose, do
 *   stream_compact_clean.c   what earlier ones have left
 *   stream_compact_write.c   one segment, written anew from one or more
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_COMPACT_H
#define SLG_STREAM_COMPACT_H

#include "src/stream/stream_names.h"
#include "src/stream/stream_store.h"
#include "src/stream/stream_tombs.h"

#define SLG_BESIDE_CAP (SEGLOG_STREAM_NAME_CAP + sizeof ".sealing")

/* A completed segment, as it was when it was looked at. */
struct slg_piece {
    struct slg_stream_part part;
    uint64_t bytes;
    uint64_t epoch;
    uint64_t next_record;
    bool is_sealed;
    bool is_waiting;  /* for what was marked in it to be dropped */
    bool is_unsigned; /* and to be signed */
    /* With how many, itself included, it is written anew: 0: not at all, or
     * with one before it. */
    size_t group;
};

struct slg_compaction {
    const struct slg_streams *streams;
    uint64_t stream;
    const struct seglog_stream_compact_options *options; /* settled */
    struct slg_stream_parts parts;
    struct slg_tombs tombs;
    struct slg_piece *pieces;
    size_t count;
    enum seglog_chain chain;
    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* of the stream */
    uint64_t done;                           /* bytes, of those ... */
    uint64_t total;                          /* ... that are read */
    uint64_t wrong; /* a record of which no tombstone says what is there */
    struct seglog_stream_compacted *result;
};

/* Which are written anew, and which of them together. */
void
slg_pieces_choose(struct slg_piece *pieces, size_t count, uint64_t merge_bytes,
                  unsigned merge_min);

/* Leftovers of earlier ones; what lies beside completed segments as well. */
seglog_code
slg_compaction_clean(const struct slg_compaction *compaction,
                     struct seglog_error *err);

/* The pieces of one group, from the first on. */
seglog_code
slg_compaction_write(struct slg_compaction *compaction, size_t first,
                     struct seglog_error *err);

/* With its lock: which goes with it, and with it what writers remember. */
seglog_code
slg_stream_part_remove(const struct slg_streams *streams, const char *name,
                       struct seglog_error *err);

/* An acquired lock after which nobody takes the segment for what it was. */
seglog_code
slg_stream_part_lock(const struct slg_streams *streams, const char *name,
                     struct seglog_lock *lock, struct seglog_error *err);

/* Somebody may be sealing it just now: that is none of ours. */
seglog_code
slg_stream_sealing_remove(const struct slg_streams *streams, const char *name,
                          struct seglog_error *err);

/* "NAME.seg" and what is behind it; NULL: it is no such name. */
const char *
slg_stream_name_split(const char *name, char segment[SEGLOG_STREAM_NAME_CAP]);

char *
slg_stream_name_beside(const char *name, const char *suffix,
                       char beside[SLG_BESIDE_CAP]);

#endif /* SLG_STREAM_COMPACT_H */
