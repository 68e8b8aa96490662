/* SPDX-License-Identifier: MIT */
/* tools/cmd_check.c - `seglog check`: what is whole, what is lost, and why. */
#define _GNU_SOURCE
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/tool_finding.h"
#include "tools/tool_stream.h"

#define KEY_JSON    TOOL_KEY(1)
#define KEY_EXPECT  TOOL_KEY(2)
#define KEY_STRICT  TOOL_KEY(3)
#define KEY_MAP     TOOL_KEY(4)

#define SNIFF_BYTES 4096u

static const uint8_t MAGIC[8] = {
    0x89, 0x53, 0x4C, 0x47, 0x0D, 0x0A, 0x1A, 0x0A
};

static enum tool_status
map_parse(struct check_options *options, const char *value)
{
    if (strcmp(value, "auto") == 0)
        options->map = CHECK_MAP_AUTO;
    else if (strcmp(value, "always") == 0)
        options->map = CHECK_MAP_ALWAYS;
    else if (strcmp(value, "never") == 0)
        options->map = CHECK_MAP_NEVER;
    else
        return tool_usage("--map is auto, always or never, not '%s'", value);
    return TOOL_GO_ON;
}

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct check_options *options = arg;

    switch (key) {
    case KEY_JSON:
        options->is_json = true;
        return TOOL_GO_ON;
    case KEY_STRICT:
        options->is_strict = true;
        return TOOL_GO_ON;
    case KEY_MAP:
        return map_parse(options, value);
    default:
        return tool_number("--expect", value, 1, INT64_MAX, &options->expect);
    }
}

static const struct tool_option OPTIONS[] = {
    { KEY_JSON, "json", false },
    { KEY_EXPECT, "expect", true },
    { KEY_STRICT, "strict", false },
    { KEY_MAP, "map", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog check",
    .usage = "[--json] [--expect N] [--strict] [--map WHEN] PATH...",
    .help =
        "Read all of each PATH and say what is damaged and what that cost.\n"
        "\n"
        "A segment: every checksum is compared; each damaged place is a line "
        "with the\n"
        "records it cost, their lines, the bytes and the cause (SPEC.md 10).\n"
        "Text such as .jsonl: each line that is not one JSON value, and what "
        "happened to\n"
        "it: a run of zero bytes, two values glued together, a record cut "
        "short.\n"
        "A folder: all segments and all .jsonl and .ndjson files in it and in "
        "its folders;\n"
        "symbolic links are not followed.  - is standard input.\n"
        "\n"
        "A torn tail alone (a log that was being written) is not damage.  An "
        "undamaged\n"
        "segment without a closing mark may have been cut between two records: "
        "only a\n"
        "number known from elsewhere can tell; see --expect.\n"
        "\n"
        "      --json        one JSON object for each finding, then a summary "
        "of the file,\n"
        "                    which names its blob where there are several\n"
        "      --expect N    records up to N are known to have been durable: "
        "report them\n"
        "                    lost if the log ends before\n"
        "      --strict      a torn tail is damage; stop at the first damaged "
        "file\n"
        "      --map WHEN    draw where the damage is: auto (on a terminal), "
        "always, never\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = -1,
    .on_option = on_option,
};

/* ---------------------------------------------------------------------------
 * One segment
 */

struct check {
    const struct check_options *options;
    const char *shown;
    struct cmd_findings findings;
    bool is_out_of_memory;
    struct tool_progress progress;
};

static void
on_finding(void *arg, const struct seglog_finding *finding)
{
    struct check *check = arg;

    if (check->options->is_json) {
        tool_finding_json(stdout, check->shown, finding);
        return;
    }
    if (!cmd_findings_add(&check->findings, finding))
        check->is_out_of_memory = true;
}

static void
on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct check *check = arg;

    tool_progress_update(&check->progress, done, total);
}

static void
verdict_print(const char *shown, enum seglog_verdict verdict)
{
    const char *color = verdict == SEGLOG_VERDICT_OK     ? "32"
                        : verdict == SEGLOG_VERDICT_TORN ? "36"
                                                         : "31";

    if (cmd_has_color())
        (void)printf("%s: \033[1;%sm%s\033[0m: ", shown, color,
                     seglog_verdict_name(verdict));
    else
        (void)printf("%s: %s: ", shown, seglog_verdict_name(verdict));
}

static void
summary_print(const char *shown, const struct seglog_scan_summary *summary)
{
    char size[32];

    verdict_print(shown, summary->verdict);
    (void)printf("%" PRIu64 " %s, ", summary->records,
                 cmd_plural(summary->records, "good record", "good records"));
    if (summary->verdict != SEGLOG_VERDICT_OK)
        (void)printf("%" PRIu64 " lost, %" PRIu64 " %s, ", summary->lost,
                     summary->findings,
                     cmd_plural(summary->findings, "finding", "findings"));
    (void)printf("%s%s", tool_size_text(summary->bytes, size, sizeof size),
                 summary->is_closed ? ", closed" : "");
    if (summary->unconfirmed > 0)
        (void)printf("; %" PRIu64 " found alone, not proven",
                     summary->unconfirmed);
    if (summary->recorded_lost > 0)
        (void)printf("; %" PRIu64 " lost before it was written",
                     summary->recorded_lost);
    if (summary->verdict == SEGLOG_VERDICT_OK && !summary->is_closed)
        (void)fputs("; no closing mark, so a cut at the end of a record "
                    "would not show",
                    stdout);
    (void)fputc('\n', stdout);
}

static void
segment_report(struct check *check, const struct seglog_scan_summary *summary)
{
    const struct check_options *options = check->options;

    if (options->is_json) {
        const struct cmd_summary told = cmd_summary_of(summary);

        cmd_summary_json(&told, options->names_blob ? check->shown : NULL);
        return;
    }
    if (options->map == CHECK_MAP_ALWAYS ||
        (options->map == CHECK_MAP_AUTO && !tool_is_quiet &&
         isatty(STDOUT_FILENO))) {
        check_map_print(summary->bytes, &check->findings);
        (void)fflush(stdout);
    }
    for (size_t i = 0; i < check->findings.count; i++)
        tool_finding_say(check->shown, &check->findings.items[i]);
    if (!tool_is_quiet)
        summary_print(check->shown, summary);
    (void)fflush(stdout);
}

static enum tool_status
segment_status(const struct check_options *options,
               const struct seglog_scan_summary *summary)
{
    if (summary->verdict == SEGLOG_VERDICT_OK)
        return TOOL_OK;
    if (summary->verdict == SEGLOG_VERDICT_TORN && !options->is_strict)
        return TOOL_OK;
    return TOOL_DAMAGED;
}

/* TOOL_GO_ON: it is no segment, and err says why. */
static enum tool_status
check_segment(const struct check_options *options,
              const struct tool_source *source, struct seglog_error *err)
{
    struct check check = { .options = options, .shown = source->shown };
    const struct seglog_scan_options scan = { .size = sizeof scan,
                                              .expect = options->expect,
                                              .on_finding = on_finding,
                                              .on_progress = on_progress,
                                              .arg = &check };
    struct seglog_scan_summary summary;
    enum tool_status status = TOOL_OK;
    seglog_code code = SEGLOG_OK;

    tool_progress_init(&check.progress, source->shown);
    code = seglog_scan(source->store, source->name, &scan, &summary, err);
    tool_progress_clear(&check.progress);
    if (code == SEGLOG_FORMAT) {
        status = TOOL_GO_ON;
    } else if (code != SEGLOG_OK) {
        status = tool_fail(source->shown, err);
    } else if (check.is_out_of_memory) {
        status = tool_fail_memory();
    } else {
        segment_report(&check, &summary);
        status = segment_status(options, &summary);
    }
    cmd_findings_free(&check.findings);
    return status;
}

/* ---------------------------------------------------------------------------
 * Files and folders
 */

static bool
name_ends_with(const char *name, const char *end)
{
    const size_t len = strlen(name);
    const size_t end_len = strlen(end);

    return len > end_len && strcasecmp(name + len - end_len, end) == 0;
}

static bool
name_is_of_lines(const char *name)
{
    return name_ends_with(name, ".jsonl") || name_ends_with(name, ".ndjson");
}

static bool
name_is_of_segment(const char *name)
{
    return name_ends_with(name, ".seg");
}

/* What the first bytes of a file look like. */
struct sniff {
    bool is_magic;
    bool is_text; /* no bytes that text never has */
};

/* No control characters but white space and escape, and no byte that UTF-8
 * never has. */
static bool
byte_is_of_text(uint8_t byte)
{
    if (byte < 0x20)
        return (byte >= '\t' && byte <= '\r') || byte == 0x1B;
    return byte != 0xC0 && byte != 0xC1 && byte < 0xF5;
}

static struct sniff
file_sniff(const struct tool_source *source)
{
    struct seglog_blob blob = { 0 };
    struct sniff sniff = { false, false };
    uint8_t bytes[SNIFF_BYTES];
    uint64_t size = 0;
    size_t len = 0;

    /* What fails here fails again, and is reported, in the scan. */
    if (seglog_blob_open(source->store, source->name, SEGLOG_OPEN_READ, &blob,
                         NULL) == SEGLOG_OK &&
        seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK) {
        len = size < sizeof bytes ? (size_t)size : sizeof bytes;
        if (seglog_blob_read_at(blob, 0, bytes, len, NULL) != SEGLOG_OK)
            len = 0;
    }
    (void)seglog_blob_close(&blob, NULL);
    sniff.is_magic =
        len >= sizeof MAGIC && memcmp(bytes, MAGIC, sizeof MAGIC) == 0;
    sniff.is_text = len > 0;
    for (size_t i = 0; i < len; i++)
        sniff.is_text = sniff.is_text && byte_is_of_text(bytes[i]);
    return sniff;
}

static enum tool_status
check_file(const struct check_options *options, const char *path)
{
    struct tool_source source;
    struct seglog_error err = { 0 };
    struct sniff sniff;
    enum tool_status status = tool_source_open(path, &source);

    if (status != TOOL_GO_ON)
        return status;
    sniff = file_sniff(&source);
    if (sniff.is_magic || !name_is_of_lines(source.name))
        status = check_segment(options, &source, &err);
    if (status == TOOL_GO_ON) {
        if (name_is_of_lines(source.name) ||
            (sniff.is_text && !name_is_of_segment(source.name)))
            status =
                check_lines(options, source.store, source.name, source.shown);
        else
            status = tool_fail(source.shown, &err);
    }
    tool_source_close(&source);
    return status;
}

/* In a folder only what looks like a log is checked: a segment by its first
 * bytes or its name, lines by the name alone. */
static bool
is_log(const char *path)
{
    struct tool_source source;
    bool is_segment = false;

    if (name_is_of_lines(path) || name_is_of_segment(path))
        return true;
    if (name_ends_with(path, ".tmp") || name_ends_with(path, ".lock"))
        return false;
    if (tool_source_open(path, &source) != TOOL_GO_ON)
        return false;
    is_segment = file_sniff(&source).is_magic;
    tool_source_close(&source);
    return is_segment;
}

/* The worse of two: what could not be checked outweighs damage. */
static enum tool_status
status_worse(enum tool_status a, enum tool_status b)
{
    if (a == TOOL_FAILED || b == TOOL_FAILED)
        return TOOL_FAILED;
    return a > b ? a : b;
}

static bool
is_to_stop(const struct check_options *options, enum tool_status status)
{
    return options->is_strict && status == TOOL_DAMAGED;
}

static int
entry_compare(const FTSENT **left, const FTSENT **right)
{
    return strcmp((*left)->fts_name, (*right)->fts_name);
}

static enum tool_status
entry_check(const struct check_options *options, const FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_F:
        return is_log(entry->fts_path) ? check_file(options, entry->fts_path)
                                       : TOOL_GO_ON;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        tool_say("%s: %s", entry->fts_path, strerror(entry->fts_errno));
        return TOOL_FAILED;
    default:
        return TOOL_GO_ON;
    }
}

static enum tool_status
check_folder(const struct check_options *options, char *path)
{
    char *const paths[] = { path, NULL };
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW,
                         entry_compare);
    enum tool_status status = TOOL_OK;
    uint64_t count = 0;
    FTSENT *entry = NULL;

    if (!tree) {
        tool_say("%s: %s", path, strerror(errno));
        return TOOL_FAILED;
    }
    while (!is_to_stop(options, status) && (entry = fts_read(tree))) {
        const enum tool_status each = entry_check(options, entry);

        count += each != TOOL_GO_ON;
        if (each != TOOL_GO_ON)
            status = status_worse(status, each);
    }
    (void)fts_close(tree);
    if (count == 0)
        tool_note("%s: no segments and no .jsonl files in it", path);
    return status;
}

static bool
is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int
cmd_check(int argc, char **argv)
{
    struct check_options options = { .map = CHECK_MAP_AUTO };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &options, &paths);

    if (status != TOOL_GO_ON)
        return (int)status;
    status = TOOL_OK;
    options.names_blob = paths[1] != NULL || is_folder(paths[0]);
    if (options.names_blob && options.expect != 0)
        return (int)tool_usage("--expect is about one file");
    for (; *paths && !is_to_stop(&options, status); paths++)
        status = status_worse(status, is_folder(*paths)
                                          ? check_folder(&options, *paths)
                                          : check_file(&options, *paths));
    return tool_end(status);
}
