/* SPDX-License-Identifier: MIT */
/* tools/cmd_rm.c - `seglog rm`: remove sessions and segments from a store. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/cmd_rm.h"
#include "tools/tool_store.h"
#include "tools/tool_text.h"

#define KEY_OLDER        TOOL_KEY(1)
#define KEY_UNREFERENCED TOOL_KEY(2)
#define KEY_DRY          TOOL_KEY(3)
#define KEY_JSON         TOOL_KEY(4)

/* ---------------------------------------------------------------------------
 * The command line
 */

static enum tool_status
age_parse(struct rm_options *options, const char *value)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } UNITS[] = {
        { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 },
    };
    const size_t len = strlen(value);
    char *end = NULL;
    /* Anything longer is older than all that has been written. */
    const uint64_t count = len > 1 && len < 8 && *value >= '0' && *value <= '9'
                               ? strtoull(value, &end, 10)
                               : 0;

    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0] && end; i++)
        if (end == value + len - 1 && *end == UNITS[i].letter) {
            options->has_age = true;
            options->age_ms = (int64_t)(count * UNITS[i].seconds * 1000);
            return TOOL_GO_ON;
        }
    return tool_usage("--older-than needs a time such as 30d, 12h, 90m or 2w, "
                      "not '%s'",
                      value);
}

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct rm_options *options = arg;

    switch (key) {
    case 'f':
        options->is_forced = true;
        return TOOL_GO_ON;
    case KEY_OLDER:
        return age_parse(options, value);
    case KEY_UNREFERENCED:
        options->is_unreferenced = true;
        return TOOL_GO_ON;
    case KEY_DRY:
        options->is_dry = true;
        return TOOL_GO_ON;
    default:
        options->is_json = true;
        return TOOL_GO_ON;
    }
}

static const struct tool_option OPTIONS[] = {
    { 'f', "force", false },
    { KEY_OLDER, "older-than", true },
    { KEY_UNREFERENCED, "unreferenced", false },
    { KEY_DRY, "dry-run", false },
    { KEY_JSON, "json", false },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog rm",
    .usage = "[--dry-run] [-f] [--json] STORE:ID...\n"
             "       seglog rm [--dry-run] [-f] [--json] [--older-than TIME] "
             "[--unreferenced]\n"
             "                 [STORE]",
    .help =
        "Remove sessions and segments for ever, with their debug events and "
        "notes.\n"
        "\n"
        "The id of a session stands for all its segments; the first digits of "
        "an id are\n"
        "enough, if no other begins so.  Or remove whatever in STORE meets all "
        "the\n"
        "conditions.  On a terminal what is to go is shown and asked for.\n"
        "What another segment descends from (see `seglog ls`) stays, unless "
        "that one goes\n"
        "as well or --force is given.  A file whose segment is removed is "
        "taken in again\n"
        "by the next import.\n"
        "\n"
        "  seglog rm --dry-run --older-than 90d logs\n"
        "        what would go, and how much room that makes\n"
        "  seglog rm logs:0198c2f0\n"
        "        one session\n"
        "\n"
        "      --older-than TIME  sessions without any change for 90m, 12h, "
        "30d or 2w\n"
        "      --unreferenced     segments that no other descends from, and "
        "that hold no\n"
        "                         file which was imported\n"
        "      --dry-run          only show what would go\n"
        "  -f, --force            do not ask; also remove what others descend "
        "from\n"
        "      --json             one JSON object for each segment, then a "
        "summary\n",
    .options = OPTIONS,
    .operand_max = -1,
    .on_option = on_option,
};

/* ---------------------------------------------------------------------------
 * Stores
 */

static void
rm_close(struct rm *rm)
{
    for (size_t i = 0; i < rm->store_count; i++) {
        struct rm_store *store = &rm->stores[i];

        ls_catalog_free(&store->catalog);
        free(store->marks);
        free(store->dir);
        (void)seglog_session_store_close(store->sessions, NULL);
    }
    free(rm->stores);
}

static enum tool_status
store_load(const struct rm_options *options, const struct tool_store_path *path,
           struct rm_store *store)
{
    enum tool_status status =
        tool_store_open(path, options->is_dry, &store->sessions);

    if (status == TOOL_GO_ON)
        status = ls_catalog_load(store->sessions, store->dir, &store->catalog);
    if (status != TOOL_GO_ON)
        return status;
    store->marks =
        calloc(store->catalog.segment_count + 1, sizeof *store->marks);
    return store->marks ? TOOL_GO_ON : tool_fail_memory();
}

/* The store of a path, opened once however often it is named. */
static enum tool_status
store_find(struct rm *rm, const struct tool_store_path *path,
           struct rm_store **found)
{
    struct rm_store *store = NULL;

    for (size_t i = 0; i < rm->store_count; i++)
        if (strcmp(rm->stores[i].dir, path->dir) == 0) {
            *found = &rm->stores[i];
            return TOOL_GO_ON;
        }
    store = realloc(rm->stores, (rm->store_count + 1) * sizeof *store);
    if (!store)
        return tool_fail_memory();
    rm->stores = store;
    store += rm->store_count++;
    *store = (struct rm_store){ .dir = strdup(path->dir) };
    *found = store;
    return store->dir ? store_load(&rm->options, path, store)
                      : tool_fail_memory();
}

/* ---------------------------------------------------------------------------
 * Planning
 */

static enum tool_status
plan_path(struct rm *rm, const char *path, bool has_conditions)
{
    struct tool_store_path parsed;
    struct tool_store_id id;
    struct rm_store *store = NULL;
    enum tool_status status = tool_store_parse(path, &parsed);

    if (status != TOOL_GO_ON)
        return status;
    if (parsed.place == TOOL_PLACE_FILE) {
        tool_say("%s: there is no session store of this name", path);
        status = TOOL_FAILED;
    } else if (has_conditions != (parsed.place == TOOL_PLACE_STORE)) {
        status = has_conditions
                     ? tool_usage("conditions are about a store, not about "
                                  "'%s'",
                                  parsed.shown)
                     : tool_usage("'%s' is a whole store: name STORE:ID, or "
                                  "say which by --older-than or "
                                  "--unreferenced",
                                  parsed.shown);
    } else if (parsed.lane != SEGLOG_LANE_ENTRIES) {
        status = tool_usage("'%s': lanes go with their segment", path);
    } else {
        status = store_find(rm, &parsed, &store);
        if (status == TOOL_GO_ON && !has_conditions)
            status = tool_store_resolve(store->sessions, &parsed, &id);
        if (status == TOOL_GO_ON)
            status = has_conditions ? rm_plan_conditions(&rm->options, store)
                                    : rm_plan_id(store, &id.session,
                                                 &id.segment, id.is_segment);
    }
    tool_store_path_free(&parsed);
    return status;
}

static enum tool_status
plan_make(struct rm *rm, char **operands)
{
    const bool has_conditions =
        rm->options.has_age || rm->options.is_unreferenced;
    enum tool_status status = TOOL_GO_ON;

    if (!has_conditions && !operands[0])
        return tool_usage("name what is to be removed, as STORE:ID");
    if (has_conditions && operands[0] && operands[1])
        return tool_usage("conditions are about one store");
    do
        status = plan_path(rm, operands[0], has_conditions);
    while (status == TOOL_GO_ON && operands[0] && *++operands);
    for (size_t i = 0; i < rm->store_count && status == TOOL_GO_ON; i++) {
        if (!rm->options.is_forced)
            status = rm_plan_check(&rm->stores[i]);
        rm_plan_measure(&rm->stores[i]);
    }
    return status;
}

/* ---------------------------------------------------------------------------
 * Asking
 */

/* Only where there is somebody to ask. */
static bool
is_agreed(const struct rm *rm)
{
    char text[160];
    char answer[16] = "";

    if (rm->options.is_forced || !isatty(STDIN_FILENO))
        return true;
    (void)fflush(stdout);
    (void)fprintf(stderr, "seglog: remove %s for ever? [y/N] ",
                  rm_total_text(rm, text, sizeof text));
    (void)fflush(stderr);
    return fgets(answer, sizeof answer, stdin) &&
           (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

/* ---------------------------------------------------------------------------
 * Removing
 */

static void
removed_note(struct rm *rm, struct rm_store *store, size_t number)
{
    store->marks[number].is_removed = true;
    rm->segments++;
    rm->bytes += store->marks[number].bytes;
    if (rm->options.is_json || !tool_is_quiet)
        rm_tell_segment(rm, store, number, true);
}

/* Something that is still there may refer to it: try again when that has gone,
 * and say so only if it has not. */
static void
failed_note(struct rm *rm, struct rm_mark *mark, const struct seglog_error *err,
            bool is_last)
{
    if (err->code == SEGLOG_CONFLICT && !is_last)
        return;
    mark->is_failed = true;
    rm->status = cmd_status_worse(rm->status, tool_fail(NULL, err));
}

/* A whole session: all of it or nothing. */
static bool
whole_remove(struct rm *rm, struct rm_store *store,
             const struct ls_session *session, bool is_last)
{
    struct rm_mark *first = &store->marks[session->first];
    struct seglog_error err = { 0 };

    if (first->is_removed || first->is_failed)
        return false;
    if (seglog_session_delete(store->sessions, &session->id, NULL, &err) !=
        SEGLOG_OK) {
        failed_note(rm, first, &err, is_last);
        return false;
    }
    rm->sessions++;
    for (size_t i = 0; i < session->count; i++)
        removed_note(rm, store, session->first + i);
    return true;
}

/* Returns true if something has gone. */
static bool
session_remove(struct rm *rm, struct rm_store *store,
               const struct ls_session *session, bool is_last)
{
    struct seglog_error err = { 0 };
    bool has_gone = false;

    if (rm_marks_in(store, session) == session->count)
        return whole_remove(rm, store, session, is_last);
    for (size_t i = session->first; i < session->first + session->count; i++) {
        const struct ls_segment *segment = &store->catalog.segments[i];
        struct rm_mark *mark = &store->marks[i];

        if (!mark->goes || mark->is_removed || mark->is_failed)
            continue;
        if (seglog_session_delete_segment(
                store->sessions, &segment->row.session, &segment->row.segment,
                NULL, &err) == SEGLOG_OK) {
            removed_note(rm, store, i);
            has_gone = true;
        } else {
            failed_note(rm, mark, &err, is_last);
        }
    }
    return has_gone;
}

static bool
sessions_remove(struct rm *rm, struct rm_store *store, bool is_last)
{
    bool has_gone = false;

    for (size_t i = 0; i < store->catalog.session_count; i++) {
        const struct ls_session *session = &store->catalog.session_items[i];

        if (rm_marks_in(store, session) > 0)
            has_gone |= session_remove(rm, store, session, is_last);
    }
    return has_gone;
}

static enum tool_status
plan_run(struct rm *rm)
{
    rm->sessions = 0;
    rm->segments = 0;
    rm->bytes = 0;
    rm->status = TOOL_OK;
    for (size_t i = 0; i < rm->store_count; i++) {
        struct rm_store *store = &rm->stores[i];

        while (sessions_remove(rm, store, false))
            continue;
        (void)sessions_remove(rm, store, true);
        rm->status = cmd_status_worse(rm->status, rm_sources_forget(store));
    }
    rm_tell_total(rm);
    return rm->status;
}

static enum tool_status
rm_run(struct rm *rm, char **operands)
{
    const enum tool_status status = plan_make(rm, operands);
    const bool asks = !rm->options.is_forced && isatty(STDIN_FILENO);

    if (status != TOOL_GO_ON)
        return status;
    rm_tell_plan(rm, rm->options.is_dry || (asks && !rm->options.is_json));
    if (rm->segments == 0)
        tool_note("there is nothing to remove");
    if (rm->options.is_dry || rm->segments == 0) {
        if (rm->segments > 0 || rm->options.is_json)
            rm_tell_total(rm);
        return TOOL_OK;
    }
    if (!is_agreed(rm)) {
        tool_note("nothing was removed");
        return TOOL_OK;
    }
    return plan_run(rm);
}

int
cmd_rm(int argc, char **argv)
{
    struct rm rm = { .options = { .now_ms = tool_now_ms() } };
    char **operands = NULL;
    enum tool_status status =
        tool_parse(&SPEC, argc, argv, &rm.options, &operands);

    if (status == TOOL_GO_ON) {
        status = rm_run(&rm, operands);
        rm_close(&rm);
    }
    return tool_end(status);
}
