/* SPDX-License-Identifier: MIT */
/*
 * src/session/replay_fold.c - what an entry of each kind does to the state.
 *
 * What is kept of an entry are slices of its line; the messages made of inputs
 * and system items are the only new bytes.  They are composed of the bodies of
 * strings as they stand, so no escape changes.
 */
#include "src/session/replay_fold.h"

#include <string.h>

#include "format/json_member.h"

/* The members of an entry that any kind has use for; empty if absent. */
struct entry {
    struct slg_json_slice line;
    struct slg_json_slice kind; /* body */
    struct slg_json_slice item, items, history, segments, extensions;
    struct slg_json_slice session_id, system_prompt, config;
    struct slg_json_slice forked_from, compacted_from;
    struct slg_json_slice turn_count, interrupted, domain, payload;
    struct slg_json_slice history_len, input_total_tokens, cache_read_tokens;
    struct slg_json_slice cache_write_tokens, output_tokens;
};

static const struct {
    const char *name;
    size_t offset;
} entry_fields[] = {
    { "item", offsetof(struct entry, item) },
    { "items", offsetof(struct entry, items) },
    { "history", offsetof(struct entry, history) },
    { "segments", offsetof(struct entry, segments) },
    { "extensions", offsetof(struct entry, extensions) },
    { "session_id", offsetof(struct entry, session_id) },
    { "system_prompt", offsetof(struct entry, system_prompt) },
    { "config", offsetof(struct entry, config) },
    { "forked_from", offsetof(struct entry, forked_from) },
    { "compacted_from", offsetof(struct entry, compacted_from) },
    { "turn_count", offsetof(struct entry, turn_count) },
    { "interrupted", offsetof(struct entry, interrupted) },
    { "domain", offsetof(struct entry, domain) },
    { "payload", offsetof(struct entry, payload) },
    { "history_len", offsetof(struct entry, history_len) },
    { "input_total_tokens", offsetof(struct entry, input_total_tokens) },
    { "cache_read_tokens", offsetof(struct entry, cache_read_tokens) },
    { "cache_write_tokens", offsetof(struct entry, cache_write_tokens) },
    { "output_tokens", offsetof(struct entry, output_tokens) },
};

/* The last of several members of one name counts, as in entry.h. */
static void
entry_read(struct entry *entry)
{
    struct slg_json_walk walk;
    struct slg_json_member member;
    const size_t count = sizeof entry_fields / sizeof entry_fields[0];

    if (!slg_json_walk_begin(&walk, entry->line.p, entry->line.len))
        return;
    while (slg_json_walk_next(&walk, &member)) {
        if (slg_json_key_is(&member, "kind")) {
            slg_json_string_body(member.value, &entry->kind);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            if (slg_json_key_is(&member, entry_fields[i].name)) {
                memcpy((char *)entry + entry_fields[i].offset, &member.value,
                       sizeof member.value);
                break;
            }
        }
    }
}

static bool
value_is_set(struct slg_json_slice value)
{
    return value.len && !slg_json_is_null(value);
}

static struct seglog_slice
slice_of(struct slg_json_slice value)
{
    return (struct seglog_slice){ (const char *)value.p, value.len };
}

/* -- pieces of the state --------------------------------------------------- */

/* A member of an object, by its name; empty when it has none. */
static struct slg_json_slice
object_get(struct slg_json_slice object, const char *name)
{
    struct slg_json_walk walk;
    struct slg_json_member member;
    struct slg_json_slice found = { NULL, 0 };

    if (!slg_json_is_object(object) ||
        !slg_json_walk_begin(&walk, object.p, object.len))
        return found;
    while (slg_json_walk_next(&walk, &member)) {
        if (slg_json_key_is(&member, name))
            found = member.value;
    }
    return found;
}

/* A string as text; false when it is none. */
static bool
replay_text(struct seglog_replay *r, struct slg_json_slice value,
            struct seglog_slice *text)
{
    struct slg_json_slice body;

    if (!slg_json_string_body(value, &body))
        return false;
    *text = slice_of(body);
    if (body.len == 0 || !memchr(body.p, '\\', body.len))
        return true;

    char *copy = slg_keep_take(&r->keep, body.len);

    if (!copy) {
        r->has_failed = true;
        return false;
    }
    text->len = slg_json_string_decode(body, (uint8_t *)copy, body.len);
    text->data = copy;
    return true;
}

static void
replay_push_slice(struct seglog_replay *r, struct slg_array *array,
                  struct seglog_slice slice)
{
    struct seglog_slice *place = slg_array_push(array, sizeof *place);

    if (place)
        *place = slice;
    else
        r->has_failed = true;
}

/* Every item of an array that is an object goes to the history. */
static void
replay_push_items(struct seglog_replay *r, struct slg_json_slice items)
{
    struct slg_json_walk walk;
    struct slg_json_member item;

    if (!slg_json_is_array(items)) {
        r->is_incomplete = true;
        return;
    }
    if (!slg_json_walk_begin(&walk, items.p, items.len))
        return;
    while (slg_json_walk_next(&walk, &item)) {
        if (slg_json_is_object(item.value))
            replay_push_slice(r, &r->arrays.history, slice_of(item.value));
        else
            r->is_incomplete = true;
    }
}

/* -- messages -------------------------------------------------------------- */

/* Text that is measured first, with no bytes, and then written. */
struct message {
    char *bytes;
    size_t len;
};

static void
message_add(struct message *m, const void *bytes, size_t len)
{
    if (m->bytes && len)
        memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static void
message_add_text(struct message *m, const char *text)
{
    message_add(m, text, strlen(text));
}

/* What a segment of a user's input is in the text of the message. */
static void
message_add_segment(struct message *m, struct slg_json_slice segment)
{
    static const struct {
        const char *kind, *field, *before, *behind;
    } shapes[] = {
        { "text", "content", "", "" },
        { "paste", "content", "", "" },
        { "file_ref", "path", "@", "" },
        { "flow", "selector", "[Flow: ", "]" },
        { "knowledge_ref", "slug", "#", "" },
        { "workflow_invoke", "slug", "/", "" },
    };
    struct slg_json_slice kind;
    struct slg_json_slice body;

    if (!slg_json_string_body(object_get(segment, "kind"), &kind))
        return;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (!slg_json_body_is(kind, shapes[i].kind))
            continue;
        if (slg_json_string_body(object_get(segment, shapes[i].field), &body)) {
            message_add_text(m, shapes[i].before);
            message_add(m, body.p, body.len);
            message_add_text(m, shapes[i].behind);
        }
        return;
    }
}

/* text is the body of a string, or the segments of an input. */
static void
message_compose(struct message *m, const char *role, struct slg_json_slice text,
                bool is_segments)
{
    struct slg_json_walk walk;
    struct slg_json_member segment;

    m->len = 0;
    message_add_text(m, "{\"kind\":\"message\",\"role\":\"");
    message_add_text(m, role);
    message_add_text(m, "\",\"content\":[{\"kind\":\"text\",\"text\":\"");
    if (!is_segments)
        message_add(m, text.p, text.len);
    else if (slg_json_walk_begin(&walk, text.p, text.len)) {
        while (slg_json_walk_next(&walk, &segment))
            message_add_segment(m, segment.value);
    }
    message_add_text(m, "\"}]}");
}

static void
replay_push_message(struct seglog_replay *r, const char *role,
                    struct slg_json_slice text, bool is_segments)
{
    struct message m = { NULL, 0 };

    message_compose(&m, role, text, is_segments);
    m.bytes = slg_keep_take(&r->keep, m.len);
    if (!m.bytes) {
        r->has_failed = true;
        return;
    }
    message_compose(&m, role, text, is_segments);
    replay_push_slice(r, &r->arrays.history,
                      (struct seglog_slice){ m.bytes, m.len });
}

/* -- entries by kind ------------------------------------------------------- */

static void
replay_origin(struct seglog_replay *r, struct slg_json_slice value,
              struct seglog_replay_origin *origin)
{
    *origin = (struct seglog_replay_origin){ .at_turn_index = 0 };
    if (!value_is_set(value))
        return;
    if (!replay_text(r, object_get(value, "segment_id"), &origin->segment_id) ||
        !slg_json_uint64(object_get(value, "at_turn_index"),
                         &origin->at_turn_index))
        r->is_incomplete = true;
}

static void
replay_config_changed(struct seglog_replay *r, const struct entry *e)
{
    if (slg_json_is_object(e->config))
        r->state.config = slice_of(e->config);
    else
        r->is_incomplete = true;
}

static void
replay_segment_start(struct seglog_replay *r, const struct entry *e)
{
    struct seglog_replay_state *state = &r->state;

    r->history_before = r->arrays.history.items;
    r->arrays.history = (struct slg_array){ .count = 0 };
    replay_push_items(r, e->history);
    state->session_id = (struct seglog_slice){ NULL, 0 };
    state->has_session_id = replay_text(r, e->session_id, &state->session_id);
    if (value_is_set(e->session_id) && !state->has_session_id)
        r->is_incomplete = true;
    state->system_prompt = (struct seglog_slice){ NULL, 0 };
    if (value_is_set(e->system_prompt))
        state->system_prompt = slice_of(e->system_prompt);
    state->config = (struct seglog_slice){ NULL, 0 };
    replay_config_changed(r, e);
    replay_origin(r, e->forked_from, &state->forked_from);
    replay_origin(r, e->compacted_from, &state->compacted_from);
}

static void
replay_extension(struct seglog_replay *r, struct slg_json_slice domain,
                 struct slg_json_slice payload, bool is_entry)
{
    struct seglog_replay_extension extension = { .payload = slice_of(payload) };
    struct seglog_replay_extension *place;

    if (!payload.len || !replay_text(r, domain, &extension.domain)) {
        r->is_incomplete = true;
        return;
    }
    place = slg_array_push(&r->arrays.extensions, sizeof *place);
    if (!place) {
        r->has_failed = true;
        return;
    }
    *place = extension;
    if (is_entry && extension.domain.len == 9 &&
        memcmp(extension.domain.data, "pod.scope", 9) == 0)
        r->state.pod_scope = extension.payload;
}

static void
replay_user_input(struct seglog_replay *r, const struct entry *e)
{
    struct slg_json_walk walk;
    struct slg_json_member item;

    if (slg_json_is_array(e->segments)) {
        replay_push_message(r, "user", e->segments, true);
        replay_push_slice(r, &r->arrays.user_segments, slice_of(e->segments));
    } else {
        r->is_incomplete = true;
    }
    if (!value_is_set(e->extensions))
        return;
    if (!slg_json_is_array(e->extensions))
        r->is_incomplete = true;
    else if (slg_json_walk_begin(&walk, e->extensions.p, e->extensions.len)) {
        while (slg_json_walk_next(&walk, &item))
            replay_extension(r, object_get(item.value, "domain"),
                             object_get(item.value, "payload"), false);
    }
}

static void
replay_item(struct seglog_replay *r, const struct entry *e)
{
    if (slg_json_is_object(e->item))
        replay_push_slice(r, &r->arrays.history, slice_of(e->item));
    else
        r->is_incomplete = true;
}

static void
replay_items(struct seglog_replay *r, const struct entry *e)
{
    replay_push_items(r, e->items);
}

/* Later generations keep what was once knowledge without its text. */
static void
replay_one_system_item(struct seglog_replay *r, struct slg_json_slice item)
{
    struct slg_json_slice body;
    struct slg_json_slice kind = { NULL, 0 };
    const struct slg_json_slice text = object_get(item, "body");

    if (slg_json_string_body(text, &body)) {
        replay_push_message(r, "system", body, false);
        return;
    }
    slg_json_string_body(object_get(item, "kind"), &kind);
    if (value_is_set(text) || (!slg_json_body_is(kind, "knowledge") &&
                               !slg_json_body_is(kind, "workflow")))
        r->is_incomplete = true;
}

static void
replay_system_item(struct seglog_replay *r, const struct entry *e)
{
    replay_one_system_item(r, e->item);
}

static void
replay_system_items(struct seglog_replay *r, const struct entry *e)
{
    struct slg_json_walk walk;
    struct slg_json_member item;

    if (!slg_json_is_array(e->items))
        r->is_incomplete = true;
    else if (slg_json_walk_begin(&walk, e->items.p, e->items.len)) {
        while (slg_json_walk_next(&walk, &item))
            replay_one_system_item(r, item.value);
    }
}

static void
replay_turn_end(struct seglog_replay *r, const struct entry *e)
{
    if (!slg_json_uint64(e->turn_count, &r->state.turn_count))
        r->is_incomplete = true;
}

static void
replay_invoke(struct seglog_replay *r, const struct entry *e)
{
    (void)e;
    r->state.is_interrupted = true;
}

static void
replay_run_over(struct seglog_replay *r, const struct entry *e)
{
    if (!slg_json_bool(e->interrupted, &r->state.is_interrupted))
        r->is_incomplete = true;
}

static void
replay_paused_turn_abandoned(struct seglog_replay *r, const struct entry *e)
{
    (void)e;
    r->state.is_interrupted = false;
}

static void
replay_count(struct seglog_replay *r, struct slg_json_slice value,
             bool is_needed, uint64_t *count)
{
    if ((is_needed || value_is_set(value)) && !slg_json_uint64(value, count))
        r->is_incomplete = true;
}

static void
replay_llm_usage(struct seglog_replay *r, const struct entry *e)
{
    struct seglog_replay_usage usage = { .line = slice_of(e->line) };
    struct seglog_replay_usage *place;

    replay_count(r, e->history_len, true, &usage.history_len);
    replay_count(r, e->input_total_tokens, true, &usage.input_total_tokens);
    replay_count(r, e->cache_read_tokens, false, &usage.cache_read_tokens);
    replay_count(r, e->cache_write_tokens, false, &usage.cache_write_tokens);
    replay_count(r, e->output_tokens, false, &usage.output_tokens);
    if (r->is_incomplete)
        return;
    place = slg_array_push(&r->arrays.usage, sizeof *place);
    if (place)
        *place = usage;
    else
        r->has_failed = true;
}

static void
replay_extension_entry(struct seglog_replay *r, const struct entry *e)
{
    replay_extension(r, e->domain, e->payload, true);
}

static const struct {
    const char *kind;
    void (*fold)(struct seglog_replay *r, const struct entry *e);
} folds[] = {
    { "assistant_item", replay_item },
    { "tool_result", replay_item },
    { "system_item", replay_system_item },
    { "user_input", replay_user_input },
    { "llm_usage", replay_llm_usage },
    { "extension", replay_extension_entry },
    { "invoke", replay_invoke },
    { "turn_end", replay_turn_end },
    { "run_completed", replay_run_over },
    { "run_errored", replay_run_over },
    { "paused_turn_abandoned", replay_paused_turn_abandoned },
    { "config_changed", replay_config_changed },
    { "segment_start", replay_segment_start },
    { "assistant_items", replay_items },
    { "tool_results", replay_items },
    { "hook_injected_items", replay_items },
    { "system_items", replay_system_items },
};

void
slg_replay_fold(struct seglog_replay *r, const char *line, size_t len)
{
    struct entry entry = { .line = { (const uint8_t *)line, len } };
    struct seglog_replay_other *place;
    size_t i = 0;

    r->has_failed = false;
    r->is_incomplete = false;
    r->history_before = NULL;
    entry_read(&entry);

    for (; i < sizeof folds / sizeof folds[0]; i++) {
        if (slg_json_body_is(entry.kind, folds[i].kind)) {
            folds[i].fold(r, &entry);
            break;
        }
    }
    r->state.entry_count++;
    if (r->has_failed ||
        (i < sizeof folds / sizeof folds[0] && !r->is_incomplete))
        return;
    place = slg_array_push(&r->arrays.others, sizeof *place);
    if (place)
        *place = (struct seglog_replay_other){ r->state.entry_count,
                                               slice_of(entry.line) };
    else
        r->has_failed = true;
}
