/* SPDX-License-Identifier: MIT */
/* tools/cmd_cat.c - `seglog cat`: the lines of a segment. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/export_lines.h"
#include "tools/tool_streams.h"

#define KEY_FROM TOOL_KEY(1)
#define KEY_TO   TOOL_KEY(2)
#define KEY_GAPS TOOL_KEY(3)
#define KEY_MAX  TOOL_KEY(4)

struct cat {
    struct export_options options;
    bool has_from;
    bool has_max;
    bool has_segment_option;
    uint64_t max_bytes;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct cat *cat = arg;

    switch (key) {
    case KEY_FROM:
        cat->has_from = true;
        return tool_number("--from", value, 0, INT64_MAX, &cat->options.from);
    case KEY_TO:
        cat->has_segment_option = true;
        return tool_number("--to", value, 1, INT64_MAX, &cat->options.to);
    case KEY_MAX:
        cat->has_max = true;
        return tool_number("--max-bytes", value, 0, INT64_MAX, &cat->max_bytes);
    default:
        cat->has_segment_option = true;
        cat->options.has_gaps = true;
        return TOOL_GO_ON;
    }
}

static const struct tool_option OPTIONS[] = {
    { KEY_FROM, "from", true },  { KEY_TO, "to", true },
    { KEY_GAPS, "gaps", false }, { KEY_MAX, "max-bytes", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog cat",
    .usage = "[--from N] [--to N] [--gaps] PATH\n"
             "       [--from N] [--max-bytes M] STORE:STREAM",
    .help =
        "Write the lines of a segment to standard output.  Damaged places are "
        "told on\n"
        "standard error; the good records around them are written.  - is "
        "standard input.\n"
        "PATH is a file or STORE:ID, with the first digits of an id: a segment "
        "of a store,\n"
        "or the most recent one of a session; STORE:ID/trace has its debug "
        "events.\n"
        "`seglog ls` shows the ids.\n"
        "`seg2json` does the same and can also write a file.\n"
        "\n"
        "      --from N  from record N on\n"
        "      --to N    up to record N\n"
        "      --gaps    lost records, binary records and parts of long lines "
        "as typed\n"
        "                JSON lines (SPEC.md 11)\n"
        "\n"
        "STREAM is stream.NUMBER; or NUMBER, if the store has that stream and "
        "no id that\n"
        "begins so.  Its events are written, each with a line feed behind "
        "it;\n"
        "of one that was dropped on purpose (`seglog compact`) that is told.\n"
        "\n"
        "      --from N       from offset N on, which count from 0; status 1 "
        "if "
        "it was\n"
        "                     removed (`seglog trim`)\n"
        "      --max-bytes M  as long as fewer than M bytes of events were "
        "written\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static enum tool_status
stream_write(const char *path, const struct cat *cat)
{
    struct tool_streams opened = { .stream = 0 };
    uint64_t from = cat->has_from ? cat->options.from : 0;
    struct seglog_error err;
    uint64_t bytes = 0;
    seglog_code code = SEGLOG_OK;
    enum tool_status status = tool_streams_open(path, TOOL_STORE_READ, &opened);

    if (status != TOOL_GO_ON)
        return status;
    while (code == SEGLOG_OK && bytes < cat->max_bytes && !ferror(stdout)) {
        code = tool_streams_write_events(&opened, &from, cat->max_bytes, &bytes,
                                         &err);
        if (code == SEGLOG_NOT_FOUND && !cat->has_from && err.actual > from) {
            /* It was trimmed: what is left is all of it. */
            from = err.actual;
            code = SEGLOG_OK;
        }
    }
    status = code == SEGLOG_OK || code == SEGLOG_END ? TOOL_OK
                                                     : tool_fail(path, &err);
    return cmd_status_worse(status, tool_streams_close(&opened));
}

static enum tool_status
options_check(const struct cat *cat, bool is_stream)
{
    const struct export_options *options = &cat->options;

    if (is_stream && cat->has_segment_option)
        return tool_usage("--to and --gaps are for segments");
    if (!is_stream && cat->has_max)
        return tool_usage("--max-bytes is for streams");
    if (!is_stream && options->from == 0)
        return tool_usage("--from 0: records count from 1");
    if (!is_stream && options->to < options->from)
        return tool_usage("--to %" PRIu64 " is before --from %" PRIu64,
                          options->to, options->from);
    return TOOL_GO_ON;
}

int
cmd_cat(int argc, char **argv)
{
    struct cat cat = { .options = { .from = 1, .to = UINT64_MAX },
                       .max_bytes = UINT64_MAX };
    char **operands = NULL;
    bool is_stream = false;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &cat, &operands);

    if (status != TOOL_GO_ON)
        return (int)status;
    is_stream = tool_streams_are_meant(operands[0]);
    status = options_check(&cat, is_stream);
    if (status != TOOL_GO_ON)
        return (int)status;
    cat.options.input = operands[0];
    return tool_end(is_stream ? stream_write(operands[0], &cat)
                              : export_file(&cat.options));
}
