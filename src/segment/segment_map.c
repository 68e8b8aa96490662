/* SPDX-License-Identifier: MIT */
/* src/segment/segment_map.c - SPEC.md 10.1: walking, and filling holes. */
#include "src/segment/segment_map.h"

#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_map_internal.h"
#include "src/store/fail.h"

void
slg_map_reset(struct slg_map *map)
{
    free(map->spans);
    free(map->gaps);
    free(map->stretches);
    free(map->holes);
    free(map->pieces);
    free(map->findings);
    memset(map, 0, sizeof *map);
}

void *
slg_map_grow(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    const size_t grown_cap = *cap > 0 ? 2 * *cap : 16;
    void *grown = realloc(items, grown_cap * size);
    if (grown)
        *cap = grown_cap;
    return grown;
}

seglog_code
slg_map_no_memory(const struct slg_walk *walk, struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name,
                                     .offset = walk->at.pos };

    return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                    "no memory to note the damage found so far");
}

static seglog_code
span_add(struct slg_map *map, const struct slg_walk *walk,
         const struct slg_span *span, struct seglog_error *err)
{
    struct slg_span *grown = slg_map_grow(map->spans, map->span_count,
                                          &map->span_cap, sizeof *map->spans);

    if (!grown)
        return slg_map_no_memory(walk, err);
    map->spans = grown;
    map->spans[map->span_count++] = *span;
    return SEGLOG_OK;
}

/* Open the span that starts where the walk stands. */
static seglog_code
span_open(struct slg_map *map, const struct slg_walk *walk,
          struct seglog_error *err)
{
    const struct slg_span span = {
        .at = walk->at,
        .begin = walk->at,
        .start = walk->at.pos,
        .end = walk->at.pos,
        .next = walk->at.number,
        .is_main = !walk->is_passed,
        .is_confirmed = true,
        .has_context = slg_context_is_at(&walk->context, walk->at.pos),
        .context_end = walk->context.last_end,
    };

    return span_add(map, walk, &span, err);
}

/* A frame found alone or out of place, as a span of its own. */
static seglog_code
stray_add(struct slg_map *map, const struct slg_walk *walk,
          const struct slg_stray *stray, uint64_t number, bool is_confirmed,
          struct seglog_error *err)
{
    struct slg_span span = {
        .at = map->info.before,
        .start = stray->offset,
        .end = stray->offset + stray->len,
        .next = number + stray->count,
        .is_confirmed = is_confirmed,
        .is_undecodable = stray->is_compressed,
    };

    span.at.pos = stray->offset;
    span.at.number = number;
    span.at.is_after_sync = false;
    span.at.is_after_close = false;
    return span_add(map, walk, &span, err);
}

/* The number in [first, first + 2^32) with these low 32 bits. */
static uint64_t
number_from_low(uint64_t first, uint32_t low)
{
    return first + (uint32_t)(low - (uint32_t)first);
}

static seglog_code
strays_add(struct slg_map *map, const struct slg_walk *walk,
           struct slg_map_gap *gap, struct seglog_error *err)
{
    const struct slg_gap_info *info = &map->info;
    seglog_code code = SEGLOG_OK;

    gap->first_lone = map->span_count;
    for (size_t i = 0; code == SEGLOG_OK && i < info->lone_count; i++)
        code = stray_add(map, walk, &info->lone[i], info->lone[i].number, false,
                         err);
    gap->first_tile = map->span_count;
    for (size_t i = 0;
         code == SEGLOG_OK && info->is_tiled && i < info->tile_count; i++) {
        const struct slg_stray *tile = &info->tiles[i];
        const uint64_t number =
            number_from_low(walk->header.first_record, tile->implied);

        /* SPEC.md 4: valid only if another number can follow. */
        if (number <= INT64_MAX && tile->count <= INT64_MAX - number)
            code = stray_add(map, walk, tile, number, true, err);
        else
            gap->flags |= SLG_GAP_UNSOUND_TILE;
    }
    gap->end_tile = map->span_count;
    return code;
}

static seglog_code
gap_add(struct slg_map *map, const struct slg_walk *walk,
        struct seglog_error *err)
{
    struct slg_map_gap *grown = slg_map_grow(map->gaps, map->gap_count,
                                             &map->gap_cap, sizeof *map->gaps);

    if (!grown)
        return slg_map_no_memory(walk, err);
    map->gaps = grown;
    struct slg_map_gap *gap = &map->gaps[map->gap_count++];
    *gap = slg_map_gap_from_info(&map->info);
    return strays_add(map, walk, gap, err);
}

/* A mark of a main run ends a stretch; most have nothing to say. */
static seglog_code
stretch_end(struct slg_map *map, const struct slg_walk *walk,
            const struct slg_step *step, struct seglog_error *err)
{
    const size_t done = map->stretch_count > 0
                            ? map->stretches[map->stretch_count - 1].gap_end
                            : 0;

    if (step->shift == 0 && !step->is_digest_wrong && done == map->gap_count)
        return SEGLOG_OK;
    struct slg_map_stretch *grown =
        slg_map_grow(map->stretches, map->stretch_count, &map->stretch_cap,
                     sizeof *map->stretches);
    if (!grown)
        return slg_map_no_memory(walk, err);
    map->stretches = grown;
    map->stretches[map->stretch_count++] = (struct slg_map_stretch){
        .gap_start = done,
        .gap_end = map->gap_count,
        .start = step->stretch_from,
        .offset = step->offset,
        .shift = step->shift,
        .is_digest_wrong = step->is_digest_wrong,
    };
    return SEGLOG_OK;
}

/*
 * A passed run has come to the number that was expected before it: from here
 * on it is the main run.  A group may have led it beyond: then a hole opens,
 * which the run itself fills.
 */
static seglog_code
passed_catch_up(struct slg_map *map, struct slg_walk *walk,
                struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (walk->at.number > walk->passed_number) {
        memset(&map->info, 0, offsetof(struct slg_gap_info, tiles));
        map->info.tile_count = map->info.lone_count = 0;
        map->info.before = walk->at;
        map->info.before.number = walk->passed_number;
        map->info.before.line = walk->passed_line;
        map->info.is_passed_before = true;
        map->info.end = walk->at.pos;
        map->info.number = walk->at.number;
        code = gap_add(map, walk, err);
    }
    walk->is_passed = false;
    walk->has_gap = true;
    /* Whoever reads the main run has not read this one before it. */
    slg_context_break(&walk->context, 0);
    return code == SEGLOG_OK ? span_open(map, walk, err) : code;
}

static bool
portion_is_full(const struct slg_map *map)
{
    return map->gap_count >= SLG_MAP_PLACES_MAX ||
           map->span_count >= 4u * SLG_MAP_PLACES_MAX ||
           map->stretch_count >= SLG_MAP_PLACES_MAX;
}

/*
 * A lost header says nothing about the first record; a segment that does not
 * start with 1 says so in a sync point behind its header (SPEC.md 3 and 8).
 * Only the gap that reading starts with can say it: it may lead to a frame at 0
 * that then does not hold, and behind the next gap records are missing.
 */
static void
header_settle_first(struct slg_map *map, struct slg_walk *walk)
{
    if (!map->info.is_header || map->gap_count > 0 || map->info.is_tail ||
        map->info.mark_offset != SLG_HEADER_BYTES)
        return;
    walk->header.first_record = map->info.number;
    map->info.before.number = map->info.number;
}

/* What a mark in the middle of a span means for the map. */
static seglog_code
mark_note(struct slg_map *map, const struct slg_walk *walk,
          struct seglog_error *err)
{
    return walk->is_passed ? SEGLOG_OK
                           : stretch_end(map, walk, &map->step, err);
}

/* Whether the last gap that has bytes has a block of zeros. */
static uint32_t
zeros_before(const struct slg_map *map)
{
    size_t i = map->gap_count;

    while (i > 0 && map->gaps[i - 1].start == map->gaps[i - 1].end)
        i--;
    return i > 0 ? map->gaps[i - 1].flags & SLG_GAP_ZERO_BLOCK : 0;
}

/*
 * In a passed run a dependent frame fills nothing, and what is missing is told
 * of where it should have been: its records are in no span.
 */
static seglog_code
dependent_skip(struct slg_map *map, const struct slg_walk *walk,
               struct seglog_error *err)
{
    const struct slg_step *step = &map->step;
    struct slg_span *span = &map->spans[map->span_count - 1];

    span->end = step->offset;
    span->next = step->number;
    /* The first part stays: it says where the run begins. */
    if (span->start == span->end &&
        map->span_count - 1 > map->gaps[map->gap_count - 1].passed)
        map->span_count--;
    return span_open(map, walk, err);
}

/*
 * A frame that depends on a lost record is a loss as well: a gap of its own,
 * or more of the one before it.
 */
static seglog_code
dependent_note(struct slg_map *map, const struct slg_walk *walk,
               struct seglog_error *err)
{
    const struct slg_step *step = &map->step;
    struct slg_span *span = &map->spans[map->span_count - 1];
    struct slg_map_gap *last =
        map->gap_count > 0 ? &map->gaps[map->gap_count - 1] : NULL;
    const uint32_t zeros = zeros_before(map);

    if (walk->is_passed)
        return dependent_skip(map, walk, err);
    if (last && (last->flags & SLG_GAP_DEPENDENT) != 0 &&
        last->end == step->offset) {
        last->end = walk->at.pos;
        last->resume = walk->at.number;
        map->span_count--;
        return span_open(map, walk, err);
    }
    span->end = step->offset;
    span->next = step->number;
    memset(&map->info, 0, offsetof(struct slg_gap_info, tiles));
    map->info.tile_count = map->info.lone_count = 0;
    map->info.before = walk->at;
    map->info.before.pos = step->offset;
    map->info.before.number = step->number;
    map->info.before.line = step->line;
    map->info.end = walk->at.pos;
    map->info.number = walk->at.number;
    map->info.is_dependent = true;
    map->info.depends_on = walk->context.broken_by;
    const seglog_code code = gap_add(map, walk, err);
    if (code != SEGLOG_OK)
        return code;
    /* It is as unordered as what it depends on. */
    map->gaps[map->gap_count - 1].flags |= zeros;
    return span_open(map, walk, err);
}

/*
 * Read frames in order until one does not hold (CORRUPT) or there are no more
 * (END), and close the span.  OK: a passed run has caught up, or there is no
 * more room in the map, which ends a passed run as if a frame did not hold.
 */
static seglog_code
span_walk(struct slg_map *map, struct slg_walk *walk, slg_map_step_fn on_step,
          void *arg, struct seglog_error *err)
{
    const bool was_passed = walk->is_passed;
    seglog_code code;

    while ((code = slg_walk_step(walk, &map->step, err)) == SEGLOG_OK) {
        if (map->step.is_mark)
            code = mark_note(map, walk, err);
        else if (map->step.is_dependent)
            code = dependent_note(map, walk, err);
        else if (slg_frame_is_compressed(&map->step.frame))
            map->spans[map->span_count - 1].has_compressed = true;
        if (on_step)
            on_step(arg, walk, &map->step);
        if (code != SEGLOG_OK ||
            (was_passed && walk->at.number >= walk->passed_number))
            break;
        if (map->step.is_dependent && portion_is_full(map)) {
            code = was_passed ? SEGLOG_CORRUPT : SEGLOG_OK;
            break;
        }
    }
    map->spans[map->span_count - 1].end = walk->at.pos;
    map->spans[map->span_count - 1].next = walk->at.number;
    return code;
}

/* The way over one gap. */
static seglog_code
gap_cross(struct slg_map *map, struct slg_walk *walk, struct seglog_error *err)
{
    seglog_code code = slg_walk_resync(walk, &map->info, err);

    if (code != SEGLOG_OK)
        return code;
    header_settle_first(map, walk);
    code = gap_add(map, walk, err);
    if (code != SEGLOG_OK)
        return code;
    map->is_complete = map->info.is_tail;
    if (map->info.is_tail)
        return SEGLOG_OK;
    if (map->info.is_passed_after)
        map->gaps[map->gap_count - 1].passed = map->span_count;
    return span_open(map, walk, err);
}

/* One span, and the way to the next. */
static seglog_code
map_advance(struct slg_map *map, struct slg_walk *walk, bool *is_done,
            slg_map_step_fn on_step, void *arg, struct seglog_error *err)
{
    const bool was_passed = walk->is_passed;
    const seglog_code code = span_walk(map, walk, on_step, arg, err);

    *is_done = code == SEGLOG_OK && !was_passed;
    if (code == SEGLOG_OK)
        return was_passed ? passed_catch_up(map, walk, err) : SEGLOG_OK;
    if (code != SEGLOG_END && code != SEGLOG_CORRUPT)
        return code;
    if (walk->is_passed) {
        slg_walk_leave_passed(walk);
        return span_open(map, walk, err);
    }
    map->is_complete = code == SEGLOG_END;
    *is_done = map->is_complete || portion_is_full(map);
    if (*is_done)
        return SEGLOG_OK;
    const seglog_code crossed = gap_cross(map, walk, err);
    *is_done = map->is_complete;
    return crossed;
}

seglog_code
slg_map_build(struct slg_map *map, struct slg_walk *walk, uint64_t expect,
              slg_map_step_fn on_step, void *arg, struct seglog_error *err)
{
    bool is_done = false;

    map->span_count = map->gap_count = map->stretch_count = 0;
    map->hole_count = map->piece_count = map->finding_count = 0;
    map->is_complete = map->is_closed = false;
    map->torn_bytes = 0;
    map->before_next = walk->at.number;
    memset(&map->info, 0, offsetof(struct slg_gap_info, tiles));
    seglog_code code = span_open(map, walk, err);
    if (code == SEGLOG_OK && walk->is_header_lost && walk->at.pos == 0) {
        code = slg_walk_refuse(walk, err);
        if (code == SEGLOG_CORRUPT)
            code = gap_cross(map, walk, err);
        is_done = map->is_complete;
    }
    while (code == SEGLOG_OK && !is_done)
        code = map_advance(map, walk, &is_done, on_step, arg, err);
    if (code == SEGLOG_OK)
        code = slg_map_judge(map, walk, expect, err);
    return code;
}
