/* SPDX-License-Identifier: MIT */
/* src/stream/stream_attributes.c - what a segment says of its stream. */
#include "src/stream/stream_attributes.h"

#include <string.h>

#include "format/bytes.h"
#include "src/store/fail.h"

static const uint8_t MAGIC[2] = { 'T', '1' };

void
slg_stream_attributes_encode(const struct slg_stream_attributes *attributes,
                             uint8_t out[SLG_STREAM_ATTRIBUTES_BYTES])
{
    memcpy(out, MAGIC, sizeof MAGIC);
    out[2] = (uint8_t)attributes->chain;
    out[3] = 0;
    slg_store_le64(out + 4, attributes->stream);
    memcpy(out + 12, attributes->identity, sizeof attributes->identity);
    slg_store_le32(out + 28, attributes->number);
    slg_store_le64(out + 32, (uint64_t)attributes->created_ms);
}

bool
slg_stream_attributes_decode(const uint8_t *in, size_t len,
                             struct slg_stream_attributes *attributes)
{
    if (len != SLG_STREAM_ATTRIBUTES_BYTES ||
        memcmp(in, MAGIC, sizeof MAGIC) != 0 || in[3] != 0 ||
        (in[2] != SEGLOG_CHAIN_SHA256 && in[2] != SEGLOG_CHAIN_XXH3))
        return false;
    attributes->chain = (enum seglog_chain)in[2];
    attributes->stream = slg_load_le64(in + 4);
    memcpy(attributes->identity, in + 12, sizeof attributes->identity);
    attributes->number = slg_load_le32(in + 28);
    attributes->created_ms = (int64_t)slg_load_le64(in + 32);
    return true;
}

seglog_code
slg_stream_attributes_read(struct seglog_store store, const char *name,
                           uint64_t stream,
                           struct slg_stream_attributes *attributes,
                           bool *is_there, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };
    uint8_t bytes[SLG_STREAM_ATTRIBUTES_BYTES];
    struct seglog_error local;
    size_t len = 0;
    const seglog_code code = seglog_segment_get_attributes(
        store, name, bytes, sizeof bytes, &len, NULL, &local);

    *is_there = false;
    if (code != SEGLOG_OK && code != SEGLOG_TOO_LARGE) {
        if (err)
            *err = local;
        return code;
    }
    if (code == SEGLOG_OK && len == 0)
        return SEGLOG_OK;
    if (code == SEGLOG_OK &&
        slg_stream_attributes_decode(bytes, len, attributes) &&
        attributes->stream == stream) {
        *is_there = true;
        return SEGLOG_OK;
    }
    return slg_fail(err, SEGLOG_FORMAT, &place,
                    "it is a segment of something else than this stream");
}

seglog_code
slg_stream_attributes_find(struct seglog_store store, uint64_t stream,
                           const struct slg_stream_parts *parts,
                           struct slg_stream_attributes *attributes,
                           bool *is_there, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    *is_there = false;
    for (size_t i = 0; i < parts->count && !*is_there && code == SEGLOG_OK;
         i++) {
        char name[SEGLOG_STREAM_NAME_CAP];

        slg_stream_part_name(stream, &parts->parts[i], name);
        code = slg_stream_attributes_read(store, name, stream, attributes,
                                          is_there, err);
    }
    return code;
}
