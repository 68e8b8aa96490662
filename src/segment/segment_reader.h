/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_reader.h - shared by the files of the reader:
 *
 *   segment_reader.c   open, next, wait
 *   segment_deliver.c  records out of frames, and out of a map
 *   segment_seek.c     standing near a record number
 */
#ifndef SLG_SEGMENT_READER_H
#define SLG_SEGMENT_READER_H

#include "src/segment/segment_map.h"

/* With wants_controls: a sync point, a closing mark, or another frame without
 * records but a recorded gap.  It is reader->step. */
#define SLG_EVENT_CONTROL ((enum seglog_event_type)0x100)

/* The frame whose records are being handed out. */
struct slg_delivery {
    struct slg_group group; /* the rest of a GROUP frame */
    const uint8_t *body;
    size_t body_len;
    unsigned kind;   /* of the frame */
    uint64_t offset; /* of the frame */
    uint64_t number; /* of the next record */
    uint64_t line;
    uint64_t left; /* records not yet handed out */
    bool is_confirmed;
};

/*
 * A reader walks in order until it meets damage.  Then it maps what follows
 * and hands out the pieces of the map and the findings between them; behind
 * the map it walks on.
 */
/* Of the end of a blob: the checksum of a frame, and more. */
#define SLG_TAIL_SEEN_BYTES 16u

struct seglog_reader {
    struct seglog_store store; /* of what it refers to */
    unsigned parent_depth;     /* 0: it is not read as a parent */
    unsigned *parent_jumps;    /* of struct slg_parent; NULL: likewise */
    struct seglog_blob blob;
    char *name;
    struct seglog_reader_options options;
    struct slg_walk walk;
    struct slg_step step; /* the last frame */
    uint64_t passed_end;  /* of the last frame that was valid; 0: none yet */
    uint8_t passed_checksum[SLG_CHECKSUM_BYTES];
    struct slg_delivery delivery;
    uint64_t skip_until; /* records below this number are passed silently */
    bool wants_controls; /* hand out SLG_EVENT_CONTROL as well */

    bool is_headless; /* shorter than a header when last looked at */
    bool is_mapped;
    struct slg_map map;
    size_t piece;   /* next to hand out */
    size_t finding; /* next to hand out */
    size_t lost;    /* the next finding of a loss at or behind it */
    bool is_in_piece;
    struct slg_walk_saved behind_map;
    struct slg_context_saved at_map; /* bodies before it, and behind it */
    struct slg_context_saved after_map;

    bool has_pending; /* a second finding about the same mark */
    struct seglog_finding pending;

    uint64_t settled_size; /* the tail up to here has been judged: do not
                             * read it again under a number that only
                             * records out of place have led to; 0: none */
    /* How what follows ended when it was last looked at, in a blob of that
     * size; 0: nothing followed. */
    uint64_t tail_size;
    uint8_t tail[SLG_TAIL_SEEN_BYTES];
    uint64_t torn_reported; /* size at which a torn tail was reported */
    bool is_end_told;       /* sealed: that the end is missing */
    seglog_code broken;     /* strict: the damage, for every later call */
    struct seglog_error broken_error;
};

/*
 * Remember how the bytes end that follow here.  The size alone would not tell
 * that they were cut and as many appended in their place.
 */
void
slg_reader_note_tail(struct seglog_reader *reader);

/* The blob has the same size and ends with others now. */
bool
slg_reader_is_tail_other(const struct seglog_reader *reader);

/* Start handing out the records of a valid frame. */
void
slg_delivery_start(struct slg_delivery *delivery, const struct slg_step *step,
                   bool is_confirmed);

/* The next record of the frame; false when there is none. */
bool
slg_delivery_next(struct slg_delivery *delivery, struct seglog_event *event);

/* A recorded gap as an event. */
void
slg_delivery_gap(const struct slg_step *step, struct seglog_event *event);

/* seglog_reader_seek, to a sync point if asked. */
seglog_code
slg_reader_seek(struct seglog_reader *reader, uint64_t record_no,
                bool is_sync_wanted, struct seglog_error *err);

/* Is what was handed out last where it belongs?  Else it was found elsewhere,
 * and filled a hole. */
bool
slg_reader_is_in_place(const struct seglog_reader *reader);

/* As seglog_reader_open, with wants_controls: from the first frame on, which
 * may be behind damage, and so read already. */
seglog_code
slg_reader_open_with_controls(struct seglog_store store, const char *name,
                              const struct seglog_reader_options *options,
                              struct seglog_reader **reader,
                              struct seglog_error *err);

/* Open a segment strictly, to be read as the parent of another. */
seglog_code
slg_reader_open_parent(struct seglog_store store, const char *name,
                       unsigned depth, unsigned *jumps,
                       struct seglog_reader **reader, struct seglog_error *err);

/* Hand out the next of the map: OK, or END when it is used up. */
seglog_code
slg_reader_next_mapped(struct seglog_reader *reader, struct seglog_event *event,
                       struct seglog_error *err);

#endif /* SLG_SEGMENT_READER_H */
