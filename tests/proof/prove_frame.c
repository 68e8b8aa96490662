/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/prove_frame.c - SPEC.md 4: whatever the bytes, a head is parsed
 * within them; what it says fits together and is what the encoder writes; and
 * a frame that is all there is judged without reading beyond it.
 *
 * Proved of frames of any length, over any group (group_stub.c) and any
 * checksum (checksum_stub.c).
 */
#include "format/frame.h"
#include "tests/proof/proof.h"

static struct slg_frame_limits
any_limits(void)
{
    const struct slg_frame_limits limits = {
        .body_max = any_uint64(),
        .has_digests = any_bool(),
        .may_compress = any_bool(),
        .may_zstd = any_bool(),
        .has_blocks = any_bool(),
        .is_sealed = any_bool(),
    };

    /* The header's own limits: SPEC.md 3. */
    ASSUME(limits.body_max >= 256 && limits.body_max <= UINT32_MAX / 2 + 1);
    return limits;
}

static bool
kind_is_record(unsigned kind)
{
    return kind != SLG_FRAME_CONTROL && kind != SLG_FRAME_BLOCK;
}

/* A head of a record is the one way to write it. */
static void
prove_one_encoding(const uint8_t *bytes, const struct slg_frame *frame)
{
    uint8_t again[SLG_HEAD_MAX];
    const size_t len = slg_frame_put_head(again, frame->kind,
                                          (frame->head & SLG_HEAD_DURABLE) != 0,
                                          frame->body_len);

    PROVE(len == frame->head_len);
    again[0] |= frame->head & SLG_HEAD_PACKING;
    for (size_t i = 0; i < len; i++)
        PROVE(again[i] == bytes[i]);
}

static void
prove_whole(const uint8_t *bytes, const struct slg_frame *frame,
            const struct slg_frame_limits *limits)
{
    const bool is_sound = slg_frame_is_sound(bytes, frame, limits);
    const uint64_t count = slg_frame_count(bytes, (size_t)frame->len, frame);

    (void)slg_frame_mixed(bytes, frame);
    PROVE(count <= INT64_MAX);
    PROVE(!is_sound || frame->kind == SLG_FRAME_CONTROL || count >= 1);
    PROVE(!is_sound || frame->kind != SLG_FRAME_GROUP || count >= 2);
}

static void
prove_parsed(void)
{
    const struct slg_frame_limits limits = any_limits();
    const size_t avail = any_size();
    struct slg_frame frame;

    ASSUME(avail <= LEN_MAX);
    const uint8_t *bytes = any_bytes(avail);
    if (!slg_frame_parse(bytes, avail, &limits, &frame))
        return;
    PROVE(frame.head_len >= 2 && frame.head_len <= SLG_HEAD_MAX);
    PROVE(frame.head_len <= avail);
    PROVE(frame.body_len <= limits.body_max + SLG_BLOCK_FRAMING);
    PROVE(frame.len == slg_frame_len(frame.body_len, &limits));
    PROVE(frame.len >= SLG_FRAME_MIN);
    PROVE(slg_frame_covered(&frame) < frame.len);
    if (kind_is_record(frame.kind))
        prove_one_encoding(bytes, &frame);
    if (frame.len <= avail)
        prove_whole(bytes, &frame, &limits);
}

int
main(void)
{
    prove_parsed();
    return 0;
}
