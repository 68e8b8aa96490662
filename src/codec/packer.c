/* SPDX-License-Identifier: MIT */
/* src/codec/packer.c - raw deflate, one flush a body. */
#include "src/codec/packer.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

/* Every flush ends with an empty stored block: these bytes go without saying. */
#define FLUSH_BYTES 4u

/* The mark of a history that is lent. */
#define LENT_MARK (UINT64_C(1) << 63)

struct slg_packer {
    z_stream stream;
    bool has_stream;
    bool is_live; /* the stream stands where the history ends */
    int level;
    bool was_live; /* when the history was lent, which ended here */
    uint64_t lent_total;
    uint8_t *out;
    size_t out_cap;
    struct slg_history history;
};

struct slg_packer *
slg_packer_new(int level)
{
    struct slg_packer *packer = malloc(sizeof *packer);

    if (!packer)
        return NULL;
    memset(packer, 0, offsetof(struct slg_packer, history));
    packer->history.len = 0;
    packer->history.total = packer->history.mark = 0;
    packer->level = level;
    return packer;
}

void
slg_packer_free(struct slg_packer *packer)
{
    if (!packer)
        return;
    if (packer->has_stream)
        (void)deflateEnd(&packer->stream);
    free(packer->out);
    free(packer);
}

void
slg_packer_clear(struct slg_packer *packer)
{
    slg_history_clear(&packer->history);
    packer->is_live = false;
}

void
slg_packer_load(struct slg_packer *packer, const struct slg_history *history)
{
    slg_history_copy(&packer->history, history);
    packer->is_live = false;
}

/*
 * Each history counts its marks from 0.  The one that is lent gets one that
 * none comes to by counting: what a walk brings back that began without it, or
 * that passed a mark, must not be taken for what follows it.
 */
struct slg_history *
slg_packer_lend(struct slg_packer *packer)
{
    packer->was_live = packer->is_live;
    packer->history.mark = LENT_MARK;
    packer->lent_total = packer->history.total;
    packer->is_live = false;
    return &packer->history;
}

/* Telling the stream what was added takes less than starting it anew. */
void
slg_packer_take_back(struct slg_packer *packer)
{
    const struct slg_history *history = &packer->history;
    const uint64_t added = history->total - packer->lent_total;
    size_t len = 0;
    const uint8_t *bytes = slg_history_get(history, &len);

    if (!packer->was_live || history->mark != LENT_MARK || added > len)
        return;
    packer->is_live =
        added == 0 ||
        deflateSetDictionary(&packer->stream, bytes + (len - (size_t)added),
                             (uInt)added) == Z_OK;
}

/* Bring the stream to where the history ends. */
static bool
stream_start(struct slg_packer *packer)
{
    size_t len = 0;
    const uint8_t *bytes = slg_history_get(&packer->history, &len);

    if (!packer->has_stream) {
        if (deflateInit2(&packer->stream, packer->level, Z_DEFLATED, -15, 8,
                         Z_DEFAULT_STRATEGY) != Z_OK)
            return false;
        packer->has_stream = true;
    } else if (deflateReset(&packer->stream) != Z_OK) {
        return false;
    }
    packer->is_live = len == 0 || deflateSetDictionary(&packer->stream, bytes,
                                                       (uInt)len) == Z_OK;
    return packer->is_live;
}

/* A flush adds some bytes to what deflate needs at worst. */
static bool
out_reserve(struct slg_packer *packer, size_t len)
{
    const size_t cap = deflateBound(&packer->stream, (uLong)len) + 64;
    uint8_t *out = NULL;

    if (cap <= packer->out_cap)
        return true;
    out = realloc(packer->out, cap);
    if (!out)
        return false;
    packer->out = out;
    packer->out_cap = cap;
    return true;
}

bool
slg_packer_run(struct slg_packer *packer, const uint8_t *data, size_t len,
               const uint8_t **out, size_t *out_len)
{
    z_stream *stream = &packer->stream;

    *out = packer->out;
    *out_len = 0;
    /* zlib takes a second flush with nothing between for an error. */
    if (len == 0)
        return true;
    if ((!packer->is_live && !stream_start(packer)) ||
        !out_reserve(packer, len))
        return false;
    stream->next_in = data;
    stream->avail_in = (uInt)len;
    stream->next_out = packer->out;
    stream->avail_out = (uInt)packer->out_cap;
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_in > 0 ||
        stream->avail_out == 0) {
        packer->is_live = false;
        return false;
    }
    slg_history_add(&packer->history, data, len);
    *out = packer->out;
    *out_len = packer->out_cap - stream->avail_out - FLUSH_BYTES;
    return true;
}
