/* SPDX-License-Identifier: MIT */
/*
 * format/json_scan.h - cross the bytes of a JSON string that need no thought.
 *
 * Almost all bytes of a JSON log stand in strings, so these two loops decide
 * how fast everything above them is.  SSE2 takes 16 bytes at a time, the
 * portable code 8; SLG_JSON_PORTABLE forces the latter, which is how the tests
 * compare the two.
 *
 * Layer  format: no I/O, no allocation.  Nothing is read at or beyond end.
 */
#ifndef SLG_FORMAT_JSON_SCAN_H
#define SLG_FORMAT_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(SLG_JSON_PORTABLE)
#include <emmintrin.h>
#define SLG_JSON_SSE2 1
#else
#define SLG_JSON_SSE2 0
#endif

#define SLG_JSON_EACH 0x0101010101010101u
#define SLG_JSON_TOPS 0x8080808080808080u

/*
 * Set the top bit of some byte when any byte of word is zero.  Which byte it
 * is does not matter to the callers, so neither does the byte order.
 */
static inline uint64_t
slg_json_zero_byte(uint64_t word)
{
    return (word - SLG_JSON_EACH) & ~word & SLG_JSON_TOPS;
}

/* Nonzero when one of 8 bytes is a quote or a backslash. */
static inline uint64_t
slg_json_quote_in(uint64_t word)
{
    return slg_json_zero_byte(word ^ (SLG_JSON_EACH * '"')) |
           slg_json_zero_byte(word ^ (SLG_JSON_EACH * '\\'));
}

/* Nonzero when one of 8 bytes ends a plain run. */
static inline uint64_t
slg_json_special_in(uint64_t word)
{
    return slg_json_quote_in(word) | (word & SLG_JSON_TOPS) |
           ((word - SLG_JSON_EACH * 0x20) & ~word & SLG_JSON_TOPS);
}

/* A quote, a backslash, a control character or a byte outside ASCII. */
static inline int
slg_json_is_special(uint8_t byte)
{
    return byte == '"' || byte == '\\' || byte < 0x20 || byte >= 0x80;
}

#if SLG_JSON_SSE2
/* One bit for each of 16 bytes that is a quote or a backslash. */
static inline unsigned
slg_json_quote_mask(__m128i block)
{
    const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    const __m128i slash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(quote, slash));
}

/* The comparison is signed: it catches 0x80 to 0xff along with controls. */
static inline unsigned
slg_json_special_mask(__m128i block)
{
    const __m128i outside = _mm_cmplt_epi8(block, _mm_set1_epi8(0x20));

    return slg_json_quote_mask(block) | (unsigned)_mm_movemask_epi8(outside);
}
#endif

/* The first special byte (see above) from p on, or end. */
static inline const uint8_t *
slg_json_skip_plain(const uint8_t *p, const uint8_t *end)
{
    uint64_t word;

#if SLG_JSON_SSE2
    while (end - p >= 16) {
        const unsigned mask =
            slg_json_special_mask(_mm_loadu_si128((const __m128i *)p));

        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (end - p >= 8) {
        memcpy(&word, p, 8);
        if (slg_json_special_in(word))
            break;
        p += 8;
    }
    while (p < end && !slg_json_is_special(*p))
        p++;
    return p;
}

/* The first quote or backslash from p on, or end. */
static inline const uint8_t *
slg_json_skip_to_quote(const uint8_t *p, const uint8_t *end)
{
    uint64_t word;

#if SLG_JSON_SSE2
    while (end - p >= 16) {
        const unsigned mask =
            slg_json_quote_mask(_mm_loadu_si128((const __m128i *)p));

        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (end - p >= 8) {
        memcpy(&word, p, 8);
        if (slg_json_quote_in(word))
            break;
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\')
        p++;
    return p;
}

#endif /* SLG_FORMAT_JSON_SCAN_H */
