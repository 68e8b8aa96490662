/* SPDX-License-Identifier: MIT */
/* tests/session/session_support.c - what the tests of session stores share. */
#include "tests/session/session_support.h"

#include <stdio.h>

static int
fixture_open(struct session_fixture *fixture, void **state)
{
    const struct seglog_session_store_options options = {
        .size = sizeof options, .lock_timeout_ms = 5000
    };
    struct seglog_error err;

    assert_code_err(seglog_session_store_open(fixture->store, &options,
                                              &fixture->sessions, &err),
                    SEGLOG_OK, &err);
    assert_true(seglog_uuid_new(&fixture->session));
    assert_true(seglog_uuid_new(&fixture->segment));
    *state = fixture;
    return 0;
}

int
session_setup_memory(void **state)
{
    struct session_fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    assert_ok(seglog_store_memory_open(&fixture->store, NULL));
    return fixture_open(fixture, state);
}

int
session_setup_folder(void **state)
{
    struct session_fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->dir = test_dir_make();
    assert_ok(
        seglog_store_file_open(fixture->dir, false, &fixture->store, NULL));
    return fixture_open(fixture, state);
}

int
session_teardown(void **state)
{
    struct session_fixture *fixture = *state;

    session_close_ok(fixture->sessions);
    seglog_store_close(&fixture->store);
    if (fixture->dir)
        test_dir_remove(fixture->dir);
    free(fixture);
    return 0;
}

struct seglog_session_store *
session_open_other(const struct session_fixture *fixture,
                   const struct seglog_session_store_options *options)
{
    struct seglog_session_store *sessions = NULL;
    struct seglog_error err;

    assert_code_err(
        seglog_session_store_open(fixture->store, options, &sessions, &err),
        SEGLOG_OK, &err);
    return sessions;
}

void
session_close_ok(struct seglog_session_store *sessions)
{
    struct seglog_error err;

    assert_code_err(seglog_session_store_close(sessions, &err), SEGLOG_OK,
                    &err);
}

struct seglog_slice
slice_of_text(const char *text)
{
    return (struct seglog_slice){ text, strlen(text) };
}

void
session_put(struct seglog_session_store *sessions,
            const struct session_fixture *fixture, const char *text)
{
    struct seglog_error err;

    assert_code_err(seglog_session_append(sessions, &fixture->session,
                                          &fixture->segment, text, strlen(text),
                                          NULL, NULL, &err),
                    SEGLOG_OK, &err);
}

void
session_expect_entries(struct seglog_session_store *sessions,
                       const struct session_fixture *fixture,
                       const char *const *texts, size_t count)
{
    struct seglog_slice *entries = NULL;
    struct seglog_error err;
    size_t found = 0;

    assert_code_err(
        seglog_session_read_all(sessions, &fixture->session, &fixture->segment,
                                SEGLOG_LANE_ENTRIES, &entries, &found, &err),
        SEGLOG_OK, &err);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].len, strlen(texts[i]));
        assert_memory_equal(entries[i].data, texts[i], entries[i].len);
    }
    seglog_free(entries);
}

uint64_t
session_count(struct seglog_session_store *sessions,
              const struct session_fixture *fixture)
{
    struct seglog_error err;
    uint64_t count = 0;

    assert_code_err(seglog_session_read_entry_count(sessions, &fixture->session,
                                                    &fixture->segment, &count,
                                                    NULL, &err),
                    SEGLOG_OK, &err);
    return count;
}

struct seglog_head
session_head(struct seglog_session_store *sessions,
             const struct session_fixture *fixture)
{
    struct seglog_head head;
    uint64_t count = 0;

    assert_ok(seglog_session_read_entry_count(
        sessions, &fixture->session, &fixture->segment, &count, &head, NULL));
    return head;
}

bool
session_has_blob(const struct session_fixture *fixture, enum seglog_lane lane)
{
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_blob_info info;

    seglog_lane_name(&fixture->session, &fixture->segment, lane, name);
    return seglog_store_get_info(fixture->store, name, &info, NULL) ==
           SEGLOG_OK;
}

struct row_seen {
    struct seglog_uuid segment;
    struct seglog_lineage lineage;
    bool is_found;
};

static bool
row_look(void *arg, const struct seglog_session_row *row)
{
    struct row_seen *seen = arg;

    if (seglog_uuid_compare(&row->segment, &seen->segment) != 0)
        return true;
    seen->lineage = row->lineage;
    seen->is_found = true;
    return false;
}

void
session_expect_lineage(const struct session_fixture *fixture,
                       const struct seglog_uuid *segment,
                       const struct seglog_lineage *want)
{
    struct row_seen seen = { .segment = *segment };

    assert_ok(seglog_session_list(fixture->sessions, &fixture->session,
                                  row_look, &seen, NULL));
    assert_true(seen.is_found);
    assert_int_equal(seen.lineage.kind, want->kind);
    assert_memory_equal(&seen.lineage.segment, &want->segment,
                        sizeof want->segment);
    assert_int_equal(seen.lineage.at_turn, want->at_turn);
    assert_int_equal(seen.lineage.at_record, want->at_record);
}

void
session_put_made(struct seglog_session_store *sessions,
                 const struct session_fixture *f, session_entry_fn make,
                 unsigned count)
{
    char text[SESSION_ENTRY_CAP];

    for (unsigned i = 0; i < count; i++)
        session_put(sessions, f, make(i, text));
}

void
session_expect_made(struct seglog_session_store *sessions,
                    const struct session_fixture *f,
                    const struct seglog_uuid *segment, session_entry_fn make,
                    unsigned count)
{
    struct seglog_slice *entries = NULL;
    size_t got = 0;
    char text[SESSION_ENTRY_CAP];

    assert_ok(seglog_session_read_all(sessions, &f->session, segment,
                                      SEGLOG_LANE_ENTRIES, &entries, &got,
                                      NULL));
    assert_int_equal(got, count);
    for (unsigned i = 0; i < count; i++) {
        (void)make(i, text);
        assert_int_equal(entries[i].len, strlen(text));
        assert_memory_equal(entries[i].data, text, strlen(text));
    }
    seglog_free(entries);
}
