/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_map.h - SPEC.md 10: where records are, and what is lost.
 *
 * Layer  segment.  A map is made by walking over a segment (or the rest of
 *        one) and then judging what was met: holes are filled with records
 *        found out of place, and every damaged place becomes findings.
 *
 * A segment with very many damaged places is mapped in portions of at most
 * SLG_MAP_PLACES_MAX, so that memory stays bounded; a record found out of
 * place then counts only within its portion.
 */
#ifndef SLG_SEGMENT_MAP_H
#define SLG_SEGMENT_MAP_H

#include "src/segment/segment_walk.h"

#define SLG_MAP_PLACES_MAX 8192u
/* A run out of place with compressed bodies is read from its start for each
 * piece of it, so it fills no more holes than this (SPEC.md 10.1). */
#define SLG_MAP_COMPRESSED_PIECES_MAX 16u

/* Records one behind the other, as they stand in the segment. */
struct slg_span {
    /* Of the first; where several pieces are handed out, of the next. */
    struct slg_place_in_segment at;
    uint64_t start; /* of its bytes */
    uint64_t end;
    uint64_t next; /* number behind its last */
    bool is_main;
    bool is_confirmed;
    bool is_used; /* not main: some of it filled a hole */
    /* A frame out of place with a compressed body: it has no context there. */
    bool is_undecodable;
    bool has_compressed;               /* a run with compressed bodies */
    struct slg_place_in_segment begin; /* of its first frame, whatever at is */
    /* What its first body refers to, if that is known (SPEC.md 7.5): bodies up
     * to the one that ends here, or (0) none. */
    bool has_context;
    uint64_t context_end;
};

/* A part of a span, to be delivered. */
struct slg_piece {
    uint64_t first;
    uint64_t next;
    uint64_t line;
    size_t span;
};

struct slg_map_gap;
struct slg_map_stretch;
struct slg_map_hole;

struct slg_map {
    struct slg_span *spans;
    size_t span_count, span_cap;
    struct slg_map_gap *gaps;
    size_t gap_count, gap_cap;
    struct slg_map_stretch *stretches;
    size_t stretch_count, stretch_cap;
    struct slg_map_hole *holes;
    size_t hole_count, hole_cap;
    /* The results: pieces by record number, findings as in SPEC.md 10.5. */
    struct slg_piece *pieces;
    size_t piece_count, piece_cap;
    struct seglog_finding *findings;
    size_t finding_count, finding_cap;
    bool with_controls; /* pieces without records, but other frames, as well */
    bool is_complete;   /* reached the end of the segment */
    bool is_closed;
    uint64_t torn_bytes;
    uint64_t number; /* behind the last record, found out of place or not */
    uint64_t before_next;     /* numbers below it were read before the map */
    struct slg_step step;     /* working space */
    struct slg_gap_info info; /* working space */
};

/* Called for every valid frame of the walk, in the order of the segment. */
typedef void (*slg_map_step_fn)(void *arg, const struct slg_walk *walk,
                                const struct slg_step *step);

/*
 * Map the segment from where the walk stands: from its start, or from the
 * first damage on.  expect: a watermark from outside, or 0.  on_step may be
 * NULL.  map may hold an earlier portion; its memory is used again.
 */
seglog_code
slg_map_build(struct slg_map *map, struct slg_walk *walk, uint64_t expect,
              slg_map_step_fn on_step, void *arg, struct seglog_error *err);

void
slg_map_reset(struct slg_map *map);

#endif /* SLG_SEGMENT_MAP_H */
