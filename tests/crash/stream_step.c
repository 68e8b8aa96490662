/* SPDX-License-Identifier: MIT */
/* tests/crash/stream_step.c - steps, and what goes wrong around a call. */
#include <stdlib.h>
#include <string.h>

#include "tests/crash/stream_world.h"

/* -- around a call --------------------------------------------------------- */

struct stream_actor *
stream_call_begin(struct stream_world *world)
{
    static const enum seglog_disk_sync_failure hows[] = {
        SEGLOG_DISK_KEPT_DIRTY,
        SEGLOG_DISK_LOST_CLEAN,
        SEGLOG_DISK_LOST_REVERTED,
    };
    struct stream_actor *actor = stream_actor_any(world);
    const unsigned how = stream_draw(world, 64);

    if (how < 4) {
        actor->process.die_at =
            actor->process.steps + 1 + crash_random(&world->chance) % 40;
    } else if (how == 4) {
        actor->is_failing = true;
        seglog_disk_fail_sync(world->disk, NULL, 1 + stream_draw(world, 3),
                              hows[stream_draw(world, 3)],
                              stream_draw(world, 101));
    }
    return actor;
}

bool
stream_call_end(struct stream_world *world, struct stream_actor *actor,
                seglog_code code)
{
    const bool was_failing = actor->is_failing;

    actor->process.die_at = 0;
    actor->is_failing = false;
    if (was_failing)
        seglog_disk_fail_sync(world->disk, NULL, 0, SEGLOG_DISK_KEPT_DIRTY, 0);
    if (actor->process.is_dead) {
        stream_say(world, "  and dies");
        (void)stream_actor_stop(world, actor);
        stream_look(world, false);
        return false;
    }
    stream_hold(world, STREAM_LOCK, code != SEGLOG_LOCKED);
    world->has_failed = was_failing;
    if (was_failing && code != SEGLOG_OK && code != SEGLOG_CONFLICT) {
        stream_say(world, "  and a sync fails: %s", seglog_code_name(code));
        return false;
    }
    return true;
}

/* -- appending ------------------------------------------------------------- */

struct batch {
    struct seglog_slice events[STREAM_BATCH_MAX];
    uint32_t first_id;
    unsigned count;
};

static void
batch_free(struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++)
        free((void *)batch->events[i].data);
}

static void
batch_make(struct stream_world *world, struct batch *batch)
{
    batch->count = stream_draw(world, 4) == 0
                       ? 1 + stream_draw(world, STREAM_BATCH_MAX)
                       : 1 + stream_draw(world, 3);
    batch->first_id = world->next_id;
    world->next_id += batch->count;
    for (unsigned i = 0; i < batch->count; i++) {
        const struct seglog_slice text = stream_text(batch->first_id + i);
        char *copy = malloc(text.len + 1);

        stream_expect(world, copy != NULL);
        memcpy(copy, text.data, text.len);
        batch->events[i] = (struct seglog_slice){ copy, text.len };
    }
}

static bool
log_has_room(const struct stream_log *log)
{
    return log->count + 3 * STREAM_BATCH_MAX < STREAM_EVENTS_MAX;
}

static void
end_check(struct stream_world *world, const struct stream_log *log,
          const struct seglog_stream_end *end)
{
    const struct seglog_chain_hash head = stream_log_head(log, log->count);

    stream_hold(world, STREAM_T5, end->next_offset == log->count);
    stream_hold(world, STREAM_T5,
                end->hash.len == head.len &&
                    memcmp(end->hash.bytes, head.bytes, head.len) == 0);
}

/* What is under way may have got there first. */
static bool
pending_is_there(struct stream_world *world, struct stream_log *log,
                 const struct batch *batch, const struct seglog_stream_end *end)
{
    struct seglog_chain_hash head;

    if (!world->pending.is_mark)
        return end->next_offset ==
               log->count + world->pending.count + batch->count;
    stream_mark_add(world, log, world->pending.offset);
    head = stream_log_head_with(world, log, batch->first_id, batch->count);
    stream_mark_remove(log);
    return memcmp(end->hash.bytes, head.bytes, head.len) == 0;
}

void
stream_overtake(struct stream_world *world, const struct stream_actor *by)
{
    struct stream_actor *other =
        &world->actors[(by - world->actors + 1) % STREAM_ACTORS];
    const unsigned which =
        world->pending.is_any ? world->pending.log : stream_draw(world, 2);
    struct stream_log *log = &world->logs[which];
    struct batch batch;
    struct seglog_stream_end end;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    if (log->is_out || !log_has_room(log) || other->process.is_dead)
        return;
    world->is_overtaking = true;
    if (!other->streams.ops)
        stream_actor_start(world, other);
    batch_make(world, &batch);
    code = seglog_stream_append_batch(other->streams, which, batch.events,
                                      batch.count, SEGLOG_OFFSET_ANY, NULL,
                                      false, &end, &err);
    batch_free(&batch);
    world->is_overtaking = false;
    if (code != SEGLOG_OK)
        stream_say(world, "  meanwhile: %s: %s", seglog_code_name(code),
                   err.message);
    stream_expect(world, code == SEGLOG_OK || code == SEGLOG_LOCKED);
    if (code != SEGLOG_OK)
        return;
    stream_say(world, "  meanwhile %u events", batch.count);
    world->watch->overtaken++;
    if (world->pending.is_any && world->pending.log == which &&
        pending_is_there(world, log, &batch, &end))
        stream_pending_commit(world);
    stream_log_add(world, log, batch.first_id, batch.count);
    end_check(world, log, &end);
    other->appended[which] = log->count;
}

/* It is there: behind what it was told, wherever that is by now. */
static void
append_done(struct stream_world *world, struct stream_actor *actor,
            unsigned which, const struct batch *batch,
            const struct seglog_stream_end *end, bool is_synced)
{
    struct stream_log *log = &world->logs[which];
    struct seglog_chain_hash head;

    stream_pending_commit(world);
    stream_say(world, "  ends at %llu, of %zu",
               (unsigned long long)end->next_offset, log->count);
    stream_hold(
        world, STREAM_T5,
        end->next_offset <= log->count && end->next_offset >= batch->count &&
            log->ids[end->next_offset - batch->count] == batch->first_id);
    head = stream_log_head(log, (size_t)end->next_offset);
    stream_hold(world, STREAM_T5,
                memcmp(end->hash.bytes, head.bytes, head.len) == 0);
    if (is_synced && log->synced < end->next_offset)
        log->synced = (size_t)end->next_offset;
    actor->appended[which] = (size_t)end->next_offset;
}

/* How what is expected is meant: 0 to 3 right, 4 none, 5 to 7 wrong. */
static void
step_append(struct stream_world *world)
{
    const unsigned which = stream_draw(world, STREAM_LOGS);
    struct stream_log *log = &world->logs[which];
    const unsigned how = stream_draw(world, 8);
    const bool is_synced = stream_draw(world, 3) == 0;
    const size_t before = log->count;
    struct seglog_chain_hash head = stream_log_head(log, before);
    uint64_t expected = how == 4 ? SEGLOG_OFFSET_ANY : before;
    struct seglog_stream_end end = { 0 };
    struct stream_actor *actor = NULL;
    struct batch batch;
    seglog_code code = SEGLOG_OK;

    if (log->is_out || !log_has_room(log))
        return;
    actor = stream_call_begin(world);
    batch_make(world, &batch);
    if (how == 5)
        expected++;
    else if (how == 6)
        head.bytes[0] ^= 1;
    else if (how == 7)
        head = stream_log_head(log, before / 2);
    world->pending = (struct stream_pending){ .is_any = how < 5 || before < 2,
                                              .log = which,
                                              .count = batch.count,
                                              .first_id = batch.first_id };
    stream_say(world, "%td: append %u events to %u%s, expecting %llu (%u)",
               actor - world->actors, batch.count, which,
               is_synced ? ", synced" : "", (unsigned long long)expected, how);
    code = seglog_stream_append_batch(
        actor->streams, which, batch.events, batch.count, expected,
        how == 4 ? NULL : &head, is_synced, &end, NULL);
    batch_free(&batch);
    if (!stream_call_end(world, actor, code))
        return;
    stream_say(world, "  %s", seglog_code_name(code));
    if (code == SEGLOG_OK) {
        stream_hold(world, STREAM_T5,
                    how < 5 || (how != 5 && before == 0) ||
                        (how == 7 && before < 2));
        append_done(world, actor, which, &batch, &end, is_synced);
    } else if (code == SEGLOG_CONFLICT) {
        world->pending.is_any = false;
        stream_hold(world, STREAM_T5,
                    how > 4 || (how < 4 && log->count > before));
        stream_hold(world, STREAM_T5, end.next_offset <= log->count);
    } else {
        world->pending.is_any = false;
        stream_hold(world, STREAM_T4, code == SEGLOG_CORRUPT && log->is_out);
    }
}

/* -- the others ------------------------------------------------------------ */

static void
log_synced(struct stream_log *log, struct stream_actor *actor, size_t upto,
           unsigned which)
{
    if (log->synced < upto)
        log->synced = upto;
    actor->appended[which] = upto;
}

static void
step_checkpoint(struct stream_world *world)
{
    const unsigned which = stream_draw(world, STREAM_LOGS);
    const bool rotates = stream_draw(world, 2) == 0;
    struct stream_log *log = &world->logs[which];
    struct stream_actor *actor = stream_call_begin(world);
    const size_t before = log->count;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    stream_say(world, "%td: %s %u", actor - world->actors,
               rotates ? "rotate" : "checkpoint", which);
    code = rotates ? seglog_stream_rotate(actor->streams, which, &err)
                   : seglog_stream_make_checkpoint(actor->streams, which, NULL,
                                                   &err);
    if (!stream_call_end(world, actor, code))
        return;
    if (code != SEGLOG_OK)
        stream_say(world, "  %s: %s", seglog_code_name(code), err.message);
    stream_hold(world, STREAM_T4,
                code == SEGLOG_OK ||
                    (code == SEGLOG_NOT_FOUND && log->count == 0) ||
                    (code == SEGLOG_CORRUPT && log->is_out));
    /* An empty segment is not synced once more: its events are before it. */
    if (code == SEGLOG_OK)
        log_synced(log, actor, before, which);
}

static void
step_flush(struct stream_world *world)
{
    struct stream_actor *actor = stream_call_begin(world);
    size_t before[STREAM_LOGS];
    seglog_code code = SEGLOG_OK;

    memcpy(before, actor->appended, sizeof before);
    stream_say(world, "%td: flush", actor - world->actors);
    code = seglog_streams_flush_indexes(actor->streams, NULL);
    if (!stream_call_end(world, actor, code))
        return;
    for (unsigned i = 0; i < STREAM_LOGS; i++) {
        struct stream_log *log = &world->logs[i];

        stream_hold(world, STREAM_T4,
                    code == SEGLOG_OK || log->is_out || code == SEGLOG_CORRUPT);
        if (code == SEGLOG_OK && log->synced < before[i] && !log->is_out)
            log->synced = before[i];
    }
}

static void
step_close(struct stream_world *world)
{
    struct stream_actor *actor = stream_call_begin(world);

    stream_say(world, "%td: close", actor - world->actors);
    (void)stream_call_end(world, actor, stream_actor_stop(world, actor));
}

static void
step_kill(struct stream_world *world)
{
    struct stream_actor *actor = stream_actor_any(world);

    stream_say(world, "%td: kill", actor - world->actors);
    seglog_disk_kill(&actor->process);
    (void)stream_actor_stop(world, actor);
    stream_look(world, false);
}

/* What an earlier mending has kept would be in the way. */
static bool
kept_take(void *arg, const char *name)
{
    const size_t len = strlen(name);
    char *kept = arg;

    if (len < SEGLOG_STREAM_NAME_CAP + 16 && len > sizeof ".damaged" &&
        strcmp(name + len - (sizeof ".damaged" - 1), ".damaged") == 0)
        memcpy(kept, name, len + 1);
    return true;
}

static void
kept_remove(struct stream_world *world, const struct stream_actor *actor)
{
    char name[SEGLOG_STREAM_NAME_CAP + 16] = "";

    world->is_overtaking = true;
    stream_hold(world, STREAM_T4,
                seglog_store_list(actor->store, "stream.", kept_take, name,
                                  NULL) == SEGLOG_OK &&
                    name[0] != '\0' &&
                    seglog_store_remove(actor->store, name, NULL) == SEGLOG_OK);
    world->is_overtaking = false;
}

/* Of those that a power cut has left with a hole. */
static void
step_mend(struct stream_world *world)
{
    const unsigned which = world->logs[0].is_out ? 0 : 1;
    struct stream_actor *actor = NULL;
    struct seglog_stream_mended mended;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!world->logs[which].is_out)
        return;
    actor = stream_call_begin(world);
    stream_say(world, "%td: mend %u", actor - world->actors, which);
    code = seglog_stream_mend(actor->streams, which, SEGLOG_STREAM_MEND_CUT,
                              &mended, &err);
    if (!stream_call_end(world, actor, code))
        return;
    if (code != SEGLOG_OK)
        stream_say(world, "  %s: %s", seglog_code_name(code), err.message);
    else
        stream_say(world, "  ends at %llu, %llu lost",
                   (unsigned long long)mended.end.next_offset,
                   (unsigned long long)mended.lost);
    stream_hold(world, STREAM_T4, code == SEGLOG_OK || code == SEGLOG_EXISTS);
    if (code == SEGLOG_OK)
        stream_log_mended(world, actor->streams, which, &mended.end);
    else
        kept_remove(world, actor);
}

static void
step_look(struct stream_world *world)
{
    stream_say(world, "look");
    stream_look(world, false);
}

static void
step_cut(struct stream_world *world)
{
    if (stream_draw(world, 4) == 0)
        stream_cut_power(world);
}

/* How often, of 64. */
static const struct {
    unsigned weight;
    void (*run)(struct stream_world *world);
} kinds[] = {
    { 30, step_append },
    { 6, step_checkpoint },
    { 4, step_flush },
    { 4, step_close },
    { 4, step_kill },
    { 2, step_look },
    { 4, step_cut },
    { 5, stream_step_mark },
    { 3, stream_step_compact },
    { 2, stream_step_trim },
};

void
stream_step_run(struct stream_world *world, const uint8_t *bytes)
{
    unsigned at = 0;
    unsigned i = 0;

    memcpy(&world->chance, bytes, sizeof world->chance);
    world->changes = 0;
    world->pending.is_any = false;
    at = stream_draw(world, 64);
    while (at >= kinds[i].weight)
        at -= kinds[i++].weight;
    /* Nothing else is asked of one that has a hole. */
    if ((world->logs[0].is_out || world->logs[1].is_out) && at % 3 != 0)
        step_mend(world);
    else
        kinds[i].run(world);
    /* Bytes that a failed sync has lost are not seen any more, synced or not:
     * only what comes after the machine was started anew is promised. */
    if (world->has_failed)
        stream_cut_power(world);
    world->has_failed = false;
    world->pending.is_any = false;
}
