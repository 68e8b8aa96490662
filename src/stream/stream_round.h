/* SPDX-License-Identifier: MIT */
/*
 * src/stream/stream_round.h - the parts of a round.
 *
 *   stream_round.c   the requests, one after the other
 *   stream_hold.c    the segment that grows, open and locked
 *   stream_settle.c  what a power cut has left at its end
 *
 * Layer  stream.
 */
#ifndef SLG_STREAM_ROUND_H
#define SLG_STREAM_ROUND_H

#include "src/stream/stream_slot.h"

/*
 * Open the segment that grows, unless it is, and hold its writer.  NOT_FOUND:
 * there is no such stream.  When it fails there is nothing to release.
 */
seglog_code
slg_slot_hold(struct slg_slot *slot, struct seglog_error *err);

/* The held segment has been followed by another: release and close it. */
void
slg_slot_leave_segment(struct slg_slot *slot);

/*
 * The end of a segment is damaged.  If that is what a power cut leaves of what
 * was never synced (SPEC.md 16.4), cut it back to before, and keep the bytes as
 * NAME.torn.  CORRUPT where it is anything else; nothing has changed then.
 */
seglog_code
slg_stream_settle(const struct slg_streams *streams, const char *name,
                  struct seglog_error *err);

#endif /* SLG_STREAM_ROUND_H */
