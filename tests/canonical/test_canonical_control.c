/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_control.c
 *
 * Goal    seal and pause hold for all who have the store open, are waited for
 *         and with, and stay; meta says what there is.
 */
#include "tests/canonical/canonical_support.h"

#include <pthread.h>
#include <stdatomic.h>

static seglog_code
begin_code(struct seglog_canonical *canonical, struct seglog_error *err)
{
    struct seglog_write_txn *txn = NULL;
    const seglog_code code = seglog_write_txn_begin(canonical, &txn, err);

    seglog_write_txn_abort(txn);
    return code;
}

static seglog_code
batch_code(struct seglog_canonical *canonical)
{
    struct seglog_write_batch *batch = NULL;
    seglog_code code = SEGLOG_OK;

    assert_ok(seglog_write_batch_new(canonical, &batch, NULL));
    assert_ok(seglog_write_batch_append_event(batch, text_slice("e"), NULL));
    code = seglog_write_batch_commit(batch, false, NULL, NULL);
    seglog_write_batch_free(batch);
    return code;
}

/* -- seal ------------------------------------------------------------------ */

static void
seal__of_an_empty_store__is_invalid(void **state)
{
    struct fixture *fixture = *state;
    uint64_t id = 5;

    assert_code(seglog_canonical_seal(fixture->canonical, &id, NULL),
                SEGLOG_INVALID);
    (void)commit_one(fixture->canonical, "a", "1", NULL);
    assert_code(seglog_canonical_seal(fixture->canonical, &id, NULL),
                SEGLOG_INVALID);
    assert_false(meta_of(fixture->canonical).is_sealed);
    assert_ok(begin_code(fixture->canonical, NULL));
}

static void
seal__refuses_writes_until_it_is_cleared(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_error err = { 0 };
    uint64_t id = 0;

    for (unsigned i = 0; i < 3; i++)
        (void)commit_one(fixture->canonical, "a", "1", "event");
    assert_ok(seglog_canonical_seal(fixture->canonical, &id, NULL));
    assert_int_equal(id, 2);
    assert_code(begin_code(fixture->canonical, &err), SEGLOG_SEALED);
    assert_int_equal(err.actual, 2);
    assert_code(batch_code(fixture->canonical), SEGLOG_SEALED);
    /* Reading goes on, and to seal again is no error. */
    assert_value(fixture->canonical, "a", "1");
    id = 0;
    assert_ok(seglog_canonical_seal(fixture->canonical, &id, NULL));
    assert_int_equal(id, 2);
    assert_true(meta_of(fixture->canonical).is_sealed);
    assert_int_equal(meta_of(fixture->canonical).sealed_event, 2);
    assert_ok(seglog_canonical_clear_seal(fixture->canonical, NULL));
    assert_false(meta_of(fixture->canonical).is_sealed);
    assert_int_equal(
        commit_one(fixture->canonical, "a", "2", "event").first_event, 3);
    assert_ok(seglog_canonical_seal(fixture->canonical, NULL, NULL));
    assert_int_equal(meta_of(fixture->canonical).sealed_event, 3);
}

static void
seal_and_pause__stay_when_it_is_opened_again(void **state)
{
    struct fixture *fixture = *state;
    bool is_paused = false;

    (void)commit_one(fixture->canonical, NULL, NULL, "event");
    assert_ok(seglog_canonical_seal(fixture->canonical, NULL, NULL));
    assert_ok(seglog_canonical_pause(fixture->canonical, 0, NULL));
    for (unsigned round = 0; round < 2; round++) {
        store_close(fixture);
        if (round == 1)
            view_remove(fixture);
        store_open(fixture);
        assert_code(begin_code(fixture->canonical, NULL), SEGLOG_SEALED);
        assert_ok(
            seglog_canonical_is_paused(fixture->canonical, &is_paused, NULL));
        assert_true(is_paused);
    }
    assert_ok(seglog_canonical_clear_seal(fixture->canonical, NULL));
    assert_code(begin_code(fixture->canonical, NULL), SEGLOG_PAUSED);
    assert_ok(seglog_canonical_resume(fixture->canonical, NULL));
    assert_ok(begin_code(fixture->canonical, NULL));
}

static void
seal_and_pause__hold_for_other_handles(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = store_open_other(fixture);
    bool is_paused = false;

    (void)commit_one(fixture->canonical, NULL, NULL, "event");
    assert_ok(seglog_canonical_pause(fixture->canonical, 0, NULL));
    assert_code(begin_code(other, NULL), SEGLOG_PAUSED);
    assert_code(batch_code(other), SEGLOG_PAUSED);
    assert_ok(seglog_canonical_is_paused(other, &is_paused, NULL));
    assert_true(is_paused);
    assert_ok(seglog_canonical_resume(other, NULL));
    assert_ok(begin_code(fixture->canonical, NULL));
    assert_ok(seglog_canonical_seal(other, NULL, NULL));
    assert_code(begin_code(fixture->canonical, NULL), SEGLOG_SEALED);
    assert_ok(seglog_canonical_close(other, NULL));
}

/* -- pause ----------------------------------------------------------------- */

struct pausing {
    struct seglog_canonical *canonical;
    int timeout_ms;
    seglog_code code;
    atomic_bool is_done;
};

static void *
pause_it(void *arg)
{
    struct pausing *pausing = arg;

    pausing->code =
        seglog_canonical_pause(pausing->canonical, pausing->timeout_ms, NULL);
    atomic_store(&pausing->is_done, true);
    return NULL;
}

static void
pause__waits_for_the_transaction_that_is_open(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = store_open_other(fixture);

    for (unsigned i = 0; i < 2; i++) {
        struct pausing pausing = {
            .canonical = i == 0 ? fixture->canonical : other,
            .timeout_ms = 10000,
        };
        struct seglog_write_txn *txn = write_begin(fixture->canonical);
        pthread_t thread;

        write_put(txn, "a", i == 0 ? "1" : "2");
        assert_int_equal(pthread_create(&thread, NULL, pause_it, &pausing), 0);
        test_sleep_ms(50);
        assert_false(atomic_load(&pausing.is_done));
        (void)write_commit(txn);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_ok(pausing.code);
        assert_code(begin_code(fixture->canonical, NULL), SEGLOG_PAUSED);
        assert_value(fixture->canonical, "a", i == 0 ? "1" : "2");
        assert_ok(seglog_canonical_resume(fixture->canonical, NULL));
    }
    assert_ok(seglog_canonical_close(other, NULL));
}

/* The seed stayed paused when its time was up. */
static void
pause__whose_time_is_up__pauses_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = store_open_other(fixture);

    for (unsigned i = 0; i < 2; i++) {
        struct pausing pausing = {
            .canonical = i == 0 ? fixture->canonical : other,
            .timeout_ms = 60,
        };
        struct seglog_write_txn *txn = write_begin(fixture->canonical);
        const int64_t start = test_now_ms();
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, pause_it, &pausing), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_code(pausing.code, SEGLOG_LOCKED);
        assert_true(test_now_ms() - start >= 55);
        assert_true(test_now_ms() - start < 3000);
        (void)write_event(txn, "goes on");
        (void)write_commit(txn);
        assert_ok(begin_code(fixture->canonical, NULL));
        assert_false(meta_of(fixture->canonical).is_paused);
    }
    assert_ok(seglog_canonical_close(other, NULL));
}

static void
pause_and_resume__can_be_repeated(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(seglog_canonical_resume(fixture->canonical, NULL));
    assert_ok(seglog_canonical_pause(fixture->canonical, 0, NULL));
    assert_ok(seglog_canonical_pause(fixture->canonical, -1, NULL));
    assert_code(begin_code(fixture->canonical, NULL), SEGLOG_PAUSED);
    assert_ok(seglog_canonical_resume(fixture->canonical, NULL));
    assert_ok(begin_code(fixture->canonical, NULL));
}

/* -- meta ------------------------------------------------------------------ */

static void
schema_version__is_what_was_set(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(seglog_canonical_set_schema_version(fixture->canonical, 3, NULL));
    assert_int_equal(meta_of(fixture->canonical).schema_version, 3);
    assert_code(seglog_canonical_set_schema_version(
                    fixture->canonical, (uint64_t)INT64_MAX + 1, NULL),
                SEGLOG_INVALID);
    assert_ok(seglog_canonical_set_schema_version(fixture->canonical, INT64_MAX,
                                                  NULL));
    store_close(fixture);
    view_remove(fixture);
    store_open(fixture);
    assert_int_equal(meta_of(fixture->canonical).schema_version, INT64_MAX);
}

static void
meta__counts_what_there_is(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical_meta meta;

    (void)commit_one(fixture->canonical, "a", "1", "one");
    (void)commit_one(fixture->canonical, "b", "1", "two");
    (void)commit_one(fixture->canonical, "a", "2", NULL);
    meta = meta_of(fixture->canonical);
    assert_int_equal(meta.keys, 2);
    assert_int_equal(meta.next_event, 2);
    assert_int_equal(meta.position, 4);
    assert_true(meta.updated_ms >= meta.created_ms);
    assert_true(meta.view_bytes > 0);
    assert_true(meta.head.len > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(seal__of_an_empty_store__is_invalid),
        CANONICAL_TEST(seal__refuses_writes_until_it_is_cleared),
        CANONICAL_TEST(seal_and_pause__stay_when_it_is_opened_again),
        CANONICAL_TEST(seal_and_pause__hold_for_other_handles),
        CANONICAL_TEST(pause__waits_for_the_transaction_that_is_open),
        CANONICAL_TEST(pause__whose_time_is_up__pauses_nothing),
        CANONICAL_TEST(pause_and_resume__can_be_repeated),
        CANONICAL_TEST(schema_version__is_what_was_set),
        CANONICAL_TEST(meta__counts_what_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
