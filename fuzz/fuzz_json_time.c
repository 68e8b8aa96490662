/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_json_time.c - any text as a time, and any line as one that has one.
 *
 * A time in the usual spelling is the one that counting days gives; the same
 * text is the same time within a line, under each name and behind each path;
 * every time of the first ten thousand years that is written is read again.
 */
#include <stdlib.h>
#include <string.h>

#include "format/json_time.h"
#include "fuzz/support.h"
#include "seglog/json_line.h"
#include "tools/tool_text.h"

#define TEXT_MAX  512u
#define SECOND_US INT64_C(1000000)

static bool
digits_read(const uint8_t *text, size_t count, unsigned *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *value = *value * 10 + (unsigned)(text[i] - '0');
    }
    return true;
}

static bool
year_is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Year by year, month by month. */
static int64_t
days_count(unsigned year, unsigned month, unsigned day)
{
    static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30,
                                        31, 31, 30, 31, 30, 31 };
    int64_t days = 0;

    for (unsigned y = 1970; y < year; y++)
        days += year_is_leap(y) ? 366 : 365;
    for (unsigned y = year; y < 1970; y++)
        days -= year_is_leap(y) ? 366 : 365;
    for (unsigned m = 1; m < month; m++)
        days += lengths[m - 1] + (m == 2 && year_is_leap(year));
    return days + day - 1;
}

/* "2024-05-01T12:00:55Z", and nothing else: the time, if it can be one. */
static bool
usual_read(const uint8_t *text, size_t len, int64_t *time_us)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
    static const size_t at[] = { 5, 8, 11, 14, 17 };
    unsigned year = 0;
    unsigned part[5];

    if (len != sizeof shape - 1 || !digits_read(text, 4, &year))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (shape[i] != 'd' && text[i] != (uint8_t)shape[i])
            return false;
    }
    for (size_t i = 0; i < 5; i++) {
        if (!digits_read(text + at[i], 2, &part[i]))
            return false;
    }
    if (part[0] < 1 || part[0] > 12 || part[1] < 1 || part[1] > 28 ||
        part[2] > 23 || part[3] > 59 || part[4] > 59)
        return false;
    *time_us = (days_count(year, part[0], part[1]) * 86400 + part[2] * 3600 +
                part[3] * 60 + part[4]) *
               SECOND_US;
    return true;
}

/* The text under this name, as a string or as it is. */
static void
line_must_say(const char *name, const uint8_t *text, size_t len, bool is_string,
              int64_t time_us)
{
    uint8_t line[TEXT_MAX + 64];
    size_t at = 0;
    int64_t found = 0;

    line[at++] = '{';
    line[at++] = '"';
    memcpy(line + at, name, strlen(name));
    at += strlen(name);
    line[at++] = '"';
    line[at++] = ':';
    if (is_string)
        line[at++] = '"';
    memcpy(line + at, text, len);
    at += len;
    if (is_string)
        line[at++] = '"';
    line[at++] = '}';
    if (seglog_json_line_check(line, at, false, NULL) != SEGLOG_JSON_OK)
        return;
    MUST(slg_json_time_find(line, at, NULL, 0, &found) && found == time_us);
    MUST(slg_json_time_find(line, at, name, strlen(name), &found));
    MUST(found == time_us);
}

static void
text_must_hold(const uint8_t *text, size_t len)
{
    int64_t time_us = 77;
    int64_t slow_us = 0;
    const bool is_time = slg_json_time_parse(text, len, &time_us);

    if (usual_read(text, len, &slow_us))
        MUST(is_time && time_us == slow_us);
    if (!is_time) {
        MUST(time_us == 77);
        return;
    }
    if (len == 0 || memchr(text, '\\', len) || memchr(text, '"', len))
        return;
    line_must_say("ts", text, len, true, time_us);
    line_must_say("@timestamp", text, len, true, time_us);
    if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'))
        line_must_say("time", text, len, false, time_us);
}

/* Milliseconds, written and read. */
static void
number_must_return(const uint8_t *bytes, size_t len)
{
    struct input input = { .at = bytes, .left = len };
    const int64_t ms =
        (int64_t)input_number(&input, 8) >> (input_byte(&input) % 32);
    char text[TOOL_TIME_CAP];
    int64_t time_us = 0;

    if (!tool_time_text(ms, text))
        return;
    MUST(strlen(text) == 24);
    MUST(slg_json_time_parse((uint8_t *)text, 24, &time_us));
    MUST(time_us == ms * 1000);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *text = NULL;
    int64_t time_us = 0;
    int64_t again_us = 0;

    if (size > TEXT_MAX)
        return 0;
    text = exact_copy(data, size);
    text_must_hold(text, size);
    number_must_return(text, size);
    if (slg_json_time_find(text, size, NULL, 0, &time_us)) {
        MUST(slg_json_time_find(text, size, NULL, 0, &again_us));
        MUST(time_us == again_us);
    }
    (void)slg_json_time_find(text, size, "a.b", 3, &time_us);
    (void)slg_json_time_find(text, size, "", 0, &time_us);
    free(text);
    return 0;
}
