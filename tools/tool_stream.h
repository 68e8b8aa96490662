/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_stream.h - where programs read from and write to.
 *
 * A source is a segment to read: a file, or standard input (a pipe is first
 * copied into a temporary file without a name, because a segment is read from
 * its end as well).  A target is an output: a file that appears under its name
 * only when it is complete, or standard output.  Both are a byte store and the
 * name of a blob in it, so that readers and writers work on either.
 *
 * Threads  one
 */
#ifndef TOOL_STREAM_H
#define TOOL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "seglog/error.h"
#include "seglog/session.h"
#include "seglog/store.h"
#include "tools/tool_common.h"
#include "tools/tool_key.h"

/* Standard input in messages. */
#define TOOL_STDIN_NAME  "(standard input)"
#define TOOL_STDOUT_NAME "(standard output)"

/* ---------------------------------------------------------------------------
 * A path: the store of its folder, and its last part
 */

struct tool_path {
    struct seglog_store store;
    char *name;
    const char *shown; /* as given; borrowed */
};

/* "FILE" is blob "FILE" of the file store "."; the file may be missing.
 * Returns TOOL_GO_ON, or the status after saying what is wrong. */
enum tool_status
tool_path_open(const char *path, enum tool_store_use use,
               struct tool_path *opened);

/* Accepts a zeroed struct; zeroes it. */
void
tool_path_close(struct tool_path *path);

/* ---------------------------------------------------------------------------
 * Source
 */

struct tool_source {
    struct seglog_store store;
    const char *name;  /* the blob to read */
    const char *shown; /* for messages */
    struct tool_path path;
    struct seglog_session_store *sessions; /* of STORE:ID; else NULL */
    char *lane_path;                       /* of its file; else NULL */
};

/*
 * Open a segment for reading.  path NULL or "-": standard input.  STORE:ID is
 * one too (tools/tool_store.h).
 * Returns TOOL_GO_ON, or the status after saying what is wrong.  That a
 * segment is missing or none at all is left to whoever reads it.
 */
enum tool_status
tool_source_open(const char *path, struct tool_source *source);

/* Accepts a zeroed struct. */
void
tool_source_close(struct tool_source *source);

/*
 * A store with one blob, whatever it is called, over an open file descriptor:
 * a regular file to be read, or anything to be appended to.  It can neither
 * cut nor lock, and a pipe is "synced" as soon as it is written.
 *
 *   owns_fd  closing the store closes fd
 *   shown    for messages; borrowed
 */
seglog_code
tool_fd_store_open(int fd, bool owns_fd, bool is_output, const char *shown,
                   struct seglog_store *store, struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Target
 */

struct tool_target {
    struct seglog_store store;
    const char *name;  /* the blob to create and write */
    const char *shown; /* for messages: the name as given */
    bool is_stream;    /* a pipe or device: nothing to commit or discard */
    struct tool_path path;
    char *temp_name;    /* NAME.tmp in path.store */
    char *temp_path;    /* the same as a path */
    char *sealing_path; /* what sealing it makes beside it */
    char *lock_path;
    unsigned flags;
    bool is_created; /* the temporary file is ours */
};

enum tool_target_flags {
    TOOL_TARGET_REPLACE = 1, /* what has this name now may be replaced */
    TOOL_TARGET_BINARY = 2   /* not for a terminal's eyes */
};

/*
 * Choose where output goes.  path NULL or "-": standard output.  A device or
 * a pipe is written as it is.  Nothing is created yet: whoever writes creates
 * target->name, exclusively.
 *
 *   flags  enum tool_target_flags
 * Returns TOOL_GO_ON, or TOOL_FAILED after saying what is in the way.
 */
enum tool_status
tool_target_open(const char *path, unsigned flags, struct tool_target *target);

/* False for a folder, a device or a pipe. */
bool
tool_is_file_or_missing(const char *path);

/* True when both paths lead to the same existing file; NULL and "-" are
 * standard input and standard output. */
bool
tool_is_same_file(const char *input, const char *output);

/*
 * Around the creation of target->name, so that a signal neither leaves the
 * temporary file behind nor removes somebody else's.
 */
void
tool_target_begin_create(struct tool_target *target);
void
tool_target_end_create(struct tool_target *target, bool is_created);

/* The blob is complete, synced and closed: give it its name. */
seglog_code
tool_target_commit(struct tool_target *target, struct seglog_error *err);

/* Remove what was written, if it has no name yet; free everything. */
void
tool_target_close(struct tool_target *target);

/* ---------------------------------------------------------------------------
 * Buffered text into a target
 */

struct tool_output {
    struct tool_target *target;
    struct seglog_blob blob;
    uint8_t *buf;
    size_t len;
    struct seglog_error err; /* set when a call returns false */
};

#define TOOL_OUTPUT_BYTES ((size_t)256 * 1024)

bool
tool_output_open(struct tool_output *output, struct tool_target *target);

/* Bytes, in as few writes as possible. */
bool
tool_output_write(struct tool_output *output, const void *data, size_t len);

/* The same, quicker for a few bytes. */
static inline bool
tool_output_put(struct tool_output *output, const void *data, size_t len)
{
    if (len > TOOL_OUTPUT_BYTES - output->len)
        return tool_output_write(output, data, len);
    if (len > 0)
        memcpy(output->buf + output->len, data, len);
    output->len += len;
    return true;
}

bool
tool_output_flush(struct tool_output *output);

/* Flush, sync, close and commit. */
bool
tool_output_finish(struct tool_output *output);

/* Without finish: what was written is dropped.  Accepts a zeroed struct. */
void
tool_output_close(struct tool_output *output);

#endif /* TOOL_STREAM_H */
