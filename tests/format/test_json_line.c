/* SPDX-License-Identifier: MIT */
/*
 * Goal    the lexer names the first fault of a line and its exact place, and
 *         neither the cut into pieces nor the machine changes the answer.
 * Method  a table of lines; every split of each of them; the portable string
 *         loops next to the SSE2 ones; generated nests and characters.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/json_line.h"

#include "format/json_state.h"

/* The same lexer once more, under other names and without SSE2. */
void
portable_init(struct seglog_json_line *s, bool is_first);
void
portable_feed(struct seglog_json_line *s, const uint8_t *bytes, size_t len);
enum seglog_json_fault
portable_finish(const struct seglog_json_line *s, uint64_t *fault_pos);
enum seglog_json_fault
portable_check(const uint8_t *bytes, size_t len, bool is_first,
               uint64_t *fault_pos);
bool
portable_wants_value(const struct seglog_json_line *s);
const char *
portable_text(enum seglog_json_fault fault);

#define SLG_JSON_PORTABLE         1
#define seglog_json_line_init     portable_init
#define seglog_json_line_feed     portable_feed
#define seglog_json_line_finish   portable_finish
#define seglog_json_line_check    portable_check
#define slg_json_line_wants_value portable_wants_value
#define seglog_json_fault_text    portable_text
#include "format/json_line.c"
#undef seglog_json_line_init
#undef seglog_json_line_feed
#undef seglog_json_line_finish
#undef seglog_json_line_check
#undef slg_json_line_wants_value
#undef seglog_json_fault_text

struct line_case {
    const char *bytes;
    size_t len;
    enum seglog_json_fault fault;
    uint64_t pos;
};

#define GOOD(text)                                                             \
    {                                                                          \
        text, sizeof text - 1, SEGLOG_JSON_OK, 0                               \
    }
#define BAD(text, fault, pos)                                                  \
    {                                                                          \
        text, sizeof text - 1, SEGLOG_JSON_##fault, pos                        \
    }
#define BYTES32 "0123456789abcdefghijklmnopqrstuv"

/* clang-format off */
static const struct line_case cases[] = {
    /* Lines without a value, and white space. */
    GOOD(""),
    GOOD(" "),
    GOOD("\r"),
    GOOD(" \t\r\n "),
    GOOD("{}\r"),
    GOOD("  [ ]  "),
    GOOD("\t{ \"a\" : [ 1 , 2 ] , \"b\" : { } }\t\r"),
    GOOD("\r\n{\"a\"\r\n:\r\n1}\r\n"),
    BAD("\f", UNEXPECTED_CHAR, 0),
    BAD("[\f]", UNEXPECTED_CHAR, 1),
    BAD("[1]\v", UNEXPECTED_CHAR, 3),
    BAD("\xc2\xa0[1]", UNEXPECTED_CHAR, 0),
    BAD("[\xe2\x81\xa0]", UNEXPECTED_CHAR, 1),
    BAD("\x1b[0m", UNEXPECTED_CHAR, 0),

    /* Words. */
    GOOD("true"),
    GOOD("false"),
    GOOD("null"),
    GOOD("[true,false,null]"),
    GOOD("{\"a\":true ,\"b\":null}"),
    BAD("t", UNEXPECTED_END, 1),
    BAD("tru", UNEXPECTED_END, 3),
    BAD("[fals", UNEXPECTED_END, 5),
    BAD("{\"a\":nul", UNEXPECTED_END, 8),
    BAD("trux", BAD_LITERAL, 3),
    BAD("[nul]", BAD_LITERAL, 4),
    BAD("[fAlse]", BAD_LITERAL, 2),
    BAD("True", BAD_LITERAL, 0),
    BAD("NULL", BAD_LITERAL, 0),
    BAD("[NaN]", BAD_LITERAL, 1),
    BAD("Infinity", BAD_LITERAL, 0),
    BAD("undefined", BAD_LITERAL, 0),
    BAD("[a", BAD_LITERAL, 1),
    BAD("[\"a\",e]", BAD_LITERAL, 5),
    BAD("{\"a\":E}", BAD_LITERAL, 5),
    BAD("panic: no such file", BAD_LITERAL, 0),
    BAD("truetrue", GLUED, 4),
    BAD("[truefalse]", MISSING_COMMA, 5),
    BAD("truex", UNEXPECTED_CHAR, 4),
    BAD("[nullx]", UNEXPECTED_CHAR, 5),

    /* Numbers. */
    GOOD("0"),
    GOOD("-0"),
    GOOD("1"),
    GOOD("-1"),
    GOOD("1234567890123456789012345678901234567890"),
    GOOD("0.5"),
    GOOD("61.600"),
    GOOD("-0.000005"),
    GOOD("1e9"),
    GOOD("1E9"),
    GOOD("1e+9"),
    GOOD("1E-9"),
    GOOD("0e0"),
    GOOD("-0.0e-0"),
    GOOD("1.688560107857E9"),
    GOOD("1e999999"),
    GOOD("[0,1,-2.5,3e4]"),
    GOOD("{\"a\":0}"),
    GOOD(" 12 "),
    BAD("-", UNEXPECTED_END, 1),
    BAD("1.", UNEXPECTED_END, 2),
    BAD("1e", UNEXPECTED_END, 2),
    BAD("1e+", UNEXPECTED_END, 3),
    BAD("[1", UNEXPECTED_END, 2),
    BAD("[1.5", UNEXPECTED_END, 4),
    BAD("01", BAD_NUMBER, 1),
    BAD("00", BAD_NUMBER, 1),
    BAD("-01", BAD_NUMBER, 2),
    BAD("[012]", BAD_NUMBER, 2),
    BAD("[-]", BAD_NUMBER, 2),
    BAD("- 1", BAD_NUMBER, 1),
    BAD("--1", BAD_NUMBER, 1),
    BAD("-a", BAD_NUMBER, 1),
    BAD("-Infinity", BAD_NUMBER, 1),
    BAD("-true", BAD_NUMBER, 1),
    BAD("+1", BAD_NUMBER, 0),
    BAD("[+1]", BAD_NUMBER, 1),
    BAD(".5", BAD_NUMBER, 0),
    BAD("-.5", BAD_NUMBER, 1),
    BAD("[1.]", BAD_NUMBER, 3),
    BAD("1.e1", BAD_NUMBER, 2),
    BAD("1.a", BAD_NUMBER, 2),
    BAD("1..2", BAD_NUMBER, 2),
    BAD("1.2.3", BAD_NUMBER, 3),
    BAD("1.-2", BAD_NUMBER, 2),
    BAD("1e.5", BAD_NUMBER, 2),
    BAD("1e1.5", BAD_NUMBER, 3),
    BAD("1ee1", BAD_NUMBER, 2),
    BAD("1e1e1", BAD_NUMBER, 3),
    BAD("1e+-1", BAD_NUMBER, 3),
    BAD("1e,", BAD_NUMBER, 2),
    BAD("[1e]", BAD_NUMBER, 3),
    BAD("[1e+]", BAD_NUMBER, 4),
    BAD("1+2", BAD_NUMBER, 1),
    BAD("1-2", BAD_NUMBER, 1),
    BAD("1.5-2", BAD_NUMBER, 3),
    BAD("1e5+2", BAD_NUMBER, 3),
    BAD("0-1", BAD_NUMBER, 1),
    BAD("0x1f", BAD_NUMBER, 1),
    BAD("1a", BAD_NUMBER, 1),
    BAD("1true", BAD_NUMBER, 1),
    BAD("2024-01-02 03:04:05 text", BAD_NUMBER, 4),
    BAD("1_000", UNEXPECTED_CHAR, 1),
    BAD("1/2", UNEXPECTED_CHAR, 1),
    BAD("\xef\xbc\x91", UNEXPECTED_CHAR, 0),
    BAD("[-\x80]", BAD_NUMBER, 2),
    BAD("12\x80", BAD_UTF8, 2),

    /* Strings and escapes. */
    GOOD("\"\""),
    GOOD("\"a\""),
    GOOD("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    GOOD("\"\\u0000\\u00fF\\uABCD\\uabcd\""),
    GOOD("\"\\ud83d\\ude00\""),
    GOOD("\"\\ud800\""),
    GOOD("\"\\udc00\\ud800x\""),
    GOOD("\"\\\\\""),
    GOOD("\"\x7f\""),
    GOOD("\"'//{}[]:,#\""),
    GOOD("{\"\":\"\"}"),
    GOOD("{\"a\\u0022b\":1}"),
    GOOD("\"" BYTES32 BYTES32 "\\n" BYTES32 "\""),
    BAD("\"", UNTERMINATED_STRING, 1),
    BAD("\"abc", UNTERMINATED_STRING, 4),
    BAD("\"" BYTES32, UNTERMINATED_STRING, 33),
    BAD("\"\\", UNTERMINATED_STRING, 2),
    BAD("\"\\\"", UNTERMINATED_STRING, 3),
    BAD("\"\\u", UNTERMINATED_STRING, 3),
    BAD("\"\\u00", UNTERMINATED_STRING, 5),
    BAD("\"\\u0041", UNTERMINATED_STRING, 7),
    BAD("{\"a", UNTERMINATED_STRING, 3),
    BAD("[\"a\",\"b", UNTERMINATED_STRING, 7),
    BAD("\"\\x41\"", BAD_ESCAPE, 2),
    BAD("\"\\a\"", BAD_ESCAPE, 2),
    BAD("\"\\'\"", BAD_ESCAPE, 2),
    BAD("\"\\0\"", BAD_ESCAPE, 2),
    BAD("\"\\U0041\"", BAD_ESCAPE, 2),
    BAD("\"\\ \"", BAD_ESCAPE, 2),
    BAD("\"\\\n\"", BAD_ESCAPE, 2),
    BAD("\"\\\xc3\xa9\"", BAD_ESCAPE, 2),
    BAD("\"\\\xff\"", BAD_ESCAPE, 2),
    BAD("\"\\ug000\"", BAD_ESCAPE, 3),
    BAD("\"\\u0g00\"", BAD_ESCAPE, 4),
    BAD("\"\\u00g0\"", BAD_ESCAPE, 5),
    BAD("\"\\u000g\"", BAD_ESCAPE, 6),
    BAD("\"\\u000\"", BAD_ESCAPE, 6),
    BAD("\"\\u\\u0041\"", BAD_ESCAPE, 3),
    BAD("\"\\u00@0\"", BAD_ESCAPE, 5),
    BAD("\"\\u00`0\"", BAD_ESCAPE, 5),
    BAD("\"\\u00:0\"", BAD_ESCAPE, 5),
    BAD("\"\x01\"", CONTROL_CHAR, 1),
    BAD("\"a\x1f\"", CONTROL_CHAR, 2),
    BAD("\"a\tb\"", CONTROL_CHAR, 2),
    BAD("\"a\nb\"", CONTROL_CHAR, 2),
    BAD("\"a\r", CONTROL_CHAR, 2),
    BAD("{\"a\tb\":1}", CONTROL_CHAR, 3),
    BAD("\"" BYTES32 "\x1b[0m\"", CONTROL_CHAR, 33),
    BAD("'a'", UNEXPECTED_CHAR, 0),
    BAD("[\\n]", UNEXPECTED_CHAR, 1),
    BAD("[\"a\"\\n]", UNEXPECTED_CHAR, 4),
    BAD("`a`", UNEXPECTED_CHAR, 0),

    /* UTF-8: what is well-formed is in table 3-7 of the Unicode Standard. */
    GOOD("\"\xc2\x80\xdf\xbf\""),
    GOOD("\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
    GOOD("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    GOOD("\"\xef\xbb\xbf\""),
    GOOD("\"\xe2\x80\xa8\xe2\x80\xa9\xef\xbf\xbd\""),
    GOOD("{\"\xd0\xba\":\"\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9 x\"}"),
    BAD("\"\x80\"", BAD_UTF8, 1),
    BAD("\"ab\xbf\"", BAD_UTF8, 3),
    BAD("\"\xc0\x80\"", BAD_UTF8, 1),
    BAD("\"\xc1\xbf\"", BAD_UTF8, 1),
    BAD("\"\xe0\x9f\xbf\"", BAD_UTF8, 1),
    BAD("\"\xf0\x8f\xbf\xbf\"", BAD_UTF8, 1),
    BAD("\"\xed\xa0\x80\"", BAD_UTF8, 1),
    BAD("\"\xed\xbf\xbf\"", BAD_UTF8, 1),
    BAD("\"\xed\xa0\xbd\xed\xb8\x80\"", BAD_UTF8, 1),
    BAD("\"\xf4\x90\x80\x80\"", BAD_UTF8, 1),
    BAD("\"\xf5\x80\x80\x80\"", BAD_UTF8, 1),
    BAD("\"\xfe\"", BAD_UTF8, 1),
    BAD("\"\xff\"", BAD_UTF8, 1),
    BAD("\"caf\xe9\"", BAD_UTF8, 4),
    BAD("\"caf\xe9 au lait\"", BAD_UTF8, 4),
    BAD("\"\xe2\x82\"", BAD_UTF8, 1),
    BAD("\"x\xe2\x28\xa1\"", BAD_UTF8, 2),
    BAD("\"\xf0\x9f\x98\"", BAD_UTF8, 1),
    BAD("\"\xf0\x9f\x98x\"", BAD_UTF8, 1),
    BAD("\"\xc3\xa9\xc3\"", BAD_UTF8, 3),
    BAD("\"\xc3\xc3\xa9\"", BAD_UTF8, 1),
    BAD("\"\xe2\x82\xac\x80\"", BAD_UTF8, 4),
    BAD("\"\xe2\x82\x0a\"", BAD_UTF8, 1),
    BAD("{\"\xe9\":1}", BAD_UTF8, 2),
    BAD("\"\xc3", UNTERMINATED_STRING, 2),
    BAD("\"\xe2\x82", UNTERMINATED_STRING, 3),
    BAD("\"\xf0\x9f\x98", UNTERMINATED_STRING, 4),
    BAD("\x80", BAD_UTF8, 0),
    BAD("[\xff]", BAD_UTF8, 1),
    BAD("[1\xff]", BAD_UTF8, 2),
    BAD("{\xff}", BAD_UTF8, 1),
    BAD("{\"a\"\xff:1}", BAD_UTF8, 4),
    BAD("\xc3\xa9", UNEXPECTED_CHAR, 0),
    BAD("{}\xe2\x82\xac", UNEXPECTED_CHAR, 2),
    BAD("\xff\xfe{\0}\0", BAD_UTF8, 0),

    /* A zero byte is a NUL fault wherever it stands. */
    BAD("\0", NUL, 0),
    BAD("\0\0\0\0", NUL, 0),
    BAD(" \0", NUL, 1),
    BAD("{\0}", NUL, 1),
    BAD("{}\0", NUL, 2),
    BAD("\"a\0b\"", NUL, 2),
    BAD("\"\\\0\"", NUL, 2),
    BAD("\"\\u00\0\0\"", NUL, 5),
    BAD("\"\xc3\0\"", NUL, 2),
    BAD("\"\xf0\x9f\x98\0", NUL, 4),
    BAD("tr\0e", NUL, 2),
    BAD("1\0", NUL, 1),
    BAD("-\0", NUL, 1),
    BAD("1.\0", NUL, 2),
    BAD("{\"a\"\0:1}", NUL, 4),
    BAD("{\"a\":\0}", NUL, 5),
    BAD("{\"a\":1,\0}", NUL, 7),
    BAD("\"" BYTES32 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\"", NUL, 33),
    BAD("[x\0]", BAD_LITERAL, 1),

    /* Objects. */
    GOOD("{}"),
    GOOD("{\"a\":1}"),
    GOOD("{\"a\":{\"b\":{}},\"c\":[]}"),
    GOOD("{\"a\":1,\"a\":2,\"a\":3}"),
    BAD("{", UNEXPECTED_END, 1),
    BAD("{ ", UNEXPECTED_END, 2),
    BAD("{\"a\"", UNEXPECTED_END, 4),
    BAD("{\"a\":", UNEXPECTED_END, 5),
    BAD("{\"a\":1", UNEXPECTED_END, 6),
    BAD("{\"a\":1,", UNEXPECTED_END, 7),
    BAD("{\"a\":{}", UNEXPECTED_END, 7),
    BAD("{,}", UNEXPECTED_CHAR, 1),
    BAD("{:1}", UNEXPECTED_CHAR, 1),
    BAD("{a:1}", BAD_KEY, 1),
    BAD("{e:1}", BAD_KEY, 1),
    BAD("{1:1}", BAD_KEY, 1),
    BAD("{0:1}", BAD_KEY, 1),
    BAD("{-1:1}", BAD_KEY, 1),
    BAD("{null:1}", BAD_KEY, 1),
    BAD("{[]:1}", BAD_KEY, 1),
    BAD("{{}:1}", BAD_KEY, 1),
    BAD("{\"a\":1,b:2}", BAD_KEY, 7),
    BAD("{\"a\":1,{", BAD_KEY, 7),
    BAD("{'a':1}", UNEXPECTED_CHAR, 1),
    BAD("{\"a\"}", MISSING_COLON, 4),
    BAD("{\"a\",1}", MISSING_COLON, 4),
    BAD("{\"a\" 1}", MISSING_COLON, 5),
    BAD("{\"a\"\"b\"}", MISSING_COLON, 4),
    BAD("{\"a\"]", MISSING_COLON, 4),
    BAD("{\"a\"{}}", MISSING_COLON, 4),
    BAD("{\"a\"null}", MISSING_COLON, 4),
    BAD("{\"a\"=1}", UNEXPECTED_CHAR, 4),
    BAD("{\"a\"x:1}", UNEXPECTED_CHAR, 4),
    BAD("{\"a\"::1}", UNEXPECTED_CHAR, 5),
    BAD("{\"a\":}", UNEXPECTED_CHAR, 5),
    BAD("{\"a\":,\"b\":1}", UNEXPECTED_CHAR, 5),
    BAD("{\"a\":]", UNEXPECTED_CHAR, 5),
    BAD("{\"a\":1:2}", UNEXPECTED_CHAR, 6),
    BAD("{\"a\":1 \"b\":2}", MISSING_COMMA, 7),
    BAD("{\"a\":\"b\"\"c\":2}", MISSING_COMMA, 8),
    BAD("{\"a\":[]{}}", MISSING_COMMA, 7),
    BAD("{\"a\":1,}", TRAILING_COMMA, 7),
    BAD("{\"a\":1, }", TRAILING_COMMA, 8),
    BAD("{\"a\":1,,\"b\":2}", UNEXPECTED_CHAR, 7),
    BAD("{\"a\":1,]", BAD_BRACKET, 7),
    BAD("{]", BAD_BRACKET, 1),
    BAD("{\"a\":1]", BAD_BRACKET, 6),
    BAD("{\"a\":[1}}", BAD_BRACKET, 7),
    BAD("{\"a\":1/*x*/}", UNEXPECTED_CHAR, 6),
    BAD("{\"a\":1}//x", UNEXPECTED_CHAR, 7),
    BAD("#{\"a\":1}", UNEXPECTED_CHAR, 0),
    BAD("{\"Event\":\"x\",_\"Info\":{}}", UNEXPECTED_CHAR, 13),

    /* Arrays. */
    GOOD("[]"),
    GOOD("[[],[[]],{}]"),
    GOOD("[1,\"a\",null,{\"b\":[2]}]"),
    BAD("[", UNEXPECTED_END, 1),
    BAD("[1,", UNEXPECTED_END, 3),
    BAD("[[]", UNEXPECTED_END, 3),
    BAD("[,1]", UNEXPECTED_CHAR, 1),
    BAD("[,]", UNEXPECTED_CHAR, 1),
    BAD("[1,,2]", UNEXPECTED_CHAR, 3),
    BAD("[1,]", TRAILING_COMMA, 3),
    BAD("[1 ,\t]", TRAILING_COMMA, 5),
    BAD("[1 2]", MISSING_COMMA, 3),
    BAD("[1\"a\"]", MISSING_COMMA, 2),
    BAD("[\"a\" \"b\"]", MISSING_COMMA, 5),
    BAD("[[][]]", MISSING_COMMA, 3),
    BAD("[{}{}]", MISSING_COMMA, 3),
    BAD("[\"a\":1]", UNEXPECTED_CHAR, 4),
    BAD("[1:2]", UNEXPECTED_CHAR, 2),
    BAD("[}", BAD_BRACKET, 1),
    BAD("[1}", BAD_BRACKET, 2),
    BAD("[1,}", BAD_BRACKET, 3),
    BAD("[{\"a\":1]", BAD_BRACKET, 7),
    BAD("]", UNEXPECTED_CHAR, 0),
    BAD("}", UNEXPECTED_CHAR, 0),
    BAD(",", UNEXPECTED_CHAR, 0),
    BAD(":", UNEXPECTED_CHAR, 0),
    BAD("[]]", UNEXPECTED_CHAR, 2),
    BAD("{}}", UNEXPECTED_CHAR, 2),
    BAD("1,", UNEXPECTED_CHAR, 1),
    BAD("1]", UNEXPECTED_CHAR, 1),
    BAD("\"a\",\"b\"", UNEXPECTED_CHAR, 3),
    BAD("{},{}", UNEXPECTED_CHAR, 2),
    BAD("\"a\":1", UNEXPECTED_CHAR, 3),
    BAD("*", UNEXPECTED_CHAR, 0),
    BAD("<html>", UNEXPECTED_CHAR, 0),
    BAD("{} x", UNEXPECTED_CHAR, 3),

    /* Two values. */
    BAD("{}{}", GLUED, 2),
    BAD("{\"a\":1}{\"b\":2}", GLUED, 7),
    BAD("{\"a\":1} {\"b\":2}", GLUED, 8),
    BAD("{\"a\":1}{\"b\":", GLUED, 7),
    BAD("{}[]", GLUED, 2),
    BAD("[] \"a\"", GLUED, 3),
    BAD("1 2", GLUED, 2),
    BAD("1 -2", GLUED, 2),
    BAD("0 0", GLUED, 2),
    BAD("1\"a\"", GLUED, 1),
    BAD("1[2]", GLUED, 1),
    BAD("\"a\"\"b\"", GLUED, 3),
    BAD("\"a\"1", GLUED, 3),
    BAD("null null", GLUED, 5),
    BAD("{}true", GLUED, 2),
    BAD("[]\r{}", GLUED, 3),

    /* Cuts and splices, as the lexer sees them. */
    BAD("{\"a\":\"hel{\"a\":1}", UNEXPECTED_CHAR, 11),
    BAD("{\"a\":12{\"a\":1}", MISSING_COMMA, 7),
    BAD("{\"a\":tr{\"a\":1}", BAD_LITERAL, 7),
    BAD("{\"a\":\"x\\{\"a\":1}", BAD_ESCAPE, 8),
    BAD("{\"a\":\"\xe2\x82{\"a\":1}", BAD_UTF8, 6),
    BAD("{\"a\":{\"a\":1}", UNEXPECTED_END, 12),
    BAD("{\"a\":1,{\"a\":1}", BAD_KEY, 7),
};

/* A byte order mark is white space at the start of a file, and only there. */
static const struct line_case first_cases[] = {
    GOOD(""),
    GOOD("\xef\xbb\xbf"),
    GOOD("\xef\xbb\xbf{}"),
    GOOD("\xef\xbb\xbf \r"),
    GOOD("{\"a\":1}"),
    BAD("\xef", UNEXPECTED_END, 1),
    BAD("\xef\xbb", UNEXPECTED_END, 2),
    BAD("\xef{", UNEXPECTED_CHAR, 0),
    BAD("\xef\xbb{", UNEXPECTED_CHAR, 0),
    BAD("\xef\xbb\0", NUL, 2),
    BAD("\xef\xbb\xbf\xef\xbb\xbf{}", UNEXPECTED_CHAR, 3),
    BAD(" \xef\xbb\xbf{}", UNEXPECTED_CHAR, 1),
    BAD("\xef\xbb\xbf{\"a\":1", UNEXPECTED_END, 9),
    BAD("\xef\xbb\xbf{}{}", GLUED, 5),
    BAD("\xfe\xff", BAD_UTF8, 0),
    BAD("x", BAD_LITERAL, 0),
};
/* clang-format on */

enum {
    CASES = sizeof cases / sizeof cases[0]
};
enum {
    FIRST_CASES = sizeof first_cases / sizeof first_cases[0]
};

struct answer {
    enum seglog_json_fault fault;
    uint64_t pos;
};

/* A heap block of exactly this size, so that a sanitizer sees an overread. */
static uint8_t *
exact_bytes(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

static void
assert_answer(struct answer got, const struct line_case *want, const char *how)
{
    if (got.fault == want->fault && (!got.fault || got.pos == want->pos))
        return;
    print_error("%s of <%s>: %s at %u, want %s at %u\n", how, want->bytes,
                seglog_json_fault_text(got.fault), (unsigned)got.pos,
                seglog_json_fault_text(want->fault), (unsigned)want->pos);
    fail();
}

/* Feed bytes cut at the given places; each piece in a block of its size. */
static struct answer
answer_in_pieces(const struct line_case *c, bool is_first, size_t cut,
                 size_t again)
{
    const size_t ends[3] = { cut, again, c->len };
    struct seglog_json_line s;
    struct answer a = { SEGLOG_JSON_OK, 0 };
    size_t from = 0;

    seglog_json_line_init(&s, is_first);
    for (size_t i = 0; i < 3; i++) {
        uint8_t *piece = exact_bytes(c->bytes + from, ends[i] - from);

        seglog_json_line_feed(&s, piece, ends[i] - from);
        free(piece);
        from = ends[i];
    }
    a.fault = seglog_json_line_finish(&s, &a.pos);
    return a;
}

static void
check__each_line__gives_its_fault_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        uint8_t *bytes = exact_bytes(cases[i].bytes, cases[i].len);
        struct answer a = { SEGLOG_JSON_OK, 0 };

        a.fault = seglog_json_line_check(bytes, cases[i].len, false, &a.pos);
        assert_answer(a, &cases[i], "check");
        free(bytes);
    }
}

static void
check__first_line__may_begin_with_a_byte_order_mark(void **state)
{
    (void)state;
    for (size_t i = 0; i < FIRST_CASES; i++) {
        const struct line_case *c = &first_cases[i];

        for (size_t cut = 0; cut <= c->len; cut++)
            assert_answer(answer_in_pieces(c, true, cut, cut), c, "first");
    }
    for (size_t i = 0; i < CASES; i++) {
        if (memcmp(cases[i].bytes, "\xef", 1) != 0)
            assert_answer(answer_in_pieces(&cases[i], true, 0, 0), &cases[i],
                          "first");
    }
}

static void
feed__every_split__gives_the_same_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct line_case *c = &cases[i];

        for (size_t cut = 0; cut <= c->len; cut++) {
            for (size_t again = cut; again <= c->len; again++)
                assert_answer(answer_in_pieces(c, false, cut, again), c,
                              "split");
        }
    }
}

static void
feed__byte_by_byte__gives_the_same_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct line_case *c = &cases[i];
        struct seglog_json_line s;
        struct answer a = { SEGLOG_JSON_OK, 0 };

        seglog_json_line_init(&s, false);
        for (size_t at = 0; at < c->len; at++)
            seglog_json_line_feed(&s, (const uint8_t *)c->bytes + at, 1);
        seglog_json_line_feed(&s, NULL, 0);
        a.fault = seglog_json_line_finish(&s, &a.pos);
        assert_answer(a, c, "bytes");
        /* Asking changes nothing. */
        assert_int_equal(seglog_json_line_finish(&s, NULL), a.fault);
    }
}

static void
check__every_prefix_of_a_valid_line__is_torn_at_most(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct line_case *c = &cases[i];

        for (size_t len = 0; c->fault == SEGLOG_JSON_OK && len < c->len;
             len++) {
            uint64_t pos = len;
            const enum seglog_json_fault fault = seglog_json_line_check(
                (const uint8_t *)c->bytes, len, false, &pos);

            assert_true(fault == SEGLOG_JSON_OK ||
                        fault == SEGLOG_JSON_UNEXPECTED_END ||
                        fault == SEGLOG_JSON_UNTERMINATED_STRING);
            assert_int_equal(pos, len);
        }
    }
}

/* The bytes before a fault are harmless, whatever follows them. */
static void
check__every_prefix_before_the_fault__is_torn_at_most(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct line_case *c = &cases[i];
        uint64_t pos = c->pos;
        const enum seglog_json_fault fault = seglog_json_line_check(
            (const uint8_t *)c->bytes, c->pos, false, &pos);

        assert_true(fault == SEGLOG_JSON_OK ||
                    fault == SEGLOG_JSON_UNEXPECTED_END ||
                    fault == SEGLOG_JSON_UNTERMINATED_STRING);
        assert_int_equal(pos, c->pos);
    }
}

static void
feed__after_the_fault__changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct line_case *c = &cases[i];
        struct seglog_json_line s;
        struct answer a = { SEGLOG_JSON_OK, 0 };

        if (c->fault == SEGLOG_JSON_OK ||
            c->fault == SEGLOG_JSON_UNEXPECTED_END ||
            c->fault == SEGLOG_JSON_UNTERMINATED_STRING)
            continue;
        seglog_json_line_init(&s, false);
        seglog_json_line_feed(&s, (const uint8_t *)c->bytes, c->len);
        seglog_json_line_feed(&s, (const uint8_t *)"{\"\0\xff", 4);
        a.fault = seglog_json_line_finish(&s, &a.pos);
        assert_answer(a, c, "more");
    }
}

/* Plain bytes in front move every interesting byte through a 16-byte block. */
static void
portable__any_alignment__agrees_with_sse2(void **state)
{
    uint8_t line[512];

    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        for (size_t pad = 0; pad <= 33; pad++) {
            struct answer fast = { SEGLOG_JSON_OK, 0 };
            struct answer slow = { SEGLOG_JSON_OK, 0 };
            const size_t len = 1 + pad + cases[i].len;

            assert_true(len <= sizeof line);
            line[0] = '"';
            memset(line + 1, 'x', pad);
            memcpy(line + 1 + pad, cases[i].bytes, cases[i].len);
            uint8_t *bytes = exact_bytes(line, len);
            fast.fault = seglog_json_line_check(bytes, len, false, &fast.pos);
            slow.fault = portable_check(bytes, len, false, &slow.pos);
            assert_int_equal(fast.fault, slow.fault);
            assert_int_equal(fast.pos, slow.pos);
            free(bytes);
        }
    }
}

static void
portable__each_line__gives_its_fault_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        uint8_t *bytes = exact_bytes(cases[i].bytes, cases[i].len);
        struct answer a = { SEGLOG_JSON_OK, 0 };

        a.fault = portable_check(bytes, cases[i].len, false, &a.pos);
        assert_answer(a, &cases[i], "portable");
        free(bytes);
    }
}

/* Which byte may stand alone in a string, at every place of a block. */
static void
string__each_byte_value__is_plain_or_not(void **state)
{
    uint8_t line[64];

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 1; at < 40; at++) {
            uint64_t pos = 0;
            enum seglog_json_fault want = SEGLOG_JSON_OK;

            memset(line, 'x', sizeof line);
            line[0] = line[41] = '"';
            line[at] = (uint8_t)byte;
            if (byte == 0)
                want = SEGLOG_JSON_NUL;
            else if (byte < 0x20)
                want = SEGLOG_JSON_CONTROL_CHAR;
            else if (byte == '"')
                want = SEGLOG_JSON_UNEXPECTED_CHAR;
            else if (byte == '\\')
                want = SEGLOG_JSON_BAD_ESCAPE;
            else if (byte >= 0x80)
                want = SEGLOG_JSON_BAD_UTF8;
            const uint64_t want_pos =
                at + (byte == '"' || byte == '\\' ? 1 : 0);

            assert_int_equal(seglog_json_line_check(line, 42, false, &pos),
                             want);
            if (want)
                assert_int_equal(pos, want_pos);
            assert_int_equal(portable_check(line, 42, false, &pos), want);
            if (want)
                assert_int_equal(pos, want_pos);
        }
    }
}

static void
escape__each_byte_value__is_one_of_nine(void **state)
{
    (void)state;
    for (unsigned byte = 1; byte < 256; byte++) {
        uint8_t line[9] = "\"\\?0041\"";
        uint64_t pos = 0;
        const bool is_good = strchr("\"\\/bfnrtu", (int)byte) != NULL;
        const enum seglog_json_fault want =
            is_good ? SEGLOG_JSON_OK : SEGLOG_JSON_BAD_ESCAPE;

        line[2] = (uint8_t)byte;
        assert_int_equal(seglog_json_line_check(line, 8, false, &pos), want);
        assert_int_equal(pos, is_good ? 0 : 2);
    }
}

/* By decoding, not by table: the lexer is built on the table. */
static bool
character_is_good(const uint8_t *p, size_t len)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    const uint8_t lead = p[0];
    const size_t want = lead >= 0xf8   ? 0
                        : lead >= 0xf0 ? 4
                        : lead >= 0xe0 ? 3
                        : lead >= 0xc0 ? 2
                                       : 0;
    uint32_t code = want ? lead & (0x7fu >> want) : 0;

    if (want != len)
        return false;
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return false;
        code = code << 6 | (p[i] & 0x3fu);
    }
    return code >= least[want] && code <= 0x10ffff &&
           (code < 0xd800 || code > 0xdfff);
}

static void
utf8__all_characters_and_their_neighbours__as_by_decoding(void **state)
{
    static const uint8_t tails[] = { 0x01, 0x21, 0x7f, 0x80, 0x8f, 0x90,
                                     0x9f, 0xa0, 0xbf, 0xc0, 0xff };
    /* Room behind the character sends it through the fast way, too. */
    uint8_t line[12];

    (void)state;
    for (unsigned two = 0x8000; two < 0x10000; two++) {
        for (size_t i = 0; i < sizeof tails * sizeof tails; i++) {
            const uint8_t c[4] = { (uint8_t)(two >> 8), (uint8_t)two,
                                   tails[i / sizeof tails],
                                   tails[i % sizeof tails] };
            const size_t len = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
            /* A tail that is not used is tried once. */
            if ((len < 4 && i % sizeof tails) || (len < 3 && i))
                continue;
            if (c[1] == '"' || c[1] == 0)
                continue;
            const enum seglog_json_fault want = character_is_good(c, len)
                                                    ? SEGLOG_JSON_OK
                                                    : SEGLOG_JSON_BAD_UTF8;

            line[0] = '"';
            memcpy(line + 1, c, len);
            memcpy(line + 1 + len, "\"     ", 6);
            for (size_t more = 0; more <= 5; more += 5) {
                uint64_t pos = 1;

                assert_int_equal(
                    seglog_json_line_check(line, len + 2 + more, false, &pos),
                    want);
                assert_int_equal(pos, 1);
            }
        }
    }
}

static void
depth__at_the_limit__is_fine_and_one_more_is_not(void **state)
{
    uint8_t line[2 * SEGLOG_JSON_DEPTH_MAX + 3];
    uint64_t pos = 0;
    const size_t max = SEGLOG_JSON_DEPTH_MAX;

    (void)state;
    memset(line, '[', max);
    memset(line + max, ']', max);
    assert_int_equal(seglog_json_line_check(line, 2 * max, false, &pos),
                     SEGLOG_JSON_OK);
    assert_int_equal(seglog_json_line_check(line, 2 * max - 1, false, &pos),
                     SEGLOG_JSON_UNEXPECTED_END);
    assert_int_equal(pos, 2 * max - 1);
    line[2 * max] = ']';
    assert_int_equal(seglog_json_line_check(line, 2 * max + 1, false, &pos),
                     SEGLOG_JSON_UNEXPECTED_CHAR);
    assert_int_equal(pos, 2 * max);

    memset(line, '[', max + 1);
    memset(line + max + 1, ']', max + 1);
    assert_int_equal(seglog_json_line_check(line, 2 * max + 2, false, &pos),
                     SEGLOG_JSON_TOO_DEEP);
    assert_int_equal(pos, max);
    line[max] = '{';
    assert_int_equal(seglog_json_line_check(line, 2 * max + 2, false, &pos),
                     SEGLOG_JSON_TOO_DEEP);
    /* Depth that was given back can be used again. */
    memset(line, '[', max);
    memcpy(line + max - 1, "[],[]", 5);
    memset(line + max + 4, ']', max - 1);
    assert_int_equal(seglog_json_line_check(line, 2 * max + 3, false, &pos),
                     SEGLOG_JSON_OK);
}

static uint32_t
random_next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Open max brackets of random kinds, then close them: "[" or {"a": each. */
static size_t
nest_write(uint8_t *line, uint8_t *closers, size_t depth, uint32_t *seed)
{
    size_t len = 0;

    for (size_t i = 0; i < depth; i++) {
        const bool is_object = random_next(seed) & 1;

        memcpy(line + len, is_object ? "{\"a\":" : "[", is_object ? 5 : 1);
        len += is_object ? 5 : 1;
        closers[i] = is_object ? '}' : ']';
    }
    line[len++] = '0';
    for (size_t i = depth; i > 0; i--)
        line[len++] = closers[i - 1];
    return len;
}

static void
nesting__random_kinds__are_remembered_at_every_level(void **state)
{
    static uint8_t line[6 * SEGLOG_JSON_DEPTH_MAX + 1];
    static uint8_t closers[SEGLOG_JSON_DEPTH_MAX];
    uint32_t seed = 12345;

    (void)state;
    for (size_t depth = 1; depth <= SEGLOG_JSON_DEPTH_MAX; depth += 31) {
        const size_t len = nest_write(line, closers, depth, &seed);
        uint64_t pos = 0;

        assert_int_equal(seglog_json_line_check(line, len, false, &pos),
                         SEGLOG_JSON_OK);
        for (size_t i = 0; i < depth; i++) {
            const size_t at = len - depth + i;

            line[at] ^= ']' ^ '}';
            assert_int_equal(seglog_json_line_check(line, len, false, &pos),
                             SEGLOG_JSON_BAD_BRACKET);
            assert_int_equal(pos, at);
            line[at] ^= ']' ^ '}';
        }
    }
}

static void
nul_run__in_pieces__is_counted_to_its_end(void **state)
{
    static uint8_t line[200];

    (void)state;
    for (size_t count = 1; count < 40; count++) {
        for (size_t cut = 0; cut <= 5 + count; cut++) {
            struct seglog_json_line s;

            memset(line, 0, sizeof line);
            memcpy(line, "{\"a\":", 5);
            memcpy(line + 5 + count, "{\"b\":0}\0\0", 9);
            seglog_json_line_init(&s, false);
            seglog_json_line_feed(&s, line, cut);
            seglog_json_line_feed(&s, line + cut, 5 + count - cut);
            seglog_json_line_feed(&s, line + 5 + count, 9);
            assert_int_equal(seglog_json_line_finish(&s, NULL),
                             SEGLOG_JSON_NUL);
            assert_int_equal(s.fault_pos, 5);
            assert_int_equal(s.nul_count, count);
        }
    }
}

/* Positions are 64-bit: feed the same piece until they pass 2^32. */
static void
feed__beyond_four_gigabytes__keeps_the_place(void **state)
{
    enum {
        PIECE = 1 << 26
    };
    uint8_t *piece = malloc(PIECE);
    struct seglog_json_line s;
    uint64_t pos = 0;

    (void)state;
    assert_non_null(piece);
    memset(piece, 'x', PIECE);
    seglog_json_line_init(&s, false);
    seglog_json_line_feed(&s, (const uint8_t *)"\"", 1);
    for (unsigned i = 0; i < 65; i++)
        seglog_json_line_feed(&s, piece, PIECE);
    seglog_json_line_feed(&s, (const uint8_t *)"\x1f", 1);
    free(piece);
    assert_int_equal(seglog_json_line_finish(&s, &pos),
                     SEGLOG_JSON_CONTROL_CHAR);
    assert_true(pos == 65 * (uint64_t)PIECE + 1);
}

static void
wants_value__only_where_one_may_begin_inside_a_container(void **state)
{
    static const struct {
        const char *text;
        bool wants;
    } places[] = {
        { "", false },       { "[", true },        { "[1,", true },
        { "[ ", true },      { "{", false },       { "{\"a\"", false },
        { "{\"a\":", true }, { "{\"a\": ", true }, { "{\"a\":1,", false },
        { "[1", false },     { "[\"", false },     { "[]", false },
        { "[}", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct seglog_json_line s;

        seglog_json_line_init(&s, false);
        seglog_json_line_feed(&s, (const uint8_t *)places[i].text,
                              strlen(places[i].text));
        assert_int_equal(slg_json_line_wants_value(&s), places[i].wants);
    }
}

static void
text__every_fault__has_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SEGLOG_JSON_FAULT_COUNT; i++) {
        assert_non_null(seglog_json_fault_text((enum seglog_json_fault)i));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(
                seglog_json_fault_text((enum seglog_json_fault)i),
                seglog_json_fault_text((enum seglog_json_fault)j));
    }
    assert_string_equal(
        seglog_json_fault_text((enum seglog_json_fault)SEGLOG_JSON_FAULT_COUNT),
        "unknown fault");
}

static unsigned
file_faults(const char *path)
{
    char *line = NULL;
    size_t cap = 0;
    unsigned faults = 0;
    ssize_t len;
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    while ((len = getline(&line, &cap, file)) > 0) {
        const size_t bare = (size_t)len - (line[len - 1] == '\n' ? 1 : 0);
        const uint8_t *bytes = (const uint8_t *)line;

        uint64_t pos = 0;
        uint64_t slow_pos = 0;
        const enum seglog_json_fault fault =
            seglog_json_line_check(bytes, bare, false, &pos);

        assert_int_equal(portable_check(bytes, bare, false, &slow_pos), fault);
        assert_int_equal(pos, slow_pos);
        faults += fault != SEGLOG_JSON_OK;
    }
    free(line);
    fclose(file);
    return faults;
}

/* Only the edge cases of the corpus hold lines that are not JSON: 12. */
static void
check__real_logs__are_valid(void **state)
{
    const char *root = getenv("SEGLOG_CORPUS");
    char pattern[4096];
    glob_t found;

    (void)state;
    if (!root)
        skip();
    snprintf(pattern, sizeof pattern, "%s/*/*.jsonl", root);
    if (glob(pattern, 0, NULL, &found) != 0)
        skip();
    unsigned edge_faults = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const unsigned faults = file_faults(found.gl_pathv[i]);

        if (strstr(found.gl_pathv[i], "/edge-cases/"))
            edge_faults += faults;
        else
            assert_int_equal(faults, 0);
    }
    assert_int_equal(edge_faults, 12);
    globfree(&found);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check__each_line__gives_its_fault_and_place),
        cmocka_unit_test(check__first_line__may_begin_with_a_byte_order_mark),
        cmocka_unit_test(feed__every_split__gives_the_same_answer),
        cmocka_unit_test(feed__byte_by_byte__gives_the_same_answer),
        cmocka_unit_test(check__every_prefix_of_a_valid_line__is_torn_at_most),
        cmocka_unit_test(check__every_prefix_before_the_fault__is_torn_at_most),
        cmocka_unit_test(feed__after_the_fault__changes_nothing),
        cmocka_unit_test(portable__any_alignment__agrees_with_sse2),
        cmocka_unit_test(portable__each_line__gives_its_fault_and_place),
        cmocka_unit_test(string__each_byte_value__is_plain_or_not),
        cmocka_unit_test(escape__each_byte_value__is_one_of_nine),
        cmocka_unit_test(
            utf8__all_characters_and_their_neighbours__as_by_decoding),
        cmocka_unit_test(depth__at_the_limit__is_fine_and_one_more_is_not),
        cmocka_unit_test(nesting__random_kinds__are_remembered_at_every_level),
        cmocka_unit_test(nul_run__in_pieces__is_counted_to_its_end),
        cmocka_unit_test(feed__beyond_four_gigabytes__keeps_the_place),
        cmocka_unit_test(
            wants_value__only_where_one_may_begin_inside_a_container),
        cmocka_unit_test(text__every_fault__has_its_own),
        cmocka_unit_test(check__real_logs__are_valid),
    };

    return cmocka_run_group_tests_name("format/json_line", tests, NULL, NULL);
}
