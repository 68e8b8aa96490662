/* SPDX-License-Identifier: MIT */
/* src/codec/unpacker.c - raw deflate and zstd blocks back to bodies. */
#include "src/codec/unpacker.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "src/codec/zrun.h"

#define OUT_CAP_MIN ((size_t)16384)
/* zlib: not in the last block, directly behind a block, no bits left over. */
#define DATA_TYPE_AT_END 128
/* SPEC.md 7.5: behind so many bytes of a run it does not go on. */
#define RUN_BYTES_MAX ((size_t)1048576)

/*
 * Where zstd stands in a run is more than the bytes that came out: to stand
 * there again, all bodies of the run are read once more.
 */
struct run {
    struct slg_zrun_reader *reader; /* NULL: not needed so far */
    bool is_open;
    bool is_live;          /* the reader has read all of bodies */
    bool is_unsettled;     /* the last body is not accepted yet */
    const uint8_t *prefix; /* pinned in the history, or own */
    size_t prefix_len;
    uint8_t *own_prefix;
    uint8_t *bodies;
    size_t len;
    size_t cap;
};

struct slg_unpacker {
    z_stream stream;
    bool has_stream;
    bool is_live; /* the stream stands where the history ends */
    struct run run;
    uint8_t *out;
    size_t out_cap;
    size_t out_start; /* of what run has decompressed */
    size_t out_len;
    struct slg_history history;
};

struct slg_unpacker *
slg_unpacker_new(size_t history_max)
{
    struct slg_unpacker *unpacker = calloc(1, sizeof *unpacker);

    if (unpacker)
        slg_history_init(&unpacker->history, history_max);
    return unpacker;
}

bool
slg_unpacker_set_base(struct slg_unpacker *unpacker, const uint8_t *base,
                      size_t len)
{
    unpacker->is_live = false;
    return slg_history_set_base(&unpacker->history, base, len);
}

/* -- the run --------------------------------------------------------------- */

static void
run_close(struct slg_unpacker *unpacker)
{
    struct run *run = &unpacker->run;

    run->is_open = run->is_live = run->is_unsettled = false;
    run->len = 0;
    free(run->own_prefix);
    run->own_prefix = NULL;
    slg_history_unpin(&unpacker->history);
    unpacker->history.is_in_run = false;
}

static bool
run_append(struct run *run, const uint8_t *bytes, size_t len)
{
    size_t cap = run->cap > 0 ? 2 * run->cap : 4096;
    uint8_t *grown = NULL;

    if (run->cap - run->len < len) {
        if (cap < run->len + len)
            cap = run->len + len;
        grown = realloc(run->bodies, cap);
        if (!grown)
            return false;
        run->bodies = grown;
        run->cap = cap;
    }
    memcpy(run->bodies + run->len, bytes, len);
    run->len += len;
    return true;
}

/* Read all of the run once more, for nothing but to stand behind it. */
static enum slg_unpack_state
run_replay(struct run *run)
{
    uint8_t *out = malloc(OUT_CAP_MIN);
    enum slg_zrun_state state = SLG_ZRUN_NO_MEMORY;
    size_t done = 0;

    if (out && slg_zrun_reader_begin(run->reader, run->prefix, run->prefix_len))
        do {
            size_t out_len = 0;

            state = slg_zrun_reader_feed(run->reader, run->bodies, run->len,
                                         &done, out, OUT_CAP_MIN, &out_len);
        } while (state == SLG_ZRUN_MORE);
    free(out);
    run->is_live = state == SLG_ZRUN_DONE;
    if (state == SLG_ZRUN_DONE)
        return SLG_UNPACK_OK;
    return state == SLG_ZRUN_BAD ? SLG_UNPACK_BAD : SLG_UNPACK_NO_MEMORY;
}

/* Bring the reader to where the body begins. */
static enum slg_unpack_state
run_start(struct slg_unpacker *unpacker, enum slg_packing packing)
{
    struct run *run = &unpacker->run;

    if (packing == SLG_PACKING_NEXT &&
        (!run->is_open || run->len > RUN_BYTES_MAX))
        return SLG_UNPACK_BAD;
    if (!run->reader)
        run->reader = slg_zrun_reader_new();
    if (!run->reader)
        return slg_zrun_is_there() ? SLG_UNPACK_NO_MEMORY : SLG_UNPACK_BAD;
    if (packing == SLG_PACKING_NEXT)
        return run->is_live ? SLG_UNPACK_OK : run_replay(run);
    run_close(unpacker);
    run->prefix = slg_history_pin(&unpacker->history, unpacker->history.limit,
                                  &run->prefix_len);
    run->is_open =
        slg_zrun_reader_begin(run->reader, run->prefix, run->prefix_len);
    run->is_live = run->is_open;
    return run->is_open ? SLG_UNPACK_OK : SLG_UNPACK_NO_MEMORY;
}

/* -- starting -------------------------------------------------------------- */

void
slg_unpacker_free(struct slg_unpacker *unpacker)
{
    if (!unpacker)
        return;
    if (unpacker->has_stream)
        (void)inflateEnd(&unpacker->stream);
    run_close(unpacker);
    slg_zrun_reader_free(unpacker->run.reader);
    free(unpacker->run.bodies);
    slg_history_reset(&unpacker->history);
    free(unpacker->out);
    free(unpacker);
}

void
slg_unpacker_clear(struct slg_unpacker *unpacker)
{
    run_close(unpacker);
    unpacker->is_live = false;
    slg_history_clear(&unpacker->history);
}

bool
slg_unpacker_load(struct slg_unpacker *unpacker,
                  const struct slg_history *history)
{
    run_close(unpacker);
    unpacker->is_live = false;
    if (!slg_history_copy(&unpacker->history, history))
        return false;
    unpacker->history.is_in_run = false;
    return true;
}

const struct slg_history *
slg_unpacker_history(const struct slg_unpacker *unpacker)
{
    return &unpacker->history;
}

bool
slg_unpacker_copy(struct slg_unpacker *to, const struct slg_unpacker *from)
{
    const struct run *run = &from->run;

    if (!slg_unpacker_load(to, &from->history))
        return false;
    if (!run->is_open || run->is_unsettled)
        return true;
    to->run.own_prefix = malloc(run->prefix_len + 1);
    if (!to->run.own_prefix || !run_append(&to->run, run->bodies, run->len)) {
        slg_unpacker_clear(to);
        return false;
    }
    if (run->prefix_len > 0)
        memcpy(to->run.own_prefix, run->prefix, run->prefix_len);
    to->run.prefix = to->run.own_prefix;
    to->run.prefix_len = run->prefix_len;
    to->run.is_open = true;
    to->history.is_in_run = true;
    return true;
}

/* Bring the stream to where the history ends. */
static bool
stream_start(struct slg_unpacker *unpacker)
{
    size_t len = 0;
    const uint8_t *bytes =
        slg_history_get(&unpacker->history, SLG_HISTORY_BYTES, &len);

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

/* -- what comes out -------------------------------------------------------- */

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

/* How far out may be filled, which is further than it is. */
static enum slg_unpack_state
out_room(struct slg_unpacker *unpacker, size_t out_max, size_t *room)
{
    enum slg_unpack_state state = SLG_UNPACK_OK;

    if (unpacker->out_len >= unpacker->out_cap ||
        unpacker->out_len >= out_max + 1)
        state = out_grow(unpacker, unpacker->out_len + 1, out_max);
    *room = unpacker->out_cap < out_max + 1 ? unpacker->out_cap : out_max + 1;
    return state;
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
        size_t room = 0;
        const enum slg_unpack_state state = out_room(unpacker, out_max, &room);

        if (state != SLG_UNPACK_OK)
            return state;
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

static enum slg_unpack_state
stream_run(struct slg_unpacker *unpacker, const struct slg_unpack_in *in,
           size_t out_max)
{
    static const uint8_t flush[] = { 0x00, 0x00, 0xFF, 0xFF };
    enum slg_unpack_state state = SLG_UNPACK_OK;

    if (!unpacker->is_live && !stream_start(unpacker))
        return SLG_UNPACK_NO_MEMORY;
    /* Should this come to nothing, the history is all that counts. */
    unpacker->is_live = false;
    state = stream_feed(unpacker, in->bytes, in->len, out_max);
    if (state == SLG_UNPACK_OK)
        state = stream_feed(unpacker, flush, sizeof flush, out_max);
    return state == SLG_UNPACK_OK &&
                   unpacker->stream.data_type != DATA_TYPE_AT_END
               ? SLG_UNPACK_BAD
               : state;
}

static enum slg_unpack_state
run_feed(struct slg_unpacker *unpacker, const struct slg_unpack_in *in,
         size_t out_max)
{
    size_t done = 0;

    for (;;) {
        size_t room = 0;
        const enum slg_unpack_state state = out_room(unpacker, out_max, &room);

        if (state != SLG_UNPACK_OK)
            return state;
        switch (slg_zrun_reader_feed(unpacker->run.reader, in->bytes, in->len,
                                     &done, unpacker->out, room,
                                     &unpacker->out_len)) {
        case SLG_ZRUN_DONE:
            return unpacker->out_len <= out_max ? SLG_UNPACK_OK
                                                : SLG_UNPACK_BAD;
        case SLG_ZRUN_BAD:
            return SLG_UNPACK_BAD;
        case SLG_ZRUN_NO_MEMORY:
            return SLG_UNPACK_NO_MEMORY;
        case SLG_ZRUN_MORE:
            break;
        }
    }
}

static enum slg_unpack_state
run_run(struct slg_unpacker *unpacker, const struct slg_unpack_in *in,
        size_t out_max)
{
    struct run *run = &unpacker->run;
    enum slg_unpack_state state = SLG_UNPACK_BAD;

    if (!slg_zrun_body_is_sound(in->bytes, in->len))
        return state;
    state = run_start(unpacker, in->packing);
    if (state != SLG_UNPACK_OK)
        return state;
    run->is_live = false;
    state = run_feed(unpacker, in, out_max);
    if (state == SLG_UNPACK_OK && !run_append(run, in->bytes, in->len))
        state = SLG_UNPACK_NO_MEMORY;
    run->is_unsettled = state == SLG_UNPACK_OK;
    return state;
}

enum slg_unpack_state
slg_unpacker_run(struct slg_unpacker *unpacker, const struct slg_unpack_in *in,
                 size_t out_max, const uint8_t **out, size_t *out_len)
{
    const size_t prefix_len = in->prefix_len;
    enum slg_unpack_state state = SLG_UNPACK_OK;

    if (unpacker->run.is_unsettled)
        run_close(unpacker);
    if (prefix_len > out_max)
        state = SLG_UNPACK_BAD;
    else if (unpacker->out_cap <= prefix_len)
        state = out_grow(unpacker, prefix_len + 1, out_max);
    if (state == SLG_UNPACK_BAD)
        run_close(unpacker);
    if (state != SLG_UNPACK_OK)
        return state;
    if (prefix_len > 0)
        memcpy(unpacker->out, in->prefix, prefix_len);
    unpacker->out_start = unpacker->out_len = prefix_len;
    state = in->packing == SLG_PACKING_DEFLATE
                ? stream_run(unpacker, in, out_max)
                : run_run(unpacker, in, out_max);
    if (state == SLG_UNPACK_BAD)
        run_close(unpacker);
    *out = unpacker->out;
    *out_len = unpacker->out_len;
    return state;
}

bool
slg_unpacker_accept(struct slg_unpacker *unpacker)
{
    const bool is_run = unpacker->run.is_unsettled;

    unpacker->is_live = !is_run;
    unpacker->run.is_live = is_run;
    unpacker->run.is_unsettled = false;
    if (!is_run)
        run_close(unpacker);
    if (!slg_history_add(&unpacker->history,
                         unpacker->out + unpacker->out_start,
                         unpacker->out_len - unpacker->out_start)) {
        slg_unpacker_clear(unpacker);
        return false;
    }
    unpacker->history.is_in_run = is_run;
    return true;
}

bool
slg_unpacker_add(struct slg_unpacker *unpacker, const uint8_t *data, size_t len)
{
    const size_t told = len < SLG_HISTORY_BYTES ? len : SLG_HISTORY_BYTES;

    if (len == 0)
        return true;
    run_close(unpacker);
    if (!slg_history_add(&unpacker->history, data, len)) {
        slg_unpacker_clear(unpacker);
        return false;
    }
    /* Behind a whole block a stream takes what it has not read itself. */
    if (unpacker->is_live)
        unpacker->is_live =
            inflateSetDictionary(&unpacker->stream, data + (len - told),
                                 (uInt)told) == Z_OK;
    return true;
}
