/* SPDX-License-Identifier: MIT */
/*
 * tests/session/test_session_power.c
 *
 * Goal    what one process could not finish and another one has done again
 *         survives a power failure; a byte store that cannot cut is no reason
 *         to be without names or dictionaries.
 * Method  a simulated disk: the first process dies in each of its steps in
 *         turn, the second does the same, and all that was not synced is lost.
 */
#include "tests/session/session_support.h"

#include "seglog/dictionary.h"
#include "seglog/testing/disk_store.h"

static const struct seglog_uuid SESSION = { { 1 } };
static const struct seglog_uuid SEGMENT = { { 2 } };

struct machine {
    struct seglog_disk *disk;
    struct seglog_disk_process process;
    struct seglog_session_store *sessions;
};

static void
machine_start(struct machine *machine)
{
    assert_ok(seglog_session_store_open(
        seglog_disk_start(machine->disk, &machine->process), NULL,
        &machine->sessions, NULL));
}

static void
machine_stop(struct machine *machine)
{
    (void)seglog_session_store_close(machine->sessions, NULL);
    machine->sessions = NULL;
}

static void
machine_end(struct machine *machine)
{
    machine_stop(machine);
    seglog_disk_free(machine->disk);
}

/* In its place: the process in it is borrowed. */
static void
machine_begin(struct machine *machine, bool cannot_cut)
{
    const struct seglog_disk_options options = { .cannot_cut = cannot_cut };

    machine->disk = seglog_disk_new(&options);
    assert_non_null(machine->disk);
    machine_start(machine);
}

/* Of what is not synced so much is lost. */
static void
machine_cut_power(struct machine *machine, uint64_t seed, unsigned lost_percent)
{
    const struct seglog_disk_cut cut = { .seed = seed,
                                         .lost_percent = lost_percent };

    seglog_disk_kill(&machine->process);
    machine_stop(machine);
    assert_true(seglog_disk_cut_power(machine->disk, &cut));
    machine_start(machine);
}

static seglog_code
group_create(struct machine *machine)
{
    const struct seglog_slice entries[] = { { "[1]", 3 },
                                            { "[2]", 3 },
                                            { "[3]", 3 } };
    const struct seglog_segment_new first = { .size = sizeof first,
                                              .entries = entries,
                                              .count = 3 };

    return seglog_session_create_segment(machine->sessions, &SESSION, &SEGMENT,
                                         &first, NULL);
}

static seglog_code
segment_delete(struct machine *machine)
{
    return seglog_session_delete_segment(machine->sessions, &SESSION, &SEGMENT,
                                         NULL, NULL);
}

static seglog_code
session_delete(struct machine *machine)
{
    return seglog_session_delete(machine->sessions, &SESSION, NULL, NULL);
}

/* Into the middle of a group: the segment is replaced. */
static seglog_code
group_cut(struct machine *machine)
{
    return seglog_session_truncate(machine->sessions, &SESSION, &SEGMENT, 2,
                                   NULL, NULL);
}

static seglog_code
synced_append(struct machine *machine)
{
    const struct seglog_session_append_options synced = {
        .size = sizeof synced,
        .is_synced = true,
    };

    return seglog_session_append(machine->sessions, &SESSION, &SEGMENT, "[4]",
                                 3, &synced, NULL, NULL);
}

static uint64_t
entries_after(struct machine *machine)
{
    uint64_t count = 0;
    const seglog_code code = seglog_session_read_entry_count(
        machine->sessions, &SESSION, &SEGMENT, &count, NULL, NULL);

    if (code == SEGLOG_NOT_FOUND)
        return UINT64_MAX;
    assert_ok(code);
    return count;
}

/*
 * `first` dies in one step after the other, `then` is done by another process,
 * and the power fails at once.
 */
static void
expect_after(seglog_code (*prepare)(struct machine *machine),
             seglog_code (*first)(struct machine *machine),
             seglog_code (*then)(struct machine *machine), uint64_t least,
             uint64_t most)
{
    bool is_alive = false;

    for (uint64_t step = 1; !is_alive; step++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            struct machine machine = { 0 };
            uint64_t count = 0;

            machine_begin(&machine, false);
            assert_true(!prepare || prepare(&machine) == SEGLOG_OK);
            machine.process.die_at = machine.process.steps + step;
            (void)!first(&machine);
            is_alive = !machine.process.is_dead;
            machine_stop(&machine);
            machine_start(&machine);
            assert_ok(then(&machine));
            machine_cut_power(&machine, seed, 100);
            count = entries_after(&machine);
            assert_true(count >= least && count <= most);
            machine_end(&machine);
        }
    }
}

static void
segment__deleted_again_after_somebody_died_in_it__stays_away(void **state)
{
    (void)state;
    expect_after(group_create, segment_delete, segment_delete, UINT64_MAX,
                 UINT64_MAX);
}

static void
session__deleted_again_after_somebody_died_in_it__stays_away(void **state)
{
    (void)state;
    expect_after(group_create, session_delete, session_delete, UINT64_MAX,
                 UINT64_MAX);
}

static void
segment__cut_again_after_somebody_died_in_it__stays_cut(void **state)
{
    (void)state;
    expect_after(group_create, group_cut, group_cut, 2, 2);
}

static void
entry__synced_in_a_segment_whose_maker_died__is_there(void **state)
{
    (void)state;
    expect_after(NULL, group_create, synced_append, 1, 4);
}

/* -- stores that cannot cut ------------------------------------------------ */

static void
names__after_power_failed_in_the_first_write__can_be_written(void **state)
{
    const struct seglog_named item = { .space = SEGLOG_NAMES_WORKER,
                                       .name = { "n", 1 },
                                       .data = { "value", 5 } };

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct machine machine = { 0 };

        machine_begin(&machine, true);
        assert_ok(seglog_name_write(machine.sessions, &item, 1, true, NULL));
        machine_cut_power(&machine, seed, 50);
        assert_ok(seglog_name_write(machine.sessions, &item, 1, false, NULL));
        machine_cut_power(&machine, seed, 100);
        assert_ok(seglog_name_write(machine.sessions, &item, 1, true, NULL));
        machine_end(&machine);
    }
}

static void
dictionary__in_a_store_that_cannot_cut__is_put(void **state)
{
    struct machine machine = { 0 };
    char name[SEGLOG_DICTIONARY_NAME_BYTES];

    (void)state;
    machine_begin(&machine, true);
    assert_ok(
        seglog_dictionary_put(seglog_session_store_get_store(machine.sessions),
                              "what is common", 14, name, NULL));
    assert_ok(
        seglog_session_store_set_dictionary(machine.sessions, name, NULL));
    machine_end(&machine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            segment__deleted_again_after_somebody_died_in_it__stays_away),
        cmocka_unit_test(
            session__deleted_again_after_somebody_died_in_it__stays_away),
        cmocka_unit_test(
            segment__cut_again_after_somebody_died_in_it__stays_cut),
        cmocka_unit_test(entry__synced_in_a_segment_whose_maker_died__is_there),
        cmocka_unit_test(
            names__after_power_failed_in_the_first_write__can_be_written),
        cmocka_unit_test(dictionary__in_a_store_that_cannot_cut__is_put),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
