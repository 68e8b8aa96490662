/* SPDX-License-Identifier: MIT */
/*
 * src/session/replay.c - the calls of a replay, and going back.
 *
 * Before an entry is looked at the state is saved.  Arrays only grow, and the
 * history that a segment_start replaces is put aside, so that going back after
 * a failed allocation is to restore the counts.
 */
#include <stdlib.h>
#include <string.h>

#include "format/json_member.h"
#include "seglog/json_line.h"
#include "src/session/replay_fold.h"
#include "src/store/fail.h"

seglog_code
seglog_replay_new(struct seglog_replay **replay, struct seglog_error *err)
{
    const struct slg_place nowhere = { .offset = SEGLOG_NO_OFFSET };

    *replay = calloc(1, sizeof **replay);
    return *replay ? SEGLOG_OK
                   : slg_fail(err, SEGLOG_NO_MEMORY, &nowhere,
                              "no memory to replay a session");
}

/* One JSON object, as far as the fold relies on it. */
static seglog_code
replay_check(const struct seglog_replay *r, const uint8_t *line, size_t len,
             struct slg_place *place, struct seglog_error *err)
{
    const bool is_first = r->state.entry_count == 0;
    const enum seglog_json_fault fault =
        seglog_json_line_check(line, len, is_first, &place->offset);
    struct slg_json_walk walk;

    if (fault != SEGLOG_JSON_OK)
        return slg_fail(err, SEGLOG_INVALID, place, "not an entry: %s",
                        seglog_json_fault_text(fault));
    if (!slg_json_walk_begin(&walk, line, len) || !walk.is_object) {
        for (place->offset = 0; place->offset < len; place->offset++) {
            if (line[place->offset] > ' ')
                break;
        }
        return slg_fail(err, SEGLOG_INVALID, place,
                        "not an entry: it must be a JSON object");
    }
    return SEGLOG_OK;
}

/*
 * Undo what an entry has done so far.  Arrays may have moved to where there is
 * more room; what they hold of earlier entries is unchanged.
 */
static void
replay_undo(struct seglog_replay *r, const struct seglog_replay_state *state,
            const struct slg_replay_arrays *arrays)
{
    if (r->history_before) {
        /* A segment_start has put aside what there was. */
        free(r->arrays.history.items);
        r->arrays.history = arrays->history;
        r->history_before = NULL;
    }
    r->state = *state;
    r->arrays.history.count = arrays->history.count;
    r->arrays.user_segments.count = arrays->user_segments.count;
    r->arrays.usage.count = arrays->usage.count;
    r->arrays.extensions.count = arrays->extensions.count;
    r->arrays.others.count = arrays->others.count;
}

seglog_code
seglog_replay_add(struct seglog_replay *r, const void *line, size_t len,
                  struct seglog_error *err)
{
    const struct seglog_replay_state state = r->state;
    const struct slg_replay_arrays arrays = r->arrays;
    const struct slg_keep_mark mark = slg_keep_mark(&r->keep);
    struct slg_place place = { .line_no = state.entry_count + 1,
                               .offset = SEGLOG_NO_OFFSET };
    const seglog_code code = replay_check(r, line, len, &place, err);
    char *copy;

    if (code != SEGLOG_OK)
        return code;
    copy = slg_keep_take(&r->keep, len);
    if (copy) {
        memcpy(copy, line, len);
        slg_replay_fold(r, copy, len);
    }
    if (!copy || r->has_failed) {
        place.offset = SEGLOG_NO_OFFSET;
        replay_undo(r, &state, &arrays);
        slg_keep_back(&r->keep, mark);
        return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                        "no memory for an entry of %zu bytes", len);
    }
    free(r->history_before);
    r->history_before = NULL;
    return SEGLOG_OK;
}

void
seglog_replay_get_state(const struct seglog_replay *r,
                        struct seglog_replay_state *state)
{
    *state = r->state;
    state->history = r->arrays.history.items;
    state->history_count = r->arrays.history.count;
    state->user_segments = r->arrays.user_segments.items;
    state->user_segments_count = r->arrays.user_segments.count;
    state->usage = r->arrays.usage.items;
    state->usage_count = r->arrays.usage.count;
    state->extensions = r->arrays.extensions.items;
    state->extension_count = r->arrays.extensions.count;
    state->others = r->arrays.others.items;
    state->other_count = r->arrays.others.count;
}

void
seglog_replay_free(struct seglog_replay *r)
{
    if (!r)
        return;
    free(r->arrays.history.items);
    free(r->arrays.user_segments.items);
    free(r->arrays.usage.items);
    free(r->arrays.extensions.items);
    free(r->arrays.others.items);
    slg_keep_free(&r->keep);
    free(r);
}
