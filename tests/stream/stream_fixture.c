/* SPDX-License-Identifier: MIT */
/* tests/stream/stream_fixture.c - a stream in memory, and what it should be. */
#include "tests/stream/stream_fixture.h"

int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    assert_ok(seglog_store_memory_open(&fixture->memory, NULL));
    fixture->faults = seglog_faults_new(fixture->memory);
    assert_non_null(fixture->faults);
    fixture->store = seglog_faults_store(fixture->faults);
    fixture->options.size = sizeof fixture->options;
    stream_model_init(&fixture->model, SEGLOG_CHAIN_SHA256);
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    assert_ok(seglog_streams_close(&fixture->streams, NULL));
    seglog_faults_free(fixture->faults);
    seglog_store_close(&fixture->memory);
    stream_model_reset(&fixture->model);
    free(fixture);
    return 0;
}

void
open_streams(struct fixture *fixture)
{
    struct seglog_error err;

    assert_code_err(seglog_streams_open(fixture->store, &fixture->options,
                                        &fixture->streams, &err),
                    SEGLOG_OK, &err);
}

void
close_streams(struct fixture *fixture)
{
    assert_ok(seglog_streams_close(&fixture->streams, NULL));
}

void
restart(struct fixture *fixture)
{
    close_streams(fixture);
    open_streams(fixture);
}

void
append(struct fixture *fixture, size_t count)
{
    stream_append_next(fixture->streams, STREAM, &fixture->model, count, false);
}

uint8_t *
segment_bytes(const struct fixture *fixture, size_t *len)
{
    char name[SEGLOG_STREAM_NAME_CAP];

    return blob_read(fixture->memory,
                     stream_segment_name(fixture->memory, STREAM, 0, name),
                     len);
}

void
segment_set(const struct fixture *fixture, const uint8_t *bytes, size_t len)
{
    char name[SEGLOG_STREAM_NAME_CAP];

    blob_write(fixture->memory,
               stream_segment_name(fixture->memory, STREAM, 0, name), bytes,
               len);
}

void
forge(const struct fixture *fixture, size_t number, const char *old_text,
      const char *new_text)
{
    char name[SEGLOG_STREAM_NAME_CAP];
    size_t len = 0;
    uint8_t *bytes = blob_read(
        fixture->memory,
        stream_segment_name(fixture->memory, STREAM, number, name), &len);

    stream_forge_record(bytes, len, old_text, new_text);
    blob_write(fixture->memory, name, bytes, len);
    free(bytes);
}
