/* SPDX-License-Identifier: MIT */
/* tests/crash/canonical_call.c - what goes wrong around a call. */
#include "tests/crash/canonical_world.h"

struct canonical_actor *
canonical_actor_any(struct canonical_world *world)
{
    struct canonical_actor *actor =
        &world->actors[canonical_draw(world, CANONICAL_ACTORS)];

    if (!actor->canonical)
        canonical_expect(world,
                         canonical_actor_start(world, actor,
                                               canonical_draw(world, 8) == 0) ==
                             SEGLOG_OK);
    return actor;
}

/* -- a sync that fails ------------------------------------------------------ */

static void
sync_fail(struct canonical_world *world, struct canonical_actor *actor)
{
    static const enum seglog_disk_sync_failure hows[] = {
        SEGLOG_DISK_KEPT_DIRTY,
        SEGLOG_DISK_KEPT_DIRTY,
        SEGLOG_DISK_LOST_CLEAN,
        SEGLOG_DISK_LOST_REVERTED,
    };

    actor->is_failing = true;
    world->failing = hows[canonical_draw(world, 4)];
    seglog_disk_fail_sync(world->disk, NULL, 1 + canonical_draw(world, 3),
                          world->failing, canonical_draw(world, 101));
}

/*
 * Bytes that are kept are there, and a later sync may write them: whoever goes
 * on goes on with them.  Of those that are lost only what comes after the
 * machine was started anew is promised.
 */
static bool
sync_failed(struct canonical_world *world, struct canonical_actor *actor,
            seglog_code code)
{
    const bool is_kept = world->failing == SEGLOG_DISK_KEPT_DIRTY;

    canonical_say(world, "  and a sync fails, %s: %s",
                  is_kept ? "kept" : "lost", seglog_code_name(code));
    world->watch->failed += code == SEGLOG_POISONED || code == SEGLOG_IO;
    canonical_hold(world, CANONICAL_C10,
                   code == SEGLOG_OK || code == SEGLOG_POISONED ||
                       code == SEGLOG_IO || code == SEGLOG_SEALED ||
                       code == SEGLOG_PAUSED || code == SEGLOG_CONFLICT ||
                       code == SEGLOG_NOT_FOUND);
    /* Only of what is POISONED it is not known whether it is there. */
    if (code != SEGLOG_POISONED)
        world->is_pending = false;
    if (!is_kept) {
        canonical_cut_power(world);
        return false;
    }
    if (code != SEGLOG_POISONED && code != SEGLOG_IO)
        return true;
    if (canonical_draw(world, 2) == 0)
        canonical_actor_stop(world, actor);
    canonical_look(world, false);
    canonical_survivors_compare(world);
    return false;
}

/* -- a call ------------------------------------------------------------------ */

void
canonical_call_arm(struct canonical_world *world, struct canonical_actor *actor)
{
    const unsigned how = canonical_draw(world, 40);

    if (how < 4)
        actor->process.die_at =
            actor->process.steps + 1 + crash_random(&world->chance) % 40;
    else if (how < 6)
        sync_fail(world, actor);
}

struct canonical_actor *
canonical_call_begin(struct canonical_world *world)
{
    struct canonical_actor *actor = canonical_actor_any(world);

    canonical_call_arm(world, actor);
    return actor;
}

bool
canonical_call_end(struct canonical_world *world, struct canonical_actor *actor,
                   seglog_code code)
{
    const bool is_failing = actor->is_failing;

    actor->process.die_at = 0;
    actor->is_failing = false;
    if (is_failing)
        seglog_disk_fail_sync(world->disk, NULL, 0, SEGLOG_DISK_KEPT_DIRTY, 0);
    if (actor->process.is_dead) {
        canonical_say(world, "  and dies");
        canonical_actor_stop(world, actor);
        canonical_look(world, false);
        return false;
    }
    canonical_hold(world, CANONICAL_LOCK, code != SEGLOG_LOCKED);
    return !is_failing || sync_failed(world, actor, code);
}

void
canonical_survivors_compare(struct canonical_world *world)
{
    for (unsigned i = 0; i < CANONICAL_ACTORS; i++) {
        struct canonical_actor *actor = &world->actors[i];

        if (!actor->canonical || actor->process.is_dead ||
            (world->is_unshared && !actor->is_view_own))
            continue;
        world->watch->crash.checks[CANONICAL_C6]++;
        canonical_compare(world, actor->canonical, false);
    }
}

/* -- what is under way -------------------------------------------------------- */

void
canonical_pending_set(struct canonical_world *world, struct canonical_txn txn)
{
    txn.id = world->next_id++;
    world->pending = txn;
    world->is_pending = true;
    world->has_written = false;
}

void
canonical_pending_commit(struct canonical_world *world,
                         struct canonical_actor *actor, bool is_synced)
{
    canonical_model_add(world, &world->pending);
    world->is_pending = false;
    world->is_unshared = actor->is_view_own;
    world->watch->transactions += world->depth == 0;
    actor->appended = world->model.count;
    if (is_synced)
        world->model.synced = world->model.count;
}
