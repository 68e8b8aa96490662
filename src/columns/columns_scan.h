/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_scan.h - what JSON is made of, byte by byte.
 *
 * Layer  columns.
 */
#ifndef SLG_COLUMNS_SCAN_H
#define SLG_COLUMNS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "src/columns/columns_simd.h"

static inline bool
slg_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static inline bool
slg_is_bare(uint8_t byte)
{
    return byte > ' ' && byte != ',' && byte != ']' && byte != '}' &&
           byte != '"' && byte != ':' && byte != '{' && byte != '[' &&
           byte != '\\';
}

static inline const uint8_t *
slg_space_skip(const uint8_t *at, const uint8_t *end)
{
    while (at < end && slg_is_space(*at))
        at++;
    return at;
}

/* at: behind the opening quote.  Returns the closing one, or NULL. */
static inline const uint8_t *
slg_string_close(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 16) {
        unsigned found = slg_mask_quote(at);
        size_t step = 16;
        while (found) {
            const unsigned first = slg_mask_first(found);
            if (at[first] == '"')
                return at + first;
            /* Nor does what stands behind a backslash count. */
            found &= ~(3u << first);
            step += first == 15;
        }
        at += step;
    }
    while (at < end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    return at < end ? at : NULL;
}

static inline bool
slg_same_text(const uint8_t *a, uint32_t a_len, const uint8_t *b,
              uint32_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

#endif /* SLG_COLUMNS_SCAN_H */
