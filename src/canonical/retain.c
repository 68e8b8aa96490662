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
#include "src/stream/stream_trim.h"

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

/* -- the call -------------------------------------------------------------- */

struct retention {
    struct seglog_canonical *canonical;
    uint64_t keep_from;
    uint64_t snapshot; /* position of the one that is whole */
    struct slg_turn turn;
    uint64_t first_event;
};

/*
 * In a turn, which lasts until the log begins anew: nobody makes a consumer or
 * a dead letter meanwhile.  And what was found is on the device before it is
 * acted upon: a power failure must not take back a cursor and leave the gap in
 * front of where it was.
 */
static seglog_code
turn_find(void *arg, uint64_t *limit, struct seglog_error *err)
{
    struct retention *retention = arg;
    struct seglog_canonical *canonical = retention->canonical;
    struct slg_turn *turn = &retention->turn;
    seglog_code code = slg_turn_begin(
        canonical, true, canonical->options.lock_timeout_ms, turn, err);

    if (code != SEGLOG_OK)
        return code;
    code = limit_find(turn->txn, retention->keep_from, limit, err);
    if (retention->snapshot < *limit)
        *limit = retention->snapshot;
    if (code == SEGLOG_OK)
        code = seglog_canonical_sync(canonical, err);
    if (code == SEGLOG_OK)
        slg_turn_unsettle(turn);
    else
        slg_turn_abort(turn);
    return code;
}

/* What the view says of the beginning. */
static seglog_code
turn_done(void *arg, seglog_code code, uint64_t begin, struct seglog_error *err)
{
    struct retention *retention = arg;
    struct slg_turn *turn = &retention->turn;
    const bool is_moved = turn->head.first_position != begin;

    if (code == SEGLOG_OK && is_moved)
        code =
            slg_log_note_begin(retention->canonical, &turn->head, begin, err);
    retention->first_event = turn->head.first_event;
    if (code == SEGLOG_OK && is_moved)
        code = slg_turn_commit_view(turn, err);
    else
        slg_turn_abort(turn);
    /* It may begin there all the same. */
    if (code != SEGLOG_OK)
        atomic_store(&retention->canonical->is_behind, true);
    return code;
}

static seglog_code
log_trim(struct retention *retention, struct seglog_stream_trimmed *trimmed,
         struct seglog_error *err)
{
    struct seglog_canonical *canonical = retention->canonical;
    const struct slg_trim_limit limit = { retention, turn_find, turn_done };
    seglog_code code =
        slg_snapshot_find_sound(canonical, &retention->snapshot, err);

    /* So that there is little left to sync while others wait. */
    if (code == SEGLOG_OK)
        code = seglog_canonical_sync(canonical, err);
    return code == SEGLOG_OK
               ? slg_stream_trim(canonical->streams, SEGLOG_CANONICAL_STREAM,
                                 &limit, trimmed, err)
               : code;
}

seglog_code
seglog_canonical_retain(struct seglog_canonical *canonical, uint64_t keep_from,
                        struct seglog_retention_info *info,
                        struct seglog_error *err)
{
    struct retention retention = { .canonical = canonical,
                                   .keep_from = keep_from };
    struct seglog_stream_trimmed trimmed = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the store is NULL");
    code = slg_streams_check_writable(canonical->streams, err);
    if (code == SEGLOG_OK)
        code = slg_view_refresh(canonical, err);
    if (code == SEGLOG_OK)
        code = log_trim(&retention, &trimmed, err);
    if (code == SEGLOG_OK && info)
        *info = (struct seglog_retention_info){
            .first_event = retention.first_event,
            .first_position = trimmed.begin,
            .segments = trimmed.segments,
            .bytes = trimmed.bytes,
        };
    return code;
}
