/* SPDX-License-Identifier: MIT */
/*
 * tests/session/test_index.c
 *
 * Goal    the session index is only ever a faster way to the same answer:
 *         whatever becomes of it, listing says what the segments hold.
 * Method  every case on a folder of files and on memory.  The truth is the
 *         names of the blobs, and what the test has created.
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "tests/support/blobs.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "seglog/session.h"
#include "src/session/index.h"

#define SEGMENTS 12

struct fixture {
    char *dir; /* NULL: memory */
    struct seglog_store store;
    struct seglog_session_store *sessions;
    struct seglog_uuid session[SEGMENTS];
    struct seglog_uuid segment[SEGMENTS];
};

static struct seglog_session_store *
sessions_open(struct fixture *f, bool is_read_only)
{
    const struct seglog_session_store_options options = {
        .size = sizeof options, .is_read_only = is_read_only
    };
    struct seglog_session_store *sessions = NULL;

    assert_ok(seglog_session_store_open(f->store, &options, &sessions, NULL));
    return sessions;
}

static void
sessions_reopen(struct fixture *f)
{
    assert_ok(seglog_session_store_close(f->sessions, NULL));
    f->sessions = sessions_open(f, false);
}

static struct seglog_uuid
id(unsigned a, unsigned b)
{
    struct seglog_uuid uuid = { { 1, (uint8_t)a, 0x70, (uint8_t)b, 9 } };

    return uuid;
}

static void
segment_create(struct seglog_session_store *sessions,
               struct seglog_uuid session, struct seglog_uuid segment,
               const struct seglog_uuid *from, const char *label)
{
    struct seglog_segment_new options = { .size = sizeof options };
    struct seglog_error err;

    options.label = (struct seglog_slice){ label, strlen(label) };
    if (from) {
        options.lineage.kind = SEGLOG_LINEAGE_FORKED_FROM;
        options.lineage.segment = *from;
        options.lineage.at_turn = 3;
        options.lineage.at_record = 17;
    }
    assert_code_err(seglog_session_create_segment(sessions, &session, &segment,
                                                  &options, &err),
                    SEGLOG_OK, &err);
}

/* Three segments to a session; each but the first forked from the first. */
static int
setup_on(void **state, bool on_files)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    if (on_files) {
        f->dir = test_dir_make();
        assert_ok(seglog_store_file_open(f->dir, false, &f->store, NULL));
    } else {
        assert_ok(seglog_store_memory_open(&f->store, NULL));
    }
    f->sessions = sessions_open(f, false);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        char label[32];

        f->session[i] = id(i / 3, 0);
        f->segment[i] = id(i / 3, 1 + i % 3);
        (void)snprintf(label, sizeof label, "label %u", i);
        segment_create(f->sessions, f->session[i], f->segment[i],
                       i % 3 ? &f->segment[i - i % 3] : NULL, label);
    }
    *state = f;
    return 0;
}

static int
setup_files(void **state)
{
    return setup_on(state, true);
}

static int
setup_memory(void **state)
{
    return setup_on(state, false);
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    assert_ok(seglog_session_store_close(f->sessions, NULL));
    seglog_store_close(&f->store);
    if (f->dir)
        test_dir_remove(f->dir);
    free(f);
    return 0;
}

/* -- what must be said, whatever has happened ----------------------------- */

struct listing {
    struct fixture *f;
    size_t count;
};

static bool
row_check(void *arg, const struct seglog_session_row *row)
{
    struct listing *listing = arg;
    const struct fixture *f = listing->f;
    const size_t i = SEGMENTS - 1 - listing->count;
    char label[32];

    assert_true(listing->count < SEGMENTS);
    assert_int_equal(seglog_uuid_compare(&row->session, &f->session[i]), 0);
    assert_int_equal(seglog_uuid_compare(&row->segment, &f->segment[i]), 0);
    (void)snprintf(label, sizeof label, "label %zu", i);
    assert_int_equal(row->label.len, strlen(label));
    assert_memory_equal(row->label.data, label, strlen(label));
    assert_int_equal(row->lineage.kind,
                     i % 3 ? SEGLOG_LINEAGE_FORKED_FROM : SEGLOG_LINEAGE_NONE);
    if (i % 3) {
        assert_int_equal(
            seglog_uuid_compare(&row->lineage.segment, &f->segment[i - i % 3]),
            0);
        assert_int_equal(row->lineage.at_turn, 3);
        assert_int_equal(row->lineage.at_record, 17);
    }
    assert_true(row->created_ms > INT64_C(1600000000000));
    listing->count++;
    return true;
}

static void
assert_all_listed_by(struct fixture *f, struct seglog_session_store *sessions)
{
    struct listing listing = { .f = f };
    struct seglog_uuid *ids = NULL;
    struct seglog_uuid session;
    struct seglog_uuid unknown = id(200, 200);
    size_t count = 0;
    bool found = false;

    assert_ok(seglog_session_list(sessions, NULL, row_check, &listing, NULL));
    assert_int_equal(listing.count, SEGMENTS);
    assert_ok(seglog_session_list_sessions(sessions, &ids, &count, NULL));
    assert_int_equal(count, SEGMENTS / 3);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            seglog_uuid_compare(&ids[i], &f->session[SEGMENTS - 1 - 3 * i]), 0);
    seglog_free(ids);
    assert_ok(seglog_session_list_segments(sessions, &f->session[4], &ids,
                                           &count, NULL));
    assert_int_equal(count, 3);
    assert_int_equal(seglog_uuid_compare(&ids[0], &f->segment[5]), 0);
    assert_int_equal(seglog_uuid_compare(&ids[2], &f->segment[3]), 0);
    seglog_free(ids);
    assert_ok(seglog_session_lookup_session_of(sessions, &f->segment[7],
                                               &session, &found, NULL));
    assert_true(found);
    assert_int_equal(seglog_uuid_compare(&session, &f->session[7]), 0);
    assert_ok(seglog_session_lookup_session_of(sessions, &unknown, &session,
                                               &found, NULL));
    assert_false(found);
}

/* By the store that is open, and by one that is opened now. */
static void
assert_all_listed(struct fixture *f)
{
    struct seglog_session_store *fresh = NULL;

    assert_all_listed_by(f, f->sessions);
    fresh = sessions_open(f, false);
    assert_all_listed_by(f, fresh);
    assert_ok(seglog_session_store_close(fresh, NULL));
}

/* -- the bytes of the index ----------------------------------------------- */

/* Long enough for the stamp of a folder to settle. */
static void
settle(void)
{
    const struct timespec pause = { .tv_nsec = 80 * 1000 * 1000 };

    (void)nanosleep(&pause, NULL);
}

static void
list__as_created__all_most_recent_first(void **state)
{
    struct fixture *f = *state;

    assert_all_listed(f);
    settle();
    assert_all_listed(f);
    assert_all_listed(f);
}

static void
list__index_removed__made_anew(void **state)
{
    struct fixture *f = *state;
    struct seglog_blob_info info;

    assert_ok(seglog_store_remove(f->store, "index.seg", NULL));
    assert_all_listed(f);
    assert_ok(seglog_store_get_info(f->store, "index.seg", &info, NULL));
}

static void
list__any_byte_of_the_index_damaged__same_answer(void **state)
{
    struct fixture *f = *state;
    size_t len = 0;
    uint8_t *bytes = NULL;

    settle();
    assert_all_listed(f);
    bytes = blob_read(f->store, "index.seg", &len);
    for (size_t at = 0; at < len; at++) {
        bytes[at] ^= (uint8_t)(1u << at % 8);
        blob_write(f->store, "index.seg", bytes, len);
        bytes[at] ^= (uint8_t)(1u << at % 8);
        sessions_reopen(f);
        assert_all_listed_by(f, f->sessions);
    }
    for (size_t cut = 0; cut < len; cut += 7) {
        blob_write(f->store, "index.seg", bytes, cut);
        assert_all_listed(f);
    }
    free(bytes);
}

static void
list__index_of_before_put_back__same_answer(void **state)
{
    struct fixture *f = *state;
    struct seglog_uuid extra_session = id(250, 0);
    struct seglog_uuid extra = id(250, 1);
    bool existed = false;
    size_t len = 0;
    uint8_t *bytes = NULL;

    /* Of when there was one session more ... */
    segment_create(f->sessions, extra_session, extra, NULL, "extra");
    settle();
    assert_ok(seglog_session_lookup_session_of(f->sessions, &extra,
                                               &extra_session, &existed, NULL));
    assert_true(existed);
    bytes = blob_read(f->store, "index.seg", &len);
    assert_ok(
        seglog_session_delete(f->sessions, &extra_session, &existed, NULL));
    assert_true(existed);
    blob_write(f->store, "index.seg", bytes, len);
    assert_all_listed(f);
    free(bytes);

    /* ... and one less. */
    assert_ok(
        seglog_session_delete(f->sessions, &f->session[0], &existed, NULL));
    settle();
    assert_ok(seglog_session_rebuild_index(f->sessions, NULL));
    bytes = blob_read(f->store, "index.seg", &len);
    for (unsigned i = 0; i < 3; i++) {
        char label[32];

        (void)snprintf(label, sizeof label, "label %u", i);
        segment_create(f->sessions, f->session[i], f->segment[i],
                       i ? &f->segment[0] : NULL, label);
    }
    blob_write(f->store, "index.seg", bytes, len);
    assert_all_listed(f);
    free(bytes);
}

static void
list__creator_dies_before_or_after_the_blob__listed_if_it_exists(void **state)
{
    struct fixture *f = *state;
    struct slg_index *index = NULL;
    struct seglog_session_row row = { .session = id(240, 0),
                                      .segment = id(240, 1) };
    struct seglog_uuid session;
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_blob blob = { 0 };
    bool found = true;

    settle();
    assert_all_listed(f);
    /* Noted that a change begins, and nothing after it. */
    assert_ok(slg_index_new(f->store, false, 1000, &index, NULL));
    assert_ok(slg_index_begin(index, NULL));
    slg_index_free(index);
    assert_all_listed(f);

    /* The same with the blob there. */
    assert_ok(slg_index_new(f->store, false, 1000, &index, NULL));
    assert_ok(slg_index_begin(index, NULL));
    (void)seglog_lane_name(&row.session, &row.segment, SEGLOG_LANE_ENTRIES,
                           name);
    assert_ok(seglog_blob_open(
        f->store, name, SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL));
    assert_ok(seglog_blob_close(&blob, NULL));
    slg_index_free(index);
    assert_ok(seglog_session_lookup_session_of(f->sessions, &row.segment,
                                               &session, &found, NULL));
    assert_true(found);
    assert_ok(seglog_store_remove(f->store, name, NULL));
    assert_all_listed(f);
}

static void
list__blobs_moved_by_hand__as_the_names_say(void **state)
{
    struct fixture *f = *state;
    struct seglog_uuid elsewhere = id(230, 0);
    struct seglog_uuid session;
    char from[SEGLOG_LANE_NAME_CAP];
    char name[SEGLOG_LANE_NAME_CAP];
    bool found = false;

    settle();
    assert_all_listed(f);
    (void)seglog_lane_name(&f->session[4], &f->segment[4], SEGLOG_LANE_ENTRIES,
                           from);
    (void)seglog_lane_name(&elsewhere, &f->segment[4], SEGLOG_LANE_ENTRIES,
                           name);
    assert_ok(seglog_store_replace(f->store, from, name, NULL));
    assert_ok(seglog_session_lookup_session_of(f->sessions, &f->segment[4],
                                               &session, &found, NULL));
    assert_true(found);
    assert_int_equal(seglog_uuid_compare(&session, &elsewhere), 0);
    assert_ok(seglog_store_replace(f->store, name, from, NULL));
    assert_all_listed(f);
}

/* Names that are nearly those of lanes. */
static void
list__other_blobs__ignored(void **state)
{
    static const char *const names[] = {
        "notes.txt",
        "01000000-0000-0000-0000-000000000000.seg",
        "01000000-0000-0000-0000-000000000000."
        "01000000-0000-0000-0000-000000000000.jsonl",
        "01000000-0000-0000-0000-000000000000."
        "01000000-0000-0000-0000-000000000000.trace.seg",
        "01000000-0000-0000-0000-00000000000A."
        "01000000-0000-0000-0000-000000000000.seg",
        "01000000-0000-0000-0000-000000000000."
        "01000000-0000-0000-0000-000000000000.seg.seg",
        "{1000000-0000-0000-0000-000000000000}"
        "01000000-0000-0000-0000-000000000000.seg",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct seglog_blob blob = { 0 };

        assert_ok(seglog_blob_open(f->store, names[i],
                                   SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
                                   &blob, NULL));
        assert_ok(seglog_blob_close(&blob, NULL));
        assert_all_listed(f);
    }
}

static void
list__read_only__same_answer_and_nothing_written(void **state)
{
    struct fixture *f = *state;
    struct seglog_session_store *sessions = NULL;
    struct seglog_blob_info info;

    assert_ok(seglog_store_remove(f->store, "index.seg", NULL));
    sessions = sessions_open(f, true);
    assert_all_listed_by(f, sessions);
    assert_all_listed_by(f, sessions);
    settle();
    assert_all_listed_by(f, sessions);
    assert_code(seglog_store_get_info(f->store, "index.seg", &info, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(
        seglog_session_write_note(sessions, &f->session[0], "x", 1, NULL),
        SEGLOG_READ_ONLY);
    assert_ok(seglog_session_store_close(sessions, NULL));
}

/* Something else has the name of the index: listing goes on without one. */
static void
list__index_is_a_folder__same_answer(void **state)
{
    struct fixture *f = *state;
    char *path = NULL;

    if (!f->dir)
        return;
    assert_ok(seglog_store_remove(f->store, "index.seg", NULL));
    path = test_path(f->dir, "index.seg");
    assert_int_equal(mkdir(path, 0777), 0);
    assert_all_listed(f);
    settle();
    assert_all_listed(f);
    assert_int_equal(rmdir(path), 0);
    assert_all_listed(f);
    free(path);
}

/* Its lock file is made with it: nothing moves the stamp behind the index. */
static void
append__makes_the_segment__the_index_holds(void **state)
{
    struct fixture *f = *state;
    struct seglog_uuid session = id(249, 0);
    struct seglog_uuid segment = id(249, 1);
    struct seglog_blob_info before;
    struct seglog_blob_info after;
    bool existed = false;

    settle();
    assert_all_listed_by(f, f->sessions);
    assert_ok(seglog_store_get_info(f->store, "index.seg", &before, NULL));
    assert_ok(seglog_session_append(f->sessions, &session, &segment, "{}", 2,
                                    NULL, NULL, NULL));
    assert_ok(seglog_session_append(f->sessions, &session, &segment, "{}", 2,
                                    NULL, NULL, NULL));
    assert_ok(seglog_session_delete(f->sessions, &session, &existed, NULL));
    assert_true(existed);
    assert_all_listed_by(f, f->sessions);
    /* Added to, and not written anew. */
    assert_ok(seglog_store_get_info(f->store, "index.seg", &after, NULL));
    assert_true(after.size > before.size);
}

/* A segment that is open here was deleted there and made in another session. */
static void
append__by_segment_that_moved_to_another_session__goes_there(void **state)
{
    struct fixture *f = *state;
    struct seglog_session_store *other = sessions_open(f, false);
    struct seglog_uuid elsewhere = id(248, 0);
    struct seglog_error err;
    uint64_t count = 0;
    bool existed = false;

    assert_ok(seglog_session_append(f->sessions, NULL, &f->segment[4], "1", 1,
                                    NULL, NULL, NULL));
    assert_ok(seglog_session_delete_segment(other, &f->session[4],
                                            &f->segment[4], &existed, NULL));
    assert_true(existed);
    segment_create(other, elsewhere, f->segment[4], NULL, "moved");
    assert_ok(seglog_session_append(f->sessions, NULL, &f->segment[4], "2", 1,
                                    NULL, NULL, &err));
    assert_ok(seglog_session_read_entry_count(other, &elsewhere, &f->segment[4],
                                              &count, NULL, NULL));
    assert_int_equal(count, 1);
    assert_ok(seglog_session_read_entry_count(f->sessions, NULL, &f->segment[4],
                                              &count, NULL, NULL));
    assert_int_equal(count, 1);
    assert_ok(seglog_session_store_close(other, NULL));
}

static void
resolve__prefixes__unique_ones_only(void **state)
{
    struct fixture *f = *state;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    struct seglog_error err;
    bool is_segment = true;

    assert_ok(seglog_session_resolve(f->sessions, "0102-7000", &session,
                                     &segment, &is_segment, NULL));
    assert_false(is_segment);
    assert_int_equal(seglog_uuid_compare(&session, &f->session[6]), 0);
    assert_int_equal(seglog_uuid_compare(&segment, &f->segment[8]), 0);
    assert_ok(seglog_session_resolve(f->sessions, "01027002", &session,
                                     &segment, &is_segment, NULL));
    assert_true(is_segment);
    assert_int_equal(seglog_uuid_compare(&segment, &f->segment[7]), 0);
    /* The session, and no others but its own segments. */
    assert_ok(seglog_session_resolve(f->sessions, "0102", &session, &segment,
                                     &is_segment, NULL));
    assert_false(is_segment);
    assert_int_equal(seglog_uuid_compare(&session, &f->session[6]), 0);
    assert_code(seglog_session_resolve(f->sessions, "01", &session, &segment,
                                       &is_segment, &err),
                SEGLOG_CONFLICT);
    assert_int_equal(err.actual, SEGMENTS / 3);
    assert_code(seglog_session_resolve(f->sessions, "ff", &session, &segment,
                                       &is_segment, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_session_resolve(f->sessions, "../x", &session, &segment,
                                       &is_segment, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_session_resolve(f->sessions, "", &session, &segment,
                                       &is_segment, NULL),
                SEGLOG_INVALID);
}

int
main(void)
{
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, setup_files, teardown),              \
        cmocka_unit_test_setup_teardown(name, setup_memory, teardown)
    const struct CMUnitTest tests[] = {
        TEST(list__as_created__all_most_recent_first),
        TEST(list__index_removed__made_anew),
        TEST(list__any_byte_of_the_index_damaged__same_answer),
        TEST(list__index_of_before_put_back__same_answer),
        TEST(list__creator_dies_before_or_after_the_blob__listed_if_it_exists),
        TEST(list__blobs_moved_by_hand__as_the_names_say),
        TEST(list__other_blobs__ignored),
        TEST(list__read_only__same_answer_and_nothing_written),
        TEST(list__index_is_a_folder__same_answer),
        TEST(append__makes_the_segment__the_index_holds),
        TEST(append__by_segment_that_moved_to_another_session__goes_there),
        TEST(resolve__prefixes__unique_ones_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
