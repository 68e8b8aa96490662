/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_block_parts.h - shared by the files of blocks:
 *
 *   segment_block.c         plain and as columns        SPEC.md 15.1
 *   segment_block_parent.c  against the parent          SPEC.md 15.4
 */
#ifndef SLG_SEGMENT_BLOCK_PARTS_H
#define SLG_SEGMENT_BLOCK_PARTS_H

#include "src/segment/segment_block.h"

/* Room for len bytes; what was there is gone. */
seglog_code
slg_block_reserve(struct slg_block *block, size_t len);

/* Returns its length; 0: it does not fit into cap, or cannot be made. */
size_t
slg_block_parent_encode(uint8_t *out, size_t cap, const uint8_t *plain,
                        size_t plain_len, int level,
                        const struct slg_block_prefix *prefix);

/* CORRUPT, NO_MEMORY; whether the body is sound is not asked. */
seglog_code
slg_block_parent_decode(struct slg_block *block, const uint8_t *data,
                        size_t len, uint64_t plain_max,
                        const struct slg_block_prefix *prefix);

#endif /* SLG_SEGMENT_BLOCK_PARTS_H */
