/* SPDX-License-Identifier: MIT */
/*
 * format/search.c - SPEC.md 9: looking for frames byte by byte.
 *
 * CRC arithmetic.  Let R(i) be the CRC register after the bytes before i, from
 * any start value, without the final inversion.  For a message [a, b) that
 * starts with register s the register at its end is
 *
 *     R(b) ^ (R(a) ^ s) * x^(8(b-a))        modulo the CRC polynomial
 *
 * In the reflected form used here bit 31 is x^0.  The product of two 32-bit
 * values has 63 bits; shifted left by one, its upper half is the part of
 * degree below 32 and its lower half v stands for v * x^32, which four tables
 * reduce.  (Gopal, Ozturk, Guilford et al., "Fast CRC Computation for Generic
 * Polynomials Using PCLMULQDQ", Intel 2009, has the bit order.)
 */
#include "format/search.h"

#include <string.h>

#include "format/checksum.h"

#define CRC_POLYNOMIAL UINT32_C(0xEDB88320)

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SEARCH_HAS_CLMUL 1
#include <wmmintrin.h>

/* As the compiler's library found it once: asking the processor again costs a
 * virtual machine tens of microseconds. */
static bool
clmul_is_present(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") != 0;
}

__attribute__((target("pclmul"))) static uint64_t
clmul_machine(uint32_t a, uint32_t b)
{
    const __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)(uint64_t)a),
                             _mm_cvtsi64_si128((long long)(uint64_t)b), 0);

    return (uint64_t)_mm_cvtsi128_si64(product);
}
#else
#define SEARCH_HAS_CLMUL 0
static bool
clmul_is_present(void)
{
    return false;
}
#endif

/* Carry-less product, four bits of a at a time. */
static uint64_t
clmul_portable(uint32_t a, uint32_t b)
{
    uint64_t multiple[16];
    uint64_t product = 0;

    multiple[0] = 0;
    multiple[1] = b;
    for (unsigned i = 2; i < 16; i += 2) {
        multiple[i] = multiple[i / 2] << 1;
        multiple[i + 1] = multiple[i] ^ b;
    }
    for (int shift = 28; shift >= 0; shift -= 4)
        product = product << 4 ^ multiple[a >> shift & 15];
    return product;
}

static inline uint32_t
product_reduce(const struct slg_search *search, uint64_t product)
{
    const uint64_t doubled = product << 1;
    const uint32_t low = (uint32_t)doubled;

    return (uint32_t)(doubled >> 32) ^ search->shift32[0][low & 0xFF] ^
           search->shift32[1][low >> 8 & 0xFF] ^
           search->shift32[2][low >> 16 & 0xFF] ^ search->shift32[3][low >> 24];
}

static inline uint32_t
crc_step(const struct slg_search *search, uint32_t crc, uint8_t byte)
{
    return crc >> 8 ^ search->step[(crc ^ byte) & 0xFF];
}

/* All other entries are sums of those of single bits: a search is set up for
 * every segment that is opened. */
static void
table_complete(uint32_t table[256])
{
    table[0] = 0;
    for (uint32_t i = 1; i < 256; i++)
        table[i] = table[i & (i - 1)] ^ table[i & (0 - i)];
}

static void
tables_fill(struct slg_search *search)
{
    uint32_t crc = 1;

    for (uint32_t i = 256; i > 1; i /= 2) {
        crc = crc >> 1 ^ (CRC_POLYNOMIAL & (0 - (crc & 1)));
        search->step[i / 2] = crc;
    }
    table_complete(search->step);
    /* Four zero bytes multiply the register by x^32. */
    for (unsigned lane = 0; lane < 4; lane++) {
        for (uint32_t bit = 1; bit < 256; bit *= 2) {
            crc = bit << 8 * lane;
            for (unsigned byte = 0; byte < 4; byte++)
                crc = crc_step(search, crc, 0);
            search->shift32[lane][bit] = crc;
        }
        table_complete(search->shift32[lane]);
    }
    search->power[0] = UINT32_C(1) << 31;
    search->power_len = 1;
}

/* Powers are made as far as frames can reach: small segments need few. */
static void
power_extend(struct slg_search *search, size_t len)
{
    if (len > SLG_FRAME_NEAR_MAX)
        len = SLG_FRAME_NEAR_MAX;
    for (; search->power_len <= len; search->power_len++)
        search->power[search->power_len] =
            crc_step(search, search->power[search->power_len - 1], 0);
}

void
slg_search_init(struct slg_search *search,
                const struct slg_frame_limits *limits)
{
    search->limits = *limits;
    search->has_clmul = clmul_is_present();
    for (unsigned head = 0; head < 256; head++)
        search->is_head_legal[head] = slg_head_is_legal((uint8_t)head, limits);
    tables_fill(search);
    slg_search_reset(search, 0);
}

void
slg_search_reset(struct slg_search *search, uint64_t base)
{
    search->base = base;
    search->len = 0;
    search->prefix[0] = 0;
}

uint8_t *
slg_search_room(struct slg_search *search, uint64_t offset, size_t *room)
{
    if (!slg_search_covers(search, offset, 0)) {
        slg_search_reset(search, offset);
    } else if (offset > search->base) {
        const size_t drop = (size_t)(offset - search->base);

        search->len -= drop;
        memmove(search->bytes, search->bytes + drop, search->len);
        memmove(search->prefix, search->prefix + drop,
                (search->len + 1) * sizeof search->prefix[0]);
        search->base = offset;
    }
    *room = SLG_SEARCH_CAPACITY - search->len;
    return search->bytes + search->len;
}

void
slg_search_loaded(struct slg_search *search, size_t len)
{
    const size_t end = search->len + len;
    uint32_t crc = search->prefix[search->len];

    size_t i = search->len;

    /* Four at a time: only the fourth waits for the one before. */
    for (; i + 4 <= end; i += 4) {
        const uint32_t low = crc ^ slg_load_le32(search->bytes + i);
        const uint32_t one = crc_step(search, crc, search->bytes[i]);
        const uint32_t two = crc_step(search, one, search->bytes[i + 1]);

        search->prefix[i + 1] = one;
        search->prefix[i + 2] = two;
        search->prefix[i + 3] = crc_step(search, two, search->bytes[i + 2]);
        crc = search->shift32[0][low & 0xFF] ^
              search->shift32[1][low >> 8 & 0xFF] ^
              search->shift32[2][low >> 16 & 0xFF] ^
              search->shift32[3][low >> 24];
        search->prefix[i + 4] = crc;
    }
    for (; i < end; i++) {
        crc = crc_step(search, crc, search->bytes[i]);
        search->prefix[i + 1] = crc;
    }
    search->len = end;
    power_extend(search, end);
}

bool
slg_search_parse(const struct slg_search *search, uint64_t offset,
                 struct slg_frame *frame)
{
    if (!slg_search_covers(search, offset, 1))
        return false;
    const size_t at = (size_t)(offset - search->base);

    return slg_frame_parse(search->bytes + at, search->len - at,
                           &search->limits, frame) &&
           frame->body_len <= SLG_BODY_NEAR_MAX &&
           slg_search_covers(search, offset, frame->len);
}

/*
 * The hot function: what a whole frame's CRC would take time proportional to
 * a length that nobody has verified, this takes a handful of instructions.
 */
static inline __attribute__((always_inline)) uint32_t
mixed_at(const struct slg_search *search, size_t at, size_t covered,
         uint64_t (*multiply)(uint32_t, uint32_t))
{
    const uint32_t start = search->prefix[at] ^ UINT32_C(0xFFFFFFFF);
    const uint32_t moved =
        product_reduce(search, multiply(start, search->power[covered]));
    const uint32_t crc =
        search->prefix[at + covered] ^ moved ^ UINT32_C(0xFFFFFFFF);

    return slg_load_le32(search->bytes + at + covered) ^ crc;
}

#if SEARCH_HAS_CLMUL
__attribute__((target("pclmul"))) static uint32_t
mixed_at_machine(const struct slg_search *search, size_t at, size_t covered)
{
    return mixed_at(search, at, covered, clmul_machine);
}
#endif

uint32_t
slg_search_mixed(const struct slg_search *search, uint64_t offset,
                 const struct slg_frame *frame)
{
    const size_t at = (size_t)(offset - search->base);
    const size_t covered = (size_t)slg_frame_covered(frame);

#if SEARCH_HAS_CLMUL
    if (search->has_clmul)
        return mixed_at_machine(search, at, covered);
#endif
    return mixed_at(search, at, covered, clmul_portable);
}

/* A mark at `at`?  Then fill the hit. */
static bool
mark_is_at(const struct slg_search *search, size_t at, struct slg_hit *hit)
{
    if (search->bytes[at] != SLG_HEAD_CONTROL ||
        !slg_mark_decode(search->bytes + at, search->len - at, &hit->mark))
        return false;
    hit->type = SLG_HIT_MARK;
    hit->offset = search->base + at;
    return true;
}

static inline __attribute__((always_inline)) void
search_run(const struct slg_search *search, size_t from, size_t until,
           uint32_t salt, uint32_t number, struct slg_hit *hit,
           uint64_t (*multiply)(uint32_t, uint32_t))
{
    for (size_t at = from; at < until; at++) {
        if (!search->is_head_legal[search->bytes[at]])
            continue;
        if (mark_is_at(search, at, hit))
            return;
        if (!slg_frame_parse(search->bytes + at, search->len - at,
                             &search->limits, &hit->frame) ||
            hit->frame.body_len > SLG_BODY_NEAR_MAX ||
            hit->frame.len > search->len - at)
            continue;
        /* A mark that is not valid in itself is nothing. */
        if (hit->frame.control == SLG_CONTROL_SYNC_POINT ||
            hit->frame.control == SLG_CONTROL_CLOSING_MARK)
            continue;
        const uint32_t mixed = mixed_at(
            search, at, (size_t)slg_frame_covered(&hit->frame), multiply);
        const uint32_t distance = slg_fmix32_inverse(mixed ^ salt) - number;
        if (distance > SLG_WIDE_WINDOW)
            continue;
        hit->type = SLG_HIT_CANDIDATE;
        hit->offset = search->base + at;
        hit->distance = distance;
        return;
    }
    hit->type = SLG_HIT_NONE;
}

#if SEARCH_HAS_CLMUL
__attribute__((target("pclmul"))) static void
search_run_machine(const struct slg_search *search, size_t from, size_t until,
                   uint32_t salt, uint32_t number, struct slg_hit *hit)
{
    search_run(search, from, until, salt, number, hit, clmul_machine);
}
#endif

void
slg_search_next(const struct slg_search *search, uint64_t from, uint64_t until,
                uint32_t salt, uint64_t number, struct slg_hit *hit)
{
    const size_t first = (size_t)(from - search->base);
    const size_t last = (size_t)(until - search->base);

#if SEARCH_HAS_CLMUL
    if (search->has_clmul) {
        search_run_machine(search, first, last, salt, (uint32_t)number, hit);
        return;
    }
#endif
    search_run(search, first, last, salt, (uint32_t)number, hit,
               clmul_portable);
}
