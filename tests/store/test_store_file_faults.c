/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_file_faults.c
 *
 * Goal    a write that fails leaves nothing behind and no wrong idea of the
 *         end; where it cannot be undone, or where a sync failed, the handle
 *         says so for ever.
 * Method  a limit on the size of files cuts writes short.  For the rest the
 *         descriptor of an open blob is exchanged for one that fails: of a
 *         full device, of a pipe, of a file that may not shrink.
 */
#define _GNU_SOURCE       /* memfd_create, unshare, file seals */
#define _FILE_OFFSET_BITS 64

#include "tests/store/file_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#endif

static const unsigned BOTH_MODES[] = { 0, SEGLOG_OPEN_LOCK_HELD };

/* No file of this process may grow beyond that, until it is lifted. */
static void
limit_set(uint64_t size)
{
    struct rlimit limit;

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
limit_lift(void)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Put `fd` in place of the blob's descriptor; returns what was there. */
static int
descriptor_exchange(int blob_fd, int fd)
{
    const int kept = dup(blob_fd);

    assert_true(kept >= 0 && fd >= 0);
    assert_int_equal(dup2(fd, blob_fd), blob_fd);
    return kept;
}

static void
descriptor_restore(int blob_fd, int kept)
{
    assert_int_equal(dup2(kept, blob_fd), blob_fd);
    assert_int_equal(close(kept), 0);
}

static void
append__cut_short__is_rolled_back_and_the_end_stays_right(void **state)
{
    const struct file_fixture *fixture = *state;
    char big[300];

    test_fill(big, sizeof big, 3);
    for (size_t i = 0; i < COUNT_OF(BOTH_MODES); i++) {
        struct seglog_blob blob =
            store_open_blob(fixture->store, "a", WRITE_NEW | BOTH_MODES[i]);
        struct seglog_error err;
        seglog_code code = SEGLOG_OK;
        uint64_t offset = 77;

        assert_int_equal(store_put(blob, "0123456789"), 0);
        limit_set(150);
        code = seglog_blob_append(blob, SEGLOG_END_ANY, big, sizeof big,
                                  &offset, &err);
        limit_lift();
        assert_code_err(code, SEGLOG_IO, &err);
        assert_int_equal(err.sys_errno, EFBIG);
        assert_int_equal(err.offset, 10);
        assert_int_equal(offset, 77);

        /* Not what the failed append left, but where the next one goes. */
        assert_ok(seglog_blob_append(blob, 10, NULL, 0, &offset, NULL));
        assert_int_equal(offset, 10);
        assert_ok(seglog_blob_append(blob, 10, "next", 4, &offset, NULL));
        assert_int_equal(offset, 10);
        store_assert_text(blob, "0123456789next");
        assert_ok(seglog_blob_sync(blob, NULL));
        store_close_blob(&blob);
        assert_ok(seglog_store_remove(fixture->store, "a", NULL));
    }
}

static void
append__nothing_fits__fails_without_a_trace(void **state)
{
    const struct file_fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(BOTH_MODES); i++) {
        struct seglog_blob blob =
            store_open_blob(fixture->store, "a", WRITE_NEW | BOTH_MODES[i]);
        seglog_code code = SEGLOG_OK;

        assert_int_equal(store_put(blob, "0123456789"), 0);
        limit_set(10);
        code = seglog_blob_append(blob, 10, "x", 1, NULL, NULL);
        limit_lift();
        assert_code(code, SEGLOG_IO);
        store_assert_text(blob, "0123456789");
        assert_int_equal(store_put(blob, "y"), 10);
        store_close_blob(&blob);
        assert_ok(seglog_store_remove(fixture->store, "a", NULL));
    }
}

static void
append__full_device__is_no_space(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");
    struct seglog_blob blob =
        store_open_blob(fixture->store, "a", WRITE_NEW | SEGLOG_OPEN_LOCK_HELD);
    const int blob_fd = file_descriptor_of(path);
    const int full = open("/dev/full", O_RDWR | O_CLOEXEC);
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    int kept = -1;

    if (full < 0)
        skip();
    kept = descriptor_exchange(blob_fd, full);
    code = seglog_blob_append(blob, 0, "abc", 3, NULL, &err);
    descriptor_restore(blob_fd, kept);
    assert_code_err(code, SEGLOG_NO_SPACE, &err);
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_string_equal(err.name, path);
    assert_int_equal(store_put(blob, "now"), 0);
    store_assert_text(blob, "now");
    store_close_blob(&blob);
    assert_int_equal(close(full), 0);
    free(path);
}

static void
sync__fails__poisons_the_handle_for_ever(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");
    struct seglog_blob blob;
    struct seglog_blob other;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    int blob_fd = -1;
    int ends[2] = { -1, -1 };
    int kept = -1;

    store_put_new(fixture->store, "a", "0123456789");
    blob = store_open_blob(fixture->store, "a", SEGLOG_OPEN_WRITE);
    blob_fd = file_descriptor_of(path);
    assert_int_equal(pipe(ends), 0);
    kept = descriptor_exchange(blob_fd, ends[0]);
    code = seglog_blob_sync(blob, &err);
    descriptor_restore(blob_fd, kept);
    assert_code_err(code, SEGLOG_IO, &err);
    assert_int_equal(err.sys_errno, EINVAL);

    /* The descriptor is healthy again: what failed is still not known. */
    assert_code_err(seglog_blob_sync(blob, &err), SEGLOG_POISONED, &err);
    assert_code_err(seglog_blob_sync(blob, &err), SEGLOG_POISONED, &err);
    assert_code_err(
        seglog_blob_append(blob, SEGLOG_END_ANY, "x", 1, NULL, &err),
        SEGLOG_POISONED, &err);
    assert_code(seglog_blob_append(blob, 10, NULL, 0, NULL, NULL),
                SEGLOG_POISONED);
    assert_code_err(seglog_blob_truncate(blob, 0, &err), SEGLOG_POISONED, &err);
    store_assert_text(blob, "0123456789");

    other = store_open_blob(fixture->store, "a", SEGLOG_OPEN_WRITE);
    assert_int_equal(store_put(other, "!"), 10);
    assert_ok(seglog_blob_sync(other, NULL));
    store_close_blob(&other);
    store_close_blob(&blob);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    free(path);
}

static void
close__fails__is_told_and_releases_all_the_same(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    struct seglog_error err;

    assert_int_equal(close(file_descriptor_of(path)), 0);
    assert_code_err(seglog_blob_close(&blob, &err), SEGLOG_IO, &err);
    assert_int_equal(err.sys_errno, EBADF);
    assert_null(blob.self);
    free(path);
}

/* A child, so that the limit does not outlive a failure. */
static void
wait__no_descriptor_left__works_all_the_same(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    const struct rlimit none = { 0, 0 };
    int status = 0;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        const int64_t start_ms = test_now_ms();
        uint64_t size = 0;

        if (setrlimit(RLIMIT_NOFILE, &none) != 0 ||
            seglog_blob_wait(blob, 0, 30, NULL) != SEGLOG_OK ||
            test_now_ms() - start_ms < 29)
            _exit(1);
        while (size == 0)
            if (seglog_blob_wait(blob, 0, -1, NULL) != SEGLOG_OK ||
                seglog_blob_get_size(blob, &size, NULL, NULL) != SEGLOG_OK)
                _exit(2);
        _exit(0);
    }
    test_sleep_ms(60);
    (void)store_put(blob, "x");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    store_close_blob(&blob);
}

#ifdef __linux__

/* The file grows to the limit and then may neither grow nor shrink. */
static void
append__cannot_be_rolled_back__poisons_the_handle(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");
    struct seglog_blob blob =
        store_open_blob(fixture->store, "a", WRITE_NEW | SEGLOG_OPEN_LOCK_HELD);
    const int blob_fd = file_descriptor_of(path);
    const int sealed = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    char big[300] = { 0 };
    int kept = -1;

    if (sealed < 0 || fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
        skip();
    kept = descriptor_exchange(blob_fd, sealed);
    limit_set(150);
    code = seglog_blob_append(blob, 0, big, sizeof big, NULL, &err);
    limit_lift();
    descriptor_restore(blob_fd, kept);
    assert_code_err(code, SEGLOG_POISONED, &err);
    assert_int_equal(err.sys_errno, EPERM);
    assert_code(seglog_blob_append(blob, 0, "x", 1, NULL, NULL),
                SEGLOG_POISONED);
    assert_code(seglog_blob_sync(blob, NULL), SEGLOG_POISONED);
    assert_int_equal(store_get_size(blob), 0);
    store_close_blob(&blob);
    assert_int_equal(close(sealed), 0);
    free(path);
}

/* In a child: fill a small file system, make room, go on.  0: all well. */
static int
fill_a_small_disk(const char *dir)
{
    static char chunk[10000];
    struct seglog_store store = { 0 };
    struct seglog_blob blob = { 0 };
    struct seglog_error err = { 0 };
    uint64_t end = 0;
    uint64_t size = 0;
    seglog_code code = SEGLOG_OK;

    if (seglog_store_file_open(dir, false, &store, NULL) != SEGLOG_OK ||
        seglog_blob_open(store, "filler", WRITE_NEW, &blob, NULL) !=
            SEGLOG_OK ||
        seglog_blob_append(blob, 0, chunk, 8192, NULL, NULL) != SEGLOG_OK ||
        seglog_blob_close(&blob, NULL) != SEGLOG_OK ||
        seglog_blob_open(store, "a", WRITE_NEW, &blob, NULL) != SEGLOG_OK)
        return 2;
    while (code == SEGLOG_OK) {
        code = seglog_blob_append(blob, end, chunk, sizeof chunk, NULL, &err);
        end += code == SEGLOG_OK ? sizeof chunk : 0;
    }
    if (code != SEGLOG_NO_SPACE || err.sys_errno != ENOSPC || end == 0)
        return 3;
    if (seglog_blob_get_size(blob, &size, NULL, NULL) != SEGLOG_OK ||
        size != end)
        return 4;
    if (seglog_store_remove(store, "filler", NULL) != SEGLOG_OK ||
        seglog_blob_append(blob, end, chunk, 5000, NULL, NULL) != SEGLOG_OK ||
        seglog_blob_sync(blob, NULL) != SEGLOG_OK)
        return 5;
    return 0;
}

/* Run in a child on a file system of its own; needs to be the superuser. */
static void
run_mounted(const char *dir, const char *type, const char *options,
            int (*run)(const char *dir))
{
    const pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount(type, dir, type, 0, options) != 0)
            _exit(77);
        _exit(run(dir));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
append__full_disk__keeps_what_was_there(void **state)
{
    const struct file_fixture *fixture = *state;

    run_mounted(fixture->dir, "tmpfs", "size=64k", fill_a_small_disk);
}

/* Where the clock of the file system ticks slowly, times say little. */
static int
replace_within_a_tick(const char *dir)
{
    struct seglog_store store = { 0 };

    if (seglog_store_file_open(dir, false, &store, NULL) != SEGLOG_OK)
        return 2;
    for (unsigned i = 0; i < 500; i++) {
        struct seglog_blob blob = { 0 };
        struct seglog_blob other = { 0 };
        uint64_t size = 0;
        bool is_replaced = true;

        if (seglog_blob_open(store, "a", WRITE_NEW, &blob, NULL) != SEGLOG_OK ||
            seglog_blob_open(store, "b", WRITE_NEW, &other, NULL) !=
                SEGLOG_OK ||
            seglog_blob_get_size(blob, &size, &is_replaced, NULL) !=
                SEGLOG_OK ||
            is_replaced ||
            seglog_store_replace(store, "b", "a", NULL) != SEGLOG_OK ||
            seglog_blob_get_size(blob, &size, &is_replaced, NULL) !=
                SEGLOG_OK ||
            !is_replaced)
            return 3;
        if (seglog_blob_close(&blob, NULL) != SEGLOG_OK ||
            seglog_blob_close(&other, NULL) != SEGLOG_OK)
            return 4;
    }
    return 0;
}

static void
get_size__replaced_within_a_tick_of_the_clock__knows(void **state)
{
    const struct file_fixture *fixture = *state;

    run_mounted(fixture->dir, "ramfs", NULL, replace_within_a_tick);
}

#endif

#define FILE_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, file_setup, file_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(append__cut_short__is_rolled_back_and_the_end_stays_right),
        FILE_TEST(append__nothing_fits__fails_without_a_trace),
        FILE_TEST(append__full_device__is_no_space),
        FILE_TEST(sync__fails__poisons_the_handle_for_ever),
        FILE_TEST(close__fails__is_told_and_releases_all_the_same),
        FILE_TEST(wait__no_descriptor_left__works_all_the_same),
#ifdef __linux__
        FILE_TEST(append__cannot_be_rolled_back__poisons_the_handle),
        FILE_TEST(append__full_disk__keeps_what_was_there),
        FILE_TEST(get_size__replaced_within_a_tick_of_the_clock__knows),
#endif
    };

    return cmocka_run_group_tests_name("store/store_file: faults", tests, NULL,
                                       NULL);
}
