/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/consumer.c - consumers.
 *
 * A cursor is a fact of the log like any other: what moves it is a transaction,
 * made in a turn, where it is compared with what it was.
 */
#include "src/canonical/consumer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/deadline.h"
#include "src/store/fail.h"

/* Numbers of the log are less. */
#define ID_END (UINT64_C(1) << 63)

static seglog_code
fail_null(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "the consumer or the place for what is asked is NULL");
}

struct seglog_slice
slg_consumer_get_name(const struct seglog_consumer *consumer)
{
    return (struct seglog_slice){ consumer->name, consumer->name_len };
}

seglog_code
slg_consumer_check_name(const char *name, struct seglog_error *err)
{
    if (name && name[0] != '\0' &&
        memchr(name, 0, SEGLOG_CONSUMER_NAME_MAX + 1))
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "the name of a consumer has 1 to %d bytes",
                    SEGLOG_CONSUMER_NAME_MAX);
}

seglog_code
slg_consumer_get_cursor(struct slg_view_txn *txn, struct seglog_slice name,
                        uint64_t *cursor, struct seglog_error *err)
{
    struct seglog_slice value;
    const seglog_code code =
        slg_view_get(txn, SLG_VIEW_CURSORS, name, &value, err);

    if (code == SEGLOG_OK)
        memcpy(cursor, value.data, sizeof *cursor);
    return code;
}

/* -- open ------------------------------------------------------------------ */

static seglog_code
cursor_look(struct seglog_consumer *consumer, struct seglog_error *err)
{
    struct slg_view_txn *txn = NULL;
    seglog_code code = slg_view_refresh(consumer->canonical, err);

    if (code == SEGLOG_OK)
        code = slg_view_begin(consumer->canonical->view, false, &txn, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_consumer_get_cursor(txn, slg_consumer_get_name(consumer),
                                   &consumer->cursor, err);
    slg_view_abort(txn);
    return code;
}

/* Nobody else has made it in between; he who has, has said where it begins. */
static seglog_code
cursor_make_in_turn(struct seglog_consumer *consumer, struct slg_turn *turn,
                    uint64_t from, struct slg_stream_ticket *ticket,
                    struct seglog_error *err)
{
    struct slg_op op = { .type = SLG_OP_CURSOR,
                         .key = slg_consumer_get_name(consumer) };
    const seglog_code code =
        slg_consumer_get_cursor(turn->txn, op.key, &consumer->cursor, err);

    if (code != SEGLOG_NOT_FOUND) {
        slg_turn_abort(turn);
        return code;
    }
    if (from == SEGLOG_EVENT_END)
        from = turn->head.next_event;
    if (from < turn->head.first_event)
        from = turn->head.first_event;
    op.number = from;
    consumer->cursor = from;
    return slg_turn_control(turn, &op, 1, ticket, err);
}

static seglog_code
cursor_make(struct seglog_consumer *consumer, uint64_t from,
            struct seglog_error *err)
{
    struct seglog_canonical *canonical = consumer->canonical;
    struct slg_stream_ticket ticket = { 0 };
    struct slg_turn turn;
    seglog_code code = slg_streams_check_writable(canonical->streams, err);

    if (code == SEGLOG_OK)
        code = slg_turn_begin(canonical, true,
                              canonical->options.lock_timeout_ms, &turn, err);
    if (code == SEGLOG_OK)
        code = cursor_make_in_turn(consumer, &turn, from, &ticket, err);
    if (code == SEGLOG_OK && ticket.serial > 0)
        code = slg_stream_sync(canonical->streams, SEGLOG_CANONICAL_STREAM,
                               &ticket, err);
    return code;
}

seglog_code
seglog_consumer_open(struct seglog_canonical *canonical, const char *name,
                     uint64_t from, struct seglog_consumer **consumer,
                     struct seglog_error *err)
{
    struct seglog_consumer *made = NULL;
    seglog_code code = SEGLOG_OK;

    if (!consumer)
        return fail_null(err);
    *consumer = NULL;
    if (!canonical)
        return fail_null(err);
    code = slg_consumer_check_name(name, err);
    if (code != SEGLOG_OK)
        return code;
    if (from >= ID_END && from != SEGLOG_EVENT_END)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the id of an event is less than 2^63");
    made = calloc(1, sizeof *made);
    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a consumer");
    made->canonical = canonical;
    made->name_len = strlen(name);
    memcpy(made->name, name, made->name_len);
    code = cursor_look(made, err);
    if (code == SEGLOG_NOT_FOUND)
        code = cursor_make(made, from, err);
    if (code != SEGLOG_OK) {
        free(made);
        return code;
    }
    made->next = made->cursor;
    *consumer = made;
    return SEGLOG_OK;
}

void
seglog_consumer_close(struct seglog_consumer *consumer)
{
    if (!consumer)
        return;
    seglog_event_iter_close(consumer->iter);
    free(consumer);
}

/* -- next ------------------------------------------------------------------ */

static void
iter_drop(struct seglog_consumer *consumer)
{
    seglog_event_iter_close(consumer->iter);
    consumer->iter = NULL;
}

/* From what was read ahead, or what is there now.  END: neither. */
static seglog_code
event_read(struct seglog_consumer *consumer,
           struct seglog_canonical_event *event, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!consumer->iter) {
        code = seglog_event_iter_open(consumer->canonical, consumer->next,
                                      SEGLOG_EVENT_END, &consumer->iter, err);
        return code == SEGLOG_OK
                   ? seglog_event_iter_next(consumer->iter, event, err)
                   : code;
    }
    code = seglog_event_iter_next(consumer->iter, event, err);
    if (code == SEGLOG_END)
        code = slg_event_iter_extend(consumer->iter, err);
    else
        return code;
    return code == SEGLOG_OK
               ? seglog_event_iter_next(consumer->iter, event, err)
               : code;
}

static seglog_code
event_take(struct seglog_consumer *consumer,
           struct seglog_canonical_event *event, struct seglog_error *err)
{
    struct seglog_error own = { 0 };
    seglog_code code = event_read(consumer, event, &own);

    /* Retention waits for consumers; one that is made anew, with a name that
     * was removed, may find that what this one has not read is gone. */
    if (code == SEGLOG_NOT_FOUND && own.actual > consumer->next) {
        consumer->next = own.actual;
        iter_drop(consumer);
        code = event_read(consumer, event, &own);
    }
    if (code == SEGLOG_OK) {
        consumer->next = event->id + 1;
        return code;
    }
    if (code != SEGLOG_END && err)
        *err = own;
    return code;
}

/* Events that are lost are not waited for. */
static uint64_t
id_awaited(const struct seglog_consumer *consumer)
{
    const uint64_t to =
        consumer->iter ? slg_event_iter_get_to(consumer->iter) : 0;

    return to > consumer->next ? to : consumer->next;
}

seglog_code
seglog_consumer_next(struct seglog_consumer *consumer, int timeout_ms,
                     struct seglog_canonical_event *event,
                     struct seglog_error *err)
{
    int64_t deadline = SLG_NO_DEADLINE;
    seglog_code code = SEGLOG_OK;

    if (!consumer || !event)
        return fail_null(err);
    code = event_take(consumer, event, err);
    if (code != SEGLOG_END || timeout_ms == 0)
        return code;
    deadline = slg_deadline_ns(timeout_ms);
    while (code == SEGLOG_END) {
        code = seglog_canonical_wait(
            consumer->canonical, id_awaited(consumer),
            timeout_ms < 0 ? -1 : slg_deadline_left_ms(deadline, INT_MAX), err);
        if (code != SEGLOG_OK)
            return code;
        code = event_take(consumer, event, err);
    }
    return code;
}

/* -- acknowledge ----------------------------------------------------------- */

seglog_code
slg_consumer_turn_begin(struct seglog_consumer *consumer, struct slg_turn *turn,
                        uint64_t *cursor, struct seglog_error *err)
{
    struct seglog_canonical *canonical = consumer->canonical;
    seglog_code code = slg_streams_check_writable(canonical->streams, err);

    if (code == SEGLOG_OK)
        code = slg_turn_begin(canonical, true,
                              canonical->options.lock_timeout_ms, turn, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_consumer_get_cursor(turn->txn, slg_consumer_get_name(consumer),
                                   cursor, err);
    if (code == SEGLOG_NOT_FOUND)
        code = slg_fail(err, code, NULL, "the consumer %s was removed",
                        consumer->name);
    if (code != SEGLOG_OK)
        slg_turn_abort(turn);
    return code;
}

seglog_code
slg_consumer_check_id(const struct slg_turn *turn, uint64_t id,
                      struct seglog_error *err)
{
    if (id < turn->head.next_event)
        return SEGLOG_OK;
    return slg_fail_actual(
        err,
        slg_fail(err, SEGLOG_INVALID, NULL,
                 "there is no event %llu yet: the next one is %llu",
                 (unsigned long long)id,
                 (unsigned long long)turn->head.next_event),
        turn->head.next_event);
}

void
slg_consumer_pass(struct seglog_consumer *consumer, uint64_t id)
{
    if (consumer->cursor <= id)
        consumer->cursor = id + 1;
    if (consumer->next > id)
        return;
    consumer->next = id + 1;
    iter_drop(consumer);
}

/* ticket: zeroed if the cursor was there already. */
static seglog_code
cursor_move(struct seglog_consumer *consumer, uint64_t id,
            struct slg_stream_ticket *ticket, struct seglog_error *err)
{
    const struct slg_op op = { .type = SLG_OP_CURSOR,
                               .key = slg_consumer_get_name(consumer),
                               .number = id + 1 };
    uint64_t cursor = 0;
    struct slg_turn turn;
    seglog_code code = slg_consumer_turn_begin(consumer, &turn, &cursor, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_consumer_check_id(&turn, id, err);
    if (code == SEGLOG_OK && cursor <= id)
        return slg_turn_control(&turn, &op, 1, ticket, err);
    slg_turn_abort(&turn);
    return code;
}

seglog_code
seglog_consumer_acknowledge(struct seglog_consumer *consumer, uint64_t id,
                            bool is_synced, struct seglog_error *err)
{
    struct slg_stream_ticket ticket = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!consumer)
        return fail_null(err);
    if (id >= consumer->cursor)
        code = cursor_move(consumer, id, &ticket, err);
    if (code != SEGLOG_OK)
        return code;
    slg_consumer_pass(consumer, id);
    if (!is_synced)
        return SEGLOG_OK;
    /* Acknowledged before: perhaps without a sync. */
    if (ticket.serial == 0)
        return seglog_canonical_sync(consumer->canonical, err);
    return slg_stream_sync(consumer->canonical->streams,
                           SEGLOG_CANONICAL_STREAM, &ticket, err);
}

/* -- remove ---------------------------------------------------------------- */

seglog_code
seglog_canonical_remove_consumer(struct seglog_canonical *canonical,
                                 const char *name, struct seglog_error *err)
{
    struct slg_op op = { .type = SLG_OP_CURSOR_REMOVE };
    struct seglog_consumer named = { .canonical = canonical };
    struct slg_stream_ticket ticket = { 0 };
    struct slg_turn turn;
    uint64_t cursor = 0;
    seglog_code code = SEGLOG_OK;

    if (!canonical)
        return fail_null(err);
    code = slg_consumer_check_name(name, err);
    if (code != SEGLOG_OK)
        return code;
    named.name_len = strlen(name);
    memcpy(named.name, name, named.name_len);
    op.key = slg_consumer_get_name(&named);
    code = slg_consumer_turn_begin(&named, &turn, &cursor, err);
    if (code == SEGLOG_NOT_FOUND)
        return slg_fail(err, code, NULL, "there is no consumer %s", name);
    if (code == SEGLOG_OK)
        code = slg_turn_control(&turn, &op, 1, &ticket, err);
    if (code == SEGLOG_OK)
        code = slg_stream_sync(canonical->streams, SEGLOG_CANONICAL_STREAM,
                               &ticket, err);
    return code;
}
