/* SPDX-License-Identifier: MIT */
/* src/columns/columns_column.c - what fits a column of texts best. */
#include <stdlib.h>

#include "src/columns/columns_scalar.h"
#include "src/columns/columns_stream.h"

/* Fewer texts: nothing but plain text is tried. */
#define TRY_MIN 4u
/* Shorter texts of these letters are seldom base64. */
#define BASE64_MIN 16u
/* Texts that are tried even when they are few. */
#define BASE64_LONG 256u
/* From this level on all that is possible is tried. */
#define THOROUGH_LEVEL 7

/* Texts on their way into streams, and what they were best so far. */
struct choice {
    struct slg_encoder *encoder;
    const struct slg_text *texts; /* whole */
    const struct slg_text *inner; /* without what all begin and end with */
    size_t count;
    size_t prefix, suffix;
    struct slg_out best, trial;
    size_t best_cost;
    int64_t *numbers; /* room for count */
};

static void
column_head_put(struct choice *choice, unsigned type, bool has_affix)
{
    struct slg_buf *shape = &choice->trial.stream[SLG_STREAM_SHAPE];
    const bool is_affix = has_affix && choice->prefix + choice->suffix > 0;

    slg_buf_byte(&choice->trial.stream[SLG_STREAM_META],
                 type | (is_affix ? SLG_COLUMN_AFFIX : 0));
    if (!is_affix)
        return;
    const struct slg_text *first = &choice->texts[0];
    slg_buf_put(shape, first->at, choice->prefix);
    slg_buf_byte(shape, 0);
    slg_buf_put(shape, first->at + first->len - choice->suffix, choice->suffix);
    slg_buf_byte(shape, 0);
}

/* The trial is complete: keep it if it is the best. */
static void
trial_judge(struct choice *choice)
{
    const size_t cost =
        slg_costing_out(choice->encoder->costing, &choice->trial);

    choice->encoder->is_bad |= slg_out_is_bad(&choice->trial);
    if (cost < choice->best_cost) {
        const struct slg_out swap = choice->best;
        choice->best = choice->trial;
        choice->trial = swap;
        choice->best_cost = cost;
    }
    slg_out_clear(&choice->trial);
}

static bool
same_text(const struct slg_text *a, const struct slg_text *b)
{
    return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static void
text_try(struct choice *choice)
{
    struct slg_buf *text = &choice->trial.stream[SLG_STREAM_TEXT];
    struct slg_buf *meta = &choice->trial.stream[SLG_STREAM_META];
    bool is_fixed = choice->count >= TRY_MIN;

    for (size_t i = 1; i < choice->count && is_fixed; i++)
        is_fixed = choice->inner[i].len == choice->inner[0].len;
    column_head_put(choice, is_fixed ? SLG_COLUMN_FIXED : SLG_COLUMN_TEXT,
                    true);
    for (size_t i = 0; i < choice->count; i++) {
        slg_buf_put(text, choice->inner[i].at, choice->inner[i].len);
        if (!is_fixed)
            slg_buf_byte(text, 0);
    }
    if (is_fixed)
        slg_buf_varint(meta, choice->inner[0].len);
    else if (choice->count > SLG_WALK_MAX)
        slg_buf_varint(meta, text->len);
    trial_judge(choice);
}

static bool
const_try(struct choice *choice)
{
    struct slg_buf *dict = &choice->trial.stream[SLG_STREAM_DICT];

    for (size_t i = 1; i < choice->count; i++) {
        if (!same_text(&choice->texts[i], &choice->texts[0]))
            return false;
    }
    slg_buf_byte(&choice->trial.stream[SLG_STREAM_META], SLG_COLUMN_CONST);
    slg_buf_put(dict, choice->texts[0].at, choice->texts[0].len);
    slg_buf_byte(dict, 0);
    trial_judge(choice);
    return true;
}

static bool
decimal_all(struct choice *choice, struct slg_decimal format)
{
    for (size_t i = 0; i < choice->count; i++) {
        if (!slg_decimal_read(choice->inner[i].at, choice->inner[i].len, format,
                              &choice->numbers[i]))
            return false;
    }
    return true;
}

static bool
decimal_try(struct choice *choice)
{
    const struct slg_text *first = &choice->inner[0];
    struct slg_buf *meta = &choice->trial.stream[SLG_STREAM_META];
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
    column_head_put(choice, SLG_COLUMN_DECIMAL, true);
    slg_buf_byte(meta, format.digits);
    slg_buf_byte(meta, format.width);
    slg_ints_encode(choice->encoder, &choice->trial, choice->numbers,
                    choice->count);
    trial_judge(choice);
    return true;
}

/* The one format that fits all, if any does. */
static bool
time_format(const struct choice *choice, struct slg_time *format)
{
    uint8_t digits = 0;
    bool is_trimmed = false;

    for (size_t i = 0; i < choice->count; i++) {
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

static bool
time_try(struct choice *choice)
{
    struct slg_buf *meta = &choice->trial.stream[SLG_STREAM_META];
    struct slg_buf *shape = &choice->trial.stream[SLG_STREAM_SHAPE];
    struct slg_time format;

    if (!time_format(choice, &format))
        return false;
    for (size_t i = 0; i < choice->count; i++) {
        const struct slg_text *text = &choice->texts[i];
        /* The last one's zone is that of all, or this fails. */
        if (!slg_time_read(text->at, text->len, &format, &choice->numbers[i]))
            return false;
    }
    column_head_put(choice, SLG_COLUMN_TIME, false);
    slg_buf_byte(meta, (unsigned)(format.digits | format.is_trimmed << 4 |
                                  (format.separator == ' ') << 5));
    slg_buf_put(shape, format.zone, format.zone_len);
    slg_buf_byte(shape, 0);
    slg_ints_encode(choice->encoder, &choice->trial, choice->numbers,
                    choice->count);
    trial_judge(choice);
    return true;
}

static bool
uuid_try(struct choice *choice)
{
    struct slg_buf *binary = &choice->trial.stream[SLG_STREAM_BINARY];
    uint8_t bytes[SLG_UUID_BYTES];

    for (size_t i = 0; i < choice->count; i++) {
        const struct slg_text *text = &choice->inner[i];
        if (!slg_uuid_read(text->at, text->len, bytes)) {
            slg_out_clear(&choice->trial);
            return false;
        }
        slg_buf_put(binary, bytes, sizeof bytes);
    }
    column_head_put(choice, SLG_COLUMN_UUID, true);
    trial_judge(choice);
    return true;
}

static bool
hex_try(struct choice *choice)
{
    struct slg_buf *binary = &choice->trial.stream[SLG_STREAM_BINARY];
    const uint32_t len = choice->inner[0].len;

    if (len < 8 || len % 2 != 0)
        return false;
    for (size_t i = 0; i < choice->count; i++) {
        const struct slg_text *text = &choice->inner[i];
        if (text->len != len || !slg_buf_grow(binary, len / 2) ||
            !slg_hex_read(text->at, len, binary->data + binary->len)) {
            slg_out_clear(&choice->trial);
            return false;
        }
        binary->len += len / 2;
    }
    column_head_put(choice, SLG_COLUMN_HEX, true);
    slg_buf_varint(&choice->trial.stream[SLG_STREAM_META], len / 2);
    trial_judge(choice);
    return true;
}

static bool
base64_try(struct choice *choice)
{
    struct slg_buf *binary = &choice->trial.stream[SLG_STREAM_BINARY];

    if (choice->inner[0].len < BASE64_MIN)
        return false;
    for (size_t i = 0; i < choice->count; i++) {
        const struct slg_text *text = &choice->inner[i];
        size_t count = SIZE_MAX;
        if (slg_buf_grow(binary, text->len))
            count = slg_base64_read(text->at, text->len,
                                    binary->data + binary->len);
        if (count == SIZE_MAX) {
            slg_out_clear(&choice->trial);
            return false;
        }
        choice->numbers[i] = (int64_t)count;
        binary->len += count;
    }
    column_head_put(choice, SLG_COLUMN_BASE64, true);
    slg_ints_encode(choice->encoder, &choice->trial, choice->numbers,
                    choice->count);
    trial_judge(choice);
    return true;
}

/* Numbers the texts; returns how many there are, or SIZE_MAX: too many. */
static size_t
dict_number(struct choice *choice, uint32_t *firsts, size_t most)
{
    struct slg_table table = { 0 };
    size_t distinct = 0;

    for (size_t i = 0; i < choice->count && distinct <= most; i++) {
        const struct slg_text *text = &choice->texts[i];
        uint32_t probe = text->hash;
        unsigned seen = 0;
        uint32_t id;
        do
            id = slg_table_next(&table, text->hash, &probe);
        while (id != SLG_NONE && !same_text(&choice->texts[firsts[id]], text) &&
               ++seen < SLG_SAME_HASH_MAX);
        /* So many of one hash are no dictionary. */
        if (seen == SLG_SAME_HASH_MAX)
            distinct = most + 1;
        if (id == SLG_NONE) {
            id = (uint32_t)distinct;
            if (distinct < most)
                firsts[distinct] = (uint32_t)i;
            if (!slg_table_add(&table, text->hash, id))
                choice->encoder->is_bad = true;
            distinct++;
        }
        choice->numbers[i] = id;
    }
    free(table.slots);
    return distinct <= most ? distinct : SIZE_MAX;
}

static bool
dict_try(struct choice *choice)
{
    struct slg_encoder *encoder = choice->encoder;
    struct slg_buf *dict = &choice->trial.stream[SLG_STREAM_DICT];
    struct slg_buf *meta = &choice->trial.stream[SLG_STREAM_META];
    const size_t most = choice->count / 2;
    uint32_t *firsts = malloc((most + 1) * sizeof *firsts);

    encoder->is_bad |= !firsts;
    const size_t distinct =
        firsts ? dict_number(choice, firsts, most) : SIZE_MAX;
    if (distinct == SIZE_MAX || encoder->is_bad) {
        free(firsts);
        return false;
    }
    column_head_put(choice, SLG_COLUMN_DICT, false);
    slg_buf_varint(meta, distinct);
    for (size_t i = 0; i < distinct; i++) {
        const struct slg_text *text = &choice->texts[firsts[i]];
        slg_buf_put(dict, text->at, text->len);
        slg_buf_byte(dict, 0);
    }
    slg_ints_encode(encoder, &choice->trial, choice->numbers, choice->count);
    trial_judge(choice);
    free(firsts);
    return distinct * 8 <= choice->count;
}

static bool
is_word(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte | 32u) - 'a' < 26u ||
           byte >= 0x80 || byte == '\\';
}

/*
 * What all texts begin and end with.  Only up to where a word ends, so that
 * what is left of a number or an identifier is one, unless is_whole is false.
 */
static void
affix_find(struct choice *choice, bool is_to_word)
{
    const struct slg_text *first = &choice->texts[0];
    size_t prefix = first->len;
    size_t suffix = first->len;

    for (size_t i = 1; i < choice->count && prefix + suffix > 0; i++) {
        const struct slg_text *text = &choice->texts[i];
        const size_t most = text->len < first->len ? text->len : first->len;
        size_t k = 0;
        while (k < prefix && k < most && text->at[k] == first->at[k])
            k++;
        prefix = k;
        for (k = 0;
             k < suffix && k < most - prefix &&
             text->at[text->len - 1 - k] == first->at[first->len - 1 - k];)
            k++;
        suffix = k;
    }
    while (is_to_word && prefix > 0 && is_word(first->at[prefix - 1]))
        prefix--;
    while (is_to_word && suffix > 0 && is_word(first->at[first->len - suffix]))
        suffix--;
    choice->prefix = prefix;
    choice->suffix = suffix;
}

static void
inner_set(struct choice *choice, struct slg_text *inner, bool is_to_word)
{
    affix_find(choice, is_to_word);
    for (size_t i = 0; i < choice->count; i++) {
        inner[i] = choice->texts[i];
        inner[i].at += choice->prefix;
        inner[i].len -= (uint32_t)(choice->prefix + choice->suffix);
    }
    choice->inner = inner;
}

static void
choice_make(struct choice *choice, struct slg_text *inner)
{
    const bool is_thorough = choice->encoder->level >= THOROUGH_LEVEL;
    bool is_done = false;

    if (choice->count < TRY_MIN) {
        choice->inner = choice->texts;
        if (choice->texts[0].len >= BASE64_LONG)
            base64_try(choice);
        text_try(choice);
        return;
    }
    if (const_try(choice))
        return;
    inner_set(choice, inner, true);
    is_done = time_try(choice) || uuid_try(choice) || decimal_try(choice) ||
              hex_try(choice) || base64_try(choice);
    if (is_done && !is_thorough)
        return;
    if (dict_try(choice) && !is_thorough)
        return;
    inner_set(choice, inner, false);
    text_try(choice);
}

void
slg_column_encode(struct slg_encoder *encoder, const struct slg_text *texts,
                  size_t count)
{
    struct slg_text *inner = malloc(count * sizeof *inner);
    struct choice choice = {
        .encoder = encoder,
        .texts = texts,
        .count = count,
        .best_cost = SIZE_MAX,
        .numbers = malloc(count * sizeof *choice.numbers),
    };

    if (inner && choice.numbers)
        choice_make(&choice, inner);
    else
        encoder->is_bad = true;
    slg_out_append(&encoder->out, &choice.best);
    if (choice.best.stream[SLG_STREAM_META].len > 0 &&
        choice.best.stream[SLG_STREAM_META].data[0] == SLG_COLUMN_DICT)
        encoder->parts += count / 2;
    slg_out_free(&choice.best);
    slg_out_free(&choice.trial);
    free(choice.numbers);
    free(inner);
}
