/* SPDX-License-Identifier: MIT */
/* src/memory/arena.c - memory that is given back all at once. */
#include "src/memory/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_BYTES ((size_t)65536)

struct slg_arena_block {
    struct slg_arena_block *next;
    size_t used;
    size_t cap;
    alignas(max_align_t) unsigned char bytes[];
};

void *
slg_arena_take(struct slg_arena *arena, size_t len)
{
    const size_t align = alignof(max_align_t);
    struct slg_arena_block *block = arena->blocks;
    void *taken = NULL;

    if (len > SIZE_MAX / 2)
        return NULL;
    len = (len + align - 1) / align * align;
    if (!block || block->cap - block->used < len) {
        const size_t cap = len > BLOCK_BYTES / 4 ? len : BLOCK_BYTES;

        block = malloc(sizeof *block + cap);
        if (!block)
            return NULL;
        block->used = 0;
        block->cap = cap;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    taken = block->bytes + block->used;
    block->used += len;
    return taken;
}

void
slg_arena_clear(struct slg_arena *arena)
{
    while (arena->blocks) {
        struct slg_arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
}
