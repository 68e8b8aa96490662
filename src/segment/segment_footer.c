/* SPDX-License-Identifier: MIT */
/* src/segment/segment_footer.c - SPEC.md 15.3: the footer, from the end. */
#include "src/segment/segment_footer.h"

#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/store/fail.h"

/* What is read at first: the footer of some thousand blocks. */
#define END_READ ((uint64_t)32768)

void
slg_sealed_end_reset(struct slg_sealed_end *end)
{
    free(end->bytes);
    *end = (struct slg_sealed_end){ .bytes = NULL };
}

/*
 * Read [offset, size) into end->bytes.  More is read than the footer may need:
 * what was forged in front of it is none of its business, and reads as zeros.
 */
static seglog_code
end_load(struct seglog_blob blob, uint64_t offset, uint64_t size,
         struct slg_sealed_end *end, struct seglog_error *err)
{
    const struct slg_place place = { .offset = offset };
    const size_t len = (size_t)(size - offset);
    uint8_t *bytes = malloc(len);

    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                        "no memory for the table of blocks");
    free(end->bytes);
    end->bytes = bytes;
    return slg_blob_read(blob, offset, bytes, len, err);
}

/*
 * The footer's length, read backwards from the closing mark: a body with a
 * digest has it between the length and the checksum.  0: there is none.  What
 * stands before the mark is as long as a header, or longer.
 */
static uint64_t
footer_frame_len(const uint8_t *before_mark,
                 const struct slg_frame_limits *limits)
{
    static const uint8_t magic[4] = { 'S', 'L', 'F', 'T' };
    const size_t behind[] = { SLG_CHECKSUM_BYTES,
                              SLG_CHECKSUM_BYTES + SLG_DIGEST_BYTES };

    for (size_t i = 0; i < 2; i++) {
        const uint8_t *end = before_mark - behind[i];
        if (memcmp(end - sizeof magic, magic, sizeof magic) != 0)
            continue;
        const uint32_t body_len = slg_load_le32(end - SLG_FOOTER_END_BYTES);
        const bool has_digest =
            limits->has_digests && body_len > SLG_BODY_SHORT_MAX;
        if (has_digest == (i == 1) && body_len <= limits->body_max)
            return slg_frame_len(body_len, limits);
    }
    return 0;
}

/* All of the footer is at hand: is it one? */
static bool
footer_is_valid(const uint8_t *bytes, uint64_t len,
                const struct slg_frame_limits *limits,
                struct slg_sealed_end *end)
{
    struct slg_frame frame;
    const uint32_t salt = slg_salt(end->mark.identity, end->mark.epoch);

    return slg_frame_parse(bytes, (size_t)len, limits, &frame) &&
           frame.len == len && frame.control == SLG_CONTROL_FOOTER &&
           slg_frame_mixed(bytes, &frame) == slg_mix(end->mark.number, salt) &&
           slg_frame_is_sound(bytes, &frame, limits) &&
           slg_footer_decode(bytes + frame.head_len, frame.body_len,
                             end->offset, &end->footer, &end->table) &&
           end->footer.first_record + end->footer.records + end->footer.lost ==
               end->mark.number;
}

seglog_code
slg_sealed_end_read(struct seglog_blob blob, uint64_t size,
                    const struct slg_header *header, struct slg_sealed_end *end,
                    struct seglog_error *err)
{
    const struct slg_frame_limits limits = slg_header_limits(header);
    uint64_t start = size > END_READ ? size - END_READ : 0;

    *end = (struct slg_sealed_end){ .bytes = NULL };
    if (size < SLG_HEADER_BYTES + SLG_CLOSING_MARK_BYTES)
        return SEGLOG_CORRUPT;
    seglog_code code = end_load(blob, start, size, end, err);
    if (code != SEGLOG_OK)
        return code;
    const uint64_t mark_at = size - SLG_CLOSING_MARK_BYTES;
    if (!slg_mark_decode(end->bytes + (mark_at - start), SLG_CLOSING_MARK_BYTES,
                         &end->mark) ||
        end->mark.type != SLG_CONTROL_CLOSING_MARK ||
        end->mark.offset != mark_at ||
        memcmp(end->mark.identity, header->identity, SLG_IDENTITY_BYTES) != 0)
        return SEGLOG_CORRUPT;
    const uint64_t len =
        footer_frame_len(end->bytes + (mark_at - start), &limits);
    if (len == 0 || len > mark_at - SLG_HEADER_BYTES)
        return SEGLOG_CORRUPT;
    end->offset = mark_at - len;
    if (end->offset < start) {
        start = end->offset;
        code = end_load(blob, start, size, end, err);
    }
    if (code != SEGLOG_OK)
        return code;
    return footer_is_valid(end->bytes + (end->offset - start), len, &limits,
                           end) &&
                   end->footer.first_record == header->first_record
               ? SEGLOG_OK
               : SEGLOG_CORRUPT;
}

/* The end of the block before the one with record_no, and its number. */
static uint64_t
place_find(struct slg_footer_table table, uint64_t record_no, uint64_t *number)
{
    uint64_t place = SLG_HEADER_BYTES;

    while (slg_footer_row_next(&table)) {
        const struct slg_footer_row *row = &table.row;

        if (record_no < row->first + row->count)
            break;
        place = row->offset + row->len;
        *number = row->first + row->count;
    }
    return place;
}

seglog_code
slg_walk_seek_sealed(struct slg_walk *walk, uint64_t record_no, bool *is_found,
                     struct seglog_error *err)
{
    struct slg_sealed_end end;
    struct slg_mark mark;
    const uint8_t *bytes = NULL;
    uint64_t number = walk->header.first_record;
    uint64_t place = 0;
    seglog_code code = slg_sealed_end_read(walk->window.blob, walk->window.size,
                                           &walk->header, &end, err);

    *is_found = false;
    if (code == SEGLOG_OK) {
        /* In front of the footer, which is longer than a sync point. */
        place = place_find(end.table, record_no, &number);
        code = slg_window_look(&walk->window, place, SLG_SYNC_POINT_BYTES,
                               &bytes, err);
    }
    slg_sealed_end_reset(&end);
    /* What cannot be read here is met again, and told of, on the long way. */
    if (code == SEGLOG_CORRUPT || code == SEGLOG_IO)
        return SEGLOG_OK;
    if (code != SEGLOG_OK)
        return code;
    if (place == SLG_HEADER_BYTES) {
        *is_found = true;
        slg_walk_stand_at_start(walk);
        return SEGLOG_OK;
    }
    if (!slg_mark_decode(bytes, SLG_SYNC_POINT_BYTES, &mark) ||
        mark.type != SLG_CONTROL_SYNC_POINT || mark.offset != place ||
        mark.number != number ||
        memcmp(mark.identity, walk->header.identity, SLG_IDENTITY_BYTES) != 0)
        return SEGLOG_OK;
    *is_found = true;
    slg_walk_stand_at(walk, &mark);
    return SEGLOG_OK;
}
