/* SPDX-License-Identifier: MIT */
/* src/canonical/read_txn.c - read transactions. */
#include <stdlib.h>

#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"

struct seglog_read_txn {
    struct slg_view_txn *txn;
    struct slg_view_head head;
    struct slg_state_iters iters;
};

/* A turn that does nothing but catch up. */
static seglog_code
view_catch_up(struct seglog_canonical *canonical, struct seglog_error *err)
{
    struct slg_turn turn;
    const seglog_code code = slg_turn_begin(
        canonical, true, canonical->options.lock_timeout_ms, &turn, err);

    if (code == SEGLOG_OK)
        slg_turn_abort(&turn);
    return code;
}

static seglog_code
txn_open(struct seglog_canonical *canonical, struct seglog_read_txn *txn,
         struct seglog_error *err)
{
    seglog_code code = slg_view_begin(canonical->view, false, &txn->txn, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_view_get_head(txn->txn, &txn->head, err);
    if (code != SEGLOG_OK) {
        slg_view_abort(txn->txn);
        txn->txn = NULL;
    }
    return code;
}

static bool
is_own_turn(struct seglog_canonical *canonical)
{
    bool is_own = false;

    (void)pthread_mutex_lock(&canonical->mutex);
    is_own = canonical->is_writing &&
             pthread_equal(canonical->writer, pthread_self());
    (void)pthread_mutex_unlock(&canonical->mutex);
    return is_own;
}

/* Without a turn, which somebody else may have for long: nobody but this handle
 * writes to the view, and that one at a time. */
static seglog_code
own_view_catch_up(struct seglog_canonical *canonical, struct seglog_error *err)
{
    struct slg_view_txn *txn = NULL;
    struct slg_view_head head;
    bool is_changed = false;
    seglog_code code = SEGLOG_OK;

    /* What it sees is of the turn that it has. */
    if (is_own_turn(canonical))
        return SEGLOG_OK;
    code = slg_view_begin(canonical->view, true, &txn, err);
    if (code != SEGLOG_OK)
        return code;
    /* What is found out from here on is for the next one. */
    atomic_store(&canonical->is_behind, false);
    code = slg_view_get_head(txn, &head, err);
    if (code == SEGLOG_OK)
        code = slg_log_catch_up(canonical, txn, &head, &is_changed, err);
    if (code == SEGLOG_OK && is_changed)
        code = slg_view_put_head(txn, &head, NULL, err);
    if (code == SEGLOG_OK && is_changed)
        code = slg_view_commit(txn, err);
    else
        slg_view_abort(txn);
    if (code != SEGLOG_OK)
        atomic_store(&canonical->is_behind, true);
    return code;
}

/* A view of this handle alone knows what others commit only when it looks. */
static seglog_code
own_view_check(struct seglog_canonical *canonical, struct seglog_error *err)
{
    struct seglog_stream_end end;
    struct slg_view_txn *txn = NULL;
    struct slg_view_head head;
    seglog_code code = slg_stream_latest(canonical->streams,
                                         SEGLOG_CANONICAL_STREAM, &end, err);

    if (code == SEGLOG_OK)
        code = slg_view_begin(canonical->view, false, &txn, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_view_get_head(txn, &head, err);
    slg_view_abort(txn);
    /* At 0 it has never looked: there may be no store at all. */
    if (code == SEGLOG_OK &&
        (head.position == 0 || head.position != end.next_offset ||
         atomic_load(&canonical->is_behind)))
        code = own_view_catch_up(canonical, err);
    return code;
}

seglog_code
slg_view_refresh(struct seglog_canonical *canonical, struct seglog_error *err)
{
    if (canonical->is_view_own)
        return own_view_check(canonical, err);
    if (atomic_load(&canonical->is_behind))
        return view_catch_up(canonical, err);
    return SEGLOG_OK;
}

seglog_code
seglog_read_txn_begin(struct seglog_canonical *canonical,
                      struct seglog_read_txn **txn, struct seglog_error *err)
{
    struct seglog_read_txn *made = NULL;
    seglog_code code = SEGLOG_OK;

    if (!txn || !canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the store or the place for the transaction is NULL");
    *txn = NULL;
    code = slg_view_refresh(canonical, err);
    if (code != SEGLOG_OK)
        return code;
    made = calloc(1, sizeof *made);
    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a transaction");
    code = txn_open(canonical, made, err);
    if (code != SEGLOG_OK) {
        free(made);
        return code;
    }
    made->iters.thread = pthread_self();
    *txn = made;
    return SEGLOG_OK;
}

void
seglog_read_txn_end(struct seglog_read_txn *txn)
{
    if (!txn || slg_thread_check(txn->iters.thread, NULL) != SEGLOG_OK)
        return;
    slg_state_iters_end(&txn->iters);
    slg_view_abort(txn->txn);
    free(txn);
}

seglog_code
seglog_read_txn_get(struct seglog_read_txn *txn, struct seglog_slice key,
                    struct seglog_slice *value, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!txn || !value)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the transaction or the place for the value is NULL");
    code = slg_thread_check(txn->iters.thread, err);
    if (code == SEGLOG_OK)
        code = slg_key_check(key, err);
    if (code != SEGLOG_OK)
        return code;
    return slg_view_get(txn->txn, SLG_VIEW_STATE, key, value, err);
}

seglog_code
seglog_read_txn_exists(struct seglog_read_txn *txn, struct seglog_slice key,
                       bool *is_there, struct seglog_error *err)
{
    struct seglog_slice value;
    seglog_code code = SEGLOG_OK;

    if (!is_there)
        return slg_fail(err, SEGLOG_INVALID, NULL, "is_there is NULL");
    code = seglog_read_txn_get(txn, key, &value, err);
    *is_there = code == SEGLOG_OK;
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

uint64_t
seglog_read_txn_get_position(const struct seglog_read_txn *txn)
{
    return txn ? txn->head.position : 0;
}

seglog_code
seglog_read_txn_iterate(struct seglog_read_txn *txn,
                        const struct seglog_state_range *range,
                        struct seglog_state_iter **iter,
                        struct seglog_error *err)
{
    if (!txn)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the transaction is NULL");
    return slg_state_iter_open(txn->txn, &txn->iters, range, iter, err);
}
