/* SPDX-License-Identifier: MIT */
/* src/columns/columns_shapes.c - paths and shapes, each of which is made once. */
#include <stdlib.h>

#include "src/columns/columns_parse.h"
#include "src/columns/columns_scan.h"

#define CHUNK_BYTES ((size_t)65536)

static uint32_t
path_make(struct slg_parse *parse, uint32_t parent, const uint8_t *key,
          size_t len, uint32_t hash)
{
    if (parse->path_count == SLG_PATHS_MAX)
        return SLG_NONE;
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

uint32_t
slg_parse_state(struct slg_parse *parse, uint32_t path, uint32_t edge)
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

uint8_t *
slg_parse_room(struct slg_parse *parse, size_t len)
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

static uint32_t
edge_make(struct slg_parse *parse, uint32_t from, const uint8_t *text,
          size_t len, uint32_t hash)
{
    const uint32_t id = parse->edge_count;
    uint8_t *own = slg_parse_room(parse, len + SLG_SLACK);

    if (!own)
        return SLG_NONE;
    /* What comes is compared with it in steps, beyond its end. */
    memcpy(own, text, len);
    memset(own + len, 0, SLG_SLACK);
    parse->chunks->len += len + SLG_SLACK;
    text = own;
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
        const uint8_t *key_end = slg_string_close(key, text + len);
        edge.to = slg_parse_state(parse, path, id);
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

/* -- edges ----------------------------------------------------------------- */

/*
 * What leads from a value, or from the start of an object, to the next value
 * or to the object's end.  Returns where that begins; NULL: this is not JSON.
 */
static const uint8_t *
edge_scan(const uint8_t *at, const uint8_t *end, bool is_first)
{
    if (!is_first)
        at = slg_space_skip(at, end);
    if (at == end)
        return NULL;
    if (*at == '}' && !is_first)
        return at + 1;
    if (*at != (is_first ? '{' : ','))
        return NULL;
    at = slg_space_skip(at + 1, end);
    if (at < end && *at == '}' && is_first)
        return at + 1;
    /* What a broken line has there is part of the shape like anything else. */
    while (at < end && slg_is_bare(*at))
        at++;
    if (at == end || *at != '"')
        return NULL;
    at = slg_string_close(at + 1, end);
    if (!at)
        return NULL;
    at = slg_space_skip(at + 1, end);
    if (at == end || *at != ':')
        return NULL;
    at = slg_space_skip(at + 1, end);
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

/* Does the text go on with that of the edge?  left: bytes of the text. */
static bool
edge_is_next(const uint8_t *at, size_t left, const struct slg_edge *edge)
{
    const uint8_t *want = edge->text;
    size_t len = edge->len;

    if (len > left)
        return false;
    /* Behind a line there may be nothing to read. */
    if (left < len + 16)
        return memcmp(at, want, len) == 0;
    for (; len > 16; len -= 16, at += 16, want += 16) {
        if (slg_mask_other(at, want))
            return false;
    }
    return slg_mask_first(slg_mask_other(at, want)) >= len;
}

uint32_t
slg_parse_edge(struct slg_parse *parse, uint32_t state, const uint8_t **at,
               bool is_first)
{
    const size_t left = (size_t)(parse->end - *at);

    for (unsigned i = 0; i < 3; i++) {
        const uint32_t id = parse->states[state].recent[i];
        if (id == SLG_NONE)
            break;
        const struct slg_edge *edge = &parse->edges[id];
        if (!edge_is_next(*at, left, edge))
            continue;
        /* White space that goes on is another edge. */
        if (edge->to != SLG_NONE &&
            (edge->child == SLG_NONE || edge->len == left ||
             slg_is_space((*at)[edge->len])))
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

/* -- what stands around values --------------------------------------------- */

#define STYLES_PER_PATH_MAX 16u

uint32_t
slg_parse_style(struct slg_parse *parse, uint32_t path, struct slg_style want)
{
    uint32_t count = 0;
    uint32_t id = parse->paths[path].styles;

    for (; id != SLG_NONE; id = parse->styles[id].next) {
        const struct slg_style *style = &parse->styles[id];
        if (slg_same_text(style->open, style->open_len, want.open,
                          want.open_len) &&
            slg_same_text(style->close, style->close_len, want.close,
                          want.close_len) &&
            (!want.separator ||
             slg_same_text(style->separator, style->separator_len,
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

uint32_t
slg_parse_frame(struct slg_parse *parse, struct slg_frame_style want)
{
    for (uint32_t i = 0; i < parse->frame_count; i++) {
        const struct slg_frame_style *frame = &parse->frames[i];
        if (slg_same_text(frame->lead, frame->lead_len, want.lead,
                          want.lead_len) &&
            slg_same_text(frame->trail, frame->trail_len, want.trail,
                          want.trail_len))
            return i;
    }
    if (parse->frame_count == SLG_FRAME_STYLE_MAX)
        return SLG_NONE;
    parse->frames[parse->frame_count] = want;
    return parse->frame_count++;
}
