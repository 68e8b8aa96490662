/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_append.h - appending under expectations.
 *
 * Layer  session.
 */
#ifndef SLG_SESSION_APPEND_H
#define SLG_SESSION_APPEND_H

#include "src/session/session_birth.h"

/* SEALED says that a blob was replaced; so often in a row it is another's
 * fault. */
#define SLG_REPLACED_MAX 64

/*
 * Entries as they are to be appended: INVALID for what is not one JSON value,
 * unless is_raw.  items has room for count of them.
 */
seglog_code
slg_entries_check(const struct seglog_slice *entries, size_t count, bool is_raw,
                  struct seglog_item *items, struct seglog_error *err);

bool
slg_head_is_same(const struct seglog_head *a, const struct seglog_head *b);

/* Whether a segment that stands there is the expected one. */
bool
slg_expect_is_met(const struct seglog_expect *expect, uint64_t count,
                  const struct seglog_head *head);

/* The CONFLICT if it is not. */
seglog_code
slg_expect_fail(const struct slg_lane_id *id,
                const struct seglog_expect *expect, uint64_t count,
                struct seglog_error *err);

struct slg_append_call {
    struct seglog_session_store *sessions;
    struct slg_lane_id id;
    bool is_guess;                   /* the caller knows the segment only */
    const struct seglog_item *items; /* none: only check */
    size_t count;
    struct seglog_expect expect;
    bool is_synced;
};

/*
 * One append to a lane that exists: all of seglog_session_append but creating
 * and rolling over.  With no items nothing is written.
 *
 *   done  filled for OK and CONFLICT
 * Returns NOT_FOUND
 */
seglog_code
slg_lane_append(const struct slg_append_call *call,
                struct seglog_appended *done, struct seglog_error *err);

/* After what failed with this code: the writer can still be used. */
bool
slg_writer_is_sound_after(seglog_code code);

#endif /* SLG_SESSION_APPEND_H */
