/* SPDX-License-Identifier: MIT */
/*
 * seglog/preflight.h - check first, then write: plans of a canonical store.
 *
 * A plan declares keys, has validators that look at them, and a function that
 * writes.  Executing it locks the stripes of its keys (seglog/stripe_lock.h),
 * runs all validators on one snapshot, side by side with other plans and with
 * whoever writes, and only if all hold fills a transaction and commits it.
 *
 *     static seglog_code
 *     has_funds(void *arg, struct seglog_preflight *preflight,
 *               struct seglog_error *err)
 *     {
 *         seglog_preflight_require_min(preflight, BALANCE, 50);
 *         return SEGLOG_OK;
 *     }
 *
 *     code = seglog_canonical_execute(canonical, &plan, &result, &err);
 *     if (code == SEGLOG_OK && !result.is_valid)
 *         ... result.messages says why; nothing was written ...
 *     seglog_plan_result_free(&result);
 *
 * Verdict  a validation that fails is an answer, not an error: OK, is_valid is
 *          false, and there are all messages of all validators.  A code other
 *          than OK means that there is no answer.
 * Keys     a callback sees and writes the declared keys and no others.  An
 *          undeclared one is INVALID, and so is then the whole plan, also
 *          where the callback passes over it.
 * Held     what was read still is so in front of the commit: every value that a
 *          callback has read, and every absence, is an expectation of the
 *          transaction (CONFLICT, seglog_write_batch_expect).  Plans of this
 *          handle that share a key are kept apart by their stripes; plain
 *          writers and other processes are not, and are noticed by that.  Then
 *          the plan is run again with a new snapshot, some times.
 * Again    so callbacks may be called more than once for one plan, and have no
 *          effect but on what they are given.
 * Threads  callbacks are called on the thread that executes the plan.  They
 *          neither begin a write transaction nor execute a plan: that could
 *          wait for the stripes which this one holds, until the time-out.
 *          What they are given, and what that returns, is of no use when they
 *          have returned.
 * Since    0.1
 */
#ifndef SEGLOG_PREFLIGHT_H
#define SEGLOG_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/canonical.h"
#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/slice.h"
#include "seglog/stripe_lock.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEGLOG_PLAN_KEYS_MAX SEGLOG_STRIPE_KEYS_MAX
#define SEGLOG_PLAN_ATTEMPTS 5 /* default */

/* ---------------------------------------------------------------------------
 * Validators
 */

struct seglog_preflight;

/*
 * Look, and say what does not hold.  Anything but OK ends the plan, which
 * returns it: for what keeps a validator from judging, not for its judgement.
 * err is never NULL.
 */
typedef seglog_code (*seglog_validate_fn)(void *arg,
                                          struct seglog_preflight *preflight,
                                          struct seglog_error *err);

struct seglog_validator {
    seglog_validate_fn fn;
    void *arg;
};

/* As seglog_read_txn_get; INVALID: the key is not declared. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_preflight_get(struct seglog_preflight *preflight,
                     struct seglog_slice key, struct seglog_slice *value,
                     struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_preflight_exists(struct seglog_preflight *preflight,
                        struct seglog_slice key, bool *is_there,
                        struct seglog_error *err);

/*
 * What has to hold.  Where it does not, a message is kept, the validation has
 * failed, and the validator goes on: so all that is wrong is said at once.
 * True: it holds.  What goes wrong meanwhile (an undeclared key, IO) ends the
 * plan when the validator has returned.
 *
 *   message  copied; NULL: a general one
 */
SEGLOG_API bool
seglog_preflight_require(struct seglog_preflight *preflight, bool condition,
                         const char *message);

/* The message names the key. */
SEGLOG_API bool
seglog_preflight_require_exists(struct seglog_preflight *preflight,
                                struct seglog_slice key);

/* The value is a decimal integer, such as "-17", of 64 bits, and at least min
 * or at most max.  A key that is not there does not hold. */
SEGLOG_API bool
seglog_preflight_require_min(struct seglog_preflight *preflight,
                             struct seglog_slice key, int64_t min);
SEGLOG_API bool
seglog_preflight_require_max(struct seglog_preflight *preflight,
                             struct seglog_slice key, int64_t max);

/* As require of what does not hold. */
SEGLOG_API void
seglog_preflight_fail(struct seglog_preflight *preflight, const char *message);

/* ---------------------------------------------------------------------------
 * Writing
 */

struct seglog_plan_txn;

/* Fill the transaction.  Anything but OK ends the plan, which returns it, and
 * nothing is written.  err is never NULL. */
typedef seglog_code (*seglog_plan_write_fn)(void *arg,
                                            struct seglog_plan_txn *txn,
                                            struct seglog_error *err);

/* With what the transaction has written itself.  value is valid until that key
 * is written. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_plan_txn_get(struct seglog_plan_txn *txn, struct seglog_slice key,
                    struct seglog_slice *value, struct seglog_error *err);

SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_plan_txn_exists(struct seglog_plan_txn *txn, struct seglog_slice key,
                       bool *is_there, struct seglog_error *err);

/* As of a write batch; INVALID: the key is not declared.  TOO_LARGE: nothing
 * was done, and the transaction can go on. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_plan_txn_put(struct seglog_plan_txn *txn, struct seglog_slice key,
                    struct seglog_slice value, struct seglog_error *err);
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_plan_txn_delete(struct seglog_plan_txn *txn, struct seglog_slice key,
                       struct seglog_error *err);

/* Its id comes with the commit: result->info. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_plan_txn_append_event(struct seglog_plan_txn *txn,
                             struct seglog_slice event,
                             struct seglog_error *err);

/* ---------------------------------------------------------------------------
 * Plans
 */

struct seglog_plan {
    size_t size; /* sizeof(struct seglog_plan) */

    /* All that a callback may read or write, in any order; the same more than
     * once is the same. */
    const struct seglog_slice *keys;
    size_t key_count; /* SEGLOG_PLAN_KEYS_MAX at most */

    const struct seglog_validator *validators; /* run in this order, all */
    size_t validator_count;                    /* 0: it is valid */

    seglog_plan_write_fn write; /* NULL: nothing is written */
    void *write_arg;

    int stripe_timeout_ms; /* as of seglog_stripe_locks_lock */
    unsigned attempts_max; /* 0: SEGLOG_PLAN_ATTEMPTS */
    bool is_synced;        /* commit at SYNC level */
};

struct seglog_plan_result {
    bool is_valid;

    char **messages; /* why not, in the order in which they came */
    size_t message_count;

    /* By callbacks, each once, in the order in which they came to it. */
    struct seglog_slice *read_keys;
    size_t read_key_count;
    struct seglog_slice *write_keys; /* none if it is not valid */
    size_t write_key_count;

    /* False: it is not valid, or there was nothing to write; info is zeroed. */
    bool is_committed;
    struct seglog_commit_info info;

    unsigned attempts; /* that it took */
};

/*
 * Execute a plan.
 *
 *   result  overwritten, whatever is returned; freed by
 *           seglog_plan_result_free.  Not NULL: it says whether it was valid
 * Returns
 *   OK         valid and committed, or not valid
 *   CONFLICT   what it read was changed by others each time (attempts_max)
 *   LOCKED     a stripe was held too long: the message names it, err->actual is
 *              its number, and no callback was called; or a writer was
 *   INVALID    an undeclared key, which the message names; an empty key
 *   TOO_LARGE  too many keys, or one over SEGLOG_KEY_MAX
 *   what a callback returned; what seglog_write_batch_commit does
 * If it is not OK nothing was written (POISONED: unknown), and the result is
 * empty.  Stripes are free again in any case.
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_canonical_execute(struct seglog_canonical *canonical,
                         const struct seglog_plan *plan,
                         struct seglog_plan_result *result,
                         struct seglog_error *err);

/* Free what it holds, and zero it.  Accepts NULL and a zeroed one. */
SEGLOG_API void
seglog_plan_result_free(struct seglog_plan_result *result);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_PREFLIGHT_H */
