/* SPDX-License-Identifier: MIT */
/* tests/session/test_session_append.c - append, append_many, append_trace. */
#include "tests/session/session_support.h"

#include <pthread.h>
#include <stdio.h>

static void
append__missing_segment__is_created(void **state)
{
    struct session_fixture *f = *state;
    const char *const texts[] = { "{\"kind\":\"a\"}", "[1,2]", "3" };
    struct seglog_appended done;

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment,
                                        texts[i], strlen(texts[i]), NULL, &done,
                                        NULL));
        assert_int_equal(done.first_record, i + 1);
        assert_int_equal(done.count, i + 1);
        assert_false(done.rolled_over);
        assert_memory_equal(&done.segment, &f->segment, sizeof done.segment);
    }
    session_expect_entries(f->sessions, f, texts, COUNT_OF(texts));
    assert_int_equal(session_count(f->sessions, f), 3);
}

static void
append__without_session__goes_to_the_one_that_has_the_segment(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *other = session_open_other(f, NULL);
    const char *const texts[] = { "1", "2", "3" };
    struct seglog_uuid session;
    bool found = false;

    session_put(f->sessions, f, "1");
    assert_ok(seglog_session_append(f->sessions, NULL, &f->segment, "2", 1,
                                    NULL, NULL, NULL));
    assert_ok(seglog_session_append(other, NULL, &f->segment, "3", 1, NULL,
                                    NULL, NULL));
    session_expect_entries(f->sessions, f, texts, 3);
    assert_ok(seglog_session_lookup_session_of(other, &f->segment, &session,
                                               &found, NULL));
    assert_true(found);
    assert_memory_equal(&session, &f->session, sizeof session);
    session_close_ok(other);
}

static void
append__without_session_unknown_segment__session_is_the_segment(void **state)
{
    struct session_fixture *f = *state;
    bool exists = false;

    assert_ok(seglog_session_append(f->sessions, NULL, &f->segment, "1", 1,
                                    NULL, NULL, NULL));
    assert_ok(seglog_session_exists(f->sessions, &f->segment, &f->segment,
                                    &exists, NULL));
    assert_true(exists);
}

struct bad_entry {
    const char *text;
    uint64_t offset;
};

static void
append__not_one_json_value__invalid_at_its_byte(void **state)
{
    static const struct bad_entry bad[] = {
        { "{\"a\":1}{", 7 },
        { "{\"a\":}", 5 },
        { "", 0 },
        { " \t", 2 },
        { "{\n}", 1 },
        { "1\n", 1 },
        { "\xEF\xBB\xBF{}", 0 },
        { "\"\xE3\"", 1 },
        { "nul", 3 },
    };
    struct session_fixture *f = *state;
    struct seglog_error err;
    bool exists = true;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_code_err(seglog_session_append(
                            f->sessions, &f->session, &f->segment, bad[i].text,
                            strlen(bad[i].text), NULL, NULL, &err),
                        SEGLOG_INVALID, &err);
        assert_int_equal(err.offset, bad[i].offset);
        assert_non_null(strstr(err.message, "not one JSON value"));
    }
    assert_ok(seglog_session_exists(f->sessions, &f->session, &f->segment,
                                    &exists, NULL));
    assert_false(exists);
}

static void
append__raw__any_bytes_come_back(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_append_options raw = { .size = sizeof raw,
                                                       .accepts_raw = true };
    const char *const texts[] = { "not json", "two\nlines", "" };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment,
                                        texts[i], strlen(texts[i]), &raw, NULL,
                                        NULL));
    session_expect_entries(f->sessions, f, texts, COUNT_OF(texts));
}

static void
append_many__all_at_once__one_group(void **state)
{
    struct session_fixture *f = *state;
    const char *const texts[] = { "0", "1", "2", "3" };
    const struct seglog_slice entries[] = { slice_of_text("1"),
                                            slice_of_text("2"),
                                            slice_of_text("3") };
    struct seglog_scan_summary summary;
    struct seglog_appended done;
    char name[SEGLOG_LANE_NAME_CAP];

    session_put(f->sessions, f, "0");
    assert_ok(seglog_session_append_many(f->sessions, &f->session, &f->segment,
                                         entries, 3, NULL, &done, NULL));
    assert_int_equal(done.first_record, 2);
    assert_int_equal(done.count, 4);
    session_expect_entries(f->sessions, f, texts, 4);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    assert_ok(seglog_scan(f->store, name, NULL, &summary, NULL));
    assert_int_equal(summary.groups, 1);
}

static void
append_many__one_is_bad__none_and_says_which(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_slice entries[] = { slice_of_text("1"),
                                            slice_of_text("[1,]") };
    struct seglog_error err;

    session_put(f->sessions, f, "0");
    assert_code(seglog_session_append_many(f->sessions, &f->session,
                                           &f->segment, entries, 2, NULL, NULL,
                                           &err),
                SEGLOG_INVALID);
    assert_int_equal(err.record_no, 2);
    assert_int_equal(err.offset, 3);
    assert_int_equal(session_count(f->sessions, f), 1);
}

static void
append_many__none__invalid(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_slice entry = slice_of_text("1");

    assert_code(seglog_session_append_many(f->sessions, &f->session,
                                           &f->segment, &entry, 0, NULL, NULL,
                                           NULL),
                SEGLOG_INVALID);
}

static void
append__expected_count__only_there(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_append_options options = {
        .size = sizeof options, .expect = { .has_count = true, .count = 1 }
    };
    const char *const texts[] = { "1", "2" };
    struct seglog_appended done;
    struct seglog_error err;

    assert_code(seglog_session_append(f->sessions, &f->session, &f->segment,
                                      "1", 1, &options, &done, &err),
                SEGLOG_CONFLICT);
    assert_int_equal(err.actual, 0);
    assert_false(session_has_blob(f, SEGLOG_LANE_ENTRIES));
    options.expect.count = 0;
    assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment, "1",
                                    1, &options, &done, &err));
    options.expect.count = 1;
    assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment, "2",
                                    1, &options, &done, &err));
    assert_code(seglog_session_append(f->sessions, &f->session, &f->segment,
                                      "3", 1, &options, &done, &err),
                SEGLOG_CONFLICT);
    assert_int_equal(err.actual, 2);
    assert_int_equal(done.count, 2);
    assert_int_equal(done.head.next_record, 3);
    session_expect_entries(f->sessions, f, texts, 2);
}

static void
append__expected_head__same_count_and_other_content_is_a_conflict(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_append_options options = {
        .size = sizeof options, .expect = { .has_head = true }
    };
    struct seglog_appended done;

    session_put(f->sessions, f, "1");
    session_put(f->sessions, f, "2");
    options.expect.head = session_head(f->sessions, f);
    assert_ok(seglog_session_truncate(f->sessions, &f->session, &f->segment, 1,
                                      NULL, NULL));
    session_put(f->sessions, f, "2");
    assert_code(seglog_session_append(f->sessions, &f->session, &f->segment,
                                      "3", 1, &options, &done, NULL),
                SEGLOG_CONFLICT);
    options.expect.head = done.head;
    assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment, "3",
                                    1, &options, &done, NULL));
    assert_memory_equal(&done.head.next_record, &(uint64_t){ 4 }, 8);
}

static void
append__head_of_done__is_what_a_reader_finds(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_appended done;
    struct seglog_head head;

    for (int i = 0; i < 3; i++) {
        assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment,
                                        "1", 1, NULL, &done, NULL));
        head = session_head(f->sessions, f);
        assert_int_equal(head.epoch, done.head.epoch);
        assert_int_equal(head.next_record, done.head.next_record);
        assert_int_equal(head.checksum, done.head.checksum);
    }
}

static void
append__torn_tail__is_ignored_and_replaced(void **state)
{
    struct session_fixture *f = *state;
    const char *const texts[] = { "1", "2" };
    char name[SEGLOG_LANE_NAME_CAP];

    session_put(f->sessions, f, "1");
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    blob_add(f->store, name, "\xE3", 1);
    session_expect_entries(f->sessions, f, texts, 1);
    assert_int_equal(session_count(f->sessions, f), 1);
    session_put(f->sessions, f, "2");
    session_expect_entries(f->sessions, f, texts, 2);
}

static void
append__damaged_end__corrupt_and_names_repair(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_error err;
    char name[SEGLOG_LANE_NAME_CAP];

    session_put(f->sessions, f, "\"the first\"");
    session_put(f->sessions, f, "\"the second one\"");
    session_put(f->sessions, f, "\"the third\"");
    session_close_ok(f->sessions);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    blob_flip(f->store, name, 22);
    f->sessions = session_open_other(f, NULL);
    assert_code(seglog_session_append(f->sessions, &f->session, &f->segment,
                                      "4", 1, NULL, NULL, &err),
                SEGLOG_CORRUPT);
    assert_non_null(strstr(err.message, "`seglog repair`"));
    assert_string_equal(err.name, name);
    assert_int_equal(err.record_no, 2);
}

static void
append__damaged_end_rolls_over__goes_on_in_one_successor(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_append_options options = { .size =
                                                               sizeof options,
                                                           .rolls_over = true };
    const char *const texts[] = { "4", "5" };
    struct session_fixture next = *f;
    struct seglog_uuid *ids = NULL;
    struct seglog_appended done;
    struct seglog_appended again;
    char name[SEGLOG_LANE_NAME_CAP];
    size_t count = 0;

    session_put(f->sessions, f, "\"the first\"");
    session_put(f->sessions, f, "\"the second one\"");
    session_put(f->sessions, f, "\"the third\"");
    session_close_ok(f->sessions);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    blob_flip(f->store, name, 22);
    f->sessions = session_open_other(f, NULL);
    assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment, "4",
                                    1, &options, &done, NULL));
    assert_true(done.rolled_over);
    assert_int_equal(done.first_record, 1);
    assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment, "5",
                                    1, &options, &again, NULL));
    assert_true(again.rolled_over);
    assert_int_equal(again.first_record, 2);
    assert_memory_equal(&again.segment, &done.segment, sizeof done.segment);
    next.segment = done.segment;
    session_expect_entries(f->sessions, &next, texts, 2);
    assert_ok(seglog_session_list_segments(f->sessions, &f->session, &ids,
                                           &count, NULL));
    assert_int_equal(count, 2);
    seglog_free(ids);
}

static void
append__rolled_over__lineage_names_the_last_readable_record(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_append_options options = { .size =
                                                               sizeof options,
                                                           .rolls_over = true };
    struct seglog_appended done;
    const struct seglog_lineage want = { .kind = SEGLOG_LINEAGE_CONTINUES,
                                         .segment = f->segment,
                                         .at_turn = 7,
                                         .at_record = 3 };
    char name[SEGLOG_LANE_NAME_CAP];

    session_put(f->sessions, f,
                "{\"kind\":\"turn_end\",\"turn_count\":7,\"ts\":1}");
    session_put(f->sessions, f, "\"the second one\"");
    session_put(f->sessions, f, "\"the third\"");
    session_close_ok(f->sessions);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    blob_flip(f->store, name, 22);
    f->sessions = session_open_other(f, NULL);
    assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment, "4",
                                    1, &options, &done, NULL));
    assert_true(done.rolled_over);
    session_expect_lineage(f, &done.segment, &want);
}

static void
append__after_delete_by_another_handle__is_created_again(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *other = session_open_other(f, NULL);
    const char *const texts[] = { "2" };
    bool existed = false;

    /* Twice, so that this handle has it open. */
    session_put(f->sessions, f, "1");
    session_put(f->sessions, f, "1");
    assert_ok(seglog_session_delete_segment(other, &f->session, &f->segment,
                                            &existed, NULL));
    assert_true(existed);
    session_put(f->sessions, f, "2");
    session_expect_entries(other, f, texts, 1);
    session_close_ok(other);
}

static void
append_trace__no_segment__does_not_make_one(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_slice *entries = NULL;
    size_t count = 0;
    bool exists = true;

    assert_ok(seglog_session_append_trace(f->sessions, &f->session, &f->segment,
                                          "{\"t\":1}", 7, NULL));
    assert_ok(seglog_session_append_trace(f->sessions, &f->session, &f->segment,
                                          "{\"t\":2}", 7, NULL));
    assert_ok(seglog_session_exists(f->sessions, &f->session, &f->segment,
                                    &exists, NULL));
    assert_false(exists);
    assert_ok(seglog_session_read_all(f->sessions, &f->session, &f->segment,
                                      SEGLOG_LANE_TRACE, &entries, &count,
                                      NULL));
    assert_int_equal(count, 2);
    seglog_free(entries);
    session_put(f->sessions, f, "1");
    assert_int_equal(session_count(f->sessions, f), 1);
}

static void
append__read_only_store__is_refused(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_store_options options = {
        .size = sizeof options, .is_read_only = true
    };
    const char *const texts[] = { "1" };
    struct seglog_session_store *other = NULL;

    session_put(f->sessions, f, "1");
    other = session_open_other(f, &options);
    assert_code(seglog_session_append(other, &f->session, &f->segment, "2", 1,
                                      NULL, NULL, NULL),
                SEGLOG_READ_ONLY);
    session_expect_entries(other, f, texts, 1);
    session_close_ok(other);
}

static void
append__synced__can_be_told_to_be_durable(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_append_options options = { .size =
                                                               sizeof options,
                                                           .is_synced = true };
    const char *const texts[] = { "1", "2" };

    for (int i = 0; i < 2; i++)
        assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment,
                                        texts[i], 1, &options, NULL, NULL));
    session_expect_entries(f->sessions, f, texts, 2);
}

static void
append__more_segments_than_stay_open__all_can_be_appended_to(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_store_options options = { .size =
                                                              sizeof options,
                                                          .open_max = 2 };
    struct seglog_session_store *few = session_open_other(f, &options);
    struct session_fixture at = *f;
    struct seglog_uuid segments[7];

    for (size_t i = 0; i < COUNT_OF(segments); i++)
        assert_true(seglog_uuid_new(&segments[i]));
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(segments); i++) {
            at.segment = segments[i];
            session_put(few, &at, "1");
        }
    }
    for (size_t i = 0; i < COUNT_OF(segments); i++) {
        at.segment = segments[i];
        assert_int_equal(session_count(few, &at), 3);
    }
    session_close_ok(few);
}

static void
append__larger_than_a_record_may_be__too_large(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_store_options options = { .size =
                                                              sizeof options,
                                                          .body_log2 = 9 };
    struct seglog_session_store *small = session_open_other(f, &options);
    char text[600];

    memset(text, 'x', sizeof text);
    text[0] = text[513] = '"';
    /* Missing and there: the same. */
    for (int i = 0; i < 2; i++) {
        assert_code(seglog_session_append(small, &f->session, &f->segment, text,
                                          514, NULL, NULL, NULL),
                    SEGLOG_TOO_LARGE);
        session_put(small, f, "1");
    }
    assert_int_equal(session_count(small, f), 2);
    session_close_ok(small);
}

/* -- at the same time ----------------------------------------------------- */

#define THREADS    2
#define PER_THREAD 300

struct appender {
    struct seglog_session_store *sessions;
    const struct session_fixture *fixture;
    int number;
    seglog_code code;
};

static void *
appender_run(void *arg)
{
    struct appender *appender = arg;
    /* Some of them ask for more. */
    const struct seglog_session_append_options options = {
        .size = sizeof options, .is_synced = appender->number >= THREADS
    };
    char text[32];

    for (int i = 0; i < PER_THREAD && appender->code == SEGLOG_OK; i++) {
        const int len =
            snprintf(text, sizeof text, "[%d,%d]", appender->number, i);

        appender->code = seglog_session_append(
            appender->sessions, &appender->fixture->session,
            &appender->fixture->segment, text, (size_t)len, &options, NULL,
            NULL);
    }
    return NULL;
}

static void
append__two_threads_on_two_handles__each_once_and_in_order(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *handles[2] = { f->sessions,
                                                session_open_other(f, NULL) };
    struct appender appenders[2 * THREADS];
    pthread_t threads[2 * THREADS];
    int next[2 * THREADS] = { 0 };
    struct seglog_slice *entries = NULL;
    size_t count = 0;

    for (int i = 0; i < 2 * THREADS; i++) {
        appenders[i] = (struct appender){ handles[i % 2], f, i, SEGLOG_OK };
        assert_int_equal(
            pthread_create(&threads[i], NULL, appender_run, &appenders[i]), 0);
    }
    for (int i = 0; i < 2 * THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_ok(appenders[i].code);
    }
    assert_ok(seglog_session_read_all(f->sessions, &f->session, &f->segment,
                                      SEGLOG_LANE_ENTRIES, &entries, &count,
                                      NULL));
    assert_int_equal(count, 2 * THREADS * PER_THREAD);
    for (size_t i = 0; i < count; i++) {
        int number = 0;
        int at = 0;
        char text[32] = "";

        memcpy(text, entries[i].data, entries[i].len);
        assert_int_equal(sscanf(text, "[%d,%d]", &number, &at), 2);
        assert_in_range(number, 0, 2 * THREADS - 1);
        assert_int_equal(at, next[number]++);
    }
    seglog_free(entries);
    session_close_ok(handles[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(append__missing_segment__is_created),
        ON_BOTH(append__without_session__goes_to_the_one_that_has_the_segment),
        ON_BOTH(
            append__without_session_unknown_segment__session_is_the_segment),
        ON_BOTH(append__not_one_json_value__invalid_at_its_byte),
        ON_BOTH(append__raw__any_bytes_come_back),
        ON_BOTH(append_many__all_at_once__one_group),
        ON_BOTH(append_many__one_is_bad__none_and_says_which),
        ON_BOTH(append_many__none__invalid),
        ON_BOTH(append__expected_count__only_there),
        ON_BOTH(
            append__expected_head__same_count_and_other_content_is_a_conflict),
        ON_BOTH(append__head_of_done__is_what_a_reader_finds),
        ON_BOTH(append__torn_tail__is_ignored_and_replaced),
        ON_BOTH(append__damaged_end__corrupt_and_names_repair),
        ON_BOTH(append__damaged_end_rolls_over__goes_on_in_one_successor),
        ON_BOTH(append__rolled_over__lineage_names_the_last_readable_record),
        ON_BOTH(append__after_delete_by_another_handle__is_created_again),
        ON_BOTH(append_trace__no_segment__does_not_make_one),
        ON_BOTH(append__read_only_store__is_refused),
        ON_BOTH(append__synced__can_be_told_to_be_durable),
        ON_BOTH(append__more_segments_than_stay_open__all_can_be_appended_to),
        ON_BOTH(append__larger_than_a_record_may_be__too_large),
        ON_BOTH(append__two_threads_on_two_handles__each_once_and_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
