/* SPDX-License-Identifier: MIT */
/* tests/crash/canonical_model.c - what was promised, and the look at it. */
#include <stdio.h>
#include <string.h>

#include "seglog/stream.h"
#include "tests/crash/canonical_world.h"

/* -- what transactions do -------------------------------------------------- */

struct canonical_content
canonical_content_of(uint32_t id)
{
    uint64_t series = id * UINT64_C(0x9E3779B1);
    const uint64_t how = crash_random(&series);
    struct canonical_content content = {
        .writes = (unsigned)(how % (CANONICAL_WRITES_MAX + 1)),
        .events = (unsigned)((how >> 8) % CANONICAL_WRITES_MAX),
    };

    if (content.writes + content.events == 0)
        content.events = 1;
    for (unsigned i = 0; i < content.writes; i++) {
        const uint64_t chance = crash_random(&series);

        content.ops[i].key = (unsigned)(chance % CANONICAL_KEYS);
        content.ops[i].code = (chance >> 8) % 4 == 0 ? 0 : id * 8 + i + 1;
    }
    for (unsigned i = 0; i < content.events; i++)
        content.codes[i] = id * 8 + 4 + i;
    return content;
}

struct seglog_slice
canonical_key(unsigned number)
{
    static const char *const keys[CANONICAL_KEYS] = { "a", "aa",    "ab",
                                                      "b", "b\xFF", "b\xFF\xFF",
                                                      "c", "\xFF" };

    return (struct seglog_slice){ keys[number], strlen(keys[number]) };
}

struct seglog_slice
canonical_text(uint32_t code, char text[CANONICAL_TEXT_CAP])
{
    uint64_t series = code;
    const uint64_t how = crash_random(&series);
    const size_t more =
        how % 16 == 0 ? (size_t)(how >> 8) % 3000 : (size_t)(how >> 8) % 50;
    const int len =
        snprintf(text, CANONICAL_TEXT_CAP, "code %u ", (unsigned)code);

    for (size_t i = 0; i < more; i++)
        text[(size_t)len + i] = (char)('a' + (code + i) % 26);
    return (struct seglog_slice){ text, (size_t)len + more };
}

/* -- the model ------------------------------------------------------------- */

const struct canonical_snap *
canonical_model_now(const struct canonical_world *world)
{
    return &world->model.snaps[world->model.count];
}

static void
content_apply(struct canonical_model *model, uint32_t id,
              struct canonical_snap *snap)
{
    const struct canonical_content content = canonical_content_of(id);

    for (unsigned i = 0; i < content.writes; i++)
        snap->values[content.ops[i].key] = content.ops[i].code;
    for (unsigned i = 0; i < content.events; i++)
        model->events[snap->events++] = content.codes[i];
}

void
canonical_model_add(struct canonical_world *world,
                    const struct canonical_txn *txn)
{
    struct canonical_model *model = &world->model;
    struct canonical_snap snap = *canonical_model_now(world);

    switch (txn->kind) {
    case CANONICAL_DATA:
        content_apply(model, txn->id, &snap);
        break;
    case CANONICAL_SCHEMA:
        snap.schema = txn->id;
        break;
    case CANONICAL_PAUSE:
    case CANONICAL_RESUME:
        snap.is_paused = txn->kind == CANONICAL_PAUSE;
        break;
    case CANONICAL_SEAL:
        snap.sealed = snap.events;
        break;
    case CANONICAL_UNSEAL:
        snap.sealed = 0;
        break;
    default:
        canonical_consumer_apply(txn, &snap);
        break;
    }
    model->snaps[++model->count] = snap;
}

/* -- comparing ------------------------------------------------------------- */

bool
canonical_slice_is(struct seglog_slice slice, struct seglog_slice other)
{
    return slice.len == other.len &&
           (slice.len == 0 || memcmp(slice.data, other.data, slice.len) == 0);
}

static void
state_compare(struct canonical_world *world, struct seglog_canonical *canonical)
{
    const struct canonical_snap *snap = canonical_model_now(world);
    struct seglog_read_txn *txn = NULL;
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice key;
    struct seglog_slice value;
    char text[CANONICAL_TEXT_CAP];

    canonical_hold(world, CANONICAL_C3,
                   seglog_read_txn_begin(canonical, &txn, NULL) == SEGLOG_OK);
    canonical_hold(world, CANONICAL_C3,
                   seglog_read_txn_iterate(txn, NULL, &iter, NULL) ==
                       SEGLOG_OK);
    for (unsigned i = 0; i < CANONICAL_KEYS; i++) {
        if (snap->values[i] == 0)
            continue;
        canonical_hold(world, CANONICAL_C3,
                       seglog_state_iter_next(iter, &key, &value, NULL) ==
                           SEGLOG_OK);
        canonical_hold(world, CANONICAL_C3,
                       canonical_slice_is(key, canonical_key(i)));
        canonical_hold(
            world, CANONICAL_C3,
            canonical_slice_is(value, canonical_text(snap->values[i], text)));
    }
    canonical_hold(world, CANONICAL_C3,
                   seglog_state_iter_next(iter, &key, &value, NULL) ==
                       SEGLOG_END);
    seglog_state_iter_close(iter);
    seglog_read_txn_end(txn);
}

static void
events_compare(struct canonical_world *world,
               struct seglog_canonical *canonical, uint32_t from)
{
    const struct canonical_snap *snap = canonical_model_now(world);
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    char text[CANONICAL_TEXT_CAP];

    canonical_hold(world, CANONICAL_C4,
                   seglog_event_iter_open(canonical, from, SEGLOG_EVENT_END,
                                          &iter, NULL) == SEGLOG_OK);
    for (uint32_t i = from; i < snap->events; i++) {
        canonical_hold(world, CANONICAL_C4,
                       seglog_event_iter_next(iter, &event, NULL) == SEGLOG_OK);
        canonical_hold(world, CANONICAL_C4, event.id == i);
        canonical_hold(
            world, CANONICAL_C4,
            canonical_slice_is(event.data,
                               canonical_text(world->model.events[i], text)));
    }
    canonical_hold(world, CANONICAL_C4,
                   seglog_event_iter_next(iter, &event, NULL) == SEGLOG_END);
    seglog_event_iter_close(iter);
}

static void
meta_compare(struct canonical_world *world, struct seglog_canonical *canonical)
{
    const struct canonical_snap *snap = canonical_model_now(world);
    struct seglog_canonical_meta meta;
    unsigned keys = 0;

    for (unsigned i = 0; i < CANONICAL_KEYS; i++)
        keys += snap->values[i] != 0;
    canonical_hold(world, CANONICAL_C5,
                   seglog_canonical_get_meta(canonical, &meta, NULL) ==
                       SEGLOG_OK);
    canonical_hold(world, CANONICAL_C5,
                   meta.position == world->model.count + 1);
    canonical_hold(world, CANONICAL_C5, meta.next_event == snap->events);
    canonical_hold(world, CANONICAL_C5, meta.keys == keys);
    canonical_hold(world, CANONICAL_C5, meta.is_paused == snap->is_paused);
    canonical_hold(world, CANONICAL_C5, meta.is_sealed == (snap->sealed > 0));
    canonical_hold(world, CANONICAL_C5,
                   !meta.is_sealed || meta.sealed_event + 1 == snap->sealed);
    canonical_hold(world, CANONICAL_C5, meta.schema_version == snap->schema);
    canonical_hold(world, CANONICAL_C5, meta.lost == 0);
}

void
canonical_compare(struct canonical_world *world,
                  struct seglog_canonical *canonical, bool is_new)
{
    const uint32_t events = canonical_model_now(world)->events;
    const uint32_t first = canonical_event_at(world, world->model.begin);

    meta_compare(world, canonical);
    canonical_begin_compare(world, canonical, is_new);
    state_compare(world, canonical);
    events_compare(world, canonical, first);
    events_compare(world, canonical,
                   first + canonical_draw(world, events - first + 1));
    canonical_consumers_compare(world, canonical);
}

/* -- the look -------------------------------------------------------------- */

/* So many are there: which? */
static void
count_adopt(struct canonical_world *world, size_t count, bool is_power_cut,
            bool is_view_own)
{
    struct canonical_model *model = &world->model;

    canonical_hold(world, CANONICAL_C1, count >= model->synced);
    if (world->is_pending && count == model->count + 1) {
        canonical_model_add(world, &world->pending);
        /* Whoever has put it into the log need not have told the view. */
        world->is_unshared = world->is_unshared || is_view_own;
    }
    canonical_hold(world, CANONICAL_C2,
                   count == model->count ||
                       (is_power_cut && count < model->count));
    model->count = count;
    world->is_pending = false;
}

/* What an earlier mending has set aside is seen to by then. */
static seglog_code
log_cut(const struct canonical_world *world, struct seglog_streams streams,
        struct seglog_store store)
{
    struct seglog_stream_mended mended;
    struct seglog_error err;
    seglog_code code =
        seglog_stream_mend(streams, SEGLOG_CANONICAL_STREAM,
                           SEGLOG_STREAM_MEND_CUT_FIRST, &mended, &err);

    if (code == SEGLOG_EXISTS) {
        canonical_say(world, "  away with %s", err.name);
        code = seglog_store_remove(store, err.name, NULL);
        if (code == SEGLOG_OK)
            code =
                seglog_stream_mend(streams, SEGLOG_CANONICAL_STREAM,
                                   SEGLOG_STREAM_MEND_CUT_FIRST, &mended, &err);
    }
    canonical_say(world, "  mended: %s, %llu lost", seglog_code_name(code),
                  (unsigned long long)mended.lost);
    return code;
}

/*
 * A hole in what nobody has synced may look as damage does: then whoever keeps
 * the store has to say that it goes back to before it.
 */
static void
log_mend(struct canonical_world *world, bool is_power_cut)
{
    struct seglog_disk_process process;
    struct seglog_store encrypted = { 0 };
    struct seglog_store store;
    struct seglog_streams streams;

    /* Of an encrypted store also a checkpoint that was under way, in which there
     * is no transaction. */
    canonical_hold(world, CANONICAL_C1,
                   is_power_cut && (world->is_pending || world->is_encrypted ||
                                    world->model.synced < world->model.count));
    world->watch->holes++;
    canonical_expect(world, crash_store_start(world->disk, &process,
                                              world->is_encrypted, false,
                                              &encrypted, &store));
    canonical_expect(world, seglog_streams_open(store, NULL, &streams, NULL) ==
                                SEGLOG_OK);
    canonical_hold(world, CANONICAL_C7,
                   log_cut(world, streams, store) == SEGLOG_OK);
    canonical_expect(world, seglog_streams_close(&streams, NULL) == SEGLOG_OK);
    if (encrypted.ops)
        seglog_store_close(&encrypted);
}

/* What is read may be sound, and the end behind it not: then nobody can write
 * until it is mended. */
static seglog_code
actor_start_sound(struct canonical_world *world, struct canonical_actor *actor,
                  bool is_view_own, bool is_power_cut)
{
    seglog_code code = canonical_actor_start(world, actor, is_view_own);

    if (code != SEGLOG_OK || !is_power_cut || !world->is_encrypted)
        return code;
    code = seglog_canonical_sync(actor->canonical, NULL);
    canonical_hold(world, CANONICAL_C7,
                   code == SEGLOG_OK || code == SEGLOG_CORRUPT);
    if (code != SEGLOG_OK)
        canonical_actor_stop(world, actor);
    return code;
}

void
canonical_look(struct canonical_world *world, bool is_power_cut)
{
    struct canonical_actor *actor = &world->actors[CANONICAL_ACTORS - 1];
    const unsigned every = world->images_every;
    const bool is_view_own = canonical_draw(world, 4) == 0;
    struct seglog_canonical_meta meta;

    world->watch->looks++;
    if (actor->canonical)
        canonical_actor_stop(world, actor);
    world->images_every = 0;
    if (actor_start_sound(world, actor, is_view_own, is_power_cut) !=
        SEGLOG_OK) {
        log_mend(world, is_power_cut);
        canonical_hold(world, CANONICAL_C7,
                       canonical_actor_start(world, actor, is_view_own) ==
                           SEGLOG_OK);
    }
    canonical_hold(world, CANONICAL_C2,
                   seglog_canonical_get_meta(actor->canonical, &meta, NULL) ==
                       SEGLOG_OK);
    canonical_say(world, "  %llu of %zu, %zu synced",
                  (unsigned long long)meta.position - 1, world->model.count,
                  world->model.synced);
    count_adopt(world, (size_t)meta.position - 1, is_power_cut, is_view_own);
    canonical_begin_adopt(world, (size_t)meta.first_position);
    canonical_compare(world, actor->canonical, true);
    canonical_actor_stop(world, actor);
    world->images_every = every;
}
