/* SPDX-License-Identifier: MIT */
/* tests/format/test_header.c - SPEC.md 3: the first 54 bytes. */
#include "tests/support/seglog_test.h"

#include "format/checksum.h"
#include "format/header.h"

static struct slg_header
header_plain(void)
{
    return (struct slg_header){
        .version = 1,
        .body_log2 = 23,
        .sync_log2 = 16,
        .features_ignore = 0x0201,
        .features_read_only = 0x0403,
        .identity = { 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8,
                      0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF },
        .epoch = 0xC0FFEE01,
        .first_record = UINT64_C(0x0102030405060708),
    };
}

/* Make the checksum right again after a change. */
static void
header_seal(uint8_t bytes[SLG_HEADER_BYTES])
{
    slg_store_le32(bytes + 50, slg_crc32(0, bytes, 50));
}

static void
encode__every_field__stands_at_its_offset(void **state)
{
    static const uint8_t want[50] = {
        0x89, 'S',  'L',  'G',  0x0D, 0x0A, 0x1A, 0x0A, 1,    23,
        16,   0,    0x01, 0x02, 0x03, 0x04, 0x01, 0x00, 0xA0, 0xA1,
        0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xAB,
        0xAC, 0xAD, 0xAE, 0xAF, 0x01, 0xEE, 0xFF, 0xC0, 0,    0,
        0,    0,    0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
    };
    struct slg_header header = header_plain();
    uint8_t bytes[SLG_HEADER_BYTES];

    (void)state;
    header.features_refuse = SLG_REFUSE_NO_XXH3;
    slg_header_encode(&header, bytes);
    assert_memory_equal(bytes, want, sizeof want);
    assert_int_equal(slg_load_le32(bytes + 50), slg_crc32(0, want, 50));
}

static void
decode__what_was_encoded__is_the_same(void **state)
{
    struct slg_header header = header_plain();
    struct slg_header got = { 0 };
    uint8_t bytes[SLG_HEADER_BYTES];

    (void)state;
    header.features_refuse = SLG_REFUSE_NO_XXH3;
    slg_header_encode(&header, bytes);
    assert_int_equal(slg_header_decode(bytes, &got), SLG_HEADER_OK);
    assert_int_equal(got.version, header.version);
    assert_int_equal(got.body_log2, header.body_log2);
    assert_int_equal(got.sync_log2, header.sync_log2);
    assert_int_equal(got.features_ignore, header.features_ignore);
    assert_int_equal(got.features_read_only, header.features_read_only);
    assert_int_equal(got.features_refuse, header.features_refuse);
    assert_memory_equal(got.identity, header.identity, 16);
    assert_int_equal(got.epoch, header.epoch);
    assert_int_equal(got.first_record, header.first_record);
}

static void
decode__any_flipped_bit__is_damaged(void **state)
{
    const struct slg_header header = header_plain();
    struct slg_header got;
    uint8_t bytes[SLG_HEADER_BYTES];

    (void)state;
    slg_header_encode(&header, bytes);
    for (unsigned bit = 0; bit < 8 * SLG_HEADER_BYTES; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(slg_header_decode(bytes, &got), SLG_HEADER_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void
decode__another_magic_with_a_good_checksum__is_damaged(void **state)
{
    const struct slg_header header = header_plain();
    struct slg_header got;
    uint8_t bytes[SLG_HEADER_BYTES];

    (void)state;
    for (unsigned at = 0; at < SLG_MAGIC_BYTES; at++) {
        slg_header_encode(&header, bytes);
        bytes[at] ^= 0x20;
        header_seal(bytes);
        assert_int_equal(slg_header_decode(bytes, &got), SLG_HEADER_DAMAGED);
    }
}

static enum slg_header_state
state_of(const struct slg_header *header)
{
    struct slg_header got;
    uint8_t bytes[SLG_HEADER_BYTES];

    slg_header_encode(header, bytes);
    return slg_header_decode(bytes, &got);
}

static void
decode__each_field_out_of_range__is_said(void **state)
{
    struct slg_header header = header_plain();

    (void)state;
    for (unsigned log2 = 0; log2 < 256; log2++) {
        header.body_log2 = (uint8_t)log2;
        assert_int_equal(state_of(&header), log2 >= 9 && log2 <= 27
                                                ? SLG_HEADER_OK
                                                : SLG_HEADER_OUT_OF_RANGE);
    }
    header = header_plain();
    for (unsigned log2 = 0; log2 < 256; log2++) {
        header.sync_log2 = (uint8_t)log2;
        assert_int_equal(state_of(&header), log2 >= 9 && log2 <= 20
                                                ? SLG_HEADER_OK
                                                : SLG_HEADER_OUT_OF_RANGE);
    }
    header = header_plain();
    header.epoch = UINT64_C(1) << 32;
    assert_int_equal(state_of(&header), SLG_HEADER_OUT_OF_RANGE);
    header.epoch = UINT32_MAX;
    assert_int_equal(state_of(&header), SLG_HEADER_OK);
    header.first_record = 0;
    assert_int_equal(state_of(&header), SLG_HEADER_OUT_OF_RANGE);
    header.first_record = INT64_MAX;
    assert_int_equal(state_of(&header), SLG_HEADER_OK);
    header.first_record = UINT64_C(1) << 63;
    assert_int_equal(state_of(&header), SLG_HEADER_OUT_OF_RANGE);
}

static void
decode__the_byte_that_must_be_0__is_checked(void **state)
{
    const struct slg_header header = header_plain();
    struct slg_header got;
    uint8_t bytes[SLG_HEADER_BYTES];

    (void)state;
    slg_header_encode(&header, bytes);
    bytes[11] = 1;
    header_seal(bytes);
    assert_int_equal(slg_header_decode(bytes, &got), SLG_HEADER_OUT_OF_RANGE);
}

static void
decode__only_unknown_refuse_bits__are_refused(void **state)
{
    struct slg_header header = header_plain();

    (void)state;
    header.features_ignore = 0xFFFF;
    header.features_read_only = 0xFFFF;
    assert_int_equal(state_of(&header), SLG_HEADER_OK);
    for (unsigned bit = 0; bit < 16; bit++) {
        header.features_refuse = (uint16_t)(1u << bit);
        /* ZSTD comes with COMPRESSED. */
        if (bit == 4)
            header.features_refuse |= SLG_REFUSE_COMPRESSED;
        assert_int_equal(state_of(&header),
                         bit < 6 ? SLG_HEADER_OK : SLG_HEADER_FEATURE);
    }
    header.features_refuse = SLG_REFUSE_ZSTD;
    assert_int_equal(state_of(&header), SLG_HEADER_OUT_OF_RANGE);
}

/* SPEC.md 3: magic, header_crc, version, features, ranges. */
static void
decode__several_things_wrong__the_first_in_order_is_said(void **state)
{
    struct slg_header header = header_plain();
    struct slg_header got;
    uint8_t bytes[SLG_HEADER_BYTES];

    (void)state;
    header.body_log2 = 1;
    assert_int_equal(state_of(&header), SLG_HEADER_OUT_OF_RANGE);
    header.features_refuse = 0x40;
    assert_int_equal(state_of(&header), SLG_HEADER_FEATURE);
    header.version = 0;
    assert_int_equal(state_of(&header), SLG_HEADER_VERSION);
    header.version = 2;
    assert_int_equal(state_of(&header), SLG_HEADER_VERSION);
    slg_header_encode(&header, bytes);
    bytes[50] ^= 1;
    assert_int_equal(slg_header_decode(bytes, &got), SLG_HEADER_DAMAGED);
}

static void
correct__any_one_flipped_bit__is_undone(void **state)
{
    const struct slg_header header = header_plain();
    uint8_t want[SLG_HEADER_BYTES];
    uint8_t bytes[SLG_HEADER_BYTES];

    (void)state;
    slg_header_encode(&header, want);
    for (unsigned bit = 0; bit < 8 * SLG_HEADER_BYTES; bit++) {
        memcpy(bytes, want, sizeof bytes);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(slg_header_correct(bytes));
        assert_memory_equal(bytes, want, sizeof bytes);
    }
}

static void
correct__any_two_flipped_bits__is_refused_and_changes_nothing(void **state)
{
    const struct slg_header header = header_plain();
    uint8_t sound[SLG_HEADER_BYTES];

    (void)state;
    slg_header_encode(&header, sound);
    for (unsigned a = 0; a < 8 * SLG_HEADER_BYTES; a += 5) {
        for (unsigned b = a + 1; b < 8 * SLG_HEADER_BYTES; b += 7) {
            uint8_t bytes[SLG_HEADER_BYTES];
            uint8_t before[SLG_HEADER_BYTES];

            memcpy(bytes, sound, sizeof bytes);
            bytes[a / 8] ^= (uint8_t)(1u << a % 8);
            bytes[b / 8] ^= (uint8_t)(1u << b % 8);
            memcpy(before, bytes, sizeof bytes);
            assert_false(slg_header_correct(bytes));
            assert_memory_equal(bytes, before, sizeof bytes);
        }
    }
}

static void
limits__of_a_header__are_its_own(void **state)
{
    struct slg_header header = header_plain();

    (void)state;
    assert_int_equal(slg_header_limits(&header).body_max, 8388608);
    assert_true(slg_header_limits(&header).has_digests);
    header.body_log2 = 27;
    header.features_refuse = SLG_REFUSE_NO_XXH3;
    assert_int_equal(slg_header_limits(&header).body_max, 134217728);
    assert_false(slg_header_limits(&header).has_digests);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode__every_field__stands_at_its_offset),
        cmocka_unit_test(decode__what_was_encoded__is_the_same),
        cmocka_unit_test(decode__any_flipped_bit__is_damaged),
        cmocka_unit_test(
            decode__another_magic_with_a_good_checksum__is_damaged),
        cmocka_unit_test(decode__each_field_out_of_range__is_said),
        cmocka_unit_test(decode__the_byte_that_must_be_0__is_checked),
        cmocka_unit_test(decode__only_unknown_refuse_bits__are_refused),
        cmocka_unit_test(
            decode__several_things_wrong__the_first_in_order_is_said),
        cmocka_unit_test(correct__any_one_flipped_bit__is_undone),
        cmocka_unit_test(
            correct__any_two_flipped_bits__is_refused_and_changes_nothing),
        cmocka_unit_test(limits__of_a_header__are_its_own),
    };

    return cmocka_run_group_tests_name("format/header", tests, NULL, NULL);
}
