/* SPDX-License-Identifier: MIT */
/* tools/tool_backup.c - what `backup` and `restore` do the same way. */
#define _POSIX_C_SOURCE 200809L
#include "tools/tool_backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/tool_text.h"

#define PATH_CAP 4096
#define SIZE_CAP 32

enum tool_status
tool_backup_option(struct tool_backup *backup, int key, const char *value)
{
    if (key == TOOL_BACKUP_KEY_FILE)
        return tool_key_from_file(&backup->key, value);
    if (key == TOOL_BACKUP_KEY_FD)
        return tool_key_from_fd(&backup->key, "--backup-passphrase-fd", value);
    backup->is_json = true;
    return TOOL_GO_ON;
}

enum tool_status
tool_backup_check_folders(const struct tool_backup *backup)
{
    struct stat a;
    struct stat b;

    if (stat(backup->store_dir, &a) == 0 && stat(backup->dir, &b) == 0 &&
        a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return tool_usage("%s is the store and its backup", backup->dir);
    return TOOL_GO_ON;
}

enum tool_status
tool_backup_open(struct tool_backup *backup, enum tool_store_use use)
{
    struct seglog_error err;

    if (tool_key_store_open_by(backup->key.is_given ? &backup->key : &tool_key,
                               backup->dir, use, &backup->repository,
                               &err) != SEGLOG_OK)
        return tool_fail(backup->dir, &err);
    return TOOL_GO_ON;
}

enum tool_status
tool_backup_open_store(struct tool_backup *backup, enum tool_store_use use)
{
    struct seglog_error err;

    if (tool_key_store_open(backup->store_dir, use, &backup->store, &err) !=
        SEGLOG_OK)
        return tool_fail(backup->store_dir, &err);
    return TOOL_GO_ON;
}

void
tool_backup_close(struct tool_backup *backup)
{
    seglog_store_close(&backup->store);
    seglog_store_close(&backup->repository);
    seglog_store_key_wipe(&backup->key, sizeof backup->key);
}

/* Blobs of backups have names that nothing else has. */
static bool
is_of_backup(const struct seglog_error *err)
{
    return strncmp(err->name, "backup.", strlen("backup.")) == 0;
}

enum tool_status
tool_backup_fail(const struct tool_backup *backup,
                 const struct seglog_error *err)
{
    const char *dir = is_of_backup(err) || !backup->store_dir
                          ? backup->dir
                          : backup->store_dir;
    char path[PATH_CAP];
    enum tool_status status = TOOL_OK;

    if (err->name[0] == '\0' || strchr(err->name, '/'))
        (void)snprintf(path, sizeof path, "%s",
                       err->name[0] == '\0' ? dir : err->name);
    else
        (void)snprintf(path, sizeof path, "%s/%s", dir, err->name);
    status = tool_fail(path, err);
    return err->code == SEGLOG_NOT_FOUND && is_of_backup(err) &&
                   strstr(err->name, ".part")
               ? TOOL_DAMAGED
               : status;
}

/* -- what is printed ------------------------------------------------------- */

static void
digest_print(const struct seglog_backup_info *info)
{
    (void)fputs(info->hash == SEGLOG_BACKUP_SHA256 ? "sha256:" : "xxh3:",
                stdout);
    for (size_t i = 0; i < info->digest.len; i++)
        (void)printf("%02x", info->digest.bytes[i]);
}

static void
json_print(const char *what, const struct seglog_backup_info *info)
{
    char time[TOOL_TIME_CAP];

    (void)printf("{\"backup\":%" PRIu32 ",\"state\":\"%s\"", info->number,
                 what);
    if (info->code != SEGLOG_OK) {
        (void)printf(",\"code\":\"%s\"}\n", seglog_code_name(info->code));
        return;
    }
    (void)printf(",\"base\":%" PRIu32 ",\"created\":\"%s\"", info->base,
                 tool_time_text(info->created_ms, time) ? time : "");
    (void)printf(",\"duration_ms\":%" PRIu64 ",\"files\":%" PRIu64
                 ",\"bytes\":%" PRIu64,
                 info->duration_ms, info->blobs, info->bytes);
    (void)printf(",\"parts\":%" PRIu64 ",\"stored\":%" PRIu64
                 ",\"new_parts\":%" PRIu64 ",\"new_stored\":%" PRIu64,
                 info->parts, info->stored, info->new_parts, info->new_stored);
    (void)printf(",\"one_moment\":%s", info->is_one_moment ? "true" : "false");
    if (info->has_position)
        (void)printf(",\"position\":%" PRIu64, info->position);
    else
        (void)printf(",\"position\":null");
    (void)printf(",\"text\":");
    tool_json_string(stdout, info->text);
    (void)printf(",\"manifest\":\"%s\",\"digest\":\"", info->manifest);
    digest_print(info);
    (void)printf("\"}\n");
}

void
tool_backup_print(const struct tool_backup *backup, const char *what,
                  const struct seglog_backup_info *info)
{
    char time[TOOL_TIME_CAP];
    char bytes[SIZE_CAP];
    char stored[SIZE_CAP];
    char added[SIZE_CAP];

    if (backup->is_json) {
        json_print(what, info);
        return;
    }
    (void)printf("%s: backup %" PRIu32 ": %s", backup->dir, info->number, what);
    if (info->code != SEGLOG_OK) {
        (void)printf(" (%s)\n", seglog_code_name(info->code));
        return;
    }
    (void)printf(", %s, %" PRIu64 " %s, %s in %s",
                 tool_time_text(info->created_ms, time) ? time : "?",
                 info->blobs, info->blobs == 1 ? "file" : "files",
                 tool_size_text(info->bytes, bytes, sizeof bytes),
                 tool_size_text(info->stored, stored, sizeof stored));
    if (info->base != 0)
        (void)printf(", %s more than backup %" PRIu32,
                     tool_size_text(info->new_stored, added, sizeof added),
                     info->base);
    if (info->text[0] != '\0') {
        (void)printf(", ");
        tool_json_string(stdout, info->text);
    }
    (void)printf(", ");
    digest_print(info);
    (void)printf("\n");
}
