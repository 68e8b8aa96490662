/* SPDX-License-Identifier: MIT */
/* tests/crash/stream_mark.c - tombstones and compaction. */
#include <stdio.h>
#include <string.h>

#include "src/segment/segment_chain.h"
#include "src/stream/stream_names.h"
#include "tests/crash/stream_world.h"

#define MENDED_MARKS_MAX 10u

/* -- the model ------------------------------------------------------------- */

bool
stream_is_marked(const struct stream_log *log, size_t offset)
{
    for (size_t i = 0; i < log->mark_count; i++) {
        if (log->marks[i].offset == offset)
            return true;
    }
    return false;
}

/* Its own hash, not that of the tombstones behind it. */
static struct seglog_chain_hash
event_hash(const struct stream_log *log, size_t offset)
{
    for (size_t i = 0; i < log->mark_count; i++) {
        if (log->marks[i].at == offset + 1)
            return log->marks[i].before;
    }
    return log->heads[offset];
}

void
stream_mark_add(struct stream_world *world, struct stream_log *log,
                size_t offset)
{
    struct stream_mark *mark = &log->marks[log->mark_count];
    const struct slg_tombstone tombstone = {
        .algorithm = (uint8_t)world->options.chain,
        .number = offset + 1,
        .before = stream_log_head(log, offset),
        .hash = event_hash(log, offset),
    };
    uint8_t payload[SLG_TOMBSTONE_PAYLOAD_MAX];

    stream_expect(world, log->mark_count < STREAM_MARKS_MAX);
    *mark = (struct stream_mark){ .at = log->count,
                                  .offset = offset,
                                  .before = stream_log_head(log, log->count) };
    slg_chain_hash(world->options.chain, &mark->before,
                   SLG_CHAIN_KIND_TOMBSTONE, payload,
                   slg_tombstone_payload(&tombstone, payload), &mark->after);
    log->heads[log->count - 1] = mark->after;
    log->mark_count++;
}

void
stream_mark_remove(struct stream_log *log)
{
    const struct stream_mark *mark = &log->marks[--log->mark_count];

    log->heads[mark->at - 1] = mark->before;
}

void
stream_marks_cut(struct stream_world *world, struct stream_log *log)
{
    while (log->mark_count > 0 &&
           log->marks[log->mark_count - 1].at > log->count) {
        stream_hold(world, STREAM_T1,
                    !log->marks[log->mark_count - 1].is_synced);
        stream_mark_remove(log);
    }
}

static bool
head_is(const struct stream_log *log, const struct seglog_chain_hash *head)
{
    const struct seglog_chain_hash own = stream_log_head(log, log->count);

    return own.len == head->len && memcmp(own.bytes, head->bytes, own.len) == 0;
}

void
stream_marks_adopt(struct stream_world *world, unsigned which,
                   const struct seglog_chain_hash *head, bool is_power_cut)
{
    struct stream_log *log = &world->logs[which];

    if (world->pending.is_any && world->pending.is_mark &&
        world->pending.log == which && log->count > world->pending.offset &&
        !head_is(log, head)) {
        stream_mark_add(world, log, world->pending.offset);
        if (head_is(log, head))
            world->pending.is_any = false;
        else
            stream_mark_remove(log);
    }
    while (is_power_cut && !head_is(log, head) && log->mark_count > 0 &&
           log->marks[log->mark_count - 1].at == log->count &&
           !log->marks[log->mark_count - 1].is_synced)
        stream_mark_remove(log);
}

/* Those that may be lost, the last one first. */
static size_t
open_take(struct stream_log *log, struct stream_mark open[MENDED_MARKS_MAX])
{
    size_t count = 0;

    while (count < MENDED_MARKS_MAX && log->mark_count > 0 &&
           !log->marks[log->mark_count - 1].is_synced) {
        open[count++] = log->marks[log->mark_count - 1];
        stream_mark_remove(log);
    }
    return count;
}

/* Some of them are there, each where it was, or at the end if that is in front
 * of it; none is of an event that is lost. */
static void
marks_put(struct stream_world *world, struct stream_log *log, size_t events,
          const struct stream_mark *open, size_t count, size_t some)
{
    size_t next = count;

    log->count =
        count > 0 && open[count - 1].at < events ? open[count - 1].at : events;
    for (;;) {
        while (next > 0 &&
               (open[next - 1].at <= log->count || log->count == events)) {
            next--;
            if ((some >> next & 1) != 0 && open[next].offset < events)
                stream_mark_add(world, log, open[next].offset);
        }
        if (log->count == events)
            return;
        stream_log_chain(world, log, log->ids[log->count]);
    }
}

/*
 * So many events are left, and that is the head.  Each tombstone that was not
 * synced may be lost, with events in front of it or behind, or alone; those
 * events that are left are chained without it.
 */
void
stream_marks_mended(struct stream_world *world, struct stream_log *log,
                    const struct seglog_chain_hash *head)
{
    struct stream_mark open[MENDED_MARKS_MAX];
    const size_t events = log->count;
    const size_t count = open_take(log, open);
    size_t before = 0;

    stream_marks_cut(world, log);
    before = log->mark_count;
    for (size_t some = (size_t)1 << count; some-- > 0;) {
        while (log->mark_count > before)
            stream_mark_remove(log);
        marks_put(world, log, events, open, count, some);
        if (head_is(log, head))
            return;
    }
}

/* -- looking --------------------------------------------------------------- */

/* What lies about without having cost an event is looked at elsewhere. */
static bool
finding_take(void *arg, const struct seglog_stream_finding *finding)
{
    enum seglog_stream_fault *fault = arg;

    if (finding->fault != SEGLOG_STREAM_FAULT_DAMAGE)
        *fault = finding->fault;
    return true;
}

void
stream_marks_look(struct stream_world *world, struct seglog_streams streams,
                  unsigned which)
{
    enum seglog_stream_fault fault = SEGLOG_STREAM_FAULT_NONE;
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .threads = 1,
        .on_finding = finding_take,
        .arg = &fault,
    };
    struct seglog_stream_verified result;
    seglog_code code = SEGLOG_OK;

    if (world->logs[which].mark_count == 0)
        return;
    code = seglog_stream_verify(streams, which, &options, &result, NULL);
    if (fault != SEGLOG_STREAM_FAULT_NONE)
        stream_say(world, "  log %u: %s", which,
                   seglog_stream_fault_name(fault));
    stream_hold(world, STREAM_T8,
                code == SEGLOG_OK && fault == SEGLOG_STREAM_FAULT_NONE);
}

#ifdef SEGLOG_HAVE_ZSTD
static bool
damage_take(void *arg, const struct seglog_stream_finding *finding)
{
    bool *is_there = arg;

    *is_there |= finding->fault == SEGLOG_STREAM_FAULT_DAMAGE;
    return true;
}

/* A power cut may leave damage that costs nothing, such as a torn sync point.
 * A segment that has it is not compacted. */
static bool
is_damaged(struct stream_world *world, struct seglog_streams streams,
           unsigned which)
{
    bool is_there = false;
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .threads = 1,
        .on_finding = damage_take,
        .arg = &is_there,
    };
    struct seglog_stream_verified result;

    stream_expect(world, seglog_stream_verify(streams, which, &options, &result,
                                              NULL) == SEGLOG_OK);
    return is_there;
}
#endif

/* -- marking --------------------------------------------------------------- */

static void
mark_done(struct stream_world *world, struct stream_actor *actor,
          unsigned which, const struct seglog_stream_end *end)
{
    struct stream_log *log = &world->logs[which];
    struct seglog_chain_hash head;

    stream_pending_commit(world);
    stream_hold(world, STREAM_T5, end->next_offset <= log->count);
    head = stream_log_head(log, (size_t)end->next_offset);
    stream_hold(world, STREAM_T5,
                head.len == end->hash.len &&
                    memcmp(end->hash.bytes, head.bytes, head.len) == 0);
    if (log->synced < end->next_offset)
        log->synced = (size_t)end->next_offset;
    actor->appended[which] = (size_t)end->next_offset;
    for (size_t i = 0; i < log->mark_count; i++)
        log->marks[i].is_synced |= log->marks[i].at <= end->next_offset;
}

/* Now and then one that is marked already, or that is not there. */
void
stream_step_mark(struct stream_world *world)
{
    const unsigned which = stream_draw(world, STREAM_LOGS);
    struct stream_log *log = &world->logs[which];
    const size_t offset =
        stream_draw(world, 8) == 0 || log->count == 0
            ? log->count + 1000
            : stream_draw(world, (unsigned)log->count + 1) / 2;
    const bool is_there = offset < log->count && offset >= log->begin_least;
    const bool is_new = is_there && !stream_is_marked(log, offset);
    struct stream_actor *actor = NULL;
    struct seglog_stream_end end = { 0 };
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    /* Where it is not known what is there, nothing is said to be marked. */
    if (log->is_out || log->mark_count + 2 > STREAM_MARKS_MAX ||
        log->begin_least != log->begin_most)
        return;
    actor = stream_call_begin(world);
    world->pending = (struct stream_pending){
        .is_any = is_new, .is_mark = true, .log = which, .offset = offset
    };
    stream_say(world, "%td: mark %zu of %u", actor - world->actors, offset,
               which);
    code = seglog_stream_tombstone(actor->streams, which, offset, &end, &err);
    if (!stream_call_end(world, actor, code))
        return;
    if (code != SEGLOG_OK)
        stream_say(world, "  %s: %s", seglog_code_name(code), err.message);
    stream_hold(world, STREAM_T8,
                code == (is_new     ? SEGLOG_OK
                         : is_there ? SEGLOG_EXISTS
                                    : SEGLOG_NOT_FOUND));
    if (code == SEGLOG_OK)
        mark_done(world, actor, which, &end);
    world->pending.is_any = false;
}

/* -- compaction ------------------------------------------------------------ */

#ifdef SEGLOG_HAVE_ZSTD
static bool
segment_count(void *arg, const char *name)
{
    size_t *count = arg;
    struct slg_stream_part part;
    uint64_t stream = 0;

    *count += slg_stream_part_parse(name, &stream, &part);
    return true;
}

/* Whoever comes to its end leaves nothing in which something could be. */
static void
leftovers_look(struct stream_world *world, const struct stream_actor *actor,
               unsigned which)
{
    const struct seglog_store store = actor->store;
    char prefix[32];
    size_t there = 0;
    size_t count = 0;

    (void)snprintf(prefix, sizeof prefix, "stream.%u.", which);
    /* Nobody comes in between the two. */
    world->is_overtaking = true;
    stream_hold(world, STREAM_T8,
                seglog_store_list(store, prefix, segment_count, &there, NULL) ==
                        SEGLOG_OK &&
                    seglog_stream_segment_count(actor->streams, which, &count,
                                                NULL) == SEGLOG_OK &&
                    there == count);
    world->is_overtaking = false;
}

static void
compact_done(struct stream_world *world, const struct stream_actor *actor,
             unsigned which, size_t marks, size_t events)
{
    struct stream_log *log = &world->logs[which];

    for (size_t i = 0; i < marks; i++) {
        const size_t offset = log->marks[i].offset;

        if (offset < events)
            log->is_dropped[offset] = true;
    }
    leftovers_look(world, actor, which);
}
#endif

/* Between a tombstone and the sync of it, say. */
void
stream_overtake_compact(struct stream_world *world,
                        const struct stream_actor *by)
{
#ifdef SEGLOG_HAVE_ZSTD
    const struct seglog_stream_compact_options options = {
        .size = sizeof options, .merge_bytes = 1, .level = 1, .threads = 1
    };
    struct stream_actor *other =
        &world->actors[(by - world->actors + 1) % STREAM_ACTORS];
    struct seglog_stream_compacted result = { 0 };
    seglog_code code = SEGLOG_OK;

    if (other->process.is_dead)
        return;
    world->is_overtaking = true;
    if (!other->streams.ops)
        stream_actor_start(world, other);
    code = seglog_stream_compact(other->streams, world->pending.log, &options,
                                 &result, NULL);
    stream_say(world, "  meanwhile compacted: %s, %llu dropped",
               seglog_code_name(code), (unsigned long long)result.dropped);
    stream_hold(world, STREAM_T8,
                code == SEGLOG_OK || code == SEGLOG_LOCKED ||
                    (code == SEGLOG_CORRUPT &&
                     is_damaged(world, other->streams, world->pending.log)));
    world->is_overtaking = false;
    world->watch->dropped += result.dropped;
#else
    (void)world;
    (void)by;
#endif
}

void
stream_step_compact(struct stream_world *world)
{
#ifdef SEGLOG_HAVE_ZSTD
    static const uint64_t sizes[] = { 0, 1, 3000, 20000 };
    const unsigned which = stream_draw(world, STREAM_LOGS);
    struct stream_log *log = &world->logs[which];
    const struct seglog_stream_compact_options options = {
        .size = sizeof options,
        .rotates = stream_draw(world, 4) > 0,
        .keeps_dropped = stream_draw(world, 8) == 0,
        .merge_bytes = sizes[stream_draw(world, 4)],
        .merge_min = 1 + stream_draw(world, 4),
        .level = 1,
        .threads = 1,
    };
    const size_t marks = log->mark_count;
    const size_t events = log->count;
    struct stream_actor *actor = NULL;
    struct seglog_stream_compacted result = { 0 };
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    if (log->is_out)
        return;
    actor = stream_call_begin(world);
    stream_say(world, "%td: compact %u%s%s", actor - world->actors, which,
               options.rotates ? ", rotate" : "",
               options.keeps_dropped ? ", keep" : "");
    code =
        seglog_stream_compact(actor->streams, which, &options, &result, &err);
    if (!stream_call_end(world, actor, code))
        return;
    stream_say(world, "  %s: %s: %llu written, %llu dropped",
               seglog_code_name(code), code == SEGLOG_OK ? "" : err.message,
               (unsigned long long)result.written,
               (unsigned long long)result.dropped);
    stream_hold(world, STREAM_T8,
                code == SEGLOG_OK ||
                    (code == SEGLOG_NOT_FOUND && log->count == 0) ||
                    (code == SEGLOG_CORRUPT &&
                     is_damaged(world, actor->streams, which)));
    if (code != SEGLOG_OK)
        return;
    if (options.rotates && log->synced < events)
        log->synced = events;
    world->watch->dropped += result.dropped;
    if (!options.keeps_dropped && options.rotates)
        compact_done(world, actor, which, marks, events);
#else
    (void)world;
#endif
}
