/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_replay.c - any lines in, as the entries of a session.
 *
 * A line is taken exactly when it is one JSON object; everything in the state
 * is JSON where it is said to be; an entry is in the state or among the
 * others; and a segment_start made of the state restores its history.
 */
#include <stdlib.h>
#include <string.h>

#include "seglog/json_line.h"
#include "seglog/replay.h"

#include "format/json_time.h"
#include "fuzz/support.h"
#include "src/session/entry.h"

#define TEXT_MAX ((size_t)32768)

static bool
slice_is_json(struct seglog_slice slice)
{
    return slice.len &&
           seglog_json_line_check((const uint8_t *)slice.data, slice.len, false,
                                  NULL) == SEGLOG_JSON_OK;
}

static void
entry_must_be_understood(const uint8_t *line, size_t len)
{
    struct slg_entry entry;
    int64_t us;

    slg_entry_look(line, len, &entry);
    MUST(entry.kind_len < sizeof entry.kind);
    MUST(entry.kind[entry.kind_len] == 0);
    if (!slg_json_time_find(line, len, NULL, 0, &us))
        MUST(entry.ts_ms == SLG_ENTRY_NO_TIME);
    else
        MUST(entry.ts_ms == us / 1000 - (us % 1000 < 0 ? 1 : 0));
    MUST(!entry.has_turn || slg_entry_is(&entry, "turn_end"));
}

/* Byte order marks are the lexer's affair; here a line begins a file or not. */
static bool
line_is_object(const uint8_t *line, size_t len, bool is_first)
{
    size_t at = 0;

    if (seglog_json_line_check(line, len, is_first, NULL) != SEGLOG_JSON_OK)
        return false;
    if (is_first && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
        at = 3;
    while (at < len && line[at] <= ' ')
        at++;
    return at < len && line[at] == '{';
}

static void
line_add(struct seglog_replay *replay, const uint8_t *bytes, size_t len,
         uint64_t *count)
{
    uint8_t *line = exact_copy(bytes, len);
    struct seglog_error err;
    const seglog_code code = seglog_replay_add(replay, line, len, &err);

    entry_must_be_understood(line, len);
    MUST((code == SEGLOG_OK) == line_is_object(line, len, *count == 0));
    if (code == SEGLOG_OK) {
        ++*count;
    } else {
        MUST(code == SEGLOG_INVALID && err.line_no == *count + 1);
        MUST(err.offset <= len);
    }
    free(line);
}

static void
state_must_hold(const struct seglog_replay_state *s, uint64_t count)
{
    MUST(s->entry_count == count);
    MUST(s->other_count <= count && s->usage_count <= count);
    MUST(s->user_segments_count <= count);
    MUST(s->system_prompt.len == 0 || slice_is_json(s->system_prompt));
    MUST(s->config.len == 0 || slice_is_json(s->config));
    MUST(s->pod_scope.len == 0 || slice_is_json(s->pod_scope));
    for (size_t i = 0; i < s->history_count; i++)
        MUST(slice_is_json(s->history[i]) && s->history[i].data[0] == '{');
    for (size_t i = 0; i < s->user_segments_count; i++)
        MUST(slice_is_json(s->user_segments[i]) &&
             s->user_segments[i].data[0] == '[');
    for (size_t i = 0; i < s->extension_count; i++)
        MUST(slice_is_json(s->extensions[i].payload));
    for (size_t i = 0; i < s->usage_count; i++)
        MUST(s->usage[i].line.len > 0);
    for (size_t i = 0; i < s->other_count; i++) {
        MUST(s->others[i].entry_no > 0 && s->others[i].entry_no <= count);
        MUST(i == 0 || s->others[i].entry_no > s->others[i - 1].entry_no);
    }
}

/* Values nested to the limit do not fit into another object. */
static void
start_must_restore(const struct seglog_replay *replay,
                   const struct seglog_replay_state *s)
{
    const struct seglog_replay_start start = { .size = sizeof start,
                                               .session_id = { "s", 1 } };
    struct seglog_replay *fork;
    struct seglog_replay_state f;
    char *line;
    size_t len;

    MUST(seglog_replay_make_start(replay, &start, &line, &len, NULL) ==
         SEGLOG_OK);
    MUST(line[len] == '\0');
    MUST(seglog_replay_new(&fork, NULL) == SEGLOG_OK);
    const enum seglog_json_fault fault =
        seglog_json_line_check((const uint8_t *)line, len, false, NULL);
    MUST(fault == SEGLOG_JSON_OK || fault == SEGLOG_JSON_TOO_DEEP);
    if (fault == SEGLOG_JSON_OK) {
        MUST(seglog_replay_add(fork, line, len, NULL) == SEGLOG_OK);
        seglog_replay_get_state(fork, &f);
        MUST(f.history_count == s->history_count);
        for (size_t i = 0; i < f.history_count; i++)
            MUST(f.history[i].len == s->history[i].len &&
                 memcmp(f.history[i].data, s->history[i].data,
                        f.history[i].len) == 0);
        MUST(f.config.len == s->config.len || s->config.len == 0);
        MUST(f.system_prompt.len == s->system_prompt.len);
    }
    seglog_free(line);
    seglog_replay_free(fork);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seglog_replay *replay;
    struct seglog_replay_state state;
    uint64_t count = 0;

    if (size > TEXT_MAX)
        size = TEXT_MAX;
    MUST(seglog_replay_new(&replay, NULL) == SEGLOG_OK);
    for (size_t at = 0; at < size;) {
        const uint8_t *lf = memchr(data + at, '\n', size - at);
        const size_t end = lf ? (size_t)(lf - data) : size;

        line_add(replay, data + at, end - at, &count);
        at = end + 1;
    }
    seglog_replay_get_state(replay, &state);
    state_must_hold(&state, count);
    start_must_restore(replay, &state);
    seglog_replay_free(replay);
    return 0;
}
