/* SPDX-License-Identifier: MIT */
/* src/segment/segment_holes.c - SPEC.md 10.1: which record fills which hole. */
#include <stdlib.h>

#include "src/segment/segment_map_internal.h"

static seglog_code
hole_add(struct slg_map *map, const struct slg_walk *walk, uint64_t first,
         uint64_t next, struct seglog_error *err)
{
    struct slg_map_hole *grown = slg_map_grow(
        map->holes, map->hole_count, &map->hole_cap, sizeof *map->holes);

    if (!grown)
        return slg_map_no_memory(walk, err);
    map->holes = grown;
    map->holes[map->hole_count++] =
        (struct slg_map_hole){ .first = first, .next = next };
    return SEGLOG_OK;
}

static seglog_code
piece_add(struct slg_map *map, const struct slg_walk *walk, uint64_t first,
          uint64_t next, size_t span, struct seglog_error *err)
{
    struct slg_piece *grown = slg_map_grow(
        map->pieces, map->piece_count, &map->piece_cap, sizeof *map->pieces);

    if (!grown)
        return slg_map_no_memory(walk, err);
    map->pieces = grown;
    map->pieces[map->piece_count++] = (struct slg_piece){
        .first = first,
        .next = next,
        .line = map->spans[span].at.line,
        .span = span,
    };
    return SEGLOG_OK;
}

/* Holes: a gap that starts at number n, where reading resumed at m > n. */
static seglog_code
holes_find(struct slg_map *map, const struct slg_walk *walk,
           struct seglog_error *err)
{
    /* Behind a passed run, a gap expects what the gap before it expected: the
     * hole opened at the first of them. */
    size_t opened_at = 0;

    for (size_t i = 0; i < map->gap_count; i++) {
        struct slg_map_gap *gap = &map->gaps[i];

        gap->hole = SIZE_MAX;
        if ((gap->flags & SLG_GAP_AFTER_PASSED) == 0)
            opened_at = i;
        if ((gap->flags & SLG_GAP_TAIL) != 0 || gap->resume <= gap->number)
            continue;
        const seglog_code code =
            hole_add(map, walk, gap->number, gap->resume, err);
        if (code != SEGLOG_OK)
            return code;
        struct slg_map_hole *hole = &map->holes[map->hole_count - 1];
        hole->gap = opened_at;
        hole->line = map->gaps[opened_at].line;
        map->gaps[opened_at].hole = map->hole_count - 1;
    }
    return SEGLOG_OK;
}

/* In this order they fill holes (SPEC.md 10.1). */
enum stray_class {
    STRAY_LONE,
    STRAY_TILE,
    STRAY_PASSED,
    STRAY_CLASSES
};

/* A span out of place, to be sorted by its first number. */
struct stray_key {
    uint64_t first;
    size_t span; /* spans are in the order of the segment */
};

static int
stray_compare(const void *a, const void *b)
{
    const struct stray_key *x = a;
    const struct stray_key *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->span > y->span) - (x->span < y->span);
}

static enum stray_class
stray_class_of(const struct slg_map_gap *gap, size_t span)
{
    if (!gap || span < gap->first_lone)
        return STRAY_PASSED;
    return span < gap->first_tile ? STRAY_LONE : STRAY_TILE;
}

/* The spans of a class, sorted; keys has room for all spans. */
static size_t
strays_collect(const struct slg_map *map, enum stray_class class,
               struct stray_key *keys)
{
    size_t gap = 0;
    size_t count = 0;

    for (size_t i = 0; i < map->span_count; i++) {
        while (gap < map->gap_count && map->gaps[gap].end_tile <= i)
            gap++;
        if (!map->spans[i].is_main && !map->spans[i].is_undecodable &&
            stray_class_of(gap < map->gap_count ? &map->gaps[gap] : NULL, i) ==
                class)
            keys[count++] =
                (struct stray_key){ .first = map->spans[i].at.number,
                                    .span = i };
    }
    if (count > 1)
        qsort(keys, count, sizeof *keys, stray_compare);
    return count;
}

/* Where a sweep over the numbers has got to; it only goes up. */
struct sweep {
    uint64_t number;
    size_t hole;
    size_t piece; /* of those that filled holes before this class */
    size_t piece_end;
};

/*
 * The next numbers of [sweep->number, next) that are missing; false if there
 * are none.  Leaves them in *first and *until.
 */
static bool
sweep_find(const struct slg_map *map, struct sweep *sweep, uint64_t next,
           uint64_t *first, uint64_t *until)
{
    while (sweep->number < next) {
        while (sweep->hole < map->hole_count &&
               map->holes[sweep->hole].next <= sweep->number)
            sweep->hole++;
        if (sweep->hole == map->hole_count ||
            map->holes[sweep->hole].first >= next)
            return false;
        const struct slg_map_hole *hole = &map->holes[sweep->hole];
        if (sweep->number < hole->first)
            sweep->number = hole->first;
        while (sweep->piece < sweep->piece_end &&
               map->pieces[sweep->piece].next <= sweep->number)
            sweep->piece++;
        const struct slg_piece *piece =
            sweep->piece < sweep->piece_end ? &map->pieces[sweep->piece] : NULL;
        if (piece && piece->first <= sweep->number) {
            sweep->number = piece->next;
            continue;
        }
        *first = sweep->number;
        *until = next < hole->next ? next : hole->next;
        if (piece && piece->first < *until)
            *until = piece->first;
        sweep->number = *until;
        return true;
    }
    return false;
}

/* Fill what is missing from the spans of one class. */
static seglog_code
strays_put(struct slg_map *map, const struct slg_walk *walk, size_t from,
           const struct stray_key *keys, size_t count, struct seglog_error *err)
{
    struct sweep sweep = { .piece = from, .piece_end = map->piece_count };
    uint64_t first;
    uint64_t until;

    for (size_t i = 0; i < count; i++) {
        struct slg_span *span = &map->spans[keys[i].span];
        unsigned pieces = 0;

        if (sweep.number < keys[i].first)
            sweep.number = keys[i].first;
        while (sweep_find(map, &sweep, span->next, &first, &until)) {
            const seglog_code code =
                piece_add(map, walk, first, until, keys[i].span, err);
            if (code != SEGLOG_OK)
                return code;
            span->is_used = true;
            if (span->has_compressed &&
                ++pieces == SLG_MAP_COMPRESSED_PIECES_MAX)
                break;
        }
    }
    return SEGLOG_OK;
}

static int
piece_compare(const void *a, const void *b)
{
    const struct slg_piece *x = a;
    const struct slg_piece *y = b;

    if (x->first != y->first)
        return x->first > y->first ? 1 : -1;
    /* Those without records stand before what has their number. */
    if (x->next != y->next)
        return x->next > y->next ? 1 : -1;
    return (x->span > y->span) - (x->span < y->span);
}

/* Lines of records in holes: each lost one counts as one (SPEC.md 10.5). */
static void
pieces_index(struct slg_map *map, const struct slg_walk *walk)
{
    size_t hole = 0;

    for (size_t i = 0; i < map->piece_count; i++) {
        struct slg_piece *piece = &map->pieces[i];

        if (map->spans[piece->span].is_main)
            continue;
        if (piece->first >= walk->at.number) {
            piece->line = walk->at.line + (piece->first - walk->at.number);
            continue;
        }
        while (map->holes[hole].next <= piece->first)
            hole++;
        if (map->holes[hole].piece_count++ == 0)
            map->holes[hole].first_piece = i;
        piece->line =
            map->holes[hole].line + (piece->first - map->holes[hole].first);
    }
}

/*
 * Behind the last main run: tiles that go on where it ended, under the epoch
 * that it ended in.
 */
static seglog_code
end_extend(struct slg_map *map, const struct slg_walk *walk,
           const struct stray_key *tiles, size_t count,
           struct seglog_error *err)
{
    for (size_t i = 0; map->is_complete && i < count; i++) {
        struct slg_span *span = &map->spans[tiles[i].span];

        if (tiles[i].first != map->number || span->at.epoch != walk->at.epoch)
            continue;
        const seglog_code code = piece_add(map, walk, tiles[i].first,
                                           span->next, tiles[i].span, err);
        if (code != SEGLOG_OK)
            return code;
        span->is_used = true;
        map->number = span->next;
    }
    return SEGLOG_OK;
}

/* Everything found out of place, class by class. */
static seglog_code
strays_fill(struct slg_map *map, const struct slg_walk *walk,
            struct seglog_error *err)
{
    const size_t from = map->piece_count;
    /* One more: no memory at all may be told by NULL. */
    struct stray_key *keys = malloc((map->span_count + 1) * sizeof *keys);
    seglog_code code = keys ? SEGLOG_OK : slg_map_no_memory(walk, err);

    for (int class = STRAY_LONE; code == SEGLOG_OK && class < STRAY_CLASSES;
         class ++) {
        const size_t count =
            strays_collect(map, (enum stray_class) class, keys);

        code = strays_put(map, walk, from, keys, count, err);
        if (map->piece_count > from + 1)
            qsort(map->pieces + from, map->piece_count - from,
                  sizeof *map->pieces, piece_compare);
        if (code == SEGLOG_OK && class == STRAY_TILE)
            code = end_extend(map, walk, keys, count, err);
    }
    free(keys);
    return code;
}

seglog_code
slg_map_fill(struct slg_map *map, const struct slg_walk *walk,
             struct seglog_error *err)
{
    seglog_code code = holes_find(map, walk, err);

    for (size_t i = 0; code == SEGLOG_OK && i < map->span_count; i++) {
        const struct slg_span *span = &map->spans[i];

        if (span->is_main && (span->next > span->at.number ||
                              (map->with_controls && span->end > span->start)))
            code = piece_add(map, walk, span->at.number, span->next, i, err);
    }
    map->number = walk->at.number;
    if (code == SEGLOG_OK && map->gap_count > 0)
        code = strays_fill(map, walk, err);
    if (code == SEGLOG_OK && map->piece_count > 0)
        qsort(map->pieces, map->piece_count, sizeof *map->pieces,
              piece_compare);
    if (code == SEGLOG_OK)
        pieces_index(map, walk);
    return code;
}

bool
slg_map_has_record(const struct slg_map *map, uint64_t number)
{
    size_t low = 0;
    size_t high = map->piece_count;

    if (number < map->before_next)
        return true;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (map->pieces[middle].next <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < map->piece_count && map->pieces[low].first <= number;
}
