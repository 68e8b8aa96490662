/* SPDX-License-Identifier: MIT */
/*
 * seglog/stripe_lock.h - lock sets of keys, without a lock for each key.
 *
 * Keys are spread over a fixed number of stripes: the stripe of a key is its
 * XXH3-64 modulo their number.  To lock a set of keys is to hold the stripes
 * of all of them, each for oneself alone.  Two keys may share a stripe; then
 * they also wait for each other.
 *
 *     struct seglog_stripe_guard *guard = NULL;
 *
 *     code = seglog_stripe_locks_lock(locks, keys, count, 0, &guard, &err);
 *     if (code != SEGLOG_OK)
 *         return code;
 *     ... nobody else has these keys ...
 *     seglog_stripe_guard_unlock(guard);
 *
 * Order    a stripe that several keys share is taken once, and stripes are
 *          taken in the order of their numbers: whatever sets are locked in
 *          one call each, by however many threads, no two wait for each other.
 *          Who holds a guard and locks a second set gives that up.
 * Fairness a stripe that is given back goes to the one who waits longest.
 * Again    there is no owner to recognise: a thread that locks a key whose
 *          stripe it holds already waits for itself, until the time-out.
 * Threads  any number use one set of stripes.  A guard may be unlocked by
 *          another thread than the one that locked.
 * Reach    one process; between processes nothing is locked.
 * Since    0.1
 */
#ifndef SEGLOG_STRIPE_LOCK_H
#define SEGLOG_STRIPE_LOCK_H

#include <stddef.h>

#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_STRIPES           256   /* default */
#define SEGLOG_STRIPES_MAX       65536 /* of one set of stripes */
#define SEGLOG_STRIPE_KEYS_MAX   10000 /* of one call */
#define SEGLOG_STRIPE_TIMEOUT_MS 5000  /* default */

struct seglog_stripe_locks;
struct seglog_stripe_guard;

/*
 * Make stripes, all free.  Memory: 24 bytes for each, and one bit for each in
 * every guard.
 *
 *   stripes  0: SEGLOG_STRIPES
 * Returns  NO_MEMORY; INVALID: over SEGLOG_STRIPES_MAX
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stripe_locks_new(size_t stripes, struct seglog_stripe_locks **locks,
                        struct seglog_error *err);

/* When nobody holds or waits for one any more.  Accepts NULL. */
SEGLOG_API void
seglog_stripe_locks_free(struct seglog_stripe_locks *locks);

/* How many there are.  0 for NULL. */
SEGLOG_API size_t
seglog_stripe_locks_get_count(const struct seglog_stripe_locks *locks);

/* The stripe of a key, from 0.  0 for NULL. */
SEGLOG_API size_t
seglog_stripe_locks_get_stripe(const struct seglog_stripe_locks *locks,
                               struct seglog_slice key);

/*
 * Lock the stripes of these keys; wait for those that are held.  Keys may be
 * in any order, of any length, and the same more than once.  They are not
 * needed afterwards.  No keys: OK at once, and the guard holds nothing.
 *
 *   timeout_ms  of the whole call: a stripe gets what those before it have
 *               left.  0: SEGLOG_STRIPE_TIMEOUT_MS; negative: wait for ever
 * Returns
 *   LOCKED     a stripe was held for so long: err->actual is its number, which
 *              the message names.  What was locked by then is free again.
 *   TOO_LARGE  more than SEGLOG_STRIPE_KEYS_MAX keys
 *   NO_MEMORY, INVALID
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_stripe_locks_lock(struct seglog_stripe_locks *locks,
                         const struct seglog_slice *keys, size_t count,
                         int timeout_ms, struct seglog_stripe_guard **guard,
                         struct seglog_error *err);

/* How many stripes it holds.  0 for NULL. */
SEGLOG_API size_t
seglog_stripe_guard_get_count(const struct seglog_stripe_guard *guard);

/* Give them back, and free the guard.  Accepts NULL. */
SEGLOG_API void
seglog_stripe_guard_unlock(struct seglog_stripe_guard *guard);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_STRIPE_LOCK_H */
