/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_parse.h - JSON lines as paths, shapes and values.
 *
 * Layer  columns.
 *
 * Every value of a line has a path: what leads to it, keys and all.  The shape
 * of an object is every byte of it that belongs to none of its values.  White
 * space inside is part of shapes, so no spelling is lost.  What was read is
 * kept as a list of events, one per value, in the order of the text.
 */
#ifndef SLG_COLUMNS_PARSE_H
#define SLG_COLUMNS_PARSE_H

#include "src/columns/columns.h"
#include "src/columns/columns_buf.h"

#define SLG_NONE UINT32_MAX

/* What a value is.  The first ones are scalars with a text. */
enum slg_value {
    SLG_VALUE_STRING, /* the text between the quotes */
    SLG_VALUE_BARE,   /* a number, or a word that is no literal */
    SLG_VALUE_NULL,
    SLG_VALUE_TRUE,
    SLG_VALUE_FALSE,
    SLG_VALUE_OBJECT, /* aux: the edge that ends its shape */
    SLG_VALUE_ARRAY,  /* aux: style */
    SLG_VALUE_REF,    /* aux: the event with the same text */
    SLG_VALUE_JSON,   /* a string that holds JSON; aux: unescaped length */
    SLG_VALUE_COPY    /* aux: the path whose last value is the same */
};

struct slg_event {
    const uint8_t *at;   /* text: a string's without quotes, all of others */
    uint32_t len;        /* of containers, once all is read: elements */
    uint32_t path_value; /* of slg_event_path() and slg_event_value() */
    uint32_t aux;
    uint32_t hash; /* of containers: elements, then their number */
};

#define SLG_VALUE_BITS 4u
#define SLG_PATHS_MAX  ((uint32_t)1 << (32 - SLG_VALUE_BITS))

static inline uint32_t
slg_event_path(const struct slg_event *event)
{
    return event->path_value >> SLG_VALUE_BITS;
}

static inline enum slg_value
slg_event_value(const struct slg_event *event)
{
    return (enum slg_value)(event->path_value & ((1u << SLG_VALUE_BITS) - 1));
}

static inline void
slg_event_set_value(struct slg_event *event, enum slg_value value)
{
    event->path_value =
        slg_event_path(event) << SLG_VALUE_BITS | (uint32_t)value;
}

/* Where an object may go on after what was read of it so far. */
struct slg_state {
    uint32_t path;
    uint32_t edge;      /* that led here */
    uint32_t recent[3]; /* edges that were taken last */
};

/* A key with all that is around it, or the end of an object. */
struct slg_edge {
    const uint8_t *text;
    uint32_t len;
    uint32_t from;
    uint32_t to;     /* SLG_NONE: the object ends */
    uint32_t child;  /* path of the value that follows */
    uint32_t symbol; /* of an end: in its path, while that is encoded */
};

struct slg_style {
    const uint8_t *open, *separator, *close;
    uint32_t open_len, separator_len, close_len;
    uint32_t next; /* of the same path */
    uint32_t symbol;
};

struct slg_path {
    uint32_t parent;
    const uint8_t *key;
    uint32_t key_len;
    uint32_t hash; /* of all that leads to it; see slg_path_hash() */
    uint32_t ref_by, ref_symbol; /* who refers to it, by what, in encoding */
    uint32_t state;              /* before the first key of an object */
    uint32_t styles;             /* first of its list */
    uint32_t element;            /* path of array elements */
    uint32_t json;               /* path of what stands in strings */
    uint32_t number;             /* in the block */
    uint32_t last;               /* last scalar */
    bool is_kept;                /* somebody refers to one of its values */
    uint32_t *events;            /* numbers of its values' events */
    size_t count;
};

/* What stands before and after the value of a line. */
struct slg_frame_style {
    const uint8_t *lead, *trail;
    uint32_t lead_len, trail_len;
};

/* By a hash of 32 bits; different things may share one. */
struct slg_table_slot {
    uint32_t hash;
    uint32_t id; /* SLG_NONE: free */
};

struct slg_table {
    struct slg_table_slot *slots;
    uint32_t mask;
    uint32_t count;
};

/* What JSON in strings was unescaped to; it is pointed into. */
struct slg_chunk {
    struct slg_chunk *next;
    size_t len, cap;
    uint8_t bytes[];
};

#define SLG_DEPTH_MAX       64u
#define SLG_JSON_DEPTH_MAX  2u
#define SLG_FRAME_STYLE_MAX 64u
#define SLG_REF_BYTES_MIN   16u

struct slg_parse {
    struct slg_event *events;
    size_t event_count, event_cap;
    uint32_t *sorted; /* all events' numbers, by path */
    struct slg_path *paths;
    uint32_t path_count, path_cap;
    struct slg_state *states;
    uint32_t state_count, state_cap;
    struct slg_edge *edges;
    uint32_t edge_count, edge_cap;
    struct slg_style *styles;
    uint32_t style_count, style_cap;
    struct slg_table edge_table, path_table, ref_table;
    struct slg_frame_style frames[SLG_FRAME_STYLE_MAX];
    uint32_t frame_count;
    struct slg_chunk *chunks;
    const uint8_t *end;
    uint64_t hash; /* of the value read last */
    unsigned json_depth;
    bool is_bad; /* out of memory */
};

bool
slg_parse_init(struct slg_parse *parse);
void
slg_parse_free(struct slg_parse *parse);

/*
 * Read a line.  Returns its frame style, or SLG_NONE: it is to be text.  Then
 * nothing of it stays but paths and shapes that nothing uses.
 */
uint32_t
slg_parse_line(struct slg_parse *parse, const uint8_t *bytes, size_t len);

/* A path of a name that no key has, for a part of a string. */
uint32_t
slg_parse_path_add(struct slg_parse *parse, uint32_t parent);

/* -- columns_shapes.c ------------------------------------------------------ */

/* Room for len bytes that stay; they are taken by adding to the chunk's len. */
uint8_t *
slg_parse_room(struct slg_parse *parse, size_t len);
/* The start of an object, or what an edge leads to. */
uint32_t
slg_parse_state(struct slg_parse *parse, uint32_t path, uint32_t edge);
/*
 * The edge that the text goes on with; *at is moved behind it.  SLG_NONE: this
 * is not JSON.
 */
uint32_t
slg_parse_edge(struct slg_parse *parse, uint32_t state, const uint8_t **at,
               bool is_first);
/* separator is NULL when there are fewer than two elements. */
uint32_t
slg_parse_style(struct slg_parse *parse, uint32_t path, struct slg_style want);
uint32_t
slg_parse_frame(struct slg_parse *parse, struct slg_frame_style want);

/* Room for more; false: out of memory. */
bool
slg_grow(void **items, uint32_t *cap, uint32_t count, size_t size);

/*
 * Of a path, from that of its parent and its key.  It does not depend on
 * numbers, so that no more paths share one in decoding than in encoding.
 */
static inline uint32_t
slg_path_hash(uint32_t parent, const uint8_t *key, size_t len)
{
    return (uint32_t)slg_hash_mix(slg_hash_bytes(key, len), parent);
}

/*
 * Whoever writes lines can make many things of one hash.  After so many that
 * are not what is looked for, it is not there; a path's line is text then.
 */
#define SLG_SAME_HASH_MAX 64u

/* -- columns_table.c ------------------------------------------------------- */

/* Add; there is room afterwards for a free slot at least. */
bool
slg_table_add(struct slg_table *table, uint32_t hash, uint32_t id);
/*
 * The next id with this hash; *probe starts at hash and is kept between calls.
 * SLG_NONE: no more.
 */
static inline uint32_t
slg_table_next(const struct slg_table *table, uint32_t hash, uint32_t *probe)
{
    if (!table->slots)
        return SLG_NONE;
    for (;; ++*probe) {
        const struct slg_table_slot *slot = &table->slots[*probe & table->mask];
        if (slot->id == SLG_NONE)
            return SLG_NONE;
        if (slot->hash == hash) {
            ++*probe;
            return slot->id;
        }
    }
}

#endif /* SLG_COLUMNS_PARSE_H */
