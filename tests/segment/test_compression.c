/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_compression.c
 *
 * Goal    what is compressed comes back as it was, whoever wrote it and however
 *         often it was opened.
 * Method  writers in turns, with each codec.
 */
#include "tests/segment/codec_support.h"
#include "tests/segment/forge_support.h"
#include "tests/segment/writer_support.h"

#include <stdio.h>

#define TEXT_ROOM 4096u

/* -- writing --------------------------------------------------------------- */

static struct seglog_writer_options
codec_options(void)
{
    struct seglog_writer_options options = writer_options_fixed();

    options.codec = codec;
    options.sync_log2 = 10;
    return options;
}

/* Now and then a record that cannot be compressed, and an empty one; and for
 * a while long ones. */
static size_t
text_of(uint64_t number, char text[TEXT_ROOM])
{
    if (number % 150 > 100 && number % 3 != 0) {
        const size_t len = 1000 + (size_t)(number * 7919 % 3000);

        for (size_t i = 0; i < len; i++)
            text[i] = "some words that come again and again"[i * i / 64 % 36];
        (void)snprintf(text, TEXT_ROOM, "%u,", (unsigned)number);
        return len;
    }
    if (number % 17 == 0) {
        test_fill(text, 40, number);
        return 40;
    }
    if (number % 23 == 0)
        return 0;
    return (size_t)snprintf(
        text, TEXT_ROOM,
        "{\"time\":\"2024-05-01T12:%02u:%02uZ\",\"level\":\"info\","
        "\"message\":\"request %u served\",\"status\":200}",
        (unsigned)(number / 60 % 60), (unsigned)(number % 60),
        (unsigned)number);
}

static void
append_numbered(struct seglog_writer *writer, uint64_t number)
{
    char text[TEXT_ROOM];
    const size_t len = text_of(number, text);
    struct seglog_error err = { 0 };
    uint64_t got = 0;

    assert_code_err(seglog_writer_append(writer, SEGLOG_BYTES, text, len,
                                         SEGLOG_LEVEL_FLUSH, &got, &err),
                    SEGLOG_OK, &err);
    assert_int_equal(got, number);
}

static void
record_is_right(const struct seglog_record *record, uint64_t number)
{
    char text[TEXT_ROOM];
    const size_t len = text_of(number, text);

    assert_int_equal(record->record_no, number);
    assert_int_equal(record->len, len);
    if (len > 0)
        assert_memory_equal(record->data, text, len);
}

/* Whole, and 1 to last; returns its size. */
static uint64_t
check_segment(struct seglog_store store, uint64_t last)
{
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;

    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_string_equal(seglog_verdict_name(summary.verdict), "OK");
    assert_int_equal(summary.records, last);
    assert_true(summary.compressed_frames > 0);
    assert_true(summary.body_bytes < summary.payload_bytes);
    assert_ok(seglog_reader_open(store, "log", NULL, &reader, NULL));
    for (uint64_t n = 1; n <= last; n++) {
        assert_ok(seglog_reader_next(reader, &event, NULL));
        record_is_right(&event.record, n);
    }
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    for (uint64_t n = last; n > 0; n -= n > 7 ? 7 : n) {
        assert_ok(seglog_reader_seek(reader, n, NULL));
        assert_ok(seglog_reader_next(reader, &event, NULL));
        record_is_right(&event.record, n);
    }
    seglog_reader_close(reader);
    return summary.bytes;
}

static uint64_t
size_of_one_writer(void)
{
    const struct seglog_writer_options options = codec_options();
    struct seglog_store store;
    uint64_t size = 0;

    assert_ok(seglog_store_memory_open(&store, NULL));
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    for (uint64_t n = 1; n <= 500; n++)
        append_numbered(writer, n);
    assert_ok(seglog_writer_close(writer, NULL));
    size = check_segment(store, 500);
    seglog_store_close(&store);
    return size;
}

static void
writers__taking_turns__lose_neither_records_nor_compression(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = codec_options();
    struct seglog_writer *writers[3];
    struct seglog_reader *reader = NULL;
    struct seglog_event event;

    options.mode = SEGLOG_WRITER_SHARED;
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        writers[i] = writer_open_ok(store, "log", &options);
    assert_ok(seglog_reader_open(store, "log", NULL, &reader, NULL));
    for (uint64_t n = 1; n <= 500; n++) {
        append_numbered(writers[(n * n + n / 5) % COUNT_OF(writers)], n);
        /* A reader beside them gets each at once. */
        assert_ok(seglog_reader_next(reader, &event, NULL));
        record_is_right(&event.record, n);
        assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    }
    seglog_reader_close(reader);
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        assert_ok(seglog_writer_close(writers[i], NULL));
    assert_true(check_segment(store, 500) <= size_of_one_writer() * 115 / 100);
}

/* Where it stands somebody else's run goes on, which it has not written. */
static void
writer__that_only_looked__reads_on_in_the_run_of_another(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = codec_options();
    struct seglog_writer *writers[2];
    uint64_t n = 1;

    options.mode = SEGLOG_WRITER_SHARED;
    options.sync_log2 = 16;
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        writers[i] = writer_open_ok(store, "log", &options);
    for (unsigned round = 0; round < 60; round++) {
        const size_t who = round / 7 % 2;

        for (unsigned i = 0; i <= round % 3; i++)
            append_numbered(writers[who], n++);
        assert_ok(seglog_writer_hold(writers[1 - who], NULL));
        seglog_writer_release(writers[1 - who]);
    }
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        assert_ok(seglog_writer_close(writers[i], NULL));
    (void)check_segment(store, n - 1);
}

static void
writers__opened_for_each_record__lose_neither(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = codec_options();

    for (uint64_t n = 1; n <= 500; n++) {
        options.mode =
            n % 3 == 0 ? SEGLOG_WRITER_EXCLUSIVE : SEGLOG_WRITER_SHARED;
        options.no_closing_mark = true;
        /* An existing segment keeps its own codec. */
        options.codec = n == 1 ? codec : SEGLOG_CODEC_NONE;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        append_numbered(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
    }
    assert_true(check_segment(store, 500) <= size_of_one_writer() * 115 / 100);
}

static void
groups__of_every_size__come_back(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = codec_options();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    uint64_t n = 1;

    for (size_t count = 1; count < 24; count++) {
        char texts[24][TEXT_ROOM];
        struct seglog_item items[24];

        for (size_t i = 0; i < count; i++, n++)
            items[i] = (struct seglog_item){ SEGLOG_BYTES, texts[i],
                                             text_of(n, texts[i]) };
        assert_ok(seglog_writer_append_group(
            writer, items, count,
            count % 2 == 0 ? SEGLOG_LEVEL_APPEND : SEGLOG_LEVEL_FLUSH, NULL,
            NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
    (void)check_segment(store, n - 1);
}

static void
truncate__to_any_record__goes_on_behind_it(void **state)
{
    for (uint64_t next = 1; next <= 40; next++) {
        struct seglog_store store;
        const struct seglog_writer_options options = codec_options();

        (void)state;
        assert_ok(seglog_store_memory_open(&store, NULL));
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        for (uint64_t n = 1; n <= 40; n += 4) {
            char texts[4][TEXT_ROOM];
            struct seglog_item items[4];

            for (size_t i = 0; i < 4; i++)
                items[i] = (struct seglog_item){ SEGLOG_BYTES, texts[i],
                                                 text_of(n + i, texts[i]) };
            assert_ok(
                seglog_writer_append_group(writer, items, n % 3 == 0 ? 4 : 1,
                                           SEGLOG_LEVEL_FLUSH, NULL, NULL));
            for (size_t i = 1; n % 3 != 0 && i < 4; i++)
                append_numbered(writer, n + i);
        }
        assert_ok(seglog_writer_truncate(writer, next, NULL));
        for (uint64_t n = next; n <= 60; n++)
            append_numbered(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
        (void)check_segment(store, 60);
        seglog_store_close(&store);
    }
}

static void
repair__a_damaged_one__stays_compressed(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = codec_options();
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_scan_summary summary;
    struct seglog_scan_summary repaired;
    size_t len = 0;

    for (uint64_t n = 1; n <= 200; n++)
        append_numbered(writer, n);
    assert_ok(seglog_writer_close(writer, NULL));
    uint8_t *bytes = blob_read(store, "log", &len);
    bytes[1500] ^= 4;
    blob_write(store, "log", bytes, len);
    free(bytes);
    assert_ok(seglog_repair(store, "log", store, "new", NULL, &summary, NULL));
    assert_true(summary.lost > 1);
    assert_ok(seglog_scan(store, "new", NULL, &repaired, NULL));
    assert_string_equal(seglog_verdict_name(repaired.verdict), "OK");
    assert_int_equal(repaired.records, summary.records);
    assert_int_equal(repaired.recorded_lost, summary.lost);
    assert_int_equal(repaired.features_refuse,
                     codec == SEGLOG_CODEC_DEFLATE
                         ? SLG_REFUSE_COMPRESSED
                         : SLG_REFUSE_COMPRESSED | SLG_REFUSE_ZSTD);
    assert_true(repaired.compressed_frames > 0);
}

static void
options__out_of_range__are_invalid(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = codec_options();
    struct seglog_writer *writer = NULL;

    options.level = codec == SEGLOG_CODEC_DEFLATE ? 10 : 20;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
    options.level = 9;
    options.codec = (enum seglog_codec)4;
    assert_code(seglog_writer_open(store, "log", &options, &writer, NULL),
                SEGLOG_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(writers__taking_turns__lose_neither_records_nor_compression),
        on_file(writers__taking_turns__lose_neither_records_nor_compression),
        on_memory(writer__that_only_looked__reads_on_in_the_run_of_another),
        on_memory(writers__opened_for_each_record__lose_neither),
        on_file(writers__opened_for_each_record__lose_neither),
        on_memory(groups__of_every_size__come_back),
        cmocka_unit_test(truncate__to_any_record__goes_on_behind_it),
        on_memory(repair__a_damaged_one__stays_compressed),
        on_memory(options__out_of_range__are_invalid),
    };

    return codecs_run("segment/compression", tests, COUNT_OF(tests));
}
