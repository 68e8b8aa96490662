/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/snapshot.c - make a state snapshot (SPEC.md 17.4).
 *
 * It is written from a read transaction, so writers go on, under a name that
 * nobody reads, and gets its own when it is whole and the log that it is of is
 * on the device: a snapshot must not know more than the log does.
 */
#include "src/canonical/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "seglog/seal.h"
#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"
#include "src/store/name.h"

/* A record takes entries until it has so many bytes. */
#define RECORD_BYTES ((size_t)64 << 10)

struct making {
    struct seglog_canonical *canonical;
    struct slg_view_txn *txn;
    struct slg_view_head head;
    struct seglog_writer *writer;
    struct slg_draft draft;
    struct slg_bytes bytes;
    uint64_t records;
};

static seglog_code
fail_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a snapshot");
}

static seglog_code
record_append(struct making *making, struct seglog_error *err)
{
    seglog_code code =
        seglog_writer_append(making->writer, SEGLOG_BYTES, making->bytes.data,
                             making->bytes.len, SEGLOG_LEVEL_APPEND, NULL, err);

    making->bytes.len = 0;
    making->records++;
    return code;
}

static seglog_code
draft_append(struct making *making, uint64_t time_ms, struct seglog_error *err)
{
    if (making->draft.op_count == 0)
        return SEGLOG_OK;
    if (!slg_draft_finish(&making->draft, 0, time_ms, &making->bytes))
        return fail_memory(err);
    slg_draft_clear(&making->draft);
    return record_append(making, err);
}

static seglog_code
op_append(struct making *making, const struct slg_op *op,
          struct seglog_error *err)
{
    if (!slg_draft_add_op(&making->draft, op))
        return fail_memory(err);
    return slg_draft_get_size(&making->draft) >= RECORD_BYTES
               ? draft_append(making, 0, err)
               : SEGLOG_OK;
}

/* -- the tables ------------------------------------------------------------ */

static uint64_t
number_of(struct seglog_slice value)
{
    uint64_t number = 0;

    memcpy(&number, value.data, sizeof number);
    return number;
}

/* Each with the time when it became one. */
static seglog_code
dead_append(struct making *making, struct seglog_slice key,
            struct seglog_slice value, struct seglog_error *err)
{
    uint64_t numbers[2]; /* time, retries */
    struct slg_op op = { .type = SLG_OP_DEAD };

    memcpy(numbers, value.data, sizeof numbers);
    op.key = (struct seglog_slice){ key.data, key.len - 9 };
    op.number = slg_get_be64(key.data + key.len - 8);
    op.retries = numbers[1];
    op.value = (struct seglog_slice){ value.data + sizeof numbers,
                                      value.len - sizeof numbers };
    if (!slg_draft_add_op(&making->draft, &op))
        return fail_memory(err);
    return draft_append(making, numbers[0], err);
}

static seglog_code
entry_append(struct making *making, enum slg_view_table table,
             struct seglog_slice key, struct seglog_slice value,
             struct seglog_error *err)
{
    struct slg_op op = { .key = key };

    switch (table) {
    case SLG_VIEW_STATE:
        op.type = SLG_OP_PUT;
        op.value = value;
        break;
    case SLG_VIEW_CURSORS:
        op.type = SLG_OP_CURSOR;
        op.number = number_of(value);
        break;
    case SLG_VIEW_MARKS:
        op = (struct slg_op){ .type = SLG_OP_MARK,
                              .number = slg_get_be64(key.data),
                              .position = number_of(value) };
        break;
    case SLG_VIEW_DEAD:
    case SLG_VIEW_TABLES:
        return dead_append(making, key, value, err);
    }
    return op_append(making, &op, err);
}

static seglog_code
table_append(struct making *making, enum slg_view_table table,
             struct seglog_error *err)
{
    const struct seglog_slice none = { 0 };
    struct slg_view_cursor *cursor = NULL;
    enum slg_view_move move = SLG_VIEW_AT_LEAST;
    struct seglog_slice key;
    struct seglog_slice value;
    seglog_code code = slg_view_cursor_open(making->txn, table, &cursor, err);

    while (code == SEGLOG_OK) {
        code = slg_view_cursor_move(cursor, move, none, &key, &value, err);
        if (code == SEGLOG_OK)
            code = entry_append(making, table, key, value, err);
        move = SLG_VIEW_NEXT;
    }
    slg_view_cursor_close(cursor);
    return code == SEGLOG_END ? draft_append(making, 0, err) : code;
}

static seglog_code
all_append(struct making *making, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!slg_snapshot_put_head(&making->head, &making->bytes))
        return fail_memory(err);
    code = record_append(making, err);
    for (unsigned i = 0; i < SLG_VIEW_TABLES && code == SEGLOG_OK; i++)
        code = table_append(making, (enum slg_view_table)i, err);
    if (code == SEGLOG_OK &&
        !slg_snapshot_put_end(making->records, &making->bytes))
        code = fail_memory(err);
    return code == SEGLOG_OK ? record_append(making, err) : code;
}

/* -- one segment ----------------------------------------------------------- */

static seglog_code
segment_write(struct making *making, const char *name, struct seglog_error *err)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .body_log2 = SEGLOG_BODY_LOG2_MAX,
    };
    seglog_code code =
        slg_stream_blob_remove(making->canonical->store, name, err);

    if (code == SEGLOG_OK)
        code = seglog_writer_open(making->canonical->store, name, &options,
                                  &making->writer, err);
    if (code != SEGLOG_OK)
        return code;
    code = all_append(making, err);
    if (code == SEGLOG_OK)
        code = seglog_writer_close(making->writer, err);
    else
        (void)seglog_writer_close(making->writer, NULL);
    return code;
}

static seglog_code
view_write(struct making *making, const char *name, struct seglog_error *err)
{
    seglog_code code =
        slg_view_begin(making->canonical->view, false, &making->txn, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_view_get_head(making->txn, &making->head, err);
    if (code == SEGLOG_OK)
        code = segment_write(making, name, err);
    slg_view_abort(making->txn);
    slg_draft_free(&making->draft);
    slg_bytes_free(&making->bytes);
    return code;
}

/* -- the others ------------------------------------------------------------ */

struct old_ones {
    struct slg_name_list names;
    uint64_t newest;
    seglog_code code;
};

static bool
old_one_take(void *arg, const char *name)
{
    struct old_ones *old = arg;
    uint64_t position = 0;

    if (slg_snapshot_name_parse(name, &position) && position < old->newest)
        old->code = slg_name_list_add(&old->names, name, NULL);
    return old->code == SEGLOG_OK;
}

static seglog_code
old_ones_remove(struct seglog_store store, uint64_t newest,
                struct seglog_error *err)
{
    struct old_ones old = { .newest = newest };
    seglog_code code =
        seglog_store_list(store, SLG_SNAPSHOT_PREFIX, old_one_take, &old, err);

    if (code == SEGLOG_OK && old.code != SEGLOG_OK)
        code = fail_memory(err);
    for (size_t i = 0; i < old.names.count && code == SEGLOG_OK; i++)
        code = slg_stream_blob_remove(store, old.names.names[i], err);
    slg_name_list_reset(&old.names);
    return code;
}

/* A build without zstd leaves it as it was written. */
static seglog_code
snapshot_seal(struct seglog_store store, const char *name,
              struct seglog_error *err)
{
    struct seglog_error local = { 0 };
    const seglog_code code =
        seglog_segment_seal(store, name, NULL, NULL, &local);

    if (code == SEGLOG_OK || code == SEGLOG_SEALED || code == SEGLOG_INVALID)
        return SEGLOG_OK;
    if (err)
        *err = local;
    return code;
}

static seglog_code
info_fill(const struct making *making, const char *name,
          struct seglog_snapshot_info *info, struct seglog_error *err)
{
    struct seglog_blob_info blob = { 0 };
    struct slg_view_counts counts = { 0 };
    struct slg_view_txn *txn = NULL;
    seglog_code code =
        seglog_store_get_info(making->canonical->store, name, &blob, err);

    if (code == SEGLOG_OK)
        code = slg_view_begin(making->canonical->view, false, &txn, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_view_count(txn, SLG_VIEW_STATE, &counts, err);
    slg_view_abort(txn);
    *info = (struct seglog_snapshot_info){
        .position = making->head.position,
        .keys = counts.keys,
        .bytes = blob.size,
    };
    (void)snprintf(info->name, sizeof info->name, "%s", name);
    return code;
}

static seglog_code
snapshot_place(struct making *making, const char *new_name, const char *name,
               struct seglog_error *err)
{
    struct seglog_store store = making->canonical->store;
    seglog_code code = seglog_canonical_sync(making->canonical, err);

    if (code == SEGLOG_OK)
        code = seglog_store_replace(store, new_name, name, err);
    if (code == SEGLOG_OK)
        code = snapshot_seal(store, name, err);
    if (code == SEGLOG_OK)
        code = old_ones_remove(store, making->head.position, err);
    return code;
}

static seglog_code
snapshot_make(struct seglog_canonical *canonical,
              struct seglog_snapshot_info *info, struct seglog_error *err)
{
    struct making making = { .canonical = canonical };
    char name[SLG_SNAPSHOT_NAME_CAP];
    static const char new_name[] = SLG_SNAPSHOT_PREFIX "new";
    seglog_code code = view_write(&making, new_name, err);

    slg_snapshot_name(making.head.position, name);
    if (code == SEGLOG_OK)
        code = snapshot_place(&making, new_name, name, err);
    if (code == SEGLOG_OK && info)
        code = info_fill(&making, name, info, err);
    return code;
}

seglog_code
seglog_canonical_make_snapshot(struct seglog_canonical *canonical,
                               struct seglog_snapshot_info *info,
                               struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the store is NULL");
    code = slg_streams_check_writable(canonical->streams, err);
    if (code == SEGLOG_OK)
        code = slg_view_refresh(canonical, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_open(canonical->store, SLG_SNAPSHOT_PREFIX "new",
                                &lock, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_lock_acquire(lock, canonical->options.lock_timeout_ms, err);
    if (code == SEGLOG_OK)
        code = snapshot_make(canonical, info, err);
    seglog_lock_close(&lock);
    return code;
}
