/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_backup.h - what `backup` and `restore` do the same way.
 *
 * Threads  one
 */
#ifndef TOOL_BACKUP_H
#define TOOL_BACKUP_H

#include <stdbool.h>

#include "seglog/backup.h"
#include "tools/tool_key.h"

/* The folder of a store, and that of its backups. */
struct tool_backup {
    const char *store_dir;
    const char *dir;
    struct seglog_store store;      /* or zeroed */
    struct seglog_store repository; /* or zeroed */
    struct tool_key key; /* of the backups; not given: that of the store */
    bool is_json;
};

/* Options of both; their keys. */
enum {
    TOOL_BACKUP_KEY_FILE = TOOL_KEY(0x40),
    TOOL_BACKUP_KEY_FD,
    TOOL_BACKUP_KEY_JSON
};

/* One of these. */
enum tool_status
tool_backup_option(struct tool_backup *backup, int key, const char *value);

/* The two folders are not the same.  Returns TOOL_GO_ON. */
enum tool_status
tool_backup_check_folders(const struct tool_backup *backup);

/* Returns TOOL_GO_ON, or the status after saying what is wrong. */
enum tool_status
tool_backup_open(struct tool_backup *backup, enum tool_store_use use);
enum tool_status
tool_backup_open_store(struct tool_backup *backup, enum tool_store_use use);

void
tool_backup_close(struct tool_backup *backup);

/* Say what went wrong, with the path of the file that err names.  A file of a
 * backup that is missing is damage of it. */
enum tool_status
tool_backup_fail(const struct tool_backup *backup,
                 const struct seglog_error *err);

/* One line, a text or an object. */
void
tool_backup_print(const struct tool_backup *backup, const char *what,
                  const struct seglog_backup_info *info);

#endif /* TOOL_BACKUP_H */
