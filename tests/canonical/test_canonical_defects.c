/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_defects.c
 *
 * Goal    what the store that this one follows got wrong in its log is right
 *         here: torn tails, writes that are tried again, ends that are known
 *         after a crash, ids that are given again, and two who write at once.
 *         What it got wrong elsewhere: iteration (test_canonical_range.c), the
 *         search for an event (test_canonical_store.c), limits
 *         (test_canonical_limits.c), damage (test_canonical_damage.c), order
 *         and processes (test_canonical_concurrency.c).
 */
#include "tests/canonical/canonical_support.h"

/* It was never cut off, and all that followed stood in the wrong place. */
static void
torn_tail__is_cut_off_and_what_follows_is_read(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    uint8_t *bytes = NULL;
    size_t before = 0;
    size_t len = 0;

    (void)commit_one(fixture->canonical, "a", "1", "zero");
    store_close(fixture);
    free(blob_read(fixture->files, log_segment(fixture, 0, name), &before));
    store_open(fixture);
    (void)commit_one(fixture->canonical, "a", "2", "torn, and never told");
    store_close(fixture);
    bytes = blob_read(fixture->files, log_segment(fixture, 0, name), &len);
    /* At each byte of the last transaction. */
    for (size_t cut = before + 1; cut < before + 40 && cut < len; cut++) {
        blob_write(fixture->files, name, bytes, cut);
        store_open(fixture);
        assert_state(fixture->canonical, NULL, "a=1");
        assert_int_equal(
            commit_one(fixture->canonical, "b", "3", "one").first_event, 1);
        (void)commit_one(fixture->canonical, "c", "4", "two");
        store_close(fixture);
        view_remove(fixture);
        store_open(fixture);
        assert_state(fixture->canonical, NULL, "a=1 b=3 c=4");
        assert_events(fixture->canonical, 0, SEGLOG_EVENT_END,
                      "0:zero 1:one 2:two");
        store_close(fixture);
    }
    free(bytes);
}

/* It was there twice, or in two halves; and the state without its events. */
static void
commit__tried_again_after_half_a_write__is_there_once(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned part = 0; part < 30; part++) {
        const struct seglog_fault fault = {
            .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_APPEND),
            .at = 1,
            .way = part % 2 ? SEGLOG_FAULT_PARTLY : SEGLOG_FAULT_BEFORE,
            .part = part,
        };
        const uint64_t next = meta_of(fixture->canonical).next_event;
        struct seglog_write_txn *txn = write_begin(fixture->canonical);
        seglog_code code = SEGLOG_OK;

        write_put(txn, "a", part % 4 ? "1" : "2");
        assert_int_equal(write_event(txn, "once"), next);
        assert_true(seglog_faults_add(fixture->faults, &fault));
        code = seglog_write_txn_commit(txn, false, NULL, NULL);
        seglog_faults_clear(fixture->faults);
        assert_true(code == SEGLOG_IO || code == SEGLOG_POISONED);
        /* POISONED: it may be there, and who has written it can look. */
        if (code == SEGLOG_IO || meta_of(fixture->canonical).next_event == next)
            assert_int_equal(
                commit_one(fixture->canonical, "a", "3", "once").first_event,
                next);
        assert_int_equal(meta_of(fixture->canonical).next_event, next + 1);
        assert_event(fixture->canonical, next, "once");
    }
    store_close(fixture);
    view_remove(fixture);
    store_open(fixture);
    assert_int_equal(meta_of(fixture->canonical).next_event, 30);
}

/* After a crash the end was that of the last time that it was noted. */
static void
end_of_the_log__without_a_close__is_known(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_store memory;
    struct seglog_canonical *after = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;

    for (unsigned i = 0; i < 5; i++)
        (void)commit_one(fixture->canonical, "a", "1", "event");
    bytes = blob_read(fixture->files, log_segment(fixture, 0, name), &len);
    assert_ok(seglog_store_memory_open(&memory, NULL));
    blob_write(memory, name, bytes, len);
    assert_ok(seglog_canonical_open(memory, NULL, &after, NULL));
    assert_events(after, 0, SEGLOG_EVENT_END,
                  "0:event 1:event 2:event 3:event 4:event");
    assert_int_equal(commit_one(after, NULL, NULL, "next").first_event, 5);
    assert_ok(seglog_canonical_close(after, NULL));
    seglog_store_close(&memory);
    free(bytes);
}

/* Success was told when the events could not be written. */
static void
commit__whose_events_cannot_be_written__leaves_no_state(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = NULL;

    (void)commit_one(fixture->canonical, "a", "1", "zero");
    txn = write_begin(fixture->canonical);
    write_put(txn, "a", "2");
    (void)write_event(txn, "lost");
    assert_true(seglog_faults_fail(fixture->faults, SEGLOG_FAULT_APPEND, 1,
                                   SEGLOG_NO_SPACE));
    assert_code(seglog_write_txn_commit(txn, true, NULL, NULL),
                SEGLOG_NO_SPACE);
    assert_state(fixture->canonical, NULL, "a=1");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:zero");
    seglog_faults_clear(fixture->faults);
    store_reopen(fixture);
    assert_state(fixture->canonical, NULL, "a=1");
    assert_int_equal(
        commit_one(fixture->canonical, "a", "2", "one").first_event, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(torn_tail__is_cut_off_and_what_follows_is_read),
        CANONICAL_TEST(commit__tried_again_after_half_a_write__is_there_once),
        CANONICAL_TEST(end_of_the_log__without_a_close__is_known),
        CANONICAL_TEST(commit__whose_events_cannot_be_written__leaves_no_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
