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

/* All of a stream that count, in order.  Starts zeroed. */
struct slg_stream_parts {
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
 * List the segments of a stream; what parts held before goes.  What a merge has
 * left over is not among them.  Failing leaves parts as it was.
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

void
slg_stream_parts_reset(struct slg_stream_parts *parts);

#endif /* SLG_STREAM_NAMES_H */
