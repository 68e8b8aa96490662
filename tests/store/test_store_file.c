/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_file.c
 *
 * Goal    the file store keeps the contract of every store, and what it does
 *         to a folder is what seglog/store.h says: which files it creates, with
 *         which rights, and what it refuses to touch.
 */
#define _XOPEN_SOURCE     700 /* symlink, mkfifo, seteuid */
#define _FILE_OFFSET_BITS 64

#include "tests/store/file_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/deadline.h"
#include "src/store/store_file.h"

enum {
    NOBODY = 65534
};

/* For the suite: a folder that goes with its store. */
static seglog_code
file_make(void *arg, struct seglog_store *store, struct seglog_error *err)
{
    char **dir = arg;

    *dir = test_dir_make();
    return seglog_store_file_open(*dir, false, store, err);
}

static void
file_destroy(void *arg, struct seglog_store *store)
{
    char **dir = arg;

    seglog_store_close(store);
    test_dir_remove(*dir);
    *dir = NULL;
}

static void
folder__missing__is_not_found_or_created(void **state)
{
    static const char *const names[] = { "new", "deep/er/still", "slash//es/",
                                         "deep/other" };
    const struct file_fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *dir = test_path(fixture->dir, names[i]);
        struct seglog_store store = { 0 };
        struct seglog_blob blob;
        struct seglog_error err;

        assert_code_err(seglog_store_file_open(dir, false, &store, &err),
                        SEGLOG_NOT_FOUND, &err);
        assert_string_equal(err.name, dir);
        assert_null(store.ops);
        for (unsigned again = 0; again < 2; again++) {
            assert_code_err(seglog_store_file_open(dir, true, &store, &err),
                            SEGLOG_OK, &err);
            blob = store_open_blob(store, "a", WRITE_NEW);
            store_close_blob(&blob);
            seglog_store_close(&store);
        }
        assert_true(file_exists(dir, "a"));
        free(dir);
    }
}

static void
folder__not_a_folder__fails(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "plain");
    char *below = test_path(path, "below");
    struct seglog_store store = { 0 };
    struct seglog_error err;

    test_file_write(path, "x", 1);
    assert_code_err(seglog_store_file_open(path, true, &store, &err), SEGLOG_IO,
                    &err);
    assert_int_not_equal(err.sys_errno, 0);
    assert_code(seglog_store_file_open(below, true, &store, NULL), SEGLOG_IO);
    assert_code(seglog_store_file_open("", true, &store, NULL), SEGLOG_INVALID);
    assert_code(seglog_store_file_open(NULL, true, &store, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_store_file_open(fixture->dir, true, NULL, NULL),
                SEGLOG_INVALID);
    free(below);
    free(path);
}

static void
folder__renamed__does_not_matter(void **state)
{
    struct file_fixture *fixture = *state;
    char *moved = exact_copy(fixture->dir, strlen(fixture->dir) + 1);
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    struct seglog_blob other;

    moved[strlen(moved) - 1] = '+';
    assert_int_equal(rename(fixture->dir, moved), 0);
    (void)store_put(blob, "still here");
    assert_false(store_is_replaced(blob));
    other = store_open_blob(fixture->store, "a", SEGLOG_OPEN_READ);
    store_assert_text(other, "still here");
    assert_ok(seglog_store_replace(fixture->store, "a", "b", NULL));
    assert_true(store_is_replaced(blob));
    assert_true(file_exists(moved, "b"));
    assert_int_equal(rename(moved, fixture->dir), 0);
    store_close_blob(&other);
    store_close_blob(&blob);
    free(moved);
}

static void
file__opened_again__has_its_bytes(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");
    struct seglog_store again = { 0 };
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    size_t len = 0;
    char *data = NULL;

    (void)store_put(blob, "kept ");
    assert_ok(seglog_blob_sync(blob, NULL));
    (void)store_put(blob, "as well");
    store_close_blob(&blob);

    assert_ok(seglog_store_file_open(fixture->dir, false, &again, NULL));
    blob = store_open_blob(again, "a", SEGLOG_OPEN_READ);
    store_assert_text(blob, "kept as well");
    store_close_blob(&blob);
    seglog_store_close(&again);

    data = test_file_read(path, &len);
    assert_int_equal(len, 12);
    assert_memory_equal(data, "kept as well", 12);
    free(data);
    free(path);
}

static void
file__made_or_changed_by_others__is_seen(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");
    struct seglog_blob blob;

    test_file_write(path, "theirs", 6);
    blob = store_open_blob(fixture->store, "a", SEGLOG_OPEN_WRITE);
    assert_int_equal(store_put(blob, "+ours"), 6);
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(store_put(blob, "X"), 3);
    store_assert_text(blob, "theX");
    store_close_blob(&blob);
    free(path);
}

static void
file__past_four_gigabytes__keeps_its_offsets(void **state)
{
    static const off_t far = ((off_t)5 << 30) + 3;
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    char buf[4] = { 0 };

    if (truncate(path, far) != 0)
        skip(); /* such a file system cannot have such a file */
    assert_int_equal(store_put(blob, "far"), far);
    assert_int_equal(store_get_size(blob), far + 3);
    assert_ok(seglog_blob_read_at(blob, (uint64_t)far, buf, 3, NULL));
    assert_string_equal(buf, "far");
    assert_ok(seglog_blob_truncate(blob, (uint64_t)far + 1, NULL));
    assert_int_equal(store_put(blob, "!"), far + 1);
    store_close_blob(&blob);
    free(path);
}

static void
append__more_than_any_file_holds__is_too_large(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    struct seglog_error err;

    /* Where sizes have 32 bits no memory is larger than files may be. */
    if (SIZE_MAX < UINT64_MAX) {
        store_close_blob(&blob);
        skip();
    }
    (void)store_put(blob, "a");
    assert_code_err(
        seglog_blob_append(blob, SEGLOG_END_ANY, "", SIZE_MAX, NULL, &err),
        SEGLOG_TOO_LARGE, &err);
    store_assert_text(blob, "a");
    store_close_blob(&blob);
}

static void
file__created__has_the_rights_the_umask_leaves(void **state)
{
    static const mode_t masks[] = { 0, 022, 077 };
    const struct file_fixture *fixture = *state;
    const mode_t before = umask(0);

    for (size_t i = 0; i < COUNT_OF(masks); i++) {
        static const char *const names[] = { "a", "a.lock" };
        struct seglog_lock lock = { 0 };

        (void)umask(masks[i]);
        store_put_new(fixture->store, "a", "");
        assert_ok(seglog_lock_open(fixture->store, "a", &lock, NULL));
        seglog_lock_close(&lock);
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            char *path = test_path(fixture->dir, names[k]);
            struct stat status;

            assert_int_equal(stat(path, &status), 0);
            assert_int_equal(status.st_mode & 07777, 0666 & ~masks[i]);
            assert_int_equal(unlink(path), 0);
            free(path);
        }
    }
    (void)umask(before);
}

static void
link__dangling__is_never_created_through(void **state)
{
    static const unsigned flags[] = {
        WRITE_NEW,
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
    };
    const struct file_fixture *fixture = *state;
    char *link = test_path(fixture->dir, "link");
    char *lock_link = test_path(fixture->dir, "b.lock");
    struct seglog_blob blob = { 0 };
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    assert_int_equal(symlink("target", link), 0);
    assert_int_equal(symlink("target", lock_link), 0);
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        assert_code_err(
            seglog_blob_open(fixture->store, "link", flags[i], &blob, &err),
            SEGLOG_EXISTS, &err);
    assert_code(seglog_blob_open(fixture->store, "link", SEGLOG_OPEN_WRITE,
                                 &blob, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_lock_open(fixture->store, "b", &lock, NULL), SEGLOG_IO);
    assert_false(file_exists(fixture->dir, "target"));
    free(lock_link);
    free(link);
}

/* A link may be turned round without a change in the folder of its target. */
static void
link__existing_target__is_followed_and_watched(void **state)
{
    const struct file_fixture *fixture = *state;
    char *link = test_path(fixture->dir, "link");
    char *fresh = test_path(fixture->dir, "fresh");
    struct seglog_blob blob;
    struct seglog_blob target;

    store_put_new(fixture->store, "target", "abc");
    store_put_new(fixture->store, "other", "");
    assert_int_equal(symlink("target", link), 0);
    blob = store_open_blob(fixture->store, "link", WRITE_NEW);
    assert_int_equal(store_put(blob, "def"), 3);
    target = store_open_blob(fixture->store, "target", SEGLOG_OPEN_READ);
    store_assert_text(target, "abcdef");
    assert_false(store_is_replaced(blob));
    test_sleep_ms(80);
    assert_false(store_is_replaced(blob));
    assert_int_equal(symlink("other", fresh), 0);
    assert_int_equal(rename(fresh, link), 0);
    assert_true(store_is_replaced(blob));
    store_assert_text(blob, "abcdef");
    store_close_blob(&target);
    store_close_blob(&blob);
    free(fresh);
    free(link);
}

/* Of what happens in another folder, the folder of the link shows nothing. */
static void
link__into_another_folder__notices_a_change_there(void **state)
{
    const struct file_fixture *fixture = *state;
    char *folder = test_path(fixture->dir, "folder");
    char *target = test_path(folder, "target");
    char *fresh = test_path(folder, "fresh");
    char *link = test_path(fixture->dir, "link");
    struct seglog_blob blob;

    assert_int_equal(mkdir(folder, 0777), 0);
    test_file_write(target, "old", 3);
    test_file_write(fresh, "new", 3);
    assert_int_equal(symlink("folder/target", link), 0);
    blob = store_open_blob(fixture->store, "link", SEGLOG_OPEN_WRITE);
    test_sleep_ms(80);
    assert_false(store_is_replaced(blob));
    assert_false(store_is_replaced(blob));
    assert_int_equal(rename(fresh, target), 0);
    assert_true(store_is_replaced(blob));
    store_close_blob(&blob);
    free(link);
    free(fresh);
    free(target);
    free(folder);
}

/*
 * A folder that changed a moment ago may change again at what its file system
 * takes for the same time; where that keeps whole seconds, for a while longer.
 */
static void
folder_time__recent__is_not_past(void **state)
{
    static const int64_t ns_per_s = 1000000000;
    static const int64_t ns_per_ms = 1000000;
    static const int64_t now_ns = INT64_C(1700000000345678901);

    (void)state;
    assert_true(slg_file_time_is_past(now_ns - 50 * ns_per_ms, now_ns));
    assert_false(slg_file_time_is_past(now_ns - 50 * ns_per_ms + 1, now_ns));
    assert_true(
        slg_file_time_is_past((now_ns / ns_per_s - 3) * ns_per_s, now_ns));
    assert_false(
        slg_file_time_is_past((now_ns / ns_per_s - 2) * ns_per_s, now_ns));
    assert_false(slg_file_time_is_past(now_ns, now_ns));
    assert_false(slg_file_time_is_past(now_ns + 1, now_ns));
    assert_false(slg_file_time_is_past(now_ns + 10 * ns_per_s, now_ns));
    assert_false(slg_file_time_is_past(INT64_MAX, 0));
}

static void
file__not_a_regular_one__is_invalid_and_does_not_hang(void **state)
{
    static const unsigned flags[] = { SEGLOG_OPEN_READ, SEGLOG_OPEN_WRITE,
                                      WRITE_NEW };
    static const char *const names[] = { "folder", "pipe", "device" };
    const struct file_fixture *fixture = *state;
    char *folder = test_path(fixture->dir, "folder");
    char *pipe = test_path(fixture->dir, "pipe");
    char *device = test_path(fixture->dir, "device");
    char *lock_pipe = test_path(fixture->dir, "b.lock");
    const unsigned before = file_descriptor_count();
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(mkfifo(pipe, 0666), 0);
    assert_int_equal(mkfifo(lock_pipe, 0666), 0);
    assert_int_equal(symlink("/dev/full", device), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        for (size_t k = 0; k < COUNT_OF(flags); k++) {
            struct seglog_blob blob = { 0 };

            assert_code_err(seglog_blob_open(fixture->store, names[i], flags[k],
                                             &blob, &err),
                            SEGLOG_INVALID, &err);
        }
    }
    assert_code_err(seglog_lock_open(fixture->store, "b", &lock, &err),
                    SEGLOG_INVALID, &err);
    assert_int_equal(file_descriptor_count(), before);
    assert_true(file_exists(fixture->dir, "folder"));
    free(lock_pipe);
    free(device);
    free(pipe);
    free(folder);
}

static bool
join_names(void *arg, const char *name)
{
    (void)strcat(strcat(arg, name), ",");
    return true;
}

static void
list__folder_with_other_things__gives_files_only(void **state)
{
    const struct file_fixture *fixture = *state;
    char *folder = test_path(fixture->dir, "folder");
    char *pipe = test_path(fixture->dir, "pipe");
    char *link = test_path(fixture->dir, "link");
    char *dangling = test_path(fixture->dir, "dangling");
    struct seglog_lock lock = { 0 };
    char names[256] = "";

    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(mkfifo(pipe, 0666), 0);
    assert_int_equal(symlink("b", link), 0);
    assert_int_equal(symlink("none", dangling), 0);
    store_put_new(fixture->store, "b", "");
    store_put_new(fixture->store, "b.torn", "");
    assert_ok(seglog_lock_open(fixture->store, "b", &lock, NULL));
    assert_ok(seglog_store_list(fixture->store, "", join_names, names, NULL));
    assert_string_equal(names, "b,b.torn,link,");
    assert_true(file_exists(fixture->dir, "b.lock"));
    seglog_lock_close(&lock);
    assert_true(file_exists(fixture->dir, "b.lock"));
    assert_code(seglog_store_remove(fixture->store, "folder", NULL), SEGLOG_IO);
    free(dangling);
    free(link);
    free(pipe);
    free(folder);
}

static void
reading__never_creates_anything(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_blob blob;
    uint64_t size = 0;
    bool is_replaced = true;
    char byte = 0;

    store_put_new(fixture->store, "a", "x");
    blob = store_open_blob(fixture->store, "a", SEGLOG_OPEN_READ);
    assert_ok(seglog_blob_read_at(blob, 0, &byte, 1, NULL));
    assert_ok(seglog_blob_get_size(blob, &size, &is_replaced, NULL));
    assert_ok(seglog_blob_wait(blob, 1, 1, NULL));
    assert_ok(seglog_blob_sync(blob, NULL));
    store_close_blob(&blob);
    assert_false(file_exists(fixture->dir, "a.lock"));
}

static void
lock__name_without_room_for_the_suffix__is_invalid(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_lock lock = { 0 };
    struct seglog_error err;
    char name[256];

    memset(name, 'n', 251);
    name[251] = '\0';
    assert_code_err(seglog_lock_open(fixture->store, name, &lock, &err),
                    SEGLOG_INVALID, &err);
    name[250] = '\0';
    assert_ok(seglog_lock_open(fixture->store, name, &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    seglog_lock_close(&lock);
}

static void
assert_nothing_may_be_written(const struct file_fixture *fixture)
{
    struct seglog_blob blob = { 0 };
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    assert_code_err(
        seglog_blob_open(fixture->store, "new", WRITE_NEW, &blob, &err),
        SEGLOG_READ_ONLY, &err);
    assert_code_err(
        seglog_blob_open(fixture->store, "a", SEGLOG_OPEN_WRITE, &blob, &err),
        SEGLOG_READ_ONLY, &err);
    assert_code_err(
        seglog_blob_open(fixture->store, "a", WRITE_NEW, &blob, &err),
        SEGLOG_READ_ONLY, &err);
    assert_code_err(seglog_lock_open(fixture->store, "a", &lock, &err),
                    SEGLOG_READ_ONLY, &err);
    assert_code(seglog_store_remove(fixture->store, "a", NULL),
                SEGLOG_READ_ONLY);
    assert_code(seglog_store_replace(fixture->store, "a", "b", NULL),
                SEGLOG_READ_ONLY);
    blob = store_open_blob(fixture->store, "a", SEGLOG_OPEN_READ);
    store_assert_text(blob, "kept");
    assert_false(store_is_replaced(blob));
    store_close_blob(&blob);
}

static void
rights__to_read_only__writing_is_read_only(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "a");
    const uid_t we = geteuid();

    store_put_new(fixture->store, "a", "kept");
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(fixture->dir, 0555), 0);

    /* Rights mean nothing to the superuser. */
    if (we == 0 && seteuid(NOBODY) != 0)
        skip();
    assert_nothing_may_be_written(fixture);
    assert_int_equal(seteuid(we), 0);
    assert_int_equal(chmod(fixture->dir, 0755), 0);
    assert_false(file_exists(fixture->dir, "a.lock"));
    assert_false(file_exists(fixture->dir, "new"));
    free(path);
}

static void
descriptors__of_all_handles__are_closed_on_exec_and_at_the_end(void **state)
{
    enum {
        LOOKED_AT = 256
    };
    const struct file_fixture *fixture = *state;
    const unsigned before = file_descriptor_count();
    bool was_open[LOOKED_AT];
    struct seglog_store store = { 0 };
    struct seglog_blob blob;
    struct seglog_blob none = { 0 };
    struct seglog_lock lock = { 0 };

    for (int fd = 0; fd < LOOKED_AT; fd++)
        was_open[fd] = fcntl(fd, F_GETFD) >= 0;
    assert_ok(seglog_store_file_open(fixture->dir, false, &store, NULL));
    blob = store_open_blob(store, "a", WRITE_NEW);
    assert_ok(seglog_lock_open(store, "a", &lock, NULL));
    assert_ok(seglog_blob_wait(blob, 0, 1, NULL));
    assert_ok(seglog_blob_wait(blob, 0, 1, NULL));
    assert_in_range(file_descriptor_count(), before + 3, before + 4);
    for (int fd = 0; fd < LOOKED_AT; fd++)
        if (!was_open[fd] && fcntl(fd, F_GETFD) >= 0)
            assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);

    assert_code(
        seglog_blob_open(store, "a",
                         SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                         &none, NULL),
        SEGLOG_EXISTS);
    seglog_lock_close(&lock);
    store_close_blob(&blob);
    /* Of all that have waited one descriptor is kept for the next. */
    assert_in_range(file_descriptor_count(), before + 1, before + 2);
    for (unsigned i = 0; i < 3; i++) {
        blob = store_open_blob(store, "a", WRITE_NEW);
        assert_ok(seglog_blob_wait(blob, 0, 1, NULL));
        store_close_blob(&blob);
    }
    assert_in_range(file_descriptor_count(), before + 1, before + 2);
    seglog_store_close(&store);
    assert_int_equal(file_descriptor_count(), before);
}

/*
 * What was appended before must not wake the next wait again and again: the
 * process gives up the processor of its own accord.
 */
static void
wait__after_old_news__sleeps(void **state)
{
    const struct file_fixture *fixture = *state;
    struct seglog_blob blob = store_open_blob(fixture->store, "a", WRITE_NEW);
    struct rusage before;
    struct rusage after;

    assert_ok(seglog_blob_wait(blob, 0, 0, NULL));
    (void)store_put(blob, "x");
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    assert_ok(seglog_blob_wait(blob, 1, 50, NULL));
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_true(after.ru_nvcsw > before.ru_nvcsw);
    store_close_blob(&blob);
}

/*
 * Who waits for one thing after the other, each time by a blob of its own, is
 * not held up by the system, which takes 10 ms to take a watch down.
 */
static void
wait__blob_after_blob__does_not_wait_for_the_last_one(void **state)
{
    const struct file_fixture *fixture = *state;
    int64_t least_ns = INT64_MAX;

    for (unsigned i = 0; i < 20; i++) {
        struct seglog_blob blob =
            store_open_blob(fixture->store, "a", WRITE_NEW);
        int64_t start_ns = 0;

        assert_ok(seglog_blob_wait(blob, 0, 1, NULL));
        start_ns = slg_now_ns();
        store_close_blob(&blob);
        if (slg_now_ns() - start_ns < least_ns)
            least_ns = slg_now_ns() - start_ns;
    }
    assert_in_range(least_ns, 0, 2000000);
}

static void
errors__of_a_folder__give_the_path(void **state)
{
    const struct file_fixture *fixture = *state;
    char *path = test_path(fixture->dir, "none");
    struct seglog_blob blob = { 0 };
    struct seglog_store here = { 0 };
    struct seglog_error err;
    char text[512];

    assert_code_err(seglog_blob_open(fixture->store, "none", 0, &blob, &err),
                    SEGLOG_NOT_FOUND, &err);
    assert_string_equal(err.name, path);
    seglog_store_describe(fixture->store, text, sizeof text);
    assert_non_null(strstr(text, fixture->dir));
    assert_memory_equal(text, "file store ", 11);

    assert_ok(seglog_store_file_open(".", false, &here, NULL));
    assert_code_err(seglog_blob_open(here, "no such blob", 0, &blob, &err),
                    SEGLOG_NOT_FOUND, &err);
    assert_string_equal(err.name, "no such blob");
    seglog_store_close(&here);
    free(path);
}

#define FILE_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, file_setup, file_teardown)

int
main(void)
{
    char *dir = NULL;
    const struct store_factory factory = {
        .name = "store/store_file: contract",
        .make = file_make,
        .destroy = file_destroy,
        .arg = &dir,
    };
    const struct CMUnitTest tests[] = {
        FILE_TEST(folder__missing__is_not_found_or_created),
        FILE_TEST(folder__not_a_folder__fails),
        FILE_TEST(folder__renamed__does_not_matter),
        FILE_TEST(file__opened_again__has_its_bytes),
        FILE_TEST(file__made_or_changed_by_others__is_seen),
        FILE_TEST(file__past_four_gigabytes__keeps_its_offsets),
        FILE_TEST(append__more_than_any_file_holds__is_too_large),
        FILE_TEST(file__created__has_the_rights_the_umask_leaves),
        FILE_TEST(link__dangling__is_never_created_through),
        FILE_TEST(link__existing_target__is_followed_and_watched),
        FILE_TEST(link__into_another_folder__notices_a_change_there),
        cmocka_unit_test(folder_time__recent__is_not_past),
        FILE_TEST(file__not_a_regular_one__is_invalid_and_does_not_hang),
        FILE_TEST(list__folder_with_other_things__gives_files_only),
        FILE_TEST(reading__never_creates_anything),
        FILE_TEST(lock__name_without_room_for_the_suffix__is_invalid),
        FILE_TEST(rights__to_read_only__writing_is_read_only),
        FILE_TEST(
            descriptors__of_all_handles__are_closed_on_exec_and_at_the_end),
        FILE_TEST(wait__after_old_news__sleeps),
        FILE_TEST(wait__blob_after_blob__does_not_wait_for_the_last_one),
        FILE_TEST(errors__of_a_folder__give_the_path),
    };

    return store_conformance_run(&factory) +
           cmocka_run_group_tests_name("store/store_file", tests, NULL, NULL);
}
