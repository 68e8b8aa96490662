/* SPDX-License-Identifier: MIT */
/* src/canonical/write_txn.c - write transactions. */
#include <stdlib.h>

#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"

struct seglog_write_txn {
    struct slg_turn turn;
    struct slg_draft draft;
    struct slg_state_iters iters;
    uint64_t first_event;
    uint64_t writes;
    /* The view could not take a write: what it has is half of the draft. */
    seglog_code broken;
};

static seglog_code
fail_txn(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "the transaction is NULL");
}

/* -- begin and end --------------------------------------------------------- */

seglog_code
seglog_write_txn_begin(struct seglog_canonical *canonical,
                       struct seglog_write_txn **txn, struct seglog_error *err)
{
    struct seglog_write_txn *made = NULL;
    seglog_code code = SEGLOG_OK;

    if (!txn || !canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the store or the place for the transaction is NULL");
    *txn = NULL;
    code = slg_streams_check_writable(canonical->streams, err);
    if (code != SEGLOG_OK)
        return code;
    made = calloc(1, sizeof *made);
    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a transaction");
    code = slg_turn_begin(canonical, false, canonical->options.lock_timeout_ms,
                          &made->turn, err);
    if (code != SEGLOG_OK) {
        free(made);
        return code;
    }
    made->iters.thread = pthread_self();
    made->first_event = made->turn.head.next_event;
    *txn = made;
    return SEGLOG_OK;
}

static void
txn_free(struct seglog_write_txn *txn)
{
    slg_draft_free(&txn->draft);
    free(txn);
}

void
seglog_write_txn_abort(struct seglog_write_txn *txn)
{
    /* On another thread nothing can be done that LMDB would bear. */
    if (!txn || slg_thread_check(txn->iters.thread, NULL) != SEGLOG_OK)
        return;
    slg_state_iters_end(&txn->iters);
    slg_turn_abort(&txn->turn);
    txn_free(txn);
}

static seglog_code
txn_commit(struct seglog_write_txn *txn, struct slg_stream_ticket *ticket,
           struct seglog_error *err)
{
    const uint64_t time_ms = slg_turn_get_time(&txn->turn);
    struct slg_bytes bytes = { 0 };
    struct seglog_slice record;
    seglog_code code = slg_apply_end(txn->turn.txn, &txn->turn.head,
                                     txn->draft.event_count, time_ms, err);

    if (code == SEGLOG_OK &&
        !slg_draft_finish(&txn->draft, txn->first_event, time_ms, &bytes))
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a transaction");
    record = (struct seglog_slice){ (const char *)bytes.data, bytes.len };
    if (code == SEGLOG_OK)
        code = slg_turn_commit(&txn->turn, &record, 1, ticket, err);
    else
        slg_turn_abort(&txn->turn);
    slg_bytes_free(&bytes);
    return code;
}

static void
info_fill(const struct seglog_write_txn *txn, bool is_durable,
          struct seglog_commit_info *info)
{
    const uint64_t events = txn->draft.event_count;

    *info = (struct seglog_commit_info){
        .position = txn->turn.position,
        .first_event = txn->first_event,
        .last_event = txn->first_event + (events > 0 ? events - 1 : 0),
        .events = events,
        .writes = txn->writes,
        .is_durable = is_durable,
    };
}

seglog_code
seglog_write_txn_commit(struct seglog_write_txn *txn, bool is_synced,
                        struct seglog_commit_info *info,
                        struct seglog_error *err)
{
    struct seglog_canonical *canonical = NULL;
    struct slg_stream_ticket ticket = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!txn)
        return fail_txn(err);
    code = slg_thread_check(txn->iters.thread, err);
    if (code != SEGLOG_OK)
        return code;
    canonical = txn->turn.canonical;
    slg_state_iters_end(&txn->iters);
    if (txn->broken != SEGLOG_OK) {
        code = slg_fail(err, txn->broken, NULL,
                        "a write of this transaction has failed, so none of "
                        "it is committed");
        slg_turn_abort(&txn->turn);
    } else if (txn->draft.op_count == 0 && txn->draft.event_count == 0) {
        slg_turn_abort(&txn->turn);
        if (is_synced)
            code = seglog_canonical_sync(canonical, err);
    } else {
        code = txn_commit(txn, &ticket, err);
        if (code == SEGLOG_OK && is_synced)
            code = slg_stream_sync(canonical->streams, SEGLOG_CANONICAL_STREAM,
                                   &ticket, err);
    }
    if (code == SEGLOG_OK && info)
        info_fill(txn, is_synced, info);
    txn_free(txn);
    return code;
}

/* -- reading --------------------------------------------------------------- */

seglog_code
seglog_write_txn_get(struct seglog_write_txn *txn, struct seglog_slice key,
                     struct seglog_slice *value, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!txn || !value)
        return fail_txn(err);
    code = slg_thread_check(txn->iters.thread, err);
    if (code == SEGLOG_OK)
        code = slg_key_check(key, err);
    if (code != SEGLOG_OK)
        return code;
    return slg_view_get(txn->turn.txn, SLG_VIEW_STATE, key, value, err);
}

seglog_code
seglog_write_txn_iterate(struct seglog_write_txn *txn,
                         const struct seglog_state_range *range,
                         struct seglog_state_iter **iter,
                         struct seglog_error *err)
{
    if (!txn)
        return fail_txn(err);
    return slg_state_iter_open(txn->turn.txn, &txn->iters, range, iter, err);
}

/* -- writing --------------------------------------------------------------- */

static seglog_code
size_check(const struct seglog_write_txn *txn, size_t more,
           struct seglog_error *err)
{
    const uint64_t max = slg_record_max(txn->turn.canonical);
    const uint64_t size = slg_draft_get_size(&txn->draft);

    if (more <= max && size <= max - more)
        return SEGLOG_OK;
    return slg_fail_actual(
        err,
        slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                 "with this the transaction has more than %llu bytes: make "
                 "several of it",
                 (unsigned long long)max),
        max);
}

static seglog_code
fail_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                    "no memory for what the transaction writes");
}

static seglog_code
op_do(struct seglog_write_txn *txn, const struct slg_op *op,
      struct seglog_error *err)
{
    const struct slg_draft_mark mark = slg_draft_get_mark(&txn->draft);
    struct slg_op copy;
    seglog_code code = size_check(txn, slg_op_get_size(op), err);

    if (code != SEGLOG_OK)
        return code;
    if (!slg_draft_add_op(&txn->draft, op))
        return fail_memory(err);
    txn->iters.changes++;
    /* What was given may lie in the pages that are written to now: it may come
     * from get or next. */
    slg_draft_get_op(&txn->draft, mark.ops, &copy);
    code = slg_apply_op(txn->turn.txn, &txn->turn.head, &copy, err);
    if (code == SEGLOG_OK) {
        txn->writes++;
    } else {
        /* LMDB takes nothing more in a transaction that has failed. */
        slg_draft_go_back(&txn->draft, &mark);
        txn->broken = code;
    }
    return code;
}

static seglog_code
write_check(const struct seglog_write_txn *txn, struct seglog_error *err)
{
    if (!txn)
        return fail_txn(err);
    if (txn->broken != SEGLOG_OK)
        return slg_fail(err, txn->broken, NULL,
                        "a write of this transaction has failed: abort it");
    return slg_thread_check(txn->iters.thread, err);
}

seglog_code
seglog_write_txn_put(struct seglog_write_txn *txn, struct seglog_slice key,
                     struct seglog_slice value, struct seglog_error *err)
{
    const struct slg_op op = { .type = SLG_OP_PUT, .key = key, .value = value };
    seglog_code code = write_check(txn, err);

    if (code == SEGLOG_OK)
        code = slg_key_check(key, err);
    if (code == SEGLOG_OK)
        code = slg_value_check(txn->turn.canonical, value, err);
    return code == SEGLOG_OK ? op_do(txn, &op, err) : code;
}

seglog_code
seglog_write_txn_delete(struct seglog_write_txn *txn, struct seglog_slice key,
                        struct seglog_error *err)
{
    const struct slg_op op = { .type = SLG_OP_DELETE, .key = key };
    seglog_code code = write_check(txn, err);

    if (code == SEGLOG_OK)
        code = slg_key_check(key, err);
    return code == SEGLOG_OK ? op_do(txn, &op, err) : code;
}

seglog_code
seglog_write_txn_append_events(struct seglog_write_txn *txn,
                               const struct seglog_slice *events, size_t count,
                               uint64_t *first_id, uint64_t *last_id,
                               struct seglog_error *err)
{
    seglog_code code = write_check(txn, err);
    struct slg_draft_mark mark;

    if (code != SEGLOG_OK)
        return code;
    if (!events || count == 0)
        return slg_fail(err, SEGLOG_INVALID, NULL, "there are no events");
    mark = slg_draft_get_mark(&txn->draft);
    for (size_t i = 0; i < count && code == SEGLOG_OK; i++) {
        code = slg_event_check(txn->turn.canonical, events[i], err);
        if (code == SEGLOG_OK)
            code = size_check(txn, events[i].len + 9, err);
        if (code == SEGLOG_OK && !slg_draft_add_event(&txn->draft, events[i]))
            code = fail_memory(err);
    }
    if (code != SEGLOG_OK) {
        slg_draft_go_back(&txn->draft, &mark);
        return code;
    }
    if (first_id)
        *first_id = txn->first_event + mark.event_count;
    if (last_id)
        *last_id = txn->first_event + txn->draft.event_count - 1;
    return SEGLOG_OK;
}

seglog_code
seglog_write_txn_append_event(struct seglog_write_txn *txn,
                              struct seglog_slice event, uint64_t *id,
                              struct seglog_error *err)
{
    return seglog_write_txn_append_events(txn, &event, 1, id, NULL, err);
}
