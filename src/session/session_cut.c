/* SPDX-License-Identifier: MIT */
/* src/session/session_cut.c - truncate, and deleting. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/session/session_append.h"
#include "src/session/session_notes.h"
#include "src/session/session_seal.h"
#include "src/store/fail.h"

/* -- cutting -------------------------------------------------------------- */

struct cut {
    struct seglog_session_store *sessions;
    struct slg_lane_id id;
    uint64_t count;
    struct seglog_expect expect;
    struct slg_lane_writer *entries;
    struct slg_lane_writer *notes; /* NULL: there is no such lane */
    /* Cutting them failed: what their writer says is of no concern. */
    bool has_dropped_notes;
};

static seglog_code
cut_check(const struct cut *cut, const struct seglog_writer_state *state,
          struct seglog_error *err)
{
    const uint64_t count = state->next_record - state->first_record;
    char name[SEGLOG_LANE_NAME_CAP];
    const struct slg_place place = { .name = slg_lane_id_name(&cut->id, name),
                                     .offset = SEGLOG_NO_OFFSET };

    if (!slg_expect_is_met(&cut->expect, count, &state->head))
        return slg_expect_fail(&cut->id, &cut->expect, count, err);
    if (cut->count <= count)
        return SEGLOG_OK;
    (void)slg_fail(err, SEGLOG_INVALID, &place,
                   "it cannot be cut to %" PRIu64
                   " entries: it has only %" PRIu64,
                   cut->count, count);
    return slg_fail_actual(err, SEGLOG_INVALID, count);
}

/* A lane of notes that cannot be opened or cut is worth nothing. */
static seglog_code
notes_drop(const struct cut *cut, struct seglog_error *err)
{
    struct slg_lane_id id = cut->id;

    id.lane = SEGLOG_LANE_NOTES;
    return slg_lane_remove(cut->sessions, &id, NULL, err);
}

/*
 * The notes go first, and nobody adds to them before the entries are cut: at no
 * time do they speak of entries that others have taken the place of.
 */
static seglog_code
entries_and_notes_cut(struct cut *cut, const struct seglog_writer_state *state,
                      struct seglog_error *err)
{
    bool is_held = false;
    seglog_code code = SEGLOG_OK;

    if (cut->notes)
        is_held =
            slg_notes_cut(cut->notes->writer, cut->count, NULL) == SEGLOG_OK;
    cut->has_dropped_notes = cut->notes && !is_held;
    if (cut->has_dropped_notes)
        code = notes_drop(cut, err);
    if (code == SEGLOG_OK)
        code = seglog_writer_truncate(cut->entries->writer,
                                      state->first_record + cut->count, err);
    if (is_held)
        seglog_writer_release(cut->notes->writer);
    return code;
}

/* Between slg_index_begin and slg_index_commit, for the blob may be replaced
 * and a notes lane must not be made meanwhile. */
static seglog_code
cut_do(struct cut *cut, struct seglog_error *err)
{
    struct seglog_writer *writer = cut->entries->writer;
    struct seglog_writer_state state;
    seglog_code code = seglog_writer_hold(writer, err);

    if (code != SEGLOG_OK)
        return code;
    seglog_writer_get_state(writer, &state);
    code = cut_check(cut, &state, err);
    if (code == SEGLOG_OK &&
        cut->count < state.next_record - state.first_record)
        code = entries_and_notes_cut(cut, &state, err);
    seglog_writer_release(writer);
    /* Synced when it returns, also where there was nothing to cut. */
    if (code == SEGLOG_OK)
        code = seglog_writer_sync(writer, err);
    return code;
}

static bool
notes_exist(const struct cut *cut)
{
    struct slg_lane_id id = cut->id;
    struct seglog_blob_info info;
    char name[SEGLOG_LANE_NAME_CAP];

    id.lane = SEGLOG_LANE_NOTES;
    return seglog_store_get_info(cut->sessions->store,
                                 slg_lane_id_name(&id, name), &info,
                                 NULL) == SEGLOG_OK;
}

/* The entries' writer is taken, that of the notes where there are any. */
static seglog_code
cut_under_index(struct cut *cut, struct seglog_error *err)
{
    struct slg_index *index = cut->sessions->index;
    seglog_code code = slg_index_begin(index, err);

    if (code != SEGLOG_OK)
        return code;
    if (!cut->notes && notes_exist(cut))
        code = notes_drop(cut, err);
    if (code == SEGLOG_OK)
        code = cut_do(cut, err);
    slg_index_commit(index);
    return code;
}

static seglog_code
cut_once(struct cut *cut, bool *is_replaced, struct seglog_error *err)
{
    struct seglog_session_store *sessions = cut->sessions;
    struct slg_lane_id notes_id = cut->id;
    seglog_code code = slg_writers_take(sessions, &cut->id, &cut->entries, err);

    *is_replaced = false;
    if (code != SEGLOG_OK)
        return code;
    notes_id.lane = SEGLOG_LANE_NOTES;
    cut->notes = NULL;
    if (slg_writers_take(sessions, &notes_id, &cut->notes, NULL) != SEGLOG_OK)
        cut->notes = NULL;
    code = cut_under_index(cut, err);
    *is_replaced = code == SEGLOG_SEALED;
    if (cut->notes)
        slg_writers_give(sessions->writers, cut->notes,
                         slg_writer_is_sound_after(code) &&
                             !cut->has_dropped_notes);
    slg_writers_give(sessions->writers, cut->entries,
                     slg_writer_is_sound_after(code));
    return code;
}

seglog_code
seglog_session_truncate(struct seglog_session_store *sessions,
                        const struct seglog_uuid *session,
                        const struct seglog_uuid *segment, uint64_t count,
                        const struct seglog_expect *expect,
                        struct seglog_error *err)
{
    struct cut cut = { .sessions = sessions, .count = count };
    struct seglog_error local;
    bool is_replaced = true;
    seglog_code code = slg_lane_find(sessions, session, segment,
                                     SEGLOG_LANE_ENTRIES, &cut.id, err);

    if (code == SEGLOG_OK)
        code = slg_session_check_writable(sessions, err);
    if (code != SEGLOG_OK)
        return code;
    if (expect)
        cut.expect = *expect;
    for (unsigned i = 0; i < SLG_REPLACED_MAX && is_replaced; i++)
        code = cut_once(&cut, &is_replaced, &local);
    if (code == SEGLOG_NOT_FOUND)
        return slg_session_fail_missing(segment, err);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

/* -- deleting ------------------------------------------------------------- */

/* Between slg_index_begin and slg_index_commit. */
static seglog_code
segment_remove(struct seglog_session_store *sessions,
               const struct slg_lane_id *id, bool *existed,
               struct seglog_error *err)
{
    struct seglog_blob_info info;
    char name[SEGLOG_LANE_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    *existed =
        seglog_store_get_info(sessions->store, slg_lane_id_name(id, name),
                              &info, NULL) == SEGLOG_OK;
    /* Before anything of it goes; once more under the lock of the entries. */
    code = slg_seal_check_children(sessions, id, NULL, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_lanes_remove(sessions, &id->session, &id->segment, err);
    if (code == SEGLOG_OK)
        code =
            slg_index_remove(sessions->index, &id->session, &id->segment, err);
    else
        slg_index_doubt(sessions->index);
    slg_writers_forget(sessions->writers, &id->session, &id->segment);
    return code;
}

seglog_code
seglog_session_delete_segment(struct seglog_session_store *sessions,
                              const struct seglog_uuid *session,
                              const struct seglog_uuid *segment, bool *existed,
                              struct seglog_error *err)
{
    struct slg_lane_id id;
    bool was_there = false;
    seglog_code code = slg_lane_find(sessions, session, segment,
                                     SEGLOG_LANE_ENTRIES, &id, err);

    if (code == SEGLOG_OK)
        code = slg_session_check_writable(sessions, err);
    if (code == SEGLOG_OK)
        code = slg_index_begin(sessions->index, err);
    if (code != SEGLOG_OK)
        return code;
    code = segment_remove(sessions, &id, &was_there, err);
    if (code == SEGLOG_OK && !was_there)
        code = slg_index_settle_names(sessions->index, err);
    slg_index_commit(sessions->index);
    if (code == SEGLOG_OK && existed)
        *existed = was_there;
    return code;
}

/* The segments of a session, by the names of its blobs: those that a dead
 * creator has left and a trace without a segment are among them. */
struct segment_names {
    const struct seglog_uuid *session;
    struct seglog_uuid *segments;
    size_t count;
    size_t cap;
    bool is_out_of_memory;
};

static bool
segment_names_add(struct segment_names *names,
                  const struct seglog_uuid *segment)
{
    const size_t cap = names->cap ? 2 * names->cap : 16;
    struct seglog_uuid *segments = NULL;

    /* They come in order: those of one segment follow each other. */
    if (names->count > 0 &&
        seglog_uuid_compare(&names->segments[names->count - 1], segment) == 0)
        return true;
    if (names->count == names->cap) {
        segments = realloc(names->segments, cap * sizeof *segments);
        if (!segments)
            return false;
        names->segments = segments;
        names->cap = cap;
    }
    names->segments[names->count++] = *segment;
    return true;
}

static bool
segment_names_look(void *arg, const char *name)
{
    enum {
        ID_LEN = SEGLOG_UUID_TEXT_CAP - 1
    };
    struct segment_names *names = arg;
    struct seglog_uuid segment;

    if (strlen(name) <= 2 * ID_LEN + 1 || name[ID_LEN] != '.' ||
        !seglog_uuid_parse(name + ID_LEN + 1, ID_LEN, &segment))
        return true;
    names->is_out_of_memory = !segment_names_add(names, &segment);
    return !names->is_out_of_memory;
}

/*
 * Once round, the most recent first: what others refer to stays for the next
 * time, so that at no time one is there without what it refers to.
 */
static seglog_code
segments_remove(struct seglog_session_store *sessions,
                struct segment_names *names, bool *existed,
                struct seglog_error *err)
{
    const size_t before = names->count;
    seglog_code code = SEGLOG_OK;
    size_t kept = 0;

    for (size_t i = before; i > 0; i--) {
        const struct slg_lane_id id = { *names->session, names->segments[i - 1],
                                        SEGLOG_LANE_ENTRIES };
        bool was_there = false;

        code = segment_remove(sessions, &id, &was_there, err);
        if (code != SEGLOG_OK && code != SEGLOG_CONFLICT)
            return code;
        if (code == SEGLOG_CONFLICT)
            names->segments[before - ++kept] = id.segment;
        else
            *existed |= was_there;
    }
    memmove(names->segments, names->segments + before - kept,
            kept * sizeof *names->segments);
    names->count = kept;
    return kept < before ? SEGLOG_OK : code;
}

static seglog_code
session_remove(struct seglog_session_store *sessions,
               struct segment_names *names, bool *existed,
               struct seglog_error *err)
{
    char prefix[SEGLOG_UUID_TEXT_CAP];
    seglog_code code = seglog_store_list(
        sessions->store, seglog_uuid_format(names->session, prefix),
        segment_names_look, names, err);

    if (code == SEGLOG_OK && names->is_out_of_memory)
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the segments of a session");
    for (size_t i = 0; i < names->count && code == SEGLOG_OK; i++) {
        const struct slg_lane_id id = { *names->session, names->segments[i],
                                        SEGLOG_LANE_ENTRIES };

        code = slg_seal_check_children(sessions, &id, names->session, err);
    }
    while (code == SEGLOG_OK && names->count > 0)
        code = segments_remove(sessions, names, existed, err);
    return code;
}

/* existed: it had a note. */
static seglog_code
note_remove(struct seglog_session_store *sessions,
            const struct seglog_uuid *session, bool *existed,
            struct seglog_error *err)
{
    char note[SEGLOG_SESSION_NOTE_MAX];
    size_t len = 0;
    const seglog_code code =
        seglog_session_read_note(sessions, session, note, &len, err);

    if (code != SEGLOG_OK || len == 0)
        return code;
    *existed = true;
    return seglog_session_write_note(sessions, session, NULL, 0, err);
}

seglog_code
seglog_session_delete(struct seglog_session_store *sessions,
                      const struct seglog_uuid *session, bool *existed,
                      struct seglog_error *err)
{
    struct segment_names names = { .session = session };
    bool was_there = false;
    seglog_code code = SEGLOG_OK;

    if (!sessions || !session)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the session store or the session is NULL");
    code = slg_session_check_writable(sessions, err);
    if (code == SEGLOG_OK)
        code = slg_index_begin(sessions->index, err);
    if (code != SEGLOG_OK)
        return code;
    code = session_remove(sessions, &names, &was_there, err);
    if (code == SEGLOG_OK && !was_there)
        code = slg_index_settle_names(sessions->index, err);
    slg_index_commit(sessions->index);
    free(names.segments);
    if (code == SEGLOG_OK)
        code = note_remove(sessions, session, &was_there, err);
    if (code == SEGLOG_OK && existed)
        *existed = was_there;
    return code;
}
