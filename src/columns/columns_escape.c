/* SPDX-License-Identifier: MIT */
/* src/columns/columns_escape.c - text in a JSON string, in one spelling. */
#include "src/columns/columns_escape.h"

#include <stdbool.h>
#include <string.h>

/* By byte: 0: as it is, 'u': in hexadecimal, otherwise the letter behind \. */
static uint8_t
escape_letter(uint8_t byte)
{
    switch (byte) {
    case '"':
    case '\\':
        return byte;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return byte < 0x20 ? 'u' : 0;
    }
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

/* Is one of eight bytes a quote, a backslash or a control character? */
static bool
has_special(const uint8_t *from)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = ones * 0x80;
    uint64_t word;

    memcpy(&word, from, 8);
    const uint64_t quote = word ^ (ones * '"');
    const uint64_t slash = word ^ (ones * '\\');
    return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
            ((slash - ones) & ~slash)) &
           high;
}

size_t
slg_unescape(uint8_t *to, const uint8_t *from, size_t len)
{
    size_t out = 0;
    size_t in = 0;

    while (in < len) {
        if (len - in >= 8 && !has_special(from + in)) {
            memcpy(to + out, from + in, 8);
            out += 8;
            in += 8;
            continue;
        }
        if (from[in] != '\\') {
            if (from[in] < 0x20 || from[in] == '"')
                return 0;
            to[out++] = from[in++];
            continue;
        }
        if (len - in < 2)
            return 0;
        uint8_t byte = letter_byte(from[in + 1]);
        const size_t step = byte ? 2 : 6;
        if (!byte)
            byte = hex_byte(from + in, len - in);
        if (!byte)
            return 0;
        to[out++] = byte;
        in += step;
    }
    return out;
}

/* What a byte becomes; returns its length. */
static size_t
escape_one(uint8_t *to, uint8_t byte)
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

static bool
is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

uint8_t *
slg_escape(uint8_t *to, const uint8_t *end, const uint8_t *from, size_t len)
{
    uint8_t escape[6];
    size_t at = 0;

    while (at < len) {
        if (len - at >= 8 && end - to >= 8 && !has_special(from + at)) {
            memcpy(to, from + at, 8);
            to += 8;
            at += 8;
            continue;
        }
        const bool is_as_it_is = is_plain(from[at]);
        const size_t step = is_as_it_is ? 1 : escape_one(escape, from[at]);
        if ((size_t)(end - to) < step)
            return NULL;
        if (is_as_it_is)
            *to = from[at];
        else
            memcpy(to, escape, step);
        to += step;
        at++;
    }
    return to;
}
