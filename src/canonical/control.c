/* SPDX-License-Identifier: MIT */
/* src/canonical/control.c - seal, pause, meta. */
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"

static seglog_code
fail_null(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "the store or the place for what is asked is NULL");
}

static seglog_code
head_read(struct seglog_canonical *canonical, struct slg_view_head *head,
          struct slg_view_counts *counts, struct seglog_error *err)
{
    struct slg_view_txn *txn = NULL;
    seglog_code code = slg_view_refresh(canonical, err);

    if (code == SEGLOG_OK)
        code = slg_view_begin(canonical->view, false, &txn, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_view_get_head(txn, head, err);
    if (code == SEGLOG_OK)
        code = slg_view_count(txn, SLG_VIEW_STATE, counts, err);
    slg_view_abort(txn);
    return code;
}

/* -- set ------------------------------------------------------------------- */

static seglog_code
field_set(struct seglog_canonical *canonical, enum slg_field field,
          uint64_t value, int timeout_ms, struct seglog_error *err)
{
    const struct slg_op op = { .type = SLG_OP_SET,
                               .field = field,
                               .number = value };

    return slg_control_commit(canonical, &op, 1, timeout_ms, true, err);
}

static int
timeout_of(const struct seglog_canonical *canonical)
{
    return canonical->options.lock_timeout_ms;
}

/* -- seal ------------------------------------------------------------------ */

/* What is the last event is known only in a turn. */
static seglog_code
seal_in_turn(struct slg_turn *turn, uint64_t *id,
             struct slg_stream_ticket *ticket, struct seglog_error *err)
{
    struct slg_op op = { .type = SLG_OP_SET, .field = SLG_FIELD_SEALED };
    seglog_code code = SEGLOG_OK;

    if (turn->head.sealed > 0) {
        *id = turn->head.sealed - 1;
        slg_turn_abort(turn);
        return SEGLOG_OK;
    }
    if (turn->head.next_event == 0) {
        code = slg_fail(err, SEGLOG_INVALID, NULL,
                        "there is no event yet that could be sealed");
        slg_turn_abort(turn);
        return code;
    }
    op.number = turn->head.next_event;
    *id = turn->head.next_event - 1;
    return slg_turn_control(turn, &op, 1, ticket, err);
}

seglog_code
seglog_canonical_seal(struct seglog_canonical *canonical, uint64_t *id,
                      struct seglog_error *err)
{
    struct slg_stream_ticket ticket = { 0 };
    uint64_t sealed = 0;
    struct slg_turn turn;
    seglog_code code = SEGLOG_OK;

    if (!canonical)
        return fail_null(err);
    code = slg_streams_check_writable(canonical->streams, err);
    if (code == SEGLOG_OK)
        code =
            slg_turn_begin(canonical, true, timeout_of(canonical), &turn, err);
    if (code == SEGLOG_OK)
        code = seal_in_turn(&turn, &sealed, &ticket, err);
    /* Sealed before: perhaps by somebody who has not synced it yet. */
    if (code == SEGLOG_OK && ticket.serial == 0)
        code = seglog_canonical_sync(canonical, err);
    else if (code == SEGLOG_OK)
        code = slg_stream_sync(canonical->streams, SEGLOG_CANONICAL_STREAM,
                               &ticket, err);
    if (code == SEGLOG_OK && id)
        *id = sealed;
    return code;
}

seglog_code
seglog_canonical_clear_seal(struct seglog_canonical *canonical,
                            struct seglog_error *err)
{
    return canonical ? field_set(canonical, SLG_FIELD_SEALED, 0,
                                 timeout_of(canonical), err)
                     : fail_null(err);
}

/* -- pause ----------------------------------------------------------------- */

/* Whoever has the turn has waited for the transaction that was open. */
seglog_code
seglog_canonical_pause(struct seglog_canonical *canonical, int timeout_ms,
                       struct seglog_error *err)
{
    if (!canonical)
        return fail_null(err);
    return field_set(canonical, SLG_FIELD_PAUSED, 1,
                     timeout_ms == 0 ? timeout_of(canonical) : timeout_ms, err);
}

seglog_code
seglog_canonical_resume(struct seglog_canonical *canonical,
                        struct seglog_error *err)
{
    return canonical ? field_set(canonical, SLG_FIELD_PAUSED, 0,
                                 timeout_of(canonical), err)
                     : fail_null(err);
}

seglog_code
seglog_canonical_is_paused(struct seglog_canonical *canonical, bool *is_paused,
                           struct seglog_error *err)
{
    struct slg_view_counts counts;
    struct slg_view_head head;
    seglog_code code = SEGLOG_OK;

    if (!canonical || !is_paused)
        return fail_null(err);
    code = head_read(canonical, &head, &counts, err);
    if (code == SEGLOG_OK)
        *is_paused = head.is_paused != 0;
    return code;
}

/* -- meta ------------------------------------------------------------------ */

seglog_code
seglog_canonical_set_schema_version(struct seglog_canonical *canonical,
                                    uint64_t version, struct seglog_error *err)
{
    if (!canonical)
        return fail_null(err);
    if (version > INT64_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "a schema version is less than 2^63");
    return field_set(canonical, SLG_FIELD_SCHEMA, version,
                     timeout_of(canonical), err);
}

seglog_code
seglog_canonical_get_meta(struct seglog_canonical *canonical,
                          struct seglog_canonical_meta *meta,
                          struct seglog_error *err)
{
    struct slg_view_counts counts;
    struct slg_view_head head;
    seglog_code code = SEGLOG_OK;

    if (!canonical || !meta)
        return fail_null(err);
    code = head_read(canonical, &head, &counts, err);
    if (code != SEGLOG_OK)
        return code;
    *meta = (struct seglog_canonical_meta){
        .next_event = head.next_event,
        .first_event = head.first_event,
        .position = head.position,
        .first_position = head.first_position,
        .is_sealed = head.sealed > 0,
        .sealed_event = head.sealed > 0 ? head.sealed - 1 : 0,
        .is_paused = head.is_paused != 0,
        .schema_version = head.schema_version,
        .created_ms = (int64_t)head.created_ms,
        .updated_ms = (int64_t)head.updated_ms,
        .keys = counts.keys,
        .lost = head.lost,
        .view_bytes = counts.bytes,
        .head = head.hash,
    };
    memcpy(meta->identity, head.identity, sizeof meta->identity);
    return SEGLOG_OK;
}
