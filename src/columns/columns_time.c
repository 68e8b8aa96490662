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
    static const uint8_t pattern[] = "dddd-dd-ddTdd:dd:dd";

    if (len < DATE_LEN || text[4] != '-' || text[7] != '-')
        return false;
    for (size_t i = 0; i < DATE_LEN; i++) {
        const bool is_digit = (unsigned)(text[i] - '0') <= 9;
        if (pattern[i] == 'd'
                ? !is_digit
                : text[i] != pattern[i] && (i != 10 || text[i] != ' '))
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

    if (month < 1 || month > 12 || day < 1 || year < 1970 || year > 2199)
        return false;
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > days[month - 1] + (month == 2 && is_leap ? 1u : 0u))
        return false;
    return two_digits(text + 11) < 24 && two_digits(text + 14) < 60 &&
           two_digits(text + 17) < 60;
}

/* Is the fraction spelled as this format would? */
static bool
fraction_fits(const uint8_t *text, const struct slg_time *own,
              const struct slg_time *format)
{
    if (!format->is_trimmed)
        return own->digits == format->digits;
    return own->digits <= format->digits &&
           (own->digits == 0 || text[DATE_LEN + own->digits] != '0');
}

bool
slg_time_read(const uint8_t *text, size_t len, const struct slg_time *format,
              int64_t *value)
{
    struct slg_time own;

    if (!slg_time_guess(text, len, &own) || !clock_is_usual(text) ||
        !fraction_fits(text, &own, format) ||
        own.separator != format->separator ||
        own.zone_len != format->zone_len ||
        memcmp(own.zone, format->zone, own.zone_len) != 0)
        return false;
    const int64_t year = two_digits(text) * 100 + two_digits(text + 2);
    const int64_t seconds =
        date_days(year, two_digits(text + 5), two_digits(text + 8)) * 86400 +
        two_digits(text + 11) * 3600 + two_digits(text + 14) * 60 +
        two_digits(text + 17);
    int64_t fraction = 0;
    for (unsigned i = 0; i < own.digits; i++)
        fraction = fraction * 10 + (text[DATE_LEN + 1 + i] - '0');
    *value = seconds * powers[format->digits] +
             fraction * powers[format->digits - own.digits];
    return true;
}

size_t
slg_time_print(uint8_t *text, const struct slg_time *format, int64_t value)
{
    const int64_t unit = powers[format->digits];
    const struct slg_decimal part = { .width = format->digits };
    /* A block may hold any number; what is printed has one length. */
    const int64_t limit = INT64_C(7258118400) * unit;
    const int64_t inside = value >= 0 && value < limit
                               ? value
                               : (int64_t)((uint64_t)value % (uint64_t)limit);
    const int64_t seconds = inside / unit;
    const int64_t of_day = seconds % 86400;
    size_t len = DATE_LEN;

    date_print(text, seconds / 86400, format->separator);
    two_print(text + 11, of_day / 3600);
    text[13] = ':';
    two_print(text + 14, of_day / 60 % 60);
    text[16] = ':';
    two_print(text + 17, of_day % 60);
    if (format->digits > 0) {
        text[len++] = '.';
        len += slg_decimal_print(text + len, part, inside % unit);
        while (format->is_trimmed && text[len - 1] == '0')
            len--;
        len -= text[len - 1] == '.';
    }
    memcpy(text + len, format->zone, format->zone_len);
    return len + format->zone_len;
}
