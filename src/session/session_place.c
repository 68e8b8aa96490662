/* SPDX-License-Identifier: MIT */
/* src/session/session_place.c - ensure_head_or_fork, and restore. */
#include "src/session/session_append.h"
#include "src/session/session_read.h"
#include "src/store/fail.h"

/* -- a writer's place ----------------------------------------------------- */

/* The last record that the writer knows of. */
static uint64_t
place_record(const struct seglog_session_head *place)
{
    if (place->expect.has_head && place->expect.head.next_record > 0)
        return place->expect.head.next_record - 1;
    return place->expect.has_count ? place->expect.count : 0;
}

static void
place_settle(struct seglog_session_head *place,
             const struct seglog_appended *done)
{
    place->segment = done->segment;
    place->expect = (struct seglog_expect){
        .has_count = true,
        .has_head = true,
        .count = done->count,
        .head = done->head,
    };
}

/* A new segment with the writer's own state, and then the entry. */
static seglog_code
place_fork(struct seglog_session_store *sessions,
           struct seglog_session_head *place, enum seglog_lineage_kind kind,
           uint64_t at_turn, const struct seglog_item *items, size_t count,
           struct seglog_error *err)
{
    struct slg_items first = { items, count };
    struct slg_lane_new lane = {
        .id = { place->session, place->segment, SEGLOG_LANE_ENTRIES },
        .lineage = { .kind = kind,
                     .segment = place->segment,
                     .at_turn = at_turn,
                     .at_record = place_record(place) },
        .fill = slg_items_fill,
        .arg = &first,
    };
    struct seglog_appended done = { .count = count };
    seglog_code code = SEGLOG_OK;

    if (!seglog_uuid_new(&lane.id.segment))
        return slg_fail(err, SEGLOG_IO, NULL,
                        "the system gives no random bytes for an id");
    done.segment = lane.id.segment;
    code = slg_lane_make(sessions, &lane, &done.head, err);
    if (code == SEGLOG_OK)
        place_settle(place, &done);
    return code;
}

seglog_code
seglog_session_ensure_head_or_fork(struct seglog_session_store *sessions,
                                   struct seglog_session_head *place,
                                   uint64_t at_turn, struct seglog_slice start,
                                   const struct seglog_slice *entry,
                                   bool *forked, struct seglog_error *err)
{
    const size_t entry_count = entry ? 1 : 0;
    const struct seglog_slice entries[2] = {
        start, entry ? *entry : (struct seglog_slice){ 0 }
    };
    struct seglog_item items[2];
    struct slg_append_call call = { .sessions = sessions };
    struct seglog_appended done;
    struct seglog_error local;
    bool rolls_over = false;
    seglog_code code = SEGLOG_OK;

    if (!sessions || !place)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the session store or the place is NULL");
    rolls_over = sessions->options.rolls_over;
    code = slg_session_check_writable(sessions, err);
    if (code == SEGLOG_OK)
        code = slg_entries_check(entries, 1 + entry_count,
                                 sessions->options.accepts_raw, items, err);
    if (code != SEGLOG_OK)
        return code;
    call.id = (struct slg_lane_id){ place->session, place->segment,
                                    SEGLOG_LANE_ENTRIES };
    call.items = &items[1];
    call.count = entry_count;
    call.expect = place->expect;
    call.is_synced = sessions->options.level == SEGLOG_LEVEL_SYNC;
    if (forked)
        *forked = false;
    code = slg_lane_append(&call, &done, &local);
    if (code == SEGLOG_OK)
        place_settle(place, &done);
    /* A sealed segment stands where it stood, but has another head. */
    if (code == SEGLOG_CONFLICT || code == SEGLOG_SEALED ||
        (code == SEGLOG_CORRUPT && rolls_over)) {
        code = place_fork(sessions, place,
                          code == SEGLOG_CONFLICT ? SEGLOG_LINEAGE_FORKED_FROM
                                                  : SEGLOG_LINEAGE_CONTINUES,
                          at_turn, items, 1 + entry_count, &local);
        if (code == SEGLOG_OK && forked)
            *forked = true;
    }
    if (code == SEGLOG_NOT_FOUND)
        return slg_session_fail_missing(&place->segment, err);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

/* -- restore -------------------------------------------------------------- */

/* Blank lines, as files have them that were imported, say nothing. */
static seglog_code
replay_fold(struct seglog_replay *replay, const struct seglog_slice *entries,
            size_t count, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < count && code == SEGLOG_OK; i++) {
        if (!slg_entry_is_blank(entries[i].data, entries[i].len))
            code =
                seglog_replay_add(replay, entries[i].data, entries[i].len, err);
        if (code != SEGLOG_OK && err)
            err->record_no = err->line_no = i + 1;
    }
    return code;
}

seglog_code
seglog_session_restore(struct seglog_session_store *sessions,
                       const struct seglog_uuid *session,
                       const struct seglog_uuid *segment,
                       struct seglog_replay **replay, struct seglog_error *err)
{
    struct seglog_slice *entries = NULL;
    struct seglog_replay *folded = NULL;
    size_t count = 0;
    seglog_code code = SEGLOG_OK;

    if (!replay)
        return slg_fail(err, SEGLOG_INVALID, NULL, "replay is NULL");
    *replay = NULL;
    code = seglog_session_read_all(sessions, session, segment,
                                   SEGLOG_LANE_ENTRIES, &entries, &count, err);
    if (code == SEGLOG_OK)
        code = seglog_replay_new(&folded, err);
    if (code == SEGLOG_OK)
        code = replay_fold(folded, entries, count, err);
    seglog_free(entries);
    if (code != SEGLOG_OK) {
        seglog_replay_free(folded);
        return code;
    }
    *replay = folded;
    return SEGLOG_OK;
}
