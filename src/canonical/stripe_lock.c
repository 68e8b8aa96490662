/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/stripe_lock.c - sets of keys under stripe locks.
 *
 * One mutex is over all stripes, and held for a look only: a set whose stripes
 * are free is taken in one go.  Who has to wait does so in the queue of that
 * stripe, on a condition of its own, and is handed the stripe by whoever gives
 * it back: so nobody who comes later can overtake, and a time-out means that
 * the stripe was in use, not that the one who waits had no luck.
 */
#define _POSIX_C_SOURCE 200809L /* pthread_condattr_setclock */

#include "seglog/stripe_lock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "format/checksum.h"
#include "src/store/deadline.h"
#include "src/store/fail.h"

#define WORD_BITS 64u

/* Lies on the stack of the one who waits. */
struct waiter {
    pthread_cond_t granted;
    bool is_granted;
    struct waiter *next;
};

struct stripe {
    struct waiter *first; /* that waits longest */
    struct waiter *last;
    bool is_held;
};

struct seglog_stripe_locks {
    pthread_mutex_t mutex; /* of all that follows */
    size_t count;
    struct stripe stripes[];
};

/* A set of stripes, one bit for each: without doubles, and in their order. */
struct seglog_stripe_guard {
    struct seglog_stripe_locks *locks;
    size_t words;
    uint64_t bits[];
};

/* -- stripes --------------------------------------------------------------- */

seglog_code
seglog_stripe_locks_new(size_t stripes, struct seglog_stripe_locks **locks,
                        struct seglog_error *err)
{
    const size_t count = stripes > 0 ? stripes : SEGLOG_STRIPES;
    struct seglog_stripe_locks *made = NULL;

    if (!locks)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the place for the stripes is NULL");
    *locks = NULL;
    if (count > SEGLOG_STRIPES_MAX)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "%zu stripes were asked for; there may be %d", count,
                        SEGLOG_STRIPES_MAX);
    made = calloc(1, sizeof *made + count * sizeof made->stripes[0]);
    if (!made || pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for stripes");
    }
    made->count = count;
    *locks = made;
    return SEGLOG_OK;
}

void
seglog_stripe_locks_free(struct seglog_stripe_locks *locks)
{
    if (!locks)
        return;
    (void)pthread_mutex_destroy(&locks->mutex);
    free(locks);
}

size_t
seglog_stripe_locks_get_count(const struct seglog_stripe_locks *locks)
{
    return locks ? locks->count : 0;
}

size_t
seglog_stripe_locks_get_stripe(const struct seglog_stripe_locks *locks,
                               struct seglog_slice key)
{
    return locks ? (size_t)(slg_xxh3(key.data, key.len) % locks->count) : 0;
}

/* -- one of them, with the mutex held --------------------------------------- */

static void
stripe_give(struct stripe *stripe)
{
    struct waiter *next = stripe->first;

    if (!next) {
        stripe->is_held = false;
        return;
    }
    /* It stays held, by the next one. */
    stripe->first = next->next;
    if (!stripe->first)
        stripe->last = NULL;
    next->is_granted = true;
    (void)pthread_cond_signal(&next->granted);
}

static void
queue_leave(struct stripe *stripe, const struct waiter *waiter)
{
    struct waiter *before = NULL;
    struct waiter *at = stripe->first;

    while (at != waiter) {
        before = at;
        at = at->next;
    }
    if (before)
        before->next = waiter->next;
    else
        stripe->first = waiter->next;
    if (stripe->last == waiter)
        stripe->last = before;
}

static bool
waiter_init(struct waiter *waiter)
{
    pthread_condattr_t attributes;
    bool is_made = false;

    *waiter = (struct waiter){ .is_granted = false };
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    is_made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&waiter->granted, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return is_made;
}

/* A grant that comes together with the end of the time is taken. */
static bool
stripe_wait(struct seglog_stripe_locks *locks, struct stripe *stripe,
            struct waiter *waiter, int64_t deadline)
{
    const struct timespec until =
        slg_timespec_from_ns(deadline == SLG_NO_DEADLINE ? 0 : deadline);
    int result = 0;

    if (stripe->last)
        stripe->last->next = waiter;
    else
        stripe->first = waiter;
    stripe->last = waiter;
    while (!waiter->is_granted && result == 0)
        result = deadline == SLG_NO_DEADLINE
                     ? pthread_cond_wait(&waiter->granted, &locks->mutex)
                     : pthread_cond_timedwait(&waiter->granted, &locks->mutex,
                                              &until);
    if (!waiter->is_granted)
        queue_leave(stripe, waiter);
    return waiter->is_granted;
}

static seglog_code
stripe_take(struct seglog_stripe_locks *locks, size_t number, int64_t deadline,
            struct seglog_error *err)
{
    struct stripe *stripe = &locks->stripes[number];
    struct waiter waiter;
    bool is_granted = false;

    if (!stripe->is_held) {
        stripe->is_held = true;
        return SEGLOG_OK;
    }
    if (!waiter_init(&waiter))
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory to wait with");
    is_granted = stripe_wait(locks, stripe, &waiter, deadline);
    (void)pthread_cond_destroy(&waiter.granted);
    if (is_granted)
        return SEGLOG_OK;
    return slg_fail_actual(err,
                           slg_fail(err, SEGLOG_LOCKED, NULL,
                                    "stripe %zu was not given back in time; "
                                    "try again later",
                                    number),
                           number);
}

/* -- sets of them ---------------------------------------------------------- */

/* The first stripe of the set from number on; locks->count if there is none. */
static size_t
guard_next(const struct seglog_stripe_guard *guard, size_t number)
{
    size_t word = number / WORD_BITS;
    uint64_t bits = 0;

    if (word >= guard->words)
        return guard->locks->count;
    bits = guard->bits[word] & (UINT64_MAX << number % WORD_BITS);
    while (bits == 0 && ++word < guard->words)
        bits = guard->bits[word];
    if (bits == 0)
        return guard->locks->count;
    for (number = word * WORD_BITS; (bits >> number % WORD_BITS & 1) == 0;)
        number++;
    return number;
}

/* Those below end. */
static void
guard_give(struct seglog_stripe_guard *guard, size_t end)
{
    for (size_t at = guard_next(guard, 0); at < end;
         at = guard_next(guard, at + 1))
        stripe_give(&guard->locks->stripes[at]);
}

static seglog_code
guard_take(struct seglog_stripe_guard *guard, int timeout_ms,
           struct seglog_error *err)
{
    struct seglog_stripe_locks *locks = guard->locks;
    const int64_t deadline = slg_deadline_ns(
        timeout_ms == 0 ? SEGLOG_STRIPE_TIMEOUT_MS : timeout_ms);
    seglog_code code = SEGLOG_OK;

    (void)pthread_mutex_lock(&locks->mutex);
    for (size_t at = guard_next(guard, 0);
         at < locks->count && code == SEGLOG_OK;
         at = guard_next(guard, at + 1)) {
        code = stripe_take(locks, at, deadline, err);
        if (code != SEGLOG_OK)
            guard_give(guard, at);
    }
    (void)pthread_mutex_unlock(&locks->mutex);
    return code;
}

static struct seglog_stripe_guard *
guard_new(struct seglog_stripe_locks *locks, const struct seglog_slice *keys,
          size_t count)
{
    const size_t words = (locks->count + WORD_BITS - 1) / WORD_BITS;
    struct seglog_stripe_guard *made =
        calloc(1, sizeof *made + words * sizeof made->bits[0]);

    if (!made)
        return NULL;
    made->locks = locks;
    made->words = words;
    for (size_t i = 0; i < count; i++) {
        const size_t at = seglog_stripe_locks_get_stripe(locks, keys[i]);

        made->bits[at / WORD_BITS] |= UINT64_C(1) << at % WORD_BITS;
    }
    return made;
}

static seglog_code
keys_check(const struct seglog_slice *keys, size_t count,
           struct seglog_error *err)
{
    if (count > SEGLOG_STRIPE_KEYS_MAX)
        return slg_fail_actual(
            err,
            slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                     "%zu keys are to be locked; there may be %d", count,
                     SEGLOG_STRIPE_KEYS_MAX),
            SEGLOG_STRIPE_KEYS_MAX);
    if (count > 0 && !keys)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the keys are NULL");
    for (size_t i = 0; i < count; i++) {
        if (keys[i].len > 0 && !keys[i].data)
            return slg_fail(err, SEGLOG_INVALID, NULL, "key %zu is NULL", i);
    }
    return SEGLOG_OK;
}

seglog_code
seglog_stripe_locks_lock(struct seglog_stripe_locks *locks,
                         const struct seglog_slice *keys, size_t count,
                         int timeout_ms, struct seglog_stripe_guard **guard,
                         struct seglog_error *err)
{
    struct seglog_stripe_guard *made = NULL;
    seglog_code code = SEGLOG_OK;

    if (!guard || !locks)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the stripes or the place for the guard are NULL");
    *guard = NULL;
    code = keys_check(keys, count, err);
    if (code != SEGLOG_OK)
        return code;
    made = guard_new(locks, keys, count);
    if (!made)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a guard");
    code = guard_take(made, timeout_ms, err);
    if (code != SEGLOG_OK) {
        free(made);
        return code;
    }
    *guard = made;
    return SEGLOG_OK;
}

size_t
seglog_stripe_guard_get_count(const struct seglog_stripe_guard *guard)
{
    size_t count = 0;

    if (!guard)
        return 0;
    for (size_t at = guard_next(guard, 0); at < guard->locks->count;
         at = guard_next(guard, at + 1))
        count++;
    return count;
}

void
seglog_stripe_guard_unlock(struct seglog_stripe_guard *guard)
{
    struct seglog_stripe_locks *locks = NULL;

    if (!guard)
        return;
    locks = guard->locks;
    (void)pthread_mutex_lock(&locks->mutex);
    guard_give(guard, locks->count);
    (void)pthread_mutex_unlock(&locks->mutex);
    free(guard);
}
