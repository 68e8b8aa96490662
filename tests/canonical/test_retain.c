/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_retain.c - state snapshots, and what may go then. */
#include "tests/canonical/canonical_support.h"

#include <stdio.h>

#include "seglog/seal.h"
#include "seglog/testing/disk_store.h"

/* Small segments, so that there is something to give up. */
static void
store_open_small(struct fixture *fixture)
{
    store_close(fixture);
    fixture->options.segment_bytes = 4096;
    store_open(fixture);
}

/* Events number by number, and a counter in the state. */
static void
fill(struct fixture *fixture, unsigned from, unsigned to)
{
    char text[64];

    for (unsigned i = from; i < to; i++) {
        (void)snprintf(text, sizeof text, "%u of some length to fill a segment",
                       i);
        (void)commit_one(fixture->canonical, "counter", text, text);
    }
}

static struct seglog_snapshot_info
snapshot_make(struct fixture *fixture)
{
    struct seglog_snapshot_info info = { 0 };

    assert_int_equal(
        seglog_canonical_make_snapshot(fixture->canonical, &info, NULL),
        SEGLOG_OK);
    return info;
}

static struct seglog_retention_info
retain(struct fixture *fixture, uint64_t keep_from)
{
    struct seglog_retention_info info = { 0 };

    assert_int_equal(
        seglog_canonical_retain(fixture->canonical, keep_from, &info, NULL),
        SEGLOG_OK);
    return info;
}

static void
rebuild(struct fixture *fixture)
{
    store_close(fixture);
    view_remove(fixture);
    store_open(fixture);
}

/* -- snapshots ------------------------------------------------------------- */

static void
snapshot__of_a_store__is_sealed_and_named_by_its_position(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_snapshot_info info;
    struct seglog_seal_info seal;

    fill(fixture, 0, 10);
    info = snapshot_make(fixture);
    assert_int_equal(info.position, 11);
    assert_int_equal(info.keys, 1);
    assert_string_equal(info.name, "state.00000000000000000011.seg");
    assert_int_equal(
        seglog_segment_get_seal(fixture->store, info.name, &seal, NULL),
        SEGLOG_OK);
#ifdef SEGLOG_HAVE_ZSTD
    assert_true(seal.is_sealed);
#endif
}

static void
snapshot__a_second_one__replaces_the_first(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_snapshot_info first;
    struct seglog_snapshot_info second;
    struct seglog_blob_info blob;

    fill(fixture, 0, 3);
    first = snapshot_make(fixture);
    fill(fixture, 3, 5);
    second = snapshot_make(fixture);
    assert_int_equal(second.position, 6);
    assert_int_equal(
        seglog_store_get_info(fixture->store, first.name, &blob, NULL),
        SEGLOG_NOT_FOUND);
    assert_int_equal(
        seglog_store_get_info(fixture->store, second.name, &blob, NULL),
        SEGLOG_OK);
}

static void
rebuild__from_a_snapshot__has_state_events_and_meta(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical_meta before;
    struct seglog_canonical_meta after;

    fill(fixture, 0, 700);
    (void)commit_one(fixture->canonical, "a", "1", NULL);
    (void)commit_one(fixture->canonical, "empty", "", NULL);
    assert_int_equal(
        seglog_canonical_set_schema_version(fixture->canonical, 7, NULL),
        SEGLOG_OK);
    (void)snapshot_make(fixture);
    (void)commit_one(fixture->canonical, "b", "2", "last");
    before = meta_of(fixture->canonical);
    rebuild(fixture);
    after = meta_of(fixture->canonical);
    assert_int_equal(after.next_event, 701);
    assert_int_equal(after.position, before.position);
    assert_int_equal(after.created_ms, before.created_ms);
    assert_int_equal(after.updated_ms, before.updated_ms);
    assert_int_equal(after.schema_version, 7);
    assert_int_equal(after.keys, 4);
    assert_value(fixture->canonical, "a", "1");
    assert_value(fixture->canonical, "empty", "");
    assert_value(fixture->canonical, "b", "2");
    assert_event(fixture->canonical, 0, "0 of some length to fill a segment");
    assert_event(fixture->canonical, 699,
                 "699 of some length to fill a segment");
    assert_event(fixture->canonical, 700, "last");
}

static void
rebuild__from_a_damaged_snapshot__takes_the_log(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_snapshot_info info;

    fill(fixture, 0, 20);
    info = snapshot_make(fixture);
    blob_flip(fixture->store, info.name, info.bytes / 2);
    rebuild(fixture);
    assert_value(fixture->canonical, "counter",
                 "19 of some length to fill a segment");
    assert_int_equal(meta_of(fixture->canonical).position, 21);
}

static void
rebuild__each_byte_of_the_snapshot_damaged__has_the_same_state(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_snapshot_info info;

    fill(fixture, 0, 2);
    info = snapshot_make(fixture);
    fill(fixture, 2, 3);
    for (uint64_t at = 1; at <= info.bytes; at += 11) {
        blob_flip(fixture->store, info.name, at);
        rebuild(fixture);
        assert_value(fixture->canonical, "counter",
                     "2 of some length to fill a segment");
        assert_int_equal(meta_of(fixture->canonical).next_event, 3);
        blob_flip(fixture->store, info.name, at);
    }
}

/* -- retention ------------------------------------------------------------- */

static void
retain__without_a_snapshot__gives_up_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_retention_info info;

    store_open_small(fixture);
    fill(fixture, 0, 500);
    info = retain(fixture, 400);
    assert_int_equal(info.segments, 0);
    assert_int_equal(info.first_event, 0);
}

static void
retain__below_a_snapshot__gives_up_segments_and_keeps_the_rest(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_retention_info info;
    struct seglog_canonical_meta meta;
    struct seglog_event_iter *iter = NULL;
    struct seglog_error err = { 0 };

    store_open_small(fixture);
    fill(fixture, 0, 1000);
    (void)snapshot_make(fixture);
    info = retain(fixture, 800);
    assert_true(info.segments > 0);
    assert_true(info.first_event > 0);
    assert_true(info.first_event <= 800);
    meta = meta_of(fixture->canonical);
    assert_int_equal(meta.first_event, info.first_event);
    assert_int_equal(meta.first_position, info.first_position);
    assert_int_equal(seglog_event_iter_open(fixture->canonical,
                                            info.first_event - 1, 900, &iter,
                                            &err),
                     SEGLOG_NOT_FOUND);
    assert_int_equal(err.actual, info.first_event);
    assert_event(fixture->canonical, 800,
                 "800 of some length to fill a segment");
    assert_int_equal(seglog_event_iter_open(fixture->canonical,
                                            info.first_event, SEGLOG_EVENT_END,
                                            &iter, NULL),
                     SEGLOG_OK);
    for (uint64_t id = info.first_event; id < 1000; id++) {
        struct seglog_canonical_event event;

        assert_int_equal(seglog_event_iter_next(iter, &event, NULL), SEGLOG_OK);
        assert_int_equal(event.id, id);
    }
    seglog_event_iter_close(iter);
}

static void
retain__then_the_view_is_removed__rebuilds_the_same_state(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical_meta before;
    struct seglog_canonical_meta after;

    store_open_small(fixture);
    fill(fixture, 0, 1000);
    (void)commit_one(fixture->canonical, "kept", "value", NULL);
    (void)snapshot_make(fixture);
    assert_true(retain(fixture, 1000).segments > 0);
    fill(fixture, 1000, 1010);
    before = meta_of(fixture->canonical);
    rebuild(fixture);
    after = meta_of(fixture->canonical);
    assert_int_equal(after.next_event, 1010);
    assert_int_equal(after.first_event, before.first_event);
    assert_int_equal(after.first_position, before.first_position);
    assert_int_equal(after.lost, 0);
    assert_value(fixture->canonical, "kept", "value");
    assert_value(fixture->canonical, "counter",
                 "1009 of some length to fill a segment");
    assert_event(fixture->canonical, 1009,
                 "1009 of some length to fill a segment");
    fill(fixture, 1010, 1011);
    assert_int_equal(meta_of(fixture->canonical).next_event, 1011);
}

static void
retain__slowest_cursor__is_never_passed(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_consumer *consumer = NULL;
    struct seglog_canonical_event event;
    struct seglog_retention_info info;

    store_open_small(fixture);
    fill(fixture, 0, 1000);
    assert_int_equal(
        seglog_consumer_open(fixture->canonical, "slow", 0, &consumer, NULL),
        SEGLOG_OK);
    (void)snapshot_make(fixture);
    info = retain(fixture, SEGLOG_EVENT_END);
    assert_int_equal(info.first_event, 0);
    for (unsigned i = 0; i < 600; i++)
        assert_int_equal(seglog_consumer_next(consumer, 0, &event, NULL),
                         SEGLOG_OK);
    assert_int_equal(seglog_consumer_acknowledge(consumer, 599, false, NULL),
                     SEGLOG_OK);
    info = retain(fixture, SEGLOG_EVENT_END);
    assert_true(info.first_event > 0);
    assert_true(info.first_event <= 600);
    assert_int_equal(seglog_consumer_next(consumer, 0, &event, NULL),
                     SEGLOG_OK);
    assert_int_equal(event.id, 600);
    seglog_consumer_close(consumer);
}

static void
retain__dead_letter__keeps_its_event(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_consumer *consumer = NULL;
    struct seglog_canonical_event event;

    store_open_small(fixture);
    fill(fixture, 0, 1000);
    assert_int_equal(
        seglog_consumer_open(fixture->canonical, "picky", 300, &consumer, NULL),
        SEGLOG_OK);
    for (unsigned i = 300; i < 1000; i++)
        assert_int_equal(seglog_consumer_next(consumer, 0, &event, NULL),
                         SEGLOG_OK);
    assert_int_equal(seglog_consumer_reject(consumer, 350, "no", NULL),
                     SEGLOG_OK);
    assert_int_equal(seglog_consumer_acknowledge(consumer, 999, false, NULL),
                     SEGLOG_OK);
    seglog_consumer_close(consumer);
    (void)snapshot_make(fixture);
    assert_true(retain(fixture, SEGLOG_EVENT_END).first_event <= 350);
    assert_event(fixture->canonical, 350,
                 "350 of some length to fill a segment");
}

static void
retain__snapshot_lost_afterwards__is_corrupt_or_skipped(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *canonical = NULL;
    struct seglog_snapshot_info snapshot;
    struct seglog_retention_info info;
    struct seglog_error err = { 0 };

    store_open_small(fixture);
    fill(fixture, 0, 1000);
    snapshot = snapshot_make(fixture);
    info = retain(fixture, 1000);
    store_close(fixture);
    view_remove(fixture);
    assert_int_equal(seglog_store_remove(fixture->store, snapshot.name, NULL),
                     SEGLOG_OK);
    assert_int_equal(seglog_canonical_open(fixture->store, &fixture->options,
                                           &canonical, &err),
                     SEGLOG_CORRUPT);
    assert_int_equal(err.actual, 0);
    fixture->options.skips_lost = true;
    store_open(fixture);
    assert_int_equal(meta_of(fixture->canonical).lost, info.first_position);
    assert_event(fixture->canonical, 999,
                 "999 of some length to fill a segment");
}

/* Consumers that are removed keep nothing, also while they are still open. */
static void
retain__below_an_open_consumer__it_goes_on_at_the_first_event(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_consumer *consumer = NULL;
    struct seglog_canonical_event event;
    struct seglog_retention_info info;
    uint64_t id = 0;

    store_open_small(fixture);
    fill(fixture, 0, 1000);
    assert_ok(seglog_consumer_open(fixture->canonical, "removed", 0, &consumer,
                                   NULL));
    assert_ok(seglog_consumer_next(consumer, 0, &event, NULL));
    assert_ok(
        seglog_canonical_remove_consumer(fixture->canonical, "removed", NULL));
    (void)snapshot_make(fixture);
    info = retain(fixture, 800);
    while (id + 1 < info.first_event && event.id == id) {
        assert_ok(seglog_consumer_next(consumer, 0, &event, NULL));
        id++;
    }
    /* What had been read ahead came first. */
    assert_true(id < 600);
    for (id = info.first_event; id < 1000; id++) {
        assert_int_equal(event.id, id);
        assert_code(seglog_consumer_next(consumer, 0, &event, NULL),
                    id < 999 ? SEGLOG_OK : SEGLOG_END);
    }
    seglog_consumer_close(consumer);
}

static void
retain__by_a_handle_with_another_view__leaves_the_rest_to_this_one(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = NULL;
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_retention_info info;
    struct seglog_error err = { 0 };
    char text[64];

    store_open_small(fixture);
    fill(fixture, 0, 1000);
    fixture->options.view_dir = NULL;
    other = store_open_other(fixture);
    fixture->options.view_dir = fixture->view;
    (void)snapshot_make(fixture);
    info = retain(fixture, 800);
    assert_true(info.first_event > 0);
    (void)snprintf(text, sizeof text, "%u of some length to fill a segment",
                   (unsigned)info.first_event);
    assert_event(other, info.first_event, text);
    assert_ok(
        seglog_event_iter_open(other, info.first_event - 1, 1000, &iter, NULL));
    assert_code(seglog_event_iter_next(iter, &event, &err), SEGLOG_NOT_FOUND);
    assert_int_equal(err.actual, info.first_event);
    seglog_event_iter_close(iter);
    assert_ok(seglog_canonical_close(other, NULL));
}

/* What a view has not seen of the log is gone: the snapshot has it. */
static void
retain__of_what_another_view_has_not_seen__it_has_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = NULL;
    struct seglog_write_txn *txn = NULL;
    struct seglog_retention_info info;

    store_open_small(fixture);
    fill(fixture, 0, 10);
    fixture->options.view_dir = NULL;
    other = store_open_other(fixture);
    fixture->options.view_dir = fixture->view;
    fill(fixture, 10, 1000);
    (void)snapshot_make(fixture);
    info = retain(fixture, 800);
    assert_true(info.first_position > 500);
    assert_int_equal(meta_of(other).first_event, info.first_event);
    assert_int_equal(meta_of(other).next_event, 1000);
    assert_value(other, "counter", "999 of some length to fill a segment");

    /* And the one with a name, which looks when somebody writes. */
    for (unsigned i = 0; i < 1000; i++)
        (void)commit_one(other, "last", "value", "more of them for a segment");
    assert_ok(seglog_canonical_make_snapshot(other, NULL, NULL));
    assert_ok(seglog_canonical_retain(other, SEGLOG_EVENT_END, &info, NULL));
    assert_true(info.first_position > 1100);
    txn = write_begin(fixture->canonical);
    seglog_write_txn_abort(txn);
    assert_value(fixture->canonical, "last", "value");
    assert_int_equal(meta_of(fixture->canonical).first_event, info.first_event);
    assert_ok(seglog_canonical_close(other, NULL));
}

/* Somebody else, just when a handle catches up. */
struct retaining {
    struct seglog_disk_process process;
    struct seglog_canonical *canonical;
    struct seglog_retention_info info;
    uint64_t steps; /* of the other, before it does */
    bool is_done;
};

static void
retain_meanwhile(void *arg, enum seglog_disk_step step)
{
    struct retaining *retaining = arg;

    (void)step;
    if (retaining->is_done || retaining->steps-- > 0)
        return;
    retaining->is_done = true;
    (void)!seglog_canonical_make_snapshot(retaining->canonical, NULL, NULL);
    (void)!seglog_canonical_retain(retaining->canonical, SEGLOG_EVENT_END,
                                   &retaining->info, NULL);
}

/* False: it did not come to that. */
static bool
retain_at_step(uint64_t steps, bool is_read_only)
{
    struct seglog_canonical_options options = {
        .size = sizeof options,
        .lock_timeout_ms = 1,
        .segment_bytes = 400,
    };
    struct seglog_disk *disk = seglog_disk_new(NULL);
    struct retaining retaining = { .steps = steps };
    struct seglog_disk_process process;
    struct seglog_canonical *behind = NULL;

    assert_non_null(disk);
    assert_ok(seglog_canonical_open(seglog_disk_start(disk, &retaining.process),
                                    &options, &retaining.canonical, NULL));
    options.is_read_only = is_read_only;
    assert_ok(seglog_canonical_open(seglog_disk_start(disk, &process), &options,
                                    &behind, NULL));
    for (unsigned i = 0; i < 12; i++) {
        (void)commit_one(retaining.canonical, "key", i < 11 ? "old" : "new",
                         "an event of some length to fill a segment");
        if (i == 6)
            assert_ok(seglog_canonical_make_snapshot(retaining.canonical, NULL,
                                                     NULL));
    }
    process.meanwhile = retain_meanwhile;
    process.arg = &retaining;
    assert_value(behind, "key", "new");
    process.meanwhile = NULL;
    (void)commit_one(retaining.canonical, "key", "newer", NULL);
    assert_int_equal(meta_of(behind).first_event, retaining.info.first_event);
    assert_ok(seglog_canonical_close(behind, NULL));
    assert_ok(seglog_canonical_close(retaining.canonical, NULL));
    seglog_disk_free(disk);
    return retaining.is_done;
}

static void
retain__at_each_step_of_another_view_that_catches_up__it_gets_there(
    void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t steps = 0;

        while (retain_at_step(steps, i > 0))
            steps++;
        assert_true(steps > 50);
    }
}

static void
retain__first_transaction_damaged_then__those_behind_it_are_there(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_retention_info info;
    char name[SEGLOG_STREAM_NAME_CAP];
    char text[64];

    store_open_small(fixture);
    fill(fixture, 0, 1000);
    (void)snapshot_make(fixture);
    info = retain(fixture, 800);
    (void)snprintf(text, sizeof text, "%u of some length to fill a segment",
                   (unsigned)info.first_event);
    store_close(fixture);
    view_remove(fixture);
    blob_flip(fixture->files, log_segment(fixture, 0, name),
              log_find(fixture, 0, text));
    store_open(fixture);
    assert_int_equal(meta_of(fixture->canonical).first_event,
                     info.first_event + 1);
    assert_event(fixture->canonical, info.first_event, NULL);
    (void)snprintf(text, sizeof text, "%u of some length to fill a segment",
                   (unsigned)info.first_event + 1);
    assert_event(fixture->canonical, info.first_event + 1, text);
    assert_event(fixture->canonical, 999,
                 "999 of some length to fill a segment");
}

/* Nothing else has what is in front of it: what cannot be read just now is not
 * passed over as if it were damaged. */
static void
rebuild__each_read_failing_once__is_io_and_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_fault fault = { .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ) };
    struct seglog_canonical *canonical = NULL;
    struct seglog_error err = { 0 };
    uint64_t hits = 0;
    bool is_hit = true;

    store_open_small(fixture);
    fill(fixture, 0, 300);
    (void)commit_one(fixture->canonical, "kept", "value", NULL);
    (void)snapshot_make(fixture);
    assert_true(retain(fixture, 300).segments > 0);
    store_close(fixture);
    fixture->options.skips_lost = true;
    fixture->options.view_dir = NULL;
    for (fault.at = 1; is_hit; fault.at++) {
        seglog_code code = SEGLOG_OK;

        assert_true(seglog_faults_add(fixture->faults, &fault));
        code = seglog_canonical_open(fixture->store, &fixture->options,
                                     &canonical, &err);
        is_hit = seglog_faults_get_hits(fixture->faults) > hits;
        hits = seglog_faults_get_hits(fixture->faults);
        seglog_faults_clear(fixture->faults);
        if (code == SEGLOG_OK) {
            assert_int_equal(meta_of(canonical).lost, 0);
            assert_value(canonical, "kept", "value");
        } else {
            assert_code(code, SEGLOG_IO);
        }
        assert_ok(seglog_canonical_close(canonical, NULL));
    }
    assert_true(fault.at > 5);
    store_open(fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(
            snapshot__of_a_store__is_sealed_and_named_by_its_position),
        CANONICAL_TEST(snapshot__a_second_one__replaces_the_first),
        CANONICAL_TEST(rebuild__from_a_snapshot__has_state_events_and_meta),
        CANONICAL_TEST(rebuild__from_a_damaged_snapshot__takes_the_log),
        CANONICAL_TEST(
            rebuild__each_byte_of_the_snapshot_damaged__has_the_same_state),
        CANONICAL_TEST(retain__without_a_snapshot__gives_up_nothing),
        CANONICAL_TEST(
            retain__below_a_snapshot__gives_up_segments_and_keeps_the_rest),
        CANONICAL_TEST(
            retain__then_the_view_is_removed__rebuilds_the_same_state),
        CANONICAL_TEST(retain__slowest_cursor__is_never_passed),
        CANONICAL_TEST(retain__dead_letter__keeps_its_event),
        CANONICAL_TEST(retain__snapshot_lost_afterwards__is_corrupt_or_skipped),
        CANONICAL_TEST(
            rebuild__each_read_failing_once__is_io_and_loses_nothing),
        CANONICAL_TEST(
            retain__below_an_open_consumer__it_goes_on_at_the_first_event),
        CANONICAL_TEST(
            retain__by_a_handle_with_another_view__leaves_the_rest_to_this_one),
        CANONICAL_TEST(
            retain__of_what_another_view_has_not_seen__it_has_all_the_same),
        cmocka_unit_test(
            retain__at_each_step_of_another_view_that_catches_up__it_gets_there),
        CANONICAL_TEST(
            retain__first_transaction_damaged_then__those_behind_it_are_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
