/* SPDX-License-Identifier: MIT */
/*
 * tests/store/store_conformance_info.c - what a store says without opening.
 *
 * Goal    size and time of a blob are those of the last append or cut, and the
 *         stamp moves with the names and with nothing else tested here.
 */
#include "tests/store/store_conformance_parts.h"

static struct seglog_store
store_of(void **state)
{
    const struct store_fixture *fixture = *state;

    return fixture->store;
}

static struct seglog_blob_info
get_info(struct seglog_store store, const char *name)
{
    struct seglog_blob_info info = { UINT64_MAX, UINT64_MAX };
    struct seglog_error err;

    assert_code_err(seglog_store_get_info(store, name, &info, &err), SEGLOG_OK,
                    &err);
    return info;
}

static void
get_info__missing_blob__is_not_found(void **state)
{
    struct seglog_store store = store_of(state);
    struct seglog_blob_info info = { 11, 22 };
    struct seglog_error err;

    assert_code_err(seglog_store_get_info(store, "none", &info, &err),
                    SEGLOG_NOT_FOUND, &err);
    assert_non_null(strstr(err.name, "none"));
    store_put_new(store, "a", "x");
    assert_ok(seglog_store_remove(store, "a", NULL));
    assert_code(seglog_store_get_info(store, "a", &info, NULL),
                SEGLOG_NOT_FOUND);
    assert_int_equal(info.size, 11);
    assert_int_equal(info.modified_ns, 22);
}

static void
get_info__appended_cut_replaced__gives_the_size_now(void **state)
{
    const struct store_fixture *fixture = *state;
    struct seglog_store store = fixture->store;
    struct seglog_blob blob = store_open_blob(store, "a", WRITE_NEW);

    assert_int_equal(get_info(store, "a").size, 0);
    (void)store_put(blob, "12345");
    assert_int_equal(get_info(store, "a").size, 5);
    (void)store_put(blob, "678");
    assert_int_equal(get_info(store, "a").size, 8);
    if (!fixture->factory->has_no_truncate) {
        assert_ok(seglog_blob_truncate(blob, 3, NULL));
        assert_int_equal(get_info(store, "a").size, 3);
    }
    store_close_blob(&blob);
    store_put_new(store, "b", "12");
    assert_ok(seglog_store_replace(store, "b", "a", NULL));
    assert_int_equal(get_info(store, "a").size, 2);
}

/* The clocks of files tick slowly, so a pause makes a difference certain. */
static void
get_info__appended_or_cut__is_modified_later(void **state)
{
    const struct store_fixture *fixture = *state;
    struct seglog_store store = fixture->store;
    struct seglog_blob blob = store_open_blob(store, "a", WRITE_NEW);
    uint64_t before = get_info(store, "a").modified_ns;
    uint64_t now = 0;

    if (fixture->factory->has_no_times) {
        assert_int_equal(before, 0);
        store_close_blob(&blob);
        skip();
    }
    assert_true(before > UINT64_C(1000000000) * 1000000000); /* of 2001 */
    test_sleep_ms(20);
    (void)store_put(blob, "1234");
    now = get_info(store, "a").modified_ns;
    assert_true(now > before);
    before = now;
    test_sleep_ms(20);
    store_assert_text(blob, "1234");
    assert_true(get_info(store, "a").modified_ns == before);
    if (!fixture->factory->has_no_truncate) {
        assert_ok(seglog_blob_truncate(blob, 1, NULL));
        now = get_info(store, "a").modified_ns;
        assert_true(now > before);
        before = now;
    }
    test_sleep_ms(20);
    assert_ok(seglog_store_replace(store, "a", "b", NULL));
    assert_true(get_info(store, "b").modified_ns == before);
    store_close_blob(&blob);
}

/* As it is once no change can hide any more. */
static struct seglog_stamp
get_stamp(struct seglog_store store)
{
    const int64_t start_ms = test_now_ms();
    struct seglog_stamp stamp = { .is_settled = false };
    struct seglog_error err;

    for (;;) {
        assert_code_err(seglog_store_get_stamp(store, &stamp, &err), SEGLOG_OK,
                        &err);
        if (stamp.is_settled)
            return stamp;
        assert_in_range(test_now_ms() - start_ms, 0, 10000);
        test_sleep_ms(5);
    }
}

static bool
stamps_are_equal(struct seglog_stamp a, struct seglog_stamp b)
{
    return a.value[0] == b.value[0] && a.value[1] == b.value[1];
}

enum change {
    CHANGE_CREATE,
    CHANGE_REMOVE,
    CHANGE_REPLACE,
    CHANGE_RENAME,
    CHANGES
};

static void
change_make(struct seglog_store store, enum change change)
{
    struct seglog_blob blob;

    switch (change) {
    case CHANGE_CREATE:
        blob = store_open_blob(store, "new", WRITE_NEW);
        store_close_blob(&blob);
        return;
    case CHANGE_REMOVE:
        assert_ok(seglog_store_remove(store, "new", NULL));
        return;
    case CHANGE_REPLACE:
        assert_ok(seglog_store_replace(store, "b", "a", NULL));
        return;
    default:
        assert_ok(seglog_store_replace(store, "a", "b", NULL));
        return;
    }
}

static void
stamp__created_removed_replaced__moves(void **state)
{
    const struct store_fixture *fixture = *state;
    struct seglog_store store = fixture->store;

    if (fixture->factory->has_no_stamp)
        skip();
    store_put_new(store, "a", "1");
    store_put_new(store, "b", "2");
    for (enum change change = CHANGE_CREATE; change < CHANGES; change++) {
        const struct seglog_stamp before = get_stamp(store);
        struct seglog_stamp at_once;

        change_make(store, change);
        assert_ok(seglog_store_get_stamp(store, &at_once, NULL));
        assert_false(stamps_are_equal(at_once, before));
        assert_false(stamps_are_equal(get_stamp(store), before));
    }
}

static void
stamp__read_appended_cut__stays(void **state)
{
    const struct store_fixture *fixture = *state;
    struct seglog_store store = fixture->store;
    struct seglog_blob blob;
    struct seglog_stamp before;

    if (fixture->factory->has_no_stamp)
        skip();
    store_put_new(store, "a", "1");
    before = get_stamp(store);
    blob = store_open_blob(store, "a", SEGLOG_OPEN_WRITE);
    (void)store_put(blob, "234");
    assert_ok(seglog_blob_sync(blob, NULL));
    if (!fixture->factory->has_no_truncate)
        assert_ok(seglog_blob_truncate(blob, 2, NULL));
    store_close_blob(&blob);
    (void)get_info(store, "a");
    assert_true(stamps_are_equal(get_stamp(store), before));
}

const struct CMUnitTest store_conformance_info[] = {
    cmocka_unit_test(get_info__missing_blob__is_not_found),
    cmocka_unit_test(get_info__appended_cut_replaced__gives_the_size_now),
    cmocka_unit_test(get_info__appended_or_cut__is_modified_later),
    cmocka_unit_test(stamp__created_removed_replaced__moves),
    cmocka_unit_test(stamp__read_appended_cut__stays),
    { 0 },
};
