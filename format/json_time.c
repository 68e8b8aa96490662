/* SPDX-License-Identifier: MIT */
/*
 * format/json_time.c - walk the keys of a line and read epochs and dates.
 *
 * The walk trusts nothing: it finds its way in a valid line and stops anywhere
 * in another one, without checking what it passes over.  All arithmetic is on
 * whole numbers, so 1759417024.1 does not come back a microsecond short.
 */
#include "format/json_time.h"

#include <string.h>

#include "format/json_scan.h"

struct text {
    const uint8_t *p;
    const uint8_t *end;
};

static bool
text_at(const struct text *t, uint8_t byte)
{
    return t->p < t->end && *t->p == byte;
}

static bool
text_take(struct text *t, uint8_t byte)
{
    if (!text_at(t, byte))
        return false;
    t->p++;
    return true;
}

static bool
text_at_digit(const struct text *t)
{
    return t->p < t->end && *t->p >= '0' && *t->p <= '9';
}

static void
text_skip_space(struct text *t)
{
    while (t->p < t->end &&
           (*t->p == ' ' || *t->p == '\t' || *t->p == '\r' || *t->p == '\n'))
        t->p++;
}

/* Exactly count digits. */
static bool
text_take_digits(struct text *t, unsigned count, unsigned *value)
{
    *value = 0;
    for (; count; count--) {
        if (!text_at_digit(t))
            return false;
        *value = *value * 10 + (unsigned)(*t->p - '0');
        t->p++;
    }
    return true;
}

/* A decimal number: digits times ten to the power of exponent. */
struct decimal {
    uint64_t digits; /* at most 19 of them, so it cannot overflow */
    int count;       /* of digits, leading zeros not counted */
    int64_t exponent;
    bool is_negative;
};

/* Digits beyond the nineteenth are dropped: far below a microsecond. */
static void
decimal_add(struct decimal *d, unsigned digit, bool is_fraction)
{
    if (d->count == 19) {
        d->exponent += is_fraction ? 0 : 1;
        return;
    }
    d->digits = d->digits * 10 + digit;
    d->count += d->digits ? 1 : 0;
    d->exponent -= is_fraction ? 1 : 0;
}

static bool
decimal_take_run(struct decimal *d, struct text *t, bool is_fraction)
{
    if (!text_at_digit(t))
        return false;
    for (; text_at_digit(t); t->p++)
        decimal_add(d, (unsigned)(*t->p - '0'), is_fraction);
    return true;
}

/* No exponent that makes a time has more than a few digits. */
static bool
decimal_take_exponent(struct decimal *d, struct text *t)
{
    int64_t exponent = 0;
    const bool is_negative = text_at(t, '-');

    if (is_negative || text_at(t, '+'))
        t->p++;
    if (!text_at_digit(t))
        return false;
    for (; text_at_digit(t); t->p++) {
        if (exponent < 100000000)
            exponent = exponent * 10 + (*t->p - '0');
    }
    d->exponent += is_negative ? -exponent : exponent;
    return true;
}

/* All of t, in the spelling of RFC 8259. */
static bool
decimal_parse(struct decimal *d, struct text t)
{
    *d = (struct decimal){ .is_negative = text_take(&t, '-') };
    if (text_at(&t, '0') && t.end - t.p > 1 && t.p[1] >= '0' && t.p[1] <= '9')
        return false;
    if (!decimal_take_run(d, &t, false))
        return false;
    if (text_take(&t, '.') && !decimal_take_run(d, &t, true))
        return false;
    if ((text_take(&t, 'e') || text_take(&t, 'E')) &&
        !decimal_take_exponent(d, &t))
        return false;
    return t.p == t.end;
}

static uint64_t
power_of_ten(int64_t exponent)
{
    uint64_t power = 1;

    for (; exponent > 0; exponent--)
        power *= 10;
    return power;
}

/* The length of the whole part tells the unit; see the header. */
static bool
epoch_from_decimal(const struct decimal *d, int64_t *time_us)
{
    const int64_t whole_digits = d->count + d->exponent;
    const int64_t unit = whole_digits <= 11   ? 6
                         : whole_digits <= 14 ? 3
                         : whole_digits <= 17 ? 0
                                              : -3;
    const int64_t shift = d->exponent + unit;
    uint64_t us = 0;
    uint64_t rest = d->digits;

    if (d->digits == 0) {
        *time_us = 0;
        return true;
    }
    if (whole_digits > 20)
        return false;
    /* At most 17 digits result, and 10^19 fits: nothing can overflow. */
    if (shift >= 0) {
        us = d->digits * power_of_ten(shift);
        rest = 0;
    } else if (shift >= -19) {
        us = d->digits / power_of_ten(-shift);
        rest = d->digits % power_of_ten(-shift);
    }
    *time_us = d->is_negative ? -(int64_t)us - (rest ? 1 : 0) : (int64_t)us;
    return true;
}

struct civil {
    unsigned year, month, day, hour, minute, second, micros;
    int zone_minutes; /* east of UTC */
};

static bool
year_is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool
civil_is_possible(const struct civil *c)
{
    static const uint8_t month_days[12] = { 31, 28, 31, 30, 31, 30,
                                            31, 31, 30, 31, 30, 31 };

    if (c->month < 1 || c->month > 12 || c->day < 1)
        return false;

    const unsigned leap = c->month == 2 && year_is_leap(c->year) ? 1 : 0;

    return c->day <= month_days[c->month - 1] + leap && c->hour <= 23 &&
           c->minute <= 59 && c->second <= 60;
}

/* Days since 1970-01-01, counted in years that begin with March. */
static int64_t
civil_days(const struct civil *c)
{
    const unsigned march = (c->month + 9) % 12;
    const unsigned in_year = (153 * march + 2) / 5 + c->day - 1;
    /* Year 0 would begin before itself: count from 400 years earlier. */
    const unsigned year = c->year + 400 - (c->month <= 2 ? 1 : 0);

    return (int64_t)(year * 365 + year / 4 - year / 100 + year / 400 +
                     in_year) -
           719468 - 146097;
}

static bool
civil_take_date(struct civil *c, struct text *t)
{
    return text_take_digits(t, 4, &c->year) && text_take(t, '-') &&
           text_take_digits(t, 2, &c->month) && text_take(t, '-') &&
           text_take_digits(t, 2, &c->day);
}

static bool
civil_take_clock(struct civil *c, struct text *t)
{
    if (!text_take_digits(t, 2, &c->hour) || !text_take(t, ':') ||
        !text_take_digits(t, 2, &c->minute) || !text_take(t, ':') ||
        !text_take_digits(t, 2, &c->second))
        return false;
    if (!text_take(t, '.') && !text_take(t, ','))
        return true;
    if (!text_at_digit(t))
        return false;
    for (unsigned scale = 100000; text_at_digit(t); t->p++, scale /= 10)
        c->micros += (unsigned)(*t->p - '0') * scale;
    return true;
}

/* What is left of t: nothing, Z, an offset, or UTC and perhaps an offset. */
static bool
civil_take_zone(struct civil *c, struct text *t)
{
    unsigned hours;
    unsigned minutes = 0;

    text_take(t, ' ');
    if (text_take(t, 'Z') || text_take(t, 'z'))
        return t->p == t->end;
    if (t->end - t->p >= 3 && memcmp(t->p, "UTC", 3) == 0)
        t->p += 3;
    if (t->p == t->end)
        return t->p[-1] != ' ';

    const bool is_west = text_take(t, '-');

    if (!is_west && !text_take(t, '+'))
        return false;
    if (!text_take_digits(t, 2, &hours))
        return false;
    if (t->p < t->end) {
        text_take(t, ':');
        if (!text_take_digits(t, 2, &minutes))
            return false;
    }
    c->zone_minutes = (int)(hours * 60 + minutes) * (is_west ? -1 : 1);
    return t->p == t->end && hours <= 23 && minutes <= 59;
}

static bool
civil_parse(struct text t, int64_t *time_us)
{
    struct civil c = { 0 };

    if (!civil_take_date(&c, &t))
        return false;
    if (!text_take(&t, 'T') && !text_take(&t, 't') && !text_take(&t, ' '))
        return false;
    if (!civil_take_clock(&c, &t) || !civil_take_zone(&c, &t) ||
        !civil_is_possible(&c))
        return false;

    const int64_t minutes =
        (civil_days(&c) * 24 + c.hour) * 60 + c.minute - c.zone_minutes;

    *time_us = (minutes * 60 + c.second) * 1000000 + c.micros;
    return true;
}

bool
slg_json_time_parse(const uint8_t *text, size_t len, int64_t *time_us)
{
    struct decimal d;

    if (len == 0)
        return false;

    const struct text t = { text, text + len };

    if (len >= 19 && text[4] == '-' && text[7] == '-')
        return civil_parse(t, time_us);
    return decimal_parse(&d, t) && epoch_from_decimal(&d, time_us);
}

/* The bytes between the quotes, from behind the first one; then behind both. */
static bool
string_take(struct text *t, struct text *content)
{
    content->p = t->p;
    for (;;) {
        const uint8_t *p = slg_json_skip_to_quote(t->p, t->end);

        if (p == t->end)
            return false;
        if (*p == '"') {
            content->end = p;
            t->p = p + 1;
            return true;
        }
        if (t->end - p < 2)
            return false;
        t->p = p + 2;
    }
}

/* Behind the object or array that begins at t; kinds are not told apart. */
static bool
container_skip(struct text *t)
{
    struct text content;
    size_t depth = 0;

    while (t->p < t->end) {
        const uint8_t byte = *t->p++;

        if (byte == '"') {
            if (!string_take(t, &content))
                return false;
        } else if (byte == '{' || byte == '[') {
            depth++;
        } else if ((byte == '}' || byte == ']') && --depth == 0) {
            return true;
        }
    }
    return false;
}

/* Pass over a value; a string gives its content, a number or word itself. */
static bool
value_take(struct text *t, struct text *content)
{
    if (text_take(t, '"'))
        return string_take(t, content);
    content->p = t->p;
    if (text_at(t, '{') || text_at(t, '[')) {
        const bool is_whole = container_skip(t);

        content->end = t->p;
        return is_whole;
    }
    while (t->p < t->end && *t->p != ',' && *t->p != '}' && *t->p != ']' &&
           *t->p > ' ')
        t->p++;
    content->end = t->p;
    /* At the end of the bytes a number may have lost digits. */
    return content->end > content->p && t->p < t->end;
}

/*
 * Step to the next member of an object; t stands behind the brace at first.
 * False at its end, or where it is not JSON.
 */
static bool
member_take(struct text *t, bool is_first, struct text *key, struct text *value)
{
    text_skip_space(t);
    if (!is_first) {
        if (!text_take(t, ','))
            return false;
        text_skip_space(t);
    }
    if (!text_take(t, '"') || !string_take(t, key))
        return false;
    text_skip_space(t);
    if (!text_take(t, ':'))
        return false;
    text_skip_space(t);
    return value_take(t, value);
}

struct name {
    const char *bytes;
    size_t len;
};

static const struct name usual_names[] = {
    { "ts", 2 },          { "timestamp", 9 }, { "time", 4 },
    { "@timestamp", 10 }, { "t.$date", 7 },
};

static bool
key_is(const struct text *key, const char *name, size_t len)
{
    return (size_t)(key->end - key->p) == len && memcmp(key->p, name, len) == 0;
}

/* The field of the given name directly inside an object. */
static bool
object_time(struct text object, const char *name, size_t len, int64_t *time_us)
{
    struct text key;
    struct text value;

    if (!text_take(&object, '{'))
        return false;
    for (bool is_first = true; member_take(&object, is_first, &key, &value);
         is_first = false) {
        if (key_is(&key, name, len) &&
            slg_json_time_parse(value.p, (size_t)(value.end - value.p),
                                time_us))
            return true;
    }
    return false;
}

/* Whether this member of the line holds the time that name asks for. */
static bool
member_time(const struct text *key, const struct text *value,
            const struct name *name, int64_t *time_us)
{
    const size_t key_len = (size_t)(key->end - key->p);

    if (key_len > name->len || memcmp(key->p, name->bytes, key_len) != 0)
        return false;
    if (key_len == name->len)
        return slg_json_time_parse(value->p, (size_t)(value->end - value->p),
                                   time_us);
    /* A string may begin with a brace, too, but holds no bare quote for a key. */
    return name->bytes[key_len] == '.' &&
           object_time(*value, name->bytes + key_len + 1,
                       name->len - key_len - 1, time_us);
}

bool
slg_json_time_find(const uint8_t *line, size_t len, const char *field,
                   size_t field_len, int64_t *time_us)
{
    const struct name given = { field, field_len };
    const struct name *names = field ? &given : usual_names;
    const size_t count = field ? 1 : sizeof usual_names / sizeof usual_names[0];
    struct text key;
    struct text value;

    if (len == 0)
        return false;

    struct text t = { line, line + len };

    if (len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
        t.p += 3;
    text_skip_space(&t);
    if (!text_take(&t, '{'))
        return false;
    for (bool is_first = true; member_take(&t, is_first, &key, &value);
         is_first = false) {
        for (size_t i = 0; i < count; i++) {
            if (member_time(&key, &value, &names[i], time_us))
                return true;
        }
    }
    return false;
}
