/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_file_discard.c
 *
 * Goal    a lock file goes when its lock is discarded, and there is no way to
 *         hold a dead one and take it for the lock.
 * Method  each order of open, discard and acquire by hand, then processes that
 *         do all of it at random and count themselves in shared memory.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, seteuid */

#include "tests/store/file_fixture.h"

#include <sched.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/store/store_file.h"

enum {
    CHILDREN = 4,
    STORM_MS = 2000,
    NOBODY = 65534
};

/* Where other machines may share the folder, a lock file stays. */
static struct file_fixture *
fixture_of(void **state)
{
    struct file_fixture *fixture = *state;
    const struct slg_file_store *store = fixture->store.self;

    if (!store->is_local)
        skip();
    return fixture;
}

static struct seglog_lock
open_lock(struct seglog_store store)
{
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    assert_code_err(seglog_lock_open(store, "a", &lock, &err), SEGLOG_OK, &err);
    return lock;
}

static void
acquire(struct seglog_lock lock)
{
    struct seglog_error err;

    assert_code_err(seglog_lock_acquire(lock, 0, &err), SEGLOG_OK, &err);
}

static void
discard(struct seglog_lock lock)
{
    struct seglog_error err;

    assert_code_err(seglog_lock_discard(lock, &err), SEGLOG_OK, &err);
}

static void
discard__held__removes_the_file(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    const unsigned before = file_descriptor_count();
    struct seglog_lock lock = open_lock(fixture->store);

    for (unsigned again = 0; again < 3; again++) {
        acquire(lock);
        assert_true(file_exists(fixture->dir, "a.lock"));
        discard(lock);
        assert_false(file_exists(fixture->dir, "a.lock"));
        assert_ok(seglog_lock_release(lock, NULL));
        assert_int_equal(file_descriptor_count(), before + 1);
    }
    seglog_lock_close(&lock);
    assert_int_equal(file_descriptor_count(), before);
    assert_false(file_exists(fixture->dir, "a.lock"));
}

/* The discarder holds a dead lock; what it does must not touch the live one. */
static void
discard__twice__leaves_the_next_holder_alone(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    struct seglog_lock old = open_lock(fixture->store);
    struct seglog_lock fresh;

    acquire(old);
    discard(old);
    fresh = open_lock(fixture->store);
    acquire(fresh);
    discard(old);
    assert_true(file_exists(fixture->dir, "a.lock"));
    assert_ok(seglog_lock_release(old, NULL));
    assert_code(seglog_lock_acquire(old, 0, NULL), SEGLOG_LOCKED);
    seglog_lock_close(&old);
    assert_true(file_exists(fixture->dir, "a.lock"));

    old = open_lock(fixture->store);
    assert_code(seglog_lock_acquire(old, 0, NULL), SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(fresh, NULL));
    acquire(old);
    seglog_lock_close(&old);
    seglog_lock_close(&fresh);
}

/* Somebody has put another file there: it is not ours to remove. */
static void
discard__name_leads_elsewhere__leaves_it(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    char *path = test_path(fixture->dir, "a.lock");
    struct seglog_lock lock = open_lock(fixture->store);

    acquire(lock);
    assert_int_equal(unlink(path), 0);
    test_file_write(path, "theirs", 6);
    discard(lock);
    assert_true(file_exists(fixture->dir, "a.lock"));
    assert_ok(seglog_lock_release(lock, NULL));
    acquire(lock);
    discard(lock);
    assert_false(file_exists(fixture->dir, "a.lock"));
    seglog_lock_close(&lock);
    free(path);
}

/* Each handle of before meets the holder of the new file, also one by one. */
static void
acquire__file_is_dead__goes_to_the_new_one(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    struct seglog_lock old[3];
    struct seglog_lock fresh;

    for (unsigned i = 0; i < 3; i++)
        old[i] = open_lock(fixture->store);
    acquire(old[0]);
    discard(old[0]);
    seglog_lock_close(&old[0]);
    fresh = open_lock(fixture->store);
    acquire(fresh);
    assert_code(seglog_lock_acquire(old[1], 0, NULL), SEGLOG_LOCKED);
    assert_code(seglog_lock_acquire(old[2], 30, NULL), SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(fresh, NULL));
    acquire(old[1]);
    assert_code(seglog_lock_acquire(fresh, 0, NULL), SEGLOG_LOCKED);
    assert_code(seglog_lock_acquire(old[2], 0, NULL), SEGLOG_LOCKED);
    if (seglog_lock_get_hint(old[1])) {
        test_fill(seglog_lock_get_hint(old[1]), SEGLOG_LOCK_HINT_BYTES, 9);
        assert_memory_equal(seglog_lock_get_hint(fresh),
                            seglog_lock_get_hint(old[1]),
                            SEGLOG_LOCK_HINT_BYTES);
    }
    seglog_lock_close(&old[1]);
    seglog_lock_close(&old[2]);
    seglog_lock_close(&fresh);
}

/*
 * A backup may keep another name of a lock file: its link count then does not
 * tell that it is dead.  Put back under its own name it is a lock again.
 */
static void
acquire__dead_file_has_another_name__goes_to_the_new_one(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    char *path = test_path(fixture->dir, "a.lock");
    char *kept = test_path(fixture->dir, "kept");
    struct seglog_lock a = open_lock(fixture->store);
    struct seglog_lock b = open_lock(fixture->store);
    struct seglog_lock c;

    if (link(path, kept) != 0)
        skip(); /* no such thing on this file system */
    acquire(a);
    discard(a);
    assert_ok(seglog_lock_release(a, NULL));
    c = open_lock(fixture->store);
    acquire(c);
    assert_code(seglog_lock_acquire(b, 0, NULL), SEGLOG_LOCKED);
    assert_code(seglog_lock_acquire(a, 0, NULL), SEGLOG_LOCKED);
    discard(c);
    seglog_lock_close(&c);
    seglog_lock_close(&b);
    seglog_lock_close(&a);

    assert_int_equal(rename(kept, path), 0);
    a = open_lock(fixture->store);
    b = open_lock(fixture->store);
    acquire(a);
    assert_code(seglog_lock_acquire(b, 0, NULL), SEGLOG_LOCKED);
    seglog_lock_close(&a);
    acquire(b);
    seglog_lock_close(&b);
    free(kept);
    free(path);
}

/* What stands in the way is reported, and the handle is good afterwards. */
static void
acquire__new_file_cannot_be_made__fails_until_it_can(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    char *path = test_path(fixture->dir, "a.lock");
    struct seglog_lock a = open_lock(fixture->store);
    struct seglog_lock b = open_lock(fixture->store);
    struct seglog_error err;

    acquire(a);
    discard(a);
    assert_ok(seglog_lock_release(a, NULL));
    assert_int_equal(mkdir(path, 0777), 0);
    for (unsigned again = 0; again < 2; again++) {
        assert_code_err(seglog_lock_acquire(a, 0, &err), SEGLOG_IO, &err);
        assert_string_equal(err.name, path);
        assert_code(seglog_lock_acquire(b, -1, NULL), SEGLOG_IO);
        assert_code(seglog_lock_release(a, NULL), SEGLOG_INVALID);
    }
    assert_int_equal(rmdir(path), 0);
    acquire(a);
    assert_code(seglog_lock_acquire(b, 0, NULL), SEGLOG_LOCKED);
    seglog_lock_close(&a);
    acquire(b);
    seglog_lock_close(&b);
    free(path);
}

static void
discard__folder_is_read_only__fails_and_stays_held(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    struct seglog_lock a = open_lock(fixture->store);
    struct seglog_lock b = open_lock(fixture->store);
    const uid_t we = geteuid();
    seglog_code code = SEGLOG_OK;
    struct seglog_error err;

    acquire(a);
    assert_int_equal(chmod(fixture->dir, 0555), 0);
    if (we == 0 && seteuid(NOBODY) != 0)
        skip();
    code = seglog_lock_discard(a, &err);
    assert_int_equal(seteuid(we), 0);
    assert_int_equal(chmod(fixture->dir, 0755), 0);
    assert_code_err(code, SEGLOG_READ_ONLY, &err);
    assert_code(seglog_lock_acquire(b, 0, NULL), SEGLOG_LOCKED);
    discard(a);
    assert_false(file_exists(fixture->dir, "a.lock"));
    seglog_lock_close(&a);
    seglog_lock_close(&b);
}

/* As on a network: nobody else would learn in time that it is gone. */
static void
discard__shared_with_other_machines__leaves_the_file(void **state)
{
    struct file_fixture *fixture = *state;
    struct slg_file_store *store = fixture->store.self;
    const bool is_local = store->is_local;
    struct seglog_lock lock;

    store->is_local = false;
    lock = open_lock(fixture->store);
    acquire(lock);
    discard(lock);
    assert_true(file_exists(fixture->dir, "a.lock"));
    assert_ok(seglog_lock_release(lock, NULL));
    acquire(lock);
    seglog_lock_close(&lock);
    store->is_local = is_local;
}

static void
discard__discarder_is_killed__others_go_on(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    struct seglog_lock old = open_lock(fixture->store);
    struct seglog_lock fresh;
    int told[2];
    char byte = 0;
    pid_t child = 0;

    assert_int_equal(pipe(told), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct seglog_store store = { 0 };
        struct seglog_lock lock = { 0 };

        if (seglog_store_file_open(fixture->dir, false, &store, NULL) ||
            seglog_lock_open(store, "a", &lock, NULL) ||
            seglog_lock_acquire(lock, 0, NULL) ||
            seglog_lock_discard(lock, NULL) || write(told[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(close(told[1]), 0);
    assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(close(told[0]), 0);

    assert_code(seglog_lock_acquire(old, 0, NULL), SEGLOG_LOCKED);
    fresh = open_lock(fixture->store);
    acquire(fresh);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_code(seglog_lock_acquire(old, 50, NULL), SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(fresh, NULL));
    acquire(old);
    seglog_lock_close(&old);
    seglog_lock_close(&fresh);
}

/* In memory that all children of a storm share. */
struct storm {
    atomic_int inside; /* how many hold the lock, in their opinion */
    atomic_uint discards;
    atomic_uint acquires;
    unsigned plain; /* counted by the holder alone */
};

/* While it holds the lock; the hint is memory of the same lock. */
static bool
storm_work(struct storm *storm, struct seglog_lock lock, bool is_long)
{
    unsigned *hint = seglog_lock_get_hint(lock);
    const unsigned plain = storm->plain;
    bool is_alone = atomic_fetch_add(&storm->inside, 1) == 0;

    if (hint && *hint != 0 && *hint != plain)
        is_alone = false;
    if (is_long)
        (void)sched_yield();
    storm->plain = plain + 1;
    if (hint)
        *hint = plain + 1;
    return atomic_fetch_sub(&storm->inside, 1) == 1 && is_alone;
}

static int
storm_run(const char *dir, struct storm *storm, unsigned no)
{
    static const int timeouts[] = { 0, 0, 1, 20, -1 };
    const int64_t end_ms = test_now_ms() + STORM_MS;
    uint64_t seed = no + 1;
    struct seglog_store store = { 0 };
    struct seglog_lock lock = { 0 };

    if (seglog_store_file_open(dir, false, &store, NULL) != SEGLOG_OK)
        return 1;
    while (test_now_ms() < end_ms) {
        const uint64_t dice = test_random(&seed) >> 16;
        seglog_code code = SEGLOG_OK;

        if (!lock.ops)
            code = seglog_lock_open(store, "a", &lock, NULL);
        if (code == SEGLOG_OK)
            code = seglog_lock_acquire(
                lock, timeouts[dice % COUNT_OF(timeouts)], NULL);
        if (code == SEGLOG_LOCKED)
            continue;
        if (code != SEGLOG_OK)
            return 2;
        if (!storm_work(storm, lock, dice / 8 % 4 == 0))
            return 3;
        atomic_fetch_add(&storm->acquires, 1);
        if (dice / 32 % 4 == 0) {
            if (seglog_lock_discard(lock, NULL) != SEGLOG_OK)
                return 4;
            atomic_fetch_add(&storm->discards, 1);
        }
        if (dice / 128 % 8 == 0)
            seglog_lock_close(&lock);
        else if (seglog_lock_release(lock, NULL) != SEGLOG_OK)
            return 5;
    }
    seglog_lock_close(&lock);
    seglog_store_close(&store);
    return 0;
}

static void
discard__storm_of_processes__never_two_holders(void **state)
{
    struct file_fixture *fixture = fixture_of(state);
    struct storm *storm = mmap(NULL, sizeof *storm, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[CHILDREN];

    assert_true(storm != MAP_FAILED);
    for (unsigned i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(storm_run(fixture->dir, storm, i));
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        int status = 0;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(storm->inside, 0);
    assert_int_equal(storm->plain, storm->acquires);
    assert_true(storm->discards > 0);
    assert_int_equal(munmap(storm, sizeof *storm), 0);
}

/* The mark is set, the file still has its name: it is the lock, unmarked. */
static void
acquire__discarder_died_before_removing__is_the_lock(void **state)
{
    static const uint32_t mark = 1;
    struct file_fixture *fixture = fixture_of(state);
    char *path = test_path(fixture->dir, "a.lock");
    struct seglog_lock a = open_lock(fixture->store);
    struct seglog_lock b = open_lock(fixture->store);
    uint32_t left = 9;
    const int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &mark, sizeof mark, SEGLOG_LOCK_HINT_BYTES),
                     sizeof mark);
    acquire(a);
    assert_code(seglog_lock_acquire(b, 0, NULL), SEGLOG_LOCKED);
    assert_int_equal(pread(fd, &left, sizeof left, SEGLOG_LOCK_HINT_BYTES),
                     sizeof left);
    assert_int_equal(left, 0);
    assert_ok(seglog_lock_release(a, NULL));
    acquire(b);
    assert_code(seglog_lock_acquire(a, 0, NULL), SEGLOG_LOCKED);
    seglog_lock_close(&a);
    seglog_lock_close(&b);
    (void)close(fd);
    free(path);
}

#define FILE_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, file_setup, file_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(discard__held__removes_the_file),
        FILE_TEST(discard__twice__leaves_the_next_holder_alone),
        FILE_TEST(discard__name_leads_elsewhere__leaves_it),
        FILE_TEST(acquire__file_is_dead__goes_to_the_new_one),
        FILE_TEST(acquire__dead_file_has_another_name__goes_to_the_new_one),
        FILE_TEST(acquire__new_file_cannot_be_made__fails_until_it_can),
        FILE_TEST(discard__folder_is_read_only__fails_and_stays_held),
        FILE_TEST(discard__shared_with_other_machines__leaves_the_file),
        FILE_TEST(discard__discarder_is_killed__others_go_on),
        FILE_TEST(acquire__discarder_died_before_removing__is_the_lock),
        FILE_TEST(discard__storm_of_processes__never_two_holders),
    };

    return cmocka_run_group_tests_name("store/store_file: discard", tests, NULL,
                                       NULL);
}
