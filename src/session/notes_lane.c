/* SPDX-License-Identifier: MIT */
/* src/session/notes_lane.c - keeping the lane of notes up to date. */
#include <stdlib.h>
#include <string.h>

#include "src/session/session_append.h"
#include "src/session/session_notes.h"
#include "src/store/fail.h"

/* So many runs are made up for by one append, so that none takes long. */
#define CATCH_UP_MAX 64

bool
slg_notes_are_due(const struct seglog_appended *done, size_t count)
{
    return done->count / SLG_NOTES_RUN != (done->count - count) / SLG_NOTES_RUN;
}

/* -- making records of the lane ------------------------------------------- */

struct extension {
    struct seglog_session_store *sessions;
    struct slg_lane_writer *lane; /* of the entries */
    struct slg_notes_source source;
    struct slg_notes_run *run;
    uint8_t *bytes;
    uint64_t next_run; /* to be made next */
    uint64_t turn;     /* before it */
};

static seglog_code
run_make(struct extension *extension, struct seglog_error *err)
{
    seglog_code code =
        slg_notes_source_parse(&extension->source, extension->next_run,
                               extension->turn, extension->run, err);

    if (code == SEGLOG_OK && extension->run->head.count < SLG_NOTES_RUN)
        code = SEGLOG_END;
    return code;
}

/* Under the lock of the lane, or before it can be seen. */
static seglog_code
runs_write(struct extension *extension, struct seglog_writer *writer,
           struct seglog_error *err)
{
    const struct slg_notes_source *source = &extension->source;
    const uint64_t runs =
        (source->next_record - source->first_record) / SLG_NOTES_RUN;
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0;
         i < CATCH_UP_MAX && extension->next_run <= runs && code == SEGLOG_OK;
         i++) {
        size_t len = 0;

        code = run_make(extension, err);
        if (code != SEGLOG_OK)
            break;
        len = slg_notes_run_encode(extension->run, extension->bytes);
        code = seglog_writer_append(writer, SEGLOG_BYTES, extension->bytes, len,
                                    SEGLOG_LEVEL_FLUSH, NULL, err);
        extension->turn = extension->run->head.turn_after;
        extension->next_run++;
    }
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* -- a lane that is there ------------------------------------------------- */

/* Where the lane goes on: behind its last record that is right. */
static seglog_code
lane_settle(struct extension *extension, struct seglog_writer *notes,
            struct seglog_error *err)
{
    const struct slg_notes_left *left = &extension->lane->notes;
    struct slg_notes_source *source = &extension->source;
    struct seglog_writer_state state;
    seglog_code code = SEGLOG_OK;

    seglog_writer_get_state(notes, &state);
    if (left->is_known && slg_head_is_same(&left->head, &state.head) &&
        left->epoch == source->epoch) {
        extension->next_run = state.next_record;
        extension->turn = left->turn;
        return SEGLOG_OK;
    }
    code = slg_notes_source_use_lane(source, err);
    if (code != SEGLOG_OK)
        return code;
    extension->next_run = source->valid + 1;
    if (source->valid > 0 &&
        slg_notes_source_block(source, source->valid, extension->run))
        extension->turn = extension->run->head.turn_after;
    return extension->next_run < state.next_record
               ? seglog_writer_truncate(notes, extension->next_run, err)
               : SEGLOG_OK;
}

/* Nothing has to be looked at again, unless somebody else comes. */
static void
lane_leave(struct extension *extension, const struct seglog_writer *notes)
{
    struct seglog_writer_state state;

    seglog_writer_get_state(notes, &state);
    extension->lane->notes = (struct slg_notes_left){
        .is_known = true,
        .epoch = extension->source.epoch,
        .turn = extension->turn,
        .head = state.head,
    };
}

/*
 * Where the segment stands is asked under its lock, and that of the notes is
 * taken before it is given back.  Whoever cuts the segment has both: until the
 * notes are written it stays as long as it is.
 */
static seglog_code
both_hold(const struct extension *extension, struct seglog_writer *notes,
          struct seglog_writer_state *state)
{
    struct seglog_writer *entries = extension->lane->writer;
    seglog_code code = seglog_writer_hold(entries, NULL);

    if (code != SEGLOG_OK)
        return code;
    seglog_writer_get_state(entries, state);
    if (notes)
        code = seglog_writer_hold(notes, NULL);
    seglog_writer_release(entries);
    return code;
}

static seglog_code
lane_extend(struct extension *extension, struct seglog_writer *notes)
{
    struct slg_notes_source *source = &extension->source;
    struct seglog_writer_state state;
    seglog_code code = both_hold(extension, notes, &state);

    /* Not for a fault of the lane. */
    if (code != SEGLOG_OK)
        return code;
    slg_notes_source_begin(source, extension->sessions, &extension->lane->id,
                           &state);
    code = lane_settle(extension, notes, NULL);
    if (code == SEGLOG_OK)
        code = runs_write(extension, notes, NULL);
    if (code == SEGLOG_OK)
        lane_leave(extension, notes);
    seglog_writer_release(notes);
    slg_notes_source_close(source);
    return code;
}

/* -- a lane that is missing ----------------------------------------------- */

/* Under the lock of the index, which whoever cuts the segment has as well. */
static seglog_code
birth_fill(void *arg, struct seglog_writer *writer, struct seglog_error *err)
{
    struct extension *extension = arg;
    struct seglog_writer_state state;
    seglog_code code = both_hold(extension, NULL, &state);

    if (code != SEGLOG_OK)
        return slg_fail(err, code, NULL, "the segment cannot be looked at");
    slg_notes_source_begin(&extension->source, extension->sessions,
                           &extension->lane->id, &state);
    extension->next_run = 1;
    extension->turn = 0;
    code = runs_write(extension, writer, err);
    slg_notes_source_close(&extension->source);
    return code;
}

static void
lane_begin(struct extension *extension)
{
    struct slg_lane_new lane = { .id = extension->lane->id,
                                 .fill = birth_fill,
                                 .arg = extension };

    lane.id.lane = SEGLOG_LANE_NOTES;
    (void)!slg_lane_make(extension->sessions, &lane, NULL, NULL);
}

/* One that nothing can be added to; the next run begins it anew. */
static void
lane_drop(struct seglog_session_store *sessions, const struct slg_lane_id *id)
{
    if (slg_index_begin(sessions->index, NULL) != SEGLOG_OK)
        return;
    (void)!slg_lane_remove(sessions, id, NULL, NULL);
    slg_index_commit(sessions->index);
}

/* ------------------------------------------------------------------------- */

static void
extension_run(struct extension *extension)
{
    struct seglog_session_store *sessions = extension->sessions;
    struct slg_lane_writer *notes = NULL;
    struct slg_lane_id id = extension->lane->id;
    seglog_code code = SEGLOG_OK;

    id.lane = SEGLOG_LANE_NOTES;
    code = slg_writers_take(sessions, &id, &notes, NULL);
    if (code == SEGLOG_NOT_FOUND)
        lane_begin(extension);
    else if (code == SEGLOG_CORRUPT || code == SEGLOG_FORMAT)
        lane_drop(sessions, &id);
    if (code != SEGLOG_OK)
        return;
    code = lane_extend(extension, notes->writer);
    slg_writers_give(sessions->writers, notes, code == SEGLOG_OK);
}

void
slg_notes_extend(struct seglog_session_store *sessions,
                 struct slg_lane_writer *lane)
{
    struct extension extension = { .sessions = sessions, .lane = lane };

    extension.run = malloc(sizeof *extension.run);
    extension.bytes = malloc(SLG_NOTES_BLOCK_MAX);
    if (extension.run && extension.bytes)
        extension_run(&extension);
    free(extension.run);
    free(extension.bytes);
}

seglog_code
slg_notes_cut(struct seglog_writer *notes, uint64_t entry_count,
              struct seglog_error *err)
{
    const uint64_t next_record = entry_count / SLG_NOTES_RUN + 1;
    struct seglog_writer_state state;
    seglog_code code = seglog_writer_hold(notes, err);

    if (code != SEGLOG_OK)
        return code;
    seglog_writer_get_state(notes, &state);
    if (next_record < state.next_record)
        code = seglog_writer_truncate(notes, next_record, err);
    if (code != SEGLOG_OK)
        seglog_writer_release(notes);
    return code;
}
