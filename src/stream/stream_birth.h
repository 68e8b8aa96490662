/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_birth.h - segments come: the first one, and rotation.
 *
 * A segment is made whole under another name, synced, and put in its place
 * (SPEC.md 16.2): whoever sees its name sees all of its beginning.
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_BIRTH_H
#define SLG_STREAM_BIRTH_H

#include "src/stream/stream_slot.h"

/* Begin the stream, unless somebody else has meanwhile. */
seglog_code
slg_stream_begin(struct slg_streams *streams, uint64_t stream,
                 struct seglog_error *err);

/*
 * With the writer held and nothing buffered: end its segment, and make the one
 * that follows it.  The writer is still that of the old one.
 */
seglog_code
slg_slot_make_next(struct slg_slot *slot, struct seglog_error *err);

#endif /* SLG_STREAM_BIRTH_H */
