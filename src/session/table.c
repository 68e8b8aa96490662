/* SPDX-License-Identifier: MIT */
/*
 * src/session/table.c - rows with keys, kept in a segment.
 *
 * A record is one word about one key: 01 (it has this value) or 02 (it is
 * gone), the length of the key as a varint, the key, the value.  SPEC.md 14.4.
 *
 * In memory the rows are a sorted array.  What is read or noted is collected
 * first and merged in one pass, so that a table is loaded in O(n log n) and one
 * that was written in order in O(n).
 */
#include "src/session/table_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/frame.h"
#include "format/header.h"
#include "src/segment/segment_window.h"
#include "src/store/fail.h"

/* -- life ----------------------------------------------------------------- */

seglog_code
slg_table_new(struct seglog_store store, const char *name, bool is_derived,
              int lock_timeout_ms, struct slg_table **table,
              struct seglog_error *err)
{
    struct slg_table *made = calloc(1, sizeof *made);

    *table = NULL;
    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a table");
    made->store = store;
    made->is_derived = is_derived;
    made->lock_timeout_ms = lock_timeout_ms;
    (void)snprintf(made->name, sizeof made->name, "%s", name);
    *table = made;
    return SEGLOG_OK;
}

void
slg_table_stop(struct slg_table *table)
{
    seglog_reader_close(table->reader);
    table->reader = NULL;
    if (table->blob.ops)
        (void)seglog_blob_close(&table->blob, NULL);
    table->read_size = 0;
}

static void
rows_forget(struct slg_table *table)
{
    slg_arena_clear(&table->arena);
    free(table->rows);
    table->rows = NULL;
    table->count = 0;
    table->live_bytes = 0;
    table->change_count = 0;
}

void
slg_table_free(struct slg_table *table)
{
    if (!table)
        return;
    slg_table_end(table);
    slg_table_stop(table);
    rows_forget(table);
    if (table->lock.ops)
        seglog_lock_close(&table->lock);
    free(table->changes);
    free(table);
}

/* -- order ---------------------------------------------------------------- */

static int
slice_compare(struct seglog_slice a, struct seglog_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len == 0 ? 0 : memcmp(a.data, b.data, len);

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static int
change_compare(const void *left, const void *right)
{
    const struct slg_change *a = left;
    const struct slg_change *b = right;
    const int order = slice_compare(a->row.key, b->row.key);

    if (order != 0)
        return order;
    return (a->order > b->order) - (a->order < b->order);
}

static uint64_t
row_bytes(const struct slg_row *row)
{
    return row->key.len + row->value.len;
}

/* -- changes -------------------------------------------------------------- */

seglog_code
slg_change_add(struct slg_table *table, struct seglog_slice key,
               struct seglog_slice value, bool is_removed,
               struct seglog_error *err)
{
    char *bytes = slg_arena_take(&table->arena, key.len + value.len);
    struct slg_change *change = NULL;

    if (bytes && table->change_count == table->change_cap) {
        const size_t cap = table->change_cap ? 2 * table->change_cap : 64;
        struct slg_change *grown =
            realloc(table->changes, cap * sizeof *table->changes);

        if (grown) {
            table->changes = grown;
            table->change_cap = cap;
        } else {
            bytes = NULL;
        }
    }
    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a row");
    change = &table->changes[table->change_count];
    *change = (struct slg_change){ .order = table->change_count,
                                   .is_removed = is_removed };
    if (key.len > 0)
        memcpy(bytes, key.data, key.len);
    if (value.len > 0)
        memcpy(bytes + key.len, value.data, value.len);
    change->row.key = (struct seglog_slice){ bytes, key.len };
    change->row.value = (struct seglog_slice){ bytes + key.len, value.len };
    table->change_count++;
    return SEGLOG_OK;
}

void
slg_changes_settle(struct slg_table *table)
{
    struct slg_change *changes = table->changes;
    bool is_sorted = true;
    size_t kept = 0;

    for (size_t i = 1; i < table->change_count && is_sorted; i++)
        is_sorted =
            slice_compare(changes[i - 1].row.key, changes[i].row.key) < 0;
    if (is_sorted)
        return;
    qsort(changes, table->change_count, sizeof *changes, change_compare);
    for (size_t i = 0; i < table->change_count; i++) {
        if (kept > 0 &&
            slice_compare(changes[kept - 1].row.key, changes[i].row.key) == 0)
            kept--;
        changes[kept++] = changes[i];
    }
    table->change_count = kept;
}

seglog_code
slg_changes_apply(struct slg_table *table, struct seglog_error *err)
{
    const size_t most = table->count + table->change_count;
    struct slg_row *merged = NULL;
    size_t i = 0;
    size_t j = 0;
    size_t n = 0;

    if (table->change_count == 0)
        return SEGLOG_OK;
    merged = malloc(most * sizeof *merged);
    if (!merged)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for %zu rows",
                        most);
    slg_changes_settle(table);
    table->live_bytes = 0;
    while (i < table->count || j < table->change_count) {
        const struct slg_change *change =
            j < table->change_count ? &table->changes[j] : NULL;
        int order = change ? 1 : -1;

        if (change && i < table->count)
            order = slice_compare(table->rows[i].key, change->row.key);
        if (order < 0)
            merged[n++] = table->rows[i++];
        else if (!change->is_removed)
            merged[n++] = change->row;
        if (order == 0)
            i++;
        if (order >= 0)
            j++;
        if (n > 0 && (order < 0 || !change->is_removed))
            table->live_bytes += row_bytes(&merged[n - 1]);
    }
    free(table->rows);
    table->rows = merged;
    table->count = n;
    table->change_count = 0;
    return SEGLOG_OK;
}

/* -- reading -------------------------------------------------------------- */

/* False: not a record of a table. */
static bool
word_decode(const uint8_t *bytes, size_t len, struct slg_row *row,
            bool *is_removed)
{
    uint64_t key_len = 0;
    size_t used = 0;

    if (len < 2 || (bytes[0] != SLG_WORD_PUT && bytes[0] != SLG_WORD_REMOVE))
        return false;
    used = slg_varint_get(bytes + 1, len - 1, &key_len);
    if (used == 0 || key_len > len - 1 - used)
        return false;
    row->key = (struct seglog_slice){ (const char *)bytes + 1 + used,
                                      (size_t)key_len };
    row->value = (struct seglog_slice){ row->key.data + row->key.len,
                                        len - 1 - used - (size_t)key_len };
    *is_removed = bytes[0] == SLG_WORD_REMOVE;
    return true;
}

/* Collect what follows; damage is noted, not reported. */
static seglog_code
words_read(struct slg_table *table, struct seglog_error *err)
{
    const struct slg_place place = { .name = table->name,
                                     .offset = SEGLOG_NO_OFFSET };

    for (;;) {
        struct seglog_event event;
        struct slg_row row;
        bool is_removed = false;
        seglog_code code = seglog_reader_next(table->reader, &event, err);

        if (code == SEGLOG_END)
            return SEGLOG_OK;
        if (code != SEGLOG_OK)
            return code;
        if (event.type != SEGLOG_EVENT_RECORD) {
            /* What could not be read is not damaged: written anew, the table
             * would lose it. */
            if (event.finding.verdict == SEGLOG_VERDICT_IO)
                return slg_fail(err, SEGLOG_IO, &place,
                                "what it holds cannot be read");
            if (event.finding.verdict == SEGLOG_VERDICT_TORN)
                table->is_torn = true;
            else
                table->is_whole = false;
            continue;
        }
        table->is_torn = false;
        if (event.record.kind != SEGLOG_BYTES || !event.record.is_confirmed ||
            !word_decode(event.record.data, event.record.len, &row,
                         &is_removed)) {
            table->is_whole = false;
            continue;
        }
        code = slg_change_add(table, row.key, row.value, is_removed, err);
        if (code != SEGLOG_OK)
            return code;
    }
}

/* Open what the name leads to now. */
static seglog_code
reading_begin(struct slg_table *table, struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    seglog_code code = SEGLOG_OK;

    slg_table_stop(table);
    rows_forget(table);
    table->is_whole = false;
    table->is_torn = false;
    table->unread.code = SEGLOG_OK;
    code = seglog_blob_open(table->store, table->name, SEGLOG_OPEN_READ,
                            &table->blob, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_reader_open(table->store, table->name, &options,
                              &table->reader, err);
    table->is_whole = code == SEGLOG_OK;
    return code;
}

/* The rows up to `size`. */
static seglog_code
reading_go_on(struct slg_table *table, uint64_t size, struct seglog_error *err)
{
    seglog_code code = words_read(table, err);

    if (code == SEGLOG_OK)
        code = slg_changes_apply(table, err);
    if (code == SEGLOG_OK)
        table->read_size = size;
    return code;
}

/* No segment, or none any more, is a table without rows. */
static bool
is_no_segment(seglog_code code)
{
    return code == SEGLOG_NOT_FOUND || code == SEGLOG_FORMAT ||
           code == SEGLOG_CORRUPT || code == SEGLOG_CONFLICT ||
           code == SEGLOG_SEALED;
}

/*
 * Why there is no segment: one that cannot be read, or that a newer version
 * has written, is not to be taken for one without rows.
 */
static seglog_code
reading_failed(const struct slg_table *table, seglog_code code,
               struct seglog_error *err)
{
    uint8_t bytes[SLG_HEADER_BYTES];
    struct slg_header header;
    uint64_t size = 0;
    enum slg_header_state state;

    if (!table->blob.ops)
        return is_no_segment(code) ? SEGLOG_OK : code;
    if (!is_no_segment(code))
        return code;
    code = seglog_blob_get_size(table->blob, &size, NULL, err);
    if (code != SEGLOG_OK)
        return code;
    if (size < sizeof bytes)
        return SEGLOG_OK;
    code = slg_blob_read(table->blob, 0, bytes, sizeof bytes, err);
    if (code != SEGLOG_OK || table->is_derived)
        return code;
    state = slg_header_decode(bytes, &header);
    if (state != SLG_HEADER_VERSION && state != SLG_HEADER_FEATURE)
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_FORMAT, NULL,
                    "%s was written by a newer version", table->name);
}

seglog_code
slg_table_load(struct slg_table *table, struct seglog_error *err)
{
    struct seglog_error failed;
    uint64_t size = 0;
    seglog_code code = reading_begin(table, &failed);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(table->blob, &size, NULL, &failed);
    if (code == SEGLOG_OK)
        code = reading_go_on(table, size, &failed);
    if (code == SEGLOG_OK)
        return code;
    code = reading_failed(table, code, &failed);
    slg_table_stop(table);
    rows_forget(table);
    table->is_whole = false;
    if (code == SEGLOG_OK)
        return code;
    table->unread = failed;
    if (err)
        *err = failed;
    return code;
}

seglog_code
slg_table_refresh(struct slg_table *table, bool *changed,
                  struct seglog_error *err)
{
    uint64_t size = 0;
    bool is_replaced = false;

    if (changed)
        *changed = true;
    if (!table->reader ||
        seglog_blob_get_size(table->blob, &size, &is_replaced, err) !=
            SEGLOG_OK ||
        is_replaced || size < table->read_size)
        return slg_table_load(table, err);
    if (size == table->read_size && !table->is_torn) {
        if (changed)
            *changed = false;
        return SEGLOG_OK;
    }
    /* Whatever is odd about it is found out, or gone, when read anew. */
    if (reading_go_on(table, size, err) != SEGLOG_OK || !table->is_whole)
        return slg_table_load(table, err);
    return SEGLOG_OK;
}

bool
slg_table_is_whole(const struct slg_table *table)
{
    return table->is_whole;
}

size_t
slg_table_count(const struct slg_table *table)
{
    return table->count;
}

const struct slg_row *
slg_table_row(const struct slg_table *table, size_t i)
{
    return &table->rows[i];
}

size_t
slg_table_seek(const struct slg_table *table, struct seglog_slice key)
{
    size_t low = 0;
    size_t high = table->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (slice_compare(table->rows[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct slg_row *
slg_table_find(const struct slg_table *table, struct seglog_slice key)
{
    const size_t i = slg_table_seek(table, key);

    if (i == table->count || slice_compare(table->rows[i].key, key) != 0)
        return NULL;
    return &table->rows[i];
}

void
slg_table_clear(struct slg_table *table)
{
    rows_forget(table);
    table->unread.code = SEGLOG_OK;
}

seglog_code
slg_table_settle(struct slg_table *table, struct seglog_error *err)
{
    const seglog_code code = slg_changes_apply(table, err);

    slg_table_stop(table);
    return code;
}
