/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_encrypted.c
 *
 * Goal    who stands at a record of a sealed segment in an encrypted store is
 *         not kept out by what was changed elsewhere in it.
 * Method  a bit of each chunk below is flipped in turn; a salvaging reader is
 *         asked for a record, and must deliver what a scan calls good.
 */
#include "tests/segment/seal_support.h"

#include "format/bytes.h"
#include "seglog/encrypted_store.h"
#include "src/crypt/primitives.h"
#include "tests/segment/writer_support.h"

enum {
    LINES = 6000,
    CHUNK_EXTRA = 64
};

static const uint8_t KEY[SEGLOG_KEY_BYTES] = "a key of thirty-two bytes in all";

/* Records delivered from one on; fails the test for any end but END. */
static uint64_t
records_from(struct seglog_store store, uint64_t from)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true,
                                                   .from_record = from };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err;
    uint64_t count = 0;
    seglog_code code =
        seglog_reader_open(store, SEAL_NAME, &options, &reader, &err);

    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, &err);
        if (code == SEGLOG_OK && event.type == SEGLOG_EVENT_RECORD) {
            assert_true(event.record.record_no >= from);
            count++;
        }
    }
    assert_code_err(code, SEGLOG_END, &err);
    seglog_reader_close(reader);
    return count;
}

static void
reader_from__chunk_changed_anywhere__delivers_what_is_good(void **state)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = KEY };
    const struct seglog_encrypted_store_options create = { .size =
                                                               sizeof create,
                                                           .create = true };
    const struct seglog_seal_options options =
        seal_options(SEGLOG_SEAL_BLOCK_MIN);
    struct seglog_store below;
    struct seglog_store store;
    uint8_t *raw = NULL;
    size_t len = 0;
    unsigned chunks = 0;

    (void)state;
    assert_ok(seglog_store_memory_open(&below, NULL));
    assert_ok(seglog_encrypted_store_open(below, &key, &create, &store, NULL));
    lines_make(store, SEAL_NAME, 1, LINES);
    seal_ok(store, SEAL_NAME, &options, NULL);
    raw = blob_read(below, SEAL_NAME, &len);
    for (size_t at = 0; at < len; chunks++) {
        const size_t end = at + CHUNK_EXTRA + slg_load_le32(raw + at);
        struct seglog_scan_summary summary;

        raw[end - 20] ^= 1;
        blob_write(below, SEAL_NAME, raw, len);
        assert_ok(seglog_scan(store, SEAL_NAME, NULL, &summary, NULL));
        assert_int_equal(records_from(store, 1), summary.records);
        assert_true(records_from(store, LINES / 2) <= summary.records);
        raw[end - 20] ^= 1;
        at = end;
    }
    assert_true(chunks > 3);
    free(raw);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            reader_from__chunk_changed_anywhere__delivers_what_is_good),
    };

    if (!slg_crypt_is_available())
        return 77;
    return cmocka_run_group_tests_name("segment/seal_encrypted", tests, NULL,
                                       NULL);
}
