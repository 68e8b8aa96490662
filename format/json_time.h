/* SPDX-License-Identifier: MIT */
/*
 * format/json_time.h - when a JSON line says that it happened.
 *
 * Layer    format: pure, no allocation, no recursion, freestanding
 * Units    microseconds since 1970-01-01T00:00:00Z, rounded down
 * Threads  any
 */
#ifndef SLG_FORMAT_JSON_TIME_H
#define SLG_FORMAT_JSON_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Find the time of a line: the first field that has the right name and holds a
 * time.  The names are ts, timestamp, time, @timestamp and t.$date, or field
 * alone where it is given.
 *
 *   field      compared byte for byte with the keys at the top of the line;
 *              a.b is also the field b of an object a.  NULL: the names above
 *   field_len  its length; there need not be a 0 behind it
 *   time_us    written only when a time was found
 * Returns      false when no such field holds a time (slg_json_time_parse), or
 *              when the line is not an object.  The line need not be valid;
 *              what stands before its first fault may still be found
 * Cost         O(len); keys written with escapes are not recognized
 */
bool
slg_json_time_find(const uint8_t *line, size_t len, const char *field,
                   size_t field_len, int64_t *time_us);

/*
 * Read one time, as it stands in a number or between the quotes of a string.
 *
 * A number in JSON spelling, fractions and exponents included, is an epoch.
 * Its whole part tells the unit: up to 11 digits seconds, up to 14
 * milliseconds, up to 17 microseconds, up to 20 nanoseconds; more is no time.
 *
 * Or YYYY-MM-DD, then T, t or a space, then HH:MM:SS, a fraction behind a dot
 * or comma, and a zone: Z, z, +HH:MM, +HHMM, +HH (or -), or UTC with or without
 * such an offset, all of them with or without a space before.  No zone is UTC.
 * Second 60 is the first second of the next minute.
 *
 * Returns      false for everything else; time_us is then unchanged
 */
bool
slg_json_time_parse(const uint8_t *text, size_t len, int64_t *time_us);

#endif /* SLG_FORMAT_JSON_TIME_H */
