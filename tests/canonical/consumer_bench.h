/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/consumer_bench.h - a store in a folder, and its consumers.
 *
 * Threads  one; a bench for each test
 */
#ifndef CONSUMER_BENCH_H
#define CONSUMER_BENCH_H

#include "tests/support/seglog_test.h"

#include "seglog/canonical.h"

struct bench {
    char *dir;
    char *log_dir;
    char *view_dir;
    struct seglog_store store;
    struct seglog_canonical *canonical;
};

/* -- a store --------------------------------------------------------------- */

void
bench_open_with(struct bench *bench,
                const struct seglog_canonical_options *options);

/* With its view in a folder beside it. */
void
bench_open(struct bench *bench);

void
bench_close(struct bench *bench);

/* Setups: the names of its folders; and open as well. */
int
bench_names(void **state);
int
bench_setup(void **state);

int
bench_teardown(void **state);

#define BENCH_TEST(test)                                                       \
    cmocka_unit_test_setup_teardown(test, bench_setup, bench_teardown)
/* It opens the store itself. */
#define BENCH_TEST_CLOSED(test)                                                \
    cmocka_unit_test_setup_teardown(test, bench_names, bench_teardown)

/* The main of each program: 77, which is skipped to ctest, without LMDB. */
#ifdef SEGLOG_HAVE_LMDB
#define BENCH_RUN(tests) cmocka_run_group_tests((tests), NULL, NULL)
#else
#define BENCH_RUN(tests) ((void)(tests), 77)
#endif

/* -- events ---------------------------------------------------------------- */

/* Returns its id. */
uint64_t
event_commit(struct seglog_canonical *canonical, const char *text);

/* "event 0" and so on, by their ids. */
void
events_commit(struct seglog_canonical *canonical, uint64_t first,
              uint64_t count);

/* Is it the one of that id? */
void
assert_is_event(const struct seglog_canonical_event *event, uint64_t id);

/* -- consumers ------------------------------------------------------------- */

struct seglog_consumer *
consumer_open(struct bench *bench, const char *name, uint64_t from);

void
assert_next(struct seglog_consumer *consumer, uint64_t id);
void
assert_none(struct seglog_consumer *consumer);

/* What the list says of one. */
struct found {
    uint64_t cursor;
    uint64_t lag;
    uint64_t dead;
    const char *name;
    bool is_found;
};

struct found
info_of(struct bench *bench, const char *name);

void
assert_cursor(struct bench *bench, const char *name, uint64_t cursor);

/* -- dead letters ---------------------------------------------------------- */

/* What letter_add has seen, and what it does. */
struct letters {
    char text[400];    /* id/retries/reason/data, a blank behind each */
    uint64_t fails_at; /* id */
    seglog_code code;
    struct seglog_consumer *busy; /* is used meanwhile */
    int64_t time_ms;
};

seglog_code
letter_add(void *arg, const struct seglog_dead_letter *letter,
           struct seglog_error *err);

#endif /* CONSUMER_BENCH_H */
