/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_edit.c - edits of a segment, and the bytes they make. */
#include "tools/cmd_damage.h"

#include <stdlib.h>
#include <string.h>

static bool
edits_push(struct damage_edits *edits, const struct damage_edit *edit)
{
    if (edits->count == edits->cap) {
        const size_t cap = edits->cap ? 2 * edits->cap : 16;
        struct damage_edit *items = realloc(edits->items, cap * sizeof *items);

        if (!items)
            return false;
        edits->items = items;
        edits->cap = cap;
    }
    edits->items[edits->count++] = *edit;
    return true;
}

bool
damage_edit_add(struct damage_edits *edits, uint64_t from, uint64_t to,
                const void *bytes, uint64_t len)
{
    const struct damage_edit edit = {
        .from = from, .to = to, .len = len, .source = edits->pool_len
    };

    if (len > edits->pool_cap - edits->pool_len) {
        const size_t cap = 2 * (edits->pool_len + (size_t)len);
        uint8_t *pool = realloc(edits->pool, cap);

        if (!pool)
            return false;
        edits->pool = pool;
        edits->pool_cap = cap;
    }
    if (len > 0)
        memcpy(edits->pool + edits->pool_len, bytes, (size_t)len);
    edits->pool_len += (size_t)len;
    return edits_push(edits, &edit);
}

bool
damage_edit_copy(struct damage_edits *edits, uint64_t at, uint64_t to,
                 uint64_t source, uint64_t len)
{
    const struct damage_edit edit = {
        .from = at, .to = to, .len = len, .source = source, .is_copy = true
    };

    return edits_push(edits, &edit);
}

void
damage_edits_free(struct damage_edits *edits)
{
    free(edits->items);
    free(edits->pool);
    *edits = (struct damage_edits){ 0 };
}

static int
edit_compare(const void *left, const void *right)
{
    const struct damage_edit *a = left;
    const struct damage_edit *b = right;

    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return (a->to > b->to) - (a->to < b->to);
}

bool
damage_edits_sort(struct damage_edits *edits)
{
    if (edits->count == 0)
        return true;
    qsort(edits->items, edits->count, sizeof *edits->items, edit_compare);
    for (size_t i = 1; i < edits->count; i++) {
        const struct damage_edit *before = &edits->items[i - 1];
        const struct damage_edit *edit = &edits->items[i];

        /* Two insertions at one place have no order either. */
        if (edit->from < before->to || edit->from == before->from)
            return false;
    }
    return true;
}

static void
image_piece(struct damage_image *image, uint64_t source, uint64_t len)
{
    if (len > 0)
        image->pieces[image->piece_count++] = (struct damage_piece){
            .at = image->size, .len = len, .source = source
        };
}

/* Append bytes of the input. */
static void
image_copy(struct damage_image *image, const struct damage_input *input,
           uint64_t source, uint64_t len)
{
    image_piece(image, source, len);
    memcpy(image->bytes + image->size, input->bytes + source, (size_t)len);
    image->size += len;
}

bool
damage_image_make(const struct damage_input *input,
                  const struct damage_edits *edits, struct damage_image *image)
{
    uint64_t size = input->size;
    uint64_t at = 0;

    for (size_t i = 0; i < edits->count; i++)
        size += edits->items[i].len;
    *image = (struct damage_image){ 0 };
    image->bytes = size < SIZE_MAX ? malloc((size_t)size + 1) : NULL;
    image->pieces = calloc(2 * edits->count + 1, sizeof *image->pieces);
    if (!image->bytes || !image->pieces)
        return false;
    for (size_t i = 0; i < edits->count; i++) {
        const struct damage_edit *edit = &edits->items[i];

        image_copy(image, input, at, edit->from - at);
        if (edit->is_copy) {
            image_copy(image, input, edit->source, edit->len);
        } else if (edit->len > 0) {
            memcpy(image->bytes + image->size, edits->pool + edit->source,
                   (size_t)edit->len);
            image->size += edit->len;
        }
        at = edit->to;
    }
    image_copy(image, input, at, input->size - at);
    return true;
}

void
damage_image_free(struct damage_image *image)
{
    free(image->bytes);
    free(image->pieces);
    *image = (struct damage_image){ 0 };
}
