/* SPDX-License-Identifier: MIT */
/*
 * format/search.h - SPEC.md 9: looking for frames byte by byte.
 *
 * A damaged place is searched through a sliding stretch of bytes with their
 * running CRC.  From that the CRC of any frame in the stretch follows by one
 * multiplication, whatever length the frame claims, so that the search is
 * linear even in bytes made to slow it down.
 *
 * Layer    format: no I/O, no allocation.  The caller owns the (large) struct
 *          and fills it with bytes.
 * Threads  one at a time per struct.
 */
#ifndef SLG_FORMAT_SEARCH_H
#define SLG_FORMAT_SEARCH_H

#include "format/control.h"

/* A candidate and the frame that confirms it, both of the largest size. */
#define SLG_SEARCH_AHEAD (2u * SLG_FRAME_NEAR_MAX + 128u)
/* Positions searched between two slides. */
#define SLG_SEARCH_STEP     (192u * 1024u)
#define SLG_SEARCH_CAPACITY (SLG_SEARCH_STEP + SLG_SEARCH_AHEAD)

struct slg_search {
    struct slg_frame_limits limits;
    uint64_t base; /* offset in the segment of bytes[0] */
    size_t len;    /* bytes loaded */
    bool has_clmul;
    bool is_head_legal[256];
    uint32_t shift32[4][256]; /* v * x^32, byte by byte */
    uint32_t step[256];       /* one byte into the running CRC */
    size_t power_len;
    uint32_t power[SLG_FRAME_NEAR_MAX + 1]; /* x^(8n) */
    /* prefix[i]: running CRC of bytes[0, i), up to a common start value. */
    uint32_t prefix[SLG_SEARCH_CAPACITY + 1];
    uint8_t bytes[SLG_SEARCH_CAPACITY];
};

/* Once per scan, and only when there is damage. */
void
slg_search_init(struct slg_search *search,
                const struct slg_frame_limits *limits);

/* Forget all bytes; the next ones loaded stand at base. */
void
slg_search_reset(struct slg_search *search, uint64_t base);

/* Drop the bytes before offset and say where and how many more may be put. */
uint8_t *
slg_search_room(struct slg_search *search, uint64_t offset, size_t *room);

/* Take in the next len bytes, which were put where slg_search_room said. */
void
slg_search_loaded(struct slg_search *search, size_t len);

/* Are the bytes [offset, offset + len) at hand? */
static inline bool
slg_search_covers(const struct slg_search *search, uint64_t offset,
                  uint64_t len)
{
    return offset >= search->base && offset - search->base <= search->len &&
           len <= search->len - (offset - search->base);
}

/* The bytes at offset, which must be covered. */
static inline const uint8_t *
slg_search_at(const struct slg_search *search, uint64_t offset)
{
    return search->bytes + (offset - search->base);
}

/*
 * Is there a well-formed frame with a body of at most 65,536 bytes at offset,
 * ending within what is loaded?
 */
bool
slg_search_parse(const struct slg_search *search, uint64_t offset,
                 struct slg_frame *frame);

/* slg_frame_mixed of a frame that is covered and whose body is near. */
uint32_t
slg_search_mixed(const struct slg_search *search, uint64_t offset,
                 const struct slg_frame *frame);

enum slg_hit_type {
    SLG_HIT_NONE,
    SLG_HIT_MARK,
    SLG_HIT_CANDIDATE
};

struct slg_hit {
    enum slg_hit_type type;
    uint64_t offset;
    uint32_t distance;      /* CANDIDATE: implied number minus expected */
    struct slg_frame frame; /* CANDIDATE */
    struct slg_mark mark;   /* MARK: valid in itself, nothing else checked */
};

/*
 * Find the first offset in [from, until) with a mark that is valid in itself,
 * or a candidate whose distance from `number` is at most 65,536.  The bytes up
 * to until + SLG_SEARCH_AHEAD, or to the segment's end, must be loaded.
 */
void
slg_search_next(const struct slg_search *search, uint64_t from, uint64_t until,
                uint32_t salt, uint64_t number, struct slg_hit *hit);

#define SLG_WIDE_WINDOW 65536u

#endif /* SLG_FORMAT_SEARCH_H */
