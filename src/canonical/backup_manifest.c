/* SPDX-License-Identifier: MIT */
/* src/canonical/backup_manifest.c - a manifest in memory, and as text. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/canonical/backup_text.h"

void
slg_manifest_reset(struct slg_manifest *manifest)
{
    for (size_t i = 0; i < manifest->blob_count; i++)
        free(manifest->blobs[i].name);
    free(manifest->parts);
    free(manifest->blobs);
    free(manifest->pieces);
    *manifest = (struct slg_manifest){ .part_count = 0 };
}

/* Room for one more of `size` bytes.  NULL: no memory. */
static void *
room_make(void *items, size_t *cap, size_t count, size_t size)
{
    const size_t more = *cap ? 2 * *cap : 16;
    void *grown = NULL;

    if (count < *cap)
        return items;
    if (more > SIZE_MAX / size)
        return NULL;
    grown = realloc(items, more * size);
    if (grown)
        *cap = more;
    return grown;
}

struct slg_backup_part *
slg_manifest_add_part(struct slg_manifest *manifest)
{
    struct slg_backup_part *parts = NULL;

    if (manifest->part_count == UINT32_MAX)
        return NULL;
    parts = room_make(manifest->parts, &manifest->part_cap,
                      manifest->part_count, sizeof *parts);
    if (!parts)
        return NULL;
    manifest->parts = parts;
    parts += manifest->part_count++;
    *parts = (struct slg_backup_part){ .size = 0 };
    return parts;
}

struct slg_backup_piece *
slg_manifest_add_piece(struct slg_manifest *manifest)
{
    struct slg_backup_piece *pieces =
        room_make(manifest->pieces, &manifest->piece_cap, manifest->piece_count,
                  sizeof *pieces);

    if (!pieces)
        return NULL;
    manifest->pieces = pieces;
    pieces += manifest->piece_count++;
    *pieces = (struct slg_backup_piece){ .at = 0 };
    return pieces;
}

struct slg_backup_blob *
slg_manifest_add_blob(struct slg_manifest *manifest, const char *name,
                      size_t name_len)
{
    struct slg_backup_blob *blobs =
        room_make(manifest->blobs, &manifest->blob_cap, manifest->blob_count,
                  sizeof *blobs);
    char *copy = NULL;

    if (!blobs)
        return NULL;
    manifest->blobs = blobs;
    copy = malloc(name_len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, name, name_len);
    copy[name_len] = '\0';
    blobs += manifest->blob_count++;
    *blobs = (struct slg_backup_blob){ .name = copy,
                                       .first = manifest->piece_count };
    return blobs;
}

const struct slg_backup_blob *
slg_manifest_find(const struct slg_manifest *manifest, const char *name)
{
    size_t low = 0;
    size_t high = manifest->blob_count;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int order = strcmp(manifest->blobs[mid].name, name);

        if (order == 0)
            return &manifest->blobs[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* -- settling -------------------------------------------------------------- */

struct numbered {
    struct slg_backup_part part;
    uint32_t was; /* its index before */
    bool is_used;
};

static int
numbered_compare(const void *left, const void *right)
{
    const struct slg_backup_part *a = &((const struct numbered *)left)->part;
    const struct slg_backup_part *b = &((const struct numbered *)right)->part;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

bool
slg_manifest_settle(struct slg_manifest *manifest)
{
    const size_t count = manifest->part_count;
    struct numbered *sorted = calloc(count + 1, sizeof *sorted);
    uint32_t *now = calloc(count + 1, sizeof *now);
    size_t used = 0;

    if (!sorted || !now) {
        free(sorted);
        free(now);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] =
            (struct numbered){ .part = manifest->parts[i], .was = (uint32_t)i };
    for (size_t i = 0; i < manifest->piece_count; i++)
        sorted[manifest->pieces[i].part].is_used = true;
    qsort(sorted, count, sizeof *sorted, numbered_compare);
    for (size_t i = 0; i < count; i++) {
        if (!sorted[i].is_used)
            continue;
        now[sorted[i].was] = (uint32_t)used;
        manifest->parts[used++] = sorted[i].part;
    }
    manifest->part_count = used;
    for (size_t i = 0; i < manifest->piece_count; i++)
        manifest->pieces[i].part = now[manifest->pieces[i].part];
    free(sorted);
    free(now);
    return true;
}

void
slg_manifest_count(struct slg_manifest *manifest)
{
    struct seglog_backup_info *info = &manifest->info;

    info->blobs = manifest->blob_count;
    info->bytes = 0;
    info->parts = manifest->part_count;
    info->stored = 0;
    info->new_parts = 0;
    info->new_stored = 0;
    for (size_t i = 0; i < manifest->blob_count; i++)
        info->bytes += manifest->blobs[i].size;
    for (size_t i = 0; i < manifest->part_count; i++) {
        info->stored += manifest->parts[i].size;
        if (manifest->parts[i].number != info->number)
            continue;
        info->new_parts++;
        info->new_stored += manifest->parts[i].size;
    }
    (void)slg_backup_manifest_name(info->number, info->manifest);
}

/* -- as text --------------------------------------------------------------- */

struct text {
    char *bytes;
    size_t len;
    size_t cap;
    bool has_failed;
};

static char *
text_room(struct text *text, size_t len)
{
    size_t cap = text->cap ? text->cap : 4096;
    char *grown = NULL;

    while (cap - text->len < len && cap < SIZE_MAX / 4)
        cap *= 2;
    if (cap != text->cap && !text->has_failed) {
        grown = realloc(text->bytes, cap);
        text->has_failed = grown == NULL;
        if (grown) {
            text->bytes = grown;
            text->cap = cap;
        }
    }
    return text->has_failed ? NULL : text->bytes + text->len;
}

__attribute__((format(printf, 2, 3))) static void
text_add(struct text *text, const char *format, ...)
{
    char *at = text_room(text, SLG_BACKUP_LINE_MAX);
    va_list args;

    if (!at)
        return;
    va_start(args, format);
    text->len += (size_t)vsnprintf(at, SLG_BACKUP_LINE_MAX, format, args);
    va_end(args);
}

/* Bytes that are not ASCII stand for the characters of the same numbers, so
 * that it is JSON whatever a blob is called, and no two names become one. */
static void
text_add_string(struct text *text, const char *string)
{
    text_add(text, "\"");
    for (const char *p = string; *p != '\0'; p++) {
        const unsigned char byte = (unsigned char)*p;

        if (byte < 0x20 || byte > 0x7E || byte == '"' || byte == '\\')
            text_add(text, "\\u%04x", byte);
        else
            text_add(text, "%c", byte);
    }
    text_add(text, "\"");
}

static void
text_add_digest(struct text *text, const struct seglog_backup_digest *digest)
{
    char hex[2 * SEGLOG_BACKUP_DIGEST_MAX + 1] = "";

    for (size_t i = 0; i < digest->len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest->bytes[i]);
    text_add(text, "\"%s\"", hex);
}

static void
head_encode(struct text *text, const struct seglog_backup_info *info)
{
    text_add(text, SLG_BACKUP_HEAD "%" PRIu32, info->number);
    text_add(text, SLG_BACKUP_BASE "%" PRIu32, info->base);
    text_add(text, SLG_BACKUP_CREATED "%" PRIu64, (uint64_t)info->created_ms);
    text_add(text, SLG_BACKUP_DURATION "%" PRIu64, info->duration_ms);
    text_add(text, SLG_BACKUP_MOMENT "%s",
             info->is_one_moment ? "true" : "false");
    if (info->has_position)
        text_add(text, SLG_BACKUP_POSITION "%" PRIu64, info->position);
    else
        text_add(text, SLG_BACKUP_POSITION "null");
    text_add(text, SLG_BACKUP_TEXT);
    text_add_string(text, info->text);
    text_add(text, SLG_BACKUP_PARTS "%" PRIu64, info->parts);
    text_add(text, SLG_BACKUP_BLOBS "%" PRIu64 "}\n", info->blobs);
}

static void
parts_encode(struct text *text, const struct slg_manifest *manifest)
{
    for (size_t i = 0; i < manifest->part_count; i++) {
        const struct slg_backup_part *part = &manifest->parts[i];
        char name[SEGLOG_BACKUP_NAME_CAP];

        text_add(text, SLG_BACKUP_PART "\"%s\"",
                 slg_backup_part_name(part->number, part->index, name));
        text_add(text, SLG_BACKUP_SIZE "%" PRIu64 SLG_BACKUP_DIGEST,
                 part->size);
        text_add_digest(text, &part->digest);
        text_add(text, "}\n");
    }
}

static void
blob_encode(struct text *text, const struct slg_manifest *manifest,
            const struct slg_backup_blob *blob)
{
    text_add(text, SLG_BACKUP_BLOB);
    text_add_string(text, blob->name);
    text_add(text, SLG_BACKUP_SIZE "%" PRIu64, blob->size);
    text_add(text, SLG_BACKUP_PIECES "%zu}\n", blob->count);
    for (size_t i = 0; i < blob->count; i++) {
        const struct slg_backup_piece *piece =
            &manifest->pieces[blob->first + i];

        text_add(text, SLG_BACKUP_PIECE "%zu", piece->len);
        text_add(text, SLG_BACKUP_IN "%" PRIu32, piece->part);
        text_add(text, SLG_BACKUP_AT "%" PRIu64, piece->at);
        text_add(text, SLG_BACKUP_STORED_AS "%zu", piece->stored);
        text_add(text, SLG_BACKUP_CODEC "\"%s\"" SLG_BACKUP_DIGEST,
                 piece->codec == SLG_BACKUP_ZSTD ? "zstd" : "none");
        text_add_digest(text, &piece->digest);
        text_add(text, "}\n");
    }
}

char *
slg_manifest_encode(struct slg_manifest *manifest, size_t *len)
{
    struct slg_backup_hasher *hasher =
        slg_backup_hasher_new(manifest->info.hash);
    struct text text = { .has_failed = hasher == NULL };

    slg_manifest_count(manifest);
    head_encode(&text, &manifest->info);
    parts_encode(&text, manifest);
    for (size_t i = 0; i < manifest->blob_count; i++)
        blob_encode(&text, manifest, &manifest->blobs[i]);
    if (!text.has_failed) {
        slg_backup_hasher_add(hasher, text.bytes, text.len);
        slg_backup_hasher_get(hasher, &manifest->info.digest);
        text_add(&text, SLG_BACKUP_END);
        text_add_digest(&text, &manifest->info.digest);
        text_add(&text, "}\n");
    }
    slg_backup_hasher_free(hasher);
    if (text.has_failed) {
        free(text.bytes);
        return NULL;
    }
    *len = text.len;
    return text.bytes;
}
