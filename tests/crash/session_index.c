/* SPDX-License-Identifier: MIT */
/* tests/crash/session_index.c - the index, and what has a name. */
#include "tests/crash/session_world.h"

#include <stdlib.h>
#include <string.h>

/* -- rows ------------------------------------------------------------------ */

struct rows_sight {
    struct session_world *world;
    uint32_t seen;
    bool may_adopt;
};

static bool
row_is_right(const struct session_lane *lane,
             const struct seglog_session_row *row)
{
    const struct seglog_lineage *a = &lane->lineage;
    const struct seglog_lineage *b = &row->lineage;

    return a->kind == b->kind &&
           (a->kind == SEGLOG_LINEAGE_NONE ||
            memcmp(&a->segment, &b->segment, sizeof a->segment) == 0) &&
           lane->label_hash ==
               (row->label.len > 0
                    ? session_hash(row->label.data, row->label.len)
                    : 0);
}

/* It can be nobody's but that of the call that was under way. */
static struct session_lane *
row_adopt(struct session_world *world, const struct seglog_session_row *row)
{
    struct session_pending *pending = &world->pending;
    struct session_lane *lane = NULL;

    session_hold(
        world, SESSION_I2,
        pending->is_any && pending->may_make_other &&
            memcmp(&pending->session, &row->session, sizeof row->session) == 0);
    lane = session_lane_need(world, &row->session, &row->segment,
                             SEGLOG_LANE_ENTRIES);
    session_expect(world, lane != NULL);
    pending->may_make_other = false;
    pending->makes_lane = true;
    pending->lane = session_lane_index(world, lane);
    pending->skip = 0;
    return lane;
}

static bool
row_look(void *arg, const struct seglog_session_row *row)
{
    struct rows_sight *sight = arg;
    struct session_world *world = sight->world;
    struct session_lane *lane = session_lane_find(
        world, &row->session, &row->segment, SEGLOG_LANE_ENTRIES);

    if (!lane && sight->may_adopt)
        lane = row_adopt(world, row);
    session_hold(world, SESSION_I2, lane != NULL);
    if (lane->is_there)
        session_hold(world, SESSION_I7, row_is_right(lane, row));
    session_hold(world, SESSION_I7,
                 (sight->seen >> session_lane_index(world, lane) & 1) == 0);
    sight->seen |= UINT32_C(1) << session_lane_index(world, lane);
    return true;
}

/* may_adopt: who is there is not known yet; else the rows are exactly that. */
void
session_look_rows(struct session_world *world,
                  struct seglog_session_store *sessions, bool may_adopt)
{
    struct rows_sight sight = { .world = world, .may_adopt = may_adopt };

    session_hold(world, SESSION_I7,
                 seglog_session_list(sessions, NULL, row_look, &sight, NULL) ==
                     SEGLOG_OK);
    for (unsigned i = 0; i < world->lane_count && !may_adopt; i++) {
        const struct session_lane *lane = &world->lanes[i];

        if (lane->is_used && lane->lane == SEGLOG_LANE_ENTRIES)
            session_hold(world, SESSION_I7,
                         lane->is_there == ((sight.seen >> i & 1) != 0));
    }
}

static void
index_put(struct session_world *world, struct seglog_store store)
{
    struct seglog_blob blob = { 0 };
    const struct session_watch *watch = world->watch;

    session_expect(world, seglog_blob_open(store, "index.seg",
                                           SEGLOG_OPEN_WRITE |
                                               SEGLOG_OPEN_CREATE_EXCLUSIVE,
                                           &blob, NULL) == SEGLOG_OK);
    session_expect(world, seglog_blob_append(
                              blob, SEGLOG_END_ANY, watch->old_index,
                              watch->old_index_len, NULL, NULL) == SEGLOG_OK);
    (void)seglog_blob_close(&blob, NULL);
}

/* Without an index, or with an old one, the same is there. */
void
session_look_index(struct session_world *world)
{
    struct session_actor *actor = session_actor_any(world);
    const struct seglog_store store =
        seglog_session_store_get_store(actor->sessions);
    const bool is_old = world->watch->old_index_len > 0 &&
                        crash_random(&world->chance) % 2 == 0;
    const seglog_code code = seglog_store_remove(store, "index.seg", NULL);

    session_say(world, "the index is %s", is_old ? "put back" : "deleted");
    session_expect(world, code == SEGLOG_OK || code == SEGLOG_NOT_FOUND);
    if (is_old)
        index_put(world, store);
    session_look_rows(world, actor->sessions, false);
    session_actor_stop(world, actor);
    session_actor_start(world, actor);
    session_look_rows(world, actor->sessions, false);
}

/* -- names ----------------------------------------------------------------- */

struct names_sight {
    struct session_world *world;
    struct session_values values;
};

/* Their names are a letter and the digit of the key. */
static bool
named_look(void *arg, const struct seglog_named *item)
{
    struct names_sight *sight = arg;
    const unsigned key =
        item->name.len == 2 ? (unsigned)(item->name.data[1] - '0') : 99;

    session_hold(sight->world, SESSION_I2, key < 6);
    sight->values.hash[key] = session_hash(item->data.data, item->data.len);
    return true;
}

static void
values_read(struct names_sight *sight, struct seglog_session_store *sessions)
{
    struct session_world *world = sight->world;
    const struct seglog_slice all = { "", 0 };
    char note[SEGLOG_SESSION_NOTE_MAX];
    char dictionary[SEGLOG_DICTIONARY_NAME_BYTES];
    size_t len = 0;

    session_hold(world, SESSION_NAMED,
                 seglog_name_list(sessions, SEGLOG_NAMES_WORKER, all,
                                  named_look, sight, NULL) == SEGLOG_OK);
    session_hold(world, SESSION_NAMED,
                 seglog_name_list(sessions, SEGLOG_NAMES_SOURCE, all,
                                  named_look, sight, NULL) == SEGLOG_OK);
    for (unsigned i = 0; i < SESSION_SESSIONS; i++) {
        struct seglog_uuid session;

        memset(&session, (int)(0x11 * (i + 1)), sizeof session);
        session_hold(world, SESSION_NAMED,
                     seglog_session_read_note(sessions, &session, note, &len,
                                              NULL) == SEGLOG_OK);
        if (len > 0)
            sight->values.hash[6 + i] = session_hash(note, len);
    }
    session_hold(world, SESSION_NAMED,
                 seglog_session_store_get_dictionary(sessions, dictionary,
                                                     NULL) == SEGLOG_OK);
    if (dictionary[0] != '\0')
        sight->values.hash[9] = session_hash(dictionary, strlen(dictionary));
}

static bool
values_are(const struct session_names *names,
           const struct session_batch *pending, struct session_values values,
           unsigned which, const struct session_values *seen)
{
    for (unsigned i = 0; i < names->batch_count; i++)
        if ((which >> i & 1) != 0)
            session_batch_apply(&names->batches[i], &values);
    if (pending)
        session_batch_apply(pending, &values);
    return memcmp(&values, seen, sizeof values) == 0;
}

/* Each batch happened or not; without a power cut all but the last one did. */
static bool
values_fit(const struct session_names *names,
           const struct session_batch *pending, bool is_power_cut,
           const struct session_values *seen)
{
    const unsigned all = (1u << names->batch_count) - 1;

    for (unsigned which = is_power_cut ? 0 : all; which <= all; which++)
        if (values_are(names, pending, names->safe, which, seen))
            return true;
    for (unsigned torn = 0; is_power_cut && torn < 1u << names->torn_count;
         torn++) {
        struct session_values values = names->torn_safe;

        for (unsigned i = 0; i < names->torn_count; i++)
            if ((torn >> i & 1) != 0)
                session_batch_apply(&names->torn[i], &values);
        for (unsigned which = 0; which <= all && names->torn_count > 0; which++)
            if (values_are(names, pending, values, which, seen))
                return true;
    }
    return false;
}

void
session_look_names(struct session_world *world,
                   struct seglog_session_store *sessions, bool is_power_cut)
{
    struct names_sight sight = { .world = world };
    struct session_names *names = &world->names;
    const struct session_batch *pending =
        world->pending.has_batch ? &world->pending.batch : NULL;
    bool is_as_before = false;

    values_read(&sight, sessions);
    is_as_before = values_fit(names, NULL, is_power_cut, &sight.values);
    session_hold(world, SESSION_NAMED,
                 is_as_before ||
                     (pending &&
                      values_fit(names, pending, is_power_cut, &sight.values)));
    if (is_power_cut) {
        names->torn_count = world->cannot_cut ? names->batch_count : 0;
        names->torn_safe = names->safe;
        memcpy(names->torn, names->batches, sizeof names->torn);
        names->safe = sight.values;
        names->batch_count = 0;
    } else if (!is_as_before) {
        session_names_written(world, false);
    }
}
