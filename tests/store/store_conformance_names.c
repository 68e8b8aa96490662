/* SPDX-License-Identifier: MIT */
/*
 * tests/store/store_conformance_names.c - names: list, remove, replace.
 *
 * Goal    a name leads to what it should, and an open blob knows when its name
 *         no longer leads to it.
 */
#include "tests/store/store_conformance_parts.h"

#include <stdio.h>

static struct seglog_store
store_of(void **state)
{
    const struct store_fixture *fixture = *state;

    return fixture->store;
}

/* What a list gave, as "a,b,". */
struct listing {
    struct seglog_store store;
    char text[4096];
    size_t stop_after; /* 0: never */
    bool is_removing;
    size_t count;
};

static bool
listing_add(void *arg, const char *name)
{
    struct listing *listing = arg;
    const size_t len = strlen(listing->text);

    (void)snprintf(listing->text + len, sizeof listing->text - len, "%s,",
                   name);
    if (listing->is_removing)
        assert_ok(seglog_store_remove(listing->store, name, NULL));
    return ++listing->count != listing->stop_after;
}

static void
assert_list(struct seglog_store store, const char *prefix, const char *want)
{
    struct listing listing = { .store = store };
    struct seglog_error err;

    assert_code_err(
        seglog_store_list(store, prefix, listing_add, &listing, &err),
        SEGLOG_OK, &err);
    assert_string_equal(listing.text, want);
}

static void
names__not_allowed__are_invalid_everywhere(void **state)
{
    static const char *const names[] = { NULL,  "",     ".",     "..",    "/",
                                         "a/b", "/abs", "../up", "a.lock" };
    struct seglog_store store = store_of(state);
    char longest[257];

    memset(longest, 'n', 256);
    longest[256] = '\0';
    for (size_t i = 0; i <= COUNT_OF(names); i++) {
        const char *name = i < COUNT_OF(names) ? names[i] : longest;
        struct seglog_blob blob = { 0 };
        struct seglog_lock lock = { 0 };
        struct seglog_blob_info info;
        struct seglog_error err;

        assert_code_err(seglog_blob_open(store, name, WRITE_NEW, &blob, &err),
                        SEGLOG_INVALID, &err);
        assert_code(seglog_store_get_info(store, name, &info, NULL),
                    SEGLOG_INVALID);
        assert_code(seglog_store_remove(store, name, NULL), SEGLOG_INVALID);
        assert_code(seglog_store_replace(store, name, "a", NULL),
                    SEGLOG_INVALID);
        assert_code(seglog_store_replace(store, "a", name, NULL),
                    SEGLOG_INVALID);
        assert_code(seglog_lock_open(store, name, &lock, NULL), SEGLOG_INVALID);
    }
    assert_list(store, "", "");
}

static void
names__unusual__are_kept_apart(void **state)
{
    static const char *const names[] = {
        "a",   "A",  " ",        "a b",  "a\nb",     "-rf",
        "...", ".a", "a.torn",   "lock", "\xc3\xa9", "e\xcc\x81",
        "CON", "*",  "\xff\xfe", "a.",   "a.lock2",
    };
    struct seglog_store store = store_of(state);
    char longest[256];

    memset(longest, 'n', 255);
    longest[255] = '\0';
    for (size_t i = 0; i < COUNT_OF(names); i++)
        store_put_new(store, names[i], names[i]);
    store_put_new(store, longest, longest);
    for (size_t i = 0; i <= COUNT_OF(names); i++) {
        const char *name = i < COUNT_OF(names) ? names[i] : longest;
        struct seglog_blob blob =
            store_open_blob(store, name, SEGLOG_OPEN_READ);

        store_assert_text(blob, name);
        store_close_blob(&blob);
    }
}

static void
list__prefix__gives_names_in_byte_order(void **state)
{
    static const char *const names[] = { "seg-10", "seg-2", "Seg",  "other",
                                         "seg-",   "seg",   "\xff", "seg-1" };
    struct seglog_store store = store_of(state);

    assert_list(store, "", "");
    for (size_t i = 0; i < COUNT_OF(names); i++)
        store_put_new(store, names[i], "x");
    assert_list(store, "", "Seg,other,seg,seg-,seg-1,seg-10,seg-2,\xff,");
    assert_list(store, "seg-", "seg-,seg-1,seg-10,seg-2,");
    assert_list(store, "seg-1", "seg-1,seg-10,");
    assert_list(store, "seg-10", "seg-10,");
    assert_list(store, "seg-100", "");
    assert_list(store, "zzz", "");
}

static void
list__told_to_stop__stops(void **state)
{
    struct listing listing = { .stop_after = 2 };
    struct seglog_store store = store_of(state);

    store_put_new(store, "a", "");
    store_put_new(store, "b", "");
    store_put_new(store, "c", "");
    assert_ok(seglog_store_list(store, "", listing_add, &listing, NULL));
    assert_string_equal(listing.text, "a,b,");
}

static void
list__callback_removes__works(void **state)
{
    struct seglog_store store = store_of(state);
    struct listing listing = { .store = store, .is_removing = true };

    for (char name[] = "a"; name[0] <= 'z'; name[0]++)
        store_put_new(store, name, "");
    assert_ok(seglog_store_list(store, "", listing_add, &listing, NULL));
    assert_int_equal(listing.count, 26);
    assert_list(store, "", "");
}

static void
list__many_names__gives_all(void **state)
{
    struct seglog_store store = store_of(state);
    struct listing listing = { .store = store };

    for (unsigned i = 0; i < 200; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "n%03u", (i * 77) % 200);
        store_put_new(store, name, "");
    }
    assert_ok(seglog_store_list(store, "", listing_add, &listing, NULL));
    assert_int_equal(listing.count, 200);
    for (unsigned i = 0; i < 200; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "n%03u,", i);
        assert_memory_equal(listing.text + 5 * (size_t)i, name, 5);
    }
}

static void
remove__open_blob__stays_readable_and_knows(void **state)
{
    struct seglog_store store = store_of(state);
    struct seglog_blob old = store_open_blob(store, "a", WRITE_NEW);
    struct seglog_blob fresh;
    struct seglog_error err;

    (void)store_put(old, "old");
    assert_false(store_is_replaced(old));
    assert_ok(seglog_store_remove(store, "a", NULL));
    assert_true(store_is_replaced(old));
    store_assert_text(old, "old");
    assert_list(store, "", "");
    assert_code_err(seglog_store_remove(store, "a", &err), SEGLOG_NOT_FOUND,
                    &err);
    assert_code(seglog_blob_open(store, "a", SEGLOG_OPEN_READ, &fresh, NULL),
                SEGLOG_NOT_FOUND);

    fresh = store_open_blob(store, "a", WRITE_NEW);
    store_assert_text(fresh, "");
    (void)store_put(fresh, "new");
    store_assert_text(old, "old");
    assert_true(store_is_replaced(old));
    assert_false(store_is_replaced(fresh));
    store_close_blob(&fresh);
    store_close_blob(&old);
}

static void
replace__existing__swaps_and_old_handles_know(void **state)
{
    struct seglog_store store = store_of(state);
    struct seglog_blob old;
    struct seglog_blob moved;
    struct seglog_blob fresh;

    store_put_new(store, "a", "old");
    store_put_new(store, "b", "new");
    old = store_open_blob(store, "a", SEGLOG_OPEN_WRITE);
    moved = store_open_blob(store, "b", SEGLOG_OPEN_WRITE);
    assert_false(store_is_replaced(old));
    assert_false(store_is_replaced(moved));

    assert_ok(seglog_store_replace(store, "b", "a", NULL));
    assert_list(store, "", "a,");
    assert_true(store_is_replaced(old));
    assert_true(store_is_replaced(moved));
    store_assert_text(old, "old");
    store_assert_text(moved, "new");
    fresh = store_open_blob(store, "a", SEGLOG_OPEN_WRITE);
    assert_false(store_is_replaced(fresh));
    (void)store_put(fresh, "er");
    store_assert_text(moved, "newer");
    store_close_blob(&fresh);
    store_close_blob(&moved);
    store_close_blob(&old);
}

/* Each change must be seen, also one that comes right after a look. */
static void
replace__again_and_again__is_seen_each_time(void **state)
{
    struct seglog_store store = store_of(state);

    store_put_new(store, "a", "0");
    for (unsigned i = 1; i <= 50; i++) {
        struct seglog_blob old = store_open_blob(store, "a", WRITE_NEW);

        store_put_new(store, "b", "x");
        assert_false(store_is_replaced(old));
        if (i % 10 == 0)
            test_sleep_ms(80); /* until the folder counts as settled */
        assert_false(store_is_replaced(old));
        assert_false(store_is_replaced(old));
        if (i % 2 != 0)
            assert_ok(seglog_store_replace(store, "b", "a", NULL));
        else
            assert_ok(seglog_store_replace(store, "a", "c", NULL));
        assert_true(store_is_replaced(old));
        if (i % 2 == 0)
            assert_ok(seglog_store_replace(store, "b", "a", NULL));
        assert_true(store_is_replaced(old));
        store_close_blob(&old);
    }
}

static void
replace__missing__behaves(void **state)
{
    struct seglog_store store = store_of(state);
    struct seglog_blob blob;
    struct seglog_error err;

    store_put_new(store, "a", "kept");
    assert_code_err(seglog_store_replace(store, "none", "a", &err),
                    SEGLOG_NOT_FOUND, &err);
    assert_code_err(seglog_store_replace(store, "a", "a", &err), SEGLOG_INVALID,
                    &err);
    assert_ok(seglog_store_replace(store, "a", "b", NULL));
    assert_list(store, "", "b,");
    blob = store_open_blob(store, "b", SEGLOG_OPEN_READ);
    store_assert_text(blob, "kept");
    store_close_blob(&blob);
}

static void
describe__any_room__is_one_terminated_line(void **state)
{
    char whole[512];

    seglog_store_describe(store_of(state), whole, sizeof whole);
    assert_true(strlen(whole) > 0);
    assert_null(strchr(whole, '\n'));
    for (size_t cap = 1; cap < 24; cap++) {
        char *buf = exact_copy(whole, cap);

        memset(buf, '#', cap);
        seglog_store_describe(store_of(state), buf, cap);
        assert_non_null(memchr(buf, '\0', cap));
        assert_memory_equal(buf, whole, strlen(buf));
        free(buf);
    }
    seglog_store_describe(store_of(state), NULL, 0);
}

const struct CMUnitTest store_conformance_names[] = {
    cmocka_unit_test(names__not_allowed__are_invalid_everywhere),
    cmocka_unit_test(names__unusual__are_kept_apart),
    cmocka_unit_test(list__prefix__gives_names_in_byte_order),
    cmocka_unit_test(list__told_to_stop__stops),
    cmocka_unit_test(list__callback_removes__works),
    cmocka_unit_test(list__many_names__gives_all),
    cmocka_unit_test(remove__open_blob__stays_readable_and_knows),
    cmocka_unit_test(replace__existing__swaps_and_old_handles_know),
    cmocka_unit_test(replace__again_and_again__is_seen_each_time),
    cmocka_unit_test(replace__missing__behaves),
    cmocka_unit_test(describe__any_room__is_one_terminated_line),
    { 0 },
};
