/* SPDX-License-Identifier: MIT */
/*
 * format/json_line.c - a table-driven JSON lexer that can stop at any byte.
 *
 * Between strings a table of states and byte classes is walked; inside strings
 * format/json_scan.h finds the next byte that matters.  Words, escapes and
 * characters that may be cut by the end of a piece have a state of their own
 * and go byte by byte; the fast ways only ever accept what those would accept,
 * and leave every fault to them, so the answer cannot depend on the cut.
 */
#include "seglog/json_line.h"

#include <string.h>

#include "format/json_line_table.h"
#include "format/json_scan.h"
#include "format/json_state.h"

static const char words[3][6] = { "true", "false", "null" };

static const uint8_t byte_order_mark[3] = { 0xef, 0xbb, 0xbf };

static bool
byte_is_hex(uint8_t byte)
{
    const uint8_t lower = byte | 0x20;

    return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'f');
}

static bool
byte_is_escape(uint8_t byte)
{
    return byte == 'n' || byte == '"' || byte == '\\' || byte == 't' ||
           byte == 'r' || byte == '/' || byte == 'b' || byte == 'f';
}

static bool
byte_continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The length of the character at p, 4 bytes readable; 0: not well-formed. */
static unsigned
utf8_length(const uint8_t *p)
{
    if (p[0] < 0xc2 || p[0] > 0xf4 || !byte_continues(p[1]))
        return 0;
    if (p[0] < 0xe0)
        return 2;
    if (!byte_continues(p[2]))
        return 0;
    if (p[0] < 0xf0) {
        const bool is_overlong = p[0] == 0xe0 && p[1] < 0xa0;
        const bool is_surrogate = p[0] == 0xed && p[1] >= 0xa0;

        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (!byte_continues(p[3]) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return 4;
}

/* Returns p, where the offending byte stands; feed turns that into a place. */
static const uint8_t *
line_fail(struct seglog_json_line *s, unsigned fault, const uint8_t *p)
{
    s->fault = (uint8_t)fault;
    return p;
}

static unsigned
nesting_after(const struct seglog_json_line *s)
{
    if (s->depth == 0)
        return S_DONE;

    const uint32_t top = s->depth - 1;
    const bool is_object = s->nesting[top / 8] >> top % 8 & 1;

    return is_object ? S_OBJ_AFTER : S_ARR_AFTER;
}

static bool
nesting_open(struct seglog_json_line *s, bool is_object)
{
    if (s->depth == SEGLOG_JSON_DEPTH_MAX)
        return false;

    uint8_t *byte = &s->nesting[s->depth / 8];
    const unsigned bit = s->depth % 8;
    /* The bits of what is deeper are nobody's: they need no value. */
    const unsigned outer = bit > 0 ? *byte & ((1u << bit) - 1) : 0;

    *byte = (uint8_t)(outer | (unsigned)is_object << bit);
    s->depth++;
    s->after = is_object ? S_OBJ_AFTER : S_ARR_AFTER;
    return true;
}

/*
 * Do what a cell asks for at *p and return the next state, 0 when the table
 * cannot go on from here: s then holds a fault, or a state without a row.
 */
static unsigned
structure_act(struct seglog_json_line *s, unsigned cell, const uint8_t **p)
{
    switch (cell) {
    case A_OPEN_OBJ:
    case A_OPEN_ARR:
        if (!nesting_open(s, cell == A_OPEN_OBJ)) {
            s->fault = SEGLOG_JSON_TOO_DEEP;
            return 0;
        }
        ++*p;
        return cell == A_OPEN_OBJ ? S_OBJ_FIRST : S_ARR_FIRST;
    case A_CLOSE:
        ++*p;
        s->depth--;
        s->after = (uint8_t)nesting_after(s);
        return s->after;
    case A_NUM_END:
        return s->after;
    case A_WORD:
        s->word = **p == 't' ? 0 : **p == 'f' ? 1 : 2;
        s->matched = 1;
        s->state = S_WORD;
        ++*p;
        return 0;
    default:
        s->fault =
            (uint8_t)(cell ? cell - A_FAULT : SEGLOG_JSON_UNEXPECTED_CHAR);
        return 0;
    }
}

/* Everything that is not inside a string, a word or a byte order mark. */
static const uint8_t *
structure_run(struct seglog_json_line *s, const uint8_t *p, const uint8_t *end)
{
    unsigned state = s->state;

    while (p < end) {
        const unsigned cell = step[state][class_of[*p]];

        if (cell - 1 < S_TABLE_LAST) {
            state = cell;
            p++;
        } else if (cell == A_STRING || cell == A_KEY) {
            const unsigned then = cell == A_KEY ? S_OBJ_COLON : s->after;

            p = slg_json_skip_plain(p + 1, end);
            if (p == end || *p != '"') {
                s->state = S_STRING;
                s->after_string = (uint8_t)then;
                return p;
            }
            state = then;
            p++;
        } else {
            state = structure_act(s, cell, &p);
            if (state == 0)
                return p;
        }
    }
    s->state = (uint8_t)state;
    return p;
}

/* The escape at p, if it is whole and fine: its length, otherwise 0. */
static unsigned
escape_length(const uint8_t *p, const uint8_t *end)
{
    if (end - p >= 2 && byte_is_escape(p[1]))
        return 2;
    if (end - p >= 6 && p[1] == 'u' && byte_is_hex(p[2]) && byte_is_hex(p[3]) &&
        byte_is_hex(p[4]) && byte_is_hex(p[5]))
        return 6;
    return 0;
}

/* Prepare S_UTF8 for what may follow the lead byte: Unicode table 3-7. */
static const uint8_t *
utf8_begin(struct seglog_json_line *s, const uint8_t *p)
{
    const uint8_t lead = *p;

    if (lead < 0xc2 || lead > 0xf4)
        return line_fail(s, SEGLOG_JSON_BAD_UTF8, p);
    s->left = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    s->low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    s->high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    s->matched = 1;
    s->state = S_UTF8;
    return p + 1;
}

/* Inside a string, up to its end or to something that goes byte by byte. */
static const uint8_t *
string_run(struct seglog_json_line *s, const uint8_t *p, const uint8_t *end)
{
    for (;;) {
        unsigned length;

        p = slg_json_skip_plain(p, end);
        if (p == end)
            return p;
        if (*p == '"') {
            s->state = s->after_string;
            return p + 1;
        }
        if (*p == '\\') {
            length = escape_length(p, end);
            if (length == 0) {
                s->state = S_ESCAPE;
                return p + 1;
            }
            p += length;
            continue;
        }
        if (*p < 0x20)
            return line_fail(s, SEGLOG_JSON_CONTROL_CHAR, p);
        do {
            length = end - p >= 4 ? utf8_length(p) : 0;
            if (length == 0)
                return utf8_begin(s, p);
            p += length;
        } while (p < end && *p >= 0x80);
    }
}

static const uint8_t *
word_run(struct seglog_json_line *s, const uint8_t *p, const uint8_t *end)
{
    const char *word = words[s->word];

    while (p < end) {
        if (*p != (uint8_t)word[s->matched])
            return line_fail(s, SEGLOG_JSON_BAD_LITERAL, p);
        p++;
        s->matched++;
        if (word[s->matched] == '\0') {
            s->state = s->after;
            return p;
        }
    }
    return p;
}

static const uint8_t *
bom_step(struct seglog_json_line *s, const uint8_t *p)
{
    if (*p != byte_order_mark[s->matched]) {
        if (s->matched)
            return line_fail(s, SEGLOG_JSON_UNEXPECTED_CHAR, p);
        s->state = S_START;
        return p;
    }
    s->matched++;
    if (s->matched == 3) {
        s->matched = 0;
        s->state = S_START;
    }
    return p + 1;
}

/* One byte of an escape or of a character outside ASCII. */
static const uint8_t *
string_step(struct seglog_json_line *s, const uint8_t *p)
{
    if (s->state == S_ESCAPE) {
        if (!byte_is_escape(*p) && *p != 'u')
            return line_fail(s, SEGLOG_JSON_BAD_ESCAPE, p);
        s->left = 4;
        s->state = *p == 'u' ? S_HEX : S_STRING;
        return p + 1;
    }
    if (s->state == S_HEX) {
        if (!byte_is_hex(*p))
            return line_fail(s, SEGLOG_JSON_BAD_ESCAPE, p);
    } else {
        if (*p < s->low || *p > s->high)
            return line_fail(s, SEGLOG_JSON_BAD_UTF8, p);
        s->low = 0x80;
        s->high = 0xbf;
        s->matched++;
    }
    s->left--;
    if (s->left == 0) {
        s->state = S_STRING;
        s->matched = 0;
    }
    return p + 1;
}

/* Count the zero bytes at the front; the run may span any number of pieces. */
static void
nul_count_on(struct seglog_json_line *s, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *from = p;
    uint64_t word = 0;

    while (end - p >= 8) {
        memcpy(&word, p, 8);
        if (word)
            break;
        p += 8;
    }
    while (p < end && *p == 0)
        p++;
    s->nul_count += (uint64_t)(p - from);
    s->nul_open = p == end;
}

/*
 * A zero byte is what a crash leaves behind, so it is named as such wherever
 * it turns up; any other fault inside a character is the character's.
 */
static void
fault_settle(struct seglog_json_line *s, uint64_t at, const uint8_t *p,
             const uint8_t *end)
{
    s->fault_pos = at;
    if (*p == 0) {
        s->fault = SEGLOG_JSON_NUL;
        nul_count_on(s, p, end);
    } else if (s->state == S_UTF8 || s->state == S_BOM) {
        s->fault_pos -= s->matched;
    }
}

void
seglog_json_line_init(struct seglog_json_line *s, bool is_first)
{
    memset(s, 0, sizeof *s);
    s->state = is_first ? S_BOM : S_START;
    s->after = S_DONE;
}

void
seglog_json_line_feed(struct seglog_json_line *s, const uint8_t *bytes,
                      size_t len)
{
    if (len == 0)
        return;

    const uint8_t *p = bytes;
    const uint8_t *end = bytes + len;

    if (s->fault != SEGLOG_JSON_OK) {
        if (s->nul_open)
            nul_count_on(s, p, end);
        return;
    }
    while (p < end && s->fault == SEGLOG_JSON_OK) {
        if (s->state <= S_TABLE_LAST)
            p = structure_run(s, p, end);
        else if (s->state == S_STRING)
            p = string_run(s, p, end);
        else if (s->state == S_WORD)
            p = word_run(s, p, end);
        else if (s->state == S_BOM)
            p = bom_step(s, p);
        else
            p = string_step(s, p);
    }
    if (s->fault != SEGLOG_JSON_OK)
        fault_settle(s, s->fed + (uint64_t)(p - bytes), p, end);
    s->fed += len;
}

/* Whether the line may end in this state. */
static bool
state_is_final(const struct seglog_json_line *s)
{
    switch (s->state) {
    case S_START:
    case S_DONE:
        return true;
    case S_BOM:
        return s->matched == 0;
    case S_NUM_ZERO:
    case S_NUM_INT:
    case S_NUM_FRAC:
    case S_NUM_EXP:
        return s->depth == 0;
    default:
        return false;
    }
}

enum seglog_json_fault
seglog_json_line_finish(const struct seglog_json_line *s, uint64_t *fault_pos)
{
    enum seglog_json_fault fault = (enum seglog_json_fault)s->fault;
    uint64_t pos = s->fault_pos;

    if (fault == SEGLOG_JSON_OK) {
        if (state_is_final(s))
            return SEGLOG_JSON_OK;
        fault = s->state >= S_STRING && s->state <= S_UTF8
                    ? SEGLOG_JSON_UNTERMINATED_STRING
                    : SEGLOG_JSON_UNEXPECTED_END;
        pos = s->fed;
    }
    if (fault_pos)
        *fault_pos = pos;
    return fault;
}

enum seglog_json_fault
seglog_json_line_check(const uint8_t *bytes, size_t len, bool is_first,
                       uint64_t *fault_pos)
{
    struct seglog_json_line s;

    seglog_json_line_init(&s, is_first);
    seglog_json_line_feed(&s, bytes, len);
    return seglog_json_line_finish(&s, fault_pos);
}

bool
slg_json_line_wants_value(const struct seglog_json_line *s)
{
    return s->fault == SEGLOG_JSON_OK &&
           (s->state == S_ARR_FIRST || s->state == S_ARR_VALUE ||
            s->state == S_OBJ_VALUE);
}

const char *
seglog_json_fault_text(enum seglog_json_fault fault)
{
    static const char *const texts[SEGLOG_JSON_FAULT_COUNT] = {
        [SEGLOG_JSON_OK] = "valid",
        [SEGLOG_JSON_UNEXPECTED_CHAR] = "unexpected character",
        [SEGLOG_JSON_UNEXPECTED_END] = "the line ends inside a value",
        [SEGLOG_JSON_UNTERMINATED_STRING] = "the line ends inside a string",
        [SEGLOG_JSON_BAD_LITERAL] =
            "a bare word other than true, false or null",
        [SEGLOG_JSON_BAD_NUMBER] = "not a JSON number",
        [SEGLOG_JSON_BAD_ESCAPE] = "bad escape in a string",
        [SEGLOG_JSON_CONTROL_CHAR] = "raw control character in a string",
        [SEGLOG_JSON_BAD_KEY] = "a key must be a string",
        [SEGLOG_JSON_MISSING_COLON] = "missing colon behind a key",
        [SEGLOG_JSON_MISSING_COMMA] = "missing comma",
        [SEGLOG_JSON_TRAILING_COMMA] = "comma before a closing bracket",
        [SEGLOG_JSON_BAD_BRACKET] = "the wrong closing bracket",
        [SEGLOG_JSON_BAD_UTF8] = "invalid UTF-8",
        [SEGLOG_JSON_NUL] = "NUL byte",
        [SEGLOG_JSON_GLUED] = "a second value on the line",
        [SEGLOG_JSON_TOO_DEEP] = "nested too deep",
    };
    const unsigned index = (unsigned)fault;

    return index < SEGLOG_JSON_FAULT_COUNT ? texts[index] : "unknown fault";
}
