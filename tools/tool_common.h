/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_common.h - what every seglog program does the same way.
 *
 * Options, exit status, messages, versions, progress and JSON text.  A program
 * calls tool_init first, parses with tool_parse, says what went wrong through
 * tool_fail and its kin, and ends with `return tool_end(status)`.
 *
 * Messages go to standard error as one line, "seglog: FILE: WHAT", and hold no
 * control characters, whatever a file is called.
 *
 * Threads  one
 */
#ifndef TOOL_COMMON_H
#define TOOL_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "seglog/error.h"

/* Exit status, the same in every program. */
enum tool_status {
    TOOL_GO_ON = -1,  /* not an exit status: nothing to stop for */
    TOOL_OK = 0,      /* fine */
    TOOL_FAILED = 1,  /* I/O, not a segment, and whatever has no own number */
    TOOL_USAGE = 2,   /* wrong command line */
    TOOL_DAMAGED = 3, /* damage or bad lines found; what could be was done */
    TOOL_CONFLICT = 4 /* the expected position or head did not match; sealed,
                         paused */
};

/* ---------------------------------------------------------------------------
 * Options
 */

/* One option of a program.  A list of them ends with a zeroed one. */
struct tool_option {
    int key;          /* handed to on_option; an ASCII letter: also short */
    const char *name; /* "output" for --output; NULL: short only */
    bool has_value;
};

/* Keys of options without a letter. */
#define TOOL_KEY(n) (0x1000 + (n))

struct tool_spec {
    const char *name;  /* "json2seg", "seglog check" */
    const char *usage; /* "[-o OUT] [FILE]": behind the name; may have lines */
    const char *help;  /* the rest of --help; ends with a line feed */
    const struct tool_option *options;
    int operand_min;
    int operand_max; /* negative: any number */
    /* Returns TOOL_GO_ON, or tool_usage(...) when value is wrong. */
    enum tool_status (*on_option)(void *arg, int key, const char *value);
};

/*
 * Parse a command line.  --help, -h, --version, --quiet and -q are known
 * everywhere and handled here.
 *
 *   operands  set to the first operand in argv; the list ends with NULL
 * Returns TOOL_GO_ON, or the status to exit with.
 */
enum tool_status
tool_parse(const struct tool_spec *spec, int argc, char **argv, void *arg,
           char ***operands);

/* Say what is wrong with the command line.  Returns TOOL_USAGE. */
enum tool_status
tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A decimal number from min to max, or tool_usage naming the option. */
enum tool_status
tool_number(const char *option, const char *text, uint64_t min, uint64_t max,
            uint64_t *value);

/* Set by --quiet: no progress and no notes; errors and findings remain. */
extern bool tool_is_quiet;

/* ---------------------------------------------------------------------------
 * Life of a program
 */

/* Once, first: a closed pipe becomes an error instead of a signal. */
void
tool_init(void);

/*
 * Flush standard output and give the exit status.  A reader that has gone
 * away is no failure: a filter ends quietly.
 */
int
tool_end(enum tool_status status);

/* ---------------------------------------------------------------------------
 * Messages
 */

/* "seglog: " and the text, one line.  Always shown. */
void
tool_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, but not under --quiet. */
void
tool_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The status that stands for a code. */
enum tool_status
tool_status_of(seglog_code code);

/*
 * Say what went wrong, naming `shown` (the path as the user wrote it; NULL:
 * the name in err).  A closed pipe is not worth a word.
 * Returns tool_status_of(err->code).
 */
enum tool_status
tool_fail(const char *shown, const struct seglog_error *err);

/*
 * Fill err (may be NULL) for a failed system call and return the code that
 * stands for sys_errno.  The text of sys_errno is added to what.
 */
seglog_code
tool_error_errno(struct seglog_error *err, int sys_errno, const char *shown,
                 const char *what);

/* The same without a system call. */
seglog_code
tool_error_set(struct seglog_error *err, seglog_code code, const char *shown,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True when err says that the other end of a pipe is gone. */
bool
tool_is_pipe_closed(const struct seglog_error *err);

/* Out of memory: says so, returns TOOL_FAILED. */
enum tool_status
tool_fail_memory(void);

/* ---------------------------------------------------------------------------
 * JSON text
 */

/*
 * Write text as a JSON string with its quotes.  Bytes that are not UTF-8
 * become U+FFFD, so that the output is JSON whatever a file is called.
 */
void
tool_json_string(FILE *file, const char *text);

/* ---------------------------------------------------------------------------
 * Progress
 */

struct tool_progress {
    const char *what;   /* "scanning app.seg" */
    int64_t started_ms; /* 0: progress is not shown at all */
    int64_t shown_ms;   /* when the line was last drawn */
    bool is_drawn;
};

/* Shown only when standard error is a terminal, and without --quiet. */
void
tool_progress_init(struct tool_progress *progress, const char *what);

/* Cheap enough to be called often: draws at most five times a second, and
 * not in the first second.  total 0: unknown. */
void
tool_progress_update(struct tool_progress *progress, uint64_t done,
                     uint64_t total);

/* Take the line off the terminal, before anything else is printed. */
void
tool_progress_clear(struct tool_progress *progress);

/* "12.3 MiB" or "812 bytes".  buf holds at least 32 bytes; returns buf. */
const char *
tool_size_text(uint64_t bytes, char *buf, size_t cap);

#endif /* TOOL_COMMON_H */
