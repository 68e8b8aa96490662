/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/plan_support.h - plans of a few keys, and what they do.
 *
 * Include it first: it brings cmocka and the headers that cmocka needs.
 */
#ifndef PLAN_SUPPORT_H
#define PLAN_SUPPORT_H

#include "tests/canonical/canonical_support.h"

#include "seglog/preflight.h"

/* A plan of one validator and one writing function, and what came of it. */
struct planned {
    struct seglog_plan plan;
    struct seglog_slice keys[4];
    struct seglog_validator validator;
    struct seglog_plan_result result;
    struct seglog_error err;
};

/* Keys: up to the first NULL.  check and write may be NULL; arg is of both. */
void
planned_make(struct planned *planned, const char *a, const char *b,
             seglog_validate_fn check, seglog_plan_write_fn write,
             const void *arg);

/* Execute it; whatever comes out, its stripes are free afterwards. */
seglog_code
planned_run(struct planned *planned, struct seglog_canonical *canonical);

void
planned_free(struct planned *planned);

/* "a b": of the result. */
void
assert_keys(const struct seglog_slice *keys, size_t count, const char *want);

/* The result of what did not come to one. */
void
assert_empty(const struct seglog_plan_result *result);

/* "n" becomes n + 1, or is begun with 1: a writing function; its argument is
 * the key. */
seglog_code
plan_increment(void *arg, struct seglog_plan_txn *txn,
               struct seglog_error *err);

/* A plain transaction of another thread. */
void
put_elsewhere(struct seglog_canonical *canonical, const char *key,
              const char *value);

#endif /* PLAN_SUPPORT_H */
