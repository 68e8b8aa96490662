/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_tail.c
 *
 * Goal    the end of a segment is found from its last mark, with all that is
 *         needed to append, whatever its end looks like; and in few reads.
 * Method  slg_tail_find on segments made frame by frame; what it says is
 *         compared with what the forge knows.
 */
#include "tests/segment/tail_support.h"

#include "format/checksum.h"

/* -- sound ends ------------------------------------------------------------ */

static void
find__every_sound_end__has_all_to_go_on_with(void **state)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 5,
                                 .lines = 3,
                                 .shift = INT64_MIN };
    struct slg_tail tail;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 0);
    (void)forge_predecessor(&forge);
    forge_fill(&forge, 10, 40);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 0);
    forge.watermark = 7;
    (void)forge_sync(&forge);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 7);
    (void)forge_put(&forge, SEGLOG_PART, "part", 4);
    forge_fill_groups(&forge, 2, 3, 20);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 7);
    (void)forge_gap(&forge, &gap);
    (void)forge_unknown(&forge, 9);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 7);
    (void)forge_close(&forge);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, forge.number - 1);
    const uint64_t closed = forge.number - 1;
    forge_fill(&forge, 2, 40);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, closed);
    forge.is_durable = true;
    forge_fill(&forge, 1, 40);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, forge.number - 2);
    forge_free(&forge);
}

static void
find__behind_a_cut__has_the_new_epoch(void **state)
{
    struct slg_tail tail;
    struct forge forge;

    (void)state;
    make_log(&forge);
    forge.len = forge_frame_of(&forge, 13)->offset;
    (void)forge_new_epoch(&forge, 13);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 7);
    forge_fill(&forge, 3, 40);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 7);
    (void)forge_close(&forge);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 15);
    forge_free(&forge);
}

/* What a device may show whose sync failed: nobody reads as far as there. */
static void
find__closing_mark_whose_epoch_begins_nowhere__is_not_the_end(void **state)
{
    struct slg_tail tail;
    struct forge forge;
    size_t begin = 0;

    (void)state;
    make_log(&forge);
    begin = forge.len;
    (void)forge_new_epoch(&forge, forge.number);
    (void)forge_close(&forge);
    memset(forge.bytes + begin, 0, 82);
    tail = tail_of(forge.bytes, forge.len);
    assert_string_equal(seglog_verdict_name(tail.verdict), "TORN");
    assert_int_equal(tail.end, begin);
    assert_int_equal(tail.number, forge.number);
    forge_free(&forge);
}

static void
find__first_record_and_features__are_those_of_the_header(void **state)
{
    struct slg_header header = forge_header();
    struct slg_tail tail;
    struct forge forge;

    (void)state;
    header.first_record = 1000;
    header.body_log2 = 12;
    header.features_refuse = SLG_REFUSE_NO_XXH3;
    forge_start_with(&forge, &header);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 0);
    forge_fill(&forge, 3, 40);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 0);
    assert_int_equal(tail.header.first_record, 1000);
    forge_free(&forge);
}

/* A record that is a whole segment, with marks at its very end. */
static void
find__a_segment_as_the_last_record__is_not_misled_by_its_marks(void **state)
{
    struct slg_header header = forge_header();
    struct slg_tail tail;
    struct forge inner;
    struct forge forge;

    (void)state;
    for (unsigned own = 0; own < 2; own++) {
        if (own == 0)
            memcpy(header.identity, forge_stranger, sizeof header.identity);
        else
            header = forge_header();
        for (unsigned is_long = 0; is_long < 2; is_long++) {
            forge_start_with(&inner, &header);
            forge_fill(&inner, is_long != 0 ? 3000 : 10, 40);
            (void)forge_sync(&inner);
            (void)forge_close(&inner);
            make_log(&forge);
            if (is_long != 0)
                (void)forge_sync(&forge);
            (void)forge_put(&forge, SEGLOG_BYTES, inner.bytes, inner.len);
            tail = tail_of(forge.bytes, forge.len);
            assert_tail_is(&tail, &forge, 7);
            (void)forge_close(&forge);
            tail = tail_of(forge.bytes, forge.len);
            assert_tail_is(&tail, &forge, 16);
            forge_free(&forge);
            forge_free(&inner);
        }
    }
}

/* -- torn ends ------------------------------------------------------------- */

static void
find__less_than_a_header__is_torn_from_0(void **state)
{
    static const struct slg_header none;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (size_t len = 0; len < HEADER; len++) {
        const struct slg_tail tail = tail_of(forge.bytes, len);

        assert_int_equal(tail.verdict, SEGLOG_VERDICT_TORN);
        assert_int_equal(tail.finding.cause, SEGLOG_CAUSE_TORN);
        assert_int_equal(tail.finding.byte_count, len);
        assert_int_equal(tail.size, len);
        assert_int_equal(tail.end, 0);
        assert_int_equal(tail.number, 1);
        assert_int_equal(tail.line, 1);
        assert_false(tail.is_closed);
        assert_memory_equal(&tail.header, &none, sizeof none);
    }
    forge_free(&forge);
}

/* Every beginning of the last frame: the tail is it, and nothing else. */
static void
check_torn_last(const struct forge *forge, const struct slg_tail *before,
                bool has_record)
{
    const struct forge_frame *last = &forge->frames[forge->frame_count - 1];

    for (size_t len = 1; len < last->len; len++) {
        const struct slg_tail tail = tail_of(forge->bytes, last->offset + len);

        assert_int_equal(tail.verdict, SEGLOG_VERDICT_TORN);
        assert_int_equal(tail.finding.verdict, SEGLOG_VERDICT_TORN);
        assert_int_equal(tail.finding.cause, SEGLOG_CAUSE_TORN);
        assert_int_equal(tail.finding.first_record,
                         has_record ? before->number : 0);
        assert_int_equal(tail.finding.first_byte, last->offset);
        assert_int_equal(tail.finding.byte_count, len);
        assert_int_equal(tail.finding.durable, SEGLOG_DURABLE_NO);
        assert_int_equal(tail.size, last->offset + len);
        assert_int_equal(tail.end, before->end);
        assert_int_equal(tail.number, before->number);
        assert_int_equal(tail.line, before->line);
        assert_int_equal(tail.epoch, before->epoch);
        assert_int_equal(tail.digest, before->digest);
        assert_int_equal(tail.sync_offset, before->sync_offset);
        assert_int_equal(tail.watermark, before->watermark);
        assert_false(tail.is_closed);
    }
}

static void
find__a_torn_frame_of_any_kind__ends_before_it(void **state)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 5,
                                 .lines = 5 };
    struct forge forge;

    (void)state;
    for (unsigned kind = 0; kind < 7; kind++) {
        make_log(&forge);
        const struct slg_tail before = tail_of(forge.bytes, forge.len);

        assert_tail_is(&before, &forge, 7);
        switch (kind) {
        case 0:
            forge_fill(&forge, 1, 300);
            break;
        case 1:
            forge_fill_groups(&forge, 1, 3, 20);
            break;
        case 2:
            (void)forge_sync(&forge);
            break;
        case 3:
            (void)forge_close(&forge);
            break;
        case 4:
            (void)forge_gap(&forge, &gap);
            break;
        case 5:
            (void)forge_unknown(&forge, 30);
            break;
        default:
            (void)forge_new_epoch(&forge, forge.number);
            break;
        }
        check_torn_last(&forge, &before, kind < 2);
        forge_free(&forge);
    }
}

static void
find__a_torn_frame_behind_a_mark__knows_the_mark(void **state)
{
    struct forge forge;

    (void)state;
    for (unsigned is_closed = 0; is_closed < 2; is_closed++) {
        make_log(&forge);
        (void)(is_closed != 0 ? forge_close(&forge) : forge_sync(&forge));
        const struct slg_tail before = tail_of(forge.bytes, forge.len);
        forge_fill(&forge, 1, 300);
        check_torn_last(&forge, &before, true);
        const struct slg_tail tail = tail_of(forge.bytes, forge.len - 1);
        assert_int_equal(tail.is_after_sync, is_closed == 0);
        forge_free(&forge);
    }
}

static void
find__torn_bytes_that_were_passed_over__end_at_the_size(void **state)
{
    struct forge forge;

    (void)state;
    make_log(&forge);
    const size_t torn = forge_frame_of(&forge, 15)->offset;
    forge.len -= 9;
    (void)forge_new_epoch(&forge, 15);
    /* The new sync point is the last mark: what is before it is not read. */
    struct slg_tail tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 7);
    /* Without an intact mark behind the torn bytes they are met. */
    forge.bytes[forge.sync_offset + 50] ^= 1;
    tail = tail_of(forge.bytes, forge.len);
    assert_int_equal(tail.verdict, SEGLOG_VERDICT_TORN);
    assert_int_equal(tail.end, torn);
    assert_int_equal(tail.number, 15);
    forge_free(&forge);
}

/* -- damage ---------------------------------------------------------------- */

static void
find__damage_in_the_last_stretch__is_corrupt(void **state)
{
    struct slg_tail tail;
    struct forge forge;

    (void)state;
    make_log(&forge);
    const size_t at = forge_frame_of(&forge, 13)->offset;
    forge.bytes[at + 9] ^= 1;
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_verdict(&tail, "CORRUPT checksum 13-13 l13 @688+46 s? unknown");
    assert_int_equal(at, 688);
    assert_int_equal(tail.end, forge.len);
    assert_int_equal(tail.number, 16);
    assert_int_equal(tail.line, 16);
    forge_free(&forge);
}

static void
find__the_worst_of_several__is_what_it_says(void **state)
{
    struct slg_tail tail;
    struct forge forge;

    (void)state;
    make_log(&forge);
    forge.bytes[forge_frame_of(&forge, 13)->offset + 9] ^= 1;
    tail = tail_of(forge.bytes, forge.len - 3);
    assert_tail_verdict(&tail, "CORRUPT checksum 13-13 l13 @688+46 s? unknown");
    /* The torn tail behind the damage still starts where it starts. */
    assert_int_equal(tail.end, forge_frame_of(&forge, 15)->offset);
    assert_int_equal(tail.number, 15);
    forge_free(&forge);
}

static void
find__damage_before_the_last_stretch__is_not_seen(void **state)
{
    struct slg_tail tail;
    struct forge forge;

    (void)state;
    make_log(&forge);
    forge.bytes[forge_frame_of(&forge, 3)->offset + 9] ^= 1;
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 7);
    (void)forge_close(&forge);
    forge.bytes[forge_frame_of(&forge, 13)->offset + 9] ^= 1;
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_is(&tail, &forge, 15);
    forge_free(&forge);
}

static void
find__a_damaged_closing_mark__is_corrupt_and_ends_before_it(void **state)
{
    struct forge forge;

    (void)state;
    make_log(&forge);
    const size_t end = forge.len;
    (void)forge_close(&forge);
    for (size_t at = end; at < forge.len; at++) {
        forge.bytes[at] ^= 0x40;
        const struct slg_tail tail = tail_of(forge.bytes, forge.len);
        assert_tail_verdict(&tail, "CORRUPT closing-mark - l- @826+70 s0 "
                                   "unknown");
        assert_int_equal(tail.end, end);
        assert_int_equal(tail.number, 16);
        assert_false(tail.is_closed);
        forge.bytes[at] ^= 0x40;
    }
    forge_free(&forge);
}

static void
find__bytes_of_a_stranger_at_the_end__are_foreign(void **state)
{
    struct slg_header header = forge_header();
    struct slg_tail tail;
    struct forge other;
    struct forge forge;

    (void)state;
    memcpy(header.identity, forge_stranger, sizeof header.identity);
    forge_start_with(&other, &header);
    forge_fill(&other, 5, 40);
    (void)forge_close(&other);
    make_log(&forge);
    const size_t end = forge.len;
    forge_raw(&forge, other.bytes, other.len);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_verdict(&tail, "FOREIGN foreign - l- @826+354 s? unknown");
    assert_int_equal(tail.end, end);
    assert_int_equal(tail.number, 16);
    forge_free(&other);
    forge_free(&forge);
}

static void
find__a_damaged_header__is_at_least_corrupt(void **state)
{
    struct slg_tail tail;
    struct forge forge;

    (void)state;
    make_log(&forge);
    (void)forge_close(&forge);
    forge.bytes[20] ^= 1;
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_verdict(&tail, "CORRUPT header - l- @0+54 s0 unknown");
    assert_int_equal(tail.number, 16);
    assert_int_equal(tail.end, forge.len);
    assert_memory_equal(tail.header.identity, forge_identity, 16);
    memset(forge.bytes, 0x33, HEADER);
    tail = tail_of(forge.bytes, forge.len);
    assert_tail_verdict(&tail, "CORRUPT header - l- @0+54 s0 unknown");
    assert_int_equal(tail.number, 16);
    assert_memory_equal(tail.header.identity, forge_identity, 16);
    forge_free(&forge);
}

static void
find__not_a_segment__is_format(void **state)
{
    struct slg_header header = forge_header();
    struct seglog_blob blob = { 0 };
    struct seglog_store store;
    struct seglog_error err = { 0 };
    struct slg_tail tail;
    uint8_t bytes[HEADER];

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", "{\"a\":1}\n{\"a\":2}\n", 16);
    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_READ, &blob, NULL));
    assert_code_err(slg_tail_find(blob, "log", 0, NULL, &tail, &err),
                    SEGLOG_FORMAT, &err);
    assert_string_equal(err.name, "log");
    assert_ok(seglog_blob_close(&blob, NULL));
    header.version = 2;
    slg_header_encode(&header, bytes);
    blob_replace(store, "log", bytes, sizeof bytes);
    assert_ok(seglog_blob_open(store, "log", SEGLOG_OPEN_READ, &blob, NULL));
    assert_code_err(slg_tail_find(blob, "log", 0, NULL, &tail, &err),
                    SEGLOG_FORMAT, &err);
    assert_ok(seglog_blob_close(&blob, NULL));
    seglog_store_close(&store);
}

static void
find__below_what_is_expected__is_cut(void **state)
{
    struct slg_tail tail;
    struct forge forge;

    (void)state;
    make_log(&forge);
    tail = tail_of_expecting(forge.bytes, forge.len, 15);
    assert_tail_is(&tail, &forge, 7);
    tail = tail_of_expecting(forge.bytes, forge.len, 18);
    assert_tail_verdict(&tail, "CORRUPT cut 16-18 l16 @826+0 s? yes");
    assert_int_equal(tail.end, forge.len);
    assert_int_equal(tail.number, 19);
    assert_int_equal(tail.line, 19);
    tail = tail_of_expecting(forge.bytes, forge.len - 3, 15);
    assert_tail_verdict(&tail, "CORRUPT cut 15-15 l15 @780+43 s? yes");
    assert_int_equal(tail.end, 780);
    tail = tail_of_expecting(forge.bytes, forge.len - 3, 14);
    assert_tail_verdict(&tail, "TORN torn 15-? l15 @780+43 s? no");
    forge_free(&forge);
}

/* -- cost ------------------------------------------------------------------ */

static void
find__in_a_large_segment__reads_less_than_400_kib(void **state)
{
    struct forge forge;

    (void)state;
    forge_start(&forge);
    while (forge.len < 64 * MIB) {
        forge_fill(&forge, 1, 60000);
        (void)forge_sync(&forge);
    }
    forge_fill(&forge, 1, 60000);
    for (unsigned shape = 0; shape < 3; shape++) {
        struct probe probe;
        struct seglog_store store = probe_open(&probe);

        if (shape == 1)
            (void)forge_close(&forge);
        probe_put(&probe, "log", forge.bytes,
                  shape == 2 ? forge.len - 1 : forge.len);
        const struct slg_tail tail = tail_find(store, 0);
        assert_int_equal(tail.number, forge.number);
        assert_int_equal(tail.sync_offset, forge.sync_offset);
        assert_int_equal(tail.verdict,
                         shape == 2 ? SEGLOG_VERDICT_TORN : SEGLOG_VERDICT_OK);
        assert_true(seglog_faults_get_bytes_read(probe.faults) <= 400 * KIB);
        assert_true(seglog_faults_get_count(probe.faults, SEGLOG_FAULT_READ) <=
                    8);
        probe_close(&probe);
    }
    forge_free(&forge);
}

static void
find__behind_a_record_of_8_mib__reads_it_and_little_more(void **state)
{
    struct probe probe;
    struct seglog_store store = probe_open(&probe);
    struct forge forge;

    (void)state;
    forge_start(&forge);
    for (unsigned i = 0; i < 4; i++) {
        (void)forge_sync(&forge);
        forge_fill(&forge, 1, 8 * MIB);
    }
    forge_fill(&forge, 3, 40);
    probe_put(&probe, "log", forge.bytes, forge.len);
    const struct slg_tail tail = tail_find(store, 0);
    assert_tail_is(&tail, &forge, 0);
    /* Looked through for its sync point, checked, and taken in. */
    assert_true(seglog_faults_get_bytes_read(probe.faults) <= 4 * 8 * MIB);
    forge_free(&forge);
    probe_close(&probe);
}

/* -- get_summary ----------------------------------------------------------- */

static void
check_summary(const void *bytes, size_t len)
{
    struct seglog_scan_summary quick;
    struct seglog_scan_summary full;
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    blob_replace(store, "log", bytes, len);
    memset(&quick, 0xA5, sizeof quick);
    assert_ok(seglog_segment_get_summary(store, "log", &quick, NULL));
    assert_ok(seglog_scan(store, "log", NULL, &full, NULL));
    assert_int_equal(quick.verdict, full.verdict);
    assert_int_equal(quick.is_closed, full.is_closed);
    assert_int_equal(quick.bytes, full.bytes);
    assert_int_equal(quick.first_record, full.first_record);
    assert_int_equal(quick.next_record, full.next_record);
    assert_int_equal(quick.next_line, full.next_line);
    assert_int_equal(quick.watermark, full.watermark);
    assert_int_equal(quick.epoch, full.epoch);
    assert_memory_equal(quick.identity, full.identity, 16);
    assert_int_equal(quick.body_log2, full.body_log2);
    assert_int_equal(quick.sync_log2, full.sync_log2);
    assert_int_equal(quick.torn_bytes, full.torn_bytes);
    assert_int_equal(quick.records, 0);
    assert_int_equal(quick.payload_bytes, 0);
    seglog_store_close(&store);
}

static void
get_summary__at_every_length__agrees_with_the_scan(void **state)
{
    struct forge forge;

    (void)state;
    make_log(&forge);
    (void)forge_close(&forge);
    forge_fill(&forge, 2, 40);
    forge.watermark = 15;
    (void)forge_sync(&forge);
    for (size_t len = 0; len <= forge.len; len++)
        check_summary(forge.bytes, len);
    forge_free(&forge);
}

static void
get_summary__missing_or_no_segment__fails(void **state)
{
    struct seglog_scan_summary summary;
    struct seglog_error err = { 0 };
    struct seglog_store store;

    (void)state;
    assert_ok(seglog_store_memory_open(&store, NULL));
    assert_code_err(seglog_segment_get_summary(store, "log", &summary, &err),
                    SEGLOG_NOT_FOUND, &err);
    blob_replace(store, "log", "text", 4);
    assert_code_err(seglog_segment_get_summary(store, "log", &summary, &err),
                    SEGLOG_FORMAT, &err);
    assert_code_err(seglog_segment_get_summary(store, "log", NULL, &err),
                    SEGLOG_INVALID, &err);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find__every_sound_end__has_all_to_go_on_with),
        cmocka_unit_test(find__behind_a_cut__has_the_new_epoch),
        cmocka_unit_test(
            find__closing_mark_whose_epoch_begins_nowhere__is_not_the_end),
        cmocka_unit_test(
            find__first_record_and_features__are_those_of_the_header),
        cmocka_unit_test(
            find__a_segment_as_the_last_record__is_not_misled_by_its_marks),
        cmocka_unit_test(find__less_than_a_header__is_torn_from_0),
        cmocka_unit_test(find__a_torn_frame_of_any_kind__ends_before_it),
        cmocka_unit_test(find__a_torn_frame_behind_a_mark__knows_the_mark),
        cmocka_unit_test(
            find__torn_bytes_that_were_passed_over__end_at_the_size),
        cmocka_unit_test(find__damage_in_the_last_stretch__is_corrupt),
        cmocka_unit_test(find__the_worst_of_several__is_what_it_says),
        cmocka_unit_test(find__damage_before_the_last_stretch__is_not_seen),
        cmocka_unit_test(
            find__a_damaged_closing_mark__is_corrupt_and_ends_before_it),
        cmocka_unit_test(find__bytes_of_a_stranger_at_the_end__are_foreign),
        cmocka_unit_test(find__a_damaged_header__is_at_least_corrupt),
        cmocka_unit_test(find__not_a_segment__is_format),
        cmocka_unit_test(find__below_what_is_expected__is_cut),
        cmocka_unit_test(find__in_a_large_segment__reads_less_than_400_kib),
        cmocka_unit_test(
            find__behind_a_record_of_8_mib__reads_it_and_little_more),
        cmocka_unit_test(get_summary__at_every_length__agrees_with_the_scan),
        cmocka_unit_test(get_summary__missing_or_no_segment__fails),
    };

    return cmocka_run_group_tests_name("segment/tail", tests, NULL, NULL);
}
