/* SPDX-License-Identifier: MIT */
/* tools/cmd_events_append.c - `seglog events append`: lines become events. */
#define _POSIX_C_SOURCE 200809L /* read, open */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/cmd_events.h"
#include "tools/tool_stream.h"

/* Read at once; the lines that are whole by then are a transaction. */
#define READ_BYTES (size_t)(256 << 10)

enum {
    KEY_JSON = TOOL_KEY(1)
};

struct append {
    struct tool_canonical_view view;
    bool is_json;
    struct tool_canonical opened;
    struct seglog_write_batch *batch;
    const char *shown; /* of the input */
    int fd;
    char *data;
    size_t len;
    size_t cap;
    uint64_t lines; /* that are events */
    uint64_t first;
    uint64_t last;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct append *append = arg;

    if (!tool_canonical_on_option(&append->view, key, value))
        append->is_json = true;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { KEY_JSON, "json", false },
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog events append",
    .usage = "[--json] PATH [FILE]",
    .help =
        "Append the lines of FILE, or of standard input, as events, and write "
        "their ids.\n"
        "They are committed as they come, many at once, and survive a power "
        "failure when the\n"
        "command has ended.  What was appended before a failure stays; the "
        "message says at\n"
        "which line it was.  A store that does not exist is begun, and a "
        "folder made.  Status\n"
        "4 if the store is sealed, or writing is paused.\n"
        "\n"
        "      --json       as an object: events, first, "
        "last\n" TOOL_CANONICAL_HELP,
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 2,
    .on_option = on_option,
};

static enum tool_status
input_fail(const struct append *append, const char *what)
{
    const int sys_errno = errno;
    struct seglog_error err;

    (void)tool_error_errno(&err, sys_errno, append->shown, what);
    return tool_fail(append->shown, &err);
}

static enum tool_status
input_open(struct append *append, const char *path)
{
    append->shown = TOOL_STDIN_NAME;
    append->fd = STDIN_FILENO;
    if (!path || strcmp(path, "-") == 0)
        return TOOL_GO_ON;
    append->shown = path;
    append->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return append->fd >= 0 ? TOOL_GO_ON
                           : input_fail(append, "it cannot be opened");
}

/* TOOL_OK: it has ended. */
static enum tool_status
input_read(struct append *append)
{
    ssize_t got = 0;

    if (append->cap - append->len < READ_BYTES) {
        const size_t cap = 2 * append->cap + READ_BYTES;
        char *grown = realloc(append->data, cap);

        if (!grown)
            return tool_fail_memory();
        append->data = grown;
        append->cap = cap;
    }
    do
        got = read(append->fd, append->data + append->len, READ_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return input_fail(append, "it cannot be read");
    append->len += (size_t)got;
    return got == 0 ? TOOL_OK : TOOL_GO_ON;
}

static enum tool_status
line_fail(const struct append *append, uint64_t added,
          const struct seglog_error *err)
{
    const uint64_t line = append->lines + added + 1;

    if (err->code == SEGLOG_TOO_LARGE)
        tool_say("%s: line %" PRIu64 " is no event: it is too long",
                 append->shown, line);
    else
        tool_note("%s: nothing was appended from line %" PRIu64 " on",
                  append->shown, line);
    return tool_canonical_fail(&append->opened, err);
}

static enum tool_status
batch_commit(struct append *append, uint64_t added)
{
    struct seglog_commit_info info;
    struct seglog_error err;

    if (added == 0)
        return TOOL_GO_ON;
    if (seglog_write_batch_commit(append->batch, false, &info, &err) !=
        SEGLOG_OK)
        return line_fail(append, 0, &err);
    if (append->lines == 0)
        append->first = info.first_event;
    append->last = info.last_event;
    append->lines += info.events;
    seglog_write_batch_clear(append->batch);
    return TOOL_GO_ON;
}

/* Those that are whole, or at the end of the input all that there is. */
static enum tool_status
lines_commit(struct append *append, bool is_end)
{
    const char *at = append->data;
    const char *end = append->data + append->len;
    struct seglog_error err = { .code = SEGLOG_OK };
    enum tool_status status = TOOL_GO_ON;
    uint64_t added = 0;
    seglog_code code = SEGLOG_OK;

    while (at < end && code == SEGLOG_OK) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const size_t len = (size_t)((feed ? feed : end) - at);

        if (!feed && !is_end)
            break;
        code = seglog_write_batch_append_event(
            append->batch, (struct seglog_slice){ at, len }, &err);
        if (code != SEGLOG_OK)
            break;
        added++;
        at = feed ? feed + 1 : end;
    }
    /* What stands in front of a line that cannot be one is appended. */
    status = batch_commit(append, added);
    if (status == TOOL_GO_ON && code != SEGLOG_OK)
        status = line_fail(append, 0, &err);
    append->len = (size_t)(end - at);
    if (append->len > 0)
        memmove(append->data, at, append->len);
    return status;
}

static enum tool_status
append_run(struct append *append)
{
    struct seglog_error err;
    enum tool_status status = TOOL_GO_ON;
    bool is_end = false;

    if (seglog_write_batch_new(append->opened.canonical, &append->batch,
                               &err) != SEGLOG_OK)
        return tool_canonical_fail(&append->opened, &err);
    while (status == TOOL_GO_ON && !is_end) {
        status = input_read(append);
        is_end = status == TOOL_OK;
        if (is_end)
            status = TOOL_GO_ON;
        if (status == TOOL_GO_ON)
            status = lines_commit(append, is_end);
    }
    if (append->lines > 0 &&
        seglog_canonical_sync(append->opened.canonical, &err) != SEGLOG_OK)
        return tool_canonical_fail(&append->opened, &err);
    return status;
}

static void
append_tell(const struct append *append)
{
    if (append->is_json && append->lines > 0)
        (void)printf("{\"events\":%" PRIu64 ",\"first\":%" PRIu64
                     ",\"last\":%" PRIu64 "}\n",
                     append->lines, append->first, append->last);
    else if (append->is_json)
        (void)puts("{\"events\":0,\"first\":null,\"last\":null}");
    else if (append->lines == 0)
        tool_note("%s: no lines, no events", append->shown);
    else
        (void)printf("%" PRIu64 " %" PRIu64 "\n", append->first, append->last);
}

int
events_append(int argc, char **argv)
{
    struct append append = { .fd = -1 };
    char **words = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &append, &words);

    if (status == TOOL_GO_ON)
        status = input_open(&append, words[1]);
    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0], TOOL_CANONICAL_CREATE,
                                     &append.view, &append.opened);
    if (status == TOOL_GO_ON) {
        status = append_run(&append);
        if (status == TOOL_GO_ON || append.lines > 0)
            append_tell(&append);
        if (status == TOOL_GO_ON)
            status = TOOL_OK;
        seglog_write_batch_free(append.batch);
        status = cmd_status_worse(status, tool_canonical_close(&append.opened));
    }
    free(append.data);
    if (append.fd > STDIN_FILENO)
        (void)close(append.fd);
    return tool_end(status);
}
