/* SPDX-License-Identifier: MIT */
/* tools/cmd_kv.c - `seglog kv`: the state of a canonical store. */
#define _POSIX_C_SOURCE 200809L /* isatty */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/tool_canonical.h"

enum {
    KEY_FROM = TOOL_KEY(1),
    KEY_TO = TOOL_KEY(2),
    KEY_PREFIX = TOOL_KEY(3),
    KEY_KEYS = TOOL_KEY(4),
    KEY_JSON = TOOL_KEY(5)
};

struct kv {
    struct tool_canonical_view view;
    bool is_json;
    bool is_escaped;
    bool has_keys_alone;
    const char *from;
    const char *to;
    const char *prefix;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct kv *kv = arg;

    if (tool_canonical_on_option(&kv->view, key, value))
        return TOOL_GO_ON;
    if (key == KEY_FROM)
        kv->from = value;
    else if (key == KEY_TO)
        kv->to = value;
    else if (key == KEY_PREFIX)
        kv->prefix = value;
    else if (key == KEY_KEYS)
        kv->has_keys_alone = true;
    else if (key == 'x')
        kv->is_escaped = true;
    else
        kv->is_json = true;
    return TOOL_GO_ON;
}

#define ESCAPED_HELP                                                           \
    "  -x, --escaped    \\\\ \\n \\r \\t and \\xHH in keys and values of the " \
    "command line are\n"                                                       \
    "                   the bytes that they stand for\n"

/* A word of the command line as bytes; what for messages. */
static enum tool_status
word_take(const struct kv *kv, const char *what, char *word,
          struct seglog_slice *bytes)
{
    size_t len = strlen(word);
    enum tool_status status = TOOL_GO_ON;

    if (kv->is_escaped)
        status = tool_canonical_unescape(what, word, &len);
    *bytes = (struct seglog_slice){ word, len };
    return status;
}

/* -- get ------------------------------------------------------------------- */

static const struct tool_option GET_OPTIONS[] = {
    { 'x', "escaped", false },
    { KEY_JSON, "json", false },
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_spec GET = {
    .name = "seglog kv get",
    .usage = "[-x] [--json] PATH KEY",
    .help =
        "Write the value of a key, as it is: no line feed is added, but on a "
        "terminal.\n"
        "Status 1 if there is no such key.\n"
        "\n" ESCAPED_HELP
        "      --json       as an object: key and value, with key_base64 and "
        "value_base64 of\n"
        "                   what is no UTF-8\n" TOOL_CANONICAL_HELP,
    .options = GET_OPTIONS,
    .operand_min = 2,
    .operand_max = 2,
    .on_option = on_option,
};

static void
pair_put_json(struct seglog_slice key, const struct seglog_slice *value)
{
    (void)fputc('{', stdout);
    tool_canonical_put_json("key", key.data, key.len);
    if (value) {
        (void)fputc(',', stdout);
        tool_canonical_put_json("value", value->data, value->len);
    }
    (void)fputs("}\n", stdout);
}

static enum tool_status
value_get(const struct kv *kv, const struct tool_canonical *opened,
          struct seglog_slice key)
{
    struct seglog_read_txn *txn = NULL;
    struct seglog_slice value;
    struct seglog_error err;
    enum tool_status status = TOOL_OK;
    seglog_code code = seglog_read_txn_begin(opened->canonical, &txn, &err);

    if (code == SEGLOG_OK)
        code = seglog_read_txn_get(txn, key, &value, &err);
    if (code == SEGLOG_NOT_FOUND) {
        tool_say("%s: there is no such key", opened->shown);
        status = TOOL_FAILED;
    } else if (code != SEGLOG_OK) {
        status = tool_canonical_fail(opened, &err);
    } else if (kv->is_json) {
        pair_put_json(key, &value);
    } else {
        (void)fwrite(value.data, 1, value.len, stdout);
        if (isatty(STDOUT_FILENO))
            (void)fputc('\n', stdout);
    }
    seglog_read_txn_end(txn);
    return status;
}

static int
kv_get(int argc, char **argv)
{
    struct kv kv = { .is_json = false };
    struct tool_canonical opened = { 0 };
    struct seglog_slice key;
    char **words = NULL;
    enum tool_status status = tool_parse(&GET, argc, argv, &kv, &words);

    if (status == TOOL_GO_ON)
        status = word_take(&kv, "KEY", words[1], &key);
    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0], TOOL_CANONICAL_READ, &kv.view,
                                     &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = value_get(&kv, &opened, key);
    return tool_end(cmd_status_worse(status, tool_canonical_close(&opened)));
}

/* -- put and del ----------------------------------------------------------- */

static const struct tool_option PUT_OPTIONS[] = {
    { 'x', "escaped", false },
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_spec PUT = {
    .name = "seglog kv put",
    .usage = "[-x] PATH KEY VALUE|-",
    .help =
        "Set a key; - takes the value from standard input, as it is.  It "
        "survives a power\n"
        "failure when the command has ended.  A store that does not exist is "
        "begun, and a\n"
        "folder made.  Status 4 if the store is sealed, or writing is "
        "paused.\n"
        "\n" ESCAPED_HELP TOOL_CANONICAL_HELP,
    .options = PUT_OPTIONS,
    .operand_min = 3,
    .operand_max = 3,
    .on_option = on_option,
};

static const struct tool_spec DEL = {
    .name = "seglog kv del",
    .usage = "[-x] PATH KEY...",
    .help = "Delete keys, all of them in one transaction, whether they are "
            "there or not.\n"
            "Status 4 if the store is sealed, or writing is paused.\n"
            "\n" ESCAPED_HELP TOOL_CANONICAL_HELP,
    .options = PUT_OPTIONS,
    .operand_min = 2,
    .operand_max = -1,
    .on_option = on_option,
};

/* Up to its end, into a block that grows. */
static enum tool_status
stdin_read(char **data, size_t *len)
{
    size_t cap = 0;

    *data = NULL;
    *len = 0;
    do {
        if (*len == cap) {
            const size_t more = cap ? 2 * cap : 65536;
            char *grown = realloc(*data, more);

            if (!grown)
                return tool_fail_memory();
            *data = grown;
            cap = more;
        }
        *len += fread(*data + *len, 1, cap - *len, stdin);
    } while (!feof(stdin) && !ferror(stdin));
    if (ferror(stdin)) {
        struct seglog_error err;

        (void)tool_error_errno(&err, errno, "(standard input)",
                               "it cannot be read");
        return tool_fail(NULL, &err);
    }
    return TOOL_GO_ON;
}

/* value NULL: delete them. */
static enum tool_status
keys_write(const struct kv *kv, const struct tool_canonical *opened,
           char **words, const struct seglog_slice *value)
{
    struct seglog_write_txn *txn = NULL;
    struct seglog_error err;
    seglog_code code = seglog_write_txn_begin(opened->canonical, &txn, &err);

    for (; code == SEGLOG_OK && *words; words++) {
        struct seglog_slice key;
        const enum tool_status status = word_take(kv, "KEY", *words, &key);

        if (status != TOOL_GO_ON) {
            seglog_write_txn_abort(txn);
            return status;
        }
        code = value ? seglog_write_txn_put(txn, key, *value, &err)
                     : seglog_write_txn_delete(txn, key, &err);
        if (value)
            break;
    }
    if (code == SEGLOG_OK)
        code = seglog_write_txn_commit(txn, true, NULL, &err);
    else
        seglog_write_txn_abort(txn);
    return code == SEGLOG_OK ? TOOL_OK : tool_canonical_fail(opened, &err);
}

static int
kv_put(int argc, char **argv)
{
    struct kv kv = { .is_json = false };
    struct tool_canonical opened = { 0 };
    struct seglog_slice value = { 0 };
    char *read = NULL;
    char **words = NULL;
    enum tool_status status = tool_parse(&PUT, argc, argv, &kv, &words);

    if (status == TOOL_GO_ON && strcmp(words[2], "-") == 0) {
        status = stdin_read(&read, &value.len);
        value.data = read;
    } else if (status == TOOL_GO_ON) {
        status = word_take(&kv, "VALUE", words[2], &value);
    }
    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0], TOOL_CANONICAL_CREATE, &kv.view,
                                     &opened);
    if (status == TOOL_GO_ON) {
        status = keys_write(&kv, &opened, words + 1, &value);
        status = cmd_status_worse(status, tool_canonical_close(&opened));
    }
    free(read);
    return tool_end(status);
}

static int
kv_del(int argc, char **argv)
{
    struct kv kv = { .is_json = false };
    struct tool_canonical opened = { 0 };
    char **words = NULL;
    enum tool_status status = tool_parse(&DEL, argc, argv, &kv, &words);

    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0], TOOL_CANONICAL_WRITE, &kv.view,
                                     &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = keys_write(&kv, &opened, words + 1, NULL);
    return tool_end(cmd_status_worse(status, tool_canonical_close(&opened)));
}

/* -- ls -------------------------------------------------------------------- */

static const struct tool_option LS_OPTIONS[] = {
    { KEY_FROM, "from", true },     { KEY_TO, "to", true },
    { KEY_PREFIX, "prefix", true }, { KEY_KEYS, "keys", false },
    { 'x', "escaped", false },      { KEY_JSON, "json", false },
    TOOL_CANONICAL_OPTIONS,         { 0, NULL, false },
};

static const struct tool_spec LS = {
    .name = "seglog kv ls",
    .usage = "[--from KEY] [--to KEY] [--prefix KEY] [--keys] [-x] [--json] "
             "PATH",
    .help =
        "Write keys and values in the order of the keys' bytes, a line for "
        "each: the key, a\n"
        "tab, the value.  What cannot be shown is escaped: \\n \\r \\t \\xHH, "
        "and a backslash\n"
        "is \\\\; -x takes keys back as they are written here.\n"
        "\n"
        "      --from KEY   begin at this key\n"
        "      --to KEY     end before this key\n"
        "      --prefix KEY only keys that begin so\n"
        "      --keys       without values\n" ESCAPED_HELP
        "      --json       an object for each: key and value, with key_base64 "
        "and\n"
        "                   value_base64 of what is no "
        "UTF-8\n" TOOL_CANONICAL_HELP,
    .options = LS_OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static void
pair_put(const struct kv *kv, struct seglog_slice key,
         struct seglog_slice value)
{
    if (kv->is_json) {
        pair_put_json(key, kv->has_keys_alone ? NULL : &value);
        return;
    }
    tool_canonical_put_text(key.data, key.len);
    if (!kv->has_keys_alone) {
        (void)fputc('\t', stdout);
        tool_canonical_put_text(value.data, value.len);
    }
    (void)fputc('\n', stdout);
}

static enum tool_status
pairs_list(const struct kv *kv, const struct tool_canonical *opened,
           const struct seglog_state_range *range)
{
    struct seglog_read_txn *txn = NULL;
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice key;
    struct seglog_slice value;
    struct seglog_error err;
    seglog_code code = seglog_read_txn_begin(opened->canonical, &txn, &err);

    if (code == SEGLOG_OK)
        code = seglog_read_txn_iterate(txn, range, &iter, &err);
    while (code == SEGLOG_OK && !ferror(stdout)) {
        code = seglog_state_iter_next(iter, &key, &value, &err);
        if (code == SEGLOG_OK)
            pair_put(kv, key, value);
    }
    seglog_state_iter_close(iter);
    seglog_read_txn_end(txn);
    return code == SEGLOG_OK || code == SEGLOG_END
               ? TOOL_OK
               : tool_canonical_fail(opened, &err);
}

static enum tool_status
range_take(struct kv *kv, struct seglog_state_range *range)
{
    const struct {
        const char *what;
        const char *word;
        struct seglog_slice *bytes;
    } parts[] = {
        { "--from", kv->from, &range->start },
        { "--to", kv->to, &range->end },
        { "--prefix", kv->prefix, &range->prefix },
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        enum tool_status status = TOOL_GO_ON;

        /* It lies in argv, which may be written to. */
        if (parts[i].word)
            status = word_take(kv, parts[i].what, (char *)parts[i].word,
                               parts[i].bytes);
        if (status != TOOL_GO_ON)
            return status;
    }
    range->has_end = kv->to != NULL;
    return TOOL_GO_ON;
}

static int
kv_ls(int argc, char **argv)
{
    struct kv kv = { .is_json = false };
    struct seglog_state_range range = { .has_end = false };
    struct tool_canonical opened = { 0 };
    char **words = NULL;
    enum tool_status status = tool_parse(&LS, argc, argv, &kv, &words);

    if (status == TOOL_GO_ON)
        status = range_take(&kv, &range);
    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0], TOOL_CANONICAL_READ, &kv.view,
                                     &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = pairs_list(&kv, &opened, &range);
    return tool_end(cmd_status_worse(status, tool_canonical_close(&opened)));
}

/* -- all of them ----------------------------------------------------------- */

static const struct tool_verb VERBS[] = {
    { "get", kv_get }, { "put", kv_put }, { "del", kv_del },
    { "ls", kv_ls },   { NULL, NULL },
};

static const struct tool_spec KV = {
    .name = "seglog kv",
    .usage = "get|put|del|ls [OPTION]... PATH ...",
    .help = "The state of a canonical store: keys and values.\n"
            "\n"
            "  kv get PATH KEY          write a value\n"
            "  kv put PATH KEY VALUE|-  set one; - is standard input\n"
            "  kv del PATH KEY...       delete keys\n"
            "  kv ls PATH               all, or some of them, in order\n"
            "\n"
            "`seglog kv get --help` and so on say more.\n",
    .operand_max = 0,
    .on_option = on_option,
};

int
cmd_kv(int argc, char **argv)
{
    const struct tool_verb *verb = tool_verb_find(VERBS, argc, argv);
    char **words = NULL;
    enum tool_status status = TOOL_GO_ON;

    if (verb)
        return verb->run(argc - 1, argv + 1);
    status = tool_parse(&KV, argc < 2 || argv[1][0] == '-' ? argc : 1, argv,
                        NULL, &words);
    return status == TOOL_GO_ON ? (int)tool_usage("get, put, del or ls?")
                                : (int)status;
}
