/* SPDX-License-Identifier: MIT */
/* src/crypt/keys.c - ENCRYPTION.md 1: the master key and what wraps it. */
#include "src/crypt/keys.h"

#include <string.h>

#include "format/bytes.h"
#include "src/store/fail.h"

#define VERSION         1u
#define KDF_KEY         0u
#define KDF_SCRYPT      1u

#define VERSION_AT      8
#define KDF_AT          10
#define LOG2_N_AT       12
#define R_AT            13
#define P_AT            14
#define SALT_AT         16
#define SALT_BYTES      32
#define NONCE_AT        (SALT_AT + SALT_BYTES)
#define MASTER_AT       (NONCE_AT + SLG_NONCE_BYTES)
#define HASH_AT         (MASTER_AT + SLG_KEY_BYTES + SLG_TAG_BYTES)
#define HASH_BYTES      8

#define SCRYPT_LOG2_N   15u
#define SCRYPT_R        8u
#define SCRYPT_P        1u
#define SCRYPT_LOG2_MAX 20u
/* Whoever writes the blob must not make its readers work without an end. */
#define SCRYPT_NR_MAX    (UINT64_C(1) << 21) /* 256 MiB */
#define SCRYPT_NRP_MAX   (UINT64_C(1) << 22)

#define TEMPORARY_SUFFIX ".new"

static const uint8_t MAGIC[VERSION_AT] = { 0xE5, 'S', 'L', 'G',
                                           'K',  'E', 'Y', '\n' };
static const char WRAP_LABEL[] = "seglog store wrap";

static seglog_code
fail(struct seglog_error *err, seglog_code code, const char *what)
{
    const struct slg_place place = { .name = SEGLOG_KEYS_NAME,
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, code, &place, "%s", what);
}

seglog_code
slg_keys_check(const struct seglog_store_key *key, struct seglog_error *err)
{
    if (!key || key->size < sizeof *key ||
        (key->key == NULL) == (key->passphrase == NULL))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "give either a key or a passphrase");
    if (key->passphrase && (key->passphrase_len == 0 ||
                            key->passphrase_len > SEGLOG_PASSPHRASE_MAX))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "a passphrase has 1 to %d bytes",
                        SEGLOG_PASSPHRASE_MAX);
    return SEGLOG_OK;
}

static bool
scrypt_is_bearable(uint8_t log2_n, uint8_t r, uint8_t p)
{
    const uint64_t work = (UINT64_C(1) << (log2_n & 63u)) * r;

    return log2_n >= 1 && log2_n <= SCRYPT_LOG2_MAX && r > 0 && p > 0 &&
           work <= SCRYPT_NR_MAX && work * p <= SCRYPT_NRP_MAX;
}

/* The key that wraps, from what the user has and the fields of the blob. */
static seglog_code
wrap_key_make(const struct seglog_store_key *key, const uint8_t *bytes,
              uint8_t out[SLG_KEY_BYTES], struct seglog_error *err)
{
    uint8_t secret[SLG_KEY_BYTES];
    bool is_ok = true;

    if (key->key)
        memcpy(secret, key->key, sizeof secret);
    else
        is_ok = slg_crypt_scrypt(key->passphrase, key->passphrase_len,
                                 bytes + SALT_AT, SALT_BYTES, bytes[LOG2_N_AT],
                                 bytes[R_AT], bytes[P_AT], secret);
    is_ok = is_ok && slg_crypt_hmac(secret, WRAP_LABEL, sizeof WRAP_LABEL,
                                    bytes + SALT_AT, SALT_BYTES, out);
    slg_crypt_wipe(secret, sizeof secret);
    return is_ok ? SEGLOG_OK
                 : fail(err, SEGLOG_NO_MEMORY, "no memory to make the key");
}

static void
fields_put(const struct seglog_store_key *key,
           const struct seglog_encrypted_store_options *options, uint8_t *bytes)
{
    memcpy(bytes, MAGIC, sizeof MAGIC);
    slg_store_le16(bytes + VERSION_AT, VERSION);
    slg_store_le16(bytes + KDF_AT, (uint16_t)(key->key ? KDF_KEY : KDF_SCRYPT));
    if (key->key)
        return;
    bytes[LOG2_N_AT] = SCRYPT_LOG2_N;
    bytes[R_AT] = SCRYPT_R;
    bytes[P_AT] = SCRYPT_P;
    if (options && options->scrypt_log2_n != 0)
        bytes[LOG2_N_AT] = options->scrypt_log2_n;
    if (options && options->scrypt_r != 0)
        bytes[R_AT] = options->scrypt_r;
    if (options && options->scrypt_p != 0)
        bytes[P_AT] = options->scrypt_p;
}

static bool
hash_put(const uint8_t *bytes, uint8_t out[HASH_BYTES])
{
    uint8_t hash[SLG_KEY_BYTES];

    if (!slg_crypt_hash(bytes, HASH_AT, hash))
        return false;
    memcpy(out, hash, HASH_BYTES);
    return true;
}

seglog_code
slg_keys_wrap(const uint8_t master[SLG_KEY_BYTES],
              const struct seglog_store_key *key,
              const struct seglog_encrypted_store_options *options,
              uint8_t bytes[SLG_KEYS_BLOB_BYTES], struct seglog_error *err)
{
    uint8_t wrap[SLG_KEY_BYTES];
    struct slg_crypt_suite *suite = NULL;
    seglog_code code = SEGLOG_OK;

    memset(bytes, 0, SLG_KEYS_BLOB_BYTES);
    fields_put(key, options, bytes);
    if (key->passphrase &&
        !scrypt_is_bearable(bytes[LOG2_N_AT], bytes[R_AT], bytes[P_AT]))
        return fail(err, SEGLOG_INVALID, "scrypt may not ask for that much");
    if (!slg_crypt_random(bytes + SALT_AT, SALT_BYTES) ||
        !slg_crypt_random(bytes + NONCE_AT, SLG_NONCE_BYTES))
        return fail(err, SEGLOG_IO, "the system gives no random bytes");
    code = wrap_key_make(key, bytes, wrap, err);
    if (code != SEGLOG_OK)
        return code;
    suite = slg_crypt_suite_new(wrap, wrap, wrap);
    slg_crypt_wipe(wrap, sizeof wrap);
    if (!suite ||
        !slg_crypt_seal(suite, bytes + NONCE_AT, bytes, MASTER_AT, master,
                        SLG_KEY_BYTES, bytes + MASTER_AT) ||
        !hash_put(bytes, bytes + HASH_AT))
        code = fail(err, SEGLOG_NO_MEMORY, "no memory to wrap the key");
    slg_crypt_suite_free(suite);
    memcpy(bytes + SLG_KEYS_COPY_OFFSET, bytes, SLG_KEYS_BYTES);
    return code;
}

/* The copy that is whole; CORRUPT: none is. */
static seglog_code
copy_choose(const uint8_t *bytes, size_t len, const uint8_t **copy,
            struct seglog_error *err)
{
    for (size_t at = 0; at + SLG_KEYS_BYTES <= len;
         at += SLG_KEYS_COPY_OFFSET) {
        uint8_t hash[HASH_BYTES];

        if (memcmp(bytes + at, MAGIC, sizeof MAGIC) != 0)
            continue;
        /* Nothing else can fail there, and it says nothing of the keys. */
        if (!hash_put(bytes + at, hash))
            return fail(err, SEGLOG_NO_MEMORY, "no memory for keys");
        *copy = bytes + at;
        if (memcmp(bytes + at + HASH_AT, hash, sizeof hash) == 0)
            return SEGLOG_OK;
    }
    return fail(err, SEGLOG_CORRUPT,
                "the keys are damaged: bring this blob back from a copy");
}

/* Numbers are hostile: whoever wrote them has put the hash right as well. */
static seglog_code
fields_check(const uint8_t *bytes, const struct seglog_store_key *key,
             struct seglog_error *err)
{
    const unsigned kdf = slg_load_le16(bytes + KDF_AT);

    if (slg_load_le16(bytes + VERSION_AT) != VERSION || kdf > KDF_SCRYPT)
        return fail(err, SEGLOG_FORMAT,
                    "the keys are of a version this build does not know");
    if (kdf == KDF_SCRYPT &&
        !scrypt_is_bearable(bytes[LOG2_N_AT], bytes[R_AT], bytes[P_AT]))
        return fail(err, SEGLOG_FORMAT,
                    "the keys ask for more work than this build does");
    if (kdf == KDF_SCRYPT && !key->passphrase)
        return fail(err, SEGLOG_AUTH,
                    "the store is opened by a passphrase, not by a key");
    if (kdf == KDF_KEY && !key->key)
        return fail(err, SEGLOG_AUTH,
                    "the store is opened by a key, not by a passphrase");
    return SEGLOG_OK;
}

seglog_code
slg_keys_unwrap(const uint8_t *bytes, size_t len,
                const struct seglog_store_key *key,
                uint8_t master[SLG_KEY_BYTES], struct seglog_error *err)
{
    const uint8_t *copy = NULL;
    uint8_t wrap[SLG_KEY_BYTES];
    struct slg_crypt_suite *suite = NULL;
    seglog_code code = copy_choose(bytes, len, &copy, err);

    if (code == SEGLOG_OK)
        code = fields_check(copy, key, err);
    if (code == SEGLOG_OK)
        code = wrap_key_make(key, copy, wrap, err);
    if (code != SEGLOG_OK)
        return code;
    suite = slg_crypt_suite_new(wrap, wrap, wrap);
    slg_crypt_wipe(wrap, sizeof wrap);
    if (!suite)
        return fail(err, SEGLOG_NO_MEMORY, "no memory for keys");
    if (!slg_crypt_open(suite, copy + NONCE_AT, copy, MASTER_AT,
                        copy + MASTER_AT, SLG_KEY_BYTES, master))
        code = fail(err, SEGLOG_AUTH,
                    key->key ? "this is not the key of the store"
                             : "this is not the passphrase of the store");
    slg_crypt_suite_free(suite);
    return code;
}

seglog_code
slg_keys_load(struct seglog_store below, const struct seglog_store_key *key,
              uint8_t master[SLG_KEY_BYTES], struct seglog_error *err)
{
    uint8_t bytes[SLG_KEYS_BLOB_BYTES];
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    seglog_code code =
        seglog_blob_open(below, SEGLOG_KEYS_NAME, SEGLOG_OPEN_READ, &blob, err);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_get_size(blob, &size, NULL, err);
    if (size > sizeof bytes)
        size = sizeof bytes;
    if (code == SEGLOG_OK)
        code = seglog_blob_read_at(blob, 0, bytes, (size_t)size, err);
    (void)seglog_blob_close(&blob, NULL); /* nothing was written */
    return code == SEGLOG_OK
               ? slg_keys_unwrap(bytes, (size_t)size, key, master, err)
               : code;
}

/* The blob under its temporary name, whatever an earlier try has left there. */
static seglog_code
temporary_write(struct seglog_store below, const char *name,
                const uint8_t bytes[SLG_KEYS_BLOB_BYTES],
                struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    seglog_code code = seglog_store_remove(below, name, err);

    if (code != SEGLOG_OK && code != SEGLOG_NOT_FOUND)
        return code;
    code = seglog_blob_open(below, name,
                            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE,
                            &blob, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_blob_append(blob, 0, bytes, SLG_KEYS_BLOB_BYTES, NULL, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(blob, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_close(&blob, err);
    else
        (void)seglog_blob_close(&blob, NULL);
    return code;
}

seglog_code
slg_keys_save(struct seglog_store below, const uint8_t master[SLG_KEY_BYTES],
              const struct seglog_store_key *key,
              const struct seglog_encrypted_store_options *options,
              struct seglog_error *err)
{
    static const char temporary[] = SEGLOG_KEYS_NAME TEMPORARY_SUFFIX;
    uint8_t bytes[SLG_KEYS_BLOB_BYTES];
    seglog_code code = slg_keys_wrap(master, key, options, bytes, err);

    if (code == SEGLOG_OK)
        code = temporary_write(below, temporary, bytes, err);
    if (code == SEGLOG_OK)
        code = seglog_store_replace(below, temporary, SEGLOG_KEYS_NAME, err);
    return code;
}
