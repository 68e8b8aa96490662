/* SPDX-License-Identifier: MIT */
/* tests/crash/canonical_world.c - processes, power cuts, images, programs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/canonical/trust.h"
#include "src/crypt/primitives.h"
#include "tests/crash/canonical_world.h"

static const char *const invariant_names[CANONICAL_INVARIANTS] = {
    [CANONICAL_C1] = "C1",   [CANONICAL_C2] = "C2",     [CANONICAL_C3] = "C3",
    [CANONICAL_C4] = "C4",   [CANONICAL_C5] = "C5",     [CANONICAL_C6] = "C6",
    [CANONICAL_C7] = "C7",   [CANONICAL_C8] = "C8",     [CANONICAL_C9] = "C9",
    [CANONICAL_C10] = "C10", [CANONICAL_LOCK] = "lock",
};

unsigned
canonical_draw(struct canonical_world *world, unsigned limit)
{
    return (unsigned)(crash_random(&world->chance) % limit);
}

void
canonical_say(const struct canonical_world *world, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    crash_say(&world->watch->crash, world->depth, format, args);
    va_end(args);
}

void
canonical_fail(struct canonical_world *world, int line, const char *what)
{
    crash_fail(&world->watch->crash, world->disk, world->depth,
               "step %u, depth %u, line %d: %s", world->step, world->depth,
               line, what);
}

/* -- the machine ------------------------------------------------------------ */

/* Which run of the machine it is, in the world that runs. */
static unsigned boot_now;

static bool
boot_read(char id[SLG_BOOT_ID_CAP])
{
    (void)snprintf(id, SLG_BOOT_ID_CAP, "run %u", boot_now);
    return true;
}

static void
world_enter(const struct canonical_world *world)
{
    boot_now = world->boot;
}

/* -- processes ------------------------------------------------------------- */

static void
meanwhile(void *arg, enum seglog_disk_step step);

seglog_code
canonical_actor_start(struct canonical_world *world,
                      struct canonical_actor *actor, bool is_view_own)
{
    struct seglog_canonical_options options = world->options;
    struct seglog_store store = { 0 };
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    options.view_dir = is_view_own ? NULL : world->view;
    *actor =
        (struct canonical_actor){ .world = world, .is_view_own = is_view_own };
    canonical_expect(world,
                     crash_store_start(world->disk, &actor->process,
                                       world->is_encrypted,
                                       world->depth == 0 && world->step == 0,
                                       &actor->encrypted, &store));
    actor->process.meanwhile = meanwhile;
    actor->process.arg = actor;
    code = seglog_canonical_open(store, &options, &actor->canonical, &err);
    if (code != SEGLOG_OK) {
        canonical_say(world, "  %s: %s", seglog_code_name(code), err.message);
        if (actor->encrypted.ops)
            seglog_store_close(&actor->encrypted);
        canonical_hold(world, CANONICAL_C7, code == SEGLOG_CORRUPT);
    } else if (!is_view_own) {
        world->is_unshared = false;
    }
    return code;
}

void
canonical_actor_stop(struct canonical_world *world,
                     struct canonical_actor *actor)
{
    seglog_code code = SEGLOG_OK;

    if (!actor->canonical)
        return;
    canonical_consumers_close(actor);
    code = seglog_canonical_close(actor->canonical, NULL);
    actor->canonical = NULL;
    if (actor->encrypted.ops)
        seglog_store_close(&actor->encrypted);
    canonical_folder_note(world);
    /* What it could not finish is not synced by it. */
    if (!actor->process.is_dead && code == SEGLOG_OK &&
        world->model.synced < actor->appended &&
        actor->appended <= world->model.count)
        world->model.synced = actor->appended;
}

void
canonical_actors_stop(struct canonical_world *world)
{
    for (unsigned i = 0; i < CANONICAL_ACTORS; i++)
        canonical_actor_stop(world, &world->actors[i]);
    world->is_begin_unknown = false;
}

/* Without another word. */
void
canonical_actors_kill(struct canonical_world *world)
{
    for (unsigned i = 0; i < CANONICAL_ACTORS; i++) {
        if (world->actors[i].canonical)
            seglog_disk_kill(&world->actors[i].process);
        canonical_actor_stop(world, &world->actors[i]);
    }
    world->is_begin_unknown = false;
}

/* -- power cuts ------------------------------------------------------------ */

void
canonical_cut_power(struct canonical_world *world)
{
    const struct seglog_disk_cut cut =
        crash_cut_draw(crash_random(&world->chance));

    canonical_say(world, "power cut, %u%% lost", cut.lost_percent);
    canonical_actors_kill(world);
    canonical_expect(world, seglog_disk_cut_power(world->disk, &cut));
    canonical_folder_break(world);
    world->boot++;
    world_enter(world);
    world->watch->crash.images++;
    canonical_look(world, true);
}

/* -- images ---------------------------------------------------------------- */

static struct canonical_world children[CRASH_DEPTH_MAX + 1];

static void
image_go_on(struct canonical_world *child, uint64_t seed)
{
    const unsigned steps = 1 + (unsigned)(seed % 3);

    for (unsigned i = 0; i < steps; i++) {
        uint8_t bytes[CRASH_STEP_BYTES];
        const uint64_t chance = crash_random(&seed);

        memcpy(bytes, &chance, sizeof bytes);
        canonical_step_run(child, bytes);
    }
    if (child->depth < 2)
        canonical_cut_power(child);
}

static void
image_check(struct canonical_world *world, uint64_t seed, bool is_power_cut)
{
    const struct seglog_disk_cut cut = crash_cut_draw(seed);
    struct canonical_world *child = &children[world->depth];

    *child = *world;
    for (unsigned i = 0; i < CANONICAL_ACTORS; i++)
        child->actors[i] = (struct canonical_actor){ 0 };
    child->is_begin_unknown = false;
    child->is_retaining = false;
    child->depth = world->depth + 1;
    child->images_every = child->depth < 2 ? 12 : 0;
    child->chance = crash_random(&seed);
    if (is_power_cut) {
        child->disk = crash_image_make(&world->watch->crash, world->disk,
                                       world->depth, &cut);
        child->boot++;
    } else {
        child->disk = seglog_disk_clone(world->disk);
        world->watch->crash.images++;
        world->watch->deaths++;
    }
    canonical_expect(world, child->disk != NULL);
    canonical_folder_copy(child, world, is_power_cut);
    world_enter(child);
    canonical_say(child, is_power_cut ? "-- image, %u%% lost" : "-- death",
                  cut.lost_percent);
    canonical_look(child, is_power_cut);
    image_go_on(child, crash_random(&seed));
    canonical_actors_kill(child);
    canonical_folder_remove(child);
    seglog_disk_free(child->disk);
    child->disk = NULL;
    world_enter(world);
}

/* Nobody sees what is not in the log yet, and everybody what is. */
static void
others_look(struct canonical_world *world, const struct canonical_actor *by)
{
    for (unsigned i = 0; i < CANONICAL_ACTORS; i++) {
        const struct canonical_actor *other = &world->actors[i];
        struct seglog_read_txn *txn = NULL;
        uint64_t count = 0;

        if (other == by || !other->canonical || other->is_view_own ||
            world->is_unshared)
            continue;
        canonical_hold(world, CANONICAL_C6,
                       seglog_read_txn_begin(other->canonical, &txn, NULL) ==
                           SEGLOG_OK);
        count = seglog_read_txn_get_position(txn) - 1;
        seglog_read_txn_end(txn);
        canonical_hold(world, CANONICAL_C6,
                       count == world->model.count ||
                           (world->is_pending && world->has_written &&
                            count == world->model.count + 1));
    }
}

static void
meanwhile(void *arg, enum seglog_disk_step step)
{
    const struct canonical_actor *actor = arg;
    struct canonical_world *world = actor->world;
    uint64_t seed = 0;

    if (actor->process.is_dead || world->is_overtaking)
        return;
    if (step < SEGLOG_DISK_WRITE) {
        if (world->is_retaining && canonical_draw(world, 200) == 0)
            canonical_overtake_retain(world, actor);
        return;
    }
    others_look(world, actor);
    seed = world->chance ^ ++world->changes * UINT64_C(0xD6E8FEB86659FD93);
    (void)crash_random(&seed);
    if (world->depth < 2 && world->images_every != 0 &&
        crash_random(&seed) % world->images_every == 0) {
        image_check(world, crash_random(&seed), true);
        image_check(world, crash_random(&seed), false);
    }
    if (step == SEGLOG_DISK_WRITE)
        world->has_written = true;
}

/* -- programs -------------------------------------------------------------- */

static struct canonical_world the_world;

static void
world_begin(struct canonical_world *world, struct canonical_watch *watch,
            uint64_t seed)
{
    static const uint64_t limits[] = { 400, 3000, 20000, 1 << 20 };
    struct seglog_disk_options options = { .flaws = watch->crash.flaws,
                                           .sync_skip = 8 };
    uint64_t how = 0;

    memset(world, 0, sizeof *world);
    world->watch = watch;
    slg_boot_id = boot_read;
    entropy_seed(seed, false);
    options.seed = crash_random(&seed);
    how = crash_random(&seed);
    options.has_no_hint = (how >> 8) % 4 == 0;
    world->disk = seglog_disk_new(&options);
    canonical_expect(world, world->disk != NULL);
    world->options = (struct seglog_canonical_options){
        .size = sizeof world->options,
        .lock_timeout_ms = 1,
        .view_bytes_max = UINT64_C(16) << 20,
        .readers_max = 16,
        .segment_bytes = limits[(how >> 20) % 4],
        .codec =
            (how >> 28) % 4 == 0 ? SEGLOG_CODEC_DEFLATE : SEGLOG_CODEC_NONE,
    };
    world->is_encrypted = (how >> 32) % 16 == 0 && slg_crypt_is_available();
    /* So that there is something that can be given up. */
    slg_mark_events = (how >> 40) % 4 == 0 ? 256 : 1 + (how >> 42) % 4;
    world->next_id = 1;
    world->chance = seed;
    canonical_folder_begin();
    canonical_folder_new(world);
    world_enter(world);
    canonical_expect(world, canonical_actor_start(world, &world->actors[0],
                                                  false) == SEGLOG_OK);
}

static void
program_begin(struct crash_watch *watch, uint64_t seed)
{
    world_begin(&the_world, (struct canonical_watch *)(void *)watch, seed);
    the_world.images_every = 1;
}

static bool
program_step(unsigned number, const uint8_t bytes[CRASH_STEP_BYTES])
{
    the_world.step = number;
    canonical_step_run(&the_world, bytes);
    return true;
}

static void
program_end(void)
{
    canonical_cut_power(&the_world);
    canonical_actors_kill(&the_world);
    canonical_folder_remove(&the_world);
    seglog_disk_free(the_world.disk);
    the_world.disk = NULL;
}

const struct crash_subject canonical_subject = {
    .invariant_names = invariant_names,
    .invariant_count = CANONICAL_INVARIANTS,
    .watch_size = sizeof(struct canonical_watch),
    .begin = program_begin,
    .step = program_step,
    .end = program_end,
};
