/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_error.c - src/store/error.c and src/store/fail.c
 *
 * Goal    an error says which file, record, line and byte, on one line, and
 *         never writes beyond its fields however long a path is.
 */
#include "tests/support/seglog_test.h"

#include <errno.h>

#include "src/store/fail.h"

static const seglog_code CODES[] = {
    SEGLOG_OK,        SEGLOG_END,       SEGLOG_IO,      SEGLOG_NO_SPACE,
    SEGLOG_NO_MEMORY, SEGLOG_NOT_FOUND, SEGLOG_EXISTS,  SEGLOG_LOCKED,
    SEGLOG_READ_ONLY, SEGLOG_POISONED,  SEGLOG_INVALID, SEGLOG_TOO_LARGE,
    SEGLOG_CONFLICT,  SEGLOG_SEALED,    SEGLOG_PAUSED,  SEGLOG_FORMAT,
    SEGLOG_CORRUPT,   SEGLOG_AUTH,
};

static void
code_name__each_code__has_a_name_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CODES); i++) {
        const char *name = seglog_code_name(CODES[i]);

        assert_true(strlen(name) >= 2);
        assert_string_not_equal(name, "UNKNOWN");
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(name, seglog_code_name(CODES[k]));
    }
    assert_string_equal(seglog_code_name(SEGLOG_CORRUPT), "CORRUPT");
    assert_string_equal(seglog_code_name((seglog_code)18), "UNKNOWN");
}

static void
fail__all_known__is_filled_in(void **state)
{
    const struct slg_place place = {
        .name = "app.seg", .record_no = 7, .line_no = 5, .offset = 4096
    };
    struct seglog_error err;

    (void)state;
    memset(&err, 0xff, sizeof err);
    assert_code(slg_fail(&err, SEGLOG_CORRUPT, &place, "%d of %s", 3, "four"),
                SEGLOG_CORRUPT);
    assert_int_equal(err.code, SEGLOG_CORRUPT);
    assert_int_equal(err.sys_errno, 0);
    assert_int_equal(err.record_no, 7);
    assert_int_equal(err.line_no, 5);
    assert_int_equal(err.offset, 4096);
    assert_int_equal(err.actual, 0);
    assert_string_equal(err.name, "app.seg");
    assert_string_equal(err.message, "3 of four");
    assert_code(slg_fail_actual(&err, SEGLOG_CORRUPT, 99), SEGLOG_CORRUPT);
    assert_int_equal(err.actual, 99);
}

static void
fail__nothing_known__is_filled_in(void **state)
{
    const struct slg_place place = { .offset = SEGLOG_NO_OFFSET };
    struct seglog_error err;

    (void)state;
    assert_code(slg_fail(NULL, SEGLOG_INVALID, NULL, "x"), SEGLOG_INVALID);
    assert_code(slg_fail_errno(NULL, ENOENT, NULL, "x"), SEGLOG_NOT_FOUND);
    assert_code(slg_fail_actual(NULL, SEGLOG_CONFLICT, 1), SEGLOG_CONFLICT);

    for (unsigned i = 0; i < 2; i++) {
        memset(&err, 0xff, sizeof err);
        assert_code(slg_fail(&err, SEGLOG_INVALID, i ? &place : NULL, "no"),
                    SEGLOG_INVALID);
        assert_string_equal(err.name, "");
        assert_int_equal(err.record_no, 0);
        assert_int_equal(err.line_no, 0);
        assert_true(err.offset == SEGLOG_NO_OFFSET);
        assert_string_equal(err.message, "no");
    }
}

/* A path of len bytes: "/////" and then "/the-end.seg". */
static char *
long_path(size_t len)
{
    static const char end[] = "/the-end.seg";
    char *path = malloc(len + 1);

    assert_non_null(path);
    memset(path, '/', len);
    memcpy(path + len - strlen(end), end, sizeof end);
    return path;
}

static void
fail__long_name__keeps_its_end(void **state)
{
    (void)state;
    for (size_t len = 250; len < 600; len++) {
        char *path = long_path(len);
        const struct slg_place place = { .name = path,
                                         .offset = SEGLOG_NO_OFFSET };
        struct seglog_error err;

        assert_code(slg_fail(&err, SEGLOG_IO, &place, "x"), SEGLOG_IO);
        if (len <= 255) {
            assert_string_equal(err.name, path);
        } else {
            assert_int_equal(strlen(err.name), 255);
            assert_memory_equal(err.name, ".../", 4);
            assert_string_equal(err.name + 255 - 12, "/the-end.seg");
        }
        free(path);
    }
}

/* Cut inside a character, it would not be valid UTF-8 any more. */
static void
fail__long_name_in_utf8__is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        char path[3 * 200 + 3];
        const struct slg_place place = { .name = path,
                                         .offset = SEGLOG_NO_OFFSET };
        struct seglog_error err;

        for (size_t i = 0; i < 200; i++)
            memcpy(path + 3 * i, "\xe2\x82\xac", 3);
        memcpy(path + 600, "xx", 3);
        path[600 + shift] = '\0';
        assert_code(slg_fail(&err, SEGLOG_IO, &place, "x"), SEGLOG_IO);
        assert_memory_equal(err.name, "...\xe2\x82\xac", 6);
        assert_int_equal(strlen(err.name),
                         shift ? 3 + 3 * 83 + shift : 3 + 3 * 84);
    }
}

static void
fail__long_message__is_cut_and_says_so(void **state)
{
    char text[401];
    struct seglog_error err;

    (void)state;
    memset(text, 'm', 400);
    text[400] = '\0';
    assert_code(slg_fail(&err, SEGLOG_IO, NULL, "%s", text), SEGLOG_IO);
    assert_int_equal(strlen(err.message), 255);
    assert_string_equal(err.message + 251, "m...");

    assert_code(slg_fail_errno(&err, ENOSPC, NULL, "%s", text),
                SEGLOG_NO_SPACE);
    assert_int_equal(strlen(err.message), 255);
    assert_non_null(strstr(err.message, "m...: "));
    assert_string_equal(strstr(err.message, "...: ") + 5, strerror(ENOSPC));

    text[255] = '\0';
    assert_code(slg_fail(&err, SEGLOG_IO, NULL, "%s", text), SEGLOG_IO);
    assert_string_equal(err.message, text);
}

/* A layer that knows more says it anew, from the error it was given. */
static void
fail__filled_from_itself__works(void **state)
{
    const struct slg_place first = { .name = "name", .offset = 9 };
    struct seglog_error err;
    struct slg_place again;

    (void)state;
    assert_code(slg_fail(&err, SEGLOG_IO, &first, "inner"), SEGLOG_IO);
    again = (struct slg_place){ .name = err.name + 1,
                                .record_no = 3,
                                .offset = err.offset };
    assert_code(slg_fail(&err, SEGLOG_FORMAT, &again, "outer: %s", err.message),
                SEGLOG_FORMAT);
    assert_string_equal(err.message, "outer: inner");
    assert_string_equal(err.name, "ame");
    assert_int_equal(err.offset, 9);
}

static void
fail_errno__each_reason__has_its_code(void **state)
{
    static const struct {
        int sys_errno;
        seglog_code code;
    } cases[] = {
        { ENOSPC, SEGLOG_NO_SPACE },  { EDQUOT, SEGLOG_NO_SPACE },
        { ENOMEM, SEGLOG_NO_MEMORY }, { ENOENT, SEGLOG_NOT_FOUND },
        { EEXIST, SEGLOG_EXISTS },    { EACCES, SEGLOG_READ_ONLY },
        { EPERM, SEGLOG_READ_ONLY },  { EROFS, SEGLOG_READ_ONLY },
        { EIO, SEGLOG_IO },           { EFBIG, SEGLOG_IO },
        { EMFILE, SEGLOG_IO },        { 99999, SEGLOG_IO },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seglog_error err;

        assert_code(
            slg_fail_errno(&err, cases[i].sys_errno, NULL, "no %s", "luck"),
            cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.sys_errno, cases[i].sys_errno);
        assert_memory_equal(err.message, "no luck: ", 9);
        assert_true(strlen(err.message) > 9);
    }
}

static struct seglog_error
make_error(const char *name, uint64_t record_no, uint64_t line_no,
           uint64_t offset)
{
    const struct slg_place place = { name, record_no, line_no, offset };
    struct seglog_error err;

    (void)slg_fail(&err, SEGLOG_CORRUPT, &place, "checksum mismatch");
    return err;
}

static void
format__parts_known__are_told(void **state)
{
    static const uint64_t none = SEGLOG_NO_OFFSET;
    static const struct {
        const char *name;
        uint64_t record_no;
        uint64_t line_no;
        uint64_t offset;
        const char *want;
    } cases[] = {
        { "a.seg", 1041, 1040, 88213,
          "a.seg: record 1041 (line 1040, offset 88213): checksum mismatch" },
        { "a.seg", 1041, 0, 88213,
          "a.seg: record 1041 (offset 88213): checksum mismatch" },
        { "a.seg", 1041, 7, none,
          "a.seg: record 1041 (line 7): checksum mismatch" },
        { "a.seg", 1041, 0, none, "a.seg: record 1041: checksum mismatch" },
        { "a.seg", 0, 12, 0, "a.seg: line 12 (offset 0): checksum mismatch" },
        { "a.seg", 0, 12, none, "a.seg: line 12: checksum mismatch" },
        { "a.seg", 0, 0, 5, "a.seg: offset 5: checksum mismatch" },
        { "a.seg", 0, 0, none, "a.seg: checksum mismatch" },
        { "", 0, 0, none, "checksum mismatch" },
        { NULL, UINT64_MAX, 0, UINT64_MAX - 1,
          "record 18446744073709551615 (offset 18446744073709551614): "
          "checksum mismatch" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct seglog_error err =
            make_error(cases[i].name, cases[i].record_no, cases[i].line_no,
                       cases[i].offset);
        char text[640];

        seglog_error_format(&err, text, sizeof text);
        assert_string_equal(text, cases[i].want);
    }
}

static void
format__any_room__is_terminated_and_a_prefix(void **state)
{
    const struct seglog_error err = make_error("a.seg", 1041, 1041, 88213);
    char whole[640];

    (void)state;
    seglog_error_format(&err, whole, sizeof whole);
    for (size_t cap = 1; cap <= strlen(whole) + 1; cap++) {
        char *text = malloc(cap);

        assert_non_null(text);
        seglog_error_format(&err, text, cap);
        assert_int_equal(strlen(text), cap - 1);
        assert_memory_equal(text, whole, cap - 1);
        free(text);
    }
    whole[0] = '#';
    seglog_error_format(&err, whole, 0);
    assert_int_equal(whole[0], '#');
    seglog_error_format(&err, NULL, 10);
    seglog_error_format(NULL, whole, sizeof whole);
    assert_string_equal(whole, "");
}

/* A file's name is chosen by others: it must not write to the terminal. */
static void
format__control_characters__are_replaced(void **state)
{
    const struct seglog_error err =
        make_error("a\n\x1b[31m\tb\x7f\xc3\xa9", 0, 0, SEGLOG_NO_OFFSET);
    char text[640];

    (void)state;
    seglog_error_format(&err, text, sizeof text);
    assert_string_equal(text, "a??[31m?b?\xc3\xa9: checksum mismatch");
}

static void
format__no_message__gives_the_code(void **state)
{
    const struct seglog_error err = { .code = SEGLOG_LOCKED,
                                      .offset = SEGLOG_NO_OFFSET };
    char text[64];

    (void)state;
    seglog_error_format(&err, text, sizeof text);
    assert_string_equal(text, "LOCKED");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_name__each_code__has_a_name_of_its_own),
        cmocka_unit_test(fail__all_known__is_filled_in),
        cmocka_unit_test(fail__nothing_known__is_filled_in),
        cmocka_unit_test(fail__long_name__keeps_its_end),
        cmocka_unit_test(fail__long_name_in_utf8__is_cut_between_characters),
        cmocka_unit_test(fail__long_message__is_cut_and_says_so),
        cmocka_unit_test(fail__filled_from_itself__works),
        cmocka_unit_test(fail_errno__each_reason__has_its_code),
        cmocka_unit_test(format__parts_known__are_told),
        cmocka_unit_test(format__any_room__is_terminated_and_a_prefix),
        cmocka_unit_test(format__control_characters__are_replaced),
        cmocka_unit_test(format__no_message__gives_the_code),
    };

    return cmocka_run_group_tests_name("store/error", tests, NULL, NULL);
}
