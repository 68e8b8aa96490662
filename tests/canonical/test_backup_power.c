/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_backup_power.c - the power fails at every step.
 *
 * A process makes two backups, removes the first one and makes a third; another
 * one restores.  It dies in each of its steps in turn, and the power fails.
 * Whatever is listed then is whole, what was said to be done is there, and
 * others go on.  That a disk does not keep its promises is noticed.
 */
#include "tests/canonical/backup_support.h"

#include "seglog/testing/disk_store.h"

enum done {
    MADE_FIRST = 1,
    MADE_SECOND = 2,
    BEGAN_REMOVAL = 4,
    REMOVED = 8,
    MADE_THIRD = 16
};

struct powered {
    unsigned flaws;
    struct seglog_store ages[4]; /* the source as it was */
    uint64_t images;
    uint64_t findings;
};

static const struct seglog_backup_options small = {
    .size = sizeof small,
    .level = SEGLOG_BACKUP_PLAIN,
    .piece_bytes = 700,
    .part_bytes = 1000,
    .lock_timeout_ms = 50,
};

static void
ages_make(struct powered *powered)
{
    uint8_t bytes[4000];

    test_fill(bytes, sizeof bytes, 3);
    for (size_t i = 0; i < COUNT_OF(powered->ages); i++) {
        assert_ok(seglog_store_memory_open(&powered->ages[i], NULL));
        blob_write(powered->ages[i], "log", bytes, 1000 * (i + 1));
        blob_write(powered->ages[i], "other", bytes + 17, 100 + i);
    }
}

static void
ages_free(struct powered *powered)
{
    for (size_t i = 0; i < COUNT_OF(powered->ages); i++)
        seglog_store_close(&powered->ages[i]);
}

/* Up to its death: what it was told was done. */
static unsigned
scenario_run(struct powered *powered, struct seglog_store store)
{
    unsigned done = 0;

    if (seglog_backup_make(powered->ages[0], store, &small, NULL, NULL))
        return done;
    done |= MADE_FIRST;
    if (seglog_backup_make(powered->ages[1], store, &small, NULL, NULL))
        return done;
    done |= MADE_SECOND | BEGAN_REMOVAL;
    if (seglog_backup_remove(store, 1, 50, NULL, NULL))
        return done;
    done |= REMOVED;
    if (seglog_backup_make(powered->ages[2], store, &small, NULL, NULL))
        return done;
    return done | MADE_THIRD;
}

/* -- afterwards ------------------------------------------------------------ */

static bool
is_same_blob(struct seglog_store a, struct seglog_store b, const char *name)
{
    size_t len_a = 0;
    size_t len_b = 0;
    uint8_t *bytes_a = blob_read(a, name, &len_a);
    uint8_t *bytes_b = blob_read(b, name, &len_b);
    const bool is_same = len_a == len_b && memcmp(bytes_a, bytes_b, len_a) == 0;

    free(bytes_a);
    free(bytes_b);
    return is_same;
}

/* It is whole, and what the source was when it was made. */
static bool
backup_is_good(struct powered *powered, struct seglog_store store,
               uint32_t number)
{
    const struct seglog_restore_options options = { .size = sizeof options,
                                                    .number = number };
    struct seglog_store target;
    bool is_good = false;

    assert_ok(seglog_store_memory_open(&target, NULL));
    is_good = number <= COUNT_OF(powered->ages) &&
              seglog_backup_restore(store, target, &options, NULL, NULL) ==
                  SEGLOG_OK &&
              is_same_blob(target, powered->ages[number - 1], "log") &&
              is_same_blob(target, powered->ages[number - 1], "other");
    seglog_store_close(&target);
    return is_good;
}

static bool
image_is_good(struct powered *powered, struct seglog_store store, unsigned done)
{
    struct seglog_backup_info *infos = NULL;
    size_t count = 0;
    unsigned there = 0;
    uint32_t next = 1;
    bool is_good = true;

    if (seglog_backup_list(store, &infos, &count, NULL) != SEGLOG_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        is_good = is_good && backup_is_good(powered, store, infos[i].number);
        there |= 1u << infos[i].number;
        next = infos[i].number + 1;
    }
    seglog_free(infos);
    if (((done & MADE_FIRST) && !(done & BEGAN_REMOVAL) && !(there & 2)) ||
        ((done & REMOVED) && (there & 2)) ||
        ((done & MADE_SECOND) && !(there & 4)) ||
        ((done & MADE_THIRD) && !(there & 8)))
        return false;
    /* Others go on. */
    return is_good && next <= COUNT_OF(powered->ages) &&
           seglog_backup_make(powered->ages[next - 1], store, &small, NULL,
                              NULL) == SEGLOG_OK &&
           backup_is_good(powered, store, next);
}

static void
images_look(struct powered *powered, struct seglog_disk *disk, unsigned done,
            uint64_t seed)
{
    for (unsigned i = 0; i < 3; i++) {
        const struct seglog_disk_cut cut = { .seed = seed * 7 + i,
                                             .lost_percent = 50 * i };
        struct seglog_disk *image = seglog_disk_image(disk, &cut);
        struct seglog_disk_process process;
        struct seglog_store store;

        assert_non_null(image);
        store = seglog_disk_start(image, &process);
        process.never_waits = true;
        powered->images++;
        powered->findings += !image_is_good(powered, store, done);
        seglog_store_close(&store);
        seglog_disk_free(image);
    }
}

static void
power_fails_everywhere(struct powered *powered)
{
    const struct seglog_disk_options options = { .flaws = powered->flaws,
                                                 .sync_skip = 2 };
    bool is_over = false;

    ages_make(powered);
    for (uint64_t at = 1; !is_over; at++) {
        struct seglog_disk *disk = seglog_disk_new(&options);
        struct seglog_disk_process process;
        struct seglog_store store;
        unsigned done = 0;

        assert_non_null(disk);
        store = seglog_disk_start(disk, &process);
        process.never_waits = true;
        process.die_at = at;
        done = scenario_run(powered, store);
        is_over = !process.is_dead;
        images_look(powered, disk, done, at);
        seglog_store_close(&store);
        seglog_disk_free(disk);
    }
    ages_free(powered);
}

static void
power_fails__anywhere__leaves_whole_backups(void **state)
{
    struct powered powered = { .flaws = 0 };

    (void)state;
    power_fails_everywhere(&powered);
    assert_true(powered.images > 300);
    assert_int_equal(powered.findings, 0);
}

static void
power_fails__disk_breaks_a_promise__is_noticed(void **state)
{
    static const unsigned flaws[] = { SEGLOG_DISK_SYNC_SKIPPED,
                                      SEGLOG_DISK_CREATE_UNSYNCED,
                                      SEGLOG_DISK_REPLACE_UNSYNCED,
                                      SEGLOG_DISK_REMOVE_UNSYNCED };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(flaws); i++) {
        struct powered powered = { .flaws = flaws[i] };

        power_fails_everywhere(&powered);
        if (powered.findings == 0)
            fail_msg("flaw %u is not noticed in %llu images", flaws[i],
                     (unsigned long long)powered.images);
    }
}

/* -- restoring ------------------------------------------------------------- */

/* Names that were given, the last ones, are of whole blobs. */
static void
restored_must_be(struct powered *powered, struct seglog_store store,
                 bool is_done)
{
    const bool has_log = blob_exists(store, "log");
    const bool has_other = blob_exists(store, "other");

    assert_true(has_other || !has_log);
    assert_true(has_log || !is_done);
    assert_true(!has_log || is_same_blob(store, powered->ages[2], "log"));
    assert_true(!has_other || is_same_blob(store, powered->ages[2], "other"));
}

static void
power_fails__while_restoring__leaves_no_half_blob(void **state)
{
    struct powered powered = { .flaws = 0 };
    struct seglog_store repository;
    bool is_over = false;

    (void)state;
    ages_make(&powered);
    assert_ok(seglog_store_memory_open(&repository, NULL));
    assert_ok(
        seglog_backup_make(powered.ages[2], repository, &small, NULL, NULL));
    for (uint64_t at = 1; !is_over; at++) {
        struct seglog_disk *disk = seglog_disk_new(NULL);
        struct seglog_disk_process process;
        struct seglog_store store = seglog_disk_start(disk, &process);
        const struct seglog_disk_cut cut = { .seed = at, .lost_percent = 60 };
        seglog_code code = SEGLOG_OK;

        process.die_at = at;
        code = seglog_backup_restore(repository, store, NULL, NULL, NULL);
        is_over = !process.is_dead;
        assert_true((code == SEGLOG_OK) == is_over);
        seglog_store_close(&store);
        assert_true(seglog_disk_cut_power(disk, &cut));
        store = seglog_disk_start(disk, &process);
        restored_must_be(&powered, store, code == SEGLOG_OK);
        seglog_store_close(&store);
        seglog_disk_free(disk);
    }
    seglog_store_close(&repository);
    ages_free(&powered);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_fails__anywhere__leaves_whole_backups),
        cmocka_unit_test(power_fails__disk_breaks_a_promise__is_noticed),
        cmocka_unit_test(power_fails__while_restoring__leaves_no_half_blob),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
