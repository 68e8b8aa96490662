/* SPDX-License-Identifier: MIT */
/* src/canonical/canonical_apply.c - one transaction to the view. */
#include <string.h>

#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"

uint64_t slg_mark_events = 256;

void
slg_put_be64(uint8_t out[8], uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

uint64_t
slg_get_be64(const char *in)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | (uint8_t)in[i];
    return value;
}

static struct seglog_slice
slice_of(const void *data, size_t len)
{
    return (struct seglog_slice){ data, len };
}

/* So those of one consumer stand together, in order. */
struct seglog_slice
slg_dead_key(struct seglog_slice name, uint64_t id,
             uint8_t key[SLG_DEAD_KEY_CAP])
{
    memcpy(key, name.data, name.len);
    key[name.len] = 0;
    slg_put_be64(key + name.len + 1, id);
    return slice_of(key, name.len + 1 + 8);
}

/* time, retries, reason */
static seglog_code
dead_put(struct slg_view_txn *txn, const struct slg_view_head *head,
         const struct slg_op *op, struct seglog_error *err)
{
    uint8_t key[SLG_DEAD_KEY_CAP];
    struct slg_bytes value = { 0 };
    const uint64_t numbers[2] = { head->updated_ms, op->retries };
    seglog_code code = SEGLOG_OK;

    if (!slg_bytes_add(&value, numbers, sizeof numbers) ||
        !slg_bytes_add(&value, op->value.data, op->value.len))
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a dead letter");
    if (code == SEGLOG_OK)
        code = slg_view_put(txn, SLG_VIEW_DEAD,
                            slg_dead_key(op->key, op->number, key),
                            slice_of(value.data, value.len), err);
    slg_bytes_free(&value);
    return code;
}

/* With all dead letters. */
static seglog_code
cursor_remove(struct slg_view_txn *txn, struct seglog_slice name,
              struct seglog_error *err)
{
    uint8_t start[SLG_DEAD_KEY_CAP];
    const struct seglog_slice from = slg_dead_key(name, 0, start);
    seglog_code code = slg_view_delete(txn, SLG_VIEW_CURSORS, name, err);

    while (code == SEGLOG_OK) {
        struct slg_view_cursor *cursor = NULL;
        struct seglog_slice key = { 0 };
        struct seglog_slice value;
        uint8_t copy[SLG_DEAD_KEY_CAP];

        code = slg_view_cursor_open(txn, SLG_VIEW_DEAD, &cursor, err);
        if (code != SEGLOG_OK)
            return code;
        code = slg_view_cursor_move(cursor, SLG_VIEW_AT_LEAST, from, &key,
                                    &value, err);
        slg_view_cursor_close(cursor);
        if (code != SEGLOG_OK || key.len != from.len ||
            memcmp(key.data, from.data, name.len + 1) != 0)
            break;
        /* What is deleted must not lie in the page that it is deleted from. */
        memcpy(copy, key.data, key.len);
        code =
            slg_view_delete(txn, SLG_VIEW_DEAD, slice_of(copy, key.len), err);
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static void
field_set(struct slg_view_head *head, enum slg_field field, uint64_t value)
{
    switch (field) {
    case SLG_FIELD_SEALED:
        head->sealed = value;
        break;
    case SLG_FIELD_PAUSED:
        head->is_paused = value;
        break;
    case SLG_FIELD_SCHEMA:
        head->schema_version = value;
        break;
    }
}

static seglog_code
mark_put(struct slg_view_txn *txn, uint64_t id, uint64_t position,
         struct seglog_error *err)
{
    uint8_t key[8];

    slg_put_be64(key, id);
    return slg_view_put(txn, SLG_VIEW_MARKS, slice_of(key, sizeof key),
                        slice_of(&position, sizeof position), err);
}

seglog_code
slg_apply_op(struct slg_view_txn *txn, struct slg_view_head *head,
             const struct slg_op *op, struct seglog_error *err)
{
    uint8_t key[SLG_DEAD_KEY_CAP];

    switch (op->type) {
    case SLG_OP_PUT:
        return slg_view_put(txn, SLG_VIEW_STATE, op->key, op->value, err);
    case SLG_OP_DELETE:
        return slg_view_delete(txn, SLG_VIEW_STATE, op->key, err);
    case SLG_OP_SET:
        field_set(head, op->field, op->number);
        return SEGLOG_OK;
    case SLG_OP_CURSOR:
        return slg_view_put(txn, SLG_VIEW_CURSORS, op->key,
                            slice_of(&op->number, sizeof op->number), err);
    case SLG_OP_CURSOR_REMOVE:
        return cursor_remove(txn, op->key, err);
    case SLG_OP_DEAD:
        return dead_put(txn, head, op, err);
    case SLG_OP_DEAD_REMOVE:
        return slg_view_delete(txn, SLG_VIEW_DEAD,
                               slg_dead_key(op->key, op->number, key), err);
    case SLG_OP_BIRTH:
        head->created_ms = head->updated_ms;
        return SEGLOG_OK;
    case SLG_OP_MARK:
        return mark_put(txn, op->number, op->position, err);
    }
    return slg_fail(err, SEGLOG_INVALID, NULL, "an unknown operation");
}

seglog_code
slg_apply_end(struct slg_view_txn *txn, struct slg_view_head *head,
              uint64_t events, uint64_t time_ms, struct seglog_error *err)
{
    if (events > 0 && (head->next_event >= head->marked ||
                       head->position >= head->marked_to)) {
        const seglog_code code =
            mark_put(txn, head->next_event, head->position, err);

        if (code != SEGLOG_OK)
            return code;
        head->marked = head->next_event + slg_mark_events;
        head->marked_to = head->position + slg_mark_events;
    }
    head->next_event += events;
    head->position++;
    head->updated_ms = time_ms;
    return SEGLOG_OK;
}

static seglog_code
fail_record(const struct slg_view_head *head, const char *what,
            struct seglog_error *err)
{
    const struct slg_place place = { .record_no = head->position + 1,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail_actual(
        err, slg_fail(err, SEGLOG_CORRUPT, &place, "%s", what), head->position);
}

seglog_code
slg_apply_record(struct slg_view_txn *txn, struct slg_view_head *head,
                 const void *bytes, size_t len, bool may_skip,
                 struct seglog_error *err)
{
    struct slg_transaction transaction;
    struct slg_op op;
    seglog_code code = SEGLOG_OK;

    if (head->position == 0 && !slg_transaction_is_birth(bytes, len))
        return slg_fail(err, SEGLOG_FORMAT, NULL,
                        "stream 0 is not the log of a canonical store");
    if (!slg_transaction_open(&transaction, bytes, len))
        return fail_record(head,
                           "the log has something in it that is no "
                           "transaction: somebody has appended to its stream",
                           err);
    if (transaction.head.first_event != head->next_event) {
        if (!may_skip || transaction.head.first_event < head->next_event)
            return fail_record(head,
                               "the events of a transaction do not follow "
                               "those before it",
                               err);
        head->next_event = transaction.head.first_event;
    }
    head->updated_ms = transaction.head.time_ms;
    while (code == SEGLOG_OK && slg_transaction_next_op(&transaction, &op)) {
        if ((op.type == SLG_OP_BIRTH && head->position != 0) ||
            op.type == SLG_OP_MARK)
            return fail_record(head,
                               "a transaction has an operation in it that "
                               "does not belong there",
                               err);
        code = slg_apply_op(txn, head, &op, err);
    }
    if (code != SEGLOG_OK)
        return code;
    return slg_apply_end(txn, head, transaction.head.events,
                         transaction.head.time_ms, err);
}
