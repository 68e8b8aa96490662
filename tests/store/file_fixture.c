/* SPDX-License-Identifier: MIT */
/* tests/store/file_fixture.c - a file store in a folder of its own. */
#define _XOPEN_SOURCE 700 /* lstat */

#include "tests/store/file_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DESCRIPTORS_MAX = 1024
};

int
file_setup(void **state)
{
    struct file_fixture *fixture = calloc(1, sizeof *fixture);
    struct seglog_error err;

    assert_non_null(fixture);
    fixture->dir = test_dir_make();
    assert_code_err(
        seglog_store_file_open(fixture->dir, false, &fixture->store, &err),
        SEGLOG_OK, &err);
    *state = fixture;
    return 0;
}

int
file_teardown(void **state)
{
    struct file_fixture *fixture = *state;

    seglog_store_close(&fixture->store);
    test_dir_remove(fixture->dir);
    free(fixture);
    return 0;
}

int
file_descriptor_of(const char *path)
{
    struct stat want;
    struct stat got;

    assert_int_equal(stat(path, &want), 0);
    for (int fd = 3; fd < DESCRIPTORS_MAX; fd++)
        if (fstat(fd, &got) == 0 && got.st_dev == want.st_dev &&
            got.st_ino == want.st_ino)
            return fd;
    return -1;
}

unsigned
file_descriptor_count(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

bool
file_exists(const char *dir, const char *name)
{
    char *path = test_path(dir, name);
    struct stat status;
    const bool is_there = lstat(path, &status) == 0;

    free(path);
    return is_there;
}
