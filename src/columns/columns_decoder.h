/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_decoder.h - a block being decoded.
 *
 * Layer  columns.
 *
 * First what is said of the paths is read, one after the other; how many
 * values each has follows from those before, so that every column is known to
 * hold what will be asked of it.  Then the records are put together.
 */
#ifndef SLG_COLUMNS_DECODER_H
#define SLG_COLUMNS_DECODER_H

#include <string.h>

#include "src/columns/columns_scalar.h"
#include "src/columns/columns_stream.h"
#include "src/memory/arena.h"

/* Zeroed room; texts are copied from and to it in steps. */
static inline void *
slg_room_take(struct slg_arena *arena, size_t len)
{
    void *room = slg_arena_take(arena, len + SLG_SLACK);

    if (room)
        memset(room, 0, len + SLG_SLACK);
    return room;
}

struct slg_ints {
    const uint8_t *at; /* varints: the next; planes: that of the next value */
    const uint8_t *end;
    size_t stride; /* between planes */
    int64_t value; /* the one before, or that of all */
    uint8_t width; /* of planes; 0: varints */
    bool is_delta;
    bool is_const;
};

struct slg_column {
    enum slg_column_type type;
    const uint8_t *prefix, *suffix;
    size_t prefix_len, suffix_len;
    const uint8_t *at; /* of the next text; of the dictionary */
    const uint8_t *end;
    size_t len;        /* of each text, or number of bytes it stands for */
    uint32_t *offsets; /* of a dictionary's texts, and of their end */
    uint32_t distinct;
    struct slg_ints ints;
    struct slg_decimal decimal;
    struct slg_time time;
    struct slg_time_cache cache;
    struct slg_keys *keys;
    uint32_t *targets; /* paths that this column goes by */
    uint32_t target_count;
};

/* What a keyed column was at last, by key. */
struct slg_key {
    const uint8_t *at;
    size_t len;
    int64_t last;
};

struct slg_keys {
    struct slg_table table;
    struct slg_keys *next;
    uint32_t count, most;
    struct slg_key keys[];
};

/* What stands before a value, and where the value is. */
struct slg_piece {
    const uint8_t *text;
    uint32_t len;
    uint32_t child; /* SLG_NONE: no value follows */
};

/*
 * A step in printing an object: the text, then a value.  Without a column the
 * value is one of the path; the last step has neither.
 */
struct slg_op {
    const uint8_t *text;
    uint32_t len;
    uint32_t path;
    struct slg_column *column;
};

struct slg_symbol {
    enum slg_symbol_type type;
    uint32_t piece_count;
    uint32_t uses;            /* of an object, until it has a program */
    struct slg_op *program;   /* of an object that is used often */
    uint32_t part;            /* number in what is counted of costs */
    struct slg_piece *pieces; /* also an array's open, separator, close */
    struct slg_column *column;
    struct slg_ints ints;
    uint32_t target;
};

struct slg_span_kept {
    const uint8_t *at;
    size_t len; /* 0: not complete */
};

struct slg_decode_path {
    size_t count;          /* of values */
    const uint8_t *tokens; /* the next one; NULL: there is one symbol */
    size_t high;           /* from a token to its high byte; 0: none */
    struct slg_symbol *symbols;
    uint32_t symbol_count;
    uint32_t element, json;
    const uint8_t *key;
    uint32_t key_len;
    uint32_t hash; /* slg_path_hash() */
    uint32_t parent;
    uint8_t depth, json_depth;
    bool is_kept;
    bool is_copied; /* others have its last value */
    uint32_t kept_count, kept_len;
    struct slg_span_kept *kept;
    const uint8_t *last; /* the last scalar's text */
    size_t last_len;
};

/* The program that is being made. */
struct slg_links {
    struct slg_buf text;
    struct slg_op *ops;
    uint32_t op_count, op_cap;
    size_t bytes_left; /* that all programs may come to */
};

struct slg_costs;

struct slg_decoder {
    struct slg_packing packing;
    struct slg_costs *costs; /* NULL: nobody asks */
    struct slg_cursor streams[SLG_STREAM_COUNT];
    uint8_t *buffer;
    struct slg_arena arena;
    struct slg_decode_path *paths;
    uint32_t path_count, path_cap;
    struct slg_table table;
    struct slg_keys *keys; /* of all columns, to be freed */
    struct slg_links links;
    size_t parts_left;
    size_t bytes;
    seglog_code code; /* the first thing that was wrong */
    uint8_t *at;      /* where the text is put together */
    uint8_t *end;
    uint8_t *json[SLG_JSON_DEPTH_MAX];
    uint8_t *json_end[SLG_JSON_DEPTH_MAX];
    unsigned json_depth;
    bool is_full; /* there was no room for more text */
};

/* -- columns_decode_meta.c ------------------------------------------------- */

/* Read what is said of the paths; the first one has count values. */
void
slg_decoder_read_paths(struct slg_decoder *decoder, size_t count);
void
slg_decoder_read_ints(struct slg_decoder *decoder, struct slg_ints *ints,
                      size_t count);
/* Sets the code, unless one is set; returns false. */
bool
slg_decoder_fail(struct slg_decoder *decoder, seglog_code code);

/* Zeroed room in the arena; NULL: no memory, which is noted. */
void *
slg_decoder_take(struct slg_decoder *decoder, size_t len);
/* Objects, keys, symbols: an encoder makes no more than so many. */
bool
slg_decoder_take_parts(struct slg_decoder *decoder, uint64_t count);
/* So many values more are of this path. */
void
slg_decoder_add_values(struct slg_decoder *decoder, uint32_t path,
                       uint64_t count);
/* The path of a key, made if there is none; SLG_NONE: it cannot be. */
uint32_t
slg_decoder_find_child(struct slg_decoder *decoder, uint32_t parent,
                       const uint8_t *key, size_t len);

/* -- columns_decode_object.c ----------------------------------------------- */

void
slg_decoder_read_object(struct slg_decoder *decoder, struct slg_symbol *symbol,
                        uint32_t path, size_t count);

/* -- columns_decode_column.c ----------------------------------------------- */

void
slg_decoder_read_column(struct slg_decoder *decoder, struct slg_column *column,
                        unsigned type, bool has_affix, size_t count);

/* -- columns_decode.c ------------------------------------------------------ */

/* As slg_columns_decode(), and count costs unless that is NULL. */
seglog_code
slg_columns_block_decode(const uint8_t *block, size_t len,
                         const struct slg_columns_limits *limits,
                         struct slg_costs *costs, struct slg_columns *columns);

/* -- columns_costs.c ------------------------------------------------------- */

/* All of these do nothing when nobody asks for costs. */

/* What is read of the streams from here on is of the part added next. */
void
slg_costs_start(struct slg_decoder *decoder);
/* Of the records that are no JSON. */
void
slg_costs_text(struct slg_decoder *decoder, const uint8_t *text, size_t count);
/* Which of its symbols each value of the path has. */
void
slg_costs_tokens(struct slg_decoder *decoder, uint32_t path);
void
slg_costs_symbol(struct slg_decoder *decoder, uint32_t path,
                 struct slg_symbol *symbol, size_t count);
/* Print the next value of a path, and count what is printed. */
bool
slg_costs_emit(struct slg_decoder *decoder, uint32_t path,
               struct slg_symbol *symbol);
seglog_code
slg_costs_report(struct slg_decoder *decoder, size_t records, size_t block_len);

/* -- columns_decode_link.c ------------------------------------------------- */

/* Give an object a program, unless there is no room. */
void
slg_symbol_link(struct slg_decoder *decoder, struct slg_symbol *symbol);
void
slg_links_free(struct slg_links *links);

/* -- columns_emit.c -------------------------------------------------------- */

/* Print the next value of a path. */
bool
slg_value_emit(struct slg_decoder *decoder, uint32_t path);
/* The same, when it is known what it is. */
bool
slg_symbol_emit(struct slg_decoder *decoder, struct slg_decode_path *path,
                struct slg_symbol *symbol);

/* Up to so many bytes are copied in steps of 16. */
#define SLG_STEPS_MAX 160u

static inline bool
slg_emit(struct slg_decoder *decoder, const uint8_t *bytes, size_t len)
{
    if ((size_t)(decoder->end - decoder->at) < len) {
        decoder->is_full = true;
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    }
    /* All that is copied from or to has slack behind it. */
    uint8_t *at = decoder->at;
    decoder->at = at + len;
    if (len > SLG_STEPS_MAX) {
        memcpy(at, bytes, len);
        return true;
    }
    for (;;) {
        memmove(at, bytes, 16);
        if (len <= 16)
            return true;
        at += 16;
        bytes += 16;
        len -= 16;
    }
}

static inline int64_t
slg_ints_next(struct slg_ints *ints)
{
    uint64_t bits = 0;

    if (ints->is_const)
        return ints->value;
    if (ints->width == 1) {
        bits = *ints->at++;
    } else if (ints->width == 0) {
        /* Where varints end was checked. */
        unsigned shift = 0;
        while (*ints->at >= 0x80 && shift < 63) {
            bits |= (uint64_t)(*ints->at++ & 0x7F) << shift;
            shift += 7;
        }
        bits |= (uint64_t)*ints->at++ << shift;
    } else {
        const uint8_t *plane = ints->at++;
        for (unsigned k = 0; k < ints->width; k++, plane += ints->stride)
            bits |= (uint64_t)*plane << (8 * k);
    }
    const int64_t value = slg_unzigzag(bits);
    if (!ints->is_delta)
        return value;
    ints->value = (int64_t)((uint64_t)ints->value + (uint64_t)value);
    return ints->value;
}

#endif /* SLG_COLUMNS_DECODER_H */
