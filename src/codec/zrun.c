/* SPDX-License-Identifier: MIT */
/* src/codec/zrun.c - zstd blocks to bodies and back. */
#include "src/codec/zrun.h"

#ifdef SEGLOG_HAVE_ZSTD

#include <stdlib.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG 20

/* A window of 1 MiB and nothing else: every run has this header. */
static const uint8_t frame_header[] = { 0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x50 };

bool
slg_zrun_is_there(void)
{
    return true;
}

/*
 * What the levels mean.  zstd's own choice would depend on the length of the
 * prefix, and be wrong for what follows it.
 */
struct effort {
    uint8_t chain_log, hash_log, search_log, min_match;
    uint16_t target;
    ZSTD_strategy strategy;
};

static const struct effort efforts[] = {
    { 13, 14, 1, 7, 0, ZSTD_fast },       { 15, 16, 1, 6, 0, ZSTD_fast },
    { 16, 17, 1, 5, 0, ZSTD_dfast },      { 18, 18, 1, 5, 0, ZSTD_dfast },
    { 18, 18, 3, 5, 2, ZSTD_greedy },     { 18, 19, 3, 5, 4, ZSTD_lazy },
    { 19, 19, 4, 5, 8, ZSTD_lazy },       { 19, 20, 4, 5, 16, ZSTD_lazy2 },
    { 20, 20, 5, 5, 16, ZSTD_lazy2 },     { 20, 20, 5, 4, 16, ZSTD_lazy2 },
    { 20, 20, 6, 4, 16, ZSTD_lazy2 },     { 20, 20, 6, 4, 32, ZSTD_lazy2 },
    { 20, 20, 4, 5, 32, ZSTD_btlazy2 },   { 20, 20, 5, 5, 32, ZSTD_btlazy2 },
    { 20, 20, 6, 5, 32, ZSTD_btlazy2 },   { 20, 20, 5, 5, 48, ZSTD_btopt },
    { 20, 20, 5, 4, 64, ZSTD_btopt },     { 20, 20, 6, 3, 64, ZSTD_btultra },
    { 20, 20, 7, 3, 256, ZSTD_btultra2 },
};
#define LEVEL_MAX ((int)(sizeof efforts / sizeof *efforts))

/* -- writing --------------------------------------------------------------- */

struct slg_zrun_writer {
    ZSTD_CCtx *stream;
    int level;
    bool is_first; /* the header is still to come */
    uint8_t *out;
    size_t out_cap;
};

struct slg_zrun_writer *
slg_zrun_writer_new(int level)
{
    struct slg_zrun_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return NULL;
    writer->level = level;
    writer->stream = ZSTD_createCCtx();
    if (writer->stream)
        return writer;
    free(writer);
    return NULL;
}

void
slg_zrun_writer_free(struct slg_zrun_writer *writer)
{
    if (!writer)
        return;
    (void)ZSTD_freeCCtx(writer->stream);
    free(writer->out);
    free(writer);
}

static bool
is_set(ZSTD_CCtx *stream, ZSTD_cParameter parameter, int value)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(stream, parameter, value));
}

bool
slg_zrun_writer_begin(struct slg_zrun_writer *writer, const uint8_t *prefix,
                      size_t len)
{
    ZSTD_CCtx *stream = writer->stream;
    const int level = writer->level < LEVEL_MAX ? writer->level : LEVEL_MAX;
    const struct effort *effort = &efforts[level - 1];
    const struct {
        ZSTD_cParameter parameter;
        int value;
    } settings[] = {
        { ZSTD_c_windowLog, WINDOW_LOG },
        { ZSTD_c_chainLog, effort->chain_log },
        { ZSTD_c_hashLog, effort->hash_log },
        { ZSTD_c_searchLog, effort->search_log },
        { ZSTD_c_minMatch, effort->min_match },
        { ZSTD_c_targetLength, effort->target },
        { ZSTD_c_strategy, (int)effort->strategy },
        { ZSTD_c_contentSizeFlag, 0 },
    };
    bool is_begun = !ZSTD_isError(
        ZSTD_CCtx_reset(stream, ZSTD_reset_session_and_parameters));

    writer->is_first = true;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        is_begun &= is_set(stream, settings[i].parameter, settings[i].value);
    is_begun &= !ZSTD_isError(
        ZSTD_CCtx_refPrefix(stream, len > 0 ? prefix : NULL, len));
    return is_begun;
}

static bool
out_reserve(struct slg_zrun_writer *writer, size_t cap)
{
    uint8_t *out = NULL;

    if (cap <= writer->out_cap)
        return true;
    out = realloc(writer->out, cap);
    if (!out)
        return false;
    writer->out = out;
    writer->out_cap = cap;
    return true;
}

bool
slg_zrun_writer_add(struct slg_zrun_writer *writer, const uint8_t *data,
                    size_t len, const uint8_t **out, size_t *out_len)
{
    ZSTD_inBuffer in = { data, len, 0 };
    ZSTD_outBuffer to = { NULL, 0, 0 };
    size_t skipped = 0;

    if (!out_reserve(writer, ZSTD_compressBound(len) + 64))
        return false;
    to.dst = writer->out;
    to.size = writer->out_cap;
    /* There is room for what blocks are at worst: nothing is left inside. */
    if (ZSTD_compressStream2(writer->stream, &to, &in, ZSTD_e_flush) != 0)
        return false;
    if (writer->is_first) {
        skipped = sizeof frame_header;
        if (to.pos < skipped || memcmp(writer->out, frame_header, skipped) != 0)
            return false;
        writer->is_first = false;
    }
    *out = writer->out + skipped;
    *out_len = to.pos - skipped;
    return true;
}

/* -- reading --------------------------------------------------------------- */

/*
 * A run gets a stream of its own.  How strictly zstd looks at a block depends
 * on what its stream has read before (it takes another decoder for a prefix
 * that it has not met last), and what is a body must not.
 */
struct slg_zrun_reader {
    ZSTD_DCtx *stream; /* NULL: for want of memory */
    bool is_fresh;
};

struct slg_zrun_reader *
slg_zrun_reader_new(void)
{
    struct slg_zrun_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return NULL;
    reader->stream = ZSTD_createDCtx();
    reader->is_fresh = true;
    if (reader->stream)
        return reader;
    free(reader);
    return NULL;
}

void
slg_zrun_reader_free(struct slg_zrun_reader *reader)
{
    if (!reader)
        return;
    (void)ZSTD_freeDCtx(reader->stream);
    free(reader);
}

bool
slg_zrun_reader_begin(struct slg_zrun_reader *reader, const uint8_t *prefix,
                      size_t len)
{
    ZSTD_inBuffer in = { frame_header, sizeof frame_header, 0 };
    ZSTD_outBuffer none = { NULL, 0, 0 };

    if (!reader->is_fresh) {
        (void)ZSTD_freeDCtx(reader->stream);
        reader->stream = ZSTD_createDCtx();
    }
    reader->is_fresh = false;
    return reader->stream &&
           !ZSTD_isError(ZSTD_DCtx_refPrefix(reader->stream,
                                             len > 0 ? prefix : NULL, len)) &&
           !ZSTD_isError(ZSTD_decompressStream(reader->stream, &none, &in));
}

bool
slg_zrun_body_is_sound(const uint8_t *body, size_t len)
{
    if (len == 0)
        return false;
    while (len >= 3) {
        const uint32_t block = (uint32_t)body[0] | (uint32_t)body[1] << 8 |
                               (uint32_t)body[2] << 16;
        const unsigned type = block >> 1 & 3;
        /* A run-length block holds the one byte that it repeats. */
        const size_t size = 3 + (type == 1 ? 1 : (size_t)(block >> 3));

        if ((block & 1) != 0 || type == 3 || size > len)
            return false;
        body += size;
        len -= size;
    }
    return len == 0;
}

enum slg_zrun_state
slg_zrun_reader_feed(struct slg_zrun_reader *reader, const uint8_t *body,
                     size_t len, size_t *done, uint8_t *out, size_t out_cap,
                     size_t *out_len)
{
    ZSTD_inBuffer in = { body, len, *done };
    ZSTD_outBuffer to = { out, out_cap, *out_len };

    while (to.pos < to.size) {
        const size_t result = ZSTD_decompressStream(reader->stream, &to, &in);

        if (ZSTD_isError(result))
            return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation
                       ? SLG_ZRUN_NO_MEMORY
                       : SLG_ZRUN_BAD;
        *done = in.pos;
        *out_len = to.pos;
        if (in.pos == in.size && to.pos < to.size)
            return SLG_ZRUN_DONE;
    }
    return SLG_ZRUN_MORE;
}

#else /* no zstd */

bool
slg_zrun_is_there(void)
{
    return false;
}

struct slg_zrun_writer *
slg_zrun_writer_new(int level)
{
    (void)level;
    return NULL;
}

void
slg_zrun_writer_free(struct slg_zrun_writer *writer)
{
    (void)writer;
}

bool
slg_zrun_writer_begin(struct slg_zrun_writer *writer, const uint8_t *prefix,
                      size_t len)
{
    (void)writer;
    (void)prefix;
    (void)len;
    return false;
}

bool
slg_zrun_writer_add(struct slg_zrun_writer *writer, const uint8_t *data,
                    size_t len, const uint8_t **out, size_t *out_len)
{
    (void)writer;
    (void)data;
    (void)len;
    *out = NULL;
    *out_len = 0;
    return false;
}

struct slg_zrun_reader *
slg_zrun_reader_new(void)
{
    return NULL;
}

void
slg_zrun_reader_free(struct slg_zrun_reader *reader)
{
    (void)reader;
}

bool
slg_zrun_reader_begin(struct slg_zrun_reader *reader, const uint8_t *prefix,
                      size_t len)
{
    (void)reader;
    (void)prefix;
    (void)len;
    return false;
}

bool
slg_zrun_body_is_sound(const uint8_t *body, size_t len)
{
    (void)body;
    (void)len;
    return false;
}

enum slg_zrun_state
slg_zrun_reader_feed(struct slg_zrun_reader *reader, const uint8_t *body,
                     size_t len, size_t *done, uint8_t *out, size_t out_cap,
                     size_t *out_len)
{
    (void)reader;
    (void)body;
    (void)len;
    (void)done;
    (void)out;
    (void)out_cap;
    (void)out_len;
    return SLG_ZRUN_BAD;
}

#endif
