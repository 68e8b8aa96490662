/* SPDX-License-Identifier: MIT */
/* src/stream/stream_tombstone.c - an event is marked: its payload may go. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include <inttypes.h>
#include <string.h>

#include "src/store/fail.h"
#include "src/stream/stream_slot.h"

/* -- which there are ------------------------------------------------------- */

static seglog_code
fail_exists(uint64_t number, struct seglog_error *err)
{
    const struct slg_place place = { .record_no = number,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_EXISTS, &place,
                    "the event %" PRIu64 " has a tombstone already",
                    number - 1);
}

seglog_code
slg_slot_check_tombstone(struct slg_slot *slot, uint64_t number,
                         struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;
    bool is_there = false;

    (void)pthread_mutex_lock(&slot->tombs_mutex);
    code =
        slg_tombs_follow(&slot->tombs, slot->streams->store, slot->stream, err);
    is_there = slg_tombs_have(&slot->tombs, number);
    (void)pthread_mutex_unlock(&slot->tombs_mutex);
    if (code != SEGLOG_OK)
        return code;
    return is_there ? fail_exists(number, err) : SEGLOG_OK;
}

/* -- the event ------------------------------------------------------------- */

struct search {
    const char *name; /* of the segment */
    struct slg_tombstone *tombstone;
    bool is_found;
    bool is_over; /* a chain head behind it, or the end */
};

static seglog_code
fail_event(const struct search *search, const char *what,
           struct seglog_error *err)
{
    const struct slg_place place = { .name = search->name,
                                     .record_no = search->tombstone->number,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_CORRUPT, &place, "%s", what);
}

static seglog_code
record_take(struct search *search, const struct slg_chain_event *event,
            struct seglog_error *err)
{
    if (search->is_found || event->number < search->tombstone->number)
        return SEGLOG_OK;
    if (event->number > search->tombstone->number || !event->is_before_known)
        return fail_event(search, "the event is missing, or its hash unknown",
                          err);
    search->tombstone->before = event->before;
    search->tombstone->hash = event->hash;
    search->is_found = true;
    return SEGLOG_OK;
}

static seglog_code
gap_take(struct search *search, const struct slg_chain_event *event,
         struct seglog_error *err)
{
    const struct seglog_finding *finding = &event->finding;
    const uint64_t number = search->tombstone->number;

    if (search->is_found || finding->first_record > number ||
        finding->last_record < number)
        return SEGLOG_OK;
    if (finding->cause == SEGLOG_CAUSE_DROPPED)
        return fail_exists(number, err);
    return fail_event(search, "the event was lost", err);
}

/* What a tombstone says of an event that was changed would vouch for it. */
static seglog_code
head_take(struct search *search, const struct slg_chain_event *event,
          struct seglog_error *err)
{
    search->is_over = search->is_found;
    /* What is before the event is gone on from where that head stands. */
    if (!event->is_broken || event->number <= search->tombstone->number)
        return SEGLOG_OK;
    return fail_event(search,
                      "the events do not lead to the head that stands behind "
                      "them: one of them was changed",
                      err);
}

static seglog_code
event_take(struct search *search, const struct slg_chain_event *event,
           struct seglog_error *err)
{
    switch (event->type) {
    case SLG_CHAIN_EVENT_RECORD:
        return record_take(search, event, err);
    case SLG_CHAIN_EVENT_GAP:
        return gap_take(search, event, err);
    case SLG_CHAIN_EVENT_HEAD:
        return head_take(search, event, err);
    default:
        return SEGLOG_OK;
    }
}

static seglog_code
segment_search(struct search *search, struct slg_chain_reader *reader,
               struct seglog_error *err)
{
    struct slg_chain_reader_state state;
    seglog_code code =
        slg_chain_reader_seek(reader, search->tombstone->number, err);

    while (code == SEGLOG_OK && !search->is_over) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        if (code == SEGLOG_OK)
            code = event_take(search, &event, err);
    }
    slg_chain_reader_get_state(reader, &state);
    search->tombstone->algorithm = (uint8_t)state.chain;
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* Damage that has cost no event, or not this one, does not keep from marking:
 * a salvaging reader tells which it is. */
static seglog_code
segment_salvage(struct slg_slot *slot, struct search *search,
                struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = true };
    struct slg_chain_reader *reader = NULL;
    seglog_code code = slg_chain_reader_open(slot->streams->store, search->name,
                                             &options, &reader, err);

    search->is_found = false;
    search->is_over = false;
    if (code == SEGLOG_OK)
        code = segment_search(search, reader, err);
    slg_chain_reader_close(reader);
    return code;
}

/* is_found false: there is none, in the segments that are known. */
static seglog_code
event_search(struct slg_slot *slot, struct slg_tombstone *tombstone,
             bool *is_found, struct seglog_error *err)
{
    struct search search = { .tombstone = tombstone };
    struct slg_open_reader spare = { 0 };
    struct slg_open_reader *open = NULL;
    bool is_last = false;
    seglog_code code = slg_readers_take(&slot->readers, tombstone->number - 1,
                                        &spare, &open, &is_last, err);

    *is_found = false;
    if (code != SEGLOG_OK)
        return code == SEGLOG_END ? SEGLOG_OK : code;
    search.name = open->name;
    code = segment_search(&search, open->reader, err);
    if (code == SEGLOG_CORRUPT)
        code = segment_salvage(slot, &search, err);
    slg_readers_give(&slot->readers, open, code == SEGLOG_OK);
    *is_found = search.is_found;
    return code;
}

static seglog_code
event_find(struct slg_slot *slot, struct slg_tombstone *tombstone,
           struct seglog_error *err)
{
    const struct slg_place place = { .record_no = tombstone->number,
                                     .offset = SEGLOG_NO_OFFSET };
    bool is_found = false;
    seglog_code code = event_search(slot, tombstone, &is_found, err);

    /* It may be in a segment that has come since they were listed. */
    if (code == SEGLOG_OK && !is_found) {
        slg_readers_forget(&slot->readers);
        code = event_search(slot, tombstone, &is_found, err);
    }
    if (code != SEGLOG_OK || is_found)
        return code;
    return slg_fail(err, SEGLOG_NOT_FOUND, &place,
                    "there is no such event in the stream");
}

/* -- the call -------------------------------------------------------------- */

/* What is known already is read before the segment is locked. */
static seglog_code
event_mark(struct slg_slot *slot, struct slg_request *request,
           struct slg_tombstone *tombstone)
{
    struct seglog_error local;
    seglog_code sync_code = SEGLOG_OK;
    seglog_code code = event_find(slot, tombstone, request->err);

    if (code == SEGLOG_OK) {
        code = slg_slot_check_tombstone(slot, tombstone->number, request->err);
        /* It counts if it is there still when the segment is locked: not if
         * somebody has mended the stream. */
        if (code == SEGLOG_OK || code == SEGLOG_EXISTS)
            code = slg_slot_ask(slot, request);
    }
    if (code == SEGLOG_OK)
        return slg_slot_sync(slot, request);
    if (code != SEGLOG_EXISTS)
        return code;
    /* Whoever has put it may not have got to the sync. */
    sync_code =
        slg_stream_sync_last(slot->streams->store, slot->stream, &local);
    if (sync_code != SEGLOG_OK && request->err)
        *request->err = local;
    return sync_code == SEGLOG_OK ? code : sync_code;
}

seglog_code
seglog_stream_tombstone(struct seglog_streams streams, uint64_t stream,
                        uint64_t offset, struct seglog_stream_end *end,
                        struct seglog_error *err)
{
    struct slg_tombstone tombstone = { .number = offset + 1 };
    struct slg_request request = { .kind = SLG_REQUEST_TOMBSTONE,
                                   .tombstone = &tombstone,
                                   .err = err };
    struct slg_streams *own = NULL;
    struct slg_slot *slot = NULL;
    seglog_code code = slg_streams_of(streams, &own, err);

    if (code == SEGLOG_OK)
        code = slg_streams_check_writable(own, err);
    if (code != SEGLOG_OK)
        return code;
    /* No number is so high: SPEC.md 1. */
    if (offset >= INT64_MAX)
        return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "there is no such event in the stream");
    code = slg_slot_take(own, stream, &slot, err);
    if (code != SEGLOG_OK)
        return code;
    code = event_mark(slot, &request, &tombstone);
    slg_slot_give(slot);
    if (code == SEGLOG_OK && end)
        *end = request.end;
    return code;
}
