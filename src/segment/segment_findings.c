/* SPDX-License-Identifier: MIT */
/* src/segment/segment_findings.c - SPEC.md 10.2 to 10.5: verdicts and causes. */
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_map_internal.h"

struct slg_map_gap
slg_map_gap_from_info(const struct slg_gap_info *info)
{
    const struct {
        bool is_set;
        uint32_t flag;
    } flags[] = {
        { info->is_tail, SLG_GAP_TAIL },
        { info->is_passed_over, SLG_GAP_PASSED_OVER },
        { info->is_header, SLG_GAP_HEADER },
        { info->is_unreadable, SLG_GAP_UNREADABLE },
        { info->is_forged, SLG_GAP_FORGED },
        { info->is_foreign, SLG_GAP_FOREIGN },
        { info->is_stale, SLG_GAP_STALE },
        { info->has_zero_block || info->is_all_zero, SLG_GAP_ZEROS },
        { info->has_ones_block || info->is_all_ones, SLG_GAP_ONES },
        { info->has_zero_block, SLG_GAP_ZERO_BLOCK },
        { info->is_head_legal, SLG_GAP_HEAD_LEGAL },
        { info->is_frame_whole, SLG_GAP_FRAME_WHOLE },
        { info->is_tiled, SLG_GAP_TILED },
        { info->has_unsound_tile, SLG_GAP_UNSOUND_TILE },

        { info->is_control_torn, SLG_GAP_CONTROL_TORN },
        { info->is_passed_before, SLG_GAP_AFTER_PASSED },
        { info->is_dependent, SLG_GAP_DEPENDENT },
        { info->is_companion, SLG_GAP_COMPANION },
    };
    struct slg_map_gap gap = {
        .start = info->before.pos,
        .end = info->end,
        .number = info->before.number,
        .line = info->before.line,
        .resume = info->number,
        .depends_on = info->depends_on,
        .hole = SIZE_MAX,
        .passed = SIZE_MAX,
    };

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].is_set)
            gap.flags |= flags[i].flag;
    }
    return gap;
}

/* What judging needs to know of the whole. */
struct judge {
    struct slg_map *map;
    const struct slg_walk *walk;
    uint64_t watermark; /* the larger of the segment's and the outside's */
    struct seglog_error *err;
};

static seglog_code
finding_add(const struct judge *judge, const struct seglog_finding *finding)
{
    struct slg_map *map = judge->map;
    struct seglog_finding *grown =
        slg_map_grow(map->findings, map->finding_count, &map->finding_cap,
                     sizeof *map->findings);

    if (!grown)
        return slg_map_no_memory(judge->walk, judge->err);
    map->findings = grown;
    map->findings[map->finding_count++] = *finding;
    return SEGLOG_OK;
}

/* 10.2, the causes of a gap that apply whether or not records are lost. */
static enum seglog_cause
gap_cause_plain(const struct slg_map_gap *gap)
{
    if ((gap->flags & SLG_GAP_UNREADABLE) != 0)
        return SEGLOG_CAUSE_IO;
    if ((gap->flags & SLG_GAP_FORGED) != 0)
        return SEGLOG_CAUSE_AUTH;
    if ((gap->flags & SLG_GAP_HEADER) != 0)
        return SEGLOG_CAUSE_HEADER;
    if ((gap->flags & SLG_GAP_FOREIGN) != 0)
        return SEGLOG_CAUSE_FOREIGN;
    if ((gap->flags & SLG_GAP_STALE) != 0)
        return SEGLOG_CAUSE_STALE;
    return SEGLOG_CAUSE_NONE;
}

static bool
gap_has_used_tile(const struct slg_map *map, const struct slg_map_gap *gap)
{
    for (size_t i = gap->first_tile; i < gap->end_tile; i++) {
        if (map->spans[i].is_used)
            return true;
    }
    return false;
}

/*
 * Every record in the gap has the number of one that is present elsewhere, or
 * that a recorded gap stands for: nothing is known of those but that they have
 * been told of, and a reader that came here by a seek knows not even which.
 */
static bool
gap_is_copy(const struct slg_map *map, const struct slg_map_gap *gap)
{
    if ((gap->flags & SLG_GAP_TILED) == 0 ||
        (gap->flags & SLG_GAP_UNSOUND_TILE) != 0 ||
        gap->first_tile == gap->end_tile)
        return false;
    for (size_t i = gap->first_tile; i < gap->end_tile; i++) {
        if (!slg_map_has_record(map, map->spans[i].at.number))
            return false;
    }
    return true;
}

static enum seglog_cause
gap_cause(const struct slg_map *map, const struct slg_map_gap *gap,
          bool is_lost)
{
    const uint64_t len = gap->end - gap->start;
    const enum seglog_cause plain = gap_cause_plain(gap);

    if ((gap->flags & SLG_GAP_DEPENDENT) != 0)
        return SEGLOG_CAUSE_DEPENDS_ON;
    if (plain != SEGLOG_CAUSE_NONE)
        return plain;
    if (!is_lost && (gap->flags & SLG_GAP_PASSED_OVER) != 0)
        return SEGLOG_CAUSE_PASSED_OVER;
    if (gap_has_used_tile(map, gap))
        return SEGLOG_CAUSE_ORDER;
    if (gap_is_copy(map, gap))
        return SEGLOG_CAUSE_COPY;
    if (len == 0)
        return SEGLOG_CAUSE_MISSING;
    if ((gap->flags & SLG_GAP_ZEROS) != 0)
        return SEGLOG_CAUSE_ZEROS;
    if ((gap->flags & SLG_GAP_ONES) != 0)
        return SEGLOG_CAUSE_ONES;
    if (!is_lost &&
        (len == SLG_SYNC_POINT_BYTES || len == SLG_CLOSING_MARK_BYTES ||
         (gap->flags & SLG_GAP_COMPANION) != 0))
        return SEGLOG_CAUSE_MARK;
    if (!is_lost)
        return SEGLOG_CAUSE_INSERTED;
    if ((gap->flags & SLG_GAP_FRAME_WHOLE) != 0)
        return SEGLOG_CAUSE_CHECKSUM;
    return (gap->flags & SLG_GAP_HEAD_LEGAL) != 0 ? SEGLOG_CAUSE_LENGTH
                                                  : SEGLOG_CAUSE_HEAD;
}

static enum seglog_verdict
gap_verdict(const struct judge *judge, const struct slg_map_gap *gap,
            bool is_lost, uint64_t first_lost)
{
    switch (gap_cause(judge->map, gap, is_lost)) {
    case SEGLOG_CAUSE_IO:
        return SEGLOG_VERDICT_IO;
    case SEGLOG_CAUSE_AUTH: /* the zeros are ours */
        return SEGLOG_VERDICT_CORRUPT;
    case SEGLOG_CAUSE_PASSED_OVER:
        return SEGLOG_VERDICT_TORN;
    default:
        break;
    }
    if ((gap->flags & (SLG_GAP_FOREIGN | SLG_GAP_STALE)) != 0)
        return SEGLOG_VERDICT_FOREIGN;
    if (is_lost && first_lost > judge->watermark &&
        (gap->flags & SLG_GAP_ZERO_BLOCK) != 0)
        return SEGLOG_VERDICT_UNORDERED;
    return SEGLOG_VERDICT_CORRUPT;
}

static enum seglog_durable
lost_durable(const struct judge *judge, enum seglog_verdict verdict,
             uint64_t first_lost)
{
    if (verdict == SEGLOG_VERDICT_TORN || verdict == SEGLOG_VERDICT_UNORDERED)
        return SEGLOG_DURABLE_NO;
    return first_lost != 0 && first_lost <= judge->watermark
               ? SEGLOG_DURABLE_YES
               : SEGLOG_DURABLE_UNKNOWN;
}

/* One lost range of a gap, or (first 0) that nothing is lost. */
static seglog_code
gap_report(const struct judge *judge, const struct slg_map_gap *gap,
           uint64_t first, uint64_t next)
{
    const bool is_lost = first != 0;
    struct seglog_finding finding = {
        .verdict = gap_verdict(judge, gap, is_lost, first),
        .cause = gap_cause(judge->map, gap, is_lost),
        .first_byte = gap->start,
        .byte_count = gap->end - gap->start,
        .depends_on = gap->depends_on,
    };

    finding.durable = lost_durable(judge, finding.verdict, first);
    if (is_lost) {
        finding.first_record = first;
        finding.last_record = next - 1;
        finding.line = gap->line + (first - gap->number);
        finding.lines = next - first;
    }
    return finding_add(judge, &finding);
}

/* A passed run: records out of order, or copies.  Its parts, between frames that
 * nobody can decode there, lie one behind the other. */
static seglog_code
passed_report(const struct judge *judge, size_t first)
{
    const struct slg_map *map = judge->map;
    struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_COPY,
        .first_byte = map->spans[first].at.pos,
    };

    for (size_t i = first; i < map->span_count && !map->spans[i].is_main; i++) {
        finding.byte_count = map->spans[i].end - finding.first_byte;
        if (map->spans[i].is_used)
            finding.cause = SEGLOG_CAUSE_ORDER;
    }
    return finding_add(judge, &finding);
}

/* The findings of a gap before which and behind which records follow. */
static seglog_code
gap_judge(const struct judge *judge, const struct slg_map_gap *gap)
{
    const struct slg_map *map = judge->map;
    /* Where all of a header is gone, that is what there is to tell. */
    const bool is_nothing =
        gap->start == gap->end && (gap->flags & SLG_GAP_HEADER) == 0;

    if (gap->hole == SIZE_MAX)
        return is_nothing ? SEGLOG_OK : gap_report(judge, gap, 0, 0);

    const struct slg_map_hole *hole = &map->holes[gap->hole];
    uint64_t first = hole->first;
    seglog_code code = SEGLOG_OK;
    bool is_lost = false;
    for (size_t i = 0; code == SEGLOG_OK && i <= hole->piece_count; i++) {
        const struct slg_piece *piece =
            i < hole->piece_count ? &map->pieces[hole->first_piece + i] : NULL;
        const uint64_t next = piece ? piece->first : hole->next;

        if (next > first) {
            is_lost = true;
            code = gap_report(judge, gap, first, next);
        }
        if (piece)
            first = piece->next;
    }
    if (code == SEGLOG_OK && !is_lost && !is_nothing)
        code = gap_report(judge, gap, 0, 0);
    return code;
}

static seglog_code
gap_and_passed_judge(const struct judge *judge, const struct slg_map_gap *gap)
{
    const seglog_code code = gap_judge(judge, gap);

    return code == SEGLOG_OK && gap->passed != SIZE_MAX
               ? passed_report(judge, gap->passed)
               : code;
}

/* Records up to the watermark that nothing is left of. */
static seglog_code
cut_report(const struct judge *judge, uint64_t number, uint64_t line,
           uint64_t start)
{
    const struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CUT,
        .durable = SEGLOG_DURABLE_YES,
        .first_record = number,
        .last_record = judge->watermark,
        .line = line,
        .lines = judge->watermark - number + 1,
        .first_byte = start,
        .byte_count = judge->walk->window.size - start,
    };

    return finding_add(judge, &finding);
}

/* Frames that belong elsewhere stand at the end: nothing is torn. */
static seglog_code
tail_report_order(const struct judge *judge, const struct slg_map_gap *gap)
{
    const struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_ORDER,
        .first_byte = gap->start,
        .byte_count = gap->end - gap->start,
    };
    const uint64_t number = judge->map->number;
    const seglog_code code = finding_add(judge, &finding);

    return code == SEGLOG_OK && judge->watermark >= number
               ? cut_report(judge, number, gap->line + (number - gap->number),
                            gap->end)
               : code;
}

/* 10.3 */
static seglog_code
tail_judge(const struct judge *judge, const struct slg_map_gap *gap)
{
    const enum seglog_cause plain = gap_cause_plain(gap);
    const uint64_t number = judge->map->number;
    const uint64_t line = gap->line + (number - gap->number);
    const enum slg_tail_kind kind =
        slg_tail_compare(judge->walk, &judge->map->info, number, line);
    struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_TORN,
        .cause = SEGLOG_CAUSE_TORN,
        .durable = SEGLOG_DURABLE_NO,
        .first_byte = gap->start,
        .byte_count = gap->end - gap->start,
    };

    if (gap_has_used_tile(judge->map, gap))
        return tail_report_order(judge, gap);
    if (plain == SEGLOG_CAUSE_IO || plain == SEGLOG_CAUSE_FOREIGN ||
        plain == SEGLOG_CAUSE_STALE) {
        finding.verdict = plain == SEGLOG_CAUSE_IO ? SEGLOG_VERDICT_IO
                                                   : SEGLOG_VERDICT_FOREIGN;
        finding.cause = plain;
        finding.durable = SEGLOG_DURABLE_UNKNOWN;
    } else if (judge->watermark >= number) {
        return cut_report(judge, number, line, gap->start);
    } else if (plain == SEGLOG_CAUSE_AUTH) {
        /* No crash leaves that; nobody knows how many records it held. */
        finding.verdict = SEGLOG_VERDICT_CORRUPT;
        finding.cause = plain;
        finding.durable = SEGLOG_DURABLE_UNKNOWN;
    } else if (kind == SLG_TAIL_MARK_TORN) {
        judge->map->torn_bytes = finding.byte_count;
    } else if (kind == SLG_TAIL_CLOSING_DAMAGED) {
        finding.verdict = SEGLOG_VERDICT_CORRUPT;
        finding.cause = SEGLOG_CAUSE_CLOSING_MARK;
        finding.durable = SEGLOG_DURABLE_UNKNOWN;
        finding.has_shift = true;
        finding.shift = (int64_t)finding.byte_count - SLG_CLOSING_MARK_BYTES;
    } else {
        judge->map->torn_bytes = finding.byte_count;
        if ((gap->flags & SLG_GAP_CONTROL_TORN) == 0) {
            finding.first_record = number;
            finding.line = line;
        }
    }
    return finding_add(judge, &finding);
}

/* 10.4, for the findings [from, finding_count) of one stretch. */
static seglog_code
stretch_judge(const struct judge *judge, const struct slg_map_stretch *stretch,
              size_t from)
{
    struct slg_map *map = judge->map;
    seglog_code code = SEGLOG_OK;
    struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_SHIFT,
        .first_byte = stretch->offset,
        .has_shift = true,
        .shift = stretch->shift,
    };

    struct seglog_finding *last = NULL;

    /* Whoever only depends on another record has moved nothing. */
    for (size_t i = from; i < map->finding_count; i++) {
        map->findings[i].has_shift = true;
        map->findings[i].shift = 0;
        if (map->findings[i].cause != SEGLOG_CAUSE_DEPENDS_ON)
            last = &map->findings[i];
    }
    if (last)
        last->shift = stretch->shift;
    else if (stretch->shift != 0)
        code = finding_add(judge, &finding);
    if (code == SEGLOG_OK && stretch->is_digest_wrong) {
        finding.cause = SEGLOG_CAUSE_DIGEST;
        finding.first_byte = stretch->start;
        finding.byte_count = stretch->offset - stretch->start;
        finding.shift = 0;
        code = finding_add(judge, &finding);
    }
    return code;
}

static seglog_code
header_report(const struct judge *judge)
{
    const struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_HEADER,
        .byte_count = SLG_HEADER_BYTES,
        .has_shift = true,
    };

    return finding_add(judge, &finding);
}

static int
finding_compare(const void *a, const void *b)
{
    const struct seglog_finding *x = a;
    const struct seglog_finding *y = b;

    if (x->first_byte != y->first_byte)
        return x->first_byte < y->first_byte ? -1 : 1;
    return (x->first_record > y->first_record) -
           (x->first_record < y->first_record);
}

static seglog_code
gaps_judge(const struct judge *judge)
{
    const struct slg_map *map = judge->map;
    seglog_code code = SEGLOG_OK;
    size_t gap = 0;

    for (size_t i = 0; code == SEGLOG_OK && i < map->stretch_count; i++) {
        const size_t from = map->finding_count;

        for (; code == SEGLOG_OK && gap < map->stretches[i].gap_end; gap++)
            code = gap_and_passed_judge(judge, &map->gaps[gap]);
        if (code == SEGLOG_OK)
            code = stretch_judge(judge, &map->stretches[i], from);
    }
    for (; code == SEGLOG_OK && gap < map->gap_count; gap++)
        code = (map->gaps[gap].flags & SLG_GAP_TAIL) != 0
                   ? tail_judge(judge, &map->gaps[gap])
                   : gap_and_passed_judge(judge, &map->gaps[gap]);
    return code;
}

/*
 * A sealed segment was whole before it got its name: it has no torn tail, and
 * does not end without its closing mark (SPEC.md 15.5).
 */
static seglog_code
sealed_judge(const struct judge *judge, bool has_tail)
{
    struct slg_map *map = judge->map;
    const struct seglog_finding cut = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CUT,
        .first_byte = judge->walk->window.size,
    };

    for (size_t i = 0; i < map->finding_count; i++) {
        struct seglog_finding *finding = &map->findings[i];

        if (finding->verdict != SEGLOG_VERDICT_TORN)
            continue;
        finding->verdict = SEGLOG_VERDICT_CORRUPT;
        finding->durable = SEGLOG_DURABLE_UNKNOWN;
        finding->first_record = finding->line = 0;
    }
    map->torn_bytes = 0;
    return !map->is_complete || map->is_closed || has_tail
               ? SEGLOG_OK
               : finding_add(judge, &cut);
}

seglog_code
slg_map_judge(struct slg_map *map, const struct slg_walk *walk, uint64_t expect,
              struct seglog_error *err)
{
    const struct judge judge = {
        .map = map,
        .walk = walk,
        .watermark = expect > walk->watermark ? expect : walk->watermark,
        .err = err,
    };
    const bool has_tail =
        map->gap_count > 0 &&
        (map->gaps[map->gap_count - 1].flags & SLG_GAP_TAIL) != 0;

    map->is_closed = map->is_complete && !has_tail && walk->at.is_after_close;
    seglog_code code = slg_map_fill(map, walk, err);
    if (code == SEGLOG_OK && walk->is_header_corrected &&
        map->spans[0].at.pos == SLG_HEADER_BYTES)
        code = header_report(&judge);
    if (code == SEGLOG_OK)
        code = gaps_judge(&judge);
    if (code == SEGLOG_OK && map->is_complete && !has_tail &&
        judge.watermark >= map->number)
        code = cut_report(&judge, map->number,
                          walk->at.line + (map->number - walk->at.number),
                          walk->window.size);
    else if (code == SEGLOG_OK && walk->limits.is_sealed)
        code = sealed_judge(&judge, has_tail);
    if (code == SEGLOG_OK && map->finding_count > 1)
        qsort(map->findings, map->finding_count, sizeof *map->findings,
              finding_compare);
    return code;
}
