/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_file_options.c
 *
 * Goal    the options of a file store are what its files and folders get, and
 *         what it says of them and of its folder is what the system knows.
 */
#define _XOPEN_SOURCE     700 /* symlink, mkfifo, utimensat */
#define _FILE_OFFSET_BITS 64

#include "tests/store/file_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/store_file.h"

static void
assert_mode(const char *dir, const char *name, unsigned want)
{
    char *path = test_path(dir, name);
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, want);
    free(path);
}

/* Blobs, lock files, and a lock file made anew after a discard. */
static void
make_files(struct seglog_store store)
{
    struct seglog_lock lock = { 0 };

    store_put_new(store, "a", "");
    assert_ok(seglog_lock_open(store, "a", &lock, NULL));
    seglog_lock_close(&lock);
    assert_ok(seglog_lock_open(store, "b", &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_ok(seglog_lock_discard(lock, NULL));
    assert_ok(seglog_lock_release(lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    seglog_lock_close(&lock);
}

static void
modes__given__are_those_of_files_and_folders(void **state)
{
    static const struct {
        unsigned file_mode;
        unsigned dir_mode;
        mode_t mask;
        unsigned want_file;
        unsigned want_dir;
    } cases[] = {
        { 0, 0, 0, 0666, 0777 },       { 0, 0, 027, 0640, 0750 },
        { 0600, 0700, 0, 0600, 0700 }, { 0660, 0770, 022, 0640, 0750 },
        { 0777, 0711, 0, 0777, 0711 }, { 0640, 0, 0, 0640, 0777 },
    };
    const struct file_fixture *fixture = *state;
    const mode_t before = umask(0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct seglog_file_store_options options = {
            .size = sizeof options,
            .create_dirs = true,
            .file_mode = cases[i].file_mode,
            .dir_mode = cases[i].dir_mode,
        };
        struct seglog_store store = { 0 };
        struct seglog_error err;
        char name[16];
        char *outer = NULL;
        char *inner = NULL;

        (void)snprintf(name, sizeof name, "outer%u", (unsigned)i);
        outer = test_path(fixture->dir, name);
        inner = test_path(outer, "inner");
        (void)umask(cases[i].mask);
        assert_code_err(
            seglog_store_file_open_with(inner, &options, &store, &err),
            SEGLOG_OK, &err);
        make_files(store);
        (void)umask(before);
        assert_mode(fixture->dir, name, cases[i].want_dir);
        assert_mode(outer, "inner", cases[i].want_dir);
        assert_mode(inner, "a", cases[i].want_file);
        assert_mode(inner, "a.lock", cases[i].want_file);
        assert_mode(inner, "b.lock", cases[i].want_file);
        seglog_store_close(&store);
        free(inner);
        free(outer);
    }
}

static void
options__not_understood__are_invalid(void **state)
{
    static const struct seglog_file_store_options bad[] = {
        { .size = 0 },
        { .size = sizeof(size_t) - 1 },
        { .size = sizeof bad[0], .file_mode = 01666 },
        { .size = sizeof bad[0], .dir_mode = 02777 },
        { .size = sizeof bad[0], .file_mode = 0x80000000u },
    };
    const struct file_fixture *fixture = *state;
    struct {
        struct seglog_file_store_options known;
        uint64_t unknown;
    } longer = { { .size = sizeof longer }, 1 };
    const struct seglog_file_store_options shorter = {
        .size = sizeof(size_t),
        .create_dirs = true,
    };
    char *missing = test_path(fixture->dir, "missing");
    struct seglog_store store = { 0 };
    struct seglog_error err;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_code_err(
            seglog_store_file_open_with(missing, &bad[i], &store, &err),
            SEGLOG_INVALID, &err);
    assert_code_err(
        seglog_store_file_open_with(fixture->dir, &longer.known, &store, &err),
        SEGLOG_INVALID, &err);
    assert_null(store.ops);
    longer.unknown = 0;
    assert_ok(
        seglog_store_file_open_with(fixture->dir, &longer.known, &store, NULL));
    seglog_store_close(&store);

    /* What lies behind the size that is given is not looked at. */
    assert_code(seglog_store_file_open_with(missing, &shorter, &store, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_store_file_open_with(missing, NULL, &store, NULL),
                SEGLOG_NOT_FOUND);
    assert_ok(seglog_store_file_open_with(fixture->dir, NULL, &store, NULL));
    seglog_store_close(&store);
    free(missing);
}

static void
get_info__links_and_other_things__as_open_does(void **state)
{
    static const char *const odd[] = { "folder", "pipe", "device" };
    const struct file_fixture *fixture = *state;
    char *folder = test_path(fixture->dir, "folder");
    char *pipe = test_path(fixture->dir, "pipe");
    char *device = test_path(fixture->dir, "device");
    char *link = test_path(fixture->dir, "link");
    char *dangling = test_path(fixture->dir, "dangling");
    struct seglog_blob_info info;
    struct seglog_error err;

    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(mkfifo(pipe, 0666), 0);
    assert_int_equal(symlink("/dev/full", device), 0);
    assert_int_equal(symlink("a", link), 0);
    assert_int_equal(symlink("none", dangling), 0);
    store_put_new(fixture->store, "a", "12345");
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        assert_code_err(
            seglog_store_get_info(fixture->store, odd[i], &info, &err),
            SEGLOG_INVALID, &err);
    assert_code_err(
        seglog_store_get_info(fixture->store, "dangling", &info, &err),
        SEGLOG_NOT_FOUND, &err);
    assert_string_equal(err.name, dangling);
    assert_ok(seglog_store_get_info(fixture->store, "link", &info, NULL));
    assert_int_equal(info.size, 5);
    free(dangling);
    free(link);
    free(device);
    free(pipe);
    free(folder);
}

/* Whoever can put a link into the folder is not to choose what is written. */
static void
links__refused__are_invalid_and_what_they_lead_to_stays(void **state)
{
    const struct file_fixture *fixture = *state;
    const struct seglog_file_store_options options = { .size = sizeof options,
                                                       .refuses_links = true };
    static const unsigned flags[] = { SEGLOG_OPEN_READ, SEGLOG_OPEN_WRITE,
                                      SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE };
    char *link = test_path(fixture->dir, "link");
    struct seglog_blob_info info;
    struct seglog_store store;
    struct seglog_blob blob = { 0 };

    store_put_new(fixture->store, "a", "12345");
    assert_int_equal(symlink("a", link), 0);
    assert_ok(
        seglog_store_file_open_with(fixture->dir, &options, &store, NULL));
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        assert_code(seglog_blob_open(store, "link", flags[i], &blob, NULL),
                    SEGLOG_INVALID);
    assert_code(seglog_store_get_info(store, "link", &info, NULL),
                SEGLOG_INVALID);
    assert_ok(seglog_blob_open(store, "a", SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    seglog_store_close(&store);
    free(link);
}

#ifdef __linux__

/* Anybody may set the time of a file. */
static void
get_info__time_was_set__gives_it_within_bounds(void **state)
{
    static const struct {
        struct timespec time;
        uint64_t want;
    } cases[] = {
        { { 1700000000, 123456789 }, UINT64_C(1700000000123456789) },
        { { 0, 1 }, 1 },
        { { -1000, 5 }, 0 },
    };
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");

    store_put_new(fixture->store, "a", "");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct timespec times[2] = { cases[i].time, cases[i].time };
        struct seglog_blob_info info;
        struct stat status;

        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        assert_int_equal(stat(path, &status), 0);
        if (status.st_mtim.tv_sec != times[0].tv_sec ||
            status.st_mtim.tv_nsec != times[0].tv_nsec)
            continue; /* this file system cannot keep such a time */
        assert_ok(seglog_store_get_info(fixture->store, "a", &info, NULL));
        assert_true(info.modified_ns == cases[i].want);
    }
    free(path);
}

static void
times__beyond_the_range__are_bounded(void **state)
{
    struct stat status = { .st_mtim = { INT64_MAX, 999999999 },
                           .st_ctim = { INT64_MIN, 999999999 } };

    (void)state;
    assert_true(slg_file_modified_ns(&status) == INT64_MAX);
    assert_int_equal(slg_file_changed_ns(&status), 0);
    status.st_mtim.tv_sec = INT64_MAX / 1000000000;
    assert_true(slg_file_modified_ns(&status) == INT64_MAX);
    status.st_mtim.tv_sec--;
    assert_true(slg_file_modified_ns(&status) ==
                (INT64_MAX / 1000000000 - 1) * 1000000000 + 999999999);
}

#endif

static struct seglog_stamp
stamp_of(struct seglog_store store)
{
    struct seglog_stamp stamp;
    struct seglog_error err;

    assert_code_err(seglog_store_get_stamp(store, &stamp, &err), SEGLOG_OK,
                    &err);
    return stamp;
}

/* Not only by this library. */
static void
stamp__changed_by_others__moves(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "theirs");
    struct seglog_stamp before;

    test_sleep_ms(80);
    before = stamp_of(fixture->store);
    if (!before.is_settled)
        skip(); /* coarse or remote: nothing can be said so soon */
    test_file_write(path, "x", 1);
    assert_true(stamp_of(fixture->store).value[0] != before.value[0]);
    assert_false(stamp_of(fixture->store).is_settled);
    test_sleep_ms(80);
    before = stamp_of(fixture->store);
    assert_true(before.is_settled);
    assert_int_equal(unlink(path), 0);
    assert_true(stamp_of(fixture->store).value[0] != before.value[0]);
    free(path);
}

static void
stamp__of_another_folder__differs(void **state)
{
    const struct file_fixture *fixture = *state;
    char *other = test_path(fixture->dir, "other");
    struct seglog_store there = { 0 };
    struct seglog_store again = { 0 };

    assert_ok(seglog_store_file_open(other, true, &there, NULL));
    assert_ok(seglog_store_file_open(fixture->dir, false, &again, NULL));
    assert_true(stamp_of(there).value[1] != stamp_of(again).value[1]);
    assert_true(stamp_of(fixture->store).value[1] == stamp_of(again).value[1]);
    assert_true(stamp_of(fixture->store).value[0] == stamp_of(again).value[0]);
    seglog_store_close(&again);
    seglog_store_close(&there);
    free(other);
}

/* The clocks of two machines have nothing to do with each other. */
static void
stamp__shared_with_other_machines__is_never_settled(void **state)
{
    struct file_fixture *fixture = *state;
    struct slg_file_store *store = fixture->store.self;

    store->is_local = false;
    test_sleep_ms(80);
    assert_false(stamp_of(fixture->store).is_settled);
}

#define FILE_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, file_setup, file_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(modes__given__are_those_of_files_and_folders),
        FILE_TEST(options__not_understood__are_invalid),
        FILE_TEST(get_info__links_and_other_things__as_open_does),
        FILE_TEST(links__refused__are_invalid_and_what_they_lead_to_stays),
#ifdef __linux__
        FILE_TEST(get_info__time_was_set__gives_it_within_bounds),
        cmocka_unit_test(times__beyond_the_range__are_bounded),
#endif
        FILE_TEST(stamp__changed_by_others__moves),
        FILE_TEST(stamp__of_another_folder__differs),
        FILE_TEST(stamp__shared_with_other_machines__is_never_settled),
    };

    return cmocka_run_group_tests_name("store/store_file: options", tests, NULL,
                                       NULL);
}
