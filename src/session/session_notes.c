/* SPDX-License-Identifier: MIT */
/* src/session/session_notes.c - listing entries and seeking by their notes. */
#include "src/session/session_notes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/fail.h"

/* A source and the run it is at, opened and closed together. */
struct notes_walk {
    struct slg_notes_source source;
    struct slg_notes_run *run;
    uint64_t run_no;
};

static seglog_code
walk_open(struct notes_walk *walk, struct seglog_session_store *sessions,
          const struct seglog_uuid *session, const struct seglog_uuid *segment,
          struct seglog_error *err)
{
    struct slg_lane_id id;
    seglog_code code = slg_lane_find(sessions, session, segment,
                                     SEGLOG_LANE_ENTRIES, &id, err);

    *walk = (struct notes_walk){ .run_no = 1 };
    if (code != SEGLOG_OK)
        return code;
    walk->run = malloc(sizeof *walk->run);
    if (!walk->run)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for notes");
    return slg_notes_source_open(&walk->source, sessions, &id, err);
}

static void
walk_close(struct notes_walk *walk)
{
    slg_notes_source_close(&walk->source);
    free(walk->run);
}

/* Looks at one entry; true: it is what is looked for, or enough. */
typedef bool (*note_test_fn)(void *arg, const struct seglog_entry_note *note);

static bool
run_has(const struct slg_notes_run *run, note_test_fn test, void *arg)
{
    for (uint64_t i = 0; i < run->head.count; i++) {
        if (!run->is_absent[i] && test(arg, &run->notes[i]))
            return true;
    }
    return false;
}

/*
 * From the run the walk is at: until test says true, found then, or to the end.
 *
 *   may_have  whether a run with this head may have it; NULL: it may
 */
static seglog_code
walk_search(struct notes_walk *walk,
            bool (*may_have)(const void *arg,
                             const struct slg_notes_head *head),
            note_test_fn test, void *arg, bool *found, struct seglog_error *err)
{
    struct slg_notes_head head;
    seglog_code code = SEGLOG_OK;

    *found = false;
    while (code == SEGLOG_OK) {
        if (may_have &&
            slg_notes_source_head(&walk->source, walk->run_no, &head) &&
            !may_have(arg, &head)) {
            walk->source.turn_run = ++walk->run_no;
            walk->source.turn = head.turn_after;
            continue;
        }
        code =
            slg_notes_source_get(&walk->source, walk->run_no, walk->run, err);
        *found = run_has(walk->run, test, arg);
        if (*found)
            return SEGLOG_OK;
        if (code == SEGLOG_OK && walk->run->head.count < SLG_NOTES_RUN)
            break;
        walk->run_no = slg_notes_source_after(&walk->source, walk->run_no);
        walk->source.turn_run = walk->run_no;
    }
    return code;
}

/* -- listing -------------------------------------------------------------- */

struct listing {
    uint64_t from_record;
    seglog_entry_note_fn fn;
    void *arg;
};

static bool
listing_tell(void *arg, const struct seglog_entry_note *note)
{
    const struct listing *listing = arg;

    return note->record_no >= listing->from_record &&
           !listing->fn(listing->arg, note);
}

seglog_code
seglog_session_list_notes(struct seglog_session_store *sessions,
                          const struct seglog_uuid *session,
                          const struct seglog_uuid *segment,
                          uint64_t from_record, seglog_entry_note_fn fn,
                          void *arg, struct seglog_error *err)
{
    struct listing listing = { from_record, fn, arg };
    struct notes_walk walk;
    bool is_stopped = false;
    seglog_code code = SEGLOG_OK;

    if (!fn)
        return slg_fail(err, SEGLOG_INVALID, NULL, "fn is NULL");
    code = walk_open(&walk, sessions, session, segment, err);
    if (code == SEGLOG_OK && from_record < walk.source.next_record) {
        walk.run_no = slg_notes_run_of(&walk.source, from_record);
        code =
            walk_search(&walk, NULL, listing_tell, &listing, &is_stopped, err);
    }
    walk_close(&walk);
    return code;
}

/* -- seeking -------------------------------------------------------------- */

struct note_search {
    uint64_t turn;
    int64_t ts_ms;
    uint64_t record_no; /* found */
};

static bool
is_no_start(void *arg, const struct seglog_entry_note *note)
{
    struct note_search *search = arg;

    search->record_no = note->record_no;
    return strcmp(note->kind, "segment_start") != 0;
}

static bool
ends_the_turn(void *arg, const struct seglog_entry_note *note)
{
    struct note_search *search = arg;

    search->record_no = note->record_no + 1;
    return note->ends_turn && note->turn == search->turn;
}

static bool
may_end_the_turn(const void *arg, const struct slg_notes_head *head)
{
    const struct note_search *search = arg;

    return head->turn_min <= search->turn && search->turn <= head->turn_max;
}

static bool
is_late_enough(void *arg, const struct seglog_entry_note *note)
{
    struct note_search *search = arg;

    search->record_no = note->record_no;
    return note->ts_ms != INT64_MIN && note->ts_ms >= search->ts_ms;
}

static bool
may_be_late_enough(const void *arg, const struct slg_notes_head *head)
{
    const struct note_search *search = arg;

    return head->ts_min <= head->ts_max && head->ts_max >= search->ts_ms;
}

/* search->record_no: of the first entry that passes, or of the next to come. */
static seglog_code
notes_find(struct seglog_session_store *sessions,
           const struct seglog_uuid *session, const struct seglog_uuid *segment,
           bool (*may_have)(const void *arg, const struct slg_notes_head *head),
           note_test_fn test, struct note_search *search, bool *found,
           struct seglog_error *err)
{
    struct notes_walk walk;
    seglog_code code = walk_open(&walk, sessions, session, segment, err);

    *found = false;
    if (code == SEGLOG_OK)
        code = walk_search(&walk, may_have, test, search, found, err);
    if (code == SEGLOG_OK && !*found)
        search->record_no = walk.source.next_record;
    walk_close(&walk);
    return code;
}

seglog_code
seglog_session_seek_turn(struct seglog_session_store *sessions,
                         const struct seglog_uuid *session,
                         const struct seglog_uuid *segment, uint64_t turn,
                         uint64_t *record_no, struct seglog_error *err)
{
    struct note_search search = { .turn = turn };
    bool found = false;
    seglog_code code = SEGLOG_OK;

    if (!record_no)
        return slg_fail(err, SEGLOG_INVALID, NULL, "record_no is NULL");
    code = notes_find(
        sessions, session, segment, turn == 0 ? NULL : may_end_the_turn,
        turn == 0 ? is_no_start : ends_the_turn, &search, &found, err);
    if (code != SEGLOG_OK)
        return code;
    /* Turn 0 is there even before anything has happened in it. */
    if (!found && turn != 0)
        return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "no turn %" PRIu64 " ends in the segment", turn);
    *record_no = search.record_no;
    return SEGLOG_OK;
}

seglog_code
seglog_session_seek_time(struct seglog_session_store *sessions,
                         const struct seglog_uuid *session,
                         const struct seglog_uuid *segment, int64_t ts_ms,
                         uint64_t *record_no, struct seglog_error *err)
{
    struct note_search search = { .ts_ms = ts_ms };
    bool found = false;
    seglog_code code = SEGLOG_OK;

    if (!record_no)
        return slg_fail(err, SEGLOG_INVALID, NULL, "record_no is NULL");
    code = notes_find(sessions, session, segment, may_be_late_enough,
                      is_late_enough, &search, &found, err);
    if (code != SEGLOG_OK)
        return code;
    if (!found)
        return slg_fail(err, SEGLOG_NOT_FOUND, NULL,
                        "no entry of the segment is of that time or later");
    *record_no = search.record_no;
    return SEGLOG_OK;
}
