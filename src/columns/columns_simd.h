/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_simd.h - sixteen bytes looked at in one step, where the
 * processor can; one by one elsewhere.
 *
 * Layer  columns.
 *
 * Each gives a mask: bit i is set when byte i is what is looked for.  Sixteen
 * bytes can be read, whatever stands in those that do not count.
 */
#ifndef SLG_COLUMNS_SIMD_H
#define SLG_COLUMNS_SIMD_H

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>

static inline unsigned
slg_mask_byte(const uint8_t *at, uint8_t byte)
{
    const __m128i bytes = _mm_loadu_si128((const void *)at);

    return (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)byte)));
}

/* Quotes, backslashes and control characters. */
static inline unsigned
slg_mask_special(const uint8_t *at)
{
    const __m128i bytes = _mm_loadu_si128((const void *)at);
    const __m128i control = _mm_set1_epi8(0x1F);
    const __m128i found =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                  _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));

    return (unsigned)_mm_movemask_epi8(found);
}

/* Quotes and backslashes. */
static inline unsigned
slg_mask_quote(const uint8_t *at)
{
    const __m128i bytes = _mm_loadu_si128((const void *)at);
    const __m128i found =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));

    return (unsigned)_mm_movemask_epi8(found);
}

/* Bytes that differ. */
static inline unsigned
slg_mask_other(const uint8_t *a, const uint8_t *b)
{
    const __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128((const void *)a),
                                        _mm_loadu_si128((const void *)b));

    return (unsigned)_mm_movemask_epi8(same) ^ 0xFFFFu;
}

#else

static inline unsigned
slg_mask_byte(const uint8_t *at, uint8_t byte)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)(at[i] == byte) << i;
    return mask;
}

static inline unsigned
slg_mask_special(const uint8_t *at)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)(at[i] == '"' || at[i] == '\\' || at[i] < 0x20) << i;
    return mask;
}

static inline unsigned
slg_mask_quote(const uint8_t *at)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)(at[i] == '"' || at[i] == '\\') << i;
    return mask;
}

static inline unsigned
slg_mask_other(const uint8_t *a, const uint8_t *b)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)(a[i] != b[i]) << i;
    return mask;
}

#endif

/* Number of the lowest bit; 16: none of the 16 is set. */
static inline unsigned
slg_mask_first(unsigned mask)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctz(mask | 0x10000u);
#else
    unsigned first = 0;

    while (first < 16 && !(mask >> first & 1))
        first++;
    return first;
#endif
}

#endif /* SLG_COLUMNS_SIMD_H */
