/* SPDX-License-Identifier: MIT */
/* tools/cmd_tail_stream.c - `seglog tail` of a stream. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/cmd_tail.h"
#include "tools/tool_streams.h"

/* Where the last events begin.  Of a stream whose end is not known, or that is
 * not there yet: at its beginning. */
static seglog_code
tail_find(const struct tool_streams *opened, const struct tail_options *options,
          uint64_t *from, struct seglog_error *err)
{
    struct seglog_stream_info info;
    const seglog_code code =
        seglog_stream_get_info(opened->streams, opened->stream, &info, err);

    *from = 0;
    if (code == SEGLOG_NOT_FOUND && options->is_following)
        return SEGLOG_OK;
    if (code != SEGLOG_OK)
        return code;
    *from = info.begin;
    if (options->count < info.end.next_offset - info.begin)
        *from = info.end.next_offset - options->count;
    return code;
}

/* All that there is now.  END: it was written. */
static seglog_code
tail_drain(const struct tool_streams *opened, uint64_t *from,
           struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    while (code == SEGLOG_OK && !tail_is_stopping() && !ferror(stdout)) {
        uint64_t bytes = 0;

        code = tool_streams_write_events(opened, from, UINT64_MAX, &bytes, err);
        if (code == SEGLOG_NOT_FOUND && err->actual > *from) {
            tool_note("%s: events %" PRIu64 " to %" PRIu64
                      " were removed meanwhile",
                      opened->shown, *from, err->actual - 1);
            *from = err->actual;
            code = SEGLOG_OK;
        }
    }
    return code == SEGLOG_OK ? SEGLOG_END : code;
}

static seglog_code
tail_wait(const struct tool_streams *opened, uint64_t from,
          struct seglog_error *err)
{
    seglog_code code = SEGLOG_END;

    tail_set_waiting(true);
    if (!tail_is_stopping())
        code =
            seglog_stream_wait(opened->streams, opened->stream, from, -1, err);
    tail_set_waiting(false);
    return code;
}

static enum tool_status
tail_run(const struct tool_streams *opened, const struct tail_options *options)
{
    struct seglog_error err = { 0 };
    uint64_t from = 0;
    seglog_code code = tail_find(opened, options, &from, &err);

    if (options->is_following)
        tail_signals_catch();
    while (code == SEGLOG_OK) {
        code = tail_drain(opened, &from, &err);
        if (code != SEGLOG_END || !options->is_following ||
            tail_is_stopping() || fflush(stdout) != 0)
            break;
        code = tail_wait(opened, from, &err);
    }
    return code == SEGLOG_OK || code == SEGLOG_END
               ? TOOL_OK
               : tool_fail(opened->shown, &err);
}

enum tool_status
tail_stream(const char *path, const struct tail_options *options)
{
    struct tool_streams opened = { .stream = 0 };
    enum tool_status status = tool_streams_open(path, TOOL_STORE_READ, &opened);

    if (status != TOOL_GO_ON)
        return status;
    status = tail_run(&opened, options);
    return cmd_status_worse(status, tool_streams_close(&opened));
}
