/* SPDX-License-Identifier: MIT */
/*
 * tests/store/store_conformance_discard.c - a lock that is taken away.
 *
 * Goal    whoever comes after a discard, with a handle of before or a new one,
 *         meets all the others at one lock whose hint is zero.
 */
#include "tests/store/store_conformance_parts.h"

enum {
    WAITERS = 4
};

static struct seglog_lock
open_lock(void **state)
{
    const struct store_fixture *fixture = *state;
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    if (fixture->factory->has_no_locks)
        skip();
    assert_code_err(seglog_lock_open(fixture->store, "a", &lock, &err),
                    SEGLOG_OK, &err);
    return lock;
}

static void
discard__not_held__is_invalid(void **state)
{
    struct seglog_lock a = open_lock(state);
    struct seglog_lock b = open_lock(state);
    struct seglog_error err;

    assert_code_err(seglog_lock_discard(a, &err), SEGLOG_INVALID, &err);
    assert_ok(seglog_lock_acquire(a, 0, NULL));
    assert_code(seglog_lock_discard(b, NULL), SEGLOG_INVALID);
    assert_ok(seglog_lock_release(a, NULL));
    assert_code(seglog_lock_discard(a, NULL), SEGLOG_INVALID);
    seglog_lock_close(&a);
    seglog_lock_close(&b);
}

static void
discard__held__stays_held_until_released(void **state)
{
    struct seglog_lock lock = open_lock(state);

    for (unsigned again = 0; again < 3; again++) {
        assert_ok(seglog_lock_acquire(lock, 0, NULL));
        assert_ok(seglog_lock_discard(lock, NULL));
        assert_ok(seglog_lock_discard(lock, NULL));
        assert_code(seglog_lock_acquire(lock, 0, NULL), SEGLOG_INVALID);
        assert_ok(seglog_lock_release(lock, NULL));
        assert_code(seglog_lock_release(lock, NULL), SEGLOG_INVALID);
    }
    seglog_lock_close(&lock);
}

/* Of the holder, one more handle of before, and a new one: in turn. */
static void
discard__then_released__all_meet_at_one_lock(void **state)
{
    static const uint8_t zeros[SEGLOG_LOCK_HINT_BYTES];
    const struct store_fixture *fixture = *state;

    for (unsigned first = 0; first < 3; first++) {
        struct seglog_lock locks[3] = { open_lock(state), open_lock(state) };

        assert_ok(seglog_lock_acquire(locks[0], 0, NULL));
        if (!fixture->factory->has_no_hints)
            test_fill(seglog_lock_get_hint(locks[0]), SEGLOG_LOCK_HINT_BYTES,
                      5);
        assert_ok(seglog_lock_discard(locks[0], NULL));
        if (!fixture->factory->has_no_hints)
            test_fill(seglog_lock_get_hint(locks[0]), SEGLOG_LOCK_HINT_BYTES,
                      6);
        assert_ok(seglog_lock_release(locks[0], NULL));

        locks[2] = open_lock(state);
        for (unsigned i = 0; i < 3; i++) {
            const unsigned holder = (first + i) % 3;

            assert_ok(seglog_lock_acquire(locks[holder], 0, NULL));
            if (i == 0 && !fixture->factory->has_no_hints)
                assert_memory_equal(seglog_lock_get_hint(locks[holder]), zeros,
                                    sizeof zeros);
            assert_code(seglog_lock_acquire(locks[(holder + 1) % 3], 0, NULL),
                        SEGLOG_LOCKED);
            assert_code(seglog_lock_acquire(locks[(holder + 2) % 3], 20, NULL),
                        SEGLOG_LOCKED);
            assert_ok(seglog_lock_release(locks[holder], NULL));
        }
        for (unsigned i = 0; i < 3; i++)
            seglog_lock_close(&locks[i]);
    }
}

struct waiter {
    pthread_t thread;
    struct seglog_lock lock;
    int timeout_ms;
    unsigned *inside;
    bool is_ok;
};

static void *
wait_and_count(void *arg)
{
    struct waiter *waiter = arg;

    waiter->is_ok = seglog_lock_acquire(waiter->lock, waiter->timeout_ms,
                                        NULL) == SEGLOG_OK;
    if (!waiter->is_ok)
        return NULL;
    waiter->is_ok = (*waiter->inside)++ == 0;
    test_sleep_ms(5);
    waiter->is_ok = --*waiter->inside == 0 && waiter->is_ok;
    waiter->is_ok =
        seglog_lock_release(waiter->lock, NULL) == SEGLOG_OK && waiter->is_ok;
    return NULL;
}

/* Closing releases as well. */
static void
discard__others_wait__get_it_one_by_one(void **state)
{
    struct seglog_lock lock = open_lock(state);
    struct waiter waiters[WAITERS];
    unsigned inside = 0;

    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    for (unsigned i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){ .lock = open_lock(state),
                                      .timeout_ms = i % 2 ? -1 : 60000,
                                      .inside = &inside };
        assert_int_equal(pthread_create(&waiters[i].thread, NULL,
                                        wait_and_count, &waiters[i]),
                         0);
    }
    test_sleep_ms(20);
    assert_ok(seglog_lock_discard(lock, NULL));
    seglog_lock_close(&lock);
    for (unsigned i = 0; i < WAITERS; i++) {
        assert_int_equal(pthread_join(waiters[i].thread, NULL), 0);
        assert_true(waiters[i].is_ok);
        seglog_lock_close(&waiters[i].lock);
    }
}

const struct CMUnitTest store_conformance_discard[] = {
    cmocka_unit_test(discard__not_held__is_invalid),
    cmocka_unit_test(discard__held__stays_held_until_released),
    cmocka_unit_test(discard__then_released__all_meet_at_one_lock),
    cmocka_unit_test(discard__others_wait__get_it_one_by_one),
    { 0 },
};
