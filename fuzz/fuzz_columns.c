/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_columns.c - columns of JSON lines: what comes out is what went in,
 * and no block does harm.
 *
 * Byte 0 of the input chooses: a block as it is; text that is encoded, decoded
 * and compared; or text that is encoded, whose streams are then changed as the
 * next bytes say before it is decoded.  zstd would keep most changes out, so
 * these are made in streams that are stored as they are.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "src/columns/columns.h"
#include "src/columns/columns_stream.h"

#define TEXT_MAX    ((size_t)65536)
#define LINES_MAX   4096u
#define CHANGES_MAX 8u

static const struct slg_columns_limits limits = {
    .bytes_max = (size_t)1 << 20,
    .records_max = 65536,
    .record_max = (size_t)1 << 19,
};

/* Bytes of any kind are allowed, so are records without any. */
static size_t
records_split(struct slg_columns_record *records, const uint8_t *text,
              size_t len)
{
    size_t count = 0;
    size_t at = 0;

    while (at <= len && count < LINES_MAX) {
        const uint8_t *feed =
            len > at ? memchr(text + at, '\n', len - at) : NULL;
        const size_t end = feed ? (size_t)(feed - text) : len;
        records[count] = (struct slg_columns_record){
            .bytes = text + at,
            .len = end - at,
            .kind = (uint8_t)(end - at > 100 ? 1 : 0),
        };
        count++;
        at = end + 1;
    }
    return count;
}

static void
block_decode_any(const uint8_t *block, size_t len)
{
    uint8_t *copy = exact_copy(block, len);
    struct slg_columns columns;
    const seglog_code code = slg_columns_decode(copy, len, &limits, &columns);

    free(copy);
    if (code) {
        MUST(code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT ||
             code == SEGLOG_TOO_LARGE);
        return;
    }
    MUST(columns.len <= limits.bytes_max);
    MUST(columns.count <= limits.records_max);
    size_t total = 0;
    for (size_t i = 0; i < columns.count; i++) {
        MUST(columns.records[i].len <= limits.record_max);
        MUST(columns.records[i].bytes == columns.bytes + total);
        total += columns.records[i].len;
    }
    MUST(total == columns.len);
    slg_columns_reset(&columns);
}

static void
records_must_come_back(const struct slg_columns_record *records, size_t count,
                       const uint8_t *block, size_t len)
{
    struct slg_columns columns;

    MUST(slg_columns_decode(block, len, &limits, &columns) == SEGLOG_OK);
    MUST(columns.count == count);
    for (size_t i = 0; i < count; i++) {
        MUST(columns.records[i].len == records[i].len);
        MUST(columns.records[i].kind == records[i].kind);
        MUST(records[i].len == 0 ||
             memcmp(columns.records[i].bytes, records[i].bytes,
                    records[i].len) == 0);
    }
    slg_columns_reset(&columns);
}

/* The block with streams as they are, which is as good a block. */
static void
block_store(struct slg_buf *stored, const uint8_t *block, size_t len)
{
    struct slg_cursor cursor = { .at = block, .end = block + len };
    struct slg_cursor streams[SLG_STREAM_COUNT];
    struct slg_packing packing;
    uint8_t *buffer = NULL;

    cursor.at++;
    slg_cursor_varint(&cursor);
    slg_cursor_varint(&cursor);
    slg_buf_put(stored, block, (size_t)(cursor.at - block));
    MUST(slg_streams_unpack(&cursor, SIZE_MAX / 4, streams, &buffer,
                            &packing) == SEGLOG_OK);
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++)
        slg_buf_varint(stored, (uint64_t)(streams[i].end - streams[i].at));
    /* All in one group, of packed length 0. */
    slg_buf_byte(stored, SLG_GROUPING_ONE);
    if (streams[SLG_STREAM_META].at < streams[SLG_STREAM_COUNT - 1].end)
        slg_buf_byte(stored, 0);
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++)
        slg_buf_put(stored, streams[i].at,
                    (size_t)(streams[i].end - streams[i].at));
    free(buffer);
}

static void
block_change(const struct slg_columns_record *records, size_t count,
             const uint8_t *block, size_t len, struct input *changes)
{
    struct slg_buf stored = { 0 };

    block_store(&stored, block, len);
    records_must_come_back(records, count, stored.data, stored.len);
    while (changes->left >= 3) {
        const size_t at = input_number(changes, 2) % stored.len;
        stored.data[at] = input_byte(changes);
    }
    block_decode_any(stored.data, stored.len);
    slg_buf_free(&stored);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .at = data, .left = size };
    const unsigned how = input_byte(&input);
    struct slg_columns_options options = { .level = 1 + (int)(how >> 2) % 4 };
    size_t change_len = how & 2 ? 3u * CHANGES_MAX : 0;
    struct slg_columns_record *records;
    uint8_t *block;
    size_t len;

    if (input.left > TEXT_MAX)
        return 0;
    if ((how & 1) == 0) {
        block_decode_any(input.at, input.left);
        return 0;
    }
    const uint8_t *changes = input_bytes(&input, &change_len);
    uint8_t *text = exact_copy(input.at, input.left);
    records = malloc(LINES_MAX * sizeof *records);
    MUST(records != NULL);
    const size_t count = records_split(records, text, input.left);
    MUST(slg_columns_encode(records, count, &options, &block, &len) ==
         SEGLOG_OK);
    records_must_come_back(records, count, block, len);
    struct input list = { .at = changes, .left = change_len };
    if (change_len > 0)
        block_change(records, count, block, len, &list);
    free(block);
    free(text);
    free(records);
    return 0;
}
