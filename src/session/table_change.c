/* SPDX-License-Identifier: MIT */
/* src/session/table_change.c - appending to a table, and writing it anew. */
#include "src/session/table_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/frame.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"

/* A group of a rewrite: large enough that its framing does not count. */
#define REWRITE_GROUP_BYTES ((size_t)262144)
#define REWRITE_GROUP_ROWS  ((size_t)4096)
/* Below this a table is not worth writing anew. */
#define REWRITE_MIN_BYTES 65536

seglog_code
slg_table_begin(struct slg_table *table, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!table->lock.ops)
        code = seglog_lock_open(table->store, table->name, &table->lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(table->lock, table->lock_timeout_ms, err);
    if (code != SEGLOG_OK)
        return code;
    table->is_held = true;
    code = slg_table_refresh(table, NULL, err);
    if (code != SEGLOG_OK)
        slg_table_end(table);
    return code;
}

void
slg_table_end(struct slg_table *table)
{
    table->change_count = 0;
    if (table->is_held)
        (void)seglog_lock_release(table->lock, NULL);
    table->is_held = false;
}

seglog_code
slg_table_put(struct slg_table *table, struct seglog_slice key,
              struct seglog_slice value, struct seglog_error *err)
{
    return slg_change_add(table, key, value, false, err);
}

seglog_code
slg_table_remove(struct slg_table *table, struct seglog_slice key,
                 struct seglog_error *err)
{
    return slg_change_add(table, key, (struct seglog_slice){ NULL, 0 }, true,
                          err);
}

/* The records of one atomic group, and their bytes. */
struct batch {
    struct slg_arena arena;
    struct seglog_item *items;
    size_t count;
    size_t cap;
    size_t bytes;
};

static void
batch_clear(struct batch *batch)
{
    slg_arena_clear(&batch->arena);
    batch->count = 0;
    batch->bytes = 0;
}

static void
batch_free(struct batch *batch)
{
    batch_clear(batch);
    free(batch->items);
    *batch = (struct batch){ 0 };
}

static seglog_code
batch_add(struct batch *batch, const struct slg_row *row, bool is_removed,
          struct seglog_error *err)
{
    const size_t cap =
        1 + slg_varint_len(row->key.len) + row->key.len + row->value.len;
    uint8_t *bytes = slg_arena_take(&batch->arena, cap);
    size_t len = 1;

    if (bytes && batch->count == batch->cap) {
        const size_t more = batch->cap ? 2 * batch->cap : 64;
        struct seglog_item *grown =
            realloc(batch->items, more * sizeof *batch->items);

        if (grown) {
            batch->items = grown;
            batch->cap = more;
        } else {
            bytes = NULL;
        }
    }
    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a row");
    bytes[0] = is_removed ? SLG_WORD_REMOVE : SLG_WORD_PUT;
    len += slg_varint_put(bytes + 1, row->key.len);
    if (row->key.len > 0)
        memcpy(bytes + len, row->key.data, row->key.len);
    len += row->key.len;
    if (row->value.len > 0)
        memcpy(bytes + len, row->value.data, row->value.len);
    len += row->value.len;
    batch->items[batch->count++] =
        (struct seglog_item){ .kind = SEGLOG_BYTES, .data = bytes, .len = len };
    batch->bytes += len;
    return SEGLOG_OK;
}

/* The lock of the table is held from begin to end: no other one is needed. */
static seglog_code
writer_open(struct slg_table *table, const char *name,
            enum seglog_writer_create create, struct seglog_writer **writer,
            struct seglog_error *err)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = create,
        .body_log2 = SEGLOG_BODY_LOG2_DEFAULT,
        .drop_torn_tail = true,
        .no_closing_mark = true,
    };

    return seglog_writer_open(table->store, name, &options, writer, err);
}

/* Append all changes as one group. */
static seglog_code
changes_append(struct slg_table *table, enum seglog_level level,
               struct seglog_error *err)
{
    struct seglog_writer *writer = NULL;
    struct batch batch = { 0 };
    seglog_code code = SEGLOG_OK;
    seglog_code closed = SEGLOG_OK;

    for (size_t i = 0; i < table->change_count && code == SEGLOG_OK; i++)
        code = batch_add(&batch, &table->changes[i].row,
                         table->changes[i].is_removed, err);
    if (code == SEGLOG_OK)
        code = writer_open(table, table->name, SEGLOG_CREATE_IF_MISSING,
                           &writer, err);
    if (code == SEGLOG_OK)
        code = seglog_writer_append_group(writer, batch.items, batch.count,
                                          level, NULL, err);
    closed = seglog_writer_close(writer, code == SEGLOG_OK ? err : NULL);
    batch_free(&batch);
    return code == SEGLOG_OK ? closed : code;
}

/* What is in the segment is not in the rows: written anew, it would be gone. */
static seglog_code
fail_unread(const struct slg_table *table, struct seglog_error *err)
{
    if (err)
        *err = table->unread;
    return table->unread.code;
}

seglog_code
slg_table_write(struct slg_table *table, enum seglog_level level,
                struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (table->change_count == 0)
        return SEGLOG_OK;
    if (table->unread.code != SEGLOG_OK)
        return fail_unread(table, err);
    /* Behind damage nothing is appended.  And a first segment is made whole: of
     * one that is made in its place a power cut may leave half a header, which
     * a store that cannot cut can never get rid of. */
    if (!table->reader || !table->is_whole)
        return slg_table_rewrite(table, err);
    slg_changes_settle(table);
    code = changes_append(table, level, err);
    if (code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT ||
        code == SEGLOG_SEALED)
        return slg_table_rewrite(table, err);
    /* What was written is read back like everything else. */
    table->change_count = 0;
    if (code == SEGLOG_OK && slg_table_refresh(table, NULL, NULL) != SEGLOG_OK)
        slg_table_stop(table); /* written it is; read by whoever asks next */
    return code;
}

/* -- writing anew --------------------------------------------------------- */

bool
slg_table_wants_rewrite(const struct slg_table *table, unsigned parts)
{
    return table->read_size > REWRITE_MIN_BYTES &&
           table->read_size / parts * (parts - 1) > table->live_bytes;
}

static seglog_code
rows_append(const struct slg_table *table, struct seglog_writer *writer,
            struct seglog_error *err)
{
    struct batch batch = { 0 };
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < table->count && code == SEGLOG_OK; i++) {
        code = batch_add(&batch, &table->rows[i], false, err);
        if (code != SEGLOG_OK ||
            (batch.bytes < REWRITE_GROUP_BYTES &&
             batch.count < REWRITE_GROUP_ROWS && i + 1 < table->count))
            continue;
        code = seglog_writer_append_group(writer, batch.items, batch.count,
                                          SEGLOG_LEVEL_FLUSH, NULL, err);
        batch_clear(&batch);
    }
    batch_free(&batch);
    return code == SEGLOG_OK ? seglog_writer_sync(writer, err) : code;
}

static seglog_code
blob_remove_if_there(struct seglog_store store, const char *name,
                     struct seglog_error *err)
{
    struct seglog_error missing;
    const seglog_code code = seglog_store_remove(store, name, &missing);

    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    if (err)
        *err = missing;
    return code;
}

/* Keep a damaged segment beside the new one: somebody may want to look. */
static seglog_code
damaged_keep(const struct slg_table *table, struct seglog_error *err)
{
    struct seglog_blob from = { 0 };
    struct seglog_blob into = { 0 };
    char kept[SLG_NAME_CAP];
    uint64_t size = 0;
    seglog_code code = seglog_blob_open(table->store, table->name,
                                        SEGLOG_OPEN_READ, &from, err);

    if (code == SEGLOG_NOT_FOUND)
        return SEGLOG_OK;
    (void)snprintf(kept, sizeof kept, "%.240s.damaged", table->name);
    if (code == SEGLOG_OK)
        code = blob_remove_if_there(table->store, kept, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_open(
            table->store, kept,
            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE, &into, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(from, &size, NULL, err);
    if (code == SEGLOG_OK)
        code = slg_blob_copy(from, 0, size, into, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(into, err);
    (void)seglog_blob_close(&from, NULL);
    (void)seglog_blob_close(&into, NULL);
    return code;
}

seglog_code
slg_table_rewrite(struct slg_table *table, struct seglog_error *err)
{
    struct seglog_writer *writer = NULL;
    char fresh[SLG_NAME_CAP];
    seglog_code closed = SEGLOG_OK;
    seglog_code code = table->unread.code != SEGLOG_OK
                           ? fail_unread(table, err)
                           : slg_changes_apply(table, err);

    (void)snprintf(fresh, sizeof fresh, "%.240s.new", table->name);
    if (code == SEGLOG_OK && !table->is_derived && !table->is_whole)
        code = damaged_keep(table, err);
    if (code == SEGLOG_OK)
        code = blob_remove_if_there(table->store, fresh, err);
    if (code == SEGLOG_OK)
        code = writer_open(table, fresh, SEGLOG_CREATE_NEW, &writer, err);
    if (code == SEGLOG_OK)
        code = rows_append(table, writer, err);
    closed = seglog_writer_close(writer, code == SEGLOG_OK ? err : NULL);
    if (code == SEGLOG_OK)
        code = closed;
    if (code == SEGLOG_OK)
        code = seglog_store_replace(table->store, fresh, table->name, err);
    if (code == SEGLOG_OK) {
        (void)!slg_table_load(table, NULL); /* failing, the next refresh does */
        return SEGLOG_OK;
    }
    (void)!seglog_store_remove(table->store, fresh, NULL);
    slg_table_stop(table); /* the rows are not those of the segment any more */
    return code;
}
