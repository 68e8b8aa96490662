/* SPDX-License-Identifier: MIT */
/* src/columns/columns_costs.c - what each part of a block costs. */
#include <stdlib.h>
#include <zstd.h>

#include "src/columns/columns_decoder.h"

#define NAME_MAX_BYTES 512u
/* Fewer bytes are taken to cost what they are. */
#define PACK_MIN   32u
#define PACK_LEVEL 3

struct slg_cost_part {
    uint32_t path;
    enum slg_columns_form form;
    uint64_t values, plain, packed;
    const uint8_t *at[SLG_STREAM_COUNT];
    size_t len[SLG_STREAM_COUNT];
};

struct slg_costs {
    slg_columns_cost_fn fn;
    void *arg;
    struct slg_cost_part *parts;
    uint32_t count, cap;
    const uint8_t *at[SLG_STREAM_COUNT]; /* where the next part begins */
    uint64_t inside;  /* bytes printed by what the value holds */
    uint64_t printed; /* in all, and by records that are no JSON */
    ZSTD_CCtx *context;
    struct slg_buf room;
};

static const char *const form_names[] = {
    [SLG_COLUMNS_FRAMING] = "framing", [SLG_COLUMNS_RECORDS] = "records",
    [SLG_COLUMNS_CHOICE] = "choice",   [SLG_COLUMNS_WORD] = "word",
    [SLG_COLUMNS_SHAPE] = "shape",     [SLG_COLUMNS_REFERENCE] = "reference",
    [SLG_COLUMNS_COPY] = "copy",       [SLG_COLUMNS_ESCAPE] = "escape",
    [SLG_COLUMNS_TEXT] = "text",       [SLG_COLUMNS_FIXED] = "fixed",
    [SLG_COLUMNS_CONST] = "constant",  [SLG_COLUMNS_DICT] = "dictionary",
    [SLG_COLUMNS_DECIMAL] = "decimal", [SLG_COLUMNS_HEX] = "hexadecimal",
    [SLG_COLUMNS_UUID] = "uuid",       [SLG_COLUMNS_BASE64] = "base64",
    [SLG_COLUMNS_TIME] = "time",       [SLG_COLUMNS_WOVEN] = "woven",
    [SLG_COLUMNS_KEYED] = "keyed",
};

const char *
slg_columns_form_name(enum slg_columns_form form)
{
    return form < SLG_COLUMNS_FORM_COUNT ? form_names[form] : "unknown";
}

static enum slg_columns_form
form_of(const struct slg_symbol *symbol)
{
    switch (symbol->type) {
    case SLG_SYMBOL_NULL:
    case SLG_SYMBOL_TRUE:
    case SLG_SYMBOL_FALSE:
        return SLG_COLUMNS_WORD;
    case SLG_SYMBOL_OBJECT:
    case SLG_SYMBOL_ARRAY:
        return SLG_COLUMNS_SHAPE;
    case SLG_SYMBOL_REF:
        return SLG_COLUMNS_REFERENCE;
    case SLG_SYMBOL_COPY:
        return SLG_COLUMNS_COPY;
    case SLG_SYMBOL_JSON:
        return SLG_COLUMNS_ESCAPE;
    default:
        if (symbol->column->type == SLG_COLUMN_INTEGER)
            return SLG_COLUMNS_DECIMAL;
        return (enum slg_columns_form)(SLG_COLUMNS_TEXT +
                                       (unsigned)symbol->column->type);
    }
}

/* -- while the block is read ----------------------------------------------- */

void
slg_costs_start(struct slg_decoder *decoder)
{
    struct slg_costs *costs = decoder->costs;

    for (unsigned i = 0; costs && i < SLG_STREAM_COUNT; i++)
        costs->at[i] = decoder->streams[i].at;
}

/* What was read since the last part; NULL: no memory, or reading has failed. */
static struct slg_cost_part *
part_add(struct slg_decoder *decoder, uint32_t path, enum slg_columns_form form)
{
    struct slg_costs *costs = decoder->costs;

    if (!costs || decoder->code)
        return NULL;
    if (!slg_grow((void **)&costs->parts, &costs->cap, costs->count,
                  sizeof *costs->parts)) {
        slg_decoder_fail(decoder, SEGLOG_NO_MEMORY);
        return NULL;
    }
    struct slg_cost_part *part = &costs->parts[costs->count++];
    *part = (struct slg_cost_part){ .path = path, .form = form };
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++) {
        part->at[i] = costs->at[i];
        part->len[i] = (size_t)(decoder->streams[i].at - costs->at[i]);
        costs->at[i] = decoder->streams[i].at;
    }
    return part;
}

void
slg_costs_text(struct slg_decoder *decoder, const uint8_t *text, size_t count)
{
    struct slg_cost_part *framing =
        part_add(decoder, SLG_NONE, SLG_COLUMNS_FRAMING);

    if (!framing || !text)
        return;
    const size_t len = framing->len[SLG_STREAM_TEXT];
    framing->len[SLG_STREAM_TEXT] = 0;
    struct slg_cost_part *part =
        part_add(decoder, SLG_NONE, SLG_COLUMNS_RECORDS);
    if (!part)
        return;
    part->at[SLG_STREAM_TEXT] = text;
    part->len[SLG_STREAM_TEXT] = len;
    part->values = count;
    part->plain = len;
    decoder->costs->printed += len;
}

void
slg_costs_tokens(struct slg_decoder *decoder, uint32_t path)
{
    struct slg_cost_part *part = part_add(decoder, path, SLG_COLUMNS_CHOICE);

    if (part)
        part->values = decoder->paths[path].count;
}

void
slg_costs_symbol(struct slg_decoder *decoder, uint32_t path,
                 struct slg_symbol *symbol, size_t count)
{
    if (!decoder->costs || decoder->code)
        return;
    struct slg_cost_part *part = part_add(decoder, path, form_of(symbol));
    if (!part)
        return;
    part->values = count;
    symbol->part = decoder->costs->count - 1;
}

bool
slg_costs_emit(struct slg_decoder *decoder, uint32_t path,
               struct slg_symbol *symbol)
{
    struct slg_costs *costs = decoder->costs;
    const uint64_t outside = costs->inside;
    const uint8_t *start = decoder->at;

    costs->inside = 0;
    if (!slg_symbol_emit(decoder, &decoder->paths[path], symbol))
        return false;
    const uint64_t whole = (uint64_t)(decoder->at - start);
    costs->parts[symbol->part].plain += whole - costs->inside;
    costs->printed += whole - costs->inside;
    costs->inside = outside + whole;
    return true;
}

/* -- the sum --------------------------------------------------------------- */

struct name {
    char text[NAME_MAX_BYTES];
    size_t start;
};

/* Written from the end; what does not fit is left out at the front. */
static bool
name_add(struct name *name, const void *bytes, size_t len)
{
    if (len > name->start)
        return false;
    name->start -= len;
    if (len > 0)
        memcpy(name->text + name->start, bytes, len);
    return true;
}

static const char *
path_name(const struct slg_decoder *decoder, uint32_t id, struct name *name)
{
    bool is_whole = true;

    name->start = sizeof name->text;
    name_add(name, "", 1);
    while (is_whole && id != SLG_NONE &&
           decoder->paths[id].parent != SLG_NONE) {
        const struct slg_decode_path *path = &decoder->paths[id];
        const uint32_t parent = path->parent;
        if (decoder->paths[parent].element == id) {
            is_whole = name_add(name, "[]", 2);
        } else if (decoder->paths[parent].json == id) {
            is_whole = name_add(name, "~", 1);
        } else {
            is_whole = name_add(name, path->key, path->key_len);
            if (is_whole && decoder->paths[parent].parent != SLG_NONE)
                is_whole = name_add(name, ".", 1);
        }
        id = parent;
    }
    return name->text + name->start;
}

/* What a part's bytes of a stream take by themselves. */
static size_t
weight_of(struct slg_costs *costs, const uint8_t *at, size_t len)
{
    if (len < PACK_MIN)
        return len;
    costs->room.len = 0;
    if (!slg_buf_grow(&costs->room, ZSTD_compressBound(len)))
        return len;
    const size_t packed = ZSTD_compressCCtx(
        costs->context, costs->room.data, costs->room.cap, at, len, PACK_LEVEL);
    return ZSTD_isError(packed) || packed > len ? len : packed;
}

/* What is packed of each part, from what its streams weigh in their groups. */
static void
weights_set(struct slg_decoder *decoder)
{
    struct slg_costs *costs = decoder->costs;
    const struct slg_packing *packing = &decoder->packing;
    double sums[SLG_STREAM_COUNT] = { 0 };

    for (uint32_t i = 0; i < costs->count; i++) {
        struct slg_cost_part *part = &costs->parts[i];
        for (unsigned k = 0; k < SLG_STREAM_COUNT; k++) {
            part->len[k] = weight_of(costs, part->at[k], part->len[k]);
            sums[packing->groups[k]] += (double)part->len[k];
        }
    }
    double all = 0;
    for (uint32_t i = 0; i < costs->count; i++) {
        struct slg_cost_part *part = &costs->parts[i];
        double share = 0;
        for (unsigned k = 0; k < SLG_STREAM_COUNT; k++) {
            const unsigned group = packing->groups[k];
            if (part->len[k] > 0)
                share += (double)packing->packed[group] * (double)part->len[k] /
                         sums[group];
        }
        /* What is lost by rounding is not lost for the sum. */
        part->packed = (uint64_t)(all + share) - (uint64_t)all;
        all += share;
    }
}

/* All parts of one path, which stand together; returns how many they are. */
static uint32_t
path_report(struct slg_decoder *decoder, uint32_t first)
{
    struct slg_costs *costs = decoder->costs;
    struct slg_columns_cost sums[SLG_COLUMNS_FORM_COUNT] = { 0 };
    const uint32_t path = costs->parts[first].path;
    struct name name;
    const char *text =
        path == SLG_NONE ? NULL : path_name(decoder, path, &name);
    uint32_t i = first;

    for (; i < costs->count && costs->parts[i].path == path; i++) {
        struct slg_columns_cost *sum = &sums[costs->parts[i].form];
        sum->values += costs->parts[i].values;
        sum->plain += costs->parts[i].plain;
        sum->packed += costs->parts[i].packed;
    }
    for (unsigned form = 0; form < SLG_COLUMNS_FORM_COUNT; form++) {
        struct slg_columns_cost *sum = &sums[form];
        if (sum->values == 0 && sum->plain == 0 && sum->packed == 0)
            continue;
        /* There is nothing to choose. */
        if (form == SLG_COLUMNS_CHOICE && sum->packed == 0)
            continue;
        sum->path = text;
        sum->form = (enum slg_columns_form)form;
        costs->fn(costs->arg, sum);
    }
    return i - first;
}

seglog_code
slg_costs_report(struct slg_decoder *decoder, size_t records, size_t block_len)
{
    struct slg_costs *costs = decoder->costs;
    uint64_t packed = 0;

    if (!costs)
        return SEGLOG_OK;
    costs->context = ZSTD_createCCtx();
    if (!costs->context || costs->count == 0)
        return SEGLOG_NO_MEMORY;
    weights_set(decoder);
    for (uint32_t i = 0; i < costs->count; i++)
        packed += costs->parts[i].packed;
    /* The head, and what rounding still leaves. */
    costs->parts[0].packed += block_len - packed;
    costs->parts[0].plain += decoder->bytes - costs->printed;
    costs->parts[0].values = records;
    for (uint32_t i = 0; i < costs->count;)
        i += path_report(decoder, i);
    return SEGLOG_OK;
}

seglog_code
slg_columns_get_costs(const uint8_t *block, size_t len,
                      const struct slg_columns_limits *limits,
                      slg_columns_cost_fn fn, void *arg)
{
    struct slg_costs costs = { .fn = fn, .arg = arg };
    struct slg_columns columns = { 0 };
    const seglog_code code =
        slg_columns_block_decode(block, len, limits, &costs, &columns);

    slg_columns_reset(&columns);
    free(costs.parts);
    slg_buf_free(&costs.room);
    ZSTD_freeCCtx(costs.context);
    return code;
}
