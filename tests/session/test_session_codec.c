/* SPDX-License-Identifier: MIT */
/* tests/session/test_session_codec.c - segments that are compressed. */
#include "tests/session/session_support.h"

#include <stdio.h>

#define COMPRESSED 2u /* SPEC.md 12 */

static const struct seglog_session_store_options DEFLATE = {
    .size = sizeof DEFLATE,
    .codec = SEGLOG_CODEC_DEFLATE,
    .level_of_codec = 9,
    .rolls_over = true,
};

static bool
lane_is_compressed(const struct session_fixture *f,
                   const struct seglog_uuid *segment, enum seglog_lane lane)
{
    struct seglog_scan_summary summary;
    char name[SEGLOG_LANE_NAME_CAP];

    assert_ok(seglog_scan(f->store,
                          seglog_lane_name(&f->session, segment, lane, name),
                          NULL, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    assert_int_equal(summary.features_refuse & ~COMPRESSED, 0);
    return (summary.features_refuse & COMPRESSED) != 0;
}

static const char *
entry_text(unsigned n, char buf[SESSION_ENTRY_CAP])
{
    (void)snprintf(buf, SESSION_ENTRY_CAP,
                   "{\"kind\":\"user\",\"ts\":%u,\"content\":\"what is said "
                   "again and again, number %u\"}",
                   1786000000 + n, n);
    return buf;
}

static void
append__with_a_codec__entries_and_trace_have_it_and_notes_not(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *sessions = session_open_other(f, &DEFLATE);
    struct seglog_session_segment_info info;

    session_put_made(sessions, f, entry_text, 300);
    assert_ok(seglog_session_append_trace(sessions, &f->session, &f->segment,
                                          "{\"debug\":1}", 11, NULL));
    assert_true(lane_is_compressed(f, &f->segment, SEGLOG_LANE_ENTRIES));
    assert_true(lane_is_compressed(f, &f->segment, SEGLOG_LANE_TRACE));
    assert_false(lane_is_compressed(f, &f->segment, SEGLOG_LANE_NOTES));
    session_expect_made(sessions, f, &f->segment, entry_text, 300);
    assert_ok(seglog_session_get_segment_info(sessions, &f->session,
                                              &f->segment, &info, NULL));
    /* Nearly every byte of the text is in the entry before. */
    assert_true(info.size < 300 * 30);
    session_close_ok(sessions);
}

static void
append__segment_is_there__stays_what_it_is(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *sessions = session_open_other(f, &DEFLATE);
    char text[SESSION_ENTRY_CAP];

    session_put(f->sessions, f, entry_text(0, text));
    session_put(sessions, f, entry_text(1, text));
    assert_false(lane_is_compressed(f, &f->segment, SEGLOG_LANE_ENTRIES));
    session_expect_made(f->sessions, f, &f->segment, entry_text, 2);
    session_close_ok(sessions);
}

static void
append__by_handles_with_and_without__both_read_all(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *sessions = session_open_other(f, &DEFLATE);
    char text[SESSION_ENTRY_CAP];

    for (unsigned i = 0; i < 60; i++)
        session_put(i % 2 ? f->sessions : sessions, f, entry_text(i, text));
    assert_true(lane_is_compressed(f, &f->segment, SEGLOG_LANE_ENTRIES));
    session_expect_made(f->sessions, f, &f->segment, entry_text, 60);
    session_close_ok(sessions);
}

static void
truncate__inside_a_group__keeps_the_codec(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *sessions = session_open_other(f, &DEFLATE);
    struct seglog_slice entries[20];
    char texts[20][SESSION_ENTRY_CAP];

    for (unsigned i = 0; i < 20; i++)
        entries[i] = slice_of_text(entry_text(i, texts[i]));
    assert_ok(seglog_session_append_many(sessions, &f->session, &f->segment,
                                         entries, 20, NULL, NULL, NULL));
    assert_ok(seglog_session_truncate(f->sessions, &f->session, &f->segment, 7,
                                      NULL, NULL));
    assert_true(lane_is_compressed(f, &f->segment, SEGLOG_LANE_ENTRIES));
    session_expect_made(sessions, f, &f->segment, entry_text, 7);
    session_put(sessions, f, texts[7]);
    session_expect_made(sessions, f, &f->segment, entry_text, 8);
    session_close_ok(sessions);
}

static void
fork__by_copy_and_by_replay__have_the_codec_of_the_store(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *sessions = session_open_other(f, &DEFLATE);
    struct seglog_fork_options options = { .size = sizeof options,
                                           .how = SEGLOG_FORK_BY_COPY };
    struct seglog_uuid forked;

    session_put_made(f->sessions, f, entry_text, 30);
    assert_ok(seglog_session_fork(sessions, &f->session, &f->segment, &options,
                                  &forked, NULL));
    assert_true(lane_is_compressed(f, &forked, SEGLOG_LANE_ENTRIES));
    session_expect_made(sessions, f, &forked, entry_text, 30);
    assert_ok(seglog_session_fork(f->sessions, &f->session, &forked, &options,
                                  &forked, NULL));
    assert_false(lane_is_compressed(f, &forked, SEGLOG_LANE_ENTRIES));
    session_expect_made(sessions, f, &forked, entry_text, 30);
    session_close_ok(sessions);
}

static void
append__damaged_segment__rolls_over_to_a_compressed_one(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *sessions = session_open_other(f, &DEFLATE);
    struct seglog_appended done;
    char name[SEGLOG_LANE_NAME_CAP];
    char text[SESSION_ENTRY_CAP];

    session_put_made(f->sessions, f, entry_text, 30);
    blob_flip(
        f->store,
        seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name),
        200);
    (void)entry_text(0, text);
    assert_ok(seglog_session_append(sessions, &f->session, &f->segment, text,
                                    strlen(text), NULL, &done, NULL));
    assert_true(done.rolled_over);
    assert_true(lane_is_compressed(f, &done.segment, SEGLOG_LANE_ENTRIES));
    session_expect_made(sessions, f, &done.segment, entry_text, 1);
    session_close_ok(sessions);
}

static void
open__codec_or_level_that_is_none__invalid(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_store_options bad[] = {
        { .size = sizeof bad[0],
          .codec = (enum seglog_codec)(SEGLOG_CODEC_AUTO + 1) },
        { .size = sizeof bad[0],
          .codec = SEGLOG_CODEC_DEFLATE,
          .level_of_codec = 10 },
        { .size = sizeof bad[0],
          .codec = SEGLOG_CODEC_ZSTD,
          .level_of_codec = 20 },
    };
    struct seglog_session_store *sessions = NULL;
    struct seglog_error err;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_code_err(
            seglog_session_store_open(f->store, &bad[i], &sessions, &err),
            SEGLOG_INVALID, &err);
        assert_null(sessions);
        assert_non_null(strstr(err.message, "codec"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(append__with_a_codec__entries_and_trace_have_it_and_notes_not),
        ON_BOTH(append__segment_is_there__stays_what_it_is),
        ON_BOTH(append__by_handles_with_and_without__both_read_all),
        ON_BOTH(truncate__inside_a_group__keeps_the_codec),
        ON_BOTH(fork__by_copy_and_by_replay__have_the_codec_of_the_store),
        ON_BOTH(append__damaged_segment__rolls_over_to_a_compressed_one),
        ON_BOTH(open__codec_or_level_that_is_none__invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
