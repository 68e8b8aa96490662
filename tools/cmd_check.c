/* SPDX-License-Identifier: MIT */
/* tools/cmd_check.c - `seglog check`: what is whole, what is lost, and why. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/tool_finding.h"
#include "tools/tool_store.h"
#include "tools/tool_stream.h"

#define KEY_JSON    TOOL_KEY(1)
#define KEY_EXPECT  TOOL_KEY(2)
#define KEY_STRICT  TOOL_KEY(3)
#define KEY_MAP     TOOL_KEY(4)

#define SNIFF_BYTES 4096u

/* Of files whose damage changes no answer. */
static const char DERIVED[] = "derived: made anew by itself";

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
        "A session store: all of its segments, debug events and names.  "
        "Damage in what is\n"
        "derived from them, the index and the notes of entries, changes no "
        "answer: it is\n"
        "reported, and counts with --strict alone.  STORE:ID is one segment of "
        "a store.\n"
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
    const struct check_role *role;
    const char *shown;
    char note[CHECK_NOTE_CAP];
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

static bool
verdict_is_damage(enum seglog_verdict verdict)
{
    return verdict != SEGLOG_VERDICT_OK && verdict != SEGLOG_VERDICT_TORN;
}

static void
summary_print(const char *shown, const struct seglog_scan_summary *summary,
              bool is_derived)
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
    if (is_derived && verdict_is_damage(summary->verdict))
        (void)printf("; %s", DERIVED);
    (void)fputc('\n', stdout);
}

static void
segment_report(struct check *check, const struct seglog_scan_summary *summary)
{
    const struct check_options *options = check->options;

    if (options->is_json) {
        struct cmd_summary told = cmd_summary_of(summary);

        told.is_derived = check->role->is_derived;
        told.note = *check->note ? check->note : NULL;
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
        summary_print(check->shown, summary, check->role->is_derived);
    (void)fflush(stdout);
    if (*check->note)
        tool_note("%s: %s", check->shown, check->note);
}

static enum tool_status
segment_status(const struct check_options *options,
               const struct check_role *role,
               const struct seglog_scan_summary *summary)
{
    if (summary->verdict == SEGLOG_VERDICT_OK)
        return TOOL_OK;
    if (!options->is_strict &&
        (role->is_derived || summary->verdict == SEGLOG_VERDICT_TORN))
        return TOOL_OK;
    return TOOL_DAMAGED;
}

/* A derived file that is no segment at all. */
static enum tool_status
derived_report(const struct check_options *options,
               const struct tool_source *source, const struct seglog_error *err)
{
    const struct cmd_summary summary = { .verdict = "CORRUPT",
                                         .note = err->message,
                                         .is_derived = true };

    if (options->is_json)
        cmd_summary_json(&summary, options->names_blob ? source->shown : NULL);
    else
        tool_say("%s: %s; %s", source->shown, err->message, DERIVED);
    return options->is_strict ? TOOL_DAMAGED : TOOL_OK;
}

/* TOOL_GO_ON: it is no segment, and err says why. */
static enum tool_status
check_segment(const struct check_options *options, struct check_role *role,
              const struct tool_source *source, struct seglog_error *err)
{
    struct check check = { .options = options,
                           .role = role,
                           .shown = source->shown };
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
    if (code == SEGLOG_FORMAT && role->is_derived) {
        role->is_damaged = true;
        status = derived_report(options, source, err);
    } else if (code == SEGLOG_FORMAT) {
        status = TOOL_GO_ON;
    } else if (code != SEGLOG_OK) {
        status = tool_fail(source->shown, err);
    } else if (check.is_out_of_memory) {
        status = tool_fail_memory();
    } else {
        check_birth(role, source->store, source->name, check.note);
        segment_report(&check, &summary);
        status = segment_status(options, role, &summary);
        role->is_damaged = verdict_is_damage(summary.verdict);
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
    uint8_t bytes[SNIFF_BYTES] = { 0 };
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

enum tool_status
check_file(const struct check_options *options, const char *path,
           struct check_role *role)
{
    struct tool_source source;
    struct seglog_error err = { 0 };
    struct sniff sniff;
    enum tool_status status = tool_source_open(path, &source);

    if (status != TOOL_GO_ON)
        return status;
    if (source.sessions)
        *role = check_role_of(source.name);
    sniff = file_sniff(&source);
    if (sniff.is_magic || !name_is_of_lines(source.name))
        status = check_segment(options, role, &source, &err);
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

bool
check_is_log(const char *path)
{
    struct tool_source source;
    bool is_segment = false;

    if (name_is_of_lines(path) || name_is_of_segment(path))
        return true;
    if (name_ends_with(path, ".tmp") || name_ends_with(path, ".lock") ||
        name_ends_with(path, "/" SEGLOG_KEYS_NAME))
        return false;
    if (tool_source_open(path, &source) != TOOL_GO_ON)
        return false;
    is_segment = file_sniff(&source).is_magic;
    tool_source_close(&source);
    return is_segment;
}

bool
check_is_to_stop(const struct check_options *options, enum tool_status status)
{
    return options->is_strict && status == TOOL_DAMAGED;
}

static bool
is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* A folder, a store under whatever name, or a file. */
static enum tool_status
check_path(const struct check_options *options, char *path)
{
    struct tool_store_path parsed;
    struct check_role role = { 0 };
    enum tool_status status = TOOL_GO_ON;

    if (is_folder(path))
        return check_folder(options, path);
    status = tool_store_parse(path, &parsed);
    if (status != TOOL_GO_ON)
        return status;
    status = parsed.place == TOOL_PLACE_STORE
                 ? check_folder(options, parsed.dir)
                 : check_file(options, path, &role);
    tool_store_path_free(&parsed);
    return status;
}

static bool
is_many(char *path)
{
    const size_t len = strlen(path);

    return is_folder(path) || (len > 0 && path[len - 1] == ':');
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
    options.names_blob = paths[1] != NULL || is_many(paths[0]);
    if (options.names_blob && options.expect != 0)
        return (int)tool_usage("--expect is about one file");
    for (; *paths && !check_is_to_stop(&options, status); paths++)
        status = cmd_status_worse(status, check_path(&options, *paths));
    return tool_end(status);
}
