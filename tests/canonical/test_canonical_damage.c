/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_damage.c
 *
 * Goal    of a log that is damaged what is not lost is told from what is, and
 *         exactly; what is no log of ours is not taken for one.
 */
#include "tests/canonical/canonical_support.h"

#include <stdio.h>

#define LAST 20u

/* None is the beginning of another: the byte behind it, of a checksum, may be
 * any. */
static struct seglog_slice
event_slice(unsigned number, char text[24])
{
    (void)snprintf(text, 24, "event number %02u", number);
    return text_slice(text);
}

/* Positions 1 to LAST: a key and an event each; id of an event is one less. */
static void
fill(struct fixture *fixture)
{
    for (unsigned i = 1; i <= LAST; i++) {
        char key[8];
        char event[24];

        (void)snprintf(key, sizeof key, "k%02u", i);
        (void)commit_one(fixture->canonical, key, key,
                         event_slice(i, event).data);
    }
}

/* The transaction at a position is damaged; the store is closed. */
static void
damage(struct fixture *fixture, size_t segment, unsigned position)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    char event[24];

    (void)event_slice(position, event);
    blob_flip(fixture->files, log_segment(fixture, segment, name),
              log_find(fixture, segment, event) - 2);
}

static void
assert_corrupt_open(struct fixture *fixture, uint64_t position)
{
    struct seglog_canonical *canonical = NULL;
    struct seglog_error err = { 0 };

    assert_code(seglog_canonical_open(fixture->store, &fixture->options,
                                      &canonical, &err),
                SEGLOG_CORRUPT);
    assert_int_equal(err.actual, position);
    assert_null(canonical);
}

static void
skip_and_open(struct fixture *fixture)
{
    fixture->options.skips_lost = true;
    store_open(fixture);
}

/* -- opening --------------------------------------------------------------- */

static void
damage__behind_which_the_view_is__does_not_matter(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    store_close(fixture);
    damage(fixture, 0, 5);
    store_open(fixture);
    assert_value(fixture->canonical, "k05", "k05");
    (void)commit_one(fixture->canonical, "more", "1", "more");
    assert_event(fixture->canonical, LAST, "more");
}

static void
damage__that_a_view_is_built_over__names_the_very_position(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    store_close(fixture);
    view_remove(fixture);
    damage(fixture, 0, 11);
    assert_corrupt_open(fixture, 11);
    /* And still the next time. */
    assert_corrupt_open(fixture, 11);
}

static void
damage__passed_over__costs_that_transaction_alone(void **state)
{
    struct fixture *fixture = *state;
    char event[24];

    fill(fixture);
    store_close(fixture);
    view_remove(fixture);
    damage(fixture, 0, 11);
    skip_and_open(fixture);
    assert_int_equal(meta_of(fixture->canonical).lost, 1);
    assert_int_equal(meta_of(fixture->canonical).keys, LAST - 1);
    for (unsigned i = 1; i <= LAST; i++) {
        char key[8];

        (void)snprintf(key, sizeof key, "k%02u", i);
        assert_value(fixture->canonical, key, i == 11 ? NULL : key);
        assert_event(fixture->canonical, i - 1,
                     i == 11 ? NULL : event_slice(i, event).data);
    }
    assert_events(fixture->canonical, 9, 12,
                  "9:event number 10 11:event number 12");
    assert_int_equal(
        commit_one(fixture->canonical, NULL, NULL, "next").first_event, LAST);
    store_reopen(fixture);
    assert_int_equal(meta_of(fixture->canonical).lost, 1);
    assert_event(fixture->canonical, LAST, "next");
}

static void
log_cut_first(struct fixture *fixture)
{
    struct seglog_stream_mended mended;
    struct seglog_streams streams;

    assert_ok(seglog_streams_open(fixture->store, NULL, &streams, NULL));
    assert_ok(seglog_stream_mend(streams, SEGLOG_CANONICAL_STREAM,
                                 SEGLOG_STREAM_MEND_CUT_FIRST, &mended, NULL));
    assert_int_equal(mended.first_lost, 11);
    assert_ok(seglog_streams_close(&streams, NULL));
}

/* Whether the view was behind the damage or is gone. */
static void
damage__cut_back_to__is_the_store_before_it(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < 2; i++) {
        fill(fixture);
        store_close(fixture);
        damage(fixture, 0, 11);
        if (i == 1) {
            view_remove(fixture);
            assert_corrupt_open(fixture, 11);
        }
        log_cut_first(fixture);
        store_open(fixture);
        assert_int_equal(meta_of(fixture->canonical).lost, 0);
        assert_int_equal(meta_of(fixture->canonical).keys, 10);
        assert_int_equal(meta_of(fixture->canonical).next_event, 10);
        assert_value(fixture->canonical, "k10", "k10");
        assert_value(fixture->canonical, "k11", NULL);
        assert_int_equal(
            commit_one(fixture->canonical, NULL, NULL, "next").first_event, 10);
        assert_int_equal(fixture_teardown(state), 0);
        assert_int_equal(fixture_setup(state), 0);
        fixture = *state;
    }
}

static void
damage__of_several_and_the_last__is_counted(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    store_close(fixture);
    view_remove(fixture);
    damage(fixture, 0, 1);
    damage(fixture, 0, 7);
    damage(fixture, 0, 8);
    assert_corrupt_open(fixture, 1);
    skip_and_open(fixture);
    assert_int_equal(meta_of(fixture->canonical).lost, 3);
    assert_int_equal(meta_of(fixture->canonical).keys, LAST - 3);
    assert_int_equal(meta_of(fixture->canonical).next_event, LAST);
    assert_events(fixture->canonical, 0, 9,
                  "1:event number 02 2:event number 03 3:event number 04 "
                  "4:event number 05 5:event number 06 8:event number 09");
}

static void
segment__that_is_missing__is_lost_as_a_whole(void **state)
{
    struct fixture *fixture = *state;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_canonical_meta meta;

    fixture->options.segment_bytes = 500;
    store_reopen(fixture);
    fill(fixture);
    store_close(fixture);
    view_remove(fixture);
    assert_true(log_segment_count(fixture) > 3);
    assert_ok(seglog_store_remove(fixture->files, log_segment(fixture, 1, name),
                                  NULL));
    skip_and_open(fixture);
    meta = meta_of(fixture->canonical);
    assert_true(meta.lost > 0);
    assert_int_equal(meta.keys + meta.lost, LAST);
    assert_int_equal(meta.next_event, LAST);
    assert_value(fixture->canonical, "k20", "k20");
    assert_value(fixture->canonical, "k01", "k01");
}

/* -- events ---------------------------------------------------------------- */

static void
events__up_to_damage__are_read(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    struct seglog_error err = { 0 };

    fill(fixture);
    store_close(fixture);
    damage(fixture, 0, 11);
    store_open(fixture);
    assert_ok(seglog_event_iter_open(fixture->canonical, 0, SEGLOG_EVENT_END,
                                     &iter, NULL));
    for (uint64_t id = 0; id < 10; id++) {
        assert_code_err(seglog_event_iter_next(iter, &event, &err), SEGLOG_OK,
                        &err);
        assert_int_equal(event.id, id);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_code(seglog_event_iter_next(iter, &event, &err), SEGLOG_CORRUPT);
        assert_int_equal(err.actual, 11);
    }
    seglog_event_iter_close(iter);
    assert_event(fixture->canonical, 3, "event number 04");
    assert_event(fixture->canonical, 15, "event number 16");
}

static void
event__that_is_damaged__is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_error err = { 0 };
    char *data = NULL;
    size_t len = 0;

    fill(fixture);
    store_close(fixture);
    damage(fixture, 0, 11);
    store_open(fixture);
    assert_code(
        seglog_canonical_get_event(fixture->canonical, 10, &data, &len, &err),
        SEGLOG_CORRUPT);
    assert_int_equal(err.actual, 11);
    assert_null(data);
}

static void
event__in_a_missing_last_part__is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_event_iter *iter = NULL;
    struct seglog_canonical_event event;
    char name[SEGLOG_STREAM_NAME_CAP];
    struct seglog_error err = { 0 };

    fill(fixture);
    assert_ok(seglog_event_iter_open(fixture->canonical, LAST - 1,
                                     SEGLOG_EVENT_END, &iter, NULL));
    assert_ok(seglog_store_remove(fixture->files, log_segment(fixture, 0, name),
                                  NULL));
    assert_code(seglog_event_iter_next(iter, &event, &err), SEGLOG_CORRUPT);
    assert_int_equal(err.actual, 1);
    seglog_event_iter_close(iter);
    (void)seglog_canonical_close(fixture->canonical, NULL);
    fixture->canonical = NULL;
}

/* -- a power failure ------------------------------------------------------- */

/* Sectors that were written before others got to the device after them. */
static void
hole__in_what_was_never_synced__is_cut_off_with_all_behind_it(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *canonical = NULL;
    struct seglog_store copy;
    char name[SEGLOG_STREAM_NAME_CAP];
    char large[1201];
    size_t len = 0;
    uint8_t *bytes = NULL;

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    (void)commit_one(fixture->canonical, "a", "1", "one");
    assert_ok(seglog_canonical_sync(fixture->canonical, NULL));
    (void)commit_one(fixture->canonical, "a", "2", large);
    (void)commit_one(fixture->canonical, "a", "3", large);
    (void)commit_one(fixture->canonical, "a", "4", large);
    bytes = blob_read(fixture->files, log_segment(fixture, 0, name), &len);
    /* Of the event of the second one of these. */
    assert_true(len > 3072);
    memset(bytes + 2048, 0, 512);
    assert_ok(seglog_store_memory_open(&copy, NULL));
    blob_write(copy, name, bytes, len);
    free(bytes);
    assert_ok(seglog_canonical_open(copy, NULL, &canonical, NULL));
    assert_state(canonical, NULL, "a=2");
    assert_int_equal(meta_of(canonical).next_event, 2);
    assert_int_equal(meta_of(canonical).lost, 0);
    (void)commit_one(canonical, "a", "5", "two");
    assert_state(canonical, NULL, "a=5");
    assert_ok(seglog_canonical_close(canonical, NULL));
    seglog_store_close(&copy);
}

/* -- not ours -------------------------------------------------------------- */

static void
foreign_append(struct fixture *fixture, const char *text)
{
    const struct seglog_slice event = text_slice(text);
    struct seglog_streams streams;
    struct seglog_stream_end end;

    assert_ok(seglog_streams_open(fixture->store, NULL, &streams, NULL));
    assert_ok(seglog_stream_append_batch(streams, SEGLOG_CANONICAL_STREAM,
                                         &event, 1, SEGLOG_OFFSET_ANY, NULL,
                                         false, &end, NULL));
    assert_ok(seglog_streams_close(&streams, NULL));
}

static void
stream__that_is_no_log__is_format_and_stays_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *canonical = NULL;
    struct seglog_canonical_options options = fixture->options;
    char name[SEGLOG_STREAM_NAME_CAP];
    bool is_one = true;
    size_t len = 0;
    size_t again = 0;
    uint8_t *bytes = NULL;
    uint8_t *bytes_again = NULL;

    store_close(fixture);
    assert_ok(seglog_store_remove(fixture->files, log_segment(fixture, 0, name),
                                  NULL));
    foreign_append(fixture, "somebody's event");
    bytes = blob_read(fixture->files, log_segment(fixture, 0, name), &len);
    assert_code(
        seglog_canonical_open(fixture->store, &options, &canonical, NULL),
        SEGLOG_FORMAT);
    assert_ok(seglog_canonical_detect(fixture->store, &is_one, NULL));
    assert_false(is_one);
    options.skips_lost = true;
    assert_code(
        seglog_canonical_open(fixture->store, &options, &canonical, NULL),
        SEGLOG_FORMAT);
    bytes_again =
        blob_read(fixture->files, log_segment(fixture, 0, name), &again);
    assert_int_equal(len, again);
    assert_memory_equal(bytes, bytes_again, len);
    free(bytes);
    free(bytes_again);
}

/* A transaction, but not one that begins a log. */
static void
stream__without_birth__is_format(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *canonical = NULL;
    char name[SEGLOG_STREAM_NAME_CAP];
    const struct seglog_slice event = { "C1\0\0\0\0", 6 };
    struct seglog_streams streams;
    struct seglog_stream_end end;
    bool is_one = true;

    store_close(fixture);
    assert_ok(seglog_store_remove(fixture->files, log_segment(fixture, 0, name),
                                  NULL));
    assert_ok(seglog_streams_open(fixture->store, NULL, &streams, NULL));
    assert_ok(seglog_stream_append_batch(streams, SEGLOG_CANONICAL_STREAM,
                                         &event, 1, 0, NULL, false, &end,
                                         NULL));
    assert_ok(seglog_streams_close(&streams, NULL));
    assert_code(seglog_canonical_open(fixture->store, &fixture->options,
                                      &canonical, NULL),
                SEGLOG_FORMAT);
    assert_ok(seglog_canonical_detect(fixture->store, &is_one, NULL));
    assert_false(is_one);
}

static void
foreign_event__in_the_log__is_corrupt_where_it_is(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    store_close(fixture);
    foreign_append(fixture, "somebody's event");
    assert_corrupt_open(fixture, LAST + 1);
}

static void
detect__says_whether_there_is_one(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_store memory;
    bool is_one = false;

    assert_ok(seglog_canonical_detect(fixture->store, &is_one, NULL));
    assert_true(is_one);
    assert_ok(seglog_store_memory_open(&memory, NULL));
    assert_ok(seglog_canonical_detect(memory, &is_one, NULL));
    assert_false(is_one);
    seglog_store_close(&memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(
            hole__in_what_was_never_synced__is_cut_off_with_all_behind_it),
        CANONICAL_TEST(damage__behind_which_the_view_is__does_not_matter),
        CANONICAL_TEST(
            damage__that_a_view_is_built_over__names_the_very_position),
        CANONICAL_TEST(damage__passed_over__costs_that_transaction_alone),
        CANONICAL_TEST(damage__cut_back_to__is_the_store_before_it),
        CANONICAL_TEST(damage__of_several_and_the_last__is_counted),
        CANONICAL_TEST(segment__that_is_missing__is_lost_as_a_whole),
        CANONICAL_TEST(events__up_to_damage__are_read),
        CANONICAL_TEST(event__that_is_damaged__is_corrupt),
        CANONICAL_TEST(event__in_a_missing_last_part__is_corrupt),
        CANONICAL_TEST(stream__that_is_no_log__is_format_and_stays_as_it_is),
        CANONICAL_TEST(stream__without_birth__is_format),
        CANONICAL_TEST(foreign_event__in_the_log__is_corrupt_where_it_is),
        CANONICAL_TEST(detect__says_whether_there_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
