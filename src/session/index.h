/* SPDX-License-Identifier: MIT */
/*
 * src/session/index.h - which segments there are, without asking each.
 *
 * A table with one row for each segment: its ids, lineage and label.  It says
 * nothing that is not in the segments, and is believed only while the stamp of
 * the byte store is the one noted in it; otherwise it is made anew from the
 * segments.  SPEC.md 14.2.
 *
 * Threads  any: it has a mutex
 * Layer    session
 */
#ifndef SLG_INDEX_H
#define SLG_INDEX_H

#include "seglog/session.h"

struct slg_index;

seglog_code
slg_index_new(struct seglog_store store, bool is_read_only, int lock_timeout_ms,
              struct slg_index **index, struct seglog_error *err);
void
slg_index_free(struct slg_index *index);

/*
 * What a segment says of itself, as kept in its attributes (SPEC.md 14.1).
 * The label of a decoded one points into the bytes it was read from.
 */
struct slg_birth {
    struct seglog_session_row row;
    enum seglog_lane lane;
};

#define SLG_BIRTH_MAX (SEGLOG_SESSION_LABEL_MAX + 128)

/* buf holds SLG_BIRTH_MAX bytes.  Returns how many were used. */
size_t
slg_birth_encode(const struct slg_birth *birth, uint8_t *buf);
/* False if these are not the attributes of a lane. */
bool
slg_birth_decode(const uint8_t *bytes, size_t len, struct slg_birth *birth);

/*
 * A copy of the rows, current, in the order of seglog_session_list: free with
 * seglog_free.  Labels lie behind the rows.
 *
 *   session  NULL: of all
 */
seglog_code
slg_index_list(struct slg_index *index, const struct seglog_uuid *session,
               struct seglog_session_row **rows, size_t *count,
               struct seglog_error *err);

/* Ids of all sessions, most recent first. */
seglog_code
slg_index_list_sessions(struct slg_index *index, struct seglog_uuid **ids,
                        size_t *count, struct seglog_error *err);

/* By segment alone.  The label of row is left out. */
seglog_code
slg_index_find(struct slg_index *index, const struct seglog_uuid *segment,
               struct seglog_session_row *row, bool *found,
               struct seglog_error *err);

/*
 * Around every creation, removal and replacement of a blob: begin takes the
 * index's mutex and lock and notes that a change is under way; add and remove
 * say which rows come and go; commit, which always follows, notes them and the
 * new stamp.  When the process dies in between, or nothing can be noted, the
 * index is made anew by whoever asks it next.
 */
seglog_code
slg_index_begin(struct slg_index *index, struct seglog_error *err);
seglog_code
slg_index_add(struct slg_index *index, const struct seglog_session_row *row,
              struct seglog_error *err);
seglog_code
slg_index_remove(struct slg_index *index, const struct seglog_uuid *session,
                 const struct seglog_uuid *segment, struct seglog_error *err);
/* Between begin and commit: whatever names were changed, by anybody, stays so
 * when the power fails. */
seglog_code
slg_index_settle_names(struct slg_index *index, struct seglog_error *err);
/* What was changed failed in the middle: the index will not hold. */
void
slg_index_doubt(struct slg_index *index);
void
slg_index_commit(struct slg_index *index);

/*
 * Between begin and commit, while no segment comes or goes: those whose lineage
 * names this one; free rows with seglog_free.  is_known false: the index does
 * not hold, and says nothing.
 */
seglog_code
slg_index_list_descendants(struct slg_index *index,
                           const struct seglog_uuid *segment,
                           struct seglog_session_row **rows, size_t *count,
                           bool *is_known, struct seglog_error *err);

/* Make it anew from the segments, whatever it says. */
seglog_code
slg_index_rebuild(struct slg_index *index, struct seglog_error *err);

#endif /* SLG_INDEX_H */
