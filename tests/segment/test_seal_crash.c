/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_crash.c
 *
 * Goal    sealing that dies or fails in any operation leaves the old segment
 *         or the new one, whole, with every record that anybody was promised;
 *         and it can be done again.
 * Method  a simulated disk whose processes die in each step in turn and whose
 *         power fails, while somebody else appends between any two.
 */
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "seglog/seal.h"
#include "seglog/testing/disk_store.h"
#include "seglog/testing/fault_store.h"

#define NAME    "log"
#define FIRST   60u   /* records before sealing begins */
#define OPS_MAX 4000u /* more than sealing takes */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 5u
#else
#define STRIDE 1u
#endif

/* One sealing, and somebody who appends meanwhile. */
struct attempt {
    struct seglog_disk *disk;
    struct seglog_disk_process sealer;
    struct seglog_disk_process other;
    struct seglog_faults *faults; /* of sealer */
    struct seglog_writer *writer; /* of other */
    uint64_t promised;            /* records up to here are durable */
    unsigned every;               /* appends before every so manyth operation */
    bool is_refused;              /* it was told SEALED */
};

static size_t
text_make(char *out, size_t cap, uint64_t number)
{
    return (size_t)snprintf(out, cap, "{\"n\":%llu,\"a\":\"%llx\"}",
                            (unsigned long long)number,
                            (unsigned long long)(number * 2654435761u));
}

static void
other_append(struct attempt *attempt)
{
    char text[64];
    uint64_t number = 0;
    const size_t len = text_make(text, sizeof text, attempt->promised + 1);
    seglog_code code = SEGLOG_OK;

    if (attempt->is_refused)
        return;
    code = seglog_writer_hold(attempt->writer, NULL);
    if (code == SEGLOG_LOCKED)
        return;
    if (code == SEGLOG_OK) {
        assert_ok(seglog_writer_append(attempt->writer, SEGLOG_TEXT, text, len,
                                       SEGLOG_LEVEL_SYNC, &number, NULL));
        assert_int_equal(number, attempt->promised + 1);
        attempt->promised = number;
        seglog_writer_release(attempt->writer);
        return;
    }
    assert_code(code, SEGLOG_SEALED);
    attempt->is_refused = true;
}

static void
meanwhile(void *arg, enum seglog_disk_step step)
{
    struct attempt *attempt = arg;

    (void)step;
    if (attempt->every > 0 && attempt->sealer.steps % attempt->every == 0)
        other_append(attempt);
}

static void
attempt_begin(struct attempt *attempt, unsigned every)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_SHARED,
        .lock_timeout_ms = 1,
        .sync_log2 = 10,
    };

    memset(attempt, 0, sizeof *attempt);
    attempt->disk = seglog_disk_new(NULL);
    assert_non_null(attempt->disk);
    attempt->faults =
        seglog_faults_new(seglog_disk_start(attempt->disk, &attempt->sealer));
    assert_non_null(attempt->faults);
    attempt->sealer.never_waits = true;
    attempt->sealer.meanwhile = meanwhile;
    attempt->sealer.arg = attempt;
    const struct seglog_store store =
        seglog_disk_start(attempt->disk, &attempt->other);
    attempt->other.never_waits = true;
    assert_ok(
        seglog_writer_open(store, NAME, &options, &attempt->writer, NULL));
    while (attempt->promised < FIRST)
        other_append(attempt);
    attempt->every = every;
}

static seglog_code
attempt_seal(struct attempt *attempt)
{
    const struct seglog_seal_options options = { .size = sizeof options,
                                                 .level = 1,
                                                 .lock_timeout_ms = 1 };

    return seglog_segment_seal(seglog_faults_store(attempt->faults), NAME,
                               &options, NULL, NULL);
}

/* Everything that was promised is there, and nothing that was not appended. */
static bool
attempt_check(struct attempt *attempt, struct seglog_store store)
{
    struct seglog_scan_summary summary;
    struct seglog_seal_info info;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    char text[64];
    uint64_t next = 1;
    seglog_code code = SEGLOG_OK;

    assert_ok(seglog_scan(store, NAME, NULL, &summary, NULL));
    assert_in_range(summary.verdict, SEGLOG_VERDICT_OK, SEGLOG_VERDICT_TORN);
    assert_ok(seglog_reader_open(store, NAME, NULL, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        const size_t len = text_make(text, sizeof text, next);

        assert_int_equal(event.record.record_no, next);
        assert_int_equal(event.record.len, len);
        assert_memory_equal(event.record.data, text, len);
        next++;
    }
    assert_code(code, SEGLOG_END);
    seglog_reader_close(reader);
    assert_true(next > attempt->promised);
    assert_ok(seglog_segment_get_seal(store, NAME, &info, NULL));
    if (info.is_sealed)
        assert_string_equal(seglog_verdict_name(summary.verdict), "OK");
    return info.is_sealed;
}

static void
attempt_end(struct attempt *attempt)
{
    (void)seglog_writer_close(attempt->writer, NULL);
    seglog_faults_free(attempt->faults);
    seglog_disk_free(attempt->disk);
}

static bool
name_check(void *arg, const char *name)
{
    (void)arg;
    assert_string_equal(name, NAME);
    return true;
}

/* Who comes afterwards seals it, if it is not. */
static void
attempt_go_on(struct attempt *attempt)
{
    struct seglog_disk_process after;
    const struct seglog_store store = seglog_disk_start(attempt->disk, &after);
    const bool was_sealed = attempt_check(attempt, store);
    const seglog_code code = seglog_segment_seal(store, NAME, NULL, NULL, NULL);

    assert_code(code, was_sealed ? SEGLOG_SEALED : SEGLOG_OK);
    assert_true(attempt_check(attempt, store));
    assert_ok(seglog_store_list(store, "", name_check, NULL, NULL));
}

static void
seal__dies_in_any_operation__leaves_the_old_or_the_new(void **state)
{
    static const unsigned losses[] = { 0, 0, 50, 100 };
    unsigned old = 0;
    unsigned new = 0;

    (void)state;
    for (unsigned i = 0; i < 2 * COUNT_OF(losses); i++) {
        for (unsigned die_at = 1; die_at < OPS_MAX; die_at += STRIDE) {
            struct attempt attempt;

            attempt_begin(&attempt, i % 2 == 0 ? 0 : 3);
            attempt.sealer.die_at = attempt.sealer.steps + die_at;
            const seglog_code code = attempt_seal(&attempt);
            const bool is_over = !attempt.sealer.is_dead;
            if (is_over)
                assert_ok(code);
            seglog_disk_kill(&attempt.sealer);
            if (i / 2 > 0) {
                const struct seglog_disk_cut cut = {
                    .seed = die_at,
                    .lost_percent = losses[i / 2],
                };

                assert_true(seglog_disk_cut_power(attempt.disk, &cut));
            } else {
                /* The other one goes on, or is told. */
                attempt.every = 1;
                other_append(&attempt);
            }
            struct seglog_disk_process look;
            if (attempt_check(&attempt, seglog_disk_start(attempt.disk, &look)))
                new ++;
            else
                old++;
            seglog_disk_kill(&attempt.other);
            attempt_go_on(&attempt);
            attempt_end(&attempt);
            if (is_over)
                break;
        }
    }
    assert_true(old > 0 && new > 0);
}

static void
seal__any_operation_fails__changes_nothing_that_counts(void **state)
{
    static const seglog_code codes[] = { SEGLOG_IO, SEGLOG_NO_SPACE };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(codes); i++) {
        for (unsigned fail_at = 1; fail_at < OPS_MAX; fail_at += STRIDE) {
            struct attempt attempt;

            attempt_begin(&attempt, 0);
            assert_true(seglog_faults_add(
                attempt.faults,
                &(struct seglog_fault){ .at = fail_at, .code = codes[i] }));
            const seglog_code code = attempt_seal(&attempt);
            const bool is_over = seglog_faults_get_hits(attempt.faults) == 0;
            if (is_over)
                assert_ok(code);
            attempt.every = 1;
            other_append(&attempt);
            assert_int_equal(
                attempt.is_refused,
                attempt_check(&attempt, seglog_disk_store(&attempt.other)));
            seglog_disk_kill(&attempt.other);
            seglog_disk_kill(&attempt.sealer);
            attempt_go_on(&attempt);
            attempt_end(&attempt);
            if (is_over)
                break;
        }
    }
}

static void
seal__somebody_appends_between_any_two_operations__loses_nothing(void **state)
{
    (void)state;
    for (unsigned every = 1; every < 12; every++) {
        struct attempt attempt;

        attempt_begin(&attempt, every);
        assert_ok(attempt_seal(&attempt));
        assert_true(attempt.promised > FIRST);
        attempt.every = 1;
        other_append(&attempt);
        assert_true(attempt.is_refused);
        assert_true(attempt_check(&attempt, seglog_disk_store(&attempt.other)));
        attempt_end(&attempt);
    }
}

/* Somebody who cuts: what was read is not what is there any more. */
static void
cut_once(void *arg, enum seglog_disk_step step)
{
    struct attempt *attempt = arg;

    (void)step;
    const seglog_code code =
        attempt->sealer.steps == attempt->every
            ? seglog_writer_truncate(attempt->writer, FIRST / 2, NULL)
            : SEGLOG_LOCKED;

    /* Not while sealing holds the lock, and not afterwards. */
    if (code == SEGLOG_LOCKED || code == SEGLOG_SEALED)
        return;
    assert_ok(code);
    attempt->promised = FIRST / 2 - 1;
    for (unsigned i = 0; i < FIRST; i++)
        other_append(attempt);
}

static void
seal__somebody_cuts_at_any_operation__seals_what_is_there(void **state)
{
    unsigned cuts = 0;

    (void)state;
    for (unsigned at = 1; at < OPS_MAX; at++) {
        struct attempt attempt;

        attempt_begin(&attempt, 0);
        attempt.every = at;
        attempt.sealer.meanwhile = cut_once;
        assert_ok(attempt_seal(&attempt));
        assert_true(attempt_check(&attempt, seglog_disk_store(&attempt.other)));
        cuts += attempt.promised != FIRST;
        const bool is_over = attempt.sealer.steps < at;
        attempt_end(&attempt);
        if (is_over)
            break;
    }
    assert_true(cuts > 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            seal__dies_in_any_operation__leaves_the_old_or_the_new),
        cmocka_unit_test(
            seal__any_operation_fails__changes_nothing_that_counts),
        cmocka_unit_test(
            seal__somebody_appends_between_any_two_operations__loses_nothing),
        cmocka_unit_test(
            seal__somebody_cuts_at_any_operation__seals_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
