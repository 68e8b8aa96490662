/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_check_jsonl.c - which lines of a text file are broken, and how.
 *
 * Every line passes the lexer once, in blocks.  Only a broken one is read
 * again, as far as it is not too long, to tell what happened to it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/json_diagnose.h"
#include "seglog/json_line.h"
#include "tools/cmd.h"
#include "tools/tool_fault.h"

#define BLOCK_BYTES ((size_t)256 * 1024)
/* Of a longer line only the end is looked at again. */
#define LINE_BYTES ((size_t)4 * 1024 * 1024)
#define SHOWN_MAX  100u

struct lines {
    const struct check_options *options;
    const char *shown;
    struct seglog_blob blob;
    uint64_t size;
    struct tool_progress progress;
    struct seglog_json_line lexer;
    uint64_t line_no;
    uint64_t line_at; /* where the line starts */
    uint64_t good;
    uint64_t bad;
    bool is_stopped;
    uint8_t *block;
    uint8_t *line; /* bytes of a broken line, allocated for the first */
    struct seglog_error err;
};

/* ---------------------------------------------------------------------------
 * Telling it
 */

static void
bad_line_json(const struct lines *lines, const char *cause, uint64_t line_no,
              uint64_t last_line, uint64_t first_byte, uint64_t byte_count)
{
    (void)printf("{\"verdict\":\"CORRUPT\",\"cause\":\"%s\",\"blob\":", cause);
    tool_json_string(stdout, lines->shown);
    (void)printf(",\"first_record\":%" PRIu64 ",\"last_record\":%" PRIu64
                 ",\"line\":%" PRIu64 ",\"first_byte\":%" PRIu64
                 ",\"last_byte\":%" PRId64
                 ",\"shift\":null,\"durable\":\"unknown\","
                 "\"depends_on\":null}\n",
                 line_no, last_line, line_no, first_byte,
                 (int64_t)(first_byte + byte_count) - 1);
}

static void
bad_line_say(const struct lines *lines,
             const struct seglog_json_diagnosis *diagnosis,
             enum seglog_json_fault fault, bool has_lf)
{
    char words[128];
    char rest[64] = "";

    if (lines->bad > SHOWN_MAX)
        return;
    tool_damage_words(diagnosis, fault, has_lf, words, sizeof words);
    /* Behind a glued value its place is said already. */
    if (diagnosis->rest_pos != SEGLOG_JSON_NOWHERE &&
        diagnosis->rest_pos != diagnosis->pos)
        (void)snprintf(rest, sizeof rest,
                       "; from byte %" PRIu64 " of the line on it is good",
                       diagnosis->rest_pos);
    tool_say("%s: line %" PRIu64 " (offset %" PRIu64 "): %s%s", lines->shown,
             lines->line_no, lines->line_at + diagnosis->pos, words, rest);
}

/* ---------------------------------------------------------------------------
 * Lines
 */

/* Read the line again, or the end of a very long one, and name its damage. */
static bool
line_diagnose(struct lines *lines, uint64_t line_len, bool has_lf,
              struct seglog_json_broken *broken,
              struct seglog_json_diagnosis *diagnosis)
{
    const size_t len = line_len < LINE_BYTES ? (size_t)line_len : LINE_BYTES;

    if (!lines->line)
        lines->line = malloc(LINE_BYTES);
    if (!lines->line) {
        (void)tool_error_set(&lines->err, SEGLOG_NO_MEMORY, lines->shown,
                             "no memory for a line");
        return false;
    }
    if (seglog_blob_read_at(lines->blob, lines->line_at + line_len - len,
                            lines->line, len, &lines->err) != SEGLOG_OK)
        return false;
    *broken = (struct seglog_json_broken){
        .bytes = lines->line,
        .len = len,
        .line_len = line_len,
        .nul_count = lines->lexer.nul_count,
        .has_lf = has_lf,
    };
    broken->fault = seglog_json_line_finish(&lines->lexer, &broken->fault_pos);
    seglog_json_diagnose(broken, diagnosis);
    return true;
}

static bool
line_is_bad(struct lines *lines, uint64_t line_len, bool has_lf)
{
    struct seglog_json_broken broken;
    struct seglog_json_diagnosis diagnosis;
    uint64_t count = 0;

    if (!line_diagnose(lines, line_len, has_lf, &broken, &diagnosis))
        return false;
    lines->bad++;
    tool_progress_clear(&lines->progress);
    count = diagnosis.kind == SEGLOG_JSON_NUL_RUN ? diagnosis.nul_count
                                                  : line_len - diagnosis.pos;
    if (lines->options->is_json)
        bad_line_json(lines, seglog_json_damage_name(diagnosis.kind),
                      lines->line_no, lines->line_no,
                      lines->line_at + diagnosis.pos, count);
    else
        bad_line_say(lines, &diagnosis, broken.fault, has_lf);
    lines->is_stopped = lines->options->is_strict;
    return true;
}

/* The line that ends at `end`, where an LF stands or the file ends. */
static bool
line_end(struct lines *lines, uint64_t end, bool has_lf)
{
    const bool is_good =
        seglog_json_line_finish(&lines->lexer, NULL) == SEGLOG_JSON_OK;

    if (is_good)
        lines->good++;
    else if (!line_is_bad(lines, end - lines->line_at, has_lf))
        return false;
    lines->line_no++;
    lines->line_at = end + 1;
    seglog_json_line_init(&lines->lexer, false);
    return true;
}

static bool
block_check(struct lines *lines, uint64_t at, size_t len)
{
    const uint8_t *p = lines->block;
    const uint8_t *end = p + len;

    while (p < end && !lines->is_stopped) {
        const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
        const uint8_t *stop = lf ? lf : end;

        seglog_json_line_feed(&lines->lexer, p, (size_t)(stop - p));
        if (!lf)
            break;
        if (!line_end(lines, at + (uint64_t)(lf - lines->block), true))
            return false;
        p = lf + 1;
    }
    return true;
}

static bool
lines_check_all(struct lines *lines)
{
    uint64_t at = 0;

    seglog_json_line_init(&lines->lexer, true);
    lines->line_no = 1;
    while (at < lines->size && !lines->is_stopped) {
        const uint64_t left = lines->size - at;
        const size_t len = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;

        if (seglog_blob_read_at(lines->blob, at, lines->block, len,
                                &lines->err) != SEGLOG_OK ||
            !block_check(lines, at, len))
            return false;
        at += len;
        tool_progress_update(&lines->progress, at, lines->size);
    }
    /* Behind a last LF there is no line. */
    if (!lines->is_stopped && lines->line_at < lines->size)
        return line_end(lines, lines->size, false);
    return true;
}

/* ---------------------------------------------------------------------------
 * The file
 */

/* Lines that are known to have been there. */
static void
lines_expect(struct lines *lines)
{
    const uint64_t count = lines->line_no - 1;

    if (lines->is_stopped || lines->options->expect <= count)
        return;
    lines->bad++;
    if (lines->options->is_json)
        bad_line_json(lines, "cut", count + 1, lines->options->expect,
                      lines->size, 0);
    else
        tool_say("%s: line %" PRIu64 " (offset %" PRIu64
                 "): the end is cut off; lines up to %" PRIu64 " were expected",
                 lines->shown, count + 1, lines->size, lines->options->expect);
}

static void
lines_report(const struct lines *lines)
{
    const struct check_options *options = lines->options;
    const struct cmd_summary summary = {
        .verdict = lines->bad > 0 ? "CORRUPT" : "OK",
        .records = lines->good,
        .lost = lines->bad,
        .bytes = lines->size,
        .findings = lines->bad,
        .is_closed = lines->line_at == lines->size,
        .first_record = 1,
        .next_record = lines->line_no,
    };
    char size[32];

    if (options->is_json) {
        cmd_summary_json(&summary, options->names_blob ? lines->shown : NULL);
        return;
    }
    if (lines->bad > SHOWN_MAX)
        tool_say("%s: ... and %" PRIu64 " more; --json shows all", lines->shown,
                 lines->bad - SHOWN_MAX);
    if (tool_is_quiet)
        return;
    (void)printf("%s: %s: %" PRIu64 " good %s, ", lines->shown, summary.verdict,
                 lines->good, cmd_plural(lines->good, "line", "lines"));
    if (lines->bad > 0)
        (void)printf("%" PRIu64 " bad, ", lines->bad);
    (void)printf("%s%s\n", tool_size_text(lines->size, size, sizeof size),
                 lines->is_stopped ? "; stopped at the first bad line" : "");
    (void)fflush(stdout);
}

static bool
lines_open(struct lines *lines, struct seglog_store store, const char *name)
{
    lines->block = malloc(BLOCK_BYTES);
    if (!lines->block) {
        (void)tool_error_set(&lines->err, SEGLOG_NO_MEMORY, lines->shown,
                             "no memory for a block");
        return false;
    }
    return seglog_blob_open(store, name, SEGLOG_OPEN_READ, &lines->blob,
                            &lines->err) == SEGLOG_OK &&
           seglog_blob_get_size(lines->blob, &lines->size, NULL, &lines->err) ==
               SEGLOG_OK;
}

enum tool_status
check_lines(const struct check_options *options, struct seglog_store store,
            const char *name, const char *shown)
{
    struct lines lines = { .options = options, .shown = shown };
    enum tool_status status = TOOL_OK;

    tool_progress_init(&lines.progress, shown);
    if (lines_open(&lines, store, name) && lines_check_all(&lines)) {
        tool_progress_clear(&lines.progress);
        lines_expect(&lines);
        lines_report(&lines);
        status = lines.bad > 0 ? TOOL_DAMAGED : TOOL_OK;
    } else {
        tool_progress_clear(&lines.progress);
        (void)tool_fail(shown, &lines.err);
        status = TOOL_FAILED;
    }
    (void)seglog_blob_close(&lines.blob, NULL);
    free(lines.block);
    free(lines.line);
    return status;
}
