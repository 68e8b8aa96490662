/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_concurrency.c
 *
 * Goal    many threads and processes write one after the other and lose
 *         nothing; readers wait for nobody.
 */
#define _POSIX_C_SOURCE 200809L /* fork */

#include "tests/canonical/canonical_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4u
#define ROUNDS  60u

struct worker {
    struct seglog_canonical *canonical;
    bool has_batches;
    unsigned failures;
    pthread_t thread;
};

static unsigned
number_of(struct seglog_slice value)
{
    char text[16] = "";

    memcpy(text, value.data, value.len < 15 ? value.len : 15);
    return (unsigned)strtoul(text, NULL, 10);
}

/* One more, and an event that says so. */
static bool
increment(struct seglog_canonical *canonical)
{
    struct seglog_write_txn *txn = NULL;
    struct seglog_slice value;
    unsigned count = 0;
    char text[16];

    if (seglog_write_txn_begin(canonical, &txn, NULL) != SEGLOG_OK)
        return false;
    if (seglog_write_txn_get(txn, text_slice("count"), &value, NULL) ==
        SEGLOG_OK)
        count = number_of(value);
    (void)snprintf(text, sizeof text, "%u", count + 1);
    if (seglog_write_txn_put(txn, text_slice("count"), text_slice(text),
                             NULL) != SEGLOG_OK ||
        seglog_write_txn_append_event(txn, text_slice(text), NULL, NULL) !=
            SEGLOG_OK) {
        seglog_write_txn_abort(txn);
        return false;
    }
    return seglog_write_txn_commit(txn, count % 16 == 0, NULL, NULL) ==
           SEGLOG_OK;
}

/* The same by a batch that relies on what was read. */
static bool
increment_by_batch(struct seglog_canonical *canonical)
{
    struct seglog_write_batch *batch = NULL;
    seglog_code code = SEGLOG_CONFLICT;

    if (seglog_write_batch_new(canonical, &batch, NULL) != SEGLOG_OK)
        return false;
    while (code == SEGLOG_CONFLICT) {
        struct seglog_read_txn *txn = NULL;
        struct seglog_slice value = { 0 };
        bool is_there = false;
        char text[16];

        if (seglog_read_txn_begin(canonical, &txn, NULL) != SEGLOG_OK)
            break;
        is_there = seglog_read_txn_get(txn, text_slice("count"), &value,
                                       NULL) == SEGLOG_OK;
        (void)snprintf(text, sizeof text, "%u",
                       (is_there ? number_of(value) : 0) + 1);
        seglog_write_batch_clear(batch);
        if (seglog_write_batch_expect(batch, text_slice("count"),
                                      is_there ? &value : NULL,
                                      NULL) != SEGLOG_OK ||
            seglog_write_batch_put(batch, text_slice("count"), text_slice(text),
                                   NULL) != SEGLOG_OK ||
            seglog_write_batch_append_event(batch, text_slice(text), NULL) !=
                SEGLOG_OK)
            code = SEGLOG_NO_MEMORY;
        seglog_read_txn_end(txn);
        if (code == SEGLOG_CONFLICT)
            code = seglog_write_batch_commit(batch, false, NULL, NULL);
    }
    seglog_write_batch_free(batch);
    return code == SEGLOG_OK;
}

static void *
work(void *arg)
{
    struct worker *worker = arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        const bool is_done = worker->has_batches && i % 2
                                 ? increment_by_batch(worker->canonical)
                                 : increment(worker->canonical);

        worker->failures += is_done ? 0 : 1;
    }
    return NULL;
}

static void
assert_count(struct seglog_canonical *canonical, unsigned count)
{
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    char text[16];

    (void)snprintf(text, sizeof text, "%u", count);
    assert_value(canonical, "count", text);
    assert_int_equal(meta_of(canonical).next_event, count);
    assert_ok(
        seglog_event_iter_open(canonical, 0, SEGLOG_EVENT_END, &iter, NULL));
    for (unsigned i = 0; i < count; i++) {
        assert_ok(seglog_event_iter_next(iter, &event, NULL));
        assert_int_equal(event.id, i);
        assert_int_equal(number_of(event.data), i + 1);
    }
    seglog_event_iter_close(iter);
}

static void
threads_run(struct worker *workers, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].failures, 0);
    }
}

static void
updates_of_a_key__by_threads__are_not_lost(void **state)
{
    struct fixture *fixture = *state;
    struct worker workers[THREADS] = { { 0 } };

    for (unsigned i = 0; i < THREADS; i++)
        workers[i].canonical = fixture->canonical;
    threads_run(workers, THREADS);
    assert_count(fixture->canonical, THREADS * ROUNDS);
}

static void
updates_of_a_key__by_handles_and_batches__are_not_lost(void **state)
{
    struct fixture *fixture = *state;
    struct worker workers[THREADS] = { { 0 } };
    struct seglog_canonical *other = store_open_other(fixture);
    struct seglog_canonical *own = NULL;

    fixture->options.view_dir = NULL;
    own = store_open_other(fixture);
    fixture->options.view_dir = fixture->view;
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].has_batches = true;
        workers[i].canonical = i == 0   ? other
                               : i == 1 ? own
                                        : fixture->canonical;
    }
    threads_run(workers, THREADS);
    /* The last one may have been of the view that is not shared. */
    assert_true(increment(fixture->canonical));
    assert_count(fixture->canonical, THREADS * ROUNDS + 1);
    assert_count(own, THREADS * ROUNDS + 1);
    assert_ok(seglog_canonical_close(other, NULL));
    assert_ok(seglog_canonical_close(own, NULL));
}

/* Ends the process. */
static void
child_run(const struct fixture *fixture)
{
    struct seglog_canonical *canonical = NULL;
    struct seglog_store files;
    unsigned done = 0;

    if (seglog_store_file_open(fixture->log, true, &files, NULL) != SEGLOG_OK ||
        seglog_canonical_open(files, &fixture->options, &canonical, NULL) !=
            SEGLOG_OK)
        _exit(2);
    for (unsigned i = 0; i < ROUNDS; i++)
        done += i % 2 ? increment(canonical) : increment_by_batch(canonical);
    if (seglog_canonical_close(canonical, NULL) != SEGLOG_OK)
        _exit(3);
    seglog_store_close(&files);
    _exit(done == ROUNDS ? 0 : 4);
}

static void
updates_of_a_key__by_processes__are_not_lost(void **state)
{
    struct fixture *fixture = *state;
    pid_t children[THREADS];

    store_close(fixture);
    for (unsigned i = 0; i < THREADS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            child_run(fixture);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        int status = -1;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    store_open(fixture);
    assert_count(fixture->canonical, THREADS * ROUNDS);
}

/* -- one writer at a time -------------------------------------------------- */

struct beginning {
    struct seglog_canonical *canonical;
    seglog_code code;
    atomic_bool is_done;
};

static void *
begin_and_commit(void *arg)
{
    struct beginning *beginning = arg;
    struct seglog_write_txn *txn = NULL;

    beginning->code = seglog_write_txn_begin(beginning->canonical, &txn, NULL);
    if (beginning->code == SEGLOG_OK)
        beginning->code = seglog_write_txn_put(txn, text_slice("second"),
                                               text_slice("1"), NULL);
    if (beginning->code == SEGLOG_OK)
        beginning->code = seglog_write_txn_commit(txn, false, NULL, NULL);
    atomic_store(&beginning->is_done, true);
    return NULL;
}

static void
second_writer__waits_for_the_first(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = store_open_other(fixture);

    for (unsigned i = 0; i < 2; i++) {
        struct beginning beginning = { .canonical = i == 0 ? fixture->canonical
                                                           : other };
        struct seglog_write_txn *txn = write_begin(fixture->canonical);
        pthread_t thread;

        assert_int_equal(
            pthread_create(&thread, NULL, begin_and_commit, &beginning), 0);
        test_sleep_ms(40);
        assert_false(atomic_load(&beginning.is_done));
        write_put(txn, "first", "1");
        (void)write_commit(txn);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_ok(beginning.code);
    }
    assert_state(fixture->canonical, NULL, "first=1 second=1");
    assert_ok(seglog_canonical_close(other, NULL));
}

static void
second_writer__whose_time_is_up__is_locked(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = NULL;

    fixture->options.lock_timeout_ms = 50;
    store_reopen(fixture);
    other = store_open_other(fixture);
    for (unsigned i = 0; i < 2; i++) {
        struct beginning beginning = { .canonical = i == 0 ? fixture->canonical
                                                           : other };
        struct seglog_write_txn *txn = write_begin(fixture->canonical);
        pthread_t thread;

        assert_int_equal(
            pthread_create(&thread, NULL, begin_and_commit, &beginning), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_code(beginning.code, SEGLOG_LOCKED);
        (void)write_commit(txn);
    }
    assert_ok(seglog_canonical_close(other, NULL));
}

/* Of a handle whose view is its own, and behind, too. */
static void
reader__while_somebody_writes__does_not_wait(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *own = NULL;
    struct seglog_write_txn *txn = NULL;
    int64_t start = 0;

    fixture->options.view_dir = NULL;
    own = store_open_other(fixture);
    fixture->options.view_dir = fixture->view;
    (void)commit_one(fixture->canonical, "a", "1", "one");
    txn = write_begin(fixture->canonical);
    write_put(txn, "a", "2");
    start = test_now_ms();
    assert_value(fixture->canonical, "a", "1");
    assert_value(own, "a", "1");
    assert_event(own, 0, "one");
    assert_event(fixture->canonical, 0, "one");
    assert_int_equal(meta_of(own).next_event, 1);
    assert_true(test_now_ms() - start < 2000);
    (void)write_commit(txn);
    assert_value(own, "a", "2");
    assert_ok(seglog_canonical_close(own, NULL));
}

/* Waits for a byte; ends the process. */
static void
child_grow(struct fixture *fixture, int from)
{
    static char large[5000];
    struct seglog_canonical *canonical = NULL;
    struct seglog_store files;
    char byte = 0;

    fixture->options.view_bytes_max = UINT64_C(64) << 20;
    if (read(from, &byte, 1) != 1 ||
        seglog_store_file_open(fixture->log, true, &files, NULL) != SEGLOG_OK ||
        seglog_canonical_open(files, &fixture->options, &canonical, NULL) !=
            SEGLOG_OK)
        _exit(2);
    for (unsigned i = 0; i < 1000; i++) {
        struct seglog_write_txn *txn = NULL;
        char key[16];

        (void)snprintf(key, sizeof key, "key %u", i);
        if (seglog_write_txn_begin(canonical, &txn, NULL) != SEGLOG_OK ||
            seglog_write_txn_put(txn, text_slice(key),
                                 (struct seglog_slice){ large, sizeof large },
                                 NULL) != SEGLOG_OK ||
            seglog_write_txn_commit(txn, false, NULL, NULL) != SEGLOG_OK)
            _exit(3);
    }
    (void)seglog_canonical_close(canonical, NULL);
    _exit(0);
}

/* It was mapped anew then, under those who read. */
static void
view__made_larger_by_a_process_with_more_room__is_no_space_here(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_read_txn *before = NULL;
    struct seglog_read_txn *after = NULL;
    struct seglog_slice value = { 0 };
    int ends[2];
    int status = -1;
    pid_t child = 0;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    store_close(fixture);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        child_grow(fixture, ends[0]);
    fixture->options.view_bytes_max = 1 << 20;
    store_open(fixture);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &before, NULL));
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_code(seglog_read_txn_begin(fixture->canonical, &after, NULL),
                SEGLOG_NO_SPACE);
    assert_ok(seglog_read_txn_get(before, text_slice("a"), &value, NULL));
    assert_memory_equal(value.data, "1", 1);
    seglog_read_txn_end(before);
    store_close(fixture);
    fixture->options.view_bytes_max = UINT64_C(64) << 20;
    store_open(fixture);
    assert_int_equal(meta_of(fixture->canonical).keys, 1001);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Sum of two keys is the same in each snapshot. */
struct watching {
    struct seglog_canonical *canonical;
    atomic_bool is_over;
    unsigned wrong;
    unsigned looks;
};

static void *
watch(void *arg)
{
    struct watching *watching = arg;

    while (!atomic_load(&watching->is_over) || watching->looks == 0) {
        struct seglog_read_txn *txn = NULL;
        struct seglog_slice a;
        struct seglog_slice b;

        if (seglog_read_txn_begin(watching->canonical, &txn, NULL) !=
            SEGLOG_OK) {
            watching->wrong++;
            return NULL;
        }
        if (seglog_read_txn_get(txn, text_slice("a"), &a, NULL) != SEGLOG_OK ||
            seglog_read_txn_get(txn, text_slice("b"), &b, NULL) != SEGLOG_OK ||
            number_of(a) + number_of(b) != 1000)
            watching->wrong++;
        watching->looks++;
        seglog_read_txn_end(txn);
    }
    return NULL;
}

static void
snapshots__while_it_is_written__are_whole(void **state)
{
    struct fixture *fixture = *state;
    struct watching watching = { .canonical = fixture->canonical };
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    pthread_t thread;

    write_put(txn, "a", "1000");
    write_put(txn, "b", "0");
    (void)write_commit(txn);
    assert_int_equal(pthread_create(&thread, NULL, watch, &watching), 0);
    for (unsigned i = 1; i <= 500; i++) {
        char text[16];

        txn = write_begin(fixture->canonical);
        (void)snprintf(text, sizeof text, "%u", 1000 - i);
        write_put(txn, "a", text);
        (void)snprintf(text, sizeof text, "%u", i);
        write_put(txn, "b", text);
        (void)write_commit(txn);
    }
    atomic_store(&watching.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(watching.wrong, 0);
    assert_true(watching.looks > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(updates_of_a_key__by_threads__are_not_lost),
        CANONICAL_TEST(updates_of_a_key__by_handles_and_batches__are_not_lost),
        CANONICAL_TEST(updates_of_a_key__by_processes__are_not_lost),
        CANONICAL_TEST(second_writer__waits_for_the_first),
        CANONICAL_TEST(second_writer__whose_time_is_up__is_locked),
        CANONICAL_TEST(reader__while_somebody_writes__does_not_wait),
        CANONICAL_TEST(
            view__made_larger_by_a_process_with_more_room__is_no_space_here),
        CANONICAL_TEST(snapshots__while_it_is_written__are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
