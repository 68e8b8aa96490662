/* SPDX-License-Identifier: MIT */
/*
 * Goal    the members of a good text come out exactly as they stand, and any
 *         other text ends the walk without a byte being read beyond it.
 * Method  tables; a text cut at every byte in a block of its exact size.
 */
#include "tests/support/seglog_test.h"

#include "format/json_member.h"

static struct slg_json_slice
slice_of(const char *text)
{
    return (struct slg_json_slice){ (const uint8_t *)text, strlen(text) };
}

static bool
slice_is(struct slg_json_slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.p, text, slice.len) == 0;
}

static bool
walk_text(struct slg_json_walk *walk, const char *text)
{
    return slg_json_walk_begin(walk, (const uint8_t *)text, strlen(text));
}

static void
walk__object__members_in_order(void **state)
{
    static const struct {
        const char *key, *value;
        bool has_escape;
    } want[] = {
        { "a", "1", false },
        { "b\\u0020c", "\"x\\\"}\"", true },
        { "d", "{\"e\":[1,{\"f\":\"]\"}]}", false },
        { "", "[]", false },
        { "g", "-1.5e3", false },
        { "h", "null", false },
        { "i", "\"a long string, of more than sixteen bytes\"", false },
    };
    struct slg_json_walk walk;
    struct slg_json_member m;

    (void)state;
    assert_true(walk_text(
        &walk, "\xef\xbb\xbf \t{ \"a\" : 1,\"b\\u0020c\":\"x\\\"}\" , "
               "\"d\":{\"e\":[1,{\"f\":\"]\"}]},\"\":[],\"g\":-1.5e3,\"h\":"
               "null ,\"i\":\"a long string, of more than sixteen bytes\" } "));
    assert_true(walk.is_object);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_true(slg_json_walk_next(&walk, &m));
        assert_true(slice_is(m.key, want[i].key));
        assert_true(slice_is(m.value, want[i].value));
        assert_int_equal(m.key_has_escape, want[i].has_escape);
    }
    assert_false(walk.is_whole);
    assert_false(slg_json_walk_next(&walk, &m));
    assert_true(walk.is_whole);
    assert_false(slg_json_walk_next(&walk, &m));
}

static void
walk__array__items_in_order(void **state)
{
    struct slg_json_walk walk;
    struct slg_json_member m;

    (void)state;
    assert_true(walk_text(&walk, "[1, \"a\",[2],{\"b\":3}]"));
    assert_false(walk.is_object);
    assert_true(slg_json_walk_next(&walk, &m));
    assert_true(slice_is(m.value, "1"));
    assert_int_equal(m.key.len, 0);
    assert_true(slg_json_walk_next(&walk, &m));
    assert_true(slice_is(m.value, "\"a\""));
    assert_true(slg_json_walk_next(&walk, &m));
    assert_true(slice_is(m.value, "[2]"));
    assert_true(slg_json_is_array(m.value));
    assert_true(slg_json_walk_next(&walk, &m));
    assert_true(slice_is(m.value, "{\"b\":3}"));
    assert_true(slg_json_is_object(m.value));
    assert_false(slg_json_walk_next(&walk, &m));
    assert_true(walk.is_whole);
}

static void
walk__empty_or_scalar__no_members(void **state)
{
    struct slg_json_walk walk;
    struct slg_json_member m;

    (void)state;
    assert_false(slg_json_walk_begin(&walk, NULL, 0));
    assert_false(slg_json_walk_next(&walk, &m));
    assert_false(walk_text(&walk, " "));
    assert_false(walk_text(&walk, "12"));
    assert_false(slg_json_walk_next(&walk, &m));
    assert_false(walk_text(&walk, "\"{}\""));
    assert_true(walk_text(&walk, "{ }"));
    assert_false(slg_json_walk_next(&walk, &m));
    assert_true(walk.is_whole);
    assert_true(walk_text(&walk, "[]"));
    assert_false(slg_json_walk_next(&walk, &m));
    assert_true(walk.is_whole);
}

static void
walk__cut_at_every_byte__ends_within(void **state)
{
    static const char text[] = "{\"a\\\\\":\"b\\\"\",\"c\":[1,{\"d\":true}],"
                               "\"e\":12,\"f\":\"0123456789abcdefghij\"}";

    (void)state;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        uint8_t *copy = exact_copy(text, len);
        struct slg_json_walk walk;
        struct slg_json_member m;
        size_t members = 0;

        if (slg_json_walk_begin(&walk, copy, len)) {
            while (slg_json_walk_next(&walk, &m)) {
                assert_true(m.value.p + m.value.len <= copy + len);
                members++;
            }
            assert_false(walk.is_whole);
            assert_true(members <= 4);
        }
        free(copy);
    }
}

static void
walk__not_json__ends(void **state)
{
    static const char *const texts[] = {
        "{1:2}", "{\"a\"}", "{\"a\":}",  "{\"a\":1 \"b\":2}",
        "[1 2]", "[1,,2]",  "{\"a\":1",  "{\"a\":\"",
        "{,}",   "[\"a\\",  "{\"a\":[}", "{\"a\":1]",
    };
    struct slg_json_walk walk;
    struct slg_json_member m;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_true(walk_text(&walk, texts[i]));
        while (slg_json_walk_next(&walk, &m))
            continue;
        assert_false(walk.is_whole);
    }
}

static void
walk__number_at_the_end__may_be_cut(void **state)
{
    struct slg_json_walk walk;
    struct slg_json_member m;

    (void)state;
    assert_true(walk_text(&walk, "{\"a\":12"));
    assert_false(slg_json_walk_next(&walk, &m));
    assert_true(walk_text(&walk, "[true"));
    assert_false(slg_json_walk_next(&walk, &m));
}

static void
key_is__escapes__decoded(void **state)
{
    struct slg_json_walk walk;
    struct slg_json_member m;

    (void)state;
    assert_true(walk_text(&walk, "{\"kind\":1,\"k\\u0069nd\":2,\"kin\\u0000\":"
                                 "3}"));
    assert_true(slg_json_walk_next(&walk, &m));
    assert_true(slg_json_key_is(&m, "kind"));
    assert_false(slg_json_key_is(&m, "kin"));
    assert_false(slg_json_key_is(&m, "kinds"));
    assert_false(slg_json_key_is(&m, ""));
    assert_true(slg_json_walk_next(&walk, &m));
    assert_true(slg_json_key_is(&m, "kind"));
    assert_false(slg_json_key_is(&m, "k\\u0069nd"));
    assert_true(slg_json_walk_next(&walk, &m));
    assert_false(slg_json_key_is(&m, "kin"));
    assert_false(slg_json_key_is(&m, "kind"));
}

static void
decode__escapes__utf8(void **state)
{
    static const struct {
        const char *body, *text;
    } cases[] = {
        { "", "" },
        { "plain", "plain" },
        { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
        { "\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac" },
        { "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
        /* halves of pairs, alone or the wrong way round */
        { "\\ud83d", "\xed\xa0\xbd" },
        { "\\ude00\\ud83d", "\xed\xb8\x80\xed\xa0\xbd" },
        { "\\ud83dx", "\xed\xa0\xbdx" },
        { "\\ud83d\\u0041", "\xed\xa0\xbd"
                            "A" },
        /* no escapes */
        { "\\u12", "\\u12" },
        { "\\u123", "\\u123" },
        { "\\x", "\\x" },
        { "\\", "\\" },
    };
    uint8_t buf[32];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const size_t want = strlen(cases[i].text);
        const size_t len = strlen(cases[i].body);
        uint8_t *copy = exact_copy(cases[i].body, len);
        const struct slg_json_slice body = { copy, len };

        assert_int_equal(slg_json_string_decode(body, buf, body.len), want);
        assert_memory_equal(buf, cases[i].text, want);
        assert_true(slg_json_body_is(body, cases[i].text));
        assert_false(slg_json_body_is(body, "something else"));
        free(copy);
    }
    assert_int_equal(
        slg_json_string_decode((struct slg_json_slice){ NULL, 0 }, NULL, 0), 0);
}

static void
decode__little_room__whole_characters(void **state)
{
    const struct slg_json_slice body = slice_of("a\\u00e9\xe2\x82\xac\\n");
    uint8_t buf[8];

    (void)state;
    assert_int_equal(slg_json_string_decode(body, NULL, 0), 0);
    assert_int_equal(slg_json_string_decode(body, buf, 1), 1);
    assert_int_equal(slg_json_string_decode(body, buf, 2), 1);
    assert_int_equal(slg_json_string_decode(body, buf, 3), 3);
    assert_int_equal(slg_json_string_decode(body, buf, 5), 3);
    assert_int_equal(slg_json_string_decode(body, buf, 6), 6);
    assert_int_equal(slg_json_string_decode(body, buf, 7), 7);
}

static void
numbers__limits__exact_or_none(void **state)
{
    static const char *const bad[] = {
        "",
        "-",
        "1.0",
        "1e3",
        "01",
        "-01",
        "x",
        "18446744073709551616",
        "-9223372036854775809",
        "\"1\"",
        "1 ",
        "+1",
    };
    uint64_t u = 7;
    int64_t i = 7;

    (void)state;
    for (size_t k = 0; k < COUNT_OF(bad); k++) {
        assert_false(slg_json_uint64(slice_of(bad[k]), &u));
        assert_false(slg_json_int64(slice_of(bad[k]), &i));
    }
    assert_false(slg_json_uint64(slice_of("-1"), &u));
    assert_false(slg_json_int64(slice_of("9223372036854775808"), &i));
    assert_int_equal(u, 7);
    assert_int_equal(i, 7);
    assert_true(slg_json_uint64(slice_of("0"), &u) && u == 0);
    assert_true(slg_json_uint64(slice_of("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_true(slg_json_int64(slice_of("9223372036854775807"), &i));
    assert_true(i == INT64_MAX);
    assert_true(slg_json_int64(slice_of("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_true(slg_json_int64(slice_of("-0"), &i) && i == 0);
    assert_true(slg_json_int64(slice_of("-1"), &i) && i == -1);
}

static void
words__and_strings__told_apart(void **state)
{
    struct slg_json_slice body;
    bool truth = false;

    (void)state;
    assert_true(slg_json_bool(slice_of("true"), &truth) && truth);
    assert_true(slg_json_bool(slice_of("false"), &truth) && !truth);
    assert_false(slg_json_bool(slice_of("null"), &truth));
    assert_false(slg_json_bool(slice_of("\"true\""), &truth));
    assert_true(slg_json_is_null(slice_of("null")));
    assert_false(slg_json_is_null(slice_of("nul")));
    assert_true(slg_json_string_body(slice_of("\"\""), &body));
    assert_int_equal(body.len, 0);
    assert_true(slg_json_string_body(slice_of("\"a\""), &body));
    assert_true(slice_is(body, "a"));
    assert_false(slg_json_string_body(slice_of("\""), &body));
    assert_false(slg_json_string_body(slice_of("12"), &body));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk__object__members_in_order),
        cmocka_unit_test(walk__array__items_in_order),
        cmocka_unit_test(walk__empty_or_scalar__no_members),
        cmocka_unit_test(walk__cut_at_every_byte__ends_within),
        cmocka_unit_test(walk__not_json__ends),
        cmocka_unit_test(walk__number_at_the_end__may_be_cut),
        cmocka_unit_test(key_is__escapes__decoded),
        cmocka_unit_test(decode__escapes__utf8),
        cmocka_unit_test(decode__little_room__whole_characters),
        cmocka_unit_test(numbers__limits__exact_or_none),
        cmocka_unit_test(words__and_strings__told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
