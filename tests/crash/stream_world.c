/* SPDX-License-Identifier: MIT */
/* tests/crash/stream_world.c - processes, power cuts, images, programs. */
#include "tests/crash/stream_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "seglog/encrypted_store.h"
#include "tests/crash/entropy.h"

const char *const stream_invariant_names[STREAM_INVARIANTS] = {
    [STREAM_T1] = "T1", [STREAM_T2] = "T2",     [STREAM_T3] = "T3",
    [STREAM_T4] = "T4", [STREAM_T5] = "T5",     [STREAM_T6] = "T6",
    [STREAM_T7] = "T7", [STREAM_LOCK] = "lock",
};

uint64_t
stream_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

unsigned
stream_draw(struct stream_world *world, unsigned limit)
{
    return (unsigned)(stream_random(&world->chance) % limit);
}

void
stream_say(const struct stream_world *world, const char *format, ...)
{
    char *story = world->watch->story[world->depth];
    const size_t cap = sizeof world->watch->story[0];
    size_t len = strlen(story);
    va_list args;

    if (!world->watch->is_talking || len + 300 > cap)
        return;
    len += (size_t)snprintf(story + len, cap - len, "    %*s",
                            (int)(2 * world->depth), "");
    va_start(args, format);
    len += (size_t)vsnprintf(story + len, 200, format, args);
    va_end(args);
    (void)snprintf(story + len, cap - len, "\n");
}

void
stream_fail(struct stream_world *world, int line, const char *what)
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
    longjmp(world->watch->violated, 1);
}

/* -- processes ------------------------------------------------------------- */

static void
meanwhile(void *arg, enum seglog_disk_step step);

static struct seglog_store
actor_store(struct stream_world *world, struct stream_actor *actor)
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
    stream_expect(world, seglog_encrypted_store_open(plain, &how, &options,
                                                     &actor->encrypted,
                                                     NULL) == SEGLOG_OK);
    return actor->encrypted;
}

void
stream_actor_start(struct stream_world *world, struct stream_actor *actor)
{
    struct seglog_stream_options options = world->options;
    const struct seglog_store store = actor_store(world, actor);

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

static struct seglog_disk_cut
cut_make(uint64_t seed)
{
    static const unsigned lost[] = { 0, 10, 50, 90, 100 };
    struct seglog_disk_cut cut = { .seed = stream_random(&seed) };
    const uint64_t how = stream_random(&seed);

    cut.lost_percent = lost[how % 5];
    cut.names_in_order = how >> 8 & 1;
    if ((how >> 16) % 16 == 0)
        cut.losses = SEGLOG_DISK_LOSSES | SEGLOG_DISK_GARBAGE;
    else if ((how >> 16) % 16 == 1)
        cut.losses = SEGLOG_DISK_LOSSES | SEGLOG_DISK_CUT_ZEROED;
    return cut;
}

void
stream_cut_power(struct stream_world *world)
{
    const struct seglog_disk_cut cut = cut_make(stream_random(&world->chance));

    stream_say(world, "power cut, %u%% lost", cut.lost_percent);
    actors_kill(world);
    stream_expect(world, seglog_disk_cut_power(world->disk, &cut));
    world->watch->images++;
    stream_look(world, true);
}

/* -- images ---------------------------------------------------------------- */

static struct stream_world children[STREAM_DEPTH_MAX + 1];

static void
image_go_on(struct stream_world *child, uint64_t seed)
{
    const unsigned steps =
        child->depth < STREAM_DEPTH_MAX ? 1 + (unsigned)(seed % 3) : 1;

    for (unsigned i = 0; i < steps; i++) {
        uint8_t bytes[STREAM_STEP_BYTES];
        const uint64_t chance = stream_random(&seed);

        memcpy(bytes, &chance, sizeof bytes);
        stream_step_run(child, bytes);
    }
    if (child->depth < STREAM_DEPTH_MAX) {
        child->depth++;
        stream_cut_power(child);
    }
}

static void
image_check(struct stream_world *world, uint64_t seed)
{
    const struct seglog_disk_cut cut = cut_make(seed);
    struct stream_world *child = &children[world->depth];

    *child = *world;
    for (unsigned i = 0; i < STREAM_ACTORS; i++)
        child->actors[i] = (struct stream_actor){ 0 };
    child->depth = world->depth + 1;
    for (unsigned i = child->depth; i <= STREAM_DEPTH_MAX; i++)
        world->watch->story[i][0] = '\0';
    child->disk = seglog_disk_image(world->disk, &cut);
    stream_expect(world, child->disk != NULL);
    child->chance = stream_random(&seed);
    child->is_overtaking = false;
    child->has_failed = false;
    child->images_every = child->depth < STREAM_DEPTH_MAX ? 12 : 0;
    world->watch->images++;
    world->watch->checks[STREAM_T6] += world->depth > 0;
    stream_say(child, "-- image, %u%% lost", cut.lost_percent);
    stream_look(child, true);
    image_go_on(child, stream_random(&seed));
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
    seed = world->chance ^ ++world->changes * UINT64_C(0xD6E8FEB86659FD93);
    (void)stream_random(&seed);
    if (world->depth < STREAM_DEPTH_MAX && world->images_every != 0 &&
        stream_random(&seed) % world->images_every == 0)
        image_check(world, seed);
}

/* -- programs -------------------------------------------------------------- */

static void
world_begin(struct stream_world *world, struct stream_watch *watch,
            uint64_t seed)
{
    static const uint64_t limits[] = { 1, 600, 4000, 1 << 20 };
    static const uint64_t checkpoints[] = { 1, 3, 50, 1000 };
    struct seglog_disk_options options = { .flaws = watch->flaws,
                                           .sync_skip = 8 };
    uint64_t how = 0;

    memset(world, 0, sizeof *world);
    world->watch = watch;
    entropy_seed(seed, false);
    options.seed = stream_random(&seed);
    how = stream_random(&seed);
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
#ifdef SEGLOG_WITH_OPENSSL
    world->is_encrypted = (how >> 32) % 16 == 0;
#endif
    world->next_id = 1;
    world->chance = seed;
    stream_actor_start(world, &world->actors[0]);
}

bool
stream_program_run(const struct stream_program *program,
                   struct stream_watch *watch)
{
    static struct stream_world world;

    for (unsigned i = 0; i <= STREAM_DEPTH_MAX; i++)
        watch->story[i][0] = '\0';
    if (setjmp(watch->violated) != 0)
        return false;
    world_begin(&world, watch, program->seed);
    world.images_every = 1;
    for (size_t i = 0; i < program->count; i++) {
        world.step = (unsigned)i + 1;
        stream_step_run(&world, program->steps[i]);
    }
    stream_cut_power(&world);
    actors_kill(&world);
    seglog_disk_free(world.disk);
    world.disk = NULL;
    return true;
}
