/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_export_mend.c - lines, with what is whole in the broken ones.
 *
 * What is written is read twice: first to know which lines are broken and how the
 * good ones begin, by which their records are told from what is inside them;
 * then to write.  Only a broken line is held in memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/json_diagnose.h"
#include "seglog/json_line.h"
#include "seglog/json_mend.h"
#include "tools/cmd.h"
#include "tools/cmd_export.h"
#include "tools/tool_fault.h"
#include "tools/tool_finding.h"

/* A broken line that is longer is left out: it would have to be in memory. */
#define LINE_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct mend {
    struct export_file *file;
    struct seglog_json_heads heads;
    uint64_t *bad; /* numbers of the broken lines, counted as they come */
    size_t bad_count;
    size_t bad_cap;
    size_t bad_at; /* second time: the next one */
    uint64_t line; /* that is being read; from 1 */
    bool is_open;  /* the line goes on in the next record */
    struct seglog_json_line lexer;
    uint8_t *held; /* of a broken line */
    size_t held_len;
    size_t held_cap;
    uint64_t line_len; /* of it, also beyond what is held */
    bool is_failed;    /* no memory */
};

/* ---------------------------------------------------------------------------
 * First time: which lines are broken
 */

static bool
bad_add(struct mend *mend)
{
    if (mend->bad_count == mend->bad_cap) {
        const size_t cap = mend->bad_cap ? mend->bad_cap * 2 : 64;
        uint64_t *bad = realloc(mend->bad, cap * sizeof *bad);

        if (!bad)
            return false;
        mend->bad = bad;
        mend->bad_cap = cap;
    }
    mend->bad[mend->bad_count++] = mend->line;
    return true;
}

/* The line is over; its last bytes are given, all of them if it had one
 * record. */
static bool
look_end(struct mend *mend, const uint8_t *bytes, size_t len, bool is_single)
{
    bool is_done = true;

    if (seglog_json_line_finish(&mend->lexer, NULL) != SEGLOG_JSON_OK)
        is_done = bad_add(mend);
    else if (is_single)
        seglog_json_heads_learn(&mend->heads, bytes, len);
    mend->line++;
    mend->is_open = false;
    return is_done;
}

static bool
look_event(struct mend *mend, const struct seglog_event *event)
{
    const struct seglog_record *record = &event->record;
    const bool is_single = !mend->is_open;

    if (event->type != SEGLOG_EVENT_RECORD)
        return is_single || look_end(mend, NULL, 0, false);
    if (is_single)
        seglog_json_line_init(&mend->lexer, mend->line == 1);
    seglog_json_line_feed(&mend->lexer, record->data, record->len);
    mend->is_open = true;
    return record->kind == SEGLOG_PART ||
           look_end(mend, record->data, record->len, is_single);
}

/* ---------------------------------------------------------------------------
 * What is said
 */

static void
line_diagnose(const struct mend *mend, bool has_lf,
              struct seglog_json_diagnosis *diagnosis, char *words, size_t cap)
{
    struct seglog_json_broken broken = {
        .bytes = mend->held,
        .len = mend->held_len,
        .line_len = mend->held_len,
        .has_lf = has_lf,
    };

    broken.fault = seglog_json_line_check(mend->held, mend->held_len,
                                          mend->line == 1, &broken.fault_pos);
    seglog_json_diagnose(&broken, diagnosis);
    tool_damage_words(diagnosis, broken.fault, has_lf, words, cap);
}

static void
line_say(const struct mend *mend, const char *words, size_t values)
{
    const char *shown = mend->file->shown;

    tool_progress_clear(&mend->file->run->progress);
    if (values > 0)
        tool_note("%s: line %" PRIu64 ": %s; %zu whole %s of it written", shown,
                  mend->line, words, values,
                  cmd_plural(values, "value", "values"));
    else
        tool_note("%s: line %" PRIu64 ": %s; nothing whole is in it, left out",
                  shown, mend->line, words);
}

static void
line_json(const struct mend *mend, const char *damage, const char *words,
          size_t values)
{
    (void)fputs("{\"file\":", stdout);
    tool_json_string(stdout, mend->file->path);
    (void)printf(",\"line\":%" PRIu64 ",\"damage\":\"%s\",\"reason\":",
                 mend->line, damage);
    tool_json_string(stdout, words);
    (void)printf(",\"values\":%zu}\n", values);
}

/* ---------------------------------------------------------------------------
 * Second time: what is written
 */

static bool
value_write(void *arg, const struct seglog_json_whole *value)
{
    struct mend *mend = arg;
    struct tool_output *output = &mend->file->output;

    return tool_output_put(output, mend->held + value->pos, value->len) &&
           tool_output_put(output, mend->held + value->more_pos,
                           value->more_len) &&
           tool_output_put(output, "\n", 1);
}

static bool
held_add(struct mend *mend, const uint8_t *bytes, size_t len)
{
    mend->line_len += len;
    if (mend->line_len > LINE_BYTES_MAX)
        return true;
    if (mend->held_len + len > mend->held_cap) {
        const size_t cap = mend->held_len + len;
        uint8_t *held = realloc(mend->held, cap);

        if (!held)
            return false;
        mend->held = held;
        mend->held_cap = cap;
    }
    if (len > 0)
        memcpy(mend->held + mend->held_len, bytes, len);
    mend->held_len += len;
    return true;
}

/* The broken line is complete. */
static bool
bad_end(struct mend *mend, bool has_lf)
{
    struct export_run *run = mend->file->run;
    const struct seglog_json_scrap scrap = {
        .bytes = mend->held,
        .len = mend->held_len,
        .has_lf = has_lf,
        .heads = mend->heads.count > 0 ? &mend->heads : NULL,
    };
    struct seglog_json_diagnosis diagnosis = { .kind = SEGLOG_JSON_NOT_JSON };
    char words[128] = "it is too long to be mended";
    size_t values = 0;

    if (mend->line_len <= LINE_BYTES_MAX) {
        line_diagnose(mend, has_lf, &diagnosis, words, sizeof words);
        values = seglog_json_mend(&scrap, value_write, mend);
    }
    run->totals.bad_lines++;
    run->totals.mended_lines += values > 0;
    run->totals.values += values;
    if (run->options->is_json)
        line_json(mend, seglog_json_damage_name(diagnosis.kind), words, values);
    line_say(mend, words, values);
    mend->held_len = 0;
    mend->line_len = 0;
    mend->bad_at++;
    return mend->file->output.err.code == SEGLOG_OK;
}

static bool
line_is_bad(const struct mend *mend)
{
    return mend->bad_at < mend->bad_count &&
           mend->bad[mend->bad_at] == mend->line;
}

static bool
write_record(struct mend *mend, const struct seglog_record *record)
{
    struct tool_output *output = &mend->file->output;
    const bool has_lf =
        record->kind == SEGLOG_TEXT || record->kind == SEGLOG_BYTES;
    const bool is_over = record->kind != SEGLOG_PART;
    bool is_done = true;

    if (line_is_bad(mend)) {
        is_done = held_add(mend, record->data, record->len);
        mend->is_failed = !is_done;
        if (is_done && is_over)
            is_done = bad_end(mend, has_lf);
    } else {
        is_done = tool_output_put(output, record->data, record->len) &&
                  (!has_lf || tool_output_put(output, "\n", 1));
    }
    mend->is_open = !is_over;
    mend->line += is_over;
    return is_done;
}

static bool
write_gap(struct mend *mend, const struct seglog_finding *gap)
{
    struct export_run *run = mend->file->run;
    bool is_done = true;

    tool_progress_clear(&run->progress);
    tool_finding_say(mend->file->shown, gap);
    if (!gap->is_recorded && gap->verdict != SEGLOG_VERDICT_TORN)
        run->totals.damaged++;
    if (!mend->is_open)
        return true;
    if (line_is_bad(mend))
        is_done = bad_end(mend, true);
    else
        is_done = tool_output_put(&mend->file->output, "\n", 1);
    mend->is_open = false;
    mend->line++;
    return is_done;
}

static bool
write_event(struct mend *mend, const struct seglog_event *event)
{
    return event->type == SEGLOG_EVENT_RECORD
               ? write_record(mend, &event->record)
               : write_gap(mend, &event->finding);
}

/* ---------------------------------------------------------------------------
 * Both times
 */

static bool
events_walk(struct mend *mend, struct import_reader *reader,
            bool (*each)(struct mend *mend, const struct seglog_event *event),
            struct seglog_error *err)
{
    mend->line = 1;
    mend->is_open = false;
    for (;;) {
        struct seglog_event event;
        const seglog_code code = import_reader_next(reader, &event, err);

        if (code == SEGLOG_END)
            return true;
        if (code != SEGLOG_OK)
            return false;
        if (!each(mend, &event)) {
            *err = mend->file->output.err;
            if (err->code == SEGLOG_OK)
                (void)tool_error_set(err, SEGLOG_NO_MEMORY, mend->file->shown,
                                     "no memory for a line");
            return false;
        }
    }
}

/* A line that was open at the end: PART records without the rest. */
static bool
look_last(struct mend *mend)
{
    return !mend->is_open || look_end(mend, NULL, 0, false);
}

bool
export_lines_mended(struct export_file *file, struct import_reader *reader)
{
    struct mend *mend = calloc(1, sizeof *mend);
    struct seglog_error err = { .code = SEGLOG_NO_MEMORY };
    bool is_done = false;

    if (!mend) {
        file->run->totals.failed++;
        (void)tool_fail_memory();
        return false;
    }
    mend->file = file;
    is_done = events_walk(mend, reader, look_event, &err) && look_last(mend) &&
              import_reader_rewind(reader, &err) == SEGLOG_OK &&
              events_walk(mend, reader, write_event, &err) &&
              (!mend->is_open || !line_is_bad(mend) || bad_end(mend, false));
    if (!is_done && file->output.err.code != SEGLOG_OK) {
        is_done = export_file_fail(file);
    } else if (!is_done) {
        tool_progress_clear(&file->run->progress);
        file->run->totals.failed++;
        (void)tool_fail(file->shown, &err);
    }
    free(mend->bad);
    free(mend->held);
    free(mend);
    return is_done;
}
