/* SPDX-License-Identifier: MIT */
/* tools/cmd_head.c - `seglog head`: where a stream ends, to be kept. */
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/tool_key.h"
#include "tools/tool_streams.h"

enum {
    KEY_SIGN = TOOL_KEY(1)
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    const char **sign = arg;

    (void)key;
    *sign = value;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { KEY_SIGN, "sign", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog head",
    .usage = "[--sign KEY] STORE:STREAM",
    .help =
        "Write where a stream ends: its next offset and the hash that stands "
        "for all\n"
        "before it.  Kept elsewhere, `seglog verify --head` proves by it that "
        "nothing was\n"
        "cut or changed.  Status 1 if there is no event.\n"
        "\n"
        "      --sign KEY  with a signature by the Ed25519 key in this file: "
        "PEM, 32 bytes\n"
        "                  or 64 hexadecimal digits\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static seglog_code
head_ask(const struct tool_streams *opened, const uint8_t *key,
         struct seglog_kept_head *kept, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    *kept = (struct seglog_kept_head){ .is_signed = false };
    if (key)
        return seglog_stream_sign(opened->streams, opened->stream, key, kept,
                                  err);
    code = seglog_stream_latest_chain_hash(opened->streams, opened->stream,
                                           &kept->end, err);
    return code == SEGLOG_OK && kept->end.next_offset == 0
               ? tool_error_set(err, SEGLOG_NOT_FOUND, opened->shown,
                                "there is no event in this stream")
               : code;
}

static enum tool_status
head_write(const struct tool_streams *opened, const char *sign)
{
    uint8_t key[SEGLOG_SIGN_KEY_BYTES];
    struct seglog_kept_head kept;
    struct seglog_error err;
    char text[SEGLOG_KEPT_HEAD_CAP];
    const enum tool_status status = tool_key_read_sign(sign, true, key);
    seglog_code code = SEGLOG_OK;

    if (status == TOOL_GO_ON)
        code = head_ask(opened, sign ? key : NULL, &kept, &err);
    seglog_store_key_wipe(key, sizeof key);
    if (status != TOOL_GO_ON)
        return status;
    if (code != SEGLOG_OK)
        return tool_fail(opened->shown, &err);
    seglog_kept_head_format(&kept, text);
    (void)puts(text);
    return TOOL_OK;
}

int
cmd_head(int argc, char **argv)
{
    struct tool_streams opened = { .stream = 0 };
    const char *sign = NULL;
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &sign, &paths);

    if (status == TOOL_GO_ON)
        status = tool_streams_open(paths[0], TOOL_STORE_READ, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = head_write(&opened, sign);
    return tool_end(cmd_status_worse(status, tool_streams_close(&opened)));
}
