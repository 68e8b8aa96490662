/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_text.h - bytes of unknown origin and times, fit to be shown.
 *
 * Threads  one
 */
#ifndef TOOL_TEXT_H
#define TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The length of the well-formed UTF-8 character at text, of which there are
 * len bytes; 0 if there is none. */
size_t
tool_utf8_len(const unsigned char *text, size_t len);

/* Characters of text; bytes that are not UTF-8 count as one each. */
size_t
tool_utf8_count(const char *text);

/* True when the locale says that output is UTF-8. */
bool
tool_locale_is_utf8(void);

/*
 * Write bytes as a JSON string with its quotes.  What is not UTF-8 becomes
 * U+FFFD; false: that has happened, so the string says less than the bytes.
 */
bool
tool_json_bytes(FILE *file, const char *data, size_t len);

/*
 * Make bytes fit for one line of a terminal: what would control it, what is
 * not UTF-8, and what changes the direction of text is written as an escape.
 * At most `columns` characters, the last ones "..." if that is not all.
 *
 *   buf  holds 12 bytes for each column and one more; returns buf
 */
char *
tool_text_escape(const char *data, size_t len, size_t columns, char *buf);

#define TOOL_TIME_CAP 32

/* "2025-01-31T23:59:59.123Z" (RFC 3339), or NULL for a year beyond 9999. */
const char *
tool_time_text(int64_t ms, char buf[TOOL_TIME_CAP]);

/* "5s", "3m", "12h", "4d", "2y": how long ago; "0s" for the future. */
const char *
tool_age_text(int64_t ms, int64_t now_ms, char buf[TOOL_TIME_CAP]);

/* The time in milliseconds since 1970. */
int64_t
tool_now_ms(void);

#endif /* TOOL_TEXT_H */
