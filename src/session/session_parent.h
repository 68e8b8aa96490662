/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_parent.h - which segment a sealed one may refer to.
 *
 * Layer  session.
 */
#ifndef SLG_SESSION_PARENT_H
#define SLG_SESSION_PARENT_H

#include "src/session/session_writers.h"

/*
 * The segment that this one was forked or compacted from.  is_worth_it: it is
 * there, it is sealed, and enough of this one is in it to save more than it
 * costs to refer to it.
 */
seglog_code
slg_parent_find(struct seglog_session_store *sessions,
                const struct slg_lane_id *id, struct slg_lane_id *parent,
                bool *is_worth_it, struct seglog_error *err);

bool
slg_parent_is_sealed(struct seglog_session_store *sessions,
                     const struct slg_lane_id *parent);

#endif /* SLG_SESSION_PARENT_H */
