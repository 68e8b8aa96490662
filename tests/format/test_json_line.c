/* SPDX-License-Identifier: MIT */
/*
 * Goal    the lexer names the first fault of a line and its exact place, and
 *         neither the cut into pieces nor the machine changes the answer.
 * Method  a table of lines; every split of each of them; the portable string
 *         loops next to the SSE2 ones; generated nests and characters.
 */
#define _GNU_SOURCE
#include "tests/support/seglog_test.h"

#include <glob.h>
#include <stdio.h>

#include "seglog/json_line.h"

#include "format/json_state.h"
#include "tests/format/json_lines.h"
#include "tests/format/json_portable.h"

struct answer {
    enum seglog_json_fault fault;
    uint64_t pos;
};

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
        uint8_t *piece = exact_copy(c->bytes + from, ends[i] - from);

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
    for (size_t i = 0; i < line_case_count; i++) {
        uint8_t *bytes = exact_copy(line_cases[i].bytes, line_cases[i].len);
        struct answer a = { SEGLOG_JSON_OK, 0 };

        a.fault =
            seglog_json_line_check(bytes, line_cases[i].len, false, &a.pos);
        assert_answer(a, &line_cases[i], "check");
        free(bytes);
    }
}

static void
check__first_line__may_begin_with_a_byte_order_mark(void **state)
{
    (void)state;
    for (size_t i = 0; i < first_line_case_count; i++) {
        const struct line_case *c = &first_line_cases[i];

        for (size_t cut = 0; cut <= c->len; cut++)
            assert_answer(answer_in_pieces(c, true, cut, cut), c, "first");
    }
    for (size_t i = 0; i < line_case_count; i++) {
        if (memcmp(line_cases[i].bytes, "\xef", 1) != 0)
            assert_answer(answer_in_pieces(&line_cases[i], true, 0, 0),
                          &line_cases[i], "first");
    }
}

static void
feed__every_split__gives_the_same_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < line_case_count; i++) {
        const struct line_case *c = &line_cases[i];

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
    for (size_t i = 0; i < line_case_count; i++) {
        const struct line_case *c = &line_cases[i];
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
    for (size_t i = 0; i < line_case_count; i++) {
        const struct line_case *c = &line_cases[i];

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
    for (size_t i = 0; i < line_case_count; i++) {
        const struct line_case *c = &line_cases[i];
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
    for (size_t i = 0; i < line_case_count; i++) {
        const struct line_case *c = &line_cases[i];
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
    for (size_t i = 0; i < line_case_count; i++) {
        for (size_t pad = 0; pad <= 33; pad++) {
            struct answer fast = { SEGLOG_JSON_OK, 0 };
            struct answer slow = { SEGLOG_JSON_OK, 0 };
            const size_t len = 1 + pad + line_cases[i].len;

            assert_true(len <= sizeof line);
            line[0] = '"';
            memset(line + 1, 'x', pad);
            memcpy(line + 1 + pad, line_cases[i].bytes, line_cases[i].len);
            uint8_t *bytes = exact_copy(line, len);
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
    for (size_t i = 0; i < line_case_count; i++) {
        uint8_t *bytes = exact_copy(line_cases[i].bytes, line_cases[i].len);
        struct answer a = { SEGLOG_JSON_OK, 0 };

        a.fault = portable_check(bytes, line_cases[i].len, false, &a.pos);
        assert_answer(a, &line_cases[i], "portable");
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
