/* SPDX-License-Identifier: MIT */
/*
 * tests/format/test_footer_limits.c
 *
 * Goal    of a footer (SPEC.md 15.3) each rule holds by itself: what breaks one
 *         of them and no other is refused, and what only just keeps it is not.
 * Method  tables put together from varints; behind the body nothing can be
 *         read.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/seglog_test.h"

#include "format/footer.h"

#define FIELDS_MAX 24u
#define OFFSET     100000u

struct made {
    struct slg_footer footer;
    uint64_t fields[FIELDS_MAX]; /* of the rows, as varints */
    size_t field_count;
    size_t less; /* bytes that the table lacks */
    size_t more; /* zero bytes behind it */
};

/* One row of two records, without a time. */
static struct made
made_plain(void)
{
    return (struct made){
        .footer = { .first_record = 1,
                    .records = 2,
                    .lines = 2,
                    .text_bytes = 8,
                    .blocks = 1,
                    .time_min = INT64_MAX,
                    .time_max = INT64_MIN },
        .fields = { 82, 100, 0, 2, 2, 8, 0 },
        .field_count = 7,
    };
}

static struct made
made_without_rows(uint64_t first_record)
{
    struct made made = made_plain();

    made.footer.first_record = first_record;
    made.footer.records = made.footer.lines = made.footer.text_bytes = 0;
    made.footer.blocks = 0;
    made.field_count = 0;
    return made;
}

/* Decode `len` bytes between two pages that nobody may touch. */
static bool
bytes_are_footer(const uint8_t *bytes, size_t len)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct slg_footer_table table;
    struct slg_footer footer;
    uint8_t *room = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(room != MAP_FAILED && len <= page);
    assert_int_equal(mprotect(room + page, page, PROT_NONE), 0);
    if (len > 0)
        memcpy(room + page - len, bytes, len);
    const bool is_footer =
        slg_footer_decode(room + page - len, len, OFFSET, &footer, &table);
    assert_int_equal(munmap(room, 2 * page), 0);
    return is_footer;
}

static bool
made_is_footer(const struct made *made)
{
    uint8_t bytes[1024] = { 0 };
    size_t len = slg_footer_fixed_put(&made->footer, bytes);

    for (size_t i = 0; i < made->field_count; i++)
        len += slg_varint_put(bytes + len, made->fields[i]);
    len -= made->less;
    memset(bytes + len, 0, made->more);
    len += made->more + SLG_FOOTER_END_BYTES;
    slg_footer_end_put((uint32_t)len, bytes + len - SLG_FOOTER_END_BYTES);
    return bytes_are_footer(bytes, len);
}

static void
numbers__up_to_the_largest__are_legal(void **state)
{
    const uint64_t most = INT64_MAX;
    struct made made;

    (void)state;
    made = made_without_rows(most);
    assert_true(made_is_footer(&made));
    made.footer.lost = 1;
    assert_false(made_is_footer(&made));
    made = made_without_rows(most - 2);
    made.footer.lost = 2;
    assert_true(made_is_footer(&made));
    made.footer.lost = 3;
    assert_false(made_is_footer(&made));
    made = made_without_rows(most + 1);
    assert_false(made_is_footer(&made));
    made = made_without_rows(0);
    assert_false(made_is_footer(&made));
}

static void
table__that_ends_early_or_late__is_refused(void **state)
{
    struct made made = made_plain();

    (void)state;
    assert_true(made_is_footer(&made));
    made.more = 1;
    assert_false(made_is_footer(&made));
    /* The last byte says that there is no time: without it there is no row. */
    made.more = 0;
    made.less = 1;
    assert_false(made_is_footer(&made));
    /* The same of a time: all that lasts no longer ends with a zero. */
    made = made_plain();
    made.fields[6] = 1 + 2 * 7;
    made.fields[7] = 0;
    made.field_count = 8;
    made.footer.time_min = made.footer.time_max = 7;
    assert_true(made_is_footer(&made));
    made.less = 1;
    assert_false(made_is_footer(&made));
    /* Zeros are no row, however many there are. */
    made = made_plain();
    made.footer.blocks = 2;
    made.more = 40;
    assert_false(made_is_footer(&made));
}

static void
time__that_wraps_around__is_no_row_without_a_time(void **state)
{
    struct made made = made_plain();

    (void)state;
    made.fields[6] = 1 + 2 * 10;
    made.fields[7] = (uint64_t)INT64_MAX - 9;
    made.field_count = 8;
    assert_false(made_is_footer(&made));
}

static void
parent__that_fills_the_body__is_legal(void **state)
{
    struct made made = made_without_rows(5);
    uint8_t bytes[512];

    (void)state;
    made.footer.parent = (const uint8_t *)"p.seg";
    made.footer.parent_len = 5;
    assert_true(made_is_footer(&made));
    /* It says that it is longer than the body has room for. */
    size_t len = slg_footer_fixed_put(&made.footer, bytes);
    len += SLG_FOOTER_END_BYTES;
    slg_footer_end_put((uint32_t)len, bytes + len - SLG_FOOTER_END_BYTES);
    assert_true(bytes_are_footer(bytes, len));
    bytes[82]++;
    assert_false(bytes_are_footer(bytes, len));
    bytes[82] = 255;
    assert_false(bytes_are_footer(bytes, len));
}

static void
body__shorter_than_its_fixed_part__is_not_read_beyond(void **state)
{
    uint8_t bytes[SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_END_BYTES];

    (void)state;
    for (size_t len = 0; len < sizeof bytes; len++) {
        memset(bytes, 0, sizeof bytes);
        bytes[0] = SLG_CONTROL_FOOTER;
        bytes[1] = SLG_FOOTER_VERSION;
        bytes[2] = 1;
        if (len >= SLG_FOOTER_END_BYTES)
            slg_footer_end_put((uint32_t)len,
                               bytes + len - SLG_FOOTER_END_BYTES);
        assert_false(bytes_are_footer(bytes, len));
    }
}

static void
row__with_a_time_that_has_no_code__is_put_without(void **state)
{
    static const struct {
        int64_t base, time_min, time_max;
        bool is_kept;
    } times[] = {
        { 0, INT64_MIN, INT64_MIN, false },
        { 0, -1, INT64_MAX - 1, true }, /* INT64_MAX from each other */
        { 0, -2, INT64_MAX - 1, false },
        { 0, ((int64_t)1 << 62) - 1, (int64_t)1 << 62, true },
        { 0, (int64_t)1 << 62, (int64_t)1 << 62, false },
        { 0, -((int64_t)1 << 62) + 1, 0, true },
        { 0, -((int64_t)1 << 62), 0, false },
        { 5, ((int64_t)1 << 62) + 4, (int64_t)1 << 62, false }, /* backwards */
        { 5, ((int64_t)1 << 62) + 4, INT64_MAX, true },
        { 5, ((int64_t)1 << 62) + 5, INT64_MAX, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        const struct slg_footer_row row = { .offset = 136,
                                            .len = 100,
                                            .first = 1,
                                            .count = 1,
                                            .lines = 1,
                                            .time_min = times[i].time_min,
                                            .time_max = times[i].time_max };
        struct slg_footer_table table;
        uint8_t out[SLG_FOOTER_ROW_MAX];

        slg_footer_table_begin(&table, 1);
        table.time_base = times[i].base;
        const size_t len = slg_footer_row_put(&table, &row, out);
        slg_footer_table_begin(&table, 1);
        table.time_base = times[i].base;
        table.at = out;
        table.end = out + len;
        table.left = 1;
        assert_true(slg_footer_row_next(&table));
        assert_ptr_equal(table.at, table.end);
        assert_int_equal(table.row.offset, row.offset);
        assert_int_equal(table.row.time_min,
                         times[i].is_kept ? row.time_min : INT64_MAX);
        assert_int_equal(table.row.time_max,
                         times[i].is_kept ? row.time_max : INT64_MIN);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers__up_to_the_largest__are_legal),
        cmocka_unit_test(table__that_ends_early_or_late__is_refused),
        cmocka_unit_test(time__that_wraps_around__is_no_row_without_a_time),
        cmocka_unit_test(parent__that_fills_the_body__is_legal),
        cmocka_unit_test(body__shorter_than_its_fixed_part__is_not_read_beyond),
        cmocka_unit_test(row__with_a_time_that_has_no_code__is_put_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
