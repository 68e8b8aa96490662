/* SPDX-License-Identifier: MIT */
/* src/columns/columns_encode.c - what the values of each path are. */
#include <stdlib.h>

#include "src/columns/columns_scalar.h"
#include "src/columns/columns_stream.h"

/* Values of one sort that are fewer share the column of the others. */
#define CLASS_MIN 8u
/* Base64 that is worth a column is long enough for one text to be. */
#define BASE64_BYTES_MIN 256u

/* Strings are told apart only where that makes a column of one sort. */
enum text_class {
    CLASS_OTHER,
    CLASS_TIME,
    CLASS_UUID,
    CLASS_BASE64,
    CLASS_INTEGER,
    CLASS_COUNT
};

struct symbol {
    enum slg_symbol_type type;
    uint32_t key; /* edge, style, path or class */
    size_t count;
};

/* One path, while it is encoded. */
struct work {
    struct slg_encoder *encoder;
    uint32_t path;
    struct slg_event *events;
    size_t count;
    struct symbol *symbols;
    uint32_t symbol_count, symbol_cap;
    uint16_t *tokens;
    uint8_t *classes;
    uint32_t simple[SLG_SYMBOL_COUNT][CLASS_COUNT];
    struct slg_text *texts;
    int64_t *numbers;
};

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

    switch (event->value) {
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

/* -- sorts of texts -------------------------------------------------------- */

static bool
is_base64(const struct slg_event *event)
{
    uint8_t start[BASE64_BYTES_MIN];

    if (event->len < BASE64_BYTES_MIN || event->len % 4 != 0 ||
        slg_base64_read(event->at, 64, start) == SIZE_MAX)
        return false;
    uint8_t *bytes = malloc(event->len);
    const bool is_it =
        bytes && slg_base64_read(event->at, event->len, bytes) != SIZE_MAX;
    free(bytes);
    return is_it;
}

static unsigned
class_of(const struct slg_event *event)
{
    struct slg_time format;
    uint8_t uuid[SLG_UUID_BYTES];
    int64_t number;

    if (event->value == SLG_VALUE_BARE) {
        const struct slg_decimal integer = { 0 };
        return slg_decimal_read(event->at, event->len, integer, &number)
                   ? CLASS_INTEGER
                   : CLASS_OTHER;
    }
    if (event->value != SLG_VALUE_STRING)
        return CLASS_OTHER;
    if (event->len == SLG_UUID_LEN && event->at[8] == '-' &&
        slg_uuid_read(event->at, event->len, uuid))
        return CLASS_UUID;
    if (is_base64(event))
        return CLASS_BASE64;
    return slg_time_guess(event->at, event->len, &format) ? CLASS_TIME
                                                          : CLASS_OTHER;
}

static void
classes_set(struct work *work)
{
    size_t counts[CLASS_COUNT] = { 0 };

    for (size_t i = 0; i < work->count; i++) {
        const unsigned class = class_of(&work->events[i]);
        work->classes[i] = (uint8_t) class;
        counts[class]++;
    }
    for (size_t i = 0; i < work->count; i++) {
        if (counts[work->classes[i]] < CLASS_MIN &&
            work->classes[i] != CLASS_BASE64)
            work->classes[i] = CLASS_OTHER;
    }
}

/* -- definitions ----------------------------------------------------------- */

static void
child_add(struct slg_encoder *encoder, uint32_t path, struct slg_event *events,
          size_t count)
{
    struct slg_path *child = &encoder->parse.paths[path];

    if (child->number != SLG_NONE || encoder->is_bad)
        return;
    if (!slg_grow((void **)&encoder->order, &encoder->order_cap,
                  encoder->order_count, sizeof *encoder->order)) {
        encoder->is_bad = true;
        return;
    }
    if (events) {
        child->events = events;
        child->count = count;
    }
    child->number = encoder->order_count;
    encoder->order[encoder->order_count++] = path;
    encoder->parts++;
}

static void
target_add(struct slg_encoder *encoder, uint32_t path)
{
    if (!slg_grow((void **)&encoder->targets, &encoder->target_cap,
                  encoder->target_count, sizeof *encoder->targets)) {
        encoder->is_bad = true;
        return;
    }
    encoder->targets[encoder->target_count++] = path;
}

/* Between keys and values, of objects whose spelling is a common one. */
struct spelling {
    const char *first, *next, *colon;
};
static const struct spelling spellings[] = {
    [SLG_SPELLING_DENSE] = { "{\"", ",\"", "\":" },
    [SLG_SPELLING_SPACED] = { "{\"", ", \"", "\": " },
};

static bool
edge_is_spelled(const struct slg_parse *parse, const struct slg_edge *edge,
                const struct spelling *spelling)
{
    const bool is_first = parse->states[edge->from].edge == SLG_NONE;
    const char *start = is_first ? spelling->first : spelling->next;
    const size_t start_len = strlen(start);
    const size_t colon_len = strlen(spelling->colon);

    if (edge->to == SLG_NONE)
        return is_first ? edge->len == 2 : edge->len == 1;
    return edge->len ==
               start_len + parse->paths[edge->child].key_len + colon_len &&
           memcmp(edge->text, start, start_len) == 0 &&
           memcmp(edge->text + edge->len - colon_len, spelling->colon,
                  colon_len) == 0;
}

/* The edges of a shape from first to last; returns how many lead to keys. */
static uint32_t
shape_edges(const struct slg_parse *parse, uint32_t end, uint32_t **edges)
{
    uint32_t count = 0;

    for (uint32_t id = end; id != SLG_NONE;
         id = parse->states[parse->edges[id].from].edge)
        count++;
    *edges = malloc(count * sizeof **edges);
    if (!*edges)
        return 0;
    uint32_t at = count;
    for (uint32_t id = end; id != SLG_NONE;
         id = parse->states[parse->edges[id].from].edge)
        (*edges)[--at] = id;
    return count - 1;
}

static unsigned
shape_spelling(const struct slg_parse *parse, const uint32_t *edges,
               uint32_t count)
{
    for (unsigned s = 0; s < SLG_SPELLING_OTHER; s++) {
        uint32_t i = 0;
        while (i <= count &&
               edge_is_spelled(parse, &parse->edges[edges[i]], &spellings[s]))
            i++;
        if (i > count)
            return s;
    }
    return SLG_SPELLING_OTHER;
}

static void
object_define(struct slg_encoder *encoder, uint32_t end)
{
    const struct slg_parse *parse = &encoder->parse;
    struct slg_buf *meta = &encoder->out.stream[SLG_STREAM_META];
    struct slg_buf *shape = &encoder->out.stream[SLG_STREAM_SHAPE];
    uint32_t *edges;
    const uint32_t count = shape_edges(parse, end, &edges);

    if (!edges) {
        encoder->is_bad = true;
        return;
    }
    const unsigned spelling = shape_spelling(parse, edges, count);
    slg_buf_varint(meta, (uint64_t)count * SLG_SPELLING_COUNT + spelling);
    for (uint32_t i = 0; i < count; i++) {
        const struct slg_edge *edge = &parse->edges[edges[i]];
        const struct slg_path *child = &parse->paths[edge->child];
        if (spelling == SLG_SPELLING_OTHER)
            slg_buf_put(shape, edge->text, edge->len);
        else
            slg_buf_put(shape, child->key, child->key_len);
        slg_buf_byte(shape, 0);
        child_add(encoder, edge->child, NULL, 0);
    }
    if (spelling == SLG_SPELLING_OTHER) {
        slg_buf_put(shape, parse->edges[end].text, parse->edges[end].len);
        slg_buf_byte(shape, 0);
    }
    encoder->parts += count + 1;
    free(edges);
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
        work->numbers[count++] = work->events[i].count;
        is_empty &= work->events[i].count == 0;
    }
    slg_ints_encode(encoder, &encoder->out, work->numbers, count);
    if (!is_empty)
        child_add(encoder, encoder->parse.paths[work->path].element, NULL, 0);
}

static void
ref_define(struct work *work, uint32_t token)
{
    size_t count = 0;

    target_add(work->encoder, work->symbols[token].key);
    for (size_t i = 0; i < work->count; i++) {
        if (work->tokens[i] == token)
            work->numbers[count++] = work->events[i].count;
    }
    slg_ints_encode(work->encoder, &work->encoder->out, work->numbers, count);
}

static void
column_define(struct work *work, uint32_t token)
{
    size_t count = 0;

    for (size_t i = 0; i < work->count; i++) {
        const struct slg_event *event = &work->events[i];
        if (work->tokens[i] == token)
            work->texts[count++] = (struct slg_text){ .at = event->at,
                                                      .len = event->len,
                                                      .hash = event->hash };
    }
    slg_column_encode(work->encoder, work->texts, count);
}

static void
symbol_define(struct work *work, uint32_t token)
{
    struct slg_encoder *encoder = work->encoder;
    const struct symbol *symbol = &work->symbols[token];

    slg_buf_byte(&encoder->out.stream[SLG_STREAM_META], symbol->type);
    encoder->parts++;
    switch (symbol->type) {
    case SLG_SYMBOL_OBJECT:
        object_define(encoder, symbol->key);
        break;
    case SLG_SYMBOL_ARRAY:
        array_define(work, token, &encoder->parse.styles[symbol->key]);
        break;
    case SLG_SYMBOL_REF:
        ref_define(work, token);
        break;
    case SLG_SYMBOL_COPY:
        target_add(encoder, symbol->key);
        break;
    case SLG_SYMBOL_JSON:
        child_add(encoder, encoder->parse.paths[work->path].json, NULL, 0);
        break;
    case SLG_SYMBOL_STRING:
    case SLG_SYMBOL_BARE:
        column_define(work, token);
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
    classes_set(work);
    for (size_t i = 0; i < work->count; i++)
        work->tokens[i] =
            (uint16_t)symbol_of(work, &work->events[i], work->classes[i]);
    slg_buf_varint(&encoder->out.stream[SLG_STREAM_META], work->symbol_count);
    tokens_put(work);
    for (uint32_t i = 0; i < work->symbol_count && !encoder->is_bad; i++)
        symbol_define(work, i);
}

static void
path_encode(struct slg_encoder *encoder, uint32_t path)
{
    struct work work = {
        .encoder = encoder,
        .path = path,
        .events = encoder->parse.paths[path].events,
        .count = encoder->parse.paths[path].count,
    };

    work.tokens = malloc(work.count * sizeof *work.tokens);
    work.classes = malloc(work.count);
    work.texts = malloc(work.count * sizeof *work.texts);
    work.numbers = malloc(work.count * sizeof *work.numbers);
    if (work.tokens && work.classes && work.texts && work.numbers)
        work_do(&work);
    else
        encoder->is_bad = true;
    free(work.tokens);
    free(work.classes);
    free(work.texts);
    free(work.numbers);
    free(work.symbols);
}

void
slg_paths_encode(struct slg_encoder *encoder)
{
    struct slg_buf *target = &encoder->out.stream[SLG_STREAM_TARGET];

    child_add(encoder, 0, NULL, 0);
    for (uint32_t i = 0; i < encoder->order_count && !encoder->is_bad; i++)
        path_encode(encoder, encoder->order[i]);
    for (uint32_t i = 0; i < encoder->target_count && !encoder->is_bad; i++)
        slg_buf_varint(target,
                       encoder->parse.paths[encoder->targets[i]].number);
}
