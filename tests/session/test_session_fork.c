/* SPDX-License-Identifier: MIT */
/* tests/session/test_session_fork.c - forks, a writer's place, restore. */
#include "tests/session/session_support.h"

#include <stdio.h>

static const char *const LOG[] = {
    "{\"kind\":\"segment_start\",\"ts\":1,\"session_id\":\"x\","
    "\"system_prompt\":\"be kind\",\"config\":{\"a\":1},\"history\":[]}",
    "{\"kind\":\"invoke\",\"ts\":2,\"invoke_kind\":\"user_send\"}",
    "{\"kind\":\"user_input\",\"ts\":3,\"segments\":[{\"kind\":\"text\","
    "\"content\":\"one\"}]}",
    "{\"kind\":\"assistant_item\",\"ts\":4,\"item\":{\"kind\":\"message\","
    "\"role\":\"assistant\",\"content\":[{\"kind\":\"text\",\"text\":\"1\"}]}}",
    "{\"kind\":\"turn_end\",\"ts\":5,\"turn_count\":1}",
    "{\"kind\":\"user_input\",\"ts\":6,\"segments\":[{\"kind\":\"text\","
    "\"content\":\"two\"}]}",
    "{\"kind\":\"assistant_item\",\"ts\":7,\"item\":{\"kind\":\"message\","
    "\"role\":\"assistant\",\"content\":[{\"kind\":\"text\",\"text\":\"2\"}]}}",
    "{\"kind\":\"turn_end\",\"ts\":8,\"turn_count\":2}",
};

static void
put_log(struct session_fixture *f)
{
    for (size_t i = 0; i < COUNT_OF(LOG); i++)
        session_put(f->sessions, f, LOG[i]);
}

static struct session_fixture
fork_with(struct session_fixture *f, const struct seglog_fork_options *options)
{
    struct session_fixture forked = *f;
    struct seglog_error err;

    assert_code_err(seglog_session_fork(f->sessions, &f->session, &f->segment,
                                        options, &forked.segment, &err),
                    SEGLOG_OK, &err);
    return forked;
}

static void
expect_lineage(const struct session_fixture *of,
               const struct session_fixture *from,
               enum seglog_lineage_kind kind, uint64_t at_turn,
               uint64_t at_record)
{
    const struct seglog_lineage want = { .kind = kind,
                                         .segment = from->segment,
                                         .at_turn = at_turn,
                                         .at_record = at_record };

    session_expect_lineage(of, &of->segment, &want);
}

/* -- by replay ------------------------------------------------------------ */

struct replayed_fork {
    enum seglog_fork_at at;
    uint64_t number;
    size_t history; /* items of it */
    uint64_t at_turn;
    uint64_t at_record;
};

static void
fork__by_replay__one_start_with_the_state_up_to_there(void **state)
{
    static const struct replayed_fork forks[] = {
        { SEGLOG_FORK_AT_END, 0, 4, 2, 8 },
        { SEGLOG_FORK_AT_RECORD, 3, 1, 0, 3 },
        { SEGLOG_FORK_AT_TURN, 0, 0, 0, 1 },
        { SEGLOG_FORK_AT_TURN, 1, 2, 1, 5 },
        { SEGLOG_FORK_AT_TURN, 2, 4, 2, 8 },
        { SEGLOG_FORK_AT_TURN, 9, 4, 9, 8 },
    };
    struct session_fixture *f = *state;

    put_log(f);
    for (size_t i = 0; i < COUNT_OF(forks); i++) {
        const struct seglog_fork_options options = { .size = sizeof options,
                                                     .at = forks[i].at,
                                                     .number = forks[i].number,
                                                     .ts_ms = 99 };
        const struct session_fixture forked = fork_with(f, &options);
        char id[SEGLOG_UUID_TEXT_CAP];
        struct seglog_replay_state is;
        struct seglog_replay *replay = NULL;

        assert_int_equal(session_count(f->sessions, &forked), 1);
        assert_ok(seglog_session_restore(f->sessions, NULL, &forked.segment,
                                         &replay, NULL));
        seglog_replay_get_state(replay, &is);
        assert_int_equal(is.history_count, forks[i].history);
        seglog_uuid_format(&f->session, id);
        assert_memory_equal(is.session_id.data, id, strlen(id));
        seglog_uuid_format(&f->segment, id);
        assert_int_equal(is.forked_from.segment_id.len, strlen(id));
        assert_memory_equal(is.forked_from.segment_id.data, id, strlen(id));
        assert_int_equal(is.forked_from.at_turn_index, forks[i].at_turn);
        seglog_replay_free(replay);
        expect_lineage(&forked, f, SEGLOG_LINEAGE_FORKED_FROM, forks[i].at_turn,
                       forks[i].at_record);
    }
    session_expect_entries(f->sessions, f, LOG, COUNT_OF(LOG));
}

static void
fork__to_another_session__is_there_and_only_there(void **state)
{
    struct session_fixture *f = *state;
    struct session_fixture forked = *f;
    struct seglog_fork_options options = { .size = sizeof options };
    struct seglog_uuid session;
    bool found = false;

    assert_true(seglog_uuid_new(&forked.session));
    assert_true(seglog_uuid_new(&forked.segment));
    options.new_session = &forked.session;
    options.new_segment = &forked.segment;
    put_log(f);
    (void)fork_with(f, &options);
    assert_ok(seglog_session_lookup_session_of(f->sessions, &forked.segment,
                                               &session, &found, NULL));
    assert_true(found);
    assert_memory_equal(&session, &forked.session, sizeof session);
    assert_code(seglog_session_fork(f->sessions, &f->session, &f->segment,
                                    &options, NULL, NULL),
                SEGLOG_EXISTS);
    assert_int_equal(session_count(f->sessions, &forked), 1);
}

/* -- by copy -------------------------------------------------------------- */

static void
fork__by_copy__the_same_entries(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_append_options raw = { .size = sizeof raw,
                                                       .accepts_raw = true };
    const char *const texts[] = { "{\"kind\":\"segment_start\"}", "\"a\"",
                                  "{\"kind\":\"turn_end\",\"turn_count\":1}",
                                  "two\nlines", "" };
    struct seglog_fork_options options = { .size = sizeof options,
                                           .how = SEGLOG_FORK_BY_COPY };
    struct session_fixture forked;

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment,
                                        texts[i], strlen(texts[i]), &raw, NULL,
                                        NULL));
    forked = fork_with(f, &options);
    session_expect_entries(f->sessions, &forked, texts, 5);
    expect_lineage(&forked, f, SEGLOG_LINEAGE_FORKED_FROM, 1, 5);
    options.at = SEGLOG_FORK_AT_TURN;
    options.number = 1;
    forked = fork_with(f, &options);
    session_expect_entries(f->sessions, &forked, texts, 3);
    options.number = 0;
    forked = fork_with(f, &options);
    session_expect_entries(f->sessions, &forked, texts, 1);
    options.at = SEGLOG_FORK_AT_RECORD;
    forked = fork_with(f, &options);
    session_expect_entries(f->sessions, &forked, texts, 0);
    options.number = 4;
    forked = fork_with(f, &options);
    session_expect_entries(f->sessions, &forked, texts, 4);
    session_put(f->sessions, &forked, "5");
    session_expect_entries(f->sessions, f, texts, 5);
}

static void
fork__at_a_record_there_is_not__invalid_with_the_count(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_fork_options options = { .size = sizeof options,
                                                 .at = SEGLOG_FORK_AT_RECORD,
                                                 .number = 9 };
    struct seglog_error err;

    put_log(f);
    assert_code(seglog_session_fork(f->sessions, &f->session, &f->segment,
                                    &options, NULL, &err),
                SEGLOG_INVALID);
    assert_int_equal(err.actual, 8);
}

static void
fork__of_a_damaged_one__corrupt_and_nothing_is_made(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_fork_options options = { .size = sizeof options,
                                           .at = SEGLOG_FORK_AT_RECORD,
                                           .number = 1 };
    struct seglog_uuid *ids = NULL;
    char name[SEGLOG_LANE_NAME_CAP];
    size_t count = 0;

    put_log(f);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    blob_flip(f->store, name, 200);
    for (int how = SEGLOG_FORK_BY_REPLAY; how <= SEGLOG_FORK_BY_COPY; how++) {
        options.how = (enum seglog_fork_how)how;
        assert_code(seglog_session_fork(f->sessions, &f->session, &f->segment,
                                        &options, NULL, NULL),
                    SEGLOG_CORRUPT);
    }
    assert_ok(seglog_session_list_segments(f->sessions, &f->session, &ids,
                                           &count, NULL));
    assert_int_equal(count, 1);
    seglog_free(ids);
}

static void
fork__of_a_fork__ancestors_stay_as_they_are(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_fork_options options = { .size = sizeof options,
                                                 .how = SEGLOG_FORK_BY_COPY };
    struct session_fixture child;
    struct session_fixture grandchild;

    put_log(f);
    child = fork_with(f, &options);
    session_put(f->sessions, &child, "{\"kind\":\"invoke\"}");
    grandchild = fork_with(&child, &options);
    session_put(f->sessions, &grandchild, "{\"kind\":\"invoke\"}");
    session_expect_entries(f->sessions, f, LOG, COUNT_OF(LOG));
    assert_int_equal(session_count(f->sessions, &child), COUNT_OF(LOG) + 1);
    assert_int_equal(session_count(f->sessions, &grandchild),
                     COUNT_OF(LOG) + 2);
    expect_lineage(&grandchild, &child, SEGLOG_LINEAGE_FORKED_FROM, 2, 9);
}

/* -- a writer's place ----------------------------------------------------- */

static struct seglog_session_head
place_at_count(const struct session_fixture *f, uint64_t count)
{
    return (struct seglog_session_head){
        .session = f->session,
        .segment = f->segment,
        .expect = { .has_count = true, .count = count },
    };
}

static void
ensure_head__nobody_else__appends_in_place(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_slice start = slice_of_text(LOG[0]);
    const struct seglog_slice entries[] = { slice_of_text("1"),
                                            slice_of_text("2") };
    struct seglog_session_head place = place_at_count(f, 1);
    const char *const texts[] = { LOG[0], "1", "2" };
    bool forked = true;

    session_put(f->sessions, f, LOG[0]);
    assert_ok(seglog_session_ensure_head_or_fork(f->sessions, &place, 0, start,
                                                 NULL, &forked, NULL));
    assert_false(forked);
    assert_int_equal(place.expect.count, 1);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(seglog_session_ensure_head_or_fork(
            f->sessions, &place, 0, start, &entries[i], &forked, NULL));
        assert_false(forked);
        assert_int_equal(place.expect.count, i + 2);
        assert_true(place.expect.has_head);
    }
    session_expect_entries(f->sessions, f, texts, 3);
}

static void
ensure_head__somebody_has_appended_or_cut__forks(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_slice start = slice_of_text("{\"mine\":1}");
    const struct seglog_slice entry = slice_of_text("{\"next\":1}");
    const char *const texts[] = { "{\"mine\":1}", "{\"next\":1}",
                                  "{\"next\":1}" };
    struct session_fixture forked_to = *f;
    bool forked = false;

    put_log(f);
    for (uint64_t believed = 7; believed <= 9; believed += 2) {
        struct seglog_session_head place = place_at_count(f, believed);

        assert_ok(seglog_session_ensure_head_or_fork(
            f->sessions, &place, 6, start, &entry, &forked, NULL));
        assert_true(forked);
        assert_memory_equal(&place.session, &f->session, sizeof f->session);
        forked_to.segment = place.segment;
        session_expect_entries(f->sessions, &forked_to, texts, 2);
        expect_lineage(&forked_to, f, SEGLOG_LINEAGE_FORKED_FROM, 6, believed);
        assert_ok(seglog_session_ensure_head_or_fork(
            f->sessions, &place, 6, start, &entry, &forked, NULL));
        assert_false(forked);
        session_expect_entries(f->sessions, &forked_to, texts, 3);
    }
    session_expect_entries(f->sessions, f, LOG, COUNT_OF(LOG));
}

static void
ensure_head__same_count_and_other_content__forks(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_slice start = slice_of_text("{\"mine\":1}");
    const char *const texts[] = { "{\"mine\":1}" };
    struct session_fixture forked_to = *f;
    struct seglog_session_head place = place_at_count(f, 8);
    bool forked = true;

    put_log(f);
    assert_ok(seglog_session_ensure_head_or_fork(f->sessions, &place, 2, start,
                                                 NULL, &forked, NULL));
    assert_false(forked);
    assert_ok(seglog_session_truncate(f->sessions, &f->session, &f->segment, 7,
                                      NULL, NULL));
    session_put(f->sessions, f, LOG[7]);
    assert_ok(seglog_session_ensure_head_or_fork(f->sessions, &place, 2, start,
                                                 NULL, &forked, NULL));
    assert_true(forked);
    forked_to.segment = place.segment;
    session_expect_entries(f->sessions, &forked_to, texts, 1);
}

static void
ensure_head__missing_segment_or_bad_entry__nothing_is_made(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_head place = place_at_count(f, 0);
    const struct seglog_slice good = slice_of_text("1");
    const struct seglog_slice bad = slice_of_text("{");
    bool forked = true;

    assert_code(seglog_session_ensure_head_or_fork(f->sessions, &place, 0, good,
                                                   &good, &forked, NULL),
                SEGLOG_NOT_FOUND);
    assert_false(forked);
    assert_false(session_has_blob(f, SEGLOG_LANE_ENTRIES));
    put_log(f);
    assert_code(seglog_session_ensure_head_or_fork(f->sessions, &place, 0, good,
                                                   &bad, &forked, NULL),
                SEGLOG_INVALID);
    assert_memory_equal(&place.segment, &f->segment, sizeof f->segment);
}

static void
ensure_head__damaged_and_rolls_over__goes_on_in_a_new_one(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_store_options options = { .size =
                                                              sizeof options,
                                                          .rolls_over = true };
    const struct seglog_slice start = slice_of_text("{\"mine\":1}");
    struct seglog_session_head place = place_at_count(f, 8);
    struct session_fixture next = *f;
    char name[SEGLOG_LANE_NAME_CAP];
    bool forked = false;

    put_log(f);
    session_close_ok(f->sessions);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    blob_flip(f->store, name, 200);
    f->sessions = session_open_other(f, NULL);
    assert_code(seglog_session_ensure_head_or_fork(f->sessions, &place, 2,
                                                   start, NULL, &forked, NULL),
                SEGLOG_CORRUPT);
    session_close_ok(f->sessions);
    f->sessions = session_open_other(f, &options);
    next.sessions = f->sessions;
    assert_ok(seglog_session_ensure_head_or_fork(f->sessions, &place, 2, start,
                                                 NULL, &forked, NULL));
    assert_true(forked);
    next.segment = place.segment;
    expect_lineage(&next, f, SEGLOG_LINEAGE_CONTINUES, 2, 8);
}

/* -- restore -------------------------------------------------------------- */

static void
restore__by_segment_alone__folds_its_entries(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_replay_state is;
    struct seglog_replay *replay = NULL;

    put_log(f);
    assert_ok(
        seglog_session_restore(f->sessions, NULL, &f->segment, &replay, NULL));
    seglog_replay_get_state(replay, &is);
    assert_int_equal(is.entry_count, COUNT_OF(LOG));
    assert_int_equal(is.turn_count, 2);
    assert_int_equal(is.history_count, 4);
    seglog_replay_free(replay);
}

static void
restore__entry_that_is_no_object__invalid_and_says_which(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_replay *replay = NULL;
    struct seglog_error err;

    session_put(f->sessions, f, LOG[0]);
    session_put(f->sessions, f, "[1]");
    assert_code(seglog_session_restore(f->sessions, &f->session, &f->segment,
                                       &replay, &err),
                SEGLOG_INVALID);
    assert_null(replay);
    assert_int_equal(err.record_no, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(fork__by_replay__one_start_with_the_state_up_to_there),
        ON_BOTH(fork__to_another_session__is_there_and_only_there),
        ON_BOTH(fork__by_copy__the_same_entries),
        ON_BOTH(fork__at_a_record_there_is_not__invalid_with_the_count),
        ON_BOTH(fork__of_a_damaged_one__corrupt_and_nothing_is_made),
        ON_BOTH(fork__of_a_fork__ancestors_stay_as_they_are),
        ON_BOTH(ensure_head__nobody_else__appends_in_place),
        ON_BOTH(ensure_head__somebody_has_appended_or_cut__forks),
        ON_BOTH(ensure_head__same_count_and_other_content__forks),
        ON_BOTH(ensure_head__missing_segment_or_bad_entry__nothing_is_made),
        ON_BOTH(ensure_head__damaged_and_rolls_over__goes_on_in_a_new_one),
        ON_BOTH(restore__by_segment_alone__folds_its_entries),
        ON_BOTH(restore__entry_that_is_no_object__invalid_and_says_which),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
