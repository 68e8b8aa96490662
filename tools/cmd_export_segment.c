/* SPDX-License-Identifier: MIT */
/* tools/cmd_export_segment.c - segments become files, imported or not. */
#include "tools/cmd_export.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/tool_tree.h"

/* ---------------------------------------------------------------------------
 * One segment
 */

/* The reader is closed. */
static bool
reader_export(struct export_run *run, struct import_reader *reader,
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
    import_reader_close(reader);
    free(shown);
    return is_done;
}

static bool
chain_export(struct export_run *run, const struct import_chain *chain,
             const char *path, const struct import_state *state)
{
    struct import_reader reader;
    struct seglog_error err;

    if (import_reader_open(&reader, run->sessions, chain, true, &err) ==
        SEGLOG_OK)
        return reader_export(run, &reader, path, state);
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

bool
export_source(struct export_run *run, const struct seglog_uuid *session,
              const struct seglog_uuid *segment, const char *path,
              const struct import_state *state)
{
    struct import_chain chain;
    struct seglog_error err;
    bool is_done = false;

    if (import_chain_read(run->sessions, session, segment, &chain, &err) ==
        SEGLOG_OK) {
        is_done = chain_export(run, &chain, path, state);
    } else {
        run->totals.failed++;
        tool_progress_clear(&run->progress);
        (void)tool_fail(path, &err);
    }
    import_chain_free(&chain);
    return is_done;
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

/* All segments of the store. */
struct segment_row {
    struct seglog_uuid session;
    struct seglog_uuid segment;
    struct seglog_uuid before; /* which it continues; nil: none */
};

struct segment_rows {
    struct segment_row *items;
    size_t count;
    size_t cap;
    bool is_failed;
};

static bool
row_note(void *arg, const struct seglog_session_row *row)
{
    struct segment_rows *rows = arg;
    struct segment_row noted = { .session = row->session,
                                 .segment = row->segment };

    if (row->lineage.kind == SEGLOG_LINEAGE_CONTINUES)
        noted.before = row->lineage.segment;
    if (rows->count == rows->cap) {
        const size_t cap = rows->cap ? rows->cap * 2 : 256;
        struct segment_row *items = realloc(rows->items, cap * sizeof *items);

        if (!items) {
            rows->is_failed = true;
            return false;
        }
        rows->items = items;
        rows->cap = cap;
    }
    rows->items[rows->count++] = noted;
    return true;
}

static bool
ids_have(const struct ids *ids, const struct seglog_uuid *id)
{
    return ids->count > 0 && bsearch(id, ids->items, ids->count,
                                     sizeof *ids->items, id_compare) != NULL;
}

/* A file may be in several segments, of which its state names the last: once
 * round for each that is before another. */
static bool
ids_add_chains(struct ids *ids, const struct segment_rows *rows)
{
    struct ids more = { 0 };
    bool is_done = true;

    do {
        more.count = 0;
        for (size_t i = 0; i < rows->count && is_done; i++) {
            const struct segment_row *row = &rows->items[i];

            if (!seglog_uuid_is_nil(&row->before) &&
                ids_have(ids, &row->segment) && !ids_have(ids, &row->before))
                is_done = ids_add(&more, &row->before);
        }
        for (size_t i = 0; i < more.count && is_done; i++)
            is_done = ids_add(ids, &more.items[i]);
        if (ids->count > 0)
            qsort(ids->items, ids->count, sizeof *ids->items, id_compare);
    } while (is_done && more.count > 0);
    free(more.items);
    return is_done;
}

static void
session_export(struct export_run *run, const struct segment_row *row)
{
    struct import_link link = { row->segment, UINT64_MAX };
    struct import_chain chain = { .session = row->session,
                                  .links = &link,
                                  .count = 1 };
    char session_text[SEGLOG_UUID_TEXT_CAP];
    char segment_text[SEGLOG_UUID_TEXT_CAP];
    char path[2 * SEGLOG_UUID_TEXT_CAP + sizeof ".trace.jsonl"];
    struct import_reader reader;
    struct seglog_error err;

    (void)seglog_uuid_format(&row->session, session_text);
    (void)seglog_uuid_format(&row->segment, segment_text);
    (void)snprintf(path, sizeof path, "%s/%s.jsonl", session_text,
                   segment_text);
    (void)chain_export(run, &chain, path, NULL);
    chain.lane = SEGLOG_LANE_TRACE;
    if (import_reader_open(&reader, run->sessions, &chain, true, &err) !=
        SEGLOG_OK)
        return;
    (void)snprintf(path, sizeof path, "%s/%s.trace.jsonl", session_text,
                   segment_text);
    (void)reader_export(run, &reader, path, NULL);
}

bool
export_sessions(struct export_run *run, struct import_entry *const *entries,
                size_t count)
{
    struct ids sources = { 0 };
    struct segment_rows rows = { 0 };
    struct seglog_error err;
    bool is_done = ids_of_sources(&sources, entries, count);
    seglog_code code = SEGLOG_OK;

    if (is_done)
        code = seglog_session_list(run->sessions, NULL, row_note, &rows, &err);
    if (is_done && code == SEGLOG_OK && !rows.is_failed)
        is_done = ids_add_chains(&sources, &rows);
    if (code != SEGLOG_OK)
        (void)tool_fail(run->options->store, &err);
    else if (!is_done || rows.is_failed)
        (void)tool_fail_memory();
    is_done = is_done && code == SEGLOG_OK && !rows.is_failed;
    for (size_t i = 0; is_done && i < rows.count && !run->is_full; i++)
        if (!ids_have(&sources, &rows.items[i].segment))
            session_export(run, &rows.items[i]);
    free(sources.items);
    free(rows.items);
    return is_done;
}
