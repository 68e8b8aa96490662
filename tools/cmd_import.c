/* SPDX-License-Identifier: MIT */
/* tools/cmd_import.c - `seglog import`: folders of lines into a store. */
#include <stdlib.h>

#include "tools/cmd.h"
#include "tools/import_run.h"

#define JOBS_MAX 256

enum {
    KEY_INTO = TOOL_KEY(1),
    KEY_ALL,
    KEY_FOLLOW,
    KEY_VERIFY,
    KEY_CODEC,
    KEY_LEVEL,
    KEY_SEAL,
    KEY_NUL = '0',
    KEY_JOBS = 'j',
    KEY_JSON = TOOL_KEY(10)
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct import_options *options = arg;

    switch (key) {
    case KEY_INTO:
        options->into = value;
        return TOOL_GO_ON;
    case KEY_ALL:
        options->has_all = true;
        return TOOL_GO_ON;
    case KEY_FOLLOW:
        options->is_following = true;
        return TOOL_GO_ON;
    case KEY_VERIFY:
        options->is_verifying = true;
        return TOOL_GO_ON;
    case KEY_CODEC:
        return tool_codec_set(&options->codec, value);
    case KEY_LEVEL:
        return tool_codec_set_level(&options->codec, value);
    case KEY_SEAL:
        options->is_sealing = true;
        return TOOL_GO_ON;
    case KEY_NUL:
        options->has_nul = true;
        return TOOL_GO_ON;
    case KEY_JSON:
        options->is_json = true;
        return TOOL_GO_ON;
    default:
        return tool_number("--jobs", value, 1, JOBS_MAX, &options->jobs);
    }
}

static const struct tool_option OPTIONS[] = {
    { KEY_INTO, "into", true },
    { KEY_ALL, "all", false },
    { KEY_FOLLOW, "follow", false },
    { KEY_VERIFY, "verify", false },
    { KEY_CODEC, "codec", true },
    { KEY_LEVEL, "level", true },
    { KEY_SEAL, "seal", false },
    { KEY_NUL, "null", false },
    { KEY_JOBS, "jobs", true },
    { KEY_JSON, "json", false },
    { 0, NULL, false },
};

static const char HELP[] =
    "Take folders of .jsonl and .ndjson files into a store, every byte of "
    "them.\n"
    "`seglog export` gives the same folders back: bytes, modes and times.\n"
    "\n"
    "  seglog import ~/logs --into archive\n"
    "        everything; and again later: only what is new since then\n"
    "  seglog import ~/logs --into archive --verify -0 > safe\n"
    "        then read all of it back, and list the files whose bytes are in\n"
    "        the store; `xargs -0 rm < safe` would be safe now\n"
    "  seglog import ~/logs --into archive --follow\n"
    "        stay, and keep the store like the folder as the folder changes\n"
    "\n"
    "      --into STORE   the store, made if it is missing; without it the\n"
    "                     one that SEGLOG_STORE names\n"
    "      --all          files of other names too, and symbolic links as\n"
    "                     links\n"
    "      --follow       until a signal comes: what is appended, rewritten,\n"
    "                     renamed and deleted is in the store within two\n"
    "                     seconds. Nothing is ever removed from the store\n"
    "      --verify       compare every file with the store, and list what is\n"
    "                     safe to delete on standard output\n"
    "      --codec NAME   how new segments are compressed: auto (the "
    "default),\n"
    "                     none, deflate or zstd; those that files go on in\n"
    "                     stay as they are\n"
    "      --level N      how hard to compress, 1 to 19; deflate to 9\n"
    "      --seal         seal the segment of each file when it is in, also "
    "of\n"
    "                     those that are not new, at --level; a file that\n"
    "                     grows later goes on in another segment\n"
    "  -0, --null         a NUL behind each of these paths, not a line feed\n"
    "  -j, --jobs N       N files at a time; as many as there are processors\n"
    "      --json         report as JSON objects on standard output\n"
    "\n"
    "A line that is not one JSON value is reported and kept all the same; the\n"
    "exit status is then 3. A last line without a line feed is kept so, and\n"
    "goes on when the file does. A file that was rewritten or cut becomes a\n"
    "new segment; what it was before stays. Nothing outside the store is ever\n"
    "changed. However it ends - a signal, a full disk, a power cut - the same\n"
    "command goes on from there.\n";

static const struct tool_spec SPEC = {
    .name = "seglog import",
    .usage = "[--into STORE] [--all] [--follow] [--verify [-0]] [-j N]\n"
             "                     [--codec NAME] [--level N] [--seal] "
             "[--json] PATH...",
    .help = HELP,
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = -1,
    .on_option = on_option,
};

int
cmd_import(int argc, char **argv)
{
    struct import_options options = { 0 };
    enum tool_status status =
        tool_parse(&SPEC, argc, argv, &options, &options.paths);

    /* What is sealed at once need not be small before. */
    if (options.is_sealing && !options.codec.is_given)
        options.codec.codec = SEGLOG_CODEC_NONE;
    else if (status == TOOL_GO_ON && !options.is_sealing)
        status = tool_codec_settle(&options.codec);
    if (status != TOOL_GO_ON)
        return (int)status;
    if (!options.into)
        options.into = getenv("SEGLOG_STORE");
    if (!options.into || options.into[0] == '\0')
        return (int)tool_usage("which store? --into STORE, or SEGLOG_STORE");
    if (options.is_following && options.is_verifying)
        return (int)tool_usage("--follow and --verify exclude each other");
    if (options.is_following && options.is_sealing)
        return (int)tool_usage("--follow and --seal exclude each other: a file "
                               "that lives is not sealed");
    if (options.has_nul && !options.is_verifying)
        return (int)tool_usage("-0 goes with --verify");
    return tool_end(import_run_all(&options));
}
