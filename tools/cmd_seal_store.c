/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_seal_store.c - the segments of a session store are sealed.
 *
 * What others were forked or compacted from comes before them: only a sealed
 * one can be referred to.
 */
#include "tools/cmd_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_ls.h"
#include "tools/tool_seal.h"

enum mark {
    MARK_NONE = 0,
    MARK_WANTED,
    MARK_WAITING, /* for its parent */
    MARK_DONE
};

struct store {
    struct seal_run *run;
    const struct tool_store_path *path;
    struct seglog_session_store *sessions;
    struct ls_catalog catalog;
    unsigned char *marks; /* enum mark, for each segment of the catalog */
    size_t *waiting;
    struct tool_progress progress;
    bool has_sealed;
};

/* ---------------------------------------------------------------------------
 * What is wanted
 */

/* Segments of a session come the latest first: that one may grow. */
static void
all_want(struct store *store)
{
    const struct ls_catalog *catalog = &store->catalog;

    for (size_t i = 0; i < catalog->session_count; i++) {
        const struct ls_session *session = &catalog->session_items[i];

        for (size_t k = 0; k < session->count; k++)
            if (k > 0 || store->run->has_all)
                store->marks[session->first + k] = MARK_WANTED;
            else
                store->marks[session->first] = MARK_NONE;
    }
}

static enum tool_status
id_want(struct store *store)
{
    const struct ls_catalog *catalog = &store->catalog;
    struct tool_store_id id;
    const enum tool_status status =
        tool_store_resolve(store->sessions, store->path, &id);

    if (status != TOOL_GO_ON)
        return status;
    for (size_t i = 0; i < catalog->segment_count; i++) {
        const struct seglog_session_row *row = &catalog->segments[i].row;

        if (seglog_uuid_compare(&row->session, &id.session) == 0 &&
            (!id.is_segment ||
             seglog_uuid_compare(&row->segment, &id.segment) == 0))
            store->marks[i] = MARK_WANTED;
    }
    return TOOL_GO_ON;
}

/* ---------------------------------------------------------------------------
 * One segment
 */

static bool
on_progress(void *arg, uint64_t done, uint64_t total)
{
    tool_progress_update(arg, done, total);
    return !seal_is_stopped();
}

static seglog_code
name_look(const struct store *store, const char *name, bool *is_sealed)
{
    struct seglog_seal_info info = { 0 };
    const seglog_code code = seglog_segment_get_seal(
        seglog_session_store_get_store(store->sessions), name, &info, NULL);

    *is_sealed = code == SEGLOG_OK && info.is_sealed;
    return code;
}

/* Is there something to be sealed? */
static bool
lane_is_wanted(struct store *store, const char *name, enum seglog_lane lane)
{
    struct seglog_blob_info info = { 0 };
    bool is_sealed = false;

    /* Somebody has deleted it since it was listed, or there is no trace. */
    if (seglog_store_get_info(seglog_session_store_get_store(store->sessions),
                              name, &info, NULL) != SEGLOG_OK)
        return false;
    if (store->path->place == TOOL_PLACE_ID || info.size >= TOOL_SEAL_LEAST)
        return true;
    /* To seal it says what is wrong with it. */
    if (name_look(store, name, &is_sealed) == SEGLOG_CORRUPT)
        return true;
    if (lane == SEGLOG_LANE_ENTRIES && is_sealed)
        store->run->already++;
    else if (lane == SEGLOG_LANE_ENTRIES)
        store->run->small++;
    return false;
}

static void
lane_seal(struct store *store, const struct seglog_session_row *row,
          enum seglog_lane lane)
{
    struct seal_run *run = store->run;
    const struct seglog_session_seal_options options = {
        .size = sizeof options,
        .lane = lane,
        .level = (int)run->level,
        .block_bytes = run->block,
        .memory_max = run->memory,
        .threads = (unsigned)run->threads,
        .no_parent = run->no_parent,
        .on_progress = on_progress,
        .arg = &store->progress,
    };
    char name[SEGLOG_LANE_NAME_CAP];
    char id[SEGLOG_UUID_TEXT_CAP];
    char shown[SEGLOG_UUID_TEXT_CAP + 16];
    const struct seal_target target = {
        .store = seglog_session_store_get_store(store->sessions),
        .name = seglog_lane_name(&row->session, &row->segment, lane, name),
        .shown = shown,
        .session = &row->session,
        .segment = &row->segment,
    };
    struct seglog_seal_result result = { 0 };
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!lane_is_wanted(store, name, lane))
        return;
    (void)snprintf(shown, sizeof shown, "%s%s",
                   seglog_uuid_format(&row->segment, id),
                   lane == SEGLOG_LANE_TRACE ? "/trace" : "");
    tool_progress_init(&store->progress, shown);
    code = seglog_session_seal_segment(store->sessions, &row->session,
                                       &row->segment, &options, &result, &err);
    tool_progress_clear(&store->progress);
    if (code == SEGLOG_NOT_FOUND)
        return;
    store->has_sealed |= code == SEGLOG_OK;
    seal_tell(run, &target, &result, code, &err);
}

static void
segment_seal(struct store *store, size_t number)
{
    const struct seglog_session_row *row = &store->catalog.segments[number].row;
    const bool is_trace = store->path->place == TOOL_PLACE_ID &&
                          store->path->lane == SEGLOG_LANE_TRACE;

    store->marks[number] = MARK_DONE;
    if (!is_trace)
        lane_seal(store, row, SEGLOG_LANE_ENTRIES);
    if ((is_trace || store->run->has_traces) && !seal_is_stopped())
        lane_seal(store, row, SEGLOG_LANE_TRACE);
}

/* ---------------------------------------------------------------------------
 * All of them, parents first
 */

static void
family_seal(struct store *store, size_t number)
{
    size_t count = 0;

    while (number != LS_NONE && store->marks[number] == MARK_WANTED) {
        store->marks[number] = MARK_WAITING;
        store->waiting[count++] = number;
        number = store->catalog.segments[number].parent;
    }
    while (count > 0 && !seal_is_stopped())
        segment_seal(store, store->waiting[--count]);
}

static void
wanted_seal(struct store *store)
{
    for (size_t i = 0; i < store->catalog.segment_count && !seal_is_stopped();
         i++)
        family_seal(store, i);
}

/* What was left for being the latest, and is not sealed. */
static void
left_count(struct store *store)
{
    const struct ls_catalog *catalog = &store->catalog;
    char name[SEGLOG_LANE_NAME_CAP];

    for (size_t i = 0; i < catalog->segment_count; i++) {
        const struct seglog_session_row *row = &catalog->segments[i].row;
        bool is_sealed = false;

        if (store->marks[i] != MARK_NONE)
            continue;
        (void)name_look(store,
                        seglog_lane_name(&row->session, &row->segment,
                                         SEGLOG_LANE_ENTRIES, name),
                        &is_sealed);
        if (is_sealed)
            store->run->already++;
        else
            store->run->left++;
    }
}

static enum tool_status
store_opened(struct store *store)
{
    enum tool_status status =
        ls_catalog_list(store->sessions, store->path->shown, &store->catalog);
    const size_t count = store->catalog.segment_count;

    if (status != TOOL_GO_ON)
        return status;
    store->marks = calloc(count + 1, sizeof *store->marks);
    store->waiting = calloc(count + 1, sizeof *store->waiting);
    if (!store->marks || !store->waiting)
        return tool_fail_memory();
    if (store->path->place == TOOL_PLACE_STORE)
        all_want(store);
    else
        status = id_want(store);
    if (status != TOOL_GO_ON)
        return status;
    wanted_seal(store);
    if (store->path->place == TOOL_PLACE_STORE && !seal_is_stopped())
        left_count(store);
    /* Replacing files has made it worthless; failing, others do it. */
    if (store->has_sealed)
        (void)!seglog_session_rebuild_index(store->sessions, NULL);
    return TOOL_OK;
}

enum tool_status
seal_store(struct seal_run *run, const struct tool_store_path *path)
{
    struct store store = { .run = run, .path = path };
    struct seglog_error err = { 0 };
    enum tool_status status = TOOL_OK;

    if (path->lane == SEGLOG_LANE_NOTES)
        return tool_usage("'%s': notes are derived, and are not sealed",
                          path->shown);
    status = tool_store_open(path, false, &store.sessions);
    if (status == TOOL_GO_ON)
        status = store_opened(&store);
    ls_catalog_free(&store.catalog);
    free(store.marks);
    free(store.waiting);
    if (seglog_session_store_close(store.sessions, &err) != SEGLOG_OK &&
        status == TOOL_OK)
        status = tool_fail(path->shown, &err);
    return status;
}
