/* SPDX-License-Identifier: MIT */
/* src/segment/segment_chain_writer.c - the writer of a chained segment. */
#include "src/segment/segment_chain_writer.h"

#include "src/segment/segment_writer.h"
#include "src/store/fail.h"

/* -- the end that was found ----------------------------------------------- */

static seglog_code
fail_unknown(const struct seglog_writer *writer, const struct slg_point *at,
             struct seglog_error *err)
{
    const struct slg_place place = {
        .name = writer->name,
        .record_no = at->number,
        .line_no = at->line,
        .offset = at->end,
    };

    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "it is damaged, so that the head of its chain is not known "
                    "at its end and nothing can be chained to it");
}

/* Nothing but what a creator puts first: it may not have got to the head. */
static bool
is_fresh(const struct seglog_writer *writer, const struct slg_point *at)
{
    return writer->chain == 0 && at->number == writer->header.first_record &&
           at->end <= SLG_HEADER_BYTES + SLG_SYNC_POINT_BYTES;
}

seglog_code
slg_writer_settle_chain(struct seglog_writer *writer,
                        const struct slg_tail *tail, struct slg_point *at,
                        struct seglog_error *err)
{
    const struct slg_chain *chain = &tail->chain;
    const struct slg_place place = { .name = writer->name, .offset = at->end };

    if (!writer->is_chained)
        return SEGLOG_OK;
    if (chain->algorithm != 0 && !slg_chain_is_computable(chain->algorithm))
        return slg_fail(err, SEGLOG_FORMAT, &place,
                        "its chain is SHA-256, which needs a build with "
                        "OpenSSL");
    if (chain->algorithm != 0)
        writer->chain = chain->algorithm;
    /* What is lost has no hash. */
    at->is_chain_known = chain->is_known && at->number == tail->number;
    at->chain = chain->hash;
    at->wants_head = tail->lacks_head || tail->lacks_anew;
    at->wants_anew = tail->lacks_anew;
    return at->is_chain_known || is_fresh(writer, at)
               ? SEGLOG_OK
               : fail_unknown(writer, at, err);
}

/* -- where it stands ------------------------------------------------------ */

static void
place_fill(const struct slg_point *at, struct slg_writer_place *place)
{
    *place = (struct slg_writer_place){
        .next_record = at->number,
        .end = at->end,
        .epoch = at->epoch,
        .hash = at->chain,
        .is_checkpoint =
            (at->is_after_sync && !at->wants_head) || at->is_closed,
        .is_closed = at->is_closed,
        .is_cut = at->is_cut,
        .last_checkpoint = at->sync_offset,
    };
}

void
slg_writer_get_flushed(const struct seglog_writer *writer,
                       struct slg_writer_place *place)
{
    place_fill(&writer->flushed, place);
}

void
slg_writer_get_planned(const struct seglog_writer *writer,
                       struct slg_writer_place *place)
{
    /* What was planned before others came is planned anew. */
    place_fill(writer->is_stale && writer->frames.len == 0 ? &writer->flushed
                                                           : &writer->planned,
               place);
}

void
slg_writer_discard(struct seglog_writer *writer)
{
    writer->frames.len = 0;
    writer->frames.last = 0;
    writer->frames.records = 0;
    writer->is_stale = true;
}

/* -- checkpoints ---------------------------------------------------------- */

static seglog_code
fail_buffered(const struct seglog_writer *writer, struct seglog_error *err)
{
    const struct slg_place place = slg_writer_place(writer);

    return slg_fail(err, SEGLOG_INVALID, &place,
                    "records are buffered; flush them first");
}

seglog_code
slg_writer_want_checkpoint(struct seglog_writer *writer,
                           struct seglog_error *err)
{
    if (writer->is_poisoned)
        return slg_writer_fail_poisoned(writer, err);
    if (writer->frames.len > 0)
        return fail_buffered(writer, err);
    if (writer->is_stale) {
        const seglog_code code = slg_writer_rebase(writer, err);

        if (code != SEGLOG_OK)
            return code;
    }
    if (writer->planned.is_after_sync)
        return SEGLOG_OK; /* with its head, or the next frame brings it */
    /* Of what is planned when it is encoded; of the base, when it is packed;
     * and should it be rebased, of what is flushed. */
    writer->planned.wants_sync = true;
    writer->base.wants_sync = true;
    writer->flushed.wants_sync = true;
    return SEGLOG_OK;
}

/* What is buffered here is marks alone. */
static seglog_code
marks_write(struct seglog_writer *writer, bool is_closing,
            struct seglog_error *err)
{
    seglog_code code =
        slg_frames_reserve(&writer->frames, SLG_CLOSING_MARK_BYTES, err);

    if (code != SEGLOG_OK)
        return code;
    if (is_closing)
        slg_writer_put_closing_mark(writer);
    else if (writer->planned.wants_head)
        slg_writer_put_chain_head(writer);
    else
        slg_writer_put_sync_point(writer);
    code = slg_writer_write(writer, err);
    if (code != SEGLOG_OK)
        slg_writer_discard(writer);
    return code;
}

static seglog_code
segment_close(struct seglog_writer *writer, struct seglog_error *err)
{
    const struct slg_place place = slg_writer_place(writer);
    seglog_code code = slg_writer_sync(writer, err);

    if (code != SEGLOG_OK || writer->flushed.is_closed)
        return code;
    /* A closing mark says that all before it was durable (SPEC.md 6.2). */
    if (writer->flushed.is_unsure)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "records are lost that may never have been durable");
    code = marks_write(writer, true, err);
    return code == SEGLOG_OK ? slg_writer_sync(writer, err) : code;
}

static seglog_code
checkpoint_make(struct seglog_writer *writer, bool is_closing,
                struct seglog_error *err)
{
    const struct slg_point *at = &writer->flushed;
    seglog_code code = slg_writer_write(writer, err);

    /* Also where nothing was buffered, others may have come. */
    if (code == SEGLOG_OK && writer->is_stale)
        code = slg_writer_rebase(writer, err);
    if (code != SEGLOG_OK)
        return code;
    if (is_closing)
        return segment_close(writer, err);
    return (at->is_after_sync && !at->wants_head) || at->is_closed
               ? SEGLOG_OK
               : marks_write(writer, false, err);
}

seglog_code
slg_writer_make_checkpoint(struct seglog_writer *writer, bool is_closing,
                           struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (writer->is_poisoned)
        return slg_writer_fail_poisoned(writer, err);
    code = slg_writer_enter(writer, err);
    if (code != SEGLOG_OK)
        return slg_writer_explain(writer, code, err);
    code = checkpoint_make(writer, is_closing, err);
    slg_writer_leave(writer);
    return slg_writer_explain(writer, code, err);
}

void
slg_writer_note_synced(struct seglog_writer *writer,
                       const struct slg_writer_place *place)
{
    struct slg_point *at = &writer->flushed;

    /* Of another epoch: what was synced may have been cut since. */
    if (writer->is_poisoned || place->epoch != at->epoch ||
        place->end > at->end || place->next_record > at->number ||
        place->next_record <= writer->durable_from || at->is_unsure)
        return;
    if (at->watermark < place->next_record - 1)
        at->watermark = place->next_record - 1;
    if (place->end == at->end) {
        writer->is_synced = true;
        writer->synced_end = at->end;
    }
    if (writer->planned.epoch == at->epoch &&
        writer->planned.watermark < at->watermark)
        writer->planned.watermark = at->watermark;
}

/* -- frames of the chain -------------------------------------------------- */

static seglog_code
frame_prepare(struct seglog_writer *writer, size_t frame_len,
              struct seglog_error *err)
{
    const struct slg_place place = slg_writer_place(writer);
    seglog_code code = SEGLOG_OK;

    if (writer->is_poisoned)
        return slg_writer_fail_poisoned(writer, err);
    if (!writer->is_chained)
        return slg_fail(err, SEGLOG_INVALID, &place, "it is not chained");
    if (writer->is_stale)
        code = slg_writer_rebase(writer, err);
    return code == SEGLOG_OK
               ? slg_frames_reserve(&writer->frames, frame_len, err)
               : code;
}

seglog_code
slg_writer_put_tombstone(struct seglog_writer *writer,
                         const struct slg_tombstone *tombstone,
                         struct seglog_error *err)
{
    const seglog_code code = frame_prepare(writer, SLG_TOMBSTONE_MAX, err);
    const struct slg_place place = slg_writer_place(writer);

    if (code != SEGLOG_OK)
        return code;
    if (tombstone->algorithm != writer->chain || tombstone->number == 0 ||
        tombstone->number >= writer->planned.number)
        return slg_fail(err, SEGLOG_INVALID, &place,
                        "a tombstone of no record of this chain");
    slg_writer_put_stone(writer, tombstone);
    return SEGLOG_OK;
}

seglog_code
slg_writer_put_signature(struct seglog_writer *writer,
                         const struct slg_signature *signature,
                         struct seglog_error *err)
{
    const seglog_code code = frame_prepare(writer, SLG_SIGNATURE_FRAME, err);

    if (code != SEGLOG_OK)
        return code;
    slg_writer_put_signed(writer, signature);
    return SEGLOG_OK;
}
