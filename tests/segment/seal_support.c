/* SPDX-License-Identifier: MIT */
/* tests/segment/seal_support.c - see the header. */
#include "tests/segment/seal_support.h"

#include <inttypes.h>
#include <stdio.h>

static struct told *
tale_add(struct tale *tale)
{
    if (tale->count == tale->cap) {
        tale->cap = tale->cap > 0 ? 2 * tale->cap : 64;
        tale->events = realloc(tale->events, tale->cap * sizeof *tale->events);
        assert_non_null(tale->events);
    }
    tale->events[tale->count] = (struct told){ .data = NULL };
    return &tale->events[tale->count++];
}

void
tale_read(struct tale *tale, struct seglog_store store, const char *name,
          uint64_t from)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .from_record = from };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err;
    seglog_code code = SEGLOG_OK;

    *tale = (struct tale){ .events = NULL };
    assert_code_err(seglog_reader_open(store, name, &options, &reader, &err),
                    SEGLOG_OK, &err);
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        struct told *told = tale_add(tale);

        if (event.type == SEGLOG_EVENT_GAP) {
            assert_true(event.finding.is_recorded);
            told->number = event.finding.first_record;
            told->line = event.finding.line;
            told->lost =
                event.finding.last_record - event.finding.first_record + 1;
            continue;
        }
        told->number = event.record.record_no;
        told->line = event.record.line_no;
        told->kind = event.record.kind;
        told->len = event.record.len;
        told->data = exact_copy(event.record.data, event.record.len);
    }
    assert_code_err(code, SEGLOG_END, &err);
    seglog_reader_close(reader);
}

void
tale_free(struct tale *tale)
{
    for (size_t i = 0; i < tale->count; i++)
        free(tale->events[i].data);
    free(tale->events);
}

void
assert_same_tale(const struct tale *a, const struct tale *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct told *x = &a->events[i];
        const struct told *y = &b->events[i];

        assert_int_equal(x->number, y->number);
        assert_int_equal(x->line, y->line);
        assert_int_equal(x->lost, y->lost);
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->len, y->len);
        assert_memory_equal(x->data, y->data, x->len);
    }
}

size_t
line_make(char *out, size_t cap, uint64_t number)
{
    const int len = snprintf(
        out, cap,
        "{\"type\":\"%s\",\"ts\":\"2026-03-%02" PRIu64 "T10:%02" PRIu64
        ":%02" PRIu64 ".%03" PRIu64 "Z\",\"n\":%" PRIu64
        ",\"id\":\"%08x-1111-4222-8333-%012" PRIx64 "\"}",
        number % 3 == 0 ? "user" : "assistant", 1 + number / 3600 % 28,
        number / 60 % 60, number % 60, number * 7 % 1000, number,
        (unsigned)(number * 2654435761u), number * 1099511628211u % (1u << 30));

    assert_in_range(len, 1, cap - 1);
    return (size_t)len;
}

struct seglog_seal_options
seal_options(size_t block_bytes)
{
    return (struct seglog_seal_options){ .size =
                                             sizeof(struct seglog_seal_options),
                                         .level = 1,
                                         .block_bytes = block_bytes };
}

void
lines_make(struct seglog_store store, const char *name, uint64_t first_record,
           uint64_t lines)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .first_record =
                                                       first_record };
    struct seglog_writer *writer = NULL;
    char line[512];

    assert_ok(seglog_writer_open(store, name, &options, &writer, NULL));
    for (uint64_t i = 0; i < lines; i++) {
        const size_t len = line_make(line, sizeof line, first_record + i);

        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, line, len,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

void
seal_ok(struct seglog_store store, const char *name,
        const struct seglog_seal_options *options,
        struct seglog_seal_result *result)
{
    struct seglog_error err;
    struct tale before;
    struct tale after;

    tale_read(&before, store, name, 0);
    assert_code_err(seglog_segment_seal(store, name, options, result, &err),
                    SEGLOG_OK, &err);
    tale_read(&after, store, name, 0);
    assert_same_tale(&before, &after);
    tale_free(&before);
    tale_free(&after);
}

void
assert_scan_ok(struct seglog_store store, const char *name,
               struct seglog_scan_summary *summary)
{
    struct seglog_error err;

    assert_code_err(seglog_scan(store, name, NULL, summary, &err), SEGLOG_OK,
                    &err);
    assert_string_equal(seglog_verdict_name(summary->verdict), "OK");
    assert_true(summary->is_closed);
    assert_int_equal(summary->findings, 0);
    assert_int_equal(summary->lost, 0);
}
