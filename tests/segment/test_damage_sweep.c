/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_damage_sweep.c - every single damage of its kind.
 *
 * Goal    no damage makes a wrong record; what it costs is bounded and named.
 * Method  a segment of 200 records, closed and not, is damaged in every place
 *         there is; each image is scanned and read in salvage mode.
 */
#include "tests/segment/damage_support.h"

#define RECORDS 200u

/* Sanitizers are slow: they get a sample of the places, of every kind. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 23u
#else
#define STRIDE 1u
#endif

static const struct image_plan plans[] = {
    { .records = RECORDS, .payload_len = 21, .is_closed = true },
    { .records = RECORDS, .payload_len = 21, .is_closed = false },
    { .records = RECORDS,
      .payload_len = 21,
      .is_closed = true,
      .is_synced = true,
      .sync_log2 = 9 },
    { .records = RECORDS, .payload_len = 21, .sync_log2 = 9 },
};

static const uint64_t header_bytes = 54;
static const uint64_t closing_bytes = 70;

/* The record that byte `at` belongs to, 0 for none. */
static uint64_t
record_at(const struct image *image, size_t at)
{
    for (size_t i = 0; i < image->frame_count; i++) {
        const struct seglog_frame *frame = &image->frames[i];

        if (at >= frame->offset && at < frame->offset + frame->len)
            return frame->control != 0 ? 0 : frame->first_record;
    }
    return 0;
}

static void
check_flip(const struct image *image, size_t bit, bool is_closed,
           const struct looked *looked)
{
    const size_t at = bit / 8;
    const uint64_t record = record_at(image, at);
    const bool is_last = !is_closed && record == RECORDS;

    assert_int_equal(looked->finding_count, 1);
    if (record == 0)
        assert_nothing_lost(looked);
    else
        assert_only_lost(looked, record);
    /* The last frame of an unclosed log could be torn as well as damaged. */
    assert_string_equal(seglog_verdict_name(looked->summary.verdict),
                        is_last ? "TORN" : "CORRUPT");
    assert_int_equal(looked->summary.next_record,
                     is_last ? RECORDS : RECORDS + 1);
}

static void
flip__any_single_bit__costs_at_most_its_record_and_names_it(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(plans); p++) {
        struct image image;
        struct looked looked;

        image_make(&image, &plans[p]);
        for (size_t bit = 0; bit < 8 * image.len; bit += STRIDE) {
            image.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            image_look(&image, image.bytes, image.len, 0, &looked);
            image.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            check_flip(&image, bit, plans[p].is_closed, &looked);
        }
        image_free(&image);
    }
}

/* Records whose frames end at or before `at`. */
static size_t
records_before(const struct image *image, size_t at, bool *is_boundary)
{
    size_t count = 0;

    *is_boundary = at == header_bytes;
    for (size_t i = 0; i < image->frame_count; i++) {
        const struct seglog_frame *frame = &image->frames[i];

        if (frame->offset + frame->len > at)
            break;
        *is_boundary = frame->offset + frame->len == at;
        if (frame->control == 0)
            count += (size_t)frame->count;
    }
    return count;
}

static void
cut__at_every_length__keeps_all_before_and_is_torn_or_unclosed(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(plans); p++) {
        struct image image;
        struct looked looked;

        image_make(&image, &plans[p]);
        for (size_t len = 0; len < image.len; len += STRIDE) {
            bool is_boundary;
            const size_t before = records_before(&image, len, &is_boundary);

            image_look(&image, image.bytes, len, 0, &looked);
            assert_int_equal(looked.records, before);
            assert_string_equal(seglog_verdict_name(looked.summary.verdict),
                                is_boundary ? "OK" : "TORN");
            assert_false(looked.summary.is_closed);

            /* A watermark from outside proves what is missing. */
            image_look(&image, image.bytes, len, RECORDS, &looked);
            assert_int_equal(looked.records, before);
            assert_int_equal(looked.summary.lost, RECORDS - before);
            if (before < RECORDS) {
                assert_string_equal(seglog_verdict_name(looked.summary.verdict),
                                    "CORRUPT");
                assert_int_equal(
                    looked.findings[looked.finding_count - 1].first_record,
                    before + 1);
                assert_int_equal(
                    looked.findings[looked.finding_count - 1].last_record,
                    RECORDS);
            }
        }
        image_free(&image);
    }
}

/* The shift that the findings report in all; false if it is unknown. */
static bool
shift_sum(const struct looked *looked, int64_t *sum)
{
    bool is_known = looked->finding_count > 0;

    *sum = 0;
    for (size_t i = 0; i < looked->finding_count; i++) {
        is_known = is_known && looked->findings[i].has_shift;
        *sum += looked->findings[i].shift;
    }
    return is_known;
}

static void
check_moved(const struct image_plan *plan, const struct image *image, size_t at,
            int64_t moved, const struct looked *looked)
{
    int64_t shift;

    assert_true(looked->missing <= 1);
    if (looked->missing == 1 && looked->summary.verdict != SEGLOG_VERDICT_TORN)
        assert_int_equal(looked->summary.lost, 1);
    /* A removed byte of the closing mark leaves a torn one, unless it is in
     * its middle. */
    if (plan->is_closed && at < image->len - closing_bytes) {
        assert_string_equal(seglog_verdict_name(looked->summary.verdict),
                            "CORRUPT");
        assert_true(shift_sum(looked, &shift));
        assert_int_equal(shift, moved);
    }
    assert_true(looked->finding_count >= 1 || at == image->len ||
                at + 1 == image->len || !plan->is_closed);
}

static void
insert__one_byte_at_every_place__costs_at_most_one_record(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(plans); p++) {
        struct image image;
        struct looked looked;

        image_make(&image, &plans[p]);
        uint8_t *bytes = malloc(image.len + 1);
        for (size_t at = 0; at <= image.len; at += STRIDE) {
            memcpy(bytes, image.bytes, at);
            bytes[at] = (uint8_t)(at * 73 + 11);
            memcpy(bytes + at + 1, image.bytes + at, image.len - at);
            image_look(&image, bytes, image.len + 1, 0, &looked);
            check_moved(&plans[p], &image, at, 1, &looked);
        }
        free(bytes);
        image_free(&image);
    }
}

static void
delete__one_byte_at_every_place__costs_at_most_one_record(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(plans); p++) {
        struct image image;
        struct looked looked;

        image_make(&image, &plans[p]);
        uint8_t *bytes = malloc(image.len);
        for (size_t at = 0; at < image.len; at += STRIDE) {
            memcpy(bytes, image.bytes, at);
            memcpy(bytes + at, image.bytes + at + 1, image.len - at - 1);
            image_look(&image, bytes, image.len - 1, 0, &looked);
            check_moved(&plans[p], &image, at, -1, &looked);
        }
        free(bytes);
        image_free(&image);
    }
}

static void
zeros__4_kib_anywhere__cost_only_what_they_cover(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(plans); p++) {
        struct image_plan plan = plans[p];
        struct image image;
        struct looked looked;

        plan.payload_len = 100;
        image_make(&image, &plan);
        uint8_t *bytes = malloc(image.len);
        for (size_t at = 0; at + 4096 <= image.len; at += 37 * STRIDE) {
            uint64_t first = 0;
            uint64_t last = 0;

            memcpy(bytes, image.bytes, image.len);
            memset(bytes + at, 0, 4096);
            for (size_t i = at; i < at + 4096; i++) {
                const uint64_t record =
                    bytes[i] != image.bytes[i] ? record_at(&image, i) : 0;
                if (record != 0 && first == 0)
                    first = record;
                if (record != 0)
                    last = record;
            }
            image_look(&image, bytes, image.len, 0, &looked);
            assert_int_equal(looked.missing, last - first + 1);
            assert_int_equal(looked.missing_first, first);
            assert_int_equal(looked.missing_last, last);
            assert_int_not_equal(looked.summary.verdict, SEGLOG_VERDICT_OK);
        }
        free(bytes);
        image_free(&image);
    }
}

/* Frames in another order: order[i] is the frame to stand at place i. */
static size_t
frames_arrange(const struct image *image, const size_t *order, size_t count,
               uint8_t *out)
{
    size_t len = (size_t)header_bytes;

    memcpy(out, image->bytes, len);
    for (size_t i = 0; i < count; i++) {
        const struct seglog_frame *frame = &image->frames[order[i]];

        memcpy(out + len, image->bytes + frame->offset, (size_t)frame->len);
        len += (size_t)frame->len;
    }
    return len;
}

static void
frames__dropped_duplicated_or_swapped__lose_no_intact_record(void **state)
{
    (void)state;
    for (size_t p = 0; p < COUNT_OF(plans); p++) {
        struct image image;
        struct looked looked;

        image_make(&image, &plans[p]);
        size_t *order = malloc((image.frame_count + 1) * sizeof *order);
        uint8_t *bytes = malloc(2 * image.len);
        for (size_t f = 0; f < image.frame_count; f += STRIDE) {
            const uint64_t record =
                image.frames[f].control == 0 ? image.frames[f].first_record : 0;
            size_t count = 0;

            for (size_t i = 0; i < image.frame_count; i++) {
                if (i != f)
                    order[count++] = i;
            }
            size_t len = frames_arrange(&image, order, count, bytes);
            image_look(&image, bytes, len, 0, &looked);
            if (record == 0 || (record == RECORDS && !plans[p].is_closed))
                assert_int_equal(looked.summary.lost, 0);
            else
                assert_only_lost(&looked, record);

            count = 0;
            for (size_t i = 0; i < image.frame_count; i++) {
                order[count++] = i;
                if (i == f)
                    order[count++] = i;
            }
            len = frames_arrange(&image, order, count, bytes);
            image_look(&image, bytes, len, 0, &looked);
            assert_nothing_lost(&looked);

            for (size_t g = f + 1; g < image.frame_count; g += 1 + g % 7) {
                for (size_t i = 0; i < image.frame_count; i++)
                    order[i] = i == f ? g : i == g ? f : i;
                len = frames_arrange(&image, order, image.frame_count, bytes);
                image_look(&image, bytes, len, 0, &looked);
                assert_nothing_lost(&looked);
            }
        }
        free(order);
        free(bytes);
        image_free(&image);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            flip__any_single_bit__costs_at_most_its_record_and_names_it),
        cmocka_unit_test(
            cut__at_every_length__keeps_all_before_and_is_torn_or_unclosed),
        cmocka_unit_test(
            insert__one_byte_at_every_place__costs_at_most_one_record),
        cmocka_unit_test(
            delete__one_byte_at_every_place__costs_at_most_one_record),
        cmocka_unit_test(zeros__4_kib_anywhere__cost_only_what_they_cover),
        cmocka_unit_test(
            frames__dropped_duplicated_or_swapped__lose_no_intact_record),
    };

    return cmocka_run_group_tests_name("segment/damage_sweep", tests, NULL,
                                       NULL);
}
