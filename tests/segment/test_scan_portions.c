/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_scan_portions.c
 *
 * Goal    damage at more places than are kept in mind at once is told of and
 *         counted as if all were; what comes behind a map that was read is
 *         read on.
 * Method  segments with thousands of damaged places, and segments that grow
 *         behind their damage.
 */
#include "tests/segment/forge_support.h"

#include "tests/segment/damage_support.h"

#define PLACES 8192u /* SLG_MAP_PLACES_MAX */

struct counts {
    uint64_t findings;
    uint64_t headers;
    uint64_t shifted;
    uint64_t lost;
    uint64_t last_byte;
};

static void
finding_count(void *arg, const struct seglog_finding *finding)
{
    struct counts *counts = arg;

    counts->findings++;
    counts->headers += finding->cause == SEGLOG_CAUSE_HEADER;
    counts->shifted += finding->cause == SEGLOG_CAUSE_SHIFT;
    if (finding->first_record > 0)
        counts->lost += finding->last_record - finding->first_record + 1;
    assert_true(finding->first_byte >= counts->last_byte);
    counts->last_byte = finding->first_byte;
}

/* A scan and a salvaging reader say the same of bytes. */
static struct counts
count_all(const void *bytes, size_t len, uint64_t records)
{
    const struct seglog_reader_options salvage = { .size = sizeof salvage,
                                                   .salvage = true };
    struct counts scanned = { .findings = 0 };
    struct counts read = { .findings = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = finding_count,
                                                 .arg = &scanned };
    struct seglog_store store = { 0 };
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    seglog_code code;
    uint64_t got = 0;

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", bytes, len);
    assert_ok(seglog_scan(store, "log", &options, &summary, NULL));
    assert_int_equal(summary.findings, scanned.findings);
    assert_int_equal(summary.lost, scanned.lost);
    assert_int_equal(summary.records + summary.lost, records);
    assert_int_equal(summary.next_record, records + 1);
    assert_ok(seglog_reader_open(store, "log", &salvage, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            read.last_byte = 0;
            finding_count(&read, &event.finding);
        } else {
            got++;
        }
    }
    assert_code_err(code, SEGLOG_END, &err);
    assert_int_equal(got, summary.records);
    assert_int_equal(read.findings, scanned.findings);
    assert_int_equal(read.lost, scanned.lost);
    seglog_reader_close(reader);
    seglog_store_close(&store);
    return scanned;
}

static void
scan__of_more_gaps_than_fit_a_portion__tells_of_each_once(void **state)
{
    const uint64_t gaps = PLACES + 100;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3 * (size_t)gaps, 8);
    for (size_t i = 1; i < 3 * gaps; i += 3)
        forge.bytes[forge.frames[i].offset + 5] ^= 1;
    /* The header is put right, and said so once. */
    forge.bytes[20] ^= 8;
    const struct counts counts = count_all(forge.bytes, forge.len, 3 * gaps);

    assert_int_equal(counts.headers, 1);
    assert_int_equal(counts.findings, gaps + 1);
    assert_int_equal(counts.lost, gaps);
    forge_free(&forge);
}

/* Marks that say that bytes are missing, and then one gap. */
static void
scan__of_more_shifted_marks_than_fit_a_portion__tells_of_each(void **state)
{
    const uint64_t marks = PLACES + 10;
    struct forge forge;
    struct slg_mark mark;

    (void)state;
    forge_start(&forge);
    for (uint64_t i = 1; i <= marks; i++) {
        const size_t sync = forge_sync(&forge);
        uint8_t *at = forge.bytes + forge.frames[sync].offset;

        assert_true(slg_mark_decode(at, SLG_SYNC_POINT_BYTES, &mark));
        mark.offset += i;
        slg_mark_encode(&mark, at);
    }
    forge_fill(&forge, 10, 8);
    forge.bytes[forge.frames[marks + 4].offset + 5] ^= 1;
    forge.bytes[forge.frames[marks + 7].offset + 5] ^= 1;
    const struct counts counts = count_all(forge.bytes, forge.len, 10);

    assert_int_equal(counts.shifted, marks);
    assert_int_equal(counts.lost, 2);
    forge_free(&forge);
}

/* More frames stand alone than there are places for gaps. */
static void
scan__of_more_lone_frames_than_fit_a_portion__tells_of_each_gap(void **state)
{
    const size_t rows = 140;
    const size_t row = 2 * 256;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, rows * (row + 2), 8);
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < row; k += 2)
            forge.bytes[forge.frames[i * (row + 2) + k].offset + 1] ^= 64;
    }
    const struct counts counts =
        count_all(forge.bytes, forge.len, rows * (row + 2));

    assert_int_equal(counts.lost, rows * row / 2);
    forge_free(&forge);
}

/* Notes where the second frame of every stretch is. */
struct seconds {
    uint64_t at[2 * PLACES];
    size_t count;
    bool is_behind_mark;
};

static bool
second_note(void *arg, const struct seglog_frame *frame)
{
    struct seconds *seconds = arg;

    if (seconds->is_behind_mark)
        seconds->at[seconds->count++] = frame->offset;
    seconds->is_behind_mark = frame->control == SLG_CONTROL_SYNC_POINT;
    return seconds->count < COUNT_OF(seconds->at);
}

/* Compressed: what a damaged frame leaves of its stretch depends on it. */
static void
scan__of_more_dependent_frames_than_fit_a_portion__loses_each(void **state)
{
    static struct seconds seconds;
    const struct seglog_writer_options options = {
        .size = sizeof options, .sync_log2 = 9, .codec = SEGLOG_CODEC_DEFLATE
    };
    const struct seglog_scan_options look = { .size = sizeof look,
                                              .on_frame = second_note,
                                              .arg = &seconds };
    const uint64_t records = 40000;
    struct seglog_scan_summary summary;
    struct seglog_writer *writer = NULL;
    struct seglog_store store = { 0 };
    uint64_t seed = 1;
    size_t len = 0;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    assert_ok(seglog_writer_open(store, "log", &options, &writer, NULL));
    for (uint64_t n = 0; n < records; n++) {
        char text[150];

        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (char)('a' + test_random(&seed) % 26);
        assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, text, sizeof text,
                                       SEGLOG_LEVEL_APPEND, NULL, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_scan(store, "log", &look, &summary, NULL));
    uint8_t *bytes = blob_read(store, "log", &len);
    for (size_t i = 0; i < seconds.count; i++)
        bytes[seconds.at[i] + 8] ^= 1;
    const struct counts counts = count_all(bytes, len, records);

    assert_true(counts.findings > PLACES);
    free(bytes);
    seglog_store_close(&store);
}

/* Records 6 and 7, and the same numbers again in a group that goes on. */
static void
passed_run__whose_group_leads_beyond__goes_on_as_main(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 5, 40);
    (void)forge_sync(&forge);
    forge_fill(&forge, 2, 40);
    forge_raw(&forge, "no frame of it", 14);
    forge.number = forge.line = 6;
    (void)forge_sync(&forge);
    forge_fill_groups(&forge, 1, 4, 40);
    forge_fill(&forge, 1, 40);
    const struct counts counts = count_all(forge.bytes, forge.len, 10);

    assert_int_equal(counts.lost, 0);
    forge_free(&forge);
}

/* -- growing behind damage ------------------------------------------------- */

static struct seglog_reader *
salvage_open(struct seglog_store store)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;

    assert_ok(seglog_reader_open(store, "log", &options, &reader, NULL));
    return reader;
}

static uint64_t
read_to_end(struct seglog_reader *reader, uint64_t *lost, uint64_t *depends_on)
{
    struct seglog_event event;
    seglog_code code;
    uint64_t records = 0;

    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_RECORD) {
            records++;
        } else if (event.finding.last_record != 0) {
            *lost += event.finding.last_record - event.finding.first_record + 1;
            if (event.finding.cause == SEGLOG_CAUSE_DEPENDS_ON)
                *depends_on = event.finding.depends_on;
        }
    }
    assert_code(code, SEGLOG_END);
    return records;
}

/* What is appended behind damage that was read depends on it as well. */
static void
reader__dependent_frames_appended_behind_damage__are_lost(void **state)
{
    static struct image image;
    const struct image_plan plan = { .records = 30,
                                     .payload_len = 100,
                                     .codec = SEGLOG_CODEC_DEFLATE };
    struct seglog_store store = { 0 };
    uint64_t lost = 0;
    uint64_t depends_on = 0;

    (void)state;
    image_make(&image, &plan);
    assert_ok(seglog_store_memory_open(&store, NULL));
    image.bytes[image.frames[image.frame_of[5]].offset + 8] ^= 1;
    const size_t first = (size_t)image.frames[image.frame_of[20]].offset;

    blob_replace(store, "log", image.bytes, first);
    struct seglog_reader *reader = salvage_open(store);
    assert_int_equal(read_to_end(reader, &lost, &depends_on), 4);
    assert_int_equal(lost, 15);
    blob_add(store, "log", image.bytes + first, image.len - first);
    assert_int_equal(read_to_end(reader, &lost, &depends_on), 0);
    assert_int_equal(lost, 26);
    assert_int_equal(depends_on, 5);
    seglog_reader_close(reader);
    seglog_store_close(&store);
    image_free(&image);
}

/* A mark says that bytes are missing, and that the records are others. */
static void
reader__a_mark_that_says_two_things__says_both(void **state)
{
    struct seglog_store store = { 0 };
    struct seglog_event event;
    struct slg_mark mark;
    struct forge forge;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    forge_start(&forge);
    forge_fill(&forge, 3, 20);
    const size_t sync = forge_sync(&forge);
    uint8_t *at = forge.bytes + forge.frames[sync].offset;

    assert_true(slg_mark_decode(at, SLG_SYNC_POINT_BYTES, &mark));
    mark.offset += 4;
    mark.digest ^= 1;
    slg_mark_encode(&mark, at);
    forge_fill(&forge, 1, 20);
    blob_replace(store, "log", forge.bytes, forge.len);
    struct seglog_reader *reader = salvage_open(store);
    for (unsigned i = 0; i < 3; i++)
        assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.type, SEGLOG_EVENT_GAP);
    assert_int_equal(event.finding.cause, SEGLOG_CAUSE_DIGEST);
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.type, SEGLOG_EVENT_GAP);
    assert_int_equal(event.finding.cause, SEGLOG_CAUSE_SHIFT);
    assert_int_equal(event.finding.shift, -4);
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.type, SEGLOG_EVENT_RECORD);
    assert_int_equal(event.record.record_no, 4);
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* Records found out of place stood at the end; more come behind them. */
static void
reader__appended_behind_records_out_of_place__reads_on(void **state)
{
    struct seglog_store store = { 0 };
    struct forge forge;
    uint64_t lost = 0;
    uint64_t depends_on = 0;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    forge_start(&forge);
    forge_fill(&forge, 12, 40);
    const size_t at = forge.frames[10].offset;
    const size_t len = forge.frames[10].len;
    uint8_t *bytes = forge_copy(&forge);

    /* 12 before 11, and a piece of nothing behind them. */
    memcpy(bytes + at, forge.bytes + at + len, len);
    memcpy(bytes + at + len, forge.bytes + at, len);
    blob_replace(store, "log", bytes, at + 2 * len);
    struct seglog_reader *reader = salvage_open(store);
    (void)read_to_end(reader, &lost, &depends_on);
    (void)forge_sync(&forge);
    forge_fill(&forge, 3, 40);
    blob_add(store, "log", forge.bytes + at + 2 * len,
             forge.len - at - 2 * len);
    assert_int_equal(read_to_end(reader, &lost, &depends_on), 3);
    assert_int_equal(lost, 0);
    seglog_reader_close(reader);
    free(bytes);
    forge_free(&forge);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passed_run__whose_group_leads_beyond__goes_on_as_main),
        cmocka_unit_test(
            scan__of_more_gaps_than_fit_a_portion__tells_of_each_once),
        cmocka_unit_test(
            scan__of_more_shifted_marks_than_fit_a_portion__tells_of_each),
        cmocka_unit_test(
            scan__of_more_lone_frames_than_fit_a_portion__tells_of_each_gap),
        cmocka_unit_test(
            scan__of_more_dependent_frames_than_fit_a_portion__loses_each),
        cmocka_unit_test(
            reader__dependent_frames_appended_behind_damage__are_lost),
        cmocka_unit_test(reader__a_mark_that_says_two_things__says_both),
        cmocka_unit_test(
            reader__appended_behind_records_out_of_place__reads_on),
    };

    return cmocka_run_group_tests_name("segment/scan_portions", tests, NULL,
                                       NULL);
}
