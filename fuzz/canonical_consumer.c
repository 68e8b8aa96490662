/* SPDX-License-Identifier: MIT */
/* fuzz/canonical_consumer.c - consumers and their dead letters. */
#include "fuzz/canonical_world.h"

#include <stdio.h>
#include <string.h>

static void
consumer_hold(struct world *world, unsigned handle, unsigned which)
{
    struct model *model = &world->model;
    struct held *held = &world->held[which];
    const unsigned who = input_byte(&world->input) % CONSUMERS;
    struct consumer *consumer = &model->consumers[who];
    const uint8_t byte = input_byte(&world->input);
    const uint64_t from =
        byte == 0xFF ? SEGLOG_EVENT_END : byte % (model->event_count + 3);

    held_drop(world, which);
    MUST(seglog_consumer_open(world->handles[handle], consumer_names[who], from,
                              &held->consumer, NULL) == SEGLOG_OK);
    if (!consumer->is_there) {
        *consumer = (struct consumer){
            .is_there = true,
            .cursor = from == SEGLOG_EVENT_END ? model->event_count : from,
        };
        if (consumer->cursor < model->first_event)
            consumer->cursor = model->first_event;
        model->position++;
    }
    held->who = who;
    held->handle = handle;
    held->cursor = held->next = consumer->cursor;
}

/* What was read ahead may have been given up since. */
static void
consumer_next(struct world *world, struct held *held)
{
    const struct model *model = &world->model;
    struct seglog_canonical_event event;
    const seglog_code code =
        seglog_consumer_next(held->consumer, 0, &event, NULL);

    /* All that it has not read may be gone. */
    if (code == SEGLOG_END && held->next < model->first_event)
        held->next = model->first_event;
    if (held->next >= model->event_count) {
        MUST(code == SEGLOG_END);
        return;
    }
    MUST(code == SEGLOG_OK);
    MUST(event.id == held->next ||
         (held->next < model->first_event && event.id == model->first_event));
    MUST(event.position == model->events[event.id].position);
    bytes_must_be(event.data, model->events[event.id].bytes);
    held->next = event.id + 1;
}

static void
held_pass(struct held *held, uint64_t id)
{
    if (held->cursor <= id)
        held->cursor = id + 1;
    if (held->next <= id)
        held->next = id + 1;
}

static void
consumer_acknowledge(struct world *world, struct held *held, uint64_t id,
                     bool is_synced)
{
    struct model *model = &world->model;
    struct consumer *consumer = &model->consumers[held->who];
    const seglog_code code =
        seglog_consumer_acknowledge(held->consumer, id, is_synced, NULL);

    if (id >= held->cursor) {
        MUST(code == (!consumer->is_there        ? SEGLOG_NOT_FOUND
                      : id >= model->event_count ? SEGLOG_INVALID
                                                 : SEGLOG_OK));
        if (code != SEGLOG_OK)
            return;
        if (consumer->cursor <= id) {
            consumer->cursor = id + 1;
            model->position++;
        }
    }
    MUST(code == SEGLOG_OK);
    held_pass(held, id);
}

static struct letter *
letter_place(struct consumer *consumer, uint64_t id)
{
    size_t at = 0;

    while (at < consumer->dead_count && consumer->dead[at].id < id)
        at++;
    if (at < consumer->dead_count && consumer->dead[at].id == id)
        return &consumer->dead[at];
    if (consumer->dead_count == DEAD_MAX)
        return NULL;
    memmove(&consumer->dead[at + 1], &consumer->dead[at],
            (consumer->dead_count - at) * sizeof consumer->dead[0]);
    consumer->dead_count++;
    consumer->dead[at] = (struct letter){ .id = HELD_LETTER };
    return &consumer->dead[at];
}

static void
consumer_reject(struct world *world, struct held *held, uint64_t id)
{
    struct model *model = &world->model;
    struct consumer *consumer = &model->consumers[held->who];
    const char reason[2] = { (char)('a' + id % 26), '\0' };
    struct letter *letter = NULL;
    seglog_code code = SEGLOG_OK;

    if (consumer->dead_count == DEAD_MAX)
        return;
    code = seglog_consumer_reject(held->consumer, id, reason, NULL);
    MUST(code == (!consumer->is_there || id < model->first_event
                      ? SEGLOG_NOT_FOUND
                  : id >= model->event_count ? SEGLOG_INVALID
                                             : SEGLOG_OK));
    if (code != SEGLOG_OK)
        return;
    letter = letter_place(consumer, id);
    letter->id = id;
    memcpy(letter->reason, reason, sizeof reason);
    if (consumer->cursor <= id)
        consumer->cursor = id + 1;
    model->position++;
    held_pass(held, id);
}

struct lane {
    struct model *model;
    struct consumer *consumer;
    size_t next;
};

static seglog_code
letter_told(void *arg, const struct seglog_dead_letter *letter,
            struct seglog_error *err)
{
    struct lane *lane = arg;
    const struct letter *known = &lane->consumer->dead[lane->next++];

    (void)err;
    MUST(lane->next <= lane->consumer->dead_count);
    MUST(letter->id == known->id && letter->retries == known->retries);
    MUST(letter->reason.len == strlen(known->reason) &&
         memcmp(letter->reason.data, known->reason, letter->reason.len) == 0);
    bytes_must_be(letter->data, lane->model->events[letter->id].bytes);
    return SEGLOG_OK;
}

/* Some are handled now, the others not. */
static seglog_code
letter_replayed(void *arg, const struct seglog_dead_letter *letter,
                struct seglog_error *err)
{
    return letter_told(arg, letter, err) == SEGLOG_OK && letter->id % 2 == 0
               ? SEGLOG_OK
               : SEGLOG_IO;
}

static void
consumer_replay(struct world *world, struct held *held)
{
    struct consumer *consumer = &world->model.consumers[held->who];
    struct lane lane = { &world->model, consumer, 0 };
    uint64_t replayed = 0;
    uint64_t left = 0;
    size_t kept = 0;

    MUST(seglog_consumer_replay_dead(held->consumer, letter_replayed, &lane,
                                     &replayed, &left, NULL) == SEGLOG_OK);
    MUST(lane.next == consumer->dead_count &&
         replayed + left == consumer->dead_count);
    world->model.position += consumer->dead_count;
    for (size_t i = 0; i < consumer->dead_count; i++) {
        if (consumer->dead[i].id % 2 == 0)
            continue;
        consumer->dead[kept] = consumer->dead[i];
        consumer->dead[kept].retries++;
        (void)snprintf(consumer->dead[kept].reason,
                       sizeof consumer->dead[kept].reason, "%s",
                       seglog_code_name(SEGLOG_IO));
        kept++;
    }
    MUST(left == kept);
    consumer->dead_count = kept;
}

static void
consumer_remove(struct world *world, unsigned handle, unsigned who)
{
    struct consumer *consumer = &world->model.consumers[who];

    MUST(seglog_canonical_remove_consumer(world->handles[handle],
                                          consumer_names[who], NULL) ==
         (consumer->is_there ? SEGLOG_OK : SEGLOG_NOT_FOUND));
    world->model.position += consumer->is_there;
    *consumer = (struct consumer){ .is_there = false };
}

void
consumer_play(struct world *world, unsigned handle)
{
    const uint8_t what = input_byte(&world->input);
    struct held *held = &world->held[what >> 7];
    const uint8_t byte = input_byte(&world->input);
    const uint64_t id = byte % (world->model.event_count + 2);

    if (what % 16 == 15) {
        consumer_remove(world, handle, byte % CONSUMERS);
        return;
    }
    if (!held->consumer || what % 16 == 14) {
        consumer_hold(world, handle, what >> 7);
        return;
    }
    if (what % 16 < 6) {
        consumer_next(world, held);
    } else if (what % 16 < 9) {
        consumer_acknowledge(world, held, id, (what & 16) != 0);
    } else if (what % 16 < 12) {
        consumer_reject(world, held, id);
    } else if (what % 16 == 12) {
        struct lane lane = { &world->model, &world->model.consumers[held->who],
                             0 };

        MUST(seglog_consumer_list_dead(held->consumer, letter_told, &lane,
                                       NULL) == SEGLOG_OK);
        MUST(lane.next == lane.consumer->dead_count);
    } else {
        consumer_replay(world, held);
    }
}
