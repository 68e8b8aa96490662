/* SPDX-License-Identifier: MIT */
/* src/canonical/backup_pack.c - pieces, compressed each by itself. */
#include <stdlib.h>
#include <string.h>

#include "src/canonical/backup.h"

#ifdef SEGLOG_HAVE_ZSTD

#include <zstd.h>
#include <zstd_errors.h>

struct slg_backup_packer {
    int level;
    ZSTD_CCtx *to;
    ZSTD_DCtx *from;
    uint8_t *bytes;
    size_t cap;
};

bool
slg_backup_can_pack(void)
{
    return true;
}

struct slg_backup_packer *
slg_backup_packer_new(int level)
{
    struct slg_backup_packer *packer = calloc(1, sizeof *packer);

    if (!packer)
        return NULL;
    packer->level = level;
    if (level > 0)
        packer->to = ZSTD_createCCtx();
    else
        packer->from = ZSTD_createDCtx();
    if (packer->to || packer->from)
        return packer;
    free(packer);
    return NULL;
}

void
slg_backup_packer_free(struct slg_backup_packer *packer)
{
    if (!packer)
        return;
    (void)ZSTD_freeCCtx(packer->to);
    (void)ZSTD_freeDCtx(packer->from);
    free(packer->bytes);
    free(packer);
}

bool
slg_backup_pack(struct slg_backup_packer *packer, const uint8_t *bytes,
                size_t len, const uint8_t **packed, size_t *packed_len,
                enum slg_backup_codec *codec)
{
    const size_t cap = ZSTD_compressBound(len);
    size_t done = 0;

    *packed = bytes;
    *packed_len = len;
    *codec = SLG_BACKUP_STORED;
    if (!packer)
        return true;
    if (packer->cap < cap) {
        free(packer->bytes);
        packer->bytes = malloc(cap);
        packer->cap = packer->bytes ? cap : 0;
        if (!packer->bytes)
            return false;
    }
    done = ZSTD_compressCCtx(packer->to, packer->bytes, packer->cap, bytes, len,
                             packer->level);
    /* There is room for whatever comes out: all else it lacks is memory. */
    if (ZSTD_isError(done))
        return false;
    if (done < len) {
        *packed = packer->bytes;
        *packed_len = done;
        *codec = SLG_BACKUP_ZSTD;
    }
    return true;
}

enum slg_backup_unpacked
slg_backup_unpack(struct slg_backup_packer *packer, const uint8_t *packed,
                  size_t packed_len, uint8_t *bytes, size_t len)
{
    const size_t done =
        ZSTD_decompressDCtx(packer->from, bytes, len, packed, packed_len);

    if (ZSTD_isError(done) &&
        ZSTD_getErrorCode(done) == ZSTD_error_memory_allocation)
        return SLG_BACKUP_UNPACK_NO_MEMORY;
    return done == len ? SLG_BACKUP_UNPACKED : SLG_BACKUP_UNPACK_BAD;
}

#else /* SEGLOG_HAVE_ZSTD */

struct slg_backup_packer {
    int level;
};

bool
slg_backup_can_pack(void)
{
    return false;
}

struct slg_backup_packer *
slg_backup_packer_new(int level)
{
    struct slg_backup_packer *packer = calloc(1, sizeof *packer);

    if (packer)
        packer->level = level;
    return packer;
}

void
slg_backup_packer_free(struct slg_backup_packer *packer)
{
    free(packer);
}

bool
slg_backup_pack(struct slg_backup_packer *packer, const uint8_t *bytes,
                size_t len, const uint8_t **packed, size_t *packed_len,
                enum slg_backup_codec *codec)
{
    (void)packer;
    *packed = bytes;
    *packed_len = len;
    *codec = SLG_BACKUP_STORED;
    return true;
}

/* No manifest that asks for it was accepted. */
enum slg_backup_unpacked
slg_backup_unpack(struct slg_backup_packer *packer, const uint8_t *packed,
                  size_t packed_len, uint8_t *bytes, size_t len)
{
    (void)packer;
    (void)packed;
    (void)packed_len;
    (void)bytes;
    (void)len;
    return SLG_BACKUP_UNPACK_BAD;
}

#endif /* SEGLOG_HAVE_ZSTD */
