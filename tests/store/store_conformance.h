/* SPDX-License-Identifier: MIT */
/*
 * tests/store/store_conformance.h - does a byte store keep its contract?
 *
 * One suite for every store.  To test your own, write a factory and call
 * store_conformance_run from main; link the store_conformance*.c files,
 * tests/support/seglog_test.c, the library and cmocka.
 */
#ifndef STORE_CONFORMANCE_H
#define STORE_CONFORMANCE_H

#include "seglog/store.h"

struct store_factory {
    const char *name; /* of the test group */

    /* Open a store in which nothing is stored yet. */
    seglog_code (*make)(void *arg, struct seglog_store *store,
                        struct seglog_error *err);

    /* Close it and free what it took. */
    void (*destroy)(void *arg, struct seglog_store *store);

    void *arg;

    /* What the store does not have is not tested. */
    bool has_no_truncate;
    bool has_no_locks;
    bool has_no_hints;
    bool has_no_times; /* modified_ns is always 0 */
    bool has_no_stamp; /* or none that is ever settled */
};

/* The number of tests that failed. */
int
store_conformance_run(const struct store_factory *factory);

#endif /* STORE_CONFORMANCE_H */
