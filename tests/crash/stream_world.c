/* SPDX-License-Identifier: MIT */
/* tests/crash/stream_world.c - processes, power cuts, images, programs. */
#include "tests/crash/stream_world.h"

#include <stdarg.h>
#include <string.h>

#include "src/crypt/primitives.h"

static const char *const invariant_names[STREAM_INVARIANTS] = {
    [STREAM_T1] = "T1",     [STREAM_T2] = "T2", [STREAM_T3] = "T3",
    [STREAM_T4] = "T4",     [STREAM_T5] = "T5", [STREAM_T6] = "T6",
    [STREAM_T7] = "T7",     [STREAM_T8] = "T8", [STREAM_T9] = "T9",
    [STREAM_LOCK] = "lock",
};

unsigned
stream_draw(struct stream_world *world, unsigned limit)
{
    return (unsigned)(crash_random(&world->chance) % limit);
}

void
stream_say(const struct stream_world *world, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    crash_say(&world->watch->crash, world->depth, format, args);
    va_end(args);
}

void
stream_fail(struct stream_world *world, int line, const char *what)
{
    crash_fail(&world->watch->crash, world->disk, world->depth,
               "step %u, depth %u, line %d: %s", world->step, world->depth,
               line, what);
}

/* -- processes ------------------------------------------------------------- */

static void
meanwhile(void *arg, enum seglog_disk_step step);

static struct seglog_store
actor_store(struct stream_world *world, struct stream_actor *actor)
{
    struct seglog_store store = { 0 };

    stream_expect(world, crash_store_start(
                             world->disk, &actor->process, world->is_encrypted,
                             world->depth == 0 && world->step == 0,
                             &actor->encrypted, &store));
    return store;
}

void
stream_actor_start(struct stream_world *world, struct stream_actor *actor)
{
    struct seglog_stream_options options = world->options;
    const struct seglog_store store = actor_store(world, actor);

    actor->store = store;
    options.open_max = actor - world->actors == 1 ? 1 : 0;
    actor->world = world;
    actor->process.meanwhile = meanwhile;
    actor->process.arg = actor;
    memset(actor->appended, 0, sizeof actor->appended);
    stream_expect(world, seglog_streams_open(store, &options, &actor->streams,
                                             NULL) == SEGLOG_OK);
}

seglog_code
stream_actor_stop(struct stream_world *world, struct stream_actor *actor)
{
    seglog_code code = SEGLOG_OK;

    if (!actor->streams.ops)
        return SEGLOG_OK;
    code = seglog_streams_close(&actor->streams, NULL);
    if (actor->encrypted.ops)
        seglog_store_close(&actor->encrypted);
    /* What it could not finish is not synced by it. */
    if (actor->process.is_dead || code != SEGLOG_OK)
        return code;
    for (unsigned i = 0; i < STREAM_LOGS; i++) {
        struct stream_log *log = &world->logs[i];

        if (log->synced < actor->appended[i] && !log->is_out)
            log->synced = actor->appended[i];
    }
    return SEGLOG_OK;
}

/* Without another word. */
static void
actors_kill(struct stream_world *world)
{
    for (unsigned i = 0; i < STREAM_ACTORS; i++) {
        struct stream_actor *actor = &world->actors[i];

        if (!actor->streams.ops)
            continue;
        seglog_disk_kill(&actor->process);
        (void)stream_actor_stop(world, actor);
    }
}

struct stream_actor *
stream_actor_any(struct stream_world *world)
{
    struct stream_actor *actor =
        &world->actors[stream_draw(world, STREAM_ACTORS)];

    if (!actor->streams.ops)
        stream_actor_start(world, actor);
    return actor;
}

/* -- power cuts ------------------------------------------------------------ */

void
stream_cut_power(struct stream_world *world)
{
    const struct seglog_disk_cut cut =
        crash_cut_draw(crash_random(&world->chance));

    stream_say(world, "power cut, %u%% lost", cut.lost_percent);
    actors_kill(world);
    stream_expect(world, seglog_disk_cut_power(world->disk, &cut));
    world->watch->crash.images++;
    stream_look(world, true);
}

/* -- images ---------------------------------------------------------------- */

static struct stream_world children[CRASH_DEPTH_MAX + 1];

static void
image_step(void *arg, const uint8_t bytes[CRASH_STEP_BYTES])
{
    stream_step_run(arg, bytes);
}

static void
image_cut_power(void *arg)
{
    stream_cut_power(arg);
}

static void
image_check(struct stream_world *world, uint64_t seed)
{
    const struct seglog_disk_cut cut = crash_cut_draw(seed);
    struct stream_world *child = &children[world->depth];

    *child = *world;
    for (unsigned i = 0; i < STREAM_ACTORS; i++)
        child->actors[i] = (struct stream_actor){ 0 };
    child->depth = world->depth + 1;
    child->disk =
        crash_image_make(&world->watch->crash, world->disk, world->depth, &cut);
    stream_expect(world, child->disk != NULL);
    child->chance = crash_random(&seed);
    child->is_overtaking = false;
    child->has_failed = false;
    child->images_every = child->depth < CRASH_DEPTH_MAX ? 12 : 0;
    world->watch->crash.checks[STREAM_T6] += world->depth > 0;
    stream_say(child, "-- image, %u%% lost", cut.lost_percent);
    stream_look(child, true);
    crash_image_go_on(&(struct crash_image_world){ child, &child->depth,
                                                   image_step,
                                                   image_cut_power },
                      crash_random(&seed));
    actors_kill(child);
    seglog_disk_free(child->disk);
    child->disk = NULL;
}

static void
meanwhile(void *arg, enum seglog_disk_step step)
{
    const struct stream_actor *actor = arg;
    struct stream_world *world = actor->world;
    uint64_t seed = 0;

    if (actor->process.is_dead || world->is_overtaking)
        return;
    if (step < SEGLOG_DISK_WRITE) {
        if (!actor->is_failing && stream_draw(world, 24) == 0)
            stream_overtake(world, actor);
        return;
    }
    /* A tombstone that is not synced yet must not be acted upon. */
    if (step == SEGLOG_DISK_SYNC && world->pending.is_any &&
        world->pending.is_mark && !actor->is_failing &&
        stream_draw(world, 4) == 0)
        stream_overtake_compact(world, actor);
    seed = world->chance ^ ++world->changes * UINT64_C(0xD6E8FEB86659FD93);
    (void)crash_random(&seed);
    if (world->depth < CRASH_DEPTH_MAX && world->images_every != 0 &&
        crash_random(&seed) % world->images_every == 0)
        image_check(world, seed);
}

/* -- programs -------------------------------------------------------------- */

static struct stream_world the_world;

static void
world_begin(struct stream_world *world, struct stream_watch *watch,
            uint64_t seed)
{
    static const uint64_t limits[] = { 1, 600, 4000, 1 << 20 };
    static const uint64_t checkpoints[] = { 1, 3, 50, 1000 };
    struct seglog_disk_options options = { .flaws = watch->crash.flaws,
                                           .sync_skip = 8 };
    uint64_t how = 0;

    memset(world, 0, sizeof *world);
    world->watch = watch;
    entropy_seed(seed, false);
    options.seed = crash_random(&seed);
    how = crash_random(&seed);
    options.cannot_cut = how % 16 == 0;
    options.has_no_hint = (how >> 8) % 4 == 0;
    world->disk = seglog_disk_new(&options);
    stream_expect(world, world->disk != NULL);
    world->options = (struct seglog_stream_options){
        .size = sizeof world->options,
        .lock_timeout_ms = 1,
        .chain = (how >> 12) % 2 == 0 ? SEGLOG_CHAIN_XXH3 : SEGLOG_CHAIN_SHA256,
        .sync_log2 = (uint8_t)(9 + (how >> 16) % 6),
        .segment_bytes = limits[(how >> 20) % 4],
        .checkpoint_events = checkpoints[(how >> 24) % 4],
        .codec =
            (how >> 28) % 4 == 0 ? SEGLOG_CODEC_DEFLATE : SEGLOG_CODEC_NONE,
    };
    world->is_encrypted = (how >> 32) % 8 == 0 && slg_crypt_is_available();
    /* Hundreds of segments, each of them decrypted at each look: minutes. */
    if (world->is_encrypted && world->options.segment_bytes == limits[0])
        world->options.segment_bytes = limits[1];
    world->next_id = 1;
    world->chance = seed;
    stream_actor_start(world, &world->actors[0]);
}

static void
program_begin(struct crash_watch *watch, uint64_t seed)
{
    world_begin(&the_world, (struct stream_watch *)(void *)watch, seed);
    the_world.images_every = 1;
}

static bool
program_step(unsigned number, const uint8_t bytes[CRASH_STEP_BYTES])
{
    the_world.step = number;
    stream_step_run(&the_world, bytes);
    return true;
}

static void
program_end(void)
{
    stream_cut_power(&the_world);
    actors_kill(&the_world);
    seglog_disk_free(the_world.disk);
    the_world.disk = NULL;
}

const struct crash_subject stream_subject = {
    .invariant_names = invariant_names,
    .invariant_count = STREAM_INVARIANTS,
    .watch_size = sizeof(struct stream_watch),
    .begin = program_begin,
    .step = program_step,
    .end = program_end,
};
