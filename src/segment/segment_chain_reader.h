/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_chain_reader.h - a chained segment, read with its chain.
 *
 * As seglog_reader, with the frames of the chain as events between the records,
 * and the head computed at each.
 *
 * Layer    segment.
 * Threads  as of seglog_reader.
 */
#ifndef SLG_SEGMENT_CHAIN_READER_H
#define SLG_SEGMENT_CHAIN_READER_H

#include "format/chain.h"
#include "seglog/segment.h"

enum slg_chain_event_type {
    SLG_CHAIN_EVENT_RECORD = 1,
    /* Records are lost, or (finding.is_recorded) were lost or dropped. */
    SLG_CHAIN_EVENT_GAP = 2,
    SLG_CHAIN_EVENT_HEAD = 3,
    SLG_CHAIN_EVENT_TOMBSTONE = 4,
    SLG_CHAIN_EVENT_SIGNATURE = 5,
    SLG_CHAIN_EVENT_PREDECESSOR = 6,
    SLG_CHAIN_EVENT_CLOSED = 7 /* a closing mark */
};

struct slg_chain_event {
    enum slg_chain_event_type type;
    uint64_t number; /* of the record; else of the next one; of a gap that
                      * has cost none 0 */
    uint64_t offset; /* of the frame */
    /* The head behind this event, and whether it is known: it was computed
     * from a chain head on.  Behind HEAD: the one that stands there. */
    bool is_known;
    struct seglog_chain_hash hash;
    /* The one before it. */
    bool is_before_known;
    struct seglog_chain_hash before;

    struct seglog_record record;   /* RECORD */
    struct seglog_finding finding; /* GAP */
    /* HEAD */
    struct slg_chain_head head;
    bool is_checkpoint;  /* directly behind a sync point */
    bool is_broken;      /* known, and another one than stands here */
    uint64_t known_from; /* number behind the head before it */
    struct slg_tombstone tombstone;
    struct slg_signature signature;
    struct seglog_predecessor predecessor;
};

/*
 * Damage that has cost no record, but perhaps a tombstone: whoever appends does
 * not know the head behind it (SPEC.md 6.7).  Not so in front of a new epoch.
 *
 *   is_behind_records  of the same segment
 */
bool
slg_chain_event_may_hide_tombstone(const struct slg_chain_event *event,
                                   bool is_behind_records);

struct slg_chain_reader;

struct slg_chain_reader_options {
    bool salvage;
    uint64_t expect; /* as in seglog_reader_options */
};

/*
 * Returns as seglog_reader_open; INVALID for a segment that is not chained;
 * FORMAT for a chain that this build cannot compute.
 */
seglog_code
slg_chain_reader_open(struct seglog_store store, const char *name,
                      const struct slg_chain_reader_options *options,
                      struct slg_chain_reader **reader,
                      struct seglog_error *err);
void
slg_chain_reader_close(struct slg_chain_reader *reader);

/*
 * Stand at the checkpoint at or before record_no, or at the start: the next
 * event is what stands there (a HEAD, but for damage).  A reader that has met
 * damage can be used again.  In a sealed segment: at the block that has it.
 */
seglog_code
slg_chain_reader_seek(struct slg_chain_reader *reader, uint64_t record_no,
                      struct seglog_error *err);

/*
 * The next event: as seglog_reader_next, END at the end (for now), CORRUPT at
 * damage in a strict reader, which stays there until seek or skip.
 * Lifetime  as there
 */
seglog_code
slg_chain_reader_next(struct slg_chain_reader *reader,
                      struct slg_chain_event *event, struct seglog_error *err);

/*
 * After CORRUPT of a strict reader: stand at the first sync point behind the
 * damage.  END: there is none, and the reader is where it was.
 */
seglog_code
slg_chain_reader_skip(struct slg_chain_reader *reader,
                      struct seglog_error *err);

/* After END: as seglog_reader_wait. */
seglog_code
slg_chain_reader_wait(struct slg_chain_reader *reader, int timeout_ms,
                      struct seglog_error *err);

struct slg_chain_reader_state {
    enum seglog_chain chain; /* 0 before the first head was met */
    uint64_t offset;         /* of the next frame */
    uint64_t size;           /* of the blob when last looked at */
    uint64_t next_record;
    uint64_t first_record;
    uint8_t identity[SEGLOG_IDENTITY_BYTES];
    uint64_t epoch; /* here */
    bool is_sealed;
    uint64_t bytes_read; /* from the blob so far */
};

void
slg_chain_reader_get_state(const struct slg_chain_reader *reader,
                           struct slg_chain_reader_state *state);

/* Another segment has its name now, or none has; true as well where that
 * cannot be asked. */
bool
slg_chain_reader_is_replaced(const struct slg_chain_reader *reader);

#endif /* SLG_SEGMENT_CHAIN_READER_H */
