/* SPDX-License-Identifier: MIT */
/* src/segment/segment_writer.c - flush, sync, describe and close. */
#include "src/segment/segment_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

seglog_code
seglog_writer_flush(struct seglog_writer *writer, struct seglog_error *err)
{
    if (!writer)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the writer is NULL");
    if (writer->is_poisoned)
        return slg_writer_fail_poisoned(writer, err);
    return slg_writer_flush(writer, err);
}

seglog_code
seglog_writer_sync(struct seglog_writer *writer, struct seglog_error *err)
{
    const seglog_code code = seglog_writer_flush(writer, err);

    return code == SEGLOG_OK ? slg_writer_sync(writer, err) : code;
}

seglog_code
seglog_writer_hold(struct seglog_writer *writer, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!writer)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the writer is NULL");
    if (writer->is_poisoned)
        return slg_writer_fail_poisoned(writer, err);
    if (writer->is_held) {
        const struct slg_place place = slg_writer_place(writer);

        return slg_fail(err, SEGLOG_INVALID, &place,
                        "the writer is held already");
    }
    code = slg_writer_enter(writer, err);
    if (code == SEGLOG_OK)
        writer->is_held = true;
    return slg_writer_explain(writer, code, err);
}

void
seglog_writer_release(struct seglog_writer *writer)
{
    if (!writer || !writer->is_held)
        return;
    writer->is_held = false;
    slg_writer_leave(writer);
}

void
seglog_writer_get_state(const struct seglog_writer *writer,
                        struct seglog_writer_state *state)
{
    const struct slg_point *at = writer ? &writer->flushed : NULL;

    if (!state)
        return;
    *state = (struct seglog_writer_state){ 0 };
    if (!writer)
        return;
    state->first_record = writer->header.first_record;
    state->next_record = at->number;
    state->next_line = at->line;
    state->end = at->end;
    state->buffered = writer->frames.records;
    state->watermark = at->watermark;
    state->epoch = at->epoch;
    state->torn_bytes = writer->torn_bytes;
    state->head = (struct seglog_head){
        .epoch = at->epoch,
        .next_record = at->number,
        .checksum = at->checksum,
    };
    memcpy(state->identity, writer->header.identity, sizeof state->identity);
    state->record_max = (size_t)writer->limits.body_max;
    state->chain = (enum seglog_chain)writer->chain;
    state->chain_hash = at->chain;
}

void
seglog_writer_describe(const struct seglog_writer *writer, char *buf,
                       size_t cap)
{
    static const char *const modes[] = { "exclusive", "shared", "private" };
    char name[SLG_NAME_CAP];

    if (!buf || cap == 0)
        return;
    if (!writer) {
        (void)snprintf(buf, cap, "no writer");
        return;
    }
    memcpy(name, writer->name, sizeof name);
    slg_text_to_line(name);
    (void)snprintf(buf, cap,
                   "%s writer of %s: next record %" PRIu64 ", end %" PRIu64
                   ", %" PRIu64 " buffered%s",
                   modes[writer->mode], name, writer->flushed.number,
                   writer->flushed.end, writer->frames.records,
                   writer->is_poisoned ? ", poisoned" : "");
}

/*
 * Under the lock to the end in shared mode: nobody may append between the
 * sync and the mark that says everything before it is durable.
 */
static seglog_code
writer_close_segment(struct seglog_writer *writer, struct seglog_error *err)
{
    seglog_code code = slg_writer_write(writer, err);

    /* Closed already, and nothing new: another mark would say nothing new. */
    if (code != SEGLOG_OK || writer->flushed.is_closed)
        return code;
    code = slg_writer_sync(writer, err);
    if (code != SEGLOG_OK || writer->flushed.is_unsure)
        return code;
    code = slg_frames_reserve(&writer->frames, SLG_CLOSING_MARK_BYTES, err);
    if (code != SEGLOG_OK)
        return code;
    slg_writer_put_closing_mark(writer);
    code = slg_writer_write(writer, err);
    return code == SEGLOG_OK ? slg_writer_sync(writer, err) : code;
}

static seglog_code
writer_finish(struct seglog_writer *writer, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (writer->is_poisoned)
        return slg_writer_fail_poisoned(writer, err);
    if (!writer->has_closing_mark)
        return slg_writer_flush(writer, err);
    code = slg_writer_enter(writer, err);
    if (code != SEGLOG_OK)
        return code;
    code = writer_close_segment(writer, err);
    slg_writer_leave(writer);
    return code;
}

seglog_code
slg_writer_free(struct seglog_writer *writer, struct seglog_error *err)
{
    const seglog_code code = seglog_blob_close(&writer->blob, err);

    seglog_lock_close(&writer->lock);
    free(writer->frames.bytes);
    free(writer->spare.bytes);
    slg_packer_free(writer->packer);
    slg_dictionary_release(writer->dictionary);
    free(writer);
    return code;
}

seglog_code
seglog_writer_close(struct seglog_writer *writer, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;
    seglog_code free_code = SEGLOG_OK;

    if (!writer)
        return SEGLOG_OK;
    code = slg_writer_explain(writer, writer_finish(writer, err), err);
    seglog_writer_release(writer);
    if (!writer->is_poisoned && writer->mode == SEGLOG_WRITER_EXCLUSIVE)
        slg_hint_save(writer);
    free_code = slg_writer_free(writer, code == SEGLOG_OK ? err : NULL);
    return code == SEGLOG_OK ? free_code : code;
}
