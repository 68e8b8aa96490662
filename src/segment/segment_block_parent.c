/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_block_parent.c - SPEC.md 15.4: a block as what it does
 * not have in common with records of the parent.
 */
#include "src/segment/segment_block_parts.h"

#ifdef SEGLOG_HAVE_ZSTD

#include <stdlib.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

/*
 * From the default level on: only from this level on does zstd weigh what a
 * match costs, and of a fork nothing but the cost of its matches is left.
 */
#define LEVEL_THOROUGH 16
#define LEVEL_SWIFT    8 /* the last one that is left as it is */

/* A decoder allows no larger window than this by itself. */
#define WINDOW_LOG_MAX 27

static unsigned
window_log(size_t len)
{
    unsigned log = 17;

    while (log < WINDOW_LOG_MAX && (size_t)1 << log < len)
        log++;
    return log;
}

static bool
context_set(ZSTD_CCtx *context, ZSTD_cParameter name, int value)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(context, name, value));
}

/* Matches reach far back, to the same place of the parent. */
static bool
context_prepare(ZSTD_CCtx *context, int level, size_t plain_len,
                const struct slg_block_prefix *prefix)
{
    bool is_set = context_set(context, ZSTD_c_compressionLevel, level);

    is_set &= context_set(context, ZSTD_c_windowLog,
                          (int)window_log(plain_len + prefix->len));
    is_set &= context_set(context, ZSTD_c_enableLongDistanceMatching, 1);
    is_set &= context_set(context, ZSTD_c_checksumFlag, 0);
    is_set &= !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context, plain_len));
    is_set &=
        !ZSTD_isError(ZSTD_CCtx_refPrefix(context, prefix->bytes, prefix->len));
    return is_set;
}

size_t
slg_block_parent_encode(uint8_t *out, size_t cap, const uint8_t *plain,
                        size_t plain_len, int level,
                        const struct slg_block_prefix *prefix)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t len = 0;

    if (level > LEVEL_SWIFT && level < LEVEL_THOROUGH)
        level = LEVEL_THOROUGH;

    if (context && context_prepare(context, level, plain_len, prefix))
        len = ZSTD_compress2(context, out, cap, plain, plain_len);
    ZSTD_freeCCtx(context);
    /* One that is too long for out is none, as is one that failed. */
    return ZSTD_isError(len) ? 0 : len;
}

seglog_code
slg_block_parent_decode(struct slg_block *block, const uint8_t *data,
                        size_t len, uint64_t plain_max,
                        const struct slg_block_prefix *prefix)
{
    const unsigned long long plain = ZSTD_getFrameContentSize(data, len);
    ZSTD_DCtx *context = NULL;
    size_t got = 0;

    if (plain == ZSTD_CONTENTSIZE_UNKNOWN || plain == ZSTD_CONTENTSIZE_ERROR ||
        plain > plain_max || plain == 0)
        return SEGLOG_CORRUPT;
    if (slg_block_reserve(block, (size_t)plain) != SEGLOG_OK)
        return SEGLOG_NO_MEMORY;
    context = ZSTD_createDCtx();
    if (!context)
        return SEGLOG_NO_MEMORY;
    got = ZSTD_DCtx_refPrefix(context, prefix->bytes, prefix->len);
    if (!ZSTD_isError(got))
        got = ZSTD_decompressDCtx(context, block->bytes, (size_t)plain, data,
                                  len);
    ZSTD_freeDCtx(context);
    /* The block is not to blame. */
    if (ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
        return SEGLOG_NO_MEMORY;
    if (ZSTD_isError(got))
        return SEGLOG_CORRUPT;
    block->len = got;
    return SEGLOG_OK;
}

#endif
