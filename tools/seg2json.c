/* SPDX-License-Identifier: MIT */
/* tools/seg2json.c - a segment in, JSON lines out. */
#include <inttypes.h>

#include "tools/export_lines.h"
#include "tools/tool_common.h"

static const char HELP[] =
    "Write the records of a segment as the lines they were made of, byte\n"
    "for byte. FILE, `-` or nothing is standard input; STORE:ID is a segment\n"
    "of a session store, by the first digits of its id.\n"
    "\n"
    "  seg2json app.seg > app.jsonl\n"
    "        get a file back\n"
    "  seg2json --from 1000 --to 1099 app.seg | jq .msg\n"
    "        look at some records\n"
    "  seg2json --gaps app.seg | json2seg --typed -o copy.seg\n"
    "        keep what a line cannot say, such as where records are lost\n"
    "\n"
    "  -o, --output OUT   write OUT, complete or not at all; `-` or nothing\n"
    "                     is standard output\n"
    "      --from N       from record N on\n"
    "      --to N         up to record N\n"
    "      --gaps         write what is no line as a typed line: binary\n"
    "                     records, parts of long lines, lost records\n"
    "      --strict       stop at the first damage\n"
    "      --json         report damage as JSON objects\n"
    "\n"
    "Damage is reported on standard error and everything else is written\n"
    "all the same; the exit status is then 3. A torn tail, the rest of a\n"
    "record whose program died while writing it, is no damage unless\n"
    "--strict is given.\n";

enum {
    KEY_OUTPUT = 'o',
    KEY_FROM = TOOL_KEY(1),
    KEY_TO,
    KEY_GAPS,
    KEY_STRICT,
    KEY_JSON
};

static enum tool_status
options_set(void *arg, int key, const char *value)
{
    struct export_options *options = arg;

    switch (key) {
    case KEY_OUTPUT:
        options->output = value;
        return TOOL_GO_ON;
    case KEY_FROM:
        return tool_number("--from", value, 1, INT64_MAX, &options->from);
    case KEY_TO:
        return tool_number("--to", value, 1, INT64_MAX, &options->to);
    case KEY_GAPS:
        options->has_gaps = true;
        return TOOL_GO_ON;
    case KEY_STRICT:
        options->is_strict = true;
        return TOOL_GO_ON;
    default:
        options->is_json = true;
        return TOOL_GO_ON;
    }
}

static enum tool_status
options_parse(struct export_options *options, int argc, char **argv)
{
    static const struct tool_option OPTIONS[] = {
        { KEY_OUTPUT, "output", true },
        { KEY_FROM, "from", true },
        { KEY_TO, "to", true },
        { KEY_GAPS, "gaps", false },
        { KEY_STRICT, "strict", false },
        { KEY_JSON, "json", false },
        { 0, NULL, false },
    };
    static const struct tool_spec SPEC = {
        .name = "seg2json",
        .usage = "[-o OUT] [--from N] [--to N] [--gaps] [--strict]\n"
                 "                [--json] [FILE]",
        .help = HELP,
        .options = OPTIONS,
        .operand_max = 1,
        .on_option = options_set,
    };
    char **operands = NULL;
    const enum tool_status status =
        tool_parse(&SPEC, argc, argv, options, &operands);

    if (status != TOOL_GO_ON)
        return status;
    options->input = operands[0];
    if (options->to < options->from)
        return tool_usage("--to %" PRIu64 " is before --from %" PRIu64,
                          options->to, options->from);
    return TOOL_GO_ON;
}

int
main(int argc, char **argv)
{
    struct export_options options = { .from = 1, .to = UINT64_MAX };
    enum tool_status status = TOOL_GO_ON;

    tool_init();
    status = options_parse(&options, argc, argv);
    if (status != TOOL_GO_ON)
        return (int)status;
    return tool_end(export_file(&options));
}
