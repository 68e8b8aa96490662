/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_stream.c - what is done with streams. */
#include "tests/faults/scenes.h"

#include <stdlib.h>
#include <string.h>

#include "seglog/session.h"
#include "src/stream/stream_tombs.h"
#include "tests/faults/allocation.h"

#define STREAM UINT64_C(7)

static seglog_code
streams_open(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_stream_options options = {
        .size = sizeof options,
        .lock_timeout_ms = 50,
        .chain = SEGLOG_CHAIN_XXH3,
        .body_log2 = 16,
        .sync_log2 = 9,
        .segment_bytes = stage->scenario->kind,
        .checkpoint_events = 4,
        .codec = stage->scenario->writer.codec,
    };

    if (stage->streams.ops)
        return SEGLOG_OK;
    return seglog_streams_open(stage->store, &options, &stage->streams, err);
}

static seglog_code
end_ask(struct stage *stage, struct seglog_stream_end *end,
        struct seglog_error *err)
{
    const seglog_code code = streams_open(stage, err);

    return code == SEGLOG_OK ? seglog_stream_latest_chain_hash(stage->streams,
                                                               STREAM, end, err)
                             : code;
}

/* Events up to number stage->arg, one by one, behind what is there. */
static seglog_code
step_events(struct stage *stage, struct seglog_error *err)
{
    struct seglog_stream_end end;
    seglog_code code = end_ask(stage, &end, err);

    while (code == SEGLOG_OK && end.next_offset < stage->arg) {
        const struct seglog_chain_hash head = end.hash;
        char text[RECORD_ROOM];
        const struct seglog_slice event = {
            text, record_make(text, end.next_offset + 1)
        };

        code =
            seglog_stream_append_batch(stage->streams, STREAM, &event, 1,
                                       end.next_offset, &head, true, &end, err);
    }
    return code;
}

/* Three at once, unless they are there. */
static seglog_code
step_batch(struct stage *stage, struct seglog_error *err)
{
    struct seglog_stream_end end;
    char texts[3][RECORD_ROOM];
    struct seglog_slice events[3];
    seglog_code code = end_ask(stage, &end, err);

    if (code != SEGLOG_OK || end.next_offset >= stage->arg)
        return code;
    for (unsigned i = 0; i < 3; i++)
        events[i] = (struct seglog_slice){
            texts[i], record_make(texts[i], end.next_offset + 1 + i)
        };
    return seglog_stream_append_batch(stage->streams, STREAM, events, 3,
                                      end.next_offset, &end.hash, true, NULL,
                                      err);
}

static seglog_code
step_rotate(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = streams_open(stage, err);

    return code == SEGLOG_OK ? seglog_stream_rotate(stage->streams, STREAM, err)
                             : code;
}

static seglog_code
step_checkpoint(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = streams_open(stage, err);

    return code == SEGLOG_OK ? seglog_stream_make_checkpoint(stage->streams,
                                                             STREAM, NULL, err)
                             : code;
}

static seglog_code
step_flush(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = streams_open(stage, err);

    return code == SEGLOG_OK ? seglog_streams_flush_indexes(stage->streams, err)
                             : code;
}

static bool
stream_say(void *arg, uint64_t stream)
{
    say(arg, "stream %llu\n", (unsigned long long)stream);
    return true;
}

/* All that can be asked. */
static seglog_code
step_ask(struct stage *stage, struct seglog_error *err)
{
    struct seglog_stream_event *events = NULL;
    struct seglog_stream_info info;
    char name[SEGLOG_STREAM_NAME_CAP] = "";
    uint32_t *numbers = NULL;
    uint32_t number = 0;
    size_t count = 0;
    seglog_code code = streams_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_stream_read_from(stage->streams, STREAM, stage->arg,
                                       UINT64_MAX, &events, &count, err);
    for (size_t i = 0; i < count; i++)
        say(stage, "%llu %016llx\n", (unsigned long long)events[i].offset,
            (unsigned long long)hash_of(events[i].data.data,
                                        events[i].data.len));
    seglog_free(events);
    if (code == SEGLOG_OK)
        code = seglog_stream_get_info(stage->streams, STREAM, &info, err);
    if (code == SEGLOG_OK)
        code = seglog_stream_find_segment(stage->streams, STREAM, stage->arg,
                                          name, &number, err);
    if (code == SEGLOG_OK)
        code = seglog_stream_completed_segments(stage->streams, STREAM,
                                                &numbers, &count, err);
    seglog_free(numbers);
    if (code != SEGLOG_OK)
        return code;
    say(stage, "ends at %llu, %s\n", (unsigned long long)info.end.next_offset,
        name);
    return seglog_streams_list(stage->streams, stream_say, stage, err);
}

static seglog_code
step_close_streams(struct stage *stage, struct seglog_error *err)
{
    return seglog_streams_close(&stage->streams, err);
}

static void
lane_finding_take(void *arg, const char *name,
                  const struct seglog_finding *finding)
{
    (void)arg;
    (void)name;
    (void)finding;
}

/* What could not be read is a finding, and no reason to stop. */
static seglog_code
step_scrub(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_scrub_options options = {
        .size = sizeof options,
        .bytes_per_s = UINT64_MAX,
        .once = true,
        .on_lane_finding = lane_finding_take,
    };
    struct seglog_scrubber *scrubber = NULL;
    struct seglog_scrub_state state = { .findings = 0 };
    seglog_code code = streams_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_scrub_start(stage->streams, &options, &scrubber, err);
    if (code != SEGLOG_OK)
        return code;
    code = seglog_scrub_wait(scrubber, -1, err);
    seglog_scrub_get_state(scrubber, &state);
    if (code == SEGLOG_OK)
        code = seglog_scrub_stop(scrubber, err);
    if (code == SEGLOG_OK && state.findings > 0) {
        *err = (struct seglog_error){ .code = SEGLOG_IO,
                                      .name = "stream",
                                      .message = "it was found damaged" };
        return SEGLOG_IO;
    }
    return code;
}

/* Signed where that can be. */
static seglog_code
step_seal_streams(struct stage *stage, struct seglog_error *err)
{
    static const uint8_t key[SEGLOG_SIGN_KEY_BYTES] = { 1, 2, 3 };
    const struct seglog_stream_compact_options options = {
        .size = sizeof options,
        .merge_bytes = 1,
        .keeps_dropped = true,
        .threads = 1,
        .private_key = stage->arg ? key : NULL,
    };
    struct seglog_stream_compacted sealed;
    seglog_code code = streams_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_stream_compact(stage->streams, STREAM, &options, &sealed,
                                     err);
    if (code == SEGLOG_OK)
        say(stage, "%llu segments\n",
            (unsigned long long)sealed.segments_before);
    return code;
}

static seglog_code
step_mend(struct stage *stage, struct seglog_error *err)
{
    struct seglog_stream_mended mended;
    seglog_code code = streams_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_stream_mend(stage->streams, STREAM,
                                  (enum seglog_stream_mend)stage->arg, &mended,
                                  err);
    if (code == SEGLOG_OK)
        say(stage, "ends at %llu\n",
            (unsigned long long)mended.end.next_offset);
    /* It was damaged so that there is something to mend. */
    if (code == SEGLOG_OK && mended.lost == 0 && !stage->is_again)
        abort();
    return code;
}

/* Whoever tries again finds that it is marked, or that it is gone. */
static seglog_code
step_mark(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = streams_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_stream_tombstone(stage->streams, STREAM, stage->arg, NULL,
                                       err);
    return code == SEGLOG_EXISTS ? SEGLOG_OK : code;
}

/* All segments become one: all that is marked goes in one step, or nothing. */
static seglog_code
step_compact(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_stream_compact_options options = {
        .size = sizeof options,
        .rotates = true,
        .merge_min = 1,
        .level = 1,
        .threads = 1,
    };
    const seglog_code code = streams_open(stage, err);

    return code == SEGLOG_OK ? seglog_stream_compact(stage->streams, STREAM,
                                                     &options, NULL, err)
                             : code;
}

/* Segments that end here, and before the offset.  Whoever tries again finds
 * nothing more to remove, or what is left over. */
static seglog_code
step_trim(struct stage *stage, struct seglog_error *err)
{
    struct seglog_stream_trimmed trimmed;
    seglog_code code = streams_open(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_stream_rotate(stage->streams, STREAM, err);
    if (code == SEGLOG_OK)
        code = seglog_stream_trim(stage->streams, STREAM, stage->arg, &trimmed,
                                  err);
    if (code == SEGLOG_OK)
        say(stage, "begins at %llu\n", (unsigned long long)trimmed.begin);
    return code;
}

/* Something comes, or is there. */
static seglog_code
step_wait(struct stage *stage, struct seglog_error *err)
{
    const seglog_code code = streams_open(stage, err);

    return code == SEGLOG_OK ? seglog_stream_wait(stage->streams, STREAM,
                                                  stage->arg, 10000, err)
                             : code;
}

/* -- what is there --------------------------------------------------------- */

/* A hole that a power cut has left over what was not synced is no event. */
static void
look_at_streams(struct stage *stage, struct seglog_store store,
                struct text *seen)
{
    const struct seglog_stream_options options = { .size = sizeof options,
                                                   .is_read_only = true };
    struct seglog_streams streams = { 0 };
    struct seglog_stream_event *events = NULL;
    struct seglog_error err;
    size_t count = 0;
    seglog_code code = SEGLOG_OK;

    (void)stage;
    must(seglog_streams_open(store, &options, &streams, &err), &err);
    code = seglog_stream_read_from(streams, STREAM, 0, UINT64_MAX, &events,
                                   &count, &err);
    if (code != SEGLOG_OK)
        text_add(seen, "read: %s: %s\n", seglog_code_name(code), err.message);
    for (size_t i = 0; i < count; i++)
        text_add(seen, "event %llu %s%016llx\n",
                 (unsigned long long)events[i].offset,
                 events[i].is_dropped ? "dropped " : "",
                 (unsigned long long)hash_of(events[i].data.data,
                                             events[i].data.len));
    seglog_free(events);
    (void)seglog_streams_close(&streams, NULL);
}

/* From where it begins on; and verifying agrees. */
static void
look_at_trimmed(struct stage *stage, struct seglog_store store,
                struct text *seen)
{
    const struct seglog_stream_options options = { .size = sizeof options,
                                                   .is_read_only = true };
    struct seglog_streams streams = { 0 };
    struct seglog_stream_event *events = NULL;
    struct seglog_stream_verified verified;
    struct seglog_stream_info info = { .begin = 0 };
    struct seglog_error err;
    size_t count = 0;
    seglog_code code = SEGLOG_OK;

    (void)stage;
    must(seglog_streams_open(store, &options, &streams, &err), &err);
    code = seglog_stream_get_info(streams, STREAM, &info, &err);
    if (info.begin > 0) {
        text_add(seen, "begins at %llu\n", (unsigned long long)info.begin);
        must(seglog_stream_verify(streams, STREAM, NULL, &verified, &err),
             &err);
        if (verified.from_offset != info.begin ||
            verified.first.fault == SEGLOG_STREAM_FAULT_LINK)
            text_add(seen, "its beginning is missing\n");
    }
    code = seglog_stream_read_from(streams, STREAM, info.begin, UINT64_MAX,
                                   &events, &count, &err);
    if (code != SEGLOG_OK)
        text_add(seen, "read: %s: %s\n", seglog_code_name(code), err.message);
    for (size_t i = 0; i < count; i++)
        text_add(seen, "event %llu %016llx\n",
                 (unsigned long long)events[i].offset,
                 (unsigned long long)hash_of(events[i].data.data,
                                             events[i].data.len));
    seglog_free(events);
    (void)seglog_streams_close(&streams, NULL);
}

/* One by one: some are lost. */
static void
look_at_events(struct stage *stage, struct seglog_store store,
               struct text *seen)
{
    const struct seglog_stream_options options = { .size = sizeof options,
                                                   .is_read_only = true };
    struct seglog_streams streams = { 0 };
    struct seglog_stream_end end;
    struct seglog_error err;

    (void)stage;
    must(seglog_streams_open(store, &options, &streams, &err), &err);
    for (uint64_t i = 0; i < 12; i++) {
        struct seglog_stream_event *events = NULL;
        size_t count = 0;

        if (seglog_stream_read_from(streams, STREAM, i, 1, &events, &count,
                                    &err) != SEGLOG_OK)
            text_add(seen, "event %llu is lost\n", (unsigned long long)i);
        else if (count == 1)
            text_add(seen, "event %llu %016llx\n", (unsigned long long)i,
                     (unsigned long long)hash_of(events[0].data.data,
                                                 events[0].data.len));
        seglog_free(events);
    }
    if (seglog_stream_latest_chain_hash(streams, STREAM, &end, &err) ==
        SEGLOG_OK)
        text_add(seen, "ends at %llu\n", (unsigned long long)end.next_offset);
    else
        text_add(seen, "the end is damaged\n");
    (void)seglog_streams_close(&streams, NULL);
}

#define DAMAGED_MAX 8192u

static size_t
blob_read(struct stage *stage, const char *name, uint8_t bytes[DAMAGED_MAX])
{
    struct seglog_blob blob = { 0 };
    struct seglog_error err;
    uint64_t size = 0;

    must(seglog_blob_open(stage->store, name, SEGLOG_OPEN_READ, &blob, &err),
         &err);
    must(seglog_blob_get_size(blob, &size, NULL, &err), &err);
    if (size > DAMAGED_MAX)
        size = DAMAGED_MAX;
    must(seglog_blob_read_at(blob, 0, bytes, (size_t)size, &err), &err);
    must(seglog_blob_close(&blob, &err), &err);
    return (size_t)size;
}

static void
blob_write(struct stage *stage, const char *name, const uint8_t *bytes,
           size_t len)
{
    struct seglog_blob blob = { 0 };
    struct seglog_error err;

    must(seglog_blob_open(stage->store, name, SEGLOG_OPEN_WRITE, &blob, &err),
         &err);
    must(seglog_blob_truncate(blob, 0, &err), &err);
    must(seglog_blob_append(blob, 0, bytes, len, NULL, &err), &err);
    must(seglog_blob_sync(blob, &err), &err);
    must(seglog_blob_close(&blob, &err), &err);
}

/* Eight events, the seventh of which is lost, behind the last checkpoint. */
static bool
damaged_setup(struct stage *stage)
{
    static uint8_t bytes[DAMAGED_MAX];
    char name[SEGLOG_STREAM_NAME_CAP];
    char text[RECORD_ROOM];
    const size_t text_len = record_make(text, 7);
    struct seglog_error err;
    size_t len = 0;

    stage->arg = 8;
    must(step_events(stage, &err), &err);
    must(
        seglog_stream_find_segment(stage->streams, STREAM, 0, name, NULL, &err),
        &err);
    len = blob_read(stage, name, bytes);
    /* Which puts a checkpoint at its end. */
    must(seglog_streams_close(&stage->streams, &err), &err);
    for (size_t at = 0; at + text_len < len; at++) {
        if (memcmp(bytes + at, text, text_len) == 0)
            bytes[at] ^= 1;
    }
    blob_write(stage, name, bytes, len);
    return true;
}

/* And which of them are marked, which nothing else shows. */
static void
look_at_marks(struct stage *stage, struct seglog_store store, struct text *seen)
{
    struct slg_tombs tombs = { 0 };
    struct seglog_error err;

    look_at_streams(stage, store, seen);
    must(slg_tombs_collect(&tombs, store, STREAM, &err), &err);
    for (size_t i = 0; i < tombs.count; i++)
        text_add(seen, "marked %llu\n",
                 (unsigned long long)tombs.items[i].number - 1);
    slg_tombs_reset(&tombs);
}

static bool
stream_setup(struct stage *stage)
{
    (void)stage;
    return true;
}

/* The segments of two sessions. */
static bool
lanes_setup(struct stage *stage)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .create = SEGLOG_CREATE_NEW,
                                                   .sync_log2 = 9 };
    struct seglog_error err;

    for (uint8_t i = 0; i < 2; i++) {
        const struct seglog_uuid id = { { i } };
        struct seglog_writer *writer = NULL;
        char name[SEGLOG_LANE_NAME_CAP];
        char text[RECORD_ROOM];
        const size_t len = record_make(text, 1);

        (void)seglog_lane_name(&id, &id, SEGLOG_LANE_ENTRIES, name);
        must(seglog_writer_open(stage->store, name, &options, &writer, &err),
             &err);
        must(seglog_writer_append(writer, SEGLOG_TEXT, text, len,
                                  SEGLOG_LEVEL_SYNC, NULL, &err),
             &err);
        must(seglog_writer_close(writer, &err), &err);
    }
    return true;
}

static const struct scenario appended = {
    .name = "stream",
    .flags = SCENE_GROWS,
    .setup = stream_setup,
    .look = look_at_streams,
    .steps = { { "begin", step_events, 1, STEP_SYNCED },
               { "append", step_events, 3, STEP_SYNCED },
               { "append three", step_batch, 6, STEP_SYNCED },
               { "checkpoint", step_checkpoint, 0, STEP_SYNCED },
               { "append more", step_events, 8, STEP_SYNCED },
               { "ask", step_ask, 2, 0 },
               { "flush", step_flush, 0, STEP_SYNCED },
               { "close", step_close_streams, 0, STEP_SYNCED },
               { "go on", step_events, 9, STEP_SYNCED },
               { "close again", step_close_streams, 0, STEP_SYNCED } },
};

static const struct scenario rotated = {
    .name = "rotated stream",
    .flags = SCENE_GROWS | SCENE_ROTATES,
    .setup = stream_setup,
    .look = look_at_streams,
    .kind = 400,
    .steps = { { "append", step_events, 4, STEP_SYNCED },
               { "rotate", step_rotate, 0, STEP_SYNCED },
               { "append three", step_batch, 7, STEP_SYNCED },
               { "ask", step_ask, 1, 0 },
               { "close", step_close_streams, 0, STEP_SYNCED },
               { "go on", step_events, 8, STEP_SYNCED } },
};

static const struct scenario scrubbed = {
    .name = "scrubbed stream",
    .flags = SCENE_GROWS | SCENE_ROTATES,
    .setup = lanes_setup,
    .look = look_at_streams,
    .steps = { { "append", step_events, 4, STEP_SYNCED },
               { "rotate", step_rotate, 0, STEP_SYNCED },
               { "append more", step_events, 6, STEP_SYNCED },
               { "scrub", step_scrub, 0, 0 },
               { "go on", step_events, 7, STEP_SYNCED },
               { "close", step_close_streams, 0, STEP_SYNCED } },
};

static const struct scenario sealed = {
    .name = "sealed stream",
    .flags = SCENE_GROWS | SCENE_ROTATES | SCENE_SLOW,
    .setup = stream_setup,
    .look = look_at_streams,
    .steps = { { "append", step_events, 4, STEP_SYNCED },
               { "rotate", step_rotate, 0, STEP_SYNCED },
               { "append more", step_events, 6, STEP_SYNCED },
               { "seal", step_seal_streams, 0, STEP_SYNCED },
               { "go on", step_events, 7, STEP_SYNCED },
               { "sign", step_seal_streams, 1, STEP_SYNCED },
               { "close", step_close_streams, 0, STEP_SYNCED } },
};

#define MENDED(what, how, last)                                                \
    .name = what, .flags = SCENE_DAMAGED | SCENE_ROTATES,                      \
    .setup = damaged_setup, .look = look_at_events,                            \
    .steps = { { "mend", step_mend, how, STEP_SYNCED },                        \
               { "go on", step_events, last, STEP_SYNCED },                    \
               { "close", step_close_streams, 0, STEP_SYNCED } }

static const struct scenario mended_cut = { MENDED("cut stream",
                                                   SEGLOG_STREAM_MEND_CUT, 7) };
static const struct scenario mended_resumed = { MENDED(
    "resumed stream", SEGLOG_STREAM_MEND_RESUME, 9) };

static const struct scenario compacted = {
    .name = "compacted stream",
    .flags = SCENE_ROTATES | SCENE_SLOW,
    .setup = stream_setup,
    .look = look_at_marks,
    .steps = { { "append three", step_batch, 3, STEP_SYNCED },
               { "rotate", step_rotate, 0, STEP_SYNCED },
               { "append more", step_batch, 6, STEP_SYNCED },
               { "mark", step_mark, 1, STEP_SYNCED },
               { "mark another", step_mark, 5, STEP_SYNCED },
               { "compact", step_compact, 0, STEP_SYNCED },
               { "ask", step_ask, 0, 0 },
               { "go on", step_batch, 9, STEP_SYNCED },
               { "mark a third", step_mark, 0, STEP_SYNCED },
               { "compact again", step_compact, 0, STEP_SYNCED },
               { "scrub", step_scrub, 0, 0 },
               { "close", step_close_streams, 0, STEP_SYNCED } },
};

static const struct scenario trimmed = {
    .name = "trimmed stream",
    .flags = SCENE_ROTATES,
    .setup = stream_setup,
    .look = look_at_trimmed,
    .steps = { { "append three", step_batch, 3, STEP_SYNCED },
               { "trim", step_trim, 3, STEP_SYNCED },
               { "append more", step_batch, 6, STEP_SYNCED },
               { "ask", step_ask, 3, 0 },
               { "trim nothing", step_trim, 5, STEP_SYNCED },
               { "go on", step_batch, 9, STEP_SYNCED },
               { "wait", step_wait, 8, 0 },
               { "trim all", step_trim, UINT32_MAX, STEP_SYNCED },
               { "scrub", step_scrub, 0, 0 },
               { "go on again", step_events, 10, STEP_SYNCED },
               { "close", step_close_streams, 0, STEP_SYNCED } },
};

static const struct scenario packed = {
    .name = "compressed stream",
    .flags = SCENE_GROWS | SCENE_SLOW,
    .setup = stream_setup,
    .look = look_at_streams,
    .writer = { .codec = SEGLOG_CODEC_DEFLATE },
    .steps = { { "append", step_events, 4, STEP_SYNCED },
               { "append three", step_batch, 7, STEP_SYNCED },
               { "ask", step_ask, 1, 0 },
               { "close", step_close_streams, 0, STEP_SYNCED } },
};

const struct scenario *const stream_scenarios[] = {
    &appended,   &rotated,        &packed,    &scrubbed, &sealed,
    &mended_cut, &mended_resumed, &compacted, &trimmed,  NULL
};
