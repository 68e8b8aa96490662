/* SPDX-License-Identifier: MIT */
/* tools/cmd_seal.c - `seglog seal`: segments made small for good. */
#define _GNU_SOURCE
#include "tools/cmd_seal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/cmd.h"
#include "tools/tool_seal.h"
#include "tools/tool_stream.h"
#include "tools/tool_streams.h"

/* Blocks are made smaller where there is less. */
#define MEMORY_MIN  (UINT64_C(1) << 20)
#define MEMORY_MAX  (UINT64_C(1) << 40)
#define THREADS_MAX 64

enum {
    KEY_LEVEL = TOOL_KEY(1),
    KEY_BLOCK,
    KEY_WINDOW,
    KEY_MEMORY,
    KEY_THREADS,
    KEY_ALL,
    KEY_TRACES,
    KEY_NO_PARENT,
    KEY_SIGN,
    KEY_JSON
};

/* ---------------------------------------------------------------------------
 * Command line
 */

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct seal_run *run = arg;

    switch (key) {
    case KEY_LEVEL:
        return tool_number("--level", value, 1, SEGLOG_SEAL_LEVEL_MAX,
                           &run->level);
    case KEY_BLOCK:
    case KEY_WINDOW:
        return tool_bytes(key == KEY_BLOCK ? "--block" : "--window", value,
                          SEGLOG_SEAL_BLOCK_MIN, SEGLOG_SEAL_BLOCK_MAX,
                          &run->block);
    case KEY_MEMORY:
        return tool_bytes("--memory", value, MEMORY_MIN, MEMORY_MAX,
                          &run->memory);
    case KEY_THREADS:
        return tool_number("--threads", value, 1, THREADS_MAX, &run->threads);
    case KEY_ALL:
        run->has_all = true;
        return TOOL_GO_ON;
    case KEY_TRACES:
        run->has_traces = true;
        return TOOL_GO_ON;
    case KEY_NO_PARENT:
        run->no_parent = true;
        return TOOL_GO_ON;
    case KEY_SIGN:
        run->sign = value;
        return TOOL_GO_ON;
    default:
        run->is_json = true;
        return TOOL_GO_ON;
    }
}

static const struct tool_option OPTIONS[] = {
    { KEY_LEVEL, "level", true },
    { KEY_BLOCK, "block", true },
    { KEY_WINDOW, "window", true },
    { KEY_MEMORY, "memory", true },
    { KEY_THREADS, "threads", true },
    { KEY_ALL, "all", false },
    { KEY_TRACES, "traces", false },
    { KEY_NO_PARENT, "no-parent", false },
    { KEY_SIGN, "sign", true },
    { KEY_JSON, "json", false },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog seal",
    .usage = "[--level N] [--block SIZE] [--memory SIZE] [--threads N]\n"
             "                   [--all] [--traces] [--no-parent] [--sign KEY] "
             "[--json]\n"
             "                   PATH...",
    .help =
        "Make segments small for good: smaller than any compressor of files "
        "makes the\n"
        "lines, and readable as before, from any record on. A sealed segment "
        "never\n"
        "changes again; what is appended to its session goes to a new one. "
        "PATH is a\n"
        "segment, a session store, or STORE:ID, a segment or all segments of "
        "a session; or\n"
        "STORE:STREAM, the segments of a stream that take no more events, or a "
        "store of\n"
        "streams.\n"
        "\n"
        "  seglog seal old.seg\n"
        "        one segment, in its place\n"
        "  seglog seal logs\n"
        "        what no session of the store appends to any more\n"
        "  seglog seal --all --level 19 archive\n"
        "        every segment, as small as can be\n"
        "\n"
        "      --level N      1 (fast) to 19 (small); 9 if not given\n"
        "      --block SIZE   64K to 128M of records in a block, 8M if not "
        "given: what\n"
        "                     one damaged byte costs, and what is decoded to "
        "read one\n"
        "                     record. --window is another name for it\n"
        "      --memory SIZE  use about that much, with smaller blocks if "
        "need be\n"
        "      --threads N    compress N blocks at the same time; as many as "
        "there are\n"
        "                     processors if not given, at most 4. What comes "
        "out is the\n"
        "                     same\n"
        "      --all          of a store: also the latest segment of each "
        "session; of a\n"
        "                     stream, begin a new segment first\n"
        "      --traces       of a store: debug events too; more of them are "
        "refused\n"
        "      --no-parent    let no fork refer to what it was forked from\n"
        "      --sign KEY     of streams: sign the hash that each segment "
        "ends with, by the\n"
        "                     private Ed25519 key in that file; `seglog "
        "verify --key` checks\n"
        "                     it. Sealed ones without a signature are done "
        "anew\n"
        "      --json         one JSON object for each segment, then a "
        "summary\n"
        "\n"
        "The segment is compressed while others read and append, then checked, "
        "and only\n"
        "then replaced: whenever this ends, the old one or the new one is "
        "there, whole.\n"
        "A damaged one is left as it is (status 3) and the others go on.\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = -1,
    .on_option = on_option,
};

/* ---------------------------------------------------------------------------
 * Signals
 */

static volatile sig_atomic_t signal_seen;

/* A second one ends the program at once, which loses nothing either. */
static void
stop_on_signal(int number)
{
    signal_seen = number;
}

static void
signals_catch(void)
{
    static const int STOPS[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = stop_on_signal,
                                .sa_flags = (int)SA_RESETHAND };
    struct sigaction before;

    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof STOPS / sizeof STOPS[0]; i++)
        /* What is ignored, as under nohup, stays so. */
        if (sigaction(STOPS[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN)
            (void)sigaction(STOPS[i], &action, NULL);
}

bool
seal_is_stopped(void)
{
    return signal_seen != 0;
}

/* ---------------------------------------------------------------------------
 * Telling
 */

static void
target_json(const struct seal_target *target,
            const struct seglog_seal_result *result)
{
    struct seglog_seal_info info;
    char id[SEGLOG_UUID_TEXT_CAP];

    (void)fputs("{\"blob\":", stdout);
    tool_json_string(stdout, target->shown);
    if (target->session)
        (void)printf(",\"session\":\"%s\"",
                     seglog_uuid_format(target->session, id));
    if (target->segment)
        (void)printf(",\"segment\":\"%s\"",
                     seglog_uuid_format(target->segment, id));
    (void)printf(",\"records\":%" PRIu64 ",\"blocks\":%" PRIu64
                 ",\"text_bytes\":%" PRIu64 ",\"bytes_before\":%" PRIu64
                 ",\"bytes_after\":%" PRIu64 ",\"parent\":",
                 result->records, result->blocks, result->text_bytes,
                 result->bytes_before, result->bytes_after);
    if (seglog_segment_get_seal(target->store, target->name, &info, NULL) ==
            SEGLOG_OK &&
        info.has_parent)
        tool_json_string(stdout, info.parent);
    else
        (void)fputs("null", stdout);
    (void)fputs("}\n", stdout);
}

static void
target_text(const struct seal_target *target,
            const struct seglog_seal_result *result)
{
    char saved[TOOL_SAVED_CAP];

    (void)printf(
        "%s: %" PRIu64 " %s, %s\n", target->shown, result->records,
        cmd_plural(result->records, "record", "records"),
        tool_saved_text(result->bytes_before, result->bytes_after, saved));
}

void
seal_tell(struct seal_run *run, const struct seal_target *target,
          const struct seglog_seal_result *result, seglog_code code,
          const struct seglog_error *err)
{
    if (code == SEGLOG_SEALED) {
        run->already++;
        return;
    }
    if (code == SEGLOG_OK) {
        run->sealed++;
        run->bytes_before += result->bytes_before;
        run->bytes_after += result->bytes_after;
        if (run->is_json)
            target_json(target, result);
        else if (!tool_is_quiet)
            target_text(target, result);
        return;
    }
    if (code == SEGLOG_END) {
        tool_say("%s: stopped by a signal; it is as it was", target->shown);
        run->status = TOOL_FAILED;
        return;
    }
    run->failed++;
    run->status = cmd_status_worse(run->status, tool_fail(target->shown, err));
}

static void
summary_tell(const struct seal_run *run)
{
    char saved[TOOL_SAVED_CAP];

    if (run->is_json)
        (void)printf("{\"summary\":{\"sealed\":%" PRIu64 ",\"already\":%" PRIu64
                     ",\"left\":%" PRIu64 ",\"small\":%" PRIu64
                     ",\"failed\":%" PRIu64 ",\"bytes_before\":%" PRIu64
                     ",\"bytes_after\":%" PRIu64 "}}\n",
                     run->sealed, run->already, run->left, run->small,
                     run->failed, run->bytes_before, run->bytes_after);
    if (run->sealed > 1)
        tool_note("%" PRIu64 " segments sealed, %s", run->sealed,
                  tool_saved_text(run->bytes_before, run->bytes_after, saved));
    if (run->already > 0)
        tool_note("%" PRIu64 " %s sealed already", run->already,
                  cmd_plural(run->already, "segment was", "segments were"));
    if (run->small > 0)
        tool_note("%" PRIu64 " %s left, being smaller than sealed", run->small,
                  cmd_plural(run->small, "segment is", "segments are"));
    if (run->left > 0)
        tool_note("%" PRIu64 " %s left, because sessions may still append to "
                  "%s; --all seals %s too",
                  run->left,
                  cmd_plural(run->left, "segment is", "segments are"),
                  cmd_plural(run->left, "it", "them"),
                  cmd_plural(run->left, "it", "them"));
}

/* ---------------------------------------------------------------------------
 * Files
 */

static bool
on_progress(void *arg, uint64_t done, uint64_t total)
{
    tool_progress_update(arg, done, total);
    return !seal_is_stopped();
}

static enum tool_status
seal_file(struct seal_run *run, const char *path)
{
    struct tool_path opened;
    struct tool_progress progress;
    const struct seglog_seal_options options = {
        .size = sizeof options,
        .level = (int)run->level,
        .block_bytes = run->block,
        .memory_max = run->memory,
        .threads = (unsigned)run->threads,
        .on_progress = on_progress,
        .arg = &progress,
    };
    struct seglog_seal_result result = { 0 };
    struct seglog_error err = { 0 };
    /* What a link leads to is sealed: replacing the link would leave that as
     * it is, and make two of one. */
    char *real = realpath(path, NULL);
    const enum tool_status status =
        tool_path_open(real ? real : path, TOOL_STORE_READ, &opened);
    struct seal_target target = { .shown = path };
    seglog_code code = SEGLOG_OK;

    free(real);
    if (status != TOOL_GO_ON)
        return status;
    target.store = opened.store;
    target.name = opened.name;
    tool_progress_init(&progress, path);
    code =
        seglog_segment_seal(opened.store, opened.name, &options, &result, &err);
    tool_progress_clear(&progress);
    seal_tell(run, &target, &result, code, &err);
    tool_path_close(&opened);
    return TOOL_OK;
}

/* What is no stream. */
static enum tool_status
seal_other(struct seal_run *run, const char *path)
{
    struct tool_store_path parsed;
    enum tool_status status = tool_store_parse(path, &parsed);

    if (status != TOOL_GO_ON)
        return status;
    if (run->sign)
        status = tool_usage("%s: --sign is for streams", path);
    else if (parsed.place != TOOL_PLACE_FILE)
        status = seal_store(run, &parsed);
    else if (tool_is_file_or_missing(path))
        status = seal_file(run, path);
    else
        tool_say("%s: it is neither a segment nor a session store", path);
    tool_store_path_free(&parsed);
    return status == TOOL_GO_ON ? TOOL_FAILED : status;
}

/* A store may hold both. */
static enum tool_status
seal_path(struct seal_run *run, const char *path)
{
    enum tool_status status = TOOL_OK;

    if (tool_streams_are_meant(path))
        return seal_streams(run, path, false);
    if (!tool_streams_are_in(path))
        return seal_other(run, path);
    status = seal_streams(run, path, true);
    return run->sign || !tool_store_is_one(path)
               ? status
               : cmd_status_worse(status, seal_other(run, path));
}

int
cmd_seal(int argc, char **argv)
{
    struct seal_run run = { .status = TOOL_OK };
    char **paths = NULL;
    const enum tool_status status = tool_parse(&SPEC, argc, argv, &run, &paths);

    if (status != TOOL_GO_ON)
        return (int)status;
    signals_catch();
    for (; *paths && !seal_is_stopped(); paths++)
        run.status = cmd_status_worse(run.status, seal_path(&run, *paths));
    summary_tell(&run);
    return tool_end(run.status);
}
