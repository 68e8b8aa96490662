/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_writer_pack.c - SPEC.md 7.5: compressing what is buffered.
 *
 * A body refers to those before it, whoever wrote them.  So nothing can be
 * compressed before it is known where it will stand; from then on until it is
 * written nobody else appends.
 */
#include <string.h>

#include "format/checksum.h"

#include "src/segment/segment_writer.h"
#include "src/store/fail.h"

/* What the segment allows, and of that what was asked for. */
static struct slg_packer_plan
packer_plan(const struct seglog_writer *writer)
{
    const bool may_zstd = writer->limits.may_zstd;

    return (struct slg_packer_plan){
        .level = writer->level > 0 ? writer->level : SLG_LEVEL_DEFAULT,
        .with_deflate = !may_zstd || writer->codec != SEGLOG_CODEC_ZSTD,
        .with_zstd = may_zstd && writer->codec != SEGLOG_CODEC_DEFLATE,
        .base = writer->dictionary ? writer->dictionary->bytes : NULL,
        .base_len = writer->dictionary ? writer->dictionary->len : 0,
        .is_small = writer->is_small,
    };
}

static seglog_code
fail_no_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                    "no memory to compress records");
}

seglog_code
slg_writer_begin_packing(struct seglog_writer *writer,
                         const struct slg_history *history,
                         struct seglog_error *err)
{
    const struct slg_packer_plan plan = packer_plan(writer);

    /* Without its dictionary nothing can be compressed that can be read. */
    if (!writer->limits.may_compress ||
        ((writer->header.features_refuse & SLG_REFUSE_REFERS) != 0 &&
         !writer->dictionary))
        return SEGLOG_OK;
    if (!writer->packer)
        writer->packer = slg_packer_new(&plan);
    if (!writer->packer)
        return fail_no_memory(err);
    writer->packed_end = 0;
    if (!history)
        return SEGLOG_OK;
    if (!slg_packer_load(writer->packer, history))
        return fail_no_memory(err);
    writer->packed_end = writer->flushed.end;
    writer->packed_epoch = writer->flushed.epoch;
    return SEGLOG_OK;
}

/* There is nothing since a mark, or since the header. */
static bool
point_is_fresh(const struct slg_point *at)
{
    return at->is_after_sync || at->is_closed || at->end <= SLG_HEADER_BYTES;
}

bool
slg_writer_can_pack(const struct seglog_writer *writer,
                    const struct slg_point *at)
{
    return point_is_fresh(at) ||
           (writer->packed_end == at->end && writer->packed_epoch == at->epoch);
}

void
slg_writer_pass_controls(struct seglog_writer *writer)
{
    const struct slg_point *from = &writer->flushed;
    const struct slg_point *to = &writer->planned;
    const bool has_mark = point_is_fresh(from) || point_is_fresh(to) ||
                          to->sync_offset != from->sync_offset;

    if (!has_mark && !slg_writer_can_pack(writer, from))
        return;
    if (has_mark)
        slg_packer_clear(writer->packer);
    writer->packed_end = to->end;
    writer->packed_epoch = to->epoch;
}

/* A body, as it will stand in the segment: of a group, behind the count. */
static seglog_code
body_pack(struct seglog_writer *writer, const uint8_t *body, size_t len,
          size_t prefix, struct slg_packed *packed, struct seglog_error *err)
{
    return slg_packer_run(writer->packer, body + prefix, len - prefix,
                          (size_t)writer->limits.body_max - prefix, packed)
               ? SEGLOG_OK
               : fail_no_memory(err);
}

static void
mark_put(struct seglog_writer *writer, struct slg_frames *to,
         struct slg_point *at)
{
    slg_frames_put_sync_point(writer, to, at);
    slg_packer_clear(writer->packer);
}

/* The room for a sync point is there. */
static seglog_code
frame_pack(struct seglog_writer *writer, struct slg_frames *to,
           struct slg_point *at, const uint8_t *bytes,
           const struct slg_frame *frame, struct seglog_error *err)
{
    const uint8_t *body = bytes + frame->head_len;
    struct slg_packed packed;
    size_t prefix = 0;
    uint64_t count = 0;
    seglog_code code = SEGLOG_OK;

    if (frame->kind == SLG_FRAME_GROUP)
        prefix = slg_varint_get(body, frame->body_len, &count);
    if (at->wants_sync && !at->is_after_sync)
        mark_put(writer, to, at);
    else if (at->wants_head)
        slg_frames_put_chain_head(writer, to, at);
    code = body_pack(writer, body, frame->body_len, prefix, &packed, err);
    if (code != SEGLOG_OK)
        return code;
    size_t body_len = prefix + packed.len;
    if (slg_point_wants_sync_point(
            writer, at, slg_frame_len(body_len, &writer->limits), body_len)) {
        /* Behind the sync point it has nothing to refer to. */
        mark_put(writer, to, at);
        code = body_pack(writer, body, frame->body_len, prefix, &packed, err);
        if (code != SEGLOG_OK)
            return code;
        body_len = prefix + packed.len;
    }

    /* In a run a body may be some bytes longer than it was. */
    code =
        slg_frames_reserve(to, slg_frame_len(body_len, &writer->limits), err);
    if (code != SEGLOG_OK)
        return code;
    uint8_t *out = to->bytes + to->len;
    const size_t head_len = slg_frame_put_head(
        out, frame->kind, slg_point_is_durable(writer, at), (uint32_t)body_len);
    out[0] |= (uint8_t)packed.packing;
    memcpy(out + head_len, body, prefix);
    if (packed.len > 0)
        memcpy(out + head_len + prefix, packed.bytes, packed.len);
    const size_t len = slg_frame_finish(out, head_len, (uint32_t)body_len,
                                        &writer->limits, at->number, at->salt);
    to->len += len;
    slg_point_add_frame(writer, at, bytes, frame);
    slg_point_pass(at, len);
    return SEGLOG_OK;
}

/* Sync points are put anew: they come later when what is between is smaller. */
static seglog_code
frames_pack(struct seglog_writer *writer, struct slg_frames *to,
            struct slg_point *at, struct seglog_error *err)
{
    const struct slg_frames *from = &writer->frames;
    struct slg_frame frame = { 0 };
    seglog_code code = SEGLOG_OK;

    for (size_t pos = 0; pos < from->len; pos += (size_t)frame.len) {
        const uint8_t *bytes = from->bytes + pos;
        const uint64_t sync_offset = at->sync_offset;

        if (!slg_frame_parse(bytes, from->len - pos, &writer->limits, &frame))
            return slg_fail(err, SEGLOG_INVALID, NULL,
                            "the buffered records were overwritten in memory");
        if (slg_frame_is_put_anew(&frame))
            continue;
        code = slg_frames_reserve(to, frame.len, err);
        if (code != SEGLOG_OK)
            return code;
        if (frame.kind != SLG_FRAME_CONTROL) {
            code = frame_pack(writer, to, at, bytes, &frame, err);
            if (code != SEGLOG_OK)
                return code;
            continue;
        }
        /* Numbers are those that it was buffered with. */
        slg_frames_move_one(writer, to, at, bytes, &frame,
                            slg_mix(at->number, from->salt));
        if (at->sync_offset != sync_offset)
            slg_packer_clear(writer->packer);
    }
    return SEGLOG_OK;
}

seglog_code
slg_writer_pack(struct seglog_writer *writer, struct slg_point *end,
                struct seglog_error *err)
{
    struct slg_point at = writer->base;
    struct slg_frames *to = &writer->spare;
    seglog_code code = SEGLOG_OK;

    if (at.watermark < writer->flushed.watermark)
        at.watermark = writer->flushed.watermark;
    if (point_is_fresh(&at))
        slg_packer_clear(writer->packer);
    else if (!slg_writer_can_pack(writer, &at))
        at.wants_sync = true;
    to->len = 0;
    to->last = 0;
    to->records = writer->frames.records;
    to->number = at.number;
    to->salt = at.salt;
    /* The packer goes further than the segment until all is written. */
    writer->packed_end = 0;
    code = frames_pack(writer, to, &at, err);
    *end = at;
    return code;
}
