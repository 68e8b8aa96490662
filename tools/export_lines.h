/* SPDX-License-Identifier: MIT */
/*
 * tools/export_lines.h - the records of a segment as lines (SPEC.md 11).
 *
 * Threads  one
 */
#ifndef EXPORT_LINES_H
#define EXPORT_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/segment.h"
#include "tools/tool_common.h"
#include "tools/tool_stream.h"

/* ---------------------------------------------------------------------------
 * A whole file
 */

struct export_options {
    const char *input;  /* NULL or "-": standard input */
    const char *output; /* NULL or "-": standard output */
    uint64_t from;
    uint64_t to;
    bool has_gaps;  /* typed lines for what a line cannot say */
    bool is_strict; /* stop at the first damage */
    bool is_json;   /* report damage as JSON objects */
};

/* Returns the exit status; everything has been said and closed. */
enum tool_status
export_file(const struct export_options *options);

/* ---------------------------------------------------------------------------
 * Event by event, for whoever reads on at the end
 */

struct export_lines {
    const struct export_options *options;
    const char *shown; /* the source, in messages */
    struct tool_output *output;
    struct tool_progress *progress; /* NULL: none */
    uint64_t total_bytes;

    uint64_t records; /* so far */
    uint64_t unconfirmed;
    bool is_damaged;
    bool is_stopped; /* by is_strict, or at the end of what was asked for */
    struct seglog_error err;

    uint8_t *tail; /* has_gaps: a TAIL record whose successor is not known */
    size_t tail_len;
    bool has_tail;
    bool owes_lf; /* a line feed comes before whatever comes next */
    bool is_part; /* the line before goes on */
};

/*
 * Write a record, or report a gap on standard error.  False: err of the lines,
 * or of the output, says why.
 */
bool
export_lines_event(struct export_lines *lines,
                   const struct seglog_event *event);

/* Nothing follows.  Frees what lines holds; does not flush the output. */
bool
export_lines_end(struct export_lines *lines);

#endif /* EXPORT_LINES_H */
