/* SPDX-License-Identifier: MIT */
/* tests/crash/stream_model.c - what was promised, and whether it is so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/segment.h"
#include "src/segment/segment_chain.h"
#include "src/stream/stream_names.h"
#include "tests/crash/stream_world.h"

struct seglog_slice
stream_text(uint32_t id)
{
    static char text[STREAM_TEXT_MAX + 64];
    uint64_t seed = id;
    const uint64_t how = crash_random(&seed);
    const size_t most = how % 16 == 0   ? STREAM_TEXT_MAX
                        : how % 16 == 1 ? 0
                                        : 200;
    size_t len = 0;

    if (most == 0 && id % 5 == 0)
        return (struct seglog_slice){ text, 0 };
    len = (size_t)snprintf(text, sizeof text, "event %u%c", (unsigned)id,
                           how % 7 == 0 ? '\n' : ' ');
    for (size_t more = most == 0 ? 0 : (how >> 8) % most; more > 0; more--) {
        text[len++] = (char)('a' + (how >> (more % 40)) % 23);
    }
    return (struct seglog_slice){ text, len };
}

struct seglog_chain_hash
stream_log_head(const struct stream_log *log, size_t count)
{
    static const struct seglog_chain_hash none;

    return count == 0 ? none : log->heads[count - 1];
}

void
stream_log_chain(struct stream_world *world, struct stream_log *log,
                 uint32_t id)
{
    const struct seglog_slice text = stream_text(id);
    const struct seglog_chain_hash before = stream_log_head(log, log->count);

    slg_chain_hash(world->options.chain, &before, SLG_CHAIN_KIND_RECORD,
                   text.data, text.len, &log->heads[log->count]);
    log->ids[log->count++] = id;
}

void
stream_log_add(struct stream_world *world, struct stream_log *log,
               uint32_t first_id, unsigned count)
{
    stream_expect(world, log->count + count <= STREAM_EVENTS_MAX);
    for (unsigned i = 0; i < count; i++) {
        log->begins_batch[log->count] = i == 0;
        stream_log_chain(world, log, first_id + i);
    }
}

struct seglog_chain_hash
stream_log_head_with(struct stream_world *world, const struct stream_log *log,
                     uint32_t first_id, unsigned count)
{
    struct seglog_chain_hash head = stream_log_head(log, log->count);

    for (unsigned i = 0; i < count; i++) {
        const struct seglog_slice text = stream_text(first_id + i);
        const struct seglog_chain_hash before = head;

        slg_chain_hash(world->options.chain, &before, SLG_CHAIN_KIND_RECORD,
                       text.data, text.len, &head);
    }
    return head;
}

void
stream_pending_commit(struct stream_world *world)
{
    struct stream_pending *pending = &world->pending;

    if (!pending->is_any)
        return;
    pending->is_any = false;
    if (pending->is_mark) {
        stream_mark_add(world, &world->logs[pending->log], pending->offset);
        return;
    }
    stream_log_add(world, &world->logs[pending->log], pending->first_id,
                   pending->count);
}

/* -- looking --------------------------------------------------------------- */

static bool
hash_is_same(const struct seglog_chain_hash *a,
             const struct seglog_chain_hash *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static void
events_compare(struct stream_world *world, const struct stream_log *log,
               uint64_t from, const struct seglog_stream_event *events,
               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct seglog_slice want = stream_text(log->ids[from + i]);

        stream_hold(world, STREAM_T3, events[i].offset == from + i);
        stream_hold(world, STREAM_T8,
                    events[i].is_dropped ? stream_is_marked(log, from + i)
                                         : !log->is_dropped[from + i]);
        if (events[i].is_dropped)
            continue;
        stream_hold(world, STREAM_T2,
                    events[i].data.len == want.len &&
                        memcmp(events[i].data.data, want.data, want.len) == 0);
    }
}

/* From some place in it, and all of it.  What code the latter had. */
static seglog_code
log_read(struct stream_world *world, struct seglog_streams streams,
         unsigned which)
{
    const struct stream_log *log = &world->logs[which];
    struct seglog_stream_event *events = NULL;
    const uint64_t from = log->begin + crash_random(&world->chance) %
                                           (log->count - log->begin + 1);
    struct seglog_error err = { 0 };
    size_t count = 0;
    seglog_code code = seglog_stream_read_from(
        streams, which, log->begin, UINT64_MAX, &events, &count, &err);

    if (code != SEGLOG_OK) {
        stream_say(world, "  log %u, %zu events: read: %s: record %llu: %s",
                   which, log->count, seglog_code_name(code),
                   (unsigned long long)err.record_no, err.message);
        return code;
    }
    stream_hold(world, STREAM_T1, log->begin + count == log->count);
    events_compare(world, log, log->begin, events, count);
    seglog_free(events);
    stream_hold(world, STREAM_T7,
                seglog_stream_read_from(streams, which, from, UINT64_MAX,
                                        &events, &count, NULL) == SEGLOG_OK);
    stream_hold(world, STREAM_T7, from + count == log->count);
    events_compare(world, log, from, events, count);
    seglog_free(events);
    return SEGLOG_OK;
}

/* So much is there: what was pending among it, or cut off. */
static void
log_adopt(struct stream_world *world, unsigned which, size_t count,
          bool is_power_cut)
{
    struct stream_log *log = &world->logs[which];

    if (world->pending.is_any && !world->pending.is_mark &&
        world->pending.log == which &&
        count == log->count + world->pending.count)
        stream_pending_commit(world);
    stream_hold(world, STREAM_T1, count >= log->synced);
    stream_hold(world, STREAM_T3,
                count == log->count || (is_power_cut && count < log->count &&
                                        log->begins_batch[count]));
    log->count = count;
    stream_marks_cut(world, log);
}

/*
 * There is a hole in what was not synced that might as well be damage: what was
 * synced can be read all the same.
 */
static void
log_look_holed(struct stream_world *world, struct seglog_streams streams,
               unsigned which)
{
    struct stream_log *log = &world->logs[which];
    size_t end = log->synced;

    /* Who asks for a byte gets empty events and one more: none is to be had
     * alone that stands right in front of the hole. */
    while (end > 0 && stream_text(log->ids[end - 1]).len == 0)
        end--;
    for (size_t i = 0; i < end; i++) {
        struct seglog_stream_event *events = NULL;
        struct seglog_error err = { .actual = 0 };
        size_t count = 0;
        const seglog_code code = seglog_stream_read_from(streams, which, i, 1,
                                                         &events, &count, &err);

        if (code == SEGLOG_NOT_FOUND) {
            stream_hold(world, STREAM_T9,
                        err.actual > i && err.actual >= log->begin_least &&
                            err.actual <= log->begin_most);
            continue;
        }
        stream_hold(world, STREAM_T9, i >= log->begin_least);
        stream_hold(world, STREAM_T1, code == SEGLOG_OK && count > 0);
        events_compare(world, log, i, events, 1);
        seglog_free(events);
    }
}

static bool
mark_is_open(const struct stream_log *log)
{
    return log->mark_count > 0 && !log->marks[log->mark_count - 1].is_synced;
}

static void
log_leave(struct stream_world *world, struct seglog_streams streams,
          unsigned which, bool is_power_cut)
{
    struct stream_log *log = &world->logs[which];

    world->watch->holes++;
    /* Whoever asks for the end settles it, which is not synced: garbage in its
     * place is damage below an encrypted store (ENCRYPTION.md 6). */
    stream_hold(world, STREAM_T4,
                is_power_cut &&
                    (world->is_encrypted || log->synced < log->count ||
                     mark_is_open(log) ||
                     (world->pending.is_any && world->pending.log == which)));
    /* It may be there, behind the hole or in front of it: mending tells. */
    if (world->pending.is_any && world->pending.log == which)
        stream_pending_commit(world);
    log->is_out = true;
    log->out_count = log->count;
    log->count = log->synced;
    log_look_holed(world, streams, which);
}

struct last_segment {
    char name[128];
    bool is_holed;
};

static bool
last_note(void *arg, const char *name)
{
    struct last_segment *last = arg;
    const size_t len = strlen(name);
    struct slg_stream_part part;
    uint64_t stream = 0;

    if (slg_stream_part_parse(name, &stream, &part) &&
        len < sizeof last->name && strcmp(name, last->name) > 0)
        memcpy(last->name, name, len + 1);
    return true;
}

static void
finding_note(void *arg, const struct seglog_finding *finding)
{
    struct last_segment *last = arg;

    last->is_holed |= finding->verdict != SEGLOG_VERDICT_TORN;
}

/*
 * What is there after a power cut is there for good; but not where a hole stands
 * before it that nobody has synced anything behind.  Then only that nothing but
 * zeros or an end follows shows that it is no torn bytes: a reader syncs nothing
 * (SECURITY.md), and what is torn behind it may take it along.
 */
static bool
log_is_settled(struct stream_world *world, const struct stream_actor *actor,
               unsigned which)
{
    struct last_segment last = { .name = "" };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = finding_note,
                                                 .arg = &last };
    struct seglog_scan_summary summary;
    struct seglog_disk_process process;
    const struct seglog_store store =
        world->is_encrypted ? actor->encrypted
                            : seglog_disk_start(world->disk, &process);
    char prefix[32];

    (void)snprintf(prefix, sizeof prefix, "stream.%u.", which);
    stream_expect(world, seglog_store_list(store, prefix, last_note, &last,
                                           NULL) == SEGLOG_OK);
    if (last.name[0] == '\0')
        return true;
    stream_expect(world, seglog_scan(store, last.name, &options, &summary,
                                     NULL) == SEGLOG_OK);
    return !last.is_holed;
}

/* No power cut takes any of it any more. */
static void
log_take_settled(struct stream_log *log)
{
    log->synced = log->count;
    for (size_t i = 0; i < log->mark_count; i++)
        log->marks[i].is_synced = true;
}

static void
log_look(struct stream_world *world, struct seglog_streams streams,
         unsigned which, bool is_power_cut)
{
    struct stream_log *log = &world->logs[which];
    struct seglog_chain_hash head;
    struct seglog_stream_end end;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    world->watch->looks++;
    if (log->is_out) {
        log_look_holed(world, streams, which);
        return;
    }
    code = seglog_stream_latest_chain_hash(streams, which, &end, &err);
    if (code != SEGLOG_OK)
        stream_say(world, "  log %u: %s: %s: %s", which, seglog_code_name(code),
                   err.name, err.message);
    if (code == SEGLOG_CORRUPT) {
        log_leave(world, streams, which, is_power_cut);
        return;
    }
    stream_hold(world, STREAM_T4, code == SEGLOG_OK);
    stream_begin_adopt(world, streams, which, is_power_cut);
    log_adopt(world, which, (size_t)end.next_offset, is_power_cut);
    stream_marks_adopt(world, which, &end.hash, is_power_cut);
    head = stream_log_head(log, log->count);
    stream_hold(world, STREAM_T4, hash_is_same(&end.hash, &head));
    stream_marks_look(world, streams, which);
    if (log_read(world, streams, which) != SEGLOG_OK)
        log_leave(world, streams, which, is_power_cut);
    else if (is_power_cut &&
             log_is_settled(world, &world->actors[STREAM_ACTORS - 1], which))
        log_take_settled(log);
}

void
stream_log_mended(struct stream_world *world, struct seglog_streams streams,
                  unsigned which, const struct seglog_stream_end *end)
{
    struct stream_log *log = &world->logs[which];
    const size_t count = (size_t)end->next_offset;
    struct seglog_chain_hash head;

    stream_hold(world, STREAM_T1, count >= log->synced);
    stream_hold(world, STREAM_T3,
                count == log->out_count ||
                    (count < log->out_count && log->begins_batch[count]));
    log->count = count;
    stream_marks_mended(world, log, &end->hash);
    head = stream_log_head(log, count);
    stream_hold(world, STREAM_T4, hash_is_same(&end->hash, &head));
    stream_begin_adopt(world, streams, which, false);
    /* What is lost in front of a head that is known stays so. */
    log->is_out = log_read(world, streams, which) != SEGLOG_OK;
    world->watch->mended += !log->is_out;
    if (!log->is_out)
        log->synced = count;
    else
        log->count = log->synced;
}

void
stream_look(struct stream_world *world, bool is_power_cut)
{
    struct stream_actor *actor = &world->actors[STREAM_ACTORS - 1];

    if (!actor->streams.ops)
        stream_actor_start(world, actor);
    actor->process.meanwhile = NULL;
    for (unsigned i = 0; i < STREAM_LOGS; i++)
        log_look(world, actor->streams, i, is_power_cut);
    world->pending.is_any = false;
    for (unsigned i = 0; i < STREAM_LOGS; i++)
        stream_say(world, "  log %u: %zu events, %zu synced%s", i,
                   world->logs[i].count, world->logs[i].synced,
                   world->logs[i].is_out ? ", out" : "");
    stream_expect(world, stream_actor_stop(world, actor) == SEGLOG_OK);
}
