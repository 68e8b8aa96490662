/* SPDX-License-Identifier: MIT */
/* tests/segment/reader_support.c - a reader of a forged segment. */
#include "tests/segment/reader_support.h"

struct seglog_store
memory_open(void)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    return store;
}

struct seglog_reader *
reader_open(struct seglog_store store, bool salvage, uint64_t from_record)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage,
                                                   .from_record = from_record };
    struct seglog_reader *reader = NULL;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_reader_open(store, "log", &options, &reader, &err),
                    SEGLOG_OK, &err);
    return reader;
}

void
expect_record(struct seglog_reader *reader, const struct forge *forge,
              uint64_t number)
{
    const struct forge_record *want = forge_record_of(forge, number);
    struct seglog_event event;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_OK, &err);
    assert_int_equal(event.type, SEGLOG_EVENT_RECORD);
    assert_int_equal(event.record.record_no, number);
    assert_non_null(want);
    assert_int_equal(event.record.kind, want->kind);
    assert_int_equal(event.record.line_no, want->line);
    assert_int_equal(event.record.len, want->len);
    assert_memory_equal(event.record.data, want->data, want->len);
}

void
expect_records(struct seglog_reader *reader, const struct forge *forge,
               uint64_t first, uint64_t last)
{
    for (uint64_t number = first; number <= last; number++)
        expect_record(reader, forge, number);
}

void
expect_code(struct seglog_reader *reader, seglog_code want)
{
    struct seglog_event event;
    struct seglog_error err = { 0 };

    assert_code_err(seglog_reader_next(reader, &event, &err), want, &err);
}

void
expect_gap(struct seglog_reader *reader, const char *want)
{
    struct seglog_event event;
    struct seglog_error err = { 0 };
    char text[256];

    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_OK, &err);
    assert_int_equal(event.type, SEGLOG_EVENT_GAP);
    finding_format(&event.finding, text, sizeof text);
    assert_string_equal(text, want);
}

void
seek_ok(struct seglog_reader *reader, uint64_t number)
{
    struct seglog_error err = { 0 };

    assert_code_err(seglog_reader_seek(reader, number, &err), SEGLOG_OK, &err);
}

void
log_put(struct seglog_store store, const struct forge *forge)
{
    blob_replace(store, "log", forge->bytes, forge->len);
}

void
make_stretches(struct forge *forge, unsigned stretches)
{
    forge_start(forge);
    for (unsigned i = 0; i < stretches; i++) {
        forge_fill(forge, 12, 30 + i % 7);
        forge_fill_groups(forge, 3, 4, 20);
        forge->watermark = forge->number - 1;
        (void)forge_sync(forge);
    }
}
