/* SPDX-License-Identifier: MIT */
/* fuzz/canonical_txn.c - transactions and batches. */
#include "fuzz/canonical_world.h"

#include <string.h>

seglog_code
gate_code(const struct model *model)
{
    return model->sealed > 0  ? SEGLOG_SEALED
           : model->is_paused ? SEGLOG_PAUSED
                              : SEGLOG_OK;
}

struct progress {
    uint64_t writes;
    uint64_t events;
    size_t size; /* at most */
};

/* Whether it is in: it may be too large. */
static bool
is_taken(seglog_code code, size_t len, size_t max, struct progress *progress)
{
    progress->size += len + SEGLOG_KEY_MAX + 64;
    if (code == SEGLOG_TOO_LARGE)
        MUST(len > max || progress->size + 256 > RECORD_MAX);
    else
        MUST(code == SEGLOG_OK && len <= max);
    return code == SEGLOG_OK;
}

static void
draft_put(struct world *world, unsigned key, const struct bytes *bytes)
{
    world->draft.values[key].is_there = bytes != NULL;
    if (bytes)
        world->draft.values[key].bytes = *bytes;
}

static void
draft_add_event(struct world *world, struct bytes bytes)
{
    struct model *draft = &world->draft;

    draft->events[draft->event_count++] =
        (struct event){ bytes, draft->position };
}

static bool
has_room(const struct world *world)
{
    return world->draft.event_count < EVENTS_MAX;
}

/* What it reads is what it has written, and goes on behind where it was. */
static void
txn_iterate(struct world *world, struct seglog_write_txn *txn)
{
    const struct seglog_state_range range = range_take(world);
    const unsigned key = key_take(world);
    const struct seglog_state_range all = { .has_end = false };
    struct seglog_state_range rest = range;
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice at;
    struct seglog_slice value;
    static char last[SEGLOG_KEY_MAX + 1];

    MUST(seglog_write_txn_iterate(txn, &range, &iter, NULL) == SEGLOG_OK);
    iter_must_be(iter, world->draft.values, &range);
    seglog_state_iter_close(iter);
    MUST(seglog_write_txn_iterate(txn, &all, &iter, NULL) == SEGLOG_OK);
    if (seglog_state_iter_next(iter, &at, &value, NULL) == SEGLOG_OK) {
        memcpy(last, at.data, at.len);
        last[at.len] = '\0';
        rest = (struct seglog_state_range){ .start = { last, at.len + 1 } };
        MUST(seglog_write_txn_delete(txn, key_of(key), NULL) == SEGLOG_OK);
        draft_put(world, key, NULL);
        iter_must_be(iter, world->draft.values, &rest);
    } else {
        MUST(seglog_write_txn_delete(txn, key_of(key), NULL) == SEGLOG_OK);
        draft_put(world, key, NULL);
    }
    seglog_state_iter_close(iter);
}

static void
txn_step(struct world *world, struct seglog_write_txn *txn, unsigned handle,
         struct progress *progress)
{
    static char room[VALUE_MAX + 100];
    const uint8_t what = input_byte(&world->input);
    const unsigned key = key_take(world);
    struct seglog_write_txn *other = NULL;
    struct seglog_slice value;
    struct bytes bytes;
    uint64_t id = 0;
    seglog_code code = SEGLOG_OK;

    switch (what % 8) {
    default:
        bytes = bytes_take(&world->input);
        code = seglog_write_txn_put(txn, key_of(key), bytes_make(bytes, room),
                                    NULL);
        if (is_taken(code, bytes.len, world->options.value_bytes_max,
                     progress)) {
            draft_put(world, key, &bytes);
            progress->writes++;
        }
        return;
    case 3:
        code = seglog_write_txn_delete(txn, key_of(key), NULL);
        if (is_taken(code, 0, 0, progress)) {
            draft_put(world, key, NULL);
            progress->writes++;
        }
        return;
    case 4:
    case 5:
        if (!has_room(world))
            return;
        bytes = bytes_take(&world->input);
        code = seglog_write_txn_append_event(txn, bytes_make(bytes, room), &id,
                                             NULL);
        if (is_taken(code, bytes.len, world->options.event_bytes_max,
                     progress)) {
            MUST(id == world->draft.event_count);
            draft_add_event(world, bytes);
            progress->events++;
        }
        return;
    case 6:
        code = seglog_write_txn_get(txn, key_of(key), &value, NULL);
        MUST(code == (world->draft.values[key].is_there ? SEGLOG_OK
                                                        : SEGLOG_NOT_FOUND));
        if (code == SEGLOG_OK)
            bytes_must_be(value, world->draft.values[key].bytes);
        return;
    case 7:
        if (what < 64) {
            const struct seglog_state_range all = { .has_end = false };

            state_must_be(world, what & 8 ? handle : 1 - handle, &all);
        } else if (what < 80) {
            MUST(seglog_write_txn_begin(world->handles[handle], &other, NULL) ==
                 SEGLOG_INVALID);
            MUST(seglog_write_txn_begin(world->handles[1 - handle], &other,
                                        NULL) == SEGLOG_LOCKED);
        } else if (progress->size + 1200 < RECORD_MAX) {
            progress->size += SEGLOG_KEY_MAX + 64;
            progress->writes++;
            txn_iterate(world, txn);
        }
        return;
    }
}

static void
info_must_be(struct world *world, const struct seglog_commit_info *info,
             const struct progress *progress, bool is_synced)
{
    const struct model *model = &world->model;

    MUST(info->position == model->position);
    MUST(info->first_event == model->event_count);
    MUST(info->events == progress->events && info->writes == progress->writes);
    MUST(progress->events == 0 ||
         info->last_event == info->first_event + progress->events - 1);
    MUST(info->is_durable || !is_synced);
}

/* What the draft says is so, in a transaction of its own unless it is empty. */
static void
draft_take(struct world *world, const struct progress *progress)
{
    if (progress->writes + progress->events > 0)
        world->draft.position++;
    world->model = world->draft;
}

void
txn_play(struct world *world, unsigned handle)
{
    const uint8_t how = input_byte(&world->input);
    struct progress progress = { 0 };
    struct seglog_commit_info info;
    struct seglog_write_txn *txn = NULL;
    const seglog_code code =
        seglog_write_txn_begin(world->handles[handle], &txn, NULL);

    MUST(code == gate_code(&world->model));
    if (code != SEGLOG_OK)
        return;
    world->draft = world->model;
    for (unsigned i = 0; i < how % 16u; i++)
        txn_step(world, txn, handle, &progress);
    if (how >= 0xD0) {
        seglog_write_txn_abort(txn);
        return;
    }
    MUST(seglog_write_txn_commit(txn, (how & 16) != 0, &info, NULL) ==
         SEGLOG_OK);
    info_must_be(world, &info, &progress, (how & 16) != 0);
    draft_take(world, &progress);
}

/* -- batches --------------------------------------------------------------- */

/* Whether it holds. */
static bool
batch_expect(struct world *world, struct seglog_write_batch *batch)
{
    static char room[VALUE_MAX + 100];
    const unsigned key = key_take(world);
    const struct value *known = &world->model.values[key];
    const bool is_right = input_byte(&world->input) % 4 > 0;
    struct seglog_slice value = bytes_make(known->bytes, room);
    bool is_there = known->is_there;

    if (!is_right && is_there && value.len > 0)
        value.len--;
    else if (!is_right)
        is_there = !is_there;
    if (!known->is_there && is_there)
        value.len = 0;
    MUST(seglog_write_batch_expect(batch, key_of(key), is_there ? &value : NULL,
                                   NULL) == SEGLOG_OK);
    return is_right;
}

static void
batch_fill(struct world *world, struct seglog_write_batch *batch,
           unsigned count, struct progress *progress)
{
    static char room[VALUE_MAX + 100];

    for (unsigned i = 0; i < count; i++) {
        const uint8_t what = input_byte(&world->input);
        const unsigned key = key_take(world);
        const struct bytes bytes = bytes_take(&world->input);
        const struct seglog_slice slice = bytes_make(bytes, room);

        if (what % 4 == 0) {
            if (!is_taken(seglog_write_batch_delete(batch, key_of(key), NULL),
                          0, 0, progress))
                continue;
            draft_put(world, key, NULL);
            progress->writes++;
        } else if (what % 4 == 1 && has_room(world)) {
            if (!is_taken(seglog_write_batch_append_event(batch, slice, NULL),
                          bytes.len, world->options.event_bytes_max, progress))
                continue;
            draft_add_event(world, bytes);
            progress->events++;
        } else {
            if (!is_taken(
                    seglog_write_batch_put(batch, key_of(key), slice, NULL),
                    bytes.len, world->options.value_bytes_max, progress))
                continue;
            draft_put(world, key, &bytes);
            progress->writes++;
        }
    }
}

void
batch_play(struct world *world, unsigned handle)
{
    const uint8_t how = input_byte(&world->input);
    struct seglog_write_batch *batch = NULL;
    struct progress progress = { 0 };
    struct seglog_commit_info info;
    seglog_code expected = gate_code(&world->model);
    seglog_code code = SEGLOG_OK;

    world->draft = world->model;
    MUST(seglog_write_batch_new(world->handles[handle], &batch, NULL) ==
         SEGLOG_OK);
    for (unsigned i = 0; i < how % 4u; i++) {
        if (!batch_expect(world, batch) && expected == SEGLOG_OK)
            expected = SEGLOG_CONFLICT;
    }
    batch_fill(world, batch, how / 4u % 8u, &progress);
    code = seglog_write_batch_commit(batch, (how & 128) != 0, &info, NULL);
    MUST(code == expected);
    if (code == SEGLOG_OK) {
        info_must_be(world, &info, &progress, (how & 128) != 0);
        draft_take(world, &progress);
    }
    seglog_write_batch_free(batch);
}
