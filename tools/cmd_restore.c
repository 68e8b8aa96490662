/* SPDX-License-Identifier: MIT */
/* tools/cmd_restore.c - `seglog restore`: a store from its backup. */
#include "seglog/canonical.h"
#include "tools/cmd.h"
#include "tools/tool_backup.h"

enum {
    KEY_NUMBER = TOOL_KEY(1)
};

struct command {
    struct tool_backup backup;
    uint64_t number; /* 0: the latest */
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct command *command = arg;

    switch (key) {
    case 'o':
        command->backup.store_dir = value;
        return TOOL_GO_ON;
    case KEY_NUMBER:
        return tool_number("--number", value, 1, SEGLOG_BACKUP_NUMBER_MAX,
                           &command->number);
    default:
        return tool_backup_option(&command->backup, key, value);
    }
}

static const struct tool_option OPTIONS[] = {
    { 'o', "output", true },
    { KEY_NUMBER, "number", true },
    { TOOL_BACKUP_KEY_JSON, "json", false },
    { TOOL_BACKUP_KEY_FILE, "backup-key-file", true },
    { TOOL_BACKUP_KEY_FD, "backup-passphrase-fd", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog restore",
    .usage = "BACKUP -o STORE [--number N] [--json]",
    .help =
        "Make a store again from a backup that `seglog backup` has made: every "
        "file, byte\n"
        "for byte, ready to be written to.  Every file of the backup is "
        "compared with its\n"
        "digest first; one that has changed is named, and nothing is made "
        "(status 3).\n"
        "A canonical store that was sealed or paused can be written to again.\n"
        "The backup stays as it is.\n"
        "\n"
        "  -o, --output STORE  a new or empty folder\n"
        "      --number N      backup N; else the latest one\n"
        "      --json          say what was restored as a JSON object\n"
        "      --backup-key-file FILE, --backup-passphrase-fd N\n"
        "                      the key of BACKUP where it is not that of "
        "STORE\n"
        "\n"
        "With --key-file or --passphrase-fd the store is encrypted.\n",
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

static enum tool_status
restore_run(struct command *command, const char *dir)
{
    struct tool_backup *backup = &command->backup;
    struct tool_progress progress;
    const struct seglog_restore_options options = {
        .size = sizeof options,
        .number = (uint32_t)command->number,
        .on_progress = on_progress,
        .arg = &progress,
    };
    struct seglog_backup_info info;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    enum tool_status status = TOOL_GO_ON;

    if (!backup->store_dir)
        return tool_usage("where to? give -o STORE");
    backup->dir = dir;
    status = tool_backup_check_folders(backup);
    if (status == TOOL_GO_ON)
        status = tool_backup_open(backup, TOOL_STORE_READ);
    if (status == TOOL_GO_ON)
        status = tool_backup_open_store(backup, TOOL_STORE_PRIVATE);
    if (status != TOOL_GO_ON)
        return status;
    tool_progress_init(&progress, backup->dir);
    code = seglog_canonical_restore(backup->repository, backup->store, &options,
                                    &info, &err);
    tool_progress_clear(&progress);
    if (code != SEGLOG_OK)
        return tool_backup_fail(backup, &err);
    tool_backup_print(backup, "restored", &info);
    return TOOL_OK;
}

int
cmd_restore(int argc, char **argv)
{
    static struct command command;
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &command, &paths);

    if (status == TOOL_GO_ON)
        status = restore_run(&command, paths[0]);
    tool_backup_close(&command.backup);
    return tool_end(status);
}
