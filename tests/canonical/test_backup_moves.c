/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_backup_moves.c - the source changes meanwhile. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/canonical/backup_support.h"

#include "seglog/session.h"
#include "seglog/stream.h"
#include "seglog/testing/fault_store.h"
#include "src/canonical/backup.h"

/* -- in the middle of a copy ----------------------------------------------- */

struct change {
    struct seglog_store store;
    void (*run)(struct change *change);
    uint64_t at; /* the how manieth piece */
    uint64_t pieces;
    bool is_repeated;
};

static bool
change_at(void *arg, uint64_t done, uint64_t total)
{
    struct change *change = arg;

    (void)done;
    (void)total;
    change->pieces++;
    if (change->pieces == change->at ||
        (change->is_repeated && change->pieces > change->at))
        change->run(change);
    return true;
}

static struct seglog_backup_info
make_with(struct backup_fixture *fixture, struct change *change)
{
    fixture->options.piece_bytes = 100;
    fixture->options.on_progress = change_at;
    fixture->options.arg = change;
    change->store = fixture->source;
    return backup_make_ok(fixture);
}

/* What a blob has in the latest backup. */
static uint8_t *
restored_read(const struct backup_fixture *fixture, const char *name,
              size_t *len)
{
    struct seglog_store restored = backup_restore_ok(fixture->repository, 0);
    uint8_t *bytes = blob_read(restored, name, len);

    seglog_store_close(&restored);
    return bytes;
}

static void
assert_restored(const struct backup_fixture *fixture, const char *name,
                uint64_t seed, size_t want)
{
    size_t len = 0;
    uint8_t *bytes = restored_read(fixture, name, &len);
    uint8_t *right = malloc(want + 1);

    assert_non_null(right);
    test_fill(right, want, seed);
    assert_int_equal(len, want);
    assert_memory_equal(bytes, right, want);
    free(bytes);
    free(right);
}

static void
a_and_b_grow(struct change *change)
{
    blob_add(change->store, "a", "more", 4);
    blob_add(change->store, "b", "more", 4);
    backup_fill(change->store, "c", 10, 3);
}

static void
make__blobs_grow__are_taken_as_they_were(void **state)
{
    struct backup_fixture *fixture = *state;
    struct change change = { .run = a_and_b_grow, .at = 1 };
    struct seglog_backup_info info;

    backup_fill(fixture->source, "a", 250, 1);
    backup_fill(fixture->source, "b", 250, 2);
    info = make_with(fixture, &change);
    assert_true(info.is_one_moment);
    assert_int_equal(info.blobs, 2);
    assert_int_equal(info.bytes, 500);
    assert_restored(fixture, "a", 1, 250);
    assert_restored(fixture, "b", 2, 250);
}

static void
b_is_replaced_and_c_removed(struct change *change)
{
    backup_fill(change->store, "b.new", 40, 9);
    assert_ok(seglog_store_replace(change->store, "b.new", "b", NULL));
    assert_ok(seglog_store_remove(change->store, "c", NULL));
}

static void
make__names_change__what_they_led_to_is_taken(void **state)
{
    struct backup_fixture *fixture = *state;
    struct change change = { .run = b_is_replaced_and_c_removed, .at = 1 };

    backup_fill(fixture->source, "a", 250, 1);
    backup_fill(fixture->source, "b", 250, 2);
    backup_fill(fixture->source, "c", 250, 3);
    assert_true(make_with(fixture, &change).is_one_moment);
    assert_restored(fixture, "b", 2, 250);
    assert_restored(fixture, "c", 3, 250);
}

/* The first pieces are gone already when it grows again. */
static void
a_is_cut_and_grows(struct change *change)
{
    uint8_t bytes[300];

    test_fill(bytes, sizeof bytes, 7);
    blob_cut(change->store, "a", 50);
    blob_cut(change->store, "a", 0);
    blob_add(change->store, "a", bytes, sizeof bytes);
}

static void
make__blob_is_cut_and_grows__is_taken_anew(void **state)
{
    /* In the middle, and when all of it was read once. */
    for (uint64_t at = 1; at <= 3; at++) {
        struct backup_fixture *fixture = *state;
        struct change change = { .run = a_is_cut_and_grows, .at = at };
        struct seglog_backup_info info;

        backup_fill(fixture->source, "a", 250, 1);
        info = make_with(fixture, &change);
        assert_false(info.is_one_moment);
        assert_int_equal(info.bytes, 300);
        assert_restored(fixture, "a", 7, 300);
    }
}

static void
a_is_cut(struct change *change)
{
    blob_cut(change->store, "a", 120);
}

static void
make__blob_is_cut__is_taken_as_it_is(void **state)
{
    struct backup_fixture *fixture = *state;
    struct change change = { .run = a_is_cut, .at = 1 };

    backup_fill(fixture->source, "a", 250, 1);
    assert_int_equal(make_with(fixture, &change).bytes, 120);
    assert_restored(fixture, "a", 1, 120);
}

static void
a_is_another(struct change *change)
{
    backup_fill(change->store, "a", 250, change->pieces);
}

static void
make__blob_is_cut_all_the_time__is_a_conflict(void **state)
{
    struct backup_fixture *fixture = *state;
    struct change change = { .run = a_is_another,
                             .at = 1,
                             .is_repeated = true };
    struct seglog_error err;

    backup_fill(fixture->source, "a", 250, 1);
    fixture->options.piece_bytes = 100;
    fixture->options.on_progress = change_at;
    fixture->options.arg = &change;
    change.store = fixture->source;
    assert_code(seglog_backup_make(fixture->source, fixture->repository,
                                   &fixture->options, NULL, &err),
                SEGLOG_CONFLICT);
    assert_string_equal(err.name, "a");
    assert_int_equal(backup_count(fixture->repository, "", ""), 0);
}

/* What was stored of it before lies in parts of its own, which go. */
static void
make__cut_after_whole_parts__leaves_no_unused_part(void **state)
{
    struct backup_fixture *fixture = *state;
    struct change change = { .run = a_is_cut_and_grows, .at = 3 };
    struct seglog_backup_info info;

    fixture->options.part_bytes = 100;
    backup_fill(fixture->source, "a", 250, 1);
    info = make_with(fixture, &change);
    assert_int_equal(backup_count(fixture->repository, "", ".part"),
                     info.parts);
    assert_restored(fixture, "a", 7, 300);
}

/* -- more blobs than can be held open -------------------------------------- */

static void
b_goes(struct change *change)
{
    assert_ok(seglog_store_remove(change->store, "b", NULL));
}

static void
make__many_blobs__one_that_goes_is_left_out(void **state)
{
    struct backup_fixture *fixture = *state;
    struct change change = { .run = b_goes, .at = 1 };
    struct seglog_backup_info info;

    fixture->options.open_max = 2;
    backup_fill(fixture->source, "a", 250, 1);
    backup_fill(fixture->source, "b", 250, 2);
    backup_fill(fixture->source, "c", 250, 3);
    info = make_with(fixture, &change);
    assert_false(info.is_one_moment);
    assert_int_equal(info.blobs, 2);
    backup_assert_restores(fixture);
}

static void
two_are_merged(struct change *change)
{
    backup_fill(change->store, "stream.7.1-2.seg", 400, 5);
    assert_ok(seglog_store_remove(change->store, "stream.7.2.seg", NULL));
    assert_ok(seglog_store_remove(change->store, "stream.7.1.seg", NULL));
}

static void
make__many_blobs__a_merged_stream_is_taken_anew(void **state)
{
    struct backup_fixture *fixture = *state;
    struct change change = { .run = two_are_merged, .at = 1 };

    fixture->options.open_max = 1;
    backup_fill(fixture->source, "stream.7.1.seg", 250, 1);
    backup_fill(fixture->source, "stream.7.2.seg", 250, 2);
    backup_fill(fixture->source, "stream.7.3.seg", 250, 3);
    (void)make_with(fixture, &change);
    backup_assert_restores(fixture);
    assert_int_equal(backup_count(fixture->repository, "", ""), 2);
}

/* -- a store that can be held ---------------------------------------------- */

struct held {
    struct seglog_store store;
    unsigned freezes;
    unsigned thaws;
    bool is_frozen;
    seglog_code code;
    void (*last)(struct seglog_store store); /* what is done before it stops */
};

static seglog_code
held_freeze(void *arg, struct slg_backup_position *position,
            struct seglog_error *err)
{
    struct held *held = arg;

    if (held->code != SEGLOG_OK)
        return slg_backup_fail(err, held->code, NULL, "it does not stop");
    assert_false(held->is_frozen);
    if (held->last)
        held->last(held->store);
    held->is_frozen = true;
    held->freezes++;
    position->is_known = true;
    position->number = UINT64_MAX - held->freezes;
    (void)snprintf(position->text, sizeof position->text, "event %u\n",
                   held->freezes);
    return SEGLOG_OK;
}

static void
held_thaw(void *arg)
{
    struct held *held = arg;

    assert_true(held->is_frozen);
    held->is_frozen = false;
    held->thaws++;
    /* From now on others write. */
    blob_add(held->store, "stream.0.1", "more", 4);
}

static bool
held_is_taken(void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "view") != 0;
}

static struct slg_backup_source
held_source(struct backup_fixture *fixture, struct held *held)
{
    held->store = fixture->source;
    backup_fill(fixture->source, "stream.0.1", 250, 1);
    backup_fill(fixture->source, "stream.0.2", 250, 2);
    backup_fill(fixture->source, "other", 250, 3);
    backup_fill(fixture->source, "view", 250, 4);
    return (struct slg_backup_source){
        .store = fixture->source,
        .freeze = held_freeze,
        .thaw = held_thaw,
        .is_taken = held_is_taken,
        .arg = held,
    };
}

static void
make__held_store__is_of_its_position(void **state)
{
    /* All are held open, or those of the prefix alone. */
    for (unsigned open_max = 1; open_max <= 10; open_max += 9) {
        struct backup_fixture *fixture = *state;
        struct held held = { .code = SEGLOG_OK };
        const struct slg_backup_source source = held_source(fixture, &held);
        struct seglog_backup_info info;
        struct seglog_backup_info read;

        fixture->options.open_max = open_max;
        assert_ok(slg_backup_make(&source, fixture->repository,
                                  &fixture->options, &info, NULL));
        assert_int_equal(held.freezes, 1);
        assert_int_equal(held.thaws, 1);
        assert_int_equal(info.is_one_moment, open_max > 1);
        assert_int_equal(info.blobs, 3);
        assert_restored(fixture, "stream.0.1", 1, 250);
        assert_ok(seglog_backup_verify(fixture->repository, NULL, &read, NULL));
        assert_true(read.has_position);
        assert_true(read.position == UINT64_MAX - 1);
        assert_string_equal(read.text, "event 1\n");
    }
}

static void
make__cannot_be_held__says_why(void **state)
{
    struct backup_fixture *fixture = *state;
    struct held held = { .code = SEGLOG_PAUSED };
    const struct slg_backup_source source = held_source(fixture, &held);

    assert_code(slg_backup_make(&source, fixture->repository, NULL, NULL, NULL),
                SEGLOG_PAUSED);
    assert_int_equal(held.thaws, 0);
    assert_int_equal(backup_count(fixture->repository, "", ""), 0);
}

/* When it has been opened already. */
static void
log_1_is_replaced(struct seglog_store store)
{
    backup_fill(store, "stream.0.1.new", 77, 9);
    assert_ok(
        seglog_store_replace(store, "stream.0.1.new", "stream.0.1", NULL));
    assert_ok(seglog_store_remove(store, "stream.0.2", NULL));
    backup_fill(store, "stream.0.3", 44, 8);
}

static void
make__names_change_before_it_is_held__are_looked_up_again(void **state)
{
    for (unsigned open_max = 1; open_max <= 10; open_max += 9) {
        struct backup_fixture *fixture = *state;
        struct held held = { .last = log_1_is_replaced };
        const struct slg_backup_source source = held_source(fixture, &held);

        fixture->options.open_max = open_max;
        assert_ok(slg_backup_make(&source, fixture->repository,
                                  &fixture->options, NULL, NULL));
        assert_restored(fixture, "stream.0.1", 9, 77);
        assert_restored(fixture, "stream.0.3", 8, 44);
    }
}

static void
make__session_store__holds_its_index(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_faults *faults = seglog_faults_new(fixture->source);

    assert_non_null(faults);
    backup_fill(fixture->source, "index.seg", 20, 1);
    seglog_faults_watch(faults, "index.seg");
    assert_ok(seglog_backup_make(seglog_faults_store(faults),
                                 fixture->repository, NULL, NULL, NULL));
    assert_int_equal(seglog_faults_get_count(faults, SEGLOG_FAULT_ACQUIRE), 1);
    assert_int_equal(seglog_faults_get_count(faults, SEGLOG_FAULT_RELEASE), 1);
    seglog_faults_free(faults);
}

/* What was in the log is in another one, which the copy does not have. */
static void
state_is_made(struct change *change)
{
    backup_fill(change->store, "state.2", 50, 6);
    (void)!seglog_store_remove(change->store, "state.1", NULL);
    (void)!seglog_store_remove(change->store, "stream.0.2", NULL);
    (void)!seglog_store_remove(change->store, "other", NULL);
}

static void
make__held_blobs_go__are_in_it_all_the_same(void **state)
{
    struct backup_fixture *fixture = *state;
    struct held held = { .code = SEGLOG_OK };
    struct slg_backup_source source = held_source(fixture, &held);
    struct change change = { .run = state_is_made,
                             .at = 1,
                             .store = fixture->source };

    backup_fill(fixture->source, "state.1", 60, 5);
    fixture->options.open_max = 1;
    fixture->options.piece_bytes = 100;
    fixture->options.on_progress = change_at;
    fixture->options.arg = &change;
    assert_ok(slg_backup_make(&source, fixture->repository, &fixture->options,
                              NULL, NULL));
    assert_int_equal(held.freezes, 1);
    assert_restored(fixture, "state.1", 5, 60);
    assert_restored(fixture, "stream.0.2", 2, 250);
}

/* The state goes between the list of names and when it is opened. */
struct vanishing {
    struct seglog_store_ops ops;
    struct seglog_store below;
    unsigned lists;
};

static seglog_code
vanishing_list(void *self, const char *prefix, seglog_list_fn fn, void *arg,
               struct seglog_error *err)
{
    struct vanishing *vanishing = self;
    const seglog_code code =
        seglog_store_list(vanishing->below, prefix, fn, arg, err);
    char name[32];

    /* The first one is before it is held. */
    vanishing->lists++;
    if (vanishing->lists < 2 || vanishing->lists > 4)
        return code;
    (void)snprintf(name, sizeof name, "state.%u", vanishing->lists - 1);
    (void)!seglog_store_remove(vanishing->below, name, NULL);
    (void)snprintf(name, sizeof name, "state.%u", vanishing->lists);
    backup_fill(vanishing->below, name, 60, vanishing->lists);
    return code;
}

static seglog_code
vanishing_open(void *self, const char *name, unsigned flags,
               struct seglog_blob *blob, struct seglog_error *err)
{
    struct vanishing *vanishing = self;

    return seglog_blob_open(vanishing->below, name, flags, blob, err);
}

static void
make__held_blob_goes_while_names_are_looked_up__next_one_is_in_it(void **state)
{
    struct backup_fixture *fixture = *state;
    struct held held = { .code = SEGLOG_OK };
    struct slg_backup_source source = held_source(fixture, &held);
    struct vanishing vanishing = { .below = fixture->source };

    vanishing.ops = (struct seglog_store_ops){ .size = sizeof vanishing.ops,
                                               .open = vanishing_open,
                                               .list = vanishing_list };
    source.store = (struct seglog_store){ &vanishing.ops, &vanishing };
    backup_fill(fixture->source, "state.1", 60, 1);
    fixture->options.open_max = 1;
    assert_ok(slg_backup_make(&source, fixture->repository, &fixture->options,
                              NULL, NULL));
    assert_restored(fixture, "state.4", 4, 60);
}

static void
log_is_another(struct change *change)
{
    backup_fill(change->store, "stream.0.1", 260, 6);
}

static void
make__held_blob_is_cut__all_begins_anew(void **state)
{
    /* Before it is copied, after the three pieces of another one; meanwhile;
     * and when it was read once. */
    for (uint64_t at = 1; at <= 6; at++) {
        struct backup_fixture *fixture = *state;
        struct held held = { .code = SEGLOG_OK };
        const struct slg_backup_source source = held_source(fixture, &held);
        struct change change = { .run = log_is_another,
                                 .at = at,
                                 .store = fixture->source };
        struct seglog_backup_info info;

        fixture->options.piece_bytes = 100;
        fixture->options.on_progress = change_at;
        fixture->options.arg = &change;
        fixture->options.is_full = true;
        assert_ok(slg_backup_make(&source, fixture->repository,
                                  &fixture->options, &info, NULL));
        assert_int_equal(held.freezes, 2);
        assert_int_equal(held.thaws, 2);
        assert_true(info.is_one_moment);
        assert_string_equal(info.text, "event 2\n");
        assert_restored(fixture, "stream.0.1", 6, 260);
        assert_int_equal(backup_count(fixture->repository, "", ""), 2 * at);
    }
}

#define RUN_MS 1500

/* -- threads --------------------------------------------------------------- */

struct work {
    struct seglog_store store;
    atomic_bool is_over;
    struct seglog_uuid session;
};

static const struct seglog_stream_options stream_options = {
    .size = sizeof stream_options,
    .chain = SEGLOG_CHAIN_XXH3,
    .segment_bytes = 2000,
};

static void *
streams_work(void *arg)
{
    struct work *work = arg;
    struct seglog_streams streams;
    struct seglog_stream_end end;

    assert_ok(
        seglog_streams_open(work->store, &stream_options, &streams, NULL));
    for (unsigned i = 0; !atomic_load(&work->is_over) && i < 200000; i++) {
        char text[40];
        struct seglog_slice event = { text, 0 };

        event.len = (size_t)snprintf(text, sizeof text, "event %u", i);
        assert_ok(seglog_stream_append_batch(
            streams, 7, &event, 1, SEGLOG_OFFSET_ANY, NULL, false, &end, NULL));
        if (i % 7 == 3)
            assert_ok(seglog_stream_tombstone(streams, 7, i - 2, NULL, NULL));
#ifdef SEGLOG_HAVE_ZSTD
        if (i % 300 == 299) {
            const struct seglog_stream_compact_options compact = {
                .size = sizeof compact, .level = 1, .threads = 1
            };

            assert_ok(seglog_stream_compact(streams, 7, &compact, NULL, NULL));
        }
#endif
    }
    assert_ok(seglog_streams_close(&streams, NULL));
    return NULL;
}

static void
streams_must_be_good(struct seglog_store store)
{
    struct seglog_streams streams;
    struct seglog_stream_verified verified;
    const struct seglog_slice event = { "on", 2 };
    struct seglog_error err;

    assert_ok(seglog_streams_open(store, &stream_options, &streams, NULL));
    assert_code_err(seglog_stream_verify(streams, 7, NULL, &verified, &err),
                    SEGLOG_OK, &err);
    assert_true(verified.is_good);
    assert_code_err(seglog_stream_append_batch(streams, 7, &event, 1,
                                               SEGLOG_OFFSET_ANY, NULL, false,
                                               NULL, &err),
                    SEGLOG_OK, &err);
    assert_ok(seglog_streams_close(&streams, NULL));
}

static void
backups_must_be_good(struct backup_fixture *fixture, struct work *work,
                     void *(*run)(void *), void (*look)(struct seglog_store))
{
    pthread_t thread;

    const int64_t end_ms = test_now_ms() + RUN_MS;
    unsigned good = 0;

    work->store = fixture->source;
    fixture->options.piece_bytes = 500;
    assert_int_equal(pthread_create(&thread, NULL, run, work), 0);
    for (unsigned i = 0; test_now_ms() < end_ms; i++) {
        struct seglog_store restored;
        struct seglog_error err;
        seglog_code code = SEGLOG_OK;

        fixture->options.open_max = i % 3 == 2 ? 1 : 0;
        fixture->options.is_full = i % 4 == 3;
        code = seglog_backup_make(fixture->source, fixture->repository,
                                  &fixture->options, NULL, &err);
        /* Merged or cut faster than copied: it says so. */
        if (code == SEGLOG_CONFLICT)
            continue;
        assert_code_err(code, SEGLOG_OK, &err);
        restored = backup_restore_ok(fixture->repository, 0);
        look(restored);
        seglog_store_close(&restored);
        good++;
    }
    assert_true(good > 0);
    atomic_store(&work->is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
make__streams_are_written_and_compacted__is_good_at_any_time(void **state)
{
    struct backup_fixture *fixture = *state;
    struct work work = { .is_over = false };
    const struct seglog_slice event = { "event 0", 7 };
    struct seglog_streams streams;

    /* So that there is a stream from the beginning on. */
    assert_ok(
        seglog_streams_open(fixture->source, &stream_options, &streams, NULL));
    assert_ok(seglog_stream_append_batch(streams, 7, &event, 1, 0, NULL, false,
                                         NULL, NULL));
    assert_ok(seglog_streams_close(&streams, NULL));
    backups_must_be_good(fixture, &work, streams_work, streams_must_be_good);
}

static struct seglog_uuid
uuid_of(unsigned number)
{
    struct seglog_uuid id;

    assert_true(seglog_uuid_new(&id));
    memcpy(id.bytes, &number, sizeof number);
    return id;
}

static void *
sessions_work(void *arg)
{
    struct work *work = arg;
    struct seglog_session_store *sessions = NULL;

    assert_ok(seglog_session_store_open(work->store, NULL, &sessions, NULL));
    for (unsigned i = 0; !atomic_load(&work->is_over) && i < 60000; i++) {
        const struct seglog_uuid segment = uuid_of(i);

        for (unsigned k = 0; k < 30; k++)
            assert_ok(seglog_session_append(sessions, &work->session, &segment,
                                            "{\"kind\":\"a\"}", 12, NULL, NULL,
                                            NULL));
        assert_ok(seglog_session_truncate(sessions, &work->session, &segment,
                                          20, NULL, NULL));
        assert_ok(seglog_session_append(sessions, &work->session, &segment,
                                        "{\"kind\":\"bc\"}", 13, NULL, NULL,
                                        NULL));
#ifdef SEGLOG_HAVE_ZSTD
        if (i % 2)
            assert_ok(seglog_session_seal_segment(sessions, &work->session,
                                                  &segment, NULL, NULL, NULL));
#endif
        if (i % 5 == 4)
            assert_ok(seglog_session_delete_segment(sessions, &work->session,
                                                    &segment, NULL, NULL));
    }
    assert_ok(seglog_session_store_close(sessions, NULL));
    return NULL;
}

static bool
row_must_be_good(void *arg, const struct seglog_session_row *row)
{
    struct seglog_slice *entries = NULL;
    size_t count = 0;
    struct seglog_error err;

    assert_code_err(seglog_session_read_all(arg, &row->session, &row->segment,
                                            SEGLOG_LANE_ENTRIES, &entries,
                                            &count, &err),
                    SEGLOG_OK, &err);
    assert_in_range(count, 1, 30);
    seglog_free(entries);
    return true;
}

static void
sessions_must_be_good(struct seglog_store store)
{
    struct seglog_session_store *sessions = NULL;
    struct seglog_error err;

    assert_ok(seglog_session_store_open(store, NULL, &sessions, NULL));
    assert_code_err(
        seglog_session_list(sessions, NULL, row_must_be_good, sessions, &err),
        SEGLOG_OK, &err);
    assert_ok(seglog_session_store_close(sessions, NULL));
}

static void
make__sessions_are_cut_sealed_removed__is_good_at_any_time(void **state)
{
    struct backup_fixture *fixture = *state;
    struct work work = { .is_over = false };

    assert_true(seglog_uuid_new(&work.session));
    backups_must_be_good(fixture, &work, sessions_work, sessions_must_be_good);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BACKUP_TEST(make__blobs_grow__are_taken_as_they_were),
        BACKUP_TEST(make__names_change__what_they_led_to_is_taken),
        BACKUP_TEST(make__blob_is_cut_and_grows__is_taken_anew),
        BACKUP_TEST(make__blob_is_cut__is_taken_as_it_is),
        BACKUP_TEST(make__blob_is_cut_all_the_time__is_a_conflict),
        BACKUP_TEST(make__cut_after_whole_parts__leaves_no_unused_part),
        BACKUP_TEST(make__many_blobs__one_that_goes_is_left_out),
        BACKUP_TEST(make__many_blobs__a_merged_stream_is_taken_anew),
        BACKUP_TEST(make__held_store__is_of_its_position),
        BACKUP_TEST(make__cannot_be_held__says_why),
        BACKUP_TEST(make__names_change_before_it_is_held__are_looked_up_again),
        BACKUP_TEST(make__session_store__holds_its_index),
        BACKUP_TEST(make__held_blobs_go__are_in_it_all_the_same),
        BACKUP_TEST(
            make__held_blob_goes_while_names_are_looked_up__next_one_is_in_it),
        BACKUP_TEST(make__held_blob_is_cut__all_begins_anew),
        BACKUP_TEST(
            make__streams_are_written_and_compacted__is_good_at_any_time),
        BACKUP_TEST(make__sessions_are_cut_sealed_removed__is_good_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
