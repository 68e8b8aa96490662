/* SPDX-License-Identifier: MIT */
/* tests/crash/session_change.c - segments come, are cut, sealed, and go. */
#include "tests/crash/session_world.h"

#include <stdio.h>
#include <string.h>

#include "seglog/seal.h"
#include "src/codec/zrun.h"

/* -- made ------------------------------------------------------------------ */

static struct seglog_slice
label_make(struct session_world *world, char text[64])
{
    struct seglog_slice label = { text, 0 };

    if (session_draw(world, 2) == 0)
        label.len = (size_t)snprintf(text, 64, "label %u", world->next_id);
    world->pending.label_hash =
        label.len > 0 ? session_hash(label.data, label.len) : 0;
    return label;
}

void
session_step_create(struct session_world *world)
{
    const struct session_lane *other = session_lane_draw(world);
    struct seglog_segment_new options = { .size = sizeof options };
    struct session_pending *pending = &world->pending;
    struct session_actor *actor = NULL;
    struct session_lane *lane = NULL;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    bool was_there = false;
    char text[64];
    seglog_code code = SEGLOG_OK;

    session_ids_draw(world, &session, &segment);
    lane = session_lane_need(world, &session, &segment, SEGLOG_LANE_ENTRIES);
    if (!lane)
        return;
    was_there = lane->is_there;
    options.count = session_draw(world, 4);
    options.label = label_make(world, text);
    if (other && other != lane && session_draw(world, 2) == 0)
        options.lineage = (struct seglog_lineage){
            .kind = SEGLOG_LINEAGE_COMPACTED_FROM,
            .segment = other->segment,
            .at_turn = 3,
            .at_record = other->count,
        };
    actor = session_call_begin(world);
    options.entries = session_entries_new(world, options.count);
    pending->lineage = options.lineage;
    pending->lane = was_there ? -1 : session_lane_index(world, lane);
    pending->makes_lane = !was_there;
    code = seglog_session_create_segment(actor->sessions, &session, &segment,
                                         &options, NULL);
    session_say(world, "create %02x with %zu: %s", segment.bytes[2],
                options.count, seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE)
        return;
    session_hold(world, SESSION_WHOLE,
                 code == (was_there ? SEGLOG_EXISTS : SEGLOG_OK));
    if (was_there)
        return;
    session_lane_begin(world, lane, true);
    session_lane_sync(lane);
}

/* -- forked ---------------------------------------------------------------- */

/* What the one entry of a fork by replay will be. */
static bool
replay_expect(struct session_world *world,
              struct seglog_session_store *sessions,
              const struct session_lane *from, int64_t ts_ms)
{
    char session[SEGLOG_UUID_TEXT_CAP];
    char segment[SEGLOG_UUID_TEXT_CAP];
    struct seglog_replay_start start = {
        .size = sizeof start,
        .ts_ms = ts_ms,
        .session_id = { seglog_uuid_format(&from->session, session),
                        SEGLOG_UUID_TEXT_CAP - 1 },
        .forked_from = { { seglog_uuid_format(&from->segment, segment),
                           SEGLOG_UUID_TEXT_CAP - 1 },
                         0 },
    };
    struct seglog_replay *replay = NULL;
    char *line = NULL;
    size_t len = 0;

    for (size_t i = 0; i < from->count; i++)
        if (from->entries[i].turn != 0)
            start.forked_from.at_turn_index = from->entries[i].turn;
    if (seglog_session_restore(sessions, &from->session, &from->segment,
                               &replay, NULL) != SEGLOG_OK)
        return false;
    session_expect(world, seglog_replay_make_start(replay, &start, &line, &len,
                                                   NULL) == SEGLOG_OK);
    world->pending.entries[0] =
        (struct session_entry){ .hash = session_hash(line, len) };
    world->pending.count = 1;
    seglog_free(line);
    seglog_replay_free(replay);
    return true;
}

static bool
fork_expect(struct session_world *world, struct seglog_session_store *sessions,
            const struct session_lane *from,
            const struct seglog_fork_options *options)
{
    if (options->how == SEGLOG_FORK_BY_REPLAY)
        return replay_expect(world, sessions, from, options->ts_ms);
    world->pending.count = options->at == SEGLOG_FORK_AT_RECORD
                               ? (size_t)options->number
                               : from->count;
    memcpy(world->pending.entries, from->entries,
           world->pending.count * sizeof from->entries[0]);
    return true;
}

static void
fork_note(struct session_world *world, const struct seglog_uuid *segment,
          const struct session_lane *from)
{
    struct session_lane *lane = session_lane_find(
        world, &world->pending.session, segment, SEGLOG_LANE_ENTRIES);

    session_expect(world, lane && lane != from);
    session_lane_begin(world, lane, true);
    /* Nobody sees a copy before it is whole: it is not one group. */
    for (size_t i = 0; i < lane->count; i++) {
        lane->entries[i].group_first = (uint16_t)i;
        lane->entries[i].group_count = 1;
    }
    session_lane_sync(lane);
}

void
session_step_fork(struct session_world *world)
{
    struct session_lane *from = session_lane_draw(world);
    const unsigned how = session_draw(world, 4);
    struct seglog_fork_options options = { .size = sizeof options,
                                           .ts_ms = 1234 };
    struct session_pending *pending = &world->pending;
    struct session_actor *actor = NULL;
    struct session_lane *lane = NULL;
    struct seglog_uuid segment;
    char text[64];
    seglog_code code = SEGLOG_OK;

    if (!from || from->is_holed || !session_lanes_have_room(world))
        return;
    session_id_new(world, &segment);
    lane =
        session_lane_need(world, &from->session, &segment, SEGLOG_LANE_ENTRIES);
    actor = session_call_begin(world);
    options.how = how == 0 ? SEGLOG_FORK_BY_REPLAY : SEGLOG_FORK_BY_COPY;
    options.at = how < 2 ? SEGLOG_FORK_AT_END : SEGLOG_FORK_AT_RECORD;
    options.number = session_draw(world, (unsigned)from->count + 1);
    options.new_segment = &segment;
    options.label = label_make(world, text);
    if (!fork_expect(world, actor->sessions, from, &options)) {
        /* It dies as it reads. */
        (void)session_call_end(world, actor, SEGLOG_IO);
        return;
    }
    pending->lane = session_lane_index(world, lane);
    pending->makes_lane = true;
    pending->session = from->session;
    pending->lineage = (struct seglog_lineage){
        .kind = SEGLOG_LINEAGE_FORKED_FROM,
        .segment = from->segment,
    };
    code = seglog_session_fork(actor->sessions, &from->session, &from->segment,
                               &options, NULL, NULL);
    session_say(world, "fork %02x at %zu %s to %02x%02x: %s",
                from->segment.bytes[2], pending->count,
                how == 0 ? "by replay" : "by copy", segment.bytes[0],
                segment.bytes[2], seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE)
        return;
    session_expect(world, code == SEGLOG_OK);
    fork_note(world, &segment, from);
}

/* -- cut ------------------------------------------------------------------- */

static void
cut_note(struct session_lane *lane, size_t keep)
{
    if (lane->count > keep)
        lane->count = keep;
    for (size_t i = 0; i < lane->count; i++) {
        struct session_entry *entry = &lane->entries[i];

        if ((size_t)entry->group_first + entry->group_count > keep) {
            entry->group_first = (uint16_t)i;
            entry->group_count = 1;
        }
    }
    session_lane_sync(lane);
}

void
session_step_truncate(struct session_world *world)
{
    struct session_lane *lane = session_lane_draw(world);
    struct session_pending *pending = &world->pending;
    enum session_outcome outcome = SESSION_AGAIN;
    seglog_code code = SEGLOG_OK;
    unsigned tries = 0;

    if (!lane)
        return;
    pending->lane = session_lane_index(world, lane);
    pending->keep = session_draw(world, (unsigned)lane->count + 1);
    if (session_draw(world, 2) == 0 && lane->count > 0)
        pending->keep = lane->count - 1;
    pending->is_cutting = true;
    while (outcome == SESSION_AGAIN) {
        struct session_actor *actor = session_call_begin(world);

        tries++;
        code =
            seglog_session_truncate(actor->sessions, &lane->session,
                                    &lane->segment, pending->keep, NULL, NULL);
        session_say(world, "%d cuts %02x from %zu to %zu: %s",
                    (int)(actor - world->actors), lane->segment.bytes[2],
                    lane->count, pending->keep, seglog_code_name(code));
        outcome = session_call_end(world, actor, code);
    }
    /* Whoever opens it to write may have written: that is not settled. */
    lane->is_loose = true;
    lane->is_quiet = false;
    if (outcome != SESSION_DONE || session_is_damage(lane, code) ||
        (lane->is_sealed && code == SEGLOG_SEALED) ||
        (world->cannot_cut && code == SEGLOG_READ_ONLY))
        return;
    if (lane->is_holed) {
        session_expect(world, code == SEGLOG_OK || code == SEGLOG_INVALID);
        session_look(world, false);
        if (lane->is_there && code == SEGLOG_OK)
            session_lane_sync(lane);
        return;
    }
    session_expect(world, code == SEGLOG_OK && !lane->is_sealed);
    cut_note(lane, pending->keep);
    /* Whoever died in it may have left the new epoch to the next writer. */
    lane->is_torn |= tries > 1;
    lane->is_quiet = false;
}

/* -- sealed ---------------------------------------------------------------- */

static void
seal_note(struct session_world *world, struct session_lane *lane,
          const char *parent)
{
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane kind = SEGLOG_LANE_ENTRIES;
    const struct session_lane *found = NULL;

    lane->is_sealed = true;
    lane->is_quiet = false;
    session_lane_sync(lane);
    if (!parent)
        return;
    session_hold(world, SESSION_PARENT,
                 seglog_lane_parse(parent, &session, &segment, &kind));
    found = session_lane_find(world, &session, &segment, kind);
    session_hold(world, SESSION_PARENT,
                 found && found->is_there && found->is_sealed);
    lane->parent = (int16_t)session_lane_index(world, found);
}

void
session_step_seal(struct session_world *world)
{
    const struct seglog_session_seal_options options = { .size = sizeof options,
                                                         .level = 1,
                                                         .threads = 1 };
    struct session_lane *lane = session_lane_draw(world);
    struct session_actor *actor = NULL;
    struct seglog_seal_info info = { .is_sealed = false };
    char name[SEGLOG_LANE_NAME_CAP];
    bool was_sealed = false;
    seglog_code code = SEGLOG_OK;

    if (!lane || lane->is_holed || !slg_zrun_is_there())
        return;
    was_sealed = lane->is_sealed;
    actor = session_call_begin(world);
    world->pending.lane = session_lane_index(world, lane);
    world->pending.is_sealing = true;
    code = seglog_session_seal_segment(actor->sessions, &lane->session,
                                       &lane->segment, &options, NULL, NULL);
    session_say(world, "seal %02x: %s", lane->segment.bytes[2],
                seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE)
        return;
    session_expect(world, code == (was_sealed ? SEGLOG_SEALED : SEGLOG_OK));
    if (was_sealed)
        return;
    (void)seglog_lane_name(&lane->session, &lane->segment, lane->lane, name);
    session_expect(world, seglog_segment_get_seal(
                              seglog_session_store_get_store(actor->sessions),
                              name, &info, NULL) == SEGLOG_OK);
    session_expect(world, info.is_sealed && info.records == lane->count);
    seal_note(world, lane, info.has_parent ? info.parent : NULL);
}

/* -- gone ------------------------------------------------------------------ */

static bool
session_is_same(const struct session_lane *lane,
                const struct seglog_uuid *session)
{
    return seglog_uuid_compare(&lane->session, session) == 0;
}

/* Somebody who stays refers to one that would go. */
static bool
is_needed(const struct session_world *world, uint32_t going)
{
    for (unsigned i = 0; i < world->lane_count; i++) {
        const struct session_lane *lane = &world->lanes[i];

        if (lane->is_used && lane->is_there && lane->parent >= 0 &&
            (going >> i & 1) == 0 && (going >> lane->parent & 1) != 0)
            return true;
    }
    return false;
}

static uint32_t
going_find(const struct session_world *world, const struct seglog_uuid *session,
           const struct seglog_uuid *segment)
{
    uint32_t going = 0;

    for (unsigned i = 0; i < world->lane_count; i++) {
        const struct session_lane *lane = &world->lanes[i];

        if (lane->is_used && lane->is_there && session_is_same(lane, session) &&
            (!segment || seglog_uuid_compare(&lane->segment, segment) == 0))
            going |= UINT32_C(1) << i;
    }
    return going;
}

static void
going_end(struct session_world *world, uint32_t going)
{
    for (unsigned i = 0; i < world->lane_count; i++)
        if ((going >> i & 1) != 0)
            session_lane_end(&world->lanes[i]);
}

/* segment NULL: all of the session. */
static void
lanes_delete(struct session_world *world, struct seglog_uuid session,
             const struct seglog_uuid *segment)
{
    const uint32_t going = going_find(world, &session, segment);
    const bool conflicts = is_needed(world, going);
    enum session_outcome outcome = SESSION_AGAIN;
    seglog_code code = SEGLOG_OK;
    bool existed = false;

    world->pending.going = conflicts ? 0 : going;
    while (outcome == SESSION_AGAIN) {
        struct session_actor *actor = session_call_begin(world);

        code = segment ? seglog_session_delete_segment(
                             actor->sessions, &session, segment, &existed, NULL)
                       : seglog_session_delete(actor->sessions, &session,
                                               &existed, NULL);
        session_say(world, "delete %02x of %02x: %s",
                    segment ? segment->bytes[2] : 0, session.bytes[0],
                    seglog_code_name(code));
        outcome = session_call_end(world, actor, code);
    }
    if (outcome != SESSION_DONE)
        return;
    session_hold(world, SESSION_PARENT,
                 code == (conflicts ? SEGLOG_CONFLICT : SEGLOG_OK));
    if (conflicts)
        return;
    going_end(world, going);
    if (world->pending.has_batch)
        session_names_written(world, true);
}

void
session_step_delete(struct session_world *world)
{
    const struct session_lane *lane = session_lane_draw(world);
    struct seglog_uuid segment;

    if (!lane)
        return;
    segment = lane->segment;
    lanes_delete(world, lane->session, &segment);
}

/* With its note, which goes last. */
void
session_step_delete_session(struct session_world *world)
{
    const struct session_values now = session_names_now(&world->names);
    struct session_pending *pending = &world->pending;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    unsigned key = 0;

    session_ids_draw(world, &session, &segment);
    key = 6 + session.bytes[0] / 0x11u - 1;
    if (world->names.batch_count >= SESSION_BATCHES_LAZY)
        return;
    if (now.hash[key] != 0) {
        pending->has_batch = true;
        pending->batch = (struct session_batch){ .count = 1, .key = { key } };
    }
    lanes_delete(world, session, NULL);
}
