/* SPDX-License-Identifier: MIT */
/* src/memory/pool.c - things that are kept open, up to so many that are idle. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/memory/pool.h"

#include <pthread.h>
#include <stdlib.h>

#define BUCKETS_MIN ((size_t)64)
#define BUCKETS_MAX ((size_t)4096)

struct slg_pool {
    pthread_mutex_t mutex;
    unsigned max;
    unsigned count;
    struct slg_pooled *newest;
    struct slg_pooled *oldest;
    size_t bucket_mask;
    struct slg_pooled *buckets[];
};

struct slg_pool *
slg_pool_new(unsigned max)
{
    struct slg_pool *pool = NULL;
    size_t buckets = BUCKETS_MIN;

    while (buckets < BUCKETS_MAX && buckets / 2 < max)
        buckets *= 2;
    pool = calloc(1, sizeof *pool + buckets * sizeof pool->buckets[0]);
    if (!pool || pthread_mutex_init(&pool->mutex, NULL) != 0) {
        free(pool);
        return NULL;
    }
    pool->max = max;
    pool->bucket_mask = buckets - 1;
    return pool;
}

void
slg_pool_free(struct slg_pool *pool)
{
    if (!pool)
        return;
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

void
slg_pool_lock(struct slg_pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
}

void
slg_pool_unlock(struct slg_pool *pool)
{
    (void)pthread_mutex_unlock(&pool->mutex);
}

static size_t
bucket_of(const struct slg_pool *pool, uint64_t key)
{
    const uint64_t hash = key * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)(hash >> 40) & pool->bucket_mask;
}

static void
list_unlink(struct slg_pool *pool, struct slg_pooled *pooled)
{
    if (pooled->newer)
        pooled->newer->older = pooled->older;
    else
        pool->newest = pooled->older;
    if (pooled->older)
        pooled->older->newer = pooled->newer;
    else
        pool->oldest = pooled->newer;
    pooled->newer = NULL;
    pooled->older = NULL;
}

static void
list_link_newest(struct slg_pool *pool, struct slg_pooled *pooled)
{
    pooled->older = pool->newest;
    pooled->newer = NULL;
    if (pool->newest)
        pool->newest->newer = pooled;
    else
        pool->oldest = pooled;
    pool->newest = pooled;
}

struct slg_pooled *
slg_pool_find(const struct slg_pool *pool, uint64_t key, slg_pool_is_it is_it,
              const void *wanted)
{
    struct slg_pooled *at = pool->buckets[bucket_of(pool, key)];

    while (at && (at->key != key || (is_it && !is_it(at, wanted))))
        at = at->next;
    return at;
}

void
slg_pool_use(struct slg_pool *pool, struct slg_pooled *pooled)
{
    if (pool->newest != pooled) {
        list_unlink(pool, pooled);
        list_link_newest(pool, pooled);
    }
    pooled->users++;
}

void
slg_pool_add(struct slg_pool *pool, struct slg_pooled *pooled)
{
    struct slg_pooled **bucket = &pool->buckets[bucket_of(pool, pooled->key)];

    pooled->next = *bucket;
    *bucket = pooled;
    pooled->users = 1;
    list_link_newest(pool, pooled);
    pool->count++;
}

void
slg_pool_drop(struct slg_pool *pool, struct slg_pooled *pooled)
{
    struct slg_pooled **link = &pool->buckets[bucket_of(pool, pooled->key)];

    if (pooled->is_dropped)
        return;
    while (*link != pooled)
        link = &(*link)->next;
    *link = pooled->next;
    list_unlink(pool, pooled);
    pooled->is_dropped = true;
    pool->count--;
}

struct slg_pooled *
slg_pool_evict(struct slg_pool *pool)
{
    struct slg_pooled *evicted = NULL;
    struct slg_pooled *at = pool->oldest;

    while (at && pool->count > pool->max) {
        struct slg_pooled *newer = at->newer;

        if (at->users == 0) {
            slg_pool_drop(pool, at);
            at->next = evicted;
            evicted = at;
        }
        at = newer;
    }
    return evicted;
}

struct slg_pooled *
slg_pool_oldest(const struct slg_pool *pool)
{
    return pool->oldest;
}
