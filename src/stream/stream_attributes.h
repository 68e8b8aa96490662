/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_attributes.h - what a segment says of its stream (SPEC.md
 * 16.2).
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_ATTRIBUTES_H
#define SLG_STREAM_ATTRIBUTES_H

#include "seglog/stream.h"
#include "src/stream/stream_names.h"

#define SLG_STREAM_ATTRIBUTES_BYTES 40u

struct slg_stream_attributes {
    enum seglog_chain chain;
    uint64_t stream;
    uint8_t identity[SEGLOG_IDENTITY_BYTES]; /* of the stream */
    uint32_t number;                         /* of the segment */
    int64_t created_ms;
};

void
slg_stream_attributes_encode(const struct slg_stream_attributes *attributes,
                             uint8_t out[SLG_STREAM_ATTRIBUTES_BYTES]);

/* False: they are not those of a stream. */
bool
slg_stream_attributes_decode(const uint8_t *in, size_t len,
                             struct slg_stream_attributes *attributes);

/*
 * Those of a segment.  is_there false: it has none, or they are damaged.
 * FORMAT: they are of another stream.
 */
seglog_code
slg_stream_attributes_read(struct seglog_store store, const char *name,
                           uint64_t stream,
                           struct slg_stream_attributes *attributes,
                           bool *is_there, struct seglog_error *err);

/* Those of the first segment that has them: which stream it is, and how it is
 * chained, all say alike. */
seglog_code
slg_stream_attributes_find(struct seglog_store store, uint64_t stream,
                           const struct slg_stream_parts *parts,
                           struct slg_stream_attributes *attributes,
                           bool *is_there, struct seglog_error *err);

#endif /* SLG_STREAM_ATTRIBUTES_H */
