/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_encrypted_processes.c
 *
 * Goal    processes share an encrypted store as they share a folder; whoever of
 *         them is killed takes nothing along that was appended, and one that is
 *         killed while it changes the key leaves one of the two.
 * Method  children append to one log in shared mode and note in shared memory
 *         how far they got; some are killed.  Others change the key, stopped
 *         before each step or killed at any time.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "tests/support/seglog_test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seglog/encrypted_store.h"
#include "seglog/segment.h"
#include "seglog/testing/fault_store.h"
#include "src/crypt/primitives.h"

enum {
    CHILDREN = 4,
    ROUNDS = 150,
    KILLS = 60,
    STEPS_MAX = 60
};

static const uint8_t KEYS[2][SEGLOG_KEY_BYTES] = {
    "a key of thirty-two bytes in all",
    "another one that has as many too",
};

static struct seglog_store_key
key_of(unsigned which)
{
    return (struct seglog_store_key){ .size = sizeof(struct seglog_store_key),
                                      .key = KEYS[which] };
}

static seglog_code
store_open(const char *dir, unsigned which, bool is_new,
           struct seglog_store *store)
{
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = is_new };
    const struct seglog_store_key key = key_of(which);
    struct seglog_store below = { 0 };
    seglog_code code = seglog_store_file_open(dir, false, &below, NULL);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_encrypted_store_open(below, &key, &options, store, NULL);
    if (code != SEGLOG_OK)
        seglog_store_close(&below);
    return code;
}

static void
store_create(const char *dir)
{
    struct seglog_store store;

    assert_ok(store_open(dir, 0, true, &store));
    seglog_store_close(&store);
}

/* ---------------------------------------------------------------------------
 * Appending
 */

/* In shared memory: appends of each child that have returned. */
static unsigned *done;

/* Each opens the log anew now and then, as one that comes later would. */
static int
child_append(const char *dir, unsigned no)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .lock_timeout_ms = 120000,
        .no_closing_mark = no % 2 == 0,
    };
    struct seglog_writer *writer = NULL;
    struct seglog_store store;

    if (store_open(dir, 0, false, &store) != SEGLOG_OK)
        return 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char line[64];
        const int len = snprintf(line, sizeof line, "%u %u", no, i);

        if (!writer && seglog_writer_open(store, "log", &options, &writer,
                                          NULL) != SEGLOG_OK)
            return 2;
        if (seglog_writer_append(writer, SEGLOG_TEXT, line, (size_t)len,
                                 SEGLOG_LEVEL_FLUSH, NULL, NULL) != SEGLOG_OK)
            return 3;
        done[no] = i + 1;
        if (i % 37 != 36)
            continue;
        if (seglog_writer_close(writer, NULL) != SEGLOG_OK)
            return 4;
        writer = NULL;
    }
    if (seglog_writer_close(writer, NULL) != SEGLOG_OK)
        return 5;
    seglog_store_close(&store);
    return 0;
}

static pid_t
appender_start(const char *dir, unsigned no)
{
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(child_append(dir, no));
    return child;
}

/* Each child's lines in order; at least those that it was told are there. */
static void
log_check(const char *dir)
{
    const struct seglog_reader_options options = { .size = sizeof options };
    struct seglog_reader *reader = NULL;
    struct seglog_scan_summary summary;
    struct seglog_store store;
    struct seglog_event event;
    unsigned next[CHILDREN] = { 0 };
    seglog_code code = SEGLOG_OK;

    assert_ok(store_open(dir, 0, false, &store));
    assert_ok(seglog_reader_open(store, "log", &options, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        char line[64] = { 0 };
        unsigned no = 0;
        unsigned i = 0;

        assert_in_range(event.record.len, 1, sizeof line - 1);
        memcpy(line, event.record.data, event.record.len);
        assert_int_equal(sscanf(line, "%u %u", &no, &i), 2);
        assert_in_range(no, 0, CHILDREN - 1);
        assert_int_equal(i, next[no]);
        next[no]++;
    }
    assert_code(code, SEGLOG_END);
    seglog_reader_close(reader);
    for (unsigned no = 0; no < CHILDREN; no++)
        assert_in_range(next[no], done[no], done[no] + 1);
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_true(summary.verdict <= SEGLOG_VERDICT_TORN);
    assert_int_equal(summary.lost, 0);
    seglog_store_close(&store);
}

static void
append__four_processes__all_lines_are_there_in_order(void **state)
{
    const char *dir = *state;
    pid_t children[CHILDREN];

    memset(done, 0, CHILDREN * sizeof *done);
    store_create(dir);
    for (unsigned no = 0; no < CHILDREN; no++)
        children[no] = appender_start(dir, no);
    for (unsigned no = 0; no < CHILDREN; no++) {
        int status = 0;

        assert_int_equal(waitpid(children[no], &status, 0), children[no]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(done[no], ROUNDS);
    }
    log_check(dir);
}

static void
append__killed_in_turn__others_go_on_and_nothing_is_lost(void **state)
{
    const char *dir = *state;
    pid_t children[CHILDREN];

    memset(done, 0, CHILDREN * sizeof *done);
    store_create(dir);
    for (unsigned no = 0; no < CHILDREN; no++)
        children[no] = appender_start(dir, no);
    for (unsigned no = 0; no + 1 < CHILDREN; no++) {
        const volatile unsigned *far = &done[no];

        while (*far < 20 + 30 * no)
            test_sleep_ms(1);
        (void)kill(children[no], SIGKILL);
    }
    for (unsigned no = 0; no < CHILDREN; no++) {
        int status = 0;

        assert_int_equal(waitpid(children[no], &status, 0), children[no]);
        /* The last one is not killed, nor held up by those that were. */
        if (no + 1 == CHILDREN)
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    log_check(dir);
}

/* ---------------------------------------------------------------------------
 * Another key
 */

/* Which of the keys opens it: exactly one. */
static unsigned
key_that_opens(const char *dir)
{
    unsigned opened = 0;
    unsigned which = 0;

    for (unsigned i = 0; i < 2; i++) {
        struct seglog_store store;
        const seglog_code code = store_open(dir, i, false, &store);

        if (code != SEGLOG_OK) {
            assert_code(code, SEGLOG_AUTH);
            continue;
        }
        seglog_store_close(&store);
        which = i;
        opened++;
    }
    assert_int_equal(opened, 1);
    return which;
}

static seglog_code
rekey(struct seglog_store below, unsigned from)
{
    const struct seglog_store_key old_key = key_of(from);
    const struct seglog_store_key new_key = key_of(1 - from);

    return seglog_encrypted_store_rekey(below, &old_key, &new_key, NULL, NULL);
}

/* Nothing of the step-th call and those behind it is done: it was killed. */
static int
child_rekey_stopped(const char *dir, unsigned from, unsigned step)
{
    const struct seglog_fault stop = { .at = step,
                                       .from_then_on = true,
                                       .way = SEGLOG_FAULT_BEFORE };
    struct seglog_faults *faults = NULL;
    struct seglog_store below;

    if (seglog_store_file_open(dir, false, &below, NULL) != SEGLOG_OK)
        return 1;
    faults = seglog_faults_new(below);
    if (!faults || !seglog_faults_add(faults, &stop))
        return 2;
    if (rekey(seglog_faults_store(faults), from) == SEGLOG_OK)
        return 0;
    (void)raise(SIGKILL);
    return 3;
}

static void
rekey__killed_before_each_step__one_key_opens(void **state)
{
    const char *dir = *state;
    unsigned steps = 1;

    store_create(dir);
    for (bool is_done = false; !is_done; steps++) {
        const unsigned from = key_that_opens(dir);
        const pid_t child = fork();
        int status = 0;

        assert_true(child >= 0);
        assert_in_range(steps, 1, STEPS_MAX);
        if (child == 0)
            _exit(child_rekey_stopped(dir, from, steps));
        assert_int_equal(waitpid(child, &status, 0), child);
        is_done = WIFEXITED(status);
        if (is_done)
            assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(is_done ? 1 - from : key_that_opens(dir),
                         key_that_opens(dir));
    }
    assert_true(steps > 5);
}

static void
rekey__killed_at_any_time__one_key_opens(void **state)
{
    const char *dir = *state;
    uint64_t seed = 11;

    store_create(dir);
    for (unsigned i = 0; i < KILLS; i++) {
        unsigned from = key_that_opens(dir);
        const pid_t child = fork();
        int status = 0;

        assert_true(child >= 0);
        while (child == 0) {
            struct seglog_store below;

            if (seglog_store_file_open(dir, false, &below, NULL) != SEGLOG_OK ||
                rekey(below, from) != SEGLOG_OK)
                _exit(1);
            seglog_store_close(&below);
            from = 1 - from;
        }
        (void)usleep((useconds_t)(test_random(&seed) % 20000));
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
    }
    (void)key_that_opens(dir);
}

#define TEST(test)                                                             \
    cmocka_unit_test_setup_teardown(test, test_dir_setup, test_dir_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(append__four_processes__all_lines_are_there_in_order),
        TEST(append__killed_in_turn__others_go_on_and_nothing_is_lost),
        TEST(rekey__killed_before_each_step__one_key_opens),
        TEST(rekey__killed_at_any_time__one_key_opens),
    };

    if (!slg_crypt_is_available())
        return 77;
    done = mmap(NULL, CHILDREN * sizeof *done, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (done == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests_name("store/store_encrypted_processes", tests,
                                       NULL, NULL);
}
