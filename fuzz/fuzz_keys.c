/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_keys.c - any bytes as the blob of the keys, or as a chunk
 * (ENCRYPTION.md 1 and 2).
 *
 * Nothing is taken that was not made with the key: of the right blob and the
 * right chunk not a bit may be changed.
 *
 * Byte 0 of the input: bit 0 chunks, else keys; bit 1 set the hash right; bit 2
 * begin with what is right and change it; bit 3 a passphrase; bit 4 make the
 * fields as the input says and wrap the master key by them, as another program
 * would that has the key.
 */
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "fuzz/support.h"
#include "src/crypt/chunk.h"
#include "src/crypt/keys.h"
#include "src/crypt/primitives.h"

#define BYTES_MAX  ((size_t)5000)
#define HASH_AT    (SLG_KEYS_BYTES - 8u)
#define VERSION_AT 8u
#define KDF_AT     10u
#define LOG2_N_AT  12u /* the three that scrypt is told */
#define SALT_AT    16u
#define NONCE_AT   48u
#define MASTER_AT  72u

enum how {
    HOW_CHUNK = 1,
    HOW_MEND = 2,
    HOW_RIGHT = 4,
    HOW_PASSPHRASE = 8,
    HOW_WRAP = 16
};

static const uint8_t key_bytes[SLG_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t master[SLG_KEY_BYTES] = { 9, 8, 7, 6 };

/* -- the blob of the keys -------------------------------------------------- */

/* Made once: the salt in it is chance. */
static const uint8_t *
right_keys(void)
{
    static uint8_t bytes[SLG_KEYS_BLOB_BYTES];
    static bool is_made;
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = key_bytes };

    if (!is_made)
        MUST(slg_keys_wrap(master, &key, NULL, bytes, NULL) == SEGLOG_OK);
    is_made = true;
    return bytes;
}

static void
hash_mend(uint8_t *bytes, size_t len)
{
    uint8_t hash[SLG_KEY_BYTES];

    for (size_t at = 0; at + SLG_KEYS_BYTES <= len;
         at += SLG_KEYS_COPY_OFFSET) {
        MUST(slg_crypt_hash(bytes + at, HASH_AT, hash));
        memcpy(bytes + at + HASH_AT, hash, 8);
    }
}

/* Work is for the user's machine, not for this. */
static void
scrypt_make_cheap(uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at + SLG_KEYS_BYTES <= len;
         at += SLG_KEYS_COPY_OFFSET) {
        bytes[at + LOG2_N_AT] = bytes[at + LOG2_N_AT] > 20 ? 21 : 1;
        bytes[at + LOG2_N_AT + 1] &= 1;
        bytes[at + LOG2_N_AT + 2] &= 1;
    }
}

static void
keys_must_hold(unsigned how, const uint8_t *data, size_t size)
{
    struct seglog_store_key key = { .size = sizeof key };
    uint8_t *bytes = exact_copy(data, size);
    uint8_t out[SLG_KEY_BYTES];
    seglog_code code = SEGLOG_OK;

    if ((how & HOW_PASSPHRASE) != 0) {
        key.passphrase = "passphrase";
        key.passphrase_len = 10;
        scrypt_make_cheap(bytes, size);
    } else {
        key.key = key_bytes;
    }
    if ((how & HOW_MEND) != 0)
        hash_mend(bytes, size);
    code = slg_keys_unwrap(bytes, size, &key, out, NULL);
    MUST(code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT ||
         code == SEGLOG_AUTH);
    free(bytes);
}

/* The right ones, of which the input changes bytes: those, or nothing. */
static void
right_keys_must_hold(unsigned how, struct input *input)
{
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = key_bytes };
    uint8_t *bytes = exact_copy(right_keys(), SLG_KEYS_BLOB_BYTES);
    uint8_t out[SLG_KEY_BYTES];
    bool is_first_same = true;

    while (input->left >= 3) {
        const size_t at = input_number(input, 2) % SLG_KEYS_BLOB_BYTES;

        bytes[at] ^= input_byte(input);
    }
    is_first_same = memcmp(bytes, right_keys(), SLG_KEYS_BYTES) == 0;
    if ((how & HOW_MEND) != 0)
        hash_mend(bytes, SLG_KEYS_BLOB_BYTES);
    if (slg_keys_unwrap(bytes, SLG_KEYS_BLOB_BYTES, &key, out, NULL) ==
        SEGLOG_OK)
        MUST(memcmp(out, master, sizeof out) == 0);
    else
        MUST(!is_first_same);
    free(bytes);
}

/* ENCRYPTION.md 1 once more: the key that wraps, from the fields. */
static void
wrap_key_make(const struct seglog_store_key *key, const uint8_t *bytes,
              uint8_t wrap[SLG_KEY_BYTES])
{
    static const char label[] = "seglog store wrap";
    uint8_t secret[SLG_KEY_BYTES];

    if (key->key)
        memcpy(secret, key->key, sizeof secret);
    else
        MUST(slg_crypt_scrypt(key->passphrase, key->passphrase_len,
                              bytes + SALT_AT, NONCE_AT - SALT_AT,
                              bytes[LOG2_N_AT], bytes[LOG2_N_AT + 1],
                              bytes[LOG2_N_AT + 2], secret));
    MUST(slg_crypt_hmac(secret, label, sizeof label, bytes + SALT_AT,
                        NONCE_AT - SALT_AT, wrap));
}

static seglog_code
fields_code(const struct seglog_store_key *key, const uint8_t *bytes)
{
    const unsigned kdf = slg_load_le16(bytes + KDF_AT);
    const uint64_t n = UINT64_C(1) << (bytes[LOG2_N_AT] & 63);
    const uint64_t r = bytes[LOG2_N_AT + 1];
    const uint64_t p = bytes[LOG2_N_AT + 2];

    if (slg_load_le16(bytes + VERSION_AT) != 1 || kdf > 1)
        return SEGLOG_FORMAT;
    if (kdf == 1 && (bytes[LOG2_N_AT] < 1 || bytes[LOG2_N_AT] > 20 || r == 0 ||
                     p == 0 || n * r > 1u << 21 || n * r * p > 1u << 22))
        return SEGLOG_FORMAT;
    return (kdf == 1) == (key->key == NULL) ? SEGLOG_OK : SEGLOG_AUTH;
}

/* What was wrapped by the key is unwrapped by it, whatever the fields; a user
 * with another one, or a copy that is damaged, changes that as it should. */
static void
wrapped_keys_must_open(unsigned how, struct input *input)
{
    struct seglog_store_key key = { .size = sizeof key };
    uint8_t *bytes = exact_copy(right_keys(), SLG_KEYS_BLOB_BYTES);
    uint8_t wrap[SLG_KEY_BYTES] = { 0 };
    uint8_t out[SLG_KEY_BYTES];
    const unsigned more = input_byte(input);
    struct slg_crypt_suite *suite = NULL;
    seglog_code wants = SEGLOG_OK;
    size_t len = MASTER_AT - VERSION_AT;
    const uint8_t *fields = NULL;

    if ((how & HOW_PASSPHRASE) != 0) {
        key.passphrase = "passphrase";
        key.passphrase_len = 10;
    } else {
        key.key = key_bytes;
    }
    slg_store_le16(bytes + KDF_AT, key.key ? 0 : 1);
    bytes[LOG2_N_AT] = 1;
    bytes[LOG2_N_AT + 1] = 1;
    bytes[LOG2_N_AT + 2] = 1;
    if ((more & 1) != 0) {
        fields = input_bytes(input, &len);
        memcpy(bytes + VERSION_AT, fields, len);
    } else {
        len = NONCE_AT - LOG2_N_AT;
        fields = input_bytes(input, &len);
        memcpy(bytes + LOG2_N_AT, fields, len);
    }
    wants = fields_code(&key, bytes);
    /* Work is for the user's machine, not for this. */
    if (wants == SEGLOG_OK && key.passphrase) {
        bytes[LOG2_N_AT] = 1 + bytes[LOG2_N_AT] % 3;
        bytes[LOG2_N_AT + 1] = 1 + bytes[LOG2_N_AT + 1] % 4;
        bytes[LOG2_N_AT + 2] = 1 + bytes[LOG2_N_AT + 2] % 3;
    }
    if (wants == SEGLOG_OK)
        wrap_key_make(&key, bytes, wrap);
    suite = slg_crypt_suite_new(wrap, wrap, wrap);
    MUST(suite);
    MUST(slg_crypt_seal(suite, bytes + NONCE_AT, bytes, MASTER_AT, master,
                        sizeof master, bytes + MASTER_AT));
    slg_crypt_suite_free(suite);
    memcpy(bytes + SLG_KEYS_COPY_OFFSET, bytes, SLG_KEYS_BYTES);
    hash_mend(bytes, SLG_KEYS_BLOB_BYTES);
    if ((more & 2) != 0) /* the other copy serves */
        bytes[more / 4 % SLG_KEYS_BYTES] ^= 1;
    MUST(slg_keys_unwrap(bytes, SLG_KEYS_BLOB_BYTES, &key, out, NULL) == wants);
    MUST(wants != SEGLOG_OK || memcmp(out, master, sizeof out) == 0);
    /* Who has another key or passphrase. */
    if (key.passphrase)
        key.passphrase = "passphrasf";
    else
        key.key = master;
    MUST(slg_keys_unwrap(bytes, SLG_KEYS_BLOB_BYTES, &key, out, NULL) ==
         (wants == SEGLOG_OK ? SEGLOG_AUTH : wants));
    free(bytes);
}

/* -- chunks ---------------------------------------------------------------- */

static void
chunk_must_hold(struct slg_crypt_suite *suite, const uint8_t *data, size_t size)
{
    static const uint8_t before[SLG_MAC_BYTES] = { 5 };
    uint8_t *bytes = exact_copy(data, size);
    struct slg_chunk_head head;
    uint8_t *out = NULL;

    if (size >= SLG_CHUNK_HEAD_BYTES && slg_chunk_head_parse(bytes, &head)) {
        MUST(head.len <= SLG_CHUNK_PLAIN_MAX);
        MUST(!slg_chunk_is_linked(suite, bytes, before));
        if (size >= SLG_CHUNK_EXTRA_BYTES + head.len) {
            out = malloc(head.len + 1);
            MUST(out && !slg_chunk_open(suite, bytes, out));
            for (size_t i = 0; i < head.len; i++)
                MUST(out[i] == 0);
            free(out);
        }
    }
    free(bytes);
}

/* A chunk that was sealed: it opens, and with one bit changed it does not. */
static void
right_chunk_must_hold(struct slg_crypt_suite *suite, struct input *input)
{
    static const uint8_t before[SLG_MAC_BYTES] = { 5 };
    const size_t bit = input_number(input, 2);
    struct slg_chunk_head head = { .cut = input_byte(input) % 3,
                                   .plain = input_number(input, 5),
                                   .nonce = { 1 } };
    struct slg_chunk_head again;
    size_t len = input->left;
    const uint8_t *plain = input_bytes(input, &len);
    uint8_t *chunk = malloc(len + SLG_CHUNK_EXTRA_BYTES);
    uint8_t *out = malloc(len + 1);

    MUST(chunk && out);
    head.len = (uint32_t)len;
    if (len == 0)
        head.cut = 1;
    MUST(slg_chunk_seal(suite, &head, before, plain, chunk));
    MUST(slg_chunk_head_parse(chunk, &again));
    MUST(again.len == head.len && again.cut == head.cut);
    MUST(again.plain == head.plain);
    MUST(slg_chunk_is_linked(suite, chunk, before));
    MUST(slg_chunk_open(suite, chunk, out));
    MUST(len == 0 || memcmp(out, plain, len) == 0);
    const size_t at = bit / 8 % (len + SLG_CHUNK_EXTRA_BYTES);
    chunk[at] ^= (uint8_t)(1u << bit % 8);
    if (at < SLG_CHUNK_HEAD_BYTES)
        MUST(!slg_chunk_is_linked(suite, chunk, before));
    slg_store_le32(chunk, head.len);
    if (at >= 4)
        MUST(!slg_chunk_open(suite, chunk, out));
    free(chunk);
    free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct slg_crypt_suite *suite;
    struct input input = { .at = data, .left = size };
    const unsigned how = input_byte(&input);

    if (size < 1 || size > BYTES_MAX || !slg_crypt_is_available())
        return 0;
    if (!suite)
        suite = slg_crypt_suite_new(key_bytes, master, key_bytes);
    MUST(suite);
    if ((how & (HOW_CHUNK | HOW_RIGHT)) == (HOW_CHUNK | HOW_RIGHT))
        right_chunk_must_hold(suite, &input);
    else if ((how & HOW_CHUNK) != 0)
        chunk_must_hold(suite, input.at, input.left);
    else if ((how & HOW_WRAP) != 0)
        wrapped_keys_must_open(how, &input);
    else if ((how & HOW_RIGHT) != 0)
        right_keys_must_hold(how, &input);
    else
        keys_must_hold(how, input.at, input.left);
    return 0;
}
