/* SPDX-License-Identifier: MIT */
/*
 * src/memory/pool.h - things that are kept open, up to so many that are idle.
 *
 * The list of them has a mutex, held for a look only; what it is a list of has
 * one of its own.  A thing begins with a struct slg_pooled.
 *
 * Threads  any; slg_pool_lock is held around the calls that say so
 * Layer    memory
 */
#ifndef SLG_MEMORY_POOL_H
#define SLG_MEMORY_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slg_pooled {
    uint64_t key;
    unsigned users;
    atomic_bool is_dropped;  /* no longer in it: the last user frees it */
    struct slg_pooled *next; /* in its bucket, or in a chain of evicted ones */
    struct slg_pooled *newer;
    struct slg_pooled *older;
};

struct slg_pool;

/* max: how many stay while nobody uses them.  NULL: no memory. */
struct slg_pool *
slg_pool_new(unsigned max);

/* It is empty. */
void
slg_pool_free(struct slg_pool *pool);

void
slg_pool_lock(struct slg_pool *pool);
void
slg_pool_unlock(struct slg_pool *pool);

/* -- with the lock held ---------------------------------------------------- */

/* Is it what is looked for?  Others may have the same key. */
typedef bool (*slg_pool_is_it)(const struct slg_pooled *pooled,
                               const void *wanted);

/* NULL: there is none.  is_it NULL: the key says all. */
struct slg_pooled *
slg_pool_find(const struct slg_pool *pool, uint64_t key, slg_pool_is_it is_it,
              const void *wanted);

/* One more user of one that was found. */
void
slg_pool_use(struct slg_pool *pool, struct slg_pooled *pooled);

/* A new one, with one user.  Its key is set. */
void
slg_pool_add(struct slg_pool *pool, struct slg_pooled *pooled);

/* Nobody finds it any more. */
void
slg_pool_drop(struct slg_pool *pool, struct slg_pooled *pooled);

/* Drop those that are too many and idle, the oldest first: a chain by next. */
struct slg_pooled *
slg_pool_evict(struct slg_pool *pool);

/* The one that was used longest ago, and from there by newer; NULL: none. */
struct slg_pooled *
slg_pool_oldest(const struct slg_pool *pool);

#endif /* SLG_MEMORY_POOL_H */
