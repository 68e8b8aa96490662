/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/retain.c - what of the log may go.
 *
 * What is left must be enough to build the view, and to give every consumer
 * what it has not acknowledged, and every dead letter again.
 */
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/canonical/snapshot.h"
#include "src/store/fail.h"

/* -- events that must stay ------------------------------------------------- */

static uint64_t
cursor_of(struct seglog_slice value)
{
    uint64_t id = 0;

    memcpy(&id, value.data, sizeof id);
    return id;
}

/* The least event that a row of this table stands for. */
static seglog_code
table_least(struct slg_view_txn *txn, enum slg_view_table table,
            uint64_t *least, struct seglog_error *err)
{
    const struct seglog_slice none = { 0 };
    struct slg_view_cursor *cursor = NULL;
    enum slg_view_move move = SLG_VIEW_AT_LEAST;
    struct seglog_slice key;
    struct seglog_slice value;
    seglog_code code = slg_view_cursor_open(txn, table, &cursor, err);

    while (code == SEGLOG_OK) {
        code = slg_view_cursor_move(cursor, move, none, &key, &value, err);
        if (code == SEGLOG_OK) {
            const uint64_t id = table == SLG_VIEW_CURSORS
                                    ? cursor_of(value)
                                    : slg_get_be64(key.data + key.len - 8);

            if (id < *least)
                *least = id;
        }
        move = SLG_VIEW_NEXT;
    }
    slg_view_cursor_close(cursor);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* The first transaction that must stay for the sake of events. */
static seglog_code
limit_find(struct slg_view_txn *txn, uint64_t keep_from, uint64_t *limit,
           struct seglog_error *err)
{
    struct slg_view_head head;
    uint64_t least = keep_from;
    seglog_code code = slg_view_get_head(txn, &head, err);

    if (code == SEGLOG_OK)
        code = table_least(txn, SLG_VIEW_CURSORS, &least, err);
    if (code == SEGLOG_OK)
        code = table_least(txn, SLG_VIEW_DEAD, &least, err);
    if (code != SEGLOG_OK)
        return code;
    if (least >= head.next_event) {
        *limit = head.position;
        return SEGLOG_OK;
    }
    *limit = 0;
    code = slg_mark_find(txn, least, limit, err);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static seglog_code
limit_read(struct seglog_canonical *canonical, uint64_t keep_from,
           uint64_t *limit, struct seglog_error *err)
{
    struct slg_view_txn *txn = NULL;
    uint64_t snapshot = 0;
    seglog_code code = slg_view_begin(canonical->view, false, &txn, err);

    if (code != SEGLOG_OK)
        return code;
    code = limit_find(txn, keep_from, limit, err);
    slg_view_abort(txn);
    if (code == SEGLOG_OK)
        code = slg_snapshot_find_sound(canonical, &snapshot, err);
    if (code == SEGLOG_OK && snapshot < *limit)
        *limit = snapshot;
    return code;
}

/* -- the call -------------------------------------------------------------- */

/* What the view says of the beginning. */
static seglog_code
beginning_note(struct seglog_canonical *canonical,
               struct seglog_retention_info *info, struct seglog_error *err)
{
    struct slg_turn turn;
    seglog_code code = slg_turn_begin(
        canonical, true, canonical->options.lock_timeout_ms, &turn, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_log_note_begin(canonical, &turn.head, info->first_position, err);
    info->first_event = turn.head.first_event;
    if (code == SEGLOG_OK)
        return slg_turn_commit_view(&turn, err);
    slg_turn_abort(&turn);
    return code;
}

seglog_code
seglog_canonical_retain(struct seglog_canonical *canonical, uint64_t keep_from,
                        struct seglog_retention_info *info,
                        struct seglog_error *err)
{
    struct seglog_retention_info own = { 0 };
    struct seglog_stream_trimmed trimmed = { 0 };
    uint64_t limit = 0;
    seglog_code code = SEGLOG_OK;

    if (!canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the store is NULL");
    code = slg_streams_check_writable(canonical->streams, err);
    if (code == SEGLOG_OK)
        code = slg_view_refresh(canonical, err);
    if (code == SEGLOG_OK)
        code = limit_read(canonical, keep_from, &limit, err);
    if (code == SEGLOG_OK)
        code = seglog_stream_trim(canonical->log, SEGLOG_CANONICAL_STREAM,
                                  limit, &trimmed, err);
    if (code != SEGLOG_OK)
        return code;
    own.first_position = trimmed.begin;
    own.segments = trimmed.segments;
    own.bytes = trimmed.bytes;
    code = beginning_note(canonical, &own, err);
    if (code == SEGLOG_OK && info)
        *info = own;
    return code;
}
