/* SPDX-License-Identifier: MIT */
/* src/crypt/primitives.c - what is asked of OpenSSL, and its absence. */
#define _DEFAULT_SOURCE /* explicit_bzero, getentropy */
/* SHA256_Init and its kin: the way round them takes a tenth of the time. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "src/crypt/primitives.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef SEGLOG_HAVE_OPENSSL

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#define BLOCK_BYTES     16u
#define GCM_NONCE_BYTES 12u

bool
slg_crypt_is_available(void)
{
    return true;
}

void
slg_crypt_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}

/* From the system: OpenSSL would ask it too, but needs memory for that. */
static bool
random_bytes(uint8_t *bytes, size_t len)
{
    return getentropy(bytes, len) == 0;
}

bool (*slg_crypt_random)(uint8_t *bytes, size_t len) = random_bytes;

/* ---------------------------------------------------------------------------
 * Keys from keys
 */

static EVP_MAC_CTX *
hmac_new(const uint8_t key[SLG_KEY_BYTES])
{
    static char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 6),
        OSSL_PARAM_END,
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    if (ctx && EVP_MAC_init(ctx, key, SLG_KEY_BYTES, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

static bool
hmac_finish(EVP_MAC_CTX *ctx, const void *first, size_t first_len,
            const void *second, size_t second_len, uint8_t out[SLG_KEY_BYTES])
{
    size_t len = 0;

    return EVP_MAC_update(ctx, first, first_len) == 1 &&
           (second_len == 0 || EVP_MAC_update(ctx, second, second_len) == 1) &&
           EVP_MAC_final(ctx, out, &len, SLG_KEY_BYTES) == 1 &&
           len == SLG_KEY_BYTES;
}

bool
slg_crypt_hmac(const uint8_t key[SLG_KEY_BYTES], const void *first,
               size_t first_len, const void *second, size_t second_len,
               uint8_t out[SLG_KEY_BYTES])
{
    EVP_MAC_CTX *ctx = hmac_new(key);
    const bool is_ok =
        ctx && hmac_finish(ctx, first, first_len, second, second_len, out);

    EVP_MAC_CTX_free(ctx);
    return is_ok;
}

bool
slg_crypt_hash(const void *data, size_t len, uint8_t out[SLG_KEY_BYTES])
{
    return EVP_Q_digest(NULL, "SHA256", NULL, data, len, out, NULL) == 1;
}

void
slg_crypt_sha256(const void *first, size_t first_len, const void *second,
                 size_t second_len, uint8_t out[SLG_KEY_BYTES])
{
    SHA256_CTX ctx;

    (void)SHA256_Init(&ctx);
    (void)SHA256_Update(&ctx, first, first_len);
    if (second_len > 0)
        (void)SHA256_Update(&ctx, second, second_len);
    (void)SHA256_Final(out, &ctx);
}

struct slg_sha256 {
    SHA256_CTX ctx;
};

struct slg_sha256 *
slg_sha256_new(void)
{
    struct slg_sha256 *hash = malloc(sizeof *hash);

    if (hash)
        (void)SHA256_Init(&hash->ctx);
    return hash;
}

void
slg_sha256_free(struct slg_sha256 *hash)
{
    free(hash);
}

void
slg_sha256_add(struct slg_sha256 *hash, const void *data, size_t len)
{
    if (len > 0)
        (void)SHA256_Update(&hash->ctx, data, len);
}

void
slg_sha256_get(struct slg_sha256 *hash, uint8_t out[SLG_KEY_BYTES])
{
    (void)SHA256_Final(out, &hash->ctx);
    (void)SHA256_Init(&hash->ctx);
}

bool
slg_crypt_scrypt(const void *passphrase, size_t len, const uint8_t *salt,
                 size_t salt_len, uint8_t log2_n, uint8_t r, uint8_t p,
                 uint8_t out[SLG_KEY_BYTES])
{
    const uint64_t n = UINT64_C(1) << log2_n;
    /* A little more than the tables take. */
    const uint64_t memory = 128u * (n + p + 2u) * r + (1u << 20);

    return EVP_PBE_scrypt(passphrase, len, salt, salt_len, n, r, p, memory, out,
                          SLG_KEY_BYTES) == 1;
}

/* ---------------------------------------------------------------------------
 * Signatures
 */

bool
slg_crypt_sign(const uint8_t private_key[SLG_KEY_BYTES], const void *data,
               size_t len, uint8_t signature[SLG_ED25519_BYTES])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                                 private_key, SLG_KEY_BYTES);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t signature_len = SLG_ED25519_BYTES;
    const bool is_ok =
        key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
        EVP_DigestSign(ctx, signature, &signature_len, data, len) == 1 &&
        signature_len == SLG_ED25519_BYTES;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return is_ok;
}

bool
slg_crypt_public_key(const uint8_t private_key[SLG_KEY_BYTES],
                     uint8_t public_key[SLG_KEY_BYTES])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                                 private_key, SLG_KEY_BYTES);
    size_t len = SLG_KEY_BYTES;
    const bool is_ok =
        key && EVP_PKEY_get_raw_public_key(key, public_key, &len) == 1 &&
        len == SLG_KEY_BYTES;

    EVP_PKEY_free(key);
    return is_ok;
}

bool
slg_crypt_verify(const uint8_t public_key[SLG_KEY_BYTES], const void *data,
                 size_t len, const uint8_t signature[SLG_ED25519_BYTES],
                 bool *is_good)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                public_key, SLG_KEY_BYTES);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool is_ok =
        key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1;

    *is_good = is_ok && EVP_DigestVerify(ctx, signature, SLG_ED25519_BYTES,
                                         data, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return is_ok;
}

/* Nobody is asked for the passphrase of an encrypted key. */
static int
no_passphrase(char *text, int size, int is_writing, void *arg)
{
    (void)text;
    (void)size;
    (void)is_writing;
    (void)arg;
    return -1;
}

seglog_code
slg_crypt_read_pem(const void *text, size_t len, bool is_private,
                   uint8_t key[SLG_KEY_BYTES])
{
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
    EVP_PKEY *found = NULL;
    size_t key_len = SLG_KEY_BYTES;
    seglog_code code = SEGLOG_INVALID;

    if (!bio)
        return SEGLOG_NO_MEMORY;
    found = is_private ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
                       : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    if (found && EVP_PKEY_get_id(found) == EVP_PKEY_ED25519 &&
        (is_private ? EVP_PKEY_get_raw_private_key(found, key, &key_len)
                    : EVP_PKEY_get_raw_public_key(found, key, &key_len)) == 1 &&
        key_len == SLG_KEY_BYTES)
        code = SEGLOG_OK;
    EVP_PKEY_free(found);
    BIO_free(bio);
    return code;
}

/* ---------------------------------------------------------------------------
 * The suite
 */

struct slg_crypt_suite {
    EVP_CIPHER_CTX *derive; /* AES-256-ECB under the key of XAES */
    EVP_CIPHER_CTX *mac;    /* AES-256-CBC */
    EVP_CIPHER_CTX *gcm;
    EVP_MAC_CTX *nonce;
    uint8_t subkey[BLOCK_BYTES]; /* K1 of CMAC */
};

static EVP_CIPHER_CTX *
cipher_new(const EVP_CIPHER *cipher, const uint8_t *key)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (ctx && (EVP_EncryptInit_ex(ctx, cipher, NULL, key, NULL) != 1 ||
                EVP_CIPHER_CTX_set_padding(ctx, 0) != 1)) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

/* K1 = AES(0) doubled in GF(2^128): CMAC, and so XAES. */
static bool
subkey_make(struct slg_crypt_suite *suite)
{
    static const uint8_t zeros[BLOCK_BYTES];
    uint8_t *k = suite->subkey;
    uint8_t carry = 0;
    int len = 0;

    if (EVP_EncryptUpdate(suite->derive, k, &len, zeros, BLOCK_BYTES) != 1)
        return false;
    for (unsigned i = BLOCK_BYTES; i-- > 0;) {
        const uint8_t next = (uint8_t)(k[i] >> 7);

        k[i] = (uint8_t)(k[i] << 1 | carry);
        carry = next;
    }
    k[BLOCK_BYTES - 1] ^= (uint8_t)(carry * 0x87u);
    return true;
}

struct slg_crypt_suite *
slg_crypt_suite_new(const uint8_t seal[SLG_KEY_BYTES],
                    const uint8_t mac[SLG_KEY_BYTES],
                    const uint8_t nonce[SLG_KEY_BYTES])
{
    struct slg_crypt_suite *suite = calloc(1, sizeof *suite);

    if (!suite)
        return NULL;
    suite->derive = cipher_new(EVP_aes_256_ecb(), seal);
    suite->mac = cipher_new(EVP_aes_256_cbc(), mac);
    suite->gcm = cipher_new(EVP_aes_256_gcm(), NULL);
    suite->nonce = hmac_new(nonce);
    if (suite->derive && suite->mac && suite->gcm && suite->nonce &&
        subkey_make(suite))
        return suite;
    slg_crypt_suite_free(suite);
    return NULL;
}

/* Freeing a context wipes the key in it. */
void
slg_crypt_suite_free(struct slg_crypt_suite *suite)
{
    if (!suite)
        return;
    EVP_CIPHER_CTX_free(suite->derive);
    EVP_CIPHER_CTX_free(suite->mac);
    EVP_CIPHER_CTX_free(suite->gcm);
    EVP_MAC_CTX_free(suite->nonce);
    OPENSSL_cleanse(suite, sizeof *suite);
    free(suite);
}

/* The key of XAES for the first half of the nonce. */
static bool
key_derive(struct slg_crypt_suite *suite, const uint8_t *nonce,
           uint8_t key[SLG_KEY_BYTES])
{
    uint8_t blocks[2 * BLOCK_BYTES] = { 0, 1, 'X', 0 };
    int len = 0;

    memcpy(blocks + 4, nonce, 12);
    memcpy(blocks + BLOCK_BYTES, blocks, BLOCK_BYTES);
    blocks[BLOCK_BYTES + 1] = 2;
    for (unsigned i = 0; i < BLOCK_BYTES; i++) {
        blocks[i] ^= suite->subkey[i];
        blocks[BLOCK_BYTES + i] ^= suite->subkey[i];
    }
    return EVP_EncryptUpdate(suite->derive, key, &len, blocks, sizeof blocks) ==
               1 &&
           len == (int)SLG_KEY_BYTES;
}

static bool
gcm_init(struct slg_crypt_suite *suite, const uint8_t *nonce, int is_sealing,
         const uint8_t *aad, size_t aad_len)
{
    uint8_t key[SLG_KEY_BYTES];
    int len = 0;
    const bool is_ok =
        key_derive(suite, nonce, key) &&
        EVP_CipherInit_ex(suite->gcm, NULL, NULL, key,
                          nonce + SLG_NONCE_BYTES - GCM_NONCE_BYTES,
                          is_sealing) == 1 &&
        (aad_len == 0 ||
         EVP_CipherUpdate(suite->gcm, NULL, &len, aad, (int)aad_len) == 1);

    OPENSSL_cleanse(key, sizeof key);
    return is_ok;
}

bool
slg_crypt_seal(struct slg_crypt_suite *suite,
               const uint8_t nonce[SLG_NONCE_BYTES], const uint8_t *aad,
               size_t aad_len, const uint8_t *plain, size_t len, uint8_t *out)
{
    int done = 0;
    int last = 0;

    return gcm_init(suite, nonce, 1, aad, aad_len) &&
           (len == 0 ||
            EVP_EncryptUpdate(suite->gcm, out, &done, plain, (int)len) == 1) &&
           EVP_EncryptFinal_ex(suite->gcm, out + done, &last) == 1 &&
           EVP_CIPHER_CTX_ctrl(suite->gcm, EVP_CTRL_AEAD_GET_TAG, SLG_TAG_BYTES,
                               out + len) == 1;
}

bool
slg_crypt_open(struct slg_crypt_suite *suite,
               const uint8_t nonce[SLG_NONCE_BYTES], const uint8_t *aad,
               size_t aad_len, const uint8_t *sealed, size_t len, uint8_t *out)
{
    uint8_t tag[SLG_TAG_BYTES];
    int done = 0;
    int last = 0;
    bool is_ok = false;

    memcpy(tag, sealed + len, sizeof tag);
    is_ok = gcm_init(suite, nonce, 0, aad, aad_len) &&
            (len == 0 || EVP_DecryptUpdate(suite->gcm, out, &done, sealed,
                                           (int)len) == 1) &&
            EVP_CIPHER_CTX_ctrl(suite->gcm, EVP_CTRL_AEAD_SET_TAG,
                                SLG_TAG_BYTES, tag) == 1 &&
            EVP_DecryptFinal_ex(suite->gcm, out + done, &last) == 1;
    if (!is_ok && len > 0)
        memset(out, 0, len);
    return is_ok;
}

bool
slg_crypt_mac(struct slg_crypt_suite *suite, const uint8_t in[SLG_MAC_IN_BYTES],
              uint8_t out[SLG_MAC_BYTES])
{
    static const uint8_t zeros[BLOCK_BYTES];
    uint8_t blocks[SLG_MAC_IN_BYTES];
    int len = 0;

    if (EVP_EncryptInit_ex(suite->mac, NULL, NULL, NULL, zeros) != 1 ||
        EVP_EncryptUpdate(suite->mac, blocks, &len, in, SLG_MAC_IN_BYTES) != 1)
        return false;
    memcpy(out, blocks + SLG_MAC_IN_BYTES - BLOCK_BYTES, SLG_MAC_BYTES);
    return true;
}

bool
slg_crypt_nonce(struct slg_crypt_suite *suite, const uint8_t *first,
                size_t first_len, const uint8_t *second, size_t second_len,
                uint8_t *out, size_t out_len)
{
    uint8_t whole[SLG_KEY_BYTES];

    if (EVP_MAC_init(suite->nonce, NULL, 0, NULL) != 1 ||
        !hmac_finish(suite->nonce, first, first_len, second, second_len, whole))
        return false;
    memcpy(out, whole, out_len);
    return true;
}

#else /* SEGLOG_HAVE_OPENSSL */

bool
slg_crypt_is_available(void)
{
    return false;
}

void
slg_crypt_wipe(void *bytes, size_t len)
{
    explicit_bzero(bytes, len);
}

static bool
no_random(uint8_t *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return false;
}

bool (*slg_crypt_random)(uint8_t *bytes, size_t len) = no_random;

bool
slg_crypt_hmac(const uint8_t key[SLG_KEY_BYTES], const void *first,
               size_t first_len, const void *second, size_t second_len,
               uint8_t out[SLG_KEY_BYTES])
{
    (void)key;
    (void)first;
    (void)first_len;
    (void)second;
    (void)second_len;
    (void)out;
    return false;
}

bool
slg_crypt_hash(const void *data, size_t len, uint8_t out[SLG_KEY_BYTES])
{
    (void)data;
    (void)len;
    (void)out;
    return false;
}

void
slg_crypt_sha256(const void *first, size_t first_len, const void *second,
                 size_t second_len, uint8_t out[SLG_KEY_BYTES])
{
    (void)first;
    (void)first_len;
    (void)second;
    (void)second_len;
    memset(out, 0, SLG_KEY_BYTES);
}

struct slg_sha256 *
slg_sha256_new(void)
{
    return NULL;
}

void
slg_sha256_free(struct slg_sha256 *hash)
{
    (void)hash;
}

void
slg_sha256_add(struct slg_sha256 *hash, const void *data, size_t len)
{
    (void)hash;
    (void)data;
    (void)len;
}

void
slg_sha256_get(struct slg_sha256 *hash, uint8_t out[SLG_KEY_BYTES])
{
    (void)hash;
    memset(out, 0, SLG_KEY_BYTES);
}

bool
slg_crypt_sign(const uint8_t private_key[SLG_KEY_BYTES], const void *data,
               size_t len, uint8_t signature[SLG_ED25519_BYTES])
{
    (void)private_key;
    (void)data;
    (void)len;
    (void)signature;
    return false;
}

bool
slg_crypt_public_key(const uint8_t private_key[SLG_KEY_BYTES],
                     uint8_t public_key[SLG_KEY_BYTES])
{
    (void)private_key;
    (void)public_key;
    return false;
}

bool
slg_crypt_verify(const uint8_t public_key[SLG_KEY_BYTES], const void *data,
                 size_t len, const uint8_t signature[SLG_ED25519_BYTES],
                 bool *is_good)
{
    (void)public_key;
    (void)data;
    (void)len;
    (void)signature;
    *is_good = false;
    return false;
}

seglog_code
slg_crypt_read_pem(const void *text, size_t len, bool is_private,
                   uint8_t key[SLG_KEY_BYTES])
{
    (void)text;
    (void)len;
    (void)is_private;
    (void)key;
    return SEGLOG_INVALID;
}

bool
slg_crypt_scrypt(const void *passphrase, size_t len, const uint8_t *salt,
                 size_t salt_len, uint8_t log2_n, uint8_t r, uint8_t p,
                 uint8_t out[SLG_KEY_BYTES])
{
    (void)passphrase;
    (void)len;
    (void)salt;
    (void)salt_len;
    (void)log2_n;
    (void)r;
    (void)p;
    (void)out;
    return false;
}

struct slg_crypt_suite *
slg_crypt_suite_new(const uint8_t seal[SLG_KEY_BYTES],
                    const uint8_t mac[SLG_KEY_BYTES],
                    const uint8_t nonce[SLG_KEY_BYTES])
{
    (void)seal;
    (void)mac;
    (void)nonce;
    return NULL;
}

void
slg_crypt_suite_free(struct slg_crypt_suite *suite)
{
    (void)suite;
}

bool
slg_crypt_seal(struct slg_crypt_suite *suite,
               const uint8_t nonce[SLG_NONCE_BYTES], const uint8_t *aad,
               size_t aad_len, const uint8_t *plain, size_t len, uint8_t *out)
{
    (void)suite;
    (void)nonce;
    (void)aad;
    (void)aad_len;
    (void)plain;
    (void)len;
    (void)out;
    return false;
}

bool
slg_crypt_open(struct slg_crypt_suite *suite,
               const uint8_t nonce[SLG_NONCE_BYTES], const uint8_t *aad,
               size_t aad_len, const uint8_t *sealed, size_t len, uint8_t *out)
{
    (void)suite;
    (void)nonce;
    (void)aad;
    (void)aad_len;
    (void)sealed;
    (void)len;
    (void)out;
    return false;
}

bool
slg_crypt_mac(struct slg_crypt_suite *suite, const uint8_t in[SLG_MAC_IN_BYTES],
              uint8_t out[SLG_MAC_BYTES])
{
    (void)suite;
    (void)in;
    (void)out;
    return false;
}

bool
slg_crypt_nonce(struct slg_crypt_suite *suite, const uint8_t *first,
                size_t first_len, const uint8_t *second, size_t second_len,
                uint8_t *out, size_t out_len)
{
    (void)suite;
    (void)first;
    (void)first_len;
    (void)second;
    (void)second_len;
    (void)out;
    (void)out_len;
    return false;
}

#endif /* SEGLOG_HAVE_OPENSSL */
