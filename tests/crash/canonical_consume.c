/* SPDX-License-Identifier: MIT */
/* tests/crash/canonical_consume.c - steps of consumers. */
#include <stdio.h>

#include "tests/crash/canonical_world.h"

void
canonical_consumers_close(struct canonical_actor *actor)
{
    for (unsigned i = 0; i < CANONICAL_CONSUMERS; i++) {
        seglog_consumer_close(actor->consumers[i]);
        actor->consumers[i] = NULL;
    }
}

static const struct canonical_consumer *
consumer_of(const struct canonical_world *world, unsigned who)
{
    return &canonical_model_now(world)->consumers[who];
}

/* Somebody else holds the lock just now. */
static bool
was_refused(struct canonical_world *world, seglog_code code)
{
    if (!world->is_overtaking)
        return false;
    canonical_hold(world, CANONICAL_C9,
                   code == SEGLOG_OK || code == SEGLOG_LOCKED);
    canonical_say(world, "  meanwhile: %s", seglog_code_name(code));
    world->watch->overtaken += code == SEGLOG_OK;
    world->is_pending = false;
    return true;
}

/* -- made -------------------------------------------------------------------- */

/* Where one begins that is made: at the first event that there is, or the next
 * one to come, or in between. */
static uint64_t
from_draw(struct canonical_world *world, uint32_t *cursor)
{
    const uint32_t first = canonical_event_at(world, world->model.begin);
    const uint32_t events = canonical_model_now(world)->events;
    const unsigned how = canonical_draw(world, 4);

    *cursor = first;
    if (how == 0)
        return 0;
    *cursor =
        how == 1 ? events : first + canonical_draw(world, events - first + 1);
    return how == 1 ? SEGLOG_EVENT_END : *cursor;
}

/* A call of its own, in which somebody may die. */
static void
consumer_make(struct canonical_world *world, struct canonical_actor *actor,
              unsigned who)
{
    struct canonical_txn txn = { .kind = CANONICAL_CURSOR, .who = who };
    const uint64_t from = from_draw(world, &txn.event);
    seglog_code code = SEGLOG_OK;

    canonical_pending_set(world, txn);
    code = seglog_consumer_open(actor->canonical, canonical_consumer_name(who),
                                from, &actor->consumers[who], NULL);
    canonical_say(world, "%td: consumer %u, from %u: %s", actor - world->actors,
                  who, (unsigned)txn.event, seglog_code_name(code));
    actor->next[who] = txn.event;
    if (code == SEGLOG_OK)
        canonical_pending_commit(world, actor, true);
    if (was_refused(world, code))
        return;
    if (canonical_call_end(world, actor, code))
        canonical_hold(world, CANONICAL_C9, code == SEGLOG_OK);
}

/* It is there, and somebody has it open from now on. */
static void
consumer_open(struct canonical_world *world, struct canonical_actor *actor,
              unsigned who)
{
    if (actor->consumers[who])
        return;
    canonical_expect(world, seglog_consumer_open(
                                actor->canonical, canonical_consumer_name(who),
                                0, &actor->consumers[who], NULL) == SEGLOG_OK);
    actor->next[who] = consumer_of(world, who)->cursor;
}

/* False: there is none, it is made now, or what there is cannot be seen by those
 * who run. */
static bool
consumer_choose(struct canonical_world *world, unsigned *who)
{
    *who = canonical_draw(world, CANONICAL_CONSUMERS);
    if (world->is_unshared)
        return false;
    if (consumer_of(world, *who)->is_there)
        return true;
    consumer_make(world, canonical_call_begin(world), *who);
    return false;
}

/* -- next, and acknowledged ---------------------------------------------------- */

static void
event_next(struct canonical_world *world, struct canonical_actor *actor,
           unsigned who)
{
    const uint32_t events = canonical_model_now(world)->events;
    const uint32_t first = canonical_event_at(world, world->model.begin);
    struct seglog_canonical_event event;
    uint32_t *next = &actor->next[who];
    char text[CANONICAL_TEXT_CAP];
    seglog_code code = SEGLOG_OK;

    code = seglog_consumer_next(actor->consumers[who], 0, &event, NULL);
    canonical_say(world, "%td: next of %u: %s", actor - world->actors, who,
                  seglog_code_name(code));
    canonical_hold(world, CANONICAL_C9,
                   code == (*next < events ? SEGLOG_OK : SEGLOG_END));
    if (code != SEGLOG_OK)
        return;
    /* What somebody else has acknowledged may be gone by now. */
    canonical_hold(world, CANONICAL_C9,
                   event.id == *next ||
                       (event.id > *next && event.id == first));
    canonical_hold(
        world, CANONICAL_C9,
        canonical_slice_is(
            event.data, canonical_text(world->model.events[event.id], text)));
    *next = (uint32_t)event.id + 1;
}

/* One of those that it has been given, or behind them. */
static uint32_t
event_draw(struct canonical_world *world, const struct canonical_actor *actor,
           unsigned who)
{
    const uint32_t events = canonical_model_now(world)->events;

    switch (canonical_draw(world, 4)) {
    case 0:
        return canonical_draw(world, events);
    case 1:
        return events - 1;
    default:
        return actor->next[who] > 0 ? actor->next[who] - 1 : 0;
    }
}

static void
passed(struct canonical_actor *actor, unsigned who, uint32_t event)
{
    if (actor->next[who] <= event)
        actor->next[who] = event + 1;
}

void
canonical_step_consume(struct canonical_world *world)
{
    struct canonical_actor *actor = NULL;
    const bool is_synced = canonical_draw(world, 2) == 0;
    uint32_t event = 0;
    unsigned who = 0;
    seglog_code code = SEGLOG_OK;

    if (!consumer_choose(world, &who))
        return;
    actor = canonical_actor_any(world);
    consumer_open(world, actor, who);
    for (unsigned i = canonical_draw(world, 4); i > 0; i--)
        event_next(world, actor, who);
    if (canonical_model_now(world)->events == 0)
        return;
    event = event_draw(world, actor, who);
    canonical_call_arm(world, actor);
    if (event >= consumer_of(world, who)->cursor)
        canonical_pending_set(world,
                              (struct canonical_txn){ .kind = CANONICAL_CURSOR,
                                                      .who = who,
                                                      .event = event + 1 });
    code = seglog_consumer_acknowledge(actor->consumers[who], event, is_synced,
                                       NULL);
    canonical_say(world, "%td: %u acknowledges %u%s: %s", actor - world->actors,
                  who, (unsigned)event, is_synced ? ", synced" : "",
                  seglog_code_name(code));
    if (code == SEGLOG_OK) {
        passed(actor, who, event);
        world->watch->acknowledged++;
        if (world->is_pending)
            canonical_pending_commit(world, actor, is_synced);
        else if (is_synced)
            world->model.synced = world->model.count;
    }
    if (canonical_call_end(world, actor, code))
        canonical_hold(world, CANONICAL_C9, code == SEGLOG_OK);
}

/* All that there is, unsynced, as whoever wants to give up events does. */
void
canonical_acknowledge_all(struct canonical_world *world,
                          struct canonical_actor *actor)
{
    const uint32_t events = canonical_model_now(world)->events;

    for (unsigned i = 0; i < CANONICAL_CONSUMERS; i++) {
        if (world->is_unshared || !consumer_of(world, i)->is_there ||
            consumer_of(world, i)->cursor == events)
            continue;
        consumer_open(world, actor, i);
        canonical_pending_set(
            world, (struct canonical_txn){
                       .kind = CANONICAL_CURSOR, .who = i, .event = events });
        canonical_hold(world, CANONICAL_C9,
                       seglog_consumer_acknowledge(actor->consumers[i],
                                                   events - 1, false,
                                                   NULL) == SEGLOG_OK);
        passed(actor, i, events - 1);
        canonical_pending_commit(world, actor, false);
    }
}

/* -- dead letters -------------------------------------------------------------- */

static bool
has_room_for(const struct canonical_world *world, unsigned who, uint32_t event)
{
    struct canonical_consumer copy = *consumer_of(world, who);

    return copy.dead_count < CANONICAL_DEAD_MAX ||
           canonical_dead_find(&copy, event);
}

static void
consumer_reject(struct canonical_world *world, struct canonical_actor *actor,
                struct canonical_txn txn)
{
    char reason[32];
    seglog_code code = SEGLOG_OK;

    canonical_pending_set(world, txn);
    code = seglog_consumer_reject(actor->consumers[txn.who], txn.event,
                                  canonical_reason(world->pending.id, reason),
                                  NULL);
    canonical_say(world, "%td: %u rejects %u: %s", actor - world->actors,
                  txn.who, (unsigned)txn.event, seglog_code_name(code));
    if (code == SEGLOG_OK) {
        passed(actor, txn.who, txn.event);
        canonical_pending_commit(world, actor, true);
    }
    if (was_refused(world, code))
        return;
    if (canonical_call_end(world, actor, code))
        canonical_hold(world, CANONICAL_C9, code == SEGLOG_OK);
}

void
canonical_step_reject(struct canonical_world *world)
{
    const uint32_t first = canonical_event_at(world, world->model.begin);
    struct canonical_txn txn = { .kind = CANONICAL_REJECT };
    struct canonical_actor *actor = NULL;

    if (!consumer_choose(world, &txn.who))
        return;
    actor = canonical_actor_any(world);
    consumer_open(world, actor, txn.who);
    if (canonical_model_now(world)->events == 0)
        return;
    txn.event = event_draw(world, actor, txn.who);
    if (txn.event < first || !has_room_for(world, txn.who, txn.event))
        return;
    canonical_call_arm(world, actor);
    consumer_reject(world, actor, txn);
}

/* Of the first event that there is, which may go just now. */
void
canonical_overtake_consume(struct canonical_world *world,
                           struct canonical_actor *other)
{
    const uint32_t first = canonical_event_at(world, world->model.begin);
    const struct canonical_txn txn = {
        .kind = CANONICAL_REJECT,
        .who = canonical_draw(world, CANONICAL_CONSUMERS),
        .event = first,
    };

    if (!consumer_of(world, txn.who)->is_there) {
        consumer_make(world, other, txn.who);
        return;
    }
    consumer_open(world, other, txn.who);
    if (first < canonical_model_now(world)->events &&
        has_room_for(world, txn.who, first))
        consumer_reject(world, other, txn);
}

struct replay {
    struct canonical_world *world;
    struct canonical_actor *actor;
    unsigned who;
    unsigned replayed;
    unsigned left;
};

/* The one before it is there by now. */
static seglog_code
letter_replay(void *arg, const struct seglog_dead_letter *letter,
              struct seglog_error *err)
{
    struct replay *replay = arg;
    struct canonical_world *world = replay->world;
    struct canonical_txn txn = { .who = replay->who,
                                 .event = (uint32_t)letter->id };
    const unsigned how = canonical_draw(world, 8);
    char reason[32];

    if (world->is_pending)
        canonical_pending_commit(world, replay->actor, false);
    if (how == 0)
        return SEGLOG_END;
    txn.kind = how < 5 ? CANONICAL_HANDLED : CANONICAL_LEFT;
    canonical_pending_set(world, txn);
    world->watch->letters++;
    if (txn.kind == CANONICAL_HANDLED) {
        replay->replayed++;
        return SEGLOG_OK;
    }
    replay->left++;
    (void)snprintf(err->message, sizeof err->message, "%s",
                   canonical_reason(world->pending.id, reason));
    return SEGLOG_INVALID;
}

/* END of those that were left out. */
void
canonical_step_replay(struct canonical_world *world)
{
    struct replay replay = { .world = world };
    uint64_t replayed = 0;
    uint64_t left = 0;
    seglog_code code = SEGLOG_OK;

    if (!consumer_choose(world, &replay.who))
        return;
    replay.actor = canonical_actor_any(world);
    consumer_open(world, replay.actor, replay.who);
    canonical_call_arm(world, replay.actor);
    code = seglog_consumer_replay_dead(replay.actor->consumers[replay.who],
                                       letter_replay, &replay, &replayed, &left,
                                       NULL);
    canonical_say(world, "%td: %u replays: %s, %llu and %llu",
                  replay.actor - world->actors, replay.who,
                  seglog_code_name(code), (unsigned long long)replayed,
                  (unsigned long long)left);
    if (code == SEGLOG_OK) {
        if (world->is_pending)
            canonical_pending_commit(world, replay.actor, false);
        if (replayed + left > 0)
            world->model.synced = world->model.count;
        canonical_hold(world, CANONICAL_C9,
                       replayed == replay.replayed && left == replay.left);
    }
    if (canonical_call_end(world, replay.actor, code))
        canonical_hold(world, CANONICAL_C9, code == SEGLOG_OK);
}

/* -- removed --------------------------------------------------------------------- */

void
canonical_step_consumer_remove(struct canonical_world *world)
{
    const unsigned who = canonical_draw(world, CANONICAL_CONSUMERS);
    const bool is_there = consumer_of(world, who)->is_there;
    struct canonical_actor *actor = canonical_call_begin(world);
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < CANONICAL_ACTORS; i++) {
        seglog_consumer_close(world->actors[i].consumers[who]);
        world->actors[i].consumers[who] = NULL;
    }
    if (is_there)
        canonical_pending_set(
            world,
            (struct canonical_txn){ .kind = CANONICAL_REMOVE, .who = who });
    code = seglog_canonical_remove_consumer(actor->canonical,
                                            canonical_consumer_name(who), NULL);
    canonical_say(world, "%td: consumer %u is removed: %s",
                  actor - world->actors, who, seglog_code_name(code));
    if (code == SEGLOG_OK && is_there)
        canonical_pending_commit(world, actor, true);
    if (canonical_call_end(world, actor, code))
        canonical_hold(world, CANONICAL_C9,
                       code == (is_there ? SEGLOG_OK : SEGLOG_NOT_FOUND));
}
