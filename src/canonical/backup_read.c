/* SPDX-License-Identifier: MIT */
/* src/canonical/backup_read.c - manifests, parts and pieces, compared. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/store/options.h"

#define MANIFEST_MAX (UINT64_C(1) << 30)
#define BUFFER_BYTES (1u << 20)
/* Parts that are open at once: the pieces of a blob lie in several. */
#define OPEN_MAX 8u

/* -- manifests ------------------------------------------------------------- */

static seglog_code
text_read(struct seglog_blob blob, const char *name, char **text, size_t *len,
          struct seglog_error *err)
{
    uint64_t size = 0;
    seglog_code code = seglog_blob_get_size(blob, &size, NULL, err);

    if (code != SEGLOG_OK)
        return code;
    if (size > MANIFEST_MAX)
        return slg_backup_fail(err, SEGLOG_CORRUPT, name,
                               "it is too long for a manifest");
    *text = malloc((size_t)size + 1);
    if (!*text)
        return slg_backup_fail_memory(err);
    *len = (size_t)size;
    return seglog_blob_read_at(blob, 0, *text, *len, err);
}

seglog_code
slg_backup_load(struct seglog_store repository, const char *name,
                uint32_t number, struct slg_manifest *manifest,
                struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    char *text = NULL;
    size_t len = 0;
    seglog_code code =
        seglog_blob_open(repository, name, SEGLOG_OPEN_READ, &blob, err);

    *manifest = (struct slg_manifest){ .part_count = 0 };
    if (code == SEGLOG_OK)
        code = text_read(blob, name, &text, &len, err);
    (void)seglog_blob_close(&blob, NULL);
    if (code == SEGLOG_OK)
        code = slg_manifest_parse(text, len, name, manifest, err);
    free(text);
    if (code == SEGLOG_OK && manifest->info.number != number) {
        slg_manifest_reset(manifest);
        code = slg_backup_fail(err, SEGLOG_CORRUPT, name,
                               "it is the manifest of another backup");
    }
    return code;
}

static seglog_code
latest_find(struct seglog_store repository, uint32_t *number,
            struct seglog_error *err)
{
    struct slg_backup_listing listing = { .numbers = NULL };
    const seglog_code code = slg_backup_listing_make(repository, &listing, err);

    if (code != SEGLOG_OK)
        return code;
    *number = slg_backup_listing_latest(&listing);
    slg_backup_listing_reset(&listing);
    if (*number == 0)
        return slg_backup_fail(err, SEGLOG_NOT_FOUND, NULL,
                               "there is no backup here");
    return SEGLOG_OK;
}

seglog_code
slg_backup_load_number(struct seglog_store repository, uint32_t number,
                       struct slg_manifest *manifest, struct seglog_error *err)
{
    char name[SEGLOG_BACKUP_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    *manifest = (struct slg_manifest){ .part_count = 0 };
    if (number > SEGLOG_BACKUP_NUMBER_MAX)
        return slg_backup_fail(err, SEGLOG_NOT_FOUND, NULL,
                               "no backup has a number that large");
    if (number == 0)
        code = latest_find(repository, &number, err);
    if (code == SEGLOG_OK)
        code =
            slg_backup_load(repository, slg_backup_manifest_name(number, name),
                            number, manifest, err);
    return code;
}

/* -- the reader ------------------------------------------------------------ */

struct open_part {
    struct seglog_blob blob;
    size_t part;
    uint64_t used; /* when, by the reader's clock */
};

struct slg_backup_reader {
    struct seglog_store repository;
    const struct slg_manifest *manifest;
    struct slg_backup_hasher *hasher;
    struct slg_backup_packer *packer;
    struct open_part open[OPEN_MAX];
    uint64_t clock;
    uint8_t *stored; /* as it lies in a part */
    size_t stored_cap;
    uint8_t *bytes; /* as it was */
    size_t bytes_cap;
};

seglog_code
slg_backup_reader_new(struct seglog_store repository,
                      const struct slg_manifest *manifest,
                      struct slg_backup_reader **reader,
                      struct seglog_error *err)
{
    struct slg_backup_reader *made = calloc(1, sizeof *made);

    *reader = NULL;
    if (!made)
        return slg_backup_fail_memory(err);
    made->repository = repository;
    made->manifest = manifest;
    made->hasher = slg_backup_hasher_new(manifest->info.hash);
    made->packer = slg_backup_packer_new(0);
    if (!made->hasher || !made->packer) {
        slg_backup_reader_free(made);
        return slg_backup_fail_memory(err);
    }
    *reader = made;
    return SEGLOG_OK;
}

void
slg_backup_reader_free(struct slg_backup_reader *reader)
{
    if (!reader)
        return;
    for (size_t i = 0; i < OPEN_MAX; i++)
        (void)seglog_blob_close(&reader->open[i].blob, NULL);
    slg_backup_hasher_free(reader->hasher);
    slg_backup_packer_free(reader->packer);
    free(reader->stored);
    free(reader->bytes);
    free(reader);
}

static bool
room_make(uint8_t **bytes, size_t *cap, size_t len)
{
    uint8_t *grown = NULL;

    if (len <= *cap)
        return true;
    grown = realloc(*bytes, len);
    if (!grown)
        return false;
    *bytes = grown;
    *cap = len;
    return true;
}

static const char *
part_name(const struct slg_backup_reader *reader, size_t part, char *name)
{
    const struct slg_backup_part *named = &reader->manifest->parts[part];

    return slg_backup_part_name(named->number, named->index, name);
}

/* Its handle, in place of the one that was used longest ago. */
static seglog_code
part_open(struct slg_backup_reader *reader, size_t part,
          struct seglog_blob *blob, struct seglog_error *err)
{
    struct open_part *at = &reader->open[0];
    char name[SEGLOG_BACKUP_NAME_CAP];
    seglog_code code = SEGLOG_OK;

    reader->clock++;
    for (size_t i = 0; i < OPEN_MAX; i++) {
        struct open_part *other = &reader->open[i];

        if (other->blob.ops && other->part == part) {
            other->used = reader->clock;
            *blob = other->blob;
            return SEGLOG_OK;
        }
        if (other->used < at->used)
            at = other;
    }
    (void)seglog_blob_close(&at->blob, NULL);
    *at = (struct open_part){ .part = part, .used = reader->clock };
    code = seglog_blob_open(reader->repository, part_name(reader, part, name),
                            SEGLOG_OPEN_READ, &at->blob, err);
    *blob = at->blob;
    if (code == SEGLOG_OK)
        return code;
    at->used = 0;
    return code == SEGLOG_NOT_FOUND
               ? slg_backup_fail(err, code, part_name(reader, part, name),
                                 "a part of the backup is missing")
               : code;
}

seglog_code
slg_backup_check_size(struct seglog_blob blob, const char *name, uint64_t want,
                      struct seglog_error *err)
{
    uint64_t size = 0;
    uint8_t byte = 0;
    seglog_code code = seglog_blob_get_size(blob, &size, NULL, err);

    /* What an encrypted store cannot read counts as bytes behind the end. */
    if (code == SEGLOG_OK && size > want)
        code = seglog_blob_read_at(blob, want, &byte, 1, err);
    if (code == SEGLOG_OK && size != want)
        return slg_backup_fail(err, SEGLOG_CORRUPT, name,
                               "its size is %llu, not the %llu bytes that were "
                               "written",
                               (unsigned long long)size,
                               (unsigned long long)want);
    return code;
}

seglog_code
slg_backup_check_part(struct slg_backup_reader *reader, size_t part,
                      struct seglog_error *err)
{
    const uint64_t size = reader->manifest->parts[part].size;
    char name[SEGLOG_BACKUP_NAME_CAP];
    struct seglog_backup_digest digest;
    struct seglog_blob blob = { 0 };
    seglog_code code = part_open(reader, part, &blob, err);

    if (code == SEGLOG_OK)
        code = slg_backup_check_size(blob, part_name(reader, part, name), size,
                                     err);
    if (code == SEGLOG_OK &&
        !room_make(&reader->stored, &reader->stored_cap, BUFFER_BYTES))
        code = slg_backup_fail_memory(err);
    for (uint64_t at = 0; at < size && code == SEGLOG_OK;) {
        const size_t len =
            size - at < BUFFER_BYTES ? (size_t)(size - at) : BUFFER_BYTES;

        code = seglog_blob_read_at(blob, at, reader->stored, len, err);
        if (code == SEGLOG_OK)
            slg_backup_hasher_add(reader->hasher, reader->stored, len);
        at += len;
    }
    slg_backup_hasher_get(reader->hasher, &digest);
    if (code == SEGLOG_OK &&
        !slg_backup_digest_is_same(&digest,
                                   &reader->manifest->parts[part].digest))
        code =
            slg_backup_fail(err, SEGLOG_CORRUPT, part_name(reader, part, name),
                            "it is not what was written: its digest is "
                            "another one");
    return code;
}

static seglog_code
piece_unpack(struct slg_backup_reader *reader,
             const struct slg_backup_piece *piece, const uint8_t **bytes,
             struct seglog_error *err)
{
    if (piece->codec == SLG_BACKUP_STORED) {
        *bytes = reader->stored;
        return SEGLOG_OK;
    }
    if (!room_make(&reader->bytes, &reader->bytes_cap, piece->len))
        return slg_backup_fail_memory(err);
    *bytes = reader->bytes;
    switch (slg_backup_unpack(reader->packer, reader->stored, piece->stored,
                              reader->bytes, piece->len)) {
    case SLG_BACKUP_UNPACKED:
        return SEGLOG_OK;
    case SLG_BACKUP_UNPACK_NO_MEMORY:
        return slg_backup_fail_memory(err);
    default:
        return SEGLOG_CORRUPT;
    }
}

seglog_code
slg_backup_read_piece(struct slg_backup_reader *reader, size_t at,
                      const uint8_t **bytes, struct seglog_error *err)
{
    const struct slg_backup_piece *piece = &reader->manifest->pieces[at];
    struct seglog_backup_digest digest;
    char name[SEGLOG_BACKUP_NAME_CAP];
    struct seglog_blob blob = { 0 };
    seglog_code code = part_open(reader, piece->part, &blob, err);

    if (code == SEGLOG_OK &&
        !room_make(&reader->stored, &reader->stored_cap, piece->stored))
        code = slg_backup_fail_memory(err);
    if (code == SEGLOG_OK)
        code = seglog_blob_read_at(blob, piece->at, reader->stored,
                                   piece->stored, err);
    if (code != SEGLOG_OK)
        return code;
    code = piece_unpack(reader, piece, bytes, err);
    if (code == SEGLOG_OK) {
        slg_backup_hasher_add(reader->hasher, *bytes, piece->len);
        slg_backup_hasher_get(reader->hasher, &digest);
        if (!slg_backup_digest_is_same(&digest, &piece->digest))
            code = SEGLOG_CORRUPT;
    }
    if (code != SEGLOG_CORRUPT)
        return code;
    code = slg_backup_fail(err, code, part_name(reader, piece->part, name),
                           "the %zu bytes from %llu are not those that were "
                           "written",
                           piece->stored, (unsigned long long)piece->at);
    if (err)
        err->offset = piece->at;
    return code;
}

/* -- all of it ------------------------------------------------------------- */

/* Pieces, part by part: a part is read once more while the system has it. */
static size_t *
pieces_order(const struct slg_manifest *manifest)
{
    size_t *order = calloc(manifest->piece_count + 1, sizeof *order);
    size_t *next = calloc(manifest->part_count + 1, sizeof *next);

    if (!order || !next) {
        free(order);
        free(next);
        return NULL;
    }
    for (size_t i = 0; i < manifest->piece_count; i++)
        next[manifest->pieces[i].part + 1]++;
    for (size_t i = 1; i < manifest->part_count; i++)
        next[i] += next[i - 1];
    for (size_t i = 0; i < manifest->piece_count; i++)
        order[next[manifest->pieces[i].part]++] = i;
    free(next);
    return order;
}

struct checking {
    struct slg_backup_reader *reader;
    const struct slg_manifest *manifest;
    size_t *order;
    size_t at; /* in order */
    uint64_t done;
    seglog_backup_progress_fn on_progress;
    void *arg;
};

static seglog_code
part_check(struct checking *checking, size_t part, struct seglog_error *err)
{
    const struct slg_manifest *manifest = checking->manifest;
    const uint8_t *bytes = NULL;
    seglog_code code = slg_backup_check_part(checking->reader, part, err);

    while (code == SEGLOG_OK && checking->at < manifest->piece_count &&
           manifest->pieces[checking->order[checking->at]].part == part) {
        const size_t piece = checking->order[checking->at++];

        code = slg_backup_read_piece(checking->reader, piece, &bytes, err);
        checking->done += manifest->pieces[piece].len;
        if (code == SEGLOG_OK)
            code =
                slg_backup_progress(checking->on_progress, checking->arg,
                                    checking->done, manifest->info.bytes, err);
    }
    return code;
}

seglog_code
slg_backup_check(struct seglog_store repository,
                 const struct slg_manifest *manifest,
                 seglog_backup_progress_fn on_progress, void *arg,
                 struct seglog_error *err)
{
    struct checking checking = { .manifest = manifest,
                                 .order = pieces_order(manifest),
                                 .on_progress = on_progress,
                                 .arg = arg };
    seglog_code code = SEGLOG_OK;

    if (!checking.order)
        return slg_backup_fail_memory(err);
    code = slg_backup_reader_new(repository, manifest, &checking.reader, err);
    for (size_t i = 0; i < manifest->part_count && code == SEGLOG_OK; i++)
        code = part_check(&checking, i, err);
    slg_backup_reader_free(checking.reader);
    free(checking.order);
    return code;
}

/* -- public ---------------------------------------------------------------- */

seglog_code
seglog_backup_verify(struct seglog_store repository,
                     const struct seglog_restore_options *options,
                     struct seglog_backup_info *info, struct seglog_error *err)
{
    struct seglog_restore_options own = { .size = sizeof own };
    struct slg_manifest manifest;
    seglog_code code = SEGLOG_OK;

    if (!slg_options_copy(&own, sizeof own, options))
        return slg_backup_fail(err, SEGLOG_INVALID, NULL,
                               "an option that this build does not know");
    code = slg_backup_load_number(repository, own.number, &manifest, err);
    if (code != SEGLOG_OK)
        return code;
    if (info)
        *info = manifest.info;
    code =
        slg_backup_check(repository, &manifest, own.on_progress, own.arg, err);
    slg_manifest_reset(&manifest);
    return code;
}

/* Damage of a manifest is told of it alone. */
static seglog_code
info_load(struct seglog_store repository, uint32_t number,
          struct seglog_backup_info *info, struct seglog_error *err)
{
    struct slg_manifest manifest;
    struct seglog_error local;
    const seglog_code code =
        slg_backup_load_number(repository, number, &manifest, &local);

    *info = manifest.info;
    slg_manifest_reset(&manifest);
    if (code == SEGLOG_OK)
        return SEGLOG_OK;
    *info = (struct seglog_backup_info){ .number = number, .code = code };
    (void)slg_backup_manifest_name(number, info->manifest);
    if (code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT || code == SEGLOG_AUTH)
        return SEGLOG_OK;
    if (err)
        *err = local;
    return code;
}

seglog_code
seglog_backup_list(struct seglog_store repository,
                   struct seglog_backup_info **infos, size_t *count,
                   struct seglog_error *err)
{
    struct slg_backup_listing listing = { .numbers = NULL };
    struct seglog_backup_info *all = NULL;
    seglog_code code = SEGLOG_OK;

    if (!infos || !count)
        return slg_backup_fail(err, SEGLOG_INVALID, NULL,
                               "no place for the list of backups");
    code = slg_backup_listing_make(repository, &listing, err);
    if (code != SEGLOG_OK)
        return code;
    all = calloc(listing.manifests.count + 1, sizeof *all);
    if (!all)
        code = slg_backup_fail_memory(err);
    for (size_t i = 0; i < listing.manifests.count && code == SEGLOG_OK; i++)
        code = info_load(repository, listing.numbers[i], &all[i], err);
    if (code == SEGLOG_OK) {
        *infos = all;
        *count = listing.manifests.count;
    } else {
        free(all);
    }
    slg_backup_listing_reset(&listing);
    return code;
}
