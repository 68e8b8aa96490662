/* SPDX-License-Identifier: MIT */
/* tools/cmd_verify.c - `seglog verify`: the chain of a stream, anew. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/tool_key.h"
#include "tools/tool_streams.h"

#define HEADS_MAX 16u

enum {
    KEY_HEAD = TOOL_KEY(1),
    KEY_KEY = TOOL_KEY(2),
    KEY_FROM = TOOL_KEY(3)
};

struct verify {
    const char *heads[HEADS_MAX];
    size_t head_count;
    const char *key;
    uint64_t from;
    const char *shown;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct verify *verify = arg;

    if (key == KEY_FROM)
        return tool_number("--from", value, 0, INT64_MAX, &verify->from);
    if (key == KEY_KEY) {
        verify->key = value;
        return TOOL_GO_ON;
    }
    if (verify->head_count == HEADS_MAX)
        return tool_usage("--head: at most %u of them", HEADS_MAX);
    verify->heads[verify->head_count++] = value;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { KEY_HEAD, "head", true },
    { KEY_KEY, "key", true },
    { KEY_FROM, "from", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog verify",
    .usage = "[--head HEAD]... [--key KEY] [--from N] STORE:STREAM",
    .help =
        "Compute the chain of a stream anew, and compare it with every hash "
        "that stands in\n"
        "it.  What is wrong is told on standard error, with the events that "
        "nothing vouches\n"
        "for.  Status 3 if anything is.\n"
        "\n"
        "      --head HEAD  what `seglog head` has said once, or the hash "
        "alone "
        "if the\n"
        "                   stream must end with it; may be given again\n"
        "      --key KEY    the public Ed25519 key, in a file, by which heads "
        "are signed\n"
        "      --from N     from the last checkpoint at or before event N, "
        "which is believed\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static bool
finding_say(void *arg, const struct seglog_stream_finding *finding)
{
    const struct verify *verify = arg;

    tool_streams_say(verify->shown, NULL, finding);
    return true;
}

/* The hash alone is of the end. */
static seglog_code
head_parse(const struct tool_streams *opened, const char *text,
           struct seglog_kept_head *kept, struct seglog_error *err)
{
    char whole[SEGLOG_KEPT_HEAD_CAP];
    struct seglog_stream_end end;
    seglog_code code = SEGLOG_OK;

    if (strchr(text, ' '))
        return seglog_kept_head_parse(text, kept, err);
    code = seglog_stream_latest_chain_hash(opened->streams, opened->stream,
                                           &end, err);
    if (code != SEGLOG_OK)
        return code;
    if (strlen(text) > sizeof whole - 24)
        return tool_error_set(err, SEGLOG_INVALID, opened->shown,
                              "--head: that is no hash");
    (void)snprintf(whole, sizeof whole, "%" PRIu64 " %s", end.next_offset,
                   text);
    return seglog_kept_head_parse(whole, kept, err);
}

static void
good_say(const struct tool_streams *opened,
         const struct seglog_stream_verified *result)
{
    printf("%s: OK: %" PRIu64 " %s from %" PRIu64 " on, %" PRIu64
           " %s, %" PRIu64 " %s\n",
           opened->shown, result->events,
           cmd_plural(result->events, "event", "events"), result->from_offset,
           result->checkpoints,
           cmd_plural(result->checkpoints, "checkpoint", "checkpoints"),
           result->segments,
           cmd_plural(result->segments, "segment", "segments"));
}

static enum tool_status
verify_run(struct verify *verify, const struct tool_streams *opened)
{
    struct seglog_kept_head kept[HEADS_MAX];
    uint8_t key[SEGLOG_SIGN_KEY_BYTES];
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .from_offset = verify->from,
        .kept = kept,
        .kept_count = verify->head_count,
        .public_key = verify->key ? key : NULL,
        .on_finding = finding_say,
        .arg = verify,
    };
    struct seglog_stream_verified result;
    struct seglog_error err;
    const enum tool_status status = tool_key_read_sign(verify->key, false, key);
    seglog_code code = SEGLOG_OK;

    if (status != TOOL_GO_ON)
        return status;
    for (size_t i = 0; i < verify->head_count && code == SEGLOG_OK; i++)
        code = head_parse(opened, verify->heads[i], &kept[i], &err);
    if (code == SEGLOG_OK)
        code = seglog_stream_verify(opened->streams, opened->stream, &options,
                                    &result, &err);
    if (code != SEGLOG_OK)
        return tool_fail(opened->shown, &err);
    if (!result.is_good)
        return TOOL_DAMAGED;
    good_say(opened, &result);
    return TOOL_OK;
}

int
cmd_verify(int argc, char **argv)
{
    struct verify verify = { .head_count = 0 };
    struct tool_streams opened = { .stream = 0 };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &verify, &paths);

    if (status == TOOL_GO_ON)
        status = tool_streams_open(paths[0], TOOL_STORE_READ, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    verify.shown = opened.shown;
    status = verify_run(&verify, &opened);
    return tool_end(cmd_status_worse(status, tool_streams_close(&opened)));
}
