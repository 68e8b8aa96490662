/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_tail.h - where a segment ends, found from its last mark.
 *
 * Layer  segment.  Reads only.
 */
#ifndef SLG_SEGMENT_TAIL_H
#define SLG_SEGMENT_TAIL_H

#include "format/control.h"
#include "seglog/segment.h"
#include "src/segment/segment_chain.h"
#include "src/segment/segment_walk.h"

/* All that is needed to append, as of the moment the segment was read. */
struct slg_tail {
    struct slg_header header;
    bool is_header_lost; /* it was found by other means */
    struct slg_frame_limits limits;
    uint64_t epoch; /* the last one */
    uint32_t salt;
    uint64_t size;   /* of the blob when it was read */
    uint64_t end;    /* behind the last valid frame; size if nothing follows */
    uint64_t number; /* of the next record */
    uint64_t line;   /* of the next record */
    uint64_t sync_offset; /* start of the last sync point; 0: none */
    uint64_t digest;      /* stretch digest up to end */
    uint32_t checksum;    /* as in struct seglog_head */
    uint64_t watermark;   /* highest number known to be durable; 0: none */
    bool is_after_sync;   /* the frame that ends at end is a sync point */
    bool is_closed;       /* ... or a closing mark, and end is size */
    /*
     * OK: end is size.  TORN: [end, size) may be cut.  Anything else: damage,
     * of which finding is the worst; end is where a tail that nothing valid
     * follows starts, or size.  It must not be cut: who appends all the same
     * does so at size, with a sync point of a new epoch first.
     */
    enum seglog_verdict verdict;
    struct seglog_finding finding;
    uint64_t walked_from; /* what stands before this number was not read */
    bool is_unsure; /* records are lost that may never have been durable */
    /* What the next body may refer to (SPEC.md 7.5), where the caller gives
     * room for it, and whether that is known. */
    struct slg_history *history;
    bool has_history;
    struct slg_dictionary *dictionary; /* in front of it; NULL: none */
    /* Chained: the head at end, if it is known. */
    struct slg_chain chain;
    bool lacks_head; /* ... and a sync point ends there without its head */
    bool lacks_anew; /* or a recorded gap does (SPEC.md 16.4) */
};

/*
 * Find the tail of an open blob.
 *
 *   name    for errors
 *   expect  a watermark from outside, or 0
 * Returns OK for every verdict.  A blob shorter than a header whose bytes are
 * a beginning of one (or that is empty) is TORN with end 0 and header zeroed.
 *   FORMAT  not a segment, or an unknown version or refused feature
 * A damaged header is recovered as SPEC.md 8 says; the verdict is then at
 * least CORRUPT.
 */
seglog_code
slg_tail_find(struct seglog_blob blob, const char *name, uint64_t expect,
              const struct slg_walk_source *source, struct slg_tail *tail,
              struct seglog_error *err);
/*
 * The same, with room for what the next body may refer to (tail->history), and
 * the dictionary in tail->dictionary, which the caller has to release.
 */
seglog_code
slg_tail_find_history(struct seglog_blob blob, const char *name,
                      uint64_t expect, const struct slg_walk_source *source,
                      struct slg_history *history, struct slg_tail *tail,
                      struct seglog_error *err);

/*
 * Read also what slg_tail_find has not read and no mark says to be durable: of
 * that a crash of the machine may have lost a part and kept what follows.
 * Does nothing where there is no such thing.  Same verdicts.  Cost: what was
 * not synced.
 */
seglog_code
slg_tail_check(struct seglog_blob blob, const char *name, uint64_t expect,
               const struct slg_walk_source *source, struct slg_tail *tail,
               struct seglog_error *err);

/*
 * Walk the frames that were appended behind tail->end since, up to the size
 * now, and bring tail up to date.  Same verdicts.  Cost: what was appended.
 */
seglog_code
slg_tail_advance(struct seglog_blob blob, const char *name,
                 struct slg_tail *tail, struct seglog_error *err);

#endif /* SLG_SEGMENT_TAIL_H */
