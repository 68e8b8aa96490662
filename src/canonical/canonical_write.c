/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/canonical_write.c - a turn of a writer.
 *
 * The view is written to first, in a transaction of LMDB that nobody sees; then
 * the record is appended to the log, and with that it is committed; then the
 * transaction of the view.  What dies in between leaves a log that is ahead,
 * and the next turn catches up.  So nothing is ever in the view that is not in
 * the log, and nothing that follows in the log was made without knowing what is
 * before it.
 */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/canonical/trust.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"

#define NS_PER_MS INT64_C(1000000)

/*
 * What writers leave each other in the memory of the lock: where the log ends,
 * and where it begins.  Cleared while that is not known.
 */
struct turn_hint {
    uint64_t position; /* 0: nothing is known */
    uint8_t hash[SEGLOG_CHAIN_HASH_MAX];
    uint64_t first_position;
};

static void
hint_clear(struct seglog_canonical *canonical)
{
    void *hint = seglog_lock_get_hint(canonical->lock);

    if (hint)
        memset(hint, 0, sizeof(struct turn_hint));
}

static void
hint_put(struct seglog_canonical *canonical, const struct slg_view_head *head)
{
    struct turn_hint known = { .position = head->position,
                               .first_position = head->first_position };
    void *hint = seglog_lock_get_hint(canonical->lock);

    memcpy(known.hash, head->hash.bytes, sizeof known.hash);
    if (hint)
        memcpy(hint, &known, sizeof known);
}

static bool
hint_is_of(struct seglog_canonical *canonical, const struct slg_view_head *head)
{
    struct turn_hint known;
    const void *hint = seglog_lock_get_hint(canonical->lock);

    if (!hint || head->position == 0)
        return false;
    memcpy(&known, hint, sizeof known);
    return known.position == head->position &&
           known.first_position == head->first_position &&
           memcmp(known.hash, head->hash.bytes, sizeof known.hash) == 0;
}

/* -- the gate -------------------------------------------------------------- */

static seglog_code
fail_own(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "this thread has a write transaction open: commit or abort "
                    "it first");
}

seglog_code
slg_turn_check_own(struct seglog_canonical *canonical, struct seglog_error *err)
{
    bool is_own = false;

    (void)pthread_mutex_lock(&canonical->mutex);
    is_own = canonical->is_writing &&
             pthread_equal(canonical->writer, pthread_self());
    (void)pthread_mutex_unlock(&canonical->mutex);
    return is_own ? fail_own(err) : SEGLOG_OK;
}

static seglog_code
gate_wait(struct seglog_canonical *canonical, int64_t deadline)
{
    int result = 0;

    while (canonical->is_writing && result == 0) {
        if (deadline == SLG_NO_DEADLINE) {
            (void)pthread_cond_wait(&canonical->gate, &canonical->mutex);
        } else {
            const struct timespec until = slg_timespec_from_ns(deadline);

            result = pthread_cond_timedwait(&canonical->gate, &canonical->mutex,
                                            &until);
        }
    }
    return canonical->is_writing ? SEGLOG_LOCKED : SEGLOG_OK;
}

static seglog_code
gate_take(struct seglog_canonical *canonical, int64_t deadline,
          struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&canonical->mutex);
    if (canonical->is_writing &&
        pthread_equal(canonical->writer, pthread_self())) {
        code = fail_own(err);
    } else if (gate_wait(canonical, deadline) != SEGLOG_OK) {
        code = slg_fail(err, SEGLOG_LOCKED, NULL,
                        "another write transaction of this process is open; "
                        "try again later");
    } else {
        canonical->is_writing = true;
        canonical->writer = pthread_self();
    }
    (void)pthread_mutex_unlock(&canonical->mutex);
    return code;
}

static void
gate_give(struct seglog_canonical *canonical)
{
    (void)pthread_mutex_lock(&canonical->mutex);
    canonical->is_writing = false;
    (void)pthread_cond_signal(&canonical->gate);
    (void)pthread_mutex_unlock(&canonical->mutex);
}

/* -- a turn ---------------------------------------------------------------- */

static void
turn_leave(struct slg_turn *turn)
{
    (void)seglog_lock_release(turn->canonical->lock, NULL);
    gate_give(turn->canonical);
}

void
slg_turn_abort(struct slg_turn *turn)
{
    slg_view_abort(turn->txn);
    turn->txn = NULL;
    turn_leave(turn);
}

static seglog_code
turn_open(struct slg_turn *turn, struct seglog_error *err)
{
    seglog_code code =
        slg_view_begin(turn->canonical->view, true, &turn->txn, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_view_get_head(turn->txn, &turn->head, err);
    if (code != SEGLOG_OK) {
        slg_view_abort(turn->txn);
        turn->txn = NULL;
    }
    return code;
}

/*
 * Before the view is written to for the first time since it was whole; and by
 * each handle once, for the files may have been removed, or others put in their
 * place, with the mark of those before them left.
 */
static seglog_code
turn_mark_dirty(struct slg_turn *turn, struct seglog_error *err)
{
    struct seglog_canonical *canonical = turn->canonical;
    seglog_code code = SEGLOG_OK;

    atomic_store(&turn->canonical->has_written, true);
    if (canonical->is_view_own ||
        (canonical->is_marked && !turn->head.is_clean))
        return SEGLOG_OK;
    code = slg_trust_mark_dirty(canonical->view_dir, err);
    if (code == SEGLOG_OK) {
        canonical->is_marked = true;
        turn->head.is_clean = 0;
    }
    return code;
}

/* What is missing is committed to the view by itself, so that it stays also
 * when the turn is aborted. */
static seglog_code
turn_catch_up(struct slg_turn *turn, struct seglog_error *err)
{
    struct seglog_canonical *canonical = turn->canonical;
    bool is_changed = false;
    seglog_code code =
        slg_log_catch_up(canonical, turn->txn, &turn->head, &is_changed, err);

    if (code != SEGLOG_OK)
        return code;
    if (is_changed) {
        code = turn_mark_dirty(turn, err);
        if (code == SEGLOG_OK)
            code = slg_view_put_head(turn->txn, &turn->head, NULL, err);
        if (code != SEGLOG_OK)
            return code;
        code = slg_view_commit(turn->txn, err);
        turn->txn = NULL;
        if (code == SEGLOG_OK)
            code = turn_open(turn, err);
    }
    if (code == SEGLOG_OK) {
        hint_put(canonical, &turn->head);
        atomic_store(&canonical->is_behind, false);
        canonical->has_looked = true;
    }
    return code;
}

static seglog_code
turn_check_open(const struct slg_turn *turn, struct seglog_error *err)
{
    if (turn->head.sealed > 0)
        return slg_fail_actual(
            err,
            slg_fail(err, SEGLOG_SEALED, NULL,
                     "the store is sealed at event %llu: unseal it to write",
                     (unsigned long long)(turn->head.sealed - 1)),
            turn->head.sealed - 1);
    if (turn->head.is_paused)
        return slg_fail(err, SEGLOG_PAUSED, NULL,
                        "writing is paused; try again when it is resumed");
    return SEGLOG_OK;
}

static seglog_code
turn_settle(struct slg_turn *turn, bool is_control, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    /* A hint may be of another run of the machine, and of a log that has been
     * put in the place of that one: whoever opens the store looks himself. */
    if (!turn->canonical->has_looked ||
        !hint_is_of(turn->canonical, &turn->head))
        code = turn_catch_up(turn, err);
    if (code == SEGLOG_OK && !is_control)
        code = turn_check_open(turn, err);
    turn->position = turn->head.position;
    turn->hash = turn->head.hash;
    return code;
}

seglog_code
slg_turn_begin(struct seglog_canonical *canonical, bool is_control,
               int timeout_ms, struct slg_turn *turn, struct seglog_error *err)
{
    const int64_t deadline = slg_deadline_ns(timeout_ms);
    seglog_code code = gate_take(canonical, deadline, err);

    *turn = (struct slg_turn){ .canonical = canonical };
    if (code != SEGLOG_OK)
        return code;
    code = seglog_lock_acquire(
        canonical->lock,
        timeout_ms < 0 ? -1 : slg_deadline_left_ms(deadline, timeout_ms), err);
    if (code != SEGLOG_OK) {
        gate_give(canonical);
        return code;
    }
    code = turn_open(turn, err);
    if (code == SEGLOG_OK)
        code = turn_settle(turn, is_control, err);
    if (code != SEGLOG_OK)
        slg_turn_abort(turn);
    return code;
}

uint64_t
slg_turn_get_time(const struct slg_turn *turn)
{
    const int64_t now = slg_wall_clock_ns() / NS_PER_MS;

    return now > 0 && (uint64_t)now > turn->head.updated_ms
               ? (uint64_t)now
               : turn->head.updated_ms;
}

/* It is in the log.  If the view cannot be told, it is told later. */
static void
turn_end(struct slg_turn *turn, const struct seglog_stream_end *end,
         void *head_place)
{
    struct seglog_canonical *canonical = turn->canonical;
    seglog_code code = SEGLOG_OK;

    turn->head.hash = end->hash;
    memcpy(head_place, &turn->head, sizeof turn->head);
    code = slg_view_commit(turn->txn, NULL);
    turn->txn = NULL;
    if (code == SEGLOG_OK)
        hint_put(canonical, &turn->head);
    else
        atomic_store(&canonical->is_behind, true);
    turn_leave(turn);
}

void
slg_turn_unsettle(const struct slg_turn *turn)
{
    hint_clear(turn->canonical);
}

seglog_code
slg_turn_commit_view(struct slg_turn *turn, struct seglog_error *err)
{
    seglog_code code = turn_mark_dirty(turn, err);

    if (code == SEGLOG_OK)
        code = slg_view_put_head(turn->txn, &turn->head, NULL, err);
    if (code != SEGLOG_OK) {
        slg_turn_abort(turn);
        return code;
    }
    code = slg_view_commit(turn->txn, err);
    turn->txn = NULL;
    if (code == SEGLOG_OK)
        hint_put(turn->canonical, &turn->head);
    turn_leave(turn);
    return code;
}

seglog_code
slg_turn_commit(struct slg_turn *turn, const struct seglog_slice *records,
                size_t count, struct slg_stream_ticket *ticket,
                struct seglog_error *err)
{
    struct seglog_canonical *canonical = turn->canonical;
    struct seglog_stream_end end;
    void *place = NULL;
    seglog_code code = turn_mark_dirty(turn, err);

    /* Takes what memory and space it needs before the log is written to. */
    if (code == SEGLOG_OK)
        code = slg_view_put_head(turn->txn, &turn->head, &place, err);
    if (code == SEGLOG_OK) {
        hint_clear(canonical);
        code = slg_stream_append(canonical->streams, SEGLOG_CANONICAL_STREAM,
                                 records, count, turn->position, &turn->hash,
                                 false, &end, ticket, err);
    }
    if (code == SEGLOG_OK)
        turn_end(turn, &end, place);
    else
        slg_turn_abort(turn);
    /* It may be there: whoever looks next, to see, looks at the log. */
    if (code == SEGLOG_POISONED)
        atomic_store(&canonical->is_behind, true);
    return code;
}

/* -- control --------------------------------------------------------------- */

static seglog_code
control_apply(struct slg_turn *turn, const struct slg_op *ops, size_t count,
              struct slg_bytes *record, struct seglog_error *err)
{
    const uint64_t time_ms = slg_turn_get_time(turn);
    const uint64_t first_event = turn->head.next_event;
    struct slg_draft draft = { 0 };
    seglog_code code = SEGLOG_OK;

    turn->head.updated_ms = time_ms;
    for (size_t i = 0; i < count && code == SEGLOG_OK; i++) {
        if (!slg_draft_add_op(&draft, &ops[i]))
            code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                            "no memory for a transaction");
        else
            code = slg_apply_op(turn->txn, &turn->head, &ops[i], err);
    }
    if (code == SEGLOG_OK)
        code = slg_apply_end(turn->txn, &turn->head, 0, time_ms, err);
    if (code == SEGLOG_OK &&
        !slg_draft_finish(&draft, first_event, time_ms, record))
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a transaction");
    slg_draft_free(&draft);
    return code;
}

seglog_code
slg_turn_control(struct slg_turn *turn, const struct slg_op *ops, size_t count,
                 struct slg_stream_ticket *ticket, struct seglog_error *err)
{
    struct slg_bytes bytes = { 0 };
    struct seglog_slice record;
    seglog_code code = control_apply(turn, ops, count, &bytes, err);

    record = (struct seglog_slice){ (const char *)bytes.data, bytes.len };
    if (code == SEGLOG_OK)
        code = slg_turn_commit(turn, &record, 1, ticket, err);
    else
        slg_turn_abort(turn);
    slg_bytes_free(&bytes);
    return code;
}

seglog_code
slg_control_commit(struct seglog_canonical *canonical, const struct slg_op *ops,
                   size_t count, int timeout_ms, bool is_synced,
                   struct seglog_error *err)
{
    struct slg_stream_ticket ticket;
    struct slg_turn turn;
    seglog_code code = slg_streams_check_writable(canonical->streams, err);

    if (code == SEGLOG_OK)
        code = slg_turn_begin(canonical, true, timeout_ms, &turn, err);
    if (code == SEGLOG_OK)
        code = slg_turn_control(&turn, ops, count, &ticket, err);
    if (code == SEGLOG_OK && is_synced)
        code = slg_stream_sync(canonical->streams, SEGLOG_CANONICAL_STREAM,
                               &ticket, err);
    return code;
}
