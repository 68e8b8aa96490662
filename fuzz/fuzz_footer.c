/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_footer.c - any bytes as the footer of a sealed segment.
 *
 * What is accepted adds up, stays within the segment, and is what it is
 * encoded to again.
 *
 * Byte 0 of the input: bit 0 set the end right, bit 1 set the sums right.
 * Bytes 1 to 4: where the footer stands.  Then its body.
 */
#include <stdlib.h>
#include <string.h>

#include "format/footer.h"
#include "fuzz/support.h"

#define BODY_MAX ((size_t)20000)

/* What the rows of a table say together, put in front of them. */
static void
sums_mend(uint8_t *body, size_t len)
{
    struct slg_footer_table table;
    struct slg_footer sum = { .time_min = INT64_MAX, .time_max = INT64_MIN };
    const size_t parent = body[82] == 0 ? 0 : body[82] + SLG_FOOTER_DIGEST;

    if (len < SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_END_BYTES + parent)
        return;
    slg_footer_table_begin(&table, slg_load_le64(body + 2));
    table.at = body + SLG_FOOTER_FIXED_BYTES + parent;
    table.end = body + len - SLG_FOOTER_END_BYTES;
    table.left = UINT64_MAX;
    while (table.at < table.end && slg_footer_row_next(&table)) {
        const struct slg_footer_row *row = &table.row;

        sum.blocks++;
        sum.records += row->count;
        sum.lines += row->lines;
        sum.text_bytes += row->text_bytes;
        if (!slg_time_is_known(row->time_min, row->time_max))
            continue;
        sum.time_min =
            row->time_min < sum.time_min ? row->time_min : sum.time_min;
        sum.time_max =
            row->time_max > sum.time_max ? row->time_max : sum.time_max;
    }
    slg_store_le64(body + 10, sum.records);
    slg_store_le64(body + 18, sum.lines);
    slg_store_le64(body + 34, sum.text_bytes);
    slg_store_le64(body + 42, (uint64_t)sum.time_min);
    slg_store_le64(body + 50, (uint64_t)sum.time_max);
    slg_store_le64(body + 74, sum.blocks);
}

/* The same footer, encoded from what was decoded. */
static void
footer_must_come_back(const uint8_t *body, size_t len,
                      const struct slg_footer *footer,
                      struct slg_footer_table table, uint64_t offset)
{
    uint8_t *again = malloc(len + SLG_FOOTER_ROW_MAX + SLG_FOOTER_PARENT_MAX);
    struct slg_footer_table out;
    uint64_t records = 0;
    size_t at = 0;

    MUST(again);
    at = slg_footer_fixed_put(footer, again);
    MUST(at <= len);
    slg_footer_table_begin(&out, footer->first_record);
    while (slg_footer_row_next(&table)) {
        const struct slg_footer_row *row = &table.row;

        MUST(row->offset >= SLG_HEADER_BYTES);
        MUST(row->len <= offset && row->offset <= offset - row->len);
        MUST(row->first >= footer->first_record && row->count > 0);
        records += row->count;
        at += slg_footer_row_put(&out, row, again + at);
        MUST(at <= len);
    }
    MUST(records == footer->records);
    slg_footer_end_put((uint32_t)len, again + at);
    at += SLG_FOOTER_END_BYTES;
    MUST(at == len && memcmp(again, body, len) == 0);
    free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned switches = input_byte(&input);
    const uint64_t offset = input_number(&input, 4);
    struct slg_footer footer;
    struct slg_footer_table table;
    size_t len = BODY_MAX;
    const uint8_t *bytes = input_bytes(&input, &len);
    uint8_t *body = exact_copy(bytes, len);

    if ((switches & 2) != 0 &&
        len >= SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_END_BYTES)
        sums_mend(body, len);
    if ((switches & 1) != 0 && len >= SLG_FOOTER_END_BYTES)
        slg_footer_end_put((uint32_t)len, body + len - SLG_FOOTER_END_BYTES);
    if (slg_footer_decode(body, len, offset, &footer, &table))
        footer_must_come_back(body, len, &footer, table, offset);
    free(body);
    return 0;
}
