/* SPDX-License-Identifier: MIT */
/* tests/format/test_control.c - SPEC.md 6: control frames. */
#include "tests/support/seglog_test.h"

#include "format/checksum.h"
#include "format/control.h"

#define SALT UINT32_C(0x9ADDF50E)

static struct slg_mark
mark_plain(uint8_t type)
{
    struct slg_mark mark = {
        .type = type,
        .identity = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
        .epoch = 0xC0FFEE01,
        .number = 8,
        .line = 7,
        .offset = 167,
        .digest = UINT64_C(0x0F2DD669F3AFBF40),
    };

    if (type == SLG_CONTROL_SYNC_POINT) {
        mark.distance = 167;
        mark.watermark = 5;
    }
    return mark;
}

/* -- marks ----------------------------------------------------------------- */

static void
sync_point__spec_example__has_its_bytes(void **state)
{
    static const uint8_t want[82] = {
        0xC0, 0x4C, 0x01, 0xB7, 0x5E, 0x59, 0x4E, 0x43, 0xA3, 0x1D, 0,    1,
        2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,
        14,   15,   0x01, 0xEE, 0xFF, 0xC0, 0,    0,    0,    0,    8,    0,
        0,    0,    0,    0,    0,    0,    7,    0,    0,    0,    0,    0,
        0,    0,    0xA7, 0,    0,    0,    0,    0,    0,    0,    0xA7, 0,
        0,    0,    5,    0,    0,    0,    0,    0,    0,    0,    0x40, 0xBF,
        0xAF, 0xF3, 0x69, 0xD6, 0x2D, 0x0F, 0xE2, 0xD8, 0x66, 0x12,
    };
    const struct slg_mark mark = mark_plain(SLG_CONTROL_SYNC_POINT);
    uint8_t bytes[sizeof want];

    (void)state;
    assert_int_equal(slg_mark_encode(&mark, bytes), sizeof want);
    assert_memory_equal(bytes, want, sizeof want);
}

static void
closing_mark__spec_example__has_its_bytes(void **state)
{
    static const uint8_t tail[] = {
        0x0A, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0,    0,    0x33, 1,
        0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x04, 0x53, 0x62, 0x87,
    };
    struct slg_mark mark = mark_plain(SLG_CONTROL_CLOSING_MARK);
    uint8_t bytes[70];

    (void)state;
    mark.number = 10;
    mark.line = 9;
    mark.offset = 307;
    mark.digest = 0;
    assert_int_equal(slg_mark_encode(&mark, bytes), 70);
    assert_memory_equal(bytes, "\xC0\x40\x02\xB7\x5E\x59\x4E\x43\xA3\x1D", 10);
    assert_memory_equal(bytes + 34, tail, sizeof tail);
}

static void
mark__what_was_encoded__is_the_same(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= 2; type++) {
        const struct slg_mark mark = mark_plain(type);
        struct slg_mark got;
        uint8_t bytes[82];
        const size_t len = slg_mark_encode(&mark, bytes);

        assert_int_equal(len, slg_mark_len(type));
        memset(&got, 0xA5, sizeof got);
        assert_true(slg_mark_decode(bytes, len, &got));
        assert_int_equal(got.type, mark.type);
        assert_memory_equal(got.identity, mark.identity, 16);
        assert_int_equal(got.epoch, mark.epoch);
        assert_int_equal(got.number, mark.number);
        assert_int_equal(got.line, mark.line);
        assert_int_equal(got.offset, mark.offset);
        assert_int_equal(got.distance, mark.distance);
        assert_int_equal(got.watermark, mark.watermark);
        assert_int_equal(got.digest, mark.digest);
    }
}

static void
mark__any_flipped_bit__is_refused(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= 2; type++) {
        const struct slg_mark mark = mark_plain(type);
        struct slg_mark got;
        uint8_t bytes[96] = { 0 };
        const size_t len = slg_mark_encode(&mark, bytes);

        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(slg_mark_decode(bytes, sizeof bytes, &got));
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void
mark__too_few_bytes__is_refused_at_every_length(void **state)
{
    (void)state;
    for (uint8_t type = 1; type <= 2; type++) {
        const struct slg_mark mark = mark_plain(type);
        uint8_t bytes[82];
        const size_t len = slg_mark_encode(&mark, bytes);

        for (size_t avail = 0; avail <= len; avail++) {
            uint8_t *exact = exact_copy(bytes, avail);
            struct slg_mark got;

            assert_int_equal(slg_mark_decode(exact, avail, &got), avail == len);
            /* Nor does it help that the rest stands behind them. */
            assert_int_equal(slg_mark_decode(bytes, avail, &got), avail == len);
            free(exact);
        }
    }
}

static bool
mark_is_legal(const struct slg_mark *mark)
{
    struct slg_mark got;
    uint8_t bytes[82];
    const size_t len = slg_mark_encode(mark, bytes);

    return slg_mark_decode(bytes, len, &got);
}

static void
mark__number_watermark_and_offset__must_be_in_range(void **state)
{
    struct slg_mark mark = mark_plain(SLG_CONTROL_SYNC_POINT);

    (void)state;
    mark.watermark = 7;
    assert_true(mark_is_legal(&mark));
    mark.watermark = 8;
    assert_false(mark_is_legal(&mark));
    mark.watermark = UINT64_MAX;
    assert_false(mark_is_legal(&mark));
    mark.watermark = 0;
    mark.number = 1;
    assert_true(mark_is_legal(&mark));
    mark.number = 0;
    assert_false(mark_is_legal(&mark));
    mark.number = INT64_MAX;
    assert_true(mark_is_legal(&mark));
    mark.number = UINT64_C(1) << 63;
    assert_false(mark_is_legal(&mark));
    mark = mark_plain(SLG_CONTROL_CLOSING_MARK);
    mark.number = 0;
    assert_false(mark_is_legal(&mark));
    mark.number = UINT64_C(1) << 63;
    assert_false(mark_is_legal(&mark));
    for (uint8_t type = SLG_CONTROL_SYNC_POINT;
         type <= SLG_CONTROL_CLOSING_MARK; type++) {
        mark = mark_plain(type);
        mark.offset = (UINT64_C(1) << 62) - 1;
        assert_true(mark_is_legal(&mark));
        mark.offset = UINT64_C(1) << 62;
        assert_false(mark_is_legal(&mark));
        mark.offset = UINT64_C(1) << 63;
        assert_false(mark_is_legal(&mark));
    }
}

/* The high half of a number is in no checksum's mix, but in the fields. */
static void
mark__numbers_that_mix_alike__are_told_apart(void **state)
{
    struct slg_mark mark = mark_plain(SLG_CONTROL_CLOSING_MARK);
    struct slg_mark got;
    uint8_t bytes[82];

    (void)state;
    mark.number += UINT64_C(7) << 32;
    const size_t len = slg_mark_encode(&mark, bytes);
    assert_true(slg_mark_decode(bytes, len, &got));
    assert_int_equal(got.number, mark.number);
    bytes[38] = 0;
    assert_false(slg_mark_decode(bytes, len, &got));
}

static void
mark__of_the_other_length__is_refused(void **state)
{
    static const struct slg_frame_limits limits = { .body_max = 256 };
    const struct slg_mark mark = mark_plain(SLG_CONTROL_SYNC_POINT);
    struct slg_mark got;
    uint8_t bytes[82];

    (void)state;
    /* A sync point cut to the length of a closing mark, checksum right. */
    (void)slg_mark_encode(&mark, bytes);
    bytes[1] = 64;
    (void)slg_frame_finish(bytes, 2, 64, &limits, mark.number,
                           slg_salt(mark.identity, mark.epoch));
    assert_false(slg_mark_decode(bytes, sizeof bytes, &got));
    bytes[2] = SLG_CONTROL_CLOSING_MARK;
    (void)slg_frame_finish(bytes, 2, 64, &limits, mark.number,
                           slg_salt(mark.identity, mark.epoch));
    assert_true(slg_mark_decode(bytes, sizeof bytes, &got));
}

static void
mark__of_no_type_of_mark__is_refused(void **state)
{
    static const struct slg_frame_limits limits = { .body_max = 256 };
    const struct slg_mark mark = mark_plain(SLG_CONTROL_CLOSING_MARK);
    struct slg_mark got;
    uint8_t bytes[82];

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        (void)slg_mark_encode(&mark, bytes);
        bytes[2] = (uint8_t)type;
        (void)slg_frame_finish(bytes, 2, 64, &limits, mark.number,
                               slg_salt(mark.identity, mark.epoch));
        assert_int_equal(slg_mark_decode(bytes, sizeof bytes, &got),
                         type == SLG_CONTROL_CLOSING_MARK);
    }
}

/* -- recorded gaps --------------------------------------------------------- */

static void
gap__spec_example__has_its_bytes(void **state)
{
    static const uint8_t want[SLG_GAP_BYTES] = {
        0xC0, 0x34, 0x03, 0x02, 0x0D, 0x00, 2,    0,    0,    0,    0,    0,
        0,    0,    2,    0,    0,    0,    0,    0,    0,    0,    0x51, 0,
        0,    0,    0,    0,    0,    0,    0x2F, 0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0xEB, 0x38, 0x65, 0xAA,
    };
    const struct slg_gap gap = { .verdict = 2,
                                 .cause = 13,
                                 .count = 2,
                                 .lines = 2,
                                 .first_byte = 81,
                                 .byte_count = 47 };
    uint8_t bytes[SLG_GAP_BYTES];

    (void)state;
    assert_int_equal(slg_gap_encode(&gap, 8, SALT, bytes), sizeof bytes);
    assert_memory_equal(bytes, want, sizeof want);
}

static void
gap__what_was_encoded__is_the_same(void **state)
{
    static const int64_t shifts[] = { 0, 1, -1, INT64_MAX, INT64_MIN };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(shifts); i++) {
        const struct slg_gap gap = {
            .verdict = 5,
            .cause = 22,
            .durable = 2,
            .count = UINT64_C(0x1122334455667788),
            .lines = UINT64_C(0x0122334455667788),
            .first_byte = UINT64_MAX,
            .byte_count = UINT64_MAX - 1,
            .shift = shifts[i],
            .depends_on = 77,
        };
        struct slg_gap got;
        uint8_t bytes[SLG_GAP_BYTES];

        (void)slg_gap_encode(&gap, 1, SALT, bytes);
        assert_true(slg_gap_decode(bytes, &got));
        assert_int_equal(got.verdict, gap.verdict);
        assert_int_equal(got.cause, gap.cause);
        assert_int_equal(got.durable, gap.durable);
        assert_int_equal(got.count, gap.count);
        assert_int_equal(got.lines, gap.lines);
        assert_int_equal(got.first_byte, gap.first_byte);
        assert_int_equal(got.byte_count, gap.byte_count);
        assert_int_equal(got.shift, gap.shift);
        assert_int_equal(got.depends_on, gap.depends_on);
    }
}

/* -- predecessors ---------------------------------------------------------- */

static void
predecessor__spec_example__has_its_bytes_and_comes_back(void **state)
{
    static const uint8_t want[SLG_PREDECESSOR_BYTES] = {
        0xC0, 0x2D, 0x04, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
        0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF, 0xED, 0x5E, 0,
        0,    0,    0,    0,    0,    1,    0,    0,    0,    0,    0,
        0,    0,    0,    0x20, 0,    0,    0,    0,    0,    0,    0x78,
        0x56, 0x34, 0x12, 0x79, 0x93, 0x2F, 0x0E,
    };
    const struct slg_predecessor before = {
        .identity = { 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8,
                      0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF },
        .epoch = 0x5EED,
        .number = 1,
        .end = 8192,
        .last_checksum = 0x12345678,
    };
    struct slg_predecessor got;
    uint8_t bytes[SLG_PREDECESSOR_BYTES];

    (void)state;
    assert_int_equal(slg_predecessor_encode(&before, 1, SALT, bytes),
                     sizeof bytes);
    assert_memory_equal(bytes, want, sizeof want);
    slg_predecessor_decode(bytes, &got);
    assert_memory_equal(got.identity, before.identity, 16);
    assert_int_equal(got.epoch, before.epoch);
    assert_int_equal(got.number, before.number);
    assert_int_equal(got.end, before.end);
    assert_int_equal(got.last_checksum, before.last_checksum);
}

/* -- attributes ------------------------------------------------------------ */

static void
attributes__of_any_size__come_back(void **state)
{
    static const size_t sizes[] = { 0, 1, 254, 255, 256, 11439, 11440, 16384 };
    const struct slg_frame_limits limits = { .body_max = 1 << 23,
                                             .has_digests = true };
    uint8_t data[SLG_ATTRIBUTES_MAX];
    uint8_t bytes[SLG_ATTRIBUTES_MAX + 32];

    (void)state;
    test_fill(data, sizeof data, 3);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct slg_frame frame;
        const uint8_t *got = NULL;
        size_t got_len = 0;
        const size_t len =
            slg_attributes_encode(data, sizes[i], &limits, 41, SALT, bytes);

        assert_int_equal(len, slg_attributes_len(sizes[i], &limits));
        assert_true(slg_frame_parse(bytes, len, &limits, &frame));
        assert_int_equal(frame.len, len);
        assert_int_equal(frame.control, SLG_CONTROL_ATTRIBUTES);
        assert_int_equal(slg_frame_implied(bytes, &frame, SALT), 41);
        assert_true(slg_frame_is_sound(bytes, &frame, &limits));
        assert_int_equal(slg_frame_count(bytes, len, &frame), 0);
        assert_true(slg_attributes_decode(bytes, &frame, &got, &got_len));
        assert_int_equal(got_len, sizes[i]);
        if (got_len > 0)
            assert_memory_equal(got, data, got_len);
    }
}

/* As the vector good/attributes has them, with another text. */
static void
attributes__small__have_these_bytes(void **state)
{
    static const uint8_t want[] = { 0xC0, 0x03, 0x08, 'h', 'i' };
    const struct slg_frame_limits limits = { .body_max = 512,
                                             .has_digests = true };
    uint8_t bytes[16];

    (void)state;
    assert_int_equal(slg_attributes_encode("hi", 2, &limits, 1, SALT, bytes),
                     sizeof want + 4);
    assert_memory_equal(bytes, want, sizeof want);
}

static void
attributes__too_many__are_refused(void **state)
{
    static uint8_t bytes[SLG_ATTRIBUTES_MAX + 32];
    const struct slg_frame_limits limits = { .body_max = 1 << 23,
                                             .has_digests = true };
    struct slg_frame frame;
    const uint8_t *got = NULL;
    size_t got_len = 0;
    uint8_t *data = calloc(1, SLG_ATTRIBUTES_MAX + 1);
    size_t len = 0;

    (void)state;
    assert_non_null(data);
    len = slg_attributes_encode(data, SLG_ATTRIBUTES_MAX + 1, &limits, 1, SALT,
                                bytes);
    assert_true(slg_frame_parse(bytes, len, &limits, &frame));
    assert_false(slg_attributes_decode(bytes, &frame, &got, &got_len));
    free(data);
}

static void
gap_and_predecessor__any_flipped_bit__implies_another_number(void **state)
{
    static const struct slg_frame_limits limits = { .body_max = 256 };
    const struct slg_gap gap = { .verdict = 2, .cause = 9, .count = 3 };
    const struct slg_predecessor before = { .number = 9 };
    uint8_t frames[2][64];
    size_t lens[2];

    (void)state;
    lens[0] = slg_gap_encode(&gap, 9, SALT, frames[0]);
    lens[1] = slg_predecessor_encode(&before, 9, SALT, frames[1]);
    for (size_t i = 0; i < 2; i++) {
        struct slg_frame frame;

        assert_true(slg_frame_parse(frames[i], lens[i], &limits, &frame));
        assert_int_equal(slg_frame_mixed(frames[i], &frame), slg_mix(9, SALT));
        for (size_t bit = 0; bit < 8 * lens[i]; bit++) {
            frames[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (slg_frame_parse(frames[i], lens[i], &limits, &frame) &&
                frame.len <= lens[i])
                assert_int_not_equal(slg_frame_mixed(frames[i], &frame),
                                     slg_mix(9, SALT));
            frames[i][bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sync_point__spec_example__has_its_bytes),
        cmocka_unit_test(closing_mark__spec_example__has_its_bytes),
        cmocka_unit_test(mark__what_was_encoded__is_the_same),
        cmocka_unit_test(mark__any_flipped_bit__is_refused),
        cmocka_unit_test(mark__too_few_bytes__is_refused_at_every_length),
        cmocka_unit_test(mark__number_watermark_and_offset__must_be_in_range),
        cmocka_unit_test(mark__numbers_that_mix_alike__are_told_apart),
        cmocka_unit_test(mark__of_the_other_length__is_refused),
        cmocka_unit_test(mark__of_no_type_of_mark__is_refused),
        cmocka_unit_test(gap__spec_example__has_its_bytes),
        cmocka_unit_test(gap__what_was_encoded__is_the_same),
        cmocka_unit_test(
            predecessor__spec_example__has_its_bytes_and_comes_back),
        cmocka_unit_test(attributes__of_any_size__come_back),
        cmocka_unit_test(attributes__small__have_these_bytes),
        cmocka_unit_test(attributes__too_many__are_refused),
        cmocka_unit_test(
            gap_and_predecessor__any_flipped_bit__implies_another_number),
    };

    return cmocka_run_group_tests_name("format/control", tests, NULL, NULL);
}
