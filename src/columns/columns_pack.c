/* SPDX-License-Identifier: MIT */
/* src/columns/columns_pack.c - streams through zstd. */
#include <stdlib.h>
#include <zstd.h>

#include "src/columns/columns_stream.h"

/*
 * Streams that are compressed as one frame share what repeats; streams that
 * are not have statistics of their own.  Which is better is tried out.
 */
#define GROUPINGS 4u
#define TRY_LEVEL 7
/* From this level on all the effort there is. */
#define STRONG_LEVEL 19

static const uint8_t groupings[GROUPINGS][SLG_STREAM_COUNT] = {
    /* META TARGET SHAPE TOKEN NUMBER BINARY DICT TEXT */
    { 0, 0, 1, 2, 3, 4, 5, 5 },
    { 0, 0, 1, 0, 2, 3, 1, 1 },
    { 0, 0, 0, 0, 1, 2, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0, 0 },
};

/* What every frame begins with is left out. */
#define MAGIC_LEN 4u
static const uint8_t magic[MAGIC_LEN] = { 0x28, 0xB5, 0x2F, 0xFD };

struct packer {
    ZSTD_CCtx *context;
    const struct slg_out *out;
    struct slg_buf joined;
    struct slg_buf best, trial;
    unsigned match_tries;
    bool is_strong; /* match_mins[] apply */
};

static void
group_join(struct packer *packer, const uint8_t *grouping, unsigned group)
{
    packer->joined.len = 0;
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        const struct slg_buf *stream = &packer->out->stream[i];
        if (grouping[i] == group)
            slg_buf_put(&packer->joined, stream->data, stream->len);
    }
}

/* The shortest matches that are looked for: which is best depends. */
static const int match_mins[] = { 4, 3, 5 };

/* Compress what is joined into frame, if that is smaller than what it holds. */
static bool
frame_try(struct packer *packer, struct slg_buf *frame)
{
    const struct slg_buf *joined = &packer->joined;
    struct slg_buf own = { 0 };

    if (!slg_buf_grow(&own, ZSTD_compressBound(joined->len)))
        return false;
    own.len = ZSTD_compress2(packer->context, own.data, own.cap, joined->data,
                             joined->len);
    if (ZSTD_isError(own.len)) {
        slg_buf_free(&own);
        return false;
    }
    if (frame->data && frame->len <= own.len) {
        slg_buf_free(&own);
        return true;
    }
    slg_buf_free(frame);
    *frame = own;
    return true;
}

static bool
group_pack(struct packer *packer)
{
    const struct slg_buf *joined = &packer->joined;
    struct slg_buf *to = &packer->trial;
    struct slg_buf frame = { 0 };
    bool is_good = true;

    if (joined->len == 0)
        return true;
    for (unsigned i = 0; i < packer->match_tries && is_good; i++) {
        if (packer->is_strong)
            ZSTD_CCtx_setParameter(packer->context, ZSTD_c_minMatch,
                                   match_mins[i]);
        is_good = frame_try(packer, &frame);
    }
    if (is_good) {
        /* A length of zero: as it is. */
        const bool is_packed = frame.len - MAGIC_LEN < joined->len;
        slg_buf_varint(to, is_packed ? frame.len - MAGIC_LEN : 0);
        slg_buf_put(to, is_packed ? frame.data + MAGIC_LEN : joined->data,
                    is_packed ? frame.len - MAGIC_LEN : joined->len);
    }
    slg_buf_free(&frame);
    return is_good;
}

static bool
grouping_try(struct packer *packer, unsigned number)
{
    const uint8_t *grouping = groupings[number];

    packer->trial.len = 0;
    slg_buf_byte(&packer->trial, number);
    for (unsigned group = 0; group < SLG_STREAM_COUNT; group++) {
        group_join(packer, grouping, group);
        if (!group_pack(packer))
            return false;
    }
    if (packer->best.len == 0 || packer->trial.len < packer->best.len) {
        const struct slg_buf swap = packer->best;
        packer->best = packer->trial;
        packer->trial = swap;
    }
    return !packer->trial.is_bad && !packer->best.is_bad &&
           !packer->joined.is_bad;
}

static unsigned
log2_of(size_t value)
{
    unsigned bits = 0;

    while (bits < 30 && ((size_t)1 << bits) < value)
        bits++;
    return bits;
}

static void
level_set(ZSTD_CCtx *context, int level, size_t total, size_t memory_max)
{
    unsigned window = log2_of(total);
    unsigned table = level >= STRONG_LEVEL ? 24 : 22;

    if (window < 10)
        window = 10;
    if (window > 27)
        window = 27;
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel,
                           level >= STRONG_LEVEL ? 22 : level);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    if (level < 13)
        return;
    /* Three tables at most and the window. */
    while (memory_max > 0 && table > 14 &&
           ((size_t)12 << table) + ((size_t)1 << window) > memory_max)
        table--;
    if (table > window + 1)
        table = window + 1;
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, (int)window);
    ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, (int)table);
    ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, (int)table);
    if (total > (size_t)64 << 20)
        ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
}

seglog_code
slg_streams_pack(const struct slg_out *out, int level, size_t memory_max,
                 struct slg_buf *block)
{
    struct packer packer = { .context = ZSTD_createCCtx(),
                             .out = out,
                             .match_tries = 1,
                             .is_strong = level >= STRONG_LEVEL };
    const unsigned tries = level >= TRY_LEVEL ? GROUPINGS : 1;
    size_t total = 0;
    bool is_good = packer.context != NULL;

    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        slg_buf_varint(block, out->stream[i].len);
        total += out->stream[i].len;
    }
    if (is_good)
        level_set(packer.context, level, total, memory_max);
    for (unsigned i = 0; i < tries && is_good; i++)
        is_good = grouping_try(&packer, i);
    if (is_good && packer.is_strong) {
        packer.match_tries = sizeof match_mins / sizeof *match_mins;
        is_good = grouping_try(&packer, packer.best.data[0]);
    }
    slg_buf_put(block, packer.best.data, packer.best.len);
    slg_buf_free(&packer.joined);
    slg_buf_free(&packer.best);
    slg_buf_free(&packer.trial);
    ZSTD_freeCCtx(packer.context);
    return is_good && !block->is_bad ? SEGLOG_OK : SEGLOG_NO_MEMORY;
}

/* -- and back -------------------------------------------------------------- */

static seglog_code
group_unpack(struct slg_cursor *block, uint8_t *to, size_t len)
{
    const uint64_t packed = slg_cursor_varint(block);
    const uint8_t *from = slg_cursor_take(block, packed ? packed : len);

    if (!from || block->is_bad)
        return SEGLOG_CORRUPT;
    if (packed == 0) {
        memcpy(to, from, len);
        return SEGLOG_OK;
    }
    uint8_t *frame = malloc(MAGIC_LEN + (size_t)packed);
    if (!frame)
        return SEGLOG_NO_MEMORY;
    memcpy(frame, magic, MAGIC_LEN);
    memcpy(frame + MAGIC_LEN, from, (size_t)packed);
    const size_t got =
        ZSTD_decompress(to, len, frame, MAGIC_LEN + (size_t)packed);
    free(frame);
    return !ZSTD_isError(got) && got == len ? SEGLOG_OK : SEGLOG_CORRUPT;
}

static seglog_code
groups_unpack(struct slg_cursor *block, const uint8_t *grouping,
              const size_t lens[SLG_STREAM_COUNT], uint8_t *to,
              struct slg_cursor streams[SLG_STREAM_COUNT])
{
    for (unsigned group = 0; group < SLG_STREAM_COUNT; group++) {
        size_t len = 0;
        for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
            if (grouping[i] != group)
                continue;
            streams[i] = (struct slg_cursor){ .at = to + len,
                                              .end = to + len + lens[i] };
            len += lens[i];
        }
        if (len == 0)
            continue;
        const seglog_code code = group_unpack(block, to, len);
        if (code)
            return code;
        to += len;
    }
    return SEGLOG_OK;
}

seglog_code
slg_streams_unpack(struct slg_cursor *block, size_t bytes_max,
                   struct slg_cursor streams[SLG_STREAM_COUNT],
                   uint8_t **buffer)
{
    size_t lens[SLG_STREAM_COUNT];
    size_t total = 0;

    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        const uint64_t len = slg_cursor_varint(block);
        if (block->is_bad || len > bytes_max - total)
            return SEGLOG_CORRUPT;
        lens[i] = (size_t)len;
        total += lens[i];
    }
    const uint64_t number = slg_cursor_varint(block);
    if (block->is_bad || number >= GROUPINGS)
        return SEGLOG_CORRUPT;
    *buffer = malloc(total + SLG_SLACK);
    if (!*buffer)
        return SEGLOG_NO_MEMORY;
    memset(*buffer + total, 0, SLG_SLACK);
    return groups_unpack(block, groupings[number], lens, *buffer, streams);
}
