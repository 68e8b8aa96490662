/* SPDX-License-Identifier: MIT */
/* src/crypt/encrypted_store.c - names, keys, and the store below. */
#include "src/crypt/encrypted_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/crypt/keys.h"
#include "src/store/fail.h"
#include "src/store/name.h"
#include "src/store/options.h"

#define KEYS_LOCK_MS 10000

/* ---------------------------------------------------------------------------
 * Names
 */

static bool
name_is_taken(const char *name)
{
    return strncmp(name, SEGLOG_KEYS_NAME, sizeof SEGLOG_KEYS_NAME - 1) == 0;
}

static seglog_code
name_refuse(const char *name, struct seglog_error *err)
{
    const struct slg_place place = { .name = name, .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_INVALID, &place,
                    "names that begin with \"%s\" are taken for keys",
                    SEGLOG_KEYS_NAME);
}

static seglog_code
store_open(void *self, const char *name, unsigned flags,
           struct seglog_blob *blob, struct seglog_error *err)
{
    const struct slg_encrypted_store *store = self;
    struct seglog_blob below = { 0 };
    seglog_code code = SEGLOG_OK;

    if (name_is_taken(name))
        return name_refuse(name, err);
    code = seglog_blob_open(store->below, name, flags, &below, err);
    if (code != SEGLOG_OK)
        return code;
    code = slg_encrypted_blob_new(store, name, flags, below, blob, err);
    if (code != SEGLOG_OK)
        (void)seglog_blob_close(&below, NULL); /* nothing was written */
    return code;
}

struct listing {
    seglog_list_fn fn;
    void *arg;
};

static bool
listing_pass(void *arg, const char *name)
{
    const struct listing *listing = arg;

    return name_is_taken(name) || listing->fn(listing->arg, name);
}

static seglog_code
store_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
           struct seglog_error *err)
{
    const struct slg_encrypted_store *store = self;
    struct listing listing = { fn, arg };

    return seglog_store_list(store->below, prefix, listing_pass, &listing, err);
}

static seglog_code
store_remove(void *self, const char *name, struct seglog_error *err)
{
    const struct slg_encrypted_store *store = self;

    if (name_is_taken(name))
        return name_refuse(name, err);
    return seglog_store_remove(store->below, name, err);
}

static seglog_code
store_replace(void *self, const char *from, const char *name,
              struct seglog_error *err)
{
    const struct slg_encrypted_store *store = self;

    if (name_is_taken(from) || name_is_taken(name))
        return name_refuse(name_is_taken(from) ? from : name, err);
    return seglog_store_replace(store->below, from, name, err);
}

static seglog_code
store_open_lock(void *self, const char *name, struct seglog_lock *lock,
                struct seglog_error *err)
{
    const struct slg_encrypted_store *store = self;

    if (name_is_taken(name))
        return name_refuse(name, err);
    return seglog_lock_open(store->below, name, lock, err);
}

static void
store_describe(void *self, char *buf, size_t cap)
{
    static const char ENCRYPTED[] = "encrypted ";
    const struct slg_encrypted_store *store = self;

    (void)snprintf(buf, cap, "%s", ENCRYPTED);
    if (cap > sizeof ENCRYPTED - 1)
        seglog_store_describe(store->below, buf + sizeof ENCRYPTED - 1,
                              cap - (sizeof ENCRYPTED - 1));
}

/* The time from below, the size from the chunks. */
static seglog_code
store_get_info(void *self, const char *name, struct seglog_blob_info *info,
               struct seglog_error *err)
{
    const struct slg_encrypted_store *store = self;
    struct seglog_blob_info below = { 0 };
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    seglog_code code = SEGLOG_OK;

    if (name_is_taken(name))
        return name_refuse(name, err);
    code = seglog_store_get_info(store->below, name, &below, err);
    if (code == SEGLOG_OK)
        code = store_open(self, name, SEGLOG_OPEN_READ, &blob, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(blob, &size, NULL, err);
    (void)seglog_blob_close(&blob, NULL); /* nothing was written */
    if (code == SEGLOG_OK)
        *info = (struct seglog_blob_info){ .size = size,
                                           .modified_ns = below.modified_ns };
    return code;
}

static seglog_code
store_get_stamp(void *self, struct seglog_stamp *stamp,
                struct seglog_error *err)
{
    const struct slg_encrypted_store *store = self;

    return seglog_store_get_stamp(store->below, stamp, err);
}

static void
store_close(void *self)
{
    struct slg_encrypted_store *store = self;

    seglog_store_close(&store->below);
    slg_crypt_wipe(store, sizeof *store);
    free(store);
}

static const struct seglog_store_ops encrypted_ops = {
    .size = sizeof encrypted_ops,
    .open = store_open,
    .list = store_list,
    .remove = store_remove,
    .replace = store_replace,
    .open_lock = store_open_lock,
    .describe = store_describe,
    .close = store_close,
    .get_info = store_get_info,
    .get_stamp = store_get_stamp,
};

/* ---------------------------------------------------------------------------
 * Keys
 */

static seglog_code
fail_unavailable(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_INVALID, NULL,
                    "this build has no encryption: build it with "
                    "SEGLOG_WITH_OPENSSL");
}

/* Those who make or change the keys do so one by one, where there are locks. */
static seglog_code
keys_lock(struct seglog_store below, struct seglog_lock *lock,
          struct seglog_error *err)
{
    struct seglog_error failed;
    const seglog_code code =
        seglog_lock_open(below, SEGLOG_KEYS_NAME, lock, &failed);

    if (code == SEGLOG_OK)
        return seglog_lock_acquire(*lock, KEYS_LOCK_MS, err);
    if (code == SEGLOG_INVALID) /* it has no locks */
        return SEGLOG_OK;
    if (err)
        *err = failed;
    return code;
}

static void
keys_unlock(struct seglog_lock *lock)
{
    if (lock->ops)
        (void)seglog_lock_discard(*lock, NULL); /* it may stay */
    seglog_lock_close(lock);
}

static bool
find_blob(void *arg, const char *name)
{
    bool *is_found = arg;

    *is_found = *is_found || !name_is_taken(name);
    return !*is_found;
}

static seglog_code
keys_create(struct seglog_store below, const struct seglog_store_key *key,
            const struct seglog_encrypted_store_options *options,
            uint8_t master[SLG_KEY_BYTES], struct seglog_error *err)
{
    bool is_found = false;
    seglog_code code = seglog_store_list(below, "", find_blob, &is_found, err);

    if (code != SEGLOG_OK)
        return code;
    if (is_found)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the store holds blobs that are not encrypted: an "
                        "encrypted store begins empty");
    if (!slg_crypt_random(master, SLG_KEY_BYTES))
        return slg_fail(err, SEGLOG_IO, NULL,
                        "the system gives no random bytes");
    return slg_keys_save(below, master, key, options, err);
}

static seglog_code
keys_get(struct seglog_store below, const struct seglog_store_key *key,
         const struct seglog_encrypted_store_options *options,
         uint8_t master[SLG_KEY_BYTES], struct seglog_error *err)
{
    struct seglog_lock lock = { 0 };
    struct seglog_error failed = { .code = SEGLOG_OK };
    seglog_code code = slg_keys_load(below, key, master, &failed);

    if (code == SEGLOG_NOT_FOUND && !options->create)
        return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "the store is not encrypted: there is no \"%s\"",
                        SEGLOG_KEYS_NAME);
    if (code == SEGLOG_NOT_FOUND) {
        code = keys_lock(below, &lock, &failed);
        if (code == SEGLOG_OK)
            code = slg_keys_load(below, key, master, &failed);
        if (code == SEGLOG_NOT_FOUND)
            code = keys_create(below, key, options, master, &failed);
        keys_unlock(&lock);
    }
    if (code != SEGLOG_OK && err)
        *err = failed;
    return code;
}

/* HKDF-Expand of one block: the label, and the number of the block. */
static bool
key_make(const uint8_t master[SLG_KEY_BYTES], const char *label,
         uint8_t out[SLG_KEY_BYTES])
{
    static const uint8_t number = 1;

    return slg_crypt_hmac(master, label, strlen(label), &number, sizeof number,
                          out);
}

seglog_code
seglog_encrypted_store_open(
    struct seglog_store below, const struct seglog_store_key *key,
    const struct seglog_encrypted_store_options *options,
    struct seglog_store *store, struct seglog_error *err)
{
    struct seglog_encrypted_store_options given;
    uint8_t master[SLG_KEY_BYTES];
    struct slg_encrypted_store *self = NULL;
    seglog_code code = SEGLOG_OK;

    if (!slg_crypt_is_available())
        return fail_unavailable(err);
    if (!store || !below.ops)
        return slg_fail(err, SEGLOG_INVALID, NULL, "store is NULL");
    if (!slg_options_copy(&given, sizeof given, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "options of a size that makes no sense");
    code = slg_keys_check(key, err);
    if (code == SEGLOG_OK)
        code = keys_get(below, key, &given, master, err);
    if (code != SEGLOG_OK)
        return code;
    self = calloc(1, sizeof *self);
    if (!self || !key_make(master, "seglog chunk seal", self->seal) ||
        !key_make(master, "seglog chunk head", self->mac) ||
        !key_make(master, "seglog chunk nonce", self->nonce)) {
        free(self);
        code = slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a store");
    } else {
        self->below = below;
        *store = (struct seglog_store){ .ops = &encrypted_ops, .self = self };
    }
    slg_crypt_wipe(master, sizeof master);
    return code;
}

seglog_code
seglog_encrypted_store_detect(struct seglog_store below, bool *is_encrypted,
                              struct seglog_error *err)
{
    struct seglog_blob_info info;
    seglog_code code = SEGLOG_OK;

    if (!is_encrypted)
        return slg_fail(err, SEGLOG_INVALID, NULL, "is_encrypted is NULL");
    code = seglog_store_get_info(below, SEGLOG_KEYS_NAME, &info, err);
    if (code != SEGLOG_OK && code != SEGLOG_NOT_FOUND)
        return code;
    *is_encrypted = code == SEGLOG_OK;
    return SEGLOG_OK;
}

seglog_code
seglog_encrypted_store_rekey(
    struct seglog_store below, const struct seglog_store_key *old_key,
    const struct seglog_store_key *new_key,
    const struct seglog_encrypted_store_options *options,
    struct seglog_error *err)
{
    struct seglog_encrypted_store_options given;
    uint8_t master[SLG_KEY_BYTES];
    struct seglog_lock lock = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!slg_crypt_is_available())
        return fail_unavailable(err);
    if (!slg_options_copy(&given, sizeof given, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "options of a size that makes no sense");
    code = slg_keys_check(old_key, err);
    if (code == SEGLOG_OK)
        code = slg_keys_check(new_key, err);
    if (code != SEGLOG_OK)
        return code;
    code = keys_lock(below, &lock, err);
    if (code == SEGLOG_OK)
        code = slg_keys_load(below, old_key, master, err);
    if (code == SEGLOG_OK)
        code = slg_keys_save(below, master, new_key, &given, err);
    slg_crypt_wipe(master, sizeof master);
    keys_unlock(&lock);
    return code;
}

/* ---------------------------------------------------------------------------
 * Key files
 */

static int
hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static bool
key_parse(const char *text, size_t len, uint8_t key[SEGLOG_KEY_BYTES])
{
    if (len == SEGLOG_KEY_BYTES) {
        memcpy(key, text, SEGLOG_KEY_BYTES);
        return true;
    }
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (len != (size_t)2 * SEGLOG_KEY_BYTES)
        return false;
    for (size_t i = 0; i < SEGLOG_KEY_BYTES; i++) {
        const int high = hex_value(text[2 * i]);
        const int low = hex_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

seglog_code
seglog_store_key_read(const char *path, uint8_t key[SEGLOG_KEY_BYTES],
                      struct seglog_error *err)
{
    const struct slg_place place = { .name = path, .offset = SEGLOG_NO_OFFSET };
    char text[2 * SEGLOG_KEY_BYTES + 3] = { 0 };
    FILE *file = NULL;
    size_t len = 0;
    bool is_key = false;

    if (!path || !key)
        return slg_fail(err, SEGLOG_INVALID, NULL, "path or key is NULL");
    file = fopen(path, "rbe");
    if (!file)
        return slg_fail_errno(err, errno, &place, "cannot open the key file");
    setbuf(file, NULL); /* no copy of the key is left in a buffer */
    len = fread(text, 1, sizeof text, file);
    is_key = !ferror(file) && key_parse(text, len, key);
    (void)fclose(file);
    slg_crypt_wipe(text, sizeof text);
    if (is_key)
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_INVALID, &place,
                    "it holds no key: 32 bytes, or 64 hexadecimal digits");
}

void
seglog_store_key_wipe(void *bytes, size_t len)
{
    if (bytes && len > 0)
        slg_crypt_wipe(bytes, len);
}
