/* SPDX-License-Identifier: MIT */
/* src/columns/columns_forms.c - texts that stand for something else, as that. */
#include "src/columns/columns_choice.h"
#include "src/columns/columns_scalar.h"

/* Shorter texts of these letters are seldom base64. */
#define BASE64_MIN 16u

static bool
decimal_all(struct slg_choice *choice, struct slg_decimal format)
{
    for (size_t i = 0; i < choice->count; i++) {
        if (!slg_decimal_read(choice->inner[i].at, choice->inner[i].len, format,
                              &choice->numbers[i]))
            return false;
    }
    return true;
}

static void
keyed_try(struct slg_choice *choice, struct slg_decimal format)
{
    struct slg_context *context = &choice->context;

    if (!slg_key_numbers(choice->encoder, choice->values, choice->numbers,
                         context))
        return;
    struct slg_buf *meta = &choice->trial->stream[SLG_STREAM_META];
    slg_choice_head(choice, choice->trial, SLG_COLUMN_KEYED, true);
    slg_buf_byte(meta, format.digits);
    slg_buf_byte(meta, format.width);
    slg_buf_byte(meta, context->count);
    slg_buf_varint(meta, context->keys);
    slg_ints_encode(choice->encoder, choice->trial,
                    choice->encoder->scratch.residuals, choice->count);
    slg_choice_judge(choice);
}

void
slg_choice_woven(struct slg_choice *choice)
{
    struct slg_buf *text = &choice->trial->stream[SLG_STREAM_TEXT];
    struct slg_buf *meta = &choice->trial->stream[SLG_STREAM_META];

    choice->context.count = 0;
    if (!slg_weave(choice->encoder, choice->values, text, &choice->context)) {
        slg_out_clear(choice->trial);
        return;
    }
    slg_choice_head(choice, choice->trial, SLG_COLUMN_WOVEN, false);
    slg_buf_varint(meta, choice->context.count);
    if (choice->count > SLG_WALK_MAX)
        slg_buf_varint(meta, text->len);
    slg_choice_judge(choice);
}

bool
slg_choice_decimal(struct slg_choice *choice)
{
    const struct slg_text *first = &choice->inner[0];
    struct slg_buf *meta = &choice->trial->stream[SLG_STREAM_META];
    struct slg_decimal format = { 0 };
    const uint8_t *point =
        first->len > 0 ? memchr(first->at, '.', first->len) : NULL;

    if (first->len == 0 || first->len > SLG_DECIMAL_WIDTH_MAX + 2)
        return false;
    if (point) {
        const size_t digits = first->len - 1u - (size_t)(point - first->at);
        if (digits > SLG_DECIMAL_DIGITS_MAX)
            return false;
        format.digits = (uint8_t)digits;
    }
    if (!decimal_all(choice, format)) {
        if (point || first->len > SLG_DECIMAL_WIDTH_MAX)
            return false;
        format.width = (uint8_t)first->len;
        if (!decimal_all(choice, format))
            return false;
    }
    const bool is_integer = format.digits == 0 && format.width == 0;
    slg_choice_head(choice, choice->trial,
                    is_integer ? SLG_COLUMN_INTEGER : SLG_COLUMN_DECIMAL, true);
    if (!is_integer) {
        slg_buf_byte(meta, format.digits);
        slg_buf_byte(meta, format.width);
    }
    slg_ints_encode(choice->encoder, choice->trial, choice->numbers,
                    choice->count);
    slg_choice_suit(choice);
    if (!choice->is_quick)
        keyed_try(choice, format);
    return true;
}

/* The one format that fits all, if any does. */
static bool
time_format(const struct slg_choice *choice, struct slg_time *format)
{
    uint8_t digits = 0;
    bool is_trimmed = false;

    for (size_t i = 0; i < choice->count; i++) {
        /* Of one length, they have one format or none. */
        if (i > 0 && choice->texts[i].len == choice->texts[i - 1].len)
            continue;
        if (!slg_time_guess(choice->texts[i].at, choice->texts[i].len, format))
            return false;
        is_trimmed |= i > 0 && format->digits != digits;
        if (format->digits > digits)
            digits = format->digits;
    }
    format->digits = digits;
    format->is_trimmed = is_trimmed;
    return true;
}

bool
slg_choice_time(struct slg_choice *choice)
{
    struct slg_buf *meta = &choice->trial->stream[SLG_STREAM_META];
    struct slg_buf *shape = &choice->trial->stream[SLG_STREAM_SHAPE];
    struct slg_time format = { .digits = 0 };

    if (!time_format(choice, &format))
        return false;
    for (size_t i = 0; i < choice->count; i++) {
        const struct slg_text *text = &choice->texts[i];
        /* The last one's zone is that of all, or this fails. */
        if (!slg_time_read(text->at, text->len, &format, &choice->numbers[i]))
            return false;
    }
    slg_choice_head(choice, choice->trial, SLG_COLUMN_TIME, false);
    slg_buf_byte(meta, (unsigned)(format.digits | format.is_trimmed << 4 |
                                  (format.separator == ' ') << 5));
    slg_buf_put(shape, format.zone, format.zone_len);
    slg_buf_byte(shape, 0);
    slg_ints_encode(choice->encoder, choice->trial, choice->numbers,
                    choice->count);
    return slg_choice_suit(choice);
}

bool
slg_choice_uuid(struct slg_choice *choice)
{
    struct slg_buf *binary = &choice->trial->stream[SLG_STREAM_BINARY];
    uint8_t bytes[SLG_UUID_BYTES];

    for (size_t i = 0; i < choice->count; i++) {
        const struct slg_text *text = &choice->inner[i];
        if (!slg_uuid_read(text->at, text->len, bytes)) {
            slg_out_clear(choice->trial);
            return false;
        }
        slg_buf_put(binary, bytes, sizeof bytes);
    }
    slg_choice_head(choice, choice->trial, SLG_COLUMN_UUID, true);
    return slg_choice_suit(choice);
}

bool
slg_choice_hex(struct slg_choice *choice)
{
    struct slg_buf *binary = &choice->trial->stream[SLG_STREAM_BINARY];
    const uint32_t len = choice->inner[0].len;

    if (len < 8 || len % 2 != 0)
        return false;
    for (size_t i = 0; i < choice->count; i++) {
        const struct slg_text *text = &choice->inner[i];
        if (text->len != len || !slg_buf_grow(binary, len / 2) ||
            !slg_hex_read(text->at, len, binary->data + binary->len)) {
            slg_out_clear(choice->trial);
            return false;
        }
        binary->len += len / 2;
    }
    slg_choice_head(choice, choice->trial, SLG_COLUMN_HEX, true);
    slg_buf_varint(&choice->trial->stream[SLG_STREAM_META], len / 2);
    return slg_choice_suit(choice);
}

bool
slg_choice_base64(struct slg_choice *choice)
{
    struct slg_buf *binary = &choice->trial->stream[SLG_STREAM_BINARY];

    if (choice->inner[0].len < BASE64_MIN)
        return false;
    for (size_t i = 0; i < choice->count; i++) {
        const struct slg_text *text = &choice->inner[i];
        size_t count = SIZE_MAX;
        if (slg_buf_grow(binary, text->len))
            count = slg_base64_read(text->at, text->len,
                                    binary->data + binary->len);
        if (count == SIZE_MAX) {
            slg_out_clear(choice->trial);
            return false;
        }
        choice->numbers[i] = (int64_t)count;
        binary->len += count;
    }
    slg_choice_head(choice, choice->trial, SLG_COLUMN_BASE64, true);
    slg_ints_encode(choice->encoder, choice->trial, choice->numbers,
                    choice->count);
    return slg_choice_suit(choice);
}
