/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/backup_parse.c - a manifest from text.
 *
 * First the digest at its end, over all in front of it; then each word where it
 * has to stand, so that one manifest has one text.  Numbers are believed when
 * they fit the others.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/canonical/backup_text.h"
#include "src/store/fail.h"

/* Sums of sizes stay below this, so that none overflows. */
#define SIZE_MOST (UINT64_C(1) << 62)

struct cursor {
    const char *at;
    const char *end;
    const char *name; /* for messages */
    uint64_t line;
    uint8_t digest_len;
    bool has_no_memory;
    struct seglog_error *err;
};

static seglog_code
fail_line(const struct cursor *cursor, const char *what)
{
    const struct slg_place place = { .name = cursor->name,
                                     .line_no = cursor->line,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(cursor->err, SEGLOG_CORRUPT, &place,
                    "the manifest of a backup: %s", what);
}

/* -- words ----------------------------------------------------------------- */

static bool
take(struct cursor *cursor, const char *word)
{
    const size_t len = strlen(word);

    if ((size_t)(cursor->end - cursor->at) < len ||
        memcmp(cursor->at, word, len) != 0)
        return false;
    cursor->at += len;
    return true;
}

static bool
take_number(struct cursor *cursor, uint64_t max, uint64_t *number)
{
    const char *start = cursor->at;

    *number = 0;
    while (cursor->at < cursor->end && *cursor->at >= '0' &&
           *cursor->at <= '9') {
        const uint64_t digit = (uint64_t)(*cursor->at - '0');

        if (digit > max || *number > (max - digit) / 10)
            return false;
        *number = *number * 10 + digit;
        cursor->at++;
    }
    return cursor->at > start && *number <= max &&
           (*start != '0' || cursor->at == start + 1);
}

/* A word and the number behind it. */
static bool
take_field(struct cursor *cursor, const char *word, uint64_t max,
           uint64_t *number)
{
    return take(cursor, word) && take_number(cursor, max, number);
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
take_hex(struct cursor *cursor, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = -1;
        int low = -1;

        if (cursor->end - cursor->at < 2)
            return false;
        high = hex_value(cursor->at[0]);
        low = hex_value(cursor->at[1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high * 16 + low);
        cursor->at += 2;
    }
    return true;
}

static bool
take_digest(struct cursor *cursor, struct seglog_backup_digest *digest)
{
    digest->len = cursor->digest_len;
    return take(cursor, SLG_BACKUP_DIGEST "\"") &&
           take_hex(cursor, digest->bytes, digest->len) && take(cursor, "\"");
}

/* The number of bytes goes to *len, and a NUL behind them. */
static bool
take_string(struct cursor *cursor, char *buf, size_t cap, size_t *len)
{
    *len = 0;
    if (!take(cursor, "\""))
        return false;
    while (cursor->at < cursor->end && *cursor->at != '"') {
        unsigned char byte = (unsigned char)*cursor->at;

        if (*len + 1 >= cap)
            return false;
        if (byte == '\\') {
            if (!take(cursor, "\\u00") || !take_hex(cursor, &byte, 1) ||
                byte == 0 ||
                (byte >= 0x20 && byte <= 0x7E && byte != '"' && byte != '\\'))
                return false;
        } else {
            if (byte < 0x20 || byte > 0x7E)
                return false;
            cursor->at++;
        }
        buf[(*len)++] = (char)byte;
    }
    buf[*len] = '\0';
    return take(cursor, "\"");
}

static bool
take_line_end(struct cursor *cursor)
{
    if (!take(cursor, "}\n"))
        return false;
    cursor->line++;
    return true;
}

/* -- lines ----------------------------------------------------------------- */

static bool
position_parse(struct cursor *cursor, struct seglog_backup_info *info)
{
    size_t len = 0;

    if (!take(cursor, SLG_BACKUP_POSITION))
        return false;
    info->has_position = !take(cursor, "null");
    if (info->has_position && !take_number(cursor, UINT64_MAX, &info->position))
        return false;
    return take(cursor, SLG_BACKUP_TEXT) &&
           take_string(cursor, info->text, sizeof info->text, &len);
}

static bool
head_parse(struct cursor *cursor, struct seglog_backup_info *info)
{
    uint64_t number = 0;
    uint64_t base = 0;
    uint64_t created = 0;

    if (!take_field(cursor, SLG_BACKUP_HEAD, SEGLOG_BACKUP_NUMBER_MAX,
                    &number) ||
        number == 0 ||
        !take_field(cursor, SLG_BACKUP_BASE, number - 1, &base) ||
        !take_field(cursor, SLG_BACKUP_CREATED, INT64_MAX, &created) ||
        !take_field(cursor, SLG_BACKUP_DURATION, INT64_MAX,
                    &info->duration_ms) ||
        !take(cursor, SLG_BACKUP_MOMENT))
        return false;
    info->number = (uint32_t)number;
    info->base = (uint32_t)base;
    info->created_ms = (int64_t)created;
    info->is_one_moment = take(cursor, "true");
    if (!info->is_one_moment && !take(cursor, "false"))
        return false;
    return position_parse(cursor, info) &&
           take_field(cursor, SLG_BACKUP_PARTS, UINT32_MAX, &info->parts) &&
           take_field(cursor, SLG_BACKUP_BLOBS, UINT32_MAX, &info->blobs) &&
           take_line_end(cursor);
}

static bool
part_is_behind(const struct slg_backup_part *before,
               const struct slg_backup_part *part)
{
    return before->number < part->number ||
           (before->number == part->number && before->index < part->index);
}

static bool
part_parse(struct cursor *cursor, struct slg_manifest *manifest,
           uint64_t *stored)
{
    struct slg_backup_part *part = slg_manifest_add_part(manifest);
    char name[SEGLOG_BACKUP_NAME_CAP];
    size_t len = 0;

    cursor->has_no_memory = part == NULL;
    if (!part || !take(cursor, SLG_BACKUP_PART) ||
        !take_string(cursor, name, sizeof name, &len) ||
        !slg_backup_part_parse_name(name, &part->number, &part->index) ||
        part->number > manifest->info.number ||
        (manifest->part_count > 1 && !part_is_behind(part - 1, part)) ||
        !take_field(cursor, SLG_BACKUP_SIZE, SIZE_MOST, &part->size) ||
        !take_digest(cursor, &part->digest))
        return false;
    *stored += part->size;
    return part->size > 0 && *stored <= SIZE_MOST && take_line_end(cursor);
}

static bool
piece_parse(struct cursor *cursor, struct slg_manifest *manifest, bool *is_used)
{
    struct slg_backup_piece *piece = slg_manifest_add_piece(manifest);
    uint64_t len = 0;
    uint64_t part = 0;
    uint64_t stored = 0;

    cursor->has_no_memory = piece == NULL;
    if (!piece || manifest->part_count == 0 ||
        !take_field(cursor, SLG_BACKUP_PIECE, SEGLOG_BACKUP_PIECE_MAX, &len) ||
        !take_field(cursor, SLG_BACKUP_IN, manifest->part_count - 1, &part) ||
        !take_field(cursor, SLG_BACKUP_AT, manifest->parts[part].size,
                    &piece->at) ||
        !take_field(cursor, SLG_BACKUP_STORED_AS, len, &stored) ||
        !take(cursor, SLG_BACKUP_CODEC))
        return false;
    if (take(cursor, "\"zstd\""))
        piece->codec = SLG_BACKUP_ZSTD;
    else if (!take(cursor, "\"none\""))
        return false;
    piece->len = (size_t)len;
    piece->part = (uint32_t)part;
    piece->stored = (size_t)stored;
    is_used[part] = true;
    return len > 0 && stored > 0 &&
           (stored < len) == (piece->codec == SLG_BACKUP_ZSTD) &&
           stored <= manifest->parts[part].size - piece->at &&
           take_digest(cursor, &piece->digest) && take_line_end(cursor);
}

static bool
blob_parse(struct cursor *cursor, struct slg_manifest *manifest, bool *is_used,
           uint64_t *bytes)
{
    char name[SLG_NAME_CAP];
    size_t name_len = 0;
    uint64_t size = 0;
    uint64_t count = 0;
    uint64_t sum = 0;
    struct slg_backup_blob *blob = NULL;

    if (!take(cursor, SLG_BACKUP_BLOB) ||
        !take_string(cursor, name, sizeof name, &name_len) ||
        slg_name_check(name, NULL) != SEGLOG_OK ||
        !take_field(cursor, SLG_BACKUP_SIZE, SIZE_MOST, &size) ||
        !take_field(cursor, SLG_BACKUP_PIECES, size, &count) ||
        !take_line_end(cursor))
        return false;
    blob = slg_manifest_add_blob(manifest, name, name_len);
    cursor->has_no_memory = blob == NULL;
    if (!blob ||
        (manifest->blob_count > 1 && strcmp(blob[-1].name, blob->name) >= 0))
        return false;
    blob->size = size;
    blob->count = (size_t)count;
    for (uint64_t i = 0; i < count; i++) {
        if (!piece_parse(cursor, manifest, is_used))
            return false;
        sum += manifest->pieces[manifest->piece_count - 1].len;
        if (sum > size)
            return false;
    }
    *bytes += size;
    return sum == size && *bytes <= SIZE_MOST;
}

static bool
body_parse(struct cursor *cursor, struct slg_manifest *manifest)
{
    struct seglog_backup_info *info = &manifest->info;
    bool *is_used = NULL;
    uint64_t stored = 0;
    uint64_t bytes = 0;
    bool is_good = true;

    for (uint64_t i = 0; i < info->parts && is_good; i++)
        is_good = part_parse(cursor, manifest, &stored);
    if (!is_good)
        return false;
    is_used = calloc(manifest->part_count + 1, sizeof *is_used);
    cursor->has_no_memory = is_used == NULL;
    for (uint64_t i = 0; i < info->blobs && is_used && is_good; i++)
        is_good = blob_parse(cursor, manifest, is_used, &bytes);
    for (size_t i = 0; i < manifest->part_count && is_used; i++)
        is_good = is_good && is_used[i];
    free(is_used);
    return is_used && is_good && cursor->at == cursor->end;
}

/* -- the end --------------------------------------------------------------- */

/* The last line, of one length or another.  False: there is none. */
static bool
end_find(struct cursor *cursor, struct seglog_backup_info *info)
{
    static const enum seglog_backup_hash hashes[] = { SEGLOG_BACKUP_SHA256,
                                                      SEGLOG_BACKUP_XXH3 };
    const char *start = cursor->at;
    const char *end = cursor->end;

    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        const uint8_t hash_len = slg_backup_hash_len(hashes[i]);
        const size_t len = strlen(SLG_BACKUP_END) + 2u * hash_len + 4;

        if ((size_t)(end - start) < len)
            continue;
        cursor->at = end - len;
        cursor->end = end;
        if (!take(cursor, SLG_BACKUP_END "\"") ||
            !take_hex(cursor, info->digest.bytes, hash_len) ||
            !take(cursor, "\"}\n") || cursor->at != end)
            continue;
        info->hash = hashes[i];
        info->digest.len = hash_len;
        cursor->digest_len = hash_len;
        cursor->at = start;
        cursor->end = end - len;
        return true;
    }
    return false;
}

static seglog_code
digest_check(const struct cursor *cursor, const struct seglog_backup_info *info)
{
    struct slg_backup_hasher *hasher = NULL;
    struct seglog_backup_digest digest;

    if (!slg_backup_hash_is_computable(info->hash))
        return slg_backup_fail(cursor->err, SEGLOG_FORMAT, cursor->name,
                               "its digests are SHA-256: this build has no "
                               "OpenSSL to compute them");
    hasher = slg_backup_hasher_new(info->hash);
    if (!hasher)
        return slg_backup_fail_memory(cursor->err);
    slg_backup_hasher_add(hasher, cursor->at,
                          (size_t)(cursor->end - cursor->at));
    slg_backup_hasher_get(hasher, &digest);
    slg_backup_hasher_free(hasher);
    if (!slg_backup_digest_is_same(&digest, &info->digest))
        return slg_backup_fail(cursor->err, SEGLOG_CORRUPT, cursor->name,
                               "it is not what was written: its digest is "
                               "another one");
    return SEGLOG_OK;
}

/* A later version may say all else in other words. */
static seglog_code
version_check(struct cursor *cursor)
{
    const char *start = cursor->at;
    uint64_t version = 0;
    const bool is_one =
        take_field(cursor, SLG_BACKUP_NAME, UINT32_MAX, &version);

    cursor->at = start;
    if (is_one && version > 1)
        return slg_backup_fail(cursor->err, SEGLOG_FORMAT, cursor->name,
                               "a backup of version %u: this build knows "
                               "version " SLG_BACKUP_VERSION,
                               (unsigned)version);
    return SEGLOG_OK;
}

static seglog_code
packing_check(const struct cursor *cursor, const struct slg_manifest *manifest)
{
    for (size_t i = 0; i < manifest->piece_count && !slg_backup_can_pack(); i++)
        if (manifest->pieces[i].codec == SLG_BACKUP_ZSTD)
            return slg_backup_fail(cursor->err, SEGLOG_FORMAT, cursor->name,
                                   "it is compressed: this build has no zstd");
    return SEGLOG_OK;
}

seglog_code
slg_manifest_parse(const char *text, size_t len, const char *name,
                   struct slg_manifest *manifest, struct seglog_error *err)
{
    struct cursor cursor = {
        .at = text, .end = text + len, .name = name, .line = 1, .err = err
    };
    seglog_code code = SEGLOG_OK;

    *manifest = (struct slg_manifest){ .part_count = 0 };
    if (!end_find(&cursor, &manifest->info))
        return slg_backup_fail(err, SEGLOG_CORRUPT, name,
                               "the end of the manifest is missing or damaged");
    code = digest_check(&cursor, &manifest->info);
    if (code == SEGLOG_OK)
        code = version_check(&cursor);
    if (code == SEGLOG_OK && (!head_parse(&cursor, &manifest->info) ||
                              !body_parse(&cursor, manifest)))
        code = cursor.has_no_memory
                   ? slg_backup_fail_memory(err)
                   : fail_line(&cursor, "this is not what stands there");
    if (code == SEGLOG_OK)
        code = packing_check(&cursor, manifest);
    if (code == SEGLOG_OK)
        slg_manifest_count(manifest);
    else
        slg_manifest_reset(manifest);
    return code;
}
