/* SPDX-License-Identifier: MIT */
/*
 * Goal    entries of all generations fold into the state that their own
 *         systems would restore, and nothing of them is lost.
 * Method  every sample line; one test for each kind and rule; every entry cut
 *         and damaged; a segment_start made of a state restores that state.
 */
#define _GNU_SOURCE
#include "tests/support/seglog_test.h"

#include <stdio.h>

#include "seglog/json_line.h"
#include "seglog/replay.h"
#include "tests/session/samples.h"

#define MESSAGE(role, text)                                                    \
    "{\"kind\":\"message\",\"role\":\"" role                                   \
    "\",\"content\":[{\"kind\":\"text\",\"text\":\"" text "\"}]}"

static struct seglog_replay *
replay_new(void)
{
    struct seglog_replay *replay;

    assert_ok(seglog_replay_new(&replay, NULL));
    return replay;
}

/* From a block of the exact size, which is gone afterwards. */
static void
add(struct seglog_replay *replay, const char *line)
{
    struct seglog_error err;
    char *copy = exact_copy(line, strlen(line));

    assert_code_err(seglog_replay_add(replay, copy, strlen(line), &err),
                    SEGLOG_OK, &err);
    free(copy);
}

/* "name" among the samples of the latest generation. */
static const char *
head_line(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(head_samples); i++) {
        if (strcmp(head_samples[i].name, name) == 0)
            return head_samples[i].line;
    }
    fail_msg("no sample %s", name);
    return NULL;
}

static const char *
early_line(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(early_samples); i++) {
        if (strcmp(early_samples[i].name, name) == 0)
            return early_samples[i].line;
    }
    fail_msg("no sample %s", name);
    return NULL;
}

static struct seglog_replay_state
state_of(const struct seglog_replay *replay)
{
    struct seglog_replay_state state;

    seglog_replay_get_state(replay, &state);
    return state;
}

/* What entries, NULL behind the last one, fold into. */
static struct seglog_replay_state
state_after(struct seglog_replay **replay, const char *const *lines)
{
    *replay = replay_new();
    for (; *lines; lines++)
        add(*replay, *lines);
    return state_of(*replay);
}

#define STATE(replay, ...)                                                     \
    state_after((replay), (const char *const[]){ __VA_ARGS__, NULL })

static void
assert_slice_at(struct seglog_slice slice, const char *want, int line)
{
    if (slice.len != strlen(want) ||
        (slice.len && memcmp(slice.data, want, slice.len) != 0))
        fail_msg("line %d: %.*s is not %s", line, (int)slice.len, slice.data,
                 want);
}

#define assert_slice(slice, want) assert_slice_at((slice), (want), __LINE__)

/* Whether a line holds these bytes, as they stand. */
static bool
line_holds(const char *line, struct seglog_slice slice)
{
    return slice.len == 0 || memmem(line, strlen(line), slice.data, slice.len);
}

/* -- the samples ----------------------------------------------------------- */

static void
add__samples__none_is_another(void **state)
{
    struct seglog_replay *replay = replay_new();
    struct seglog_replay_state s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(head_samples); i++) {
        add(replay, head_samples[i].line);
        s = state_of(replay);
        assert_int_equal(s.entry_count, i + 1);
        if (s.other_count)
            fail_msg("%s", head_samples[i].name);
    }
    assert_slice(s.session_id, "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11");
    assert_slice(s.system_prompt, "\"You are helpful.\"");
    assert_slice(s.config,
                 "{\"max_tokens\":null,\"temperature\":null,\"top_p\":0.95,"
                 "\"top_k\":40,\"stop_sequences\":[\"</done>\"],"
                 "\"reasoning\":4096}");
    assert_int_equal(s.turn_count, 1);
    assert_false(s.is_interrupted);
    /* 1 compacted, 2 inputs, 5 items, 2 results, 12 system items but one
     * without a body */
    assert_int_equal(s.history_count, 1 + 2 + 5 + 2 + 10);
    assert_int_equal(s.user_segments_count, 2);
    assert_int_equal(s.usage_count, 1);
    assert_int_equal(s.extension_count, 3);
    assert_slice(s.forked_from.segment_id, "");
    assert_slice(s.compacted_from.segment_id,
                 "0198a4c2-5d11-7f02-8a3d-6b1c9e4f2a70");
    assert_int_equal(s.compacted_from.at_turn_index, 12);
    for (size_t i = 0; i < s.history_count; i++)
        assert_int_equal(
            seglog_json_line_check((const uint8_t *)s.history[i].data,
                                   s.history[i].len, false, NULL),
            SEGLOG_JSON_OK);
    seglog_replay_free(replay);
}

static void
add__samples_of_early_generations__none_is_another(void **state)
{
    struct seglog_replay *replay = replay_new();
    struct seglog_replay_state s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(early_samples); i++)
        add(replay, early_samples[i].line);
    s = state_of(replay);
    assert_int_equal(s.other_count, 0);
    assert_int_equal(s.entry_count, COUNT_OF(early_samples));
    assert_false(s.has_session_id);
    assert_int_equal(s.history_count, 6);
    assert_slice(s.history[0], MESSAGE("assistant", "Hi!"));
    assert_slice(s.history[1], "{\"kind\":\"tool_result\",\"call_id\":"
                               "\"call_1\",\"summary\":\"Sunny, 25C\"}");
    assert_slice(s.history[2],
                 MESSAGE("system", "pod `child` finished a turn"));
    assert_slice(s.history[3], MESSAGE("system", "hook"));
    assert_slice(s.history[4], MESSAGE("user", "#rust/review"));
    assert_slice(s.history[5], MESSAGE("system", "workflow body"));
    assert_true(s.is_interrupted);
    assert_int_equal(s.extension_count, 1);
    assert_slice(s.pod_scope, "{\"allow\":[{\"permission\":\"write\","
                              "\"recursive\":true,\"target\":\"/srv/x\"}],"
                              "\"deny\":[]}");
    assert_slice(s.extensions[0].payload, "{\"allow\":[{\"permission\":"
                                          "\"write\",\"recursive\":true,"
                                          "\"target\":\"/srv/x\"}],"
                                          "\"deny\":[]}");
    seglog_replay_free(replay);
}

static void
add__trace_lines__kept_among_the_others(void **state)
{
    struct seglog_replay *replay = replay_new();
    struct seglog_replay_state s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(trace_samples); i++)
        add(replay, trace_samples[i].line);
    s = state_of(replay);
    assert_int_equal(s.other_count, COUNT_OF(trace_samples));
    for (size_t i = 0; i < s.other_count; i++) {
        assert_int_equal(s.others[i].entry_no, i + 1);
        assert_slice(s.others[i].line, trace_samples[i].line);
    }
    assert_int_equal(s.history_count, 0);
    seglog_replay_free(replay);
}

/* What a sample adds to the state stands in the sample. */
static void
add__each_sample_alone__slices_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(head_samples); i++) {
        const char *line = head_samples[i].line;
        struct seglog_replay *replay;
        const struct seglog_replay_state s = STATE(&replay, line);

        assert_int_equal(s.entry_count, 1);
        assert_true(line_holds(line, s.session_id));
        assert_true(line_holds(line, s.system_prompt));
        assert_true(line_holds(line, s.config));
        assert_true(line_holds(line, s.pod_scope));
        if (s.user_segments_count)
            assert_true(line_holds(line, s.user_segments[0]));
        if (s.usage_count)
            assert_slice(s.usage[0].line, line);
        if (s.extension_count)
            assert_true(line_holds(line, s.extensions[0].payload));
        seglog_replay_free(replay);
    }
}

/* -- one rule each --------------------------------------------------------- */

static void
add__nothing__defaults(void **state)
{
    struct seglog_replay *replay = replay_new();
    const struct seglog_replay_state s = state_of(replay);

    (void)state;
    assert_int_equal(s.entry_count, 0);
    assert_false(s.has_session_id);
    assert_false(s.is_interrupted);
    assert_int_equal(s.system_prompt.len, 0);
    assert_int_equal(s.config.len, 0);
    assert_int_equal(s.history_count, 0);
    assert_int_equal(s.turn_count, 0);
    seglog_replay_free(replay);
    seglog_replay_free(NULL);
}

static void
segment_start__seeded__initial_state(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s =
        STATE(&replay, head_line("SegmentStart (forked, seeded history)"));

    (void)state;
    assert_true(s.has_session_id);
    assert_int_equal(s.system_prompt.len, 0);
    assert_int_equal(s.history_count, 2);
    assert_slice(s.history[0], MESSAGE("user", "seed"));
    assert_slice(s.history[1], MESSAGE("assistant", "ok"));
    assert_slice(s.forked_from.segment_id,
                 "0198a4bf-11aa-7b90-a1c4-0d2e3f405162");
    assert_int_equal(s.forked_from.at_turn_index, 1);
    assert_slice(s.compacted_from.segment_id, "");
    seglog_replay_free(replay);
}

static void
segment_start__a_second_one__resets_some(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s =
        STATE(&replay, head_line("SegmentStart (forked, seeded history)"),
              head_line("UserInput (text)"), head_line("TurnEnd"),
              head_line("LlmUsage"), head_line("Extension (metrics)"),
              head_line("Invoke (notify)"), head_line("SegmentStart (fresh)"));

    (void)state;
    assert_int_equal(s.history_count, 0);
    assert_slice(s.system_prompt, "\"You are helpful.\"");
    assert_slice(s.forked_from.segment_id, "");
    assert_int_equal(s.turn_count, 1);
    assert_int_equal(s.usage_count, 1);
    assert_int_equal(s.extension_count, 1);
    assert_int_equal(s.user_segments_count, 1);
    assert_true(s.is_interrupted);
    assert_int_equal(s.entry_count, 7);
    add(replay, head_line("SegmentStart (forked, seeded history)"));
    assert_int_equal(state_of(replay).system_prompt.len, 0);
    assert_int_equal(state_of(replay).history_count, 2);
    seglog_replay_free(replay);
}

static void
full_turn__entries__history_and_turn(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s =
        STATE(&replay, head_line("SegmentStart (fresh)"),
              head_line("Invoke (user_send)"), head_line("UserInput (text)"),
              head_line("AssistantItem (message)"), head_line("TurnEnd"),
              head_line("RunCompleted (finished)"));

    (void)state;
    assert_int_equal(s.history_count, 2);
    assert_slice(s.history[0],
                 MESSAGE("user", "What's the weather in Tokyo? "
                                 "\xe6\x9d\xb1\xe4\xba\xac\xe3\x81\xae\xe5\xa4"
                                 "\xa9\xe6\xb0\x97\xe3\x81\xaf\xef\xbc\x9f"));
    assert_slice(s.history[1], MESSAGE("assistant", "Hi there!"));
    assert_int_equal(s.turn_count, 1);
    assert_false(s.is_interrupted);
    seglog_replay_free(replay);
}

static void
invoke__nothing_behind__interrupted_and_nothing_else(void **state)
{
    struct seglog_replay *replay;
    struct seglog_replay_state s =
        STATE(&replay, head_line("SegmentStart (fresh)"),
              head_line("Invoke (wakeup)"));

    (void)state;
    assert_true(s.is_interrupted);
    assert_int_equal(s.history_count, 0);
    assert_int_equal(s.turn_count, 0);
    add(replay, head_line("PausedTurnAbandoned"));
    assert_false(state_of(replay).is_interrupted);
    seglog_replay_free(replay);
}

static void
run_over__each_result__as_it_says(void **state)
{
    struct seglog_replay *replay = replay_new();

    (void)state;
    add(replay, head_line("RunErrored"));
    assert_true(state_of(replay).is_interrupted);
    add(replay, head_line("RunCompleted (limit_reached)"));
    assert_false(state_of(replay).is_interrupted);
    add(replay, head_line("RunCompleted (paused)"));
    assert_true(state_of(replay).is_interrupted);
    add(replay, "{\"kind\":\"run_errored\",\"ts\":1,\"interrupted\":false,"
                "\"message\":\"x\"}");
    assert_false(state_of(replay).is_interrupted);
    add(replay, head_line("RunCompleted (yielded)"));
    assert_true(state_of(replay).is_interrupted);
    add(replay, head_line("RunCompleted (finished)"));
    assert_false(state_of(replay).is_interrupted);
    assert_int_equal(state_of(replay).other_count, 0);
    seglog_replay_free(replay);
}

static void
tool_calls__call_and_result__raw_items(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s =
        STATE(&replay, head_line("AssistantItem (tool_call)"),
              head_line("ToolResult (content + image attachment + error)"),
              head_line("AssistantItem (reasoning, all fields)"));

    (void)state;
    assert_int_equal(s.history_count, 3);
    assert_slice(s.history[0],
                 "{\"kind\":\"tool_call\",\"call_id\":\"call_1\",\"name\":"
                 "\"get_weather\",\"arguments\":\"{\\\"city\\\":"
                 "\\\"Tokyo\\\"}\"}");
    /* The image is kept as it was written. */
    assert_slice(s.history[1],
                 "{\"kind\":\"tool_result\",\"call_id\":\"call_2\",\"summary\":"
                 "\"permission denied\",\"content\":\"stderr: \\u001b[31m"
                 "denied\\u001b[0m\\n\",\"attachments\":[{\"kind\":\"image\","
                 "\"mime_type\":\"image/png\",\"data\":"
                 "\"c2VjcmV0LWltYWdlLWJvZHk=\"}],\"is_error\":true}");
    assert_slice(s.history[2],
                 "{\"kind\":\"reasoning\",\"text\":\"step-by-step\","
                 "\"summary\":[\"s1\",\"s2\"],\"encrypted_content\":"
                 "\"opaque-blob\",\"signature\":\"SIG-OPUS-XYZ\"}");
    seglog_replay_free(replay);
}

static void
user_input__all_segments__flattened(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s = STATE(
        &replay, head_line("UserInput (all segment kinds + extensions)"),
        "{\"kind\":\"user_input\",\"segments\":[{\"kind\":\"knowledge_ref\","
        "\"slug\":\"a\\\"b\"},{\"kind\":\"workflow_invoke\",\"slug\":\"c\"},"
        "{\"kind\":\"te\\u0078t\",\"content\":\"\\u0001\"},{\"kind\":\"text\"},"
        "{\"kind\":\"text\",\"content\":5},7,{}]}",
        "{\"kind\":\"user_input\",\"segments\":[]}");

    (void)state;
    assert_slice(s.history[0], MESSAGE("user", "see line1\\nline2@src/main.rs"
                                               "[Flow: workspace:review]"));
    assert_slice(s.history[1], MESSAGE("user", "#a\\\"b/c\\u0001"));
    assert_slice(s.history[2], MESSAGE("user", ""));
    assert_int_equal(s.user_segments_count, 3);
    assert_slice(s.user_segments[0],
                 "[{\"kind\":\"text\",\"content\":\"see \"},{\"kind\":"
                 "\"paste\",\"id\":1,\"chars\":12,\"lines\":2,\"content\":"
                 "\"line1\\nline2\"},{\"kind\":\"file_ref\",\"path\":"
                 "\"src/main.rs\"},{\"kind\":\"flow\",\"selector\":"
                 "\"workspace:review\"},{\"kind\":\"unknown\"}]");
    assert_int_equal(s.extension_count, 1);
    assert_slice(s.extensions[0].domain, "flow.runtime.v1");
    assert_slice(s.extensions[0].payload,
                 "{\"revision\":0,\"state\":\"implement\"}");
    assert_int_equal(s.other_count, 0);
    seglog_replay_free(replay);
}

static void
system_item__every_kind__body_or_nothing(void **state)
{
    static const struct {
        const char *name, *text;
    } want[] = {
        { "SystemItem (notification)",
          "[Notification]\\nchild done\\n\\n(non-blocking hint\xe2\x80\xa6)" },
        { "SystemItem (worker_event/turn_ended)",
          "[Notification] worker `child` finished a turn" },
        { "SystemItem (worker_event/errored)",
          "[Notification] worker `child` errored: provider 529" },
        { "SystemItem (worker_event/shut_down)",
          "[Notification] worker `child` shut down" },
        { "SystemItem (worker_event/scope_sub_delegated)",
          "worker `child` sub-delegated scope to `grandchild`" },
        { "SystemItem (file_attachment)",
          "[File: src/main.rs]\\nfn main() {}" },
        { "SystemItem (skill_activation)", "# Review skill" },
        { "SystemItem (knowledge = LegacyKnowledgeIgnored)", "old" },
        { "SystemItem (workflow = LegacyIgnored)", NULL },
        { "SystemItem (task_reminder)", "remember tasks" },
        { "SystemItem (interrupt)", "previous turn was cut short" },
    };
    char line[600];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        struct seglog_replay *replay;
        const struct seglog_replay_state s =
            STATE(&replay, head_line(want[i].name));

        assert_int_equal(s.history_count, want[i].text ? 1 : 0);
        assert_int_equal(s.other_count, 0);
        if (want[i].text) {
            snprintf(line, sizeof line, MESSAGE("system", "%s"), want[i].text);
            assert_slice(s.history[0], line);
        }
        seglog_replay_free(replay);
    }
}

static void
system_items__several__a_message_each(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s =
        STATE(&replay, early_line("SystemItems"),
              "{\"kind\":\"system_items\",\"items\":[{\"body\":\"a\"},"
              "{\"kind\":\"knowledge\"},{\"kind\":\"x\",\"body\":\"b\"}]}");

    (void)state;
    assert_int_equal(s.history_count, 3);
    assert_slice(s.history[1], MESSAGE("system", "a"));
    assert_slice(s.history[2], MESSAGE("system", "b"));
    assert_int_equal(s.other_count, 0);
    seglog_replay_free(replay);
}

static void
config_changed__later__the_last_counts(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s =
        STATE(&replay, head_line("SegmentStart (fresh)"),
              "{\"kind\":\"config_changed\",\"config\":{\"x\":1}}",
              "{\"kind\":\"config_changed\",\"config\":{\"x\":2, \"y\":[]}}");

    (void)state;
    assert_slice(s.config, "{\"x\":2, \"y\":[]}");
    seglog_replay_free(replay);
}

static void
llm_usage__entries__numbers_and_line(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s = STATE(
        &replay, head_line("LlmUsage"),
        "{\"kind\":\"llm_usage\",\"history_len\":1,\"input_total_tokens\":2,"
        "\"cache_read_tokens\":null,\"new_field\":[1]}");

    (void)state;
    assert_int_equal(s.usage_count, 2);
    assert_int_equal(s.usage[0].history_len, 7);
    assert_int_equal(s.usage[0].input_total_tokens, 1000);
    assert_int_equal(s.usage[0].cache_read_tokens, 800);
    assert_int_equal(s.usage[0].cache_write_tokens, 100);
    assert_int_equal(s.usage[0].output_tokens, 42);
    assert_slice(s.usage[0].line, head_line("LlmUsage"));
    assert_int_equal(s.usage[1].history_len, 1);
    assert_int_equal(s.usage[1].cache_read_tokens, 0);
    assert_int_equal(s.other_count, 0);
    seglog_replay_free(replay);
}

static void
extension__domains__in_order_and_scope_apart(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s =
        STATE(&replay, head_line("Extension (memory.extract)"),
              early_line("Extension pod.scope"),
              "{\"kind\":\"extension\",\"domain\":\"pod\\u002escope\","
              "\"payload\":null}",
              "{\"kind\":\"user_input\",\"segments\":[],\"extensions\":[{"
              "\"domain\":\"pod.scope\",\"payload\":1}]}");

    (void)state;
    assert_int_equal(s.extension_count, 4);
    assert_slice(s.extensions[0].domain, "memory.extract");
    assert_slice(s.extensions[0].payload, "{\"processed_through_entry\":12}");
    assert_slice(s.extensions[2].domain, "pod.scope");
    /* The extension of an input is not the scope. */
    assert_slice(s.pod_scope, "null");
    seglog_replay_free(replay);
}

static void
kind__written_with_escapes__understood(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s =
        STATE(&replay,
              "{\"k\\u0069nd\":\"turn\\u005fend\","
              "\"turn\\u005fcount\":5}",
              "{\"kind\":\"x\",\"kind\":\"turn_end\",\"turn_count\":1,"
              "\"turn_count\":6}");

    (void)state;
    assert_int_equal(s.turn_count, 6);
    assert_int_equal(s.other_count, 0);
    seglog_replay_free(replay);
}

/* -- what is not as it should be ------------------------------------------- */

static void
add__fields_missing_or_wrong__kept_among_the_others(void **state)
{
    static const char *const lines[] = {
        "{}",
        "{\"ts\":1}",
        "{\"kind\":7}",
        "{\"kind\":\"something_new\",\"x\":1}",
        "{\"kind\":\"assistant_item\"}",
        "{\"kind\":\"assistant_item\",\"item\":[]}",
        "{\"kind\":\"tool_result\",\"item\":null}",
        "{\"kind\":\"assistant_items\",\"items\":{}}",
        "{\"kind\":\"tool_results\"}",
        "{\"kind\":\"hook_injected_items\",\"items\":[1]}",
        "{\"kind\":\"system_item\",\"item\":{\"kind\":\"notification\"}}",
        "{\"kind\":\"system_item\",\"item\":{\"kind\":\"knowledge\","
        "\"body\":1}}",
        "{\"kind\":\"system_item\"}",
        "{\"kind\":\"system_items\",\"items\":[null]}",
        "{\"kind\":\"system_items\"}",
        "{\"kind\":\"user_input\"}",
        "{\"kind\":\"user_input\",\"segments\":\"x\"}",
        "{\"kind\":\"turn_end\"}",
        "{\"kind\":\"turn_end\",\"turn_count\":\"1\"}",
        "{\"kind\":\"turn_end\",\"turn_count\":1.0}",
        "{\"kind\":\"run_completed\",\"interrupted\":null}",
        "{\"kind\":\"run_errored\"}",
        "{\"kind\":\"config_changed\",\"config\":null}",
        "{\"kind\":\"segment_start\",\"config\":5,\"history\":[]}",
        "{\"kind\":\"segment_start\",\"session_id\":\"s\",\"history\":[]}",
        "{\"kind\":\"llm_usage\",\"history_len\":1}",
        "{\"kind\":\"llm_usage\",\"history_len\":1,\"input_total_tokens\":1,"
        "\"output_tokens\":\"many\"}",
        "{\"kind\":\"extension\",\"domain\":\"d\"}",
        "{\"kind\":\"extension\",\"domain\":1,\"payload\":{}}",
    };
    struct seglog_replay *replay = replay_new();
    struct seglog_replay_state s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        add(replay, lines[i]);
        s = state_of(replay);
        assert_int_equal(s.other_count, i + 1);
        assert_int_equal(s.others[i].entry_no, i + 1);
        assert_slice(s.others[i].line, lines[i]);
    }
    assert_int_equal(s.history_count, 0);
    assert_int_equal(s.user_segments_count, 0);
    assert_int_equal(s.usage_count, 0);
    assert_int_equal(s.extension_count, 0);
    assert_int_equal(s.turn_count, 0);
    assert_int_equal(s.config.len, 0);
    seglog_replay_free(replay);
}

static void
add__partly_wrong__the_rest_counts(void **state)
{
    struct seglog_replay *replay;
    const struct seglog_replay_state s = STATE(
        &replay,
        "{\"kind\":\"segment_start\",\"session_id\":5,\"system_prompt\":\"p\","
        "\"config\":{},\"history\":[1,{\"a\":1}],\"forked_from\":{"
        "\"segment_id\":\"s\"},\"compacted_from\":null}",
        "{\"kind\":\"user_input\",\"segments\":[],\"extensions\":[{\"domain\":"
        "\"a\",\"payload\":1},{\"domain\":\"b\"}]}",
        "{\"kind\":\"assistant_items\",\"items\":[{\"b\":2},null]}");

    (void)state;
    assert_int_equal(s.other_count, 3);
    assert_false(s.has_session_id);
    assert_slice(s.system_prompt, "\"p\"");
    assert_slice(s.config, "{}");
    assert_slice(s.forked_from.segment_id, "s");
    assert_slice(s.compacted_from.segment_id, "");
    assert_int_equal(s.history_count, 3);
    assert_slice(s.history[0], "{\"a\":1}");
    assert_slice(s.history[2], "{\"b\":2}");
    assert_int_equal(s.user_segments_count, 1);
    assert_int_equal(s.extension_count, 1);
    seglog_replay_free(replay);
}

static void
add__no_object__invalid_and_unchanged(void **state)
{
    static const struct {
        const char *line;
        uint64_t offset;
    } cases[] = {
        { "", 0 },
        { " ", 1 },
        { "[1]", 0 },
        { " 12", 1 },
        { "\"text\"", 0 },
        { "{\"a\":1", 6 },
        { "{\"a\":1}{\"b\":2}", 7 },
        { "{\"a\":\xff}", 5 },
        { "{\"a\":1,}", 7 },
        { "\xef\xbb\xbf{}", 0 },
    };
    struct seglog_replay *replay = replay_new();
    struct seglog_error err;

    (void)state;
    /* A byte order mark may begin a file. */
    add(replay, "\xef\xbb\xbf{\"kind\":\"turn_end\",\"turn_count\":3}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_code_err(seglog_replay_add(replay, cases[i].line,
                                          strlen(cases[i].line), &err),
                        SEGLOG_INVALID, &err);
        assert_int_equal(err.line_no, 2);
        assert_int_equal(err.offset, cases[i].offset);
        assert_int_equal(state_of(replay).entry_count, 1);
        assert_code(seglog_replay_add(replay, cases[i].line,
                                      strlen(cases[i].line), NULL),
                    SEGLOG_INVALID);
    }
    assert_int_equal(state_of(replay).turn_count, 3);
    assert_int_equal(state_of(replay).other_count, 0);
    seglog_replay_free(replay);
}

/* Entries longer and more than anything that is allocated at once. */
static void
add__many_and_long__all_there(void **state)
{
    struct seglog_replay *replay = replay_new();
    struct seglog_replay_state s;
    char line[200];
    char *big = malloc(100000 + 200);
    int len;

    (void)state;
    assert_non_null(big);
    for (int i = 0; i < 3000; i++) {
        snprintf(line, sizeof line,
                 "{\"kind\":\"user_input\",\"segments\":[{\"kind\":\"text\","
                 "\"content\":\"%d\"}]}",
                 i);
        add(replay, line);
    }
    len = snprintf(big, 200, "{\"kind\":\"assistant_item\",\"item\":{\"a\":\"");
    memset(big + len, 'x', 100000);
    memcpy(big + len + 100000, "\"}}", 4);
    add(replay, big);
    s = state_of(replay);
    assert_int_equal(s.history_count, 3001);
    assert_int_equal(s.user_segments_count, 3000);
    for (int i = 0; i < 3000; i++) {
        snprintf(line, sizeof line, MESSAGE("user", "%d"), i);
        assert_slice(s.history[i], line);
    }
    assert_int_equal(s.history[3000].len, 100000 + 8);
    free(big);
    seglog_replay_free(replay);
}

/* -- the beginning of a fork ----------------------------------------------- */

static struct seglog_slice
text_slice(const char *text)
{
    return (struct seglog_slice){ text, strlen(text) };
}

static void
make_start__samples__same_line_again(void **state)
{
    static const char *const names[] = {
        "SegmentStart (fresh)",
        "SegmentStart (forked, seeded history)",
        "SegmentStart (compacted)",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct seglog_replay *replay;
        const struct seglog_replay_state s =
            STATE(&replay, head_line(names[i]));
        const struct seglog_replay_start start = {
            .size = sizeof start,
            .ts_ms = (int64_t)(1786000000000 + i),
            .forked_from = s.forked_from,
            .compacted_from = s.compacted_from,
        };
        char *line = NULL;
        size_t len = 0;

        assert_ok(seglog_replay_make_start(replay, &start, &line, &len, NULL));
        assert_string_equal(line, head_line(names[i]));
        assert_int_equal(len, strlen(line));
        seglog_free(line);
        seglog_replay_free(replay);
    }
    seglog_free(NULL);
}

static void
make_start__of_a_run__restores_what_it_can_hold(void **state)
{
    struct seglog_replay *replay = replay_new();
    struct seglog_replay *fork = replay_new();
    const struct seglog_replay_start start = {
        .size = sizeof start,
        .ts_ms = -5,
        .session_id = text_slice("a\"\\\n\x01\xc3\xa9"),
        .forked_from = { text_slice("seg"), UINT64_MAX },
    };
    struct seglog_replay_state from;
    struct seglog_replay_state to;
    char *line = NULL;
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(head_samples); i++)
        add(replay, head_samples[i].line);
    assert_ok(seglog_replay_make_start(replay, &start, &line, &len, NULL));
    assert_memory_equal(line, "{\"kind\":\"segment_start\",\"ts\":-5,", 32);
    add(fork, line);
    from = state_of(replay);
    to = state_of(fork);
    assert_int_equal(to.other_count, 0);
    assert_int_equal(to.history_count, from.history_count);
    for (size_t i = 0; i < to.history_count; i++) {
        assert_int_equal(to.history[i].len, from.history[i].len);
        assert_memory_equal(to.history[i].data, from.history[i].data,
                            to.history[i].len);
    }
    assert_int_equal(to.config.len, from.config.len);
    assert_int_equal(to.system_prompt.len, from.system_prompt.len);
    assert_slice(to.session_id, "a\"\\\n\x01\xc3\xa9");
    assert_slice(to.forked_from.segment_id, "seg");
    assert_true(to.forked_from.at_turn_index == UINT64_MAX);
    assert_int_equal(to.turn_count, 0);
    assert_int_equal(to.usage_count, 0);
    seglog_free(line);
    seglog_replay_free(fork);
    seglog_replay_free(replay);
}

static void
make_start__of_nothing__nulls(void **state)
{
    struct seglog_replay *replay = replay_new();
    const struct seglog_replay_start start = { .size = sizeof start,
                                               .session_id = text_slice("s") };
    char *line = NULL;
    size_t len = 0;

    (void)state;
    assert_ok(seglog_replay_make_start(replay, &start, &line, &len, NULL));
    assert_string_equal(
        line, "{\"kind\":\"segment_start\",\"ts\":0,\"session_id\":\"s\","
              "\"system_prompt\":null,\"config\":{\"max_tokens\":null,"
              "\"temperature\":null,\"top_p\":null,\"top_k\":null,"
              "\"stop_sequences\":[],\"reasoning\":null},\"history\":[]}");
    seglog_free(line);
    seglog_replay_free(replay);
}

static void
make_start__bad_options__invalid(void **state)
{
    struct seglog_replay *replay = replay_new();
    struct seglog_replay_start start = { .size = sizeof start };
    struct {
        struct seglog_replay_start start;
        char more;
    } longer = { { .size = sizeof longer }, 1 };
    struct seglog_error err;
    char *line = NULL;
    size_t len = 0;

    (void)state;
    assert_code(seglog_replay_make_start(replay, NULL, &line, &len, &err),
                SEGLOG_INVALID);
    assert_int_equal(err.offset, SEGLOG_NO_OFFSET);
    start.session_id = text_slice("\xff");
    assert_code(seglog_replay_make_start(replay, &start, &line, &len, NULL),
                SEGLOG_INVALID);
    start.session_id = text_slice("\xc3");
    assert_code(seglog_replay_make_start(replay, &start, &line, &len, NULL),
                SEGLOG_INVALID);
    start.session_id = text_slice("s");
    start.forked_from.segment_id = text_slice("a");
    start.compacted_from.segment_id = text_slice("b");
    assert_code(seglog_replay_make_start(replay, &start, &line, &len, NULL),
                SEGLOG_INVALID);
    longer.start.session_id = text_slice("s");
    assert_code(
        seglog_replay_make_start(replay, &longer.start, &line, &len, NULL),
        SEGLOG_INVALID);
    assert_null(line);
    seglog_replay_free(replay);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add__samples__none_is_another),
        cmocka_unit_test(add__samples_of_early_generations__none_is_another),
        cmocka_unit_test(add__trace_lines__kept_among_the_others),
        cmocka_unit_test(add__each_sample_alone__slices_of_it),
        cmocka_unit_test(add__nothing__defaults),
        cmocka_unit_test(segment_start__seeded__initial_state),
        cmocka_unit_test(segment_start__a_second_one__resets_some),
        cmocka_unit_test(full_turn__entries__history_and_turn),
        cmocka_unit_test(invoke__nothing_behind__interrupted_and_nothing_else),
        cmocka_unit_test(run_over__each_result__as_it_says),
        cmocka_unit_test(tool_calls__call_and_result__raw_items),
        cmocka_unit_test(user_input__all_segments__flattened),
        cmocka_unit_test(system_item__every_kind__body_or_nothing),
        cmocka_unit_test(system_items__several__a_message_each),
        cmocka_unit_test(config_changed__later__the_last_counts),
        cmocka_unit_test(llm_usage__entries__numbers_and_line),
        cmocka_unit_test(extension__domains__in_order_and_scope_apart),
        cmocka_unit_test(kind__written_with_escapes__understood),
        cmocka_unit_test(add__fields_missing_or_wrong__kept_among_the_others),
        cmocka_unit_test(add__partly_wrong__the_rest_counts),
        cmocka_unit_test(add__no_object__invalid_and_unchanged),
        cmocka_unit_test(add__many_and_long__all_there),
        cmocka_unit_test(make_start__samples__same_line_again),
        cmocka_unit_test(make_start__of_a_run__restores_what_it_can_hold),
        cmocka_unit_test(make_start__of_nothing__nulls),
        cmocka_unit_test(make_start__bad_options__invalid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
