/* SPDX-License-Identifier: MIT */
/* tests/stream/stream_story.c - a stream of which events were marked. */
#include "tests/stream/stream_story.h"

#include <stdio.h>

#include "src/segment/segment_chain.h"

static struct story *
story_new(void)
{
    struct story *story = calloc(1, sizeof *story);

    assert_non_null(story);
    story->options.size = sizeof story->options;
    story->options.checkpoint_events = 5;
    story->options.segment_bytes = 1200;
    stream_model_init(&story->model, SEGLOG_CHAIN_SHA256);
    return story;
}

int
story_in_memory(void **state)
{
    struct story *story = story_new();

    assert_ok(seglog_store_memory_open(&story->store, NULL));
    *state = story;
    return 0;
}

int
story_in_files(void **state)
{
    struct story *story = story_new();

    story->dir = test_dir_make();
    assert_ok(seglog_store_file_open(story->dir, true, &story->store, NULL));
    *state = story;
    return 0;
}

int
story_teardown(void **state)
{
    struct story *story = *state;

    (void)seglog_streams_close(&story->streams, NULL);
    seglog_store_close(&story->store);
    stream_model_reset(&story->model);
    if (story->dir)
        test_dir_remove(story->dir);
    free(story);
    return 0;
}

/* All gone, to begin once more. */
static bool
name_remove(void *arg, const char *name)
{
    const struct story *story = arg;

    assert_ok(seglog_store_remove(story->store, name, NULL));
    return true;
}

void
story_start_anew(struct story *story, enum seglog_chain chain)
{
    assert_ok(seglog_streams_close(&story->streams, NULL));
    assert_ok(seglog_store_list(story->store, "", name_remove, story, NULL));
    stream_model_reset(&story->model);
    stream_model_init(&story->model, chain);
    story->options.chain = chain;
    story->kept_count = 0;
    memset(story->is_marked, 0, sizeof story->is_marked);
}

void
story_open(struct story *story)
{
    struct seglog_error err;

    assert_code_err(seglog_streams_open(story->store, &story->options,
                                        &story->streams, &err),
                    SEGLOG_OK, &err);
}

static void
head_keep(struct story *story, uint64_t next_offset,
          const struct seglog_chain_hash *hash)
{
    struct seglog_kept_head *kept = &story->kept[story->kept_count++];

    assert_true(story->kept_count <= 2 * STORY_EVENTS_MAX);
    *kept = (struct seglog_kept_head){ .end.next_offset = next_offset,
                                       .end.hash = *hash };
}

void
story_append(struct story *story, size_t count)
{
    const size_t before = story->model.count;

    stream_append_next(story->streams, STREAM, &story->model, count, false);
    assert_true(story->model.count <= STORY_EVENTS_MAX);
    for (size_t i = before; i < story->model.count; i++)
        head_keep(story, i + 1, stream_model_head(&story->model, i + 1));
}

/* From then on the head of the end is another one. */
void
story_mark(struct story *story, uint64_t offset)
{
    struct seglog_chain_hash *head =
        &story->model.heads[story->model.count - 1];
    struct seglog_stream_end end;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_tombstone(story->streams, STREAM, offset, &end, &err),
        SEGLOG_OK, &err);
    assert_int_equal(end.next_offset, story->model.count);
    assert_false(slg_chain_hash_is_same(&end.hash, head));
    *head = end.hash;
    story->is_marked[offset] = true;
    head_keep(story, end.next_offset, &end.hash);
}

struct seglog_stream_compacted
story_compact_with(struct story *story,
                   const struct seglog_stream_compact_options *given)
{
    struct seglog_stream_compact_options options = *given;
    struct seglog_stream_compacted result;
    struct seglog_error err;

    options.size = sizeof options;
    options.level = 1;
    assert_code_err(
        seglog_stream_compact(story->streams, STREAM, &options, &result, &err),
        SEGLOG_OK, &err);
    return result;
}

struct seglog_stream_compacted
story_compact(struct story *story)
{
    const struct seglog_stream_compact_options options = { .rotates = true };

    return story_compact_with(story, &options);
}

struct seglog_stream_verified
story_verify(struct story *story)
{
    const struct seglog_stream_verify_options options = {
        .size = sizeof options,
        .kept = story->kept,
        .kept_count = story->kept_count,
    };
    struct seglog_stream_verified result;
    struct seglog_error err;

    assert_code_err(
        seglog_stream_verify(story->streams, STREAM, &options, &result, &err),
        SEGLOG_OK, &err);
    return result;
}

void
story_assert_good(struct story *story)
{
    const struct seglog_stream_verified result = story_verify(story);

    if (!result.is_good)
        fail_msg("%s: %llu to %llu",
                 seglog_stream_fault_name(result.first.fault),
                 (unsigned long long)result.first.first_offset,
                 (unsigned long long)result.first.last_offset);
    assert_int_equal(result.events, story->model.count);
}

/* What is read is the model, but for those that are marked, where they may or
 * may not be dropped: how many are. */
size_t
story_assert_events(struct story *story, struct seglog_streams streams)
{
    struct seglog_stream_event *events = NULL;
    struct seglog_stream_end end;
    struct seglog_error err;
    size_t dropped = 0;
    size_t count = 0;

    for (size_t from = 0; from < story->model.count; from += 7) {
        assert_code_err(seglog_stream_read_from(streams, STREAM, from,
                                                UINT64_MAX, &events, &count,
                                                &err),
                        SEGLOG_OK, &err);
        assert_int_equal(from + count, story->model.count);
        for (size_t i = 0; i < count; i++) {
            const struct seglog_slice *want = &story->model.events[from + i];

            assert_int_equal(events[i].offset, from + i);
            dropped += from == 0 && events[i].is_dropped;
            if (events[i].is_dropped) {
                assert_true(story->is_marked[from + i]);
                assert_int_equal(events[i].data.len, 0);
                continue;
            }
            assert_int_equal(events[i].data.len, want->len);
            assert_memory_equal(events[i].data.data, want->data, want->len);
        }
        seglog_free(events);
    }
    assert_code_err(
        seglog_stream_latest_chain_hash(streams, STREAM, &end, &err), SEGLOG_OK,
        &err);
    assert_int_equal(end.next_offset, story->model.count);
    stream_assert_hash(&end.hash,
                       stream_model_head(&story->model, story->model.count));
    return dropped;
}

static void
scrub_note(void *arg, uint64_t stream, const char *name,
           const struct seglog_stream_finding *finding)
{
    struct story_scrubbed *scrubbed = arg;

    assert_int_equal(stream, STREAM);
    assert_non_null(name);
    if (scrubbed->findings++ == 0)
        scrubbed->first = *finding;
}

struct story_scrubbed
story_scrub(struct story *story)
{
    struct story_scrubbed scrubbed = { 0 };
    const struct seglog_scrub_options options = { .size = sizeof options,
                                                  .once = true,
                                                  .bytes_per_s = 1u << 30,
                                                  .on_finding = scrub_note,
                                                  .arg = &scrubbed };
    struct seglog_scrubber *scrubber = NULL;

    assert_ok(seglog_scrub_start(story->streams, &options, &scrubber, NULL));
    assert_ok(seglog_scrub_wait(scrubber, -1, NULL));
    assert_ok(seglog_scrub_stop(scrubber, NULL));
    return scrubbed;
}

size_t
story_marked_count(const struct story *story)
{
    size_t count = 0;

    for (size_t i = 0; i < story->model.count; i++)
        count += story->is_marked[i];
    return count;
}

/* -- nowhere any more ------------------------------------------------------ */

struct looking {
    const struct story *story;
    size_t blobs;
    size_t records;
};

static bool
bytes_have(const uint8_t *bytes, size_t len, const struct seglog_slice *text)
{
    for (size_t at = 0; at + text->len <= len; at++) {
        if (memcmp(bytes + at, text->data, text->len) == 0 &&
            (at + text->len == len || bytes[at + text->len] < '0' ||
             bytes[at + text->len] > '9'))
            return true;
    }
    return false;
}

/* What is kept of others may begin so, and be stored once for all of them. */
static bool
is_beginning(const struct story *story, const struct seglog_slice *text)
{
    for (size_t i = 0; i < story->model.count; i++) {
        const struct seglog_slice *other = &story->model.events[i];

        if (!story->is_marked[i] && other->len > text->len &&
            memcmp(other->data, text->data, text->len) == 0)
            return true;
    }
    return false;
}

static void
text_look(const struct story *story, const char *name, const void *bytes,
          size_t len, bool is_decoded)
{
    for (size_t i = 0; i < story->model.count; i++) {
        const struct seglog_slice *event = &story->model.events[i];

        if (story->is_marked[i] && bytes_have(bytes, len, event) &&
            (is_decoded || !is_beginning(story, event)))
            fail_msg("%s has event %zu%s", name, i,
                     is_decoded ? ", as a record" : "");
    }
}

/* As it is stored, and as it is decoded. */
static bool
blob_look(void *arg, const char *name)
{
    struct looking *looking = arg;
    struct seglog_reader_options options = { .size = sizeof options,
                                             .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    size_t len = 0;
    uint8_t *bytes = blob_read(looking->story->store, name, &len);

    looking->blobs++;
    text_look(looking->story, name, bytes, len, false);
    free(bytes);
    if (seglog_reader_open(looking->story->store, name, &options, &reader,
                           NULL) != SEGLOG_OK)
        return true;
    while (seglog_reader_next(reader, &event, NULL) == SEGLOG_OK) {
        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        looking->records += strncmp(name, "stream.", 7) == 0;
        text_look(looking->story, name, event.record.data, event.record.len,
                  true);
    }
    seglog_reader_close(reader);
    return true;
}

void
story_assert_nowhere(const struct story *story)
{
    struct looking looking = { .story = story };

    assert_ok(seglog_store_list(story->store, "", blob_look, &looking, NULL));
    assert_true(looking.blobs > 1);
    assert_int_equal(looking.records,
                     story->model.count - story_marked_count(story));
}

void
story_make(struct story *story)
{
    static const uint64_t marked[] = { 0,  1,  2,  17, 40, 41, 42,
                                       43, 77, 79, 80, 90, 99 };

    story_open(story);
    for (size_t i = 0; i < 20; i++) {
        story_append(story, 5);
        if (i == 8)
            story_mark(story, 22);
    }
    /* In the order in which they come, one behind the other or not. */
    for (size_t i = 0; i < COUNT_OF(marked); i++) {
        story_mark(story, marked[(i * 5) % COUNT_OF(marked)]);
        if (i % 3 == 0)
            story_append(story, 1);
    }
    story_append(story, 10);
}
