/* SPDX-License-Identifier: MIT */
/* tools/cmd_rekey.c - `seglog rekey`: another key for an encrypted store. */
#include <string.h>

#include "tools/cmd.h"
#include "tools/tool_key.h"

enum {
    KEY_NEW_FILE = TOOL_KEY(1),
    KEY_NEW_FD = TOOL_KEY(2)
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct tool_key *new_key = arg;

    if (key == KEY_NEW_FILE)
        return tool_key_from_file(new_key, value);
    return tool_key_from_fd(new_key, "--new-passphrase-fd", value);
}

static const struct tool_option OPTIONS[] = {
    { KEY_NEW_FILE, "new-key-file", true },
    { KEY_NEW_FD, "new-passphrase-fd", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog rekey",
    .usage = "(--key-file FILE | --passphrase-fd N)\n"
             "       (--new-key-file FILE | --new-passphrase-fd N) DIR",
    .help =
        "Let another key or passphrase open the encrypted store in a folder.\n"
        "\n"
        "Only \"" SEGLOG_KEYS_NAME "\" is written, at once: the bytes of the "
        "logs stay as they are,\n"
        "and so does the key that they are encrypted by.  Whoever has the old "
        "key and an\n"
        "old copy of this file can still read them; against that, export the "
        "logs and\n"
        "import them into a new store.\n"
        "\n"
        "      --new-key-file FILE    32 bytes, or 64 hexadecimal digits\n"
        "      --new-passphrase-fd N  one line from descriptor N\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static enum tool_status
rekey(const char *dir, const struct tool_key *new_key)
{
    const struct seglog_store_key from = tool_key_of(&tool_key);
    const struct seglog_store_key to = tool_key_of(new_key);
    struct seglog_store store = { 0 };
    struct seglog_error err;
    seglog_code code = seglog_store_file_open(dir, false, &store, &err);

    if (code == SEGLOG_OK)
        code = seglog_encrypted_store_rekey(store, &from, &to, NULL, &err);
    seglog_store_close(&store);
    return code == SEGLOG_OK ? TOOL_OK : tool_fail(dir, &err);
}

int
cmd_rekey(int argc, char **argv)
{
    struct tool_key new_key = { .is_given = false };
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &new_key, &paths);

    if (status == TOOL_GO_ON && !tool_key.is_given)
        status = tool_usage("give the key: --key-file or --passphrase-fd");
    if (status == TOOL_GO_ON && !new_key.is_given)
        status = tool_usage("give the new key: --new-key-file or "
                            "--new-passphrase-fd");
    if (status == TOOL_GO_ON)
        status = rekey(paths[0], &new_key);
    seglog_store_key_wipe(&new_key, sizeof new_key);
    return tool_end(status);
}
