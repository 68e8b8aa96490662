/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_replay.c - what needs memory alone. */
#include "tests/faults/scenes.h"

#include <string.h>

static const char *const lines[] = {
    "{\"kind\":\"segment_start\",\"ts\":1,\"session_id\":\"s\","
    "\"system_prompt\":\"You are helpful.\",\"config\":{\"a\":1},"
    "\"history\":[{\"kind\":\"message\",\"role\":\"user\",\"content\":[]}]}",
    "{\"kind\":\"user_input\",\"ts\":2,\"segments\":[{\"kind\":\"text\","
    "\"content\":\"hello\"}],\"extensions\":[{\"domain\":\"pod.scope\","
    "\"payload\":{\"x\":1}}]}",
    "{\"kind\":\"assistant_item\",\"ts\":3,\"item\":{\"kind\":\"message\"}}",
    "{\"kind\":\"tool_results\",\"ts\":4,\"items\":[{\"a\":1},{\"b\":2}]}",
    "{\"kind\":\"llm_usage\",\"ts\":5,\"history_len\":3,"
    "\"input_total_tokens\":10}",
    "{\"kind\":\"something_else\",\"ts\":6}",
    "{\"kind\":\"turn_end\",\"ts\":7,\"turn_count\":1}",
    "{\"kind\":\"system_item\",\"ts\":8,\"item\":{\"kind\":\"notice\","
    "\"body\":\"a \\u00e9 \\n text\"}}",
};

#define LINES (sizeof lines / sizeof lines[0])

/* An entry that failed is as if it had never been given. */
static seglog_code
step_add(struct stage *stage, struct seglog_error *err)
{
    struct seglog_replay_state state = { .entry_count = 0 };
    seglog_code code = SEGLOG_OK;

    if (!stage->replay)
        code = seglog_replay_new(&stage->replay, err);
    if (code != SEGLOG_OK)
        return code;
    seglog_replay_get_state(stage->replay, &state);
    for (uint64_t i = state.entry_count; i < stage->arg && code == SEGLOG_OK;
         i++)
        code = seglog_replay_add(stage->replay, lines[i % LINES],
                                 strlen(lines[i % LINES]), err);
    return code;
}

static seglog_code
step_start(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_replay_start start = { .size = sizeof start,
                                               .ts_ms = 9,
                                               .session_id = { "t", 1 } };
    char *line = NULL;
    size_t len = 0;
    const seglog_code code =
        seglog_replay_make_start(stage->replay, &start, &line, &len, err);

    if (code == SEGLOG_OK)
        say(stage, "%zu %016llx\n", len,
            (unsigned long long)hash_of(line, len));
    seglog_free(line);
    return code;
}

static void
look_at_replay(struct stage *stage, struct seglog_store store,
               struct text *seen)
{
    struct seglog_replay_state state = { .entry_count = 0 };

    (void)store;
    if (!stage->replay)
        return;
    seglog_replay_get_state(stage->replay, &state);
    for (uint64_t i = 0; i < state.entry_count; i++)
        text_add(seen, "entry\n");
    for (size_t i = 0; i < state.history_count; i++)
        text_add(seen, "item %016llx\n",
                 (unsigned long long)hash_of(state.history[i].data,
                                             state.history[i].len));
}

static bool
whole_say(void *arg, const struct seglog_json_whole *value)
{
    say(arg, "%zu %zu\n", value->pos, value->len);
    return true;
}

/* Which allocates nothing at all. */
static seglog_code
step_mend(struct stage *stage, struct seglog_error *err)
{
    const char line[] = "{\"a\":1,\"b\":[2,3{\"a\":2,\"b\":[]}{\"a\":3}";
    const struct seglog_json_scrap scrap = { .bytes = (const uint8_t *)line,
                                             .len = sizeof line - 1,
                                             .has_lf = true };

    (void)err;
    say(stage, "%zu\n", seglog_json_mend(&scrap, whole_say, stage));
    return SEGLOG_OK;
}

static const struct scenario replay = {
    .name = "replay",
    .flags = SCENE_NO_STORE | SCENE_PARTS,
    .look = look_at_replay,
    .steps = { { "add", step_add, 1, 0 },
               { "add inputs", step_add, 2, 0 },
               { "add items", step_add, 5, 0 },
               { "add more", step_add, 40, 0 },
               { "make a start", step_start, 0, 0 },
               { "mend", step_mend, 0, 0 } },
};

const struct scenario *const replay_scenarios[] = { &replay, NULL };
