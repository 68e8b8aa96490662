/* SPDX-License-Identifier: MIT */
/*
 * format/frame.h - SPEC.md 4 and 5: one frame, bytes to struct and back.
 *
 * Layer    format: no I/O, no allocation, no state.
 * Threads  every function is pure.
 */
#ifndef SLG_FORMAT_FRAME_H
#define SLG_FORMAT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/bytes.h"

/* On disk: never renumber.  The first four are also enum seglog_kind. */
enum slg_frame_kind {
    SLG_FRAME_TEXT = 1,
    SLG_FRAME_BYTES = 2,
    SLG_FRAME_PART = 3,
    SLG_FRAME_TAIL = 4,
    SLG_FRAME_GROUP = 5,
    SLG_FRAME_CONTROL = 6,
    SLG_FRAME_BLOCK = 7 /* of a sealed segment: SPEC.md 15 */
};

/* On disk: never renumber. */
enum slg_control_type {
    SLG_CONTROL_SYNC_POINT = 1,
    SLG_CONTROL_CLOSING_MARK = 2,
    SLG_CONTROL_GAP = 3,
    SLG_CONTROL_PREDECESSOR = 4,
    SLG_CONTROL_CHAIN_HEAD = 5,
    SLG_CONTROL_REFERENCE = 6,
    SLG_CONTROL_FOOTER = 7,
    SLG_CONTROL_ATTRIBUTES = 8,
    SLG_CONTROL_TOMBSTONE = 9,
    SLG_CONTROL_SIGNATURE = 10
};

#define SLG_HEAD_KIND_SHIFT 5
#define SLG_HEAD_DURABLE    0x10u
#define SLG_HEAD_PACKING    0x0Cu /* enum slg_packing */
#define SLG_HEAD_ZSTD       0x04u /* of these: only with the feature ZSTD */
#define SLG_HEAD_COMPRESSED 0x08u
#define SLG_HEAD_BLOCK_BITS 0x1Cu /* of them, a block has COMPRESSED alone */
#define SLG_HEAD_CONTROL    0xC0u /* a control frame with a 1-byte length */

/* How a body is compressed (SPEC.md 7.5): these bits of the head. */
enum slg_packing {
    SLG_PACKING_NONE = 0x00,
    SLG_PACKING_NEXT = 0x04, /* goes on in a run of zstd blocks */
    SLG_PACKING_DEFLATE = 0x08,
    SLG_PACKING_FIRST = 0x0C /* begins one */
};

#define SLG_CHECKSUM_BYTES 4u
#define SLG_DIGEST_BYTES   8u
#define SLG_HEAD_MAX       5u /* head and length */
/* The body of a block may be longer than others by this (SPEC.md 15.1). */
#define SLG_BLOCK_FRAMING  32u
#define SLG_FRAME_MIN      6u     /* an empty record */
#define SLG_BODY_SHORT_MAX 11440u /* longer bodies have a digest */
#define SLG_BODY_NEAR_MAX  65536u /* longer ones follow a sync point */
/* The largest frame that the byte-wise search looks at. */
#define SLG_FRAME_NEAR_MAX                                                     \
    (4u + SLG_BODY_NEAR_MAX + SLG_DIGEST_BYTES + SLG_CHECKSUM_BYTES)

/*
 * What goes with a sync point: what directly follows such a frame that directly
 * follows one counts as directly following it (SPEC.md 6.6).
 */
static inline bool
slg_control_is_companion(unsigned control)
{
    return control == SLG_CONTROL_REFERENCE ||
           control == SLG_CONTROL_CHAIN_HEAD;
}

/* What the segment's header says about its frames. */
struct slg_frame_limits {
    uint64_t body_max; /* 2^body_log2 */
    bool has_digests;  /* false under NO_XXH3 */
    bool may_compress; /* bodies may be compressed: SPEC.md 7.5 */
    bool may_zstd;     /* by zstd as well */
    bool has_blocks;   /* there may be blocks: SPEC.md 15 */
    bool is_sealed;    /* ... and no other record frames */
};

/* A head whose bytes are legal.  Nothing here has been verified. */
struct slg_frame {
    uint8_t head;
    uint8_t kind;     /* enum slg_frame_kind */
    uint8_t control;  /* first body byte of a CONTROL frame, else 0 */
    uint8_t head_len; /* head and length bytes: 2 to 5 */
    uint32_t body_len;
    uint64_t len; /* head to checksum */
};

/*
 * Parse the head of a well-formed frame (SPEC.md 4, without the rule about
 * long bodies and without the end of the segment, which the caller knows).
 *
 *   bytes, avail  what is at hand; SLG_HEAD_MAX + 1 bytes always suffice
 * Returns false when the bytes are no legal head, or avail is too short to
 * tell.
 */
bool
slg_frame_parse(const uint8_t *bytes, size_t avail,
                const struct slg_frame_limits *limits, struct slg_frame *frame);

/* May a frame start with this byte (SPEC.md 4)? */
static inline bool
slg_head_is_legal(uint8_t head, const struct slg_frame_limits *limits)
{
    const unsigned kind = (unsigned)head >> SLG_HEAD_KIND_SHIFT;
    const unsigned reserved = limits->may_zstd       ? 0
                              : limits->may_compress ? SLG_HEAD_ZSTD
                                                     : SLG_HEAD_PACKING;

    if (kind == SLG_FRAME_BLOCK)
        return limits->has_blocks &&
               (head & SLG_HEAD_BLOCK_BITS) == SLG_HEAD_COMPRESSED;
    if (limits->is_sealed && kind != SLG_FRAME_CONTROL)
        return false;
    return kind >= SLG_FRAME_TEXT && (head & reserved) == 0 &&
           (kind != SLG_FRAME_CONTROL ||
            (head & (SLG_HEAD_DURABLE | SLG_HEAD_PACKING)) == 0);
}

static inline enum slg_packing
slg_frame_packing(const struct slg_frame *frame)
{
    return (enum slg_packing)(frame->head & SLG_HEAD_PACKING);
}

/* Its body is compressed (SPEC.md 7.5). */
static inline bool
slg_frame_is_compressed(const struct slg_frame *frame)
{
    return slg_frame_packing(frame) != SLG_PACKING_NONE;
}

/* The bytes that the checksum covers: all but itself. */
static inline uint64_t
slg_frame_covered(const struct slg_frame *frame)
{
    return frame->len - SLG_CHECKSUM_BYTES;
}

static inline bool
slg_frame_has_digest(const struct slg_frame *frame,
                     const struct slg_frame_limits *limits)
{
    return limits->has_digests && frame->body_len > SLG_BODY_SHORT_MAX;
}

/*
 * fmix32(n) ^ salt as the frame's stored checksum has it, and the number that
 * this implies.  bytes holds the whole frame.
 */
uint32_t
slg_frame_mixed(const uint8_t *bytes, const struct slg_frame *frame);
uint32_t
slg_frame_implied(const uint8_t *bytes, const struct slg_frame *frame,
                  uint32_t salt);

/*
 * Is the frame whose bytes these are valid apart from its checksum: digest
 * right, group body legal?  The caller compares the checksum first.  Of a
 * compressed body no more is looked at than the count of a group.
 */
bool
slg_frame_is_sound(const uint8_t *bytes, const struct slg_frame *frame,
                   const struct slg_frame_limits *limits);

/*
 * How many numbers a frame stands for: 0 for control frames except a recorded
 * gap, 1 for a record, the count at the start of a group's body.  Not verified
 * (a damaged group can claim anything); 0 for a group without a legal count.
 * bytes must hold the head and at least the first 14 bytes of the body, or
 * all of it: avail says how many.
 */
uint64_t
slg_frame_count(const uint8_t *bytes, size_t avail,
                const struct slg_frame *frame);

/* -- encoding ------------------------------------------------------------- */

/* Length of a frame with this body; no limit is checked. */
uint64_t
slg_frame_len(uint64_t body_len, const struct slg_frame_limits *limits);

/* Write head and length; returns their length, 2 to 5. */
size_t
slg_frame_put_head(uint8_t *out, unsigned kind, bool is_durable,
                   uint32_t body_len);

/*
 * Finish a frame whose head and body stand at out: adds digest and checksum
 * and returns the frame's length.
 */
size_t
slg_frame_finish(uint8_t *out, size_t head_len, uint32_t body_len,
                 const struct slg_frame_limits *limits, uint64_t number,
                 uint32_t salt);

/* -- groups (SPEC.md 5) --------------------------------------------------- */

/* The body is that of a group, to its end. */
bool
slg_group_is_sound(const uint8_t *body, size_t len);

#define SLG_VARINT_MAX 9u /* bytes of a value below 2^63 */

/* Bytes used, or 0 if there is no legal varint within len. */
size_t
slg_varint_get(const uint8_t *in, size_t len, uint64_t *value);
size_t
slg_varint_put(uint8_t *out, uint64_t value);
size_t
slg_varint_len(uint64_t value);

struct slg_group {
    const uint8_t *at;
    const uint8_t *end;
    uint64_t left; /* entries not yet taken */
};

/* The same of what a block stands for: one record is enough. */
bool
slg_entries_are_sound(const uint8_t *body, size_t len);

/* A frame with many records, whose plain body is that of a group. */
static inline bool
slg_frame_has_entries(const struct slg_frame *frame)
{
    return frame->kind == SLG_FRAME_GROUP || frame->kind == SLG_FRAME_BLOCK;
}

/* False when the body does not start with a legal count. */
bool
slg_group_open(struct slg_group *group, const uint8_t *body, size_t len);

/* The same for the plain body of a group or of a block. */
bool
slg_entries_open(struct slg_group *group, const uint8_t *body, size_t len);

/*
 * Take the next entry: its attribute + 1 is an enum seglog_kind.  False at the
 * end or at an illegal entry; slg_group_is_done tells the two apart.
 */
bool
slg_group_next(struct slg_group *group, unsigned *kind, const uint8_t **data,
               size_t *len);

static inline bool
slg_group_is_done(const struct slg_group *group)
{
    return group->left == 0 && group->at == group->end;
}

#endif /* SLG_FORMAT_FRAME_H */
