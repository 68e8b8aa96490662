/* SPDX-License-Identifier: MIT */
/* src/session/session_append.c - append, append_many, append_trace. */
#include "src/session/session_append.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/json_line.h"
#include "src/session/session_notes.h"
#include "src/session/session_read.h"
#include "src/session/session_roll.h"
#include "src/store/fail.h"
#include "src/store/options.h"

/* -- what may be appended ------------------------------------------------- */

static seglog_code
entry_fail(size_t index, uint64_t offset, const char *why,
           struct seglog_error *err)
{
    const struct slg_place place = { .record_no = index + 1, .offset = offset };

    return slg_fail(err, SEGLOG_INVALID, &place,
                    "the entry is not one JSON value on one line: %s", why);
}

static seglog_code
json_check(const struct seglog_slice *entry, size_t index,
           struct seglog_error *err)
{
    uint64_t fault_pos = 0;
    const char *line_feed =
        entry->len > 0 ? memchr(entry->data, '\n', entry->len) : NULL;
    const enum seglog_json_fault fault = seglog_json_line_check(
        (const uint8_t *)entry->data, entry->len, false, &fault_pos);

    if (line_feed && (fault == SEGLOG_JSON_OK ||
                      fault_pos > (uint64_t)(line_feed - entry->data)))
        return entry_fail(index, (uint64_t)(line_feed - entry->data),
                          "a line feed", err);
    if (fault != SEGLOG_JSON_OK)
        return entry_fail(index, fault_pos, seglog_json_fault_text(fault), err);
    if (slg_entry_is_blank(entry->data, entry->len))
        return entry_fail(index, entry->len, "it is blank", err);
    return SEGLOG_OK;
}

static seglog_code
entry_check(const struct seglog_slice *entry, size_t index, bool is_raw,
            struct seglog_item *item, struct seglog_error *err)
{
    if (!entry->data && entry->len > 0)
        return slg_fail(err, SEGLOG_INVALID, NULL, "an entry is NULL");
    *item = (struct seglog_item){ SEGLOG_TEXT, entry->data, entry->len };
    if (!is_raw)
        return json_check(entry, index, err);
    if (entry->len > 0 && memchr(entry->data, '\n', entry->len))
        item->kind = SEGLOG_BYTES;
    return SEGLOG_OK;
}

seglog_code
slg_entries_check(const struct seglog_slice *entries, size_t count, bool is_raw,
                  struct seglog_item *items, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < count && code == SEGLOG_OK; i++)
        code = entry_check(&entries[i], i, is_raw, &items[i], err);
    return code;
}

/* -- what is expected ----------------------------------------------------- */

bool
slg_head_is_same(const struct seglog_head *a, const struct seglog_head *b)
{
    return a->epoch == b->epoch && a->next_record == b->next_record &&
           a->checksum == b->checksum;
}

bool
slg_expect_is_met(const struct seglog_expect *expect, uint64_t count,
                  const struct seglog_head *head)
{
    return (!expect->has_count || expect->count == count) &&
           (!expect->has_head || slg_head_is_same(&expect->head, head));
}

seglog_code
slg_expect_fail(const struct slg_lane_id *id,
                const struct seglog_expect *expect, uint64_t count,
                struct seglog_error *err)
{
    char name[SEGLOG_LANE_NAME_CAP];
    const struct slg_place place = { .name = slg_lane_id_name(id, name),
                                     .offset = SEGLOG_NO_OFFSET };

    if (expect->has_count && expect->count != count)
        (void)slg_fail(err, SEGLOG_CONFLICT, &place,
                       "%" PRIu64 " entries were expected and it has %" PRIu64
                       ": read what is new and try again",
                       expect->count, count);
    else
        (void)slg_fail(err, SEGLOG_CONFLICT, &place,
                       "it has another head than expected: somebody has "
                       "appended or cut; read it again");
    return slg_fail_actual(err, SEGLOG_CONFLICT, count);
}

/* -- a lane that exists --------------------------------------------------- */

bool
slg_writer_is_sound_after(seglog_code code)
{
    switch (code) {
    case SEGLOG_OK:
    case SEGLOG_CONFLICT:
    case SEGLOG_INVALID:
    case SEGLOG_TOO_LARGE:
    case SEGLOG_LOCKED: /* holding comes first: nothing is buffered */
        return true;
    default:
        return false;
    }
}

static void
done_fill(struct seglog_appended *done, const struct slg_lane_id *id,
          const struct seglog_writer_state *state)
{
    *done = (struct seglog_appended){
        .count = state->next_record - state->first_record,
        .head = state->head,
        .segment = id->segment,
    };
}

/* While the lock is held: nobody comes in between. */
static seglog_code
held_append(const struct slg_append_call *call, struct slg_lane_writer *lane,
            struct seglog_appended *done, struct seglog_error *err)
{
    struct seglog_writer *writer = lane->writer;
    const struct seglog_item *first = call->items;
    struct seglog_writer_state state;
    uint64_t record_no = 0;
    seglog_code code = SEGLOG_OK;

    seglog_writer_get_state(writer, &state);
    done_fill(done, &call->id, &state);
    if (!slg_expect_is_met(&call->expect, done->count, &done->head))
        return slg_expect_fail(&call->id, &call->expect, done->count, err);
    if (call->count == 1)
        code =
            seglog_writer_append(writer, first->kind, first->data, first->len,
                                 SEGLOG_LEVEL_FLUSH, &record_no, err);
    else if (call->count > 1)
        code = seglog_writer_append_group(writer, first, call->count,
                                          SEGLOG_LEVEL_FLUSH, &record_no, err);
    if (code != SEGLOG_OK || call->count == 0)
        return code;
    seglog_writer_get_state(writer, &state);
    done_fill(done, &call->id, &state);
    done->first_record = record_no;
    return SEGLOG_OK;
}

static seglog_code
lane_write(const struct slg_append_call *call, struct slg_lane_writer *lane,
           struct seglog_appended *done, struct seglog_error *err)
{
    seglog_code code = seglog_writer_hold(lane->writer, err);

    if (code != SEGLOG_OK)
        return code;
    code = held_append(call, lane, done, err);
    seglog_writer_release(lane->writer);
    if (code != SEGLOG_OK || call->count == 0 ||
        call->id.lane != SEGLOG_LANE_ENTRIES)
        return code;
    if (slg_notes_are_due(done, call->count))
        slg_notes_extend(call->sessions, lane);
    return SEGLOG_OK;
}

/*
 * When it fails: whether the entries are durable is unknown, and that they are
 * not there is not so, as the code of a failed write would say.
 */
static seglog_code
lane_sync(struct slg_lane_writer *lane, uint64_t appends,
          struct seglog_error *err)
{
    if (slg_writers_sync(lane, appends, err) == SEGLOG_OK)
        return SEGLOG_OK;
    if (err)
        err->code = SEGLOG_POISONED;
    return SEGLOG_POISONED;
}

/* Once.  is_replaced: try again. */
static seglog_code
lane_append_once(const struct slg_append_call *call,
                 struct seglog_appended *done, bool *is_replaced,
                 struct seglog_error *err)
{
    struct slg_writers *writers = call->sessions->writers;
    struct slg_lane_writer *lane = NULL;
    uint64_t appends = 0;
    seglog_code code = slg_writers_take(call->sessions, &call->id, &lane, err);

    *is_replaced = false;
    if (code != SEGLOG_OK)
        return code;
    code = lane_write(call, lane, done, err);
    *is_replaced = code == SEGLOG_SEALED;
    if (code != SEGLOG_OK || call->count == 0 || !call->is_synced) {
        slg_writers_give(writers, lane, slg_writer_is_sound_after(code));
        return code;
    }
    appends = ++lane->appends;
    slg_writers_unlock(lane);
    code = lane_sync(lane, appends, err);
    slg_writers_put(writers, lane, slg_writer_is_sound_after(code));
    return code;
}

seglog_code
slg_lane_append(const struct slg_append_call *call,
                struct seglog_appended *done, struct seglog_error *err)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_OK;
    bool is_replaced = true;

    for (unsigned i = 0; i < SLG_REPLACED_MAX && is_replaced; i++)
        code = lane_append_once(call, done, &is_replaced, &local);
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

/* -- a lane that is missing ----------------------------------------------- */

static seglog_code
lane_begin(const struct slg_append_call *call, struct seglog_appended *done,
           struct seglog_error *err)
{
    struct slg_items first = { call->items, call->count };
    const struct slg_lane_new lane = {
        .id = call->id,
        .fill = slg_items_fill,
        .arg = &first,
    };
    seglog_code code = SEGLOG_OK;

    *done = (struct seglog_appended){ .segment = call->id.segment };
    if (!slg_expect_is_met(&call->expect, 0, &done->head))
        return slg_expect_fail(&call->id, &call->expect, 0, err);
    code = slg_lane_make(call->sessions, &lane, &done->head, err);
    if (code == SEGLOG_OK) {
        done->first_record = 1;
        done->count = call->count;
    }
    return code;
}

/* It was deleted, and perhaps made again in another session. */
static seglog_code
lane_find_again(struct slg_append_call *call, struct seglog_error *err)
{
    const struct slg_lane_id before = call->id;

    call->is_guess = false;
    return slg_lane_find(call->sessions, NULL, &before.segment, before.lane,
                         &call->id, err);
}

/* Somebody else may make or delete it whenever it is looked for. */
static seglog_code
lane_append_or_begin(struct slg_append_call *call, struct seglog_appended *done,
                     struct seglog_error *err)
{
    struct seglog_error local;
    seglog_code code = SEGLOG_OK;

    for (unsigned i = 0; i < SLG_REPLACED_MAX; i++) {
        code = slg_lane_append(call, done, &local);
        if (code == SEGLOG_NOT_FOUND && call->is_guess) {
            code = lane_find_again(call, &local);
            if (code == SEGLOG_OK)
                code = slg_lane_append(call, done, &local);
        }
        if (code == SEGLOG_NOT_FOUND)
            code = lane_begin(call, done, &local);
        if (code != SEGLOG_EXISTS)
            break;
    }
    if (code != SEGLOG_OK && err)
        *err = local;
    return code;
}

/* -- the calls ------------------------------------------------------------ */

static seglog_code
fail_sealed(const struct slg_lane_id *id, struct seglog_error *err)
{
    char name[SEGLOG_LANE_NAME_CAP];
    const struct slg_place place = { .name = slg_lane_id_name(id, name),
                                     .offset = SEGLOG_NO_OFFSET };

    return slg_fail(err, SEGLOG_SEALED, &place,
                    "the segment is sealed and takes no more: begin a new one "
                    "that continues it, or set rolls_over");
}

static seglog_code
items_append(struct slg_append_call *call, bool rolls_over,
             struct seglog_appended *done, struct seglog_error *err)
{
    struct seglog_appended local = { 0 };
    seglog_code code = lane_append_or_begin(call, &local, err);

    /* What a damaged segment holds cannot be compared with anything, and
     * nothing can be appended where a sealed one stands. */
    if (slg_code_is_final(code) && rolls_over &&
        call->id.lane == SEGLOG_LANE_ENTRIES && !call->expect.has_count &&
        !call->expect.has_head)
        code = slg_roll_over(call, &local, err);
    if (code == SEGLOG_SEALED)
        code = fail_sealed(&call->id, err);
    if (done && (code == SEGLOG_OK || code == SEGLOG_CONFLICT))
        *done = local;
    return code;
}

struct append_settings {
    struct seglog_session_append_options options;
    bool is_raw;
};

static seglog_code
settings_settle(const struct seglog_session_store *sessions,
                const struct seglog_session_append_options *options,
                struct append_settings *settings, struct seglog_error *err)
{
    if (!slg_options_copy(&settings->options, sizeof settings->options,
                          options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "append option size: not that of a struct of this "
                        "version");
    settings->is_raw =
        settings->options.accepts_raw || sessions->options.accepts_raw;
    settings->options.rolls_over |= sessions->options.rolls_over;
    settings->options.is_synced |= sessions->options.level == SEGLOG_LEVEL_SYNC;
    return slg_session_check_writable(sessions, err);
}

static seglog_code
entries_append(struct seglog_session_store *sessions,
               const struct slg_lane_id *id, bool is_guess,
               const struct seglog_item *items, size_t count,
               const struct seglog_session_append_options *options,
               struct seglog_appended *done, struct seglog_error *err)
{
    struct slg_append_call call = {
        .sessions = sessions,
        .id = *id,
        .is_guess = is_guess,
        .items = items,
        .count = count,
        .expect = options->expect,
        .is_synced = options->is_synced,
    };

    return items_append(&call, options->rolls_over, done, err);
}

static seglog_code
one_append(struct seglog_session_store *sessions,
           const struct seglog_uuid *session, const struct seglog_uuid *segment,
           enum seglog_lane lane, struct seglog_slice entry,
           const struct seglog_session_append_options *options,
           struct seglog_appended *done, struct seglog_error *err)
{
    struct append_settings settings;
    struct seglog_item item;
    struct slg_lane_id id;
    seglog_code code = SEGLOG_OK;

    if (!sessions)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the session store is NULL");
    code = settings_settle(sessions, options, &settings, err);
    if (code == SEGLOG_OK)
        code = entry_check(&entry, 0, settings.is_raw, &item, err);
    if (code == SEGLOG_OK)
        code = slg_lane_guess(sessions, session, segment, lane, &id, err);
    return code == SEGLOG_OK ? entries_append(sessions, &id, !session, &item, 1,
                                              &settings.options, done, err)
                             : code;
}

seglog_code
seglog_session_append(struct seglog_session_store *sessions,
                      const struct seglog_uuid *session,
                      const struct seglog_uuid *segment, const void *data,
                      size_t len,
                      const struct seglog_session_append_options *options,
                      struct seglog_appended *done, struct seglog_error *err)
{
    const struct seglog_slice entry = { data, len };

    return one_append(sessions, session, segment, SEGLOG_LANE_ENTRIES, entry,
                      options, done, err);
}

seglog_code
seglog_session_append_trace(struct seglog_session_store *sessions,
                            const struct seglog_uuid *session,
                            const struct seglog_uuid *segment, const void *data,
                            size_t len, struct seglog_error *err)
{
    const struct seglog_slice entry = { data, len };

    return one_append(sessions, session, segment, SEGLOG_LANE_TRACE, entry,
                      NULL, NULL, err);
}

seglog_code
seglog_session_append_many(struct seglog_session_store *sessions,
                           const struct seglog_uuid *session,
                           const struct seglog_uuid *segment,
                           const struct seglog_slice *entries, size_t count,
                           const struct seglog_session_append_options *options,
                           struct seglog_appended *done,
                           struct seglog_error *err)
{
    struct append_settings settings;
    struct seglog_item *items = NULL;
    struct slg_lane_id id;
    seglog_code code = SEGLOG_OK;

    if (!sessions || !entries || count == 0)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the session store is NULL, or there are no entries");
    code = settings_settle(sessions, options, &settings, err);
    if (code != SEGLOG_OK)
        return code;
    items = calloc(count, sizeof *items);
    if (!items)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for entries");
    code = slg_entries_check(entries, count, settings.is_raw, items, err);
    if (code == SEGLOG_OK)
        code = slg_lane_guess(sessions, session, segment, SEGLOG_LANE_ENTRIES,
                              &id, err);
    if (code == SEGLOG_OK)
        code = entries_append(sessions, &id, !session, items, count,
                              &settings.options, done, err);
    free(items);
    return code;
}
