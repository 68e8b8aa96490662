/* SPDX-License-Identifier: MIT */
/*
 * format/json_member.c - slices of a JSON text, found by quotes and brackets.
 *
 * Opening brackets differ from each other in one bit, and so do closing ones;
 * in text that was checked they always match, so one count of both will do.
 */
#include "format/json_member.h"

#include <string.h>

#include "format/json_scan.h"

static bool
byte_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void
walk_skip_space(struct slg_json_walk *walk)
{
    while (walk->p < walk->end && byte_is_space(*walk->p))
        walk->p++;
}

static bool
walk_take(struct slg_json_walk *walk, uint8_t byte)
{
    if (walk->p == walk->end || *walk->p != byte)
        return false;
    walk->p++;
    return true;
}

static bool
byte_is_mark(uint8_t byte)
{
    return byte == '"' || (byte | 0x20) == '{' || (byte | 0x20) == '}';
}

/* The first quote or bracket from p on, or end. */
static const uint8_t *
mark_next(const uint8_t *p, const uint8_t *end)
{
#if SLG_JSON_SSE2
    while (end - p >= 16) {
        const __m128i block = _mm_loadu_si128((const __m128i *)p);
        const __m128i folded = _mm_or_si128(block, _mm_set1_epi8(0x20));
        const __m128i open = _mm_cmpeq_epi8(folded, _mm_set1_epi8('{'));
        const __m128i close = _mm_cmpeq_epi8(folded, _mm_set1_epi8('}'));
        const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
        const unsigned mask = (unsigned)_mm_movemask_epi8(
            _mm_or_si128(quote, _mm_or_si128(open, close)));

        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (p < end && !byte_is_mark(*p))
        p++;
    return p;
}

/* Behind the closing quote, from behind the opening one; NULL without one. */
static const uint8_t *
string_end(const uint8_t *p, const uint8_t *end, bool *has_escape)
{
    *has_escape = false;
    for (;;) {
        p = slg_json_skip_to_quote(p, end);
        if (p == end)
            return NULL;
        if (*p == '"')
            return p + 1;
        *has_escape = true;
        if (end - p < 2)
            return NULL;
        p += 2;
    }
}

/* Behind the bracket that closes the one at p; NULL without one. */
static const uint8_t *
container_end(const uint8_t *p, const uint8_t *end)
{
    size_t depth = 0;
    bool has_escape;

    while ((p = mark_next(p, end)) < end) {
        const uint8_t byte = *p++;

        if (byte == '"') {
            p = string_end(p, end, &has_escape);
            if (!p)
                return NULL;
        } else if ((byte | 0x20) == '{') {
            depth++;
        } else if (--depth == 0) {
            return p;
        }
    }
    return NULL;
}

/* Behind a number or word: something must end it. */
static const uint8_t *
word_end(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *from = p;

    while (p<end && * p> ' ' && *p != ',' && *p != '}' && *p != ']')
        p++;
    return p > from && p < end ? p : NULL;
}

static bool
walk_take_value(struct slg_json_walk *walk, struct slg_json_slice *value)
{
    const uint8_t *p = walk->p;
    const uint8_t *end = walk->end;
    const uint8_t *behind;
    bool has_escape;

    if (p == end)
        return false;
    if (*p == '"')
        behind = string_end(p + 1, end, &has_escape);
    else if ((*p | 0x20) == '{')
        behind = container_end(p, end);
    else
        behind = word_end(p, end);
    if (!behind)
        return false;
    *value = (struct slg_json_slice){ p, (size_t)(behind - p) };
    walk->p = behind;
    return true;
}

bool
slg_json_walk_begin(struct slg_json_walk *walk, const uint8_t *text, size_t len)
{
    *walk = (struct slg_json_walk){ .is_first = true };
    if (len == 0)
        return false;
    walk->p = text;
    walk->end = text + len;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        walk->p += 3;
    walk_skip_space(walk);
    walk->is_object = walk_take(walk, '{');
    if (walk->is_object || walk_take(walk, '['))
        return true;
    walk->p = walk->end;
    return false;
}

static bool
walk_take_key(struct slg_json_walk *walk, struct slg_json_member *member)
{
    if (!walk_take(walk, '"'))
        return false;

    const uint8_t *key = walk->p;
    const uint8_t *behind = string_end(key, walk->end, &member->key_has_escape);

    if (!behind)
        return false;
    member->key = (struct slg_json_slice){ key, (size_t)(behind - 1 - key) };
    walk->p = behind;
    walk_skip_space(walk);
    if (!walk_take(walk, ':'))
        return false;
    walk_skip_space(walk);
    return true;
}

bool
slg_json_walk_next(struct slg_json_walk *walk, struct slg_json_member *member)
{
    walk_skip_space(walk);
    if (walk_take(walk, walk->is_object ? '}' : ']')) {
        walk->is_whole = true;
        walk->end = walk->p;
        return false;
    }
    if (!walk->is_first) {
        if (!walk_take(walk, ','))
            return false;
        walk_skip_space(walk);
    }
    walk->is_first = false;
    member->key = (struct slg_json_slice){ walk->p, 0 };
    member->key_has_escape = false;
    return (!walk->is_object || walk_take_key(walk, member)) &&
           walk_take_value(walk, &member->value);
}

static unsigned
hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10u : 16;
}

/* The unit of a \uXXXX at p, or UINT32_MAX. */
static uint32_t
escape_unit(const uint8_t *p, const uint8_t *end)
{
    uint32_t unit = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return UINT32_MAX;
    for (unsigned i = 2; i < 6; i++) {
        const unsigned digit = hex_value(p[i]);

        if (digit > 15)
            return UINT32_MAX;
        unit = unit * 16 + digit;
    }
    return unit;
}

static unsigned
utf8_put(uint32_t code, uint8_t *out)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* The length of the character at p as its first byte tells it, within end. */
static unsigned
utf8_span(const uint8_t *p, const uint8_t *end)
{
    const unsigned want = *p < 0xc0 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    unsigned span = 1;

    while (span < want && p + span < end && (p[span] & 0xc0) == 0x80)
        span++;
    return span;
}

/* Decode the escape at *p and step over it; the length of what it means. */
static unsigned
escape_take(const uint8_t **p, const uint8_t *end, uint8_t *out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const uint32_t unit = escape_unit(*p, end);

    if (unit != UINT32_MAX) {
        const uint32_t low = escape_unit(*p + 6, end);

        if (unit >> 10 == 0x36 && low >> 10 == 0x37) {
            *p += 12;
            return utf8_put(0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff)),
                            out);
        }
        *p += 6;
        return utf8_put(unit, out);
    }
    for (unsigned i = 0; end - *p >= 2 && letters[i]; i++) {
        if ((*p)[1] == (uint8_t)letters[i]) {
            out[0] = (uint8_t)meanings[i];
            *p += 2;
            return 1;
        }
    }
    out[0] = *(*p)++;
    return 1;
}

/* The next character of a body, decoded into out; its length. */
static unsigned
character_take(const uint8_t **p, const uint8_t *end, uint8_t out[4])
{
    if (**p == '\\')
        return escape_take(p, end, out);

    const unsigned span = utf8_span(*p, end);

    memcpy(out, *p, span);
    *p += span;
    return span;
}

size_t
slg_json_string_decode(struct slg_json_slice body, uint8_t *buf, size_t cap)
{
    const uint8_t *p = body.p;
    const uint8_t *end = body.len ? p + body.len : p;
    size_t len = 0;

    while (p < end) {
        uint8_t out[4];
        const unsigned count = character_take(&p, end, out);

        if (count > cap - len)
            break;
        memcpy(buf + len, out, count);
        len += count;
    }
    return len;
}

bool
slg_json_body_is(struct slg_json_slice body, const char *text)
{
    const uint8_t *p = body.p;
    const uint8_t *end = body.len ? p + body.len : p;

    while (p < end) {
        uint8_t out[4];
        const unsigned count = character_take(&p, end, out);

        for (unsigned i = 0; i < count; i++, text++) {
            if (*text == '\0' || (uint8_t)*text != out[i])
                return false;
        }
    }
    return *text == '\0';
}

bool
slg_json_key_is(const struct slg_json_member *member, const char *name)
{
    if (member->key_has_escape)
        return slg_json_body_is(member->key, name);
    for (size_t i = 0; i < member->key.len; i++) {
        if (name[i] == '\0' || (uint8_t)name[i] != member->key.p[i])
            return false;
    }
    return name[member->key.len] == '\0';
}

bool
slg_json_is_object(struct slg_json_slice value)
{
    return value.len && value.p[0] == '{';
}

bool
slg_json_is_array(struct slg_json_slice value)
{
    return value.len && value.p[0] == '[';
}

bool
slg_json_is_null(struct slg_json_slice value)
{
    return value.len == 4 && memcmp(value.p, "null", 4) == 0;
}

bool
slg_json_string_body(struct slg_json_slice value, struct slg_json_slice *body)
{
    if (value.len < 2 || value.p[0] != '"' || value.p[value.len - 1] != '"')
        return false;
    *body = (struct slg_json_slice){ value.p + 1, value.len - 2 };
    return true;
}

bool
slg_json_uint64(struct slg_json_slice value, uint64_t *out)
{
    uint64_t number = 0;

    if (value.len == 0 || (value.p[0] == '0' && value.len > 1))
        return false;
    for (size_t i = 0; i < value.len; i++) {
        const unsigned digit = value.p[i] - (unsigned)'0';

        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

bool
slg_json_int64(struct slg_json_slice value, int64_t *out)
{
    const bool is_negative = value.len && value.p[0] == '-';
    uint64_t size;

    if (is_negative) {
        value.p++;
        value.len--;
    }
    if (!slg_json_uint64(value, &size) ||
        size > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
        return false;
    /* The smallest one has no positive counterpart. */
    *out = !is_negative ? (int64_t)size
                        : -(int64_t)(size - (size != 0)) - (size != 0);
    return true;
}

bool
slg_json_bool(struct slg_json_slice value, bool *out)
{
    const bool is_true = value.len == 4 && memcmp(value.p, "true", 4) == 0;

    if (!is_true && (value.len != 5 || memcmp(value.p, "false", 5) != 0))
        return false;
    *out = is_true;
    return true;
}
