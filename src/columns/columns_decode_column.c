/* SPDX-License-Identifier: MIT */
/* src/columns/columns_decode_column.c - the texts of a column. */
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
    decoder->parts_left -= distinct;
    column->distinct = (uint32_t)distinct;
    column->offsets = slg_room_take(&decoder->arena,
                                    (distinct + 1) * sizeof *column->offsets);
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

static void
decimal_read(struct slg_decoder *decoder, struct slg_column *column,
             size_t count)
{
    struct slg_cursor *meta = &decoder->streams[SLG_STREAM_META];
    const uint64_t digits = slg_cursor_varint(meta);
    const uint64_t width = slg_cursor_varint(meta);

    if (digits > SLG_DECIMAL_DIGITS_MAX || width > SLG_DECIMAL_WIDTH_MAX)
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    column->decimal.digits = (uint8_t)digits;
    column->decimal.width = (uint8_t)width;
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
                        size_t count)
{
    const uint64_t type = slg_cursor_varint(&decoder->streams[SLG_STREAM_META]);

    column->type = (enum slg_column_type)(type & ~SLG_COLUMN_AFFIX);
    if (type & SLG_COLUMN_AFFIX)
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
        decimal_read(decoder, column, count);
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
    default:
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    }
}

/* -- one text -------------------------------------------------------------- */

static bool
text_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    const uint8_t *zero =
        memchr(column->at, 0, (size_t)(column->end - column->at));

    if (!zero)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    const uint8_t *text = column->at;
    column->at = zero + 1;
    return slg_emit(decoder, text, (size_t)(zero - text));
}

static bool
dict_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    const uint64_t id = (uint64_t)slg_ints_next(&column->ints);

    if (id >= column->distinct)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    const uint32_t from = column->offsets[id];
    return slg_emit(decoder, column->at + from,
                    column->offsets[id + 1] - from - 1);
}

/* Texts that are longer than what they are made of. */
static bool
bytes_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    size_t count = column->len;
    size_t len = 2 * count;

    if (column->type == SLG_COLUMN_UUID)
        len = SLG_UUID_LEN;
    if (column->type == SLG_COLUMN_BASE64) {
        count = (size_t)slg_ints_next(&column->ints);
        len = slg_base64_len(count);
    }
    if ((size_t)(decoder->end - decoder->at) < len)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    if (column->type == SLG_COLUMN_UUID)
        slg_uuid_print(decoder->at, column->at);
    else if (column->type == SLG_COLUMN_BASE64)
        slg_base64_print(decoder->at, column->at, count);
    else
        slg_hex_print(decoder->at, column->at, count);
    decoder->at += len;
    column->at += count;
    return true;
}

static bool
number_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    uint8_t text[SLG_SCALAR_MAX];
    const int64_t value = slg_ints_next(&column->ints);
    const size_t len = column->type == SLG_COLUMN_TIME
                           ? slg_time_print(text, &column->time, value)
                           : slg_decimal_print(text, column->decimal, value);

    return slg_emit(decoder, text, len);
}

static bool
inner_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    switch (column->type) {
    case SLG_COLUMN_TEXT:
        return text_emit(decoder, column);
    case SLG_COLUMN_FIXED: {
        const uint8_t *text = column->at;
        column->at += column->len;
        return slg_emit(decoder, text, column->len);
    }
    case SLG_COLUMN_CONST:
        return slg_emit(decoder, column->at, column->len);
    case SLG_COLUMN_DICT:
        return dict_emit(decoder, column);
    case SLG_COLUMN_HEX:
    case SLG_COLUMN_UUID:
    case SLG_COLUMN_BASE64:
        return bytes_emit(decoder, column);
    default:
        return number_emit(decoder, column);
    }
}

bool
slg_column_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    if (!column->prefix)
        return inner_emit(decoder, column);
    return slg_emit(decoder, column->prefix, column->prefix_len) &&
           inner_emit(decoder, column) &&
           slg_emit(decoder, column->suffix, column->suffix_len);
}
