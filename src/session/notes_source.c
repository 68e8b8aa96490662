/* SPDX-License-Identifier: MIT */
/* src/session/notes_source.c - the notes of any run of entries. */
#define _POSIX_C_SOURCE 200809L /* strnlen */

#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/session/entry.h"
#include "src/session/session_notes.h"
#include "src/session/session_read.h"
#include "src/store/fail.h"

/* A reader may be overtaken by so many cuts. */
#define CUTS_MAX 64

void
slg_notes_look(const void *data, size_t len, struct seglog_entry_note *note)
{
    struct slg_entry entry;
    size_t kind_len = 0;

    slg_entry_look(data, len, &entry);
    *note = (struct seglog_entry_note){
        .ts_ms = entry.ts_ms,
        .turn = entry.turn,
        .ends_turn = entry.has_turn,
    };
    /* Up to a zero byte, as whoever reads it as text sees it. */
    kind_len = strnlen(entry.kind, sizeof note->kind - 1);
    memcpy(note->kind, entry.kind, kind_len);
}

uint64_t
slg_notes_run_of(const struct slg_notes_source *source, uint64_t record_no)
{
    return record_no < source->first_record
               ? 1
               : (record_no - source->first_record) / SLG_NOTES_RUN + 1;
}

static uint64_t
run_first(const struct slg_notes_source *source, uint64_t run_no)
{
    return source->first_record + (run_no - 1) * SLG_NOTES_RUN;
}

/* -- the entries ---------------------------------------------------------- */

/* Stand before a record. */
static seglog_code
entries_stand_at(struct slg_notes_source *source, uint64_t record_no,
                 struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .from_record = record_no };
    seglog_code code = SEGLOG_OK;

    if (!source->entries)
        code = slg_lane_open_reader(source->sessions, &source->id, &options,
                                    &source->entries, err);
    else if (source->entries_at != record_no)
        code = seglog_reader_seek(source->entries, record_no, err);
    if (code == SEGLOG_OK && source->entries_at != record_no) {
        source->entries_at = record_no;
        source->gap_until = 0;
    }
    return code;
}

/* The next event.  CONFLICT: what was read is gone, cut by somebody; what is
 * there now is read instead. */
static seglog_code
entries_next(struct slg_notes_source *source, struct seglog_event *event,
             struct seglog_error *err)
{
    const uint64_t record_no = source->entries_at;
    seglog_code code = seglog_reader_next(source->entries, event, err);

    for (unsigned i = 0; i < CUTS_MAX && code == SEGLOG_CONFLICT; i++) {
        seglog_reader_close(source->entries);
        source->entries = NULL;
        code = entries_stand_at(source, record_no, err);
        if (code == SEGLOG_OK)
            code = seglog_reader_next(source->entries, event, err);
    }
    return code;
}

/* One event into the run.  END: nothing more. */
static seglog_code
run_take_event(struct slg_notes_source *source, struct slg_notes_run *run,
               struct seglog_error *err)
{
    struct seglog_entry_note note;
    struct seglog_event event;
    const seglog_code code = entries_next(source, &event, err);

    if (code != SEGLOG_OK)
        return code;
    if (event.type == SEGLOG_EVENT_GAP) {
        source->gap_until = event.finding.last_record + 1;
        return SEGLOG_OK;
    }
    if (event.record.record_no < source->entries_at)
        return SEGLOG_OK;
    if (event.record.record_no > source->entries_at) {
        source->gap_until = event.record.record_no;
        return seglog_reader_seek(source->entries, event.record.record_no, err);
    }
    slg_notes_look(event.record.data, event.record.len, &note);
    slg_notes_run_add(run, &note);
    if (run->head.count == SLG_NOTES_RUN)
        run->head.last = slg_xxh3(event.record.data, event.record.len);
    source->entries_at++;
    return SEGLOG_OK;
}

seglog_code
slg_notes_source_parse(struct slg_notes_source *source, uint64_t run_no,
                       uint64_t turn_before, struct slg_notes_run *run,
                       struct seglog_error *err)
{
    const uint64_t first = run_first(source, run_no);
    seglog_code code = entries_stand_at(source, first, err);

    slg_notes_run_init(run, first, turn_before);
    run->head.identity = source->identity;
    while (code == SEGLOG_OK && run->head.count < SLG_NOTES_RUN) {
        if (source->entries_at < source->gap_until) {
            slg_notes_run_add(run, NULL);
            source->entries_at++;
        } else {
            code = run_take_event(source, run, err);
        }
    }
    if (code != SEGLOG_OK) {
        source->entries_at = 0;
        source->gap_until = 0;
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* -- the lane ------------------------------------------------------------- */

/* Does a record of the segment have this hash? */
static bool
entry_has_hash(struct slg_notes_source *source, uint64_t record_no,
               uint64_t hash)
{
    struct seglog_event event;

    if (!source->probe &&
        slg_lane_open_reader(source->sessions, &source->id, NULL,
                             &source->probe, NULL) != SEGLOG_OK)
        return false;
    return seglog_reader_seek(source->probe, record_no, NULL) == SEGLOG_OK &&
           seglog_reader_next(source->probe, &event, NULL) == SEGLOG_OK &&
           event.type == SEGLOG_EVENT_RECORD &&
           event.record.record_no == record_no &&
           slg_xxh3(event.record.data, event.record.len) == hash;
}

/* The bytes of a record of the lane, good until the next one. */
static bool
lane_read(struct slg_notes_source *source, uint64_t run_no,
          struct seglog_slice *bytes)
{
    struct seglog_event event;

    if (!source->lane)
        return false;
    if (source->lane_at != run_no &&
        seglog_reader_seek(source->lane, run_no, NULL) != SEGLOG_OK)
        return false;
    source->lane_at = 0;
    if (seglog_reader_next(source->lane, &event, NULL) != SEGLOG_OK ||
        event.type != SEGLOG_EVENT_RECORD || event.record.record_no != run_no)
        return false;
    source->lane_at = run_no + 1;
    *bytes = (struct seglog_slice){ (const char *)event.record.data,
                                    event.record.len };
    return true;
}

static bool
head_fits(const struct slg_notes_source *source, uint64_t run_no,
          const struct slg_notes_head *head)
{
    return head->identity == source->identity &&
           head->first == run_first(source, run_no) &&
           head->count == SLG_NOTES_RUN;
}

bool
slg_notes_source_head(struct slg_notes_source *source, uint64_t run_no,
                      struct slg_notes_head *head)
{
    struct seglog_slice bytes;

    return run_no <= source->valid && lane_read(source, run_no, &bytes) &&
           slg_notes_head_decode((const uint8_t *)bytes.data, bytes.len,
                                 head) &&
           head_fits(source, run_no, head);
}

static bool
block_read(struct slg_notes_source *source, uint64_t run_no,
           struct slg_notes_run *run)
{
    struct seglog_slice bytes;

    if (!lane_read(source, run_no, &bytes) ||
        !slg_notes_run_decode((const uint8_t *)bytes.data, bytes.len, run) ||
        !head_fits(source, run_no, &run->head))
        return false;
    return run->is_absent[SLG_NOTES_RUN - 1] ||
           entry_has_hash(source, run->head.first + SLG_NOTES_RUN - 1,
                          run->head.last);
}

bool
slg_notes_source_block(struct slg_notes_source *source, uint64_t run_no,
                       struct slg_notes_run *run)
{
    return run_no <= source->valid && block_read(source, run_no, run);
}

/* The last record that is right, found by halving: see session_notes.h. */
static seglog_code
lane_judge(struct slg_notes_source *source, uint64_t count,
           struct seglog_error *err)
{
    const uint64_t runs =
        (source->next_record - source->first_record) / SLG_NOTES_RUN;
    struct slg_notes_run *run = NULL;
    uint64_t good = 0;
    uint64_t bad = (count < runs ? count : runs) + 1;
    uint64_t at = bad - 1;

    if (at == 0)
        return SEGLOG_OK;
    run = malloc(sizeof *run);
    if (!run)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for notes");
    while (at > good) {
        if (block_read(source, at, run))
            good = at;
        else
            bad = at;
        at = good + (bad - good) / 2;
    }
    free(run);
    source->valid = good;
    return SEGLOG_OK;
}

/* Without a lane, or with one that cannot be read, valid stays 0. */
seglog_code
slg_notes_source_use_lane(struct slg_notes_source *source,
                          struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct slg_lane_id id = source->id;
    struct seglog_scan_summary summary;

    id.lane = SEGLOG_LANE_NOTES;
    if (slg_lane_get_summary(source->sessions, &id, &summary, NULL) !=
            SEGLOG_OK ||
        summary.first_record != 1 ||
        slg_lane_open_reader(source->sessions, &id, &options, &source->lane,
                             NULL) != SEGLOG_OK)
        return SEGLOG_OK;
    return lane_judge(source, summary.next_record - 1, err);
}

/* -- both ----------------------------------------------------------------- */

void
slg_notes_source_begin(struct slg_notes_source *source,
                       struct seglog_session_store *sessions,
                       const struct slg_lane_id *id,
                       const struct seglog_writer_state *state)
{
    *source = (struct slg_notes_source){
        .sessions = sessions,
        .id = *id,
        .identity = slg_xxh3(state->identity, sizeof state->identity),
        .first_record = state->first_record,
        .next_record = state->next_record,
        .epoch = state->epoch,
        .turn_run = 1,
    };
}

seglog_code
slg_notes_source_open(struct slg_notes_source *source,
                      struct seglog_session_store *sessions,
                      const struct slg_lane_id *id, struct seglog_error *err)
{
    struct seglog_scan_summary summary;
    seglog_code code = SEGLOG_OK;
    struct seglog_writer_state state = { 0 };

    slg_notes_source_begin(source, sessions, id, &state);
    code = slg_lane_get_summary(sessions, id, &summary, err);
    if (code != SEGLOG_OK)
        return code;
    state.first_record = summary.first_record;
    state.next_record = summary.next_record;
    state.epoch = summary.epoch;
    memcpy(state.identity, summary.identity, sizeof state.identity);
    slg_notes_source_begin(source, sessions, id, &state);
    return slg_notes_source_use_lane(source, err);
}

void
slg_notes_source_close(struct slg_notes_source *source)
{
    seglog_reader_close(source->entries);
    seglog_reader_close(source->probe);
    seglog_reader_close(source->lane);
}

/* A recorded gap may be of any length: runs that are wholly lost say nothing
 * and are passed over. */
uint64_t
slg_notes_source_after(const struct slg_notes_source *source, uint64_t run_no)
{
    return source->gap_until > run_first(source, run_no + 1)
               ? slg_notes_run_of(source, source->gap_until)
               : run_no + 1;
}

/* The turn before a run that the lane says nothing of. */
static seglog_code
turn_find(struct slg_notes_source *source, uint64_t run_no,
          struct slg_notes_run *run, struct seglog_error *err)
{
    uint64_t at = run_no - 1 < source->valid ? run_no : source->valid + 1;
    seglog_code code = SEGLOG_OK;

    if (source->turn_run == run_no)
        return SEGLOG_OK;
    source->turn = 0;
    while (at > 1 && !slg_notes_source_block(source, at - 1, run))
        at--;
    if (at > 1)
        source->turn = run->head.turn_after;
    while (at < run_no && code == SEGLOG_OK) {
        code = slg_notes_source_parse(source, at, source->turn, run, err);
        source->turn = run->head.turn_after;
        at = slg_notes_source_after(source, at);
    }
    source->turn_run = run_no;
    return code;
}

seglog_code
slg_notes_source_get(struct slg_notes_source *source, uint64_t run_no,
                     struct slg_notes_run *run, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!slg_notes_source_block(source, run_no, run)) {
        code = turn_find(source, run_no, run, err);
        if (code != SEGLOG_OK) {
            slg_notes_run_init(run, run_first(source, run_no), 0);
            return code;
        }
        code = slg_notes_source_parse(source, run_no, source->turn, run, err);
    }
    source->turn_run = run_no + 1;
    source->turn = run->head.turn_after;
    return code;
}
