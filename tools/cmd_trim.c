/* SPDX-License-Identifier: MIT */
/* tools/cmd_trim.c - `seglog trim`: the first segments of a stream go. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/tool_key.h"
#include "tools/tool_streams.h"

enum {
    KEY_BEFORE = TOOL_KEY(1)
};

struct trim {
    bool has_before;
    uint64_t before;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct trim *trim = arg;

    (void)key;
    trim->has_before = true;
    return tool_number("--before", value, 0, INT64_MAX - 1, &trim->before);
}

static const struct tool_option OPTIONS[] = {
    { KEY_BEFORE, "before", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog trim",
    .usage = "--before OFFSET STORE:STREAM",
    .help =
        "Remove the first segments of a stream: those that hold nothing but "
        "events before\n"
        "an offset.  The segment that grows stays.  Events that are left keep "
        "their\n"
        "offsets and the stream its heads; `seglog verify` begins where it "
        "begins now,\n"
        "with the head that is remembered there.  Others read and append "
        "meanwhile.\n"
        "\n"
        "  seglog trim --before 1000000 logs:7\n"
        "        keep a million and what comes behind it\n"
        "\n"
        "      --before OFFSET  no event at this offset or behind it goes\n"
        "\n"
        "Whenever this ends, the stream is as it was or trimmed; what is left "
        "over is\n"
        "removed by the next one, or by `seglog compact`.  If the segment that "
        "would be\n"
        "the first is damaged at its beginning, nothing is removed (status "
        "3).\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static enum tool_status
trim_run(const struct trim *trim, const struct tool_streams *opened)
{
    struct seglog_stream_trimmed trimmed;
    struct seglog_error err;
    const seglog_code code = seglog_stream_trim(opened->streams, opened->stream,
                                                trim->before, &trimmed, &err);

    if (code != SEGLOG_OK)
        return tool_fail(opened->shown, &err);
    printf("%s: %" PRIu64 " %s removed, %" PRIu64
           " bytes; it begins at offset %" PRIu64 "\n",
           opened->shown, trimmed.segments,
           cmd_plural(trimmed.segments, "segment", "segments"), trimmed.bytes,
           trimmed.begin);
    return TOOL_OK;
}

int
cmd_trim(int argc, char **argv)
{
    struct trim trim = { .before = 0 };
    struct tool_streams opened = { .stream = 0 };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &trim, &paths);

    if (status == TOOL_GO_ON && !trim.has_before)
        status = tool_usage("--before OFFSET says what is to go");
    if (status == TOOL_GO_ON)
        status = tool_streams_open(paths[0], TOOL_STORE_WRITE, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = tool_streams_refuse_log(
        &opened, "`seglog events retain` lets go of its first events");
    if (status == TOOL_GO_ON)
        status = trim_run(&trim, &opened);
    return tool_end(cmd_status_worse(status, tool_streams_close(&opened)));
}
