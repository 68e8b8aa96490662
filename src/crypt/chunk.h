/* SPDX-License-Identifier: MIT */
/*
 * src/crypt/chunk.h - the unit of encryption (ENCRYPTION.md 2).
 *
 * Layer  crypt.  Bytes in memory only; chunk_index.h knows where they lie.
 */
#ifndef SLG_CRYPT_CHUNK_H
#define SLG_CRYPT_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/crypt/primitives.h"

#define SLG_CHUNK_HEAD_BYTES  48u
#define SLG_CHUNK_EXTRA_BYTES (SLG_CHUNK_HEAD_BYTES + SLG_TAG_BYTES)
#define SLG_CHUNK_PLAIN_MAX   16384u
#define SLG_CHUNK_BYTES_MAX   (SLG_CHUNK_PLAIN_MAX + SLG_CHUNK_EXTRA_BYTES)
#define SLG_CHUNK_ID_BYTES    8u
/* The largest plain size: offsets stay within those of files. */
#define SLG_PLAIN_SIZE_MAX (UINT64_C(1) << 62)

struct slg_chunk_head {
    uint32_t len;                   /* plain bytes */
    uint32_t cut;                   /* how often the blob was cut before */
    uint64_t plain;                 /* offset of the first of them */
    uint8_t nonce[SLG_NONCE_BYTES]; /* begins with the id of the blob */
    uint8_t mac[SLG_MAC_BYTES];
};

/* False: no chunk has such a head. */
bool
slg_chunk_head_parse(const uint8_t bytes[SLG_CHUNK_HEAD_BYTES],
                     struct slg_chunk_head *head);

/* Does the head follow, unchanged, the one with that MAC? */
bool
slg_chunk_is_linked(struct slg_crypt_suite *suite,
                    const uint8_t bytes[SLG_CHUNK_HEAD_BYTES],
                    const uint8_t prev_mac[SLG_MAC_BYTES]);

/*
 * Encrypt head->len bytes to out, which has room for them and the extra bytes.
 * head->nonce begins with the id; the rest of it and the MAC are made here.
 * False: no chance to be had.
 */
bool
slg_chunk_seal(struct slg_crypt_suite *suite, struct slg_chunk_head *head,
               const uint8_t prev_mac[SLG_MAC_BYTES], const uint8_t *plain,
               uint8_t *out);

/* Decrypt a whole chunk; out has room for its plain bytes.  False: it is not
 * what was encrypted, and out is zeros. */
bool
slg_chunk_open(struct slg_crypt_suite *suite, const uint8_t *chunk,
               uint8_t *out);

#endif /* SLG_CRYPT_CHUNK_H */
