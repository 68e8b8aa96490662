/* SPDX-License-Identifier: MIT */
/* src/segment/segment_seal_costs.c - where the bytes of blocks are. */
#include <stdlib.h>
#include <string.h>

#include "format/frame.h"
#include "seglog/seal.h"
#include "src/segment/segment_block.h"
#include "src/segment/segment_walk.h"
#include "src/store/fail.h"

/* What the count and the coding of a block take. */
#define FRAMING "framing"

struct cost_list {
    struct seglog_cost *items; /* their paths are copies */
    size_t count;
    size_t cap;
    size_t merged; /* the first ones, each path and form once */
    bool is_out_of_memory;
};

static void
list_free(struct cost_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((void *)(uintptr_t)list->items[i].path);
    free(list->items);
}

/* What has no path comes first. */
static int
cost_compare(const void *left, const void *right)
{
    const struct seglog_cost *a = left;
    const struct seglog_cost *b = right;
    int order = 0;

    if (!a->path || !b->path)
        order = (a->path != NULL) - (b->path != NULL);
    else
        order = strcmp(a->path, b->path);
    return order != 0 ? order : strcmp(a->form, b->form);
}

static void
list_merge(struct cost_list *list)
{
    size_t kept = 0;

    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, cost_compare);
    for (size_t i = 1; i < list->count; i++) {
        struct seglog_cost *to = &list->items[kept];
        struct seglog_cost *from = &list->items[i];

        if (cost_compare(to, from) != 0) {
            list->items[++kept] = *from;
            continue;
        }
        to->values += from->values;
        to->text_bytes += from->text_bytes;
        to->stored_bytes += from->stored_bytes;
        free((void *)(uintptr_t)from->path);
    }
    if (list->count > 0)
        list->count = kept + 1;
    list->merged = list->count;
}

/* There are many blocks and few paths: what is the same is added up whenever
 * the list has doubled. */
static bool
list_reserve(struct cost_list *list)
{
    const size_t cap = list->cap ? 2 * list->cap : 256;
    struct seglog_cost *items = NULL;

    if (list->count < list->cap)
        return true;
    if (list->count > 2 * list->merged)
        list_merge(list);
    if (list->count < list->cap / 2)
        return true;
    items = realloc(list->items, cap * sizeof *items);
    if (!items)
        return false;
    list->items = items;
    list->cap = cap;
    return true;
}

static void
list_add(struct cost_list *list, const struct seglog_cost *cost)
{
    const size_t len = cost->path ? strlen(cost->path) + 1 : 0;
    char *path = NULL;

    if (list->is_out_of_memory)
        return;
    if (cost->path)
        path = malloc(len);
    if ((cost->path && !path) || !list_reserve(list)) {
        free(path);
        list->is_out_of_memory = true;
        return;
    }
    if (path)
        memcpy(path, cost->path, len);
    list->items[list->count] = *cost;
    list->items[list->count++].path = path;
}

#ifdef SEGLOG_HAVE_ZSTD

static void
on_columns(void *arg, const struct slg_columns_cost *cost)
{
    const struct seglog_cost added = {
        .path = cost->path,
        .form = slg_columns_form_name(cost->form),
        .values = cost->values,
        .text_bytes = cost->plain,
        .stored_bytes = cost->packed,
    };

    list_add(arg, &added);
}

static seglog_code
columns_add(struct cost_list *list, const uint8_t *data, size_t len,
            uint64_t count, uint64_t body_max)
{
    const struct slg_columns_limits limits = {
        .bytes_max = (size_t)body_max,
        .records_max = (size_t)count,
        .record_max = (size_t)body_max,
    };

    return slg_columns_get_costs(data, len, &limits, on_columns, list);
}

#else

static seglog_code
columns_add(struct cost_list *list, const uint8_t *data, size_t len,
            uint64_t count, uint64_t body_max)
{
    (void)list;
    (void)data;
    (void)len;
    (void)count;
    (void)body_max;
    return SEGLOG_FORMAT;
}

#endif

/* Of the records of a block: its plain body is a sound one. */
static uint64_t
text_len(const struct slg_step *step)
{
    uint64_t value = 0;
    uint64_t text = 0;
    size_t at = slg_varint_get(step->body, step->body_len, &value);

    while (at < step->body_len) {
        at += slg_varint_get(step->body + at, step->body_len - at, &value);
        text += value >> 2;
        at += (size_t)(value >> 2);
    }
    return text;
}

/* The walk has found it valid, and decoded it. */
static seglog_code
block_add(struct cost_list *list, const struct slg_step *step,
          uint64_t body_max)
{
    const uint8_t *body = step->bytes + step->frame.head_len;
    const size_t len = (size_t)step->frame.body_len;
    uint64_t count = 0;
    const size_t used = slg_varint_get(body, len, &count);
    struct seglog_cost framing = { .form = FRAMING, .stored_bytes = used + 1 };

    if (body[used] == SLG_BLOCK_COLUMNS) {
        list_add(list, &framing);
        return columns_add(list, body + used + 1, len - used - 1, count,
                           body_max);
    }
    framing.form = body[used] == SLG_BLOCK_PLAIN ? "plain" : "parent";
    framing.values = count;
    framing.text_bytes = text_len(step);
    framing.stored_bytes = len;
    list_add(list, &framing);
    return SEGLOG_OK;
}

static seglog_code
fail_damaged(const struct slg_walk *walk, struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name,
                                     .record_no = walk->at.number,
                                     .offset = walk->at.pos };

    return slg_fail(err, SEGLOG_CORRUPT, &place,
                    "the segment is damaged: `seglog check` says how");
}

static seglog_code
blocks_add(struct cost_list *list, struct slg_walk *walk,
           struct seglog_error *err)
{
    const struct slg_place place = { .name = walk->window.name,
                                     .offset = SEGLOG_NO_OFFSET };
    struct slg_step step;
    seglog_code code = SEGLOG_OK;

    if (!walk->limits.is_sealed)
        return slg_fail(err, SEGLOG_INVALID, &place, "it is not sealed");
    while (code == SEGLOG_OK) {
        code = slg_walk_step(walk, &step, err);
        if (code == SEGLOG_OK && step.frame.kind == SLG_FRAME_BLOCK)
            code = block_add(list, &step, walk->limits.body_max);
        if (list->is_out_of_memory || code == SEGLOG_NO_MEMORY)
            return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                            "no memory to look at the blocks");
    }
    return code == SEGLOG_CORRUPT ? fail_damaged(walk, err) : code;
}

static seglog_code
segment_add(struct cost_list *list, struct seglog_store store,
            struct seglog_blob blob, const char *name, struct seglog_error *err)
{
    const struct slg_walk_source source = { .store = &store };
    struct slg_walk *walk = calloc(1, sizeof *walk);
    seglog_code code = SEGLOG_OK;

    if (!walk)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory to read a segment");
    code = slg_walk_open(walk, blob, name, false, &source, err);
    if (code == SEGLOG_OK)
        code = blocks_add(list, walk, err);
    slg_walk_reset(walk);
    free(walk);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

seglog_code
seglog_segment_get_costs(struct seglog_store store, const char *name,
                         void (*on_cost)(void *arg,
                                         const struct seglog_cost *cost),
                         void *arg, struct seglog_error *err)
{
    struct cost_list list = { .items = NULL };
    struct seglog_blob blob = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!on_cost)
        return slg_fail(err, SEGLOG_INVALID, NULL, "on_cost is NULL");
    code = seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, err);
    if (code == SEGLOG_OK)
        code = segment_add(&list, store, blob, name, err);
    (void)seglog_blob_close(&blob, NULL);
    if (code == SEGLOG_OK)
        list_merge(&list);
    for (size_t i = 0; i < list.count && code == SEGLOG_OK; i++)
        on_cost(arg, &list.items[i]);
    list_free(&list);
    return code;
}
