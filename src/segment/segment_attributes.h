/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_attributes.h - what a segment's user wants to know of it.
 *
 * Layer  segment.
 */
#ifndef SLG_SEGMENT_ATTRIBUTES_H
#define SLG_SEGMENT_ATTRIBUTES_H

#include "format/control.h"
#include "seglog/segment.h"

/* The beginning of a segment, with the frames that come before the records. */
#define SLG_ATTRIBUTES_READ ((size_t)20480)

/*
 * Find the attributes in the first len bytes of a segment with this header.
 * data points into bytes; false: none, or damaged.
 */
bool
slg_attributes_find(const struct slg_header *header, const uint8_t *bytes,
                    size_t len, const uint8_t **data, size_t *data_len);

/*
 * Is there nothing but sync points and references behind the header, of len bytes in all?
 * Then whoever created the segment did not get further.
 */
bool
slg_attributes_are_due(const struct slg_header *header, const uint8_t *bytes,
                       size_t len);

/* The same for the first reference with this role (SPEC.md 6.6). */
bool
slg_reference_find(const struct slg_header *header, const uint8_t *bytes,
                   size_t len, unsigned role, struct slg_reference *reference);

#endif /* SLG_SEGMENT_ATTRIBUTES_H */
