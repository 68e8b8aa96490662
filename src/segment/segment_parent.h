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
#include "src/store/name.h"

/* A parent may have a parent, and so on, up to this. */
#define SLG_PARENT_DEPTH_MAX 16u

/*
 * How often a block that is read may make its parents, all of them together,
 * go to another place: hostile ones would send each other back and forth.
 */
#define SLG_PARENT_JUMPS_MAX 1024u

struct slg_parent {
    struct seglog_store store; /* ops NULL: not known */
    unsigned depth;            /* of the segment that is read; 0: no parent */
    struct seglog_reader *reader; /* of its parent; NULL: not opened yet */
    const uint8_t *bytes;         /* what was asked for */
    size_t len;
    /* What has been read: the entries of records first to next - 1 without a
     * gap, from start on.  next 0: none. */
    uint8_t *held;
    size_t start;
    size_t end;
    size_t cap;
    uint64_t first;
    uint64_t next;
    unsigned own_jumps;
    unsigned *jumps; /* left; NULL: this is the one that is read, own_jumps */
};

void
slg_parent_reset(struct slg_parent *parent);

/*
 * The entries (SPEC.md 5) of the records first to last of the parent of an
 * open segment, as they stand in the body of a group, into bytes.
 *   CORRUPT    there are no such records, or more than max bytes of them; err
 *              is not filled
 *   NOT_FOUND  there is no such parent
 *   FORMAT     the segment says of no parent, or parents refer too far or too
 *              wildly
 * Cost  of places that follow each other, each record is read once: otherwise
 * it would be some times more for each parent's parent
 */
seglog_code
slg_parent_load(struct slg_parent *parent, struct seglog_blob blob,
                const char *name, uint64_t size,
                const struct slg_header *header, uint64_t first, uint64_t last,
                uint64_t max, struct seglog_error *err);

/* Open a segment to be read as a parent: sealed, with this digest (NULL:
 * whichever).  depth: its own; jumps: what it and its parents may use up. */
seglog_code
slg_parent_open(struct seglog_store store, const char *name,
                const uint8_t *digest, unsigned depth, unsigned *jumps,
                const char *child, struct seglog_reader **reader,
                struct seglog_error *err);

/*
 * The name of the parent of a segment, also where its end is damaged; "" where
 * it has none, or where nothing tells.
 */
seglog_code
slg_parent_name(struct seglog_store store, const char *name,
                char parent[SLG_NAME_CAP], struct seglog_error *err);

#endif /* SLG_SEGMENT_PARENT_H */
