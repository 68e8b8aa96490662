/* SPDX-License-Identifier: MIT */
/* tests/crash/canonical_retain.c - state snapshots, and what may go then. */
#include "tests/crash/canonical_world.h"

/* One image in so many of the others. */
#define SNAPSHOT_IMAGES_EVERY 4u

uint32_t
canonical_event_at(const struct canonical_world *world, size_t position)
{
    return position == 0 ? 0 : world->model.snaps[position - 1].events;
}

/* The position of the transaction that an event is in, or of the next one. */
static size_t
position_of(const struct canonical_world *world, uint64_t event)
{
    size_t position = 1;

    while (position <= world->model.count &&
           world->model.snaps[position].events <= event)
        position++;
    return position;
}

/* The least of those that must stay. */
static uint64_t
event_wanted(const struct canonical_world *world, uint64_t keep_from)
{
    const struct canonical_snap *snap = canonical_model_now(world);

    for (unsigned i = 0; i < CANONICAL_CONSUMERS; i++) {
        const struct canonical_consumer *consumer = &snap->consumers[i];

        if (consumer->is_there && consumer->cursor < keep_from)
            keep_from = consumer->cursor;
        if (consumer->dead_count > 0 && consumer->dead[0].event < keep_from)
            keep_from = consumer->dead[0].event;
    }
    return keep_from;
}

/* -- the look ---------------------------------------------------------------- */

void
canonical_begin_adopt(struct canonical_world *world, size_t position)
{
    struct canonical_model *model = &world->model;

    canonical_hold(world, CANONICAL_C8,
                   position >= model->begin && position <= model->begin_most);
    model->begin = position;
    model->begin_most = position;
}

/* What is in front of it is said to be given up.  told: the first event, by
 * what this handle knows. */
static void
given_up_look(struct canonical_world *world, struct seglog_canonical *canonical,
              uint32_t first, uint64_t told)
{
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_error err = { .actual = 0 };
    seglog_code code = SEGLOG_OK;

    if (first == 0)
        return;
    code = seglog_event_iter_open(canonical, canonical_draw(world, first),
                                  SEGLOG_EVENT_END, &iter, &err);
    if (code == SEGLOG_OK)
        code = seglog_event_iter_next(iter, &event, &err);
    canonical_hold(world, CANONICAL_C8,
                   code == SEGLOG_NOT_FOUND &&
                       (err.actual == first || err.actual == told));
    seglog_event_iter_close(iter);
}

void
canonical_begin_compare(struct canonical_world *world,
                        struct seglog_canonical *canonical, bool is_new)
{
    const struct canonical_snap *snap = canonical_model_now(world);
    const size_t begin = world->model.begin;
    const uint32_t first = canonical_event_at(world, begin);
    struct seglog_canonical_meta meta;

    canonical_hold(world, CANONICAL_C8,
                   seglog_canonical_get_meta(canonical, &meta, NULL) ==
                       SEGLOG_OK);
    canonical_hold(world, CANONICAL_C8,
                   meta.first_position == begin ||
                       (!is_new && world->is_begin_unknown &&
                        meta.first_position < begin));
    canonical_hold(world, CANONICAL_C8,
                   meta.first_event ==
                       canonical_event_at(world, (size_t)meta.first_position));
    for (unsigned i = 0; i < CANONICAL_CONSUMERS; i++) {
        const struct canonical_consumer *consumer = &snap->consumers[i];

        canonical_hold(world, CANONICAL_C8,
                       !consumer->is_there || consumer->cursor >= first);
        canonical_hold(world, CANONICAL_C8,
                       consumer->dead_count == 0 ||
                           consumer->dead[0].event >= first);
    }
    given_up_look(world, canonical, first, meta.first_event);
}

/* -- steps ------------------------------------------------------------------- */

void
canonical_step_snapshot(struct canonical_world *world)
{
    struct canonical_actor *actor = canonical_call_begin(world);
    struct canonical_model *model = &world->model;
    struct seglog_snapshot_info info = { .position = 0 };
    seglog_code code = SEGLOG_OK;

    if (model->snapshot < model->count + 1)
        model->snapshot = model->count + 1;
    /* There are many steps of the disk, of which few matter. */
    world->images_every *= SNAPSHOT_IMAGES_EVERY;
    code = seglog_canonical_make_snapshot(actor->canonical, &info, NULL);
    world->images_every /= SNAPSHOT_IMAGES_EVERY;
    canonical_say(world, "snapshot: %s, of %llu", seglog_code_name(code),
                  (unsigned long long)info.position);
    /* It never knows more than the log has on the device. */
    if (code == SEGLOG_OK && model->synced + 1 < info.position)
        model->synced = (size_t)info.position - 1;
    if (canonical_call_end(world, actor, code))
        canonical_hold(world, CANONICAL_C7, code == SEGLOG_OK);
}

static void
retain_done(struct canonical_world *world, const struct canonical_actor *actor,
            const struct seglog_retention_info *info)
{
    canonical_say(world, "  begins at %llu, %llu segments gone",
                  (unsigned long long)info->first_position,
                  (unsigned long long)info->segments);
    canonical_hold(world, CANONICAL_C8,
                   info->first_event ==
                       canonical_event_at(world, (size_t)info->first_position));
    world->watch->segments += info->segments;
    for (unsigned i = 0; i < CANONICAL_ACTORS; i++) {
        const struct canonical_actor *other = &world->actors[i];

        /* Of another view it is only known when somebody commits. */
        if (other != actor && other->canonical &&
            (other->is_view_own || actor->is_view_own) &&
            info->first_position > world->model.begin)
            world->is_begin_unknown = true;
    }
    canonical_begin_adopt(world, (size_t)info->first_position);
}

/* So far may it go by what is wanted now. */
static void
limit_note(struct canonical_world *world)
{
    struct canonical_model *model = &world->model;
    size_t most = position_of(world, event_wanted(world, world->keep_from));

    if (most > model->snapshot)
        most = model->snapshot;
    if (model->begin_most < most)
        model->begin_most = most;
}

/* What somebody does just then must stand: it is refused, or what it needs is
 * left. */
void
canonical_overtake_retain(struct canonical_world *world,
                          const struct canonical_actor *by)
{
    struct canonical_actor *other =
        &world->actors[(by - world->actors + 1) % CANONICAL_ACTORS];
    struct seglog_canonical_meta meta;

    if (!other->canonical || other->is_view_own || world->is_unshared ||
        other->process.is_dead || by->is_failing || world->is_pending)
        return;
    world->is_overtaking = true;
    canonical_hold(world, CANONICAL_C8,
                   seglog_canonical_get_meta(other->canonical, &meta, NULL) ==
                       SEGLOG_OK);
    if (meta.first_position > world->model.begin) {
        canonical_hold(world, CANONICAL_C8,
                       meta.first_position <= world->model.begin_most);
        world->model.begin = (size_t)meta.first_position;
    }
    canonical_overtake_consume(world, other);
    limit_note(world);
    world->is_overtaking = false;
}

/* What is asked for may be far more than can go. */
void
canonical_step_retain(struct canonical_world *world)
{
    struct canonical_actor *actor = NULL;
    struct seglog_retention_info info = { 0 };
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    world->keep_from =
        canonical_draw(world, 2) == 0
            ? SEGLOG_EVENT_END
            : canonical_draw(world, canonical_model_now(world)->events + 1);
    actor = canonical_actor_any(world);
    if (canonical_draw(world, 2) == 0)
        canonical_acknowledge_all(world, actor);
    canonical_call_arm(world, actor);
    limit_note(world);
    canonical_say(world, "%td: retain from %llu, up to %zu may go",
                  actor - world->actors, (unsigned long long)world->keep_from,
                  world->model.begin_most);
    world->is_retaining = true;
    code = seglog_canonical_retain(actor->canonical, world->keep_from, &info,
                                   &err);
    world->is_retaining = false;
    if (code == SEGLOG_OK)
        retain_done(world, actor, &info);
    else
        world->is_begin_unknown = true;
    if (!canonical_call_end(world, actor, code))
        return;
    if (code != SEGLOG_OK)
        canonical_say(world, "  %s: %s", seglog_code_name(code), err.message);
    canonical_hold(world, CANONICAL_C7, code == SEGLOG_OK);
}
