/* SPDX-License-Identifier: MIT */
/* src/crypt/chunk.c - ENCRYPTION.md 2: heads, nonces and tags. */
#include "src/crypt/chunk.h"

#include <string.h>

#include "format/bytes.h"

#define CUT_AT   4
#define PLAIN_AT 8
#define NONCE_AT 16
#define MAC_AT   (NONCE_AT + SLG_NONCE_BYTES)

bool
slg_chunk_head_parse(const uint8_t bytes[SLG_CHUNK_HEAD_BYTES],
                     struct slg_chunk_head *head)
{
    head->len = slg_load_le32(bytes);
    head->cut = slg_load_le32(bytes + CUT_AT);
    head->plain = slg_load_le64(bytes + PLAIN_AT);
    memcpy(head->nonce, bytes + NONCE_AT, sizeof head->nonce);
    memcpy(head->mac, bytes + MAC_AT, sizeof head->mac);
    /* Only a cut is an empty chunk: zeros are none. */
    return head->len <= SLG_CHUNK_PLAIN_MAX && (head->len | head->cut) != 0 &&
           head->plain <= SLG_PLAIN_SIZE_MAX - head->len;
}

static bool
mac_make(struct slg_crypt_suite *suite,
         const uint8_t bytes[SLG_CHUNK_HEAD_BYTES],
         const uint8_t prev_mac[SLG_MAC_BYTES], uint8_t mac[SLG_MAC_BYTES])
{
    uint8_t in[SLG_MAC_IN_BYTES];

    memcpy(in, bytes, MAC_AT);
    memcpy(in + MAC_AT, prev_mac, SLG_MAC_BYTES);
    return slg_crypt_mac(suite, in, mac);
}

bool
slg_chunk_is_linked(struct slg_crypt_suite *suite,
                    const uint8_t bytes[SLG_CHUNK_HEAD_BYTES],
                    const uint8_t prev_mac[SLG_MAC_BYTES])
{
    uint8_t mac[SLG_MAC_BYTES];
    unsigned differs = 0;

    if (!mac_make(suite, bytes, prev_mac, mac))
        return false;
    for (unsigned i = 0; i < SLG_MAC_BYTES; i++)
        differs |= (unsigned)(mac[i] ^ bytes[MAC_AT + i]);
    return differs == 0;
}

/*
 * Chance alone would do, as long as it is chance.  A machine that is restored
 * from a snapshot may meet the same again, so what is encrypted goes in as
 * well: two chunks that differ have different nonces then, too.
 */
static bool
nonce_make(struct slg_crypt_suite *suite, struct slg_chunk_head *head,
           const uint8_t prev_mac[SLG_MAC_BYTES], const uint8_t *plain)
{
    uint8_t in[16 + SLG_CHUNK_ID_BYTES + SLG_MAC_BYTES + SLG_NONCE_BYTES];

    slg_store_le32(in, head->len);
    slg_store_le32(in + CUT_AT, head->cut);
    slg_store_le64(in + PLAIN_AT, head->plain);
    memcpy(in + NONCE_AT, head->nonce, SLG_CHUNK_ID_BYTES);
    memcpy(in + NONCE_AT + SLG_CHUNK_ID_BYTES, prev_mac, SLG_MAC_BYTES);
    return slg_crypt_random(in + sizeof in - SLG_NONCE_BYTES,
                            SLG_NONCE_BYTES) &&
           slg_crypt_nonce(suite, in, sizeof in, plain, head->len,
                           head->nonce + SLG_CHUNK_ID_BYTES,
                           SLG_NONCE_BYTES - SLG_CHUNK_ID_BYTES);
}

bool
slg_chunk_seal(struct slg_crypt_suite *suite, struct slg_chunk_head *head,
               const uint8_t prev_mac[SLG_MAC_BYTES], const uint8_t *plain,
               uint8_t *out)
{
    if (!nonce_make(suite, head, prev_mac, plain))
        return false;
    slg_store_le32(out, head->len);
    slg_store_le32(out + CUT_AT, head->cut);
    slg_store_le64(out + PLAIN_AT, head->plain);
    memcpy(out + NONCE_AT, head->nonce, sizeof head->nonce);
    if (!mac_make(suite, out, prev_mac, head->mac))
        return false;
    memcpy(out + MAC_AT, head->mac, sizeof head->mac);
    return slg_crypt_seal(suite, head->nonce, out, SLG_CHUNK_HEAD_BYTES, plain,
                          head->len, out + SLG_CHUNK_HEAD_BYTES);
}

bool
slg_chunk_open(struct slg_crypt_suite *suite, const uint8_t *chunk,
               uint8_t *out)
{
    return slg_crypt_open(suite, chunk + NONCE_AT, chunk, SLG_CHUNK_HEAD_BYTES,
                          chunk + SLG_CHUNK_HEAD_BYTES, slg_load_le32(chunk),
                          out);
}
