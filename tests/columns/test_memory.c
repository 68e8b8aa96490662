/* SPDX-License-Identifier: MIT */
/*
 * Goal    encoding and decoding stay within the memory that columns.h says.
 * Method  a process of its own that may have so much address space and no more.
 *         Sanitizers need all of it; with them nothing is tested here.
 */
#define _GNU_SOURCE /* fork(), setrlimit() */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/columns/columns.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||     \
    __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

#define TEXT_LEN ((size_t)8 << 20)
#define MIB      ((size_t)1 << 20)

struct sample {
    char *text;
    struct slg_columns_record *records;
    size_t count;
};

/* Lines of many short values, which take more memory than long ones. */
static void
sample_make(struct sample *sample)
{
    uint32_t seed = 1;
    size_t at = 0;

    sample->count = 0;
    sample->text = malloc(TEXT_LEN + 256);
    sample->records = malloc(TEXT_LEN / 64 * sizeof *sample->records);
    assert_non_null(sample->text);
    assert_non_null(sample->records);
    while (at < TEXT_LEN) {
        seed = seed * 1664525u + 1013904223u;
        const int len = snprintf(
            sample->text + at, 256,
            "{\"id\":%zu,\"a\":%u,\"level\":\"%s\",\"ip\":\"10.0.%u.%u\","
            "\"path\":\"/a/%x\",\"ok\":true,\"n\":[%u,%u]}",
            sample->count, seed >> 20, seed & 64 ? "info" : "warn",
            seed >> 8 & 255, seed >> 16 & 255, seed, seed >> 9 & 7,
            seed >> 12 & 7);
        assert_true(len > 64);
        sample->records[sample->count++] = (struct slg_columns_record){
            .bytes = (const uint8_t *)sample->text + at, .len = (size_t)len
        };
        at += (size_t)len;
    }
}

static void
sample_free(struct sample *sample)
{
    free(sample->text);
    free(sample->records);
}

/* From here on, so much more than there is. */
static bool
memory_limit(size_t more)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (!file)
        return false;
    const bool is_read = fscanf(file, "%lu", &pages) == 1;
    fclose(file);
    const rlim_t most =
        (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)more;
    const struct rlimit limit = { most, most };
    return is_read && setrlimit(RLIMIT_AS, &limit) == 0;
}

#define CHILD_CANNOT_LIMIT 100

/* What the encoder returns when it may have so much. */
static int
encode_within(const struct sample *sample, int level, size_t memory_max,
              size_t more)
{
    const struct slg_columns_options options = { .level = level,
                                                 .memory_max = memory_max };
    int status = 0;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        uint8_t *block;
        size_t len;
        if (!memory_limit(more))
            _exit(CHILD_CANNOT_LIMIT);
        _exit((int)slg_columns_encode(sample->records, sample->count, &options,
                                      &block, &len));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CHILD_CANNOT_LIMIT)
        skip();
    return WEXITSTATUS(status);
}

static void
encoding__with_a_bound__needs_that_and_three_times_the_text(void **state)
{
    static const size_t bounds[] = { MIB, 16 * MIB };
    static const int levels[] = { 3, 9, 19 };
    struct sample sample;

    (void)state;
    if (HAS_SANITIZER)
        skip();
    sample_make(&sample);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
            assert_int_equal(encode_within(&sample, levels[k], bounds[i],
                                           bounds[i] + 3 * TEXT_LEN + 2 * MIB),
                             SEGLOG_OK);
        }
    }
    sample_free(&sample);
}

static void
encoding__without_memory__says_so(void **state)
{
    struct sample sample;

    (void)state;
    if (HAS_SANITIZER)
        skip();
    sample_make(&sample);
    for (size_t more = 0; more < 32 * MIB; more += 3 * MIB) {
        const int code = encode_within(&sample, 3, 0, more);
        assert_true(code == SEGLOG_OK || code == SEGLOG_NO_MEMORY);
    }
    assert_int_equal(encode_within(&sample, 3, 0, MIB), SEGLOG_NO_MEMORY);
    sample_free(&sample);
}

static int
decode_within(const uint8_t *block, size_t len,
              const struct slg_columns_limits *limits, size_t more)
{
    int status = 0;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct slg_columns columns;
        if (!memory_limit(more))
            _exit(CHILD_CANNOT_LIMIT);
        _exit((int)slg_columns_decode(block, len, limits, &columns));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CHILD_CANNOT_LIMIT)
        skip();
    return WEXITSTATUS(status);
}

static void
decoding__needs_little_more_than_the_text(void **state)
{
    const struct slg_columns_options options = { .level = 3 };
    const struct slg_columns_limits limits = { SIZE_MAX, SIZE_MAX, SIZE_MAX };
    const struct slg_columns_limits small = { TEXT_LEN / 2, SIZE_MAX,
                                              SIZE_MAX };
    struct sample sample;
    uint8_t *block;
    size_t len;

    (void)state;
    if (HAS_SANITIZER)
        skip();
    sample_make(&sample);
    assert_int_equal(slg_columns_encode(sample.records, sample.count, &options,
                                        &block, &len),
                     SEGLOG_OK);
    assert_int_equal(
        decode_within(block, len, &limits, 2 * TEXT_LEN + 32 * sample.count),
        SEGLOG_OK);
    /* What is over the limits is not even begun. */
    assert_int_equal(decode_within(block, len, &small, MIB), SEGLOG_TOO_LARGE);
    free(block);
    sample_free(&sample);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            encoding__with_a_bound__needs_that_and_three_times_the_text),
        cmocka_unit_test(encoding__without_memory__says_so),
        cmocka_unit_test(decoding__needs_little_more_than_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
