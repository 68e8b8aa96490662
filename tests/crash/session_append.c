/* SPDX-License-Identifier: MIT */
/* tests/crash/session_append.c - all the ways to append. */
#include "tests/crash/session_world.h"

#include <string.h>

#include "seglog/segment.h"

static size_t
count_draw(struct session_world *world)
{
    if (world->is_large && session_draw(world, 4) == 0)
        return 130 + session_draw(world, 180);
    return session_draw(world, 3) == 0 ? 2 + session_draw(world, 4) : 1;
}

/* It stands behind all that everybody saw. */
static void
appended_check(struct session_world *world, const struct session_lane *lane,
               const struct seglog_appended *done, size_t count)
{
    session_hold(world, SESSION_I8,
                 lane->is_holed ? done->first_record > lane->count
                                : done->first_record == lane->count + 1);
    session_hold(world, SESSION_I8,
                 done->count == done->first_record + count - 1);
}

/* -- append, append_many --------------------------------------------------- */

static seglog_code
entries_append(struct session_world *world, const struct session_actor *actor,
               const struct session_lane *lane,
               const struct session_append_call *call,
               struct seglog_appended *done, struct seglog_error *err)
{
    const struct seglog_session_append_options options = {
        .size = sizeof options,
        .is_synced = call->is_synced,
        .rolls_over = call->rolls_over,
        .expect = call->expect,
    };
    const struct seglog_slice *entries =
        session_entries_new(world, call->count);
    /* Where it is there it is found by its segment alone. */
    const struct seglog_uuid *session =
        lane->is_there && !call->rolls_over &&
                crash_random(&world->chance) % 4 == 0
            ? NULL
            : &lane->session;

    if (call->count == 1)
        return seglog_session_append(actor->sessions, session, &lane->segment,
                                     entries->data, entries->len, &options,
                                     done, err);
    return seglog_session_append_many(actor->sessions, session, &lane->segment,
                                      entries, call->count, &options, done,
                                      err);
}

static void
appended_note(struct session_world *world, struct session_lane *lane, size_t at,
              bool is_synced)
{
    if (lane->is_there)
        session_lane_add(world, lane, at);
    else
        session_lane_begin(world, lane, is_synced);
    if (is_synced)
        session_lane_sync(lane);
}

void
session_append_to(struct session_world *world, struct session_lane *lane)
{
    struct session_append_call call = {
        .count = count_draw(world),
        .is_synced = session_draw(world, 2) == 0,
    };
    struct session_actor *actor = NULL;
    struct seglog_appended done = { 0 };
    seglog_code code = SEGLOG_OK;

    if (lane->count + call.count > SESSION_ENTRIES_MAX)
        return;
    actor = session_call_begin(world);
    call.is_synced |= session_actor_syncs(world, actor);
    world->pending.lane = session_lane_index(world, lane);
    world->pending.makes_lane = !lane->is_there;
    code = entries_append(world, actor, lane, &call, &done, NULL);
    session_say(world, "%d appends %zu to %02x, %s: %s",
                (int)(actor - world->actors), call.count,
                lane->segment.bytes[2], call.is_synced ? "synced" : "flushed",
                seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE ||
        session_is_damage(lane, code))
        return;
    if (code == SEGLOG_SEALED) {
        session_hold(world, SESSION_I8, lane->is_there && lane->is_sealed);
        return;
    }
    session_expect(world, code == SEGLOG_OK && !lane->is_sealed);
    appended_check(world, lane, &done, call.count);
    appended_note(world, lane, (size_t)done.first_record - 1, call.is_synced);
}

/* One that is there, or the one of ids that anybody may use. */
void
session_step_append(struct session_world *world)
{
    struct session_lane *lane =
        session_draw(world, 4) == 0 ? NULL : session_lane_draw(world);
    struct seglog_uuid session;
    struct seglog_uuid segment;

    if (!lane) {
        session_ids_draw(world, &session, &segment);
        lane =
            session_lane_need(world, &session, &segment, SEGLOG_LANE_ENTRIES);
    }
    if (lane)
        session_append_to(world, lane);
}

void
session_step_trace(struct session_world *world)
{
    const struct session_lane *entries = session_lane_draw(world);
    const struct seglog_slice *entry = NULL;
    struct session_lane *lane = NULL;
    struct session_actor *actor = NULL;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    seglog_code code = SEGLOG_OK;

    session_ids_draw(world, &session, &segment);
    lane = entries ? session_lane_need(world, &entries->session,
                                       &entries->segment, SEGLOG_LANE_TRACE)
                   : session_lane_need(world, &session, &segment,
                                       SEGLOG_LANE_TRACE);
    if (!lane || lane->count + 1 > SESSION_ENTRIES_MAX)
        return;
    actor = session_call_begin(world);
    world->pending.lane = session_lane_index(world, lane);
    world->pending.makes_lane = !lane->is_there;
    entry = session_entries_new(world, 1);
    code = seglog_session_append_trace(actor->sessions, &lane->session,
                                       &lane->segment, entry->data, entry->len,
                                       NULL);
    session_say(world, "trace of %02x: %s", lane->segment.bytes[2],
                seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE ||
        session_is_damage(lane, code))
        return;
    session_expect(world, code == SEGLOG_OK || lane->is_sealed);
    if (code != SEGLOG_OK)
        return;
    /* Where behind a hole it stands is not said: look. */
    if (lane->is_holed) {
        session_look(world, false);
        return;
    }
    appended_note(world, lane, lane->count, session_actor_syncs(world, actor));
}

/* -- only where it is expected --------------------------------------------- */

static void
expected_append(struct session_world *world, struct session_lane *lane,
                const struct seglog_expect *expect, bool is_met)
{
    const struct session_append_call call = {
        .count = 1,
        .is_synced = true,
        .expect = *expect,
    };
    struct session_actor *actor = session_call_begin(world);
    struct seglog_appended done = { 0 };
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    if (is_met)
        world->pending.lane = session_lane_index(world, lane);
    code = entries_append(world, actor, lane, &call, &done, &err);
    session_say(world, "append at %llu to %02x: %s",
                (unsigned long long)expect->count, lane->segment.bytes[2],
                seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE ||
        session_is_damage(lane, code) ||
        (code == SEGLOG_SEALED && lane->is_sealed))
        return;
    session_hold(world, SESSION_I8,
                 code == (is_met ? SEGLOG_OK : SEGLOG_CONFLICT));
    if (!is_met) {
        session_hold(world, SESSION_I8,
                     lane->is_holed || err.actual == lane->count);
        return;
    }
    appended_check(world, lane, &done, 1);
    appended_note(world, lane, (size_t)done.first_record - 1, true);
}

void
session_step_expected(struct session_world *world)
{
    struct session_lane *lane = session_lane_draw(world);
    const unsigned how = session_draw(world, 4);
    const struct session_actor *actor = session_actor_any(world);
    struct seglog_expect expect = { .has_count = true, .has_head = how < 3 };
    const size_t before = lane ? lane->count : 0;

    if (!lane || lane->is_holed || lane->is_torn ||
        lane->count + 8 > SESSION_ENTRIES_MAX)
        return;
    session_expect(world, seglog_session_read_entry_count(
                              actor->sessions, &lane->session, &lane->segment,
                              &expect.count, &expect.head, NULL) == SEGLOG_OK);
    session_hold(world, SESSION_I8, expect.count == lane->count);
    if (how == 1) {
        session_append_to(world, lane);
        session_pending_clear(world);
        /* Somebody died in it: whether the head is the same is not known. */
        if (!lane->is_there || lane->is_holed || lane->is_torn ||
            lane->count == before)
            return;
    }
    if (how == 3)
        expect.count++;
    expected_append(world, lane, &expect, how != 3 && lane->count == before);
}

/* -- going on in another segment ------------------------------------------- */

/* The most recent one that continues it. */
static struct session_lane *
successor_find(struct session_world *world, const struct session_lane *of)
{
    struct session_lane *found = NULL;

    for (unsigned i = 0; i < world->lane_count; i++) {
        struct session_lane *lane = &world->lanes[i];

        if (lane->is_used && lane->is_there &&
            lane->lane == SEGLOG_LANE_ENTRIES &&
            lane->lineage.kind == SEGLOG_LINEAGE_CONTINUES &&
            seglog_uuid_compare(&lane->session, &of->session) == 0 &&
            seglog_uuid_compare(&lane->lineage.segment, &of->segment) == 0 &&
            (!found ||
             seglog_uuid_compare(&lane->segment, &found->segment) > 0))
            found = lane;
    }
    return found;
}

static bool
is_final(const struct session_lane *lane)
{
    return lane->is_sealed || lane->refuses;
}

static struct session_lane *
other_make(struct session_world *world, const struct seglog_uuid *segment)
{
    struct session_lane *lane = session_lane_need(
        world, &world->pending.session, segment, SEGLOG_LANE_ENTRIES);

    session_expect(world, lane && !lane->is_there);
    session_lane_begin(world, lane, false);
    return lane;
}

static void
roll_from(struct session_world *world, struct session_lane *lane,
          struct session_lane *last, struct session_lane *into)
{
    const struct session_append_call call = { .count =
                                                  1 + session_draw(world, 2),
                                              .is_synced = true,
                                              .rolls_over = true };
    struct session_actor *actor = session_call_begin(world);
    struct session_pending *pending = &world->pending;
    struct seglog_appended done = { 0 };
    seglog_code code = SEGLOG_OK;

    pending->lane = into ? session_lane_index(world, into) : -1;
    pending->may_make_other = !into;
    pending->session = lane->session;
    pending->lineage = (struct seglog_lineage){
        .kind = SEGLOG_LINEAGE_CONTINUES,
        .segment = last->segment,
    };
    code = entries_append(world, actor, lane, &call, &done, NULL);
    session_say(world, "append to %02x rolls over to %s: %s",
                lane->segment.bytes[2], into ? "its successor" : "another",
                seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE)
        return;
    session_expect(world, code == SEGLOG_OK);
    session_hold(world, SESSION_I8, done.rolled_over == (into != lane));
    if (!into)
        into = other_make(world, &done.segment);
    else
        appended_note(world, into, (size_t)done.first_record - 1, true);
    session_hold(world, SESSION_I8,
                 seglog_uuid_compare(&into->segment, &done.segment) == 0);
    session_hold(world, SESSION_I8, done.count == into->count);
    session_lane_sync(into);
}

void
session_step_roll(struct session_world *world)
{
    struct session_lane *lane = session_lane_draw(world);
    struct session_lane *last = lane;
    struct session_lane *into = lane;

    if (!lane || !session_lanes_have_room(world))
        return;
    while (into && is_final(into)) {
        last = into;
        into = successor_find(world, last);
    }
    /* Whether it takes it is not known before it has been asked. */
    if (into && (into->is_holed || into->count + 8 > SESSION_ENTRIES_MAX))
        session_append_to(world, into);
    else
        roll_from(world, lane, last, into);
}

/* -- a writer's place ------------------------------------------------------ */

static void
place_note(struct session_world *world, struct session_lane *lane,
           const struct seglog_session_head *place, bool is_forked,
           bool is_synced)
{
    if (is_forked) {
        world->pending.skip = 0;
        lane = other_make(world, &place->segment);
        if (is_synced)
            session_lane_sync(lane);
    } else {
        appended_note(world, lane, lane->count, is_synced);
    }
    session_hold(world, SESSION_I8, place->expect.count == lane->count);
    session_hold(world, SESSION_I8,
                 seglog_uuid_compare(&place->segment, &lane->segment) == 0);
}

static void
place_append(struct session_world *world, struct session_lane *lane,
             struct seglog_session_head *place, bool is_met)
{
    struct session_actor *actor = session_call_begin(world);
    struct session_pending *pending = &world->pending;
    const struct seglog_slice *entries = session_entries_new(world, 2);
    bool is_forked = false;
    seglog_code code = SEGLOG_OK;

    if (is_met)
        pending->lane = session_lane_index(world, lane);
    pending->may_make_other = !is_met;
    pending->skip = 1;
    pending->session = lane->session;
    pending->lineage = (struct seglog_lineage){
        .kind = lane->is_sealed ? SEGLOG_LINEAGE_CONTINUES
                                : SEGLOG_LINEAGE_FORKED_FROM,
        .segment = lane->segment,
    };
    code = seglog_session_ensure_head_or_fork(
        actor->sessions, place, 1, entries[0], &entries[1], &is_forked, NULL);
    session_say(world, "append to %02x or fork: %s%s", lane->segment.bytes[2],
                seglog_code_name(code), is_forked ? ", forked" : "");
    if (session_call_end(world, actor, code) != SESSION_DONE ||
        session_is_damage(lane, code))
        return;
    session_expect(world, code == SEGLOG_OK);
    session_hold(world, SESSION_I8, is_forked == !is_met);
    place_note(world, lane, place, is_forked,
               session_actor_syncs(world, actor));
}

void
session_step_place(struct session_world *world)
{
    struct session_lane *lane = session_lane_draw(world);
    const bool is_met = session_draw(world, 2) == 0;
    const struct session_actor *actor = session_actor_any(world);
    struct seglog_session_head place = { .expect.has_count = true,
                                         .expect.has_head = true };
    const size_t before = lane ? lane->count : 0;

    if (!lane || lane->is_holed || lane->is_torn ||
        lane->count + 8 > SESSION_ENTRIES_MAX ||
        !session_lanes_have_room(world))
        return;
    place.session = lane->session;
    place.segment = lane->segment;
    session_expect(world, seglog_session_read_entry_count(
                              actor->sessions, &lane->session, &lane->segment,
                              &place.expect.count, &place.expect.head,
                              NULL) == SEGLOG_OK);
    if (!is_met) {
        session_append_to(world, lane);
        session_pending_clear(world);
        if (lane->count == before && !lane->is_sealed)
            return;
    }
    if (lane->is_there && !lane->is_holed && !lane->is_torn)
        place_append(world, lane, &place,
                     !lane->is_sealed && lane->count == before);
}

/* -- a writer of one's own ------------------------------------------------- */

static seglog_code
writer_use(const struct session_actor *actor, const struct session_lane *lane,
           const struct seglog_slice *entry, uint64_t *record_no)
{
    struct seglog_writer *writer = NULL;
    seglog_code code = seglog_session_open_writer(
        actor->sessions, &lane->session, &lane->segment, SEGLOG_WRITER_SHARED,
        &writer, NULL);
    seglog_code closed = SEGLOG_OK;

    if (code != SEGLOG_OK)
        return code;
    code = seglog_writer_append(writer, SEGLOG_TEXT, entry->data, entry->len,
                                SEGLOG_LEVEL_SYNC, record_no, NULL);
    closed = seglog_writer_close(writer, NULL);
    return code == SEGLOG_OK ? closed : code;
}

void
session_step_writer(struct session_world *world)
{
    struct session_lane *lane = session_lane_draw(world);
    struct session_actor *actor = NULL;
    uint64_t record_no = 0;
    seglog_code code = SEGLOG_OK;

    if (!lane || lane->count + 1 > SESSION_ENTRIES_MAX)
        return;
    actor = session_call_begin(world);
    world->pending.lane = session_lane_index(world, lane);
    code = writer_use(actor, lane, session_entries_new(world, 1), &record_no);
    session_say(world, "a writer on %02x: %s", lane->segment.bytes[2],
                seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE ||
        session_is_damage(lane, code) ||
        (code == SEGLOG_SEALED && lane->is_sealed))
        return;
    session_expect(world, code == SEGLOG_OK);
    session_hold(world, SESSION_I8,
                 lane->is_holed ? record_no > lane->count
                                : record_no == lane->count + 1);
    appended_note(world, lane, (size_t)record_no - 1, true);
}
