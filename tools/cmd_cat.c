/* SPDX-License-Identifier: MIT */
/* tools/cmd_cat.c - `seglog cat`: the lines of a segment. */
#include <inttypes.h>

#include "tools/cmd.h"
#include "tools/export_lines.h"

#define KEY_FROM TOOL_KEY(1)
#define KEY_TO   TOOL_KEY(2)
#define KEY_GAPS TOOL_KEY(3)

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct export_options *options = arg;

    switch (key) {
    case KEY_FROM:
        return tool_number("--from", value, 1, INT64_MAX, &options->from);
    case KEY_TO:
        return tool_number("--to", value, 1, INT64_MAX, &options->to);
    default:
        options->has_gaps = true;
        return TOOL_GO_ON;
    }
}

static const struct tool_option OPTIONS[] = {
    { KEY_FROM, "from", true },
    { KEY_TO, "to", true },
    { KEY_GAPS, "gaps", false },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog cat",
    .usage = "[--from N] [--to N] [--gaps] PATH",
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
        "                JSON lines (SPEC.md 11)\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

int
cmd_cat(int argc, char **argv)
{
    struct export_options options = { .from = 1, .to = UINT64_MAX };
    char **operands = NULL;
    const enum tool_status status =
        tool_parse(&SPEC, argc, argv, &options, &operands);

    if (status != TOOL_GO_ON)
        return (int)status;
    if (options.to < options.from)
        return (int)tool_usage("--to %" PRIu64 " is before --from %" PRIu64,
                               options.to, options.from);
    options.input = operands[0];
    return tool_end(export_file(&options));
}
