/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_names.h - the segments of a stream, by their names.
 *
 * The names are the index of a stream (SPEC.md 16.2): which segments there are,
 * in which order, and with which event each one begins.
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_NAMES_H
#define SLG_STREAM_NAMES_H

#include "seglog/stream.h"

/* One segment. */
struct slg_stream_part {
    uint32_t first; /* its number */
    uint32_t last;  /* of the last one merged into it, else first */
    uint64_t offset;
};

/* Where a stream that was trimmed begins (SPEC.md 16.8). */
struct slg_stream_begin {
    bool is_there;   /* else at 0 */
    bool has_others; /* it has had other heads there: tombstones followed */
    uint32_t number; /* of the segment */
    uint64_t offset;
    enum seglog_chain chain;
    struct seglog_chain_hash hash;           /* the head there */
    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* of the stream */
};

/* All of a stream that count, in order.  Starts zeroed. */
struct slg_stream_parts {
    struct slg_stream_begin begin;
    struct slg_stream_part *parts;
    size_t count;
    size_t cap;
};

char *
slg_stream_part_name(uint64_t stream, const struct slg_stream_part *part,
                     char name[SEGLOG_STREAM_NAME_CAP]);

/* False for anything that slg_stream_part_name does not make. */
bool
slg_stream_part_parse(const char *name, uint64_t *stream,
                      struct slg_stream_part *part);

/*
 * List the segments of a stream; what parts held before goes.  What a merge or
 * trimming has left over is not among them.  CORRUPT: it was trimmed, and what
 * was left then is gone.  Failing leaves parts as it was.
 */
seglog_code
slg_stream_parts_list(struct seglog_store store, uint64_t stream,
                      struct slg_stream_parts *parts, struct seglog_error *err);

/* The segment where an event would be; NULL: before the first one. */
const struct slg_stream_part *
slg_stream_parts_find(const struct slg_stream_parts *parts, uint64_t offset);

/* The one that grows; NULL: there is none. */
const struct slg_stream_part *
slg_stream_parts_last(const struct slg_stream_parts *parts);

/* NOT_FOUND, with the first offset that there is: it was trimmed. */
seglog_code
slg_stream_parts_check(const struct slg_stream_parts *parts, uint64_t offset,
                       struct seglog_error *err);

void
slg_stream_parts_reset(struct slg_stream_parts *parts);

/* -- stream_begin.c -------------------------------------------------------- */

char *
slg_stream_begin_name(uint64_t stream, char name[SEGLOG_STREAM_NAME_CAP]);

/* What is damaged is not there. */
seglog_code
slg_stream_begin_read(struct seglog_store store, uint64_t stream,
                      struct slg_stream_begin *begin, struct seglog_error *err);

/* Durable when it returns; whoever does it holds the lock of the stream. */
seglog_code
slg_stream_begin_put(struct seglog_store store, uint64_t stream,
                     const struct slg_stream_begin *begin,
                     struct seglog_error *err);

#endif /* SLG_STREAM_NAMES_H */
