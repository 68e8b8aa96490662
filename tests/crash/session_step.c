/* SPDX-License-Identifier: MIT */
/* tests/crash/session_step.c - steps, and what goes wrong around a call. */
#include "tests/crash/session_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- what a call is given -------------------------------------------------- */

const struct seglog_slice *
session_entries_new(struct session_world *world, size_t count)
{
    static char texts[CRASH_DEPTH_MAX + 1][SESSION_MORE_MAX][SESSION_TEXT_CAP];
    static struct seglog_slice slices[CRASH_DEPTH_MAX + 1][SESSION_MORE_MAX];
    struct session_pending *pending = &world->pending;

    for (size_t i = 0; i < count; i++) {
        char *text = texts[world->depth][i];

        slices[world->depth][i] = (struct seglog_slice){
            .data = text,
            .len = session_entry_make(world->next_id++, text,
                                      &pending->entries[i]),
        };
    }
    pending->count = count;
    return slices[world->depth];
}

bool
session_actor_syncs(const struct session_world *world,
                    const struct session_actor *actor)
{
    return actor - world->actors == 2;
}

bool
session_is_damage(struct session_lane *lane, seglog_code code)
{
    if (!lane->is_holed || (code != SEGLOG_CORRUPT && code != SEGLOG_FORMAT))
        return false;
    lane->refuses = true;
    return true;
}

void
session_ids_draw(struct session_world *world, struct seglog_uuid *session,
                 struct seglog_uuid *segment)
{
    const unsigned slot = session_draw(world, 4);

    memset(session, (int)(0x11 * (slot % SESSION_SESSIONS + 1)),
           sizeof *session);
    memset(segment, (int)(0x11 * (slot + 5)), sizeof *segment);
}

void
session_id_new(struct session_world *world, struct seglog_uuid *segment)
{
    const unsigned number = world->next_segment++;

    memset(segment, 0xEE, sizeof *segment);
    segment->bytes[0] = 0x55;
    segment->bytes[1] = (uint8_t)(number >> 8);
    segment->bytes[2] = (uint8_t)number;
}

struct session_lane *
session_lane_draw(struct session_world *world)
{
    const unsigned from = session_draw(world, SESSION_LANES_MAX);
    const bool may_be_holed = crash_random(&world->chance) % 4 == 0;

    for (unsigned i = 0; i < world->lane_count; i++) {
        struct session_lane *lane =
            &world->lanes[(from + i) % world->lane_count];

        if (lane->is_used && lane->is_there &&
            lane->lane == SEGLOG_LANE_ENTRIES &&
            (may_be_holed || !lane->is_holed))
            return lane;
    }
    return NULL;
}

/* -- around a call --------------------------------------------------------- */

struct session_actor *
session_call_begin(struct session_world *world)
{
    static const enum seglog_disk_sync_failure hows[] = {
        SEGLOG_DISK_KEPT_DIRTY,
        SEGLOG_DISK_LOST_CLEAN,
        SEGLOG_DISK_LOST_REVERTED,
    };
    struct session_actor *actor = session_actor_any(world);
    const unsigned how = (unsigned)(crash_random(&world->chance) % 64);

    world->pending.is_any = true;
    if (how < 3) {
        actor->process.die_at =
            actor->process.steps + 1 + crash_random(&world->chance) % 40;
    } else if (how == 3) {
        actor->is_failing = true;
        seglog_disk_fail_sync(world->disk, NULL,
                              1 + crash_random(&world->chance) % 3,
                              hows[crash_random(&world->chance) % 3],
                              (unsigned)(crash_random(&world->chance) % 101));
    }
    return actor;
}

enum session_outcome
session_call_end(struct session_world *world, struct session_actor *actor,
                 seglog_code code)
{
    const bool was_failing = actor->is_failing;

    actor->process.die_at = 0;
    actor->is_failing = false;
    if (was_failing)
        seglog_disk_fail_sync(world->disk, NULL, 0, SEGLOG_DISK_KEPT_DIRTY, 0);
    if (actor->process.is_dead) {
        session_say(world, "  and dies");
        session_actor_stop(world, actor);
        if (world->pending.is_cutting || world->pending.going != 0)
            return SESSION_AGAIN;
        session_look(world, false);
        return SESSION_OVER;
    }
    session_hold(world, SESSION_LOCK, code != SEGLOG_LOCKED);
    if (was_failing && (code == SEGLOG_IO || code == SEGLOG_POISONED)) {
        session_say(world, "  and a sync fails");
        session_cut_power(world);
        return SESSION_OVER;
    }
    return SESSION_DONE;
}

/* -- steps ----------------------------------------------------------------- */

static void
step_reopen(struct session_world *world)
{
    struct session_actor *actor =
        &world->actors[session_draw(world, SESSION_ACTORS)];

    session_say(world, "close");
    session_actor_stop(world, actor);
}

static void
step_cut(struct session_world *world)
{
    /* Everything of a program would be gone before it has begun. */
    if (session_draw(world, 4) == 0)
        session_cut_power(world);
}

static void
step_look(struct session_world *world)
{
    session_say(world, "look");
    session_look(world, false);
}

static void
step_rebuild(struct session_world *world)
{
    struct session_actor *actor = session_call_begin(world);
    const seglog_code code =
        seglog_session_rebuild_index(actor->sessions, NULL);

    session_say(world, "rebuild the index: %s", seglog_code_name(code));
    if (session_call_end(world, actor, code) == SESSION_DONE)
        session_expect(world, code == SEGLOG_OK);
}

/* To be put back when it does not hold any more. */
static void
step_keep_index(struct session_world *world)
{
    const struct session_actor *actor = session_actor_any(world);
    struct session_watch *watch = world->watch;
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;

    if (world->depth > 0 ||
        seglog_blob_open(seglog_session_store_get_store(actor->sessions),
                         "index.seg", SEGLOG_OPEN_READ, &blob,
                         NULL) != SEGLOG_OK)
        return;
    session_say(world, "keep a copy of the index");
    session_expect(world,
                   seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK);
    watch->old_index_len = 0;
    if (size <= sizeof watch->old_index &&
        seglog_blob_read_at(blob, 0, watch->old_index, (size_t)size, NULL) ==
            SEGLOG_OK)
        watch->old_index_len = (size_t)size;
    (void)seglog_blob_close(&blob, NULL);
}

/* How often, of 256. */
static const struct {
    unsigned weight;
    void (*run)(struct session_world *world);
} kinds[] = {
    { 66, session_step_append },
    { 12, session_step_trace },
    { 16, session_step_expected },
    { 14, session_step_roll },
    { 12, session_step_place },
    { 8, session_step_writer },
    { 14, session_step_create },
    { 14, session_step_fork },
    { 16, session_step_truncate },
    { 8, session_step_seal },
    { 10, session_step_delete },
    { 4, session_step_delete_session },
    { 22, session_step_names },
    { 4, session_step_dictionary },
    { 14, session_step_ask },
    { 6, step_reopen },
    { 6, step_cut },
    { 4, step_look },
    { 3, step_rebuild },
    { 3, step_keep_index },
};

void
session_step_run(struct session_world *world, const struct session_step *step)
{
    uint64_t chance = 0;
    unsigned at = 0;
    unsigned i = 0;

    memcpy(&chance, step->bytes, sizeof chance);
    world->choices = *step;
    world->choice_at = 0;
    world->chance = chance;
    world->changes = 0;
    session_pending_clear(world);
    at = session_draw(world, 256);
    while (at >= kinds[i].weight)
        at -= kinds[i++].weight;
    kinds[i].run(world);
    session_pending_clear(world);
}
