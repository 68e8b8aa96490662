/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_seal.h - sealing, and what sealed segments refer to.
 *
 * A sealed segment may refer to its parent (SPEC.md 15.4), which must then stay.
 * Whoever seals with a parent holds the lock of the parent's entries from
 * before it looks for them to the end.  Whoever deletes a segment holds that
 * lock as well, and the index's, so that no segment comes meanwhile, and looks
 * for those that refer to it before the entries go.
 *
 * Layer  session.
 */
#ifndef SLG_SESSION_SEAL_H
#define SLG_SESSION_SEAL_H

#include "src/session/session_writers.h"

/*
 * CONFLICT, naming it, when a sealed segment refers to this one.  Between
 * slg_index_begin and slg_index_commit.
 *
 *   besides  those of this session do not count; NULL: all do
 */
seglog_code
slg_seal_check_children(struct seglog_session_store *sessions,
                        const struct slg_lane_id *id,
                        const struct seglog_uuid *besides,
                        struct seglog_error *err);

#endif /* SLG_SESSION_SEAL_H */
