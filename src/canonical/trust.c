/* SPDX-License-Identifier: MIT */
/* src/canonical/trust.c - whether the files of a view are what was written. */
#define _POSIX_C_SOURCE 200809L /* unlinkat */

#include "src/canonical/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seglog/store.h"
#include "src/store/fail.h"

#define MARK_NAME "trust"
#define MARK_CAP  128u

static const char CLEAN[] = "clean\n";

/* LMDB's names. */
static const char *const FILE_NAMES[] = { "data.mdb", "lock.mdb" };

/* Linux: a new random id each time that the system starts. */
static bool
boot_id_read(char id[SLG_BOOT_ID_CAP])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    bool is_there = false;

    if (!file)
        return false;
    is_there = fgets(id, (int)SLG_BOOT_ID_CAP, file) != NULL;
    (void)fclose(file);
    if (is_there)
        id[strcspn(id, "\n")] = '\0';
    return is_there && id[0] != '\0';
}

bool (*slg_boot_id)(char id[SLG_BOOT_ID_CAP]) = boot_id_read;

/* -- the mark -------------------------------------------------------------- */

static seglog_code
mark_write(struct seglog_store store, const char *text,
           struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    uint64_t offset = 0;
    seglog_code code = seglog_store_remove(store, MARK_NAME ".new", err);

    if (code != SEGLOG_OK && code != SEGLOG_NOT_FOUND)
        return code;
    code = seglog_blob_open(store, MARK_NAME ".new",
                            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_append(blob, 0, text, strlen(text), &offset, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(blob, err);
    (void)seglog_blob_close(&blob, NULL);
    if (code == SEGLOG_OK)
        code = seglog_store_replace(store, MARK_NAME ".new", MARK_NAME, err);
    return code;
}

/* Empty: there is none, or none that can be read. */
static void
mark_read(struct seglog_store store, char text[MARK_CAP])
{
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;

    text[0] = '\0';
    if (seglog_blob_open(store, MARK_NAME, SEGLOG_OPEN_READ, &blob, NULL) !=
        SEGLOG_OK)
        return;
    if (seglog_blob_get_size(blob, &size, NULL, NULL) == SEGLOG_OK &&
        size < MARK_CAP &&
        seglog_blob_read_at(blob, 0, text, (size_t)size, NULL) == SEGLOG_OK)
        text[size] = '\0';
    else
        text[0] = '\0';
    (void)seglog_blob_close(&blob, NULL);
}

static void
mark_dirty_text(char text[MARK_CAP])
{
    char id[SLG_BOOT_ID_CAP] = "";

    (void)slg_boot_id(id);
    (void)snprintf(text, MARK_CAP, "written in %s\n", id);
}

static bool
mark_is_trusted(const char *text)
{
    char own[MARK_CAP];

    mark_dirty_text(own);
    return strcmp(text, CLEAN) == 0 || strcmp(text, own) == 0;
}

/* -- the files ------------------------------------------------------------- */

static seglog_code
files_remove(const char *dir, struct seglog_error *err)
{
    const struct slg_place place = { .name = dir, .offset = SEGLOG_NO_OFFSET };
    char path[4096];

    for (size_t i = 0; i < sizeof FILE_NAMES / sizeof FILE_NAMES[0]; i++) {
        const int len =
            snprintf(path, sizeof path, "%s/%s", dir, FILE_NAMES[i]);

        if (len < 0 || (size_t)len >= sizeof path)
            return slg_fail(err, SEGLOG_INVALID, &place,
                            "the name of the view folder is too long");
        if (unlink(path) != 0 && errno != ENOENT)
            return slg_fail_errno(err, errno, &place,
                                  "cannot remove a view that is not to be "
                                  "trusted");
    }
    return SEGLOG_OK;
}

static seglog_code
folder_open(const char *dir, struct seglog_store *store,
            struct seglog_error *err)
{
    return seglog_store_file_open(dir, true, store, err);
}

seglog_code
slg_trust_prepare(const char *dir, struct seglog_error *err)
{
    struct seglog_store store;
    char text[MARK_CAP];
    seglog_code code = folder_open(dir, &store, err);

    if (code != SEGLOG_OK)
        return code;
    mark_read(store, text);
    if (!mark_is_trusted(text)) {
        code = files_remove(dir, err);
        mark_dirty_text(text);
        /* Whoever comes next finds files of this run. */
        if (code == SEGLOG_OK)
            code = mark_write(store, text, err);
    }
    seglog_store_close(&store);
    return code;
}

seglog_code
slg_trust_mark_dirty(const char *dir, struct seglog_error *err)
{
    struct seglog_store store;
    char text[MARK_CAP];
    char known[MARK_CAP];
    seglog_code code = folder_open(dir, &store, err);

    if (code != SEGLOG_OK)
        return code;
    mark_dirty_text(text);
    mark_read(store, known);
    if (strcmp(known, text) != 0)
        code = mark_write(store, text, err);
    seglog_store_close(&store);
    return code;
}

seglog_code
slg_trust_mark_clean(const char *dir, struct seglog_error *err)
{
    struct seglog_store store;
    seglog_code code = folder_open(dir, &store, err);

    if (code != SEGLOG_OK)
        return code;
    code = mark_write(store, CLEAN, err);
    seglog_store_close(&store);
    return code;
}

void
slg_trust_remove_all(const char *dir)
{
    char path[4096];
    const int len = snprintf(path, sizeof path, "%s/" MARK_NAME, dir);

    (void)files_remove(dir, NULL);
    if (len > 0 && (size_t)len < sizeof path)
        (void)unlink(path);
    (void)rmdir(dir);
}
