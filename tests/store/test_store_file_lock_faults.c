/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_file_lock_faults.c
 *
 * Goal    a call of the system that fails while a lock is taken or given back
 *         leaves nobody locked out, and no hint that is not true.
 * Method  functions of the C library are replaced by ones that fail when told
 *         to; two handles on one lock stand for two processes.
 */
#define _GNU_SOURCE       /* syscall, AT_EMPTY_PATH */
#define _FILE_OFFSET_BITS 64

#include "tests/store/file_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__linux__) && defined(SYS_mmap) && defined(SYS_openat)

#define SEEN __attribute__((visibility("default")))

/* How many of them fail from now on. */
static unsigned openat_fails;
static int openat_errno;
static unsigned fstat_fails;
static unsigned unlock_fails;
static unsigned mmap_fails;

static bool
is_told(unsigned *left)
{
    if (*left == 0)
        return false;
    --*left;
    return true;
}

SEEN int
openat(int dir, const char *name, int flags, ...)
{
    mode_t mode = 0;
    va_list more;

    va_start(more, flags);
    if (flags & O_CREAT)
        mode = va_arg(more, mode_t);
    va_end(more);
    if (is_told(&openat_fails)) {
        errno = openat_errno;
        return -1;
    }
    return (int)syscall(SYS_openat, dir, name, flags, mode);
}

/* What the C library's headers make of some calls of openat. */
int
__openat64_2(int dir, const char *name, int flags);

SEEN int
__openat64_2(int dir, const char *name, int flags)
{
    return openat(dir, name, flags, 0);
}

SEEN int
fstat(int fd, struct stat *status)
{
    if (is_told(&fstat_fails)) {
        errno = EIO;
        return -1;
    }
    return fstatat(fd, "", status, AT_EMPTY_PATH);
}

SEEN int
flock(int fd, int operation)
{
    if ((operation & LOCK_UN) && is_told(&unlock_fails)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

SEEN void *
mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (fd >= 0 && is_told(&mmap_fails)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

static struct seglog_lock
lock_open(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    assert_code_err(seglog_lock_open(fixture->store, "log", &lock, &err),
                    SEGLOG_OK, &err);
    return lock;
}

static void
release__system_does_not_unlock__is_released_and_can_be_taken_again(
    void **state)
{
    struct seglog_lock a = lock_open(state);
    struct seglog_lock b = lock_open(state);

    assert_ok(seglog_lock_acquire(a, 0, NULL));
    assert_code(seglog_lock_acquire(b, 0, NULL), SEGLOG_LOCKED);
    unlock_fails = 1;
    assert_ok(seglog_lock_release(a, NULL));
    assert_int_equal(unlock_fails, 0);
    assert_code(seglog_lock_release(a, NULL), SEGLOG_INVALID);
    assert_ok(seglog_lock_acquire(b, 0, NULL));
    assert_code(seglog_lock_acquire(a, 0, NULL), SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(b, NULL));
    assert_ok(seglog_lock_acquire(a, 0, NULL));
    assert_code(seglog_lock_acquire(b, 0, NULL), SEGLOG_LOCKED);
    seglog_lock_close(&a);
    assert_ok(seglog_lock_acquire(b, 0, NULL));
    seglog_lock_close(&b);
}

static bool
name_note(void *arg, const char *name)
{
    bool *has_name = arg;

    *has_name |= strcmp(name, "a") == 0;
    return true;
}

static void
open__interrupted__tries_again(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_lock lock = { 0 };
    struct seglog_blob blob = { 0 };
    bool has_name = false;

    openat_errno = EINTR;
    openat_fails = 3;
    lock = lock_open(state);
    assert_int_equal(openat_fails, 0);
    seglog_lock_close(&lock);

    openat_fails = 2;
    blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    assert_int_equal(openat_fails, 0);
    (void)store_put(blob, "x");
    store_close_blob(&blob);
    openat_fails = 2;
    blob = store_open_blob(fixture->store, "a", SEGLOG_OPEN_READ);
    assert_int_equal(openat_fails, 0);
    store_close_blob(&blob);

    openat_fails = 2;
    assert_ok(
        seglog_store_list(fixture->store, "", name_note, &has_name, NULL));
    assert_int_equal(openat_fails, 0);
    assert_true(has_name);
}

/* As no system does: but whoever asked is told, and not kept for ever. */
static void
open__interrupted_without_end__is_io(void **state)
{
    const struct file_fixture *fixture = *state;
    const unsigned files = file_descriptor_count();
    struct seglog_lock lock = { 0 };
    struct seglog_blob blob = { 0 };
    struct seglog_error err;
    bool has_name = false;

    openat_errno = EINTR;
    openat_fails = UINT_MAX;
    assert_code_err(seglog_lock_open(fixture->store, "log", &lock, &err),
                    SEGLOG_IO, &err);
    assert_int_equal(err.sys_errno, EINTR);
    assert_code_err(
        seglog_blob_open(fixture->store, "a", WRITE_NEW, &blob, &err),
        SEGLOG_IO, &err);
    assert_int_equal(err.sys_errno, EINTR);
    assert_code_err(
        seglog_store_list(fixture->store, "", name_note, &has_name, &err),
        SEGLOG_IO, &err);
    assert_int_equal(err.sys_errno, EINTR);
    openat_fails = 0;
    assert_int_equal(file_descriptor_count(), files);
    blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    store_close_blob(&blob);
}

static void
open__lock_file_cannot_be_looked_at__is_io(void **state)
{
    const struct file_fixture *fixture = *state;
    const unsigned files = file_descriptor_count();
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    fstat_fails = 1;
    assert_code_err(seglog_lock_open(fixture->store, "log", &lock, &err),
                    SEGLOG_IO, &err);
    assert_int_equal(err.sys_errno, EIO);
    assert_int_equal(file_descriptor_count(), files);
    lock = lock_open(state);
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    seglog_lock_close(&lock);
}

/* Whoever holds the lock may make it untrue, whether he can see it or not. */
static void
acquire__hint_cannot_be_mapped__nobody_finds_an_old_one(void **state)
{
    static const uint8_t none[SEGLOG_LOCK_HINT_BYTES];
    struct seglog_lock a = lock_open(state);
    struct seglog_lock b = { 0 };

    assert_ok(seglog_lock_acquire(a, 0, NULL));
    if (!seglog_lock_get_hint(a))
        skip();
    test_fill(seglog_lock_get_hint(a), SEGLOG_LOCK_HINT_BYTES, 5);
    assert_ok(seglog_lock_release(a, NULL));

    mmap_fails = 2;
    b = lock_open(state);
    assert_ok(seglog_lock_acquire(b, 0, NULL));
    assert_int_equal(mmap_fails, 0);
    assert_null(seglog_lock_get_hint(b));
    assert_ok(seglog_lock_release(b, NULL));

    assert_ok(seglog_lock_acquire(a, 0, NULL));
    assert_memory_equal(seglog_lock_get_hint(a), none, sizeof none);
    assert_ok(seglog_lock_release(a, NULL));
    /* It is tried again: from then on both have the same. */
    assert_ok(seglog_lock_acquire(b, 0, NULL));
    assert_non_null(seglog_lock_get_hint(b));
    seglog_lock_close(&b);
    seglog_lock_close(&a);
}

#define FILE_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, file_setup, file_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(
            release__system_does_not_unlock__is_released_and_can_be_taken_again),
        FILE_TEST(open__interrupted__tries_again),
        FILE_TEST(open__interrupted_without_end__is_io),
        FILE_TEST(open__lock_file_cannot_be_looked_at__is_io),
        FILE_TEST(acquire__hint_cannot_be_mapped__nobody_finds_an_old_one),
    };

    return cmocka_run_group_tests_name("store/store_file: faults of locks",
                                       tests, NULL, NULL);
}

#else

int
main(void)
{
    return 77;
}

#endif
