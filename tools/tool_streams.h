/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_streams.h - STORE:STREAM: a stream of the streams in a folder.
 *
 * STREAM is its number, or "stream." and its number.
 *
 * Threads  one
 */
#ifndef TOOL_STREAMS_H
#define TOOL_STREAMS_H

#include "seglog/stream.h"
#include "tools/tool_common.h"

struct tool_streams {
    struct seglog_store store;
    struct seglog_streams streams;
    uint64_t stream;
    const char *shown; /* as it was written; borrowed */
};

/* Is it STORE:stream.NUMBER, and no file of that name?  For commands that take
 * other paths as well. */
bool
tool_streams_are_meant(const char *path);

/* Returns TOOL_GO_ON, or the status after saying what is wrong. */
enum tool_status
tool_streams_open(const char *path, bool is_read_only,
                  struct tool_streams *opened);

/* Accepts a zeroed struct; zeroes it.  A failure is said. */
enum tool_status
tool_streams_close(struct tool_streams *opened);

#endif /* TOOL_STREAMS_H */
