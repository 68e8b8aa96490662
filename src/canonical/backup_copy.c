/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/backup_copy.c - the bytes of the source.
 *
 * A blob that is being written to may also be cut, and then grow again with
 * other bytes, between two reads of it.  So each is read twice: when both times
 * the same came, it held just these bytes in between.
 */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/checksum/digest.h"

/* How often a blob that was cut meanwhile is copied again. */
#define TRIES_MAX     8

#define STREAM_PREFIX "stream."
#define SEGMENT_END   ".seg"

/* One blob, being copied. */
struct taking {
    const struct slg_backup_copy *copy;
    const struct slg_backup_item *item;
    struct seglog_blob blob;
    uint64_t size;
    uint64_t at;
    size_t tail_len;    /* of the item's tail, that is to stand at the end */
    size_t blob_index;  /* in the manifest */
    uint32_t *part_now; /* of a part of the base: its index + 1, or 0 */
    struct slg_backup_hasher *hasher;
    struct slg_backup_packer *packer;
    struct slg_long_digest *first; /* of all that was read */
    uint8_t *buffer;
    size_t cap;
    uint64_t *done;
    uint64_t total;
    struct seglog_error *err;
};

/* -- the two reads --------------------------------------------------------- */

/* Bytes at taking->at go to the buffer. */
static seglog_code
bytes_read(struct taking *taking, size_t len, struct seglog_error *err)
{
    uint8_t *grown = NULL;

    if (len > taking->cap) {
        grown = realloc(taking->buffer, len);
        if (!grown)
            return slg_backup_fail_memory(err);
        taking->buffer = grown;
        taking->cap = len;
    }
    return seglog_blob_read_at(taking->blob, taking->at, taking->buffer, len,
                               err);
}

static size_t
step_of(const struct taking *taking)
{
    const uint64_t left = taking->size - taking->at;
    const size_t step = taking->copy->options->piece_bytes;

    return left < step ? (size_t)left : step;
}

/* What stands at its end is what stood there when it was held. */
static seglog_code
tail_compare(struct taking *taking, bool *is_same)
{
    const size_t len = taking->tail_len;
    seglog_code code = SEGLOG_OK;

    if (len == 0)
        return SEGLOG_OK;
    taking->at = taking->size - len;
    code = bytes_read(taking, len, taking->err);
    if (code == SEGLOG_OK &&
        memcmp(taking->buffer, taking->item->tail, len) != 0)
        *is_same = false;
    return code;
}

/* *is_same: the blob still holds what was copied.  It may be shorter by now. */
static seglog_code
second_read(struct taking *taking, bool *is_same)
{
    uint8_t before[SLG_LONG_DIGEST_BYTES];
    uint8_t now[SLG_LONG_DIGEST_BYTES];
    uint64_t size = 0;
    seglog_code code = SEGLOG_OK;

    *is_same = false;
    slg_long_digest_get(taking->first, before);
    slg_long_digest_reset(taking->first);
    for (taking->at = 0; taking->at < taking->size;) {
        const size_t len = step_of(taking);

        code = seglog_blob_get_size(taking->blob, &size, NULL, taking->err);
        if (code != SEGLOG_OK || size < taking->size)
            return code;
        code = bytes_read(taking, len, taking->err);
        if (code == SEGLOG_INVALID) /* cut just now */
            return SEGLOG_OK;
        if (code != SEGLOG_OK)
            return code;
        slg_long_digest_add(taking->first, taking->buffer, len);
        taking->at += len;
    }
    slg_long_digest_get(taking->first, now);
    *is_same = memcmp(before, now, sizeof now) == 0;
    return tail_compare(taking, is_same);
}

/* -- pieces ---------------------------------------------------------------- */

static void
digest_make(struct taking *taking, size_t len,
            struct seglog_backup_digest *digest)
{
    slg_backup_hasher_add(taking->hasher, taking->buffer, len);
    slg_backup_hasher_get(taking->hasher, digest);
}

static seglog_code
piece_passed(struct taking *taking, size_t len)
{
    const struct seglog_backup_options *options = taking->copy->options;

    slg_long_digest_add(taking->first, taking->buffer, len);
    taking->at += len;
    *taking->done += len;
    if (*taking->done > taking->total)
        taking->total = *taking->done;
    return slg_backup_progress(options->on_progress, options->arg,
                               *taking->done, taking->total, taking->err);
}

/* The base's part in this manifest. */
static bool
part_take(const struct taking *taking, uint32_t base_part, uint32_t *index)
{
    struct slg_manifest *manifest = taking->copy->manifest;
    struct slg_backup_part *part = NULL;

    if (taking->part_now[base_part] == 0) {
        part = slg_manifest_add_part(manifest);
        if (!part)
            return false;
        *part = taking->copy->base->parts[base_part];
        taking->part_now[base_part] = (uint32_t)manifest->part_count;
    }
    *index = taking->part_now[base_part] - 1;
    return true;
}

/* The next bytes are those of a piece of the base: there is nothing to store.
 * *is_same: they are. */
static seglog_code
piece_reuse(struct taking *taking, const struct slg_backup_piece *old,
            bool *is_same)
{
    struct slg_manifest *manifest = taking->copy->manifest;
    struct seglog_backup_digest digest;
    struct slg_backup_piece *piece = NULL;
    uint32_t part = 0;
    seglog_code code = SEGLOG_OK;

    *is_same = false;
    if (old->len > taking->size - taking->at)
        return SEGLOG_OK;
    code = bytes_read(taking, old->len, taking->err);
    if (code != SEGLOG_OK)
        return code;
    digest_make(taking, old->len, &digest);
    if (!slg_backup_digest_is_same(&digest, &old->digest))
        return SEGLOG_OK;
    *is_same = true;
    piece = slg_manifest_add_piece(manifest);
    if (!piece || !part_take(taking, old->part, &part))
        return slg_backup_fail_memory(taking->err);
    *piece = *old;
    piece->part = part;
    return piece_passed(taking, old->len);
}

static seglog_code
piece_store(struct taking *taking)
{
    struct slg_manifest *manifest = taking->copy->manifest;
    const size_t len = step_of(taking);
    struct slg_backup_piece piece = { .len = len };
    struct slg_backup_piece *added = NULL;
    const uint8_t *packed = NULL;
    size_t packed_len = 0;
    seglog_code code = bytes_read(taking, len, taking->err);

    if (code != SEGLOG_OK)
        return code;
    digest_make(taking, len, &piece.digest);
    if (!slg_backup_pack(taking->packer, taking->buffer, len, &packed,
                         &packed_len, &piece.codec))
        return slg_backup_fail_memory(taking->err);
    code = slg_backup_write(taking->copy->writer, packed, packed_len, &piece,
                            taking->err);
    if (code != SEGLOG_OK)
        return code;
    added = slg_manifest_add_piece(manifest);
    if (!added)
        return slg_backup_fail_memory(taking->err);
    *added = piece;
    return piece_passed(taking, len);
}

/* -- one blob -------------------------------------------------------------- */

static seglog_code
pieces_take(struct taking *taking)
{
    const struct slg_manifest *base = taking->copy->base;
    const struct slg_backup_blob *old =
        slg_manifest_find(base, taking->item->name);
    bool is_same = true;
    seglog_code code = SEGLOG_OK;

    taking->at = 0;
    slg_long_digest_reset(taking->first);
    for (size_t i = 0; old && i < old->count && is_same && code == SEGLOG_OK;
         i++)
        code = piece_reuse(taking, &base->pieces[old->first + i], &is_same);
    while (taking->at < taking->size && code == SEGLOG_OK)
        code = piece_store(taking);
    return code;
}

/* A read beyond the end: the blob was cut. */
static bool
was_cut(const struct taking *taking, seglog_code code)
{
    uint64_t size = 0;

    return code == SEGLOG_INVALID &&
           seglog_blob_get_size(taking->blob, &size, NULL, NULL) == SEGLOG_OK &&
           size < taking->size;
}

/* All of it, until it was not cut meanwhile.  What the tries before have stored
 * lies in a part and is nobody's. */
static seglog_code
blob_take(struct taking *taking, struct slg_backup_copy *copy)
{
    struct slg_manifest *manifest = copy->manifest;
    const size_t first = manifest->piece_count;
    const uint64_t done = *taking->done;
    bool is_same = false;
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < TRIES_MAX; i++) {
        manifest->piece_count = first;
        *taking->done = done;
        code = pieces_take(taking);
        if (code == SEGLOG_OK)
            code = second_read(taking, &is_same);
        if (was_cut(taking, code)) {
            is_same = false;
            code = SEGLOG_OK;
        }
        if (code != SEGLOG_OK || is_same)
            break;
        /* What was fixed at one moment cannot be taken at another. */
        copy->is_stale = copy->source->freeze && taking->item->is_held;
        if (copy->is_stale)
            return SEGLOG_OK;
        manifest->info.is_one_moment = false;
        taking->tail_len = 0;
        code = seglog_blob_get_size(taking->blob, &taking->size, NULL,
                                    taking->err);
        if (code != SEGLOG_OK)
            break;
    }
    if (code == SEGLOG_OK && !is_same)
        return slg_backup_fail(taking->err, SEGLOG_CONFLICT, taking->item->name,
                               "it was cut again and again while it was "
                               "copied: try again when less goes on");
    if (code == SEGLOG_OK) {
        manifest->blobs[taking->blob_index].size = taking->size;
        manifest->blobs[taking->blob_index].count =
            manifest->piece_count - first;
    }
    return code;
}

/* It had this name when names were looked up. */
static bool
is_to_be_missed(const char *name)
{
    return strncmp(name, STREAM_PREFIX, strlen(STREAM_PREFIX)) == 0 &&
           slg_name_has_suffix(name, SEGMENT_END);
}

/*
 * One that was not held is taken as it is now.  If it is gone: a segment of a
 * stream was merged into one of another name, which has to be looked up; all
 * else was removed for good.
 */
static seglog_code
blob_open(struct taking *taking, struct slg_backup_copy *copy, bool *is_gone)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_OK;

    *is_gone = false;
    taking->blob = taking->item->blob;
    taking->size = taking->item->size;
    taking->tail_len = taking->item->is_held ? taking->item->tail_len : 0;
    if (taking->item->is_held)
        return SEGLOG_OK;
    code = seglog_blob_open(copy->source->store, taking->item->name,
                            SEGLOG_OPEN_READ, &taking->blob, &local);
    if (code == SEGLOG_NOT_FOUND) {
        *is_gone = true;
        copy->is_stale = is_to_be_missed(taking->item->name) ||
                         slg_backup_is_held(taking->item->name);
        return SEGLOG_OK;
    }
    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(taking->blob, &taking->size, NULL, &local);
    if (code != SEGLOG_OK && taking->err)
        *taking->err = local;
    return code;
}

static seglog_code
item_take(struct taking *taking, struct slg_backup_copy *copy)
{
    bool is_gone = false;
    seglog_code code = blob_open(taking, copy, &is_gone);

    if (code == SEGLOG_OK && !is_gone) {
        taking->blob_index = copy->manifest->blob_count;
        if (slg_manifest_add_blob(copy->manifest, taking->item->name,
                                  strlen(taking->item->name)))
            code = blob_take(taking, copy);
        else
            code = slg_backup_fail_memory(taking->err);
    }
    if (!taking->item->is_held && taking->blob.ops) {
        const seglog_code closed = seglog_blob_close(
            &taking->blob, code == SEGLOG_OK ? taking->err : NULL);

        if (code == SEGLOG_OK)
            code = closed;
    }
    return code;
}

/* -- all of them ----------------------------------------------------------- */

static bool
taking_init(struct taking *taking, const struct slg_backup_copy *copy)
{
    const int level = copy->options->level;

    taking->copy = copy;
    taking->part_now =
        calloc(copy->base->part_count + 1, sizeof *taking->part_now);
    taking->hasher = slg_backup_hasher_new(copy->manifest->info.hash);
    taking->first = slg_long_digest_new();
    if (level > 0)
        taking->packer = slg_backup_packer_new(level);
    for (size_t i = 0; i < copy->snapshot->count; i++)
        taking->total += copy->snapshot->items[i].size;
    return taking->part_now && taking->hasher && taking->first &&
           (level < 0 || taking->packer);
}

static void
taking_reset(struct taking *taking)
{
    free(taking->part_now);
    free(taking->buffer);
    slg_backup_hasher_free(taking->hasher);
    slg_backup_packer_free(taking->packer);
    slg_long_digest_free(taking->first);
}

seglog_code
slg_backup_copy_run(struct slg_backup_copy *copy, struct seglog_error *err)
{
    uint64_t done = 0;
    struct taking taking = { .done = &done, .err = err };
    seglog_code code =
        taking_init(&taking, copy) ? SEGLOG_OK : slg_backup_fail_memory(err);

    copy->is_stale = false;
    copy->manifest->info.is_one_moment = copy->snapshot->is_one_moment;
    for (size_t i = 0;
         i < copy->snapshot->count && code == SEGLOG_OK && !copy->is_stale;
         i++) {
        taking.item = &copy->snapshot->items[i];
        taking.blob = (struct seglog_blob){ 0 };
        code = item_take(&taking, copy);
    }
    taking_reset(&taking);
    if (code == SEGLOG_OK && !copy->is_stale)
        code = slg_backup_writer_end(copy->writer, err);
    return code;
}
