/* SPDX-License-Identifier: MIT */
/*
 * tests/format/test_digest_pieces.c
 *
 * Goal    a checksum is that of the bytes, in however many pieces they come and
 *         however many there are, none among them.
 * Method  lengths around where another way is taken; pieces against the whole.
 */
#include "tests/support/seglog_test.h"

#include "format/checksum.h"
#include "src/checksum/digest.h"

/* Up to this long, pieces are joined before they are hashed. */
#define JOINED 2048u

static void
digest__of_two_pieces__is_that_of_the_whole(void **state)
{
    static const size_t first_lens[] = { 0,    1,          9,      1000,
                                         2047, JOINED,     2049,   5000,
                                         9000, 2 * JOINED, 200000, 3 };
    static const size_t second_lens[] = { 0, 1, 1047, 1048, 1049, 2048, 30000 };
    static uint8_t bytes[200000 + 30000];
    uint8_t whole[SLG_LONG_DIGEST_BYTES];
    uint8_t joined[SLG_LONG_DIGEST_BYTES];

    (void)state;
    test_fill(bytes, sizeof bytes, 7);
    for (size_t i = 0; i < COUNT_OF(first_lens); i++) {
        for (size_t k = 0; k < COUNT_OF(second_lens); k++) {
            const size_t first = first_lens[i];
            const size_t second = second_lens[k];
            uint8_t *a = exact_copy(bytes, first);
            uint8_t *b = exact_copy(bytes + first, second);

            slg_xxh3_128(bytes, first + second, whole);
            memset(joined, 0, sizeof joined);
            slg_xxh3_128_joined(a, first, second > 0 ? b : NULL, second,
                                joined);
            assert_memory_equal(whole, joined, sizeof whole);
            free(a);
            free(b);
        }
    }
}

static void
crc__of_nothing_more__stays_as_it_is(void **state)
{
    const uint32_t crc = slg_crc32(0, "123456789", 9);

    (void)state;
    assert_int_equal(crc, 0xCBF43926u);
    assert_int_equal(slg_crc32(crc, NULL, 0), crc);
    assert_int_equal(slg_crc32(0, NULL, 0), 0);
    assert_int_equal(slg_crc32(slg_crc32(0, "1234", 4), "56789", 5), crc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest__of_two_pieces__is_that_of_the_whole),
        cmocka_unit_test(crc__of_nothing_more__stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
