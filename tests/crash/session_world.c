/* SPDX-License-Identifier: MIT */
/* tests/crash/session_world.c - processes, power cuts, images, programs. */
#include "tests/crash/entropy.h"
#include "tests/crash/session_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/encrypted_store.h"
#include "src/codec/zrun.h"
#include "src/crypt/primitives.h"

const char *const session_invariant_names[SESSION_INVARIANTS] = {
    [SESSION_I1] = "I1",       [SESSION_I2] = "I2",
    [SESSION_I3] = "I3",       [SESSION_I5] = "I5",
    [SESSION_I6] = "I6",       [SESSION_I7] = "I7",
    [SESSION_I8] = "I8",       [SESSION_NAMED] = "names",
    [SESSION_WHOLE] = "whole", [SESSION_PARENT] = "parent",
    [SESSION_NOTES] = "notes", [SESSION_LOCK] = "lock",
};

uint64_t
session_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* The last two bytes say where to cut, where that is chosen. */
unsigned
session_draw(struct session_world *world, unsigned limit)
{
    if (world->choice_at + 2 < SESSION_STEP_BYTES && limit <= 256)
        return world->choices.bytes[world->choice_at++] % limit;
    return (unsigned)(session_random(&world->chance) % limit);
}

void
session_say(const struct session_world *world, const char *format, ...)
{
    char *story = world->watch->story[world->depth];
    const size_t cap = sizeof world->watch->story[0];
    size_t len = 0;
    va_list args;

    if (!world->watch->is_talking)
        return;
    len = strlen(story);
    len += (size_t)snprintf(story + len, cap - len, "    %*s",
                            (int)(2 * world->depth), "");
    if (len + 200 > cap)
        return;
    va_start(args, format);
    len += (size_t)vsnprintf(story + len, 200, format, args);
    va_end(args);
    (void)snprintf(story + len, cap - len, "\n");
}

void
session_fail(struct session_world *world, int line, const char *what)
{
    char *message = world->watch->message;
    const size_t cap = sizeof world->watch->message;
    const int len = snprintf(message, cap, "step %u, depth %u, line %d: %s\n",
                             world->step, world->depth, line, what);

    if (len > 0 && (size_t)len < cap)
        (void)seglog_disk_format_map(world->disk, message + len,
                                     cap - (size_t)len);
    for (unsigned i = 0; world->watch->is_talking && i <= world->depth; i++)
        (void)fputs(world->watch->story[i], stdout);
    if (world->watch->aborts) {
        (void)fputs(message, stderr);
        abort();
    }
    longjmp(world->watch->violated, 1);
}

/* -- processes ------------------------------------------------------------- */

static void
meanwhile(void *arg, enum seglog_disk_step step);

static struct seglog_store
actor_store(struct session_world *world, struct session_actor *actor)
{
    static const uint8_t key[SEGLOG_KEY_BYTES] = { 7, 1, 3 };
    const struct seglog_store_key how = { .size = sizeof how, .key = key };
    const struct seglog_encrypted_store_options options = {
        .size = sizeof options,
        .create = world->depth == 0 && world->step == 0,
    };
    const struct seglog_store plain =
        seglog_disk_start(world->disk, &actor->process);

    actor->process.never_waits = true;
    actor->encrypted = (struct seglog_store){ 0 };
    if (!world->is_encrypted)
        return plain;
    session_expect(world, seglog_encrypted_store_open(plain, &how, &options,
                                                      &actor->encrypted,
                                                      NULL) == SEGLOG_OK);
    return actor->encrypted;
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

static struct seglog_disk_cut
cut_make(uint64_t seed)
{
    static const unsigned lost[] = { 0, 10, 50, 90, 100 };
    struct seglog_disk_cut cut = { .seed = session_random(&seed) };
    const uint64_t how = session_random(&seed);

    cut.lost_percent = lost[how % 5];
    if (how >> 8 & 1)
        cut.names_in_order = true;
    if ((how >> 16) % 16 == 0)
        cut.losses = SEGLOG_DISK_LOSSES | SEGLOG_DISK_GARBAGE;
    else if ((how >> 16) % 16 == 1)
        cut.losses = SEGLOG_DISK_LOSSES | SEGLOG_DISK_CUT_ZEROED;
    return cut;
}

void
session_cut_power(struct session_world *world)
{
    const struct seglog_disk_cut cut = cut_make(session_random(&world->chance));

    session_say(world, "power cut, %u%% lost", cut.lost_percent);
    session_actors_stop(world);
    session_expect(world, seglog_disk_cut_power(world->disk, &cut));
    world->watch->images++;
    session_look(world, true);
}

/* -- images ---------------------------------------------------------------- */

/* One for each depth: a world with its model is large, and made often. */
static struct session_world children[SESSION_DEPTH_MAX + 1];

static void
image_go_on(struct session_world *child, uint64_t seed)
{
    const unsigned steps =
        child->depth < SESSION_DEPTH_MAX ? 1 + (unsigned)(seed % 3) : 1;

    for (unsigned i = 0; i < steps; i++) {
        struct session_step step;
        const uint64_t bytes = session_random(&seed);

        memcpy(step.bytes, &bytes, sizeof step.bytes);
        child->image_at = 0;
        session_step_run(child, &step);
    }
    if (child->depth < SESSION_DEPTH_MAX) {
        child->depth++;
        session_cut_power(child);
    }
}

static void
image_check(struct session_world *world, uint64_t seed)
{
    const struct seglog_disk_cut cut = cut_make(seed);
    struct session_world *child = &children[world->depth];

    session_world_copy(child, world);
    child->depth = world->depth + 1;
    for (unsigned i = child->depth; i <= SESSION_DEPTH_MAX; i++)
        world->watch->story[i][0] = '\0';
    child->disk = seglog_disk_image(world->disk, &cut);
    session_expect(world, child->disk != NULL);
    child->chance = session_random(&seed);
    child->choice_at = SESSION_STEP_BYTES;
    child->images_every = child->depth < SESSION_DEPTH_MAX ? 12 : 0;
    world->watch->images++;
    world->watch->checks[SESSION_I6] += world->depth > 0;
    session_say(child, "-- image, %u%% lost", cut.lost_percent);
    session_look(child, true);
    image_go_on(child, session_random(&seed));
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
    (void)session_random(&seed);
    if (world->depth < SESSION_DEPTH_MAX &&
        (world->changes == world->image_at ||
         (world->images_every != 0 &&
          session_random(&seed) % world->images_every == 0)))
        image_check(world, seed);
}

/* -- programs -------------------------------------------------------------- */

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
    struct seglog_disk_options options = { .flaws = watch->flaws,
                                           .sync_skip = 8 };
    struct session_actor *first = &world->actors[0];
    uint64_t how = 0;

    memset(world, 0, offsetof(struct session_world, lanes));
    world->watch = watch;
    entropy_seed(seed, false);
    options.seed = session_random(&seed);
    how = session_random(&seed);
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
world_end(struct session_world *world)
{
    session_cut_power(world);
    session_actors_stop(world);
    seglog_disk_free(world->disk);
    world->disk = NULL;
}

bool
session_program_run(const struct session_program *program,
                    struct session_watch *watch)
{
    static struct session_world world;

    watch->old_index_len = 0;
    for (unsigned i = 0; i <= SESSION_DEPTH_MAX; i++)
        watch->story[i][0] = '\0';
    if (setjmp(watch->violated) != 0)
        return false;
    world_begin(&world, watch, program->seed);
    world.images_every = program->cuts_are_chosen ? 0 : 1;
    for (size_t i = 0; i < program->count; i++) {
        const uint8_t *bytes = program->steps[i].bytes;

        world.step = (unsigned)i + 1;
        world.image_at = program->cuts_are_chosen ? bytes[7] % 32 : 0;
        session_step_run(&world, &program->steps[i]);
    }
    world_end(&world);
    return true;
}
