/* SPDX-License-Identifier: MIT */
/* tests/format/test_checksum.c - SPEC.md 2: checksums, salt and mix. */
#include "tests/support/seglog_test.h"

#include "format/checksum.h"

static const uint8_t identity[16] = { 0, 1, 2,  3,  4,  5,  6,  7,
                                      8, 9, 10, 11, 12, 13, 14, 15 };

#define EPOCH UINT64_C(0x00000000C0FFEE01)

static void
crc32__published_values__agree(void **state)
{
    static const uint8_t zeros[24];

    (void)state;
    assert_int_equal(slg_crc32(0, "", 0), 0);
    assert_int_equal(slg_crc32(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(slg_crc32(0, zeros, sizeof zeros), 0xA3C1CA20);
}

static void
crc32__in_pieces__is_that_of_the_whole(void **state)
{
    uint8_t bytes[1000];

    (void)state;
    test_fill(bytes, sizeof bytes, 1);
    const uint32_t whole = slg_crc32(0, bytes, sizeof bytes);
    for (size_t at = 0; at <= sizeof bytes; at += 7) {
        const uint32_t first = slg_crc32(0, bytes, at);

        assert_int_equal(slg_crc32(first, bytes + at, sizeof bytes - at),
                         whole);
    }
}

static void
xxh3__published_values__agree(void **state)
{
    (void)state;
    assert_int_equal(slg_xxh3("", 0), UINT64_C(0x2D06800538D394C2));
}

static void
fmix32__spec_values__agree(void **state)
{
    (void)state;
    assert_int_equal(slg_fmix32(0), 0);
    assert_int_equal(slg_fmix32(1), 0x514E28B7);
    assert_int_equal(slg_fmix32(2), 0x30F4C306);
    assert_int_equal(slg_fmix32(0xFFFFFFFF), 0x81F16F39);
}

static void
fmix32__inverse__undoes_it_both_ways(void **state)
{
    uint64_t seed = 7;

    (void)state;
    assert_int_equal(slg_fmix32_inverse(0), 0);
    for (unsigned bit = 0; bit < 32; bit++) {
        const uint32_t h = UINT32_C(1) << bit;

        assert_int_equal(slg_fmix32_inverse(slg_fmix32(h)), h);
        assert_int_equal(slg_fmix32_inverse(slg_fmix32(~h)), ~h);
    }
    for (unsigned i = 0; i < 1000000; i++) {
        const uint32_t h = (uint32_t)test_random(&seed);

        if (slg_fmix32_inverse(slg_fmix32(h)) != h ||
            slg_fmix32(slg_fmix32_inverse(h)) != h)
            fail_msg("fmix32 of 0x%08X does not come back", (unsigned)h);
    }
}

static void
salt__spec_value__agrees(void **state)
{
    (void)state;
    assert_int_equal(slg_salt(identity, EPOCH), 0x9ADDF50E);
}

static void
salt__every_bit_of_identity_and_epoch__changes_it(void **state)
{
    const uint32_t salt = slg_salt(identity, EPOCH);

    (void)state;
    for (unsigned bit = 0; bit < 128; bit++) {
        uint8_t other[16];

        memcpy(other, identity, sizeof other);
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(slg_salt(other, EPOCH), salt);
    }
    for (unsigned bit = 0; bit < 64; bit++)
        assert_int_not_equal(slg_salt(identity, EPOCH ^ UINT64_C(1) << bit),
                             salt);
}

static void
mix__spec_value__agrees(void **state)
{
    (void)state;
    assert_int_equal(slg_mix(1, 0x9ADDF50E), 0xCB93DDB9);
}

static void
mix__only_the_low_half_of_a_number__counts(void **state)
{
    (void)state;
    assert_int_equal(slg_mix(UINT64_C(0x500000001), 0x9ADDF50E), 0xCB93DDB9);
    assert_int_equal(slg_mix(UINT64_C(0x7FFFFFFFFFFFFFFF), 0), 0x81F16F39);
}

/* With a linear mix they would differ by the same bits under every salt. */
static void
mix__neighbours_under_two_salts__imply_no_neighbours(void **state)
{
    const uint32_t here = slg_salt(identity, EPOCH);
    const uint32_t there = slg_salt(identity, EPOCH + 1);
    unsigned pairs = 0;

    (void)state;
    for (uint64_t n = 1; n < 100000; n++) {
        const uint32_t a = slg_fmix32_inverse(slg_mix(n, there) ^ here);
        const uint32_t b = slg_fmix32_inverse(slg_mix(n + 1, there) ^ here);

        pairs += b == a + 1;
    }
    assert_int_equal(pairs, 0);
}

static void
digest_term__is_the_hash_times_an_odd_number(void **state)
{
    const uint64_t hash = slg_xxh3("abc", 3);

    (void)state;
    assert_int_equal(slg_digest_term(1, "abc", 3), hash * 3);
    assert_int_equal(slg_digest_term(2, "abc", 3), hash * 5);
    assert_int_equal(slg_digest_term(UINT64_C(0x7FFFFFFFFFFFFFFF), "abc", 3),
                     (uint64_t)0 - hash);
    assert_int_equal(slg_digest_term(1, "", 0),
                     UINT64_C(0x2D06800538D394C2) * 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32__published_values__agree),
        cmocka_unit_test(crc32__in_pieces__is_that_of_the_whole),
        cmocka_unit_test(xxh3__published_values__agree),
        cmocka_unit_test(fmix32__spec_values__agree),
        cmocka_unit_test(fmix32__inverse__undoes_it_both_ways),
        cmocka_unit_test(salt__spec_value__agrees),
        cmocka_unit_test(salt__every_bit_of_identity_and_epoch__changes_it),
        cmocka_unit_test(mix__spec_value__agrees),
        cmocka_unit_test(mix__only_the_low_half_of_a_number__counts),
        cmocka_unit_test(mix__neighbours_under_two_salts__imply_no_neighbours),
        cmocka_unit_test(digest_term__is_the_hash_times_an_odd_number),
    };

    return cmocka_run_group_tests_name("format/checksum", tests, NULL, NULL);
}
