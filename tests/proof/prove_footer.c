/* SPDX-License-Identifier: MIT */
/*
 * tests/proof/prove_footer.c - SPEC.md 15.3: whatever the body of a footer, it
 * is decoded within its bytes, and each row of an accepted one lies in front
 * of the footer, behind the row before it.
 */
#include "format/footer.h"
#include "tests/proof/proof.h"

/* One row of the shortest form, or a short parent. */
#define BYTES_MAX                                                              \
    (SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_END_BYTES + SLG_FOOTER_ROW_MIN)

int
main(void)
{
    const size_t len = any_size();
    const uint64_t footer_offset = any_uint64();
    struct slg_footer footer;
    struct slg_footer_table table;
    uint64_t end = 0;
    uint64_t next = 0;
    uint64_t rows = 0;

    ASSUME(len >= 1 && len <= BYTES_MAX);
    ASSUME(footer_offset <= INT64_MAX);
    const uint8_t *body = any_bytes(len);
    if (!slg_footer_decode(body, len, footer_offset, &footer, &table))
        return 0;
    PROVE(footer.parent_len == 0 || READABLE(footer.parent, footer.parent_len));
    next = footer.first_record;
    while (slg_footer_row_next(&table)) {
        PROVE(table.row.offset >= end && table.row.first >= next);
        end = table.row.offset + table.row.len;
        next = table.row.first + table.row.count;
        PROVE(end <= footer_offset);
        rows++;
    }
    PROVE(rows == footer.blocks);
    return 0;
}
