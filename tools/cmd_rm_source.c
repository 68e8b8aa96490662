/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_rm_source.c - the files that were imported into what is removed.
 *
 * A state that names a segment which is gone would keep a later import from
 * taking the file in again.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "tools/cmd_rm.h"
#include "tools/import_state.h"

/* All files of all roots: their keys begin so. */
static const struct seglog_slice FILES = { "f", 2 };

struct reading {
    struct rm_store *store;
    /* Only for forgetting: what is to be written. */
    bool is_forgetting;
    struct seglog_named *items;
    size_t count;
    size_t cap;
    bool is_out_of_memory;
};

static struct rm_mark *
mark_of(const struct rm_store *store, const struct seglog_uuid *segment)
{
    const size_t i = ls_catalog_find(&store->catalog, segment);

    return i == LS_NONE ? NULL : &store->marks[i];
}

/* Of what it is, or of what it continues: a file may be in several. */
static bool
is_removed(const struct rm_store *store, const struct seglog_uuid *segment)
{
    const struct ls_catalog *catalog = &store->catalog;
    size_t at = ls_catalog_find(catalog, segment);

    for (size_t i = 0; i < catalog->segment_count && at != LS_NONE; i++) {
        if (store->marks[at].is_removed)
            return true;
        if (catalog->segments[at].row.lineage.kind != SEGLOG_LINEAGE_CONTINUES)
            return false;
        at = catalog->segments[at].parent;
    }
    return false;
}

static char *
bytes_copy(const char *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);

    if (copy && len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

/* data NULL: it is to go.  Takes data over. */
static void
item_add(struct reading *reading, struct seglog_slice name, char *data,
         size_t len)
{
    char *key = bytes_copy(name.data, name.len);

    if (reading->count == reading->cap) {
        const size_t cap = reading->cap ? 2 * reading->cap : 16;
        struct seglog_named *items =
            realloc(reading->items, cap * sizeof *items);

        if (items) {
            reading->items = items;
            reading->cap = cap;
        }
    }
    if (!key || reading->count == reading->cap) {
        reading->is_out_of_memory = true;
        free(key);
        free(data);
        return;
    }
    reading->items[reading->count++] =
        (struct seglog_named){ .space = SEGLOG_NAMES_SOURCE,
                               .name = { key, name.len },
                               .data = { data, len },
                               .is_deleted = !data };
}

/* Earlier segments of the same file that have been removed. */
static bool
older_drop(const struct rm_store *store, struct import_state *state)
{
    uint32_t kept = 0;
    bool is_changed = false;

    for (uint32_t i = 0; i < state->older_count; i++) {
        if (is_removed(store, &state->older[i].segment))
            is_changed = true;
        else
            state->older[kept++] = state->older[i];
    }
    state->older_count = kept;
    return is_changed;
}

static void
state_forget(struct reading *reading, const struct seglog_named *item,
             struct import_state *state)
{
    char *data = NULL;
    size_t len = 0;

    if (is_removed(reading->store, &state->segment)) {
        item_add(reading, item->name, NULL, 0);
        return;
    }
    if (!older_drop(reading->store, state))
        return;
    data = import_state_encode(state, &len);
    if (data)
        item_add(reading, item->name, data, len);
    else
        reading->is_out_of_memory = true;
}

static bool
on_item(void *arg, const struct seglog_named *item)
{
    struct reading *reading = arg;
    struct import_state state;
    bool is_out_of_memory = false;

    /* One that a later version wrote is not touched. */
    if (!import_state_decode(item->data.data, item->data.len, &state,
                             &is_out_of_memory)) {
        reading->is_out_of_memory |= is_out_of_memory;
        return !is_out_of_memory;
    }
    if (reading->is_forgetting) {
        state_forget(reading, item, &state);
    } else {
        struct rm_mark *mark = mark_of(reading->store, &state.segment);

        if (mark)
            mark->is_named = true;
    }
    import_state_free(&state);
    return !reading->is_out_of_memory;
}

static enum tool_status
sources_walk(struct reading *reading)
{
    struct seglog_error err = { 0 };

    if (seglog_name_list(reading->store->sessions, SEGLOG_NAMES_SOURCE, FILES,
                         on_item, reading, &err) != SEGLOG_OK)
        return tool_fail(reading->store->dir, &err);
    return reading->is_out_of_memory ? tool_fail_memory() : TOOL_GO_ON;
}

enum tool_status
rm_sources_read(struct rm_store *store)
{
    struct reading reading = { .store = store };

    return sources_walk(&reading);
}

enum tool_status
rm_sources_forget(struct rm_store *store)
{
    struct reading reading = { .store = store, .is_forgetting = true };
    enum tool_status status = sources_walk(&reading);
    struct seglog_error err = { 0 };

    if (status == TOOL_GO_ON && reading.count > 0 &&
        seglog_name_write(store->sessions, reading.items, reading.count, false,
                          &err) != SEGLOG_OK)
        status = tool_fail(store->dir, &err);
    for (size_t i = 0; i < reading.count; i++) {
        /* Allocated here, and lent to the call as something constant. */
        free((void *)(uintptr_t)reading.items[i].name.data);
        free((void *)(uintptr_t)reading.items[i].data.data);
    }
    free(reading.items);
    return status;
}
