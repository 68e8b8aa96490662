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
};

/* What stands before a value, and where the value is. */
struct slg_piece {
    const uint8_t *text;
    uint32_t len;
    uint32_t child; /* SLG_NONE: no value follows */
};

struct slg_symbol {
    enum slg_symbol_type type;
    uint32_t piece_count;
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
    uint32_t kept_count, kept_len;
    struct slg_span_kept *kept;
    const uint8_t *last; /* the last scalar's text */
    size_t last_len;
};

struct slg_decoder {
    struct slg_cursor streams[SLG_STREAM_COUNT];
    uint8_t *buffer;
    struct slg_arena arena;
    struct slg_decode_path *paths;
    uint32_t path_count, path_cap;
    struct slg_table table;
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

/* -- columns_decode_column.c ----------------------------------------------- */

void
slg_decoder_read_column(struct slg_decoder *decoder, struct slg_column *column,
                        size_t count);
bool
slg_column_emit(struct slg_decoder *decoder, struct slg_column *column);

static inline bool
slg_emit(struct slg_decoder *decoder, const uint8_t *bytes, size_t len)
{
    if ((size_t)(decoder->end - decoder->at) < len) {
        decoder->is_full = true;
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    }
    /* All that is copied from or to has slack behind it. */
    if (len <= 16)
        memmove(decoder->at, bytes, 16);
    else
        memcpy(decoder->at, bytes, len);
    decoder->at += len;
    return true;
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
