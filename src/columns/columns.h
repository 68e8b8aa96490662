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

/*
 * Levels are those of zstd.  Below 7 the first form that fits a column is
 * taken, by counting: at 3 encoding goes at about half the speed of zstd -3 of
 * the text.  From 7 on the forms are compressed to compare them, texts are
 * woven from values beside them and counters go by keys; from 15 on small
 * blocks are mixed (SPEC.md B.8), which takes some 0.5 us a byte of what zstd
 * would be given, both ways; 19 does all that there is.
 */
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
    int level; /* 1 to 19, as of zstd; 0: the default */
    /*
     * What encoding may take beside three times the text: a value takes 64
     * bytes until it is encoded, then zstd has as much.  Lines that there is no
     * memory for are kept as text.  0: no bound; 1 MiB is little.
     */
    size_t memory_max;
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
 * Cost       Memory without a bound, in MiB, of 8 MiB of text: 13 to 35 at
 *            level 3, 20 to 42 at 9, 40 to 160 at 19; of 128 MiB: up to 520 at
 *            level 3, 1100 at 19.  The more for many short values.
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
 * Cost       time in proportion to block and output, about 5 ms for 8 MiB;
 *            memory about 1.6 times the text, and for a hostile block at most
 *            SLG_COLUMNS_MEMORY_FACTOR times limits->bytes_max, and 24 bytes
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

/* -- costs ----------------------------------------------------------------- */

/* What a part of a block holds; slg_columns_form_name() has them in words. */
enum slg_columns_form {
    SLG_COLUMNS_FRAMING,   /* numbers, kinds and lengths of records, heads */
    SLG_COLUMNS_RECORDS,   /* records that are no JSON, as text */
    SLG_COLUMNS_CHOICE,    /* what each value of a path is */
    SLG_COLUMNS_WORD,      /* null, true or false */
    SLG_COLUMNS_SHAPE,     /* keys and punctuation of objects and arrays */
    SLG_COLUMNS_REFERENCE, /* to the same value before */
    SLG_COLUMNS_COPY,      /* of another path's last value */
    SLG_COLUMNS_ESCAPE,    /* of JSON in strings */
    SLG_COLUMNS_TEXT,      /* from here on: columns */
    SLG_COLUMNS_FIXED,
    SLG_COLUMNS_CONST,
    SLG_COLUMNS_DICT,
    SLG_COLUMNS_DECIMAL,
    SLG_COLUMNS_HEX,
    SLG_COLUMNS_UUID,
    SLG_COLUMNS_BASE64,
    SLG_COLUMNS_TIME,
    SLG_COLUMNS_WOVEN,
    SLG_COLUMNS_KEYED,
    SLG_COLUMNS_FORM_COUNT
};

struct slg_columns_cost {
    /*
     * Keys, with [] for what is in an array and ~ for what is in a string, as
     * in "message.content[].input~.path"; "" is the value of a line.  NULL for
     * framing and records.  Keys are as they are written, and a long path is
     * cut.
     */
    const char *path;
    enum slg_columns_form form;
    uint64_t values;
    uint64_t plain;  /* bytes of text, all of which are counted once */
    uint64_t packed; /* bytes of the block: all of them, once */
};

typedef void (*slg_columns_cost_fn)(void *arg,
                                    const struct slg_columns_cost *cost);

const char *
slg_columns_form_name(enum slg_columns_form form);

/*
 * What each part of a block costs.  A zstd frame holds many columns: its bytes
 * are divided among them in proportion to what each takes when it is compressed
 * by itself, at a low level.
 *
 *   fn         called once for each form in each path, in path order
 *
 * Returns    as slg_columns_decode()
 * Cost       decoding, and compressing all columns once
 */
seglog_code
slg_columns_get_costs(const uint8_t *block, size_t len,
                      const struct slg_columns_limits *limits,
                      slg_columns_cost_fn fn, void *arg);

#endif /* SLG_COLUMNS_H */
