/* SPDX-License-Identifier: MIT */
/*
 * tests/store/store_conformance_blob.c - one blob: open, append, read, cut.
 *
 * Goal    offsets, sizes, bytes and codes are exactly those of
 *         seglog/store.h, whichever handle did what.
 * Method  short cases for each rule, then random operations against a buffer
 *         that must always hold the same bytes.
 */
#include "tests/store/store_conformance_parts.h"

static struct seglog_store
store_of(void **state)
{
    const struct store_fixture *fixture = *state;

    return fixture->store;
}

static void
skip_without_truncate(void **state)
{
    const struct store_fixture *fixture = *state;

    if (fixture->factory->has_no_truncate)
        skip();
}

static void
open__missing_blob__is_not_found(void **state)
{
    static const unsigned flags[] = {
        SEGLOG_OPEN_READ,
        SEGLOG_OPEN_WRITE,
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_LOCK_HELD,
    };

    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        struct seglog_blob blob = { 0 };
        struct seglog_error err;

        assert_code_err(
            seglog_blob_open(store_of(state), "none", flags[i], &blob, &err),
            SEGLOG_NOT_FOUND, &err);
        assert_non_null(strstr(err.name, "none"));
        assert_null(blob.ops);
    }
}

static void
open__create__makes_an_empty_blob_and_keeps_a_full_one(void **state)
{
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);

    store_assert_text(blob, "");
    assert_int_equal(store_put(blob, "kept"), 0);
    store_close_blob(&blob);

    blob = store_open_blob(store_of(state), "a", WRITE_NEW);
    store_assert_text(blob, "kept");
    store_close_blob(&blob);
}

static void
open__create_exclusive__refuses_what_exists(void **state)
{
    static const unsigned exclusive =
        SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE_EXCLUSIVE;
    struct seglog_blob blob = { 0 };
    struct seglog_error err;

    store_put_new(store_of(state), "a", "kept");
    assert_code_err(
        seglog_blob_open(store_of(state), "a", exclusive, &blob, &err),
        SEGLOG_EXISTS, &err);
    assert_code(seglog_blob_open(store_of(state), "a",
                                 exclusive | SEGLOG_OPEN_CREATE, &blob, NULL),
                SEGLOG_EXISTS);
    blob = store_open_blob(store_of(state), "a", SEGLOG_OPEN_READ);
    store_assert_text(blob, "kept");
    store_close_blob(&blob);
}

static void
append__several__adds_up_and_reads_back(void **state)
{
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);

    assert_int_equal(store_put(blob, "hello "), 0);
    assert_int_equal(store_put(blob, "wide "), 6);
    assert_int_equal(store_put(blob, "world"), 11);
    store_assert_text(blob, "hello wide world");
    store_close_blob(&blob);

    blob = store_open_blob(store_of(state), "a", SEGLOG_OPEN_WRITE);
    assert_int_equal(store_put(blob, "!"), 16);
    store_assert_text(blob, "hello wide world!");
    store_close_blob(&blob);
}

static void
append__no_bytes__gives_the_known_end(void **state)
{
    static const unsigned flags[] = { 0, SEGLOG_OPEN_LOCK_HELD };

    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        struct seglog_blob blob =
            store_open_blob(store_of(state), "a", WRITE_NEW | flags[i]);
        const uint64_t end = store_put(blob, "abc") + 3;
        uint64_t offset = 99;
        struct seglog_error err;

        assert_ok(
            seglog_blob_append(blob, SEGLOG_END_ANY, NULL, 0, &offset, &err));
        assert_int_equal(offset, end);
        assert_ok(seglog_blob_append(blob, end, "", 0, NULL, NULL));
        assert_code_err(
            seglog_blob_append(blob, end - 1, NULL, 0, &offset, &err),
            SEGLOG_CONFLICT, &err);
        assert_int_equal(err.actual, end);
        assert_int_equal(store_get_size(blob), end);
        store_close_blob(&blob);
    }
}

static void
append__expected_end__conflicts_exactly(void **state)
{
    struct seglog_blob ours = store_open_blob(store_of(state), "a", WRITE_NEW);
    struct seglog_blob theirs =
        store_open_blob(store_of(state), "a", SEGLOG_OPEN_WRITE);
    static const uint64_t wrong[] = { 0, 4, 6, 10, INT64_MAX, UINT64_MAX - 1 };
    uint64_t offset = 77;
    struct seglog_error err;

    assert_ok(seglog_blob_append(ours, 0, "first", 5, &offset, NULL));
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        offset = 77;
        assert_code_err(
            seglog_blob_append(theirs, wrong[i], "second", 6, &offset, &err),
            SEGLOG_CONFLICT, &err);
        assert_int_equal(err.actual, 5);
        assert_int_equal(offset, 77);
        store_assert_text(ours, "first");
    }
    assert_ok(seglog_blob_append(theirs, 5, "second", 6, &offset, &err));
    assert_int_equal(offset, 5);
    assert_code_err(seglog_blob_append(ours, 5, "third", 5, &offset, &err),
                    SEGLOG_CONFLICT, &err);
    assert_int_equal(err.actual, 11);
    store_assert_text(theirs, "firstsecond");
    store_close_blob(&theirs);
    store_close_blob(&ours);
}

static void
append__any_end__follows_other_handles(void **state)
{
    struct seglog_blob a = store_open_blob(store_of(state), "a", WRITE_NEW);
    struct seglog_blob b = store_open_blob(store_of(state), "a", WRITE_NEW);

    assert_int_equal(store_put(a, "1"), 0);
    assert_int_equal(store_put(b, "22"), 1);
    assert_int_equal(store_put(b, "333"), 3);
    assert_int_equal(store_put(a, "4444"), 6);
    store_assert_text(b, "1223334444");
    store_close_blob(&b);
    store_close_blob(&a);
}

static void
append__lock_held__continues_where_get_size_found_the_end(void **state)
{
    static const unsigned flags = WRITE_NEW | SEGLOG_OPEN_LOCK_HELD;
    struct seglog_blob a = store_open_blob(store_of(state), "a", flags);
    struct seglog_blob b = store_open_blob(store_of(state), "a", flags);

    assert_int_equal(store_put(a, "one"), 0);
    assert_int_equal(store_get_size(b), 3);
    assert_int_equal(store_put(b, "two"), 3);
    assert_int_equal(store_put(b, "three"), 6);
    assert_false(store_is_replaced(a));
    assert_int_equal(store_put(a, "four"), 11);
    assert_ok(seglog_blob_append(a, 15, "five", 4, NULL, NULL));
    store_assert_text(b, "onetwothreefourfive");
    store_close_blob(&b);
    store_close_blob(&a);
}

static void
append__opened_for_reading__is_read_only(void **state)
{
    struct seglog_blob blob;
    struct seglog_error err;

    store_put_new(store_of(state), "a", "kept");
    blob = store_open_blob(store_of(state), "a", SEGLOG_OPEN_READ);
    assert_code_err(
        seglog_blob_append(blob, SEGLOG_END_ANY, "x", 1, NULL, &err),
        SEGLOG_READ_ONLY, &err);
    assert_code(seglog_blob_append(blob, 4, NULL, 0, NULL, NULL),
                SEGLOG_READ_ONLY);
    assert_code_err(seglog_blob_truncate(blob, 0, &err), SEGLOG_READ_ONLY,
                    &err);
    assert_ok(seglog_blob_sync(blob, NULL));
    store_assert_text(blob, "kept");
    store_close_blob(&blob);
}

static void
append__megabytes__reads_back_whole(void **state)
{
    static const size_t len = 3 * 1024 * 1024 + 17;
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);
    uint8_t *data = malloc(len);
    uint8_t *back = malloc(len);
    uint64_t offset = 0;

    assert_non_null(data);
    assert_non_null(back);
    test_fill(data, len, 1);
    assert_int_equal(store_put(blob, "head"), 0);
    assert_ok(
        seglog_blob_append(blob, SEGLOG_END_ANY, data, len, &offset, NULL));
    assert_int_equal(offset, 4);
    assert_int_equal(store_get_size(blob), len + 4);
    assert_ok(seglog_blob_read_at(blob, 4, back, len, NULL));
    assert_memory_equal(back, data, len);
    free(back);
    free(data);
    store_close_blob(&blob);
}

static void
read_at__inside__gives_exactly_those_bytes(void **state)
{
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);

    (void)store_put(blob, "0123456789");
    for (size_t from = 0; from <= 10; from++) {
        for (size_t len = 0; len <= 10 - from; len++) {
            char *buf = exact_copy("##########", len);

            assert_ok(seglog_blob_read_at(blob, from, buf, len, NULL));
            assert_memory_equal(buf, &"0123456789"[from], len);
            free(buf);
        }
    }
    store_close_blob(&blob);
}

static void
read_at__past_the_end__is_invalid_and_tells_the_size(void **state)
{
    static const struct {
        uint64_t offset;
        size_t len;
    } cases[] = {
        { 0, 6 },          { 5, 1 },
        { 4, 2 },          { 6, 0 },
        { 6, 1 },          { 0, SIZE_MAX },
        { 1, SIZE_MAX },   { UINT64_MAX, 0 },
        { UINT64_MAX, 1 }, { UINT64_MAX - 3, SIZE_MAX },
        { INT64_MAX, 0 },  { INT64_MAX, 1 },
        { 5, SIZE_MAX },   { UINT64_C(1) << 32, 1 },
    };
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);
    char buf[8] = { 0 };

    (void)store_put(blob, "12345");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seglog_error err;

        if (cases[i].len > sizeof buf && cases[i].offset == 0)
            continue; /* a store may fill buf before it finds out */
        assert_code_err(
            seglog_blob_read_at(blob, cases[i].offset, buf, cases[i].len, &err),
            SEGLOG_INVALID, &err);
        assert_int_equal(err.actual, 5);
        assert_int_equal(err.offset, cases[i].offset);
    }
    store_close_blob(&blob);
}

static void
read_at__no_bytes__is_fine_up_to_the_size(void **state)
{
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);

    assert_ok(seglog_blob_read_at(blob, 0, NULL, 0, NULL));
    assert_code(seglog_blob_read_at(blob, 1, NULL, 0, NULL), SEGLOG_INVALID);
    (void)store_put(blob, "ab");
    assert_ok(seglog_blob_read_at(blob, 0, NULL, 0, NULL));
    assert_ok(seglog_blob_read_at(blob, 2, NULL, 0, NULL));
    assert_code(seglog_blob_read_at(blob, 3, NULL, 0, NULL), SEGLOG_INVALID);
    store_close_blob(&blob);
}

static void
read_at__appended_by_another_handle__is_seen(void **state)
{
    struct seglog_blob writer =
        store_open_blob(store_of(state), "a", WRITE_NEW);
    struct seglog_blob reader =
        store_open_blob(store_of(state), "a", SEGLOG_OPEN_READ);

    store_assert_text(reader, "");
    (void)store_put(writer, "now");
    store_assert_text(reader, "now");
    (void)store_put(writer, " more");
    store_assert_text(reader, "now more");
    store_close_blob(&reader);
    store_close_blob(&writer);
}

static void
truncate__to_less__cuts_and_append_continues_there(void **state)
{
    static const unsigned flags[] = { 0, SEGLOG_OPEN_LOCK_HELD };

    skip_without_truncate(state);
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        struct seglog_blob blob =
            store_open_blob(store_of(state), "a", WRITE_NEW | flags[i]);
        struct seglog_blob reader =
            store_open_blob(store_of(state), "a", SEGLOG_OPEN_READ);

        assert_int_equal(store_put(blob, "abcdef"), 0);
        assert_ok(seglog_blob_truncate(blob, 6, NULL));
        store_assert_text(blob, "abcdef");
        assert_ok(seglog_blob_truncate(blob, 3, NULL));
        store_assert_text(reader, "abc");
        assert_int_equal(store_put(blob, "X"), 3);
        store_assert_text(reader, "abcX");
        assert_ok(seglog_blob_append(blob, 4, "Y", 1, NULL, NULL));
        assert_ok(seglog_blob_truncate(blob, 0, NULL));
        store_assert_text(reader, "");
        assert_ok(seglog_blob_truncate(blob, 0, NULL));
        assert_int_equal(store_put(blob, "again"), 0);
        assert_ok(seglog_blob_truncate(blob, 0, NULL));
        store_close_blob(&reader);
        store_close_blob(&blob);
    }
}

static void
truncate__beyond_the_size__is_invalid_and_changes_nothing(void **state)
{
    static const uint64_t sizes[] = { 6, 1000, INT64_MAX, UINT64_MAX };
    struct seglog_blob blob;

    skip_without_truncate(state);
    blob = store_open_blob(store_of(state), "a", WRITE_NEW);
    (void)store_put(blob, "12345");
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct seglog_error err;

        assert_code_err(seglog_blob_truncate(blob, sizes[i], &err),
                        SEGLOG_INVALID, &err);
        assert_int_equal(err.actual, 5);
        store_assert_text(blob, "12345");
    }
    assert_int_equal(store_put(blob, "6"), 5);
    store_close_blob(&blob);
}

static void
sync__at_any_time__is_fine(void **state)
{
    struct seglog_blob blob = store_open_blob(store_of(state), "a", WRITE_NEW);

    assert_ok(seglog_blob_flush(blob, NULL));
    assert_ok(seglog_blob_sync(blob, NULL));
    (void)store_put(blob, "data");
    assert_ok(seglog_blob_flush(blob, NULL));
    assert_ok(seglog_blob_sync(blob, NULL));
    assert_ok(seglog_blob_sync(blob, NULL));
    store_assert_text(blob, "data");
    store_close_blob(&blob);
}

/* Appends and reads of a random length, and now and then a cut. */
static void
blob__random_operations__agree_with_a_buffer(void **state)
{
    enum {
        MODEL_CAP = 1 << 18,
        CHUNK_CAP = 700
    };
    const struct store_fixture *fixture = *state;
    struct seglog_blob blobs[2];
    uint8_t *model = malloc(MODEL_CAP);
    size_t size = 0;
    uint64_t seed = 42;

    assert_non_null(model);
    for (size_t i = 0; i < 2; i++)
        blobs[i] = store_open_blob(fixture->store, "a", WRITE_NEW);

    for (unsigned i = 0; i < 2000; i++) {
        const struct seglog_blob blob = blobs[test_random(&seed) % 2];
        const uint64_t choice = test_random(&seed) % 100;
        uint8_t chunk[CHUNK_CAP];

        if (choice < 60 && size + CHUNK_CAP <= MODEL_CAP) {
            const size_t len = test_random(&seed) % CHUNK_CAP;
            uint64_t offset = 0;

            test_fill(chunk, len, seed);
            assert_ok(seglog_blob_append(
                blob, choice % 2 && len > 0 ? size : SEGLOG_END_ANY, chunk, len,
                &offset, NULL));
            if (len > 0)
                assert_int_equal(offset, size);
            memcpy(model + size, chunk, len);
            size += len;
        } else if (choice < 97 || fixture->factory->has_no_truncate) {
            const size_t from = test_random(&seed) % (size + 1);
            const size_t most =
                size - from < CHUNK_CAP ? size - from : CHUNK_CAP;
            const size_t len = test_random(&seed) % (most + 1);

            assert_ok(seglog_blob_read_at(blob, from, chunk, len, NULL));
            assert_memory_equal(chunk, model + from, len);
        } else {
            size = test_random(&seed) % (size + 1);
            assert_ok(seglog_blob_truncate(blob, size, NULL));
        }
        assert_int_equal(store_get_size(blob), size);
    }
    store_close_blob(&blobs[1]);
    store_close_blob(&blobs[0]);
    free(model);
}

static void
close__zeroed_handle__is_accepted(void **state)
{
    struct seglog_blob blob = { 0 };

    (void)state;
    assert_ok(seglog_blob_close(&blob, NULL));
    assert_ok(seglog_blob_close(NULL, NULL));
}

const struct CMUnitTest store_conformance_blob[] = {
    cmocka_unit_test(open__missing_blob__is_not_found),
    cmocka_unit_test(open__create__makes_an_empty_blob_and_keeps_a_full_one),
    cmocka_unit_test(open__create_exclusive__refuses_what_exists),
    cmocka_unit_test(append__several__adds_up_and_reads_back),
    cmocka_unit_test(append__no_bytes__gives_the_known_end),
    cmocka_unit_test(append__expected_end__conflicts_exactly),
    cmocka_unit_test(append__any_end__follows_other_handles),
    cmocka_unit_test(append__lock_held__continues_where_get_size_found_the_end),
    cmocka_unit_test(append__opened_for_reading__is_read_only),
    cmocka_unit_test(append__megabytes__reads_back_whole),
    cmocka_unit_test(read_at__inside__gives_exactly_those_bytes),
    cmocka_unit_test(read_at__past_the_end__is_invalid_and_tells_the_size),
    cmocka_unit_test(read_at__no_bytes__is_fine_up_to_the_size),
    cmocka_unit_test(read_at__appended_by_another_handle__is_seen),
    cmocka_unit_test(truncate__to_less__cuts_and_append_continues_there),
    cmocka_unit_test(truncate__beyond_the_size__is_invalid_and_changes_nothing),
    cmocka_unit_test(sync__at_any_time__is_fine),
    cmocka_unit_test(blob__random_operations__agree_with_a_buffer),
    cmocka_unit_test(close__zeroed_handle__is_accepted),
    { 0 },
};
