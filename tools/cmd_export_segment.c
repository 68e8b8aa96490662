/* SPDX-License-Identifier: MIT */
/* tools/cmd_export_segment.c - segments become files, imported or not. */
#include "tools/cmd_export.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/tool_tree.h"

/* ---------------------------------------------------------------------------
 * One segment
 */

static seglog_code
lane_open(const struct export_run *run, const struct seglog_uuid *session,
          const struct seglog_uuid *segment, enum seglog_lane lane,
          struct seglog_reader **reader, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };

    return seglog_session_open_reader(run->sessions, session, segment, lane,
                                      &options, reader, err);
}

/* The reader is closed. */
static bool
reader_export(struct export_run *run, struct seglog_reader *reader,
              const char *path, const struct import_state *state)
{
    const bool has_lines = !state || (state->flags & IMPORT_OTHER) == 0;
    char *shown = tool_tree_join(run->options->dir, path);
    struct export_file file;
    bool is_done = false;

    if (!shown) {
        run->totals.failed++;
        (void)tool_fail_memory();
    } else if (export_file_open(run, path, shown, &file)) {
        is_done = run->options->is_mended && has_lines
                      ? export_lines_mended(&file, reader)
                      : export_lines_plain(&file, reader);
        is_done = export_file_close(&file, is_done, state) && is_done;
    }
    seglog_reader_close(reader);
    free(shown);
    return is_done;
}

bool
export_segment(struct export_run *run, const struct seglog_uuid *session,
               const struct seglog_uuid *segment, const char *path,
               const struct import_state *state)
{
    struct seglog_reader *reader = NULL;
    struct seglog_error err;

    if (lane_open(run, session, segment, SEGLOG_LANE_ENTRIES, &reader, &err) ==
        SEGLOG_OK)
        return reader_export(run, reader, path, state);
    run->totals.failed++;
    tool_progress_clear(&run->progress);
    if (err.code == SEGLOG_NOT_FOUND)
        tool_say("%s: the store does not hold it: its import was not "
                 "finished, or its segment was removed",
                 path);
    else
        (void)tool_fail(path, &err);
    return false;
}

/* ---------------------------------------------------------------------------
 * Sessions that were not imported
 */

struct ids {
    struct seglog_uuid *items;
    size_t count;
    size_t cap;
    bool is_failed;
};

static bool
ids_add(struct ids *ids, const struct seglog_uuid *id)
{
    if (ids->count == ids->cap) {
        const size_t cap = ids->cap ? ids->cap * 2 : 256;
        struct seglog_uuid *items = realloc(ids->items, cap * sizeof *items);

        if (!items) {
            ids->is_failed = true;
            return false;
        }
        ids->items = items;
        ids->cap = cap;
    }
    ids->items[ids->count++] = *id;
    return true;
}

static int
id_compare(const void *a, const void *b)
{
    return seglog_uuid_compare(a, b);
}

/* The segments of all sources, whatever they are now. */
static bool
ids_of_sources(struct ids *ids, struct import_entry *const *entries,
               size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct import_state *state = &entries[i]->state;

        if (!ids_add(ids, &state->segment))
            return false;
        for (uint32_t k = 0; k < state->older_count; k++)
            if (!ids_add(ids, &state->older[k].segment))
                return false;
    }
    if (ids->count > 0)
        qsort(ids->items, ids->count, sizeof *ids->items, id_compare);
    return true;
}

/* Session and segment by turns. */
static bool
row_note(void *arg, const struct seglog_session_row *row)
{
    return ids_add(arg, &row->session) && ids_add(arg, &row->segment);
}

static void
session_export(struct export_run *run, const struct seglog_uuid *session,
               const struct seglog_uuid *segment)
{
    char session_text[SEGLOG_UUID_TEXT_CAP];
    char segment_text[SEGLOG_UUID_TEXT_CAP];
    char path[2 * SEGLOG_UUID_TEXT_CAP + sizeof ".trace.jsonl"];
    struct seglog_reader *reader = NULL;
    struct seglog_error err;

    (void)seglog_uuid_format(session, session_text);
    (void)seglog_uuid_format(segment, segment_text);
    (void)snprintf(path, sizeof path, "%s/%s.jsonl", session_text,
                   segment_text);
    (void)export_segment(run, session, segment, path, NULL);
    if (lane_open(run, session, segment, SEGLOG_LANE_TRACE, &reader, &err) !=
        SEGLOG_OK)
        return;
    (void)snprintf(path, sizeof path, "%s/%s.trace.jsonl", session_text,
                   segment_text);
    (void)reader_export(run, reader, path, NULL);
}

bool
export_sessions(struct export_run *run, struct import_entry *const *entries,
                size_t count)
{
    struct ids sources = { 0 };
    struct ids rows = { 0 };
    struct seglog_error err;
    bool is_done = ids_of_sources(&sources, entries, count);
    seglog_code code = SEGLOG_OK;

    if (is_done)
        code = seglog_session_list(run->sessions, NULL, row_note, &rows, &err);
    if (code != SEGLOG_OK)
        (void)tool_fail(run->options->store, &err);
    else if (!is_done || rows.is_failed)
        (void)tool_fail_memory();
    is_done = is_done && code == SEGLOG_OK && !rows.is_failed;
    for (size_t i = 0; is_done && i + 1 < rows.count && !run->is_full; i += 2)
        if (sources.count == 0 ||
            !bsearch(&rows.items[i + 1], sources.items, sources.count,
                     sizeof *sources.items, id_compare))
            session_export(run, &rows.items[i], &rows.items[i + 1]);
    free(sources.items);
    free(rows.items);
    return is_done;
}
