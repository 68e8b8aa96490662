/* SPDX-License-Identifier: MIT */
/* src/canonical/backup_restore.c - the blobs of a backup, made again. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/store/options.h"

#define NEW ".new"

struct restoring {
    struct seglog_store target;
    const struct slg_manifest *manifest;
    struct slg_backup_reader *reader;
    struct slg_backup_hasher *hasher;
    uint8_t *buffer; /* for what was written, read back */
    size_t cap;
    size_t made;  /* blobs that were made, or begun */
    size_t named; /* of them, from the last one on, those that have names */
    uint64_t done;
    const struct seglog_restore_options *options;
    struct seglog_error *err;
};

/* -- names ----------------------------------------------------------------- */

static bool
first_keep(void *arg, const char *name)
{
    char *first = arg;

    memcpy(first, name, strlen(name) + 1);
    return false;
}

static seglog_code
target_check(struct seglog_store target, struct seglog_error *err)
{
    char first[SLG_NAME_CAP] = "";
    const seglog_code code =
        seglog_store_list(target, "", first_keep, first, err);

    if (code == SEGLOG_OK && first[0] != '\0')
        return slg_backup_fail(err, SEGLOG_EXISTS, first,
                               "a backup is restored into an empty store");
    return code;
}

/* What it is called until all are there.  A name that has no room for more is
 * its own. */
static const char *
name_now(const struct slg_backup_blob *blob, char name[SLG_NAME_CAP])
{
    const size_t len = strlen(blob->name);

    memcpy(name, blob->name, len + 1);
    if (len + strlen(NEW) <= SLG_NAME_MAX)
        memcpy(name + len, NEW, sizeof NEW);
    return name;
}

/* -- one blob -------------------------------------------------------------- */

static seglog_code
pieces_write(struct restoring *restoring, const struct slg_backup_blob *blob,
             struct seglog_blob made)
{
    uint64_t at = 0;
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < blob->count && code == SEGLOG_OK; i++) {
        const size_t len = restoring->manifest->pieces[blob->first + i].len;
        const uint8_t *bytes = NULL;

        code = slg_backup_read_piece(restoring->reader, blob->first + i, &bytes,
                                     restoring->err);
        if (code == SEGLOG_OK)
            code =
                seglog_blob_append(made, at, bytes, len, NULL, restoring->err);
        at += len;
        restoring->done += len;
        if (code == SEGLOG_OK)
            code = slg_backup_progress(restoring->options->on_progress,
                                       restoring->options->arg, restoring->done,
                                       restoring->manifest->info.bytes,
                                       restoring->err);
    }
    return code;
}

static bool
room_make(struct restoring *restoring, size_t len)
{
    uint8_t *grown = NULL;

    if (len <= restoring->cap)
        return true;
    grown = realloc(restoring->buffer, len);
    if (!grown)
        return false;
    restoring->buffer = grown;
    restoring->cap = len;
    return true;
}

/* What is there now, as it is read. */
static seglog_code
pieces_compare(struct restoring *restoring, const struct slg_backup_blob *blob,
               struct seglog_blob made)
{
    struct seglog_backup_digest digest;
    uint64_t at = 0;
    bool is_same = true;
    seglog_code code =
        slg_backup_check_size(made, blob->name, blob->size, restoring->err);

    for (size_t i = 0; i < blob->count && code == SEGLOG_OK && is_same; i++) {
        const struct slg_backup_piece *piece =
            &restoring->manifest->pieces[blob->first + i];

        if (!room_make(restoring, piece->len))
            return slg_backup_fail_memory(restoring->err);
        code = seglog_blob_read_at(made, at, restoring->buffer, piece->len,
                                   restoring->err);
        if (code != SEGLOG_OK)
            return code;
        slg_backup_hasher_add(restoring->hasher, restoring->buffer, piece->len);
        slg_backup_hasher_get(restoring->hasher, &digest);
        is_same = slg_backup_digest_is_same(&digest, &piece->digest);
        at += piece->len;
    }
    if (code == SEGLOG_OK && !is_same)
        return slg_backup_fail(restoring->err, SEGLOG_CORRUPT, blob->name,
                               "what is read is not what was restored");
    return code;
}

static seglog_code
blob_restore(struct restoring *restoring, const struct slg_backup_blob *blob)
{
    struct seglog_blob made = { 0 };
    char name[SLG_NAME_CAP];
    seglog_code code =
        seglog_blob_open(restoring->target, name_now(blob, name),
                         SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                         &made, restoring->err);

    /* Of another one that is at the same. */
    if (code == SEGLOG_EXISTS)
        return code;
    restoring->made++;
    if (code == SEGLOG_OK)
        code = pieces_write(restoring, blob, made);
    if (code == SEGLOG_OK)
        code = seglog_blob_flush(made, restoring->err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(made, restoring->err);
    if (code == SEGLOG_OK)
        code = pieces_compare(restoring, blob, made);
    if (code == SEGLOG_OK)
        return seglog_blob_close(&made, restoring->err);
    (void)seglog_blob_close(&made, NULL);
    return code;
}

/* -- all of them ----------------------------------------------------------- */

/* Nothing is made from a backup that is not whole. */
static seglog_code
parts_check(struct restoring *restoring)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < restoring->manifest->part_count && code == SEGLOG_OK;
         i++)
        code = slg_backup_check_part(restoring->reader, i, restoring->err);
    return code;
}

/* The last one first: without the first segments of a stream there is none. */
static seglog_code
names_give(struct restoring *restoring)
{
    const struct slg_manifest *manifest = restoring->manifest;
    char name[SLG_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    for (size_t i = manifest->blob_count; i > 0 && code == SEGLOG_OK; i--) {
        const struct slg_backup_blob *blob = &manifest->blobs[i - 1];

        restoring->named++;
        if (strcmp(name_now(blob, name), blob->name) != 0)
            code = seglog_store_replace(restoring->target, name, blob->name,
                                        restoring->err);
    }
    return code;
}

/* What was made, under the one name or the other. */
static void
made_remove(const struct restoring *restoring)
{
    const struct slg_manifest *manifest = restoring->manifest;
    char name[SLG_NAME_CAP];

    for (size_t i = 0; i < restoring->made; i++) {
        const struct slg_backup_blob *blob = &manifest->blobs[i];

        (void)slg_backup_blob_remove(restoring->target, name_now(blob, name),
                                     NULL);
        if (i + restoring->named >= manifest->blob_count)
            (void)slg_backup_blob_remove(restoring->target, blob->name, NULL);
    }
}

static seglog_code
restore(struct restoring *restoring)
{
    const struct slg_manifest *manifest = restoring->manifest;
    seglog_code code = parts_check(restoring);

    for (size_t i = 0; i < manifest->blob_count && code == SEGLOG_OK; i++)
        code = blob_restore(restoring, &manifest->blobs[i]);
    if (code == SEGLOG_OK)
        code = names_give(restoring);
    if (code != SEGLOG_OK)
        made_remove(restoring);
    return code;
}

static seglog_code
restore_begin(struct seglog_store repository, struct restoring *restoring)
{
    seglog_code code = slg_backup_reader_new(
        repository, restoring->manifest, &restoring->reader, restoring->err);

    if (code != SEGLOG_OK)
        return code;
    restoring->hasher = slg_backup_hasher_new(restoring->manifest->info.hash);
    return restoring->hasher ? restore(restoring)
                             : slg_backup_fail_memory(restoring->err);
}

seglog_code
seglog_backup_restore(struct seglog_store repository,
                      struct seglog_store target,
                      const struct seglog_restore_options *options,
                      struct seglog_backup_info *info, struct seglog_error *err)
{
    struct seglog_restore_options own = { .size = sizeof own };
    struct slg_manifest manifest;
    struct restoring restoring = {
        .target = target, .manifest = &manifest, .options = &own, .err = err
    };
    seglog_code code = SEGLOG_OK;

    if (!slg_options_copy(&own, sizeof own, options))
        return slg_backup_fail(err, SEGLOG_INVALID, NULL,
                               "an option that this build does not know");
    code = target_check(target, err);
    if (code == SEGLOG_OK)
        code = slg_backup_load_number(repository, own.number, &manifest, err);
    if (code != SEGLOG_OK)
        return code;
    if (info)
        *info = manifest.info;
    code = restore_begin(repository, &restoring);
    slg_backup_reader_free(restoring.reader);
    slg_backup_hasher_free(restoring.hasher);
    free(restoring.buffer);
    slg_manifest_reset(&manifest);
    return code;
}
