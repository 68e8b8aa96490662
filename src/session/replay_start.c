/* SPDX-License-Identifier: MIT */
/*
 * src/session/replay_start.c - the segment_start that a fork begins with.
 *
 * The text is composed twice by the same code: measured first, then written.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/json_line.h"
#include "src/session/replay_fold.h"
#include "src/store/fail.h"
#include "src/store/options.h"

static const char config_default[] =
    "{\"max_tokens\":null,\"temperature\":null,\"top_p\":null,\"top_k\":null,"
    "\"stop_sequences\":[],\"reasoning\":null}";

struct writing {
    char *bytes; /* NULL while it is measured */
    size_t len;
};

static void
writing_add(struct writing *w, const char *bytes, size_t len)
{
    if (w->bytes && len)
        memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
}

static void
writing_add_text(struct writing *w, const char *text)
{
    writing_add(w, text, strlen(text));
}

static void
writing_add_number(struct writing *w, bool is_negative, uint64_t size)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%s%" PRIu64, is_negative ? "-" : "",
                   size);
    writing_add_text(w, digits);
}

/* A string with the escapes that JSON asks for, in their shortest form. */
static void
writing_add_string(struct writing *w, struct seglog_slice text)
{
    static const char letters[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    char escape[8];

    writing_add_text(w, "\"");
    for (size_t i = 0; i < text.len; i++) {
        const char byte = text.data[i];
        const char *letter = byte ? strchr(letters, byte) : NULL;

        if (letter) {
            escape[0] = '\\';
            escape[1] = names[letter - letters];
            writing_add(w, escape, 2);
        } else if ((unsigned char)byte < 0x20) {
            (void)snprintf(escape, sizeof escape, "\\u%04x",
                           (unsigned char)byte);
            writing_add(w, escape, 6);
        } else {
            writing_add(w, &byte, 1);
        }
    }
    writing_add_text(w, "\"");
}

static void
writing_add_value(struct writing *w, struct seglog_slice value,
                  const char *otherwise)
{
    if (value.len)
        writing_add(w, value.data, value.len);
    else
        writing_add_text(w, otherwise);
}

static void
writing_add_origin(struct writing *w, const char *name,
                   const struct seglog_replay_origin *origin)
{
    if (origin->segment_id.len == 0)
        return;
    writing_add_text(w, ",\"");
    writing_add_text(w, name);
    writing_add_text(w, "\":{\"segment_id\":");
    writing_add_string(w, origin->segment_id);
    writing_add_text(w, ",\"at_turn_index\":");
    writing_add_number(w, false, origin->at_turn_index);
    writing_add_text(w, "}");
}

static void
start_compose(struct writing *w, const struct seglog_replay_state *state,
              const struct seglog_replay_start *start)
{
    const uint64_t ts = (uint64_t)start->ts_ms;

    writing_add_text(w, "{\"kind\":\"segment_start\",\"ts\":");
    writing_add_number(w, start->ts_ms < 0, start->ts_ms < 0 ? 0 - ts : ts);
    writing_add_text(w, ",\"session_id\":");
    writing_add_string(w, start->session_id);
    writing_add_text(w, ",\"system_prompt\":");
    writing_add_value(w, state->system_prompt, "null");
    writing_add_text(w, ",\"config\":");
    writing_add_value(w, state->config, config_default);
    writing_add_text(w, ",\"history\":[");
    for (size_t i = 0; i < state->history_count; i++) {
        writing_add_text(w, i ? "," : "");
        writing_add(w, state->history[i].data, state->history[i].len);
    }
    writing_add_text(w, "]");
    writing_add_origin(w, "forked_from", &start->forked_from);
    writing_add_origin(w, "compacted_from", &start->compacted_from);
    writing_add_text(w, "}");
}

/* The one thing that can make the entry no JSON is text from outside. */
static bool
text_is_utf8(struct seglog_slice text)
{
    struct seglog_json_line s;

    seglog_json_line_init(&s, false);
    seglog_json_line_feed(&s, (const uint8_t *)"\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t byte = (uint8_t)text.data[i];

        if (byte >= 0x80)
            seglog_json_line_feed(&s, &byte, 1);
        else
            seglog_json_line_feed(&s, (const uint8_t *)" ", 1);
    }
    seglog_json_line_feed(&s, (const uint8_t *)"\"", 1);
    return seglog_json_line_finish(&s, NULL) == SEGLOG_JSON_OK;
}

static const char *
start_refusal(const struct seglog_replay_start *start)
{
    if (start->session_id.len == 0)
        return "a segment_start needs the id of its session";
    if (start->forked_from.segment_id.len &&
        start->compacted_from.segment_id.len)
        return "a segment is forked or compacted from another one, not both";
    if (!text_is_utf8(start->session_id) ||
        !text_is_utf8(start->forked_from.segment_id) ||
        !text_is_utf8(start->compacted_from.segment_id))
        return "an id is not UTF-8";
    return NULL;
}

seglog_code
seglog_replay_make_start(const struct seglog_replay *replay,
                         const struct seglog_replay_start *options, char **line,
                         size_t *len, struct seglog_error *err)
{
    const struct slg_place nowhere = { .offset = SEGLOG_NO_OFFSET };
    struct seglog_replay_start start;
    struct seglog_replay_state state;
    struct writing writing = { NULL, 0 };
    const char *refusal;

    if (!slg_options_copy(&start, sizeof start, options))
        return slg_fail(err, SEGLOG_INVALID, &nowhere,
                        "the options ask for what this library lacks");
    seglog_replay_get_state(replay, &state);
    if (start.session_id.len == 0)
        start.session_id = state.session_id;
    refusal = start_refusal(&start);
    if (refusal)
        return slg_fail(err, SEGLOG_INVALID, &nowhere, "%s", refusal);
    start_compose(&writing, &state, &start);
    writing.bytes = malloc(writing.len + 1);
    if (!writing.bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, &nowhere,
                        "no memory for a segment_start of %zu bytes",
                        writing.len);
    writing.len = 0;
    start_compose(&writing, &state, &start);
    writing.bytes[writing.len] = '\0';
    *line = writing.bytes;
    *len = writing.len;
    return SEGLOG_OK;
}
