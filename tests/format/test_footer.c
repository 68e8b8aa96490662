/* SPDX-License-Identifier: MIT */
/* tests/format/test_footer.c - SPEC.md 15.3: the footer of a sealed segment. */
#include "tests/support/seglog_test.h"

#include "format/checksum.h"
#include "format/footer.h"

#define OFFSET_MAX 100000u

struct made {
    uint8_t bytes[2048];
    size_t len;
};

static const struct slg_footer_row rows[] = {
    { .offset = 136,
      .len = 5000,
      .first = 10,
      .count = 300,
      .lines = 299,
      .text_bytes = 70000,
      .time_min = 1700000000000,
      .time_max = 1700000009999 },
    /* Recorded gaps of 7 before it, and earlier times. */
    { .offset = 5400,
      .len = 80,
      .first = 317,
      .count = 1,
      .lines = 0,
      .text_bytes = 0,
      .time_min = -5,
      .time_max = -5 },
    { .offset = 5600,
      .len = 90000,
      .first = 318,
      .count = 2,
      .lines = 2,
      .text_bytes = 1u << 27,
      .time_min = INT64_MAX,
      .time_max = INT64_MIN },
    { .offset = 99000,
      .len = 6,
      .first = 320,
      .count = 1,
      .lines = 1,
      .text_bytes = 3,
      .time_min = 1700000000001,
      .time_max = 1800000000000 },
};

static struct slg_footer
footer_plain(void)
{
    struct slg_footer footer = {
        .first_record = 10,
        .records = 304,
        .lines = 302,
        .lost = 7,
        .text_bytes = 70003 + (1u << 27),
        .blocks = COUNT_OF(rows),
        .time_min = -5,
        .time_max = 1800000000000,
    };

    for (uint8_t i = 0; i < SLG_FOOTER_DIGEST; i++)
        footer.digest[i] = i;
    return footer;
}

static void
footer_make(struct made *made, const struct slg_footer *footer)
{
    struct slg_footer_table table;

    slg_footer_table_begin(&table, footer->first_record);
    made->len = slg_footer_fixed_put(footer, made->bytes);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const size_t len =
            slg_footer_row_put(&table, &rows[i], made->bytes + made->len);

        assert_in_range(len, SLG_FOOTER_ROW_MIN, SLG_FOOTER_ROW_MAX);
        made->len += len;
    }
    made->len += SLG_FOOTER_END_BYTES;
    slg_footer_end_put((uint32_t)made->len,
                       made->bytes + made->len - SLG_FOOTER_END_BYTES);
}

static bool
footer_take(const struct made *made, size_t len, uint64_t offset)
{
    uint8_t *copy = exact_copy(made->bytes, len);
    struct slg_footer footer;
    struct slg_footer_table table;
    const bool is_legal = slg_footer_decode(copy, len, offset, &footer, &table);

    free(copy);
    return is_legal;
}

static void
footer__written_and_read__is_the_same(void **state)
{
    static const char parent[] = "a.b.seg";
    struct slg_footer want = footer_plain();
    struct slg_footer got;
    struct slg_footer_table table;
    struct made made;

    (void)state;
    for (unsigned p = 0; p < 2; p++) {
        if (p == 1) {
            want.parent = (const uint8_t *)parent;
            want.parent_len = sizeof parent - 1;
            memset(want.parent_digest, 0xEE, sizeof want.parent_digest);
        }
        footer_make(&made, &want);
        assert_true(
            slg_footer_decode(made.bytes, made.len, OFFSET_MAX, &got, &table));
        assert_int_equal(got.first_record, want.first_record);
        assert_int_equal(got.records, want.records);
        assert_int_equal(got.lines, want.lines);
        assert_int_equal(got.lost, want.lost);
        assert_int_equal(got.text_bytes, want.text_bytes);
        assert_int_equal(got.blocks, want.blocks);
        assert_int_equal(got.time_min, want.time_min);
        assert_int_equal(got.time_max, want.time_max);
        assert_memory_equal(got.digest, want.digest, sizeof got.digest);
        assert_int_equal(got.parent_len, want.parent_len);
        if (p == 1) {
            assert_memory_equal(got.parent, parent, got.parent_len);
            assert_memory_equal(got.parent_digest, want.parent_digest,
                                sizeof got.parent_digest);
        }
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            assert_true(slg_footer_row_next(&table));
            assert_memory_equal(&table.row, &rows[i], sizeof rows[i]);
        }
        assert_false(slg_footer_row_next(&table));
    }
}

static void
footer__of_no_blocks__is_legal(void **state)
{
    const struct slg_footer want = { .first_record = 5,
                                     .time_min = INT64_MAX,
                                     .time_max = INT64_MIN };
    struct slg_footer got;
    struct slg_footer_table table;
    struct made made;

    (void)state;
    made.len = slg_footer_fixed_put(&want, made.bytes) + SLG_FOOTER_END_BYTES;
    assert_int_equal(made.len, SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_END_BYTES);
    slg_footer_end_put((uint32_t)made.len,
                       made.bytes + made.len - SLG_FOOTER_END_BYTES);
    assert_true(slg_footer_decode(made.bytes, made.len, 54, &got, &table));
    assert_false(slg_footer_row_next(&table));
}

static void
footer__with_a_field_that_does_not_fit__is_refused(void **state)
{
    struct made made;

    (void)state;
    struct slg_footer footer = footer_plain();
    footer_make(&made, &footer);
    assert_true(footer_take(&made, made.len, OFFSET_MAX));
    /* The last block ends behind the footer's place. */
    assert_true(footer_take(&made, made.len, 99006));
    assert_false(footer_take(&made, made.len, 99005));
    for (size_t len = 0; len < made.len; len++)
        assert_false(footer_take(&made, len, OFFSET_MAX));

    for (size_t bit = 0; bit < 8 * made.len; bit++) {
        struct made odd = made;

        odd.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const size_t at = bit / 8;
        /* Whatever can be reckoned up from the table must be as it says; where
         * it begins and what was lost are known from elsewhere. */
        if (at < 2 || (at >= 10 && at < 26) || (at >= 34 && at < 58) ||
            (at >= 74 && at < 83))
            assert_false(footer_take(&odd, odd.len, OFFSET_MAX));
    }
}

static void
footer__with_sums_beyond_the_range__is_refused(void **state)
{
    struct slg_footer footer = footer_plain();
    struct made made;

    (void)state;
    footer.lost = INT64_MAX;
    footer_make(&made, &footer);
    assert_false(footer_take(&made, made.len, OFFSET_MAX));
    footer = footer_plain();
    footer.blocks = UINT64_MAX;
    footer_make(&made, &footer);
    assert_false(footer_take(&made, made.len, OFFSET_MAX));
    footer = footer_plain();
    footer.first_record = 0;
    footer_make(&made, &footer);
    assert_false(footer_take(&made, made.len, OFFSET_MAX));
}

static void
footer__random_bytes__are_refused_and_not_read_beyond(void **state)
{
    struct made made;

    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        made.len = SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_END_BYTES +
                   (size_t)(seed % 200);
        test_fill(made.bytes, made.len, seed);
        made.bytes[0] = SLG_CONTROL_FOOTER;
        made.bytes[1] = SLG_FOOTER_VERSION;
        made.bytes[82] = (uint8_t)(seed % 3 == 0 ? seed : 0);
        memset(made.bytes + 75, 0, 7);
        slg_footer_end_put((uint32_t)made.len,
                           made.bytes + made.len - SLG_FOOTER_END_BYTES);
        assert_false(footer_take(&made, made.len, INT64_MAX));
    }
}

static void
reference__written_and_read__is_the_same(void **state)
{
    static const size_t lens[] = { 1, 40, 199, 200 };
    const struct slg_frame_limits limits = { .body_max = 1u << 20,
                                             .has_digests = true };
    uint8_t bytes[SLG_REFERENCE_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct slg_reference want = { .role = SLG_REFERENCE_PARENT,
                                      .digest = { 1, 2, 3 },
                                      .name_len = lens[i] };
        struct slg_reference got;
        struct slg_frame frame;

        memset(want.name, 'n', lens[i]);
        const size_t len = slg_reference_encode(&want, 7, 99, bytes);

        assert_true(slg_frame_parse(bytes, len, &limits, &frame));
        assert_int_equal(frame.len, len);
        assert_int_equal(frame.control, SLG_CONTROL_REFERENCE);
        assert_int_equal(slg_frame_mixed(bytes, &frame), slg_mix(7, 99));
        assert_true(slg_reference_decode(bytes, &frame, &got));
        assert_int_equal(got.role, SLG_REFERENCE_PARENT);
        assert_memory_equal(got.digest, want.digest, sizeof got.digest);
        assert_int_equal(got.name_len, lens[i]);
        assert_string_equal(got.name, want.name);
        frame.body_len = 18;
        assert_false(slg_reference_decode(bytes, &frame, &got));
        frame.body_len = 18 + 201;
        assert_false(slg_reference_decode(bytes, &frame, &got));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(footer__written_and_read__is_the_same),
        cmocka_unit_test(footer__of_no_blocks__is_legal),
        cmocka_unit_test(footer__with_a_field_that_does_not_fit__is_refused),
        cmocka_unit_test(footer__with_sums_beyond_the_range__is_refused),
        cmocka_unit_test(footer__random_bytes__are_refused_and_not_read_beyond),
        cmocka_unit_test(reference__written_and_read__is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
