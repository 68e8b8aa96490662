/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_preflight_race.c - plans, and others beside them. */
#define _GNU_SOURCE /* pthread_barrier_t */

#include "tests/canonical/plan_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

/* -- stripes --------------------------------------------------------------- */

static seglog_code
never_check(void *arg, struct seglog_preflight *preflight,
            struct seglog_error *err)
{
    (void)arg;
    (void)preflight;
    (void)err;
    fail_msg("a validator is called without its stripes");
    return SEGLOG_OK;
}

static void
stripe__that_is_held__is_named_and_nothing_is_written(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_stripe_locks *locks =
        seglog_canonical_get_locks(fixture->canonical);
    const struct seglog_slice key = text_slice("abc"); /* stripe 80 */
    struct seglog_stripe_guard *guard = NULL;
    struct planned planned;
    int64_t start = 0;

    assert_int_equal(seglog_stripe_locks_get_count(locks), 256);
    assert_ok(seglog_stripe_locks_lock(locks, &key, 1, 0, &guard, NULL));
    planned_make(&planned, "abc", "b", never_check, plan_increment, "abc");
    planned.plan.stripe_timeout_ms = 20;
    start = test_now_ms();
    assert_code(seglog_canonical_execute(fixture->canonical, &planned.plan,
                                         &planned.result, &planned.err),
                SEGLOG_LOCKED);
    assert_in_range(test_now_ms() - start, 20, 4000); /* not the default */
    assert_int_equal(planned.err.actual, 80);
    assert_non_null(strstr(planned.err.message, "stripe 80 "));
    assert_empty(&planned.result);
    assert_state(fixture->canonical, NULL, "");
    seglog_stripe_guard_unlock(guard);
    planned.plan.validator_count = 0;
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_value(fixture->canonical, "abc", "1");
    planned_free(&planned);
}

struct meeting {
    struct seglog_canonical *canonical;
    pthread_barrier_t *barrier;
    const char *key;
    struct planned planned;
    seglog_code code;
    atomic_int *inside;
    int most;
};

/* Comes to an end only if another plan is in its validator too. */
static seglog_code
meeting_check(void *arg, struct seglog_preflight *preflight,
              struct seglog_error *err)
{
    struct meeting *meeting = arg;

    (void)preflight;
    (void)err;
    (void)pthread_barrier_wait(meeting->barrier);
    return SEGLOG_OK;
}

static seglog_code
crowd_check(void *arg, struct seglog_preflight *preflight,
            struct seglog_error *err)
{
    struct meeting *meeting = arg;
    const int now = atomic_fetch_add(meeting->inside, 1) + 1;

    (void)preflight;
    (void)err;
    if (now > meeting->most)
        meeting->most = now;
    test_sleep_ms(50);
    (void)atomic_fetch_sub(meeting->inside, 1);
    return SEGLOG_OK;
}

static seglog_code
meeting_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    struct meeting *meeting = arg;

    return plan_increment((void *)(uintptr_t)meeting->key, txn, err);
}

static void *
meeting_run(void *arg)
{
    struct meeting *meeting = arg;

    meeting->code = seglog_canonical_execute(
        meeting->canonical, &meeting->planned.plan, &meeting->planned.result,
        &meeting->planned.err);
    return NULL;
}

static void
meetings_run(struct fixture *fixture, struct meeting meetings[2],
             seglog_validate_fn check)
{
    pthread_barrier_t barrier;
    pthread_t threads[2];
    atomic_int inside = 0;

    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int i = 0; i < 2; i++) {
        struct meeting *meeting = &meetings[i];

        meeting->canonical = fixture->canonical;
        meeting->barrier = &barrier;
        meeting->inside = &inside;
        planned_make(&meeting->planned, meeting->key, NULL, check,
                     meeting_write, meeting);
        assert_int_equal(
            pthread_create(&threads[i], NULL, meeting_run, meeting), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_code_err(meetings[i].code, SEGLOG_OK, &meetings[i].planned.err);
        assert_true(meetings[i].planned.result.is_committed);
        assert_int_equal(meetings[i].planned.result.attempts, 1);
        planned_free(&meetings[i].planned);
    }
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

static void
plans__of_different_keys__validate_side_by_side(void **state)
{
    struct meeting meetings[2] = { { .key = "a" }, { .key = "b" } };

    meetings_run(*state, meetings, meeting_check);
    assert_state(((struct fixture *)*state)->canonical, NULL, "a=1 b=1");
}

static void
plans__of_one_key__validate_one_after_the_other(void **state)
{
    struct meeting meetings[2] = { { .key = "a" }, { .key = "a" } };

    meetings_run(*state, meetings, crowd_check);
    assert_int_equal(meetings[0].most, 1);
    assert_int_equal(meetings[1].most, 1);
    assert_state(((struct fixture *)*state)->canonical, NULL, "a=2");
}

/* The writer's turn is somebody else's, who ends it when it has been seen that
 * the validator ran. */
static void
validators__run_while_a_write_transaction_is_open(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = write_begin(fixture->canonical);
    struct meeting meeting = { .canonical = fixture->canonical, .key = "a" };
    pthread_barrier_t barrier;
    pthread_t thread;

    write_put(txn, "b", "plain");
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    meeting.barrier = &barrier;
    planned_make(&meeting.planned, "a", NULL, meeting_check, meeting_write,
                 &meeting);
    assert_int_equal(pthread_create(&thread, NULL, meeting_run, &meeting), 0);
    (void)pthread_barrier_wait(&barrier);
    (void)write_commit(txn);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_code_err(meeting.code, SEGLOG_OK, &meeting.planned.err);
    assert_int_equal(meeting.planned.result.info.position, 2);
    assert_state(fixture->canonical, NULL, "a=1 b=plain");
    planned_free(&meeting.planned);
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

/* -- somebody else comes first --------------------------------------------- */

/* What another writes between the look at a key and the commit. */
struct meddler {
    struct seglog_canonical *canonical;
    const char *key;
    const char *look; /* the key that the plan reads; NULL: none */
    int times;        /* it meddles; the value is how often it did */
    int done;
    int calls;
    bool is_late; /* in the writing function, not in the validator */
};

static void
meddle(struct meddler *meddler)
{
    char value[16];

    if (meddler->done == meddler->times)
        return;
    meddler->done++;
    (void)snprintf(value, sizeof value, "%d", meddler->done * 100);
    put_elsewhere(meddler->canonical, meddler->key, value);
}

static seglog_code
meddled_check(void *arg, struct seglog_preflight *preflight,
              struct seglog_error *err)
{
    struct meddler *meddler = arg;
    bool is_there = false;
    seglog_code code = SEGLOG_OK;

    meddler->calls++;
    if (meddler->look)
        code = seglog_preflight_exists(preflight, text_slice(meddler->look),
                                       &is_there, err);
    if (!meddler->is_late)
        meddle(meddler);
    return code;
}

static seglog_code
meddled_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    struct meddler *meddler = arg;
    seglog_code code = SEGLOG_OK;

    if (meddler->is_late) {
        code = plan_increment((void *)(uintptr_t) "a", txn, err);
        meddle(meddler);
    } else {
        code =
            seglog_plan_txn_put(txn, text_slice("b"), text_slice("mine"), err);
    }
    if (code == SEGLOG_OK)
        code = seglog_plan_txn_append_event(txn, text_slice("done"), err);
    return code;
}

static void
key__that_a_validator_saw_changed__is_looked_at_again(void **state)
{
    struct fixture *fixture = *state;
    struct meddler meddler = {
        .canonical = fixture->canonical, .key = "a", .look = "a", .times = 1
    };
    struct planned planned;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    planned_make(&planned, "a", "b", meddled_check, meddled_write, &meddler);
    assert_code_err(planned_run(&planned, fixture->canonical), SEGLOG_OK,
                    &planned.err);
    assert_int_equal(meddler.calls, 2);
    assert_int_equal(planned.result.attempts, 2);
    assert_true(planned.result.is_committed);
    assert_keys(planned.result.read_keys, planned.result.read_key_count, "a");
    assert_keys(planned.result.write_keys, planned.result.write_key_count, "b");
    assert_state(fixture->canonical, NULL, "a=100 b=mine");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:done");
    planned_free(&planned);
}

/* That it was not there is what was seen. */
static void
key__that_comes_to_be__is_looked_at_again(void **state)
{
    struct fixture *fixture = *state;
    struct meddler meddler = {
        .canonical = fixture->canonical, .key = "a", .look = "a", .times = 2
    };
    struct planned planned;

    planned_make(&planned, "a", "b", meddled_check, meddled_write, &meddler);
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_int_equal(planned.result.attempts, 3);
    assert_state(fixture->canonical, NULL, "a=200 b=mine");
    planned_free(&planned);
}

static void
key__that_the_write_read_changed__is_read_again(void **state)
{
    struct fixture *fixture = *state;
    struct meddler meddler = {
        .canonical = fixture->canonical, .key = "a", .times = 1, .is_late = true
    };
    struct planned planned;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    planned_make(&planned, "a", NULL, NULL, meddled_write, &meddler);
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_int_equal(planned.result.attempts, 2);
    assert_int_equal(planned.result.info.writes, 1);
    assert_state(fixture->canonical, NULL, "a=101");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:done");
    planned_free(&planned);
}

static void
key__that_nobody_read_changed__is_no_conflict(void **state)
{
    struct fixture *fixture = *state;
    struct meddler meddler = {
        .canonical = fixture->canonical, .key = "b", .look = "a", .times = 1
    };
    struct planned planned;

    planned_make(&planned, "a", "b", meddled_check, meddled_write, &meddler);
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_int_equal(planned.result.attempts, 1);
    assert_state(fixture->canonical, NULL, "b=mine");
    planned_free(&planned);
}

static void
attempts__that_are_used_up__are_a_conflict(void **state)
{
    static const unsigned asked[] = { 0, 1, 3 };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        const int want = asked[i] > 0 ? (int)asked[i] : SEGLOG_PLAN_ATTEMPTS;
        struct meddler meddler = { .canonical = fixture->canonical,
                                   .key = "a",
                                   .look = "a",
                                   .times = 1000 };
        struct planned planned;

        (void)commit_one(fixture->canonical, "a", "begin", NULL);
        planned_make(&planned, "a", "b", meddled_check, meddled_write,
                     &meddler);
        planned.plan.attempts_max = asked[i];
        assert_code(planned_run(&planned, fixture->canonical), SEGLOG_CONFLICT);
        assert_int_equal(planned.err.code, SEGLOG_CONFLICT);
        assert_int_equal(meddler.calls, want);
        assert_empty(&planned.result);
        assert_value(fixture->canonical, "b", NULL);
        assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "");
        planned_free(&planned);
    }
}

/* The second look finds what the first did not: its messages are the answer. */
static seglog_code
second_look_check(void *arg, struct seglog_preflight *preflight,
                  struct seglog_error *err)
{
    struct meddler *meddler = arg;

    (void)err;
    meddler->calls++;
    (void)seglog_preflight_require_max(preflight, text_slice("a"), 50);
    meddle(meddler);
    return SEGLOG_OK;
}

static void
validation__that_fails_the_second_time__is_the_answer(void **state)
{
    struct fixture *fixture = *state;
    struct meddler meddler = { .canonical = fixture->canonical,
                               .key = "a",
                               .times = 1 };
    struct planned planned;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    planned_make(&planned, "a", "b", second_look_check, meddled_write,
                 &meddler);
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_int_equal(meddler.calls, 2);
    assert_false(planned.result.is_valid);
    assert_int_equal(planned.result.attempts, 2);
    assert_int_equal(planned.result.message_count, 1);
    assert_string_equal(planned.result.messages[0],
                        "the key \"a\" is 100, and must be at most 50");
    assert_int_equal(planned.result.write_key_count, 0);
    assert_state(fixture->canonical, NULL, "a=100");
    planned_free(&planned);
}

/* Writes as long as the key is not there. */
static seglog_code
only_first_write(void *arg, struct seglog_plan_txn *txn,
                 struct seglog_error *err)
{
    struct meddler *meddler = arg;
    bool is_there = false;
    seglog_code code =
        seglog_plan_txn_exists(txn, text_slice("a"), &is_there, err);

    meddler->calls++;
    if (code != SEGLOG_OK || is_there)
        return code;
    meddle(meddler);
    code = seglog_plan_txn_append_event(txn, text_slice("first"), err);
    if (code == SEGLOG_OK)
        code = seglog_plan_txn_put(txn, text_slice("a"), text_slice("1"), err);
    return code;
}

static void
write__that_has_nothing_to_do_the_second_time__commits_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct meddler meddler = { .canonical = fixture->canonical,
                               .key = "a",
                               .times = 1 };
    const uint64_t position = meta_of(fixture->canonical).position;
    struct planned planned;

    planned_make(&planned, "a", NULL, NULL, only_first_write, &meddler);
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_int_equal(meddler.calls, 2);
    assert_true(planned.result.is_valid);
    assert_false(planned.result.is_committed);
    assert_int_equal(planned.result.write_key_count, 0);
    assert_int_equal(planned.result.attempts, 2);
    assert_int_equal(meta_of(fixture->canonical).position, position + 1);
    assert_state(fixture->canonical, NULL, "a=100");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "");
    planned_free(&planned);
}

/* As of another process: stripes of its own, which keep nobody off. */
static void
key__that_another_handle_changed__is_looked_at_again(void **state)
{
    struct fixture *fixture = *state;
    struct meddler meddler = { .key = "a", .look = "a", .times = 1 };
    struct planned planned;

    fixture->options.view_dir = NULL;
    store_reopen(fixture);
    meddler.canonical = store_open_other(fixture);
    assert_ptr_not_equal(seglog_canonical_get_locks(meddler.canonical),
                         seglog_canonical_get_locks(fixture->canonical));
    planned_make(&planned, "a", "b", meddled_check, meddled_write, &meddler);
    assert_code_err(planned_run(&planned, fixture->canonical), SEGLOG_OK,
                    &planned.err);
    assert_int_equal(planned.result.attempts, 2);
    assert_state(fixture->canonical, NULL, "a=100 b=mine");
    planned_free(&planned);
    assert_ok(seglog_canonical_close(meddler.canonical, NULL));
}

/* -- what the store says --------------------------------------------------- */

/* Nobody changed what was read: there is no use in another attempt. */
static void
store__that_takes_no_writes__says_so_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct meddler meddler = { .canonical = fixture->canonical };
    struct seglog_write_txn *txn = NULL;
    struct planned planned;
    uint64_t id = 0;

    (void)commit_one(fixture->canonical, NULL, NULL, "first");
    planned_make(&planned, "b", NULL, meddled_check, meddled_write, &meddler);
    assert_ok(seglog_canonical_pause(fixture->canonical, 0, NULL));
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_PAUSED);
    assert_empty(&planned.result);
    assert_ok(seglog_canonical_resume(fixture->canonical, NULL));
    assert_ok(seglog_canonical_seal(fixture->canonical, &id, NULL));
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_SEALED);
    assert_int_equal(planned.err.actual, 0);
    assert_ok(seglog_canonical_clear_seal(fixture->canonical, NULL));
    txn = write_begin(fixture->canonical);
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_INVALID);
    seglog_write_txn_abort(txn);
    assert_int_equal(meddler.calls, 3);
    assert_state(fixture->canonical, NULL, "");
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_state(fixture->canonical, NULL, "b=mine");
    planned_free(&planned);
}

/* -- nothing is lost ------------------------------------------------------- */

#define COUNTERS   8
#define PLAINS     2
#define INCREMENTS 500

struct counter {
    struct seglog_canonical *canonical;
    unsigned conflicts;
    seglog_code code;
};

static void *
count_by_plans(void *arg)
{
    struct counter *counter = arg;

    for (int i = 0; i < INCREMENTS && counter->code == SEGLOG_OK;) {
        struct planned planned;

        planned_make(&planned, "n", NULL, NULL, plan_increment, "n");
        counter->code = seglog_canonical_execute(
            counter->canonical, &planned.plan, &planned.result, &planned.err);
        if (counter->code == SEGLOG_OK) {
            i++;
        } else if (counter->code == SEGLOG_CONFLICT) {
            counter->conflicts++;
            counter->code = SEGLOG_OK;
        }
        seglog_plan_result_free(&planned.result);
    }
    return NULL;
}

static seglog_code
count_once(struct seglog_canonical *canonical)
{
    const struct seglog_slice key = text_slice("n");
    struct seglog_slice value = { "0", 1 };
    struct seglog_write_txn *txn = NULL;
    char text[32];
    seglog_code code = seglog_write_txn_begin(canonical, &txn, NULL);

    if (code != SEGLOG_OK)
        return code;
    code = seglog_write_txn_get(txn, key, &value, NULL);
    if (code == SEGLOG_OK || code == SEGLOG_NOT_FOUND) {
        (void)snprintf(text, sizeof text, "%.*s", (int)value.len, value.data);
        (void)snprintf(text, sizeof text, "%lu", strtoul(text, NULL, 10) + 1);
        code = seglog_write_txn_put(txn, key, text_slice(text), NULL);
    }
    if (code == SEGLOG_OK)
        return seglog_write_txn_commit(txn, false, NULL, NULL);
    seglog_write_txn_abort(txn);
    return code;
}

static void *
count_plainly(void *arg)
{
    struct counter *counter = arg;

    for (int i = 0; i < INCREMENTS && counter->code == SEGLOG_OK; i++) {
        counter->code = count_once(counter->canonical);
        test_sleep_ms(1);
    }
    return NULL;
}

/* The sum is exact, with as many plain writers, over one handle or two. */
static void
counters_check(struct fixture *fixture, struct seglog_canonical *other,
               int plains)
{
    struct counter counters[COUNTERS + PLAINS];
    pthread_t threads[COUNTERS + PLAINS];
    const int count = COUNTERS + plains;
    char want[32];

    for (int i = 0; i < count; i++) {
        counters[i] = (struct counter){ .canonical = i % 2 == 1 && other
                                                         ? other
                                                         : fixture->canonical };
        assert_int_equal(
            pthread_create(&threads[i], NULL,
                           i < COUNTERS ? count_by_plans : count_plainly,
                           &counters[i]),
            0);
    }
    for (int i = 0; i < count; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(counters[i].code);
        /* Stripes alone are enough where there is nobody else. */
        if (plains == 0 && !other)
            assert_int_equal(counters[i].conflicts, 0);
    }
    (void)snprintf(want, sizeof want, "%d", count * INCREMENTS);
    assert_value(fixture->canonical, "n", want);
}

static void
increments__by_plans__are_all_there(void **state)
{
    counters_check(*state, NULL, 0);
}

static void
increments__by_plans_and_plain_writers__are_all_there(void **state)
{
    counters_check(*state, NULL, PLAINS);
}

static void
increments__by_two_handles__are_all_there(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = NULL;

    fixture->options.view_dir = NULL;
    store_reopen(fixture);
    other = store_open_other(fixture);
    counters_check(fixture, other, PLAINS);
    assert_ok(seglog_canonical_close(other, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(stripe__that_is_held__is_named_and_nothing_is_written),
        CANONICAL_TEST(plans__of_different_keys__validate_side_by_side),
        CANONICAL_TEST(plans__of_one_key__validate_one_after_the_other),
        CANONICAL_TEST(validators__run_while_a_write_transaction_is_open),
        CANONICAL_TEST(key__that_a_validator_saw_changed__is_looked_at_again),
        CANONICAL_TEST(key__that_comes_to_be__is_looked_at_again),
        CANONICAL_TEST(key__that_the_write_read_changed__is_read_again),
        CANONICAL_TEST(key__that_nobody_read_changed__is_no_conflict),
        CANONICAL_TEST(attempts__that_are_used_up__are_a_conflict),
        CANONICAL_TEST(validation__that_fails_the_second_time__is_the_answer),
        CANONICAL_TEST(
            write__that_has_nothing_to_do_the_second_time__commits_nothing),
        CANONICAL_TEST(key__that_another_handle_changed__is_looked_at_again),
        CANONICAL_TEST(store__that_takes_no_writes__says_so_at_once),
        CANONICAL_TEST(increments__by_plans__are_all_there),
        CANONICAL_TEST(increments__by_plans_and_plain_writers__are_all_there),
        CANONICAL_TEST(increments__by_two_handles__are_all_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
