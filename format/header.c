/* SPDX-License-Identifier: MIT */
/* format/header.c - SPEC.md 3. */
#include "format/header.h"

#include <string.h>

#include "format/checksum.h"

const uint8_t slg_magic[SLG_MAGIC_BYTES] = { 0x89, 'S',  'L',  'G',
                                             0x0D, 0x0A, 0x1A, 0x0A };

void
slg_header_encode(const struct slg_header *header,
                  uint8_t out[SLG_HEADER_BYTES])
{
    memcpy(out, slg_magic, SLG_MAGIC_BYTES);
    out[8] = header->version;
    out[9] = header->body_log2;
    out[10] = header->sync_log2;
    out[11] = 0;
    slg_store_le16(out + 12, header->features_ignore);
    slg_store_le16(out + 14, header->features_read_only);
    slg_store_le16(out + 16, header->features_refuse);
    memcpy(out + 18, header->identity, SLG_IDENTITY_BYTES);
    slg_store_le64(out + 34, header->epoch);
    slg_store_le64(out + 42, header->first_record);
    slg_store_le32(out + 50, slg_crc32(0, out, 50));
}

static bool
header_is_intact(const uint8_t in[SLG_HEADER_BYTES])
{
    return memcmp(in, slg_magic, SLG_MAGIC_BYTES) == 0 &&
           slg_load_le32(in + 50) == slg_crc32(0, in, 50);
}

enum slg_header_state
slg_header_decode(const uint8_t in[SLG_HEADER_BYTES], struct slg_header *header)
{
    if (!header_is_intact(in))
        return SLG_HEADER_DAMAGED;
    header->version = in[8];
    header->body_log2 = in[9];
    header->sync_log2 = in[10];
    header->features_ignore = slg_load_le16(in + 12);
    header->features_read_only = slg_load_le16(in + 14);
    header->features_refuse = slg_load_le16(in + 16);
    memcpy(header->identity, in + 18, SLG_IDENTITY_BYTES);
    header->epoch = slg_load_le64(in + 34);
    header->first_record = slg_load_le64(in + 42);

    if (header->version != SLG_VERSION)
        return SLG_HEADER_VERSION;
    if ((header->features_refuse & ~SLG_REFUSE_KNOWN) != 0)
        return SLG_HEADER_FEATURE;
    if (header->body_log2 < SLG_BODY_LOG2_LEAST ||
        header->body_log2 > SLG_BODY_LOG2_MOST ||
        header->sync_log2 < SLG_SYNC_LOG2_LEAST ||
        header->sync_log2 > SLG_SYNC_LOG2_MOST || in[11] != 0 ||
        header->epoch >> 32 != 0 ||
        (header->features_refuse & (SLG_REFUSE_COMPRESSED | SLG_REFUSE_ZSTD)) ==
            SLG_REFUSE_ZSTD ||
        header->first_record == 0 || header->first_record > INT64_MAX)
        return SLG_HEADER_OUT_OF_RANGE;
    return SLG_HEADER_OK;
}

bool
slg_header_correct(uint8_t bytes[SLG_HEADER_BYTES])
{
    for (unsigned bit = 0; bit < 8 * SLG_HEADER_BYTES; bit++) {
        const uint8_t mask = (uint8_t)(1u << bit % 8);

        bytes[bit / 8] ^= mask;
        if (header_is_intact(bytes))
            return true;
        bytes[bit / 8] ^= mask;
    }
    return false;
}
