/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_seal.c
 *
 * Goal    completed segments are sealed and signed in their place, nothing of
 *         the stream changes by it, and a signature is good for what was
 *         signed alone.
 */
#include "tests/stream/stream_fixture.h"

#include "format/bytes.h"
#include "format/checksum.h"
#include "src/crypt/primitives.h"
#include "src/segment/segment_chain.h"

static const uint8_t MINE[SEGLOG_SIGN_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t OTHER[SEGLOG_SIGN_KEY_BYTES] = { 4, 5, 6 };

static int
xxh3_setup(void **state)
{
    struct fixture *fixture = NULL;

    (void)fixture_setup(state);
    fixture = *state;
    fixture->options.chain = SEGLOG_CHAIN_XXH3;
    stream_model_init(&fixture->model, SEGLOG_CHAIN_XXH3);
    return 0;
}

/* So many segments of ten events; the last one grows. */
static void
segments_make(struct fixture *fixture, size_t count)
{
    open_streams(fixture);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
        append(fixture, 6);
        append(fixture, 4);
    }
}

/* Each completed segment is sealed where it is. */
static const struct seglog_stream_compact_options in_place = {
    .size = sizeof in_place,
    .merge_bytes = 1,
    .keeps_dropped = true,
};

/* INVALID: this build has no zstd, or cannot sign. */
static bool
seal_can(struct fixture *fixture, const uint8_t *key,
         struct seglog_stream_compacted *sealed)
{
    struct seglog_stream_compact_options options = in_place;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    options.private_key = key;
    code =
        seglog_stream_compact(fixture->streams, STREAM, &options, sealed, &err);

    if (code == SEGLOG_INVALID) {
        print_message("%s\n", err.message);
        return false;
    }
    assert_code_err(code, SEGLOG_OK, &err);
    return true;
}

#define SEAL(fixture, key, sealed)                                             \
    do {                                                                       \
        if (!seal_can(fixture, key, sealed))                                   \
            skip();                                                            \
    } while (0)

static struct seglog_stream_verified
verify(struct fixture *fixture, const uint8_t *private_key)
{
    uint8_t key[SEGLOG_SIGN_KEY_BYTES];
    struct seglog_kept_head kept[2] = { { .end.next_offset = 13 },
                                        { .end.next_offset = 20 } };
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .kept = kept,
        .kept_count = 2,
        .public_key = private_key ? key : NULL,
    };
    struct seglog_stream_verified result;
    struct seglog_error err;

    kept[0].end.hash = *stream_model_head(&fixture->model, 13);
    kept[1].end.hash = *stream_model_head(&fixture->model, 20);
    if (private_key)
        assert_true(slg_crypt_public_key(private_key, key));
    assert_code_err(
        seglog_stream_verify(fixture->streams, STREAM, &options, &result, &err),
        SEGLOG_OK, &err);
    return result;
}

/* -- tests ----------------------------------------------------------------- */

static void
seal__completed_segments__are_small_and_the_stream_is_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted sealed;
    struct seglog_stream_info info;

    segments_make(fixture, 4);
    SEAL(fixture, NULL, &sealed);
    assert_int_equal(sealed.written, 3);
    assert_int_equal(sealed.segments_before - sealed.written, 0);
    assert_int_equal(sealed.events, 30);
    assert_ok(seglog_stream_get_info(fixture->streams, STREAM, &info, NULL));
    assert_int_equal(info.sealed, 3);
    assert_int_equal(info.segments, 4);
    assert_true(verify(fixture, NULL).is_good);
    assert_int_equal(verify(fixture, NULL).signatures, 0);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    /* The one that grows goes on. */
    stream_append_next(fixture->streams, STREAM, &fixture->model, 3, false);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    SEAL(fixture, NULL, &sealed);
    assert_int_equal(sealed.written, 0);
    assert_int_equal(sealed.segments_before - sealed.written, 3);
}

static void
seal__with_a_key__signs_the_heads(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted sealed;
    struct seglog_stream_verified result;

    segments_make(fixture, 4);
    SEAL(fixture, MINE, &sealed);
    assert_int_equal(sealed.written, 3);
    result = verify(fixture, MINE);
    assert_true(result.is_good);
    assert_int_equal(result.signatures, 3);
    assert_int_equal(result.signed_offset, 30);
    /* By another key it is not. */
    result = verify(fixture, OTHER);
    assert_false(result.is_good);
    assert_int_equal(result.findings, 3);
    assert_int_equal(result.first.fault, SEGLOG_STREAM_FAULT_SIGNATURE);
    assert_int_equal(result.first.first_offset, 10);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
    SEAL(fixture, OTHER, &sealed);
    assert_int_equal(sealed.segments_before - sealed.written, 3);
}

static void
seal__sealed_ones_without_signature__are_signed_then(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted sealed;

    segments_make(fixture, 3);
    SEAL(fixture, NULL, &sealed);
    SEAL(fixture, MINE, &sealed);
    assert_int_equal(sealed.written, 2);
    assert_int_equal(sealed.segments_before - sealed.written, 0);
    assert_true(verify(fixture, MINE).is_good);
    assert_int_equal(verify(fixture, MINE).signatures, 2);
    SEAL(fixture, MINE, &sealed);
    assert_int_equal(sealed.written, 0);
    assert_int_equal(sealed.segments_before - sealed.written, 2);
    assert_int_equal(verify(fixture, MINE).signatures, 2);
}

/* The checksum of its frame is made right each time. */
static void
verify__each_bit_of_a_signature_forged__is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted sealed;
    uint8_t key[SEGLOG_SIGN_KEY_BYTES];
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    uint8_t *signature = NULL;
    size_t len = 0;

    segments_make(fixture, 3);
    SEAL(fixture, MINE, &sealed);
    assert_true(slg_crypt_public_key(MINE, key));
    (void)stream_segment_name(fixture->store, STREAM, 1, name);
    bytes = blob_read(fixture->store, name, &len);
    for (size_t at = 0; at + sizeof key < len && !signature; at++) {
        if (memcmp(bytes + at, key, sizeof key) == 0)
            signature = bytes + at + sizeof key;
    }
    assert_non_null(signature);
    for (size_t bit = 0; bit < 8 * SEGLOG_SIGNATURE_BYTES; bit += 3) {
        uint8_t *stored = signature + SEGLOG_SIGNATURE_BYTES;
        const uint32_t before = slg_crc32(0, signature, SEGLOG_SIGNATURE_BYTES);
        const uint32_t was = slg_load_le32(stored);
        struct seglog_stream_verified result;

        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        slg_store_le32(stored,
                       was ^ before ^
                           slg_crc32(0, signature, SEGLOG_SIGNATURE_BYTES));
        blob_write(fixture->store, name, bytes, len);
        /* Nothing else is wrong with it. */
        assert_true(verify(fixture, NULL).is_good);
        result = verify(fixture, MINE);
        assert_false(result.is_good);
        assert_int_equal(result.findings, 1);
        assert_int_equal(result.first.fault, SEGLOG_STREAM_FAULT_SIGNATURE);
        assert_int_equal(result.first.segment, 1);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        slg_store_le32(stored, was);
    }
    blob_write(fixture->store, name, bytes, len);
    assert_true(verify(fixture, MINE).is_good);
    free(bytes);
}

/* With the same events, number and offsets, but another identity. */
static void
verify__signed_segment_of_another_stream__is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted sealed;
    struct seglog_stream_verified result;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;

    segments_make(fixture, 3);
    SEAL(fixture, MINE, &sealed);
    bytes =
        blob_read(fixture->store,
                  stream_segment_name(fixture->store, STREAM, 1, name), &len);
    (void)fixture_teardown(state);
    (void)xxh3_setup(state);
    fixture = *state;
    segments_make(fixture, 3);
    assert_true(seal_can(fixture, MINE, &sealed));
    assert_true(verify(fixture, MINE).is_good);
    blob_write(fixture->store, name, bytes, len);
    free(bytes);
    result = verify(fixture, MINE);
    assert_false(result.is_good);
    assert_int_equal(result.first.fault, SEGLOG_STREAM_FAULT_SIGNATURE);
    assert_int_equal(result.first.segment, 1);
}

static void
seal__damaged_segment__is_left_and_told(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted sealed;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_error err;
    uint8_t *bytes = NULL;
    uint8_t *after = NULL;
    size_t len = 0;
    size_t after_len = 0;
    seglog_code code = SEGLOG_OK;

    segments_make(fixture, 4);
    (void)stream_segment_name(fixture->store, STREAM, 1, name);
    bytes = blob_read(fixture->store, name, &len);
    stream_forge_record(bytes, len, "event-1", "event-9");
    blob_write(fixture->store, name, bytes, len);
    code = seglog_stream_compact(fixture->streams, STREAM, &in_place, &sealed,
                                 &err);
    if (code == SEGLOG_INVALID) {
        free(bytes);
        skip();
    }
    assert_code_err(code, SEGLOG_CORRUPT, &err);
    assert_string_equal(err.name, name);
    assert_int_equal(sealed.written, 1);
    after = blob_read(fixture->store, name, &after_len);
    assert_int_equal(after_len, len);
    assert_memory_equal(after, bytes, len);
    free(after);
    free(bytes);
}

static bool
progress_stop(void *arg, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    (*(unsigned *)arg)++;
    return false;
}

static void
seal__told_to_stop__leaves_it_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    unsigned calls = 0;
    struct seglog_stream_compact_options options = in_place;
    struct seglog_stream_info info;
    seglog_code code = SEGLOG_OK;

    segments_make(fixture, 3);
    options.on_progress = progress_stop;
    options.arg = &calls;
    code =
        seglog_stream_compact(fixture->streams, STREAM, &options, NULL, NULL);
    if (code == SEGLOG_INVALID)
        skip();
    assert_code(code, SEGLOG_END);
    assert_int_equal(calls, 1);
    assert_ok(seglog_stream_get_info(fixture->streams, STREAM, &info, NULL));
    assert_int_equal(info.sealed, 0);
    stream_assert_model(fixture->streams, STREAM, &fixture->model);
}

static void
seal__nothing_to_seal_or_not_allowed__says_so(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_compacted sealed;
    seglog_code code = SEGLOG_OK;

    assert_ok(seglog_streams_open(fixture->store, &fixture->options,
                                  &fixture->streams, NULL));
    code = seglog_stream_compact(fixture->streams, STREAM, &in_place, &sealed,
                                 NULL);
    if (code == SEGLOG_INVALID)
        skip(); /* without zstd */
    assert_code(code, SEGLOG_NOT_FOUND);
    close_streams(fixture);
    segments_make(fixture, 1);
    SEAL(fixture, NULL, &sealed);
    assert_int_equal(sealed.segments_before, 0);
    close_streams(fixture);
    fixture->options.is_read_only = true;
    assert_ok(seglog_streams_open(fixture->store, &fixture->options,
                                  &fixture->streams, NULL));
    assert_code(seglog_stream_compact(fixture->streams, STREAM, &in_place,
                                      &sealed, NULL),
                SEGLOG_READ_ONLY);
}

#define SEAL_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, xxh3_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        SEAL_TEST(
            seal__completed_segments__are_small_and_the_stream_is_the_same),
        SEAL_TEST(seal__with_a_key__signs_the_heads),
        SEAL_TEST(seal__sealed_ones_without_signature__are_signed_then),
        SEAL_TEST(verify__each_bit_of_a_signature_forged__is_refused),
        SEAL_TEST(verify__signed_segment_of_another_stream__is_refused),
        SEAL_TEST(seal__damaged_segment__is_left_and_told),
        SEAL_TEST(seal__told_to_stop__leaves_it_as_it_was),
        SEAL_TEST(seal__nothing_to_seal_or_not_allowed__says_so),
    };

    return cmocka_run_group_tests_name("stream/stream_seal", tests, NULL, NULL);
}
