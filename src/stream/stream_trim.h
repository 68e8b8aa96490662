/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_trim.h - the first segments of a stream go (SPEC.md 16.8).
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_TRIM_H
#define SLG_STREAM_TRIM_H

#include "src/stream/stream_names.h"
#include "src/stream/stream_store.h"

/*
 * Remove what is in front of the beginning: also what somebody has left who
 * died while trimming.  The lock of the stream is held.
 *
 *   result  what was removed is added
 */
seglog_code
slg_stream_trim_finish(const struct slg_streams *streams, uint64_t stream,
                       const struct slg_stream_begin *begin,
                       struct seglog_stream_trimmed *result,
                       struct seglog_error *err);

/* How far it may be trimmed, where that is more than an offset. */
struct slg_trim_limit {
    void *arg;
    /* In front of this offset; so it stays until done is called. */
    seglog_code (*find)(void *arg, uint64_t *before_offset,
                        struct seglog_error *err);
    /* It begins there from now on, if code is OK; what goes goes afterwards.
     * Returns code, or what has failed besides.  NULL: nothing is to be done. */
    seglog_code (*done)(void *arg, seglog_code code, uint64_t begin,
                        struct seglog_error *err);
};

/* As seglog_stream_trim.  Both are called, if at all, with the lock of the
 * stream held. */
seglog_code
slg_stream_trim(struct slg_streams *streams, uint64_t stream,
                const struct slg_trim_limit *limit,
                struct seglog_stream_trimmed *result, struct seglog_error *err);

#endif /* SLG_STREAM_TRIM_H */
