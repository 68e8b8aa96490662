/* SPDX-License-Identifier: MIT */
/* src/stream/stream_wait.c - wait until there is an event. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include <inttypes.h>
#include <limits.h>
#include <time.h>

#include "src/segment/segment_chain_reader.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_store.h"

#define NS_PER_MS INT64_C(1000000)

/* So often may the last segment be gone when it is opened. */
#define GONE_MAX 64u

struct watch {
    const struct slg_streams *streams;
    uint64_t stream;
    uint64_t record; /* that is waited for */
    int64_t deadline_ns;
    int pause_ms; /* before the next look, where nothing wakes */
    bool is_there;
    bool is_interrupted;
};

/* -- how long -------------------------------------------------------------- */

/* Soon at first: somebody may be about to put there what is waited for. */
static int
pause_next(struct watch *watch)
{
    const int pause_ms =
        slg_deadline_left_ms(watch->deadline_ns, watch->pause_ms);

    watch->pause_ms =
        2 * watch->pause_ms < SLG_POLL_MS ? 2 * watch->pause_ms : SLG_POLL_MS;
    return pause_ms;
}

static void
pause_make(struct watch *watch)
{
    const struct timespec pause =
        slg_timespec_from_ns(pause_next(watch) * NS_PER_MS);

    watch->is_interrupted = nanosleep(&pause, NULL) != 0;
}

/* -- the last segment ------------------------------------------------------ */

/* It, or one behind it. */
static bool
event_is_awaited(const struct slg_chain_event *event, uint64_t record)
{
    switch (event->type) {
    case SLG_CHAIN_EVENT_RECORD:
        return event->number >= record;
    case SLG_CHAIN_EVENT_GAP:
        return event->finding.last_record >= record;
    default:
        return event->number > record;
    }
}

/*
 * The reader has read to its end, and waits for another one than that: what
 * comes meanwhile is not missed.  Behind a closing mark another segment may
 * come, of which nothing here tells.
 */
static seglog_code
end_wait(struct watch *watch, struct slg_chain_reader *reader, bool is_closed,
         struct seglog_error *err)
{
    const int wait_ms = is_closed
                            ? pause_next(watch)
                            : slg_deadline_left_ms(watch->deadline_ns, INT_MAX);
    const int64_t until_ns = slg_deadline_ns(wait_ms);
    struct seglog_error local;
    const seglog_code code = slg_chain_reader_wait(reader, wait_ms, &local);

    switch (code) {
    case SEGLOG_OK:
        watch->pause_ms = 1;
        return SEGLOG_OK;
    case SEGLOG_SEALED: /* replaced: another one is to be looked at */
        return SEGLOG_OK;
    case SEGLOG_END:
        watch->is_interrupted = slg_deadline_left_ns(until_ns) > 0;
        return SEGLOG_OK;
    default:
        if (err)
            *err = local;
        return code;
    }
}

static seglog_code
segment_read(struct watch *watch, struct slg_chain_reader *reader,
             struct seglog_error *err)
{
    bool is_closed = false;
    seglog_code code = slg_chain_reader_seek(reader, watch->record, err);

    while (code == SEGLOG_OK && !watch->is_there) {
        struct slg_chain_event event;

        code = slg_chain_reader_next(reader, &event, err);
        if (code != SEGLOG_OK)
            break;
        is_closed = event.type == SLG_CHAIN_EVENT_CLOSED;
        watch->is_there = event_is_awaited(&event, watch->record);
    }
    return code == SEGLOG_END ? end_wait(watch, reader, is_closed, err) : code;
}

/* Where it ends in spite of that is another question; it may be cut back to
 * the size it has. */
static seglog_code
damaged_look(struct watch *watch, const char *name, struct seglog_error *err)
{
    struct seglog_stream_end end;
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    seglog_code code = seglog_blob_open(watch->streams->store, name,
                                        SEGLOG_OPEN_READ, &blob, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(blob, &size, NULL, err);
    if (code == SEGLOG_OK)
        code = slg_stream_end_read(watch->streams, watch->stream, &end, err);
    if (code == SEGLOG_OK) {
        watch->is_there = end.next_offset >= watch->record;
        if (!watch->is_there)
            code = seglog_blob_wait(blob, size, pause_next(watch), err);
    }
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

static seglog_code
segment_look(struct watch *watch, const struct slg_stream_part *part,
             struct seglog_error *err)
{
    const struct slg_chain_reader_options options = { .salvage = false };
    struct slg_chain_reader *reader = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_error local;
    seglog_code code = slg_chain_reader_open(
        watch->streams->store, slg_stream_part_name(watch->stream, part, name),
        &options, &reader, &local);

    if (code == SEGLOG_OK)
        code = segment_read(watch, reader, &local);
    slg_chain_reader_close(reader);
    if (code == SEGLOG_CORRUPT)
        code = damaged_look(watch, name, &local);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

/* -- the call -------------------------------------------------------------- */

/* And wait, if it is not there, until something else may be. */
static seglog_code
stream_look(struct watch *watch, struct seglog_error *err)
{
    struct slg_stream_parts parts = { 0 };
    const struct slg_stream_part *last = NULL;
    seglog_code code = slg_stream_parts_list(watch->streams->store,
                                             watch->stream, &parts, err);

    last = slg_stream_parts_last(&parts);
    if (code == SEGLOG_OK && !last)
        pause_make(watch);
    else if (code == SEGLOG_OK && last->offset >= watch->record)
        watch->is_there = true;
    else if (code == SEGLOG_OK)
        code = segment_look(watch, last, err);
    slg_stream_parts_reset(&parts);
    return code;
}

seglog_code
seglog_stream_wait(struct seglog_streams streams, uint64_t stream,
                   uint64_t next_offset, int timeout_ms,
                   struct seglog_error *err)
{
    /* No number is so high: SPEC.md 1. */
    struct watch watch = { .stream = stream,
                           .record = next_offset < INT64_MAX ? next_offset + 1
                                                             : INT64_MAX,
                           .deadline_ns = slg_deadline_ns(timeout_ms),
                           .pause_ms = 1 };
    struct slg_streams *own = NULL;
    unsigned gone = 0;
    bool is_last_look = false;
    seglog_code code = slg_streams_of(streams, &own, err);

    watch.streams = own;
    while (code == SEGLOG_OK && !watch.is_there && !watch.is_interrupted &&
           !is_last_look) {
        is_last_look = slg_deadline_left_ns(watch.deadline_ns) == 0;
        code = stream_look(&watch, err);
        gone = code == SEGLOG_NOT_FOUND ? gone + 1 : 0;
        if (gone > 0 && gone < GONE_MAX)
            code = SEGLOG_OK;
    }
    if (code != SEGLOG_OK || watch.is_there)
        return code;
    return slg_fail(err, SEGLOG_END, NULL,
                    "there is no event at offset %" PRIu64 " yet", next_offset);
}
