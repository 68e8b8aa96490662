/* SPDX-License-Identifier: MIT */
/* src/columns/columns_scalar.c - decimals, hexadecimal, base64. */
#include "src/columns/columns_scalar.h"

#include <string.h>

static bool
is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool
slg_decimal_read(const uint8_t *text, size_t len, struct slg_decimal format,
                 int64_t *value)
{
    const bool is_negative = len > 0 && text[0] == '-';
    const size_t start = is_negative;
    const size_t behind = format.digits > 0 ? format.digits + 1u : 0;
    uint64_t sum = 0;

    if (len < start + behind + 1 || len - start > 19)
        return false;
    const size_t point = len - behind;
    for (size_t i = start; i < len; i++) {
        if (i == point && text[i] == '.')
            continue;
        if (i == point || !is_digit(text[i]))
            return false;
        sum = sum * 10 + (uint64_t)(text[i] - '0');
    }
    if (format.width > 0 && (is_negative || point - start != format.width))
        return false;
    if (format.width == 0 && text[start] == '0' && point - start > 1)
        return false;
    /* 18 digits and no more, and no minus before nothing but zeros. */
    if (sum >= UINT64_C(1000000000000000000) || (is_negative && sum == 0))
        return false;
    *value = is_negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}

static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

/* Digits that end before end; returns where they begin. */
static uint8_t *
digits_before(uint8_t *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + value * 2, 2);
    } else {
        *--end = (uint8_t)('0' + value);
    }
    return end;
}

size_t
slg_decimal_print(uint8_t *text, struct slg_decimal format, int64_t value)
{
    uint8_t room[SLG_SCALAR_MAX];
    uint8_t *end = room + sizeof room;
    const uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    if (rest < 10 && format.digits == 0 && format.width < 2) {
        text[0] = '-';
        text[value < 0] = (uint8_t)('0' + rest);
        return 1u + (value < 0);
    }
    const size_t least = format.digits + (format.width ? format.width : 1u);
    uint8_t *start = digits_before(end, rest);
    size_t len = 0;

    while ((size_t)(end - start) < least)
        *--start = '0';
    if (value < 0)
        text[len++] = '-';
    const size_t whole = (size_t)(end - start) - format.digits;
    memcpy(text + len, start, whole);
    len += whole;
    if (format.digits > 0) {
        text[len++] = '.';
        memcpy(text + len, start + whole, format.digits);
        len += format.digits;
    }
    return len;
}

static const uint8_t hex_text[] = "0123456789abcdef";

static unsigned
hex_digit_value(uint8_t byte)
{
    if (is_digit(byte))
        return (unsigned)(byte - '0');
    return byte >= 'a' && byte <= 'f' ? (unsigned)(byte - 'a' + 10) : 16;
}

bool
slg_hex_read(const uint8_t *text, size_t len, uint8_t *to)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        const unsigned high = hex_digit_value(text[i]);
        const unsigned low = hex_digit_value(text[i + 1]);
        if (high > 15 || low > 15)
            return false;
        to[i / 2] = (uint8_t)(high * 16 + low);
    }
    return len % 2 == 0;
}

void
slg_hex_print(uint8_t *text, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = hex_text[bytes[i] >> 4];
        text[2 * i + 1] = hex_text[bytes[i] & 15];
    }
}

/* Lengths of a UUID's parts in bytes. */
static const uint8_t uuid_parts[] = { 4, 2, 2, 2, 6 };

bool
slg_uuid_read(const uint8_t *text, size_t len, uint8_t *to)
{
    size_t at = 0;

    if (len != SLG_UUID_LEN)
        return false;
    for (size_t i = 0; i < sizeof uuid_parts; i++) {
        if (i > 0 && text[at++] != '-')
            return false;
        if (!slg_hex_read(text + at, uuid_parts[i] * 2u, to))
            return false;
        at += uuid_parts[i] * 2u;
        to += uuid_parts[i];
    }
    return true;
}

void
slg_uuid_print(uint8_t *text, const uint8_t *bytes)
{
    for (size_t i = 0; i < sizeof uuid_parts; i++) {
        if (i > 0)
            *text++ = '-';
        slg_hex_print(text, bytes, uuid_parts[i]);
        text += uuid_parts[i] * 2u;
        bytes += uuid_parts[i];
    }
}

static const uint8_t base64_text[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* By letter; 64: it is none. */
static const uint8_t base64_values[128] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 62, 64, 64, 64, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60,
    61, 64, 64, 64, 64, 64, 64, 64, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
    11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64,
    64, 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
    43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64
};

static unsigned
base64_value(uint8_t byte)
{
    return byte < 128 ? base64_values[byte] : 64;
}

/* Four letters, none of which is the last; false: one is no letter. */
static bool
base64_four(const uint8_t *text, uint8_t *to)
{
    const unsigned a = base64_value(text[0]);
    const unsigned b = base64_value(text[1]);
    const unsigned c = base64_value(text[2]);
    const unsigned d = base64_value(text[3]);

    to[0] = (uint8_t)(a << 2 | b >> 4);
    to[1] = (uint8_t)(b << 4 | c >> 2);
    to[2] = (uint8_t)(c << 6 | d);
    return (a | b | c | d) < 64;
}

size_t
slg_base64_read(const uint8_t *text, size_t len, uint8_t *to)
{
    size_t count = 0;
    size_t pads = 0;

    if (len == 0 || len % 4 != 0)
        return SIZE_MAX;
    if (text[len - 1] == '=')
        pads = text[len - 2] == '=' ? 2 : 1;
    for (; count / 3 * 4 + 4 < len; count += 3) {
        if (!base64_four(text + count / 3 * 4, to + count))
            return SIZE_MAX;
    }
    const uint8_t *last = text + len - 4;
    const size_t here = 4 - pads;
    uint32_t bits = 0;
    for (size_t k = 0; k < 4; k++) {
        const unsigned value = k < here ? base64_value(last[k]) : 0;
        if (value > 63)
            return SIZE_MAX;
        bits = bits << 6 | value;
    }
    /* Bits that no byte takes must be zero, or they would be lost. */
    if ((here == 3 && bits & 0xFF) || (here == 2 && bits & 0xFFFF))
        return SIZE_MAX;
    for (size_t k = 0; k + 1 < here; k++)
        to[count++] = (uint8_t)(bits >> (16 - 8 * k));
    return count;
}

void
slg_base64_print(uint8_t *text, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i;
        const uint32_t bits = (uint32_t)bytes[i] << 16 |
                              (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? bytes[i + 2] : 0u);
        *text++ = base64_text[bits >> 18];
        *text++ = base64_text[bits >> 12 & 63];
        *text++ = left > 1 ? base64_text[bits >> 6 & 63] : (uint8_t)'=';
        *text++ = left > 2 ? base64_text[bits & 63] : (uint8_t)'=';
    }
}
