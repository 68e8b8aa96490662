/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_stream.h - what a block consists of.
 *
 * Layer  columns.
 *
 * A block is a head and some streams, each with one kind of thing in it: like
 * follows like, and zstd finds more.  The columns of a path stand one behind
 * the other in path order.  How many values a path has follows from what was
 * read of the paths before it, so few lengths are kept.  SPEC.md B says it all.
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
    SLG_STREAM_TEXT,   /* texts */
    SLG_STREAM_DICT,   /* texts that come more than once */
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
    SLG_COLUMN_WOVEN,   /* texts with slots for other paths' last values */
    SLG_COLUMN_KEYED,   /* decimals that go on from where their key left them */
    SLG_COLUMN_INTEGER, /* decimals without digits or width */
    SLG_COLUMN_COUNT
};
/* In a woven text: before the number of a slot plus one. */
#define SLG_SLOT_MARK 1u
#define SLG_SLOTS_MAX 250u
/* With the type: a prefix and a suffix that all have, in SHAPE. */
#define SLG_COLUMN_AFFIX 0x20u

/*
 * The head of a symbol: its type, and that of its column if it has one.  A path
 * of several symbols says so before the first head.
 */
#define SLG_HEAD_COLUMN  8u
#define SLG_HEAD_SYMBOLS 72u

static inline uint8_t
slg_head_of_column(enum slg_symbol_type symbol, unsigned column)
{
    return (uint8_t)(SLG_HEAD_COLUMN + (column & SLG_COLUMN_AFFIX) +
                     2 * (column & 15) + (symbol == SLG_SYMBOL_BARE));
}

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

/* From this level on all forms that are possible are compared. */
#define SLG_LEVEL_THOROUGH 7

/* With less, what is only for a better choice is not done. */
#define SLG_MEMORY_AMPLE ((size_t)16 << 20)
/* About what a value takes while it is encoded. */
#define SLG_VALUE_BYTES ((size_t)64)

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

/* Room for the values of a path, used for one after the other. */
struct slg_scratch {
    uint16_t *tokens;
    uint8_t *classes;
    struct slg_text *texts, *inner;
    uint32_t *ids; /* of the texts' events */
    int64_t *numbers, *residuals, *trials;
    struct slg_out best, trial;
    struct slg_buf ints;
};

struct slg_encoder {
    struct slg_parse parse;
    struct slg_out out;
    struct slg_costing *costing;
    struct slg_scratch scratch;
    int level;
    size_t parts;    /* of slg_parts_max() */
    bool is_bad;     /* out of memory */
    uint32_t *order; /* paths by number */
    uint32_t order_count, order_cap;
    uint32_t *targets; /* paths that symbols refer to, in order */
    uint32_t target_count, target_cap;
};

/* -- columns_class.c ------------------------------------------------------- */

/* Time zones of one path that are told apart. */
#define SLG_TIMES_MAX   4u
#define SLG_CLASS_COUNT 8u

/* A class for each value: texts of one sort are a column that fits it. */
void
slg_classes_set(const struct slg_parse *parse, const uint32_t *ids,
                size_t count, uint8_t *classes);

/* -- columns_ints.c -------------------------------------------------------- */

/* Integers: mode in META, bytes in NUMBER. */
void
slg_ints_encode(struct slg_encoder *encoder, struct slg_out *out,
                const int64_t *values, size_t count);

/* -- columns_column.c ------------------------------------------------------ */

struct slg_values {
    uint32_t path;
    const struct slg_text *texts;
    const uint32_t *ids; /* of their events */
    size_t count;
};

/* A column of texts, of which there is one at least. */
void
slg_column_encode(struct slg_encoder *encoder, const struct slg_values *values);

/* -- columns_context.c ----------------------------------------------------- */

/* Other paths that a column goes by. */
struct slg_context {
    uint32_t paths[SLG_SLOTS_MAX];
    uint32_t count;
    size_t keys; /* that a keyed column meets */
};

/*
 * The texts as what other values of their lines leave of them, ended by zero
 * bytes; false: little would be won.
 */
bool
slg_weave(struct slg_encoder *encoder, const struct slg_values *values,
          struct slg_buf *text, struct slg_context *context);
/*
 * The numbers as what is left when the last one of the same key is taken away,
 * and another path's number from it; in the scratch's residuals.
 */
bool
slg_key_numbers(struct slg_encoder *encoder, const struct slg_values *values,
                const int64_t *numbers, struct slg_context *context);

/* -- columns_costing.c ----------------------------------------------------- */

struct slg_costing *
slg_costing_create(int level, size_t memory_max);
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
void
slg_target_add(struct slg_encoder *encoder, uint32_t path);
/* The path has a number from here on. */
void
slg_child_add(struct slg_encoder *encoder, uint32_t path);

/* -- columns_object.c ------------------------------------------------------ */

/* The object that this edge ends. */
void
slg_object_define(struct slg_encoder *encoder, uint32_t end);
void
slg_scratch_free(struct slg_scratch *scratch);

/* -- columns_copy.c -------------------------------------------------------- */

/* Scalars that are the same as the last one of another path become copies. */
bool
slg_copies_find(struct slg_parse *parse, int level);

/* -- columns_pack.c -------------------------------------------------------- */

/* Number of what is no grouping: all streams are mixed, see columns_mix.c. */
#define SLG_GROUPING_MIXED 4u
/* Streams of more bytes together are not mixed. */
#define SLG_MIX_MAX ((size_t)32768)

/* -- columns_mix.c --------------------------------------------------------- */

/* Streams, one behind the other: where each ends.  False: no memory. */
bool
slg_mix_pack(const uint8_t *bytes, const size_t ends[SLG_STREAM_COUNT],
             struct slg_buf *to);
bool
slg_mix_unpack(struct slg_cursor from, uint8_t *bytes,
               const size_t ends[SLG_STREAM_COUNT]);

/* Number of the grouping with all streams in one frame. */
#define SLG_GROUPING_ONE 3u

/*
 * The streams, compressed, behind what block holds already.  They are moved
 * about, and come back as they were.
 */
seglog_code
slg_streams_pack(struct slg_out *out, int level, size_t memory_max,
                 struct slg_buf *block);
/* How streams were packed: group of each, bytes that each group takes. */
struct slg_packing {
    const uint8_t *groups;
    size_t packed[SLG_STREAM_COUNT];
};
/* One buffer for all; each has SLG_SLACK bytes behind it. */
seglog_code
slg_streams_unpack(struct slg_cursor *block, size_t bytes_max,
                   struct slg_cursor streams[SLG_STREAM_COUNT],
                   uint8_t **buffer, struct slg_packing *packing);

#endif /* SLG_COLUMNS_STREAM_H */
