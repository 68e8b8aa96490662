/* SPDX-License-Identifier: MIT */
/* src/columns/columns_ints.c - columns of integers. */
#include <stdlib.h>

#include "src/columns/columns_stream.h"

/* Fewer: nothing is tried. */
#define TRY_MIN 12u
/* Below this level so many values speak for all. */
#define SAMPLE ((size_t)1024)

static int64_t
difference(int64_t value, int64_t before)
{
    return (int64_t)((uint64_t)value - (uint64_t)before);
}

static void
varints_put(struct slg_buf *buf, const int64_t *values, size_t count,
            bool is_delta)
{
    int64_t before = 0;

    if (!slg_buf_grow(buf, count * 10))
        return;
    uint8_t *to = buf->data + buf->len;
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = slg_zigzag(difference(values[i], before));
        for (; bits >= 0x80; bits >>= 7)
            *to++ = (uint8_t)(bits | 0x80);
        *to++ = (uint8_t)bits;
        if (is_delta)
            before = values[i];
    }
    buf->len = (size_t)(to - buf->data);
}

/* Bytes that the largest takes. */
static unsigned
width_of(const int64_t *values, size_t count, bool is_delta)
{
    int64_t before = 0;
    uint64_t all = 0;
    unsigned width = 1;

    for (size_t i = 0; i < count; i++) {
        all |= slg_zigzag(difference(values[i], before));
        if (is_delta)
            before = values[i];
    }
    while (width < 8 && all >> (8 * width))
        width++;
    return width;
}

/* All lowest bytes, then all that are next, and so on. */
static void
planes_put(struct slg_buf *buf, const int64_t *values, size_t count,
           bool is_delta, unsigned width)
{
    int64_t before = 0;

    if (!slg_buf_grow(buf, count * width))
        return;
    uint8_t *to = buf->data + buf->len;
    for (size_t i = 0; i < count; i++) {
        const uint64_t bits = slg_zigzag(difference(values[i], before));
        for (unsigned k = 0; k < width; k++)
            to[k * count + i] = (uint8_t)(bits >> (8 * k));
        if (is_delta)
            before = values[i];
    }
    buf->len += count * width;
}

struct candidate {
    unsigned mode;
    size_t cost;
};

static void
mode_put(struct slg_buf *buf, const int64_t *values, size_t count,
         unsigned mode)
{
    if (mode == SLG_INTS_PLAIN || mode == SLG_INTS_DELTA)
        varints_put(buf, values, count, mode == SLG_INTS_DELTA);
    else if (mode > SLG_INTS_DELTA_PLANES)
        planes_put(buf, values, count, true, mode - SLG_INTS_DELTA_PLANES);
    else
        planes_put(buf, values, count, false, mode - SLG_INTS_PLAIN_PLANES);
}

static void
mode_try(struct slg_encoder *encoder, struct slg_buf *buf,
         const int64_t *values, size_t count, unsigned mode,
         struct candidate *best)
{
    size_t cost = 0;

    buf->len = 0;
    mode_put(buf, values, count, mode);
    if (mode < SLG_INTS_PLAIN_PLANES) {
        cost = slg_costing_bytes(encoder->costing, buf->data, buf->len);
    } else {
        for (size_t at = 0; at < buf->len; at += count)
            cost += slg_costing_bytes(encoder->costing, buf->data + at, count);
    }
    if (cost < best->cost)
        *best = (struct candidate){ .mode = mode, .cost = cost };
}

/* Few values: by their length alone. */
static unsigned
mode_few(struct slg_buf *buf, const int64_t *values, size_t count)
{
    buf->len = 0;
    varints_put(buf, values, count, false);
    const size_t plain_len = buf->len;
    varints_put(buf, values, count, true);
    return buf->len - plain_len < plain_len ? SLG_INTS_DELTA : SLG_INTS_PLAIN;
}

static unsigned
mode_choose(struct slg_encoder *encoder, const int64_t *values, size_t count)
{
    struct candidate best = { .mode = SLG_INTS_PLAIN, .cost = SIZE_MAX };
    struct slg_buf *buf = &encoder->scratch.ints;
    const unsigned plain = width_of(values, count, false);
    const unsigned delta = width_of(values, count, true);

    if (count < TRY_MIN)
        return mode_few(buf, values, count);
    if (encoder->level < SLG_LEVEL_THOROUGH && count > SAMPLE) {
        values += (count - SAMPLE) / 2;
        count = SAMPLE;
    }
    mode_try(encoder, buf, values, count, SLG_INTS_PLAIN_PLANES + plain, &best);
    mode_try(encoder, buf, values, count, SLG_INTS_DELTA_PLANES + delta, &best);
    if (plain > 1)
        mode_try(encoder, buf, values, count, SLG_INTS_PLAIN, &best);
    if (delta > 1)
        mode_try(encoder, buf, values, count, SLG_INTS_DELTA, &best);
    encoder->is_bad |= buf->is_bad;
    return best.mode;
}

void
slg_ints_encode(struct slg_encoder *encoder, struct slg_out *out,
                const int64_t *values, size_t count)
{
    struct slg_buf *meta = &out->stream[SLG_STREAM_META];
    struct slg_buf *numbers = &out->stream[SLG_STREAM_NUMBER];
    bool is_const = true;

    for (size_t i = 1; i < count && is_const; i++)
        is_const = values[i] == values[0];
    if (is_const) {
        slg_buf_byte(meta, SLG_INTS_CONST);
        slg_buf_varint(meta, count > 0 ? slg_zigzag(values[0]) : 0);
        return;
    }
    const unsigned mode = mode_choose(encoder, values, count);
    const size_t start = numbers->len;
    slg_buf_byte(meta, mode);
    mode_put(numbers, values, count, mode);
    if (mode < SLG_INTS_PLAIN_PLANES && count > SLG_WALK_MAX)
        slg_buf_varint(meta, numbers->len - start);
}
