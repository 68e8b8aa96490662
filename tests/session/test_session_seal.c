/* SPDX-License-Identifier: MIT */
/* tests/session/test_session_seal.c - sealed segments in a session store. */
#define _GNU_SOURCE /* pthread_barrier_t */

#include "tests/session/session_support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "seglog/seal.h"

#define ENTRIES 700u

static const struct seglog_session_store_options ROLLS = { .size = sizeof ROLLS,
                                                           .rolls_over = true };

/* Turns end at each tenth entry; times go up by one second. */
static const char *
entry_text(unsigned n, char buf[SESSION_ENTRY_CAP])
{
    if (n % 10 == 9)
        (void)snprintf(buf, SESSION_ENTRY_CAP,
                       "{\"kind\":\"turn_end\",\"ts\":%u000,\"turn_count\":%u}",
                       1786000000 + n, n / 10 + 1);
    else
        (void)snprintf(buf, SESSION_ENTRY_CAP,
                       "{\"kind\":\"user\",\"ts\":%u000,\"content\":\"what is "
                       "said, %08x%08x%08x of many\"}",
                       1786000000 + n, n * 2654435761u, n * 2246822519u,
                       n * 3266489917u);
    return buf;
}

static void
seal_ok(struct seglog_session_store *sessions, const struct session_fixture *f,
        const struct seglog_uuid *segment)
{
    struct seglog_error err;

    assert_code_err(seglog_session_seal_segment(sessions, &f->session, segment,
                                                NULL, NULL, &err),
                    SEGLOG_OK, &err);
}

struct notes_seen {
    uint64_t count;
    uint64_t turns;
    int64_t last_ts;
};

static bool
note_see(void *arg, const struct seglog_entry_note *note)
{
    struct notes_seen *seen = arg;

    seen->count++;
    seen->turns += note->ends_turn;
    seen->last_ts = note->ts_ms;
    return true;
}

static void
seal__segment__all_that_reads_goes_on(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_seal_result result;
    struct seglog_session_segment_info before;
    struct seglog_session_segment_info info;
    struct notes_seen seen = { 0 };
    uint64_t count = 0;
    uint64_t record = 0;

    session_put_made(f->sessions, f, entry_text, ENTRIES);
    assert_ok(seglog_session_get_segment_info(f->sessions, &f->session,
                                              &f->segment, &before, NULL));
    assert_false(before.is_sealed);
    assert_ok(seglog_session_seal_segment(f->sessions, &f->session, &f->segment,
                                          NULL, &result, NULL));
    assert_int_equal(result.records, ENTRIES);
    assert_int_equal(result.bytes_before, before.size);
    assert_true(result.bytes_after * 3 < result.bytes_before);

    session_expect_made(f->sessions, f, &f->segment, entry_text, ENTRIES);
    assert_ok(seglog_session_read_entry_count(f->sessions, &f->session,
                                              &f->segment, &count, NULL, NULL));
    assert_int_equal(count, ENTRIES);
    assert_ok(seglog_session_get_segment_info(f->sessions, &f->session,
                                              &f->segment, &info, NULL));
    assert_true(info.is_sealed);
    assert_int_equal(info.count, ENTRIES);
    assert_int_equal(info.size, result.bytes_after);
    assert_int_equal(info.verdict, SEGLOG_VERDICT_OK);

    assert_ok(seglog_session_list_notes(f->sessions, &f->session, &f->segment,
                                        1, note_see, &seen, NULL));
    assert_int_equal(seen.count, ENTRIES);
    assert_int_equal(seen.turns, ENTRIES / 10);
    assert_int_equal(seen.last_ts, (int64_t)(1786000000 + ENTRIES - 1) * 1000);
    assert_ok(seglog_session_seek_turn(f->sessions, &f->session, &f->segment,
                                       30, &record, NULL));
    assert_int_equal(record, 301);
    assert_ok(seglog_session_seek_time(f->sessions, &f->session, &f->segment,
                                       INT64_C(1786000456) * 1000, &record,
                                       NULL));
    assert_int_equal(record, 457);
}

static void
seal__segment__another_handle_sees_it_listed_as_before(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *other = session_open_other(f, NULL);
    struct seglog_uuid *segments = NULL;
    size_t count = 0;

    session_put_made(f->sessions, f, entry_text, 20);
    assert_int_equal(session_count(other, f), 20);
    seal_ok(f->sessions, f, &f->segment);
    assert_int_equal(session_count(other, f), 20);
    assert_ok(seglog_session_list_segments(other, &f->session, &segments,
                                           &count, NULL));
    assert_int_equal(count, 1);
    seglog_free(segments);
    session_expect_made(other, f, &f->segment, entry_text, 20);
    session_close_ok(other);
}

static void
append__sealed__says_so_and_nothing_is_lost(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *other = session_open_other(f, NULL);
    struct seglog_error err;
    char text[SESSION_ENTRY_CAP];

    session_put_made(f->sessions, f, entry_text, 20);
    /* With a writer open on it, and without. */
    session_put(other, f, entry_text(20, text));
    seal_ok(f->sessions, f, &f->segment);
    for (unsigned i = 0; i < 2; i++) {
        struct seglog_session_store *sessions = i ? other : f->sessions;

        assert_code_err(seglog_session_append(sessions, &f->session,
                                              &f->segment, "1", 1, NULL, NULL,
                                              &err),
                        SEGLOG_SEALED, &err);
        assert_non_null(strstr(err.message, "begin a new one"));
        assert_code_err(seglog_session_truncate(sessions, &f->session,
                                                &f->segment, 3, NULL, &err),
                        SEGLOG_SEALED, &err);
        assert_code_err(seglog_session_seal_segment(sessions, &f->session,
                                                    &f->segment, NULL, NULL,
                                                    &err),
                        SEGLOG_SEALED, &err);
    }
    session_expect_made(other, f, &f->segment, entry_text, 21);
    session_close_ok(other);
}

static void
append__sealed_and_rolls_over__goes_on_in_one_segment_more(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *sessions = session_open_other(f, &ROLLS);
    struct seglog_appended done;
    struct seglog_uuid first;
    struct seglog_uuid *segments = NULL;
    size_t count = 0;

    session_put_made(f->sessions, f, entry_text, 25);
    seal_ok(f->sessions, f, &f->segment);
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(seglog_session_append(sessions, &f->session, &f->segment, "1",
                                        1, NULL, &done, NULL));
        assert_true(done.rolled_over);
        assert_int_equal(done.count, i + 1);
        if (i == 0)
            first = done.segment;
        assert_memory_equal(&done.segment, &first, sizeof first);
    }
    /* That one is sealed as well. */
    seal_ok(sessions, f, &first);
    assert_ok(seglog_session_append(sessions, &f->session, &f->segment, "2", 1,
                                    NULL, &done, NULL));
    assert_int_equal(done.count, 1);
    assert_memory_not_equal(&done.segment, &first, sizeof first);
    assert_ok(seglog_session_list_segments(sessions, &f->session, &segments,
                                           &count, NULL));
    assert_int_equal(count, 3);
    seglog_free(segments);
    session_expect_made(sessions, f, &f->segment, entry_text, 25);
    session_close_ok(sessions);
}

static void
ensure_head__sealed_meanwhile__goes_on_behind_it(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_head place = { .session = f->session,
                                         .segment = f->segment };
    const struct seglog_slice start = slice_of_text("{\"kind\":\"start\"}");
    const struct seglog_slice entry = slice_of_text("{\"kind\":\"user\"}");
    bool forked = false;

    session_put_made(f->sessions, f, entry_text, 20);
    place.expect =
        (struct seglog_expect){ .has_head = true,
                                .head = session_head(f->sessions, f) };
    seal_ok(f->sessions, f, &f->segment);
    assert_ok(seglog_session_ensure_head_or_fork(f->sessions, &place, 2, start,
                                                 &entry, &forked, NULL));
    assert_true(forked);
    assert_memory_not_equal(&place.segment, &f->segment, sizeof f->segment);
    assert_int_equal(place.expect.count, 2);
    session_expect_made(f->sessions, f, &f->segment, entry_text, 20);
}

static void
fork__of_a_sealed_one__by_copy_and_by_replay(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_fork_options options = { .size = sizeof options,
                                           .at = SEGLOG_FORK_AT_RECORD,
                                           .number = 333,
                                           .how = SEGLOG_FORK_BY_COPY };
    struct seglog_uuid forked;
    uint64_t count = 0;

    session_put_made(f->sessions, f, entry_text, ENTRIES);
    seal_ok(f->sessions, f, &f->segment);
    assert_ok(seglog_session_fork(f->sessions, &f->session, &f->segment,
                                  &options, &forked, NULL));
    session_expect_made(f->sessions, f, &forked, entry_text, 333);
    options = (struct seglog_fork_options){ .size = sizeof options,
                                            .at = SEGLOG_FORK_AT_TURN,
                                            .number = 12,
                                            .how = SEGLOG_FORK_BY_COPY };
    assert_ok(seglog_session_fork(f->sessions, &f->session, &f->segment,
                                  &options, &forked, NULL));
    assert_ok(seglog_session_read_entry_count(f->sessions, &f->session, &forked,
                                              &count, NULL, NULL));
    assert_int_equal(count, 120);
}

/* A fork that repeats its parent, both sealed. */
static struct seglog_uuid
family_make(struct session_fixture *f, const struct seglog_uuid *session)
{
    const struct seglog_fork_options options = { .size = sizeof options,
                                                 .how = SEGLOG_FORK_BY_COPY,
                                                 .new_session = session };
    struct seglog_uuid forked;
    struct seglog_error err;

    session_put_made(f->sessions, f, entry_text, ENTRIES);
    seal_ok(f->sessions, f, &f->segment);
    assert_ok(seglog_session_fork(f->sessions, &f->session, &f->segment,
                                  &options, &forked, NULL));
    assert_code_err(seglog_session_seal_segment(f->sessions,
                                                session ? session : &f->session,
                                                &forked, NULL, NULL, &err),
                    SEGLOG_OK, &err);
    return forked;
}

static bool
lane_has_parent(const struct session_fixture *f,
                const struct seglog_uuid *session,
                const struct seglog_uuid *segment, const char *parent)
{
    struct seglog_seal_info info;
    char name[SEGLOG_LANE_NAME_CAP];

    assert_ok(seglog_segment_get_seal(
        f->store, seglog_lane_name(session, segment, SEGLOG_LANE_ENTRIES, name),
        &info, NULL));
    assert_true(info.is_sealed);
    return info.has_parent && strcmp(info.parent, parent) == 0;
}

static void
seal__fork_of_a_sealed_parent__refers_to_it(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_segment_info parent;
    struct seglog_session_segment_info child;
    const struct seglog_uuid forked = family_make(f, NULL);
    char name[SEGLOG_LANE_NAME_CAP];

    (void)seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    assert_true(lane_has_parent(f, &f->session, &forked, name));
    session_expect_made(f->sessions, f, &forked, entry_text, ENTRIES);
    assert_ok(seglog_session_get_segment_info(f->sessions, &f->session,
                                              &f->segment, &parent, NULL));
    assert_ok(seglog_session_get_segment_info(f->sessions, &f->session, &forked,
                                              &child, NULL));
    assert_true(child.size * 3 < parent.size);
}

static void
delete__parent_of_a_sealed_fork__is_refused_and_names_it(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_uuid forked = family_make(f, NULL);
    struct seglog_error err;
    char id[SEGLOG_UUID_TEXT_CAP];
    bool existed = false;

    assert_code_err(seglog_session_delete_segment(f->sessions, &f->session,
                                                  &f->segment, &existed, &err),
                    SEGLOG_CONFLICT, &err);
    assert_non_null(strstr(err.message, seglog_uuid_format(&forked, id)));
    assert_true(session_has_blob(f, SEGLOG_LANE_NOTES));
    session_expect_made(f->sessions, f, &forked, entry_text, ENTRIES);
    /* The child first, then the parent. */
    assert_ok(seglog_session_delete_segment(f->sessions, &f->session, &forked,
                                            &existed, NULL));
    assert_true(existed);
    assert_ok(seglog_session_delete_segment(f->sessions, &f->session,
                                            &f->segment, &existed, NULL));
    assert_true(existed);
}

static void
delete__parent_of_a_fork_with_a_damaged_end__is_refused(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_uuid forked = family_make(f, NULL);
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_error err;
    size_t len = 0;

    (void)seglog_lane_name(&f->session, &forked, SEGLOG_LANE_ENTRIES, name);
    uint8_t *bytes = blob_read(f->store, name, &len);
    bytes[len - 1] ^= 1;
    blob_write(f->store, name, bytes, len);
    free(bytes);
    assert_code_err(seglog_session_delete_segment(f->sessions, &f->session,
                                                  &f->segment, NULL, &err),
                    SEGLOG_CONFLICT, &err);
}

/* Forks of forks: the one that is too many parents away stands alone. */
static void
seal__forks_of_forks__all_are_sealed(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_fork_options options = { .size = sizeof options,
                                                 .how = SEGLOG_FORK_BY_COPY };
    struct seglog_uuid last = f->segment;
    struct seglog_uuid forked;
    char name[SEGLOG_LANE_NAME_CAP];

    session_put_made(f->sessions, f, entry_text, 50);
    seal_ok(f->sessions, f, &last);
    for (unsigned i = 1; i <= 18; i++) {
        assert_ok(seglog_session_fork(f->sessions, &f->session, &last, &options,
                                      &forked, NULL));
        seal_ok(f->sessions, f, &forked);
        (void)seglog_lane_name(&f->session, &last, SEGLOG_LANE_ENTRIES, name);
        assert_int_equal(lane_has_parent(f, &f->session, &forked, name),
                         i != 17);
        session_expect_made(f->sessions, f, &forked, entry_text, 50);
        last = forked;
    }
}

static void
delete__session_with_its_forks__goes_as_a_whole(void **state)
{
    struct session_fixture *f = *state;
    bool existed = false;

    (void)family_make(f, NULL);
    assert_ok(seglog_session_delete(f->sessions, &f->session, &existed, NULL));
    assert_true(existed);
    assert_false(session_has_blob(f, SEGLOG_LANE_ENTRIES));
}

static void
delete__session_that_another_refers_to__stays_as_a_whole(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_uuid session;
    struct seglog_error err;

    assert_true(seglog_uuid_new(&session));
    (void)family_make(f, &session);
    assert_code_err(seglog_session_delete(f->sessions, &f->session, NULL, &err),
                    SEGLOG_CONFLICT, &err);
    session_expect_made(f->sessions, f, &f->segment, entry_text, ENTRIES);
    assert_ok(seglog_session_delete(f->sessions, &session, NULL, NULL));
    assert_ok(seglog_session_delete(f->sessions, &f->session, NULL, NULL));
}

static void
seal__without_parent__refers_to_none(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_fork_options options = { .size = sizeof options,
                                                 .how = SEGLOG_FORK_BY_COPY };
    const struct seglog_session_seal_options alone = { .size = sizeof alone,
                                                       .no_parent = true };
    struct seglog_seal_info info;
    struct seglog_uuid forked;
    char name[SEGLOG_LANE_NAME_CAP];

    session_put_made(f->sessions, f, entry_text, 100);
    seal_ok(f->sessions, f, &f->segment);
    assert_ok(seglog_session_fork(f->sessions, &f->session, &f->segment,
                                  &options, &forked, NULL));
    assert_ok(seglog_session_seal_segment(f->sessions, &f->session, &forked,
                                          &alone, NULL, NULL));
    assert_ok(seglog_segment_get_seal(
        f->store,
        seglog_lane_name(&f->session, &forked, SEGLOG_LANE_ENTRIES, name),
        &info, NULL));
    assert_true(info.is_sealed);
    assert_false(info.has_parent);
    assert_ok(seglog_session_delete_segment(f->sessions, &f->session,
                                            &f->segment, NULL, NULL));
    session_expect_made(f->sessions, f, &forked, entry_text, 100);
}

static void
seal__trace_lane__is_sealed_alone(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_seal_options trace = { .size = sizeof trace,
                                                       .lane =
                                                           SEGLOG_LANE_TRACE };
    struct seglog_error err;

    session_put_made(f->sessions, f, entry_text, 3);
    for (unsigned i = 0; i < 50; i++)
        assert_ok(seglog_session_append_trace(f->sessions, &f->session,
                                              &f->segment, "{\"debug\":true}",
                                              14, NULL));
    assert_ok(seglog_session_seal_segment(f->sessions, &f->session, &f->segment,
                                          &trace, NULL, NULL));
    assert_code_err(seglog_session_append_trace(f->sessions, &f->session,
                                                &f->segment, "1", 1, &err),
                    SEGLOG_SEALED, &err);
    session_put(f->sessions, f, "4");
    assert_int_equal(session_count(f->sessions, f), 4);
}

static void
seal__what_is_not_there_or_derived__refused(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_session_seal_options notes = { .size = sizeof notes,
                                                       .lane =
                                                           SEGLOG_LANE_NOTES };
    struct seglog_error err;

    assert_code_err(seglog_session_seal_segment(f->sessions, &f->session,
                                                &f->segment, NULL, NULL, &err),
                    SEGLOG_NOT_FOUND, &err);
    session_put(f->sessions, f, "1");
    assert_code_err(seglog_session_seal_segment(f->sessions, &f->session,
                                                &f->segment, &notes, NULL,
                                                &err),
                    SEGLOG_INVALID, &err);
}

/* -- all at once ---------------------------------------------------------- */

#define THREADS     4
#define PER_THREAD  150
#define SEALS       6
#define ENTRIES_ALL (THREADS * PER_THREAD)

struct appender {
    struct seglog_session_store *sessions;
    const struct session_fixture *f;
    pthread_barrier_t *half_way;
    unsigned number;
    seglog_code code;
};

/* Waits half-way until there has been a seal, however late the thread that
 * seals gets its turn. */
static void *
append_all(void *arg)
{
    struct appender *self = arg;
    char text[64];

    for (unsigned i = 0; i < PER_THREAD; i++) {
        if (i == PER_THREAD / 2) {
            pthread_barrier_wait(self->half_way);
            pthread_barrier_wait(self->half_way);
        }
        if (self->code != SEGLOG_OK)
            continue;

        const int len = snprintf(text, sizeof text, "{\"by\":%u,\"n\":%u}",
                                 self->number, i);

        self->code = seglog_session_append(self->sessions, &self->f->session,
                                           &self->f->segment, text, (size_t)len,
                                           NULL, NULL, NULL);
    }
    return NULL;
}

struct tally {
    unsigned seen[THREADS][PER_THREAD];
    unsigned count;
};

static void
segment_tally(struct seglog_session_store *sessions,
              const struct session_fixture *f,
              const struct seglog_uuid *segment, struct tally *tally)
{
    struct seglog_slice *entries = NULL;
    size_t count = 0;

    assert_ok(seglog_session_read_all(sessions, &f->session, segment,
                                      SEGLOG_LANE_ENTRIES, &entries, &count,
                                      NULL));
    for (size_t i = 0; i < count; i++) {
        unsigned by = 0;
        unsigned n = 0;

        assert_int_equal(
            sscanf(entries[i].data, "{\"by\":%u,\"n\":%u}", &by, &n), 2);
        assert_true(by < THREADS && n < PER_THREAD);
        tally->seen[by][n]++;
        tally->count++;
    }
    seglog_free(entries);
}

/* Whatever there is, sealed or not: it may be growing. */
static void
all_seal(struct seglog_session_store *sessions, const struct session_fixture *f)
{
    struct seglog_uuid *segments = NULL;
    size_t count = 0;
    struct seglog_error err;

    assert_ok(seglog_session_list_segments(sessions, &f->session, &segments,
                                           &count, NULL));
    for (size_t i = 0; i < count; i++) {
        const seglog_code code = seglog_session_seal_segment(
            sessions, &f->session, &segments[i], NULL, NULL, &err);

        if (code != SEGLOG_SEALED)
            assert_code_err(code, SEGLOG_OK, &err);
    }
    seglog_free(segments);
}

static void
seal__while_threads_append_and_roll_over__each_entry_is_there_once(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *sessions = session_open_other(f, &ROLLS);
    struct seglog_session_store *sealer = session_open_other(f, NULL);
    struct appender appenders[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t half_way;
    struct seglog_uuid *segments = NULL;
    struct tally *tally = calloc(1, sizeof *tally);
    size_t count = 0;

    assert_non_null(tally);
    session_put(sessions, f, "{\"by\":0,\"n\":0}");
    assert_int_equal(pthread_barrier_init(&half_way, NULL, THREADS + 1), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        appenders[i] =
            (struct appender){ sessions, f, &half_way, i, SEGLOG_OK };
        assert_int_equal(
            pthread_create(&threads[i], NULL, append_all, &appenders[i]), 0);
    }
    for (unsigned i = 0; i < SEALS; i++) {
        if (i == SEALS / 2)
            pthread_barrier_wait(&half_way);
        all_seal(sealer, f);
        if (i == SEALS / 2)
            pthread_barrier_wait(&half_way);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_code(appenders[i].code, SEGLOG_OK);
    }
    pthread_barrier_destroy(&half_way);
    all_seal(sealer, f);
    assert_ok(seglog_session_list_segments(sealer, &f->session, &segments,
                                           &count, NULL));
    assert_true(count > 1);
    for (size_t i = 0; i < count; i++)
        segment_tally(sealer, f, &segments[i], tally);
    assert_int_equal(tally->count, ENTRIES_ALL + 1);
    tally->seen[0][0]--;
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned n = 0; n < PER_THREAD; n++)
            assert_int_equal(tally->seen[i][n], 1);
    seglog_free(segments);
    free(tally);
    session_close_ok(sealer);
    session_close_ok(sessions);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(seal__segment__all_that_reads_goes_on),
        ON_BOTH(seal__segment__another_handle_sees_it_listed_as_before),
        ON_BOTH(append__sealed__says_so_and_nothing_is_lost),
        ON_BOTH(append__sealed_and_rolls_over__goes_on_in_one_segment_more),
        ON_BOTH(ensure_head__sealed_meanwhile__goes_on_behind_it),
        ON_BOTH(fork__of_a_sealed_one__by_copy_and_by_replay),
        ON_BOTH(seal__fork_of_a_sealed_parent__refers_to_it),
        ON_BOTH(delete__parent_of_a_sealed_fork__is_refused_and_names_it),
        ON_BOTH(delete__parent_of_a_fork_with_a_damaged_end__is_refused),
        ON_BOTH(seal__forks_of_forks__all_are_sealed),
        ON_BOTH(delete__session_with_its_forks__goes_as_a_whole),
        ON_BOTH(delete__session_that_another_refers_to__stays_as_a_whole),
        ON_BOTH(seal__without_parent__refers_to_none),
        ON_BOTH(seal__trace_lane__is_sealed_alone),
        ON_BOTH(seal__what_is_not_there_or_derived__refused),
        ON_BOTH(
            seal__while_threads_append_and_roll_over__each_entry_is_there_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
