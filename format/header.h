/* SPDX-License-Identifier: MIT */
/* format/header.h - SPEC.md 3: the first 54 bytes of a segment. */
#ifndef SLG_FORMAT_HEADER_H
#define SLG_FORMAT_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/frame.h"

#define SLG_HEADER_BYTES      54u
#define SLG_MAGIC_BYTES       8u
#define SLG_IDENTITY_BYTES    16u
#define SLG_VERSION           1u

#define SLG_REFUSE_NO_XXH3    0x0001u
#define SLG_REFUSE_COMPRESSED 0x0002u
#define SLG_REFUSE_SEALED     0x0004u
#define SLG_REFUSE_CHAINED    0x0008u
#define SLG_REFUSE_ZSTD       0x0010u
#define SLG_REFUSE_REFERS     0x0020u
#define SLG_REFUSE_KNOWN                                                       \
    (SLG_REFUSE_NO_XXH3 | SLG_REFUSE_COMPRESSED | SLG_REFUSE_SEALED |          \
     SLG_REFUSE_CHAINED | SLG_REFUSE_ZSTD | SLG_REFUSE_REFERS)
#define SLG_READ_ONLY_KNOWN 0x0000u

#define SLG_BODY_LOG2_LEAST 9u
#define SLG_BODY_LOG2_MOST  27u
#define SLG_SYNC_LOG2_LEAST 9u
#define SLG_SYNC_LOG2_MOST  20u

extern const uint8_t slg_magic[SLG_MAGIC_BYTES];

struct slg_header {
    uint8_t version;
    uint8_t body_log2;
    uint8_t sync_log2;
    uint16_t features_ignore;
    uint16_t features_read_only;
    uint16_t features_refuse;
    uint8_t identity[SLG_IDENTITY_BYTES];
    uint64_t epoch;
    uint64_t first_record;
};

/* In the order in which a reader checks (SPEC.md 3). */
enum slg_header_state {
    SLG_HEADER_OK = 0,
    SLG_HEADER_DAMAGED,     /* magic or checksum */
    SLG_HEADER_VERSION,     /* intact, of another version */
    SLG_HEADER_FEATURE,     /* intact, with a refuse bit we do not know */
    SLG_HEADER_OUT_OF_RANGE /* intact, with a field version 1 forbids */
};

void
slg_header_encode(const struct slg_header *header,
                  uint8_t out[SLG_HEADER_BYTES]);

/* header is filled on every result but DAMAGED. */
enum slg_header_state
slg_header_decode(const uint8_t in[SLG_HEADER_BYTES],
                  struct slg_header *header);

/*
 * Undo one flipped bit in place: true if flipping exactly one bit makes magic
 * and checksum hold.
 */
bool
slg_header_correct(uint8_t bytes[SLG_HEADER_BYTES]);

static inline bool
slg_header_is_chained(const struct slg_header *header)
{
    return (header->features_refuse & SLG_REFUSE_CHAINED) != 0;
}

static inline struct slg_frame_limits
slg_header_limits(const struct slg_header *header)
{
    const struct slg_frame_limits limits = {
        .body_max = UINT64_C(1) << header->body_log2,
        .has_digests = (header->features_refuse & SLG_REFUSE_NO_XXH3) == 0,
        .may_compress = (header->features_refuse & SLG_REFUSE_COMPRESSED) != 0,
        .may_zstd = (header->features_refuse & SLG_REFUSE_ZSTD) != 0,
        .has_blocks = (header->features_refuse & SLG_REFUSE_SEALED) != 0,
        .is_sealed = (header->features_refuse & SLG_REFUSE_SEALED) != 0,
    };
    return limits;
}

#endif /* SLG_FORMAT_HEADER_H */
