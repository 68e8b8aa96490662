/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_scan_causes.c
 *
 * Goal    every verdict and cause of SPEC.md 10, with the records, lines,
 *         bytes and shift it must name.
 * Method  segments are made frame by frame and damaged in one known way; scan
 *         and both kinds of reader look at them (forge_support.h).
 */
#include "tests/segment/forge_support.h"

#include "format/checksum.h"

#define HEADER FORGE_HEADER_BYTES
#define RECORD FORGE_TEN_FRAME
#define SYNC   ((size_t)82)
#define CLOSE  ((size_t)70)

static struct look look;

/* -- causes 13 to 15: a record is damaged ---------------------------------- */

static void
checksum__one_bit_of_a_body__loses_that_record(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    forge.bytes[forge_ten_at(3) + 20] ^= 4;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 3-3 l3 @146+46 s0 yes\n");
    assert_order(&look, "1-2 GAP(checksum 3-3) 4-10");
    assert_int_equal(look.summary.records, 9);
    assert_int_equal(look.summary.lost, 1);
    assert_int_equal(look.summary.next_record, 11);
    assert_true(look.summary.is_closed);
    forge_free(&forge);
}

static void
checksum__head_of_another_kind__is_a_checksum_mismatch(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    forge.bytes[forge_ten_at(3)] = 0x40; /* TEXT has become BYTES */
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

static void
checksum__below_the_watermark__is_durable(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    forge.watermark = 3;
    (void)forge_sync(&forge);
    forge.bytes[forge_ten_at(3) + 20] ^= 4;
    forge.bytes[forge_ten_at(4) + 20] ^= 4;
    forge.bytes[forge_ten_at(7) + 20] ^= 4;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT length 3-4 l3 @146+92 s0 yes\n"
                           "CORRUPT checksum 7-7 l7 @330+46 s0 unknown\n");
    forge_free(&forge);
}

static void
length__flipped_bit__loses_that_record(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    forge.bytes[forge_ten_at(3) + 1] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT length 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

static void
length__that_leads_to_a_frame_far_behind__is_not_followed(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    /* A length byte that ends exactly where record 6 starts. */
    forge.bytes[forge_ten_at(3) + 1] = (uint8_t)(3 * RECORD - 6);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT length 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

static void
head__that_starts_no_frame__loses_that_record(void **state)
{
    static const uint8_t heads[] = { 0x00, 0x1F, 0xE0, 0xFF, 0x28, 0x24 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        struct forge forge;

        forge_ten(&forge, true);
        forge.bytes[forge_ten_at(3)] = heads[i];
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look, "CORRUPT head 3-3 l3 @146+46 s0 yes\n");
        forge_free(&forge);
    }
}

static void
digest__of_a_long_body__is_checked_besides_the_checksum(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 1, 40);
    forge_fill(&forge, 1, 11441);
    forge_fill(&forge, 1, 40);
    (void)forge_close(&forge);
    /* Change the digest and make the checksum agree with it. */
    uint8_t *frame = forge.bytes + forge.frames[1].offset;
    const size_t covered = forge.frames[1].len - 4;
    frame[3 + 11441] ^= 1;
    slg_store_le32(frame + covered,
                   slg_crc32(0, frame, covered) ^
                       slg_mix(2, slg_salt(forge_identity, FORGE_EPOCH)));
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 2-2 l2 @100+11456 s0 yes\n");
    forge_free(&forge);
}

/* -- causes 6 to 8: frames in the wrong place ------------------------------ */

static void
missing__a_dropped_frame__is_an_empty_range_with_its_shift(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_ten(&forge, true);
    uint8_t *bytes =
        forge_moved(&forge, forge_ten_at(3), -2 * (int)RECORD, &len);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT missing 3-4 l3 @146+0 s-92 yes\n");
    assert_order(&look, "1-2 GAP(missing 3-4) 5-10");
    free(bytes);
    forge_free(&forge);
}

static void
missing__the_first_frame__is_known_from_the_second(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_ten(&forge, true);
    uint8_t *bytes = forge_moved(&forge, HEADER, -(int)RECORD, &len);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT missing 1-1 l1 @54+0 s-46 yes\n");
    free(bytes);
    forge_free(&forge);
}

static void
missing__up_to_65536_frames__are_found_missing(void **state)
{
    static const uint64_t wide[] = { 65535, 65536, 65537 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wide); i++) {
        struct forge forge;

        forge_ten(&forge, false);
        forge.number += wide[i];
        forge.line += wide[i];
        forge_fill(&forge, 5, 40);
        look_at(&forge, forge.bytes, forge.len, &look);
        if (wide[i] <= 65536)
            assert_findings(&look,
                            "CORRUPT missing 11-%u l11 @514+0 s? unknown\n",
                            (unsigned)(10 + wide[i]));
        else
            assert_findings(&look, "TORN torn 11-? l11 @514+230 s? no\n");
        forge_free(&forge);
    }
}

/*
 * The last frame of a torn tail often ends where the segment does, and its
 * torn bytes imply some number: only a follower makes a far one a record.
 */
static void
missing__a_last_frame_far_away__needs_a_follower(void **state)
{
    static const uint64_t distances[] = { 1, 64, 65, 19322, 65536 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(distances); i++) {
        for (size_t junk = 0; junk < 2; junk++) {
            struct forge forge;
            const unsigned last = (unsigned)(10 + distances[i]);

            forge_ten(&forge, false);
            if (junk > 0)
                forge_raw(&forge, "\1\2\3", 3);
            forge.number += distances[i];
            forge.line += distances[i];
            forge_fill(&forge, 1, 40);
            look_at(&forge, forge.bytes, forge.len, &look);
            if (distances[i] > 64)
                assert_findings(&look, "TORN torn 11-? l11 @514+%zu s? no\n",
                                46 + 3 * junk);
            else
                assert_findings(&look,
                                "CORRUPT %s 11-%u l11 @514+%zu s? unknown\n",
                                junk > 0 ? "head" : "missing", last, 3 * junk);
            forge_fill(&forge, 1, 40);
            look_at(&forge, forge.bytes, forge.len, &look);
            assert_findings(&look, "CORRUPT %s 11-%u l11 @514+%zu s? unknown\n",
                            junk > 0 ? "head" : "missing", last, 3 * junk);
            forge_free(&forge);
        }
    }
}

static void
missing__with_a_sync_point_behind__is_found_at_any_distance(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    forge.number += UINT64_C(1) << 40;
    forge.line += UINT64_C(1) << 40;
    (void)forge_sync(&forge);
    forge_fill(&forge, 5, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look,
                    "CORRUPT missing 11-1099511627786 l11 @514+0 s0 unknown\n");
    assert_order(&look, "1-10 GAP(missing 11-1099511627786) 1099511627787-"
                        "1099511627791");
    forge_free(&forge);
}

static void
order__two_frames_swapped__lose_nothing(void **state)
{
    struct forge forge;
    uint8_t keep[RECORD];

    (void)state;
    forge_ten(&forge, true);
    memcpy(keep, forge.bytes + forge_ten_at(3), RECORD);
    memcpy(forge.bytes + forge_ten_at(3), forge.bytes + forge_ten_at(4),
           RECORD);
    memcpy(forge.bytes + forge_ten_at(4), keep, RECORD);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT order - l- @146+46 s0 unknown\n");
    assert_int_equal(look.summary.records, 10);
    assert_int_equal(look.summary.lost, 0);
    forge_free(&forge);
}

static void
order__a_frame_moved_to_the_end__fills_its_hole(void **state)
{
    struct forge forge;
    uint8_t keep[RECORD];

    (void)state;
    forge_ten(&forge, false);
    memcpy(keep, forge.bytes + forge_ten_at(3), RECORD);
    memmove(forge.bytes + forge_ten_at(3), forge.bytes + forge_ten_at(4),
            7 * RECORD);
    memcpy(forge.bytes + forge_ten_at(10), keep, RECORD);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT order - l- @468+46 s? unknown\n");
    assert_int_equal(look.summary.records, 10);
    assert_int_equal(look.summary.torn_bytes, 0);
    forge_free(&forge);
}

static void
order__at_the_end_with_a_watermark_beyond__is_cut_as_well(void **state)
{
    struct forge forge;
    uint8_t keep[RECORD];

    (void)state;
    forge_ten(&forge, false);
    memcpy(keep, forge.bytes + forge_ten_at(3), RECORD);
    memmove(forge.bytes + forge_ten_at(3), forge.bytes + forge_ten_at(4),
            7 * RECORD);
    memcpy(forge.bytes + forge_ten_at(10), keep, RECORD);
    look_at_expecting(&forge, forge.bytes, forge.len, 12, &look);
    assert_findings(&look, "CORRUPT order - l- @468+46 s? unknown\n"
                           "CORRUPT cut 11-12 l11 @514+0 s? yes\n");
    forge_free(&forge);
}

static void
order__two_stretches_swapped__lose_nothing(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    for (unsigned i = 0; i < 3; i++) {
        (void)forge_sync(&forge);
        forge_fill(&forge, 5, 40);
    }
    (void)forge_close(&forge);
    /* Sync points stand at 146, 458 and 770; swap the first two stretches. */
    const size_t stretch = SYNC + 5 * RECORD;
    uint8_t *bytes = forge_copy(&forge);
    memcpy(bytes + 146, forge.bytes + 146 + stretch, stretch);
    memcpy(bytes + 146 + stretch, forge.bytes + 146, stretch);
    look_at(&forge, bytes, forge.len, &look);
    assert_int_equal(look.summary.records, 17);
    assert_int_equal(look.summary.lost, 0);
    assert_findings(&look, "CORRUPT shift - l- @146+0 s-312 unknown\n"
                           "CORRUPT order - l- @458+312 s312 unknown\n");
    free(bytes);
    forge_free(&forge);
}

static void
copy__a_frame_twice__is_dropped_once(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_ten(&forge, true);
    uint8_t *bytes = forge_moved(&forge, forge_ten_at(6), (int)RECORD, &len);
    memcpy(bytes + forge_ten_at(6), forge.bytes + forge_ten_at(5), RECORD);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT copy - l- @284+46 s46 unknown\n");
    assert_order(&look, "1-5 GAP(copy) 6-10");
    free(bytes);
    forge_free(&forge);
}

static void
copy__of_a_frame_far_before__is_dropped(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_ten(&forge, true);
    uint8_t *bytes =
        forge_moved(&forge, forge_ten_at(9), 2 * (int)RECORD, &len);
    memcpy(bytes + forge_ten_at(9), forge.bytes + forge_ten_at(1), 2 * RECORD);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT copy - l- @422+92 s92 unknown\n");
    free(bytes);
    forge_free(&forge);
}

static void
copy__of_a_stretch__is_a_passed_run(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 3; i++) {
        forge_fill(&forge, 5, 40);
        (void)forge_sync(&forge);
    }
    /* Sync points at 284, 596 and 908, 312 bytes apart. */
    uint8_t *bytes = forge_moved(&forge, 908, 312, &len);
    memcpy(bytes + 908, forge.bytes + 284, 312);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT copy - l- @908+312 s312 unknown\n");
    assert_order(&look, "1-15 GAP(copy)");
    free(bytes);
    forge_free(&forge);
}

/* Nothing tells a reader that has come by a seek which of the two it is. */
static void
copy__of_a_record_that_a_recorded_gap_stands_for__is_a_copy(void **state)
{
    const struct slg_gap told = { .count = 2,
                                  .lines = 2,
                                  .verdict = SEGLOG_VERDICT_CORRUPT,
                                  .cause = SEGLOG_CAUSE_CHECKSUM,
                                  .durable = SEGLOG_DURABLE_UNKNOWN,
                                  .shift = INT64_MIN };
    struct forge forge;
    struct forge whole;

    (void)state;
    forge_ten(&whole, true);
    forge_start(&forge);
    forge_fill(&forge, 5, 40);
    forge_gap(&forge, &told);
    forge_raw(&forge, whole.bytes + forge_ten_at(7), RECORD);
    forge_fill(&forge, 3, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_int_equal(look.summary.records, 8);
    assert_findings(&look, "CORRUPT copy - l- @342+46 s? unknown\n");
    forge_free(&forge);
    forge_free(&whole);
}

/* -- causes 9 and 10, and UNORDERED ---------------------------------------- */

static void
zeros__a_block_of_a_closed_segment__is_corrupt(void **state)
{
    struct forge forge;

    (void)state;
    forge_forty(&forge, true, 0);
    memset(forge.bytes + 1024, 0, 512);
    look_at(&forge, forge.bytes, forge.len, &look);
    /* 1024 lies in record 10 (from 1008), 1535 in record 14 (to 1538). */
    assert_findings(&look, "CORRUPT zeros 10-14 l10 @1008+530 s0 yes\n");
    forge_free(&forge);
}

static void
zeros__a_block_above_the_watermark__is_unordered(void **state)
{
    struct forge forge;

    (void)state;
    forge_forty(&forge, false, 9);
    memset(forge.bytes + 1024, 0, 512);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "UNORDERED zeros 10-14 l10 @1008+530 s0 no\n");
    assert_verdict(&look, SEGLOG_VERDICT_UNORDERED);
    assert_int_equal(look.summary.lost, 5);
    forge_free(&forge);
}

static void
zeros__a_block_partly_below_the_watermark__is_corrupt(void **state)
{
    struct forge forge;

    (void)state;
    forge_forty(&forge, false, 10);
    memset(forge.bytes + 1024, 0, 512);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT zeros 10-14 l10 @1008+530 s0 yes\n");
    forge_free(&forge);
}

static void
zeros__not_a_whole_block__are_not_unordered(void **state)
{
    struct forge forge;

    (void)state;
    forge_forty(&forge, false, 0);
    memset(forge.bytes + 1025, 0, 1022);
    look_at(&forge, forge.bytes, forge.len, &look);
    /* The checksum of record 10 is gone, its head and length are intact. */
    assert_findings(&look, "CORRUPT length 10-19 l10 @1008+1060 s0 unknown\n");
    forge_free(&forge);
}

static void
zeros__the_whole_gap__are_zeros_whatever_their_place(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    memset(forge.bytes + forge_ten_at(3), 0, RECORD);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT zeros 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

static void
zeros__inserted__lose_nothing(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_ten(&forge, true);
    uint8_t *bytes = forge_moved(&forge, forge_ten_at(3), 7, &len);
    memset(bytes + forge_ten_at(3), 0, 7);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT zeros - l- @146+7 s7 unknown\n");
    free(bytes);
    forge_free(&forge);
}

static void
ones__a_block__is_corrupt_and_never_unordered(void **state)
{
    struct forge forge;

    (void)state;
    forge_forty(&forge, false, 0);
    memset(forge.bytes + 1024, 0xFF, 512);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT ones 10-14 l10 @1008+530 s0 unknown\n");
    forge_free(&forge);
}

static void
ones__the_whole_gap__are_ones(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    memset(forge.bytes + forge_ten_at(3), 0xFF, RECORD);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT ones 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

/* -- causes 11, 12, 16, 17: marks and their stretches ---------------------- */

static void
mark__a_damaged_sync_point__loses_nothing(void **state)
{
    struct forge forge;

    (void)state;
    forge_forty(&forge, true, 0);
    forge.bytes[3234 + 50] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT mark - l- @3234+82 s0 unknown\n");
    assert_int_equal(look.summary.sync_points, 0);
    forge_free(&forge);
}

static void
mark__a_damaged_closing_mark_inside__loses_nothing(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    forge_fill(&forge, 3, 40);
    (void)forge_close(&forge);
    forge.bytes[514 + 40] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT mark - l- @514+70 s0 unknown\n");
    assert_true(look.summary.is_closed);
    forge_free(&forge);
}

static void
mark__a_closing_mark_of_a_newer_epoch__is_not_accepted(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    forge.epoch += UINT64_C(1) << 32;
    (void)forge_close(&forge);
    forge.epoch -= UINT64_C(1) << 32;
    forge_fill(&forge, 3, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT mark - l- @514+70 s? unknown\n");
    assert_int_equal(look.summary.records, 13);
    assert_int_equal(look.summary.cuts, 0);
    forge_free(&forge);
}

static void
inserted__bytes_between_frames__lose_nothing(void **state)
{
    static const int counts[] = { 1, 10, 1000 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct forge forge;
        size_t len;

        forge_ten(&forge, true);
        uint8_t *bytes = forge_moved(&forge, forge_ten_at(4), counts[i], &len);
        look_at(&forge, bytes, len, &look);
        assert_findings(&look, "CORRUPT inserted - l- @192+%d s%d unknown\n",
                        counts[i], counts[i]);
        free(bytes);
        forge_free(&forge);
    }
}

static void
inserted__and_then_removed__shift_goes_to_the_last_of_the_stretch(void **state)
{
    struct forge forge;
    struct forge moved;
    size_t len;

    (void)state;
    forge_ten(&forge, true);
    moved = forge;
    moved.bytes = forge_moved(&forge, forge_ten_at(2), 10, &moved.len);
    uint8_t *bytes =
        forge_moved(&moved, forge_ten_at(6) + 10, -(int)RECORD, &len);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT inserted - l- @100+10 s0 unknown\n"
                           "CORRUPT missing 6-6 l6 @294+0 s-36 yes\n");
    free(bytes);
    free(moved.bytes);
    forge_free(&forge);
}

static void
shift__a_removed_control_frame__shows_at_the_next_mark(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    const size_t unknown = forge_unknown(&forge, 20);
    forge_fill(&forge, 2, 40);
    const size_t sync = forge_sync(&forge);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    uint8_t *bytes =
        forge_moved(&forge, forge.frames[unknown].offset, -26, &len);
    look_at(&forge, bytes, len, &look);
    /* Once, at the first mark: the closing mark moved with it. */
    assert_findings(&look, "CORRUPT shift - l- @%zu+0 s-26 unknown\n",
                    forge.frames[sync].offset - 26);
    assert_int_equal(look.summary.records, 6);
    free(bytes);
    forge_free(&forge);
}

static void
shift__a_copied_control_frame__shows_as_inserted_bytes(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    (void)forge_unknown(&forge, 20);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    uint8_t *bytes = forge_moved(&forge, 146, 26, &len);
    memcpy(bytes + 146, forge.bytes + 146, 26);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT shift - l- @%zu+0 s26 unknown\n",
                    forge.len - CLOSE + 26);
    free(bytes);
    forge_free(&forge);
}

static void
shift__unknown_without_a_mark_behind__is_null(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    forge.bytes[forge_ten_at(3) + 20] ^= 4;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 3-3 l3 @146+46 s? unknown\n");
    forge_free(&forge);
}

static void
digest__of_a_stretch_that_does_not_match__is_a_finding(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    const size_t sync = forge_sync(&forge);
    forge_fill(&forge, 3, 40);
    forge.digest ^= 1;
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT digest - l- @%zu+138 s0 unknown\n",
                    forge.frames[sync].offset + SYNC);
    assert_int_equal(look.summary.records, 13);
    assert_int_equal(look.summary.lost, 0);
    forge_free(&forge);
}

static void
digest__of_the_first_stretch__is_over_the_bytes_behind_the_header(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    forge.digest++;
    (void)forge_sync(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT digest - l- @54+460 s0 unknown\n");
    forge_free(&forge);
}

static void
digest__of_a_stretch_with_a_gap__is_not_checked(void **state)
{
    struct forge forge;

    (void)state;
    forge_ten(&forge, false);
    forge.digest ^= 1;
    (void)forge_close(&forge);
    forge.bytes[forge_ten_at(3) + 20] ^= 4;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

/* What stands directly behind a sync point may be long, whatever its number. */
static void
missing__before_a_long_record__is_known_from_it(void **state)
{
    uint8_t *data = malloc(100000);
    struct forge forge;

    (void)state;
    assert_non_null(data);
    test_fill(data, 100000, 3);
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    (void)forge_sync(&forge);
    const size_t at = forge.len;

    forge.number += 2;
    forge.line += 2;
    (void)forge_put(&forge, SEGLOG_BYTES, data, 100000);
    forge_fill(&forge, 2, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT missing 3-4 l3 @%zu+0 s? unknown\n", at);
    assert_order(&look, "1-2 GAP(missing 3-4) 5-7");
    free(data);
    forge_free(&forge);
}

/* Only the ends of so much are searched: between, marks lead on. */
static void
foreign__more_than_is_searched__is_crossed_from_mark_to_mark(void **state)
{
    const size_t len = (size_t)20 << 20;
    uint8_t *junk = malloc(len);
    struct forge forge;

    (void)state;
    assert_non_null(junk);
    memset(junk, 0xEE, len);
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    const size_t at = forge.len;

    /* The first mark in it is of somebody else. */
    forge_raw(&forge, junk, len / 2);
    memcpy(forge.header.identity, forge_stranger, sizeof forge_stranger);
    (void)forge_sync(&forge);
    memcpy(forge.header.identity, forge_identity, sizeof forge_identity);
    forge_raw(&forge, junk, len / 2);
    const size_t end = forge.len;

    (void)forge_sync(&forge);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_int_equal(look.summary.records, 5);
    assert_int_equal(look.finding_count, 1);
    assert_int_equal(look.findings[0].cause, SEGLOG_CAUSE_FOREIGN);
    assert_int_equal(look.findings[0].first_byte, at);
    assert_int_equal(look.findings[0].byte_count, end - at);
    free(junk);
    forge_free(&forge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing__before_a_long_record__is_known_from_it),
        cmocka_unit_test(
            foreign__more_than_is_searched__is_crossed_from_mark_to_mark),
        cmocka_unit_test(checksum__one_bit_of_a_body__loses_that_record),
        cmocka_unit_test(
            checksum__head_of_another_kind__is_a_checksum_mismatch),
        cmocka_unit_test(checksum__below_the_watermark__is_durable),
        cmocka_unit_test(length__flipped_bit__loses_that_record),
        cmocka_unit_test(
            length__that_leads_to_a_frame_far_behind__is_not_followed),
        cmocka_unit_test(head__that_starts_no_frame__loses_that_record),
        cmocka_unit_test(
            digest__of_a_long_body__is_checked_besides_the_checksum),
        cmocka_unit_test(
            missing__a_dropped_frame__is_an_empty_range_with_its_shift),
        cmocka_unit_test(missing__the_first_frame__is_known_from_the_second),
        cmocka_unit_test(missing__up_to_65536_frames__are_found_missing),
        cmocka_unit_test(missing__a_last_frame_far_away__needs_a_follower),
        cmocka_unit_test(
            missing__with_a_sync_point_behind__is_found_at_any_distance),
        cmocka_unit_test(order__two_frames_swapped__lose_nothing),
        cmocka_unit_test(order__a_frame_moved_to_the_end__fills_its_hole),
        cmocka_unit_test(
            order__at_the_end_with_a_watermark_beyond__is_cut_as_well),
        cmocka_unit_test(order__two_stretches_swapped__lose_nothing),
        cmocka_unit_test(copy__a_frame_twice__is_dropped_once),
        cmocka_unit_test(copy__of_a_frame_far_before__is_dropped),
        cmocka_unit_test(copy__of_a_stretch__is_a_passed_run),
        cmocka_unit_test(
            copy__of_a_record_that_a_recorded_gap_stands_for__is_a_copy),
        cmocka_unit_test(zeros__a_block_of_a_closed_segment__is_corrupt),
        cmocka_unit_test(zeros__a_block_above_the_watermark__is_unordered),
        cmocka_unit_test(zeros__a_block_partly_below_the_watermark__is_corrupt),
        cmocka_unit_test(zeros__not_a_whole_block__are_not_unordered),
        cmocka_unit_test(zeros__the_whole_gap__are_zeros_whatever_their_place),
        cmocka_unit_test(zeros__inserted__lose_nothing),
        cmocka_unit_test(ones__a_block__is_corrupt_and_never_unordered),
        cmocka_unit_test(ones__the_whole_gap__are_ones),
        cmocka_unit_test(mark__a_damaged_sync_point__loses_nothing),
        cmocka_unit_test(mark__a_damaged_closing_mark_inside__loses_nothing),
        cmocka_unit_test(
            mark__a_closing_mark_of_a_newer_epoch__is_not_accepted),
        cmocka_unit_test(inserted__bytes_between_frames__lose_nothing),
        cmocka_unit_test(
            inserted__and_then_removed__shift_goes_to_the_last_of_the_stretch),
        cmocka_unit_test(
            shift__a_removed_control_frame__shows_at_the_next_mark),
        cmocka_unit_test(
            shift__a_copied_control_frame__shows_as_inserted_bytes),
        cmocka_unit_test(shift__unknown_without_a_mark_behind__is_null),
        cmocka_unit_test(
            digest__of_a_stretch_that_does_not_match__is_a_finding),
        cmocka_unit_test(
            digest__of_the_first_stretch__is_over_the_bytes_behind_the_header),
        cmocka_unit_test(digest__of_a_stretch_with_a_gap__is_not_checked),
    };

    return cmocka_run_group_tests_name("segment/scan_causes", tests, NULL,
                                       NULL);
}
