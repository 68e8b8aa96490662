/* SPDX-License-Identifier: MIT */
/* src/canonical/transaction.c - a transaction as a record (SPEC.md 17.1). */
#include "src/canonical/transaction.h"

#include <stdlib.h>
#include <string.h>

#include "format/frame.h"

static const uint8_t MAGIC[] = { 'C', '1' };

/* A varint holds less. */
#define NUMBER_END (UINT64_C(1) << 63)

/* -- reading --------------------------------------------------------------- */

static bool
number_take(const uint8_t **at, const uint8_t *end, uint64_t *number)
{
    const size_t used = slg_varint_get(*at, (size_t)(end - *at), number);

    *at += used;
    return used > 0;
}

static bool
slice_take(const uint8_t **at, const uint8_t *end, uint64_t len,
           struct seglog_slice *slice)
{
    if (len > (uint64_t)(end - *at))
        return false;
    *slice = (struct seglog_slice){ (const char *)*at, (size_t)len };
    *at += len;
    return true;
}

/* Its length in front of it. */
static bool
string_take(const uint8_t **at, const uint8_t *end, struct seglog_slice *slice)
{
    uint64_t len = 0;

    return number_take(at, end, &len) && slice_take(at, end, len, slice);
}

static bool
key_take(const uint8_t **at, const uint8_t *end, size_t max,
         struct seglog_slice *key)
{
    return string_take(at, end, key) && key->len >= 1 && key->len <= max;
}

static bool
name_take(const uint8_t **at, const uint8_t *end, struct seglog_slice *name)
{
    return key_take(at, end, SEGLOG_CONSUMER_NAME_MAX, name) &&
           !memchr(name->data, 0, name->len);
}

static bool
set_take(const uint8_t **at, const uint8_t *end, struct slg_op *op)
{
    uint64_t field = 0;

    if (!number_take(at, end, &field) || !number_take(at, end, &op->number))
        return false;
    op->field = (enum slg_field)field;
    return field == SLG_FIELD_SEALED || field == SLG_FIELD_SCHEMA ||
           (field == SLG_FIELD_PAUSED && op->number <= 1);
}

static bool
op_take(const uint8_t **at, const uint8_t *end, struct slg_op *op)
{
    *op = (struct slg_op){ 0 };
    if (*at == end)
        return false;
    op->type = (enum slg_op_type) * (*at)++;
    switch (op->type) {
    case SLG_OP_PUT:
        return key_take(at, end, SEGLOG_KEY_MAX, &op->key) &&
               string_take(at, end, &op->value);
    case SLG_OP_DELETE:
        return key_take(at, end, SEGLOG_KEY_MAX, &op->key);
    case SLG_OP_SET:
        return set_take(at, end, op);
    case SLG_OP_CURSOR:
        return name_take(at, end, &op->key) &&
               number_take(at, end, &op->number);
    case SLG_OP_CURSOR_REMOVE:
        return name_take(at, end, &op->key);
    case SLG_OP_DEAD:
        return name_take(at, end, &op->key) &&
               number_take(at, end, &op->number) &&
               number_take(at, end, &op->retries) &&
               string_take(at, end, &op->value);
    case SLG_OP_DEAD_REMOVE:
        return name_take(at, end, &op->key) &&
               number_take(at, end, &op->number);
    case SLG_OP_BIRTH:
        return true;
    case SLG_OP_MARK:
        return number_take(at, end, &op->number) &&
               number_take(at, end, &op->position);
    }
    return false;
}

/* All ops, so that afterwards they need no checks. */
static bool
ops_check(const uint8_t **at, const uint8_t *end, uint64_t count)
{
    struct slg_op op;

    for (uint64_t i = 0; i < count; i++) {
        if (!op_take(at, end, &op))
            return false;
        if (op.type == SLG_OP_BIRTH && i > 0)
            return false;
    }
    return true;
}

/* The lengths of the events, and that they lead to the very end. */
static bool
lengths_check(const uint8_t **at, const uint8_t *end, uint64_t count)
{
    uint64_t total = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t len = 0;

        if (!number_take(at, end, &len) || len > (uint64_t)(end - *at))
            return false;
        total += len;
        if (total > (uint64_t)(end - *at))
            return false;
    }
    return total == (uint64_t)(end - *at);
}

bool
slg_transaction_open(struct slg_transaction *transaction, const void *bytes,
                     size_t len)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + len;
    struct slg_transaction_head head;
    const uint8_t *ops = NULL;
    const uint8_t *lengths = NULL;

    if (len < sizeof MAGIC || memcmp(at, MAGIC, sizeof MAGIC) != 0)
        return false;
    at += sizeof MAGIC;
    if (!number_take(&at, end, &head.first_event) ||
        !number_take(&at, end, &head.time_ms) ||
        !number_take(&at, end, &head.ops) ||
        !number_take(&at, end, &head.events) ||
        head.events >= NUMBER_END - head.first_event)
        return false;
    ops = at;
    if (!ops_check(&at, end, head.ops))
        return false;
    lengths = at;
    if (!lengths_check(&at, end, head.events))
        return false;
    *transaction = (struct slg_transaction){
        .head = head,
        .op_at = ops,
        .ops_left = head.ops,
        .length_at = lengths,
        .event_at = at,
        .events_left = head.events,
        .end = end,
    };
    return true;
}

bool
slg_transaction_next_op(struct slg_transaction *transaction, struct slg_op *op)
{
    if (transaction->ops_left == 0)
        return false;
    transaction->ops_left--;
    return op_take(&transaction->op_at, transaction->end, op);
}

bool
slg_transaction_is_birth(const void *bytes, size_t len)
{
    struct slg_transaction transaction;
    struct slg_op op;

    return slg_transaction_open(&transaction, bytes, len) &&
           slg_transaction_next_op(&transaction, &op) &&
           op.type == SLG_OP_BIRTH;
}

bool
slg_transaction_next_event(struct slg_transaction *transaction,
                           struct seglog_slice *event)
{
    uint64_t len = 0;

    if (transaction->events_left == 0)
        return false;
    transaction->events_left--;
    return number_take(&transaction->length_at, transaction->end, &len) &&
           slice_take(&transaction->event_at, transaction->end, len, event);
}

/* -- writing --------------------------------------------------------------- */

static bool
bytes_reserve(struct slg_bytes *bytes, size_t more)
{
    size_t cap = bytes->cap ? bytes->cap : 256;
    uint8_t *grown = NULL;

    if (more <= bytes->cap - bytes->len)
        return true;
    if (more > SIZE_MAX / 4 - bytes->len)
        return false;
    while (cap < bytes->len + more)
        cap += cap / 2;
    grown = realloc(bytes->data, cap);
    if (!grown)
        return false;
    bytes->data = grown;
    bytes->cap = cap;
    return true;
}

bool
slg_bytes_add(struct slg_bytes *bytes, const void *data, size_t len)
{
    if (!bytes_reserve(bytes, len))
        return false;
    if (len > 0)
        memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
    return true;
}

void
slg_bytes_free(struct slg_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct slg_bytes){ 0 };
}

/* Where room was made for it. */
static void
number_put(struct slg_bytes *bytes, uint64_t number)
{
    bytes->len += slg_varint_put(bytes->data + bytes->len, number);
}

static void
string_put(struct slg_bytes *bytes, struct seglog_slice slice)
{
    number_put(bytes, slice.len);
    if (slice.len > 0)
        memcpy(bytes->data + bytes->len, slice.data, slice.len);
    bytes->len += slice.len;
}

size_t
slg_op_get_size(const struct slg_op *op)
{
    return 1 + 4 * SLG_VARINT_MAX + op->key.len + op->value.len;
}

bool
slg_draft_add_op(struct slg_draft *draft, const struct slg_op *op)
{
    struct slg_bytes *out = &draft->ops;

    if (!bytes_reserve(out, slg_op_get_size(op)))
        return false;
    out->data[out->len++] = (uint8_t)op->type;
    if (op->type == SLG_OP_SET)
        number_put(out, op->field);
    else if (op->type != SLG_OP_BIRTH && op->type != SLG_OP_MARK)
        string_put(out, op->key);
    if (op->type == SLG_OP_SET || op->type == SLG_OP_CURSOR ||
        op->type == SLG_OP_DEAD || op->type == SLG_OP_DEAD_REMOVE ||
        op->type == SLG_OP_MARK)
        number_put(out, op->number);
    if (op->type == SLG_OP_MARK)
        number_put(out, op->position);
    if (op->type == SLG_OP_DEAD)
        number_put(out, op->retries);
    if (op->type == SLG_OP_PUT || op->type == SLG_OP_DEAD)
        string_put(out, op->value);
    draft->op_count++;
    return true;
}

bool
slg_draft_add_event(struct slg_draft *draft, struct seglog_slice event)
{
    if (!bytes_reserve(&draft->lengths, SLG_VARINT_MAX) ||
        !slg_bytes_add(&draft->events, event.data, event.len))
        return false;
    number_put(&draft->lengths, event.len);
    draft->event_count++;
    return true;
}

void
slg_draft_get_op(const struct slg_draft *draft, size_t at, struct slg_op *op)
{
    const uint8_t *from = draft->ops.data + at;

    (void)op_take(&from, draft->ops.data + draft->ops.len, op);
}

size_t
slg_draft_get_size(const struct slg_draft *draft)
{
    return SLG_TRANSACTION_HEAD_MAX + draft->ops.len + draft->lengths.len +
           draft->events.len;
}

bool
slg_draft_finish(const struct slg_draft *draft, uint64_t first_event,
                 uint64_t time_ms, struct slg_bytes *out)
{
    if (!bytes_reserve(out, slg_draft_get_size(draft)))
        return false;
    (void)slg_bytes_add(out, MAGIC, sizeof MAGIC);
    number_put(out, first_event);
    number_put(out, time_ms);
    number_put(out, draft->op_count);
    number_put(out, draft->event_count);
    (void)slg_bytes_add(out, draft->ops.data, draft->ops.len);
    (void)slg_bytes_add(out, draft->lengths.data, draft->lengths.len);
    (void)slg_bytes_add(out, draft->events.data, draft->events.len);
    return true;
}

struct slg_draft_mark
slg_draft_get_mark(const struct slg_draft *draft)
{
    return (struct slg_draft_mark){
        .ops = draft->ops.len,
        .lengths = draft->lengths.len,
        .events = draft->events.len,
        .op_count = draft->op_count,
        .event_count = draft->event_count,
    };
}

void
slg_draft_go_back(struct slg_draft *draft, const struct slg_draft_mark *mark)
{
    draft->ops.len = mark->ops;
    draft->lengths.len = mark->lengths;
    draft->events.len = mark->events;
    draft->op_count = mark->op_count;
    draft->event_count = mark->event_count;
}

void
slg_draft_clear(struct slg_draft *draft)
{
    const struct slg_draft_mark mark = { 0 };

    slg_draft_go_back(draft, &mark);
}

void
slg_draft_free(struct slg_draft *draft)
{
    slg_bytes_free(&draft->ops);
    slg_bytes_free(&draft->lengths);
    slg_bytes_free(&draft->events);
    *draft = (struct slg_draft){ 0 };
}
