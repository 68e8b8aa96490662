/* SPDX-License-Identifier: MIT */
/* src/stream/stream_begin.c - where a stream that was trimmed begins. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/bytes.h"
#include "format/chain.h"
#include "src/store/fail.h"
#include "src/stream/stream_names.h"
#include "src/stream/stream_single.h"

#define BEGIN_BYTES 80u

static const uint8_t MAGIC[8] = { 'B', '1' };

/* -- as bytes -------------------------------------------------------------- */

static void
begin_encode(const struct slg_stream_begin *begin, uint64_t stream,
             uint8_t out[BEGIN_BYTES])
{
    memset(out, 0, BEGIN_BYTES);
    memcpy(out, MAGIC, sizeof MAGIC);
    slg_store_le64(out + 8, stream);
    memcpy(out + 16, begin->identity, sizeof begin->identity);
    slg_store_le64(out + 32, begin->offset);
    slg_store_le32(out + 40, begin->number);
    out[44] = (uint8_t)begin->chain;
    out[45] = begin->has_others;
    memcpy(out + 48, begin->hash.bytes, begin->hash.len);
}

static bool
begin_decode(const uint8_t in[BEGIN_BYTES], uint64_t stream,
             struct slg_stream_begin *begin)
{
    static const uint8_t zeros[16];
    const size_t len = slg_chain_len(in[44]);

    if (memcmp(in, MAGIC, sizeof MAGIC) != 0 ||
        slg_load_le64(in + 8) != stream || in[45] > 1 || in[46] != 0 ||
        in[47] != 0 || len == 0 ||
        memcmp(in + 48 + len, zeros, BEGIN_BYTES - 48 - len) != 0)
        return false;
    *begin = (struct slg_stream_begin){ .is_there = true };
    memcpy(begin->identity, in + 16, sizeof begin->identity);
    begin->offset = slg_load_le64(in + 32);
    begin->number = slg_load_le32(in + 40);
    begin->chain = (enum seglog_chain)in[44];
    begin->has_others = in[45] == 1;
    begin->hash.len = (uint8_t)len;
    memcpy(begin->hash.bytes, in + 48, len);
    return begin->number > 0 && begin->offset > 0 && begin->offset < INT64_MAX;
}

/* -- in its blob ----------------------------------------------------------- */

char *
slg_stream_begin_name(uint64_t stream, char name[SEGLOG_STREAM_NAME_CAP])
{
    (void)snprintf(name, SEGLOG_STREAM_NAME_CAP, "stream.%" PRIu64 ".begin.seg",
                   stream);
    return name;
}

/* What is damaged says nothing: then the segments that went are missing. */
static bool
code_is_damage(seglog_code code)
{
    return code == SEGLOG_NOT_FOUND || code == SEGLOG_CORRUPT ||
           code == SEGLOG_INVALID || code == SEGLOG_FORMAT ||
           code == SEGLOG_AUTH;
}

seglog_code
slg_stream_begin_read(struct seglog_store store, uint64_t stream,
                      struct slg_stream_begin *begin, struct seglog_error *err)
{
    uint8_t bytes[BEGIN_BYTES];
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_error local;
    size_t len = sizeof bytes;
    const seglog_code code = slg_single_read(
        store, slg_stream_begin_name(stream, name), bytes, &len, &local);

    *begin = (struct slg_stream_begin){ 0 };
    if (code == SEGLOG_OK) {
        if (len != sizeof bytes || !begin_decode(bytes, stream, begin))
            *begin = (struct slg_stream_begin){ 0 };
        return SEGLOG_OK;
    }
    if (code_is_damage(code))
        return SEGLOG_OK;
    if (err)
        *err = local;
    return code;
}

seglog_code
slg_stream_begin_put(struct seglog_store store, uint64_t stream,
                     const struct slg_stream_begin *begin,
                     struct seglog_error *err)
{
    uint8_t bytes[BEGIN_BYTES];
    char name[SEGLOG_STREAM_NAME_CAP];

    begin_encode(begin, stream, bytes);
    return slg_single_put(store, slg_stream_begin_name(stream, name), bytes,
                          sizeof bytes, err);
}

/* -- what is before it ----------------------------------------------------- */

seglog_code
slg_stream_parts_check(const struct slg_stream_parts *parts, uint64_t offset,
                       struct seglog_error *err)
{
    const struct slg_place place = { .record_no = offset + 1,
                                     .offset = SEGLOG_NO_OFFSET };
    const struct slg_stream_begin *begin = &parts->begin;

    if (!begin->is_there || offset >= begin->offset)
        return SEGLOG_OK;
    (void)slg_fail(err, SEGLOG_NOT_FOUND, &place,
                   "the stream was trimmed: it begins at offset %" PRIu64,
                   begin->offset);
    return slg_fail_actual(err, SEGLOG_NOT_FOUND, begin->offset);
}
