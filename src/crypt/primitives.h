/* SPDX-License-Identifier: MIT */
/*
 * src/crypt/primitives.h - all that is asked of a cryptographic library.
 *
 * Layer  crypt.  The only file behind it that knows which library that is.
 *
 * Keys are 32 bytes.  XAES is XAES-256-GCM: AES-256-GCM under a key and a nonce
 * that are derived from a key and 24 bytes of chance (ENCRYPTION.md 3).
 */
#ifndef SLG_CRYPT_PRIMITIVES_H
#define SLG_CRYPT_PRIMITIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"

#define SLG_KEY_BYTES    32u
#define SLG_NONCE_BYTES  24u
#define SLG_TAG_BYTES    16u
#define SLG_MAC_BYTES    8u
#define SLG_MAC_IN_BYTES 48u

/* False in a build without OpenSSL: everything below then fails. */
bool
slg_crypt_is_available(void);

void
slg_crypt_wipe(void *bytes, size_t len);

/* Chance.  Tests put something worse in its place. */
extern bool (*slg_crypt_random)(uint8_t *bytes, size_t len);

/* HMAC-SHA-256 over up to 2 pieces; also HKDF-Expand of one block. */
bool
slg_crypt_hmac(const uint8_t key[SLG_KEY_BYTES], const void *first,
               size_t first_len, const void *second, size_t second_len,
               uint8_t out[SLG_KEY_BYTES]);

/* SHA-256. */
bool
slg_crypt_hash(const void *data, size_t len, uint8_t out[SLG_KEY_BYTES]);

/*
 * SHA-256 of two pieces, one behind the other: for very many short ones.  Needs
 * no memory, so it cannot fail; only where slg_crypt_is_available.
 */
void
slg_crypt_sha256(const void *first, size_t first_len, const void *second,
                 size_t second_len, uint8_t out[SLG_KEY_BYTES]);

/* SHA-256, piece by piece. */
struct slg_sha256;

/* NULL: no memory, or no OpenSSL; free accepts NULL. */
struct slg_sha256 *
slg_sha256_new(void);
void
slg_sha256_free(struct slg_sha256 *hash);
void
slg_sha256_add(struct slg_sha256 *hash, const void *data, size_t len);
/* Of all that was added; it begins anew. */
void
slg_sha256_get(struct slg_sha256 *hash, uint8_t out[SLG_KEY_BYTES]);

#define SLG_ED25519_BYTES 64u

/* Ed25519 (RFC 8032).  False: no memory, or no OpenSSL. */
bool
slg_crypt_sign(const uint8_t private_key[SLG_KEY_BYTES], const void *data,
               size_t len, uint8_t signature[SLG_ED25519_BYTES]);
bool
slg_crypt_public_key(const uint8_t private_key[SLG_KEY_BYTES],
                     uint8_t public_key[SLG_KEY_BYTES]);
/* *is_good: signed by this key.  Returns false as above. */
bool
slg_crypt_verify(const uint8_t public_key[SLG_KEY_BYTES], const void *data,
                 size_t len, const uint8_t signature[SLG_ED25519_BYTES],
                 bool *is_good);
/*
 * The Ed25519 key in a PEM text: the private one, or the public one.
 *   OK, INVALID (there is none of that sort), NO_MEMORY
 */
seglog_code
slg_crypt_read_pem(const void *text, size_t len, bool is_private,
                   uint8_t key[SLG_KEY_BYTES]);

bool
slg_crypt_scrypt(const void *passphrase, size_t len, const uint8_t *salt,
                 size_t salt_len, uint8_t log2_n, uint8_t r, uint8_t p,
                 uint8_t out[SLG_KEY_BYTES]);

/* Three keys ready for use by one thread at a time. */
struct slg_crypt_suite;

/*
 *   seal   the key of XAES
 *   mac    the key of the heads
 *   nonce  the key that makes nonces
 * NULL: no memory.
 */
struct slg_crypt_suite *
slg_crypt_suite_new(const uint8_t seal[SLG_KEY_BYTES],
                    const uint8_t mac[SLG_KEY_BYTES],
                    const uint8_t nonce[SLG_KEY_BYTES]);

/* Accepts NULL; wipes the keys. */
void
slg_crypt_suite_free(struct slg_crypt_suite *suite);

/* `out` gets len bytes and the tag; it may not overlap with plain. */
bool
slg_crypt_seal(struct slg_crypt_suite *suite,
               const uint8_t nonce[SLG_NONCE_BYTES], const uint8_t *aad,
               size_t aad_len, const uint8_t *plain, size_t len, uint8_t *out);

/* `sealed` is len bytes and a tag.  False: the tag is wrong, out is zeros. */
bool
slg_crypt_open(struct slg_crypt_suite *suite,
               const uint8_t nonce[SLG_NONCE_BYTES], const uint8_t *aad,
               size_t aad_len, const uint8_t *sealed, size_t len, uint8_t *out);

/* The last block of AES-256-CBC, cut: a MAC for inputs of one length. */
bool
slg_crypt_mac(struct slg_crypt_suite *suite, const uint8_t in[SLG_MAC_IN_BYTES],
              uint8_t out[SLG_MAC_BYTES]);

/* HMAC-SHA-256 by the key that makes nonces, over two pieces, cut. */
bool
slg_crypt_nonce(struct slg_crypt_suite *suite, const uint8_t *first,
                size_t first_len, const uint8_t *second, size_t second_len,
                uint8_t *out, size_t out_len);

#endif /* SLG_CRYPT_PRIMITIVES_H */
