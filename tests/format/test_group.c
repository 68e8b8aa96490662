/* SPDX-License-Identifier: MIT */
/* tests/format/test_group.c - SPEC.md 5: varints and the body of a group. */
#include "tests/support/seglog_test.h"

#include "format/checksum.h"
#include "format/frame.h"

/* -- varints --------------------------------------------------------------- */

static void
varint__each_limit_of_a_size__comes_back_in_that_size(void **state)
{
    (void)state;
    for (unsigned size = 1; size <= 9; size++) {
        const uint64_t least = size == 1 ? 0 : UINT64_C(1) << 7 * (size - 1);
        const uint64_t most = (UINT64_C(1) << 7 * size) - 1;
        const uint64_t values[] = { least, least + 1, most - 1, most };

        for (size_t i = 0; i < COUNT_OF(values); i++) {
            uint8_t bytes[10];
            uint64_t value = 0;

            assert_int_equal(slg_varint_put(bytes, values[i]), size);
            assert_int_equal(slg_varint_len(values[i]), size);
            assert_int_equal(slg_varint_get(bytes, size, &value), size);
            assert_int_equal(value, values[i]);
            /* Bytes behind it do not matter; one too few does. */
            bytes[size] = 0xFF;
            assert_int_equal(slg_varint_get(bytes, size + 1, &value), size);
            uint8_t *exact = exact_copy(bytes, size - 1);
            assert_int_equal(slg_varint_get(exact, size - 1, &value), 0);
            free(exact);
        }
    }
}

static void
varint__a_last_byte_of_0__is_refused_unless_alone(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_int_equal(slg_varint_get((const uint8_t *)"\0", 1, &value), 1);
    assert_int_equal(value, 0);
    for (size_t len = 2; len <= 10; len++) {
        uint8_t bytes[10];

        memset(bytes, 0x80, sizeof bytes);
        bytes[len - 1] = 0;
        assert_int_equal(slg_varint_get(bytes, len, &value), 0);
        bytes[0] = 0xFF;
        assert_int_equal(slg_varint_get(bytes, len, &value), 0);
    }
}

static void
varint__over_2_to_63__is_refused(void **state)
{
    uint8_t bytes[11];
    uint64_t value = 0;

    (void)state;
    memset(bytes, 0xFF, sizeof bytes);
    bytes[8] = 0x7F; /* nine bytes: 2^63 - 1 */
    assert_int_equal(slg_varint_get(bytes, 9, &value), 9);
    assert_int_equal(value, INT64_MAX);
    bytes[8] = 0xFF;
    for (unsigned top = 0; top < 256; top++) {
        bytes[9] = (uint8_t)top;
        assert_int_equal(slg_varint_get(bytes, sizeof bytes, &value), 0);
    }
    memset(bytes, 0x80, sizeof bytes);
    assert_int_equal(slg_varint_get(bytes, sizeof bytes, &value), 0);
}

static void
varint__nothing_at_hand__is_refused(void **state)
{
    uint64_t value = 0;
    uint8_t *none = exact_copy("", 0);

    (void)state;
    assert_int_equal(slg_varint_get(none, 0, &value), 0);
    free(none);
}

/* -- groups ---------------------------------------------------------------- */

/* The body as a string: what a whole read of it comes to. */
static bool
group_is_legal(const void *body, size_t len)
{
    uint8_t *exact = exact_copy(body, len);
    struct slg_group group;
    const uint8_t *data;
    unsigned kind;
    size_t data_len;
    bool is_legal = slg_group_open(&group, exact, len);

    if (is_legal) {
        while (slg_group_next(&group, &kind, &data, &data_len)) {
            assert_in_range(kind, 1, 4);
            assert_true(data >= exact && data + data_len <= exact + len);
        }
        is_legal = slg_group_is_done(&group);
    }
    free(exact);
    return is_legal;
}

#define LEGAL(text) group_is_legal(text, sizeof(text) - 1)

static void
group__entries__come_with_kind_and_bytes(void **state)
{
    static const uint8_t body[] = { 4,         3 * 4, 'a', 'b', 'c',
                                    1 * 4 + 1, 0x0A,  2,   3 };
    static const struct {
        unsigned kind;
        size_t at;
        size_t len;
    } want[] = {
        { SLG_FRAME_TEXT, 2, 3 },
        { SLG_FRAME_BYTES, 6, 1 },
        { SLG_FRAME_PART, 8, 0 },
        { SLG_FRAME_TAIL, 9, 0 },
    };
    struct slg_group group;
    const uint8_t *data;
    unsigned kind;
    size_t len;

    (void)state;
    assert_true(slg_group_open(&group, body, sizeof body));
    assert_int_equal(group.left, 4);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_false(slg_group_is_done(&group));
        assert_true(slg_group_next(&group, &kind, &data, &len));
        assert_int_equal(kind, want[i].kind);
        assert_ptr_equal(data, body + want[i].at);
        assert_int_equal(len, want[i].len);
        assert_int_equal(group.left, 3 - i);
    }
    assert_true(slg_group_is_done(&group));
    assert_false(slg_group_next(&group, &kind, &data, &len));
    assert_true(slg_group_is_done(&group));
}

static void
group__count_0_or_1_or_none__is_refused(void **state)
{
    (void)state;
    assert_false(LEGAL(""));
    assert_false(LEGAL("\x00"));
    assert_false(LEGAL("\x01\x00"));
    assert_true(LEGAL("\x02\x00\x00"));
    assert_false(LEGAL("\x82\x00\x00\x00")); /* 2 in two bytes */
    assert_false(LEGAL("\x80"));
}

static void
group__count_and_entries_disagree__is_refused(void **state)
{
    (void)state;
    assert_true(LEGAL("\x03\x04z\x00\x05q"));
    assert_false(LEGAL("\x02\x04z\x00\x05q")); /* one entry too many */
    assert_false(LEGAL("\x04\x04z\x00\x05q")); /* one too few */
    assert_false(LEGAL("\x03\x04z\x00\x05q\x00"));
    assert_false(LEGAL("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x00\x00"));
}

static void
group__cut_anywhere__is_refused(void **state)
{
    static const char body[] = "\x03\x0C"
                               "abc\x00\x09xy";

    (void)state;
    assert_true(group_is_legal(body, sizeof body - 1));
    for (size_t len = 0; len < sizeof body - 1; len++)
        assert_false(group_is_legal(body, len));
}

static void
group__an_entry_over_its_end__is_refused(void **state)
{
    (void)state;
    assert_false(LEGAL("\x02\x00\x04"));
    assert_false(LEGAL("\x02\x08"
                       "a\x00"));
    /* A size near 2^61 must not wrap. */
    assert_false(LEGAL("\x02\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"));
    /* An entry head of more bytes than it needs. */
    assert_false(LEGAL("\x02\x00\x80\x00"));
}

static void
group__of_very_many_empty_records__is_read(void **state)
{
    const size_t count = 100000;
    uint8_t *body = calloc(1, count + 9);

    (void)state;
    assert_non_null(body);
    const size_t head = slg_varint_put(body, count);
    assert_true(group_is_legal(body, head + count));
    assert_false(group_is_legal(body, head + count - 1));
    assert_false(group_is_legal(body, head + count + 1));
    free(body);
}

static void
group__as_a_frame__is_sound_only_if_its_body_is(void **state)
{
    static const struct slg_frame_limits limits = { .body_max = 512,
                                                    .has_digests = true };
    static const struct {
        const char *body;
        uint32_t len;
        bool is_sound;
    } bodies[] = {
        { "\x02\x00\x00", 3, true },
        { "\x02\x00\x00\x00", 4, false },
        { "\x02\x00", 2, false },
        { "\x01\x00", 2, false },
        { "", 0, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        uint8_t bytes[32];
        struct slg_frame frame;
        const size_t head =
            slg_frame_put_head(bytes, SLG_FRAME_GROUP, false, bodies[i].len);

        memcpy(bytes + head, bodies[i].body, bodies[i].len);
        const size_t len =
            slg_frame_finish(bytes, head, bodies[i].len, &limits, 7, 1);
        assert_true(slg_frame_parse(bytes, len, &limits, &frame));
        assert_int_equal(slg_frame_mixed(bytes, &frame), slg_mix(7, 1));
        assert_int_equal(slg_frame_is_sound(bytes, &frame, &limits),
                         bodies[i].is_sound);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varint__each_limit_of_a_size__comes_back_in_that_size),
        cmocka_unit_test(varint__a_last_byte_of_0__is_refused_unless_alone),
        cmocka_unit_test(varint__over_2_to_63__is_refused),
        cmocka_unit_test(varint__nothing_at_hand__is_refused),
        cmocka_unit_test(group__entries__come_with_kind_and_bytes),
        cmocka_unit_test(group__count_0_or_1_or_none__is_refused),
        cmocka_unit_test(group__count_and_entries_disagree__is_refused),
        cmocka_unit_test(group__cut_anywhere__is_refused),
        cmocka_unit_test(group__an_entry_over_its_end__is_refused),
        cmocka_unit_test(group__of_very_many_empty_records__is_read),
        cmocka_unit_test(group__as_a_frame__is_sound_only_if_its_body_is),
    };

    return cmocka_run_group_tests_name("format/group", tests, NULL, NULL);
}
