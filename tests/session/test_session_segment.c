/* SPDX-License-Identifier: MIT */
/* tests/session/test_session_segment.c - create, ask, read, cut, delete. */
#include "tests/session/session_support.h"

#include <stdio.h>

#include "seglog/testing/fault_store.h"

static const char *const TEXTS[] = { "1", "2", "3", "4", "5", "6" };

static void
put_texts(struct session_fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++)
        session_put(f->sessions, f, TEXTS[i]);
}

static seglog_code
cut_to(struct session_fixture *f, uint64_t count,
       const struct seglog_expect *expect, struct seglog_error *err)
{
    return seglog_session_truncate(f->sessions, &f->session, &f->segment, count,
                                   expect, err);
}

/* -- creating ------------------------------------------------------------- */

static void
create__with_entries__all_are_there(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_slice entries[] = { slice_of_text("1"),
                                            slice_of_text("2"),
                                            slice_of_text("3") };
    const struct seglog_segment_new options = { .size = sizeof options,
                                                .entries = entries,
                                                .count = 3 };

    assert_ok(seglog_session_create_segment(f->sessions, &f->session,
                                            &f->segment, &options, NULL));
    session_expect_entries(f->sessions, f, TEXTS, 3);
    session_put(f->sessions, f, "4");
    session_expect_entries(f->sessions, f, TEXTS, 4);
}

static void
create__without_entries__exists_with_count_0(void **state)
{
    struct session_fixture *f = *state;
    bool exists = false;

    assert_ok(seglog_session_create_segment(f->sessions, &f->session,
                                            &f->segment, NULL, NULL));
    assert_ok(seglog_session_exists(f->sessions, &f->session, &f->segment,
                                    &exists, NULL));
    assert_true(exists);
    assert_int_equal(session_count(f->sessions, f), 0);
    session_expect_entries(f->sessions, f, TEXTS, 0);
}

static void
create__id_is_taken__exists_and_the_log_is_untouched(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_slice entry = slice_of_text("9");
    const struct seglog_segment_new options = { .size = sizeof options,
                                                .entries = &entry,
                                                .count = 1 };
    struct seglog_error err;
    char name[SEGLOG_LANE_NAME_CAP];

    put_texts(f, 2);
    assert_code(seglog_session_create_segment(f->sessions, &f->session,
                                              &f->segment, &options, &err),
                SEGLOG_EXISTS);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    assert_string_equal(err.name, name);
    session_expect_entries(f->sessions, f, TEXTS, 2);
}

static void
create__bad_entry__no_segment(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_slice entries[] = { slice_of_text("1"),
                                            slice_of_text("{") };
    const struct seglog_segment_new options = { .size = sizeof options,
                                                .entries = entries,
                                                .count = 2 };
    struct seglog_error err;

    assert_code(seglog_session_create_segment(f->sessions, &f->session,
                                              &f->segment, &options, &err),
                SEGLOG_INVALID);
    assert_int_equal(err.record_no, 2);
    assert_int_equal(err.offset, 1);
    assert_false(session_has_blob(f, SEGLOG_LANE_ENTRIES));
}

static void
create__too_large_together__no_segment_and_nothing_left(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_store_options small = { .size = sizeof small,
                                                        .body_log2 = 9 };
    struct seglog_session_store *other = session_open_other(f, &small);
    char text[300];
    const struct seglog_slice entries[] = { { text, sizeof text },
                                            { text, sizeof text } };
    const struct seglog_segment_new options = { .size = sizeof options,
                                                .entries = entries,
                                                .count = 2 };
    struct seglog_error err;
    struct seglog_blob_info info;
    char name[SEGLOG_LANE_NAME_CAP + 8];

    memset(text, '1', sizeof text);
    assert_code(seglog_session_create_segment(other, &f->session, &f->segment,
                                              &options, &err),
                SEGLOG_TOO_LARGE);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    assert_string_equal(err.name, name);
    assert_false(session_has_blob(f, SEGLOG_LANE_ENTRIES));
    strcat(name, ".new");
    assert_code(seglog_store_get_info(f->store, name, &info, NULL),
                SEGLOG_NOT_FOUND);
    session_close_ok(other);
}

static void
create__leftover_of_a_dead_creator__gives_way(void **state)
{
    struct session_fixture *f = *state;
    char name[SEGLOG_LANE_NAME_CAP + 8];

    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    strcat(name, ".new");
    blob_write(f->store, name, "half of it", 10);
    assert_ok(seglog_session_create_segment(f->sessions, &f->session,
                                            &f->segment, NULL, NULL));
    put_texts(f, 1);
    session_expect_entries(f->sessions, f, TEXTS, 1);
}

struct rows_seen {
    size_t count;
    struct seglog_lineage lineage;
    char label[16];
};

static bool
row_look(void *arg, const struct seglog_session_row *row)
{
    struct rows_seen *seen = arg;

    seen->count++;
    seen->lineage = row->lineage;
    if (row->label.len < sizeof seen->label)
        memcpy(seen->label, row->label.data, row->label.len);
    return true;
}

static void
create__lineage_and_label__are_listed_and_survive_the_index(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_segment_new options = {
        .size = sizeof options,
        .lineage = { .kind = SEGLOG_LINEAGE_COMPACTED_FROM,
                     .at_turn = 4,
                     .at_record = 9 },
        .label = slice_of_text("a label"),
    };

    options.lineage.segment.bytes[3] = 7;
    assert_ok(seglog_session_create_segment(f->sessions, &f->session,
                                            &f->segment, &options, NULL));
    for (int round = 0; round < 2; round++) {
        struct rows_seen seen = { 0 };

        assert_ok(seglog_session_list(f->sessions, &f->session, row_look, &seen,
                                      NULL));
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.lineage.kind, SEGLOG_LINEAGE_COMPACTED_FROM);
        assert_int_equal(seen.lineage.at_turn, 4);
        assert_int_equal(seen.lineage.at_record, 9);
        assert_int_equal(seen.lineage.segment.bytes[3], 7);
        assert_string_equal(seen.label, "a label");
        assert_ok(seglog_session_rebuild_index(f->sessions, NULL));
    }
}

/* -- asking --------------------------------------------------------------- */

static void
missing_segment__every_question__not_found(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_uuid *const sessions[] = { &f->session, NULL };

    for (size_t i = 0; i < COUNT_OF(sessions); i++) {
        const struct seglog_uuid *session = sessions[i];
        struct seglog_session_segment_info info;
        struct seglog_slice *entries = NULL;
        struct seglog_reader *reader = NULL;
        struct seglog_writer *writer = NULL;
        struct seglog_replay *replay = NULL;
        struct seglog_uuid forked;
        struct seglog_error err;
        uint64_t number = 0;
        size_t count = 0;
        bool existed = true;

        assert_code(seglog_session_read_all(f->sessions, session, &f->segment,
                                            SEGLOG_LANE_ENTRIES, &entries,
                                            &count, &err),
                    SEGLOG_NOT_FOUND);
        assert_non_null(strstr(err.message, "segment not found"));
        assert_code(seglog_session_read_entry_count(
                        f->sessions, session, &f->segment, &number, NULL, NULL),
                    SEGLOG_NOT_FOUND);
        assert_code(seglog_session_truncate(f->sessions, session, &f->segment,
                                            0, NULL, NULL),
                    SEGLOG_NOT_FOUND);
        assert_code(seglog_session_open_reader(f->sessions, session,
                                               &f->segment, SEGLOG_LANE_TRACE,
                                               NULL, &reader, NULL),
                    SEGLOG_NOT_FOUND);
        assert_code(
            seglog_session_open_writer(f->sessions, session, &f->segment,
                                       SEGLOG_WRITER_SHARED, &writer, NULL),
            SEGLOG_NOT_FOUND);
        assert_code(seglog_session_get_segment_info(f->sessions, session,
                                                    &f->segment, &info, NULL),
                    SEGLOG_NOT_FOUND);
        assert_code(seglog_session_restore(f->sessions, session, &f->segment,
                                           &replay, NULL),
                    SEGLOG_NOT_FOUND);
        assert_code(seglog_session_fork(f->sessions, session, &f->segment, NULL,
                                        &forked, NULL),
                    SEGLOG_NOT_FOUND);
        assert_code(seglog_session_seek_turn(f->sessions, session, &f->segment,
                                             0, &number, NULL),
                    SEGLOG_NOT_FOUND);
        assert_ok(seglog_session_delete_segment(f->sessions, session,
                                                &f->segment, &existed, NULL));
        assert_false(existed);
    }
    assert_false(session_has_blob(f, SEGLOG_LANE_ENTRIES));
}

static void
info__entries_and_trace__are_counted_apart(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_segment_info info;
    int64_t modified_ms = 0;
    bool found = false;

    put_texts(f, 3);
    assert_ok(seglog_session_get_segment_info(f->sessions, &f->session,
                                              &f->segment, &info, NULL));
    assert_int_equal(info.trace_size, 0);
    assert_ok(seglog_session_append_trace(f->sessions, &f->session, &f->segment,
                                          "{}", 2, NULL));
    assert_ok(seglog_session_get_segment_info(f->sessions, &f->session,
                                              &f->segment, &info, NULL));
    assert_int_equal(info.count, 3);
    assert_int_equal(info.head.next_record, 4);
    assert_true(info.trace_size > 0);
    assert_int_equal(info.verdict, SEGLOG_VERDICT_OK);
    assert_ok(seglog_session_modified_at(f->sessions, &f->session, &modified_ms,
                                         &found, NULL));
    assert_true(found);
    assert_true(modified_ms >= info.modified_ms);
    assert_ok(seglog_session_modified_at(f->sessions, &f->segment, &modified_ms,
                                         &found, NULL));
    assert_false(found);
}

static void
read_all__damage__corrupt_at_its_record(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_slice *entries = NULL;
    struct seglog_error err;
    char name[SEGLOG_LANE_NAME_CAP];
    char text[40];
    size_t count = 0;

    for (int i = 1; i <= 9; i++) {
        (void)snprintf(text, sizeof text, "\"entry number %d\"", i);
        session_put(f->sessions, f, text);
    }
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    /* 23 bytes each: inside of the seventh. */
    blob_flip(f->store, name, 2 * 23 + 10);
    assert_code(seglog_session_read_all(f->sessions, &f->session, &f->segment,
                                        SEGLOG_LANE_ENTRIES, &entries, &count,
                                        &err),
                SEGLOG_CORRUPT);
    assert_null(entries);
    assert_int_equal(err.record_no, 7);
    assert_int_equal(err.line_no, 7);
    assert_string_equal(err.name, name);
    assert_true(err.offset > 0 && err.offset != SEGLOG_NO_OFFSET);
}

static void
read_all__many_entries_of_all_sizes__come_back(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_slice *entries = NULL;
    size_t count = 0;
    char *text = malloc(40000);

    assert_non_null(text);
    memset(text, '7', 40000);
    for (size_t i = 1; i < 200; i++)
        assert_ok(seglog_session_append(f->sessions, &f->session, &f->segment,
                                        text, i * 200, NULL, NULL, NULL));
    assert_ok(seglog_session_read_all(f->sessions, &f->session, &f->segment,
                                      SEGLOG_LANE_ENTRIES, &entries, &count,
                                      NULL));
    assert_int_equal(count, 199);
    for (size_t i = 1; i < 200; i++) {
        assert_int_equal(entries[i - 1].len, i * 200);
        assert_memory_equal(entries[i - 1].data, text, i * 200);
    }
    seglog_free(entries);
    free(text);
}

static void
open_writer__exclusive__others_wait_until_it_is_closed(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_store_options hurried = {
        .size = sizeof hurried, .lock_timeout_ms = 50
    };
    struct seglog_session_store *other = session_open_other(f, &hurried);
    struct seglog_writer *writer = NULL;

    put_texts(f, 1);
    session_put(other, f, "2");
    assert_code(seglog_session_open_writer(f->sessions, &f->session,
                                           &f->segment, SEGLOG_WRITER_PRIVATE,
                                           &writer, NULL),
                SEGLOG_INVALID);
    assert_ok(seglog_session_open_writer(f->sessions, &f->session, &f->segment,
                                         SEGLOG_WRITER_EXCLUSIVE, &writer,
                                         NULL));
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "3", 1,
                                   SEGLOG_LEVEL_APPEND, NULL, NULL));
    assert_code(seglog_session_append(
                    other, &f->session, &f->segment, "x", 1,
                    &(struct seglog_session_append_options){
                        .size = sizeof(struct seglog_session_append_options),
                        .accepts_raw = true },
                    NULL, NULL),
                SEGLOG_LOCKED);
    assert_ok(seglog_writer_close(writer, NULL));
    session_put(other, f, "4");
    session_expect_entries(f->sessions, f, TEXTS, 4);
    session_close_ok(other);
}

/* -- cutting -------------------------------------------------------------- */

static void
truncate__to_n_and_to_0__the_first_n_stay(void **state)
{
    struct session_fixture *f = *state;
    const size_t counts[] = { 5, 5, 2, 0, 0 };

    put_texts(f, 6);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        assert_ok(cut_to(f, counts[i], NULL, NULL));
        session_expect_entries(f->sessions, f, TEXTS, counts[i]);
        assert_int_equal(session_count(f->sessions, f), counts[i]);
    }
    put_texts(f, 3);
    session_expect_entries(f->sessions, f, TEXTS, 3);
}

static void
truncate__inside_a_group__the_records_before_stay(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *other = session_open_other(f, NULL);
    struct seglog_slice entries[5];
    const char *const after[] = { "1", "2", "3", "4", "x" };

    for (size_t i = 0; i < 5; i++)
        entries[i] = slice_of_text(TEXTS[i + 1]);
    put_texts(f, 1);
    assert_ok(seglog_session_append_many(f->sessions, &f->session, &f->segment,
                                         entries, 5, NULL, NULL, NULL));
    /* The other handle has the blob open that is replaced. */
    session_put(other, f, "7");
    assert_ok(cut_to(f, 4, NULL, NULL));
    session_expect_entries(other, f, TEXTS, 4);
    assert_ok(seglog_session_append(
        other, &f->session, &f->segment, "x", 1,
        &(struct seglog_session_append_options){
            .size = sizeof(struct seglog_session_append_options),
            .accepts_raw = true },
        NULL, NULL));
    session_expect_entries(f->sessions, f, after, 5);
    session_close_ok(other);
}

static void
truncate__beyond_the_end__invalid_with_the_count(void **state)
{
    struct session_fixture *f = *state;
    const uint64_t counts[] = { 3, UINT64_MAX };
    struct seglog_error err;

    put_texts(f, 2);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        assert_code(cut_to(f, counts[i], NULL, &err), SEGLOG_INVALID);
        assert_int_equal(err.actual, 2);
    }
    session_expect_entries(f->sessions, f, TEXTS, 2);
}

static void
truncate__stale_head_or_count__conflict_and_nothing_is_cut(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_expect expect = { .has_head = true };
    struct seglog_error err;

    put_texts(f, 2);
    expect.head = session_head(f->sessions, f);
    session_put(f->sessions, f, "3");
    assert_code(cut_to(f, 1, &expect, &err), SEGLOG_CONFLICT);
    assert_int_equal(err.actual, 3);
    expect = (struct seglog_expect){ .has_count = true, .count = 2 };
    assert_code(cut_to(f, 1, &expect, &err), SEGLOG_CONFLICT);
    assert_int_equal(err.actual, 3);
    session_expect_entries(f->sessions, f, TEXTS, 3);
    expect.count = 3;
    assert_ok(cut_to(f, 1, &expect, &err));
    session_expect_entries(f->sessions, f, TEXTS, 1);
}

static void
truncate__trace__is_not_touched(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_slice *entries = NULL;
    size_t count = 0;

    put_texts(f, 2);
    for (int i = 0; i < 3; i++)
        assert_ok(seglog_session_append_trace(f->sessions, &f->session,
                                              &f->segment, "{}", 2, NULL));
    assert_ok(cut_to(f, 0, NULL, NULL));
    assert_ok(seglog_session_read_all(f->sessions, &f->session, &f->segment,
                                      SEGLOG_LANE_TRACE, &entries, &count,
                                      NULL));
    assert_int_equal(count, 3);
    seglog_free(entries);
}

static void
truncate__damaged_segment__corrupt_and_nothing_is_cut(void **state)
{
    struct session_fixture *f = *state;
    char name[SEGLOG_LANE_NAME_CAP];
    void *before = NULL;
    void *after = NULL;
    size_t before_len = 0;
    size_t after_len = 0;

    for (int i = 0; i < 4; i++)
        session_put(f->sessions, f, "\"some entry or other\"");
    session_close_ok(f->sessions);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    blob_flip(f->store, name, 40);
    before = blob_read(f->store, name, &before_len);
    f->sessions = session_open_other(f, NULL);
    assert_code(cut_to(f, 1, NULL, NULL), SEGLOG_CORRUPT);
    after = blob_read(f->store, name, &after_len);
    assert_int_equal(after_len, before_len);
    assert_memory_equal(after, before, before_len);
    free(before);
    free(after);
}

/* -- deleting ------------------------------------------------------------- */

static bool
name_count(void *arg, const char *name)
{
    size_t *count = arg;

    *count += strncmp(name, "index.", 6) != 0 && strncmp(name, "names.", 6);
    return true;
}

static void
delete_segment__all_lanes__nothing_is_left(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_uuid *ids = NULL;
    bool existed = false;
    size_t count = 0;

    for (int i = 0; i < 300; i++)
        session_put(f->sessions, f, "1");
    assert_true(session_has_blob(f, SEGLOG_LANE_NOTES));
    assert_ok(seglog_session_append_trace(f->sessions, &f->session, &f->segment,
                                          "{}", 2, NULL));
    assert_ok(seglog_session_delete_segment(f->sessions, &f->session,
                                            &f->segment, &existed, NULL));
    assert_true(existed);
    assert_ok(seglog_store_list(f->store, "", name_count, &count, NULL));
    assert_int_equal(count, 0);
    assert_ok(seglog_session_list_segments(f->sessions, &f->session, &ids,
                                           &count, NULL));
    assert_int_equal(count, 0);
    seglog_free(ids);
    assert_ok(seglog_session_delete_segment(f->sessions, &f->session,
                                            &f->segment, &existed, NULL));
    assert_false(existed);
}

/* Who dies in the middle comes back for the rest only while the segment is
 * there: so what others left half made goes before it. */
static void
delete_segment__dies_at_any_removal__leaves_nothing_behind_it(void **state)
{
    static const char *const left[] = { ".torn", ".cut", ".new", ".sealing" };
    struct session_fixture *f = *state;
    uint64_t at = 0;
    uint64_t hits = 1;

    while (hits > 0) {
        const struct seglog_fault fault = { .ops = SEGLOG_FAULT_BIT(
                                                SEGLOG_FAULT_REMOVE),
                                            .at = ++at,
                                            .from_then_on = true };
        struct seglog_faults *faults = seglog_faults_new(f->store);
        struct seglog_session_store *dying = NULL;
        char lane[SEGLOG_LANE_NAME_CAP];
        char name[SEGLOG_LANE_NAME_CAP + 8];

        (void)seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES,
                               lane);
        session_put(f->sessions, f, "1");
        for (size_t i = 0; i < COUNT_OF(left); i++) {
            (void)snprintf(name, sizeof name, "%s%s", lane, left[i]);
            blob_write(f->store, name, "x", 1);
        }
        assert_non_null(faults);
        assert_true(seglog_faults_add(faults, &fault));
        assert_ok(seglog_session_store_open(seglog_faults_store(faults), NULL,
                                            &dying, NULL));
        (void)!seglog_session_delete_segment(dying, &f->session, &f->segment,
                                             NULL, NULL);
        hits = seglog_faults_get_hits(faults);
        (void)seglog_session_store_close(dying, NULL);
        seglog_faults_free(faults);
        if (!session_has_blob(f, SEGLOG_LANE_ENTRIES)) {
            size_t count = 0;

            assert_ok(
                seglog_store_list(f->store, "", name_count, &count, NULL));
            assert_int_equal(count, 0);
        }
        assert_ok(seglog_session_delete_segment(f->sessions, &f->session,
                                                &f->segment, NULL, NULL));
    }
    assert_true(at > COUNT_OF(left));
}

static void
delete_session__its_segments_and_note__and_no_others(void **state)
{
    struct session_fixture *f = *state;
    struct session_fixture second = *f;
    struct session_fixture foreign = *f;
    char note[SEGLOG_SESSION_NOTE_MAX];
    bool existed = false;
    size_t len = 9;

    assert_true(seglog_uuid_new(&second.segment));
    assert_true(seglog_uuid_new(&foreign.session));
    assert_true(seglog_uuid_new(&foreign.segment));
    session_put(f->sessions, f, "1");
    session_put(f->sessions, &second, "1");
    session_put(f->sessions, &foreign, "1");
    assert_ok(
        seglog_session_write_note(f->sessions, &f->session, "hi", 2, NULL));
    assert_ok(seglog_session_delete(f->sessions, &f->session, &existed, NULL));
    assert_true(existed);
    assert_false(session_has_blob(f, SEGLOG_LANE_ENTRIES));
    assert_false(session_has_blob(&second, SEGLOG_LANE_ENTRIES));
    assert_true(session_has_blob(&foreign, SEGLOG_LANE_ENTRIES));
    assert_ok(
        seglog_session_read_note(f->sessions, &f->session, note, &len, NULL));
    assert_int_equal(len, 0);
    assert_ok(seglog_session_delete(f->sessions, &f->session, &existed, NULL));
    assert_false(existed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(create__with_entries__all_are_there),
        ON_BOTH(create__without_entries__exists_with_count_0),
        ON_BOTH(create__id_is_taken__exists_and_the_log_is_untouched),
        ON_BOTH(create__bad_entry__no_segment),
        ON_BOTH(create__too_large_together__no_segment_and_nothing_left),
        ON_BOTH(create__leftover_of_a_dead_creator__gives_way),
        ON_BOTH(create__lineage_and_label__are_listed_and_survive_the_index),
        ON_BOTH(missing_segment__every_question__not_found),
        ON_BOTH(info__entries_and_trace__are_counted_apart),
        ON_BOTH(read_all__damage__corrupt_at_its_record),
        ON_BOTH(read_all__many_entries_of_all_sizes__come_back),
        ON_BOTH(open_writer__exclusive__others_wait_until_it_is_closed),
        ON_BOTH(truncate__to_n_and_to_0__the_first_n_stay),
        ON_BOTH(truncate__inside_a_group__the_records_before_stay),
        ON_BOTH(truncate__beyond_the_end__invalid_with_the_count),
        ON_BOTH(truncate__stale_head_or_count__conflict_and_nothing_is_cut),
        ON_BOTH(truncate__trace__is_not_touched),
        ON_BOTH(truncate__damaged_segment__corrupt_and_nothing_is_cut),
        ON_BOTH(delete_segment__all_lanes__nothing_is_left),
        ON_BOTH(delete_segment__dies_at_any_removal__leaves_nothing_behind_it),
        ON_BOTH(delete_session__its_segments_and_note__and_no_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
