/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_stream_verify.c
 *
 * Goal    verifying finds whatever was changed, names the first event that is
 *         not vouched for, and a head kept elsewhere tells what the stream by
 *         itself cannot.
 */
#include "tests/stream/stream_fixture.h"

#include "src/crypt/primitives.h"
#include "src/segment/segment_chain.h"

static struct seglog_kept_head
kept_at(const struct fixture *fixture, size_t count)
{
    struct seglog_kept_head kept = { .end.next_offset = count };

    kept.end.hash = *stream_model_head(&fixture->model, count);
    return kept;
}

static struct seglog_stream_verified
verify_with(struct fixture *fixture,
            const struct seglog_stream_verify_options *given)
{
    struct seglog_stream_verify_options options = *given;
    struct seglog_stream_verified result;
    struct seglog_error err;

    options.size = sizeof options;
    assert_code_err(
        seglog_stream_verify(fixture->streams, STREAM, &options, &result, &err),
        SEGLOG_OK, &err);
    return result;
}

static struct seglog_stream_verified
verify(struct fixture *fixture)
{
    const struct seglog_stream_verify_options options = { .size = 0 };

    return verify_with(fixture, &options);
}

static void
assert_first(const struct seglog_stream_verified *result,
             enum seglog_stream_fault fault, uint64_t first, uint64_t last)
{
    assert_false(result->is_good);
    assert_string_equal(seglog_stream_fault_name(result->first.fault),
                        seglog_stream_fault_name(fault));
    assert_int_equal(result->first.first_offset, first);
    assert_int_equal(result->first.last_offset, last);
}

/* -- good ones ------------------------------------------------------------- */

static void
verify__good_stream__says_so(void **state)
{
    static const uint64_t limits[] = { 100000, 600, 1 };
    struct fixture *fixture = *state;
    struct seglog_stream_verified result;

    fixture->options.checkpoint_events = 5;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        fixture->options.segment_bytes = limits[i];
        open_streams(fixture);
        for (size_t k = 0; k < 10; k++)
            append(fixture, 3);
        for (unsigned threads = 0; threads < 6; threads++) {
            const struct seglog_kept_head kept[3] = {
                kept_at(fixture, fixture->model.count), kept_at(fixture, 7),
                kept_at(fixture, 0)
            };
            const struct seglog_stream_verify_options options = {
                .threads = threads, .kept = kept, .kept_count = 3
            };

            result = verify_with(fixture, &options);
            assert_true(result.is_good);
            assert_int_equal(result.findings, 0);
            assert_int_equal(result.events, fixture->model.count);
            assert_int_equal(result.end.next_offset, fixture->model.count);
            stream_assert_hash(
                &result.end.hash,
                stream_model_head(&fixture->model, fixture->model.count));
        }
        assert_ok(seglog_streams_close(&fixture->streams, NULL));
    }
    open_streams(fixture);
    assert_true(result.segments > 10 && result.checkpoints > 10);
}

static void
verify__unknown_stream__is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_verified result;

    open_streams(fixture);
    assert_code(
        seglog_stream_verify(fixture->streams, STREAM, NULL, &result, NULL),
        SEGLOG_NOT_FOUND);
    assert_code(
        seglog_stream_verify(fixture->streams, STREAM, NULL, NULL, NULL),
        SEGLOG_INVALID);
}

static void
verify__from_an_offset__believes_the_checkpoint_before_it(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_verify_options options = { .from_offset = 37 };
    struct seglog_stream_verified result;
    struct seglog_stream_end at;

    fixture->options.checkpoint_events = 5;
    fixture->options.segment_bytes = 2500;
    open_streams(fixture);
    while (fixture->model.count < 100)
        append(fixture, 1);
    assert_ok(
        seglog_stream_find_checkpoint(fixture->streams, STREAM, 37, &at, NULL));
    forge(fixture, 0, "event-3", "EVENT-3");
    result = verify_with(fixture, &options);
    assert_true(result.is_good);
    assert_int_equal(result.from_offset, at.next_offset);
    assert_int_equal(result.events, 100 - at.next_offset);
    options.from_offset = 0;
    result = verify_with(fixture, &options);
    assert_false(result.is_good);
}

static void
find_checkpoint__each_offset__is_the_last_one_before_it(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_end at;

    fixture->options.checkpoint_events = 5;
    fixture->options.segment_bytes = 2500;
    open_streams(fixture);
    assert_code(
        seglog_stream_find_checkpoint(fixture->streams, STREAM, 0, &at, NULL),
        SEGLOG_NOT_FOUND);
    while (fixture->model.count < 60)
        append(fixture, 1);
    for (uint64_t offset = 0; offset < 60; offset++) {
        assert_ok(seglog_stream_find_checkpoint(fixture->streams, STREAM,
                                                offset, &at, NULL));
        assert_true(at.next_offset <= offset && at.next_offset + 5 > offset);
        stream_assert_hash(&at.hash, stream_model_head(&fixture->model,
                                                       (size_t)at.next_offset));
    }
    assert_ok(
        seglog_stream_make_checkpoint(fixture->streams, STREAM, NULL, NULL));
    assert_ok(seglog_stream_find_checkpoint(fixture->streams, STREAM,
                                            UINT64_MAX, &at, NULL));
    assert_int_equal(at.next_offset, 60);
}

/* -- what was changed ------------------------------------------------------ */

static void
verify__forged_event__names_the_stretch_it_is_in(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_verified result;

    fixture->options.checkpoint_events = 10;
    open_streams(fixture);
    while (fixture->model.count < 40)
        append(fixture, 1);
    forge(fixture, 0, "event-17", "EVENT-17");
    result = verify(fixture);
    assert_int_equal(result.first.segment, 0);
    /* The digest of the stretch tells as well, and names no event. */
    assert_first(&result, SEGLOG_STREAM_FAULT_CHAIN, 10, 19);
    assert_true(result.findings >= 1 && result.findings <= 2);
}

/*
 * Every bit of three segments, one at a time.  A kept head tells also what
 * makes the end look torn.
 */
static void
verify__each_bit_flipped__is_seen(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_kept_head kept;
    uint64_t flips = 0;
    uint64_t unseen = 0;
    uint64_t refused = 0;

    fixture->options.checkpoint_events = 4;
    open_streams(fixture);
    for (size_t i = 0; i < 3; i++) {
        append(fixture, 1);
        append(fixture, 3);
        append(fixture, 2);
        if (i < 2)
            assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    }
    kept = kept_at(fixture, fixture->model.count);
    for (size_t segment = 0; segment < 3; segment++) {
        char name[SEGLOG_STREAM_NAME_CAP];
        size_t len = 0;
        uint8_t *bytes = blob_read(
            fixture->store,
            stream_segment_name(fixture->store, STREAM, segment, name), &len);

        for (size_t bit = 0; bit < 8 * len; bit++) {
            const struct seglog_stream_verify_options options = {
                .size = sizeof options,
                .threads = 1,
                .kept = &kept,
                .kept_count = 1,
            };
            struct seglog_stream_verified result;

            flips++;
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            blob_write(fixture->store, name, bytes, len);
            if (seglog_stream_verify(fixture->streams, STREAM, &options,
                                     &result, NULL) != SEGLOG_OK)
                refused++;
            else if (result.is_good) {
                unseen++;
                print_message("unseen: segment %zu byte %zu of %zu\n", segment,
                              bit / 8, len);
            }
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        blob_write(fixture->store, name, bytes, len);
        free(bytes);
    }
    print_message("%llu flips, %llu refused\n", (unsigned long long)flips,
                  (unsigned long long)refused);
    assert_int_equal(unseen, 0);
    assert_true(verify(fixture).is_good);
}

static void
verify__segments_missing_or_swapped__are_links(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_verified result;
    char names[4][SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes[4];
    size_t len[4];

    open_streams(fixture);
    for (size_t i = 0; i < 4; i++) {
        append(fixture, 3);
        if (i < 3)
            assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    }
    for (size_t i = 0; i < 4; i++)
        bytes[i] = blob_read(
            fixture->store,
            stream_segment_name(fixture->store, STREAM, i, names[i]), &len[i]);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(seglog_store_remove(fixture->store, names[i], NULL));
        result = verify(fixture);
        assert_first(&result, SEGLOG_STREAM_FAULT_LINK, 3 * (i + 1),
                     3 * (i + 1));
        assert_int_equal(result.first.segment, i + 1);
        blob_write(fixture->store, names[i], bytes[i], len[i]);
    }
    assert_true(verify(fixture).is_good);
    for (size_t i = 0; i < 4; i++)
        free(bytes[i]);
}

/* -- kept heads ------------------------------------------------------------ */

static void
verify__tail_that_was_cut__is_told_by_a_kept_head(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stream_verified result;
    struct seglog_kept_head kept;
    const struct seglog_stream_verify_options options = { .kept = &kept,
                                                          .kept_count = 1 };
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t len = 0;

    open_streams(fixture);
    append(fixture, 3);
    bytes =
        blob_read(fixture->store,
                  stream_segment_name(fixture->store, STREAM, 0, name), &len);
    append(fixture, 2);
    kept = kept_at(fixture, 5);
    assert_true(verify_with(fixture, &options).is_good);
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    blob_write(fixture->store, name, bytes, len);
    open_streams(fixture);
    assert_true(verify(fixture).is_good);
    result = verify_with(fixture, &options);
    assert_first(&result, SEGLOG_STREAM_FAULT_SHORT, 5, 5);
    free(bytes);
}

/* All of it made anew, with other events and right heads. */
static void
verify__stream_that_was_rewritten__is_told_by_a_kept_head(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_kept_head kept;
    const struct seglog_stream_verify_options options = { .kept = &kept,
                                                          .kept_count = 1 };
    const struct seglog_slice event = { "another", 7 };
    struct seglog_stream_verified result;

    open_streams(fixture);
    append(fixture, 3);
    kept = kept_at(fixture, 2);
    assert_ok(seglog_stream_append_batch(fixture->streams, STREAM + 1, &event,
                                         1, 0, NULL, false, NULL, NULL));
    assert_true(verify_with(fixture, &options).is_good);
    kept.end.hash.bytes[3] ^= 1;
    result = verify_with(fixture, &options);
    assert_first(&result, SEGLOG_STREAM_FAULT_KEPT, 2, 2);
}

/* -- signatures ------------------------------------------------------------ */

static void
sign__head__is_good_for_that_stream_key_and_offset_alone(void **state)
{
    static const uint8_t private_key[SEGLOG_SIGN_KEY_BYTES] = { 1, 2, 3 };
    static const uint8_t other_key[SEGLOG_SIGN_KEY_BYTES] = { 3, 2, 1 };
    struct fixture *fixture = *state;
    uint8_t public_key[SEGLOG_SIGN_KEY_BYTES];
    struct seglog_kept_head kept;
    struct seglog_stream_verify_options options = { .kept = &kept,
                                                    .kept_count = 1,
                                                    .public_key = public_key };
    struct seglog_kept_head good;
    struct seglog_stream_verified result;

    open_streams(fixture);
    assert_code(
        seglog_stream_sign(fixture->streams, STREAM, private_key, &kept, NULL),
        SEGLOG_NOT_FOUND);
    append(fixture, 3);
    assert_ok(
        seglog_stream_sign(fixture->streams, STREAM, private_key, &good, NULL));
    append(fixture, 3);
    assert_true(slg_crypt_public_key(private_key, public_key));
    kept = good;
    assert_true(verify_with(fixture, &options).is_good);
    for (size_t i = 0; i < SEGLOG_SIGNATURE_BYTES; i++) {
        kept.signature[i] ^= 0x20;
        result = verify_with(fixture, &options);
        assert_first(&result, SEGLOG_STREAM_FAULT_SIGNATURE, 3, 3);
        kept.signature[i] ^= 0x20;
    }
    /* The head of another offset, with that signature. */
    kept.end = kept_at(fixture, 4).end;
    result = verify_with(fixture, &options);
    assert_first(&result, SEGLOG_STREAM_FAULT_SIGNATURE, 4, 4);
    kept = good;
    assert_true(slg_crypt_public_key(other_key, public_key));
    result = verify_with(fixture, &options);
    assert_first(&result, SEGLOG_STREAM_FAULT_SIGNATURE, 3, 3);
    /* The same events in another stream. */
    stream_model_reset(&fixture->model);
    stream_model_init(&fixture->model, SEGLOG_CHAIN_SHA256);
    stream_append_next(fixture->streams, STREAM + 1, &fixture->model, 6, false);
    assert_true(slg_crypt_public_key(private_key, public_key));
    options.size = sizeof options;
    assert_ok(seglog_stream_verify(fixture->streams, STREAM + 1, &options,
                                   &result, NULL));
    assert_first(&result, SEGLOG_STREAM_FAULT_SIGNATURE, 3, 3);
}

static void
kept_head__as_text__comes_back(void **state)
{
    static const char *const wrong[] = {
        "",
        "5",
        "5 ",
        "5 00",
        " 5 0be6be2222f86a82f7093179f3a526a4",
        "5  0be6be2222f86a82f7093179f3a526a4",
        "0be6be2222f86a82f7093179f3a526a4",
        "5 0be6be2222f86a82f7093179f3a526a",
        "5 0be6be2222f86a82f7093179f3a526a4 ",
        "5 0be6be2222f86a82f7093179f3a526a4 00",
        "5 0be6be2222f86a82f7093179f3a526a4x",
        "18446744073709551616 0be6be2222f86a82f7093179f3a526a4",
    };
    struct seglog_kept_head kept = { .end = { .next_offset = UINT64_MAX } };
    struct seglog_kept_head again;
    struct seglog_error err;
    char text[SEGLOG_KEPT_HEAD_CAP];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        kept.end.hash.len = i < 2 ? 32 : 16;
        kept.is_signed = i % 2 == 1;
        test_fill(kept.end.hash.bytes, kept.end.hash.len, i);
        test_fill(kept.signature, sizeof kept.signature, i);
        seglog_kept_head_format(&kept, text);
        assert_code_err(seglog_kept_head_parse(text, &again, &err), SEGLOG_OK,
                        &err);
        assert_int_equal(again.end.next_offset, kept.end.next_offset);
        stream_assert_hash(&again.end.hash, &kept.end.hash);
        assert_int_equal(again.is_signed, kept.is_signed);
        if (kept.is_signed)
            assert_memory_equal(again.signature, kept.signature,
                                sizeof kept.signature);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_code(seglog_kept_head_parse(wrong[i], &again, NULL),
                    SEGLOG_INVALID);
}

/* -- calls back ------------------------------------------------------------ */

static bool
count_to_one(void *arg, const struct seglog_stream_finding *finding)
{
    unsigned *count = arg;

    assert_int_equal(finding->fault, SEGLOG_STREAM_FAULT_LINK);
    ++*count;
    return false;
}

static bool
refuse(void *arg, uint64_t done, uint64_t total)
{
    (void)arg;
    return done > total;
}

static void
verify__told_to_stop__stops_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    unsigned count = 0;
    struct seglog_stream_verify_options options = { .on_finding = count_to_one,
                                                    .arg = &count };
    struct seglog_stream_verified result;
    char name[SEGLOG_STREAM_NAME_CAP];

    open_streams(fixture);
    for (size_t i = 0; i < 5; i++) {
        append(fixture, 3);
        assert_ok(seglog_stream_rotate(fixture->streams, STREAM, NULL));
    }
    assert_ok(seglog_store_remove(
        fixture->store, stream_segment_name(fixture->store, STREAM, 1, name),
        NULL));
    assert_ok(seglog_store_remove(
        fixture->store, stream_segment_name(fixture->store, STREAM, 2, name),
        NULL));
    result = verify_with(fixture, &options);
    assert_true(result.is_stopped);
    assert_int_equal(count, 1);
    options.on_finding = NULL;
    options.on_progress = refuse;
    result = verify_with(fixture, &options);
    assert_true(result.is_stopped && !result.is_good);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(verify__good_stream__says_so),
        STREAM_TEST(verify__unknown_stream__is_not_found),
        STREAM_TEST(verify__from_an_offset__believes_the_checkpoint_before_it),
        STREAM_TEST(find_checkpoint__each_offset__is_the_last_one_before_it),
        STREAM_TEST(verify__forged_event__names_the_stretch_it_is_in),
        STREAM_TEST(verify__each_bit_flipped__is_seen),
        STREAM_TEST(verify__segments_missing_or_swapped__are_links),
        STREAM_TEST(verify__tail_that_was_cut__is_told_by_a_kept_head),
        STREAM_TEST(verify__stream_that_was_rewritten__is_told_by_a_kept_head),
        STREAM_TEST(sign__head__is_good_for_that_stream_key_and_offset_alone),
        STREAM_TEST(kept_head__as_text__comes_back),
        STREAM_TEST(verify__told_to_stop__stops_and_says_so),
    };

    return cmocka_run_group_tests_name("stream/stream_verify", tests, NULL,
                                       NULL);
}
