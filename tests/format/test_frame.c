/* SPDX-License-Identifier: MIT */
/* tests/format/test_frame.c - SPEC.md 4: one frame. */
#include "tests/support/seglog_test.h"

#include "format/checksum.h"
#include "format/control.h"
#include "format/frame.h"

#define SALT UINT32_C(0x9ADDF50E)

static const struct slg_frame_limits limits = {
    .body_max = UINT64_C(1) << 27,
    .has_digests = true,
};
static const struct slg_frame_limits no_digests = {
    .body_max = UINT64_C(1) << 27,
};

/* Where a length needs one byte more. */
static const struct {
    uint32_t body_len;
    size_t head_len;
} lengths[] = {
    { 0, 2 },        { 1, 2 },
    { 255, 2 },      { 256, 3 },
    { 65535, 3 },    { 65536, 4 },
    { 65537, 4 },    { 16777215, 4 },
    { 16777216, 5 }, { UINT32_C(1) << 27, 5 },
};

/* A record frame of this body, in a block of its own. */
static uint8_t *
frame_make(unsigned kind, uint32_t body_len, uint64_t number, size_t *len)
{
    uint8_t *out = malloc((size_t)slg_frame_len(body_len, &limits));
    size_t head = 0;

    assert_non_null(out);
    head = slg_frame_put_head(out, kind, false, body_len);
    test_fill(out + head, body_len, body_len + 1);
    *len = slg_frame_finish(out, head, body_len, &limits, number, SALT);
    assert_int_equal(*len, slg_frame_len(body_len, &limits));
    return out;
}

/* -- heads ----------------------------------------------------------------- */

static void
parse__every_head_byte__is_legal_as_the_table_says(void **state)
{
    (void)state;
    for (unsigned head = 0; head < 256; head++) {
        /* A length with a last byte that is not 0; a control type. */
        const unsigned size = (head & 3) + 1;
        uint8_t bytes[6] = { (uint8_t)head, 0, 0, 0, 0, 0 };
        struct slg_frame frame;

        bytes[size] = 1;
        bytes[1 + size] = 0x5A;
        const unsigned kind = head >> 5;
        const bool is_legal = kind >= 1 && kind <= 6 && (head & 0x0C) == 0 &&
                              !(kind == 6 && (head & 0x10) != 0);
        assert_int_equal(slg_frame_parse(bytes, sizeof bytes, &limits, &frame),
                         is_legal);
        if (!is_legal)
            continue;
        assert_int_equal(frame.head, head);
        assert_int_equal(frame.kind, kind);
        assert_int_equal(frame.control, kind == 6 ? 0x5A : 0);
        assert_int_equal(frame.head_len, 1 + size);
        assert_int_equal(frame.body_len, UINT32_C(1) << 8 * (size - 1));
    }
}

/* SPEC.md 4 for every set of features, and for a header that is lost. */
static void
parse__every_head_byte__is_legal_as_the_features_say(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256 * 16; i++) {
        const unsigned head = i % 256;
        const struct slg_frame_limits these = {
            .body_max = limits.body_max,
            .may_compress = (i & 0x100) != 0,
            .may_zstd = (i & 0x300) == 0x300,
            .has_blocks = (i & 0x400) != 0,
            .is_sealed = (i & 0xC00) == 0xC00,
        };
        const unsigned kind = head >> 5;
        const unsigned packing = head >> 2 & 3;
        const bool is_durable = (head & 0x10) != 0;
        const bool may_pack[] = { true, these.may_zstd, these.may_compress,
                                  these.may_zstd };
        bool is_legal = false;

        if (kind >= 1 && kind <= 5)
            is_legal = !these.is_sealed && may_pack[packing];
        else if (kind == 6)
            is_legal = packing == 0 && !is_durable;
        else if (kind == 7)
            is_legal = these.has_blocks && packing == 2 && !is_durable;
        assert_int_equal(slg_head_is_legal((uint8_t)head, &these), is_legal);
    }
}

static void
parse__a_run_of_zeros_or_ones__is_no_frame(void **state)
{
    uint8_t bytes[64];
    struct slg_frame frame;

    (void)state;
    memset(bytes, 0, sizeof bytes);
    assert_false(slg_frame_parse(bytes, sizeof bytes, &limits, &frame));
    memset(bytes, 0xFF, sizeof bytes);
    assert_false(slg_frame_parse(bytes, sizeof bytes, &limits, &frame));
}

static void
parse__a_length_of_more_bytes_than_it_needs__is_refused(void **state)
{
    static const uint8_t bad[][5] = {
        { 0x21, 0x00, 0x00 },             /* 0 in two */
        { 0x21, 0xFF, 0x00 },             /* 255 in two */
        { 0x22, 0xFF, 0xFF, 0x00 },       /* 65,535 in three */
        { 0x23, 0xFF, 0xFF, 0xFF, 0x00 }, /* 16,777,215 in four */
    };
    struct slg_frame frame;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(slg_frame_parse(bad[i], 5, &limits, &frame));
}

static void
parse__each_limit_of_a_length__is_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        const uint32_t body_len = lengths[i].body_len;
        uint8_t bytes[8] = { 0 };
        struct slg_frame frame;

        assert_int_equal(
            slg_frame_put_head(bytes, SLG_FRAME_BYTES, true, body_len),
            lengths[i].head_len);
        assert_int_equal(bytes[0], 0x50 | (lengths[i].head_len - 2));
        assert_true(
            slg_frame_parse(bytes, lengths[i].head_len, &limits, &frame));
        assert_int_equal(frame.head_len, lengths[i].head_len);
        assert_int_equal(frame.body_len, body_len);
        assert_int_equal(frame.len, lengths[i].head_len + body_len + 4 +
                                        (body_len > 11440 ? 8 : 0));
        assert_int_equal(frame.len, slg_frame_len(body_len, &limits));
        assert_int_equal(slg_frame_covered(&frame), frame.len - 4);
    }
}

static void
parse__too_few_bytes__is_refused_at_every_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        uint8_t bytes[8] = { 0 };
        const size_t head = slg_frame_put_head(bytes, SLG_FRAME_TEXT, false,
                                               lengths[i].body_len);

        for (size_t avail = 0; avail <= head; avail++) {
            uint8_t *exact = exact_copy(bytes, avail);
            struct slg_frame frame;

            assert_int_equal(slg_frame_parse(exact, avail, &limits, &frame),
                             avail >= head);
            free(exact);
        }
    }
}

static void
parse__longer_than_the_header_allows__is_refused(void **state)
{
    (void)state;
    for (unsigned log2 = 9; log2 <= 27; log2++) {
        const struct slg_frame_limits small = {
            .body_max = UINT64_C(1) << log2,
            .has_digests = true,
        };
        uint8_t bytes[8] = { 0 };
        struct slg_frame frame;

        (void)slg_frame_put_head(bytes, SLG_FRAME_TEXT, false,
                                 UINT32_C(1) << log2);
        assert_true(slg_frame_parse(bytes, sizeof bytes, &small, &frame));
        memset(bytes, 0, sizeof bytes);
        (void)slg_frame_put_head(bytes, SLG_FRAME_TEXT, false,
                                 (UINT32_C(1) << log2) + 1);
        assert_false(slg_frame_parse(bytes, sizeof bytes, &small, &frame));
    }
}

/* -- control frames -------------------------------------------------------- */

static void
parse__control_types_1_to_4__have_one_length_each(void **state)
{
    static const uint8_t body_len[] = { 0, 76, 64, 52, 45 };

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned len = 0; len < 256; len++) {
            const uint8_t bytes[6] = { 0xC0, (uint8_t)len, (uint8_t)type };
            struct slg_frame frame;
            bool want = len > 0;

            if (type >= 1 && type <= 4)
                want = len == body_len[type];
            if (slg_frame_parse(bytes, sizeof bytes, &limits, &frame) != want)
                fail_msg("type %u, length %u", type, len);
        }
    }
}

static void
parse__control_without_its_type_at_hand__is_refused(void **state)
{
    static const uint8_t bytes[] = { 0xC0, 76, 1 };
    struct slg_frame frame;

    (void)state;
    uint8_t *two = exact_copy(bytes, 2);
    assert_false(slg_frame_parse(two, 2, &limits, &frame));
    free(two);
    assert_true(slg_frame_parse(bytes, 3, &limits, &frame));
    assert_int_equal(frame.control, SLG_CONTROL_SYNC_POINT);
}

/* -- checksum and digest --------------------------------------------------- */

static void
finish__framing__costs_what_the_overview_says(void **state)
{
    (void)state;
    assert_int_equal(slg_frame_len(0, &limits), 6);
    assert_int_equal(slg_frame_len(255, &limits) - 255, 6);
    assert_int_equal(slg_frame_len(256, &limits) - 256, 7);
    assert_int_equal(slg_frame_len(11440, &limits) - 11440, 7);
    assert_int_equal(slg_frame_len(11441, &limits) - 11441, 15);
    assert_int_equal(slg_frame_len(65535, &limits) - 65535, 15);
    assert_int_equal(slg_frame_len(65536, &limits) - 65536, 16);
    assert_int_equal(slg_frame_len(11441, &no_digests) - 11441, 7);
    assert_int_equal(
        slg_frame_len(UINT32_C(1) << 27, &limits) - (UINT32_C(1) << 27), 17);
}

static void
finish__any_body__implies_its_number(void **state)
{
    static const uint64_t numbers[] = { 1, 2, 65536, UINT64_C(0x100000000),
                                        UINT64_C(0x7FFFFFFFFFFFFFFF) };
    static const uint32_t bodies[] = { 0, 1, 255, 256, 11440, 11441, 70000 };

    (void)state;
    for (size_t b = 0; b < COUNT_OF(bodies); b++) {
        for (size_t n = 0; n < COUNT_OF(numbers); n++) {
            struct slg_frame frame;
            size_t len;
            uint8_t *bytes =
                frame_make(SLG_FRAME_TEXT, bodies[b], numbers[n], &len);

            assert_true(slg_frame_parse(bytes, len, &limits, &frame));
            assert_int_equal(frame.len, len);
            assert_int_equal(slg_frame_mixed(bytes, &frame),
                             slg_mix(numbers[n], SALT));
            assert_int_equal(slg_frame_implied(bytes, &frame, SALT),
                             (uint32_t)numbers[n]);
            assert_true(slg_frame_is_sound(bytes, &frame, &limits));
            assert_int_equal(slg_frame_count(bytes, len, &frame), 1);
            free(bytes);
        }
    }
}

static void
finish__spec_example__has_its_bytes(void **state)
{
    static const uint8_t want[] = { 0x20, 7,   '{',  '"',  'a',  '"', ':',
                                    '1',  '}', 0x7C, 0x31, 0xD9, 0x6E };
    uint8_t bytes[sizeof want];

    (void)state;
    const size_t head = slg_frame_put_head(bytes, SLG_FRAME_TEXT, false, 7);
    memcpy(bytes + head, "{\"a\":1}", 7);
    assert_int_equal(slg_frame_finish(bytes, head, 7, &limits, 1, SALT),
                     sizeof want);
    assert_memory_equal(bytes, want, sizeof want);
}

static void
mixed__any_flipped_bit__is_not_the_expected(void **state)
{
    struct slg_frame frame;
    size_t len;
    uint8_t *bytes = frame_make(SLG_FRAME_BYTES, 40, 9, &len);

    (void)state;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (slg_frame_parse(bytes, len, &limits, &frame) && frame.len <= len)
            assert_int_not_equal(slg_frame_mixed(bytes, &frame),
                                 slg_mix(9, SALT));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(bytes);
}

static void
digest__starts_at_11441_bytes(void **state)
{
    struct slg_frame frame;
    size_t len;
    uint8_t *bytes = frame_make(SLG_FRAME_BYTES, 11440, 1, &len);

    (void)state;
    assert_true(slg_frame_parse(bytes, len, &limits, &frame));
    assert_false(slg_frame_has_digest(&frame, &limits));
    free(bytes);
    bytes = frame_make(SLG_FRAME_BYTES, 11441, 1, &len);
    assert_true(slg_frame_parse(bytes, len, &limits, &frame));
    assert_true(slg_frame_has_digest(&frame, &limits));
    assert_false(slg_frame_has_digest(&frame, &no_digests));
    assert_int_equal(slg_load_le64(bytes + 3 + 11441),
                     slg_xxh3(bytes + 3, 11441));
    bytes[3 + 11441 + 3] ^= 1;
    assert_false(slg_frame_is_sound(bytes, &frame, &limits));
    free(bytes);
}

/* -- count ----------------------------------------------------------------- */

static uint64_t
count_of(const void *bytes, size_t len)
{
    struct slg_frame frame;
    uint8_t *exact = exact_copy(bytes, len);

    assert_true(slg_frame_parse(exact, len, &limits, &frame));
    const uint64_t count = slg_frame_count(exact, len, &frame);
    free(exact);
    return count;
}

static void
count__of_each_kind__is_what_it_claims(void **state)
{
    uint8_t gap[SLG_GAP_BYTES];

    (void)state;
    assert_int_equal(count_of("\x20\x00\0\0\0\0", 6), 1);
    assert_int_equal(count_of("\x60\x00\0\0\0\0", 6), 1);
    assert_int_equal(count_of("\xC0\x01\x09\0\0\0\0", 7), 0);
    /* Groups: 3; nothing at all; an overlong count; 1 is no group. */
    assert_int_equal(count_of("\xA0\x04\x03\0\0\0\0\0\0\0", 10), 3);
    assert_int_equal(count_of("\xA0\x00\0\0\0\0", 6), 0);
    assert_int_equal(count_of("\xA0\x02\x80\x00\0\0\0\0", 8), 0);
    assert_int_equal(count_of("\xA0\x02\x01\x00\0\0\0\0", 8), 0);
    /* A count of 2^63 - 1 with only the beginning of the body at hand. */
    assert_int_equal(
        count_of("\xA0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 11),
        INT64_MAX);

    memset(gap, 0, sizeof gap);
    gap[0] = 0xC0;
    gap[1] = 52;
    gap[2] = SLG_CONTROL_GAP;
    assert_int_equal(count_of(gap, sizeof gap), 0);
    slg_store_le64(gap + 6, 5);
    assert_int_equal(count_of(gap, sizeof gap), 5);
    slg_store_le64(gap + 6, INT64_MAX);
    assert_int_equal(count_of(gap, sizeof gap), INT64_MAX);
    slg_store_le64(gap + 6, UINT64_C(1) << 63);
    assert_int_equal(count_of(gap, sizeof gap), 0);
}

static void
sound__a_recorded_gap__needs_count_and_lines_in_range(void **state)
{
    const struct slg_gap ranges[] = {
        { .count = 5, .lines = 5 },
        { .count = 5, .lines = 0 },
        { .count = INT64_MAX, .lines = INT64_MAX },
        { .count = 0, .lines = 0 },
        { .count = 5, .lines = 6 },
        { .count = UINT64_C(1) << 63, .lines = 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        uint8_t bytes[SLG_GAP_BYTES];
        struct slg_frame frame;
        struct slg_gap gap;

        assert_int_equal(slg_gap_encode(&ranges[i], 1, SALT, bytes),
                         sizeof bytes);
        assert_true(slg_frame_parse(bytes, sizeof bytes, &limits, &frame));
        assert_int_equal(slg_frame_is_sound(bytes, &frame, &limits), i < 3);
        assert_int_equal(slg_gap_decode(bytes, &gap), i < 3);
    }
}

static bool
entries_are_sound(const void *body, size_t len, bool as_group)
{
    uint8_t *copy = exact_copy(body, len);
    const bool is_sound = as_group ? slg_group_is_sound(copy, len)
                                   : slg_entries_are_sound(copy, len);

    free(copy);
    return is_sound;
}

static void
sound__entries__fill_the_body_and_are_as_many_as_it_says(void **state)
{
    (void)state;
    for (unsigned as_group = 0; as_group < 2; as_group++) {
        assert_true(entries_are_sound("\x02\x04x\x01", 4, as_group));
        /* One entry is enough for a block, and no group. */
        assert_int_equal(entries_are_sound("\x01\x04x", 3, as_group),
                         as_group == 0);
        /* No count; a count of none; one too few; one too many; too long. */
        assert_false(entries_are_sound("", 0, as_group));
        assert_false(entries_are_sound("\x00", 1, as_group));
        assert_false(entries_are_sound("\x80", 1, as_group));
        assert_false(entries_are_sound("\x03\x04x\x01", 4, as_group));
        assert_false(entries_are_sound("\x02\x04x\x01\x01", 5, as_group));
        assert_false(entries_are_sound("\x02\x04x\x05", 4, as_group));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__every_head_byte__is_legal_as_the_table_says),
        cmocka_unit_test(parse__every_head_byte__is_legal_as_the_features_say),
        cmocka_unit_test(parse__a_run_of_zeros_or_ones__is_no_frame),
        cmocka_unit_test(
            parse__a_length_of_more_bytes_than_it_needs__is_refused),
        cmocka_unit_test(parse__each_limit_of_a_length__is_read_back),
        cmocka_unit_test(parse__too_few_bytes__is_refused_at_every_length),
        cmocka_unit_test(parse__longer_than_the_header_allows__is_refused),
        cmocka_unit_test(parse__control_types_1_to_4__have_one_length_each),
        cmocka_unit_test(parse__control_without_its_type_at_hand__is_refused),
        cmocka_unit_test(finish__framing__costs_what_the_overview_says),
        cmocka_unit_test(finish__any_body__implies_its_number),
        cmocka_unit_test(finish__spec_example__has_its_bytes),
        cmocka_unit_test(mixed__any_flipped_bit__is_not_the_expected),
        cmocka_unit_test(digest__starts_at_11441_bytes),
        cmocka_unit_test(count__of_each_kind__is_what_it_claims),
        cmocka_unit_test(sound__a_recorded_gap__needs_count_and_lines_in_range),
        cmocka_unit_test(
            sound__entries__fill_the_body_and_are_as_many_as_it_says),
    };

    return cmocka_run_group_tests_name("format/frame", tests, NULL, NULL);
}
