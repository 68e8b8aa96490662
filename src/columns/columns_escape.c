/* SPDX-License-Identifier: MIT */
/* src/columns/columns_escape.c - text in a JSON string, in one spelling. */
#include "src/columns/columns_escape.h"

#include <stdbool.h>
#include <string.h>

#include "src/columns/columns_simd.h"

/* What a byte below 0x20 has behind the backslash. */
static const uint8_t control_letters[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";

/* By byte: 0: as it is, 'u': in hexadecimal, otherwise the letter behind \. */
static uint8_t
escape_letter(uint8_t byte)
{
    if (byte < 0x20)
        return control_letters[byte];
    return byte == '"' || byte == '\\' ? byte : 0;
}

static uint8_t
letter_byte(uint8_t letter)
{
    switch (letter) {
    case '"':
    case '\\':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

static const uint8_t hex_digits[] = "0123456789abcdef";

/* \u00xx of a byte that has no letter; 0: something else. */
static uint8_t
hex_byte(const uint8_t *from, size_t left)
{
    if (left < 6 || memcmp(from, "\\u00", 4) != 0)
        return 0;
    if (from[4] != '0' && from[4] != '1')
        return 0;
    const uint8_t *digit = memchr(hex_digits, from[5], 16);
    if (!digit)
        return 0;
    const uint8_t byte = (uint8_t)((from[4] - '0') * 16 + (digit - hex_digits));
    return escape_letter(byte) == 'u' ? byte : 0;
}

/* The byte that an escape stands for, and its length; 0: another spelling. */
static uint8_t
escape_read(const uint8_t *from, size_t left, size_t *step)
{
    if (left < 2 || from[0] != '\\')
        return 0;
    const uint8_t byte = letter_byte(from[1]);
    *step = byte ? 2 : 6;
    return byte ? byte : hex_byte(from, left);
}

size_t
slg_unescape(uint8_t *to, const uint8_t *from, size_t len)
{
    const uint8_t *start = to;
    const uint8_t *end = from + len;

    while (from < end) {
        const size_t left = (size_t)(end - from);
        uint8_t near[16] = { 0 };
        /* The text may end where memory does. */
        memcpy(near, from, left < 16 ? left : 16);
        const unsigned plain = slg_mask_first(slg_mask_special(near));
        size_t step = 0;
        memcpy(to, near, 16);
        to += plain;
        from += plain;
        if (plain == 16 || from >= end)
            continue;
        *to = escape_read(from, (size_t)(end - from), &step);
        if (*to++ == 0)
            return 0;
        from += step;
    }
    return (size_t)(to - start);
}

/* What a byte becomes; returns its length. */
static size_t
escape_one(uint8_t to[8], uint8_t byte)
{
    const uint8_t letter = escape_letter(byte);

    to[0] = '\\';
    to[1] = letter;
    if (letter != 'u')
        return 2;
    to[2] = '0';
    to[3] = '0';
    to[4] = hex_digits[byte >> 4];
    to[5] = hex_digits[byte & 15];
    return 6;
}

uint8_t *
slg_escape(uint8_t *to, const uint8_t *end, const uint8_t *from, size_t len)
{
    const uint8_t *stop = from + len;

    while (from < stop) {
        const size_t left = (size_t)(stop - from);
        unsigned plain = slg_mask_first(slg_mask_special(from));
        uint8_t escape[8];
        if (plain > left)
            plain = (unsigned)left;
        if ((size_t)(end - to) < plain)
            return NULL;
        memcpy(to, from, 16);
        to += plain;
        from += plain;
        if (plain == 16 || from == stop)
            continue;
        const size_t step = escape_one(escape, *from++);
        if ((size_t)(end - to) < step)
            return NULL;
        memcpy(to, escape, sizeof escape);
        to += step;
    }
    return to;
}
