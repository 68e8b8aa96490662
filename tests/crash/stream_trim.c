/* SPDX-License-Identifier: MIT */
/* tests/crash/stream_trim.c - the first segments of a stream go. */
#include "tests/crash/stream_world.h"

/* What is before it is not there, and said to be trimmed. */
static void
trimmed_look(struct stream_world *world, struct seglog_streams streams,
             unsigned which)
{
    const struct stream_log *log = &world->logs[which];
    struct seglog_stream_event *events = NULL;
    struct seglog_error err = { .actual = 0 };
    size_t count = 0;

    if (log->begin == 0)
        return;
    stream_hold(world, STREAM_T9,
                seglog_stream_read_from(
                    streams, which, crash_random(&world->chance) % log->begin,
                    1, &events, &count, &err) == SEGLOG_NOT_FOUND &&
                    err.actual == log->begin && count == 0);
}

/* Verifying begins where it begins, with the head that it had there. */
static void
begin_verify(struct stream_world *world, struct seglog_streams streams,
             unsigned which)
{
    const struct seglog_stream_verify_options options = { .size =
                                                              sizeof options,
                                                          .threads = 1 };
    const struct stream_log *log = &world->logs[which];
    struct seglog_stream_verified result;

    if (log->begin == 0)
        return;
    stream_hold(
        world, STREAM_T9,
        seglog_stream_verify(streams, which, &options, &result, NULL) ==
                SEGLOG_OK &&
            result.from_offset == log->begin &&
            (result.is_good || result.first.fault != SEGLOG_STREAM_FAULT_LINK));
}

void
stream_begin_adopt(struct stream_world *world, struct seglog_streams streams,
                   unsigned which, bool is_power_cut)
{
    struct stream_log *log = &world->logs[which];
    struct seglog_stream_info info = { .begin = 0 };
    const seglog_code code =
        seglog_stream_get_info(streams, which, &info, NULL);

    stream_hold(world, STREAM_T9,
                code == SEGLOG_OK || (code == SEGLOG_NOT_FOUND));
    stream_hold(world, STREAM_T9,
                info.begin >= log->begin_least &&
                    info.begin <= log->begin_most);
    log->begin = (size_t)info.begin;
    if (is_power_cut)
        log->begin_least = log->begin_most = log->begin;
    /* What has gone was synced, and all in front of what is left. */
    if (log->synced < log->begin)
        log->synced = log->begin;
    trimmed_look(world, streams, which);
    begin_verify(world, streams, which);
}

static void
trim_done(struct stream_world *world, unsigned which,
          const struct seglog_stream_trimmed *trimmed)
{
    struct stream_log *log = &world->logs[which];

    stream_say(world, "  begins at %llu, %llu segments gone",
               (unsigned long long)trimmed->begin,
               (unsigned long long)trimmed->segments);
    stream_hold(world, STREAM_T9,
                trimmed->begin >= log->begin_least &&
                    trimmed->begin <= log->begin_most);
    log->begin = (size_t)trimmed->begin;
    log->begin_least = log->begin_most = log->begin;
    if (log->synced < log->begin)
        log->synced = log->begin;
    world->watch->trimmed += trimmed->segments;
}

/* Now and then all that can go, and not of the last events alone: others may
 * append, and rotate, before it looks. */
void
stream_step_trim(struct stream_world *world)
{
    const unsigned which = stream_draw(world, STREAM_LOGS);
    struct stream_log *log = &world->logs[which];
    const uint64_t before = stream_draw(world, 4) == 0
                                ? UINT64_MAX
                                : stream_draw(world, (unsigned)log->count + 1);
    const size_t most =
        before > STREAM_EVENTS_MAX ? STREAM_EVENTS_MAX : (size_t)before;
    struct stream_actor *actor = NULL;
    struct seglog_stream_trimmed trimmed = { .begin = 0 };
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    if (log->is_out)
        return;
    actor = stream_call_begin(world);
    if (log->begin_most < most)
        log->begin_most = most;
    stream_say(world, "%td: trim %u before %llu", actor - world->actors, which,
               (unsigned long long)before);
    code = seglog_stream_trim(actor->streams, which, before, &trimmed, &err);
    if (!stream_call_end(world, actor, code))
        return;
    if (code != SEGLOG_OK)
        stream_say(world, "  %s: %s", seglog_code_name(code), err.message);
    stream_hold(world, STREAM_T9,
                code == SEGLOG_OK ||
                    (code == SEGLOG_NOT_FOUND && log->count == 0));
    if (code == SEGLOG_OK)
        trim_done(world, which, &trimmed);
    else
        log->begin_most = log->begin_least;
}
