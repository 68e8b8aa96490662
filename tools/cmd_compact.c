/* SPDX-License-Identifier: MIT */
/* tools/cmd_compact.c - `seglog compact`: a stream, made small. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/tool_key.h"
#include "tools/tool_seal.h"
#include "tools/tool_streams.h"

#define THREADS_MAX 64
#define MEMORY_MIN  (UINT64_C(1) << 20)
#define MEMORY_MAX  (UINT64_C(1) << 40)

enum {
    KEY_ALL = TOOL_KEY(1),
    KEY_KEEP = TOOL_KEY(2),
    KEY_MERGE = TOOL_KEY(3),
    KEY_LEVEL = TOOL_KEY(4),
    KEY_BLOCK = TOOL_KEY(5),
    KEY_MEMORY = TOOL_KEY(6),
    KEY_THREADS = TOOL_KEY(7),
    KEY_SIGN = TOOL_KEY(8)
};

struct compact {
    bool has_all;
    bool keeps;
    size_t merge;
    uint64_t level;
    size_t block;
    size_t memory;
    uint64_t threads;
    const char *sign;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct compact *compact = arg;

    switch (key) {
    case KEY_ALL:
        compact->has_all = true;
        return TOOL_GO_ON;
    case KEY_KEEP:
        compact->keeps = true;
        return TOOL_GO_ON;
    case KEY_MERGE:
        return tool_bytes("--merge", value, 1, UINT64_C(1) << 50,
                          &compact->merge);
    case KEY_LEVEL:
        return tool_number("--level", value, 1, SEGLOG_SEAL_LEVEL_MAX,
                           &compact->level);
    case KEY_BLOCK:
        return tool_bytes("--block", value, SEGLOG_SEAL_BLOCK_MIN,
                          SEGLOG_SEAL_BLOCK_MAX, &compact->block);
    case KEY_MEMORY:
        return tool_bytes("--memory", value, MEMORY_MIN, MEMORY_MAX,
                          &compact->memory);
    case KEY_THREADS:
        return tool_number("--threads", value, 1, THREADS_MAX,
                           &compact->threads);
    default:
        compact->sign = value;
        return TOOL_GO_ON;
    }
}

static const struct tool_option OPTIONS[] = {
    { KEY_ALL, "all", false },
    { KEY_KEEP, "keep", false },
    { KEY_MERGE, "merge", true },
    { KEY_LEVEL, "level", true },
    { KEY_BLOCK, "block", true },
    { KEY_MEMORY, "memory", true },
    { KEY_THREADS, "threads", true },
    { KEY_SIGN, "sign", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog compact",
    .usage = "[--all] [--keep] [--merge SIZE] [--level N] [--block SIZE]\n"
             "                      [--memory SIZE] [--threads N] [--sign KEY] "
             "STORE:STREAM",
    .help =
        "Make the segments of a stream that take no more events small for "
        "good, merge\n"
        "small ones, and drop the bytes of events that `seglog tombstone` has "
        "marked.\n"
        "Offsets and heads stay what they are, and heads that were kept still "
        "verify.\n"
        "Others read and append meanwhile.\n"
        "\n"
        "  seglog compact logs:7\n"
        "        what needs it; the segment that grows is left alone\n"
        "  seglog compact --all --level 19 logs:7\n"
        "        all of it, as small as can be\n"
        "\n"
        "      --all          end the segment that grows, and take it as well\n"
        "      --keep         leave the bytes of marked events for later\n"
        "      --merge SIZE   merge four neighbours or more as long as they "
        "have no more\n"
        "                     bytes than this together; 128M if not given\n"
        "      --level N      1 (fast) to 19 (small); 9 if not given\n"
        "      --block SIZE   64K to 128M of events in a block, 128K if not "
        "given: what\n"
        "                     is decoded to read one of them\n"
        "      --memory SIZE  use about that much, with smaller blocks if "
        "need be\n"
        "      --threads N    compress N blocks at the same time; as many as "
        "there are\n"
        "                     processors if not given, at most 4\n"
        "      --sign KEY     sign the head at the end of each segment, by the "
        "Ed25519\n"
        "                     key in this file; those that have a signature "
        "stay\n"
        "\n"
        "What is written is read back and compared before anything is "
        "replaced: whenever\n"
        "this ends, the old segments or the new one are there, whole, and what "
        "is left\n"
        "over is removed by the next one.  A damaged segment is left as it is "
        "(status 3).\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static bool
on_progress(void *arg, uint64_t done, uint64_t total)
{
    tool_progress_update(arg, done, total);
    return true;
}

static void
result_write(const struct tool_streams *opened,
             const struct seglog_stream_compacted *result)
{
    char saved[TOOL_SAVED_CAP];

    if (result->written == 0) {
        printf("%s: nothing to do: %" PRIu64 " %s\n", opened->shown,
               result->segments_after,
               cmd_plural(result->segments_after, "segment", "segments"));
        return;
    }
    printf("%s: %" PRIu64 " %s to %" PRIu64 ", %s; %" PRIu64 " %s dropped\n",
           opened->shown, result->segments_before,
           cmd_plural(result->segments_before, "segment", "segments"),
           result->segments_after,
           tool_saved_text(result->bytes_before, result->bytes_after, saved),
           result->dropped, cmd_plural(result->dropped, "event", "events"));
}

/* A stream that does not exist is none that could be begun. */
static enum tool_status
compact_run(const struct compact *compact, const struct tool_streams *opened)
{
    uint8_t key[SEGLOG_SIGN_KEY_BYTES];
    struct tool_progress progress;
    const struct seglog_stream_compact_options options = {
        .size = sizeof options,
        .rotates = compact->has_all,
        .merge_bytes = compact->merge,
        .keeps_dropped = compact->keeps,
        .level = (int)compact->level,
        .block_bytes = compact->block,
        .memory_max = compact->memory,
        .threads = (unsigned)compact->threads,
        .private_key = compact->sign ? key : NULL,
        .on_progress = on_progress,
        .arg = &progress,
    };
    struct seglog_stream_compacted result;
    struct seglog_error err;
    const enum tool_status status =
        tool_key_read_sign(compact->sign, true, key);
    seglog_code code = SEGLOG_OK;

    if (status == TOOL_GO_ON) {
        tool_progress_init(&progress, opened->shown);
        code = seglog_stream_compact(opened->streams, opened->stream, &options,
                                     &result, &err);
        tool_progress_clear(&progress);
    }
    seglog_store_key_wipe(key, sizeof key);
    if (status != TOOL_GO_ON)
        return status;
    if (code != SEGLOG_OK)
        return tool_fail(opened->shown, &err);
    result_write(opened, &result);
    return TOOL_OK;
}

int
cmd_compact(int argc, char **argv)
{
    struct compact compact = { .level = 0 };
    struct tool_streams opened = { .stream = 0 };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &compact, &paths);

    if (status == TOOL_GO_ON)
        status = tool_streams_open(paths[0], TOOL_STORE_WRITE, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = compact_run(&compact, &opened);
    return tool_end(cmd_status_worse(status, tool_streams_close(&opened)));
}
