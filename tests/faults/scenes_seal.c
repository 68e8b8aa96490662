/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_seal.c - segments are sealed; dictionaries are made. */
#include "tests/faults/scenes.h"

#include <stdio.h>
#include <string.h>

static void
log_make(struct stage *stage, const char *name, uint64_t last)
{
    struct seglog_writer_options options = stage->scenario->writer;
    struct seglog_writer *writer = NULL;
    struct seglog_error err;

    options.size = sizeof options;
    must(seglog_writer_open(stage->store, name, &options, &writer, &err), &err);
    for (uint64_t n = 1; n <= last; n++) {
        char text[RECORD_ROOM];

        must(seglog_writer_append(writer, SEGLOG_TEXT, text,
                                  record_make(text, n), SEGLOG_LEVEL_APPEND,
                                  NULL, &err),
             &err);
    }
    must(seglog_writer_close(writer, &err), &err);
}

static bool
log_setup(struct stage *stage)
{
    log_make(stage, "log", 1000);
    return true;
}

static bool
parent_setup(struct stage *stage)
{
    const struct seglog_seal_options options = {
        .size = sizeof options, .block_bytes = SEGLOG_SEAL_BLOCK_MIN, .level = 1
    };
    struct seglog_error err;

    log_make(stage, "parent", 1000);
    must(seglog_segment_seal(stage->store, "parent", &options, NULL, &err),
         &err);
    log_make(stage, "log", 1100);
    return true;
}

static bool
small_setup(struct stage *stage)
{
    log_make(stage, "log", 30);
    return true;
}

static seglog_code
step_seal(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_seal_options options = {
        .size = sizeof options,
        .block_bytes = SEGLOG_SEAL_BLOCK_MIN,
        .level = 1,
        .lock_timeout_ms = 50,
        .parent = stage->scenario->kind == 1 ? "parent" : NULL,
        .threads = (unsigned)stage->arg,
    };
    struct seglog_seal_result result;
    const seglog_code code =
        seglog_segment_seal(stage->store, "log", &options, &result, err);

    if (code == SEGLOG_OK)
        say(stage, "%llu records in %llu blocks\n",
            (unsigned long long)result.records,
            (unsigned long long)result.blocks);
    return code;
}

static seglog_code
step_refuse(struct stage *stage, struct seglog_error *err)
{
    struct seglog_writer *writer = NULL;
    const seglog_code code =
        seglog_writer_open(stage->store, "log", NULL, &writer, err);

    (void)seglog_writer_close(writer, NULL);
    return code;
}

#define SEAL(what, threads)                                                    \
    .name = what, .flags = SCENE_SLOW, .look = look_at_logs,                   \
    .steps = {                                                                 \
        { "seal", step_seal, threads, STEP_SYNCED },                           \
        { "open", step_refuse, 0, STEP_ENDS },                                 \
        { "seal again", step_seal, threads, STEP_ENDS },                       \
    }

static const struct scenario seal_one = { SEAL("seal", 1), .setup = log_setup };
static const struct scenario seal_two = { SEAL("seal-threads", 2),
                                          .setup = log_setup };
static const struct scenario seal_parent = { SEAL("seal-parent", 1),
                                             .setup = parent_setup, .kind = 1 };
static const struct scenario seal_small = { SEAL("seal-small", 1),
                                            .setup = small_setup };
static const struct scenario seal_deflate = {
    SEAL("seal-deflate", 1), .setup = log_setup,
    .writer = { .codec = SEGLOG_CODEC_DEFLATE }
};

/* -- dictionaries ---------------------------------------------------------- */

static seglog_code
step_train(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_dictionary_options options = { .size = sizeof options,
                                                       .size_bytes = 4096,
                                                       .sample_bytes = 65536 };
    const char *const names[] = { "log" };
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    const seglog_code code =
        seglog_dictionary_train(stage->store, names, 1, &options, name, err);

    if (code == SEGLOG_OK)
        say(stage, "%s\n", name);
    return code;
}

static seglog_code
step_put(struct stage *stage, struct seglog_error *err)
{
    char bytes[1000];
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    seglog_code code = SEGLOG_OK;

    memset(bytes, 'x', sizeof bytes);
    code = seglog_dictionary_put(stage->store, bytes, sizeof bytes, name, err);
    if (code == SEGLOG_OK)
        say(stage, "%s\n", name);
    return code;
}

static const struct scenario train = {
    .name = "train",
    .flags = SCENE_SLOW,
    .setup = log_setup,
    .look = look_at_logs,
    .steps = { { "train", step_train, 0, STEP_SYNCED } },
};
static const struct scenario put = {
    .name = "dictionary",
    .look = look_at_blobs,
    .steps = { { "put", step_put, 0, STEP_SYNCED },
               { "put again", step_put, 0, STEP_SYNCED } },
};

const struct scenario *const seal_scenarios[] = {
    &seal_small,   &seal_one, &seal_two, &seal_parent,
    &seal_deflate, &train,    &put,      NULL,
};
