/* SPDX-License-Identifier: MIT */
/*
 * tests/session/samples.h - lines of session logs, at least one of every kind
 * that any generation of the format has.
 */
#ifndef SESSION_SAMPLES_H
#define SESSION_SAMPLES_H

struct sample {
    const char *name;
    const char *line;
};

/* clang-format off */

/* Entries of the latest generation. */
static const struct sample head_samples[] = {
    { "SegmentStart (fresh)",
      "{\"kind\":\"segment_start\",\"ts\":1786000000000,\"session_id\":\""
      "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11\",\"system_prompt\":\"You are"
      " helpful.\",\"config\":{\"max_tokens\":8192,\"temperature\":0.7,\""
      "top_p\":null,\"top_k\":null,\"stop_sequences\":[],\"reasoning\":\""
      "high\"},\"history\":[]}" },
    { "SegmentStart (forked, seeded history)",
      "{\"kind\":\"segment_start\",\"ts\":1786000000001,\"session_id\":\""
      "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11\",\"system_prompt\":null,\"co"
      "nfig\":{\"max_tokens\":null,\"temperature\":null,\"top_p\":null,\""
      "top_k\":null,\"stop_sequences\":[],\"reasoning\":null},\"history\""
      ":[{\"kind\":\"message\",\"role\":\"user\",\"content\":[{\"kind\":"
      "\"text\",\"text\":\"seed\"}]},{\"kind\":\"message\",\"role\":\"ass"
      "istant\",\"content\":[{\"kind\":\"text\",\"text\":\"ok\"}]}],\"for"
      "ked_from\":{\"segment_id\":\"0198a4bf-11aa-7b90-a1c4-0d2e3f405162"
      "\",\"at_turn_index\":1}}" },
    { "SegmentStart (compacted)",
      "{\"kind\":\"segment_start\",\"ts\":1786000000002,\"session_id\":\""
      "0198a4c2-5d10-7c3e-9b41-2f6a8e0d7c11\",\"system_prompt\":\"You are"
      " helpful.\",\"config\":{\"max_tokens\":null,\"temperature\":null,"
      "\"top_p\":null,\"top_k\":null,\"stop_sequences\":[],\"reasoning\":"
      "null},\"history\":[{\"kind\":\"message\",\"role\":\"system\",\"con"
      "tent\":[{\"kind\":\"text\",\"text\":\"[Summary]\\nuser asked for t"
      "he weather\"}]}],\"compacted_from\":{\"segment_id\":\"0198a4c2-5d1"
      "1-7f02-8a3d-6b1c9e4f2a70\",\"at_turn_index\":12}}" },
    { "Invoke (user_send)",
      "{\"kind\":\"invoke\",\"ts\":1786000000010,\"trigger\":\"user_send"
      "\"}" },
    { "Invoke (notify)",
      "{\"kind\":\"invoke\",\"ts\":1786000000011,\"trigger\":\"notify\"}" },
    { "Invoke (worker_event)",
      "{\"kind\":\"invoke\",\"ts\":1786000000011,\"trigger\":\"worker_eve"
      "nt\"}" },
    { "Invoke (system_reminder)",
      "{\"kind\":\"invoke\",\"ts\":1786000000011,\"trigger\":\"system_rem"
      "inder\"}" },
    { "Invoke (wakeup)",
      "{\"kind\":\"invoke\",\"ts\":1786000000011,\"trigger\":\"wakeup\"}" },
    { "UserInput (text)",
      "{\"kind\":\"user_input\",\"ts\":1786000000012,\"segments\":[{\"kin"
      "d\":\"text\",\"content\":\"What's the weather in Tokyo? \346\235"
      "\261\344\272\254\343\201\256\345\244\251\346\260\227\343\201\257"
      "\357\274\237\"}]}" },
    { "UserInput (all segment kinds + extensions)",
      "{\"kind\":\"user_input\",\"ts\":1786000000013,\"segments\":[{\"kin"
      "d\":\"text\",\"content\":\"see \"},{\"kind\":\"paste\",\"id\":1,\""
      "chars\":12,\"lines\":2,\"content\":\"line1\\nline2\"},{\"kind\":\""
      "file_ref\",\"path\":\"src/main.rs\"},{\"kind\":\"flow\",\"selector"
      "\":\"workspace:review\"},{\"kind\":\"unknown\"}],\"extensions\":[{"
      "\"domain\":\"flow.runtime.v1\",\"payload\":{\"revision\":0,\"state"
      "\":\"implement\"}}]}" },
    { "AssistantItem (message)",
      "{\"kind\":\"assistant_item\",\"ts\":1786000000020,\"item\":{\"kind"
      "\":\"message\",\"role\":\"assistant\",\"content\":[{\"kind\":\"tex"
      "t\",\"text\":\"Hi there!\"}]}}" },
    { "AssistantItem (refusal part)",
      "{\"kind\":\"assistant_item\",\"ts\":1786000000021,\"item\":{\"kind"
      "\":\"message\",\"role\":\"assistant\",\"content\":[{\"kind\":\"ref"
      "usal\",\"refusal\":\"I can't help with that.\"}]}}" },
    { "AssistantItem (tool_call)",
      "{\"kind\":\"assistant_item\",\"ts\":1786000000022,\"item\":{\"kind"
      "\":\"tool_call\",\"call_id\":\"call_1\",\"name\":\"get_weather\","
      "\"arguments\":\"{\\\"city\\\":\\\"Tokyo\\\"}\"}}" },
    { "AssistantItem (reasoning, all fields)",
      "{\"kind\":\"assistant_item\",\"ts\":1786000000023,\"item\":{\"kind"
      "\":\"reasoning\",\"text\":\"step-by-step\",\"summary\":[\"s1\",\"s"
      "2\"],\"encrypted_content\":\"opaque-blob\",\"signature\":\"SIG-OPU"
      "S-XYZ\"}}" },
    { "AssistantItem (reasoning, minimal)",
      "{\"kind\":\"assistant_item\",\"ts\":1786000000024,\"item\":{\"kind"
      "\":\"reasoning\",\"text\":\"inner thought\"}}" },
    { "ToolResult (minimal)",
      "{\"kind\":\"tool_result\",\"ts\":1786000000030,\"item\":{\"kind\":"
      "\"tool_result\",\"call_id\":\"call_1\",\"summary\":\"Sunny, 25C\"}"
      "}" },
    { "ToolResult (content + image attachment + error)",
      "{\"kind\":\"tool_result\",\"ts\":1786000000031,\"item\":{\"kind\":"
      "\"tool_result\",\"call_id\":\"call_2\",\"summary\":\"permission de"
      "nied\",\"content\":\"stderr: \\u001b[31mdenied\\u001b[0m\\n\",\"at"
      "tachments\":[{\"kind\":\"image\",\"mime_type\":\"image/png\",\"dat"
      "a\":\"c2VjcmV0LWltYWdlLWJvZHk=\"}],\"is_error\":true}}" },
    { "SystemItem (notification)",
      "{\"kind\":\"system_item\",\"ts\":1786000000040,\"item\":{\"kind\":"
      "\"notification\",\"message\":\"child done\",\"body\":\"[Notificati"
      "on]\\nchild done\\n\\n(non-blocking hint\342\200\246)\",\"prompt_p"
      "rovenance\":{\"workspace_id\":\"ws-1\",\"config_revision\":3,\"sou"
      "rce_digest\":\"sha256:aa\",\"projection_digest\":\"sha256:bb\",\"l"
      "ogical_name\":\"notify_wrapper\"}}}" },
    { "SystemItem (worker_event/turn_ended)",
      "{\"kind\":\"system_item\",\"ts\":1786000000041,\"item\":{\"kind\":"
      "\"worker_event\",\"event\":{\"kind\":\"turn_ended\",\"worker_name"
      "\":\"child\"},\"body\":\"[Notification] worker `child` finished a "
      "turn\"}}" },
    { "SystemItem (worker_event/errored)",
      "{\"kind\":\"system_item\",\"ts\":1786000000042,\"item\":{\"kind\":"
      "\"worker_event\",\"event\":{\"kind\":\"errored\",\"worker_name\":"
      "\"child\",\"message\":\"provider 529\"},\"body\":\"[Notification] "
      "worker `child` errored: provider 529\"}}" },
    { "SystemItem (worker_event/shut_down)",
      "{\"kind\":\"system_item\",\"ts\":1786000000043,\"item\":{\"kind\":"
      "\"worker_event\",\"event\":{\"kind\":\"shut_down\",\"worker_name\""
      ":\"child\"},\"body\":\"[Notification] worker `child` shut down\"}}" },
    { "SystemItem (worker_event/scope_sub_delegated)",
      "{\"kind\":\"system_item\",\"ts\":1786000000044,\"item\":{\"kind\":"
      "\"worker_event\",\"event\":{\"kind\":\"scope_sub_delegated\",\"par"
      "ent_worker\":\"child\",\"sub_worker\":\"grandchild\",\"sub_socket"
      "\":\"/run/yoi/grandchild.sock\",\"scope\":[{\"target\":\"/srv/x\","
      "\"permission\":\"write\",\"recursive\":true}]},\"body\":\"worker `"
      "child` sub-delegated scope to `grandchild`\"}}" },
    { "SystemItem (file_attachment)",
      "{\"kind\":\"system_item\",\"ts\":1786000000045,\"item\":{\"kind\":"
      "\"file_attachment\",\"path\":\"src/main.rs\",\"body\":\"[File: src"
      "/main.rs]\\nfn main() {}\"}}" },
    { "SystemItem (skill_activation)",
      "{\"kind\":\"system_item\",\"ts\":1786000000046,\"item\":{\"kind\":"
      "\"skill_activation\",\"name\":\"review\",\"body\":\"# Review skill"
      "\"}}" },
    { "SystemItem (knowledge = LegacyKnowledgeIgnored)",
      "{\"kind\":\"system_item\",\"ts\":1786000000047,\"item\":{\"kind\":"
      "\"knowledge\",\"slug\":\"k1\",\"body\":\"old\"}}" },
    { "SystemItem (workflow = LegacyIgnored)",
      "{\"kind\":\"system_item\",\"ts\":1786000000048,\"item\":{\"kind\":"
      "\"workflow\",\"slug\":\"old-flow\"}}" },
    { "SystemItem (task_reminder)",
      "{\"kind\":\"system_item\",\"ts\":1786000000049,\"item\":{\"kind\":"
      "\"task_reminder\",\"source\":\"task_inactivity\",\"body\":\"rememb"
      "er tasks\"}}" },
    { "SystemItem (interrupt)",
      "{\"kind\":\"system_item\",\"ts\":1786000000050,\"item\":{\"kind\":"
      "\"interrupt\",\"body\":\"previous turn was cut short\"}}" },
    { "TurnEnd",
      "{\"kind\":\"turn_end\",\"ts\":1786000000060,\"turn_count\":1}" },
    { "RunCompleted (finished)",
      "{\"kind\":\"run_completed\",\"ts\":1786000000061,\"interrupted\":f"
      "alse,\"result\":\"finished\"}" },
    { "RunCompleted (paused)",
      "{\"kind\":\"run_completed\",\"ts\":1786000000061,\"interrupted\":t"
      "rue,\"result\":\"paused\"}" },
    { "RunCompleted (limit_reached)",
      "{\"kind\":\"run_completed\",\"ts\":1786000000061,\"interrupted\":f"
      "alse,\"result\":\"limit_reached\"}" },
    { "RunCompleted (yielded)",
      "{\"kind\":\"run_completed\",\"ts\":1786000000061,\"interrupted\":t"
      "rue,\"result\":\"yielded\"}" },
    { "RunErrored",
      "{\"kind\":\"run_errored\",\"ts\":1786000000062,\"interrupted\":tru"
      "e,\"message\":\"client error: 529 overloaded\"}" },
    { "PausedTurnAbandoned",
      "{\"kind\":\"paused_turn_abandoned\",\"ts\":1786000000063}" },
    { "ConfigChanged",
      "{\"kind\":\"config_changed\",\"ts\":1786000000064,\"config\":{\"ma"
      "x_tokens\":null,\"temperature\":null,\"top_p\":0.95,\"top_k\":40,"
      "\"stop_sequences\":[\"</done>\"],\"reasoning\":4096}}" },
    { "LlmUsage",
      "{\"kind\":\"llm_usage\",\"ts\":1786000000065,\"history_len\":7,\"i"
      "nput_total_tokens\":1000,\"cache_read_tokens\":800,\"cache_write_t"
      "okens\":100,\"output_tokens\":42}" },
    { "Extension (memory.extract)",
      "{\"kind\":\"extension\",\"ts\":1786000000066,\"domain\":\"memory.e"
      "xtract\",\"payload\":{\"processed_through_entry\":12}}" },
    { "Extension (metrics)",
      "{\"kind\":\"extension\",\"ts\":1786000000067,\"domain\":\"metrics"
      "\",\"payload\":{\"correlation_id\":\"c-1\",\"dimensions\":{\"tool"
      "\":\"Read\"},\"name\":\"prune.fire\",\"ts\":1786000000067,\"value"
      "\":3.0}}" },
};

/* Entries of the first two generations. */
static const struct sample early_samples[] = {
    { "SegmentStart (no session_id)",
      "{\"kind\":\"segment_start\",\"ts\":1000,\"system_prompt\":null,\"c"
      "onfig\":{\"max_tokens\":null,\"temperature\":null,\"top_p\":null,"
      "\"top_k\":null,\"stop_sequences\":[],\"reasoning\":null},\"history"
      "\":[]}" },
    { "AssistantItems",
      "{\"kind\":\"assistant_items\",\"ts\":3000,\"items\":[{\"kind\":\"m"
      "essage\",\"role\":\"assistant\",\"content\":[{\"kind\":\"text\",\""
      "text\":\"Hi!\"}]}]}" },
    { "ToolResults",
      "{\"kind\":\"tool_results\",\"ts\":3500,\"items\":[{\"kind\":\"tool"
      "_result\",\"call_id\":\"call_1\",\"summary\":\"Sunny, 25C\"}]}" },
    { "SystemItems",
      "{\"kind\":\"system_items\",\"ts\":3600,\"items\":[{\"kind\":\"pod_"
      "event\",\"event\":{\"kind\":\"turn_ended\",\"pod_name\":\"child\"}"
      ",\"body\":\"pod `child` finished a turn\"}]}" },
    { "HookInjectedItems",
      "{\"kind\":\"hook_injected_items\",\"ts\":3700,\"items\":[{\"kind\""
      ":\"message\",\"role\":\"system\",\"content\":[{\"kind\":\"text\","
      "\"text\":\"hook\"}]}]}" },
    { "UserInput knowledge/workflow refs",
      "{\"kind\":\"user_input\",\"ts\":2000,\"segments\":[{\"kind\":\"kno"
      "wledge_ref\",\"slug\":\"rust\"},{\"kind\":\"workflow_invoke\",\"sl"
      "ug\":\"review\"}]}" },
    { "Invoke pod_event",
      "{\"kind\":\"invoke\",\"ts\":2000,\"trigger\":\"pod_event\"}" },
    { "SystemItem workflow (with body)",
      "{\"kind\":\"system_item\",\"ts\":2000,\"item\":{\"kind\":\"workflo"
      "w\",\"slug\":\"review\",\"body\":\"workflow body\"}}" },
    { "Extension pod.scope",
      "{\"kind\":\"extension\",\"ts\":2000,\"domain\":\"pod.scope\",\"pay"
      "load\":{\"allow\":[{\"permission\":\"write\",\"recursive\":true,\""
      "target\":\"/srv/x\"}],\"deny\":[]}}" },
};

/* Lines of the trace lane. */
static const struct sample trace_samples[] = {
    { "lifecycle with data",
      "{\"ts\":1786000000069,\"turn\":0,\"llm_call\":0,\"kind\":\"lifecyc"
      "le\",\"label\":\"stream_open_success\",\"data\":{\"attempt\":1,\"e"
      "lapsed_ms\":1560}}" },
    { "lifecycle without data",
      "{\"ts\":1786000000069,\"turn\":0,\"llm_call\":0,\"kind\":\"lifecyc"
      "le\",\"label\":\"stream_first_event\"}" },
    { "llm_call None",
      "{\"ts\":1786000000069,\"turn\":0,\"kind\":\"lifecycle\",\"label\":"
      "\"boot\"}" },
    { "Ping",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"Ping\":{\"timestamp\":null}}}" },
    { "Usage",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"Usage\":{\"input_tokens\":24,\"output_tokens"
      "\":2,\"total_tokens\":26,\"cache_read_input_tokens\":0,\"cache_cre"
      "ation_input_tokens\":0}}}" },
    { "Status",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"Status\":{\"status\":\"Completed\"}}}" },
    { "Error",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"Error\":{\"code\":\"overloaded_error\",\"mess"
      "age\":\"Overloaded\"}}}" },
    { "UnhandledSse",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"UnhandledSse\":{\"provider\":\"openai\",\"eve"
      "nt_type\":\"response.foo\",\"data_preview\":\"{}\",\"data_len\":2}"
      "}}" },
    { "BlockStart text",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"BlockStart\":{\"index\":0,\"block_type\":\"Te"
      "xt\",\"metadata\":\"Text\"}}}" },
    { "BlockStart tool",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"BlockStart\":{\"index\":0,\"block_type\":\"To"
      "olUse\",\"metadata\":{\"ToolUse\":{\"id\":\"call_1\",\"name\":\"ge"
      "t_weather\"}}}}}" },
    { "BlockDelta text",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"BlockDelta\":{\"index\":0,\"delta\":{\"Text\""
      ":\"Hello!\"}}}}" },
    { "BlockDelta json",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"BlockDelta\":{\"index\":0,\"delta\":{\"InputJ"
      "son\":\"{\\\"city\\\":\"}}}}" },
    { "BlockStop",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"BlockStop\":{\"index\":0,\"block_type\":\"Tex"
      "t\",\"stop_reason\":\"EndTurn\",\"reasoning\":null}}}" },
    { "BlockStop thinking",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"BlockStop\":{\"index\":0,\"block_type\":\"Thi"
      "nking\",\"stop_reason\":null,\"reasoning\":{\"id\":null,\"text\":n"
      "ull,\"summary\":[],\"encrypted_content\":null,\"signature\":\"SIG"
      "\"}}}}" },
    { "BlockAbort",
      "{\"ts\":1786000000070,\"turn\":0,\"llm_call\":0,\"kind\":\"stream_"
      "event\",\"event\":{\"BlockAbort\":{\"index\":0,\"block_type\":\"Te"
      "xt\",\"reason\":\"cancelled\"}}}" },
    { "TraceEntry (no kind/llm_call)",
      "{\"ts\":1500,\"turn\":0,\"event\":{\"Ping\":{\"timestamp\":null}}}" },
};
/* clang-format on */

#endif /* SESSION_SAMPLES_H */
