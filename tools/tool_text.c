/* SPDX-License-Identifier: MIT */
/* tools/tool_text.c - bytes of unknown origin and times, fit to be shown. */
#define _GNU_SOURCE
#include "tools/tool_text.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <time.h>

size_t
tool_utf8_len(const unsigned char *text, size_t len)
{
    const unsigned char first = len > 0 ? text[0] : 0xFF;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t need = 0;

    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        need = 2;
    else if ((first & 0xF0) == 0xE0)
        need = 3;
    else if (first >= 0xF0 && first <= 0xF4)
        need = 4;
    if (need == 0 || need > len)
        return 0;
    /* No overlong forms, no surrogates, nothing above U+10FFFF. */
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    for (size_t i = 1; i < need; i++) {
        if (text[i] < low || text[i] > high)
            return 0;
        low = 0x80;
        high = 0xBF;
    }
    return need;
}

size_t
tool_utf8_count(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text);
    size_t count = 0;

    for (; left > 0; count++) {
        const size_t len = tool_utf8_len(p, left);

        p += len ? len : 1;
        left -= len ? len : 1;
    }
    return count;
}

bool
tool_locale_is_utf8(void)
{
    static int known = -1;

    if (known < 0)
        known = setlocale(LC_CTYPE, "") &&
                strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    return known == 1;
}

bool
tool_json_bytes(FILE *file, const char *data, size_t len)
{
    const unsigned char *p = (const unsigned char *)data;
    bool is_all = true;

    (void)fputc('"', file);
    while (len > 0) {
        const size_t used = tool_utf8_len(p, len);

        if (used == 0) {
            (void)fputs("\\ufffd", file);
            is_all = false;
        } else if (*p == '"' || *p == '\\') {
            (void)fprintf(file, "\\%c", *p);
        } else if (*p < 0x20 || *p == 0x7F) {
            (void)fprintf(file, "\\u%04x", *p);
        } else {
            (void)fwrite(p, 1, used, file);
        }
        p += used ? used : 1;
        len -= used ? used : 1;
    }
    (void)fputc('"', file);
    return is_all;
}

static uint32_t
utf8_decode(const unsigned char *text, size_t len)
{
    static const unsigned char MASKS[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    uint32_t value = text[0] & MASKS[len];

    for (size_t i = 1; i < len; i++)
        value = value << 6 | (text[i] & 0x3F);
    return value;
}

/* Controls of either kind, line ends, and whatever reorders the text around
 * it or takes no room. */
static bool
is_unfit(uint32_t value)
{
    return value < 0x20 || (value >= 0x7F && value < 0xA0) ||
           (value >= 0x200B && value <= 0x200F) ||
           (value >= 0x2028 && value <= 0x202E) ||
           (value >= 0x2060 && value <= 0x206F) || value == 0xFEFF;
}

#define CHAR_CAP 16

/* One character, or its escape, into out, which has room for CHAR_CAP bytes.
 * Returns how much of the text it was. */
static size_t
char_escape(const unsigned char *text, size_t len, bool is_utf8, char *out)
{
    const size_t used = tool_utf8_len(text, len);
    const uint32_t value = used ? utf8_decode(text, used) : 0;

    if (value == '\n' && used)
        memcpy(out, "\\n", 3);
    else if (value == '\r' && used)
        memcpy(out, "\\r", 3);
    else if (value == '\t' && used)
        memcpy(out, "\\t", 3);
    else if (used == 0 || (value < 0x80 && is_unfit(value)))
        (void)snprintf(out, CHAR_CAP, "\\x%02x", *text);
    else if (is_unfit(value) || (value >= 0x80 && !is_utf8))
        (void)snprintf(out, CHAR_CAP, "\\u{%" PRIx32 "}", value);
    else
        memcpy(memset(out, 0, CHAR_CAP), text, used);
    return used ? used : 1;
}

char *
tool_text_escape(const char *data, size_t len, size_t columns, char *buf)
{
    static const char MORE[] = "...";
    const unsigned char *text = (const unsigned char *)data;
    const bool is_utf8 = tool_locale_is_utf8();
    size_t at = 0;
    size_t used = 0;
    size_t cut = 0; /* where "..." would fit */

    while (len > 0) {
        char one[CHAR_CAP];
        const size_t took = char_escape(text, len, is_utf8, one);
        const size_t width = tool_utf8_count(one);

        if (used + width > columns) {
            memcpy(buf + cut, MORE, columns < 3 ? columns : 3);
            at = cut + (columns < 3 ? columns : 3);
            break;
        }
        memcpy(buf + at, one, strlen(one));
        at += strlen(one);
        used += width;
        if (used + 3 <= columns)
            cut = at;
        text += took;
        len -= took;
    }
    buf[at] = '\0';
    return buf;
}

const char *
tool_time_text(int64_t ms, char buf[TOOL_TIME_CAP])
{
    const int64_t rest = ((ms % 1000) + 1000) % 1000;
    const time_t seconds = (time_t)((ms - rest) / 1000);
    struct tm tm;

    if (ms < INT64_MIN + 1000 || !gmtime_r(&seconds, &tm) ||
        tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
        return NULL;
    (void)snprintf(buf, TOOL_TIME_CAP, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                   (tm.tm_year + 1900) % 10000, tm.tm_mon % 12 + 1,
                   tm.tm_mday % 32, tm.tm_hour % 24, tm.tm_min % 60,
                   tm.tm_sec % 61, (int)rest);
    return buf;
}

const char *
tool_age_text(int64_t ms, int64_t now_ms, char buf[TOOL_TIME_CAP])
{
    static const struct {
        int64_t seconds;
        int64_t below; /* of these; beyond it the next unit is used */
        char letter;
    } UNITS[] = {
        { 1, 100, 's' },
        { 60, 100, 'm' },
        { 3600, 48, 'h' },
        { 86400, 730, 'd' },
    };
    const int64_t since = ms > 0 ? ms : 0;
    const int64_t age = since < now_ms ? now_ms - since : 0;

    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        if (age / 1000 / UNITS[i].seconds < UNITS[i].below) {
            (void)snprintf(buf, TOOL_TIME_CAP, "%" PRId64 "%c",
                           age / 1000 / UNITS[i].seconds, UNITS[i].letter);
            return buf;
        }
    (void)snprintf(buf, TOOL_TIME_CAP, "%" PRId64 "y",
                   age / 1000 / (365 * 86400));
    return buf;
}

int64_t
tool_now_ms(void)
{
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
