/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_stream.h - what a block consists of.
 *
 * Layer  columns.
 *
 * A block is a head and some streams, each with one kind of thing in it: like
 * follows like, and zstd finds more.  The columns of a path stand one behind
 * the other in path order.  How many values a path has follows from what was
 * read of the paths before it, so few lengths are kept.
 *
 *   block     version (1), count of records, bytes of text, then for each
 *             stream its length; number of a grouping; the groups that are not
 *             empty: packed length (0: as it is) and bytes, a zstd frame
 *             without its magic number.  All numbers are varints.
 *   META      integers: kinds; integers: frames (0: text, else 1 + style);
 *             integers: lengths of the texts, which begin TEXT; count of frame
 *             styles (SHAPE: what leads and trails); bytes of JSON in strings,
 *             by depth; then the paths in order.
 *   a path    count of symbols; if it is not 1, TOKEN has one byte per value,
 *             or all low and then all high bytes of more than 256 symbols; the
 *             symbols.  Paths are numbered as symbols first lead to them.
 *   symbol    type and what enum slg_symbol_type says
 *   column    type, with flags, and what columns_column.c writes
 *   integers  mode and length, see columns_ints.c
 */
#ifndef SLG_COLUMNS_STREAM_H
#define SLG_COLUMNS_STREAM_H

#include "src/columns/columns_buf.h"
#include "src/columns/columns_parse.h"

/* In a block: never renumber. */
enum slg_stream {
    SLG_STREAM_META,   /* how everything else is encoded, path by path */
    SLG_STREAM_TARGET, /* numbers of paths that are referred to */
    SLG_STREAM_SHAPE,  /* keys, and what stands around values */
    SLG_STREAM_TOKEN,  /* what each value of a path is, when that differs */
    SLG_STREAM_NUMBER, /* integers of all sorts */
    SLG_STREAM_BINARY, /* what was written in hexadecimal or base64 */
    SLG_STREAM_DICT,   /* texts that come more than once */
    SLG_STREAM_TEXT,   /* other texts */
    SLG_STREAM_COUNT
};

/* What a value of a path can be: a symbol has a type and what it needs. */
enum slg_symbol_type {
    SLG_SYMBOL_NULL,
    SLG_SYMBOL_TRUE,
    SLG_SYMBOL_FALSE,
    SLG_SYMBOL_OBJECT, /* count of keys and how they are written; SHAPE */
    SLG_SYMBOL_ARRAY,  /* SHAPE: three texts; then integers: counts */
    SLG_SYMBOL_REF,    /* TARGET: path; then integers: how far back */
    SLG_SYMBOL_JSON,
    SLG_SYMBOL_COPY,   /* TARGET: path */
    SLG_SYMBOL_STRING, /* column */
    SLG_SYMBOL_BARE,   /* column */
    SLG_SYMBOL_COUNT
};

/* How the keys of an object are written. */
enum slg_spelling {
    SLG_SPELLING_DENSE,  /* {"a":1,"b":2} */
    SLG_SPELLING_SPACED, /* {"a": 1, "b": 2} */
    SLG_SPELLING_OTHER,  /* as SHAPE has it */
    SLG_SPELLING_COUNT
};

/* How a column of texts is encoded. */
enum slg_column_type {
    SLG_COLUMN_TEXT, /* ended by zero bytes */
    SLG_COLUMN_FIXED,
    SLG_COLUMN_CONST,
    SLG_COLUMN_DICT,
    SLG_COLUMN_DECIMAL,
    SLG_COLUMN_HEX,
    SLG_COLUMN_UUID,
    SLG_COLUMN_BASE64,
    SLG_COLUMN_TIME,
    SLG_COLUMN_COUNT
};
/* With the type: a prefix and a suffix that all have, in SHAPE. */
#define SLG_COLUMN_AFFIX 0x20u

/* How integers are encoded; the width of planes is added to the last two. */
enum slg_ints_mode {
    SLG_INTS_CONST,
    SLG_INTS_PLAIN, /* varints of what zigzag makes of them */
    SLG_INTS_DELTA, /* of the differences */
    SLG_INTS_PLAIN_PLANES = 8,
    SLG_INTS_DELTA_PLANES = 16
};

/* A column of more values has its length in META, others are walked over. */
#define SLG_WALK_MAX 16u

/* Of objects, keys, texts of dictionaries and so on: what takes memory. */
static inline size_t
slg_parts_max(size_t bytes)
{
    return bytes / 16 + 4096;
}

/* All streams of a block together. */
static inline size_t
slg_streams_max(size_t bytes, size_t records)
{
    return 2 * bytes + 2 * records + 4096;
}

/* First byte of a block. */
#define SLG_COLUMNS_VERSION 1u

struct slg_out {
    struct slg_buf stream[SLG_STREAM_COUNT];
};

struct slg_text {
    const uint8_t *at;
    uint32_t len;
    uint32_t hash;
};

struct slg_costing;

struct slg_encoder {
    struct slg_parse parse;
    struct slg_out out;
    struct slg_costing *costing;
    int level;
    size_t parts;    /* of slg_parts_max() */
    bool is_bad;     /* out of memory */
    uint32_t *order; /* paths by number */
    uint32_t order_count, order_cap;
    uint32_t *targets; /* paths that symbols refer to, in order */
    uint32_t target_count, target_cap;
};

/* -- columns_ints.c -------------------------------------------------------- */

/* Integers: mode in META, bytes in NUMBER. */
void
slg_ints_encode(struct slg_encoder *encoder, struct slg_out *out,
                const int64_t *values, size_t count);

/* -- columns_column.c ------------------------------------------------------ */

/* A column of texts, of which there is one at least. */
void
slg_column_encode(struct slg_encoder *encoder, const struct slg_text *texts,
                  size_t count);

/* -- columns_costing.c ----------------------------------------------------- */

struct slg_costing *
slg_costing_create(int level);
void
slg_costing_destroy(struct slg_costing *costing);
/* About how many bytes these will take when compressed. */
size_t
slg_costing_bytes(struct slg_costing *costing, const uint8_t *bytes,
                  size_t len);
size_t
slg_costing_out(struct slg_costing *costing, const struct slg_out *out);

void
slg_out_append(struct slg_out *to, const struct slg_out *from);
void
slg_out_clear(struct slg_out *out);
void
slg_out_free(struct slg_out *out);
bool
slg_out_is_bad(const struct slg_out *out);

/* -- columns_encode.c ------------------------------------------------------ */

/* What the events of the paths say, into the streams. */
void
slg_paths_encode(struct slg_encoder *encoder);

/* -- columns_copy.c -------------------------------------------------------- */

/* Scalars that are the same as the last one of another path become copies. */
bool
slg_copies_find(struct slg_parse *parse);

/* -- columns_pack.c -------------------------------------------------------- */

/* Number of the grouping with all streams in one frame. */
#define SLG_GROUPING_ONE 3u

/* The streams, compressed, behind what block holds already. */
seglog_code
slg_streams_pack(const struct slg_out *out, int level, size_t memory_max,
                 struct slg_buf *block);
/* One buffer for all; each has SLG_SLACK bytes behind it. */
seglog_code
slg_streams_unpack(struct slg_cursor *block, size_t bytes_max,
                   struct slg_cursor streams[SLG_STREAM_COUNT],
                   uint8_t **buffer);

#endif /* SLG_COLUMNS_STREAM_H */
