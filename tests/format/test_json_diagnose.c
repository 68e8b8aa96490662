/* SPDX-License-Identifier: MIT */
/*
 * Goal    each kind of damage gets its name and its exact place, in time that
 *         grows with the length of the line and nothing else.
 * Method  a table of lines; records cut at every byte and glued to others; the
 *         search for the rest against one that tries every brace; a megabyte
 *         of each kind of hostile line.
 */
#include "tests/support/seglog_test.h"

#include <time.h>

#include "seglog/json_diagnose.h"

#define NOWHERE SEGLOG_JSON_NOWHERE

struct damage_case {
    const char *bytes;
    size_t len;
    bool has_lf;
    const char *name;
    uint64_t pos;
    uint64_t rest_pos;
    uint64_t number; /* zero bytes, or values */
};

#define LINE(text) text, sizeof text - 1, true
#define LAST(text) text, sizeof text - 1, false

/* clang-format off */
static const struct damage_case cases[] = {
    { LINE("{\"a\":1}"), "ok", 0, NOWHERE, 0 },
    { LINE(""), "ok", 0, NOWHERE, 0 },

    { LINE("\0"), "nul-run", 0, NOWHERE, 1 },
    { LINE("\0\0\0\0\0"), "nul-run", 0, NOWHERE, 5 },
    { LINE("{\"a\":\"hel\0\0\0"), "nul-run", 9, NOWHERE, 3 },
    { LINE("{\"a\":1}\0\0"), "nul-run", 7, NOWHERE, 2 },
    { LINE("\0\0\0{\"a\":1}"), "nul-run", 0, 3, 3 },
    { LINE("{\"a\":\"hel\0\0{\"a\":{}}\r"), "nul-run", 9, 11, 2 },
    { LINE("{\"a\":\"\xc3\0\0"), "nul-run", 7, NOWHERE, 2 },
    { LINE("{\"a\":1}{\"b\":\0\0\0"), "nul-run", 12, NOWHERE, 3 },

    { LINE("{\"a\":1}{\"b\":2}"), "glued", 7, 7, 2 },
    { LINE("{\"a\":1} {\"b\":2}\r"), "glued", 8, 8, 2 },
    { LINE("{\"a\":1}{\"b\":2}{\"c\":{}}"), "glued", 7, 14, 3 },
    { LINE("{\"a\":1}[2]"), "glued", 7, NOWHERE, 2 },
    { LINE("1 2 3"), "glued", 2, NOWHERE, 3 },
    { LINE("{}\"a\""), "glued", 2, NOWHERE, 2 },
    { LINE("{\"a\":1}{\"b\":2}{\"c\":"), "glued", 7, NOWHERE, 2 },
    { LINE("{\"a\":1}{\"b\":2}{\"c\":\"x{\"d\":4}"), "glued", 7, 21, 2 },
    { LINE("{\"a\":1}[2] and so on"), "glued", 7, NOWHERE, 2 },
    { LINE("{\"a\":1}{\"b\":2} truly"), "glued", 7, NOWHERE, 2 },

    { LINE("{\"a\":\"hel{\"a\":1}"), "splice", 9, 9, 0 },
    { LAST("{\"a\":\"hel{\"a\":1}"), "splice", 9, 9, 0 },
    { LINE("{\"a\":\"hel{\"b\":1}"), "splice", 9, 9, 0 },
    { LINE("{\"a\":\"hel{\"a\":{\"b\":{}}} \r"), "splice", 9, 9, 0 },
    { LINE("{\"a\":12{\"a\":1}"), "splice", 7, 7, 0 },
    { LINE("{\"a\":tr{\"a\":1}"), "splice", 7, 7, 0 },
    { LINE("{\"a\":-{\"a\":1}"), "splice", 6, 6, 0 },
    { LINE("{\"a\":1,{\"a\":1}"), "splice", 7, 7, 0 },
    { LINE("{\"a\":1,\"b{\"a\":1}"), "splice", 9, 9, 0 },
    { LINE("{\"a\"{\"a\":1}"), "splice", 4, 4, 0 },
    { LINE("{\"a{\"a\":1}"), "splice", 3, 3, 0 },
    { LINE("{\"{\"a\":1}"), "splice", 2, 2, 0 },
    { LINE("{\"a\":\"x\\{\"a\":1}"), "splice", 8, 8, 0 },
    { LINE("{\"a\":\"x\\u00{\"a\":1}"), "splice", 11, 11, 0 },
    { LINE("{\"a\":\"\xe2\x82{\"a\":1}"), "splice", 8, 8, 0 },
    { LINE("{\"a\":\"\xf0\x9f\x98{\"a\":1}"), "splice", 9, 9, 0 },
    { LINE("{\"a\":{\"b\":[1,{\"a\":1}"), "splice", 13, 13, 0 },
    { LINE("{\"a\":{\"b\":[\"x{\"a\":1}"), "splice", 13, 13, 0 },
    { LINE("{\"a\":\"x{\"a\":\"y{\"a\":1}"), "splice", 14, 14, 0 },
    { LINE("{\"a\":1}{\"b\":\"x{\"c\":1}"), "splice", 14, 14, 1 },
    /* The cut stands before a value: the key tells. */
    { LINE("{\"a\":{\"a\":1}"), "splice", 5, 5, 0 },
    { LINE("{\"a\":[{\"a\":{\"a\":1}}"), "splice", 6, 6, 0 },
    { LINE("{ \"k\\\"\":{\"k\\\"\" : 1} "), "splice", 8, 8, 0 },
    { LINE("{\"a\":{\"b\":1}"), "torn", 12, 5, 0 },
    { LINE("{\"a\":{\"aa\":1}"), "torn", 13, 5, 0 },
    { LINE("{\"a\":{}"), "torn", 7, 5, 0 },
    { LAST("{\"a\":{\"a\":1}"), "torn", 12, 5, 0 },

    { LAST("{\"a\":\"hel"), "torn", 9, NOWHERE, 0 },
    { LINE("{\"a\":\"hel"), "torn", 9, NOWHERE, 0 },
    { LINE("{"), "torn", 1, NOWHERE, 0 },
    { LINE("[1,2"), "torn", 4, NOWHERE, 0 },
    { LINE("{\"a\":\"\xe2\x82"), "torn", 8, NOWHERE, 0 },
    { LINE("{\"a\":\"use {}"), "torn", 12, 10, 0 },
    { LINE("{\"a\":1}{\"b\":"), "torn", 12, NOWHERE, 1 },
    { LINE("{\"a\":1}{\"a\":{\"a\":1}"), "splice", 12, 12, 1 },

    { LINE("{\"a\":\"caf\xe9\"}"), "utf8", 9, NOWHERE, 0 },
    { LINE("{\"a\":\"caf\xe9\",\"b\":\"x{\"a\":1}"), "utf8", 9, 18, 0 },
    { LINE("\xff\xfe"), "utf8", 0, NOWHERE, 0 },
    { LINE("{\"a\":1}\xff"), "utf8", 7, NOWHERE, 0 },

    { LINE("panic: no such file"), "bad-json", 0, NOWHERE, 0 },
    { LINE("INFO {\"a\":1}"), "bad-json", 0, 5, 0 },
    { LINE("[main] {\"a\":1}"), "bad-json", 1, 7, 0 },
    { LINE("{main} {\"a\":1}"), "bad-json", 1, 7, 0 },
    { LINE("10 20 text"), "bad-json", 7, NOWHERE, 2 },
    { LINE("{\"a\":1,}"), "bad-json", 7, NOWHERE, 0 },
    { LINE("{\"a\":{\"b\":1,}}"), "bad-json", 12, NOWHERE, 0 },
    { LINE("{\"Event\":\"x\",_\"Info\":{\"b\":1}}"), "bad-json", 13, NOWHERE, 0 },
    { LINE("{\"a\":NaN,\"b\":{\"c\":1}}"), "bad-json", 5, NOWHERE, 0 },
    { LINE("{\"a\":\"tab\there\"}"), "bad-json", 9, NOWHERE, 0 },
    { LINE("{\"a\":1} trailing"), "bad-json", 10, NOWHERE, 1 },
    { LINE("{\"a\":1}}"), "bad-json", 7, NOWHERE, 0 },
};
/* clang-format on */

/* Lex a line and describe it, the last len bytes of it being at hand. */
static struct seglog_json_broken
broken_line(const uint8_t *bytes, size_t line_len, size_t len, bool has_lf)
{
    struct seglog_json_line s;
    struct seglog_json_broken line = { .bytes = bytes + line_len - len,
                                       .len = len,
                                       .line_len = line_len,
                                       .has_lf = has_lf };

    seglog_json_line_init(&s, false);
    seglog_json_line_feed(&s, bytes, line_len);
    line.fault = seglog_json_line_finish(&s, &line.fault_pos);
    line.nul_count = s.nul_count;
    return line;
}

static struct seglog_json_diagnosis
diagnose(const void *bytes, size_t len, bool has_lf)
{
    uint8_t *copy = exact_copy(bytes, len);
    const struct seglog_json_broken line = broken_line(copy, len, len, has_lf);
    struct seglog_json_diagnosis d;

    seglog_json_diagnose(&line, &d);
    free(copy);
    return d;
}

static void
diagnose__each_line__is_named_and_placed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct damage_case *c = &cases[i];
        const struct seglog_json_diagnosis d =
            diagnose(c->bytes, c->len, c->has_lf);
        const char *name = seglog_json_damage_name(d.kind);
        const uint64_t number =
            d.kind == SEGLOG_JSON_NUL_RUN ? d.nul_count : d.values;

        if (strcmp(name, c->name) != 0 || d.pos != c->pos ||
            d.rest_pos != c->rest_pos || number != c->number) {
            print_error("<%s>: %s at %lld, rest %lld, number %llu\n", c->bytes,
                        name, (long long)d.pos, (long long)d.rest_pos,
                        (unsigned long long)number);
            fail();
        }
        assert_true(d.is_certain);
    }
}

static void
diagnose__byte_order_mark__is_no_part_of_the_record(void **state)
{
    static const char spliced[] = "\xef\xbb\xbf{\"a\":\"hel{\"a\":1}";
    static const char glued[] = "\xef\xbb\xbf{\"a\":1}{\"a\":2} and so on";
    static const char torn[] = "\xef\xbb\xbf{\"a\":{\"a\":1}";
    const struct {
        const char *bytes;
        size_t len;
        enum seglog_json_damage kind;
        uint64_t pos;
    } lines[] = {
        { spliced, sizeof spliced - 1, SEGLOG_JSON_SPLICE, 12 },
        { glued, sizeof glued - 1, SEGLOG_JSON_GLUED_VALUES, 10 },
        { torn, sizeof torn - 1, SEGLOG_JSON_SPLICE, 8 },
        { "\xef\xbb{}", 4, SEGLOG_JSON_NOT_JSON, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        const uint8_t *bytes = (const uint8_t *)lines[i].bytes;
        struct seglog_json_broken line = { .bytes = bytes,
                                           .len = lines[i].len,
                                           .line_len = lines[i].len,
                                           .has_lf = true };
        struct seglog_json_diagnosis d;

        line.fault =
            seglog_json_line_check(bytes, line.len, true, &line.fault_pos);
        seglog_json_diagnose(&line, &d);
        assert_int_equal(d.kind, lines[i].kind);
        assert_int_equal(d.pos, lines[i].pos);
    }
}

static void
diagnose__zero_bytes_not_counted_by_the_lexer__are_counted_here(void **state)
{
    static const uint8_t line[] = "{\"a\":\0\0\0}";
    struct seglog_json_broken broken = broken_line(line, 9, 9, true);
    struct seglog_json_diagnosis d;

    (void)state;
    broken.nul_count = 0;
    seglog_json_diagnose(&broken, &d);
    assert_int_equal(d.kind, SEGLOG_JSON_NUL_RUN);
    assert_int_equal(d.nul_count, 3);
}

static const char record[] = "{\"type\":\"user\",\"n\":-12.5e3,\"ok\":true,"
                             "\"none\":null,\"o\":{\"x\":[{}"
                             ",{\"y\":\"\\u00e9\\n\xe2\x82\xac \\\\ "
                             "\\\"{}\\\"\"},[]]},\"end\":\"done\"}";
static const char next_record[] =
    "{\"type\":\"tool\",\"input\":{\"cmd\":\"ls {a,b}\",\"n\":[1,{}]}}";

enum {
    RECORD = sizeof record - 1,
    NEXT = sizeof next_record - 1
};

/* Every cut but the one behind the whole record, which glues two values. */
static void
diagnose__record_cut_anywhere_and_glued__is_a_splice_there(void **state)
{
    uint8_t line[RECORD + NEXT];

    (void)state;
    memcpy(line, record, RECORD);
    for (size_t cut = 2; cut <= RECORD; cut++) {
        memcpy(line + cut, next_record, NEXT);
        const struct seglog_json_diagnosis d = diagnose(line, cut + NEXT, true);

        assert_string_equal(seglog_json_damage_name(d.kind),
                            cut < RECORD ? "splice" : "glued");
        assert_int_equal(d.pos, cut);
        assert_int_equal(d.rest_pos, cut);
        memcpy(line, record, RECORD);
    }
}

static void
diagnose__record_cut_anywhere__is_torn_at_its_end(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < RECORD; cut++) {
        const struct seglog_json_diagnosis d = diagnose(record, cut, cut & 1);

        assert_string_equal(seglog_json_damage_name(d.kind), "torn");
        assert_int_equal(d.pos, cut);
    }
}

static void
diagnose__last_bytes_only__finds_what_stands_in_them(void **state)
{
    static uint8_t line[1000];
    const size_t cut = sizeof line - NEXT;
    struct seglog_json_diagnosis d;
    struct seglog_json_broken broken;

    (void)state;
    /* A string cut by a whole record. */
    memset(line, 'x', sizeof line);
    memcpy(line, "{\"type\":\"", 9);
    memcpy(line + cut, next_record, NEXT);
    for (size_t len = NEXT; len <= sizeof line; len++) {
        broken = broken_line(line, sizeof line, len, true);
        seglog_json_diagnose(&broken, &d);
        assert_int_equal(d.kind, SEGLOG_JSON_SPLICE);
        assert_int_equal(d.pos, cut);
        assert_int_equal(d.is_certain, len == sizeof line);
    }
    /* Less than the record: what is inside it must not be taken for it. */
    for (size_t len = 0; len < NEXT; len++) {
        broken = broken_line(line, sizeof line, len, true);
        seglog_json_diagnose(&broken, &d);
        assert_int_equal(d.kind, SEGLOG_JSON_NOT_JSON);
        assert_int_equal(d.rest_pos, NOWHERE);
    }
    /* Two whole values: the second is here or it is not. */
    memcpy(line + cut - 2, "\"}", 2);
    for (size_t len = 0; len <= sizeof line; len++) {
        broken = broken_line(line, sizeof line, len, true);
        seglog_json_diagnose(&broken, &d);
        assert_int_equal(d.kind, SEGLOG_JSON_GLUED_VALUES);
        assert_int_equal(d.pos, cut);
        assert_int_equal(d.is_certain, len >= NEXT);
        assert_int_equal(d.values, len >= NEXT ? 2 : 0);
        assert_int_equal(d.rest_pos, len >= NEXT ? cut : NOWHERE);
    }
}

static uint32_t
random_next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Try every brace. */
static uint64_t
find_rest_slowly(const uint8_t *bytes, size_t len, size_t from)
{
    for (size_t at = from; at < len; at++) {
        if (bytes[at] == '{' &&
            seglog_json_line_check(bytes + at, len - at, false, NULL) ==
                SEGLOG_JSON_OK)
            return at;
    }
    return NOWHERE;
}

/* Made of tokens that turn strings inside out and nest without end. */
static void
find_rest__random_tokens__agrees_with_trying_every_brace(void **state)
{
    static const char *const tokens[] = {
        "{\"", "\":", "{",    "}",       "\"",      ",\"", "[",
        "]",   "{}",  "\\\"", "\\",      "\":{\"",  "\"}", "}}",
        "1",   ":",   " ",    "{\"a\":", "\"a\":1", ",",
    };
    uint8_t line[256];
    uint32_t seed = 2463534242u;
    unsigned found = 0;

    (void)state;
    for (unsigned round = 0; round < 300000; round++) {
        const unsigned count = 2 + random_next(&seed) % 24;
        size_t len = 0;

        for (unsigned i = 0; i < count; i++) {
            const char *token = tokens[random_next(&seed) % 20];

            memcpy(line + len, token, strlen(token));
            len += strlen(token);
        }
        line[len++] = '}';
        const uint64_t want = find_rest_slowly(line, len, 1);

        assert_int_equal(seglog_json_find_rest(line, len, 1), want);
        found += want != NOWHERE;
    }
    /* The tokens are chosen so that this is not about nothing. */
    assert_true(found > 10000);
}

static void
find_rest__cut_records__agrees_with_trying_every_brace(void **state)
{
    uint8_t line[2 * RECORD + NEXT];
    uint32_t seed = 99;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        const size_t one = random_next(&seed) % (RECORD + 1);
        const size_t two = random_next(&seed) % (RECORD + 1);
        const size_t skip = random_next(&seed) % 4 ? 0 : one / 2;

        memcpy(line, record + skip, one - skip);
        memcpy(line + one - skip, record, two);
        memcpy(line + one - skip + two, next_record, NEXT);
        const size_t len = one - skip + two + NEXT;

        for (size_t from = 0; from < 3; from++)
            assert_int_equal(seglog_json_find_rest(line, len, from),
                             find_rest_slowly(line, len, from));
    }
}

static void
find_rest__nothing_to_find__is_nowhere(void **state)
{
    (void)state;
    assert_true(seglog_json_find_rest(NULL, 0, 0) == NOWHERE);
    assert_true(seglog_json_find_rest((const uint8_t *)" \r", 2, 0) == NOWHERE);
    assert_true(seglog_json_find_rest((const uint8_t *)"{}", 2, 1) == NOWHERE);
    assert_true(seglog_json_find_rest((const uint8_t *)"{}", 2, 2) == NOWHERE);
    assert_true(seglog_json_find_rest((const uint8_t *)"{}", 2, 9) == NOWHERE);
    assert_true(seglog_json_find_rest((const uint8_t *)"{} ", 3, 0) == 0);
}

/*
 * Trying every brace takes minutes on some of these.  Linear time is well
 * under a tenth of a second; the bound leaves room for sanitizers.
 */
static void
diagnose__hostile_megabytes__take_linear_time(void **state)
{
    static const char *const units[] = {
        "{",
        "}",
        "{}",
        "{\"",
        "{\"a\":",
        "{\"{",
        "\"{",
        "[{",
        "{\"a\":[",
        "{\"a\":1,",
        "{\"a\":{},\"b\":\"{",
        "1 ",
        "{} ",
        "{\"a\":\"x\\",
        "[",
        "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":",
        "\xe2\x82{",
        "{\"a\":{\"b\":{}},\"c\":",
    };
    static const char *const ends[] = { "}", "\"}", "{\"a\":1}", "{\"" };
    const size_t size = 1 << 20;
    uint8_t *line = malloc(size + 16);
    struct seglog_json_diagnosis d;

    (void)state;
    assert_non_null(line);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const size_t unit = strlen(units[i]);

        for (size_t at = 0; at < size; at += unit)
            memcpy(line + at, units[i], unit < size - at ? unit : size - at);
        for (size_t j = 0; j < 4; j++) {
            const size_t len = size + strlen(ends[j]);
            const clock_t begin = clock();

            memcpy(line + size, ends[j], strlen(ends[j]));
            const struct seglog_json_broken broken =
                broken_line(line, len, len, true);
            seglog_json_diagnose(&broken, &d);
            assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 2.0);
        }
    }
    free(line);
}

static void
diagnose__too_deep__is_named_so(void **state)
{
    uint8_t line[3 * SEGLOG_JSON_DEPTH_MAX];
    struct seglog_json_diagnosis d;

    (void)state;
    memset(line, '[', sizeof line);
    d = diagnose(line, sizeof line, true);
    assert_string_equal(seglog_json_damage_name(d.kind), "depth");
    assert_int_equal(d.pos, SEGLOG_JSON_DEPTH_MAX);
}

static void
name__every_kind__has_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SEGLOG_JSON_DAMAGE_COUNT; i++) {
        assert_non_null(seglog_json_damage_name((enum seglog_json_damage)i));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(
                seglog_json_damage_name((enum seglog_json_damage)i),
                seglog_json_damage_name((enum seglog_json_damage)j));
    }
    assert_string_equal(seglog_json_damage_name(
                            (enum seglog_json_damage)SEGLOG_JSON_DAMAGE_COUNT),
                        "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diagnose__each_line__is_named_and_placed),
        cmocka_unit_test(diagnose__byte_order_mark__is_no_part_of_the_record),
        cmocka_unit_test(
            diagnose__zero_bytes_not_counted_by_the_lexer__are_counted_here),
        cmocka_unit_test(
            diagnose__record_cut_anywhere_and_glued__is_a_splice_there),
        cmocka_unit_test(diagnose__record_cut_anywhere__is_torn_at_its_end),
        cmocka_unit_test(diagnose__last_bytes_only__finds_what_stands_in_them),
        cmocka_unit_test(
            find_rest__random_tokens__agrees_with_trying_every_brace),
        cmocka_unit_test(
            find_rest__cut_records__agrees_with_trying_every_brace),
        cmocka_unit_test(find_rest__nothing_to_find__is_nowhere),
        cmocka_unit_test(diagnose__hostile_megabytes__take_linear_time),
        cmocka_unit_test(diagnose__too_deep__is_named_so),
        cmocka_unit_test(name__every_kind__has_its_own),
    };

    return cmocka_run_group_tests_name("format/json_diagnose", tests, NULL,
                                       NULL);
}
