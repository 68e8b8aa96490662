/* SPDX-License-Identifier: MIT */
/* src/columns/columns_parse.c - JSON lines as paths, shapes and values. */
#include "src/columns/columns_parse.h"

#include <stdlib.h>

#include "src/columns/columns_escape.h"
#include "src/columns/columns_scan.h"

static const uint8_t *
value_parse(struct slg_parse *parse, const uint8_t *at, uint32_t path,
            unsigned depth);

/* -- objects --------------------------------------------------------------- */

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
        .path_value = path << SLG_VALUE_BITS | (uint32_t)value,
        .aux = SLG_NONE,
        .hash = (uint32_t)parse->hash,
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
    const enum slg_value value = slg_event_value(event);
    return (value == SLG_VALUE_OBJECT || value == SLG_VALUE_ARRAY) &&
           event->len == len && event->aux != SLG_NONE &&
           memcmp(event->at, at, len) == 0;
}

/*
 * An object or array has been read: if the same stood somewhere before, it
 * becomes a reference, and what was read inside it is taken back.
 */
static void
container_close(struct slg_parse *parse, size_t event_no, const uint8_t *end,
                uint32_t aux, uint32_t count)
{
    struct slg_event *event = &parse->events[event_no];
    const size_t len = (size_t)(end - event->at);
    const uint32_t hash = (uint32_t)(parse->hash >> 16);
    uint32_t probe = hash;
    unsigned seen = 0;
    uint32_t id;

    event->len = (uint32_t)len;
    event->hash = count;
    if (len >= SLG_REF_BYTES_MIN) {
        while ((id = slg_table_next(&parse->ref_table, hash, &probe)) !=
               SLG_NONE) {
            if (!event_is(parse, id, event->at, len)) {
                if (++seen == SLG_SAME_HASH_MAX)
                    break;
                continue;
            }
            parse->event_count = event_no + 1;
            slg_event_set_value(event, SLG_VALUE_REF);
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
        state = slg_parse_state(parse, path, SLG_NONE);
        parse->paths[path].state = state;
    }
    if (parse->is_bad)
        return NULL;
    for (bool is_first = true;; is_first = false) {
        const uint8_t *text = at;
        const uint32_t id = slg_parse_edge(parse, state, &at, is_first);
        if (id == SLG_NONE)
            return NULL;
        const struct slg_edge *edge = &parse->edges[id];
        /* By what it begins with and its length: paths differ in number. */
        hash = slg_hash_mix(hash, edge->len * 256u + text[edge->len / 2]);
        if (edge->to == SLG_NONE) {
            parse->hash = hash;
            container_close(parse, event_no, at, id, 0);
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

/*
 * What stands between two elements, or before the end.  Returns where it ends;
 * NULL: this is not an array that a style can describe.
 */
static const uint8_t *
separator_parse(const struct slg_parse *parse, const uint8_t *at,
                struct slg_style *style)
{
    const uint8_t *start = at;

    at = slg_space_skip(at, parse->end);
    if (at == parse->end || (*at != ',' && *at != ']'))
        return NULL;
    if (*at == ']') {
        style->close = start;
        style->close_len = (uint32_t)(at + 1 - start);
        return at + 1;
    }
    at = slg_space_skip(at + 1, parse->end);
    const uint32_t len = (uint32_t)(at - start);
    if (style->separator &&
        !slg_same_text(style->separator, style->separator_len, start, len))
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

    at = slg_space_skip(at + 1, parse->end);
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
    const uint32_t id = slg_parse_style(parse, path, style);
    if (id == SLG_NONE || parse->is_bad)
        return NULL;
    parse->hash = slg_hash_mix(hash, count);
    container_close(parse, event_no, at, id, count);
    return at;
}

/* -- scalars --------------------------------------------------------------- */

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
    uint8_t *text = slg_parse_room(parse, len + SLG_SLACK);
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
    const uint8_t *end = slg_string_close(at + 1, parse->end);

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

    while (at < parse->end && slg_is_bare(*at))
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

uint32_t
slg_parse_line(struct slg_parse *parse, const uint8_t *bytes, size_t len)
{
    const size_t mark = parse->event_count;
    uint32_t frame = SLG_NONE;

    /* A zero byte ends texts in a block, so there is none inside them. */
    if (len == 0 || memchr(bytes, 0, len))
        return SLG_NONE;
    parse->end = bytes + len;
    const uint8_t *start = slg_space_skip(bytes, parse->end);
    const uint8_t *end = value_parse(parse, start, 0, 0);
    if (end) {
        const struct slg_frame_style want = {
            .lead = bytes,
            .lead_len = (uint32_t)(start - bytes),
            .trail = end,
            .trail_len = (uint32_t)(bytes + len - end),
        };
        if (slg_space_skip(end, parse->end) == parse->end)
            frame = slg_parse_frame(parse, want);
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
    free(parse->sorted);
    free(parse->paths);
    free(parse->states);
    free(parse->edges);
    free(parse->styles);
    free(parse->edge_table.slots);
    free(parse->path_table.slots);
    free(parse->ref_table.slots);
    *parse = (struct slg_parse){ 0 };
}
