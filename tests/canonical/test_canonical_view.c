/* SPDX-License-Identifier: MIT */
/*
 * tests/canonical/test_canonical_view.c
 *
 * Goal    whatever the folder of the view holds, the state is what the log
 *         says; and what can be kept is kept.
 */
#include "tests/canonical/canonical_support.h"

#include <stdio.h>

#include "src/canonical/trust.h"
#include "src/canonical/view.h"

static bool
other_run(char id[SLG_BOOT_ID_CAP])
{
    (void)snprintf(id, SLG_BOOT_ID_CAP, "another run");
    return true;
}

static bool
unknown_run(char id[SLG_BOOT_ID_CAP])
{
    id[0] = '\0';
    return false;
}

static bool (*first_run)(char id[SLG_BOOT_ID_CAP]);

static void
machine_restart(void)
{
    first_run = slg_boot_id;
    slg_boot_id = other_run;
}

static int
teardown_run(void **state)
{
    if (first_run)
        slg_boot_id = first_run;
    first_run = NULL;
    return fixture_teardown(state);
}

#define VIEW_TEST(f)                                                           \
    cmocka_unit_test_setup_teardown(f, fixture_setup, teardown_run)

static char *
mark_read(const struct fixture *fixture)
{
    char *path = test_path(fixture->view, "trust");
    size_t len = 0;
    char *bytes = test_file_read(path, &len);
    char *text = calloc(1, len + 1);

    assert_non_null(text);
    memcpy(text, bytes, len);
    free(bytes);
    free(path);
    return text;
}

static void
assert_mark(const struct fixture *fixture, const char *begins)
{
    char *text = mark_read(fixture);

    text[strlen(begins)] = '\0';
    assert_string_equal(text, begins);
    free(text);
}

/* From now on the log cannot be read from the start. */
static void
log_damage(const struct fixture *fixture)
{
    char name[SEGLOG_STREAM_NAME_CAP];

    blob_flip(fixture->files, log_segment(fixture, 0, name),
              log_find(fixture, 0, "the first one") - 2);
}

static void
fill(struct fixture *fixture)
{
    (void)commit_one(fixture->canonical, "a", "1", "the first one");
    (void)commit_one(fixture->canonical, "b", "2", "two");
    (void)commit_one(fixture->canonical, "c", "3", "three");
}

/* -- trust ----------------------------------------------------------------- */

static void
restart_of_the_machine__with_a_clean_view__keeps_it(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    store_close(fixture);
    assert_mark(fixture, "clean\n");
    machine_restart();
    log_damage(fixture);
    store_open(fixture);
    assert_state(fixture->canonical, NULL, "a=1 b=2 c=3");
}

static void
restart_of_the_machine__with_a_view_in_use__builds_it_anew(void **state)
{
    struct fixture *fixture = *state;
    struct view_copy copy;
    char *path = test_path(fixture->view, "trust");
    char *mark = NULL;

    fill(fixture);
    assert_mark(fixture, "written in ");
    mark = mark_read(fixture);
    copy = view_copy_take(fixture);
    store_close(fixture);
    /* Half of what was written is there. */
    memset((char *)copy.bytes + copy.len / 2, 0, copy.len - copy.len / 2);
    view_copy_put_back(fixture, &copy);
    test_file_write(path, mark, strlen(mark));
    machine_restart();
    store_open(fixture);
    assert_state(fixture->canonical, NULL, "a=1 b=2 c=3");
    assert_events(fixture->canonical, 1, SEGLOG_EVENT_END, "1:two 2:three");
    assert_mark(fixture, "written in another run");
    free(mark);
    free(path);
}

static void
open__of_a_clean_view__leaves_it_clean(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    store_reopen(fixture);
    assert_mark(fixture, "clean\n");
    assert_state(fixture->canonical, NULL, "a=1 b=2 c=3");
    seglog_write_txn_abort(write_begin(fixture->canonical));
    assert_mark(fixture, "clean\n");
    (void)commit_one(fixture->canonical, "d", "4", NULL);
    assert_mark(fixture, "written in ");
    store_close(fixture);
    assert_mark(fixture, "clean\n");
}

/* The mark of the files that were removed says nothing of the new ones. */
static void
lmdb_files__removed_but_for_the_mark__are_not_clean_when_made_anew(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    store_close(fixture);
    view_remove(fixture);
    assert_mark(fixture, "clean\n");
    store_open(fixture);
    assert_mark(fixture, "written in ");
}

static void
view_in_use__put_in_the_place_of_a_clean_one__is_not_clean(void **state)
{
    struct fixture *fixture = *state;
    struct view_copy copy;

    fill(fixture);
    copy = view_copy_take(fixture);
    store_close(fixture);
    view_copy_put_back(fixture, &copy);
    store_open(fixture);
    (void)commit_one(fixture->canonical, "d", "4", NULL);
    assert_mark(fixture, "written in ");
}

static void
run_of_the_machine__that_is_unknown__means_a_view_of_its_own(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    store_close(fixture);
    first_run = slg_boot_id;
    slg_boot_id = unknown_run;
    store_open(fixture);
    assert_state(fixture->canonical, NULL, "a=1 b=2 c=3");
    (void)commit_one(fixture->canonical, "d", "4", NULL);
    store_close(fixture);
    slg_boot_id = first_run;
    store_open(fixture);
    assert_state(fixture->canonical, NULL, "a=1 b=2 c=3 d=4");
}

/* -- views that are not of this log, or of now ----------------------------- */

static void
view__that_is_older__catches_up(void **state)
{
    struct fixture *fixture = *state;
    struct view_copy copy;

    fill(fixture);
    store_close(fixture);
    copy = view_copy_take(fixture);
    store_open(fixture);
    (void)commit_one(fixture->canonical, "a", "9", "four");
    store_close(fixture);
    view_copy_put_back(fixture, &copy);
    /* What the view has is not read again. */
    log_damage(fixture);
    store_open(fixture);
    assert_state(fixture->canonical, NULL, "a=9 b=2 c=3");
    assert_event(fixture->canonical, 3, "four");
}

static void
view__of_another_log__is_built_anew(void **state)
{
    struct fixture *fixture = *state;
    struct fixture *other = NULL;
    void *other_state = NULL;
    struct view_copy copy;

    assert_int_equal(fixture_setup(&other_state), 0);
    other = other_state;
    (void)commit_one(other->canonical, "of", "another", NULL);
    (void)commit_one(other->canonical, "of", "another", NULL);
    (void)commit_one(other->canonical, "of", "another", NULL);
    store_close(other);
    fill(fixture);
    store_close(fixture);
    copy = view_copy_take(other);
    view_copy_put_back(fixture, &copy);
    store_open(fixture);
    assert_state(fixture->canonical, NULL, "a=1 b=2 c=3");
    assert_event(fixture->canonical, 0, "the first one");
    assert_int_equal(fixture_teardown(&other_state), 0);
}

struct log_copy {
    uint8_t *bytes;
    size_t len;
};

static struct log_copy
log_copy_take(const struct fixture *fixture)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    struct log_copy copy = { 0 };

    copy.bytes =
        blob_read(fixture->files, log_segment(fixture, 0, name), &copy.len);
    return copy;
}

static void
log_copy_put_back(const struct fixture *fixture, struct log_copy *copy)
{
    char name[SEGLOG_STREAM_NAME_CAP];

    blob_replace(fixture->files, log_segment(fixture, 0, name), copy->bytes,
                 copy->len);
    free(copy->bytes);
}

static void
view__ahead_of_a_log_that_was_cut__follows_it(void **state)
{
    struct fixture *fixture = *state;
    struct log_copy copy;

    fill(fixture);
    store_close(fixture);
    copy = log_copy_take(fixture);
    store_open(fixture);
    (void)commit_one(fixture->canonical, "lost", "1", "lost");
    store_close(fixture);
    log_copy_put_back(fixture, &copy);
    store_open(fixture);
    assert_state(fixture->canonical, NULL, "a=1 b=2 c=3");
    assert_events(fixture->canonical, 2, SEGLOG_EVENT_END, "2:three");
    assert_int_equal(
        commit_one(fixture->canonical, "d", "4", "four").first_event, 3);
}

/* As long as the one that it has seen, or longer, but not the same. */
static void
view__of_what_a_log_has_lost__is_not_taken_for_its_own(void **state)
{
    for (unsigned more = 0; more < 3; more++) {
        struct fixture *fixture = *state;
        struct log_copy copy;
        struct view_copy view;

        fill(fixture);
        store_close(fixture);
        copy = log_copy_take(fixture);
        store_open(fixture);
        (void)commit_one(fixture->canonical, "lost", "1", "lost");
        store_close(fixture);
        view = view_copy_take(fixture);
        log_copy_put_back(fixture, &copy);
        store_open(fixture);
        for (unsigned i = 0; i <= more; i++)
            (void)commit_one(fixture->canonical, "kept", "1", "kept");
        store_close(fixture);
        view_copy_put_back(fixture, &view);
        store_open(fixture);
        assert_value(fixture->canonical, "lost", NULL);
        assert_value(fixture->canonical, "kept", "1");
        assert_event(fixture->canonical, 3, "kept");
        if (more == 2)
            return;
        assert_int_equal(fixture_teardown(state), 0);
        assert_int_equal(fixture_setup(state), 0);
    }
}

/* -- views of one handle --------------------------------------------------- */

static void
views_of_their_own__see_what_the_others_commit(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = NULL;

    store_close(fixture);
    fixture->options.view_dir = NULL;
    store_open(fixture);
    other = store_open_other(fixture);
    (void)commit_one(fixture->canonical, "a", "1", "one");
    assert_value(other, "a", "1");
    (void)commit_one(other, "a", "2", "two");
    assert_value(fixture->canonical, "a", "2");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:one 1:two");
    assert_int_equal(
        commit_one(fixture->canonical, "b", "3", "three").first_event, 2);
    assert_int_equal(meta_of(other).next_event, 3);
    assert_ok(seglog_canonical_pause(other, 0, NULL));
    assert_true(meta_of(fixture->canonical).is_paused);
    assert_ok(seglog_canonical_resume(fixture->canonical, NULL));
    assert_ok(seglog_canonical_close(other, NULL));
}

static void
memory_store__with_a_view_of_its_own__is_one_as_well(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_store memory;
    const struct seglog_store files = fixture->store;

    store_close(fixture);
    fixture->options.view_dir = NULL;
    assert_ok(seglog_store_memory_open(&memory, NULL));
    fixture->store = memory;
    store_open(fixture);
    fill(fixture);
    store_reopen(fixture);
    assert_state(fixture->canonical, NULL, "a=1 b=2 c=3");
    assert_events(fixture->canonical, 1, 2, "1:two");
    store_close(fixture);
    fixture->store = files;
    seglog_store_close(&memory);
}

static void
handles_of_one_process__share_a_view(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *other = store_open_other(fixture);

    for (unsigned i = 0; i < 20; i++) {
        char text[8];

        (void)snprintf(text, sizeof text, "%u", i);
        assert_int_equal(
            commit_one(i % 2 ? other : fixture->canonical, "a", text, text)
                .first_event,
            i);
        assert_value(i % 2 ? fixture->canonical : other, "a", text);
    }
    /* The one that is left is as it was. */
    store_close(fixture);
    assert_value(other, "a", "19");
    (void)commit_one(other, "a", "20", NULL);
    assert_value(other, "a", "20");
    assert_ok(seglog_canonical_close(other, NULL));
    store_open(fixture);
    assert_value(fixture->canonical, "a", "20");
}

/* -- read-only ------------------------------------------------------------- */

static void
read_only__of_nothing__is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *canonical = NULL;
    struct seglog_store memory;
    const struct seglog_canonical_options options = { .size = sizeof options,
                                                      .is_read_only = true };

    (void)fixture;
    assert_ok(seglog_store_memory_open(&memory, NULL));
    assert_code(seglog_canonical_open(memory, &options, &canonical, NULL),
                SEGLOG_NOT_FOUND);
    seglog_store_close(&memory);
}

static void
read_only__reads_and_does_not_write(void **state)
{
    struct fixture *fixture = *state;
    struct seglog_canonical *reader = NULL;
    struct seglog_write_txn *txn = NULL;
    struct seglog_write_batch *batch = NULL;
    uint64_t id = 0;

    fill(fixture);
    fixture->options.is_read_only = true;
    reader = store_open_other(fixture);
    fixture->options.is_read_only = false;
    assert_state(reader, NULL, "a=1 b=2 c=3");
    assert_code(seglog_write_txn_begin(reader, &txn, NULL), SEGLOG_READ_ONLY);
    assert_code(seglog_canonical_seal(reader, &id, NULL), SEGLOG_READ_ONLY);
    assert_code(seglog_canonical_pause(reader, 0, NULL), SEGLOG_READ_ONLY);
    assert_ok(seglog_write_batch_new(reader, &batch, NULL));
    assert_ok(seglog_write_batch_append_event(batch, text_slice("x"), NULL));
    assert_code(seglog_write_batch_commit(batch, false, NULL, NULL),
                SEGLOG_READ_ONLY);
    seglog_write_batch_free(batch);
    (void)commit_one(fixture->canonical, "a", "2", "four");
    assert_value(reader, "a", "2");
    assert_event(reader, 3, "four");
    assert_ok(seglog_canonical_close(reader, NULL));
}

/* -- rows ------------------------------------------------------------------ */

/* As a build of another kind, or somebody's hand, may leave it. */
static void
row_put(struct fixture *fixture, enum slg_view_table table, const char *key)
{
    struct slg_view *view = NULL;
    struct slg_view_txn *txn = NULL;

    assert_ok(slg_view_open(fixture->view, UINT64_C(1) << 30, 16, &view, NULL));
    assert_ok(slg_view_begin(view, true, &txn, NULL));
    assert_ok(
        slg_view_put(txn, table, text_slice(key), text_slice("short"), NULL));
    assert_ok(slg_view_commit(txn, NULL));
    slg_view_close(view);
}

static bool
consumer_count(void *arg, const struct seglog_consumer_info *info)
{
    (void)info;
    ++*(unsigned *)arg;
    return true;
}

static void
row__that_is_too_short__is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    unsigned count = 0;

    fill(fixture);
    row_put(fixture, SLG_VIEW_CURSORS, "reader");
    assert_code(seglog_canonical_list_consumers(fixture->canonical,
                                                consumer_count, &count, NULL),
                SEGLOG_CORRUPT);
    assert_int_equal(count, 0);
    row_put(fixture, SLG_VIEW_DEAD, "short");
    assert_code(seglog_canonical_make_snapshot(fixture->canonical, NULL, NULL),
                SEGLOG_CORRUPT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        VIEW_TEST(row__that_is_too_short__is_corrupt),
        VIEW_TEST(restart_of_the_machine__with_a_clean_view__keeps_it),
        VIEW_TEST(restart_of_the_machine__with_a_view_in_use__builds_it_anew),
        VIEW_TEST(open__of_a_clean_view__leaves_it_clean),
        VIEW_TEST(
            lmdb_files__removed_but_for_the_mark__are_not_clean_when_made_anew),
        VIEW_TEST(view_in_use__put_in_the_place_of_a_clean_one__is_not_clean),
        VIEW_TEST(run_of_the_machine__that_is_unknown__means_a_view_of_its_own),
        VIEW_TEST(view__that_is_older__catches_up),
        VIEW_TEST(view__of_another_log__is_built_anew),
        VIEW_TEST(view__ahead_of_a_log_that_was_cut__follows_it),
        VIEW_TEST(view__of_what_a_log_has_lost__is_not_taken_for_its_own),
        VIEW_TEST(views_of_their_own__see_what_the_others_commit),
        VIEW_TEST(memory_store__with_a_view_of_its_own__is_one_as_well),
        VIEW_TEST(handles_of_one_process__share_a_view),
        VIEW_TEST(read_only__of_nothing__is_not_found),
        VIEW_TEST(read_only__reads_and_does_not_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
