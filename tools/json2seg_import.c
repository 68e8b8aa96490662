/* SPDX-License-Identifier: MIT */
/* tools/json2seg_import.c - lines become records, SPEC.md 11. */
#include "tools/json2seg.h"

#include <stdio.h>
#include <string.h>

#include "tools/tool_base64.h"

/* ---------------------------------------------------------------------------
 * Lines
 */

static void
import_fault(struct json2seg_import *import, uint64_t pos, const char *reason)
{
    const struct tool_fault fault = { import->line_no, import->line_at, pos,
                                      reason };

    import->faults.outcome =
        import->options->is_strict ? "stopped here" : "stored as it is";
    import->is_refused = import->options->is_strict;
    tool_progress_clear(&import->progress);
    tool_faults_add(&import->faults, &fault);
}

/* The last `len` bytes of the line are there, all of it or its last part. */
static void
import_fault_hook(struct json2seg_import *import, const uint8_t *bytes,
                  size_t len, bool has_lf)
{
    struct seglog_json_broken line = {
        .bytes = bytes,
        .len = len,
        .line_len = import->next_at + len - import->line_at,
        .nul_count = import->lexer.nul_count,
        .has_lf = has_lf,
    };

    line.fault = seglog_json_line_finish(&import->lexer, &line.fault_pos);
    import->faults.count++;
    import->hooks.on_fault(import->hooks.arg, &line, import->line_no,
                           import->line_at);
}

static void
import_json_fault(struct json2seg_import *import, const uint8_t *bytes,
                  size_t len, bool has_lf)
{
    uint64_t pos = 0;
    const enum seglog_json_fault fault =
        seglog_json_line_finish(&import->lexer, &pos);
    char reason[64];

    if (fault == SEGLOG_JSON_OK)
        return;
    if (import->hooks.on_fault) {
        import_fault_hook(import, bytes, len, has_lf);
        return;
    }
    if (fault == SEGLOG_JSON_NUL && import->lexer.nul_count > 1) {
        (void)snprintf(reason, sizeof reason, "%llu NUL bytes",
                       (unsigned long long)import->lexer.nul_count);
        import_fault(import, pos, reason);
        return;
    }
    import_fault(import, pos, seglog_json_fault_text(fault));
}

/* The first bytes of a line, or more of them, which will go on. */
static void
import_check_part(struct json2seg_import *import, const uint8_t *bytes,
                  size_t len)
{
    if (import->hooks.is_unchecked)
        return;
    if (!import->is_open)
        seglog_json_line_init(&import->lexer, import->line_no == 1);
    import->is_open = true;
    seglog_json_line_feed(&import->lexer, bytes, len);
}

/* The last bytes of a line, or all of it. */
static void
import_check(struct json2seg_import *import, const uint8_t *bytes, size_t len,
             bool has_lf)
{
    if (import->hooks.is_unchecked)
        return;
    if (!import->is_open &&
        seglog_json_line_check(bytes, len, import->line_no == 1, NULL) ==
            SEGLOG_JSON_OK)
        return;
    /* A faulty line once more, for what only the slow way tells. */
    import_check_part(import, bytes, len);
    import->is_open = false;
    import_json_fault(import, bytes, len, has_lf);
}

/* Past `len` bytes, and past a line feed if there is one. */
static void
import_advance(struct json2seg_import *import, size_t len, bool has_lf)
{
    const struct json2seg_hooks *hooks = &import->hooks;

    if (hooks->on_bytes &&
        !hooks->on_bytes(hooks->arg, import->input.buf + import->at, len,
                         has_lf))
        import->is_refused = true;
    import->at += len + has_lf;
    import->next_at += len + has_lf;
    import->is_part = !has_lf;
    if (has_lf) {
        import->line_no++;
        import->line_at = import->next_at;
    }
}

static bool
import_add(struct json2seg_import *import, enum seglog_kind kind, size_t len)
{
    return json2seg_batch_add(&import->batch, kind, import->at, len,
                              &import->err) == SEGLOG_OK;
}

/* The first record_max bytes of a line that is longer. */
static bool
import_part(struct json2seg_import *import)
{
    const size_t len = import->batch.record_max;

    import_check_part(import, import->input.buf + import->at, len);
    if (!import_add(import, SEGLOG_PART, len))
        return false;
    import_advance(import, len, false);
    return true;
}

/* A gap has to follow what is before it, whose number it names. */
static bool
import_gap(struct json2seg_import *import, const struct seglog_finding *gap,
           const char **why)
{
    seglog_code code = SEGLOG_OK;

    if (import->options->is_append) {
        *why = "a gap cannot be recorded with --append";
        return true;
    }
    code = json2seg_batch_commit(&import->batch, true, &import->err);
    if (code == SEGLOG_OK)
        code =
            seglog_writer_append_gap(import->batch.writer, gap, &import->err);
    if (code != SEGLOG_INVALID)
        return code == SEGLOG_OK;
    *why = "the gap does not follow the record before it";
    return true;
}

/* The record of a typed line, which stands where the line began. */
static void
import_check_typed(struct json2seg_import *import,
                   const struct json2seg_typed *typed)
{
    const uint8_t *bytes = import->input.buf + import->at;

    if (typed->is_gap || typed->kind == SEGLOG_BYTES)
        import->is_open = false;
    else if (typed->kind == SEGLOG_PART)
        import_check_part(import, bytes, typed->len);
    else
        import_check(import, bytes, typed->len, true);
}

/*
 * A typed line.  is_taken: it has become a record or a gap; else it is text.
 */
static bool
import_typed(struct json2seg_import *import, size_t len, bool has_lf,
             bool *is_taken)
{
    struct json2seg_typed typed;
    const char *why = json2seg_typed_read(import->input.buf + import->at, len,
                                          import->batch.record_max, &typed);

    if (!why && typed.is_gap && !import_gap(import, &typed.gap, &why))
        return false;
    if (why) {
        char reason[128];

        (void)snprintf(reason, sizeof reason, "not a typed line: %s", why);
        import_fault(import, 0, reason);
        return true;
    }
    *is_taken = true;
    import_check_typed(import, &typed);
    if (import->is_refused)
        return true;
    if (!typed.is_gap && !import_add(import, typed.kind, typed.len))
        return false;
    import_advance(import, len, has_lf);
    return true;
}

/* Does a line begin here, and is it a typed one?  Of len bytes, so far. */
static bool
import_is_typed(const struct json2seg_import *import, size_t len)
{
    return import->options->is_typed && !import->is_part &&
           json2seg_typed_is(import->input.buf + import->at, len);
}

/* A line, or the rest of one, of len bytes; has_lf: with its line feed. */
static bool
import_line(struct json2seg_import *import, size_t len, bool has_lf)
{
    const uint64_t faults_before = import->faults.count;
    bool is_taken = false;

    if (import_is_typed(import, len) &&
        !import_typed(import, len, has_lf, &is_taken))
        return false;
    if (is_taken || import->is_refused)
        return true;
    while (len > import->batch.record_max) {
        if (!import_part(import))
            return false;
        len -= import->batch.record_max;
        if (import->is_refused)
            return true;
    }
    /* One fault a line is enough. */
    if (import->faults.count == faults_before)
        import_check(import, import->input.buf + import->at, len, has_lf);
    if (import->is_refused)
        return true;
    if (!import_add(import, has_lf ? SEGLOG_TEXT : SEGLOG_TAIL, len))
        return false;
    import_advance(import, len, has_lf);
    return true;
}

/* ---------------------------------------------------------------------------
 * Blocks
 */

/* How long a line without a line feed may get before its parts are stored. */
static size_t
import_line_max(const struct json2seg_import *import)
{
    const size_t record_max = import->batch.record_max;

    return import_is_typed(import, import->input.len - import->at)
               ? tool_base64_len(record_max) + JSON2SEG_TYPED_EXTRA
               : record_max;
}

/* Everything in the buffer that is complete. */
static bool
import_block(struct json2seg_import *import)
{
    struct json2seg_input *input = &import->input;

    while (!import->is_refused) {
        const uint8_t *from = input->buf + import->searched;
        const uint8_t *lf =
            import->searched < input->len
                ? memchr(from, '\n', input->len - import->searched)
                : NULL;

        if (!lf)
            break;
        if (!import_line(import, (size_t)(lf - input->buf) - import->at, true))
            return false;
        import->searched = import->at;
    }
    import->searched = input->len;
    while (!import->is_refused &&
           input->len - import->at > import_line_max(import)) {
        if (import_is_typed(import, input->len - import->at))
            import_fault(import, 0, "not a typed line: it is too long");
        if (!import->is_refused && !import_part(import))
            return false;
    }
    return true;
}

/* Bring in what waits, and make room behind it. */
static bool
import_commit(struct json2seg_import *import, bool is_all)
{
    struct json2seg_input *input = &import->input;
    size_t keep = 0;

    if (json2seg_batch_commit(&import->batch, is_all, &import->err) !=
        SEGLOG_OK)
        return false;
    keep = json2seg_batch_keeps(&import->batch, import->at);
    json2seg_batch_shift(&import->batch, keep);
    json2seg_input_drop(input, keep);
    import->at -= keep;
    import->searched -= keep;
    return true;
}

bool
json2seg_import_all(struct json2seg_import *import)
{
    struct json2seg_input *input = &import->input;

    while (!input->is_ended && !import->is_refused) {
        const seglog_code code = json2seg_input_read(input, &import->err);

        /* Only a group that waits for its last lines can fill the buffer. */
        if (code == SEGLOG_NO_SPACE && input->len == input->cap) {
            if (!import_commit(import, true))
                return false;
            continue;
        }
        import->is_input_error = code != SEGLOG_OK;
        if (code != SEGLOG_OK || !import_block(import) ||
            !import_commit(import, false))
            return false;
        tool_progress_update(&import->progress, input->read_bytes,
                             input->total_bytes);
    }
    if (!import->is_refused && input->len > import->at &&
        !import_line(import, input->len - import->at, false))
        return false;
    return import_commit(import, true);
}
