/* SPDX-License-Identifier: MIT */
/* tools/tool_base64.c - RFC 4648 base64, standard alphabet. */
#include "tools/tool_base64.h"

static const char ALPHABET[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
tool_base64_encode(const uint8_t *bytes, size_t len, char *out)
{
    size_t i = 0;

    for (; len - i >= 3; i += 3) {
        const unsigned word = (unsigned)bytes[i] << 16 |
                              (unsigned)bytes[i + 1] << 8 | bytes[i + 2];

        *out++ = ALPHABET[word >> 18];
        *out++ = ALPHABET[word >> 12 & 63];
        *out++ = ALPHABET[word >> 6 & 63];
        *out++ = ALPHABET[word & 63];
    }
    if (i < len) {
        const unsigned second = len - i == 2 ? bytes[i + 1] : 0u;
        const unsigned word = (unsigned)bytes[i] << 16 | second << 8;

        *out++ = ALPHABET[word >> 18];
        *out++ = ALPHABET[word >> 12 & 63];
        *out = '=';
        if (len - i == 2)
            *out = ALPHABET[word >> 6 & 63];
        out[1] = '=';
    }
}

/* 0 to 63, or 64 for a character outside the alphabet. */
static unsigned
digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - (unsigned)'A';
    if (c >= 'a' && c <= 'z')
        return c - (unsigned)'a' + 26;
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : 64;
}

static size_t
padding_len(const uint8_t *text, size_t len)
{
    if (len == 0 || text[len - 1] != '=')
        return 0;
    return text[len - 2] == '=' ? 2 : 1;
}

bool
tool_base64_check(const uint8_t *text, size_t len)
{
    size_t padding = 0;
    unsigned last = 0;

    if (len % 4 != 0)
        return false;
    padding = padding_len(text, len);
    for (size_t i = 0; i < len - padding; i++) {
        last = digit_value(text[i]);
        if (last > 63)
            return false;
    }
    /* Bits that decode to nothing would let two texts stand for one record. */
    return padding == 0 || (padding == 1 ? (last & 3) == 0 : (last & 15) == 0);
}

size_t
tool_base64_decoded_len(const uint8_t *text, size_t len)
{
    return len / 4 * 3 - padding_len(text, len);
}

void
tool_base64_decode(const uint8_t *text, size_t len, uint8_t *out)
{
    const size_t decoded_len = tool_base64_decoded_len(text, len);
    size_t done = 0;

    for (size_t i = 0; i < len; i += 4) {
        /* '=' counts as 64, whose low six bits are zero. */
        const unsigned word = digit_value(text[i]) << 18 |
                              digit_value(text[i + 1]) << 12 |
                              (digit_value(text[i + 2]) & 63) << 6 |
                              (digit_value(text[i + 3]) & 63);

        out[done++] = (uint8_t)(word >> 16);
        if (done < decoded_len)
            out[done++] = (uint8_t)(word >> 8);
        if (done < decoded_len)
            out[done++] = (uint8_t)word;
    }
}
