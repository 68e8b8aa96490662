/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_transaction.c - any bytes as a transaction of the log of a
 * canonical store, and as what stands at both ends of a state snapshot
 * (SPEC.md 17.1, 17.4).
 *
 * What is taken is written to the same bytes again: nothing can be said in two
 * ways, and nothing stands there that is not looked at.  And operations and
 * events that are made of the bytes are read back as they were written.
 */
#include <stdlib.h>
#include <string.h>

#include "format/frame.h"
#include "fuzz/support.h"
#include "src/canonical/snapshot.h"
#include "src/canonical/transaction.h"

#define OPS_MAX    24u
#define EVENTS_MAX 24u

/* -- any bytes ------------------------------------------------------------- */

static bool
slice_is_within(struct seglog_slice slice, const uint8_t *bytes, size_t len)
{
    const char *from = (const char *)bytes;

    return slice.len == 0 ||
           (slice.data >= from && slice.data + slice.len <= from + len);
}

static void
op_must_hold(const struct slg_op *op, const uint8_t *bytes, size_t len)
{
    const size_t max = op->type == SLG_OP_PUT || op->type == SLG_OP_DELETE
                           ? SEGLOG_KEY_MAX
                           : SEGLOG_CONSUMER_NAME_MAX;
    const bool has_key = op->type != SLG_OP_SET && op->type != SLG_OP_BIRTH &&
                         op->type != SLG_OP_MARK;

    MUST(op->type >= SLG_OP_PUT && op->type <= SLG_OP_MARK);
    MUST(op->type != SLG_OP_SET ||
         (op->field >= SLG_FIELD_SEALED && op->field <= SLG_FIELD_SCHEMA));
    MUST(has_key == (op->key.len >= 1) && op->key.len <= max);
    MUST(slice_is_within(op->key, bytes, len) &&
         slice_is_within(op->value, bytes, len));
    MUST(op->number <= INT64_MAX && op->retries <= INT64_MAX &&
         op->position <= INT64_MAX);
}

static void
transaction_must_hold(const uint8_t *bytes, size_t len)
{
    struct slg_transaction transaction;
    struct slg_draft draft = { 0 };
    struct slg_bytes again = { 0 };
    struct seglog_slice event;
    struct slg_op op;

    if (!slg_transaction_open(&transaction, bytes, len)) {
        MUST(!slg_transaction_is_birth(bytes, len));
        return;
    }
    const struct slg_transaction_head head = transaction.head;

    while (slg_transaction_next_op(&transaction, &op)) {
        op_must_hold(&op, bytes, len);
        MUST(op.type != SLG_OP_BIRTH || draft.op_count == 0);
        MUST((draft.op_count == 0 && op.type == SLG_OP_BIRTH) ==
             (draft.op_count == 0 && slg_transaction_is_birth(bytes, len)));
        MUST(slg_draft_add_op(&draft, &op));
    }
    while (slg_transaction_next_event(&transaction, &event)) {
        MUST(slice_is_within(event, bytes, len));
        MUST(slg_draft_add_event(&draft, event));
    }
    MUST(draft.op_count == head.ops && draft.event_count == head.events);
    MUST(slg_draft_get_size(&draft) >= len);
    MUST(slg_draft_finish(&draft, head.first_event, head.time_ms, &again));
    MUST(again.len == len && memcmp(again.data, bytes, len) == 0);
    slg_bytes_free(&again);
    slg_draft_free(&draft);
}

static void
ends_must_hold(const uint8_t *bytes, size_t len)
{
    struct slg_bytes again = { 0 };
    struct slg_view_head head;
    uint64_t records = 0;

    if (slg_snapshot_get_head(bytes, len, &head)) {
        MUST(slg_snapshot_put_head(&head, &again));
        MUST(again.len == len && memcmp(again.data, bytes, len) == 0);
        again.len = 0;
    }
    if (slg_snapshot_get_end(bytes, len, &records)) {
        MUST(slg_snapshot_put_end(records, &again));
        MUST(again.len == len && memcmp(again.data, bytes, len) == 0);
    }
    slg_bytes_free(&again);
}

/* A name is a whole number, or no name. */
static void
name_must_hold(const uint8_t *bytes, size_t len)
{
    char name[SLG_SNAPSHOT_NAME_CAP];
    char again[SLG_SNAPSHOT_NAME_CAP];
    uint64_t position = 0;

    if (len >= sizeof name)
        return;
    memcpy(name, bytes, len);
    name[len] = '\0';
    if (!slg_snapshot_name_parse(name, &position))
        return;
    slg_snapshot_name(position, again);
    MUST(strcmp(name, again) == 0);
}

/* -- what is made ---------------------------------------------------------- */

struct made {
    struct slg_op ops[OPS_MAX];
    size_t at[OPS_MAX]; /* in the draft */
    size_t op_count;
    struct seglog_slice events[EVENTS_MAX];
    size_t event_count;
};

static struct seglog_slice
slice_take(struct input *input, size_t max)
{
    const size_t wanted = (size_t)input_number(input, 1 + (max > 255));
    size_t len = wanted % (max + 1);
    const char *data = (const char *)input_bytes(input, &len);

    return (struct seglog_slice){ data, len };
}

/* Numbers of any length. */
static uint64_t
number_take(struct input *input)
{
    const uint8_t how = input_byte(input);

    return how < 0xC0 ? how : input_number(input, 8) >> (1 + how % 64 % 63);
}

/* One that nothing is wrong with, so not everything in it is the input's. */
static struct slg_op
op_take(struct input *input, bool is_first)
{
    static const char filler[] = "name";
    const bool is_state = input->left > 0 && input->at[0] % 3 > 0;
    struct slg_op op = { .type =
                             (enum slg_op_type)(1 + input_byte(input) % 9) };

    if (op.type == SLG_OP_BIRTH && !is_first)
        op.type = SLG_OP_MARK;
    if (op.type == SLG_OP_PUT || op.type == SLG_OP_DELETE)
        op.key = slice_take(input, is_state ? 20 : SEGLOG_KEY_MAX);
    else if (op.type != SLG_OP_SET && op.type != SLG_OP_BIRTH &&
             op.type != SLG_OP_MARK)
        op.key = slice_take(input, SEGLOG_CONSUMER_NAME_MAX);
    else
        op.key.len = 0;
    if (op.type != SLG_OP_SET && op.type != SLG_OP_BIRTH &&
        op.type != SLG_OP_MARK &&
        (op.key.len == 0 ||
         (op.type > SLG_OP_DELETE && memchr(op.key.data, 0, op.key.len))))
        op.key = (struct seglog_slice){ filler, sizeof filler - 1 };
    if (op.type == SLG_OP_PUT || op.type == SLG_OP_DEAD)
        op.value = slice_take(input, 300);
    if (op.type == SLG_OP_SET)
        op.field = (enum slg_field)(1 + input_byte(input) % 3);
    if (op.type == SLG_OP_SET || op.type == SLG_OP_CURSOR ||
        op.type == SLG_OP_DEAD || op.type == SLG_OP_DEAD_REMOVE ||
        op.type == SLG_OP_MARK)
        op.number = number_take(input);
    if (op.type == SLG_OP_SET && op.field == SLG_FIELD_PAUSED)
        op.number %= 2;
    if (op.type == SLG_OP_DEAD)
        op.retries = number_take(input);
    if (op.type == SLG_OP_MARK)
        op.position = number_take(input);
    return op;
}

static void
slices_must_be_same(struct seglog_slice a, struct seglog_slice b)
{
    MUST(a.len == b.len);
    MUST(a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void
ops_must_be_same(const struct slg_op *a, const struct slg_op *b)
{
    MUST(a->type == b->type && a->field == b->field);
    slices_must_be_same(a->key, b->key);
    slices_must_be_same(a->value, b->value);
    MUST(a->number == b->number && a->retries == b->retries &&
         a->position == b->position);
}

/* What is added and taken back again is not there. */
static void
draft_stray(struct slg_draft *draft, struct input input)
{
    const struct slg_draft_mark mark = slg_draft_get_mark(draft);
    const struct slg_op op = op_take(&input, draft->op_count == 0);

    MUST(slg_draft_add_op(draft, &op));
    MUST(slg_draft_add_event(draft, slice_take(&input, 300)));
    slg_draft_go_back(draft, &mark);
}

static void
draft_fill(struct slg_draft *draft, struct input *input, struct made *made)
{
    while (input->left > 0 && made->op_count < OPS_MAX &&
           made->event_count < EVENTS_MAX) {
        const uint8_t what = input_byte(input);

        if (what % 4 == 3) {
            made->events[made->event_count] = slice_take(input, 300);
            MUST(slg_draft_add_event(draft, made->events[made->event_count++]));
        } else if (what % 16 == 8) {
            draft_stray(draft, *input);
        } else {
            const struct slg_op op = op_take(input, made->op_count == 0);
            const size_t before = slg_draft_get_size(draft);

            made->at[made->op_count] = draft->ops.len;
            made->ops[made->op_count++] = op;
            MUST(slg_draft_add_op(draft, &op));
            MUST(slg_draft_get_size(draft) <= before + slg_op_get_size(&op));
        }
    }
}

static void
draft_must_hold(struct input *input)
{
    const uint64_t first_event = number_take(input) / 2;
    const uint64_t time_ms = number_take(input);
    struct slg_transaction transaction;
    struct slg_draft draft = { 0 };
    struct slg_bytes bytes = { 0 };
    static struct made made;
    struct seglog_slice event;
    uint8_t *exact = NULL;
    struct slg_op op;

    made = (struct made){ .op_count = 0 };
    draft_fill(&draft, input, &made);
    for (size_t i = 0; i < made.op_count; i++) {
        slg_draft_get_op(&draft, made.at[i], &op);
        ops_must_be_same(&op, &made.ops[i]);
    }
    MUST(slg_draft_finish(&draft, first_event, time_ms, &bytes));
    MUST(bytes.len <= slg_draft_get_size(&draft));
    exact = exact_copy(bytes.data, bytes.len);
    MUST(slg_transaction_open(&transaction, exact, bytes.len));
    MUST(transaction.head.first_event == first_event &&
         transaction.head.time_ms == time_ms);
    for (size_t i = 0; i < made.op_count; i++) {
        MUST(slg_transaction_next_op(&transaction, &op));
        ops_must_be_same(&op, &made.ops[i]);
    }
    for (size_t i = 0; i < made.event_count; i++) {
        MUST(slg_transaction_next_event(&transaction, &event));
        slices_must_be_same(event, made.events[i]);
    }
    MUST(!slg_transaction_next_op(&transaction, &op) &&
         !slg_transaction_next_event(&transaction, &event));
    /* Cut short it is none: all that is there was counted. */
    MUST(bytes.len == 0 ||
         !slg_transaction_open(&transaction, exact, bytes.len - 1));
    free(exact);
    slg_bytes_free(&bytes);
    slg_draft_free(&draft);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    uint8_t *exact = exact_copy(data, size);

    transaction_must_hold(exact, size);
    ends_must_hold(exact, size);
    name_must_hold(exact, size);
    free(exact);
    draft_must_hold(&input);
    return 0;
}
