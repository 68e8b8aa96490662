/* SPDX-License-Identifier: MIT */
/* tools/cmd_repair.c - `seglog repair`: save what can be saved. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/tool_finding.h"
#include "tools/tool_stream.h"

#define KEY_FORCE  TOOL_KEY(1)
#define KEY_JSON   TOOL_KEY(2)
#define KEY_EXPECT TOOL_KEY(3)

struct repair {
    const char *out_path;
    bool is_forced;
    bool is_json;
    uint64_t expect;
    const char *shown;
    struct tool_progress progress;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct repair *repair = arg;

    switch (key) {
    case 'o':
        repair->out_path = value;
        return TOOL_GO_ON;
    case KEY_FORCE:
        repair->is_forced = true;
        return TOOL_GO_ON;
    case KEY_JSON:
        repair->is_json = true;
        return TOOL_GO_ON;
    default:
        return tool_number("--expect", value, 1, INT64_MAX, &repair->expect);
    }
}

static const struct tool_option OPTIONS[] = {
    { 'o', "output", true },     { KEY_FORCE, "force", false },
    { KEY_JSON, "json", false }, { KEY_EXPECT, "expect", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog repair",
    .usage = "FILE -o OUT [--force] [--json] [--expect N]",
    .help =
        "Write what can be saved of a damaged segment into a new one.\n"
        "\n"
        "FILE is only read.  OUT has the same records under the same numbers, "
        "and says\n"
        "where records are missing; it is read back and compared before it "
        "gets its name.\n"
        "The exit status is 3 if records were lost, also when OUT is as good "
        "as can be.\n"
        "FILE - is standard input.  FILE may be STORE:ID, a segment of a "
        "session store;\n"
        "moving OUT to the name that `seglog ls --json` gives as blob puts it "
        "back.\n"
        "\n"
        "  -o, --output OUT  the new segment\n"
        "      --force       replace OUT if it is there\n"
        "      --json        report as `seglog check --json` does\n"
        "      --expect N    records up to N are known to have been durable: "
        "note them as\n"
        "                    lost if the log ends before\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static void
on_finding(void *arg, const struct seglog_finding *finding)
{
    struct repair *repair = arg;

    tool_progress_clear(&repair->progress);
    if (repair->is_json)
        tool_finding_json(stdout, repair->shown, finding);
    else
        tool_finding_say(repair->shown, finding);
}

static void
on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct repair *repair = arg;

    tool_progress_update(&repair->progress, done, total);
}

static void
repair_report(const struct repair *repair, const char *out,
              const struct seglog_scan_summary *summary)
{
    if (repair->is_json) {
        const struct cmd_summary told = cmd_summary_of(summary);

        cmd_summary_json(&told, NULL);
        return;
    }
    if (tool_is_quiet)
        return;
    (void)printf(
        "%s: %" PRIu64 " %s saved, %" PRIu64 " lost", out, summary->records,
        cmd_plural(summary->records, "record", "records"), summary->lost);
    if (summary->torn_bytes > 0)
        (void)printf(", %" PRIu64 " bytes of a torn tail left out",
                     summary->torn_bytes);
    if (summary->verdict == SEGLOG_VERDICT_OK)
        (void)fputs("; nothing was damaged", stdout);
    (void)fputc('\n', stdout);
}

static enum tool_status
repair_into(struct repair *repair, const struct tool_source *source,
            struct tool_target *target)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = repair->expect,
                                                 .on_finding = on_finding,
                                                 .on_progress = on_progress,
                                                 .arg = repair };
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_OK;

    tool_progress_init(&repair->progress, repair->shown);
    /* Created somewhere inside: should a signal come before it is known, a
     * temporary file may stay, and the next --force removes it. */
    tool_target_begin_create(target);
    tool_target_end_create(target, true);
    code = seglog_repair(source->store, source->name, target->store,
                         target->name, &options, &summary, &err);
    tool_progress_clear(&repair->progress);
    /* Then the temporary file is somebody else's. */
    if (code == SEGLOG_EXISTS)
        tool_target_end_create(target, false);
    if (code == SEGLOG_OK)
        code = tool_target_commit(target, &err);
    if (code != SEGLOG_OK) {
        const bool is_new = strcmp(err.name, target->name) == 0;

        (void)tool_fail(is_new ? target->temp_path : repair->shown, &err);
        return TOOL_FAILED;
    }
    repair_report(repair, target->shown, &summary);
    return summary.lost > 0 ? TOOL_DAMAGED : TOOL_OK;
}

static enum tool_status
repair_run(struct repair *repair, const char *path)
{
    struct tool_source source;
    struct tool_target target = { 0 };
    enum tool_status status = tool_source_open(path, &source);

    if (status != TOOL_GO_ON)
        return status;
    repair->shown = source.shown;
    if (source.lane_path &&
        tool_is_same_file(source.lane_path, repair->out_path))
        status = tool_usage("FILE and OUT are the same file: repair never "
                            "works in place");
    else
        status = tool_target_open(
            repair->out_path,
            TOOL_TARGET_BINARY | (repair->is_forced ? TOOL_TARGET_REPLACE : 0),
            &target);
    if (status == TOOL_GO_ON && target.is_stream) {
        tool_say("%s: the new segment is read back, so it must be a file",
                 target.shown);
        status = TOOL_FAILED;
    }
    if (status == TOOL_GO_ON)
        status = repair_into(repair, &source, &target);
    tool_target_close(&target);
    tool_source_close(&source);
    return status;
}

int
cmd_repair(int argc, char **argv)
{
    struct repair repair = { 0 };
    char **operands = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &repair, &operands);

    if (status != TOOL_GO_ON)
        return (int)status;
    if (!repair.out_path)
        return (int)tool_usage("-o OUT is needed: repair never works in place");
    if (tool_is_same_file(operands[0], repair.out_path))
        return (int)tool_usage(
            "FILE and OUT are the same file: repair never works in place");
    return tool_end(repair_run(&repair, operands[0]));
}
