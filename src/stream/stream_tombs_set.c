/* SPDX-License-Identifier: MIT */
/* src/stream/stream_tombs_set.c - tombstones by number, in any order. */
#include <stdlib.h>
#include <string.h>

#include "src/segment/segment_chain.h"
#include "src/stream/stream_tombs.h"

static int
hash_compare(const struct seglog_chain_hash *a,
             const struct seglog_chain_hash *b)
{
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return memcmp(a->bytes, b->bytes, a->len);
}

static int
tomb_compare(const struct slg_tombstone *a, const struct slg_tombstone *b)
{
    int order = 0;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    order = hash_compare(&a->before, &b->before);
    return order != 0 ? order : hash_compare(&a->hash, &b->hash);
}

static size_t
run_end(const struct slg_tombs *tombs, size_t run)
{
    return run + 1 < tombs->run_count ? tombs->runs[run + 1] : tombs->count;
}

/* The first of them that is not before it. */
static size_t
run_find(const struct slg_tombs *tombs, size_t run,
         const struct slg_tombstone *tombstone)
{
    size_t low = tombs->runs[run];
    size_t high = run_end(tombs, run);

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (tomb_compare(&tombs->items[middle], tombstone) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t
slg_tombs_find(const struct slg_tombs *tombs, uint64_t number)
{
    const struct slg_tombstone first = { .number = number };

    return tombs->run_count > 0 ? run_find(tombs, 0, &first) : 0;
}

bool
slg_tombs_have(const struct slg_tombs *tombs, uint64_t number)
{
    const struct slg_tombstone first = { .number = number };

    for (size_t run = 0; run < tombs->run_count; run++) {
        const size_t at = run_find(tombs, run, &first);

        if (at < run_end(tombs, run) && tombs->items[at].number == number)
            return true;
    }
    return false;
}

static bool
is_there(const struct slg_tombs *tombs, const struct slg_tombstone *tombstone)
{
    for (size_t run = 0; run < tombs->run_count; run++) {
        const size_t at = run_find(tombs, run, tombstone);

        if (at < run_end(tombs, run) &&
            tomb_compare(&tombs->items[at], tombstone) == 0)
            return true;
    }
    return false;
}

/* The last two. */
static bool
runs_merge(struct slg_tombs *tombs)
{
    const size_t begin = tombs->runs[tombs->run_count - 2];
    const size_t middle = tombs->runs[tombs->run_count - 1];
    const size_t count = middle - begin;
    struct slg_tombstone *first = malloc(count * sizeof *first);
    size_t out = begin;
    size_t from = middle;
    size_t i = 0;

    if (!first)
        return false;
    memcpy(first, tombs->items + begin, count * sizeof *first);
    while (i < count) {
        const bool is_second = from < tombs->count &&
                               tomb_compare(&tombs->items[from], &first[i]) < 0;

        tombs->items[out++] = is_second ? tombs->items[from++] : first[i++];
    }
    free(first);
    tombs->run_count--;
    return true;
}

bool
slg_tombs_settle(struct slg_tombs *tombs)
{
    while (tombs->run_count > 1) {
        if (!runs_merge(tombs))
            return false;
    }
    return true;
}

static bool
items_reserve(struct slg_tombs *tombs)
{
    const size_t cap = tombs->cap ? 2 * tombs->cap : 16;
    struct slg_tombstone *grown = NULL;

    if (tombs->count < tombs->cap)
        return true;
    grown = realloc(tombs->items, cap * sizeof *grown);
    if (!grown)
        return false;
    tombs->items = grown;
    tombs->cap = cap;
    return true;
}

/* Is the last run to be merged with the one before it? */
static bool
last_is_long(const struct slg_tombs *tombs)
{
    const size_t *runs = tombs->runs + tombs->run_count - 2;

    return tombs->run_count > 1 &&
           2 * (tombs->count - runs[1]) >= runs[1] - runs[0];
}

bool
slg_tombs_add(struct slg_tombs *tombs, const struct slg_tombstone *tombstone)
{
    if (is_there(tombs, tombstone))
        return true;
    /* They are that many only where there was no memory to merge them. */
    if (!items_reserve(tombs) ||
        (tombs->run_count == SLG_TOMBS_RUNS_MAX && !slg_tombs_settle(tombs)))
        return false;
    if (tombs->run_count == 0 ||
        tomb_compare(&tombs->items[tombs->count - 1], tombstone) > 0)
        tombs->runs[tombs->run_count++] = tombs->count;
    tombs->items[tombs->count++] = *tombstone;
    while (last_is_long(tombs)) {
        if (!runs_merge(tombs))
            return false;
    }
    return true;
}

const struct slg_tombstone *
slg_tombs_match(const struct slg_tombs *tombs, uint64_t number,
                const struct seglog_chain_hash *before)
{
    for (size_t at = slg_tombs_find(tombs, number);
         at < tombs->count && tombs->items[at].number == number; at++) {
        if (!before || slg_chain_hash_is_same(&tombs->items[at].before, before))
            return &tombs->items[at];
    }
    return NULL;
}
