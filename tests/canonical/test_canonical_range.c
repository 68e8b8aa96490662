/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_range.c
 *
 * Goal    ranges and prefixes are what they say in the order of bytes, also
 *         where keys extend each other and bytes are 0xFF; and an iterator
 *         goes on rightly while its transaction writes.
 */
#include "tests/canonical/canonical_support.h"

#include <stdio.h>

#define SLICE(text) ((struct seglog_slice){ text, sizeof text - 1 })

static void
put_all(struct fixture *fixture, const char *const *keys, size_t count)
{
    struct seglog_write_txn *txn = write_begin(fixture->canonical);

    for (size_t i = 0; i < count; i++)
        write_put(txn, keys[i], "1");
    (void)write_commit(txn);
}

static void
range__has_its_start_and_not_its_end(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = { "a", "b", "c", "d" };
    struct seglog_state_range range = { .start = SLICE("b") };

    put_all(fixture, keys, COUNT_OF(keys));
    assert_state(fixture->canonical, NULL, "a=1 b=1 c=1 d=1");
    assert_state(fixture->canonical, &range, "b=1 c=1 d=1");
    range.has_end = true;
    range.end = SLICE("d");
    assert_state(fixture->canonical, &range, "b=1 c=1");
    range.start = SLICE("");
    assert_state(fixture->canonical, &range, "a=1 b=1 c=1");
    range.end = SLICE("");
    assert_state(fixture->canonical, &range, "");
    range.start = SLICE("c");
    range.end = SLICE("b");
    assert_state(fixture->canonical, &range, "");
    range = (struct seglog_state_range){ .start = SLICE("bb") };
    assert_state(fixture->canonical, &range, "c=1 d=1");
    range.start = SLICE("e");
    assert_state(fixture->canonical, &range, "");
}

static void
range__of_keys_that_extend_each_other__has_all_of_them(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = { "a", "aa", "aaa",   "aab",  "ab",
                                        "b", "ba", "a\x01", "a\xFF" };
    const struct seglog_state_range range = { .start = SLICE("aa"),
                                              .has_end = true,
                                              .end = SLICE("b") };

    put_all(fixture, keys, COUNT_OF(keys));
    assert_state(fixture->canonical, NULL,
                 "a=1 a\x01=1 aa=1 aaa=1 aab=1 ab=1 a\xFF=1 b=1 ba=1");
    assert_state(fixture->canonical, &range, "aa=1 aaa=1 aab=1 ab=1 a\xFF=1");
}

static void
prefix__has_the_key_that_it_is_and_those_behind(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = { "user",   "user:", "user:1", "user:10",
                                        "user:2", "user;", "usez" };
    struct seglog_state_range range = { .prefix = SLICE("user:") };

    put_all(fixture, keys, COUNT_OF(keys));
    assert_state(fixture->canonical, &range,
                 "user:=1 user:1=1 user:10=1 user:2=1");
    range.start = SLICE("user:10");
    assert_state(fixture->canonical, &range, "user:10=1 user:2=1");
    range.start = SLICE("a");
    range.has_end = true;
    range.end = SLICE("user:2");
    assert_state(fixture->canonical, &range, "user:=1 user:1=1 user:10=1");
    range = (struct seglog_state_range){ .start = SLICE("usf"),
                                         .prefix = SLICE("user") };
    assert_state(fixture->canonical, &range, "");
    range = (struct seglog_state_range){ .prefix = SLICE("none") };
    assert_state(fixture->canonical, &range, "");
}

/* The seed took the last byte plus one for the end. */
static void
prefix__that_ends_in_0xff__has_an_end(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = { "a\xFE",     "a\xFF", "a\xFF\x01",
                                        "a\xFF\xFF", "b",     "\xFF",
                                        "\xFF\xFF" };
    struct seglog_state_range range = { .prefix = SLICE("a\xFF") };

    put_all(fixture, keys, COUNT_OF(keys));
    assert_state(fixture->canonical, &range, "a\xFF=1 a\xFF\x01=1 a\xFF\xFF=1");
    range.prefix = SLICE("\xFF");
    assert_state(fixture->canonical, &range, "\xFF=1 \xFF\xFF=1");
    range.prefix = SLICE("\xFF\xFF");
    assert_state(fixture->canonical, &range, "\xFF\xFF=1");
    range.prefix = SLICE("\xFF\xFF\xFF");
    assert_state(fixture->canonical, &range, "");
}

static void
keys__of_0xff_alone_up_to_the_longest__come_once_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_read_txn *reading = NULL;
    struct seglog_state_iter *iter = NULL;
    struct seglog_state_range range = { 0 };
    struct seglog_slice key;
    struct seglog_slice value;
    char all[SEGLOG_KEY_MAX];

    memset(all, 0xFF, sizeof all);
    for (size_t len = 1; len <= sizeof all; len++)
        assert_ok(seglog_write_txn_put(txn, (struct seglog_slice){ all, len },
                                       SLICE("v"), NULL));
    (void)write_commit(txn);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &reading, NULL));
    range.prefix = (struct seglog_slice){ all, 500 };
    assert_ok(seglog_read_txn_iterate(reading, &range, &iter, NULL));
    for (size_t len = 500; len <= sizeof all; len++) {
        assert_ok(seglog_state_iter_next(iter, &key, &value, NULL));
        assert_int_equal(key.len, len);
    }
    assert_code(seglog_state_iter_next(iter, &key, &value, NULL), SEGLOG_END);
    assert_code(seglog_state_iter_next(iter, &key, &value, NULL), SEGLOG_END);
    seglog_state_iter_close(iter);
    seglog_read_txn_end(reading);
}

/* In pages of a thousand the seed left out keys that extend the last one. */
static void
thousands_of_keys_that_extend_each_other__are_all_there(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_read_txn *reading = NULL;
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice key;
    struct seglog_slice value;
    char text[32];

    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(text, sizeof text, "k%04u", i);
        write_put(txn, text, "1");
        (void)snprintf(text, sizeof text, "k%04u/", i);
        write_put(txn, text, "2");
    }
    (void)write_commit(txn);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &reading, NULL));
    assert_ok(seglog_read_txn_iterate(reading, NULL, &iter, NULL));
    for (unsigned i = 0; i < 6000; i++) {
        assert_ok(seglog_state_iter_next(iter, &key, &value, NULL));
        (void)snprintf(text, sizeof text, i % 2 ? "k%04u/" : "k%04u", i / 2);
        assert_int_equal(key.len, strlen(text));
        assert_memory_equal(key.data, text, key.len);
    }
    assert_code(seglog_state_iter_next(iter, &key, &value, NULL), SEGLOG_END);
    seglog_state_iter_close(iter);
    seglog_read_txn_end(reading);
}

static void
bounds__that_no_key_may_have__are_refused(void **state)
{
    struct fixture *fixture = *state;
    static char large[SEGLOG_KEY_MAX + 1];
    const struct seglog_slice bound = { large, sizeof large };
    const struct seglog_slice none = { NULL, 3 };
    const struct seglog_state_range ranges[] = {
        { .start = bound },
        { .prefix = bound },
        { .has_end = true, .end = bound },
    };
    const struct seglog_state_range bad[] = {
        { .start = none },
        { .prefix = none },
        { .has_end = true, .end = none },
    };
    struct seglog_read_txn *txn = NULL;
    struct seglog_state_iter *iter = NULL;

    assert_ok(seglog_read_txn_begin(fixture->canonical, &txn, NULL));
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        assert_code(seglog_read_txn_iterate(txn, &ranges[i], &iter, NULL),
                    SEGLOG_TOO_LARGE);
        assert_code(seglog_read_txn_iterate(txn, &bad[i], &iter, NULL),
                    SEGLOG_INVALID);
        assert_null(iter);
    }
    seglog_read_txn_end(txn);
}

/* -- while writing --------------------------------------------------------- */

static void
iterator__of_a_write_transaction__sees_what_it_has_written(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = { "b", "d" };
    struct seglog_write_txn *txn = NULL;
    struct seglog_state_iter *iter = NULL;

    put_all(fixture, keys, COUNT_OF(keys));
    txn = write_begin(fixture->canonical);
    write_put(txn, "a", "new");
    write_delete(txn, "b");
    write_put(txn, "d", "other");
    assert_ok(seglog_write_txn_iterate(txn, NULL, &iter, NULL));
    assert_iter(iter, "a=new d=other");
    seglog_state_iter_close(iter);
    seglog_write_txn_abort(txn);
    assert_state(fixture->canonical, NULL, "b=1 d=1");
}

static void
iterator__while_keys_come_and_go__goes_on_behind_its_key(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = { "b", "d", "f", "h" };
    struct seglog_write_txn *txn = NULL;
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice key;
    struct seglog_slice value;

    put_all(fixture, keys, COUNT_OF(keys));
    txn = write_begin(fixture->canonical);
    assert_ok(seglog_write_txn_iterate(txn, NULL, &iter, NULL));
    assert_ok(seglog_state_iter_next(iter, &key, &value, NULL));
    assert_memory_equal(key.data, "b", 1);
    write_put(txn, "a", "2");
    write_put(txn, "c", "2");
    assert_ok(seglog_state_iter_next(iter, &key, &value, NULL));
    assert_memory_equal(key.data, "c", 1);
    write_delete(txn, "c");
    write_delete(txn, "d");
    assert_ok(seglog_state_iter_next(iter, &key, &value, NULL));
    assert_memory_equal(key.data, "f", 1);
    write_put(txn, "f", "a longer value than it had before");
    write_put(txn, "e", "2");
    assert_ok(seglog_state_iter_next(iter, &key, &value, NULL));
    assert_memory_equal(key.data, "h", 1);
    assert_code(seglog_state_iter_next(iter, &key, &value, NULL), SEGLOG_END);
    seglog_state_iter_close(iter);
    (void)write_commit(txn);
    assert_state(fixture->canonical, NULL,
                 "a=2 b=1 e=2 f=a longer value than it had before h=1");
}

/* The state is what the log says: so it is when the view is built anew. */
static void
assert_rebuilt_same(struct fixture *fixture, struct seglog_canonical *canonical)
{
    struct seglog_read_txn *one = NULL;
    struct seglog_read_txn *other = NULL;
    struct seglog_state_iter *iter = NULL;
    struct seglog_state_iter *again = NULL;
    struct seglog_canonical *rebuilt = NULL;
    struct seglog_slice keys[2];
    struct seglog_slice values[2];
    seglog_code code = SEGLOG_OK;

    fixture->options.view_dir = NULL;
    rebuilt = store_open_other(fixture);
    fixture->options.view_dir = fixture->view;
    assert_ok(seglog_read_txn_begin(canonical, &one, NULL));
    assert_ok(seglog_read_txn_begin(rebuilt, &other, NULL));
    assert_ok(seglog_read_txn_iterate(one, NULL, &iter, NULL));
    assert_ok(seglog_read_txn_iterate(other, NULL, &again, NULL));
    do {
        code = seglog_state_iter_next(iter, &keys[0], &values[0], NULL);
        assert_code(seglog_state_iter_next(again, &keys[1], &values[1], NULL),
                    code);
        if (code != SEGLOG_OK)
            break;
        assert_int_equal(keys[0].len, keys[1].len);
        assert_memory_equal(keys[0].data, keys[1].data, keys[0].len);
        assert_int_equal(values[0].len, values[1].len);
        if (values[0].len > 0)
            assert_memory_equal(values[0].data, values[1].data, values[0].len);
    } while (code == SEGLOG_OK);
    seglog_state_iter_close(iter);
    seglog_state_iter_close(again);
    seglog_read_txn_end(one);
    seglog_read_txn_end(other);
    assert_ok(seglog_canonical_close(rebuilt, NULL));
}

/* What get and next return lies in the pages that are written to. */
static void
writes__of_what_was_read_just_before__write_just_that(void **state)
{
    struct fixture *fixture = *state;
    uint64_t series = 7;
    char text[400];

    memset(text, 'x', sizeof text);
    for (unsigned round = 0; round < 60; round++) {
        struct seglog_write_txn *txn = write_begin(fixture->canonical);

        for (unsigned i = 0; i < 40; i++) {
            char from[8];
            char to[8];
            struct seglog_slice value;
            const uint64_t chance = test_random(&series);

            (void)snprintf(from, sizeof from, "k%02u", (unsigned)(chance % 50));
            (void)snprintf(to, sizeof to, "k%02u",
                           (unsigned)(chance / 50 % 50));
            text[0] = (char)('a' + i % 26);
            if (chance >> 32 & 1)
                assert_ok(seglog_write_txn_put(
                    txn, text_slice(from),
                    (struct seglog_slice){ text, (chance >> 33) % 400 }, NULL));
            if (seglog_write_txn_get(txn, text_slice(from), &value, NULL) ==
                SEGLOG_OK)
                assert_ok(
                    seglog_write_txn_put(txn, text_slice(to), value, NULL));
        }
        (void)write_commit(txn);
    }
    assert_rebuilt_same(fixture, fixture->canonical);
}

static void
delete__of_the_key_that_an_iterator_is_at__takes_all_away(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_state_iter *iter = NULL;
    struct seglog_slice key;
    struct seglog_slice value;
    unsigned count = 0;

    for (unsigned i = 0; i < 2000; i++) {
        char text[24];

        (void)snprintf(text, sizeof text, "a key, of number %u", i);
        write_put(txn, text, text);
    }
    assert_ok(seglog_write_txn_iterate(txn, NULL, &iter, NULL));
    while (seglog_state_iter_next(iter, &key, &value, NULL) == SEGLOG_OK) {
        assert_ok(seglog_write_txn_delete(txn, key, NULL));
        count++;
    }
    assert_int_equal(count, 2000);
    seglog_state_iter_close(iter);
    (void)write_commit(txn);
    assert_state(fixture->canonical, NULL, "");
    assert_rebuilt_same(fixture, fixture->canonical);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(range__has_its_start_and_not_its_end),
        CANONICAL_TEST(range__of_keys_that_extend_each_other__has_all_of_them),
        CANONICAL_TEST(prefix__has_the_key_that_it_is_and_those_behind),
        CANONICAL_TEST(prefix__that_ends_in_0xff__has_an_end),
        CANONICAL_TEST(
            keys__of_0xff_alone_up_to_the_longest__come_once_and_in_order),
        CANONICAL_TEST(thousands_of_keys_that_extend_each_other__are_all_there),
        CANONICAL_TEST(bounds__that_no_key_may_have__are_refused),
        CANONICAL_TEST(
            iterator__of_a_write_transaction__sees_what_it_has_written),
        CANONICAL_TEST(
            iterator__while_keys_come_and_go__goes_on_behind_its_key),
        CANONICAL_TEST(writes__of_what_was_read_just_before__write_just_that),
        CANONICAL_TEST(
            delete__of_the_key_that_an_iterator_is_at__takes_all_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
