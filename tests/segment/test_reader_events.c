/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_reader_events.c
 *
 * Goal    an event holds what it says it holds and nothing of the one before
 *         it, and calls that have nothing to do change nothing.
 * Method  every kind of gap is read into an event full of other bytes.
 */
#include "tests/segment/forge_support.h"

#define MIB ((size_t)1 << 20)

/* The next event is a gap of this cause, and no record is in it. */
static void
assert_gap(struct seglog_reader *reader, const char *cause)
{
    static const struct seglog_record none;
    struct seglog_event event;
    struct seglog_error err = { 0 };

    memset(&event, 0xA5, sizeof event);
    assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_OK, &err);
    assert_int_equal(event.type, SEGLOG_EVENT_GAP);
    assert_string_equal(seglog_cause_name(event.finding.cause), cause);
    assert_memory_equal(&event.record, &none, sizeof none);
}

static void
assert_records(struct seglog_reader *reader, uint64_t first, uint64_t last)
{
    struct seglog_event event;
    struct seglog_error err = { 0 };

    for (uint64_t n = first; n <= last; n++) {
        assert_code_err(seglog_reader_next(reader, &event, &err), SEGLOG_OK,
                        &err);
        assert_int_equal(event.type, SEGLOG_EVENT_RECORD);
        assert_int_equal(event.record.record_no, n);
    }
}

static void
assert_end(struct seglog_reader *reader)
{
    struct seglog_event event;

    assert_code(seglog_reader_next(reader, &event, NULL), SEGLOG_END);
}

static struct seglog_reader *
reader_of(struct seglog_store store, const void *bytes, size_t len,
          bool salvage, uint64_t expect)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage,
                                                   .expect = expect };
    struct seglog_reader *reader;

    blob_write(store, "log", bytes, len);
    assert_ok(seglog_reader_open(store, "log", &options, &reader, NULL));
    return reader;
}

static struct seglog_store
memory_store(void)
{
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    return store;
}

static void
gap__of_any_kind__has_nothing_of_a_record(void **state)
{
    const struct slg_gap recorded = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                      .cause = SEGLOG_CAUSE_ZEROS,
                                      .count = 2,
                                      .lines = 2 };
    struct seglog_store store = memory_store();
    struct seglog_reader *reader;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    /* The beginning of a header. */
    reader = reader_of(store, forge.bytes, 20, true, 0);
    assert_gap(reader, "torn");
    assert_end(reader);
    seglog_reader_close(reader);
    reader = reader_of(store, forge.bytes, 20, true, 3);
    assert_gap(reader, "cut");
    assert_end(reader);
    seglog_reader_close(reader);
    /* A recorded one; a mark whose stretch is not what was written, in bytes
     * and in records; a damaged record; a torn tail. */
    forge_fill(&forge, 1, 40);
    (void)forge_gap(&forge, &recorded);
    const size_t unknown = forge.len;
    (void)forge_unknown(&forge, 10);
    const size_t behind = forge.len;
    forge_fill(&forge, 1, 40);
    forge.digest++;
    (void)forge_sync(&forge);
    forge_fill(&forge, 2, 40);
    memmove(forge.bytes + unknown, forge.bytes + behind, forge.len - behind);
    forge.len -= behind - unknown;
    forge.bytes[forge.len - 60] ^= 1;
    reader = reader_of(store, forge.bytes, forge.len - 10, true, 0);
    assert_records(reader, 1, 1);
    assert_gap(reader, "zeros");
    assert_records(reader, 4, 4);
    assert_gap(reader, "digest");
    assert_gap(reader, "shift");
    assert_gap(reader, "torn");
    assert_end(reader);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
gap__of_what_depends_on_a_loss__has_nothing_of_a_record(void **state)
{
    struct seglog_store store = memory_store();
    struct slg_header header = forge_header();
    struct seglog_reader *reader;
    struct seglog_event event;
    struct forge forge;

    (void)state;
    header.features_refuse = SLG_REFUSE_COMPRESSED;
    for (unsigned salvage = 0; salvage < 2; salvage++) {
        forge_start_with(&forge, &header);
        for (unsigned i = 0; i < 4; i++)
            (void)forge_deflated(&forge, "0123456789", 10);
        const size_t len = forge.len;
        (void)forge_deflated(&forge, "abcdefghij", 10);
        forge.bytes[forge.frames[1].offset + 9] ^= 1;
        reader = reader_of(store, forge.bytes, len, salvage != 0, 0);
        assert_records(reader, 1, 1);
        if (salvage == 0) {
            assert_code(seglog_reader_next(reader, &event, NULL),
                        SEGLOG_CORRUPT);
            blob_add(store, "log", forge.bytes + len, forge.len - len);
            assert_code(seglog_reader_next(reader, &event, NULL),
                        SEGLOG_CORRUPT);
        } else {
            assert_gap(reader, "checksum");
            assert_gap(reader, "depends-on");
            assert_end(reader);
            blob_add(store, "log", forge.bytes + len, forge.len - len);
            assert_gap(reader, "depends-on");
            assert_end(reader);
        }
        seglog_reader_close(reader);
        forge_free(&forge);
    }
    seglog_store_close(&store);
}

static void
describe__without_room__writes_nothing(void **state)
{
    struct seglog_store store = memory_store();
    struct seglog_reader *reader;
    struct forge forge;
    char text[100];

    (void)state;
    forge_ten(&forge, true);
    reader = reader_of(store, forge.bytes, forge.len, true, 0);
    memset(text, 'x', sizeof text);
    seglog_reader_describe(reader, text, 0);
    assert_int_equal(text[0], 'x');
    seglog_reader_describe(reader, NULL, 0);
    seglog_reader_describe(reader, text, 10);
    assert_string_equal(text, "salvaging");
    seglog_reader_describe(reader, text, sizeof text);
    assert_string_equal(text, "salvaging reader of log at record 1, offset 54");
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

/* Whatever comes between two calls of next, what was appended is news. */
static void
wait__behind_a_seek_without_a_header__is_over_when_there_is_one(void **state)
{
    struct seglog_store store = memory_store();
    struct seglog_reader *reader;
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    reader = reader_of(store, forge.bytes, 20, false, 0);
    assert_end(reader);
    assert_code(seglog_reader_wait(reader, 0, NULL), SEGLOG_END);
    blob_add(store, "log", forge.bytes + 20, forge.len - 20);
    assert_ok(seglog_reader_seek(reader, 4, NULL));
    assert_ok(seglog_reader_wait(reader, 0, NULL));
    assert_records(reader, 4, 10);
    assert_end(reader);
    seglog_reader_close(reader);
    forge_free(&forge);
    seglog_store_close(&store);
}

struct progress {
    uint64_t at[16];
    size_t count;
};

static void
on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct progress *progress = arg;

    assert_true(done <= total);
    assert_true(progress->count < COUNT_OF(progress->at));
    progress->at[progress->count++] = done;
}

static void
scan__of_nine_mib__tells_how_far_it_is_every_four(void **state)
{
    struct seglog_store store = memory_store();
    struct progress progress = { .count = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_progress = on_progress,
                                                 .arg = &progress };
    struct seglog_scan_summary summary;
    struct forge forge;

    (void)state;
    forge_start(&forge);
    /* Frames of 32 KiB: one begins exactly 4 MiB behind the first. */
    forge_fill(&forge, 9 * MIB / 32768, 32768 - 3 - 8 - 4);
    blob_write(store, "log", forge.bytes, forge.len);
    assert_ok(seglog_scan(store, "log", &options, &summary, NULL));
    assert_int_equal(progress.count, 4);
    assert_int_equal(progress.at[0], 54);
    assert_int_equal(progress.at[1], 54 + 4 * MIB);
    assert_int_equal(progress.at[2], 54 + 8 * MIB);
    assert_int_equal(progress.at[3], forge.len);
    forge_free(&forge);
    seglog_store_close(&store);
}

static void
summary__null__is_what_the_error_says(void **state)
{
    struct seglog_store store = memory_store();
    struct seglog_error err = { 0 };
    struct forge forge;

    (void)state;
    forge_ten(&forge, true);
    blob_write(store, "log", forge.bytes, forge.len);
    assert_code(seglog_scan(store, "log", NULL, NULL, &err), SEGLOG_INVALID);
    assert_non_null(strstr(err.message, "summary is NULL"));
    memset(&err, 0, sizeof err);
    assert_code(seglog_segment_get_summary(store, "log", NULL, &err),
                SEGLOG_INVALID);
    assert_non_null(strstr(err.message, "summary is NULL"));
    forge_free(&forge);
    seglog_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gap__of_any_kind__has_nothing_of_a_record),
        cmocka_unit_test(
            gap__of_what_depends_on_a_loss__has_nothing_of_a_record),
        cmocka_unit_test(describe__without_room__writes_nothing),
        cmocka_unit_test(
            wait__behind_a_seek_without_a_header__is_over_when_there_is_one),
        cmocka_unit_test(scan__of_nine_mib__tells_how_far_it_is_every_four),
        cmocka_unit_test(summary__null__is_what_the_error_says),
    };

    return cmocka_run_group_tests_name("segment/reader_events", tests, NULL,
                                       NULL);
}
