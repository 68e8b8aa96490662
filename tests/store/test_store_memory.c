/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_memory.c
 *
 * Goal    the memory store keeps the contract of every store.
 */
#include "tests/support/seglog_test.h"

#include "tests/store/store_conformance.h"

static seglog_code
memory_make(void *arg, struct seglog_store *store, struct seglog_error *err)
{
    (void)arg;
    return seglog_store_memory_open(store, err);
}

static void
memory_destroy(void *arg, struct seglog_store *store)
{
    (void)arg;
    seglog_store_close(store);
}

static void
memory__two_stores__share_nothing(void **state)
{
    struct seglog_store a = { 0 };
    struct seglog_store b = { 0 };
    struct seglog_blob blob = { 0 };

    (void)state;
    assert_ok(seglog_store_memory_open(&a, NULL));
    assert_ok(seglog_store_memory_open(&b, NULL));
    assert_ok(seglog_blob_open(a, "x", SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
                               &blob, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    assert_code(seglog_blob_open(b, "x", SEGLOG_OPEN_READ, &blob, NULL),
                SEGLOG_NOT_FOUND);
    seglog_store_close(&a);
    seglog_store_close(&b);
    assert_null(a.ops);
}

static void
memory__no_place_for_the_store__is_invalid(void **state)
{
    struct seglog_error err;

    (void)state;
    assert_code_err(seglog_store_memory_open(NULL, &err), SEGLOG_INVALID, &err);
    seglog_store_close(NULL);
}

int
main(void)
{
    static const struct store_factory factory = {
        .name = "store/store_memory: contract",
        .make = memory_make,
        .destroy = memory_destroy,
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory__two_stores__share_nothing),
        cmocka_unit_test(memory__no_place_for_the_store__is_invalid),
    };

    return store_conformance_run(&factory) +
           cmocka_run_group_tests_name("store/store_memory", tests, NULL, NULL);
}
