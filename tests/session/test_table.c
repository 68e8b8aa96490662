/* SPDX-License-Identifier: MIT */
/*
 * tests/session/test_table.c
 *
 * Goal    a table says what was last said about each key, to every handle,
 *         also after damage, rewriting and replacing.
 * Method  memory store; two tables on one segment stand for two processes.
 */
#include "tests/support/blobs.h"

#include <stdio.h>

#include "seglog/segment.h"
#include "seglog/testing/fault_store.h"
#include "src/session/table.h"

struct fixture {
    struct seglog_store store;
    struct slg_table *a;
    struct slg_table *b;
};

static struct slg_table *
table_open(struct seglog_store store)
{
    struct slg_table *table = NULL;

    assert_ok(slg_table_new(store, "t.seg", false, 1000, &table, NULL));
    return table;
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_ok(seglog_store_memory_open(&f->store, NULL));
    f->a = table_open(f->store);
    f->b = table_open(f->store);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    slg_table_free(f->a);
    slg_table_free(f->b);
    seglog_store_close(&f->store);
    free(f);
    return 0;
}

static struct seglog_slice
slice(const char *text)
{
    return (struct seglog_slice){ text, strlen(text) };
}

static void
put(struct slg_table *table, const char *key, const char *value)
{
    assert_ok(slg_table_begin(table, NULL));
    if (value)
        assert_ok(slg_table_put(table, slice(key), slice(value), NULL));
    else
        assert_ok(slg_table_remove(table, slice(key), NULL));
    assert_ok(slg_table_write(table, SEGLOG_LEVEL_FLUSH, NULL));
    slg_table_end(table);
}

static void
assert_value(struct slg_table *table, const char *key, const char *value)
{
    const struct slg_row *row = NULL;

    assert_ok(slg_table_refresh(table, NULL, NULL));
    row = slg_table_find(table, slice(key));
    if (!value) {
        assert_null(row);
        return;
    }
    assert_non_null(row);
    assert_int_equal(row->value.len, strlen(value));
    assert_memory_equal(row->value.data, value, row->value.len);
}

static uint64_t
segment_size(struct seglog_store store)
{
    struct seglog_blob_info info;

    assert_ok(seglog_store_get_info(store, "t.seg", &info, NULL));
    return info.size;
}

/* Change one byte in the middle of the segment. */
static void
segment_damage(struct seglog_store store, uint64_t at)
{
    size_t len = 0;
    uint8_t *bytes = blob_read(store, "t.seg", &len);

    bytes[at] ^= 0x10;
    blob_write(store, "t.seg", bytes, len);
    free(bytes);
}

static void
refresh__no_segment__no_rows_and_not_whole(void **state)
{
    struct fixture *f = *state;

    assert_ok(slg_table_refresh(f->a, NULL, NULL));
    assert_int_equal(slg_table_count(f->a), 0);
    assert_false(slg_table_is_whole(f->a));
}

static void
put__by_one__seen_by_the_other(void **state)
{
    struct fixture *f = *state;
    bool changed = false;

    put(f->a, "k", "one");
    assert_value(f->b, "k", "one");
    put(f->b, "k", "two");
    put(f->b, "j", "three");
    assert_value(f->a, "k", "two");
    assert_value(f->a, "j", "three");
    assert_ok(slg_table_refresh(f->a, &changed, NULL));
    assert_false(changed);
    put(f->a, "k", NULL);
    assert_value(f->b, "k", NULL);
    assert_int_equal(slg_table_count(f->b), 1);
}

static void
put__several_about_one_key__the_last_word_counts(void **state)
{
    struct fixture *f = *state;

    assert_ok(slg_table_begin(f->a, NULL));
    assert_ok(slg_table_put(f->a, slice("k"), slice("1"), NULL));
    assert_ok(slg_table_remove(f->a, slice("k"), NULL));
    assert_ok(slg_table_put(f->a, slice("a"), slice("x"), NULL));
    assert_ok(slg_table_put(f->a, slice("k"), slice("2"), NULL));
    assert_ok(slg_table_remove(f->a, slice("a"), NULL));
    assert_ok(slg_table_write(f->a, SEGLOG_LEVEL_FLUSH, NULL));
    slg_table_end(f->a);
    assert_value(f->b, "k", "2");
    assert_value(f->b, "a", NULL);
}

static void
end__not_written__forgotten(void **state)
{
    struct fixture *f = *state;

    put(f->a, "k", "1");
    assert_ok(slg_table_begin(f->a, NULL));
    assert_ok(slg_table_put(f->a, slice("k"), slice("2"), NULL));
    slg_table_end(f->a);
    put(f->a, "other", "x");
    assert_value(f->a, "k", "1");
    assert_value(f->b, "k", "1");
}

static void
begin__held_by_another__locked(void **state)
{
    struct fixture *f = *state;

    put(f->a, "k", "1");
    assert_ok(slg_table_begin(f->a, NULL));
    assert_code(slg_table_begin(f->b, NULL), SEGLOG_LOCKED);
    slg_table_end(f->a);
    put(f->b, "k", "2");
    assert_value(f->a, "k", "2");
}

/* Against a model: random words, keys that extend each other, empty ones. */
static void
words__random__as_a_model_says(void **state)
{
    struct fixture *f = *state;
    char model[40][16] = { { 0 } };
    bool has[40] = { false };
    uint64_t seed = 7;

    for (int round = 0; round < 2000; round++) {
        const size_t k = (size_t)(test_random(&seed) % COUNT_OF(model));
        struct slg_table *table = test_random(&seed) % 2 ? f->a : f->b;
        char key[64];

        (void)snprintf(key, sizeof key, "%.*s", (int)k,
                       "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb");
        has[k] = test_random(&seed) % 3 != 0;
        (void)snprintf(model[k], sizeof model[k], "%d", round);
        put(table, key, has[k] ? model[k] : NULL);
        if (round % 100 != 0)
            continue;
        for (size_t i = 0; i < COUNT_OF(model); i++) {
            (void)snprintf(key, sizeof key, "%.*s", (int)i,
                           "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb");
            assert_value(f->a, key, has[i] ? model[i] : NULL);
            assert_value(f->b, key, has[i] ? model[i] : NULL);
        }
    }
}

static void
rewrite__much_history__small_and_the_same(void **state)
{
    struct fixture *f = *state;
    char value[32];

    for (int i = 0; i < 6000; i++) {
        (void)snprintf(value, sizeof value, "value %d", i);
        put(f->a, i % 2 ? "odd" : "even", value);
    }
    assert_true(slg_table_wants_rewrite(f->a, 2));
    assert_value(f->b, "odd", "value 5999");
    assert_ok(slg_table_begin(f->a, NULL));
    assert_ok(slg_table_put(f->a, slice("new"), slice("x"), NULL));
    assert_ok(slg_table_rewrite(f->a, NULL));
    slg_table_end(f->a);
    assert_true(segment_size(f->store) < 300);
    assert_false(slg_table_wants_rewrite(f->a, 2));
    /* The other one had the old segment open. */
    assert_value(f->b, "odd", "value 5999");
    assert_value(f->b, "even", "value 5998");
    assert_value(f->b, "new", "x");
    put(f->b, "even", "again");
    assert_value(f->a, "even", "again");
}

static void
write__behind_damage__good_rows_are_kept_and_the_old_bytes_too(void **state)
{
    struct fixture *f = *state;
    struct seglog_blob_info info;
    uint64_t first_end = 0;

    put(f->a, "first", "1");
    first_end = segment_size(f->store);
    put(f->a, "second", "2");
    put(f->a, "third", "3");
    segment_damage(f->store, first_end + 8);
    slg_table_free(f->b);
    f->b = table_open(f->store);
    assert_value(f->b, "second", NULL);
    assert_false(slg_table_is_whole(f->b));
    assert_value(f->b, "third", "3");
    put(f->b, "fourth", "4");
    assert_true(slg_table_is_whole(f->b));
    assert_value(f->b, "first", "1");
    assert_value(f->b, "third", "3");
    assert_value(f->b, "fourth", "4");
    assert_ok(seglog_store_get_info(f->store, "t.seg.damaged", &info, NULL));
    assert_true(info.size > first_end);
}

static void
load__not_a_segment__no_rows_and_made_anew(void **state)
{
    struct fixture *f = *state;
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(f->store, "t.seg",
                               SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob,
                               NULL));
    assert_ok(seglog_blob_append(blob, 0,
                                 "this is text, no segment at all; "
                                 "more than a header of it",
                                 56, NULL, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    assert_ok(slg_table_refresh(f->a, NULL, NULL));
    assert_false(slg_table_is_whole(f->a));
    put(f->a, "k", "v");
    assert_value(f->b, "k", "v");
    assert_true(slg_table_is_whole(f->b));
}

/* A record that no table has written is damage; nothing is read beyond it. */
static void
load__foreign_records__not_whole(void **state)
{
    static const char *const records[] = { "", "\1", "\3ab",
                                           "\1\x7f"
                                           "ab",
                                           "\1\xff\xff\xff\xff\xff\xff\xff\xff"
                                           "\x7f" };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(records); i++) {
        struct seglog_writer *writer = NULL;
        void *exact = exact_copy(records[i], strlen(records[i]));

        (void)!seglog_store_remove(f->store, "t.seg", NULL);
        assert_ok(seglog_writer_open(f->store, "t.seg", NULL, &writer, NULL));
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, exact,
                                       strlen(records[i]), SEGLOG_LEVEL_FLUSH,
                                       NULL, NULL));
        assert_ok(seglog_writer_close(writer, NULL));
        free(exact);
        assert_ok(slg_table_refresh(f->a, NULL, NULL));
        assert_false(slg_table_is_whole(f->a));
        assert_int_equal(slg_table_count(f->a), 0);
    }
}

/* Its rows are not known then: a write that goes on would leave none. */
static void
rewrite__cannot_be_read_back__nothing_is_written_over_it(void **state)
{
    struct fixture *f = *state;
    struct seglog_faults *faults = seglog_faults_new(f->store);
    struct slg_table *table = NULL;
    struct seglog_error err;

    assert_non_null(faults);
    put(f->a, "first", "1");
    table = table_open(seglog_faults_store(faults));
    assert_ok(slg_table_begin(table, NULL));
    seglog_faults_watch(faults, "t.seg");
    assert_true(seglog_faults_fail(faults, SEGLOG_FAULT_OPEN, 1, SEGLOG_IO));
    assert_ok(slg_table_rewrite(table, NULL));
    assert_int_equal(seglog_faults_get_hits(faults), 1);
    assert_ok(slg_table_put(table, slice("second"), slice("2"), NULL));
    assert_int_equal(slg_table_write(table, SEGLOG_LEVEL_FLUSH, &err),
                     SEGLOG_IO);
    assert_string_equal(err.name, "t.seg");
    assert_int_equal(slg_table_rewrite(table, &err), SEGLOG_IO);
    slg_table_end(table);
    assert_value(f->b, "first", "1");
    put(table, "second", "2");
    assert_value(f->b, "first", "1");
    assert_value(f->b, "second", "2");
    slg_table_free(table);
    seglog_faults_free(faults);
}

/* What a writer leaves that did not come to an end. */
static void
segment_tear(struct seglog_store store, uint64_t len)
{
    struct seglog_blob blob = { 0 };
    uint8_t *zeros = calloc(1, (size_t)len);

    assert_non_null(zeros);
    assert_ok(seglog_blob_open(store, "t.seg", SEGLOG_OPEN_WRITE, &blob, NULL));
    assert_ok(seglog_blob_append(blob, SEGLOG_END_ANY, zeros, (size_t)len, NULL,
                                 NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    free(zeros);
}

static void
refresh__as_much_appended_as_was_torn__is_seen(void **state)
{
    struct fixture *f = *state;
    uint64_t before = 0;
    uint64_t more = 0;

    put(f->a, "k", "one");
    before = segment_size(f->store);
    segment_tear(f->store, 40);
    put(f->a, "k", "two");
    more = segment_size(f->store) - before;
    before += more;
    segment_tear(f->store, more);
    assert_value(f->b, "k", "two");
    put(f->a, "k", "red");
    assert_int_equal(segment_size(f->store), before + more);
    assert_value(f->a, "k", "red");
    assert_value(f->b, "k", "red");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refresh__no_segment__no_rows_and_not_whole),
        TEST(put__by_one__seen_by_the_other),
        TEST(put__several_about_one_key__the_last_word_counts),
        TEST(end__not_written__forgotten),
        TEST(begin__held_by_another__locked),
        TEST(words__random__as_a_model_says),
        TEST(rewrite__much_history__small_and_the_same),
        TEST(write__behind_damage__good_rows_are_kept_and_the_old_bytes_too),
        TEST(load__not_a_segment__no_rows_and_made_anew),
        TEST(rewrite__cannot_be_read_back__nothing_is_written_over_it),
        TEST(load__foreign_records__not_whole),
        TEST(refresh__as_much_appended_as_was_torn__is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
