/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_crash.c
 *
 * Goal    a hole that a power cut has left is met by whoever opens the segment
 *         first, and is never said to have been durable; a torn header is
 *         corrupt only where records were known; an open that fails says why
 *         and leaves nothing; what a dead writer has left is synced before
 *         anything is built on it.
 *
 * What holds whatever dies and whenever the power fails is the subject of
 * tests/crash/.
 */
#include "tests/support/blobs.h"

#include "seglog/segment.h"
#include "seglog/testing/disk_store.h"
#include "seglog/testing/fault_store.h"

#define NAME "log"

static const struct seglog_writer_options small_options = {
    .size = sizeof small_options,
    .sync_log2 = 9,
};

static void
append_some(struct seglog_writer *writer, unsigned count)
{
    char text[100];

    memset(text, 'r', sizeof text);
    for (unsigned i = 0; i < count; i++)
        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, text, sizeof text,
                                       SEGLOG_LEVEL_FLUSH, NULL, NULL));
}

/*
 * Records 1 to 5 are synced, 6 to 40 are not.  The power fails, and of these a
 * sector is lost that sync points and whole stretches follow.
 */
static struct seglog_disk *
disk_with_a_hole(void)
{
    static const uint8_t zeros[1024];
    const struct seglog_disk_cut cut = { .seed = 1 };
    struct seglog_disk *disk = seglog_disk_new(NULL);
    struct seglog_disk_process process;
    struct seglog_writer *writer = NULL;

    assert_non_null(disk);
    assert_ok(seglog_writer_open(seglog_disk_start(disk, &process), NAME,
                                 &small_options, &writer, NULL));
    append_some(writer, 5);
    assert_ok(seglog_writer_sync(writer, NULL));
    append_some(writer, 35);
    seglog_disk_kill(&process);
    (void)seglog_writer_close(writer, NULL);
    assert_true(seglog_disk_cut_power(disk, &cut));
    assert_true(seglog_disk_get_synced(disk, NAME) > 4096);
    assert_true(seglog_disk_damage(disk, NAME, 1024, zeros, sizeof zeros));
    return disk;
}

static void
note_durable(void *arg, const struct seglog_finding *finding)
{
    bool *is_durable = arg;

    if (finding->verdict != SEGLOG_VERDICT_TORN)
        assert_int_equal(finding->verdict, SEGLOG_VERDICT_UNORDERED);
    *is_durable = *is_durable || finding->durable != SEGLOG_DURABLE_NO;
}

/* What was lost was never synced, and nobody says so. */
static void
expect_nothing_claimed(struct seglog_disk *disk)
{
    struct seglog_disk_process process;
    bool is_durable = false;
    struct seglog_scan_summary summary;
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = note_durable,
                                                 .arg = &is_durable };

    assert_ok(seglog_scan(seglog_disk_start(disk, &process), NAME, &options,
                          &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_UNORDERED);
    assert_true(summary.lost > 0);
    assert_false(summary.is_closed);
    assert_in_range(summary.watermark, 1, 5);
    assert_false(is_durable);
}

static void
hole__before_the_last_mark__is_met_by_who_opens_it_first(void **state)
{
    struct seglog_disk *disk = disk_with_a_hole();
    struct seglog_disk_process process;
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    (void)state;
    assert_code(seglog_writer_open(seglog_disk_start(disk, &process), NAME,
                                   &small_options, &writer, &err),
                SEGLOG_CORRUPT);
    assert_in_range(err.record_no, 6, 40);
    seglog_disk_free(disk);
}

static void
hint_forget(struct seglog_disk *disk)
{
    struct seglog_disk_process process;
    struct seglog_lock lock = { 0 };

    assert_ok(
        seglog_lock_open(seglog_disk_start(disk, &process), NAME, &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    memset(seglog_lock_get_hint(lock), 0, SEGLOG_LOCK_HINT_BYTES);
    seglog_lock_close(&lock);
}

static void
hole__gone_on_behind__is_never_said_to_have_been_durable(void **state)
{
    struct seglog_writer_options options = small_options;
    struct seglog_disk *disk = disk_with_a_hole();

    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        struct seglog_disk_process process;
        struct seglog_writer *writer = NULL;
        struct seglog_error err = { 0 };

        /* Passed once, the damage is no longer in the way. */
        options.append_to_damaged = round == 0;
        options.mode =
            round == 1 ? SEGLOG_WRITER_SHARED : SEGLOG_WRITER_EXCLUSIVE;
        assert_code_err(seglog_writer_open(seglog_disk_start(disk, &process),
                                           NAME, &options, &writer, &err),
                        SEGLOG_OK, &err);
        append_some(writer, 3);
        assert_ok(seglog_writer_sync(writer, NULL));
        append_some(writer, 20);
        assert_ok(seglog_writer_close(writer, NULL));
        expect_nothing_claimed(disk);
        /* Who comes next may know it from a hint, or may not. */
        if (round % 2 != 0)
            hint_forget(disk);
    }
    seglog_disk_free(disk);
}

static void
header__torn_where_records_were_known__is_corrupt(void **state)
{
    struct seglog_disk *disk = seglog_disk_new(NULL);
    struct seglog_disk_process process;
    const struct seglog_store store = seglog_disk_start(disk, &process);
    struct seglog_writer_options options = small_options;
    struct seglog_writer *writer = NULL;
    struct seglog_blob_info info;

    (void)state;
    assert_ok(seglog_writer_open(store, NAME, &options, &writer, NULL));
    append_some(writer, 5);
    assert_ok(seglog_writer_close(writer, NULL));
    blob_cut(store, NAME, 20);
    options.expect = 5;
    assert_code(seglog_writer_open(store, NAME, &options, &writer, NULL),
                SEGLOG_CORRUPT);
    assert_ok(seglog_store_get_info(store, NAME, &info, NULL));
    assert_int_equal(info.size, 20);
    options.expect = 0;
    assert_ok(seglog_writer_open(store, NAME, &options, &writer, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    seglog_disk_free(disk);
}

static void
open__any_operation_fails__says_why(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 4; at++) {
        const struct seglog_fault fault = { .at = at,
                                            .code = SEGLOG_NO_MEMORY };
        struct seglog_disk *disk = seglog_disk_new(NULL);
        struct seglog_disk_process process;
        struct seglog_faults *faults =
            seglog_faults_new(seglog_disk_start(disk, &process));
        struct seglog_writer *writer = NULL;
        struct seglog_error err = { 0 };
        struct seglog_blob_info info;

        assert_true(seglog_faults_add(faults, &fault));
        assert_code(seglog_writer_open(seglog_faults_store(faults), NAME,
                                       &small_options, &writer, &err),
                    SEGLOG_NO_MEMORY);
        assert_int_equal(err.code, SEGLOG_NO_MEMORY);
        assert_code(seglog_store_get_info(seglog_disk_store(&process), NAME,
                                          &info, NULL),
                    SEGLOG_NOT_FOUND);
        seglog_faults_free(faults);
        seglog_disk_free(disk);
    }
}

/* -- what a dead writer has left ------------------------------------------- */

struct doomed {
    struct seglog_disk_process process;
    bool has_replaced;
};

static void
die_before_name_is_synced(void *arg, enum seglog_disk_step step)
{
    struct doomed *doomed = arg;

    doomed->has_replaced |= step == SEGLOG_DISK_REPLACE;
    if (doomed->has_replaced && step == SEGLOG_DISK_SYNC_NAMES)
        seglog_disk_kill(&doomed->process);
}

/* Three records in a group, of which one stays: the copy has got the name, and
 * its writer dies before the name is synced. */
static void
die_replacing(struct seglog_disk *disk)
{
    const struct seglog_item items[] = {
        { .kind = SEGLOG_TEXT, .data = "a", .len = 1 },
        { .kind = SEGLOG_TEXT, .data = "b", .len = 1 },
        { .kind = SEGLOG_TEXT, .data = "c", .len = 1 },
    };
    struct doomed doomed = { .has_replaced = false };
    struct seglog_writer *writer = NULL;

    assert_ok(seglog_writer_open(seglog_disk_start(disk, &doomed.process), NAME,
                                 &small_options, &writer, NULL));
    assert_ok(seglog_writer_append_group(writer, items, 3, SEGLOG_LEVEL_SYNC,
                                         NULL, NULL));
    doomed.process.arg = &doomed;
    doomed.process.meanwhile = die_before_name_is_synced;
    assert_int_not_equal(seglog_writer_truncate(writer, 2, NULL), SEGLOG_OK);
    assert_true(doomed.process.is_dead);
    (void)!seglog_writer_close(writer, NULL);
}

/*
 * What is acknowledged must not be in a file whose name a power cut may give
 * back to another one.
 */
static void
open__behind_a_writer_that_died_replacing__syncs_the_name(void **state)
{
    (void)state;
    for (unsigned has_no_hint = 0; has_no_hint < 2; has_no_hint++) {
        const struct seglog_disk_options options = { .seed = 1,
                                                     .has_no_hint =
                                                         has_no_hint != 0 };
        const struct seglog_disk_cut cut = { .seed = 1, .lost_percent = 100 };
        struct seglog_disk *disk = seglog_disk_new(&options);
        struct seglog_disk_process process;
        struct seglog_scan_summary summary;
        struct seglog_writer *writer = NULL;

        assert_non_null(disk);
        die_replacing(disk);
        assert_ok(seglog_writer_open(seglog_disk_start(disk, &process), NAME,
                                     &small_options, &writer, NULL));
        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "new", 3,
                                       SEGLOG_LEVEL_SYNC, NULL, NULL));
        seglog_disk_kill(&process);
        (void)!seglog_writer_close(writer, NULL);
        assert_true(seglog_disk_cut_power(disk, &cut));

        assert_ok(seglog_scan(seglog_disk_start(disk, &process), NAME, NULL,
                              &summary, NULL));
        assert_int_equal(summary.records, 2);
        assert_int_equal(summary.next_record, 3);
        assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
        seglog_disk_free(disk);
    }
}

static void
count_syncs(void *arg, enum seglog_disk_step step)
{
    unsigned *count = arg;

    *count += step == SEGLOG_DISK_SYNC || step == SEGLOG_DISK_SYNC_NAMES;
}

/* Reading syncs nothing, nor does a writer that follows one that left in
 * order: short turns would pay for it. */
static void
open__nothing_left_to_sync__syncs_nothing(void **state)
{
    struct seglog_disk *disk = seglog_disk_new(NULL);
    struct seglog_disk_process process;
    struct seglog_store store;
    struct seglog_writer *writer = NULL;
    struct seglog_reader *reader = NULL;
    unsigned count = 0;

    (void)state;
    assert_non_null(disk);
    store = seglog_disk_start(disk, &process);
    assert_ok(seglog_writer_open(store, NAME, &small_options, &writer, NULL));
    append_some(writer, 3);
    assert_ok(seglog_writer_close(writer, NULL));

    process.arg = &count;
    process.meanwhile = count_syncs;
    assert_ok(seglog_writer_open(store, NAME, &small_options, &writer, NULL));
    assert_ok(seglog_reader_open(store, NAME, NULL, &reader, NULL));
    assert_int_equal(count, 0);
    seglog_reader_close(reader);
    assert_ok(seglog_writer_close(writer, NULL));
    seglog_disk_free(disk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            hole__before_the_last_mark__is_met_by_who_opens_it_first),
        cmocka_unit_test(
            hole__gone_on_behind__is_never_said_to_have_been_durable),
        cmocka_unit_test(header__torn_where_records_were_known__is_corrupt),
        cmocka_unit_test(open__any_operation_fails__says_why),
        cmocka_unit_test(
            open__behind_a_writer_that_died_replacing__syncs_the_name),
        cmocka_unit_test(open__nothing_left_to_sync__syncs_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
