/* SPDX-License-Identifier: MIT */
/* tools/cmd_seal_streams.c - the completed segments of streams are sealed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/cmd.h"
#include "tools/cmd_seal.h"
#include "tools/tool_seal.h"
#include "tools/tool_streams.h"

struct streams {
    struct seal_run *run;
    const struct tool_streams *opened;
    bool is_alone; /* it is named, as the stream that is meant */
    const uint8_t *key;
    struct tool_progress progress;
    enum tool_status status;
};

static bool
on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct streams *streams = arg;

    tool_progress_update(&streams->progress, done, total);
    return !seal_is_stopped();
}

static uint64_t
already(const struct seglog_stream_compacted *sealed)
{
    return sealed->segments_before - sealed->written;
}

static void
sealed_tell(const struct streams *streams, const char *shown, uint64_t stream,
            const struct seglog_stream_compacted *sealed)
{
    char saved[TOOL_SAVED_CAP];

    if (streams->run->is_json)
        printf("{\"stream\":%" PRIu64 ",\"sealed\":%" PRIu64
               ",\"already\":%" PRIu64 ",\"events\":%" PRIu64
               ",\"bytes_before\":%" PRIu64 ",\"bytes_after\":%" PRIu64 "}\n",
               stream, sealed->written, already(sealed), sealed->events,
               sealed->bytes_before, sealed->bytes_after);
    else if (!tool_is_quiet && sealed->written > 0)
        printf(
            "%s: %" PRIu64 " %s with %" PRIu64 " %s%s, %s\n", shown,
            sealed->written, cmd_plural(sealed->written, "segment", "segments"),
            sealed->events, cmd_plural(sealed->events, "event", "events"),
            streams->key ? ", signed" : "",
            tool_saved_text(sealed->bytes_before, sealed->bytes_after, saved));
}

static void
sealed_count(struct seal_run *run, const struct seglog_stream_compacted *sealed)
{
    run->sealed += sealed->written;
    run->already += already(sealed);
    run->bytes_before += sealed->bytes_before;
    run->bytes_after += sealed->bytes_after;
}

static void
failure_tell(struct streams *streams, const char *shown, seglog_code code,
             const struct seglog_error *err)
{
    struct seal_run *run = streams->run;

    if (code == SEGLOG_END) {
        tool_say("%s: stopped by a signal; what is not sealed is as it was",
                 shown);
        run->status = TOOL_FAILED;
        return;
    }
    run->failed++;
    run->status = cmd_status_worse(run->status, tool_fail(shown, err));
}

static bool
stream_seal(void *arg, uint64_t stream)
{
    struct streams *streams = arg;
    const struct seal_run *run = streams->run;
    /* Each segment where it is, with all that is in it. */
    const struct seglog_stream_compact_options options = {
        .size = sizeof options,
        .rotates = run->has_all,
        .merge_bytes = 1,
        .keeps_dropped = true,
        .level = (int)run->level,
        .block_bytes = run->block,
        .memory_max = run->memory,
        .threads = (unsigned)run->threads,
        .private_key = streams->key,
        .on_progress = on_progress,
        .arg = streams,
    };
    struct seglog_stream_compacted sealed = { 0 };
    struct seglog_error err;
    char *shown = tool_streams_name(streams->opened, stream, streams->is_alone);
    seglog_code code = SEGLOG_OK;

    if (!shown) {
        streams->status = tool_fail_memory();
        return false;
    }
    tool_progress_init(&streams->progress, shown);
    code = seglog_stream_compact(streams->opened->streams, stream, &options,
                                 &sealed, &err);
    tool_progress_clear(&streams->progress);
    sealed_count(streams->run, &sealed);
    if (code == SEGLOG_OK)
        sealed_tell(streams, shown, stream, &sealed);
    else
        failure_tell(streams, shown, code, &err);
    free(shown);
    return !seal_is_stopped();
}

static enum tool_status
streams_seal(struct streams *streams)
{
    const struct tool_streams *opened = streams->opened;
    uint8_t key[SEGLOG_SIGN_KEY_BYTES];
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    streams->status = tool_key_read_sign(streams->run->sign, true, key);
    if (streams->status != TOOL_GO_ON)
        return streams->status;
    streams->key = streams->run->sign ? key : NULL;
    streams->status = TOOL_OK;
    if (streams->is_alone)
        (void)stream_seal(streams, opened->stream);
    else
        code = seglog_streams_list(opened->streams, stream_seal, streams, &err);
    seglog_store_key_wipe(key, sizeof key);
    streams->key = NULL;
    return code == SEGLOG_OK ? streams->status : tool_fail(opened->shown, &err);
}

enum tool_status
seal_streams(struct seal_run *run, const char *path, bool is_store)
{
    struct tool_streams opened = { .stream = 0 };
    struct streams streams = { .run = run,
                               .opened = &opened,
                               .is_alone = !is_store };
    enum tool_status status =
        is_store ? tool_streams_open_all(path, TOOL_STORE_WRITE, &opened)
                 : tool_streams_open(path, TOOL_STORE_WRITE, &opened);

    if (status != TOOL_GO_ON)
        return status;
    status = streams_seal(&streams);
    return cmd_status_worse(status, tool_streams_close(&opened));
}
