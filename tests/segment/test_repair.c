/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_repair.c
 *
 * Goal    a repaired segment has every record that could be saved under its
 *         number, tells of those that are lost, and is sound; the source and,
 *         on failure, the destination are as before.
 * Method  damaged segments are repaired; source and result are read side by
 *         side.
 */
#include "tests/segment/forge_support.h"

#include <stdio.h>

#define HEADER ((size_t)54)
#define RECORD ((size_t)46)

static struct look look;

static struct seglog_store
memory_open(void)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    return store;
}

/* Records and gaps of a segment as text; events of a repair are the same. */
static void
events_write(struct seglog_store store, const char *name, char *out, size_t cap)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    seglog_code code;
    size_t at = 0;

    assert_code_err(seglog_reader_open(store, name, &options, &reader, &err),
                    SEGLOG_OK, &err);
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        char text[256];

        if (event.type == SEGLOG_EVENT_RECORD) {
            uint64_t sum = 0;

            for (size_t i = 0; i < event.record.len; i++)
                sum = sum * 31 + event.record.data[i] + 1;
            (void)snprintf(text, sizeof text, "%u k%d l%u g%u %zu:%llx",
                           (unsigned)event.record.record_no,
                           (int)event.record.kind,
                           (unsigned)event.record.line_no,
                           (unsigned)event.record.group_left, event.record.len,
                           (unsigned long long)sum);
        } else if (event.finding.first_record == 0 ||
                   event.finding.verdict == SEGLOG_VERDICT_TORN) {
            continue; /* nothing lost: nothing to record */
        } else {
            finding_format(&event.finding, text, sizeof text);
        }
        at += (size_t)snprintf(out + at, cap - at, "%s\n", text);
        assert_true(at < cap);
    }
    assert_code_err(code, SEGLOG_END, &err);
    seglog_reader_close(reader);
}

/*
 * Repair bytes; check all that must hold of any repair, and that the result
 * says the same as the source.
 */
static void
check_repair(const void *bytes, size_t len, struct seglog_scan_summary *summary)
{
    static char before[1 << 16];
    static char after[1 << 16];
    struct seglog_store store = memory_open();
    struct seglog_scan_summary source;
    struct seglog_scan_summary again;
    struct seglog_error err = { 0 };
    size_t len_after = 0;

    blob_replace(store, "log", bytes, len);
    assert_code_err(
        seglog_repair(store, "log", store, "new", NULL, &source, &err),
        SEGLOG_OK, &err);
    uint8_t *unchanged = blob_read(store, "log", &len_after);
    assert_int_equal(len_after, len);
    if (len > 0)
        assert_memory_equal(unchanged, bytes, len);
    free(unchanged);

    assert_ok(seglog_scan(store, "new", NULL, summary, NULL));
    assert_int_equal(summary->verdict, SEGLOG_VERDICT_OK);
    assert_int_equal(summary->findings, 0);
    assert_true(summary->is_closed);
    assert_int_equal(summary->records, source.records);
    assert_int_equal(summary->recorded_lost,
                     source.lost + source.recorded_lost);
    assert_int_equal(summary->first_record, source.first_record);
    assert_int_equal(summary->next_record, source.next_record);
    assert_int_equal(summary->payload_bytes == 0, source.records == 0);
    assert_memory_not_equal(summary->identity, source.identity, 16);
    assert_int_equal(summary->watermark, summary->next_record - 1);

    events_write(store, "log", before, sizeof before);
    events_write(store, "new", after, sizeof after);
    assert_string_equal(after, before);

    /* A sound segment is repaired to the same. */
    assert_ok(seglog_repair(store, "new", store, "newer", NULL, &again, NULL));
    assert_int_equal(again.verdict, SEGLOG_VERDICT_OK);
    events_write(store, "newer", after, sizeof after);
    assert_string_equal(after, before);
    assert_ok(seglog_scan(store, "newer", NULL, &again, NULL));
    assert_int_equal(again.recorded_lost, summary->recorded_lost);
    assert_int_equal(again.next_record, summary->next_record);
    assert_memory_not_equal(again.identity, summary->identity, 16);
    seglog_store_close(&store);
}

static void
repair__a_sound_segment__is_a_copy_with_a_new_identity(void **state)
{
    const struct seglog_item items[] = { { SEGLOG_PART, "ab", 2 },
                                         { SEGLOG_TEXT, "", 0 },
                                         { SEGLOG_BYTES, "\n\0", 2 } };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    (void)forge_predecessor(&forge);
    (void)forge_text(&forge, "one");
    (void)forge_put(&forge, SEGLOG_PART, "p1", 2);
    (void)forge_text(&forge, "end");
    (void)forge_group(&forge, items, 3);
    (void)forge_sync(&forge);
    (void)forge_put(&forge, SEGLOG_BYTES, "\0", 1);
    (void)forge_put(&forge, SEGLOG_TAIL, "last", 4);
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.records, 8);
    assert_int_equal(summary.groups, 1);
    assert_int_equal(summary.recorded_gaps, 0);
    forge_free(&forge);
}

static void
repair__lost_records__are_recorded_as_gaps(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    forge.bytes[HEADER + 2 * RECORD + 9] ^= 1;
    memset(forge.bytes + HEADER + 5 * RECORD, 0, 2 * RECORD);
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.records, 7);
    assert_int_equal(summary.recorded_gaps, 2);
    assert_int_equal(summary.recorded_lost, 3);
    forge_free(&forge);
}

static void
repair__a_recorded_gap__keeps_all_that_was_said_of_the_loss(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct forge forge;
    char text[256];

    (void)state;
    forge_ten(&forge, true);
    memset(forge.bytes + HEADER + 5 * RECORD, 0, 2 * RECORD);
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_ok(seglog_repair(store, "log", store, "new", NULL, NULL, NULL));
    assert_ok(seglog_reader_open(store, "new", NULL, &reader, NULL));
    for (unsigned i = 1; i <= 5; i++)
        assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.type, SEGLOG_EVENT_GAP);
    assert_true(event.finding.is_recorded);
    assert_int_equal(event.finding.lines, 2);
    finding_format(&event.finding, text, sizeof text);
    assert_string_equal(text, "CORRUPT zeros 6-7 l6 @284+92 s0 yes");
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
repair__groups_numbers_and_lines__stay(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 5; i++) {
        forge_fill(&forge, 3, 30);
        forge_fill_groups(&forge, 2, 4, 12);
        (void)forge_sync(&forge);
    }
    forge.bytes[forge_frame_of(&forge, 4)->offset + 9] ^= 1;
    forge.bytes[forge_frame_of(&forge, 24)->offset] = 0;
    forge.bytes[forge.frames[11].offset + 30] ^= 1;
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.groups + summary.recorded_lost / 4, 10);
    forge_free(&forge);
}

static void
repair__lines_of_parts__stay(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 6; i++) {
        (void)forge_put(&forge, SEGLOG_PART, "part of ", 8);
        (void)forge_put(&forge, SEGLOG_PART, "a line ", 7);
        (void)forge_text(&forge, "and its end");
        (void)forge_text(&forge, "a whole line");
    }
    (void)forge_close(&forge);
    forge.bytes[forge_frame_of(&forge, 8)->offset + 5] ^= 1;
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.next_line, 13);
    forge_free(&forge);
}

static void
repair__records_out_of_order__are_put_in_order(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;
    uint8_t keep[RECORD];

    (void)state;
    forge_ten(&forge, true);
    memcpy(keep, forge.bytes + HEADER + 2 * RECORD, RECORD);
    memcpy(forge.bytes + HEADER + 2 * RECORD, forge.bytes + HEADER + 3 * RECORD,
           RECORD);
    memcpy(forge.bytes + HEADER + 3 * RECORD, keep, RECORD);
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.records, 10);
    assert_int_equal(summary.recorded_gaps, 0);
    forge_free(&forge);
}

static void
repair__a_record_found_alone__is_saved(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    forge.bytes[HEADER + 2 * RECORD] = 0;
    forge.bytes[HEADER + 4 * RECORD + 9] ^= 1;
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.records, 8);
    assert_int_equal(summary.recorded_gaps, 2);
    forge_free(&forge);
}

static void
repair__a_torn_tail__records_no_gap(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    for (size_t cut = 1; cut < RECORD; cut += 9) {
        check_repair(forge.bytes, HEADER + 10 * RECORD - cut, &summary);
        assert_int_equal(summary.records, 9);
        assert_int_equal(summary.next_record, 10);
        assert_int_equal(summary.recorded_gaps, 0);
    }
    forge_free(&forge);
}

static void
repair__a_header_alone_or_less__is_an_empty_segment(void **state)
{
    static const size_t lens[] = { 0, 8, 53, 54 };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        check_repair(forge.bytes, lens[i], &summary);
        assert_int_equal(summary.records, 0);
        assert_int_equal(summary.next_record, 1);
    }
    forge_free(&forge);
}

static void
repair__a_lost_header__saves_the_records(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    for (unsigned is_closed = 0; is_closed < 2; is_closed++) {
        forge_start(&forge);
        forge_fill(&forge, 10, 40);
        if (is_closed != 0)
            (void)forge_close(&forge);
        memset(forge.bytes, 0, HEADER);
        check_repair(forge.bytes, forge.len, &summary);
        assert_int_equal(summary.records, 10);
        forge_free(&forge);
    }
}

static void
repair__a_lost_first_record__starts_with_a_gap(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    memset(forge.bytes, 0x77, HEADER + 3 * RECORD + 1);
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.records, 6);
    assert_int_equal(summary.recorded_lost, 4);
    assert_int_equal(summary.first_record, 1);
    forge_free(&forge);
}

static void
repair__first_record_limits_and_features__stay(void **state)
{
    struct slg_header header = forge_header();
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    header.first_record = 1000;
    header.body_log2 = 17;
    header.sync_log2 = 12;
    header.features_refuse = SLG_REFUSE_NO_XXH3;
    forge_start_with(&forge, &header);
    forge_fill(&forge, 5, 40);
    (void)forge_sync(&forge);
    forge_fill(&forge, 1, 131072);
    forge_fill(&forge, 5, 40);
    forge.bytes[forge_frame_of(&forge, 1002)->offset + 7] ^= 1;
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.first_record, 1000);
    assert_int_equal(summary.records, 10);
    assert_int_equal(summary.body_log2, 17);
    assert_int_equal(summary.sync_log2, 12);
    assert_int_equal(summary.features_refuse, SLG_REFUSE_NO_XXH3);
    forge_free(&forge);
}

static void
repair__records_of_8_mib__are_saved_also_without_a_header(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 3; i++) {
        forge_fill(&forge, 2, 40);
        (void)forge_sync(&forge);
        forge_fill(&forge, 1, (size_t)8 << 20);
    }
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.records, 9);
    memset(forge.bytes, 0, HEADER);
    check_repair(forge.bytes, forge.len, &summary);
    assert_int_equal(summary.records, 9);
    forge_free(&forge);
}

static void
repair__below_what_is_expected__records_the_cut(void **state)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = 12 };
    struct seglog_store store = memory_open();
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    blob_replace(store, "log", forge.bytes, forge.len - 100);
    assert_ok(
        seglog_repair(store, "log", store, "new", &options, &summary, NULL));
    assert_int_equal(summary.lost, 3);
    assert_ok(seglog_scan(store, "new", NULL, &summary, NULL));
    assert_int_equal(summary.records, 9);
    assert_int_equal(summary.recorded_lost, 3);
    assert_int_equal(summary.next_record, 13);
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
repair__expected_records_of_an_empty_blob__are_recorded(void **state)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = 12 };
    struct seglog_store store = memory_open();
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };

    (void)state;
    blob_replace(store, "log", "", 0);
    assert_code_err(
        seglog_repair(store, "log", store, "new", &options, &summary, &err),
        SEGLOG_OK, &err);
    assert_int_equal(summary.lost, 12);
    assert_ok(seglog_scan(store, "new", NULL, &summary, NULL));
    assert_int_equal(summary.recorded_lost, 12);
    assert_int_equal(summary.next_record, 13);
    seglog_store_close(&store);
}

static void
repair__what_cannot_be_read__is_recorded_as_io(void **state)
{
    struct seglog_store target = memory_open();
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 300, 100);
    (void)forge_close(&forge);
    probe_put(&probe, "log", forge.bytes, forge.len);
    probe_fail_reads(&probe, 9000, 9001);
    assert_code_err(
        seglog_repair(store, "log", target, "new", NULL, &summary, &err),
        SEGLOG_OK, &err);
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_IO);
    assert_ok(seglog_scan(target, "new", NULL, &summary, NULL));
    assert_int_equal(summary.records, 260);
    assert_int_equal(summary.recorded_lost, 40);
    probe_close(&probe);
    seglog_store_close(&target);
    forge_free(&forge);
}

/* A call that fails once is not what the segment is like. */
static void
repair__a_source_that_fails_once__is_io_and_loses_nothing(void **state)
{
    struct seglog_store target = memory_open();
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .attributes = "kind=test",
                                                   .attributes_len = 9 };
    struct seglog_writer *writer = NULL;
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    seglog_code code = SEGLOG_IO;

    (void)state;
    assert_ok(seglog_writer_open(store, "log", &options, &writer, NULL));
    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, "one", 3,
                                   SEGLOG_LEVEL_FLUSH, NULL, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    for (uint64_t k = 1; code != SEGLOG_OK; k++) {
        const struct seglog_fault fault = { .at = k, .code = SEGLOG_IO };
        struct seglog_scan_summary summary;
        uint8_t attributes[20];
        size_t len = 0;

        seglog_faults_clear(probe.faults);
        seglog_faults_reset_counts(probe.faults);
        assert_true(seglog_faults_add(probe.faults, &fault));
        code = seglog_repair(store, "log", target, "new", NULL, &summary, NULL);
        if (code != SEGLOG_OK) {
            assert_code(code, SEGLOG_IO);
            assert_false(blob_exists(target, "new"));
            continue;
        }
        if (summary.verdict != SEGLOG_VERDICT_IO) {
            assert_int_equal(summary.next_record, 2);
            assert_ok(seglog_segment_get_attributes(target, "new", attributes,
                                                    sizeof attributes, &len,
                                                    NULL, NULL));
            assert_int_equal(len, 9);
        }
        if (seglog_faults_get_hits(probe.faults) > 0) {
            assert_ok(seglog_store_remove(target, "new", NULL));
            code = SEGLOG_IO;
        }
    }
    probe_close(&probe);
    seglog_store_close(&target);
}

/* -- what it tells and refuses --------------------------------------------- */

struct told {
    size_t findings;
    uint64_t done;
    uint64_t total;
};

static void
told_finding(void *arg, const struct seglog_finding *finding)
{
    struct told *told = arg;

    (void)finding;
    told->findings++;
}

static void
told_progress(void *arg, uint64_t done, uint64_t total)
{
    struct told *told = arg;

    told->done = done;
    told->total = total;
}

static void
repair__callbacks__are_told_of_the_source(void **state)
{
    struct told told = { .findings = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding = told_finding,
                                                 .on_progress = told_progress,
                                                 .arg = &told };
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    forge.bytes[HEADER + 2 * RECORD + 9] ^= 1;
    forge.bytes[HEADER + 6 * RECORD + 9] ^= 1;
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_ok(seglog_repair(store, "log", store, "new", &options, NULL, NULL));
    assert_int_equal(told.findings, 2);
    assert_int_equal(told.done, forge.len);
    assert_int_equal(told.total, forge.len);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
repair__onto_something_that_is_there__is_exists_and_leaves_it(void **state)
{
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };
    struct forge forge;
    size_t len;

    (void)state;
    forge_ten(&forge, true);
    blob_replace(store, "log", forge.bytes, forge.len);
    blob_replace(store, "new", "precious", 8);
    assert_code_err(seglog_repair(store, "log", store, "new", NULL, NULL, &err),
                    SEGLOG_EXISTS, &err);
    uint8_t *bytes = blob_read(store, "new", &len);
    assert_int_equal(len, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
    /* Onto itself is no different. */
    assert_code_err(seglog_repair(store, "log", store, "log", NULL, NULL, &err),
                    SEGLOG_EXISTS, &err);
    bytes = blob_read(store, "log", &len);
    assert_int_equal(len, forge.len);
    assert_memory_equal(bytes, forge.bytes, len);
    free(bytes);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
repair__no_segment_or_none_at_all__creates_nothing(void **state)
{
    const struct seglog_scan_options options = { .size = 1 };
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };

    (void)state;
    assert_code_err(seglog_repair(store, "log", store, "new", NULL, NULL, &err),
                    SEGLOG_NOT_FOUND, &err);
    blob_replace(store, "log", "just some text\n", 15);
    assert_code_err(seglog_repair(store, "log", store, "new", NULL, NULL, &err),
                    SEGLOG_FORMAT, &err);
    assert_code_err(
        seglog_repair(store, "log", store, "new", &options, NULL, &err),
        SEGLOG_INVALID, &err);
    assert_false(blob_exists(store, "new"));
    seglog_store_close(&store);
}

static bool
name_count(void *arg, const char *name)
{
    size_t *count = arg;

    (void)name;
    ++*count;
    return true;
}

static void
repair__a_destination_that_fails__leaves_nothing_there(void **state)
{
    struct seglog_store store = memory_open();
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 10; i++) {
        forge_fill(&forge, 60, 1000);
        (void)forge_sync(&forge);
    }
    forge.bytes[5000] ^= 1;
    blob_replace(store, "log", forge.bytes, forge.len);
    for (unsigned fail = 1;; fail++) {
        struct seglog_error err = { 0 };
        struct probe probe;
        struct seglog_store target = probe_open(&probe);
        size_t names = 0;

        assert_true(seglog_faults_fail(probe.faults, SEGLOG_FAULT_APPEND, fail,
                                       SEGLOG_NO_SPACE));
        const seglog_code code =
            seglog_repair(store, "log", target, "new", NULL, NULL, &err);
        if (code == SEGLOG_OK) {
            assert_true(fail > 3);
            probe_close(&probe);
            break;
        }
        assert_code_err(code, SEGLOG_NO_SPACE, &err);
        assert_ok(seglog_store_list(target, "", name_count, &names, NULL));
        assert_int_equal(names, 0);
        probe_close(&probe);
    }
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
repair__a_destination_that_lies__is_corrupt_and_removed(void **state)
{
    static const struct seglog_fault flipped = { .way = SEGLOG_FAULT_FLIPPED,
                                                 .start = 100 };
    struct seglog_store store = memory_open();
    struct seglog_error err = { 0 };
    struct probe probe;
    struct seglog_store target = probe_open(&probe);
    struct forge forge;
    size_t names = 0;

    (void)state;
    forge_ten(&forge, true);
    blob_replace(store, "log", forge.bytes, forge.len);
    /* It takes everything and gives back other bytes. */
    assert_true(seglog_faults_add(probe.faults, &flipped));
    assert_code_err(
        seglog_repair(store, "log", target, "new", NULL, NULL, &err),
        SEGLOG_CORRUPT, &err);
    assert_ok(seglog_store_list(target, "", name_count, &names, NULL));
    assert_int_equal(names, 0);
    probe_close(&probe);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* -- a destination that gives back another segment ------------------------- */

static const struct seglog_store_ops *inner_ops;

static seglog_code
planted_open(void *self, const char *name, unsigned flags,
             struct seglog_blob *blob, struct seglog_error *err)
{
    return inner_ops->open(self, flags == SEGLOG_OPEN_READ ? "planted" : name,
                           flags, blob, err);
}

enum planting {
    PLANT_THE_SAME,
    PLANT_OPEN,
    PLANT_TORN,
    PLANT_DAMAGED,
    PLANT_ATTRIBUTES,
    PLANT_FEWER_RECORDS,
    PLANT_GAP,
    PLANT_OTHER_BYTES,
    PLANTINGS
};

static void
planted_make(struct seglog_store store, const char *name, enum planting how)
{
    struct seglog_writer_options options = {
        .size = sizeof options,
        .attributes = how == PLANT_ATTRIBUTES ? "kind=b" : "kind=a",
        .attributes_len = 6,
        .no_closing_mark = how == PLANT_OPEN || how == PLANT_TORN,
    };
    const struct seglog_finding lost = {
        .verdict = SEGLOG_VERDICT_CORRUPT,
        .cause = SEGLOG_CAUSE_CHECKSUM,
        .first_record = 4,
        .last_record = 4,
        .line = 4,
        .lines = 1,
    };
    struct seglog_writer *writer = NULL;

    assert_ok(seglog_writer_open(store, name, &options, &writer, NULL));
    for (unsigned i = 0; i < (how == PLANT_FEWER_RECORDS ? 2u : 3u) +
                                 (how == PLANT_TORN ? 1u : 0u);
         i++)
        assert_ok(seglog_writer_append(
            writer, SEGLOG_TEXT, how == PLANT_OTHER_BYTES && i == 1 ? "b" : "a",
            1, SEGLOG_LEVEL_APPEND, NULL, NULL));
    if (how == PLANT_GAP)
        assert_ok(seglog_writer_append_gap(writer, &lost, NULL));
    assert_ok(seglog_writer_close(writer, NULL));
    if (how != PLANT_DAMAGED && how != PLANT_TORN)
        return;
    /* In the closing mark: nothing is lost by it. */
    size_t len;
    uint8_t *bytes = blob_read(store, name, &len);

    bytes[len - 30] ^= how == PLANT_DAMAGED;
    blob_replace(store, name, bytes, how == PLANT_TORN ? len - 1 : len);
    free(bytes);
}

static void
repair__another_segment_read_back__is_corrupt_and_removed(void **state)
{
    (void)state;
    for (int how = PLANT_THE_SAME; how < PLANTINGS; how++) {
        struct seglog_store source = memory_open();
        struct seglog_store memory = memory_open();
        struct seglog_store_ops ops = *memory.ops;
        const struct seglog_store target = { &ops, memory.self };
        struct seglog_error err = { 0 };

        inner_ops = memory.ops;
        ops.open = planted_open;
        planted_make(source, "log", PLANT_THE_SAME);
        planted_make(memory, "planted", (enum planting)how);
        assert_code_err(
            seglog_repair(source, "log", target, "new", NULL, NULL, &err),
            how == PLANT_THE_SAME ? SEGLOG_OK : SEGLOG_CORRUPT, &err);
        assert_int_equal(blob_exists(memory, "new"), how == PLANT_THE_SAME);
        seglog_store_close(&memory);
        seglog_store_close(&source);
    }
}

/* -- what a later version may say ------------------------------------------ */

static void
repair__a_gap_of_a_later_version__is_corrupt_for_no_known_cause(void **state)
{
    static const struct {
        struct slg_gap gap;
        const char *wanted;
    } cases[] = {
        { { .verdict = 0, .cause = 1, .durable = 2 }, "CORRUPT io 2-3 " },
        { { .verdict = 6, .cause = 22, .durable = 3 }, "CORRUPT auth 2-3 " },
        { { .verdict = 5, .cause = 24, .durable = 1 }, "IO none 2-3 " },
        { { .verdict = 1, .cause = 200, .durable = 9 }, "TORN none 2-3 " },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct seglog_store store = memory_open();
        struct seglog_reader *reader = NULL;
        struct seglog_event event;
        struct seglog_error err = { 0 };
        struct slg_gap gap = cases[i].gap;
        struct forge forge;
        char text[256];

        gap.count = gap.lines = 2;
        gap.shift = INT64_MIN;
        forge_start(&forge);
        (void)forge_text(&forge, "one");
        (void)forge_gap(&forge, &gap);
        (void)forge_text(&forge, "four");
        (void)forge_close(&forge);
        blob_replace(store, "log", forge.bytes, forge.len);
        assert_code_err(
            seglog_repair(store, "log", store, "new", NULL, NULL, &err),
            SEGLOG_OK, &err);
        assert_ok(seglog_reader_open(store, "new", NULL, &reader, NULL));
        for (unsigned k = 0; k < 2; k++)
            assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.type, SEGLOG_EVENT_GAP);
        finding_format(&event.finding, text, sizeof text);
        if (strncmp(text, cases[i].wanted, strlen(cases[i].wanted)) != 0)
            fail_msg("%s instead of %s", text, cases[i].wanted);
        assert_int_equal(event.finding.durable, gap.durable > SEGLOG_DURABLE_YES
                                                    ? SEGLOG_DURABLE_UNKNOWN
                                                    : (int)gap.durable);
        seglog_reader_close(reader);
        forge_free(&forge);
        seglog_store_close(&store);
    }
}

static void
repair__every_single_flipped_bit__reads_as_the_source_does(void **state)
{
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 9);
    forge_fill_groups(&forge, 1, 3, 9);
    (void)forge_sync(&forge);
    forge_fill(&forge, 2, 9);
    (void)forge_close(&forge);
    for (size_t at = 0; at < forge.len; at++) {
        forge.bytes[at] ^= 0x11;
        look_at(&forge, forge.bytes, forge.len, &look);
        check_repair(forge.bytes, forge.len, &summary);
        assert_int_equal(summary.records + summary.recorded_lost, 8);
        forge.bytes[at] ^= 0x11;
    }
    forge_free(&forge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            repair__a_sound_segment__is_a_copy_with_a_new_identity),
        cmocka_unit_test(repair__lost_records__are_recorded_as_gaps),
        cmocka_unit_test(
            repair__a_recorded_gap__keeps_all_that_was_said_of_the_loss),
        cmocka_unit_test(repair__groups_numbers_and_lines__stay),
        cmocka_unit_test(repair__lines_of_parts__stay),
        cmocka_unit_test(repair__records_out_of_order__are_put_in_order),
        cmocka_unit_test(repair__a_record_found_alone__is_saved),
        cmocka_unit_test(repair__a_torn_tail__records_no_gap),
        cmocka_unit_test(repair__a_header_alone_or_less__is_an_empty_segment),
        cmocka_unit_test(repair__a_lost_header__saves_the_records),
        cmocka_unit_test(repair__a_lost_first_record__starts_with_a_gap),
        cmocka_unit_test(repair__first_record_limits_and_features__stay),
        cmocka_unit_test(
            repair__records_of_8_mib__are_saved_also_without_a_header),
        cmocka_unit_test(repair__below_what_is_expected__records_the_cut),
        cmocka_unit_test(
            repair__expected_records_of_an_empty_blob__are_recorded),
        cmocka_unit_test(repair__what_cannot_be_read__is_recorded_as_io),
        cmocka_unit_test(
            repair__a_source_that_fails_once__is_io_and_loses_nothing),
        cmocka_unit_test(repair__callbacks__are_told_of_the_source),
        cmocka_unit_test(
            repair__onto_something_that_is_there__is_exists_and_leaves_it),
        cmocka_unit_test(repair__no_segment_or_none_at_all__creates_nothing),
        cmocka_unit_test(
            repair__a_destination_that_fails__leaves_nothing_there),
        cmocka_unit_test(
            repair__a_destination_that_lies__is_corrupt_and_removed),
        cmocka_unit_test(
            repair__another_segment_read_back__is_corrupt_and_removed),
        cmocka_unit_test(
            repair__a_gap_of_a_later_version__is_corrupt_for_no_known_cause),
        cmocka_unit_test(
            repair__every_single_flipped_bit__reads_as_the_source_does),
    };

    return cmocka_run_group_tests_name("segment/repair", tests, NULL, NULL);
}
