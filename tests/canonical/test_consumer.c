/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_consumer.c
 *
 * Goal    every event reaches every consumer in order, again until it is
 *         acknowledged and never after, whatever is damaged.
 */
#define _GNU_SOURCE /* memmem */
#include "tests/canonical/consumer_bench.h"

#include <stdio.h>

#include "src/canonical/canonical_store.h"
#include "src/canonical/trust.h"
#include "tests/support/blobs.h"

#define LOG_BLOB "stream.0.0000000000.0000000000.00000000000000000000.seg"

/* -- open and next --------------------------------------------------------- */

static void
open__names_of_all_lengths__are_taken_or_refused(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = NULL;
    char name[SEGLOG_CONSUMER_NAME_MAX + 2];

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_code(
        seglog_consumer_open(bench->canonical, name, 0, &consumer, NULL),
        SEGLOG_INVALID);
    assert_null(consumer);
    name[sizeof name - 2] = '\0';
    consumer = consumer_open(bench, name, 0);
    seglog_consumer_close(consumer);
    assert_cursor(bench, name, 0);
    assert_code(seglog_consumer_open(bench->canonical, "", 0, &consumer, NULL),
                SEGLOG_INVALID);
    assert_code(
        seglog_consumer_open(bench->canonical, NULL, 0, &consumer, NULL),
        SEGLOG_INVALID);
    assert_code(seglog_consumer_open(NULL, "n", 0, &consumer, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_consumer_open(bench->canonical, "n", 0, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_consumer_open(bench->canonical, "n", UINT64_C(1) << 63,
                                     &consumer, NULL),
                SEGLOG_INVALID);
    seglog_consumer_close(NULL);
}

static void
open__from_somewhere__begins_there_once_and_for_all(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = NULL;

    events_commit(bench->canonical, 0, 5);
    consumer = consumer_open(bench, "start", 0);
    assert_next(consumer, 0);
    seglog_consumer_close(consumer);
    consumer = consumer_open(bench, "middle", 3);
    assert_next(consumer, 3);
    seglog_consumer_close(consumer);
    /* It is there by now, with a cursor. */
    consumer = consumer_open(bench, "middle", 0);
    assert_next(consumer, 3);
    seglog_consumer_close(consumer);
    consumer = consumer_open(bench, "end", SEGLOG_EVENT_END);
    assert_none(consumer);
    events_commit(bench->canonical, 5, 1);
    assert_next(consumer, 5);
    seglog_consumer_close(consumer);
    consumer = consumer_open(bench, "later", 7);
    events_commit(bench->canonical, 6, 2);
    assert_next(consumer, 7);
    assert_none(consumer);
    seglog_consumer_close(consumer);
}

static void
next__while_others_commit__gives_each_event_once_in_order(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_consumer *other = NULL;
    uint64_t seed = 1;
    uint64_t made = 0;
    uint64_t given = 0;

    /* Transactions without events, too: the other one's. */
    other = consumer_open(bench, "other", 0);
    while (made < 700) {
        const uint64_t count = test_random(&seed) % 9;

        events_commit(bench->canonical, made, count);
        made += count;
        if (made > 0 && test_random(&seed) % 3 == 0)
            assert_ok(seglog_consumer_acknowledge(
                other, test_random(&seed) % made, false, NULL));
        while (given < made && test_random(&seed) % 16 != 0)
            assert_next(consumer, given++);
        if (given == made)
            assert_none(consumer);
    }
    while (given < made)
        assert_next(consumer, given++);
    assert_none(consumer);
    seglog_consumer_close(other);
    seglog_consumer_close(consumer);
}

static void
next__many_events_of_one_transaction_over_segments__gives_all(void **state)
{
    struct bench *bench = *state;
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .view_dir =
                                                          bench->view_dir,
                                                      .segment_bytes = 20000 };
    struct seglog_consumer *consumer = NULL;
    struct seglog_canonical_event event;
    struct seglog_slice events[50];
    char big[200];
    uint64_t first = 0;
    uint64_t last = 0;

    bench_close(bench);
    bench_open_with(bench, &options);
    memset(big, 'b', sizeof big);
    for (size_t i = 0; i < COUNT_OF(events); i++)
        events[i] = (struct seglog_slice){ big, sizeof big };
    for (unsigned i = 0; i < 40; i++) {
        struct seglog_write_txn *txn = NULL;

        assert_ok(seglog_write_txn_begin(bench->canonical, &txn, NULL));
        assert_ok(seglog_write_txn_append_events(txn, events, COUNT_OF(events),
                                                 &first, &last, NULL));
        assert_ok(seglog_write_txn_commit(txn, false, NULL, NULL));
        assert_int_equal(first, i * COUNT_OF(events));
    }
    consumer = consumer_open(bench, "c", 0);
    for (uint64_t id = 0; id <= last; id++) {
        assert_ok(seglog_consumer_next(consumer, 0, &event, NULL));
        assert_int_equal(event.id, id);
        assert_int_equal(event.data.len, sizeof big);
    }
    assert_none(consumer);
    seglog_consumer_close(consumer);
}

static void
next__without_arguments__is_invalid(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_canonical_event event;

    assert_code(seglog_consumer_next(NULL, 0, &event, NULL), SEGLOG_INVALID);
    assert_code(seglog_consumer_next(consumer, 0, NULL, NULL), SEGLOG_INVALID);
    assert_code(seglog_consumer_acknowledge(NULL, 0, false, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_consumer_reject(NULL, 0, "", NULL), SEGLOG_INVALID);
    assert_code(seglog_consumer_list_dead(consumer, NULL, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(
        seglog_consumer_replay_dead(consumer, NULL, NULL, NULL, NULL, NULL),
        SEGLOG_INVALID);
    assert_code(
        seglog_canonical_list_consumers(bench->canonical, NULL, NULL, NULL),
        SEGLOG_INVALID);
    assert_code(seglog_canonical_remove_consumer(bench->canonical, "", NULL),
                SEGLOG_INVALID);
    assert_code(seglog_canonical_wait(NULL, 0, 0, NULL), SEGLOG_INVALID);
    seglog_consumer_close(consumer);
}

/* -- acknowledge ----------------------------------------------------------- */

static void
acknowledge__reopened__goes_on_behind_what_was_acknowledged(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);

    events_commit(bench->canonical, 0, 10);
    for (uint64_t id = 0; id < 8; id++)
        assert_next(consumer, id);
    assert_ok(seglog_consumer_acknowledge(consumer, 4, false, NULL));
    assert_next(consumer, 8);
    seglog_consumer_close(consumer);
    consumer = consumer_open(bench, "c", 0);
    assert_next(consumer, 5);
    assert_ok(seglog_consumer_acknowledge(consumer, 5, true, NULL));
    seglog_consumer_close(consumer);
    bench_close(bench);

    bench_open(bench);
    consumer = consumer_open(bench, "c", 0);
    assert_next(consumer, 6);
    seglog_consumer_close(consumer);
    bench_close(bench);

    /* The view is derived, also of cursors. */
    slg_trust_remove_all(bench->view_dir);
    bench_open(bench);
    assert_cursor(bench, "c", 6);
    consumer = consumer_open(bench, "c", 0);
    assert_next(consumer, 6);
    seglog_consumer_close(consumer);
}

static void
acknowledge__what_is_not_next__never_goes_back(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_consumer *again = consumer_open(bench, "c", 0);
    struct seglog_canonical_meta before;
    struct seglog_canonical_meta after;
    struct seglog_error err;

    events_commit(bench->canonical, 0, 10);
    assert_code(seglog_consumer_acknowledge(consumer, 10, false, &err),
                SEGLOG_INVALID);
    assert_int_equal(err.actual, 10);
    assert_code(seglog_consumer_acknowledge(consumer, UINT64_MAX, false, NULL),
                SEGLOG_INVALID);
    assert_cursor(bench, "c", 0);
    /* Beyond what it was given: it is not given that. */
    assert_next(consumer, 0);
    assert_ok(seglog_consumer_acknowledge(consumer, 6, false, NULL));
    assert_cursor(bench, "c", 7);
    assert_next(consumer, 7);
    assert_ok(seglog_canonical_get_meta(bench->canonical, &before, NULL));
    assert_ok(seglog_consumer_acknowledge(consumer, 6, false, NULL));
    assert_ok(seglog_consumer_acknowledge(consumer, 2, true, NULL));
    /* Its own idea of the cursor is old. */
    assert_next(again, 0);
    assert_ok(seglog_consumer_acknowledge(again, 3, false, NULL));
    assert_cursor(bench, "c", 7);
    assert_ok(seglog_canonical_get_meta(bench->canonical, &after, NULL));
    assert_int_equal(before.position, after.position);
    assert_next(again, 4);
    assert_next(consumer, 8);
    seglog_consumer_close(again);
    seglog_consumer_close(consumer);
}

static void
acknowledge__sealed_and_paused__goes_on(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = NULL;
    struct seglog_write_txn *txn = NULL;

    events_commit(bench->canonical, 0, 4);
    assert_ok(seglog_canonical_seal(bench->canonical, NULL, NULL));
    assert_ok(seglog_canonical_pause(bench->canonical, 0, NULL));
    assert_code(seglog_write_txn_begin(bench->canonical, &txn, NULL),
                SEGLOG_SEALED);
    consumer = consumer_open(bench, "c", 0);
    assert_next(consumer, 0);
    assert_ok(seglog_consumer_acknowledge(consumer, 0, true, NULL));
    assert_next(consumer, 1);
    assert_ok(seglog_consumer_reject(consumer, 1, "no", NULL));
    assert_next(consumer, 2);
    assert_cursor(bench, "c", 2);
    assert_int_equal(info_of(bench, "c").dead, 1);
    seglog_consumer_close(consumer);
    assert_ok(seglog_canonical_remove_consumer(bench->canonical, "c", NULL));
}

static void
acknowledge__write_transaction_of_this_thread_is_open__is_invalid(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_write_txn *txn = NULL;

    events_commit(bench->canonical, 0, 1);
    assert_ok(seglog_write_txn_begin(bench->canonical, &txn, NULL));
    assert_next(consumer, 0);
    assert_code(seglog_consumer_acknowledge(consumer, 0, false, NULL),
                SEGLOG_INVALID);
    seglog_write_txn_abort(txn);
    assert_ok(seglog_consumer_acknowledge(consumer, 0, false, NULL));
    seglog_consumer_close(consumer);
}

static void
acknowledge__read_only__is_refused(void **state)
{
    struct bench *bench = *state;
    struct seglog_canonical_options options = { .size = sizeof options,
                                                .view_dir = bench->view_dir,
                                                .is_read_only = true };
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);

    events_commit(bench->canonical, 0, 2);
    seglog_consumer_close(consumer);
    bench_close(bench);
    bench_open_with(bench, &options);
    assert_code(seglog_consumer_open(bench->canonical, "d", 0, &consumer, NULL),
                SEGLOG_READ_ONLY);
    consumer = consumer_open(bench, "c", 0);
    assert_next(consumer, 0);
    assert_code(seglog_consumer_acknowledge(consumer, 0, false, NULL),
                SEGLOG_READ_ONLY);
    assert_code(seglog_consumer_reject(consumer, 0, "", NULL),
                SEGLOG_READ_ONLY);
    assert_code(seglog_canonical_remove_consumer(bench->canonical, "c", NULL),
                SEGLOG_READ_ONLY);
    assert_next(consumer, 1);
    seglog_consumer_close(consumer);
}

static seglog_code
lock_refuse(void *self, const char *name, struct seglog_lock *lock,
            struct seglog_error *err)
{
    (void)self;
    (void)name;
    (void)lock;
    (void)err;
    return SEGLOG_READ_ONLY;
}

/* Of files that somebody else may only read. */
static void
open__nothing_can_be_locked__reads_with_a_view_of_its_own(void **state)
{
    struct bench *bench = *state;
    struct seglog_canonical_options options = { .size = sizeof options,
                                                .is_read_only = true };
    struct seglog_canonical *canonical = NULL;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_store_ops ops = *bench->store.ops;
    struct seglog_store store = { &ops, bench->store.self };

    ops.open_lock = lock_refuse;
    events_commit(bench->canonical, 0, 2);
    seglog_consumer_close(consumer);
    assert_ok(seglog_canonical_open(store, &options, &canonical, NULL));
    assert_ok(seglog_consumer_open(canonical, "c", 0, &consumer, NULL));
    assert_next(consumer, 0);
    assert_next(consumer, 1);
    assert_none(consumer);
    events_commit(bench->canonical, 2, 1);
    assert_next(consumer, 2);
    assert_code(seglog_canonical_wait(canonical, 3, 10, NULL), SEGLOG_END);
    assert_code(seglog_consumer_acknowledge(consumer, 2, false, NULL),
                SEGLOG_READ_ONLY);
    seglog_consumer_close(consumer);
    assert_ok(seglog_canonical_close(canonical, NULL));
    /* A view that others have as well is another matter. */
    options.view_dir = bench->view_dir;
    assert_code(seglog_canonical_open(store, &options, &canonical, NULL),
                SEGLOG_READ_ONLY);
    options.view_dir = NULL;
    options.is_read_only = false;
    assert_code(seglog_canonical_open(store, &options, &canonical, NULL),
                SEGLOG_READ_ONLY);
}

/* -- all of them ----------------------------------------------------------- */

static void
remove__of_one_that_is_open__is_seen_by_it(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);

    events_commit(bench->canonical, 0, 3);
    assert_ok(seglog_consumer_reject(consumer, 0, "no", NULL));
    assert_ok(seglog_canonical_remove_consumer(bench->canonical, "c", NULL));
    assert_code(seglog_canonical_remove_consumer(bench->canonical, "c", NULL),
                SEGLOG_NOT_FOUND);
    assert_false(info_of(bench, "c").is_found);
    assert_code(seglog_consumer_acknowledge(consumer, 1, false, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_consumer_reject(consumer, 1, "", NULL),
                SEGLOG_NOT_FOUND);
    seglog_consumer_close(consumer);
    /* Another one of that name has nothing of it. */
    consumer = consumer_open(bench, "c", 2);
    assert_next(consumer, 2);
    assert_int_equal(info_of(bench, "c").dead, 0);
    seglog_consumer_close(consumer);
}

struct names {
    char text[200];
    unsigned most;
};

static bool
name_add(void *arg, const struct seglog_consumer_info *info)
{
    struct names *names = arg;
    const size_t len = strlen(names->text);

    (void)snprintf(
        names->text + len, sizeof names->text - len, "%s:%llu:%llu:%llu ",
        info->name, (unsigned long long)info->cursor,
        (unsigned long long)info->lag, (unsigned long long)info->dead);
    return --names->most > 0;
}

static void
list__several_consumers__are_independent_and_in_order(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *b = consumer_open(bench, "b", 0);
    struct seglog_consumer *a = consumer_open(bench, "a", 2);
    struct seglog_consumer *ab = consumer_open(bench, "ab", 100);
    struct names names = { .most = 9 };

    events_commit(bench->canonical, 0, 6);
    assert_next(b, 0);
    assert_next(a, 2);
    assert_ok(seglog_consumer_acknowledge(a, 2, false, NULL));
    assert_ok(seglog_consumer_reject(a, 3, "no", NULL));
    assert_ok(seglog_consumer_reject(a, 4, "no", NULL));
    assert_ok(seglog_consumer_reject(b, 0, "no", NULL));
    assert_next(b, 1);
    assert_next(a, 5);
    assert_none(ab);
    assert_ok(seglog_canonical_list_consumers(bench->canonical, name_add,
                                              &names, NULL));
    assert_string_equal(names.text, "a:5:1:2 ab:100:0:0 b:1:5:1 ");
    names = (struct names){ .most = 2 };
    assert_ok(seglog_canonical_list_consumers(bench->canonical, name_add,
                                              &names, NULL));
    assert_string_equal(names.text, "a:5:1:2 ab:100:0:0 ");
    seglog_consumer_close(ab);
    seglog_consumer_close(a);
    seglog_consumer_close(b);
}

/* -- damage ---------------------------------------------------------------- */

/* The payload of one event; the view is up to date and stays.  Its length is
 * looked for with it (SPEC.md 17.1): the byte behind a shorter text, of a
 * checksum, may be any. */
static void
event_damage(struct bench *bench, const char *text)
{
    const size_t text_len = strlen(text);
    char wanted[32];
    size_t len = 0;
    uint8_t *bytes = NULL;
    uint8_t *at = NULL;

    (void)snprintf(wanted, sizeof wanted, "%c%s", (int)text_len, text);
    bench_close(bench);
    assert_ok(
        seglog_store_file_open(bench->log_dir, true, &bench->store, NULL));
    bytes = blob_read(bench->store, LOG_BLOB, &len);
    at = memmem(bytes, len, wanted, text_len + 1);
    assert_non_null(at);
    at[1] ^= 1;
    blob_write(bench->store, LOG_BLOB, bytes, len);
    free(bytes);
    seglog_store_close(&bench->store);
}

static void
next__damaged_event__is_told_each_time_until_acknowledged(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct letters letters = { .fails_at = UINT64_MAX };
    struct seglog_canonical_event event;

    events_commit(bench->canonical, 0, 100);
    assert_ok(seglog_consumer_reject(consumer, 40, "no", NULL));
    assert_ok(seglog_consumer_reject(consumer, 57, "no", NULL));
    seglog_consumer_close(consumer);
    event_damage(bench, "event 57");
    bench_open(bench);
    consumer = consumer_open(bench, "c", 0);
    seglog_consumer_close(consumer);
    consumer = consumer_open(bench, "d", 10);
    for (uint64_t id = 10; id < 57; id++)
        assert_next(consumer, id);
    for (unsigned i = 0; i < 3; i++)
        assert_code(seglog_consumer_next(consumer, 0, &event, NULL),
                    SEGLOG_CORRUPT);
    assert_ok(seglog_consumer_acknowledge(consumer, 57, false, NULL));
    for (uint64_t id = 58; id < 100; id++)
        assert_next(consumer, id);
    assert_none(consumer);
    seglog_consumer_close(consumer);
    /* It keeps nobody from the other letters. */
    consumer = consumer_open(bench, "c", 0);
    assert_code(seglog_consumer_list_dead(consumer, letter_add, &letters, NULL),
                SEGLOG_CORRUPT);
    assert_string_equal(letters.text, "40/0/no/event 40 ");
    assert_int_equal(info_of(bench, "c").dead, 2);
    seglog_consumer_close(consumer);
}

static void
next__damaged_event_and_skips_lost__passes_over_it(void **state)
{
    struct bench *bench = *state;
    const struct seglog_canonical_options options = {
        .size = sizeof options, .view_dir = bench->view_dir, .skips_lost = true
    };
    struct seglog_consumer *consumer = NULL;
    struct seglog_canonical_event event;

    events_commit(bench->canonical, 0, 3);
    event_damage(bench, "event 1");
    bench_open_with(bench, &options);
    consumer = consumer_open(bench, "c", 0);
    assert_next(consumer, 0);
    assert_next(consumer, 2);
    assert_none(consumer);
    events_commit(bench->canonical, 3, 1);
    assert_next(consumer, 3);
    seglog_consumer_close(consumer);
    /* The last one: it is not waited for in a circle. */
    event_damage(bench, "event 2");
    bench_open_with(bench, &options);
    consumer = consumer_open(bench, "d", 1);
    assert_next(consumer, 3);
    assert_code(seglog_consumer_next(consumer, 30, &event, NULL), SEGLOG_END);
    seglog_consumer_close(consumer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(open__names_of_all_lengths__are_taken_or_refused),
        BENCH_TEST(open__from_somewhere__begins_there_once_and_for_all),
        BENCH_TEST(next__while_others_commit__gives_each_event_once_in_order),
        BENCH_TEST(
            next__many_events_of_one_transaction_over_segments__gives_all),
        BENCH_TEST(next__without_arguments__is_invalid),
        BENCH_TEST(acknowledge__reopened__goes_on_behind_what_was_acknowledged),
        BENCH_TEST(acknowledge__what_is_not_next__never_goes_back),
        BENCH_TEST(acknowledge__sealed_and_paused__goes_on),
        BENCH_TEST(
            acknowledge__write_transaction_of_this_thread_is_open__is_invalid),
        BENCH_TEST(acknowledge__read_only__is_refused),
        BENCH_TEST(open__nothing_can_be_locked__reads_with_a_view_of_its_own),
        BENCH_TEST(remove__of_one_that_is_open__is_seen_by_it),
        BENCH_TEST(list__several_consumers__are_independent_and_in_order),
        BENCH_TEST(next__damaged_event__is_told_each_time_until_acknowledged),
        BENCH_TEST(next__damaged_event_and_skips_lost__passes_over_it),
    };

    return BENCH_RUN(tests);
}
