/* SPDX-License-Identifier: MIT */
/* src/session/session_fork.c - forks, ensure_head_or_fork, restore. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/session/entry.h"
#include "src/session/session_append.h"
#include "src/session/session_read.h"
#include "src/session/session_roll.h"
#include "src/store/fail.h"
#include "src/store/options.h"

/* -- where to cut --------------------------------------------------------- */

struct fork {
    struct seglog_session_store *sessions;
    struct slg_lane_id from;
    struct seglog_fork_options options;
    struct slg_lane_new lane;
    uint64_t keep; /* number of the last record that is kept; 0: none */
    uint64_t first_record;
    uint64_t turn; /* as of keep */
};

static seglog_code
fail_no_record(const struct fork *fork, uint64_t next_record,
               struct seglog_error *err)
{
    const uint64_t count = next_record - fork->first_record;

    (void)slg_fail(err, SEGLOG_INVALID, NULL,
                   "there is no record %" PRIu64 " to fork at; the segment "
                   "has %" PRIu64,
                   fork->options.number, count);
    return slg_fail_actual(err, SEGLOG_INVALID, count);
}

/* What decides is read to the end, so that nothing is made of a damaged one. */
struct cut_search {
    struct slg_turn_cut turn_cut;
    bool is_settled;
    uint64_t keep;
    uint64_t turn;
    uint64_t next_record;
};

static void
search_feed(struct cut_search *search, const struct fork *fork,
            const struct seglog_record *record)
{
    const struct seglog_fork_options *options = &fork->options;
    const uint64_t kept_before = search->turn_cut.keep;
    struct slg_entry entry;

    search->next_record = record->record_no + 1;
    if (search->is_settled || (options->at == SEGLOG_FORK_AT_RECORD &&
                               record->record_no > options->number))
        return;
    slg_entry_look(record->data, record->len, &entry);
    if (options->at == SEGLOG_FORK_AT_TURN) {
        search->is_settled = slg_turn_cut_feed(&search->turn_cut, &entry);
        if (search->turn_cut.keep == kept_before)
            return;
    }
    search->keep = record->record_no;
    if (entry.has_turn)
        search->turn = entry.turn;
}

static seglog_code
search_run(struct cut_search *search, const struct fork *fork,
           struct seglog_error *err)
{
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    seglog_code code =
        slg_lane_open_reader(fork->sessions, &fork->from, NULL, &reader, err);

    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code != SEGLOG_OK)
            break;
        if (event.type == SEGLOG_EVENT_RECORD)
            search_feed(search, fork, &event.record);
        else
            search->next_record = event.finding.last_record + 1;
    }
    seglog_reader_close(reader);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* SPEC.md 14.1: at_turn and at_record of the lineage. */
static seglog_code
fork_find(struct fork *fork, struct seglog_error *err)
{
    const struct seglog_fork_options *options = &fork->options;
    struct seglog_scan_summary summary;
    struct cut_search search = { .is_settled = false };
    seglog_code code =
        slg_lane_get_end(fork->sessions, &fork->from, &summary, err);

    if (code != SEGLOG_OK)
        return code;
    fork->first_record = search.next_record = summary.first_record;
    slg_turn_cut_init(&search.turn_cut, options->number);
    code = search_run(&search, fork, err);
    if (code != SEGLOG_OK)
        return code;
    if (options->at == SEGLOG_FORK_AT_RECORD &&
        (options->number >= search.next_record ||
         options->number + 1 < fork->first_record))
        return fail_no_record(fork, search.next_record, err);
    fork->keep = search.keep;
    fork->turn = search.turn;
    return SEGLOG_OK;
}

/* -- by replay ------------------------------------------------------------ */

/* The entries up to keep, folded. */
static seglog_code
fork_replay(const struct fork *fork, struct seglog_replay **replay,
            struct seglog_error *err)
{
    struct seglog_reader *reader = NULL;
    struct seglog_event event = { .type = (enum seglog_event_type)0 };
    uint64_t last = 0;
    seglog_code code = seglog_replay_new(replay, err);

    if (code == SEGLOG_OK)
        code = slg_lane_open_reader(fork->sessions, &fork->from, NULL, &reader,
                                    err);
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(reader, &event, err);
        if (code != SEGLOG_OK || event.type != SEGLOG_EVENT_RECORD)
            continue;
        last = event.record.record_no;
        if (last > fork->keep)
            code = SEGLOG_END;
        else if (!slg_entry_is_blank(event.record.data, event.record.len))
            code = seglog_replay_add(*replay, event.record.data,
                                     event.record.len, err);
    }
    seglog_reader_close(reader);
    if (code == SEGLOG_END && last < fork->keep)
        return slg_fail(err, SEGLOG_CONFLICT, NULL,
                        "the segment was cut while it was forked; try again");
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

static seglog_code
fork_make_start(const struct fork *fork, char **line, size_t *len,
                struct seglog_error *err)
{
    char session[SEGLOG_UUID_TEXT_CAP];
    char from[SEGLOG_UUID_TEXT_CAP];
    const struct seglog_replay_start start = {
        .size = sizeof start,
        .ts_ms = fork->options.ts_ms ? fork->options.ts_ms : slg_now_ms(),
        .session_id = { seglog_uuid_format(&fork->lane.id.session, session),
                        SEGLOG_UUID_TEXT_CAP - 1 },
        .forked_from = { { seglog_uuid_format(&fork->from.segment, from),
                           SEGLOG_UUID_TEXT_CAP - 1 },
                         fork->lane.lineage.at_turn },
    };
    struct seglog_replay *replay = NULL;
    seglog_code code = fork_replay(fork, &replay, err);

    if (code == SEGLOG_OK)
        code = seglog_replay_make_start(replay, &start, line, len, err);
    seglog_replay_free(replay);
    return code;
}

static seglog_code
fork_by_replay(struct fork *fork, struct seglog_error *err)
{
    struct seglog_item item = { .kind = SEGLOG_TEXT };
    struct slg_items first = { &item, 1 };
    char *line = NULL;
    seglog_code code = fork_make_start(fork, &line, &item.len, err);

    if (code != SEGLOG_OK)
        return code;
    item.data = line;
    fork->lane.fill = slg_items_fill;
    fork->lane.arg = &first;
    code = slg_lane_make(fork->sessions, &fork->lane, NULL, err);
    seglog_free(line);
    return code;
}

/* -- by copy -------------------------------------------------------------- */

/* Somebody may have cut the source since it was looked at. */
static seglog_code
copy_check(const struct fork *fork, const struct seglog_writer *writer,
           struct seglog_error *err)
{
    struct seglog_writer_state state;

    seglog_writer_get_state(writer, &state);
    if (fork->keep == 0 || state.next_record > fork->keep)
        return SEGLOG_OK;
    return slg_fail(err, SEGLOG_CONFLICT, NULL,
                    "the segment was cut while it was forked; try again");
}

/* Record for record, so that they keep their numbers.  Nobody sees the copy
 * before it is whole: no groups are needed for all or nothing. */
static seglog_code
copy_fill(void *arg, struct seglog_writer *writer, struct seglog_error *err)
{
    const struct fork *fork = arg;
    struct seglog_reader *reader = NULL;
    struct seglog_event event = { .type = (enum seglog_event_type)0 };
    seglog_code code =
        slg_lane_open_reader(fork->sessions, &fork->from, NULL, &reader, err);

    while (code == SEGLOG_OK) {
        const struct seglog_record *record = &event.record;

        code = seglog_reader_next(reader, &event, err);
        if (code != SEGLOG_OK)
            break;
        if (event.type == SEGLOG_EVENT_GAP) {
            if (event.finding.first_record > fork->keep)
                break;
            code = seglog_writer_append_gap(writer, &event.finding, err);
        } else if (record->record_no > fork->keep) {
            break;
        } else {
            code = seglog_writer_append(writer, record->kind, record->data,
                                        record->len, SEGLOG_LEVEL_APPEND, NULL,
                                        err);
        }
    }
    seglog_reader_close(reader);
    if (code == SEGLOG_OK || code == SEGLOG_END)
        code = seglog_writer_flush(writer, err);
    return code == SEGLOG_OK ? copy_check(fork, writer, err) : code;
}

static seglog_code
fork_by_copy(struct fork *fork, struct seglog_error *err)
{
    fork->lane.first_record = fork->first_record;
    fork->lane.fill = copy_fill;
    fork->lane.arg = fork;
    return slg_lane_make(fork->sessions, &fork->lane, NULL, err);
}

/* -- fork ----------------------------------------------------------------- */

static seglog_code
fork_check(const struct seglog_fork_options *options, struct seglog_error *err)
{
    if ((unsigned)options->at > SEGLOG_FORK_AT_TURN)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "there is no such place to fork at");
    if ((unsigned)options->how > SEGLOG_FORK_BY_COPY)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "there is no such way to fork");
    if (options->label.len > 0 && !options->label.data)
        return slg_fail(err, SEGLOG_INVALID, NULL, "the label is NULL");
    return SEGLOG_OK;
}

static seglog_code
fork_name(struct fork *fork, struct seglog_error *err)
{
    const struct seglog_fork_options *options = &fork->options;
    struct slg_lane_id *id = &fork->lane.id;

    id->lane = SEGLOG_LANE_ENTRIES;
    id->session =
        options->new_session ? *options->new_session : fork->from.session;
    if (options->new_segment)
        id->segment = *options->new_segment;
    else if (!seglog_uuid_new(&id->segment))
        return slg_fail(err, SEGLOG_IO, NULL,
                        "the system gives no random bytes for an id");
    return SEGLOG_OK;
}

static seglog_code
fork_run(struct fork *fork, struct seglog_error *err)
{
    seglog_code code = fork_find(fork, err);

    if (code == SEGLOG_OK)
        code = fork_name(fork, err);
    if (code != SEGLOG_OK)
        return code;
    fork->lane.label = fork->options.label;
    fork->lane.lineage = (struct seglog_lineage){
        .kind = SEGLOG_LINEAGE_FORKED_FROM,
        .segment = fork->from.segment,
        .at_turn = fork->options.at == SEGLOG_FORK_AT_TURN
                       ? fork->options.number
                       : fork->turn,
        .at_record = fork->keep,
    };
    return fork->options.how == SEGLOG_FORK_BY_COPY ? fork_by_copy(fork, err)
                                                    : fork_by_replay(fork, err);
}

seglog_code
seglog_session_fork(struct seglog_session_store *sessions,
                    const struct seglog_uuid *session,
                    const struct seglog_uuid *segment,
                    const struct seglog_fork_options *options,
                    struct seglog_uuid *forked, struct seglog_error *err)
{
    struct fork fork = { .sessions = sessions };
    seglog_code code = slg_lane_find(sessions, session, segment,
                                     SEGLOG_LANE_ENTRIES, &fork.from, err);

    if (code != SEGLOG_OK)
        return code;
    if (!slg_options_copy(&fork.options, sizeof fork.options, options))
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "fork option size: not that of a struct of this "
                        "version");
    code = slg_session_check_writable(sessions, err);
    if (code == SEGLOG_OK)
        code = fork_check(&fork.options, err);
    if (code == SEGLOG_OK)
        code = fork_run(&fork, err);
    if (code == SEGLOG_OK && forked)
        *forked = fork.lane.id.segment;
    return code;
}
