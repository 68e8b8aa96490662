/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_store.h - the parts of a session store.
 *
 *   uuid.c              ids
 *   table*.c            rows with keys, on a segment
 *   index*.c            the session index: a table derived from the segments
 *   names.c             notes, workers and sources: a table of its own
 *   session_store.c     open, close, describe, lanes and their names
 *   session_list.c      listing, looking up, resolving
 *   session_names.c     notes, workers and sources
 *   session_dictionary.c  what new entries have in common with old ones
 *   session_birth.c     blobs come and go: creating and removing lanes
 *   session_writers.c   the segments that are open for appending
 *   session_append.c    append, append_many, append_trace
 *   session_roll.c      going on in another segment after damage
 *   session_read.c      count, read_all, readers
 *   session_segment.c   create, exists, info, writers
 *   session_cut.c       truncate, delete
 *   session_seal.c      sealing, and what others refer to
 *   session_fork.c      forks
 *   session_place.c     ensure_head_or_fork, restore
 *   session_notes.c     kind, time and turn of entries; seeking by them;
 *                       notes_block.c, notes_lane.c and notes_source.c
 *   entry.c, replay.c   what the JSON of an entry says
 *
 * Locks, in the order in which they may be taken: a writer's mutex, the
 * index's mutex and lock, the names' mutex and lock, the mutex of the list of
 * writers.  The lock of a blob is taken inside the index's: never the other way
 * round.
 *
 * Layer  session.
 */
#ifndef SLG_SESSION_STORE_H
#define SLG_SESSION_STORE_H

#include "seglog/session.h"
#include "src/session/index.h"
#include "src/session/names.h"

struct slg_writers;

struct seglog_session_store {
    struct seglog_store store;
    bool owns_store;
    struct seglog_session_store_options options; /* settled: no zeros */
    struct slg_index *index;
    struct slg_names *names;
    struct slg_writers *writers;
};

/* -- session_store.c ------------------------------------------------------ */

/*
 * The session of a segment: `session` itself where it is given, else what the
 * index knows.  found false: it knows none; out is then the segment's id.
 */
seglog_code
slg_session_of(struct seglog_session_store *sessions,
               const struct seglog_uuid *session,
               const struct seglog_uuid *segment, struct seglog_uuid *out,
               bool *found, struct seglog_error *err);

/* NOT_FOUND, naming the segment. */
seglog_code
slg_session_fail_missing(const struct seglog_uuid *segment,
                         struct seglog_error *err);

/* READ_ONLY where the store was opened so. */
seglog_code
slg_session_check_writable(const struct seglog_session_store *sessions,
                           struct seglog_error *err);

/* What new lanes of entries are made with; empty: none
 * (session_dictionary.c). */
seglog_code
slg_session_read_dictionary(const struct seglog_session_store *sessions,
                            char name[SEGLOG_DICTIONARY_NAME_BYTES],
                            struct seglog_error *err);

/* Milliseconds since 1970. */
int64_t
slg_now_ms(void);

#endif /* SLG_SESSION_STORE_H */
