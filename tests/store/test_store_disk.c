/* SPDX-License-Identifier: MIT */
/*
 * tests/store/test_store_disk.c
 *
 * Goal    a simulated disk keeps the contract of every store, and a power cut
 *         leaves what its header says and nothing else.
 */
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "seglog/testing/disk_store.h"
#include "tests/store/store_conformance.h"

#define SECTOR SEGLOG_DISK_SECTOR

/* -- the contract ---------------------------------------------------------- */

struct machine {
    struct seglog_disk *disk;
    struct seglog_disk_process process;
};

static seglog_code
disk_make(void *arg, struct seglog_store *store, struct seglog_error *err)
{
    struct machine *machine = arg;

    (void)err;
    machine->disk = seglog_disk_new(NULL);
    if (!machine->disk)
        return SEGLOG_NO_MEMORY;
    *store = seglog_disk_start(machine->disk, &machine->process);
    return SEGLOG_OK;
}

static void
disk_destroy(void *arg, struct seglog_store *store)
{
    struct machine *machine = arg;

    seglog_store_close(store);
    seglog_disk_free(machine->disk);
}

/* -- helpers --------------------------------------------------------------- */

static void
put(struct seglog_blob blob, char letter, size_t len)
{
    char bytes[4 * SECTOR];

    assert_true(len <= sizeof bytes);
    memset(bytes, letter, len);
    assert_ok(seglog_blob_append(blob, SEGLOG_END_ANY, bytes, len, NULL, NULL));
}

static struct seglog_blob
open_blob(struct seglog_store store, const char *name)
{
    struct seglog_blob blob = { 0 };

    assert_ok(seglog_blob_open(
        store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    return blob;
}

/* The blob "a" of a disk as text: runs of equal bytes, "o512 n10"; "-": none.
 * Zeros are '0'. */
static const char *
contents(struct seglog_disk *disk, const char *name)
{
    static char text[4096];
    struct seglog_disk_process process;
    struct seglog_store store = seglog_disk_start(disk, &process);
    struct seglog_blob blob = { 0 };
    uint8_t bytes[8 * SECTOR];
    uint64_t size = 0;
    size_t used = 0;

    text[0] = '\0';
    if (seglog_blob_open(store, name, SEGLOG_OPEN_READ, &blob, NULL) !=
        SEGLOG_OK)
        return "-";
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    assert_true(size <= sizeof bytes);
    assert_ok(seglog_blob_read_at(blob, 0, bytes, (size_t)size, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    for (size_t at = 0; at < size;) {
        size_t run = 1;

        while (at + run < size && bytes[at + run] == bytes[at])
            run++;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%c%zu",
                                 at > 0 ? " " : "", bytes[at] ? bytes[at] : '0',
                                 run);
        at += run;
    }
    return text;
}

/* 600 bytes 'o' that are synced, and 1000 'n' that are not. */
static struct seglog_blob
machine_fill(struct machine *machine)
{
    struct seglog_store store = { 0 };
    struct seglog_blob blob;

    assert_ok(disk_make(machine, &store, NULL));
    blob = open_blob(store, "a");
    put(blob, 'o', 600);
    assert_ok(seglog_blob_sync(blob, NULL));
    put(blob, 'n', 1000);
    return blob;
}

static void
machine_end(struct machine *machine, struct seglog_blob *blob)
{
    assert_ok(seglog_blob_close(blob, NULL));
    seglog_disk_free(machine->disk);
}

static void
expect_image(struct seglog_disk *disk, struct seglog_disk_cut cut,
             const char *name, const char *want)
{
    struct seglog_disk *image = seglog_disk_image(disk, &cut);

    assert_non_null(image);
    assert_string_equal(contents(image, name), want);
    seglog_disk_free(image);
}

/* -- sectors and sizes ----------------------------------------------------- */

static void
unsynced__appended__is_sectors_and_the_size(void **state)
{
    struct machine machine;
    struct seglog_blob blob = machine_fill(&machine);
    struct seglog_disk_unsynced list[8];

    (void)state;
    assert_int_equal(seglog_disk_get_unsynced(machine.disk, list, 8), 4);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(list[i].kind, SEGLOG_DISK_UNSYNCED_SECTOR);
        assert_int_equal(list[i].offset, (i + 1) * SECTOR);
    }
    assert_int_equal(list[3].kind, SEGLOG_DISK_UNSYNCED_SIZE);
    assert_int_equal(list[3].offset, 1600);
    assert_int_equal(seglog_disk_get_synced(machine.disk, "a"), 600);
    assert_ok(seglog_blob_sync(blob, NULL));
    assert_int_equal(seglog_disk_get_unsynced(machine.disk, NULL, 0), 0);
    assert_int_equal(seglog_disk_get_synced(machine.disk, "a"), 1600);
    machine_end(&machine, &blob);
}

static void
image__each_subset__has_exactly_that(void **state)
{
    static const struct {
        uint8_t kept;
        const char *want;
    } cases[] = {
        { 0x0, "o600" },
        { 0x7, "o600" }, /* sectors without the size */
        { 0x8, "o600 01000" },
        { 0x9, "o600 n424 0576" },
        { 0xA, "o600 0424 n512 064" },
        { 0xC, "o600 0936 n64" },
        { 0xD, "o600 n424 0512 n64" },
        { 0xF, "o600 n1000" },
    };
    struct machine machine;
    struct seglog_blob blob = machine_fill(&machine);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct seglog_disk_cut cut = { .kept = &cases[i].kept,
                                             .kept_count = 4 };

        expect_image(machine.disk, cut, "a", cases[i].want);
    }
    /* The disk itself goes on. */
    assert_string_equal(contents(machine.disk, "a"), "o600 n1000");
    machine_end(&machine, &blob);
}

static void
image__by_chance__keeps_what_was_synced_and_invents_nothing(void **state)
{
    struct machine machine;
    struct seglog_blob blob = machine_fill(&machine);
    unsigned torn = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        const struct seglog_disk_cut cut = { .seed = seed, .lost_percent = 60 };
        struct seglog_disk *image = seglog_disk_image(machine.disk, &cut);
        const char *text = NULL;

        assert_non_null(image);
        text = contents(image, "a");
        assert_memory_equal(text, "o600", 4);
        assert_null(strpbrk(text + 1, "o-abcdefghijklmpqrstuvwxyz"));
        torn += strstr(text, "n424") == NULL && strchr(text, 'n') != NULL;
        seglog_disk_free(image);
    }
    assert_in_range(torn, 100, 2000);
    machine_end(&machine, &blob);
}

static void
image__cut_and_written_again__may_be_any_of_the_three(void **state)
{
    static const uint8_t sector_and_size[] = { 3 };
    const struct seglog_disk_cut none = { .kept = sector_and_size };
    const struct seglog_disk_cut all = { .kept = sector_and_size,
                                         .kept_count = 2 };
    struct seglog_store store = { 0 };
    struct machine machine;
    struct seglog_blob blob;
    unsigned between = 0;

    (void)state;
    assert_ok(disk_make(&machine, &store, NULL));
    blob = open_blob(store, "a");
    put(blob, 'o', 300);
    assert_ok(seglog_blob_sync(blob, NULL));
    put(blob, 'b', 100);
    assert_ok(seglog_blob_truncate(blob, 200, NULL));
    put(blob, 'n', 50);
    expect_image(machine.disk, none, "a", "o300");
    expect_image(machine.disk, all, "a", "o200 n50");
    for (uint64_t seed = 0; seed < 200; seed++) {
        const struct seglog_disk_cut cut = { .seed = seed,
                                             .lost_percent = 100,
                                             .losses = SEGLOG_DISK_BETWEEN };
        struct seglog_disk *image = seglog_disk_image(machine.disk, &cut);

        assert_non_null(image);
        between += strstr(contents(image, "a"), "o300 b") != NULL;
        seglog_disk_free(image);
    }
    assert_in_range(between, 10, 200);
    machine_end(&machine, &blob);
}

/* -- names ----------------------------------------------------------------- */

struct stop {
    struct seglog_disk *disk;
    enum seglog_disk_step at;
    struct seglog_disk *lost;
    struct seglog_disk *kept;
};

static void
stop_here(void *arg, enum seglog_disk_step step)
{
    static const uint8_t bits[] = { 0xFF, 0xFF };
    const struct seglog_disk_cut none = { .kept = bits };
    const struct seglog_disk_cut all = { .kept = bits, .kept_count = 16 };
    struct stop *stop = arg;

    if (step != stop->at)
        return;
    stop->lost = seglog_disk_image(stop->disk, &none);
    stop->kept = seglog_disk_image(stop->disk, &all);
    assert_non_null(stop->lost);
    assert_non_null(stop->kept);
}

static void
names__cut_before_their_sync__happened_or_did_not(void **state)
{
    struct seglog_store store = { 0 };
    struct machine machine;
    struct seglog_blob blob;
    struct stop stop = { .at = SEGLOG_DISK_SYNC_NAMES };

    (void)state;
    assert_ok(disk_make(&machine, &store, NULL));
    stop.disk = machine.disk;
    machine.process.meanwhile = stop_here;
    machine.process.arg = &stop;

    blob = open_blob(store, "a");
    assert_string_equal(contents(stop.lost, "a"), "-");
    assert_string_equal(contents(stop.kept, "a"), "");
    seglog_disk_free(stop.lost);
    seglog_disk_free(stop.kept);
    put(blob, 'a', 10);
    assert_ok(seglog_blob_sync(blob, NULL));

    assert_ok(seglog_store_replace(store, "a", "b", NULL));
    assert_string_equal(contents(stop.lost, "a"), "a10");
    assert_string_equal(contents(stop.lost, "b"), "-");
    assert_string_equal(contents(stop.kept, "a"), "-");
    assert_string_equal(contents(stop.kept, "b"), "a10");
    seglog_disk_free(stop.lost);
    seglog_disk_free(stop.kept);

    assert_ok(seglog_store_remove(store, "b", NULL));
    assert_string_equal(contents(stop.lost, "b"), "a10");
    assert_string_equal(contents(stop.kept, "b"), "-");
    seglog_disk_free(stop.lost);
    seglog_disk_free(stop.kept);
    machine_end(&machine, &blob);
}

static void
flaw__create_unsynced__loses_the_name(void **state)
{
    const struct seglog_disk_options options = {
        .flaws = SEGLOG_DISK_CREATE_UNSYNCED
    };
    const struct seglog_disk_cut cut = { .kept = (const uint8_t *)"" };
    struct machine machine;
    struct seglog_blob blob = machine_fill(&machine);
    struct seglog_blob other;

    (void)state;
    seglog_disk_set_options(machine.disk, &options);
    other = open_blob(seglog_disk_store(&machine.process), "b");
    assert_ok(seglog_blob_close(&other, NULL));
    expect_image(machine.disk, cut, "a", "o600");
    expect_image(machine.disk, cut, "b", "-");
    machine_end(&machine, &blob);
}

/* -- syncs that fail ------------------------------------------------------- */

static void
sync__fails__poisons_and_loses_as_told(void **state)
{
    static const struct {
        enum seglog_disk_sync_failure how;
        const char *seen;  /* afterwards, by all */
        const char *after; /* another sync that succeeds, and a power cut */
    } cases[] = {
        { SEGLOG_DISK_KEPT_DIRTY, "o600 n1000", "o600 n1000" },
        { SEGLOG_DISK_LOST_CLEAN, "o600 n1000", "o600 01000" },
        { SEGLOG_DISK_LOST_REVERTED, "o600 01000", "o600 01000" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct seglog_disk_cut cut = { .lost_percent = 100 };
        struct machine machine;
        struct seglog_blob blob = machine_fill(&machine);
        struct seglog_blob other =
            open_blob(seglog_disk_store(&machine.process), "a");

        seglog_disk_fail_sync(machine.disk, NULL, 1, cases[i].how, 100);
        assert_code(seglog_blob_sync(blob, NULL), SEGLOG_IO);
        assert_code(seglog_blob_sync(blob, NULL), SEGLOG_POISONED);
        assert_code(
            seglog_blob_append(blob, SEGLOG_END_ANY, "x", 1, NULL, NULL),
            SEGLOG_POISONED);
        assert_code(seglog_blob_truncate(blob, 0, NULL), SEGLOG_POISONED);
        assert_string_equal(contents(machine.disk, "a"), cases[i].seen);
        assert_ok(seglog_blob_sync(other, NULL));
        assert_ok(seglog_blob_close(&other, NULL));
        expect_image(machine.disk, cut, "a", cases[i].after);
        machine_end(&machine, &blob);
    }
}

/* -- processes ------------------------------------------------------------- */

static void
process__dies_in_an_append__leaves_a_part_and_its_lock(void **state)
{
    struct machine machine;
    struct seglog_blob blob = machine_fill(&machine);
    struct seglog_store store = seglog_disk_store(&machine.process);
    struct seglog_disk_process later;
    struct seglog_lock lock = { 0 };
    struct seglog_lock other = { 0 };
    uint64_t size = 0;
    char bytes[100] = { 0 };

    (void)state;
    assert_ok(seglog_lock_open(store, "a", &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_ok(seglog_lock_open(seglog_disk_start(machine.disk, &later), "a",
                               &other, NULL));
    assert_code(seglog_lock_acquire(other, 0, NULL), SEGLOG_LOCKED);
    machine.process.die_at = machine.process.steps + 1;
    assert_code(seglog_blob_append(blob, SEGLOG_END_ANY, bytes, sizeof bytes,
                                   NULL, NULL),
                SEGLOG_IO);
    assert_true(machine.process.is_dead);
    assert_code(seglog_blob_get_size(blob, &size, NULL, NULL), SEGLOG_IO);
    assert_null(seglog_lock_get_hint(lock));
    assert_ok(seglog_lock_acquire(other, 0, NULL));
    seglog_lock_close(&lock);
    assert_code(seglog_lock_acquire(other, 0, NULL), SEGLOG_INVALID);
    seglog_lock_close(&other);
    assert_ok(seglog_blob_close(&blob, NULL));
    blob = open_blob(seglog_disk_store(&later), "a");
    assert_ok(seglog_blob_get_size(blob, &size, NULL, NULL));
    assert_in_range(size, 1600, 1700);
    machine_end(&machine, &blob);
}

static void
power__is_cut__all_are_dead_and_hints_are_zero(void **state)
{
    static const uint8_t zeros[SEGLOG_LOCK_HINT_BYTES];
    const struct seglog_disk_cut cut = { .lost_percent = 100,
                                         .losses = SEGLOG_DISK_OLD };
    struct machine machine;
    struct seglog_blob blob = machine_fill(&machine);
    struct seglog_disk_process later;
    struct seglog_lock lock = { 0 };

    (void)state;
    assert_ok(seglog_lock_open(seglog_disk_store(&machine.process), "a", &lock,
                               NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    memset(seglog_lock_get_hint(lock), 1, SEGLOG_LOCK_HINT_BYTES);
    assert_true(seglog_disk_cut_power(machine.disk, &cut));
    assert_code(seglog_blob_append(blob, SEGLOG_END_ANY, "x", 1, NULL, NULL),
                SEGLOG_IO);
    seglog_lock_close(&lock);
    assert_ok(seglog_lock_open(seglog_disk_start(machine.disk, &later), "a",
                               &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_memory_equal(seglog_lock_get_hint(lock), zeros, sizeof zeros);
    seglog_lock_close(&lock);
    assert_memory_equal(contents(machine.disk, "a"), "o600", 4);
    machine_end(&machine, &blob);
}

/* -- copies and maps ------------------------------------------------------- */

static void
clone__changed__leaves_the_other_as_it_is(void **state)
{
    static const uint8_t all[] = { 0xFF };
    const struct seglog_disk_cut cut = { .kept = all, .kept_count = 8 };
    struct machine machine;
    struct seglog_blob blob = machine_fill(&machine);
    struct seglog_disk *clone = seglog_disk_clone(machine.disk);
    struct seglog_disk_process process;
    struct seglog_blob other;

    (void)state;
    assert_non_null(clone);
    assert_int_equal(seglog_disk_get_unsynced(clone, NULL, 0), 4);
    other = open_blob(seglog_disk_start(clone, &process), "a");
    put(other, 'c', 10);
    put(blob, 'd', 20);
    expect_image(clone, cut, "a", "o600 n1000 c10");
    assert_string_equal(contents(machine.disk, "a"), "o600 n1000 d20");
    assert_ok(seglog_blob_close(&other, NULL));
    seglog_disk_free(clone);
    machine_end(&machine, &blob);
}

static void
map__before_and_after_a_cut__shows_each_sector(void **state)
{
    static const uint8_t kept[] = { 0x9 };
    const struct seglog_disk_cut cut = { .kept = kept, .kept_count = 4 };
    struct machine machine;
    struct seglog_blob blob = machine_fill(&machine);
    char text[256];
    size_t len = 0;

    (void)state;
    len = seglog_disk_format_map(machine.disk, text, sizeof text);
    assert_int_equal(len, strlen(text));
    assert_string_equal(text,
                        "a: 1600 bytes, 600 on the disk, file 1\n  =nnn\n");
    assert_true(seglog_disk_cut_power(machine.disk, &cut));
    (void)seglog_disk_format_map(machine.disk, text, sizeof text);
    assert_string_equal(text,
                        "a: 1600 bytes, 1600 on the disk, file 1\n  =NOO\n");
    (void)seglog_disk_format_map(machine.disk, text, 8);
    assert_string_equal(text, "a: 1600");
    machine_end(&machine, &blob);
}

int
main(void)
{
    static struct machine machine;
    static const struct store_factory factory = {
        .name = "testing/disk_store: contract",
        .make = disk_make,
        .destroy = disk_destroy,
        .arg = &machine,
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsynced__appended__is_sectors_and_the_size),
        cmocka_unit_test(image__each_subset__has_exactly_that),
        cmocka_unit_test(
            image__by_chance__keeps_what_was_synced_and_invents_nothing),
        cmocka_unit_test(image__cut_and_written_again__may_be_any_of_the_three),
        cmocka_unit_test(names__cut_before_their_sync__happened_or_did_not),
        cmocka_unit_test(flaw__create_unsynced__loses_the_name),
        cmocka_unit_test(sync__fails__poisons_and_loses_as_told),
        cmocka_unit_test(
            process__dies_in_an_append__leaves_a_part_and_its_lock),
        cmocka_unit_test(power__is_cut__all_are_dead_and_hints_are_zero),
        cmocka_unit_test(clone__changed__leaves_the_other_as_it_is),
        cmocka_unit_test(map__before_and_after_a_cut__shows_each_sector),
    };

    return store_conformance_run(&factory) +
           cmocka_run_group_tests_name("testing/disk_store", tests, NULL, NULL);
}
