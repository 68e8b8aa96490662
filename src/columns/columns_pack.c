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
/* From this level on few bytes may take their time. */
#define MIX_LEVEL 15
/* From this level on all the effort there is. */
#define STRONG_LEVEL 19

static const uint8_t groupings[GROUPINGS][SLG_STREAM_COUNT] = {
    /* META TARGET SHAPE TOKEN NUMBER BINARY TEXT DICT */
    { 0, 0, 1, 2, 3, 4, 5, 5 },
    { 0, 0, 1, 0, 2, 3, 1, 1 },
    { 0, 0, 0, 0, 1, 2, 0, 0 },
    { 0, 0, 0, 0, 0, 0, 0, 0 },
};

/* What every frame begins with is left out. */
#define MAGIC_LEN 4u
static const uint8_t magic[MAGIC_LEN] = { 0x28, 0xB5, 0x2F, 0xFD };

struct span {
    const uint8_t *at;
    size_t len;
};

struct packer {
    ZSTD_CCtx *context;
    struct slg_out *out;
    struct slg_buf frame, next; /* the smallest, and one being made */
    struct slg_buf best, trial;
    unsigned match_tries;
    bool is_strong; /* match_mins[] apply */
    bool is_bad;    /* out of memory */
};

/*
 * All of a group's streams, one behind the other: behind the first of them,
 * whose length stays what it is.
 */
static struct span
group_join(struct packer *packer, const uint8_t *grouping, unsigned group)
{
    struct slg_buf *first = NULL;
    size_t own = 0;

    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        struct slg_buf *stream = &packer->out->stream[i];
        if (grouping[i] != group || stream->len == 0)
            continue;
        if (first) {
            slg_buf_put(first, stream->data, stream->len);
            continue;
        }
        first = stream;
        own = stream->len;
    }
    if (!first)
        return (struct span){ NULL, 0 };
    const struct span span = { first->data, first->len };
    packer->is_bad |= first->is_bad;
    first->len = own;
    return span;
}

/* The shortest matches that are looked for: which is best depends. */
static const int match_mins[] = { 4, 3, 5 };

/* Compress into the frame, if that is smaller than what it holds. */
static bool
frame_try(struct packer *packer, struct span span)
{
    struct slg_buf *next = &packer->next;

    next->len = 0;
    if (!slg_buf_grow(next, ZSTD_compressBound(span.len)))
        return false;
    next->len = ZSTD_compress2(packer->context, next->data, next->cap, span.at,
                               span.len);
    if (ZSTD_isError(next->len)) {
        next->len = 0;
        return false;
    }
    if (packer->frame.len == 0 || next->len < packer->frame.len) {
        const struct slg_buf swap = packer->frame;
        packer->frame = *next;
        *next = swap;
    }
    return true;
}

static bool
group_pack(struct packer *packer, struct span span)
{
    struct slg_buf *to = &packer->trial;
    const struct slg_buf *frame = &packer->frame;

    if (span.len == 0)
        return true;
    packer->frame.len = 0;
    for (unsigned i = 0; i < packer->match_tries; i++) {
        if (packer->is_strong)
            ZSTD_CCtx_setParameter(packer->context, ZSTD_c_minMatch,
                                   match_mins[i]);
        if (!frame_try(packer, span))
            return false;
    }
    /* A length of zero: as it is. */
    const bool is_packed = frame->len - MAGIC_LEN < span.len;
    slg_buf_varint(to, is_packed ? frame->len - MAGIC_LEN : 0);
    slg_buf_put(to, is_packed ? frame->data + MAGIC_LEN : span.at,
                is_packed ? frame->len - MAGIC_LEN : span.len);
    return true;
}

/* Keep what is smaller. */
static bool
trial_judge(struct packer *packer)
{
    if (packer->best.len == 0 || packer->trial.len < packer->best.len) {
        const struct slg_buf swap = packer->best;
        packer->best = packer->trial;
        packer->trial = swap;
    }
    return !packer->trial.is_bad && !packer->best.is_bad && !packer->is_bad;
}

static bool
grouping_try(struct packer *packer, unsigned number)
{
    const uint8_t *grouping = groupings[number];

    packer->trial.len = 0;
    slg_buf_byte(&packer->trial, number);
    for (unsigned group = 0; group < SLG_STREAM_COUNT; group++) {
        if (!group_pack(packer, group_join(packer, grouping, group)))
            return false;
    }
    return trial_judge(packer);
}

/* All streams mixed, if there are few bytes in them. */
static bool
mixing_try(struct packer *packer, size_t total)
{
    const struct span span = group_join(packer, groupings[SLG_GROUPING_ONE], 0);
    size_t ends[SLG_STREAM_COUNT];
    size_t end = 0;

    if (total == 0 || total > SLG_MIX_MAX || packer->is_bad)
        return !packer->is_bad;
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        end += packer->out->stream[i].len;
        ends[i] = end;
    }
    packer->next.len = 0;
    if (!slg_mix_pack(span.at, ends, &packer->next))
        return false;
    packer->trial.len = 0;
    slg_buf_byte(&packer->trial, SLG_GROUPING_MIXED);
    slg_buf_varint(&packer->trial, packer->next.len);
    slg_buf_put(&packer->trial, packer->next.data, packer->next.len);
    return trial_judge(packer);
}

static unsigned
log2_of(size_t value)
{
    unsigned bits = 0;

    while (bits < 30 && ((size_t)1 << bits) < value)
        bits++;
    return bits;
}

/* About what zstd takes at a level without tables of our choice, as 2^n. */
static unsigned
level_bits(int level)
{
    return level <= 4 ? 21 : level <= 8 ? 24 : 25;
}

/* The tables are sized for the streams, and for what memory there is. */
static void
tables_set(ZSTD_CCtx *context, int level, size_t total, size_t memory_max)
{
    unsigned window = log2_of(total);
    unsigned table = level >= STRONG_LEVEL ? 24 : 22;

    if (window < 10)
        window = 10;
    if (window > 27)
        window = 27;
    while (memory_max > 0 && window > 16 &&
           ((size_t)1 << window) > memory_max / 4)
        window--;
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

static void
level_set(ZSTD_CCtx *context, int level, size_t total, size_t memory_max)
{
    const bool has_tables = level >= 13;

    while (!has_tables && memory_max > 0 && level > 1 &&
           (size_t)1 << level_bits(level) > memory_max)
        level--;
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel,
                           level >= STRONG_LEVEL ? 22 : level);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    if (has_tables)
        tables_set(context, level, total, memory_max);
}

seglog_code
slg_streams_pack(struct slg_out *out, int level, size_t memory_max,
                 struct slg_buf *block)
{
    struct packer packer = { .context = ZSTD_createCCtx(),
                             .out = out,
                             .match_tries = 1,
                             .is_strong = level >= STRONG_LEVEL };
    unsigned tries = level >= TRY_LEVEL ? GROUPINGS : 1;
    size_t total = 0;
    bool is_good = packer.context != NULL;

    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        slg_buf_varint(block, out->stream[i].len);
        total += out->stream[i].len;
    }
    /* Every attempt has the streams once more, and what they are packed to. */
    if (memory_max > 0 && memory_max / 4 < total)
        tries = 1;
    packer.is_strong &= memory_max == 0 || memory_max / 4 >= total;
    if (is_good)
        level_set(packer.context, level, total,
                  tries > 1 ? memory_max / 2 : memory_max);
    for (unsigned i = 0; i < tries && is_good; i++)
        is_good = grouping_try(&packer, i);
    if (is_good && packer.is_strong) {
        packer.match_tries = sizeof match_mins / sizeof *match_mins;
        is_good = grouping_try(&packer, packer.best.data[0]);
    }
    if (is_good && level >= MIX_LEVEL &&
        (memory_max == 0 || memory_max >= SLG_MEMORY_AMPLE))
        is_good = mixing_try(&packer, total);
    slg_buf_put(block, packer.best.data, packer.best.len);
    slg_buf_free(&packer.frame);
    slg_buf_free(&packer.next);
    slg_buf_free(&packer.best);
    slg_buf_free(&packer.trial);
    ZSTD_freeCCtx(packer.context);
    return is_good && !block->is_bad ? SEGLOG_OK : SEGLOG_NO_MEMORY;
}

/* -- and back -------------------------------------------------------------- */

struct unpacker {
    ZSTD_DCtx *context;
    struct slg_cursor *block;
    struct slg_packing *packing;
    struct slg_buf frame; /* with its magic number */
};

static seglog_code
group_unpack(struct unpacker *unpacker, uint8_t *to, size_t len)
{
    struct slg_buf *frame = &unpacker->frame;
    const uint64_t packed = slg_cursor_varint(unpacker->block);
    const uint8_t *from =
        slg_cursor_take(unpacker->block, packed ? packed : len);

    if (!from || unpacker->block->is_bad)
        return SEGLOG_CORRUPT;
    if (packed == 0) {
        memcpy(to, from, len);
        return SEGLOG_OK;
    }
    frame->len = 0;
    slg_buf_put(frame, magic, MAGIC_LEN);
    slg_buf_put(frame, from, (size_t)packed);
    if (frame->is_bad)
        return SEGLOG_NO_MEMORY;
    const size_t got = ZSTD_decompressDCtx(unpacker->context, to, len,
                                           frame->data, frame->len);
    return !ZSTD_isError(got) && got == len ? SEGLOG_OK : SEGLOG_CORRUPT;
}

static seglog_code
groups_unpack(struct unpacker *unpacker, const uint8_t *grouping,
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
        const uint8_t *start = unpacker->block->at;
        const seglog_code code = group_unpack(unpacker, to, len);
        unpacker->packing->packed[group] =
            (size_t)(unpacker->block->at - start);
        if (code)
            return code;
        to += len;
    }
    return SEGLOG_OK;
}

static seglog_code
mixed_unpack(struct unpacker *unpacker, const size_t lens[SLG_STREAM_COUNT],
             uint8_t *to, struct slg_cursor streams[SLG_STREAM_COUNT])
{
    const uint8_t *start = unpacker->block->at;
    const uint64_t packed = slg_cursor_varint(unpacker->block);
    const uint8_t *from = slg_cursor_take(unpacker->block, packed);
    size_t ends[SLG_STREAM_COUNT];
    size_t end = 0;

    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        streams[i].at = to + end;
        end += lens[i];
        ends[i] = end;
        streams[i].end = to + end;
    }
    if (!from || unpacker->block->is_bad || end == 0 || end > SLG_MIX_MAX)
        return SEGLOG_CORRUPT;
    unpacker->packing->packed[0] = (size_t)(unpacker->block->at - start);
    const struct slg_cursor cursor = { .at = from, .end = unpacker->block->at };
    return slg_mix_unpack(cursor, to, ends) ? SEGLOG_OK : SEGLOG_NO_MEMORY;
}

seglog_code
slg_streams_unpack(struct slg_cursor *block, size_t bytes_max,
                   struct slg_cursor streams[SLG_STREAM_COUNT],
                   uint8_t **buffer, struct slg_packing *packing)
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
    if (block->is_bad || number > SLG_GROUPING_MIXED)
        return SEGLOG_CORRUPT;
    struct unpacker unpacker = { .context = ZSTD_createDCtx(),
                                 .block = block,
                                 .packing = packing };
    seglog_code code = SEGLOG_NO_MEMORY;
    packing->groups = groupings[number < GROUPINGS ? number : SLG_GROUPING_ONE];
    *buffer = malloc(total + SLG_SLACK);
    if (*buffer && unpacker.context) {
        memset(*buffer + total, 0, SLG_SLACK);
        code = number == SLG_GROUPING_MIXED
                   ? mixed_unpack(&unpacker, lens, *buffer, streams)
                   : groups_unpack(&unpacker, groupings[number], lens, *buffer,
                                   streams);
    }
    slg_buf_free(&unpacker.frame);
    ZSTD_freeDCtx(unpacker.context);
    return code;
}
