/* SPDX-License-Identifier: MIT */
/* src/stream/stream_slot.c - the streams that are open for appending. */
#define _POSIX_C_SOURCE 200809L /* pthread */

#include "src/stream/stream_slot.h"

#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

/*
 * Streams that were closed to make room for others and are not finished: they
 * have no checkpoint at their end, and may have to be synced.  In order.
 */
struct left_list {
    uint64_t *streams;
    size_t count;
    size_t cap;
};

struct slg_slots {
    struct slg_streams *streams;
    struct slg_pool *pool;
    struct left_list left; /* under the mutex of the pool */
};

/* -- one of them ----------------------------------------------------------- */

seglog_code
slg_slot_close_writer(struct slg_slot *slot, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (slot->sync_blob.ops)
        (void)seglog_blob_close(&slot->sync_blob, NULL);
    /* Nothing is buffered between two rounds. */
    code = seglog_writer_close(slot->writer, err);
    slot->writer = NULL;
    slot->noted = (struct slg_writer_place){ 0 };
    slot->checkpoint_at = 0;
    return code;
}

static void
slot_free(struct slg_slot *slot)
{
    (void)slg_slot_close_writer(slot, NULL);
    slg_readers_reset(&slot->readers);
    slg_tombs_reset(&slot->tombs);
    (void)pthread_mutex_destroy(&slot->tombs_mutex);
    (void)pthread_mutex_destroy(&slot->mutex);
    (void)pthread_cond_destroy(&slot->sync_end);
    free(slot);
}

static bool
locks_init(struct slg_slot *slot)
{
    if (pthread_mutex_init(&slot->mutex, NULL) != 0)
        return false;
    if (pthread_mutex_init(&slot->tombs_mutex, NULL) == 0) {
        if (pthread_cond_init(&slot->sync_end, NULL) == 0) {
            if (slg_readers_init(&slot->readers, slot->streams->store,
                                 slot->stream))
                return true;
            (void)pthread_cond_destroy(&slot->sync_end);
        }
        (void)pthread_mutex_destroy(&slot->tombs_mutex);
    }
    (void)pthread_mutex_destroy(&slot->mutex);
    return false;
}

static struct slg_slot *
slot_new(struct slg_streams *streams, uint64_t stream)
{
    struct slg_slot *slot = calloc(1, sizeof *slot);

    if (!slot)
        return NULL;
    slot->pooled.key = stream;
    slot->stream = stream;
    slot->streams = streams;
    if (locks_init(slot))
        return slot;
    free(slot);
    return NULL;
}

static struct slg_slot *
slot_of(struct slg_pooled *pooled)
{
    return (struct slg_slot *)(void *)pooled;
}

/* -- those that were closed before they were finished ---------------------- */

static size_t
left_find(const struct left_list *left, uint64_t stream)
{
    size_t low = 0;
    size_t high = left->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (left->streams[middle] < stream)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
left_add(struct left_list *left, uint64_t stream)
{
    const size_t at = left_find(left, stream);

    if (at < left->count && left->streams[at] == stream)
        return true;
    if (left->count == left->cap) {
        const size_t cap = left->cap ? 2 * left->cap : 64;
        uint64_t *grown = realloc(left->streams, cap * sizeof *grown);

        if (!grown)
            return false;
        left->streams = grown;
        left->cap = cap;
    }
    memmove(left->streams + at + 1, left->streams + at,
            (left->count - at) * sizeof *left->streams);
    left->streams[at] = stream;
    left->count++;
    return true;
}

static bool
left_take(struct left_list *left, uint64_t stream)
{
    const size_t at = left_find(left, stream);

    if (at == left->count || left->streams[at] != stream)
        return false;
    left->count--;
    memmove(left->streams + at, left->streams + at + 1,
            (left->count - at) * sizeof *left->streams);
    return true;
}

/* -- the list -------------------------------------------------------------- */

seglog_code
slg_slots_new(struct slg_streams *streams, struct slg_slots **slots,
              struct seglog_error *err)
{
    struct slg_slots *made = calloc(1, sizeof *made);

    if (made)
        made->pool = slg_pool_new(streams->options.open_max);
    if (!made || !made->pool) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for a list of streams");
    }
    made->streams = streams;
    *slots = made;
    return SEGLOG_OK;
}

seglog_code
slg_slot_take(struct slg_streams *streams, uint64_t stream,
              struct slg_slot **slot, struct seglog_error *err)
{
    struct slg_slots *slots = streams->slots;
    struct slg_pooled *pooled = NULL;

    slg_pool_lock(slots->pool);
    pooled = slg_pool_find(slots->pool, stream, NULL, NULL);
    if (pooled) {
        slg_pool_use(slots->pool, pooled);
    } else {
        struct slg_slot *made = slot_new(streams, stream);

        if (made) {
            /* What it has appended before is not synced, for all it knows. */
            if (left_take(&slots->left, stream)) {
                made->appended = 1;
                made->has_appended = true;
            }
            pooled = &made->pooled;
            slg_pool_add(slots->pool, pooled);
        }
    }
    slg_pool_unlock(slots->pool);
    if (!pooled)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for an open stream");
    *slot = slot_of(pooled);
    return SEGLOG_OK;
}

/* Nobody uses it.  False: it is not to be closed, for nobody would remember
 * that it has to be finished. */
static bool
slot_leave(struct slg_slots *slots, const struct slg_slot *slot)
{
    return !slot->has_appended || left_add(&slots->left, slot->stream);
}

static void
evicted_free(struct slg_pooled *evicted)
{
    while (evicted) {
        struct slg_pooled *next = evicted->next;

        slot_free(slot_of(evicted));
        evicted = next;
    }
}

/* With the lock held: those that are to be freed, as a chain. */
static struct slg_pooled *
slots_evict(struct slg_slots *slots)
{
    struct slg_pooled *evicted = slg_pool_evict(slots->pool);
    struct slg_pooled *freed = NULL;

    while (evicted) {
        struct slg_pooled *next = evicted->next;

        if (slot_leave(slots, slot_of(evicted))) {
            evicted->next = freed;
            freed = evicted;
        } else {
            evicted->is_dropped = false;
            slg_pool_add(slots->pool, evicted);
            evicted->users = 0;
        }
        evicted = next;
    }
    return freed;
}

void
slg_slot_give(struct slg_slot *slot)
{
    struct slg_slots *slots = slot->streams->slots;
    struct slg_pooled *evicted = NULL;

    slg_pool_lock(slots->pool);
    slot->pooled.users--;
    evicted = slots_evict(slots);
    slg_pool_unlock(slots->pool);
    evicted_free(evicted);
}

/* -- all of them ----------------------------------------------------------- */

/* The ids of all that are open, or were; to be freed. */
static seglog_code
slots_collect(struct slg_slots *slots, struct left_list *all,
              struct seglog_error *err)
{
    bool is_whole = true;

    slg_pool_lock(slots->pool);
    for (struct slg_pooled *at = slg_pool_oldest(slots->pool); at;
         at = at->newer)
        is_whole = is_whole && left_add(all, at->key);
    for (size_t i = 0; i < slots->left.count; i++)
        is_whole = is_whole && left_add(all, slots->left.streams[i]);
    slg_pool_unlock(slots->pool);
    return is_whole ? SEGLOG_OK
                    : slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                               "no memory for a list of streams");
}

typedef seglog_code (*slot_do)(struct slg_slot *slot, struct seglog_error *err);

/* Goes on after a failure, and returns the first. */
static seglog_code
slots_do(struct slg_slots *slots, slot_do what, struct seglog_error *err)
{
    struct left_list all = { 0 };
    seglog_code first = slots_collect(slots, &all, err);

    for (size_t i = 0; i < all.count; i++) {
        struct slg_slot *slot = NULL;
        struct seglog_error *to = first == SEGLOG_OK ? err : NULL;
        seglog_code code =
            slg_slot_take(slots->streams, all.streams[i], &slot, to);

        if (code == SEGLOG_OK) {
            code = what(slot, to);
            slg_slot_give(slot);
        }
        if (first == SEGLOG_OK)
            first = code;
    }
    free(all.streams);
    return first;
}

static seglog_code
slot_sync_all(struct slg_slot *slot, struct seglog_error *err)
{
    struct slg_request look = { .kind = SLG_REQUEST_LOOK, .err = err };
    seglog_code code = SEGLOG_OK;
    bool is_due = false;

    (void)pthread_mutex_lock(&slot->mutex);
    is_due = slot->appended > slot->synced;
    look.serial = slot->appended;
    look.generation = slot->generation;
    (void)pthread_mutex_unlock(&slot->mutex);
    if (!is_due)
        return SEGLOG_OK;
    /* It may have been closed meanwhile: then this opens it. */
    code = slg_slot_ask(slot, &look);
    return code == SEGLOG_OK ? slg_slot_sync(slot, &look) : code;
}

seglog_code
slg_slots_sync(struct slg_slots *slots, struct seglog_error *err)
{
    return slots_do(slots, slot_sync_all, err);
}

static seglog_code
slot_finish(struct slg_slot *slot, struct seglog_error *err)
{
    struct slg_request finish = { .kind = SLG_REQUEST_FINISH, .err = err };
    seglog_code code = SEGLOG_OK;
    seglog_code close_code = SEGLOG_OK;

    if (slot->has_appended)
        code = slg_slot_ask(slot, &finish);
    slot->has_appended = false;
    close_code = slg_slot_close_writer(slot, code == SEGLOG_OK ? err : NULL);
    return code == SEGLOG_OK ? close_code : code;
}

seglog_code
slg_slots_close(struct slg_slots *slots, struct seglog_error *err)
{
    struct slg_pooled *at = NULL;
    seglog_code code = SEGLOG_OK;

    if (!slots)
        return SEGLOG_OK;
    code = slots_do(slots, slot_finish, err);
    while ((at = slg_pool_oldest(slots->pool)) != NULL) {
        slg_pool_drop(slots->pool, at);
        slot_free(slot_of(at));
    }
    slg_pool_free(slots->pool);
    free(slots->left.streams);
    free(slots);
    return code;
}
