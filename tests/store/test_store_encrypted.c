/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_encrypted.c
 *
 * Goal    the encrypted store keeps the contract of every store, over memory
 *         and over files.
 */
#include "tests/support/seglog_test.h"

#include "seglog/encrypted_store.h"
#include "src/crypt/primitives.h"
#include "tests/store/file_fixture.h"
#include "tests/store/store_conformance.h"

static const uint8_t KEY[SEGLOG_KEY_BYTES] = "0123456789abcdef0123456789abcde";

static seglog_code
encrypted_make(struct seglog_store below, struct seglog_store *store,
               struct seglog_error *err)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };

    return seglog_encrypted_store_open(below, &key, &options, store, err);
}

static seglog_code
memory_make(void *arg, struct seglog_store *store, struct seglog_error *err)
{
    struct seglog_store below = { 0 };
    seglog_code code = seglog_store_memory_open(&below, err);

    (void)arg;
    return code == SEGLOG_OK ? encrypted_make(below, store, err) : code;
}

static void
memory_destroy(void *arg, struct seglog_store *store)
{
    (void)arg;
    seglog_store_close(store);
}

static seglog_code
file_make(void *arg, struct seglog_store *store, struct seglog_error *err)
{
    char **dir = arg;
    struct seglog_store below = { 0 };
    seglog_code code = SEGLOG_OK;

    *dir = test_dir_make();
    code = seglog_store_file_open(*dir, false, &below, err);
    return code == SEGLOG_OK ? encrypted_make(below, store, err) : code;
}

static void
file_destroy(void *arg, struct seglog_store *store)
{
    char **dir = arg;

    seglog_store_close(store);
    test_dir_remove(*dir);
}

int
main(void)
{
    char *dir = NULL;
    const struct store_factory over_memory = {
        .name = "store/store_encrypted: contract over memory",
        .make = memory_make,
        .destroy = memory_destroy,
    };
    const struct store_factory over_files = {
        .name = "store/store_encrypted: contract over files",
        .make = file_make,
        .destroy = file_destroy,
        .arg = &dir,
    };

    if (!slg_crypt_is_available())
        return 77;
    return store_conformance_run(&over_memory) +
           store_conformance_run(&over_files);
}
