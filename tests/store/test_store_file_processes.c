/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_file_processes.c
 *
 * Goal    processes share a folder as threads share a store, and the death of
 *         one of them leaves nothing locked.
 * Method  children do the work and report by their exit status, in which 0
 *         means that all went well.
 */
#define _GNU_SOURCE /* setitimer, sigaction, usleep, MADV_POPULATE_WRITE */

#include "tests/store/file_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHILDREN = 4,
    ROUNDS = 200,
    LINE_BYTES = 32
};

/* What a child does in the folder, with its own store. */
typedef int (*child_fn)(struct seglog_store store, unsigned no);

static pid_t
child_start(const char *dir, child_fn run, unsigned no)
{
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct seglog_store store = { 0 };

        if (seglog_store_file_open(dir, false, &store, NULL) != SEGLOG_OK)
            _exit(99);
        _exit(run(store, no));
    }
    return child;
}

static void
child_join(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
line_make(char *line, unsigned no, unsigned i)
{
    memset(line, 'a' + (int)no, LINE_BYTES);
    (void)snprintf(line, 8, "%02u %03u", no, i);
    line[6] = ' ';
    line[LINE_BYTES - 1] = '\n';
}

/* All lines of all children, each child's in order. */
static void
assert_all_lines(struct seglog_store store)
{
    struct seglog_blob blob = store_open_blob(store, "a", SEGLOG_OPEN_READ);
    unsigned next[CHILDREN] = { 0 };

    assert_int_equal(store_get_size(blob), CHILDREN * ROUNDS * LINE_BYTES);
    for (uint64_t i = 0; i < CHILDREN * ROUNDS; i++) {
        char got[LINE_BYTES];
        char want[LINE_BYTES];
        unsigned no = 0;

        assert_ok(
            seglog_blob_read_at(blob, i * LINE_BYTES, got, LINE_BYTES, NULL));
        no = (unsigned)(got[1] - '0');
        assert_true(no < CHILDREN);
        line_make(want, no, next[no]++);
        assert_memory_equal(got, want, LINE_BYTES);
    }
    store_close_blob(&blob);
}

static int
append_at_expected_end(struct seglog_store store, unsigned no)
{
    struct seglog_blob blob = { 0 };
    uint64_t end = 0;

    if (seglog_blob_open(store, "a", WRITE_NEW, &blob, NULL) != SEGLOG_OK)
        return 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char line[LINE_BYTES];
        struct seglog_error err = { 0 };
        uint64_t offset = 0;
        seglog_code code = SEGLOG_CONFLICT;

        line_make(line, no, i);
        while (code == SEGLOG_CONFLICT) {
            code =
                seglog_blob_append(blob, end, line, LINE_BYTES, &offset, &err);
            if (code == SEGLOG_CONFLICT &&
                (err.actual <= end || err.actual % LINE_BYTES != 0))
                return 2;
            end = code == SEGLOG_OK ? offset + LINE_BYTES : err.actual;
        }
        if (code != SEGLOG_OK)
            return 3;
    }
    return 0;
}

static int
append_under_lock(struct seglog_store store, unsigned no)
{
    struct seglog_blob blob = { 0 };
    struct seglog_lock lock = { 0 };

    if (seglog_blob_open(store, "a", WRITE_NEW | SEGLOG_OPEN_LOCK_HELD, &blob,
                         NULL) != SEGLOG_OK ||
        seglog_lock_open(store, "a", &lock, NULL) != SEGLOG_OK)
        return 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char line[LINE_BYTES];
        uint64_t size = 0;
        uint64_t offset = 0;
        bool is_replaced = true;
        uint64_t *hint = NULL;

        line_make(line, no, i);
        if (seglog_lock_acquire(lock, i % 2 ? -1 : 60000, NULL) != SEGLOG_OK)
            return 2;
        hint = seglog_lock_get_hint(lock);
        if (seglog_blob_get_size(blob, &size, &is_replaced, NULL) !=
                SEGLOG_OK ||
            is_replaced || (hint && *hint != size) ||
            seglog_blob_append(blob, SEGLOG_END_ANY, line, LINE_BYTES, &offset,
                               NULL) != SEGLOG_OK ||
            offset != size)
            return 3;
        if (hint)
            *hint = offset + LINE_BYTES;
        if (seglog_lock_release(lock, NULL) != SEGLOG_OK)
            return 4;
    }
    return 0;
}

static void
append__many_processes__each_line_once_and_whole(void **state)
{
    static const child_fn ways[] = { append_at_expected_end,
                                     append_under_lock };
    const struct file_fixture *fixture = *state;

    for (size_t way = 0; way < COUNT_OF(ways); way++) {
        pid_t children[CHILDREN];

        for (unsigned i = 0; i < CHILDREN; i++)
            children[i] = child_start(fixture->dir, ways[way], i);
        for (unsigned i = 0; i < CHILDREN; i++)
            child_join(children[i]);
        assert_all_lines(fixture->store);
        assert_ok(seglog_store_remove(fixture->store, "a", NULL));
    }
}

/* Take the lock, tell by a byte in another blob, and never let go. */
static int
hold_until_killed(struct seglog_store store, unsigned no)
{
    struct seglog_blob blob = { 0 };
    struct seglog_lock lock = { 0 };

    (void)no;
    if (seglog_lock_open(store, "a", &lock, NULL) != SEGLOG_OK ||
        seglog_lock_acquire(lock, 0, NULL) != SEGLOG_OK ||
        seglog_blob_open(store, "told", WRITE_NEW, &blob, NULL) != SEGLOG_OK ||
        seglog_blob_append(blob, 0, "x", 1, NULL, NULL) != SEGLOG_OK)
        return 1;
    for (;;)
        (void)pause();
}

static void
lock__holder_is_killed__is_free(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_blob told =
        store_open_blob(fixture->store, "told", WRITE_NEW);
    struct seglog_lock lock = { 0 };
    const pid_t child = child_start(fixture->dir, hold_until_killed, 0);

    while (store_get_size(told) == 0)
        assert_ok(seglog_blob_wait(told, 0, 10000, NULL));
    assert_ok(seglog_lock_open(fixture->store, "a", &lock, NULL));
    assert_code(seglog_lock_acquire(lock, 0, NULL), SEGLOG_LOCKED);
    assert_code(seglog_lock_acquire(lock, 20, NULL), SEGLOG_LOCKED);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_ok(seglog_lock_acquire(lock, -1, NULL));
    assert_int_equal(waitpid(child, NULL, 0), child);
    seglog_lock_close(&lock);
    store_close_blob(&told);
}

/* Answer each byte that comes by another one. */
static int
answer_bytes(struct seglog_store store, unsigned no)
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;

    (void)no;
    if (seglog_blob_open(store, "a", SEGLOG_OPEN_WRITE, &blob, NULL) !=
        SEGLOG_OK)
        return 1;
    while (size < 2 * ROUNDS) {
        if (seglog_blob_wait(blob, size, -1, NULL) != SEGLOG_OK ||
            seglog_blob_get_size(blob, &size, NULL, NULL) != SEGLOG_OK)
            return 2;
        if (size % 2 != 0 &&
            seglog_blob_append(blob, size++, "x", 1, NULL, NULL) != SEGLOG_OK)
            return 3;
    }
    return 0;
}

/* A wait that polled each 50 ms would take ten times as long. */
static void
wait__two_processes_in_turn__is_woken_at_once(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    const pid_t child = child_start(fixture->dir, answer_bytes, 0);
    const int64_t start_ms = test_now_ms();

    for (uint64_t size = 0; size < 2 * ROUNDS;) {
        const uint64_t asked = size + 1;

        assert_ok(seglog_blob_append(blob, size, "?", 1, NULL, NULL));
        for (size = asked; size == asked; size = store_get_size(blob))
            assert_ok(seglog_blob_wait(blob, asked, 60000, NULL));
    }
    child_join(child);
    assert_in_range(test_now_ms() - start_ms, 0, 2 * ROUNDS * 5);
    store_close_blob(&blob);
}

static int
replace_later(struct seglog_store store, unsigned no)
{
    struct seglog_blob blob = { 0 };

    (void)no;
    test_sleep_ms(20);
    return seglog_blob_open(store, "b", WRITE_NEW, &blob, NULL) == SEGLOG_OK &&
                   seglog_store_replace(store, "b", "a", NULL) == SEGLOG_OK
               ? 0
               : 1;
}

static void
wait__replaced_by_another_process__is_woken(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    const pid_t child = child_start(fixture->dir, replace_later, 0);
    const int64_t start_ms = test_now_ms();

    while (!store_is_replaced(blob))
        assert_ok(seglog_blob_wait(blob, 0, 60000, NULL));
    assert_in_range(test_now_ms() - start_ms, 0, 10000);
    child_join(child);
    store_close_blob(&blob);
}

static void
on_alarm(int number)
{
    (void)number;
}

static void
wait__signal__returns_early(void **state)
{
    const struct file_fixture *fixture = *state;
    const struct itimerval soon = { .it_value = { .tv_usec = 20000 },
                                    .it_interval = { .tv_usec = 20000 } };
    const struct itimerval never = { .it_value = { .tv_usec = 0 } };
    struct sigaction action = { .sa_handler = on_alarm };
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);

    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_ok(seglog_blob_wait(blob, 0, -1, NULL));
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    action.sa_handler = SIG_DFL;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    store_close_blob(&blob);
}

/* Long enough for what was seen of the lock file to be asked for again. */
static void
tick_pass(void)
{
    (void)usleep(30000);
}

/* Who touches a mapped page that is not in the file any more is killed. */
static int
lock_shortened_by_hand(struct seglog_store store, unsigned is_held)
{
    struct seglog_lock lock = { 0 };
    struct seglog_lock other = { 0 };
    uint64_t *hint = NULL;

    if (seglog_lock_open(store, "a", &lock, NULL) != SEGLOG_OK ||
        seglog_lock_open(store, "a", &other, NULL) != SEGLOG_OK ||
        seglog_lock_acquire(lock, 0, NULL) != SEGLOG_OK)
        return 1;
    hint = seglog_lock_get_hint(lock);
    if (!hint)
        return 0; /* none here */
    *hint = 7;
    for (unsigned i = 0; i < 4; i++)
        (void)seglog_lock_get_hint(lock);
    if (!is_held && seglog_lock_release(lock, NULL) != SEGLOG_OK)
        return 2;
    if (truncate("a.lock", 0) != 0)
        return 3;
    tick_pass();
    if (!is_held && seglog_lock_acquire(lock, 0, NULL) != SEGLOG_OK)
        return 4;
    hint = seglog_lock_get_hint(lock);
    if (!hint || *hint != 0)
        return 5;
    *hint = 8;
    /* It is the same lock, and the same memory, for all of them. */
    if (seglog_lock_acquire(other, 0, NULL) != SEGLOG_LOCKED ||
        seglog_lock_release(lock, NULL) != SEGLOG_OK ||
        seglog_lock_acquire(other, 0, NULL) != SEGLOG_OK)
        return 6;
    hint = seglog_lock_get_hint(other);
    return hint && *hint == 8 ? 0 : 7;
}

static void
hint__lock_file_shortened_by_hand__is_a_new_one(void **state)
{
    const struct file_fixture *fixture = *state;

#ifndef MADV_POPULATE_WRITE
    skip();
#endif
    for (unsigned is_held = 0; is_held < 2; is_held++) {
        const pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            struct seglog_store store = { 0 };

            if (chdir(fixture->dir) != 0 ||
                seglog_store_file_open(".", false, &store, NULL) != SEGLOG_OK)
                _exit(99);
            _exit(lock_shortened_by_hand(store, is_held));
        }
        child_join(child);
    }
}

#define FILE_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, file_setup, file_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(append__many_processes__each_line_once_and_whole),
        FILE_TEST(lock__holder_is_killed__is_free),
        FILE_TEST(hint__lock_file_shortened_by_hand__is_a_new_one),
        FILE_TEST(wait__two_processes_in_turn__is_woken_at_once),
        FILE_TEST(wait__replaced_by_another_process__is_woken),
        FILE_TEST(wait__signal__returns_early),
    };

    return cmocka_run_group_tests_name("store/store_file: processes", tests,
                                       NULL, NULL);
}
