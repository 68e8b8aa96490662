/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_wait.c
 *
 * Goal    whoever waits for an event is woken when it is there, whoever has
 *         appended it, wherever the stream goes on meanwhile; and does nothing
 *         as long as nothing happens.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "tests/stream/stream_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A wake-up that got lost would take as long as this. */
#define LONG_MS 20000

/* One that did not, at most, on a busy machine. */
#define SOON_MS 2000

/* -- somebody who waits ---------------------------------------------------- */

struct waiter {
    struct seglog_streams streams;
    uint64_t offset;
    int timeout_ms;
    pthread_t thread;
    seglog_code code;
    struct seglog_error err;
    int64_t woken_ms;
    atomic_bool is_done;
};

static void *
waiter_run(void *arg)
{
    struct waiter *waiter = arg;

    waiter->code = seglog_stream_wait(waiter->streams, STREAM, waiter->offset,
                                      waiter->timeout_ms, &waiter->err);
    waiter->woken_ms = test_now_ms();
    atomic_store(&waiter->is_done, true);
    return NULL;
}

static void
waiter_start(struct waiter *waiter, struct seglog_streams streams,
             uint64_t offset)
{
    waiter->streams = streams;
    waiter->offset = offset;
    waiter->timeout_ms = LONG_MS;
    atomic_init(&waiter->is_done, false);
    assert_int_equal(pthread_create(&waiter->thread, NULL, waiter_run, waiter),
                     0);
    test_sleep_ms(60);
    assert_false(atomic_load(&waiter->is_done));
}

/* It was woken by what has happened since then. */
static void
waiter_expect(struct waiter *waiter, int64_t since_ms)
{
    assert_int_equal(pthread_join(waiter->thread, NULL), 0);
    assert_code_err(waiter->code, SEGLOG_OK, &waiter->err);
    print_message("woken after %lld ms\n",
                  (long long)(waiter->woken_ms - since_ms));
    assert_true(waiter->woken_ms - since_ms < SOON_MS);
}

/* -- what is there, and what is not ---------------------------------------- */

static void
wait__event_that_is_there__is_ok_at_once(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 1;
    open_streams(fixture);
    append(fixture, 3);
    append(fixture, 2);
    for (uint64_t at = 0; at < 5; at++)
        assert_ok(seglog_stream_wait(fixture->streams, STREAM, at, 0, NULL));
    restart(fixture);
    assert_ok(seglog_stream_wait(fixture->streams, STREAM, 4, -1, NULL));
    assert_code(seglog_stream_wait(fixture->streams, STREAM, 5, 0, NULL),
                SEGLOG_END);
}

static void
wait__nothing_comes__ends_when_the_time_is_over(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_error err;
    int64_t begin_ms = 0;

    open_streams(fixture);
    for (unsigned i = 0; i < 3; i++) {
        begin_ms = test_now_ms();
        assert_code(seglog_stream_wait(fixture->streams, STREAM, 2, 120, &err),
                    SEGLOG_END);
        assert_true(test_now_ms() - begin_ms >= 119);
        assert_true(test_now_ms() - begin_ms < SOON_MS);
        assert_int_equal(err.code, SEGLOG_END);
        /* No stream, one that grows, one that is closed. */
        if (i == 0)
            append(fixture, 2);
        else
            restart(fixture);
    }
    assert_code(
        seglog_stream_wait(fixture->streams, STREAM, UINT64_MAX, 0, NULL),
        SEGLOG_END);
}

static void
wait__nothing_comes__the_store_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiter;
    int64_t since_ms = 0;

    open_streams(fixture);
    append(fixture, 2);
    waiter_start(&waiter, fixture->streams, 2);
    seglog_faults_reset_counts(fixture->faults);
    test_sleep_ms(300);
    assert_int_equal(seglog_faults_get_count(fixture->faults, SEGLOG_FAULT_OPS),
                     0);
    since_ms = test_now_ms();
    append(fixture, 1);
    waiter_expect(&waiter, since_ms);
}

static void
wait__store_that_cannot_wait__is_looked_at_now_and_then(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiter;
    int64_t since_ms = 0;

    seglog_faults_hide(fixture->faults, SEGLOG_FAULT_BIT(SEGLOG_FAULT_WAIT));
    open_streams(fixture);
    append(fixture, 2);
    waiter_start(&waiter, fixture->streams, 2);
    since_ms = test_now_ms();
    append(fixture, 1);
    waiter_expect(&waiter, since_ms);
}

static void
wait__store_that_fails__says_so(void **state)
{
    struct fixture *fixture = *state;

    open_streams(fixture);
    append(fixture, 2);
    assert_true(
        seglog_faults_fail(fixture->faults, SEGLOG_FAULT_LIST, 1, SEGLOG_IO));
    assert_code(seglog_stream_wait(fixture->streams, STREAM, 2, -1, NULL),
                SEGLOG_IO);
    seglog_faults_clear(fixture->faults);
    assert_true(
        seglog_faults_fail(fixture->faults, SEGLOG_FAULT_WAIT, 1, SEGLOG_IO));
    assert_code(seglog_stream_wait(fixture->streams, STREAM, 2, -1, NULL),
                SEGLOG_IO);
}

static void
wait__damaged_end__says_so_as_appending_does(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *bytes = NULL;
    size_t len = 0;

    open_streams(fixture);
    append(fixture, 1);
    append(fixture, 1);
    append(fixture, 1);
    bytes = segment_bytes(fixture, &len);
    bytes[stream_find_text(bytes, len, "event-1")] ^= 1;
    /* Which makes a checkpoint, with a head that is known. */
    close_streams(fixture);
    segment_set(fixture, bytes, len);
    free(bytes);
    open_streams(fixture);
    assert_ok(seglog_stream_wait(fixture->streams, STREAM, 0, LONG_MS, NULL));
    assert_code(seglog_stream_wait(fixture->streams, STREAM, 3, LONG_MS, NULL),
                SEGLOG_CORRUPT);
}

/* -- other threads --------------------------------------------------------- */

static void
wait__appended_by_another_thread__is_woken(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiters[4];
    int64_t since_ms = 0;

    open_streams(fixture);
    append(fixture, 2);
    for (unsigned i = 0; i < 4; i++)
        waiter_start(&waiters[i], fixture->streams, 2 + i);
    for (unsigned i = 0; i < 4; i++) {
        since_ms = test_now_ms();
        append(fixture, 1);
        waiter_expect(&waiters[i], since_ms);
        for (unsigned k = i + 1; k < 4; k++)
            assert_false(atomic_load(&waiters[k].is_done));
    }
}

static void
wait__stream_that_is_begun__is_woken(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiter;
    int64_t since_ms = 0;

    open_streams(fixture);
    waiter_start(&waiter, fixture->streams, 1);
    append(fixture, 1);
    test_sleep_ms(60);
    assert_false(atomic_load(&waiter.is_done));
    since_ms = test_now_ms();
    append(fixture, 1);
    waiter_expect(&waiter, since_ms);
}

static void
wait__stream_goes_on_in_another_segment__is_woken(void **state)
{
    struct fixture *fixture = *state;
    struct waiter waiter;
    int64_t since_ms = 0;

    open_streams(fixture);
    append(fixture, 2);
    waiter_start(&waiter, fixture->streams, 4);
    for (unsigned i = 0; i < 2; i++) {
        assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        append(fixture, 1);
    }
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    test_sleep_ms(60);
    assert_false(atomic_load(&waiter.is_done));
    since_ms = test_now_ms();
    append(fixture, 1);
    waiter_expect(&waiter, since_ms);
}

/* The old segment, which has a closing mark, is not written to any more. */
static void
wait__closed_stream_is_rotated__is_woken(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_streams other = { 0 };
    struct waiter waiter;
    int64_t since_ms = 0;

    open_streams(fixture);
    append(fixture, 2);
    restart(fixture);
    assert_ok(
        seglog_streams_open(fixture->store, &fixture->options, &other, NULL));
    waiter_start(&waiter, other, 2);
    assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    test_sleep_ms(120);
    since_ms = test_now_ms();
    append(fixture, 1);
    waiter_expect(&waiter, since_ms);
    assert_ok(seglog_streams_close(&other, NULL));
}

#ifdef SEGLOG_HAVE_ZSTD
static void
wait__segments_are_merged__is_woken(void **state)
{
    const struct seglog_stream_compact_options options = {
        .size = sizeof options, .rotates = true, .merge_min = 1, .level = 1
    };
    struct fixture *fixture = *state;
    struct waiter waiter;
    int64_t since_ms = 0;

    fixture->options.segment_bytes = 1;
    open_streams(fixture);
    append(fixture, 2);
    append(fixture, 2);
    waiter_start(&waiter, fixture->streams, 5);
    append(fixture, 1);
    assert_ok(
        seglog_stream_compact(fixture->streams, STREAM, &options, NULL, NULL));
    test_sleep_ms(60);
    assert_false(atomic_load(&waiter.is_done));
    since_ms = test_now_ms();
    append(fixture, 1);
    waiter_expect(&waiter, since_ms);
}
#endif

/* -- no wake-up is lost ---------------------------------------------------- */

#define FOLLOWED 3000u

struct follower {
    struct seglog_streams streams;
    uint64_t next;
    unsigned lost; /* waits that nobody has ended */
    seglog_code code;
};

static void *
follower_run(void *arg)
{
    struct follower *follower = arg;

    while (follower->next < FOLLOWED && follower->code == SEGLOG_OK) {
        struct seglog_stream_event *events = NULL;
        size_t count = 0;

        follower->code =
            seglog_stream_read_from(follower->streams, STREAM, follower->next,
                                    UINT64_MAX, &events, &count, NULL);
        seglog_free(events);
        follower->next += count;
        if (follower->code != SEGLOG_OK || count > 0)
            continue;
        follower->code = seglog_stream_wait(follower->streams, STREAM,
                                            follower->next, LONG_MS, NULL);
        follower->lost += follower->code == SEGLOG_END;
    }
    return NULL;
}

static void
wait__between_reads_while_others_append__misses_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct follower followers[2] = { { .next = 0 }, { .next = 0 } };
    pthread_t threads[2];
    uint64_t seed = 3;

    fixture->options.segment_bytes = 3000;
    fixture->options.chain = SEGLOG_CHAIN_XXH3;
    stream_model_reset(&fixture->model);
    stream_model_init(&fixture->model, SEGLOG_CHAIN_XXH3);
    open_streams(fixture);
    for (unsigned i = 0; i < 2; i++) {
        followers[i].streams = fixture->streams;
        assert_int_equal(
            pthread_create(&threads[i], NULL, follower_run, &followers[i]), 0);
    }
    for (unsigned i = 0; i < FOLLOWED; i++) {
        append(fixture, 1);
        for (uint64_t k = test_random(&seed) % 2000; k > 0; k--)
            atomic_signal_fence(memory_order_seq_cst);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(followers[i].lost, 0);
        assert_code(followers[i].code, SEGLOG_OK);
        assert_int_equal(followers[i].next, FOLLOWED);
    }
}

/* -- another process ------------------------------------------------------- */

#define PASSED 8u

/* When each event was there. */
struct passed {
    _Atomic int64_t at_ms[PASSED];
};

/* The stream is begun, goes on in another segment, is closed and opened. */
_Noreturn static void
child_run(const char *dir, struct passed *passed)
{
    struct seglog_stream_options options = { .size = sizeof options };
    struct seglog_store store = { 0 };
    struct seglog_streams streams = { 0 };
    seglog_code code = seglog_store_file_open(dir, false, &store, NULL);

    for (unsigned i = 0; i < PASSED && code == SEGLOG_OK; i++) {
        const struct seglog_slice event = { "event", 5 };

        test_sleep_ms(70);
        if (!streams.ops)
            code = seglog_streams_open(store, &options, &streams, NULL);
        if (code == SEGLOG_OK && i % 3 == 2)
            code = seglog_stream_rotate(streams, STREAM, NULL);
        atomic_store(&passed->at_ms[i], test_now_ms());
        if (code == SEGLOG_OK)
            code = seglog_stream_append_batch(streams, STREAM, &event, 1, i,
                                              NULL, i % 2 == 0, NULL, NULL);
        if (code == SEGLOG_CONFLICT)
            code = seglog_stream_append_batch(streams, STREAM, &event, 1,
                                              SEGLOG_OFFSET_ANY, NULL, false,
                                              NULL, NULL);
        if (code == SEGLOG_OK && i % 4 == 3)
            code = seglog_streams_close(&streams, NULL);
    }
    _exit(code == SEGLOG_OK ? 0 : 1);
}

static void
wait__appended_by_another_process__is_woken(void **state)
{
    const char *dir = *state;
    const struct seglog_stream_options options = { .size = sizeof options,
                                                   .is_read_only = true };
    struct passed *passed = mmap(NULL, sizeof *passed, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct seglog_store store = { 0 };
    struct seglog_streams streams = { 0 };
    pid_t child = 0;
    int status = 0;

    assert_true(passed != MAP_FAILED);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        child_run(dir, passed);
    assert_ok(seglog_store_file_open(dir, false, &store, NULL));
    assert_ok(seglog_streams_open(store, &options, &streams, NULL));
    for (unsigned i = 0; i < PASSED; i++) {
        int64_t late_ms = 0;

        assert_ok(seglog_stream_wait(streams, STREAM, i, LONG_MS, NULL));
        late_ms = test_now_ms() - atomic_load(&passed->at_ms[i]);
        print_message("event %u: woken after %lld ms\n", i, (long long)late_ms);
        assert_true(atomic_load(&passed->at_ms[i]) > 0 && late_ms < SOON_MS);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_ok(seglog_streams_close(&streams, NULL));
    seglog_store_close(&store);
    (void)munmap(passed, sizeof *passed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(wait__event_that_is_there__is_ok_at_once),
        STREAM_TEST(wait__nothing_comes__ends_when_the_time_is_over),
        STREAM_TEST(wait__nothing_comes__the_store_is_left_alone),
        STREAM_TEST(wait__store_that_cannot_wait__is_looked_at_now_and_then),
        STREAM_TEST(wait__store_that_fails__says_so),
        STREAM_TEST(wait__damaged_end__says_so_as_appending_does),
        STREAM_TEST(wait__appended_by_another_thread__is_woken),
        STREAM_TEST(wait__stream_that_is_begun__is_woken),
        STREAM_TEST(wait__stream_goes_on_in_another_segment__is_woken),
        STREAM_TEST(wait__closed_stream_is_rotated__is_woken),
#ifdef SEGLOG_HAVE_ZSTD
        STREAM_TEST(wait__segments_are_merged__is_woken),
#endif
        STREAM_TEST(wait__between_reads_while_others_append__misses_nothing),
        cmocka_unit_test_setup_teardown(
            wait__appended_by_another_process__is_woken, test_dir_setup,
            test_dir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
