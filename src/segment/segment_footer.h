/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_footer.h - SPEC.md 15.3: the footer, found from the end.
 *
 * Layer  segment.  Reads only.
 */
#ifndef SLG_SEGMENT_FOOTER_H
#define SLG_SEGMENT_FOOTER_H

#include "format/footer.h"
#include "src/segment/segment_walk.h"

struct slg_sealed_end {
    struct slg_footer footer;
    struct slg_footer_table table; /* at its first row */
    struct slg_mark mark;          /* the closing mark */
    uint64_t offset;               /* of the footer's frame */
    uint8_t *bytes;                /* what footer and table point into */
};

void
slg_sealed_end_reset(struct slg_sealed_end *end);

/*
 * Read the end of a sealed segment with this header, of size bytes.
 *   CORRUPT  it is damaged, or there is none; err is not filled
 *   IO, NO_MEMORY
 * Cost     one read, two where the table is long.  The caller resets end,
 *          whatever this returns.
 */
seglog_code
slg_sealed_end_read(struct seglog_blob blob, uint64_t size,
                    const struct slg_header *header, struct slg_sealed_end *end,
                    struct seglog_error *err);

/*
 * Stand in front of the block with record_no, at the mark that stands behind
 * the block before it.  False: the footer leads nowhere, and nothing of the
 * walk has changed.
 */
seglog_code
slg_walk_seek_sealed(struct slg_walk *walk, uint64_t record_no, bool *is_found,
                     struct seglog_error *err);

#endif /* SLG_SEGMENT_FOOTER_H */
