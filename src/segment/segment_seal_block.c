/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_block.c - SPEC.md 15: records into blocks. */
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "format/json_time.h"
#include "src/segment/segment_seal.h"
#include "src/store/fail.h"

static seglog_code
fail_no_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a block");
}

/* -- the digest of the records -------------------------------------------- */

seglog_code
slg_content_begin(struct slg_content *content, struct seglog_error *err)
{
    *content = (struct slg_content){ .state = slg_long_digest_new() };
    return content->state ? SEGLOG_OK : fail_no_memory(err);
}

void
slg_content_reset(struct slg_content *content)
{
    slg_long_digest_free(content->state);
    *content = (struct slg_content){ .state = NULL };
}

void
slg_content_add(struct slg_content *content, unsigned attribute,
                const uint8_t *data, size_t len)
{
    uint8_t head[SLG_VARINT_MAX];
    const size_t head_len =
        slg_varint_put(head, (uint64_t)len << 2 | attribute);

    slg_long_digest_add(content->state, head, head_len);
    slg_long_digest_add(content->state, data, len);
    content->records++;
}

/* 80 00 is no varint, so a gap cannot be taken for a record. */
void
slg_content_add_gap(struct slg_content *content, uint64_t count, uint64_t lines)
{
    uint8_t bytes[18] = { 0x80, 0 };

    slg_store_le64(bytes + 2, count);
    slg_store_le64(bytes + 10, lines);
    slg_long_digest_add(content->state, bytes, sizeof bytes);
    content->lost += count;
}

/* -- blocks --------------------------------------------------------------- */

static void
pending_clear(struct slg_pending *pending)
{
    pending->text.len = 0;
    pending->count = 0;
    pending->plain = 0;
    pending->digest = 0;
    pending->row =
        (struct slg_footer_row){ .time_min = INT64_MAX, .time_max = INT64_MIN };
}

static seglog_code
pending_reserve(struct slg_pending *pending, size_t len,
                struct seglog_error *err)
{
    if (pending->count == pending->cap) {
        const size_t cap = pending->cap > 0 ? 2 * pending->cap : 256;
        struct slg_columns_record *grown =
            realloc(pending->records, cap * sizeof *grown);

        if (!grown)
            return fail_no_memory(err);
        pending->records = grown;
        pending->cap = cap;
    }
    return slg_bytes_reserve(&pending->text, len, err);
}

/* SPEC.md 11: a line that is a record has a time, if it says one. */
static void
row_note_time(struct slg_footer_row *row,
              const struct slg_columns_record *record)
{
    const unsigned kind = record->kind + 1u;
    int64_t time = 0;

    if ((kind != SEGLOG_TEXT && kind != SEGLOG_TAIL) ||
        !slg_json_time_find(record->bytes, record->len, NULL, 0, &time))
        return;
    time = time / 1000 - (time % 1000 < 0);
    if (time < row->time_min)
        row->time_min = time;
    if (time > row->time_max)
        row->time_max = time;
}

/* The text does not move any more. */
static void
pending_point(struct slg_pending *pending)
{
    static const uint8_t nothing[1];
    /* Where all records are empty there is no text. */
    const uint8_t *at = pending->text.data ? pending->text.data : nothing;

    for (size_t i = 0; i < pending->count; i++) {
        pending->records[i].bytes = at;
        at += pending->records[i].len;
    }
}

void
slg_pending_measure(struct slg_pending *pending)
{
    struct slg_footer_row *row = &pending->row;

    pending_point(pending);
    row->count = pending->count;
    for (size_t i = 0; i < pending->count; i++) {
        const struct slg_columns_record *record = &pending->records[i];

        pending->digest +=
            slg_digest_term(row->first + i, record->bytes, record->len);
        row_note_time(row, record);
    }
}

static void
pending_put(struct slg_pending *pending, const struct seglog_record *record)
{
    const unsigned attribute = (unsigned)record->kind - 1;

    if (pending->count == 0)
        pending->row.first = record->record_no;
    if (record->len > 0)
        memcpy(pending->text.data + pending->text.len, record->data,
               record->len);
    pending->text.len += record->len;
    pending->records[pending->count++] = (struct slg_columns_record){
        .len = record->len,
        .kind = (uint8_t)attribute,
    };
    pending->plain += slg_varint_len((uint64_t)record->len << 2) + record->len;
    pending->row.lines += record->kind != SEGLOG_PART;
    pending->row.text_bytes += record->len;
}

static bool
pending_has_room(const struct slg_build *build,
                 const struct slg_pending *pending, size_t len)
{
    const uint64_t entry = slg_varint_len((uint64_t)len << 2) + len;

    return pending->count == 0 ||
           (pending->plain + entry + SLG_VARINT_MAX <= build->block_bytes &&
            pending->count < slg_block_records_max(build->block_bytes));
}

static seglog_code
row_keep(struct slg_build *build, const struct slg_footer_row *row,
         struct seglog_error *err)
{
    struct slg_footer *footer = &build->footer;
    const seglog_code code =
        slg_bytes_reserve(&build->rows, SLG_FOOTER_ROW_MAX, err);

    if (code != SEGLOG_OK)
        return code;
    build->rows.len += slg_footer_row_put(&build->table, row,
                                          build->rows.data + build->rows.len);
    footer->blocks++;
    footer->records += row->count;
    footer->lines += row->lines;
    footer->text_bytes += row->text_bytes;
    /* As the table has it: a time may have no place there. */
    if (build->table.row.time_min < footer->time_min)
        footer->time_min = build->table.row.time_min;
    if (build->table.row.time_max > footer->time_max)
        footer->time_max = build->table.row.time_max;
    return SEGLOG_OK;
}

/* Looking through the parent reads it, which is for the caller's thread; what
 * is found there is gone with the next block. */
static seglog_code
job_find_prefix(struct slg_build *build, struct slg_job *job,
                struct seglog_error *err)
{
    struct slg_pending *pending = &job->pending;
    struct slg_block_prefix *prefix = &job->prefix;
    seglog_code code = SEGLOG_OK;

    *prefix = (struct slg_block_prefix){ .bytes = NULL };
    if (!build->kin)
        return SEGLOG_OK;
    pending_point(pending);
    code = slg_kin_find(
        build->kin, pending->records, pending->count, pending->plain,
        slg_block_prefix_max(build->limits.body_max), prefix, err);
    if (code != SEGLOG_OK || prefix->len == 0 ||
        !slg_jobs_are_threaded(build->jobs))
        return code;
    job->prefix_bytes.len = 0;
    code = slg_bytes_reserve(&job->prefix_bytes, prefix->len, err);
    if (code != SEGLOG_OK)
        return code;
    memcpy(job->prefix_bytes.data, prefix->bytes, prefix->len);
    prefix->bytes = job->prefix_bytes.data;
    return SEGLOG_OK;
}

static seglog_code
job_write(struct slg_build *build, struct slg_job *job,
          struct seglog_error *err)
{
    struct slg_pending *pending = &job->pending;
    struct slg_footer_row *row = &pending->row;
    seglog_code code = job->code;

    if (code != SEGLOG_OK)
        return slg_fail(err, code, NULL,
                        "the records could not be made a block");
    code = slg_build_put_frame(build, SLG_FRAME_BLOCK, job->body, job->len,
                               &row->offset, &row->len, err);
    if (code == SEGLOG_OK)
        code = row_keep(build, row, err);
    build->number += pending->count;
    build->line += row->lines;
    build->digest += pending->digest;
    build->head = pending->head;
    pending_clear(pending);
    slg_jobs_take(build->jobs);
    return code;
}

/* Those that are encoded; all that were submitted, if all are wanted. */
static seglog_code
jobs_write(struct slg_build *build, bool is_all, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK) {
        const bool is_wanted = is_all || !slg_jobs_filling(build->jobs);
        struct slg_job *job = slg_jobs_oldest(build->jobs, is_wanted);

        if (!job)
            break;
        code = job_write(build, job, err);
    }
    return code;
}

/* Afterwards there is one to fill, which is empty. */
static seglog_code
pending_submit(struct slg_build *build, bool is_more, struct seglog_error *err)
{
    struct slg_job *job = slg_jobs_filling(build->jobs);
    const seglog_code code = job_find_prefix(build, job, err);

    if (code != SEGLOG_OK)
        return code;
    job->level = build->level;
    job->memory_max = build->memory_max;
    slg_jobs_submit(build->jobs, is_more);
    return jobs_write(build, !is_more, err);
}

seglog_code
slg_build_settle(struct slg_build *build, struct seglog_error *err)
{
    return jobs_write(build, true, err);
}

seglog_code
slg_build_flush(struct slg_build *build, struct seglog_error *err)
{
    return slg_jobs_filling(build->jobs)->pending.count > 0
               ? pending_submit(build, false, err)
               : slg_build_settle(build, err);
}

static seglog_code
build_add_record(struct slg_build *build, const struct seglog_record *record,
                 struct seglog_error *err)
{
    struct slg_pending *pending = NULL;
    seglog_code code = slg_build_settle_dropped(build, err);

    if (code == SEGLOG_OK)
        code = slg_build_check_chain(build, err);
    if (code != SEGLOG_OK)
        return code;
    pending = &slg_jobs_filling(build->jobs)->pending;
    if (!pending_has_room(build, pending, record->len)) {
        code = pending_submit(build, true, err);
        if (code != SEGLOG_OK)
            return code;
        pending = &slg_jobs_filling(build->jobs)->pending;
    }
    code = pending_reserve(pending, record->len, err);
    if (code != SEGLOG_OK)
        return code;
    if (pending->count == 0)
        pending_clear(pending);
    pending_put(pending, record);
    if (build->is_chained) {
        slg_chain_add_record(&build->chain, record->data, record->len);
        pending->head = build->chain.hash;
    }
    slg_content_add(&build->content, (unsigned)record->kind - 1, record->data,
                    record->len);
    return SEGLOG_OK;
}

seglog_code
slg_build_leave_block(struct slg_build *build, struct seglog_error *err)
{
    const seglog_code code = slg_build_flush(build, err);

    return code == SEGLOG_OK && (build->epoch != build->new_epoch ||
                                 build->end == build->table.row.offset +
                                                   build->table.row.len)
               ? slg_build_put_sync_point(build, err)
               : code;
}

/* A recorded gap stays where it is.  A sync point stands before each run of
 * them, so that the place behind every block can be read from. */
seglog_code
slg_build_put_gap(struct slg_build *build, const struct slg_gap *gap,
                  struct seglog_error *err)
{
    uint8_t bytes[SLG_GAP_BYTES];
    seglog_code code = slg_build_leave_block(build, err);

    if (code != SEGLOG_OK)
        return code;
    code = slg_build_append(
        build, bytes, slg_gap_encode(gap, build->number, build->salt, bytes),
        err);
    build->is_after_sync = false;
    build->is_after_head = false;
    build->number += gap->count;
    build->line += gap->lines;
    build->footer.lost += gap->count;
    slg_content_add_gap(&build->content, gap->count, gap->lines);
    return code;
}

static seglog_code
build_add_gap(struct slg_build *build, const struct seglog_finding *finding,
              struct seglog_error *err)
{
    const struct slg_gap gap = {
        .verdict = (uint8_t)finding->verdict,
        .cause = (uint8_t)finding->cause,
        .durable = (uint8_t)finding->durable,
        .count = finding->last_record - finding->first_record + 1,
        .lines = finding->lines,
        .first_byte = finding->first_byte,
        .byte_count = finding->byte_count,
        .shift = finding->has_shift ? finding->shift : INT64_MIN,
        .depends_on = finding->depends_on,
    };
    const bool is_dropped =
        build->is_chained && finding->cause == SEGLOG_CAUSE_DROPPED;
    /* One directly behind the other: what was dropped, or what was lost. */
    const bool goes_on =
        is_dropped ? build->dropped_count > 0
                   : build->dropped_count == 0 && build->chain.is_behind_gap;
    const seglog_code code =
        goes_on ? SEGLOG_OK : slg_build_settle_dropped(build, err);

    if (code != SEGLOG_OK)
        return code;
    if (build->is_chained)
        slg_chain_add_gap(&build->chain, finding->first_record,
                          finding->last_record + 1);
    if (is_dropped) {
        build->dropped_count += gap.count;
        return SEGLOG_OK;
    }
    return slg_build_put_gap(build, &gap, err);
}

seglog_code
slg_build_add(struct slg_build *build, const struct seglog_event *event,
              struct seglog_error *err)
{
    return event->type == SEGLOG_EVENT_RECORD
               ? build_add_record(build, &event->record, err)
               : build_add_gap(build, &event->finding, err);
}
