/* SPDX-License-Identifier: MIT */
/* format/control.c - SPEC.md 6: marks, gaps, predecessors, attributes. */
#include "format/control.h"

#include <string.h>

#include "format/checksum.h"

const uint8_t slg_marker[SLG_MARKER_BYTES] = { 0xB7, 0x5E, 0x59, 0x4E,
                                               0x43, 0xA3, 0x1D };

static const struct slg_frame_limits control_limits = { .body_max = 256 };

/* Head, length and type; the body_len follows from the frame's length. */
static void
control_put_head(uint8_t *out, uint8_t type, size_t frame_len)
{
    out[0] = SLG_HEAD_CONTROL;
    out[1] = (uint8_t)(frame_len - 2 - SLG_CHECKSUM_BYTES);
    out[2] = type;
}

static size_t
control_finish(uint8_t *out, size_t frame_len, uint64_t number, uint32_t salt)
{
    return slg_frame_finish(out, 2,
                            (uint32_t)(frame_len - 2 - SLG_CHECKSUM_BYTES),
                            &control_limits, number, salt);
}

size_t
slg_mark_encode(const struct slg_mark *mark, uint8_t *out)
{
    const size_t len = slg_mark_len(mark->type);

    control_put_head(out, mark->type, len);
    memcpy(out + SLG_MARKER_OFFSET, slg_marker, SLG_MARKER_BYTES);
    memcpy(out + 10, mark->identity, SLG_IDENTITY_BYTES);
    slg_store_le64(out + 26, mark->epoch);
    slg_store_le64(out + 34, mark->number);
    slg_store_le64(out + 42, mark->line);
    slg_store_le64(out + 50, mark->offset);
    if (mark->type == SLG_CONTROL_SYNC_POINT) {
        slg_store_le32(out + 58, mark->distance);
        slg_store_le64(out + 62, mark->watermark);
        slg_store_le64(out + 70, mark->digest);
    } else {
        slg_store_le64(out + 58, mark->digest);
    }
    return control_finish(out, len, mark->number,
                          slg_salt(mark->identity, mark->epoch));
}

static bool
mark_is_in_range(const struct slg_mark *mark)
{
    return mark->number >= 1 && mark->number <= INT64_MAX &&
           mark->offset < SLG_MARK_OFFSET_END && mark->watermark < mark->number;
}

bool
slg_mark_decode(const uint8_t *in, size_t avail, struct slg_mark *mark)
{
    struct slg_frame frame;

    if (avail < SLG_CLOSING_MARK_BYTES || in[0] != SLG_HEAD_CONTROL ||
        memcmp(in + SLG_MARKER_OFFSET, slg_marker, SLG_MARKER_BYTES) != 0 ||
        !slg_frame_parse(in, avail, &control_limits, &frame) ||
        frame.control < SLG_CONTROL_SYNC_POINT ||
        frame.control > SLG_CONTROL_CLOSING_MARK || frame.len > avail)
        return false;

    mark->type = frame.control;
    memcpy(mark->identity, in + 10, SLG_IDENTITY_BYTES);
    mark->epoch = slg_load_le64(in + 26);
    mark->number = slg_load_le64(in + 34);
    mark->line = slg_load_le64(in + 42);
    mark->offset = slg_load_le64(in + 50);
    if (mark->type == SLG_CONTROL_SYNC_POINT) {
        mark->distance = slg_load_le32(in + 58);
        mark->watermark = slg_load_le64(in + 62);
        mark->digest = slg_load_le64(in + 70);
    } else {
        mark->distance = 0;
        mark->watermark = 0;
        mark->digest = slg_load_le64(in + 58);
    }
    return mark_is_in_range(mark) &&
           slg_frame_mixed(in, &frame) ==
               slg_mix(mark->number, slg_salt(mark->identity, mark->epoch));
}

size_t
slg_gap_encode(const struct slg_gap *gap, uint64_t number, uint32_t salt,
               uint8_t *out)
{
    control_put_head(out, SLG_CONTROL_GAP, SLG_GAP_BYTES);
    out[3] = gap->verdict;
    out[4] = gap->cause;
    out[5] = gap->durable;
    slg_store_le64(out + 6, gap->count);
    slg_store_le64(out + 14, gap->lines);
    slg_store_le64(out + 22, gap->first_byte);
    slg_store_le64(out + 30, gap->byte_count);
    slg_store_le64(out + 38, (uint64_t)gap->shift);
    slg_store_le64(out + 46, gap->depends_on);
    return control_finish(out, SLG_GAP_BYTES, number, salt);
}

bool
slg_gap_decode(const uint8_t in[SLG_GAP_BYTES], struct slg_gap *gap)
{
    const uint64_t shift = slg_load_le64(in + 38);

    gap->verdict = in[3];
    gap->cause = in[4];
    gap->durable = in[5];
    gap->count = slg_load_le64(in + 6);
    gap->lines = slg_load_le64(in + 14);
    gap->first_byte = slg_load_le64(in + 22);
    gap->byte_count = slg_load_le64(in + 30);
    memcpy(&gap->shift, &shift, sizeof shift);
    gap->depends_on = slg_load_le64(in + 46);
    return gap->count >= 1 && gap->count <= INT64_MAX &&
           gap->lines <= gap->count;
}

size_t
slg_predecessor_encode(const struct slg_predecessor *predecessor,
                       uint64_t number, uint32_t salt, uint8_t *out)
{
    control_put_head(out, SLG_CONTROL_PREDECESSOR, SLG_PREDECESSOR_BYTES);
    memcpy(out + 3, predecessor->identity, SLG_IDENTITY_BYTES);
    slg_store_le64(out + 19, predecessor->epoch);
    slg_store_le64(out + 27, predecessor->number);
    slg_store_le64(out + 35, predecessor->end);
    slg_store_le32(out + 43, predecessor->last_checksum);
    return control_finish(out, SLG_PREDECESSOR_BYTES, number, salt);
}

void
slg_predecessor_decode(const uint8_t in[SLG_PREDECESSOR_BYTES],
                       struct slg_predecessor *predecessor)
{
    memcpy(predecessor->identity, in + 3, SLG_IDENTITY_BYTES);
    predecessor->epoch = slg_load_le64(in + 19);
    predecessor->number = slg_load_le64(in + 27);
    predecessor->end = slg_load_le64(in + 35);
    predecessor->last_checksum = slg_load_le32(in + 43);
}

size_t
slg_attributes_encode(const void *data, size_t len,
                      const struct slg_frame_limits *limits, uint64_t number,
                      uint32_t salt, uint8_t *out)
{
    const uint32_t body_len = (uint32_t)len + 1;
    const size_t head_len =
        slg_frame_put_head(out, SLG_FRAME_CONTROL, false, body_len);

    out[head_len] = SLG_CONTROL_ATTRIBUTES;
    if (len > 0)
        memcpy(out + head_len + 1, data, len);
    return slg_frame_finish(out, head_len, body_len, limits, number, salt);
}

bool
slg_attributes_decode(const uint8_t *in, const struct slg_frame *frame,
                      const uint8_t **data, size_t *len)
{
    *data = in + frame->head_len + 1;
    *len = frame->body_len - 1;
    return *len <= SLG_ATTRIBUTES_MAX;
}

size_t
slg_reference_encode(const struct slg_reference *reference, uint64_t number,
                     uint32_t salt, uint8_t *out)
{
    const size_t len = 2 + 18 + reference->name_len + SLG_CHECKSUM_BYTES;

    control_put_head(out, SLG_CONTROL_REFERENCE, len);
    out[3] = reference->role;
    memcpy(out + 4, reference->digest, SLG_REFERENCE_DIGEST_BYTES);
    memcpy(out + 20, reference->name, reference->name_len);
    return control_finish(out, len, number, salt);
}

bool
slg_reference_decode(const uint8_t *in, const struct slg_frame *frame,
                     struct slg_reference *reference)
{
    if (frame->head_len != 2 || frame->body_len <= 18 ||
        frame->body_len - 18 > SLG_REFERENCE_NAME_MAX)
        return false;
    reference->role = in[3];
    memcpy(reference->digest, in + 4, SLG_REFERENCE_DIGEST_BYTES);
    reference->name_len = frame->body_len - 18;
    memcpy(reference->name, in + 20, reference->name_len);
    reference->name[reference->name_len] = '\0';
    for (size_t i = 0; i < reference->name_len; i++) {
        if (reference->name[i] == '\0')
            return false;
    }
    return true;
}
