/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_chain_writer.h - what a chained segment's user can ask of
 * its writer besides seglog/segment.h.
 *
 * All of it is for a writer that has the segment to itself, or holds it
 * (seglog_writer_hold).  Frames are buffered as by LEVEL_APPEND, and written by
 * the next flush in one write.
 *
 * Layer  segment.
 */
#ifndef SLG_SEGMENT_CHAIN_WRITER_H
#define SLG_SEGMENT_CHAIN_WRITER_H

#include "format/chain.h"
#include "seglog/segment.h"

/* Where a writer stands: behind what is in the segment, or behind that and all
 * that is buffered. */
struct slg_writer_place {
    uint64_t next_record;
    uint64_t end;
    uint64_t epoch;
    struct seglog_chain_hash hash; /* the head there */
    /* A sync point and the chain head are the last frames, or only a closing
     * mark is behind them. */
    bool is_checkpoint;
    bool is_closed; /* a closing mark is the last frame */
    bool is_cut;    /* behind it something was cut, or is damaged and passed */
    uint64_t last_checkpoint; /* offset of the last sync point; 0: none */
};

void
slg_writer_get_flushed(const struct seglog_writer *writer,
                       struct slg_writer_place *place);
/* As long as it is held nobody but this writer changes it. */
void
slg_writer_get_planned(const struct seglog_writer *writer,
                       struct slg_writer_place *place);

/*
 * Forget what is buffered, after a flush that failed: it is not in the segment
 * and will not come to be.
 */
void
slg_writer_discard(struct seglog_writer *writer);

/*
 * The next frame follows a sync point and the chain head, in the same write.
 * Nothing may be buffered (INVALID); nothing is done where it would anyway.
 */
seglog_code
slg_writer_want_checkpoint(struct seglog_writer *writer,
                           struct seglog_error *err);

/*
 * Flush; then, unless they are there, a sync point and the chain head.
 * is_closing: sync before, put a closing mark behind (unless it is there), and
 * sync.  Takes the lock unless it is held.
 */
seglog_code
slg_writer_make_checkpoint(struct seglog_writer *writer, bool is_closing,
                           struct seglog_error *err);

/*
 * Somebody has synced the blob by another handle when the segment had these
 * records and this end: later frames say so.
 */
void
slg_writer_note_synced(struct seglog_writer *writer,
                       const struct slg_writer_place *place);

/* Buffer a tombstone: before, hash and number are set. */
seglog_code
slg_writer_put_tombstone(struct seglog_writer *writer,
                         const struct slg_tombstone *tombstone,
                         struct seglog_error *err);

/*
 * Buffer a signature of the head that is planned, behind a chain head, which is
 * put unless it is the last frame.
 */
seglog_code
slg_writer_put_signature(struct seglog_writer *writer,
                         const struct slg_signature *signature,
                         struct seglog_error *err);

#endif /* SLG_SEGMENT_CHAIN_WRITER_H */
