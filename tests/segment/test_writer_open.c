/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_writer_open.c
 *
 * Goal    a writer goes on where a segment ends, whatever has become of its
 *         end, and refuses where it must.
 * Method  segments are cut and damaged in known places, opened, written on,
 *         and walked or scanned.
 */
#include <stdio.h>

#include "tests/segment/forge_support.h"
#include "tests/segment/writer_support.h"

#define HEADER_BYTES 54u

static seglog_code
open_code(struct seglog_store store, const char *name,
          const struct seglog_writer_options *options, struct seglog_error *err)
{
    struct seglog_writer *writer = NULL;
    const seglog_code code =
        seglog_writer_open(store, name, options, &writer, err);

    assert_int_equal(code == SEGLOG_OK, writer != NULL);
    assert_ok(seglog_writer_close(writer, NULL));
    return code;
}

/* "log" with count records "record NN" of 15 bytes a frame. */
static void
log_make(struct seglog_store store, unsigned count, bool is_closed)
{
    struct seglog_writer_options options = writer_options_fixed();
    struct seglog_writer *writer = NULL;

    options.no_closing_mark = !is_closed;
    options.create = SEGLOG_CREATE_NEW;
    writer = writer_open_ok(store, "log", &options);
    for (unsigned i = 1; i <= count; i++) {
        const char text[] = { 'r',
                              'e',
                              'c',
                              'o',
                              'r',
                              'd',
                              ' ',
                              (char)('0' + i / 10),
                              (char)('0' + i % 10),
                              0 };

        append_ok(writer, text, i);
    }
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
log_cut(struct seglog_store store, size_t len)
{
    size_t size = 0;
    uint8_t *bytes = blob_read(store, "log", &size);

    assert_true(len <= size);
    blob_write(store, "log", bytes, len);
    free(bytes);
}

/* -- create --------------------------------------------------------------- */

static void
open__create_modes__tell_missing_from_present(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = { .size = sizeof options };
    struct seglog_error err = { 0 };

    options.create = SEGLOG_CREATE_NEVER;
    assert_code(open_code(store, "log", &options, &err), SEGLOG_NOT_FOUND);
    assert_false(blob_exists(store, "log"));
    options.create = SEGLOG_CREATE_NEW;
    assert_ok(open_code(store, "log", &options, &err));
    assert_code(open_code(store, "log", &options, &err), SEGLOG_EXISTS);
    options.create = SEGLOG_CREATE_NEVER;
    assert_ok(open_code(store, "log", &options, &err));
    options.create = SEGLOG_CREATE_IF_MISSING;
    assert_ok(open_code(store, "log", &options, &err));
    assert_ok(open_code(store, "other", &options, &err));
}

static void
open__options_out_of_range__are_invalid(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options good = writer_options_fixed();
    struct {
        struct seglog_writer_options known;
        uint64_t newer;
    } longer = { .known = good };
    struct seglog_writer_options bad[9];
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        bad[i] = good;
    bad[0].size = 1;
    bad[1].mode = SEGLOG_WRITER_PRIVATE + 1;
    bad[2].create = SEGLOG_CREATE_NEVER + 1;
    bad[3].body_log2 = 8;
    bad[4].body_log2 = 28;
    bad[5].sync_log2 = 8;
    bad[6].sync_log2 = 21;
    bad[7].first_record = UINT64_C(1) << 63;
    bad[8].first_line = UINT64_C(1) << 63;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_code(open_code(store, "log", &bad[i], &err), SEGLOG_INVALID);
    assert_code(open_code(store, "a/b", &good, &err), SEGLOG_INVALID);
    assert_code(seglog_writer_open(store, "log", &good, NULL, &err),
                SEGLOG_INVALID);
    assert_false(blob_exists(store, "log"));

    longer.known.size = sizeof longer;
    longer.newer = 1;
    assert_code(open_code(store, "log", &longer.known, &err), SEGLOG_INVALID);
    longer.newer = 0;
    assert_ok(open_code(store, "log", &longer.known, &err));

    /* A caller that knows nothing but the mode. */
    longer.known = (struct seglog_writer_options){
        .size = offsetof(struct seglog_writer_options, create),
        .mode = SEGLOG_WRITER_SHARED,
        .create = SEGLOG_CREATE_NEW, /* not seen */
    };
    writer = writer_open_ok(store, "log", &longer.known);
    assert_ok(seglog_writer_close(writer, NULL));
}

static void
open__second_exclusive_writer__is_locked_out(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .lock_timeout_ms = 20 };
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    struct seglog_error err = { 0 };

    assert_code(open_code(store, "log", &options, &err), SEGLOG_LOCKED);
    append_ok(writer, "still here", 1);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(open_code(store, "log", &options, &err));
}

/* -- torn tails ----------------------------------------------------------- */

static void
torn_tail__any_cut__is_cut_kept_and_written_over(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = writer_options_fixed();
    uint8_t *whole = NULL;
    size_t whole_len = 0;

    log_make(store, 3, false);
    whole = blob_read(store, "log", &whole_len);
    assert_int_equal(whole_len, HEADER_BYTES + 3 * 15);
    options.epoch_random = 0x7E57;
    for (size_t cut = HEADER_BYTES; cut < whole_len; cut++) {
        const size_t kept = (cut - HEADER_BYTES) / 15;
        const size_t end = HEADER_BYTES + kept * 15;
        struct seglog_writer *writer = NULL;
        struct walked walked;

        blob_write(store, "log", whole, cut);
        writer = writer_open_ok(store, "log", &options);
        assert_int_equal(state_of(writer).torn_bytes, cut - end);
        assert_int_equal(state_of(writer).next_record, kept + 1);
        append_ok(writer, "record XX", kept + 1);
        assert_ok(seglog_writer_close(writer, NULL));

        walk_blob(store, "log", &walked);
        assert_int_equal(walked.record_count, kept + 1);
        assert_int_equal(walked.sync_count, cut > end ? 1 : 0);
        assert_true(walked.is_closed);
        if (cut > end) {
            uint8_t *torn = NULL;
            size_t torn_len = 0;

            assert_int_equal(walked.syncs[0].offset, end);
            assert_int_equal(walked.syncs[0].epoch, UINT64_C(0x100007E57));
            assert_int_equal(walked.syncs[0].number, kept + 1);
            torn = blob_read(store, "log.torn", &torn_len);
            assert_int_equal(torn_len, cut - end);
            assert_memory_equal(torn, whole + end, torn_len);
            free(torn);
        }
        walked_free(&walked);
    }
    free(whole);
}

static void
torn_tail__cut_twice__has_a_newer_epoch_each_time(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = { .size = sizeof options };
    struct seglog_writer *writer = NULL;
    struct walked walked;

    log_make(store, 3, false);
    log_cut(store, HEADER_BYTES + 2 * 15 + 4);
    writer = writer_open_ok(store, "log", &options);
    append_ok(writer, "a", 3);
    append_ok(writer, "b", 4);
    assert_ok(seglog_writer_close(writer, NULL));
    log_cut(store, HEADER_BYTES + 2 * 15 + 82 + 7 + 3);
    assert_ok(open_code(store, "log", &options, NULL));

    walk_blob(store, "log", &walked);
    assert_int_equal(walked.sync_count, 2);
    assert_int_equal(walked.syncs[1].epoch >> 32, 2);
    assert_int_equal(walked.syncs[1].number, 4);
    assert_int_equal(walked.number, 4);
    assert_true(walked.is_closed);
    walked_free(&walked);
}

static void
torn_tail__not_to_be_kept__leaves_no_other_blob(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .drop_torn_tail = true };

    log_make(store, 2, false);
    log_cut(store, HEADER_BYTES + 15 + 7);
    assert_ok(open_code(store, "log", &options, NULL));
    assert_false(blob_exists(store, "log.torn"));
}

static void
torn_tail__only_opened_and_closed__has_its_sync_point(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .no_closing_mark = true };
    struct walked walked;

    log_make(store, 2, false);
    log_cut(store, HEADER_BYTES + 15 + 7);
    assert_ok(open_code(store, "log", &options, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.sync_count, 1);
    assert_int_equal(walked.len, HEADER_BYTES + 15 + 82);
    walked_free(&walked);
}

/* A torn closing mark loses no record, but it is a cut like any other. */
static void
torn_tail__of_a_closing_mark__is_cut(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer *writer = NULL;
    struct walked walked;

    log_make(store, 2, true);
    log_cut(store, HEADER_BYTES + 2 * 15 + 40);
    writer = writer_open_ok(store, "log", NULL);
    assert_int_equal(state_of(writer).torn_bytes, 40);
    append_ok(writer, "3", 3);
    assert_ok(seglog_writer_close(writer, NULL));
    walk_blob(store, "log", &walked);
    assert_int_equal(walked.record_count, 3);
    assert_int_equal(walked.sync_count, 1);
    assert_int_equal(walked.mark_count, 1);
    walked_free(&walked);
}

static void
torn_tail__store_cannot_cut__is_passed_over(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    const struct seglog_store uncut = seglog_faults_store(faulty);
    const struct seglog_scan_options scan = { .size = sizeof scan };
    struct seglog_scan_summary summary = { 0 };
    struct seglog_writer *writer = NULL;

    seglog_faults_hide(faulty, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    log_make(store, 3, false);
    log_cut(store, HEADER_BYTES + 2 * 15 + 9);
    writer = writer_open_ok(uncut, "log", NULL);
    assert_int_equal(state_of(writer).torn_bytes, 9);
    append_ok(writer, "third", 3);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_false(blob_exists(store, "log.torn"));

    assert_ok(seglog_scan(store, "log", &scan, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_TORN);
    assert_int_equal(summary.records, 3);
    assert_int_equal(summary.lost, 0);
    assert_int_equal(summary.bytes, HEADER_BYTES + 2 * 15 + 9 + 82 + 11 + 70);
    assert_int_equal(summary.cuts, 1);
    assert_true(summary.is_closed);

    /* And again: nothing is torn any more. */
    writer = writer_open_ok(uncut, "log", NULL);
    assert_int_equal(state_of(writer).torn_bytes, 0);
    append_ok(writer, "fourth", 4);
    assert_ok(seglog_writer_close(writer, NULL));
}

/*
 * The last byte that a torn frame lacks is the first one of the sync point
 * that goes behind it: neither may the record come back nor the sync point be
 * lost, and with it all that follows.
 */
static void
torn_tail__completed_by_what_follows__stays_torn(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_make(state);
    const struct seglog_store uncut = seglog_faults_store(faulty);
    const struct seglog_scan_options scan = { .size = sizeof scan };
    struct seglog_scan_summary summary = { 0 };
    struct seglog_writer *writer = NULL;
    struct seglog_writer_options options = writer_options_fixed();
    uint8_t last = 0;

    options.no_closing_mark = true;
    seglog_faults_hide(faulty, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    for (unsigned i = 0; last != 0xC0 && i < 20000; i++) {
        size_t len = 0;
        char text[16];

        if (i > 0)
            assert_ok(seglog_store_remove(store, "log", NULL));
        log_make(store, 2, false);
        writer = writer_open_ok(store, "log", &options);
        (void)snprintf(text, sizeof text, "x%05u", i);
        append_ok(writer, text, 3);
        assert_ok(seglog_writer_close(writer, NULL));
        uint8_t *bytes = blob_read(store, "log", &len);
        last = bytes[len - 1];
        free(bytes);
        if (last == 0xC0)
            log_cut(store, len - 1);
    }
    assert_int_equal(last, 0xC0);

    writer = writer_open_ok(uncut, "log", NULL);
    append_ok(writer, "third", 3);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_scan(store, "log", &scan, &summary, NULL));
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_TORN);
    assert_int_equal(summary.records, 3);
    assert_int_equal(summary.lost, 0);
    assert_int_equal(summary.cuts, 1);
    assert_true(summary.is_closed);
}

/* Failing to keep, to cut or to sync leaves a tail that can be cut later. */
static void
torn_tail__cutting_fails__fails_to_open_and_loses_nothing(void **state)
{
    static const enum seglog_fault_op ops[] = { SEGLOG_FAULT_TRUNCATE,
                                                SEGLOG_FAULT_SYNC,
                                                SEGLOG_FAULT_APPEND };
    const struct seglog_store store = store_of(state);
    uint8_t *torn = NULL;
    size_t torn_len = 0;

    log_make(store, 2, false);
    log_cut(store, HEADER_BYTES + 15 + 7);
    torn = blob_read(store, "log", &torn_len);
    for (unsigned i = 0; i < 3; i++) {
        struct seglog_faults *faulty = faulty_make(state);
        struct seglog_error err = { 0 };
        struct walked walked;

        seglog_faults_watch(faulty, i == 2 ? "log.torn" : "log");
        faulty_fail(faulty, ops[i], 1, i == 2 ? SEGLOG_NO_SPACE : SEGLOG_IO);
        blob_write(store, "log", torn, torn_len);
        assert_code(open_code(seglog_faults_store(faulty), "log", NULL, &err),
                    i == 2 ? SEGLOG_NO_SPACE : SEGLOG_IO);
        assert_ok(open_code(store, "log", NULL, &err));
        walk_blob(store, "log", &walked);
        assert_int_equal(walked.record_count, 1);
        /* Also when nothing was left to cut: the hint knows. */
        assert_int_equal(walked.sync_count, 1);
        assert_int_equal(walked.epoch >> 32, 1);
        walked_free(&walked);
    }
    free(torn);
}

/* -- headers -------------------------------------------------------------- */

static void
header__missing_or_incomplete__is_written_anew(void **state)
{
    const struct seglog_store store = store_of(state);
    uint8_t *whole = NULL;
    size_t whole_len = 0;

    log_make(store, 1, true);
    whole = blob_read(store, "log", &whole_len);
    for (size_t len = 0; len < HEADER_BYTES; len++) {
        const struct seglog_writer_options options = {
            .size = sizeof options,
            .create = SEGLOG_CREATE_NEVER,
        };
        struct seglog_writer *writer = NULL;
        struct walked walked;

        blob_write(store, "log", whole, len);
        writer = writer_open_ok(store, "log", &options);
        assert_int_equal(state_of(writer).torn_bytes, len);
        append_ok(writer, "1", 1);
        assert_ok(seglog_writer_close(writer, NULL));
        walk_blob(store, "log", &walked);
        assert_int_equal(walked.record_count, 1);
        assert_memory_not_equal(walked.bytes + 18, writer_identity, 16);
        walked_free(&walked);
    }
    free(whole);
}

/* The power went while it was created: its size is there and nothing else. */
static void
header__of_zeros__is_written_anew(void **state)
{
    static const size_t lens[] = { 1, 53, 54, 60, 4096, 4097, 20480 };
    const struct seglog_store store = store_of(state);
    uint8_t *zeros = calloc(1, 20481);

    assert_non_null(zeros);
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct seglog_writer *writer = NULL;
        struct walked walked;

        blob_write(store, "log", zeros, lens[i]);
        writer = writer_open_ok(store, "log", NULL);
        assert_int_equal(state_of(writer).torn_bytes, lens[i]);
        append_ok(writer, "1", 1);
        assert_ok(seglog_writer_close(writer, NULL));
        walk_blob(store, "log", &walked);
        assert_int_equal(walked.record_count, 1);
        walked_free(&walked);
    }
    free(zeros);
}

/* More than is written at once when it is created, or not all of it zeros, or
 * records are known to have been in it, or it is not to be created. */
static void
header__of_zeros_and_more__is_refused(void **state)
{
    const struct seglog_writer_options never = { .size = sizeof never,
                                                 .create =
                                                     SEGLOG_CREATE_NEVER };
    const struct seglog_writer_options expecting = { .size = sizeof expecting,
                                                     .expect = 1 };
    const struct seglog_store store = store_of(state);
    uint8_t *zeros = calloc(1, 20481);
    struct seglog_error err = { 0 };

    assert_non_null(zeros);
    blob_write(store, "log", zeros, 20481);
    assert_code(open_code(store, "log", NULL, &err), SEGLOG_FORMAT);
    blob_write(store, "log", zeros, 4097);
    assert_code(open_code(store, "log", &never, &err), SEGLOG_FORMAT);
    assert_code(open_code(store, "log", &expecting, &err), SEGLOG_CORRUPT);
    zeros[4096] = 1;
    blob_write(store, "log", zeros, 4097);
    assert_code(open_code(store, "log", NULL, &err), SEGLOG_FORMAT);
    free(zeros);
}

static void
header__of_something_else__is_a_format_error(void **state)
{
    const struct seglog_store store = store_of(state);
    static const char text[] = "{\"a\":1}\n{\"a\":2}\n";
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct seglog_error err = { 0 };

    blob_write(store, "log", text, sizeof text - 1);
    assert_code(open_code(store, "log", NULL, &err), SEGLOG_FORMAT);
    bytes = blob_read(store, "log", &len);
    assert_int_equal(len, sizeof text - 1);
    assert_memory_equal(bytes, text, len);
    free(bytes);
}

static void
header__unknown_features__are_read_only_or_refused(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_error err = { 0 };

    for (unsigned set = 0; set < 3; set++) {
        static const seglog_code codes[] = { SEGLOG_OK, SEGLOG_READ_ONLY,
                                             SEGLOG_FORMAT };
        uint8_t *bytes = NULL;
        size_t len = 0;

        blob_write(store, "log", "", 0);
        assert_ok(open_code(store, "log", NULL, NULL));
        bytes = blob_read(store, "log", &len);
        bytes[13 + 2 * set] ^= 0x40;
        header_seal(bytes);
        blob_write(store, "log", bytes, HEADER_BYTES);
        free(bytes);
        assert_code(open_code(store, "log", NULL, &err), codes[set]);
        if (set > 0)
            assert_string_equal(err.name, "log");
    }
}

/* -- damage --------------------------------------------------------------- */

/* One flipped bit in record 2 of 4, and nothing but a closing mark behind. */
static void
damage__in_the_last_stretch__is_refused_with_its_place(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = { .size = sizeof options };
    const struct seglog_scan_options scan = { .size = sizeof scan };
    struct seglog_scan_summary summary = { 0 };
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };
    uint8_t *bytes = NULL;
    size_t len = 0;

    log_make(store, 4, false);
    bytes = blob_read(store, "log", &len);
    bytes[HEADER_BYTES + 15 + 5] ^= 1;
    blob_write(store, "log", bytes, len);
    assert_code(open_code(store, "log", &options, &err), SEGLOG_CORRUPT);
    assert_int_equal(err.record_no, 2);
    assert_int_equal(err.line_no, 2);
    assert_int_equal(err.offset, HEADER_BYTES + 15);
    assert_string_equal(err.name, "log");
    assert_non_null(strstr(err.message, "seglog repair"));
    assert_non_null(strstr(err.message, "checksum"));

    options.append_to_damaged = true;
    writer = writer_open_ok(store, "log", &options);
    assert_int_equal(state_of(writer).next_record, 5);
    append_ok(writer, "fifth", 5);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_scan(store, "log", &scan, &summary, NULL));
    assert_int_equal(summary.records, 4);
    assert_int_equal(summary.lost, 1);
    assert_int_equal(summary.next_record, 6);
    /* Nobody knows that record 2 was ever durable, and a mark would say so. */
    assert_false(summary.is_closed);
    assert_int_equal(summary.watermark, 0);
    assert_int_equal(summary.epoch >> 32, 1);

    /* The damage is behind a mark now: it is no longer in the way. */
    options.append_to_damaged = false;
    writer = writer_open_ok(store, "log", &options);
    append_ok(writer, "sixth", 6);
    assert_ok(seglog_writer_close(writer, NULL));
    free(bytes);
}

/* A scan stops at the damage before it, and who opens comes from behind. */
static void
sealed__with_a_block_of_another_version__is_sealed(void **state)
{
    const struct seglog_store store = store_of(state);
    const struct seglog_writer_options options = writer_options_fixed();
    struct slg_header header = forge_header();
    struct forge forge;

    header.features_refuse = SLG_REFUSE_SEALED;
    forge_start_with(&forge, &header);
    (void)forge_sync(&forge);
    /* The coding of columns, of version 40. */
    (void)forge_block(&forge, 1, "0123456789", 10);
    blob_replace(store, "log", forge.bytes, forge.len);
    assert_code(open_code(store, "log", &options, NULL), SEGLOG_SEALED);
    forge_free(&forge);
}

static void
damage__records_known_from_elsewhere_are_gone__is_corrupt(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = { .size = sizeof options,
                                             .expect = 5 };
    const struct seglog_scan_options scan = { .size = sizeof scan };
    struct seglog_scan_summary summary = { 0 };
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    log_make(store, 5, false);
    assert_ok(open_code(store, "log", &options, &err));
    log_cut(store, HEADER_BYTES + 3 * 15);
    assert_code(open_code(store, "log", &options, &err), SEGLOG_CORRUPT);
    assert_int_equal(err.record_no, 4);
    assert_int_equal(err.offset, HEADER_BYTES + 3 * 15);

    /* The numbers 4 and 5 were somebody's: they are not used again. */
    options.append_to_damaged = true;
    writer = writer_open_ok(store, "log", &options);
    append_ok(writer, "sixth", 6);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_ok(seglog_scan(store, "log", &scan, &summary, NULL));
    assert_int_equal(summary.records, 4);
    assert_int_equal(summary.lost, 2);
    assert_int_equal(summary.next_record, 7);
}

/* What is known to be there stands in another segment, in front of it. */
static void
header__lost_behind_all_that_is_expected__is_made_again(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_writer_options options = { .size = sizeof options,
                                             .first_record = 10,
                                             .expect = 9 };

    blob_write(store, "log", NULL, 0);
    assert_ok(open_code(store, "log", &options, NULL));
    assert_ok(seglog_store_remove(store, "log", NULL));
    blob_write(store, "log", NULL, 0);
    options.expect = 10;
    assert_code(open_code(store, "log", &options, NULL), SEGLOG_CORRUPT);
}

#define ON_ALL(test) on_memory(test), on_file(test), on_encrypted(test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(open__create_modes__tell_missing_from_present),
        ON_ALL(open__options_out_of_range__are_invalid),
        ON_ALL(open__second_exclusive_writer__is_locked_out),
        ON_ALL(torn_tail__any_cut__is_cut_kept_and_written_over),
        ON_ALL(torn_tail__cut_twice__has_a_newer_epoch_each_time),
        ON_ALL(torn_tail__not_to_be_kept__leaves_no_other_blob),
        ON_ALL(torn_tail__only_opened_and_closed__has_its_sync_point),
        ON_ALL(torn_tail__of_a_closing_mark__is_cut),
        ON_ALL(torn_tail__store_cannot_cut__is_passed_over),
        ON_ALL(torn_tail__completed_by_what_follows__stays_torn),
        ON_ALL(header__lost_behind_all_that_is_expected__is_made_again),
        ON_ALL(torn_tail__cutting_fails__fails_to_open_and_loses_nothing),
        ON_ALL(header__missing_or_incomplete__is_written_anew),
        ON_ALL(header__of_zeros__is_written_anew),
        ON_ALL(header__of_zeros_and_more__is_refused),
        ON_ALL(header__of_something_else__is_a_format_error),
        ON_ALL(header__unknown_features__are_read_only_or_refused),
        ON_ALL(damage__in_the_last_stretch__is_refused_with_its_place),
        ON_ALL(sealed__with_a_block_of_another_version__is_sealed),
        ON_ALL(damage__records_known_from_elsewhere_are_gone__is_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
