/* SPDX-License-Identifier: MIT */
/*
 * Goal    of a broken line every record that is whole is given, and nothing
 *         that is none; in time that grows with the length of the line.
 * Method  a table of lines; a generator that does to records what accidents do
 *         to files, with built-in records and with those of SEGLOG_CORPUS (a
 *         folder with .jsonl files), and knows what must be found; a megabyte
 *         of each kind of hostile line.
 */
#define _GNU_SOURCE
#include "tests/support/seglog_test.h"

#include <ftw.h>
#include <stdio.h>
#include <time.h>

#include "seglog/json_line.h"
#include "seglog/json_mend.h"

enum {
    VALUES_MAX = 16,
    LINES_MAX = 400,
    LINE_LEN_MAX = 20000
};

struct text {
    const char *p;
    size_t len;
};

/* What was given for one line, as the bytes that it stands for. */
struct catch
{
    const uint8_t *line;
    size_t len;
    struct seglog_json_whole values[VALUES_MAX];
    size_t count;
    size_t stop_after;
};

static bool
catch_value(void *arg, const struct seglog_json_whole *value)
{
    struct catch *c = arg;

    assert_true(value->len > 0);
    assert_true(value->pos <= c->len && value->len <= c->len - value->pos);
    if (value->more_len) {
        assert_true(value->more_pos >= value->pos + value->len);
        assert_true(value->more_len <= c->len - value->more_pos);
    }
    if (c->count < VALUES_MAX)
        c->values[c->count] = *value;
    c->count++;
    return c->stop_after == 0 || c->count < c->stop_after;
}

static void
catch_line(struct catch *c, const void *line, size_t len, bool has_lf,
           const struct seglog_json_heads *heads)
{
    const struct seglog_json_scrap scrap = { line, len, has_lf, heads };

    c->line = line;
    c->len = len;
    c->count = 0;

    const size_t given = seglog_json_mend(&scrap, catch_value, c);

    assert_int_equal(given, c->count);
}

static bool
value_is(const struct catch *c, size_t i, struct text want)
{
    const struct seglog_json_whole *v = &c->values[i];

    return v->len + v->more_len == want.len &&
           memcmp(c->line + v->pos, want.p, v->len) == 0 &&
           memcmp(c->line + v->more_pos, want.p + v->len, v->more_len) == 0;
}

/* -- a table --------------------------------------------------------------- */

struct mend_case {
    const char *line;
    size_t len;
    const char *want; /* the values, a bar behind each */
};

#define LINE(text) text, sizeof text - 1

/* clang-format off */
static const struct mend_case cases[] = {
    { LINE(""), "" },
    { LINE(" \r"), "" },
    { LINE("\0\0\0"), "" },
    { LINE("nothing"), "" },
    { LINE("12"), "" },
    { LINE("{\"a\":1}"), "{\"a\":1}|" },
    { LINE("[1]"), "[1]|" },
    { LINE("\xef\xbb\xbf{\"a\":1}{\"a\":2}"), "{\"a\":1}|{\"a\":2}|" },
    { LINE("\xef\xbb\xbf{\"a\":1},{\"b\":2}"), "{\"a\":1}|{\"b\":2}|" },
    { LINE("{}{}"), "{}|{}|" },

    /* a line feed that was lost */
    { LINE("{\"a\":1}{\"b\":2}"), "{\"a\":1}|{\"b\":2}|" },
    { LINE("{\"a\":1}\r{\"b\":2}\r"), "{\"a\":1}|{\"b\":2}|" },
    { LINE("{\"a\":1},{\"b\":2}"), "{\"a\":1}|{\"b\":2}|" },
    { LINE("{\"a\":1} , {\"b\":2} ,"), "{\"a\":1}|{\"b\":2}|" },
    { LINE("{\"a\":1}\0\0{\"b\":2}[3]"), "{\"a\":1}|{\"b\":2}|[3]|" },
    { LINE("{\"a\":1}{\"b\":2}{\"c\":"), "{\"a\":1}|{\"b\":2}|" },
    { LINE("{\"a\":1}{\"b\":2} and so on"), "{\"a\":1}|{\"b\":2}|" },
    { LINE("{\"a\":1}\"text\""), "{\"a\":1}|" },

    /* cut, with another one behind */
    { LINE("{\"a\":\"he{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\":\"he{ \"b\":1}"), "{ \"b\":1}|" },
    { LINE("{\"a\":\"he[{\"b\":1}]"), "[{\"b\":1}]|" },
    { LINE("{\"a\":\"he\\{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\":\"he\\u00{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\":\"he\xe2\x80{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\":12{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\":tr{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\":1,{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\"{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\":\"he{\"b\":\"x{\"c\":1}{\"d\":1}"), "{\"c\":1}|{\"d\":1}|" },
    { LINE("{\"a\":[{\"x\":1}{\"b\":1}"), "{\"b\":1}|" },

    /* behind a colon only the first key can tell */
    { LINE("{\"a\":{\"a\":1}"), "{\"a\":1}|" },
    { LINE("{\"a\":{\"b\":1}"), "" },
    { LINE("{\"a\":[{\"b\":1}"), "" },
    { LINE("{\"a\":[{\"b\":1},"), "" },

    /* written into another one */
    { LINE("{\"a\":\"he{\"a\":1}llo\"}"), "{\"a\":\"hello\"}|{\"a\":1}|" },
    { LINE("{\"a\":{\"a\":1}\"x\"}"), "{\"a\":\"x\"}|{\"a\":1}|" },
    { LINE("{\"a\":{\"a\":1}{\"b\":2}}"), "{\"a\":{\"b\":2}}|{\"a\":1}|" },
    { LINE("{\"a\":\"he{\"a\":1}llo\"}{\"a\":2}"),
      "{\"a\":\"hello\"}|{\"a\":1}|{\"a\":2}|" },
    { LINE("{\"a\":\"\xe2\x80{\"a\":1}\xa6\"}"),
      "{\"a\":\"\xe2\x80\xa6\"}|{\"a\":1}|" },

    /* zero bytes */
    { LINE("{\"a\":1}\0\0"), "{\"a\":1}|" },
    { LINE("\0\0{\"a\":1}"), "{\"a\":1}|" },
    { LINE("{\"a\":\"x\0\0{\"b\":1}"), "{\"b\":1}|" },
    { LINE("{\"a\":\"x\0\0y\",\"c\":{\"d\":1}}"), "" },
    { LINE("{\"a\":\"x\0\0{\"d\":1}}"), "" },
    { LINE("\0\0\"c\":{\"d\":1}}"), "" },
    { LINE("\0\0\"c\":{\"d\":1}}{\"a\":1}"), "{\"a\":1}|" },
    { LINE("{\"a\":\"x\0\0y\"}{\"a\":1}"), "{\"a\":1}|" },

    /* parts */
    { LINE("{\"d\":1},\"c\":2}"), "" },
    { LINE("{\"d\":1}]}"), "" },
    { LINE("{\"d\":1},{\"e\":2}]}"), "" },
    { LINE("{\"d\":1},{\"d\":2}]}"), "" },
    { LINE(",{\"a\":1}"), "" },
    { LINE("{\"x\":1},\"b\":2}{\"a\":1}"), "{\"a\":1}|" },
    { LINE("{\"a\":\"he{\"a\":1}llo\"} and"), "" },
    { LINE("{\"a\":\"a \"quoted {\"b\":1}\" word\"}"), "" },
    { LINE("{\"a\":\"a {\"b\":1}\"}"), "" },
    { LINE("12:00 INFO {\"a\":1}"), "" },
    { LINE("text {\"a\":{\"b\":1}} text"), "" },
};
/* clang-format on */

static void
mend__table__values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct mend_case *t = &cases[i];
        const char *want = t->want;
        uint8_t *line = exact_copy(t->line, t->len);
        struct catch c = { .count = 0 };
        size_t n = 0;

        catch_line(&c, line, t->len, true, NULL);
        for (; *want; n++) {
            const size_t len = strcspn(want, "|");

            if (n >= c.count || !value_is(&c, n, (struct text){ want, len }))
                fail_msg("case %zu, value %zu: %s", i, n, t->line);
            want += len + 1;
        }
        if (n != c.count)
            fail_msg("case %zu: %zu values: %s", i, c.count, t->line);
        free(line);
    }
}

static void
mend__heads__tell_records_from_parts(void **state)
{
    static const char line[] =
        "{\"kind\":\"a\",\"ts\":1,\"items\":[{\"kind\":\"x\",\"ts\":2}";
    static const char splice[] = "{\"kind\":\"a\",\"ts\":1,\"items\":[{"
                                 "\"kind\":\"x\",\"ts\":2,\"items\":3}";
    static const char good[] = "{\"kind\":\"y\",\"ts\":0,\"items\":[]}";
    static const char other[] =
        "{\"kind\":\"a\",\"ts\":1,\"v\":{\"time\":1,\"b\":2}";
    struct seglog_json_heads heads = { 0 };
    struct catch c = { .count = 0 };

    (void)state;
    seglog_json_heads_learn(&heads, (const uint8_t *)"[1]", 3);
    seglog_json_heads_learn(&heads, (const uint8_t *)"{}", 2);
    assert_int_equal(heads.count, 0);
    /* Without heads the end of the line makes it look like a record. */
    catch_line(&c, line, sizeof line - 1, true, NULL);
    assert_int_equal(c.count, 1);
    catch_line(&c, line, sizeof line - 1, false, NULL);
    assert_int_equal(c.count, 0);

    seglog_json_heads_learn(&heads, (const uint8_t *)good, sizeof good - 1);
    assert_int_equal(heads.count, 1);
    /* One line is not enough to say what is no record. */
    catch_line(&c, line, sizeof line - 1, true, &heads);
    assert_int_equal(c.count, 1);
    for (unsigned i = 1; i < SEGLOG_JSON_HEADS_ENOUGH; i++)
        seglog_json_heads_learn(&heads, (const uint8_t *)good, sizeof good - 1);
    assert_int_equal(heads.count, 1);
    catch_line(&c, line, sizeof line - 1, true, &heads);
    assert_int_equal(c.count, 0);
    catch_line(&c, splice, sizeof splice - 1, true, &heads);
    assert_int_equal(c.count, 1);
    catch_line(&c, splice, sizeof splice - 1, false, &heads);
    assert_int_equal(c.count, 0);
    catch_line(&c, other, sizeof other - 1, true, &heads);
    assert_int_equal(c.count, 0);
    seglog_json_heads_learn(&heads, (const uint8_t *)"{\"time\":1,\"b\":2}",
                            16);
    catch_line(&c, other, sizeof other - 1, true, &heads);
    assert_int_equal(c.count, 1);
}

static void
heads__more_than_room__unknown(void **state)
{
    struct seglog_json_heads heads = { 0 };
    struct catch c = { .count = 0 };
    char line[32];

    (void)state;
    for (unsigned i = 0; i <= SEGLOG_JSON_HEADS_MAX; i++) {
        assert_false(heads.is_over);
        snprintf(line, sizeof line, "{\"k%u\":1}", i);
        seglog_json_heads_learn(&heads, (const uint8_t *)line, strlen(line));
    }
    assert_true(heads.is_over);
    assert_int_equal(heads.count, SEGLOG_JSON_HEADS_MAX);
    catch_line(&c, LINE("{\"a\":{\"a\":1}"), true, &heads);
    assert_int_equal(c.count, 1);
}

static void
mend__callback_says_stop__stops(void **state)
{
    struct catch c = { .stop_after = 2 };

    (void)state;
    catch_line(&c, LINE("{}{}{}{}"), true, NULL);
    assert_int_equal(c.count, 2);
    c.stop_after = 1;
    catch_line(&c, LINE("{\"a\":\"he{\"a\":1}llo\"}"), true, NULL);
    assert_int_equal(c.count, 1);
}

/* -- the generator --------------------------------------------------------- */

enum family {
    GLUED,
    GLUED_THREE,
    CUT_THEN_WHOLE,
    WRITTEN_INTO,
    CUT_TWICE,
    NUL_AROUND,
    NUL_AT_START,
    NUL_AT_END,
    NUL_INSIDE,
    NUL_ACROSS,
    TORN,
    HEAD_LOST,
    HEAD_LOST_THEN_WHOLE,
    MIDDLE_LOST,
    ONE_BYTE,
    FAMILY_COUNT
};

static const char *const family_names[FAMILY_COUNT] = {
    "line feed lost",
    "two line feeds lost",
    "cut, then whole",
    "written into another",
    "cut, cut, then whole",
    "zeros around",
    "zeros at the start",
    "zeros at the end",
    "zeros inside",
    "zeros across two",
    "torn",
    "start lost",
    "start lost, then whole",
    "end and start lost",
    "one byte changed",
};

struct tally {
    unsigned long lines;
    unsigned long missed;
    unsigned long extra;
};

struct run {
    const struct seglog_json_heads *heads;
    struct tally tally[FAMILY_COUNT];
    uint64_t seed;
};

struct broken_line {
    uint8_t *p;
    size_t len;
    struct text want[3];
    size_t want_count;
};

static void
broken_add(struct broken_line *b, const char *p, size_t len)
{
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

static void
broken_add_nul(struct broken_line *b, size_t len)
{
    memset(b->p + b->len, 0, len);
    b->len += len;
}

static void
broken_want(struct broken_line *b, struct text t)
{
    b->want[b->want_count++] = t;
}

/* Compare what is given with what is whole, and count. */
static void
broken_run(struct run *run, enum family family, struct broken_line *b,
           bool has_lf)
{
    struct tally *tally = &run->tally[family];
    struct catch c = { .count = 0 };
    size_t found = 0;

    /* An accident may leave a line that is valid, and is left alone. */
    if (seglog_json_line_check(b->p, b->len, false, NULL) == SEGLOG_JSON_OK) {
        b->len = 0;
        b->want_count = 0;
        return;
    }
    catch_line(&c, b->p, b->len, has_lf, run->heads);
    for (size_t i = 0; i < b->want_count; i++) {
        for (size_t k = 0; k < c.count && k < VALUES_MAX; k++) {
            if (value_is(&c, k, b->want[i])) {
                found++;
                break;
            }
        }
    }
    tally->lines++;
    tally->missed += b->want_count - found;
    tally->extra += c.count - found;
    b->len = 0;
    b->want_count = 0;
}

static size_t
run_below(struct run *run, size_t limit)
{
    return (size_t)(test_random(&run->seed) % limit);
}

static void
run_cut(struct run *run, struct broken_line *b, struct text x, struct text y,
        size_t cut)
{
    broken_add(b, x.p, cut);
    broken_add(b, y.p, y.len);
    broken_want(b, y);
    broken_run(run, CUT_THEN_WHOLE, b, true);

    broken_add(b, x.p, cut);
    broken_add(b, y.p, y.len);
    broken_add(b, x.p + cut, x.len - cut);
    broken_want(b, x);
    broken_want(b, y);
    broken_run(run, WRITTEN_INTO, b, true);

    broken_add(b, x.p, cut);
    broken_run(run, TORN, b, true);
    broken_add(b, x.p, cut);
    broken_run(run, TORN, b, false);

    broken_add(b, x.p + cut, x.len - cut);
    broken_run(run, HEAD_LOST, b, true);
    broken_add(b, x.p + cut, x.len - cut);
    broken_add(b, y.p, y.len);
    broken_want(b, y);
    broken_run(run, HEAD_LOST_THEN_WHOLE, b, true);
}

static void
run_cut_more(struct run *run, struct broken_line *b, struct text x,
             struct text y, struct text z)
{
    const size_t cut = 1 + run_below(run, x.len - 1);
    const size_t cut_y = 1 + run_below(run, y.len - 1);

    broken_add(b, x.p, cut);
    broken_add(b, y.p, cut_y);
    broken_add(b, z.p, z.len);
    broken_want(b, z);
    broken_run(run, CUT_TWICE, b, true);

    broken_add(b, x.p, cut);
    broken_add(b, y.p + cut_y, y.len - cut_y);
    broken_run(run, MIDDLE_LOST, b, true);

    broken_add(b, x.p, x.len);
    b->p[cut] ^= (uint8_t)(1 + run_below(run, 255));
    broken_run(run, ONE_BYTE, b, true);
}

static void
run_nul(struct run *run, struct broken_line *b, struct text x, struct text y)
{
    const size_t from = run_below(run, x.len);
    const size_t len = 1 + run_below(run, x.len - from);
    const size_t many = 1 + run_below(run, 600);
    const size_t start = run_below(run, x.len + 1);
    const size_t end = run_below(run, y.len + 1);

    broken_add_nul(b, many);
    broken_add(b, x.p, x.len);
    broken_add_nul(b, many);
    broken_want(b, x);
    broken_run(run, NUL_AROUND, b, true);

    broken_add_nul(b, from + 1);
    broken_add(b, x.p + from + 1, x.len - from - 1);
    broken_run(run, NUL_AT_START, b, true);

    broken_add(b, x.p, from);
    broken_add_nul(b, many);
    broken_run(run, NUL_AT_END, b, true);

    broken_add(b, x.p, x.len);
    memset(b->p + from, 0, len);
    broken_run(run, NUL_INSIDE, b, true);

    /* The line feed between the two is overwritten, too. */
    broken_add(b, x.p, start);
    broken_add_nul(b, x.len - start + 1 + end);
    broken_add(b, y.p + end, y.len - end);
    if (start == x.len)
        broken_want(b, x);
    if (end == 0)
        broken_want(b, y);
    broken_run(run, NUL_ACROSS, b, true);
    broken_add(b, x.p, start);
    broken_add_nul(b, x.len - start + 1);
    broken_add(b, y.p, y.len);
    if (start == x.len)
        broken_want(b, x);
    broken_want(b, y);
    broken_run(run, NUL_ACROSS, b, true);
}

static void
run_glue(struct run *run, struct broken_line *b, struct text x, struct text y,
         struct text z)
{
    static const struct text between[] = { { "", 0 },     { " ", 1 },
                                           { ",", 1 },    { "\r", 1 },
                                           { "\0\0", 2 }, { " , ", 3 } };

    for (size_t i = 0; i < COUNT_OF(between); i++) {
        broken_add(b, x.p, x.len);
        broken_add(b, between[i].p, between[i].len);
        broken_add(b, y.p, y.len);
        broken_want(b, x);
        broken_want(b, y);
        broken_run(run, GLUED, b, true);
    }
    broken_add(b, x.p, x.len);
    broken_add(b, y.p, y.len);
    broken_add(b, z.p, z.len);
    broken_want(b, x);
    broken_want(b, y);
    broken_want(b, z);
    broken_run(run, GLUED_THREE, b, true);
}

/* All accidents to three records; those too long to hurry with get few. */
static void
run_records(struct run *run, struct text x, struct text y, struct text z,
            size_t cuts)
{
    struct broken_line b = { .p = malloc(x.len + y.len + z.len + 1300) };

    assert_non_null(b.p);
    run_glue(run, &b, x, y, z);
    if (cuts >= x.len - 1) {
        for (size_t cut = 1; cut < x.len; cut++)
            run_cut(run, &b, x, y, cut);
    } else {
        for (size_t i = 0; i < cuts; i++)
            run_cut(run, &b, x, y, 1 + run_below(run, x.len - 1));
    }
    for (size_t i = 0; i < cuts / 4 + 1; i++) {
        run_cut_more(run, &b, x, y, z);
        run_nul(run, &b, x, y);
    }
    free(b.p);
}

static void
run_print(const struct run *run, const char *title)
{
    print_message("%s\n", title);
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        const struct tally *t = &run->tally[i];

        print_message("  %-24s %8lu lines %6lu missed %6lu extra\n",
                      family_names[i], t->lines, t->missed, t->extra);
    }
}

/* clang-format off */
static const char *const records[] = {
    "{\"kind\":\"segment_start\",\"ts\":1,\"session_id\":\"0198\",\"system_prompt\":null,\"config\":{\"top_p\":null,\"stop_sequences\":[]},\"history\":[{\"kind\":\"message\",\"role\":\"user\",\"content\":[{\"kind\":\"text\",\"text\":\"seed\"}]},{\"kind\":\"message\",\"role\":\"assistant\",\"content\":[{\"kind\":\"text\",\"text\":\"ok\"}]}],\"forked_from\":{\"segment_id\":\"01\",\"at_turn_index\":1}}",
    "{\"kind\":\"user_input\",\"ts\":13,\"segments\":[{\"kind\":\"text\",\"content\":\"see \"},{\"kind\":\"unknown\"}],\"extensions\":[{\"domain\":\"flow\",\"payload\":{\"revision\":0}}]}",
    "{\"kind\":\"assistant_item\",\"ts\":22,\"item\":{\"kind\":\"tool_call\",\"arguments\":\"{\\\"city\\\":\\\"\xe6\x9d\xb1\xe4\xba\xac\\\"}\"}}",
    "{\"kind\":\"turn_end\",\"ts\":60,\"turn_count\":1}",
    "{\"kind\":\"config_changed\",\"ts\":64,\"config\":{\"a\":null,\"b\":[1,[2,[]],{}],\"c\":-1.5e3,\"d\":true}}",
    "{\"kind\":\"extension\",\"ts\":66,\"domain\":\"x\",\"payload\":\"a \\\\ b \\u00e9 {}[]\"}",
};
/* clang-format on */

static void
mend__accidents_to_records__found_and_nothing_else(void **state)
{
    struct seglog_json_heads heads = { 0 };
    struct run run = { .heads = &heads, .seed = 1 };

    (void)state;
    for (size_t i = 0;
         heads.lines < SEGLOG_JSON_HEADS_ENOUGH || i < COUNT_OF(records); i++) {
        const char *record = records[i % COUNT_OF(records)];

        seglog_json_heads_learn(&heads, (const uint8_t *)record,
                                strlen(record));
    }
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        for (size_t k = 0; k < COUNT_OF(records); k++) {
            const char *z = records[(i + k) % COUNT_OF(records)];

            run_records(&run, (struct text){ records[i], strlen(records[i]) },
                        (struct text){ records[k], strlen(records[k]) },
                        (struct text){ z, strlen(z) }, 1000);
        }
    }
    run_print(&run, "built-in records");
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        const bool makes_new_ones = i == MIDDLE_LOST || i == ONE_BYTE;
        const unsigned long extra = run.tally[i].extra;

        assert_int_equal(run.tally[i].missed, 0);
        /* What is left of two objects may be one that begins like a record. */
        assert_true(extra * 100 <= (makes_new_ones ? run.tally[i].lines : 0));
    }
}

/* -- the corpus ------------------------------------------------------------ */

static struct run corpus_run;
static struct run corpus_run_blind;

/* The good lines of a file: objects, not too long. */
static size_t
file_lines(const char *text, size_t len, struct text *lines,
           struct seglog_json_heads *heads)
{
    size_t count = 0;

    for (size_t at = 0; at < len;) {
        const char *lf = memchr(text + at, '\n', len - at);
        size_t end = lf ? (size_t)(lf - text) : len;
        const size_t next = end + 1;

        while (end > at && (text[end - 1] == '\r' || text[end - 1] == ' '))
            end--;
        if (end > at + 2 && text[at] == '{' &&
            seglog_json_line_check((const uint8_t *)text + at, end - at, false,
                                   NULL) == SEGLOG_JSON_OK) {
            seglog_json_heads_learn(heads, (const uint8_t *)text + at,
                                    end - at);
            if (count < LINES_MAX && end - at <= LINE_LEN_MAX)
                lines[count++] = (struct text){ text + at, end - at };
        }
        at = next;
    }
    return count;
}

static int
corpus_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    static struct text lines[LINES_MAX];
    struct seglog_json_heads heads = { 0 };
    const size_t name_len = strlen(path);
    size_t len = 0;

    (void)st;
    (void)ftw;
    if (type != FTW_F || name_len < 6 ||
        strcmp(path + name_len - 6, ".jsonl") != 0)
        return 0;

    char *text = test_file_read(path, &len);
    const size_t count = file_lines(text, len, lines, &heads);
    const size_t stride = 1 + count / 40;

    corpus_run.heads = &heads;
    for (size_t i = 0; i + 2 < count; i += stride) {
        const size_t cuts = 1 + 60000 / (lines[i].len + lines[i + 1].len);

        run_records(&corpus_run, lines[i], lines[i + 1], lines[i + 2], cuts);
        run_records(&corpus_run_blind, lines[i], lines[i + 1], lines[i + 2],
                    1 + cuts / 4);
    }
    free(text);
    return 0;
}

static void
mend__accidents_to_the_corpus__found_and_nothing_else(void **state)
{
    const char *dir = getenv("SEGLOG_CORPUS");
    unsigned long lines = 0;
    unsigned long missed = 0;
    unsigned long extra = 0;

    (void)state;
    if (!dir)
        skip();
    corpus_run.seed = 2;
    corpus_run_blind.seed = 3;
    assert_int_equal(nftw(dir, corpus_file, 16, FTW_PHYS), 0);
    run_print(&corpus_run, "corpus");
    run_print(&corpus_run_blind, "corpus, heads not known");
    for (unsigned i = 0; i < FAMILY_COUNT; i++) {
        lines += corpus_run.tally[i].lines;
        missed += corpus_run.tally[i].missed;
        extra += corpus_run.tally[i].extra;
    }
    assert_int_equal(missed, 0);
    assert_true(extra * 10000 <= lines);
}

/* -- cost ------------------------------------------------------------------ */

static void
mend__hostile_megabyte__linear_time(void **state)
{
    static const char *const units[] = { "{",
                                         "[",
                                         "{\"a\":",
                                         "[{\"a\":",
                                         "{\"",
                                         "}{\"",
                                         "\"}{\"a\":\"",
                                         "{\"a\":1},",
                                         "{}",
                                         "{\"a\":1}x",
                                         "[{},",
                                         "\\",
                                         "}{\"a\":[0,",
                                         "]{\"a\":{",
                                         "{\"a\":\"{",
                                         "{\"a\":1}{\"b\"",
                                         "{\"a\":{}}}",
                                         "[[]]]",
                                         "{\"a\":[{\"a\":1}",
                                         "}{\" , \":\" , " };
    const size_t len = 1 << 20;
    char *line = malloc(len);

    (void)state;
    assert_non_null(line);
    for (size_t i = 0; i < COUNT_OF(units) * 2; i++) {
        const char *unit = units[i / 2];
        const size_t unit_len = strlen(unit);
        struct catch c = { .count = 0 };

        for (size_t at = 0; at < len; at++)
            line[at] = unit[at % unit_len];
        if (i % 2)
            line[len / 2] = 0;

        const int64_t before = test_now_ms();

        catch_line(&c, line, len, true, NULL);
        if (test_now_ms() - before > 20000)
            fail_msg("%s: took %d ms", unit, (int)(test_now_ms() - before));
    }
    free(line);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mend__table__values),
        cmocka_unit_test(mend__heads__tell_records_from_parts),
        cmocka_unit_test(heads__more_than_room__unknown),
        cmocka_unit_test(mend__callback_says_stop__stops),
        cmocka_unit_test(mend__accidents_to_records__found_and_nothing_else),
        cmocka_unit_test(mend__accidents_to_the_corpus__found_and_nothing_else),
        cmocka_unit_test(mend__hostile_megabyte__linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
