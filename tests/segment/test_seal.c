/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal.c
 *
 * Goal    a sealed segment has the same records, numbers and lines as before,
 *         says so in its footer, is read at any place by decoding one block,
 *         and takes no more records.
 * Method  segments of all kinds of records, sealed and compared.
 */
#include "tests/segment/seal_support.h"

#include <stdio.h>

#include "format/footer.h"
#include "format/header.h"
#include "seglog/testing/fault_store.h"
#include "tests/segment/writer_support.h"

static void
seal__lines_in_many_blocks__come_back_as_they_were(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = seal_options(65536);
    struct seglog_seal_result result;
    struct seglog_scan_summary before;
    struct seglog_scan_summary summary;

    lines_make(store, SEAL_NAME, 1, 3000);
    assert_ok(seglog_segment_get_summary(store, SEAL_NAME, &before, NULL));
    seal_ok(store, SEAL_NAME, &options, &result);

    assert_int_equal(result.records, 3000);
    assert_in_range(result.blocks, 5, 10);
    assert_int_equal(result.bytes_before, before.bytes);
    assert_true(result.bytes_after < before.bytes / 4);
    assert_scan_ok(store, SEAL_NAME, &summary);
    assert_int_equal(summary.bytes, result.bytes_after);
    assert_int_equal(summary.records, 3000);
    assert_int_equal(summary.payload_bytes, result.text_bytes);
    assert_int_equal(summary.compressed_frames, result.blocks);
    assert_int_equal(summary.next_record, 3001);
    assert_int_equal(summary.next_line, 3001);
    assert_int_equal(summary.features_refuse, SLG_REFUSE_SEALED);
    assert_int_equal(summary.epoch >> 32, (before.epoch >> 32) + 1);
    assert_memory_equal(summary.identity, before.identity,
                        sizeof before.identity);
    assert_false(blob_exists(store, SEAL_NAME ".sealing"));
}

/* All kinds, an empty one of each, lines of parts, bytes that are no text. */
static void
kinds_make(struct seglog_store store, const char *name,
           const struct seglog_writer_options *options)
{
    static const uint8_t odd[] = { 0, 0xFF, '\n', 0x80, '{' };
    static const struct seglog_item items[] = {
        { SEGLOG_TEXT, "{\"a\":1}", 7 },
        { SEGLOG_BYTES, odd, sizeof odd },
        { SEGLOG_TEXT, "", 0 },
        { SEGLOG_BYTES, "", 0 },
        { SEGLOG_PART, "{\"a\":[1,", 8 },
        { SEGLOG_PART, "", 0 },
        { SEGLOG_TAIL, "2]}", 3 },
        { SEGLOG_TEXT, "{\"ts\":\"2026-01-02T03:04:05.678Z\"}", 32 },
        { SEGLOG_TEXT, "not json \xE2\x82", 11 },
        { SEGLOG_TAIL, "", 0 },
    };
    struct seglog_writer *writer = NULL;
    const struct seglog_finding gap = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = options->first_record + 2 * COUNT_OF(items),
        .last_record = options->first_record + 2 * COUNT_OF(items) + 4,
        .lines = 3,
        .first_byte = 100,
        .byte_count = 50,
    };

    assert_ok(seglog_writer_open(store, name, options, &writer, NULL));
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_ok(seglog_writer_append(writer, items[i].kind, items[i].data,
                                       items[i].len, SEGLOG_LEVEL_APPEND, NULL,
                                       NULL));
    assert_ok(seglog_writer_append_group(writer, items, COUNT_OF(items),
                                         SEGLOG_LEVEL_APPEND, NULL, NULL));
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    for (size_t i = COUNT_OF(items); i-- > 0;)
        assert_ok(seglog_writer_append(writer, items[i].kind, items[i].data,
                                       items[i].len, SEGLOG_LEVEL_APPEND, NULL,
                                       NULL));
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
seal__all_kinds_and_a_recorded_gap__keep_numbers_and_lines(void **state)
{
    static const char attributes[] = "S1 what it is";
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = seal_options(65536);
    const struct seglog_writer_options plans[] = {
        { .size = sizeof plans[0], .first_record = 1 },
        { .size = sizeof plans[0], .first_record = 1000, .first_line = 77 },
        { .size = sizeof plans[0], .first_record = 5, .no_xxh3 = true },
        { .size = sizeof plans[0],
          .first_record = 1,
          .codec = SEGLOG_CODEC_DEFLATE,
          .attributes = attributes,
          .attributes_len = sizeof attributes,
          .body_log2 = 9,
          .sync_log2 = 9 },
    };

    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct seglog_scan_summary before;
        struct seglog_scan_summary summary;
        struct seglog_seal_info info;
        uint8_t got[SEGLOG_ATTRIBUTES_MAX];
        char name[32];
        size_t len = 0;

        (void)snprintf(name, sizeof name, "%zu.seg", i);
        kinds_make(store, name, &plans[i]);
        assert_ok(seglog_scan(store, name, NULL, &before, NULL));
        seal_ok(store, name, &options, NULL);
        assert_scan_ok(store, name, &summary);
        assert_int_equal(summary.first_record, before.first_record);
        assert_int_equal(summary.next_record, before.next_record);
        assert_int_equal(summary.next_line, before.next_line);
        assert_int_equal(summary.records, 30);
        assert_int_equal(summary.recorded_gaps, 1);
        assert_int_equal(summary.recorded_lost, 5);
        assert_int_equal(summary.watermark, summary.next_record - 1);

        assert_ok(seglog_segment_get_seal(store, name, &info, NULL));
        assert_true(info.is_sealed);
        assert_int_equal(info.first_record, plans[i].first_record);
        assert_int_equal(info.records, 30);
        assert_int_equal(info.lost, 5);
        assert_int_equal(info.lines, 24);
        assert_int_equal(info.text_bytes, before.payload_bytes);
        assert_int_equal(info.blocks, 2);
        assert_true(info.has_time);
        assert_int_equal(info.time_min_ms, 1767323045678);
        assert_int_equal(info.time_max_ms, 1767323045678);
        assert_false(info.has_parent);

        assert_ok(seglog_segment_get_attributes(store, name, got, sizeof got,
                                                &len, NULL, NULL));
        assert_int_equal(len, plans[i].attributes_len);
        if (len > 0)
            assert_memory_equal(got, attributes, len);
    }
}

static void
seal__segment_without_records__is_a_sealed_one(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_result result;
    struct seglog_scan_summary summary;
    struct seglog_seal_info info;
    uint64_t record = 7;

    lines_make(store, SEAL_NAME, 9, 0);
    seal_ok(store, SEAL_NAME, NULL, &result);
    assert_int_equal(result.records, 0);
    assert_int_equal(result.blocks, 0);
    assert_scan_ok(store, SEAL_NAME, &summary);
    assert_int_equal(summary.first_record, 9);
    assert_int_equal(summary.next_record, 9);
    assert_ok(seglog_segment_get_seal(store, SEAL_NAME, &info, NULL));
    assert_true(info.is_sealed);
    assert_false(info.has_time);
    assert_int_equal(info.first_record, 9);
    assert_code(
        seglog_segment_find_time(store, SEAL_NAME, INT64_MIN, &record, NULL),
        SEGLOG_END);
}

static void
seal__records_too_large_and_too_random_for_blocks__come_back(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = seal_options(65536);
    static uint8_t data[1u << 20];
    const size_t sizes[] = { 1, 65536, sizeof data, 0, 65535, 200000, 3 };
    struct seglog_writer_options create = { .size = sizeof create,
                                            .body_log2 = 20 };
    struct seglog_writer *writer = NULL;
    struct seglog_scan_summary summary;

    assert_ok(seglog_writer_open(store, SEAL_NAME, &create, &writer, NULL));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        test_fill(data, sizes[i], i);
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, data, sizes[i],
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
    seal_ok(store, SEAL_NAME, &options, NULL);
    assert_scan_ok(store, SEAL_NAME, &summary);
    assert_int_equal(summary.body_log2, 23);
}

static void
seal__once_more_and_every_change__is_sealed(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = { .size = sizeof options };
    struct seglog_writer *shared = NULL;
    struct seglog_writer *writer = NULL;
    struct seglog_seal_result result = { .records = 123 };
    size_t len = 0;
    size_t len_after = 0;

    lines_make(store, SEAL_NAME, 1, 10);
    options.mode = SEGLOG_WRITER_SHARED;
    shared = writer_open_ok(store, SEAL_NAME, &options);
    append_ok(shared, "{}", 11);
    seal_ok(store, SEAL_NAME, NULL, NULL);
    uint8_t *bytes = blob_read(store, SEAL_NAME, &len);

    assert_code(seglog_writer_append(shared, SEGLOG_TEXT, "{}", 2,
                                     SEGLOG_LEVEL_FLUSH, NULL, NULL),
                SEGLOG_SEALED);
    assert_code(seglog_writer_hold(shared, NULL), SEGLOG_SEALED);
    (void)seglog_writer_close(shared, NULL);
    for (int mode = SEGLOG_WRITER_EXCLUSIVE; mode <= SEGLOG_WRITER_PRIVATE;
         mode++) {
        options.mode = (enum seglog_writer_mode)mode;
        options.append_to_damaged = mode == SEGLOG_WRITER_SHARED;
        assert_code(
            seglog_writer_open(store, SEAL_NAME, &options, &writer, NULL),
            SEGLOG_SEALED);
    }
    assert_code(seglog_segment_seal(store, SEAL_NAME, NULL, &result, NULL),
                SEGLOG_SEALED);
    assert_int_equal(result.records, 123);
    uint8_t *after = blob_read(store, SEAL_NAME, &len_after);
    assert_int_equal(len_after, len);
    assert_memory_equal(after, bytes, len);
    free(bytes);
    free(after);
}

static void
seal__exclusive_writer_elsewhere__is_locked(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_options options = seal_options(0);
    struct seglog_writer *writer = NULL;
    struct seglog_lock lock = { 0 };

    options.lock_timeout_ms = 1;
    writer = writer_open_ok(store, SEAL_NAME, NULL);
    append_ok(writer, "{}", 1);
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_LOCKED);
    append_ok(writer, "{}", 2);
    assert_ok(seglog_writer_close(writer, NULL));

    /* Somebody else seals it. */
    assert_ok(seglog_lock_open(store, SEAL_NAME ".sealing", &lock, NULL));
    assert_ok(seglog_lock_acquire(lock, 0, NULL));
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_LOCKED);
    seglog_lock_close(&lock);
    seal_ok(store, SEAL_NAME, &options, NULL);
}

static void
seal__torn_tail__is_cut_and_kept_beside(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_scan_summary summary;
    struct seglog_seal_result result;
    size_t len = 0;

    lines_make(store, SEAL_NAME, 1, 50);
    uint8_t *bytes = blob_read(store, SEAL_NAME, &len);
    /* Without the closing mark, and the last record cut short. */
    blob_write(store, SEAL_NAME, bytes, len - 75);
    free(bytes);
    assert_ok(seglog_segment_seal(store, SEAL_NAME, NULL, &result, NULL));
    assert_int_equal(result.records, 49);
    assert_scan_ok(store, SEAL_NAME, &summary);
    assert_int_equal(summary.next_record, 50);
    assert_true(blob_exists(store, SEAL_NAME ".torn"));
}

static void
seal__damaged_segment__is_corrupt_and_as_it_was(void **state)
{
    const struct seglog_store store = store_of(state);
    size_t len = 0;
    size_t len_after = 0;

    lines_make(store, SEAL_NAME, 1, 2000);
    uint8_t *bytes = blob_read(store, SEAL_NAME, &len);
    bytes[5000] ^= 4;
    blob_write(store, SEAL_NAME, bytes, len);
    assert_code(seglog_segment_seal(store, SEAL_NAME, NULL, NULL, NULL),
                SEGLOG_CORRUPT);
    uint8_t *after = blob_read(store, SEAL_NAME, &len_after);
    assert_int_equal(len_after, len);
    assert_memory_equal(after, bytes, len);
    assert_false(blob_exists(store, SEAL_NAME ".sealing"));
    free(bytes);
    free(after);
}

static void
seal__what_is_no_segment_and_odd_options__are_told(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_options options = seal_options(0);
    struct seglog_seal_info info;
    uint64_t record = 0;

    assert_code(seglog_segment_seal(store, "no.seg", NULL, NULL, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_segment_get_seal(store, "no.seg", &info, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_segment_find_time(store, "no.seg", 0, &record, NULL),
                SEGLOG_NOT_FOUND);
    blob_write(store, "short.seg", "\x89SLG", 4);
    assert_code(seglog_segment_seal(store, "short.seg", NULL, NULL, NULL),
                SEGLOG_FORMAT);
    assert_code(seglog_segment_get_seal(store, "short.seg", &info, NULL),
                SEGLOG_FORMAT);
    lines_make(store, SEAL_NAME, 1, 3);
    assert_ok(seglog_segment_get_seal(store, SEAL_NAME, &info, NULL));
    assert_false(info.is_sealed);
    assert_code(seglog_segment_seal(store, "", NULL, NULL, NULL),
                SEGLOG_INVALID);
    options.level = 20;
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_INVALID);
    options = seal_options(65535);
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_INVALID);
    options = seal_options((128u << 20) + 1);
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_INVALID);
    options = seal_options(0);
    options.memory_max = (1u << 20) - 1;
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_INVALID);
    options.memory_max = 1u << 20;
    seal_ok(store, SEAL_NAME, &options, NULL);
}

static bool
progress_stop(void *arg, uint64_t done, uint64_t total)
{
    unsigned *calls = arg;

    assert_true(done <= total);
    return ++*calls < 2;
}

static void
seal__progress_says_stop__ends_and_leaves_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_seal_options options = seal_options(65536);
    struct seglog_scan_summary summary;
    unsigned calls = 0;

    lines_make(store, SEAL_NAME, 1, 20000);
    options.on_progress = progress_stop;
    options.arg = &calls;
    assert_code(seglog_segment_seal(store, SEAL_NAME, &options, NULL, NULL),
                SEGLOG_END);
    assert_int_equal(calls, 2);
    assert_scan_ok(store, SEAL_NAME, &summary);
    assert_int_equal(summary.features_refuse, 0);
    assert_false(blob_exists(store, SEAL_NAME ".sealing"));
    seal_ok(store, SEAL_NAME, NULL, NULL);
}

static void
repair__sealed_segment__gives_an_ordinary_one_with_all_records(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = seal_options(65536);
    const struct seglog_writer_options create = { .size = sizeof create,
                                                  .first_record = 12 };
    struct seglog_scan_summary summary;
    struct tale before;
    struct tale after;

    kinds_make(store, SEAL_NAME, &create);
    tale_read(&before, store, SEAL_NAME, 0);
    seal_ok(store, SEAL_NAME, &options, NULL);
    assert_ok(
        seglog_repair(store, SEAL_NAME, store, "r.seg", NULL, NULL, NULL));
    tale_read(&after, store, "r.seg", 0);
    assert_same_tale(&before, &after);
    assert_scan_ok(store, "r.seg", &summary);
    assert_int_equal(summary.features_refuse, SLG_REFUSE_COMPRESSED);
    assert_int_equal(summary.groups, 0);
    tale_free(&before);
    tale_free(&after);
}

static size_t
request_make(char *out, size_t cap, unsigned n)
{
    return (size_t)snprintf(out, cap,
                            "{\"time\":\"2024-05-01T12:00:%02uZ\","
                            "\"level\":\"info\",\"message\":\"request %u "
                            "served\",\"status\":200}",
                            n, n);
}

/* As in format/vectors/good/sealed.hex, which another program has written. */
static void
seal__records_of_a_vector__have_its_content_digest(void **state)
{
    static const uint8_t want[SEGLOG_DIGEST_BYTES] = { 0x54, 0xad, 0xb8, 0x7e,
                                                       0x70, 0x90, 0xc8, 0x3a,
                                                       0x0e, 0x23, 0xad, 0x73,
                                                       0x4d, 0xc4, 0xf7, 0xaa };
    const struct seglog_store store = store_of(state);
    const struct seglog_finding gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                        .cause = SEGLOG_CAUSE_CHECKSUM,
                                        .first_record = 6,
                                        .last_record = 7,
                                        .lines = 2 };
    struct seglog_writer *writer = writer_open_ok(store, SEAL_NAME, NULL);
    struct seglog_seal_info info;
    char line[256];

    for (unsigned n = 1; n <= 4; n++) {
        (void)request_make(line, sizeof line, n);
        append_ok(writer, line, n);
    }
    assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, "\0\n", 2,
                                   SEGLOG_LEVEL_FLUSH, NULL, NULL));
    assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
    (void)request_make(line, sizeof line, 8);
    append_ok(writer, line, 8);
    assert_ok(seglog_writer_append(writer, SEGLOG_PART, "{\"long\":", 8,
                                   SEGLOG_LEVEL_FLUSH, NULL, NULL));
    assert_ok(seglog_writer_append(writer, SEGLOG_TAIL, "1}", 2,
                                   SEGLOG_LEVEL_FLUSH, NULL, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    seal_ok(store, SEAL_NAME, NULL, NULL);
    assert_ok(seglog_segment_get_seal(store, SEAL_NAME, &info, NULL));
    assert_memory_equal(info.digest, want, sizeof want);
    assert_int_equal(info.time_min_ms, 1714564801000);
    assert_int_equal(info.time_max_ms, 1714564808000);
}

/* -- any place ------------------------------------------------------------ */

static void
seek__any_record__is_read_from_its_own_block(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = seal_options(65536);
    struct seglog_seal_info info;
    struct seglog_faults *faults = seglog_faults_new(store);
    const struct seglog_store counted = seglog_faults_store(faults);
    char line[512];

    lines_make(store, SEAL_NAME, 1, 5000);
    seal_ok(store, SEAL_NAME, &options, NULL);
    assert_ok(seglog_segment_get_seal(store, SEAL_NAME, &info, NULL));
    assert_in_range(info.blocks, 5, 20);
    assert_ok(seglog_segment_get_seal(counted, SEAL_NAME, &info, NULL));
    assert_int_equal(seglog_faults_get_count(faults, SEGLOG_FAULT_READ), 2);
    seglog_faults_free(faults);

    for (uint64_t number = 1; number <= 5000; number += 271) {
        const struct seglog_reader_options from = { .size = sizeof from,
                                                    .from_record = number };
        struct seglog_reader *reader = NULL;
        struct seglog_event event;
        const size_t len = line_make(line, sizeof line, number);

        assert_ok(seglog_reader_open(store, SEAL_NAME, &from, &reader, NULL));
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.record.record_no, number);
        assert_int_equal(event.record.line_no, number);
        assert_int_equal(event.record.group_left, 0);
        assert_int_equal(event.record.len, len);
        assert_memory_equal(event.record.data, line, len);
        seglog_reader_close(reader);
    }
}

/* Frames of a segment. */
struct blocks {
    struct seglog_frame frames[64];
    size_t count;
};

static bool
blocks_note(void *arg, const struct seglog_frame *frame)
{
    struct blocks *blocks = arg;

    if (frame->count > 0 && frame->control == 0)
        blocks->frames[blocks->count++] = *frame;
    return blocks->count < COUNT_OF(blocks->frames);
}

static void
seek__all_other_blocks_gone__does_not_matter(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = seal_options(65536);
    struct blocks blocks = { .count = 0 };
    const struct seglog_scan_options scan = { .size = sizeof scan,
                                              .on_frame = blocks_note,
                                              .arg = &blocks };
    struct seglog_scan_summary summary;
    size_t len = 0;

    lines_make(store, SEAL_NAME, 1, 3000);
    seal_ok(store, SEAL_NAME, &options, NULL);
    assert_ok(seglog_scan(store, SEAL_NAME, &scan, &summary, NULL));
    assert_true(blocks.count > 4);
    uint8_t *bytes = blob_read(store, SEAL_NAME, &len);
    for (size_t i = 0; i < blocks.count; i++) {
        uint8_t *copy = exact_copy(bytes, len);

        for (size_t k = 0; k < blocks.count; k++) {
            if (k != i)
                memset(copy + blocks.frames[k].offset, 0,
                       (size_t)blocks.frames[k].len);
        }
        blob_write(store, "d.seg", copy, len);
        free(copy);
        for (unsigned end = 0; end < 2; end++) {
            const struct seglog_frame *frame = &blocks.frames[i];
            const uint64_t number =
                frame->first_record + (end == 0 ? 0 : frame->count - 1);
            const struct seglog_reader_options from = { .size = sizeof from,
                                                        .from_record = number };
            struct seglog_reader *reader = NULL;
            struct seglog_event event;

            assert_ok(seglog_reader_open(store, "d.seg", &from, &reader, NULL));
            assert_ok(seglog_reader_next(reader, &event, NULL));
            assert_int_equal(event.record.record_no, number);
            seglog_reader_close(reader);
        }
    }
    free(bytes);
}

static void
seek__behind_the_end_and_into_a_recorded_gap__is_as_in_any_segment(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options create = { .size = sizeof create,
                                                  .first_record = 1 };

    kinds_make(store, "plain.seg", &create);
    kinds_make(store, SEAL_NAME, &create);
    seal_ok(store, SEAL_NAME, NULL, NULL);
    for (uint64_t from = 1; from < 40; from++) {
        struct tale plain;
        struct tale sealed;

        tale_read(&plain, store, "plain.seg", from);
        tale_read(&sealed, store, SEAL_NAME, from);
        assert_same_tale(&plain, &sealed);
        tale_free(&plain);
        tale_free(&sealed);
    }
}

static void
find_time__sealed_and_not__is_the_same_record(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_seal_options options = seal_options(65536);
    struct seglog_seal_info info;
    uint64_t plain = 0;
    uint64_t sealed = 0;

    lines_make(store, "plain.seg", 1, 3000);
    lines_make(store, SEAL_NAME, 1, 3000);
    seal_ok(store, SEAL_NAME, &options, NULL);
    assert_ok(seglog_segment_get_seal(store, SEAL_NAME, &info, NULL));
    assert_true(info.has_time);
    for (int64_t time = info.time_min_ms - 1000; time < info.time_max_ms;
         time += 123456) {
        assert_ok(
            seglog_segment_find_time(store, "plain.seg", time, &plain, NULL));
        assert_ok(
            seglog_segment_find_time(store, SEAL_NAME, time, &sealed, NULL));
        assert_int_equal(plain, sealed);
    }
    assert_ok(seglog_segment_find_time(store, SEAL_NAME, info.time_max_ms,
                                       &sealed, NULL));
    assert_code(seglog_segment_find_time(store, SEAL_NAME, info.time_max_ms + 1,
                                         &sealed, NULL),
                SEGLOG_END);
    assert_code(seglog_segment_find_time(store, "plain.seg",
                                         info.time_max_ms + 1, &plain, NULL),
                SEGLOG_END);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(seal__lines_in_many_blocks__come_back_as_they_were),
        on_file(seal__lines_in_many_blocks__come_back_as_they_were),
        on_memory(seal__all_kinds_and_a_recorded_gap__keep_numbers_and_lines),
        on_file(seal__all_kinds_and_a_recorded_gap__keep_numbers_and_lines),
        on_memory(seal__segment_without_records__is_a_sealed_one),
        on_file(seal__segment_without_records__is_a_sealed_one),
        on_memory(seal__records_too_large_and_too_random_for_blocks__come_back),
        on_file(seal__records_too_large_and_too_random_for_blocks__come_back),
        on_memory(seal__once_more_and_every_change__is_sealed),
        on_file(seal__once_more_and_every_change__is_sealed),
        on_memory(seal__exclusive_writer_elsewhere__is_locked),
        on_file(seal__exclusive_writer_elsewhere__is_locked),
        on_memory(seal__torn_tail__is_cut_and_kept_beside),
        on_file(seal__torn_tail__is_cut_and_kept_beside),
        on_memory(seal__damaged_segment__is_corrupt_and_as_it_was),
        on_file(seal__damaged_segment__is_corrupt_and_as_it_was),
        on_memory(seal__what_is_no_segment_and_odd_options__are_told),
        on_file(seal__what_is_no_segment_and_odd_options__are_told),
        on_memory(seal__progress_says_stop__ends_and_leaves_nothing),
        on_file(seal__progress_says_stop__ends_and_leaves_nothing),
        on_memory(
            repair__sealed_segment__gives_an_ordinary_one_with_all_records),
        on_file(repair__sealed_segment__gives_an_ordinary_one_with_all_records),
        on_memory(seal__records_of_a_vector__have_its_content_digest),
        on_memory(seek__any_record__is_read_from_its_own_block),
        on_file(seek__any_record__is_read_from_its_own_block),
        on_memory(seek__all_other_blocks_gone__does_not_matter),
        on_file(seek__all_other_blocks_gone__does_not_matter),
        on_memory(
            seek__behind_the_end_and_into_a_recorded_gap__is_as_in_any_segment),
        on_file(
            seek__behind_the_end_and_into_a_recorded_gap__is_as_in_any_segment),
        on_memory(find_time__sealed_and_not__is_the_same_record),
        on_file(find_time__sealed_and_not__is_the_same_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
