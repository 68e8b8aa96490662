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

static void
append_ok(struct seglog_blob blob, const char *text)
{
    struct seglog_error err;
    uint64_t at = 0;

    assert_code_err(
        seglog_blob_append(blob, SEGLOG_END_ANY, text, strlen(text), &at, &err),
        SEGLOG_OK, &err);
}

static void
assert_bytes(struct seglog_blob blob, const char *text)
{
    char bytes[64] = { 0 };
    uint64_t size = 0;

    assert_true(strlen(text) < sizeof bytes);
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    assert_int_equal(size, strlen(text));
    assert_ok(seglog_blob_read_at(blob, 0, bytes, strlen(text), NULL));
    assert_string_equal(bytes, text);
}

/* A guess where it is would be damage as soon as it can be read again. */
static void
append__end_unreadable_for_now__is_io_and_takes_nothing(void **state)
{
    static const unsigned modes[] = { 0, SEGLOG_OPEN_LOCK_HELD };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        const unsigned flags = SEGLOG_OPEN_WRITE | modes[i];
        const struct seglog_fault unreadable = {
            .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ),
        };
        struct seglog_store memory = { 0 };
        struct seglog_store store = { 0 };
        struct seglog_faults *faults = NULL;
        struct seglog_blob blob = { 0 };
        struct seglog_error err;
        uint64_t at = 77;

        assert_ok(seglog_store_memory_open(&memory, NULL));
        faults = seglog_faults_new(memory);
        assert_non_null(faults);
        assert_ok(encrypted_make(seglog_faults_store(faults), &store, NULL));
        assert_ok(seglog_blob_open(store, "a", flags | SEGLOG_OPEN_CREATE,
                                   &blob, NULL));
        append_ok(blob, "first ");
        assert_ok(seglog_blob_close(&blob, NULL));
        assert_ok(seglog_blob_open(store, "a", flags, &blob, NULL));
        seglog_faults_watch(faults, "a");
        assert_true(seglog_faults_add(faults, &unreadable));

        assert_code_err(
            seglog_blob_append(blob, SEGLOG_END_ANY, "no", 2, &at, &err),
            SEGLOG_IO, &err);
        assert_string_equal(err.name, "a");
        assert_code_err(seglog_blob_append(blob, 6, "no", 2, &at, &err),
                        SEGLOG_IO, &err);
        /* Of any other end one cannot say that it is wrong. */
        assert_code_err(seglog_blob_append(blob, 1000, "no", 2, &at, &err),
                        SEGLOG_IO, &err);
        assert_int_equal(at, 77);

        /* The same handle knows better as soon as it can. */
        seglog_faults_clear(faults);
        assert_bytes(blob, "first ");
        append_ok(blob, "second");
        assert_bytes(blob, "first second");
        assert_ok(seglog_blob_close(&blob, NULL));
        seglog_store_close(&store);
        seglog_faults_free(faults);
        seglog_store_close(&memory);
    }
}

int
main(void)
{
    char *dir = NULL;
    struct uncut uncut;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blob__over_one_that_cannot_be_cut__has_no_truncate),
        cmocka_unit_test(
            append__end_unreadable_for_now__is_io_and_takes_nothing),
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
