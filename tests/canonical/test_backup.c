/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_backup.c - backups are made, restored and removed. */
#include "tests/canonical/backup_support.h"

#include "seglog/encrypted_store.h"
#include "seglog/seal.h"
#include "seglog/session.h"
#include "seglog/stream.h"
#include "src/crypt/primitives.h"

#define KIB 1024u

/* -- what comes back ------------------------------------------------------- */

static void
make__blobs_of_all_sizes__come_back(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_backup_info info;

    fixture->options.piece_bytes = 100;
    fixture->options.part_bytes = 250;
    backup_fill(fixture->source, "empty", 0, 1);
    backup_fill(fixture->source, "one", 1, 2);
    backup_fill(fixture->source, "piece", 100, 3);
    backup_fill(fixture->source, "more", 101, 4);
    backup_fill(fixture->source, "parts", 1000, 5);
    backup_fill(fixture->source, "odd \"name\"\\\x01\xFF", 10, 6);
    info = backup_make_ok(fixture);
    assert_int_equal(info.number, 1);
    assert_int_equal(info.base, 0);
    assert_int_equal(info.blobs, 6);
    assert_int_equal(info.bytes, 1212);
    assert_int_equal(info.stored, 1212);
    assert_int_equal(info.new_stored, 1212);
    assert_int_equal(info.parts, info.new_parts);
    assert_true(info.is_one_moment);
    assert_false(info.has_position);
    assert_string_equal(info.manifest, "backup.000001.manifest");
    assert_int_equal(info.digest.len, slg_crypt_is_available() ? 32 : 16);
    assert_int_equal(backup_count(fixture->repository, "", ""), info.parts + 1);
    backup_assert_restores(fixture);
}

static void
make__empty_store__comes_back_empty(void **state)
{
    struct backup_fixture *fixture = *state;
    const struct seglog_backup_info info = backup_make_ok(fixture);

    assert_int_equal(info.blobs, 0);
    assert_int_equal(info.parts, 0);
    backup_assert_restores(fixture);
}

static void
make__compressible__is_stored_small(void **state)
{
    struct backup_fixture *fixture = *state;
    char *text = calloc(1, 300 * KIB);
    struct seglog_backup_info info;

    fixture->options.level = 0;
    blob_write(fixture->source, "zeros", text, 300 * KIB);
    backup_fill(fixture->source, "random", 100, 1);
    free(text);
    info = backup_make_ok(fixture);
    assert_int_equal(info.bytes, 300 * KIB + 100);
#ifdef SEGLOG_HAVE_ZSTD
    assert_in_range(info.stored, 101, 1000);
#endif
    backup_assert_restores(fixture);
}

static void
make__names_being_made__are_left_out(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_backup_info info;

    backup_fill(fixture->source, "a.seg", 10, 1);
    backup_fill(fixture->source, "a.seg.new", 10, 2);
    backup_fill(fixture->source, "a.seg.cut", 10, 3);
    backup_fill(fixture->source, "a.seg.sealing", 10, 4);
    backup_fill(fixture->source, "a.seg.torn", 10, 5);
    info = backup_make_ok(fixture);
    assert_int_equal(info.blobs, 2);
    backup_assert_restores(fixture);
}

/* -- stores of the library ------------------------------------------------- */

static struct seglog_slice
slice_of(const char *text)
{
    return (struct seglog_slice){ text, strlen(text) };
}

static void
session_append(struct seglog_store store, const struct seglog_uuid *session,
               const struct seglog_uuid *segment, unsigned count)
{
    struct seglog_session_store *sessions = NULL;
    struct seglog_error err;

    assert_code_err(seglog_session_store_open(store, NULL, &sessions, &err),
                    SEGLOG_OK, &err);
    for (unsigned i = 0; i < count; i++)
        assert_code_err(seglog_session_append(sessions, session, segment,
                                              "{\"kind\":\"a\"}", 12, NULL,
                                              NULL, &err),
                        SEGLOG_OK, &err);
    assert_ok(seglog_session_store_close(sessions, NULL));
}

static uint64_t
session_entries(struct seglog_store store, const struct seglog_uuid *session,
                const struct seglog_uuid *segment)
{
    struct seglog_session_store *sessions = NULL;
    uint64_t count = 0;

    assert_ok(seglog_session_store_open(store, NULL, &sessions, NULL));
    assert_ok(seglog_session_read_entry_count(sessions, session, segment,
                                              &count, NULL, NULL));
    assert_ok(seglog_session_store_close(sessions, NULL));
    return count;
}

static void
restore__session_store__is_written_on_at_once(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_uuid session;
    struct seglog_uuid segment;
    struct seglog_store restored;

    assert_true(seglog_uuid_new(&session) && seglog_uuid_new(&segment));
    session_append(fixture->source, &session, &segment, 700);
    (void)backup_make_ok(fixture);
    session_append(fixture->source, &session, &segment, 1);
    restored = backup_restore_ok(fixture->repository, 0);
    assert_int_equal(session_entries(restored, &session, &segment), 700);
    session_append(restored, &session, &segment, 5);
    assert_int_equal(session_entries(restored, &session, &segment), 705);
    assert_int_equal(session_entries(fixture->source, &session, &segment), 701);
    seglog_store_close(&restored);
}

static const struct seglog_stream_options stream_options = {
    .size = sizeof stream_options,
    .chain = SEGLOG_CHAIN_XXH3,
    .segment_bytes = 1000,
};

static void
stream_append(struct seglog_store store, unsigned count)
{
    struct seglog_streams streams;
    struct seglog_error err;

    assert_code_err(seglog_streams_open(store, &stream_options, &streams, &err),
                    SEGLOG_OK, &err);
    for (unsigned i = 0; i < count; i++) {
        const struct seglog_slice event = slice_of("an event of some length");

        assert_code_err(seglog_stream_append_batch(streams, 7, &event, 1,
                                                   SEGLOG_OFFSET_ANY, NULL,
                                                   false, NULL, &err),
                        SEGLOG_OK, &err);
    }
    assert_ok(seglog_streams_close(&streams, NULL));
}

static struct seglog_stream_end
stream_end(struct seglog_store store)
{
    struct seglog_streams streams;
    struct seglog_stream_end end;
    struct seglog_stream_verified verified;

    assert_ok(seglog_streams_open(store, &stream_options, &streams, NULL));
    assert_ok(seglog_stream_verify(streams, 7, NULL, &verified, NULL));
    assert_true(verified.is_good);
    assert_ok(seglog_stream_latest_chain_hash(streams, 7, &end, NULL));
    assert_ok(seglog_streams_close(&streams, NULL));
    return end;
}

static void
restore__streams__have_the_same_heads_and_go_on(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_store restored;
    struct seglog_stream_end was;
    struct seglog_stream_end is;

    stream_append(fixture->source, 200);
    was = stream_end(fixture->source);
    (void)backup_make_ok(fixture);
    restored = backup_restore_ok(fixture->repository, 0);
    is = stream_end(restored);
    assert_int_equal(is.next_offset, 200);
    assert_memory_equal(is.hash.bytes, was.hash.bytes, was.hash.len);
    stream_append(restored, 10);
    assert_int_equal(stream_end(restored).next_offset, 210);
    seglog_store_close(&restored);
}

/* -- one after the other --------------------------------------------------- */

static void
make__grown_blob__stores_what_is_new_alone(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_backup_info info;
    struct seglog_store first;
    uint8_t bytes[330];

    fixture->options.piece_bytes = 100;
    test_fill(bytes, sizeof bytes, 9);
    blob_write(fixture->source, "log", bytes, 250);
    backup_fill(fixture->source, "other", 90, 2);
    assert_int_equal(backup_make_ok(fixture).new_stored, 340);

    info = backup_make_ok(fixture);
    assert_int_equal(info.number, 2);
    assert_int_equal(info.base, 1);
    assert_int_equal(info.new_stored, 0);
    assert_int_equal(info.new_parts, 0);
    assert_int_equal(info.stored, 340);

    blob_add(fixture->source, "log", bytes + 250, 80);
    info = backup_make_ok(fixture);
    assert_int_equal(info.base, 2);
    assert_int_equal(info.new_stored, 80);
    assert_int_equal(info.new_parts, 1);
    assert_int_equal(info.parts, 2);
    assert_int_equal(info.bytes, 420);
    backup_assert_restores(fixture);
    first = backup_restore_ok(fixture->repository, 1);
    assert_int_equal(backup_count(first, "", ""), 2);
    seglog_store_close(&first);

    fixture->options.is_full = true;
    info = backup_make_ok(fixture);
    assert_int_equal(info.base, 0);
    assert_int_equal(info.new_stored, 420);
    assert_int_equal(info.stored, 420);
    backup_assert_restores(fixture);
}

static void
make__given_base__is_compared_with(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_backup_info info;

    backup_fill(fixture->source, "log", 300, 1);
    (void)backup_make_ok(fixture);
    backup_fill(fixture->source, "log", 300, 2);
    (void)backup_make_ok(fixture);
    backup_fill(fixture->source, "log", 300, 1);
    fixture->options.base = 1;
    info = backup_make_ok(fixture);
    assert_int_equal(info.base, 1);
    assert_int_equal(info.new_stored, 0);
    fixture->options.base = 9;
    assert_code(seglog_backup_make(fixture->source, fixture->repository,
                                   &fixture->options, NULL, NULL),
                SEGLOG_NOT_FOUND);
}

static void
make__changed_at_its_start__is_stored_from_there(void **state)
{
    struct backup_fixture *fixture = *state;
    uint8_t bytes[300];

    fixture->options.piece_bytes = 100;
    test_fill(bytes, sizeof bytes, 1);
    blob_write(fixture->source, "log", bytes, 300);
    (void)backup_make_ok(fixture);
    bytes[150] ^= 1;
    blob_write(fixture->source, "log", bytes, 300);
    assert_int_equal(backup_make_ok(fixture).new_stored, 200);
    backup_assert_restores(fixture);
    /* Shorter than a piece of the base: that piece is no help. */
    blob_write(fixture->source, "log", bytes, 130);
    assert_int_equal(backup_make_ok(fixture).new_stored, 30);
    backup_assert_restores(fixture);
}

/* -- options and errors ---------------------------------------------------- */

static void
make__options_out_of_range__are_invalid(void **state)
{
    struct backup_fixture *fixture = *state;
    const struct seglog_backup_options bad[] = {
        { .level = SEGLOG_BACKUP_LEVEL_MAX + 1 },
        { .level = -2 },
        { .piece_bytes = SEGLOG_BACKUP_PIECE_MIN - 1 },
        { .piece_bytes = SEGLOG_BACKUP_PIECE_MAX + 1 },
        { .part_bytes = SEGLOG_BACKUP_PIECE_MIN - 1 },
        { .part_bytes = (UINT64_C(1) << 40) + 1 },
        { .is_full = true, .base = 1 },
    };

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct seglog_backup_options options = bad[i];

        options.size = sizeof options;
        assert_code(seglog_backup_make(fixture->source, fixture->repository,
                                       &options, NULL, NULL),
                    SEGLOG_INVALID);
    }
    assert_code(
        seglog_backup_make(fixture->source, fixture->source, NULL, NULL, NULL),
        SEGLOG_INVALID);
    assert_int_equal(backup_count(fixture->repository, "", ""), 0);
}

static void
make__repository_locked__is_locked(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_lock lock;

    assert_ok(seglog_lock_open(fixture->repository, "backup", &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    fixture->options.lock_timeout_ms = 1;
    assert_code(seglog_backup_make(fixture->source, fixture->repository,
                                   &fixture->options, NULL, NULL),
                SEGLOG_LOCKED);
    assert_code(seglog_backup_remove(fixture->repository, 0, 1, NULL, NULL),
                SEGLOG_LOCKED);
    assert_ok(seglog_lock_release(lock, NULL));
    seglog_lock_close(&lock);
    (void)backup_make_ok(fixture);
}

static bool
stop_at(void *arg, uint64_t done, uint64_t total)
{
    uint64_t *left = arg;

    assert_true(done <= total);
    return (*left)-- > 1;
}

static void
make__stopped_anywhere__leaves_no_backup(void **state)
{
    struct backup_fixture *fixture = *state;
    uint64_t left = 0;

    fixture->options.piece_bytes = 100;
    fixture->options.on_progress = stop_at;
    fixture->options.arg = &left;
    backup_fill(fixture->source, "log", 300, 1);
    /* Three pieces are copied, and three verified. */
    for (unsigned i = 1; i <= 6; i++) {
        left = i;
        assert_code(seglog_backup_make(fixture->source, fixture->repository,
                                       &fixture->options, NULL, NULL),
                    SEGLOG_END);
        assert_int_equal(backup_count(fixture->repository, "", ""), 0);
    }
    left = 7;
    assert_int_equal(backup_make_ok(fixture).number, 1);
    backup_assert_restores(fixture);
}

static void
make__left_over_by_one_that_died__is_removed(void **state)
{
    struct backup_fixture *fixture = *state;

    backup_fill(fixture->source, "log", 300, 1);
    (void)backup_make_ok(fixture);
    backup_fill(fixture->repository, "backup.000002.000001.part", 5, 1);
    backup_fill(fixture->repository, "backup.000002.manifest.new", 5, 1);
    backup_fill(fixture->repository, "backup.000003.000007.part", 5, 1);
    backup_fill(fixture->repository, "backup.of mine", 5, 1);
    backup_fill(fixture->source, "log", 310, 1);
    assert_int_equal(backup_make_ok(fixture).number, 2);
    assert_int_equal(backup_count(fixture->repository, "", ""), 5);
    backup_assert_restores(fixture);
}

static void
restore__store_is_not_empty__exists(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_error err;

    backup_fill(fixture->source, "log", 300, 1);
    (void)backup_make_ok(fixture);
    assert_code(seglog_backup_restore(fixture->repository, fixture->source,
                                      NULL, NULL, &err),
                SEGLOG_EXISTS);
    assert_string_equal(err.name, "log");
}

static void
restore__no_such_backup__is_not_found(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_restore_options options = { .size = sizeof options };

    assert_code(seglog_backup_restore(fixture->repository, fixture->source,
                                      NULL, NULL, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_backup_verify(fixture->repository, NULL, NULL, NULL),
                SEGLOG_NOT_FOUND);
    (void)backup_make_ok(fixture);
    options.number = 2;
    assert_code(seglog_backup_verify(fixture->repository, &options, NULL, NULL),
                SEGLOG_NOT_FOUND);
    options.number = UINT32_MAX;
    assert_code(seglog_backup_verify(fixture->repository, &options, NULL, NULL),
                SEGLOG_NOT_FOUND);
}

static void
restore__stopped__leaves_nothing(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_store target;
    uint64_t left = 2;
    const struct seglog_restore_options options = { .size = sizeof options,
                                                    .on_progress = stop_at,
                                                    .arg = &left };

    fixture->options.piece_bytes = 100;
    backup_fill(fixture->source, "a", 100, 1);
    backup_fill(fixture->source, "b", 100, 1);
    backup_fill(fixture->source, "c", 100, 1);
    (void)backup_make_ok(fixture);
    assert_ok(seglog_store_memory_open(&target, NULL));
    assert_code(seglog_backup_restore(fixture->repository, target, &options,
                                      NULL, NULL),
                SEGLOG_END);
    assert_int_equal(backup_count(target, "", ""), 0);
    seglog_store_close(&target);
}

/* -- lists and removal ----------------------------------------------------- */

static void
list__backups__are_told_in_order(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_backup_info *infos = NULL;
    struct seglog_backup_info made;
    size_t count = 7;

    assert_ok(seglog_backup_list(fixture->repository, &infos, &count, NULL));
    assert_int_equal(count, 0);
    seglog_free(infos);
    backup_fill(fixture->source, "log", 300, 1);
    made = backup_make_ok(fixture);
    backup_fill(fixture->source, "more", 30, 1);
    (void)backup_make_ok(fixture);
    (void)backup_make_ok(fixture);
    blob_flip(fixture->repository, "backup.000003.manifest", 90);
    assert_ok(seglog_backup_list(fixture->repository, &infos, &count, NULL));
    assert_int_equal(count, 3);
    assert_memory_equal(&infos[0].digest, &made.digest, sizeof made.digest);
    assert_int_equal(infos[0].bytes, 300);
    assert_int_equal(infos[0].created_ms, made.created_ms);
    assert_int_equal(infos[1].new_stored, 30);
    assert_int_equal(infos[1].stored, 330);
    assert_int_equal(infos[1].base, 1);
    assert_int_equal(infos[1].code, SEGLOG_OK);
    assert_int_equal(infos[2].number, 3);
    assert_int_equal(infos[2].code, SEGLOG_CORRUPT);
    assert_string_equal(infos[2].manifest, "backup.000003.manifest");
    seglog_free(infos);
}

static void
remove__backup__takes_what_nobody_else_names(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_backup_removed removed;

    backup_fill(fixture->source, "a", 300, 1);
    (void)backup_make_ok(fixture);
    backup_fill(fixture->source, "b", 70, 1);
    (void)backup_make_ok(fixture);
    backup_fill(fixture->source, "c", 80, 1);
    (void)backup_make_ok(fixture);
    assert_int_equal(backup_count(fixture->repository, "", ".part"), 3);

    /* The third one needs all of the first one's. */
    assert_ok(seglog_backup_remove(fixture->repository, 1, 0, &removed, NULL));
    assert_int_equal(removed.parts, 0);
    assert_int_equal(backup_count(fixture->repository, "", ".part"), 3);
    backup_assert_restores(fixture);

    assert_ok(seglog_backup_remove(fixture->repository, 3, 0, &removed, NULL));
    assert_int_equal(removed.parts, 1);
    assert_true(removed.bytes > 80);
    assert_ok(seglog_store_remove(fixture->source, "c", NULL));
    backup_assert_restores(fixture);

    assert_code(seglog_backup_remove(fixture->repository, 3, 0, NULL, NULL),
                SEGLOG_NOT_FOUND);
    assert_ok(seglog_backup_remove(fixture->repository, 2, 0, &removed, NULL));
    assert_int_equal(removed.parts, 2);
    assert_int_equal(backup_count(fixture->repository, "", ""), 0);
}

static void
remove__another_manifest_is_damaged__nothing_goes(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_error err;

    backup_fill(fixture->source, "a", 300, 1);
    (void)backup_make_ok(fixture);
    (void)backup_make_ok(fixture);
    blob_flip(fixture->repository, "backup.000001.manifest", 10);
    assert_code(seglog_backup_remove(fixture->repository, 2, 0, NULL, &err),
                SEGLOG_CORRUPT);
    assert_string_equal(err.name, "backup.000001.manifest");
    assert_int_equal(backup_count(fixture->repository, "", ""), 3);
    backup_assert_restores(fixture);
    /* The damaged one itself goes, and what the other one needs stays. */
    assert_ok(seglog_backup_remove(fixture->repository, 1, 0, NULL, NULL));
    backup_assert_restores(fixture);
}

static void
remove__zero__takes_what_was_left_over(void **state)
{
    struct backup_fixture *fixture = *state;
    struct seglog_backup_removed removed;

    backup_fill(fixture->source, "a", 300, 1);
    (void)backup_make_ok(fixture);
    backup_fill(fixture->repository, "backup.000001.000002.part", 5, 1);
    backup_fill(fixture->repository, "backup.000002.manifest.new", 6, 1);
    assert_ok(seglog_backup_remove(fixture->repository, 0, 0, &removed, NULL));
    assert_int_equal(removed.parts, 1);
    assert_int_equal(removed.bytes, 11);
    assert_int_equal(backup_count(fixture->repository, "", ""), 2);
    backup_assert_restores(fixture);
}

/* -- encrypted ------------------------------------------------------------- */

static const uint8_t key_bytes[SEGLOG_KEY_BYTES] = { 5, 4, 3 };

static bool
text_is_not_in(void *arg, const char *name)
{
    const struct seglog_store *store = arg;
    size_t len = 0;
    uint8_t *bytes = blob_read(*store, name, &len);

    for (size_t i = 0; i + 6 <= len; i++)
        assert_memory_not_equal(bytes + i, "secret", 6);
    free(bytes);
    return true;
}

static void
make__encrypted_repository__holds_no_plain_byte(void **state)
{
    struct backup_fixture *fixture = *state;
    const struct seglog_store_key key = { .size = sizeof key,
                                          .key = key_bytes };
    const struct seglog_encrypted_store_options create = { .size =
                                                               sizeof create,
                                                           .create = true };
    struct seglog_store below;
    struct seglog_store again;

    if (!slg_crypt_is_available())
        skip();
    assert_ok(seglog_store_memory_open(&below, NULL));
    seglog_store_close(&fixture->repository);
    assert_ok(seglog_encrypted_store_open(below, &key, &create,
                                          &fixture->repository, NULL));
    blob_write(fixture->source, "log of secrets", "secret, secret", 14);
    (void)backup_make_ok(fixture);
    backup_assert_restores(fixture);
    assert_ok(seglog_store_list(below, "", text_is_not_in, &below, NULL));
    assert_int_equal(backup_count(below, "log", ""), 0);
    /* Who has no key sees no backup that he could use. */
    assert_ok(seglog_store_memory_open(&again, NULL));
    assert_code(seglog_backup_restore(below, again, NULL, NULL, NULL),
                SEGLOG_CORRUPT);
    seglog_store_close(&again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BACKUP_TEST(make__blobs_of_all_sizes__come_back),
        BACKUP_TEST(make__empty_store__comes_back_empty),
        BACKUP_TEST(make__compressible__is_stored_small),
        BACKUP_TEST(make__names_being_made__are_left_out),
        BACKUP_TEST(restore__session_store__is_written_on_at_once),
        BACKUP_TEST(restore__streams__have_the_same_heads_and_go_on),
        BACKUP_TEST(make__grown_blob__stores_what_is_new_alone),
        BACKUP_TEST(make__given_base__is_compared_with),
        BACKUP_TEST(make__changed_at_its_start__is_stored_from_there),
        BACKUP_TEST(make__options_out_of_range__are_invalid),
        BACKUP_TEST(make__repository_locked__is_locked),
        BACKUP_TEST(make__stopped_anywhere__leaves_no_backup),
        BACKUP_TEST(make__left_over_by_one_that_died__is_removed),
        BACKUP_TEST(restore__store_is_not_empty__exists),
        BACKUP_TEST(restore__no_such_backup__is_not_found),
        BACKUP_TEST(restore__stopped__leaves_nothing),
        BACKUP_TEST(list__backups__are_told_in_order),
        BACKUP_TEST(remove__backup__takes_what_nobody_else_names),
        BACKUP_TEST(remove__another_manifest_is_damaged__nothing_goes),
        BACKUP_TEST(remove__zero__takes_what_was_left_over),
        BACKUP_TEST(make__encrypted_repository__holds_no_plain_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
