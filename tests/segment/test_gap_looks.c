/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_gap_looks.c
 *
 * Goal    a gap is called the same however long it is and wherever in it that
 *         stands which says what it is: SPEC.md 10.2.
 * Method  gaps around the length that is looked at at once, with what counts at
 *         their ends and where one look ends and the next begins.
 */
#include "tests/segment/forge_support.h"

/* segment_gap.c: so much is looked at at once, and each look begins with the
 * last block of the one before. */
#define LOOK  ((size_t)256 * 1024)
#define BLOCK ((size_t)512)

static struct look look;

/* Bytes that are no frame and no block of anything. */
static void
junk_fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(1 + i % 31);
}

/* Ten records, of which the fifth is `len` bytes of junk instead. */
static void
gapped_make(struct forge *forge, size_t len)
{
    uint8_t *junk = malloc(len);

    assert_non_null(junk);
    junk_fill(junk, len);
    forge_start(forge);
    forge_fill(forge, 4, 40);
    forge_raw(forge, junk, len);
    forge->number++;
    forge->line++;
    forge_fill(forge, 5, 40);
    (void)forge_close(forge);
    free(junk);
}

/* The cause of the one finding. */
static const char *
cause_of(const struct forge *forge)
{
    look_at(forge, forge->bytes, forge->len, &look);
    assert_int_equal(look.finding_count, 1);
    assert_int_equal(look.summary.records, 9);
    return seglog_cause_name(look.findings[0].cause);
}

static void
blocks__anywhere_in_a_long_gap__are_found(void **state)
{
    static const struct {
        size_t at; /* in the gap; up to a multiple of 512 of the segment */
        size_t len;
        int byte;
        const char *cause;
    } blanks[] = {
        { 0, BLOCK, 0, "zeros" },
        { 0, BLOCK - 1, 0, "head" },
        { 1000, BLOCK, 0xFF, "ones" },
        { LOOK - BLOCK, BLOCK, 0, "zeros" },
        { LOOK - 1, BLOCK, 0, "zeros" },
        { LOOK, BLOCK, 0xFF, "ones" },
        { LOOK + 3000, BLOCK, 0, "zeros" },
        { LOOK + 3000, BLOCK - 1, 0, "head" },
        { 2 * LOOK - BLOCK, BLOCK, 0, "zeros" },
        { 2 * LOOK - 2 * BLOCK, BLOCK, 0xFF, "ones" },
        { 2 * LOOK + 50, BLOCK, 0, "zeros" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(blanks); i++) {
        struct forge forge;

        gapped_make(&forge, 2 * LOOK + 3 * BLOCK);
        size_t at = forge.frames[4].offset - 2 * LOOK - 3 * BLOCK;
        at = (at + blanks[i].at + BLOCK - 1) / BLOCK * BLOCK;
        memset(forge.bytes + at, blanks[i].byte, blanks[i].len);
        assert_string_equal(cause_of(&forge), blanks[i].cause);
        forge_free(&forge);
    }
}

/* A block that is the last of the gap, and one that goes beyond it by a byte. */
static void
block__at_the_end_of_a_gap__is_found(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        const size_t start = FORGE_HEADER_BYTES + 4 * FORGE_TEN_FRAME;
        const size_t end = (start + 1300) / BLOCK * BLOCK - more;
        struct forge forge;

        gapped_make(&forge, end - start);
        memset(forge.bytes + end - BLOCK + more, 0, BLOCK - more);
        assert_int_equal(forge.frames[4].offset, end);
        assert_string_equal(cause_of(&forge), more == 0 ? "zeros" : "head");
        forge_free(&forge);
    }
}

/* Zeros from one end to the other are zeros without any whole block; zeros at
 * its end alone are not. */
static void
gap__of_zeros_alone__is_zeros(void **state)
{
    struct forge forge;

    (void)state;
    for (int byte = 0; byte < 256; byte += 255) {
        gapped_make(&forge, 300);
        size_t at = forge.frames[4].offset - 300;
        memset(forge.bytes + at, byte, 300);
        assert_string_equal(cause_of(&forge), byte == 0 ? "zeros" : "ones");
        forge.bytes[at + 299] = 0x55;
        assert_string_equal(cause_of(&forge), "head");
        forge_free(&forge);
        /* The last look is at zeros only, of which no block is whole. */
        gapped_make(&forge, LOOK + 10);
        at = forge.frames[4].offset - BLOCK - 10;
        assert_in_range(at % BLOCK, 12, BLOCK - 1);
        memset(forge.bytes + at, byte, BLOCK + 10);
        assert_string_equal(cause_of(&forge), "head");
        forge_free(&forge);
    }
}

static void
stranger__anywhere_in_a_long_gap__is_foreign(void **state)
{
    static const size_t places[] = {
        0,         70,   LOOK - 200,     LOOK - 100,   LOOK - 60,
        LOOK - 20, LOOK, 2 * LOOK - 700, 2 * LOOK + 90
    };
    struct slg_header other = forge_header();
    struct forge stray;

    (void)state;
    memcpy(other.identity, forge_stranger, sizeof other.identity);
    forge_start_with(&stray, &other);
    (void)forge_sync(&stray);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        for (unsigned mark = 0; mark < 2; mark++) {
            const size_t from = mark * FORGE_HEADER_BYTES;
            const size_t len = mark == 0 ? 54 : 82;
            struct forge forge;

            gapped_make(&forge, 2 * LOOK + 1000);
            const size_t at = forge.frames[4].offset - 2 * LOOK - 1000;
            memcpy(forge.bytes + at + places[i], stray.bytes + from, len);
            assert_string_equal(cause_of(&forge), "foreign");
            /* One that is not whole is nobody's. */
            forge.bytes[at + places[i] + len - 1] ^= 1;
            assert_string_equal(cause_of(&forge),
                                i == 0 && mark == 1 ? "length" : "head");
            forge_free(&forge);
        }
    }
    forge_free(&stray);
}

/* A header and a mark of this segment itself, copied, are no strangers. */
static void
stray__of_this_segment__is_not_foreign(void **state)
{
    struct forge forge;
    struct forge own;

    (void)state;
    forge_start(&own);
    (void)forge_sync(&own);
    for (unsigned mark = 0; mark < 2; mark++) {
        gapped_make(&forge, 400);
        const size_t at = forge.frames[4].offset - 400;
        memcpy(forge.bytes + at + 100, own.bytes + mark * FORGE_HEADER_BYTES,
               mark == 0 ? 54 : 82);
        assert_string_equal(cause_of(&forge), "head");
        forge_free(&forge);
    }
    forge_free(&own);
}

/* 64 frames are looked at: of more nobody says what they are. */
static void
copies__of_more_frames_than_are_tiles__are_inserted(void **state)
{
    (void)state;
    for (size_t count = 62; count < 68; count++) {
        struct forge forge;
        size_t len = 0;

        forge_start(&forge);
        forge_fill(&forge, 100, 10);
        uint8_t *bytes = forge_moved(&forge, forge.frames[90].offset,
                                     (int)(count * forge.frames[0].len), &len);
        memcpy(bytes + forge.frames[90].offset,
               forge.bytes + forge.frames[5].offset,
               count * forge.frames[0].len);
        look_at(&forge, bytes, len, &look);
        assert_int_equal(look.finding_count, 1);
        assert_int_equal(look.summary.records, 100);
        assert_string_equal(seglog_cause_name(look.findings[0].cause),
                            count <= 64 ? "copy" : "inserted");
        free(bytes);
        forge_free(&forge);
    }
}

/* Frames, and then something that is none: nobody knows what that was. */
static void
copies__with_junk_behind_them__are_inserted(void **state)
{
    struct forge forge;
    size_t len = 0;

    (void)state;
    forge_ten(&forge, true);
    uint8_t *bytes = forge_moved(&forge, forge_ten_at(7), 2 * 46 + 3, &len);
    memcpy(bytes + forge_ten_at(7), forge.bytes + forge_ten_at(2), 2 * 46);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT inserted - l- @330+95 s95 unknown\n");
    free(bytes);
    forge_free(&forge);
}

/* Marks are looked for far behind a lost header as well. */
static void
header__lost_far_before_the_first_mark__is_known_by_it(void **state)
{
    struct forge forge;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        forge_start(&forge);
        forge_fill(&forge, 8, 40000);
        if (i == 1) {
            (void)forge_sync(&forge);
            forge_fill(&forge, 1, 40);
        }
        (void)forge_close(&forge);
        memset(forge.bytes, 'x', FORGE_HEADER_BYTES);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look, "CORRUPT header - l- @0+54 s0 unknown\n");
        assert_int_equal(look.summary.records, forge.record_count);
        assert_true(look.summary.is_closed);
        assert_memory_equal(look.summary.identity, forge_identity, 16);
        forge_free(&forge);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks__anywhere_in_a_long_gap__are_found),
        cmocka_unit_test(block__at_the_end_of_a_gap__is_found),
        cmocka_unit_test(gap__of_zeros_alone__is_zeros),
        cmocka_unit_test(stranger__anywhere_in_a_long_gap__is_foreign),
        cmocka_unit_test(stray__of_this_segment__is_not_foreign),
        cmocka_unit_test(copies__of_more_frames_than_are_tiles__are_inserted),
        cmocka_unit_test(copies__with_junk_behind_them__are_inserted),
        cmocka_unit_test(
            header__lost_far_before_the_first_mark__is_known_by_it),
    };

    return cmocka_run_group_tests_name("segment/gap_looks", tests, NULL, NULL);
}
