/* SPDX-License-Identifier: MIT */
/* tools/cmd_ls.c - `seglog ls`: the sessions and streams of a store. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_ls.h"
#include "tools/tool_store.h"
#include "tools/tool_streams.h"
#include "tools/tool_text.h"

#define KEY_JSON   TOOL_KEY(1)
#define KEY_FLAT   TOOL_KEY(2)
#define KEY_SORT   TOOL_KEY(3)
#define KEY_VERIFY TOOL_KEY(4)

static enum tool_status
sort_parse(struct ls_options *options, const char *value)
{
    static const struct {
        const char *name;
        enum ls_sort sort;
    } SORTS[] = {
        { "age", LS_SORT_AGE },
        { "size", LS_SORT_SIZE },
        { "id", LS_SORT_ID },
        { "records", LS_SORT_RECORDS },
    };

    for (size_t i = 0; i < sizeof SORTS / sizeof SORTS[0]; i++)
        if (strcmp(value, SORTS[i].name) == 0) {
            options->sort = SORTS[i].sort;
            return TOOL_GO_ON;
        }
    return tool_usage("--sort is age, size, id or records, not '%s'", value);
}

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct ls_options *options = arg;

    switch (key) {
    case 'n':
        return tool_number("-n", value, 1, INT64_MAX, &options->count);
    case KEY_SORT:
        return sort_parse(options, value);
    case KEY_JSON:
        options->is_json = true;
        return TOOL_GO_ON;
    case KEY_FLAT:
        options->is_flat = true;
        return TOOL_GO_ON;
    default:
        options->is_verify = true;
        return TOOL_GO_ON;
    }
}

static const struct tool_option OPTIONS[] = {
    { 'n', "lines", true },          { KEY_SORT, "sort", true },
    { KEY_FLAT, "flat", false },     { KEY_JSON, "json", false },
    { KEY_VERIFY, "verify", false }, { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog ls",
    .usage = "[--sort KEY] [-n N] [--flat] [--verify] [--json]\n"
             "                 [STORE | STORE:ID]",
    .help =
        "List the sessions of a store and, where a session has several, their "
        "segments:\n"
        "records, size, time since the last change, state, lineage, and the "
        "note of the\n"
        "session or the label of the segment.  Without STORE the store is "
        "the one that\n"
        "SEGLOG_STORE names.  STORE:ID, with the first digits of an id, shows "
        "that session\n"
        "or segment in detail: lanes, times, turns, kinds of entries.\n"
        "Below the sessions stand the streams of the store, by number: "
        "segments, events,\n"
        "size, state, and where each ends, with the first digits of its "
        "hash.\n"
        "\n"
        "A segment stands below the one it was forked or compacted from, "
        "continues or\n"
        "replaces; \"gone\" says that this one is not in the store any more.\n"
        "The state is that of header and end, which costs the same for small "
        "and large\n"
        "segments and streams; damage in the middle shows with --verify only.\n"
        "\n"
        "  seglog ls logs\n"
        "        what is there, the last change first\n"
        "  seglog ls --sort size -n 5 logs\n"
        "        what takes the most room\n"
        "  seglog ls --json logs | jq -r 'select(.records > 1000).segment'\n"
        "        for programs\n"
        "\n"
        "      --sort KEY  age (the default), size or records, the largest or "
        "most recent\n"
        "                  first; or id\n"
        "  -n, --lines N   only the first N sessions (with --flat or --json, "
        "segments)\n"
        "                  and streams\n"
        "      --flat      one line a segment, with both ids and without a "
        "tree\n"
        "      --verify    read every segment and stream whole, and compare "
        "the "
        "index with\n"
        "                  the files\n"
        "      --json      one JSON object for each segment and stream, then a "
        "summary\n",
    .options = OPTIONS,
    .operand_max = 1,
    .on_option = on_option,
};

static void
total_print(const struct ls_catalog *catalog)
{
    char number[LS_NUMBER_CAP];
    char size[32];

    (void)printf("%s %s, ", ls_number_text(catalog->session_count, number),
                 cmd_plural(catalog->session_count, "session", "sessions"));
    (void)printf("%s %s, ", ls_number_text(catalog->segment_count, number),
                 cmd_plural(catalog->segment_count, "segment", "segments"));
    (void)printf("%s %s, %s", ls_number_text(catalog->records, number),
                 cmd_plural(catalog->records, "record", "records"),
                 tool_size_text(catalog->bytes, size, sizeof size));
    if (catalog->damaged > 0)
        (void)printf("; %s damaged", ls_number_text(catalog->damaged, number));
    (void)fputc('\n', stdout);
}

static enum tool_status
list_print(const struct ls_options *options, const struct ls_catalog *catalog,
           const struct ls_streams *streams)
{
    const bool has_sessions = catalog->sessions != NULL;
    enum tool_status status = TOOL_GO_ON;

    if (options->is_json)
        return ls_print_json(options, catalog, streams);
    if (has_sessions)
        status = options->is_flat ? ls_print_flat(options, catalog)
                                  : ls_print_tree(options, catalog);
    if (status == TOOL_GO_ON && has_sessions && !tool_is_quiet)
        total_print(catalog);
    if (status == TOOL_GO_ON && streams->count > 0) {
        if (has_sessions && !tool_is_quiet)
            (void)fputc('\n', stdout);
        ls_streams_print(options, streams);
    }
    return status;
}

static enum tool_status
id_print(const struct ls_options *options, struct ls_catalog *catalog,
         const struct tool_store_path *path)
{
    struct tool_store_id id;
    size_t session = 0;
    size_t segment = LS_NONE;
    enum tool_status status = tool_store_resolve(catalog->sessions, path, &id);

    if (status != TOOL_GO_ON)
        return status;
    session = ls_catalog_find_session(catalog, &id.session);
    if (id.is_segment)
        segment = ls_catalog_find(catalog, &id.segment);
    if (session == LS_NONE) {
        tool_say("%s: it has just been removed", path->shown);
        return TOOL_FAILED;
    }
    status = ls_catalog_look(catalog, session);
    if (status != TOOL_GO_ON)
        return status;
    return ls_detail(options, catalog, session, segment);
}

/* sessions NULL: it holds streams alone. */
static enum tool_status
store_list(const struct ls_options *options,
           struct seglog_session_store *sessions, const char *dir)
{
    struct ls_catalog catalog = { .shown = dir };
    struct ls_streams streams = { 0 };
    enum tool_status found = TOOL_GO_ON;
    enum tool_status status =
        sessions ? ls_catalog_load(sessions, dir, &catalog) : TOOL_GO_ON;

    if (status == TOOL_GO_ON) {
        if (options->is_verify && sessions)
            found = ls_verify(&catalog, options->is_json);
        found =
            cmd_status_worse(found, ls_streams_load(options, dir, &streams));
        status = list_print(options, &catalog, &streams);
    }
    if (status == TOOL_GO_ON)
        status = catalog.damaged + streams.damaged > 0 ? TOOL_DAMAGED : TOOL_OK;
    ls_streams_free(&streams);
    ls_catalog_free(&catalog);
    return cmd_status_worse(status, found);
}

static enum tool_status
id_list(const struct ls_options *options, struct seglog_session_store *sessions,
        const struct tool_store_path *path)
{
    struct ls_catalog catalog = { 0 };
    enum tool_status status = ls_catalog_list(sessions, path->dir, &catalog);

    if (status == TOOL_GO_ON)
        status = id_print(options, &catalog, path);
    ls_catalog_free(&catalog);
    return status;
}

static enum tool_status
ls_run(const struct ls_options *options, const struct tool_store_path *path)
{
    const char *dir = path->dir ? path->dir : path->shown;
    struct seglog_session_store *sessions = NULL;
    enum tool_status status = TOOL_GO_ON;

    if (path->place != TOOL_PLACE_ID && !tool_store_is_one(dir) &&
        tool_streams_are_in(dir))
        return store_list(options, NULL, dir);
    if (path->place == TOOL_PLACE_FILE) {
        tool_say("%s: there is no session store of this name, and no streams",
                 path->shown);
        return TOOL_FAILED;
    }
    if (path->place == TOOL_PLACE_ID && options->is_verify)
        return tool_usage("--verify is about a store; `seglog check %s` reads "
                          "one segment",
                          path->shown);
    status = tool_store_open(path, true, &sessions);
    if (status == TOOL_GO_ON)
        status = path->place == TOOL_PLACE_ID
                     ? id_list(options, sessions, path)
                     : store_list(options, sessions, dir);
    (void)seglog_session_store_close(sessions, NULL);
    return status;
}

int
cmd_ls(int argc, char **argv)
{
    struct ls_options options = { .now_ms = tool_now_ms() };
    struct tool_store_path path = { 0 };
    char **operands = NULL;
    enum tool_status status =
        tool_parse(&SPEC, argc, argv, &options, &operands);

    if (status == TOOL_GO_ON)
        status = tool_store_parse(operands[0], &path);
    if (status != TOOL_GO_ON)
        return (int)status;
    status = ls_run(&options, &path);
    tool_store_path_free(&path);
    return tool_end(status);
}
