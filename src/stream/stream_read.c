/* SPDX-License-Identifier: MIT */
/* src/stream/stream_read.c - read_from. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_chain.h"
#include "src/store/fail.h"
#include "src/stream/stream_slot.h"

#define BYTES_MIN  ((size_t)4096)
#define EVENTS_MIN ((size_t)64)

/* What was read so far; data of an event is a place in bytes until the end. */
struct pile {
    struct seglog_stream_event *events;
    size_t count;
    size_t cap;
    char *bytes;
    size_t len;
    size_t bytes_cap;
};

struct reading {
    struct slg_readers *readers;
    uint64_t from; /* record numbers */
    uint64_t next; /* wanted */
    uint64_t max_bytes;
    struct pile pile;
    /* Of the segment that is read. */
    struct slg_open_reader *open;
    bool is_closed; /* a closing mark was the last thing there */
    bool
        is_broken; /* what is wrong with it was found here, not by the reader */
    /* The head behind what was read last, if it is known, and the number of
     * the record that is next there. */
    struct seglog_chain_hash head;
    bool is_head_known;
    uint64_t head_at;
    uint32_t head_in; /* the segment that it is of */
};

/* -- the pile -------------------------------------------------------------- */

static void
pile_free(struct pile *pile)
{
    free(pile->events);
    free(pile->bytes);
    *pile = (struct pile){ 0 };
}

static bool
events_reserve(struct pile *pile)
{
    const size_t cap = pile->cap ? 2 * pile->cap : EVENTS_MIN;
    struct seglog_stream_event *grown = NULL;

    if (pile->count < pile->cap)
        return true;
    if (cap > SIZE_MAX / sizeof *grown / 2)
        return false;
    grown = realloc(pile->events, cap * sizeof *grown);
    if (!grown)
        return false;
    pile->events = grown;
    pile->cap = cap;
    return true;
}

static bool
bytes_reserve(struct pile *pile, size_t more)
{
    size_t cap = pile->bytes_cap ? pile->bytes_cap : BYTES_MIN;
    char *grown = NULL;

    if (more <= pile->bytes_cap - pile->len)
        return true;
    if (more > SIZE_MAX / 4 - pile->len)
        return false;
    while (cap < pile->len + more)
        cap += cap / 2;
    grown = realloc(pile->bytes, cap);
    if (!grown)
        return false;
    pile->bytes = grown;
    pile->bytes_cap = cap;
    return true;
}

static seglog_code
pile_add(struct pile *pile, uint64_t offset, const struct seglog_record *record,
         struct seglog_error *err)
{
    const size_t len = record ? record->len : 0;

    if (!events_reserve(pile) || !bytes_reserve(pile, len))
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the events of a stream: ask for fewer "
                        "bytes at once");
    if (len > 0)
        memcpy(pile->bytes + pile->len, record->data, len);
    pile->events[pile->count++] = (struct seglog_stream_event){
        .offset = offset,
        .is_dropped = !record,
        .data = { .len = len },
    };
    pile->len += len;
    return SEGLOG_OK;
}

/* All of it in one block, which the caller has to free. */
static seglog_code
pile_hand_out(const struct pile *pile, struct seglog_stream_event **events,
              size_t *count, struct seglog_error *err)
{
    const size_t head = pile->count * sizeof **events;
    struct seglog_stream_event *block = NULL;
    char *bytes = NULL;

    if (pile->count == 0)
        return SEGLOG_OK;
    if (pile->len <= SIZE_MAX - head)
        block = malloc(head + pile->len);
    if (!block)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the events of a stream");
    memcpy(block, pile->events, head);
    bytes = (char *)(block + pile->count);
    if (pile->len > 0)
        memcpy(bytes, pile->bytes, pile->len);
    for (size_t i = 0; i < pile->count; i++) {
        block[i].data.data = bytes;
        bytes += block[i].data.len;
    }
    *events = block;
    *count = pile->count;
    return SEGLOG_OK;
}

/* -- what is wrong --------------------------------------------------------- */

static seglog_code
fail_record(struct reading *reading, uint64_t record_no, const char *what,
            struct seglog_error *err)
{
    const struct slg_place place = {
        .name = reading->open ? reading->open->name : NULL,
        .record_no = record_no,
        .offset = SEGLOG_NO_OFFSET,
    };

    reading->is_broken = true;
    (void)slg_fail(err, SEGLOG_CORRUPT, &place, "%s", what);
    return slg_fail_actual(err, SEGLOG_CORRUPT, record_no - 1);
}

/* -- one segment ----------------------------------------------------------- */

static bool
is_enough(const struct reading *reading)
{
    return reading->pile.len >= reading->max_bytes;
}

/*
 * The chain does not lead to a head that stands here.  What is before the first
 * event that was asked for is none of the caller's business.
 */
static seglog_code
head_judge(struct reading *reading, const struct slg_chain_event *event,
           struct seglog_error *err)
{
    if (!event->is_broken || event->number <= reading->from)
        return SEGLOG_OK;
    return fail_record(reading, event->known_from,
                       "the events do not lead to the head that stands behind "
                       "them: one of them was changed",
                       err);
}

/* What the segments take, of which some may go meanwhile. */
static seglog_code
stream_bytes(const struct slg_readers *readers, uint64_t *bytes,
             struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    seglog_code code =
        slg_stream_parts_list(readers->store, readers->stream, &parts, err);

    *bytes = 0;
    for (size_t i = 0; i < parts.count && code == SEGLOG_OK; i++) {
        struct seglog_blob blob = { 0 };
        char name[SEGLOG_STREAM_NAME_CAP];
        uint64_t size = 0;

        code = seglog_blob_open(
            readers->store,
            slg_stream_part_name(readers->stream, &parts.parts[i], name),
            SEGLOG_OPEN_READ, &blob, err);
        if (code == SEGLOG_NOT_FOUND) {
            code = SEGLOG_OK;
            continue;
        }
        if (code == SEGLOG_OK)
            code = seglog_blob_get_size(blob, &size, NULL, err);
        *bytes += size;
        (void)seglog_blob_close(&blob, NULL);
    }
    slg_stream_parts_reset(&parts);
    return code;
}

/* Each that was dropped has a tombstone somewhere behind it, which takes more
 * than a byte: so the memory for them is bounded by what the stream takes. */
static seglog_code
dropped_check(struct reading *reading, uint64_t count, struct seglog_error *err)
{
    struct slg_chain_reader_state state;
    uint64_t bytes = 0;
    seglog_code code = SEGLOG_OK;

    slg_chain_reader_get_state(reading->open->reader, &state);
    if (count < state.size)
        return SEGLOG_OK;
    code = stream_bytes(reading->readers, &bytes, err);
    if (code != SEGLOG_OK || count < bytes)
        return code;
    return fail_record(reading, reading->next,
                       "more events are said to be dropped than there can "
                       "have been",
                       err);
}

static seglog_code
dropped_add(struct reading *reading, const struct slg_chain_event *event,
            struct seglog_error *err)
{
    const uint64_t last = event->finding.last_record;
    seglog_code code =
        dropped_check(reading, last - event->finding.first_record, err);

    while (reading->next <= last && code == SEGLOG_OK) {
        code = pile_add(&reading->pile, reading->next - 1, NULL, err);
        reading->next += code == SEGLOG_OK;
    }
    return code;
}

static seglog_code
gap_take(struct reading *reading, const struct slg_chain_event *event,
         struct seglog_error *err)
{
    /* A torn tail is the end for now; and not all damage costs an event. */
    if (event->finding.verdict == SEGLOG_VERDICT_TORN ||
        event->finding.last_record < reading->next)
        return SEGLOG_OK;
    if (event->finding.cause != SEGLOG_CAUSE_DROPPED ||
        event->finding.first_record > reading->next)
        return fail_record(reading, reading->next, "the event was lost", err);
    return dropped_add(reading, event, err);
}

static seglog_code
record_take(struct reading *reading, const struct slg_chain_event *event,
            struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (event->number < reading->next)
        return SEGLOG_OK;
    if (event->number > reading->next)
        return fail_record(reading, reading->next, "the event is missing", err);
    code = pile_add(&reading->pile, event->number - 1, &event->record, err);
    reading->next += code == SEGLOG_OK;
    return code;
}

static seglog_code
event_take(struct reading *reading, const struct slg_chain_event *event,
           struct seglog_error *err)
{
    reading->is_closed = event->type == SLG_CHAIN_EVENT_CLOSED;
    reading->head = event->hash;
    reading->is_head_known = event->is_known;
    reading->head_at = event->number + (event->type == SLG_CHAIN_EVENT_RECORD);
    reading->head_in = reading->open->part.first;
    switch (event->type) {
    case SLG_CHAIN_EVENT_RECORD:
        return record_take(reading, event, err);
    case SLG_CHAIN_EVENT_GAP:
        return gap_take(reading, event, err);
    case SLG_CHAIN_EVENT_HEAD:
        return head_judge(reading, event, err);
    default:
        return SEGLOG_OK;
    }
}

/* To the end of the segment, or until it is enough. */
static seglog_code
events_read(struct reading *reading, struct slg_chain_reader *reader,
            struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK && !is_enough(reading)) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            code = event_take(reading, &event, err);
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/*
 * Damage in front of what is wanted, or that has cost no event, does not keep
 * from reading: a salvaging reader tells which it is.
 */
static seglog_code
segment_salvage(struct reading *reading, struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct slg_chain_reader *reader = NULL;
    seglog_code code = slg_chain_reader_open(
        reading->readers->store, reading->open->name, &options, &reader, err);

    reading->is_head_known = false;
    if (code == SEGLOG_OK)
        code = slg_chain_reader_seek(reader, reading->next, err);
    if (code == SEGLOG_OK)
        code = events_read(reading, reader, err);
    slg_chain_reader_close(reader);
    return code;
}

/* The head with which a segment begins is that at the end of the one before. */
static seglog_code
segment_join(struct reading *reading, const struct seglog_chain_hash *before,
             struct seglog_error *err)
{
    struct slg_chain_event event;
    seglog_code code =
        slg_chain_reader_next(reading->open->reader, &event, err);

    if (code == SEGLOG_OK && event.type == SLG_CHAIN_EVENT_HEAD &&
        !slg_chain_hash_is_same(&event.hash, before))
        return fail_record(reading, reading->next - 1,
                           "the next segment does not begin with the head at "
                           "the end of this one",
                           err);
    if (code == SEGLOG_OK)
        return event_take(reading, &event, err);
    /* The next call says the same, and is judged. */
    return code == SEGLOG_END || code == SEGLOG_CORRUPT ? SEGLOG_OK : code;
}

static seglog_code
segment_read(struct reading *reading, struct seglog_error *err)
{
    const struct seglog_chain_hash before = reading->head;
    const bool is_joined = reading->is_head_known &&
                           reading->head_at == reading->next &&
                           reading->head_in != reading->open->part.first &&
                           reading->next == reading->open->part.offset + 1;
    struct seglog_error local;
    /* Joined, from its start on: tombstones may be in front of its first
     * record, and a checkpoint behind them. */
    seglog_code code = slg_chain_reader_seek(
        reading->open->reader, reading->next - (is_joined ? 1 : 0), err);

    reading->is_closed = false;
    reading->is_head_known = false;
    reading->is_broken = false;
    if (code == SEGLOG_OK && is_joined)
        code = segment_join(reading, &before, err);
    if (code == SEGLOG_OK)
        code = events_read(reading, reading->open->reader, &local);
    else
        return code;
    if (code == SEGLOG_CORRUPT && !reading->is_broken)
        return segment_salvage(reading, err);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

/* -- one after the other --------------------------------------------------- */

/* END: there is nothing more. */
static seglog_code
next_segment_read(struct reading *reading, bool *is_last,
                  struct seglog_error *err)
{
    struct slg_open_reader spare = { 0 };
    seglog_code code = slg_readers_take(reading->readers, reading->next - 1,
                                        &spare, &reading->open, is_last, err);

    if (code != SEGLOG_OK)
        return code;
    if (reading->open->part.offset + 1 > reading->next)
        code =
            fail_record(reading, reading->next, "its segment is missing", err);
    else
        code = segment_read(reading, err);
    slg_readers_give(reading->readers, reading->open, code == SEGLOG_OK);
    reading->open = NULL;
    return code;
}

/* What follows a segment begins where that has ended. */
static seglog_code
segments_read(struct reading *reading, struct seglog_error *err)
{
    bool is_new = false; /* which segments there are was just looked at */
    bool is_last = false;
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK && !is_enough(reading)) {
        const uint64_t next = reading->next;

        code = next_segment_read(reading, &is_last, err);
        if (code != SEGLOG_OK || (is_last && !reading->is_closed))
            break;
        if (reading->next != next) {
            is_new = false;
        } else if (!is_new) {
            slg_readers_forget(reading->readers);
            is_new = true;
        } else {
            break;
        }
    }
    if (code == SEGLOG_OK && is_new && !is_last)
        return fail_record(reading, reading->next,
                           "the event is missing, and a segment behind it is "
                           "there",
                           err);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

seglog_code
slg_stream_read(struct slg_streams *streams, uint64_t stream,
                uint64_t from_offset, uint64_t max_bytes,
                struct seglog_stream_event **events, size_t *count,
                struct seglog_error *err)
{
    struct reading reading = { .max_bytes = max_bytes };
    struct slg_slot *slot = NULL;
    seglog_code code = SEGLOG_OK;

    /* No number is so high: SPEC.md 1. */
    if (max_bytes == 0 || from_offset >= INT64_MAX)
        return SEGLOG_OK;
    code = slg_slot_take(streams, stream, &slot, err);
    if (code != SEGLOG_OK)
        return code;
    reading.readers = &slot->readers;
    reading.from = from_offset + 1;
    reading.next = reading.from;
    code = segments_read(&reading, err);
    slg_slot_give(slot);
    if (code == SEGLOG_OK)
        code = pile_hand_out(&reading.pile, events, count, err);
    pile_free(&reading.pile);
    return code;
}
