/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_seal_block.c
 *
 * Goal    the body of a block is what was put into it, whatever that is, and
 *         no bytes at all make a decoder do more than say that they are none.
 * Method  bodies made by hand, and encoded ones of the smallest and the least
 *         compressible records, with and without a parent.
 */
#include "tests/support/seglog_test.h"

#include <zstd.h>

#include "format/frame.h"
#include "src/columns/columns.h"
#include "src/segment/segment_block_parts.h"

#define BODY_MAX ((uint64_t)512)

static uint8_t parent_bytes[2000];
static struct slg_block_prefix parent = {
    .bytes = parent_bytes, .len = sizeof parent_bytes, .first = 3, .last = 9
};

static int
parent_fill(void **state)
{
    (void)state;
    test_fill(parent_bytes, sizeof parent_bytes, 5);
    return 0;
}

static seglog_code
decode(const void *body, size_t len, const struct slg_block_prefix *prefix)
{
    struct slg_block block = { .bytes = NULL };
    uint8_t *exact = exact_copy(body, len);
    const seglog_code code =
        slg_block_decode(&block, exact, len, BODY_MAX, prefix);

    free(exact);
    slg_block_reset(&block);
    return code;
}

/* -- bodies that are none -------------------------------------------------- */

static void
decode__of_no_count_or_coding__is_corrupt(void **state)
{
    static const struct {
        uint8_t bytes[4];
        size_t len;
    } cases[] = {
        { { 0 }, 0 },             /* nothing */
        { { 0x80 }, 1 },          /* half a count */
        { { 1 }, 1 },             /* no coding */
        { { 0, 0 }, 2 },          /* no records */
        { { 34, 0, 0 }, 3 },      /* more than 512 bytes may hold */
        { { 1, 3, 0 }, 3 },       /* a coding that nobody knows */
        { { 1, 1 }, 2 },          /* columns of nothing */
        { { 2, 0, 4, 'a' }, 4 },  /* plain: one record of two */
        { { 1, 0, 8, 'a' }, 4 },  /* longer than the body */
        { { 1, 0, 0, 0 }, 4 },    /* and bytes behind it */
        { { 1, 2 }, 2 },          /* a parent, and no numbers */
        { { 1, 2, 0x80 }, 3 },    /* half a number */
        { { 1, 2, 3, 0x80 }, 4 }, /* one and a half */
        { { 1, 2, 3, 9 }, 4 },    /* and nothing else */
    };
    struct slg_block_prefix nothing = parent;

    (void)state;
    nothing.len = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_code(decode(cases[i].bytes, cases[i].len, &parent),
                    SEGLOG_CORRUPT);
        assert_code(decode(cases[i].bytes, cases[i].len, NULL), SEGLOG_CORRUPT);
        assert_code(decode(cases[i].bytes, cases[i].len, &nothing),
                    SEGLOG_CORRUPT);
    }
    assert_code(decode((const uint8_t[]){ 1, 0, 4, 'a' }, 4, NULL), SEGLOG_OK);
}

static void
decode__plain_at_the_limits__is_ok_and_beyond_corrupt(void **state)
{
    uint8_t body[1024] = { 1, 0 };

    (void)state;
    /* One record of 512 bytes, and of one more. */
    for (size_t len = BODY_MAX - 1; len <= BODY_MAX + 1; len++) {
        const size_t head = slg_varint_put(body + 2, len << 2);

        assert_code(decode(body, 2 + head + len, NULL),
                    len <= BODY_MAX ? SEGLOG_OK : SEGLOG_CORRUPT);
    }
    assert_code(decode(body, sizeof body, NULL), SEGLOG_CORRUPT);
}

static void
find_reference__of_any_beginning__never_reads_beyond_it(void **state)
{
    static const uint8_t body[] = { 7, 2, 0x83, 1, 9, 0xFF };
    static const struct {
        size_t len;
        bool is_found;
        uint64_t first, last;
    } cases[] = {
        { 0, false, 0, 0 },  { 1, false, 0, 0 }, { 2, true, 0, 0 },
        { 3, true, 0, 0 },   { 4, true, 0, 0 },  { 5, true, 131, 9 },
        { 6, true, 131, 9 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t *exact = exact_copy(body, cases[i].len);
        uint64_t first = 77;
        uint64_t last = 77;

        assert_int_equal(
            slg_block_find_reference(exact, cases[i].len, &first, &last),
            cases[i].is_found);
        if (cases[i].is_found) {
            assert_int_equal(first, cases[i].first);
            assert_int_equal(last, cases[i].last);
        }
        free(exact);
    }
}

/* -- columns that are no block --------------------------------------------- */

static seglog_code
columns_put_and_decode(const struct slg_columns_record *records, size_t count)
{
    const struct slg_columns_options options = { .level = 3 };
    uint8_t *data = NULL;
    uint8_t body[4096];
    size_t len = 0;
    size_t at = slg_varint_put(body, count);

    assert_ok(slg_columns_encode(records, count, &options, &data, &len));
    body[at++] = SLG_BLOCK_COLUMNS;
    assert_true(at + len <= sizeof body);
    memcpy(body + at, data, len);
    free(data);
    return decode(body, at + len, NULL);
}

static void
decode__columns_with_a_kind_that_no_entry_has__is_corrupt(void **state)
{
    struct slg_columns_record records[] = {
        { (const uint8_t *)"one", 3, 3 },
        { (const uint8_t *)"two", 3, 3 },
    };
    uint8_t *body = NULL;
    size_t len = 0;

    (void)state;
    assert_code(columns_put_and_decode(records, 2), SEGLOG_OK);
    records[1].kind = 4;
    assert_code(columns_put_and_decode(records, 2), SEGLOG_CORRUPT);
    assert_code(slg_block_encode(records, 2, 3, 0, NULL, &body, &len),
                SEGLOG_INVALID);
    assert_null(body);
}

/* The records alone would fit, with their heads they do not. */
static void
decode__columns_longer_than_a_body__is_corrupt(void **state)
{
    struct slg_columns_record records[32];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++)
        records[i] =
            (struct slg_columns_record){ (const uint8_t *)"sixteen bytes...",
                                         16, 0 };
    assert_code(columns_put_and_decode(records, 30), SEGLOG_OK);
    assert_code(columns_put_and_decode(records, 32), SEGLOG_CORRUPT);
}

/* -- of a parent ----------------------------------------------------------- */

/* A body with this plain one inside, with or without its length. */
static seglog_code
parent_put_and_decode(uint8_t count, const void *plain, size_t plain_len,
                      bool has_len)
{
    uint8_t body[8192] = { count, SLG_BLOCK_PARENT, 3, 9 };
    ZSTD_CCtx *context = ZSTD_createCCtx();

    assert_non_null(context);
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, has_len);
    (void)ZSTD_CCtx_refPrefix(context, parent.bytes, parent.len);
    const size_t len =
        ZSTD_compress2(context, body + 4, sizeof body - 4, plain, plain_len);
    assert_false(ZSTD_isError(len));
    ZSTD_freeCCtx(context);
    return decode(body, 4 + len, &parent);
}

static void
decode__of_a_parent_any_plain_body__is_ok_or_corrupt(void **state)
{
    static const uint8_t good[] = { 1, 4, 'a' };
    static const uint8_t long_body[600] = { 1 };
    uint8_t longest[515] = { 1 };

    (void)state;
    assert_code(parent_put_and_decode(1, good, sizeof good, true), SEGLOG_OK);
    assert_code(parent_put_and_decode(2, good, sizeof good, true),
                SEGLOG_CORRUPT);
    assert_code(parent_put_and_decode(1, "\0", 1, true), SEGLOG_CORRUPT);
    assert_code(parent_put_and_decode(1, "\200", 1, true), SEGLOG_CORRUPT);
    assert_code(parent_put_and_decode(1, "", 0, true), SEGLOG_CORRUPT);
    assert_code(parent_put_and_decode(1, good, sizeof good, false),
                SEGLOG_CORRUPT);
    assert_code(parent_put_and_decode(1, long_body, sizeof long_body, true),
                SEGLOG_CORRUPT);
    (void)slg_varint_put(longest + 1, (uint64_t)BODY_MAX << 2);
    assert_code(parent_put_and_decode(1, longest, sizeof longest, true),
                SEGLOG_OK);
    /* No frame of zstd at all, and one that breaks off. */
    assert_code(
        decode((const uint8_t[]){ 1, 2, 3, 9, 1, 2, 3, 4, 5 }, 9, &parent),
        SEGLOG_CORRUPT);
}

/* -- there and back -------------------------------------------------------- */

static void
encode_and_decode(const struct slg_columns_record *records, size_t count,
                  int level, const struct slg_block_prefix *prefix,
                  unsigned coding)
{
    struct slg_block block = { .bytes = NULL };
    struct slg_group group;
    uint8_t *body = NULL;
    const uint8_t *data = NULL;
    unsigned kind = 0;
    size_t len = 0;

    assert_ok(slg_block_encode(records, count, level, 0, prefix, &body, &len));
    assert_int_equal(body[slg_varint_len(count)], coding);
    assert_ok(slg_block_decode(&block, body, len, 1 << 20, prefix));
    free(body);
    assert_true(slg_entries_open(&group, block.bytes, block.len));
    for (size_t i = 0; i < count; i++) {
        assert_true(slg_group_next(&group, &kind, &data, &len));
        assert_int_equal(kind - 1, records[i].kind);
        assert_int_equal(len, records[i].len);
        if (len > 0)
            assert_memory_equal(data, records[i].bytes, len);
    }
    assert_true(slg_group_is_done(&group));
    slg_block_reset(&block);
}

static void
encode__any_records__come_back_in_the_smallest_coding(void **state)
{
    uint8_t noise[1500];
    struct slg_block_prefix nothing = parent;

    (void)state;
    nothing.len = 0;
    test_fill(noise, sizeof noise, 77);
    const struct slg_columns_record tiny = { (const uint8_t *)"a", 1, 2 };
    const struct slg_columns_record empty = { NULL, 0, 0 };
    const struct slg_columns_record random = { noise, sizeof noise, 1 };
    const struct slg_columns_record copied = { parent_bytes + 100, 1500, 3 };
    uint8_t lines[1200];
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = (uint8_t)(i % 40 == 39 ? '\n' : 'a' + i % 40 % 26);
    const struct slg_columns_record even = { lines, sizeof lines, 0 };

    for (int level = 3; level <= 19; level += 8) {
        encode_and_decode(&tiny, 1, level, NULL, SLG_BLOCK_PLAIN);
        encode_and_decode(&tiny, 1, level, &nothing, SLG_BLOCK_PLAIN);
        encode_and_decode(&tiny, 1, level, &parent, SLG_BLOCK_PLAIN);
        encode_and_decode(&empty, 1, level, &parent, SLG_BLOCK_PLAIN);
        encode_and_decode(&random, 1, level, NULL, SLG_BLOCK_PLAIN);
        encode_and_decode(&random, 1, level, &parent, SLG_BLOCK_PLAIN);
        encode_and_decode(&copied, 1, level, &parent, SLG_BLOCK_PARENT);
        encode_and_decode(&even, 1, level, NULL, SLG_BLOCK_COLUMNS);
    }
    /* Half of it is the parent's: columns are asked, and do no better. */
    uint8_t half[3000];
    memcpy(half, parent_bytes, 1500);
    memcpy(half + 1500, noise, 1500);
    const struct slg_columns_record mixed = { half, sizeof half, 0 };

    encode_and_decode(&mixed, 1, 9, &parent, SLG_BLOCK_PARENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode__of_no_count_or_coding__is_corrupt),
        cmocka_unit_test(decode__plain_at_the_limits__is_ok_and_beyond_corrupt),
        cmocka_unit_test(
            find_reference__of_any_beginning__never_reads_beyond_it),
        cmocka_unit_test(
            decode__columns_with_a_kind_that_no_entry_has__is_corrupt),
        cmocka_unit_test(decode__columns_longer_than_a_body__is_corrupt),
        cmocka_unit_test(decode__of_a_parent_any_plain_body__is_ok_or_corrupt),
        cmocka_unit_test(encode__any_records__come_back_in_the_smallest_coding),
    };

    return cmocka_run_group_tests_name("segment/seal_block", tests, parent_fill,
                                       NULL);
}
