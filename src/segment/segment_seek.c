/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seek.c - standing near a record number. */
#include <string.h>

#include "src/segment/segment_footer.h"
#include "src/segment/segment_reader.h"
#include "src/store/fail.h"

/* Bisection stops here and walks: about one stretch. */
#define CLOSE_ENOUGH (UINT64_C(128) << 10)

/* The first mark in [from, until) that stands where it says it does. */
static seglog_code
mark_probe(struct slg_walk *walk, uint64_t from, uint64_t until,
           bool is_sync_wanted, bool *is_found, struct slg_mark *mark,
           struct seglog_error *err)
{
    *is_found = false;
    while (from < until) {
        uint64_t offset;
        const seglog_code code =
            slg_walk_find_mark(walk, from, false, &offset, mark, err);
        if (code != SEGLOG_OK)
            return code;
        if (offset >= until)
            break;
        if (mark->offset == offset &&
            (!is_sync_wanted || mark->type == SLG_CONTROL_SYNC_POINT) &&
            memcmp(mark->identity, walk->header.identity, SLG_IDENTITY_BYTES) ==
                0) {
            *is_found = true;
            break;
        }
        from = offset + 1;
    }
    return SEGLOG_OK;
}

void
slg_walk_stand_at_start(struct slg_walk *walk)
{
    const struct slg_header *header = &walk->header;
    /* Without a header there is no first place to stand at but offset 0. */
    const bool is_lost = walk->is_header_lost;
    const uint64_t number = is_lost ? 1 : header->first_record;

    walk->at = (struct slg_place_in_segment){
        .pos = is_lost ? 0 : SLG_HEADER_BYTES,
        .number = number,
        .line = number,
        .epoch = header->epoch,
        .salt = walk->start_salt,
    };
    walk->is_passed = false;
    walk->passed_end = 0;
    walk->shift = 0;
    walk->digest = 0;
    walk->has_gap = is_lost;
    walk->stretch = walk->at;
    slg_context_start(&walk->context, walk->at.pos);
}

seglog_code
slg_walk_seek(struct slg_walk *walk, uint64_t record_no, bool is_sync_wanted,
              struct seglog_error *err)
{
    uint64_t low = SLG_HEADER_BYTES;
    uint64_t high = walk->window.size;
    /* Whoever cuts is not to be stopped by damage further up. */
    const uint64_t close =
        is_sync_wanted ? UINT64_C(1) << walk->header.sync_log2 : CLOSE_ENOUGH;

    slg_walk_stand_at_start(walk);
    while (high > low && high - low > close) {
        const uint64_t middle = low + (high - low) / 2;
        struct slg_mark mark;
        bool is_found;
        const seglog_code code = mark_probe(walk, middle, high, is_sync_wanted,
                                            &is_found, &mark, err);

        if (code != SEGLOG_OK)
            return code;
        if (is_found && mark.number <= record_no) {
            slg_walk_stand_at(walk, &mark);
            low = mark.offset + 1;
        } else {
            high = middle;
        }
    }
    return SEGLOG_OK;
}

seglog_code
seglog_reader_seek(struct seglog_reader *reader, uint64_t record_no,
                   struct seglog_error *err)
{
    return slg_reader_seek(reader, record_no, false, err);
}

seglog_code
slg_reader_seek(struct seglog_reader *reader, uint64_t record_no,
                bool is_sync_wanted, struct seglog_error *err)
{
    struct slg_walk *walk = &reader->walk;

    reader->skip_until = record_no;
    reader->delivery.left = 0;
    reader->has_pending = false;
    reader->settled_size = reader->tail_size = 0;
    reader->is_end_told = false;
    if (reader->is_headless || reader->broken != SEGLOG_OK)
        return SEGLOG_OK;
    reader->is_mapped = false;
    seglog_code code = slg_walk_refresh(walk, err);
    if (code != SEGLOG_OK)
        return code;
    if (walk->limits.is_sealed) {
        bool is_found = false;

        code = slg_walk_seek_sealed(walk, record_no, &is_found, err);
        if (code != SEGLOG_OK || is_found)
            return code;
    }
    if (!walk->is_header_lost)
        return slg_walk_seek(walk, record_no, is_sync_wanted, err);
    slg_walk_stand_at_start(walk);
    return SEGLOG_OK;
}
