/* SPDX-License-Identifier: MIT */
/* src/columns/columns_encode.c - what the values of each path are. */
#include <stdlib.h>

#include "src/columns/columns_scalar.h"
#include "src/columns/columns_stream.h"

struct symbol {
    enum slg_symbol_type type;
    uint32_t key; /* edge, style, path or class */
    size_t count;
};

/* One path, while it is encoded; what is in the scratch is for count values. */
struct work {
    struct slg_encoder *encoder;
    uint32_t path;
    const uint32_t *events;
    size_t count;
    struct symbol *symbols;
    uint32_t symbol_count, symbol_cap;
    uint16_t *tokens;
    uint8_t *classes;
    uint32_t simple[SLG_SYMBOL_COUNT][SLG_CLASS_COUNT];
    struct slg_text *texts;
    uint32_t *ids;
    int64_t *numbers;
};

static struct slg_event *
event_at(const struct work *work, size_t i)
{
    return &work->encoder->parse.events[work->events[i]];
}

static uint32_t
symbol_add(struct work *work, enum slg_symbol_type type, uint32_t key)
{
    if (work->symbol_count == UINT16_MAX ||
        !slg_grow((void **)&work->symbols, &work->symbol_cap,
                  work->symbol_count, sizeof *work->symbols)) {
        /* So many are never encoded: parts are counted. */
        work->encoder->is_bad |= work->symbol_count < UINT16_MAX;
        work->encoder->parts += slg_parts_max(SLG_COLUMNS_BYTES_MAX);
        return 0;
    }
    work->symbols[work->symbol_count] =
        (struct symbol){ .type = type, .key = key };
    return work->symbol_count++;
}

static uint32_t
symbol_simple(struct work *work, enum slg_symbol_type type, unsigned class)
{
    if (work->simple[type][class] == SLG_NONE)
        work->simple[type][class] = symbol_add(work, type, class);
    return work->simple[type][class];
}

/* Of copies, of which there are few. */
static uint32_t
symbol_target(struct work *work, enum slg_symbol_type type, uint32_t path)
{
    for (uint32_t i = 0; i < work->symbol_count; i++) {
        if (work->symbols[i].type == type && work->symbols[i].key == path)
            return i;
    }
    return symbol_add(work, type, path);
}

static uint32_t
symbol_ref(struct work *work, uint32_t path)
{
    struct slg_path *target = &work->encoder->parse.paths[path];

    if (target->ref_by != work->path) {
        target->ref_by = work->path;
        target->ref_symbol = symbol_add(work, SLG_SYMBOL_REF, path);
    }
    return target->ref_symbol;
}

static uint32_t
symbol_of(struct work *work, const struct slg_event *event, unsigned class)
{
    struct slg_parse *parse = &work->encoder->parse;
    uint32_t *known;

    switch (slg_event_value(event)) {
    case SLG_VALUE_STRING:
        return symbol_simple(work, SLG_SYMBOL_STRING, class);
    case SLG_VALUE_BARE:
        return symbol_simple(work, SLG_SYMBOL_BARE, class);
    case SLG_VALUE_NULL:
        return symbol_simple(work, SLG_SYMBOL_NULL, 0);
    case SLG_VALUE_TRUE:
        return symbol_simple(work, SLG_SYMBOL_TRUE, 0);
    case SLG_VALUE_FALSE:
        return symbol_simple(work, SLG_SYMBOL_FALSE, 0);
    case SLG_VALUE_JSON:
        return symbol_simple(work, SLG_SYMBOL_JSON, 0);
    case SLG_VALUE_REF:
        return symbol_ref(work, event->aux);
    case SLG_VALUE_COPY:
        return symbol_target(work, SLG_SYMBOL_COPY, event->aux);
    case SLG_VALUE_OBJECT:
        known = &parse->edges[event->aux].symbol;
        if (*known == SLG_NONE)
            *known = symbol_add(work, SLG_SYMBOL_OBJECT, event->aux);
        return *known;
    default:
        known = &parse->styles[event->aux].symbol;
        if (*known == SLG_NONE)
            *known = symbol_add(work, SLG_SYMBOL_ARRAY, event->aux);
        return *known;
    }
}

/* -- definitions ----------------------------------------------------------- */

void
slg_child_add(struct slg_encoder *encoder, uint32_t path)
{
    struct slg_path *child = &encoder->parse.paths[path];

    if (child->number != SLG_NONE || encoder->is_bad)
        return;
    if (!slg_grow((void **)&encoder->order, &encoder->order_cap,
                  encoder->order_count, sizeof *encoder->order)) {
        encoder->is_bad = true;
        return;
    }
    child->number = encoder->order_count;
    encoder->order[encoder->order_count++] = path;
    encoder->parts++;
}

void
slg_target_add(struct slg_encoder *encoder, uint32_t path)
{
    if (!slg_grow((void **)&encoder->targets, &encoder->target_cap,
                  encoder->target_count, sizeof *encoder->targets)) {
        encoder->is_bad = true;
        return;
    }
    encoder->targets[encoder->target_count++] = path;
}

static void
array_define(struct work *work, uint32_t token, const struct slg_style *style)
{
    struct slg_encoder *encoder = work->encoder;
    struct slg_buf *shape = &encoder->out.stream[SLG_STREAM_SHAPE];
    size_t count = 0;
    bool is_empty = true;

    slg_buf_put(shape, style->open, style->open_len);
    slg_buf_byte(shape, 0);
    slg_buf_put(shape, style->separator, style->separator_len);
    slg_buf_byte(shape, 0);
    slg_buf_put(shape, style->close, style->close_len);
    slg_buf_byte(shape, 0);
    for (size_t i = 0; i < work->count; i++) {
        if (work->tokens[i] != token)
            continue;
        const uint32_t elements = event_at(work, i)->len;
        work->numbers[count++] = elements;
        is_empty &= elements == 0;
    }
    slg_ints_encode(encoder, &encoder->out, work->numbers, count);
    if (!is_empty)
        slg_child_add(encoder, encoder->parse.paths[work->path].element);
}

static void
ref_define(struct work *work, uint32_t token)
{
    size_t count = 0;

    slg_target_add(work->encoder, work->symbols[token].key);
    for (size_t i = 0; i < work->count; i++) {
        if (work->tokens[i] == token)
            work->numbers[count++] = event_at(work, i)->len;
    }
    slg_ints_encode(work->encoder, &work->encoder->out, work->numbers, count);
}

static void
column_define(struct work *work, uint32_t token)
{
    size_t count = 0;

    for (size_t i = 0; i < work->count; i++) {
        if (work->tokens[i] != token)
            continue;
        const struct slg_event *event = event_at(work, i);
        work->ids[count] = work->events[i];
        work->texts[count++] = (struct slg_text){ .at = event->at,
                                                  .len = event->len,
                                                  .hash = event->hash };
    }
    const struct slg_values values = { .path = work->path,
                                       .texts = work->texts,
                                       .ids = work->ids,
                                       .count = count };
    slg_column_encode(work->encoder, &values);
}

/* What has a column: its first byte says so, too. */
static void
column_symbol_define(struct work *work, uint32_t token)
{
    struct slg_buf *meta = &work->encoder->out.stream[SLG_STREAM_META];
    const size_t at = meta->len;

    column_define(work, token);
    if (meta->len > at)
        meta->data[at] =
            slg_head_of_column(work->symbols[token].type, meta->data[at]);
}

static void
symbol_define(struct work *work, uint32_t token)
{
    struct slg_encoder *encoder = work->encoder;
    const struct symbol *symbol = &work->symbols[token];

    encoder->parts++;
    if (symbol->type == SLG_SYMBOL_STRING || symbol->type == SLG_SYMBOL_BARE) {
        column_symbol_define(work, token);
        return;
    }
    slg_buf_byte(&encoder->out.stream[SLG_STREAM_META], symbol->type);
    switch (symbol->type) {
    case SLG_SYMBOL_OBJECT:
        slg_object_define(encoder, symbol->key);
        break;
    case SLG_SYMBOL_ARRAY:
        array_define(work, token, &encoder->parse.styles[symbol->key]);
        break;
    case SLG_SYMBOL_REF:
        ref_define(work, token);
        break;
    case SLG_SYMBOL_COPY:
        slg_target_add(encoder, symbol->key);
        break;
    case SLG_SYMBOL_JSON:
        slg_child_add(encoder, encoder->parse.paths[work->path].json);
        break;
    default:
        break;
    }
}

/* -- paths ----------------------------------------------------------------- */

static void
tokens_put(struct work *work)
{
    struct slg_buf *to = &work->encoder->out.stream[SLG_STREAM_TOKEN];

    if (work->symbol_count == 1)
        return;
    for (size_t i = 0; i < work->count; i++)
        slg_buf_byte(to, work->tokens[i] & 0xFFu);
    for (size_t i = 0; i < work->count && work->symbol_count > 256; i++)
        slg_buf_byte(to, work->tokens[i] >> 8u);
}

static void
work_do(struct work *work)
{
    struct slg_encoder *encoder = work->encoder;

    memset(work->simple, 0xFF, sizeof work->simple);
    slg_classes_set(&encoder->parse, work->events, work->count, work->classes);
    for (size_t i = 0; i < work->count; i++)
        work->tokens[i] =
            (uint16_t)symbol_of(work, event_at(work, i), work->classes[i]);
    if (work->symbol_count > 1)
        slg_buf_varint(&encoder->out.stream[SLG_STREAM_META],
                       SLG_HEAD_SYMBOLS + work->symbol_count - 2);
    tokens_put(work);
    for (uint32_t i = 0; i < work->symbol_count && !encoder->is_bad; i++)
        symbol_define(work, i);
}

static void
path_encode(struct slg_encoder *encoder, uint32_t path)
{
    struct slg_scratch *scratch = &encoder->scratch;
    struct work work = {
        .encoder = encoder,
        .path = path,
        .events = encoder->parse.paths[path].events,
        .count = encoder->parse.paths[path].count,
        .tokens = scratch->tokens,
        .classes = scratch->classes,
        .texts = scratch->texts,
        .ids = scratch->ids,
        .numbers = scratch->numbers,
    };

    work_do(&work);
    free(work.symbols);
}

void
slg_scratch_free(struct slg_scratch *scratch)
{
    free(scratch->tokens);
    free(scratch->classes);
    free(scratch->texts);
    free(scratch->ids);
    free(scratch->residuals);
    free(scratch->trials);
    free(scratch->inner);
    free(scratch->numbers);
    slg_out_free(&scratch->best);
    slg_out_free(&scratch->trial);
    slg_buf_free(&scratch->ints);
    *scratch = (struct slg_scratch){ 0 };
}

static bool
scratch_make(struct slg_scratch *scratch, size_t count)
{
    scratch->tokens = malloc(count * sizeof *scratch->tokens);
    scratch->classes = malloc(count);
    scratch->texts = malloc(count * sizeof *scratch->texts);
    scratch->ids = malloc(count * sizeof *scratch->ids);
    scratch->residuals = malloc(count * sizeof *scratch->residuals);
    scratch->trials = malloc(count * sizeof *scratch->trials);
    scratch->inner = malloc(count * sizeof *scratch->inner);
    scratch->numbers = malloc(count * sizeof *scratch->numbers);
    return scratch->tokens && scratch->classes && scratch->texts &&
           scratch->inner && scratch->ids && scratch->numbers &&
           scratch->residuals && scratch->trials;
}

/* Enough for any path. */
static bool
scratch_take(struct slg_encoder *encoder)
{
    size_t most = 1;

    for (uint32_t i = 0; i < encoder->parse.path_count; i++) {
        if (encoder->parse.paths[i].count > most)
            most = encoder->parse.paths[i].count;
    }
    return scratch_make(&encoder->scratch, most);
}

void
slg_paths_encode(struct slg_encoder *encoder)
{
    struct slg_buf *target = &encoder->out.stream[SLG_STREAM_TARGET];

    if (!scratch_take(encoder)) {
        encoder->is_bad = true;
        return;
    }
    slg_child_add(encoder, 0);
    for (uint32_t i = 0; i < encoder->order_count && !encoder->is_bad; i++)
        path_encode(encoder, encoder->order[i]);
    for (uint32_t i = 0; i < encoder->target_count && !encoder->is_bad; i++)
        slg_buf_varint(target,
                       encoder->parse.paths[encoder->targets[i]].number);
}
