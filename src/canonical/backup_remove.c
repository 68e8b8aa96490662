/* SPDX-License-Identifier: MIT */
/* src/canonical/backup_remove.c - a backup, and what no other one needs. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"

struct removing {
    struct seglog_store repository;
    uint32_t number;
    struct slg_backup_listing listing;
    struct slg_name_list kept; /* parts that others name, in order at the end */
    struct seglog_backup_removed removed;
    struct seglog_error *err;
};

/* -- what has to stay ------------------------------------------------------ */

static seglog_code
parts_keep(struct removing *removing, uint32_t number)
{
    struct slg_manifest manifest;
    char name[SEGLOG_BACKUP_NAME_CAP];
    seglog_code code = slg_backup_load_number(removing->repository, number,
                                              &manifest, removing->err);

    for (size_t i = 0; i < manifest.part_count && code == SEGLOG_OK; i++)
        code = slg_name_list_add(&removing->kept,
                                 slg_backup_part_name(manifest.parts[i].number,
                                                      manifest.parts[i].index,
                                                      name),
                                 removing->err);
    slg_manifest_reset(&manifest);
    return code;
}

static int
name_compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static seglog_code
all_keep(struct removing *removing)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0;
         i < removing->listing.manifests.count && code == SEGLOG_OK; i++)
        if (removing->listing.numbers[i] != removing->number)
            code = parts_keep(removing, removing->listing.numbers[i]);
    if (removing->kept.count > 1)
        qsort(removing->kept.names, removing->kept.count,
              sizeof *removing->kept.names, name_compare);
    return code;
}

static bool
is_kept(const struct removing *removing, const char *name)
{
    return removing->kept.count > 0 &&
           bsearch(&name, removing->kept.names, removing->kept.count,
                   sizeof *removing->kept.names, name_compare);
}

/* -- what goes ------------------------------------------------------------- */

static seglog_code
blob_remove(struct removing *removing, const char *name)
{
    struct seglog_blob_info info = { .size = 0 };
    seglog_code code = SEGLOG_OK;

    if (seglog_store_get_info(removing->repository, name, &info, NULL) !=
        SEGLOG_OK)
        info.size = 0;
    code = slg_backup_blob_remove(removing->repository, name, removing->err);
    if (code == SEGLOG_OK)
        removing->removed.bytes += info.size;
    return code;
}

static seglog_code
manifest_remove(struct removing *removing)
{
    char name[SEGLOG_BACKUP_NAME_CAP];
    bool is_there = false;

    if (removing->number == 0)
        return SEGLOG_OK;
    for (size_t i = 0; i < removing->listing.manifests.count; i++)
        is_there = is_there || removing->listing.numbers[i] == removing->number;
    if (!is_there)
        return slg_backup_fail(removing->err, SEGLOG_NOT_FOUND, NULL,
                               "there is no backup %u",
                               (unsigned)removing->number);
    return blob_remove(removing,
                       slg_backup_manifest_name(removing->number, name));
}

static seglog_code
remove_locked(struct removing *removing)
{
    const struct slg_backup_listing *listing = &removing->listing;
    seglog_code code = all_keep(removing);

    if (code == SEGLOG_OK)
        code = manifest_remove(removing);
    for (size_t i = 0; i < listing->left.count && code == SEGLOG_OK; i++)
        code = blob_remove(removing, listing->left.names[i]);
    for (size_t i = 0; i < listing->parts.count && code == SEGLOG_OK; i++) {
        if (is_kept(removing, listing->parts.names[i]))
            continue;
        code = blob_remove(removing, listing->parts.names[i]);
        removing->removed.parts += code == SEGLOG_OK;
    }
    return code;
}

seglog_code
seglog_backup_remove(struct seglog_store repository, uint32_t number,
                     int lock_timeout_ms, struct seglog_backup_removed *removed,
                     struct seglog_error *err)
{
    struct removing removing = { .repository = repository,
                                 .number = number,
                                 .err = err };
    struct seglog_lock lock = { 0 };
    seglog_code code = slg_backup_lock(repository, lock_timeout_ms, &lock, err);

    if (code == SEGLOG_OK)
        code = slg_backup_listing_make(repository, &removing.listing, err);
    if (code == SEGLOG_OK)
        code = remove_locked(&removing);
    slg_backup_unlock(&lock);
    slg_backup_listing_reset(&removing.listing);
    slg_name_list_reset(&removing.kept);
    if (code == SEGLOG_OK && removed)
        *removed = removing.removed;
    return code;
}
