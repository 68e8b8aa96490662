/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_roll.h - going on in a new segment, where one is
 * damaged or sealed.
 *
 * Layer  session.
 */
#ifndef SLG_SESSION_ROLL_H
#define SLG_SESSION_ROLL_H

#include "src/session/session_append.h"

/* CORRUPT or SEALED: nothing more can be appended to it. */
bool
slg_code_is_final(seglog_code code);

/* What can still be read of a segment, at its end. */
struct slg_last_words {
    uint64_t record; /* number of the last record; 0: none */
    uint64_t turn;   /* turn_count of the last turn_end */
};

seglog_code
slg_last_words_read(struct seglog_session_store *sessions,
                    const struct slg_lane_id *id, struct slg_last_words *last,
                    struct seglog_error *err);

/*
 * Append to the segment that continues the one of the call, which is damaged or
 * sealed; made if there is none.
 */
seglog_code
slg_roll_over(const struct slg_append_call *call, struct seglog_appended *done,
              struct seglog_error *err);

#endif /* SLG_SESSION_ROLL_H */
