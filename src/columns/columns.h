/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns.h - many records as one small block: JSON lines taken
 * apart into shapes and columns of values, anything else as text.
 *
 * Layer    columns.  A pure codec: no I/O, no state between calls.
 * Units    bytes.
 * Threads  any; nothing is shared between calls.
 *
 * What comes out of a block is, byte for byte, what was put in.  A block holds
 * everything that is needed to decode it.  A decoder believes nothing in it.
 */
#ifndef SLG_COLUMNS_H
#define SLG_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"

#define SLG_COLUMNS_LEVEL_DEFAULT 19
/* A block of more is not made, whatever the limits of who decodes. */
#define SLG_COLUMNS_BYTES_MAX   ((size_t)1 << 28)
#define SLG_COLUMNS_RECORDS_MAX ((size_t)1 << 26)

struct slg_columns_record {
    const uint8_t *bytes; /* may be NULL when len is 0 */
    size_t len;
    uint8_t kind; /* the caller's; kept */
};

struct slg_columns_options {
    int level;         /* 1 to 19, as of zstd; 0: the default */
    size_t memory_max; /* about what compressing may take; 0: no bound */
};

/* What decoding a block may bring; a block that would bring more fails. */
struct slg_columns_limits {
    size_t bytes_max;   /* of all records together */
    size_t records_max; /* number of records */
    size_t record_max;  /* bytes of one record */
};

/* What was decoded.  The records point into bytes. */
struct slg_columns {
    struct slg_columns_record *records;
    size_t count;
    uint8_t *bytes;
    size_t len;
};

/*
 * Encode the records as a block.
 *
 *   options    NULL: defaults
 *   block      where the block goes; to be freed by the caller
 *
 * Returns
 *   OK         there is a block
 *   INVALID    level or memory_max is out of range
 *   TOO_LARGE  more than SLG_COLUMNS_BYTES_MAX or SLG_COLUMNS_RECORDS_MAX
 *   NO_MEMORY
 * Cost       about 30 bytes of memory per value and what zstd takes.
 */
seglog_code
slg_columns_encode(const struct slg_columns_record *records, size_t count,
                   const struct slg_columns_options *options, uint8_t **block,
                   size_t *block_len);

/*
 * Decode a block, of which nothing is trusted.
 *
 *   columns    filled on OK, to be released by slg_columns_reset()
 *
 * Returns
 *   OK
 *   CORRUPT    no encoder makes such a block
 *   FORMAT     the block is of a version that is not known
 *   TOO_LARGE  intact as far as seen, but over the limits
 *   NO_MEMORY
 * Cost       time in proportion to block and output; memory at most about
 *            SLG_COLUMNS_MEMORY_FACTOR times limits->bytes_max and 24 bytes
 *            per record.
 */
seglog_code
slg_columns_decode(const uint8_t *block, size_t len,
                   const struct slg_columns_limits *limits,
                   struct slg_columns *columns);

#define SLG_COLUMNS_MEMORY_FACTOR 16

/* Free what decoding gave; the struct is then empty. */
void
slg_columns_reset(struct slg_columns *columns);

#endif /* SLG_COLUMNS_H */
