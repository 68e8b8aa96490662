/* SPDX-License-Identifier: MIT */
/*
 * format/control.h - SPEC.md 6: sync points, closing marks, recorded gaps,
 * predecessors, attributes and references, as whole frames.
 */
#ifndef SLG_FORMAT_CONTROL_H
#define SLG_FORMAT_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/header.h"

#define SLG_SYNC_POINT_BYTES   82u
#define SLG_CLOSING_MARK_BYTES 70u
#define SLG_GAP_BYTES          58u
#define SLG_PREDECESSOR_BYTES  51u
#define SLG_ATTRIBUTES_MAX     16384u /* bytes of their user */

/* The seven bytes behind the type byte, and where they stand in a mark. */
#define SLG_MARKER_BYTES  7u
#define SLG_MARKER_OFFSET 3u
extern const uint8_t slg_marker[SLG_MARKER_BYTES];

/* No segment is so long; and no difference of two offsets below it, nor the
 * difference of two such, is the shift that stands for an unknown one. */
#define SLG_MARK_OFFSET_END (UINT64_C(1) << 62)

/* A sync point or a closing mark. */
struct slg_mark {
    uint8_t type; /* SLG_CONTROL_SYNC_POINT or SLG_CONTROL_CLOSING_MARK */
    uint8_t identity[SLG_IDENTITY_BYTES];
    uint64_t epoch;
    uint64_t number;
    uint64_t line;
    uint64_t offset;
    uint32_t distance;  /* sync points only */
    uint64_t watermark; /* sync points only */
    uint64_t digest;
};

static inline size_t
slg_mark_len(unsigned type)
{
    return type == SLG_CONTROL_SYNC_POINT ? SLG_SYNC_POINT_BYTES
                                          : SLG_CLOSING_MARK_BYTES;
}

/* Returns the length written: 82 or 70. */
size_t
slg_mark_encode(const struct slg_mark *mark, uint8_t *out);

/*
 * True if a mark that is valid in itself (SPEC.md 6.2) starts at in[0]; avail
 * bytes are at hand.
 */
bool
slg_mark_decode(const uint8_t *in, size_t avail, struct slg_mark *mark);

struct slg_gap {
    uint8_t verdict;
    uint8_t cause;
    uint8_t durable;
    uint64_t count;
    uint64_t lines;
    uint64_t first_byte;
    uint64_t byte_count;
    int64_t shift; /* INT64_MIN: unknown */
    uint64_t depends_on;
};

/* number: of the first lost record. */
size_t
slg_gap_encode(const struct slg_gap *gap, uint64_t number, uint32_t salt,
               uint8_t *out);
/* in: a gap frame whose checksum has been verified.  False: illegal fields. */
bool
slg_gap_decode(const uint8_t in[SLG_GAP_BYTES], struct slg_gap *gap);

struct slg_predecessor {
    uint8_t identity[SLG_IDENTITY_BYTES];
    uint64_t epoch;
    uint64_t number;
    uint64_t end;
    uint32_t last_checksum;
};

size_t
slg_predecessor_encode(const struct slg_predecessor *predecessor,
                       uint64_t number, uint32_t salt, uint8_t *out);
void
slg_predecessor_decode(const uint8_t in[SLG_PREDECESSOR_BYTES],
                       struct slg_predecessor *predecessor);

/* Length of the frame that holds len bytes of attributes. */
static inline uint64_t
slg_attributes_len(size_t len, const struct slg_frame_limits *limits)
{
    return slg_frame_len((uint64_t)len + 1, limits);
}

/* len is at most SLG_ATTRIBUTES_MAX, and len + 1 at most limits->body_max.
 * Returns the length written. */
size_t
slg_attributes_encode(const void *data, size_t len,
                      const struct slg_frame_limits *limits, uint64_t number,
                      uint32_t salt, uint8_t *out);
/*
 * in: a frame of type 8 that has been verified.  data points into it.  False:
 * more bytes than attributes may have.
 */
bool
slg_attributes_decode(const uint8_t *in, const struct slg_frame *frame,
                      const uint8_t **data, size_t *len);

/* What a reference is for.  On disk: never renumber (SPEC.md 6.6). */
enum slg_reference_role {
    SLG_REFERENCE_DICTIONARY = 1,
    SLG_REFERENCE_PARENT = 2
};

#define SLG_REFERENCE_DIGEST_BYTES 16u
#define SLG_REFERENCE_NAME_MAX     200u /* bytes, without a NUL */
/* Of the longest frame. */
#define SLG_REFERENCE_MAX (2u + 18u + SLG_REFERENCE_NAME_MAX + 4u)

struct slg_reference {
    uint8_t role;
    uint8_t digest[SLG_REFERENCE_DIGEST_BYTES];
    size_t name_len;
    char name[SLG_REFERENCE_NAME_MAX + 1]; /* NUL behind it */
};

size_t
slg_reference_encode(const struct slg_reference *reference, uint64_t number,
                     uint32_t salt, uint8_t *out);
/* in: a frame of type 6 that has been verified.  False: illegal fields. */
bool
slg_reference_decode(const uint8_t *in, const struct slg_frame *frame,
                     struct slg_reference *reference);

#endif /* SLG_FORMAT_CONTROL_H */
