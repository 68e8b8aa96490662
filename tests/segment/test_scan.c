/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_scan.c
 *
 * Goal    every verdict and cause of SPEC.md 10, with the records, lines,
 *         bytes and shift it must name; and the figures of the summary.
 * Method  segments are made frame by frame and damaged in one known way; scan
 *         and both kinds of reader look at them (forge_support.h).
 */
#include "forge_support.h"

#include <stdio.h>

#include "format/checksum.h"

#define HEADER ((size_t)54)
#define RECORD ((size_t)46) /* a frame of make_ten */
#define SYNC   ((size_t)82)
#define CLOSE  ((size_t)70)

static struct look look;

/* Ten records of 40 bytes, frames of 46; the closing mark is at 514. */
static void
make_ten(struct forge *forge, bool is_closed)
{
    forge_start(forge);
    forge_fill(forge, 10, 40);
    if (is_closed)
        (void)forge_close(forge);
}

static size_t
ten_at(uint64_t number)
{
    return HEADER + RECORD * (size_t)(number - 1);
}

/* Move the bytes behind `at` by `by`, over what is removed. */
static uint8_t *
bytes_move(const struct forge *forge, size_t at, int by, size_t *len)
{
    uint8_t *out = malloc(forge->len + (by > 0 ? (size_t)by : 0));
    const size_t from = by < 0 ? at + (size_t)-by : at;
    const size_t to = by < 0 ? at : at + (size_t)by;

    assert_non_null(out);
    memcpy(out, forge->bytes, at);
    memset(out + at, 'z', to - at);
    memcpy(out + to, forge->bytes + from, forge->len - from);
    *len = forge->len - from + to;
    return out;
}

/* -- nothing wrong --------------------------------------------------------- */

static void
intact__every_kind_of_frame__is_ok_and_counted(void **state)
{
    const struct seglog_item items[] = { { SEGLOG_TEXT, "aa", 2 },
                                         { SEGLOG_BYTES, "\n", 1 },
                                         { SEGLOG_PART, "ppp", 3 } };
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 5,
                                 .lines = 4,
                                 .first_byte = 70,
                                 .byte_count = 9,
                                 .shift = INT64_MIN };
    struct forge forge;

    (void)state;
    forge_start(&forge);
    (void)forge_predecessor(&forge);
    (void)forge_text(&forge, "one");
    (void)forge_put(&forge, SEGLOG_BYTES, "\0\xff\n", 3);
    (void)forge_put(&forge, SEGLOG_PART, "part", 4);
    (void)forge_put(&forge, SEGLOG_TAIL, "", 0);
    (void)forge_group(&forge, items, 3);
    forge.watermark = 4;
    (void)forge_sync(&forge);
    (void)forge_gap(&forge, &gap);
    (void)forge_unknown(&forge, 20);
    (void)forge_text(&forge, "last");
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);

    const struct seglog_scan_summary *s = &look.summary;
    assert_no_findings(&look);
    assert_order(&look, "1-7 REC(checksum 8-12) 13");
    assert_verdict(&look, SEGLOG_VERDICT_OK);
    assert_true(s->is_closed);
    assert_false(s->is_header_lost);
    assert_int_equal(s->records, 8);
    assert_int_equal(s->unconfirmed, 0);
    assert_int_equal(s->lost, 0);
    assert_int_equal(s->first_record, 1);
    assert_int_equal(s->next_record, 14);
    assert_int_equal(s->next_line, 11); /* 5 lines, 4 lost, 1 */
    assert_int_equal(s->watermark, 13);
    assert_int_equal(s->epoch, FORGE_EPOCH);
    assert_memory_equal(s->identity, forge_identity, 16);
    assert_int_equal(s->body_log2, 23);
    assert_int_equal(s->sync_log2, 16);
    assert_int_equal(s->payload_bytes, 3 + 3 + 4 + 0 + 6 + 4);
    assert_int_equal(s->record_frames, 6);
    assert_int_equal(s->groups, 1);
    assert_int_equal(s->sync_points, 1);
    assert_int_equal(s->closing_marks, 1);
    assert_int_equal(s->cuts, 0);
    assert_int_equal(s->recorded_gaps, 1);
    assert_int_equal(s->recorded_lost, 5);
    assert_int_equal(s->torn_bytes, 0);
    forge_free(&forge);
}

static void
intact__closed_and_gone_on__is_not_closed_until_closed_again(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    forge_fill(&forge, 2, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_false(look.summary.is_closed);
    assert_int_equal(look.summary.watermark, 10);
    assert_int_equal(look.summary.closing_marks, 1);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_true(look.summary.is_closed);
    assert_int_equal(look.summary.watermark, 12);
    assert_int_equal(look.summary.closing_marks, 2);
    forge_free(&forge);
}

static void
intact__header_alone__is_ok_without_records(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_int_equal(look.summary.records, 0);
    assert_int_equal(look.summary.next_record, 1);
    assert_int_equal(look.summary.next_line, 1);
    forge_free(&forge);
}

static void
intact__durable_heads__raise_the_watermark(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    forge.is_durable = true;
    forge_fill(&forge, 1, 40);
    forge.is_durable = false;
    forge_fill(&forge, 3, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_int_equal(look.summary.watermark, 10);
    forge_free(&forge);
}

static void
intact__after_a_cut__counts_it_and_has_the_new_epoch(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    forge.len = ten_at(9);
    (void)forge_new_epoch(&forge, 9);
    forge_fill(&forge, 4, 41);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_int_equal(look.summary.records, 12);
    assert_int_equal(look.summary.cuts, 1);
    assert_int_equal(look.summary.epoch,
                     FORGE_EPOCH + (UINT64_C(1) << 32) + 77);
    forge_free(&forge);
}

static void
intact__first_record_not_1__starts_there(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;

    (void)state;
    header.first_record = 1000;
    forge_start_with(&forge, &header);
    forge_fill(&forge, 5, 40);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_order(&look, "1000-1004");
    assert_int_equal(look.summary.first_record, 1000);
    assert_int_equal(look.summary.next_record, 1005);
    assert_int_equal(look.summary.records, 5);
    forge_free(&forge);
}

static void
intact__no_xxh3__has_neither_digests(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;

    (void)state;
    header.features_refuse = SLG_REFUSE_NO_XXH3;
    header.features_ignore = 0x8001;
    header.features_read_only = 0x4002;
    forge_start_with(&forge, &header);
    forge_fill(&forge, 2, 30000);
    (void)forge_sync(&forge);
    forge_fill(&forge, 1, 40);
    (void)forge_close(&forge);
    assert_int_equal(forge.frames[0].len, 30007);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_int_equal(look.summary.records, 3);
    assert_int_equal(look.summary.features_refuse, 1);
    assert_int_equal(look.summary.features_ignore, 0x8001);
    assert_int_equal(look.summary.features_read_only, 0x4002);
    forge_free(&forge);
}

/* -- causes 13 to 15: a record is damaged ---------------------------------- */

static void
checksum__one_bit_of_a_body__loses_that_record(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    forge.bytes[ten_at(3) + 20] ^= 4;
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
    make_ten(&forge, true);
    forge.bytes[ten_at(3)] = 0x40; /* TEXT has become BYTES */
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

static void
checksum__below_the_watermark__is_durable(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    forge.watermark = 3;
    (void)forge_sync(&forge);
    forge.bytes[ten_at(3) + 20] ^= 4;
    forge.bytes[ten_at(4) + 20] ^= 4;
    forge.bytes[ten_at(7) + 20] ^= 4;
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
    make_ten(&forge, true);
    forge.bytes[ten_at(3) + 1] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT length 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

static void
length__that_leads_to_a_frame_far_behind__is_not_followed(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    /* A length byte that ends exactly where record 6 starts. */
    forge.bytes[ten_at(3) + 1] = (uint8_t)(3 * RECORD - 6);
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

        make_ten(&forge, true);
        forge.bytes[ten_at(3)] = heads[i];
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
    make_ten(&forge, true);
    uint8_t *bytes = bytes_move(&forge, ten_at(3), -2 * (int)RECORD, &len);
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
    make_ten(&forge, true);
    uint8_t *bytes = bytes_move(&forge, HEADER, -(int)RECORD, &len);
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

        make_ten(&forge, false);
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

static void
missing__with_a_sync_point_behind__is_found_at_any_distance(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    forge.number += UINT64_C(1) << 40;
    forge.line += UINT64_C(1) << 40;
    (void)forge_sync(&forge);
    forge_fill(&forge, 5, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look,
                    "CORRUPT missing 11-1099511627786 l11 @514+0 s0 unknown\n");
    assert_order(&look,
                 "1-10 GAP(missing 11-1099511627786) 1099511627787-"
                 "1099511627791");
    forge_free(&forge);
}

static void
order__two_frames_swapped__lose_nothing(void **state)
{
    struct forge forge;
    uint8_t keep[RECORD];

    (void)state;
    make_ten(&forge, true);
    memcpy(keep, forge.bytes + ten_at(3), RECORD);
    memcpy(forge.bytes + ten_at(3), forge.bytes + ten_at(4), RECORD);
    memcpy(forge.bytes + ten_at(4), keep, RECORD);
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
    make_ten(&forge, false);
    memcpy(keep, forge.bytes + ten_at(3), RECORD);
    memmove(forge.bytes + ten_at(3), forge.bytes + ten_at(4), 7 * RECORD);
    memcpy(forge.bytes + ten_at(10), keep, RECORD);
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
    make_ten(&forge, false);
    memcpy(keep, forge.bytes + ten_at(3), RECORD);
    memmove(forge.bytes + ten_at(3), forge.bytes + ten_at(4), 7 * RECORD);
    memcpy(forge.bytes + ten_at(10), keep, RECORD);
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
    make_ten(&forge, true);
    uint8_t *bytes = bytes_move(&forge, ten_at(6), (int)RECORD, &len);
    memcpy(bytes + ten_at(6), forge.bytes + ten_at(5), RECORD);
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
    make_ten(&forge, true);
    uint8_t *bytes = bytes_move(&forge, ten_at(9), 2 * (int)RECORD, &len);
    memcpy(bytes + ten_at(9), forge.bytes + ten_at(1), 2 * RECORD);
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
    uint8_t *bytes = bytes_move(&forge, 908, 312, &len);
    memcpy(bytes + 908, forge.bytes + 284, 312);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT copy - l- @908+312 s312 unknown\n");
    assert_order(&look, "1-15 GAP(copy)");
    free(bytes);
    forge_free(&forge);
}

/* -- causes 9 and 10, and UNORDERED ---------------------------------------- */

/* 40 records of 100 bytes in frames of 106, and a sync point behind 30. */
static void
make_forty(struct forge *forge, bool is_closed, uint64_t watermark)
{
    forge_start(forge);
    forge_fill(forge, 30, 100);
    forge->watermark = watermark;
    (void)forge_sync(forge);
    forge_fill(forge, 10, 100);
    if (is_closed)
        (void)forge_close(forge);
}

static void
zeros__a_block_of_a_closed_segment__is_corrupt(void **state)
{
    struct forge forge;

    (void)state;
    make_forty(&forge, true, 0);
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
    make_forty(&forge, false, 9);
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
    make_forty(&forge, false, 10);
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
    make_forty(&forge, false, 0);
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
    make_ten(&forge, true);
    memset(forge.bytes + ten_at(3), 0, RECORD);
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
    make_ten(&forge, true);
    uint8_t *bytes = bytes_move(&forge, ten_at(3), 7, &len);
    memset(bytes + ten_at(3), 0, 7);
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
    make_forty(&forge, false, 0);
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
    make_ten(&forge, true);
    memset(forge.bytes + ten_at(3), 0xFF, RECORD);
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
    make_forty(&forge, true, 0);
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
    make_ten(&forge, true);
    forge_fill(&forge, 3, 40);
    (void)forge_close(&forge);
    forge.bytes[514 + 40] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT mark - l- @514+70 s0 unknown\n");
    assert_true(look.summary.is_closed);
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

        make_ten(&forge, true);
        uint8_t *bytes = bytes_move(&forge, ten_at(4), counts[i], &len);
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
    make_ten(&forge, true);
    moved = forge;
    moved.bytes = bytes_move(&forge, ten_at(2), 10, &moved.len);
    uint8_t *bytes =
        bytes_move(&moved, ten_at(6) + 10, -(int)RECORD, &len);
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
        bytes_move(&forge, forge.frames[unknown].offset, -26, &len);
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
    uint8_t *bytes = bytes_move(&forge, 146, 26, &len);
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
    make_ten(&forge, false);
    forge.bytes[ten_at(3) + 20] ^= 4;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 3-3 l3 @146+46 s? unknown\n");
    forge_free(&forge);
}

static void
digest__of_a_stretch_that_does_not_match__is_a_finding(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
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
    make_ten(&forge, false);
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
    make_ten(&forge, false);
    forge.digest ^= 1;
    (void)forge_close(&forge);
    forge.bytes[ten_at(3) + 20] ^= 4;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 3-3 l3 @146+46 s0 yes\n");
    forge_free(&forge);
}

/* -- causes 18 to 20: the tail --------------------------------------------- */

static void
closing_mark__damaged__is_corrupt_without_loss(void **state)
{
    (void)state;
    for (size_t at = 0; at < CLOSE; at++) {
        struct forge forge;

        make_ten(&forge, true);
        forge.bytes[514 + at] ^= 0x10;
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_findings(&look,
                        "CORRUPT closing-mark - l- @514+70 s0 unknown\n");
        assert_false(look.summary.is_closed);
        assert_int_equal(look.summary.torn_bytes, 0);
        forge_free(&forge);
    }
}

static void
closing_mark__with_bytes_in_its_middle__has_their_shift(void **state)
{
    static const int counts[] = { 1, 16, -1, -16 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct forge forge;
        size_t len;

        make_ten(&forge, true);
        uint8_t *bytes = bytes_move(&forge, 514 + 30, counts[i], &len);
        look_at(&forge, bytes, len, &look);
        assert_findings(&look,
                        "CORRUPT closing-mark - l- @514+%d s%d unknown\n",
                        70 + counts[i], counts[i]);
        free(bytes);
        forge_free(&forge);
    }
}

static void
closing_mark__every_beginning_of_it__is_torn_without_a_record(void **state)
{
    (void)state;
    for (size_t len = 1; len < CLOSE; len++) {
        struct forge forge;

        make_ten(&forge, true);
        look_at(&forge, forge.bytes, 514 + len, &look);
        assert_findings(&look, "TORN torn - l- @514+%zu s? no\n", len);
        assert_int_equal(look.summary.torn_bytes, len);
        assert_int_equal(look.summary.next_record, 11);
        forge_free(&forge);
    }
}

static void
torn__every_beginning_of_a_record__names_the_record(void **state)
{
    (void)state;
    for (size_t len = 1; len < RECORD; len++) {
        struct forge forge;

        make_ten(&forge, false);
        look_at(&forge, forge.bytes, ten_at(10) + len, &look);
        assert_findings(&look, "TORN torn 10-? l10 @468+%zu s? no\n", len);
        assert_order(&look, "1-9 GAP(torn)");
        assert_int_equal(look.summary.torn_bytes, len);
        assert_int_equal(look.summary.lost, 0);
        assert_int_equal(look.summary.next_record, 10);
        forge_free(&forge);
    }
}

static void
torn__every_beginning_of_a_sync_point__names_no_record(void **state)
{
    (void)state;
    for (size_t len = 1; len < SYNC; len++) {
        struct forge forge;

        make_ten(&forge, false);
        (void)forge_sync(&forge);
        look_at(&forge, forge.bytes, 514 + len, &look);
        assert_findings(&look, "TORN torn - l- @514+%zu s? no\n", len);
        forge_free(&forge);
    }
}

static void
torn__every_beginning_of_a_header__is_torn_without_records(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (size_t len = 0; len < HEADER; len++) {
        look_at(&forge, forge.bytes, len, &look);
        assert_findings(&look, "TORN torn - l- @0+%zu s? no\n", len);
        assert_int_equal(look.summary.records, 0);
        assert_int_equal(look.summary.torn_bytes, len);
        assert_int_equal(look.summary.next_record, 1);
    }
    forge_free(&forge);
}

static void
torn__a_group__names_its_first_record(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge_fill_groups(&forge, 1, 3, 20);
    look_at(&forge, forge.bytes, forge.len - 1, &look);
    assert_findings(&look, "TORN torn 3-? l3 @146+%zu s? no\n",
                    forge.len - 1 - 146);
    assert_int_equal(look.summary.records, 2);
    forge_free(&forge);
}

static void
torn__the_last_record_damaged_in_an_unclosed_log__is_torn(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    forge.bytes[ten_at(10) + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "TORN torn 10-? l10 @468+46 s? no\n");
    forge_free(&forge);
}

static void
cut__below_what_is_expected__is_corrupt(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    look_at_expecting(&forge, forge.bytes, forge.len, 12, &look);
    assert_findings(&look, "CORRUPT cut 11-12 l11 @584+0 s? yes\n");
    assert_int_equal(look.summary.lost, 2);
    assert_int_equal(look.summary.next_record, 13);
    assert_int_equal(look.summary.next_line, 13);
    look_at_expecting(&forge, forge.bytes, forge.len, 10, &look);
    assert_no_findings(&look);
    look_at_expecting(&forge, forge.bytes, ten_at(9), 10, &look);
    assert_findings(&look, "CORRUPT cut 9-10 l9 @422+0 s? yes\n");
    forge_free(&forge);
}

static void
cut__inside_a_frame__is_over_the_torn_bytes(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    look_at_expecting(&forge, forge.bytes, ten_at(9) + 17, 10, &look);
    assert_findings(&look, "CORRUPT cut 9-10 l9 @422+17 s? yes\n");
    /* Expected to have what it has: torn. */
    look_at_expecting(&forge, forge.bytes, ten_at(9) + 17, 8, &look);
    assert_findings(&look, "TORN torn 9-? l9 @422+17 s? no\n");
    forge_free(&forge);
}

static void
cut__to_nothing__loses_all_that_was_expected(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    look_at_expecting(&forge, forge.bytes, HEADER, 10, &look);
    assert_findings(&look, "CORRUPT cut 1-10 l1 @54+0 s? yes\n");
    assert_int_equal(look.summary.next_record, 11);
    look_at_expecting(&forge, forge.bytes, 20, 10, &look);
    assert_findings(&look, "CORRUPT cut 1-10 l1 @0+20 s? yes\n");
    assert_int_equal(look.summary.next_record, 11);
    assert_int_equal(look.summary.next_line, 11);
    forge_free(&forge);
}

/* -- FOREIGN, and cause 5 -------------------------------------------------- */

static void
foreign__a_mark_of_another_segment__is_foreign(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct forge other;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    forge_fill(&other, 3, 40);
    (void)forge_sync(&other);
    make_ten(&forge, false);
    forge_raw(&forge, other.bytes + 192, SYNC);
    forge_fill(&forge, 3, 40);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN foreign - l- @514+82 s? unknown\n");
    assert_verdict(&look, SEGLOG_VERDICT_FOREIGN);
    assert_order(&look, "1-10 GAP(foreign) 11-13");
    forge_free(&other);
    forge_free(&forge);
}

static void
foreign__a_header_over_a_record__is_foreign_and_lost(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct forge other;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    make_ten(&forge, true);
    memcpy(forge.bytes + ten_at(4), other.bytes, HEADER);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN foreign 4-5 l4 @192+92 s0 yes\n");
    assert_int_equal(look.summary.lost, 2);
    forge_free(&other);
    forge_free(&forge);
}

static void
foreign__three_records_under_another_salt__are_foreign(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct forge other;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    forge_fill(&other, 5, 40);
    make_ten(&forge, true);
    memcpy(forge.bytes + ten_at(4), other.bytes + HEADER + RECORD, 3 * RECORD);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN foreign 4-6 l4 @192+138 s0 yes\n");
    forge_free(&other);
    forge_free(&forge);
}

static void
foreign__at_the_end__is_not_torn(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct forge other;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    forge_fill(&other, 5, 40);
    make_ten(&forge, false);
    forge_raw(&forge, other.bytes, other.len);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN foreign - l- @514+%zu s? unknown\n",
                    other.len);
    assert_int_equal(look.summary.torn_bytes, 0);
    forge_free(&other);
    forge_free(&forge);
}

static void
stale__frames_from_before_a_cut__are_foreign(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    (void)forge_sync(&forge);
    forge_fill(&forge, 3, 40);
    uint8_t *old = exact_copy(forge.bytes + ten_at(9), forge.len - ten_at(9));
    const size_t old_len = forge.len - ten_at(9);
    forge.len = ten_at(9);
    (void)forge_new_epoch(&forge, 9);
    forge_fill(&forge, 1, 40);
    /* What was cut comes back behind what was appended since. */
    forge_raw(&forge, old, old_len);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "FOREIGN stale - l- @550+%zu s? unknown\n", old_len);
    assert_int_equal(look.summary.records, 9);
    free(old);
    forge_free(&forge);
}

static void
passed_over__a_torn_tail_before_a_new_epoch__is_torn(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    forge.len -= 6;
    (void)forge_new_epoch(&forge, 10);
    forge_fill(&forge, 5, 40);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "TORN passed-over - l- @468+40 s0 no\n");
    assert_verdict(&look, SEGLOG_VERDICT_TORN);
    assert_order(&look, "1-9 GAP(passed-over) 10-14");
    assert_int_equal(look.summary.torn_bytes, 0);
    assert_true(look.summary.is_closed);
    forge_free(&forge);
}

static void
passed_over__with_records_lost_besides__is_corrupt(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    (void)forge_new_epoch(&forge, 11);
    forge_fill(&forge, 5, 40);
    forge.bytes[ten_at(10) + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 10-10 l10 @468+46 s0 unknown\n");
    forge_free(&forge);
}

/* -- what fills holes (SPEC.md 10.1) --------------------------------------- */

static void
lone__between_two_damaged_places__is_delivered_unconfirmed(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    forge.bytes[ten_at(3)] = 0;
    forge.bytes[ten_at(5) + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT head 3-3 l3 @146+138 s0 yes\n"
                           "CORRUPT head 5-5 l5 @146+138 s0 yes\n");
    assert_order(&look, "1-2 GAP(head 3-3) ~4 GAP(head 5-5) 6-10");
    assert_int_equal(look.summary.unconfirmed, 1);
    assert_int_equal(look.summary.records, 8);
    forge_free(&forge);
}

static void
lone__a_group__is_delivered_whole(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 3, 40);
    forge_fill_groups(&forge, 1, 4, 10);
    forge_fill(&forge, 3, 40);
    (void)forge_close(&forge);
    forge.bytes[ten_at(3)] = 0;
    forge.bytes[forge.frames[4].offset + 20] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_order(&look, "1-2 GAP(head 3-3) ~4 ~5 ~6 ~7 GAP(head 8-8) 9-10");
    assert_int_equal(look.summary.unconfirmed, 4);
    forge_free(&forge);
}

static void
tiles__two_copies_of_a_missing_record__one_is_order_one_is_copy(void **state)
{
    struct forge forge;
    uint8_t bytes[1024];
    size_t len;

    (void)state;
    make_ten(&forge, true);
    memcpy(bytes, forge.bytes, ten_at(3));
    len = ten_at(3);
    memcpy(bytes + len, forge.bytes + ten_at(4), 3 * RECORD);
    len += 3 * RECORD; /* 4, 5, 6 */
    memcpy(bytes + len, forge.bytes + ten_at(3), RECORD);
    len += RECORD;
    memcpy(bytes + len, forge.bytes + ten_at(7), 2 * RECORD);
    len += 2 * RECORD; /* 7, 8 */
    memcpy(bytes + len, forge.bytes + ten_at(3), RECORD);
    len += RECORD;
    memcpy(bytes + len, forge.bytes + ten_at(9), forge.len - ten_at(9));
    len += forge.len - ten_at(9);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT order - l- @284+46 s0 unknown\n"
                           "CORRUPT copy - l- @422+46 s46 unknown\n");
    assert_int_equal(look.summary.records, 10);
    forge_free(&forge);
}

static void
tiles__behind_the_last_run__go_on_where_it_ended(void **state)
{
    struct forge forge;
    uint8_t keep[RECORD];

    (void)state;
    make_ten(&forge, false);
    memcpy(keep, forge.bytes + ten_at(9), RECORD);
    memcpy(forge.bytes + ten_at(9), forge.bytes + ten_at(10), RECORD);
    memcpy(forge.bytes + ten_at(10), keep, RECORD);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT order - l- @422+46 s? unknown\n");
    assert_order(&look, "1-8 GAP(order) 9-10");
    assert_int_equal(look.summary.next_record, 11);
    assert_int_equal(look.summary.next_line, 11);
    forge_free(&forge);
}

static void
passed_run__records_moved_behind_a_copy__fill_the_hole(void **state)
{
    struct forge forge;
    uint8_t *bytes;
    size_t len = 0;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 4; i++) {
        forge_fill(&forge, 5, 40);
        (void)forge_sync(&forge);
    }
    /* Sync points at 284, 596, 908, 1220.  The stretch of records 6 to 10
     * moves behind that of 11 to 15. */
    bytes = malloc(forge.len);
    assert_non_null(bytes);
    memcpy(bytes, forge.bytes, 284);
    memcpy(bytes + 284, forge.bytes + 596, 312);
    memcpy(bytes + 596, forge.bytes + 284, 312);
    memcpy(bytes + 908, forge.bytes + 908, forge.len - 908);
    len = forge.len;
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT shift - l- @284+0 s-312 unknown\n"
                           "CORRUPT order - l- @596+312 s312 unknown\n");
    assert_int_equal(look.summary.records, 20);
    free(bytes);
    forge_free(&forge);
}

static void
group__damaged__is_lost_whole(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge_fill_groups(&forge, 3, 4, 10);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    const struct forge_frame *frame = &forge.frames[3];
    forge.bytes[frame->offset + 10] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 7-10 l7 @%zu+%zu s0 yes\n",
                    frame->offset, frame->len);
    forge_free(&forge);
}

static void
recorded_gap__damaged__is_lost_with_its_numbers(void **state)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 5,
                                 .lines = 5,
                                 .shift = INT64_MIN };
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    const size_t index = forge_gap(&forge, &gap);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_no_findings(&look);
    assert_order(&look, "1-10 REC(checksum 11-15) 16-17");
    forge.bytes[forge.frames[index].offset + 25] ^= 1;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 11-15 l11 @514+58 s0 yes\n");
    assert_int_equal(look.summary.records, 12);
    assert_int_equal(look.summary.recorded_gaps, 0);
    forge_free(&forge);
}

/* -- the header (SPEC.md 8) ------------------------------------------------ */

static void
header__one_bit__is_corrected(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    make_ten(&forge, false);
    forge.bytes[20] ^= 8;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT header - l- @0+54 s0 unknown\n");
    assert_false(look.summary.is_header_lost);
    assert_memory_equal(look.summary.identity, forge_identity, 16);
    assert_order(&look, "GAP(header) 1-10");
    (void)forge_close(&forge);
    uint8_t *bytes = bytes_move(&forge, ten_at(4), 10, &len);
    look_at(&forge, bytes, len, &look);
    assert_findings(&look, "CORRUPT header - l- @0+54 s0 unknown\n"
                           "CORRUPT inserted - l- @192+10 s10 unknown\n");
    free(bytes);
    forge_free(&forge);
}

static void
header__lost__is_recovered_from_a_mark(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    memset(forge.bytes, 0xEE, HEADER);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT header - l- @0+54 s0 unknown\n");
    assert_true(look.summary.is_header_lost);
    assert_true(look.summary.is_closed);
    assert_memory_equal(look.summary.identity, forge_identity, 16);
    assert_int_equal(look.summary.body_log2, 27);
    assert_int_equal(look.summary.sync_log2, 16);
    assert_int_equal(look.summary.first_record, 1);
    assert_int_equal(look.summary.records, 10);
    forge_free(&forge);
}

static void
header__two_flipped_bits__are_not_guessed(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    forge.bytes[20] ^= 8;
    forge.bytes[50] ^= 8;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT header - l- @0+54 s0 unknown\n");
    assert_true(look.summary.is_header_lost);
    forge_free(&forge);
}

static void
header__lost_with_the_first_record__loses_that_too(void **state)
{
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    memset(forge.bytes, 0xEE, HEADER + 20);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT header 1-1 l1 @0+100 s0 yes\n");
    forge_free(&forge);
}

static void
header__lost_without_any_mark__is_recovered_by_its_salt(void **state)
{
    static const uint8_t unknown[16];
    struct forge forge;

    (void)state;
    make_ten(&forge, false);
    memset(forge.bytes, 0xEE, HEADER);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT header - l- @0+54 s? unknown\n");
    assert_order(&look, "GAP(header) 1-10");
    assert_memory_equal(look.summary.identity, unknown, 16);
    assert_int_equal(look.summary.epoch, 0);
    forge_free(&forge);
}

static void
header__lost_without_a_mark__needs_three_records(void **state)
{
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    struct seglog_store store;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    memset(forge.bytes, 0xEE, HEADER);
    assert_ok(seglog_store_memory_open(&store, NULL));
    store_put_bytes(store, "look", forge.bytes, forge.len);
    assert_code_err(seglog_scan(store, "look", NULL, &summary, &err),
                    SEGLOG_FORMAT, &err);
    assert_int_equal(err.offset, 0);
    seglog_store_close(&store);
    forge_free(&forge);
}

static void
header__lost__salt_is_solved_from_groups_too(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill_groups(&forge, 4, 5, 30);
    memset(forge.bytes, 0xEE, HEADER);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_order(&look, "GAP(header) 1-20");
    forge_free(&forge);
}

static void
header__lost_before_a_first_sync_point__keeps_first_record(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;

    (void)state;
    header.first_record = 1000;
    forge_start_with(&forge, &header);
    forge_fill(&forge, 5, 40);
    (void)forge_close(&forge);
    memset(forge.bytes, 0xEE, HEADER);
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT header - l- @0+54 s0 unknown\n");
    assert_int_equal(look.summary.first_record, 1000);
    assert_int_equal(look.summary.lost, 0);
    assert_int_equal(look.summary.records, 5);
    forge_free(&forge);
}

static void
header__lost__prefix_cut_off_a_segment_loses_what_was_in_it(void **state)
{
    struct forge forge;

    (void)state;
    make_forty(&forge, true, 0);
    look_at(&forge, forge.bytes + ten_at(1) + 106 * 10,
            forge.len - ten_at(1) - 106 * 10, &look);
    assert_findings(&look, "CORRUPT header 1-10 l1 @0+0 s-1114 yes\n");
    forge_free(&forge);
}

/* -- IO -------------------------------------------------------------------- */

/* 300 records of 100 bytes, frames of 106. */
static void
look_unreadable(bool is_closed, uint64_t start, uint64_t end)
{
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;

    forge_start(&forge);
    forge_fill(&forge, 300, 100);
    if (is_closed)
        (void)forge_close(&forge);
    probe_put(&probe, "look", forge.bytes, forge.len);
    probe.fail_start = start;
    probe.fail_end = end;
    look_in_store(&forge, store, 0, &look);
    probe_close(&probe);
    forge_free(&forge);
}

static void
io__an_unreadable_sector__loses_what_touches_it(void **state)
{
    (void)state;
    look_unreadable(true, 9000, 9001);
    /* Sector 8192 to 12288: record 77 ends at 8216, 116 starts at 12244. */
    assert_findings(&look, "IO io 77-116 l77 @8110+4240 s0 yes\n");
    assert_verdict(&look, SEGLOG_VERDICT_IO);
    assert_int_equal(look.summary.records, 260);
}

static void
io__over_two_sectors__is_one_finding(void **state)
{
    (void)state;
    look_unreadable(true, 12287, 12289);
    assert_findings(&look, "IO io 77-155 l77 @8110+8374 s0 yes\n");
}

static void
io__the_header__is_recovered_from_a_mark(void **state)
{
    (void)state;
    look_unreadable(true, 0, 1);
    assert_findings(&look, "IO io 1-39 l1 @0+4188 s0 yes\n");
    assert_true(look.summary.is_header_lost);
    assert_int_equal(look.summary.records, 261);
}

static void
io__the_tail__is_not_taken_for_torn(void **state)
{
    (void)state;
    look_unreadable(false, 31853, 31854);
    assert_findings(&look, "IO io - l- @28568+3286 s? unknown\n");
    assert_int_equal(look.summary.torn_bytes, 0);
    assert_int_equal(look.summary.records, 269);
}

/* -- options, callbacks and errors ----------------------------------------- */

struct calls {
    struct seglog_frame frames[32];
    size_t frame_count;
    size_t stop_after; /* 0: never */
    uint64_t done;
    uint64_t total;
    size_t progress_count;
    size_t finding_count;
};

static bool
calls_on_frame(void *arg, const struct seglog_frame *frame)
{
    struct calls *calls = arg;

    if (calls->frame_count < COUNT_OF(calls->frames))
        calls->frames[calls->frame_count] = *frame;
    return ++calls->frame_count != calls->stop_after;
}

static void
calls_on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct calls *calls = arg;

    assert_true(done >= calls->done && done <= total);
    calls->done = done;
    calls->total = total;
    calls->progress_count++;
}

static void
calls_on_finding(void *arg, const struct seglog_finding *finding)
{
    struct calls *calls = arg;

    (void)finding;
    calls->finding_count++;
}

static seglog_code
scan_bytes(const struct forge *forge, const struct seglog_scan_options *options,
           struct seglog_scan_summary *summary, struct seglog_error *err)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    store_put_bytes(store, "log", forge->bytes, forge->len);
    const seglog_code code = seglog_scan(store, "log", options, summary, err);
    seglog_store_close(&store);
    return code;
}

static void
on_frame__sees_every_valid_frame_in_order(void **state)
{
    struct calls calls = { .frame_count = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = calls_on_frame,
                                                 .arg = &calls };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    forge_fill(&forge, 2, 40);
    forge_fill_groups(&forge, 1, 3, 300);
    (void)forge_sync(&forge);
    forge_fill(&forge, 2, 40);
    (void)forge_close(&forge);
    forge.bytes[forge.frames[1].offset + 20] ^= 1;
    assert_ok(scan_bytes(&forge, &options, &summary, NULL));
    assert_int_equal(calls.frame_count, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct seglog_frame *got = &calls.frames[i];
        const struct forge_frame *want = &forge.frames[i == 0 ? 0 : i + 1];

        assert_int_equal(got->offset, want->offset);
        assert_int_equal(got->len, want->len);
        assert_int_equal(got->first_record, want->number);
        assert_int_equal(got->count, want->count);
        assert_int_equal(got->control, want->control);
        assert_int_equal(got->head, forge.bytes[want->offset]);
        assert_int_equal(got->body_offset - got->offset,
                         2u + (got->head & 3u));
        assert_int_equal(got->body_offset + got->body_len + 4,
                         want->offset + want->len);
    }
    forge_free(&forge);
}

static void
on_frame__false__is_not_called_again_and_the_scan_goes_on(void **state)
{
    struct calls calls = { .stop_after = 3 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = calls_on_frame,
                                                 .arg = &calls };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    assert_ok(scan_bytes(&forge, &options, &summary, NULL));
    assert_int_equal(calls.frame_count, 3);
    assert_int_equal(summary.records, 10);
    forge_free(&forge);
}

static void
on_progress__grows_and_ends_at_the_size(void **state)
{
    struct calls calls = { .done = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_progress =
                                                     calls_on_progress,
                                                 .arg = &calls };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 13; i++) {
        (void)forge_sync(&forge);
        forge_fill(&forge, 1, 1000000);
    }
    assert_ok(scan_bytes(&forge, &options, &summary, NULL));
    assert_int_equal(calls.done, forge.len);
    assert_int_equal(calls.total, forge.len);
    assert_true(calls.progress_count >= 4);
    forge_free(&forge);
}

static void
options__of_a_smaller_or_larger_build__are_taken(void **state)
{
    struct {
        struct seglog_scan_options options;
        uint64_t later;
    } larger = { .options.size = sizeof larger };
    struct calls calls = { .done = 0 };
    struct seglog_scan_options options = { .on_finding = calls_on_finding,
                                           .expect = 11,
                                           .arg = &calls };
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    make_ten(&forge, true);
    /* Without on_finding, which was added behind its end. */
    options.size = offsetof(struct seglog_scan_options, on_finding);
    assert_ok(scan_bytes(&forge, &options, &summary, NULL));
    assert_verdict(&(struct look){ .summary = summary },
                   SEGLOG_VERDICT_CORRUPT);
    assert_int_equal(calls.finding_count, 0);
    options.size = sizeof options;
    assert_ok(scan_bytes(&forge, &options, &summary, NULL));
    assert_int_equal(calls.finding_count, 1);
    assert_ok(scan_bytes(&forge, &larger.options, &summary, NULL));
    larger.later = 1;
    assert_code_err(scan_bytes(&forge, &larger.options, &summary, &err),
                    SEGLOG_INVALID, &err);
    options.size = 0;
    assert_code_err(scan_bytes(&forge, &options, &summary, &err),
                    SEGLOG_INVALID, &err);
    assert_code_err(scan_bytes(&forge, NULL, NULL, &err), SEGLOG_INVALID,
                    &err);
    forge_free(&forge);
}

static void
not_a_segment__is_format_and_a_missing_one_not_found(void **state)
{
    static const char text[] = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n"
                               "{\"a\":5}\n{\"a\":6}\n{\"a\":7}\n";
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    struct seglog_store store;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    assert_code_err(seglog_scan(store, "log", NULL, &summary, &err),
                    SEGLOG_NOT_FOUND, &err);
    for (size_t len = 1; len < sizeof text; len++) {
        store_put_bytes(store, "log", text, len);
        assert_code_err(seglog_scan(store, "log", NULL, &summary, &err),
                        SEGLOG_FORMAT, &err);
    }
    seglog_store_close(&store);
}

static void
header__refused__is_format_whatever_follows(void **state)
{
    struct slg_header headers[7];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        headers[i] = forge_header();
    headers[0].version = 2;
    headers[1].features_refuse = 2;
    headers[2].body_log2 = 8;
    headers[3].body_log2 = 28;
    headers[4].sync_log2 = 21;
    headers[5].epoch = UINT64_C(1) << 32;
    headers[6].first_record = 0;
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct seglog_scan_summary summary;
        struct seglog_error err = { 0 };
        struct forge forge;

        make_ten(&forge, true);
        slg_header_encode(&headers[i], forge.bytes);
        assert_code_err(scan_bytes(&forge, NULL, &summary, &err),
                        SEGLOG_FORMAT, &err);
        assert_int_equal(err.offset, 0);
        forge_free(&forge);
    }
}

static void
verdict__of_several_findings__is_the_first_of_the_order(void **state)
{
    struct forge forge;

    (void)state;
    make_forty(&forge, false, 0);
    forge.len -= 3; /* TORN */
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_verdict(&look, SEGLOG_VERDICT_TORN);
    memset(forge.bytes + 1024, 0, 512); /* UNORDERED */
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_verdict(&look, SEGLOG_VERDICT_UNORDERED);
    forge.bytes[100] ^= 1; /* CORRUPT */
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_verdict(&look, SEGLOG_VERDICT_CORRUPT);
    assert_findings(&look, "CORRUPT checksum 1-1 l1 @54+106 s0 unknown\n"
                           "UNORDERED zeros 10-14 l10 @1008+530 s0 no\n"
                           "TORN torn 40-? l40 @4270+103 s? no\n");
    forge_free(&forge);
}

/* -- very many damaged places ---------------------------------------------- */

static void
damage__in_very_many_places__is_all_found(void **state)
{
    const size_t places = 50000;
    struct calls calls = { .done = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_finding =
                                                     calls_on_finding,
                                                 .arg = &calls };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (size_t i = 0; i < places; i++) {
        (void)forge_put(&forge, SEGLOG_BYTES, "", 0);
        (void)forge_put(&forge, SEGLOG_BYTES, "", 0);
        forge_raw(&forge, "", 1);
    }
    (void)forge_close(&forge);
    assert_ok(scan_bytes(&forge, &options, &summary, NULL));
    assert_int_equal(summary.records, 2 * places);
    assert_int_equal(summary.lost, 0);
    assert_int_equal(summary.findings, places);
    assert_int_equal(calls.finding_count, places);
    assert_int_equal(summary.next_record, 2 * places + 1);
    assert_true(summary.is_closed);
    forge_free(&forge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intact__every_kind_of_frame__is_ok_and_counted),
        cmocka_unit_test(intact__closed_and_gone_on__is_not_closed_until_closed_again),
        cmocka_unit_test(intact__header_alone__is_ok_without_records),
        cmocka_unit_test(intact__durable_heads__raise_the_watermark),
        cmocka_unit_test(intact__after_a_cut__counts_it_and_has_the_new_epoch),
        cmocka_unit_test(intact__first_record_not_1__starts_there),
        cmocka_unit_test(intact__no_xxh3__has_neither_digests),
        cmocka_unit_test(checksum__one_bit_of_a_body__loses_that_record),
        cmocka_unit_test(checksum__head_of_another_kind__is_a_checksum_mismatch),
        cmocka_unit_test(checksum__below_the_watermark__is_durable),
        cmocka_unit_test(length__flipped_bit__loses_that_record),
        cmocka_unit_test(length__that_leads_to_a_frame_far_behind__is_not_followed),
        cmocka_unit_test(head__that_starts_no_frame__loses_that_record),
        cmocka_unit_test(digest__of_a_long_body__is_checked_besides_the_checksum),
        cmocka_unit_test(missing__a_dropped_frame__is_an_empty_range_with_its_shift),
        cmocka_unit_test(missing__the_first_frame__is_known_from_the_second),
        cmocka_unit_test(missing__up_to_65536_frames__are_found_missing),
        cmocka_unit_test(missing__with_a_sync_point_behind__is_found_at_any_distance),
        cmocka_unit_test(order__two_frames_swapped__lose_nothing),
        cmocka_unit_test(order__a_frame_moved_to_the_end__fills_its_hole),
        cmocka_unit_test(order__at_the_end_with_a_watermark_beyond__is_cut_as_well),
        cmocka_unit_test(order__two_stretches_swapped__lose_nothing),
        cmocka_unit_test(copy__a_frame_twice__is_dropped_once),
        cmocka_unit_test(copy__of_a_frame_far_before__is_dropped),
        cmocka_unit_test(copy__of_a_stretch__is_a_passed_run),
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
        cmocka_unit_test(inserted__bytes_between_frames__lose_nothing),
        cmocka_unit_test(inserted__and_then_removed__shift_goes_to_the_last_of_the_stretch),
        cmocka_unit_test(shift__a_removed_control_frame__shows_at_the_next_mark),
        cmocka_unit_test(shift__a_copied_control_frame__shows_as_inserted_bytes),
        cmocka_unit_test(shift__unknown_without_a_mark_behind__is_null),
        cmocka_unit_test(digest__of_a_stretch_that_does_not_match__is_a_finding),
        cmocka_unit_test(digest__of_the_first_stretch__is_over_the_bytes_behind_the_header),
        cmocka_unit_test(digest__of_a_stretch_with_a_gap__is_not_checked),
        cmocka_unit_test(closing_mark__damaged__is_corrupt_without_loss),
        cmocka_unit_test(closing_mark__with_bytes_in_its_middle__has_their_shift),
        cmocka_unit_test(closing_mark__every_beginning_of_it__is_torn_without_a_record),
        cmocka_unit_test(torn__every_beginning_of_a_record__names_the_record),
        cmocka_unit_test(torn__every_beginning_of_a_sync_point__names_no_record),
        cmocka_unit_test(torn__every_beginning_of_a_header__is_torn_without_records),
        cmocka_unit_test(torn__a_group__names_its_first_record),
        cmocka_unit_test(torn__the_last_record_damaged_in_an_unclosed_log__is_torn),
        cmocka_unit_test(cut__below_what_is_expected__is_corrupt),
        cmocka_unit_test(cut__inside_a_frame__is_over_the_torn_bytes),
        cmocka_unit_test(cut__to_nothing__loses_all_that_was_expected),
        cmocka_unit_test(foreign__a_mark_of_another_segment__is_foreign),
        cmocka_unit_test(foreign__a_header_over_a_record__is_foreign_and_lost),
        cmocka_unit_test(foreign__three_records_under_another_salt__are_foreign),
        cmocka_unit_test(foreign__at_the_end__is_not_torn),
        cmocka_unit_test(stale__frames_from_before_a_cut__are_foreign),
        cmocka_unit_test(passed_over__a_torn_tail_before_a_new_epoch__is_torn),
        cmocka_unit_test(passed_over__with_records_lost_besides__is_corrupt),
        cmocka_unit_test(lone__between_two_damaged_places__is_delivered_unconfirmed),
        cmocka_unit_test(lone__a_group__is_delivered_whole),
        cmocka_unit_test(tiles__two_copies_of_a_missing_record__one_is_order_one_is_copy),
        cmocka_unit_test(tiles__behind_the_last_run__go_on_where_it_ended),
        cmocka_unit_test(passed_run__records_moved_behind_a_copy__fill_the_hole),
        cmocka_unit_test(group__damaged__is_lost_whole),
        cmocka_unit_test(recorded_gap__damaged__is_lost_with_its_numbers),
        cmocka_unit_test(header__one_bit__is_corrected),
        cmocka_unit_test(header__lost__is_recovered_from_a_mark),
        cmocka_unit_test(header__two_flipped_bits__are_not_guessed),
        cmocka_unit_test(header__lost_with_the_first_record__loses_that_too),
        cmocka_unit_test(header__lost_without_any_mark__is_recovered_by_its_salt),
        cmocka_unit_test(header__lost_without_a_mark__needs_three_records),
        cmocka_unit_test(header__lost__salt_is_solved_from_groups_too),
        cmocka_unit_test(header__lost_before_a_first_sync_point__keeps_first_record),
        cmocka_unit_test(header__lost__prefix_cut_off_a_segment_loses_what_was_in_it),
        cmocka_unit_test(io__an_unreadable_sector__loses_what_touches_it),
        cmocka_unit_test(io__over_two_sectors__is_one_finding),
        cmocka_unit_test(io__the_header__is_recovered_from_a_mark),
        cmocka_unit_test(io__the_tail__is_not_taken_for_torn),
        cmocka_unit_test(on_frame__sees_every_valid_frame_in_order),
        cmocka_unit_test(on_frame__false__is_not_called_again_and_the_scan_goes_on),
        cmocka_unit_test(on_progress__grows_and_ends_at_the_size),
        cmocka_unit_test(options__of_a_smaller_or_larger_build__are_taken),
        cmocka_unit_test(not_a_segment__is_format_and_a_missing_one_not_found),
        cmocka_unit_test(header__refused__is_format_whatever_follows),
        cmocka_unit_test(verdict__of_several_findings__is_the_first_of_the_order),
        cmocka_unit_test(damage__in_very_many_places__is_all_found),
    };

    return cmocka_run_group_tests_name("segment/scan", tests, NULL, NULL);
}
