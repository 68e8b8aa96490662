/* SPDX-License-Identifier: MIT */
/* tests/crash/canonical_consumer.c - what consumers were promised, and the look
 * at it. */
#include <stdio.h>
#include <string.h>

#include "tests/crash/canonical_world.h"

/* One name begins with the other. */
const char *
canonical_consumer_name(unsigned who)
{
    static const char *const names[CANONICAL_CONSUMERS] = { "mail", "mailer" };

    return names[who];
}

const char *
canonical_reason(uint32_t id, char text[32])
{
    (void)snprintf(text, 32, "reason %u", (unsigned)id);
    return text;
}

/* -- the model --------------------------------------------------------------- */

struct canonical_dead *
canonical_dead_find(struct canonical_consumer *consumer, uint32_t event)
{
    for (unsigned i = 0; i < consumer->dead_count; i++) {
        if (consumer->dead[i].event == event)
            return &consumer->dead[i];
    }
    return NULL;
}

static void
dead_put(struct canonical_consumer *consumer, uint32_t event, uint32_t reason)
{
    struct canonical_dead *there = canonical_dead_find(consumer, event);
    unsigned at = consumer->dead_count;

    if (there) {
        there->reason = reason;
        return;
    }
    while (at > 0 && consumer->dead[at - 1].event > event) {
        consumer->dead[at] = consumer->dead[at - 1];
        at--;
    }
    consumer->dead[at] =
        (struct canonical_dead){ .event = event, .reason = reason };
    consumer->dead_count++;
}

static void
dead_remove(struct canonical_consumer *consumer, struct canonical_dead *dead)
{
    const size_t at = (size_t)(dead - consumer->dead);

    consumer->dead_count--;
    memmove(dead, dead + 1, (consumer->dead_count - at) * sizeof *dead);
}

void
canonical_consumer_apply(const struct canonical_txn *txn,
                         struct canonical_snap *snap)
{
    struct canonical_consumer *consumer = &snap->consumers[txn->who];
    struct canonical_dead *dead = canonical_dead_find(consumer, txn->event);

    switch (txn->kind) {
    case CANONICAL_CURSOR:
        consumer->is_there = true;
        consumer->cursor = txn->event;
        break;
    case CANONICAL_REJECT:
        dead_put(consumer, txn->event, txn->id);
        if (consumer->cursor <= txn->event)
            consumer->cursor = txn->event + 1;
        break;
    case CANONICAL_HANDLED:
        dead_remove(consumer, dead);
        break;
    case CANONICAL_LEFT:
        dead->retries++;
        dead->reason = txn->id;
        break;
    default:
        *consumer = (struct canonical_consumer){ .is_there = false };
        break;
    }
}

/* -- the look ---------------------------------------------------------------- */

struct listing {
    struct canonical_world *world;
    unsigned who; /* whose turn it is */
    unsigned at;  /* the same of its dead letters */
};

static bool
consumer_take(void *arg, const struct seglog_consumer_info *info)
{
    struct listing *listing = arg;
    struct canonical_world *world = listing->world;
    const struct canonical_snap *snap = canonical_model_now(world);
    const struct canonical_consumer *want = NULL;

    while (listing->who < CANONICAL_CONSUMERS &&
           !snap->consumers[listing->who].is_there)
        listing->who++;
    canonical_hold(world, CANONICAL_C9, listing->who < CANONICAL_CONSUMERS);
    want = &snap->consumers[listing->who];
    canonical_hold(world, CANONICAL_C9,
                   strcmp(info->name, canonical_consumer_name(listing->who)) ==
                       0);
    canonical_hold(world, CANONICAL_C9, info->cursor == want->cursor);
    canonical_hold(world, CANONICAL_C9,
                   info->lag == snap->events - want->cursor);
    canonical_hold(world, CANONICAL_C9, info->dead == want->dead_count);
    listing->who++;
    return true;
}

static seglog_code
letter_take(void *arg, const struct seglog_dead_letter *letter,
            struct seglog_error *err)
{
    struct listing *listing = arg;
    struct canonical_world *world = listing->world;
    const struct canonical_consumer *consumer =
        &canonical_model_now(world)->consumers[listing->who];
    const struct canonical_dead *want = &consumer->dead[listing->at];
    char text[CANONICAL_TEXT_CAP];
    char reason[32];

    (void)err;
    canonical_hold(world, CANONICAL_C9, listing->at < consumer->dead_count);
    canonical_hold(world, CANONICAL_C9, letter->id == want->event);
    canonical_hold(world, CANONICAL_C9, letter->retries == want->retries);
    canonical_hold(world, CANONICAL_C9,
                   strcmp(letter->reason.data,
                          canonical_reason(want->reason, reason)) == 0);
    canonical_hold(world, CANONICAL_C9,
                   canonical_slice_is(
                       letter->data,
                       canonical_text(world->model.events[want->event], text)));
    listing->at++;
    return SEGLOG_OK;
}

/* It goes on behind what it has acknowledged, and not further. */
static void
next_compare(struct canonical_world *world, struct seglog_consumer *consumer,
             unsigned who)
{
    const struct canonical_snap *snap = canonical_model_now(world);
    const uint32_t cursor = snap->consumers[who].cursor;
    struct seglog_canonical_event event;
    const seglog_code code = seglog_consumer_next(consumer, 0, &event, NULL);

    canonical_hold(world, CANONICAL_C9,
                   code == (cursor < snap->events ? SEGLOG_OK : SEGLOG_END));
    canonical_hold(world, CANONICAL_C9,
                   code != SEGLOG_OK || event.id == cursor);
}

static void
consumer_compare(struct canonical_world *world,
                 struct seglog_canonical *canonical, unsigned who)
{
    struct listing listing = { .world = world, .who = who };
    const struct canonical_consumer *want =
        &canonical_model_now(world)->consumers[who];
    struct seglog_consumer *consumer = NULL;

    canonical_hold(world, CANONICAL_C9,
                   seglog_consumer_open(canonical, canonical_consumer_name(who),
                                        0, &consumer, NULL) == SEGLOG_OK);
    next_compare(world, consumer, who);
    canonical_hold(world, CANONICAL_C9,
                   seglog_consumer_list_dead(consumer, letter_take, &listing,
                                             NULL) == SEGLOG_OK);
    canonical_hold(world, CANONICAL_C9, listing.at == want->dead_count);
    seglog_consumer_close(consumer);
}

void
canonical_consumers_compare(struct canonical_world *world,
                            struct seglog_canonical *canonical)
{
    const struct canonical_snap *snap = canonical_model_now(world);
    struct listing listing = { .world = world };

    canonical_hold(world, CANONICAL_C9,
                   seglog_canonical_list_consumers(
                       canonical, consumer_take, &listing, NULL) == SEGLOG_OK);
    while (listing.who < CANONICAL_CONSUMERS)
        canonical_hold(world, CANONICAL_C9,
                       !snap->consumers[listing.who++].is_there);
    for (unsigned i = 0; i < CANONICAL_CONSUMERS; i++) {
        if (snap->consumers[i].is_there)
            consumer_compare(world, canonical, i);
    }
}
