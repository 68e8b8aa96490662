/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_attributes.c
 *
 * Goal    what a segment was created with can be read from its first bytes,
 *         or is said not to be there, whatever those bytes are, and is there
 *         however often its creation was interrupted.
 * Method  every flip and every prefix of a small segment; creation that is
 *         torn at each byte and done again.
 */
#include "tests/segment/writer_support.h"

static const char said[] = "{\"title\":\"of a session\"}";

static struct seglog_writer_options
options_with(const void *data, size_t len)
{
    struct seglog_writer_options options = writer_options_fixed();

    options.attributes = data;
    options.attributes_len = len;
    return options;
}

static void
create_and_append(struct seglog_store store,
                  const struct seglog_writer_options *options, unsigned records)
{
    struct seglog_writer *writer = writer_open_ok(store, "log", options);

    for (unsigned i = 0; i < records; i++)
        append_ok(writer, "record",
                  (options->first_record ? options->first_record : 1) + i);
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
assert_attributes(struct seglog_store store, const void *want, size_t want_len)
{
    uint8_t got[SEGLOG_ATTRIBUTES_MAX];
    uint8_t identity[SEGLOG_IDENTITY_BYTES];
    size_t len = 99;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_segment_get_attributes(store, "log", got, sizeof got,
                                                  &len, identity, &err),
                    SEGLOG_OK, &err);
    assert_int_equal(len, want_len);
    if (len > 0)
        assert_memory_equal(got, want, len);
    assert_memory_equal(identity, writer_identity, sizeof identity);
}

/* Also by the walker, which checks every byte of the segment. */
static void
assert_walked(struct seglog_store store, const void *want, size_t want_len,
              size_t records)
{
    struct walked walked;

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, records);
    assert_int_equal(walked.attributes_len, want_len);
    if (want_len > 0)
        assert_memory_equal(walked.attributes, want, want_len);
    walked_free(&walked);
}

/* -- what comes back ------------------------------------------------------ */

static void
create__any_size__comes_back(void **state)
{
    static const size_t sizes[] = { 0,   1,   254,   255,   256,   257,  510,
                                    511, 512, 11439, 11440, 16383, 16384 };
    const struct seglog_store store = store_of(state);
    uint8_t *data = malloc(SEGLOG_ATTRIBUTES_MAX);

    assert_non_null(data);
    test_fill(data, SEGLOG_ATTRIBUTES_MAX, 5);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (unsigned variant = 0; variant < 6; variant++) {
            struct seglog_writer_options options = options_with(data, sizes[i]);
            struct seglog_scan_summary summary;

            options.sync_log2 = variant % 3 == 0 ? 9 : 16;
            options.first_record = variant % 2 == 0 ? 0 : 41;
            options.first_line = variant == 5 ? 7 : 0;
            options.no_xxh3 = variant == 4;
            create_and_append(store, &options, variant);
            assert_attributes(store, data, sizes[i]);
            assert_walked(store, data, sizes[i], variant);
            assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
            assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
            assert_int_equal(summary.records, variant);
            assert_ok(seglog_store_remove(store, "log", NULL));
        }
    }
    free(data);
}

static void
create__not_allowed__is_invalid_and_makes_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;
    uint8_t data[512] = { 0 };
    size_t len = 0;

    options.attributes_len = 1;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
    options.attributes = data;
    options.attributes_len = SEGLOG_ATTRIBUTES_MAX + 1;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
    options.attributes_len = 512;
    options.body_log2 = 9;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_segment_get_attributes(store, "log", data, sizeof data,
                                              &len, NULL, NULL),
                SEGLOG_NOT_FOUND);
    options.attributes_len = 511;
    create_and_append(store, &options, 1);
    assert_attributes(store, data, 511);
}

static void
get__room_too_small__says_how_much(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = options_with(said, 20);
    struct seglog_error err = { 0 };
    char got[20];
    size_t len = 7;

    create_and_append(store, &options, 1);
    assert_code(
        seglog_segment_get_attributes(store, "log", got, 19, &len, NULL, &err),
        SEGLOG_TOO_LARGE);
    assert_int_equal(err.actual, 20);
    assert_int_equal(len, 0);
    assert_ok(
        seglog_segment_get_attributes(store, "log", got, 20, &len, NULL, &err));
    assert_int_equal(len, 20);
    assert_code(
        seglog_segment_get_attributes(store, "log", NULL, 1, &len, NULL, NULL),
        SEGLOG_INVALID);
}

/* An existing segment keeps its own. */
static void
open__with_others__keeps_what_it_has(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options first = options_with(said, 8);
    const struct seglog_writer_options second = options_with("other", 5);
    const struct seglog_writer_options none = options_with(NULL, 0);

    create_and_append(store, &first, 0);
    create_and_append(store, &second, 0);
    assert_attributes(store, said, 8);
    assert_ok(seglog_store_remove(store, "log", NULL));
    /* Closed, so it was meant to have none. */
    create_and_append(store, &none, 0);
    create_and_append(store, &second, 0);
    assert_attributes(store, NULL, 0);
}

/* -- damage --------------------------------------------------------------- */

/* One bit of the header is corrected; of the attributes any bit costs them. */
static void
get__any_flipped_bit__is_right_or_has_none(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options =
        options_with(said, sizeof said);
    size_t len = 0;
    uint8_t *bytes = NULL;

    create_and_append(store, &options, 2);
    bytes = blob_read(store, "log", &len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        const bool is_behind = bit / 8 >= 54 + 3 + sizeof said + 4;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        blob_write(store, "log", bytes, len);
        if (bit / 8 < 54 || is_behind)
            assert_attributes(store, said, sizeof said);
        else
            assert_attributes(store, NULL, 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(bytes);
}

/* The closing mark tells identity and epoch. */
static void
get__header_lost__still_finds_them(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options =
        options_with(said, sizeof said);
    size_t len = 0;
    uint8_t *bytes = NULL;
    uint8_t got[64];
    size_t got_len = 0;

    create_and_append(store, &options, 2);
    bytes = blob_read(store, "log", &len);
    memset(bytes, 0, 54);
    blob_write(store, "log", bytes, len);
    assert_attributes(store, said, sizeof said);
    test_fill(bytes, len, 8);
    blob_write(store, "log", bytes, len);
    assert_code(seglog_segment_get_attributes(store, "log", got, sizeof got,
                                              &got_len, NULL, NULL),
                SEGLOG_FORMAT);
    free(bytes);
}

static void
repair__of_a_damaged_one__keeps_them(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options =
        options_with(said, sizeof said);
    size_t len = 0;
    uint8_t *bytes = NULL;
    uint8_t got[64];
    size_t got_len = 0;

    create_and_append(store, &options, 5);
    bytes = blob_read(store, "log", &len);
    bytes[54 + 3 + sizeof said + 4 + 15] ^= 1; /* record 2 */
    blob_write(store, "log", bytes, len);
    assert_ok(seglog_repair(store, "log", store, "new", NULL, NULL, NULL));
    assert_ok(seglog_segment_get_attributes(store, "new", got, sizeof got,
                                            &got_len, NULL, NULL));
    assert_int_equal(got_len, sizeof said);
    assert_memory_equal(got, said, sizeof said);

    /* Damaged ones are not kept. */
    bytes[60] ^= 1;
    blob_write(store, "log", bytes, len);
    assert_ok(seglog_repair(store, "log", store, "newer", NULL, NULL, NULL));
    assert_ok(seglog_segment_get_attributes(store, "newer", got, sizeof got,
                                            &got_len, NULL, NULL));
    assert_int_equal(got_len, 0);
    free(bytes);
}

/* -- creation that was interrupted ---------------------------------------- */

static void
create__torn_at_any_byte__is_done_again(void **state)
{
    const struct seglog_store store = store_of(state);

    for (unsigned variant = 0; variant < 4; variant++) {
        struct seglog_writer_options options = options_with(said, sizeof said);
        const struct seglog_writer_options plain = writer_options_fixed();
        struct seglog_writer_options again = options_with("other", 5);
        uint8_t *bytes = NULL;
        size_t len = 0;

        options.first_record = again.first_record = variant < 2 ? 0 : 41;
        again.mode =
            variant % 2 == 0 ? SEGLOG_WRITER_EXCLUSIVE : SEGLOG_WRITER_SHARED;
        options.no_closing_mark = true;
        create_and_append(store, &options, 0);
        bytes = blob_read(store, "log", &len);
        for (size_t size = 0; size <= len; size++) {
            blob_write(store, "log", bytes, size);
            if (size >= 54) {
                assert_attributes(store, said, size == len ? sizeof said : 0);
                create_and_append(store, &again, 2);
            } else {
                create_and_append(store, &again, 2);
            }
            if (size == len)
                assert_attributes(store, said, sizeof said);
            else
                assert_attributes(store, "other", 5);
            assert_walked(store, size == len ? said : "other",
                          size == len ? sizeof said : 5, 2);
            /* From then on they are what they are. */
            create_and_append(store, &plain, 0);
        }
        free(bytes);
        assert_ok(seglog_store_remove(store, "log", NULL));
        (void)!seglog_store_remove(store, "log.torn", NULL);
    }
}

/* Torn again and again: sync points of new epochs pile up before them. */
static void
create__torn_many_times__is_done_in_the_end(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options =
        options_with(said, sizeof said);
    struct seglog_writer_options plain = writer_options_fixed();
    size_t len = 0;
    uint8_t *bytes = NULL;

    plain.no_closing_mark = true;
    create_and_append(store, &plain, 0);
    for (unsigned i = 0; i < 40; i++) {
        bytes = blob_read(store, "log", &len);
        bytes[len] = 0xC0;
        blob_write(store, "log", bytes, len + 1);
        free(bytes);
        create_and_append(store, &plain, 0);
    }
    create_and_append(store, &options, 1);
    assert_attributes(store, said, sizeof said);
    assert_walked(store, said, sizeof said, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(create__any_size__comes_back),
        on_file(create__any_size__comes_back),
        on_memory(create__not_allowed__is_invalid_and_makes_nothing),
        on_memory(get__room_too_small__says_how_much),
        on_memory(open__with_others__keeps_what_it_has),
        on_memory(get__any_flipped_bit__is_right_or_has_none),
        on_memory(get__header_lost__still_finds_them),
        on_memory(repair__of_a_damaged_one__keeps_them),
        on_memory(create__torn_at_any_byte__is_done_again),
        on_file(create__torn_at_any_byte__is_done_again),
        on_memory(create__torn_many_times__is_done_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
