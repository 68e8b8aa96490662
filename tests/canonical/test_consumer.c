/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_consumer.c
 *
 * Goal    every event reaches every consumer in order, again until it is
 *         acknowledged and never after; who waits is woken by whoever commits;
 *         and what could not be handled is neither lost nor in the way.
 */
#define _GNU_SOURCE /* pipe, fork */

#include "tests/support/seglog_test.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seglog/canonical.h"
#include "src/canonical/canonical_store.h"
#include "src/canonical/trust.h"
#include "tests/support/blobs.h"

#define LOG_BLOB "stream.0.0000000000.0000000000.00000000000000000000.seg"

struct bench {
    char *dir;
    char *log_dir;
    char *view_dir;
    struct seglog_store store;
    struct seglog_canonical *canonical;
};

/* -- a store --------------------------------------------------------------- */

static void
bench_open_with(struct bench *bench,
                const struct seglog_canonical_options *options)
{
    struct seglog_error err;

    assert_code_err(seglog_store_file_open(bench->log_dir,
                                           !options->is_read_only,
                                           &bench->store, &err),
                    SEGLOG_OK, &err);
    assert_code_err(
        seglog_canonical_open(bench->store, options, &bench->canonical, &err),
        SEGLOG_OK, &err);
}

static void
bench_open(struct bench *bench)
{
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .view_dir =
                                                          bench->view_dir };

    bench_open_with(bench, &options);
}

static void
bench_close(struct bench *bench)
{
    assert_ok(seglog_canonical_close(bench->canonical, NULL));
    bench->canonical = NULL;
    seglog_store_close(&bench->store);
}

static int
bench_names(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    if (!bench)
        return 1;
    bench->dir = test_dir_make();
    bench->log_dir = test_path(bench->dir, "log");
    bench->view_dir = test_path(bench->dir, "view");
    *state = bench;
    return 0;
}

static int
bench_setup(void **state)
{
    if (bench_names(state) != 0)
        return 1;
    bench_open(*state);
    return 0;
}

static int
bench_teardown(void **state)
{
    struct bench *bench = *state;

    if (bench->canonical)
        bench_close(bench);
    free(bench->view_dir);
    free(bench->log_dir);
    test_dir_remove(bench->dir);
    free(bench);
    return 0;
}

static uint64_t
event_commit(struct seglog_canonical *canonical, const char *text)
{
    struct seglog_write_txn *txn = NULL;
    struct seglog_commit_info info;
    struct seglog_error err;
    uint64_t id = 0;

    assert_code_err(seglog_write_txn_begin(canonical, &txn, &err), SEGLOG_OK,
                    &err);
    assert_ok(seglog_write_txn_append_event(
        txn, (struct seglog_slice){ text, strlen(text) }, &id, NULL));
    assert_code_err(seglog_write_txn_commit(txn, false, &info, &err), SEGLOG_OK,
                    &err);
    assert_int_equal(info.first_event, id);
    return id;
}

/* "event 0" and so on, by their ids. */
static void
events_commit(struct seglog_canonical *canonical, uint64_t first,
              uint64_t count)
{
    char text[32];

    for (uint64_t id = first; id < first + count; id++) {
        (void)snprintf(text, sizeof text, "event %llu", (unsigned long long)id);
        assert_int_equal(event_commit(canonical, text), id);
    }
}

static struct seglog_consumer *
consumer_open(struct bench *bench, const char *name, uint64_t from)
{
    struct seglog_consumer *consumer = NULL;
    struct seglog_error err;

    assert_code_err(
        seglog_consumer_open(bench->canonical, name, from, &consumer, &err),
        SEGLOG_OK, &err);
    return consumer;
}

static void
assert_event(const struct seglog_canonical_event *event, uint64_t id)
{
    char text[32];

    (void)snprintf(text, sizeof text, "event %llu", (unsigned long long)id);
    assert_int_equal(event->id, id);
    assert_int_equal(event->data.len, strlen(text));
    assert_memory_equal(event->data.data, text, strlen(text));
}

static void
assert_next(struct seglog_consumer *consumer, uint64_t id)
{
    struct seglog_canonical_event event;
    struct seglog_error err;

    assert_code_err(seglog_consumer_next(consumer, 0, &event, &err), SEGLOG_OK,
                    &err);
    assert_event(&event, id);
}

static void
assert_none(struct seglog_consumer *consumer)
{
    struct seglog_canonical_event event;

    assert_code(seglog_consumer_next(consumer, 0, &event, NULL), SEGLOG_END);
}

struct found {
    uint64_t cursor;
    uint64_t lag;
    uint64_t dead;
    const char *name;
    bool is_found;
};

static bool
info_find(void *arg, const struct seglog_consumer_info *info)
{
    struct found *found = arg;

    if (strcmp(info->name, found->name) != 0)
        return true;
    found->cursor = info->cursor;
    found->lag = info->lag;
    found->dead = info->dead;
    found->is_found = true;
    return false;
}

static struct found
info_of(struct bench *bench, const char *name)
{
    struct found found = { .name = name };

    assert_ok(seglog_canonical_list_consumers(bench->canonical, info_find,
                                              &found, NULL));
    return found;
}

static void
assert_cursor(struct bench *bench, const char *name, uint64_t cursor)
{
    const struct found found = info_of(bench, name);

    assert_true(found.is_found);
    assert_int_equal(found.cursor, cursor);
}

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

/* -- dead letters ---------------------------------------------------------- */

struct letters {
    char text[400];
    uint64_t fails_at; /* id */
    seglog_code code;
    struct seglog_consumer *busy; /* is used meanwhile */
    int64_t time_ms;
};

static seglog_code
letter_add(void *arg, const struct seglog_dead_letter *letter,
           struct seglog_error *err)
{
    struct letters *letters = arg;
    const size_t len = strlen(letters->text);

    (void)snprintf(letters->text + len, sizeof letters->text - len,
                   "%llu/%llu/%.*s/%.*s ", (unsigned long long)letter->id,
                   (unsigned long long)letter->retries, (int)letter->reason.len,
                   letter->reason.data, (int)letter->data.len,
                   letter->data.data);
    letters->time_ms = letter->time_ms;
    if (letters->busy) {
        struct seglog_canonical_event event;

        assert_ok(seglog_consumer_next(letters->busy, 0, &event, NULL));
        assert_ok(
            seglog_consumer_acknowledge(letters->busy, event.id, false, NULL));
    }
    if (letter->id != letters->fails_at)
        return SEGLOG_OK;
    if (err && letters->code != SEGLOG_TOO_LARGE)
        (void)snprintf(err->message, sizeof err->message, "again");
    return letters->code;
}

static void
assert_letters(struct seglog_consumer *consumer, const char *text)
{
    struct letters letters = { .fails_at = UINT64_MAX };

    assert_ok(seglog_consumer_list_dead(consumer, letter_add, &letters, NULL));
    assert_string_equal(letters.text, text);
}

static void
reject__some__are_listed_in_order_and_stay(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct letters letters = { .fails_at = 1, .code = SEGLOG_END };

    events_commit(bench->canonical, 0, 5);
    assert_letters(consumer, "");
    assert_ok(seglog_consumer_reject(consumer, 1, "first", NULL));
    assert_cursor(bench, "c", 2);
    assert_next(consumer, 2);
    assert_ok(seglog_consumer_reject(consumer, 3, NULL, NULL));
    assert_ok(seglog_consumer_reject(consumer, 1, "better", NULL));
    assert_cursor(bench, "c", 4);
    assert_letters(consumer, "1/0/better/event 1 3/0//event 3 ");
    assert_ok(seglog_consumer_list_dead(consumer, letter_add, &letters, NULL));
    assert_string_equal(letters.text, "1/0/better/event 1 ");
    assert_true(letters.time_ms > 1500000000000);
    letters.code = SEGLOG_IO;
    assert_code(seglog_consumer_list_dead(consumer, letter_add, &letters, NULL),
                SEGLOG_IO);
    seglog_consumer_close(consumer);
    bench_close(bench);

    slg_trust_remove_all(bench->view_dir);
    bench_open(bench);
    consumer = consumer_open(bench, "c", 0);
    assert_letters(consumer, "1/0/better/event 1 3/0//event 3 ");
    assert_next(consumer, 4);
    seglog_consumer_close(consumer);
}

static void
reject__what_cannot_be__is_refused(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_error err;
    char *reason = malloc(SEGLOG_REASON_MAX + 2);

    assert_non_null(reason);
    memset(reason, 'r', SEGLOG_REASON_MAX + 1);
    reason[SEGLOG_REASON_MAX + 1] = '\0';
    events_commit(bench->canonical, 0, 2);
    assert_code(seglog_consumer_reject(consumer, 2, "no", &err),
                SEGLOG_INVALID);
    assert_int_equal(err.actual, 2);
    assert_code(seglog_consumer_reject(consumer, 0, reason, &err),
                SEGLOG_TOO_LARGE);
    assert_int_equal(err.actual, SEGLOG_REASON_MAX);
    assert_cursor(bench, "c", 0);
    reason[SEGLOG_REASON_MAX] = '\0';
    assert_ok(seglog_consumer_reject(consumer, 0, reason, NULL));
    assert_cursor(bench, "c", 1);
    free(reason);
    seglog_consumer_close(consumer);
}

static void
replay__handled_and_not__leave_and_stay(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct letters letters = { .fails_at = 1, .code = SEGLOG_IO };
    uint64_t replayed = 99;
    uint64_t left = 99;

    events_commit(bench->canonical, 0, 4);
    assert_ok(seglog_consumer_replay_dead(consumer, letter_add, &letters,
                                          &replayed, &left, NULL));
    assert_int_equal(replayed, 0);
    assert_int_equal(left, 0);
    for (uint64_t id = 0; id < 3; id++)
        assert_ok(seglog_consumer_reject(consumer, id, "no", NULL));
    assert_ok(seglog_consumer_replay_dead(consumer, letter_add, &letters,
                                          &replayed, &left, NULL));
    assert_string_equal(letters.text,
                        "0/0/no/event 0 1/0/no/event 1 2/0/no/event 2 ");
    assert_int_equal(replayed, 2);
    assert_int_equal(left, 1);
    assert_letters(consumer, "1/1/again/event 1 ");
    letters.code = SEGLOG_TOO_LARGE; /* and without a message */
    assert_ok(seglog_consumer_replay_dead(consumer, letter_add, &letters,
                                          &replayed, &left, NULL));
    assert_letters(consumer, "1/2/TOO_LARGE/event 1 ");
    /* Rejected once more by hand: it keeps its count. */
    assert_ok(seglog_consumer_reject(consumer, 1, "hand", NULL));
    assert_letters(consumer, "1/2/hand/event 1 ");
    seglog_consumer_close(consumer);
    bench_close(bench);
    bench_open(bench);
    consumer = consumer_open(bench, "c", 0);
    letters.fails_at = UINT64_MAX;
    assert_ok(seglog_consumer_replay_dead(consumer, letter_add, &letters, NULL,
                                          NULL, NULL));
    assert_letters(consumer, "");
    assert_int_equal(info_of(bench, "c").dead, 0);
    assert_cursor(bench, "c", 3);
    seglog_consumer_close(consumer);
}

static void
replay__stopped__has_done_those_before(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct letters letters = { .fails_at = 1, .code = SEGLOG_END };
    uint64_t replayed = 99;
    uint64_t left = 99;

    events_commit(bench->canonical, 0, 4);
    for (uint64_t id = 0; id < 3; id++)
        assert_ok(seglog_consumer_reject(consumer, id, "no", NULL));
    assert_ok(seglog_consumer_replay_dead(consumer, letter_add, &letters,
                                          &replayed, &left, NULL));
    assert_int_equal(replayed, 1);
    assert_int_equal(left, 0);
    assert_letters(consumer, "1/0/no/event 1 2/0/no/event 2 ");
    seglog_consumer_close(consumer);
}

static void
replay__function_uses_the_store__is_in_nobodys_way(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct letters letters = { .fails_at = UINT64_MAX };

    letters.busy = consumer;
    events_commit(bench->canonical, 0, 6);
    for (uint64_t id = 0; id < 3; id++)
        assert_ok(seglog_consumer_reject(consumer, id, "no", NULL));
    assert_ok(seglog_consumer_replay_dead(consumer, letter_add, &letters, NULL,
                                          NULL, NULL));
    assert_cursor(bench, "c", 6);
    assert_letters(consumer, "");
    seglog_consumer_close(consumer);
}

struct thief {
    struct bench *bench;
    struct seglog_consumer *other;
};

static seglog_code
letter_steal(void *arg, const struct seglog_dead_letter *letter,
             struct seglog_error *err)
{
    const struct thief *thief = arg;
    struct letters letters = { .fails_at = UINT64_MAX };

    (void)letter;
    (void)err;
    assert_ok(seglog_consumer_replay_dead(thief->other, letter_add, &letters,
                                          NULL, NULL, NULL));
    return SEGLOG_IO;
}

static void
replay__somebody_else_has_handled_it__does_not_bring_it_back(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct thief thief = { bench, consumer_open(bench, "c", 0) };

    events_commit(bench->canonical, 0, 2);
    assert_ok(seglog_consumer_reject(consumer, 0, "no", NULL));
    assert_ok(seglog_consumer_replay_dead(consumer, letter_steal, &thief, NULL,
                                          NULL, NULL));
    assert_letters(consumer, "");
    seglog_consumer_close(thief.other);
    seglog_consumer_close(consumer);
}

/* -- waiting --------------------------------------------------------------- */

static void
wait__nothing_comes__ends_when_it_was_to(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_canonical_event event;
    int64_t start = test_now_ms();

    assert_code(seglog_canonical_wait(bench->canonical, 0, 0, NULL),
                SEGLOG_END);
    assert_true(test_now_ms() - start < 1000);
    start = test_now_ms();
    assert_code(seglog_consumer_next(consumer, 120, &event, NULL), SEGLOG_END);
    assert_true(test_now_ms() - start >= 119);
    events_commit(bench->canonical, 0, 2);
    assert_ok(seglog_canonical_wait(bench->canonical, 0, 0, NULL));
    assert_ok(seglog_canonical_wait(bench->canonical, 1, -1, NULL));
    assert_code(seglog_canonical_wait(bench->canonical, 2, 10, NULL),
                SEGLOG_END);
    seglog_consumer_close(consumer);
}

#define WAKES 15u

static int
int64_compare(const void *a, const void *b)
{
    const int64_t one = *(const int64_t *)a;
    const int64_t other = *(const int64_t *)b;

    return (one > other) - (one < other);
}

/* Events that say when they were committed. */
static void
wakes_await(struct seglog_consumer *consumer)
{
    struct seglog_canonical_event event;
    int64_t late[WAKES];
    char text[32];

    for (uint64_t i = 0; i < WAKES; i++) {
        struct seglog_error err;

        assert_code_err(seglog_consumer_next(consumer, 60000, &event, &err),
                        SEGLOG_OK, &err);
        late[i] = test_now_ms();
        assert_int_equal(event.id, i);
        (void)snprintf(text, sizeof text, "%.*s", (int)event.data.len,
                       event.data.data);
        late[i] -= strtoll(text, NULL, 10);
        assert_ok(seglog_consumer_acknowledge(consumer, i, false, NULL));
    }
    qsort(late, WAKES, sizeof late[0], int64_compare);
    print_message("woken after %d ms, at most %d\n", (int)late[WAKES / 2],
                  (int)late[WAKES - 1]);
    assert_true(late[WAKES / 2] < 25);
}

static void
wakes_make(struct seglog_canonical *canonical)
{
    char text[32];

    for (unsigned i = 0; i < WAKES; i++) {
        test_sleep_ms(37);
        (void)snprintf(text, sizeof text, "%lld", (long long)test_now_ms());
        (void)event_commit(canonical, text);
    }
}

static void *
wakes_thread(void *arg)
{
    wakes_make(arg);
    return NULL;
}

static void
wait__another_thread_commits__wakes_at_once(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    pthread_t thread;

    assert_int_equal(
        pthread_create(&thread, NULL, wakes_thread, bench->canonical), 0);
    wakes_await(consumer);
    assert_int_equal(pthread_join(thread, NULL), 0);
    seglog_consumer_close(consumer);
}

/* It waits for a byte before it opens anything. */
static pid_t
child_start(struct bench *bench, int go[2])
{
    pid_t pid = -1;
    char byte = 0;

    assert_int_equal(pipe(go), 0);
    pid = fork();
    if (pid != 0)
        return pid;
    if (read(go[0], &byte, 1) == 1) {
        bench_open(bench);
        wakes_make(bench->canonical);
        bench_close(bench);
        _exit(0);
    }
    _exit(1);
}

static void
wakes_by_process(struct bench *bench, const char *view_dir)
{
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .view_dir = view_dir };
    struct seglog_consumer *consumer = NULL;
    int go[2];
    int status = 0;
    const pid_t pid = child_start(bench, go);

    assert_true(pid > 0);
    bench_open_with(bench, &options);
    consumer = consumer_open(bench, "c", 0);
    assert_int_equal(write(go[1], "", 1), 1);
    wakes_await(consumer);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    (void)close(go[0]);
    (void)close(go[1]);
    seglog_consumer_close(consumer);
}

static void
wait__another_process_commits__wakes_at_once(void **state)
{
    struct bench *bench = *state;

    wakes_by_process(bench, bench->view_dir);
}

static void
wait__view_of_its_own__wakes_at_once(void **state)
{
    wakes_by_process(*state, NULL);
}

/* As a writer leaves it who dies behind the log and in front of the view. */
static void
log_run_ahead(struct bench *bench, const char *text)
{
    struct slg_draft draft = { 0 };
    struct slg_bytes bytes = { 0 };
    struct seglog_slice record;
    struct seglog_stream_end end;
    struct slg_turn turn;
    void *hint = seglog_lock_get_hint(bench->canonical->lock);

    assert_ok(slg_turn_begin(bench->canonical, false, 1000, &turn, NULL));
    assert_true(slg_draft_add_event(
        &draft, (struct seglog_slice){ text, strlen(text) }));
    assert_true(slg_draft_finish(&draft, turn.head.next_event,
                                 slg_turn_get_time(&turn), &bytes));
    record = (struct seglog_slice){ (const char *)bytes.data, bytes.len };
    if (hint)
        memset(hint, 0, SEGLOG_CHAIN_HASH_MAX);
    assert_ok(slg_stream_append(
        bench->canonical->streams, SEGLOG_CANONICAL_STREAM, &record, 1,
        turn.position, &turn.hash, false, &end, NULL, NULL));
    slg_turn_abort(&turn);
    slg_draft_free(&draft);
    slg_bytes_free(&bytes);
}

static void
wait__writer_died_before_it_told_the_view__gives_the_event(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_canonical_event event;

    log_run_ahead(bench, "event 0");
    assert_none(consumer);
    assert_ok(seglog_consumer_next(consumer, 10000, &event, NULL));
    assert_event(&event, 0);
    seglog_consumer_close(consumer);
}

static void *
turn_hold(void *arg)
{
    struct seglog_write_txn *txn = NULL;

    assert_ok(seglog_write_txn_begin(arg, &txn, NULL));
    test_sleep_ms(600);
    seglog_write_txn_abort(txn);
    return NULL;
}

/* The next writer has begun by the time that the consumer looks. */
static void
wait__a_long_transaction_is_open__does_not_wait_for_it(void **state)
{
    struct bench *bench = *state;
    struct seglog_consumer *consumer = consumer_open(bench, "c", 0);
    struct seglog_canonical_event event;
    const int64_t start = test_now_ms();
    pthread_t thread;

    events_commit(bench->canonical, 0, 1);
    assert_int_equal(pthread_create(&thread, NULL, turn_hold, bench->canonical),
                     0);
    test_sleep_ms(50);
    assert_ok(seglog_consumer_next(consumer, 10000, &event, NULL));
    assert_event(&event, 0);
    assert_code(seglog_consumer_next(consumer, 50, &event, NULL), SEGLOG_END);
    assert_true(test_now_ms() - start < 500);
    assert_int_equal(pthread_join(thread, NULL), 0);
    seglog_consumer_close(consumer);
}

/* -- damage ---------------------------------------------------------------- */

/* The payload of one event; the view is up to date and stays. */
static void
event_damage(struct bench *bench, const char *text)
{
    size_t len = 0;
    uint8_t *bytes = NULL;
    uint8_t *at = NULL;

    bench_close(bench);
    assert_ok(
        seglog_store_file_open(bench->log_dir, true, &bench->store, NULL));
    bytes = blob_read(bench->store, LOG_BLOB, &len);
    at = memmem(bytes, len, text, strlen(text));
    assert_non_null(at);
    at[0] ^= 1;
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

#define ON(test)                                                               \
    cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)
#define BEFORE(test)                                                           \
    cmocka_unit_test_setup_teardown(test, bench_names, bench_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON(open__names_of_all_lengths__are_taken_or_refused),
        ON(open__from_somewhere__begins_there_once_and_for_all),
        ON(next__while_others_commit__gives_each_event_once_in_order),
        ON(next__many_events_of_one_transaction_over_segments__gives_all),
        ON(next__without_arguments__is_invalid),
        ON(acknowledge__reopened__goes_on_behind_what_was_acknowledged),
        ON(acknowledge__what_is_not_next__never_goes_back),
        ON(acknowledge__sealed_and_paused__goes_on),
        ON(acknowledge__write_transaction_of_this_thread_is_open__is_invalid),
        ON(acknowledge__read_only__is_refused),
        ON(open__nothing_can_be_locked__reads_with_a_view_of_its_own),
        ON(remove__of_one_that_is_open__is_seen_by_it),
        ON(list__several_consumers__are_independent_and_in_order),
        ON(reject__some__are_listed_in_order_and_stay),
        ON(reject__what_cannot_be__is_refused),
        ON(replay__handled_and_not__leave_and_stay),
        ON(replay__stopped__has_done_those_before),
        ON(replay__function_uses_the_store__is_in_nobodys_way),
        ON(replay__somebody_else_has_handled_it__does_not_bring_it_back),
        ON(wait__nothing_comes__ends_when_it_was_to),
        ON(wait__another_thread_commits__wakes_at_once),
        BEFORE(wait__another_process_commits__wakes_at_once),
        BEFORE(wait__view_of_its_own__wakes_at_once),
        ON(wait__writer_died_before_it_told_the_view__gives_the_event),
        ON(wait__a_long_transaction_is_open__does_not_wait_for_it),
        ON(next__damaged_event__is_told_each_time_until_acknowledged),
        ON(next__damaged_event_and_skips_lost__passes_over_it),
    };

#ifdef SEGLOG_HAVE_LMDB
    return cmocka_run_group_tests(tests, NULL, NULL);
#else
    (void)tests;
    return 77; /* to ctest: skipped */
#endif
}
