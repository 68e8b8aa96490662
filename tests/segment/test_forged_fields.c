/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_forged_fields.c
 *
 * Goal    what stands in a frame is not believed because its checksum is
 *         right: whatever a field says, scan and reader agree, records come in
 *         order, and a repair makes a sound copy.
 * Method  in segments of every kind each byte of the fields of each frame is
 *         changed, and the checksum of the frame made right again.
 */
#include "tests/segment/forge_support.h"

#include <stdio.h>

#include "format/checksum.h"
#include "format/frame.h"
#include "format/header.h"
#include "src/codec/zrun.h"
#include "src/segment/segment_walk.h"
#include "tests/segment/segment_kinds.h"

#define FRAMES_MAX 200u
/* Of a long body the first bytes and the last ones are fields. */
#define FIELDS_FRONT ((uint64_t)100)
#define FIELDS_BACK  ((uint64_t)40)

struct frames {
    struct seglog_frame list[FRAMES_MAX];
    size_t count;
};

static bool
frame_note(void *arg, const struct seglog_frame *frame)
{
    struct frames *frames = arg;

    if (frames->count == FRAMES_MAX)
        return false;
    frames->list[frames->count++] = *frame;
    return true;
}

/* For messages. */
static char forged[100];

/* -- what must be so whatever stands there --------------------------------- */

static uint64_t
read_all(struct seglog_store store, const char *name, bool salvage,
         seglog_code *code)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t records = 0;
    uint64_t last = 0;

    *code = seglog_reader_open(store, name, &options, &reader, NULL);
    while (*code == SEGLOG_OK) {
        *code = seglog_reader_next(reader, &event, NULL);
        if (*code != SEGLOG_OK || event.type == SEGLOG_EVENT_GAP)
            continue;
        assert_true(event.record.record_no > last);
        last = event.record.record_no;
        records++;
    }
    seglog_reader_close(reader);
    return records;
}

static void
seek_somewhere(struct seglog_store store)
{
    static const uint64_t numbers[] = { 20, 2, 41, 1 };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;

    if (seglog_reader_open(store, KIND_NAME, NULL, &reader, NULL) != SEGLOG_OK)
        return;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (seglog_reader_seek(reader, numbers[i], NULL) == SEGLOG_OK &&
            seglog_reader_next(reader, &event, NULL) == SEGLOG_OK &&
            event.type == SEGLOG_EVENT_RECORD)
            assert_true(event.record.record_no >= numbers[i]);
    }
    seglog_reader_close(reader);
}

static void
segment_check(struct seglog_store store, bool with_repair)
{
    struct seglog_scan_summary summary;
    struct seglog_scan_summary copy;
    uint8_t attributes[1000];
    size_t len = 0;
    seglog_code code = seglog_scan(store, KIND_NAME, NULL, &summary, NULL);

    if (code == SEGLOG_FORMAT || code == SEGLOG_NOT_FOUND)
        return;
    assert_ok(code);
    const uint64_t records = read_all(store, KIND_NAME, true, &code);
    if (code != SEGLOG_END || records != summary.records)
        fail_msg("%s: the scan finds %u records, the reader %u, and %s", forged,
                 (unsigned)summary.records, (unsigned)records,
                 seglog_code_name(code));
    (void)read_all(store, KIND_NAME, false, &code);
    assert_true(code == SEGLOG_END || code == SEGLOG_CORRUPT);
    seek_somewhere(store);
    assert_ok(seglog_segment_get_summary(store, KIND_NAME, &copy, NULL));
    code = seglog_segment_get_attributes(store, KIND_NAME, attributes,
                                         sizeof attributes, &len, NULL, NULL);
    assert_true(code == SEGLOG_OK || code == SEGLOG_TOO_LARGE);
    if (!with_repair)
        return;
    assert_ok(seglog_repair(store, KIND_NAME, store, "copy", NULL, NULL, NULL));
    assert_ok(seglog_scan(store, "copy", NULL, &copy, NULL));
    assert_int_equal(copy.verdict, SEGLOG_VERDICT_OK);
    assert_int_equal(copy.records, summary.records);
    assert_ok(seglog_store_remove(store, "copy", NULL));
}

/* -- forging --------------------------------------------------------------- */

struct subject {
    struct seglog_store store;
    uint8_t *bytes;
    size_t len;
    struct slg_frame_limits limits;
};

/* Change one byte of a frame, and its checksum with it. */
static void
frame_forge(struct subject *subject, const struct seglog_frame *frame,
            uint64_t at, uint8_t to, bool with_repair)
{
    uint8_t *start = subject->bytes + frame->offset;
    uint8_t *sum = start + frame->len - SLG_CHECKSUM_BYTES;
    const uint8_t before = subject->bytes[at];
    const uint32_t sum_before = slg_load_le32(sum);
    struct slg_frame parsed;

    if (to == before)
        return;
    assert_true(
        slg_frame_parse(start, (size_t)frame->len, &subject->limits, &parsed));
    const uint32_t mixed = slg_frame_mixed(start, &parsed);
    subject->bytes[at] = to;
    slg_store_le32(sum, sum_before ^ mixed ^ slg_frame_mixed(start, &parsed));
    assert_int_equal(slg_frame_mixed(start, &parsed), mixed);
    (void)snprintf(forged, sizeof forged, "byte %u of the frame @%u: %02x",
                   (unsigned)(at - frame->offset), (unsigned)frame->offset, to);
    blob_replace(subject->store, KIND_NAME, subject->bytes, subject->len);
    segment_check(subject->store, with_repair);
    subject->bytes[at] = before;
    slg_store_le32(sum, sum_before);
}

static void
forge_fields(const struct segment_kind *kind)
{
    struct subject subject;
    struct frames frames = { .count = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = frame_note,
                                                 .arg = &frames };
    struct seglog_scan_summary summary;
    struct slg_header header;
    size_t plain = 0;

    assert_ok(seglog_store_memory_open(&subject.store, NULL));
    kind->make(subject.store);
    subject.bytes = blob_read(subject.store, KIND_NAME, &subject.len);
    assert_int_equal(slg_header_decode(subject.bytes, &header), SLG_HEADER_OK);
    subject.limits = slg_header_limits(&header);
    assert_ok(seglog_scan(subject.store, KIND_NAME, &options, &summary, NULL));
    for (size_t i = 0; i < frames.count; i++) {
        const struct seglog_frame *frame = &frames.list[i];
        const bool is_record = frame->control == 0;

        /* Of records that are all alike some are enough. */
        if (is_record && !header.features_refuse && plain++ > 2)
            continue;
        if (is_record && plain++ > 6)
            continue;
        /* Another name, or another digest, is another blob: not there. */
        if (frame->control == SLG_CONTROL_REFERENCE)
            continue;
        for (uint64_t at = 0; at < frame->body_len; at++) {
            const uint64_t place = frame->body_offset + at;
            const uint8_t byte = subject.bytes[place];
            const uint8_t values[] = { byte ^ 1, byte ^ 0x80, 0xFF };

            if (at == FIELDS_FRONT &&
                frame->body_len > FIELDS_FRONT + FIELDS_BACK)
                at = frame->body_len - FIELDS_BACK;
            for (size_t k = 0; k < COUNT_OF(values); k++)
                frame_forge(&subject, frame, place, values[k], k == 0);
        }
    }
    free(subject.bytes);
    seglog_store_close(&subject.store);
}

static void
field__of_any_value__is_no_reason_to_disagree(void **state)
{
    forge_fields(*state);
}

/* The header as well, whose checksum is right for once. */
static void
header__of_any_value__is_no_reason_to_disagree(void **state)
{
    const struct segment_kind *kind = *state;
    struct subject subject;
    uint8_t *copy = NULL;

    assert_ok(seglog_store_memory_open(&subject.store, NULL));
    kind->make(subject.store);
    subject.bytes = blob_read(subject.store, KIND_NAME, &subject.len);
    copy = exact_copy(subject.bytes, SLG_HEADER_BYTES);
    for (size_t at = 0; at < SLG_HEADER_BYTES - SLG_CHECKSUM_BYTES; at++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            subject.bytes[at] ^= (uint8_t)(1u << bit);
            slg_store_le32(subject.bytes + SLG_HEADER_BYTES -
                               SLG_CHECKSUM_BYTES,
                           slg_crc32(0, subject.bytes,
                                     SLG_HEADER_BYTES - SLG_CHECKSUM_BYTES));
            blob_replace(subject.store, KIND_NAME, subject.bytes, subject.len);
            segment_check(subject.store, bit == 0);
            memcpy(subject.bytes, copy, SLG_HEADER_BYTES);
        }
    }
    free(copy);
    free(subject.bytes);
    seglog_store_close(&subject.store);
}

static char names[2 * KINDS_MAX][100];
static struct CMUnitTest tests[2 * KINDS_MAX];

int
main(void)
{
    static const char *const chosen[] = {
        "sound", "open",       "recorded_gap", "deflated",
        "zstd",  "dictionary", "fork",         "sealed",
    };
    size_t count = 0;

    for (size_t i = 0; i < segment_kind_count; i++) {
        const struct segment_kind *kind = &segment_kinds[i];

        if (kind->is_zstd && !slg_zrun_is_there())
            continue;
        for (size_t k = 0; k < 2 * COUNT_OF(chosen); k++) {
            if (strcmp(kind->name, chosen[k / 2]) != 0)
                continue;
            (void)snprintf(names[count], sizeof names[0],
                           "%s__of_any_value__is_no_reason_to_disagree (%s)",
                           k % 2 == 0 ? "field" : "header", kind->name);
            tests[count] = (struct CMUnitTest){
                .name = names[count],
                .test_func =
                    k % 2 == 0 ? field__of_any_value__is_no_reason_to_disagree
                               : header__of_any_value__is_no_reason_to_disagree,
                .initial_state = (void *)(uintptr_t)kind,
            };
            count++;
        }
    }
    return _cmocka_run_group_tests("segment/forged_fields", tests, count, NULL,
                                   NULL);
}
