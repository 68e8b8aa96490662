/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_birth.h - lanes come and go.
 *
 * Layer  session.
 */
#ifndef SLG_SESSION_BIRTH_H
#define SLG_SESSION_BIRTH_H

#include "src/session/session_writers.h"

/* Put the first records into a lane that nobody else can see yet.  Under the
 * lock of the index; failing, there will be no lane. */
typedef seglog_code (*slg_lane_fill_fn)(void *arg, struct seglog_writer *writer,
                                        struct seglog_error *err);

struct slg_lane_new {
    struct slg_lane_id id;
    struct seglog_lineage lineage;
    struct seglog_slice label;
    uint64_t first_record; /* 0: 1 */
    slg_lane_fill_fn fill; /* NULL: no records */
    void *arg;
};

/*
 * Make a lane, all of it or nothing: SPEC.md 14.1.  Synced whatever the level,
 * for a blob that has its name and not its bytes after a power failure could
 * neither be read nor made again.
 *
 *   head  where it stands then; may be NULL
 * Returns EXISTS
 */
seglog_code
slg_lane_make(struct seglog_session_store *sessions,
              const struct slg_lane_new *lane, struct seglog_head *head,
              struct seglog_error *err);

/* Items to be the first records: one record, or one group. */
struct slg_items {
    const struct seglog_item *items;
    size_t count;
};

/* A slg_lane_fill_fn with a struct slg_items. */
seglog_code
slg_items_fill(void *arg, struct seglog_writer *writer,
               struct seglog_error *err);

/*
 * Remove one lane under its lock, and that lock.  Between slg_index_begin and
 * slg_index_commit.  existed may be NULL.
 */
seglog_code
slg_lane_remove(struct seglog_session_store *sessions,
                const struct slg_lane_id *id, bool *existed,
                struct seglog_error *err);

/* All lanes of a segment, the same way.  The entries last: should this be
 * interrupted, the segment is still there, and can be deleted again. */
seglog_code
slg_lanes_remove(struct seglog_session_store *sessions,
                 const struct seglog_uuid *session,
                 const struct seglog_uuid *segment, struct seglog_error *err);

#endif /* SLG_SESSION_BIRTH_H */
