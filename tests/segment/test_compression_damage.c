/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_compression_damage.c
 *
 * Goal    damage of what is compressed makes no wrong record, costs at most the
 *         rest of its stretch, and each loss says what it depends on.
 * Method  small segments damaged in every bit, with each codec.
 */
#include "tests/segment/codec_support.h"
#include "tests/segment/damage_support.h"
#include "tests/segment/forge_support.h"
#include "tests/segment/writer_support.h"

#define RECORDS 80u

/* Sanitizers are slow: they get a sample of the places. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 23u
#else
#define STRIDE 1u
#endif

static const struct image_plan shapes[] = {
    { .records = RECORDS,
      .payload_len = 60,
      .is_closed = true,
      .sync_log2 = 9 },
    { .records = RECORDS,
      .payload_len = 60,
      .is_synced = true,
      .sync_log2 = 10 },
    { .records = RECORDS,
      .payload_len = 60,
      .is_closed = true,
      .sync_log2 = 9,
      .group = 5 },
    /* Auto begins with deflate and changes to zstd within a stretch. */
    { .records = 12, .payload_len = 900, .is_closed = true, .sync_log2 = 12 },
};

static struct image_plan
plan_of(size_t shape)
{
    struct image_plan plan = shapes[shape];

    plan.codec = codec;
    return plan;
}

static bool
frame_is_compressed(const struct seglog_frame *frame)
{
    return (frame->head & SLG_HEAD_PACKING) != 0;
}

static bool
frame_is_mark(const struct seglog_frame *frame)
{
    return frame->control == SLG_CONTROL_SYNC_POINT ||
           frame->control == SLG_CONTROL_CLOSING_MARK;
}

/* The frame of image that byte `at` is in; frame_count: the header. */
static size_t
frame_at(const struct image *image, size_t at)
{
    size_t i = 0;

    while (i < image->frame_count &&
           at >= image->frames[i].offset + image->frames[i].len)
        i++;
    return at < FORGE_HEADER_BYTES ? image->frame_count : i;
}

/* What the loss of frame number `bad` takes with it. */
static void
check_losses(const struct image *image, size_t bad, struct looked *looked)
{
    const struct seglog_frame *first = &image->frames[bad];
    uint64_t lost = first->count;
    uint64_t dependent = 0;

    for (uint64_t i = 0; i < first->count; i++)
        assert_false(looked->has[first->first_record + i]);
    for (size_t i = bad + 1;
         i < image->frame_count && !frame_is_mark(&image->frames[i]); i++) {
        const struct seglog_frame *frame = &image->frames[i];

        for (uint64_t n = 0; n < frame->count; n++)
            assert_int_equal(looked->has[frame->first_record + n],
                             !frame_is_compressed(frame));
        dependent += frame_is_compressed(frame) ? frame->count : 0;
    }
    assert_int_equal(looked->missing, lost + dependent);
    assert_int_equal(looked->summary.lost, lost + dependent);
    for (size_t i = 0; i < looked->finding_count; i++) {
        const struct seglog_finding *finding = &looked->findings[i];

        if (finding->cause != SEGLOG_CAUSE_DEPENDS_ON) {
            assert_int_equal(finding->first_record, first->first_record);
            lost -= finding->last_record - finding->first_record + 1;
            continue;
        }
        assert_string_equal(seglog_verdict_name(finding->verdict), "CORRUPT");
        assert_int_equal(finding->depends_on, first->first_record);
        assert_true(finding->first_byte >= first->offset + first->len);
        dependent -= finding->last_record - finding->first_record + 1;
    }
    assert_int_equal(lost, 0);
    assert_int_equal(dependent, 0);
}

static void
flip__any_single_bit__costs_at_most_the_rest_of_its_stretch(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(shapes); p++) {
        const struct image_plan plan = plan_of(p);
        struct image image;
        struct looked looked;

        image_make(&image, &plan);
        for (size_t bit = 0; bit < 8 * image.len; bit += STRIDE) {
            const size_t bad = frame_at(&image, bit / 8);
            const bool is_last =
                !plan.is_closed && bad + 1 == image.frame_count;

            image.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            image_look(&image, image.bytes, image.len, 0, &looked);
            image.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_string_equal(seglog_verdict_name(looked.summary.verdict),
                                is_last ? "TORN" : "CORRUPT");
            if (bad == image.frame_count || frame_is_mark(&image.frames[bad]))
                assert_nothing_lost(&looked);
            else if (!is_last)
                check_losses(&image, bad, &looked);
        }
        image_free(&image);
    }
}

static void
cut__at_every_length__keeps_all_before(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(shapes); p++) {
        const struct image_plan plan = plan_of(p);
        struct image image;
        struct looked looked;

        image_make(&image, &plan);
        for (size_t len = FORGE_HEADER_BYTES; len < image.len; len += STRIDE) {
            uint64_t before = 0;

            for (size_t i = 0; i < image.frame_count; i++) {
                const struct seglog_frame *frame = &image.frames[i];

                if (frame->offset + frame->len <= len)
                    before += frame->count;
            }
            image_look(&image, image.bytes, len, 0, &looked);
            assert_int_equal(looked.records, before);
            assert_int_equal(looked.summary.lost, 0);
        }
        image_free(&image);
    }
}

static void
insert__any_byte__costs_at_most_the_rest_of_its_stretch(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(shapes); p++) {
        const struct image_plan plan = plan_of(p);
        struct image image;
        struct looked looked;

        image_make(&image, &plan);
        uint8_t *bytes = malloc(image.len + 1);
        assert_non_null(bytes);
        for (size_t at = FORGE_HEADER_BYTES; at < image.len; at += STRIDE) {
            const size_t bad = frame_at(&image, at);
            const bool is_between = at == image.frames[bad].offset;

            memcpy(bytes, image.bytes, at);
            /* Not one that could as well stand one place further. */
            bytes[at] = 'z';
            while (bytes[at] == image.bytes[at] ||
                   bytes[at] == image.bytes[at - 1])
                bytes[at]++;
            memcpy(bytes + at + 1, image.bytes + at, image.len - at);
            image_look(&image, bytes, image.len + 1, 0, &looked);
            /* Between two frames it takes nothing with it. */
            if (is_between || frame_is_mark(&image.frames[bad]))
                assert_nothing_lost(&looked);
            else if (plan.is_closed || bad + 1 < image.frame_count)
                check_losses(&image, bad, &looked);
        }
        free(bytes);
        image_free(&image);
    }
}

static void
header__lost__costs_nothing(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(shapes); p++) {
        const struct image_plan plan = plan_of(p);
        struct image image;
        struct looked looked;

        image_make(&image, &plan);
        memset(image.bytes, 0x55, FORGE_HEADER_BYTES);
        image_look(&image, image.bytes, image.len, 0, &looked);
        assert_nothing_lost(&looked);
        assert_true(looked.summary.is_header_lost);
        image_free(&image);
    }
}

/* The damage is told of, and so is what is appended behind it. */
static void
reader__what_is_appended_behind_damage__is_told_to_depend_on_it(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_reader_options salvage = { .size = sizeof salvage,
                                                   .salvage = true };
    struct image image;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    const struct image_plan plan = { .records = 20,
                                     .payload_len = 60,
                                     .codec = codec };

    image_make(&image, &plan);
    const struct seglog_frame *bad = &image.frames[image.frame_of[5]];
    const size_t half = (size_t)image.frames[image.frame_of[10]].offset;
    image.bytes[bad->body_offset] ^= 1;
    blob_write(store, "log", image.bytes, half);
    assert_ok(seglog_reader_open(store, "log", &salvage, &reader, NULL));
    for (uint64_t n = 1; n <= 4; n++) {
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.record.record_no, n);
    }
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.finding.first_record, 5);
    assert_int_equal(event.finding.last_record, 5);
    assert_ok(seglog_reader_next(reader, &event, NULL));
    assert_int_equal(event.finding.cause, SEGLOG_CAUSE_DEPENDS_ON);
    assert_int_equal(event.finding.first_record, 6);
    assert_int_equal(event.finding.last_record, 9);
    assert_int_equal(event.finding.depends_on, 5);
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    blob_write(store, "log", image.bytes, image.len);
    for (uint64_t n = 10; n <= 20; n++) {
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.type, SEGLOG_EVENT_GAP);
        assert_int_equal(event.finding.cause, SEGLOG_CAUSE_DEPENDS_ON);
        assert_int_equal(event.finding.first_record, n);
        assert_int_equal(event.finding.depends_on, 5);
    }
    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
    seglog_reader_close(reader);
    image_free(&image);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            flip__any_single_bit__costs_at_most_the_rest_of_its_stretch),
        cmocka_unit_test(cut__at_every_length__keeps_all_before),
        cmocka_unit_test(
            insert__any_byte__costs_at_most_the_rest_of_its_stretch),
        cmocka_unit_test(header__lost__costs_nothing),
        on_memory(
            reader__what_is_appended_behind_damage__is_told_to_depend_on_it),
    };

    return codecs_run("segment/compression_damage", tests, COUNT_OF(tests));
}
