/* SPDX-License-Identifier: MIT */
/* src/columns/columns_decode_column.c - the texts of a column. */
#include <stdlib.h>

#include "src/columns/columns_decoder.h"

/* The texts up to the count-th zero byte. */
static const uint8_t *
texts_walk(struct slg_cursor *cursor, size_t count)
{
    const uint8_t *start = cursor->at;
    size_t len;

    for (size_t i = 0; i < count && !cursor->is_bad; i++)
        slg_cursor_text(cursor, &len);
    return start;
}

static void
affix_read(struct slg_decoder *decoder, struct slg_column *column)
{
    struct slg_cursor *shape = &decoder->streams[SLG_STREAM_SHAPE];

    column->prefix = slg_cursor_text(shape, &column->prefix_len);
    column->suffix = slg_cursor_text(shape, &column->suffix_len);
}

static void
text_read(struct slg_decoder *decoder, struct slg_column *column, size_t count)
{
    struct slg_cursor *meta = &decoder->streams[SLG_STREAM_META];
    struct slg_cursor *text = &decoder->streams[SLG_STREAM_TEXT];

    if (count > SLG_WALK_MAX) {
        const uint64_t len = slg_cursor_varint(meta);
        column->at = slg_cursor_take(text, len);
    } else {
        column->at = texts_walk(text, count);
    }
    column->end = text->at;
}

/* Texts, or bytes that stand for texts, all of one length. */
static void
fixed_read(struct slg_decoder *decoder, struct slg_column *column, size_t count,
           enum slg_stream stream)
{
    struct slg_cursor *meta = &decoder->streams[SLG_STREAM_META];
    struct slg_cursor *from = &decoder->streams[stream];
    const uint64_t len = column->type == SLG_COLUMN_UUID
                             ? SLG_UUID_BYTES
                             : slg_cursor_varint(meta);

    if (len > decoder->bytes || (len > 0 && count > SIZE_MAX / 2 / len)) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return;
    }
    column->len = (size_t)len;
    column->at = slg_cursor_take(from, column->len * count);
    column->end = from->at;
}

static void
dict_read(struct slg_decoder *decoder, struct slg_column *column, size_t count)
{
    struct slg_cursor *meta = &decoder->streams[SLG_STREAM_META];
    struct slg_cursor *dict = &decoder->streams[SLG_STREAM_DICT];
    const uint64_t distinct = slg_cursor_varint(meta);

    if (distinct > decoder->parts_left) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return;
    }
    decoder->parts_left -= (size_t)distinct;
    column->distinct = (uint32_t)distinct;
    column->offsets = slg_room_take(
        &decoder->arena, ((size_t)distinct + 1) * sizeof *column->offsets);
    if (!column->offsets) {
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
        return;
    }
    column->at = dict->at;
    for (uint64_t i = 0; i < distinct && !dict->is_bad; i++) {
        size_t len;
        slg_cursor_text(dict, &len);
        column->offsets[i + 1] = (uint32_t)(dict->at - column->at);
    }
    slg_decoder_read_ints(decoder, &column->ints, count);
}

static void
base64_read(struct slg_decoder *decoder, struct slg_column *column,
            size_t count)
{
    struct slg_cursor *binary = &decoder->streams[SLG_STREAM_BINARY];
    struct slg_ints ints;
    size_t total = 0;

    slg_decoder_read_ints(decoder, &column->ints, count);
    if (decoder->code)
        return;
    ints = column->ints;
    for (size_t i = 0; i < count; i++) {
        const int64_t len = slg_ints_next(&ints);
        if (len < 0 || (uint64_t)len > decoder->bytes - total) {
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
            return;
        }
        total += (size_t)len;
    }
    column->at = slg_cursor_take(binary, total);
    column->end = binary->at;
}

static struct slg_decimal
decimal_format_read(struct slg_decoder *decoder)
{
    struct slg_cursor *meta = &decoder->streams[SLG_STREAM_META];
    const uint64_t digits = slg_cursor_varint(meta);
    const uint64_t width = slg_cursor_varint(meta);

    if (digits > SLG_DECIMAL_DIGITS_MAX || width > SLG_DECIMAL_WIDTH_MAX) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return (struct slg_decimal){ 0 };
    }
    return (struct slg_decimal){ .digits = (uint8_t)digits,
                                 .width = (uint8_t)width };
}

/* Whether there are such paths is known when all have been read. */
static bool
targets_read(struct slg_decoder *decoder, struct slg_column *column,
             uint64_t count)
{
    struct slg_cursor *from = &decoder->streams[SLG_STREAM_TARGET];

    if (count == 0 || count > SLG_SLOTS_MAX || count > decoder->parts_left)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    decoder->parts_left -= (size_t)count;
    column->targets =
        slg_room_take(&decoder->arena, (size_t)count * sizeof *column->targets);
    if (!column->targets)
        return slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
    column->target_count = (uint32_t)count;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t target = slg_cursor_varint(from);
        column->targets[i] = target < SLG_NONE ? (uint32_t)target : SLG_NONE;
    }
    return true;
}

static void
woven_read(struct slg_decoder *decoder, struct slg_column *column, size_t count)
{
    const uint64_t slots =
        slg_cursor_varint(&decoder->streams[SLG_STREAM_META]);

    if (targets_read(decoder, column, slots))
        text_read(decoder, column, count);
}

static void
keyed_read(struct slg_decoder *decoder, struct slg_column *column, size_t count)
{
    struct slg_cursor *meta = &decoder->streams[SLG_STREAM_META];

    column->decimal = decimal_format_read(decoder);
    const uint64_t targets = slg_cursor_varint(meta);
    const uint64_t most = slg_cursor_varint(meta);
    if (targets > 2 || most == 0 || most > decoder->parts_left) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return;
    }
    decoder->parts_left -= (size_t)most;
    if (!targets_read(decoder, column, targets))
        return;
    struct slg_keys *keys =
        malloc(sizeof *keys + (size_t)most * sizeof *keys->keys);
    if (!keys) {
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
        return;
    }
    *keys = (struct slg_keys){ .next = decoder->keys, .most = (uint32_t)most };
    decoder->keys = keys;
    column->keys = keys;
    slg_decoder_read_ints(decoder, &column->ints, count);
}

static void
time_read(struct slg_decoder *decoder, struct slg_column *column, size_t count)
{
    const uint64_t bits = slg_cursor_varint(&decoder->streams[SLG_STREAM_META]);
    size_t zone_len = 0;
    const uint8_t *zone =
        slg_cursor_text(&decoder->streams[SLG_STREAM_SHAPE], &zone_len);

    if (!zone || zone_len > sizeof column->time.zone ||
        (bits & 15) > SLG_TIME_DIGITS_MAX || bits >= 64) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return;
    }
    column->time = (struct slg_time){
        .separator = bits & 32 ? ' ' : 'T',
        .digits = bits & 15,
        .is_trimmed = (bits & 16) != 0,
        .zone_len = (uint8_t)zone_len,
    };
    memcpy(column->time.zone, zone, zone_len);
    slg_decoder_read_ints(decoder, &column->ints, count);
}

void
slg_decoder_read_column(struct slg_decoder *decoder, struct slg_column *column,
                        unsigned type, bool has_affix, size_t count)
{
    column->type = (enum slg_column_type)type;
    if (has_affix)
        affix_read(decoder, column);
    switch (column->type) {
    case SLG_COLUMN_TEXT:
        text_read(decoder, column, count);
        break;
    case SLG_COLUMN_FIXED:
        fixed_read(decoder, column, count, SLG_STREAM_TEXT);
        break;
    case SLG_COLUMN_CONST:
        column->at =
            slg_cursor_text(&decoder->streams[SLG_STREAM_DICT], &column->len);
        break;
    case SLG_COLUMN_DICT:
        dict_read(decoder, column, count);
        break;
    case SLG_COLUMN_DECIMAL:
        column->decimal = decimal_format_read(decoder);
        slg_decoder_read_ints(decoder, &column->ints, count);
        break;
    case SLG_COLUMN_INTEGER:
        slg_decoder_read_ints(decoder, &column->ints, count);
        break;
    case SLG_COLUMN_HEX:
    case SLG_COLUMN_UUID:
        fixed_read(decoder, column, count, SLG_STREAM_BINARY);
        break;
    case SLG_COLUMN_BASE64:
        base64_read(decoder, column, count);
        break;
    case SLG_COLUMN_TIME:
        time_read(decoder, column, count);
        break;
    case SLG_COLUMN_WOVEN:
        woven_read(decoder, column, count);
        break;
    case SLG_COLUMN_KEYED:
        keyed_read(decoder, column, count);
        break;
    default:
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    }
}
