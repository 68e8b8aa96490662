/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/prove_footer.c - SPEC.md 15.3: whatever the body of a footer, it
 * is decoded within its bytes, and each row of an accepted one lies in front
 * of the footer, behind the row before it.
 *
 * Proved of bodies of any length, over any varints (varint_stub.c): the step
 * from any row of a table to the next, which by induction keeps every walk
 * within its bytes and every row behind the one before.  What stands in front
 * of the table is proved of bodies of FIXED_LEN bytes without rows only.
 * prove_table, that what is accepted of up to ROWS_MAX rows is in front of the
 * footer, is not among what run.sh runs: it has not come to an end in minutes.
 */
/* With the functions that it has for itself. */
#include "format/footer.c"
#include "tests/proof/proof.h"

#define ROWS_MAX 2
/* With a parent whose name has four bytes, or one that does not fit. */
#define FIXED_LEN                                                              \
    (SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_END_BYTES + SLG_FOOTER_DIGEST + 4)

static void
prove_fixed(void)
{
    const uint64_t footer_offset = any_uint64();
    struct slg_footer footer;
    struct slg_footer_table table;

    ASSUME(footer_offset <= INT64_MAX);
    const uint8_t *body = any_bytes(FIXED_LEN);
    ASSUME(slg_load_le64(body + 74) == 0);
    if (!slg_footer_decode(body, FIXED_LEN, footer_offset, &footer, &table))
        return;
    PROVE(footer.parent_len == 0 || READABLE(footer.parent, footer.parent_len));
    PROVE(footer.first_record >= 1 && footer.first_record <= INT64_MAX);
    PROVE(footer.records <= INT64_MAX && footer.lost <= INT64_MAX);
    PROVE(table.at == table.end && table.left == 0);
}

static void
prove_table(void)
{
    const size_t len = any_size();
    const uint64_t footer_offset = any_uint64();
    struct slg_footer footer = {
        .first_record = any_uint64(),
        .records = any_uint64(),
        .lines = any_uint64(),
        .lost = any_uint64(),
        .text_bytes = any_uint64(),
        .time_min = any_int64(),
        .time_max = any_int64(),
    };
    struct slg_footer_table table;

    ASSUME(len <= LEN_MAX && footer_offset <= INT64_MAX);
    const uint8_t *body = any_bytes(len);
    ASSUME(footer.first_record >= 1 &&
           sum_is_legal(footer.first_record, footer.records) &&
           sum_is_legal(footer.first_record + footer.records, footer.lost));
    slg_footer_table_begin(&table, footer.first_record);
    table.at = body;
    table.end = body + len;
    table.left = any_uint64();
    ASSUME(table.left <= ROWS_MAX);
    if (!table_is_right(table, &footer, footer_offset))
        return;
    const uint64_t blocks = table.left;
    uint64_t rows = 0;

    while (slg_footer_row_next(&table)) {
        PROVE(table.row.offset + table.row.len <= footer_offset);
        rows++;
    }
    PROVE(rows == blocks && table.at == table.end);
    PROVE(row_before(&table.row).next - footer.first_record <=
          footer.records + footer.lost);
}

/* What holds in front of the table and behind each of its rows. */
static bool
row_is_legal(const struct slg_footer_row *row)
{
    return row->offset <= INT64_MAX && row->len <= INT64_MAX - row->offset &&
           row->first <= INT64_MAX && row->count <= INT64_MAX - row->first;
}

static void
prove_step(void)
{
    const size_t len = any_size();
    const size_t at = any_size();

    ASSUME(len <= LEN_MAX && at <= len);
    const uint8_t *body = any_bytes(len);
    struct slg_footer_table table = {
        .at = body + at,
        .end = body + len,
        .left = any_uint64(),
        .row = { .offset = any_uint64(),
                 .len = any_uint64(),
                 .first = any_uint64(),
                 .count = any_uint64() },
        .time_base = any_int64(),
    };
    const struct slg_footer_table before = table;

    ASSUME(row_is_legal(&table.row));
    if (!slg_footer_row_next(&table))
        return;
    PROVE(table.at >= before.at + SLG_FOOTER_ROW_MIN);
    PROVE(table.at <= table.end && table.end == before.end);
    PROVE(table.left + 1 == before.left);
    PROVE(row_is_legal(&table.row));
    PROVE(table.row.offset >= before.row.offset + before.row.len);
    PROVE(table.row.first >= before.row.first + before.row.count);
    PROVE(table.row.len >= SLG_FRAME_MIN && table.row.count >= 1);
    PROVE(table.row.lines <= table.row.count);
    PROVE(slg_time_is_known(table.row.time_min, table.row.time_max) ||
          (table.row.time_min == INT64_MAX && table.row.time_max == INT64_MIN));
}

int
main(void)
{
    prove_fixed();
    prove_table();
    prove_step();
    return 0;
}
