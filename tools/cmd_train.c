/* SPDX-License-Identifier: MIT */
/* tools/cmd_train.c - `seglog train`: what the segments of a store share. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seglog/dictionary.h"
#include "tools/cmd.h"
#include "tools/cmd_ls.h"
#include "tools/tool_store.h"

#define SIZE_KIB_MAX 1024u

enum {
    KEY_SIZE = TOOL_KEY(1),
    KEY_NONE,
    KEY_JSON
};

struct train {
    uint64_t size_kib; /* 0: the default */
    bool is_none;      /* new segments are to be made without */
    bool is_json;
};

/* ---------------------------------------------------------------------------
 * Command line
 */

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct train *train = arg;

    switch (key) {
    case KEY_SIZE:
        return tool_number("--size", value, 1, SIZE_KIB_MAX, &train->size_kib);
    case KEY_NONE:
        train->is_none = true;
        return TOOL_GO_ON;
    default:
        train->is_json = true;
        return TOOL_GO_ON;
    }
}

static const struct tool_option OPTIONS[] = {
    { KEY_SIZE, "size", true },
    { KEY_NONE, "none", false },
    { KEY_JSON, "json", false },
    { 0, NULL, false },
};

static const struct tool_spec SPEC = {
    .name = "seglog train",
    .usage = "[--size N] [--none] [--json] [STORE]",
    .help =
        "Make a dictionary of what the segments of STORE have in common, keep "
        "it in\n"
        "STORE, and make new segments with it: small sessions then take about "
        "as much\n"
        "as a piece of a large one. STORE is a folder; without it the one "
        "that\n"
        "SEGLOG_STORE names.\n"
        "\n"
        "  seglog train logs\n"
        "        learn from all that is there; again later, from more\n"
        "\n"
        "      --size N  of the dictionary, in KiB: 1 to 1024, 112 if not "
        "given\n"
        "      --none    make new segments without one again\n"
        "      --json    report as one JSON object\n"
        "\n"
        "A segment that was made with a dictionary cannot be read without it: "
        "none is\n"
        "ever removed, and one goes where the files of its segments go. What "
        "is there\n"
        "already stays as it is.\n",
    .options = OPTIONS,
    .operand_max = 1,
    .on_option = on_option,
};

/* ---------------------------------------------------------------------------
 * What is learned from
 */

struct samples {
    char **names;
    size_t count;
};

static void
samples_free(struct samples *samples)
{
    for (size_t i = 0; i < samples->count; i++)
        free(samples->names[i]);
    free(samples->names);
}

/* The entries of all segments. */
static bool
samples_fill(struct samples *samples, const struct ls_catalog *catalog)
{
    char name[SEGLOG_LANE_NAME_CAP];

    samples->names = calloc(catalog->segment_count + 1, sizeof(char *));
    if (!samples->names)
        return false;
    for (size_t i = 0; i < catalog->segment_count; i++) {
        const struct seglog_session_row *row = &catalog->segments[i].row;
        const size_t len = strlen(seglog_lane_name(&row->session, &row->segment,
                                                   SEGLOG_LANE_ENTRIES, name));

        samples->names[i] = malloc(len + 1);
        if (!samples->names[i])
            return false;
        memcpy(samples->names[i], name, len + 1);
        samples->count++;
    }
    return true;
}

/* ---------------------------------------------------------------------------
 * Training
 */

static void
train_tell(const struct train *train, struct seglog_store store,
           const char *shown, const char *name, size_t segments)
{
    struct seglog_blob_info info = { 0 };
    char size[32];

    (void)!seglog_store_get_info(store, name, &info, NULL);
    if (train->is_json) {
        (void)fputs("{\"store\":", stdout);
        tool_json_string(stdout, shown);
        (void)printf(",\"dictionary\":\"%s\",\"bytes\":%" PRIu64
                     ",\"segments\":%zu}\n",
                     name, info.size, segments);
    } else if (!tool_is_quiet) {
        (void)printf("%s: %s of %s, from %zu %s; new segments are made with "
                     "it\n",
                     shown, name, tool_size_text(info.size, size, sizeof size),
                     segments, cmd_plural(segments, "segment", "segments"));
    }
}

static enum tool_status
samples_learn(const struct train *train, struct seglog_session_store *sessions,
              const char *shown, const struct samples *samples)
{
    const struct seglog_dictionary_options options = {
        .size = sizeof options, .size_bytes = (size_t)train->size_kib * 1024
    };
    const struct seglog_store store = seglog_session_store_get_store(sessions);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_error err = { 0 };
    seglog_code code = SEGLOG_NOT_FOUND;

    if (samples->count > 0)
        code =
            seglog_dictionary_train(store, (const char *const *)samples->names,
                                    samples->count, &options, name, &err);
    if (code == SEGLOG_NOT_FOUND) {
        tool_say("%s: there is too little to learn from: some hundred records "
                 "are needed",
                 shown);
        return TOOL_FAILED;
    }
    if (code == SEGLOG_OK)
        code = seglog_session_store_set_dictionary(sessions, name, &err);
    if (code != SEGLOG_OK)
        return tool_fail(shown, &err);
    train_tell(train, store, shown, name, samples->count);
    return TOOL_OK;
}

static enum tool_status
none_set(const struct train *train, struct seglog_session_store *sessions,
         const char *shown)
{
    struct seglog_error err = { 0 };

    if (seglog_session_store_set_dictionary(sessions, NULL, &err) != SEGLOG_OK)
        return tool_fail(shown, &err);
    if (train->is_json) {
        (void)fputs("{\"store\":", stdout);
        tool_json_string(stdout, shown);
        (void)fputs(",\"dictionary\":null}\n", stdout);
    } else if (!tool_is_quiet) {
        (void)printf("%s: new segments are made without a dictionary\n", shown);
    }
    return TOOL_OK;
}

static enum tool_status
store_train(const struct train *train, struct seglog_session_store *sessions,
            const char *shown)
{
    struct ls_catalog catalog = { 0 };
    struct samples samples = { 0 };
    enum tool_status status = TOOL_GO_ON;

    if (train->is_none)
        return none_set(train, sessions, shown);
    status = ls_catalog_list(sessions, shown, &catalog);
    if (status == TOOL_GO_ON)
        status = samples_fill(&samples, &catalog)
                     ? samples_learn(train, sessions, shown, &samples)
                     : tool_fail_memory();
    samples_free(&samples);
    ls_catalog_free(&catalog);
    return status;
}

static enum tool_status
path_train(const struct train *train, const char *path)
{
    struct tool_store_path parsed;
    struct seglog_session_store *sessions = NULL;
    enum tool_status status = tool_store_parse(path, &parsed);

    if (status != TOOL_GO_ON)
        return status;
    if (parsed.place != TOOL_PLACE_STORE) {
        tool_say("%s: it is not a store", parsed.shown);
        status = TOOL_FAILED;
    } else {
        status = tool_store_open(&parsed, false, &sessions);
    }
    if (status == TOOL_GO_ON)
        status = store_train(train, sessions, parsed.shown);
    (void)seglog_session_store_close(sessions, NULL);
    tool_store_path_free(&parsed);
    return status;
}

int
cmd_train(int argc, char **argv)
{
    struct train train = { 0 };
    char **operands = NULL;
    const enum tool_status status =
        tool_parse(&SPEC, argc, argv, &train, &operands);

    if (status != TOOL_GO_ON)
        return (int)status;
    if (train.is_none && train.size_kib > 0)
        return (int)tool_usage("--none and --size exclude each other");
    return tool_end(path_train(&train, operands[0]));
}
