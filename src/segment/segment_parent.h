/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_parent.h - SPEC.md 15.4: the segment that blocks refer to.
 *
 * Layer  segment.  A walk meets a block that refers to records of another
 *        sealed segment of the same store; here they are got.
 */
#ifndef SLG_SEGMENT_PARENT_H
#define SLG_SEGMENT_PARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/header.h"
#include "seglog/segment.h"

/* A parent may have a parent, and so on, up to this. */
#define SLG_PARENT_DEPTH_MAX 16u

struct slg_parent {
    struct seglog_store store; /* ops NULL: not known */
    unsigned depth;            /* of the segment that is read; 0: no parent */
    struct seglog_reader *reader; /* of its parent; NULL: not opened yet */
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

void
slg_parent_reset(struct slg_parent *parent);

/*
 * The entries (SPEC.md 5) of the records first to last of the parent of an
 * open segment, as they stand in the body of a group, into bytes.
 *   CORRUPT    there are no such records, or more than max bytes of them; err
 *              is not filled
 *   NOT_FOUND  there is no such parent
 *   FORMAT     the segment says of no parent, or parents refer too far
 */
seglog_code
slg_parent_load(struct slg_parent *parent, struct seglog_blob blob,
                const char *name, uint64_t size,
                const struct slg_header *header, uint64_t first, uint64_t last,
                uint64_t max, struct seglog_error *err);

/* Open a segment to be read as a parent: sealed, with this digest (NULL:
 * whichever).  depth: its own. */
seglog_code
slg_parent_open(struct seglog_store store, const char *name,
                const uint8_t *digest, unsigned depth, const char *child,
                struct seglog_reader **reader, struct seglog_error *err);

#endif /* SLG_SEGMENT_PARENT_H */
