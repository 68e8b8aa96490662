/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_input.c - an undamaged segment and where its frames lie. */
#include "tools/cmd_damage.h"

#include <stdlib.h>
#include <string.h>

#include "tools/tool_stream.h"

#define FEATURE_COMPRESSED 2u /* SPEC.md 12 */
#define HEADER_EPOCH       34u
#define SYNC_POINT_EPOCH   26u

static const uint8_t MAGIC[8] = {
    0x89, 0x53, 0x4C, 0x47, 0x0D, 0x0A, 0x1A, 0x0A
};
static const uint8_t MARKER[7] = { 0xB7, 0x5E, 0x59, 0x4E, 0x43, 0xA3, 0x1D };

uint64_t
damage_u64(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (size_t i = 8; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

const struct damage_frame *
damage_frame_of(const struct damage_input *input, uint64_t record_no)
{
    for (size_t i = 0; i < input->frame_count; i++) {
        const struct damage_frame *frame = &input->frames[i];

        if (frame->control == 0 && record_no >= frame->first &&
            record_no - frame->first < frame->count)
            return frame;
    }
    return NULL;
}

void
damage_input_free(struct damage_input *input)
{
    free(input->bytes);
    free(input->frames);
    *input = (struct damage_input){ 0 };
}

/* What the scanner's callback adds to. */
struct layout {
    struct damage_input *input;
    bool is_out_of_memory;
};

static bool
layout_add(void *arg, const struct seglog_frame *frame)
{
    struct layout *layout = arg;
    struct damage_input *input = layout->input;

    if (input->frame_count == input->frame_cap) {
        const size_t cap = input->frame_cap ? 2 * input->frame_cap : 1024;
        struct damage_frame *frames =
            realloc(input->frames, cap * sizeof *frames);

        layout->is_out_of_memory = !frames;
        if (!frames)
            return false;
        input->frames = frames;
        input->frame_cap = cap;
    }
    input->frames[input->frame_count++] = (struct damage_frame){
        .offset = frame->offset,
        .len = frame->len,
        .first = frame->first_record,
        .count = frame->count,
        .body_len = frame->body_len,
        .head = frame->head,
        .control = frame->control,
    };
    return true;
}

static bool
input_load(struct damage_input *input, const struct tool_source *source,
           struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    seglog_code code = seglog_blob_open(source->store, source->name,
                                        SEGLOG_OPEN_READ, &blob, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(blob, &input->size, NULL, err);
    if (code == SEGLOG_OK) {
        input->bytes =
            input->size < SIZE_MAX ? malloc((size_t)input->size + 1) : NULL;
        if (!input->bytes)
            code = tool_error_set(err, SEGLOG_NO_MEMORY, source->shown,
                                  "it does not fit into memory");
    }
    if (code == SEGLOG_OK)
        code = seglog_blob_read_at(blob, 0, input->bytes, (size_t)input->size,
                                   err);
    (void)seglog_blob_close(&blob, NULL);
    return code == SEGLOG_OK;
}

/* How often these bytes occur. */
static uint64_t
bytes_count(const struct damage_input *input, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = input->bytes;
    const uint8_t *end = at + input->size;
    uint64_t count = 0;

    while ((size_t)(end - at) >= len) {
        at = memchr(at, bytes[0], (size_t)(end - at) - len + 1);
        if (!at)
            break;
        if (memcmp(at, bytes, len) == 0)
            count++;
        at++;
    }
    return count;
}

/* Frames must lie end to end, each under the epoch of the mark before it. */
static const char *
layout_finish(struct damage_input *input)
{
    uint64_t epoch = damage_u64(input->bytes + HEADER_EPOCH);
    uint64_t at = DAMAGE_HEADER_BYTES;
    uint64_t marks = 0;

    for (size_t i = 0; i < input->frame_count; i++) {
        struct damage_frame *frame = &input->frames[i];

        if (frame->offset != at || frame->len > input->size - at)
            return "its frames do not follow each other";
        if (frame->control == DAMAGE_SYNC_POINT)
            epoch = damage_u64(input->bytes + at + SYNC_POINT_EPOCH);
        frame->epoch = epoch;
        marks += damage_is_mark(frame);
        at += frame->len;
    }
    if (at != input->size)
        return "its frames do not follow each other";
    if (bytes_count(input, MAGIC, sizeof MAGIC) != 1 ||
        bytes_count(input, MARKER, sizeof MARKER) != marks)
        return "a record holds bytes that look like those of a segment";
    return NULL;
}

static enum tool_status
input_scan(struct damage_input *input, const struct tool_source *source)
{
    struct layout layout = { .input = input };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = layout_add,
                                                 .arg = &layout };
    struct seglog_error err = { 0 };

    if (!input_load(input, source, &err) ||
        seglog_scan(source->store, source->name, &options, &input->summary,
                    &err) != SEGLOG_OK)
        return tool_fail(source->shown, &err);
    if (layout.is_out_of_memory)
        return tool_fail_memory();
    if (input->summary.verdict != SEGLOG_VERDICT_OK) {
        tool_say("%s: it is damaged already (%s); start from a segment that "
                 "is whole",
                 source->shown, seglog_verdict_name(input->summary.verdict));
        return TOOL_DAMAGED;
    }
    if ((input->summary.features_refuse & FEATURE_COMPRESSED) != 0) {
        tool_say("%s: it is compressed; what damage would cost there is not "
                 "worked out; start from one made with --codec none",
                 source->shown);
        return TOOL_FAILED;
    }
    if (input->summary.bytes != input->size) {
        tool_say("%s: it is being written", source->shown);
        return TOOL_FAILED;
    }
    input->confusing = layout_finish(input);
    return TOOL_GO_ON;
}

enum tool_status
damage_input_read(const char *path, const char *out_path,
                  struct damage_input *input)
{
    struct tool_source source;
    enum tool_status status = tool_source_open(path, &source);

    *input = (struct damage_input){ 0 };
    if (status != TOOL_GO_ON)
        return status;
    if (source.lane_path && tool_is_same_file(source.lane_path, out_path))
        status = tool_usage("FILE and OUT are the same file");
    else
        status = input_scan(input, &source);
    tool_source_close(&source);
    return status;
}
