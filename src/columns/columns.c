/* SPDX-License-Identifier: MIT */
/* src/columns/columns.c - from records to a block. */
#include "src/columns/columns.h"

#include <stdlib.h>

#include "src/columns/columns_stream.h"

/* What there is of the records before their values. */
static void
records_put(struct slg_encoder *encoder,
            const struct slg_columns_record *records, size_t count,
            const uint32_t *frames)
{
    struct slg_buf *text = &encoder->out.stream[SLG_STREAM_TEXT];
    int64_t *numbers = malloc((count + 1) * sizeof *numbers);
    size_t texts = 0;

    if (!numbers) {
        encoder->is_bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        numbers[i] = records[i].kind;
    slg_ints_encode(encoder, &encoder->out, numbers, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = frames[i] == SLG_NONE ? 0 : (int64_t)frames[i] + 1;
    slg_ints_encode(encoder, &encoder->out, numbers, count);
    for (size_t i = 0; i < count; i++) {
        if (frames[i] != SLG_NONE)
            continue;
        numbers[texts++] = (int64_t)records[i].len;
        slg_buf_put(text, records[i].bytes, records[i].len);
    }
    slg_ints_encode(encoder, &encoder->out, numbers, texts);
    free(numbers);
}

static void
frames_put(struct slg_encoder *encoder)
{
    struct slg_buf *shape = &encoder->out.stream[SLG_STREAM_SHAPE];

    slg_buf_varint(&encoder->out.stream[SLG_STREAM_META],
                   encoder->parse.frame_count);
    for (uint32_t i = 0; i < encoder->parse.frame_count; i++) {
        const struct slg_frame_style *frame = &encoder->parse.frames[i];
        slg_buf_put(shape, frame->lead, frame->lead_len);
        slg_buf_byte(shape, 0);
        slg_buf_put(shape, frame->trail, frame->trail_len);
        slg_buf_byte(shape, 0);
    }
}

/*
 * References get the form in which they are kept: the path referred to, and
 * how many values of it lie between.  Returns how many values are kept.
 */
static size_t
refs_settle(struct slg_parse *parse, uint32_t *ordinals)
{
    size_t kept = 0;

    memset(ordinals, 0, parse->path_count * sizeof *ordinals);
    for (size_t i = 0; i < parse->event_count; i++) {
        struct slg_event *event = &parse->events[i];
        const enum slg_value value = slg_event_value(event);
        if (value == SLG_VALUE_REF) {
            const struct slg_event *to = &parse->events[event->aux];
            const uint32_t path = slg_event_path(to);
            parse->paths[path].is_kept = true;
            event->aux = path;
            event->len = ordinals[path] - to->hash - 1;
        } else if (value == SLG_VALUE_OBJECT || value == SLG_VALUE_ARRAY) {
            event->len = event->hash;
            event->hash = ordinals[slg_event_path(event)]++;
        }
    }
    for (uint32_t i = 0; i < parse->path_count; i++)
        kept += parse->paths[i].is_kept ? ordinals[i] : 0;
    return kept;
}

/* Events by path, in the order of the text within each. */
static bool
events_sort(struct slg_parse *parse)
{
    uint32_t *at = malloc((parse->event_count + 1) * sizeof *at);

    if (!at)
        return false;
    parse->sorted = at;
    for (size_t i = 0; i < parse->event_count; i++)
        parse->paths[slg_event_path(&parse->events[i])].count++;
    for (uint32_t i = 0; i < parse->path_count; i++) {
        parse->paths[i].events = at;
        at += parse->paths[i].count;
        parse->paths[i].count = 0;
    }
    for (uint32_t i = 0; i < parse->event_count; i++) {
        struct slg_path *path =
            &parse->paths[slg_event_path(&parse->events[i])];
        path->events[path->count++] = i;
    }
    return true;
}

/* Bytes of the text that stands in strings, by how deep. */
static void
json_count(const struct slg_parse *parse, const uint8_t *depths,
           uint64_t bytes[SLG_JSON_DEPTH_MAX])
{
    for (size_t i = 0; i < parse->event_count; i++) {
        const struct slg_event *event = &parse->events[i];
        if (slg_event_value(event) == SLG_VALUE_JSON)
            bytes[depths[slg_event_path(event)]] += event->aux;
    }
}

static bool
json_put(struct slg_encoder *encoder)
{
    struct slg_parse *parse = &encoder->parse;
    uint8_t *depths = calloc(parse->path_count, 1);
    uint64_t bytes[SLG_JSON_DEPTH_MAX] = { 0 };

    if (!depths)
        return false;
    /* A path comes after those that lead to it. */
    for (uint32_t i = 1; i < parse->path_count; i++) {
        const uint32_t parent = parse->paths[i].parent;
        depths[i] =
            (uint8_t)(depths[parent] + (parse->paths[parent].json == i));
    }
    json_count(parse, depths, bytes);
    for (unsigned i = 0; i < SLG_JSON_DEPTH_MAX; i++)
        slg_buf_varint(&encoder->out.stream[SLG_STREAM_META], bytes[i]);
    free(depths);
    return true;
}

static bool
values_put(struct slg_encoder *encoder)
{
    struct slg_parse *parse = &encoder->parse;
    uint32_t *ordinals = malloc(parse->path_count * sizeof *ordinals);

    if (!ordinals)
        return false;
    encoder->parts += refs_settle(parse, ordinals);
    free(ordinals);
    if (!json_put(encoder) || !slg_copies_find(parse, encoder->level) ||
        !events_sort(parse))
        return false;
    if (parse->event_count > 0)
        slg_paths_encode(encoder);
    return true;
}

struct slg_input {
    const struct slg_columns_record *records;
    size_t count;
    size_t bytes;
    uint32_t *frames;
};

static bool
input_parse(struct slg_encoder *encoder, const struct slg_input *input,
            size_t values_max)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct slg_columns_record *record = &input->records[i];
        /* What there is no memory for stays text. */
        input->frames[i] =
            encoder->parse.event_count >= values_max
                ? SLG_NONE
                : slg_parse_line(&encoder->parse, record->bytes, record->len);
        if (encoder->parse.is_bad)
            return false;
    }
    return true;
}

/* As JSON or all as text; is_fit: it is within what a decoder allows. */
static seglog_code
block_make(const struct slg_input *input,
           const struct slg_columns_options *options, bool is_text,
           struct slg_buf *block, bool *is_fit)
{
    struct slg_encoder encoder = {
        .level = options->level,
        .costing = slg_costing_create(options->level, options->memory_max),
    };
    const size_t values_max = is_text ? 0
                              : options->memory_max > 0
                                  ? options->memory_max / SLG_VALUE_BYTES
                                  : SIZE_MAX;
    seglog_code code = SEGLOG_NO_MEMORY;
    size_t total = 0;

    if (encoder.costing && slg_parse_init(&encoder.parse) &&
        input_parse(&encoder, input, values_max)) {
        records_put(&encoder, input->records, input->count, input->frames);
        frames_put(&encoder);
        if (values_put(&encoder) && !encoder.is_bad &&
            !slg_out_is_bad(&encoder.out))
            code = SEGLOG_OK;
    }
    for (unsigned i = 0; i < SLG_STREAM_COUNT; i++)
        total += encoder.out.stream[i].len;
    *is_fit = encoder.parts <= slg_parts_max(input->bytes) &&
              total <= slg_streams_max(input->bytes, input->count);
    slg_parse_free(&encoder.parse);
    slg_scratch_free(&encoder.scratch);
    slg_costing_destroy(encoder.costing);
    free(encoder.order);
    free(encoder.targets);
    if (code == SEGLOG_OK && *is_fit)
        code = slg_streams_pack(&encoder.out, options->level,
                                options->memory_max, block);
    slg_out_free(&encoder.out);
    return code;
}

static void
head_put(struct slg_buf *block, const struct slg_input *input)
{
    slg_buf_byte(block, SLG_COLUMNS_VERSION);
    slg_buf_varint(block, input->count);
    slg_buf_varint(block, input->bytes);
}

static seglog_code
input_encode(const struct slg_input *input,
             const struct slg_columns_options *options, struct slg_buf *block)
{
    bool is_fit = true;

    head_put(block, input);
    const size_t head_len = block->len;
    seglog_code code = block_make(input, options, false, block, &is_fit);
    if (code == SEGLOG_OK && !is_fit) {
        block->len = head_len;
        code = block_make(input, options, true, block, &is_fit);
    }
    return code;
}

seglog_code
slg_columns_encode(const struct slg_columns_record *records, size_t count,
                   const struct slg_columns_options *options, uint8_t **block,
                   size_t *block_len)
{
    struct slg_columns_options own = { 0 };
    struct slg_input input = { .records = records, .count = count };
    struct slg_buf buf = { 0 };

    if (options)
        own = *options;
    if (own.level == 0)
        own.level = SLG_COLUMNS_LEVEL_DEFAULT;
    if (own.level < 1 || own.level > 19)
        return SEGLOG_INVALID;
    if (count > SLG_COLUMNS_RECORDS_MAX)
        return SEGLOG_TOO_LARGE;
    for (size_t i = 0; i < count; i++) {
        if (records[i].len > SLG_COLUMNS_BYTES_MAX - input.bytes)
            return SEGLOG_TOO_LARGE;
        input.bytes += records[i].len;
    }
    input.frames = malloc((count + 1) * sizeof *input.frames);
    if (!input.frames)
        return SEGLOG_NO_MEMORY;
    const seglog_code code = input_encode(&input, &own, &buf);
    free(input.frames);
    if (code != SEGLOG_OK) {
        slg_buf_free(&buf);
        return code;
    }
    *block = buf.data;
    *block_len = buf.len;
    return SEGLOG_OK;
}
