/* SPDX-License-Identifier: MIT */
/* tools/cmd_backup.c - `seglog backup`: stores, copied and looked at. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/tool_backup.h"

enum {
    KEY_FULL = TOOL_KEY(1),
    KEY_BASE,
    KEY_LEVEL,
    KEY_LIST,
    KEY_VERIFY,
    KEY_REMOVE,
    KEY_NUMBER
};

enum action {
    ACTION_MAKE,
    ACTION_LIST,
    ACTION_VERIFY,
    ACTION_REMOVE
};

struct command {
    struct tool_backup backup;
    const char *output;
    enum action action;
    bool is_full;
    bool has_level;
    uint64_t base;
    uint64_t level;
    uint64_t number; /* to verify; 0: all */
    uint64_t removed;
};

static enum tool_status
on_action(struct command *command, enum action action)
{
    if (command->action != ACTION_MAKE)
        return tool_usage("one of --list, --verify and --remove at a time");
    command->action = action;
    return TOOL_GO_ON;
}

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct command *command = arg;
    enum tool_status status = TOOL_GO_ON;

    switch (key) {
    case 'o':
        command->output = value;
        return TOOL_GO_ON;
    case KEY_FULL:
        command->is_full = true;
        return TOOL_GO_ON;
    case KEY_BASE:
        return tool_number("--base", value, 1, SEGLOG_BACKUP_NUMBER_MAX,
                           &command->base);
    case KEY_LEVEL:
        command->has_level = true;
        return tool_number("--level", value, 0, SEGLOG_BACKUP_LEVEL_MAX,
                           &command->level);
    case KEY_LIST:
        return on_action(command, ACTION_LIST);
    case KEY_VERIFY:
        return on_action(command, ACTION_VERIFY);
    case KEY_REMOVE:
        status = tool_number("--remove", value, 0, SEGLOG_BACKUP_NUMBER_MAX,
                             &command->removed);
        return status == TOOL_GO_ON ? on_action(command, ACTION_REMOVE)
                                    : status;
    case KEY_NUMBER:
        return tool_number("--number", value, 1, SEGLOG_BACKUP_NUMBER_MAX,
                           &command->number);
    default:
        return tool_backup_option(&command->backup, key, value);
    }
}

static const struct tool_option OPTIONS[] = {
    { 'o', "output", true },
    { KEY_FULL, "full", false },
    { KEY_BASE, "base", true },
    { KEY_LEVEL, "level", true },
    { KEY_LIST, "list", false },
    { KEY_VERIFY, "verify", false },
    { KEY_REMOVE, "remove", true },
    { KEY_NUMBER, "number", true },
    { TOOL_BACKUP_KEY_JSON, "json", false },
    { TOOL_BACKUP_KEY_FILE, "backup-key-file", true },
    { TOOL_BACKUP_KEY_FD, "backup-passphrase-fd", true },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog backup",
    .usage = "STORE -o BACKUP [--full | --base N] [--level N] [--json]\n"
             "       seglog backup --list BACKUP [--json]\n"
             "       seglog backup --verify BACKUP [--number N] [--json]\n"
             "       seglog backup --remove N BACKUP",
    .help =
        "Copy all that is in the folder STORE, as it is at one moment, into "
        "the folder\n"
        "BACKUP, while others go on writing.  It is read back and compared "
        "before it is\n"
        "called a backup.  The folder holds any number of them; each one "
        "stores what has\n"
        "come since the one before, and is whole by itself.\n"
        "\n"
        "  seglog backup archive -o backups\n"
        "  seglog backup --list backups\n"
        "  seglog restore backups -o archive.again\n"
        "\n"
        "  -o, --output BACKUP  where it goes; made if it is missing\n"
        "      --full           store all of it again\n"
        "      --base N         what has come since backup N; else since the "
        "latest\n"
        "      --level N        1 (fast) to 19 (small), 0 not compressed; 3 if "
        "not given\n"
        "      --list           which backups there are\n"
        "      --verify         read all of them, or backup --number N, and "
        "compare\n"
        "      --remove N       remove backup N and what no other one needs; "
        "0: what\n"
        "                       was left over by one that did not end\n"
        "      --json           say so as JSON objects, one a line\n"
        "      --backup-key-file FILE, --backup-passphrase-fd N\n"
        "                       the key of BACKUP where it is not that of "
        "STORE\n"
        "\n"
        "With a key the backup is encrypted, all of it; a store that is "
        "encrypted is not\n"
        "backed up without one.\n",
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

/* -- one action each ------------------------------------------------------- */

static enum tool_status
backup_make(struct command *command)
{
    struct tool_backup *backup = &command->backup;
    struct tool_progress progress;
    const struct seglog_backup_options options = {
        .size = sizeof options,
        .is_full = command->is_full,
        .base = (uint32_t)command->base,
        .level = command->has_level && command->level == 0
                     ? SEGLOG_BACKUP_PLAIN
                     : (int)command->level,
        .on_progress = on_progress,
        .arg = &progress,
    };
    struct seglog_backup_info info;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    enum tool_status status = tool_backup_check_folders(backup);

    if (status == TOOL_GO_ON)
        status = tool_backup_open_store(backup, TOOL_STORE_AS_IT_IS);
    if (status == TOOL_GO_ON)
        status = tool_backup_open(backup, TOOL_STORE_PRIVATE);
    if (status != TOOL_GO_ON)
        return status;
    tool_progress_init(&progress, backup->store_dir);
    code = seglog_backup_make(backup->store, backup->repository, &options,
                              &info, &err);
    tool_progress_clear(&progress);
    if (code != SEGLOG_OK)
        return tool_backup_fail(backup, &err);
    tool_backup_print(backup, "verified", &info);
    return TOOL_OK;
}

static enum tool_status
backup_verify_one(struct command *command, uint32_t number)
{
    struct tool_progress progress;
    const struct seglog_restore_options options = {
        .size = sizeof options,
        .number = number,
        .on_progress = on_progress,
        .arg = &progress,
    };
    struct seglog_backup_info info = { .number = number };
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;
    enum tool_status status = TOOL_OK;

    tool_progress_init(&progress, command->backup.dir);
    code =
        seglog_backup_verify(command->backup.repository, &options, &info, &err);
    tool_progress_clear(&progress);
    if (code != SEGLOG_OK)
        status = tool_backup_fail(&command->backup, &err);
    info.code = code;
    tool_backup_print(&command->backup,
                      code == SEGLOG_OK ? "verified" : "not good", &info);
    return status;
}

static enum tool_status
backups_go_over(struct command *command)
{
    struct seglog_backup_info *infos = NULL;
    struct seglog_error err;
    size_t count = 0;
    enum tool_status status = TOOL_OK;

    if (command->action == ACTION_VERIFY && command->number != 0)
        return backup_verify_one(command, (uint32_t)command->number);
    if (seglog_backup_list(command->backup.repository, &infos, &count, &err) !=
        SEGLOG_OK)
        return tool_backup_fail(&command->backup, &err);
    for (size_t i = 0; i < count; i++) {
        if (command->action == ACTION_VERIFY) {
            status = cmd_status_worse(
                status, backup_verify_one(command, infos[i].number));
            continue;
        }
        tool_backup_print(&command->backup,
                          infos[i].code == SEGLOG_OK ? "there" : "not good",
                          &infos[i]);
        if (infos[i].code != SEGLOG_OK)
            status = TOOL_DAMAGED;
    }
    if (count == 0)
        tool_note("%s: there is no backup here", command->backup.dir);
    seglog_free(infos);
    return status;
}

static enum tool_status
backup_remove(struct command *command)
{
    struct seglog_backup_removed removed;
    struct seglog_error err;

    if (seglog_backup_remove(command->backup.repository,
                             (uint32_t)command->removed, 0, &removed,
                             &err) != SEGLOG_OK)
        return tool_backup_fail(&command->backup, &err);
    (void)printf("%s: %" PRIu64 " %s removed, %" PRIu64 " bytes\n",
                 command->backup.dir, removed.parts,
                 cmd_plural(removed.parts, "part", "parts"), removed.bytes);
    return TOOL_OK;
}

static enum tool_status
backup_run(struct command *command, const char *operand)
{
    enum tool_status status = TOOL_GO_ON;

    command->backup.dir = operand;
    if (command->action == ACTION_MAKE) {
        if (!command->output)
            return tool_usage("where to? give -o BACKUP");
        if (command->is_full && command->base != 0)
            return tool_usage("--full has no base");
        command->backup.store_dir = operand;
        command->backup.dir = command->output;
        return backup_make(command);
    }
    if (command->output)
        return tool_usage("-o goes with a store that is backed up");
    status = tool_backup_open(&command->backup, command->action == ACTION_REMOVE
                                                    ? TOOL_STORE_WRITE
                                                    : TOOL_STORE_READ);
    if (status != TOOL_GO_ON)
        return status;
    return command->action == ACTION_REMOVE ? backup_remove(command)
                                            : backups_go_over(command);
}

int
cmd_backup(int argc, char **argv)
{
    static struct command command;
    char **paths = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &command, &paths);

    if (status == TOOL_GO_ON)
        status = backup_run(&command, paths[0]);
    tool_backup_close(&command.backup);
    return tool_end(status);
}
