/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_consumer_dead.c
 *
 * Goal    what a consumer could not handle is neither lost nor in the way.
 */
#include "tests/canonical/consumer_bench.h"

#include "src/canonical/canonical_store.h"
#include "src/canonical/trust.h"

/* -- dead letters ---------------------------------------------------------- */

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(reject__some__are_listed_in_order_and_stay),
        BENCH_TEST(reject__what_cannot_be__is_refused),
        BENCH_TEST(replay__handled_and_not__leave_and_stay),
        BENCH_TEST(replay__stopped__has_done_those_before),
        BENCH_TEST(replay__function_uses_the_store__is_in_nobodys_way),
        BENCH_TEST(
            replay__somebody_else_has_handled_it__does_not_bring_it_back),
    };

    return BENCH_RUN(tests);
}
