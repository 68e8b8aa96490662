/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/plan.c - plans: stripes, validators, the write, the commit, and
 * all of it again where somebody else came first.
 *
 * Stripes keep plans of this handle apart, so that they need not try again.
 * That nothing is lost does not rest on them but on the expectations of the
 * batch, which are checked by whoever has the turn of the writer.
 */
#include "src/canonical/plan.h"

#include <stdlib.h>

#include "src/canonical/canonical_store.h"
#include "src/store/fail.h"
#include "src/store/options.h"

/* -- keys ------------------------------------------------------------------ */

static int
key_order(const void *a, const void *b)
{
    const struct slg_plan_key *one = a;
    const struct slg_plan_key *other = b;

    return slg_plan_key_compare(one->key, other->key);
}

static seglog_code
plan_check(const struct seglog_plan *plan, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (plan->key_count > SEGLOG_PLAN_KEYS_MAX)
        return slg_fail_actual(err,
                               slg_fail(err, SEGLOG_TOO_LARGE, NULL,
                                        "the plan has %zu keys; it may have %d",
                                        plan->key_count, SEGLOG_PLAN_KEYS_MAX),
                               SEGLOG_PLAN_KEYS_MAX);
    if ((plan->key_count > 0 && !plan->keys) ||
        (plan->validator_count > 0 && !plan->validators))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the keys or the validators of the plan are NULL");
    for (size_t i = 0; i < plan->key_count && code == SEGLOG_OK; i++)
        code = slg_key_check(plan->keys[i], err);
    for (size_t i = 0; i < plan->validator_count && code == SEGLOG_OK; i++) {
        if (!plan->validators[i].fn)
            code =
                slg_fail(err, SEGLOG_INVALID, NULL, "validator %zu is NULL", i);
    }
    return code;
}

/* Of those that are there twice the search finds always the same one. */
static seglog_code
keys_make(struct seglog_preflight *preflight, struct seglog_error *err)
{
    const size_t count = preflight->plan->key_count;

    if (count == 0)
        return SEGLOG_OK;
    preflight->keys = calloc(count, sizeof *preflight->keys);
    preflight->read = calloc(count, sizeof *preflight->read);
    preflight->written = calloc(count, sizeof *preflight->written);
    if (!preflight->keys || !preflight->read || !preflight->written)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                        "no memory for the keys of a plan");
    for (size_t i = 0; i < count; i++)
        preflight->keys[i].key = preflight->plan->keys[i];
    qsort(preflight->keys, count, sizeof *preflight->keys, key_order);
    preflight->key_count = count;
    return SEGLOG_OK;
}

/* -- one attempt ----------------------------------------------------------- */

static void
attempt_clear(struct seglog_preflight *preflight)
{
    for (size_t i = 0; i < preflight->key_count; i++) {
        struct slg_plan_key *key = &preflight->keys[i];

        free(key->put);
        *key = (struct slg_plan_key){ .key = key->key };
    }
    slg_messages_free(preflight->messages, preflight->message_count);
    preflight->messages = NULL;
    preflight->message_count = 0;
    preflight->message_cap = 0;
    preflight->read_count = 0;
    preflight->written_count = 0;
    preflight->event_count = 0;
    seglog_write_batch_clear(preflight->batch);
}

/* A code that a callback passes on without a word gets one here. */
static seglog_code
callback_end(const struct seglog_preflight *preflight, seglog_code code,
             const struct seglog_error *said, const char *who,
             struct seglog_error *err)
{
    if (code == SEGLOG_OK)
        code = preflight->code;
    if (code == SEGLOG_OK || code == SEGLOG_END)
        return code;
    if (code == preflight->code && said->code != code)
        said = &preflight->error;
    if (said->code != code)
        return slg_fail(err, code, NULL, "%s has returned %s", who,
                        seglog_code_name(code));
    if (err)
        *err = *said;
    return code;
}

static seglog_code
validators_run(struct seglog_preflight *preflight, struct seglog_error *err)
{
    const struct seglog_plan *plan = preflight->plan;
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < plan->validator_count && code == SEGLOG_OK; i++) {
        const struct seglog_validator *validator = &plan->validators[i];
        struct seglog_error said = { 0 };

        code = validator->fn(validator->arg, preflight, &said);
        code = callback_end(preflight, code, &said, "a validator", err);
    }
    return code;
}

static seglog_code
write_run(struct seglog_plan_txn *txn, struct seglog_error *err)
{
    const struct seglog_plan *plan = txn->preflight.plan;
    struct seglog_error said = { 0 };
    seglog_code code = SEGLOG_OK;

    if (!plan->write)
        return SEGLOG_OK;
    code = plan->write(plan->write_arg, txn, &said);
    return callback_end(&txn->preflight, code, &said,
                        "the writing function of the plan", err);
}

static seglog_code
expectations_add(struct seglog_preflight *preflight, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < preflight->read_count && code == SEGLOG_OK; i++) {
        const struct slg_plan_key *key = preflight->read[i];

        code =
            seglog_write_batch_expect(preflight->batch, key->key,
                                      key->is_there ? &key->value : NULL, err);
    }
    return code;
}

/* All that is done on the snapshot; what is left is to commit the batch. */
static seglog_code
attempt_prepare(struct seglog_plan_txn *txn, struct seglog_error *err)
{
    struct seglog_preflight *preflight = &txn->preflight;
    seglog_code code =
        seglog_read_txn_begin(preflight->canonical, &preflight->txn, err);

    if (code != SEGLOG_OK)
        return code;
    code = validators_run(preflight, err);
    if (code == SEGLOG_OK && preflight->message_count == 0)
        code = write_run(txn, err);
    if (code == SEGLOG_OK)
        code = expectations_add(preflight, err);
    seglog_read_txn_end(preflight->txn);
    preflight->txn = NULL;
    return code;
}

/* What the result takes memory for is there before the commit: a plan that is
 * committed does not fail.  is_late: CONFLICT, somebody else came first. */
static seglog_code
attempt_run(struct seglog_plan_txn *txn, struct seglog_plan_result *result,
            bool *is_late, struct seglog_error *err)
{
    struct seglog_preflight *preflight = &txn->preflight;
    bool is_empty = false;
    seglog_code code = attempt_prepare(txn, err);

    *is_late = false;
    is_empty = preflight->written_count == 0 && preflight->event_count == 0;
    if (code == SEGLOG_OK)
        code = slg_plan_result_fill(result, preflight, err);
    /* One that is not valid has written nothing. */
    if (code != SEGLOG_OK || is_empty)
        return code;
    code = seglog_write_batch_commit(
        preflight->batch, preflight->plan->is_synced, &result->info, err);
    *is_late = code == SEGLOG_CONFLICT;
    result->is_committed = code == SEGLOG_OK;
    return code;
}

/* -- all of them ----------------------------------------------------------- */

static seglog_code
attempts_run(struct seglog_plan_txn *txn, struct seglog_plan_result *result,
             struct seglog_error *err)
{
    const struct seglog_plan *plan = txn->preflight.plan;
    const unsigned max =
        plan->attempts_max > 0 ? plan->attempts_max : SEGLOG_PLAN_ATTEMPTS;
    struct seglog_error error = { 0 };
    seglog_code code = SEGLOG_OK;
    bool is_late = true;

    for (unsigned i = 1; i <= max && is_late; i++) {
        seglog_plan_result_free(result);
        attempt_clear(&txn->preflight);
        code = attempt_run(txn, result, &is_late, &error);
        result->attempts = i;
    }
    if (code != SEGLOG_OK) {
        seglog_plan_result_free(result);
        if (err && code != SEGLOG_END)
            *err = error;
    }
    return code;
}

static seglog_code
plan_run(struct seglog_plan_txn *txn, struct seglog_plan_result *result,
         struct seglog_error *err)
{
    const struct seglog_plan *plan = txn->preflight.plan;
    struct seglog_stripe_guard *guard = NULL;
    seglog_code code = seglog_stripe_locks_lock(
        txn->preflight.canonical->stripes, plan->keys, plan->key_count,
        plan->stripe_timeout_ms, &guard, err);

    if (code != SEGLOG_OK)
        return code;
    code = attempts_run(txn, result, err);
    seglog_stripe_guard_unlock(guard);
    return code;
}

static void
txn_free(struct seglog_plan_txn *txn)
{
    struct seglog_preflight *preflight = &txn->preflight;

    attempt_clear(preflight);
    seglog_write_batch_free(preflight->batch);
    free(preflight->keys);
    free(preflight->read);
    free(preflight->written);
}

seglog_code
seglog_canonical_execute(struct seglog_canonical *canonical,
                         const struct seglog_plan *plan,
                         struct seglog_plan_result *result,
                         struct seglog_error *err)
{
    struct seglog_plan known;
    struct seglog_plan_txn txn = { .preflight = { .plan = &known,
                                                  .canonical = canonical } };
    seglog_code code = SEGLOG_OK;

    if (result)
        *result = (struct seglog_plan_result){ .is_valid = false };
    if (!canonical || !plan || !result)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the store, the plan or its result is NULL");
    if (!slg_options_copy(&known, sizeof known, plan))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the plan has a size that is not its own");
    code = plan_check(&known, err);
    if (code == SEGLOG_OK)
        code = keys_make(&txn.preflight, err);
    if (code == SEGLOG_OK)
        code = seglog_write_batch_new(canonical, &txn.preflight.batch, err);
    if (code == SEGLOG_OK)
        code = plan_run(&txn, result, err);
    txn_free(&txn);
    return code;
}
