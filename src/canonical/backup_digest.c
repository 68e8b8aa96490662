/* SPDX-License-Identifier: MIT */
/* src/canonical/backup_digest.c - digests of pieces, parts and manifests. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"
#include "src/checksum/digest.h"
#include "src/crypt/primitives.h"

struct slg_backup_hasher {
    enum seglog_backup_hash hash;
    struct slg_sha256 *sha256;
    struct slg_long_digest *xxh3;
};

bool
slg_backup_hash_is_computable(enum seglog_backup_hash hash)
{
    return hash == SEGLOG_BACKUP_XXH3 ||
           (hash == SEGLOG_BACKUP_SHA256 && slg_crypt_is_available());
}

enum seglog_backup_hash
slg_backup_hash_default(void)
{
    return slg_crypt_is_available() ? SEGLOG_BACKUP_SHA256 : SEGLOG_BACKUP_XXH3;
}

uint8_t
slg_backup_hash_len(enum seglog_backup_hash hash)
{
    return hash == SEGLOG_BACKUP_SHA256 ? SLG_KEY_BYTES : SLG_LONG_DIGEST_BYTES;
}

struct slg_backup_hasher *
slg_backup_hasher_new(enum seglog_backup_hash hash)
{
    struct slg_backup_hasher *hasher = calloc(1, sizeof *hasher);

    if (!hasher)
        return NULL;
    hasher->hash = hash;
    if (hash == SEGLOG_BACKUP_SHA256)
        hasher->sha256 = slg_sha256_new();
    else
        hasher->xxh3 = slg_long_digest_new();
    if (hasher->sha256 || hasher->xxh3)
        return hasher;
    free(hasher);
    return NULL;
}

void
slg_backup_hasher_free(struct slg_backup_hasher *hasher)
{
    if (!hasher)
        return;
    slg_sha256_free(hasher->sha256);
    slg_long_digest_free(hasher->xxh3);
    free(hasher);
}

void
slg_backup_hasher_add(struct slg_backup_hasher *hasher, const void *bytes,
                      size_t len)
{
    if (hasher->sha256)
        slg_sha256_add(hasher->sha256, bytes, len);
    else
        slg_long_digest_add(hasher->xxh3, bytes, len);
}

void
slg_backup_hasher_get(struct slg_backup_hasher *hasher,
                      struct seglog_backup_digest *digest)
{
    uint8_t lowest_first[SLG_LONG_DIGEST_BYTES];

    *digest = (struct seglog_backup_digest){ .len = slg_backup_hash_len(
                                                 hasher->hash) };
    if (hasher->sha256) {
        slg_sha256_get(hasher->sha256, digest->bytes);
        return;
    }
    slg_long_digest_get(hasher->xxh3, lowest_first);
    slg_long_digest_reset(hasher->xxh3);
    for (size_t i = 0; i < sizeof lowest_first; i++)
        digest->bytes[i] = lowest_first[sizeof lowest_first - 1 - i];
}

bool
slg_backup_digest_is_same(const struct seglog_backup_digest *a,
                          const struct seglog_backup_digest *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}
