/* SPDX-License-Identifier: MIT */
/* tests/canonical/plan_support.c - plans of a few keys. */
#include "tests/canonical/plan_support.h"

#include <pthread.h>
#include <stdio.h>

void
planned_make(struct planned *planned, const char *a, const char *b,
             seglog_validate_fn check, seglog_plan_write_fn write,
             const void *arg)
{
    const char *const names[] = { a, b };

    *planned = (struct planned){
        .validator = { check, (void *)(uintptr_t)arg },
        .plan = { .size = sizeof planned->plan,
                  .keys = planned->keys,
                  .validators = &planned->validator,
                  .validator_count = check != NULL,
                  .write = write,
                  .write_arg = (void *)(uintptr_t)arg,
                  .stripe_timeout_ms = 30000 },
    };
    for (size_t i = 0; i < COUNT_OF(names) && names[i]; i++)
        planned->keys[planned->plan.key_count++] = text_slice(names[i]);
}

seglog_code
planned_run(struct planned *planned, struct seglog_canonical *canonical)
{
    struct seglog_stripe_guard *guard = NULL;
    const seglog_code code = seglog_canonical_execute(
        canonical, &planned->plan, &planned->result, &planned->err);

    assert_ok(seglog_stripe_locks_lock(
        seglog_canonical_get_locks(canonical), planned->plan.keys,
        planned->plan.key_count, 1, &guard, NULL));
    seglog_stripe_guard_unlock(guard);
    return code;
}

void
planned_free(struct planned *planned)
{
    seglog_plan_result_free(&planned->result);
    assert_empty(&planned->result);
}

void
assert_keys(const struct seglog_slice *keys, size_t count, const char *want)
{
    char got[1024] = "";
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len +=
            (size_t)snprintf(got + len, sizeof got - len, "%s%.*s",
                             i > 0 ? " " : "", (int)keys[i].len, keys[i].data);
    assert_string_equal(got, want);
}

void
assert_empty(const struct seglog_plan_result *result)
{
    assert_false(result->is_valid);
    assert_false(result->is_committed);
    assert_null(result->messages);
    assert_int_equal(result->message_count, 0);
    assert_null(result->read_keys);
    assert_int_equal(result->read_key_count, 0);
    assert_null(result->write_keys);
    assert_int_equal(result->write_key_count, 0);
    assert_int_equal(result->attempts, 0);
}

seglog_code
plan_increment(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    const struct seglog_slice key = text_slice(arg);
    struct seglog_slice value;
    unsigned long number = 0;
    char text[32];
    seglog_code code = seglog_plan_txn_get(txn, key, &value, err);

    if (code == SEGLOG_OK) {
        (void)snprintf(text, sizeof text, "%.*s", (int)value.len, value.data);
        number = strtoul(text, NULL, 10);
    } else if (code != SEGLOG_NOT_FOUND) {
        return code;
    }
    (void)snprintf(text, sizeof text, "%lu", number + 1);
    return seglog_plan_txn_put(txn, key, text_slice(text), err);
}

struct put {
    struct seglog_canonical *canonical;
    const char *key;
    const char *value;
};

static void *
put_run(void *arg)
{
    const struct put *put = arg;

    (void)commit_one(put->canonical, put->key, put->value, NULL);
    return NULL;
}

void
put_elsewhere(struct seglog_canonical *canonical, const char *key,
              const char *value)
{
    struct put put = { canonical, key, value };
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, put_run, &put), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}
