/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_store.c
 *
 * Goal    what is committed is there, state and events in one, for whoever
 *         reads it and whenever it is opened.
 */
#include "tests/canonical/canonical_support.h"

#include <stdio.h>

/* -- state ----------------------------------------------------------------- */

static void
put__of_a_key__is_read(void **state)
{
    struct fixture *fixture = *state;

    (void)commit_one(fixture->canonical, "balance", "100", NULL);
    assert_value(fixture->canonical, "balance", "100");
    assert_value(fixture->canonical, "balanc", NULL);
    (void)commit_one(fixture->canonical, "balance", "90", NULL);
    assert_value(fixture->canonical, "balance", "90");
}

static void
put__of_no_bytes__is_a_value(void **state)
{
    struct fixture *fixture = *state;

    (void)commit_one(fixture->canonical, "empty", "", NULL);
    assert_value(fixture->canonical, "empty", "");
    store_reopen(fixture);
    assert_value(fixture->canonical, "empty", "");
}

static void
exists__says_whether(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_read_txn *txn = NULL;
    bool is_there = false;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &txn, NULL));
    assert_ok(seglog_read_txn_exists(txn, text_slice("a"), &is_there, NULL));
    assert_true(is_there);
    assert_ok(seglog_read_txn_exists(txn, text_slice("b"), &is_there, NULL));
    assert_false(is_there);
    seglog_read_txn_end(txn);
}

static void
delete__of_a_key__takes_it_away(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = NULL;

    (void)commit_one(fixture->canonical, "gone", "1", NULL);
    txn = write_begin(fixture->canonical);
    write_delete(txn, "gone");
    write_delete(txn, "gone");
    write_delete(txn, "never there");
    assert_int_equal(write_commit(txn).writes, 3);
    assert_value(fixture->canonical, "gone", NULL);
    store_reopen(fixture);
    assert_value(fixture->canonical, "gone", NULL);
}

static void
get__in_a_write_transaction__sees_its_own_writes(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = NULL;
    struct seglog_slice value;

    (void)commit_one(fixture->canonical, "a", "old", NULL);
    txn = write_begin(fixture->canonical);
    write_put(txn, "a", "new");
    write_put(txn, "b", "1");
    assert_ok(seglog_write_txn_get(txn, text_slice("a"), &value, NULL));
    assert_int_equal(value.len, 3);
    assert_memory_equal(value.data, "new", 3);
    write_delete(txn, "b");
    assert_code(seglog_write_txn_get(txn, text_slice("b"), &value, NULL),
                SEGLOG_NOT_FOUND);
    assert_value(fixture->canonical, "a", "old");
    seglog_write_txn_abort(txn);
}

static void
read__that_began_before_a_commit__stays_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_read_txn *txn = NULL;
    struct seglog_slice value;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    assert_ok(seglog_read_txn_begin(fixture->canonical, &txn, NULL));
    assert_int_equal(seglog_read_txn_get_position(txn), 2);
    (void)commit_one(fixture->canonical, "a", "2", NULL);
    assert_ok(seglog_read_txn_get(txn, text_slice("a"), &value, NULL));
    assert_memory_equal(value.data, "1", 1);
    assert_int_equal(seglog_read_txn_get_position(txn), 2);
    seglog_read_txn_end(txn);
    assert_value(fixture->canonical, "a", "2");
}

/* -- events ---------------------------------------------------------------- */

static void
events__have_ids_without_gaps(void **state)
{
    struct fixture *fixture = *state;

    for (uint64_t i = 0; i < 20; i++) {
        struct seglog_write_txn *txn = write_begin(fixture->canonical);

        /* One that is aborted uses no id up. */
        assert_int_equal(write_event(txn, "aborted"), i);
        seglog_write_txn_abort(txn);
        txn = write_begin(fixture->canonical);
        assert_int_equal(write_event(txn, "kept"), i);
        assert_int_equal(write_commit(txn).first_event, i);
    }
    assert_int_equal(meta_of(fixture->canonical).next_event, 20);
    store_reopen(fixture);
    assert_int_equal(
        commit_one(fixture->canonical, NULL, NULL, "next").first_event, 20);
}

static void
events__of_a_batch__are_all_or_none(void **state)
{
    struct fixture *fixture = *state;
    char *large = calloc(1, SEGLOG_EVENT_MAX + 1);
    struct seglog_slice events[3] = { text_slice("a"),
                                      text_slice(""),
                                      { large, SEGLOG_EVENT_MAX + 1 } };
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_commit_info info;
    uint64_t first = 9;
    uint64_t last = 9;

    assert_non_null(large);
    assert_int_equal(write_event(txn, "zero"), 0);
    assert_code(
        seglog_write_txn_append_events(txn, events, 3, &first, &last, NULL),
        SEGLOG_TOO_LARGE);
    assert_code(
        seglog_write_txn_append_events(txn, events, 0, &first, &last, NULL),
        SEGLOG_INVALID);
    events[2] = text_slice("c");
    assert_ok(
        seglog_write_txn_append_events(txn, events, 3, &first, &last, NULL));
    assert_int_equal(first, 1);
    assert_int_equal(last, 3);
    info = write_commit(txn);
    assert_int_equal(info.first_event, 0);
    assert_int_equal(info.last_event, 3);
    assert_int_equal(info.events, 4);
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:zero 1:a 2: 3:c");
    free(large);
}

static void
iterate_events__from_to__is_what_is_between(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 6; i++) {
        char text[16];

        (void)snprintf(text, sizeof text, "event %d", i);
        (void)commit_one(fixture->canonical, NULL, NULL, text);
    }
    assert_events(fixture->canonical, 0, 2, "0:event 0 1:event 1");
    assert_events(fixture->canonical, 4, SEGLOG_EVENT_END,
                  "4:event 4 5:event 5");
    assert_events(fixture->canonical, 4, 100, "4:event 4 5:event 5");
    assert_events(fixture->canonical, 3, 3, "");
    assert_events(fixture->canonical, 3, 1, "");
    assert_events(fixture->canonical, 6, SEGLOG_EVENT_END, "");
    assert_events(fixture->canonical, SEGLOG_EVENT_END, SEGLOG_EVENT_END, "");
    assert_event(fixture->canonical, 3, "event 3");
    assert_event(fixture->canonical, 6, NULL);
    assert_event(fixture->canonical, SEGLOG_EVENT_END, NULL);
}

static void
event__says_where_and_when_it_was_committed(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    (void)commit_one(fixture->canonical, NULL, NULL, "one");
    assert_ok(seglog_event_iter_open(fixture->canonical, 0, 1, &iter, NULL));
    assert_ok(seglog_event_iter_next(iter, &event, NULL));
    assert_int_equal(event.position, 2);
    assert_int_equal(event.time_ms, meta_of(fixture->canonical).updated_ms);
    assert_code(seglog_event_iter_next(iter, &event, NULL), SEGLOG_END);
    assert_code(seglog_event_iter_next(iter, &event, NULL), SEGLOG_END);
    seglog_event_iter_close(iter);
}

/* The seed read all of the log for one event. */
static void
event__behind_many_transactions_without_any__is_found_at_once(void **state)
{
    struct fixture *fixture = *state;
    char *large = malloc(2001);
    uint64_t before = 0;

    assert_non_null(large);
    memset(large, 'x', 2000);
    large[2000] = '\0';
    (void)commit_one(fixture->canonical, NULL, NULL, "zero");
    for (unsigned i = 0; i < 4000; i++)
        (void)commit_one(fixture->canonical, "k", large, NULL);
    (void)commit_one(fixture->canonical, NULL, NULL, "one");
    for (unsigned round = 0; round < 2; round++) {
        store_close(fixture);
        if (round == 1)
            view_remove(fixture);
        store_open(fixture);
        before = seglog_faults_get_bytes_read(fixture->faults);
        assert_event(fixture->canonical, 1, "one");
        /* From the checkpoint before it, and some times to the end. */
        assert_true(seglog_faults_get_bytes_read(fixture->faults) - before <
                    5000000);
        assert_event(fixture->canonical, 0, "zero");
    }
    free(large);
}

/* -- both ------------------------------------------------------------------ */

static void
commit__of_state_and_events__says_what_it_did(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct seglog_commit_info info;

    write_put(txn, "balance", "90");
    (void)write_event(txn, "withdraw:10");
    (void)write_event(txn, "notify");
    assert_ok(seglog_write_txn_commit(txn, true, &info, NULL));
    assert_int_equal(info.position, 1);
    assert_int_equal(info.first_event, 0);
    assert_int_equal(info.last_event, 1);
    assert_int_equal(info.events, 2);
    assert_int_equal(info.writes, 1);
    assert_true(info.is_durable);
    info = commit_one(fixture->canonical, "balance", "80", NULL);
    assert_int_equal(info.position, 2);
    assert_int_equal(info.first_event, 2);
    assert_int_equal(info.events, 0);
    assert_false(info.is_durable);
}

static void
commit__of_nothing__appends_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_commit_info info;

    info = write_commit(write_begin(fixture->canonical));
    assert_int_equal(info.position, 1);
    assert_int_equal(info.events, 0);
    assert_ok(seglog_write_txn_commit(write_begin(fixture->canonical), true,
                                      &info, NULL));
    assert_true(info.is_durable);
    assert_int_equal(meta_of(fixture->canonical).position, 1);
}

static void
abort__leaves_nothing_of_it(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = NULL;

    (void)commit_one(fixture->canonical, "a", "1", "one");
    txn = write_begin(fixture->canonical);
    write_put(txn, "a", "2");
    write_put(txn, "b", "2");
    (void)write_event(txn, "two");
    seglog_write_txn_abort(txn);
    seglog_write_txn_abort(NULL);
    assert_state(fixture->canonical, NULL, "a=1");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:one");
    store_reopen(fixture);
    assert_state(fixture->canonical, NULL, "a=1");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:one");
}

/* -- opening --------------------------------------------------------------- */

static void
reopen__finds_state_and_events(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical_meta meta;
    struct seglog_canonical_meta again;

    (void)commit_one(fixture->canonical, "a", "1", "one");
    (void)commit_one(fixture->canonical, "b", "2", "two");
    assert_ok(seglog_canonical_set_schema_version(fixture->canonical, 7, NULL));
    meta = meta_of(fixture->canonical);
    store_reopen(fixture);
    assert_state(fixture->canonical, NULL, "a=1 b=2");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:one 1:two");
    again = meta_of(fixture->canonical);
    assert_int_equal(again.schema_version, 7);
    assert_int_equal(again.created_ms, meta.created_ms);
    assert_int_equal(again.updated_ms, meta.updated_ms);
    assert_int_equal(again.position, meta.position);
    assert_memory_equal(again.identity, meta.identity, sizeof meta.identity);
}

static void
reopen__without_lmdb_files__builds_them_anew(void **state)
{
    struct fixture *fixture = *state;

    (void)commit_one(fixture->canonical, "a", "1", "one");
    (void)commit_one(fixture->canonical, "b", "2", "two");
    (void)commit_one(fixture->canonical, "a", "3", NULL);
    assert_ok(seglog_canonical_pause(fixture->canonical, 0, NULL));
    store_close(fixture);
    view_remove(fixture);
    store_open(fixture);
    assert_state(fixture->canonical, NULL, "a=3 b=2");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:one 1:two");
    assert_true(meta_of(fixture->canonical).is_paused);
    assert_int_equal(meta_of(fixture->canonical).position, 5);
}

static void
rotation__over_many_segments__is_one_log(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 600;
    store_reopen(fixture);
    for (int i = 0; i < 200; i++) {
        char key[8];
        char event[24];

        (void)snprintf(key, sizeof key, "k%d", i % 10);
        (void)snprintf(event, sizeof event, "event %d", i);
        (void)commit_one(fixture->canonical, key, event, event);
    }
    assert_true(log_segment_count(fixture) > 5);
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 200; i++) {
            char event[24];

            (void)snprintf(event, sizeof event, "event %d", (int)i);
            assert_event(fixture->canonical, i, event);
        }
        assert_value(fixture->canonical, "k3", "event 193");
        assert_int_equal(meta_of(fixture->canonical).keys, 10);
        store_close(fixture);
        view_remove(fixture);
        store_open(fixture);
    }
}

/* That there was none is no failure. */
static void
open__that_begins_a_log__writes_no_error(void **state)
{
    struct seglog_store memory;
    struct seglog_canonical *begun = NULL;
    struct seglog_error err = { 0 };

    (void)state;
    assert_ok(seglog_store_memory_open(&memory, NULL));
    assert_ok(seglog_canonical_open(memory, NULL, &begun, &err));
    assert_int_equal(err.code, SEGLOG_OK);
    assert_string_equal(err.message, "");
    assert_ok(seglog_canonical_close(begun, NULL));
    seglog_store_close(&memory);
}

static void
meta__of_a_new_store__is_that_of_none(void **state)
{
    struct fixture *fixture = *state;
    const struct seglog_canonical_meta meta = meta_of(fixture->canonical);

    assert_int_equal(meta.next_event, 0);
    assert_int_equal(meta.first_event, 0);
    assert_int_equal(meta.position, 1);
    assert_false(meta.is_sealed);
    assert_false(meta.is_paused);
    assert_int_equal(meta.schema_version, 0);
    assert_true(meta.created_ms > 0);
    assert_int_equal(meta.updated_ms, meta.created_ms);
    assert_int_equal(meta.keys, 0);
    assert_int_equal(meta.lost, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(put__of_a_key__is_read),
        CANONICAL_TEST(put__of_no_bytes__is_a_value),
        CANONICAL_TEST(exists__says_whether),
        CANONICAL_TEST(delete__of_a_key__takes_it_away),
        CANONICAL_TEST(get__in_a_write_transaction__sees_its_own_writes),
        CANONICAL_TEST(read__that_began_before_a_commit__stays_as_it_was),
        CANONICAL_TEST(events__have_ids_without_gaps),
        CANONICAL_TEST(events__of_a_batch__are_all_or_none),
        CANONICAL_TEST(iterate_events__from_to__is_what_is_between),
        CANONICAL_TEST(event__says_where_and_when_it_was_committed),
        CANONICAL_TEST(
            event__behind_many_transactions_without_any__is_found_at_once),
        CANONICAL_TEST(commit__of_state_and_events__says_what_it_did),
        CANONICAL_TEST(commit__of_nothing__appends_nothing),
        CANONICAL_TEST(abort__leaves_nothing_of_it),
        CANONICAL_TEST(reopen__finds_state_and_events),
        CANONICAL_TEST(reopen__without_lmdb_files__builds_them_anew),
        CANONICAL_TEST(rotation__over_many_segments__is_one_log),
        cmocka_unit_test(open__that_begins_a_log__writes_no_error),
        CANONICAL_TEST(meta__of_a_new_store__is_that_of_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
