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

#endif /* SLG_STREAM_TRIM_H */
