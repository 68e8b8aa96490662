/* SPDX-License-Identifier: MIT */
/* src/columns/columns_object.c - the keys of objects, and how they are written. */
#include <stdlib.h>
#include <string.h>

#include "src/columns/columns_stream.h"

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
    *edges = malloc(((size_t)count + 1) * sizeof **edges);
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

void
slg_object_define(struct slg_encoder *encoder, uint32_t end)
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
        slg_child_add(encoder, edge->child);
    }
    if (spelling == SLG_SPELLING_OTHER) {
        slg_buf_put(shape, parse->edges[end].text, parse->edges[end].len);
        slg_buf_byte(shape, 0);
    }
    encoder->parts += count + 1;
    free(edges);
}
