/* SPDX-License-Identifier: MIT */
/*
 * tests/stream/test_names.c
 *
 * Goal    the names of segments say which they are, and nothing else is taken
 *         for one; of a merge that was not finished the result counts.
 */
#include "tests/support/seglog_test.h"

#include "src/stream/stream_names.h"

static void
put(struct seglog_store store, const char *name)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(
        store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
}

static void
name__each_extreme__is_parsed_back(void **state)
{
    static const struct {
        uint64_t stream;
        struct slg_stream_part part;
        const char *name;
    } cases[] = {
        { 0,
          { 0, 0, 0 },
          "stream.0.0000000000.0000000000.00000000000000000000.seg" },
        { 7,
          { 3, 12, 1500 },
          "stream.7.0000000003.0000000012.00000000000000001500.seg" },
        { UINT64_MAX,
          { UINT32_MAX, UINT32_MAX, UINT64_MAX },
          "stream.18446744073709551615.4294967295.4294967295."
          "18446744073709551615.seg" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char name[SEGLOG_STREAM_NAME_CAP];
        struct slg_stream_part part;
        uint64_t stream = 1;

        assert_string_equal(
            slg_stream_part_name(cases[i].stream, &cases[i].part, name),
            cases[i].name);
        assert_true(slg_stream_part_parse(name, &stream, &part));
        assert_int_equal(stream, cases[i].stream);
        assert_int_equal(part.first, cases[i].part.first);
        assert_int_equal(part.last, cases[i].part.last);
        assert_int_equal(part.offset, cases[i].part.offset);
    }
}

static void
name__in_another_form__is_none(void **state)
{
    static const char *const others[] = {
        "",
        "stream.",
        "stream.7",
        "stream.7.0000000003.0000000012.00000000000000001500",
        "stream.7.0000000003.0000000012.00000000000000001500.seg.new",
        "stream.7.0000000003.0000000012.00000000000000001500.seg.torn",
        "stream.7.0000000003.0000000012.0000000000000001500.seg",
        "stream.7.0000000003.0000000012.000000000000000001500.seg",
        "stream.7.000000003.0000000012.00000000000000001500.seg",
        "stream.07.0000000003.0000000012.00000000000000001500.seg",
        "stream..0000000003.0000000012.00000000000000001500.seg",
        "stream.-7.0000000003.0000000012.00000000000000001500.seg",
        "stream.7.0000000013.0000000012.00000000000000001500.seg",
        "stream.7.4294967296.4294967296.00000000000000001500.seg",
        ("stream.18446744073709551616.0000000003.0000000012."
         "00000000000000001500.seg"),
        "stream.7.0000000003.0000000012.18446744073709551616.seg",
        "stream.7.tombs.seg",
        "Stream.7.0000000003.0000000012.00000000000000001500.seg",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct slg_stream_part part;
        uint64_t stream = 0;

        assert_false(slg_stream_part_parse(others[i], &stream, &part));
    }
}

static void
list__of_one_stream__is_in_order_and_has_no_others(void **state)
{
    struct slg_stream_parts parts = { 0 };
    struct seglog_store store = { 0 };

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    put(store, "stream.7.0000000001.0000000001.00000000000000000010.seg");
    put(store, "stream.7.0000000000.0000000000.00000000000000000000.seg");
    put(store, "stream.7.0000000002.0000000002.00000000000000000010.seg");
    put(store, "stream.7.0000000003.0000000003.00000000000000000020.seg.new");
    put(store, "stream.70.0000000000.0000000000.00000000000000000000.seg");
    put(store, "stream.7.tombs.seg");
    assert_ok(slg_stream_parts_list(store, 7, &parts, NULL));
    assert_int_equal(parts.count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(parts.parts[i].first, i);
    assert_ptr_equal(slg_stream_parts_last(&parts), &parts.parts[2]);
    assert_ok(slg_stream_parts_list(store, 8, &parts, NULL));
    assert_int_equal(parts.count, 0);
    assert_null(slg_stream_parts_last(&parts));
    slg_stream_parts_reset(&parts);
    seglog_store_close(&store);
}

static void
list__merge_not_finished__has_the_merged_one_alone(void **state)
{
    struct slg_stream_parts parts = { 0 };
    struct seglog_store store = { 0 };

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    put(store, "stream.7.0000000000.0000000000.00000000000000000000.seg");
    put(store, "stream.7.0000000001.0000000001.00000000000000000010.seg");
    put(store, "stream.7.0000000002.0000000002.00000000000000000020.seg");
    put(store, "stream.7.0000000003.0000000003.00000000000000000030.seg");
    put(store, "stream.7.0000000001.0000000002.00000000000000000010.seg");
    put(store, "stream.7.0000000004.0000000004.00000000000000000040.seg");
    assert_ok(slg_stream_parts_list(store, 7, &parts, NULL));
    assert_int_equal(parts.count, 4);
    assert_int_equal(parts.parts[1].first, 1);
    assert_int_equal(parts.parts[1].last, 2);
    assert_int_equal(parts.parts[2].first, 3);
    slg_stream_parts_reset(&parts);
    seglog_store_close(&store);
}

static void
find__each_offset__is_in_the_segment_that_begins_before_it(void **state)
{
    /* The third one is empty. */
    struct slg_stream_part segments[] = {
        { 0, 0, 5 }, { 1, 1, 10 }, { 2, 2, 20 }, { 3, 3, 20 }, { 4, 4, 31 }
    };
    const struct slg_stream_parts parts = { .parts = segments,
                                            .count = COUNT_OF(segments),
                                            .cap = COUNT_OF(segments) };
    static const struct {
        uint64_t offset;
        int first; /* -1: none */
    } cases[] = {
        { 0, -1 }, { 4, -1 }, { 5, 0 },  { 9, 0 },  { 10, 1 },
        { 19, 1 }, { 20, 3 }, { 30, 3 }, { 31, 4 }, { UINT64_MAX, 4 }
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct slg_stream_part *part =
            slg_stream_parts_find(&parts, cases[i].offset);

        assert_int_equal(part ? (int)part->first : -1, cases[i].first);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name__each_extreme__is_parsed_back),
        cmocka_unit_test(name__in_another_form__is_none),
        cmocka_unit_test(list__of_one_stream__is_in_order_and_has_no_others),
        cmocka_unit_test(list__merge_not_finished__has_the_merged_one_alone),
        cmocka_unit_test(
            find__each_offset__is_in_the_segment_that_begins_before_it),
    };

    return cmocka_run_group_tests_name("stream/names", tests, NULL, NULL);
}
