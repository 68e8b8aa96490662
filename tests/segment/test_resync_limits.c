/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_resync_limits.c
 *
 * Goal    where reading goes on behind damage, at the limits of the rules:
 *         SPEC.md 9, R0 to R2 and Confirmed.
 * Method  gaps of just the length at which another rule holds; frames whose
 *         checksum is right and whose digest or group is not; blocks too long
 *         to be believed.
 */
#include "tests/segment/forge_support.h"

#include "format/checksum.h"

#define NEAR ((size_t)8 << 20) /* the near part of a gap */

static struct look look;

/* -- gaps of more than 8 MiB ------------------------------------------------ */

/*
 * Records 1 to 5, a gap of zeros, records 9 and up and (is_marked) a sync point
 * in front of them.  6 to 8 stand in the gap, `at` bytes behind its start or,
 * where at is negative, before the end of the segment or the mark.
 */
static void
far_gap_make(struct forge *forge, size_t len, int64_t at, bool is_marked)
{
    struct forge sound;
    uint8_t *blank = calloc(len, 1);
    size_t place;

    assert_non_null(blank);
    forge_start(&sound);
    forge_fill(&sound, 8, 40);
    forge_start(forge);
    forge_fill(forge, 5, 40);
    const size_t start = forge->len;
    forge_raw(forge, blank, len);
    free(blank);
    forge_fill(forge, 3, 40);
    forge->len -= 3 * 46; /* they are known, and stand elsewhere */
    const size_t mark = forge->len;
    if (is_marked) {
        (void)forge_sync(forge);
        forge_fill(forge, 2, 40);
    }
    place = at >= 0 ? start + (size_t)at : mark - (size_t)-at;
    memcpy(forge->bytes + place, sound.bytes + sound.frames[5].offset, 3 * 46);
    forge_free(&sound);
}

/* What is found of 6 to 8 of such a gap. */
static uint64_t
far_gap_found(size_t len, int64_t at, bool is_marked)
{
    struct forge forge;

    far_gap_make(&forge, len, at, is_marked);
    look_at(&forge, forge.bytes, forge.len, &look);
    forge_free(&forge);
    return look.summary.records - (is_marked ? 7 : 5);
}

static void
records__in_the_near_part_of_a_gap__are_found(void **state)
{
    (void)state;
    assert_int_equal(far_gap_found(NEAR + 4096, (int64_t)NEAR - 1, true), 3);
}

static void
records__within_8_mib_before_the_mark__are_found(void **state)
{
    (void)state;
    assert_int_equal(far_gap_found(2 * NEAR + 9999, -(int64_t)NEAR, true), 3);
}

static void
records__just_behind_the_near_part_of_a_gap__are_passed(void **state)
{
    (void)state;
    assert_int_equal(far_gap_found(2 * NEAR + 9999, (int64_t)NEAR, true), 0);
}

static void
records__just_before_the_last_8_mib__are_passed(void **state)
{
    (void)state;
    assert_int_equal(
        far_gap_found(2 * NEAR + 9999, -(int64_t)NEAR - 46 * 2 - 1, true), 0);
}

static void
records__of_a_gap_without_a_mark_behind_it__are_found_in_its_last_8_mib(
    void **state)
{
    (void)state;
    assert_int_equal(far_gap_found(2 * NEAR + 9999, -(int64_t)NEAR, false), 3);
}

/* -- sound but for one thing ------------------------------------------------- */

/* A frame of the next number whose checksum is right and whose digest, or the
 * body of whose group, is not; what is in it is nobody's. */
static void
unsound_put(struct forge *forge, bool is_group)
{
    uint8_t body[12000];
    uint8_t frame[12100];
    const uint32_t salt = slg_salt(forge->header.identity, forge->epoch);
    const size_t len = is_group ? 30 : sizeof body;

    memset(body, '~', sizeof body);
    body[0] = 2; /* of two entries, of which the first is too long */
    const size_t head =
        slg_frame_put_head(frame, is_group ? SLG_FRAME_GROUP : SLG_FRAME_TEXT,
                           false, (uint32_t)len);
    memcpy(frame + head, body, len);
    const size_t size = slg_frame_finish(frame, head, (uint32_t)len,
                                         &forge->limits, forge->number, salt);
    if (!is_group) {
        frame[size - 6] ^= 1;
        slg_store_le32(frame + size - 4, slg_crc32(0, frame, size - 4) ^
                                             slg_mix(forge->number, salt));
    }
    forge_raw(forge, frame, size);
    forge->number += is_group ? 2 : 1;
    forge->line = forge->number;
}

static void
frame__that_is_not_sound__is_not_gone_on_at(void **state)
{
    (void)state;
    for (unsigned is_group = 0; is_group < 2; is_group++) {
        for (unsigned way = 0; way < 4; way++) {
            struct forge forge;

            forge_start(&forge);
            forge_fill(&forge, 3, 40);
            const size_t start = forge.len;
            switch (way) {
            case 0: /* in order */
                break;
            case 1: /* one is missing before it */
                forge.number = ++forge.line;
                break;
            case 2: /* behind a damaged one */
                forge_fill(&forge, 1, 40);
                forge.bytes[start + 20] ^= 1;
                break;
            default: /* behind junk */
                forge_raw(&forge, "\0\0\0", 3);
                forge.number = ++forge.line;
                break;
            }
            unsound_put(&forge, is_group != 0);
            const size_t end = forge.len;
            const uint64_t next = forge.number;
            forge_fill(&forge, 3, 40);
            (void)forge_close(&forge);
            look_at(&forge, forge.bytes, forge.len, &look);
            assert_int_equal(look.finding_count, 1);
            assert_int_equal(look.findings[0].first_record, 4);
            assert_int_equal(look.findings[0].last_record, next - 1);
            assert_int_equal(look.findings[0].first_byte, start);
            assert_int_equal(look.findings[0].byte_count, end - start);
            assert_int_equal(look.summary.unconfirmed, 0);
            forge_free(&forge);
        }
    }
}

/* -- blocks that are too long to be believed --------------------------------- */

enum changed {
    CHANGED_NOTHING,
    CHANGED_IDENTITY,
    CHANGED_EPOCH,
    CHANGED_NUMBER,
    CHANGED_TO_NO_MARK,
    CHANGED_KINDS
};

static size_t
long_block_put(struct forge *forge)
{
    static uint8_t data[36000];
    const struct seglog_item items[] = {
        { SEGLOG_BYTES, data, sizeof data },
        { SEGLOG_BYTES, data, sizeof data - 7 },
    };

    memset(data, 'd', sizeof data);
    return forge_block_of(forge, items, COUNT_OF(items));
}

/*
 * Long blocks of two records each, a sync point before each; the second block
 * is damaged, and stands once more behind the fourth, with the sync points
 * around it.
 */
static void
long_blocks_make(struct forge *forge, enum changed changed)
{
    struct slg_header header = forge_header();
    struct slg_mark mark;

    header.features_refuse = SLG_REFUSE_SEALED;
    forge_start_with(forge, &header);
    for (unsigned i = 0; i < 4; i++) {
        (void)forge_sync(forge);
        (void)long_block_put(forge);
    }
    const size_t from = forge->frames[2].offset;
    const size_t until = forge->frames[4].offset + SLG_SYNC_POINT_BYTES;
    uint8_t *copy = exact_copy(forge->bytes + from, until - from);
    forge->bytes[forge->frames[3].offset + 2000] ^= 1;
    uint8_t *last = copy + (until - from) - SLG_SYNC_POINT_BYTES;
    assert_true(slg_mark_decode(last, SLG_SYNC_POINT_BYTES, &mark));
    switch (changed) {
    case CHANGED_IDENTITY:
        memcpy(mark.identity, forge_stranger, sizeof mark.identity);
        break;
    case CHANGED_EPOCH:
        mark.epoch += UINT64_C(1) << 32;
        break;
    case CHANGED_NUMBER:
        mark.number++;
        break;
    default:
        break;
    }
    (void)slg_mark_encode(&mark, last);
    if (changed == CHANGED_TO_NO_MARK)
        last[30] ^= 1;
    forge_raw(forge, copy, until - from);
    free(copy);
    (void)forge_sync(forge);
    (void)long_block_put(forge);
    (void)forge_footer(forge, NULL);
    (void)forge_close(forge);
}

static void
copy__of_a_long_block__needs_the_mark_behind_it(void **state)
{
    (void)state;
    for (unsigned changed = 0; changed < CHANGED_KINDS; changed++) {
        struct forge forge;

        long_blocks_make(&forge, (enum changed)changed);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_int_equal(look.summary.lost, changed == CHANGED_NOTHING ? 0 : 2);
        assert_int_equal(look.summary.records,
                         changed == CHANGED_NOTHING ? 10 : 8);
        forge_free(&forge);
    }
}

/* The block ends with the segment, or claims to go on behind it. */
static void
copy__of_a_long_block_that_ends_the_segment__is_not_gone_on_at(void **state)
{
    (void)state;
    for (unsigned less = 0; less < 3; less++) {
        struct slg_header header = forge_header();
        struct forge forge;

        header.features_refuse = SLG_REFUSE_SEALED;
        forge_start_with(&forge, &header);
        for (unsigned i = 0; i < 3; i++) {
            (void)forge_sync(&forge);
            (void)long_block_put(&forge);
        }
        const size_t from = forge.frames[2].offset;
        const size_t until = forge.frames[4].offset;
        uint8_t *copy = exact_copy(forge.bytes + from, until - from);
        forge.bytes[forge.frames[3].offset + 2000] ^= 1;
        forge_raw(&forge, copy, until - from - (less == 1 ? 100 : 0));
        if (less == 2) /* with less behind it than a sync point */
            forge_raw(&forge, copy, SLG_SYNC_POINT_BYTES - 1);
        look_at(&forge, forge.bytes, forge.len, &look);
        assert_int_equal(look.summary.lost, 2);
        assert_int_equal(look.summary.records, 4);
        free(copy);
        forge_free(&forge);
    }
}

/* -- a length that leads too far ------------------------------------------- */

/* Three records, a sync point, a frame that takes no number if wanted, and three
 * more; the length of the third says `more` than it has. */
static void
long_length_look(bool has_control, size_t more)
{
    struct forge forge;
    uint8_t *bytes;

    forge_start(&forge);
    forge_fill(&forge, 3, 20);
    (void)forge_sync(&forge);
    if (has_control)
        (void)forge_unknown(&forge, 10);
    forge_fill(&forge, 3, 20);
    (void)forge_close(&forge);
    bytes = forge_copy(&forge);
    bytes[forge_frame_of(&forge, 3)->offset + 1] += (uint8_t)more;
    look_at(&forge, bytes, forge.len, &look);
    free(bytes);
    forge_free(&forge);
}

static void
length__that_leads_over_a_sync_point__costs_no_more_than_its_record(
    void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const size_t control = i * 16;

        long_length_look(i == 1, SLG_SYNC_POINT_BYTES + control);
        assert_findings(&look, "CORRUPT length 3-3 l3 @106+26 s0 yes\n");
        assert_order(&look, "1-2 GAP(length 3-3) 4-6");
    }
}

/* What a record holds is no sync point of the log, whatever it says. */
static void
sync_point__in_a_damaged_record__is_not_gone_on_at(void **state)
{
    struct forge inner;
    struct forge forge;
    uint8_t *bytes;
    size_t at;

    (void)state;
    forge_start(&inner);
    forge_fill(&inner, 3, 20);
    at = inner.len;
    (void)forge_sync(&inner);
    forge_fill(&inner, 1, 20);
    forge_start(&forge);
    forge_fill(&forge, 2, 20);
    (void)forge_put(&forge, SLG_FRAME_BYTES, inner.bytes + at, inner.len - at);
    forge_fill(&forge, 3, 20);
    (void)forge_close(&forge);
    bytes = forge_copy(&forge);
    bytes[forge_frame_of(&forge, 3)->offset + 2 + inner.len - at] ^= 1;
    look_at(&forge, bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT checksum 3-3 l3 @106+%zu s0 yes\n",
                    forge_frame_of(&forge, 3)->len);
    assert_order(&look, "1-2 GAP(checksum 3-3) 4-6");
    free(bytes);
    forge_free(&forge);
    forge_free(&inner);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records__in_the_near_part_of_a_gap__are_found),
        cmocka_unit_test(records__within_8_mib_before_the_mark__are_found),
        cmocka_unit_test(
            records__just_behind_the_near_part_of_a_gap__are_passed),
        cmocka_unit_test(records__just_before_the_last_8_mib__are_passed),
        cmocka_unit_test(
            records__of_a_gap_without_a_mark_behind_it__are_found_in_its_last_8_mib),
        cmocka_unit_test(
            length__that_leads_over_a_sync_point__costs_no_more_than_its_record),
        cmocka_unit_test(sync_point__in_a_damaged_record__is_not_gone_on_at),
        cmocka_unit_test(frame__that_is_not_sound__is_not_gone_on_at),
        cmocka_unit_test(copy__of_a_long_block__needs_the_mark_behind_it),
        cmocka_unit_test(
            copy__of_a_long_block_that_ends_the_segment__is_not_gone_on_at),
    };

    return cmocka_run_group_tests_name("segment/resync_limits", tests, NULL,
                                       NULL);
}
