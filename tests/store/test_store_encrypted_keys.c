/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_encrypted_keys.c
 *
 * Goal    only the key opens the store, hostile keys cost no work, and a
 *         change of the key is there as a whole or not at all.
 */
#include "tests/support/seglog_test.h"

#include "seglog/encrypted_store.h"
#include "src/crypt/keys.h"

static const uint8_t OLD[SEGLOG_KEY_BYTES] = "the old key of thirty-two bytes";
static const uint8_t NEW[SEGLOG_KEY_BYTES] = "the new key of thirty-two bytes";

static struct seglog_store_key
key_of(const uint8_t *bytes)
{
    return (struct seglog_store_key){ .size = sizeof(struct seglog_store_key),
                                      .key = bytes };
}

static struct seglog_store_key
phrase_of(const char *text)
{
    return (struct seglog_store_key){ .size = sizeof(struct seglog_store_key),
                                      .passphrase = text,
                                      .passphrase_len = strlen(text) };
}

static const struct seglog_encrypted_store_options cheap = {
    .size = sizeof cheap,
    .create = true,
    .scrypt_log2_n = 4,
    .scrypt_r = 1,
    .scrypt_p = 1,
};

/* ---------------------------------------------------------------------------
 * A store over memory that outlives the encrypted one, and fails when told to
 */

static struct seglog_store memory;
static unsigned calls_left;

static seglog_code
call(struct seglog_error *err)
{
    if (calls_left > 0) {
        calls_left--;
        return SEGLOG_OK;
    }
    if (err)
        *err = (struct seglog_error){ .code = SEGLOG_IO };
    return SEGLOG_IO;
}

static seglog_code
frail_open(void *self, const char *name, unsigned flags,
           struct seglog_blob *blob, struct seglog_error *err)
{
    (void)self;
    return call(err) == SEGLOG_OK
               ? seglog_blob_open(memory, name, flags, blob, err)
               : SEGLOG_IO;
}

static seglog_code
frail_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
           struct seglog_error *err)
{
    (void)self;
    return seglog_store_list(memory, prefix, fn, arg, err);
}

static seglog_code
frail_remove(void *self, const char *name, struct seglog_error *err)
{
    (void)self;
    return call(err) == SEGLOG_OK ? seglog_store_remove(memory, name, err)
                                  : SEGLOG_IO;
}

static seglog_code
frail_replace(void *self, const char *from, const char *name,
              struct seglog_error *err)
{
    (void)self;
    return call(err) == SEGLOG_OK
               ? seglog_store_replace(memory, from, name, err)
               : SEGLOG_IO;
}

static seglog_code
frail_open_lock(void *self, const char *name, struct seglog_lock *lock,
                struct seglog_error *err)
{
    (void)self;
    return call(err) == SEGLOG_OK ? seglog_lock_open(memory, name, lock, err)
                                  : SEGLOG_IO;
}

static const struct seglog_store_ops frail_ops = {
    .size = sizeof frail_ops,
    .open = frail_open,
    .list = frail_list,
    .remove = frail_remove,
    .replace = frail_replace,
    .open_lock = frail_open_lock,
};

static const struct seglog_store frail = { &frail_ops, NULL };

static seglog_code
open_with(struct seglog_store_key key, bool may_create,
          struct seglog_error *err)
{
    struct seglog_encrypted_store_options options = cheap;
    struct seglog_store store = { 0 };
    seglog_code code = SEGLOG_OK;

    options.create = may_create;
    calls_left = 1000;
    code = seglog_encrypted_store_open(frail, &key, &options, &store, err);
    seglog_store_close(&store);
    return code;
}

static size_t
keys_get(uint8_t bytes[SLG_KEYS_BLOB_BYTES])
{
    struct seglog_blob blob;

    assert_ok(seglog_blob_open(memory, SEGLOG_KEYS_NAME, SEGLOG_OPEN_READ,
                               &blob, NULL));
    assert_ok(seglog_blob_read_at(blob, 0, bytes, SLG_KEYS_BLOB_BYTES, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    return SLG_KEYS_BLOB_BYTES;
}

static void
keys_put(const uint8_t *bytes, size_t len)
{
    struct seglog_blob blob;

    (void)!seglog_store_remove(memory, SEGLOG_KEYS_NAME, NULL);
    assert_ok(seglog_blob_open(memory, SEGLOG_KEYS_NAME,
                               SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob,
                               NULL));
    assert_ok(seglog_blob_append(blob, 0, bytes, len, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

/* ------------------------------------------------------------------------- */

static void
open__without_keys__is_not_found_or_creates(void **state)
{
    bool is_encrypted = true;

    (void)state;
    assert_code(open_with(key_of(OLD), false, NULL), SEGLOG_NOT_FOUND);
    assert_ok(seglog_encrypted_store_detect(memory, &is_encrypted, NULL));
    assert_false(is_encrypted);
    assert_ok(open_with(key_of(OLD), true, NULL));
    assert_ok(open_with(key_of(OLD), true, NULL));
    assert_ok(seglog_encrypted_store_detect(memory, &is_encrypted, NULL));
    assert_true(is_encrypted);
}

static void
open__store_with_plain_blobs__is_invalid(void **state)
{
    struct seglog_blob blob;

    (void)state;
    assert_ok(seglog_blob_open(
        memory, "plain", SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    assert_code(open_with(key_of(OLD), true, NULL), SEGLOG_INVALID);
    assert_code(open_with(key_of(OLD), false, NULL), SEGLOG_NOT_FOUND);
}

static void
open__another_key__is_auth(void **state)
{
    struct seglog_error err;

    (void)state;
    assert_ok(open_with(key_of(OLD), true, NULL));
    assert_code_err(open_with(key_of(NEW), true, &err), SEGLOG_AUTH, &err);
    assert_code(open_with(phrase_of("words"), true, NULL), SEGLOG_AUTH);
    assert_ok(seglog_store_remove(memory, SEGLOG_KEYS_NAME, NULL));
    assert_ok(open_with(phrase_of("words"), true, NULL));
    assert_ok(open_with(phrase_of("words"), false, NULL));
    assert_code(open_with(phrase_of("word"), false, NULL), SEGLOG_AUTH);
    assert_code(open_with(key_of(OLD), false, NULL), SEGLOG_AUTH);
}

static void
open__bad_arguments__are_invalid(void **state)
{
    struct seglog_store_key both = phrase_of("words");
    struct seglog_store_key none = key_of(NULL);

    (void)state;
    both.key = OLD;
    assert_code(open_with(both, true, NULL), SEGLOG_INVALID);
    assert_code(open_with(none, true, NULL), SEGLOG_INVALID);
    assert_code(open_with(phrase_of(""), true, NULL), SEGLOG_INVALID);
}

static void
names__of_the_keys__are_taken(void **state)
{
    const struct seglog_store_key key = key_of(OLD);
    struct seglog_store store = { 0 };
    struct seglog_blob blob;
    struct seglog_lock lock;
    char text[80];

    (void)state;
    calls_left = 1000;
    assert_ok(seglog_encrypted_store_open(frail, &key, &cheap, &store, NULL));
    assert_code(
        seglog_blob_open(store, "seglog.keys", SEGLOG_OPEN_READ, &blob, NULL),
        SEGLOG_INVALID);
    assert_code(seglog_store_remove(store, "seglog.keys", NULL),
                SEGLOG_INVALID);
    assert_code(seglog_store_replace(store, "a", "seglog.keys", NULL),
                SEGLOG_INVALID);
    assert_code(seglog_lock_open(store, "seglog.keys.new", &lock, NULL),
                SEGLOG_INVALID);
    seglog_store_describe(store, text, sizeof text);
    assert_string_equal(text, "encrypted byte store");
    seglog_store_close(&store);
}

/* Each copy may be damaged in any bit, but not both. */
static void
keys__any_bit_damaged__the_other_copy_serves(void **state)
{
    uint8_t bytes[SLG_KEYS_BLOB_BYTES];

    (void)state;
    assert_ok(open_with(key_of(OLD), true, NULL));
    (void)keys_get(bytes);
    for (size_t bit = 0; bit < 8 * SLG_KEYS_BYTES; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        keys_put(bytes, sizeof bytes);
        assert_ok(open_with(key_of(OLD), false, NULL));
        assert_code(open_with(key_of(NEW), false, NULL), SEGLOG_AUTH);
        bytes[SLG_KEYS_COPY_OFFSET + 60] ^= 1;
        keys_put(bytes, sizeof bytes);
        assert_code(open_with(key_of(OLD), false, NULL), SEGLOG_CORRUPT);
        bytes[SLG_KEYS_COPY_OFFSET + 60] ^= 1;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void
keys__cut_anywhere__never_open_by_chance(void **state)
{
    uint8_t bytes[SLG_KEYS_BLOB_BYTES];

    (void)state;
    assert_ok(open_with(key_of(OLD), true, NULL));
    (void)keys_get(bytes);
    for (size_t len = 0; len < sizeof bytes; len += len < 140 ? 1 : 100) {
        keys_put(bytes, len);
        assert_code(open_with(key_of(OLD), false, NULL),
                    len < SLG_KEYS_BYTES ? SEGLOG_CORRUPT : SEGLOG_OK);
    }
}

/* The hash is right: somebody has made it so. */
static void
keys__hostile_numbers__cost_nothing(void **state)
{
    static const struct {
        uint8_t version;
        uint8_t kdf;
        uint8_t scrypt[3];
        seglog_code want;
    } cases[] = {
        { 2, 1, { 4, 1, 1 }, SEGLOG_FORMAT },
        { 1, 2, { 4, 1, 1 }, SEGLOG_FORMAT },
        { 1, 1, { 63, 1, 1 }, SEGLOG_FORMAT },
        { 1, 1, { 255, 255, 255 }, SEGLOG_FORMAT },
        { 1, 1, { 20, 8, 1 }, SEGLOG_FORMAT },
        { 1, 1, { 16, 8, 255 }, SEGLOG_FORMAT },
        { 1, 1, { 0, 1, 1 }, SEGLOG_FORMAT },
        { 1, 1, { 4, 0, 1 }, SEGLOG_FORMAT },
        { 1, 1, { 4, 1, 0 }, SEGLOG_FORMAT },
        { 1, 1, { 5, 1, 1 }, SEGLOG_AUTH },
        { 1, 0, { 4, 1, 1 }, SEGLOG_AUTH },
        { 1, 1, { 4, 1, 1 }, SEGLOG_OK },
    };
    uint8_t bytes[SLG_KEYS_BLOB_BYTES];

    (void)state;
    assert_ok(open_with(phrase_of("words"), true, NULL));
    (void)keys_get(bytes);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const int64_t start_ms = test_now_ms();
        uint8_t hash[32];

        bytes[8] = cases[i].version;
        bytes[10] = cases[i].kdf;
        memcpy(bytes + 12, cases[i].scrypt, 3);
        assert_true(slg_crypt_hash(bytes, 120, hash));
        memcpy(bytes + 120, hash, 8);
        keys_put(bytes, sizeof bytes);
        assert_code(open_with(phrase_of("words"), false, NULL), cases[i].want);
        assert_in_range(test_now_ms() - start_ms, 0, 1000);
    }
}

static void
rekey__stopped_anywhere__one_of_the_keys_opens(void **state)
{
    const struct seglog_store_key from = key_of(OLD);
    const struct seglog_store_key to = phrase_of("words");
    seglog_code code = SEGLOG_IO;

    (void)state;
    assert_ok(open_with(from, true, NULL));
    for (unsigned calls = 0; code != SEGLOG_OK; calls++) {
        assert_in_range(calls, 0, 20);
        calls_left = calls;
        code = seglog_encrypted_store_rekey(frail, &from, &to, &cheap, NULL);
        assert_code(open_with(from, false, NULL),
                    code == SEGLOG_OK ? SEGLOG_AUTH : SEGLOG_OK);
        assert_code(open_with(to, false, NULL),
                    code == SEGLOG_OK ? SEGLOG_OK : SEGLOG_AUTH);
    }
    calls_left = 1000;
    assert_code(seglog_encrypted_store_rekey(frail, &from, &to, &cheap, NULL),
                SEGLOG_AUTH);
}

static void
rekey__bytes_written_before__are_still_there(void **state)
{
    const struct seglog_store_key from = key_of(OLD);
    const struct seglog_store_key to = key_of(NEW);
    struct seglog_store store = { 0 };
    struct seglog_blob blob;
    char text[5] = { 0 };

    (void)state;
    calls_left = 1000;
    assert_ok(seglog_encrypted_store_open(frail, &from, &cheap, &store, NULL));
    assert_ok(seglog_blob_open(
        store, "a", SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_append(blob, 0, "ab", 2, NULL, NULL));
    assert_ok(seglog_encrypted_store_rekey(frail, &from, &to, NULL, NULL));
    assert_ok(seglog_blob_append(blob, 2, "cd", 2, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    seglog_store_close(&store);
    assert_ok(seglog_encrypted_store_open(frail, &to, NULL, &store, NULL));
    assert_ok(seglog_blob_open(store, "a", SEGLOG_OPEN_READ, &blob, NULL));
    assert_ok(seglog_blob_read_at(blob, 0, text, 4, NULL));
    assert_string_equal(text, "abcd");
    assert_ok(seglog_blob_close(&blob, NULL));
    seglog_store_close(&store);
}

static int
setup(void **state)
{
    (void)state;
    return seglog_store_memory_open(&memory, NULL) == SEGLOG_OK ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    seglog_store_close(&memory);
    return 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open__without_keys__is_not_found_or_creates),
        TEST(open__store_with_plain_blobs__is_invalid),
        TEST(open__another_key__is_auth),
        TEST(open__bad_arguments__are_invalid),
        TEST(names__of_the_keys__are_taken),
        TEST(keys__any_bit_damaged__the_other_copy_serves),
        TEST(keys__cut_anywhere__never_open_by_chance),
        TEST(keys__hostile_numbers__cost_nothing),
        TEST(rekey__stopped_anywhere__one_of_the_keys_opens),
        TEST(rekey__bytes_written_before__are_still_there),
    };

    if (!slg_crypt_is_available())
        return 77;
    return cmocka_run_group_tests_name("store/store_encrypted_keys", tests,
                                       NULL, NULL);
}
