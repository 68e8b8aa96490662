/* SPDX-License-Identifier: MIT */
/*
 * tests/session/test_session_dictionary.c
 *
 * Goal    a session store makes new entries lanes with its dictionary, and the
 *         others as before; one that has gone missing stops nothing new.
 * Method  the features of the segments that are made.
 */
#include "tests/session/session_support.h"

#include "seglog/dictionary.h"
#include "seglog/segment.h"

#define REFERS 0x0020u

static const char like[] = "{\"kind\":\"message\",\"role\":\"user\",\"text\":"
                           "\"what is to be done about "
                           "the thing that was said before?\"}";
static const char entry[] = "{\"kind\":\"message\",\"role\":\"user\",\"text\":"
                            "\"what was said about the "
                            "thing that is to be done?\"}";

static const struct seglog_session_store_options packing = {
    .size = sizeof packing,
    .codec = SEGLOG_CODEC_AUTO,
};

static unsigned
features_of(const struct session_fixture *fixture, enum seglog_lane lane)
{
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_scan_summary summary;

    seglog_lane_name(&fixture->session, &fixture->segment, lane, name);
    assert_ok(seglog_segment_get_summary(fixture->store, name, &summary, NULL));
    return summary.features_refuse;
}

static void
lane__of_a_store_with_one__is_made_with_it(void **state)
{
    struct session_fixture *fixture = *state;
    const char *const entries[] = { entry, entry };
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    char got[SEGLOG_DICTIONARY_NAME_BYTES];

    assert_ok(
        seglog_session_store_get_dictionary(fixture->sessions, got, NULL));
    assert_string_equal(got, "");
    assert_ok(seglog_dictionary_put(fixture->store, like, sizeof like - 1, name,
                                    NULL));
    assert_ok(
        seglog_session_store_set_dictionary(fixture->sessions, name, NULL));
    assert_ok(
        seglog_session_store_get_dictionary(fixture->sessions, got, NULL));
    assert_string_equal(got, name);

    /* Known to others who have the store open, too. */
    struct seglog_session_store *other = session_open_other(fixture, &packing);
    session_put(other, fixture, entry);
    session_put(fixture->sessions, fixture, entry);
    session_expect_entries(other, fixture, entries, 2);
    session_expect_entries(fixture->sessions, fixture, entries, 2);
    session_close_ok(other);
    assert_true((features_of(fixture, SEGLOG_LANE_ENTRIES) & REFERS) != 0);
}

static void
lane__behind_none__is_made_without(void **state)
{
    struct session_fixture *fixture = *state;
    char name[SEGLOG_DICTIONARY_NAME_BYTES];

    assert_ok(seglog_dictionary_put(fixture->store, like, sizeof like - 1, name,
                                    NULL));
    assert_ok(
        seglog_session_store_set_dictionary(fixture->sessions, name, NULL));
    assert_ok(
        seglog_session_store_set_dictionary(fixture->sessions, NULL, NULL));
    struct seglog_session_store *other = session_open_other(fixture, &packing);
    session_put(other, fixture, entry);
    session_close_ok(other);
    assert_int_equal(features_of(fixture, SEGLOG_LANE_ENTRIES) & REFERS, 0);
}

static void
lane__that_is_not_compressed__is_made_without(void **state)
{
    struct session_fixture *fixture = *state;
    char name[SEGLOG_DICTIONARY_NAME_BYTES];

    assert_ok(seglog_dictionary_put(fixture->store, like, sizeof like - 1, name,
                                    NULL));
    assert_ok(
        seglog_session_store_set_dictionary(fixture->sessions, name, NULL));
    session_put(fixture->sessions, fixture, entry);
    assert_int_equal(features_of(fixture, SEGLOG_LANE_ENTRIES), 0);
}

static void
dictionary__gone_missing__stops_only_what_needs_it(void **state)
{
    struct session_fixture *fixture = *state;
    const char *const entries[] = { entry };
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct session_fixture made;
    struct seglog_error err = { 0 };
    uint64_t count = 0;

    assert_code(
        seglog_session_store_set_dictionary(
            fixture->sessions, "00000000000000000000000000000000.dict", NULL),
        SEGLOG_NOT_FOUND);
    assert_code(seglog_session_store_set_dictionary(fixture->sessions,
                                                    "names.seg", NULL),
                SEGLOG_INVALID);
    assert_ok(seglog_dictionary_put(fixture->store, like, sizeof like - 1, name,
                                    NULL));
    assert_ok(
        seglog_session_store_set_dictionary(fixture->sessions, name, NULL));
    struct seglog_session_store *packer = session_open_other(fixture, &packing);
    session_put(packer, fixture, entry);
    session_close_ok(packer);
    made = *fixture;
    assert_ok(seglog_store_remove(fixture->store, name, NULL));

    struct seglog_session_store *other = session_open_other(fixture, &packing);
    assert_code(seglog_session_read_entry_count(
                    other, &made.session, &made.segment, &count, NULL, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, name);
    fixture->session.bytes[0] ^= 1;
    fixture->segment.bytes[0] ^= 1;
    session_put(other, fixture, entry);
    session_expect_entries(other, fixture, entries, 1);
    session_close_ok(other);
    assert_int_equal(features_of(fixture, SEGLOG_LANE_ENTRIES) & REFERS, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(lane__of_a_store_with_one__is_made_with_it),
        ON_BOTH(lane__behind_none__is_made_without),
        ON_BOTH(lane__that_is_not_compressed__is_made_without),
        ON_BOTH(dictionary__gone_missing__stops_only_what_needs_it),
    };

    return cmocka_run_group_tests_name("session/dictionary", tests, NULL, NULL);
}
