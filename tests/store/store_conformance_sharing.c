/* SPDX-License-Identifier: MIT */
/*
 * tests/store/store_conformance_sharing.c - locks, waiting, many threads.
 *
 * Goal    whoever shares a store gets in each other's way exactly as far as
 *         seglog/store.h says.
 * Method  threads note what they saw; only the main thread asserts, since a
 *         failed assertion leaves the test by a long jump.
 */
#include "tests/store/store_conformance_parts.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>

enum {
    THREADS = 4,
    ROUNDS = 200
};

static struct seglog_store
store_of(void **state)
{
    const struct store_fixture *fixture = *state;

    return fixture->store;
}

static void
skip_without_locks(void **state)
{
    const struct store_fixture *fixture = *state;

    if (fixture->factory->has_no_locks)
        skip();
}

static struct seglog_lock
open_lock(struct seglog_store store, const char *name)
{
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    assert_code_err(seglog_lock_open(store, name, &lock, &err), SEGLOG_OK,
                    &err);
    return lock;
}

/* One thread and what it is told to do. */
struct worker {
    pthread_t thread;
    struct seglog_store store;
    unsigned no;
    int delay_ms;
    bool is_ok;
    uint64_t *counter;
    sem_t is_held; /* the lock, by the thread */
};

static void
worker_start(struct worker *worker, void *(*run)(void *))
{
    worker->is_ok = false;
    assert_int_equal(pthread_create(&worker->thread, NULL, run, worker), 0);
}

static void
worker_join(struct worker *worker)
{
    assert_int_equal(pthread_join(worker->thread, NULL), 0);
    assert_true(worker->is_ok);
}

static void
lock__held__keeps_others_out_until_released(void **state)
{
    struct seglog_lock a;
    struct seglog_lock b;
    struct seglog_lock other;
    struct seglog_error err;

    skip_without_locks(state);
    a = open_lock(store_of(state), "a");
    b = open_lock(store_of(state), "a");
    other = open_lock(store_of(state), "a2");

    assert_ok(seglog_lock_acquire(a, 0, NULL));
    assert_code_err(seglog_lock_acquire(b, 0, &err), SEGLOG_LOCKED, &err);
    assert_ok(seglog_lock_acquire(other, 0, NULL));
    assert_ok(seglog_lock_release(a, NULL));
    assert_ok(seglog_lock_acquire(b, 0, NULL));
    assert_code(seglog_lock_acquire(a, 0, NULL), SEGLOG_LOCKED);
    seglog_lock_close(&b);
    assert_null(b.ops);
    assert_ok(seglog_lock_acquire(a, 0, NULL));
    seglog_lock_close(&a);
    seglog_lock_close(&other);
    seglog_lock_close(&other);
}

static void
lock__used_out_of_turn__is_invalid(void **state)
{
    struct seglog_lock lock;
    struct seglog_error err;

    skip_without_locks(state);
    lock = open_lock(store_of(state), "a");
    assert_code_err(seglog_lock_release(lock, &err), SEGLOG_INVALID, &err);
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_code_err(seglog_lock_acquire(lock, 0, &err), SEGLOG_INVALID, &err);
    assert_ok(seglog_lock_release(lock, NULL));
    assert_ok(seglog_lock_acquire(lock, -1, NULL));
    seglog_lock_close(&lock);
}

static bool
count_name(void *arg, const char *name)
{
    (void)name;
    ++*(size_t *)arg;
    return true;
}

static void
lock__of_a_missing_blob__does_not_create_it(void **state)
{
    struct seglog_lock lock;
    struct seglog_blob blob = { 0 };
    size_t count = 0;

    skip_without_locks(state);
    lock = open_lock(store_of(state), "a");
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_code(
        seglog_blob_open(store_of(state), "a", SEGLOG_OPEN_READ, &blob, NULL),
        SEGLOG_NOT_FOUND);
    assert_ok(seglog_store_list(store_of(state), "", count_name, &count, NULL));
    assert_int_equal(count, 0);
    seglog_lock_close(&lock);
}

static void
lock__timeout__is_kept(void **state)
{
    struct seglog_lock a;
    struct seglog_lock b;
    int64_t start_ms = 0;
    int64_t took_ms = 0;

    skip_without_locks(state);
    a = open_lock(store_of(state), "a");
    b = open_lock(store_of(state), "a");
    assert_ok(seglog_lock_acquire(a, 0, NULL));
    start_ms = test_now_ms();
    assert_code(seglog_lock_acquire(b, 60, NULL), SEGLOG_LOCKED);
    took_ms = test_now_ms() - start_ms;
    assert_in_range(took_ms, 59, 5000);
    seglog_lock_close(&b);
    seglog_lock_close(&a);
}

static void *
hold_for_a_while(void *arg)
{
    struct worker *worker = arg;
    struct seglog_lock lock = { 0 };

    worker->is_ok =
        seglog_lock_open(worker->store, "a", &lock, NULL) == SEGLOG_OK &&
        seglog_lock_acquire(lock, 0, NULL) == SEGLOG_OK;
    *worker->counter = 1;
    (void)sem_post(&worker->is_held);
    test_sleep_ms(worker->delay_ms);
    *worker->counter = 2;
    worker->is_ok =
        seglog_lock_release(lock, NULL) == SEGLOG_OK && worker->is_ok;
    seglog_lock_close(&lock);
    return NULL;
}

static void
lock__released_by_a_thread__lets_a_waiter_in(void **state)
{
    static const int timeouts_ms[] = { -1, 10000 };

    skip_without_locks(state);
    for (size_t i = 0; i < COUNT_OF(timeouts_ms); i++) {
        struct seglog_lock lock = open_lock(store_of(state), "a");
        uint64_t progress = 0;
        struct worker worker = { .store = store_of(state),
                                 .delay_ms = 30,
                                 .counter = &progress };

        assert_return_code(sem_init(&worker.is_held, 0, 0), errno);
        worker_start(&worker, hold_for_a_while);
        while (sem_wait(&worker.is_held) != 0)
            assert_int_equal(errno, EINTR);
        assert_ok(seglog_lock_acquire(lock, timeouts_ms[i], NULL));
        assert_int_equal(progress, 2);
        seglog_lock_close(&lock);
        worker_join(&worker);
        (void)sem_destroy(&worker.is_held);
    }
}

static void *
count_under_lock(void *arg)
{
    struct worker *worker = arg;
    struct seglog_lock lock = { 0 };

    worker->is_ok =
        seglog_lock_open(worker->store, "a", &lock, NULL) == SEGLOG_OK;
    for (unsigned i = 0; i < ROUNDS && worker->is_ok; i++) {
        worker->is_ok =
            seglog_lock_acquire(lock, i % 2 ? -1 : 60000, NULL) == SEGLOG_OK;
        if (worker->is_ok)
            ++*worker->counter;
        worker->is_ok =
            seglog_lock_release(lock, NULL) == SEGLOG_OK && worker->is_ok;
    }
    seglog_lock_close(&lock);
    return NULL;
}

static void
lock__many_threads__count_without_loss(void **state)
{
    struct worker workers[THREADS];
    uint64_t counter = 0;

    skip_without_locks(state);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] =
            (struct worker){ .store = store_of(state), .counter = &counter };
        worker_start(&workers[i], count_under_lock);
    }
    for (unsigned i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    assert_int_equal(counter, THREADS * ROUNDS);
}

static void
hint__shared_by_all_holders__starts_at_zero(void **state)
{
    static const uint8_t zeros[SEGLOG_LOCK_HINT_BYTES];
    const struct store_fixture *fixture = *state;
    struct seglog_lock a;
    struct seglog_lock b;
    uint8_t *hint = NULL;

    skip_without_locks(state);
    a = open_lock(fixture->store, "a");
    if (fixture->factory->has_no_hints) {
        assert_null(seglog_lock_get_hint(a));
        seglog_lock_close(&a);
        skip();
    }
    b = open_lock(fixture->store, "a");
    assert_ok(seglog_lock_acquire(a, 0, NULL));
    hint = seglog_lock_get_hint(a);
    assert_non_null(hint);
    assert_memory_equal(hint, zeros, sizeof zeros);
    test_fill(hint, SEGLOG_LOCK_HINT_BYTES, 7);
    seglog_lock_close(&a);

    a = open_lock(fixture->store, "other");
    assert_ok(seglog_lock_acquire(a, 0, NULL));
    assert_memory_equal(seglog_lock_get_hint(a), zeros, sizeof zeros);
    assert_ok(seglog_lock_acquire(b, 0, NULL));
    test_fill(seglog_lock_get_hint(a), SEGLOG_LOCK_HINT_BYTES, 7);
    assert_memory_equal(seglog_lock_get_hint(a), seglog_lock_get_hint(b),
                        SEGLOG_LOCK_HINT_BYTES);
    seglog_lock_close(&a);
    seglog_lock_close(&b);
}

/* Another thread reads while this one holds the lock and writes. */
static void *
read_many(void *arg)
{
    struct worker *worker = arg;
    struct seglog_blob blob = { 0 };

    worker->is_ok = seglog_blob_open(worker->store, "a", SEGLOG_OPEN_READ,
                                     &blob, NULL) == SEGLOG_OK;
    for (unsigned i = 0; i < ROUNDS && worker->is_ok; i++) {
        char buf[4] = { 0 };
        uint64_t size = 0;

        worker->is_ok =
            seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK &&
            size >= 4 &&
            seglog_blob_read_at(blob, size - 4, buf, 4, NULL) == SEGLOG_OK &&
            memcmp(buf, "abcd", 4) == 0;
    }
    return seglog_blob_close(&blob, NULL) == SEGLOG_OK ? NULL : worker;
}

static void
read_at__lock_held_by_a_writer__does_not_wait(void **state)
{
    struct worker workers[THREADS];
    struct seglog_blob blob = store_open_blob(
        store_of(state), "a", WRITE_NEW | SEGLOG_OPEN_LOCK_HELD);
    struct seglog_lock lock;

    skip_without_locks(state);
    lock = open_lock(store_of(state), "a");
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    (void)store_put(blob, "abcd");
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .store = store_of(state) };
        worker_start(&workers[i], read_many);
    }
    for (unsigned i = 0; i < ROUNDS; i++)
        assert_int_equal(store_put(blob, "abcd"), 4 * i + 4);

    /* The lock is held all the while: only then may a reader be joined. */
    for (unsigned i = 0; i < THREADS; i++)
        worker_join(&workers[i]);
    seglog_lock_close(&lock);
    store_close_blob(&blob);
}

/* Each line says who wrote it, and is 8 to 71 bytes long. */
static size_t
line_make(char *line, unsigned no, unsigned i)
{
    const size_t len = 8 + (no * 31 + i * 7) % 64;

    memset(line, 'a' + (int)no, len);
    (void)snprintf(line, 8, "%02u %03u", no, i);
    line[6] = ' ';
    line[len - 1] = '\n';
    return len;
}

/* Even workers append wherever the end is, odd ones where they know it. */
static void *
append_lines(void *arg)
{
    struct worker *worker = arg;
    struct seglog_blob blob = { 0 };
    uint64_t end = 0;

    worker->is_ok = seglog_blob_open(worker->store, "a", WRITE_NEW, &blob,
                                     NULL) == SEGLOG_OK;
    for (unsigned i = 0; i < ROUNDS && worker->is_ok; i++) {
        char line[80];
        const size_t len = line_make(line, worker->no, i);
        uint64_t offset = 0;
        struct seglog_error err = { 0 };
        seglog_code code = SEGLOG_CONFLICT;

        while (code == SEGLOG_CONFLICT) {
            code =
                seglog_blob_append(blob, worker->no % 2 ? end : SEGLOG_END_ANY,
                                   line, len, &offset, &err);
            if (code == SEGLOG_CONFLICT && err.actual <= end)
                code = SEGLOG_INVALID; /* nothing here makes it shorter */
            end = code == SEGLOG_OK ? offset + len : err.actual;
        }
        worker->is_ok = code == SEGLOG_OK &&
                        seglog_blob_read_at(blob, offset, line + 8, len - 8,
                                            NULL) == SEGLOG_OK &&
                        memcmp(line, line + 8, len - 8 < 8 ? len - 8 : 8) == 0;
    }
    return seglog_blob_close(&blob, NULL) == SEGLOG_OK ? NULL : worker;
}

static void
append__many_threads__each_line_once_and_whole(void **state)
{
    struct worker workers[THREADS];
    unsigned next[THREADS] = { 0 };
    struct seglog_blob blob;
    uint64_t size = 0;
    uint64_t at = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .store = store_of(state), .no = i };
        worker_start(&workers[i], append_lines);
    }
    for (unsigned i = 0; i < THREADS; i++)
        worker_join(&workers[i]);

    blob = store_open_blob(store_of(state), "a", SEGLOG_OPEN_READ);
    size = store_get_size(blob);
    while (at < size) {
        char got[80];
        char want[80];
        unsigned no = 0;
        size_t len = 0;

        assert_ok(seglog_blob_read_at(blob, at, got, 2, NULL));
        no = (unsigned)(got[1] - '0');
        assert_true(no < THREADS);
        len = line_make(want, no, next[no]++);
        assert_ok(seglog_blob_read_at(blob, at, got, len, NULL));
        assert_memory_equal(got, want, len);
        at += len;
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(next[i], ROUNDS);
    store_close_blob(&blob);
}

static void
wait__size_differs_or_time_is_up__returns(void **state)
{
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);
    int64_t start_ms = 0;

    (void)store_put(blob, "abc");
    assert_ok(seglog_blob_wait(blob, 2, -1, NULL));
    assert_ok(seglog_blob_wait(blob, 4, -1, NULL));
    assert_ok(seglog_blob_wait(blob, 3, 0, NULL));
    start_ms = test_now_ms();
    while (test_now_ms() - start_ms < 30) /* it may return early */
        assert_ok(seglog_blob_wait(blob, 3, 30, NULL));
    assert_in_range(test_now_ms() - start_ms, 30, 5000);
    store_close_blob(&blob);
}

enum change {
    CHANGE_APPEND,
    CHANGE_TRUNCATE,
    CHANGE_REMOVE,
    CHANGE_REPLACE
};

static void *
change_later(void *arg)
{
    struct worker *worker = arg;
    struct seglog_blob blob = { 0 };
    seglog_code code =
        seglog_blob_open(worker->store, "a", SEGLOG_OPEN_WRITE, &blob, NULL);

    test_sleep_ms(worker->delay_ms);
    if (code == SEGLOG_OK && worker->no == CHANGE_APPEND)
        code = seglog_blob_append(blob, SEGLOG_END_ANY, "x", 1, NULL, NULL);
    else if (code == SEGLOG_OK && worker->no == CHANGE_TRUNCATE)
        code = seglog_blob_truncate(blob, 1, NULL);
    else if (code == SEGLOG_OK && worker->no == CHANGE_REMOVE)
        code = seglog_store_remove(worker->store, "a", NULL);
    else if (code == SEGLOG_OK)
        code = seglog_store_replace(worker->store, "b", "a", NULL);
    worker->is_ok = code == SEGLOG_OK;
    return seglog_blob_close(&blob, NULL) == SEGLOG_OK ? NULL : worker;
}

static void
wait__changed_by_another_handle__wakes(void **state)
{
    const struct store_fixture *fixture = *state;

    for (unsigned change = CHANGE_APPEND; change <= CHANGE_REPLACE; change++) {
        struct worker worker = { .store = store_of(state),
                                 .no = change,
                                 .delay_ms = 20 };
        struct seglog_blob blob;
        uint64_t size = 3;
        bool is_replaced = false;

        if (change == CHANGE_TRUNCATE && fixture->factory->has_no_truncate)
            continue;
        store_put_new(store_of(state), "a", "abc");
        store_put_new(store_of(state), "b", "abc");
        blob = store_open_blob(store_of(state), "a", SEGLOG_OPEN_READ);
        worker_start(&worker, change_later);
        while (size == 3 && !is_replaced) {
            assert_ok(seglog_blob_wait(blob, 3, -1, NULL));
            assert_ok(seglog_blob_get_size(blob, &size, &is_replaced, NULL));
        }
        worker_join(&worker);
        assert_int_equal(size, change == CHANGE_APPEND     ? 4
                               : change == CHANGE_TRUNCATE ? 1
                                                           : 3);
        assert_int_equal(is_replaced, change >= CHANGE_REMOVE);
        store_close_blob(&blob);
        if (change != CHANGE_REMOVE)
            assert_ok(seglog_store_remove(store_of(state), "a", NULL));
        if (change != CHANGE_REPLACE)
            assert_ok(seglog_store_remove(store_of(state), "b", NULL));
    }
}

/* Answer each byte that comes by another one. */
static void *
answer_bytes(void *arg)
{
    struct worker *worker = arg;
    struct seglog_blob blob = { 0 };

    worker->is_ok = seglog_blob_open(worker->store, "a", SEGLOG_OPEN_WRITE,
                                     &blob, NULL) == SEGLOG_OK;
    for (uint64_t size = 0; size < 2 * ROUNDS && worker->is_ok;) {
        worker->is_ok =
            seglog_blob_wait(blob, size, -1, NULL) == SEGLOG_OK &&
            seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK;
        if (size % 2 != 0 && worker->is_ok)
            worker->is_ok = seglog_blob_append(blob, size++, "x", 1, NULL,
                                               NULL) == SEGLOG_OK;
    }
    return seglog_blob_close(&blob, NULL) == SEGLOG_OK ? NULL : worker;
}

static void
wait__two_threads_in_turn__misses_nothing(void **state)
{
    struct worker worker = { .store = store_of(state) };
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);

    worker_start(&worker, answer_bytes);
    for (uint64_t size = 0; size < 2 * ROUNDS;) {
        const uint64_t asked = size + 1;

        assert_ok(seglog_blob_append(blob, size, "?", 1, NULL, NULL));
        for (size = asked; size == asked; size = store_get_size(blob))
            assert_ok(seglog_blob_wait(blob, asked, -1, NULL));
        assert_int_equal(size, asked + 1);
    }
    worker_join(&worker);
    store_close_blob(&blob);
}

const struct CMUnitTest store_conformance_sharing[] = {
    cmocka_unit_test(lock__held__keeps_others_out_until_released),
    cmocka_unit_test(lock__used_out_of_turn__is_invalid),
    cmocka_unit_test(lock__of_a_missing_blob__does_not_create_it),
    cmocka_unit_test(lock__timeout__is_kept),
    cmocka_unit_test(lock__released_by_a_thread__lets_a_waiter_in),
    cmocka_unit_test(lock__many_threads__count_without_loss),
    cmocka_unit_test(hint__shared_by_all_holders__starts_at_zero),
    cmocka_unit_test(read_at__lock_held_by_a_writer__does_not_wait),
    cmocka_unit_test(append__many_threads__each_line_once_and_whole),
    cmocka_unit_test(wait__size_differs_or_time_is_up__returns),
    cmocka_unit_test(wait__changed_by_another_handle__wakes),
    cmocka_unit_test(wait__two_threads_in_turn__misses_nothing),
    { 0 },
};
