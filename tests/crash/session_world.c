/* SPDX-License-Identifier: MIT */
/* tests/crash/session_world.c - processes, power cuts, images, programs. */
#include "tests/crash/session_world.h"

#include <stdarg.h>
#include <string.h>

#include "src/codec/zrun.h"
#include "src/crypt/primitives.h"

static const char *const invariant_names[SESSION_INVARIANTS] = {
    [SESSION_I1] = "I1",       [SESSION_I2] = "I2",
    [SESSION_I3] = "I3",       [SESSION_I5] = "I5",
    [SESSION_I6] = "I6",       [SESSION_I7] = "I7",
    [SESSION_I8] = "I8",       [SESSION_NAMED] = "names",
    [SESSION_WHOLE] = "whole", [SESSION_PARENT] = "parent",
    [SESSION_NOTES] = "notes", [SESSION_LOCK] = "lock",
};

/* The last two bytes say where to cut, where that is chosen. */
unsigned
session_draw(struct session_world *world, unsigned limit)
{
    if (world->choice_at + 2 < CRASH_STEP_BYTES && limit <= 256)
        return world->choices.bytes[world->choice_at++] % limit;
    return (unsigned)(crash_random(&world->chance) % limit);
}

void
session_say(const struct session_world *world, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    crash_say(&world->watch->crash, world->depth, format, args);
    va_end(args);
}

void
session_fail(struct session_world *world, int line, const char *what)
{
    crash_fail(&world->watch->crash, world->disk, world->depth,
               "step %u, depth %u, line %d: %s", world->step, world->depth,
               line, what);
}

/* -- processes ------------------------------------------------------------- */

static void
meanwhile(void *arg, enum seglog_disk_step step);

static struct seglog_store
actor_store(struct session_world *world, struct session_actor *actor)
{
    struct seglog_store store = { 0 };

    session_expect(world, crash_store_start(
                              world->disk, &actor->process, world->is_encrypted,
                              world->depth == 0 && world->step == 0,
                              &actor->encrypted, &store));
    return store;
}

void
session_actor_start(struct session_world *world, struct session_actor *actor)
{
    const size_t number = (size_t)(actor - world->actors);
    const struct seglog_session_store_options options = {
        .size = sizeof options,
        .level = number == 2 ? SEGLOG_LEVEL_SYNC : SEGLOG_LEVEL_FLUSH,
        .sync_log2 = world->sync_log2,
        .lock_timeout_ms = 1,
        .open_max = number == 1 ? 2 : 0,
        .codec = world->codec,
        .level_of_codec = world->codec == SEGLOG_CODEC_NONE ? 0 : 1,
    };
    const struct seglog_store store = actor_store(world, actor);

    actor->world = world;
    actor->process.meanwhile = meanwhile;
    actor->process.arg = actor;
    session_expect(world,
                   seglog_session_store_open(store, &options, &actor->sessions,
                                             NULL) == SEGLOG_OK);
}

void
session_actor_stop(struct session_world *world, struct session_actor *actor)
{
    seglog_code code = SEGLOG_OK;

    if (!actor->sessions)
        return;
    code = seglog_session_store_close(actor->sessions, NULL);
    actor->sessions = NULL;
    session_expect(world, code == SEGLOG_OK || actor->process.is_dead);
    if (actor->encrypted.ops)
        seglog_store_close(&actor->encrypted);
}

/* Without another word. */
void
session_actors_stop(struct session_world *world)
{
    for (unsigned i = 0; i < SESSION_ACTORS; i++) {
        struct session_actor *actor = &world->actors[i];

        if (!actor->sessions)
            continue;
        seglog_disk_kill(&actor->process);
        session_actor_stop(world, actor);
    }
}

struct session_actor *
session_actor_any(struct session_world *world)
{
    struct session_actor *actor =
        &world->actors[session_draw(world, SESSION_ACTORS)];

    if (!actor->sessions)
        session_actor_start(world, actor);
    return actor;
}

/* -- power cuts ------------------------------------------------------------ */

void
session_cut_power(struct session_world *world)
{
    const struct seglog_disk_cut cut =
        crash_cut_draw(crash_random(&world->chance));

    session_say(world, "power cut, %u%% lost", cut.lost_percent);
    session_actors_stop(world);
    session_expect(world, seglog_disk_cut_power(world->disk, &cut));
    world->watch->crash.images++;
    session_look(world, true);
}

/* -- images ---------------------------------------------------------------- */

/* One for each depth: a world with its model is large, and made often. */
static struct session_world children[CRASH_DEPTH_MAX + 1];

static void
image_step(void *arg, const uint8_t bytes[CRASH_STEP_BYTES])
{
    struct session_world *child = arg;
    struct session_step step;

    memcpy(step.bytes, bytes, sizeof step.bytes);
    child->image_at = 0;
    session_step_run(child, &step);
}

static void
image_cut_power(void *arg)
{
    session_cut_power(arg);
}

static void
image_check(struct session_world *world, uint64_t seed)
{
    const struct seglog_disk_cut cut = crash_cut_draw(seed);
    struct session_world *child = &children[world->depth];

    session_world_copy(child, world);
    child->depth = world->depth + 1;
    child->disk =
        crash_image_make(&world->watch->crash, world->disk, world->depth, &cut);
    session_expect(world, child->disk != NULL);
    child->chance = crash_random(&seed);
    child->choice_at = CRASH_STEP_BYTES;
    child->images_every = child->depth < CRASH_DEPTH_MAX ? 12 : 0;
    world->watch->crash.checks[SESSION_I6] += world->depth > 0;
    session_say(child, "-- image, %u%% lost", cut.lost_percent);
    session_look(child, true);
    crash_image_go_on(&(struct crash_image_world){ child, &child->depth,
                                                   image_step,
                                                   image_cut_power },
                      crash_random(&seed));
    session_actors_stop(child);
    seglog_disk_free(child->disk);
    child->disk = NULL;
}

static void
meanwhile(void *arg, enum seglog_disk_step step)
{
    const struct session_actor *actor = arg;
    struct session_world *world = actor->world;
    uint64_t seed = 0;

    if (step < SEGLOG_DISK_WRITE || actor->process.is_dead)
        return;
    world->changes++;
    memcpy(&seed, world->choices.bytes, sizeof seed);
    seed ^= world->changes * UINT64_C(0xD6E8FEB86659FD93) + world->depth;
    (void)crash_random(&seed);
    if (world->depth < CRASH_DEPTH_MAX &&
        (world->changes == world->image_at ||
         (world->images_every != 0 &&
          crash_random(&seed) % world->images_every == 0)))
        image_check(world, seed);
}

/* -- programs -------------------------------------------------------------- */

static struct session_world the_world;

/* Two dictionaries are there from the beginning; the store uses none yet. */
static void
dictionaries_make(struct session_world *world, struct seglog_store store)
{
    char text[SESSION_TEXT_CAP];

    for (unsigned i = 0; i < 2; i++) {
        const size_t len = session_entry_make(14 + 21 * i, text, NULL);

        if (!slg_zrun_is_there())
            return;
        session_expect(world, seglog_dictionary_put(store, text, len,
                                                    world->dictionaries[i],
                                                    NULL) == SEGLOG_OK);
        world->dictionary_hash[i] = session_hash(
            world->dictionaries[i], strlen(world->dictionaries[i]));
    }
}

static void
world_begin(struct session_world *world, struct session_watch *watch,
            uint64_t seed)
{
    struct seglog_disk_options options = { .flaws = watch->crash.flaws,
                                           .sync_skip = 8 };
    struct session_actor *first = &world->actors[0];
    uint64_t how = 0;

    memset(world, 0, offsetof(struct session_world, lanes));
    world->watch = watch;
    entropy_seed(seed, false);
    options.seed = crash_random(&seed);
    how = crash_random(&seed);
    options.cannot_cut = world->cannot_cut = how % 8 == 0;
    options.has_no_hint = (how >> 8) % 4 == 0;
    world->disk = seglog_disk_new(&options);
    session_expect(world, world->disk != NULL);
    world->sync_log2 = (uint8_t)(9 + (how >> 16) % 5);
    world->is_large = (how >> 24) % 32 == 0;
    world->is_encrypted = (how >> 32) % 16 == 0 && slg_crypt_is_available();
    if ((how >> 40) % 8 < 3)
        world->codec = (enum seglog_codec)(1 + (how >> 48) % 3);
    if (world->codec == SEGLOG_CODEC_ZSTD && !slg_zrun_is_there())
        world->codec = SEGLOG_CODEC_AUTO;
    world->next_id = 1;
    world->next_segment = 16;
    world->chance = seed;
    session_actor_start(world, first);
    first->process.meanwhile = NULL;
    dictionaries_make(world, seglog_session_store_get_store(first->sessions));
    first->process.meanwhile = meanwhile;
}

static void
program_begin(struct crash_watch *watch, uint64_t seed)
{
    struct session_watch *whole = (struct session_watch *)(void *)watch;

    whole->old_index_len = 0;
    world_begin(&the_world, whole, seed);
    the_world.images_every = whole->cuts_are_chosen ? 0 : 1;
}

static bool
program_step(unsigned number, const uint8_t bytes[CRASH_STEP_BYTES])
{
    struct session_step step;

    memcpy(step.bytes, bytes, sizeof step.bytes);
    the_world.step = number;
    the_world.image_at = the_world.watch->cuts_are_chosen ? bytes[7] % 32 : 0;
    session_step_run(&the_world, &step);
    return true;
}

static void
program_end(void)
{
    session_cut_power(&the_world);
    session_actors_stop(&the_world);
    seglog_disk_free(the_world.disk);
    the_world.disk = NULL;
}

const struct crash_subject session_subject = {
    .invariant_names = invariant_names,
    .invariant_count = SESSION_INVARIANTS,
    .watch_size = sizeof(struct session_watch),
    .begin = program_begin,
    .step = program_step,
    .end = program_end,
};
