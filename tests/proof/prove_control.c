/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/prove_control.c - SPEC.md 6: marks, gaps, predecessors,
 * attributes and references are decoded within the bytes of their frame, and
 * what is accepted is within its ranges.
 *
 * Proved of frames of any length, but that the names of references have up to
 * NAME_MAX bytes: a longer one is copied by the same call and looked through by
 * the same loop, which is not followed to its 200 bytes.
 */
#include "format/control.h"
#include "tests/proof/proof.h"

#define NAME_MAX 8

static void
prove_mark(void)
{
    const size_t avail = any_size();
    struct slg_mark mark;

    ASSUME(avail <= LEN_MAX);
    const uint8_t *in = any_bytes(avail);
    if (!slg_mark_decode(in, avail, &mark))
        return;
    PROVE(mark.type == SLG_CONTROL_SYNC_POINT ||
          mark.type == SLG_CONTROL_CLOSING_MARK);
    PROVE(slg_mark_len(mark.type) <= avail);
    PROVE(mark.number >= 1 && mark.number <= INT64_MAX);
    PROVE(mark.watermark < mark.number);
    PROVE(mark.offset < SLG_MARK_OFFSET_END);
}

/* A frame of a control record that is all there, as its caller has it. */
static const uint8_t *
any_control(struct slg_frame *frame, size_t *len)
{
    const struct slg_frame_limits limits = { .body_max = 1 << 28 };

    *len = any_size();
    ASSUME(*len <= LEN_MAX);
    const uint8_t *in = any_bytes(*len);
    ASSUME(slg_frame_parse(in, *len, &limits, frame));
    ASSUME(frame->kind == SLG_FRAME_CONTROL && frame->len <= *len);
    return in;
}

static void
prove_gap(void)
{
    const struct slg_frame_limits limits = { .body_max = 256 };
    struct slg_frame frame;
    size_t len = 0;
    const uint8_t *in = any_control(&frame, &len);
    struct slg_gap gap;

    ASSUME(frame.control == SLG_CONTROL_GAP);
    PROVE(frame.head_len == 2 && frame.len == SLG_GAP_BYTES);
    const bool is_sound = slg_frame_is_sound(in, &frame, &limits);
    const bool is_legal = slg_gap_decode(in, &gap);

    PROVE(is_sound == is_legal);
    if (!is_legal)
        return;
    PROVE(slg_frame_count(in, SLG_GAP_BYTES, &frame) == gap.count);
    PROVE(gap.count >= 1 && gap.count <= INT64_MAX);
    PROVE(gap.lines <= gap.count);
}

static void
prove_predecessor(void)
{
    struct slg_frame frame;
    size_t len = 0;
    const uint8_t *in = any_control(&frame, &len);
    struct slg_predecessor predecessor;

    ASSUME(frame.control == SLG_CONTROL_PREDECESSOR);
    PROVE(frame.head_len == 2 && frame.len == SLG_PREDECESSOR_BYTES);
    slg_predecessor_decode(in, &predecessor);
}

static void
prove_attributes(void)
{
    struct slg_frame frame;
    size_t len = 0;
    const uint8_t *in = any_control(&frame, &len);
    const uint8_t *data = NULL;
    size_t data_len = 0;

    if (!slg_attributes_decode(in, &frame, &data, &data_len))
        return;
    PROVE(data_len <= SLG_ATTRIBUTES_MAX);
    PROVE(data_len == 0 || READABLE(data, data_len));
    PROVE(data + data_len + SLG_CHECKSUM_BYTES <= in + len);
}

static void
prove_reference(void)
{
    struct slg_frame frame;
    size_t len = 0;
    const uint8_t *in = any_control(&frame, &len);
    struct slg_reference reference;

    ASSUME(frame.body_len <= 18 + NAME_MAX);
    if (!slg_reference_decode(in, &frame, &reference))
        return;
    PROVE(reference.name_len >= 1);
    PROVE(reference.name_len <= SLG_REFERENCE_NAME_MAX);
    PROVE(reference.name[reference.name_len] == '\0');
}

int
main(void)
{
    prove_mark();
    prove_gap();
    prove_predecessor();
    prove_attributes();
    prove_reference();
    return 0;
}
