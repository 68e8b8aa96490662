/* SPDX-License-Identifier: MIT */
/* fuzz/stream_look.c - what is told is right. */
#include "fuzz/stream_world.h"

#include <string.h>

bool
is_refusal(seglog_code code)
{
    return code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT ||
           code == SEGLOG_READ_ONLY || code == SEGLOG_SEALED ||
           code == SEGLOG_TOO_LARGE || code == SEGLOG_NO_MEMORY ||
           code == SEGLOG_LOCKED;
}

void
must_be_done(const struct world *world, seglog_code code)
{
    MUST(code == SEGLOG_OK || (code == SEGLOG_NOT_FOUND && world->count == 0) ||
         (world->is_damaged && is_refusal(code)));
}

void
end_ask(struct world *world, struct seglog_streams streams)
{
    struct seglog_stream_end end;
    const seglog_code code =
        seglog_stream_latest_chain_hash(streams, STREAM, &end, NULL);

    if (code == SEGLOG_OK)
        end_follow(world, &end);
    else
        MUST(world->is_damaged && is_refusal(code));
}

static void
events_must_be(const struct world *world, uint64_t from, uint64_t most,
               const struct seglog_stream_event *events, size_t count)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        const struct event *want = &world->events[from + i];

        MUST(from + i < world->count && events[i].offset == from + i);
        MUST(events[i].is_dropped ? want->is_marked
                                  : !want->is_dropped || world->is_damaged);
        if (events[i].is_dropped) {
            MUST(bytes < most && events[i].data.len == 0);
            continue;
        }
        MUST(events[i].data.len == want->len);
        MUST(want->len == 0 ||
             memcmp(events[i].data.data, want->bytes, want->len) == 0);
        MUST(bytes < most);
        bytes += want->len;
    }
    MUST(world->is_damaged || bytes >= most || from >= world->count ||
         from + count == world->count);
}

void
read_any(struct world *world, struct seglog_streams streams, uint64_t from,
         uint64_t most)
{
    struct seglog_stream_event *events = NULL;
    size_t count = 0;
    struct seglog_error err = { 0 };
    const seglog_code code = seglog_stream_read_from(
        streams, STREAM, from, most, &events, &count, &err);

    if (from < world->begin)
        MUST(code == SEGLOG_NOT_FOUND && err.actual == world->begin && !events);
    else if (code != SEGLOG_OK)
        MUST(world->is_damaged && is_refusal(code) && !events);
    else
        events_must_be(world, from, most, events, count);
    seglog_free(events);
}

void
verify(struct world *world, struct seglog_streams streams, uint64_t kept)
{
    const struct seglog_kept_head head = {
        .end = { .next_offset = kept, .hash = head_at(world, kept).hash },
    };
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .kept = &head,
        .kept_count = kept > 0,
        .threads = 1,
    };
    struct seglog_stream_verified verified;
    const seglog_code code =
        seglog_stream_verify(streams, STREAM, &options, &verified, NULL);

    must_be_done(world, code);
    if (code != SEGLOG_OK || world->is_damaged)
        return;
    MUST(verified.is_good);
    MUST(verified.events == world->count - world->begin);
    end_follow(world, &verified.end);
}
