/* SPDX-License-Identifier: MIT */
/* format/frame.c - SPEC.md 4: one frame. */
#include "format/frame.h"

#include "format/checksum.h"

/* SPEC.md 6: types 1 to 4 have one legal length each. */
static const uint8_t control_body_len[] = { 0, 76, 64, 52, 45 };

static uint32_t
length_get(const uint8_t *bytes, unsigned size)
{
    uint32_t length = 0;

    for (unsigned i = size; i-- > 0;)
        length = length << 8 | bytes[i];
    return length;
}

/* A control frame is small, has no flags, and knows its own length. */
static bool
control_is_legal(const uint8_t *bytes, size_t avail, struct slg_frame *frame)
{
    if (frame->body_len == 0 || avail <= frame->head_len)
        return false;
    frame->control = bytes[frame->head_len];
    /* Of other types, 0 among them, nothing is known but that they fit. */
    return frame->control < SLG_CONTROL_SYNC_POINT ||
           frame->control > SLG_CONTROL_PREDECESSOR ||
           control_body_len[frame->control] == frame->body_len;
}

bool
slg_frame_parse(const uint8_t *bytes, size_t avail,
                const struct slg_frame_limits *limits, struct slg_frame *frame)
{
    if (avail < 2)
        return false;
    frame->head = bytes[0];
    frame->kind = (uint8_t)(frame->head >> SLG_HEAD_KIND_SHIFT);
    frame->control = 0;
    const unsigned size = (frame->head & 3u) + 1;
    if (!slg_head_is_legal(frame->head, limits) || avail < 1 + size)
        return false;

    frame->head_len = (uint8_t)(1 + size);
    frame->body_len = length_get(bytes + 1, size);
    /* One legal encoding: the last length byte says something. */
    const uint64_t room =
        frame->kind == SLG_FRAME_BLOCK ? SLG_BLOCK_FRAMING : 0;
    if ((size > 1 && bytes[size] == 0) ||
        frame->body_len > limits->body_max + room)
        return false;
    frame->len = frame->head_len + (uint64_t)frame->body_len +
                 (slg_frame_has_digest(frame, limits) ? SLG_DIGEST_BYTES : 0) +
                 SLG_CHECKSUM_BYTES;
    return frame->kind != SLG_FRAME_CONTROL ||
           control_is_legal(bytes, avail, frame);
}

uint32_t
slg_frame_mixed(const uint8_t *bytes, const struct slg_frame *frame)
{
    const size_t covered = (size_t)slg_frame_covered(frame);

    return slg_load_le32(bytes + covered) ^ slg_crc32(0, bytes, covered);
}

uint32_t
slg_frame_implied(const uint8_t *bytes, const struct slg_frame *frame,
                  uint32_t salt)
{
    return slg_fmix32_inverse(slg_frame_mixed(bytes, frame) ^ salt);
}

bool
slg_frame_is_sound(const uint8_t *bytes, const struct slg_frame *frame,
                   const struct slg_frame_limits *limits)
{
    const uint8_t *body = bytes + frame->head_len;

    if (slg_frame_has_digest(frame, limits) &&
        slg_load_le64(body + frame->body_len) !=
            slg_xxh3(body, frame->body_len))
        return false;
    if (slg_frame_has_entries(frame) && slg_frame_is_compressed(frame))
        return slg_frame_count(bytes, (size_t)frame->len, frame) > 0;
    if (frame->kind == SLG_FRAME_GROUP)
        return slg_group_is_sound(body, frame->body_len);
    if (frame->control == SLG_CONTROL_GAP)
        return slg_frame_count(bytes, (size_t)frame->len, frame) > 0 &&
               slg_load_le64(bytes + 14) <= slg_load_le64(bytes + 6);
    return true;
}

uint64_t
slg_frame_count(const uint8_t *bytes, size_t avail,
                const struct slg_frame *frame)
{
    struct slg_group group;
    size_t body_avail = frame->body_len;

    if (frame->kind == SLG_FRAME_CONTROL) {
        /* A count that no number can follow is no count (SPEC.md 1). */
        if (frame->control != SLG_CONTROL_GAP)
            return 0;
        const uint64_t count = slg_load_le64(bytes + 6);
        return count > INT64_MAX ? 0 : count;
    }
    if (!slg_frame_has_entries(frame))
        return 1;
    if (body_avail > avail - frame->head_len)
        body_avail = avail - frame->head_len;
    const uint8_t *body = bytes + frame->head_len;
    const bool is_legal = frame->kind == SLG_FRAME_BLOCK
                              ? slg_entries_open(&group, body, body_avail)
                              : slg_group_open(&group, body, body_avail);
    return is_legal ? group.left : 0;
}

uint64_t
slg_frame_len(uint64_t body_len, const struct slg_frame_limits *limits)
{
    const uint64_t head_len = body_len <= 0xFF       ? 2
                              : body_len <= 0xFFFF   ? 3
                              : body_len <= 0xFFFFFF ? 4
                                                     : 5;
    const bool has_digest =
        limits->has_digests && body_len > SLG_BODY_SHORT_MAX;

    return head_len + body_len + (has_digest ? SLG_DIGEST_BYTES : 0) +
           SLG_CHECKSUM_BYTES;
}

size_t
slg_frame_put_head(uint8_t *out, unsigned kind, bool is_durable,
                   uint32_t body_len)
{
    size_t head_len = 1;

    do {
        out[head_len++] = (uint8_t)body_len;
        body_len >>= 8;
    } while (body_len != 0);
    out[0] = (uint8_t)(kind << SLG_HEAD_KIND_SHIFT |
                       (is_durable ? SLG_HEAD_DURABLE : 0) | (head_len - 2));
    return head_len;
}

size_t
slg_frame_finish(uint8_t *out, size_t head_len, uint32_t body_len,
                 const struct slg_frame_limits *limits, uint64_t number,
                 uint32_t salt)
{
    size_t covered = head_len + body_len;

    if (limits->has_digests && body_len > SLG_BODY_SHORT_MAX) {
        slg_store_le64(out + covered, slg_xxh3(out + head_len, body_len));
        covered += SLG_DIGEST_BYTES;
    }
    slg_store_le32(out + covered,
                   slg_crc32(0, out, covered) ^ slg_mix(number, salt));
    return covered + SLG_CHECKSUM_BYTES;
}
