/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_backup.c - any bytes as the manifest of a backup (SPEC.md 18.2).
 *
 * What is taken is encoded to the same bytes again, so nothing can be said in
 * two ways, and nothing stands there that is not looked at.  A repository that
 * holds it is verified and restored from, whatever its parts are: with the
 * right digests of nothing but zeros that may succeed, and then the sizes are
 * those that the manifest says.
 *
 * Byte 0 of the input: bit 0 set the digest at its end right; bit 1 make the
 * parts that it names, of zeros; bit 2 set their digests, and those of pieces
 * that are not compressed, right.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "src/canonical/backup.h"

#define TEXT_MAX ((size_t)8000)
#define PART_MAX 5000u /* larger ones are not made */

enum how {
    HOW_END = 1,
    HOW_PARTS = 2,
    HOW_DIGESTS = 4
};

/* The same text with a line behind it that has the digest of all before. */
static char *
text_end(const uint8_t *data, size_t size, size_t *len)
{
    static const char digits[] = "0123456789abcdef";
    struct slg_backup_hasher *hasher =
        slg_backup_hasher_new(SEGLOG_BACKUP_XXH3);
    struct seglog_backup_digest digest;
    char *text = malloc(size + 100);
    size_t at = size;

    MUST(hasher && text);
    slg_backup_hasher_add(hasher, data, size);
    slg_backup_hasher_get(hasher, &digest);
    slg_backup_hasher_free(hasher);
    memcpy(text, data, size);
    memcpy(text + at, "{\"end\":\"", 8);
    at += 8;
    for (size_t i = 0; i < digest.len; i++) {
        text[at++] = digits[digest.bytes[i] >> 4];
        text[at++] = digits[digest.bytes[i] & 15];
    }
    memcpy(text + at, "\"}\n", 3);
    *len = at + 3;
    return text;
}

static void
digest_of_zeros(enum seglog_backup_hash hash, size_t len,
                struct seglog_backup_digest *digest)
{
    static const uint8_t zeros[PART_MAX];
    struct slg_backup_hasher *hasher = slg_backup_hasher_new(hash);

    MUST(hasher);
    slg_backup_hasher_add(hasher, zeros, len);
    slg_backup_hasher_get(hasher, digest);
    slg_backup_hasher_free(hasher);
}

static void
digests_set(struct slg_manifest *manifest)
{
    const enum seglog_backup_hash hash = manifest->info.hash;

    for (size_t i = 0; i < manifest->part_count; i++)
        if (manifest->parts[i].size <= PART_MAX)
            digest_of_zeros(hash, (size_t)manifest->parts[i].size,
                            &manifest->parts[i].digest);
    for (size_t i = 0; i < manifest->piece_count; i++)
        if (manifest->pieces[i].len <= PART_MAX)
            digest_of_zeros(hash, manifest->pieces[i].len,
                            &manifest->pieces[i].digest);
}

static void
repository_fill(struct seglog_store store, const struct slg_manifest *manifest,
                const char *text, size_t len)
{
    static const uint8_t zeros[PART_MAX];
    char name[SEGLOG_BACKUP_NAME_CAP];

    for (size_t i = 0; i < manifest->part_count; i++) {
        const struct slg_backup_part *part = &manifest->parts[i];

        if (part->size <= PART_MAX)
            blob_put(store,
                     slg_backup_part_name(part->number, part->index, name),
                     zeros, (size_t)part->size);
    }
    blob_put(store, manifest->info.manifest, (const uint8_t *)text, len);
}

/* All that is there has the name and the size that the manifest says. */
static void
restored_must_be(struct seglog_store store, const struct slg_manifest *manifest)
{
    for (size_t i = 0; i < manifest->blob_count; i++) {
        struct seglog_blob_info info;

        MUST(seglog_store_get_info(store, manifest->blobs[i].name, &info,
                                   NULL) == SEGLOG_OK);
        MUST(info.size == manifest->blobs[i].size);
    }
}

static bool
name_found(void *arg, const char *name)
{
    (void)name;
    *(bool *)arg = true;
    return false;
}

static void
repository_must_hold(const struct slg_manifest *manifest, const char *text,
                     size_t len)
{
    struct seglog_store repository;
    struct seglog_store target;
    bool has_any = false;
    seglog_code verified = SEGLOG_OK;
    seglog_code restored = SEGLOG_OK;

    MUST(seglog_store_memory_open(&repository, NULL) == SEGLOG_OK);
    MUST(seglog_store_memory_open(&target, NULL) == SEGLOG_OK);
    repository_fill(repository, manifest, text, len);
    verified = seglog_backup_verify(repository, NULL, NULL, NULL);
    restored = seglog_backup_restore(repository, target, NULL, NULL, NULL);
    /* Of several things that are wrong each may meet another first. */
    MUST((verified == SEGLOG_OK) == (restored == SEGLOG_OK));
    MUST(verified == SEGLOG_OK || verified == SEGLOG_CORRUPT ||
         verified == SEGLOG_NOT_FOUND);
    MUST(restored == SEGLOG_OK || restored == SEGLOG_CORRUPT ||
         restored == SEGLOG_NOT_FOUND);
    if (restored == SEGLOG_OK)
        restored_must_be(target, manifest);
    MUST(seglog_store_list(target, "", name_found, &has_any, NULL) ==
         SEGLOG_OK);
    MUST(restored == SEGLOG_OK || !has_any);
    seglog_store_close(&repository);
    seglog_store_close(&target);
}

static void
manifest_must_hold(unsigned how, const char *text, size_t len)
{
    struct slg_manifest manifest;
    struct seglog_error err;
    size_t again_len = 0;
    char *again = NULL;
    const seglog_code code =
        slg_manifest_parse(text, len, "m", &manifest, &err);

    MUST(code == SEGLOG_OK || code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT);
    if (code != SEGLOG_OK) {
        MUST(err.code == code && !manifest.parts && !manifest.blobs);
        return;
    }
    again = slg_manifest_encode(&manifest, &again_len);
    MUST(again && again_len == len && memcmp(again, text, len) == 0);
    if ((how & HOW_PARTS) != 0 && (how & HOW_DIGESTS) != 0) {
        free(again);
        digests_set(&manifest);
        again = slg_manifest_encode(&manifest, &again_len);
        MUST(again);
    }
    if ((how & HOW_PARTS) != 0)
        repository_must_hold(&manifest, again, again_len);
    free(again);
    slg_manifest_reset(&manifest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned how = input_byte(&input);
    size_t len = input.left;
    char *text = NULL;

    if (size < 1 || size > TEXT_MAX)
        return 0;
    if ((how & HOW_END) != 0)
        text = text_end(input.at, input.left, &len);
    else
        text = (char *)exact_copy(input.at, input.left);
    manifest_must_hold(how, text, len);
    free(text);
    return 0;
}
