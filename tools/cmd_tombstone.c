/* SPDX-License-Identifier: MIT */
/* tools/cmd_tombstone.c - `seglog tombstone`: events whose payload may go. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/tool_key.h"
#include "tools/tool_streams.h"

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    (void)arg;
    (void)key;
    (void)value;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog tombstone",
    .usage = "STORE:STREAM OFFSET...",
    .help =
        "Mark events of a stream: the next `seglog compact` drops their bytes "
        "and keeps\n"
        "their hashes, so that the stream verifies as before.  Until then they "
        "can be\n"
        "read.  A mark is part of the chain and is not taken back; events keep "
        "their\n"
        "offsets, and the head becomes another one, which is written as "
        "`seglog head`\n"
        "writes it.  What is marked already is passed over.  Status 1 if there "
        "is no such\n"
        "event.\n"
        "\n"
        "  seglog tombstone logs:7 1044 1045\n"
        "        two events ...\n"
        "  seglog compact --all logs:7\n"
        "        ... and they are gone\n",
    .options = OPTIONS,
    .operand_min = 2,
    .operand_max = -1,
    .on_option = on_option,
};

/* Each is durable by itself: what was marked before a failure stays marked. */
static enum tool_status
event_mark(const struct tool_streams *opened, uint64_t offset)
{
    struct seglog_error err;
    const seglog_code code = seglog_stream_tombstone(
        opened->streams, opened->stream, offset, NULL, &err);

    if (code == SEGLOG_EXISTS) {
        tool_note("%s: event %" PRIu64 " is marked already", opened->shown,
                  offset);
        return TOOL_GO_ON;
    }
    return code == SEGLOG_OK ? TOOL_GO_ON : tool_fail(opened->shown, &err);
}

static enum tool_status
head_write(const struct tool_streams *opened)
{
    struct seglog_kept_head kept = { .is_signed = false };
    struct seglog_error err;
    char text[SEGLOG_KEPT_HEAD_CAP];
    const seglog_code code = seglog_stream_latest_chain_hash(
        opened->streams, opened->stream, &kept.end, &err);

    if (code != SEGLOG_OK)
        return tool_fail(opened->shown, &err);
    seglog_kept_head_format(&kept, text);
    (void)puts(text);
    return TOOL_OK;
}

int
cmd_tombstone(int argc, char **argv)
{
    struct tool_streams opened = { .stream = 0 };
    char **operands = NULL;
    uint64_t offset = 0;
    enum tool_status status = tool_parse(&SPEC, argc, argv, NULL, &operands);

    /* None is marked if one of them is no number. */
    for (char **at = operands; status == TOOL_GO_ON && *++at;)
        status = tool_number("OFFSET", *at, 0, INT64_MAX - 1, &offset);
    if (status == TOOL_GO_ON)
        status = tool_streams_open(operands[0], TOOL_STORE_WRITE, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = tool_streams_refuse_log(&opened, "its transactions stay");
    for (char **at = operands; status == TOOL_GO_ON && *++at;) {
        (void)tool_number("OFFSET", *at, 0, INT64_MAX - 1, &offset);
        status = event_mark(&opened, offset);
    }
    if (status == TOOL_GO_ON)
        status = head_write(&opened);
    return tool_end(cmd_status_worse(status, tool_streams_close(&opened)));
}
