/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_json_line.c - any line in: one answer, and the right one.
 *
 * The lexer must agree with a slow one written from the grammar of RFC 8259,
 * with itself whatever the pieces, and with its portable string loops; its
 * fault must lie inside the line and everything before it must be harmless.
 * What is built on it must stay inside the line, too, and the search for the
 * rest of a spliced line must find what trying every brace finds.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/json_diagnose.h"
#include "seglog/json_line.h"

#include "format/json_time.h"

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

/* Room for all brackets of the longest input tried. */
enum {
    SIZE_MAX_TRIED = 1 << 16,
    REST_SIZE_MAX = 600
};

#define MUST(cond)                                                             \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The slow validator: functions that take one token of the grammar each, from
 * *at on, and a loop with a stack of brackets for what nests.
 */
struct slow {
    const uint8_t *bytes;
    size_t len;
    size_t at;
};

static bool
slow_take(struct slow *t, const char *text)
{
    const size_t len = strlen(text);

    if (t->len - t->at < len || memcmp(t->bytes + t->at, text, len) != 0)
        return false;
    t->at += len;
    return true;
}

static bool
slow_take_one_of(struct slow *t, const char *set)
{
    if (t->at == t->len || t->bytes[t->at] == 0 ||
        !strchr(set, t->bytes[t->at]))
        return false;
    t->at++;
    return true;
}

static void
slow_space(struct slow *t)
{
    while (slow_take_one_of(t, " \t\r\n"))
        continue;
}

static bool
slow_digits(struct slow *t)
{
    if (!slow_take_one_of(t, "0123456789"))
        return false;
    while (slow_take_one_of(t, "0123456789"))
        continue;
    return true;
}

static bool
slow_number(struct slow *t)
{
    slow_take(t, "-");
    if (!slow_take(t, "0") && !slow_digits(t))
        return false;
    if (slow_take(t, ".") && !slow_digits(t))
        return false;
    if (slow_take_one_of(t, "eE")) {
        slow_take_one_of(t, "+-");
        return slow_digits(t);
    }
    return true;
}

/* Decode, then ask whether the number could not be written shorter. */
static bool
slow_character(struct slow *t)
{
    const uint8_t lead = t->bytes[t->at];
    const unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    const uint32_t least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
    uint32_t code = lead & (0x3fu >> more);

    if (lead < 0xc0 || lead >= 0xf8 || t->len - t->at <= more)
        return false;
    for (unsigned i = 1; i <= more; i++) {
        const uint8_t byte = t->bytes[t->at + i];

        if (byte < 0x80 || byte > 0xbf)
            return false;
        code = code * 64 + byte - 0x80;
    }
    t->at += 1 + more;
    return code >= least && code <= 0x10ffff && code / 0x800 != 0xd800 / 0x800;
}

static bool
slow_string(struct slow *t)
{
    if (!slow_take(t, "\""))
        return false;
    while (t->at < t->len) {
        const uint8_t byte = t->bytes[t->at];

        if (slow_take(t, "\""))
            return true;
        if (slow_take(t, "\\u")) {
            for (unsigned i = 0; i < 4; i++) {
                if (!slow_take_one_of(t, "0123456789abcdefABCDEF"))
                    return false;
            }
        } else if (slow_take(t, "\\")) {
            if (!slow_take_one_of(t, "\"\\/bfnrt"))
                return false;
        } else if (byte >= 0x80) {
            if (!slow_character(t))
                return false;
        } else if (byte < 0x20) {
            return false;
        } else {
            t->at++;
        }
    }
    return false;
}

static bool
slow_key(struct slow *t)
{
    slow_space(t);
    if (!slow_string(t))
        return false;
    slow_space(t);
    return slow_take(t, ":");
}

/* What does not nest.  A string that fails has been taken in part. */
static bool
slow_scalar(struct slow *t)
{
    if (t->at < t->len && t->bytes[t->at] == '"')
        return slow_string(t);
    return slow_take(t, "true") || slow_take(t, "false") ||
           slow_take(t, "null") || slow_number(t);
}

/* One value, white space around it, and nothing else. */
static bool
slow_value_alone(struct slow *t)
{
    static char closers[SIZE_MAX_TRIED];
    size_t depth = 0;

    for (;;) {
        slow_space(t);
        if (slow_take(t, "{") || slow_take(t, "[")) {
            const bool is_object = t->bytes[t->at - 1] == '{';

            if (depth == SEGLOG_JSON_DEPTH_MAX)
                return false;
            closers[depth++] = is_object ? '}' : ']';
            slow_space(t);
            if (!slow_take(t, is_object ? "}" : "]")) {
                if (is_object && !slow_key(t))
                    return false;
                continue;
            }
            depth--;
        } else if (!slow_scalar(t)) {
            return false;
        }
        for (;;) {
            slow_space(t);
            if (depth == 0)
                return t->at == t->len;
            if (slow_take(t, ","))
                break;
            if (!slow_take(t, closers[depth - 1] == '}' ? "}" : "]"))
                return false;
            depth--;
        }
        if (closers[depth - 1] == '}' && !slow_key(t))
            return false;
    }
}

static bool
slow_line_is_good(const uint8_t *bytes, size_t len, bool is_first)
{
    struct slow t = { bytes, len, 0 };

    if (is_first)
        slow_take(&t, "\xef\xbb\xbf");
    slow_space(&t);
    return t.at == t.len || slow_value_alone(&t);
}

static bool
fault_is_end(enum seglog_json_fault fault)
{
    return fault == SEGLOG_JSON_UNEXPECTED_END ||
           fault == SEGLOG_JSON_UNTERMINATED_STRING;
}

struct answer {
    enum seglog_json_fault fault;
    uint64_t pos;
};

static bool
answers_agree(struct answer a, struct answer b)
{
    return a.fault == b.fault && a.pos == b.pos;
}

/* In two pieces, or in one-byte pieces when cut is beyond the line. */
static struct answer
answer_in_pieces(const uint8_t *bytes, size_t len, bool is_first, size_t cut)
{
    struct seglog_json_line s;
    struct answer a = { SEGLOG_JSON_OK, 0 };

    seglog_json_line_init(&s, is_first);
    if (cut <= len) {
        seglog_json_line_feed(&s, bytes, cut);
        seglog_json_line_feed(&s, bytes + cut, len - cut);
    }
    for (size_t i = 0; cut > len && i < len; i++)
        seglog_json_line_feed(&s, bytes + i, 1);
    a.fault = seglog_json_line_finish(&s, &a.pos);
    return a;
}

static struct answer
line_must_be_understood(const uint8_t *bytes, size_t len, bool is_first)
{
    struct answer a = { SEGLOG_JSON_OK, 0 };
    struct answer b = { SEGLOG_JSON_OK, 0 };
    /* Every cut of a short line, some cuts of a long one. */
    const size_t stride = 1 + len / 64;

    a.fault = seglog_json_line_check(bytes, len, is_first, &a.pos);
    b.fault = portable_check(bytes, len, is_first, &b.pos);
    MUST(answers_agree(a, b));
    for (size_t cut = 0; cut <= len + stride; cut += stride)
        MUST(answers_agree(a, answer_in_pieces(bytes, len, is_first, cut)));
    MUST(answers_agree(a, answer_in_pieces(bytes, len, is_first, len + 1)));

    MUST((a.fault == SEGLOG_JSON_OK) ==
         slow_line_is_good(bytes, len, is_first));
    if (a.fault == SEGLOG_JSON_OK)
        return a;
    if (fault_is_end(a.fault)) {
        MUST(a.pos == len);
        return a;
    }
    MUST(a.pos < len);
    MUST((a.fault == SEGLOG_JSON_NUL) == (bytes[a.pos] == 0));
    b.pos = a.pos;
    b.fault = seglog_json_line_check(bytes, a.pos, is_first, &b.pos);
    MUST(b.fault == SEGLOG_JSON_OK || fault_is_end(b.fault));
    MUST(b.pos == a.pos);
    MUST(a.fault != SEGLOG_JSON_GLUED || b.fault == SEGLOG_JSON_OK);
    return a;
}

static uint64_t
find_rest_slowly(const uint8_t *bytes, size_t len, size_t from)
{
    for (size_t at = from; at < len; at++) {
        if (bytes[at] == '{' && slow_line_is_good(bytes + at, len - at, false))
            return at;
    }
    return SEGLOG_JSON_NOWHERE;
}

static void
damage_must_be_placed(const uint8_t *bytes, size_t len, struct answer a)
{
    struct seglog_json_diagnosis d;
    struct seglog_json_broken line = { .bytes = bytes,
                                       .len = len,
                                       .line_len = len,
                                       .fault = a.fault,
                                       .fault_pos = a.pos };

    for (unsigned i = 0; i < 2; i++) {
        line.has_lf = i == 1;
        seglog_json_diagnose(&line, &d);
        MUST((d.kind == SEGLOG_JSON_UNDAMAGED) == (a.fault == SEGLOG_JSON_OK));
        MUST(d.pos <= len && d.is_certain);
        MUST(d.rest_pos == SEGLOG_JSON_NOWHERE ||
             (d.rest_pos < len &&
              slow_line_is_good(bytes + d.rest_pos, len - (size_t)d.rest_pos,
                                false)));
        MUST(d.kind != SEGLOG_JSON_NUL_RUN || bytes[d.pos] == 0);
        MUST(d.kind != SEGLOG_JSON_GLUED_VALUES || d.values >= 2);
    }
    /* The last part of the line only: no more is known, and nothing is read. */
    line.bytes = bytes + len / 2;
    line.len = len - len / 2;
    seglog_json_diagnose(&line, &d);
    MUST(d.pos <= len);
    if (len <= REST_SIZE_MAX)
        MUST(seglog_json_find_rest(bytes, len, 1) ==
             find_rest_slowly(bytes, len, 1));
}

static void
time_must_be_possible(const uint8_t *bytes, size_t len)
{
    const int64_t most = 400000000000000000;
    int64_t us = INT64_MIN;

    if (slg_json_time_find(bytes, len, NULL, 0, &us))
        MUST(us >= -most && us <= most);
    else
        MUST(us == INT64_MIN);
    us = INT64_MIN;
    if (slg_json_time_find(bytes, len, "a.b", 3, &us))
        MUST(us >= -most && us <= most);
    us = INT64_MIN;
    if (slg_json_time_parse(bytes, len, &us))
        MUST(us >= -most && us <= most);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SIZE_MAX_TRIED)
        return 0;

    /* A copy of exactly the right size, so that ASan guards its end. */
    uint8_t *bytes = malloc(size ? size : 1);
    MUST(bytes != NULL);
    if (size)
        memcpy(bytes, data, size);
    (void)line_must_be_understood(bytes, size, true);
    damage_must_be_placed(bytes, size,
                          line_must_be_understood(bytes, size, false));
    time_must_be_possible(bytes, size);
    free(bytes);
    return 0;
}
