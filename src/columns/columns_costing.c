/* SPDX-License-Identifier: MIT */
/* src/columns/columns_costing.c - what bytes will take when compressed. */
#include <stdlib.h>
#include <zstd.h>

#include "src/columns/columns_stream.h"

/* From this level on candidates are compressed to compare them. */
#define TRIAL_LEVEL 7
/* As much is counted where nothing is compressed. */
#define SAMPLE_LEN ((size_t)4096)
#define TRIAL_MAX  ((size_t)1 << 20)

struct slg_costing {
    ZSTD_CCtx *context; /* NULL: by counting bytes */
    int level;
    uint8_t *room;
    size_t room_len;
};

struct slg_costing *
slg_costing_create(int level, size_t memory_max)
{
    const bool is_ample = memory_max == 0 || memory_max >= SLG_MEMORY_AMPLE;
    struct slg_costing *costing = calloc(1, sizeof *costing);

    if (!costing || level < TRIAL_LEVEL || !is_ample)
        return costing;
    costing->level = level >= 15 ? 9 : 4;
    costing->room_len = ZSTD_compressBound(TRIAL_MAX);
    costing->room = malloc(costing->room_len);
    costing->context = ZSTD_createCCtx();
    if (!costing->room || !costing->context) {
        slg_costing_destroy(costing);
        return NULL;
    }
    return costing;
}

void
slg_costing_destroy(struct slg_costing *costing)
{
    if (!costing)
        return;
    ZSTD_freeCCtx(costing->context);
    free(costing->room);
    free(costing);
}

/* Number of the highest bit of a value that is not 0. */
static unsigned
top_bit(uint32_t value)
{
#if defined(__GNUC__)
    return 31u - (unsigned)__builtin_clz(value);
#else
    unsigned bit = 0;

    while (value >> 1 >> bit)
        bit++;
    return bit;
#endif
}

/* 16 times the logarithm to base 2. */
static unsigned
log2_16(uint32_t value)
{
    static const uint8_t fraction[16] = { 0, 1,  3,  4,  5,  6,  7,  8,
                                          9, 10, 11, 12, 13, 14, 14, 15 };
    const unsigned whole = top_bit(value);
    const uint32_t top =
        whole >= 4 ? value >> (whole - 4) : value << (4 - whole);
    return whole * 16 + fraction[top & 15];
}

/* By how often each byte value occurs, which knows nothing of repetition. */
static size_t
entropy_bytes(const uint8_t *bytes, size_t len)
{
    uint32_t counts[256] = { 0 };
    const unsigned total = log2_16((uint32_t)len);
    uint64_t bits = 0;
    unsigned used = 0;

    for (size_t i = 0; i < len; i++)
        counts[bytes[i]]++;
    for (unsigned i = 0; i < 256; i++) {
        if (counts[i] == 0)
            continue;
        bits += (uint64_t)counts[i] * (total - log2_16(counts[i]));
        used++;
    }
    return (size_t)(bits / 128) + used / 2 + 1;
}

size_t
slg_costing_bytes(struct slg_costing *costing, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return 0;
    if (costing->context ? len < 32 : len <= SAMPLE_LEN)
        return entropy_bytes(bytes, len);
    if (!costing->context)
        return entropy_bytes(bytes + (len - SAMPLE_LEN) / 2, SAMPLE_LEN) *
               (len / SAMPLE_LEN);
    const size_t part = len < TRIAL_MAX ? len : TRIAL_MAX;
    const size_t cost =
        ZSTD_compressCCtx(costing->context, costing->room, costing->room_len,
                          bytes, part, costing->level);
    if (ZSTD_isError(cost))
        return len;
    /* The head of a frame, which the stream has once. */
    const size_t net = cost > 12 ? cost - 10 : 2;
    return part == len ? net
                       : (size_t)((double)net * (double)len / (double)part);
}

size_t
slg_costing_out(struct slg_costing *costing, const struct slg_out *out)
{
    size_t cost = 0;

    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        const struct slg_buf *buf = &out->stream[i];
        cost += i == SLG_STREAM_META
                    ? buf->len
                    : slg_costing_bytes(costing, buf->data, buf->len);
    }
    return cost;
}

void
slg_out_append(struct slg_out *to, const struct slg_out *from)
{
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        slg_buf_put(&to->stream[i], from->stream[i].data, from->stream[i].len);
        to->stream[i].is_bad |= from->stream[i].is_bad;
    }
}

void
slg_out_clear(struct slg_out *out)
{
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++)
        out->stream[i].len = 0;
}

void
slg_out_free(struct slg_out *out)
{
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++)
        slg_buf_free(&out->stream[i]);
}

bool
slg_out_is_bad(const struct slg_out *out)
{
    bool is_bad = false;

    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++)
        is_bad |= out->stream[i].is_bad;
    return is_bad;
}
