/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/consumer_wait.c - waiting for an event.
 *
 * What is waited for is the log, since that is where others are heard of; what
 * counts is the view, which hears of it an instant later.
 */
#include <limits.h>

#include "src/canonical/canonical_store.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"

/* Somebody else may have the next turn by now, for long, and the view what he
 * who has woken us has put into it. */
#define TURN_TIMEOUT_MS 20

static seglog_code
head_read(struct seglog_canonical *canonical, struct slg_view_head *head,
          struct seglog_error *err)
{
    struct slg_view_txn *txn = NULL;
    seglog_code code = slg_view_begin(canonical->view, false, &txn, err);

    if (code == SEGLOG_OK)
        code = slg_view_get_head(txn, head, err);
    slg_view_abort(txn);
    return code;
}

/*
 * The log has a transaction that the view had not.  A view of this handle alone
 * is told by whoever looks at it.  Of another one whoever appended it holds the
 * turn until the view has it; he who has the next one sees to it that it has, if
 * that one is dead.
 */
static seglog_code
view_follow(struct seglog_canonical *canonical, uint64_t position,
            struct seglog_error *err)
{
    struct slg_view_head head;
    struct slg_turn turn;
    struct seglog_error own;
    seglog_code code = SEGLOG_OK;

    if (canonical->is_view_own)
        return SEGLOG_OK;
    code = head_read(canonical, &head, err);
    if (code != SEGLOG_OK || head.position > position)
        return code;
    code = slg_turn_begin(canonical, true, TURN_TIMEOUT_MS, &turn, &own);
    if (code == SEGLOG_OK)
        slg_turn_abort(&turn);
    if (code == SEGLOG_OK || code == SEGLOG_LOCKED)
        return SEGLOG_OK;
    if (err)
        *err = own;
    return code;
}

seglog_code
seglog_canonical_wait(struct seglog_canonical *canonical, uint64_t id,
                      int timeout_ms, struct seglog_error *err)
{
    const int64_t deadline = slg_deadline_ns(timeout_ms);
    struct slg_view_head head;
    seglog_code code = SEGLOG_OK;

    if (!canonical)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the store is NULL");
    while (code == SEGLOG_OK) {
        code = slg_view_refresh(canonical, err);
        if (code == SEGLOG_OK)
            code = head_read(canonical, &head, err);
        if (code != SEGLOG_OK || head.next_event > id)
            break;
        code = seglog_stream_wait(
            canonical->log, SEGLOG_CANONICAL_STREAM, head.position,
            timeout_ms < 0 ? -1 : slg_deadline_left_ms(deadline, INT_MAX), err);
        if (code == SEGLOG_OK)
            code = view_follow(canonical, head.position, err);
    }
    return code;
}
