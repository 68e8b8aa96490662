/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_stripe_lock.c - sets of keys under stripe locks. */
#define _GNU_SOURCE /* pthread_barrier_t, clock_gettime */

#include "tests/support/seglog_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "seglog/stripe_lock.h"

#define SLICE(text) ((struct seglog_slice){ text, sizeof text - 1 })

static struct seglog_stripe_locks *
locks_new(size_t stripes)
{
    struct seglog_stripe_locks *locks = NULL;

    assert_ok(seglog_stripe_locks_new(stripes, &locks, NULL));
    return locks;
}

static struct seglog_stripe_guard *
lock_one(struct seglog_stripe_locks *locks, struct seglog_slice key)
{
    struct seglog_stripe_guard *guard = NULL;

    assert_ok(seglog_stripe_locks_lock(locks, &key, 1, 0, &guard, NULL));
    return guard;
}

static int64_t
now_ms(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
sleep_us(long us)
{
    const struct timespec time = { .tv_sec = us / 1000000,
                                   .tv_nsec = us % 1000000 * 1000 };

    (void)nanosleep(&time, NULL);
}

/* A key of a stripe: "k0", "k1", ... until one is. */
static struct seglog_slice
key_of_stripe(const struct seglog_stripe_locks *locks, size_t stripe,
              char buf[16])
{
    for (int i = 0;; i++) {
        const int len = snprintf(buf, 16, "k%d", i);
        const struct seglog_slice key = { buf, (size_t)len };

        if (seglog_stripe_locks_get_stripe(locks, key) == stripe)
            return key;
    }
}

/* -- what there is --------------------------------------------------------- */

static void
new__without_a_number__makes_256(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    const struct seglog_slice keys[] = { SLICE("key1"), SLICE("key2") };
    struct seglog_stripe_guard *guard = NULL;

    (void)state;
    assert_int_equal(seglog_stripe_locks_get_count(locks), 256);
    assert_ok(seglog_stripe_locks_lock(locks, keys, 2, 0, &guard, NULL));
    assert_int_equal(seglog_stripe_guard_get_count(guard), 2);
    seglog_stripe_guard_unlock(guard);
    seglog_stripe_locks_free(locks);
}

static void
new__out_of_range__is_invalid(void **state)
{
    struct seglog_stripe_locks *locks = NULL;

    (void)state;
    assert_code(seglog_stripe_locks_new(SEGLOG_STRIPES_MAX + 1, &locks, NULL),
                SEGLOG_INVALID);
    assert_null(locks);
    assert_code(seglog_stripe_locks_new(1, NULL, NULL), SEGLOG_INVALID);
    locks = locks_new(SEGLOG_STRIPES_MAX);
    assert_int_equal(seglog_stripe_locks_get_count(locks), 65536);
    seglog_stripe_locks_free(locks);
}

static void
null__everywhere__is_accepted(void **state)
{
    (void)state;
    seglog_stripe_guard_unlock(NULL);
    seglog_stripe_locks_free(NULL);
    assert_int_equal(seglog_stripe_guard_get_count(NULL), 0);
    assert_int_equal(seglog_stripe_locks_get_count(NULL), 0);
    assert_int_equal(seglog_stripe_locks_get_stripe(NULL, SLICE("a")), 0);
}

static void
stripe__of_a_key__is_its_xxh3_modulo_their_number(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(256);
    struct seglog_stripe_locks *odd = locks_new(1000);

    (void)state;
    /* XXH3-64 of nothing: 2D06800538D394C2; of "abc": 78AF5F94892F3950. */
    assert_int_equal(
        seglog_stripe_locks_get_stripe(locks, (struct seglog_slice){ 0 }),
        0xC2);
    assert_int_equal(seglog_stripe_locks_get_stripe(locks, SLICE("abc")), 0x50);
    assert_int_equal(seglog_stripe_locks_get_stripe(odd, SLICE("abc")),
                     UINT64_C(0x78AF5F94892F3950) % 1000);
    seglog_stripe_locks_free(odd);
    seglog_stripe_locks_free(locks);
}

static void
stripe__of_many_keys__is_each_of_them(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(256);
    unsigned counts[256] = { 0 };

    (void)state;
    for (unsigned i = 0; i < 25600; i++) {
        char buf[16];
        const int len = snprintf(buf, sizeof buf, "key%u", i);
        const struct seglog_slice key = { buf, (size_t)len };
        const size_t stripe = seglog_stripe_locks_get_stripe(locks, key);

        assert_true(stripe < 256);
        counts[stripe]++;
    }
    for (unsigned i = 0; i < 256; i++)
        assert_in_range(counts[i], 50, 160);
    seglog_stripe_locks_free(locks);
}

/* -- sets ------------------------------------------------------------------ */

static void
lock__of_no_keys__holds_nothing(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(1);
    struct seglog_stripe_guard *held = lock_one(locks, SLICE("key"));
    struct seglog_stripe_guard *guard = NULL;

    (void)state;
    assert_ok(seglog_stripe_locks_lock(locks, NULL, 0, 1, &guard, NULL));
    assert_non_null(guard);
    assert_int_equal(seglog_stripe_guard_get_count(guard), 0);
    seglog_stripe_guard_unlock(guard);
    seglog_stripe_guard_unlock(held);
    seglog_stripe_locks_free(locks);
}

static void
lock__of_one_key_three_times__takes_one_stripe(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    const struct seglog_slice keys[] = { SLICE("key1"), SLICE("key1"),
                                         SLICE("key1") };
    struct seglog_stripe_guard *guard = NULL;

    (void)state;
    assert_ok(seglog_stripe_locks_lock(locks, keys, 3, 50, &guard, NULL));
    assert_int_equal(seglog_stripe_guard_get_count(guard), 1);
    seglog_stripe_guard_unlock(guard);
    seglog_stripe_locks_free(locks);
}

static void
lock__of_different_keys_in_one_stripe__takes_it_once(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(1);
    const struct seglog_slice keys[] = { SLICE("a"), SLICE("b"), SLICE("c") };
    struct seglog_stripe_guard *guard = NULL;

    (void)state;
    assert_ok(seglog_stripe_locks_lock(locks, keys, 3, 50, &guard, NULL));
    assert_int_equal(seglog_stripe_guard_get_count(guard), 1);
    seglog_stripe_guard_unlock(guard);
    seglog_stripe_locks_free(locks);
}

static void
lock__of_as_many_keys_as_may_be__and_one_more(void **state)
{
    static char bytes[SEGLOG_STRIPE_KEYS_MAX + 1][8];
    static struct seglog_slice keys[SEGLOG_STRIPE_KEYS_MAX + 1];
    struct seglog_stripe_locks *locks = locks_new(0);
    struct seglog_stripe_guard *guard = NULL;
    struct seglog_error err = { 0 };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(keys); i++) {
        const int len = snprintf(bytes[i], sizeof bytes[i], "%u", i);

        keys[i] = (struct seglog_slice){ bytes[i], (size_t)len };
    }
    assert_ok(seglog_stripe_locks_lock(locks, keys, 10000, 0, &guard, NULL));
    assert_int_equal(seglog_stripe_guard_get_count(guard), 256);
    seglog_stripe_guard_unlock(guard);
    assert_code(seglog_stripe_locks_lock(locks, keys, 10001, 0, &guard, &err),
                SEGLOG_TOO_LARGE);
    assert_null(guard);
    assert_int_equal(err.actual, 10000);
    seglog_stripe_locks_free(locks);
}

static void
lock__with_bad_arguments__is_invalid(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    const struct seglog_slice bad = { NULL, 1 };
    const struct seglog_slice key = SLICE("a");
    struct seglog_stripe_guard *guard = NULL;

    (void)state;
    assert_code(seglog_stripe_locks_lock(NULL, &key, 1, 0, &guard, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stripe_locks_lock(locks, &key, 1, 0, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stripe_locks_lock(locks, NULL, 1, 0, &guard, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_stripe_locks_lock(locks, &bad, 1, 0, &guard, NULL),
                SEGLOG_INVALID);
    assert_null(guard);
    seglog_stripe_locks_free(locks);
}

/* -- time-outs ------------------------------------------------------------- */

struct attempt {
    struct seglog_stripe_locks *locks;
    const struct seglog_slice *keys;
    size_t count;
    int timeout_ms;
    seglog_code code;
    struct seglog_error err;
    struct seglog_stripe_guard *guard;
    int64_t took_ms;
    atomic_int *order;
    int place; /* in the order in which they came through */
};

static void *
attempt_run(void *arg)
{
    struct attempt *attempt = arg;
    const int64_t start = now_ms();

    attempt->code = seglog_stripe_locks_lock(
        attempt->locks, attempt->keys, attempt->count, attempt->timeout_ms,
        &attempt->guard, &attempt->err);
    attempt->took_ms = now_ms() - start;
    if (attempt->order) {
        attempt->place = atomic_fetch_add(attempt->order, 1);
        seglog_stripe_guard_unlock(attempt->guard);
    }
    return NULL;
}

static void
attempt_elsewhere(struct attempt *attempt)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, attempt_run, attempt), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
timeout__names_the_stripe(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    const struct seglog_slice key = SLICE("abc"); /* stripe 80 */
    struct seglog_stripe_guard *held = lock_one(locks, key);
    struct attempt attempt = {
        .locks = locks, .keys = &key, .count = 1, .timeout_ms = 50
    };

    (void)state;
    attempt_elsewhere(&attempt);
    assert_code(attempt.code, SEGLOG_LOCKED);
    assert_null(attempt.guard);
    assert_int_equal(attempt.err.actual, 80);
    assert_non_null(strstr(attempt.err.message, "stripe 80 "));
    assert_in_range(attempt.took_ms, 50, 4000);
    seglog_stripe_guard_unlock(held);
    attempt_elsewhere(&attempt);
    assert_ok(attempt.code);
    /* Another thread than the one that has locked. */
    seglog_stripe_guard_unlock(attempt.guard);
    seglog_stripe_guard_unlock(lock_one(locks, key));
    seglog_stripe_locks_free(locks);
}

static void
timeout__of_zero__is_five_seconds(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(1);
    const struct seglog_slice key = SLICE("any_key");
    struct seglog_stripe_guard *held = lock_one(locks, key);
    struct attempt attempt = { .locks = locks, .keys = &key, .count = 1 };

    (void)state;
    attempt_elsewhere(&attempt);
    assert_code(attempt.code, SEGLOG_LOCKED);
    assert_in_range(attempt.took_ms, 5000, 9000);
    seglog_stripe_guard_unlock(held);
    seglog_stripe_locks_free(locks);
}

static void
timeout__gives_back_what_it_had(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    char bufs[3][16];
    const struct seglog_slice keys[] = { key_of_stripe(locks, 200, bufs[0]),
                                         key_of_stripe(locks, 3, bufs[1]),
                                         key_of_stripe(locks, 100, bufs[2]) };
    struct seglog_stripe_guard *held = lock_one(locks, keys[2]);
    struct attempt attempt = {
        .locks = locks, .keys = keys, .count = 3, .timeout_ms = 20
    };

    (void)state;
    attempt_elsewhere(&attempt);
    assert_code(attempt.code, SEGLOG_LOCKED);
    assert_int_equal(attempt.err.actual, 100);
    /* The one that it waited for stays with the one who has it. */
    attempt_elsewhere(&attempt);
    assert_code(attempt.code, SEGLOG_LOCKED);
    /* Both are free: the one that it took, and the one it did not come to. */
    attempt.count = 2;
    attempt_elsewhere(&attempt);
    assert_ok(attempt.code);
    seglog_stripe_guard_unlock(attempt.guard);
    seglog_stripe_guard_unlock(held);
    seglog_stripe_locks_free(locks);
}

struct release {
    struct seglog_stripe_guard *guards[2];
    long after_us;
};

static void *
release_run(void *arg)
{
    struct release *release = arg;

    sleep_us(release->after_us);
    seglog_stripe_guard_unlock(release->guards[0]);
    return NULL;
}

/* 600 ms of 700 are gone when the first stripe comes. */
static void
timeout__is_of_all_stripes_together(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    char bufs[2][16];
    const struct seglog_slice keys[] = { key_of_stripe(locks, 7, bufs[0]),
                                         key_of_stripe(locks, 8, bufs[1]) };
    struct release release = { .after_us = 600000 };
    struct attempt attempt = {
        .locks = locks, .keys = keys, .count = 2, .timeout_ms = 700
    };
    pthread_t thread;

    (void)state;
    release.guards[0] = lock_one(locks, keys[0]);
    release.guards[1] = lock_one(locks, keys[1]);
    assert_int_equal(pthread_create(&thread, NULL, release_run, &release), 0);
    attempt_elsewhere(&attempt);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_code(attempt.code, SEGLOG_LOCKED);
    assert_int_equal(attempt.err.actual, 8);
    assert_in_range(attempt.took_ms, 700, 1250);
    seglog_stripe_guard_unlock(release.guards[1]);
    seglog_stripe_locks_free(locks);
}

static void
timeout__negative__waits_for_ever(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(1);
    const struct seglog_slice key = SLICE("key");
    struct release release = { .after_us = 200000 };
    struct attempt attempt = {
        .locks = locks, .keys = &key, .count = 1, .timeout_ms = -1
    };
    pthread_t thread;

    (void)state;
    release.guards[0] = lock_one(locks, key);
    assert_int_equal(pthread_create(&thread, NULL, release_run, &release), 0);
    attempt_elsewhere(&attempt);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_ok(attempt.code);
    assert_in_range(attempt.took_ms, 150, 4000);
    seglog_stripe_guard_unlock(attempt.guard);
    seglog_stripe_locks_free(locks);
}

/* There is no owner that could be let through. */
static void
lock__of_the_same_set_twice_on_one_thread__times_out(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    const struct seglog_slice keys[] = { SLICE("abc"), SLICE("key2") };
    struct seglog_stripe_guard *guard = NULL;
    struct seglog_stripe_guard *again = NULL;

    (void)state;
    assert_ok(seglog_stripe_locks_lock(locks, keys, 2, 0, &guard, NULL));
    assert_code(seglog_stripe_locks_lock(locks, keys, 2, 20, &again, NULL),
                SEGLOG_LOCKED);
    assert_null(again);
    seglog_stripe_guard_unlock(guard);
    assert_ok(seglog_stripe_locks_lock(locks, keys, 2, 20, &again, NULL));
    seglog_stripe_guard_unlock(again);
    seglog_stripe_locks_free(locks);
}

/* -- many at once ---------------------------------------------------------- */

/* One in the middle of the queue leaves it, the others come in their order. */
static void
waiting__goes_by_who_waits_longest(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(1);
    const struct seglog_slice key = SLICE("key");
    struct seglog_stripe_guard *held = lock_one(locks, key);
    struct attempt attempts[5];
    pthread_t threads[5];
    atomic_int order = 0;

    (void)state;
    for (int i = 0; i < 5; i++) {
        attempts[i] = (struct attempt){ .locks = locks,
                                        .keys = &key,
                                        .count = 1,
                                        .timeout_ms = i == 2 ? 1 : -1,
                                        .order = i == 2 ? NULL : &order };
        assert_int_equal(
            pthread_create(&threads[i], NULL, attempt_run, &attempts[i]), 0);
        sleep_us(100000);
    }
    assert_int_equal(pthread_join(threads[2], NULL), 0);
    assert_code(attempts[2].code, SEGLOG_LOCKED);
    seglog_stripe_guard_unlock(held);
    for (int i = 0; i < 5; i++) {
        if (i == 2)
            continue;
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(attempts[i].code);
        assert_int_equal(attempts[i].place, i < 2 ? i : i - 1);
    }
    seglog_stripe_guard_unlock(lock_one(locks, key));
    seglog_stripe_locks_free(locks);
}

struct storm {
    struct seglog_stripe_locks *locks;
    uint64_t seed;
    unsigned rounds;
    /* One for each stripe, under its lock and nothing else. */
    uint64_t *counts;
    atomic_bool *is_taken;
    uint64_t taken;
    unsigned met; /* somebody else in a stripe */
    seglog_code code;
};

#define STORM_KEYS 6

/* Count in each stripe of these keys, alone there. */
static void
storm_visit(struct storm *storm, const struct seglog_slice *keys, size_t count,
            bool is_slow)
{
    bool is_mine[16] = { false };

    for (size_t k = 0; k < count; k++) {
        const size_t at = seglog_stripe_locks_get_stripe(storm->locks, keys[k]);

        if (is_mine[at])
            continue;
        is_mine[at] = true;
        if (atomic_exchange(&storm->is_taken[at], true))
            storm->met++;
        storm->counts[at]++;
        storm->taken++;
    }
    if (is_slow)
        sleep_us(20);
    for (size_t at = 0; at < 16; at++) {
        if (is_mine[at] && !atomic_exchange(&storm->is_taken[at], false))
            storm->met++;
    }
}

/* Sets in any order, with doubles: what is under a lock is counted. */
static void *
storm_run(void *arg)
{
    struct storm *storm = arg;

    for (unsigned i = 0; i < storm->rounds && storm->code == SEGLOG_OK; i++) {
        char bytes[STORM_KEYS];
        struct seglog_slice keys[STORM_KEYS];
        struct seglog_stripe_guard *guard = NULL;
        const size_t count = 1 + test_random(&storm->seed) % STORM_KEYS;

        for (size_t k = 0; k < count; k++) {
            bytes[k] = (char)('a' + test_random(&storm->seed) % 26);
            keys[k] = (struct seglog_slice){ &bytes[k], 1 };
        }
        storm->code = seglog_stripe_locks_lock(storm->locks, keys, count, 60000,
                                               &guard, NULL);
        if (guard)
            storm_visit(storm, keys, count, i % 16 == 0);
        seglog_stripe_guard_unlock(guard);
    }
    return NULL;
}

static void
storm_check(unsigned threads, unsigned rounds, size_t stripes)
{
    struct seglog_stripe_locks *locks = locks_new(stripes);
    uint64_t counts[16] = { 0 };
    atomic_bool is_taken[16] = { false };
    struct storm storms[8];
    pthread_t ids[8];
    uint64_t taken = 0;

    for (unsigned i = 0; i < threads; i++) {
        storms[i] = (struct storm){
            .locks = locks,
            .seed = i + 1,
            .rounds = rounds,
            .counts = counts,
            .is_taken = is_taken,
        };
        assert_int_equal(pthread_create(&ids[i], NULL, storm_run, &storms[i]),
                         0);
    }
    for (unsigned i = 0; i < threads; i++) {
        assert_int_equal(pthread_join(ids[i], NULL), 0);
        assert_ok(storms[i].code);
        assert_int_equal(storms[i].met, 0);
        taken += storms[i].taken;
    }
    for (unsigned i = 0; i < 16; i++)
        taken -= counts[i];
    assert_int_equal(taken, 0);
    seglog_stripe_locks_free(locks);
}

static void
lock__of_any_sets_by_many_threads__neither_hangs_nor_lets_two_in(void **state)
{
    (void)state;
    storm_check(8, 3000, 16);
    storm_check(8, 3000, 3);
}

struct reversed {
    struct seglog_stripe_locks *locks;
    struct seglog_slice keys[2];
    seglog_code code;
};

static void *
reversed_run(void *arg)
{
    struct reversed *reversed = arg;

    for (int i = 0; i < 100 && reversed->code == SEGLOG_OK; i++) {
        struct seglog_stripe_guard *guard = NULL;

        reversed->code = seglog_stripe_locks_lock(
            reversed->locks, reversed->keys, 2, 0, &guard, NULL);
        sleep_us(10);
        seglog_stripe_guard_unlock(guard);
    }
    return NULL;
}

static void
lock__of_keys_the_other_way_round__does_not_hang(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    struct reversed reversed[] = {
        { locks, { SLICE("key_a"), SLICE("key_b") }, SEGLOG_OK },
        { locks, { SLICE("key_b"), SLICE("key_a") }, SEGLOG_OK },
    };
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, reversed_run, &reversed[i]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(reversed[i].code);
    }
    seglog_stripe_locks_free(locks);
}

struct meeting {
    struct seglog_stripe_locks *locks;
    pthread_barrier_t *all;
    struct seglog_slice key;
    seglog_code code;
};

/* All hold theirs at the same time, or this hangs. */
static void *
meeting_run(void *arg)
{
    struct meeting *meeting = arg;
    struct seglog_stripe_guard *guard = NULL;

    meeting->code = seglog_stripe_locks_lock(meeting->locks, &meeting->key, 1,
                                             0, &guard, NULL);
    (void)pthread_barrier_wait(meeting->all);
    seglog_stripe_guard_unlock(guard);
    return NULL;
}

static void
lock__of_different_stripes__is_side_by_side(void **state)
{
    struct seglog_stripe_locks *locks = locks_new(0);
    struct meeting meetings[10];
    pthread_t threads[10];
    pthread_barrier_t all;
    char bufs[10][16];

    (void)state;
    assert_int_equal(pthread_barrier_init(&all, NULL, 10), 0);
    for (size_t i = 0; i < 10; i++) {
        meetings[i] = (struct meeting){
            .locks = locks,
            .all = &all,
            .key = key_of_stripe(locks, i * 25, bufs[i]),
        };
        assert_int_equal(
            pthread_create(&threads[i], NULL, meeting_run, &meetings[i]), 0);
    }
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(meetings[i].code);
    }
    (void)pthread_barrier_destroy(&all);
    seglog_stripe_locks_free(locks);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new__without_a_number__makes_256),
        cmocka_unit_test(new__out_of_range__is_invalid),
        cmocka_unit_test(null__everywhere__is_accepted),
        cmocka_unit_test(stripe__of_a_key__is_its_xxh3_modulo_their_number),
        cmocka_unit_test(stripe__of_many_keys__is_each_of_them),
        cmocka_unit_test(lock__of_no_keys__holds_nothing),
        cmocka_unit_test(lock__of_one_key_three_times__takes_one_stripe),
        cmocka_unit_test(lock__of_different_keys_in_one_stripe__takes_it_once),
        cmocka_unit_test(lock__of_as_many_keys_as_may_be__and_one_more),
        cmocka_unit_test(lock__with_bad_arguments__is_invalid),
        cmocka_unit_test(timeout__names_the_stripe),
        cmocka_unit_test(timeout__of_zero__is_five_seconds),
        cmocka_unit_test(timeout__gives_back_what_it_had),
        cmocka_unit_test(timeout__is_of_all_stripes_together),
        cmocka_unit_test(timeout__negative__waits_for_ever),
        cmocka_unit_test(lock__of_the_same_set_twice_on_one_thread__times_out),
        cmocka_unit_test(waiting__goes_by_who_waits_longest),
        cmocka_unit_test(
            lock__of_any_sets_by_many_threads__neither_hangs_nor_lets_two_in),
        cmocka_unit_test(lock__of_keys_the_other_way_round__does_not_hang),
        cmocka_unit_test(lock__of_different_stripes__is_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
