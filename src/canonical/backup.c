/* SPDX-License-Identifier: MIT */
/* src/canonical/backup.c - a backup is made, and looked at. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"
#include "src/store/options.h"

/* How often all begins anew because the source has changed under it. */
#define TRIES_MAX      5

#define PART_BYTES_MAX (UINT64_C(1) << 40)

/* One call. */
struct making {
    const struct slg_backup_source *source;
    struct seglog_store repository;
    struct seglog_backup_options options;
    uint32_t number;
    struct slg_manifest base;
    struct slg_manifest manifest;
    struct slg_backup_snapshot snapshot;
    struct slg_backup_writer writer;
    char name[SEGLOG_BACKUP_NAME_CAP];     /* of the manifest */
    char name_new[SEGLOG_BACKUP_NAME_CAP]; /* until it is known to be good */
    bool has_name; /* the manifest has it, and nobody could take it back */
    int64_t started_ns;
    struct seglog_error *err;
};

/* -- options --------------------------------------------------------------- */

static bool
options_settle(struct seglog_backup_options *options)
{
    if (options->level == 0)
        options->level = slg_backup_can_pack() ? SEGLOG_BACKUP_LEVEL_DEFAULT
                                               : SEGLOG_BACKUP_PLAIN;
    if (options->piece_bytes == 0)
        options->piece_bytes = SEGLOG_BACKUP_PIECE_DEFAULT;
    if (options->part_bytes == 0)
        options->part_bytes = SEGLOG_BACKUP_PART_DEFAULT;
    if (options->open_max == 0)
        options->open_max = SEGLOG_BACKUP_OPEN_DEFAULT;
    return options->level >= SEGLOG_BACKUP_PLAIN &&
           options->level <= SEGLOG_BACKUP_LEVEL_MAX &&
           (options->level < 0 || slg_backup_can_pack()) &&
           options->piece_bytes >= SEGLOG_BACKUP_PIECE_MIN &&
           options->piece_bytes <= SEGLOG_BACKUP_PIECE_MAX &&
           options->part_bytes >= SEGLOG_BACKUP_PIECE_MIN &&
           options->part_bytes <= PART_BYTES_MAX &&
           !(options->is_full && options->base != 0);
}

static seglog_code
arguments_check(struct making *making,
                const struct seglog_backup_options *options)
{
    const struct seglog_store source = making->source->store;

    if (!slg_options_copy(&making->options, sizeof making->options, options) ||
        !options_settle(&making->options))
        return slg_fail(making->err, SEGLOG_INVALID, NULL,
                        "an option of the backup is out of range, or this "
                        "build has no zstd");
    if (source.ops == making->repository.ops &&
        source.self == making->repository.self)
        return slg_fail(making->err, SEGLOG_INVALID, NULL,
                        "a store cannot be its own backup");
    return SEGLOG_OK;
}

/* -- what is there --------------------------------------------------------- */

/* Of the last backup that did not end, or of its removal. */
static seglog_code
leftovers_remove(const struct making *making,
                 const struct slg_backup_listing *listing)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < listing->left.count && code == SEGLOG_OK; i++)
        code = slg_backup_blob_remove(making->repository,
                                      listing->left.names[i], making->err);
    for (size_t i = 0; i < listing->parts.count && code == SEGLOG_OK; i++) {
        uint32_t number = 0;
        uint32_t index = 0;

        if (slg_backup_part_parse_name(listing->parts.names[i], &number,
                                       &index) &&
            number >= making->number)
            code = slg_backup_blob_remove(making->repository,
                                          listing->parts.names[i], making->err);
    }
    return code;
}

/* A base of another algorithm cannot be compared with. */
static seglog_code
base_load(struct making *making, uint32_t latest)
{
    const uint32_t number =
        making->options.base != 0 ? making->options.base : latest;
    seglog_code code = SEGLOG_OK;

    if (making->options.is_full || number == 0)
        return SEGLOG_OK;
    code = slg_backup_load_number(making->repository, number, &making->base,
                                  making->err);
    if (code == SEGLOG_OK &&
        making->base.info.hash != slg_backup_hash_default())
        slg_manifest_reset(&making->base);
    return code;
}

static seglog_code
repository_look(struct making *making)
{
    struct slg_backup_listing listing = { .numbers = NULL };
    uint32_t latest = 0;
    seglog_code code =
        slg_backup_listing_make(making->repository, &listing, making->err);

    if (code != SEGLOG_OK)
        return code;
    latest = slg_backup_listing_latest(&listing);
    if (latest == SEGLOG_BACKUP_NUMBER_MAX) {
        code = slg_fail(making->err, SEGLOG_TOO_LARGE, NULL,
                        "no number is left for another backup: use a new "
                        "repository");
    } else {
        making->number = latest + 1;
        code = base_load(making, latest);
    }
    if (code == SEGLOG_OK)
        code = leftovers_remove(making, &listing);
    slg_backup_listing_reset(&listing);
    return code;
}

/* -- one try --------------------------------------------------------------- */

/* Whatever was written for it.  What stays is removed by the next one. */
static void
own_remove(struct making *making)
{
    char name[SEGLOG_BACKUP_NAME_CAP];

    if (making->has_name)
        return;
    (void)slg_backup_blob_remove(making->repository, making->name_new, NULL);
    for (uint32_t i = making->writer.made; i > 0; i--)
        (void)slg_backup_blob_remove(
            making->repository, slg_backup_part_name(making->number, i, name),
            NULL);
}

/* Parts that hold only what was stored of blobs before they were cut. */
static void
unused_remove(const struct making *making)
{
    const struct slg_manifest *manifest = &making->manifest;
    size_t at = 0;
    char name[SEGLOG_BACKUP_NAME_CAP];

    while (at < manifest->part_count &&
           manifest->parts[at].number != making->number)
        at++;
    for (uint32_t i = 1; i <= making->writer.made; i++) {
        if (at < manifest->part_count && manifest->parts[at].index == i)
            at++;
        else
            (void)slg_backup_blob_remove(
                making->repository,
                slg_backup_part_name(making->number, i, name), NULL);
    }
}

static void
try_reset(struct making *making)
{
    slg_backup_writer_reset(&making->writer);
    slg_backup_snapshot_reset(&making->snapshot);
    slg_manifest_reset(&making->manifest);
}

static void
info_begin(struct making *making)
{
    struct seglog_backup_info *info = &making->manifest.info;
    const struct slg_backup_position *position = &making->snapshot.position;

    info->number = making->number;
    info->base = making->base.info.number;
    info->hash = slg_backup_hash_default();
    info->created_ms = making->snapshot.taken_ms;
    info->has_position = position->is_known;
    info->position = position->is_known ? position->number : 0;
    memcpy(info->text, position->text, sizeof info->text);
    info->text[sizeof info->text - 1] = '\0';
}

/* *is_stale: all of it has to begin anew. */
static seglog_code
all_copy(struct making *making, bool *is_stale)
{
    struct slg_backup_copy copy = {
        .source = making->source,
        .snapshot = &making->snapshot,
        .options = &making->options,
        .base = &making->base,
        .manifest = &making->manifest,
        .writer = &making->writer,
    };
    seglog_code code =
        slg_backup_snapshot_take(making->source, making->options.open_max,
                                 &making->snapshot, making->err);

    if (code != SEGLOG_OK)
        return code;
    info_begin(making);
    making->writer = (struct slg_backup_writer){
        .repository = making->repository,
        .manifest = &making->manifest,
        .part_bytes = making->options.part_bytes,
        .hasher = slg_backup_hasher_new(making->manifest.info.hash),
    };
    if (!making->writer.hasher)
        return slg_backup_fail_memory(making->err);
    code = slg_backup_copy_run(&copy, making->err);
    *is_stale = copy.is_stale;
    return code;
}

static seglog_code
copy_until_fresh(struct making *making)
{
    bool is_stale = false;
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < TRIES_MAX; i++) {
        code = all_copy(making, &is_stale);
        if (code != SEGLOG_OK || !is_stale)
            return code;
        /* The parts that are written are taken away under their own names. */
        slg_backup_writer_reset(&making->writer);
        own_remove(making);
        try_reset(making);
    }
    return slg_fail(making->err, SEGLOG_CONFLICT, NULL,
                    "the store has changed under the backup %d times: try "
                    "again when less is compacted or cut",
                    TRIES_MAX);
}

/* -- the manifest ---------------------------------------------------------- */

static seglog_code
manifest_write(const struct making *making, const char *text, size_t len)
{
    struct seglog_blob blob = { 0 };
    seglog_code code = seglog_blob_open(
        making->repository, making->name_new,
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE, &blob, making->err);

    if (code == SEGLOG_OK)
        code = seglog_blob_append(blob, 0, text, len, NULL, making->err);
    if (code == SEGLOG_OK)
        code = seglog_blob_flush(blob, making->err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(blob, making->err);
    if (code == SEGLOG_OK)
        return seglog_blob_close(&blob, making->err);
    (void)seglog_blob_close(&blob, NULL);
    return code;
}

static seglog_code
manifest_make(struct making *making)
{
    const int64_t spent_ns = slg_now_ns() - making->started_ns;
    char *text = NULL;
    size_t len = 0;
    seglog_code code = SEGLOG_OK;

    making->manifest.info.duration_ms =
        spent_ns > 0 ? (uint64_t)spent_ns / 1000000u : 0;
    if (making->manifest.info.created_ms < 0)
        making->manifest.info.created_ms = 0;
    if (slg_manifest_settle(&making->manifest))
        text = slg_manifest_encode(&making->manifest, &len);
    code = text ? manifest_write(making, text, len)
                : slg_backup_fail_memory(making->err);
    free(text);
    return code;
}

/* What was written, as it is read: then it gets its name. */
static seglog_code
all_verify(struct making *making)
{
    const struct seglog_backup_digest *digest = &making->manifest.info.digest;
    struct slg_manifest read = { .part_count = 0 };
    seglog_code code = slg_backup_load(making->repository, making->name_new,
                                       making->number, &read, making->err);

    if (code == SEGLOG_OK &&
        !slg_backup_digest_is_same(&read.info.digest, digest))
        code = slg_backup_fail(making->err, SEGLOG_CORRUPT, making->name_new,
                               "what is read is not what was written");
    if (code == SEGLOG_OK)
        code = slg_backup_check(making->repository, &read,
                                making->options.on_progress,
                                making->options.arg, making->err);
    slg_manifest_reset(&read);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_store_replace(making->repository, making->name_new,
                                making->name, making->err);
    /* It may have been renamed all the same; what it names stays then. */
    if (code != SEGLOG_OK)
        making->has_name =
            slg_backup_blob_remove(making->repository, making->name, NULL) !=
            SEGLOG_OK;
    return code;
}

/* -- the call -------------------------------------------------------------- */

static seglog_code
make_locked(struct making *making)
{
    seglog_code code = repository_look(making);

    if (code != SEGLOG_OK)
        return code;
    (void)slg_backup_manifest_name(making->number, making->name);
    memcpy(making->name_new, making->name, sizeof making->name);
    memcpy(making->name_new + strlen(making->name), ".new", sizeof ".new");
    code = copy_until_fresh(making);
    if (code == SEGLOG_OK)
        code = manifest_make(making);
    if (code == SEGLOG_OK)
        code = all_verify(making);
    if (code == SEGLOG_OK) {
        unused_remove(making);
        return code;
    }
    slg_backup_writer_reset(&making->writer);
    own_remove(making);
    return code;
}

seglog_code
slg_backup_make(const struct slg_backup_source *source,
                struct seglog_store repository,
                const struct seglog_backup_options *options,
                struct seglog_backup_info *info, struct seglog_error *err)
{
    struct making making = { .source = source,
                             .repository = repository,
                             .options = { .size = sizeof making.options },
                             .started_ns = slg_now_ns(),
                             .err = err };
    struct seglog_lock lock = { 0 };
    seglog_code code = arguments_check(&making, options);

    if (code == SEGLOG_OK)
        code = slg_backup_lock(repository, making.options.lock_timeout_ms,
                               &lock, err);
    if (code == SEGLOG_OK)
        code = make_locked(&making);
    slg_backup_unlock(&lock);
    if (code == SEGLOG_OK && info)
        *info = making.manifest.info;
    slg_manifest_reset(&making.base);
    try_reset(&making);
    return code;
}
