/* SPDX-License-Identifier: MIT */
/* tests/session/test_session_notes.c - kind, time and turn of entries. */
#include "tests/session/session_support.h"

#include <pthread.h>
#include <stdio.h>

#include "src/session/notes_block.h"

#define TEXT_CAP 128

/* -- entries that can be foretold ----------------------------------------- */

/* The note of entry i of a series; every tenth ends a turn, every seventh has
 * no time, and times go back now and then. */
static struct seglog_entry_note
note_of(uint64_t i, unsigned series)
{
    static const char *const kinds[] = { "user_input", "assistant_item",
                                         "tool_result", "" };
    struct seglog_entry_note note = { .record_no = i,
                                      .ts_ms = INT64_MIN,
                                      .turn = i / 10 + series };

    if (i % 7 != 0)
        note.ts_ms = 1700000000000 + (int64_t)(i * 1000) -
                     (i % 50 == 3 ? 20000 : 0) + (int64_t)series;
    if (i < 10)
        note.turn = 0;
    note.ends_turn = i % 10 == 0;
    (void)snprintf(note.kind, sizeof note.kind, "%s",
                   note.ends_turn ? "turn_end" : kinds[(i + series) % 4]);
    return note;
}

static size_t
text_of(uint64_t i, unsigned series, char text[TEXT_CAP])
{
    const struct seglog_entry_note note = note_of(i, series);
    char ts[40] = "";

    if (note.ts_ms != INT64_MIN)
        (void)snprintf(ts, sizeof ts, ",\"ts\":%lld", (long long)note.ts_ms);
    if (note.ends_turn)
        return (size_t)snprintf(text, TEXT_CAP,
                                "{\"kind\":\"turn_end\",\"turn_count\":%llu%s}",
                                (unsigned long long)note.turn, ts);
    if (note.kind[0])
        return (size_t)snprintf(text, TEXT_CAP, "{\"kind\":\"%s\"%s}",
                                note.kind, ts);
    return (size_t)snprintf(text, TEXT_CAP, "{\"n\":%llu%s}",
                            (unsigned long long)i, ts);
}

/* Entries from..to of a series, by turns on the handles. */
static void
put_series(const struct session_fixture *f,
           struct seglog_session_store *const *handles, size_t handle_count,
           uint64_t from, uint64_t to, unsigned series)
{
    char text[TEXT_CAP];
    struct seglog_error err;

    for (uint64_t i = from; i <= to; i++) {
        const size_t len = text_of(i, series, text);

        assert_code_err(seglog_session_append(handles[i % handle_count],
                                              &f->session, &f->segment, text,
                                              len, NULL, NULL, &err),
                        SEGLOG_OK, &err);
    }
}

static void
put_one_series(const struct session_fixture *f, uint64_t from, uint64_t to,
               unsigned series)
{
    put_series(f, &f->sessions, 1, from, to, series);
}

struct listing {
    uint64_t next;
    uint64_t cut; /* from this record on it is series 1 */
    uint64_t stop_at;
};

static bool
listing_check(void *arg, const struct seglog_entry_note *note)
{
    struct listing *listing = arg;
    const struct seglog_entry_note want =
        note_of(listing->next, listing->next >= listing->cut);

    assert_int_equal(note->record_no, listing->next);
    assert_string_equal(note->kind, want.kind);
    assert_true(note->ts_ms == want.ts_ms);
    assert_int_equal(note->ends_turn, want.ends_turn);
    /* Up to the first end of a turn behind the cut, the turn is of before. */
    if (listing->next < listing->cut || listing->next >= listing->cut + 10 ||
        want.ends_turn)
        assert_int_equal(note->turn, want.turn);
    listing->next++;
    return listing->next != listing->stop_at;
}

/* Entries 1 to count, of series 0 before cut and 1 behind it. */
static void
expect_notes(struct seglog_session_store *sessions,
             const struct session_fixture *f, uint64_t count, uint64_t cut)
{
    const uint64_t from[] = { 0, 1, 2, 255, 256, 257, 300, 512, 513, 700 };
    struct seglog_error err;

    for (size_t i = 0; i < COUNT_OF(from) && from[i] <= count; i++) {
        struct listing listing = { from[i] ? from[i] : 1, cut, 0 };

        assert_code_err(
            seglog_session_list_notes(sessions, &f->session, &f->segment,
                                      from[i], listing_check, &listing, &err),
            SEGLOG_OK, &err);
        assert_int_equal(listing.next, count + 1);
    }
}

/* Of what is noted of 1 to count of series 0, by looking at each. */
static void
expect_seeks(struct seglog_session_store *sessions,
             const struct session_fixture *f, uint64_t count)
{
    uint64_t record_no = 0;

    for (uint64_t turn = 0; turn <= count / 10 + 1; turn += 3) {
        const seglog_code code = seglog_session_seek_turn(
            sessions, &f->session, &f->segment, turn, &record_no, NULL);

        assert_code(code, turn <= count / 10 ? SEGLOG_OK : SEGLOG_NOT_FOUND);
        if (code == SEGLOG_OK)
            assert_int_equal(record_no, turn == 0 ? 1 : turn * 10 + 1);
    }
    for (int64_t ts = 1700000000000; ts < 1700000000000 + 1000000; ts += 7777) {
        uint64_t want = 1;

        while (want <= count && note_of(want, 0).ts_ms < ts)
            want++;
        assert_code(seglog_session_seek_time(sessions, &f->session, &f->segment,
                                             ts, &record_no, NULL),
                    want <= count ? SEGLOG_OK : SEGLOG_NOT_FOUND);
        if (want <= count)
            assert_int_equal(record_no, want);
    }
}

static void
lane_name(const struct session_fixture *f, char name[SEGLOG_LANE_NAME_CAP])
{
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_NOTES, name);
}

static uint64_t
lane_count(const struct session_fixture *f)
{
    struct seglog_scan_summary summary;
    char name[SEGLOG_LANE_NAME_CAP];

    lane_name(f, name);
    assert_ok(seglog_segment_get_summary(f->store, name, &summary, NULL));
    return summary.next_record - summary.first_record;
}

/* Every record of the lane says what it must. */
static void
expect_lane(const struct session_fixture *f, uint64_t blocks, uint64_t cut)
{
    struct slg_notes_run *run = malloc(sizeof *run);
    struct seglog_slice *records = NULL;
    size_t count = 0;

    assert_non_null(run);
    assert_ok(seglog_session_read_all(f->sessions, &f->session, &f->segment,
                                      SEGLOG_LANE_NOTES, &records, &count,
                                      NULL));
    assert_int_equal(count, blocks);
    for (size_t k = 0; k < count; k++) {
        struct listing listing = { k * 256 + 1, cut, 0 };

        assert_true(slg_notes_run_decode((const uint8_t *)records[k].data,
                                         records[k].len, run));
        assert_int_equal(run->head.first, k * 256 + 1);
        assert_int_equal(run->head.count, 256);
        for (size_t i = 0; i < 256; i++)
            (void)listing_check(&listing, &run->notes[i]);
    }
    seglog_free(records);
    free(run);
}

/* -- the lane grows ------------------------------------------------------- */

static void
list_notes__few_entries__no_lane_is_made(void **state)
{
    struct session_fixture *f = *state;

    put_one_series(f, 1, 255, 0);
    assert_false(session_has_blob(f, SEGLOG_LANE_NOTES));
    expect_notes(f->sessions, f, 255, UINT64_MAX);
    expect_seeks(f->sessions, f, 255);
    put_one_series(f, 256, 256, 0);
    expect_lane(f, 1, UINT64_MAX);
    expect_notes(f->sessions, f, 256, UINT64_MAX);
}

static void
list_notes__one_handle__as_the_entries_say(void **state)
{
    struct session_fixture *f = *state;

    put_one_series(f, 1, 1000, 0);
    expect_lane(f, 3, UINT64_MAX);
    expect_notes(f->sessions, f, 1000, UINT64_MAX);
    expect_seeks(f->sessions, f, 1000);
}

static void
list_notes__two_handles_by_turns__as_the_entries_say(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *handles[2] = { f->sessions,
                                                session_open_other(f, NULL) };

    put_series(f, handles, 2, 1, 1000, 0);
    expect_lane(f, 3, UINT64_MAX);
    expect_notes(handles[1], f, 1000, UINT64_MAX);
    expect_seeks(handles[1], f, 1000);
    session_close_ok(handles[1]);
}

static void
list_notes__a_large_group__is_caught_up_with(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_slice entries[1000];
    char *texts = malloc(COUNT_OF(entries) * TEXT_CAP);

    assert_non_null(texts);
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        char *text = texts + i * TEXT_CAP;

        entries[i] = (struct seglog_slice){ text, text_of(i + 2, 0, text) };
    }
    put_one_series(f, 1, 1, 0);
    assert_ok(seglog_session_append_many(f->sessions, &f->session, &f->segment,
                                         entries, COUNT_OF(entries), NULL, NULL,
                                         NULL));
    expect_lane(f, 3, UINT64_MAX);
    expect_notes(f->sessions, f, 1001, UINT64_MAX);
    free(texts);
}

static void
list_notes__callback_says_stop__stops(void **state)
{
    struct session_fixture *f = *state;
    struct listing listing = { 250, UINT64_MAX, 260 };

    put_one_series(f, 1, 300, 0);
    assert_ok(seglog_session_list_notes(f->sessions, &f->session, &f->segment,
                                        250, listing_check, &listing, NULL));
    assert_int_equal(listing.next, 260);
}

static void
list_notes__beyond_the_end__nothing(void **state)
{
    struct session_fixture *f = *state;
    struct listing listing = { 1, UINT64_MAX, 0 };
    const uint64_t from[] = { 301, 5000, UINT64_MAX };

    put_one_series(f, 1, 300, 0);
    for (size_t i = 0; i < COUNT_OF(from); i++)
        assert_ok(seglog_session_list_notes(f->sessions, &f->session,
                                            &f->segment, from[i], listing_check,
                                            &listing, NULL));
    assert_int_equal(listing.next, 1);
}

/* -- what was cut --------------------------------------------------------- */

static void
truncate__notes__are_cut_with_the_entries(void **state)
{
    struct session_fixture *f = *state;

    put_one_series(f, 1, 1000, 0);
    assert_ok(seglog_session_truncate(f->sessions, &f->session, &f->segment,
                                      300, NULL, NULL));
    expect_lane(f, 1, UINT64_MAX);
    expect_notes(f->sessions, f, 300, UINT64_MAX);
    put_one_series(f, 301, 800, 1);
    expect_lane(f, 3, 301);
    expect_notes(f->sessions, f, 800, 301);
}

static void
truncate__by_another_handle__nothing_is_remembered_of_what_is_gone(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *other = session_open_other(f, NULL);

    put_one_series(f, 1, 500, 0);
    assert_ok(seglog_session_truncate(other, &f->session, &f->segment, 260,
                                      NULL, NULL));
    put_series(f, &other, 1, 261, 490, 1);
    put_one_series(f, 491, 600, 1);
    expect_lane(f, 2, 261);
    expect_notes(f->sessions, f, 600, 261);
    session_close_ok(other);
}

static void
cut_past_the_lane__notes_of_what_is_gone__are_not_believed(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_writer *writer = NULL;

    put_one_series(f, 1, 600, 0);
    assert_ok(seglog_session_open_writer(f->sessions, &f->session, &f->segment,
                                         SEGLOG_WRITER_SHARED, &writer, NULL));
    assert_ok(seglog_writer_truncate(writer, 271, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    assert_int_equal(lane_count(f), 2);
    expect_notes(f->sessions, f, 270, UINT64_MAX);
    put_one_series(f, 271, 600, 1);
    expect_notes(f->sessions, f, 600, 271);
    put_one_series(f, 601, 800, 1);
    expect_notes(f->sessions, f, 800, 271);
    expect_lane(f, 3, 271);
}

/* -- what is wrong with the lane ------------------------------------------ */

static void
lane__damaged_in_the_middle__entries_are_read_instead(void **state)
{
    struct session_fixture *f = *state;
    char name[SEGLOG_LANE_NAME_CAP];
    size_t len = 0;
    unsigned char *bytes = NULL;

    put_one_series(f, 1, 1100, 0);
    lane_name(f, name);
    bytes = blob_read(f->store, name, &len);
    for (size_t at = 300; at + 40 < len; at += 977) {
        bytes[at] ^= 0x20;
        blob_write(f->store, name, bytes, len);
        bytes[at] ^= 0x20;
        expect_notes(f->sessions, f, 1100, UINT64_MAX);
        expect_seeks(f->sessions, f, 1100);
    }
    free(bytes);
}

static void
lane__damaged_at_its_end__appending_goes_on_and_it_is_made_anew(void **state)
{
    struct session_fixture *f = *state;
    struct seglog_session_store *other = NULL;
    char name[SEGLOG_LANE_NAME_CAP];
    size_t len = 0;
    unsigned char *bytes = NULL;

    put_one_series(f, 1, 800, 0);
    lane_name(f, name);
    bytes = blob_read(f->store, name, &len);
    bytes[len / 2] ^= 1;
    blob_write(f->store, name, bytes, len);
    free(bytes);
    other = session_open_other(f, NULL);
    put_series(f, &other, 1, 801, 1400, 0);
    expect_notes(other, f, 1400, UINT64_MAX);
    expect_lane(f, 5, UINT64_MAX);
    session_close_ok(other);
}

static void
lane__removed_or_no_segment__is_made_anew(void **state)
{
    struct session_fixture *f = *state;
    char name[SEGLOG_LANE_NAME_CAP];

    put_one_series(f, 1, 600, 0);
    lane_name(f, name);
    assert_ok(seglog_store_remove(f->store, name, NULL));
    expect_notes(f->sessions, f, 600, UINT64_MAX);
    expect_seeks(f->sessions, f, 600);
    put_one_series(f, 601, 1300, 0);
    expect_lane(f, 5, UINT64_MAX);
    blob_write(f->store, name, "what is this?", 13);
    expect_notes(f->sessions, f, 1300, UINT64_MAX);
}

/* The records of a lane, some of them exchanged, in a blob of that name. */
static void
lane_forge(const struct session_fixture *f, const struct seglog_slice *records,
           size_t count)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .mode =
                                                       SEGLOG_WRITER_PRIVATE };
    struct seglog_writer *writer = NULL;
    char name[SEGLOG_LANE_NAME_CAP];

    lane_name(f, name);
    assert_ok(seglog_store_remove(f->store, name, NULL));
    assert_ok(seglog_writer_open(f->store, name, &options, &writer, NULL));
    for (size_t i = 0; i < count; i++)
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, records[i].data,
                                       records[i].len, SEGLOG_LEVEL_FLUSH, NULL,
                                       NULL));
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
lane__foreign_or_misplaced_records__are_not_believed(void **state)
{
    struct session_fixture *f = *state;
    struct session_fixture second = *f;
    struct seglog_slice *own = NULL;
    struct seglog_slice *foreign = NULL;
    struct seglog_slice mixed[3];
    size_t count = 0;

    assert_true(seglog_uuid_new(&second.segment));
    put_one_series(f, 1, 1000, 0);
    /* The entries that end runs are the same. */
    for (uint64_t i = 1; i <= 1000; i++)
        put_one_series(&second, i, i, i % 256 != 0);
    assert_ok(seglog_session_read_all(f->sessions, &f->session, &f->segment,
                                      SEGLOG_LANE_NOTES, &own, &count, NULL));
    assert_int_equal(count, 3);
    assert_ok(seglog_session_read_all(f->sessions, &f->session, &second.segment,
                                      SEGLOG_LANE_NOTES, &foreign, &count,
                                      NULL));
    for (unsigned mix = 0; mix < 27; mix++) {
        const unsigned digits[] = { mix % 3, mix / 3 % 3, mix / 9 };

        for (size_t i = 0; i < 3; i++)
            mixed[i] = digits[i] == 0   ? own[i]
                       : digits[i] == 1 ? foreign[i]
                                        : own[(i + 1) % 3];
        lane_forge(f, mixed, 3);
        expect_notes(f->sessions, f, 1000, UINT64_MAX);
        expect_seeks(f->sessions, f, 1000);
    }
    seglog_free(own);
    seglog_free(foreign);
    put_one_series(f, 1001, 1300, 0);
    expect_notes(f->sessions, f, 1300, UINT64_MAX);
}

/* -- what is wrong with the entries --------------------------------------- */

static bool
notes_count(void *arg, const struct seglog_entry_note *note)
{
    (void)note;
    ++*(uint64_t *)arg;
    return true;
}

static void
list_notes__damaged_entry_that_is_not_covered__corrupt_behind_those_before(
    void **state)
{
    struct session_fixture *f = *state;
    struct seglog_error err;
    char name[SEGLOG_LANE_NAME_CAP];
    uint64_t count = 0;

    put_one_series(f, 1, 200, 0);
    seglog_lane_name(&f->session, &f->segment, SEGLOG_LANE_ENTRIES, name);
    blob_flip(f->store, name, 2000);
    assert_code(seglog_session_list_notes(f->sessions, &f->session, &f->segment,
                                          1, notes_count, &count, &err),
                SEGLOG_CORRUPT);
    assert_true(count > 100 && count < 200);
    assert_int_equal(err.record_no, count + 1);
}

struct gap_seen {
    uint64_t records[3];
    uint64_t turns[3];
    size_t count;
};

static bool
gap_look(void *arg, const struct seglog_entry_note *note)
{
    struct gap_seen *seen = arg;

    assert_true(seen->count < 3);
    seen->records[seen->count] = note->record_no;
    seen->turns[seen->count++] = note->turn;
    return true;
}

static void
list_notes__recorded_gap_of_any_length__is_passed_over(void **state)
{
    struct session_fixture *f = *state;
    const struct seglog_finding gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                        .first_record = 3,
                                        .last_record = UINT64_C(1) << 60 };
    const uint64_t behind = (UINT64_C(1) << 60) + 1;
    struct seglog_writer *writer = NULL;
    struct gap_seen seen = { .count = 0 };
    uint64_t record_no = 0;

    session_put(f->sessions, f, "{\"kind\":\"turn_end\",\"turn_count\":4}");
    session_put(f->sessions, f, "{\"kind\":\"a\"}");
    assert_ok(seglog_session_open_writer(f->sessions, &f->session, &f->segment,
                                         SEGLOG_WRITER_EXCLUSIVE, &writer,
                                         NULL));
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    session_put(f->sessions, f,
                "{\"kind\":\"b\",\"ts\":\"2024-01-01T00:00:00Z\"}");
    assert_ok(seglog_session_list_notes(f->sessions, &f->session, &f->segment,
                                        1, gap_look, &seen, NULL));
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.records[1], 2);
    assert_true(seen.records[2] == behind);
    assert_int_equal(seen.turns[2], 4);
    seen.count = 0;
    assert_ok(seglog_session_list_notes(f->sessions, &f->session, &f->segment,
                                        behind, gap_look, &seen, NULL));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.turns[0], 4);
    assert_ok(seglog_session_seek_time(f->sessions, &f->session, &f->segment, 1,
                                       &record_no, NULL));
    assert_true(record_no == behind);
}

static void
seek_turn__turn_0__behind_the_segment_starts(void **state)
{
    struct session_fixture *f = *state;
    uint64_t record_no = 0;

    session_put(f->sessions, f, "{\"kind\":\"segment_start\",\"ts\":1}");
    assert_ok(seglog_session_seek_turn(f->sessions, &f->session, &f->segment, 0,
                                       &record_no, NULL));
    assert_int_equal(record_no, 2);
    session_put(f->sessions, f, "{\"kind\":\"segment_start\",\"ts\":1}");
    session_put(f->sessions, f, "{\"kind\":\"user_input\",\"ts\":1}");
    session_put(f->sessions, f, "{\"kind\":\"segment_start\",\"ts\":1}");
    assert_ok(seglog_session_seek_turn(f->sessions, &f->session, &f->segment, 0,
                                       &record_no, NULL));
    assert_int_equal(record_no, 3);
}

/* -- at the same time ----------------------------------------------------- */

#define STRESS_APPENDS 900

struct stress {
    struct seglog_session_store *sessions;
    const struct session_fixture *fixture;
    uint64_t seed;
    seglog_code code;
    char doing; /* 'a' appends, 'c' cuts, 'l' lists */
};

static bool
is_fine(seglog_code code)
{
    return code == SEGLOG_OK || code == SEGLOG_NOT_FOUND ||
           code == SEGLOG_INVALID;
}

/* Cuts are mostly short, so that the segment grows all the same. */
static seglog_code
stress_cut(struct stress *stress)
{
    const struct session_fixture *f = stress->fixture;
    const uint64_t back = test_random(&stress->seed) % 60;
    uint64_t count = 0;

    if (seglog_session_read_entry_count(stress->sessions, &f->session,
                                        &f->segment, &count, NULL,
                                        NULL) != SEGLOG_OK)
        return SEGLOG_OK;
    return seglog_session_truncate(stress->sessions, &f->session, &f->segment,
                                   count > back ? count - back : count, NULL,
                                   NULL);
}

static void *
stress_run(void *arg)
{
    struct stress *stress = arg;
    const struct session_fixture *f = stress->fixture;
    char text[TEXT_CAP];
    uint64_t number = 0;

    for (int i = 0; i < STRESS_APPENDS && is_fine(stress->code); i++) {
        const size_t len = (size_t)snprintf(
            text, sizeof text, "{\"kind\":\"k%d\",\"ts\":%llu}", i % 5,
            1600000000000ULL + test_random(&stress->seed) % 100000000000);

        if (stress->doing == 'a')
            stress->code =
                seglog_session_append(stress->sessions, &f->session,
                                      &f->segment, text, len, NULL, NULL, NULL);
        else if (stress->doing == 'c' && i % 30 == 0)
            stress->code = stress_cut(stress);
        else if (stress->doing == 'l' && i % 30 == 0)
            stress->code =
                seglog_session_seek_time(stress->sessions, &f->session,
                                         &f->segment, INT64_MAX, &number, NULL);
    }
    return NULL;
}

struct against {
    const struct seglog_slice *entries;
    uint64_t next;
};

static bool
note_is_of_entry(void *arg, const struct seglog_entry_note *note)
{
    struct against *against = arg;
    const struct seglog_slice *entry = &against->entries[against->next++];
    char text[TEXT_CAP];
    const int len = snprintf(text, sizeof text, "{\"kind\":\"%s\",\"ts\":%lld}",
                             note->kind, (long long)note->ts_ms);

    assert_int_equal(note->record_no, against->next);
    assert_int_equal(entry->len, len);
    assert_memory_equal(entry->data, text, entry->len);
    return true;
}

static void
append_cut_and_seek__at_the_same_time__notes_are_those_of_the_entries(
    void **state)
{
    static const char doing[] = { 'a', 'a', 'a', 'c', 'c', 'l' };
    struct session_fixture *f = *state;
    struct seglog_session_store *handles[2] = { f->sessions,
                                                session_open_other(f, NULL) };
    struct stress stresses[COUNT_OF(doing)];
    pthread_t threads[COUNT_OF(doing)];
    struct against against = { .next = 0 };
    struct seglog_slice *entries = NULL;
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(doing); i++) {
        stresses[i] =
            (struct stress){ handles[i % 2], f, i + 1, SEGLOG_OK, doing[i] };
        assert_int_equal(
            pthread_create(&threads[i], NULL, stress_run, &stresses[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(doing); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (!is_fine(stresses[i].code))
            fail_msg("%c: %s", stresses[i].doing,
                     seglog_code_name(stresses[i].code));
    }
    assert_ok(seglog_session_read_all(f->sessions, &f->session, &f->segment,
                                      SEGLOG_LANE_ENTRIES, &entries, &count,
                                      NULL));
    against.entries = entries;
    assert_ok(seglog_session_list_notes(f->sessions, &f->session, &f->segment,
                                        1, note_is_of_entry, &against, NULL));
    assert_int_equal(against.next, count);
    seglog_free(entries);
    session_close_ok(handles[1]);
}

/* -- records of the lane -------------------------------------------------- */

static struct slg_notes_run *
run_make(void)
{
    struct slg_notes_run *run = malloc(sizeof *run);
    const int64_t times[] = { INT64_MAX, INT64_MIN + 1, 0, -1 };

    assert_non_null(run);
    slg_notes_run_init(run, 257, 5);
    for (uint64_t i = 0; i < 256; i++) {
        struct seglog_entry_note note = note_of(i + 257, 0);

        if (i % 11 == 0)
            note.ts_ms = times[i / 11 % 4];
        if (i % 13 == 0) {
            note.ends_turn = true;
            note.turn = i % 2 ? UINT64_MAX : 0;
        }
        if (i % 17 == 0)
            (void)snprintf(note.kind, sizeof note.kind, "%047d", (int)i);
        slg_notes_run_add(run, i == 100 ? NULL : &note);
    }
    run->head.identity = 77;
    run->head.last = 78;
    return run;
}

static void
block__all_that_can_be_noted__comes_back(void **state)
{
    struct slg_notes_run *run = run_make();
    struct slg_notes_run *again = malloc(sizeof *again);
    uint8_t bytes[SLG_NOTES_BLOCK_MAX];
    const size_t len = slg_notes_run_encode(run, bytes);

    (void)state;
    assert_non_null(again);
    assert_true(len <= sizeof bytes);
    assert_true(slg_notes_run_decode(bytes, len, again));
    assert_memory_equal(&again->head, &run->head, sizeof run->head);
    for (size_t i = 0; i < 256; i++) {
        assert_int_equal(again->is_absent[i], run->is_absent[i]);
        assert_true(again->notes[i].record_no == run->notes[i].record_no);
        assert_true(again->notes[i].ts_ms == run->notes[i].ts_ms);
        assert_true(again->notes[i].turn == run->notes[i].turn);
        assert_int_equal(again->notes[i].ends_turn, run->notes[i].ends_turn);
        assert_string_equal(again->notes[i].kind, run->notes[i].kind);
    }
    free(run);
    free(again);
}

static void
block__cut_or_changed__is_refused_or_consistent(void **state)
{
    struct slg_notes_run *run = run_make();
    struct slg_notes_run *again = malloc(sizeof *again);
    struct slg_notes_head head;
    uint8_t bytes[SLG_NOTES_BLOCK_MAX];
    const size_t len = slg_notes_run_encode(run, bytes);

    (void)state;
    assert_non_null(again);
    memset(&head, 0, sizeof head);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = exact_copy(bytes, cut);

        assert_false(slg_notes_run_decode(copy, cut, again));
        free(copy);
    }
    for (size_t at = 0; at < len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1u << bit);
            if (slg_notes_run_decode(bytes, len, again)) {
                assert_true(slg_notes_head_decode(bytes, len, &head));
                assert_memory_equal(&again->head, &head, sizeof head);
            }
            bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
    free(run);
    free(again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(list_notes__few_entries__no_lane_is_made),
        ON_BOTH(list_notes__one_handle__as_the_entries_say),
        ON_BOTH(list_notes__two_handles_by_turns__as_the_entries_say),
        ON_BOTH(list_notes__a_large_group__is_caught_up_with),
        ON_BOTH(list_notes__callback_says_stop__stops),
        ON_BOTH(list_notes__beyond_the_end__nothing),
        ON_BOTH(truncate__notes__are_cut_with_the_entries),
        ON_BOTH(
            truncate__by_another_handle__nothing_is_remembered_of_what_is_gone),
        ON_BOTH(cut_past_the_lane__notes_of_what_is_gone__are_not_believed),
        ON_BOTH(lane__damaged_in_the_middle__entries_are_read_instead),
        ON_BOTH(
            lane__damaged_at_its_end__appending_goes_on_and_it_is_made_anew),
        ON_BOTH(lane__removed_or_no_segment__is_made_anew),
        ON_BOTH(lane__foreign_or_misplaced_records__are_not_believed),
        ON_BOTH(
            list_notes__damaged_entry_that_is_not_covered__corrupt_behind_those_before),
        ON_BOTH(list_notes__recorded_gap_of_any_length__is_passed_over),
        ON_BOTH(seek_turn__turn_0__behind_the_segment_starts),
        ON_BOTH(
            append_cut_and_seek__at_the_same_time__notes_are_those_of_the_entries),
        cmocka_unit_test(block__all_that_can_be_noted__comes_back),
        cmocka_unit_test(block__cut_or_changed__is_refused_or_consistent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
