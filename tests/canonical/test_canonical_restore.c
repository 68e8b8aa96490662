/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_canonical_restore.c - a store of state and events, backed
 * up and restored. */
#include "tests/canonical/canonical_support.h"

/* Memory, which is empty. */
struct places {
    struct seglog_store repository;
    struct seglog_store target;
    struct seglog_canonical *restored;
};

static void
places_open(struct places *places)
{
    *places = (struct places){ 0 };
    assert_int_equal(seglog_store_memory_open(&places->repository, NULL),
                     SEGLOG_OK);
    assert_int_equal(seglog_store_memory_open(&places->target, NULL),
                     SEGLOG_OK);
}

static void
places_close(struct places *places)
{
    assert_int_equal(seglog_canonical_close(places->restored, NULL), SEGLOG_OK);
    seglog_store_close(&places->target);
    seglog_store_close(&places->repository);
}

static struct seglog_backup_info
copy(struct fixture *fixture, struct places *places)
{
    struct seglog_backup_info info;

    assert_int_equal(seglog_canonical_backup(fixture->canonical,
                                             places->repository, NULL, &info,
                                             NULL),
                     SEGLOG_OK);
    assert_int_equal(seglog_canonical_restore(places->repository,
                                              places->target, NULL, NULL, NULL),
                     SEGLOG_OK);
    assert_int_equal(
        seglog_canonical_open(places->target, NULL, &places->restored, NULL),
        SEGLOG_OK);
    return info;
}

static void
restore__has_state_and_events_of_the_position(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_backup_info info;
    struct places places;

    places_open(&places);
    (void)commit_one(fixture->canonical, "a", "1", "one");
    (void)commit_one(fixture->canonical, "b", "2", "two");
    info = copy(fixture, &places);
    (void)commit_one(fixture->canonical, "a", "3", "three");
    assert_true(info.has_position);
    assert_int_equal(info.position, 3);
    assert_int_equal(meta_of(places.restored).position, 3);
    assert_state(places.restored, NULL, "a=1 b=2");
    assert_events(places.restored, 0, SEGLOG_EVENT_END, "0:one 1:two");
    places_close(&places);
}

static void
restore__of_what_was_sealed_and_paused__can_be_written_to(void **state)
{
    struct fixture *fixture = *state;
    struct places places;
    uint64_t id = 0;

    places_open(&places);
    (void)commit_one(fixture->canonical, "a", "1", "one");
    assert_int_equal(seglog_canonical_seal(fixture->canonical, &id, NULL),
                     SEGLOG_OK);
    assert_int_equal(seglog_canonical_pause(fixture->canonical, 0, NULL),
                     SEGLOG_OK);
    (void)copy(fixture, &places);
    assert_false(meta_of(places.restored).is_sealed);
    assert_false(meta_of(places.restored).is_paused);
    assert_int_equal(commit_one(places.restored, "a", "2", "two").first_event,
                     1);
    assert_state(places.restored, NULL, "a=2");
    /* The store that was backed up stays as it is. */
    assert_true(meta_of(fixture->canonical).is_sealed);
    assert_true(meta_of(fixture->canonical).is_paused);
    places_close(&places);
}

static void
restore__has_consumers_and_dead_letters(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_consumer *consumer = NULL;
    struct seglog_canonical_event event;
    struct places places;

    places_open(&places);
    (void)commit_one(fixture->canonical, NULL, NULL, "one");
    (void)commit_one(fixture->canonical, NULL, NULL, "two");
    assert_int_equal(
        seglog_consumer_open(fixture->canonical, "reader", 0, &consumer, NULL),
        SEGLOG_OK);
    assert_int_equal(seglog_consumer_next(consumer, 0, &event, NULL),
                     SEGLOG_OK);
    assert_int_equal(seglog_consumer_reject(consumer, 0, "bad", NULL),
                     SEGLOG_OK);
    seglog_consumer_close(consumer);
    (void)copy(fixture, &places);
    assert_int_equal(
        seglog_consumer_open(places.restored, "reader", 0, &consumer, NULL),
        SEGLOG_OK);
    assert_int_equal(seglog_consumer_next(consumer, 0, &event, NULL),
                     SEGLOG_OK);
    assert_int_equal(event.id, 1);
    seglog_consumer_close(consumer);
    places_close(&places);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(restore__has_state_and_events_of_the_position),
        CANONICAL_TEST(
            restore__of_what_was_sealed_and_paused__can_be_written_to),
        CANONICAL_TEST(restore__has_consumers_and_dead_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
