/* SPDX-License-Identifier: MIT */
/* src/columns/columns_time.c - times as ISO 8601 writes them. */
#include <string.h>

#include "src/columns/columns_scalar.h"

#define DATE_LEN 19u /* up to the seconds */

static const int64_t powers[] = { 1,         10,        100,     1000,
                                  10000,     100000,    1000000, 10000000,
                                  100000000, 1000000000 };

/* Two digits; more than 99 when they are none. */
static unsigned
two_digits(const uint8_t *text)
{
    const unsigned high = (unsigned)(text[0] - '0');
    const unsigned low = (unsigned)(text[1] - '0');

    return high > 9 || low > 9 ? 100 : high * 10 + low;
}

/* Days since 1970-01-01 of a date in the Gregorian calendar. */
static int64_t
date_days(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    const int64_t era = year / 400;
    const int64_t of_era = year - era * 400;
    const int64_t of_year =
        (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

static void
two_print(uint8_t *text, int64_t value)
{
    text[0] = (uint8_t)('0' + value / 10);
    text[1] = (uint8_t)('0' + value % 10);
}

static void
date_print(uint8_t *text, int64_t days, uint8_t separator)
{
    days += 719468;
    const int64_t era = days / 146097;
    const int64_t of_era = days - era * 146097;
    const int64_t years =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    const int64_t shifted = (5 * of_year + 2) / 153;
    const int64_t day = of_year - (153 * shifted + 2) / 5 + 1;
    const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    const int64_t year = years + era * 400 + (month <= 2);

    two_print(text, year / 100);
    two_print(text + 2, year % 100);
    text[4] = '-';
    two_print(text + 5, month);
    text[7] = '-';
    two_print(text + 8, day);
    text[10] = separator;
}

/* Digits behind the seconds and their point. */
static size_t
fraction_digits(const uint8_t *text, size_t len)
{
    size_t count = 0;

    if (len <= DATE_LEN || text[DATE_LEN] != '.')
        return 0;
    while (DATE_LEN + 1 + count < len &&
           (unsigned)(text[DATE_LEN + 1 + count] - '0') <= 9)
        count++;
    return count;
}

bool
slg_time_guess(const uint8_t *text, size_t len, struct slg_time *format)
{
    static const uint8_t pairs[] = { 0, 2, 5, 8, 11, 14, 17 };

    if (len < DATE_LEN || text[4] != '-' || text[7] != '-' || text[13] != ':' ||
        text[16] != ':' || (text[10] != 'T' && text[10] != ' '))
        return false;
    for (size_t i = 0; i < sizeof pairs; i++) {
        if (two_digits(text + pairs[i]) > 99)
            return false;
    }
    const size_t digits = fraction_digits(text, len);
    const size_t zone = DATE_LEN + (digits > 0 ? digits + 1 : 0);
    if (digits > SLG_TIME_DIGITS_MAX || len - zone > sizeof format->zone)
        return false;
    *format = (struct slg_time){ .separator = text[10],
                                 .digits = (uint8_t)digits,
                                 .zone_len = (uint8_t)(len - zone) };
    memcpy(format->zone, text + zone, len - zone);
    return true;
}

/* What is out of the ordinary, such as second 60, would come back other. */
static bool
clock_is_usual(const uint8_t *text)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
                                    31, 31, 30, 31, 30, 31 };
    const unsigned year = two_digits(text) * 100 + two_digits(text + 2);
    const unsigned month = two_digits(text + 5);
    const unsigned day = two_digits(text + 8);

    if (two_digits(text) > 99 || two_digits(text + 2) > 99)
        return false;
    if (month < 1 || month > 12 || day < 1 || year < 1970 || year > 2199)
        return false;
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > days[month - 1] + (month == 2 && is_leap ? 1u : 0u))
        return false;
    return two_digits(text + 11) < 24 && two_digits(text + 14) < 60 &&
           two_digits(text + 17) < 60;
}

/* The number that digits make; UINT64_MAX: something else stands among them. */
static uint64_t
fraction_value(const uint8_t *text, size_t digits)
{
    uint64_t value = 0;

    for (size_t i = 0; i < digits; i++) {
        const unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9)
            return UINT64_MAX;
        value = value * 10 + digit;
    }
    return value;
}

bool
slg_time_read(const uint8_t *text, size_t len, const struct slg_time *format,
              int64_t *value)
{
    size_t digits = format->digits;
    size_t zone = DATE_LEN + (digits > 0 ? digits + 1 : 0);

    if (format->is_trimmed) {
        digits = fraction_digits(text, len);
        zone = DATE_LEN + (digits > 0 ? digits + 1 : 0);
        if (digits > format->digits ||
            (digits > 0 && text[DATE_LEN + digits] == '0'))
            return false;
    }
    if (len != zone + format->zone_len ||
        memcmp(text + zone, format->zone, format->zone_len) != 0 ||
        text[4] != '-' || text[7] != '-' || text[10] != format->separator ||
        text[13] != ':' || text[16] != ':' ||
        (digits > 0 && text[DATE_LEN] != '.') || !clock_is_usual(text))
        return false;
    const uint64_t fraction = fraction_value(text + DATE_LEN + 1, digits);
    if (digits > 0 && fraction == UINT64_MAX)
        return false;
    const int64_t year = two_digits(text) * 100 + two_digits(text + 2);
    const int64_t seconds =
        date_days(year, two_digits(text + 5), two_digits(text + 8)) * 86400 +
        two_digits(text + 11) * 3600 + two_digits(text + 14) * 60 +
        two_digits(text + 17);
    *value = seconds * powers[format->digits];
    if (digits > 0)
        *value += (int64_t)fraction * powers[format->digits - digits];
    return true;
}

/* YYYY-MM-DDThh:mm: and with it the cache. */
static void
minute_print(struct slg_time_cache *cache, uint8_t separator, int64_t minute)
{
    const int64_t of_day = minute % 1440;

    date_print(cache->text, minute / 1440, separator);
    two_print(cache->text + 11, of_day / 60);
    cache->text[13] = ':';
    two_print(cache->text + 14, of_day % 60);
    cache->text[16] = ':';
    cache->minute = minute + 1;
}

size_t
slg_time_print(uint8_t *text, const struct slg_time *format,
               struct slg_time_cache *cache, int64_t value)
{
    const uint64_t unit = (uint64_t)powers[format->digits];
    /* A block may hold any number; what is printed has one length. */
    const uint64_t inside = (uint64_t)value % (UINT64_C(7258118400) * unit);
    const uint64_t seconds = inside / unit;
    const int64_t minute = (int64_t)(seconds / 60);
    uint64_t fraction = inside % unit;
    size_t len = DATE_LEN;

    if (cache->minute != minute + 1)
        minute_print(cache, format->separator, minute);
    memcpy(text, cache->text, sizeof cache->text);
    two_print(text + 17, (int64_t)(seconds % 60));
    if (format->digits > 0) {
        text[len] = '.';
        for (size_t at = len + format->digits; at > len; at--) {
            text[at] = (uint8_t)('0' + fraction % 10);
            fraction /= 10;
        }
        len += format->digits + 1u;
        while (format->is_trimmed && text[len - 1] == '0')
            len--;
        len -= text[len - 1] == '.';
    }
    memcpy(text + len, format->zone, sizeof format->zone);
    return len + format->zone_len;
}
