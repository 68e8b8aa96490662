/* SPDX-License-Identifier: MIT */
/*
 * src/memory/arena.h - memory that is given back all at once.
 *
 * Layer  memory.
 */
#ifndef SLG_ARENA_H
#define SLG_ARENA_H

#include <stddef.h>

struct slg_arena_block;

/* Zeroed: empty. */
struct slg_arena {
    struct slg_arena_block *blocks; /* the last one first */
};

/* len bytes that stay where they are; NULL: no memory. */
void *
slg_arena_take(struct slg_arena *arena, size_t len);

/* Give everything back. */
void
slg_arena_clear(struct slg_arena *arena);

#endif /* SLG_ARENA_H */
