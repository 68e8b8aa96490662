/* SPDX-License-Identifier: MIT */
/* tools/export_lines.c - records as lines, plain or typed. */
#include "tools/export_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool_base64.h"
#include "tools/tool_finding.h"

/* ---------------------------------------------------------------------------
 * Plain lines
 */

static bool
plain_write(struct export_lines *lines, const struct seglog_record *record)
{
    struct tool_output *output = lines->output;
    const bool has_lf =
        record->kind == SEGLOG_TEXT || record->kind == SEGLOG_BYTES;

    if (lines->owes_lf && !tool_output_put(output, "\n", 1))
        return false;
    /* Behind a TAIL only another record needs one: SPEC.md 11. */
    lines->owes_lf = record->kind == SEGLOG_TAIL;
    lines->is_part = record->kind == SEGLOG_PART;
    return tool_output_put(output, record->data, record->len) &&
           (!has_lf || tool_output_put(output, "\n", 1));
}

/* ---------------------------------------------------------------------------
 * Typed lines
 */

/* A multiple of three, so that pieces can be encoded on their own. */
#define PIECE_BYTES ((size_t)3 * 1024)

static bool
typed_write(struct export_lines *lines, const char *type, const uint8_t *data,
            size_t len)
{
    struct tool_output *output = lines->output;
    char text[PIECE_BYTES / 3 * 4];
    const int head_len =
        snprintf(text, sizeof text, "{\"seglog\":\"%s\",\"base64\":\"", type);

    if (!tool_output_put(output, text, (size_t)head_len))
        return false;
    while (len > 0) {
        const size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;

        tool_base64_encode(data, piece, text);
        if (!tool_output_put(output, text, tool_base64_len(piece)))
            return false;
        data += piece;
        len -= piece;
    }
    return tool_output_put(output, "\"}\n", 3);
}

/* A TAIL that something follows would come back as TEXT. */
static bool
tail_settle(struct export_lines *lines)
{
    if (!lines->has_tail)
        return true;
    lines->has_tail = false;
    return typed_write(lines, "tail", lines->tail, lines->tail_len);
}

static bool
tail_hold(struct export_lines *lines, const struct seglog_record *record)
{
    uint8_t *tail = realloc(lines->tail, record->len);

    if (!tail) {
        (void)tool_error_set(&lines->err, SEGLOG_NO_MEMORY, lines->shown,
                             "no memory for a record");
        return false;
    }
    memcpy(tail, record->data, record->len);
    lines->tail = tail;
    lines->tail_len = record->len;
    lines->has_tail = true;
    return true;
}

static bool
looks_typed(const struct seglog_record *record)
{
    static const char PREFIX[] = "{\"seglog\":";
    const size_t len = sizeof PREFIX - 1;

    return record->len >= len && memcmp(record->data, PREFIX, len) == 0;
}

/*
 * Every PART is typed: whether its line can be joined again depends on all
 * records up to the end of the line, which may be far away or lost.
 */
static bool
record_write_typed(struct export_lines *lines,
                   const struct seglog_record *record)
{
    switch (record->kind) {
    case SEGLOG_BYTES:
        return typed_write(lines, "bytes", record->data, record->len);
    case SEGLOG_PART:
        return typed_write(lines, "part", record->data, record->len);
    case SEGLOG_TAIL:
        if (record->len == 0 || looks_typed(record))
            return typed_write(lines, "tail", record->data, record->len);
        return tail_hold(lines, record);
    case SEGLOG_TEXT:
        break;
    }
    if (looks_typed(record))
        return typed_write(lines, "text", record->data, record->len);
    return plain_write(lines, record);
}

static bool
gap_write(struct export_lines *lines, const struct seglog_finding *gap)
{
    char shift[32] = "null";
    char depends_on[32] = "null";
    char line[512];
    int len = 0;

    if (gap->has_shift)
        (void)snprintf(shift, sizeof shift, "%" PRId64, gap->shift);
    if (gap->depends_on != 0)
        (void)snprintf(depends_on, sizeof depends_on, "%" PRIu64,
                       gap->depends_on);
    len = snprintf(line, sizeof line,
                   "{\"seglog\":\"gap\",\"first\":%" PRIu64 ",\"last\":%" PRIu64
                   ",\"lines\":%" PRIu64 ",\"verdict\":\"%s\",\"cause\":\"%s\","
                   "\"durable\":\"%s\",\"first_byte\":%" PRIu64
                   ",\"bytes\":%" PRIu64 ",\"shift\":%s,\"depends_on\":%s}\n",
                   gap->first_record, gap->last_record, gap->lines,
                   seglog_verdict_name(gap->verdict),
                   seglog_cause_name(gap->cause),
                   seglog_durable_name(gap->durable), gap->first_byte,
                   gap->byte_count, shift, depends_on);
    return tool_output_put(lines->output, line, (size_t)len);
}

/* ---------------------------------------------------------------------------
 * Events
 */

static bool
record_export(struct export_lines *lines, const struct seglog_record *record)
{
    if (record->record_no > lines->options->to) {
        lines->is_stopped = true;
        return true;
    }
    lines->unconfirmed += !record->is_confirmed;
    /* Asking the clock for each record would take longer than writing it. */
    if ((++lines->records & 0xFFF) == 0 && lines->progress)
        tool_progress_update(lines->progress, record->offset,
                             lines->total_bytes);
    if (!lines->options->has_gaps)
        return plain_write(lines, record);
    return tail_settle(lines) && record_write_typed(lines, record);
}

static void
gap_report(struct export_lines *lines, const struct seglog_finding *gap)
{
    if (lines->progress)
        tool_progress_clear(lines->progress);
    if (lines->options->is_json)
        tool_finding_json(stderr, lines->shown, gap);
    else if (lines->is_damaged || !tool_is_quiet)
        tool_finding_say(lines->shown, gap);
}

static bool
gap_export(struct export_lines *lines, const struct seglog_finding *gap)
{
    /* A torn tail here; a recorded gap is a loss whatever it was once. */
    const bool is_torn =
        gap->verdict == SEGLOG_VERDICT_TORN && !gap->is_recorded;
    const bool is_lost = !is_torn && gap->last_record != 0;

    if (gap->first_record > lines->options->to) {
        lines->is_stopped = true;
        return true;
    }
    if (!gap->is_recorded && (!is_torn || lines->options->is_strict)) {
        lines->is_damaged = true;
        lines->is_stopped = lines->options->is_strict;
    }
    gap_report(lines, gap);
    if (lines->is_stopped)
        return true;
    /* What follows lost records is not the rest of the line before them. */
    if (is_lost && lines->is_part)
        lines->owes_lf = true;
    if (!is_lost || !lines->options->has_gaps)
        return true;
    return tail_settle(lines) && gap_write(lines, gap);
}

bool
export_lines_event(struct export_lines *lines, const struct seglog_event *event)
{
    if (event->type == SEGLOG_EVENT_RECORD)
        return record_export(lines, &event->record);
    return gap_export(lines, &event->finding);
}

bool
export_lines_end(struct export_lines *lines)
{
    /* The last record of what was asked for: its line feed stays away. */
    const bool is_done =
        !lines->has_tail ||
        tool_output_put(lines->output, lines->tail, lines->tail_len);

    free(lines->tail);
    lines->tail = NULL;
    lines->has_tail = false;
    return is_done;
}

/* ---------------------------------------------------------------------------
 * A whole file
 */

struct export
{
    const struct export_options *options;
    struct tool_source source;
    struct tool_target target;
    struct tool_output output;
    struct tool_progress progress;
    struct seglog_reader *reader;
    struct export_lines lines;
};

/* False: the lines or the output have the error. */
static bool
events_export(struct export *export)
{
    struct export_lines *lines = &export->lines;
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;
    bool is_done = true;

    while (is_done && !lines->is_stopped && code == SEGLOG_OK) {
        code = seglog_reader_next(export->reader, &event, &lines->err);
        if (code == SEGLOG_OK)
            is_done = export_lines_event(lines, &event);
    }
    return export_lines_end(lines) && is_done &&
           (code == SEGLOG_OK || code == SEGLOG_END);
}

/* For progress alone; without it there is none. */
static uint64_t
source_size(const struct tool_source *source)
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;

    if (seglog_blob_open(source->store, source->name, SEGLOG_OPEN_READ, &blob,
                         NULL) == SEGLOG_OK)
        (void)!seglog_blob_get_size(blob, &size, NULL, NULL);
    (void)seglog_blob_close(&blob, NULL);
    return size;
}

static enum tool_status
export_run(struct export *export)
{
    struct tool_output *output = &export->output;
    const struct export_lines *lines = &export->lines;
    bool is_done = false;

    if (!tool_output_open(output, &export->target))
        return tool_fail(export->target.shown, &output->err);
    tool_progress_init(&export->progress, "exporting");
    is_done = events_export(export);
    tool_progress_clear(&export->progress);
    if (output->err.code != SEGLOG_OK)
        return tool_fail(export->target.shown, &output->err);
    if (!is_done) {
        /* What was good before the failure is worth having on a pipe. */
        (void)tool_output_flush(output);
        return tool_fail(export->source.shown, &lines->err);
    }
    if (export->options->is_strict && lines->is_damaged &&
        !export->target.is_stream)
        return TOOL_DAMAGED;
    if (!tool_output_finish(output))
        return tool_fail(export->target.shown, &output->err);
    if (lines->unconfirmed > 0)
        tool_note("%s: records whose number is likely but not proven: %" PRIu64,
                  export->source.shown, lines->unconfirmed);
    return lines->is_damaged ? TOOL_DAMAGED : TOOL_OK;
}

static enum tool_status
export_open(struct export *export)
{
    const struct seglog_reader_options reader_options = {
        .size = sizeof reader_options,
        .salvage = true,
        .from_record = export->options->from,
    };
    struct export_lines *lines = &export->lines;
    enum tool_status status =
        tool_source_open(export->options->input, &export->source);

    if (status != TOOL_GO_ON)
        return status;
    if (export->source.lane_path &&
        tool_is_same_file(export->source.lane_path, export->options->output)) {
        tool_say("%s: it is both input and output", export->options->output);
        return TOOL_FAILED;
    }
    *lines = (struct export_lines){ .options = export->options,
                                    .shown = export->source.shown,
                                    .output = &export->output };
    if (seglog_reader_open(export->source.store, export->source.name,
                           &reader_options, &export->reader,
                           &lines->err) != SEGLOG_OK)
        return tool_fail(export->source.shown, &lines->err);
    lines->total_bytes = source_size(&export->source);
    status = tool_target_open(export->options->output, TOOL_TARGET_REPLACE,
                              &export->target);
    if (!export->target.is_stream)
        lines->progress = &export->progress;
    return status == TOOL_GO_ON ? export_run(export) : status;
}

enum tool_status
export_file(const struct export_options *options)
{
    struct export export = { .options = options };
    enum tool_status status = TOOL_GO_ON;

    if (tool_is_same_file(options->input, options->output)) {
        tool_say("%s: it is both input and output",
                 options->output ? options->output : TOOL_STDOUT_NAME);
        return TOOL_FAILED;
    }
    status = export_open(&export);
    tool_output_close(&export.output);
    tool_target_close(&export.target);
    seglog_reader_close(export.reader);
    tool_source_close(&export.source);
    free(export.lines.tail);
    return status;
}
