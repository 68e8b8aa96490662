/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_batch.c
 *
 * Goal    batches are transactions of their own, whoever commits them with
 *         which others; what they rely on holds, or they are CONFLICT; and one
 *         that fails takes no other with it.
 */
#include "tests/canonical/canonical_support.h"

#include <pthread.h>
#include <stdio.h>

static struct seglog_write_batch *
batch_new(struct seglog_canonical *canonical)
{
    struct seglog_write_batch *batch = NULL;

    assert_ok(seglog_write_batch_new(canonical, &batch, NULL));
    return batch;
}

static void
batch_put(struct seglog_write_batch *batch, const char *key, const char *value)
{
    assert_ok(seglog_write_batch_put(batch, text_slice(key), text_slice(value),
                                     NULL));
}

static void
batch_event(struct seglog_write_batch *batch, const char *event)
{
    assert_ok(seglog_write_batch_append_event(batch, text_slice(event), NULL));
}

static void
batch_expect(struct seglog_write_batch *batch, const char *key,
             const char *value)
{
    const struct seglog_slice slice =
        value ? text_slice(value) : (struct seglog_slice){ 0 };

    assert_ok(seglog_write_batch_expect(batch, text_slice(key),
                                        value ? &slice : NULL, NULL));
}

/* -- one ------------------------------------------------------------------- */

static void
batch__is_a_transaction_that_can_be_repeated(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_batch *batch = batch_new(fixture->canonical);
    struct seglog_commit_info info;

    (void)commit_one(fixture->canonical, "gone", "1", NULL);
    batch_put(batch, "a", "1");
    assert_ok(seglog_write_batch_delete(batch, text_slice("gone"), NULL));
    batch_event(batch, "one");
    batch_event(batch, "two");
    assert_state(fixture->canonical, NULL, "gone=1");
    assert_ok(seglog_write_batch_commit(batch, false, &info, NULL));
    assert_int_equal(info.position, 2);
    assert_int_equal(info.first_event, 0);
    assert_int_equal(info.last_event, 1);
    assert_int_equal(info.events, 2);
    assert_int_equal(info.writes, 2);
    assert_false(info.is_durable);
    assert_ok(seglog_write_batch_commit(batch, true, &info, NULL));
    assert_int_equal(info.first_event, 2);
    assert_true(info.is_durable);
    assert_state(fixture->canonical, NULL, "a=1");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END,
                  "0:one 1:two 2:one 3:two");
    seglog_write_batch_clear(batch);
    batch_put(batch, "b", "2");
    assert_ok(seglog_write_batch_commit(batch, false, &info, NULL));
    assert_int_equal(info.writes, 1);
    assert_int_equal(info.events, 0);
    assert_state(fixture->canonical, NULL, "a=1 b=2");
    seglog_write_batch_free(batch);
}

static void
batch__of_nothing__appends_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_batch *batch = batch_new(fixture->canonical);
    struct seglog_commit_info info;

    assert_ok(seglog_write_batch_commit(batch, true, &info, NULL));
    assert_int_equal(info.position, 1);
    assert_int_equal(info.events, 0);
    assert_true(info.is_durable);
    batch_expect(batch, "a", "1");
    assert_code(seglog_write_batch_commit(batch, false, NULL, NULL),
                SEGLOG_CONFLICT);
    (void)commit_one(fixture->canonical, "a", "1", NULL);
    assert_ok(seglog_write_batch_commit(batch, false, NULL, NULL));
    assert_int_equal(meta_of(fixture->canonical).position, 2);
    seglog_write_batch_free(batch);
}

static void
expectation__that_does_not_hold__is_conflict(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_batch *batch = batch_new(fixture->canonical);

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    (void)commit_one(fixture->canonical, "empty", "", NULL);
    batch_put(batch, "b", "2");
    batch_expect(batch, "a", "1");
    batch_expect(batch, "none", NULL);
    batch_expect(batch, "empty", "");
    assert_ok(seglog_write_batch_commit(batch, false, NULL, NULL));
    (void)commit_one(fixture->canonical, "a", "12", NULL);
    assert_code(seglog_write_batch_commit(batch, false, NULL, NULL),
                SEGLOG_CONFLICT);
    seglog_write_batch_clear(batch);
    batch_put(batch, "b", "3");
    batch_expect(batch, "a", NULL);
    assert_code(seglog_write_batch_commit(batch, false, NULL, NULL),
                SEGLOG_CONFLICT);
    seglog_write_batch_clear(batch);
    batch_put(batch, "b", "3");
    batch_expect(batch, "none", "");
    assert_code(seglog_write_batch_commit(batch, false, NULL, NULL),
                SEGLOG_CONFLICT);
    assert_state(fixture->canonical, NULL, "a=12 b=2 empty=");
    seglog_write_batch_free(batch);
}

/* -- many ------------------------------------------------------------------ */

#define MANY 6u

struct committing {
    struct seglog_write_batch *batch;
    seglog_code code;
    struct seglog_commit_info info;
};

static void *
commit_it(void *arg)
{
    struct committing *at = arg;

    at->code = seglog_write_batch_commit(at->batch, false, &at->info, NULL);
    return NULL;
}

/* While a transaction is open they queue up, in this order; then it ends: the
 * first is committed by itself, the others are one round. */
static void
commit_together(struct fixture *fixture, struct committing *all, size_t count,
                void (*before)(struct fixture *fixture))
{
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    pthread_t threads[MANY];

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, commit_it, &all[i]),
                         0);
        test_sleep_ms(30);
    }
    if (before)
        before(fixture);
    seglog_write_txn_abort(txn);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void
batches_of_one_round__are_transactions_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    struct committing all[MANY] = { { 0 } };

    for (unsigned i = 0; i < MANY; i++) {
        char value[8];

        (void)snprintf(value, sizeof value, "%u", i);
        all[i].batch = batch_new(fixture->canonical);
        batch_put(all[i].batch, "last", value);
        batch_event(all[i].batch, value);
    }
    /* Relies on what one before it in the same round writes. */
    batch_expect(all[3].batch, "last", "2");
    batch_expect(all[4].batch, "last", "not this");
    commit_together(fixture, all, MANY, NULL);
    for (unsigned i = 0; i < MANY; i++) {
        assert_code(all[i].code, i == 4 ? SEGLOG_CONFLICT : SEGLOG_OK);
        if (i != 4) {
            assert_int_equal(all[i].info.position, i < 4 ? i + 1 : i);
            assert_int_equal(all[i].info.first_event, i < 4 ? i : i - 1);
        }
        seglog_write_batch_free(all[i].batch);
    }
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END,
                  "0:0 1:1 2:2 3:3 4:5");
    assert_value(fixture->canonical, "last", "5");
    store_close(fixture);
    view_remove(fixture);
    store_open(fixture);
    assert_value(fixture->canonical, "last", "5");
}

static void
second_append_fails(struct fixture *fixture)
{
    const struct seglog_fault fault = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_APPEND), .at = 2
    };

    assert_true(seglog_faults_add(fixture->faults, &fault));
}

/* What it relies on was not to be, but then was: it was committed, and says
 * so. */
static void
batch__refused_in_a_round_that_failed__says_what_became_of_it(void **state)
{
    struct fixture *fixture = *state;
    struct committing all[3] = { { 0 } };

    for (unsigned i = 0; i < 3; i++)
        all[i].batch = batch_new(fixture->canonical);
    batch_event(all[0].batch, "alone");
    batch_put(all[1].batch, "a", "1");
    batch_put(all[2].batch, "b", "1");
    batch_expect(all[2].batch, "a", "1");
    /* In the round it holds, and when each is tried by itself as well. */
    commit_together(fixture, all, 3, second_append_fails);
    for (unsigned i = 0; i < 3; i++)
        assert_ok(all[i].code);
    assert_state(fixture->canonical, NULL, "a=1 b=1");
    seglog_faults_clear(fixture->faults);
    for (unsigned i = 0; i < 3; i++)
        seglog_write_batch_clear(all[i].batch);
    batch_event(all[0].batch, "alone");
    batch_put(all[1].batch, "a", "2");
    batch_expect(all[1].batch, "b", "1");
    batch_put(all[2].batch, "b", "2");
    batch_expect(all[2].batch, "a", "1");
    /* In the round it does not hold; by itself neither. */
    commit_together(fixture, all, 3, second_append_fails);
    assert_ok(all[1].code);
    assert_code(all[2].code, SEGLOG_CONFLICT);
    assert_state(fixture->canonical, NULL, "a=2 b=1");
    for (unsigned i = 0; i < 3; i++)
        seglog_write_batch_free(all[i].batch);
}

static void
second_and_third_append_fail(struct fixture *fixture)
{
    const struct seglog_fault second = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_APPEND), .at = 2
    };
    const struct seglog_fault third = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_APPEND), .at = 3
    };

    assert_true(seglog_faults_add(fixture->faults, &second));
    assert_true(seglog_faults_add(fixture->faults, &third));
}

static void
batch__whose_rival_has_failed__is_committed_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct committing all[3] = { { 0 } };

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    for (unsigned i = 0; i < 3; i++)
        all[i].batch = batch_new(fixture->canonical);
    batch_event(all[0].batch, "alone");
    batch_put(all[1].batch, "a", "2");
    batch_put(all[2].batch, "b", "1");
    batch_expect(all[2].batch, "a", "1");
    commit_together(fixture, all, 3, second_and_third_append_fail);
    assert_code(all[1].code, SEGLOG_IO);
    assert_ok(all[2].code);
    assert_state(fixture->canonical, NULL, "a=1 b=1");
    for (unsigned i = 0; i < 3; i++)
        seglog_write_batch_free(all[i].batch);
}

/* Not each for as long again. */
static void
batches_of_a_round__that_is_locked_out__wait_once(void **state)
{
    struct fixture *fixture = *state;
    struct committing all[MANY] = { { 0 } };
    struct seglog_canonical *other = NULL;
    struct seglog_write_txn *txn = NULL;
    pthread_t threads[MANY];
    int64_t start = 0;

    fixture->options.lock_timeout_ms = 300;
    store_reopen(fixture);
    other = store_open_other(fixture);
    txn = write_begin(other);
    start = test_now_ms();
    for (unsigned i = 0; i < MANY; i++) {
        all[i].batch = batch_new(fixture->canonical);
        batch_event(all[i].batch, "e");
        assert_int_equal(pthread_create(&threads[i], NULL, commit_it, &all[i]),
                         0);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_code(all[i].code, SEGLOG_LOCKED);
        seglog_write_batch_free(all[i].batch);
    }
    assert_true(test_now_ms() - start < 1500);
    seglog_write_txn_abort(txn);
    assert_int_equal(meta_of(fixture->canonical).next_event, 0);
    assert_ok(seglog_canonical_close(other, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(batch__is_a_transaction_that_can_be_repeated),
        CANONICAL_TEST(batch__of_nothing__appends_nothing),
        CANONICAL_TEST(expectation__that_does_not_hold__is_conflict),
        CANONICAL_TEST(batches_of_one_round__are_transactions_in_their_order),
        CANONICAL_TEST(
            batch__refused_in_a_round_that_failed__says_what_became_of_it),
        CANONICAL_TEST(batch__whose_rival_has_failed__is_committed_and_says_so),
        CANONICAL_TEST(batches_of_a_round__that_is_locked_out__wait_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
