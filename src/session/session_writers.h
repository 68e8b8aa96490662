/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_writers.h - the segments that are open for appending.
 *
 * A shared writer for each lane that was appended to lately.  It has a mutex of
 * its own, so that threads which append to different segments do not wait for
 * each other; the list of them has another one, held for a look only.
 *
 * Threads  any
 * Layer    session
 */
#ifndef SLG_SESSION_WRITERS_H
#define SLG_SESSION_WRITERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "src/memory/pool.h"
#include "src/session/session_store.h"

/* One blob of a session store. */
struct slg_lane_id {
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane;
};

/* How a handle has left the lane of notes of a segment. */
struct slg_notes_left {
    bool is_known;
    uint64_t epoch;          /* of the segment */
    uint64_t turn;           /* at the end of the notes */
    struct seglog_head head; /* of the lane */
};

struct slg_lane_writer {
    struct slg_pooled pooled; /* the key is of the id of the segment */
    struct slg_lane_id id;
    struct seglog_writer *writer;
    struct slg_notes_left notes; /* of the entries lane */
    uint64_t appends;            /* by this handle */

    pthread_mutex_t mutex;      /* of all above */
    pthread_mutex_t sync_mutex; /* of the next three */
    pthread_cond_t sync_end;    /* a sync is over */
    bool is_syncing;            /* somebody syncs for all who wait */
    uint64_t synced;            /* so many of the appends are synced */
    atomic_uint arrived;        /* threads that have asked for the mutex */
    atomic_uint served;         /* of them, those that have got it */
};

/* open_max: how many stay open while nobody uses them. */
seglog_code
slg_writers_new(unsigned open_max, struct slg_writers **writers,
                struct seglog_error *err);

/* Close them all.  Accepts NULL. */
seglog_code
slg_writers_free(struct slg_writers *writers, struct seglog_error *err);

/*
 * The writer of a lane, with its mutex held.  NOT_FOUND: there is no such lane.
 * SEALED: it is sealed, and not just replaced since it was opened.
 */
seglog_code
slg_writers_take(struct seglog_session_store *sessions,
                 const struct slg_lane_id *id, struct slg_lane_writer **taken,
                 struct seglog_error *err);

/*
 * Give it back, with its mutex held.  is_sound false: it was replaced, or has
 * failed; whoever takes it next gets another one.
 */
void
slg_writers_give(struct slg_writers *writers, struct slg_lane_writer *taken,
                 bool is_sound);

/* Release its mutex; it stays in use until it is put back. */
void
slg_writers_unlock(struct slg_lane_writer *taken);

/* As give, of one that was unlocked. */
void
slg_writers_put(struct slg_writers *writers, struct slg_lane_writer *taken,
                bool is_sound);

/*
 * Sync the first `appends` appends.  Without the mutex, so that others can
 * append meanwhile; whoever comes next then syncs for all of them.
 */
seglog_code
slg_writers_sync(struct slg_lane_writer *taken, uint64_t appends,
                 struct seglog_error *err);

/* The lanes of a segment were removed: close what is open of them. */
void
slg_writers_forget(struct slg_writers *writers,
                   const struct seglog_uuid *session,
                   const struct seglog_uuid *segment);

/* The session of a segment whose entries are open, without asking the index. */
bool
slg_writers_session_of(struct slg_writers *writers,
                       const struct seglog_uuid *segment,
                       struct seglog_uuid *session);

/*
 * Which lane is meant: its session is the one given, else the one that has the
 * segment, else the id of the segment.  INVALID for what is NULL.
 */
seglog_code
slg_lane_find(struct seglog_session_store *sessions,
              const struct seglog_uuid *session,
              const struct seglog_uuid *segment, enum seglog_lane lane,
              struct slg_lane_id *id, struct seglog_error *err);

/*
 * The same for appending: a segment that is open is taken to be where it was
 * when it was opened.  Should it be missing there, slg_lane_find knows better.
 */
seglog_code
slg_lane_guess(struct seglog_session_store *sessions,
               const struct seglog_uuid *session,
               const struct seglog_uuid *segment, enum seglog_lane lane,
               struct slg_lane_id *id, struct seglog_error *err);

char *
slg_lane_id_name(const struct slg_lane_id *id, char name[SEGLOG_LANE_NAME_CAP]);

#endif /* SLG_SESSION_WRITERS_H */
