/* SPDX-License-Identifier: MIT */
/* tests/crash/session_model.c - what a session store has promised. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "tests/crash/session_world.h"

/* -- entries --------------------------------------------------------------- */

/* Never 0: that is none. */
uint64_t
session_hash(const void *bytes, size_t len)
{
    return slg_xxh3(bytes, len) | 1;
}

size_t
session_entry_make(uint32_t id, char text[SESSION_TEXT_CAP],
                   struct session_entry *entry)
{
    const uint32_t turn = id % 5 == 0 ? id / 5 + 1 : 0;
    size_t pad = id % 7 == 0 ? 500 + id % 200 : id % 40;
    int len = 0;

    if (id % 61 == 0)
        pad = 3000;
    if (turn != 0)
        len = snprintf(text, SESSION_TEXT_CAP,
                       "{\"id\":%u,\"kind\":\"turn_end\",\"ts\":%u,"
                       "\"turn_count\":%u,\"pad\":\"",
                       id, 1000 + id, turn);
    else
        len = snprintf(text, SESSION_TEXT_CAP,
                       "{\"id\":%u,\"kind\":\"said\",\"ts\":%u,\"pad\":\"", id,
                       1000 + id);
    memset(text + len, 'a' + (int)(id % 26), pad);
    len += (int)pad;
    memcpy(text + len, "\"}", 3);
    len += 2;
    if (entry)
        *entry = (struct session_entry){
            .hash = session_hash(text, (size_t)len),
            .turn = turn,
        };
    return (size_t)len;
}

bool
session_entry_is_known(const struct session_world *world, const void *bytes,
                       size_t len)
{
    char text[SESSION_TEXT_CAP];
    char start[32] = "";
    unsigned id = 0;

    memcpy(start, bytes, len < sizeof start - 1 ? len : sizeof start - 1);
    return sscanf(start, "{\"id\":%u,", &id) == 1 && id < world->next_id &&
           session_entry_make(id, text, NULL) == len &&
           memcmp(text, bytes, len) == 0;
}

/* -- lanes ----------------------------------------------------------------- */

struct session_lane *
session_lane_find(struct session_world *world,
                  const struct seglog_uuid *session,
                  const struct seglog_uuid *segment, enum seglog_lane lane)
{
    for (unsigned i = 0; i < world->lane_count; i++) {
        struct session_lane *at = &world->lanes[i];

        if (at->is_used && at->lane == lane &&
            memcmp(&at->segment, segment, sizeof *segment) == 0 &&
            memcmp(&at->session, session, sizeof *session) == 0)
            return at;
    }
    return NULL;
}

static struct session_lane *
lane_free_find(struct session_world *world)
{
    for (unsigned i = 0; i < world->lane_count; i++)
        if (!world->lanes[i].is_used)
            return &world->lanes[i];
    /* What is gone durably must not come back: such lanes are forgotten only
     * where there is no more room. */
    if (world->lane_count < SESSION_LANES_MAX) {
        struct session_lane *lane = &world->lanes[world->lane_count++];

        lane->is_there = false;
        return lane;
    }
    for (unsigned i = 0; i < world->lane_count; i++)
        if (!world->lanes[i].is_there)
            return &world->lanes[i];
    return NULL;
}

struct session_lane *
session_lane_need(struct session_world *world,
                  const struct seglog_uuid *session,
                  const struct seglog_uuid *segment, enum seglog_lane lane)
{
    struct session_lane *at = session_lane_find(world, session, segment, lane);

    if (!at)
        at = lane_free_find(world);
    if (!at || at->is_there)
        return at;
    memset(at, 0, offsetof(struct session_lane, entries));
    at->is_used = true;
    at->session = *session;
    at->segment = *segment;
    at->lane = lane;
    at->parent = -1;
    return at;
}

bool
session_lanes_have_room(const struct session_world *world)
{
    unsigned free_count = SESSION_LANES_MAX - world->lane_count;

    for (unsigned i = 0; i < world->lane_count; i++)
        free_count += !world->lanes[i].is_there;
    return free_count >= 2;
}

int
session_lane_index(const struct session_world *world,
                   const struct session_lane *lane)
{
    return (int)(lane - world->lanes);
}

void
session_lane_add(struct session_world *world, struct session_lane *lane,
                 size_t at)
{
    const struct session_pending *pending = &world->pending;
    const size_t count = pending->count - pending->skip;

    session_expect(world,
                   at >= lane->count && at + count <= SESSION_ENTRIES_MAX);
    for (size_t i = lane->count; i < at; i++)
        lane->entries[i] = (struct session_entry){ .hash = 0 };
    for (size_t i = 0; i < count; i++) {
        struct session_entry *entry = &lane->entries[at + i];

        *entry = pending->entries[pending->skip + i];
        entry->group_first = (uint16_t)at;
        entry->group_count = (uint16_t)count;
    }
    lane->count = at + count;
    lane->is_quiet = lane->is_torn = false;
}

void
session_lane_begin(struct session_world *world, struct session_lane *lane,
                   bool is_safe)
{
    lane->is_there = true;
    lane->is_safe = is_safe;
    lane->is_sealed = lane->is_holed = lane->refuses = false;
    lane->parent = -1;
    lane->count = lane->synced = 0;
    lane->lineage = world->pending.lineage;
    lane->label_hash = world->pending.label_hash;
    session_lane_add(world, lane, 0);
}

void
session_lane_sync(struct session_lane *lane)
{
    lane->synced = lane->count;
    lane->torn_count = 0;
    lane->is_safe = true;
    lane->is_loose = false;
}

void
session_lane_end(struct session_lane *lane)
{
    lane->is_there = lane->is_safe = lane->is_sealed = lane->is_holed = false;
    lane->is_quiet = lane->is_torn = lane->refuses = lane->is_loose = false;
    lane->parent = -1;
    lane->count = lane->synced = lane->torn_count = 0;
}

/* -- names ----------------------------------------------------------------- */

void
session_batch_apply(const struct session_batch *batch,
                    struct session_values *values)
{
    for (unsigned i = 0; i < batch->count; i++)
        values->hash[batch->key[i]] = batch->hash[i];
}

struct session_values
session_names_now(const struct session_names *names)
{
    struct session_values values = names->safe;

    for (unsigned i = 0; i < names->batch_count; i++)
        session_batch_apply(&names->batches[i], &values);
    return values;
}

void
session_names_written(struct session_world *world, bool is_synced)
{
    struct session_names *names = &world->names;

    session_expect(world, names->batch_count < SESSION_BATCHES);
    names->batches[names->batch_count++] = world->pending.batch;
    if (!is_synced)
        return;
    names->safe = session_names_now(names);
    names->batch_count = 0;
}

void
session_pending_clear(struct session_world *world)
{
    memset(&world->pending, 0, offsetof(struct session_pending, entries));
    world->pending.lane = -1;
}

/* -- worlds ---------------------------------------------------------------- */

void
session_world_copy(struct session_world *to, const struct session_world *from)
{
    memcpy(to, from, offsetof(struct session_world, pending));
    memcpy(&to->pending, &from->pending,
           offsetof(struct session_pending, entries) +
               from->pending.count * sizeof from->pending.entries[0]);
    to->lane_count = from->lane_count;
    for (unsigned i = 0; i < from->lane_count; i++) {
        memcpy(&to->lanes[i], &from->lanes[i],
               offsetof(struct session_lane, entries) +
                   from->lanes[i].count * sizeof from->lanes[i].entries[0]);
        memcpy(to->lanes[i].torn, from->lanes[i].torn,
               from->lanes[i].torn_count * sizeof from->lanes[i].torn[0]);
    }
    for (unsigned i = 0; i < SESSION_ACTORS; i++)
        to->actors[i].sessions = NULL;
}
