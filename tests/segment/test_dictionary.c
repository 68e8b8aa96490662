/* SPDX-License-Identifier: MIT */
/*
 * tests/segment/test_dictionary.c
 *
 * Goal    a segment that was made with a dictionary is read, gone on with and
 *         repaired as any other, by whoever has the dictionary; whoever has not
 *         is told its name, and gets no record.
 * Method  one segment for each codec, damaged in every bit; the dictionary
 *         taken away, damaged, put back.
 */
#include "tests/segment/writer_support.h"

#include <stdio.h>

#include "format/control.h"
#include "seglog/dictionary.h"
#include "seglog/testing/fault_store.h"
#include "src/codec/zrun.h"
#include "src/segment/segment_writer.h"

#define TEXT_ROOM 300u
#define RECORDS   40u

static enum seglog_codec codec;

static size_t
text_of(uint64_t number, char text[TEXT_ROOM])
{
    return (size_t)snprintf(
        text, TEXT_ROOM,
        "{\"when\":\"2024-05-01T12:%02u:%02uZ\",\"level\":\"info\",\"user\":"
        "\"%c%u\",\"message\":\"the request %u has been served in %u ms\"}",
        (unsigned)(number / 60 % 60), (unsigned)(number % 60),
        (int)('a' + number % 26), (unsigned)(number * 7919 % 1000),
        (unsigned)number, (unsigned)(number * 31 % 97));
}

/* Bytes like those of the records, but none of them. */
static void
dictionary_make(struct seglog_store store,
                char name[SEGLOG_DICTIONARY_NAME_BYTES])
{
    char bytes[8 * TEXT_ROOM];
    size_t len = 0;

    for (uint64_t n = 9000; n < 9008; n++)
        len += text_of(n, bytes + len);
    assert_ok(seglog_dictionary_put(store, bytes, len, name, NULL));
}

static struct seglog_writer_options
options_with(const char *dictionary)
{
    struct seglog_writer_options options = writer_options_fixed();

    options.codec = codec;
    options.sync_log2 = 9;
    options.dictionary = dictionary;
    return options;
}

static void
append_numbered(struct seglog_writer *writer, uint64_t number)
{
    char text[TEXT_ROOM];
    uint64_t got = 0;

    assert_ok(seglog_writer_append(writer, SEGLOG_TEXT, text,
                                   text_of(number, text), SEGLOG_LEVEL_FLUSH,
                                   &got, NULL));
    assert_int_equal(got, number);
}

static uint64_t
segment_make_with(struct seglog_store store, const char *name,
                  const char *dictionary, uint8_t sync_log2)
{
    struct seglog_writer_options options = options_with(dictionary);

    options.sync_log2 = sync_log2;
    struct seglog_writer *writer = writer_open_ok(store, name, &options);
    struct seglog_writer_state state;

    for (uint64_t n = 1; n <= RECORDS; n++)
        append_numbered(writer, n);
    seglog_writer_get_state(writer, &state);
    assert_ok(seglog_writer_close(writer, NULL));
    return state.end;
}

static uint64_t
segment_make(struct seglog_store store, const char *name,
             const char *dictionary)
{
    return segment_make_with(store, name, dictionary, 9);
}

/* Every record that comes is right; returns how many of 1 to last come. */
static uint64_t
read_all(struct seglog_store store, uint64_t last, bool salvage)
{
    const struct seglog_reader_options options = { .size = sizeof options,
                                                   .salvage = salvage };
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    uint64_t before = 0;
    uint64_t count = 0;
    seglog_code code = SEGLOG_OK;

    assert_ok(seglog_reader_open(store, "log", &options, &reader, NULL));
    while ((code = seglog_reader_next(reader, &event, NULL)) == SEGLOG_OK) {
        char text[TEXT_ROOM];

        if (event.type != SEGLOG_EVENT_RECORD)
            continue;
        assert_in_range(event.record.record_no, before + 1, last);
        before = event.record.record_no;
        assert_int_equal(event.record.len, text_of(before, text));
        assert_memory_equal(event.record.data, text, event.record.len);
        count++;
    }
    assert_code(code, SEGLOG_END);
    seglog_reader_close(reader);
    return count;
}

static void
check_segment(struct seglog_store store, uint64_t last)
{
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_event event;

    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_string_equal(seglog_verdict_name(summary.verdict), "OK");
    assert_int_equal(summary.records, last);
    assert_true(summary.compressed_frames > last / 4);
    assert_int_equal(read_all(store, last, false), last);
    assert_ok(seglog_reader_open(store, "log", NULL, &reader, NULL));
    for (uint64_t n = last; n > 0; n--) {
        assert_ok(seglog_reader_seek(reader, n, NULL));
        assert_ok(seglog_reader_next(reader, &event, NULL));
        assert_int_equal(event.record.record_no, n);
    }
    seglog_reader_close(reader);
}

static void
segment__made_with_one__is_smaller_and_comes_back(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_scan_summary summary;

    dictionary_make(store, name);
    assert_true(segment_make_with(store, "log", name, 16) <
                segment_make_with(store, "cold", NULL, 16));
    assert_ok(seglog_store_remove(store, "log", NULL));
    (void)segment_make(store, "log", name);
    check_segment(store, RECORDS);
    assert_ok(seglog_segment_get_summary(store, "log", &summary, NULL));
    assert_string_equal(seglog_verdict_name(summary.verdict), "OK");
    assert_int_equal(summary.next_record, RECORDS + 1);
    assert_true((summary.features_refuse & SLG_REFUSE_REFERS) != 0);
}

static void
writers__in_turns_and_reopened__go_on_with_it(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_writer_options options;
    struct seglog_writer *writers[3];
    uint64_t n = 1;

    dictionary_make(store, name);
    options = options_with(name);
    options.mode = SEGLOG_WRITER_SHARED;
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        writers[i] = writer_open_ok(store, "log", &options);
    /* An existing segment names its own. */
    options.dictionary = NULL;
    for (; n <= 120; n++) {
        struct seglog_writer **writer = &writers[n / 3 % COUNT_OF(writers)];

        append_numbered(*writer, n);
        if (n % 7 == 0) {
            assert_ok(seglog_writer_close(*writer, NULL));
            *writer = writer_open_ok(store, "log", &options);
        }
    }
    for (size_t i = 0; i < COUNT_OF(writers); i++)
        assert_ok(seglog_writer_close(writers[i], NULL));
    check_segment(store, 120);
}

static void
truncate__to_any_record__goes_on_with_it(void **state)
{
    (void)state;
    for (uint64_t next = 1; next <= 20; next++) {
        char name[SEGLOG_DICTIONARY_NAME_BYTES];
        struct seglog_writer_options options;
        struct seglog_item items[4];
        char texts[4][TEXT_ROOM];
        struct seglog_store store;

        assert_ok(seglog_store_memory_open(&store, NULL));
        dictionary_make(store, name);
        options = options_with(name);
        options.first_record = 1;
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        for (uint64_t n = 1; n <= 20; n += 4) {
            for (size_t i = 0; i < 4; i++)
                items[i] = (struct seglog_item){ SEGLOG_TEXT, texts[i],
                                                 text_of(n + i, texts[i]) };
            assert_ok(seglog_writer_append_group(
                writer, items, 4, SEGLOG_LEVEL_FLUSH, NULL, NULL));
        }
        assert_ok(seglog_writer_truncate(writer, next, NULL));
        for (uint64_t n = next; n <= 30; n++)
            append_numbered(writer, n);
        assert_ok(seglog_writer_truncate(writer, 1, NULL));
        for (uint64_t n = 1; n <= 30; n++)
            append_numbered(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
        check_segment(store, 30);
        seglog_store_close(&store);
    }
}

/* -- damage ---------------------------------------------------------------- */

static void
flip__any_single_bit__is_found_and_makes_no_wrong_record(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    size_t len = 0;

    dictionary_make(store, name);
    (void)segment_make(store, "log", name);
    uint8_t *bytes = blob_read(store, "log", &len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        struct seglog_scan_summary summary;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        blob_write(store, "log", bytes, len);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
        assert_string_equal(seglog_verdict_name(summary.verdict), "CORRUPT");
        assert_int_equal(read_all(store, RECORDS, true), summary.records);
        assert_int_equal(summary.records + summary.lost, RECORDS);
        /* The reference is there more than once. */
        if (bit / 8 < SLG_HEADER_BYTES + 2 + 18 + 37 + 4)
            assert_int_equal(summary.lost, 0);
    }
    free(bytes);
}

static void
header__lost__costs_nothing(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_scan_summary summary;
    size_t len = 0;

    dictionary_make(store, name);
    (void)segment_make(store, "log", name);
    uint8_t *bytes = blob_read(store, "log", &len);
    memset(bytes, 0x55, SLG_HEADER_BYTES);
    blob_write(store, "log", bytes, len);
    free(bytes);
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_true(summary.is_header_lost);
    assert_int_equal(summary.records, RECORDS);
    assert_int_equal(read_all(store, RECORDS, true), RECORDS);
}

/* Nobody knows which it was: what is compressed cannot be read. */
static void
references__all_lost__cost_what_is_compressed(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_scan_summary summary;
    size_t len = 0;

    dictionary_make(store, name);
    (void)segment_make(store, "log", name);
    uint8_t *bytes = blob_read(store, "log", &len);
    for (size_t at = 0; at + 60 < len; at++) {
        if (memcmp(bytes + at, name, 32) == 0)
            bytes[at] ^= 1;
    }
    blob_write(store, "log", bytes, len);
    free(bytes);
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_string_equal(seglog_verdict_name(summary.verdict), "CORRUPT");
    assert_int_equal(summary.records + summary.lost, RECORDS);
    assert_true(summary.lost > 0);
    assert_int_equal(read_all(store, RECORDS, true), summary.records);
}

/* -- the dictionary itself ------------------------------------------------- */

static void
assert_all_say(struct seglog_store store, seglog_code code, const char *name)
{
    struct seglog_scan_summary summary;
    struct seglog_reader *reader = NULL;
    struct seglog_writer *writer = NULL;
    struct seglog_error err = { 0 };

    assert_code(seglog_reader_open(store, "log", NULL, &reader, &err), code);
    assert_string_equal(err.name, name);
    memset(&err, 0, sizeof err);
    assert_code(seglog_scan(store, "log", NULL, &summary, &err), code);
    assert_string_equal(err.name, name);
    memset(&err, 0, sizeof err);
    assert_code(seglog_segment_get_summary(store, "log", &summary, &err), code);
    assert_string_equal(err.name, name);
    memset(&err, 0, sizeof err);
    assert_code(seglog_writer_open(store, "log", NULL, &writer, &err), code);
    assert_string_equal(err.name, name);
    memset(&err, 0, sizeof err);
    assert_code(
        seglog_repair(store, "log", store, "repaired", NULL, NULL, &err), code);
    assert_string_equal(err.name, name);
}

static void
dictionary__missing_or_damaged__is_named_by_everybody(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    char again[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_writer_options options;
    struct seglog_writer *writer = NULL;
    size_t len = 0;

    dictionary_make(store, name);
    (void)segment_make(store, "log", name);
    uint8_t *bytes = blob_read(store, name, &len);
    bytes[len / 2] ^= 1;
    blob_write(store, name, bytes, len);
    assert_all_say(store, SEGLOG_CORRUPT, name);
    blob_write(store, name, bytes, len - 1);
    assert_all_say(store, SEGLOG_CORRUPT, name);
    assert_ok(seglog_store_remove(store, name, NULL));
    assert_all_say(store, SEGLOG_CORRUPT, name);

    options = options_with(name);
    assert_code(seglog_writer_open(store, "other", &options, &writer, NULL),
                SEGLOG_NOT_FOUND);
    options.dictionary = "log";
    assert_code(seglog_writer_open(store, "other", &options, &writer, NULL),
                SEGLOG_INVALID);
    options.dictionary = name;
    options.codec = SEGLOG_CODEC_NONE;
    assert_code(seglog_writer_open(store, "other", &options, &writer, NULL),
                SEGLOG_INVALID);

    /* The same bytes have the same name, and heal what is damaged. */
    blob_write(store, name, bytes, len);
    bytes[len / 2] ^= 1;
    assert_ok(seglog_dictionary_put(store, bytes, len, again, NULL));
    assert_string_equal(again, name);
    free(bytes);
    check_segment(store, RECORDS);
}

static void
repair__to_another_store__needs_it_no_more(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_store other;
    size_t len = 0;

    dictionary_make(store, name);
    (void)segment_make(store, "log", name);
    uint8_t *bytes = blob_read(store, "log", &len);
    bytes[len - 100] ^= 1;
    blob_write(store, "log", bytes, len);
    free(bytes);
    assert_ok(seglog_store_memory_open(&other, NULL));
    assert_ok(seglog_repair(store, "log", other, "log", NULL, NULL, NULL));
    assert_true(read_all(other, RECORDS, false) > RECORDS / 2);
    seglog_store_close(&other);
}

/* Whoever created it got no further than the header. */
static void
reference__lost_in_the_creation__is_put_again(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_writer_options options;
    size_t len = 0;

    dictionary_make(store, name);
    for (size_t keep = SLG_HEADER_BYTES; keep < 80; keep += 13) {
        (void)segment_make(store, "log", name);
        uint8_t *bytes = blob_read(store, "log", &len);
        blob_write(store, "log", bytes, keep);
        free(bytes);
        options = options_with(name);
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);
        for (uint64_t n = 1; n <= RECORDS; n++)
            append_numbered(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
        check_segment(store, RECORDS);
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

/* -- training -------------------------------------------------------------- */

static void
train__from_segments__is_the_same_each_time_and_helps(void **state)
{
    const struct seglog_store store = store_of(state);
    const char *const names[] = { "a", "missing", "b" };
    const struct seglog_dictionary_options small = { .size = sizeof small,
                                                     .size_bytes = 4096 };
    char first[SEGLOG_DICTIONARY_NAME_BYTES];
    char again[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_writer_options options = options_with(NULL);
    size_t len = 0;

    if (!slg_zrun_is_there()) {
        assert_code(seglog_dictionary_train(store, names, 3, NULL, first, NULL),
                    SEGLOG_INVALID);
        return;
    }
    assert_code(seglog_dictionary_train(store, names, 3, NULL, first, NULL),
                SEGLOG_NOT_FOUND);
    for (size_t i = 0; i < 3; i += 2) {
        struct seglog_writer *writer =
            writer_open_ok(store, names[i], &options);

        for (uint64_t n = 1; n <= 600; n++)
            append_numbered(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
    }
    assert_ok(seglog_dictionary_train(store, names, 3, &small, first, NULL));
    assert_ok(seglog_dictionary_train(store, names, 3, &small, again, NULL));
    assert_string_equal(first, again);
    free(blob_read(store, first, &len));
    assert_in_range(len, 1024, 4096);
    assert_true(segment_make_with(store, "log", first, 16) <
                segment_make_with(store, "cold", NULL, 16));
    check_segment(store, RECORDS);
    /* Made with one itself, it can be learned from. */
    const char *const made[] = { "log", "a" };
    assert_ok(seglog_dictionary_train(store, made, 2, &small, again, NULL));
}

static void
train_segments_make(struct seglog_store store)
{
    static const char *const names[] = { "a", "b" };
    struct seglog_writer_options options = options_with(NULL);

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct seglog_writer *writer =
            writer_open_ok(store, names[i], &options);

        for (uint64_t n = 1; n <= 600; n++)
            append_numbered(writer, n);
        assert_ok(seglog_writer_close(writer, NULL));
    }
}

static const struct seglog_dictionary_options small_dictionary = {
    .size = sizeof small_dictionary, .size_bytes = 4096
};

static void
train__one_is_damaged__learns_from_the_rest(void **state)
{
    const struct seglog_store store = store_of(state);
    const char *const names[] = { "a", "b", "none" };
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    size_t len = 0;

    if (!slg_zrun_is_there())
        return;
    train_segments_make(store);
    uint8_t *bytes = blob_read(store, "b", &len);
    bytes[len / 2] ^= 1;
    blob_write(store, "b", bytes, len);
    blob_write(store, "none", (const uint8_t *)"no segment at all", 17);
    free(bytes);
    assert_ok(seglog_dictionary_train(store, names, 3, &small_dictionary, name,
                                      NULL));
    /* Of one alone what is sound is learned from as well. */
    assert_ok(seglog_dictionary_train(store, names + 1, 1, &small_dictionary,
                                      name, NULL));
    assert_code(seglog_dictionary_train(store, names + 2, 1, &small_dictionary,
                                        name, NULL),
                SEGLOG_FORMAT);
}

/* It might be read the next time, and what is learned would be another. */
static void
check_each_read_fails(struct seglog_store store, bool for_good)
{
    const char *const names[] = { "a", "b" };
    struct seglog_faults *faults = seglog_faults_new(store);
    const struct seglog_store failing = seglog_faults_store(faults);
    char whole[SEGLOG_DICTIONARY_NAME_BYTES];
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    uint64_t reads = 0;
    unsigned failed = 0;

    assert_non_null(faults);
    assert_ok(seglog_dictionary_train(failing, names, 2, &small_dictionary,
                                      whole, NULL));
    reads = seglog_faults_get_count(faults, SEGLOG_FAULT_READ);
    for (uint64_t at = 1; at <= reads; at++) {
        seglog_code code = SEGLOG_OK;

        const struct seglog_fault fault = {
            .ops = SEGLOG_FAULT_BIT(SEGLOG_FAULT_READ),
            .at = at,
            .from_then_on = for_good,
        };

        assert_true(seglog_faults_add(faults, &fault));
        code = seglog_dictionary_train(failing, names, 2, &small_dictionary,
                                       name, NULL);
        failed += code == SEGLOG_IO;
        if (code == SEGLOG_OK)
            assert_string_equal(name, whole);
        else
            assert_code(code, SEGLOG_IO);
        seglog_faults_clear(faults);
    }
    assert_in_range(failed, 4, reads);
    seglog_faults_free(faults);
}

static void
train__a_read_fails__so_does_it(void **state)
{
    const struct seglog_store store = store_of(state);
    size_t len = 0;

    if (!slg_zrun_is_there())
        return;
    train_segments_make(store);
    check_each_read_fails(store, false);
    check_each_read_fails(store, true);
    uint8_t *bytes = blob_read(store, "b", &len);
    bytes[len / 4] ^= 1;
    blob_write(store, "b", bytes, len);
    free(bytes);
    check_each_read_fails(store, false);
    check_each_read_fails(store, true);
}

static void
train__of_too_little_or_nothing__is_said(void **state)
{
    const struct seglog_store store = store_of(state);
    const char *const names[] = { "log" };
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_writer_options options = options_with(NULL);
    struct seglog_dictionary_options wrong = { .size = sizeof wrong,
                                               .size_bytes = 1 << 21 };

    if (!slg_zrun_is_there())
        return;
    struct seglog_writer *writer = writer_open_ok(store, "log", &options);
    append_numbered(writer, 1);
    assert_ok(seglog_writer_close(writer, NULL));
    assert_code(seglog_dictionary_train(store, names, 1, NULL, name, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_dictionary_train(store, names, 0, NULL, name, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_dictionary_train(store, names, 1, &wrong, name, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_dictionary_put(store, names, 0, name, NULL),
                SEGLOG_INVALID);
}

/* A sync point takes its reference with it, and both must fit. */
static void
append__any_length__stays_inside_the_buffer(void **state)
{
    static const char zeros[1500];
    const struct seglog_store store = store_of(state);
    char dictionary[SEGLOG_DICTIONARY_NAME_BYTES];

    dictionary_make(store, dictionary);
    const struct seglog_writer_options options = options_with(dictionary);
    for (size_t len = 1; len < sizeof zeros; len += 3) {
        struct seglog_writer *writer = writer_open_ok(store, "log", &options);

        for (unsigned i = 0; i < 12; i++) {
            assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, zeros, len,
                                           SEGLOG_LEVEL_APPEND, NULL, NULL));
            assert_in_range(writer->frames.len, 0, writer->frames.cap);
        }
        assert_ok(seglog_writer_close(writer, NULL));
        assert_ok(seglog_store_remove(store, "log", NULL));
    }
}

/* What one compresses by the dictionary the other one has to read. */
static void
writers__second_opened_before_any_record__both_go_on_with_it(void **state)
{
    const struct seglog_store store = store_of(state);
    char dictionary[SEGLOG_DICTIONARY_NAME_BYTES];
    struct seglog_scan_summary summary;

    dictionary_make(store, dictionary);
    struct seglog_writer_options options = options_with(dictionary);
    options.mode = SEGLOG_WRITER_SHARED;
    options.sync_log2 = 16;
    struct seglog_writer *first = writer_open_ok(store, "log", &options);
    struct seglog_writer *second = writer_open_ok(store, "log", &options);
    append_numbered(second, 1);
    append_numbered(first, 2);
    append_numbered(second, 3);
    append_numbered(first, 4);
    assert_ok(seglog_writer_close(second, NULL));
    assert_ok(seglog_writer_close(first, NULL));
    assert_ok(seglog_scan(store, "log", NULL, &summary, NULL));
    assert_int_equal(summary.records, 4);
    assert_int_equal(summary.verdict, SEGLOG_VERDICT_OK);
}

static void
put__store_cannot_cut__keeps_it_also_where_a_part_was_left(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_around(store);
    const struct seglog_store uncut = seglog_faults_store(faulty);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    char part[sizeof name + sizeof ".new"];
    struct seglog_blob_info info;

    seglog_faults_hide(faulty, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    assert_ok(seglog_dictionary_put(uncut, "abcdef", 6, name, NULL));
    assert_ok(seglog_store_remove(store, name, NULL));
    (void)snprintf(part, sizeof part, "%s.new", name);
    blob_write(store, part, (const uint8_t *)"ab", 2);
    assert_ok(seglog_dictionary_put(uncut, "abcdef", 6, name, NULL));
    assert_ok(seglog_store_get_info(store, name, &info, NULL));
    assert_code(seglog_store_get_info(store, part, &info, NULL),
                SEGLOG_NOT_FOUND);
    seglog_faults_free(faulty);
}

static void
load__of_any_other_name__is_refused(void **state)
{
    static const char *const names[] = {
        "",
        "0123456789abcdef0123456789abcdef.dic",
        "0123456789abcdef0123456789abcdeg.dict",
        "0123456789abcdef0123456789abcdef.dicu",
        "0123456789abcdef0123456789abcdef0dict",
    };
    const struct seglog_store store = store_of(state);
    struct slg_dictionary *dictionary = NULL;

    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_code(
            slg_dictionary_load(store, names[i], NULL, &dictionary, NULL),
            SEGLOG_INVALID);
    assert_null(dictionary);
}

static void
load__of_more_than_a_dictionary_may_have__is_corrupt(void **state)
{
    static const char name[] = "0123456789abcdef0123456789abcdef.dict";
    const struct seglog_store store = store_of(state);
    struct slg_dictionary *dictionary = NULL;
    uint8_t *bytes = calloc(1, SEGLOG_DICTIONARY_MAX + 1);

    assert_non_null(bytes);
    blob_write(store, name, bytes, SEGLOG_DICTIONARY_MAX + 1);
    assert_code(slg_dictionary_load(store, name, NULL, &dictionary, NULL),
                SEGLOG_CORRUPT);
    free(bytes);
}

static void
put__of_nothing_or_too_much__is_refused(void **state)
{
    const struct seglog_store store = store_of(state);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    uint8_t *bytes = calloc(1, SEGLOG_DICTIONARY_MAX + 1);

    assert_non_null(bytes);
    assert_code(seglog_dictionary_put(store, NULL, 5, name, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_dictionary_put(store, bytes, 5, NULL, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_dictionary_put(store, bytes, 0, name, NULL),
                SEGLOG_INVALID);
    assert_code(seglog_dictionary_put(store, bytes, SEGLOG_DICTIONARY_MAX + 1,
                                      name, NULL),
                SEGLOG_INVALID);
    assert_ok(
        seglog_dictionary_put(store, bytes, SEGLOG_DICTIONARY_MAX, name, NULL));
    free(bytes);
}

static void
put__part_cannot_be_cut_or_removed__fails(void **state)
{
    const struct seglog_store store = store_of(state);
    struct seglog_faults *faulty = faulty_around(store);
    const struct seglog_store uncut = seglog_faults_store(faulty);
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    char part[sizeof name + sizeof ".new"];

    seglog_faults_watch(faulty, NULL);
    seglog_faults_hide(faulty, SEGLOG_FAULT_BIT(SEGLOG_FAULT_TRUNCATE));
    assert_ok(seglog_dictionary_put(store, "ghijkl", 6, name, NULL));
    assert_ok(seglog_store_remove(store, name, NULL));
    (void)snprintf(part, sizeof part, "%s.new", name);
    blob_write(store, part, (const uint8_t *)"ab", 2);
    assert_true(seglog_faults_fail(faulty, SEGLOG_FAULT_REMOVE, 1, SEGLOG_IO));
    assert_code(seglog_dictionary_put(uncut, "ghijkl", 6, name, NULL),
                SEGLOG_IO);
    seglog_faults_free(faulty);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        on_memory(load__of_any_other_name__is_refused),
        on_memory(load__of_more_than_a_dictionary_may_have__is_corrupt),
        on_memory(put__of_nothing_or_too_much__is_refused),
        on_memory(put__part_cannot_be_cut_or_removed__fails),
        on_memory(segment__made_with_one__is_smaller_and_comes_back),
        on_memory(writers__in_turns_and_reopened__go_on_with_it),
        on_file(writers__in_turns_and_reopened__go_on_with_it),
        cmocka_unit_test(truncate__to_any_record__goes_on_with_it),
        on_memory(flip__any_single_bit__is_found_and_makes_no_wrong_record),
        on_memory(header__lost__costs_nothing),
        on_memory(references__all_lost__cost_what_is_compressed),
        on_memory(dictionary__missing_or_damaged__is_named_by_everybody),
        on_memory(repair__to_another_store__needs_it_no_more),
        on_memory(reference__lost_in_the_creation__is_put_again),
        on_memory(writers__second_opened_before_any_record__both_go_on_with_it),
        on_memory(append__any_length__stays_inside_the_buffer),
        on_memory(put__store_cannot_cut__keeps_it_also_where_a_part_was_left),
        on_memory(train__from_segments__is_the_same_each_time_and_helps),
        on_memory(train__one_is_damaged__learns_from_the_rest),
        on_memory(train__a_read_fails__so_does_it),
        on_memory(train__of_too_little_or_nothing__is_said),
    };
    static const struct {
        enum seglog_codec codec;
        const char *name;
    } rounds[] = {
        { SEGLOG_CODEC_DEFLATE, "segment/dictionary deflate" },
        { SEGLOG_CODEC_ZSTD, "segment/dictionary zstd" },
        { SEGLOG_CODEC_AUTO, "segment/dictionary auto" },
    };
    int failed = 0;

    for (size_t i = 0; i < COUNT_OF(rounds); i++) {
        codec = rounds[i].codec;
        if (codec != SEGLOG_CODEC_ZSTD || slg_zrun_is_there())
            failed +=
                cmocka_run_group_tests_name(rounds[i].name, tests, NULL, NULL);
    }
    return failed;
}
