/* SPDX-License-Identifier: MIT */
/* tests/segment/forge_support.c - segments made frame by frame. */
#include "tests/segment/forge_support.h"

#include <stdio.h>

#include "format/checksum.h"
#include "format/footer.h"

const uint8_t forge_identity[SEGLOG_IDENTITY_BYTES] = { 0,  1,  2,  3, 4,  5,
                                                        6,  7,  8,  9, 10, 11,
                                                        12, 13, 14, 15 };
const uint8_t forge_stranger[SEGLOG_IDENTITY_BYTES] = {
    0xF0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF
};

static uint32_t
forge_salt(const struct forge *forge)
{
    return slg_salt(forge->header.identity, forge->epoch);
}

/* Room for len more bytes, which are then counted. */
static uint8_t *
forge_room(struct forge *forge, size_t len)
{
    if (forge->len + len > forge->cap) {
        forge->cap = 2 * (forge->len + len);
        forge->bytes = realloc(forge->bytes, forge->cap);
        assert_non_null(forge->bytes);
    }
    uint8_t *room = forge->bytes + forge->len;
    forge->len += len;
    return room;
}

static void *
one_more(void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return items;
    void *grown = realloc(items, (count == 0 ? 1 : 2 * count) * size);
    assert_non_null(grown);
    return grown;
}

static void
record_note(struct forge *forge, unsigned kind, const void *data, size_t len)
{
    forge->records =
        one_more(forge->records, forge->record_count, sizeof *forge->records);
    forge->records[forge->record_count++] = (struct forge_record){
        .number = forge->number,
        .line = forge->line,
        .kind = kind,
        .data = exact_copy(data, len),
        .len = len,
    };
    if (forge->limits.has_digests)
        forge->digest += slg_digest_term(forge->number, data, len);
    forge->number++;
    forge->line += kind != SEGLOG_PART;
}

static size_t
frame_note(struct forge *forge, const struct forge_frame *frame)
{
    forge->frames =
        one_more(forge->frames, forge->frame_count, sizeof *forge->frames);
    forge->frames[forge->frame_count] = *frame;
    return forge->frame_count++;
}

struct slg_header
forge_header(void)
{
    struct slg_header header = {
        .version = SLG_VERSION,
        .body_log2 = SEGLOG_BODY_LOG2_DEFAULT,
        .sync_log2 = SEGLOG_SYNC_LOG2_DEFAULT,
        .epoch = FORGE_EPOCH,
        .first_record = 1,
    };

    memcpy(header.identity, forge_identity, sizeof header.identity);
    return header;
}

void
forge_start_with(struct forge *forge, const struct slg_header *header)
{
    *forge = (struct forge){
        .header = *header,
        .limits = slg_header_limits(header),
        .epoch = header->epoch,
        .number = header->first_record,
        .line = header->first_record,
    };
    slg_header_encode(header, forge_room(forge, SLG_HEADER_BYTES));
    if (header->first_record != 1)
        forge_sync(forge);
}

void
forge_start(struct forge *forge)
{
    const struct slg_header header = forge_header();

    forge_start_with(forge, &header);
}

void
forge_free(struct forge *forge)
{
    for (size_t i = 0; i < forge->record_count; i++)
        free(forge->records[i].data);
    free(forge->records);
    free(forge->frames);
    free(forge->bytes);
    *forge = (struct forge){ .bytes = NULL };
}

/* A frame around body; the records in it are noted by the caller. */
static size_t
packed_put(struct forge *forge, unsigned kind, unsigned packing,
           const void *body, size_t len, uint64_t number, uint64_t count)
{
    const size_t offset = forge->len;
    const size_t frame_len = (size_t)slg_frame_len(len, &forge->limits);
    uint8_t *out = forge_room(forge, frame_len);
    const size_t head =
        slg_frame_put_head(out, kind, forge->is_durable, (uint32_t)len);

    out[0] |= (uint8_t)packing;
    if (len > 0)
        memcpy(out + head, body, len);
    assert_int_equal(slg_frame_finish(out, head, (uint32_t)len, &forge->limits,
                                      number, forge_salt(forge)),
                     frame_len);
    return frame_note(forge, &(struct forge_frame){ .offset = offset,
                                                    .len = frame_len,
                                                    .number = number,
                                                    .count = count,
                                                    .kind = (uint8_t)kind });
}

static size_t
frame_put(struct forge *forge, unsigned kind, const void *body, size_t len,
          uint64_t number, uint64_t count)
{
    const unsigned packing = kind == SLG_FRAME_BLOCK ? SLG_HEAD_COMPRESSED : 0;

    return packed_put(forge, kind, packing, body, len, number, count);
}

size_t
forge_put(struct forge *forge, unsigned kind, const void *data, size_t len)
{
    const uint64_t number = forge->number;

    record_note(forge, kind, data, len);
    return frame_put(forge, kind, data, len, number, 1);
}

size_t
forge_text(struct forge *forge, const char *text)
{
    return forge_put(forge, SEGLOG_TEXT, text, strlen(text));
}

size_t
forge_block(struct forge *forge, uint8_t coding, const void *data, size_t len)
{
    const uint64_t number = forge->number;
    uint8_t body[64 + 2 + SLG_VARINT_MAX] = { 1, coding };
    const size_t head = 2 + slg_varint_put(body + 2, (uint64_t)len * 4);

    assert_true(len <= 64);
    memcpy(body + head, data, len);
    record_note(forge, SEGLOG_TEXT, data, len);
    return frame_put(forge, SLG_FRAME_BLOCK, body, head + len, number, 1);
}

size_t
forge_deflated(struct forge *forge, const void *data, size_t len)
{
    const uint64_t number = forge->number;
    uint8_t *body = malloc(len + 6);

    assert_non_null(body);
    assert_true(len <= UINT16_MAX);
    /* One stored block, and the first byte of the empty one that ends it. */
    body[0] = 0;
    slg_store_le16(body + 1, (uint16_t)len);
    slg_store_le16(body + 3, (uint16_t)~len);
    memcpy(body + 5, data, len);
    body[5 + len] = 0;
    record_note(forge, SEGLOG_TEXT, data, len);
    const size_t index = packed_put(forge, SLG_FRAME_TEXT, SLG_PACKING_DEFLATE,
                                    body, len + 6, number, 1);
    free(body);
    return index;
}

/* A body of entries behind their count and, for a block, its coding. */
static size_t
entries_put(struct forge *forge, unsigned kind, const struct seglog_item *items,
            size_t count)
{
    const uint64_t number = forge->number;
    size_t room = SLG_VARINT_MAX + 1;
    size_t len;

    for (size_t i = 0; i < count; i++)
        room += SLG_VARINT_MAX + items[i].len;
    uint8_t *body = malloc(room);
    assert_non_null(body);
    len = slg_varint_put(body, count);
    if (kind == SLG_FRAME_BLOCK)
        body[len++] = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t size = items[i].len;

        len +=
            slg_varint_put(body + len, size * 4 + (unsigned)items[i].kind - 1);
        memcpy(body + len, items[i].data, items[i].len);
        len += items[i].len;
        record_note(forge, items[i].kind, items[i].data, items[i].len);
    }
    const size_t index = frame_put(forge, kind, body, len, number, count);
    free(body);
    return index;
}

size_t
forge_group(struct forge *forge, const struct seglog_item *items, size_t count)
{
    return entries_put(forge, SLG_FRAME_GROUP, items, count);
}

size_t
forge_block_of(struct forge *forge, const struct seglog_item *items,
               size_t count)
{
    return entries_put(forge, SLG_FRAME_BLOCK, items, count);
}

/* The row of a block, its records added to the footer's. */
static struct slg_footer_row
block_row(const struct forge *forge, const struct forge_frame *block,
          struct slg_footer *footer)
{
    struct slg_footer_row row = {
        .offset = block->offset,
        .len = block->len,
        .first = block->number,
        .count = block->count,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
    };

    for (uint64_t n = row.first; n < row.first + row.count; n++) {
        const struct forge_record *record = forge_record_of(forge, n);

        assert_non_null(record);
        row.lines += record->kind != SEGLOG_PART;
        row.text_bytes += record->len;
    }
    footer->blocks++;
    footer->records += row.count;
    footer->lines += row.lines;
    footer->text_bytes += row.text_bytes;
    return row;
}

size_t
forge_footer(struct forge *forge, const char *parent)
{
    struct slg_footer footer = {
        .first_record = forge->header.first_record,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
        .parent = (const uint8_t *)parent,
        .parent_len = parent ? strlen(parent) : 0,
    };
    const size_t most = SLG_FOOTER_FIXED_BYTES + SLG_FOOTER_PARENT_MAX +
                        SLG_FOOTER_DIGEST + SLG_FOOTER_END_BYTES;
    uint8_t *rows = malloc(SLG_FOOTER_ROW_MAX * (forge->frame_count + 1));
    uint8_t *body = malloc(most + SLG_FOOTER_ROW_MAX * forge->frame_count);
    struct slg_footer_table table;
    size_t rows_len = 0;

    assert_non_null(rows);
    assert_non_null(body);
    slg_footer_table_begin(&table, forge->header.first_record);
    for (size_t i = 0; i < forge->frame_count; i++) {
        if (forge->frames[i].kind != SLG_FRAME_BLOCK)
            continue;
        const struct slg_footer_row row =
            block_row(forge, &forge->frames[i], &footer);
        rows_len += slg_footer_row_put(&table, &row, rows + rows_len);
    }
    footer.lost = forge->number - footer.first_record - footer.records;
    size_t len = slg_footer_fixed_put(&footer, body);
    memcpy(body + len, rows, rows_len);
    len += rows_len + SLG_FOOTER_END_BYTES;
    slg_footer_end_put((uint32_t)len, body + len - SLG_FOOTER_END_BYTES);
    const size_t index =
        frame_put(forge, SLG_FRAME_CONTROL, body, len, forge->number, 0);
    forge->frames[index].control = SLG_CONTROL_FOOTER;
    free(rows);
    free(body);
    return index;
}

static size_t
mark_put(struct forge *forge, uint8_t type)
{
    struct slg_mark mark = {
        .type = type,
        .epoch = forge->epoch,
        .number = forge->number,
        .line = forge->line,
        .offset = forge->len,
        .distance = (uint32_t)(forge->len - forge->sync_offset),
        .watermark = forge->watermark,
        .digest = forge->digest,
    };
    const size_t offset = forge->len;
    const size_t len = slg_mark_len(type);

    memcpy(mark.identity, forge->header.identity, sizeof mark.identity);
    if (type == SLG_CONTROL_CLOSING_MARK)
        mark.distance = 0;
    slg_mark_encode(&mark, forge_room(forge, len));
    forge->digest = 0;
    return frame_note(forge, &(struct forge_frame){ .offset = offset,
                                                    .len = len,
                                                    .number = forge->number,
                                                    .kind = SLG_FRAME_CONTROL,
                                                    .control = type });
}

size_t
forge_sync(struct forge *forge)
{
    const size_t offset = forge->len;
    const size_t index = mark_put(forge, SLG_CONTROL_SYNC_POINT);

    forge->sync_offset = offset;
    return index;
}

size_t
forge_close(struct forge *forge)
{
    return mark_put(forge, SLG_CONTROL_CLOSING_MARK);
}

size_t
forge_gap(struct forge *forge, const struct slg_gap *gap)
{
    const struct forge_frame frame = {
        .offset = forge->len,
        .len = SLG_GAP_BYTES,
        .number = forge->number,
        .count = gap->count,
        .kind = SLG_FRAME_CONTROL,
        .control = SLG_CONTROL_GAP,
    };

    slg_gap_encode(gap, forge->number, forge_salt(forge),
                   forge_room(forge, SLG_GAP_BYTES));
    forge->number += gap->count;
    forge->line += gap->lines;
    return frame_note(forge, &frame);
}

size_t
forge_predecessor(struct forge *forge)
{
    const struct slg_predecessor before = {
        .identity = { 7 }, .epoch = 5, .number = forge->number, .end = 999
    };
    const struct forge_frame frame = {
        .offset = forge->len,
        .len = SLG_PREDECESSOR_BYTES,
        .number = forge->number,
        .kind = SLG_FRAME_CONTROL,
        .control = SLG_CONTROL_PREDECESSOR,
    };

    slg_predecessor_encode(&before, forge->number, forge_salt(forge),
                           forge_room(forge, SLG_PREDECESSOR_BYTES));
    return frame_note(forge, &frame);
}

size_t
forge_unknown(struct forge *forge, size_t body_len)
{
    uint8_t *body = calloc(1, body_len);
    const bool is_durable = forge->is_durable;

    assert_non_null(body);
    body[0] = 0x5A;
    forge->is_durable = false;
    const size_t index =
        frame_put(forge, SLG_FRAME_CONTROL, body, body_len, forge->number, 0);
    forge->frames[index].control = body[0];
    forge->is_durable = is_durable;
    free(body);
    return index;
}

/* Printable, and another for each number. */
static void
payload_fill(uint8_t *out, uint64_t number, size_t len)
{
    uint64_t seed = number;

    assert_true(len >= 8);
    (void)snprintf((char *)out, 9, "%07u:", (unsigned)(number % 10000000));
    for (size_t i = 8; i < len; i++)
        out[i] = (uint8_t)(' ' + test_random(&seed) % 90);
}

void
forge_fill(struct forge *forge, size_t count, size_t len)
{
    uint8_t *data = malloc(len + 1);

    assert_non_null(data);
    for (size_t i = 0; i < count; i++) {
        payload_fill(data, forge->number, len);
        (void)forge_put(forge, SEGLOG_TEXT, data, len);
    }
    free(data);
}

void
forge_fill_groups(struct forge *forge, size_t count, size_t size, size_t len)
{
    struct seglog_item *items = calloc(size, sizeof *items);

    assert_non_null(items);
    for (size_t g = 0; g < count; g++) {
        for (size_t i = 0; i < size; i++) {
            uint8_t *data = malloc(len + 1);

            assert_non_null(data);
            payload_fill(data, forge->number + i, len);
            items[i] = (struct seglog_item){ SEGLOG_TEXT, data, len };
        }
        (void)forge_group(forge, items, size);
        for (size_t i = 0; i < size; i++)
            free((void *)(uintptr_t)items[i].data);
    }
    free(items);
}

void
forge_raw(struct forge *forge, const void *bytes, size_t len)
{
    memcpy(forge_room(forge, len), bytes, len);
}

/* What is left of the stretch: from the last mark that still stands. */
static void
digest_renew(struct forge *forge)
{
    uint64_t first = 0;

    for (size_t i = 0; i < forge->frame_count; i++) {
        const struct forge_frame *frame = &forge->frames[i];

        if (frame->offset < forge->len && frame->number <= forge->number &&
            (frame->control == SLG_CONTROL_SYNC_POINT ||
             frame->control == SLG_CONTROL_CLOSING_MARK))
            first = frame->number;
    }
    forge->digest = 0;
    for (size_t i = 0; i < forge->record_count; i++) {
        const struct forge_record *record = &forge->records[i];

        if (forge->limits.has_digests && record->number >= first)
            forge->digest +=
                slg_digest_term(record->number, record->data, record->len);
    }
}

void
forge_forget(struct forge *forge, uint64_t number)
{
    while (forge->record_count > 0 &&
           forge->records[forge->record_count - 1].number >= number) {
        const struct forge_record *last =
            &forge->records[--forge->record_count];

        forge->line = last->line;
        free(last->data);
    }
    forge->number = number;
    digest_renew(forge);
}

size_t
forge_new_epoch(struct forge *forge, uint64_t number)
{
    forge_forget(forge, number);
    forge->epoch += (UINT64_C(1) << 32) + 77;
    return forge_sync(forge);
}

uint8_t *
forge_copy(const struct forge *forge)
{
    return exact_copy(forge->bytes, forge->len);
}

const struct forge_record *
forge_record_of(const struct forge *forge, uint64_t number)
{
    size_t low = 0;
    size_t high = forge->record_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (forge->records[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < forge->record_count && forge->records[low].number == number
               ? &forge->records[low]
               : NULL;
}

const struct forge_frame *
forge_frame_of(const struct forge *forge, uint64_t number)
{
    for (size_t i = forge->frame_count; i-- > 0;) {
        const struct forge_frame *frame = &forge->frames[i];

        if (frame->kind != SLG_FRAME_CONTROL && number >= frame->number &&
            number < frame->number + frame->count)
            return frame;
    }
    fail_msg("no frame of record %u", (unsigned)number);
    return NULL;
}

void
forge_ten(struct forge *forge, bool is_closed)
{
    forge_start(forge);
    forge_fill(forge, 10, 40);
    if (is_closed)
        (void)forge_close(forge);
}

size_t
forge_ten_at(uint64_t number)
{
    return FORGE_HEADER_BYTES + FORGE_TEN_FRAME * (size_t)(number - 1);
}

uint8_t *
forge_moved(const struct forge *forge, size_t at, int by, size_t *len)
{
    uint8_t *out = malloc(forge->len + (by > 0 ? (size_t)by : 0));
    const size_t from = by < 0 ? at + (size_t)-by : at;
    const size_t to = by < 0 ? at : at + (size_t)by;

    assert_non_null(out);
    memcpy(out, forge->bytes, at);
    memset(out + at, 'z', to - at);
    memcpy(out + to, forge->bytes + from, forge->len - from);
    *len = forge->len - from + to;
    return out;
}

void
forge_forty(struct forge *forge, bool is_closed, uint64_t watermark)
{
    forge_start(forge);
    forge_fill(forge, 30, 100);
    forge->watermark = watermark;
    (void)forge_sync(forge);
    forge_fill(forge, 10, 100);
    if (is_closed)
        (void)forge_close(forge);
}
