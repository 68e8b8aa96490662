/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_embedded.c
 *
 * Goal    bytes inside a record that look like frames are never taken for
 *         records of this place, whatever happens to the frame around them,
 *         and no intact record is lost to them.
 * Method  a record in the middle of a segment holds frames: of another
 *         segment, of this one from elsewhere or from before a cut, or a whole
 *         segment file.  Its frame is left intact and damaged in every part.
 *         look_at compares every record that comes back with what was put.
 */
#include "tests/segment/forge_support.h"

#define OUTER_RECORDS 24u
#define CARRIER       12u /* the record that holds the frames */

static struct look look;

/* What the carrier's payload is. */
struct payload {
    uint8_t *bytes;
    size_t len;
};

static struct payload
payload_of(const struct forge *forge, size_t from)
{
    return (struct payload){
        .bytes = exact_copy(forge->bytes + from, forge->len - from),
        .len = forge->len - from,
    };
}

static void
inner_fill(struct forge *inner, size_t bulk)
{
    forge_fill(inner, 10, 40);
    (void)forge_sync(inner);
    forge_fill(inner, 10, 33);
    if (bulk > 0)
        forge_fill(inner, bulk, 1000);
    forge_fill_groups(inner, 2, 5, 20);
    (void)forge_close(inner);
}

/* A file of another segment whose numbers are those around the carrier. */
static struct payload
stranger_file(size_t bulk)
{
    struct slg_header header = forge_header();
    struct forge inner;

    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&inner, &header);
    inner_fill(&inner, bulk);
    const struct payload payload = payload_of(&inner, 0);
    forge_free(&inner);
    return payload;
}

/* Only record frames of another segment: the salt alone tells them apart. */
static struct payload
stranger_frames(size_t bulk)
{
    struct slg_header header = forge_header();
    struct forge inner;

    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&inner, &header);
    inner.number = inner.line = CARRIER + 1;
    forge_fill(&inner, 8 + bulk, 50);
    const struct payload payload = payload_of(&inner, SLG_HEADER_BYTES);
    forge_free(&inner);
    return payload;
}

/* The file of this very segment as it was three records before the carrier. */
static struct payload
own_file(const struct forge *outer)
{
    struct forge copy;

    forge_start(&copy);
    copy.epoch = outer->epoch;
    for (size_t i = 0; i + 3 < outer->record_count; i++)
        (void)forge_put(&copy, outer->records[i].kind, outer->records[i].data,
                        outer->records[i].len);
    (void)forge_sync(&copy);
    (void)forge_close(&copy);
    const struct payload payload = payload_of(&copy, 0);
    forge_free(&copy);
    return payload;
}

/*
 * Frames of this segment under the epoch before a cut, with the very numbers
 * that are expected behind the carrier, and other contents.
 */
static struct payload
stale_frames(bool with_marks)
{
    struct forge inner;

    forge_start(&inner);
    inner.number = inner.line = CARRIER + 1;
    if (with_marks)
        (void)forge_sync(&inner);
    forge_fill(&inner, 6, 77);
    if (with_marks)
        (void)forge_sync(&inner);
    forge_fill(&inner, 6, 78);
    const struct payload payload = payload_of(&inner, SLG_HEADER_BYTES);
    forge_free(&inner);
    return payload;
}

enum content {
    STRANGER_FILE,
    STRANGER_FILE_LARGE, /* the carrier needs a sync point before it */
    STRANGER_FRAMES,
    STRANGER_FRAMES_LARGE,
    OWN_FILE,
    STALE_FRAMES,
    STALE_STRETCHES,
    CONTENT_COUNT
};

static struct payload
content_make(enum content content, const struct forge *outer)
{
    switch (content) {
    case STRANGER_FILE:
        return stranger_file(0);
    case STRANGER_FILE_LARGE:
        return stranger_file(200);
    case STRANGER_FRAMES:
        return stranger_frames(0);
    case STRANGER_FRAMES_LARGE:
        return stranger_frames(300);
    case OWN_FILE:
        return own_file(outer);
    case STALE_FRAMES:
        return stale_frames(false);
    default:
        return stale_frames(true);
    }
}

/* The outer segment; *at is the carrier's frame. */
static void
outer_make(struct forge *outer, enum content content,
           struct forge_frame *carrier)
{
    forge_start(outer);
    forge_fill(outer, 5, 30);
    /* The current epoch is one behind a cut. */
    (void)forge_new_epoch(outer, 6);
    forge_fill(outer, CARRIER - 6, 30);
    const struct payload payload = content_make(content, outer);
    if (payload.len > SLG_BODY_NEAR_MAX)
        (void)forge_sync(outer);
    const size_t index =
        forge_put(outer, SEGLOG_BYTES, payload.bytes, payload.len);
    *carrier = outer->frames[index];
    forge_fill(outer, OUTER_RECORDS - CARRIER, 30);
    (void)forge_close(outer);
    free(payload.bytes);
}

static void
carrier_intact__whatever_it_holds__is_a_record_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned content = 0; content < CONTENT_COUNT; content++) {
        struct forge outer;
        struct forge_frame carrier;

        outer_make(&outer, (enum content)content, &carrier);
        look_at(&outer, outer.bytes, outer.len, &look);
        assert_no_findings(&look);
        assert_int_equal(look.records, OUTER_RECORDS);
        forge_free(&outer);
    }
}

static void
check_only_carrier_lost(const struct forge *outer, const uint8_t *bytes,
                        const char *what, unsigned content)
{
    look_at(outer, bytes, outer->len, &look);
    if (look.summary.lost != 1 || look.records != OUTER_RECORDS - 1 ||
        look.summary.next_record != OUTER_RECORDS + 1 ||
        !look.summary.is_closed)
        fail_msg("content %u, damage in %s: %s\n%s", content, what, look.order,
                 look.text);
    for (size_t i = 0; i < look.finding_count; i++) {
        if (look.findings[i].first_record != 0)
            assert_int_equal(look.findings[i].first_record, CARRIER);
    }
}

static void
carrier_damaged__in_every_part__is_lost_alone(void **state)
{
    (void)state;
    for (unsigned content = 0; content < CONTENT_COUNT; content++) {
        struct forge outer;
        struct forge_frame carrier;

        outer_make(&outer, (enum content)content, &carrier);
        uint8_t *frame = outer.bytes + carrier.offset;
        const size_t head = 2 + (frame[0] & 3u);
        const struct {
            const char *what;
            size_t at;
            uint8_t change;
        } damages[] = {
            { "head: no frame", 0, (uint8_t)frame[0] },
            { "head: kind", 0, 0x60 },
            { "head: length size", 0, 1 },
            { "length: low", 1, 1 },
            { "length: high", head - 1, 0x01 },
            { "length: top", head - 1, 0x80 },
            { "body: first byte", head, 1 },
            { "body: middle", carrier.len / 2, 0x20 },
            { "body: last byte", carrier.len - 13, 1 },
            { "checksum", carrier.len - 1, 4 },
        };

        for (size_t i = 0; i < COUNT_OF(damages); i++) {
            frame[damages[i].at] ^= damages[i].change;
            check_only_carrier_lost(&outer, outer.bytes, damages[i].what,
                                    content);
            frame[damages[i].at] ^= damages[i].change;
        }
        forge_free(&outer);
    }
}

static void
carrier_damaged__every_byte_of_a_small_one__is_lost_alone(void **state)
{
    static const enum content small[] = { STRANGER_FRAMES, OWN_FILE,
                                          STALE_FRAMES, STALE_STRETCHES };

    (void)state;
    for (size_t c = 0; c < COUNT_OF(small); c++) {
        struct forge outer;
        struct forge_frame carrier;

        outer_make(&outer, small[c], &carrier);
        for (size_t at = 0; at < carrier.len; at++) {
            uint8_t *byte = &outer.bytes[carrier.offset + at];

            *byte ^= 0x5A;
            check_only_carrier_lost(&outer, outer.bytes, "some byte", small[c]);
            *byte ^= 0x5A;
        }
        forge_free(&outer);
    }
}

static void
carrier_damaged__holding_a_stranger__is_foreign(void **state)
{
    struct forge outer;
    struct forge_frame carrier;

    (void)state;
    outer_make(&outer, STRANGER_FILE, &carrier);
    outer.bytes[carrier.offset + 20] ^= 1;
    look_at(&outer, outer.bytes, outer.len, &look);
    assert_findings(&look, "FOREIGN foreign 12-12 l12 @%zu+%zu s0 yes\n",
                    carrier.offset, carrier.len);
    forge_free(&outer);
}

static void
carrier_damaged__holding_stale_stretches__is_stale(void **state)
{
    struct forge outer;
    struct forge_frame carrier;

    (void)state;
    outer_make(&outer, STALE_STRETCHES, &carrier);
    outer.bytes[carrier.offset + carrier.len - 1] ^= 1;
    look_at(&outer, outer.bytes, outer.len, &look);
    assert_findings(&look, "FOREIGN stale 12-12 l12 @%zu+%zu s0 yes\n",
                    carrier.offset, carrier.len);
    forge_free(&outer);
}

/* -- a carrier that is torn ------------------------------------------------ */

static void
carrier_torn__at_every_length__gives_nothing_of_what_it_holds(void **state)
{
    static const enum content small[] = { STRANGER_FRAMES, OWN_FILE,
                                          STALE_FRAMES, STALE_STRETCHES };

    (void)state;
    for (size_t c = 0; c < COUNT_OF(small); c++) {
        struct forge outer;
        struct forge_frame carrier;

        outer_make(&outer, small[c], &carrier);
        for (size_t len = 1; len < carrier.len; len++) {
            look_at(&outer, outer.bytes, carrier.offset + len, &look);
            assert_int_equal(look.records, CARRIER - 1);
            assert_int_equal(look.summary.lost, 0);
            assert_int_equal(look.summary.next_record, CARRIER);
            assert_false(look.summary.is_closed);
        }
        forge_free(&outer);
    }
}

static void
carrier_torn__behind_the_closing_mark_it_holds__is_not_closed(void **state)
{
    struct forge outer;
    struct forge_frame carrier;

    (void)state;
    outer_make(&outer, OWN_FILE, &carrier);
    /* The body ends with a closing mark; only the checksum is torn off. */
    look_at(&outer, outer.bytes, carrier.offset + carrier.len - 4, &look);
    assert_false(look.summary.is_closed);
    assert_int_equal(look.records, CARRIER - 1);
    assert_int_not_equal(look.summary.verdict, SEGLOG_VERDICT_OK);
    forge_free(&outer);
}

/* -- frames of this segment ahead of their place --------------------------- */

/* Record 12 holds copies of the frames of records 13 to 18. */
static void
ahead_make(struct forge *outer, struct forge_frame *carrier)
{
    struct forge plain;

    forge_start(&plain);
    forge_fill(&plain, CARRIER, 30);
    forge_fill(&plain, 6, 30);
    const size_t from = plain.frames[CARRIER].offset;

    forge_start(outer);
    forge_fill(outer, CARRIER - 1, 30);
    *carrier = outer->frames[forge_put(outer, SEGLOG_BYTES, plain.bytes + from,
                                       plain.len - from)];
    forge_fill(outer, OUTER_RECORDS - CARRIER, 30);
    (void)forge_close(outer);
    forge_free(&plain);
}

static void
carrier_damaged__holding_frames_of_what_follows__loses_no_other(void **state)
{
    struct forge outer;
    struct forge_frame carrier;

    (void)state;
    ahead_make(&outer, &carrier);
    look_at(&outer, outer.bytes, outer.len, &look);
    assert_no_findings(&look);
    for (size_t at = 0; at < carrier.len; at++) {
        outer.bytes[carrier.offset + at] ^= 0x5A;
        look_at(&outer, outer.bytes, outer.len, &look);
        assert_int_equal(look.summary.lost, 1);
        assert_int_equal(look.records, OUTER_RECORDS - 1);
        outer.bytes[carrier.offset + at] ^= 0x5A;
    }
    forge_free(&outer);
}

/* -- the frame around is gone altogether ----------------------------------- */

static void
frames_of_a_stranger__in_place_of_records__are_never_delivered(void **state)
{
    (void)state;
    for (size_t bulk = 0; bulk < 3; bulk++) {
        const struct payload payload =
            bulk == 2 ? stranger_file(0) : stranger_frames(4 * bulk);
        struct forge outer;

        forge_start(&outer);
        forge_fill(&outer, CARRIER, 30);
        const size_t at = outer.len;
        forge_raw(&outer, payload.bytes, payload.len);
        forge_fill(&outer, 10, 30);
        (void)forge_close(&outer);
        look_at(&outer, outer.bytes, outer.len, &look);
        assert_findings(&look, "FOREIGN foreign - l- @%zu+%zu s0 unknown\n", at,
                        payload.len);
        assert_int_equal(look.records, CARRIER + 10);
        free(payload.bytes);
        forge_free(&outer);
    }
}

static void
frames_before_a_cut__reappearing_behind_it__are_never_delivered(void **state)
{
    struct forge outer;

    (void)state;
    /* What was cut: records 6 to 15 with their old contents, as long as the
     * new ones, so that every frame stands at the offset of its successor. */
    forge_start(&outer);
    forge_fill(&outer, 5, 30);
    const size_t cut = outer.len;
    forge_fill(&outer, 10, 200);
    uint8_t *old = forge_copy(&outer);
    const size_t old_len = outer.len;
    outer.len = cut;
    (void)forge_new_epoch(&outer, 6);
    forge_fill(&outer, 4, 100);
    /* The new bytes end in the midst of the old ones. */
    const size_t end = outer.len;
    assert_true(end < old_len);
    forge_raw(&outer, old + end, old_len - end);
    look_at(&outer, outer.bytes, outer.len, &look);
    assert_int_equal(look.records, 9);
    assert_int_equal(look.summary.next_record, 10);
    /* The sector with the sync point was lost: only old frames are there. */
    memcpy(outer.bytes + cut, old + cut, old_len - cut);
    look_at(&outer, outer.bytes, cut, &look);
    assert_int_equal(look.records, 5);
    free(old);
    forge_free(&outer);
}

/* -- a header that is lost, and a record that holds another one ------------ */

static void
header_lost__first_record_holds_a_log__is_read_as_the_log_around_it(
    void **state)
{
    struct payload payload = stranger_file(0);
    struct forge outer;

    (void)state;
    forge_start(&outer);
    (void)forge_put(&outer, SLG_FRAME_BYTES, payload.bytes, payload.len);
    forge_fill(&outer, 9, 40);
    (void)forge_sync(&outer);
    forge_fill(&outer, 10, 40);
    const size_t open_len = outer.len;
    (void)forge_close(&outer);
    memset(outer.bytes, 0, FORGE_HEADER_BYTES);
    look_at(&outer, outer.bytes, outer.len, &look);
    assert_int_equal(look.records, 20);

    /* Without a closing mark: the sync point stands where it says. */
    look_at(&outer, outer.bytes, open_len, &look);
    assert_int_equal(look.records, 20);

    /* None does, but one ends the segment. */
    uint8_t *moved = exact_copy(outer.bytes + 3, outer.len - 3);
    look_at(&outer, moved, outer.len - 3, &look);
    assert_int_equal(look.records, 20);
    free(moved);
    free(payload.bytes);
    forge_free(&outer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            carrier_intact__whatever_it_holds__is_a_record_and_nothing_else),
        cmocka_unit_test(carrier_damaged__in_every_part__is_lost_alone),
        cmocka_unit_test(
            carrier_damaged__every_byte_of_a_small_one__is_lost_alone),
        cmocka_unit_test(carrier_damaged__holding_a_stranger__is_foreign),
        cmocka_unit_test(carrier_damaged__holding_stale_stretches__is_stale),
        cmocka_unit_test(
            carrier_torn__at_every_length__gives_nothing_of_what_it_holds),
        cmocka_unit_test(
            carrier_torn__behind_the_closing_mark_it_holds__is_not_closed),
        cmocka_unit_test(
            carrier_damaged__holding_frames_of_what_follows__loses_no_other),
        cmocka_unit_test(
            frames_of_a_stranger__in_place_of_records__are_never_delivered),
        cmocka_unit_test(
            frames_before_a_cut__reappearing_behind_it__are_never_delivered),
        cmocka_unit_test(
            header_lost__first_record_holds_a_log__is_read_as_the_log_around_it),
    };

    return cmocka_run_group_tests_name("segment/embedded", tests, NULL, NULL);
}
