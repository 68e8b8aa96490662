/* SPDX-License-Identifier: MIT */
/* src/codec/packer.c - one flush a body, by deflate or by zstd. */
#include "src/codec/packer.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "src/codec/zrun.h"

/* Every flush ends with an empty stored block: these bytes go without saying. */
#define FLUSH_BYTES 4u

/* The mark of a history that is lent. */
#define LENT_MARK (UINT64_C(1) << 63)

/* Where zstd becomes better than deflate: bytes of a body, on average. */
#define ZSTD_FROM 640u
/* So many bodies of the stretch before count as long as there are few. */
#define PRIOR_MAX 16u

struct slg_packer {
    struct slg_packer_plan plan;
    z_stream stream;
    bool has_stream;
    bool is_live;     /* the stream stands where the history ends */
    bool was_live;    /* when the history was lent, which ended here */
    bool is_run_live; /* the run stands there */
    uint64_t lent_total;
    uint64_t prior_total; /* of the stretch before: auto decides by it */
    uint64_t prior_count;
    struct slg_zrun_writer *run; /* NULL: not needed so far */
    uint8_t *out;
    size_t out_cap;
    struct slg_history history;
};

struct slg_packer *
slg_packer_new(const struct slg_packer_plan *plan)
{
    struct slg_packer *packer = calloc(1, sizeof *packer);

    if (!packer)
        return NULL;
    packer->plan = *plan;
    slg_history_init(&packer->history, plan->with_zstd ? SLG_HISTORY_ZSTD_BYTES
                                                       : SLG_HISTORY_BYTES);
    if (slg_history_set_base(&packer->history, plan->base, plan->base_len))
        return packer;
    slg_packer_free(packer);
    return NULL;
}

void
slg_packer_free(struct slg_packer *packer)
{
    if (!packer)
        return;
    if (packer->has_stream)
        (void)deflateEnd(&packer->stream);
    slg_zrun_writer_free(packer->run);
    slg_history_reset(&packer->history);
    free(packer->out);
    free(packer);
}

/* No stream stands where the history ends. */
static void
streams_leave(struct slg_packer *packer)
{
    packer->is_live = false;
    packer->is_run_live = false;
    slg_history_unpin(&packer->history);
}

void
slg_packer_clear(struct slg_packer *packer)
{
    const struct slg_history *history = &packer->history;

    if (history->count > 0) {
        const uint64_t average = history->total / history->count;

        packer->prior_count =
            history->count < PRIOR_MAX ? history->count : PRIOR_MAX;
        packer->prior_total = packer->prior_count * average;
    }
    streams_leave(packer);
    slg_history_clear(&packer->history);
}

bool
slg_packer_load(struct slg_packer *packer, const struct slg_history *history)
{
    streams_leave(packer);
    if (history->len > 0)
        return slg_history_copy(&packer->history, history);
    /* Whoever has met no body has not asked for the base either. */
    slg_history_clear(&packer->history);
    return true;
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
    streams_leave(packer);
    return &packer->history;
}

/* Telling the stream what was added takes less than starting it anew.  A run
 * cannot be told. */
void
slg_packer_take_back(struct slg_packer *packer)
{
    const struct slg_history *history = &packer->history;
    const uint64_t added = history->total - packer->lent_total;
    size_t len = 0;
    const uint8_t *bytes = slg_history_get(history, SLG_HISTORY_BYTES, &len);

    if (!packer->was_live || history->mark != LENT_MARK || added > len)
        return;
    packer->is_live =
        added == 0 ||
        deflateSetDictionary(&packer->stream, bytes + (len - (size_t)added),
                             (uInt)added) == Z_OK;
}

bool
slg_packer_is_in_foreign_run(const struct slg_packer *packer)
{
    return packer->history.is_in_run;
}

/* -- deflate --------------------------------------------------------------- */

static bool
stream_init(struct slg_packer *packer)
{
    const int level = packer->plan.level < SLG_LEVEL_DEFLATE_MAX
                          ? packer->plan.level
                          : SLG_LEVEL_DEFLATE_MAX;
    const int memory = packer->plan.is_small ? 5 : 8;
    const int window = packer->plan.is_small ? -14 : -15;

    packer->has_stream =
        deflateInit2(&packer->stream, level, Z_DEFLATED, window, memory,
                     Z_DEFAULT_STRATEGY) == Z_OK;
    return packer->has_stream;
}

/* Bring the stream to where the history ends. */
static bool
stream_start(struct slg_packer *packer)
{
    size_t len = 0;
    const uint8_t *bytes =
        slg_history_get(&packer->history, SLG_HISTORY_BYTES, &len);

    if (packer->has_stream ? deflateReset(&packer->stream) != Z_OK
                           : !stream_init(packer))
        return false;
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

static bool
stream_run(struct slg_packer *packer, const uint8_t *data, size_t len,
           struct slg_packed *packed)
{
    z_stream *stream = &packer->stream;

    if ((!packer->is_live && !stream_start(packer)) ||
        !out_reserve(packer, len))
        return false;
    stream->next_in = data;
    stream->avail_in = (uInt)len;
    stream->next_out = packer->out;
    stream->avail_out = (uInt)packer->out_cap;
    if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_out == 0)
        return false;
    packed->bytes = packer->out;
    packed->len = packer->out_cap - stream->avail_out - FLUSH_BYTES;
    packed->packing = SLG_PACKING_DEFLATE;
    return true;
}

/* -- zstd ------------------------------------------------------------------ */

/* Begin one behind all that the next body may refer to. */
static bool
run_begin(struct slg_packer *packer)
{
    size_t len = 0;
    const uint8_t *prefix = NULL;

    if (!packer->run)
        packer->run = slg_zrun_writer_new(packer->plan.level);
    if (!packer->run)
        return false;
    prefix = slg_history_pin(&packer->history, packer->history.limit, &len);
    return slg_zrun_writer_begin(packer->run, prefix, len);
}

static bool
run_run(struct slg_packer *packer, const uint8_t *data, size_t len,
        struct slg_packed *packed)
{
    packed->packing =
        packer->is_run_live ? SLG_PACKING_NEXT : SLG_PACKING_FIRST;
    if (!packer->is_run_live && !run_begin(packer))
        return false;
    return slg_zrun_writer_add(packer->run, data, len, &packed->bytes,
                               &packed->len);
}

/* -- which ----------------------------------------------------------------- */

/*
 * A run that is on goes on to the next mark.  Otherwise what the bodies are
 * like since the mark, and what they were like before it as long as there are
 * few, decides: several writers that read the same come to much the same.
 */
static bool
wants_zstd(const struct slg_packer *packer, size_t len)
{
    const struct slg_history *history = &packer->history;
    uint64_t total = history->total + len;
    uint64_t count = history->count + 1;

    if (!packer->plan.with_zstd || !packer->plan.with_deflate)
        return packer->plan.with_zstd;
    if (packer->is_run_live)
        return true;
    if (history->count < packer->prior_count) {
        total += packer->prior_total;
        count += packer->prior_count;
    }
    return total >= count * ZSTD_FROM;
}

bool
slg_packer_run(struct slg_packer *packer, const uint8_t *data, size_t len,
               size_t max, struct slg_packed *packed)
{
    bool is_zstd = false;
    bool is_kept = false;

    *packed = (struct slg_packed){ data, len, SLG_PACKING_NONE };
    /* zlib takes a second flush with nothing between for an error. */
    if (len == 0)
        return true;
    is_zstd = wants_zstd(packer, len);
    if (is_zstd ? !run_run(packer, data, len, packed)
                : !stream_run(packer, data, len, packed)) {
        streams_leave(packer);
        return false;
    }
    /* Of a run every body is taken that fits: a break would cost more. */
    is_kept = is_zstd ? packed->len <= max : packed->len < len;
    if (!is_kept)
        *packed = (struct slg_packed){ data, len, SLG_PACKING_NONE };
    packer->history.is_in_run = false;
    packer->is_live = !is_zstd;
    packer->is_run_live = is_zstd && is_kept;
    if (!packer->is_run_live)
        slg_history_unpin(&packer->history);
    if (slg_history_add(&packer->history, data, len))
        return true;
    streams_leave(packer);
    return false;
}
