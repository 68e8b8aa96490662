/* SPDX-License-Identifier: MIT */
/* src/segment/segment_chain_reader.c - a chained segment, with its chain. */
#include "src/segment/segment_chain_reader.h"

#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_chain.h"
#include "src/segment/segment_reader.h"
#include "src/segment/segment_tail.h"
#include "src/store/fail.h"

struct slg_chain_reader {
    struct seglog_reader *reader;
    struct slg_chain chain;
    struct seglog_event event;
    uint64_t known_from; /* number behind the last chain head */
    bool is_after_sync;  /* a sync point was the last frame */
    bool is_broken;      /* strict: damage was met ... */
    struct slg_place_in_segment broken_at; /* ... from here on */
    uint64_t broken_offset;
};

/* -- opening -------------------------------------------------------------- */

static seglog_code
chain_check(const struct slg_chain_reader *reader, struct seglog_error *err)
{
    const struct slg_walk *walk = &reader->reader->walk;
    const struct slg_place place = { .name = reader->reader->name,
                                     .offset = 0 };

    /* Without a header nobody knows: its frames say what they are. */
    return reader->reader->is_headless || walk->is_header_lost ||
                   slg_header_is_chained(&walk->header)
               ? SEGLOG_OK
               : slg_fail(err, SEGLOG_INVALID, &place, "it is not chained");
}

seglog_code
slg_chain_reader_open(struct seglog_store store, const char *name,
                      const struct slg_chain_reader_options *options,
                      struct slg_chain_reader **reader,
                      struct seglog_error *err)
{
    const struct seglog_reader_options below = {
        .size = sizeof below,
        .salvage = options && options->salvage,
        .expect = options ? options->expect : 0,
    };
    struct slg_chain_reader *opened = calloc(1, sizeof *opened);
    seglog_code code = SEGLOG_OK;

    *reader = NULL;
    if (!opened)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a reader");
    code = slg_reader_open_with_controls(store, name, &below, &opened->reader,
                                         err);
    if (code == SEGLOG_OK)
        code = chain_check(opened, err);
    if (code != SEGLOG_OK) {
        slg_chain_reader_close(opened);
        return code;
    }
    *reader = opened;
    return SEGLOG_OK;
}

void
slg_chain_reader_close(struct slg_chain_reader *reader)
{
    if (!reader)
        return;
    seglog_reader_close(reader->reader);
    free(reader);
}

/* -- where to read -------------------------------------------------------- */

/* Nothing is known of what is before. */
static void
chain_restart(struct slg_chain_reader *reader)
{
    reader->chain = (struct slg_chain){ .algorithm = reader->chain.algorithm };
    reader->is_after_sync = false;
    reader->is_broken = false;
    reader->reader->broken = SEGLOG_OK;
}

seglog_code
slg_chain_reader_seek(struct slg_chain_reader *reader, uint64_t record_no,
                      struct seglog_error *err)
{
    struct seglog_reader *below = reader->reader;

    chain_restart(reader);
    const seglog_code code = slg_reader_seek(below, record_no, true, err);

    below->skip_until = 0;
    return code;
}

seglog_code
slg_chain_reader_skip(struct slg_chain_reader *reader, struct seglog_error *err)
{
    struct seglog_reader *below = reader->reader;
    struct slg_walk *walk = &below->walk;
    struct slg_mark mark;
    uint64_t offset = reader->broken_offset;
    seglog_code code = SEGLOG_OK;

    if (!reader->is_broken || walk->is_header_lost)
        return SEGLOG_END;
    walk->at = reader->broken_at;
    do {
        code = slg_walk_find_mark(walk, offset, true, &offset, &mark, err);
        if (code != SEGLOG_OK)
            return code;
        if (offset >= walk->window.size)
            return SEGLOG_END;
        offset++;
    } while (mark.type != SLG_CONTROL_SYNC_POINT ||
             mark.number < reader->broken_at.number);
    below->is_mapped = false;
    below->delivery.left = 0;
    below->has_pending = false;
    below->settled_size = below->tail_size = 0;
    chain_restart(reader);
    slg_walk_stand_at(walk, &mark);
    walk->at.pos = offset - 1;
    slg_context_break(&walk->context, 0);
    return SEGLOG_OK;
}

/* -- events --------------------------------------------------------------- */

static void
event_start(const struct slg_chain_reader *reader,
            struct slg_chain_event *event, enum slg_chain_event_type type,
            uint64_t number, uint64_t offset)
{
    event->type = type;
    event->number = number;
    event->offset = offset;
    event->is_before_known = reader->chain.is_known;
    event->before = reader->chain.hash;
}

static void
event_end(const struct slg_chain_reader *reader, struct slg_chain_event *event)
{
    event->is_known = reader->chain.is_known;
    event->hash = reader->chain.hash;
}

static void
take_record(struct slg_chain_reader *reader, struct slg_chain_event *event)
{
    const struct seglog_record *record = &reader->event.record;

    if (!slg_reader_is_in_place(reader->reader))
        slg_chain_forget(&reader->chain);
    event_start(reader, event, SLG_CHAIN_EVENT_RECORD, record->record_no,
                record->offset);
    event->record = *record;
    slg_chain_add_record(&reader->chain, record->data, record->len);
    event_end(reader, event);
}

static void
take_gap(struct slg_chain_reader *reader, struct slg_chain_event *event)
{
    const struct seglog_finding *finding = &reader->event.finding;

    event_start(reader, event, SLG_CHAIN_EVENT_GAP, finding->first_record,
                finding->first_byte);
    event->finding = *finding;
    if (finding->is_recorded)
        slg_chain_add_gap(&reader->chain, finding->first_record,
                          finding->last_record + 1);
    else if (finding->last_record != 0)
        slg_chain_forget(&reader->chain);
    event_end(reader, event);
}

static seglog_code
take_head(struct slg_chain_reader *reader, struct slg_chain_event *event,
          struct seglog_error *err)
{
    const struct slg_step *step = &reader->reader->step;
    const struct slg_place place = { .name = reader->reader->name,
                                     .record_no = step->number,
                                     .offset = step->offset };

    if (!slg_chain_is_computable(event->head.algorithm))
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "its chain is SHA-256, which needs a build with "
                        "OpenSSL");
    event->known_from = reader->known_from;
    event->is_checkpoint = reader->is_after_sync;
    event->is_broken = !slg_chain_meet_head(&reader->chain, &event->head);
    reader->known_from = step->number;
    return SEGLOG_OK;
}

static void
take_predecessor(const struct slg_step *step, struct slg_chain_event *event)
{
    struct slg_predecessor stored;
    struct seglog_predecessor *predecessor = &event->predecessor;

    slg_predecessor_decode(step->bytes, &stored);
    memcpy(predecessor->identity, stored.identity,
           sizeof predecessor->identity);
    predecessor->epoch = stored.epoch;
    predecessor->number = stored.number;
    predecessor->end = stored.end;
    predecessor->checksum = stored.last_checksum;
}

/* A frame without records.  END: one that says nothing here. */
static seglog_code
take_control(struct slg_chain_reader *reader, struct slg_chain_event *event,
             struct seglog_error *err)
{
    const struct slg_step *step = &reader->reader->step;
    const bool is_after_sync = reader->is_after_sync;
    seglog_code code = SEGLOG_OK;

    event_start(reader, event, SLG_CHAIN_EVENT_CLOSED, step->number,
                step->offset);
    reader->is_after_sync = step->frame.control == SLG_CONTROL_SYNC_POINT;
    switch (step->frame.control) {
    case SLG_CONTROL_CHAIN_HEAD:
        if (!slg_chain_head_decode(step->bytes, &step->frame, &event->head))
            return SEGLOG_END;
        event->type = SLG_CHAIN_EVENT_HEAD;
        reader->is_after_sync = is_after_sync;
        code = take_head(reader, event, err);
        reader->is_after_sync = false;
        break;
    case SLG_CONTROL_TOMBSTONE:
        if (!slg_tombstone_decode(step->bytes, &step->frame, &event->tombstone))
            return SEGLOG_END;
        event->type = SLG_CHAIN_EVENT_TOMBSTONE;
        slg_chain_add_tombstone(&reader->chain, &event->tombstone);
        break;
    case SLG_CONTROL_SIGNATURE:
        if (!slg_signature_decode(step->bytes, &step->frame, &event->signature))
            return SEGLOG_END;
        event->type = SLG_CHAIN_EVENT_SIGNATURE;
        break;
    case SLG_CONTROL_PREDECESSOR:
        event->type = SLG_CHAIN_EVENT_PREDECESSOR;
        take_predecessor(step, event);
        break;
    case SLG_CONTROL_CLOSING_MARK:
        break;
    default:
        return SEGLOG_END;
    }
    event_end(reader, event);
    return code;
}

/* Strict: remember where, for those who want to go on behind it. */
static void
note_broken(struct slg_chain_reader *reader,
            const struct slg_place_in_segment *at)
{
    const struct seglog_reader *below = reader->reader;

    if (below->broken == SEGLOG_OK || reader->is_broken)
        return;
    reader->is_broken = true;
    reader->broken_at = *at;
    reader->broken_offset =
        below->broken_error.offset > at->pos &&
                below->broken_error.offset < below->walk.window.size
            ? below->broken_error.offset
            : at->pos;
}

seglog_code
slg_chain_reader_next(struct slg_chain_reader *reader,
                      struct slg_chain_event *event, struct seglog_error *err)
{
    struct seglog_reader *below = reader->reader;
    seglog_code code = SEGLOG_END;

    while (code == SEGLOG_END) {
        const struct slg_place_in_segment at = below->walk.at;

        code = seglog_reader_next(below, &reader->event, err);
        if (code != SEGLOG_OK) {
            note_broken(reader, &at);
            return code;
        }
        if (reader->event.type == SLG_EVENT_CONTROL) {
            code = take_control(reader, event, err);
            continue;
        }
        reader->is_after_sync = false;
        if (reader->event.type == SEGLOG_EVENT_RECORD)
            take_record(reader, event);
        else
            take_gap(reader, event);
    }
    return code;
}

seglog_code
slg_chain_reader_wait(struct slg_chain_reader *reader, int timeout_ms,
                      struct seglog_error *err)
{
    return seglog_reader_wait(reader->reader, timeout_ms, err);
}

void
slg_chain_reader_get_state(const struct slg_chain_reader *reader,
                           struct slg_chain_reader_state *state)
{
    const struct slg_walk *walk = &reader->reader->walk;

    *state = (struct slg_chain_reader_state){
        .chain = (enum seglog_chain)reader->chain.algorithm,
        .offset = walk->at.pos,
        .size = walk->window.size,
        .next_record = walk->at.number,
        .first_record = walk->header.first_record,
        .epoch = walk->at.epoch,
        .is_sealed = walk->limits.is_sealed,
        .bytes_read = walk->window.bytes_read,
    };
    memcpy(state->identity, walk->header.identity, sizeof state->identity);
}

bool
slg_chain_reader_is_replaced(const struct slg_chain_reader *reader)
{
    uint64_t size = 0;
    bool is_replaced = false;

    return seglog_blob_get_size(reader->reader->blob, &size, &is_replaced,
                                NULL) != SEGLOG_OK ||
           is_replaced;
}

bool
slg_chain_event_may_hide_tombstone(const struct slg_chain_event *event,
                                   bool is_behind_records)
{
    const struct seglog_finding *finding = &event->finding;

    return event->type == SLG_CHAIN_EVENT_GAP && !finding->is_recorded &&
           finding->verdict != SEGLOG_VERDICT_TORN &&
           finding->cause != SEGLOG_CAUSE_PASSED_OVER &&
           !slg_chain_needs_none_of(finding->byte_count, is_behind_records,
                                    event->offset);
}
