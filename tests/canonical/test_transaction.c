/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_transaction.c - transactions as bytes (SPEC.md 17.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/canonical/transaction.h"

/* The second where a constant is wanted. */
#define SLICE(text) ((struct seglog_slice){ text, sizeof text - 1 })
#define BYTES(text)                                                            \
    {                                                                          \
        text, sizeof text - 1                                                  \
    }

static void
birth__of_the_specification__has_its_bytes(void **state)
{
    static const uint8_t expected[] = { 0x43, 0x31, 0x00, 0xE8,
                                        0x07, 0x01, 0x00, 0x08 };
    const struct slg_op birth = { .type = SLG_OP_BIRTH };
    struct slg_draft draft = { 0 };
    struct slg_bytes bytes = { 0 };

    (void)state;
    assert_true(slg_draft_add_op(&draft, &birth));
    assert_true(slg_draft_finish(&draft, 0, 1000, &bytes));
    assert_int_equal(bytes.len, sizeof expected);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    slg_bytes_free(&bytes);
    slg_draft_free(&draft);
}

static void
put_and_event__of_the_specification__have_their_bytes(void **state)
{
    static const uint8_t expected[] = { 0x43, 0x31, 0x00, 0xE8, 0x07,
                                        0x01, 0x01, 0x01, 0x01, 0x6B,
                                        0x01, 0x76, 0x07, 0x65, 0x76,
                                        0x65, 0x6E, 0x74, 0x20, 0x30 };
    const struct slg_op put = { .type = SLG_OP_PUT,
                                .key = SLICE("k"),
                                .value = SLICE("v") };
    struct slg_draft draft = { 0 };
    struct slg_bytes bytes = { 0 };

    (void)state;
    assert_true(slg_draft_add_op(&draft, &put));
    assert_true(slg_draft_add_event(&draft, SLICE("event 0")));
    assert_true(slg_draft_finish(&draft, 0, 1000, &bytes));
    assert_int_equal(bytes.len, sizeof expected);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    slg_bytes_free(&bytes);
    slg_draft_free(&draft);
}

static const struct slg_op OPS[] = {
    { .type = SLG_OP_PUT, .key = BYTES("key"), .value = BYTES("value") },
    { .type = SLG_OP_PUT, .key = BYTES("empty"), .value = { 0 } },
    { .type = SLG_OP_DELETE, .key = BYTES("gone") },
    { .type = SLG_OP_SET, .field = SLG_FIELD_SEALED, .number = 77 },
    { .type = SLG_OP_SET, .field = SLG_FIELD_PAUSED, .number = 1 },
    { .type = SLG_OP_SET, .field = SLG_FIELD_SCHEMA, .number = 300 },
    { .type = SLG_OP_CURSOR, .key = BYTES("reader"), .number = 12 },
    { .type = SLG_OP_CURSOR_REMOVE, .key = BYTES("reader") },
    { .type = SLG_OP_DEAD,
      .key = BYTES("reader"),
      .number = 5,
      .retries = 2,
      .value = BYTES("why") },
    { .type = SLG_OP_DEAD_REMOVE, .key = BYTES("reader"), .number = 5 },
};

#define OP_COUNT (sizeof OPS / sizeof OPS[0])

static void
make_one_of_each(struct slg_bytes *bytes)
{
    struct slg_draft draft = { 0 };

    for (size_t i = 0; i < OP_COUNT; i++)
        assert_true(slg_draft_add_op(&draft, &OPS[i]));
    assert_true(slg_draft_add_event(&draft, SLICE("one")));
    assert_true(slg_draft_add_event(&draft, SLICE("")));
    assert_true(slg_draft_add_event(&draft, SLICE("three")));
    assert_true(slg_draft_finish(&draft, 1000000, 1, bytes));
    assert_true(bytes->len <= slg_draft_get_size(&draft));
    slg_draft_free(&draft);
}

static void
assert_slice(struct seglog_slice actual, struct seglog_slice expected)
{
    assert_int_equal(actual.len, expected.len);
    if (expected.len > 0)
        assert_memory_equal(actual.data, expected.data, expected.len);
}

static void
every_op_and_event__written_and_read__is_the_same(void **state)
{
    struct slg_bytes bytes = { 0 };
    struct slg_transaction transaction;
    struct seglog_slice event;
    struct slg_op op;

    (void)state;
    make_one_of_each(&bytes);
    assert_true(slg_transaction_open(&transaction, bytes.data, bytes.len));
    assert_int_equal(transaction.head.first_event, 1000000);
    assert_int_equal(transaction.head.time_ms, 1);
    for (size_t i = 0; i < OP_COUNT; i++) {
        assert_true(slg_transaction_next_op(&transaction, &op));
        assert_int_equal(op.type, OPS[i].type);
        assert_int_equal(op.field, OPS[i].field);
        assert_int_equal(op.number, OPS[i].number);
        assert_int_equal(op.retries, OPS[i].retries);
        assert_slice(op.key, OPS[i].key);
        assert_slice(op.value, OPS[i].value);
    }
    assert_false(slg_transaction_next_op(&transaction, &op));
    assert_true(slg_transaction_next_event(&transaction, &event));
    assert_slice(event, SLICE("one"));
    assert_true(slg_transaction_next_event(&transaction, &event));
    assert_slice(event, SLICE(""));
    assert_true(slg_transaction_next_event(&transaction, &event));
    assert_slice(event, SLICE("three"));
    assert_false(slg_transaction_next_event(&transaction, &event));
    slg_bytes_free(&bytes);
}

/* In a block of its own size, so that reading beyond it is seen. */
static bool
opens(const uint8_t *bytes, size_t len)
{
    struct slg_transaction transaction;
    uint8_t *copy = malloc(len ? len : 1);
    bool is_open = false;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    is_open = slg_transaction_open(&transaction, copy, len);
    free(copy);
    return is_open;
}

static void
every_prefix__is_no_transaction(void **state)
{
    struct slg_bytes bytes = { 0 };

    (void)state;
    make_one_of_each(&bytes);
    for (size_t len = 0; len < bytes.len; len++)
        assert_false(opens(bytes.data, len));
    assert_true(opens(bytes.data, bytes.len));
    assert_true(slg_bytes_add(&bytes, "", 1));
    assert_false(opens(bytes.data, bytes.len));
    slg_bytes_free(&bytes);
}

static void
what_no_writer_writes__is_refused(void **state)
{
    /* Magic, first event, time, ops, events, and what follows. */
    static const struct {
        uint8_t bytes[16];
        size_t len;
    } bad[] = {
        { { 'C', '2', 0, 0, 0, 0 }, 6 },          /* another magic */
        { { 'C', '1', 0x80, 0, 0, 0, 0 }, 7 },    /* a number too long */
        { { 'C', '1', 0, 0, 1, 0, 9 }, 7 },       /* an unknown op */
        { { 'C', '1', 0, 0, 1, 0, 0 }, 7 },       /* likewise */
        { { 'C', '1', 0, 0, 1, 0, 1, 0, 0 }, 9 }, /* an empty key */
        { { 'C', '1', 0, 0, 1, 0, 3, 4, 0 }, 9 }, /* an unknown field */
        { { 'C', '1', 0, 0, 1, 0, 3, 2, 2 }, 9 }, /* paused twice over */
        { { 'C', '1', 0, 0, 2, 0, 8, 8 }, 8 },    /* born twice */
        { { 'C', '1', 0, 0, 1, 0, 4, 2, 'a', 0, 1 }, 11 }, /* 0 in a name */
        { { 'C', '1', 0, 0, 0, 1, 1 }, 7 },      /* an event is short */
        { { 'C', '1', 0, 0, 0, 1, 0, 'a' }, 8 }, /* bytes left over */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(opens(bad[i].bytes, bad[i].len));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(birth__of_the_specification__has_its_bytes),
        cmocka_unit_test(put_and_event__of_the_specification__have_their_bytes),
        cmocka_unit_test(every_op_and_event__written_and_read__is_the_same),
        cmocka_unit_test(every_prefix__is_no_transaction),
        cmocka_unit_test(what_no_writer_writes__is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
