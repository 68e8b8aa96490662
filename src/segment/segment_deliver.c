/* SPDX-License-Identifier: MIT */
/* src/segment/segment_deliver.c - records out of frames, and out of a map. */
#include <string.h>

#include "src/segment/segment_reader.h"
#include "src/store/fail.h"

void
slg_delivery_start(struct slg_delivery *delivery, const struct slg_step *step,
                   bool is_confirmed)
{
    delivery->body = step->body;
    delivery->body_len = step->body_len;
    delivery->kind = step->frame.kind;
    delivery->offset = step->offset;
    delivery->number = step->number;
    delivery->line = step->line;
    delivery->left = step->frame.kind == SLG_FRAME_CONTROL ? 0 : step->count;
    delivery->is_confirmed = is_confirmed;
    if (slg_frame_has_entries(&step->frame))
        (void)slg_entries_open(&delivery->group, delivery->body,
                               delivery->body_len);
}

bool
slg_delivery_next(struct slg_delivery *delivery, struct seglog_event *event)
{
    unsigned kind = delivery->kind;
    const uint8_t *data = delivery->body;
    size_t len = delivery->body_len;

    if (delivery->left == 0)
        return false;

    if (delivery->kind >= SLG_FRAME_GROUP &&
        !slg_group_next(&delivery->group, &kind, &data, &len)) {
        delivery->left = 0;
        return false;
    }
    delivery->left--;
    event->type = SEGLOG_EVENT_RECORD;
    event->record = (struct seglog_record){
        .kind = (enum seglog_kind)kind,
        .is_confirmed = delivery->is_confirmed,
        .record_no = delivery->number++,
        .line_no = delivery->line,
        .offset = delivery->offset,
        /* The records of a block have nothing to do with each other. */
        .group_left = delivery->kind == SLG_FRAME_GROUP ? delivery->left : 0,
        .data = data,
        .len = len,
    };
    if (kind != SLG_FRAME_PART)
        delivery->line++;
    return true;
}

void
slg_delivery_gap(const struct slg_step *step, struct seglog_event *event)
{
    struct slg_gap gap;

    memset(event, 0, sizeof *event);
    event->type = SEGLOG_EVENT_GAP;
    (void)slg_gap_decode(step->bytes, &gap);
    event->finding = (struct seglog_finding){
        .verdict = (enum seglog_verdict)gap.verdict,
        .cause = (enum seglog_cause)gap.cause,
        .durable = (enum seglog_durable)gap.durable,
        .has_shift = gap.shift != INT64_MIN,
        .is_recorded = true,
        .first_record = step->number,
        .last_record = step->number + gap.count - 1,
        .line = step->line,
        .lines = gap.lines,
        .first_byte = gap.first_byte,
        .byte_count = gap.byte_count,
        .shift = gap.shift != INT64_MIN ? gap.shift : 0,
        .depends_on = gap.depends_on,
    };
}

/* Does the next finding stand before the next piece? */
static bool
finding_is_first(const struct slg_map *map, size_t finding, size_t lost,
                 size_t piece)
{
    const struct seglog_finding *f = &map->findings[finding];
    const struct slg_piece *p = &map->pieces[piece];

    /* A loss stands where its numbers would, and so does all that is said
     * before it: a record found out of place may lie anywhere. */
    if (lost < map->finding_count &&
        map->findings[lost].first_record < p->first)
        return true;
    return f->first_record == 0 && f->first_byte <= map->spans[p->span].start;
}

/* The next finding of a loss; those have ascending numbers. */
static size_t
loss_find(const struct seglog_reader *reader)
{
    const struct slg_map *map = &reader->map;
    size_t lost =
        reader->lost > reader->finding ? reader->lost : reader->finding;

    while (lost < map->finding_count && map->findings[lost].first_record == 0)
        lost++;
    return lost;
}

/* What the bodies of the piece refer to has been read just before, or else it
 * was not known when the map was made. */
static void
piece_find_context(struct slg_context *context, const struct slg_span *span)
{
    if (span->has_context && span->context_end == 0)
        slg_context_start(context, span->at.pos);
    else if (span->has_context && context->is_known &&
             context->last_end == span->context_end)
        context->pos = span->at.pos;
    else
        slg_context_break(context, 0);
}

static void
piece_open(struct seglog_reader *reader, const struct slg_piece *piece)
{
    const struct slg_span *span = &reader->map.spans[piece->span];

    /* Compressed bodies out of place are read from the mark on that the run
     * starts with. */
    reader->walk.at =
        span->has_compressed && !span->is_main ? span->begin : span->at;
    piece_find_context(&reader->walk.context, span);
    /* Its marks have been judged when the map was made. */
    reader->walk.is_passed = true;
    reader->is_in_piece = true;
}

/*
 * The next frame of the piece; END behind its last.  The span remembers the
 * last frame, which may reach into its next piece: starting anew for each of
 * very many pieces would read the span as many times.
 */
static seglog_code
piece_step(struct seglog_reader *reader, const struct slg_piece *piece,
           struct slg_step *step, struct seglog_error *err)
{
    struct slg_span *span = &reader->map.spans[piece->span];

    if (reader->walk.at.pos >= span->end ||
        (reader->walk.at.number >= piece->next &&
         !(reader->wants_controls && span->is_main &&
           piece->next == span->next)))
        return SEGLOG_END;
    span->at = reader->walk.at;
    return slg_walk_step(&reader->walk, step, err);
}

/* A recorded gap may stand in a piece with only some of its numbers. */
static void
piece_clip_gap(const struct slg_span *span, const struct slg_piece *piece,
               struct seglog_finding *gap)
{
    if (gap->first_record < piece->first)
        gap->first_record = piece->first;
    if (gap->last_record >= piece->next)
        gap->last_record = piece->next - 1;
    if (!span->is_main)
        gap->line = piece->line + (gap->first_record - piece->first);
    const uint64_t count = gap->last_record - gap->first_record + 1;
    if (gap->lines > count)
        gap->lines = count;
}

static seglog_code
fail_changed(const struct seglog_reader *reader, const struct slg_step *step,
             struct seglog_error *err)
{
    const struct slg_place place = {
        .name = reader->name,
        .record_no = step->number,
        .line_no = step->line,
        .offset = step->offset,
    };

    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "the segment was changed while it was read; read it "
                    "again");
}

/* A record of a piece, or END behind it. */
static seglog_code
piece_next(struct seglog_reader *reader, const struct slg_piece *piece,
           struct seglog_event *event, struct seglog_error *err)
{
    const struct slg_span *span = &reader->map.spans[piece->span];
    struct slg_step *step = &reader->step;

    for (;;) {
        while (slg_delivery_next(&reader->delivery, event)) {
            if (event->record.record_no < piece->first ||
                event->record.record_no >= piece->next)
                continue;
            /* Of a group out of place, only what is missing is used. */
            if (event->record.group_left >=
                piece->next - event->record.record_no)
                event->record.group_left =
                    piece->next - 1 - event->record.record_no;
            /* Lines of a record out of place follow from its number. */
            if (!span->is_main)
                event->record.line_no =
                    piece->line + (event->record.record_no - piece->first);
            return SEGLOG_OK;
        }
        const seglog_code code = piece_step(reader, piece, step, err);
        if (code != SEGLOG_OK)
            return code;
        if (step->is_dependent)
            return fail_changed(reader, step, err);
        if (reader->wants_controls && step->frame.kind == SLG_FRAME_CONTROL &&
            step->frame.control != SLG_CONTROL_GAP) {
            event->type = SLG_EVENT_CONTROL;
            return SEGLOG_OK;
        }
        if (step->frame.control != SLG_CONTROL_GAP) {
            slg_delivery_start(&reader->delivery, step, span->is_confirmed);
        } else if (step->number < piece->next &&
                   step->number + step->count > piece->first) {
            slg_delivery_gap(step, event);
            piece_clip_gap(span, piece, &event->finding);
            return SEGLOG_OK;
        }
    }
}

bool
slg_reader_is_in_place(const struct seglog_reader *reader)
{
    const struct slg_map *map = &reader->map;

    return !reader->is_mapped || !reader->is_in_piece ||
           map->spans[map->pieces[reader->piece].span].is_main;
}

seglog_code
slg_reader_next_mapped(struct seglog_reader *reader, struct seglog_event *event,
                       struct seglog_error *err)
{
    struct slg_map *map = &reader->map;

    for (;;) {
        const bool has_piece = reader->piece < map->piece_count;

        reader->lost = loss_find(reader);
        if (!reader->is_in_piece && reader->finding < map->finding_count &&
            (!has_piece || finding_is_first(map, reader->finding, reader->lost,
                                            reader->piece))) {
            memset(event, 0, sizeof *event);
            event->type = SEGLOG_EVENT_GAP;
            event->finding = map->findings[reader->finding++];
            return SEGLOG_OK;
        }
        if (!has_piece)
            return SEGLOG_END;
        if (!reader->is_in_piece)
            piece_open(reader, &map->pieces[reader->piece]);
        const seglog_code code =
            piece_next(reader, &map->pieces[reader->piece], event, err);
        if (code != SEGLOG_END)
            return code;
        reader->is_in_piece = false;
        reader->piece++;
    }
}
