/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_predict.c - SPEC.md 10: what must be said of the image. */
#include "tools/cmd_damage_model.h"

#include <stdlib.h>

#define TILES_MAX     64u
#define BLOCK         512u
#define CLOSING_BYTES 70

/* A run of missing numbers, [first, end), of one gap's hole. */
struct missing {
    size_t gap;
    uint64_t first;
    uint64_t end;
};

struct tile {
    size_t gap; /* MODEL_NONE: the tail */
    size_t survivor;
};

struct outcome {
    struct model model;
    struct tile *tiles;
    size_t tile_count;
    size_t tile_cap;
    bool is_tail_used;
    struct missing *missing;
    size_t missing_count;
    size_t missing_cap;
    uint64_t filled;
};

static bool
missing_push(struct outcome *out, size_t gap, uint64_t first, uint64_t end)
{
    if (!model_grow(&out->model, &out->missing, out->missing_count,
                    &out->missing_cap, sizeof *out->missing))
        return false;
    out->missing[out->missing_count++] =
        (struct missing){ .gap = gap, .first = first, .end = end };
    return true;
}

/* The numbers [first, end) are there after all, for one hole or any. */
static bool
missing_fill(struct outcome *out, size_t gap, uint64_t first, uint64_t end)
{
    bool fills = false;

    for (size_t i = 0; i < out->missing_count; i++) {
        struct missing *hole = &out->missing[i];
        const uint64_t from = first > hole->first ? first : hole->first;
        const uint64_t to = end < hole->end ? end : hole->end;
        const uint64_t hole_end = hole->end;

        if (from >= to || (gap != MODEL_NONE && hole->gap != gap))
            continue;
        fills = true;
        out->filled += to - from;
        hole->end = from;
        if (to < hole_end)
            (void)missing_push(out, hole->gap, to, hole_end);
    }
    return fills;
}

static void
holes_fill_from_lone(struct outcome *out, size_t index)
{
    const struct model_gap *gap = &out->model.gaps[index];

    for (size_t i = gap->lone_begin; i < gap->lone_end; i++) {
        const struct damage_frame *frame =
            model_frame_of(&out->model, out->model.lone[i]);

        (void)missing_fill(out, index, frame->first,
                           frame->first + frame->count);
    }
}

/* Remember the records of a gap, or the tail, that is well-formed frames from
 * end to end: they may only be in the wrong place. */
static void
tiles_add(struct outcome *out, size_t gap, uint64_t at, uint64_t end)
{
    const size_t before = out->tile_count;

    for (size_t frames = 0; at < end; frames++) {
        struct model_frame frame;
        const size_t survivor = model_survivor_at(&out->model, at);

        if (frames == TILES_MAX ||
            !model_parse(&out->model, at, false, &frame) ||
            frame.len > end - at) {
            out->tile_count = before;
            return;
        }
        if (frame.kind != 6 && survivor != MODEL_NONE) {
            if (!model_grow(&out->model, &out->tiles, out->tile_count,
                            &out->tile_cap, sizeof *out->tiles))
                return;
            out->tiles[out->tile_count++] =
                (struct tile){ .gap = gap, .survivor = survivor };
        }
        at += frame.len;
    }
}

/* A tile has turned out to be a good record. */
static void
tile_use(struct outcome *out, const struct tile *tile)
{
    if (tile->gap == MODEL_NONE)
        out->is_tail_used = true;
}

static void
holes_fill_from_tiles(struct outcome *out)
{
    for (size_t i = 0; i < out->tile_count; i++) {
        const struct damage_frame *frame =
            model_frame_of(&out->model, out->tiles[i].survivor);

        if (missing_fill(out, MODEL_NONE, frame->first,
                         frame->first + frame->count))
            tile_use(out, &out->tiles[i]);
    }
}

/* SPEC.md 10.1: tiles that go on where the last main run ends. */
static void
end_extend(struct outcome *out)
{
    for (size_t i = 0; i < out->tile_count; i++) {
        const struct damage_frame *frame =
            model_frame_of(&out->model, out->tiles[i].survivor);

        if (frame->first != out->model.n)
            continue;
        out->filled += frame->count;
        out->model.n += frame->count;
        tile_use(out, &out->tiles[i]);
        i = SIZE_MAX; /* from the first one again */
    }
}

/* SPEC.md 10.3, 5: another closing mark is right where tiles have moved n. */
static void
tail_judge_again(struct outcome *out, uint64_t end_before)
{
    struct model *model = &out->model;

    if (model->n == end_before || model->end == MODEL_WHOLE ||
        out->is_tail_used)
        return;
    model->is_gap_since_mark = true;
    model_judge_tail(model);
}

static void
holes_fill(struct outcome *out)
{
    const struct model *model = &out->model;
    const uint64_t end = model->n;

    for (size_t i = 0; i < model->gap_count; i++)
        if (model->gaps[i].n < model->gaps[i].m)
            (void)missing_push(out, i, model->gaps[i].n, model->gaps[i].m);
    for (size_t i = 0; i < model->gap_count; i++)
        holes_fill_from_lone(out, i);
    for (size_t i = 0; i < model->gap_count; i++)
        tiles_add(out, i, model->gaps[i].p, model->gaps[i].q);
    if (model->end != MODEL_WHOLE && !model->is_no_segment)
        tiles_add(out, MODEL_NONE, model->p, model->image->size);
    holes_fill_from_tiles(out);
    end_extend(out);
    tail_judge_again(out, end);
}

/* ---------------------------------------------------------------------------
 * Verdicts
 */

/* Some 512 bytes on their boundary, wholly in the gap, are all zero. */
static bool
gap_has_zero_block(const struct model *model, const struct model_gap *gap)
{
    uint64_t at = (gap->p + BLOCK - 1) / BLOCK * BLOCK;

    for (; at + BLOCK <= gap->q; at += BLOCK) {
        size_t i = 0;

        while (i < BLOCK && model->image->bytes[at + i] == 0)
            i++;
        if (i == BLOCK)
            return true;
    }
    return false;
}

static bool
model_is_closed(const struct model *model)
{
    return model->end == MODEL_WHOLE && model->last_frame != MODEL_NONE &&
           model->input->frames[model->last_frame].control ==
               DAMAGE_CLOSING_MARK;
}

static void
verdict_add(struct damage_expectation *expected, enum seglog_verdict verdict)
{
    /* In the order of SPEC.md 10.5 as far as damage goes here. */
    if (verdict == SEGLOG_VERDICT_CORRUPT ||
        expected->verdict == SEGLOG_VERDICT_OK ||
        (verdict == SEGLOG_VERDICT_UNORDERED &&
         expected->verdict == SEGLOG_VERDICT_TORN))
        expected->verdict = verdict;
    expected->findings++;
}

static void
expect_loss(struct damage_expectation *expected, const struct outcome *out,
            const struct missing *missing)
{
    const struct model *model = &out->model;
    const bool is_unordered =
        missing->first > model->watermark && !model_is_closed(model) &&
        gap_has_zero_block(model, &model->gaps[missing->gap]);

    expected->lost[expected->lost_ranges++] =
        (struct damage_range){ .first = missing->first,
                               .last = missing->end - 1 };
    expected->lost_count += missing->end - missing->first;
    verdict_add(expected, is_unordered ? SEGLOG_VERDICT_UNORDERED
                                       : SEGLOG_VERDICT_CORRUPT);
}

static int
missing_compare(const void *left, const void *right)
{
    const struct missing *a = left;
    const struct missing *b = right;

    return (a->first > b->first) - (a->first < b->first);
}

/* Returns the gap that the last finding is about. */
static size_t
expect_gaps(struct damage_expectation *expected, struct outcome *out)
{
    const struct model *model = &out->model;
    size_t finding_gap = MODEL_NONE;

    if (out->missing_count > 0)
        qsort(out->missing, out->missing_count, sizeof *out->missing,
              missing_compare);
    for (size_t i = 0; i < model->gap_count; i++) {
        const struct model_gap *gap = &model->gaps[i];
        const uint64_t before = expected->findings;

        for (size_t k = 0; k < out->missing_count; k++)
            if (out->missing[k].gap == i &&
                out->missing[k].first < out->missing[k].end)
                expect_loss(expected, out, &out->missing[k]);
        /* An empty gap whose hole is filled is no finding. */
        if (expected->findings == before && gap->p < gap->q)
            verdict_add(expected, SEGLOG_VERDICT_CORRUPT);
        if (expected->findings > before)
            finding_gap = i;
    }
    return finding_gap;
}

/* SPEC.md 10.4, for the case that there is one finding only. */
static void
expect_shift(struct damage_expectation *expected, const struct outcome *out,
             size_t gap)
{
    const struct model *model = &out->model;
    const int64_t tail = (int64_t)(model->image->size - model->p);

    if (expected->findings != 1)
        return;
    expected->has_shift = true;
    if (model->is_header_corrected)
        return;
    if (model->end == MODEL_CLOSING_MARK && !out->is_tail_used) {
        expected->shift = tail - CLOSING_BYTES;
        return;
    }
    for (size_t i = 0; i < model->mark_count; i++) {
        if (gap != MODEL_NONE && model->marks[i].gaps_before <= gap)
            continue;
        expected->shift = model->marks[i].shift;
        if (gap != MODEL_NONE || expected->shift != 0)
            return;
    }
    expected->has_shift = false;
}

/* features_refuse, SEALED: SPEC.md 12. */
#define REFUSE_SEALED 0x0004u

static void
expect(struct damage_expectation *expected, struct outcome *out)
{
    const struct model *model = &out->model;
    const bool is_sealed =
        (model->input->summary.features_refuse & REFUSE_SEALED) != 0;
    size_t gap = MODEL_NONE;

    if (model->is_header_corrected)
        verdict_add(expected, SEGLOG_VERDICT_CORRUPT);
    gap = expect_gaps(expected, out);
    for (uint64_t i = 0; i < model->shift_findings + model->digest_findings;
         i++)
        verdict_add(expected, SEGLOG_VERDICT_CORRUPT);
    if (out->is_tail_used || model->end == MODEL_CLOSING_MARK)
        verdict_add(expected, SEGLOG_VERDICT_CORRUPT);
    else if (model->end == MODEL_TORN)
        verdict_add(expected,
                    is_sealed ? SEGLOG_VERDICT_CORRUPT : SEGLOG_VERDICT_TORN);
    expected->records = model->records + out->filled;
    expected->is_closed = model_is_closed(model);
    /* SPEC.md 15.5 */
    if (is_sealed && !expected->is_closed)
        verdict_add(expected, SEGLOG_VERDICT_CORRUPT);
    expected->is_no_segment = model->is_no_segment;
    expect_shift(expected, out, gap);
}

bool
damage_predict(const struct damage_input *input,
               const struct damage_image *image,
               struct damage_expectation *expected)
{
    struct outcome out = { .model = { .input = input, .image = image } };
    bool is_done = false;

    *expected = (struct damage_expectation){ 0 };
    model_read(&out.model);
    holes_fill(&out);
    expected->lost = calloc(out.missing_count + 1, sizeof *expected->lost);
    is_done = expected->lost && !out.model.is_out_of_memory;
    if (is_done) {
        expect(expected, &out);
        expected->unknown = out.model.unknown;
    }
    model_free(&out.model);
    free(out.missing);
    free(out.tiles);
    return is_done;
}

void
damage_expectation_free(struct damage_expectation *expected)
{
    free(expected->lost);
    *expected = (struct damage_expectation){ 0 };
}
