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
        assert_true(
            slg_footer_decode(made.bytes, made.len, OFFSET_MAX, &got, &table));
        table.end = table.at;
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
            (at >= 74 && at < 83) || at >= made.len - SLG_FOOTER_END_BYTES)
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
        bytes[20 + lens[i] - 1] = 0;
        assert_false(slg_reference_decode(bytes, &frame, &got));
        bytes[20 + lens[i] - 1] = 'n';
        frame.head_len = 3;
        assert_false(slg_reference_decode(bytes, &frame, &got));
        frame.head_len = 2;
        frame.body_len = 18;
        assert_false(slg_reference_decode(bytes, &frame, &got));
        frame.body_len = 18 + 201;
        assert_false(slg_reference_decode(bytes, &frame, &got));
    }
}

/* Rows as they are told to be, right or not. */
struct raw_row {
    uint64_t gap, len, skipped, count, lines, text_bytes, code, span;
};

static bool
raw_take(const struct slg_footer *footer, const struct raw_row *row,
         size_t count, uint64_t offset)
{
    struct made made;

    made.len = slg_footer_fixed_put(footer, made.bytes);
    for (size_t i = 0; i < count; i++) {
        const uint64_t fields[] = { row[i].gap,     row[i].len,
                                    row[i].skipped, row[i].count,
                                    row[i].lines,   row[i].text_bytes,
                                    row[i].code,    row[i].span };

        for (size_t k = 0; k < (row[i].code == 0 ? 7u : 8u); k++)
            made.len += slg_varint_put(made.bytes + made.len, fields[k]);
    }
    made.len += SLG_FOOTER_END_BYTES;
    slg_footer_end_put((uint32_t)made.len,
                       made.bytes + made.len - SLG_FOOTER_END_BYTES);
    return footer_take(&made, made.len, offset);
}

static struct slg_footer
footer_of_two(void)
{
    return (struct slg_footer){ .first_record = 1,
                                .records = 2,
                                .lines = 2,
                                .text_bytes = 8,
                                .blocks = 2,
                                .time_min = INT64_MAX,
                                .time_max = INT64_MIN };
}

static void
footer__of_which_rows_are_missing__is_refused(void **state)
{
    const struct slg_footer want = footer_plain();
    struct made made;

    (void)state;
    footer_make(&made, &want);
    const size_t table = made.len - SLG_FOOTER_END_BYTES;
    for (size_t len = SLG_FOOTER_FIXED_BYTES; len < table; len++) {
        struct made cut;

        memcpy(cut.bytes, made.bytes, len);
        cut.len = len + SLG_FOOTER_END_BYTES;
        slg_footer_end_put((uint32_t)cut.len, cut.bytes + len);
        assert_false(footer_take(&cut, cut.len, OFFSET_MAX));
    }
    assert_true(footer_take(&made, made.len, OFFSET_MAX));
}

static void
footer__with_rows_beyond_the_range__is_refused(void **state)
{
    static const struct raw_row good[] = { { 82, 100, 0, 1, 1, 4, 0, 0 },
                                           { 82, 100, 0, 1, 1, 4, 0, 0 } };
    const uint64_t beyond = (uint64_t)INT64_MAX + 1;
    struct slg_footer footer = footer_of_two();
    struct raw_row rows_of_two[2];
    struct raw_row *last = &rows_of_two[1];

    (void)state;
    assert_true(raw_take(&footer, good, 2, OFFSET_MAX));
    /* The last row ends where the footer starts, and no later. */
    assert_true(raw_take(&footer, good, 2, 54 + 2 * 182));
    assert_false(raw_take(&footer, good, 2, 54 + 2 * 182 - 1));
    for (unsigned i = 0; i < 9; i++) {
        memcpy(rows_of_two, good, sizeof good);
        footer = footer_of_two();
        switch (i) {
        case 0: /* the first byte of a frame is beyond */
            last->gap = beyond - 236;
            break;
        case 1: /* its last one is */
            last->gap = (uint64_t)INT64_MAX - 236 - 99;
            break;
        case 2:
            last->len = beyond;
            break;
        case 3: /* the number of the first record is, the last one is */
            last->skipped = beyond - 2;
            break;
        case 4:
            last->skipped = (uint64_t)INT64_MAX - 2;
            last->count = 2;
            last->lines = 2;
            footer.records = 3;
            footer.lines = 3;
            break;
        case 5: /* more text than can be counted */
            last->text_bytes = (uint64_t)INT64_MAX - 3;
            footer.text_bytes = beyond;
            break;
        case 6: /* no records at all, more lines than records, too short */
            last->count = last->lines = 0;
            footer.records = footer.lines = 1;
            break;
        case 7:
            last->lines = 2;
            footer.lines = 3;
            break;
        default:
            last->len = SLG_FRAME_MIN - 1;
            break;
        }
        assert_false(raw_take(&footer, rows_of_two, 2, INT64_MAX));
    }
    /* Numbers that the rows pass over were lost. */
    memcpy(rows_of_two, good, sizeof good);
    footer = footer_of_two();
    last->skipped = 3;
    footer.lost = 3;
    assert_true(raw_take(&footer, rows_of_two, 2, OFFSET_MAX));
    footer.lost = 2;
    assert_false(raw_take(&footer, rows_of_two, 2, OFFSET_MAX));
}

static void
footer__with_times_beyond_the_range__is_refused(void **state)
{
    struct raw_row row = { 82, 100, 0, 2, 2, 8, 0, 0 };
    struct slg_footer footer = footer_of_two();

    (void)state;
    footer.blocks = 1;
    assert_true(raw_take(&footer, &row, 1, OFFSET_MAX));
    /* From 10 on, as long as there are times. */
    row.code = 1 + 20;
    row.span = (uint64_t)INT64_MAX - 10;
    footer.time_min = 10;
    footer.time_max = INT64_MAX;
    assert_true(raw_take(&footer, &row, 1, OFFSET_MAX));
    row.span++;
    assert_false(raw_take(&footer, &row, 1, OFFSET_MAX));
    /* From -5 on the longest span that a varint holds fits. */
    row.code = 1 + 9;
    row.span = INT64_MAX;
    footer.time_min = -5;
    footer.time_max = INT64_MAX - 5;
    assert_true(raw_take(&footer, &row, 1, OFFSET_MAX));
    footer.time_max--;
    assert_false(raw_take(&footer, &row, 1, OFFSET_MAX));
}

static void
row__of_times_too_far_apart__counts_as_none(void **state)
{
    static const struct {
        int64_t time_min, time_max;
        bool is_kept;
    } times[] = {
        { INT64_MIN, INT64_MIN, false }, /* further from 0 than a code says */
        { -1, INT64_MAX - 1, true },     /* INT64_MAX from each other */
        { -2, INT64_MAX - 1, false },
        { 0, INT64_MAX, true },
        { (int64_t)1 << 61, (int64_t)1 << 61, true },
        { (int64_t)1 << 62, (int64_t)1 << 62, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct slg_footer_row row = { .offset = 136,
                                      .len = 100,
                                      .first = 1,
                                      .count = 1,
                                      .lines = 1,
                                      .time_min = times[i].time_min,
                                      .time_max = times[i].time_max };
        struct slg_footer_table table;
        uint8_t out[SLG_FOOTER_ROW_MAX];

        slg_footer_table_begin(&table, 1);
        const size_t len = slg_footer_row_put(&table, &row, out);
        table.at = out;
        table.end = out + len;
        table.left = 1;
        const uint8_t *at = out;
        uint64_t value = 0;

        for (unsigned k = 0; k < 7; k++)
            at += slg_varint_get(at, (size_t)(out + len - at), &value);
        assert_int_equal(value != 0, times[i].is_kept);
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
        cmocka_unit_test(footer__of_which_rows_are_missing__is_refused),
        cmocka_unit_test(footer__with_rows_beyond_the_range__is_refused),
        cmocka_unit_test(footer__with_times_beyond_the_range__is_refused),
        cmocka_unit_test(row__of_times_too_far_apart__counts_as_none),
        cmocka_unit_test(reference__written_and_read__is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
