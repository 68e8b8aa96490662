/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_read.h - reading lanes.
 *
 * Layer  session.
 */
#ifndef SLG_SESSION_READ_H
#define SLG_SESSION_READ_H

#include "src/session/session_writers.h"

/* NOT_FOUND names the segment, whichever blob was missing. */
seglog_code
slg_lane_open_reader(struct seglog_session_store *sessions,
                     const struct slg_lane_id *id,
                     const struct seglog_reader_options *options,
                     struct seglog_reader **reader, struct seglog_error *err);

/* What the tail says.  NOT_FOUND as above; damage is not an error. */
seglog_code
slg_lane_get_summary(struct seglog_session_store *sessions,
                     const struct slg_lane_id *id,
                     struct seglog_scan_summary *summary,
                     struct seglog_error *err);

/* The same, CORRUPT where the end of the segment is damaged. */
seglog_code
slg_lane_get_end(struct seglog_session_store *sessions,
                 const struct slg_lane_id *id,
                 struct seglog_scan_summary *summary, struct seglog_error *err);

/* Nothing but white space: a line of a file that was imported. */
bool
slg_entry_is_blank(const void *data, size_t len);

/* As seglog_session_read_all. */
seglog_code
slg_lane_read_all(struct seglog_session_store *sessions,
                  const struct slg_lane_id *id, struct seglog_slice **entries,
                  size_t *count, struct seglog_error *err);

#endif /* SLG_SESSION_READ_H */
