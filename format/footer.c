/* SPDX-License-Identifier: MIT */
/* format/footer.c - SPEC.md 15.3: the footer of a sealed segment. */
#include "format/footer.h"

#include <string.h>

static const uint8_t footer_magic[4] = { 'S', 'L', 'F', 'T' };

/* -- times ---------------------------------------------------------------- */

/* None is 0, so that what a known one is coded as starts with 1. */
static uint64_t
time_code(int64_t time, int64_t from)
{
    const uint64_t difference = (uint64_t)time - (uint64_t)from;
    const uint64_t sign = difference >> 63 != 0 ? UINT64_MAX : 0;

    return (difference << 1 ^ sign) + 1;
}

static int64_t
time_from_code(uint64_t code, int64_t from)
{
    const uint64_t zigzag = code - 1;
    const uint64_t difference = zigzag >> 1 ^ (0 - (zigzag & 1));
    const uint64_t time = (uint64_t)from + difference;
    int64_t value = 0;

    memcpy(&value, &time, sizeof value);
    return value;
}

/* Times so far from each other that they have no code count as none. */
static bool
time_has_code(const struct slg_footer_row *row, int64_t from)
{
    return slg_time_is_known(row->time_min, row->time_max) &&
           time_code(row->time_min, from) - 1 < INT64_MAX &&
           (uint64_t)row->time_max - (uint64_t)row->time_min <= INT64_MAX;
}

static void
time_forget(int64_t *time_min, int64_t *time_max)
{
    *time_min = INT64_MAX;
    *time_max = INT64_MIN;
}

/* -- encoding ------------------------------------------------------------- */

/* What the differences in a row refer to. */
struct before {
    uint64_t end;  /* of the frame of the block before */
    uint64_t next; /* number behind it */
};

static struct before
row_before(const struct slg_footer_row *row)
{
    return (struct before){
        .end = row->offset + row->len,
        .next = row->first + row->count,
    };
}

void
slg_footer_table_begin(struct slg_footer_table *table, uint64_t first_record)
{
    *table = (struct slg_footer_table){
        .row = { .offset = SLG_HEADER_BYTES, .first = first_record },
    };
}

static void
table_pass(struct slg_footer_table *table, const struct slg_footer_row *row)
{
    table->row = *row;
    if (slg_time_is_known(row->time_min, row->time_max))
        table->time_base = row->time_min;
}

size_t
slg_footer_row_put(struct slg_footer_table *table,
                   const struct slg_footer_row *row, uint8_t *out)
{
    const struct before before = row_before(&table->row);
    const bool has_time = time_has_code(row, table->time_base);
    struct slg_footer_row kept = *row;
    size_t len = 0;

    len += slg_varint_put(out + len, row->offset - before.end);
    len += slg_varint_put(out + len, row->len);
    len += slg_varint_put(out + len, row->first - before.next);
    len += slg_varint_put(out + len, row->count);
    len += slg_varint_put(out + len, row->lines);
    len += slg_varint_put(out + len, row->text_bytes);
    len += slg_varint_put(
        out + len, has_time ? time_code(row->time_min, table->time_base) : 0);
    if (has_time)
        len += slg_varint_put(out + len, (uint64_t)row->time_max -
                                             (uint64_t)row->time_min);
    else
        time_forget(&kept.time_min, &kept.time_max);
    table_pass(table, &kept);
    return len;
}

size_t
slg_footer_fixed_put(const struct slg_footer *footer, uint8_t *out)
{
    size_t len = SLG_FOOTER_FIXED_BYTES;

    out[0] = SLG_CONTROL_FOOTER;
    out[1] = SLG_FOOTER_VERSION;
    slg_store_le64(out + 2, footer->first_record);
    slg_store_le64(out + 10, footer->records);
    slg_store_le64(out + 18, footer->lines);
    slg_store_le64(out + 26, footer->lost);
    slg_store_le64(out + 34, footer->text_bytes);
    slg_store_le64(out + 42, (uint64_t)footer->time_min);
    slg_store_le64(out + 50, (uint64_t)footer->time_max);
    memcpy(out + 58, footer->digest, SLG_FOOTER_DIGEST);
    slg_store_le64(out + 74, footer->blocks);
    out[82] = (uint8_t)footer->parent_len;
    if (footer->parent_len > 0) {
        memcpy(out + len, footer->parent, footer->parent_len);
        len += footer->parent_len;
        memcpy(out + len, footer->parent_digest, SLG_FOOTER_DIGEST);
        len += SLG_FOOTER_DIGEST;
    }
    return len;
}

void
slg_footer_end_put(uint32_t body_len, uint8_t out[SLG_FOOTER_END_BYTES])
{
    slg_store_le32(out, body_len);
    memcpy(out + 4, footer_magic, sizeof footer_magic);
}

/* -- decoding ------------------------------------------------------------- */

static bool
varint_take(struct slg_footer_table *table, uint64_t *value)
{
    const size_t used =
        slg_varint_get(table->at, (size_t)(table->end - table->at), value);

    table->at += used;
    return used > 0;
}

/* Never more than INT64_MAX, as offsets and numbers are. */
static bool
sum_is_legal(uint64_t a, uint64_t b)
{
    return a <= INT64_MAX && b <= INT64_MAX - a;
}

static bool
time_take(struct slg_footer_table *table, struct slg_footer_row *row)
{
    uint64_t code = 0;
    uint64_t span = 0;

    time_forget(&row->time_min, &row->time_max);
    if (!varint_take(table, &code))
        return false;
    if (code == 0)
        return true;
    if (!varint_take(table, &span))
        return false;
    row->time_min = time_from_code(code, table->time_base);
    /* It must not wrap around. */
    if (row->time_min > 0 && span > (uint64_t)(INT64_MAX - row->time_min))
        return false;
    const uint64_t time_max = (uint64_t)row->time_min + span;
    memcpy(&row->time_max, &time_max, sizeof row->time_max);
    return true;
}

static bool
row_take(struct slg_footer_table *table)
{
    const struct before before = row_before(&table->row);
    struct slg_footer_row row = { .offset = 0 };
    uint64_t gap = 0;
    uint64_t skipped = 0;

    if (!varint_take(table, &gap) || !varint_take(table, &row.len) ||
        !varint_take(table, &skipped) || !varint_take(table, &row.count) ||
        !varint_take(table, &row.lines) ||
        !varint_take(table, &row.text_bytes) || row.count == 0 ||
        row.lines > row.count || row.len < SLG_FRAME_MIN ||
        !sum_is_legal(before.end, gap) ||
        !sum_is_legal(before.end + gap, row.len) ||
        !sum_is_legal(before.next, skipped) ||
        !sum_is_legal(before.next + skipped, row.count) ||
        !time_take(table, &row))
        return false;
    row.offset = before.end + gap;
    row.first = before.next + skipped;
    table_pass(table, &row);
    table->left--;
    return true;
}

bool
slg_footer_row_next(struct slg_footer_table *table)
{
    return table->left > 0 && row_take(table);
}

/* Does the table say what the fields before it say? */
static bool
table_is_right(struct slg_footer_table table, const struct slg_footer *footer,
               uint64_t footer_offset)
{
    struct slg_footer sum = { .time_min = INT64_MAX, .time_max = INT64_MIN };

    while (table.left > 0) {
        if (!row_take(&table))
            return false;
        const struct slg_footer_row *row = &table.row;
        if (!sum_is_legal(sum.text_bytes, row->text_bytes))
            return false;
        sum.records += row->count;
        sum.lines += row->lines;
        sum.text_bytes += row->text_bytes;
        if (!slg_time_is_known(row->time_min, row->time_max))
            continue;
        if (row->time_min < sum.time_min)
            sum.time_min = row->time_min;
        if (row->time_max > sum.time_max)
            sum.time_max = row->time_max;
    }
    const struct before behind = row_before(&table.row);
    return table.at == table.end && behind.end <= footer_offset &&
           sum.records == footer->records && sum.lines == footer->lines &&
           sum.text_bytes == footer->text_bytes &&
           sum.time_min == footer->time_min &&
           sum.time_max == footer->time_max &&
           behind.next - footer->first_record <= footer->records + footer->lost;
}

static bool
fixed_get(const uint8_t *body, struct slg_footer *footer)
{
    const uint64_t time_min = slg_load_le64(body + 42);
    const uint64_t time_max = slg_load_le64(body + 50);

    *footer = (struct slg_footer){
        .first_record = slg_load_le64(body + 2),
        .records = slg_load_le64(body + 10),
        .lines = slg_load_le64(body + 18),
        .lost = slg_load_le64(body + 26),
        .text_bytes = slg_load_le64(body + 34),
        .blocks = slg_load_le64(body + 74),
        .parent_len = body[82],
    };
    memcpy(&footer->time_min, &time_min, sizeof time_min);
    memcpy(&footer->time_max, &time_max, sizeof time_max);
    memcpy(footer->digest, body + 58, SLG_FOOTER_DIGEST);
    return body[0] == SLG_CONTROL_FOOTER && body[1] == SLG_FOOTER_VERSION &&
           footer->first_record >= 1 &&
           sum_is_legal(footer->first_record, footer->records) &&
           sum_is_legal(footer->first_record + footer->records, footer->lost);
}

static bool
end_is_right(const uint8_t *end, size_t len)
{
    return slg_load_le32(end) == len &&
           memcmp(end + 4, footer_magic, sizeof footer_magic) == 0;
}

bool
slg_footer_decode(const uint8_t *body, size_t len, uint64_t footer_offset,
                  struct slg_footer *footer, struct slg_footer_table *table)
{
    size_t at = SLG_FOOTER_FIXED_BYTES;

    if (len < SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_END_BYTES ||
        !end_is_right(body + len - SLG_FOOTER_END_BYTES, len) ||
        !fixed_get(body, footer))
        return false;
    const size_t room = len - SLG_FOOTER_END_BYTES;
    if (footer->parent_len > 0) {
        if (footer->parent_len + SLG_FOOTER_DIGEST > room - at)
            return false;
        footer->parent = body + at;
        memcpy(footer->parent_digest, body + at + footer->parent_len,
               SLG_FOOTER_DIGEST);
        at += footer->parent_len + SLG_FOOTER_DIGEST;
    }
    if (footer->blocks > (room - at) / SLG_FOOTER_ROW_MIN)
        return false;
    slg_footer_table_begin(table, footer->first_record);
    table->at = body + at;
    table->end = body + room;
    table->left = footer->blocks;
    return table_is_right(*table, footer, footer_offset);
}
