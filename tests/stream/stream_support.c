/* SPDX-License-Identifier: MIT */
/* tests/stream/stream_support.c - what the tests of streams share. */
#include "tests/stream/stream_support.h"

#include <stdio.h>

#include "format/bytes.h"
#include "format/checksum.h"
#include "src/segment/segment_chain.h"
#include "src/stream/stream_names.h"

void
stream_model_init(struct stream_model *model, enum seglog_chain chain)
{
    *model = (struct stream_model){ .chain = chain };
}

void
stream_model_reset(struct stream_model *model)
{
    for (size_t i = 0; i < model->count; i++)
        free((void *)model->events[i].data);
    free(model->events);
    free(model->heads);
    *model = (struct stream_model){ 0 };
}

const struct seglog_chain_hash *
stream_model_head(const struct stream_model *model, size_t count)
{
    static const struct seglog_chain_hash none;

    return count == 0 ? &none : &model->heads[count - 1];
}

static void
model_reserve(struct stream_model *model)
{
    if (model->count < model->cap)
        return;
    model->cap = model->cap ? 2 * model->cap : 64;
    model->events = realloc(model->events, model->cap * sizeof *model->events);
    model->heads = realloc(model->heads, model->cap * sizeof *model->heads);
    assert_non_null(model->events);
    assert_non_null(model->heads);
}

void
stream_model_add(struct stream_model *model, const struct seglog_slice *events,
                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct seglog_slice *event = &events[i];
        char *copy = malloc(event->len + 1);

        assert_non_null(copy);
        if (event->len > 0)
            memcpy(copy, event->data, event->len);
        model_reserve(model);
        slg_chain_hash(model->chain, stream_model_head(model, model->count),
                       SLG_CHAIN_KIND_RECORD, event->data, event->len,
                       &model->heads[model->count]);
        model->events[model->count++] =
            (struct seglog_slice){ copy, event->len };
    }
}

void
stream_assert_hash(const struct seglog_chain_hash *hash,
                   const struct seglog_chain_hash *want)
{
    assert_int_equal(hash->len, want->len);
    assert_memory_equal(hash->bytes, want->bytes, want->len);
}

void
stream_assert_hex(const struct seglog_chain_hash *hash, const char *want)
{
    char text[2 * SEGLOG_CHAIN_HASH_MAX + 1] = "";

    for (size_t i = 0; i < hash->len; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", (unsigned)hash->bytes[i]);
    assert_string_equal(text, want);
}

/* How many are read: as long as there are fewer bytes than that. */
static size_t
model_expect(const struct stream_model *model, uint64_t from,
             uint64_t max_bytes)
{
    uint64_t bytes = 0;
    size_t count = 0;

    while (bytes < max_bytes && from + count < model->count)
        bytes += model->events[from + count++].len;
    return count;
}

void
stream_assert_read(struct seglog_streams streams, uint64_t stream,
                   const struct stream_model *model, uint64_t from,
                   uint64_t max_bytes)
{
    struct seglog_stream_event *events = NULL;
    struct seglog_error err;
    size_t count = 0;
    size_t want =
        from < model->count ? model_expect(model, from, max_bytes) : 0;

    assert_code_err(seglog_stream_read_from(streams, stream, from, max_bytes,
                                            &events, &count, &err),
                    SEGLOG_OK, &err);
    assert_int_equal(count, want);
    assert_true((events == NULL) == (want == 0));
    for (size_t i = 0; i < count; i++) {
        const struct seglog_slice *event = &model->events[from + i];

        assert_int_equal(events[i].offset, from + i);
        assert_false(events[i].is_dropped);
        assert_int_equal(events[i].data.len, event->len);
        assert_memory_equal(events[i].data.data, event->data, event->len);
    }
    seglog_free(events);
}

void
stream_assert_model(struct seglog_streams streams, uint64_t stream,
                    const struct stream_model *model)
{
    struct seglog_stream_end end;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_latest_chain_hash(streams, stream, &end, &err), SEGLOG_OK,
        &err);
    assert_int_equal(end.next_offset, model->count);
    stream_assert_hash(&end.hash, stream_model_head(model, model->count));
    stream_assert_read(streams, stream, model, 0, UINT64_MAX);
}

struct seglog_slice
stream_event(size_t number, char text[STREAM_TEXT_CAP])
{
    const int len = snprintf(text, STREAM_TEXT_CAP, "event-%zu", number);

    return (struct seglog_slice){ text, (size_t)len };
}

void
stream_append_next(struct seglog_streams streams, uint64_t stream,
                   struct stream_model *model, size_t count, bool is_synced)
{
    char(*texts)[STREAM_TEXT_CAP] = malloc(count * sizeof *texts);
    struct seglog_slice *events = calloc(count, sizeof *events);
    const size_t before = model->count;
    struct seglog_stream_end end;
    struct seglog_error err;

    assert_non_null(texts);
    assert_non_null(events);
    for (size_t i = 0; i < count; i++)
        events[i] = stream_event(before + i, texts[i]);
    assert_code_err(seglog_stream_append_batch(streams, stream, events, count,
                                               before,
                                               stream_model_head(model, before),
                                               is_synced, &end, &err),
                    SEGLOG_OK, &err);
    stream_model_add(model, events, count);
    assert_int_equal(end.next_offset, model->count);
    stream_assert_hash(&end.hash, stream_model_head(model, model->count));
    free(events);
    free(texts);
}

char *
stream_segment_name(struct seglog_store store, uint64_t stream, size_t number,
                    char name[SEGLOG_STREAM_NAME_CAP])
{
    struct slg_stream_parts parts = { 0 };

    assert_ok(slg_stream_parts_list(store, stream, &parts, NULL));
    assert_true(number < parts.count);
    slg_stream_part_name(stream, &parts.parts[number], name);
    slg_stream_parts_reset(&parts);
    return name;
}

size_t
stream_find_text(const uint8_t *bytes, size_t len, const char *text)
{
    const size_t text_len = strlen(text);

    for (size_t at = 0; at + text_len <= len; at++) {
        if (memcmp(bytes + at, text, text_len) == 0)
            return at;
    }
    fail_msg("%s is not there", text);
    return 0;
}

/* The checksum is that of the bytes and of the place: what changes is the
 * former. */
void
stream_forge_record(uint8_t *bytes, size_t len, const char *old_text,
                    const char *new_text)
{
    const size_t text_len = strlen(old_text);
    uint8_t *frame = bytes + stream_find_text(bytes, len, old_text) - 2;
    uint8_t *stored = frame + 2 + text_len;
    const uint32_t before = slg_crc32(0, frame, 2 + text_len);

    assert_int_equal(strlen(new_text), text_len);
    memcpy(frame + 2, new_text, text_len);
    slg_store_le32(stored, slg_load_le32(stored) ^ before ^
                               slg_crc32(0, frame, 2 + text_len));
}
