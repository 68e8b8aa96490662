/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_backup_damage.c - nothing of a backup may change. */
#include <stdio.h>

#include "tests/canonical/backup_support.h"

#include "seglog/encrypted_store.h"
#include "src/canonical/backup.h"
#include "src/crypt/primitives.h"

/* Compressed pieces and others, of two backups. */
static void
small_backups_make(struct backup_fixture *fixture)
{
    char zeros[200] = "";

    fixture->options.level = 0;
    fixture->options.piece_bytes = 120;
    fixture->options.part_bytes = 100;
    blob_write(fixture->source, "zeros", zeros, sizeof zeros);
    backup_fill(fixture->source, "log", 70, 1);
    (void)backup_make_ok(fixture);
    backup_fill(fixture->source, "more", 20, 2);
    (void)backup_make_ok(fixture);
}

/* Both refuse it, and say which file it is; nothing is made. */
static void
assert_refused(struct seglog_store repository, const char *name)
{
    struct seglog_store target;
    struct seglog_error err = { .name = "" };
    seglog_code code = SEGLOG_OK;

    code = seglog_backup_verify(repository, NULL, NULL, &err);
    if (code != SEGLOG_CORRUPT && code != SEGLOG_AUTH)
        fail_msg("%s: %s", name, seglog_code_name(code));
    assert_string_equal(err.name, name);

    err.name[0] = '\0';
    assert_ok(seglog_store_memory_open(&target, NULL));
    code = seglog_backup_restore(repository, target, NULL, NULL, &err);
    if (code != SEGLOG_CORRUPT && code != SEGLOG_AUTH)
        fail_msg("%s: %s", name, seglog_code_name(code));
    assert_string_equal(err.name, name);
    assert_int_equal(backup_count(target, "", ""), 0);
    seglog_store_close(&target);
}

struct flipping {
    struct seglog_store below; /* where bytes are changed */
    struct seglog_store repository;
    const char *spared;
    size_t step; /* of bits */
    uint64_t flips;
};

static bool
bits_flip(void *arg, const char *name)
{
    struct flipping *flipping = arg;
    size_t len = 0;
    uint8_t *bytes = NULL;

    if (flipping->spared && strcmp(name, flipping->spared) == 0)
        return true;
    bytes = blob_read(flipping->below, name, &len);
    for (size_t bit = 0; bit < len * 8; bit += flipping->step) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        blob_write(flipping->below, name, bytes, len);
        assert_refused(flipping->repository, name);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        flipping->flips++;
    }
    blob_write(flipping->below, name, bytes, len);
    free(bytes);
    return true;
}

static void
flip__any_bit_of_any_file__is_refused_with_its_name(void **state)
{
    struct backup_fixture *fixture = *state;
    struct flipping flipping = { .spared = "backup.000001.manifest",
                                 .step = 1 };

    small_backups_make(fixture);
    flipping.below = flipping.repository = fixture->repository;
    assert_ok(
        seglog_store_list(fixture->repository, "", bits_flip, &flipping, NULL));
    assert_true(flipping.flips > 8000);
    backup_assert_restores(fixture);
}

/* Of the blob of the keys there are two copies, so that a bit of it may. */
static void
flip__encrypted__is_refused_with_its_name(void **state)
{
    static const uint8_t key_bytes[SEGLOG_KEY_BYTES] = { 5, 4, 3 };
    struct backup_fixture *fixture = *state;
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = key_bytes };
    const struct seglog_encrypted_store_options create = { .size =
                                                               sizeof create,
                                                           .create = true };
    struct flipping flipping = { .step = 13 };

    if (!slg_crypt_is_available())
        skip();
    assert_ok(seglog_store_memory_open(&flipping.below, NULL));
    seglog_store_close(&fixture->repository);
    assert_ok(seglog_encrypted_store_open(flipping.below, &key, &create,
                                          &fixture->repository, NULL));
    small_backups_make(fixture);
    flipping.repository = fixture->repository;
    flipping.spared = "backup.000001.manifest";
    assert_ok(seglog_store_list(flipping.below, "backup.", bits_flip, &flipping,
                                NULL));
    assert_true(flipping.flips > 500);
    backup_assert_restores(fixture);
}

static bool
lengths_try(void *arg, const char *name)
{
    struct flipping *flipping = arg;
    size_t len = 0;
    uint8_t *bytes = NULL;
    uint8_t *longer = NULL;

    if (strcmp(name, flipping->spared) == 0)
        return true;
    bytes = blob_read(flipping->below, name, &len);
    longer = calloc(1, len + 1);
    memcpy(longer, bytes, len);
    for (size_t cut = 0; cut < len; cut++) {
        blob_write(flipping->below, name, bytes, cut);
        assert_refused(flipping->repository, name);
    }
    blob_write(flipping->below, name, longer, len + 1);
    assert_refused(flipping->repository, name);
    blob_write(flipping->below, name, bytes, len);
    free(bytes);
    free(longer);
    return true;
}

static void
cut__anywhere__is_refused_with_its_name(void **state)
{
    struct backup_fixture *fixture = *state;
    struct flipping flipping = { .spared = "backup.000001.manifest" };

    small_backups_make(fixture);
    flipping.below = flipping.repository = fixture->repository;
    assert_ok(seglog_store_list(fixture->repository, "", lengths_try, &flipping,
                                NULL));
    backup_assert_restores(fixture);
}

static bool
part_take_away(void *arg, const char *name)
{
    struct flipping *flipping = arg;
    struct seglog_error err;
    size_t len = 0;
    uint8_t *bytes = blob_read(flipping->below, name, &len);

    assert_ok(seglog_store_remove(flipping->below, name, NULL));
    assert_code(seglog_backup_verify(flipping->repository, NULL, NULL, &err),
                SEGLOG_NOT_FOUND);
    assert_string_equal(err.name, name);
    blob_replace(flipping->below, name, bytes, len);
    free(bytes);
    flipping->flips++;
    return true;
}

static void
remove__a_part__is_missed_by_name(void **state)
{
    struct backup_fixture *fixture = *state;
    struct flipping flipping = { .below = fixture->repository,
                                 .repository = fixture->repository };

    small_backups_make(fixture);
    for (unsigned i = 0; i < 2; i++) {
        char begin[32];

        (void)snprintf(begin, sizeof begin, "backup.00000%u.0", i + 1);
        assert_ok(seglog_store_list(fixture->repository, begin, part_take_away,
                                    &flipping, NULL));
    }
    assert_int_equal(flipping.flips,
                     backup_count(fixture->repository, "", ".part"));
    backup_assert_restores(fixture);
}

static void
rename__manifest__is_not_that_backup(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_error err;
    size_t len = 0;
    uint8_t *bytes = NULL;

    small_backups_make(fixture);
    bytes = blob_read(fixture->repository, "backup.000001.manifest", &len);
    blob_replace(fixture->repository, "backup.000002.manifest", bytes, len);
    assert_code(seglog_backup_verify(fixture->repository, NULL, NULL, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, "backup.000002.manifest");
    free(bytes);
}

static void
make__base_part_is_damaged__is_no_backup(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_error err;

    fixture->options.piece_bytes = 100;
    backup_fill(fixture->source, "log", 70, 1);
    (void)backup_make_ok(fixture);
    blob_flip(fixture->repository, "backup.000001.000001.part", 5);
    assert_code(seglog_backup_make(fixture->source, fixture->repository,
                                   &fixture->options, NULL, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, "backup.000001.000001.part");
    assert_int_equal(backup_count(fixture->repository, "", ""), 2);
    fixture->options.is_full = true;
    (void)backup_make_ok(fixture);
    backup_assert_restores(fixture);
}

/* The manifest says so of other bytes, under a digest that fits. */
static void
change__digest_of_a_piece__is_refused_by_the_part(void **state)
{
    struct backup_fixture *fixture = *state;
    struct slg_manifest manifest;
    struct seglog_store target;
    struct seglog_error err;
    size_t len = 0;
    char *text = NULL;

    small_backups_make(fixture);
    assert_ok(slg_backup_load_number(fixture->repository, 2, &manifest, NULL));
    manifest.pieces[0].digest.bytes[3] ^= 1;
    text = slg_manifest_encode(&manifest, &len);
    blob_write(fixture->repository, manifest.info.manifest, text, len);
    assert_code(seglog_backup_verify(fixture->repository, NULL, NULL, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, "backup.000001.000001.part");
    assert_int_equal(err.offset, manifest.pieces[0].at);
    assert_ok(seglog_store_memory_open(&target, NULL));
    assert_code(
        seglog_backup_restore(fixture->repository, target, NULL, NULL, &err),
        SEGLOG_CORRUPT);
    assert_int_equal(backup_count(target, "", ""), 0);
    seglog_store_close(&target);
    slg_manifest_reset(&manifest);
    free(text);
}

/* -- what a manifest may say ----------------------------------------------- */

/* The text with its digest set right is this. */
static void
assert_text(const char *text, size_t len, seglog_code want)
{
    struct slg_backup_hasher *hasher =
        slg_backup_hasher_new(SEGLOG_BACKUP_XXH3);
    struct seglog_backup_digest digest;
    struct slg_manifest manifest;
    char *whole = malloc(len + 100);
    size_t at = len;

    slg_backup_hasher_add(hasher, text, len);
    slg_backup_hasher_get(hasher, &digest);
    slg_backup_hasher_free(hasher);
    memcpy(whole, text, len);
    at += (size_t)sprintf(whole + at, "{\"end\":\"");
    for (size_t i = 0; i < digest.len; i++)
        at += (size_t)sprintf(whole + at, "%02x", digest.bytes[i]);
    at += (size_t)sprintf(whole + at, "\"}\n");
    assert_code(slg_manifest_parse(whole, at, "m", &manifest, NULL), want);
    slg_manifest_reset(&manifest);
    free(whole);
}

#define HEAD                                                                   \
    "{\"seglog\":\"backup\",\"version\":1,\"number\":2,\"base\":1,"            \
    "\"created_ms\":5,\"duration_ms\":6,\"one_moment\":true,"                  \
    "\"position\":null,\"text\":\"\",\"parts\":1,\"blobs\":1}\n"
#define ZERO "\"00000000000000000000000000000000\"}\n"
#define PART                                                                   \
    "{\"part\":\"backup.000001.000001.part\",\"size\":9,\"digest\":" ZERO
#define BLOB "{\"blob\":\"a\",\"size\":9,\"pieces\":1}\n"
#define PIECE                                                                  \
    "{\"piece\":9,\"part\":0,\"at\":0,\"stored\":9,\"codec\":\"none\","        \
    "\"digest\":" ZERO
#define GOOD HEAD PART BLOB PIECE

/* The text with one thing in another way. */
static void
assert_changed(const char *old_text, const char *new_text)
{
    static const char good[] = GOOD;
    const char *at = strstr(good, old_text);
    char text[1000];

    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good,
                   new_text, at + strlen(old_text));
    assert_text(text, strlen(text), SEGLOG_CORRUPT);
}

static void
parse__what_does_not_fit__is_corrupt(void **state)
{
    static const char *const changes[][2] = {
        { "\"number\":2", "\"number\":0" },
        { "\"number\":2", "\"number\":02" },
        { "\"number\":2", "\"number\":" },
        { "\"number\":2", "\"number\":1000000000" },
        { "\"base\":1", "\"base\":2" },
        { "\"position\":null", "\"position\":18446744073709551616" },
        { "\"position\":null", "\"position\":-1" },
        { "\"text\":\"\"", "\"text\":\"\\u0041\"" },
        { "\"text\":\"\"", "\"text\":\"\\u0000\"" },
        { "\"text\":\"\"", "\"text\":\"\\n\"" },
        { "\"text\":\"\"", "\"text\":\"\xC3\xA4\"" },
        { "\"parts\":1", "\"parts\":0" },
        { "\"parts\":1", "\"parts\":2" },
        { "\"blobs\":1", "\"blobs\":0" },
        { "\"blobs\":1", "\"blobs\":2" },
        { "backup.000001.000001", "backup.000003.000001" },
        { "backup.000001.000001", "backup.000001.000000" },
        { "backup.000001.000001", "backup.0000001.000001" },
        { "backup.000001.000001", "../.000001.000001" },
        { "\"size\":9,\"digest\"", "\"size\":8,\"digest\"" },
        { "\"size\":9,\"digest\"", "\"size\":0,\"digest\"" },
        { "\"blob\":\"a\"", "\"blob\":\"\"" },
        { "\"blob\":\"a\"", "\"blob\":\"..\"" },
        { "\"blob\":\"a\"", "\"blob\":\"a/b\"" },
        { "\"blob\":\"a\"", "\"blob\":\"a.lock\"" },
        { "\"size\":9,\"pieces\"", "\"size\":8,\"pieces\"" },
        { "\"size\":9,\"pieces\"", "\"size\":10,\"pieces\"" },
        { "\"pieces\":1", "\"pieces\":0" },
        { "\"piece\":9", "\"piece\":0" },
        { "\"piece\":9", "\"piece\":99999999" },
        { "\"part\":0", "\"part\":1" },
        { "\"at\":0", "\"at\":1" },
        { "\"at\":0", "\"at\":10" },
        { "\"stored\":9", "\"stored\":8" },
        { "\"stored\":9", "\"stored\":0" },
        { "\"codec\":\"none\"", "\"codec\":\"zstd\"" },
        { "\"codec\":\"none\"", "\"codec\":\"lzma\"" },
        { ZERO, "\"0000000000000000000000000000000\"}\n" },
        { ZERO, "\"0000000000000000000000000000000A\"}\n" },
        { "}\n", "} \n" },
        { "{\"blob\"", " {\"blob\"" },
    };

    (void)state;
    assert_text(GOOD, strlen(GOOD), SEGLOG_OK);
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        assert_changed(changes[i][0], changes[i][1]);
    assert_text(GOOD " ", strlen(GOOD) + 1, SEGLOG_CORRUPT);
    assert_text("", 0, SEGLOG_CORRUPT);
}

static void
parse__a_later_version__is_format(void **state)
{
    static const char text[] =
        "{\"seglog\":\"backup\",\"version\":2,\"a\":1}\n";

    (void)state;
    assert_text(text, strlen(text), SEGLOG_FORMAT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BACKUP_TEST(flip__any_bit_of_any_file__is_refused_with_its_name),
        BACKUP_TEST(flip__encrypted__is_refused_with_its_name),
        BACKUP_TEST(cut__anywhere__is_refused_with_its_name),
        BACKUP_TEST(remove__a_part__is_missed_by_name),
        BACKUP_TEST(rename__manifest__is_not_that_backup),
        BACKUP_TEST(make__base_part_is_damaged__is_no_backup),
        BACKUP_TEST(change__digest_of_a_piece__is_refused_by_the_part),
        cmocka_unit_test(parse__what_does_not_fit__is_corrupt),
        cmocka_unit_test(parse__a_later_version__is_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
