/* SPDX-License-Identifier: MIT */
/* src/codec/unpacker.c - raw deflate back to bodies. */
#include "src/codec/unpacker.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#define OUT_CAP_MIN ((size_t)16384)
/* zlib: not in the last block, directly behind a block, no bits left over. */
#define DATA_TYPE_AT_END 128

struct slg_unpacker {
    z_stream stream;
    bool has_stream;
    bool is_live; /* the stream stands where the history ends */
    uint8_t *out;
    size_t out_cap;
    size_t out_start; /* of what run has decompressed */
    size_t out_len;
    struct slg_history history;
};

struct slg_unpacker *
slg_unpacker_new(void)
{
    struct slg_unpacker *unpacker = malloc(sizeof *unpacker);

    if (!unpacker)
        return NULL;
    memset(unpacker, 0, offsetof(struct slg_unpacker, history));
    unpacker->history.len = 0;
    unpacker->history.total = unpacker->history.mark = 0;
    return unpacker;
}

void
slg_unpacker_free(struct slg_unpacker *unpacker)
{
    if (!unpacker)
        return;
    if (unpacker->has_stream)
        (void)inflateEnd(&unpacker->stream);
    free(unpacker->out);
    free(unpacker);
}

void
slg_unpacker_clear(struct slg_unpacker *unpacker)
{
    slg_history_clear(&unpacker->history);
    unpacker->is_live = false;
}

void
slg_unpacker_load(struct slg_unpacker *unpacker,
                  const struct slg_history *history)
{
    slg_history_copy(&unpacker->history, history);
    unpacker->is_live = false;
}

const struct slg_history *
slg_unpacker_history(const struct slg_unpacker *unpacker)
{
    return &unpacker->history;
}

/* Bring the stream to where the history ends. */
static bool
stream_start(struct slg_unpacker *unpacker)
{
    size_t len = 0;
    const uint8_t *bytes = slg_history_get(&unpacker->history, &len);

    if (!unpacker->has_stream) {
        if (inflateInit2(&unpacker->stream, -15) != Z_OK)
            return false;
        unpacker->has_stream = true;
    } else if (inflateReset(&unpacker->stream) != Z_OK) {
        return false;
    }
    unpacker->is_live =
        len == 0 ||
        inflateSetDictionary(&unpacker->stream, bytes, (uInt)len) == Z_OK;
    return unpacker->is_live;
}

/* Room for more, up to one byte more than may come out: that one tells. */
static enum slg_unpack_state
out_grow(struct slg_unpacker *unpacker, size_t need, size_t out_max)
{
    size_t cap = 2 * unpacker->out_cap;
    uint8_t *out = NULL;

    if (cap < need)
        cap = need;
    if (cap < OUT_CAP_MIN)
        cap = OUT_CAP_MIN;
    if (cap > out_max + 1)
        cap = out_max + 1;
    if (cap <= unpacker->out_cap)
        return SLG_UNPACK_BAD;
    out = realloc(unpacker->out, cap);
    if (!out)
        return SLG_UNPACK_NO_MEMORY;
    unpacker->out = out;
    unpacker->out_cap = cap;
    return SLG_UNPACK_OK;
}

/* Put one piece of input through the stream. */
static enum slg_unpack_state
stream_feed(struct slg_unpacker *unpacker, const uint8_t *in, size_t len,
            size_t out_max)
{
    z_stream *stream = &unpacker->stream;

    stream->next_in = in;
    stream->avail_in = (uInt)len;
    do {
        size_t room =
            unpacker->out_cap < out_max + 1 ? unpacker->out_cap : out_max + 1;
        if (unpacker->out_len >= room) {
            const enum slg_unpack_state state =
                out_grow(unpacker, unpacker->out_len + 1, out_max);

            if (state != SLG_UNPACK_OK)
                return state;
            room = unpacker->out_cap;
        }
        room -= unpacker->out_len;
        stream->next_out = unpacker->out + unpacker->out_len;
        stream->avail_out = (uInt)room;
        const int result = inflate(stream, Z_SYNC_FLUSH);
        unpacker->out_len += room - stream->avail_out;
        if (result == Z_MEM_ERROR)
            return SLG_UNPACK_NO_MEMORY;
        /* A last block ends the stream, which nothing here may do. */
        if ((result != Z_OK && result != Z_BUF_ERROR) ||
            unpacker->out_len > out_max)
            return SLG_UNPACK_BAD;
    } while (stream->avail_in > 0 || stream->avail_out == 0);
    return SLG_UNPACK_OK;
}

enum slg_unpack_state
slg_unpacker_run(struct slg_unpacker *unpacker, const uint8_t *prefix,
                 size_t prefix_len, const uint8_t *in, size_t len,
                 size_t out_max, const uint8_t **out, size_t *out_len)
{
    static const uint8_t flush[] = { 0x00, 0x00, 0xFF, 0xFF };
    enum slg_unpack_state state = SLG_UNPACK_OK;

    if (prefix_len > out_max)
        return SLG_UNPACK_BAD;
    if (!unpacker->is_live && !stream_start(unpacker))
        return SLG_UNPACK_NO_MEMORY;
    if (unpacker->out_cap <= prefix_len)
        state = out_grow(unpacker, prefix_len + 1, out_max);
    if (state == SLG_UNPACK_OK) {
        if (prefix_len > 0)
            memcpy(unpacker->out, prefix, prefix_len);
        unpacker->out_start = unpacker->out_len = prefix_len;
        /* Should this come to nothing, the history is all that counts. */
        unpacker->is_live = false;
        state = stream_feed(unpacker, in, len, out_max);
    }
    if (state == SLG_UNPACK_OK)
        state = stream_feed(unpacker, flush, sizeof flush, out_max);
    if (state == SLG_UNPACK_OK &&
        unpacker->stream.data_type != DATA_TYPE_AT_END)
        state = SLG_UNPACK_BAD;
    *out = unpacker->out;
    *out_len = unpacker->out_len;
    return state;
}

void
slg_unpacker_accept(struct slg_unpacker *unpacker)
{
    slg_history_add(&unpacker->history, unpacker->out + unpacker->out_start,
                    unpacker->out_len - unpacker->out_start);
    unpacker->is_live = true;
}

void
slg_unpacker_add(struct slg_unpacker *unpacker, const uint8_t *data, size_t len)
{
    const size_t told = len < SLG_HISTORY_BYTES ? len : SLG_HISTORY_BYTES;

    slg_history_add(&unpacker->history, data, len);
    /* Behind a whole block a stream takes what it has not read itself. */
    if (unpacker->is_live && len > 0)
        unpacker->is_live =
            inflateSetDictionary(&unpacker->stream, data + (len - told),
                                 (uInt)told) == Z_OK;
}
