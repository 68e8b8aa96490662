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
#include "tools/tool_key.h"

struct tool_streams {
    struct seglog_store store;
    struct seglog_streams streams;
    uint64_t stream;
    const char *shown; /* as it was written; borrowed */
};

/* Is it STORE:stream.NUMBER, and no file of that name?  Or STORE:NUMBER, of a
 * store that holds such a stream, and no session or segment whose id begins
 * so?  For commands that take other paths as well. */
bool
tool_streams_are_meant(const char *path);

/* Returns TOOL_GO_ON, or the status after saying what is wrong. */
enum tool_status
tool_streams_open(const char *path, enum tool_store_use use,
                  struct tool_streams *opened);

/* All streams of the folder STORE, of which there may be none. */
enum tool_status
tool_streams_open_store(const char *dir, enum tool_store_use use,
                        struct tool_streams *opened);

/* The same; there must be some. */
enum tool_status
tool_streams_open_all(const char *dir, enum tool_store_use use,
                      struct tool_streams *opened);

/* Does the folder hold streams?  False as well if it cannot be read. */
bool
tool_streams_are_in(const char *dir);

/* "STORE:7", or as it was written if that stream is meant.  NULL: no memory. */
char *
tool_streams_name(const struct tool_streams *opened, uint64_t stream,
                  bool is_meant);

/*
 * A piece of its events as lines on standard output; what was dropped is said.
 *
 *   from   the first one; becomes the one behind the last
 *   bytes  of events, written so far: less than max_bytes; becomes more
 * Returns as seglog_stream_read_from; END: there is nothing more
 */
seglog_code
tool_streams_write_events(const struct tool_streams *opened, uint64_t *from,
                          uint64_t max_bytes, uint64_t *bytes,
                          struct seglog_error *err);

/* What was found, on standard error.  shown: the stream; or the store, if stream
 * is not NULL. */
void
tool_streams_say(const char *shown, const uint64_t *stream,
                 const struct seglog_stream_finding *finding);

/* What changes the log of a canonical store from outside takes it apart.  Says
 * so, and what does instead; TOOL_GO_ON: it is another stream. */
enum tool_status
tool_streams_refuse_log(const struct tool_streams *opened, const char *instead);

/* Accepts a zeroed struct; zeroes it.  A failure is said. */
enum tool_status
tool_streams_close(struct tool_streams *opened);

#endif /* TOOL_STREAMS_H */
