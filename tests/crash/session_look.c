/* SPDX-License-Identifier: MIT */
/* tests/crash/session_look.c - reading all, against what was promised. */
#include "tests/crash/session_world.h"

#include <stdio.h>
#include <string.h>

#include "seglog/seal.h"

/* -- the records of a lane ------------------------------------------------- */

struct sight {
    struct session_world *world;
    struct session_lane *lane;
    size_t count;   /* of the lane, before what is pending */
    size_t more;    /* pending entries that may stand behind */
    size_t more_at; /* where: behind a hole it is not known before */
    size_t floor;   /* those below must be there */
    size_t cut_at;  /* those from there on are being cut; SESSION_ALL: none */
    size_t next;
    bool has_gap;
    bool is_power_cut;
    bool has_torn;
    bool seen[SESSION_ENTRIES_MAX + SESSION_ENTRIES_MAX];
};

static const struct session_entry *
sight_entry(const struct sight *sight, size_t at)
{
    const struct session_pending *pending = &sight->world->pending;

    if (at < sight->count)
        return &sight->lane->entries[at];
    return at >= sight->more_at && at < sight->more_at + sight->more
               ? &pending->entries[pending->skip + at - sight->more_at]
               : NULL;
}

/*
 * What was torn has become whole, and it stands in the place of all that was
 * appended behind it, none of which can have been synced.
 */
static bool
torn_take(struct sight *sight, size_t at, uint64_t hash)
{
    struct session_lane *lane = sight->lane;

    if (!sight->is_power_cut || lane->torn_count == 0 || at != lane->torn_at ||
        lane->torn[0].hash != hash || at < sight->floor)
        return false;
    memcpy(&lane->entries[at], lane->torn,
           lane->torn_count * sizeof lane->torn[0]);
    sight->count = at + lane->torn_count;
    sight->more = 0;
    return true;
}

/* What is not there any more may be what was torn. */
static void
torn_keep(const struct sight *sight)
{
    const struct session_pending *pending = &sight->world->pending;
    struct session_lane *lane = sight->lane;
    const size_t first = sight->next;
    const size_t count = sight->count > first ? sight->count - first : 0;
    /* Behind a hole nobody knows where it stood. */
    const size_t more = first <= sight->count ? sight->more : 0;

    if (!sight->is_power_cut || !sight->world->cannot_cut || !sight->has_torn ||
        count + more == 0 || count + more > SESSION_ENTRIES_MAX - first)
        return;
    memcpy(lane->torn, &lane->entries[first], count * sizeof lane->torn[0]);
    for (size_t i = 0; i < more; i++) {
        lane->torn[count + i] = pending->entries[pending->skip + i];
        lane->torn[count + i].group_first = (uint16_t)(first + count);
        lane->torn[count + i].group_count = (uint16_t)more;
    }
    lane->torn_at = first;
    lane->torn_count = count + more;
}

static void
record_look(struct sight *sight, const struct seglog_record *record)
{
    struct session_world *world = sight->world;
    const size_t at = (size_t)record->record_no - 1;
    const uint64_t hash = session_hash(record->data, record->len);
    const struct session_entry *entry = NULL;

    session_hold(world, SESSION_I3,
                 at >= sight->next && at < SESSION_ENTRIES_MAX);
    if (sight->lane->is_holed && sight->next <= sight->count &&
        at >= sight->count)
        sight->more_at = at;
    entry = sight_entry(sight, at);
    if ((!entry || entry->hash != hash) && torn_take(sight, at, hash))
        entry = sight_entry(sight, at);
    for (size_t i = sight->next; i < at; i++)
        session_hold(world, SESSION_I1,
                     i >= sight->floor || sight->lane->entries[i].hash == 0);
    if (!entry || entry->hash != hash) {
        session_hold(world, SESSION_I5,
                     !session_entry_is_known(world, record->data, record->len));
        session_hold(world, SESSION_I2, false);
    }
    world->watch->crash.checks[SESSION_I2]++;
    sight->seen[at] = true;
    sight->next = at + 1;
}

/* A group is there, or it is not; but not one that a cut goes through. */
static void
groups_look(const struct sight *sight)
{
    struct session_world *world = sight->world;
    const struct session_pending *pending = &world->pending;

    for (size_t i = 0; i < sight->count; i++) {
        const struct session_entry *entry = &sight->lane->entries[i];
        const size_t end = (size_t)entry->group_first + entry->group_count;

        if (entry->hash == 0 || entry->group_first == i ||
            (pending->is_cutting && pending->keep < end))
            continue;
        session_hold(world, SESSION_I3,
                     sight->seen[i] == sight->seen[entry->group_first]);
    }
    for (size_t i = 1; i < sight->more; i++)
        session_hold(world, SESSION_I3,
                     sight->seen[sight->more_at + i] ==
                         sight->seen[sight->more_at]);
}

/*
 * Of what is being cut, some systems clear the rest of a block before the file
 * gets shorter.  Such a hole is in records that were durable, and it says so
 * (SECURITY.md); it cannot be told from damage.
 */
static bool
is_cut_hole(const struct sight *sight, const struct seglog_finding *finding)
{
    return sight->is_power_cut && finding->first_record > sight->cut_at;
}

static void
records_look(struct sight *sight, struct seglog_reader *reader)
{
    struct session_world *world = sight->world;
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_RECORD) {
            record_look(sight, &event.record);
            continue;
        }
        session_hold(world, SESSION_I1,
                     event.finding.durable != SEGLOG_DURABLE_YES ||
                         sight->lane->is_holed ||
                         is_cut_hole(sight, &event.finding));
        if (event.finding.verdict != SEGLOG_VERDICT_TORN)
            sight->has_gap = true;
        else
            sight->lane->is_torn = sight->has_torn = true;
    }
    session_hold(world, SESSION_I1, code == SEGLOG_END);
    for (size_t i = sight->next; i < sight->floor; i++)
        session_hold(world, SESSION_I1, sight->lane->entries[i].hash == 0);
    groups_look(sight);
}

/* What was seen is what is there. */
static void
lane_adopt(struct sight *sight, bool is_power_cut)
{
    struct session_lane *lane = sight->lane;

    torn_keep(sight);
    for (size_t i = 0; i < sight->next; i++) {
        if (!sight->seen[i]) {
            lane->entries[i] = (struct session_entry){ .hash = 0 };
            lane->is_holed = true;
        } else if (i >= sight->count) {
            lane->entries[i] = *sight_entry(sight, i);
            lane->entries[i].group_first = (uint16_t)sight->more_at;
            lane->entries[i].group_count = (uint16_t)sight->more;
        }
    }
    lane->is_holed |= sight->has_gap;
    lane->count = sight->next;
    if (is_power_cut || lane->synced > lane->count)
        lane->synced = lane->count;
    lane->is_safe |= is_power_cut;
    lane->is_quiet =
        lane->is_safe && lane->synced == lane->count && !lane->is_loose;
}

static void
records_read(struct sight *sight, struct seglog_session_store *sessions)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct session_world *world = sight->world;
    struct seglog_reader *reader = NULL;

    session_hold(world, SESSION_I1,
                 seglog_session_open_reader(
                     sessions, &sight->lane->session, &sight->lane->segment,
                     sight->lane->lane, &options, &reader, NULL) == SEGLOG_OK);
    records_look(sight, reader);
    seglog_reader_close(reader);
}

/* -- notes ----------------------------------------------------------------- */

struct notes_sight {
    struct session_world *world;
    const struct session_lane *lane;
    size_t next;
    uint64_t turn;
};

static bool
note_look(void *arg, const struct seglog_entry_note *note)
{
    struct notes_sight *sight = arg;
    const struct session_entry *entry = &sight->lane->entries[sight->next];

    session_hold(sight->world, SESSION_NOTES,
                 sight->next < sight->lane->count &&
                     note->record_no == sight->next + 1);
    if (entry->turn != 0)
        sight->turn = entry->turn;
    session_hold(sight->world, SESSION_NOTES,
                 note->ends_turn == (entry->turn != 0) &&
                     note->turn == sight->turn);
    sight->next++;
    return true;
}

static void
notes_look(struct session_world *world, struct seglog_session_store *sessions,
           const struct session_lane *lane)
{
    struct notes_sight sight = { .world = world, .lane = lane };
    uint64_t count = 0;

    if (lane->is_holed)
        return;
    session_hold(world, SESSION_I1,
                 seglog_session_read_entry_count(sessions, &lane->session,
                                                 &lane->segment, &count, NULL,
                                                 NULL) == SEGLOG_OK);
    session_hold(world, SESSION_I1, count == lane->count);
    session_hold(world, SESSION_NOTES,
                 seglog_session_list_notes(sessions, &lane->session,
                                           &lane->segment, 1, note_look, &sight,
                                           NULL) == SEGLOG_OK);
    session_hold(world, SESSION_NOTES, sight.next == lane->count);
}

/* -- lanes ----------------------------------------------------------------- */

/* What it refers to is there, or it could not be read. */
static void
seal_look(struct session_world *world, struct seglog_session_store *sessions,
          struct session_lane *lane)
{
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_seal_info info;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane kind = SEGLOG_LANE_ENTRIES;
    const struct session_lane *parent = NULL;

    session_expect(world, seglog_segment_get_seal(
                              seglog_session_store_get_store(sessions),
                              seglog_lane_name(&lane->session, &lane->segment,
                                               lane->lane, name),
                              &info, NULL) == SEGLOG_OK);
    lane->is_sealed = info.is_sealed;
    lane->parent = -1;
    if (!info.is_sealed || !info.has_parent)
        return;
    session_hold(world, SESSION_PARENT,
                 seglog_lane_parse(info.parent, &session, &segment, &kind));
    parent = session_lane_find(world, &session, &segment, kind);
    session_hold(world, SESSION_PARENT, parent && parent->is_there);
    lane->parent = (int16_t)session_lane_index(world, parent);
}

static bool
lane_exists(struct session_world *world, struct seglog_session_store *sessions,
            const struct session_lane *lane)
{
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_blob_info info;
    bool exists = false;

    if (lane->lane != SEGLOG_LANE_ENTRIES)
        return seglog_store_get_info(seglog_session_store_get_store(sessions),
                                     seglog_lane_name(&lane->session,
                                                      &lane->segment,
                                                      lane->lane, name),
                                     &info, NULL) == SEGLOG_OK;
    session_expect(world, seglog_session_exists(sessions, &lane->session,
                                                &lane->segment, &exists,
                                                NULL) == SEGLOG_OK);
    return exists;
}

/*
 * What no cut can touch was read before: it is read again now and then only.
 * Sealed ones are, while something is removed that they may refer to.
 */
static bool
is_worth_reading(struct session_world *world, const struct session_lane *lane,
                 bool is_concerned)
{
    /* To say what a hole may have been takes long. */
    return !lane->is_quiet || is_concerned ||
           (lane->is_sealed && world->pending.going != 0) ||
           crash_random(&world->chance) % (lane->is_holed ? 64 : 8) == 0;
}

static void
lane_read(struct session_world *world, struct seglog_session_store *sessions,
          struct session_lane *lane, bool is_concerned, bool is_power_cut)
{
    static struct sight sight;
    const struct session_pending *pending = &world->pending;
    const bool is_made = is_concerned && pending->makes_lane;
    const bool was_there = lane->is_there;

    memset(&sight, 0, offsetof(struct sight, seen));
    sight.world = world;
    sight.lane = lane;
    sight.is_power_cut = is_power_cut;
    sight.count = was_there ? lane->count : 0;
    if (is_concerned && !pending->is_cutting && !pending->is_sealing)
        sight.more = pending->count - pending->skip;
    sight.floor = is_power_cut ? lane->synced : sight.count;
    sight.cut_at =
        is_concerned && pending->is_cutting ? pending->keep : SESSION_ALL;
    if (sight.cut_at < sight.floor)
        sight.floor = sight.cut_at;
    if (!was_there) {
        lane->lineage = pending->lineage;
        lane->label_hash = pending->label_hash;
    }
    sight.more_at = sight.count;
    memset(sight.seen, 0, sizeof sight.seen);
    records_read(&sight, sessions);
    if (is_made && !was_there)
        session_hold(world, SESSION_WHOLE, sight.next == sight.more);
    lane->is_loose = !is_power_cut && (lane->is_loose || is_concerned);
    lane_adopt(&sight, is_power_cut);
    lane->is_there = true;
}

static void
lane_look(struct session_world *world, struct seglog_session_store *sessions,
          struct session_lane *lane, bool is_power_cut)
{
    const struct session_pending *pending = &world->pending;
    const int index = session_lane_index(world, lane);
    const bool is_concerned = pending->is_any && pending->lane == index;
    const bool is_going = pending->is_any && (pending->going >> index & 1) != 0;
    const bool exists = lane_exists(world, sessions, lane);

    session_hold(world, SESSION_I1,
                 exists || !lane->is_there || is_going ||
                     (is_power_cut && !lane->is_safe));
    session_hold(world, SESSION_I5,
                 !exists || lane->is_there ||
                     (is_concerned && pending->makes_lane));
    if (!exists) {
        session_lane_end(lane);
        return;
    }
    if (!is_worth_reading(world, lane, is_concerned))
        return;
    lane_read(world, sessions, lane, is_concerned, is_power_cut);
    if (lane->is_sealed || (is_concerned && pending->is_sealing))
        seal_look(world, sessions, lane);
    if (lane->lane == SEGLOG_LANE_ENTRIES &&
        crash_random(&world->chance) % 4 == 0)
        notes_look(world, sessions, lane);
}

/* Children may come before their parents: who is gone is known by then. */
static void
parents_look(struct session_world *world)
{
    for (unsigned i = 0; i < world->lane_count; i++) {
        const struct session_lane *lane = &world->lanes[i];

        if (lane->is_used && lane->is_there && lane->parent >= 0)
            session_hold(world, SESSION_PARENT,
                         world->lanes[lane->parent].is_there);
    }
}

static bool
row_pass(void *arg, const struct seglog_session_row *row)
{
    (void)arg;
    (void)row;
    return true;
}

void
session_look(struct session_world *world, bool is_power_cut)
{
    struct session_actor *actor = session_actor_any(world);
    struct seglog_session_store *sessions = actor->sessions;
    const uint64_t image_at = world->image_at;
    const unsigned images_every = world->images_every;

    /* The first to ask makes the index anew, and may be cut off as well: what
     * was promised is the same until somebody has looked. */
    if (is_power_cut && world->depth < CRASH_DEPTH_MAX)
        session_expect(world, seglog_session_list(sessions, NULL, row_pass,
                                                  NULL, NULL) == SEGLOG_OK);
    world->image_at = 0;
    world->images_every = 0;
    session_look_rows(world, sessions, true);
    for (unsigned i = 0; i < world->lane_count; i++)
        if (world->lanes[i].is_used)
            lane_look(world, sessions, &world->lanes[i], is_power_cut);
    parents_look(world);
    session_look_names(world, sessions, is_power_cut);
    session_pending_clear(world);
    session_look_rows(world, sessions, false);
    if (is_power_cut && crash_random(&world->chance) % 4 == 0)
        session_look_index(world);
    world->image_at = image_at;
    world->images_every = images_every;
    if (world->depth > 0 && crash_random(&world->chance) % 8 == 0) {
        world->watch->crash.checks[SESSION_I6]++;
        session_actors_stop(world);
        actor = session_actor_any(world);
        for (unsigned i = 0; i < world->lane_count; i++)
            if (world->lanes[i].is_used)
                lane_look(world, actor->sessions, &world->lanes[i], false);
    }
}
