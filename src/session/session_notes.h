/* SPDX-License-Identifier: MIT */
/*
 * src/session/session_notes.h - kind, time and turn of entries, kept.
 *
 *   notes_block.c    what a record of the notes lane says: SPEC.md 14.3
 *   notes_source.c   the notes of any run of entries, from the lane as far as
 *                    it can be trusted, else from the entries
 *   notes_lane.c     keeping the lane up to date
 *   session_notes.c  listing and seeking
 *
 * Record K of the notes lane covers the entries number 256 (K-1) + 1 to 256 K,
 * counted from the first one, and only when all of them are there.  So a lane
 * is right up to some record and wrong behind it, never the other way round:
 * nobody adds to it without seeing that its last record is right.
 *
 * The lane is derived.  Whatever is wrong with it, the entries are read
 * instead, and appending goes on.
 *
 * Layer  session.
 */
#ifndef SLG_SESSION_NOTES_H
#define SLG_SESSION_NOTES_H

#include "src/session/notes_block.h"
#include "src/session/session_birth.h"

/* -- notes_source.c ------------------------------------------------------- */

struct slg_notes_source {
    struct seglog_session_store *sessions;
    struct slg_lane_id id; /* of the entries */
    uint64_t identity;     /* XXH3 of that of the segment */
    uint64_t first_record;
    uint64_t next_record;
    uint64_t epoch;
    uint64_t valid; /* records of the lane that are right */

    struct seglog_reader *entries;
    uint64_t entries_at;         /* record it would give next; 0: unknown */
    uint64_t gap_until;          /* records before it are lost */
    struct seglog_reader *probe; /* for a look at single entries */
    struct seglog_reader *lane;
    uint64_t lane_at;

    uint64_t turn_run; /* the turn before this run is turn */
    uint64_t turn;
};

/* NOT_FOUND.  Close it in any case. */
seglog_code
slg_notes_source_open(struct slg_notes_source *source,
                      struct seglog_session_store *sessions,
                      const struct slg_lane_id *id, struct seglog_error *err);

/* The same in two steps: where the entries stand, as a writer knows it, and how
 * much of the lane is right. */
void
slg_notes_source_begin(struct slg_notes_source *source,
                       struct seglog_session_store *sessions,
                       const struct slg_lane_id *id,
                       const struct seglog_writer_state *state);
seglog_code
slg_notes_source_use_lane(struct slg_notes_source *source,
                          struct seglog_error *err);
void
slg_notes_source_close(struct slg_notes_source *source);

/* The number of the run, from 1, in which a record stands. */
uint64_t
slg_notes_run_of(const struct slg_notes_source *source, uint64_t record_no);

/* Read the entries of a run; it is shorter at the end of the segment.  CORRUPT
 * at damage; the run then holds what was before it. */
seglog_code
slg_notes_source_parse(struct slg_notes_source *source, uint64_t run_no,
                       uint64_t turn_before, struct slg_notes_run *run,
                       struct seglog_error *err);

/* A record of the lane that belongs to the segment; false: not to be had. */
bool
slg_notes_source_block(struct slg_notes_source *source, uint64_t run_no,
                       struct slg_notes_run *run);
bool
slg_notes_source_head(struct slg_notes_source *source, uint64_t run_no,
                      struct slg_notes_head *head);

/* The notes of a run, from wherever they are to be had. */
seglog_code
slg_notes_source_get(struct slg_notes_source *source, uint64_t run_no,
                     struct slg_notes_run *run, struct seglog_error *err);

/* The number of the run to go on with behind this one. */
uint64_t
slg_notes_source_after(const struct slg_notes_source *source, uint64_t run_no);

/* What is noted of one entry. */
void
slg_notes_look(const void *data, size_t len, struct seglog_entry_note *note);

/* -- notes_lane.c --------------------------------------------------------- */

/* This append has completed a run. */
bool
slg_notes_are_due(const struct seglog_appended *done, size_t count);

/* Bring the lane up to date, or some way towards it.  With the mutex of the
 * entries' writer held, and no lock. */
void
slg_notes_extend(struct seglog_session_store *sessions,
                 struct slg_lane_writer *lane);

/* Hold the writer of the notes and cut them to those of so many entries.  When
 * it fails there is nothing to release. */
seglog_code
slg_notes_cut(struct seglog_writer *notes, uint64_t entry_count,
              struct seglog_error *err);

#endif /* SLG_SESSION_NOTES_H */
