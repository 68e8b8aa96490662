/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_scalar.h - texts that stand for numbers, times or bytes,
 * read only when printing them gives the same text.
 *
 * Layer  columns.
 */
#ifndef SLG_COLUMNS_SCALAR_H
#define SLG_COLUMNS_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest text that one of these is printed as. */
#define SLG_SCALAR_MAX 64u

/* digits: behind the point; none: no point. */
struct slg_decimal {
    uint8_t digits;
    uint8_t width; /* of the whole part, filled with zeros; 0: as needed */
};
#define SLG_DECIMAL_DIGITS_MAX 12u
#define SLG_DECIMAL_WIDTH_MAX  18u

bool
slg_decimal_read(const uint8_t *text, size_t len, struct slg_decimal format,
                 int64_t *value);
/* Returns the length. */
size_t
slg_decimal_print(uint8_t *text, struct slg_decimal format, int64_t value);

/* 2024-03-18T10:49:06.979-04:00, in units of the last digit. */
struct slg_time {
    uint8_t separator; /* T or a space */
    uint8_t digits;    /* of a second's fraction */
    bool is_trimmed;   /* zeros at the end of the fraction are left out */
    uint8_t zone_len;  /* what follows is any text */
    uint8_t zone[6];
};
#define SLG_TIME_DIGITS_MAX 9u

/* The format of a text that may be a time; false: it is none. */
bool
slg_time_guess(const uint8_t *text, size_t len, struct slg_time *format);
bool
slg_time_read(const uint8_t *text, size_t len, const struct slg_time *format,
              int64_t *value);
/* What was printed last, up to the minute. */
struct slg_time_cache {
    int64_t minute; /* one more than it; 0: none */
    uint8_t text[17];
};
/* Zeroed at first: cache, which is of one format. */
size_t
slg_time_print(uint8_t *text, const struct slg_time *format,
               struct slg_time_cache *cache, int64_t value);

/* Lower case; len is even when reading.  to has room for len / 2. */
bool
slg_hex_read(const uint8_t *text, size_t len, uint8_t *to);
void
slg_hex_print(uint8_t *text, const uint8_t *bytes, size_t count);

#define SLG_UUID_LEN   36u
#define SLG_UUID_BYTES 16u

bool
slg_uuid_read(const uint8_t *text, size_t len, uint8_t *to);
void
slg_uuid_print(uint8_t *text, const uint8_t *bytes);

/* Returns the number of bytes, or SIZE_MAX. */
size_t
slg_base64_read(const uint8_t *text, size_t len, uint8_t *to);
static inline size_t
slg_base64_len(size_t count)
{
    return (count + 2) / 3 * 4;
}
void
slg_base64_print(uint8_t *text, const uint8_t *bytes, size_t count);

#endif /* SLG_COLUMNS_SCALAR_H */
