/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_limits.c
 *
 * Goal    what is over a limit is refused before anything is written, and the
 *         transaction goes on; what is used wrongly is told, and harmless.
 */
#include "tests/canonical/canonical_support.h"

#include <pthread.h>
#include <stdio.h>

static char bytes[SEGLOG_VALUE_MAX + 1];

static struct seglog_slice
some_bytes(size_t len)
{
    return (struct seglog_slice){ bytes, len };
}

/* -- limits ---------------------------------------------------------------- */

static void
key__has_1_to_511_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_read_txn *reading = NULL;
    struct seglog_slice value;

    memset(bytes, 'k', SEGLOG_KEY_MAX + 1);
    assert_code(seglog_write_txn_put(txn, some_bytes(0), text_slice("v"), NULL),
                SEGLOG_INVALID);
    assert_code(seglog_write_txn_put(txn, (struct seglog_slice){ NULL, 3 },
                                     text_slice("v"), NULL),
                SEGLOG_INVALID);
    assert_code(
        seglog_write_txn_put(txn, some_bytes(512), text_slice("v"), NULL),
        SEGLOG_TOO_LARGE);
    assert_code(seglog_write_txn_delete(txn, some_bytes(512), NULL),
                SEGLOG_TOO_LARGE);
    assert_code(seglog_write_txn_get(txn, some_bytes(512), &value, NULL),
                SEGLOG_TOO_LARGE);
    assert_ok(
        seglog_write_txn_put(txn, some_bytes(511), text_slice("v"), NULL));
    assert_int_equal(write_commit(txn).writes, 1);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &reading, NULL));
    assert_ok(seglog_read_txn_get(reading, some_bytes(511), &value, NULL));
    assert_code(seglog_read_txn_get(reading, some_bytes(510), &value, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_read_txn_get(reading, some_bytes(0), &value, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_read_txn_get(reading, some_bytes(512), &value, NULL),
                SEGLOG_TOO_LARGE);
    seglog_read_txn_end(reading);
}

static void
value__over_its_limit__is_not_written(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_write_batch *batch = NULL;
    struct seglog_slice value;

    assert_code(seglog_write_txn_put(txn, text_slice("k"),
                                     some_bytes(SEGLOG_VALUE_MAX + 1), NULL),
                SEGLOG_TOO_LARGE);
    assert_code(seglog_write_txn_get(txn, text_slice("k"), &value, NULL),
                SEGLOG_NOT_FOUND);
    assert_ok(seglog_write_txn_put(txn, text_slice("k"),
                                   some_bytes(SEGLOG_VALUE_MAX), NULL));
    (void)write_commit(txn);
    assert_ok(seglog_write_batch_new(fixture->canonical, &batch, NULL));
    assert_code(seglog_write_batch_put(batch, text_slice("k"),
                                       some_bytes(SEGLOG_VALUE_MAX + 1), NULL),
                SEGLOG_TOO_LARGE);
    assert_code(
        seglog_write_batch_put(batch, some_bytes(512), some_bytes(1), NULL),
        SEGLOG_TOO_LARGE);
    assert_code(seglog_write_batch_append_event(
                    batch, some_bytes(SEGLOG_EVENT_MAX + 1), NULL),
                SEGLOG_TOO_LARGE);
    seglog_write_batch_free(batch);
}

static void
limits__of_the_options__hold(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = NULL;
    struct seglog_error err = { 0 };

    fixture->options.event_bytes_max = 10;
    fixture->options.value_bytes_max = 20;
    store_reopen(fixture);
    txn = write_begin(fixture->canonical);
    assert_code(seglog_write_txn_append_event(txn, some_bytes(11), NULL, &err),
                SEGLOG_TOO_LARGE);
    assert_int_equal(err.actual, 10);
    assert_code(
        seglog_write_txn_put(txn, text_slice("k"), some_bytes(21), &err),
        SEGLOG_TOO_LARGE);
    assert_int_equal(err.actual, 20);
    assert_ok(seglog_write_txn_append_event(txn, some_bytes(10), NULL, NULL));
    assert_ok(seglog_write_txn_put(txn, text_slice("k"), some_bytes(20), NULL));
    (void)write_commit(txn);
}

/* The seed committed the state, and only then looked at the event. */
static void
event__over_its_limit__writes_nothing_and_the_transaction_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_commit_info info;

    write_put(txn, "state", "1");
    assert_code(seglog_write_txn_append_event(
                    txn, some_bytes(SEGLOG_EVENT_MAX + 1), NULL, NULL),
                SEGLOG_TOO_LARGE);
    assert_value(fixture->canonical, "state", NULL);
    assert_int_equal(write_event(txn, "small"), 0);
    info = write_commit(txn);
    assert_int_equal(info.events, 1);
    assert_value(fixture->canonical, "state", "1");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:small");
}

/* To the last byte that fits, each of one kind. */
static void
transaction__up_to_its_limit__can_be_committed(void **state)
{
    struct fixture *fixture = *state;

    store_close(fixture);
    assert_ok(seglog_store_remove(fixture->files,
                                  "stream.0.0000000000.0000000000."
                                  "00000000000000000000.seg",
                                  NULL));
    fixture->options.body_log2 = SEGLOG_BODY_LOG2_MIN;
    store_open(fixture);
    for (unsigned kind = 0; kind < 3; kind++) {
        const uint64_t before = meta_of(fixture->canonical).position;
        struct seglog_write_txn *txn = write_begin(fixture->canonical);
        seglog_code code = SEGLOG_OK;
        size_t len = 1000;

        while (len > 0) {
            code = kind == 0 ? seglog_write_txn_put(txn, text_slice("k"),
                                                    some_bytes(len), NULL)
                   : kind == 1
                       ? seglog_write_txn_append_event(txn, some_bytes(len),
                                                       NULL, NULL)
                       : seglog_write_txn_delete(txn, text_slice("k"), NULL);
            if (code == SEGLOG_TOO_LARGE)
                len /= 2;
            else
                assert_ok(code);
        }
        (void)write_commit(txn);
        assert_int_equal(meta_of(fixture->canonical).position, before + 1);
    }
    store_reopen(fixture);
    assert_int_equal(meta_of(fixture->canonical).position, 4);
}

static void
view__that_is_full__refuses_and_the_store_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = NULL;
    seglog_code code = SEGLOG_OK;
    char key[16];

    store_close(fixture);
    fixture->options.view_bytes_max = 1 << 20;
    store_open(fixture);
    (void)commit_one(fixture->canonical, "a", "1", "one");
    txn = write_begin(fixture->canonical);
    for (unsigned i = 0; i < 1000 && code == SEGLOG_OK; i++) {
        (void)snprintf(key, sizeof key, "%u", i);
        code =
            seglog_write_txn_put(txn, text_slice(key), some_bytes(5000), NULL);
    }
    assert_code(code, SEGLOG_NO_SPACE);
    assert_code(
        seglog_write_txn_put(txn, text_slice("b"), text_slice("1"), NULL),
        SEGLOG_NO_SPACE);
    assert_code(seglog_write_txn_commit(txn, false, NULL, NULL),
                SEGLOG_NO_SPACE);
    assert_state(fixture->canonical, NULL, "a=1");
    (void)commit_one(fixture->canonical, "a", "2", "two");
    assert_state(fixture->canonical, NULL, "a=2");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:one 1:two");
}

static void
read_transactions__over_their_number__are_locked(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_read_txn *txns[8] = { NULL };
    struct seglog_read_txn *more = NULL;
    seglog_code code = SEGLOG_OK;
    unsigned count = 0;

    store_close(fixture);
    view_remove(fixture);
    fixture->options.readers_max = 4;
    store_open(fixture);
    while (count < COUNT_OF(txns) && code == SEGLOG_OK) {
        code = seglog_read_txn_begin(fixture->canonical, &txns[count], NULL);
        count += code == SEGLOG_OK;
    }
    assert_code(code, SEGLOG_LOCKED);
    assert_int_equal(count, 4);
    assert_code(seglog_read_txn_begin(fixture->canonical, &more, NULL),
                SEGLOG_LOCKED);
    /* Who writes is not concerned. */
    (void)commit_one(fixture->canonical, "a", "1", NULL);
    seglog_read_txn_end(txns[--count]);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &more, NULL));
    seglog_read_txn_end(more);
    while (count > 0)
        seglog_read_txn_end(txns[--count]);
}

static void
options__out_of_range__are_invalid(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical_options bad[] = {
        fixture->options, fixture->options, fixture->options, fixture->options
    };
    struct seglog_canonical *canonical = NULL;

    bad[0].size = 3;
    bad[1].body_log2 = SEGLOG_BODY_LOG2_MAX + 1;
    bad[2].view_bytes_max = 1;
    bad[3].chain = (enum seglog_chain)99;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_code(
            seglog_canonical_open(fixture->store, &bad[i], &canonical, NULL),
            SEGLOG_INVALID);
        assert_null(canonical);
    }
}

/* -- misuse ---------------------------------------------------------------- */

struct elsewhere {
    struct fixture *fixture;
    struct seglog_write_txn *txn;
    struct seglog_read_txn *reading;
    struct seglog_state_iter *iter;
    seglog_code codes[8];
};

static void *
use_elsewhere(void *arg)
{
    struct elsewhere *at = arg;
    struct seglog_slice key;
    struct seglog_slice value;
    struct seglog_state_iter *iter = NULL;

    at->codes[0] =
        seglog_write_txn_put(at->txn, text_slice("k"), text_slice("v"), NULL);
    at->codes[1] = seglog_write_txn_get(at->txn, text_slice("k"), &value, NULL);
    at->codes[2] =
        seglog_write_txn_append_event(at->txn, text_slice("e"), NULL, NULL);
    at->codes[3] = seglog_write_txn_commit(at->txn, false, NULL, NULL);
    at->codes[4] =
        seglog_read_txn_get(at->reading, text_slice("k"), &value, NULL);
    at->codes[5] = seglog_read_txn_iterate(at->reading, NULL, &iter, NULL);
    at->codes[6] = seglog_state_iter_next(at->iter, &key, &value, NULL);
    at->codes[7] = seglog_write_txn_iterate(at->txn, NULL, &iter, NULL);
    /* Does nothing: who has begun it goes on. */
    seglog_write_txn_abort(at->txn);
    seglog_read_txn_end(at->reading);
    return NULL;
}

static void
transaction__on_another_thread__is_invalid_and_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct elsewhere at = { .fixture = fixture };
    pthread_t thread;
    struct seglog_slice value;

    at.txn = write_begin(fixture->canonical);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &at.reading, NULL));
    assert_ok(seglog_read_txn_iterate(at.reading, NULL, &at.iter, NULL));
    assert_int_equal(pthread_create(&thread, NULL, use_elsewhere, &at), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(at.codes); i++)
        assert_code(at.codes[i], SEGLOG_INVALID);
    write_put(at.txn, "a", "1");
    assert_code(seglog_read_txn_get(at.reading, text_slice("a"), &value, NULL),
                SEGLOG_NOT_FOUND);
    seglog_state_iter_close(at.iter);
    seglog_read_txn_end(at.reading);
    (void)write_commit(at.txn);
    assert_state(fixture->canonical, NULL, "a=1");
}

static void
second_writer__on_the_same_thread__is_invalid_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_write_txn *second = NULL;
    struct seglog_write_batch *batch = NULL;
    const int64_t start = test_now_ms();
    uint64_t id = 0;

    assert_code(seglog_write_txn_begin(fixture->canonical, &second, NULL),
                SEGLOG_INVALID);
    assert_null(second);
    assert_ok(seglog_write_batch_new(fixture->canonical, &batch, NULL));
    assert_ok(seglog_write_batch_append_event(batch, text_slice("e"), NULL));
    assert_code(seglog_write_batch_commit(batch, false, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_canonical_seal(fixture->canonical, &id, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_canonical_pause(fixture->canonical, 0, NULL),
                SEGLOG_INVALID);
    assert_true(test_now_ms() - start < 2000);
    seglog_write_batch_free(batch);
    write_put(txn, "a", "1");
    (void)write_commit(txn);
    assert_value(fixture->canonical, "a", "1");
}

static void
iterator__after_its_transaction_has_ended__is_invalid(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = NULL;
    struct seglog_read_txn *reading = NULL;
    struct seglog_state_iter *iters[3];
    struct seglog_slice key;
    struct seglog_slice value;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    txn = write_begin(fixture->canonical);
    assert_ok(seglog_write_txn_iterate(txn, NULL, &iters[0], NULL));
    (void)write_commit(txn);
    txn = write_begin(fixture->canonical);
    assert_ok(seglog_write_txn_iterate(txn, NULL, &iters[1], NULL));
    assert_ok(seglog_state_iter_next(iters[1], &key, &value, NULL));
    seglog_write_txn_abort(txn);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &reading, NULL));
    assert_ok(seglog_read_txn_iterate(reading, NULL, &iters[2], NULL));
    seglog_read_txn_end(reading);
    for (size_t i = 0; i < COUNT_OF(iters); i++) {
        assert_code(seglog_state_iter_next(iters[i], &key, &value, NULL),
                    SEGLOG_INVALID);
        seglog_state_iter_close(iters[i]);
    }
}

static void
nothing__given_for_something__is_invalid(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical_meta meta;
    struct seglog_slice value;
    struct seglog_canonical_event event;
    struct seglog_canonical *none = NULL;
    uint64_t id = 0;
    char text[300];

    assert_code(
        seglog_canonical_open((struct seglog_store){ 0 }, NULL, &none, NULL),
        SEGLOG_INVALID);
    assert_code(seglog_canonical_open(fixture->store, NULL, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_canonical_sync(NULL, NULL), SEGLOG_INVALID);
    assert_code(seglog_canonical_get_meta(NULL, &meta, NULL), SEGLOG_INVALID);
    assert_code(seglog_canonical_seal(NULL, &id, NULL), SEGLOG_INVALID);
    assert_code(seglog_read_txn_get(NULL, text_slice("a"), &value, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_event_iter_next(NULL, &event, NULL), SEGLOG_INVALID);
    assert_code(seglog_write_txn_commit(NULL, false, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_write_batch_commit(NULL, false, NULL, NULL),
                SEGLOG_INVALID);
    seglog_state_iter_close(NULL);
    seglog_event_iter_close(NULL);
    seglog_read_txn_end(NULL);
    seglog_write_batch_free(NULL);
    seglog_canonical_describe(NULL, text, sizeof text);
    assert_string_equal(text, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(key__has_1_to_511_bytes),
        CANONICAL_TEST(value__over_its_limit__is_not_written),
        CANONICAL_TEST(limits__of_the_options__hold),
        CANONICAL_TEST(
            event__over_its_limit__writes_nothing_and_the_transaction_goes_on),
        CANONICAL_TEST(transaction__up_to_its_limit__can_be_committed),
        CANONICAL_TEST(view__that_is_full__refuses_and_the_store_goes_on),
        CANONICAL_TEST(read_transactions__over_their_number__are_locked),
        CANONICAL_TEST(options__out_of_range__are_invalid),
        CANONICAL_TEST(transaction__on_another_thread__is_invalid_and_goes_on),
        CANONICAL_TEST(second_writer__on_the_same_thread__is_invalid_at_once),
        CANONICAL_TEST(iterator__after_its_transaction_has_ended__is_invalid),
        CANONICAL_TEST(nothing__given_for_something__is_invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
