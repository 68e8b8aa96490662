/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_map_internal.h - shared by the files of the map:
 *
 *   segment_map.c       walking, noting spans, gaps and stretches
 *   segment_holes.c     which record fills which hole        SPEC.md 10.1
 *   segment_findings.c  verdicts and causes                  SPEC.md 10.2 - 10.5
 */
#ifndef SLG_SEGMENT_MAP_INTERNAL_H
#define SLG_SEGMENT_MAP_INTERNAL_H

#include "src/segment/segment_map.h"

/* What is kept of a slg_gap_info. */
struct slg_map_gap {
    uint64_t start;
    uint64_t end;
    uint64_t number; /* expected where it starts */
    uint64_t line;
    uint64_t resume;   /* number where reading resumes */
    size_t first_lone; /* spans: [first_lone, first_tile) */
    size_t first_tile; /* spans: [first_tile, end_tile) */
    size_t end_tile;
    size_t hole;   /* index, or SIZE_MAX */
    size_t passed; /* span of the passed run behind it, or SIZE_MAX */
    bool is_tile_used;
    uint64_t depends_on; /* SLG_GAP_DEPENDENT; 0: not known */
    uint32_t flags;      /* SLG_GAP_* */
};

#define SLG_GAP_TAIL         0x0001u
#define SLG_GAP_PASSED_OVER  0x0002u
#define SLG_GAP_HEADER       0x0004u
#define SLG_GAP_UNREADABLE   0x0008u
#define SLG_GAP_FOREIGN      0x0010u
#define SLG_GAP_STALE        0x0020u
#define SLG_GAP_ZEROS        0x0040u /* a block, or all of it */
#define SLG_GAP_ONES         0x0080u
#define SLG_GAP_ZERO_BLOCK   0x0100u
#define SLG_GAP_HEAD_LEGAL   0x0200u
#define SLG_GAP_FRAME_WHOLE  0x0400u
#define SLG_GAP_TILED        0x0800u
#define SLG_GAP_UNSOUND_TILE 0x1000u

#define SLG_GAP_CONTROL_TORN 0x2000u
#define SLG_GAP_AFTER_PASSED 0x4000u
#define SLG_GAP_DEPENDENT    0x8000u
#define SLG_GAP_FORGED       0x10000u
#define SLG_GAP_COMPANION    0x20000u

/* The gaps of a stretch, and what the mark behind it said. */
struct slg_map_stretch {
    size_t gap_start;
    size_t gap_end;
    uint64_t start; /* behind the mark before */
    uint64_t offset;
    int64_t shift;
    bool is_digest_wrong;
};

/* Numbers missing between two main spans. */
struct slg_map_hole {
    uint64_t first;
    uint64_t next;
    size_t gap;         /* the gap that it opens at */
    size_t first_piece; /* after slg_map_fill: pieces in it, by number */
    size_t piece_count;
    uint64_t line;
};

/* realloc for one more item; NULL when there is no memory. */
void *
slg_map_grow(void *items, size_t count, size_t *cap, size_t size);
seglog_code
slg_map_no_memory(const struct slg_walk *walk, struct seglog_error *err);

struct slg_map_gap
slg_map_gap_from_info(const struct slg_gap_info *info);

/* segment_holes.c: fill holes; leaves all pieces sorted by number. */
seglog_code
slg_map_fill(struct slg_map *map, const struct slg_walk *walk,
             struct seglog_error *err);

/* Is the record in one of the pieces? */
bool
slg_map_has_record(const struct slg_map *map, uint64_t number);

/* segment_findings.c: fill holes and judge. */
seglog_code
slg_map_judge(struct slg_map *map, const struct slg_walk *walk, uint64_t expect,
              struct seglog_error *err);

#endif /* SLG_SEGMENT_MAP_INTERNAL_H */
