/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_encrypted.c
 *
 * Goal    the encrypted store keeps the contract of every store, over memory
 *         and over files.
 */
#include "tests/support/seglog_test.h"

#include "seglog/encrypted_store.h"
#include "seglog/testing/fault_store.h"
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

/* A store below whose blobs have no truncate. */
struct uncut {
    struct seglog_store memory;
    struct seglog_faults *faults;
};

static seglog_code
uncut_make(void *arg, struct seglog_store *store, struct seglog_error *err)
{
    struct uncut *uncut = arg;
    const seglog_code code = seglog_store_memory_open(&uncut->memory, err);

    if (code != SEGLOG_OK)
        return code;
    uncut->faults = seglog_faults_new(uncut->memory);
    assert_non_null(uncut->faults);
    seglog_faults_hide(uncut->faults, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    return encrypted_make(seglog_faults_store(uncut->faults), store, err);
}

static void
uncut_destroy(void *arg, struct seglog_store *store)
{
    struct uncut *uncut = arg;

    seglog_store_close(store);
    seglog_faults_free(uncut->faults);
    seglog_store_close(&uncut->memory);
}

/* Writers ask for it, and go on behind a torn tail. */
static void
blob__over_one_that_cannot_be_cut__has_no_truncate(void **state)
{
    struct uncut uncut;
    struct seglog_store store;
    struct seglog_blob blob = { 0 };

    (void)state;
    assert_int_equal(uncut_make(&uncut, &store, NULL), SEGLOG_OK);
    assert_int_equal(seglog_blob_open(store, "a",
                                      SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
                                      &blob, NULL),
                     SEGLOG_OK);
    assert_null(blob.ops->truncate);
    assert_int_equal(seglog_blob_close(&blob, NULL), SEGLOG_OK);
    uncut_destroy(&uncut, &store);
}

int
main(void)
{
    char *dir = NULL;
    struct uncut uncut;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blob__over_one_that_cannot_be_cut__has_no_truncate),
    };
    const struct store_factory over_uncut = {
        .name = "store/store_encrypted: contract without truncate",
        .make = uncut_make,
        .destroy = uncut_destroy,
        .arg = &uncut,
        .has_no_truncate = true,
    };
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
           store_conformance_run(&over_files) +
           store_conformance_run(&over_uncut) +
           cmocka_run_group_tests_name("store/store_encrypted", tests, NULL,
                                       NULL);
}
