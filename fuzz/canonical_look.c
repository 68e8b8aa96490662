/* SPDX-License-Identifier: MIT */
/* fuzz/canonical_look.c - what is read is right. */
#include "fuzz/canonical_world.h"

#include <string.h>

void
iter_must_be(struct seglog_state_iter *iter, const struct value *values,
             const struct seglog_state_range *range)
{
    struct seglog_slice key;
    struct seglog_slice value;

    for (unsigned i = 0; i < KEYS; i++) {
        const struct seglog_slice want = key_of(key_order[i]);
        const struct value *known = &values[key_order[i]];

        if (!known->is_there ||
            (range->start.len > 0 && key_compare(want, range->start) < 0) ||
            (range->has_end && key_compare(want, range->end) >= 0) ||
            want.len < range->prefix.len ||
            (range->prefix.len > 0 &&
             memcmp(want.data, range->prefix.data, range->prefix.len) != 0))
            continue;
        MUST(seglog_state_iter_next(iter, &key, &value, NULL) == SEGLOG_OK);
        MUST(key_compare(key, want) == 0);
        bytes_must_be(value, known->bytes);
    }
    MUST(seglog_state_iter_next(iter, &key, &value, NULL) == SEGLOG_END);
}

struct seglog_state_range
range_take(struct world *world)
{
    const uint8_t how = input_byte(&world->input);
    struct seglog_state_range range = { .has_end = (how & 2) != 0 };

    if ((how & 1) != 0)
        range.start = key_of(key_take(world));
    if ((how & 2) != 0)
        range.end = key_of(key_take(world));
    if ((how & 4) != 0) {
        range.prefix = key_of(key_take(world));
        if (range.prefix.len > 1 && (how & 8) != 0)
            range.prefix.len--;
    }
    return range;
}

void
txn_must_be(struct seglog_read_txn *txn, const struct value *values,
            uint64_t position, const struct seglog_state_range *range)
{
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice value;

    MUST(seglog_read_txn_get_position(txn) == position);
    for (unsigned i = 0; i < KEYS; i++) {
        const seglog_code code =
            seglog_read_txn_get(txn, key_of(i), &value, NULL);

        MUST(code == (values[i].is_there ? SEGLOG_OK : SEGLOG_NOT_FOUND));
        if (code == SEGLOG_OK)
            bytes_must_be(value, values[i].bytes);
    }
    MUST(seglog_read_txn_iterate(txn, range, &iter, NULL) == SEGLOG_OK);
    iter_must_be(iter, values, range);
    seglog_state_iter_close(iter);
}

void
state_must_be(struct world *world, unsigned handle,
              const struct seglog_state_range *range)
{
    struct seglog_read_txn *txn = NULL;

    MUST(seglog_read_txn_begin(world->handles[handle], &txn, NULL) ==
         SEGLOG_OK);
    txn_must_be(txn, world->model.values, world->model.position, range);
    seglog_read_txn_end(txn);
}

void
events_must_be(struct world *world, unsigned handle, uint64_t from, uint64_t to)
{
    const struct model *model = &world->model;
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_error err;
    uint64_t time_ms = 0;
    const seglog_code code =
        seglog_event_iter_open(world->handles[handle], from, to, &iter, &err);

    if (to > model->event_count)
        to = model->event_count;
    if (from < to && from < model->first_event) {
        MUST(code == SEGLOG_NOT_FOUND && err.actual == model->first_event);
        return;
    }
    MUST(code == SEGLOG_OK);
    for (uint64_t id = from; id < to; id++) {
        MUST(seglog_event_iter_next(iter, &event, NULL) == SEGLOG_OK);
        MUST(event.id == id && event.position == model->events[id].position &&
             event.time_ms >= time_ms);
        bytes_must_be(event.data, model->events[id].bytes);
        time_ms = event.time_ms;
    }
    MUST(seglog_event_iter_next(iter, &event, NULL) == SEGLOG_END);
    seglog_event_iter_close(iter);
}

void
event_must_be(struct world *world, unsigned handle, uint64_t id)
{
    const struct model *model = &world->model;
    const bool is_there = id >= model->first_event && id < model->event_count;
    char *data = NULL;
    size_t len = 0;

    MUST(seglog_canonical_get_event(world->handles[handle], id, &data, &len,
                                    NULL) ==
         (is_there ? SEGLOG_OK : SEGLOG_NOT_FOUND));
    if (is_there)
        bytes_must_be((struct seglog_slice){ data, len },
                      model->events[id].bytes);
    seglog_free(data);
    MUST(seglog_canonical_wait(world->handles[handle], id, 0, NULL) ==
         (id < model->event_count ? SEGLOG_OK : SEGLOG_END));
}

void
meta_must_be(struct world *world, unsigned handle)
{
    const struct model *model = &world->model;
    struct seglog_canonical_meta meta;
    uint64_t keys = 0;
    bool is_paused = false;

    for (unsigned i = 0; i < KEYS; i++)
        keys += model->values[i].is_there;
    MUST(seglog_canonical_get_meta(world->handles[handle], &meta, NULL) ==
         SEGLOG_OK);
    MUST(meta.next_event == model->event_count);
    MUST(meta.first_event == model->first_event);
    MUST(meta.position == model->position);
    MUST(meta.first_position == model->first_position);
    MUST(meta.is_sealed == (model->sealed > 0));
    MUST(!meta.is_sealed || meta.sealed_event == model->sealed - 1);
    MUST(meta.is_paused == model->is_paused);
    MUST(meta.schema_version == model->schema);
    MUST(meta.keys == keys && meta.lost == 0);
    MUST(meta.created_ms > 0 && meta.updated_ms >= meta.created_ms);
    MUST(seglog_canonical_is_paused(world->handles[handle], &is_paused, NULL) ==
             SEGLOG_OK &&
         is_paused == model->is_paused);
}

/* -- consumers, as they are told ------------------------------------------- */

const char *const consumer_names[CONSUMERS] = { "a", "ab", "b" };

struct listing {
    const struct model *model;
    unsigned next;
};

static bool
consumer_told(void *arg, const struct seglog_consumer_info *info)
{
    struct listing *listing = arg;
    const struct model *model = listing->model;
    const struct consumer *consumer = NULL;

    while (listing->next < CONSUMERS &&
           !model->consumers[listing->next].is_there)
        listing->next++;
    MUST(listing->next < CONSUMERS);
    consumer = &model->consumers[listing->next];
    MUST(strcmp(info->name, consumer_names[listing->next++]) == 0);
    MUST(info->cursor == consumer->cursor &&
         info->dead == consumer->dead_count);
    MUST(info->lag == (model->event_count > consumer->cursor
                           ? model->event_count - consumer->cursor
                           : 0));
    return true;
}

void
consumers_must_be(struct world *world, unsigned handle)
{
    struct listing listing = { &world->model, 0 };

    MUST(seglog_canonical_list_consumers(world->handles[handle], consumer_told,
                                         &listing, NULL) == SEGLOG_OK);
    while (listing.next < CONSUMERS)
        MUST(!world->model.consumers[listing.next++].is_there);
}

void
all_must_be(struct world *world, unsigned handle)
{
    const struct seglog_state_range all = { .has_end = false };

    state_must_be(world, handle, &all);
    events_must_be(world, handle, world->model.first_event, SEGLOG_EVENT_END);
    meta_must_be(world, handle);
    consumers_must_be(world, handle);
}
