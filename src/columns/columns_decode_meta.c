/* SPDX-License-Identifier: MIT */
/* src/columns/columns_decode_meta.c - what a block says of its paths. */
#include <stdlib.h>

#include "src/columns/columns_decoder.h"

bool
slg_decoder_fail(struct slg_decoder *decoder, seglog_code code)
{
    if (decoder->code == SEGLOG_OK)
        decoder->code = code;
    return false;
}

void *
slg_decoder_take(struct slg_decoder *decoder, size_t len)
{
    void *taken = slg_room_take(&decoder->arena, len);

    if (!taken)
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
    return taken;
}

/* Objects, keys, symbols: an encoder makes no more than so many. */
bool
slg_decoder_take_parts(struct slg_decoder *decoder, uint64_t count)
{
    if (count > decoder->parts_left)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    decoder->parts_left -= (size_t)count;
    return true;
}

/* The bytes of count varints, none of more than ten bytes. */
static const uint8_t *
varints_walk(struct slg_cursor *cursor, const uint8_t *end, size_t count)
{
    const uint8_t *at = cursor->at;
    size_t len = 0;

    while (count > 0 && at < end) {
        len++;
        if (len > 10)
            break;
        if (*at++ < 0x80) {
            count--;
            len = 0;
        }
    }
    if (count > 0)
        cursor->is_bad = true;
    return at;
}

void
slg_decoder_read_ints(struct slg_decoder *decoder, struct slg_ints *ints,
                      size_t count)
{
    struct slg_cursor *meta = &decoder->streams[SLG_STREAM_META];
    struct slg_cursor *from = &decoder->streams[SLG_STREAM_NUMBER];
    const uint64_t mode = slg_cursor_varint(meta);

    *ints = (struct slg_ints){ .at = from->at, .end = from->end };
    if (mode == SLG_INTS_CONST) {
        ints->is_const = true;
        ints->value = slg_unzigzag(slg_cursor_varint(meta));
    } else if (mode == SLG_INTS_PLAIN || mode == SLG_INTS_DELTA) {
        ints->is_delta = mode == SLG_INTS_DELTA;
        if (count > SLG_WALK_MAX) {
            const uint64_t len = slg_cursor_varint(meta);
            if (len > (size_t)(from->end - from->at)) {
                slg_decoder_fail(decoder, SEGLOG_CORRUPT);
                return;
            }
            ints->end = from->at + len;
        }
        from->at = varints_walk(from, ints->end, count);
        ints->end = from->at;
    } else if (mode > SLG_INTS_PLAIN_PLANES &&
               mode <= SLG_INTS_DELTA_PLANES + 8) {
        ints->is_delta = mode > SLG_INTS_DELTA_PLANES;
        ints->width = (uint8_t)((mode - 1) % 8 + 1);
        ints->stride = count;
        /* No count is over what a block may have of records or bytes. */
        if (!slg_cursor_take(from, count * ints->width))
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        ints->end = from->at;
    } else {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    }
    if (meta->is_bad || from->is_bad)
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
}

/* -- paths ----------------------------------------------------------------- */

static uint32_t
path_add(struct slg_decoder *decoder, uint32_t parent, bool is_json)
{
    struct slg_decode_path path = { .parent = parent,
                                    .element = SLG_NONE,
                                    .json = SLG_NONE };

    if (parent != SLG_NONE) {
        const struct slg_decode_path *from = &decoder->paths[parent];
        path.hash = from->hash * 31 + 1;
        path.depth = (uint8_t)(from->depth + 1);
        path.json_depth = (uint8_t)(from->json_depth + is_json);
    }
    if (!slg_decoder_take_parts(decoder, 1))
        return SLG_NONE;
    if (path.depth > SLG_DEPTH_MAX + 2 ||
        path.json_depth > SLG_JSON_DEPTH_MAX) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return SLG_NONE;
    }
    if (!slg_grow((void **)&decoder->paths, &decoder->path_cap,
                  decoder->path_count, sizeof *decoder->paths)) {
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
        return SLG_NONE;
    }
    decoder->paths[decoder->path_count] = path;
    return decoder->path_count++;
}

/* So many values more are of this path. */
void
slg_decoder_add_values(struct slg_decoder *decoder, uint32_t path,
                       uint64_t count)
{
    size_t *sum = &decoder->paths[path].count;

    /* Every value is a byte of text at least. */
    if (count > decoder->bytes - *sum)
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    else
        *sum += (size_t)count;
}

uint32_t
slg_decoder_find_child(struct slg_decoder *decoder, uint32_t parent,
                       const uint8_t *key, size_t len)
{
    const uint32_t hash = slg_path_hash(decoder->paths[parent].hash, key, len);
    uint32_t probe = hash;
    unsigned seen = 0;
    uint32_t id;

    while ((id = slg_table_next(&decoder->table, hash, &probe)) != SLG_NONE) {
        const struct slg_decode_path *path = &decoder->paths[id];
        if (path->parent == parent && path->key_len == len &&
            memcmp(path->key, key, len) == 0)
            return id;
        if (++seen > SLG_SAME_HASH_MAX) {
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
            return SLG_NONE;
        }
    }
    id = path_add(decoder, parent, false);
    if (id == SLG_NONE)
        return id;
    decoder->paths[id].hash = hash;
    decoder->paths[id].key = key;
    decoder->paths[id].key_len = (uint32_t)len;
    if (!slg_table_add(&decoder->table, hash, id))
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
    return id;
}

/* -- arrays ---------------------------------------------------------------- */

static void
array_read(struct slg_decoder *decoder, struct slg_symbol *symbol,
           uint32_t path, size_t count)
{
    struct slg_cursor *shape = &decoder->streams[SLG_STREAM_SHAPE];
    struct slg_ints ints;
    uint64_t sum = 0;

    symbol->pieces = slg_decoder_take(decoder, 3 * sizeof *symbol->pieces);
    if (!symbol->pieces)
        return;
    for (unsigned i = 0; i < 3; i++) {
        size_t len = 0;
        symbol->pieces[i].text = slg_cursor_text(shape, &len);
        symbol->pieces[i].len = (uint32_t)len;
        if (len == 0) {
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
            return;
        }
    }
    slg_decoder_read_ints(decoder, &symbol->ints, count);
    if (decoder->code)
        return;
    ints = symbol->ints;
    for (size_t i = 0; i < count; i++) {
        const int64_t elements = slg_ints_next(&ints);
        if (elements < 0 || (uint64_t)elements > decoder->bytes - sum) {
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
            return;
        }
        sum += (uint64_t)elements;
    }
    if (sum == 0)
        return;
    if (decoder->paths[path].element == SLG_NONE) {
        const uint32_t element = path_add(decoder, path, false);
        decoder->paths[path].element = element;
        if (element == SLG_NONE)
            return;
    }
    slg_decoder_add_values(decoder, decoder->paths[path].element, sum);
}

/* -- symbols --------------------------------------------------------------- */

static void
column_read(struct slg_decoder *decoder, struct slg_symbol *symbol,
            unsigned column, size_t count)
{
    symbol->column = slg_decoder_take(decoder, sizeof *symbol->column);
    if (symbol->column)
        slg_decoder_read_column(decoder, symbol->column, (column & 31) / 2,
                                column >= 32, count);
}

static void
json_read(struct slg_decoder *decoder, uint32_t path, size_t count)
{
    if (decoder->paths[path].json == SLG_NONE) {
        const uint32_t json = path_add(decoder, path, true);
        decoder->paths[path].json = json;
        if (json == SLG_NONE)
            return;
    }
    slg_decoder_add_values(decoder, decoder->paths[path].json, count);
}

static void
target_read(struct slg_decoder *decoder, struct slg_symbol *symbol)
{
    const uint64_t target =
        slg_cursor_varint(&decoder->streams[SLG_STREAM_TARGET]);

    /* Whether there is such a path is known when all have been read. */
    symbol->target = target < SLG_NONE ? (uint32_t)target : SLG_NONE;
}

static void
symbol_read(struct slg_decoder *decoder, struct slg_symbol *symbol,
            uint64_t head, uint32_t path, size_t count)
{
    if (head >= SLG_HEAD_SYMBOLS || count == 0) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return;
    }
    if (head >= SLG_HEAD_COLUMN) {
        const unsigned column = (unsigned)head - SLG_HEAD_COLUMN;
        symbol->type = column % 2 ? SLG_SYMBOL_BARE : SLG_SYMBOL_STRING;
        column_read(decoder, symbol, column, count);
        return;
    }
    symbol->type = (enum slg_symbol_type)head;
    switch (symbol->type) {
    case SLG_SYMBOL_OBJECT:
        slg_decoder_read_object(decoder, symbol, path, count);
        break;
    case SLG_SYMBOL_ARRAY:
        array_read(decoder, symbol, path, count);
        break;
    case SLG_SYMBOL_REF:
        target_read(decoder, symbol);
        slg_decoder_read_ints(decoder, &symbol->ints, count);
        break;
    case SLG_SYMBOL_COPY:
        target_read(decoder, symbol);
        break;
    case SLG_SYMBOL_JSON:
        json_read(decoder, path, count);
        break;
    default:
        break;
    }
}

/* How often each symbol of the path occurs. */
static void
tokens_count(struct slg_decoder *decoder, struct slg_decode_path *path,
             uint32_t *counts)
{
    struct slg_cursor *from = &decoder->streams[SLG_STREAM_TOKEN];
    const size_t width = path->symbol_count > 256 ? 2 : 1;

    if (path->symbol_count == 1) {
        counts[0] = (uint32_t)path->count;
        return;
    }
    path->high = width == 2 ? path->count : 0;
    path->tokens = slg_cursor_take(from, path->count * width);
    if (!path->tokens) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return;
    }
    for (size_t i = 0; i < path->count; i++) {
        unsigned token = path->tokens[i];
        if (width == 2)
            token |= (unsigned)path->tokens[path->high + i] << 8;
        if (token >= path->symbol_count) {
            slg_decoder_fail(decoder, SEGLOG_CORRUPT);
            return;
        }
        counts[token]++;
    }
}

static void
kept_count(struct slg_decode_path *path, const uint32_t *counts)
{
    for (uint32_t i = 0; i < path->symbol_count; i++) {
        const enum slg_symbol_type type = path->symbols[i].type;
        if (type == SLG_SYMBOL_OBJECT || type == SLG_SYMBOL_ARRAY)
            path->kept_len += counts[i];
    }
}

static void
path_read(struct slg_decoder *decoder, uint32_t id)
{
    struct slg_decode_path *path = &decoder->paths[id];
    struct slg_cursor *meta = &decoder->streams[SLG_STREAM_META];
    uint64_t head = slg_cursor_varint(meta);
    const uint64_t symbols =
        head < SLG_HEAD_SYMBOLS ? 1 : head - SLG_HEAD_SYMBOLS + 2;

    if (symbols > 65536 || !slg_decoder_take_parts(decoder, symbols)) {
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        return;
    }
    uint32_t *counts = calloc((size_t)symbols, sizeof *counts);
    path->symbol_count = (uint32_t)symbols;
    path->symbols =
        slg_decoder_take(decoder, (size_t)symbols * sizeof *path->symbols);
    if (!counts) {
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
        return;
    }
    if (decoder->code == SEGLOG_OK)
        tokens_count(decoder, path, counts);
    struct slg_symbol *list = path->symbols;
    const size_t all = path->count;
    slg_costs_tokens(decoder, id);
    for (uint32_t i = 0; i < symbols && decoder->code == SEGLOG_OK; i++) {
        const size_t own = symbols == 1 ? all : counts[i];
        if (symbols > 1)
            head = slg_cursor_varint(meta);
        symbol_read(decoder, &list[i], head, id, own);
        slg_costs_symbol(decoder, id, &list[i], own);
    }
    /* Paths have moved when some were added. */
    if (decoder->code == SEGLOG_OK)
        kept_count(&decoder->paths[id], counts);
    free(counts);
}

static bool
target_copy(struct slg_decoder *decoder, uint32_t target)
{
    if (target >= decoder->path_count)
        return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    decoder->paths[target].is_copied = true;
    return true;
}

/* Of the paths that there are: whose values does the symbol need? */
static bool
target_check(struct slg_decoder *decoder, const struct slg_symbol *symbol)
{
    const struct slg_column *column = symbol->column;

    if (symbol->type == SLG_SYMBOL_COPY)
        return target_copy(decoder, symbol->target);
    if (symbol->type == SLG_SYMBOL_REF) {
        if (symbol->target >= decoder->path_count)
            return slg_decoder_fail(decoder, SEGLOG_CORRUPT);
        decoder->paths[symbol->target].is_kept = true;
    }
    for (uint32_t i = 0; column && i < column->target_count; i++) {
        if (!target_copy(decoder, column->targets[i]))
            return false;
    }
    return true;
}

static void
targets_check(struct slg_decoder *decoder)
{
    for (uint32_t i = 0; i < decoder->path_count; i++) {
        const struct slg_decode_path *path = &decoder->paths[i];
        for (uint32_t k = 0; k < path->symbol_count; k++) {
            if (!target_check(decoder, &path->symbols[k]))
                return;
        }
    }
    for (uint32_t i = 0; i < decoder->path_count; i++) {
        struct slg_decode_path *path = &decoder->paths[i];
        if (!path->is_kept)
            continue;
        if (!slg_decoder_take_parts(decoder, path->kept_len))
            return;
        path->kept = slg_decoder_take(decoder, (path->kept_len + 1u) *
                                                   sizeof *path->kept);
        if (!path->kept)
            return;
    }
}

void
slg_decoder_read_paths(struct slg_decoder *decoder, size_t count)
{
    bool is_bad = false;

    if (path_add(decoder, SLG_NONE, false) == SLG_NONE)
        return;
    slg_decoder_add_values(decoder, 0, count);
    for (uint32_t i = 0; i < decoder->path_count && decoder->code == SEGLOG_OK;
         i++)
        path_read(decoder, i);
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++)
        is_bad |= decoder->streams[i].is_bad;
    if (is_bad)
        slg_decoder_fail(decoder, SEGLOG_CORRUPT);
    if (decoder->code == SEGLOG_OK)
        targets_check(decoder);
}
