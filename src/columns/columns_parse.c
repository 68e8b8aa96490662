/* SPDX-License-Identifier: MIT */
/* src/columns/columns_parse.c - JSON lines as paths, shapes and values. */
#include "src/columns/columns_parse.h"

#include <stdlib.h>

#include "src/columns/columns_escape.h"

/* What JSON in strings was unescaped to; it is pointed into. */
struct slg_chunk {
    struct slg_chunk *next;
    size_t len, cap;
    uint8_t bytes[];
};

#define CHUNK_BYTES ((size_t)65536)

static const uint8_t *
value_parse(struct slg_parse *parse, const uint8_t *at, uint32_t path,
            unsigned depth);

static bool
is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool
is_bare(uint8_t byte)
{
    return byte > ' ' && byte != ',' && byte != ']' && byte != '}' &&
           byte != '"' && byte != ':' && byte != '{' && byte != '[' &&
           byte != '\\';
}

static const uint8_t *
space_skip(const uint8_t *at, const uint8_t *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

/* at: behind the opening quote.  Returns the closing one, or NULL. */
static const uint8_t *
string_close(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;

    for (;;) {
        const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            return NULL;
        const uint8_t *back = quote;
        while (back > from && back[-1] == '\\')
            back--;
        if ((quote - back) % 2 == 0)
            return quote;
        at = from = quote + 1;
    }
}

/* -- what is made once ----------------------------------------------------- */

static uint32_t
path_make(struct slg_parse *parse, uint32_t parent, const uint8_t *key,
          size_t len, uint32_t hash)
{
    if (!slg_grow((void **)&parse->paths, &parse->path_cap, parse->path_count,
                  sizeof *parse->paths)) {
        parse->is_bad = true;
        return SLG_NONE;
    }
    parse->paths[parse->path_count] = (struct slg_path){
        .parent = parent,
        .key = key,
        .key_len = (uint32_t)len,
        .hash = hash,
        .ref_by = SLG_NONE,
        .state = SLG_NONE,
        .styles = SLG_NONE,
        .element = SLG_NONE,
        .json = SLG_NONE,
        .number = SLG_NONE,
        .last = SLG_NONE,
    };
    return parse->path_count++;
}

uint32_t
slg_parse_path_add(struct slg_parse *parse, uint32_t parent)
{
    const uint32_t hash =
        parent == SLG_NONE ? 0 : parse->paths[parent].hash * 31 + 1;

    return path_make(parse, parent, NULL, 0, hash);
}

static uint32_t
path_child(struct slg_parse *parse, uint32_t parent, const uint8_t *key,
           size_t len)
{
    const uint32_t hash = slg_path_hash(parse->paths[parent].hash, key, len);
    uint32_t probe = hash;
    unsigned seen = 0;
    uint32_t id;

    while ((id = slg_table_next(&parse->path_table, hash, &probe)) !=
           SLG_NONE) {
        const struct slg_path *path = &parse->paths[id];
        if (path->parent == parent && path->key_len == len &&
            (len == 0 || memcmp(path->key, key, len) == 0))
            return id;
        if (++seen == SLG_SAME_HASH_MAX)
            return SLG_NONE;
    }
    id = path_make(parse, parent, key, len, hash);
    if (id != SLG_NONE && !slg_table_add(&parse->path_table, hash, id))
        parse->is_bad = true;
    return id;
}

static uint32_t
state_make(struct slg_parse *parse, uint32_t path, uint32_t edge)
{
    if (!slg_grow((void **)&parse->states, &parse->state_cap,
                  parse->state_count, sizeof *parse->states)) {
        parse->is_bad = true;
        return SLG_NONE;
    }
    parse->states[parse->state_count] = (struct slg_state){
        .path = path,
        .edge = edge,
        .recent = { SLG_NONE, SLG_NONE, SLG_NONE },
    };
    return parse->state_count++;
}

static uint32_t
edge_make(struct slg_parse *parse, uint32_t from, const uint8_t *text,
          size_t len, uint32_t hash)
{
    const uint32_t id = parse->edge_count;

    if (!slg_grow((void **)&parse->edges, &parse->edge_cap, id,
                  sizeof *parse->edges) ||
        !slg_table_add(&parse->edge_table, hash, id)) {
        parse->is_bad = true;
        return SLG_NONE;
    }
    struct slg_edge edge = { .text = text,
                             .len = (uint32_t)len,
                             .from = from,
                             .to = SLG_NONE,
                             .child = SLG_NONE,
                             .symbol = SLG_NONE };
    parse->edge_count++;
    if (text[len - 1] != '}') {
        const uint32_t path = parse->states[from].path;
        const uint8_t *key = (const uint8_t *)memchr(text, '"', len) + 1;
        const uint8_t *key_end = string_close(key, text + len);
        edge.to = state_make(parse, path, id);
        edge.child = path_child(parse, path, key, (size_t)(key_end - key));
        /* The edge stays, without a path: nobody can take it. */
        if (edge.child == SLG_NONE) {
            parse->edges[id] = edge;
            return SLG_NONE;
        }
    }
    parse->edges[id] = edge;
    return parse->is_bad ? SLG_NONE : id;
}

/* -- objects --------------------------------------------------------------- */

/*
 * What leads from a value, or from the start of an object, to the next value
 * or to the object's end.  Returns where that begins; NULL: this is not JSON.
 */
static const uint8_t *
edge_scan(const uint8_t *at, const uint8_t *end, bool is_first)
{
    if (!is_first)
        at = space_skip(at, end);
    if (at == end)
        return NULL;
    if (*at == '}' && !is_first)
        return at + 1;
    if (*at != (is_first ? '{' : ','))
        return NULL;
    at = space_skip(at + 1, end);
    if (at < end && *at == '}' && is_first)
        return at + 1;
    /* What a broken line has there is part of the shape like anything else. */
    while (at < end && is_bare(*at))
        at++;
    if (at == end || *at != '"')
        return NULL;
    at = string_close(at + 1, end);
    if (!at)
        return NULL;
    at = space_skip(at + 1, end);
    if (at == end || *at != ':')
        return NULL;
    at = space_skip(at + 1, end);
    return at == end || *at == '}' ? NULL : at;
}

static uint32_t
edge_find(struct slg_parse *parse, uint32_t state, const uint8_t *text,
          size_t len)
{
    const uint32_t hash =
        (uint32_t)slg_hash_mix(slg_hash_bytes(text, len), state);
    uint32_t probe = hash;
    unsigned seen = 0;
    uint32_t id;

    while ((id = slg_table_next(&parse->edge_table, hash, &probe)) !=
           SLG_NONE) {
        const struct slg_edge *edge = &parse->edges[id];
        if (edge->from == state && edge->len == len &&
            memcmp(edge->text, text, len) == 0)
            break;
        if (++seen == SLG_SAME_HASH_MAX)
            return SLG_NONE;
    }
    if (id == SLG_NONE)
        id = edge_make(parse, state, text, len, hash);
    else if (parse->edges[id].to != SLG_NONE &&
             parse->edges[id].child == SLG_NONE)
        return SLG_NONE;
    if (id != SLG_NONE) {
        uint32_t *recent = parse->states[state].recent;
        recent[2] = recent[1];
        recent[1] = recent[0];
        recent[0] = id;
    }
    return id;
}

/* The edge that the text goes on with; *at is moved behind it. */
static uint32_t
edge_take(struct slg_parse *parse, uint32_t state, const uint8_t **at,
          bool is_first)
{
    const size_t left = (size_t)(parse->end - *at);

    for (unsigned i = 0; i < 3; i++) {
        const uint32_t id = parse->states[state].recent[i];
        if (id == SLG_NONE)
            break;
        const struct slg_edge *edge = &parse->edges[id];
        if (edge->len > left || memcmp(*at, edge->text, edge->len) != 0)
            continue;
        /* White space that goes on is another edge. */
        if (edge->to != SLG_NONE &&
            (edge->child == SLG_NONE || edge->len == left ||
             is_space((*at)[edge->len])))
            continue;
        *at += edge->len;
        return id;
    }
    const uint8_t *next = edge_scan(*at, parse->end, is_first);
    if (!next)
        return SLG_NONE;
    const uint8_t *text = *at;
    *at = next;
    return edge_find(parse, state, text, (size_t)(next - text));
}

static size_t
event_add(struct slg_parse *parse, uint32_t path, enum slg_value value,
          const uint8_t *at, size_t len)
{
    if (parse->event_count == parse->event_cap) {
        const size_t cap = parse->event_cap + parse->event_cap / 2 + 1024;
        struct slg_event *events = realloc(parse->events, cap * sizeof *events);
        if (!events) {
            parse->is_bad = true;
            return 0;
        }
        parse->events = events;
        parse->event_cap = cap;
    }
    parse->events[parse->event_count] = (struct slg_event){
        .at = at,
        .len = (uint32_t)len,
        .path = path,
        .aux = SLG_NONE,
        .hash = (uint32_t)parse->hash,
        .value = value,
    };
    return parse->event_count++;
}

/* An event that is still there, though others may have been taken back. */
static bool
event_is(const struct slg_parse *parse, uint32_t id, const uint8_t *at,
         size_t len)
{
    if (id >= parse->event_count)
        return false;
    const struct slg_event *event = &parse->events[id];
    return (event->value == SLG_VALUE_OBJECT ||
            event->value == SLG_VALUE_ARRAY) &&
           event->len == len && event->aux != SLG_NONE &&
           memcmp(event->at, at, len) == 0;
}

/*
 * An object or array has been read: if the same stood somewhere before, it
 * becomes a reference, and what was read inside it is taken back.
 */
static void
container_close(struct slg_parse *parse, size_t event_no, const uint8_t *end,
                uint32_t aux)
{
    struct slg_event *event = &parse->events[event_no];
    const size_t len = (size_t)(end - event->at);
    const uint32_t hash = (uint32_t)(parse->hash >> 16);
    uint32_t probe = hash;
    unsigned seen = 0;
    uint32_t id;

    event->len = (uint32_t)len;
    event->hash = hash;
    if (len >= SLG_REF_BYTES_MIN) {
        while ((id = slg_table_next(&parse->ref_table, hash, &probe)) !=
               SLG_NONE) {
            if (!event_is(parse, id, event->at, len)) {
                if (++seen == SLG_SAME_HASH_MAX)
                    break;
                continue;
            }
            parse->event_count = event_no + 1;
            event->value = SLG_VALUE_REF;
            event->aux = id;
            return;
        }
        if (seen < SLG_SAME_HASH_MAX &&
            !slg_table_add(&parse->ref_table, hash, (uint32_t)event_no))
            parse->is_bad = true;
    }
    event->aux = aux;
}

static const uint8_t *
object_parse(struct slg_parse *parse, const uint8_t *at, uint32_t path,
             unsigned depth)
{
    const size_t event_no = event_add(parse, path, SLG_VALUE_OBJECT, at, 0);
    uint64_t hash = 1;
    uint32_t state = parse->paths[path].state;

    if (state == SLG_NONE) {
        state = state_make(parse, path, SLG_NONE);
        parse->paths[path].state = state;
    }
    if (parse->is_bad)
        return NULL;
    for (bool is_first = true;; is_first = false) {
        const uint8_t *text = at;
        const uint32_t id = edge_take(parse, state, &at, is_first);
        if (id == SLG_NONE)
            return NULL;
        const struct slg_edge *edge = &parse->edges[id];
        /* By what it begins with and its length: paths differ in number. */
        hash = slg_hash_mix(hash, edge->len * 256u + text[edge->len / 2]);
        if (edge->to == SLG_NONE) {
            parse->hash = hash;
            container_close(parse, event_no, at, id);
            return at;
        }
        state = edge->to;
        at = value_parse(parse, at, edge->child, depth + 1);
        if (!at)
            return NULL;
        hash = slg_hash_mix(hash, parse->hash);
    }
}

/* -- arrays ---------------------------------------------------------------- */

static bool
same(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

#define STYLES_PER_PATH_MAX 16u

/* separator is NULL when there are fewer than two elements. */
static uint32_t
style_find(struct slg_parse *parse, uint32_t path, struct slg_style want)
{
    uint32_t count = 0;
    uint32_t id = parse->paths[path].styles;

    for (; id != SLG_NONE; id = parse->styles[id].next) {
        const struct slg_style *style = &parse->styles[id];
        if (same(style->open, style->open_len, want.open, want.open_len) &&
            same(style->close, style->close_len, want.close, want.close_len) &&
            (!want.separator || same(style->separator, style->separator_len,
                                     want.separator, want.separator_len)))
            return id;
        count++;
    }
    if (count == STYLES_PER_PATH_MAX)
        return SLG_NONE;
    if (!slg_grow((void **)&parse->styles, &parse->style_cap,
                  parse->style_count, sizeof *parse->styles)) {
        parse->is_bad = true;
        return SLG_NONE;
    }
    if (!want.separator) {
        want.separator = (const uint8_t *)",";
        want.separator_len = 1;
    }
    want.next = parse->paths[path].styles;
    want.symbol = SLG_NONE;
    parse->paths[path].styles = parse->style_count;
    parse->styles[parse->style_count] = want;
    return parse->style_count++;
}

/*
 * What stands between two elements, or before the end.  Returns where it ends;
 * NULL: this is not an array that a style can describe.
 */
static const uint8_t *
separator_parse(const struct slg_parse *parse, const uint8_t *at,
                struct slg_style *style)
{
    const uint8_t *start = at;

    at = space_skip(at, parse->end);
    if (at == parse->end || (*at != ',' && *at != ']'))
        return NULL;
    if (*at == ']') {
        style->close = start;
        style->close_len = (uint32_t)(at + 1 - start);
        return at + 1;
    }
    at = space_skip(at + 1, parse->end);
    const uint32_t len = (uint32_t)(at - start);
    if (style->separator &&
        !same(style->separator, style->separator_len, start, len))
        return NULL;
    style->separator = start;
    style->separator_len = len;
    return at;
}

static const uint8_t *
array_parse(struct slg_parse *parse, const uint8_t *at, uint32_t path,
            unsigned depth)
{
    const size_t event_no = event_add(parse, path, SLG_VALUE_ARRAY, at, 0);
    struct slg_style style = { .open = at };
    uint64_t hash = 2;
    uint32_t count = 0;
    uint32_t element = parse->paths[path].element;

    at = space_skip(at + 1, parse->end);
    style.open_len = (uint32_t)(at - style.open);
    if (at < parse->end && *at == ']') {
        style.close = at++;
        style.close_len = 1;
    } else if (element == SLG_NONE) {
        element = slg_parse_path_add(parse, path);
        parse->paths[path].element = element;
    }
    while (!style.close && !parse->is_bad) {
        at = value_parse(parse, at, element, depth + 1);
        if (!at)
            return NULL;
        count++;
        hash = slg_hash_mix(hash, parse->hash);
        at = separator_parse(parse, at, &style);
        if (!at)
            return NULL;
    }
    const uint32_t id = style_find(parse, path, style);
    if (id == SLG_NONE || parse->is_bad)
        return NULL;
    parse->events[event_no].count = count;
    parse->hash = slg_hash_mix(hash, count);
    container_close(parse, event_no, at, id);
    return at;
}

/* -- scalars --------------------------------------------------------------- */

static uint8_t *
chunk_take(struct slg_parse *parse, size_t len)
{
    struct slg_chunk *chunk = parse->chunks;

    if (!chunk || chunk->cap - chunk->len < len) {
        const size_t cap = len > CHUNK_BYTES ? len : CHUNK_BYTES;
        chunk = malloc(sizeof *chunk + cap);
        if (!chunk) {
            parse->is_bad = true;
            return NULL;
        }
        chunk->next = parse->chunks;
        chunk->len = 0;
        chunk->cap = cap;
        parse->chunks = chunk;
    }
    return chunk->bytes + chunk->len;
}

/* Is what is between the quotes JSON, escaped as our own escaping would? */
static bool
json_parse(struct slg_parse *parse, const uint8_t *at, size_t len,
           uint32_t path, unsigned depth)
{
    const uint8_t last = at[len - 1];
    const size_t mark = parse->event_count;
    const uint8_t *end = parse->end;

    if ((*at != '{' || last != '}') && (*at != '[' || last != ']'))
        return false;
    if (parse->json_depth == SLG_JSON_DEPTH_MAX)
        return false;
    uint8_t *text = chunk_take(parse, len);
    const size_t text_len = text ? slg_unescape(text, at, len) : 0;
    if (text_len == 0)
        return false;
    parse->chunks->len += text_len;
    const size_t event_no = event_add(parse, path, SLG_VALUE_JSON, at, len);
    if (parse->paths[path].json == SLG_NONE) {
        const uint32_t json = slg_parse_path_add(parse, path);
        parse->paths[path].json = json;
    }
    if (parse->is_bad)
        return false;
    parse->events[event_no].aux = (uint32_t)text_len;
    parse->end = text + text_len;
    parse->json_depth++;
    at = value_parse(parse, text, parse->paths[path].json, depth + 1);
    const bool is_json = at == parse->end;
    parse->json_depth--;
    parse->end = end;
    if (!is_json)
        parse->event_count = mark;
    return is_json;
}

static const uint8_t *
string_parse(struct slg_parse *parse, const uint8_t *at, uint32_t path,
             unsigned depth)
{
    const uint8_t *end = string_close(at + 1, parse->end);

    if (!end)
        return NULL;
    const size_t len = (size_t)(end - at - 1);
    if (len >= 8 && (at[1] == '{' || at[1] == '[') &&
        json_parse(parse, at + 1, len, path, depth))
        return end + 1;
    parse->hash = slg_hash_bytes(at + 1, len);
    event_add(parse, path, SLG_VALUE_STRING, at + 1, len);
    return end + 1;
}

static const uint8_t *
bare_parse(struct slg_parse *parse, const uint8_t *at, uint32_t path)
{
    const uint8_t *start = at;
    enum slg_value value = SLG_VALUE_BARE;

    while (at < parse->end && is_bare(*at))
        at++;
    const size_t len = (size_t)(at - start);
    if (len == 0)
        return NULL;
    if (len == 4 && memcmp(start, "null", 4) == 0)
        value = SLG_VALUE_NULL;
    if (len == 4 && memcmp(start, "true", 4) == 0)
        value = SLG_VALUE_TRUE;
    if (len == 5 && memcmp(start, "false", 5) == 0)
        value = SLG_VALUE_FALSE;
    parse->hash = slg_hash_bytes(start, len);
    event_add(parse, path, value, start, len);
    return at;
}

static const uint8_t *
value_parse(struct slg_parse *parse, const uint8_t *at, uint32_t path,
            unsigned depth)
{
    if (at == parse->end || depth > SLG_DEPTH_MAX || parse->is_bad)
        return NULL;
    if (*at == '"')
        return string_parse(parse, at, path, depth);
    if (*at == '{')
        return object_parse(parse, at, path, depth);
    if (*at == '[')
        return array_parse(parse, at, path, depth);
    return bare_parse(parse, at, path);
}

/* -- lines ----------------------------------------------------------------- */

static uint32_t
frame_find(struct slg_parse *parse, struct slg_frame_style want)
{
    for (uint32_t i = 0; i < parse->frame_count; i++) {
        const struct slg_frame_style *frame = &parse->frames[i];
        if (same(frame->lead, frame->lead_len, want.lead, want.lead_len) &&
            same(frame->trail, frame->trail_len, want.trail, want.trail_len))
            return i;
    }
    if (parse->frame_count == SLG_FRAME_STYLE_MAX)
        return SLG_NONE;
    parse->frames[parse->frame_count] = want;
    return parse->frame_count++;
}

uint32_t
slg_parse_line(struct slg_parse *parse, const uint8_t *bytes, size_t len)
{
    const size_t mark = parse->event_count;
    uint32_t frame = SLG_NONE;

    /* A zero byte ends texts in a block, so there is none inside them. */
    if (len == 0 || memchr(bytes, 0, len))
        return SLG_NONE;
    parse->end = bytes + len;
    const uint8_t *start = space_skip(bytes, parse->end);
    const uint8_t *end = value_parse(parse, start, 0, 0);
    if (end) {
        const struct slg_frame_style want = {
            .lead = bytes,
            .lead_len = (uint32_t)(start - bytes),
            .trail = end,
            .trail_len = (uint32_t)(bytes + len - end),
        };
        if (space_skip(end, parse->end) == parse->end)
            frame = frame_find(parse, want);
    }
    if (frame == SLG_NONE)
        parse->event_count = mark;
    return frame;
}

bool
slg_parse_init(struct slg_parse *parse)
{
    *parse = (struct slg_parse){ 0 };
    return slg_parse_path_add(parse, SLG_NONE) == 0;
}

void
slg_parse_free(struct slg_parse *parse)
{
    while (parse->chunks) {
        struct slg_chunk *next = parse->chunks->next;
        free(parse->chunks);
        parse->chunks = next;
    }
    free(parse->events);
    free(parse->paths);
    free(parse->states);
    free(parse->edges);
    free(parse->styles);
    free(parse->edge_table.slots);
    free(parse->path_table.slots);
    free(parse->ref_table.slots);
    *parse = (struct slg_parse){ 0 };
}
