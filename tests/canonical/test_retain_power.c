/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_retain_power.c - the power fails behind a retention, and
 * what others do meanwhile. */
#include "tests/canonical/canonical_support.h"

#include "seglog/testing/disk_store.h"

struct machine {
    struct seglog_disk *disk;
    struct seglog_disk_process process;
    struct seglog_canonical *canonical;
    struct seglog_consumer *consumer;
};

static void
machine_start(struct machine *machine)
{
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .segment_bytes = 4096 };

    assert_ok(seglog_canonical_open(
        seglog_disk_start(machine->disk, &machine->process), &options,
        &machine->canonical, NULL));
    assert_ok(seglog_consumer_open(machine->canonical, "consumer", 0,
                                   &machine->consumer, NULL));
}

static void
machine_stop(struct machine *machine)
{
    seglog_consumer_close(machine->consumer);
    (void)seglog_canonical_close(machine->canonical, NULL);
}

/* Nothing that was not synced is left. */
static void
machine_cut_power(struct machine *machine)
{
    const struct seglog_disk_cut cut = { .seed = 1, .lost_percent = 100 };

    seglog_disk_kill(&machine->process);
    machine_stop(machine);
    assert_true(seglog_disk_cut_power(machine->disk, &cut));
}

static void
machine_fill(struct machine *machine)
{
    for (unsigned i = 0; i < 300; i++)
        (void)commit_one(machine->canonical, NULL, NULL,
                         "an event of some length to fill a segment");
}

static void
retain__cursor_not_synced__power_cut_takes_no_event_from_it(void **state)
{
    struct machine machine = { .disk = seglog_disk_new(NULL) };
    struct seglog_retention_info info;
    struct seglog_canonical_event event;

    (void)state;
    assert_non_null(machine.disk);
    machine_start(&machine);
    machine_fill(&machine);
    assert_ok(seglog_canonical_make_snapshot(machine.canonical, NULL, NULL));
    machine_fill(&machine);
    assert_ok(seglog_consumer_acknowledge(machine.consumer, 599, false, NULL));
    assert_ok(seglog_canonical_retain(machine.canonical, SEGLOG_EVENT_END,
                                      &info, NULL));
    assert_true(info.segments > 0 && info.first_event > 0);
    machine_cut_power(&machine);

    machine_start(&machine);
    assert_int_equal(meta_of(machine.canonical).first_event, info.first_event);
    assert_int_equal(meta_of(machine.canonical).next_event, 600);
    /* As it was when events were given up on its word. */
    assert_code(seglog_consumer_next(machine.consumer, 0, &event, NULL),
                SEGLOG_END);
    machine_stop(&machine);
    seglog_disk_free(machine.disk);
}

/* -- meanwhile -------------------------------------------------------------- */

struct meanwhile {
    struct machine other;
    uint64_t at; /* the step in front of which it is */
    uint64_t step;
    bool is_there; /* it was put */
};

static void
other_reject(struct meanwhile *meanwhile)
{
    const seglog_code code =
        seglog_consumer_reject(meanwhile->other.consumer, 0, "late", NULL);

    assert_true(code == SEGLOG_OK || code == SEGLOG_LOCKED ||
                code == SEGLOG_NOT_FOUND);
    meanwhile->is_there = code == SEGLOG_OK;
}

static void
meanwhile_reject(void *arg, enum seglog_disk_step step)
{
    struct meanwhile *meanwhile = arg;

    (void)step;
    if (++meanwhile->step == meanwhile->at)
        other_reject(meanwhile);
}

static seglog_code
letter_count(void *arg, const struct seglog_dead_letter *letter,
             struct seglog_error *err)
{
    unsigned *count = arg;

    (void)err;
    assert_int_equal(letter->id, 0);
    ++*count;
    return SEGLOG_OK;
}

/* What was put has its event. */
static void
other_look(const struct meanwhile *meanwhile, unsigned *there)
{
    unsigned letters = 0;

    assert_ok(seglog_consumer_list_dead(meanwhile->other.consumer, letter_count,
                                        &letters, NULL));
    assert_int_equal(letters, meanwhile->is_there);
    *there += letters;
}

/* False: retention has come to its end before that step. */
static bool
round_run(struct seglog_disk *before, uint64_t at, bool dies, unsigned *there)
{
    struct machine machine = { .disk = seglog_disk_clone(before) };
    struct meanwhile meanwhile = { .other = machine, .at = at };
    seglog_code code = SEGLOG_OK;
    bool is_reached = false;

    assert_non_null(machine.disk);
    machine_start(&machine);
    machine_start(&meanwhile.other);
    meanwhile.other.process.never_waits = true;
    machine.process.meanwhile = dies ? NULL : meanwhile_reject;
    machine.process.arg = &meanwhile;
    machine.process.die_at = dies ? machine.process.steps + at : 0;
    code = seglog_canonical_retain(machine.canonical, SEGLOG_EVENT_END, NULL,
                                   NULL);
    machine.process.meanwhile = NULL;
    machine.process.die_at = 0;
    is_reached = machine.process.is_dead || meanwhile.step >= at;
    assert_true(code == SEGLOG_OK || machine.process.is_dead);
    if (dies)
        other_reject(&meanwhile);
    other_look(&meanwhile, there);
    machine_stop(&meanwhile.other);
    machine_stop(&machine);
    seglog_disk_free(machine.disk);
    return is_reached;
}

static void
rounds_run(bool dies)
{
    struct machine machine = { .disk = seglog_disk_new(NULL) };
    unsigned there = 0;
    uint64_t at = 1;

    assert_non_null(machine.disk);
    machine_start(&machine);
    machine_fill(&machine);
    assert_ok(seglog_consumer_acknowledge(machine.consumer, 299, true, NULL));
    assert_ok(seglog_canonical_make_snapshot(machine.canonical, NULL, NULL));
    machine_stop(&machine);
    while (round_run(machine.disk, at, dies, &there))
        at++;
    assert_true(there > 0 && there < at - 1);
    seglog_disk_free(machine.disk);
}

/* Who has it put was told that the event can be had again. */
static void
retain__dead_letter_put_meanwhile__keeps_its_event_or_is_refused(void **state)
{
    (void)state;
    rounds_run(false);
}

static void
retain__dies_at_any_step__dead_letter_keeps_its_event_or_is_refused(
    void **state)
{
    (void)state;
    rounds_run(true);
}

/* -- failures ---------------------------------------------------------------- */

/* False: no call was there to fail. */
static bool
failure_run(struct seglog_disk *before, uint64_t at)
{
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .segment_bytes = 4096 };
    const struct seglog_fault fault = { .at = at, .way = SEGLOG_FAULT_AFTER };
    struct machine machine = { .disk = seglog_disk_clone(before) };
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_faults *faults = NULL;
    seglog_code code = SEGLOG_OK;
    bool is_hit = false;

    assert_non_null(machine.disk);
    faults =
        seglog_faults_new(seglog_disk_start(machine.disk, &machine.process));
    assert_non_null(faults);
    assert_ok(seglog_canonical_open(seglog_faults_store(faults), &options,
                                    &machine.canonical, NULL));
    assert_true(seglog_faults_add(faults, &fault));
    code = seglog_canonical_retain(machine.canonical, SEGLOG_EVENT_END, NULL,
                                   NULL);
    assert_true(code == SEGLOG_OK || code == SEGLOG_IO ||
                code == SEGLOG_POISONED);
    is_hit = seglog_faults_get_hits(faults) > 0;
    seglog_faults_clear(faults);
    assert_ok(seglog_event_iter_open(machine.canonical,
                                     meta_of(machine.canonical).first_event,
                                     SEGLOG_EVENT_END, &iter, NULL));
    assert_ok(seglog_event_iter_next(iter, &event, NULL));
    seglog_event_iter_close(iter);
    machine_stop(&machine);
    seglog_faults_free(faults);
    seglog_disk_free(machine.disk);
    return is_hit;
}

static void
retain__any_call_fails__handle_knows_where_the_log_begins(void **state)
{
    struct machine machine = { .disk = seglog_disk_new(NULL) };
    uint64_t at = 1;

    (void)state;
    assert_non_null(machine.disk);
    machine_start(&machine);
    machine_fill(&machine);
    assert_ok(seglog_consumer_acknowledge(machine.consumer, 299, true, NULL));
    assert_ok(seglog_canonical_make_snapshot(machine.canonical, NULL, NULL));
    machine_stop(&machine);
    while (failure_run(machine.disk, at))
        at++;
    assert_true(at > 10);
    seglog_disk_free(machine.disk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            retain__cursor_not_synced__power_cut_takes_no_event_from_it),
        cmocka_unit_test(
            retain__dead_letter_put_meanwhile__keeps_its_event_or_is_refused),
        cmocka_unit_test(
            retain__dies_at_any_step__dead_letter_keeps_its_event_or_is_refused),
        cmocka_unit_test(
            retain__any_call_fails__handle_knows_where_the_log_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
