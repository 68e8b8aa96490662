/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_canonical.c - a canonical store against arrays.
 *
 * Byte 0 of the input says how the store is made: each of two handles with a
 * view of its own, both with the same one, or one of each kind.  The other
 * bytes are what is done by them in turns: transactions that are committed or
 * not, batches that expect something, seals and pauses, consumers and their
 * dead letters, state snapshots, retention; handles are closed and opened, and
 * the view is removed.  All that can be read is what the arrays say, also by
 * read transactions that were begun long before.
 */
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "fuzz/canonical_world.h"

#define STEPS_MAX 300u

/* -- control --------------------------------------------------------------- */

static void
control_play(struct world *world, struct seglog_canonical *canonical)
{
    const uint8_t what = input_byte(&world->input);
    struct model *model = &world->model;
    uint64_t id = 0;
    seglog_code code = SEGLOG_OK;

    switch (what % 8) {
    case 0:
        code = seglog_canonical_seal(canonical, &id, NULL);
        MUST(code == (model->event_count > 0 ? SEGLOG_OK : SEGLOG_INVALID));
        if (code == SEGLOG_OK && model->sealed == 0) {
            model->sealed = model->event_count;
            model->position++;
        }
        MUST(code != SEGLOG_OK || id == model->sealed - 1);
        return;
    default:
        code = seglog_canonical_clear_seal(canonical, NULL);
        model->sealed = 0;
        break;
    case 2:
        code = seglog_canonical_pause(canonical, 0, NULL);
        model->is_paused = true;
        break;
    case 3:
    case 4:
    case 5:
        code = seglog_canonical_resume(canonical, NULL);
        model->is_paused = false;
        break;
    case 6:
        model->schema = input_number(&world->input, 2) << (what >> 3);
        code =
            seglog_canonical_set_schema_version(canonical, model->schema, NULL);
        break;
    }
    MUST(code == SEGLOG_OK);
    model->position++;
}

/* -- all of it ------------------------------------------------------------- */

static void
read_play(struct world *world, unsigned handle)
{
    const uint8_t what = input_byte(&world->input);
    const uint64_t from =
        input_byte(&world->input) % (world->model.event_count + 2);

    switch (what % 8) {
    case 0: {
        const struct seglog_state_range range = range_take(world);

        state_must_be(world, handle, &range);
        return;
    }
    case 1:
    case 2:
        events_must_be(world, handle, from, from + what / 8u);
        return;
    case 3:
        event_must_be(world, handle, from);
        return;
    case 4:
        meta_must_be(world, handle);
        return;
    case 5:
        consumers_must_be(world, handle);
        return;
    default:
        kept_end(world);
        MUST(seglog_read_txn_begin(world->handles[handle], &world->kept.txn,
                                   NULL) == SEGLOG_OK);
        memcpy(world->kept.values, world->model.values,
               sizeof world->kept.values);
        world->kept.position = world->model.position;
        world->kept.handle = handle;
        return;
    }
}

static void
step(struct world *world)
{
    const uint8_t what = input_byte(&world->input);
    const unsigned handle = what >> 7;
    struct seglog_canonical *canonical = world->handles[handle];

    if (world->has_named[0] && !world->has_named[1])
        named_catch_up(world);
    switch (what % 32) {
    default:
        txn_play(world, handle);
        return;
    case 10:
    case 11:
    case 12:
    case 13:
        batch_play(world, handle);
        return;
    case 14:
    case 15:
        control_play(world, canonical);
        return;
    case 16:
    case 17:
    case 18:
    case 19:
    case 20:
        consumer_play(world, handle);
        return;
    case 21:
    case 22:
        snapshot_play(world, canonical);
        return;
    case 23:
    case 24:
        retain_play(world, canonical);
        return;
    case 25:
        handle_close(world, handle);
        handle_open(world, handle);
        return;
    case 26:
        all_reopen(world, (what & 64) != 0, (what & 32) != 0);
        all_must_be(world, handle);
        return;
    case 27:
        MUST(seglog_canonical_sync(canonical, NULL) == SEGLOG_OK);
        return;
    case 28:
    case 29:
    case 30:
    case 31:
        read_play(world, handle);
        return;
    }
}

static void
options_choose(struct world *world)
{
    static const uint64_t limits[] = { 1, 300, 3000, 0 };
    const uint8_t how = input_byte(&world->input);

    world->options = (struct seglog_canonical_options){
        .size = sizeof world->options,
        .lock_timeout_ms = 1,
        .view_bytes_max = (uint64_t)64 << 20,
        .readers_max = 16,
        .event_bytes_max = EVENT_MAX,
        .value_bytes_max = VALUE_MAX - 1000,
        .body_log2 = 16,
        .codec = how & 4 ? SEGLOG_CODEC_DEFLATE : SEGLOG_CODEC_NONE,
        .segment_bytes = limits[how >> 4 & 3],
    };
    world->has_named[0] = how % 4 > 1;
    world->has_named[1] = how % 4 > 2;
    world->last = how >> 6 & 1;
}

/*
 * LMDB wants 3 MB of zeros for each file that it opens, and uses hardly any of
 * them: they cost least fresh from the system.
 */
static void
memory_give_back(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

static void
world_make(struct world *world)
{
    options_choose(world);
    folder_make(world);
    MUST(seglog_store_memory_open(&world->store, NULL) == SEGLOG_OK);
    world->model.position = 1;
    handle_open(world, 0);
    handle_open(world, 1);
}

/* A view that is made of the log alone says the same. */
static void
rebuilt_must_be(struct world *world)
{
    handle_close(world, 0);
    handle_close(world, 1);
    view_remove(world);
    handle_open(world, world->last);
    all_must_be(world, world->last);
    handle_close(world, world->last);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    static bool is_ready;

    if (!is_ready) {
        keys_make();
        memory_give_back();
        is_ready = true;
    }
    memset(&world, 0, sizeof world);
    world.input = (struct input){ data, size };
    world_make(&world);
    for (unsigned i = 0; i < STEPS_MAX && world.input.left > 0; i++)
        step(&world);
    if (world.has_named[0] && !world.has_named[1])
        named_catch_up(&world);
    all_must_be(&world, 0);
    all_must_be(&world, 1);
    rebuilt_must_be(&world);
    folder_remove(&world);
    seglog_store_close(&world.store);
    return 0;
}
