/* SPDX-License-Identifier: MIT */
/* tests/support/seglog_test.c - what all tests share. */
#define _XOPEN_SOURCE 700 /* nftw, mkdtemp, nanosleep */

#include "tests/support/seglog_test.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void
test_assert_code(seglog_code got, seglog_code want,
                 const struct seglog_error *err, const char *file, int line)
{
    char text[640];

    if (got != want && got != SEGLOG_OK && got != SEGLOG_END) {
        seglog_error_format(err, text, sizeof text);
        print_error("%s\n", text);
    }
    _assert_string_equal(seglog_code_name(got), seglog_code_name(want), file,
                         line);
    if (got != SEGLOG_OK && got != SEGLOG_END)
        _assert_string_equal(seglog_code_name(err->code),
                             seglog_code_name(want), file, line);
}

void *
exact_copy(const void *data, size_t len)
{
    void *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

/* splitmix64 */
uint64_t
test_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void
test_fill(void *data, size_t len, uint64_t seed)
{
    uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)test_random(&seed);
}

char *
test_dir_make(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = test_path(base && base[0] ? base : P_tmpdir, "seglog-XXXXXX");

    assert_non_null(mkdtemp(dir));
    return dir;
}

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void
test_dir_remove(char *dir)
{
    if (!dir)
        return;
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

int
test_dir_setup(void **state)
{
    *state = test_dir_make();
    return 0;
}

int
test_dir_teardown(void **state)
{
    test_dir_remove(*state);
    *state = NULL;
    return 0;
}

char *
test_path(const char *dir, const char *name)
{
    const size_t size = strlen(dir) + strlen(name) + 2;
    char *path = malloc(size);

    assert_non_null(path);
    (void)snprintf(path, size, "%s/%s", dir, name);
    return path;
}

void
test_file_write(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    if (len > 0)
        assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void *
test_file_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t cap = 0;

    assert_non_null(file);
    *len = 0;
    do {
        cap = cap ? 2 * cap : 4096;
        data = realloc(data, cap);
        assert_non_null(data);
        *len += fread(data + *len, 1, cap - *len, file);
    } while (*len == cap);
    assert_int_equal(ferror(file), 0);
    assert_int_equal(fclose(file), 0);
    return data;
}

int64_t
test_now_ms(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
test_sleep_ms(int ms)
{
    const struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000 };

    (void)nanosleep(&pause, NULL);
}
