/* SPDX-License-Identifier: MIT */
/* src/columns/columns_emit.c - values are printed. */
#include "src/columns/columns_decoder.h"
#include "src/columns/columns_escape.h"
#include "src/columns/columns_simd.h"

/* -- columns --------------------------------------------------------------- */

static bool
text_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    const uint8_t *text = column->at;
    /* Behind a stream there are others, or slack. */
    size_t len = slg_mask_first(slg_mask_byte(text, 0));

    if (len == 16) {
        const uint8_t *zero = memchr(text, 0, (size_t)(column->end - text));
        if (!zero)
            return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        len = (size_t)(zero - text);
    }
    if (len >= (size_t)(column->end - text))
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    column->at = text + len + 1;
    return slg_emit(decoder, text, len);
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
    if ((size_t)(decoder->end - decoder->at) < len) {
        decoder->is_full = true;
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    }
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

/* A number in the column's format. */
static bool
number_emit(struct slg_decoder *decoder, struct slg_column *column,
            int64_t value)
{
    uint8_t text[SLG_SCALAR_MAX];
    const bool is_roomy =
        (size_t)(decoder->end - decoder->at) >= SLG_SCALAR_MAX;
    uint8_t *to = is_roomy ? decoder->at : text;
    const size_t len =
        column->type == SLG_COLUMN_TIME
            ? slg_time_print(to, &column->time, &column->cache, value)
            : slg_decimal_print(to, column->decimal, value);

    if ((size_t)(decoder->end - decoder->at) < len) {
        decoder->is_full = true;
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    }
    if (!is_roomy)
        memcpy(decoder->at, text, len);
    decoder->at += len;
    return true;
}

/* The last value of a path, without quotes; there may be none yet. */
static const uint8_t *
last_text(const struct slg_decoder *decoder, uint32_t id, size_t *len)
{
    const struct slg_decode_path *path = &decoder->paths[id];

    *len = path->last_len;
    if (path->last_len < 2 || *path->last != '"')
        return path->last;
    *len -= 2;
    return path->last + 1;
}

/* A text with slots, which are filled. */
static bool
woven_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    const uint8_t *at = column->at;
    const uint8_t *zero = memchr(at, 0, (size_t)(column->end - at));

    if (!zero)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    column->at = zero + 1;
    for (;;) {
        const uint8_t *mark = memchr(at, SLG_SLOT_MARK, (size_t)(zero - at));
        const uint8_t *end = mark ? mark : zero;
        if (!slg_emit(decoder, at, (size_t)(end - at)))
            return false;
        if (!mark)
            return true;
        /* Behind the mark there is the zero byte at least. */
        const unsigned slot = mark[1] - 1u;
        size_t len;
        if (slot >= column->target_count)
            return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        const uint8_t *text = last_text(decoder, column->targets[slot], &len);
        if (!text)
            return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        if (!slg_emit(decoder, text, len))
            return false;
        at = mark + 2;
    }
}

/* What the number was when this key was there last; NULL: it cannot be. */
static int64_t *
key_last(struct slg_decoder *decoder, struct slg_keys *keys, uint32_t path)
{
    size_t len;
    const uint8_t *text = last_text(decoder, path, &len);

    if (!text)
        return NULL;
    const uint32_t hash = (uint32_t)slg_hash_bytes(text, len);
    uint32_t probe = hash;
    unsigned seen = 0;
    uint32_t id;
    while ((id = slg_table_next(&keys->table, hash, &probe)) != SLG_NONE) {
        struct slg_key *key = &keys->keys[id];
        if (key->len == len && memcmp(key->at, text, len) == 0)
            return &key->last;
        if (++seen == SLG_SAME_HASH_MAX)
            return NULL;
    }
    if (keys->count == keys->most)
        return NULL;
    if (!slg_table_add(&keys->table, hash, keys->count)) {
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
        return NULL;
    }
    struct slg_key *key = &keys->keys[keys->count++];
    *key = (struct slg_key){ .at = text, .len = len };
    return &key->last;
}

static bool
keyed_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    const struct slg_decimal integer = { 0 };
    int64_t *last = key_last(decoder, column->keys, column->targets[0]);
    int64_t more = 0;

    if (!last)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    if (column->target_count > 1) {
        size_t len;
        const uint8_t *text = last_text(decoder, column->targets[1], &len);
        if (text && !slg_decimal_read(text, len, integer, &more))
            more = 0;
    }
    *last = (int64_t)((uint64_t)*last + (uint64_t)more +
                      (uint64_t)slg_ints_next(&column->ints));
    return number_emit(decoder, column, *last);
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
    case SLG_COLUMN_WOVEN:
        return woven_emit(decoder, column);
    case SLG_COLUMN_KEYED:
        return keyed_emit(decoder, column);
    default:
        return number_emit(decoder, column, slg_ints_next(&column->ints));
    }
}

static bool
column_emit(struct slg_decoder *decoder, struct slg_column *column)
{
    if (!column->prefix)
        return inner_emit(decoder, column);
    return slg_emit(decoder, column->prefix, column->prefix_len) &&
           inner_emit(decoder, column) &&
           slg_emit(decoder, column->suffix, column->suffix_len);
}

/* -- values ---------------------------------------------------------------- */

static bool
program_run(struct slg_decoder *decoder, const struct slg_op *op)
{
    for (;; op++) {
        if (!slg_emit(decoder, op->text, op->len))
            return false;
        if (op->column) {
            if (!inner_emit(decoder, op->column))
                return false;
        } else if (op->path == SLG_NONE) {
            return true;
        } else if (!slg_value_emit(decoder, op->path)) {
            return false;
        }
    }
}

/* An object that was used so often is worth a program. */
#define USES_MIN 4u

static bool
object_emit(struct slg_decoder *decoder, struct slg_symbol *symbol)
{
    const struct slg_piece *piece = symbol->pieces;

    if (!symbol->program && ++symbol->uses == USES_MIN)
        slg_symbol_link(decoder, symbol);
    if (symbol->program)
        return program_run(decoder, symbol->program);
    for (; piece->child != SLG_NONE; piece++) {
        if (!slg_emit(decoder, piece->text, piece->len) ||
            !slg_value_emit(decoder, piece->child))
            return false;
    }
    return slg_emit(decoder, piece->text, piece->len);
}

static bool
array_emit(struct slg_decoder *decoder, struct slg_symbol *symbol,
           uint32_t element)
{
    const struct slg_piece *pieces = symbol->pieces;
    int64_t count = slg_ints_next(&symbol->ints);

    if (!slg_emit(decoder, pieces[0].text, pieces[0].len))
        return false;
    for (; count > 0; count--) {
        if (!slg_value_emit(decoder, element))
            return false;
        if (count > 1 && !slg_emit(decoder, pieces[1].text, pieces[1].len))
            return false;
    }
    return slg_emit(decoder, pieces[2].text, pieces[2].len);
}

/* The value is complete: it can be referred to from now on. */
static bool
container_emit(struct slg_decoder *decoder, struct slg_decode_path *path,
               struct slg_symbol *symbol)
{
    const uint8_t *start = decoder->at;
    const uint32_t number = path->kept_count++;
    const bool is_good = symbol->type == SLG_SYMBOL_OBJECT
                             ? object_emit(decoder, symbol)
                             : array_emit(decoder, symbol, path->element);

    if (is_good && path->is_kept)
        path->kept[number] =
            (struct slg_span_kept){ .at = start,
                                    .len = (size_t)(decoder->at - start) };
    return is_good;
}

static bool
ref_emit(struct slg_decoder *decoder, struct slg_symbol *symbol)
{
    const struct slg_decode_path *target = &decoder->paths[symbol->target];
    const uint64_t back = (uint64_t)slg_ints_next(&symbol->ints);

    if (back >= target->kept_count)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    const struct slg_span_kept *kept =
        &target->kept[target->kept_count - 1 - back];
    if (kept->len == 0)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    return slg_emit(decoder, kept->at, kept->len);
}

/* The text is put together elsewhere and then escaped. */
static bool
json_emit(struct slg_decoder *decoder, uint32_t child)
{
    const unsigned depth = decoder->json_depth;
    uint8_t *at = decoder->at;
    uint8_t *end = decoder->end;
    uint8_t *start = decoder->json[depth];

    decoder->at = start;
    decoder->end = decoder->json_end[depth];
    decoder->json_depth++;
    const bool is_good = slg_value_emit(decoder, child);
    decoder->json_depth--;
    const size_t len = (size_t)(decoder->at - start);
    decoder->json[depth] = decoder->at;
    decoder->at = at;
    decoder->end = end;
    if (!is_good || end - at < 2)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    *at++ = '"';
    at = slg_escape(at, end, start, len);
    if (!at || at == end)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    *at++ = '"';
    decoder->at = at;
    return true;
}

static bool
scalar_emit(struct slg_decoder *decoder, struct slg_decode_path *path,
            struct slg_symbol *symbol)
{
    uint8_t *start = decoder->at;
    static const uint8_t quote[16] = "\"";

    if (symbol->type == SLG_SYMBOL_COPY) {
        const struct slg_decode_path *from = &decoder->paths[symbol->target];
        if (!from->last)
            return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        path->last = from->last;
        path->last_len = from->last_len;
        return slg_emit(decoder, from->last, from->last_len);
    }
    if (symbol->type == SLG_SYMBOL_STRING) {
        if (!slg_emit(decoder, quote, 1) ||
            !column_emit(decoder, symbol->column) ||
            !slg_emit(decoder, quote, 1))
            return false;
    } else {
        if (!column_emit(decoder, symbol->column))
            return false;
        /* Every value is a byte at least, or time would have no bound. */
        if (decoder->at == start)
            return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    }
    path->last = start;
    path->last_len = (size_t)(decoder->at - start);
    return true;
}

bool
slg_symbol_emit(struct slg_decoder *decoder, struct slg_decode_path *path,
                struct slg_symbol *symbol)
{
    static const uint8_t words[3][16] = { "null", "true", "false" };

    switch (symbol->type) {
    case SLG_SYMBOL_NULL:
        return slg_emit(decoder, words[0], 4);
    case SLG_SYMBOL_TRUE:
        return slg_emit(decoder, words[1], 4);
    case SLG_SYMBOL_FALSE:
        return slg_emit(decoder, words[2], 5);
    case SLG_SYMBOL_OBJECT:
    case SLG_SYMBOL_ARRAY:
        return container_emit(decoder, path, symbol);
    case SLG_SYMBOL_REF:
        return ref_emit(decoder, symbol);
    case SLG_SYMBOL_JSON:
        return json_emit(decoder, path->json);
    default:
        return scalar_emit(decoder, path, symbol);
    }
}

bool
slg_value_emit(struct slg_decoder *decoder, uint32_t id)
{
    struct slg_decode_path *path = &decoder->paths[id];
    unsigned token = 0;

    if (path->tokens) {
        token = *path->tokens;
        if (path->high)
            token |= (unsigned)path->tokens[path->high] << 8;
        path->tokens++;
    }
    struct slg_symbol *symbol = &path->symbols[token];
    return decoder->costs ? slg_costs_emit(decoder, id, symbol)
                          : slg_symbol_emit(decoder, path, symbol);
}
