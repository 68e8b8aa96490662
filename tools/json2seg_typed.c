/* SPDX-License-Identifier: MIT */
/*
 * tools/json2seg_typed.c - typed lines, SPEC.md 11.
 *
 * One flat object of strings, whole numbers and null, its members in any
 * order, each once.  Anything else is no typed line and is stored as text, so
 * strictness here loses nothing.
 */
#include "tools/json2seg.h"

#include <string.h>

#include "tools/tool_base64.h"

enum member {
    MEMBER_SEGLOG,
    MEMBER_BASE64,
    MEMBER_FIRST,
    MEMBER_LAST,
    MEMBER_LINES,
    MEMBER_VERDICT,
    MEMBER_CAUSE,
    MEMBER_DURABLE,
    MEMBER_FIRST_BYTE,
    MEMBER_BYTES,
    MEMBER_SHIFT,
    MEMBER_DEPENDS_ON,
    MEMBER_COUNT
};

static const char *const MEMBER_NAMES[MEMBER_COUNT] = {
    "seglog", "base64",  "first",      "last",  "lines", "verdict",
    "cause",  "durable", "first_byte", "bytes", "shift", "depends_on",
};

#define BIT(member)  (1u << (member))
#define RECORD_NEEDS (BIT(MEMBER_SEGLOG) | BIT(MEMBER_BASE64))
#define GAP_NEEDS    (BIT(MEMBER_COUNT) - 1 - BIT(MEMBER_BASE64))

struct value {
    const uint8_t *text; /* a string without its quotes, or digits */
    size_t len;
    bool is_string;
    bool is_null;
    bool is_negative;
    uint64_t number;
};

struct line {
    const uint8_t *p;
    const uint8_t *end;
    unsigned seen; /* a bit for each member */
    struct value values[MEMBER_COUNT];
};

static void
line_skip_space(struct line *line)
{
    while (line->p < line->end &&
           (*line->p == ' ' || *line->p == '\t' || *line->p == '\r'))
        line->p++;
}

static bool
line_take(struct line *line, char c)
{
    line_skip_space(line);
    if (line->p == line->end || *line->p != (uint8_t)c)
        return false;
    line->p++;
    return true;
}

/* Nothing in a typed line needs an escape. */
static bool
line_take_string(struct line *line, struct value *value)
{
    const uint8_t *quote = NULL;

    if (!line_take(line, '"'))
        return false;
    quote = memchr(line->p, '"', (size_t)(line->end - line->p));
    if (!quote)
        return false;
    *value = (struct value){ .text = line->p,
                             .len = (size_t)(quote - line->p),
                             .is_string = true };
    line->p = quote + 1;
    return true;
}

static bool
line_take_number(struct line *line, struct value *value)
{
    const uint8_t *start = NULL;
    uint64_t number = 0;

    *value = (struct value){ .is_negative = line_take(line, '-') };
    start = line->p;
    for (; line->p < line->end; line->p++) {
        const uint64_t digit = (uint64_t)*line->p - '0';

        if (digit > 9)
            break;
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    value->number = number;
    /* No digits, or a leading zero: not a JSON number. */
    return line->p > start && (*start != '0' || line->p == start + 1);
}

static bool
line_take_value(struct line *line, struct value *value)
{
    line_skip_space(line);
    if (line->p < line->end && *line->p == '"')
        return line_take_string(line, value);
    if (line->end - line->p >= 4 && memcmp(line->p, "null", 4) == 0) {
        *value = (struct value){ .is_null = true };
        line->p += 4;
        return true;
    }
    return line_take_number(line, value);
}

static bool
value_is(const struct value *value, const char *text)
{
    return value->is_string && value->len == strlen(text) &&
           memcmp(value->text, text, value->len) == 0;
}

static const char *
line_take_member(struct line *line)
{
    struct value name;
    unsigned member = 0;

    if (!line_take_string(line, &name) || !line_take(line, ':'))
        return "a member is malformed";
    while (member < MEMBER_COUNT && !value_is(&name, MEMBER_NAMES[member]))
        member++;
    if (member == MEMBER_COUNT)
        return "a member is not known";
    if ((line->seen & BIT(member)) != 0)
        return "a member is there twice";
    line->seen |= BIT(member);
    if (!line_take_value(line, &line->values[member]))
        return "a value is malformed";
    return NULL;
}

static const char *
line_parse(struct line *line)
{
    if (!line_take(line, '{'))
        return "it is not an object";
    do {
        const char *why = line_take_member(line);

        if (why)
            return why;
    } while (line_take(line, ','));
    if (!line_take(line, '}'))
        return "its end is missing";
    line_skip_space(line);
    return line->p == line->end ? NULL : "something follows its end";
}

/* ---------------------------------------------------------------------------
 * Records
 */

static const char *
record_read(uint8_t *start, const struct line *line, size_t record_max,
            struct json2seg_typed *typed)
{
    const struct value *text = &line->values[MEMBER_BASE64];

    if (line->seen != RECORD_NEEDS || !text->is_string)
        return "it needs base64 and nothing else";
    if (!tool_base64_check(text->text, text->len))
        return "its base64 is wrong";
    typed->len = tool_base64_decoded_len(text->text, text->len);
    if (typed->len > record_max)
        return "its record is too large";
    /* The line is overwritten only once it is known to be right. */
    if (typed->kind != SEGLOG_BYTES) {
        for (size_t i = 0; i + 4 <= text->len; i += 4) {
            uint8_t three[3];

            tool_base64_decode(text->text + i, 4, three);
            if (memchr(three, '\n', tool_base64_decoded_len(text->text + i, 4)))
                return "its text holds a line feed";
        }
    }
    tool_base64_decode(text->text, text->len, start);
    return NULL;
}

/* ---------------------------------------------------------------------------
 * Gaps
 */

static bool
value_is_count(const struct value *value)
{
    return !value->is_string && !value->is_null && !value->is_negative;
}

/* The number of a name, or -1. */
static int
value_name(const struct value *value, int (*from_name)(const char *name))
{
    char name[32];

    if (!value->is_string || value->len >= sizeof name)
        return -1;
    memcpy(name, value->text, value->len);
    name[value->len] = '\0';
    return from_name(name);
}

static bool
gap_read_names(const struct value *values, struct seglog_finding *gap)
{
    const int verdict =
        value_name(&values[MEMBER_VERDICT], seglog_verdict_from_name);
    const int cause = value_name(&values[MEMBER_CAUSE], seglog_cause_from_name);
    const int durable =
        value_name(&values[MEMBER_DURABLE], seglog_durable_from_name);

    if (verdict <= SEGLOG_VERDICT_OK || cause <= SEGLOG_CAUSE_NONE ||
        durable < 0)
        return false;
    gap->verdict = (enum seglog_verdict)verdict;
    gap->cause = (enum seglog_cause)cause;
    gap->durable = (enum seglog_durable)durable;
    return true;
}

static bool
gap_read_shift(const struct value *value, struct seglog_finding *gap)
{
    if (value->is_null)
        return true;
    /* INT64_MIN stands for "unknown" in a segment (SPEC.md 6.3). */
    if (value->is_string || value->number > INT64_MAX)
        return false;
    gap->has_shift = true;
    gap->shift =
        value->is_negative ? -(int64_t)value->number : (int64_t)value->number;
    return true;
}

static const char *
gap_read(const struct line *line, struct seglog_finding *gap)
{
    static const enum member COUNTS[] = { MEMBER_FIRST, MEMBER_LAST,
                                          MEMBER_LINES, MEMBER_FIRST_BYTE,
                                          MEMBER_BYTES };
    const struct value *values = line->values;
    const struct value *depends_on = &values[MEMBER_DEPENDS_ON];

    if (line->seen != GAP_NEEDS)
        return "a gap needs all of its members";
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        if (!value_is_count(&values[COUNTS[i]]))
            return "a number of the gap is none";
    }
    *gap = (struct seglog_finding){
        .is_recorded = true,
        .first_record = values[MEMBER_FIRST].number,
        .last_record = values[MEMBER_LAST].number,
        .lines = values[MEMBER_LINES].number,
        .first_byte = values[MEMBER_FIRST_BYTE].number,
        .byte_count = values[MEMBER_BYTES].number,
        .depends_on = depends_on->number,
    };
    if (gap->first_record == 0 || gap->last_record < gap->first_record)
        return "the gap's numbers are out of order";
    if (!gap_read_names(values, gap))
        return "a name in the gap is not known";
    if (!gap_read_shift(&values[MEMBER_SHIFT], gap) ||
        (!depends_on->is_null && !value_is_count(depends_on)))
        return "a number of the gap is none";
    return NULL;
}

/* ---------------------------------------------------------------------------
 * Typed lines
 */

bool
json2seg_typed_is(const uint8_t *line, size_t len)
{
    return len >= JSON2SEG_TYPED_PREFIX_LEN &&
           memcmp(line, JSON2SEG_TYPED_PREFIX, JSON2SEG_TYPED_PREFIX_LEN) == 0;
}

const char *
json2seg_typed_read(uint8_t *line, size_t len, size_t record_max,
                    struct json2seg_typed *typed)
{
    static const struct {
        const char *name;
        enum seglog_kind kind;
    } KINDS[] = {
        { "bytes", SEGLOG_BYTES },
        { "text", SEGLOG_TEXT },
        { "part", SEGLOG_PART },
        { "tail", SEGLOG_TAIL },
    };
    struct line parsed = { .p = line, .end = line + len };
    const char *why = line_parse(&parsed);
    const struct value *type = &parsed.values[MEMBER_SEGLOG];

    *typed = (struct json2seg_typed){ .kind = SEGLOG_TEXT };
    if (why)
        return why;
    if (value_is(type, "gap")) {
        typed->is_gap = true;
        return gap_read(&parsed, &typed->gap);
    }
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (value_is(type, KINDS[i].name)) {
            typed->kind = KINDS[i].kind;
            return record_read(line, &parsed, record_max, typed);
        }
    }
    return "its type is not known";
}
