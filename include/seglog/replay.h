/* SPDX-License-Identifier: MIT */
/*
 * seglog/replay.h - fold the entries of a session's segment into its state.
 *
 * Entries are the JSON lines that an agent's session log consists of: objects
 * whose "kind" says what happened.  Those of every generation of that format
 * are understood, mixed as they come:
 *
 *   segment_start          session id, system prompt, configuration, history
 *                          and origin begin anew; all else stays
 *   user_input             a user message made of its segments, the segments
 *                          themselves, its extensions
 *   assistant_item(s), tool_result(s), hook_injected_items
 *                          items of the history, as they are
 *   system_item(s)         a system message with the item's body.  An item of
 *                          kind knowledge or workflow without one says nothing
 *   turn_end               the turn count
 *   invoke                 a run has begun: interrupted until it says otherwise
 *   run_completed, run_errored
 *                          interrupted or not, as they say
 *   paused_turn_abandoned  not interrupted any more
 *   config_changed         another configuration
 *   llm_usage, extension   kept in order
 *
 * Nothing is lost and nothing is an error because it is unknown: values are
 * kept as they were written, fields that have no name here included.  An entry
 * of another kind or of none, and one that lacks what its kind must have, is
 * kept among the others; as much of it as can be understood still counts.
 *
 * Threads  a struct seglog_replay is used by one thread at a time
 * Since    0.1
 */
#ifndef SEGLOG_REPLAY_H
#define SEGLOG_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a segment came from; segment_id is empty if from nowhere. */
struct seglog_replay_origin {
    struct seglog_slice segment_id;
    uint64_t at_turn_index;
};

/* A count that the entry does not have is 0. */
struct seglog_replay_usage {
    uint64_t history_len;
    uint64_t input_total_tokens;
    uint64_t cache_read_tokens;
    uint64_t cache_write_tokens;
    uint64_t output_tokens;
    struct seglog_slice line; /* the whole entry */
};

struct seglog_replay_extension {
    struct seglog_slice domain; /* text */
    struct seglog_slice payload;
};

struct seglog_replay_other {
    uint64_t entry_no; /* entries count from 1 */
    struct seglog_slice line;
};

/*
 * The state.  A slice is text (UTF-8, without quotes and escapes; a lone
 * surrogate has the three bytes of WTF-8) where it says so, and otherwise one
 * JSON value as it was written.  An absent one is empty, and so is null for
 * system_prompt.
 */
struct seglog_replay_state {
    uint64_t entry_count; /* all that were added */
    bool has_session_id;
    bool is_interrupted;
    struct seglog_slice session_id; /* text */
    struct seglog_slice system_prompt;
    struct seglog_slice config;
    uint64_t turn_count;
    struct seglog_replay_origin forked_from;
    struct seglog_replay_origin compacted_from;
    struct seglog_slice pod_scope; /* last payload of domain pod.scope */

    const struct seglog_slice *history; /* items: messages, tool calls, ... */
    size_t history_count;
    const struct seglog_slice *user_segments; /* an array for each input */
    size_t user_segments_count;
    const struct seglog_replay_usage *usage;
    size_t usage_count;
    const struct seglog_replay_extension *extensions;
    size_t extension_count;
    const struct seglog_replay_other *others;
    size_t other_count;
};

struct seglog_replay;

/*
 * Begin with nothing.
 *
 *   replay   to be freed with seglog_replay_free
 * Returns
 *   NO_MEMORY  replay is NULL
 * Since      0.1
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_replay_new(struct seglog_replay **replay, struct seglog_error *err);

/*
 * Add the next entry of the segment.
 *
 *   line     one entry without its LF; copied
 * Returns
 *   INVALID    it is not one JSON object; err->line_no is the number that it
 *              would have had, err->offset the byte that is wrong
 *   NO_MEMORY  out of memory
 * After any error the state is as if the entry had never been given.
 * Cost       O(len) and one copy; memory in all: twice the bytes added, less
 *            what a kind does not keep
 * Since      0.1
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_replay_add(struct seglog_replay *replay, const void *line, size_t len,
                  struct seglog_error *err);

/*
 * Look at the state.
 *
 * Lifetime  what the arrays and slices point to is good until the next call of
 *           seglog_replay_add or seglog_replay_free
 * Cost      O(1)
 * Since     0.1
 */
SEGLOG_API void
seglog_replay_get_state(const struct seglog_replay *replay,
                        struct seglog_replay_state *state);

/* Free it and all that its state points to.  Accepts NULL.  Since 0.1 */
SEGLOG_API void
seglog_replay_free(struct seglog_replay *replay);

/* What the state does not say about a segment that begins with it. */
struct seglog_replay_start {
    size_t size;
    int64_t ts_ms;
    struct seglog_slice session_id; /* text; empty: that of the state */
    /* At most one of the two; ids are text. */
    struct seglog_replay_origin forked_from;
    struct seglog_replay_origin compacted_from;
};

/*
 * Write the segment_start entry with which a fork goes on from this state:
 * system prompt, configuration and history.  Turn count, usage, extensions,
 * segments of inputs and the interruption have no place in such an entry.
 *
 * Without a system prompt it says null, without a configuration the one that
 * sets nothing.
 *
 *   start    NULL: time 0, the session of the state, no origin
 *   line     without LF, a 0 behind it; to be freed with seglog_free
 * Returns
 *   INVALID    no session id, two origins, or text that is not UTF-8
 *   NO_MEMORY  out of memory
 * The line is one JSON object, unless an item nests to within two levels of
 * SEGLOG_JSON_DEPTH_MAX: then it is one level deeper than that allows.
 * Cost       O(bytes of the history)
 * Since      0.1
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_replay_make_start(const struct seglog_replay *replay,
                         const struct seglog_replay_start *start, char **line,
                         size_t *len, struct seglog_error *err);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_REPLAY_H */
