/* SPDX-License-Identifier: MIT */
/* tools/cmd_meta.c - `seglog meta`: what a canonical store says of itself. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/cmd.h"
#include "tools/tool_canonical.h"
#include "tools/tool_text.h"

enum {
    KEY_SCHEMA = TOOL_KEY(1),
    KEY_JSON = TOOL_KEY(2)
};

struct meta_options {
    struct tool_canonical_view view;
    bool has_schema;
    uint64_t schema;
    bool is_json;
};

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct meta_options *options = arg;

    if (tool_canonical_on_option(&options->view, key, value))
        return TOOL_GO_ON;
    if (key == KEY_SCHEMA) {
        options->has_schema = true;
        return tool_number("--set-schema", value, 0, INT64_MAX,
                           &options->schema);
    }
    options->is_json = true;
    return TOOL_GO_ON;
}

static const struct tool_option OPTIONS[] = {
    { KEY_SCHEMA, "set-schema", true },
    { KEY_JSON, "json", false },
    TOOL_CANONICAL_OPTIONS,
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog meta",
    .usage = "[--set-schema N] [--json] PATH",
    .help =
        "What a canonical store says of itself: events, transactions, keys, "
        "whether it is\n"
        "sealed or paused, the version of its schema, and when it was begun "
        "and changed.\n"
        "\n"
        "      --set-schema N  the version of your own schema, before that\n"
        "      --json          as an object\n" TOOL_CANONICAL_HELP,
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static void
hex_put(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)printf("%02x", bytes[i]);
}

static void
time_put_json(const char *name, int64_t ms)
{
    char time[TOOL_TIME_CAP];
    const char *text = tool_time_text(ms, time);

    if (text)
        (void)printf(",\"%s\":\"%s\",\"%s_ms\":%" PRId64, name, text, name, ms);
    else
        (void)printf(",\"%s\":null,\"%s_ms\":%" PRId64, name, name, ms);
}

static void
meta_put_json(const struct seglog_canonical_meta *meta)
{
    (void)printf("{\"next_event\":%" PRIu64 ",\"first_event\":%" PRIu64
                 ",\"position\":%" PRIu64 ",\"first_position\":%" PRIu64
                 ",\"keys\":%" PRIu64 ",\"sealed_event\":",
                 meta->next_event, meta->first_event, meta->position,
                 meta->first_position, meta->keys);
    if (meta->is_sealed)
        (void)printf("%" PRIu64, meta->sealed_event);
    else
        (void)fputs("null", stdout);
    (void)printf(",\"paused\":%s,\"schema\":%" PRIu64,
                 meta->is_paused ? "true" : "false", meta->schema_version);
    time_put_json("created", meta->created_ms);
    time_put_json("updated", meta->updated_ms);
    (void)printf(",\"lost\":%" PRIu64 ",\"view_bytes\":%" PRIu64
                 ",\"identity\":\"",
                 meta->lost, meta->view_bytes);
    hex_put(meta->identity, sizeof meta->identity);
    (void)fputs("\",\"head\":\"", stdout);
    hex_put(meta->head.bytes, meta->head.len);
    (void)fputs("\"}\n", stdout);
}

static void
meta_put_text(const char *shown, const struct seglog_canonical_meta *meta)
{
    char created[TOOL_TIME_CAP];
    char updated[TOOL_TIME_CAP];
    const char *created_text = tool_time_text(meta->created_ms, created);
    const char *updated_text = tool_time_text(meta->updated_ms, updated);

    (void)printf("%s: canonical store\n", shown);
    (void)printf("  events        %" PRIu64 " to come next, %" PRIu64
                 " the first\n",
                 meta->next_event, meta->first_event);
    (void)printf("  transactions  %" PRIu64 " to come next, %" PRIu64
                 " the first\n",
                 meta->position, meta->first_position);
    (void)printf("  keys          %" PRIu64 "\n", meta->keys);
    if (meta->is_sealed)
        (void)printf("  sealed        at event %" PRIu64 "\n",
                     meta->sealed_event);
    else
        (void)puts("  sealed        no");
    (void)printf("  paused        %s\n", meta->is_paused ? "yes" : "no");
    (void)printf("  schema        %" PRIu64 "\n", meta->schema_version);
    (void)printf("  created       %s\n", created_text ? created_text : "?");
    (void)printf("  updated       %s\n", updated_text ? updated_text : "?");
    (void)printf("  view          %" PRIu64 " bytes\n", meta->view_bytes);
    (void)fputs("  identity      ", stdout);
    hex_put(meta->identity, sizeof meta->identity);
    (void)fputs("\n  head          ", stdout);
    hex_put(meta->head.bytes, meta->head.len);
    (void)fputc('\n', stdout);
    if (meta->lost > 0)
        (void)printf("  lost          %" PRIu64 " transactions\n", meta->lost);
}

static enum tool_status
meta_run(const struct meta_options *options,
         const struct tool_canonical *opened)
{
    struct seglog_canonical_meta meta;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    if (options->has_schema)
        code = seglog_canonical_set_schema_version(opened->canonical,
                                                   options->schema, &err);
    if (code == SEGLOG_OK)
        code = seglog_canonical_get_meta(opened->canonical, &meta, &err);
    if (code != SEGLOG_OK)
        return tool_canonical_fail(opened, &err);
    if (options->is_json)
        meta_put_json(&meta);
    else
        meta_put_text(opened->shown, &meta);
    return TOOL_OK;
}

int
cmd_meta(int argc, char **argv)
{
    struct meta_options options = { .is_json = false };
    struct tool_canonical opened = { 0 };
    char **words = NULL;
    enum tool_status status = tool_parse(&SPEC, argc, argv, &options, &words);

    if (status == TOOL_GO_ON)
        status = tool_canonical_open(words[0],
                                     options.has_schema ? TOOL_CANONICAL_WRITE
                                                        : TOOL_CANONICAL_READ,
                                     &options.view, &opened);
    if (status != TOOL_GO_ON)
        return tool_end(status);
    status = meta_run(&options, &opened);
    return tool_end(cmd_status_worse(status, tool_canonical_close(&opened)));
}
