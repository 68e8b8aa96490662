/* SPDX-License-Identifier: MIT */
/* tools/cmd_append.c - `seglog append`: lines into a stream. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/tool_streams.h"

enum {
    KEY_EXPECT = TOOL_KEY(1)
};

struct append {
    bool has_expect;
    uint64_t expect;
    bool is_synced;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct append *append = arg;

    if (key == 's') {
        append->is_synced = true;
        return TOOL_GO_ON;
    }
    append->has_expect = true;
    return tool_number("--expect", value, 0, INT64_MAX, &append->expect);
}

static const struct tool_option OPTIONS[] = {
    { KEY_EXPECT, "expect", true },
    { 's', "sync", false },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog append",
    .usage = "[--expect N] [-s] STORE:STREAM",
    .help =
        "Append the lines of standard input to a stream, each as an event, all "
        "of them at\n"
        "once or none, and write where it ends then.  A stream that does not "
        "exist is begun,\n"
        "and a folder made.\n"
        "\n"
        "      --expect N  only if N events are there; status 4 if not\n"
        "  -s, --sync      return when they survive a power failure\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

struct lines {
    struct seglog_slice *items;
    size_t count;
    size_t cap;
};

static void
lines_free(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free((void *)lines->items[i].data);
    free(lines->items);
}

static bool
lines_add(struct lines *lines, char *text, size_t len)
{
    if (lines->count == lines->cap) {
        const size_t cap = lines->cap ? 2 * lines->cap : 64;
        struct seglog_slice *grown = realloc(lines->items, cap * sizeof *grown);

        if (!grown)
            return false;
        lines->items = grown;
        lines->cap = cap;
    }
    lines->items[lines->count++] = (struct seglog_slice){ text, len };
    return true;
}

static enum tool_status
lines_read(struct lines *lines)
{
    for (;;) {
        char *text = NULL;
        size_t cap = 0;
        const ssize_t got = getline(&text, &cap, stdin);
        size_t len = got > 0 ? (size_t)got : 0;

        if (got < 0) {
            const int sys_errno = errno;
            struct seglog_error err;

            free(text);
            if (!ferror(stdin))
                return TOOL_GO_ON;
            (void)tool_error_errno(&err, sys_errno, "(standard input)",
                                   "it cannot be read");
            return tool_fail(NULL, &err);
        }
        len -= len > 0 && text[len - 1] == '\n';
        if (!lines_add(lines, text, len)) {
            free(text);
            return tool_fail_memory();
        }
    }
}

/* The head goes with the offset that is expected. */
static enum tool_status
lines_append(const struct append *append, const struct tool_streams *opened,
             const struct lines *lines)
{
    struct seglog_stream_end end = { .next_offset = SEGLOG_OFFSET_ANY };
    struct seglog_chain_hash head = { .len = 0 };
    struct seglog_kept_head kept = { .is_signed = false };
    struct seglog_error err;
    char text[SEGLOG_KEPT_HEAD_CAP];
    seglog_code code = SEGLOG_OK;

    if (append->has_expect) {
        code = seglog_stream_latest_chain_hash(opened->streams, opened->stream,
                                               &end, &err);
        head = end.hash;
        end.next_offset = append->expect;
    }
    if (code == SEGLOG_OK)
        code = seglog_stream_append_batch(
            opened->streams, opened->stream, lines->items, lines->count,
            end.next_offset, &head, append->is_synced, &kept.end, &err);
    if (code == SEGLOG_CORRUPT)
        tool_note("%s: `seglog mend` makes it take events again",
                  opened->shown);
    if (code != SEGLOG_OK)
        return tool_fail(opened->shown, &err);
    seglog_kept_head_format(&kept, text);
    (void)puts(text);
    return TOOL_OK;
}

int
cmd_append(int argc, char **argv)
{
    struct append append = { .is_synced = false };
    struct tool_streams opened = { .stream = 0 };
    struct lines lines = { .count = 0 };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &append, &paths);

    if (status == TOOL_GO_ON)
        status = tool_streams_open(paths[0], TOOL_STORE_CREATE, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = tool_streams_refuse_log(
        &opened, "`seglog events append` and `seglog kv put` write to that");
    if (status == TOOL_GO_ON)
        status = lines_read(&lines);
    if (status == TOOL_GO_ON)
        status = lines_append(&append, &opened, &lines);
    lines_free(&lines);
    return tool_end(cmd_status_worse(status, tool_streams_close(&opened)));
}
