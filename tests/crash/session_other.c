/* SPDX-License-Identifier: MIT */
/* tests/crash/session_other.c - names, dictionaries, and questions. */
#include "tests/crash/session_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- names ----------------------------------------------------------------- */

#define ITEMS_MAX 4u

struct named_call {
    struct seglog_named items[ITEMS_MAX];
    char names[ITEMS_MAX][4];
    size_t count;
    char *text; /* of all of them; to be freed */
};

/* Small values mostly; large ones make a table that is written anew. */
static void
value_make(struct session_world *world, struct named_call *call, size_t at)
{
    struct seglog_named *item = &call->items[at];
    const size_t len = world->is_large && session_draw(world, 2) == 0
                           ? 9000 + world->next_id % 100
                           : 1 + world->next_id % 60;
    char *text = call->text + at * 10000;

    memset(text, 'a' + (int)(world->next_id % 26), len);
    (void)snprintf(text, 16, "%u", world->next_id++);
    item->data = (struct seglog_slice){ text, len };
}

static void
named_make(struct session_world *world, struct named_call *call)
{
    struct session_batch *batch = &world->pending.batch;

    call->count = 1 + session_draw(world, ITEMS_MAX);
    batch->count = (unsigned)call->count;
    for (size_t i = 0; i < call->count; i++) {
        const unsigned key = (session_draw(world, 6) + (unsigned)i) % 6;
        struct seglog_named *item = &call->items[i];

        (void)snprintf(call->names[i], sizeof call->names[i], "n%u", key);
        *item = (struct seglog_named){
            .space = key < 4 ? SEGLOG_NAMES_WORKER : SEGLOG_NAMES_SOURCE,
            .name = { call->names[i], 2 },
            .is_deleted = session_draw(world, 4) == 0,
        };
        batch->key[i] = key;
        batch->hash[i] = 0;
        if (item->is_deleted)
            continue;
        value_make(world, call, i);
        batch->hash[i] = session_hash(item->data.data, item->data.len);
    }
}

static void
named_write(struct session_world *world, bool is_lazy)
{
    struct named_call call = { .text = malloc(ITEMS_MAX * (size_t)10000) };
    struct session_actor *actor = NULL;
    seglog_code code = SEGLOG_OK;

    session_expect(world, call.text != NULL);
    named_make(world, &call);
    actor = session_call_begin(world);
    world->pending.has_batch = true;
    code = seglog_name_write(actor->sessions, call.items, call.count, is_lazy,
                             NULL);
    session_say(world, "%zu names, %s: %s", call.count,
                is_lazy ? "lazily" : "synced", seglog_code_name(code));
    free(call.text);
    if (session_call_end(world, actor, code) != SESSION_DONE)
        return;
    session_expect(world, code == SEGLOG_OK);
    session_names_written(world, !is_lazy);
}

static void
note_write(struct session_world *world)
{
    const unsigned number = session_draw(world, SESSION_SESSIONS);
    struct session_batch *batch = &world->pending.batch;
    struct session_actor *actor = NULL;
    struct seglog_uuid session;
    char text[40] = "";
    int len = 0;
    seglog_code code = SEGLOG_OK;

    memset(&session, (int)(0x11 * (number + 1)), sizeof session);
    if (session_draw(world, 4) != 0)
        len = snprintf(text, sizeof text, "note %u", world->next_id++);
    *batch = (struct session_batch){ .count = 1, .key = { 6 + number } };
    batch->hash[0] = len > 0 ? session_hash(text, (size_t)len) : 0;
    actor = session_call_begin(world);
    world->pending.has_batch = true;
    code = seglog_session_write_note(actor->sessions, &session, text,
                                     (size_t)len, NULL);
    session_say(world, "note of session %u: %s", number,
                seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE)
        return;
    session_expect(world, code == SEGLOG_OK);
    session_names_written(world, true);
}

static void
name_delete(struct session_world *world)
{
    const unsigned key = session_draw(world, 6);
    const struct session_values now = session_names_now(&world->names);
    struct session_actor *actor = session_call_begin(world);
    char name[4];
    bool existed = false;
    seglog_code code = SEGLOG_OK;

    (void)snprintf(name, sizeof name, "n%u", key);
    world->pending.has_batch = true;
    world->pending.batch = (struct session_batch){ .count = 1, .key = { key } };
    code = seglog_name_delete(
        actor->sessions, key < 4 ? SEGLOG_NAMES_WORKER : SEGLOG_NAMES_SOURCE,
        (struct seglog_slice){ name, 2 }, &existed, NULL);
    session_say(world, "delete name %u: %s", key, seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE)
        return;
    session_expect(world, code == SEGLOG_OK);
    session_hold(world, SESSION_NAMED, existed == (now.hash[key] != 0));
    /* What was not there need not be written. */
    if (existed)
        session_names_written(world, true);
}

void
session_step_names(struct session_world *world)
{
    const unsigned how = session_draw(world, 8);

    if (world->names.batch_count + 1 >= SESSION_BATCHES_LAZY || how < 3)
        named_write(world, false);
    else if (how < 5)
        named_write(world, true);
    else if (how < 7)
        note_write(world);
    else
        name_delete(world);
}

void
session_step_dictionary(struct session_world *world)
{
    const unsigned which = session_draw(world, 3);
    const char *name = which < 2 ? world->dictionaries[which] : NULL;
    struct session_batch *batch = &world->pending.batch;
    struct session_actor *actor = NULL;
    seglog_code code = SEGLOG_OK;

    if (world->dictionaries[0][0] == '\0' ||
        world->names.batch_count >= SESSION_BATCHES_LAZY)
        return;
    *batch = (struct session_batch){ .count = 1, .key = { 9 } };
    batch->hash[0] = name ? world->dictionary_hash[which] : 0;
    actor = session_call_begin(world);
    world->pending.has_batch = true;
    code = seglog_session_store_set_dictionary(actor->sessions, name, NULL);
    session_say(world, "dictionary %u: %s", which, seglog_code_name(code));
    if (session_call_end(world, actor, code) != SESSION_DONE)
        return;
    session_expect(world, code == SEGLOG_OK);
    session_names_written(world, true);
}

/* -- questions ------------------------------------------------------------- */

static void
ask_ids(struct session_world *world, const struct session_actor *actor,
        const struct session_lane *lane)
{
    struct seglog_uuid *ids = NULL;
    struct seglog_uuid session;
    size_t count = 0;
    size_t want = 0;
    bool found = false;

    session_hold(world, SESSION_I7,
                 seglog_session_lookup_session_of(actor->sessions,
                                                  &lane->segment, &session,
                                                  &found, NULL) == SEGLOG_OK);
    session_hold(world, SESSION_I7,
                 found &&
                     memcmp(&session, &lane->session, sizeof session) == 0);
    session_hold(world, SESSION_I7,
                 seglog_session_list_segments(actor->sessions, &lane->session,
                                              &ids, &count, NULL) == SEGLOG_OK);
    for (unsigned i = 0; i < world->lane_count; i++) {
        const struct session_lane *at = &world->lanes[i];

        want += at->is_used && at->is_there &&
                at->lane == SEGLOG_LANE_ENTRIES &&
                seglog_uuid_compare(&at->session, &lane->session) == 0;
    }
    seglog_free(ids);
    session_hold(world, SESSION_I7, count == want);
}

static void
ask_entries(struct session_world *world, const struct session_actor *actor,
            const struct session_lane *lane)
{
    struct seglog_slice *entries = NULL;
    struct seglog_session_segment_info info;
    size_t count = 0;
    const seglog_code code =
        seglog_session_read_all(actor->sessions, &lane->session, &lane->segment,
                                SEGLOG_LANE_ENTRIES, &entries, &count, NULL);

    if (lane->is_holed)
        session_hold(world, SESSION_I1,
                     code == SEGLOG_OK || code == SEGLOG_CORRUPT);
    else
        session_hold(world, SESSION_I1,
                     code == SEGLOG_OK && count == lane->count);
    for (size_t i = 0; i < count && !lane->is_holed; i++)
        session_hold(world, SESSION_I2,
                     session_hash(entries[i].data, entries[i].len) ==
                         lane->entries[i].hash);
    seglog_free(entries);
    session_hold(world, SESSION_I1,
                 seglog_session_get_segment_info(actor->sessions,
                                                 &lane->session, &lane->segment,
                                                 &info, NULL) == SEGLOG_OK);
    session_hold(world, SESSION_I1,
                 info.is_sealed == lane->is_sealed &&
                     (lane->is_holed || info.count == lane->count));
}

static void
ask_turn(struct session_world *world, const struct session_actor *actor,
         const struct session_lane *lane)
{
    uint64_t record_no = 0;
    size_t want = 0;
    uint64_t turn = 0;
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < lane->count && want == 0; i++) {
        if (lane->entries[i].turn != 0) {
            turn = lane->entries[i].turn;
            want = i + 2;
        }
    }
    if (want == 0 || lane->is_holed)
        return;
    code = seglog_session_seek_turn(actor->sessions, &lane->session,
                                    &lane->segment, turn, &record_no, NULL);
    session_hold(world, SESSION_NOTES, code == SEGLOG_OK && record_no == want);
}

void
session_step_ask(struct session_world *world)
{
    const struct session_lane *lane = session_lane_draw(world);
    const struct session_actor *actor = session_actor_any(world);

    session_say(world, "ask");
    if (!lane)
        return;
    ask_ids(world, actor, lane);
    ask_entries(world, actor, lane);
    ask_turn(world, actor, lane);
}
