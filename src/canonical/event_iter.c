/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/event_iter.c - events, by their ids.
 *
 * The view knows, for some ids, the transaction that they are in; from there on
 * the log is read.
 */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"

/* Read at once: first little, for one event, then more. */
#define READ_FIRST (UINT64_C(16) << 10)
#define READ_MOST  (UINT64_C(1) << 20)

struct seglog_event_iter {
    struct seglog_canonical *canonical;
    uint64_t next; /* id that is wanted */
    uint64_t to;
    bool is_placed;
    uint64_t position; /* of the next transaction to be read */
    uint64_t last;     /* position behind the last one */
    uint64_t read_bytes;
    struct seglog_stream_event *records; /* that were read */
    size_t count;
    size_t at;                          /* the next one of them */
    struct slg_transaction transaction; /* that is being taken apart */
    uint64_t id;                        /* of its next event */
    uint64_t in;                        /* its position */
    /* Of the first transaction that could not be read since the last event. */
    bool has_hole;
    uint64_t hole;
};

/* -- where to begin -------------------------------------------------------- */

seglog_code
slg_mark_find(struct slg_view_txn *txn, uint64_t id, uint64_t *position,
              struct seglog_error *err)
{
    struct slg_view_cursor *cursor = NULL;
    struct seglog_slice key;
    struct seglog_slice value;
    uint8_t sought[8];
    seglog_code code = slg_view_cursor_open(txn, SLG_VIEW_MARKS, &cursor, err);

    if (code != SEGLOG_OK)
        return code;
    slg_put_be64(sought, id);
    code = slg_view_cursor_move(
        cursor, SLG_VIEW_AT_MOST,
        (struct seglog_slice){ (const char *)sought, sizeof sought }, &key,
        &value, err);
    if (code == SEGLOG_OK)
        memcpy(position, value.data, sizeof *position);
    slg_view_cursor_close(cursor);
    return code;
}

static seglog_code
fail_given_up(const struct slg_view_head *head, struct seglog_error *err)
{
    return slg_fail_actual(
        err,
        slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                 "events below %llu were given up by retention",
                 (unsigned long long)head->first_event),
        head->first_event);
}

static seglog_code
iter_place(struct slg_view_txn *txn, struct seglog_event_iter *iter,
           uint64_t to, struct seglog_error *err)
{
    struct slg_view_head head;
    seglog_code code = slg_view_get_head(txn, &head, err);

    if (code != SEGLOG_OK)
        return code;
    iter->to = to < head.next_event ? to : head.next_event;
    if (iter->next >= iter->to)
        return SEGLOG_OK;
    if (iter->next < head.first_event)
        return fail_given_up(&head, err);
    iter->last = head.position;
    if (iter->is_placed)
        return SEGLOG_OK;
    code = slg_mark_find(txn, iter->next, &iter->position, err);
    /* There is none before the first where that was lost. */
    if (code == SEGLOG_END)
        code = SEGLOG_OK;
    /* Of a transaction that retention has taken with it, perhaps. */
    if (iter->position < head.first_position)
        iter->position = head.first_position;
    iter->is_placed = code == SEGLOG_OK;
    return code;
}

/* By what the view says now. */
static seglog_code
iter_settle(struct seglog_event_iter *iter, uint64_t to,
            struct seglog_error *err)
{
    struct slg_view_txn *txn = NULL;
    seglog_code code = slg_view_begin(iter->canonical->view, false, &txn, err);

    if (code == SEGLOG_OK)
        code = iter_place(txn, iter, to, err);
    slg_view_abort(txn);
    return code;
}

seglog_code
seglog_event_iter_open(struct seglog_canonical *canonical, uint64_t from,
                       uint64_t to, struct seglog_event_iter **iter,
                       struct seglog_error *err)
{
    struct seglog_event_iter *made = NULL;
    seglog_code code = SEGLOG_OK;

    if (!canonical || !iter)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the store or the place for the iterator is NULL");
    *iter = NULL;
    code = slg_view_refresh(canonical, err);
    if (code != SEGLOG_OK)
        return code;
    made = calloc(1, sizeof *made);
    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for an iterator");
    *made = (struct seglog_event_iter){ .canonical = canonical,
                                        .next = from,
                                        .read_bytes = READ_FIRST };
    code = iter_settle(made, to, err);
    if (code != SEGLOG_OK) {
        free(made);
        return code;
    }
    *iter = made;
    return SEGLOG_OK;
}

seglog_code
slg_event_iter_extend(struct seglog_event_iter *iter, struct seglog_error *err)
{
    const seglog_code code = slg_view_refresh(iter->canonical, err);

    return code == SEGLOG_OK ? iter_settle(iter, SEGLOG_EVENT_END, err) : code;
}

uint64_t
slg_event_iter_get_to(const struct seglog_event_iter *iter)
{
    return iter->to;
}

void
seglog_event_iter_close(struct seglog_event_iter *iter)
{
    if (!iter)
        return;
    seglog_free(iter->records);
    free(iter);
}

/* -- reading --------------------------------------------------------------- */

static seglog_code
fail_lost(const struct seglog_event_iter *iter, struct seglog_error *err)
{
    const struct slg_place place = { .record_no = iter->hole + 1,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail_actual(
        err,
        slg_fail(err, SEGLOG_CORRUPT, &place,
                 "event %llu is missing from the log, which is damaged",
                 (unsigned long long)iter->next),
        iter->hole);
}

/* What is in front of it was read. */
static void
hole_pass(struct seglog_event_iter *iter)
{
    if (!iter->has_hole)
        iter->hole = iter->position;
    iter->has_hole = true;
    iter->position++;
}

/*
 * Retention has been there since the iterator was placed, or by somebody with a
 * view of his own: the log begins at this position.  What is wanted may be left.
 */
static seglog_code
beginning_pass(struct seglog_event_iter *iter, uint64_t begin,
               struct seglog_error *err)
{
    struct slg_view_txn *txn = NULL;
    struct slg_view_head head;
    seglog_code code = slg_view_begin(iter->canonical->view, false, &txn, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_view_get_head(txn, &head, err);
    slg_view_abort(txn);
    if (code == SEGLOG_OK)
        code = slg_log_note_begin(iter->canonical, &head, begin, err);
    if (code == SEGLOG_OK && head.first_event > iter->next)
        return fail_given_up(&head, err);
    iter->position = begin;
    return code;
}

static seglog_code
records_take(struct seglog_event_iter *iter, struct seglog_error *err)
{
    struct seglog_error own = { 0 };
    seglog_code code =
        slg_log_read(iter->canonical, iter->position, iter->read_bytes,
                     &iter->records, &iter->count, &own);

    if (code == SEGLOG_NOT_FOUND && own.actual > iter->position) {
        code = beginning_pass(iter, own.actual, err);
        return code == SEGLOG_OK
                   ? slg_log_read(iter->canonical, iter->position,
                                  iter->read_bytes, &iter->records,
                                  &iter->count, err)
                   : code;
    }
    if (code != SEGLOG_OK && err)
        *err = own;
    return code;
}

/* What events a damaged transaction had shows in what comes behind it. */
static seglog_code
records_read(struct seglog_event_iter *iter, struct seglog_error *err)
{
    struct seglog_error own;
    seglog_code code = SEGLOG_CORRUPT;

    seglog_free(iter->records);
    iter->records = NULL;
    iter->count = 0;
    iter->at = 0;
    while (code == SEGLOG_CORRUPT && iter->position < iter->last) {
        code = records_take(iter, &own);
        if (code == SEGLOG_CORRUPT || (code == SEGLOG_OK && iter->count == 0))
            hole_pass(iter);
        /* The log ends here: nothing of what the view knows is there. */
        if (code == SEGLOG_OK && iter->count == 0)
            iter->position = iter->last;
    }
    if (iter->read_bytes < READ_MOST)
        iter->read_bytes *= 4;
    if (code == SEGLOG_CORRUPT)
        return SEGLOG_END;
    if (code != SEGLOG_OK && err)
        *err = own;
    return code;
}

/* The next transaction, whether there are events in it or not. */
static seglog_code
transaction_next(struct seglog_event_iter *iter, struct seglog_error *err)
{
    const struct seglog_stream_event *record = NULL;

    if (iter->at == iter->count) {
        const seglog_code code = records_read(iter, err);

        if (code != SEGLOG_OK)
            return code;
        if (iter->count == 0)
            return SEGLOG_END;
    }
    record = &iter->records[iter->at++];
    iter->position = record->offset;
    iter->in = record->offset;
    if (record->is_dropped ||
        !slg_transaction_open(&iter->transaction, record->data.data,
                              record->data.len)) {
        iter->transaction.events_left = 0;
        hole_pass(iter);
        return SEGLOG_OK;
    }
    iter->position++;
    iter->id = iter->transaction.head.first_event;
    return SEGLOG_OK;
}

/* Not of what comes next, but of what comes behind that. */
static bool
is_lost(const struct seglog_event_iter *iter)
{
    return iter->id > iter->next && !iter->canonical->options.skips_lost;
}

seglog_code
seglog_event_iter_next(struct seglog_event_iter *iter,
                       struct seglog_canonical_event *event,
                       struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!iter || !event)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the iterator or the place for the event is NULL");
    while (iter->next < iter->to && code == SEGLOG_OK) {
        if (is_lost(iter))
            return fail_lost(iter, err);
        /* It stays for when the iterator is extended. */
        if (iter->transaction.events_left > 0 && iter->id >= iter->to)
            break;
        if (!slg_transaction_next_event(&iter->transaction, &event->data)) {
            code = transaction_next(iter, err);
            continue;
        }
        event->id = iter->id++;
        if (event->id < iter->next)
            continue;
        event->position = iter->in;
        event->time_ms = iter->transaction.head.time_ms;
        iter->next = event->id + 1;
        iter->has_hole = false;
        return SEGLOG_OK;
    }
    if (code == SEGLOG_END && !iter->canonical->options.skips_lost)
        return fail_lost(iter, err);
    return code == SEGLOG_OK ? SEGLOG_END : code;
}

/* -- one ------------------------------------------------------------------- */

static seglog_code
event_copy(const struct seglog_canonical_event *event, char **data, size_t *len,
           struct seglog_error *err)
{
    *data = malloc(event->data.len + 1);
    if (!*data)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for an event");
    if (event->data.len > 0)
        memcpy(*data, event->data.data, event->data.len);
    (*data)[event->data.len] = '\0';
    *len = event->data.len;
    return SEGLOG_OK;
}

seglog_code
seglog_canonical_get_event(struct seglog_canonical *canonical, uint64_t id,
                           char **data, size_t *len, struct seglog_error *err)
{
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    seglog_code code = SEGLOG_OK;

    if (!data || !len)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the place for the event is NULL");
    *data = NULL;
    *len = 0;
    if (id == SEGLOG_EVENT_END)
        return slg_fail(err, SEGLOG_NOT_FOUND, NULL, "there is no such event");
    code = seglog_event_iter_open(canonical, id, id + 1, &iter, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_event_iter_next(iter, &event, err);
    if (code == SEGLOG_END)
        code = slg_fail(err, SEGLOG_NOT_FOUND, NULL, "there is no event %llu",
                        (unsigned long long)id);
    if (code == SEGLOG_OK)
        code = event_copy(&event, data, len, err);
    seglog_event_iter_close(iter);
    return code;
}
