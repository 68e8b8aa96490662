/* SPDX-License-Identifier: MIT */
/*
 * tests/support/seglog_test.h - what all tests share.
 *
 * Include it first: it brings cmocka and the headers that cmocka needs.
 */
#ifndef SEGLOG_TEST_H
#define SEGLOG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seglog/error.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Compares names, so that a failure prints "CONFLICT" != "OK". */
#define assert_code(expr, want)                                                \
    _assert_string_equal(seglog_code_name(expr), seglog_code_name(want),       \
                         __FILE__, __LINE__)

/* The same where err was passed: a failure prints the message as well. */
#define assert_code_err(expr, want, err)                                       \
    test_assert_code((expr), (want), (err), __FILE__, __LINE__)

#define assert_ok(expr) assert_code((expr), SEGLOG_OK)

void
test_assert_code(seglog_code got, seglog_code want,
                 const struct seglog_error *err, const char *file, int line);

/*
 * A heap block of exactly len bytes, so that a sanitizer sees a read of one
 * byte too many.  The caller frees it.
 */
void *
exact_copy(const void *data, size_t len);

/* len bytes that follow from seed and look random. */
void
test_fill(void *data, size_t len, uint64_t seed);

/* The next of a series of numbers that follows from *seed. */
uint64_t
test_random(uint64_t *seed);

/*
 * A new empty folder below the system's folder for temporary files.  Remove it
 * with everything in it by test_dir_remove, which also frees the name.
 */
char *
test_dir_make(void);

void
test_dir_remove(char *dir);

/* As setup and teardown of a test: *state is the name of the folder. */
int
test_dir_setup(void **state);

int
test_dir_teardown(void **state);

/* "dir/name" in a block that the caller frees. */
char *
test_path(const char *dir, const char *name);

/* Whole files; both fail the test when they cannot. */
void
test_file_write(const char *path, const void *data, size_t len);

void *
test_file_read(const char *path, size_t *len);

/* Monotonic time. */
int64_t
test_now_ms(void);

void
test_sleep_ms(int ms);

#endif /* SEGLOG_TEST_H */
