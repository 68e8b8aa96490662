/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_block.h - SPEC.md 15.1: many records in one small body.
 *
 * Layer  segment.  A block stands for the plain body of a group (SPEC.md 5),
 *        of one record or more.  Without zstd blocks cannot be read or made.
 */
#ifndef SLG_SEGMENT_BLOCK_H
#define SLG_SEGMENT_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "format/frame.h"
#include "seglog/error.h"
#include "src/columns/columns.h"

/* On disk: never renumber. */
enum slg_block_coding {
    SLG_BLOCK_PLAIN = 0,
    SLG_BLOCK_COLUMNS = 1,
    SLG_BLOCK_PARENT = 2
};

/*
 * The plain body, before it is coded.  It may exceed 2^body_log2 a little, so
 * that a record of the largest size has a block of its own; what is stored is
 * longer by the coding alone.
 */
static inline uint64_t
slg_block_plain_max(uint64_t body_max)
{
    return body_max + SLG_BLOCK_FRAMING - 1;
}

/* Records that a block may hold: what each takes to decode is bounded. */
static inline uint64_t
slg_block_records_max(uint64_t body_max)
{
    return body_max / 16 + 1;
}

/* A plain body. */
struct slg_block {
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

void
slg_block_reset(struct slg_block *block);

/* Entries of records of the parent, which a block may refer to. */
struct slg_block_prefix {
    const uint8_t *bytes;
    size_t len;
    uint64_t first; /* for encoding: their numbers */
    uint64_t last;
};

static inline uint64_t
slg_block_prefix_max(uint64_t body_max)
{
    return 2 * body_max;
}

/* Does the block refer to records of the parent, and to which? */
bool
slg_block_find_reference(const uint8_t *body, size_t len, uint64_t *first,
                         uint64_t *last);

/*
 * Decode the body of a valid BLOCK frame, of which nothing is trusted.
 *   OK         block is filled; a sound body
 *   CORRUPT    no writer makes such a body
 *   FORMAT     of a kind that this build cannot read
 *   NO_MEMORY
 */
seglog_code
slg_block_decode(struct slg_block *block, const uint8_t *body, size_t len,
                 uint64_t body_max, const struct slg_block_prefix *prefix);

/*
 * The body of a BLOCK frame with these records, of which there is at least
 * one; kind is the attribute of a group's entry (SPEC.md 5).
 *
 *   body  to be freed by the caller
 *   prefix  it may refer to this, if that makes it smaller; NULL: nothing
 * Returns TOO_LARGE, NO_MEMORY, INVALID (this build has no zstd)
 */
seglog_code
slg_block_encode(const struct slg_columns_record *records, size_t count,
                 int level, size_t memory_max,
                 const struct slg_block_prefix *prefix, uint8_t **body,
                 size_t *len);

#endif /* SLG_SEGMENT_BLOCK_H */
