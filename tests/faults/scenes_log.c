/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_log.c - segments are written, cut and read. */
#include "tests/faults/scenes.h"

#include <stdio.h>
#include <string.h>

#include "tests/faults/allocation.h"

/* -- writing --------------------------------------------------------------- */

static const uint8_t attributes[] = "what its user wants to know of it";

seglog_code
scene_writer(struct stage *stage, struct seglog_writer **writer,
             struct seglog_error *err)
{
    struct seglog_writer_options options = stage->scenario->writer;
    char dictionary[SEGLOG_DICTIONARY_NAME_BYTES] = "";
    char bytes[4 * RECORD_ROOM];
    size_t len = 0;
    seglog_code code = SEGLOG_OK;

    if (*writer)
        return SEGLOG_OK;
    options.size = sizeof options;
    options.lock_timeout_ms = 50;
    options.sync_log2 = 9;
    options.attributes = attributes;
    options.attributes_len = sizeof attributes;
    if (stage->scenario->has_dictionary) {
        for (uint64_t n = 9000; n < 9004; n++)
            len += record_make(bytes + len, n);
        code = seglog_dictionary_put(stage->store, bytes, len, dictionary, err);
        options.dictionary = dictionary;
    }
    if (code == SEGLOG_OK)
        code = seglog_writer_open(stage->store, "log", &options, writer, err);
    return code;
}

size_t
record_make(char text[RECORD_ROOM], uint64_t number)
{
    return (size_t)snprintf(
        text, RECORD_ROOM,
        "{\"kind\":\"user_input\",\"ts\":%llu,\"id\":\"%016llx\",\"text\":"
        "\"record %llu of a log in which things fail\"}",
        1786000000000ULL + (unsigned long long)number * 977,
        (unsigned long long)(number * UINT64_C(0x9e3779b97f4a7c15)),
        (unsigned long long)number);
}

/* Records up to this number are there when it returns. */
static seglog_code
append_until(struct seglog_writer *writer, uint64_t last,
             enum seglog_level level, struct seglog_error *err)
{
    struct seglog_writer_state state;
    seglog_code code = seglog_writer_hold(writer, err);

    if (code != SEGLOG_OK)
        return code;
    seglog_writer_get_state(writer, &state);
    for (uint64_t n = state.next_record + state.buffered;
         n <= last && code == SEGLOG_OK; n++) {
        char text[RECORD_ROOM];
        const size_t len = record_make(text, n);

        code = seglog_writer_append(writer, SEGLOG_TEXT, text, len, level, NULL,
                                    err);
    }
    seglog_writer_release(writer);
    return code;
}

seglog_code
step_append(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = scene_writer(stage, &stage->writer, err);

    return code == SEGLOG_OK ? append_until(stage->writer, stage->arg,
                                            SEGLOG_LEVEL_FLUSH, err)
                             : code;
}

static seglog_code
step_append_synced(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = scene_writer(stage, &stage->writer, err);

    if (code == SEGLOG_OK)
        code = append_until(stage->writer, stage->arg, SEGLOG_LEVEL_SYNC, err);
    /* All that was asked for before may be in already, and not synced. */
    return code == SEGLOG_OK ? seglog_writer_sync(stage->writer, err) : code;
}

static seglog_code
step_buffer(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = scene_writer(stage, &stage->writer, err);

    if (code == SEGLOG_OK)
        code =
            append_until(stage->writer, stage->arg, SEGLOG_LEVEL_APPEND, err);
    return code == SEGLOG_OK ? seglog_writer_flush(stage->writer, err) : code;
}

static seglog_code
group_put(struct seglog_writer *writer, uint64_t first,
          struct seglog_error *err)
{
    struct seglog_writer_state state;
    char texts[3][RECORD_ROOM];
    struct seglog_item items[3];

    seglog_writer_get_state(writer, &state);
    if (state.next_record + state.buffered > first)
        return SEGLOG_OK;
    for (unsigned i = 0; i < 3; i++)
        items[i] = (struct seglog_item){ SEGLOG_TEXT, texts[i],
                                         record_make(texts[i], first + i) };
    return seglog_writer_append_group(writer, items, 3, SEGLOG_LEVEL_FLUSH,
                                      NULL, err);
}

/* Three of them, the first one of this number. */
static seglog_code
step_group(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = scene_writer(stage, &stage->writer, err);

    if (code == SEGLOG_OK)
        code = seglog_writer_hold(stage->writer, err);
    if (code != SEGLOG_OK)
        return code;
    code = group_put(stage->writer, stage->arg, err);
    seglog_writer_release(stage->writer);
    return code;
}

static seglog_code
step_sync(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = scene_writer(stage, &stage->writer, err);

    return code == SEGLOG_OK ? seglog_writer_sync(stage->writer, err) : code;
}

seglog_code
step_close(struct stage *stage, struct seglog_error *err)
{
    struct seglog_writer *writer = stage->writer;

    stage->writer = NULL;
    return seglog_writer_close(writer, err);
}

/* Only the record numbers of a recorded gap are there. */
static seglog_code
step_gap(struct stage *stage, struct seglog_error *err)
{
    struct seglog_writer_state state;
    struct seglog_finding gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                  .cause = SEGLOG_CAUSE_CHECKSUM,
                                  .lines = 3 };
    seglog_code code = scene_writer(stage, &stage->writer, err);

    if (code != SEGLOG_OK)
        return code;
    /* It may be in the buffer from the first try. */
    code = seglog_writer_flush(stage->writer, err);
    seglog_writer_get_state(stage->writer, &state);
    if (code != SEGLOG_OK || state.next_record > stage->arg)
        return code;
    gap.first_record = state.next_record;
    gap.last_record = stage->arg;
    gap.line = state.next_line;
    code = seglog_writer_append_gap(stage->writer, &gap, err);
    return code == SEGLOG_OK ? seglog_writer_flush(stage->writer, err) : code;
}

static seglog_code
step_cut(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = scene_writer(stage, &stage->writer, err);

    return code == SEGLOG_OK
               ? seglog_writer_truncate(stage->writer, stage->arg, err)
               : code;
}

/* Another writer takes its turn. */
static seglog_code
step_other(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = scene_writer(stage, &stage->other, err);

    if (code == SEGLOG_OK)
        code = append_until(stage->other, stage->arg, SEGLOG_LEVEL_FLUSH, err);
    if (code != SEGLOG_OK) {
        (void)seglog_writer_close(stage->other, NULL);
        stage->other = NULL;
    }
    return code;
}

/* -- following ------------------------------------------------------------- */

static seglog_code
step_follow(struct stage *stage, struct seglog_error *err)
{
    struct seglog_event event;
    seglog_code code = SEGLOG_OK;

    /* What a reader has given it does not give again: begin anew. */
    if (stage->is_again) {
        seglog_reader_close(stage->reader);
        stage->reader = NULL;
    }
    if (!stage->reader)
        code =
            seglog_reader_open(stage->store, "log", NULL, &stage->reader, err);
    while (code == SEGLOG_OK) {
        code = seglog_reader_next(stage->reader, &event, err);
        if (code == SEGLOG_OK)
            say_record(stage, &event.record);
    }
    if (code != SEGLOG_END)
        return code;
    code = seglog_reader_wait(stage->reader, 0, err);
    return code == SEGLOG_END ? SEGLOG_OK : code;
}

/* -- scenarios ------------------------------------------------------------- */

#define APPENDS                                                                \
    {                                                                          \
        { "create, buffer, flush", step_buffer, 5, 0 },                        \
            { "append", step_append, 8, 0 },                                   \
            { "append a group", step_group, 9, 0 },                            \
            { "append synced", step_append_synced, 14, STEP_SYNCED },          \
            { "buffer and flush", step_buffer, 16, 0 },                        \
            { "sync", step_sync, 0, STEP_SYNCED },                             \
            { "close", step_close, 0, STEP_SYNCED },                           \
            { "open and append", step_append, 19, 0 },                         \
            { "close again", step_close, 0, STEP_SYNCED },                     \
    }

#define LOG(what, more)                                                        \
    .name = what, .flags = SCENE_GROWS | (more), .look = look_at_logs

static bool
many_setup(struct stage *stage)
{
    struct seglog_error err;

    stage->arg = 14;
    must(step_append(stage, &err), &err);
    stage->arg = 15;
    must(step_group(stage, &err), &err);
    stage->arg = 30;
    must(step_append(stage, &err), &err);
    must(step_close(stage, &err), &err);
    return true;
}

static const struct scenario append_plain = { LOG("append", 0),
                                              .steps = APPENDS };
static const struct scenario append_small_buffer = {
    LOG("append-small-buffer", 0), .steps = APPENDS,
    .writer = { .buffer_bytes = 300 }
};
static const struct scenario append_deflate = {
    LOG("append-deflate", 0), .steps = APPENDS,
    .writer = { .codec = SEGLOG_CODEC_DEFLATE }
};
static const struct scenario append_zstd = {
    LOG("append-zstd", 0), .steps = APPENDS,
    .writer = { .codec = SEGLOG_CODEC_ZSTD, .level = 1 }
};
static const struct scenario append_auto = {
    LOG("append-auto", SCENE_SLOW), .steps = APPENDS,
    .writer = { .codec = SEGLOG_CODEC_AUTO }
};
static const struct scenario append_dictionary = {
    LOG("append-dictionary", 0), .steps = APPENDS,
    .writer = { .codec = SEGLOG_CODEC_DEFLATE }, .has_dictionary = true
};
static const struct scenario append_zstd_dictionary = {
    LOG("append-zstd-dictionary", SCENE_SLOW), .steps = APPENDS,
    .writer = { .codec = SEGLOG_CODEC_ZSTD, .level = 1 }, .has_dictionary = true
};
static const struct scenario append_shared = {
    LOG("append-shared-alone", 0), .steps = APPENDS,
    .writer = { .mode = SEGLOG_WRITER_SHARED }
};

#define TURNS                                                                  \
    {                                                                          \
        { "create and append", step_append, 3, 0 },                            \
            { "another one appends", step_other, 6, 0 },                       \
            { "append after it", step_append, 9, 0 },                          \
            { "append a group", step_group, 10, 0 },                           \
            { "another one after it", step_other, 15, 0 },                     \
            { "hold and sync", step_append_synced, 15, STEP_SYNCED },          \
            { "close", step_close, 0, STEP_SYNCED },                           \
            { "the other one goes on", step_other, 18, 0 },                    \
    }

static const struct scenario shared_plain = {
    LOG("shared", 0), .steps = TURNS, .writer = { .mode = SEGLOG_WRITER_SHARED }
};
static const struct scenario shared_deflate = {
    LOG("shared-deflate", 0), .steps = TURNS,
    .writer = { .mode = SEGLOG_WRITER_SHARED, .codec = SEGLOG_CODEC_DEFLATE }
};
static const struct scenario shared_zstd = {
    LOG("shared-zstd", SCENE_SLOW), .steps = TURNS,
    .writer = { .mode = SEGLOG_WRITER_SHARED,
                .codec = SEGLOG_CODEC_ZSTD,
                .level = 1 }
};

#define CUTS                                                                   \
    {                                                                          \
        { "open and append", step_append, 32, 0 },                             \
            { "sync", step_sync, 0, STEP_SYNCED },                             \
            { "cut", step_cut, 26, STEP_SYNCED },                              \
            { "append again", step_append_synced, 28, STEP_SYNCED },           \
            { "cut inside a group", step_cut, 17, STEP_SYNCED },               \
            { "append behind it", step_append_synced, 20, STEP_SYNCED },       \
            { "record a gap", step_gap, 23, 0 },                               \
            { "close", step_close, 0, STEP_SYNCED },                           \
    }

static const struct scenario cut_plain = { LOG("truncate", 0),
                                           .setup = many_setup, .steps = CUTS };
static const struct scenario cut_deflate = {
    LOG("truncate-deflate", 0), .setup = many_setup, .steps = CUTS,
    .writer = { .codec = SEGLOG_CODEC_DEFLATE }
};

#define FOLLOWS                                                                \
    {                                                                          \
        { "read to the end", step_follow, 0, 0 },                              \
            { "append", step_append, 33, 0 }, { "follow", step_follow, 0, 0 }, \
            { "sync", step_sync, 0, STEP_SYNCED },                             \
            { "append more", step_append, 36, 0 },                             \
            { "follow to the end", step_follow, 0, 0 },                        \
    }

static const struct scenario follow_plain = { LOG("follow", 0),
                                              .setup = many_setup,
                                              .steps = FOLLOWS };
static const struct scenario follow_deflate = {
    LOG("follow-deflate", 0), .setup = many_setup, .steps = FOLLOWS,
    .writer = { .codec = SEGLOG_CODEC_DEFLATE }
};

const struct scenario *const log_scenarios[] = {
    &append_plain,   &append_small_buffer,
    &append_deflate, &append_zstd,
    &append_auto,    &append_dictionary,
    &append_shared,  &append_zstd_dictionary,
    &shared_plain,   &shared_deflate,
    &shared_zstd,    &cut_plain,
    &cut_deflate,    &follow_plain,
    &follow_deflate, NULL,
};
