/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_segment_encrypted_power.c
 *
 * Goal    wherever the power fails while an encrypted store and a log in it are
 *         created, the same key opens the store, and the log can be gone on
 *         with: there is no file of zeros that nobody can do anything about.
 * Method  a simulated disk that writes sectors whole or not at all.  Before each
 *         of its steps images of a power cut are taken: with nothing of what
 *         was not synced, with zeros for all of it, and by chance.  On each the
 *         store is opened, and a log written.
 */
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "seglog/encrypted_store.h"
#include "seglog/segment.h"
#include "seglog/testing/disk_store.h"
#include "src/crypt/primitives.h"

#define NAME "log"

enum {
    IMAGES = 24,           /* of a moment, by chance */
    ATTRIBUTES_MAX = 16000 /* with the header they are one chunk */
};

static const uint8_t KEY[SEGLOG_KEY_BYTES] = "a key of thirty-two bytes in all";

static struct {
    struct seglog_disk *disk;
    uint8_t attributes[ATTRIBUTES_MAX];
    struct seglog_writer_options options;
    uint64_t images;
    uint64_t of_zeros; /* of these the log was zeros throughout */
} it;

/* -------------------------------------------------------------------------- */

static struct seglog_store
store_open(struct seglog_disk *disk, struct seglog_disk_process *process)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_encrypted_store_options create = { .size =
                                                               sizeof create,
                                                           .create = true };
    struct seglog_store store = { 0 };
    struct seglog_error err;

    assert_code_err(
        seglog_encrypted_store_open(seglog_disk_start(disk, process), &key,
                                    &create, &store, &err),
        SEGLOG_OK, &err);
    return store;
}

static bool
below_is_zeros(struct seglog_disk *disk)
{
    struct seglog_disk_process process;
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    uint8_t bytes[20480] = { 0 };
    size_t zeros = 0;

    if (seglog_blob_open(seglog_disk_start(disk, &process), NAME,
                         SEGLOG_OPEN_READ, &blob, NULL) != SEGLOG_OK)
        return false;
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    assert_true(size <= sizeof bytes);
    assert_ok(seglog_blob_read_at(blob, 0, bytes, (size_t)size, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    while (zeros < size && bytes[zeros] == 0)
        zeros++;
    return size > 0 && zeros == size;
}

/* Nothing was told to be durable; so all is to go on as if it were new. */
static void
image_check(struct seglog_disk *image)
{
    struct seglog_disk_process process;
    struct seglog_store store = { 0 };
    struct seglog_writer *writer = NULL;
    struct seglog_scan_summary summary;
    struct seglog_error err;
    uint64_t number = 0;

    it.images++;
    it.of_zeros += below_is_zeros(image);
    store = store_open(image, &process);
    assert_code_err(seglog_writer_open(store, NAME, &it.options, &writer, &err),
                    SEGLOG_OK, &err);
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "1", 1,
                                   SEGLOG_LEVEL_SYNC, &number, NULL));
    assert_int_equal(number, 1);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_scan(store, NAME, NULL, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    assert_int_equal(summary.records, 1);
    seglog_store_close(&store);
}

static void
image_take(const struct seglog_disk_cut *cut)
{
    struct seglog_disk *image = seglog_disk_image(it.disk, cut);

    assert_non_null(image);
    image_check(image);
    seglog_disk_free(image);
}

static void
power_cut(void *arg, enum seglog_disk_step step)
{
    struct seglog_disk_cut cut = { .lost_percent = 100 };

    (void)arg;
    if (step < SEGLOG_DISK_WRITE)
        return;
    cut.losses = SEGLOG_DISK_OLD;
    image_take(&cut);
    cut.losses = SEGLOG_DISK_ZERO;
    for (cut.seed = 1; cut.seed <= IMAGES; cut.seed++)
        image_take(&cut);
    cut.losses = SEGLOG_DISK_OLD | SEGLOG_DISK_ZERO | SEGLOG_DISK_BETWEEN;
    for (cut.seed = 1; cut.seed <= IMAGES; cut.seed++) {
        cut.lost_percent = (unsigned)(20 * (cut.seed % 5));
        image_take(&cut);
    }
}

static void
creation__power_cut_at_any_step__is_gone_on_with(void **state)
{
    static const size_t lens[] = { 0, 300, 5000, ATTRIBUTES_MAX };

    (void)state;
    test_fill(it.attributes, sizeof it.attributes, 1);
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct seglog_disk_process process;
        struct seglog_store store = { 0 };
        struct seglog_writer *writer = NULL;
        const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
        const struct seglog_encrypted_store_options create = {
            .size = sizeof create, .create = true
        };

        it.options = (struct seglog_writer_options){
            .size = sizeof it.options,
            .attributes = it.attributes,
            .attributes_len = lens[i],
        };
        it.disk = seglog_disk_new(NULL);
        assert_non_null(it.disk);
        store = seglog_disk_start(it.disk, &process);
        process.meanwhile = power_cut;
        assert_ok(
            seglog_encrypted_store_open(store, &key, &create, &store, NULL));
        assert_ok(seglog_writer_open(store, NAME, &it.options, &writer, NULL));
        assert_ok(seglog_writer_close(writer, NULL));
        process.meanwhile = NULL;
        seglog_store_close(&store);
        seglog_disk_free(it.disk);
    }
    assert_true(it.images > 1000);
    assert_true(it.of_zeros > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creation__power_cut_at_any_step__is_gone_on_with),
    };

    if (!slg_crypt_is_available())
        return 77;
    return cmocka_run_group_tests_name("segment/segment_encrypted_power", tests,
                                       NULL, NULL);
}
