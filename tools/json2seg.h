/* SPDX-License-Identifier: MIT */
/*
 * tools/json2seg.h - the parts of json2seg.
 *
 *   input  blocks of bytes from a file, a pipe or a live program
 *   typed  lines that carry what a line cannot (SPEC.md 11)
 *   batch  records that wait for their group or their flush
 *   import lines become records
 *
 * All of them work on one buffer: a line is looked at, checked and handed to
 * the writer where it was read.
 *
 * Threads  one
 */
#ifndef JSON2SEG_H
#define JSON2SEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/json_diagnose.h"
#include "seglog/json_line.h"
#include "seglog/segment.h"
#include "tools/tool_codec.h"
#include "tools/tool_common.h"
#include "tools/tool_fault.h"

/* ---------------------------------------------------------------------------
 * Input
 */

struct json2seg_input {
    int fd;
    bool owns_fd;
    bool is_live;    /* wait for input with the signals of input_watch open */
    bool is_stopped; /* such a signal came: read what is here, then end */
    bool is_ended;
    const char *shown;
    uint8_t *buf;
    size_t len;     /* bytes in buf */
    size_t cap;     /* room in buf */
    size_t cap_max; /* buf never grows beyond it */
    uint64_t read_bytes;
    uint64_t total_bytes; /* of a regular file; 0: unknown */
    uint64_t drained;     /* read since the stop */
    uint64_t left;        /* bytes until the input counts as ended */
    /* Called before buf grows, with its new size; may be NULL. */
    void (*on_grow)(void *arg, size_t cap);
    void *arg;
};

seglog_code
json2seg_input_open(struct json2seg_input *input, const char *path,
                    size_t cap_max, struct seglog_error *err);

/* The same for an open file, read from where it stands; fd stays open. */
seglog_code
json2seg_input_open_fd(struct json2seg_input *input, int fd, const char *shown,
                       size_t cap_max, struct seglog_error *err);

/* End of input also on SIGTERM, SIGINT and SIGHUP, at a clean place. */
void
json2seg_input_watch(struct json2seg_input *input);

/* A signal of input_watch has come. */
bool
json2seg_input_is_stopping(void);

/* Forget the first count bytes; what is behind them moves to the front. */
void
json2seg_input_drop(struct json2seg_input *input, size_t count);

/*
 * Read once behind what is there; is_ended when there is nothing more.
 * NO_SPACE when buf is full at cap_max.
 */
seglog_code
json2seg_input_read(struct json2seg_input *input, struct seglog_error *err);

void
json2seg_input_close(struct json2seg_input *input);

/* ---------------------------------------------------------------------------
 * Typed lines
 */

#define JSON2SEG_TYPED_PREFIX     "{\"seglog\":"
#define JSON2SEG_TYPED_PREFIX_LEN 10

struct json2seg_typed {
    bool is_gap;
    enum seglog_kind kind;
    size_t len; /* of the record, which replaces the start of the line */
    struct seglog_finding gap;
};

bool
json2seg_typed_is(const uint8_t *line, size_t len);

/*
 * Read a typed line; the bytes of its record replace the start of the line.
 * Returns NULL, or why it is none, in words, and then the line is untouched.
 */
const char *
json2seg_typed_read(uint8_t *line, size_t len, size_t record_max,
                    struct json2seg_typed *typed);

/* ---------------------------------------------------------------------------
 * Batch
 */

struct json2seg_item {
    size_t at; /* in the input's buffer, which may move */
    size_t len;
    enum seglog_kind kind;
};

struct json2seg_batch {
    const struct json2seg_input *input;
    struct json2seg_item *items;
    size_t count;
    size_t cap;
    size_t done;       /* items that have been appended */
    size_t bytes;      /* in items */
    size_t group_max;  /* records in a group; 1: no groups */
    size_t record_max; /* bytes in a body */
    struct seglog_item *group;
    uint64_t stored; /* records that are in, for messages */

    struct seglog_writer *writer;
    struct seglog_store store;
    const char *name;
    const char *shown;
    struct seglog_writer_options options;
    bool is_live; /* --append: every commit ends with a flush */
    bool is_sync;
};

/* Opens the writer, unless batch->writer is one already. */
seglog_code
json2seg_batch_open(struct json2seg_batch *batch, struct seglog_error *err);

/* One record more, which lies at `at` in the input's buffer. */
seglog_code
json2seg_batch_add(struct json2seg_batch *batch, enum seglog_kind kind,
                   size_t at, size_t len, struct seglog_error *err);

/*
 * Append what waits.  A group that is not full stays, unless is_all is set.
 */
seglog_code
json2seg_batch_commit(struct json2seg_batch *batch, bool is_all,
                      struct seglog_error *err);

/* The first byte of the buffer that is still needed; fallback if none is. */
size_t
json2seg_batch_keeps(const struct json2seg_batch *batch, size_t fallback);

/* The buffer has lost its first count bytes. */
void
json2seg_batch_shift(struct json2seg_batch *batch, size_t count);

/* Close the writer, cleanly or not, and free everything else. */
seglog_code
json2seg_batch_close(struct json2seg_batch *batch, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Import
 */

/* What a typed line has beside the base64 of its record. */
#define JSON2SEG_TYPED_EXTRA 4096

struct json2seg_options {
    const char *input;
    const char *output;
    struct tool_codec codec;
    uint64_t group;
    bool is_sealed; /* in the end; codec.level is that of sealing */
    bool is_append;
    bool is_sync;
    bool is_typed;
    bool is_strict;
    bool is_force;
    bool is_json;
};

/*
 * For whoever imports something else than a stream; each may be NULL.
 *
 *   on_fault  a line is no JSON value: instead of a message
 *   on_bytes  a line, or a part of one, has become a record: len bytes with
 *             the line feed, if it has one, behind them.  False: stop here,
 *             as if the input ended
 */
struct json2seg_hooks {
    void (*on_fault)(void *arg, const struct seglog_json_broken *line,
                     uint64_t line_no, uint64_t line_at);
    bool (*on_bytes)(void *arg, const uint8_t *bytes, size_t len, bool has_lf);
    void *arg;
    bool is_unchecked; /* the lines need not be JSON */
};

struct json2seg_import {
    const struct json2seg_options *options;
    struct json2seg_hooks hooks;
    struct json2seg_input input;
    struct json2seg_batch batch;
    struct tool_faults faults;
    struct tool_progress progress;
    struct seglog_json_line lexer; /* of a line that comes in parts */
    size_t at;        /* where the line begins, or what is left of it */
    size_t searched;  /* no line feed before this */
    bool is_part;     /* what is at `at` goes on with a line */
    bool is_open;     /* the lexer has the start of a line, of which parts are
                      * stored: this one's, or typed parts before it */
    uint64_t line_no; /* of the line at `at` */
    uint64_t line_at; /* where that line begins in the input */
    uint64_t next_at; /* of what is at `at`, in the input */
    bool is_refused;  /* --strict has seen a fault, or a hook says stop */
    bool is_failed;   /* err has been told */
    bool is_input_error; /* err is about the input */
    struct seglog_error err;
};

/*
 * Import everything up to the end of the input, or to the first fault under
 * --strict (is_refused).  Input and batch are open.
 */
bool
json2seg_import_all(struct json2seg_import *import);

#endif /* JSON2SEG_H */
