/* SPDX-License-Identifier: MIT */
/* src/session/session_roll.c - going on in a new segment: SPEC.md 14. */
#include "src/session/session_roll.h"

#include <string.h>

#include "src/session/entry.h"
#include "src/store/fail.h"

/* A continuation may be damaged or sealed as well, and continued. */
#define CONTINUED_MAX 1000

bool
slg_code_is_final(seglog_code code)
{
    return code == SEGLOG_CORRUPT || code == SEGLOG_SEALED;
}

/* Reads everything, for a turn may end anywhere.  It is rarely done. */
seglog_code
slg_last_words_read(struct seglog_session_store *sessions,
                    const struct slg_lane_id *id, struct slg_last_words *last,
                    struct seglog_error *err)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    char name[SEGLOG_LANE_NAME_CAP];
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct slg_entry entry;
    seglog_code code = seglog_reader_open(
        sessions->store, slg_lane_id_name(id, name), &options, &reader, err);

    *last = (struct slg_last_words){ 0 };
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code != SEGLOG_OK || event.type != SEGLOG_EVENT_RECORD)
            continue;
        slg_entry_look(event.record.data, event.record.len, &entry);
        if (entry.has_turn)
            last->turn = entry.turn;
        last->record = event.record.record_no;
    }
    seglog_reader_close(reader);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* The most recent one, for rows come in that order. */
static seglog_code
successor_find(struct seglog_session_store *sessions,
               const struct slg_lane_id *id, struct seglog_uuid *segment,
               bool *is_found, struct seglog_error *err)
{
    struct seglog_session_row *rows = NULL;
    size_t count = 0;
    const seglog_code code =
        slg_index_list(sessions->index, &id->session, &rows, &count, err);

    *is_found = false;
    for (size_t i = 0; i < count && code == SEGLOG_OK && !*is_found; i++) {
        if (rows[i].lineage.kind == SEGLOG_LINEAGE_CONTINUES &&
            seglog_uuid_compare(&rows[i].lineage.segment, &id->segment) == 0) {
            *segment = rows[i].segment;
            *is_found = true;
        }
    }
    seglog_free(rows);
    return code;
}

static seglog_code
successor_make(const struct slg_append_call *call, struct seglog_appended *done,
               struct seglog_error *err)
{
    struct slg_items first = { call->items, call->count };
    struct slg_lane_new lane = {
        .id = call->id,
        .lineage = { .kind = SEGLOG_LINEAGE_CONTINUES,
                     .segment = call->id.segment },
        .fill = slg_items_fill,
        .arg = &first,
    };
    struct slg_last_words last;
    seglog_code code =
        slg_last_words_read(call->sessions, &call->id, &last, err);

    if (code != SEGLOG_OK)
        return code;
    lane.lineage.at_record = last.record;
    lane.lineage.at_turn = last.turn;
    if (!seglog_uuid_new(&lane.id.segment))
        return slg_fail(err, SEGLOG_IO, NULL,
                        "the system gives no random bytes for an id");
    *done = (struct seglog_appended){ .first_record = 1,
                                      .count = call->count,
                                      .segment = lane.id.segment };
    return slg_lane_make(call->sessions, &lane, &done->head, err);
}

seglog_code
slg_roll_over(const struct slg_append_call *call, struct seglog_appended *done,
              struct seglog_error *err)
{
    struct slg_append_call next = *call;
    seglog_code code = SEGLOG_CORRUPT;
    bool is_found = true;

    for (unsigned i = 0; i < CONTINUED_MAX && slg_code_is_final(code); i++) {
        code = successor_find(call->sessions, &next.id, &next.id.segment,
                              &is_found, err);
        if (code != SEGLOG_OK)
            return code;
        if (is_found)
            code = slg_lane_append(&next, done, err);
        /* Deleted since the index was asked: made anew. */
        if (!is_found || code == SEGLOG_NOT_FOUND)
            code = successor_make(&next, done, err);
    }
    done->rolled_over = code == SEGLOG_OK;
    return code;
}
