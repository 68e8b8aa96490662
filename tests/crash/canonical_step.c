/* SPDX-License-Identifier: MIT */
/* tests/crash/canonical_step.c - steps: what writes, and what stops. */
#include <string.h>

#include "tests/crash/canonical_world.h"

/* -- transactions ---------------------------------------------------------- */

static bool
has_room(const struct canonical_world *world)
{
    return world->model.count + 8 < CANONICAL_TXNS_MAX &&
           canonical_model_now(world)->events + 4 * CANONICAL_WRITES_MAX <
               CANONICAL_EVENTS_MAX;
}

static void
data_pending(struct canonical_world *world)
{
    canonical_pending_set(world,
                          (struct canonical_txn){ .kind = CANONICAL_DATA });
}

/* What seal and pause say to who wants to write; OK: nothing. */
static seglog_code
refusal_of(const struct canonical_world *world)
{
    const struct canonical_snap *snap = canonical_model_now(world);

    return snap->sealed > 0  ? SEGLOG_SEALED
           : snap->is_paused ? SEGLOG_PAUSED
                             : SEGLOG_OK;
}

static seglog_code
content_write(struct seglog_write_txn *txn, uint32_t id)
{
    const struct canonical_content content = canonical_content_of(id);
    char text[CANONICAL_TEXT_CAP];
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < content.writes && code == SEGLOG_OK; i++) {
        const struct seglog_slice key = canonical_key(content.ops[i].key);

        code = content.ops[i].code == 0
                   ? seglog_write_txn_delete(txn, key, NULL)
                   : seglog_write_txn_put(
                         txn, key, canonical_text(content.ops[i].code, text),
                         NULL);
    }
    for (unsigned i = 0; i < content.events && code == SEGLOG_OK; i++)
        code = seglog_write_txn_append_event(
            txn, canonical_text(content.codes[i], text), NULL, NULL);
    return code;
}

static void
step_transaction(struct canonical_world *world, bool is_synced, bool is_aborted)
{
    struct canonical_actor *actor = canonical_call_begin(world);
    const seglog_code refusal = refusal_of(world);
    struct seglog_write_txn *txn = NULL;
    struct seglog_commit_info info;
    seglog_code code = seglog_write_txn_begin(actor->canonical, &txn, NULL);

    if (code == SEGLOG_OK) {
        data_pending(world);
        code = content_write(txn, world->pending.id);
    }
    if (txn && (is_aborted || code != SEGLOG_OK)) {
        seglog_write_txn_abort(txn);
        world->is_pending = false;
        canonical_say(world, "aborted");
    } else if (txn) {
        code = seglog_write_txn_commit(txn, is_synced, &info, NULL);
        canonical_say(world, "commit %u%s: %s", (unsigned)world->pending.id,
                      is_synced ? ", synced" : "", seglog_code_name(code));
    }
    if (code == SEGLOG_OK && world->is_pending) {
        canonical_hold(world, CANONICAL_C10, info.is_durable == is_synced);
        canonical_hold(world, CANONICAL_C7,
                       info.position == world->model.count + 1);
        canonical_hold(world, CANONICAL_C7,
                       info.first_event == canonical_model_now(world)->events);
        canonical_pending_commit(world, actor, is_synced);
    }
    if (!canonical_call_end(world, actor, code))
        return;
    canonical_hold(world, CANONICAL_C7, code == refusal);
    world->is_pending = false;
}

static seglog_code
content_batch(struct seglog_write_batch *batch, uint32_t id)
{
    const struct canonical_content content = canonical_content_of(id);
    char text[CANONICAL_TEXT_CAP];
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < content.writes && code == SEGLOG_OK; i++) {
        const struct seglog_slice key = canonical_key(content.ops[i].key);

        code = content.ops[i].code == 0
                   ? seglog_write_batch_delete(batch, key, NULL)
                   : seglog_write_batch_put(
                         batch, key, canonical_text(content.ops[i].code, text),
                         NULL);
    }
    for (unsigned i = 0; i < content.events && code == SEGLOG_OK; i++)
        code = seglog_write_batch_append_event(
            batch, canonical_text(content.codes[i], text), NULL);
    return code;
}

/* What it expects is so, or not. */
static seglog_code
batch_expect(struct canonical_world *world, struct seglog_write_batch *batch,
             bool is_right)
{
    const unsigned key = canonical_draw(world, CANONICAL_KEYS);
    const uint32_t code = canonical_model_now(world)->values[key];
    char text[CANONICAL_TEXT_CAP];
    const struct seglog_slice value =
        canonical_text(is_right ? code : code + 1, text);

    return seglog_write_batch_expect(
        batch, canonical_key(key), is_right && code == 0 ? NULL : &value, NULL);
}

static void
step_batch(struct canonical_world *world)
{
    const bool is_synced = canonical_draw(world, 4) == 0;
    struct canonical_actor *actor = canonical_call_begin(world);
    const unsigned expects = canonical_draw(world, 4);
    const seglog_code refusal = refusal_of(world) != SEGLOG_OK
                                    ? refusal_of(world)
                                : expects == 1 ? SEGLOG_CONFLICT
                                               : SEGLOG_OK;
    struct seglog_write_batch *batch = NULL;
    seglog_code code = SEGLOG_OK;

    canonical_expect(world, seglog_write_batch_new(actor->canonical, &batch,
                                                   NULL) == SEGLOG_OK);
    data_pending(world);
    canonical_expect(world,
                     content_batch(batch, world->pending.id) == SEGLOG_OK);
    if (expects < 2)
        canonical_expect(world,
                         batch_expect(world, batch, expects == 0) == SEGLOG_OK);
    code = seglog_write_batch_commit(batch, is_synced, NULL, NULL);
    canonical_say(world, "batch %u%s: %s", (unsigned)world->pending.id,
                  is_synced ? ", synced" : "", seglog_code_name(code));
    if (code == SEGLOG_OK)
        canonical_pending_commit(world, actor, is_synced);
    seglog_write_batch_free(batch);
    if (refusal != SEGLOG_OK)
        world->is_pending = false;
    if (!canonical_call_end(world, actor, code))
        return;
    canonical_hold(world, CANONICAL_C7, code == refusal);
    world->is_pending = false;
}

/* -- control --------------------------------------------------------------- */

static seglog_code
control_call(struct canonical_world *world, struct seglog_canonical *canonical)
{
    switch (world->pending.kind) {
    case CANONICAL_PAUSE:
        return seglog_canonical_pause(canonical, 1, NULL);
    case CANONICAL_RESUME:
        return seglog_canonical_resume(canonical, NULL);
    case CANONICAL_SEAL:
        return seglog_canonical_seal(canonical, NULL, NULL);
    case CANONICAL_UNSEAL:
        return seglog_canonical_clear_seal(canonical, NULL);
    default:
        break;
    }
    return seglog_canonical_set_schema_version(canonical, world->pending.id,
                                               NULL);
}

static void
step_control(struct canonical_world *world, enum canonical_kind kind)
{
    const struct canonical_snap *snap = canonical_model_now(world);
    struct canonical_actor *actor = NULL;
    seglog_code code = SEGLOG_OK;

    if (kind == CANONICAL_SEAL && (snap->events == 0 || snap->sealed > 0))
        kind = CANONICAL_UNSEAL;
    if (kind == CANONICAL_PAUSE && snap->is_paused)
        kind = CANONICAL_RESUME;
    actor = canonical_call_begin(world);
    canonical_pending_set(world, (struct canonical_txn){ .kind = kind });
    code = control_call(world, actor->canonical);
    canonical_say(world, "control %d: %s", (int)kind, seglog_code_name(code));
    if (code == SEGLOG_OK)
        canonical_pending_commit(world, actor, true);
    if (!canonical_call_end(world, actor, code))
        return;
    canonical_hold(world, CANONICAL_C7, code == SEGLOG_OK);
}

static void
step_sync(struct canonical_world *world)
{
    struct canonical_actor *actor = canonical_call_begin(world);
    const seglog_code code = seglog_canonical_sync(actor->canonical, NULL);

    canonical_say(world, "sync: %s", seglog_code_name(code));
    if (code == SEGLOG_OK)
        world->model.synced = world->model.count;
    if (canonical_call_end(world, actor, code))
        canonical_hold(world, CANONICAL_C7, code == SEGLOG_OK);
}

/* -- steps ------------------------------------------------------------------ */

static void
step_death(struct canonical_world *world)
{
    struct canonical_actor *actor = canonical_actor_any(world);

    canonical_say(world, "a death");
    seglog_disk_kill(&actor->process);
    canonical_actor_stop(world, actor);
    canonical_survivors_compare(world);
}

static void
step_lose_view(struct canonical_world *world)
{
    canonical_say(world, "the view is removed");
    canonical_actors_stop(world);
    canonical_folder_lose(world);
    canonical_look(world, false);
}

static void
step_commit(struct canonical_world *world)
{
    step_transaction(world, canonical_draw(world, 4) == 0, false);
}

static void
step_abort(struct canonical_world *world)
{
    step_transaction(world, false, true);
}

static void
step_schema(struct canonical_world *world)
{
    step_control(world, CANONICAL_SCHEMA);
}

static void
step_pause(struct canonical_world *world)
{
    step_control(world, CANONICAL_PAUSE);
}

static void
step_seal(struct canonical_world *world)
{
    step_control(world, CANONICAL_SEAL);
}

static void
step_close(struct canonical_world *world)
{
    canonical_actor_stop(world, canonical_actor_any(world));
}

/* How often, of 64. */
static const struct {
    unsigned weight;
    void (*run)(struct canonical_world *world);
} kinds[] = {
    { 20, step_commit },
    { 2, step_abort },
    { 5, step_batch },
    { 1, step_schema },
    { 1, step_pause },
    { 1, step_seal },
    { 2, step_sync },
    { 3, step_close },
    { 2, step_death },
    { 2, step_lose_view },
    { 2, canonical_cut_power },
    { 3, canonical_survivors_compare },
    { 4, canonical_step_snapshot },
    { 4, canonical_step_retain },
    { 5, canonical_step_consume },
    { 2, canonical_step_reject },
    { 3, canonical_step_replay },
    { 2, canonical_step_consumer_remove },
};

void
canonical_step_run(struct canonical_world *world, const uint8_t *bytes)
{
    unsigned at = 0;
    unsigned i = 0;

    memcpy(&world->chance, bytes, sizeof world->chance);
    if (!has_room(world))
        return;
    at = canonical_draw(world, 64);
    while (at >= kinds[i].weight)
        at -= kinds[i++].weight;
    /* Most of what follows cannot be done while it is held up. */
    if (refusal_of(world) == SEGLOG_OK || canonical_draw(world, 4) != 0)
        kinds[i].run(world);
    else if (canonical_model_now(world)->sealed > 0)
        step_seal(world);
    else
        step_pause(world);
}
