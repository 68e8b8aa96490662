/* SPDX-License-Identifier: MIT */
/* src/columns/columns_decode.c - from a block to records. */
#include <stdlib.h>

#include "src/columns/columns_decoder.h"

/* -- records --------------------------------------------------------------- */

struct frame {
    const uint8_t *lead, *trail;
    size_t lead_len, trail_len;
};

struct head {
    struct slg_ints kinds, frames, lens;
    struct frame styles[SLG_FRAME_STYLE_MAX];
    size_t style_count;
    const uint8_t *text; /* of the records that are no JSON */
    size_t text_count;
};

static bool
styles_read(struct slg_decoder *decoder, struct head *head)
{
    struct slg_cursor *shape = &decoder->streams[SLG_STREAM_SHAPE];
    const uint64_t count =
        slg_cursor_varint(&decoder->streams[SLG_STREAM_META]);

    if (count > SLG_FRAME_STYLE_MAX)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    for (uint64_t i = 0; i < count; i++) {
        struct frame *frame = &head->styles[i];
        frame->lead = slg_cursor_text(shape, &frame->lead_len);
        frame->trail = slg_cursor_text(shape, &frame->trail_len);
    }
    head->style_count = (size_t)count;
    return !shape->is_bad || slg_decoder_fail(decoder, SEGLOG_CORRUPT);
}

/* The number of records that are JSON; the others' text is taken. */
static size_t
head_read(struct slg_decoder *decoder, struct head *head, size_t count)
{
    struct slg_ints ints;
    size_t total = 0;

    slg_decoder_read_ints(decoder, &head->kinds, count);
    slg_decoder_read_ints(decoder, &head->frames, count);
    if (decoder->code)
        return 0;
    ints = head->frames;
    for (size_t i = 0; i < count; i++)
        head->text_count += slg_ints_next(&ints) == 0;
    slg_decoder_read_ints(decoder, &head->lens, head->text_count);
    if (decoder->code)
        return 0;
    ints = head->lens;
    for (size_t i = 0; i < head->text_count; i++) {
        const int64_t len = slg_ints_next(&ints);
        if (len < 0 || (uint64_t)len > decoder->bytes - total) {
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
            return 0;
        }
        total += (size_t)len;
    }
    head->text = slg_cursor_take(&decoder->streams[SLG_STREAM_TEXT], total);
    if (!head->text || !styles_read(decoder, head))
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    return count - head->text_count;
}

static void
json_room_take(struct slg_decoder *decoder)
{
    for (unsigned i = 0; i < SLG_JSON_DEPTH_MAX; i++) {
        const uint64_t len =
            slg_cursor_varint(&decoder->streams[SLG_STREAM_META]);
        if (len > decoder->bytes) {
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
            return;
        }
        /* Also for nothing: what is printed is copied in steps of 16. */
        uint8_t *room = slg_room_take(&decoder->arena, (size_t)len);
        if (!room) {
            slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
            return;
        }
        decoder->json[i] = room;
        decoder->json_end[i] = room + len;
    }
}

static bool
record_emit(struct slg_decoder *decoder, struct head *head)
{
    const uint64_t style = (uint64_t)slg_ints_next(&head->frames);

    if (style == 0) {
        const size_t len = (size_t)slg_ints_next(&head->lens);
        const uint8_t *text = head->text;
        head->text += len;
        return slg_emit(decoder, text, len);
    }
    if (style > head->style_count)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    const struct frame *frame = &head->styles[style - 1];
    return slg_emit(decoder, frame->lead, frame->lead_len) &&
           slg_value_emit(decoder, 0) &&
           slg_emit(decoder, frame->trail, frame->trail_len);
}

static void
records_emit(struct slg_decoder *decoder, struct head *head,
             struct slg_columns *columns, size_t record_max)
{
    uint8_t *limit = decoder->end;

    for (size_t i = 0; i < columns->count; i++) {
        uint8_t *start = decoder->at;
        struct slg_columns_record *record = &columns->records[i];
        const int64_t kind = slg_ints_next(&head->kinds);
        const bool is_bounded = (size_t)(limit - start) > record_max;
        decoder->end = is_bounded ? start + record_max : limit;
        if (!record_emit(decoder, head)) {
            if (is_bounded && decoder->is_full)
                decoder->code = SEGLOG_TOO_LARGE;
            return;
        }
        if (kind < 0 || kind > UINT8_MAX) {
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
            return;
        }
        *record = (struct slg_columns_record){
            .bytes = start,
            .len = (size_t)(decoder->at - start),
            .kind = (uint8_t)kind,
        };
    }
    if (decoder->at != limit)
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
}

static void
block_decode(struct slg_decoder *decoder, struct slg_columns *columns,
             size_t record_max)
{
    struct head *head = slg_room_take(&decoder->arena, sizeof *head);

    if (!head) {
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
        return;
    }
    decoder->parts_left = slg_parts_max(decoder->bytes);
    /* Programs do not say what is of which path. */
    if (!decoder->costs)
        decoder->links.bytes_left = decoder->bytes / 2 + 65536;
    slg_costs_start(decoder);
    const size_t values = head_read(decoder, head, columns->count);
    if (decoder->costs)
        slg_costs_text(decoder, head->text, head->text_count);
    if (decoder->code == SEGLOG_OK)
        json_room_take(decoder);
    if (decoder->code == SEGLOG_OK && values > 0)
        slg_decoder_read_paths(decoder, values);
    if (decoder->code)
        return;
    columns->bytes = malloc(decoder->bytes + SLG_SLACK);
    columns->records = malloc((columns->count + 1) * sizeof *columns->records);
    if (!columns->bytes || !columns->records) {
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
        return;
    }
    decoder->at = columns->bytes;
    decoder->end = columns->bytes + decoder->bytes;
    columns->len = decoder->bytes;
    records_emit(decoder, head, columns, record_max);
}

static void
decoder_free(struct slg_decoder *decoder)
{
    while (decoder->keys) {
        struct slg_keys *next = decoder->keys->next;
        free(decoder->keys->table.slots);
        free(decoder->keys);
        decoder->keys = next;
    }
    slg_arena_clear(&decoder->arena);
    free(decoder->buffer);
    free(decoder->paths);
    free(decoder->table.slots);
    slg_links_free(&decoder->links);
}

seglog_code
slg_columns_block_decode(const uint8_t *block, size_t len,
                         const struct slg_columns_limits *limits,
                         struct slg_costs *costs, struct slg_columns *columns)
{
    struct slg_cursor cursor = { .at = block, .end = block + len };
    struct slg_columns out = { 0 };

    if (len == 0)
        return SEGLOG_CORRUPT;
    if (*cursor.at++ != SLG_COLUMNS_VERSION)
        return SEGLOG_FORMAT;
    const uint64_t count = slg_cursor_varint(&cursor);
    const uint64_t bytes = slg_cursor_varint(&cursor);
    if (cursor.is_bad)
        return SEGLOG_CORRUPT;
    if (count > SLG_COLUMNS_RECORDS_MAX || bytes > SLG_COLUMNS_BYTES_MAX ||
        count > limits->records_max || bytes > limits->bytes_max)
        return SEGLOG_TOO_LARGE;
    struct slg_decoder decoder = { .bytes = (size_t)bytes, .costs = costs };
    out.count = (size_t)count;
    decoder.code = slg_streams_unpack(
        &cursor, slg_streams_max((size_t)bytes, (size_t)count), decoder.streams,
        &decoder.buffer, &decoder.packing);
    if (decoder.code == SEGLOG_OK && cursor.at != cursor.end)
        decoder.code = SEGLOG_CORRUPT;
    if (decoder.code == SEGLOG_OK)
        block_decode(&decoder, &out, limits->record_max);
    if (decoder.code == SEGLOG_OK && costs)
        decoder.code = slg_costs_report(&decoder, out.count, len);
    decoder_free(&decoder);
    if (decoder.code == SEGLOG_OK)
        *columns = out;
    else
        slg_columns_reset(&out);
    return decoder.code;
}

seglog_code
slg_columns_decode(const uint8_t *block, size_t len,
                   const struct slg_columns_limits *limits,
                   struct slg_columns *columns)
{
    return slg_columns_block_decode(block, len, limits, NULL, columns);
}

void
slg_columns_reset(struct slg_columns *columns)
{
    free(columns->records);
    free(columns->bytes);
    *columns = (struct slg_columns){ 0 };
}
