/* SPDX-License-Identifier: MIT */
/* src/session/replay_keep.c - blocks of bytes and growing arrays. */
#include "src/session/replay_keep.h"

#include <stdint.h>
#include <stdlib.h>

/* Small, because many segments are; longer lines get a block of their own. */
#define BLOCK_BYTES ((size_t)16384)

struct slg_keep_block {
    struct slg_keep_block *before;
    size_t used;
    size_t cap;
    char bytes[];
};

char *
slg_keep_take(struct slg_keep *keep, size_t len)
{
    struct slg_keep_block *block = keep->block;

    if (!block || len > block->cap - block->used) {
        const size_t cap = len > BLOCK_BYTES ? len : BLOCK_BYTES;

        if (cap > SIZE_MAX - sizeof *block)
            return NULL;
        block = malloc(sizeof *block + cap);
        if (!block)
            return NULL;
        block->before = keep->block;
        block->used = 0;
        block->cap = cap;
        keep->block = block;
    }

    char *bytes = block->bytes + block->used;

    block->used += len;
    return bytes;
}

struct slg_keep_mark
slg_keep_mark(const struct slg_keep *keep)
{
    return (struct slg_keep_mark){ keep->block,
                                   keep->block ? keep->block->used : 0 };
}

void
slg_keep_back(struct slg_keep *keep, struct slg_keep_mark mark)
{
    while (keep->block != mark.block) {
        struct slg_keep_block *before = keep->block->before;

        free(keep->block);
        keep->block = before;
    }
    if (keep->block)
        keep->block->used = mark.used;
}

void
slg_keep_free(struct slg_keep *keep)
{
    slg_keep_back(keep, (struct slg_keep_mark){ NULL, 0 });
}

void *
slg_array_push(struct slg_array *array, size_t item_size)
{
    if (array->count == array->cap) {
        const size_t cap = array->cap ? array->cap * 2 : 16;
        void *items;

        if (cap > SIZE_MAX / item_size)
            return NULL;
        items = realloc(array->items, cap * item_size);
        if (!items)
            return NULL;
        array->items = items;
        array->cap = cap;
    }
    return (char *)array->items + item_size * array->count++;
}
