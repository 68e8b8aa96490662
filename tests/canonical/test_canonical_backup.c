/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_canonical_backup.c - state and events of one position. */
#include "tests/canonical/canonical_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "seglog/backup.h"

#define RUN_MS 1500

struct work {
    struct seglog_canonical *canonical;
    atomic_bool is_over;
};

/* Event by event, and the number of the last one in the state; now and then
 * what is before the last snapshot goes. */
static void *
work_run(void *arg)
{
    struct work *work = arg;

    for (unsigned i = 0; !atomic_load(&work->is_over); i++) {
        char text[64];

        (void)snprintf(text, sizeof text, "%u of some length to fill a segment",
                       i);
        (void)commit_one(work->canonical, "counter", text, text);
        if (i % 100 != 99)
            continue;
        assert_ok(seglog_canonical_make_snapshot(work->canonical, NULL, NULL));
        assert_ok(seglog_canonical_retain(work->canonical, i - 20, NULL, NULL));
    }
    return NULL;
}

/* What is restored opens, at the position that the backup says. */
static void
restored_must_be(struct seglog_store repository,
                 const struct seglog_backup_info *info)
{
    struct seglog_store target;
    struct seglog_canonical *canonical = NULL;
    struct seglog_canonical_meta meta;
    struct seglog_error err;
    char text[64];

    assert_ok(seglog_store_memory_open(&target, NULL));
    assert_code_err(seglog_backup_restore(repository, target, NULL, NULL, &err),
                    SEGLOG_OK, &err);
    assert_code_err(seglog_canonical_open(target, NULL, &canonical, &err),
                    SEGLOG_OK, &err);
    assert_ok(seglog_canonical_get_meta(canonical, &meta, NULL));
    assert_true(info->has_position);
    assert_int_equal(meta.position, info->position);
    assert_int_equal(meta.lost, 0);
    if (meta.next_event > 0) {
        (void)snprintf(text, sizeof text, "%u of some length to fill a segment",
                       (unsigned)meta.next_event - 1);
        assert_value(canonical, "counter", text);
    }
    (void)commit_one(canonical, "counter", "on", "an event");
    assert_ok(seglog_canonical_close(canonical, NULL));
    seglog_store_close(&target);
}

static void
backup__written_and_trimmed_meanwhile__is_of_its_position(void **state)
{
    struct fixture *fixture = *state;
    const int64_t end_ms = test_now_ms() + RUN_MS;
    struct seglog_backup_options options = { .size = sizeof options };
    struct seglog_store repository;
    struct work work = { .is_over = false };
    pthread_t thread;
    unsigned made = 0;

    store_close(fixture);
    fixture->options.segment_bytes = 4096;
    store_open(fixture);
    work.canonical = fixture->canonical;
    assert_ok(seglog_store_memory_open(&repository, NULL));
    assert_int_equal(pthread_create(&thread, NULL, work_run, &work), 0);
    for (unsigned i = 0; test_now_ms() < end_ms; i++) {
        struct seglog_backup_info info;
        struct seglog_error err;

        options.open_max = i % 2; /* 0: as many as there are */
        options.is_full = i % 5 == 4;
        assert_code_err(seglog_canonical_backup(fixture->canonical, repository,
                                                &options, &info, &err),
                        SEGLOG_OK, &err);
        restored_must_be(repository, &info);
        made++;
    }
    atomic_store(&work.is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(made > 0);
    seglog_store_close(&repository);
}

static bool
trim_once(void *arg, uint64_t done, uint64_t total)
{
    struct work *work = arg;

    (void)done;
    (void)total;
    if (atomic_exchange(&work->is_over, true))
        return true;
    for (unsigned i = 0; i < 500; i++)
        (void)commit_one(work->canonical, "counter", "later", "another event");
    assert_ok(seglog_canonical_make_snapshot(work->canonical, NULL, NULL));
    assert_ok(seglog_canonical_retain(work->canonical, 1400, NULL, NULL));
    return true;
}

/* The snapshot that the log of the backup needs is gone when its turn comes. */
static void
backup__trimmed_while_others_are_copied__has_what_it_needs(void **state)
{
    struct fixture *fixture = *state;
    struct work work = { .is_over = false };
    const struct seglog_backup_options options = {
        .size = sizeof options,
        .open_max = 1,
        .on_progress = trim_once,
        .arg = &work,
    };
    struct seglog_canonical_meta meta;
    struct seglog_backup_info info;
    struct seglog_store repository;
    char text[64];

    store_close(fixture);
    fixture->options.segment_bytes = 4096;
    store_open(fixture);
    work.canonical = fixture->canonical;
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof text, "%u of some length to fill a segment",
                       i);
        (void)commit_one(fixture->canonical, "counter", text, text);
    }
    assert_ok(seglog_canonical_make_snapshot(fixture->canonical, NULL, NULL));
    assert_ok(seglog_canonical_retain(fixture->canonical, 990, NULL, NULL));
    assert_ok(seglog_canonical_get_meta(fixture->canonical, &meta, NULL));
    assert_true(meta.first_position > 0);
    /* It is copied before all that is the store's. */
    blob_write(fixture->store, "a", "bytes", 5);
    assert_ok(seglog_store_memory_open(&repository, NULL));
    assert_ok(seglog_canonical_backup(fixture->canonical, repository, &options,
                                      &info, NULL));
    assert_true(atomic_load(&work.is_over));
    assert_false(info.is_one_moment);
    /* And the first one, which began the log. */
    assert_int_equal(info.position, 1001);
    restored_must_be(repository, &info);
    seglog_store_close(&repository);
}

/* Whoever makes it, and whatever handle he has. */
static void
backup__by_the_byte_store_or_a_reader__says_the_position(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_backup_info info;
    struct seglog_store repository;

    for (unsigned i = 0; i < 3; i++)
        (void)commit_one(fixture->canonical, "key", "value", "event");
    assert_ok(seglog_store_memory_open(&repository, NULL));
    assert_ok(
        seglog_backup_make(fixture->store, repository, NULL, &info, NULL));
    assert_true(info.has_position);
    assert_int_equal(info.position, 4);
    assert_string_equal(info.text, "before transaction 4 and event 3");
    store_close(fixture);
    fixture->options.is_read_only = true;
    store_open(fixture);
    assert_ok(seglog_canonical_backup(fixture->canonical, repository, NULL,
                                      &info, NULL));
    assert_int_equal(info.position, 4);
    assert_int_equal(info.number, 2);
    seglog_store_close(&repository);
}

static void
backup__writer_has_a_turn__waits_for_it_or_says_whose_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_write_txn *txn = NULL;
    struct seglog_canonical *other = NULL;
    struct seglog_canonical_options options = fixture->options;
    struct seglog_store repository;

    assert_ok(seglog_store_memory_open(&repository, NULL));
    options.lock_timeout_ms = 20;
    assert_ok(seglog_canonical_open(fixture->store, &options, &other, NULL));
    assert_ok(seglog_write_txn_begin(fixture->canonical, &txn, NULL));
    assert_code(seglog_canonical_backup(fixture->canonical, repository, NULL,
                                        NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_canonical_backup(other, repository, NULL, NULL, NULL),
                SEGLOG_LOCKED);
    seglog_write_txn_abort(txn);
    assert_ok(seglog_canonical_backup(other, repository, NULL, NULL, NULL));
    assert_ok(seglog_canonical_close(other, NULL));
    seglog_store_close(&repository);
}

static void
backup__of_a_log_with_a_damaged_end__is_one_of_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_backup_info info;
    struct seglog_store repository;
    char name[SEGLOG_STREAM_NAME_CAP];

    (void)commit_one(fixture->canonical, "key", "value", "first");
    (void)commit_one(fixture->canonical, "key", "value", "second");
    store_close(fixture);
    blob_flip(fixture->files, log_segment(fixture, 0, name),
              log_find(fixture, 0, "second"));
    assert_ok(seglog_store_memory_open(&repository, NULL));
    assert_ok(
        seglog_backup_make(fixture->store, repository, NULL, &info, NULL));
    assert_false(info.has_position);
    seglog_store_close(&repository);
    store_open(fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(
            backup__written_and_trimmed_meanwhile__is_of_its_position),
        CANONICAL_TEST(
            backup__trimmed_while_others_are_copied__has_what_it_needs),
        CANONICAL_TEST(
            backup__by_the_byte_store_or_a_reader__says_the_position),
        CANONICAL_TEST(
            backup__writer_has_a_turn__waits_for_it_or_says_whose_it_is),
        CANONICAL_TEST(
            backup__of_a_log_with_a_damaged_end__is_one_of_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
