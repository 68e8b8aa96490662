/* SPDX-License-Identifier: MIT */
/* fuzz/canonical_retain.c - state snapshots and retention. */
#include "fuzz/canonical_world.h"

void
snapshot_play(struct world *world, struct seglog_canonical *canonical)
{
    struct seglog_snapshot_info info;
    const seglog_code code =
        seglog_canonical_make_snapshot(canonical, &info, NULL);
    struct seglog_blob_info blob;

    /* There is no zstd. */
    if (code == SEGLOG_INVALID)
        return;
    MUST(code == SEGLOG_OK);
    MUST(info.position == world->model.position);
    MUST(seglog_store_get_info(world->store, info.name, &blob, NULL) ==
             SEGLOG_OK &&
         blob.size == info.bytes);
    world->model.snapshot = info.position;
}

/*
 * Another view learns of it when somebody looks at the log for it, when it is
 * opened or something has come; until then it has the events that are left all
 * the same.
 */
static void
others_learn(struct world *world, struct seglog_canonical *canonical,
             bool reopens)
{
    struct model *model = &world->model;

    if (world->has_named[0] && world->has_named[1])
        return;
    for (unsigned i = 0; i < 2; i++) {
        if (world->handles[i] == canonical)
            continue;
        events_must_be(world, i, model->first_event, SEGLOG_EVENT_END);
        if (reopens) {
            handle_close(world, i);
            handle_open(world, i);
            return;
        }
    }
    MUST(seglog_canonical_set_schema_version(canonical, model->schema, NULL) ==
         SEGLOG_OK);
    model->position++;
}

/* As much as may go, in whole segments. */
void
retain_play(struct world *world, struct seglog_canonical *canonical)
{
    struct model *model = &world->model;
    const uint8_t byte = input_byte(&world->input);
    uint64_t limit =
        byte == 0xFF ? SEGLOG_EVENT_END : byte % (model->event_count + 2);
    struct seglog_retention_info info;

    MUST(seglog_canonical_retain(canonical, limit, &info, NULL) == SEGLOG_OK);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        const struct consumer *consumer = &model->consumers[i];

        if (consumer->is_there && consumer->cursor < limit)
            limit = consumer->cursor;
        if (consumer->dead_count > 0 && consumer->dead[0].id < limit)
            limit = consumer->dead[0].id;
    }
    MUST(info.first_event >= model->first_event &&
         info.first_event <= model->event_count);
    MUST(info.first_event <= limit || info.first_event == model->first_event);
    MUST(info.first_position <= model->snapshot &&
         info.first_position >= model->first_position);
    /* No event of what is left is missing, and none is in front of it. */
    MUST(info.first_event == model->event_count ||
         model->events[info.first_event].position >= info.first_position);
    MUST(info.first_event == 0 ||
         model->events[info.first_event - 1].position < info.first_position);
    model->first_event = info.first_event;
    model->first_position = info.first_position;
    others_learn(world, canonical, byte % 8 == 0);
}
