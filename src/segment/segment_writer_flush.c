/* SPDX-License-Identifier: MIT */
/* src/segment/segment_writer_flush.c - from the buffer into the segment. */
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"

struct slg_place
slg_writer_place(const struct seglog_writer *writer)
{
    /* Others may append meanwhile: a shared writer knows no place. */
    const bool is_known =
        writer->mode != SEGLOG_WRITER_SHARED || writer->is_held;

    return (struct slg_place){
        .name = writer->name,
        .record_no = is_known ? writer->planned.number : 0,
        .line_no = is_known ? writer->planned.line : 0,
        .offset = is_known ? writer->planned.end : SEGLOG_NO_OFFSET,
    };
}

seglog_code
slg_writer_fail_poisoned(const struct seglog_writer *writer,
                         struct seglog_error *err)
{
    const struct slg_place place = {
        .name = writer->name,
        .record_no = writer->flushed.watermark + 1,
        .offset = SEGLOG_NO_OFFSET,
    };

    return slg_fail(err, SEGLOG_POISONED, &place,
                    "an earlier sync or write failed and could not be undone; "
                    "open it again and look what is there");
}

seglog_code
slg_writer_poison(struct seglog_writer *writer, struct seglog_error *err)
{
    writer->is_poisoned = true;
    if (err)
        err->code = SEGLOG_POISONED;
    return SEGLOG_POISONED;
}

seglog_code
slg_writer_explain(const struct seglog_writer *writer, seglog_code code,
                   struct seglog_error *err)
{
    if (!err || code == SEGLOG_OK)
        return code;
    if (err->record_no == 0)
        err->record_no = writer->flushed.number;
    if (err->line_no == 0)
        err->line_no = writer->flushed.line;
    if (err->offset == SEGLOG_NO_OFFSET)
        err->offset = writer->flushed.end;
    return code;
}

/*
 * IO and NO_SPACE: some of the bytes may have been in the segment before they
 * were taken back.  That is a cut (SPEC.md 7.3) like that of a torn tail.
 */
static seglog_code
append_failed(struct seglog_writer *writer, seglog_code code,
              struct seglog_error *err)
{
    if (code == SEGLOG_POISONED)
        writer->is_poisoned = true;
    if (code == SEGLOG_IO || code == SEGLOG_NO_SPACE) {
        writer->flushed.is_cut = true;
        writer->is_stale = true;
        slg_hint_save(writer);
        if (seglog_blob_sync(writer->blob, NULL) != SEGLOG_OK)
            writer->is_poisoned = true;
    }
    return slg_writer_explain(writer, code, err);
}

/* The checksum of the last frame that is no closing mark, now that they are
 * all in the segment. */
static inline uint32_t
frames_checksum(const struct seglog_writer *writer,
                const struct slg_frames *frames)
{
    const size_t mark_len =
        writer->planned.is_closed ? SLG_CLOSING_MARK_BYTES : 0;

    if (writer->planned.end - mark_len <= SLG_HEADER_BYTES)
        return 0;
    return frames->len > mark_len ? slg_load_le32(frames->bytes + frames->len -
                                                  mark_len - SLG_CHECKSUM_BYTES)
                                  : writer->flushed.checksum;
}

/* All that was planned is there, in the form of `written`. */
static inline void
writer_advance(struct seglog_writer *writer, const struct slg_frames *written)
{
    const size_t cap_max = writer->buffer_cap_max;
    const uint32_t checksum = frames_checksum(writer, written);

    writer->flushed = writer->planned;
    writer->flushed.checksum = checksum;
    writer->base = writer->flushed;
    if (writer->frames.cap > cap_max || writer->spare.cap > cap_max)
        slg_writer_trim(writer);
    writer->frames.len = 0;
    writer->frames.last = 0;
    writer->frames.records = 0;
    writer->frames.number = writer->flushed.number;
    writer->frames.salt = writer->flushed.salt;
}

void
slg_writer_advance(struct seglog_writer *writer)
{
    writer_advance(writer, &writer->frames);
}

/* What is buffered, compressed. */
static seglog_code
write_packed(struct seglog_writer *writer, struct seglog_error *err)
{
    struct slg_point end;
    seglog_code code = slg_writer_pack(writer, &end, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_append(writer->blob, writer->flushed.end,
                              writer->spare.bytes, writer->spare.len,
                              &writer->written_at, err);
    if (code != SEGLOG_OK)
        return append_failed(writer, code, err);
    writer->planned = end;
    writer->packed_end = end.end;
    writer->packed_epoch = end.epoch;
    writer_advance(writer, &writer->spare);
    return SEGLOG_OK;
}

static seglog_code
write_plain(struct seglog_writer *writer, struct seglog_error *err)
{
    const seglog_code code = seglog_blob_append(
        writer->blob, writer->flushed.end, writer->frames.bytes,
        writer->frames.len, &writer->written_at, err);

    if (code != SEGLOG_OK)
        return append_failed(writer, code, err);
    if (writer->packer)
        slg_writer_pass_controls(writer);
    writer_advance(writer, &writer->frames);
    return SEGLOG_OK;
}

seglog_code
slg_writer_write(struct seglog_writer *writer, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (writer->is_stale)
        code = slg_writer_rebase(writer, err);
    if (code != SEGLOG_OK || writer->frames.len == 0)
        return code;
    slg_hint_begin_write(writer);
    code = writer->packer && writer->frames.records > 0
               ? write_packed(writer, err)
               : write_plain(writer, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_flush(writer->blob, err);
    return code == SEGLOG_OK ? SEGLOG_OK : slg_writer_poison(writer, err);
}

seglog_code
slg_writer_enter(struct seglog_writer *writer, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (writer->mode != SEGLOG_WRITER_SHARED || writer->is_held)
        return SEGLOG_OK;
    code = seglog_lock_acquire(writer->lock, writer->lock_timeout_ms, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_writer_refresh(writer, err);
    if (code != SEGLOG_OK)
        (void)seglog_lock_release(writer->lock, NULL);
    return code;
}

/*
 * What was to be done under the lock is done: failing to release it is no
 * failure of that, and the next acquire will tell.
 */
void
slg_writer_leave(struct seglog_writer *writer)
{
    if (writer->mode != SEGLOG_WRITER_SHARED || writer->is_held)
        return;
    if (!writer->is_poisoned)
        slg_hint_save(writer);
    (void)seglog_lock_release(writer->lock, NULL);
}

seglog_code
slg_writer_flush(struct seglog_writer *writer, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (writer->frames.len == 0)
        return SEGLOG_OK;
    code = slg_writer_enter(writer, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_writer_write(writer, err);
    slg_writer_leave(writer);
    return code;
}

seglog_code
slg_writer_sync(struct seglog_writer *writer, struct seglog_error *err)
{
    struct slg_point *at = &writer->flushed;
    seglog_code code = SEGLOG_OK;

    if (writer->is_synced && writer->synced_end == at->end)
        return SEGLOG_OK;
    code = seglog_blob_sync(writer->blob, err);
    if (code != SEGLOG_OK) {
        writer->is_poisoned = true;
        return slg_writer_explain(writer, code, err);
    }
    writer->is_synced = true;
    writer->synced_end = at->end;
    if (at->number > writer->durable_from && !at->is_unsure)
        at->watermark = at->number - 1;
    /* Nothing is buffered, so the next frame is the first that may say so. */
    writer->planned.watermark = at->watermark;
    return SEGLOG_OK;
}
