/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_walk.h - from frame to frame, and over what is damaged.
 *
 * Layer  segment.  This is the one place where frames are read: the scanner,
 *        the reader, the tail and repair all walk.
 *
 *   segment_walk.c     reading in order                     SPEC.md 8
 *   segment_header.c   the header, also a lost one          SPEC.md 8
 *   segment_resync.c   finding the way after damage         SPEC.md 9
 *   segment_gap.c      what a gap is made of                SPEC.md 10.2, 10.3
 *   segment_context.c  compressed bodies                    SPEC.md 7.5
 *   segment_block.c    blocks of a sealed segment           SPEC.md 15.1
 *   segment_reference.c  the dictionary                     SPEC.md 7.6
 */
#ifndef SLG_SEGMENT_WALK_H
#define SLG_SEGMENT_WALK_H

#include "format/search.h"
#include "src/segment/segment_block.h"
#include "src/segment/segment_context.h"
#include "src/segment/segment_parent.h"
#include "src/segment/segment_window.h"

/* The first frames of a gap that may be intact but out of place. */
#define SLG_TILES_MAX 64u
/* Unconfirmed candidates that one search remembers. */
#define SLG_LONE_MAX 256u

/* Where reading stands: everything that a position needs. */
struct slg_place_in_segment {
    uint64_t pos;
    uint64_t number; /* expected */
    uint64_t line;
    uint64_t epoch;
    uint32_t salt;
    bool is_after_sync; /* the frame that ends at pos is a sync point */
    bool is_after_close;
};

struct slg_walk {
    struct slg_window window;
    struct slg_header header;
    struct slg_frame_limits limits;
    bool has_identity; /* false: only the salt is known */
    bool is_header_lost;
    bool is_header_corrected;
    uint32_t start_salt; /* of the epoch that the segment starts with */
    bool with_digest;    /* compute and check stretch digests */
    struct slg_place_in_segment at;
    struct slg_context context;
    struct slg_block block; /* the last one read */
    /* What blocks refer to.  Whoever opens a walk that may meet such blocks
     * sets the store. */
    struct slg_parent parent;
    struct slg_dictionary *dictionary; /* NULL: none */

    /* The stretch since the last mark of a main run. */
    int64_t shift; /* bytes inserted so far */
    uint64_t digest;
    bool has_gap; /* something of the stretch may be missing */
    uint64_t sync_offset;
    /* Stored in the last frame that is not a closing mark; 0: none yet. */
    uint32_t checksum;

    uint64_t watermark;
    bool is_passed;         /* in a passed run (SPEC.md 9) */
    uint64_t passed_number; /* what is expected behind it */
    uint64_t passed_line;
    uint64_t passed_end;                 /* where the last one ended; 0: none */
    struct slg_place_in_segment stretch; /* behind the mark before it */
    uint64_t resumed_at; /* behind the last damage; 0: none yet */

    /* The frame at `pos` that did not hold. */
    bool bad_is_frame; /* well-formed */
    struct slg_frame bad_frame;
    uint32_t bad_mixed;

    struct slg_search *search; /* NULL before the first damage */
    uint8_t *long_bytes;       /* a frame larger than the window */
    size_t long_cap;
    uint64_t long_spent;    /* bytes wasted on false long frames */
    uint64_t wide_spent;    /* and behind wide candidates */
    uint64_t unsound_spent; /* and on bodies that were not sound */
    unsigned salt_tries;
};

/* A valid frame, just passed. */
struct slg_step {
    struct slg_frame frame;
    uint64_t offset;
    uint64_t number; /* of its first record, or of the next one */
    uint64_t line;
    uint64_t count;       /* numbers it stands for */
    const uint8_t *bytes; /* the whole frame; valid until the next call */
    /* Its body as it was before it was compressed; valid as bytes is. */
    const uint8_t *body;
    size_t body_len;
    /* Valid, and not decodable without a frame that is lost (SPEC.md 9):
     * there is no body. */
    bool is_dependent;
    bool is_mark;
    struct slg_mark mark;
    int64_t shift;         /* mark of a main run: bytes inserted before it */
    bool is_digest_wrong;  /* mark: the stretch before it does not add up */
    uint64_t stretch_from; /* mark: that stretch */
};

/* A frame found out of place, or alone. */
struct slg_stray {
    uint64_t offset;
    uint32_t implied;
    uint64_t number; /* lone frames: settled */
    uint64_t count;
    uint64_t len;
    bool is_compressed;
};

/* What a gap is, as far as it can be told on the spot. */
struct slg_gap_info {
    struct slg_place_in_segment before; /* pos: where it starts */
    uint64_t end;                       /* where reading resumes */
    uint64_t number;                    /* the number there */
    uint64_t mark_offset; /* what the sync point there says; 0: no sync point */
    bool is_passed_before; /* it ends a passed run */
    bool is_passed_after;  /* a passed run follows */
    bool is_tail;          /* nothing valid follows */
    bool is_passed_over;   /* torn, and a newer epoch follows */
    bool is_dependent;     /* valid frames that depend on a lost record */
    uint64_t depends_on;   /* ... on this one; 0: not known */
    bool is_header;
    bool is_unreadable;
    bool is_forged;
    bool is_foreign;
    bool is_stale;
    bool has_zero_block;
    bool has_ones_block;
    bool is_all_zero;
    bool is_all_ones;
    bool is_head_legal;
    bool is_frame_whole; /* a well-formed frame fills it exactly */
    bool is_companion;   /* ... one that goes with a sync point */
    bool is_tiled;
    bool has_unsound_tile;
    /* tail: its bytes, if they are few enough to be a mark; else none */
    uint8_t tail[SLG_CLOSING_MARK_BYTES + 16];
    size_t tail_len;
    bool is_control_torn; /* tail: starts like a control frame */
    struct slg_stray tiles[SLG_TILES_MAX];
    size_t tile_count;
    struct slg_stray lone[SLG_LONE_MAX];
    size_t lone_count;
};

/* Where a segment's dictionary (SPEC.md 7.6) comes from. */
struct slg_walk_source {
    const struct seglog_store *store;
    struct slg_dictionary *known; /* no need to read it again; may be NULL */
};

/*
 * Start at the header (segment_header.c).
 *   OK       standing at the first frame, or (is_header_lost) at offset 0
 *   END      shorter than a header and a beginning of one
 *   FORMAT   not a segment, or unknown version or feature
 *   CORRUPT  its dictionary is missing, or damaged; err is filled
 * source NULL: compressed bodies that need a dictionary are not to be read.
 * The walk must be reset whatever this returns.
 */
seglog_code
slg_walk_open(struct slg_walk *walk, struct seglog_blob blob, const char *name,
              bool is_tolerant, const struct slg_walk_source *source,
              struct seglog_error *err);
void
slg_walk_reset(struct slg_walk *walk);

/*
 * Read the frame here and move behind it.
 *   OK       step is filled
 *   END      exactly at the end
 *   CORRUPT  no valid frame here; err is not filled and nothing has moved
 */
seglog_code
slg_walk_step(struct slg_walk *walk, struct slg_step *step,
              struct seglog_error *err);

/*
 * What slg_walk_step does before it gives up, without trying: a segment whose
 * header is lost starts with a gap, whatever stands there (SPEC.md 8).
 */
seglog_code
slg_walk_refuse(struct slg_walk *walk, struct seglog_error *err);

/*
 * After CORRUPT, outside a passed run: find where reading resumes and move there, or to the end.
 * Fills info.  info is large: keep one.
 */
seglog_code
slg_walk_resync(struct slg_walk *walk, struct slg_gap_info *info,
                struct seglog_error *err);

/* What a walk may come back to. */
struct slg_walk_saved {
    struct slg_place_in_segment at;
    int64_t shift;
    uint64_t digest;
    bool has_gap;
    uint64_t sync_offset;
    uint64_t watermark;
    bool is_passed;
    uint64_t passed_number;
    uint64_t passed_line;
    struct slg_place_in_segment stretch;
};

struct slg_walk_saved
slg_walk_save(const struct slg_walk *walk);
void
slg_walk_restore(struct slg_walk *walk, const struct slg_walk_saved *saved);

/*
 * What with_digest would have come to since the last mark: the stretch is read
 * once more.  The walk stands where it stood, whatever this returns.
 */
seglog_code
slg_walk_learn_digest(struct slg_walk *walk, struct seglog_error *err);

/* The segment may have changed: read its size, trust nothing buffered. */
seglog_code
slg_walk_refresh(struct slg_walk *walk, struct seglog_error *err);

/* Stand where slg_walk_open has left the walk, and in the same epoch. */
void
slg_walk_stand_at_start(struct slg_walk *walk);
/* Find and read what the segment refers to (segment_reference.c). */
seglog_code
slg_walk_find_dictionary(struct slg_walk *walk,
                         const struct slg_walk_source *source,
                         struct seglog_error *err);
/* Refer to this one from now on. */
void
slg_walk_use_dictionary(struct slg_walk *walk,
                        struct slg_dictionary *dictionary);

/* Stand at a mark of this segment, with nothing known of what is before. */
void
slg_walk_stand_at(struct slg_walk *walk, const struct slg_mark *mark);

/*
 * Stand at the start, or nearer to record_no at a mark before it (at a sync
 * point, if asked).  The header is not lost.  O(log size) small reads
 * (segment_seek.c).
 */
seglog_code
slg_walk_seek(struct slg_walk *walk, uint64_t record_no, bool is_sync_wanted,
              struct seglog_error *err);

/* Behind a passed run: expect what was expected before it. */
void
slg_walk_leave_passed(struct slg_walk *walk);

/* -- shared by the files of the walk -------------------------------------- */

/* The mark is one that reading here may accept (SPEC.md 9, acceptable). */
bool
slg_walk_accepts(const struct slg_walk *walk, const struct slg_mark *mark);

/* The first mark at or behind `from` that is valid in itself and, if asked,
 * acceptable.  *offset is the segment's size when there is none. */
seglog_code
slg_walk_find_mark(struct slg_walk *walk, uint64_t from, bool is_acceptable,
                   uint64_t *offset, struct slg_mark *mark,
                   struct seglog_error *err);

/* What a whole scan may spend in vain on each of the above (SPEC.md 9). */
static inline uint64_t
slg_walk_budget(const struct slg_walk *walk)
{
    return 2 * walk->window.size + (UINT64_C(8) << 20);
}

/* slg_frame_is_sound for frames out of order, within that budget. */
bool
slg_walk_is_sound(struct slg_walk *walk, const uint8_t *bytes,
                  const struct slg_frame *frame);

/* Make sure that the search holds [from, from + ahead), cut at the end. */
seglog_code
slg_walk_load(struct slg_walk *walk, uint64_t from, uint64_t ahead,
              struct seglog_error *err);

/* Try three record frames from pos on another salt (SPEC.md 8, The salt). */
seglog_code
slg_walk_solve_salt(struct slg_walk *walk, uint64_t pos, uint64_t end,
                    bool *is_solved, uint32_t *salt, struct seglog_error *err);

/* Fill in what [before.pos, end) is made of (segment_gap.c). */
seglog_code
slg_walk_classify(struct slg_walk *walk, struct slg_gap_info *info,
                  struct seglog_error *err);

enum slg_tail_kind {
    SLG_TAIL_OTHER,
    SLG_TAIL_MARK_TORN,      /* the beginning of a sync point or closing mark */
    SLG_TAIL_CLOSING_DAMAGED /* a closing mark that was damaged */
};

/* SPEC.md 10.3, cases 4 and 5; number and line expected at the tail. */
enum slg_tail_kind
slg_tail_compare(const struct slg_walk *walk, const struct slg_gap_info *info,
                 uint64_t number, uint64_t line);

/* Advance number and line over the records of a valid frame. */
void
slg_step_count_lines(const struct slg_step *step, uint64_t *line);

#endif /* SLG_SEGMENT_WALK_H */
