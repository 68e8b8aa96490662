/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_session.c - what is done with stores of sessions. */
#include "tests/faults/scenes.h"

#include <stdio.h>
#include <string.h>

#include "tests/faults/allocation.h"

static struct seglog_uuid
id_of(unsigned number)
{
    struct seglog_uuid id = { .bytes = { [15] = (uint8_t)number } };

    return id;
}

#define SESSION id_of(1)
#define SEGMENT id_of(2)

static seglog_code
sessions_open(struct stage *stage, struct seglog_error *err)
{
    struct seglog_session_store_options options = stage->scenario->sessions;

    if (stage->sessions)
        return SEGLOG_OK;
    options.size = sizeof options;
    options.level = SEGLOG_LEVEL_SYNC;
    options.lock_timeout_ms = 50;
    options.body_log2 = 16;
    options.sync_log2 = 9;
    return seglog_session_store_open(stage->store, &options, &stage->sessions,
                                     err);
}

/* Turns of a user and an assistant. */
static size_t
entry_make(char text[RECORD_ROOM], uint64_t number)
{
    const unsigned long long ts = 1786000000000ULL + number * 1000;

    if (number == 1)
        return (size_t)snprintf(
            text, RECORD_ROOM,
            "{\"kind\":\"segment_start\",\"ts\":%llu,\"session_id\":\"s\","
            "\"system_prompt\":\"You are helpful.\",\"config\":{},"
            "\"history\":[]}",
            ts);
    if (number % 3 == 0)
        return (size_t)snprintf(
            text, RECORD_ROOM,
            "{\"kind\":\"turn_end\",\"ts\":%llu,\"turn_count\":%llu}", ts,
            (unsigned long long)number / 3);
    return (size_t)snprintf(text, RECORD_ROOM,
                            "{\"kind\":\"user_input\",\"ts\":%llu,\"segments\":"
                            "[{\"kind\":\"text\",\"content\":\"input %llu\"}]}",
                            ts, (unsigned long long)number);
}

/* Which number the next entry of SEGMENT has. */
static seglog_code
next_entry(struct stage *stage, uint64_t *number, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    uint64_t count = 0;
    seglog_code code = sessions_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_session_read_entry_count(stage->sessions, &session,
                                               &segment, &count, NULL, err);
    *number = count + 1;
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

static seglog_code
step_entries(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    uint64_t number = 0;
    seglog_code code = next_entry(stage, &number, err);

    for (; code == SEGLOG_OK && number <= stage->arg; number++) {
        char text[RECORD_ROOM];
        const size_t len = entry_make(text, number);

        code = seglog_session_append(stage->sessions, &session, &segment, text,
                                     len, NULL, NULL, err);
    }
    return code;
}

/* Three more. */
static seglog_code
step_many(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    char texts[3][RECORD_ROOM];
    struct seglog_slice entries[3];
    uint64_t number = 0;
    seglog_code code = next_entry(stage, &number, err);

    if (code != SEGLOG_OK || number > stage->arg)
        return code;
    for (unsigned i = 0; i < 3; i++)
        entries[i] =
            (struct seglog_slice){ texts[i], entry_make(texts[i], number + i) };
    return seglog_session_append_many(stage->sessions, &session, &segment,
                                      entries, 3, NULL, NULL, err);
}

static seglog_code
step_trace(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_append_trace(stage->sessions, &session,
                                             &segment, "{\"trace\":1}", 11, err)
               : code;
}

static seglog_code
step_close_sessions(struct stage *stage, struct seglog_error *err)
{
    struct seglog_session_store *sessions = stage->sessions;

    stage->sessions = NULL;
    return seglog_session_store_close(sessions, err);
}

static bool
session_setup(struct stage *stage)
{
    struct seglog_error err;

    stage->arg = 7;
    must(step_entries(stage, &err), &err);
    stage->arg = 10;
    must(step_many(stage, &err), &err);
    stage->arg = 13;
    must(step_entries(stage, &err), &err);
    must(step_trace(stage, &err), &err);
    must(step_close_sessions(stage, &err), &err);
    return true;
}

/* -- reading --------------------------------------------------------------- */

static bool
row_say(void *arg, const struct seglog_session_row *row)
{
    say(arg, "segment %02x lineage %d\n", row->segment.bytes[15],
        row->lineage.kind);
    return true;
}

static bool
note_say(void *arg, const struct seglog_entry_note *note)
{
    say(arg, "note %llu turn %llu %s\n", (unsigned long long)note->record_no,
        (unsigned long long)note->turn, note->kind);
    return true;
}

static seglog_code
step_list(struct stage *stage, struct seglog_error *err)
{
    struct seglog_uuid *ids = NULL;
    size_t count = 0;
    seglog_code code = sessions_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_session_list(stage->sessions, NULL, row_say, stage, err);
    if (code == SEGLOG_OK)
        code = seglog_session_list_sessions(stage->sessions, &ids, &count, err);
    say(stage, "%zu sessions\n", count);
    seglog_free(ids);
    return code;
}

static seglog_code
step_read_all(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    struct seglog_session_segment_info info = { .count = 0 };
    struct seglog_slice *entries = NULL;
    size_t count = 0;
    seglog_code code = sessions_open(stage, err);

    if (code == SEGLOG_OK)
        code =
            seglog_session_read_all(stage->sessions, &session, &segment,
                                    SEGLOG_LANE_ENTRIES, &entries, &count, err);
    for (size_t i = 0; i < count && code == SEGLOG_OK; i++)
        say(stage, "%016llx\n",
            (unsigned long long)hash_of(entries[i].data, entries[i].len));
    seglog_free(entries);
    if (code == SEGLOG_OK)
        code = seglog_session_get_segment_info(stage->sessions, &session,
                                               &segment, &info, err);
    say(stage, "%llu entries\n", (unsigned long long)info.count);
    return code;
}

static seglog_code
step_notes(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    uint64_t turn = 0;
    uint64_t at_time = 0;
    seglog_code code = sessions_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_session_list_notes(stage->sessions, &session, &segment, 1,
                                         note_say, stage, err);
    if (code == SEGLOG_OK)
        code = seglog_session_seek_turn(stage->sessions, &session, &segment, 2,
                                        &turn, err);
    if (code == SEGLOG_OK)
        code = seglog_session_seek_time(stage->sessions, &session, &segment,
                                        1786000005000, &at_time, err);
    say(stage, "%llu %llu\n", (unsigned long long)turn,
        (unsigned long long)at_time);
    return code;
}

static seglog_code
step_restore(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    struct seglog_replay *replay = NULL;
    struct seglog_replay_state state;
    seglog_code code = sessions_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_session_restore(stage->sessions, &session, &segment,
                                      &replay, err);
    if (code != SEGLOG_OK)
        return code;
    seglog_replay_get_state(replay, &state);
    say(stage, "%llu entries, %zu items, turn %llu\n",
        (unsigned long long)state.entry_count, state.history_count,
        (unsigned long long)state.turn_count);
    seglog_replay_free(replay);
    return SEGLOG_OK;
}

static seglog_code
step_resolve(struct stage *stage, struct seglog_error *err)
{
    struct seglog_uuid session = id_of(0);
    struct seglog_uuid segment = SEGMENT;
    int64_t modified_ms = 0;
    bool is_found = false;
    seglog_code code = sessions_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_session_lookup_session_of(stage->sessions, &segment,
                                                &session, &is_found, err);
    if (code == SEGLOG_OK)
        code = seglog_session_modified_at(stage->sessions, &session,
                                          &modified_ms, &is_found, err);
    say(stage, "%d session %u\n", is_found, session.bytes[15]);
    return code;
}

static seglog_code
step_rebuild(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_rebuild_index(stage->sessions, err)
               : code;
}

/* -- changing -------------------------------------------------------------- */

static seglog_code
fork_do(struct stage *stage, enum seglog_fork_how how, unsigned to,
        struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    const struct seglog_uuid forked = id_of(to);
    const struct seglog_fork_options options = {
        .size = sizeof options,
        .how = how,
        .at = how == SEGLOG_FORK_BY_COPY ? SEGLOG_FORK_AT_RECORD
                                         : SEGLOG_FORK_AT_TURN,
        .number = 2,
        .new_segment = &forked,
        .ts_ms = 1786000000000,
        .label = { "a fork", 6 },
    };
    struct seglog_uuid made;
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_fork(stage->sessions, &session, &segment,
                                     &options, &made, err)
               : code;
}

static seglog_code
step_fork_copy(struct stage *stage, struct seglog_error *err)
{
    return fork_do(stage, SEGLOG_FORK_BY_COPY, 3, err);
}

static seglog_code
step_fork_replay(struct stage *stage, struct seglog_error *err)
{
    return fork_do(stage, SEGLOG_FORK_BY_REPLAY, 4, err);
}

static seglog_code
step_create(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = id_of(5);
    const struct seglog_slice entries[] = { { "[1]", 3 }, { "[2]", 3 } };
    const struct seglog_segment_new options = {
        .size = sizeof options,
        .entries = entries,
        .count = 2,
        .lineage = { SEGLOG_LINEAGE_COMPACTED_FROM, SEGMENT, 1, 3 },
        .label = { "made", 4 },
    };
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_create_segment(stage->sessions, &session,
                                               &segment, &options, err)
               : code;
}

static seglog_code
step_cut_entries(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_truncate(stage->sessions, &session, &segment,
                                         stage->arg, NULL, err)
               : code;
}

static seglog_code
step_delete_segment(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = id_of((unsigned)stage->arg);
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_delete_segment(stage->sessions, &session,
                                               &segment, NULL, err)
               : code;
}

static seglog_code
step_delete(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_delete(stage->sessions, &session, NULL, err)
               : code;
}

static seglog_code
step_seal_entries(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_session_seal_options options = { .size = sizeof options,
                                                         .level = 1,
                                                         .threads = 1 };
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_seal_segment(stage->sessions, &session,
                                             &segment, &options, NULL, err)
               : code;
}

/* To a segment that is sealed: the entry goes to another one. */
static seglog_code
step_roll(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_session_append_options options = { .size =
                                                               sizeof options,
                                                           .rolls_over = true };
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    struct seglog_appended done = { .count = 0 };
    const char entry[] = "{\"kind\":\"turn_end\",\"turn_count\":99}";
    seglog_code code = sessions_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_session_append(stage->sessions, &session, &segment, entry,
                                     sizeof entry - 1, &options, &done, err);
    say(stage, "%d %llu\n", done.rolled_over, (unsigned long long)done.count);
    return code;
}

static seglog_code
step_ensure(struct stage *stage, struct seglog_error *err)
{
    const char start[] = "{\"kind\":\"segment_start\",\"session_id\":\"s\"}";
    struct seglog_session_head place = { .session = SESSION,
                                         .segment = SEGMENT };
    const struct seglog_slice entry = { "{\"kind\":\"invoke\"}", 17 };
    bool is_forked = false;
    seglog_code code = sessions_open(stage, err);

    place.expect.has_count = true;
    place.expect.count = 3;
    if (code == SEGLOG_OK)
        code = seglog_session_ensure_head_or_fork(
            stage->sessions, &place, 1,
            (struct seglog_slice){ start, sizeof start - 1 }, &entry,
            &is_forked, err);
    say(stage, "%d\n", is_forked);
    return code;
}

/* -- names ----------------------------------------------------------------- */

static seglog_code
step_name(struct stage *stage, struct seglog_error *err)
{
    const char *const names[] = { "one", "two", "three" };
    const size_t which = stage->arg % 10;
    const struct seglog_named items[] = {
        { SEGLOG_NAMES_WORKER,
          { names[which], strlen(names[which]) },
          { "some data", 9 - stage->arg / 10 },
          false },
        { SEGLOG_NAMES_SOURCE, { "a/b", 3 }, { "where", 5 - which }, false },
    };
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_name_write(stage->sessions, items, 2, false, err)
               : code;
}

static seglog_code
step_name_large(struct stage *stage, struct seglog_error *err)
{
    const size_t len = 20000;
    char *data = kit_resize(NULL, len);
    const struct seglog_named item = {
        SEGLOG_NAMES_WORKER, { "large", 5 }, { data, len }, false
    };
    seglog_code code = sessions_open(stage, err);

    memset(data, 'x', len);
    if (code == SEGLOG_OK)
        code = seglog_name_write(stage->sessions, &item, 1, false, err);
    kit_free(data);
    return code;
}

static seglog_code
step_name_delete(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_name_delete(stage->sessions, SEGLOG_NAMES_WORKER,
                                    (struct seglog_slice){ "two", 3 }, NULL,
                                    err)
               : code;
}

static bool
name_say(void *arg, const struct seglog_named *item)
{
    say(arg, "%.*s %zu\n", (int)item->name.len, item->name.data,
        item->data.len);
    return true;
}

static seglog_code
step_name_read(struct stage *stage, struct seglog_error *err)
{
    char *data = NULL;
    size_t len = 0;
    seglog_code code = sessions_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_name_list(stage->sessions, SEGLOG_NAMES_WORKER,
                                (struct seglog_slice){ "", 0 }, name_say, stage,
                                err);
    if (code == SEGLOG_OK)
        code = seglog_name_read(stage->sessions, SEGLOG_NAMES_WORKER,
                                (struct seglog_slice){ "one", 3 }, &data, &len,
                                err);
    say(stage, "%zu\n", len);
    seglog_free(data);
    return code;
}

static seglog_code
step_note(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_uuid session = SESSION;
    const seglog_code code = sessions_open(stage, err);

    return code == SEGLOG_OK
               ? seglog_session_write_note(stage->sessions, &session, "a title",
                                           stage->arg, err)
               : code;
}

static bool
damaged_setup(struct stage *stage)
{
    const struct seglog_uuid session = SESSION;
    const struct seglog_uuid segment = SEGMENT;
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_blob blob = { 0 };
    struct seglog_error err;
    uint64_t size = 0;

    session_setup(stage);
    must(seglog_blob_open(
             stage->store,
             seglog_lane_name(&session, &segment, SEGLOG_LANE_ENTRIES, name),
             SEGLOG_OPEN_WRITE, &blob, &err),
         &err);
    must(seglog_blob_append(blob, SEGLOG_END_ANY,
                            "bytes of no frame, more than a torn tail has: "
                            "they are followed by others, and by others",
                            88, &size, &err),
         &err);
    must(seglog_blob_close(&blob, &err), &err);
    return true;
}

/* -- scenarios ------------------------------------------------------------- */

#define SESSIONS(what, more)                                                   \
    .name = what, .flags = (more), .look = look_at_sessions

#define WRITES                                                                 \
    {                                                                          \
        { "create and append", step_entries, 3, STEP_SYNCED },                 \
            { "append many", step_many, 6, STEP_SYNCED },                      \
            { "append a trace", step_trace, 0, 0 },                            \
            { "append", step_entries, 9, STEP_SYNCED },                        \
            { "cut", step_cut_entries, 4, STEP_SYNCED },                       \
            { "append behind it", step_entries, 7, STEP_SYNCED },              \
            { "close", step_close_sessions, 0, STEP_SYNCED },                  \
            { "open and append", step_entries, 8, STEP_SYNCED },               \
    }

static const struct scenario write_plain = { SESSIONS("session", SCENE_GROWS),
                                             .steps = WRITES };
static const struct scenario write_deflate = {
    SESSIONS("session-deflate", SCENE_GROWS), .steps = WRITES,
    .sessions = { .codec = SEGLOG_CODEC_DEFLATE }
};
static const struct scenario write_zstd = {
    SESSIONS("session-zstd", SCENE_GROWS | SCENE_SLOW), .steps = WRITES,
    .sessions = { .codec = SEGLOG_CODEC_ZSTD, .level_of_codec = 1 }
};
static const struct scenario reading = {
    SESSIONS("session-read", 0),
    .setup = session_setup,
    .steps = { { "list", step_list, 0, 0 },
               { "read all", step_read_all, 0, 0 },
               { "notes", step_notes, 0, 0 },
               { "restore", step_restore, 0, 0 },
               { "resolve", step_resolve, 0, 0 },
               { "rebuild the index", step_rebuild, 0, STEP_SYNCED },
               { "list again", step_list, 0, 0 } },
};
static const struct scenario forks = {
    SESSIONS("session-fork", 0),
    .setup = session_setup,
    .steps = { { "fork by copy", step_fork_copy, 0, STEP_SYNCED },
               { "fork by replay", step_fork_replay, 0, STEP_SYNCED },
               { "create", step_create, 0, STEP_SYNCED },
               { "delete a segment", step_delete_segment, 3, STEP_SYNCED } },
};
static const struct scenario ensure = {
    SESSIONS("session-head", 0),
    .setup = session_setup,
    .steps = { { "append or fork", step_ensure, 0, STEP_SYNCED } },
};
static const struct scenario seals = {
    SESSIONS("session-seal", SCENE_SLOW),
    .setup = session_setup,
    .steps = { { "notes", step_notes, 0, 0 },
               { "seal", step_seal_entries, 0, STEP_SYNCED },
               { "roll over", step_roll, 0, STEP_SYNCED },
               { "read", step_read_all, 0, 0 },
               { "notes again", step_notes, 0, 0 } },
};
static const struct scenario rolls = {
    SESSIONS("session-damaged", SCENE_DAMAGED),
    .setup = damaged_setup,
    .steps = { { "roll over", step_roll, 0, STEP_SYNCED | STEP_ROLLS } },
};
static const struct scenario deletes = {
    SESSIONS("session-delete", SCENE_PARTS),
    .setup = session_setup,
    .steps = { { "fork", step_fork_copy, 0, STEP_SYNCED },
               { "delete", step_delete, 0, STEP_SYNCED } },
};
static const struct scenario names = {
    SESSIONS("session-names", 0),
    .setup = session_setup,
    .steps = { { "write", step_name, 0, STEP_SYNCED },
               { "write another", step_name, 1, STEP_SYNCED },
               { "write over it", step_name, 11, STEP_SYNCED },
               { "delete", step_name_delete, 0, STEP_SYNCED },
               { "write a large one", step_name_large, 0, STEP_SYNCED },
               { "read", step_name_read, 0, 0 },
               { "write a note", step_note, 7, STEP_SYNCED },
               { "take the note away", step_note, 0, STEP_SYNCED } },
};

const struct scenario *const session_scenarios[] = {
    &write_plain, &write_deflate, &write_zstd, &reading, &forks, &ensure,
    &seals,       &rolls,         &deletes,    &names,   NULL,
};
