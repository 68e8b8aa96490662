/* SPDX-License-Identifier: MIT */
/* src/segment/segment_writer_truncate.c - cutting records off the end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_walk.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"

/* A place to cut at, and the frame that it is in. */
struct cut {
    uint64_t next_record;
    struct slg_point at; /* in front of that frame, if there is one */
    bool is_in_group;
    struct slg_walk walk;
    struct slg_step step; /* the group */
    struct slg_chain chain;
};

static uint64_t
smaller_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t
larger_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* -- where to cut --------------------------------------------------------- */

static seglog_code
fail_unreadable(const struct seglog_writer *writer, const struct cut *cut,
                struct seglog_error *err)
{
    const struct slg_place place = {
        .name = writer->name,
        .record_no = cut->walk.at.number,
        .line_no = cut->walk.at.line,
        .offset = cut->walk.at.pos,
    };

    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "the segment is damaged before record %" PRIu64
                    ", so that it cannot be cut there; run `seglog repair`",
                    cut->next_record);
}

/* What the next frame depends on if it is appended where the walk stands. */
static struct slg_point
point_of_cut(const struct seglog_writer *writer, const struct cut *cut)
{
    const struct slg_point *flushed = &writer->flushed;
    const struct slg_walk *walk = &cut->walk;

    return (struct slg_point){
        .end = walk->at.pos,
        .number = walk->at.number,
        .line = walk->at.line,
        .sync_offset = walk->sync_offset,
        .digest = walk->digest,
        .watermark = smaller_of(flushed->watermark, walk->at.number - 1),
        .epoch = walk->at.epoch,
        .newest_epoch = larger_of(flushed->epoch, flushed->newest_epoch),
        .salt = walk->at.salt,
        .checksum = walk->checksum,
        .is_after_sync = walk->at.is_after_sync,
        .is_closed = walk->at.is_after_close,
        .is_cut = true,
        .is_unsure = flushed->is_unsure,
        .is_chain_known = cut->chain.is_known,
        .chain = cut->chain.hash,
    };
}

static seglog_code
cut_step(const struct seglog_writer *writer, struct cut *cut,
         struct seglog_error *err)
{
    const seglog_code code = slg_walk_step(&cut->walk, &cut->step, err);

    if (code == SEGLOG_OK && writer->is_chained)
        (void)slg_chain_pass_step(&cut->chain, &cut->step);
    return code == SEGLOG_CORRUPT ? fail_unreadable(writer, cut, err) : code;
}

/*
 * All records are to go.  What stands in front of them stays: the sync point
 * that says what the header does not (SPEC.md 3), and what the segment's user
 * or the segment before has put there (SPEC.md 6.4, 6.5).  And the chain head:
 * where whoever created it did not get to that, it stands behind the sync point
 * of who came next.
 */
static seglog_code
cut_find_first(const struct seglog_writer *writer, struct cut *cut,
               struct seglog_error *err)
{
    const struct slg_frame *frame = &cut->step.frame;
    bool is_behind_sync = false; /* one that goes, with its reference */

    cut->at = point_of_cut(writer, cut);
    for (;;) {
        const seglog_code code = cut_step(writer, cut, err);

        if (code != SEGLOG_OK)
            return code == SEGLOG_END ? SEGLOG_OK : code;
        if (frame->kind != SLG_FRAME_CONTROL ||
            frame->control == SLG_CONTROL_GAP ||
            frame->control == SLG_CONTROL_CLOSING_MARK)
            return SEGLOG_OK;
        if (frame->control == SLG_CONTROL_SYNC_POINT)
            is_behind_sync = cut->step.offset != SLG_HEADER_BYTES;
        else if (!slg_control_is_companion(frame->control))
            is_behind_sync = false;
        if (!is_behind_sync || !slg_writer_knows_chain(writer, &cut->at))
            cut->at = point_of_cut(writer, cut);
    }
}

static seglog_code
fail_in_gap(const struct seglog_writer *writer, const struct cut *cut,
            struct seglog_error *err)
{
    const struct slg_place place = {
        .name = writer->name,
        .record_no = cut->next_record,
        .offset = cut->step.offset,
    };

    return slg_fail_actual(err,
                           slg_fail(err, SEGLOG_INVALID, &place,
                                    "record %" PRIu64 " is in a gap that was "
                                    "recorded; cut before it",
                                    cut->next_record),
                           cut->step.number);
}

/* The chain head that goes with a recorded gap stays with it (SPEC.md 16.4). */
static seglog_code
cut_keep_head(const struct seglog_writer *writer, struct cut *cut,
              struct seglog_error *err)
{
    struct slg_chain lost = cut->chain;
    seglog_code code = SEGLOG_OK;

    if (!writer->is_chained || !cut->chain.is_behind_gap)
        return SEGLOG_OK;
    code = cut_step(writer, cut, err);
    if (code == SEGLOG_OK &&
        cut->step.frame.control == SLG_CONTROL_CHAIN_HEAD) {
        cut->at = point_of_cut(writer, cut);
        return SEGLOG_OK;
    }
    /* It was lost: it is put again. */
    cut->at.is_chain_known = slg_chain_settle_loss(&lost);
    cut->at.chain = lost.hash;
    cut->at.wants_head = cut->at.wants_anew = cut->at.is_chain_known;
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* Directly behind the record before: what else stands there goes as well. */
static seglog_code
cut_find_later(const struct seglog_writer *writer, struct cut *cut,
               struct seglog_error *err)
{
    struct slg_walk *walk = &cut->walk;
    seglog_code code = slg_walk_seek(walk, cut->next_record - 1, true, err);

    while (code == SEGLOG_OK && walk->at.number < cut->next_record) {
        cut->at = point_of_cut(writer, cut);
        code = cut_step(writer, cut, err);
    }
    if (code != SEGLOG_OK)
        return code == SEGLOG_END ? fail_unreadable(writer, cut, err) : code;
    cut->is_in_group = walk->at.number > cut->next_record;
    if (!cut->is_in_group) {
        cut->at = point_of_cut(writer, cut);
        return cut_keep_head(writer, cut, err);
    }
    if (cut->step.frame.kind != SLG_FRAME_GROUP)
        return fail_in_gap(writer, cut, err);
    return SEGLOG_OK;
}

static seglog_code
cut_find(const struct seglog_writer *writer, struct cut *cut,
         struct seglog_error *err)
{
    const struct slg_walk_source source = { .store = &writer->store,
                                            .known = writer->dictionary };
    seglog_code code = slg_walk_open(&cut->walk, writer->blob, writer->name,
                                     false, &source, err);

    if (code == SEGLOG_END || (code == SEGLOG_OK && cut->walk.is_header_lost))
        return fail_unreadable(writer, cut, err);
    if (code != SEGLOG_OK)
        return code;
    cut->walk.with_digest = true;
    code = cut->next_record == writer->header.first_record
               ? cut_find_first(writer, cut, err)
               : cut_find_later(writer, cut, err);
    /* The chain head in front of it was damaged, or another was there. */
    return code == SEGLOG_OK && !slg_writer_knows_chain(writer, &cut->at)
               ? fail_unreadable(writer, cut, err)
               : code;
}

/* -- the new epoch -------------------------------------------------------- */

/* Nothing has changed but what was planned. */
static void
writer_stay(struct seglog_writer *writer, const struct slg_point *before)
{
    writer->flushed = *before;
    writer->frames.len = 0;
    writer->frames.last = 0;
    writer->frames.records = 0;
    writer->is_stale = true;
}

/* Plan what is to come behind the cut, before anything is cut. */
static seglog_code
epoch_plan(struct seglog_writer *writer, const struct slg_point *at,
           struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    writer->flushed = *at;
    writer->is_stale = true;
    code = slg_writer_rebase(writer, err);
    return code == SEGLOG_OK ? slg_frames_reserve(&writer->frames, 0, err)
                             : code;
}

/* What was said about records that are no more holds for no others. */
static void
writer_forget(struct seglog_writer *writer, uint64_t next_record)
{
    writer->expect = smaller_of(writer->expect, next_record - 1);
    writer->durable_from = smaller_of(writer->durable_from, next_record);
    writer->is_synced = false;
    writer->packed_end = 0;
}

/* -- cutting between two frames ------------------------------------------- */

/* Truncating failed: nobody but the store knows whether it did it. */
static seglog_code
truncate_failed(struct seglog_writer *writer, const struct slg_point *before,
                seglog_code code, struct seglog_error *err)
{
    uint64_t size = 0;

    if (code == SEGLOG_POISONED ||
        seglog_blob_get_size(writer->blob, &size, NULL, NULL) != SEGLOG_OK ||
        size != before->end)
        return slg_writer_poison(writer, err);
    writer_stay(writer, before);
    slg_hint_save(writer);
    return code;
}

static seglog_code
cut_plain(struct seglog_writer *writer, const struct cut *cut,
          struct seglog_error *err)
{
    const struct slg_point before = writer->flushed;
    seglog_code code = epoch_plan(writer, &cut->at, err);

    if (code != SEGLOG_OK) {
        writer_stay(writer, &before);
        return code;
    }
    /*
     * Said in the hint before it is done: a writer that dies right after
     * cutting leaves a segment that looks as if nothing had been cut.
     */
    slg_hint_save(writer);
    slg_hint_begin_write(writer);
    code = seglog_blob_truncate(writer->blob, cut->at.end, err);
    if (code != SEGLOG_OK)
        return truncate_failed(writer, &before, code, err);
    writer_forget(writer, cut->next_record);
    if (slg_writer_sync(writer, err) != SEGLOG_OK)
        return slg_writer_poison(writer, err);
    slg_writer_put_sync_point(writer);
    code = slg_writer_write(writer, err);
    if (code != SEGLOG_OK) {
        const struct slg_point after = writer->flushed;

        /* Cut it is.  The sync point goes with the next append. */
        writer_stay(writer, &after);
        return code;
    }
    return slg_writer_sync(writer, err) == SEGLOG_OK
               ? SEGLOG_OK
               : slg_writer_poison(writer, err);
}

/* -- cutting through a group ---------------------------------------------- */

/* The first records of the group, and the body they need as one frame. */
static seglog_code
group_take(const struct seglog_writer *writer, const struct cut *cut,
           struct seglog_item *items, size_t count, uint64_t *body_len,
           struct seglog_error *err)
{
    struct slg_group group;

    if (!slg_group_open(&group, cut->step.body, cut->step.body_len))
        return fail_unreadable(writer, cut, err);
    *body_len = slg_varint_len(count);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *data = NULL;
        unsigned kind = 0;
        size_t len = 0;

        if (!slg_group_next(&group, &kind, &data, &len))
            return fail_unreadable(writer, cut, err);
        items[i] = (struct seglog_item){ (enum seglog_kind)kind, data, len };
        *body_len += slg_varint_len((uint64_t)len * 4) + len;
    }
    if (count == 1)
        *body_len = items->len;
    return SEGLOG_OK;
}

/* Plan the records of the group that stay. */
static seglog_code
group_plan(struct seglog_writer *writer, const struct cut *cut,
           struct seglog_error *err)
{
    const size_t count = (size_t)(cut->next_record - cut->step.number);
    struct seglog_item *items = calloc(count, sizeof *items);
    uint64_t body_len = 0;
    uint64_t frame_len = 0;
    seglog_code code = SEGLOG_OK;

    if (!items)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the records of a group");
    code = group_take(writer, cut, items, count, &body_len, err);
    frame_len = slg_frame_len(body_len, &writer->limits);
    if (code == SEGLOG_OK)
        code = slg_frames_reserve(&writer->frames, frame_len, err);
    if (code == SEGLOG_OK && count == 1)
        slg_writer_put_record(writer, items->kind, items->data, items->len,
                              frame_len);
    else if (code == SEGLOG_OK)
        slg_writer_put_group(writer, items, count, (uint32_t)body_len,
                             frame_len);
    free(items);
    return code;
}

/* What stays of the segment, as another blob.  An earlier one gives way. */
static seglog_code
copy_write(struct seglog_writer *writer, const char *name,
           struct seglog_error *err)
{
    struct seglog_blob copy = { 0 };
    seglog_code close_code = SEGLOG_OK;
    seglog_code code =
        seglog_blob_open(writer->store, name,
                         SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &copy, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_truncate(copy, 0, err);
    if (code == SEGLOG_OK)
        code = slg_blob_copy(writer->blob, 0, writer->flushed.end, copy, err);
    if (code == SEGLOG_OK)
        code =
            seglog_blob_append(copy, writer->flushed.end, writer->frames.bytes,
                               writer->frames.len, NULL, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(copy, err);
    close_code = seglog_blob_close(&copy, code == SEGLOG_OK ? err : NULL);
    return code == SEGLOG_OK ? close_code : code;
}

/* The copy is the segment now. */
static seglog_code
copy_take(struct seglog_writer *writer, struct seglog_error *err)
{
    struct slg_point *at = &writer->flushed;
    struct seglog_blob blob = { 0 };
    const seglog_code code =
        seglog_blob_open(writer->store, writer->name,
                         SEGLOG_OPEN_WRITE | SEGLOG_OPEN_LOCK_HELD, &blob, err);

    if (code != SEGLOG_OK)
        return slg_writer_poison(writer, err);
    (void)seglog_blob_close(&writer->blob, NULL);
    writer->blob = blob;
    slg_writer_advance(writer);
    writer_forget(writer, at->number);
    writer->is_synced = true;
    writer->synced_end = at->end;
    if (at->number > writer->durable_from && !at->is_unsure)
        at->watermark = at->number - 1;
    writer->planned.watermark = at->watermark;
    return SEGLOG_OK;
}

/* A group is there as a whole or not at all, so it cannot be cut in place. */
static seglog_code
cut_group(struct seglog_writer *writer, const struct cut *cut,
          struct seglog_error *err)
{
    const struct slg_point before = writer->flushed;
    char name[SLG_NAME_CAP + sizeof ".cut"];
    bool is_replaced = false;
    uint64_t size = 0;
    seglog_code code = epoch_plan(writer, &cut->at, err);

    (void)snprintf(name, sizeof name, "%s.cut", writer->name);
    if (code == SEGLOG_OK)
        code = group_plan(writer, cut, err);
    if (code == SEGLOG_OK)
        code = copy_write(writer, name, err);
    if (code != SEGLOG_OK) {
        (void)!seglog_store_remove(writer->store, name, NULL);
        writer_stay(writer, &before);
        return code;
    }
    slg_hint_begin_write(writer);
    code = seglog_store_replace(writer->store, name, writer->name, err);
    if (code == SEGLOG_OK)
        return copy_take(writer, err);
    if (seglog_blob_get_size(writer->blob, &size, &is_replaced, NULL) !=
            SEGLOG_OK ||
        is_replaced)
        return slg_writer_poison(writer, err);
    (void)!seglog_store_remove(writer->store, name, NULL);
    writer_stay(writer, &before);
    return code;
}

/* -- the call ------------------------------------------------------------- */

static seglog_code
truncate_check(const struct seglog_writer *writer, uint64_t next_record,
               struct seglog_error *err)
{
    const struct slg_place place = {
        .name = writer->name,
        .record_no = next_record,
        .offset = SEGLOG_NO_OFFSET,
    };

    if (next_record < writer->header.first_record ||
        next_record > writer->flushed.number)
        return slg_fail_actual(
            err,
            slg_fail(err, SEGLOG_INVALID, &place,
                     "no place to cut at: the records are %" PRIu64
                     " up to but not %" PRIu64,
                     writer->header.first_record, writer->flushed.number),
            writer->flushed.number);
    if (!slg_blob_can_cut(writer->blob))
        return slg_fail(err, SEGLOG_READ_ONLY, &place,
                        "the store cannot truncate");
    if (larger_of(writer->flushed.epoch, writer->flushed.newest_epoch) >> 32 ==
        UINT32_MAX)
        return slg_fail(err, SEGLOG_TOO_LARGE, &place,
                        "it was cut too often; `seglog repair` makes a new "
                        "one of it");
    return SEGLOG_OK;
}

static seglog_code
writer_truncate(struct seglog_writer *writer, uint64_t next_record,
                struct seglog_error *err)
{
    struct cut *cut = NULL;
    seglog_code code = SEGLOG_OK;

    if (next_record == writer->flushed.number)
        return SEGLOG_OK;
    code = truncate_check(writer, next_record, err);
    if (code != SEGLOG_OK)
        return code;
    cut = calloc(1, sizeof *cut);
    if (!cut)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to look for the place to cut at");
    cut->next_record = next_record;
    code = cut_find(writer, cut, err);
    if (code == SEGLOG_OK)
        code = cut->is_in_group ? cut_group(writer, cut, err)
                                : cut_plain(writer, cut, err);
    slg_walk_reset(&cut->walk);
    free(cut);
    /* An exclusive writer does not leave: it tells those who come after it. */
    if (!writer->is_poisoned && writer->mode == SEGLOG_WRITER_EXCLUSIVE)
        slg_hint_save(writer);
    return code;
}

seglog_code
seglog_writer_truncate(struct seglog_writer *writer, uint64_t next_record,
                       struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!writer)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the writer is NULL");
    if (writer->is_poisoned)
        return slg_writer_fail_poisoned(writer, err);
    if (writer->frames.len > 0) {
        const struct slg_place place = slg_writer_place(writer);

        return slg_fail(err, SEGLOG_INVALID, &place,
                        "records are buffered; flush them first");
    }
    code = slg_writer_enter(writer, err);
    if (code == SEGLOG_OK) {
        code = writer_truncate(writer, next_record, err);
        slg_writer_leave(writer);
    }
    return slg_writer_explain(writer, code, err);
}
