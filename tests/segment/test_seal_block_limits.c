/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_block_limits.c
 *
 * Goal    each rule about the body of a block (SPEC.md 15.1, 15.4) holds by
 *         itself: what breaks one of them is no block, what only just keeps it
 *         is one.
 * Method  bodies made by hand, in front of bytes that would make them whole.
 */
#include "tests/support/seglog_test.h"

#include "format/bytes.h"
#include "src/segment/segment_block_parts.h"

#define BODY_MAX ((uint64_t)512)

static seglog_code
decode(const uint8_t *body, size_t len, const struct slg_block_prefix *prefix)
{
    struct slg_block block = { .bytes = NULL };
    const seglog_code code =
        slg_block_decode(&block, body, len, BODY_MAX, prefix);

    slg_block_reset(&block);
    return code;
}

/* count, coding 0, and `entries` records of len bytes, the last of `last`. */
static size_t
plain_make(uint8_t *out, uint64_t count, size_t entries, size_t len,
           size_t last)
{
    size_t at = slg_varint_put(out, count);

    out[at++] = SLG_BLOCK_PLAIN;
    for (size_t i = 0; i < entries; i++) {
        const size_t size = i + 1 == entries ? last : len;

        at += slg_varint_put(out + at, (uint64_t)size * 4 + 1);
        memset(out + at, 'r', size);
        at += size;
    }
    return at;
}

static void
plain__of_as_many_records_as_there_may_be__is_a_block(void **state)
{
    uint8_t body[256];

    (void)state;
    for (size_t count = 1; count < 40; count++)
        assert_code(decode(body, plain_make(body, count, count, 0, 0), NULL),
                    count <= BODY_MAX / 16 + 1 ? SEGLOG_OK : SEGLOG_CORRUPT);
}

static void
plain__of_other_than_its_count_says__is_none(void **state)
{
    uint8_t body[256];

    (void)state;
    assert_ok(decode(body, plain_make(body, 3, 3, 5, 5), NULL));
    assert_code(decode(body, plain_make(body, 4, 3, 5, 5), NULL),
                SEGLOG_CORRUPT);
    assert_code(decode(body, plain_make(body, 2, 3, 5, 5), NULL),
                SEGLOG_CORRUPT);
    assert_code(decode(body, plain_make(body, 0, 3, 5, 5), NULL),
                SEGLOG_CORRUPT);
    assert_code(decode(body, plain_make(body, 0, 0, 0, 0), NULL),
                SEGLOG_CORRUPT);
    /* Bytes behind the last record, and too few of it. */
    const size_t len = plain_make(body, 3, 3, 5, 5);
    assert_code(decode(body, len - 1, NULL), SEGLOG_CORRUPT);
    body[len] = 0;
    assert_code(decode(body, len + 1, NULL), SEGLOG_CORRUPT);
}

static void
plain__as_long_as_it_may_be__is_a_block(void **state)
{
    uint8_t body[1024];

    (void)state;
    /* A record of as many bytes as a body may have, and of one more. */
    assert_ok(decode(body, plain_make(body, 1, 1, 0, 512), NULL));
    assert_code(decode(body, plain_make(body, 1, 1, 0, 513), NULL),
                SEGLOG_CORRUPT);
    /* All of it, without the coding. */
    for (size_t last = 230; last < 280; last++) {
        const size_t len = plain_make(body, 2, 2, 270, last);

        assert_code(decode(body, len, NULL),
                    len - 1 <= BODY_MAX + 31 ? SEGLOG_OK : SEGLOG_CORRUPT);
    }
}

/* Nothing, a count alone, a count that never ends, a coding that there is not:
 * whatever stands behind. */
static void
body__that_ends_too_early__is_none(void **state)
{
    static const uint8_t one[] = { 1, SLG_BLOCK_PLAIN, 5, 'x', 0, 0, 0, 0 };
    static const uint8_t endless[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                       0x80, 0x80, 0x80, 0x80, 0x80, 0 };
    static const uint8_t odd[] = { 1, 9, 5, 'x' };

    (void)state;
    assert_ok(decode(one, 4, NULL));
    for (size_t len = 0; len < 4; len++)
        assert_code(decode(one, len, NULL), SEGLOG_CORRUPT);
    for (size_t len = 0; len < sizeof endless; len++)
        assert_code(decode(endless, len, NULL), SEGLOG_CORRUPT);
    assert_code(decode(odd, sizeof odd, NULL), SEGLOG_CORRUPT);
}

static void
reference__of_any_length__is_what_is_there(void **state)
{
    static const struct {
        uint8_t body[6];
        size_t len;
        bool is_found;
        uint64_t first, last;
    } cases[] = {
        { { 1, 2, 5, 7 }, 4, true, 5, 7 },
        { { 1, 2, 5, 7 }, 3, true, 0, 0 },
        { { 1, 2, 5, 7 }, 2, true, 0, 0 },
        { { 1, 2, 5, 7 }, 1, false, 3, 4 },
        { { 2, 2, 5, 7 }, 0, false, 3, 4 },
        { { 1, 0, 5, 7 }, 4, false, 3, 4 },
        { { 1, 1, 5, 7 }, 4, false, 3, 4 },
        { { 0x82, 1, 2, 5, 0x87, 1 }, 6, true, 5, 135 },
        { { 0x82, 1, 2, 5, 0x87, 1 }, 5, true, 0, 0 },
        { { 0x82, 1, 2, 5, 0x87, 1 }, 1, false, 3, 4 },
        { { 1, 2, 0x85, 0x87 }, 4, true, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t first = 3;
        uint64_t last = 4;

        assert_int_equal(slg_block_find_reference(cases[i].body, cases[i].len,
                                                  &first, &last),
                         cases[i].is_found);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(last, cases[i].last);
    }
}

/* What is coded against nothing is not what a parent has: SPEC.md 15.4. */
static void
parent__of_no_bytes__is_none(void **state)
{
    static const uint8_t nothing[1] = { 0 };
    struct slg_block_prefix prefix = { .bytes = nothing,
                                       .len = sizeof nothing };
    uint8_t plain[300];
    uint8_t body[512] = { 1, SLG_BLOCK_PARENT, 3, 3 };
    size_t plain_len = plain_make(plain, 1, 1, 0, 200);

    (void)state;
    memmove(plain + 1, plain + 2, --plain_len); /* without the coding */
    const size_t len = slg_block_parent_encode(body + 4, sizeof body - 4, plain,
                                               plain_len, 3, &prefix);
    assert_true(len > 0);
    assert_ok(decode(body, 4 + len, &prefix));
    assert_code(decode(body, 3 + len, &prefix), SEGLOG_CORRUPT);
    prefix.len = 0;
    assert_code(decode(body, 4 + len, &prefix), SEGLOG_CORRUPT);
    assert_code(decode(body, 4 + len, NULL), SEGLOG_CORRUPT);
    /* A frame that says no length, or that it is empty, is none. */
    prefix.len = 1;
    for (size_t k = 0; k < 4 + len; k++)
        assert_code(decode(body, k, &prefix), SEGLOG_CORRUPT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain__of_as_many_records_as_there_may_be__is_a_block),
        cmocka_unit_test(plain__of_other_than_its_count_says__is_none),
        cmocka_unit_test(plain__as_long_as_it_may_be__is_a_block),
        cmocka_unit_test(body__that_ends_too_early__is_none),
        cmocka_unit_test(reference__of_any_length__is_what_is_there),
        cmocka_unit_test(parent__of_no_bytes__is_none),
    };

    return cmocka_run_group_tests_name("segment/seal_block_limits", tests, NULL,
                                       NULL);
}
