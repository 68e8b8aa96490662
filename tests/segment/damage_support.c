/* SPDX-License-Identifier: MIT */
/* tests/segment/damage_support.c - build a segment, damage it, look at it. */
#include "tests/segment/damage_support.h"

#include "tests/support/blobs.h"

static const uint8_t identity[SEGLOG_IDENTITY_BYTES] = { 0,  1,  2,  3, 4,  5,
                                                         6,  7,  8,  9, 10, 11,
                                                         12, 13, 14, 15 };

/* Opened when it is needed first. */
static struct seglog_store image_store;

const uint8_t *
image_payload(const struct image *image, uint64_t number)
{
    static uint8_t payload[1 << 20];

    assert_true(image->payload_len <= sizeof payload);
    for (size_t i = 0; image->is_alike && i < image->payload_len; i++)
        payload[i] = (uint8_t)(i % 16 < 3 ? 'a' + (number * (i + 3) >> 1) % 26
                                          : 'A' + i % 26);
    if (image->is_alike)
        return payload;
    for (size_t i = 0; i < image->payload_len; i++)
        payload[i] = (uint8_t)(' ' + (number * 131 + i * 7 + (i * i) / 5 +
                                      (number >> 3) * i) %
                                         90);
    return payload;
}

static bool
frame_note(void *arg, const struct seglog_frame *frame)
{
    struct image *image = arg;

    image->frames = realloc(image->frames,
                            (image->frame_count + 1) * sizeof *image->frames);
    assert_non_null(image->frames);
    for (uint64_t i = 0; frame->control == 0 && i < frame->count; i++)
        image->frame_of[frame->first_record + i] = image->frame_count;
    image->frames[image->frame_count++] = *frame;
    return true;
}

static void
image_write(struct image *image, const struct image_plan *plan)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .identity = identity,
        .is_epoch_given = true,
        .epoch_random = 0xC0FFEE01u,
        .sync_log2 = plan->sync_log2,
        .body_log2 = plan->body_log2,
        .no_closing_mark = !plan->is_closed,
        .codec = plan->codec,
    };
    struct seglog_writer *writer;
    struct seglog_error err;

    assert_code_err(
        seglog_writer_open(image_store, "image", &options, &writer, &err),
        SEGLOG_OK, &err);
    for (uint64_t n = 1; n <= plan->records;) {
        if (plan->group > 1) {
            struct seglog_item items[64];
            uint8_t *copies[64];
            size_t count = 0;

            for (; count < plan->group && n <= plan->records; count++, n++) {
                copies[count] =
                    exact_copy(image_payload(image, n), image->payload_len);
                items[count] = (struct seglog_item){ SEGLOG_TEXT, copies[count],
                                                     image->payload_len };
            }
            assert_ok(seglog_writer_append_group(
                writer, items, count, SEGLOG_LEVEL_FLUSH, NULL, NULL));
            while (count > 0)
                free(copies[--count]);
        } else {
            assert_ok(seglog_writer_append(
                writer, SEGLOG_TEXT, image_payload(image, n),
                image->payload_len, SEGLOG_LEVEL_FLUSH, NULL, NULL));
            n++;
        }
        if (plan->is_synced && n % 10 == 1)
            assert_ok(seglog_writer_sync(writer, NULL));
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

void
image_make(struct image *image, const struct image_plan *plan)
{

    memset(image, 0, sizeof *image);
    assert_true(plan->records <= IMAGE_RECORDS_MAX);
    image->records = plan->records;
    image->payload_len = plan->payload_len;
    image->is_alike = plan->codec != SEGLOG_CODEC_NONE;
    if (!image_store.ops)
        assert_ok(seglog_store_memory_open(&image_store, NULL));
    (void)!seglog_store_remove(image_store, "image", NULL);
    image_write(image, plan);
    image->bytes = blob_read(image_store, "image", &image->len);

    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = frame_note,
                                                 .arg = image };
    struct seglog_scan_summary summary;
    assert_ok(seglog_scan(image_store, "image", &options, &summary, NULL));
    assert_string_equal(seglog_verdict_name(summary.verdict), "OK");
    assert_int_equal(summary.records, plan->records);
    assert_int_equal(summary.is_closed, plan->is_closed);
}

void
image_free(struct image *image)
{
    free(image->bytes);
    free(image->frames);
    memset(image, 0, sizeof *image);
}

static void
finding_note(void *arg, const struct seglog_finding *finding)
{
    struct looked *looked = arg;

    if (looked->finding_count < IMAGE_FINDINGS_MAX)
        looked->findings[looked->finding_count] = *finding;
    looked->finding_count++;
}

static void
record_check(const struct image *image, const struct seglog_record *record,
             uint64_t last, struct looked *looked)
{
    assert_true(record->record_no > last);
    assert_true(record->record_no <= image->records);
    assert_int_equal(record->kind, SEGLOG_TEXT);
    assert_int_equal(record->line_no, record->record_no);
    assert_int_equal(record->len, image->payload_len);
    assert_memory_equal(record->data, image_payload(image, record->record_no),
                        record->len);
    looked->has[record->record_no] = true;
    looked->records++;
}

static void
image_read(const struct image *image, uint64_t expect, struct looked *looked)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = true,
                                                   .expect = expect };
    struct seglog_reader *reader;
    struct seglog_event event;
    struct seglog_error err;
    seglog_code code;
    uint64_t last = 0;
    size_t gaps = 0;

    code = seglog_reader_open(image_store, "damaged", &options, &reader, &err);
    assert_code_err(code, SEGLOG_OK, &err);
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        if (event.type == SEGLOG_EVENT_GAP) {
            gaps++;
            continue;
        }
        record_check(image, &event.record, last, looked);
        last = event.record.record_no;
    }
    assert_code_err(code, SEGLOG_END, &err);
    seglog_reader_close(reader);
    assert_int_equal(looked->records, looked->summary.records);
    assert_int_equal(gaps, looked->finding_count);
}

void
image_look(const struct image *image, const uint8_t *bytes, size_t len,
           uint64_t expect, struct looked *looked)
{
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .expect = expect,
                                                 .on_finding = finding_note,
                                                 .arg = looked };
    struct seglog_error err;

    memset(looked, 0, sizeof *looked);
    if (!image_store.ops)
        assert_ok(seglog_store_memory_open(&image_store, NULL));
    blob_replace(image_store, "damaged", bytes, len);
    assert_code_err(
        seglog_scan(image_store, "damaged", &options, &looked->summary, &err),
        SEGLOG_OK, &err);
    assert_int_equal(looked->summary.findings, looked->finding_count);
    image_read(image, expect, looked);
    for (uint64_t n = 1; n <= image->records; n++) {
        if (looked->has[n])
            continue;
        if (looked->missing++ == 0)
            looked->missing_first = n;
        looked->missing_last = n;
    }
}

void
assert_only_lost(const struct looked *looked, uint64_t number)
{
    assert_int_equal(looked->missing, 1);
    assert_int_equal(looked->missing_first, number);
    size_t reports = 0;
    for (size_t i = 0; i < looked->finding_count; i++) {
        if (looked->findings[i].first_record == 0)
            continue;
        assert_int_equal(looked->findings[i].first_record, number);
        if (looked->findings[i].verdict != SEGLOG_VERDICT_TORN)
            assert_int_equal(looked->findings[i].last_record, number);
        reports++;
    }
    assert_int_equal(reports, 1);
}

void
assert_nothing_lost(const struct looked *looked)
{
    assert_int_equal(looked->missing, 0);
    assert_int_equal(looked->summary.lost, 0);
    for (size_t i = 0; i < looked->finding_count; i++) {
        /* A copy of the last frame at the very end looks like a torn one. */
        if (looked->findings[i].verdict == SEGLOG_VERDICT_TORN &&
            looked->findings[i].first_record == looked->summary.next_record)
            continue;
        assert_int_equal(looked->findings[i].first_record, 0);
    }
}
