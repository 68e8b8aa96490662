/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_scan.c
 *
 * Goal    what a scan tells of a segment as a whole: its figures, its header,
 *         what cannot be read, its calls and errors.
 * Method  segments are made frame by frame; scan and both kinds of reader look
 *         at them (forge_support.h).
 */
#include "tests/segment/forge_support.h"

#include "format/checksum.h"

#define HEADER FORGE_HEADER_BYTES

static struct look look;

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
    forge_ten(&forge, true);
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
    forge_ten(&forge, false);
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
    forge_ten(&forge, false);
    forge.len = forge_ten_at(9);
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

/* -- the header (SPEC.md 8) ------------------------------------------------ */

static void
header__one_bit__is_corrected(void **state)
{
    struct forge forge;
    size_t len;

    (void)state;
    forge_ten(&forge, false);
    forge.bytes[20] ^= 8;
    look_at(&forge, forge.bytes, forge.len, &look);
    assert_findings(&look, "CORRUPT header - l- @0+54 s0 unknown\n");
    assert_false(look.summary.is_header_lost);
    assert_memory_equal(look.summary.identity, forge_identity, 16);
    assert_order(&look, "GAP(header) 1-10");
    (void)forge_close(&forge);
    uint8_t *bytes = forge_moved(&forge, forge_ten_at(4), 10, &len);
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
    forge_ten(&forge, true);
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
    forge_ten(&forge, true);
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
    forge_ten(&forge, true);
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
    forge_ten(&forge, false);
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
    blob_replace(store, "look", forge.bytes, forge.len);
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
    forge_forty(&forge, true, 0);
    look_at(&forge, forge.bytes + forge_ten_at(1) + 106 * 10,
            forge.len - forge_ten_at(1) - 106 * 10, &look);
    assert_findings(&look, "CORRUPT header 1-10 l1 @0+0 s-1114 yes\n");
    forge_free(&forge);
}

/* All marks are where they say, and nothing is lost: but it has no header. */
static void
header__none_at_all__is_corrupt(void **state)
{
    struct slg_header header = forge_header();
    struct forge forge;
    struct slg_mark mark;

    (void)state;
    forge_start_with(&forge, &header);
    (void)forge_sync(&forge);
    assert_true(
        slg_mark_decode(forge.bytes + HEADER, forge.len - HEADER, &mark));
    mark.offset = 0;
    slg_mark_encode(&mark, forge.bytes + HEADER);
    look_at(&forge, forge.bytes + HEADER, forge.len - HEADER, &look);
    assert_findings(&look, "CORRUPT header - l- @0+0 s0 unknown\n");
    assert_verdict(&look, SEGLOG_VERDICT_CORRUPT);
    forge_free(&forge);
}

/*
 * A block at 0 that fits a number, and does not decode: reading resumes there,
 * and not behind it.  What comes next is another gap.
 */
static void
header__lost_before_a_frame_at_0_that_does_not_hold__loses_from_1(void **state)
{
    const struct seglog_item items[] = { { SEGLOG_TEXT, "six", 3 },
                                         { SEGLOG_TEXT, "seven", 5 },
                                         { SEGLOG_TEXT, "eight", 5 } };
    struct slg_header header = forge_header();
    struct forge front;
    struct forge forge;
    uint8_t bytes[1024];

    (void)state;
    forge_start(&front);
    front.number = 6;
    const size_t bad = forge_block_of(&front, items, 3);
    const size_t len = front.frames[bad].len - SLG_CHECKSUM_BYTES;
    uint8_t *frame = front.bytes + front.frames[bad].offset;
    frame[len - 6] += 4; /* the last record is longer than it has bytes */
    slg_store_le32(frame + len,
                   slg_crc32(0, frame, len) ^
                       slg_mix(6, slg_salt(forge_identity, FORGE_EPOCH)));
    (void)forge_text(&front, "nine");
    const size_t front_len = front.len - HEADER;
    memcpy(bytes, front.bytes + HEADER, front_len);

    header.first_record = 4;
    forge_start_with(&forge, &header);
    forge_fill(&forge, 2, 40);
    assert_true(front_len + forge.len - HEADER <= sizeof bytes);
    memcpy(bytes + front_len, forge.bytes + HEADER, forge.len - HEADER);
    look_at(&forge, bytes, front_len + forge.len - HEADER, &look);
    assert_findings(&look,
                    "CORRUPT header - l- @0+%zu s? unknown\n"
                    "CORRUPT header 1-3 l1 @0+0 s? unknown\n"
                    "CORRUPT order - l- @%zu+%zu s? unknown\n",
                    front_len, front_len, forge.len - HEADER);
    assert_int_equal(look.summary.first_record, 1);
    assert_int_equal(look.summary.records, 2);
    forge_free(&front);
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
    probe_fail_reads(&probe, start, end);
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
io__frames_that_only_touch_the_sector__are_not_lost(void **state)
{
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;

    (void)state;
    /* One frame ends at 8192, one starts at 12288. */
    forge_start(&forge);
    forge_fill(&forge, 1, 8192 - HEADER - 7);
    assert_int_equal(forge.len, 8192);
    forge_fill(&forge, 2, 2048 - 7);
    assert_int_equal(forge.len, 12288);
    forge_fill(&forge, 2, 100);
    (void)forge_close(&forge);
    probe_put(&probe, "look", forge.bytes, forge.len);
    probe_fail_reads(&probe, 8192, 12288);
    look_in_store(&forge, store, 0, &look);
    assert_findings(&look, "IO io 2-3 l2 @8192+4096 s0 yes\n");
    probe_close(&probe);
    forge_free(&forge);
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
    blob_replace(store, "log", forge->bytes, forge->len);
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
        assert_int_equal(got->body_offset - got->offset, 2u + (got->head & 3u));
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
    forge_ten(&forge, true);
    assert_ok(scan_bytes(&forge, &options, &summary, NULL));
    assert_int_equal(calls.frame_count, 3);
    assert_int_equal(summary.records, 10);
    forge_free(&forge);
}

static void
on_progress__grows_and_ends_at_the_size(void **state)
{
    struct calls calls = { .done = 0 };
    const struct seglog_scan_options options = {
        .size = sizeof options, .on_progress = calls_on_progress, .arg = &calls
    };
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
    forge_ten(&forge, true);
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
    assert_code_err(scan_bytes(&forge, NULL, NULL, &err), SEGLOG_INVALID, &err);
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
        blob_replace(store, "log", text, len);
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
    headers[1].features_refuse = 0x40;
    headers[2].body_log2 = 8;
    headers[3].body_log2 = 28;
    headers[4].sync_log2 = 21;
    headers[5].epoch = UINT64_C(1) << 32;
    headers[6].first_record = 0;
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct seglog_scan_summary summary;
        struct seglog_error err = { 0 };
        struct forge forge;

        forge_ten(&forge, true);
        slg_header_encode(&headers[i], forge.bytes);
        assert_code_err(scan_bytes(&forge, NULL, &summary, &err), SEGLOG_FORMAT,
                        &err);
        assert_int_equal(err.offset, 0);
        forge_free(&forge);
    }
}

static void
verdict__of_several_findings__is_the_first_of_the_order(void **state)
{
    struct forge forge;

    (void)state;
    forge_forty(&forge, false, 0);
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
                                                 .on_finding = calls_on_finding,
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

/* Longer than the beginning in which a salt is looked for. */
static void
header__of_no_segment_at_all__is_format(void **state)
{
    struct seglog_store store = { 0 };
    struct seglog_scan_summary summary;
    uint8_t *bytes = malloc(70000);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 0xFF, 70000);
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", bytes, 70000);
    assert_code(seglog_scan(store, "log", NULL, &summary, NULL), SEGLOG_FORMAT);
    free(bytes);
    seglog_store_close(&store);
}

/* The store does not say why: it is IO all the same. */
static void
header__unreadable_for_no_known_reason__is_io(void **state)
{
    const struct seglog_fault unreadable = {
        .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ),
        .code = SEGLOG_IO,
    };
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    probe_put(&probe, "log", forge.bytes, forge.len);
    assert_true(seglog_faults_add(probe.faults, &unreadable));
    assert_code_err(seglog_scan(store, "log", NULL, &summary, &err), SEGLOG_IO,
                    &err);
    probe_close(&probe);
    forge_free(&forge);
}

/* What is appended to a segment without any mark has no identity to have. */
static void
header__lost_and_a_mark_comes_later__is_not_accepted(void **state)
{
    const struct seglog_reader_options salvage = { .size = sizeof salvage,
                                                   .salvage = true };
    struct seglog_store store = { 0 };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct forge forge;
    unsigned records = 0;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    forge_start(&forge);
    forge_fill(&forge, 10, 40);
    memset(forge.bytes, 0xEE, HEADER);
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_ok(seglog_reader_open(store, "log", &salvage, &reader, NULL));
    while (seglog_reader_next(reader, &event, NULL) == SEGLOG_OK)
        records += event.type == SEGLOG_EVENT_RECORD;
    assert_int_equal(records, 10);
    const size_t at = forge.len;

    (void)forge_sync(&forge);
    forge_fill(&forge, 2, 40);
    blob_add(store, "log", forge.bytes + at, forge.len - at);
    while (seglog_reader_next(reader, &event, NULL) == SEGLOG_OK) {
        records += event.type == SEGLOG_EVENT_RECORD;
        if (event.type == SEGLOG_EVENT_GAP)
            assert_int_equal(event.finding.first_byte, at);
    }
    assert_int_equal(records, 12);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header__of_no_segment_at_all__is_format),
        cmocka_unit_test(header__unreadable_for_no_known_reason__is_io),
        cmocka_unit_test(header__lost_and_a_mark_comes_later__is_not_accepted),
        cmocka_unit_test(intact__every_kind_of_frame__is_ok_and_counted),
        cmocka_unit_test(
            intact__closed_and_gone_on__is_not_closed_until_closed_again),
        cmocka_unit_test(intact__header_alone__is_ok_without_records),
        cmocka_unit_test(intact__durable_heads__raise_the_watermark),
        cmocka_unit_test(intact__after_a_cut__counts_it_and_has_the_new_epoch),
        cmocka_unit_test(intact__first_record_not_1__starts_there),
        cmocka_unit_test(intact__no_xxh3__has_neither_digests),
        cmocka_unit_test(header__one_bit__is_corrected),
        cmocka_unit_test(header__lost__is_recovered_from_a_mark),
        cmocka_unit_test(header__two_flipped_bits__are_not_guessed),
        cmocka_unit_test(header__lost_with_the_first_record__loses_that_too),
        cmocka_unit_test(
            header__lost_without_any_mark__is_recovered_by_its_salt),
        cmocka_unit_test(header__lost_without_a_mark__needs_three_records),
        cmocka_unit_test(header__lost__salt_is_solved_from_groups_too),
        cmocka_unit_test(
            header__lost_before_a_first_sync_point__keeps_first_record),
        cmocka_unit_test(
            header__lost__prefix_cut_off_a_segment_loses_what_was_in_it),
        cmocka_unit_test(header__none_at_all__is_corrupt),
        cmocka_unit_test(
            header__lost_before_a_frame_at_0_that_does_not_hold__loses_from_1),
        cmocka_unit_test(io__an_unreadable_sector__loses_what_touches_it),
        cmocka_unit_test(io__over_two_sectors__is_one_finding),
        cmocka_unit_test(io__frames_that_only_touch_the_sector__are_not_lost),
        cmocka_unit_test(io__the_header__is_recovered_from_a_mark),
        cmocka_unit_test(io__the_tail__is_not_taken_for_torn),
        cmocka_unit_test(on_frame__sees_every_valid_frame_in_order),
        cmocka_unit_test(
            on_frame__false__is_not_called_again_and_the_scan_goes_on),
        cmocka_unit_test(on_progress__grows_and_ends_at_the_size),
        cmocka_unit_test(options__of_a_smaller_or_larger_build__are_taken),
        cmocka_unit_test(not_a_segment__is_format_and_a_missing_one_not_found),
        cmocka_unit_test(header__refused__is_format_whatever_follows),
        cmocka_unit_test(
            verdict__of_several_findings__is_the_first_of_the_order),
        cmocka_unit_test(damage__in_very_many_places__is_all_found),
    };

    return cmocka_run_group_tests_name("segment/scan", tests, NULL, NULL);
}
