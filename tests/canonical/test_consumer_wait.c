/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_consumer_wait.c
 *
 * Goal    who waits for an event is woken by whoever commits, and nobody is held
 *         up by him.
 */
#define _GNU_SOURCE /* pipe, fork */
#include "tests/canonical/consumer_bench.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/canonical/canonical_store.h"

/* -- waiting --------------------------------------------------------------- */

static void
wait__nothing_comes__ends_when_it_was_to(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_canonical_event event;
    int64_t start = test_now_ms();

    assert_code(seglog_canonical_wait(bench->canonical, 0, 0, NULL),
                SEGLOG_END);
    assert_true(test_now_ms() - start < 1000);
    start = test_now_ms();
    assert_code(seglog_consumer_next(consumer, 120, &event, NULL), SEGLOG_END);
    assert_true(test_now_ms() - start >= 119);
    events_commit(bench->canonical, 0, 2);
    assert_ok(seglog_canonical_wait(bench->canonical, 0, 0, NULL));
    assert_ok(seglog_canonical_wait(bench->canonical, 1, -1, NULL));
    assert_code(seglog_canonical_wait(bench->canonical, 2, 10, NULL),
                SEGLOG_END);
    seglog_consumer_close(consumer);
}

#define WAKES 15u

static int
int64_compare(const void *a, const void *b)
{
    const int64_t one = *(const int64_t *)a;
    const int64_t other = *(const int64_t *)b;

    return (one > other) - (one < other);
}

/* Events that say when they were committed. */
static void
wakes_await(struct seglog_consumer *consumer)
{
    struct seglog_canonical_event event;
    int64_t late[WAKES];
    char text[32];

    for (uint64_t i = 0; i < WAKES; i++) {
        struct seglog_error err;

        assert_code_err(seglog_consumer_next(consumer, 60000, &event, &err),
                        SEGLOG_OK, &err);
        late[i] = test_now_ms();
        assert_int_equal(event.id, i);
        (void)snprintf(text, sizeof text, "%.*s", (int)event.data.len,
                       event.data.data);
        late[i] -= strtoll(text, NULL, 10);
        assert_ok(seglog_consumer_acknowledge(consumer, i, false, NULL));
    }
    qsort(late, WAKES, sizeof late[0], int64_compare);
    print_message("woken after %d ms, at most %d\n", (int)late[WAKES / 2],
                  (int)late[WAKES - 1]);
    assert_true(late[WAKES / 2] < 25);
}

static void
wakes_make(struct seglog_canonical *canonical)
{
    char text[32];

    for (unsigned i = 0; i < WAKES; i++) {
        test_sleep_ms(37);
        (void)snprintf(text, sizeof text, "%lld", (long long)test_now_ms());
        (void)event_commit(canonical, text);
    }
}

static void *
wakes_thread(void *arg)
{
    wakes_make(arg);
    return NULL;
}

static void
wait__another_thread_commits__wakes_at_once(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    pthread_t thread;

    assert_int_equal(
        pthread_create(&thread, NULL, wakes_thread, bench->canonical), 0);
    wakes_await(consumer);
    assert_int_equal(pthread_join(thread, NULL), 0);
    seglog_consumer_close(consumer);
}

/* It waits for a byte before it opens anything. */
static pid_t
child_start(struct bench *bench, int go[2])
{
    pid_t pid = -1;
    char byte = 0;

    assert_int_equal(pipe(go), 0);
    pid = fork();
    if (pid != 0)
        return pid;
    if (read(go[0], &byte, 1) == 1) {
        bench_open(bench);
        wakes_make(bench->canonical);
        bench_close(bench);
        _exit(0);
    }
    _exit(1);
}

static void
wakes_by_process(struct bench *bench, const char *view_dir)
{
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .view_dir = view_dir };
    struct seglog_consumer *consumer = NULL;
    int go[2];
    int status = 0;
    const pid_t pid = child_start(bench, go);

    assert_true(pid > 0);
    bench_open_with(bench, &options);
    consumer = consumer_open(bench, "c", 0);
    assert_int_equal(write(go[1], "", 1), 1);
    wakes_await(consumer);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    (void)close(go[0]);
    (void)close(go[1]);
    seglog_consumer_close(consumer);
}

static void
wait__another_process_commits__wakes_at_once(void **state)
{
    struct bench *bench = *state;

    wakes_by_process(bench, bench->view_dir);
}

static void
wait__view_of_its_own__wakes_at_once(void **state)
{
    wakes_by_process(*state, NULL);
}

/* As a writer leaves it who dies behind the log and in front of the view. */
static void
log_run_ahead(struct bench *bench, const char *text)
{
    struct slg_draft draft = { 0 };
    struct slg_bytes bytes = { 0 };
    struct seglog_slice record;
    struct seglog_stream_end end;
    struct slg_turn turn;
    void *hint = seglog_lock_get_hint(bench->canonical->lock);

    assert_ok(slg_turn_begin(bench->canonical, false, 1000, &turn, NULL));
    assert_true(slg_draft_add_event(
        &draft, (struct seglog_slice){ text, strlen(text) }));
    assert_true(slg_draft_finish(&draft, turn.head.next_event,
                                 slg_turn_get_time(&turn), &bytes));
    record = (struct seglog_slice){ (const char *)bytes.data, bytes.len };
    if (hint)
        memset(hint, 0, SEGLOG_CHAIN_HASH_MAX);
    assert_ok(slg_stream_append(
        bench->canonical->streams, SEGLOG_CANONICAL_STREAM, &record, 1,
        turn.position, &turn.hash, false, &end, NULL, NULL));
    slg_turn_abort(&turn);
    slg_draft_free(&draft);
    slg_bytes_free(&bytes);
}

static void
wait__writer_died_before_it_told_the_view__gives_the_event(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_canonical_event event;

    log_run_ahead(bench, "event 0");
    assert_none(consumer);
    assert_ok(seglog_consumer_next(consumer, 10000, &event, NULL));
    assert_is_event(&event, 0);
    seglog_consumer_close(consumer);
}

static void *
turn_hold(void *arg)
{
    struct seglog_write_txn *txn = NULL;

    assert_ok(seglog_write_txn_begin(arg, &txn, NULL));
    test_sleep_ms(600);
    seglog_write_txn_abort(txn);
    return NULL;
}

/* The next writer has begun by the time that the consumer looks. */
static void
wait__a_long_transaction_is_open__does_not_wait_for_it(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_canonical_event event;
    const int64_t start = test_now_ms();
    pthread_t thread;

    events_commit(bench->canonical, 0, 1);
    assert_int_equal(pthread_create(&thread, NULL, turn_hold, bench->canonical),
                     0);
    test_sleep_ms(50);
    assert_ok(seglog_consumer_next(consumer, 10000, &event, NULL));
    assert_is_event(&event, 0);
    assert_code(seglog_consumer_next(consumer, 50, &event, NULL), SEGLOG_END);
    assert_true(test_now_ms() - start < 500);
    assert_int_equal(pthread_join(thread, NULL), 0);
    seglog_consumer_close(consumer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(wait__nothing_comes__ends_when_it_was_to),
        BENCH_TEST(wait__another_thread_commits__wakes_at_once),
        BENCH_TEST_CLOSED(wait__another_process_commits__wakes_at_once),
        BENCH_TEST_CLOSED(wait__view_of_its_own__wakes_at_once),
        BENCH_TEST(wait__writer_died_before_it_told_the_view__gives_the_event),
        BENCH_TEST(wait__a_long_transaction_is_open__does_not_wait_for_it),
    };

    return BENCH_RUN(tests);
}
