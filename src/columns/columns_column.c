/* SPDX-License-Identifier: MIT */
/* src/columns/columns_column.c - what fits a column of texts best. */
#include <stdlib.h>

#include "src/columns/columns_choice.h"

/* Fewer texts: nothing but plain text is tried. */
#define TRY_MIN 4u
/* Texts that are tried even when they are few. */
#define BASE64_LONG 256u
/* After so many texts, most of which are new, there is no dictionary. */
#define QUICK_LOOK 256u

void
slg_choice_head(const struct slg_choice *choice, struct slg_out *out,
                unsigned type, bool has_affix)
{
    struct slg_buf *shape = &out->stream[SLG_STREAM_SHAPE];
    const bool is_affix = has_affix && choice->prefix + choice->suffix > 0;

    slg_buf_byte(&out->stream[SLG_STREAM_META],
                 type | (is_affix ? SLG_COLUMN_AFFIX : 0));
    if (!is_affix)
        return;
    const struct slg_text *first = &choice->texts[0];
    slg_buf_put(shape, first->at, choice->prefix);
    slg_buf_byte(shape, 0);
    slg_buf_put(shape, first->at + first->len - choice->suffix, choice->suffix);
    slg_buf_byte(shape, 0);
}

void
slg_choice_take(struct slg_choice *choice)
{
    struct slg_out *swap = choice->best;

    choice->best = choice->trial;
    choice->trial = swap;
    slg_out_clear(choice->trial);
}

void
slg_choice_judge(struct slg_choice *choice)
{
    const size_t cost =
        slg_costing_out(choice->encoder->costing, choice->trial);

    if (cost < choice->best_cost) {
        choice->best_cost = cost;
        choice->best_context = choice->context;
        slg_choice_take(choice);
    }
    slg_out_clear(choice->trial);
}

bool
slg_choice_suit(struct slg_choice *choice)
{
    if (choice->is_quick)
        slg_choice_take(choice);
    else
        slg_choice_judge(choice);
    return true;
}

static bool
same_text(const struct slg_text *a, const struct slg_text *b)
{
    return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static void
text_try(struct slg_choice *choice)
{
    const bool is_only = choice->best_cost == SIZE_MAX;
    /* Then there is nothing to compare it with. */
    struct slg_out *out = is_only ? &choice->encoder->out : choice->trial;
    struct slg_buf *text = &out->stream[SLG_STREAM_TEXT];
    struct slg_buf *meta = &out->stream[SLG_STREAM_META];
    const size_t start = text->len;
    bool is_fixed = choice->count >= TRY_MIN;

    for (size_t i = 1; i < choice->count && is_fixed; i++)
        is_fixed = choice->inner[i].len == choice->inner[0].len;
    slg_choice_head(choice, out, is_fixed ? SLG_COLUMN_FIXED : SLG_COLUMN_TEXT,
                    true);
    for (size_t i = 0; i < choice->count; i++) {
        slg_buf_put(text, choice->inner[i].at, choice->inner[i].len);
        if (!is_fixed)
            slg_buf_byte(text, 0);
    }
    if (is_fixed)
        slg_buf_varint(meta, choice->inner[0].len);
    else if (choice->count > SLG_WALK_MAX)
        slg_buf_varint(meta, text->len - start);
    if (!is_only)
        slg_choice_judge(choice);
}

static bool
const_try(struct slg_choice *choice)
{
    struct slg_buf *dict = &choice->trial->stream[SLG_STREAM_DICT];

    for (size_t i = 1; i < choice->count; i++) {
        if (!same_text(&choice->texts[i], &choice->texts[0]))
            return false;
    }
    slg_buf_byte(&choice->trial->stream[SLG_STREAM_META], SLG_COLUMN_CONST);
    slg_buf_put(dict, choice->texts[0].at, choice->texts[0].len);
    slg_buf_byte(dict, 0);
    return slg_choice_suit(choice);
}

/* Numbers the texts; returns how many there are, or SIZE_MAX: too many. */
static size_t
dict_number(struct slg_choice *choice, uint32_t *firsts, size_t most)
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
        /* Where there is little time, it shows early. */
        if (choice->is_quick && i == QUICK_LOOK && distinct > i / 8 * 7)
            distinct = most + 1;
    }
    free(table.slots);
    return distinct <= most ? distinct : SIZE_MAX;
}

static bool
dict_try(struct slg_choice *choice)
{
    struct slg_encoder *encoder = choice->encoder;
    struct slg_buf *dict = &choice->trial->stream[SLG_STREAM_DICT];
    struct slg_buf *meta = &choice->trial->stream[SLG_STREAM_META];
    const size_t most = choice->count / 2;
    uint32_t *firsts = malloc((most + 1) * sizeof *firsts);

    encoder->is_bad |= !firsts;
    const size_t distinct =
        firsts ? dict_number(choice, firsts, most) : SIZE_MAX;
    if (distinct == SIZE_MAX || encoder->is_bad) {
        free(firsts);
        return false;
    }
    slg_choice_head(choice, choice->trial, SLG_COLUMN_DICT, false);
    slg_buf_varint(meta, distinct);
    for (size_t i = 0; i < distinct; i++) {
        const struct slg_text *text = &choice->texts[firsts[i]];
        slg_buf_put(dict, text->at, text->len);
        slg_buf_byte(dict, 0);
    }
    slg_ints_encode(encoder, choice->trial, choice->numbers, choice->count);
    free(firsts);
    choice->distinct = distinct;
    if (distinct * 8 <= choice->count)
        return slg_choice_suit(choice);
    slg_choice_judge(choice);
    return false;
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
affix_find(struct slg_choice *choice, bool is_to_word)
{
    const struct slg_text *first = &choice->texts[0];
    size_t prefix = first->len;
    size_t suffix = prefix;

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
inner_set(struct slg_choice *choice, struct slg_text *inner, bool is_to_word)
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
choice_make(struct slg_choice *choice)
{
    struct slg_text *inner = choice->encoder->scratch.inner;

    if (choice->count < TRY_MIN) {
        choice->inner = choice->texts;
        if (choice->texts[0].len >= BASE64_LONG && slg_choice_base64(choice) &&
            choice->is_quick)
            return;
        text_try(choice);
        return;
    }
    if (const_try(choice))
        return;
    inner_set(choice, inner, true);
    if ((slg_choice_time(choice) || slg_choice_uuid(choice) ||
         slg_choice_decimal(choice) || slg_choice_hex(choice) ||
         slg_choice_base64(choice)) &&
        choice->is_quick)
        return;
    if (dict_try(choice) && choice->is_quick)
        return;
    inner_set(choice, inner, false);
    if (!choice->is_quick) {
        slg_choice_woven(choice);
        choice->context.count = 0;
    }
    text_try(choice);
}

/* What a decoder must be told or allow for, beside the streams. */
static void
best_account(struct slg_choice *choice)
{
    struct slg_encoder *encoder = choice->encoder;
    const struct slg_buf *meta = &choice->best->stream[SLG_STREAM_META];
    const struct slg_context *context = &choice->best_context;

    if (meta->len == 0)
        return;
    const unsigned type = meta->data[0] & ~SLG_COLUMN_AFFIX;
    if (type == SLG_COLUMN_DICT)
        encoder->parts += choice->distinct;
    if (type != SLG_COLUMN_WOVEN && type != SLG_COLUMN_KEYED)
        return;
    encoder->parts += type == SLG_COLUMN_KEYED ? context->keys : context->count;
    for (uint32_t i = 0; i < context->count; i++)
        slg_target_add(encoder, context->paths[i]);
}

void
slg_column_encode(struct slg_encoder *encoder, const struct slg_values *values)
{
    struct slg_scratch *scratch = &encoder->scratch;
    struct slg_choice choice = {
        .encoder = encoder,
        .values = values,
        .texts = values->texts,
        .count = values->count,
        .best = &scratch->best,
        .trial = &scratch->trial,
        .best_cost = SIZE_MAX,
        .is_quick = encoder->level < SLG_LEVEL_THOROUGH,
        .numbers = scratch->numbers,
    };

    slg_out_clear(choice.best);
    slg_out_clear(choice.trial);
    choice_make(&choice);
    encoder->is_bad |=
        slg_out_is_bad(&scratch->best) || slg_out_is_bad(&scratch->trial);
    slg_out_append(&encoder->out, choice.best);
    best_account(&choice);
}
