/* SPDX-License-Identifier: MIT */
/* src/segment/segment_reader.c - open, next, wait. */
#include "src/segment/segment_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_verdict.h"
#include "src/store/fail.h"
#include "src/store/options.h"

void
seglog_reader_close(struct seglog_reader *reader)
{
    if (!reader)
        return;
    slg_map_reset(&reader->map);
    slg_context_saved_reset(&reader->at_map);
    slg_context_saved_reset(&reader->after_map);
    slg_walk_reset(&reader->walk);
    (void)seglog_blob_close(&reader->blob, NULL);
    free(reader->name);
    free(reader);
}

static struct slg_place
reader_place(const struct seglog_reader *reader)
{
    return (struct slg_place){
        .name = reader->name,
        .record_no = reader->walk.at.number,
        .line_no = reader->walk.at.line,
        .offset = reader->walk.at.pos,
    };
}

/* Strict: the damage is the answer to every call from now on. */
static seglog_code
reader_break(struct seglog_reader *reader, const struct seglog_finding *finding,
             struct seglog_error *err)
{
    reader->broken =
        slg_verdict_fail(finding, reader->name, &reader->broken_error);
    if (err)
        *err = reader->broken_error;
    return reader->broken;
}

static seglog_code
fail_no_memory(const struct seglog_reader *reader, struct seglog_error *err)
{
    const struct slg_place place = reader_place(reader);

    return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                    "no memory for what compressed records refer to");
}

/*
 * Handing out goes over the same bytes again, from the start of the map on,
 * and then goes on behind it.
 */
static seglog_code
map_build(struct seglog_reader *reader, struct seglog_error *err)
{
    struct slg_walk *walk = &reader->walk;
    seglog_code code = slg_context_save(&walk->context, &reader->at_map);

    reader->map.with_controls = reader->wants_controls;
    if (code == SEGLOG_OK)
        code = slg_map_build(&reader->map, walk, reader->options.expect, NULL,
                             NULL, err);
    else
        return fail_no_memory(reader, err);
    if (code == SEGLOG_OK &&
        (slg_context_save(&walk->context, &reader->after_map) != SEGLOG_OK ||
         slg_context_restore(&walk->context, &reader->at_map) != SEGLOG_OK))
        return fail_no_memory(reader, err);
    return code;
}

/* Go on behind what the map has handed out. */
static seglog_code
reader_leave_map(struct seglog_reader *reader, struct seglog_error *err)
{
    reader->is_mapped = false;
    slg_walk_restore(&reader->walk, &reader->behind_map);
    return slg_context_restore(&reader->walk.context, &reader->after_map) ==
                   SEGLOG_OK
               ? SEGLOG_OK
               : fail_no_memory(reader, err);
}

/* Map from here on, and prepare to hand it out. */
static seglog_code
reader_map(struct seglog_reader *reader, struct seglog_error *err)
{
    struct slg_walk *walk = &reader->walk;
    const struct slg_walk_saved start = slg_walk_save(walk);

    /* What is torn or damaged at the end may depend on digests, which a strict
     * reader does not keep while all is well. */
    seglog_code code = walk->with_digest || walk->has_gap
                           ? SEGLOG_OK
                           : slg_walk_learn_digest(walk, err);
    walk->with_digest = true;
    if (code == SEGLOG_OK)
        code = map_build(reader, err);
    walk->with_digest = reader->options.salvage;
    if (code != SEGLOG_OK) {
        slg_walk_restore(walk, &start);
        return code;
    }
    const struct slg_map *map = &reader->map;
    reader->behind_map = slg_walk_save(walk);
    /* Said once: the next map may start at the first frame again, and later
     * appends are judged without what was expected. */
    walk->is_header_corrected = false;
    if (map->is_complete) {
        reader->options.expect = 0;
        reader->is_end_told = true;
        /* Records found out of place may go on where the walk has ended. */
        if (map->number != walk->at.number)
            reader->settled_size = walk->window.size;
        reader->behind_map.at.line += map->number - walk->at.number;
        reader->behind_map.at.number = map->number;
    }
    /* A torn tail may yet become whole: stand before it. */
    if (map->torn_bytes > 0)
        reader->behind_map.at.pos = walk->window.size - map->torn_bytes;
    reader->is_mapped = true;
    reader->is_in_piece = false;
    reader->piece = reader->finding = reader->lost = 0;
    return SEGLOG_OK;
}

/* Strict: the first damage that the map has, if a torn tail is not all. */
static seglog_code
reader_judge(struct seglog_reader *reader, struct seglog_error *err)
{
    const struct slg_map *map = &reader->map;

    for (size_t i = 0; i < map->finding_count; i++) {
        if (map->findings[i].verdict != SEGLOG_VERDICT_TORN)
            return reader_break(reader, &map->findings[i], err);
    }
    return SEGLOG_OK;
}

/* Nothing but a torn tail: the end for now.  Say so once in salvage mode. */
static seglog_code
reader_meet_torn(struct seglog_reader *reader, struct seglog_event *event,
                 struct seglog_error *err)
{
    const uint64_t size = reader->walk.window.size;
    const struct seglog_finding finding = reader->map.findings[0];
    const seglog_code code = reader_leave_map(reader, err);

    if (code != SEGLOG_OK)
        return code;
    if (!reader->options.salvage || reader->torn_reported == size)
        return SEGLOG_END;
    reader->torn_reported = size;
    memset(event, 0, sizeof *event);
    event->type = SEGLOG_EVENT_GAP;
    event->finding = finding;
    return SEGLOG_OK;
}

/* Damage, or records that should be there and are not. */
static seglog_code
reader_meet_damage(struct seglog_reader *reader, struct seglog_event *event,
                   struct seglog_error *err)
{
    const seglog_code code = reader_map(reader, err);

    if (code != SEGLOG_OK)
        return code;
    const struct slg_map *map = &reader->map;
    if (map->finding_count == 0)
        return SEGLOG_OK;
    if (map->finding_count == 1 && map->torn_bytes > 0 && map->piece_count == 0)
        return reader_meet_torn(reader, event, err);
    return reader->options.salvage ? SEGLOG_OK : reader_judge(reader, err);
}

static void
reader_note_passed(struct seglog_reader *reader)
{
    const struct slg_step *step = &reader->step;

    reader->passed_end = reader->walk.at.pos;
    memcpy(reader->passed_checksum,
           step->bytes + step->frame.len - SLG_CHECKSUM_BYTES,
           SLG_CHECKSUM_BYTES);
}

/*
 * Is the frame that was passed last no longer there?  An append that failed
 * half-way is rolled back, and whole frames of it may have been read before.
 */
static seglog_code
reader_look_back(struct seglog_reader *reader, bool *is_cut,
                 struct seglog_error *err)
{
    const uint64_t pos = reader->walk.at.pos;
    const uint8_t *bytes = NULL;
    seglog_code code = SEGLOG_OK;

    *is_cut = reader->walk.window.size < pos;
    if (*is_cut || reader->passed_end != pos)
        return SEGLOG_OK;
    code = slg_window_look(&reader->walk.window, pos - SLG_CHECKSUM_BYTES,
                           SLG_CHECKSUM_BYTES, &bytes, err);
    /* What cannot be read now does not say that it is gone. */
    if (code == SEGLOG_OK &&
        !slg_window_is_bad(&reader->walk.window, pos - SLG_CHECKSUM_BYTES, pos))
        *is_cut =
            memcmp(bytes, reader->passed_checksum, SLG_CHECKSUM_BYTES) != 0;
    return code;
}

static seglog_code
reader_fail_cut(const struct seglog_reader *reader, struct seglog_error *err)
{
    const struct slg_place place = reader_place(reader);

    return slg_fail(err, SEGLOG_CONFLICT, &place,
                    "the segment was cut before this place: records read from "
                    "it are gone; seek again");
}

/*
 * No valid frame here.  On a live segment it may be half-written, or the end
 * may have been cut meanwhile: look again before calling it anything.
 */
static seglog_code
reader_look_again(struct seglog_reader *reader, struct slg_step *step,
                  struct seglog_error *err)
{
    bool is_cut = false;
    seglog_code code = slg_walk_refresh(&reader->walk, err);

    /* Before it is judged: what comes in between is told from it later. */
    if (code == SEGLOG_OK) {
        slg_reader_note_tail(reader);
        code = reader_look_back(reader, &is_cut, err);
    }
    if (code != SEGLOG_OK)
        return code;
    return is_cut ? reader_fail_cut(reader, err)
                  : slg_walk_step(&reader->walk, step, err);
}

/* The header arrives with the writer's first flush. */
static seglog_code
reader_open_walk(struct seglog_reader *reader, struct seglog_error *err)
{
    const struct slg_walk_source source = { .store = &reader->store };

    slg_walk_reset(&reader->walk);
    const seglog_code code =
        slg_walk_open(&reader->walk, reader->blob, reader->name,
                      reader->options.salvage, &source, err);

    reader->is_headless = code == SEGLOG_END;
    reader->walk.with_digest = reader->options.salvage;
    reader->walk.parent.depth = reader->parent_depth;
    reader->walk.parent.jumps = reader->parent_jumps;
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/*
 * The beginning of a header: torn, unless its writer is still at work, or
 * records are known from elsewhere to have been behind it.
 */
static seglog_code
reader_meet_headless(struct seglog_reader *reader, struct seglog_event *event,
                     struct seglog_error *err)
{
    const uint64_t size = reader->walk.window.size;
    const uint64_t expect = reader->options.expect;
    struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_TORN,
        .cause = SEGLOG_CAUSE_TORN,
        .durable = SEGLOG_DURABLE_NO,
        .byte_count = size,
    };

    if (expect > 0) {
        finding.verdict = SEGLOG_VERDICT_CORRUPT;
        finding.cause = SEGLOG_CAUSE_CUT;
        finding.durable = SEGLOG_DURABLE_YES;
        finding.first_record = finding.line = 1;
        finding.last_record = finding.lines = expect;
        if (!reader->options.salvage)
            return reader_break(reader, &finding, err);
        reader->options.expect = 0;
    } else if (!reader->options.salvage || reader->torn_reported == size) {
        return SEGLOG_END;
    }
    reader->torn_reported = size;
    memset(event, 0, sizeof *event);
    event->type = SEGLOG_EVENT_GAP;
    event->finding = finding;
    return SEGLOG_OK;
}

/*
 * All frames up to a mark were valid, and yet it says that bytes are missing
 * or too many, or that the records are not those that were written.
 */
static seglog_code
reader_meet_mark(struct seglog_reader *reader, const struct slg_step *step,
                 struct seglog_event *event, struct seglog_error *err)
{
    const struct seglog_finding shift = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_SHIFT,
        .first_byte = step->offset,
        .has_shift = true,
        .shift = step->shift,
    };
    const struct seglog_finding digest = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_DIGEST,
        .first_byte = step->stretch_from,
        .byte_count = step->offset - step->stretch_from,
        .has_shift = true,
    };

    if (!reader->options.salvage)
        return reader_break(reader, &shift, err);
    memset(event, 0, sizeof *event);
    event->type = SEGLOG_EVENT_GAP;
    event->finding = step->is_digest_wrong ? digest : shift;
    reader->has_pending = step->is_digest_wrong && step->shift != 0;
    reader->pending = shift;
    return SEGLOG_OK;
}

/*
 * The damage has been told of, and what was appended behind it in the same
 * stretch cannot be decoded without what is lost there.
 */
static seglog_code
reader_meet_dependent(struct seglog_reader *reader, const struct slg_step *step,
                      struct seglog_event *event, struct seglog_error *err)
{
    const struct seglog_finding finding = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_DEPENDS_ON,
        .first_record = step->number,
        .last_record = step->number + step->count - 1,
        .line = step->line,
        .lines = step->count,
        .first_byte = step->offset,
        .byte_count = step->frame.len,
        .depends_on = reader->walk.context.broken_by,
    };

    if (!reader->options.salvage)
        return reader_break(reader, &finding, err);
    memset(event, 0, sizeof *event);
    event->type = SEGLOG_EVENT_GAP;
    event->finding = finding;
    return SEGLOG_OK;
}

/* What is sealed does not end without its closing mark (SPEC.md 15.5). */
static bool
reader_misses_end(const struct seglog_reader *reader)
{
    return reader->walk.limits.is_sealed && !reader->is_end_told &&
           !reader->walk.at.is_after_close;
}

/* One event in walking order; OK without an event (type 0) means go on. */
static seglog_code
reader_advance(struct seglog_reader *reader, struct seglog_event *event,
               struct seglog_error *err)
{
    struct slg_step *step = &reader->step;

    if (reader->has_pending) {
        reader->has_pending = false;
        memset(event, 0, sizeof *event);
        event->type = SEGLOG_EVENT_GAP;
        event->finding = reader->pending;
        return SEGLOG_OK;
    }
    if (reader->is_headless) {
        const seglog_code code = reader_open_walk(reader, err);
        if (code != SEGLOG_OK)
            return code;
        if (reader->is_headless)
            return reader_meet_headless(reader, event, err);
    }
    if (reader->settled_size != 0) {
        const seglog_code code = slg_walk_refresh(&reader->walk, err);
        if (code != SEGLOG_OK)
            return code;
        if (reader->walk.window.size == reader->settled_size &&
            !slg_reader_is_tail_other(reader))
            return SEGLOG_END;
        reader->settled_size = 0;
        if (reader->walk.window.size == reader->walk.at.pos)
            return reader_fail_cut(reader, err);
    }
    if (reader->walk.is_header_lost && reader->walk.at.pos == 0)
        return reader_meet_damage(reader, event, err);
    seglog_code code = slg_walk_step(&reader->walk, step, err);
    if (code == SEGLOG_CORRUPT || code == SEGLOG_END || code == SEGLOG_INVALID)
        code = reader_look_again(reader, step, err);
    if (code == SEGLOG_CORRUPT ||
        (code == SEGLOG_END &&
         (reader->options.expect >= reader->walk.at.number ||
          reader_misses_end(reader))))
        return reader_meet_damage(reader, event, err);
    if (code != SEGLOG_OK)
        return code;
    reader_note_passed(reader);
    if (step->is_mark && (step->shift != 0 || step->is_digest_wrong))
        return reader_meet_mark(reader, step, event, err);
    if (step->is_dependent)
        return reader_meet_dependent(reader, step, event, err);
    if (step->frame.control == SLG_CONTROL_GAP)
        slg_delivery_gap(step, event);
    else
        slg_delivery_start(&reader->delivery, step, true);
    if (reader->wants_controls && step->frame.kind == SLG_FRAME_CONTROL &&
        step->frame.control != SLG_CONTROL_GAP)
        event->type = SLG_EVENT_CONTROL;
    return SEGLOG_OK;
}

static seglog_code
reader_next_any(struct seglog_reader *reader, struct seglog_event *event,
                struct seglog_error *err)
{
    for (;;) {
        event->type = (enum seglog_event_type)0;
        if (reader->is_mapped) {
            const seglog_code code = slg_reader_next_mapped(reader, event, err);
            if (code != SEGLOG_END)
                return code;
            const seglog_code left = reader_leave_map(reader, err);
            if (left != SEGLOG_OK)
                return left;
            if (reader->map.torn_bytes > 0)
                reader->torn_reported = reader->walk.window.size;
        } else if (slg_delivery_next(&reader->delivery, event)) {
            return SEGLOG_OK;
        }
        const seglog_code code = reader_advance(reader, event, err);
        if (code != SEGLOG_OK || event->type != 0)
            return code;
    }
}

/* Is it before the record that was asked for? */
static bool
event_is_skipped(const struct seglog_reader *reader,
                 const struct seglog_event *event)
{
    if (event->type == SLG_EVENT_CONTROL)
        return false;
    if (event->type == SEGLOG_EVENT_RECORD)
        return event->record.record_no < reader->skip_until;
    if (!reader->options.salvage && !event->finding.is_recorded)
        return true;
    return event->finding.last_record != 0 &&
           event->finding.last_record < reader->skip_until;
}

seglog_code
seglog_reader_next(struct seglog_reader *reader, struct seglog_event *event,
                   struct seglog_error *err)
{
    if (!reader || !event) {
        const struct slg_place place = { .offset = SEGLOG_NO_OFFSET };
        return slg_fail(err, SEGLOG_INVALID, &place, "reader or event is NULL");
    }
    if (reader->broken != SEGLOG_OK) {
        if (err)
            *err = reader->broken_error;
        return reader->broken;
    }
    for (;;) {
        const seglog_code code = reader_next_any(reader, event, err);
        if (code != SEGLOG_OK || !event_is_skipped(reader, event))
            return code;
    }
}

static seglog_code
reader_start(struct seglog_reader *reader, struct seglog_error *err)
{
    seglog_code code = reader_open_walk(reader, err);
    const struct slg_walk *walk = &reader->walk;

    reader->skip_until = reader->options.from_record;
    if (code != SEGLOG_OK || reader->is_headless)
        return code;
    if (walk->is_header_lost || walk->is_header_corrected ||
        walk->context.has_lost_dictionary) {
        code = slg_walk_refresh(&reader->walk, err);
        slg_reader_note_tail(reader);
        if (code == SEGLOG_OK)
            code = reader_map(reader, err);
        return code == SEGLOG_OK && !reader->options.salvage
                   ? reader_judge(reader, err)
                   : code;
    }
    return reader->options.from_record > 0
               ? seglog_reader_seek(reader, reader->options.from_record, err)
               : SEGLOG_OK;
}

static seglog_code
reader_allocate(const char *name, const struct seglog_reader_options *options,
                struct seglog_reader **out, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    struct seglog_reader *reader = calloc(1, sizeof *reader);
    const size_t name_size = strlen(name) + 1;

    if (reader)
        reader->name = malloc(name_size);
    if (!reader || !reader->name) {
        free(reader);
        return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                        "no memory for a reader");
    }
    memcpy(reader->name, name, name_size);
    reader->torn_reported = UINT64_MAX;
    if (!slg_options_copy(&reader->options, sizeof reader->options, options)) {
        seglog_reader_close(reader);
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "reader options of an unknown size");
    }
    *out = reader;
    return SEGLOG_OK;
}

/* What reader_allocate has made; it is closed if it cannot be opened. */
static seglog_code
reader_open(struct seglog_reader *opened, struct seglog_store store,
            struct seglog_reader **reader, struct seglog_error *err)
{
    seglog_code code = seglog_blob_open(store, opened->name, SEGLOG_OPEN_READ,
                                        &opened->blob, err);

    opened->store = store;
    if (code == SEGLOG_OK)
        code = reader_start(opened, err);
    if (code != SEGLOG_OK)
        seglog_reader_close(opened);
    else
        *reader = opened;
    return code;
}

seglog_code
seglog_reader_open(struct seglog_store store, const char *name,
                   const struct seglog_reader_options *options,
                   struct seglog_reader **reader, struct seglog_error *err)
{
    if (!name || !reader) {
        const struct slg_place place = { .offset = SEGLOG_NO_OFFSET };
        return slg_fail(err, SEGLOG_INVALID, &place, "name or reader is NULL");
    }
    struct seglog_reader *opened = NULL;
    const seglog_code code = reader_allocate(name, options, &opened, err);

    return code == SEGLOG_OK ? reader_open(opened, store, reader, err) : code;
}

seglog_code
slg_reader_open_with_controls(struct seglog_store store, const char *name,
                              const struct seglog_reader_options *options,
                              struct seglog_reader **reader,
                              struct seglog_error *err)
{
    struct seglog_reader *opened = NULL;
    const seglog_code code = reader_allocate(name, options, &opened, err);

    if (code != SEGLOG_OK)
        return code;
    opened->wants_controls = true;
    return reader_open(opened, store, reader, err);
}

seglog_code
slg_reader_open_parent(struct seglog_store store, const char *name,
                       unsigned depth, unsigned *jumps,
                       struct seglog_reader **reader, struct seglog_error *err)
{
    struct seglog_reader *opened = NULL;
    const seglog_code code = reader_allocate(name, NULL, &opened, err);

    if (code != SEGLOG_OK)
        return code;
    opened->parent_depth = depth;
    opened->parent_jumps = jumps;
    return reader_open(opened, store, reader, err);
}

void
seglog_reader_describe(const struct seglog_reader *reader, char *buf,
                       size_t cap)
{
    if (cap > 0)
        (void)snprintf(
            buf, cap, "%s reader of %s at record %" PRIu64 ", offset %" PRIu64,
            reader->options.salvage ? "salvaging" : "strict", reader->name,
            reader->walk.at.number, reader->walk.at.pos);
}
