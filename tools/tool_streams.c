/* SPDX-License-Identifier: MIT */
/* tools/tool_streams.c - STORE:STREAM: a stream of the streams in a folder. */
#define _POSIX_C_SOURCE 200809L /* access */

#include "tools/tool_streams.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool_key.h"

#define PREFIX "stream."

/* The number behind the last colon; false: there is none. */
static bool
number_take(const char *text, uint64_t *stream)
{
    const size_t prefix_len = sizeof PREFIX - 1;

    if (strncmp(text, PREFIX, prefix_len) == 0)
        text += prefix_len;
    *stream = 0;
    if (*text == '\0')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        const uint64_t digit = (uint64_t)(*text - '0');

        if (*stream > (UINT64_MAX - digit) / 10)
            return false;
        *stream = *stream * 10 + digit;
    }
    return *text == '\0';
}

bool
tool_streams_are_meant(const char *path)
{
    const char *colon = strrchr(path, ':');
    uint64_t stream = 0;

    return colon && colon != path &&
           strncmp(colon + 1, PREFIX, sizeof PREFIX - 1) == 0 &&
           number_take(colon + 1, &stream) && access(path, F_OK) != 0;
}

enum tool_status
tool_streams_open(const char *path, bool is_read_only,
                  struct tool_streams *opened)
{
    const struct seglog_stream_options options = {
        .size = sizeof options,
        .is_read_only = is_read_only,
    };
    const char *colon = strrchr(path, ':');
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    char *dir = NULL;

    *opened = (struct tool_streams){ .shown = path };
    if (!colon || colon == path || !number_take(colon + 1, &opened->stream))
        return tool_usage("%s: a stream is STORE:NUMBER", path);
    dir = malloc((size_t)(colon - path) + 1);
    if (!dir)
        return tool_fail_memory();
    memcpy(dir, path, (size_t)(colon - path));
    dir[colon - path] = '\0';
    code = tool_key_store_open(
        dir, is_read_only ? TOOL_STORE_READ : TOOL_STORE_WRITE, &opened->store,
        &err);
    free(dir);
    if (code == SEGLOG_OK)
        code = seglog_streams_open(opened->store, &options, &opened->streams,
                                   &err);
    if (code == SEGLOG_OK)
        return TOOL_GO_ON;
    seglog_store_close(&opened->store);
    return tool_fail(path, &err);
}

enum tool_status
tool_streams_close(struct tool_streams *opened)
{
    struct seglog_error err;
    const seglog_code code = seglog_streams_close(&opened->streams, &err);
    const enum tool_status status =
        code == SEGLOG_OK ? TOOL_OK : tool_fail(opened->shown, &err);

    seglog_store_close(&opened->store);
    return status;
}
